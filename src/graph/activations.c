/* Owns: activations as elementwise operations; the planner makes one pass of each. */
#include <math.h>

#include <leat/function.h>

#include "graph/graph.h"
#include "tensor/shape.h"

leat_tensor *leat_gelu(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "gelu");
    return leat_mul(leat_scale(x, 0.5),
                    leat_shift(leat_erf(leat_scale(x, 0.70710678118654752)), 1));
}

/* From |x| = 10 on tanh is 1 in every type: the square stays there, since where it overflows the
 * gradient would be 0 times infinity. */
leat_tensor *leat_gelu_tanh(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "gelu_tanh");
    leat_tensor *square = leat_mul(x, x), *most = leat_like(x, 100);
    square = leat_where(leat_less(square, most), square, most);
    leat_tensor *inner = leat_mul(x, leat_shift(leat_scale(square, 0.044715), 1));
    leat_tensor *t = leat_tanh(leat_scale(inner, 0.79788456080286536)); /* sqrt(2 / pi) */
    return leat_mul(leat_scale(x, 0.5), leat_shift(t, 1));
}

leat_tensor *leat_silu(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "silu");
    return leat_mul(x, leat_sigmoid(x));
}

leat_tensor *leat_mish(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "mish");
    return leat_mul(x, leat_tanh(leat_softplus(x)));
}

/* By selection, so that the gradient is 0 at both bounds and NaN stays. */
leat_tensor *leat_clip(leat_tensor *x, double low, double high)
{
    LEATI_CALLED(leat_tensor_graph(x), "clip");
    if (!x) return NULL;
    leat_graph *g = x->node->graph;
    if (!leati_dtype_is_float(x->dtype) && (trunc(low) != low || trunc(high) != high))
        return leati_refuse(g, LEATI_OP_MIN, LEAT_INVALID,
                            "%s is clipped at whole numbers, not at %g and %g: cast it to floating "
                            "point first",
                            leat_dtype_name(x->dtype), low, high);
    leat_tensor *l = leati_scalar_near(g, x->dtype, low), *h = leati_scalar_near(g, x->dtype, high);
    return leat_where(leat_less_equal(x, l), l, leat_where(leat_greater_equal(x, h), h, x));
}

leat_tensor *leat_hard_sigmoid(leat_tensor *x, double alpha, double beta)
{
    LEATI_CALLED(leat_tensor_graph(x), "hard_sigmoid");
    return leat_clip(leat_shift(leat_scale(x, alpha), beta), 0, 1);
}

leat_tensor *leat_hard_swish(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "hard_swish");
    return leat_mul(x, leat_hard_sigmoid(x, 1.0 / 6, 0.5));
}

/* expm1 sees no positive number: a gradient of 0 times an overflow would be NaN. */
leat_tensor *leat_elu(leat_tensor *x, double alpha)
{
    LEATI_CALLED(leat_tensor_graph(x), "elu");
    leat_tensor *zero = leat_like(x, 0), *positive = leat_greater(x, zero);
    leat_tensor *low = leat_expm1(leat_where(positive, zero, x));
    return leat_where(positive, x, leat_scale(low, alpha));
}

leat_tensor *leat_selu(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "selu");
    return leat_scale(leat_elu(x, 1.6732632423543772), 1.0507009873554805);
}

leat_tensor *leat_celu(leat_tensor *x, double alpha)
{
    LEATI_CALLED(leat_tensor_graph(x), "celu");
    leat_tensor *zero = leat_like(x, 0), *positive = leat_greater(x, zero);
    leat_tensor *low = leat_expm1(leat_scale(leat_where(positive, zero, x), 1 / alpha));
    return leat_where(positive, x, leat_scale(low, alpha));
}

leat_tensor *leat_leaky_relu(leat_tensor *x, double slope)
{
    LEATI_CALLED(leat_tensor_graph(x), "leaky_relu");
    return leat_where(leat_greater(x, leat_like(x, 0)), x, leat_scale(x, slope));
}

leat_tensor *leat_prelu(leat_tensor *x, leat_tensor *slope)
{
    LEATI_CALLED(leat_tensor_graph(x), "prelu");
    return leat_where(leat_greater(x, leat_like(x, 0)), x, leat_mul(x, slope));
}

leat_tensor *leat_softsign(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "softsign");
    return leat_div(x, leat_shift(leat_abs(x), 1));
}

leat_tensor *leat_log_sigmoid(leat_tensor *x)
{
    LEATI_CALLED(leat_tensor_graph(x), "log_sigmoid");
    return leat_neg(leat_softplus(leat_neg(x)));
}
