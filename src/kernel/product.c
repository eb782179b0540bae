/* Owns: products of networks: their epilogue, packed weights, batches. Not: how one product is cut
 * (gemm_blocks.h), the arithmetic (isa/gemm_type.h). */
#include "kernel/product.h"

#include <math.h>

#include "base/mem.h"
#include "base/pool.h"
#include "kernel/kernels.h"
#include "kernel/net_kernels.h"
#include "kernel/panels.h"
#include "kernel/product_bf16.h"

#define NAME(x) x##_f32
#define T       float
#include "kernel/gemm_blocks.h"

enum {
    FEW_ROWS = 8,        /* dot products instead of tiles */
    TINY = 16384,        /* multiplications that one thread does before another wakes */
    STACK_BYTES = 16384, /* scratch of tiny products */
    BATCH_TASKS = 4,     /* matrices of a batch per thread from which on each is one task */
    MANY = 1 << 17,      /* weights that do not stay in the second-level cache */
    MOST_ROWS = 256,     /* of A: it stays there; and with more, weights come fast enough */
    PANEL_TASKS = 4,     /* per thread */
    COPY_TASKS = 8
};

/* One product of the batch with what its tasks need. */
typedef struct network_product {
    const leati_product *p;
    const leati_net_kernels *net;
    product_f32 g;
    float *c;
    const float *residual;
} network_product;

static bool finishes(const leati_product *p)
{
    return p->column_bias || p->row_bias || p->residual || p->activation != LEATI_ACT_NONE;
}

static void finish_block(const void *arg, size_t i, size_t m, size_t j, size_t n)
{
    const network_product *x = arg;
    const leati_product *p = x->p;
    leati_finish f = {.m = m, .n = n, .c = x->c + i * p->ldc + j, .ldc = p->ldc};
    if (p->column_bias) f.column_bias = p->column_bias + j;
    if (p->row_bias) f.row_bias = p->row_bias + i;
    if (x->residual) {
        f.residual = x->residual + i * p->ld_residual + j;
        f.ld_residual = p->ld_residual;
    }
    x->net->finish(p->activation, &f);
}

/* Matrix `index` of the batch. `x` must stay where it is while it runs. */
static void product_of(leat_context *c, const leati_product *p, size_t index, network_product *x)
{
    *x = (network_product){.p = p, .net = leati_net_kernels_of(c)};
    x->c = p->c ? p->c + index * p->c_step : NULL;
    if (p->residual) x->residual = p->residual + index * p->residual_step;
    x->g = (product_f32){.ker = &leati_kernels_of(c)->f32,
                         .ta = p->transpose_a,
                         .tb = p->transpose_b,
                         .m = p->m,
                         .n = p->n,
                         .k = p->k,
                         .alpha = p->alpha,
                         .beta = p->beta,
                         .lda = p->lda,
                         .ldb = p->ldb,
                         .c = x->c,
                         .ldc = p->ldc,
                         .packed = p->packed_b,
                         .finish_arg = x};
    if (p->a) x->g.a = p->a + index * p->a_step;
    if (p->b) x->g.b = p->b + index * p->b_step;
    if (finishes(p)) x->g.finish = finish_block;
}

static size_t batch_of(const leati_product *p)
{
    return p->batch ? p->batch : 1;
}

static bool by_dots(const leati_product *p)
{
    return !p->transpose_a && !p->packed_b && p->k >= 64;
}

/* A column without gaps: as a row, it is what A's rows are multiplied with. */
static bool one_column(const leati_product *p)
{
    return by_dots(p) && p->n == 1 && (p->transpose_b || p->ldb == 1);
}

static bool few(const leati_product *p)
{
    return (by_dots(p) && p->transpose_b && p->m <= FEW_ROWS) || one_column(p);
}

bool leati_product_packs(const leati_product *p)
{
    return batch_of(p) == 1 && !few(p);
}

/* Whether matrices of the batch run whole, one per task, each on one thread. */
static bool one_by_one(leat_context *c, const leati_product *p)
{
    return batch_of(p) > 1 && batch_of(p) >= BATCH_TASKS * (size_t)leat_context_threads(c);
}

static unsigned threads_of(leat_context *c, const leati_product *p)
{
    return one_by_one(c, p) ? 1 : leat_context_threads(c);
}

/* Packed weights that come from memory and are used by few rows. */
static bool by_panels(const leati_product *p, const network_product *x)
{
    return p->packed_b && !p->transpose_a && p->alpha == 1 && p->beta == 0 && batch_of(p) == 1 &&
           p->m >= 2 * x->net->mr && p->m <= MOST_ROWS && p->n * p->k >= MANY;
}

/* Elements of the copy of A. */
static size_t copied(const leati_product *p)
{
    return p->lda * sizeof(float) % 2048 == 0 ? p->m * leati_panels_stride(p->k) : 0;
}

size_t leati_product_bytes(leat_context *c, const leati_product *p)
{
    network_product x;
    if (p->half || p->packed_bf16) return leati_product_bf16_bytes(c, p);
    if (p->m == 0 || p->n == 0 || p->k == 0 || few(p)) return 0;
    unsigned threads = threads_of(c, p);
    product_of(c, p, 0, &x);
    if (by_panels(p, &x)) return copied(p) * sizeof(float);
    arrange_f32(&x.g, threads);
    size_t elements = scratch_elements_f32(&x.g, threads);
    if (one_by_one(c, p)) return x.g.each * leat_context_threads(c) * sizeof(float);
    return elements * sizeof(float) <= STACK_BYTES && x.g.grid_m * x.g.grid_n == 1
               ? 0
               : elements * sizeof(float);
}

/* ---- packed weights from memory ----------------------------------------------------------------
 * Panel by panel, each for all rows of the task, while the one that comes next is fetched. The sums
 * are those of product_task_f32. */

typedef struct panel_product {
    network_product *x;
    size_t panels, tasks, threads;
    size_t kc; /* terms of a pass */
    const float *a;
    size_t lda;
    float *copy; /* of A where its rows lie badly in the caches; or NULL */
} panel_product;

static void copy_task(void *arg, size_t task, unsigned worker)
{
    const panel_product *g = arg;
    const leati_product *p = g->x->p;
    size_t end = leati_task_start(p->m, COPY_TASKS, task + 1);
    (void)worker;
    for (size_t i = leati_task_start(p->m, COPY_TASKS, task); i < end; i++)
        g->x->net->copy(p->k, p->a + i * p->lda, g->copy + i * g->lda);
}

static size_t first_panel(const panel_product *g, size_t task)
{
    return leati_task_start(g->panels, g->tasks, task);
}

static size_t terms_of(const panel_product *g, size_t q)
{
    return g->x->p->k - q < g->kc ? g->x->p->k - q : g->kc;
}

/* Where the terms of panel j from q on lie. */
static const float *panel_at(const panel_product *g, size_t j, size_t q)
{
    size_t nr = g->x->net->nr;
    return g->x->p->packed_b + nr * (g->panels * q + j * terms_of(g, q));
}

/* Terms from q on of panel j; `next` is fetched. */
static void one_panel(const panel_product *g, size_t j, size_t q, const float *next)
{
    const leati_product *p = g->x->p;
    size_t nr = g->x->net->nr, at = j * nr, k = terms_of(g, q);
    leati_run run = {0, 0, k};
    leati_sum_block t = {.lines = 1,
                         .rows = p->m,
                         .n = p->n - at < nr ? p->n - at : nr,
                         .by_rows = true,
                         .runs = &run,
                         .run_count = 1,
                         .a = g->a + q,
                         .a_step = g->lda,
                         .b = panel_at(g, j, q),
                         .b_panel = nr * k,
                         .c = p->c + at,
                         .c_step = p->ldc};
    if (next) t.ahead = ((uintptr_t)next - (uintptr_t)t.b) / sizeof(float);
    if (q) t.residual = t.c, t.residual_step = p->ldc;
    g->x->net->sum_block(&t);
    if (q + k == p->k && g->x->g.finish) g->x->g.finish(g->x, 0, p->m, at, t.n);
}

static void panels_task(void *arg, size_t task, unsigned worker)
{
    const panel_product *g = arg;
    size_t from = first_panel(g, task), end = first_panel(g, task + 1);
    size_t later = task + g->threads; /* what this thread has next, about */
    (void)worker;
    for (size_t q = 0; q < g->x->p->k; q += g->kc) {
        const float *then = later < g->tasks ? panel_at(g, first_panel(g, later), 0) : NULL;
        if (q + g->kc < g->x->p->k) then = panel_at(g, from, q + g->kc);
        for (size_t j = from; j < end; j++)
            one_panel(g, j, q, j + 1 < end ? panel_at(g, j + 1, q) : then);
    }
}

static void run_panels(leat_context *c, network_product *x, void *workspace)
{
    const leati_product *p = x->p;
    size_t passes = (p->k + x->g.ker->kc - 1) / x->g.ker->kc, nr = x->net->nr;
    panel_product g = {.x = x, .panels = (p->n + nr - 1) / nr, .a = p->a, .lda = p->lda};
    g.threads = leat_context_threads(c);
    g.kc = (p->k + passes - 1) / passes;
    if (copied(p)) {
        g.a = g.copy = workspace;
        g.lda = leati_panels_stride(p->k);
        leati_parallel(c, COPY_TASKS, copy_task, &g);
    }
    g.tasks = PANEL_TASKS * g.threads < g.panels ? PANEL_TASKS * g.threads : g.panels;
    leati_parallel(c, g.tasks, panels_task, &g);
}

/* ---- one product ---------------------------------------------------------------------------- */

static void column_task(const network_product *x, size_t task)
{
    const product_f32 *g = &x->g;
    size_t i0 = leati_task_start(g->m, g->grid_n, task);
    size_t i1 = leati_task_start(g->m, g->grid_n, task + 1);
    g->ker->dots(1, i1 - i0, g->k, g->b, g->k, g->a + i0 * g->lda, g->lda, g->alpha, g->beta,
                 g->c + i0 * g->ldc, 1, g->ldc);
    if (g->finish) g->finish(x, i0, i1 - i0, 0, 1);
}

/* Few rows of A by dot products with rows of B: reads B once, as it lies. One column of B: the
 * other way round. */
static void few_task(void *arg, size_t task, unsigned worker)
{
    const network_product *x = arg;
    const product_f32 *g = &x->g;
    if (one_column(x->p)) {
        column_task(x, task);
        return;
    }
    size_t j0 = leati_task_start(g->n, g->grid_n, task);
    size_t j1 = leati_task_start(g->n, g->grid_n, task + 1);
    (void)worker;
    g->ker->dots(g->m, j1 - j0, g->k, g->a, g->lda, g->b + j0 * g->ldb, g->ldb, g->alpha, g->beta,
                 g->c + j0, g->ldc, 1);
    if (g->finish) g->finish(x, 0, g->m, j0, j1 - j0);
}

static void run_few(leat_context *c, network_product *x)
{
    product_f32 *g = &x->g;
    size_t most = 4 * (size_t)leat_context_threads(c);
    bool column = one_column(x->p);
    size_t parts = column ? g->m : g->n, beside = column ? 1 : g->m;
    if (parts < most) most = parts;
    g->grid_n = leati_task_count(parts * g->k * (beside + 3) / 4, 32768, most);
    leati_parallel(c, g->grid_n, few_task, x);
}

static void run_empty(const network_product *x)
{
    const product_f32 *g = &x->g;
    for (size_t i = 0; i < g->m; i++)
        for (size_t j = 0; j < g->n; j++)
            g->c[i * g->ldc + j] = g->beta == 0 ? 0 : g->beta * g->c[i * g->ldc + j];
    if (g->finish) g->finish(x, 0, g->m, 0, g->n);
}

static void run_one(leat_context *c, network_product *x, void *workspace)
{
    float small[STACK_BYTES / sizeof(float)] __attribute__((aligned(64)));
    product_f32 *g = &x->g;
    if (g->k == 0 || g->alpha == 0) {
        run_empty(x);
        return;
    }
    if (few(x->p)) {
        run_few(c, x);
        return;
    }
    if (by_panels(x->p, x)) {
        run_panels(c, x, workspace);
        return;
    }
    unsigned threads = leat_context_threads(c);
    arrange_f32(g, threads);
    bool stack = g->each * sizeof(float) <= STACK_BYTES && g->grid_m * g->grid_n == 1;
    g->scratch = stack ? small : workspace;
    if (g->grid_m * g->grid_n == 1) product_task_f32(g, 0, 0);
    else leati_parallel(c, g->grid_m * g->grid_n, product_task_f32, g);
}

/* ---- batches -------------------------------------------------------------------------------- */

typedef struct batch {
    leat_context *context; /* for the table of kernels only */
    const leati_product *p;
    float *scratch;
    size_t each;
} batch;

static void batch_task(void *arg, size_t task, unsigned worker)
{
    const batch *b = arg;
    network_product x;
    product_of(b->context, b->p, task, &x);
    if (few(b->p)) {
        x.g.grid_n = 1;
        few_task(&x, 0, 0);
        return;
    }
    arrange_f32(&x.g, 1);
    x.g.scratch = b->scratch + worker * b->each;
    product_task_f32(&x.g, 0, 0);
}

void leati_product_run(leat_context *c, const leati_product *p, void *workspace)
{
    network_product x;
    if (p->half || p->packed_bf16) {
        leati_product_bf16_run(c, p, workspace);
        return;
    }
    if (p->m == 0 || p->n == 0) return;
    if (p->k && p->alpha != 0 && one_by_one(c, p)) {
        batch b = {c, p, workspace, 0};
        product_of(c, p, 0, &x);
        arrange_f32(&x.g, 1);
        b.each = x.g.each;
        leati_parallel(c, batch_of(p), batch_task, &b);
        return;
    }
    for (size_t i = 0; i < batch_of(p); i++) {
        product_of(c, p, i, &x);
        run_one(c, &x, workspace);
    }
}

/* ---- packed weights ------------------------------------------------------------------------- */

size_t leati_product_packed(leat_context *c, size_t n, size_t k)
{
    size_t nr = leati_kernels_of(c)->f32.nr;
    return (n + nr - 1) / nr * nr * k;
}

typedef struct packing {
    const leati_gemm_kernels_f32 *ker;
    bool transposed;
    size_t n, k, ldb, kc;
    const float *b;
    float *out;
} packing;

/* Panel `task` of all passes. */
static void pack_task(void *arg, size_t task, unsigned worker)
{
    const packing *g = arg;
    size_t nr = g->ker->nr, j = task * nr, whole = (g->n + nr - 1) / nr * nr;
    size_t width = g->n - j < nr ? g->n - j : nr;
    (void)worker;
    for (size_t p = 0; p < g->k; p += g->kc) {
        size_t k = g->k - p < g->kc ? g->k - p : g->kc;
        const float *b = g->transposed ? g->b + j * g->ldb + p : g->b + p * g->ldb + j;
        g->ker->pack_b(width, k, b, g->ldb, g->transposed, g->out + whole * p + j * k);
    }
}

void leati_product_pack(leat_context *c, bool transpose_b, size_t n, size_t k, const float *b,
                        size_t ldb, float *packed)
{
    packing g = {&leati_kernels_of(c)->f32, transpose_b, n, k, ldb, 0, b, packed};
    if (n == 0 || k == 0) return;
    size_t passes = (k + g.ker->kc - 1) / g.ker->kc, panels = (n + g.ker->nr - 1) / g.ker->nr;
    g.kc = (k + passes - 1) / passes;
    if (n * k > TINY) {
        leati_parallel(c, panels, pack_task, &g);
        return;
    }
    for (size_t t = 0; t < panels; t++) pack_task(&g, t, 0);
}
