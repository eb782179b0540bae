/* The battery of the products of networks: every CPU level, random shapes with epilogues, packed
 * weights and batches against sums in f64; bitwise equality for 1, 2 and 4 threads. */
#include "support/arrays.h"
#include "support/leattest.h"
#include "support/levels.h"

#include "base/cpu.h"
#include "base/half.h"
#include "base/rng.h"
#include "kernel/net_kernels.h"
#include "kernel/panels.h"
#include "kernel/product.h"

/* A product with operands of its own. */
typedef struct trial {
    leati_product p;
    float *a, *b, *c, *before, *column, *row, *residual, *packed;
    size_t c_size;
} trial;

static size_t one_of(leati_rng *rng, const size_t *list, uint32_t count)
{
    return list[leati_rng_below(rng, count)];
}

static trial random_trial(leati_rng *rng)
{
    static const size_t rows[] = {1, 2, 3, 5, 8, 9, 14, 16, 29, 64, 130};
    static const size_t columns[] = {1, 4, 10, 16, 17, 32, 48, 65, 96, 300};
    static const size_t depths[] = {1, 4, 16, 31, 64, 100, 513, 1100};
    trial t = {.p = {.m = one_of(rng, rows, 11),
                     .n = one_of(rng, columns, 10),
                     .k = one_of(rng, depths, 8),
                     .transpose_a = leati_rng_below(rng, 3) == 0,
                     .transpose_b = leati_rng_below(rng, 2),
                     .alpha = leati_rng_below(rng, 2) ? 1 : -0.5f,
                     .beta = leati_rng_below(rng, 2) ? 0 : 0.75f,
                     .activation = (leati_activation)leati_rng_below(rng, LEATI_ACTIVATIONS)}};
    leati_product *p = &t.p;
    p->batch = leati_rng_below(rng, 3) ? 1 : 1 + leati_rng_below(rng, 20);
    if (p->m * p->n * p->k > 500000) p->batch = 1;
    p->lda = (p->transpose_a ? p->m : p->k) + leati_rng_below(rng, 3);
    p->ldb = (p->transpose_b ? p->k : p->n) + leati_rng_below(rng, 3);
    p->ldc = p->n + leati_rng_below(rng, 3);
    p->ld_residual = p->n + 1;
    p->a_step = (p->transpose_a ? p->k : p->m) * p->lda;
    p->b_step = leati_rng_below(rng, 2) ? (p->transpose_b ? p->n : p->k) * p->ldb : 0;
    p->c_step = p->m * p->ldc;
    p->residual_step = p->m * p->ld_residual;
    t.c_size = p->batch * p->c_step;
    p->a = t.a = leattest_random_array(rng, p->batch * p->a_step);
    p->b = t.b =
        leattest_random_array(rng, p->batch * p->b_step + (p->transpose_b ? p->n : p->k) * p->ldb);
    p->c = t.c = leattest_random_array(rng, t.c_size);
    t.before = leattest_random_array(rng, t.c_size);
    t.column = leattest_random_array(rng, p->n);
    t.row = leattest_random_array(rng, p->m);
    t.residual = leattest_random_array(rng, p->batch * p->residual_step);
    if (leati_rng_below(rng, 2)) p->column_bias = t.column;
    if (leati_rng_below(rng, 3) == 0) p->row_bias = t.row;
    if (leati_rng_below(rng, 3) == 0) p->residual = t.residual;
    return t;
}

static void trial_free(trial *t)
{
    float *all[] = {t->a, t->b, t->c, t->before, t->column, t->row, t->residual, t->packed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void trial_run(trial *t, leat_context *c)
{
    size_t bytes = leati_product_bytes(c, &t->p);
    void *workspace = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    memcpy(t->c, t->before, t->c_size * sizeof *t->c);
    leati_product_run(c, &t->p, workspace);
    free(workspace);
}

static bool agrees(const trial *t)
{
    const leati_product *p = &t->p;
    for (size_t s = 0; s < p->batch * p->m * p->n; s++) {
        size_t j = s % p->n, i = s / p->n % p->m, batch = s / p->n / p->m;
        const float *a = t->a + batch * p->a_step, *b = t->b + batch * p->b_step;
        double sum = 0, size = 0, more = 0, old;
        for (size_t q = 0; q < p->k; q++) {
            double term = (double)a[p->transpose_a ? q * p->lda + i : i * p->lda + q] *
                          (double)b[p->transpose_b ? j * p->ldb + q : q * p->ldb + j];
            sum += term;
            size += fabs(term);
        }
        size_t at = batch * p->c_step + i * p->ldc + j;
        old = p->beta == 0 ? 0 : (double)p->beta * (double)t->before[at];
        if (p->column_bias) more += (double)p->column_bias[j];
        if (p->row_bias) more += (double)p->row_bias[i];
        if (p->residual)
            more += (double)p->residual[batch * p->residual_step + i * p->ld_residual + j];
        double want = leattest_activated(p->activation, (double)p->alpha * sum + old + more);
        double bound = (size * 8 + fabs(old) + 6) / (1 << 22);
        if (!(fabs(want - (double)t->c[at]) <= bound)) {
            printf("    (%zu, %zu) of matrix %zu: %.9g, not %.9g\n", i, j, batch, (double)t->c[at],
                   want);
            return false;
        }
    }
    return true;
}

static void print_trial(const leati_product *p)
{
    printf("    %c%c %zu x %zu x %zu, batch %zu, activation %d%s%s%s\n", p->transpose_a ? 'T' : 'N',
           p->transpose_b ? 'T' : 'N', p->m, p->n, p->k, p->batch, (int)p->activation,
           p->column_bias ? ", columns" : "", p->row_bias ? ", rows" : "",
           p->residual ? ", residual" : "");
}

static void reference_level(leattest *t, leat_context *c)
{
    leati_rng rng;
    leati_rng_init(&rng, 31, LEATI_RNG_TEST, 0);
    for (int i = 0; i < 200; i++) {
        trial x = random_trial(&rng);
        trial_run(&x, c);
        if (!CHECK(agrees(&x))) print_trial(&x.p);
        if (x.p.batch == 1) {
            float *plain = malloc(x.c_size * sizeof *plain);
            REQUIRE(plain);
            memcpy(plain, x.c, x.c_size * sizeof *plain);
            x.packed = leattest_random_array(&rng, leati_product_packed(c, x.p.n, x.p.k));
            leati_product_pack(c, x.p.transpose_b, x.p.n, x.p.k, x.b, x.p.ldb, x.packed);
            x.p.packed_b = x.packed;
            trial_run(&x, c);
            if (!CHECK(agrees(&x))) print_trial(&x.p);
            if (x.p.m > 8 && x.p.n > 1 && !CHECK(memcmp(plain, x.c, x.c_size * sizeof *plain) == 0))
                print_trial(&x.p);
            free(plain);
        }
        trial_free(&x);
    }
}

static void reference(leattest *t)
{
    leattest_at_levels(t, 2, reference_level);
}

/* ---- operands that no cache holds ------------------------------------------------------------ */

static void run_with(leat_context *c, leati_product *p, float *out)
{
    size_t bytes = leati_product_bytes(c, p);
    void *workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!workspace) abort();
    memset(workspace, 0xff, bytes);
    p->c = out;
    leati_product_run(c, p, workspace);
    free(workspace);
}

/* Packed weights that are fetched panel by panel have the bytes of those that are not packed; rows
 * of A that lie badly in the caches among them. */
static void packed_panels_level(leattest *t, leat_context *one)
{
    static const size_t shapes[][3] = {{60, 300, 520}, {29, 129, 1024}, {150, 64, 2100}};
    leati_cpu_level level = leati_context_cpu_level(one);
    leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 3)};
    leati_rng rng;
    leati_rng_init(&rng, 38, LEATI_RNG_TEST, 0);
    REQUIRE(all[1] && all[2]);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *a = leattest_random_array(&rng, m * k), *b = leattest_random_array(&rng, n * k);
        float *bias = leattest_random_array(&rng, n),
              *residual = leattest_random_array(&rng, m * n);
        float *want = malloc(m * n * sizeof *want), *got = malloc(m * n * sizeof *got);
        float *packed = leattest_random_array(&rng, leati_product_packed(one, n, k));
        REQUIRE(want && got);
        leati_product p = leati_product_default(false, s == 0, m, n, k, a, b, want);
        leati_product_pack(one, p.transpose_b, n, k, b, p.ldb, packed);
        p.column_bias = bias, p.activation = LEATI_ACT_RELU;
        if (s) p.residual = residual, p.ld_residual = n;
        run_with(one, &p, want);
        p.packed_b = packed;
        for (int i = 0; i < 3; i++) {
            run_with(all[i], &p, got);
            if (!CHECK(memcmp(want, got, m * n * sizeof *got) == 0)) print_trial(&p);
        }
        float *each[] = {a, b, bias, residual, want, got, packed};
        for (size_t i = 0; i < sizeof each / sizeof *each; i++) free(each[i]);
    }
    leat_context_destroy(all[1]);
    leat_context_destroy(all[2]);
}

static void packed_panels(leattest *t)
{
    leattest_at_levels(t, 1, packed_panels_level);
}

/* In bf16 a long left operand, stored by columns, has the bytes of its rows. */
static void long_columns_level(leattest *t, leat_context *one)
{
    enum { M = 1000, N = 33, K = 4301 };
    leati_cpu_level level = leati_context_cpu_level(one);
    leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 3)};
    leati_rng rng;
    leati_rng_init(&rng, 39, LEATI_RNG_TEST, 0);
    REQUIRE(all[1] && all[2]);
    float *a = malloc(M * K * sizeof *a), *turned = malloc(M * K * sizeof *a);
    float *b = leattest_random_array(&rng, N * K), *start = leattest_random_array(&rng, M * N);
    float *want = malloc(M * N * sizeof *want), *got = malloc(M * N * sizeof *got);
    REQUIRE(a && turned && want && got);
    for (size_t i = 0; i < M * K; i++)
        turned[i % K * M + i / K] = a[i] = (float)(i * 2654435761u % 4001) / 2000 - 1;
    for (int beta = 0; beta < 2; beta++) {
        leati_product p = leati_product_default(false, false, M, N, K, a, b, want);
        p.half = true, p.beta = (float)beta;
        memcpy(want, start, M * N * sizeof *want);
        run_with(one, &p, want);
        p.transpose_a = true, p.a = turned, p.lda = M;
        for (int i = 0; i < 3; i++) {
            memcpy(got, start, M * N * sizeof *got);
            run_with(all[i], &p, got);
            CHECK(memcmp(want, got, M * N * sizeof *got) == 0);
        }
    }
    float *each[] = {a, turned, b, start, want, got};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) free(each[i]);
    leat_context_destroy(all[1]);
    leat_context_destroy(all[2]);
}

static void long_columns(leattest *t)
{
    leattest_at_bf16_levels(t, 1, long_columns_level);
}

/* ---- bf16 ----------------------------------------------------------------------------------- */

static float rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Both orders in which products of bf16 numbers are summed, one rounding each: pair by pair, the
 * second product first; by tiles the first and the second ones of up to 16 pairs apart. */
typedef struct summing {
    bool tiles;
    float sum, first, second;
    size_t pairs;
} summing;

static void add_tile(summing *s)
{
    volatile float both = s->first + s->second;
    if (s->tiles) s->sum += both;
    s->first = s->second = 0;
    s->pairs = 0;
}

static void add_pair(summing *s, const float x[2], const float y[2])
{
    volatile float first = x[0] * y[0], second = x[1] * y[1]; /* exact */
    if (!s->tiles) {
        volatile float sum = s->sum + second;
        s->sum = sum + first;
        return;
    }
    s->first += first;
    s->second += second;
    if (++s->pairs == 16) add_tile(s);
}

static bool by_tiles(const leat_context *c)
{
    return leati_context_cpu_level(c) == LEATI_CPU_AMX;
}

static float bf16_sum(bool tiles, const leati_product *p, const float *a, const float *b,
                      float start, size_t i, size_t j)
{
    summing s = {.tiles = tiles, .sum = start};
    for (size_t q = 0; q < p->k; q += 2) {
        float x[2] = {0}, y[2] = {0};
        for (size_t r = 0; r < 2 && q + r < p->k; r++) {
            x[r] = rounded(a[p->transpose_a ? (q + r) * p->lda + i : i * p->lda + q + r]);
            y[r] = rounded(b[p->transpose_b ? j * p->ldb + q + r : (q + r) * p->ldb + j]);
        }
        add_pair(&s, x, y);
    }
    add_tile(&s);
    return s.sum;
}

static bool bf16_agrees(const trial *x, bool tiles)
{
    const leati_product *p = &x->p;
    for (size_t s = 0; s < p->batch * p->m * p->n; s++) {
        size_t j = s % p->n, i = s / p->n % p->m, batch = s / p->n / p->m;
        size_t at = batch * p->c_step + i * p->ldc + j;
        float want = bf16_sum(tiles, p, x->a + batch * p->a_step, x->b + batch * p->b_step,
                              p->beta == 0 ? 0 : x->before[at], i, j);
        if (p->column_bias) want += p->column_bias[j];
        if (want != x->c[at]) return false;
    }
    return true;
}

static trial bf16_trial(leati_rng *rng, bool bias)
{
    for (;;) {
        trial x = random_trial(rng);
        leati_product *p = &x.p;
        if (p->m * p->n * p->k * p->batch > 3000000) {
            trial_free(&x);
            continue;
        }
        p->half = true;
        p->alpha = 1;
        p->beta = p->beta == 0 ? 0 : 1;
        p->activation = LEATI_ACT_NONE;
        p->row_bias = p->residual = NULL;
        p->column_bias = bias ? x.column : NULL;
        return x;
    }
}

static void bf16_level(leattest *t, leat_context *c)
{
    leati_rng rng;
    leati_rng_init(&rng, 33, LEATI_RNG_TEST, 0);
    for (int trials = 0; trials < 60; trials++) {
        trial x = bf16_trial(&rng, trials % 2);
        leati_product *p = &x.p;
        trial_run(&x, c);
        if (!CHECK(bf16_agrees(&x, by_tiles(c)))) print_trial(p);
        if (p->batch == 1) {
            size_t elements = leati_product_packed_bf16(c, p->n, p->k);
            uint32_t *packed = aligned_alloc(64, (elements + 16) / 16 * 64);
            REQUIRE(packed);
            leati_product_pack_bf16(c, p->transpose_b, p->n, p->k, x.b, p->ldb, packed);
            p->packed_bf16 = packed;
            trial_run(&x, c);
            if (!CHECK(bf16_agrees(&x, by_tiles(c)))) print_trial(p);
            free(packed);
        }
        trial_free(&x);
    }
}

static void bf16(leattest *t)
{
    leattest_at_bf16_levels(t, 2, bf16_level);
}

enum { FORM_A = 4096, FORM_B = 8192, FORM_C = 8192, FORM_RUNS = 80 };

/* Operands of blocks, in pairs. */
typedef struct forms {
    uint32_t a[FORM_A], b[FORM_B] __attribute__((aligned(64)));
    float before[FORM_C], want[FORM_C], got[FORM_C], bias[64], residual[FORM_C];
    leati_run runs[FORM_RUNS];
} forms;

static void unpair(uint32_t pair, float out[2])
{
    uint32_t bits[2] = {pair << 16, pair & 0xffff0000u};
    memcpy(out, bits, sizeof bits);
}

static float form_sum(const leati_bf16_block *t, bool tiles, size_t nr, size_t line, size_t row,
                      size_t j, float start)
{
    const uint32_t *a = t->a + line * t->a_line + row * (t->by_rows ? t->a_step : 1);
    const uint32_t *b = t->b + j / nr * t->b_panel + j % nr;
    summing s = {.tiles = tiles, .sum = start};
    for (size_t r = 0; r < t->run_count; r++) {
        for (size_t p = 0; p < t->runs[r].k; p++) {
            float x[2], y[2];
            unpair(a[t->runs[r].a + p * (t->by_rows ? 1 : t->a_step)], x);
            unpair(b[(t->runs[r].b + p) * nr], y);
            add_pair(&s, x, y);
        }
        add_tile(&s);
    }
    return s.sum;
}

/* What the block is to make of f->before. */
static void form_reference(forms *f, const leati_bf16_block *t, bool tiles, size_t nr)
{
    memcpy(f->want, f->before, sizeof f->want);
    for (size_t line = 0; line < t->lines; line++)
        for (size_t row = 0; row < t->rows; row++)
            for (size_t j = 0; j < t->n; j++) {
                size_t at = line * t->c_line + row * t->c_step + j;
                float start = t->add ? f->before[at] : t->bias ? t->bias[j] : 0;
                volatile float sum = form_sum(t, tiles, nr, line, row, j, start);
                if (t->scale != 0) sum *= t->scale;
                if (t->residual)
                    sum += t->residual[line * t->residual_line + row * t->residual_step + j];
                if (t->clamp) sum = fminf(fmaxf(sum, t->low), t->high);
                f->want[at] = sum;
            }
}

/* Runs of one length or of several, few or more than one pass over C takes. */
static size_t form_runs(forms *f, leati_rng *rng)
{
    size_t count = leati_rng_below(rng, 8) ? 1 + leati_rng_below(rng, 3) : FORM_RUNS;
    size_t equal = leati_rng_below(rng, 2) ? 1 + leati_rng_below(rng, 20) : 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = equal ? equal : 1 + leati_rng_below(rng, count == 1 ? 40 : 20);
        f->runs[i] =
            (leati_run){leati_rng_below(rng, 10), leati_rng_below(rng, (uint32_t)(60 - k)), k};
    }
    return count;
}

/* Blocks of every form, by the instructions and without: the bits of the reference. */
static void bf16_forms_level(leattest *t, leat_context *c)
{
    const leati_bf16_kernels *k[2] = {leati_net_kernels_of(c)->bf16, leati_bf16_kernels_of(c)};
    const size_t nr = leati_net_kernels_of(c)->nr;
    static forms f;
    leati_rng rng;
    leati_rng_init(&rng, 34, LEATI_RNG_TEST, 0);
    for (int trials = 0; trials < 300; trials++) {
        for (int i = 0; i < FORM_B; i++) {
            float x = (float)(leati_rng_uniform(&rng) - 0.5), y = (float)leati_rng_uniform(&rng);
            if (i < FORM_A) k[0]->zip(1, &x, &y, &f.a[i]);
            k[0]->zip(1, &y, &x, &f.b[i]);
        }
        for (int i = 0; i < 64; i++) f.bias[i] = (float)leati_rng_uniform(&rng);
        for (int i = 0; i < FORM_C; i++)
            f.residual[i] = f.before[i] = (float)leati_rng_uniform(&rng);
        leati_bf16_block b = {.lines = 1 + leati_rng_below(&rng, 3),
                              .rows = 1 + leati_rng_below(&rng, 40),
                              .n = 1 + leati_rng_below(&rng, 64),
                              .by_rows = leati_rng_below(&rng, 2),
                              .runs = f.runs,
                              .run_count = form_runs(&f, &rng),
                              .a = f.a,
                              .a_line = 60,
                              .a_step = 50,
                              .b = f.b,
                              .b_panel = nr * 60,
                              .c_line = 2700,
                              .c_step = 65,
                              .residual_line = 2700,
                              .residual_step = 65,
                              .clamp = leati_rng_below(&rng, 2),
                              .low = 0,
                              .high = 1};
        b.add = leati_rng_below(&rng, 2);
        if (!b.add) b.bias = f.bias;
        if (leati_rng_below(&rng, 2)) b.residual = f.residual;
        else if (!b.add && leati_rng_below(&rng, 2)) b.scale = 0.7f;
        for (size_t i = k[0] == k[1]; i < 2; i++) {
            form_reference(&f, &b, i == 1 && by_tiles(c), nr);
            memcpy(f.got, f.before, sizeof f.got);
            b.c = f.got;
            k[i]->block(&b);
            if (!CHECK(memcmp(f.got, f.want, sizeof f.got) == 0))
                printf("    %s, %zu x %zu x %zu, %zu runs\n", b.by_rows ? "rows" : "columns",
                       b.lines, b.rows, b.n, b.run_count);
        }
    }
}

/* Rounding and pairing by the instructions and without them: equal bits, but for subnormals. */
static void bf16_copies_level(leattest *t, leat_context *c)
{
    enum { N = 100, WINDOWS = 5 };
    const leati_bf16_kernels *k[2] = {leati_net_kernels_of(c)->bf16, leati_bf16_kernels_of(c)};
    static float x[2 * N], round[2][2 * N];
    static uint32_t zip[2][N], rows[2][N], spread[2][N], upper[2][640], lower[2][640];
    static uint8_t which[2 * N];
    leati_rng rng;
    leati_rng_init(&rng, 36, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < 2 * N; i++) {
        x[i] = (float)leati_rng_normal(&rng);
        which[i] = (uint8_t)leati_rng_below(&rng, 4);
    }
    x[3] = INFINITY, x[20] = -INFINITY, x[41] = (float)NAN, x[60] = 3.4e38f, x[61] = -0.0f;
    for (size_t n = 1; n <= 40; n++) {
        for (int i = 0; i < 2; i++) {
            k[i]->zip(n, x, n % 3 ? x + N : NULL, zip[i]);
            k[i]->rows(2, n, x, 50, rows[i], (n + 1) / 2 + n % 2);
            k[i]->round(n, x, round[i]);
            k[i]->spread(4, 1, n % 2, n, x, which, spread[i], (n + 1) / 2);
            k[i]->spread_zip(WINDOWS, n < 33 ? n : 32, 40, x, which, n % 4 ? upper[i] : NULL,
                             n % 5 ? lower[i] : NULL);
        }
        CHECK(memcmp(zip[0], zip[1], sizeof zip[0]) == 0);
        CHECK(memcmp(rows[0], rows[1], sizeof rows[0]) == 0);
        CHECK(memcmp(round[0], round[1], sizeof round[0]) == 0);
        CHECK(memcmp(spread[0], spread[1], sizeof spread[0]) == 0);
        CHECK(memcmp(upper[0], upper[1], sizeof upper[0]) == 0);
        CHECK(memcmp(lower[0], lower[1], sizeof lower[0]) == 0);
    }
    for (size_t i = 0; i < 40; i++) {
        uint32_t bits;
        memcpy(&bits, &round[0][i], sizeof bits);
        CHECK(bits == (uint32_t)leati_f32_to_bf16(x[i]) << 16);
    }
}

static void bf16_copies(leattest *t)
{
    leattest_at_bf16_levels(t, 1, bf16_copies_level);
}

static void bf16_forms(leattest *t)
{
    leattest_at_bf16_levels(t, 1, bf16_forms_level);
}

static void same_for_threads(leattest *t, leat_context *one, bool half)
{
    leati_cpu_level level = leati_context_cpu_level(one);
    leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 4)};
    REQUIRE(all[1] && all[2]);
    leati_rng rng;
    leati_rng_init(&rng, half ? 35 : 32, LEATI_RNG_TEST, 0);
    for (int i = 0; i < 40; i++) {
        trial x = half ? bf16_trial(&rng, true) : random_trial(&rng);
        float *first = malloc(x.c_size * sizeof *first);
        REQUIRE(first);
        trial_run(&x, all[0]);
        memcpy(first, x.c, x.c_size * sizeof *first);
        for (int k = 1; k < 3; k++) {
            trial_run(&x, all[k]);
            if (!CHECK(memcmp(first, x.c, x.c_size * sizeof *first) == 0)) print_trial(&x.p);
        }
        free(first);
        trial_free(&x);
    }
    leat_context_destroy(all[1]);
    leat_context_destroy(all[2]);
}

static void threads_level(leattest *t, leat_context *one)
{
    same_for_threads(t, one, false);
}

static void threads_agree(leattest *t)
{
    leattest_at_levels(t, 1, threads_level);
}

static void bf16_threads_level(leattest *t, leat_context *one)
{
    same_for_threads(t, one, true);
}

static void bf16_threads(leattest *t)
{
    leattest_at_bf16_levels(t, 1, bf16_threads_level);
}

/* Some columns at a time on the calling thread, in two parts of k: the bytes of whole products. */
static void bf16_panels_level(leattest *t, leat_context *c)
{
    enum { M = 21, N = 70, K = 1101, FIRST = 64 };
    const leati_bf16_kernels *half = leati_bf16_kernels_of(c);
    const leati_kernels *level = leati_kernels_of(c);
    size_t nr = level->f32.nr, elements = leati_product_packed_bf16(c, N, K);
    static float a[M * K], b[N * K], want[M * N], got[M * N];
    static uint32_t rows[M * (K + 1) / 2 + M], parts[2][(N + 64) * (K + 1) / 2 + 64];
    uint32_t *packed = aligned_alloc(64, (elements + 16) / 16 * 64);
    leati_rng rng;
    leati_rng_init(&rng, 37, LEATI_RNG_TEST, 0);
    REQUIRE(packed && elements <= sizeof parts[0] / sizeof **parts);
    for (size_t i = 0; i < M * K; i++) a[i] = (float)(leati_rng_uniform(&rng) - 0.5);
    for (size_t i = 0; i < N * K; i++) b[i] = (float)(leati_rng_uniform(&rng) - 0.5);
    for (int turned = 0; turned < 2; turned++) {
        leati_product p = leati_product_default(false, turned, M, N, K, a, b, want);
        leati_product_pack_bf16(c, turned, N, K, b, turned ? K : N, packed);
        leati_panels_bf16_pack(level, half, turned, N, K, b, turned ? K : N, parts[0]);
        CHECK(memcmp(packed, parts[0], elements * sizeof *packed) == 0);
        p.half = true;
        p.packed_bf16 = packed;
        size_t bytes = leati_product_bytes(c, &p);
        void *workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
        REQUIRE(workspace);
        leati_product_run(c, &p, workspace);
        free(workspace);
        half->rows(M, K, a, K, rows, (K + 1) / 2);
        const float *rest = b + FIRST * (turned ? 1 : N);
        leati_panels_bf16_pack(level, half, turned, N, FIRST, b, turned ? K : N, parts[0]);
        leati_panels_bf16_pack(level, half, turned, N, K - FIRST, rest, turned ? K : N, parts[1]);
        for (size_t from = 0; from < N; from += nr) {
            leati_panels_bf16 q = {.m = M, .lda = (K + 1) / 2, .ldc = N, .c = got + from};
            q.n = N - from < nr ? N - from : nr;
            for (int part = 0; part < 2; part++) {
                q.k = part ? K - FIRST : FIRST;
                q.a = rows + (part ? FIRST / 2 : 0);
                q.panel = nr * ((q.k + 1) / 2);
                q.packed = parts[part] + from / nr * q.panel;
                q.add = part;
                leati_panels_bf16_product(level, half, &q);
            }
        }
        CHECK(memcmp(want, got, sizeof want) == 0);
    }
    free(packed);
}

static void bf16_panels(leattest *t)
{
    leattest_at_bf16_levels(t, 2, bf16_panels_level);
}

/* The activations against the C library in f64, and their derivatives against differences. */
static void activations_level(leattest *t, leat_context *c)
{
    const leati_net_kernels *k = leati_net_kernels_of(c);
    enum { N = 4001 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), *g = malloc(N * sizeof *g);
    REQUIRE(x && y && g);
    for (int i = 0; i < N; i++) x[i] = (float)(i - 2000) * 0.006f + 0.0013f;
    x[0] = -120;
    x[1] = 110;
    for (int a = 0; a < LEATI_ACTIVATIONS; a++) {
        leati_activation kind = (leati_activation)a;
        double worst = 0, slope = 0;
        k->activate(kind, N, x, y);
        for (int i = 0; i < N; i++) g[i] = 1;
        k->activate_back(kind, N, x, g, g);
        for (int i = 0; i < N; i++) {
            double v = (double)x[i], h = 1e-4, want = leattest_activated(kind, v);
            double rise =
                (leattest_activated(kind, v + h) - leattest_activated(kind, v - h)) / (2 * h);
            bool corner = fabs(v) < h || fabs(v - 6) < h;
            worst = fmax(worst, fabs((double)y[i] - want) / (fabs(want) + fabs(v) * 0.3 + 1e-2));
            if (!corner) slope = fmax(slope, fabs((double)g[i] - rise));
        }
        if (!CHECK(worst < 6e-7 && slope < 2e-6))
            printf("    activation %d: %g, slope %g\n", a, worst, slope);
        x[2] = (float)NAN;
        k->activate(kind, 3, x, y);
        CHECK(isnan(y[2]) && !isnan(y[0]) && !isnan(y[1]));
        x[2] = 0.5f;
    }
    free(x);
    free(y);
    free(g);
}

static void activations(leattest *t)
{
    leattest_at_levels(t, 1, activations_level);
}

static const leattest_case list[] = {TEST(reference),   TEST(threads_agree), TEST(bf16),
                                     TEST(bf16_forms),  TEST(bf16_copies),   TEST(bf16_threads),
                                     TEST(bf16_panels), TEST(packed_panels), TEST(long_columns),
                                     TEST(activations)};
LEATTEST_MAIN(list)
