/* Owns: RESHAPE, EXPAND, TRANSPOSE. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

/* ---- RESHAPE
 * -------------------------------------------------------------------------------------- */

leat_tensor *leat_reshape(leat_tensor *x, leat_shape shape)
{
    if (!x) return NULL;
    if (leati_shape_equal(&x->shape, &shape)) return x;
    leati_node *n = leati_node_shaped(x->node->graph, LEATI_OP_RESHAPE, x, x->dtype, &shape);
    return n ? &n->out[0] : NULL;
}

static leat_status infer_reshape(leat_context *c, leati_node *n)
{
    leat_shape *s = &n->out[0].shape;
    size_t have = leati_shape_count(&n->in[0]->shape), rest = 1;
    int open = -1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] == -1 && open >= 0)
            return leati_node_fail(c, n, LEAT_SHAPE,
                                   "in shape %s only one dimension may be -1, what is left",
                                   leati_shape_string(s).text);
        if (s->dim[i] == -1) open = i;
        else rest *= (size_t)s->dim[i];
    }
    leat_shape wanted = *s;
    if (open >= 0) s->dim[open] = rest ? (int64_t)(have / rest) : 0;
    LEATI_TRY(leati_shape_check(c, s, n->out[0].dtype));
    if (leati_shape_count(s) != have)
        return leati_node_fail(c, n, LEAT_SHAPE, "shape %s has %zu elements and cannot become %s",
                               leati_shape_string(&n->in[0]->shape).text, have,
                               leati_shape_string(&wanted).text);
    return LEAT_OK;
}

static leat_status gradient_reshape(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                    leat_tensor **dx)
{
    (void)needed;
    dx[0] = leat_reshape(dy[0], n->in[0]->shape);
    return LEAT_OK;
}

const leati_op_class leati_reshape_class = {.infer = infer_reshape, .gradient = gradient_reshape};

leat_tensor *leat_squeeze(leat_tensor *x, size_t count, const int *axes)
{
    LEATI_CALLED(leat_tensor_graph(x), "squeeze");
    if (!x) return NULL;
    unsigned out = 0;
    int rank = x->shape.rank;
    leat_shape y = {.rank = 0};
    for (size_t k = 0; k < count; k++) {
        int axis = axes[k] < 0 ? axes[k] + rank : axes[k];
        if (axis < 0 || axis >= rank || x->shape.dim[axis] != 1)
            return leati_refuse(x->node->graph, LEATI_OP_RESHAPE, LEAT_SHAPE,
                                "axis %d of shape %s is not one of size 1", axes[k],
                                leati_shape_string(&x->shape).text);
        if (out >> axis & 1)
            return leati_refuse(x->node->graph, LEATI_OP_RESHAPE, LEAT_SHAPE,
                                "axis %d is given twice", axis);
        out |= 1u << axis;
    }
    for (int i = 0; i < rank; i++)
        if (count ? !(out >> i & 1) : x->shape.dim[i] != 1) y.dim[y.rank++] = x->shape.dim[i];
    return leat_reshape(x, y);
}

leat_tensor *leat_unsqueeze(leat_tensor *x, int axis)
{
    LEATI_CALLED(leat_tensor_graph(x), "unsqueeze");
    if (!x) return NULL;
    int rank = x->shape.rank, at = axis < 0 ? axis + rank + 1 : axis;
    if (at < 0 || at > rank || rank == LEAT_MAX_RANK)
        return leati_refuse(x->node->graph, LEATI_OP_RESHAPE, LEAT_SHAPE,
                            "no place for axis %d in shape %s", axis,
                            leati_shape_string(&x->shape).text);
    leat_shape y = x->shape;
    for (int i = y.rank++; i > at; i--) y.dim[i] = y.dim[i - 1];
    y.dim[at] = 1;
    return leat_reshape(x, y);
}

leat_tensor *leat_flatten(leat_tensor *x, int first, int last)
{
    LEATI_CALLED(leat_tensor_graph(x), "flatten");
    if (!x) return NULL;
    int rank = x->shape.rank;
    if (rank == 0) return leat_reshape(x, LEAT_DIMS(1));
    int from = first < 0 ? first + rank : first, to = last < 0 ? last + rank : last;
    if (from < 0 || to >= rank || from > to)
        return leati_refuse(x->node->graph, LEATI_OP_RESHAPE, LEAT_SHAPE,
                            "axes %d to %d of shape %s", first, last,
                            leati_shape_string(&x->shape).text);
    leat_shape y = {.rank = 0};
    for (int i = 0; i < rank; i++) {
        if (i <= from || i > to) y.dim[y.rank++] = x->shape.dim[i];
        else y.dim[y.rank - 1] *= x->shape.dim[i];
    }
    return leat_reshape(x, y);
}

/* ---- EXPAND
 * --------------------------------------------------------------------------------------- */

leat_tensor *leat_expand(leat_tensor *x, leat_shape shape)
{
    if (!x) return NULL;
    if (leati_shape_equal(&x->shape, &shape)) return x;
    leati_node *n = leati_node_shaped(x->node->graph, LEATI_OP_EXPAND, x, x->dtype, &shape);
    return n ? &n->out[0] : NULL;
}

static leat_status infer_expand(leat_context *c, leati_node *n)
{
    leat_shape got;
    if (leati_shape_broadcast(&n->in[0]->shape, &n->out[0].shape, &got) &&
        leati_shape_equal(&got, &n->out[0].shape))
        return LEAT_OK;
    return leati_node_fail(c, n, LEAT_SHAPE, "shape %s does not broadcast to %s",
                           leati_shape_string(&n->in[0]->shape).text,
                           leati_shape_string(&n->out[0].shape).text);
}

static leat_status gradient_expand(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                   leat_tensor **dx)
{
    (void)needed;
    dx[0] = leati_unbroadcast(dy[0], &n->in[0]->shape);
    return LEAT_OK;
}

const leati_op_class leati_expand_class = {.infer = infer_expand, .gradient = gradient_expand};

/* ---- TRANSPOSE
 * ------------------------------------------------------------------------------------ */

leat_tensor *leat_transpose(leat_tensor *x, const int *perm)
{
    if (!x) return NULL;
    leati_transpose_attrs a = {{0}};
    for (int i = 0; i < x->shape.rank; i++) a.perm[i] = perm ? perm[i] : x->shape.rank - 1 - i;
    return leati_op1(x->node->graph, LEATI_OP_TRANSPOSE, 1, &x, &a, sizeof a);
}

static leat_status infer_transpose(leat_context *c, leati_node *n)
{
    const leati_transpose_attrs *a = n->attrs;
    const leat_shape *s = &n->in[0]->shape;
    unsigned seen = 0;
    leat_shape out = {.rank = s->rank};
    for (int i = 0; i < s->rank; i++) {
        int from = a->perm[i];
        if (from < 0 || from >= s->rank || (seen >> from & 1))
            return leati_node_fail(c, n, LEAT_SHAPE, "not an order of the %d axes of the input",
                                   s->rank);
        seen |= 1u << from;
        out.dim[i] = s->dim[from];
    }
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = out;
    return LEAT_OK;
}

static leat_status gradient_transpose(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                      leat_tensor **dx)
{
    (void)needed;
    const leati_transpose_attrs *a = n->attrs;
    int inverse[LEAT_MAX_RANK] = {0};
    for (int i = 0; i < n->out[0].shape.rank; i++) inverse[a->perm[i]] = i;
    dx[0] = leat_transpose(dy[0], inverse);
    return LEAT_OK;
}

const leati_op_class leati_transpose_class = {.infer = infer_transpose,
                                              .gradient = gradient_transpose};
