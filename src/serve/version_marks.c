/* Owns: the file .versions of a folder of models, {"iris": 3}. */
#include "serve/version_marks.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

enum { MOST_VERSION = 999999999, MOST_NAMES = 65536, MOST_BYTES = 1 << 24 };

/* What is no such file marks nothing: whoever damaged it has the numbers begin anew. */
static json_t *read_marks(leat_context *c, const char *path)
{
    leati_bytes bytes;
    struct stat info;
    json_t *marks = NULL;
    bool sound = stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= MOST_BYTES;
    if (sound && leati_file_read(c, &bytes, path) == LEAT_OK) {
        marks = json_loadb(bytes.data, bytes.size, 0, NULL);
        leati_bytes_release(&bytes);
    }
    leat_error_clear(c);
    if (json_is_object(marks)) return marks;
    json_decref(marks);
    return json_object();
}

static uint32_t mark_of(const json_t *marks, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(marks, name));
    return n > 0 && n < MOST_VERSION ? (uint32_t)n : 0;
}

uint32_t leati_version_mark(leat_context *c, const char *folder, const char *name)
{
    char *path = leati_path_join(c, folder, ".versions");
    json_t *marks = path ? read_marks(c, path) : NULL;
    uint32_t mark = mark_of(marks, name);
    json_decref(marks);
    leati_free(path);
    leat_error_clear(c);
    return mark;
}

/* Who may upload can make names without end. */
static void make_room(json_t *marks)
{
    while (json_object_size(marks) > MOST_NAMES)
        json_object_del(marks, json_object_iter_key(json_object_iter(marks)));
}

bool leati_version_mark_raise(leat_context *c, const char *folder, const char *name,
                              uint32_t version)
{
    char *path = leati_path_join(c, folder, ".versions");
    json_t *marks = path ? read_marks(c, path) : NULL;
    bool known = marks && mark_of(marks, name) >= version, written = false;
    if (marks && !known && json_object_set_new(marks, name, json_integer(version)) == 0) {
        make_room(marks);
        char *text = json_dumps(marks, JSON_INDENT(1) | JSON_SORT_KEYS);
        written = text && leati_file_write(c, path, text, strlen(text)) == LEAT_OK;
        free(text);
    }
    json_decref(marks);
    leati_free(path);
    leat_error_clear(c);
    return known || written;
}
