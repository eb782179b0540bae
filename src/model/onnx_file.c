/* Owns: opening models, external data. Not: what is sound (onnx_check.c). */
#include "model/onnx_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "model/onnx_check.h"
#include "model/onnx_tensor.h"

void leati_onnx_close(leati_onnx *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->beside_count; i++) {
        leati_free(file->beside[i].location);
        leati_bytes_release(&file->beside[i].bytes);
    }
    leati_free(file->beside);
    leati_free(file->path);
    leati_arena_fini(&file->arena);
    leati_bytes_release(&file->bytes);
    leati_free(file);
}

static leat_status decode_model(leat_context *c, leati_onnx *file, leati_pb_bytes bytes)
{
    void *model;
    leat_status st = leati_pb_decode(&file->arena, &leati_onnx_model_pb, bytes, &model);
    if (st == LEAT_FORMAT)
        leati_error_hint(c, "It is no ONNX model, or a damaged one: copy or export it again.");
    LEATI_TRY(st);
    file->model = model;
    LEATI_CHECK(c, file->model->graph, LEAT_FORMAT, "it holds no graph: it is no ONNX model");
    return leati_onnx_check(c, file->model);
}

leat_status leati_onnx_parse(leat_context *c, leati_onnx **out, const void *data, size_t size,
                             const char *name)
{
    *out = NULL;
    leati_onnx *file = LEATI_NEW(c, leati_onnx, 1);
    if (!file) return leat_error_status(c);
    leati_arena_init(&file->arena, c);
    leat_status st = decode_model(c, file, (leati_pb_bytes){data, size});
    if (st != LEAT_OK) {
        leati_onnx_close(file);
        return leati_error_within(c, "%s", name);
    }
    *out = file;
    return LEAT_OK;
}

leat_status leati_onnx_open(leat_context *c, leati_onnx **out, const char *path)
{
    leat_status st;
    leati_bytes bytes;
    *out = NULL;
    LEATI_TRY(leati_file_read(c, &bytes, path));
    LEATI_GO(leati_onnx_parse(c, out, bytes.data, bytes.size, path));
    (*out)->path = leati_strdup(c, path);
    if (!(*out)->path) {
        leati_onnx_close(*out);
        *out = NULL;
        st = leat_error_status(c);
        goto out;
    }
    (*out)->bytes = bytes;
    return LEAT_OK;
out:
    leati_bytes_release(&bytes);
    return st;
}

/* Whether `inner` lies below the folder of `file`; both without links. */
static bool is_beside(const char *inner, const char *file)
{
    const char *slash = strrchr(file, '/');
    size_t n = slash ? (size_t)(slash - file) + 1 : 0;
    return n && strncmp(inner, file, n) == 0;
}

/* "weights/a.bin" yes; "", "/a", "a//b", "./a", "../a" no. */
static bool is_plain_path(const char *location)
{
    for (const char *part = location;;) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
            return false;
        if (!part[n]) return true;
        part += n + 1;
    }
}

/* `location` beside the model as a path that can be read; leati_free. */
static leat_status find_beside(leat_context *c, const leati_onnx *file, const char *location,
                               char **out)
{
    struct stat info;
    leati_str near;
    char *real = NULL, *model = NULL;
    leat_status st = LEAT_OK;
    LEATI_CHECK(c, file->path, LEAT_UNSUPPORTED,
                "its data are in a file beside the model, %s, and only the model itself was handed "
                "over; leat import, where both files are, makes one of them",
                location);
    LEATI_CHECK(c, is_plain_path(location), LEAT_INVALID,
                "data in the file %s are refused: only files in the folder of the model are read, "
                "without . and ..",
                location);
    leati_str_init(&near, c);
    leati_str_addn(&near, file->path, (size_t)(leati_path_base(file->path) - file->path));
    leati_str_add(&near, location);
    LEATI_GO(leati_str_status(&near));
    if (!(real = realpath(near.text, NULL)) || stat(real, &info) != 0 || !S_ISREG(info.st_mode)) {
        st = LEATI_FAIL(c, LEAT_NOT_FOUND,
                        "the data are in %s, which is not a file that can be read; copy it beside "
                        "the model",
                        near.text);
        goto out;
    }
    /* The folder itself, then that of the file a linked model stands for. */
    leati_str_clear(&near);
    leati_str_addn(&near, file->path, (size_t)(leati_path_base(file->path) - file->path));
    leati_str_add(&near, ".");
    LEATI_GO(leati_str_status(&near));
    char *folder = realpath(near.text, NULL);
    size_t n = folder ? strlen(folder) : 0;
    bool inside = n && strncmp(real, folder, n) == 0 && (real[n] == '/' || folder[n - 1] == '/');
    free(folder);
    model = inside ? NULL : realpath(file->path, NULL);
    if (!inside && !(model && is_beside(real, model)))
        st = LEATI_FAIL(c, LEAT_INVALID,
                        "data in the file %s are refused: it is a link out of the model's folder",
                        location);
    else if (!(*out = leati_strdup(c, real))) st = leat_error_status(c);
out:
    free(model);
    free(real);
    leati_str_fini(&near);
    return st;
}

/* The mapped file of that location. */
static leat_status map_beside(leat_context *c, leati_onnx *file, const char *location,
                              leati_bytes *out)
{
    char *path = NULL;
    for (size_t i = 0; i < file->beside_count; i++) {
        if (strcmp(file->beside[i].location, location) == 0) {
            *out = file->beside[i].bytes;
            return LEAT_OK;
        }
    }
    LEATI_TRY(leati_grow(c, &file->beside, &file->beside_capacity, file->beside_count + 1,
                         sizeof *file->beside));
    leati_onnx_beside *b = &file->beside[file->beside_count];
    LEATI_TRY(find_beside(c, file, location, &path));
    leat_status st = leati_file_read(c, &b->bytes, path);
    leati_free(path);
    LEATI_TRY(st);
    if (!(b->location = leati_strdup(c, location))) {
        leati_bytes_release(&b->bytes);
        return leat_error_status(c);
    }
    file->beside_count++;
    *out = b->bytes;
    return LEAT_OK;
}

/* A whole number of external_data; false if there is none of that key. */
static bool find_number(const leati_onnx_tensor *t, const char *key, bool *bad, size_t *value)
{
    for (size_t i = 0; i < t->external_data.count; i++) {
        const leati_onnx_entry *e = &t->external_data.at[i];
        int64_t n;
        if (strcmp(e->key, key) != 0) continue;
        if (!leati_int_parse(e->value, strlen(e->value), &n) || n < 0) *bad = true;
        else *value = (size_t)n;
        return true;
    }
    return false;
}

static leat_status external_data(leat_context *c, leati_onnx *file, const leati_onnx_tensor *t,
                                 leati_pb_bytes *out)
{
    leati_bytes bytes = {0};
    size_t count, at = 0, length;
    const char *location = "";
    bool bad = false;
    LEATI_TRY(leati_onnx_tensor_count(c, t, &count));
    size_t want = leati_onnx_bytes(t->data_type, count);
    length = want;
    for (size_t i = 0; i < t->external_data.count; i++)
        if (strcmp(t->external_data.at[i].key, "location") == 0)
            location = t->external_data.at[i].value;
    find_number(t, "offset", &bad, &at);
    find_number(t, "length", &bad, &length);
    LEATI_CHECK(c, !bad, LEAT_FORMAT, "offset and length in %s must be whole numbers", location);
    LEATI_CHECK(c, length == want, LEAT_FORMAT,
                "%zu bytes of %s are announced, but the dimensions say %zu", length, location,
                want);
    LEATI_TRY(map_beside(c, file, location, &bytes));
    LEATI_CHECK(c, at <= bytes.size && length <= bytes.size - at, LEAT_FORMAT,
                "its place in %s, %zu bytes at %zu, is outside the file of %zu bytes", location,
                length, at, bytes.size);
    *out = (leati_pb_bytes){length ? bytes.data + at : NULL, length};
    return LEAT_OK;
}

leat_status leati_onnx_tensor_data(leat_context *c, leati_onnx *file, const leati_onnx_tensor *t,
                                   leati_pb_bytes *out)
{
    *out = (leati_pb_bytes){NULL, 0};
    if (!leati_onnx_tensor_is_external(t)) {
        if (t->data_type != LEATI_ONNX_STRING) *out = t->raw_data;
        return LEAT_OK;
    }
    leat_status st = external_data(c, file, t, out);
    return st == LEAT_OK ? st : leati_error_within(c, "tensor %s", t->name);
}

leat_status leati_onnx_tensor_load(leat_context *c, leati_onnx *file, const leati_onnx_tensor *t,
                                   void *out, size_t bytes)
{
    leati_pb_bytes data;
    if (!leati_onnx_tensor_is_external(t)) return leati_onnx_tensor_read(c, t, out, bytes);
    LEATI_TRY(leati_onnx_tensor_data(c, file, t, &data));
    LEATI_BUG_IF(c, data.size != bytes);
    if (bytes) memcpy(out, data.data, bytes);
    if (t->data_type == LEATI_ONNX_BOOL) leati_onnx_normalise_bools(out, bytes);
    return LEAT_OK;
}
