/* Owns: principal components. Not: eigenvectors (symmetric_eigen.c). */
#include "learn/pca.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/gemm.h"
#include "learn/symmetric_eigen.h"

static float *centred(leat_context *c, const float *x, size_t n, size_t d)
{
    float *to = leati_array(c, n, d * sizeof *to);
    double *mean = leati_calloc(c, d, sizeof *mean);
    for (size_t i = 0; to && mean && i < n; i++)
        for (size_t k = 0; k < d; k++) mean[k] += (double)x[i * d + k] / (double)n;
    for (size_t i = 0; to && mean && i < n; i++)
        for (size_t k = 0; k < d; k++) to[i * d + k] = (float)((double)x[i * d + k] - mean[k]);
    if (!mean) {
        leati_free(to);
        to = NULL;
    }
    leati_free(mean);
    return to;
}

/* X'X (d, d) or XX' (n, n), as f64. */
static double *products(leat_context *c, const float *x, size_t n, size_t d, size_t *size)
{
    bool wide = d > n;
    size_t m = *size = wide ? n : d;
    float *narrow = leati_array(c, m, m * sizeof *narrow);
    double *a = leati_array(c, m, m * sizeof *a);
    leat_status st = narrow && a ? LEAT_OK : LEAT_NOMEM;
    if (st == LEAT_OK)
        st = leati_gemm_f32(c, !wide, wide, m, m, wide ? d : n, 1, x, d, x, d, 0, narrow, m);
    for (size_t i = 0; st == LEAT_OK && i < m; i++)
        for (size_t k = 0; k < m; k++)
            a[i * m + k] = ((double)narrow[i * m + k] + (double)narrow[k * m + i]) / 2;
    leati_free(narrow);
    if (st == LEAT_OK) return a;
    leati_free(a);
    return NULL;
}

static void fix_sign(double *scores, size_t n, size_t k, size_t stride)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs(scores[i * stride + k]) > fabs(most)) most = scores[i * stride + k];
    for (size_t i = 0; most < 0 && i < n; i++) scores[i * stride + k] = -scores[i * stride + k];
}

leat_status leati_pca(leat_context *c, const float *x, size_t n, size_t d, size_t k, double *out,
                      double *share)
{
    size_t m = 0;
    double total = 0;
    LEATI_CHECK(c, k <= n && k <= d, LEAT_INVALID, "%zu components of %zu rows with %zu columns", k,
                n, d);
    float *z = centred(c, x, n, d);
    double *a = z ? products(c, z, n, d, &m) : NULL, *value = leati_array(c, m + 1, sizeof *value);
    leat_status st = a && value ? leati_symmetric_eigen(c, m, a, value) : LEAT_NOMEM;
    for (size_t i = 0; st == LEAT_OK && i < m; i++) total += fmax(value[i], 0);
    for (size_t j = 0; st == LEAT_OK && j < k; j++) {
        double length = sqrt(fmax(value[j], 0));
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t l = 0; d <= n && l < d; l++) sum += (double)z[i * d + l] * a[j * m + l];
            out[i * k + j] = d <= n ? sum : a[j * m + i] * length;
        }
        fix_sign(out, n, j, k);
        share[j] = total > 0 ? fmax(value[j], 0) / total : 0;
    }
    leati_free(z);
    leati_free(a);
    leati_free(value);
    return st;
}
