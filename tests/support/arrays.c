#include "support/arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

float *leattest_random_array(leati_rng *rng, size_t n)
{
    float *x = leattest_spoiled_array(n);
    uint64_t state = leati_rng_u64(rng);
    for (size_t i = 0; x && i < n; i++) { /* Knuth, TAOCP 2, 3.3.4, table 1, line 26 */
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(state >> 40) * 0x1p-24f - 0.5f;
    }
    return x;
}

float *leattest_spoiled_array(size_t n)
{
    size_t bytes = (n * sizeof(float) + 127) / 64 * 64;
    float *x = aligned_alloc(64, bytes);
    if (x) memset(x, 0xff, bytes);
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
