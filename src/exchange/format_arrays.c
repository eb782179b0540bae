/* Owns: what a model has learned as named arrays, in safetensors and in NumPy's npz, and beside
 * them model.json, which says what they mean. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "exchange/format.h"
#include "io/zip.h"
#include "learn/safetensors.h"
#include "nn/network_estimator.h"
#include "tensor/npy.h"
#include "tensor/shape.h"

/* ---- the arrays ------------------------------------------------------------------------------ */

static leat_status put_weight(leati_state *s, const leati_network_weight *w, const float *block)
{
    size_t shape[LEATI_STATE_DIMS];
    for (int i = 0; i < w->shape.rank; i++) shape[i] = (size_t)w->shape.dim[i];
    return leati_state_put_shaped(s, w->name, LEATI_F32, block + w->offset, w->shape.rank, shape);
}

static leat_status put_block(leat_context *c, leati_state *s, const leati_network *n, bool trained)
{
    size_t count = trained ? n->trained_count : n->state_count;
    float *block = leati_array(c, count + 1, sizeof *block);
    if (!block) return leat_error_status(c);
    leat_status st =
        leat_variable_get(trained ? n->trained : n->states, block, count * sizeof *block);
    for (size_t i = 0; st == LEAT_OK && i < n->weight_count; i++)
        if (n->weight[i].trained == trained) st = put_weight(s, &n->weight[i], block);
    leati_free(block);
    return st;
}

/* The weights of a network by their own names. */
static leat_status put_network(leat_context *c, leati_state *s, const leati_estimator *e)
{
    leat_graph *g = NULL;
    leati_network *n = NULL;
    double mean, scale;
    leat_status st;
    LEATI_GO(leat_graph_create(c, "cpu", &g));
    LEATI_GO(leati_network_of(c, e, g, &n, &mean, &scale));
    LEATI_GO(put_block(c, s, n, true));
    LEATI_GO(put_block(c, s, n, false));
    if (e->task == LEATI_REGRESS) {
        LEATI_GO(leati_state_put_scalar(s, "target_mean", mean));
        LEATI_GO(leati_state_put_scalar(s, "target_scale", scale));
    }
out:
    leati_network_destroy(n);
    leat_graph_destroy(g);
    return st;
}

static leat_status collect(leat_context *c, const leat_model *m, leati_state *s)
{
    const leati_estimator *e = m->pipeline.estimator;
    LEATI_TRY(leati_encoder_save(c, &m->pipeline.encoder, s));
    if (strcmp(e->class->name, "network") == 0) return put_network(c, s, e);
    return e->class->save(e, c, s);
}

/* What arrays cannot say is in model.json: inputs, levels, classes, vocabulary, layers. */
static const char about[] = "leat.model";

/* ---- files ----------------------------------------------------------------------------------- */

leat_status leati_format_safetensors(leat_context *c, const leat_model *m, const char *title,
                                     const char *path)
{
    leati_state state;
    leati_str bytes;
    (void)title;
    leati_state_init(&state, c);
    leati_str_init(&bytes, c);
    leat_status st = collect(c, m, &state);
    if (st == LEAT_OK) st = leati_safetensors_write_about(c, &state, about, m->json, &bytes);
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&bytes), bytes.length);
    leati_str_fini(&bytes);
    leati_state_fini(&state);
    return st;
}

static leat_status add_member(leat_context *c, leati_zip_writer *zip, const leati_array_entry *e)
{
    static const char *const descr[LEATI_DTYPES] = {"<f8", "<f4", "<i8", "<i4", "|u1"};
    char header[256];
    leati_str name;
    leati_str_init(&name, c);
    leati_str_addf(&name, "%s.npy", e->name);
    leati_zip_part part[2] = {{header, leati_npy_header(header, descr[e->type], e->shape, e->dims)},
                              {e->data, e->count * leati_dtype_size(e->type)}};
    leat_status st = leati_str_status(&name);
    if (st == LEAT_OK) st = leati_zip_add_parts(zip, leati_str_text(&name), part, 2);
    leati_str_fini(&name);
    return st;
}

/* A scalar of bytes, as a NumPy that unpickles nothing reads it. */
static leat_status add_about(leati_zip_writer *zip, const char *json)
{
    char header[256], descr[32], name[sizeof about + 4];
    snprintf(descr, sizeof descr, "|S%zu", strlen(json));
    snprintf(name, sizeof name, "%s.npy", about);
    leati_zip_part part[2] = {{header, leati_npy_header(header, descr, NULL, 0)},
                              {json, strlen(json)}};
    return leati_zip_add_parts(zip, name, part, 2);
}

leat_status leati_format_npz(leat_context *c, const leat_model *m, const char *title,
                             const char *path)
{
    leati_state state;
    leati_writer *w = NULL;
    leati_zip_writer *zip = NULL;
    leat_status st;
    (void)title;
    leati_state_init(&state, c);
    LEATI_GO(collect(c, m, &state));
    LEATI_GO(leati_writer_open(c, &w, path));
    LEATI_GO(leati_zip_writer_create(c, &zip, w));
    for (size_t i = 0; i < state.count; i++) LEATI_GO(add_member(c, zip, &state.entries[i]));
    LEATI_GO(add_about(zip, m->json));
    LEATI_GO(leati_zip_finish(zip));
out:
    leati_zip_writer_destroy(zip);
    leati_state_fini(&state);
    if (st == LEAT_OK) return leati_writer_commit(w);
    leati_writer_abort(w);
    return st;
}
