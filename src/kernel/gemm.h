/* Matrix products, row-major, on our own micro-kernels. Results are bitwise equal for any number
 * of threads at one CPU level: threads share rows and columns of C, never the sum over k, but for
 * A^T B with few columns and very many terms, whose sum is cut into chunks of fixed size. */
#ifndef LEATI_KERNEL_GEMM_H
#define LEATI_KERNEL_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* C (m, n) = alpha * op(A) op(B) + beta * C; op(A) is (m, k), op(B) is (k, n); lda, ldb, ldc are
 * the distances of rows in elements as stored. beta == 0 does not read C. No aliasing of C.
 * Fails only with LEAT_NOMEM (packing buffers). */
leat_status leati_gemm_f32(leat_context *c, bool transpose_a, bool transpose_b, size_t m, size_t n,
                           size_t k, float alpha, const float *a, size_t lda, const float *b,
                           size_t ldb, float beta, float *out, size_t ldc);
leat_status leati_gemm_f64(leat_context *c, bool transpose_a, bool transpose_b, size_t m, size_t n,
                           size_t k, double alpha, const double *a, size_t lda, const double *b,
                           size_t ldb, double beta, double *out, size_t ldc);

/* out (n, n) = A^T A, A (m, n): both triangles written, exactly symmetric. Sums over m run in
 * blocks that do not depend on the number of threads. */
leat_status leati_syrk_f32(leat_context *c, size_t m, size_t n, const float *a, size_t lda,
                           float *out, size_t ldc);
leat_status leati_syrk_f64(leat_context *c, size_t m, size_t n, const double *a, size_t lda,
                           double *out, size_t ldc);

#endif
