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
        if (s->dim[i] == -1 && open < 0) open = i;
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
