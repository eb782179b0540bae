/* Template: how a matrix product of one element type is cut into passes, blocks and tasks. The
 * includer defines T and NAME(x).
 *
 * A task owns a rectangle of C and runs all of k over it, packing for itself: no barriers, and as
 * every element is one sum in fixed order, the cut into tasks may follow the number of threads. */

#ifndef LEATI_KERNEL_GEMM_BLOCKS
#define LEATI_KERNEL_GEMM_BLOCKS
#define SMALLEST_TASK 120000.0 /* multiplications: about a microsecond */
enum {
    LEFT_BYTES = 4 << 20,   /* packed rows of A kept at once */
    STAYS_BYTES = 1 << 20,  /* of B: it stays in the second-level cache: read where it lies; */
    STAYS_SHARED = 1 << 18, /* where several threads do, measured */
    TALL = 16,              /* passes over B that no cache holds */
    NEAR_OVER = 64,         /* elements that a band of A may run over */
    STRIP_ROWS = 640,       /* at once, whose terms of a pass stay in the second-level cache */
    STRIP_LEAST = 64,       /* rows */
    STRIP_BYTES = 4 << 20   /* of B at most */
};

#endif

typedef struct NAME(product) {
    const NAME(leati_gemm_kernels) * ker;
    bool ta, tb;
    size_t m, n, k;
    T alpha, beta;
    const T *a, *b;
    size_t lda, ldb;
    T *c;
    size_t ldc;
    size_t kc, mc;         /* of one pass */
    size_t grid_m, grid_n; /* tasks */
    bool pack_left, pack_right;
    bool strips;     /* ker->strips(), where a task is large enough: with its passes */
    bool pack_near;  /* rows of A, one band at a time */
    const T *packed; /* all of B as pack_b lays it out, pass by pass; or NULL */
    /* Called for rows i .. i+m, columns j .. j+n of C once they are complete; or NULL. */
    void (*finish)(const void *arg, size_t i, size_t m, size_t j, size_t n);
    const void *finish_arg;
    T *scratch; /* `each` elements per worker: packed left, packed right, tail panel, near */
    size_t each, right_at, tail_at, near_at;
} NAME(product);

/* Rows i0 .. i0+m, columns j0 .. j0+n, terms p0 .. p0+k of the product, B ready in `right`. */
static void NAME(pass)(const NAME(product) * g, NAME(leati_block) * t, size_t j0, size_t n,
                       size_t p0, T *own)
{
    size_t nr = g->ker->nr, k = t->k;
    T *tail = own + g->tail_at;
    t->n = n;
    if (g->packed) {
        size_t whole = (g->n + nr - 1) / nr * nr;
        t->b = g->packed + whole * p0 + j0 * k;
        t->b_tail = NULL;
        t->b_step = nr;
        t->b_panel = nr * k;
    } else if (g->pack_right) {
        T *packed = own + g->right_at;
        g->ker->pack_b(n, k, g->tb ? g->b + j0 * g->ldb + p0 : g->b + p0 * g->ldb + j0, g->ldb,
                       g->tb, packed);
        t->b = packed;
        t->b_tail = NULL;
        t->b_step = nr;
        t->b_panel = nr * k;
    } else {
        t->b = g->b + p0 * g->ldb + j0;
        t->b_step = g->ldb;
        t->b_panel = nr;
        t->b_tail = n % nr ? tail : NULL;
        if (t->b_tail) {
            size_t from = n - n % nr;
            g->ker->pack_b(n % nr, k, t->b + from, g->ldb, false, tail);
        }
    }
    g->ker->block(t);
}

static void NAME(rectangle)(const NAME(product) * g, size_t i0, size_t i1, size_t j0, size_t j1,
                            T *own)
{
    for (size_t i = i0; i < i1; i += g->mc) {
        size_t m = i1 - i < g->mc ? i1 - i : g->mc;
        for (size_t p = 0; p < g->k; p += g->kc) {
            size_t k = g->k - p < g->kc ? g->k - p : g->kc;
            const T *a = g->ta ? g->a + p * g->lda + i : g->a + i * g->lda + p;
            NAME(leati_block)
            t = {.m = m,
                 .k = k,
                 .left = g->ta ? LEATI_LEFT_COLUMNS : LEATI_LEFT_ROWS,
                 .a = a,
                 .a_step = g->lda,
                 .alpha = g->alpha,
                 .beta = p == 0 ? g->beta : 1,
                 .ldc = g->ldc,
                 .near = g->pack_near ? own + g->near_at : NULL};
            if (g->pack_left) {
                g->ker->pack_a(m, k, a, g->lda, !g->ta, own);
                t.left = LEATI_LEFT_PACKED;
                t.a = own;
            }
            if (g->strips && m >= STRIP_LEAST && j1 - j0 >= 2 * g->ker->nr) {
                t.c = g->c + i * g->ldc + j0;
                t.b = g->b + p * g->ldb + j0;
                t.b_step = g->ldb;
                t.n = j1 - j0;
                t.near = own + g->near_at;
                g->ker->strips(&t);
                if (g->finish && p + k == g->k) g->finish(g->finish_arg, i, m, j0, j1 - j0);
                continue;
            }
            for (size_t j = j0; j < j1; j += g->ker->nc) {
                size_t n = j1 - j < g->ker->nc ? j1 - j : g->ker->nc;
                t.c = g->c + i * g->ldc + j;
                NAME(pass)(g, &t, j, n, p, own);
                if (g->finish && p + k == g->k) g->finish(g->finish_arg, i, m, j, n);
            }
        }
    }
}

static void NAME(product_task)(void *arg, size_t task, unsigned worker)
{
    const NAME(product) *g = arg;
    if (g->grid_m * g->grid_n == 1) {
        NAME(rectangle)(g, 0, g->m, 0, g->n, g->scratch + worker * g->each);
        return;
    }
    size_t gi = task / g->grid_n, gj = task % g->grid_n, nr = g->ker->nr;
    size_t panels = (g->n + nr - 1) / nr;
    size_t j0 = leati_task_start(panels, g->grid_n, gj) * nr;
    size_t j1 = leati_task_start(panels, g->grid_n, gj + 1) * nr;
    NAME(rectangle)
    (g, leati_task_start(g->m, g->grid_m, gi), leati_task_start(g->m, g->grid_m, gi + 1), j0,
     j1 < g->n ? j1 : g->n, g->scratch + worker * g->each);
}

/* What a task of m rows and n columns costs per term of k, in cycles of the tile. */
static double NAME(task_cost)(const NAME(product) * g, size_t m, size_t n)
{
    size_t nr = g->ker->nr, mr = g->ker->mr;
    double rows = (double)((m + mr - 1) / mr) * (double)(mr < m ? mr : m);
    double columns = (double)((n + nr - 1) / nr) * (double)nr;
    rows = (rows + 3 * (double)m) / 4; /* bands are balanced; the last ones are a little lower */
    return rows * columns / 32 + (g->pack_left || g->pack_near ? (double)m / 4 : (double)m / 32) +
           (g->pack_right ? (double)n / (g->tb ? 4 : 8) : (double)n / 32);
}

/* The grid of tasks whose slowest thread is done first. */
static void NAME(choose_grid)(NAME(product) * g, unsigned threads)
{
    double work = (double)g->m * (double)g->n * (double)g->k;
    size_t nr = g->ker->nr, panels = (g->n + nr - 1) / nr, bands = (g->m + 3) / 4;
    size_t most = work < 4e7 * threads ? threads : 4 * (size_t)threads;
    double best = HUGE_VAL;
    g->grid_m = g->grid_n = 1;
    if ((double)most > work / SMALLEST_TASK) most = (size_t)(work / SMALLEST_TASK);
    if (most <= 1) return;
    for (size_t gm = 1; gm <= most && gm <= bands; gm++) {
        for (size_t gn = 1; gn * gm <= most && gn <= panels; gn++) {
            size_t m = (g->m + gm - 1) / gm, n = (panels + gn - 1) / gn * nr;
            size_t rounds = (gm * gn + threads - 1) / threads;
            double cost = (double)rounds * NAME(task_cost)(g, m, n < g->n ? n : g->n);
            if (cost >= best) continue;
            best = cost;
            g->grid_m = gm;
            g->grid_n = gn;
        }
    }
}

/* Rows that many bytes apart fall into few sets of the caches. */
static bool NAME(bad_stride)(size_t ld)
{
    return ld * sizeof(T) % 2048 == 0;
}

/* Passes, packing, the grid of tasks and what a worker needs. */
static void NAME(arrange)(NAME(product) * g, unsigned threads)
{
    size_t nr = g->ker->nr, mr = g->ker->mr, passes = (g->k + g->ker->kc - 1) / g->ker->kc;
    g->strips = g->ker->strips && !g->packed && !g->ta && !g->tb && passes > 1 &&
                g->m >= 2 * STRIP_LEAST && g->n >= 4 * g->ker->strip &&
                g->n * g->k <= STRIP_BYTES / sizeof(T);
    if (g->strips) passes = (g->k + g->ker->strip_kc - 1) / g->ker->strip_kc;
    g->kc = (g->k + passes - 1) / passes;
    bool stays = g->n * g->k <= (threads > 1 ? STAYS_SHARED : STAYS_BYTES) / sizeof(T);
    g->pack_right =
        !g->packed &&
        (g->tb || (g->m > 2 * mr && !stays && (g->m >= 16 * mr || NAME(bad_stride)(g->ldb))) ||
         (g->m >= 4 && passes >= TALL));             /* from memory: whole rows, not strips */
    bool large = g->n >= 48 * nr && g->m >= 32 * mr; /* what is packed can be fetched ahead */
    bool wide = g->n >= 12 * nr || (g->n >= 4 * nr && NAME(bad_stride)(g->lda));
    g->pack_left = g->ta ? g->n > 2 * nr && g->k > 128 : large && passes > 1 && !g->strips;
    g->pack_near = !g->ta && !g->pack_left && wide && passes > 1 && g->m >= 4 * mr;
    NAME(choose_grid)(g, threads);
    size_t m = (g->m + g->grid_m - 1) / g->grid_m;
    size_t columns = g->n < g->ker->nc ? (g->n + nr - 1) / nr * nr : g->ker->nc;
    size_t left_most = LEFT_BYTES / sizeof(T) / g->ker->kc;
    g->mc = g->pack_left && m > left_most ? left_most : m;
    if (g->strips) g->mc = m / ((m + STRIP_ROWS - 1) / STRIP_ROWS) + 1; /* equal ones */
    g->right_at = g->pack_left ? (g->mc * g->kc + 15) / 16 * 16 : 0;
    g->tail_at = g->right_at + (g->pack_right ? columns * g->kc : 0);
    g->near_at = g->tail_at + (g->pack_right || g->packed || g->n % nr == 0 ? 0 : nr * g->kc);
    g->each = g->near_at;
    if (g->strips) g->each += (g->mc + g->ker->strip) * g->kc + 2 * NEAR_OVER;
    else if (g->pack_near) g->each += mr * g->kc + NEAR_OVER;
    g->each = (g->each + 15) / 16 * 16; /* whole vectors */
}

/* Elements of scratch that an arranged product needs. */
static size_t NAME(scratch_elements)(const NAME(product) * g, unsigned threads)
{
    return g->each * (g->grid_m * g->grid_n > 1 ? threads : 1);
}
