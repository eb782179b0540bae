/* Owns: products in bf16: how they are cut, rounding and packing of the operands, the choice of the
 * instruction. Not: the arithmetic (isa/bf16_lanes.h). */
#include "kernel/product_bf16.h"

#include "base/pool.h"
#include "kernel/kernels.h"
#include "kernel/net_kernels.h"
#include "kernel/panels.h"

enum {
    PAIRS = 512,         /* pairs of terms at once: a panel of B stays in the first-level cache */
    SMALL = 240000,      /* multiplications that one thread does before another wakes */
    FEW_COLUMNS = 128,   /* of a task: rounding its rows anew is noticed */
    SMALL_COPY = 65536,  /* the same of numbers that are rounded */
    INSIDE_ROWS = 256,   /* so many rows of A that pass a panel while it is in the caches */
    ROWS_AT_A_TIME = 64, /* terms packed by way of f32 */
    LEFT_TASKS = 8,      /* in which the left operand is rounded */
    LARGE = 1 << 22,     /* numbers that are in no cache */
    TURN_PAIRS = 16,     /* turned at once, */
    TURN_ROWS = 64,
    STRIP = 8 /* panels of a task whose sums are finished while they are in the caches */
};

typedef struct packing {
    const leati_gemm_kernels_f32 *ker;
    const leati_bf16_kernels *half;
    bool transposed;
    size_t n, k, ldb;
    const float *b;
    uint32_t *out;
} packing;

typedef struct half_product {
    const leati_product *p;
    const leati_net_kernels *k;
    const leati_bf16_kernels *half;
    size_t pairs, panels, row_blocks, column_blocks, rows, each;
    bool by_rows; /* how blocks read the left operand */
    bool ahead;   /* the left operand is rounded before the tasks, because several read it */
    bool inside;  /* the right one is packed by the tasks: each panel is read by one only */
    size_t slabs; /* in so many the left one is rounded beside the products; 0: it is not */
    /* of one matrix of the batch */
    const float *a, *residual;
    float *c;
    const uint32_t *packed;
    /* in the workspace */
    uint32_t *left, *scratch, *slab[2];
    packing pack;
    size_t left_tasks;
} half_product;

static size_t ceiling(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

static size_t lines_of_16(size_t n)
{
    return ceiling(n, 16) * 16;
}

/* Elements from row to row of `pairs` pairs of the left operand. A tile reads 16 rows at once: an
 * odd number of lines of the caches apart, they do not fall into the same few sets. */
static size_t pitch_of(const half_product *g, size_t pairs)
{
    return g->half->turn ? lines_of_16(pairs) | 16 : pairs;
}

/* First row of C of a block of them: where the left operand is transposed, that is a column of it,
 * and blocks begin with whole lines of the caches. */
static size_t block_start(const half_product *g, size_t block)
{
    size_t unit = g->by_rows ? g->half->unit : 16;
    size_t row = leati_task_start(ceiling(g->p->m, unit), g->row_blocks, block) * unit;
    return row < g->p->m ? row : g->p->m;
}

static void arrange(leat_context *c, const leati_product *p, half_product *g)
{
    size_t threads = leat_context_threads(c);
    *g = (half_product){.p = p, .k = leati_net_kernels_of(c), .pairs = ceiling(p->k, 2)};
    g->half = leati_bf16_kernels_of(c);
    g->by_rows = !p->transpose_a || g->half->turn;
    g->panels = ceiling(p->n, g->k->nr);
    g->inside = !p->packed_bf16 && p->m <= INSIDE_ROWS;
    g->row_blocks = g->inside ? 1 : ceiling(p->m, g->half->task_rows);
    if (g->row_blocks > threads) g->row_blocks = ceiling(g->row_blocks, threads) * threads;
    g->column_blocks = 1;
    if (p->m * p->n * p->k > SMALL && threads > 1 && g->row_blocks < 4 * threads) {
        g->column_blocks = ceiling(4 * threads, g->row_blocks);
        if (g->column_blocks > g->panels) g->column_blocks = g->panels;
    }
    g->rows = block_start(g, 1); /* the first blocks are the largest */
    bool tiles = g->half->turn;
    g->ahead = g->column_blocks > 1 && p->m * p->k > SMALL_COPY &&
               (tiles || p->n < FEW_COLUMNS * g->column_blocks);
    size_t pairs = g->pairs < PAIRS ? g->pairs : PAIRS;
    if (!g->by_rows && !g->inside && !g->ahead && p->m * p->k > LARGE && g->pairs > 2 * PAIRS) {
        g->slabs = ceiling(g->pairs, PAIRS);
        return;
    }
    if (!g->ahead) g->each = lines_of_16(g->rows * pitch_of(g, pairs));
    if (g->inside) g->each += pairs * g->k->nr;
    g->left_tasks = g->ahead ? LEFT_TASKS : 0;
}

static size_t left_elements(const half_product *g)
{
    return g->ahead   ? lines_of_16(g->p->m * pitch_of(g, g->pairs))
           : g->slabs ? 2 * lines_of_16(g->p->m * PAIRS)
                      : 0;
}

/* Of B packed in the workspace. */
static size_t packed_elements(leat_context *c, const half_product *g)
{
    const leati_product *p = g->p;
    return p->packed_bf16 || g->inside ? 0 : lines_of_16(leati_product_packed_bf16(c, p->n, p->k));
}

size_t leati_product_bf16_bytes(leat_context *c, const leati_product *p)
{
    half_product g;
    if (p->m == 0 || p->n == 0) return 0;
    arrange(c, p, &g);
    size_t all = packed_elements(c, &g) + left_elements(&g) + g.each * leat_context_threads(c);
    return all * sizeof(uint32_t);
}

/* ---- packing -------------------------------------------------------------------------------- */

size_t leati_product_packed_bf16(leat_context *c, size_t n, size_t k)
{
    size_t nr = leati_net_kernels_of(c)->nr;
    return ceiling(n, nr) * nr * ceiling(k, 2);
}

/* Panel `task`, pairs first .. first + pairs of its terms. */
static void pack_part(const packing *g, size_t task, size_t first, size_t pairs, uint32_t *out)
{
    enum { MOST_NR = 64 };
    float panel[(ROWS_AT_A_TIME + 1) * MOST_NR] __attribute__((aligned(64)));
    size_t nr = g->ker->nr, j = task * nr, width = g->n - j < nr ? g->n - j : nr;
    size_t end = 2 * (first + pairs) < g->k ? 2 * (first + pairs) : g->k;
    for (size_t p = 2 * first; p < end; p += ROWS_AT_A_TIME) {
        size_t k = end - p < ROWS_AT_A_TIME ? end - p : ROWS_AT_A_TIME, ld = nr;
        const float *b = g->transposed ? g->b + j * g->ldb + p : g->b + p * g->ldb + j;
        if (g->transposed || width < nr) {
            g->ker->pack_b(width, k, b, g->ldb, g->transposed, panel);
            b = panel;
        } else ld = g->ldb; /* rows that fill the panel are read where they lie */
        for (size_t i = 0; i < k; i += 2, out += nr)
            g->half->zip(nr, b + i * ld, i + 1 < k ? b + (i + 1) * ld : NULL, out);
    }
}

static void pack_panel(const packing *g, size_t task)
{
    size_t pairs = ceiling(g->k, 2);
    pack_part(g, task, 0, pairs, g->out + task * g->ker->nr * pairs);
}

static void pack_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    pack_panel(arg, task);
}

static packing packing_of(leat_context *c, bool transposed, size_t n, size_t k, const float *b,
                          size_t ldb, uint32_t *out)
{
    return (packing){
        &leati_kernels_of(c)->f32, leati_bf16_kernels_of(c), transposed, n, k, ldb, b, out};
}

void leati_product_pack_bf16(leat_context *c, bool transpose_b, size_t n, size_t k, const float *b,
                             size_t ldb, uint32_t *packed)
{
    packing g = packing_of(c, transpose_b, n, k, b, ldb, packed);
    leati_parallel(c, ceiling(n, g.ker->nr), pack_task, &g);
}

void leati_panels_bf16_pack(const leati_kernels *level, const leati_bf16_kernels *half,
                            bool transpose_b, size_t n, size_t k, const float *b, size_t ldb,
                            uint32_t *packed)
{
    packing g = {&level->f32, half, transpose_b, n, k, ldb, b, packed};
    for (size_t t = 0; t < ceiling(n, g.ker->nr); t++) pack_panel(&g, t);
}

/* The same of a transposed operand row by row, for kernels that read nothing else well. */
static void turn_left(const half_product *g, size_t i, size_t m, size_t q, size_t count,
                      uint32_t *out)
{
    const leati_product *p = g->p;
    uint32_t pairs[TURN_PAIRS * TURN_ROWS];
    size_t pitch = pitch_of(g, count);
    for (size_t from = 0; from < count; from += TURN_PAIRS) {
        size_t n = count - from < TURN_PAIRS ? count - from : TURN_PAIRS;
        for (size_t row = 0; row < m; row += TURN_ROWS) {
            size_t rows = m - row < TURN_ROWS ? m - row : TURN_ROWS, term = 2 * (q + from);
            const float *a = g->a + term * p->lda + i + row;
            for (size_t pair = 0; pair < n; pair++, term += 2, a += 2 * p->lda)
                g->half->zip(rows, a, term + 1 < p->k ? a + p->lda : NULL,
                             pairs + pair * TURN_ROWS);
            g->half->turn(n, rows, pairs, TURN_ROWS, out + row * pitch + from, pitch);
        }
    }
}

/* Rows i .. i + m of the left operand, pairs q .. q + count of their terms: row by row, or pair by
 * pair where blocks read it so. */
static void round_left(const half_product *g, size_t i, size_t m, size_t q, size_t count,
                       uint32_t *out)
{
    const leati_product *p = g->p;
    if (!p->transpose_a) {
        size_t terms = p->k - 2 * q < 2 * count ? p->k - 2 * q : 2 * count;
        g->half->rows(m, terms, g->a + i * p->lda + 2 * q, p->lda, out, pitch_of(g, count));
        return;
    }
    if (g->by_rows) {
        turn_left(g, i, m, q, count, out);
        return;
    }
    const float *a = g->a + 2 * q * p->lda + i;
    for (size_t pair = q; pair < q + count; pair++, a += 2 * p->lda, out += m)
        g->half->zip(m, a, 2 * pair + 1 < p->k ? a + p->lda : NULL, out);
}

/* Rounds a share of the left operand, or packs a panel of the right one. */
static void prepare_task(void *arg, size_t task, unsigned worker)
{
    const half_product *g = arg;
    (void)worker;
    if (task >= g->left_tasks) {
        pack_panel(&g->pack, task - g->left_tasks);
        return;
    }
    bool columns = !g->by_rows;
    size_t all = columns ? g->pairs : g->p->m;
    size_t from = leati_task_start(all, g->left_tasks, task);
    size_t count = leati_task_start(all, g->left_tasks, task + 1) - from;
    if (columns) round_left(g, 0, g->p->m, from, count, g->left + from * g->p->m);
    else round_left(g, from, count, 0, g->pairs, g->left + from * pitch_of(g, g->pairs));
}

static void prepare(leat_context *c, half_product *g, bool pack)
{
    size_t tasks = g->left_tasks + (pack ? g->panels : 0);
    size_t work = (g->ahead ? g->p->m * g->p->k : 0) + (pack ? g->p->n * g->p->k : 0);
    if (work > SMALL_COPY) {
        leati_parallel(c, tasks, prepare_task, g);
        return;
    }
    for (size_t t = 0; t < tasks; t++) prepare_task(g, t, 0);
}

/* ---- products ------------------------------------------------------------------------------- */

static void finish_task(const half_product *g, size_t i, size_t m, size_t j, size_t n)
{
    const leati_product *p = g->p;
    if (!p->column_bias && !p->row_bias && !g->residual && p->activation == LEATI_ACT_NONE) return;
    leati_finish f = {.m = m, .n = n, .c = g->c + i * p->ldc + j, .ldc = p->ldc};
    if (p->column_bias) f.column_bias = p->column_bias + j;
    if (p->row_bias) f.row_bias = p->row_bias + i;
    if (g->residual) {
        f.residual = g->residual + i * p->ld_residual + j;
        f.ld_residual = p->ld_residual;
    }
    g->k->finish(p->activation, &f);
}

/* The panels of b.n columns from j on, which are packed for pairs q .. q + k. */
static void multiply_inside(const half_product *g, leati_bf16_block b, size_t j, size_t q,
                            uint32_t *panel)
{
    size_t nr = g->k->nr, end = j + b.n;
    for (; j < end; j += nr, b.c += nr) {
        pack_part(&g->pack, j / nr, q, b.runs->k, panel);
        b.n = end - j < nr ? end - j : nr;
        b.b = panel;
        g->half->block(&b);
    }
}

/* The block of C of a task, from row i and column j on. */
static leati_bf16_block block_of(const half_product *g, size_t task, size_t *i, size_t *j)
{
    const leati_product *p = g->p;
    size_t block = task % g->column_blocks, row = task / g->column_blocks;
    size_t end = leati_task_start(g->panels, g->column_blocks, block + 1) * g->k->nr;
    *i = block_start(g, row);
    *j = leati_task_start(g->panels, g->column_blocks, block) * g->k->nr;
    return (leati_bf16_block){.lines = 1,
                              .rows = block_start(g, row + 1) - *i,
                              .n = (end < p->n ? end : p->n) - *j,
                              .by_rows = g->by_rows,
                              .run_count = 1,
                              .b_panel = g->k->nr * g->pairs,
                              .ahead = p->packed_bf16 ? g->k->nr * g->pairs : 0,
                              .c = g->c + *i * p->ldc + *j,
                              .c_step = p->ldc,
                              .add = p->beta != 0};
}

/* Columns of a task from panel j on: all terms, and what follows them. */
static void multiply(const half_product *g, leati_bf16_block b, size_t i, size_t j, uint32_t *rows,
                     uint32_t *panel)
{
    const leati_product *p = g->p;
    size_t m = b.rows, nr = g->k->nr;
    bool by_rows = b.by_rows;
    for (size_t q = 0; q < g->pairs || q == 0; q += PAIRS, b.add = true) {
        leati_run run = {.k = g->pairs - q < PAIRS ? g->pairs - q : PAIRS};
        b.runs = &run;
        b.b = g->packed + j * g->pairs + q * nr;
        b.a_step = by_rows ? pitch_of(g, run.k) : m;
        b.a = rows;
        if (g->ahead) {
            b.a_step = by_rows ? pitch_of(g, g->pairs) : p->m;
            b.a = by_rows ? g->left + i * b.a_step + q : g->left + q * p->m + i;
        } else if (run.k) round_left(g, i, m, q, run.k, rows);
        if (g->inside) multiply_inside(g, b, j, q, panel);
        else g->half->block(&b);
    }
    finish_task(g, i, m, j, b.n);
}

static void product_task(void *arg, size_t task, unsigned worker)
{
    const half_product *g = arg;
    size_t nr = g->k->nr, i, j;
    uint32_t *panel = g->scratch + worker * g->each, *rows = panel;
    if (g->inside) rows += (g->pairs < PAIRS ? g->pairs : PAIRS) * nr;
    leati_bf16_block b = block_of(g, task, &i, &j);
    size_t end = j + b.n, strip = g->ahead ? STRIP * nr : b.n;
    for (float *c = b.c; j < end; j += strip, c += strip) {
        b.n = end - j < strip ? end - j : strip;
        b.c = c;
        multiply(g, b, i, j, rows, panel);
    }
}

/* ---- slabs -------------------------------------------------------------------------------------
 * A transposed left operand from memory: a task that rounds its own columns of it reads short
 * pieces of rows far apart. Instead some tasks of each step round whole rows for the next step,
 * while the others multiply what was rounded in the one before. */

/* A share of the pairs of slab number `slab`, block by block of the rows of C. */
static void round_slab(const half_product *g, size_t slab, size_t task)
{
    const leati_product *p = g->p;
    size_t q = slab * PAIRS, count = g->pairs - q < PAIRS ? g->pairs - q : PAIRS;
    size_t end = leati_task_start(count, LEFT_TASKS, task + 1);
    for (size_t pair = leati_task_start(count, LEFT_TASKS, task); pair < end; pair++) {
        const float *a = g->a + 2 * (q + pair) * p->lda;
        bool single = 2 * (q + pair) + 1 == p->k;
        for (size_t block = 0, i, m; block < g->row_blocks; block++) {
            i = block_start(g, block), m = block_start(g, block + 1) - i;
            g->half->zip(m, a + i, single ? NULL : a + p->lda + i,
                         g->slab[slab % 2] + i * count + pair * m);
        }
    }
}

static void multiply_slab(const half_product *g, size_t slab, size_t task)
{
    size_t q = slab * PAIRS, i, j;
    leati_run run = {.k = g->pairs - q < PAIRS ? g->pairs - q : PAIRS};
    leati_bf16_block b = block_of(g, task, &i, &j);
    b.runs = &run;
    b.a = g->slab[slab % 2] + i * run.k;
    b.a_step = b.rows;
    b.b = g->packed + j * g->pairs + q * g->k->nr;
    b.add = b.add || slab;
    g->half->block(&b);
    if (slab + 1 == g->slabs) finish_task(g, i, b.rows, j, b.n);
}

static void slab_task(void *arg, size_t step, size_t task, unsigned worker)
{
    const half_product *g = arg;
    (void)worker;
    if (task >= LEFT_TASKS && step) multiply_slab(g, step - 1, task - LEFT_TASKS);
    if (task < LEFT_TASKS && step < g->slabs) round_slab(g, step, task);
}

void leati_product_bf16_run(leat_context *c, const leati_product *p, void *workspace)
{
    half_product g;
    if (p->m == 0 || p->n == 0) return;
    arrange(c, p, &g);
    uint32_t *packed = workspace;
    g.left = packed + packed_elements(c, &g);
    g.scratch = g.left + left_elements(&g);
    for (int s = 0; s < 2; s++) g.slab[s] = g.left + (size_t)s * lines_of_16(p->m * PAIRS);
    g.packed = p->packed_bf16 ? p->packed_bf16 : packed;
    size_t batch = p->batch ? p->batch : 1;
    for (size_t i = 0; i < batch; i++) {
        bool pack = !p->packed_bf16 && !g.inside && (i == 0 || p->b_step);
        g.a = p->a + i * p->a_step;
        g.c = p->c + i * p->c_step;
        g.residual = p->residual ? p->residual + i * p->residual_step : NULL;
        if (!p->packed_bf16)
            g.pack =
                packing_of(c, p->transpose_b, p->n, p->k, p->b + i * p->b_step, p->ldb, packed);
        prepare(c, &g, pack);
        size_t tasks = g.row_blocks * g.column_blocks;
        if (g.slabs) leati_parallel_steps(c, g.slabs + 1, LEFT_TASKS + tasks, slab_task, &g);
        else leati_parallel(c, tasks, product_task, &g);
    }
}
