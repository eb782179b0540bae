/* Owns: MATMUL. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

leat_tensor *leat_matmul_t(leat_tensor *a, bool transpose_a, leat_tensor *b, bool transpose_b)
{
    leati_matmul_attrs attrs = {.transpose_a = transpose_a, .transpose_b = transpose_b};
    leat_tensor *in[2] = {a, b};
    return a ? leati_op1(a->node->graph, LEATI_OP_MATMUL, 2, in, &attrs, sizeof attrs) : NULL;
}

leat_tensor *leat_matmul(leat_tensor *a, leat_tensor *b)
{
    return leat_matmul_t(a, false, b, false);
}

static leat_status infer(leat_context *c, leati_node *n)
{
    const leati_matmul_attrs *t = n->attrs;
    const leat_shape *a = &n->in[0]->shape, *b = &n->in[1]->shape;
    if (n->in[0]->dtype != n->in[1]->dtype)
        return leati_node_fail(c, n, LEAT_TYPE, "inputs are %s and %s: cast one of them",
                               leat_dtype_name(n->in[0]->dtype), leat_dtype_name(n->in[1]->dtype));
    if (n->in[0]->dtype == LEAT_DTYPE_BOOL)
        return leati_node_fail(c, n, LEAT_TYPE, "the inputs are bool: cast them to numbers");
    if (a->rank < 2 || b->rank < 2)
        return leati_node_fail(c, n, LEAT_SHAPE, "needs two dimensions or more, got %s and %s",
                               leati_shape_string(a).text, leati_shape_string(b).text);
    int64_t m = a->dim[a->rank - 2 + t->transpose_a], ka = a->dim[a->rank - 1 - t->transpose_a];
    int64_t kb = b->dim[b->rank - 2 + t->transpose_b],
            columns = b->dim[b->rank - 1 - t->transpose_b];
    if (ka != kb)
        return leati_node_fail(
            c, n, LEAT_SHAPE,
            "the left input %s%s gives rows of %lld, the right input %s%s takes %lld",
            leati_shape_string(a).text, t->transpose_a ? " (transposed)" : "", (long long)ka,
            leati_shape_string(b).text, t->transpose_b ? " (transposed)" : "", (long long)kb);
    leat_shape la = *a, lb = *b, s;
    la.rank -= 2;
    lb.rank -= 2;
    if (!leati_shape_broadcast(&la, &lb, &s))
        return leati_node_fail(c, n, LEAT_SHAPE, "leading dimensions of %s and %s do not broadcast",
                               leati_shape_string(a).text, leati_shape_string(b).text);
    s.dim[s.rank++] = m;
    s.dim[s.rank++] = columns;
    n->out[0].shape = s;
    n->out[0].dtype = n->in[0]->dtype;
    LEATI_BUG_IF(c, n->ins != 2u + t->bias + t->residual);
    return LEAT_OK;
}

/* Y = A B: dA = dY B', dB = A' dY; a transposed operand gets the transpose of that. */
static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    const leati_matmul_attrs *t = n->attrs;
    leat_tensor *a = n->in[0], *b = n->in[1], *d;
    if (needed[0]) {
        d = t->transpose_a ? leat_matmul_t(b, t->transpose_b, dy[0], true)
                           : leat_matmul_t(dy[0], false, b, !t->transpose_b);
        dx[0] = leati_unbroadcast(d, &a->shape);
    }
    if (needed[1]) {
        d = t->transpose_b ? leat_matmul_t(dy[0], true, a, t->transpose_a)
                           : leat_matmul_t(a, !t->transpose_a, dy[0], false);
        dx[1] = leati_unbroadcast(d, &b->shape);
    }
    return LEAT_OK;
}

const leati_op_class leati_matmul_class = {.infer = infer, .gradient = gradient};
