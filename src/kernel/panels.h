/* Products with packed weights on the calling thread, for drivers that cut the work themselves. */
#ifndef LEATI_KERNEL_PANELS_H
#define LEATI_KERNEL_PANELS_H

#include <stddef.h>

#include "kernel/kernels.h"
#include "kernel/net_kernels.h"

/* C (m, to - from) = columns from .. to of A B; rows of C `ldc` apart. A (m, k), its rows `lda`
 * apart; B (k, n) packed by leati_product_pack. `from` is a multiple of level->f32.nr. The bytes
 * are those of leati_product_run with packed weights. */
typedef struct leati_panels {
    size_t m, n, k;
    const float *a;
    size_t lda;
    const float *packed;
    size_t from, to;
    float *c;
    size_t ldc;
} leati_panels;
void leati_panels_product(const leati_kernels *level, const leati_panels *p);

/* C (m, n) = A B in bf16, A as pairs of neighbours of k (leati_bf16_kernels.rows), its rows `lda`
 * pairs apart; B packed by leati_product_pack_bf16 or leati_panels_bf16_pack, `panel` elements from
 * panel to panel. With `add` the sums begin with C. The bytes are those of leati_product_run with
 * `half`, also in parts that are cut after a multiple of 32 terms. */
typedef struct leati_panels_bf16 {
    size_t m, n, k;
    const uint32_t *a;
    size_t lda;
    const uint32_t *packed;
    size_t panel;
    float *c;
    size_t ldc;
    bool add;
} leati_panels_bf16;
void leati_panels_bf16_product(const leati_kernels *level, const leati_bf16_kernels *half,
                               const leati_panels_bf16 *p);
/* leati_product_pack_bf16 on the calling thread. */
void leati_panels_bf16_pack(const leati_kernels *level, const leati_bf16_kernels *half,
                            bool transpose_b, size_t n, size_t k, const float *b, size_t ldb,
                            uint32_t *packed);

/* Rows this far apart do not fall into the same few sets of a cache; not less than `columns`. */
static inline size_t leati_panels_stride(size_t columns)
{
    return (columns + 31) / 32 * 32 + 16;
}

#endif
