/* Owns: opening inputs and giving out their bytes. Not: the unpacking (unpack.c), formats.
 *
 * Regular files are read by pread into buffers of the reader: nothing is mapped, so a file that
 * shrinks meanwhile is an error and not a signal, and memory does not grow with the file. */
#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/unpack.h"

enum { HEAD = 4096 };

struct leati_source {
    char *name;
    const char *compression;
    int fd;           /* of a regular file, else -1 */
    size_t size;      /* of the content */
    const char *data; /* the whole content, padded; NULL: read from fd */
    char *owned;      /* the block behind data, if it is ours */
    size_t head_length;
    char head[HEAD + LEATI_SOURCE_PAD];
};

static leat_status source_new(leat_context *c, leati_source **out, const char *name)
{
    leati_source *s = *out = leati_calloc(c, 1, sizeof *s);
    if (!s) return leat_error_status(c);
    s->fd = -1;
    s->compression = "";
    s->name = leati_strdup(c, strcmp(name, "-") == 0 ? "standard input" : name);
    if (s->name) return LEAT_OK;
    leati_source_close(s);
    *out = NULL;
    return leat_error_status(c);
}

void leati_source_close(leati_source *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    leati_free(s->owned);
    leati_free(s->name);
    leati_free(s);
}

static void set_head(leati_source *s, const char *data, size_t size)
{
    s->head_length = size < HEAD ? size : HEAD;
    memset(s->head, 0, sizeof s->head);
    if (s->head_length) memcpy(s->head, data, s->head_length);
}

/* Reads until `want` bytes or the end. */
static bool read_at(int fd, char *to, size_t offset, size_t want, size_t *got)
{
    *got = 0;
    while (*got < want) {
        ssize_t n = pread(fd, to + *got, want - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        if (n == 0) break;
        *got += (size_t)n;
    }
    return true;
}

/* Replaces packed content by what was packed. Concatenated members are one content. */
static leat_status unpack(leat_context *c, leati_source *s, const leati_bytes *packed)
{
    const char *kind = leati_packing(packed->data, packed->size);
    if (!kind) return LEAT_OK;
    leati_free(s->owned);
    s->owned = NULL;
    s->compression = kind;
    leat_status st = leati_unpack(c, &s->owned, &s->size, packed->data, packed->size);
    if (st != LEAT_OK) return leati_error_within(c, "%s", s->name);
    s->data = s->owned;
    set_head(s, s->data, s->size);
    return LEAT_OK;
}

static leat_status open_regular(leat_context *c, leati_source *s, const char *path, size_t size)
{
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    s->size = size;
    size_t got = 0;
    if (s->fd < 0 || !read_at(s->fd, s->head, 0, size < HEAD ? size : HEAD, &got))
        return LEATI_FAIL(c, LEAT_IO, "cannot read %s: %s", path, strerror(errno));
    s->head_length = got;
    if (!leati_packing(s->head, got)) return LEAT_OK;
    leati_bytes packed;
    LEATI_TRY(leati_file_read(c, &packed, path));
    leat_status st = unpack(c, s, &packed);
    leati_bytes_release(&packed);
    return st;
}

/* Pipes: all of it is kept, for it cannot be read twice. */
static leat_status open_stream(leat_context *c, leati_source *s, const char *path)
{
    leati_bytes all;
    LEATI_TRY(leati_file_read(c, &all, path));
    leat_status st;
    if (leati_packing(all.data, all.size)) {
        st = unpack(c, s, &all);
    } else {
        s->owned = leati_alloc(c, all.size + LEATI_SOURCE_PAD);
        st = s->owned ? LEAT_OK : leat_error_status(c);
        if (s->owned) {
            if (all.size) memcpy(s->owned, all.data, all.size);
            memset(s->owned + all.size, 0, LEATI_SOURCE_PAD);
            s->data = s->owned;
            s->size = all.size;
            set_head(s, s->data, s->size);
        }
    }
    leati_bytes_release(&all);
    return st;
}

leat_status leati_source_open(leat_context *c, leati_source **out, const char *path)
{
    struct stat info;
    leati_source *s;
    LEATI_TRY(source_new(c, &s, path));
    leat_status st;
    bool named = strcmp(path, "-") != 0 && stat(path, &info) == 0;
    if (named && S_ISREG(info.st_mode)) st = open_regular(c, s, path, (size_t)info.st_size);
    else st = open_stream(c, s, path);
    if (st != LEAT_OK) {
        leati_source_close(s);
        s = NULL;
    }
    *out = s;
    return st;
}

leat_status leati_source_memory(leat_context *c, leati_source **out, const void *data, size_t size,
                                const char *name)
{
    leati_source *s;
    leati_bytes bytes = {.data = data, .size = size};
    LEATI_TRY(source_new(c, &s, name));
    *out = NULL;
    leat_status st;
    if (leati_packing(data, size)) {
        st = unpack(c, s, &bytes);
    } else {
        s->owned = leati_alloc(c, size + LEATI_SOURCE_PAD);
        st = s->owned ? LEAT_OK : leat_error_status(c);
    }
    if (st != LEAT_OK) {
        leati_source_close(s);
        return st;
    }
    if (!s->data) {
        if (size) memcpy(s->owned, data, size);
        memset(s->owned + size, 0, LEATI_SOURCE_PAD);
        s->data = s->owned;
        s->size = size;
        set_head(s, s->data, size);
    }
    *out = s;
    return LEAT_OK;
}

const char *leati_source_name(const leati_source *s)
{
    return s->name;
}

const char *leati_source_compression(const leati_source *s)
{
    return s->compression;
}

bool leati_source_is_file(const leati_source *s)
{
    return s->fd >= 0 && !s->data;
}

size_t leati_source_size(const leati_source *s)
{
    return s->size;
}

const char *leati_source_head(const leati_source *s, size_t *length)
{
    *length = s->head_length;
    return s->head;
}

leat_status leati_source_bytes(leat_context *c, leati_source *s, const char **data)
{
    if (!s->data) {
        size_t got;
        s->owned = leati_alloc(c, s->size + LEATI_SOURCE_PAD);
        if (!s->owned) return leat_error_status(c);
        if (!read_at(s->fd, s->owned, 0, s->size, &got) || got < s->size) {
            leati_free(s->owned);
            s->owned = NULL;
            return LEATI_FAIL(c, LEAT_IO, "cannot read all of %s", s->name);
        }
        memset(s->owned + s->size, 0, LEATI_SOURCE_PAD);
        s->data = s->owned;
    }
    *data = s->data;
    return LEAT_OK;
}

void leati_source_replace(leati_source *s, char *data, size_t size)
{
    leati_free(s->owned);
    s->owned = data;
    s->data = data;
    s->size = size;
    set_head(s, data, size);
}

leat_status leati_source_view(const leat_context *c, const leati_source *s, leati_view *v,
                              size_t offset, size_t size)
{
    if (offset > s->size) offset = s->size;
    if (size > s->size - offset) size = s->size - offset;
    v->offset = offset;
    v->size = size;
    if (s->data) {
        /* Behind a piece from the middle stands the rest of the content: as good as padding. */
        v->data = s->data + offset;
        return LEAT_OK;
    }
    if (size + LEATI_SOURCE_PAD > v->capacity) {
        leati_free(v->buffer);
        v->capacity = size + size / 4 + LEATI_SOURCE_PAD;
        v->buffer = leati_alloc_quiet(c, v->capacity);
        if (!v->buffer) {
            *v = (leati_view){0};
            return LEAT_NOMEM;
        }
    }
    size_t got;
    if (!read_at(s->fd, v->buffer, offset, size, &got) || got < size) return LEAT_IO;
    memset(v->buffer + size, 0, LEATI_SOURCE_PAD);
    v->data = v->buffer;
    return LEAT_OK;
}

void leati_view_fini(leati_view *v)
{
    leati_free(v->buffer);
    *v = (leati_view){0};
}
