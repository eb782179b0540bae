/* Owns: ARGMAX, ARGMIN, CUMSUM, CUMPROD, SORT, TOPK: operations along one axis. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

/* ---- ARGMAX, ARGMIN
 * ------------------------------------------------------------------------------ */

static leat_status infer_arg(leat_context *c, leati_node *n)
{
    leati_arg_attrs *a = n->attrs;
    leat_shape y = n->in[0]->shape;
    int axis = leati_axis(c, n, a->axis, y.rank);
    if (axis < 0) return leat_error_status(c);
    a->axis = axis;
    y.dim[axis] = 1;
    if (!a->keep) {
        for (int i = axis; i + 1 < y.rank; i++) y.dim[i] = y.dim[i + 1];
        y.dim[--y.rank] = 0;
    }
    if (n->in[0]->shape.dim[axis] == 0 && leati_shape_count(&y))
        return leati_node_fail(c, n, LEAT_SHAPE, "axis %d of shape %s has no element", axis,
                               leati_shape_string(&n->in[0]->shape).text);
    n->out[0].dtype = LEAT_DTYPE_I64;
    n->out[0].shape = y;
    return LEAT_OK;
}

const leati_op_class leati_argmax_class = {.infer = infer_arg};
const leati_op_class leati_argmin_class = {.infer = infer_arg};

static leat_tensor *arg(leati_op op, leat_tensor *x, int axis, bool keep)
{
    leati_arg_attrs a = {.axis = axis, .keep = keep};
    return x ? leati_op1(x->node->graph, op, 1, &x, &a, sizeof a) : NULL;
}

leat_tensor *leat_argmax(leat_tensor *x, int axis, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "argmax");
    return arg(LEATI_OP_ARGMAX, x, axis, keep);
}

leat_tensor *leat_argmin(leat_tensor *x, int axis, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "argmin");
    return arg(LEATI_OP_ARGMIN, x, axis, keep);
}

/* ---- CUMSUM, CUMPROD
 * ----------------------------------------------------------------------------- */

static leat_status infer_cum(leat_context *c, leati_node *n)
{
    leati_cum_attrs *a = n->attrs;
    int axis = leati_axis(c, n, a->axis, n->in[0]->shape.rank);
    if (axis < 0) return leat_error_status(c);
    if (n->in[0]->dtype == LEAT_DTYPE_BOOL)
        return leati_node_fail(c, n, LEAT_TYPE, "the input is bool: cast it to a number");
    a->axis = axis;
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[0]->shape;
    return LEAT_OK;
}

static leat_tensor *cumulate(leati_op op, leat_tensor *x, leati_cum_attrs a)
{
    return x ? leati_op1(x->node->graph, op, 1, &x, &a, sizeof a) : NULL;
}

static leat_status gradient_cumsum(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                   leat_tensor **dx)
{
    (void)needed;
    leati_cum_attrs back = *(const leati_cum_attrs *)n->attrs;
    back.reverse = !back.reverse;
    dx[0] = cumulate(LEATI_OP_CUMSUM, dy[0], back);
    return LEAT_OK;
}

/* The element `by` places further on, in the direction of the products; 0 beyond the end. */
static leat_tensor *ahead(leat_tensor *x, const leati_cum_attrs *a, int64_t by)
{
    int64_t low[LEAT_MAX_RANK] = {0}, high[LEAT_MAX_RANK] = {0};
    low[a->axis] = a->reverse ? by : -by;
    high[a->axis] = -low[a->axis];
    return leat_pad(x, LEAT_PAD_CONSTANT, low, high, 0);
}

/* dx_j is the product of the x before j times s_j, the sum over the products i that contain x_j of
 * dy_i times the x between j and i: s_j = dy_j + x_(j+1) s_(j+1) (of exclusive products dy_(j+1)).
 * Sums over 2^k places come from those over half as many, so that no element is divided by: what
 * holds zeros is right, and so are gradients of gradients. */
static leat_status gradient_cumprod(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                    leat_tensor **dx)
{
    (void)needed;
    const leati_cum_attrs *a = n->attrs;
    leati_cum_attrs before = *a;
    before.exclusive = 1;
    leat_tensor *x = n->in[0], *sum = a->exclusive ? ahead(dy[0], a, 1) : dy[0];
    leat_tensor *between = ahead(x, a, 1);
    int64_t length = x->shape.dim[a->axis];
    for (int64_t by = 1; by < length; by *= 2) {
        sum = leat_add(sum, leat_mul(between, ahead(sum, a, by)));
        if (2 * by < length) between = leat_mul(between, ahead(between, a, by));
    }
    dx[0] = leat_mul(cumulate(LEATI_OP_CUMPROD, x, before), sum);
    return LEAT_OK;
}

const leati_op_class leati_cumsum_class = {.infer = infer_cum, .gradient = gradient_cumsum};
const leati_op_class leati_cumprod_class = {.infer = infer_cum, .gradient = gradient_cumprod};

leat_tensor *leat_cumsum(leat_tensor *x, int axis, bool exclusive, bool reverse)
{
    leati_cum_attrs a = {.axis = axis, .exclusive = exclusive, .reverse = reverse};
    return cumulate(LEATI_OP_CUMSUM, x, a);
}

leat_tensor *leat_cumprod(leat_tensor *x, int axis, bool exclusive, bool reverse)
{
    leati_cum_attrs a = {.axis = axis, .exclusive = exclusive, .reverse = reverse};
    return cumulate(LEATI_OP_CUMPROD, x, a);
}

/* ---- SORT, TOPK
 * ---------------------------------------------------------------------------------- */

static leat_status infer_sort(leat_context *c, leati_node *n)
{
    leati_sort_attrs *a = n->attrs;
    leat_shape y = n->in[0]->shape;
    int axis = leati_axis(c, n, a->axis, y.rank);
    if (axis < 0) return leat_error_status(c);
    a->axis = axis;
    if (n->op == LEATI_OP_TOPK) {
        if (a->k < 0 || a->k > y.dim[axis])
            return leati_node_fail(c, n, LEAT_SHAPE, "%lld of the %lld elements of axis %d",
                                   (long long)a->k, (long long)y.dim[axis], axis);
        y.dim[axis] = a->k;
    }
    n->out[0].dtype = n->in[0]->dtype;
    n->out[1].dtype = LEAT_DTYPE_I64;
    n->out[0].shape = n->out[1].shape = y;
    return LEAT_OK;
}

/* Every value goes back to where it came from. */
static leat_status gradient_sort(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                 leat_tensor **dx)
{
    (void)needed;
    const leati_sort_attrs *a = n->attrs;
    if (!dy[0]) return LEAT_OK;
    leati_index_attrs s = {.axis = a->axis, .mode = LEATI_SCATTER_ADD_TO};
    leat_tensor *in[3] = {leati_full_like(n->in[0], 0), &n->out[1], dy[0]};
    dx[0] = leati_op1(n->graph, LEATI_OP_SCATTER_ELEMENTS, 3, in, &s, sizeof s);
    return LEAT_OK;
}

const leati_op_class leati_sort_class = {.infer = infer_sort, .gradient = gradient_sort};
const leati_op_class leati_topk_class = {.infer = infer_sort, .gradient = gradient_sort};

static leat_tensor *order(leati_op op, leat_tensor *x, leati_sort_attrs a, leat_tensor **indices)
{
    if (indices) *indices = NULL;
    if (!x) return NULL;
    leati_node *n = leati_node_new(x->node->graph, op, 1, &x, &a, sizeof a);
    if (n && indices) *indices = &n->out[1];
    return n ? &n->out[0] : NULL;
}

leat_tensor *leat_sort(leat_tensor *x, int axis, bool descending, leat_tensor **indices)
{
    return order(LEATI_OP_SORT, x, (leati_sort_attrs){.axis = axis, .descending = descending},
                 indices);
}

leat_tensor *leat_topk(leat_tensor *x, int64_t k, int axis, bool smallest, leat_tensor **indices)
{
    return order(LEATI_OP_TOPK, x,
                 (leati_sort_attrs){.k = k, .axis = axis, .descending = !smallest}, indices);
}
