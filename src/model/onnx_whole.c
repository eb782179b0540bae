/* Owns: ONNX files as one run of bytes, with the weights that lie beside them. */
#include "base/error.h"
#include "model/onnx_file.h"
#include "model/onnx_tensor.h"

/* A walk over all tensors of a model; `embed`: what lies beside is brought in. */
typedef struct walk {
    leat_context *context;
    leati_onnx *file;
    bool embed;
    bool found; /* a tensor whose data are beside */
} walk;

static leat_status walk_graph(walk *w, leati_onnx_graph *g);

static leat_status walk_tensor(walk *w, leati_onnx_tensor *t)
{
    leati_pb_bytes data;
    if (!leati_onnx_tensor_is_external(t)) return LEAT_OK;
    w->found = true;
    if (!w->embed) return LEAT_OK;
    LEATI_TRY(leati_onnx_tensor_data(w->context, w->file, t, &data));
    t->raw_data = data;
    t->has |= 1u << 9; /* also where it has no elements */
    t->has &= ~(1u << 13 | 1u << 14);
    t->data_location = 0;
    t->external_data.at = NULL;
    t->external_data.count = 0;
    return LEAT_OK;
}

static leat_status walk_attribute(walk *w, leati_onnx_attribute *a)
{
    if (a->t) LEATI_TRY(walk_tensor(w, a->t));
    if (a->g) LEATI_TRY(walk_graph(w, a->g));
    for (size_t i = 0; i < a->tensors.count; i++) LEATI_TRY(walk_tensor(w, &a->tensors.at[i]));
    for (size_t i = 0; i < a->graphs.count; i++) LEATI_TRY(walk_graph(w, &a->graphs.at[i]));
    return LEAT_OK;
}

static leat_status walk_node(walk *w, leati_onnx_node *n)
{
    for (size_t i = 0; i < n->attribute.count; i++)
        LEATI_TRY(walk_attribute(w, &n->attribute.at[i]));
    return LEAT_OK;
}

static leat_status walk_graph(walk *w, leati_onnx_graph *g)
{
    for (size_t i = 0; i < g->initializer.count; i++)
        LEATI_TRY(walk_tensor(w, &g->initializer.at[i]));
    for (size_t i = 0; i < g->node.count; i++) LEATI_TRY(walk_node(w, &g->node.at[i]));
    return LEAT_OK;
}

static leat_status walk_function(walk *w, leati_onnx_function *f)
{
    for (size_t i = 0; i < f->attribute_proto.count; i++)
        LEATI_TRY(walk_attribute(w, &f->attribute_proto.at[i]));
    for (size_t i = 0; i < f->node.count; i++) LEATI_TRY(walk_node(w, &f->node.at[i]));
    return LEAT_OK;
}

static leat_status walk_model(walk *w, leati_onnx_model *m)
{
    LEATI_TRY(walk_graph(w, m->graph));
    for (size_t i = 0; i < m->functions.count; i++)
        LEATI_TRY(walk_function(w, &m->functions.at[i]));
    for (size_t i = 0; i < m->training_info.count; i++) {
        const leati_onnx_training *t = &m->training_info.at[i];
        if (t->initialization) LEATI_TRY(walk_graph(w, t->initialization));
        if (t->algorithm) LEATI_TRY(walk_graph(w, t->algorithm));
    }
    return LEAT_OK;
}

static leat_status encode(leat_context *c, const leati_onnx_model *model, leati_bytes *out)
{
    leati_str text;
    leati_str_init(&text, c);
    leat_status st = leati_pb_encode(&leati_onnx_model_pb, model, &text);
    size_t size = text.length;
    if (st == LEAT_OK && !(out->data = leati_str_take(&text))) st = leat_error_status(c);
    if (st == LEAT_OK) out->size = size;
    leati_str_fini(&text);
    return st;
}

leat_status leati_onnx_read_whole(leat_context *c, leati_bytes *out, const char *path)
{
    leati_onnx *file;
    *out = (leati_bytes){0};
    LEATI_TRY(leati_onnx_open(c, &file, path));
    walk w = {.context = c, .file = file};
    leat_status st = walk_model(&w, file->model);
    w.embed = w.found;
    if (st == LEAT_OK && w.embed) st = walk_model(&w, file->model);
    if (st == LEAT_OK && w.embed) st = encode(c, file->model, out);
    if (st == LEAT_OK && !w.embed) {
        *out = file->bytes;
        file->bytes = (leati_bytes){0};
    }
    leati_onnx_close(file);
    return st == LEAT_OK ? st : leati_error_within(c, "%s", path);
}
