/* Owns: REDUCE_*: sums, products, extremes over axes, and means. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

static leat_tensor *reduce(leati_op op, leat_tensor *x, size_t count, const int *axes, bool keep)
{
    if (!x) return NULL;
    leat_graph *g = x->node->graph;
    leati_reduce_attrs attrs = {.keep = keep};
    leati_node named = {.graph = g, .op = op, .scope = x->node->scope};
    for (size_t i = 0; i < count; i++) {
        int axis = leati_axis(g->context, &named, axes[i], x->shape.rank);
        if (axis >= 0 && attrs.axes >> axis & 1)
            return leati_refuse(g, op, LEAT_SHAPE, "axis %d is given twice", axis);
        if (axis < 0) {
            leati_graph_break(g);
            return NULL;
        }
        attrs.axes |= 1u << axis;
    }
    if (count == 0) attrs.axes = (1u << x->shape.rank) - 1;
    return leati_op1(g, op, 1, &x, &attrs, sizeof attrs);
}

/* The axes of the set that come last without a gap, those of size 1 apart. */
static uint32_t last_group(const leat_shape *s, uint32_t axes)
{
    uint32_t group = 0;
    for (int i = s->rank; i-- > 0;) {
        if (axes >> i & 1) group |= 1u << i;
        else if (group && s->dim[i] != 1) break;
    }
    return group;
}

/* Axes with others between them are summed group by group, the last first: a pass along neighbours
 * is fast on every device, and what is left is small. */
leat_tensor *leat_sum(leat_tensor *x, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "sum");
    leat_tensor *sum = reduce(LEATI_OP_REDUCE_SUM, x, count, axes, keep);
    if (!sum || (x->dtype != LEAT_DTYPE_F32 && x->dtype != LEAT_DTYPE_F64)) return sum;
    leati_reduce_attrs a = *(const leati_reduce_attrs *)sum->node->attrs;
    leati_reduce_attrs part = {.axes = last_group(&x->shape, a.axes), .keep = 1};
    if (part.axes == a.axes) return sum;
    leat_shape shape = sum->shape;
    while (x && a.axes) {
        x = leati_op1(x->node->graph, LEATI_OP_REDUCE_SUM, 1, &x, &part, sizeof part);
        a.axes &= ~part.axes;
        part.axes = x ? last_group(&x->shape, a.axes) : 0;
    }
    return x ? leat_reshape(x, shape) : NULL;
}

leat_tensor *leat_prod(leat_tensor *x, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "prod");
    return reduce(LEATI_OP_REDUCE_PROD, x, count, axes, keep);
}

leat_tensor *leat_max(leat_tensor *x, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "max");
    return reduce(LEATI_OP_REDUCE_MAX, x, count, axes, keep);
}

leat_tensor *leat_min(leat_tensor *x, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "min");
    return reduce(LEATI_OP_REDUCE_MIN, x, count, axes, keep);
}

/* The sum of a short type may overflow where the mean does not. */
leat_tensor *leat_mean(leat_tensor *x, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "mean");
    if (!x) return NULL;
    if (!leati_dtype_is_float(x->dtype))
        return leati_refuse(x->node->graph, LEATI_OP_REDUCE_SUM, LEAT_TYPE,
                            "a mean of %s: cast the input to floating point first",
                            leat_dtype_name(x->dtype));
    leat_tensor *sum = leat_sum(leat_cast(x, leati_wide(x->dtype)), count, axes, keep);
    if (!sum) return NULL;
    size_t all = leati_shape_count(&x->shape), left = leati_shape_count(&sum->shape);
    return leat_cast(leat_scale(sum, left ? (double)left / (double)all : 1), x->dtype);
}

static leat_status infer(leat_context *c, leati_node *n)
{
    const leati_reduce_attrs *a = n->attrs;
    const leat_tensor *x = n->in[0];
    if (x->dtype == LEAT_DTYPE_BOOL &&
        (n->op == LEATI_OP_REDUCE_SUM || n->op == LEATI_OP_REDUCE_PROD))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is bool: cast it to a number");
    leat_shape s = {0};
    for (int i = 0; i < x->shape.rank; i++) {
        if (!(a->axes >> i & 1)) s.dim[s.rank++] = x->shape.dim[i];
        else if (a->keep) s.dim[s.rank++] = 1;
    }
    n->out[0].dtype = x->dtype;
    n->out[0].shape = s;
    return LEAT_OK;
}

/* y with the reduced dimensions as 1, so that it broadcasts over x. */
static leat_tensor *kept(leati_node *n, leat_tensor *y)
{
    const leati_reduce_attrs *a = n->attrs;
    leat_shape s = n->in[0]->shape;
    for (int i = 0; i < s.rank; i++)
        if (a->axes >> i & 1) s.dim[i] = 1;
    return leat_reshape(y, s);
}

static leat_status gradient_sum(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                leat_tensor **dx)
{
    (void)needed;
    dx[0] = leat_expand(kept(n, dy[0]), n->in[0]->shape);
    return LEAT_OK;
}

/* Every element that equals the extreme gets an equal share. */
static leat_status gradient_extreme(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                    leat_tensor **dx)
{
    (void)needed;
    const leati_reduce_attrs *a = n->attrs;
    leat_tensor *x = n->in[0];
    leat_tensor *hit = leat_cast(leat_equal(x, kept(n, &n->out[0])), x->dtype);
    int axes[LEAT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < x->shape.rank; i++)
        if (a->axes >> i & 1) axes[count++] = i;
    if (count == 0) {
        dx[0] = dy[0];
        return LEAT_OK;
    }
    dx[0] = leat_mul(hit, leat_div(kept(n, dy[0]), leat_sum(hit, count, axes, true)));
    return LEAT_OK;
}

/* For every element the product of the others along the axis. */
static leat_tensor *others_along(leat_tensor *x, int axis)
{
    return leat_mul(leat_cumprod(x, axis, true, false), leat_cumprod(x, axis, true, true));
}

/* The same over several axes, which become one at the end. */
static leat_tensor *others(leat_tensor *x, size_t count, const int *axes)
{
    if (count == 1) return others_along(x, axes[0]);
    int perm[LEAT_MAX_RANK], back[LEAT_MAX_RANK], rank = x->shape.rank, k = 0;
    uint32_t set = 0;
    for (size_t i = 0; i < count; i++) set |= 1u << axes[i];
    leat_shape flat = {0};
    for (int i = 0; i < rank; i++)
        if (!(set >> i & 1)) flat.dim[k] = x->shape.dim[i], perm[k++] = i;
    flat.rank = k + 1;
    flat.dim[k] = 1;
    for (size_t i = 0; i < count; i++) {
        flat.dim[flat.rank - 1] *= x->shape.dim[axes[i]];
        perm[k++] = axes[i];
    }
    for (int i = 0; i < rank; i++) back[perm[i]] = i;
    leat_tensor *moved = leat_transpose(x, perm);
    if (!moved) return NULL;
    leat_tensor *y = others_along(leat_reshape(moved, flat), flat.rank - 1);
    return leat_transpose(leat_reshape(y, moved->shape), back);
}

/* The products of the others come from exclusive products from both sides: without a division they
 * are right for zeros, and so are their gradients. */
static leat_status gradient_prod(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                 leat_tensor **dx)
{
    (void)needed;
    const leati_reduce_attrs *a = n->attrs;
    leat_tensor *x = n->in[0];
    int axes[LEAT_MAX_RANK];
    size_t count = 0;
    for (int i = 0; i < x->shape.rank; i++)
        if (a->axes >> i & 1) axes[count++] = i;
    dx[0] = count ? leat_mul(kept(n, dy[0]), others(x, count, axes)) : dy[0];
    return LEAT_OK;
}

const leati_op_class leati_reduce_sum_class = {.infer = infer, .gradient = gradient_sum};
const leati_op_class leati_reduce_prod_class = {.infer = infer, .gradient = gradient_prod};
const leati_op_class leati_reduce_max_class = {.infer = infer, .gradient = gradient_extreme};
const leati_op_class leati_reduce_min_class = {.infer = infer, .gradient = gradient_extreme};
