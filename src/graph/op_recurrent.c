/* Owns: RECURRENT, its gradient, and recurrent layers made of it. */
#include <string.h>

#include <leat/function.h>

#include "device/recurrent.h"
#include "graph/op_classes.h"
#include "graph/op_recurrent_unrolled.h"
#include "tensor/shape.h"

enum { NOTHING = 0 };

static leat_status wrong(leat_context *c, leati_node *n, const char *what, const leat_tensor *x,
                         leat_shape want)
{
    return leati_node_fail(c, n, LEAT_SHAPE, "%s has shape %s, expected %s", what,
                           leati_shape_string(&x->shape).text, leati_shape_string(&want).text);
}

/* The shape is `want`, the type that of the first input. */
static leat_status check(leat_context *c, leati_node *n, size_t i, const char *what,
                         leat_shape want)
{
    const leat_tensor *x = n->in[i];
    if (!leati_shape_equal(&x->shape, &want)) return wrong(c, n, what, x, want);
    if (x->dtype != n->in[0]->dtype)
        return leati_node_fail(c, n, LEAT_TYPE, "%s is %s, the first input is %s", what,
                               leat_dtype_name(x->dtype), leat_dtype_name(n->in[0]->dtype));
    return LEAT_OK;
}

static leat_status check_lengths(leat_context *c, leati_node *n, size_t i, int64_t rows)
{
    if (n->ins <= i) return LEAT_OK;
    if (n->in[i]->dtype != LEAT_DTYPE_I64)
        return leati_node_fail(c, n, LEAT_TYPE, "the lengths are %s, they must be i64",
                               leat_dtype_name(n->in[i]->dtype));
    leat_shape want = LEAT_DIMS(rows);
    return leati_shape_equal(&n->in[i]->shape, &want) ? LEAT_OK
                                                      : wrong(c, n, "lengths", n->in[i], want);
}

static leat_status infer(leat_context *c, leati_node *n)
{
    const leati_recurrent_attrs *a = n->attrs;
    leati_cell cell = (leati_cell)a->cell;
    const leat_shape *x = &n->in[0]->shape;
    int64_t gates = (int64_t)leati_cell_gates(cell);
    bool plain = cell < LEATI_CELL_LSTM, lstm = cell == LEATI_CELL_LSTM;
    if (!leati_dtype_is_float(n->in[0]->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is %s, it must be floating point",
                               leat_dtype_name(n->in[0]->dtype));
    if (x->rank != 3 || x->dim[2] % gates || n->ins < (plain ? 3 : 4))
        return leati_node_fail(c, n, LEAT_SHAPE,
                               "input %s must be (steps, sequences, %lld gates of all units)",
                               leati_shape_string(x).text, (long long)gates);
    int64_t steps = x->dim[0], rows = x->dim[1], units = x->dim[2] / gates;
    leat_shape state = LEAT_DIMS(rows, units), none = LEAT_DIMS(NOTHING);
    LEATI_TRY(check(c, n, 1, "the recurrent weight", LEAT_DIMS(gates * units, units)));
    LEATI_TRY(check(c, n, 2, "the initial state", state));
    if (lstm) LEATI_TRY(check(c, n, 3, "the initial cell state", state));
    if (cell == LEATI_CELL_GRU)
        LEATI_TRY(check(c, n, 3, "the recurrent bias", LEAT_DIMS(gates * units)));
    LEATI_TRY(check_lengths(c, n, plain ? 3 : 4, rows));
    for (int i = 0; i < 5; i++) n->out[i].dtype = n->in[0]->dtype;
    n->out[0].shape = LEAT_DIMS(steps, rows, units);
    n->out[1].shape = state;
    n->out[2].shape = lstm ? state : none;
    n->out[3].shape = plain ? none : *x;
    n->out[4].shape = plain ? none : lstm ? n->out[0].shape : *x;
    return LEAT_OK;
}

static leat_status infer_grad(leat_context *c, leati_node *n)
{
    const leati_recurrent_attrs *a = n->attrs;
    const leat_shape *y = &n->in[6]->shape;
    leati_cell cell = (leati_cell)a->cell;
    int64_t gates = (int64_t)leati_cell_gates(cell);
    if (y->rank != 3 || !leati_shape_equal(&n->in[0]->shape, y))
        return leati_node_fail(c, n, LEAT_SHAPE, "gradient %s does not belong to states %s",
                               leati_shape_string(&n->in[0]->shape).text,
                               leati_shape_string(y).text);
    leat_shape state = LEAT_DIMS(y->dim[1], y->dim[2]);
    LEATI_TRY(check(c, n, 1, "the gradient of the last state", state));
    LEATI_TRY(check(c, n, 3, "the recurrent weight", LEAT_DIMS(gates * y->dim[2], y->dim[2])));
    LEATI_TRY(check(c, n, 4, "the initial state", state));
    LEATI_TRY(check_lengths(c, n, 9, y->dim[1]));
    for (int i = 0; i < 4; i++) n->out[i].dtype = n->in[0]->dtype;
    n->out[0].shape = LEAT_DIMS(y->dim[0], y->dim[1], gates * y->dim[2]);
    n->out[1].shape = n->in[3]->shape;
    n->out[2].shape = state;
    n->out[3].shape = n->in[5]->shape;
    return LEAT_OK;
}

/* dx from dy by way of what the node was written out as. */
static leat_status through(leati_node *n, leat_tensor *const *out, leat_tensor *const *dy,
                           leat_tensor **dx)
{
    for (size_t i = 0; i < n->outs; i++) {
        leat_tensor *part[10];
        if (!dy[i] || !out[i]) continue;
        LEATI_TRY(leati_gradients_partial(out[i], dy[i], n->ins, n->in, part));
        for (size_t k = 0; k < n->ins; k++) dx[k] = dx[k] ? leat_add(dx[k], part[k]) : part[k];
    }
    return n->graph->broken ? leat_error_status(n->graph->context) : LEAT_OK;
}

static leat_status gradient_of_grad(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                    leat_tensor **dx)
{
    leat_tensor *out[4];
    (void)needed;
    LEATI_TRY(leati_recurrent_grad_unroll(n, out));
    return through(n, out, dy, dx);
}

/* Where gates, or what is kept of them, are differentiated, too: RECURRENT_GRAD reads them. */
static leat_status gradient_of_all(leati_node *n, leat_tensor *const *dy, leat_tensor **dx)
{
    leat_tensor *out[5];
    LEATI_TRY(leati_recurrent_unroll(n, out));
    return through(n, out, dy, dx);
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    const leati_recurrent_attrs *a = n->attrs;
    if (dy[3] || dy[4]) return gradient_of_all(n, dy, dx);
    bool plain = a->cell < LEATI_CELL_LSTM;
    size_t lengths = plain ? 3 : 4;
    leat_tensor *d[3], *in[10];
    for (int i = 0; i < 3; i++) d[i] = dy[i] ? dy[i] : leati_full_like(&n->out[i], 0);
    for (int i = 0; i < 3; i++) in[i] = d[i];
    in[3] = n->in[1];
    in[4] = n->in[2];
    in[5] = plain ? &n->out[2] : n->in[3];
    in[6] = &n->out[0];
    in[7] = &n->out[3];
    in[8] = &n->out[4];
    in[9] = n->ins > lengths ? n->in[lengths] : NULL;
    leati_node *back = leati_node_new(n->graph, LEATI_OP_RECURRENT_GRAD, in[9] ? 10 : 9, in,
                                      n->attrs, n->attr_bytes);
    for (size_t i = 0; back && i < lengths; i++)
        if (needed[i]) dx[i] = &back->out[i];
    return LEAT_OK;
}

const leati_op_class leati_recurrent_class = {.infer = infer, .gradient = gradient};
const leati_op_class leati_recurrent_grad_class = {.infer = infer_grad,
                                                   .gradient = gradient_of_grad};

/* ---- layers --------------------------------------------------------------------------------- */

leat_recurrent leat_recurrent_default(leat_cell cell)
{
    return (leat_recurrent){.struct_size = sizeof(leat_recurrent), .cell = cell};
}

static leat_tensor *zeros(leat_tensor *x, leat_shape shape)
{
    return leat_expand(leat_like(x, 0), shape);
}

/* The sum of what is not NULL. */
static leat_tensor *both(leat_tensor *a, leat_tensor *b)
{
    return !a ? b : !b ? a : leat_add(a, b);
}

static leat_tensor *wrong_input(leat_tensor *x)
{
    leat_graph *g = x->node->graph;
    (void)LEATI_FAIL(g->context, LEAT_SHAPE,
                     "recurrent layer: input %s must be (steps, sequences, features), or numbers "
                     "of shape (steps, sequences)",
                     leati_shape_string(&x->shape).text);
    leati_graph_break(g);
    return NULL;
}

static leat_tensor *wrong_weights(leat_tensor *x, const leat_recurrent *o)
{
    leat_graph *g = x->node->graph;
    (void)LEATI_FAIL(g->context, LEAT_SHAPE,
                     "recurrent layer: weights %s and %s must be (gates of all units, features) "
                     "and (gates of all units, units)",
                     leati_shape_string(&o->w->shape).text, leati_shape_string(&o->r->shape).text);
    leati_graph_break(g);
    return NULL;
}

/* x w' + bias. Of many numbers rows of that table, of few columns of w. */
static leat_tensor *shares(leat_tensor *x, leat_tensor *w, leat_tensor *bias)
{
    leat_shape s = x->shape;
    if (s.rank == 2 && s.dim[0] * s.dim[1] >= w->shape.dim[1])
        return leat_take(both(leat_transpose(w, (const int[]){1, 0}), bias), x, 0);
    if (s.rank == 2) return both(leat_transpose(leat_take(w, x, 1), (const int[]){1, 2, 0}), bias);
    leat_tensor *lines = leat_reshape(x, LEAT_DIMS(s.dim[0] * s.dim[1], s.dim[2]));
    leat_tensor *xw = leat_matmul_t(lines, false, w, true);
    if (bias) xw = leat_add(xw, bias);
    return xw ? leat_reshape(xw, LEAT_DIMS(s.dim[0], s.dim[1], xw->shape.dim[1])) : NULL;
}

leat_tensor *leat_recur(leat_tensor *x, const leat_recurrent *given, leat_tensor **h_last,
                        leat_tensor **c_last)
{
    leat_recurrent o = leat_recurrent_default(LEAT_CELL_TANH);
    if (h_last) *h_last = NULL;
    if (c_last) *c_last = NULL;
    if (!x || !LEATI_GRAPH_OPTIONS(x->node->graph, leat_recurrent, &o, given)) return NULL;
    leat_graph *g = x->node->graph;
    if (!o.w || !o.r)
        return leati_refuse(g, LEATI_OP_RECURRENT, LEAT_INVALID, "the weights w and r are NULL");
    leati_recurrent_attrs a = {.cell = (uint32_t)o.cell, .reverse = o.reverse};
    bool gru = o.cell == LEAT_CELL_GRU, lstm = o.cell == LEAT_CELL_LSTM;
    if (x->shape.rank != (leati_dtype_is_float(x->dtype) ? 3 : 2)) return wrong_input(x);
    if (o.w->shape.rank != 2 || o.r->shape.rank != 2) return wrong_weights(x, &o);
    int64_t rows = x->shape.dim[1], units = o.r->shape.dim[1];
    leat_tensor *xw = shares(x, o.w, gru ? o.bias : both(o.bias, o.r_bias));
    if (!xw) return NULL;
    leat_tensor *in[5] = {xw, o.r, o.h0 ? o.h0 : zeros(o.r, LEAT_DIMS(rows, units))};
    size_t ins = 3;
    if (lstm) in[ins++] = o.c0 ? o.c0 : zeros(o.r, LEAT_DIMS(rows, units));
    if (gru) in[ins++] = o.r_bias ? o.r_bias : zeros(o.r, LEAT_DIMS(3 * units));
    if (o.lengths) in[ins++] = o.lengths;
    leati_node *n = leati_node_new(g, LEATI_OP_RECURRENT, ins, in, &a, sizeof a);
    if (!n) return NULL;
    if (h_last) *h_last = &n->out[1];
    if (c_last && lstm) *c_last = &n->out[2];
    return &n->out[0];
}
