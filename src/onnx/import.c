/* Owns: models: opening, the report of what is not supported, weights, recordings that are kept. */
#include "onnx/import.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "graph/plan.h"
#include "model/onnx_check.h"
#include "onnx/given.h"

enum { NODES_MOST = 10000000, SMALL = 256, KEPT_BYTES = 1 << 20, TRIAL_NODES = 100000 };

struct leati_omodel {
    leat_context *context;
    leat_graph *graph;
    leati_onnx *file;
    leat_variable **weights; /* per initialiser; NULL: small, or not for devices */
    leat_variable **once;    /* per node: what it makes of the file's data; NULL: nothing yet */
    const leati_onnx_value_info **inputs;
    size_t *input_index;
    size_t input_count;
    leati_oval **given; /* per input of the file */
    size_t nodes_most;
    leati_orun run;
    bool fixed;    /* the file announces every dimension of every input */
    bool recorded; /* and may run again with other data */
    leati_oval **outs;
    leat_tensor **roots;
    bool *is_root; /* per output: it comes from the graph at each run */
    size_t root_count;
};

/* ---- what is not supported ------------------------------------------------------------------- */

typedef struct survey {
    const leati_onnx_model *model;
    leati_map missing;
    bool blocked; /* operators of ONNX Runtime on its own layout of channels */
} survey;

static leat_status survey_nodes(survey *s, const leati_onnx_function *within,
                                const leati_onnx_node *nodes, size_t count)
{
    leat_context *c = s->missing.context;
    for (size_t i = 0; i < count; i++) {
        const leati_onnx_node *n = &nodes[i];
        for (size_t k = 0; k < n->attribute.count; k++) {
            const leati_onnx_attribute *a = &n->attribute.at[k];
            if (a->g) LEATI_TRY(survey_nodes(s, within, a->g->node.at, a->g->node.count));
            for (size_t j = 0; j < a->graphs.count; j++)
                LEATI_TRY(
                    survey_nodes(s, within, a->graphs.at[j].node.at, a->graphs.at[j].node.count));
        }
        if (leati_onnx_function_find(s->model, n) || leati_oop_find(n->domain, n->op_type))
            continue;
        char name[160];
        const char *domain = leati_onnx_domain(n->domain);
        int length =
            snprintf(name, sizeof name, "%.60s%s%.60s", domain, *domain ? ":" : "", n->op_type);
        if (leati_map_put(&s->missing, name, (size_t)length) == LEATI_MAP_NONE)
            return leat_error_status(c);
        s->blocked |= strcmp(domain, "com.microsoft.nchwc") == 0;
    }
    return LEAT_OK;
}

static leat_status survey_model(leat_context *c, const leati_onnx_model *m)
{
    survey s = {.model = m};
    leati_str list;
    leat_status st = LEAT_OK;
    leati_map_init(&s.missing, c);
    leati_str_init(&list, c);
    LEATI_GO(survey_nodes(&s, NULL, m->graph->node.at, m->graph->node.count));
    for (size_t i = 0; i < m->functions.count; i++)
        LEATI_GO(survey_nodes(&s, &m->functions.at[i], m->functions.at[i].node.at,
                              m->functions.at[i].node.count));
    for (size_t i = 0; i < s.missing.count; i++) {
        size_t length;
        const char *name = leati_map_key(&s.missing, (uint32_t)i, &length);
        if (i) leati_str_add(&list, ", ");
        leati_str_addn(&list, name, length);
    }
    LEATI_GO(leati_str_status(&list));
    if (s.missing.count)
        st = LEATI_FAIL(c, LEAT_UNSUPPORTED, "%zu operator%s not supported: %s%s", s.missing.count,
                        s.missing.count == 1 ? " is" : "s are", leati_str_text(&list),
                        s.blocked ? "; ONNX Runtime saved the graph for one processor "
                                    "(ORT_ENABLE_ALL, its default): save it with "
                                    "ORT_ENABLE_EXTENDED or lower"
                                  : "");
out:
    leati_str_fini(&list);
    leati_map_fini(&s.missing);
    return st;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static const leati_onnx_tensor *initializer_of(const leati_onnx_graph *g, const char *name)
{
    for (size_t i = 0; i < g->initializer.count; i++)
        if (!strcmp(g->initializer.at[i].name, name)) return &g->initializer.at[i];
    return NULL;
}

static leat_status find_inputs(leati_omodel *m)
{
    const leati_onnx_graph *g = m->file->model->graph;
    leati_map names;
    leat_status st = LEAT_OK;
    leati_map_init(&names, m->context);
    for (size_t i = 0; i < g->initializer.count; i++) {
        const char *name = g->initializer.at[i].name;
        if (leati_map_put(&names, name, strlen(name)) != LEATI_MAP_NONE) continue;
        st = leat_error_status(m->context);
        goto out;
    }
    for (size_t i = 0; i < g->input.count; i++) {
        const char *name = g->input.at[i].name;
        if (leati_map_get(&names, name, strlen(name)) != LEATI_MAP_NONE) continue;
        m->input_index[m->input_count] = i;
        m->inputs[m->input_count++] = &g->input.at[i];
    }
out:
    leati_map_fini(&names);
    return st;
}

typedef struct weight {
    leati_onnx *file;
    const leati_onnx_tensor *tensor;
    size_t bytes;
} weight;

static leat_status load(leat_context *c, void *arg, void *block)
{
    const weight *w = arg;
    return leati_onnx_tensor_load(c, w->file, w->tensor, block, w->bytes);
}

static leat_status own_weight(leati_omodel *m, weight *w, leat_dtype dtype, leat_shape shape,
                              leat_variable **out)
{
    leat_context *c = m->context;
    void *data = leati_alloc(c, w->bytes);
    if (!data) return LEAT_NOMEM;
    leat_status st = load(c, w, data);
    if (st == LEAT_OK)
        st = leat_variable_create(m->graph, w->tensor->name, dtype, shape, data, out);
    leati_free(data);
    return st;
}

static leat_status load_weight(leati_omodel *m, size_t index)
{
    leat_context *c = m->context;
    const leati_onnx_tensor *t = &m->file->model->graph->initializer.at[index];
    weight w = {m->file, t, 0};
    const void *data;
    leat_dtype dtype;
    if (t->dims.count > LEAT_MAX_RANK || !leati_oval_dtype(t->data_type, &dtype)) return LEAT_OK;
    leat_shape shape = leat_shape_make((int)t->dims.count, t->dims.at);
    LEATI_TRY(leati_oval_check(c, &shape, t->data_type));
    w.bytes = leati_shape_count(&shape) * leat_dtype_size(dtype);
    if (w.bytes <= SMALL) return LEAT_OK;
    if (!m->graph->shelf) return own_weight(m, &w, dtype, shape, &m->weights[index]);
    LEATI_TRY(leati_shelf_block(c, m->graph->shelf, index, w.bytes, load, &w, &data));
    return leati_variable_borrow(m->graph, t->name, dtype, shape, data, &m->weights[index]);
}

static leat_status prepare(leati_omodel *m, const char *device, leati_shelf *shelf)
{
    leat_context *c = m->context;
    const leati_onnx_graph *g = m->file->model->graph;
    m->weights = LEATI_NEW(c, leat_variable *, g->initializer.count + 1);
    m->once = LEATI_NEW(c, leat_variable *, g->node.count + 1);
    m->inputs = LEATI_NEW(c, const leati_onnx_value_info *, g->input.count + 1);
    m->input_index = LEATI_NEW(c, size_t, g->input.count + 1);
    m->given = LEATI_NEW(c, leati_oval *, g->input.count + 1);
    m->outs = LEATI_NEW(c, leati_oval *, g->output.count + 1);
    m->roots = LEATI_NEW(c, leat_tensor *, g->output.count + 1);
    m->is_root = LEATI_NEW(c, bool, g->output.count + 1);
    if (!m->weights || !m->once || !m->inputs || !m->input_index || !m->given || !m->outs ||
        !m->roots || !m->is_root)
        return leat_error_status(c);
    LEATI_TRY(survey_model(c, m->file->model));
    LEATI_TRY(find_inputs(m));
    LEATI_TRY(leat_graph_create(c, device, &m->graph));
    leati_graph_share(m->graph, shelf);
    if (leat_context_precision(c) == LEAT_PRECISION_BF16)
        LEATI_TRY(leat_graph_set_precision(m->graph, LEAT_DTYPE_BF16));
    for (size_t i = 0; i < g->initializer.count; i++) LEATI_TRY(load_weight(m, i));
    return LEAT_OK;
}

static leat_status make(leat_context *c, leati_onnx *file, const char *device, leati_shelf *shelf,
                        leati_omodel **out)
{
    leati_omodel *m = LEATI_NEW(c, leati_omodel, 1);
    if (!m) {
        leati_onnx_close(file);
        return LEAT_NOMEM;
    }
    m->context = c;
    m->file = file;
    m->nodes_most = NODES_MOST;
    leati_arena_init(&m->run.arena, c);
    leat_status st = prepare(m, device, shelf);
    m->fixed = st == LEAT_OK && leati_inputs_fixed(m);
    if (st != LEAT_OK) {
        leati_omodel_close(m);
        return st;
    }
    *out = m;
    return LEAT_OK;
}

leat_status leati_omodel_open(leat_context *c, const char *path, const char *device,
                              leati_omodel **out)
{
    leati_onnx *file;
    *out = NULL;
    LEATI_TRY(leati_onnx_open(c, &file, path));
    leat_status st = make(c, file, device, NULL, out);
    return st == LEAT_OK ? st : leati_error_within(c, "%s", path);
}

leat_status leati_omodel_parse(leat_context *c, const void *data, size_t size, const char *name,
                               const char *device, leati_shelf *shelf, leati_omodel **out)
{
    leati_onnx *file;
    *out = NULL;
    LEATI_TRY(leati_onnx_parse(c, &file, data, size, name));
    leat_status st = make(c, file, device, shelf, out);
    return st == LEAT_OK ? st : leati_error_within(c, "%s", name);
}

void leati_omodel_close(leati_omodel *m)
{
    if (!m) return;
    leat_graph_destroy(m->graph);
    leati_arena_fini(&m->run.arena);
    leati_free(m->run.changes);
    leati_onnx_close(m->file);
    leati_free(m->weights);
    leati_free(m->once);
    leati_free(m->inputs);
    leati_free(m->input_index);
    leati_free(m->given);
    leati_free(m->outs);
    leati_free(m->roots);
    leati_free(m->is_root);
    leati_free(m);
}

void leati_omodel_adopt(leati_omodel *m, leat_context *c)
{
    m->context = m->run.context = m->run.arena.context = m->file->arena.context = c;
    leati_graph_adopt(m->graph, c);
}

const leati_onnx_model *leati_omodel_proto(const leati_omodel *m)
{
    return m->file->model;
}

size_t leati_omodel_input_count(const leati_omodel *m)
{
    return m->input_count;
}

const leati_onnx_value_info *leati_omodel_input(const leati_omodel *m, size_t i)
{
    return i < m->input_count ? m->inputs[i] : NULL;
}

const leati_onnx_node *leati_omodel_zip(const leati_onnx_graph *g, const char *output)
{
    for (size_t i = 0; i < g->node.count; i++) {
        const leati_onnx_node *n = &g->node.at[i];
        bool makes = n->output.count == 1 && strcmp(n->output.at[0], output) == 0;
        if (makes && strcmp(n->op_type, "ZipMap") == 0) return n;
    }
    return NULL;
}

/* ---- recording --------------------------------------------------------------------------------
 */

size_t leati_omodel_limit(leati_omodel *m, size_t nodes)
{
    size_t before = m->nodes_most;
    m->nodes_most = nodes;
    return before;
}

leati_orun *leati_omodel_begin(leati_omodel *m)
{
    uint64_t draws = m->run.draws;
    leat_graph_clear(m->graph);
    leati_arena_fini(&m->run.arena);
    leati_free(m->run.changes);
    m->run = (leati_orun){.context = m->context,
                          .graph = m->graph,
                          .file = m->file,
                          .nodes_most = m->nodes_most,
                          .nodes_left = m->nodes_most,
                          .draws = draws,
                          .once = m->once};
    leati_arena_init(&m->run.arena, m->context);
    m->recorded = false;
    memset(m->given, 0, m->file->model->graph->input.count * sizeof(leati_oval *));
    return &m->run;
}

void leati_omodel_rest(leati_omodel *m)
{
    size_t bytes = m->run.arena.bytes + m->graph->arena.bytes +
                   m->run.change_capacity * sizeof *m->run.changes;
    if (!m->recorded && bytes > KEPT_BYTES) (void)leati_omodel_begin(m);
}

leat_status leati_omodel_give(leati_omodel *m, size_t index, leati_oval *v)
{
    const leati_onnx_graph *g = m->file->model->graph;
    leat_context *c = m->context;
    LEATI_CHECK(c, index < g->input.count, LEAT_INVALID, "the model has %zu inputs",
                g->input.count);
    if (!v) return leat_error_status(c);
    leat_dtype dtype;
    const void *data;
    v->varying = true;
    /* Whatever is recorded depends on the value by way of the graph, not on what it is today. */
    if (v->kind == LEATI_OVAL_TENSOR && !v->tensor && leati_oval_dtype(v->element, &dtype)) {
        LEATI_TRY(leati_oval_host(&m->run, v, &data));
        v->tensor = leat_input(m->graph, dtype, v->shape, data);
        v->host = NULL;
        v->proto = NULL;
        if (!v->tensor) return leat_error_status(c);
    }
    m->given[index] = v;
    return LEAT_OK;
}

static leat_status bind_graph(leati_omodel *m, leati_oframe *f)
{
    const leati_onnx_graph *g = m->file->model->graph;
    leat_context *c = m->context;
    for (size_t i = 0; i < g->input.count; i++) {
        if (m->given[i]) LEATI_TRY(leati_oframe_bind(f, g->input.at[i].name, m->given[i]));
        else
            LEATI_CHECK(c, initializer_of(g, g->input.at[i].name), LEAT_INVALID,
                        "input `%.60s` of the model was not given", g->input.at[i].name);
    }
    for (size_t i = 0; i < g->initializer.count; i++) {
        const leati_onnx_tensor *t = &g->initializer.at[i];
        if (leati_map_get(&f->names, t->name, strlen(t->name)) != LEATI_MAP_NONE) continue;
        leati_oval *v = leati_oval_of_proto(&m->run, t);
        if (!v) return leat_error_status(c);
        if (m->weights[i]) v->tensor = leat_read(m->weights[i]);
        LEATI_TRY(leati_oframe_bind(f, t->name, v));
    }
    return LEAT_OK;
}

static leat_status record(leati_omodel *m)
{
    const leati_onnx_graph *g = m->file->model->graph;
    leati_oframe f;
    leat_status st = LEAT_OK;
    leati_oframe_init(&f, &m->run, NULL);
    LEATI_GO(bind_graph(m, &f));
    LEATI_GO(leati_ograph_record(&m->run, &f, g));
    m->root_count = 0;
    for (size_t i = 0; i < g->output.count; i++) {
        m->outs[i] = leati_oframe_find(&f, g->output.at[i].name);
        if (m->outs[i]) {
            LEATI_GO(leati_made_check(m->context, &g->output.at[i], m->outs[i], m->fixed));
            continue;
        }
        st = LEATI_FAIL(m->context, LEAT_FORMAT, "output `%.60s` of the model is not made",
                        g->output.at[i].name);
        goto out;
    }
out:
    leati_oframe_fini(&f);
    return st;
}

/* Everything that is in the values, also in sequences. */
static leat_status fetch(leati_orun *r, size_t count, leati_oval **v)
{
    LEATI_TRY(leati_oval_host_all(r, count, v));
    for (size_t i = 0; i < count; i++)
        if (v[i]->kind == LEATI_OVAL_SEQUENCE) LEATI_TRY(fetch(r, v[i]->count, v[i]->items));
    return LEAT_OK;
}

leat_status leati_omodel_compute(leati_omodel *m, leati_oval ***outs)
{
    *outs = m->outs;
    LEATI_TRY(record(m));
    return fetch(&m->run, m->file->model->graph->output.count, m->outs);
}

/* ---- trying without data -----------------------------------------------------------------------
 */

/* Of an input, with `batch` for a first dimension that is free. False: it does not say enough. */
static bool trial_shape(const leati_onnx_value_info *v, int64_t batch, leat_dtype *dtype,
                        leat_shape *s, bool *open)
{
    const leati_onnx_tensor_type *t = v->type ? v->type->tensor_type : NULL;
    if (!t || !t->shape || t->shape->dim.count > LEAT_MAX_RANK ||
        !leati_oval_dtype(t->elem_type, dtype))
        return false;
    *s = (leat_shape){.rank = (int32_t)t->shape->dim.count};
    for (int d = 0; d < s->rank; d++) {
        const leati_onnx_dim *dim = &t->shape->dim.at[d];
        bool known = dim->has & 1u << 1 && dim->dim_value > 0;
        if (!known && (d > 0 || s->rank < 2)) return false;
        s->dim[d] = known ? dim->dim_value : batch;
        *open |= !known;
    }
    return true;
}

/* *decided: whatever comes of it comes of every run. */
static leat_status try_batch(leati_omodel *m, int64_t batch, bool *open, bool *decided)
{
    leati_orun *r = leati_omodel_begin(m);
    r->hollow = true;
    for (size_t i = 0; i < m->input_count; i++) {
        leat_dtype dtype;
        leat_shape shape;
        *decided = trial_shape(m->inputs[i], batch, &dtype, &shape, open);
        if (!*decided) return LEAT_OK;
        leati_oval *v =
            leati_oval_new(r, LEATI_OVAL_TENSOR, leati_oval_element(dtype), shape, true);
        if (!v) return leat_error_status(m->context);
        v->tensor = leat_input(r->graph, dtype, shape, NULL);
        if (!v->tensor) return leat_error_status(m->context);
        LEATI_TRY(leati_omodel_give(m, m->input_index[i], v));
    }
    leat_status st = record(m);
    *decided = !r->forced && st != LEAT_LIMIT;
    return st;
}

leat_status leati_omodel_try(leati_omodel *m)
{
    /* One row last: its message is the plainest. What may be a length must not be too short. */
    static const int64_t batches[] = {1000, 64, 1};
    bool open = false, decided = true;
    leat_status st = LEAT_OK;
    size_t most = leati_omodel_limit(m, TRIAL_NODES);
    for (size_t i = 0; i < 3; i++) {
        leat_error_clear(m->context);
        st = try_batch(m, batches[i], &open, &decided);
        if (st == LEAT_OK || !decided || !open || st == LEAT_NOMEM || st == LEAT_CANCELLED) break;
    }
    (void)leati_omodel_limit(m, most);
    (void)leati_omodel_begin(m);
    if (st == LEAT_OK || decided || st == LEAT_NOMEM || st == LEAT_CANCELLED) return st;
    leat_error_clear(m->context);
    return LEAT_OK;
}

/* ---- running with tensors ----------------------------------------------------------------------
 */

static bool same_inputs(const leati_omodel *m, const leati_otensor *in)
{
    if (!m->recorded) return false;
    for (size_t i = 0; i < m->input_count; i++) {
        const leati_oval *v = m->given[m->input_index[i]];
        if (v->element != in[i].element || !leati_shape_equal(&v->shape, &in[i].shape))
            return false;
    }
    return true;
}

static leat_status record_tensors(leati_omodel *m, const leati_otensor *in)
{
    leati_orun *r = leati_omodel_begin(m);
    const leati_onnx_graph *g = m->file->model->graph;
    for (size_t i = 0; i < m->input_count; i++) {
        leat_dtype dtype;
        leati_oval *v = leati_oval_new(r, LEATI_OVAL_TENSOR, in[i].element, in[i].shape, true);
        if (!v) return leat_error_status(m->context);
        if (leati_oval_dtype(in[i].element, &dtype))
            v->tensor = leat_input(r->graph, dtype, in[i].shape, in[i].data);
        else v->host = in[i].data;
        if (!v->tensor && !v->host) return leat_error_status(m->context);
        LEATI_TRY(leati_omodel_give(m, m->input_index[i], v));
    }
    LEATI_TRY(record(m));
    m->root_count = 0;
    bool again = !r->forced;
    /* what operators did with texts they did on the host, once */
    for (size_t i = 0; i < m->input_count; i++)
        again &= m->given[m->input_index[i]]->tensor != NULL;
    for (size_t i = 0; i < g->output.count; i++) {
        leati_oval *v = m->outs[i];
        if (v->kind != LEATI_OVAL_TENSOR || (v->host && v->varying)) again = false;
        else if (!v->host && !v->proto) m->roots[m->root_count++] = v->tensor;
        m->is_root[i] = !v->host && !v->proto && v->kind == LEATI_OVAL_TENSOR;
    }
    m->recorded = again;
    return LEAT_OK;
}

leat_status leati_omodel_run(leati_omodel *m, const leati_otensor *in, leati_oval ***outs)
{
    const leati_onnx_graph *g = m->file->model->graph;
    *outs = m->outs;
    if (same_inputs(m, in)) {
        for (size_t i = 0; i < m->input_count; i++)
            leat_bind(m->given[m->input_index[i]]->tensor, in[i].data);
    } else {
        LEATI_TRY(record_tensors(m, in));
    }
    if (!m->recorded) return fetch(&m->run, g->output.count, m->outs);
    LEATI_TRY(leat_run(m->graph, m->root_count, m->roots));
    size_t root = 0;
    for (size_t i = 0; i < g->output.count; i++) {
        leati_oval *v = m->outs[i];
        const void *data;
        if (!m->is_root[i]) {
            LEATI_TRY(leati_oval_host(&m->run, v, &data));
            continue;
        }
        size_t bytes = leati_shape_count(&v->shape) * leati_oval_width(v->element);
        if (!v->host) v->host = leati_arena_alloc(&m->run.arena, bytes ? bytes : 1);
        if (!v->host) return leat_error_status(m->context);
        LEATI_TRY(leat_get(m->roots[root++], (void *)(uintptr_t)v->host, bytes));
    }
    return LEAT_OK;
}
