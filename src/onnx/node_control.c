/* Owns: control flow, sequences and optionals: C loops and lists around recordings, or one
 * operation of the graph where the body of a loop allows it (loop_body.c). */
#include <string.h>

#include "onnx/loop_body.h"
#include "onnx/loop_steps.h"
#include "onnx/operators.h"

/* ---- If, Loop, Scan -----------------------------------------------------------------------------
 */

leat_status leati_on_If(leati_ocall *k)
{
    int64_t condition;
    LEATI_TRY(leati_oint(k, 0, &condition));
    const char *branch = condition ? "then_branch" : "else_branch";
    const leati_onnx_graph *g = leati_oattr_graph(k, branch);
    leati_oval **outs = leati_oalloc(k, g ? g->output.count : 0, sizeof *outs);
    if (!outs) return LEAT_NOMEM;
    LEATI_TRY(leati_osubgraph(k, branch, 0, NULL, outs));
    for (size_t i = 0; g && i < g->output.count && i < k->outs; i++)
        LEATI_TRY(leati_opass(k, i, outs[i]));
    return LEAT_OK;
}

/* Joined along a new axis. */
static leati_oval *stacked(leati_ocall *k, size_t count, leati_oval *const *v, int axis)
{
    leati_oval **wide = leati_oalloc(k, count, sizeof *wide);
    leati_oval *out[8] = {0};
    leati_ocall step = *k;
    step.out = out, step.outs = 8;
    for (size_t i = 0; wide && i < count; i++) {
        leat_shape s = v[i]->shape, t = {.rank = s.rank + 1};
        if (v[i]->kind != LEATI_OVAL_TENSOR || t.rank > LEAT_MAX_RANK || axis > s.rank) {
            (void)leati_ofail(k, LEAT_SHAPE, "values of %s cannot be stacked",
                              leati_shape_string(&s).text);
            return NULL;
        }
        for (int d = 0; d < t.rank; d++) t.dim[d] = d == axis ? 1 : s.dim[d < axis ? d : d - 1];
        if (leati_oreshape(&step, 0, v[i], t) != LEAT_OK) return NULL;
        wide[i] = out[0];
    }
    return wide ? leati_oconcat(k, count, wide, axis) : NULL;
}

/* No iteration: the type of the graph's output tells what the elements would be. */
static leati_oval *nothing(leati_ocall *k, const leati_onnx_value_info *info)
{
    leat_shape s = {.rank = 1};
    void *data;
    const leati_onnx_tensor_type *t = info->type ? info->type->tensor_type : NULL;
    int32_t element = t && leati_oval_width(t->elem_type) ? t->elem_type : LEATI_ONNX_FLOAT;
    for (size_t i = 0; t && t->shape && i < t->shape->dim.count && s.rank < LEAT_MAX_RANK; i++)
        s.dim[s.rank++] = t->shape->dim.at[i].dim_value;
    return leati_oval_of_host(k->run, element, s, &data);
}

static leat_status scalar(leati_ocall *k, int32_t element, int64_t value, leati_oval **out)
{
    void *data;
    *out = leati_oval_of_host(k->run, element, LEAT_SCALAR, &data);
    if (!*out) return leat_error_status(k->context);
    leati_oput_int(element, data, 0, value);
    return LEAT_OK;
}

enum { MOST_RESULTS = 16 }; /* of a loop as one operation */

/* A Loop that goes on to its last step for certain. */
static leat_status loop_at_once(leati_ocall *k, size_t state, leati_oval *const *given,
                                int64_t length, bool *done)
{
    leat_tensor *out[MOST_RESULTS];
    const leati_onnx_graph *g = leati_oattr_graph(k, "body");
    const leati_oloop l = {
        .call = k, .counted = true, .states = state, .state = given, .length = length};
    LEATI_TRY(leati_oloop_record(&l, out, done));
    for (size_t i = 0; *done && i + 1 < g->output.count && i < k->outs; i++)
        LEATI_TRY(leati_opass(k, i, leati_oval_of_tensor(k, out[i], true)));
    return LEAT_OK;
}

static leat_status step_by_step(leati_osteps *s, leati_oval **in, leati_oval **outs, bool go)
{
    leati_ocall *k = s->call;
    for (int64_t n = 0; n < s->most && go; n++) {
        LEATI_TRY(scalar(k, LEATI_ONNX_INT64, n, &in[0]));
        LEATI_TRY(scalar(k, LEATI_ONNX_BOOL, go, &in[1]));
        LEATI_TRY(leati_osubgraph(k, "body", k->ins, in, outs));
        /* The condition and all else in one run: the next iteration begins from values. */
        const void *condition;
        if (!leati_oval_known(outs[0]))
            LEATI_TRY(leati_oval_host_all(k->run, 1 + s->states + s->results, outs));
        LEATI_TRY(leati_oval_host(k->run, outs[0], &condition));
        if (outs[0]->kind != LEATI_OVAL_TENSOR || leati_shape_count(&outs[0]->shape) != 1)
            return leati_ofail(k, LEAT_SHAPE, "its condition is no scalar");
        go = leati_oget_int(outs[0]->element, condition, 0) != 0;
        for (size_t i = 0; i < s->states; i++) in[i + 2] = outs[i + 1];
        for (size_t i = 0; i < s->results; i++)
            LEATI_TRY(leati_olist_push(k, &s->result[i], outs[1 + s->states + i]));
        LEATI_TRY(leati_osteps_next(s));
    }
    return LEAT_OK;
}

static leat_status give_results(leati_osteps *s, const leati_onnx_graph *g)
{
    leati_ocall *k = s->call;
    bool gathered;
    for (size_t i = 0; i < s->states && i < k->outs; i++) LEATI_TRY(leati_opass(k, i, s->state[i]));
    for (size_t i = 0; i < s->results && s->states + i < k->outs; i++) {
        leati_olist *l = &s->result[i];
        leati_oval *v;
        LEATI_TRY(leati_osteps_gathered(s, i, &v, &gathered));
        if (!gathered)
            v = l->count ? stacked(k, l->count, l->at, 0)
                         : nothing(k, &g->output.at[1 + s->states + i]);
        LEATI_TRY(leati_opass(k, s->states + i, v));
    }
    return LEAT_OK;
}

leat_status leati_on_Loop(leati_ocall *k)
{
    const leati_onnx_graph *g = leati_oattr_graph(k, "body");
    int64_t most = INT64_MAX, go = 1;
    if (!g || k->ins < 2 || g->input.count != k->ins || g->output.count + 1 < g->input.count)
        return leati_ofail(k, LEAT_FORMAT, "its body does not fit its inputs");
    if (leati_ohas(k, 0)) LEATI_TRY(leati_oint(k, 0, &most));
    if (leati_ohas(k, 1)) LEATI_TRY(leati_oint(k, 1, &go));
    size_t state = k->ins - 2, results = g->output.count, scans = results - 1 - state;
    leati_oval **in = leati_oalloc(k, k->ins, sizeof *in);
    leati_oval **outs = leati_oalloc(k, results, sizeof *outs);
    leati_olist *lists = leati_oalloc(k, scans, sizeof *lists);
    if (!in || !outs || !lists) return LEAT_NOMEM;
    for (size_t i = 0; i < state; i++) {
        in[i + 2] = k->in[i + 2];
        if (!in[i + 2]) return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 3);
    }
    bool done = false;
    if (go) LEATI_TRY(loop_at_once(k, state, in + 2, most, &done));
    if (done) return LEAT_OK;
    leati_osteps steps = {.call = k,
                          .states = state,
                          .results = scans,
                          .state = in + 2,
                          .result = lists,
                          .most = most};
    leati_osteps_begin(&steps);
    leat_status st = step_by_step(&steps, in, outs, go != 0);
    if (st == LEAT_OK) st = give_results(&steps, g);
    leati_osteps_end(&steps);
    return st;
}

typedef struct scan {
    size_t state, inputs, outputs;
    const int64_t *in_axes, *in_directions, *out_axes, *out_directions;
    int64_t length;
} scan;

static int64_t at_or(const int64_t *list, size_t i)
{
    return list ? list[i] : 0;
}

/* Element `t` along the axis, without it. */
static leati_oval *element_at(leati_ocall *k, leati_oval *x, int axis, int64_t t)
{
    int64_t start[LEAT_MAX_RANK] = {0}, count[LEAT_MAX_RANK], step[LEAT_MAX_RANK];
    leat_shape s = {0};
    leati_oval *out[8] = {0};
    leati_ocall inner = *k;
    inner.out = out, inner.outs = 8;
    for (int d = 0; d < x->shape.rank; d++) {
        start[d] = d == axis ? t : 0;
        count[d] = d == axis ? 1 : x->shape.dim[d];
        step[d] = 1;
        if (d != axis) s.dim[s.rank++] = x->shape.dim[d];
    }
    leati_oval *v = leati_oslice(k, x, start, count, step);
    return v && leati_oreshape(&inner, 0, v, s) == LEAT_OK ? out[0] : NULL;
}

/* x with the axis `from` as axis `to`. */
static leat_tensor *move_axis(leat_tensor *x, int from, int to)
{
    int perm[LEAT_MAX_RANK], rank = leat_tensor_shape(x).rank, at = 0;
    for (int d = 0; d < rank; d++) {
        if (at == from) at++;
        perm[d] = d == to ? from : at++;
    }
    return from == to ? x : leat_transpose(x, perm);
}

/* A sequence in the order of the steps, one after the other along axis 0. NULL: not on a device, or
 * an error. */
static leat_tensor *in_order(leati_ocall *k, leati_oval *v, int axis, int64_t length, bool reverse)
{
    static const int first[] = {0};
    leat_dtype dtype;
    if (!leati_oval_dtype(v->element, &dtype)) return NULL;
    leat_tensor *x = leati_oval_tensor(k->run, v);
    if (!x) return NULL;
    x = move_axis(x, axis, 0);
    if (leat_tensor_shape(x).dim[0] > length) x = leat_narrow(x, 0, 0, length);
    return reverse ? leat_flip(x, 1, first) : x;
}

/* All steps as one operation of the graph. */
static leat_status scan_at_once(leati_ocall *k, const scan *s, leati_oval *const *given,
                                const int *axes, int64_t length, leati_oval **results, bool *done)
{
    static const int first[] = {0};
    leat_tensor *sequence[64], *out[MOST_RESULTS];
    *done = false;
    if (k->run->in_body) return LEAT_OK;
    for (size_t i = 0; i < s->inputs; i++) {
        sequence[i] =
            in_order(k, given[s->state + i], axes[i], length, at_or(s->in_directions, i) != 0);
        if (!sequence[i]) return leat_error_status(k->context);
    }
    const leati_oloop l = {.call = k,
                           .states = s->state,
                           .state = given,
                           .sequences = s->inputs,
                           .sequence = sequence,
                           .length = length};
    LEATI_TRY(leati_oloop_record(&l, out, done));
    if (!*done) return LEAT_OK;
    for (size_t i = 0; i < s->state + s->outputs; i++) {
        leat_tensor *x = out[i];
        size_t result = i - s->state;
        if (i >= s->state) {
            int axis = leati_oaxis(k, at_or(s->out_axes, result), leat_tensor_shape(x).rank);
            if (axis < 0) return LEAT_SHAPE;
            if (at_or(s->out_directions, result)) x = leat_flip(x, 1, first);
            x = move_axis(x, 0, axis);
        }
        results[i] = leati_oval_of_tensor(k, x, true);
        if (!results[i]) return leat_error_status(k->context);
    }
    return LEAT_OK;
}

/* One sequence: k->in[first ...] are states, then inputs; outs likewise. */
static leat_status scan_run(leati_ocall *k, const scan *s, leati_oval *const *given,
                            leati_oval **results)
{
    const leati_onnx_graph *g = leati_oattr_graph(k, "body");
    leati_oval **in = leati_oalloc(k, s->state + s->inputs, sizeof *in);
    leati_oval **outs = leati_oalloc(k, s->state + s->outputs, sizeof *outs);
    leati_olist *lists = leati_oalloc(k, s->outputs, sizeof *lists);
    int axes[64];
    int64_t length = s->length;
    if (!in || !outs || !lists) return LEAT_NOMEM;
    for (size_t i = 0; i < s->inputs; i++) {
        leat_shape shape = given[s->state + i]->shape;
        axes[i] = leati_oaxis(k, at_or(s->in_axes, i), shape.rank);
        if (axes[i] < 0) return LEAT_SHAPE;
        if (length < 0) length = shape.dim[axes[i]];
        if (shape.dim[axes[i]] < length)
            return leati_ofail(k, LEAT_SHAPE, "inputs differ in length");
    }
    bool done;
    LEATI_TRY(scan_at_once(k, s, given, axes, length, results, &done));
    if (done) return LEAT_OK;
    for (size_t i = 0; i < s->state; i++) in[i] = given[i];
    size_t bytes = leati_orun_bytes(k->run);
    for (int64_t t = 0; t < length; t++) {
        for (size_t i = 0; i < s->inputs; i++) {
            int64_t at = at_or(s->in_directions, i) ? length - 1 - t : t;
            in[s->state + i] = element_at(k, given[s->state + i], axes[i], at);
            if (!in[s->state + i]) return leat_error_status(k->context);
        }
        LEATI_TRY(leati_osubgraph(k, "body", s->state + s->inputs, in, outs));
        for (size_t i = 0; i < s->state; i++) in[i] = outs[i];
        for (size_t i = 0; i < s->outputs; i++)
            LEATI_TRY(leati_olist_push(k, &lists[i], outs[s->state + i]));
        LEATI_TRY(leati_ostep_count(k, t + 1, length));
        LEATI_TRY(leati_ostep_hold(k, t + 1, length, bytes));
    }
    for (size_t i = 0; i < s->state; i++) results[i] = in[i];
    for (size_t i = 0; i < s->outputs; i++) {
        leati_olist *l = &lists[i];
        for (size_t a = 0, b = l->count; at_or(s->out_directions, i) && a + 1 < b; a++, b--) {
            leati_oval *v = l->at[a];
            l->at[a] = l->at[b - 1];
            l->at[b - 1] = v;
        }
        int rank = l->count ? l->at[0]->shape.rank + 1 : 1;
        int axis = l->count ? leati_oaxis(k, at_or(s->out_axes, i), rank) : 0;
        if (axis < 0) return LEAT_SHAPE;
        results[s->state + i] =
            l->count ? stacked(k, l->count, l->at, axis) : nothing(k, &g->output.at[s->state + i]);
        if (!results[s->state + i]) return leat_error_status(k->context);
    }
    return LEAT_OK;
}

/* Opset 8: input 0 holds lengths, dimension 0 of everything is the batch. */
static leat_status scan_batches(leati_ocall *k, scan *s)
{
    size_t n = s->state + s->inputs, m = s->state + s->outputs, lengths = 0;
    const int64_t *length = NULL;
    LEATI_TRY(leati_oneed(k, 0));
    if (leati_ohas(k, 0)) LEATI_TRY(leati_oints(k, 0, &length, &lengths));
    int64_t batches = k->in[1] && k->in[1]->shape.rank ? k->in[1]->shape.dim[0] : 0;
    leati_oval **in = leati_oalloc(k, n, sizeof *in), **out = leati_oalloc(k, m, sizeof *out);
    leati_olist *lists = leati_oalloc(k, m, sizeof *lists);
    if (!in || !out || !lists) return LEAT_NOMEM;
    if (length && lengths < (size_t)batches)
        return leati_ofail(k, LEAT_SHAPE, "lengths are missing");
    for (int64_t b = 0; b < batches; b++) {
        for (size_t i = 0; i < n; i++) {
            leati_oval *x = k->in[i + 1];
            if (x->shape.rank < 1 || x->shape.dim[0] != batches)
                return leati_ofail(k, LEAT_SHAPE, "batches differ");
            in[i] = element_at(k, x, 0, b);
            if (!in[i]) return leat_error_status(k->context);
        }
        s->length = length ? length[b] : -1;
        LEATI_TRY(scan_run(k, s, in, out));
        for (size_t i = 0; i < m; i++) LEATI_TRY(leati_olist_push(k, &lists[i], out[i]));
    }
    for (size_t i = 0; i < m && i < k->outs && batches; i++)
        LEATI_TRY(leati_opass(k, i, stacked(k, lists[i].count, lists[i].at, 0)));
    return LEAT_OK;
}

leat_status leati_on_Scan(leati_ocall *k)
{
    const leati_onnx_graph *g = leati_oattr_graph(k, "body");
    scan s = {.inputs = (size_t)leati_oattr_int(k, "num_scan_inputs", 0), .length = -1};
    size_t counts[4] = {0}, first = k->version < 9 ? 1 : 0;
    size_t given = k->ins > first ? k->ins - first : 0;
    if (!g || s.inputs < 1 || s.inputs > given || s.inputs > 64 || g->input.count != given ||
        g->output.count < given - s.inputs)
        return leati_ofail(k, LEAT_FORMAT, "its body does not fit its inputs");
    s.state = given - s.inputs;
    s.outputs = g->output.count - s.state;
    s.in_axes = leati_oattr_ints(k, "scan_input_axes", &counts[0]);
    s.in_directions =
        leati_oattr_ints(k, k->version < 9 ? "directions" : "scan_input_directions", &counts[1]);
    s.out_axes = leati_oattr_ints(k, "scan_output_axes", &counts[2]);
    s.out_directions = leati_oattr_ints(k, "scan_output_directions", &counts[3]);
    for (size_t i = 0; i < 4; i++)
        if (counts[i] && counts[i] != (i < 2 ? s.inputs : s.outputs))
            return leati_ofail(k, LEAT_FORMAT, "axes or directions do not fit");
    if (!counts[0]) s.in_axes = NULL;
    if (!counts[1]) s.in_directions = NULL;
    if (!counts[2]) s.out_axes = NULL;
    if (!counts[3]) s.out_directions = NULL;
    for (size_t i = 0; i < given; i++)
        if (!k->in[first + i] || k->in[first + i]->kind != LEATI_OVAL_TENSOR)
            return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", first + i + 1);
    if (first) return scan_batches(k, &s);
    leati_oval **out = leati_oalloc(k, g->output.count, sizeof *out);
    if (!out) return LEAT_NOMEM;
    LEATI_TRY(scan_run(k, &s, k->in, out));
    for (size_t i = 0; i < g->output.count && i < k->outs; i++)
        LEATI_TRY(leati_opass(k, i, out[i]));
    return LEAT_OK;
}
