/* Owns: which file an output goes to, and its elements there. Not: the format (tensor/npy.c). */
#include "onnx/npy_written.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "tensor/npy.h"

typedef struct writing {
    leat_context *context;
    leati_arena *arena;
    const char *folder;
    leati_npy_files *files;
    const leati_oval **value; /* per file */
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

static leat_status name_file(writing *w, leati_npy_file *f)
{
    char name[NAME_SIZE];
    leat_status st = LEAT_OK;
    clean(f->output, name);
    size_t n = strlen(name);
    for (size_t i = 2; !take(w, name, &st) && st == LEAT_OK; i++)
        snprintf(name + n, sizeof name - n, "_%zu", i);
    return st == LEAT_OK ? set_path(w, f, name) : st;
}

/* Names that stay as they are come first, so that these are found where they are looked for. */
static leat_status name_files(writing *w)
{
    char name[NAME_SIZE];
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < w->files->count; i++)
        if (clean(w->files->at[i].output, name) && take(w, name, &st))
            st = set_path(w, &w->files->at[i], name);
    for (size_t i = 0; st == LEAT_OK && i < w->files->count; i++)
        if (!w->files->at[i].path) st = name_file(w, &w->files->at[i]);
    return st;
}

/* ---- elements ---------------------------------------------------------------------------------
 */

/* As NumPy calls it; NULL: it is written as f32, which has all its values, or not at all. */
static const char *descr_of(int32_t element)
{
    static const struct {
        int32_t element;
        const char *descr;
    } known[] = {
        {LEATI_ONNX_FLOAT, "<f4"},  {LEATI_ONNX_DOUBLE, "<f8"}, {LEATI_ONNX_FLOAT16, "<f2"},
        {LEATI_ONNX_INT64, "<i8"},  {LEATI_ONNX_INT32, "<i4"},  {LEATI_ONNX_INT16, "<i2"},
        {LEATI_ONNX_INT8, "|i1"},   {LEATI_ONNX_UINT64, "<u8"}, {LEATI_ONNX_UINT32, "<u4"},
        {LEATI_ONNX_UINT16, "<u2"}, {LEATI_ONNX_UINT8, "|u1"},  {LEATI_ONNX_BOOL, "|b1"}};
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

static leat_status write_file(leat_context *c, const char *path, const leati_oval *v)
{
    leati_writer *w;
    LEATI_TRY(leati_writer_open(c, &w, path));
    write_numbers(w, v);
    return leati_writer_commit(w);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static leat_status add(writing *w, const char *name, const leati_oval *v)
{
    leat_dtype unused;
    LEATI_CHECK(w->context, v->kind == LEATI_OVAL_TENSOR && leati_oval_dtype(v->element, &unused),
                LEAT_UNSUPPORTED, "output `%.60s` is no tensor of numbers", name);
    w->value[w->files->count] = v;
    w->files->at[w->files->count++] = (leati_npy_file){name, NULL, v->element, v->shape};
    return LEAT_OK;
}

static leat_status write_all(writing *w, const leati_onnx_graph *g, leati_oval *const *got)
{
    size_t count = g->output.count;
    w->files->at = leati_arena_calloc(w->arena, count + 1, sizeof *w->files->at);
    w->value = leati_arena_calloc(w->arena, count + 1, sizeof *w->value);
    if (!w->files->at || !w->value) return leat_error_status(w->context);
    for (size_t i = 0; i < count; i++) LEATI_TRY(add(w, g->output.at[i].name, got[i]));
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
