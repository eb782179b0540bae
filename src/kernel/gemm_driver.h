/* Template: the public matrix products of one element type: which way each shape goes, few rows,
 * few columns, A^T A. The includer defines T, NAME(x) and KERNELS_OF (the kernels of context c). */

#include "kernel/gemm_blocks.h"

static leat_status NAME(run)(leat_context *c, NAME(product) * g)
{
    T small[SMALL_BYTES / sizeof(T)] __attribute__((aligned(64)));
    T *block = NULL;
    unsigned threads = leat_context_threads(c);
    NAME(arrange)(g, threads);
    size_t elements = NAME(scratch_elements)(g, threads);
    g->scratch = small;
    if (elements > sizeof small / sizeof *small) {
        block = leati_array(c, elements, sizeof *block);
        if (!block) return leat_error_status(c);
        g->scratch = block;
    }
    leati_parallel(c, g->grid_m * g->grid_n, NAME(product_task), g);
    leati_free(block);
    return LEAT_OK;
}

/* One task, nothing to pack: what arrange() would find, without the time it takes, which shows in
 * products of two microseconds. */
static bool NAME(at_once)(const leat_context *c, const NAME(product) * g)
{
    size_t mr = g->ker->mr;
    return !g->ta && !g->tb && g->k <= g->ker->kc && g->n <= g->ker->nc && g->n % g->ker->nr == 0 &&
           g->m < 16 * mr && (g->m <= 2 * mr || !NAME(bad_stride)(g->ldb)) &&
           (leat_context_threads(c) == 1 ||
            (double)g->m * (double)g->n * (double)g->k < 2 * SMALLEST_TASK);
}

static void NAME(run_at_once)(const NAME(product) * g)
{
    g->ker->block(&(NAME(leati_block)){.m = g->m,
                                       .n = g->n,
                                       .k = g->k,
                                       .left = LEATI_LEFT_ROWS,
                                       .a = g->a,
                                       .a_step = g->lda,
                                       .b = g->b,
                                       .b_step = g->ldb,
                                       .b_panel = g->ker->nr,
                                       .alpha = g->alpha,
                                       .beta = g->beta,
                                       .c = g->c,
                                       .ldc = g->ldc});
}

typedef struct NAME(few) {
    const NAME(leati_gemm_kernels) * ker;
    size_t m, n, k, lda, ldb, row, column, tasks;
    T alpha, beta;
    const T *a, *b;
    T *c;
} NAME(few);

static void NAME(few_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(few) *f = arg;
    size_t j0 = leati_task_start(f->n, f->tasks, task);
    size_t j1 = leati_task_start(f->n, f->tasks, task + 1);
    (void)worker;
    f->ker->dots(f->m, j1 - j0, f->k, f->a, f->lda, f->b + j0 * f->ldb, f->ldb, f->alpha, f->beta,
                 f->c + j0 * f->column, f->row, f->column);
}

/* Few rows of A (or of B^T) by dot products: reads the other operand once, as it lies. */
static void NAME(run_few)(leat_context *c, NAME(few) * f)
{
    f->tasks = leati_task_count(f->n * f->k * (f->m + 3) / 4, 32768, 4096);
    if (f->tasks > f->n) f->tasks = f->n;
    if (f->tasks > 4 * (size_t)leat_context_threads(c)) f->tasks = 4 * leat_context_threads(c);
    leati_parallel(c, f->tasks, NAME(few_task), f);
}

/* Chunk `task` of k, for few rows of A and a B that no cache holds, into a partial C of its own.
 * Rows of B are copied as they lie, some at a time: that reads memory in order, which the columns
 * of a panel do not, and the copy stays in the second-level cache. */
static void NAME(tall_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(product) *g = arg;
    size_t p0 = leati_task_start(g->k, g->grid_m, task);
    size_t p1 = leati_task_start(g->k, g->grid_m, task + 1);
    T *near = g->scratch + worker * g->each, *partial = g->c + task * g->m * g->n;
    for (size_t p = p0; p < p1; p += TALL_DEPTH) {
        size_t k = p1 - p < TALL_DEPTH ? p1 - p : TALL_DEPTH;
        for (size_t j = 0; j < g->n; j += TALL_WIDTH) {
            size_t n = g->n - j < TALL_WIDTH ? g->n - j : TALL_WIDTH;
            for (size_t r = 0; r < k; r++)
                memcpy(near + r * TALL_STEP, g->b + (p + r) * g->ldb + j, n * sizeof(T));
            g->ker->block(&(NAME(leati_block)){.m = g->m,
                                               .n = n,
                                               .k = k,
                                               .left = g->ta ? LEATI_LEFT_COLUMNS : LEATI_LEFT_ROWS,
                                               .a = g->ta ? g->a + p * g->lda : g->a + p,
                                               .a_step = g->lda,
                                               .b = near,
                                               .b_step = TALL_STEP,
                                               .b_panel = g->ker->nr,
                                               .alpha = g->alpha,
                                               .beta = p > p0 ? 1 : 0,
                                               .c = partial + j,
                                               .ldc = g->n});
        }
    }
}

/* Tight C; the partial sums are added in order, and their number depends on the sizes only. */
static leat_status NAME(run_tall)(leat_context *c, NAME(product) * g)
{
    size_t size = g->m * g->n, threads = leat_context_threads(c), most = TALL_PARTIALS / size;
    T *out = g->c;
    g->grid_m = most > TALL_CHUNKS ? TALL_CHUNKS : most < 1 ? 1 : most;
    g->each = TALL_DEPTH * TALL_STEP;
    g->scratch = leati_calloc(c, threads * g->each + g->grid_m * size, sizeof(T));
    if (!g->scratch) return leat_error_status(c);
    g->c = g->scratch + threads * g->each;
    leati_parallel(c, g->grid_m, NAME(tall_task), g);
    memcpy(out, g->c, size * sizeof(T));
    for (size_t q = 1; q < g->grid_m; q++)
        for (size_t i = 0; i < size; i++) out[i] += g->c[q * size + i];
    leati_free(g->scratch);
    return LEAT_OK;
}

/* A^T B with few columns: C^T = B^T A runs along the rows of A, however many there are. */
static leat_status NAME(run_turned)(leat_context *c, const NAME(product) * g)
{
    T *turned = leati_array(c, g->n * g->m, sizeof *turned);
    if (!turned) return leat_error_status(c);
    NAME(product)
    t = {.ker = g->ker,
         .ta = !g->tb,
         .m = g->n,
         .n = g->m,
         .k = g->k,
         .alpha = g->alpha,
         .a = g->b,
         .lda = g->ldb,
         .b = g->a,
         .ldb = g->lda,
         .c = turned,
         .ldc = g->m};
    leat_status st = t.k >= TALL * g->ker->kc ? NAME(run_tall)(c, &t) : NAME(run)(c, &t);
    for (size_t i = 0; st == LEAT_OK && i < g->m; i++) {
        T *row = g->c + i * g->ldc;
        for (size_t j = 0; j < g->n; j++)
            row[j] = turned[j * g->m + i] + (g->beta == 0 ? 0 : g->beta * row[j]);
    }
    leati_free(turned);
    return st;
}

/* A B with few columns, as dot products with the columns of B laid out as rows. */
static leat_status NAME(run_columns)(leat_context *c, const NAME(product) * g)
{
    T *rows = leati_array(c, g->n * g->k, sizeof *rows);
    if (!rows) return leat_error_status(c);
    for (size_t j = 0; j < g->n; j++)
        for (size_t p = 0; p < g->k; p++)
            rows[j * g->k + p] = g->tb ? g->b[j * g->ldb + p] : g->b[p * g->ldb + j];
    NAME(few)
    f = {g->ker, g->n, g->m, g->k, g->k, g->lda, 1, g->ldc, 0, g->alpha, g->beta, rows, g->a, g->c};
    NAME(run_few)(c, &f);
    leati_free(rows);
    return LEAT_OK;
}

static void NAME(scale_only)(const NAME(product) * g)
{
    for (size_t i = 0; i < g->m; i++) {
        T *row = g->c + i * g->ldc;
        for (size_t j = 0; j < g->n; j++) row[j] = g->beta == 0 ? 0 : g->beta * row[j];
    }
}

leat_status NAME(leati_gemm)(leat_context *c, bool ta, bool tb, size_t m, size_t n, size_t k,
                             T alpha, const T *a, size_t lda, const T *b, size_t ldb, T beta,
                             T *out, size_t ldc)
{
    NAME(product)
    g = {.ker = KERNELS_OF,
         .ta = ta,
         .tb = tb,
         .m = m,
         .n = n,
         .k = k,
         .alpha = alpha,
         .beta = beta,
         .a = a,
         .b = b,
         .lda = lda,
         .ldb = ldb,
         .c = out,
         .ldc = ldc};
    if (m == 0 || n == 0) return LEAT_OK;
    if (k == 0 || alpha == 0) {
        NAME(scale_only)(&g);
        return LEAT_OK;
    }
    if (!ta && tb && m <= FEW_ROWS) {
        NAME(few) f = {g.ker, m, n, k, lda, ldb, ldc, 1, 0, alpha, beta, a, b, out};
        NAME(run_few)(c, &f);
        return LEAT_OK;
    }
    bool far = m > NEAR_BYTES / sizeof(T) / k;
    if (!ta && n <= (far ? SOME_COLUMNS : FEW_COLUMNS)) return NAME(run_columns)(c, &g);
    if (ta && n <= g.ker->mr && m >= 2 * g.ker->nr) return NAME(run_turned)(c, &g);
    if (NAME(at_once)(c, &g)) {
        NAME(run_at_once)(&g);
        return LEAT_OK;
    }
    return NAME(run)(c, &g);
}

/* ---- A^T A --------------------------------------------------------------------------------- */

typedef struct NAME(square) {
    const NAME(leati_gemm_kernels) * ker;
    size_t m, n, lda, ldc, panels;
    const T *a;
    T *c;
    size_t row, rows; /* of A: the block at hand */
    T *packed;        /* its columns in panels */
    size_t slices;    /* partial sums, for few columns */
} NAME(square);

/* Panels of C: rows of panel i against the panels of [from, to) that are not left of it. */
static void NAME(square_row)(const NAME(square) * s, const T *packed, size_t rows, bool first,
                             size_t i, size_t from, size_t to, T *c, size_t ldc)
{
    size_t nr = s->ker->nr, panel = nr * rows;
    if (from < i) from = i;
    if (from >= to) return;
    size_t end = to * nr < s->n ? to * nr : s->n;
    NAME(leati_block)
    t = {.m = s->n - i * nr < nr ? s->n - i * nr : nr,
         .n = end - from * nr,
         .k = rows,
         .left = LEATI_LEFT_COLUMNS,
         .a = packed + i * panel,
         .a_step = nr,
         .b = packed + from * panel,
         .b_step = nr,
         .b_panel = panel,
         .alpha = 1,
         .beta = first ? 0 : 1,
         .c = c + i * nr * ldc + from * nr,
         .ldc = ldc};
    s->ker->block(&t);
}

static void NAME(square_pack_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(square) *s = arg;
    size_t nr = s->ker->nr, j = task * nr;
    (void)worker;
    s->ker->pack_b(s->n - j < nr ? s->n - j : nr, s->rows, s->a + s->row * s->lda + j, s->lda,
                   false, s->packed + j * s->rows);
}

static void NAME(square_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(square) *s = arg;
    size_t across = (s->panels + SQUARE_COLUMNS - 1) / SQUARE_COLUMNS;
    size_t i0 = task / across * SQUARE_ROWS, j0 = task % across * SQUARE_COLUMNS;
    size_t i1 = i0 + SQUARE_ROWS, j1 = j0 + SQUARE_COLUMNS;
    (void)worker;
    for (size_t i = i0; i < i1 && i < s->panels; i++) NAME(square_row)
    (s, s->packed, s->rows, s->row == 0, i, j0, j1 < s->panels ? j1 : s->panels, s->c, s->ldc);
}

static leat_status NAME(square_wide)(leat_context *c, NAME(square) * s)
{
    size_t step = SQUARE_DEPTH, depth = s->m < step ? s->m : step;
    size_t across = (s->panels + SQUARE_COLUMNS - 1) / SQUARE_COLUMNS;
    size_t down = (s->panels + SQUARE_ROWS - 1) / SQUARE_ROWS;
    s->packed = leati_array(c, s->panels * s->ker->nr * depth, sizeof(T));
    if (!s->packed) return leat_error_status(c);
    for (s->row = 0; s->row < s->m; s->row += step) {
        s->rows = s->m - s->row < step ? s->m - s->row : step;
        leati_parallel(c, s->panels, NAME(square_pack_task), s);
        leati_parallel(c, across * down, NAME(square_task), s);
    }
    leati_free(s->packed);
    return LEAT_OK;
}

/* Slice `task` of the rows into its own n x n sum. */
static void NAME(square_slice_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(square) *s = arg;
    size_t nr = s->ker->nr, r0 = leati_task_start(s->m, s->slices, task);
    size_t r1 = leati_task_start(s->m, s->slices, task + 1), width = s->panels * nr;
    size_t each = width * SQUARE_DEPTH + s->n * s->n;
    T *packed = s->packed + task * each, *sum = packed + width * SQUARE_DEPTH;
    (void)worker;
    for (size_t r = r0; r < r1; r += SQUARE_DEPTH) {
        size_t rows = r1 - r < SQUARE_DEPTH ? r1 - r : SQUARE_DEPTH;
        s->ker->pack_b(s->n, rows, s->a + r * s->lda, s->lda, false, packed);
        for (size_t i = 0; i < s->panels; i++)
            NAME(square_row)(s, packed, rows, r == r0, i, 0, s->panels, sum, s->n);
    }
}

static leat_status NAME(square_narrow)(leat_context *c, NAME(square) * s)
{
    size_t width = s->panels * s->ker->nr, each = width * SQUARE_DEPTH + s->n * s->n;
    s->slices = leati_task_count(s->m, 16 * SQUARE_DEPTH, 16);
    s->packed = leati_array(c, s->slices * each, sizeof(T));
    if (!s->packed) return leat_error_status(c);
    leati_parallel(c, s->slices, NAME(square_slice_task), s);
    for (size_t i = 0; i < s->n; i++) {
        for (size_t j = i; j < s->n; j++) {
            const T *sum = s->packed + width * SQUARE_DEPTH + i * s->n + j;
            T total = *sum;
            for (size_t k = 1; k < s->slices; k++) total += sum[k * each];
            s->c[i * s->ldc + j] = total;
        }
    }
    leati_free(s->packed);
    return LEAT_OK;
}

leat_status NAME(leati_syrk)(leat_context *c, size_t m, size_t n, const T *a, size_t lda, T *out,
                             size_t ldc)
{
    NAME(square) s = {.ker = KERNELS_OF, .m = m, .n = n, .lda = lda, .ldc = ldc, .a = a};
    s.c = out;
    s.panels = (n + s.ker->nr - 1) / s.ker->nr;
    if (n == 0) return LEAT_OK;
    if (m == 0) {
        for (size_t i = 0; i < n; i++) memset(out + i * ldc, 0, n * sizeof *out);
        return LEAT_OK;
    }
    LEATI_TRY(n <= SQUARE_NARROW ? NAME(square_narrow)(c, &s) : NAME(square_wide)(c, &s));
    for (size_t i = 0; i < n; i += 16)
        for (size_t j = i; j < n; j++)
            for (size_t x = i; x < i + 16 && x < j && x < n; x++)
                out[j * ldc + x] = out[x * ldc + j];
    return LEAT_OK;
}

#undef T
