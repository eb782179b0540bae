/* Owns: products with packed weights on one thread. */
#include "kernel/panels.h"

void leati_panels_product(const leati_kernels *level, const leati_panels *p)
{
    const leati_gemm_kernels_f32 *ker = &level->f32;
    size_t passes = (p->k + ker->kc - 1) / ker->kc, kc = (p->k + passes - 1) / passes;
    size_t whole = (p->n + ker->nr - 1) / ker->nr * ker->nr;
    for (size_t at = 0; at < p->k; at += kc) {
        size_t k = p->k - at < kc ? p->k - at : kc;
        leati_block_f32 t = {.m = p->m,
                             .n = p->to - p->from,
                             .k = k,
                             .left = LEATI_LEFT_ROWS,
                             .a = p->a + at,
                             .a_step = p->lda,
                             .b = p->packed + whole * at + p->from * k,
                             .b_step = ker->nr,
                             .b_panel = ker->nr * k,
                             .alpha = 1,
                             .beta = at ? 1 : 0,
                             .c = p->c,
                             .ldc = p->ldc};
        ker->block(&t);
    }
}
