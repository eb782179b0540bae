/* Owns: exporting graphs that were imported: the ONNX file as it came, its weights as arrays. */
#include <stdlib.h>
#include <string.h>

#include <leat/exchange.h>

#include "base/error.h"
#include "base/half.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "exchange/format.h"
#include "io/zip.h"
#include "learn/safetensors.h"
#include "model/graph_file.h"
#include "model/onnx_file.h"
#include "model/onnx_tensor.h"
#include "onnx/graph_estimator.h"
#include "tensor/npy.h"

/* What each format calls the types; NULL: it has none. NumPy's bf16 is a single, which it fits. */
static const struct {
    int32_t element;
    const char *safetensors, *npy;
} types[] = {
    {LEATI_ONNX_DOUBLE, "F64", "<f8"},        {LEATI_ONNX_FLOAT, "F32", "<f4"},
    {LEATI_ONNX_FLOAT16, "F16", "<f2"},       {LEATI_ONNX_BFLOAT16, "BF16", "<f4"},
    {LEATI_ONNX_INT64, "I64", "<i8"},         {LEATI_ONNX_INT32, "I32", "<i4"},
    {LEATI_ONNX_INT16, "I16", "<i2"},         {LEATI_ONNX_INT8, "I8", "|i1"},
    {LEATI_ONNX_UINT64, "U64", "<u8"},        {LEATI_ONNX_UINT32, "U32", "<u4"},
    {LEATI_ONNX_UINT16, "U16", "<u2"},        {LEATI_ONNX_UINT8, "U8", "|u1"},
    {LEATI_ONNX_BOOL, "BOOL", "|b1"},         {LEATI_ONNX_FLOAT8E4M3FN, "F8_E4M3", NULL},
    {LEATI_ONNX_FLOAT8E5M2, "F8_E5M2", NULL}, {LEATI_ONNX_COMPLEX64, "C64", "<c8"},
    {LEATI_ONNX_COMPLEX128, NULL, "<c16"},
};

typedef struct weight {
    const char *name; /* of the listing's arena or the file's */
    const leati_onnx_tensor *tensor;
    const char *type;
    size_t count, bytes;
    size_t number; /* in the order of the file */
} weight;

typedef struct listing {
    leat_context *context;
    const char *source; /* for messages */
    bool npy;
    leati_onnx *file;
    leati_arena arena;
    leati_map names;
    weight *list;
    size_t count, capacity;
} listing;

/* ---- which ----------------------------------------------------------------------------------- */

static const char *type_of(const listing *l, int32_t element)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].element == element) return l->npy ? types[i].npy : types[i].safetensors;
    return NULL;
}

/* within: "" or the path of the graph inside a node, with a slash at its end. */
static leat_status add(listing *l, const char *within, const char *name, const leati_onnx_tensor *t)
{
    leat_context *c = l->context;
    const char *format = l->npy ? "npz" : "safetensors", *type = type_of(l, t->data_type);
    leati_str full;
    leati_str_init(&full, c);
    leati_str_addf(&full, "%s%s", within, name);
    leat_status st = leati_str_status(&full);
    const char *kept =
        st == LEAT_OK ? leati_arena_strndup(&l->arena, leati_str_text(&full), full.length) : NULL;
    leati_str_fini(&full);
    if (!kept) return leat_error_status(c);
    LEATI_CHECK(c, type, LEAT_UNSUPPORTED,
                "%s: the array '%.100s' has elements of type %s, for "
                "which %s has no form",
                l->source, kept, leati_onnx_element_name(t->data_type), format);
    LEATI_CHECK(c, !l->npy || t->dims.count <= LEAT_MAX_RANK, LEAT_UNSUPPORTED,
                "%s: the array '%.100s' has %zu dimensions, more than %d", l->source, kept,
                t->dims.count, LEAT_MAX_RANK);
    size_t before = l->count, count;
    LEATI_CHECK(c, *kept && strcmp(kept, "__metadata__") != 0, LEAT_UNSUPPORTED,
                "%s: an array with the name '%s', which %s does not take", l->source, kept, format);
    uint32_t index = leati_map_put(&l->names, kept, strlen(kept));
    if (index == LEATI_MAP_NONE) return leat_error_status(c);
    LEATI_CHECK(c, index == before, LEAT_UNSUPPORTED, "%s: two arrays have the name '%.100s'",
                l->source, kept);
    LEATI_TRY(leati_onnx_tensor_count(c, t, &count));
    LEATI_TRY(leati_grow(c, &l->list, &l->capacity, l->count + 1, sizeof *l->list));
    l->list[l->count++] = (weight){.name = kept,
                                   .tensor = t,
                                   .type = type,
                                   .count = count,
                                   .bytes = leati_onnx_bytes(t->data_type, count),
                                   .number = before};
    return LEAT_OK;
}

static leat_status add_graph(listing *l, const char *within, const leati_onnx_graph *g);

/* Weights of the graphs inside a node, below its name. */
static leat_status add_inside(listing *l, const char *within, const leati_onnx_node *n)
{
    const char *name = *n->name ? n->name : n->output.count ? n->output.at[0] : n->op_type;
    for (size_t i = 0; i < n->attribute.count; i++) {
        const leati_onnx_attribute *a = &n->attribute.at[i];
        size_t graphs = a->g ? 1 : a->graphs.count;
        for (size_t k = 0; k < graphs; k++) {
            leati_str path;
            leati_str_init(&path, l->context);
            leati_str_addf(&path, "%s%s.%s", within, name, a->name);
            if (graphs > 1) leati_str_addf(&path, ".%zu", k);
            leati_str_addc(&path, '/');
            leat_status st = leati_str_status(&path);
            if (st == LEAT_OK)
                st = add_graph(l, leati_str_text(&path), a->g ? a->g : &a->graphs.at[k]);
            leati_str_fini(&path);
            LEATI_TRY(st);
        }
    }
    return LEAT_OK;
}

/* The reader has bounded how deep graphs lie inside each other. */
static leat_status add_graph(listing *l, const char *within, const leati_onnx_graph *g)
{
    for (size_t i = 0; i < g->initializer.count; i++)
        LEATI_TRY(add(l, within, g->initializer.at[i].name, &g->initializer.at[i]));
    for (size_t i = 0; i < g->node.count; i++) {
        const leati_onnx_node *n = &g->node.at[i];
        const leati_onnx_attribute *a = leati_onnx_attribute_find(n, "value");
        bool constant = strcmp(n->op_type, "Constant") == 0 && !*leati_onnx_domain(n->domain);
        if (constant && a && a->t && n->output.count)
            LEATI_TRY(add(l, within, n->output.at[0], a->t));
        LEATI_TRY(add_inside(l, within, n));
    }
    return LEAT_OK;
}

/* ---- their elements -------------------------------------------------------------------------- */

/* leati_free(*room). */
static leat_status elements_of(listing *l, const weight *w, const void **data, size_t *bytes,
                               void **room)
{
    size_t size = w->bytes;
    bool widen = l->npy && w->tensor->data_type == LEATI_ONNX_BFLOAT16;
    *room = leati_alloc(l->context, size ? size : 1);
    if (!*room) return leat_error_status(l->context);
    leat_status st = leati_onnx_tensor_load(l->context, l->file, w->tensor, *room, size);
    float *wide = NULL;
    if (st == LEAT_OK && widen) {
        wide = leati_array(l->context, w->count + 1, sizeof *wide);
        if (!wide) st = leat_error_status(l->context);
        for (size_t i = 0; wide && i < w->count; i++)
            wide[i] = leati_bf16_to_f32(((const uint16_t *)*room)[i]);
        size = w->count * sizeof *wide;
    }
    if (st != LEAT_OK || wide) {
        leati_free(*room);
        *room = wide;
    }
    *data = *room;
    *bytes = size;
    return st;
}

/* Falling size of elements, then the order of the file: all are aligned when the first is. */
static int by_alignment(const void *a, const void *b)
{
    const weight *x = a, *y = b;
    unsigned p = leati_onnx_element_bits(x->tensor->data_type);
    unsigned q = leati_onnx_element_bits(y->tensor->data_type);
    if (p != q) return p > q ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static leat_status write_header(listing *l, leati_writer *w)
{
    leati_str header;
    size_t at = 0;
    uint8_t length[8];
    leati_str_init(&header, l->context);
    leati_str_addc(&header, '{');
    for (size_t i = 0; i < l->count; i++) {
        const weight *k = &l->list[i];
        if (i) leati_str_addc(&header, ',');
        leati_safetensors_name(&header, k->name);
        leati_str_addf(&header, ":{\"dtype\":\"%s\",\"shape\":[", k->type);
        for (size_t d = 0; d < k->tensor->dims.count; d++)
            leati_str_addf(&header, "%s%lld", d ? "," : "", (long long)k->tensor->dims.at[d]);
        leati_str_addf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + k->bytes);
        at += k->bytes;
    }
    leati_str_addc(&header, '}');
    while (header.length % 8 && leati_str_status(&header) == LEAT_OK) leati_str_addc(&header, ' ');
    leat_status st = leati_str_status(&header);
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.length >> (8 * i));
    if (st == LEAT_OK) {
        leati_writer_write(w, length, sizeof length);
        leati_writer_write(w, leati_str_text(&header), header.length);
    }
    leati_str_fini(&header);
    return st;
}

static leat_status write_safetensors(listing *l, leati_writer *w)
{
    if (l->count) qsort(l->list, l->count, sizeof *l->list, by_alignment);
    LEATI_TRY(write_header(l, w));
    for (size_t i = 0; i < l->count; i++) {
        const void *data;
        size_t bytes;
        void *room;
        LEATI_TRY(elements_of(l, &l->list[i], &data, &bytes, &room));
        leati_writer_write(w, data, bytes);
        leati_free(room);
    }
    return LEAT_OK;
}

static leat_status write_member(listing *l, leati_zip_writer *zip, const weight *k)
{
    char header[256];
    size_t shape[LEAT_MAX_RANK], bytes;
    const void *data;
    void *room;
    leati_str name;
    for (size_t d = 0; d < k->tensor->dims.count; d++) shape[d] = (size_t)k->tensor->dims.at[d];
    LEATI_TRY(elements_of(l, k, &data, &bytes, &room));
    leati_str_init(&name, l->context);
    leati_str_addf(&name, "%s.npy", k->name);
    size_t length = leati_npy_header(header, k->type, shape, (int)k->tensor->dims.count);
    leati_zip_part part[2] = {{header, length}, {data, bytes}};
    leat_status st = leati_str_status(&name);
    if (st == LEAT_OK) st = leati_zip_add_parts(zip, leati_str_text(&name), part, 2);
    leati_str_fini(&name);
    leati_free(room);
    return st;
}

static leat_status write_npz(listing *l, leati_writer *w)
{
    leati_zip_writer *zip;
    LEATI_TRY(leati_zip_writer_create(l->context, &zip, w));
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < l->count; i++) st = write_member(l, zip, &l->list[i]);
    if (st == LEAT_OK) st = leati_zip_finish(zip);
    leati_zip_writer_destroy(zip);
    return st;
}

static leat_status write_weights(leat_context *c, leati_onnx *file, const char *source, bool npy,
                                 const char *to)
{
    listing l = {.context = c, .source = source, .npy = npy, .file = file};
    leati_writer *w = NULL;
    leati_arena_init(&l.arena, c);
    leati_map_init(&l.names, c);
    leat_status st = add_graph(&l, "", file->model->graph);
    if (st == LEAT_OK) st = leati_writer_open(c, &w, to);
    if (st == LEAT_OK) st = npy ? write_npz(&l, w) : write_safetensors(&l, w);
    if (st == LEAT_OK) st = leati_writer_commit(w);
    else leati_writer_abort(w);
    leati_free(l.list);
    leati_map_fini(&l.names);
    leati_arena_fini(&l.arena);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------- */

typedef enum form { FORM_ONNX, FORM_SAFETENSORS, FORM_NPZ } form;

static leat_status export_file(leat_context *c, const char *from, form f, const char *to)
{
    leati_onnx *file;
    LEATI_CHECK(c, f != FORM_ONNX, LEAT_INVALID, "%s is an ONNX file already", from);
    LEATI_TRY(leati_onnx_open(c, &file, from));
    leat_status st = write_weights(c, file, from, f == FORM_NPZ, to);
    leati_onnx_close(file);
    return st;
}

/* An imported graph is the file it came as, byte for byte, or its weights. */
static leat_status export_bytes(leat_context *c, const void *onnx, size_t size, const char *name,
                                form f, const char *to)
{
    leati_onnx *file;
    if (f == FORM_ONNX) return leati_file_write(c, to, onnx, size);
    LEATI_TRY(leati_onnx_parse(c, &file, onnx, size, name));
    leat_status st = write_weights(c, file, name, f == FORM_NPZ, to);
    leati_onnx_close(file);
    return st;
}

static leat_status export_member(leat_context *c, const char *from, form f, const char *to)
{
    leati_bytes bytes;
    leati_zip_data graph = {0};
    LEATI_TRY(leati_file_read(c, &bytes, from));
    leat_status st = leati_graph_file_parse(c, bytes, from, &graph);
    if (st == LEAT_OK) st = export_bytes(c, graph.data, graph.size, from, f, to);
    leati_zip_data_release(&graph);
    leati_bytes_release(&bytes);
    return st;
}

static leat_status find_form(leat_context *c, const char *what, const char *format, form *out)
{
    static const char *const names[] = {"onnx", "safetensors", "npz"};
    for (form f = FORM_ONNX; f <= FORM_NPZ; f++)
        if (strcmp(format, names[f]) == 0) {
            *out = f;
            return LEAT_OK;
        }
    return LEATI_FAIL(c, strcmp(format, "c") == 0 ? LEAT_UNSUPPORTED : LEAT_INVALID,
                      "%s holds a graph of ONNX, which is exported as onnx, safetensors or npz, "
                      "not as %s",
                      what, format);
}

leat_status leati_graph_model_export(leat_context *c, const leat_model *m, const char *format,
                                     const char *title, const char *to)
{
    form f;
    size_t size;
    const void *onnx = leati_graph_estimator_file(m->pipeline.estimator, &size);
    LEATI_TRY(find_form(c, m->name, format, &f));
    LEATI_CHECK(c, !title, LEAT_UNSUPPORTED,
                "%s: an imported graph is given back as it came, with the names it has", m->name);
    return export_bytes(c, onnx, size, m->name, f, to);
}

leat_status leat_graph_export(leat_context *c, const char *from, const char *format, const char *to,
                              const leat_export_options *options)
{
    form f;
    LEATI_TRY(find_form(c, from, format, &f));
    LEATI_CHECK(c, !options || !options->name, LEAT_UNSUPPORTED,
                "%s: an imported graph is given back as it came, with the names it has", from);
    return leati_path_has_suffix(from, ".onnx") ? export_file(c, from, f, to)
                                                : export_member(c, from, f, to);
}
