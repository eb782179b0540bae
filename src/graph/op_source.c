/* Owns: IOTA and RANDOM: values out of nothing. */
#include "graph/op_classes.h"

#include <math.h>

#include "tensor/shape.h"

/* ---- IOTA --------------------------------------------------------------------------------------
 */

static leat_status infer_iota(leat_context *c, leati_node *n)
{
    leati_iota_attrs *a = n->attrs;
    if (n->out[0].dtype == LEAT_DTYPE_BOOL || !leat_dtype_size(n->out[0].dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "counts in numbers, not in %s",
                               leat_dtype_name(n->out[0].dtype));
    int axis = leati_axis(c, n, a->axis, n->out[0].shape.rank);
    a->axis = axis;
    return axis < 0 ? leat_error_status(c) : LEAT_OK;
}

const leati_op_class leati_iota_class = {.infer = infer_iota};

leat_tensor *leati_iota(leat_graph *g, leat_dtype dtype, leat_shape shape, int axis, double start,
                        double step)
{
    leati_iota_attrs a = {.start = start, .step = step, .axis = axis};
    if (!leati_dtype_is_float(dtype)) {
        a = (leati_iota_attrs){.axis = axis};
        a.start_int = (int64_t)start;
        a.step_int = (int64_t)step;
    }
    leati_node *n = leati_node_make(g, LEATI_OP_IOTA, 0, NULL, 1, &a, sizeof a, dtype, &shape);
    return n ? &n->out[0] : NULL;
}

leat_tensor *leat_arange(leat_graph *g, leat_dtype dtype, double start, double stop, double step)
{
    LEATI_CALLED(g, "arange");
    if (!g || leati_graph_stopped(g)) return NULL;
    double count = ceil((stop - start) / step);
    if (!isfinite(count) || count > 0x1p46)
        return leati_refuse(g, LEATI_OP_IOTA, LEAT_INVALID, "from %g to %g by %g is no range",
                            start, stop, step);
    bool whole = leati_dtype_is_float(dtype) || (fabs(start) <= 0x1p53 && fabs(step) <= 0x1p53 &&
                                                 start == trunc(start) && step == trunc(step));
    if (!whole)
        return leati_refuse(g, LEATI_OP_IOTA, LEAT_INVALID,
                            "start %g and step %g are no integers for %s", start, step,
                            leat_dtype_name(dtype));
    return leati_iota(g, dtype, LEAT_DIMS(count > 0 ? (int64_t)count : 0), 0, start, step);
}

/* ---- RANDOM -------------------------------------------------------------------------------------
 */

static leat_status infer_random(leat_context *c, leati_node *n)
{
    const leati_random_attrs *a = n->attrs;
    const leat_tensor *key = n->in[0];
    if (key->dtype != LEAT_DTYPE_U64 || key->shape.rank != 1 || key->shape.dim[0] != 2)
        return leati_node_fail(c, n, LEAT_TYPE,
                               "the key is u64 of shape (2), seed and step; got %s of shape %s",
                               leat_dtype_name(key->dtype), leati_shape_string(&key->shape).text);
    bool truth = n->out[0].dtype == LEAT_DTYPE_BOOL && a->kind == LEATI_RANDOM_BERNOULLI;
    if (!leati_dtype_is_float(n->out[0].dtype) && !truth)
        return leati_node_fail(c, n, LEAT_TYPE, "draws floating point, not %s",
                               leat_dtype_name(n->out[0].dtype));
    if (leati_shape_count(&n->out[0].shape) > (size_t)1 << 33)
        return leati_node_fail(c, n, LEAT_LIMIT, "more than 2^33 values of one stream");
    if (isnan(a->low) || isnan(a->high) ||
        (a->kind == LEATI_RANDOM_UNIFORM && !(a->low <= a->high)))
        return leati_node_fail(c, n, LEAT_INVALID, "from %g to %g", a->low, a->high);
    if ((a->kind == LEATI_RANDOM_NORMAL || a->kind == LEATI_RANDOM_TRUNCATED) && a->high < 0)
        return leati_node_fail(c, n, LEAT_INVALID, "the deviation is %g; it must be 0 or more",
                               a->high);
    if (a->kind == LEATI_RANDOM_BERNOULLI && !(a->low >= 0 && a->low <= 1))
        return leati_node_fail(c, n, LEAT_INVALID, "%g is no probability", a->low);
    return LEAT_OK;
}

const leati_op_class leati_random_class = {.infer = infer_random};

static leat_tensor *draw(leat_tensor *key, uint32_t kind, uint32_t stream, leat_dtype dtype,
                         leat_shape shape, double low, double high)
{
    if (!key) return NULL;
    leati_random_attrs a = {.low = low, .high = high, .kind = kind, .stream = stream};
    leati_node *n =
        leati_node_make(key->node->graph, LEATI_OP_RANDOM, 1, &key, 1, &a, sizeof a, dtype, &shape);
    return n ? &n->out[0] : NULL;
}

leat_tensor *leat_random_uniform(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                 leat_shape shape, double low, double high)
{
    return draw(key, LEATI_RANDOM_UNIFORM, stream, dtype, shape, low, high);
}

leat_tensor *leat_random_normal(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                leat_shape shape, double mean, double deviation)
{
    return draw(key, LEATI_RANDOM_NORMAL, stream, dtype, shape, mean, deviation);
}

leat_tensor *leat_random_truncated(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                   leat_shape shape, double mean, double deviation)
{
    return draw(key, LEATI_RANDOM_TRUNCATED, stream, dtype, shape, mean, deviation);
}

leat_tensor *leat_random_bernoulli(leat_tensor *key, uint32_t stream, leat_dtype dtype,
                                   leat_shape shape, double probability)
{
    return draw(key, LEATI_RANDOM_BERNOULLI, stream, dtype, shape, probability, 0);
}

leat_tensor *leat_random_key(leat_graph *g, uint64_t seed, uint64_t step)
{
    uint64_t key[2] = {seed, step};
    return g ? leat_constant(g, LEAT_DTYPE_U64, LEAT_DIMS(2), key) : NULL;
}
