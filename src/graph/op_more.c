/* Owns: functions made of operations: masks, moments, norms, one-hot. */
#include <math.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

/* Column minus row of the last two axes. */
static leat_tensor *diagonal_of(leat_tensor *x)
{
    if (!x) return NULL;
    leat_graph *g = x->node->graph;
    int rank = x->shape.rank;
    if (rank < 2)
        return leati_refuse(g, LEATI_OP_IOTA, LEAT_SHAPE, "a triangle needs two dimensions, not %d",
                            rank);
    int64_t rows = x->shape.dim[rank - 2], columns = x->shape.dim[rank - 1];
    leat_tensor *row = leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(rows, 1), 0, 0, 1);
    return leat_sub(leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(1, columns), 1, 0, 1), row);
}

static leat_tensor *zero_of(leat_tensor *x)
{
    return leat_like(x, 0);
}

leat_tensor *leat_tril(leat_tensor *x, int64_t diagonal)
{
    LEATI_CALLED(leat_tensor_graph(x), "tril");
    leat_tensor *d = diagonal_of(x);
    return leat_where(leat_less_equal(d, leat_like(d, (double)diagonal)), x, zero_of(x));
}

leat_tensor *leat_triu(leat_tensor *x, int64_t diagonal)
{
    LEATI_CALLED(leat_tensor_graph(x), "triu");
    leat_tensor *d = diagonal_of(x);
    return leat_where(leat_greater_equal(d, leat_like(d, (double)diagonal)), x, zero_of(x));
}

leat_tensor *leat_one_hot(leat_tensor *index, int64_t depth, leat_dtype dtype)
{
    LEATI_CALLED(leat_tensor_graph(index), "one_hot");
    if (!index) return NULL;
    leat_graph *g = index->node->graph;
    if (depth < 0)
        return leati_refuse(g, LEATI_OP_IOTA, LEAT_INVALID, "one-hot of %lld classes",
                            (long long)depth);
    if (!leati_dtype_is_float(index->dtype) && leat_dtype_size(index->dtype) < 4)
        index = leat_cast(index, LEAT_DTYPE_I32);
    leat_tensor *classes = leati_iota(g, index->dtype, LEAT_DIMS(depth), 0, 0, 1);
    leat_tensor *count = leat_like(index, (double)depth);
    leat_tensor *place =
        leat_where(leat_less(index, zero_of(index)), leat_add(index, count), index);
    return leat_cast(leat_equal(leat_unsqueeze(place, -1), classes), dtype);
}

/* ---- moments
 * ------------------------------------------------------------------------------------- */

/* Two passes: the mean, then the squares around it. */
leat_tensor *leat_var(leat_tensor *x, size_t count, const int *axes, bool keep, double correction)
{
    LEATI_CALLED(leat_tensor_graph(x), "var");
    leat_tensor *wide = x ? leat_cast(x, leati_wide(x->dtype)) : NULL;
    leat_tensor *mean = leat_mean(wide, count, axes, true), *d = leat_sub(wide, mean);
    leat_tensor *sum = leat_sum(leat_mul(d, d), count, axes, keep);
    if (!sum) return NULL;
    size_t left = leati_shape_count(&sum->shape);
    double items = left ? (double)leati_shape_count(&x->shape) / (double)left : 0;
    return leat_cast(leat_scale(sum, 1 / fmax(items - correction, 0)), x->dtype);
}

/* x^power of a sum that is not negative; at 0, where the slope is infinite, it is 0, so that what
 * makes up the sum gets the gradient 0 and not NaN. */
static leat_tensor *root_of(leat_tensor *x, double power)
{
    leat_tensor *none = leat_equal(x, zero_of(x)), *some = leat_where(none, leat_like(x, 1), x);
    leat_tensor *root = power == 0.5 ? leat_sqrt(some) : leat_pow(some, leat_like(some, power));
    return leat_where(none, zero_of(x), root);
}

leat_tensor *leat_std(leat_tensor *x, size_t count, const int *axes, bool keep, double correction)
{
    LEATI_CALLED(leat_tensor_graph(x), "std");
    leat_tensor *wide = x ? leat_cast(x, leati_wide(x->dtype)) : NULL;
    leat_tensor *deviation = root_of(leat_var(wide, count, axes, keep, correction), 0.5);
    return deviation ? leat_cast(deviation, x->dtype) : NULL;
}

/* Around the largest value, so that nothing overflows; a largest of -inf or inf stays out of the
 * differences. The maximum is a constant to the gradient, which it does not change. */
leat_tensor *leat_logsumexp(leat_tensor *x, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "logsumexp");
    leat_tensor *top = leat_stop_gradient(leat_max(x, count, axes, true));
    leat_tensor *odd = leat_or(leat_isinf(top), leat_isnan(top));
    top = leat_where(odd, leat_like(x, 0), top);
    leat_tensor *sum = leat_log(leat_sum(leat_exp(leat_sub(x, top)), count, axes, keep));
    if (!sum || !top) return NULL;
    return leat_add(sum, leat_reshape(top, sum->shape));
}

/* |x|^order; below order 1 the slope at 0 is infinite, and counts 0. */
static leat_tensor *power_of(leat_tensor *x, double order)
{
    leat_tensor *none = order < 1 ? leat_equal(x, zero_of(x)) : NULL;
    leat_tensor *size = leat_abs(none ? leat_where(none, leat_like(x, 1), x) : x);
    leat_tensor *y = leat_pow(size, leat_like(x, order));
    return none ? leat_where(none, leat_like(x, order < 0 ? INFINITY : 0), y) : y;
}

/* As torch.linalg.vector_norm. */
leat_tensor *leat_norm(leat_tensor *x, double order, size_t count, const int *axes, bool keep)
{
    LEATI_CALLED(leat_tensor_graph(x), "norm");
    if (!x) return NULL;
    leat_dtype wide = leati_wide(x->dtype);
    if (wide != x->dtype) {
        leat_tensor *y = leat_norm(leat_cast(x, wide), order, count, axes, keep);
        return y ? leat_cast(y, x->dtype) : NULL;
    }
    if (isnan(order))
        return leati_refuse(x->node->graph, LEATI_OP_POW, LEAT_INVALID,
                            "a norm of order NaN: any number, INFINITY or -INFINITY");
    if (order == 0)
        return leat_sum(leat_cast(leat_not_equal(x, zero_of(x)), x->dtype), count, axes, keep);
    if (order == -INFINITY) return leat_min(leat_abs(x), count, axes, keep);
    if (order == INFINITY) return leat_max(leat_abs(x), count, axes, keep);
    if (order == 1) return leat_sum(leat_abs(x), count, axes, keep);
    if (order == 2) return root_of(leat_sum(leat_mul(x, x), count, axes, keep), 0.5);
    leat_tensor *sum = leat_sum(power_of(x, order), count, axes, keep);
    if (order < 0) return leat_pow(sum, leat_like(x, 1 / order)); /* of 0 it is infinite */
    return root_of(sum, 1 / order);
}
