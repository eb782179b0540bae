/* Owns: the estimator `graph`: what the outputs of an imported graph mean. */
#include "onnx/graph_estimator.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/onnx_describe.h"
#include "onnx/graph_rows.h"

/* Shares of f32 may be a little out of [0, 1]. */
static const double rounding = 1e-3;

typedef struct graph {
    leati_estimator base;
    char *file;
    size_t size;
    leati_graph_form form; /* without classes: */
    leati_map names;       /* what the graph calls them, by number */
    leati_resting_pool *resting;
    leati_shelf *shelf; /* what they share */
} graph;

static const leati_param params[] = {{0}};

static leat_status fit(leati_estimator *base, leat_context *c, const leati_dataset *d)
{
    (void)base, (void)d;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED, "an imported graph is not trained here");
}

static void clear(leati_estimator *base)
{
    graph *e = (graph *)base;
    leati_free(e->file);
    e->file = NULL;
    leati_map_fini(&e->names);
    leati_resting_pool_destroy(e->resting);
    e->resting = NULL;
    leati_shelf_release(e->shelf);
    e->shelf = NULL;
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* An output of so many elements a row, for a batch of rows; of numbers, or of texts or whole
 * numbers. */
static leat_status check_output(leat_context *c, const leati_oval *v, size_t batch, size_t wide,
                                bool label)
{
    const leat_shape *s = &v->shape;
    leat_dtype dtype;
    bool number = leati_oval_dtype(v->element, &dtype);
    LEATI_CHECK(c,
                label ? v->element == LEATI_ONNX_STRING || (number && !leati_dtype_is_float(dtype))
                      : number,
                LEAT_TYPE, "the graph gives %s where it must give %s",
                leati_onnx_element_word(v->element), label ? "classes" : "numbers");
    bool fits = v->kind == LEATI_OVAL_TENSOR && (s->rank == 2 || (s->rank == 1 && wide == 1)) &&
                s->dim[0] == (int64_t)batch && (s->rank == 1 || s->dim[1] == (int64_t)wide);
    LEATI_CHECK(c, fits, LEAT_SHAPE, "the graph gives %s where it must give (%zu, %zu)",
                v->kind == LEATI_OVAL_TENSOR ? leati_shape_string(s).text : "no tensor", batch,
                wide);
    return LEAT_OK;
}

/* The class that the graph names in row `i` of the output. */
static leat_status read_label(leat_context *c, const graph *e, const leati_oval *v, size_t i,
                              size_t row, double *out)
{
    char space[32];
    const char *text = space;
    size_t n;
    if (v->element == LEATI_ONNX_STRING) {
        leati_pb_bytes b = ((const leati_pb_bytes *)v->host)[i];
        text = b.size ? b.data : "";
        n = b.size;
    } else {
        n = (size_t)snprintf(space, sizeof space, "%lld",
                             (long long)leati_oget_int(v->element, v->host, i));
    }
    uint32_t k = leati_map_get(&e->names, text, n);
    LEATI_CHECK(c, k != LEATI_MAP_NONE, LEAT_FORMAT,
                "row %zu: the graph says '%.*s', which is none of its classes", row + 1,
                (int)(n > 60 ? 60 : n), text);
    *out = k;
    return LEAT_OK;
}

static leat_status read_share(leat_context *c, double v, size_t row, double *out)
{
    LEATI_CHECK(c, v >= -rounding && v <= 1 + rounding, LEAT_INVALID,
                "row %zu: the graph gives %g as a probability%s", row + 1, v,
                isnan(v) ? "; a value of the row may be missing, which not every graph takes" : "");
    *out = fmin(fmax(v, 0), 1);
    return LEAT_OK;
}

static leat_status read_score(leat_context *c, double v, size_t row, double *out)
{
    LEATI_CHECK(c, !isnan(v), LEAT_INVALID,
                "row %zu: the graph gives no number as a score; a value of the row may be missing, "
                "which not every graph takes",
                row + 1);
    *out = v;
    return LEAT_OK;
}

/* out (classes): shares or scores of row i. */
static leat_status read_row(leat_context *c, const graph *e, const leati_oval *v, size_t i,
                            size_t row, double *out)
{
    uint32_t classes = e->base.classes;
    leati_graph_says says = e->form.says;
    double label;
    if (says == LEATI_GRAPH_CLASS) {
        LEATI_TRY(read_label(c, e, v, i, row, &label));
        for (uint32_t k = 0; k < classes; k++) out[k] = k == (uint32_t)label;
    } else if (says == LEATI_GRAPH_SHARE || says == LEATI_GRAPH_SCORE) {
        double one = leati_oget(v->element, v->host, i);
        bool share = says == LEATI_GRAPH_SHARE;
        LEATI_TRY(share ? read_share(c, one, row, &out[1]) : read_score(c, one, row, &out[1]));
        out[0] = share ? 1 - out[1] : -out[1];
    } else {
        for (uint32_t k = 0; k < classes; k++) {
            double one = leati_oget(v->element, v->host, i * classes + k);
            LEATI_TRY(says == LEATI_GRAPH_SHARES ? read_share(c, one, row, &out[k])
                                                 : read_score(c, one, row, &out[k]));
        }
    }
    return LEAT_OK;
}

static double first_largest(const double *z, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (z[k] > z[best]) best = k;
    return (double)best;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* What is wanted of rows; each may be NULL. */
typedef struct wanted {
    double *value; /* (rows) */
    double *table; /* (rows, classes): shares or scores */
    double *space; /* (classes), for the class without the table */
} wanted;

static leat_status read_batch(leat_context *c, const graph *e, leati_oval *const *outs,
                              size_t batch, size_t at, size_t rows, const wanted *w)
{
    bool wide = e->form.says == LEATI_GRAPH_SHARES || e->form.says == LEATI_GRAPH_SCORES;
    const leati_oval *v = outs[e->form.output];
    const leati_oval *label = e->form.has_label ? outs[e->form.label] : NULL;
    size_t classes = e->base.classes;
    LEATI_TRY(check_output(c, v, batch, wide ? classes : 1, e->form.says == LEATI_GRAPH_CLASS));
    if (label) LEATI_TRY(check_output(c, label, batch, 1, true));
    for (size_t i = 0; i < rows; i++) {
        size_t row = at + i;
        if (e->base.task == LEATI_REGRESS) {
            w->value[row] = leati_oget(v->element, v->host, i);
            continue;
        }
        double *to = w->table ? w->table + row * classes : w->space;
        if (w->table || !label) LEATI_TRY(read_row(c, e, v, i, row, to));
        if (!w->value) continue;
        if (label) LEATI_TRY(read_label(c, e, label, i, row, &w->value[row]));
        else w->value[row] = first_largest(to, classes);
    }
    return LEAT_OK;
}

static leat_status run_rows(leat_context *c, const graph *e, leati_graph_rows *g,
                            const leati_matrix *x, const wanted *w)
{
    size_t most = leati_graph_rows_most(g), batch;
    for (size_t at = 0; at < x->rows; at += most) {
        size_t rows = x->rows - at < most ? x->rows - at : most;
        leati_oval **outs;
        LEATI_TRY(leati_graph_rows_run(c, g, x, at, rows, &outs, &batch));
        LEATI_TRY(read_batch(c, e, outs, batch, at, rows, w));
    }
    return LEAT_OK;
}

static leat_status run(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                       double *value, double *table)
{
    const graph *e = (const graph *)base;
    wanted w = {.value = value, .table = table};
    leati_graph_rows *g = leati_graph_pool_take(e->resting, c);
    leat_status st = LEAT_OK;
    if (!g) LEATI_TRY(leati_graph_rows_open(c, e->file, e->size, base->features, e->shelf, &g));
    w.space = leati_array(c, base->classes + 1, sizeof *w.space);
    if (!w.space) st = leat_error_status(c);
    if (st == LEAT_OK) st = run_rows(c, e, g, x, &w);
    leati_free(w.space);
    if (st == LEAT_OK) leati_resting_pool_give(e->resting, g, true);
    else leati_graph_rows_close(g);
    return st;
}

static bool gives_proba(const leati_estimator *base)
{
    leati_graph_says says = ((const graph *)base)->form.says;
    return says == LEATI_GRAPH_SHARES || says == LEATI_GRAPH_SHARE;
}

static leat_status check_proba(const leati_estimator *base, leat_context *c)
{
    LEATI_CHECK(c, gives_proba(base), LEAT_UNSUPPORTED,
                "the graph gives no probabilities: its output is %s",
                ((const graph *)base)->form.says == LEATI_GRAPH_CLASS ? "a class" : "scores");
    return LEAT_OK;
}

static leat_status predict(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                           double *out)
{
    return run(base, c, x, out, NULL);
}

static leat_status proba(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                         double *out)
{
    LEATI_TRY(check_proba(base, c));
    return run(base, c, x, NULL, out);
}

static leat_status decision(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                            double *out)
{
    return run(base, c, x, NULL, out);
}

static leat_status answer(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                          double *value, double *table)
{
    LEATI_TRY(check_proba(base, c));
    return run(base, c, x, value, table);
}

static leat_status reserve(const leati_estimator *base, leat_context *c, size_t threads)
{
    const graph *e = (const graph *)base;
    leati_resting_pool_widen(e->resting, threads);
    for (size_t i = 0; i < threads; i++) {
        leati_graph_rows *g;
        LEATI_TRY(leati_graph_rows_open(c, e->file, e->size, base->features, e->shelf, &g));
        leati_resting_pool_give(e->resting, g, true);
    }
    return LEAT_OK;
}

/* ---- the state ------------------------------------------------------------------------------- */

/* `names`: texts of the classes, each with its 0; NULL: none. */
static leat_status put_form(leati_state *s, const leati_graph_form *form, const char *names,
                            size_t bytes, const void *onnx, size_t size)
{
    LEATI_TRY(leati_state_put(s, "graph", LEATI_U8, onnx, size, 0));
    LEATI_TRY(leati_state_put_scalar(s, "says", form->says));
    LEATI_TRY(leati_state_put_scalar(s, "output", (double)form->output));
    LEATI_TRY(leati_state_put_scalar(s, "has_label", form->has_label));
    LEATI_TRY(leati_state_put_scalar(s, "label", (double)form->label));
    return form->has_label ? leati_state_put(s, "label_names", LEATI_U8, names, bytes, 0) : LEAT_OK;
}

leat_status leati_graph_estimator_state(leati_state *s, const leati_graph_form *form,
                                        leati_task task, uint32_t classes, size_t features,
                                        const void *onnx, size_t size)
{
    leati_str names;
    leati_str_init(&names, s->context);
    for (uint32_t k = 0; form->has_label && k < classes; k++)
        leati_str_addn(&names, form->classes[k], strlen(form->classes[k]) + 1);
    leat_status st;
    LEATI_GO(leati_str_status(&names));
    LEATI_GO(leati_state_put_scalar(s, "task", task));
    LEATI_GO(leati_state_put_scalar(s, "features", (double)features));
    LEATI_GO(leati_state_put_scalar(s, "classes", classes));
    LEATI_GO(leati_state_put_scalar(s, "iterations", 0));
    LEATI_GO(leati_state_put_scalar(s, "converged", 1));
    LEATI_GO(put_form(s, form, leati_str_text(&names), names.length, onnx, size));
out:
    leati_str_fini(&names);
    return st;
}

static leat_status save(const leati_estimator *base, leat_context *c, leati_state *s)
{
    const graph *e = (const graph *)base;
    leati_str names;
    leati_str_init(&names, c);
    for (uint32_t k = 0; k < e->names.count; k++) {
        size_t n;
        const char *text = leati_map_key(&e->names, k, &n);
        leati_str_addn(&names, text, n);
        leati_str_addn(&names, "", 1);
    }
    leat_status st = leati_str_status(&names);
    if (st == LEAT_OK)
        st = put_form(s, &e->form, leati_str_text(&names), names.length, e->file, e->size);
    leati_str_fini(&names);
    return st;
}

static leat_status damaged(leat_context *c, const char *what)
{
    return LEATI_FAIL(c, LEAT_FORMAT, "damaged model: %s", what);
}

static leat_status load_names(leat_context *c, graph *e, leati_state *s)
{
    char *text;
    size_t size, at = 0;
    LEATI_TRY(leati_state_take(c, s, "label_names", LEATI_U8, SIZE_MAX, 0, &text, &size));
    leat_status st = LEAT_OK;
    for (uint32_t k = 0; st == LEAT_OK && at < size; k++) {
        const char *end = memchr(text + at, 0, size - at);
        uint32_t put = end ? leati_map_put(&e->names, text + at, (size_t)(end - text) - at) : k + 1;
        if (put != k) st = leat_error_status(c);
        if (put != k && st == LEAT_OK) st = damaged(c, "equal names of classes");
        if (end) at = (size_t)(end - text) + 1;
    }
    leati_free(text);
    if (st != LEAT_OK) return st;
    return e->names.count == e->base.classes ? LEAT_OK : damaged(c, "too few names of classes");
}

static leat_status load_form(leat_context *c, graph *e, leati_state *s)
{
    double says, output, has_label, label;
    leati_graph_form *f = &e->form;
    LEATI_TRY(leati_state_get_scalar(c, s, "says", 0, LEATI_GRAPH_SCORE, &says));
    LEATI_TRY(leati_state_get_scalar(c, s, "output", 0, 1e6, &output));
    LEATI_TRY(leati_state_get_scalar(c, s, "has_label", 0, 1, &has_label));
    LEATI_TRY(leati_state_get_scalar(c, s, "label", 0, 1e6, &label));
    *f = (leati_graph_form){.says = (leati_graph_says)says,
                            .output = (size_t)output,
                            .has_label = has_label > 0.5,
                            .label = (size_t)label};
    bool number = f->says == LEATI_GRAPH_NUMBER, regress = e->base.task == LEATI_REGRESS;
    bool two = f->says == LEATI_GRAPH_SHARE || f->says == LEATI_GRAPH_SCORE;
    bool by_name = f->says == LEATI_GRAPH_CLASS;
    if (number != regress || (two && e->base.classes != 2) || (by_name && !f->has_label) ||
        (number && f->has_label) || (by_name && f->label != f->output))
        return damaged(c, "what the outputs mean does not fit the task");
    return f->has_label ? load_names(c, e, s) : LEAT_OK;
}

/* The outputs are there, and of types that can be read as what they mean. */
static leat_status check_outputs(leat_context *c, const graph *e, const leati_graph_rows *g)
{
    const leati_onnx_graph *proto = leati_omodel_proto(leati_graph_rows_model(g))->graph;
    if (e->form.output >= proto->output.count || e->form.label >= proto->output.count)
        return damaged(c, "an output that the graph does not have");
    return LEAT_OK;
}

static leat_status load(leati_estimator *base, leat_context *c, leati_state *s)
{
    graph *e = (graph *)base;
    leati_graph_rows *g;
    leati_map_init(&e->names, c);
    LEATI_TRY(load_form(c, e, s));
    LEATI_TRY(leati_state_take(c, s, "graph", LEATI_U8, SIZE_MAX, 0, &e->file, &e->size));
    e->resting = leati_graph_pool_create(c);
    e->shelf = e->resting ? leati_shelf_create(c) : NULL;
    if (!e->shelf) return leat_error_status(c);
    LEATI_TRY(leati_graph_rows_open(c, e->file, e->size, base->features, e->shelf, &g));
    leat_status st = check_outputs(c, e, g);
    if (st == LEAT_OK) leati_resting_pool_give(e->resting, g, true);
    else leati_graph_rows_close(g);
    return st;
}

const void *leati_graph_estimator_file(const leati_estimator *base, size_t *size)
{
    const graph *e = (const graph *)base;
    if (base->class != &leati_estimator_graph) return NULL;
    *size = e->size;
    return e->file;
}

const leati_estimator_class leati_estimator_graph = {
    .name = "graph",
    .title = "an imported graph",
    .doc = "A model that was trained elsewhere and came as an ONNX file.",
    .traits = LEATI_CLASSIFIER | LEATI_REGRESSOR | LEATI_TAKES_MISSING,
    .size = sizeof(graph),
    .params = params,
    .fit = fit,
    .predict = predict,
    .proba = proba,
    .gives_proba = gives_proba,
    .decision = decision,
    .answer = answer,
    .reserve = reserve,
    .save = save,
    .load = load,
    .clear = clear};
