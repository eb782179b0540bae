#include "support/arrays.h"

#include <math.h>
#include <stdlib.h>

float *leattest_random_array(leati_rng *rng, size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 127) / 64 * 64);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)(leati_rng_uniform(rng) - 0.5);
    return x;
}

double leattest_activated(leati_activation a, double x)
{
    switch (a) {
    case LEATI_ACT_RELU: return x > 0 ? x : 0;
    case LEATI_ACT_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case LEATI_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case LEATI_ACT_TANH: return tanh(x);
    case LEATI_ACT_SILU: return x / (1 + exp(-x));
    case LEATI_ACT_GELU: return 0.5 * x * erfc(-x * sqrt(0.5));
    case LEATI_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    default: return x;
    }
}
