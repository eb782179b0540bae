/* Owns: which file an output goes to, and its elements there. Not: the format (tensor/npy.c). */
#include "onnx/npy_written.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "frame/foreign.h"

typedef struct writing {
    leat_context *context;
    leati_arena *arena;
    const char *folder;
    leati_npy_files *files;
    const leati_oval **value; /* per file */
    const char **name;        /* per file: what it would be called */
    leati_map names;          /* that are taken */
} writing;

/* ---- names ------------------------------------------------------------------------------------
 */

enum { NAME_MOST = 100, NAME_SIZE = NAME_MOST + 24 };

/* Whether the name stays as it is. */
static bool clean(const char *name, char out[NAME_SIZE])
{
    size_t n = 0;
    for (; name[n] && n < NAME_MOST; n++)
        out[n] = isalnum((unsigned char)name[n]) || name[n] == '-' ? name[n] : '_';
    out[n] = '\0';
    return strcmp(out, name) == 0;
}

/* False: another file has the name. */
static bool take(writing *w, const char *name, leat_status *st)
{
    size_t before = w->names.count;
    if (leati_map_put(&w->names, name, strlen(name)) == LEATI_MAP_NONE)
        *st = leat_error_status(w->context);
    return *st == LEAT_OK && w->names.count > before;
}

static leat_status set_path(writing *w, leati_npy_file *f, const char *name)
{
    char file[NAME_SIZE + sizeof ".npy"];
    snprintf(file, sizeof file, "%s.npy", name);
    char *path = leati_path_join(w->context, w->folder, file);
    f->path = path ? leati_arena_strdup(w->arena, path) : NULL;
    leati_free(path);
    return f->path ? LEAT_OK : leat_error_status(w->context);
}

static leat_status name_file(writing *w, size_t at)
{
    char name[NAME_SIZE];
    leat_status st = LEAT_OK;
    clean(w->name[at], name);
    size_t n = strlen(name);
    for (size_t i = 2; !take(w, name, &st) && st == LEAT_OK; i++)
        snprintf(name + n, sizeof name - n, "_%zu", i);
    return st == LEAT_OK ? set_path(w, &w->files->at[at], name) : st;
}

/* Names that stay as they are come first, so that these are found where they are looked for. */
static leat_status name_files(writing *w)
{
    char name[NAME_SIZE];
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < w->files->count; i++)
        if (clean(w->name[i], name) && w->name[i] == w->files->at[i].output && take(w, name, &st))
            st = set_path(w, &w->files->at[i], name);
    for (size_t i = 0; st == LEAT_OK && i < w->files->count; i++)
        if (!w->files->at[i].path) st = name_file(w, i);
    return st;
}

/* ---- elements ---------------------------------------------------------------------------------
 */

/* As NumPy calls it; NULL: it is written as f32, which has all its values. */
static const char *descr_of(int32_t element)
{
    static const struct {
        int32_t element;
        const char *descr;
    } known[] = {
        {LEATI_ONNX_FLOAT, "<f4"},  {LEATI_ONNX_DOUBLE, "<f8"},    {LEATI_ONNX_FLOAT16, "<f2"},
        {LEATI_ONNX_INT64, "<i8"},  {LEATI_ONNX_INT32, "<i4"},     {LEATI_ONNX_INT16, "<i2"},
        {LEATI_ONNX_INT8, "|i1"},   {LEATI_ONNX_UINT64, "<u8"},    {LEATI_ONNX_UINT32, "<u4"},
        {LEATI_ONNX_UINT16, "<u2"}, {LEATI_ONNX_UINT8, "|u1"},     {LEATI_ONNX_BOOL, "|b1"},
        {LEATI_ONNX_INT4, "|i1"},   {LEATI_ONNX_INT2, "|i1"},      {LEATI_ONNX_UINT4, "|u1"},
        {LEATI_ONNX_UINT2, "|u1"},  {LEATI_ONNX_COMPLEX64, "<c8"}, {LEATI_ONNX_COMPLEX128, "<c16"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].element == element) return known[i].descr;
    return NULL;
}

static void write_header(leati_writer *w, const char *descr, const leat_shape *s)
{
    char header[256];
    size_t shape[LEAT_MAX_RANK];
    for (int i = 0; i < s->rank; i++) shape[i] = (size_t)s->dim[i];
    leati_writer_write(w, header, leati_npy_header(header, descr, shape, s->rank));
}

static void write_numbers(leati_writer *w, const leati_oval *v)
{
    const char *descr = descr_of(v->element);
    size_t count = leati_shape_count(&v->shape);
    write_header(w, descr ? descr : "<f4", &v->shape);
    if (descr) {
        leati_writer_write(w, v->host, count * leati_oval_width(v->element));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float x = (float)leati_oget(v->element, v->host, i);
        leati_writer_write(w, &x, sizeof x);
    }
}

static leat_status write_texts(leat_context *c, leati_writer *w, const leati_oval *v)
{
    char descr[32];
    const leati_pb_bytes *text = v->host;
    size_t count = leati_shape_count(&v->shape), width = 1;
    for (size_t i = 0; i < count; i++) {
        size_t n = leati_utf8_points(text[i].data, text[i].size, NULL, SIZE_MAX);
        if (n > width) width = n;
    }
    uint32_t *points = leati_calloc(c, width, sizeof *points);
    if (!points) return leat_error_status(c);
    snprintf(descr, sizeof descr, "<U%zu", width);
    write_header(w, descr, &v->shape);
    for (size_t i = 0; i < count; i++) {
        memset(points, 0, width * sizeof *points);
        (void)leati_utf8_points(text[i].data, text[i].size, points, width);
        leati_writer_write(w, points, width * sizeof *points);
    }
    leati_free(points);
    return LEAT_OK;
}

static leat_status write_file(leat_context *c, const char *path, const leati_oval *v)
{
    leati_writer *w;
    leat_status st = LEAT_OK;
    LEATI_TRY(leati_writer_open(c, &w, path));
    if (v->element == LEATI_ONNX_STRING) st = write_texts(c, w, v);
    else write_numbers(w, v);
    if (st == LEAT_OK) return leati_writer_commit(w);
    leati_writer_abort(w);
    return st;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static size_t tensors_in(const leati_oval *v)
{
    size_t count = v->kind == LEATI_OVAL_TENSOR;
    for (size_t i = 0; v->kind == LEATI_OVAL_SEQUENCE && i < v->count; i++)
        count += tensors_in(v->items[i]);
    return count;
}

/* The files of a value: called NAME, or NAME_0, NAME_1, ... */
static leat_status add(writing *w, const char *output, const char *name, const leati_oval *v)
{
    if (v->kind == LEATI_OVAL_TENSOR) {
        w->value[w->files->count] = v;
        w->name[w->files->count] = name;
        w->files->at[w->files->count++] = (leati_npy_file){output, NULL, v->element, v->shape};
    }
    for (size_t i = 0; v->kind == LEATI_OVAL_SEQUENCE && i < v->count; i++) {
        char text[NAME_SIZE];
        snprintf(text, sizeof text, "%.*s_%zu", NAME_MOST - 24, name, i);
        const char *copy = leati_arena_strdup(w->arena, text);
        if (!copy) return leat_error_status(w->context);
        LEATI_TRY(add(w, output, copy, v->items[i]));
    }
    return LEAT_OK;
}

static leat_status write_all(writing *w, const leati_onnx_graph *g, leati_oval *const *got)
{
    size_t count = 0;
    for (size_t i = 0; i < g->output.count; i++) count += tensors_in(got[i]);
    w->files->at = leati_arena_calloc(w->arena, count + 1, sizeof *w->files->at);
    w->value = leati_arena_calloc(w->arena, count + 1, sizeof *w->value);
    w->name = leati_arena_calloc(w->arena, count + 1, sizeof *w->name);
    if (!w->files->at || !w->value || !w->name) return leat_error_status(w->context);
    for (size_t i = 0; i < g->output.count; i++)
        LEATI_TRY(add(w, g->output.at[i].name, g->output.at[i].name, got[i]));
    LEATI_TRY(name_files(w));
    LEATI_TRY(leati_folder_make(w->context, w->folder));
    for (size_t i = 0; i < w->files->count; i++)
        LEATI_TRY(write_file(w->context, w->files->at[i].path, w->value[i]));
    return LEAT_OK;
}

leat_status leati_npy_write_outputs(leati_arena *arena, const char *folder,
                                    const leati_onnx_graph *g, leati_oval *const *got,
                                    leati_npy_files *out)
{
    writing w = {.context = arena->context, .arena = arena, .folder = folder, .files = out};
    *out = (leati_npy_files){0};
    leati_map_init(&w.names, w.context);
    leat_status st = write_all(&w, g, got);
    if (st != LEAT_OK) *out = (leati_npy_files){0};
    leati_map_fini(&w.names);
    return st;
}
