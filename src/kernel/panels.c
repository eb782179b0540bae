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

/* Pairs of terms at once: a panel of B and the rows of a tile stay in the first-level cache. */
enum { PAIRS = 256 };

void leati_panels_bf16_product(const leati_kernels *level, const leati_bf16_kernels *half,
                               const leati_panels_bf16 *p)
{
    size_t nr = level->f32.nr, pairs = (p->k + 1) / 2;
    for (size_t at = 0; at < pairs; at += PAIRS) {
        leati_run run = {.k = pairs - at < PAIRS ? pairs - at : PAIRS};
        leati_bf16_block t = {.lines = 1,
                              .rows = p->m,
                              .n = p->n,
                              .by_rows = true,
                              .runs = &run,
                              .run_count = 1,
                              .a = p->a + at,
                              .a_step = p->lda,
                              .b = p->packed + at * nr,
                              .b_panel = p->panel,
                              .c = p->c,
                              .c_step = p->ldc,
                              .add = p->add || at};
        half->block(&t);
    }
}
