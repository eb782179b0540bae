/* Owns: products with weights packed in bf16: how they are cut, rounding of the left operand, the
 * choice of the instruction. Not: the arithmetic (isa/bf16_lanes.h). */
#include "kernel/product_bf16.h"

#include "base/cpu.h"
#include "base/pool.h"
#include "kernel/kernels.h"
#include "kernel/net_kernels.h"

enum {
    PAIRS = 512,        /* pairs of terms at once: a panel of B stays in the first-level cache */
    BANDS = 8,          /* bands of register tiles in a task's rows */
    SMALL = 240000,     /* multiplications that one thread does before another wakes */
    ROWS_AT_A_TIME = 64 /* terms packed by way of f32 */
};

typedef struct half_product {
    const leati_product *p;
    const leati_net_kernels *k;
    void (*block)(const leati_bf16_block *t);
    size_t pairs, panels, row_blocks, column_blocks, rows, each;
    uint32_t *scratch;
} half_product;

static size_t ceiling(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

static void arrange(leat_context *c, const leati_product *p, half_product *g)
{
    size_t threads = leat_context_threads(c);
    *g = (half_product){.p = p, .k = leati_net_kernels_of(c), .pairs = ceiling(p->k, 2)};
    g->block = g->k->bf16_block;
    if (g->k->bf16_block_native && leati_cpu_has_bf16()) g->block = g->k->bf16_block_native;
    g->panels = ceiling(p->n, g->k->nr);
    g->row_blocks = ceiling(p->m, BANDS * g->k->mr);
    g->column_blocks = 1;
    if (p->m * p->n * p->k > SMALL && threads > 1 && g->row_blocks < 4 * threads) {
        g->column_blocks = ceiling(4 * threads, g->row_blocks);
        if (g->column_blocks > g->panels) g->column_blocks = g->panels;
    }
    g->rows = ceiling(p->m, g->row_blocks);
    g->each = ceiling(g->rows * (g->pairs < PAIRS ? g->pairs : PAIRS), 16) * 16;
}

size_t leati_product_bf16_bytes(leat_context *c, const leati_product *p)
{
    half_product g;
    if (p->m == 0 || p->n == 0) return 0;
    arrange(c, p, &g);
    return g.each * leat_context_threads(c) * sizeof(uint32_t);
}

static void finish_task(const half_product *g, size_t i, size_t m, size_t j, size_t n)
{
    const leati_product *p = g->p;
    if (!p->column_bias && !p->row_bias && !p->residual && p->activation == LEATI_ACT_NONE) return;
    leati_finish f = {.m = m, .n = n, .c = p->c + i * p->ldc + j, .ldc = p->ldc};
    if (p->column_bias) f.column_bias = p->column_bias + j;
    if (p->row_bias) f.row_bias = p->row_bias + i;
    if (p->residual) {
        f.residual = p->residual + i * p->ld_residual + j;
        f.ld_residual = p->ld_residual;
    }
    g->k->finish(p->activation, &f);
}

static void product_task(void *arg, size_t task, unsigned worker)
{
    const half_product *g = arg;
    const leati_product *p = g->p;
    size_t nr = g->k->nr, block = task % g->column_blocks, row = task / g->column_blocks;
    size_t i = leati_task_start(p->m, g->row_blocks, row);
    size_t m = leati_task_start(p->m, g->row_blocks, row + 1) - i;
    size_t j = leati_task_start(g->panels, g->column_blocks, block) * nr;
    size_t end = leati_task_start(g->panels, g->column_blocks, block + 1) * nr;
    size_t n = (end < p->n ? end : p->n) - j;
    uint32_t *rows = g->scratch + worker * g->each;
    for (size_t q = 0; q < g->pairs; q += PAIRS) {
        size_t terms = p->k - 2 * q < 2 * PAIRS ? p->k - 2 * q : 2 * PAIRS;
        g->k->bf16_rows(m, terms, p->a + i * p->lda + 2 * q, p->lda, rows);
        g->block(&(leati_bf16_block){.m = m,
                                     .n = n,
                                     .k = ceiling(terms, 2),
                                     .a = rows,
                                     .a_step = ceiling(terms, 2),
                                     .b = p->packed_bf16 + j * g->pairs + q * nr,
                                     .b_panel = nr * g->pairs,
                                     .c = p->c + i * p->ldc + j,
                                     .ldc = p->ldc,
                                     .add = q > 0 || p->beta != 0});
    }
    finish_task(g, i, m, j, n);
}

void leati_product_bf16_run(leat_context *c, const leati_product *p, void *workspace)
{
    half_product g;
    if (p->m == 0 || p->n == 0) return;
    arrange(c, p, &g);
    g.scratch = workspace;
    leati_parallel(c, g.row_blocks * g.column_blocks, product_task, &g);
}

/* ---- packing -------------------------------------------------------------------------------- */

size_t leati_product_packed_bf16(leat_context *c, size_t n, size_t k)
{
    size_t nr = leati_net_kernels_of(c)->nr;
    return ceiling(n, nr) * nr * ceiling(k, 2);
}

typedef struct packing {
    const leati_gemm_kernels_f32 *ker;
    const leati_net_kernels *net;
    bool transposed;
    size_t n, k, ldb;
    const float *b;
    uint32_t *out;
} packing;

static void pack_task(void *arg, size_t task, unsigned worker)
{
    enum { MOST_NR = 64 };
    const packing *g = arg;
    float panel[(ROWS_AT_A_TIME + 1) * MOST_NR] __attribute__((aligned(64)));
    size_t nr = g->ker->nr, j = task * nr, width = g->n - j < nr ? g->n - j : nr;
    uint32_t *out = g->out + j * ceiling(g->k, 2);
    (void)worker;
    for (size_t p = 0; p < g->k; p += ROWS_AT_A_TIME) {
        size_t k = g->k - p < ROWS_AT_A_TIME ? g->k - p : ROWS_AT_A_TIME;
        const float *b = g->transposed ? g->b + j * g->ldb + p : g->b + p * g->ldb + j;
        g->ker->pack_b(width, k, b, g->ldb, g->transposed, panel);
        for (size_t i = 0; i < nr; i++) panel[k * nr + i] = 0; /* beside a last single row */
        for (size_t i = 0; i < k; i += 2, out += nr)
            g->net->bf16_zip(nr, panel + i * nr, panel + (i + 1) * nr, out);
    }
}

void leati_product_pack_bf16(leat_context *c, bool transpose_b, size_t n, size_t k, const float *b,
                             size_t ldb, uint32_t *packed)
{
    packing g = {
        &leati_kernels_of(c)->f32, leati_net_kernels_of(c), transpose_b, n, k, ldb, b, packed};
    leati_parallel(c, ceiling(n, g.ker->nr), pack_task, &g);
}
