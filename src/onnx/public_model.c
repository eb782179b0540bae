/* Owns: the public face of running ONNX models, and running them on .npy files. */
#include <leat/onnx.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/graph_file.h"
#include "model/onnx_describe.h"
#include "onnx/given.h"
#include "onnx/import.h"
#include "onnx/npy_given.h"
#include "onnx/npy_written.h"
#include "onnx/predict_frame.h"

struct leat_onnx_model {
    leat_context *context;
    leati_omodel *inner;
    leati_otensor *given; /* per input, of the run */
    leati_bytes bytes;    /* of a model file */
    leati_zip_data graph;
    leati_arena written; /* holds `files` */
    leati_npy_files files;
};

static leat_status open_either(leat_onnx_model *m, const char *path, const char *device)
{
    leat_context *c = m->context;
    if (!leati_path_has_suffix(path, ".leat")) return leati_omodel_open(c, path, device, &m->inner);
    LEATI_TRY(leati_file_read(c, &m->bytes, path));
    LEATI_TRY(leati_graph_file_parse(c, m->bytes, path, &m->graph));
    return leati_omodel_parse(c, m->graph.data, m->graph.size, path, device, NULL, &m->inner);
}

leat_status leat_onnx_model_open(leat_context *c, const char *path, const char *device,
                                 leat_onnx_model **out)
{
    *out = NULL;
    leat_onnx_model *m = LEATI_NEW(c, leat_onnx_model, 1);
    if (!m) return LEAT_NOMEM;
    m->context = c;
    leati_arena_init(&m->written, c);
    leat_status st = open_either(m, path, device);
    if (st == LEAT_OK) {
        m->given = LEATI_NEW(c, leati_otensor, leat_onnx_model_inputs(m) + 1);
        if (!m->given) st = LEAT_NOMEM;
    }
    if (st == LEAT_OK) *out = m;
    else leat_onnx_model_close(m);
    return st;
}

void leat_onnx_model_close(leat_onnx_model *m)
{
    if (!m) return;
    leati_omodel_close(m->inner);
    leati_free(m->given);
    leati_arena_fini(&m->written);
    leati_zip_data_release(&m->graph);
    leati_bytes_release(&m->bytes);
    leati_free(m);
}

size_t leat_onnx_model_inputs(const leat_onnx_model *m)
{
    return leati_omodel_input_count(m->inner);
}

const char *leat_onnx_model_input_name(const leat_onnx_model *m, size_t i)
{
    const leati_onnx_value_info *v = leati_omodel_input(m->inner, i);
    return v ? v->name : "";
}

size_t leat_onnx_model_outputs(const leat_onnx_model *m)
{
    return leati_omodel_proto(m->inner)->graph->output.count;
}

const char *leat_onnx_model_output_name(const leat_onnx_model *m, size_t i)
{
    const leati_onnx_graph *g = leati_omodel_proto(m->inner)->graph;
    return i < g->output.count ? g->output.at[i].name : "";
}

static void describe(const leati_onnx_value_info *v, leat_onnx_value *out)
{
    const leati_onnx_tensor_type *t = v->type ? v->type->tensor_type : NULL;
    const leati_onnx_shape *s = t ? t->shape : NULL;
    *out = (leat_onnx_value){
        .name = v->name, .type = t ? leati_onnx_element_word(t->elem_type) : "", .rank = -1};
    if (!s || s->dim.count > LEAT_MAX_RANK) return;
    out->rank = (int)s->dim.count;
    for (int i = 0; i < out->rank; i++) {
        const leati_onnx_dim *d = &s->dim.at[i];
        bool said = d->has & 1u << 1 && d->dim_value > 0; /* as given.c takes it */
        out->dim[i] = said ? d->dim_value : -1;
        if (!said && d->has & 1u << 2 && *d->dim_param) out->dim_name[i] = d->dim_param;
    }
}

bool leat_onnx_model_input(const leat_onnx_model *m, size_t i, leat_onnx_value *out)
{
    const leati_onnx_value_info *v = leati_omodel_input(m->inner, i);
    if (v) describe(v, out);
    return v != NULL;
}

bool leat_onnx_model_output(const leat_onnx_model *m, size_t i, leat_onnx_value *out)
{
    const leati_onnx_graph *g = leati_omodel_proto(m->inner)->graph;
    if (i < g->output.count) describe(&g->output.at[i], out);
    return i < g->output.count;
}

/* Runs on m->given. */
static leat_status run_given(leat_onnx_model *m, leati_oval ***got)
{
    LEATI_TRY(leati_given_check(m->context, m->inner, m->given));
    return leati_omodel_run(m->inner, m->given, got);
}

static leat_status take_outputs(leat_onnx_model *m, leati_oval *const *got, leat_array *outputs)
{
    for (size_t i = 0; i < leat_onnx_model_outputs(m); i++) {
        bool numbers = got[i]->kind == LEATI_OVAL_TENSOR &&
                       leati_oval_dtype(got[i]->element, &outputs[i].dtype);
        LEATI_CHECK(m->context, numbers, LEAT_UNSUPPORTED, "output `%.60s` is no tensor of numbers",
                    leat_onnx_model_output_name(m, i));
        outputs[i].shape = got[i]->shape;
        outputs[i].data = got[i]->host;
    }
    return LEAT_OK;
}

leat_status leat_onnx_model_run(leat_onnx_model *m, const leat_array *inputs, leat_array *outputs)
{
    leati_oval **got;
    for (size_t i = 0; i < leat_onnx_model_inputs(m); i++)
        m->given[i] =
            (leati_otensor){leati_oval_element(inputs[i].dtype), inputs[i].shape, inputs[i].data};
    LEATI_TRY(run_given(m, &got));
    return take_outputs(m, got, outputs);
}

leat_status leat_onnx_model_predict(leat_onnx_model *m, const leat_frame *frame, leat_frame **out)
{
    return leati_omodel_predict(m->context, m->inner, frame, out);
}

/* ---- .npy ----------------------------------------------------------------------------------- */

static leat_status run_files(leat_onnx_model *m, leati_arena *arena, const char *const *inputs,
                             const char *folder)
{
    leati_oval **got;
    for (size_t i = 0; i < leat_onnx_model_inputs(m); i++)
        LEATI_TRY(leati_npy_given(arena, inputs[i], leati_omodel_input(m->inner, i), &m->given[i]));
    LEATI_TRY(run_given(m, &got));
    return leati_npy_write_outputs(&m->written, folder, leati_omodel_proto(m->inner)->graph, got,
                                   &m->files);
}

leat_status leat_onnx_model_run_npy(leat_onnx_model *m, const char *const *inputs,
                                    const char *folder)
{
    leati_arena arena;
    leati_arena_init(&arena, m->context);
    leati_arena_fini(&m->written);
    m->files = (leati_npy_files){0};
    leat_status st = run_files(m, &arena, inputs, folder);
    leati_arena_fini(&arena);
    return st;
}

bool leat_onnx_model_file_at(const leat_onnx_model *m, size_t i, leat_onnx_file *out)
{
    if (i >= m->files.count) return false;
    const leati_npy_file *f = &m->files.at[i];
    *out = (leat_onnx_file){f->output, f->path, leati_onnx_element_word(f->element), f->shape};
    return true;
}
