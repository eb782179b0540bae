/* Owns: losses as other operations. */
#include <leat/function.h>

#include "graph/graph.h"
#include "tensor/shape.h"

static leat_tensor *reduced(leat_tensor *loss, leat_reduction reduction)
{
    if (!loss || reduction == LEAT_REDUCE_NONE) return loss;
    leat_tensor *sum = leat_sum(leat_cast(loss, leati_wide(loss->dtype)), 0, NULL, false);
    const leat_shape *s = &loss->shape;
    size_t count = leati_shape_count(s);
    if (reduction == LEAT_REDUCE_BATCH) count = s->rank ? (size_t)s->dim[0] : 1;
    if (reduction != LEAT_REDUCE_SUM) sum = leat_scale(sum, 1 / (double)(count ? count : 1));
    return leat_cast(sum, loss->dtype);
}

/* Squares of a short type may overflow where their mean does not. Other types are left to those who
 * refuse them. */
static leat_tensor *widened(leat_tensor *x, const leat_tensor *other)
{
    if (!x || !other || x->dtype != other->dtype) return x;
    return leat_cast(x, leati_wide(x->dtype));
}

static leat_tensor *rounded(leat_tensor *loss, const leat_tensor *x)
{
    return loss ? leat_cast(loss, x->dtype) : NULL;
}

leat_tensor *leat_mse(leat_tensor *x, leat_tensor *target, leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(x), "mse");
    leat_tensor *d = leat_sub(widened(x, target), widened(target, x));
    return rounded(reduced(leat_mul(d, d), reduction), x);
}

leat_tensor *leat_mae(leat_tensor *x, leat_tensor *target, leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(x), "mae");
    return reduced(leat_abs(leat_sub(x, target)), reduction);
}

leat_tensor *leat_huber(leat_tensor *x, leat_tensor *target, double delta, leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(x), "huber");
    leat_tensor *d = leat_sub(x, target), *size = leat_abs(d);
    leat_tensor *outside = leat_scale(leat_shift(size, -0.5 * delta), delta);
    leat_tensor *inside = leat_scale(leat_mul(d, d), 0.5);
    return reduced(leat_where(leat_less_equal(size, leat_like(d, delta)), inside, outside),
                   reduction);
}

/* -(p t log s(x) + (1 - t) log(1 - s(x))) with log(1 + e^x) = softplus(x): no overflow. */
leat_tensor *leat_bce_logits(leat_tensor *x, leat_tensor *target, leat_tensor *positive_weight,
                             leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(x), "bce_logits");
    if (!positive_weight)
        return reduced(leat_sub(leat_softplus(x), leat_mul(x, target)), reduction);
    leat_tensor *rest = leat_sub(leat_like(target, 1), target);
    leat_tensor *factor = leat_add(leat_mul(positive_weight, target), rest);
    return reduced(leat_add(leat_mul(rest, x), leat_mul(factor, leat_softplus(leat_neg(x)))),
                   reduction);
}

/* t (log t - x), 0 where t is 0. */
leat_tensor *leat_kl(leat_tensor *x, leat_tensor *target, bool log_target, leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(x), "kl");
    if (log_target) return reduced(leat_mul(leat_exp(target), leat_sub(target, x)), reduction);
    leat_tensor *positive = leat_greater(target, leat_like(target, 0));
    leat_tensor *safe = leat_where(positive, target, leat_like(target, 1));
    leat_tensor *loss = leat_mul(target, leat_sub(leat_log(safe), x));
    return reduced(leat_where(positive, loss, leat_like(x, 0)), reduction);
}

leat_tensor *leat_hinge(leat_tensor *x, leat_tensor *sign, leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(x), "hinge");
    return reduced(leat_relu(leat_sub(leat_like(x, 1), leat_mul(x, sign))), reduction);
}

/* The distance along the last axis; 1e-6 is added to every difference, as PyTorch does, so that the
 * gradient exists where both are equal. */
static leat_tensor *distance(leat_tensor *a, leat_tensor *b)
{
    leat_tensor *d = leat_shift(leat_sub(widened(a, b), widened(b, a)), 1e-6);
    int last = -1;
    return rounded(leat_sqrt(leat_sum(leat_mul(d, d), 1, &last, false)), a);
}

leat_tensor *leat_triplet(leat_tensor *anchor, leat_tensor *positive, leat_tensor *negative,
                          double margin, leat_reduction reduction)
{
    LEATI_CALLED(leat_tensor_graph(anchor), "triplet");
    leat_tensor *gap = leat_sub(distance(anchor, positive), distance(anchor, negative));
    return reduced(leat_relu(leat_shift(gap, margin)), reduction);
}
