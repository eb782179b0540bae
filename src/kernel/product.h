/* Matrix products of networks, f32: with what follows them, with weights packed beforehand, in
 * batches, and without an allocation. The plain products are in gemm.h.
 *
 *     C = activation(alpha op(A) op(B) + beta C + column bias + row bias + residual)
 *
 * Bitwise equal for any number of threads at one CPU level. Packed weights give the same bytes as
 * weights that are not, but for (n, k) weights and at most 8 rows, which are dot products. */
#ifndef LEATI_KERNEL_PRODUCT_H
#define LEATI_KERNEL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "kernel/activation.h"

typedef struct leati_product {
    bool transpose_a, transpose_b; /* as stored: A (k, m), B (n, k) */
    size_t m, n, k;
    size_t batch; /* 0 is 1 */
    const float *a, *b;
    size_t lda, ldb, a_step, b_step; /* steps: elements from one matrix of a batch to the next; */
    const float *packed_b; /* 0 uses the same one for all. Packed B replaces b; no batch */
    /* In bf16: both operands are rounded, sums are f32 (see below). alpha is 1, beta 0 or 1. B may
     * be given by leati_product_pack_bf16; no batch then. */
    bool half;
    const uint32_t *packed_bf16;
    float *c;
    size_t ldc, c_step;
    float alpha, beta;        /* beta == 0 does not read C */
    const float *column_bias; /* (n), or NULL */
    const float *row_bias;    /* (m), or NULL */
    const float *residual;    /* (m, n), or NULL; not C */
    size_t ld_residual, residual_step;
    leati_activation activation;
} leati_product;

/* One product of plain matrices, alpha 1, beta 0, tight rows. */
static inline leati_product leati_product_default(bool transpose_a, bool transpose_b, size_t m,
                                                  size_t n, size_t k, const float *a,
                                                  const float *b, float *c)
{
    return (leati_product){.transpose_a = transpose_a,
                           .transpose_b = transpose_b,
                           .m = m,
                           .n = n,
                           .k = k,
                           .batch = 1,
                           .a = a,
                           .b = b,
                           .lda = transpose_a ? m : k,
                           .ldb = transpose_b ? k : n,
                           .c = c,
                           .ldc = n,
                           .alpha = 1};
}

/* Workspace in bytes; depends on the shape, the context's threads and level, not on pointers but
 * for whether packed_b is NULL. */
size_t leati_product_bytes(leat_context *c, const leati_product *p);
/* `workspace` is 64-byte aligned; NULL is fine where the bytes are 0. */
void leati_product_run(leat_context *c, const leati_product *p, void *workspace);

/* B (k, n), or (n, k) when transposed, laid out as the register tiles read it: for weights that
 * serve many products. */
size_t leati_product_packed(leat_context *c, size_t n, size_t k); /* elements */
/* Whether a product of b that is laid out again and again would run with packed_b, to the same
 * bytes. */
bool leati_product_packs(const leati_product *p);
void leati_product_pack(leat_context *c, bool transpose_b, size_t n, size_t k, const float *b,
                        size_t ldb, float *packed);

/* B in bf16 (round to nearest even), pairs of neighbours of k in one element. Every element
 * of C is one sum in f32: pair by pair, the second product of a pair before the first, which is the
 * order of vdpbf16ps; levels and CPUs without it give the same bytes (subnormals apart). */
size_t leati_product_packed_bf16(leat_context *c, size_t n, size_t k); /* elements */
void leati_product_pack_bf16(leat_context *c, bool transpose_b, size_t n, size_t k, const float *b,
                             size_t ldb, uint32_t *packed);

#endif
