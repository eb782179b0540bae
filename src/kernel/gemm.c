/* Owns: matrix products, in plain C. */
#include "kernel/gemm.h"

#define PRODUCT(suffix, type)                                                                      \
    static void row_##suffix(size_t n, type a, const type *b, size_t stride, type *out)            \
    {                                                                                              \
        for (size_t j = 0; j < n; j++) out[j] += a * b[j * stride];                                \
    }                                                                                              \
    leat_status leati_gemm_##suffix(leat_context *c, bool ta, bool tb, size_t m, size_t n,         \
                                    size_t k, type alpha, const type *a, size_t lda,               \
                                    const type *b, size_t ldb, type beta, type *out, size_t ldc)   \
    {                                                                                              \
        (void)c;                                                                                   \
        for (size_t i = 0; i < m; i++) {                                                           \
            type *r = out + i * ldc;                                                               \
            for (size_t j = 0; j < n; j++) r[j] = beta == 0 ? 0 : beta * r[j];                     \
            for (size_t p = 0; p < k; p++)                                                         \
                row_##suffix(n, alpha *(ta ? a[p * lda + i] : a[i * lda + p]),                     \
                             tb ? b + p : b + p * ldb, tb ? ldb : 1, r);                           \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }                                                                                              \
    leat_status leati_syrk_##suffix(leat_context *c, size_t m, size_t n, const type *a,            \
                                    size_t lda, type *out, size_t ldc)                             \
    {                                                                                              \
        return leati_gemm_##suffix(c, true, false, n, n, m, 1, a, lda, a, lda, 0, out, ldc);       \
    }

PRODUCT(f32, float)
PRODUCT(f64, double)
