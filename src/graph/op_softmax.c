/* Owns: SOFTMAX and LOG_SOFTMAX with their gradients. */
#include <leat/function.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

static leat_tensor *record(leati_op op, leat_tensor *x, int axis)
{
    if (!x) return NULL;
    leat_graph *g = x->node->graph;
    leati_node named = {.op = op, .scope = x->node->scope};
    leati_axis_attrs a = {.axis = leati_axis(g->context, &named, axis, x->shape.rank)};
    if (a.axis < 0) {
        leati_graph_break(g);
        return NULL;
    }
    return leati_op1(g, op, 1, &x, &a, sizeof a);
}

leat_tensor *leat_softmax(leat_tensor *x, int axis)
{
    return record(LEATI_OP_SOFTMAX, x, axis);
}

leat_tensor *leat_log_softmax(leat_tensor *x, int axis)
{
    return record(LEATI_OP_LOG_SOFTMAX, x, axis);
}

/* All inputs of one float type and shape; so is the result. */
static leat_status infer(leat_context *c, leati_node *n)
{
    const leat_tensor *x = n->in[0];
    if (!leati_dtype_is_float(x->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is %s, it must be floating point",
                               leat_dtype_name(x->dtype));
    if (n->ins == 2 &&
        (n->in[1]->dtype != x->dtype || !leati_shape_equal(&n->in[1]->shape, &x->shape)))
        return leati_node_fail(c, n, LEAT_SHAPE, "the gradient is not of the type and shape %s",
                               leati_shape_string(&x->shape).text);
    n->out[0].dtype = x->dtype;
    n->out[0].shape = x->shape;
    return LEAT_OK;
}

static int axis_of(const leati_node *n)
{
    return ((const leati_axis_attrs *)n->attrs)->axis;
}

/* The same in f32, rounded once. */
static leat_status widen(leati_node *n, leat_tensor **out)
{
    leat_tensor *in[2];
    for (size_t i = 0; i < n->ins; i++) in[i] = leat_cast(n->in[i], LEAT_DTYPE_F32);
    leat_tensor *y = leati_op1(n->graph, n->op, n->ins, in, n->attrs, n->attr_bytes);
    out[0] = leat_cast(y, n->out[0].dtype);
    return LEAT_OK;
}

static bool is_short(const leati_node *n)
{
    return leati_wide(n->out[0].dtype) != n->out[0].dtype;
}

static leat_status expand_softmax(leati_node *n, leat_tensor **out)
{
    if (is_short(n)) return widen(n, out);
    int axis = axis_of(n);
    leat_tensor *x = n->in[0], *e = leat_exp(leat_sub(x, leat_max(x, 1, &axis, true)));
    out[0] = leat_div(e, leat_sum(e, 1, &axis, true));
    return LEAT_OK;
}

static leat_status expand_log_softmax(leati_node *n, leat_tensor **out)
{
    if (is_short(n)) return widen(n, out);
    int axis = axis_of(n);
    leat_tensor *x = n->in[0], *d = leat_sub(x, leat_max(x, 1, &axis, true));
    out[0] = leat_sub(d, leat_log(leat_sum(leat_exp(d), 1, &axis, true)));
    return LEAT_OK;
}

/* (y, dy) -> y (dy - sum(y dy)) */
static leat_status expand_softmax_grad(leati_node *n, leat_tensor **out)
{
    if (is_short(n)) return widen(n, out);
    int axis = axis_of(n);
    leat_tensor *y = n->in[0], *dy = n->in[1];
    out[0] = leat_mul(y, leat_sub(dy, leat_sum(leat_mul(y, dy), 1, &axis, true)));
    return LEAT_OK;
}

/* (y, dy) -> dy - e^y sum(dy) */
static leat_status expand_log_softmax_grad(leati_node *n, leat_tensor **out)
{
    if (is_short(n)) return widen(n, out);
    int axis = axis_of(n);
    leat_tensor *y = n->in[0], *dy = n->in[1];
    out[0] = leat_sub(dy, leat_mul(leat_exp(y), leat_sum(dy, 1, &axis, true)));
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    (void)needed;
    leat_tensor *in[2] = {&n->out[0], dy[0]};
    leati_op op = n->op == LEATI_OP_SOFTMAX ? LEATI_OP_SOFTMAX_GRAD : LEATI_OP_LOG_SOFTMAX_GRAD;
    dx[0] = leati_op1(n->graph, op, 2, in, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

const leati_op_class leati_softmax_class = {infer, gradient, expand_softmax};
const leati_op_class leati_log_softmax_class = {infer, gradient, expand_log_softmax};
const leati_op_class leati_softmax_grad_class = {.infer = infer, .expand = expand_softmax_grad};
const leati_op_class leati_log_softmax_grad_class = {.infer = infer,
                                                     .expand = expand_log_softmax_grad};
