/* Owns: probabilities of classes from the outputs of networks. */
#include "nn/class_outputs.h"

#include <math.h>

#include <leat/function.h>

static void softmax(double *v, size_t n)
{
    double top = v[0], sum = 0;
    for (size_t i = 1; i < n; i++) top = fmax(top, v[i]);
    for (size_t i = 0; i < n; i++) sum += v[i] = exp(v[i] - top);
    for (size_t i = 0; i < n; i++) v[i] /= sum;
}

/* The number t for which the parts of v above t sum to 1: the classes that are not above the t of
 * those considered so far are left out until all are (Michelot 1986). */
static double level(const double *v, size_t n)
{
    double t = -(double)INFINITY;
    for (size_t before = n + 1;;) {
        double sum = -1;
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            if (!(v[i] > t)) continue;
            sum += v[i];
            count++;
        }
        if (count == 0 || count == before) return t;
        before = count;
        t = sum / (double)count;
    }
}

void leati_class_probabilities(leati_class_outputs kind, const float *z, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (double)z[i];
    if (kind == LEATI_OUTPUTS_SHARES) {
        double t = level(out, n);
        for (size_t i = 0; i < n; i++) out[i] = out[i] < t ? 0 : out[i] - t; /* NaN stays */
        return;
    }
    /* s / sum(s) of sigmoids is the softmax of their logarithms, which do not vanish. */
    for (size_t i = 0; kind == LEATI_OUTPUTS_ONE_TO_REST && i < n; i++)
        out[i] = fmin(out[i], 0) - log1p(exp(-fabs(out[i])));
    softmax(out, n);
}

/* The level in one formula: the greatest of (sum of the k largest - 1) / k. */
static leat_tensor *shares(leat_tensor *z)
{
    int axis = 1;
    int64_t n = leat_tensor_shape(z).dim[1];
    leat_tensor *most = leat_topk(z, n, 1, false, NULL);
    leat_tensor *sum = leat_cumsum(most, 1, false, false);
    leat_tensor *count = leat_expand(leat_like(z, 1), LEAT_DIMS(1, n));
    count = leat_cumsum(count, 1, false, false);
    leat_tensor *t = leat_max(leat_div(leat_shift(sum, -1), count), 1, &axis, true);
    return leat_maximum(leat_sub(z, t), leat_like(z, 0));
}

leat_tensor *leati_class_probabilities_record(leati_class_outputs kind, leat_tensor *z)
{
    if (!z || kind == LEATI_OUTPUTS_SCORES) return z;
    if (kind == LEATI_OUTPUTS_SHARES) return shares(z);
    if (kind == LEATI_OUTPUTS_ONE_TO_REST) {
        leat_tensor *rest = leat_log(leat_shift(leat_exp(leat_neg(leat_abs(z))), 1));
        z = leat_sub(leat_minimum(z, leat_like(z, 0)), rest);
    }
    return leat_softmax(z, 1);
}
