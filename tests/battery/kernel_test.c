/* The battery of the kernels: every CPU level this machine has, each kernel against a slow clear
 * reference in higher precision, all edge sizes, bitwise equality for 1, 2 and 4 threads, NaN and
 * infinity, failing allocations. `kernel_test --bench` times the same calls instead. */
#include "support/leattest.h"
#include "support/levels.h"

#include <float.h>
#include <time.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"

static size_t pick(leati_rng *rng, const size_t *from, size_t count)
{
    return from[leati_rng_below(rng, (uint32_t)count)];
}

#define PICK(rng, list) pick((rng), (list), sizeof(list) / sizeof *(list))

/* ---- matrix products ----------------------------------------------------------------------- */

static const size_t row_sizes[] = {0, 1, 2, 3, 4, 5, 8, 9, 13, 14, 15, 28, 31, 64, 67, 130};
static const size_t column_sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,   15,  16, 17,
                                      31, 32, 33, 48, 64, 65, 97, 128, 131, 300};
static const size_t depth_sizes[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 64, 100, 257, 513, 1100};
static const double factors[] = {1, 0, -0.5, 2};

typedef struct problem {
    bool ta, tb;
    size_t m, n, k, lda, ldb, ldc;
    double alpha, beta;
} problem;

static problem random_problem(leati_rng *rng)
{
    problem p = {.ta = leati_rng_below(rng, 2), .tb = leati_rng_below(rng, 2)};
    p.m = PICK(rng, row_sizes);
    p.n = PICK(rng, column_sizes);
    p.k = PICK(rng, depth_sizes);
    p.lda = (p.ta ? p.m : p.k) + leati_rng_below(rng, 3);
    p.ldb = (p.tb ? p.k : p.n) + leati_rng_below(rng, 3);
    p.ldc = p.n + leati_rng_below(rng, 3);
    p.alpha = factors[leati_rng_below(rng, 4)];
    p.beta = factors[leati_rng_below(rng, 4)];
    return p;
}

/* Few columns of a product over more terms than the caches hold; rows that pass by strips of
 * columns, with every kind of rest. */
static const problem special[] = {{true, false, 70, 4, 9000, 72, 6, 7, 0.5, -0.5},
                                  {true, false, 1030, 1, 8200, 1031, 1, 1, 1, 0},
                                  {false, false, 130, 192, 257, 257, 192, 192, 1, 0},
                                  {false, false, 143, 209, 300, 303, 209, 210, 0.5, -0.5},
                                  {false, false, 129, 232, 384, 384, 233, 232, -2, 1},
                                  {false, false, 671, 245, 260, 260, 245, 245, 1, 0}};
enum { SPECIAL = sizeof special / sizeof *special };

/* The templates below exist for f32 and f64, with references in `wide`: one text, two instances. */
#define ABSOLUTE(x) ((x) < 0 ? -(x) : (x))
#define GEMM_TESTS(suffix, type, wide, epsilon)                                                    \
    static type *random_##suffix(leati_rng *rng, size_t n)                                         \
    {                                                                                              \
        type *x = malloc((n + 1) * sizeof *x);                                                     \
        for (size_t i = 0; x && i <= n; i++) x[i] = (type)(leati_rng_uniform(rng) - 0.5);          \
        return x;                                                                                  \
    }                                                                                              \
    static leat_status gemm_##suffix(leat_context *c, const problem *p, const type *a,             \
                                     const type *b, type *out)                                     \
    {                                                                                              \
        return leati_gemm_##suffix(c, p->ta, p->tb, p->m, p->n, p->k, (type)p->alpha, a, p->lda,   \
                                   b, p->ldb, (type)p->beta, out, p->ldc);                         \
    }                                                                                              \
    /* How many of the results, which end with NULL, are right: up to the first that is not. */    \
    static size_t gemm_agrees_##suffix(const problem *p, const type *a, const type *b,             \
                                       const type *before, type *const *after)                     \
    {                                                                                              \
        size_t fine = 0;                                                                           \
        while (after[fine]) fine++;                                                                \
        for (size_t i = 0; i < p->m; i++) {                                                        \
            for (size_t j = 0; j < p->ldc; j++) {                                                  \
                size_t at = i * p->ldc + j;                                                        \
                double old = (double)before[at];                                                   \
                if (j >= p->n && i + 1 == p->m) continue;                                          \
                wide sum = 0, size = 0;                                                            \
                for (size_t q = 0; j < p->n && q < p->k; q++) {                                    \
                    wide term = (wide)a[p->ta ? q * p->lda + i : i * p->lda + q] *                 \
                                (wide)b[p->tb ? j * p->ldb + q : q * p->ldb + j];                  \
                    sum += term;                                                                   \
                    size += ABSOLUTE(term);                                                        \
                }                                                                                  \
                wide want = p->alpha * sum + (p->beta == 0 ? 0 : p->beta * old);                   \
                wide bound =                                                                       \
                    (ABSOLUTE(p->alpha) * size * (wide)(p->k + 2) + 2 * ABSOLUTE(p->beta * old)) * \
                    (wide)epsilon;                                                                 \
                if (j >= p->n) want = old, bound = 0;                                              \
                for (size_t r = 0; r < fine; r++)                                                  \
                    if (!(ABSOLUTE(want - (wide)after[r][at]) <= bound)) fine = r;                 \
            }                                                                                      \
        }                                                                                          \
        return fine;                                                                               \
    }                                                                                              \
    static type *result_##suffix(const problem *p, const type *before)                             \
    {                                                                                              \
        size_t size = p->m * p->ldc + 1;                                                           \
        type *after = malloc(size * sizeof *after);                                                \
        if (after) memcpy(after, before, size * sizeof *after);                                    \
        for (size_t i = 0; after && p->beta == 0 && i < p->m; i++)                                 \
            for (size_t j = 0; j < p->n; j++) after[i * p->ldc + j] = (type)NAN;                   \
        return after;                                                                              \
    }                                                                                              \
    static void gemm_problem_##suffix(leattest *t, leat_context *const *at, const problem *p,      \
                                      leati_rng *rng)                                              \
    {                                                                                              \
        type *a = random_##suffix(rng, (p->ta ? p->k : p->m) * p->lda);                            \
        type *b = random_##suffix(rng, (p->tb ? p->n : p->k) * p->ldb);                            \
        type *before = random_##suffix(rng, p->m * p->ldc), *after[LEATI_CPU_LEVELS + 1] = {0};    \
        size_t levels = 0;                                                                         \
        REQUIRE(a &&b &&before);                                                                   \
        for (; at[levels]; levels++) {                                                             \
            REQUIRE(after[levels] = result_##suffix(p, before));                                   \
            CHECK_OK(gemm_##suffix(at[levels], p, a, b, after[levels]));                           \
        }                                                                                          \
        size_t fine = gemm_agrees_##suffix(p, a, b, before, after);                                \
        if (!CHECK_INT(fine, levels))                                                              \
            printf("    level %s, %c%c %zu x %zu x %zu, alpha %g, beta %g\n",                      \
                   leat_context_cpu(at[fine]), p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', p->m, p->n,   \
                   p->k, p->alpha, p->beta);                                                       \
        for (size_t i = 0; i < levels; i++) free(after[i]);                                        \
        free(a);                                                                                   \
        free(b);                                                                                   \
        free(before);                                                                              \
    }                                                                                              \
    static void gemm_reference_##suffix(leattest *t)                                               \
    {                                                                                              \
        leat_context *at[LEATI_CPU_LEVELS + 1];                                                    \
        bool opened = leattest_open_levels(t, 2, false, at);                                       \
        leati_rng rng;                                                                             \
        leati_rng_init(&rng, 7, LEATI_RNG_TEST, 0);                                                \
        for (int trial = 0; opened && trial < 400; trial++) {                                      \
            problem p = random_problem(&rng);                                                      \
            gemm_problem_##suffix(t, at, trial < SPECIAL ? &special[trial] : &p, &rng);            \
        }                                                                                          \
        leattest_close_levels(at);                                                                 \
    }                                                                                              \
    static void syrk_level_##suffix(leattest *t, leat_context *c)                                  \
    {                                                                                              \
        static const size_t rows[] = {0, 1, 5, 300, 1000, 9000}, columns[] = {1, 3, 40, 128, 200}; \
        leati_rng rng;                                                                             \
        leati_rng_init(&rng, 8, LEATI_RNG_TEST, 0);                                                \
        for (size_t r = 0; r < 6; r++) {                                                           \
            for (size_t q = 0; q < 5; q++) {                                                       \
                size_t m = rows[r], n = columns[q], ldc = n + 1;                                   \
                if (m * n * n > 5000000) continue;                                                 \
                problem p = {true, false, n, n, m, n + 2, n + 2, ldc, 1, 0};                       \
                type *a = random_##suffix(&rng, m * (n + 2));                                      \
                type *before = random_##suffix(&rng, n * ldc),                                     \
                     *after = malloc(n * ldc * sizeof *a);                                         \
                REQUIRE(a &&before &&after);                                                       \
                memcpy(after, before, n *ldc * sizeof *a);                                         \
                CHECK_OK(leati_syrk_##suffix(c, m, n, a, n + 2, after, ldc));                      \
                CHECK_INT(gemm_agrees_##suffix(&p, a, a, before, (type *[]){after, NULL}), 1);     \
                bool symmetric = true;                                                             \
                for (size_t i = 0; i < n; i++)                                                     \
                    for (size_t j = 0; j < i; j++)                                                 \
                        symmetric = symmetric && after[i * ldc + j] == after[j * ldc + i];         \
                CHECK(symmetric);                                                                  \
                free(a);                                                                           \
                free(before);                                                                      \
                free(after);                                                                       \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void syrk_reference_##suffix(leattest *t)                                               \
    {                                                                                              \
        leattest_at_levels(t, 2, syrk_level_##suffix);                                             \
    }                                                                                              \
    static void threads_level_##suffix(leattest *t, leat_context *one)                             \
    {                                                                                              \
        static const problem list[] = {{0, 0, 150, 170, 600, 600, 170, 170, 0.7, 0.3},             \
                                       {0, 0, 310, 310, 520, 520, 310, 310, 0.7, 0.3},             \
                                       {0, 0, 140, 300, 300, 300, 300, 300, 1, 0},                 \
                                       {1, 0, 500, 90, 80, 500, 90, 90, 1, 1},                     \
                                       {0, 1, 7, 900, 300, 300, 300, 900, 1, 0},                   \
                                       {0, 1, 60, 700, 530, 530, 530, 700, 0.3, 1},                \
                                       {1, 0, 300, 9, 2000, 300, 9, 9, 1, 0},                      \
                                       {1, 0, 70, 4, 9000, 70, 4, 4, 0.5, 1},                      \
                                       {0, 0, 2000, 3, 90, 90, 3, 3, 1, 0}};                       \
        leati_cpu_level level = leati_context_cpu_level(one);                                      \
        leat_context *all[3] = {one, leattest_context(level, 2), leattest_context(level, 4)};      \
        leati_rng rng;                                                                             \
        leati_rng_init(&rng, 9, LEATI_RNG_TEST, 0);                                                \
        type *a = random_##suffix(&rng, 700000), *b = random_##suffix(&rng, 700000), *out[6];      \
        for (int i = 0; i < 6; i++) out[i] = calloc(100000, sizeof *a);                            \
        REQUIRE(a &&b &&all[1] && all[2]);                                                         \
        for (size_t q = 0; q < sizeof list / sizeof *list; q++) {                                  \
            for (int i = 0; i < 3; i++) CHECK_OK(gemm_##suffix(all[i], &list[q], a, b, out[i]));   \
            size_t bytes = list[q].m * list[q].n * sizeof *a;                                      \
            CHECK(memcmp(out[0], out[1], bytes) == 0 && memcmp(out[0], out[2], bytes) == 0);       \
        }                                                                                          \
        for (int i = 0; i < 3; i++) {                                                              \
            CHECK_OK(leati_syrk_##suffix(all[i], 3000, 200, a, 200, out[i], 200));                 \
            CHECK_OK(leati_syrk_##suffix(all[i], 20000, 30, a, 30, out[3 + i], 30));               \
        }                                                                                          \
        for (int i = 1; i < 3; i++) {                                                              \
            CHECK(memcmp(out[0], out[i], 40000 * sizeof *a) == 0);                                 \
            CHECK(memcmp(out[3], out[3 + i], 900 * sizeof *a) == 0);                               \
            leat_context_destroy(all[i]);                                                          \
        }                                                                                          \
        for (int i = 0; i < 6; i++) free(out[i]);                                                  \
        free(a);                                                                                   \
        free(b);                                                                                   \
    }                                                                                              \
    static void threads_agree_##suffix(leattest *t)                                                \
    {                                                                                              \
        leattest_at_levels(t, 1, threads_level_##suffix);                                          \
    }

GEMM_TESTS(f32, float, double, FLT_EPSILON)
GEMM_TESTS(f64, double, long double, DBL_EPSILON)

/* A NaN or infinity of A reaches its row of C and no other. */
static void gemm_special_level(leattest *t, leat_context *c)
{
    static float a[30 * 40], b[40 * 50], out[30 * 50];
    for (size_t i = 0; i < 30 * 40; i++) a[i] = 1;
    for (size_t i = 0; i < 40 * 50; i++) b[i] = 1;
    a[3 * 40 + 7] = NAN;
    a[17 * 40 + 39] = INFINITY;
    CHECK_OK(leati_gemm_f32(c, false, false, 30, 50, 40, 1, a, 40, b, 50, 0, out, 50));
    bool right = true;
    for (size_t i = 0; i < 30; i++) {
        for (size_t j = 0; j < 50; j++) {
            float got = out[i * 50 + j];
            right = right && (i == 3 ? isnan(got) : i == 17 ? got == INFINITY : got == 40);
        }
    }
    CHECK(right);
}

static void gemm_special(leattest *t)
{
    leattest_at_levels(t, 2, gemm_special_level);
}

/* ---- vectors ------------------------------------------------------------------------------- */

enum { LONGEST = 300 };

static bool near(double got, long double want, long double bound)
{
    return fabsl((long double)got - want) <= bound;
}

static void sums_level(leattest *t, leat_context *c)
{
    const leati_vec *v = leati_vec_of(c);
    leati_rng rng;
    leati_rng_init(&rng, 10, LEATI_RNG_TEST, 0);
    double *x = random_f64(&rng, LONGEST), *y = random_f64(&rng, LONGEST);
    float *p = random_f32(&rng, LONGEST), *q = random_f32(&rng, LONGEST);
    bool right = true;
    for (size_t n = 0; n < LONGEST; n++) {
        long double dot = 0, dotf = 0, sum = 0, sumf = 0, d1 = 0, d2 = 0, d2f = 0, dm = 0;
        double top = -HUGE_VAL, topf = -HUGE_VAL;
        for (size_t i = 0; i < n; i++) {
            long double d = (long double)x[i] - (long double)y[i];
            long double e = (long double)p[i] - (long double)q[i];
            dot += (long double)x[i] * (long double)y[i];
            dotf += (long double)p[i] * (long double)q[i];
            sum += (long double)x[i];
            sumf += (long double)p[i];
            d1 += fabsl(d);
            d2 += d * d;
            d2f += e * e;
            dm = fmaxl(dm, fabsl(d));
            top = fmax(top, x[i]);
            topf = fmax(topf, (double)p[i]);
        }
        long double u = (long double)(n + 1) * DBL_EPSILON, uf = (long double)(n + 1) * FLT_EPSILON;
        right = right && near(v->dot_f64(n, x, y), dot, u) && near(v->sum_f64(n, x), sum, u);
        right = right && near((double)v->dot_f32(n, p, q), dotf, uf);
        right = right && near(v->sum_f32(n, p), sumf, u) && near(v->dist1_f64(n, x, y), d1, u);
        right = right && near(v->dist2_f64(n, x, y), d2, u);
        right = right && near((double)v->dist2_f32(n, p, q), d2f, uf);
        right = right && near(v->distmax_f64(n, x, y), dm, DBL_EPSILON);
        right = right && (n == 0 || v->max_f64(n, x) == top);
        right = right && (n == 0 || (double)v->max_f32(n, p) == topf);
        if (!CHECK(right)) {
            printf("    n = %zu\n", n);
            break;
        }
    }
    y[200] = NAN;
    CHECK(isnan(v->dot_f64(300, x, y)) && isnan(v->distmax_f64(300, x, y)));
    CHECK(isnan(v->dist1_f64(300, x, y)) && isnan(v->dist2_f64(201, x, y)));
    free(x);
    free(y);
    free(p);
    free(q);
}

static void sums(leattest *t)
{
    leattest_at_levels(t, 1, sums_level);
}

/* Elementwise kernels write n elements and no more. */
static void maps_level(leattest *t, leat_context *c)
{
    const leati_vec *v = leati_vec_of(c);
    double x[80], y[80], out[80], sum[80], squares[80];
    float p[80], q[80];
    uint8_t bytes[80];
    for (size_t n = 0; n < 70; n++) {
        bool right = true;
        for (size_t i = 0; i < 80; i++) {
            x[i] = (double)i / 3 - 5;
            y[i] = (double)(i * i % 17);
            p[i] = (float)x[i];
            q[i] = (float)y[i];
            bytes[i] = (uint8_t)(i * 37);
            out[i] = sum[i] = squares[i] = -7;
        }
        v->add_f64(n, x, y, out);
        for (size_t i = 0; i < 80; i++) right = right && out[i] == (i < n ? x[i] + y[i] : -7);
        v->mul_f64(n, x, y, out);
        for (size_t i = 0; i < 80; i++) right = right && out[i] == (i < n ? x[i] * y[i] : -7);
        v->widen(n, p, out);
        for (size_t i = 0; i < 80; i++) right = right && out[i] == (i < n ? (double)p[i] : -7);
        v->moments_f64(n, y, sum, squares);
        v->moments_f32(n, q, sum, squares);
        for (size_t i = 0; i < 80; i++) {
            right = right && sum[i] == -7 + (i < n ? 2 * y[i] : 0);
            right = right && squares[i] == -7 + (i < n ? 2 * y[i] * y[i] : 0);
        }
        static const double edges[] = {0, 2, 5, 5, 11.5};
        uint32_t rank[80];
        memset(rank, 7, sizeof rank);
        v->ranks(n, x, 5, edges, rank);
        for (size_t i = 0; i < n; i++) {
            uint32_t want = 0;
            for (size_t e = 0; e < 5; e++) want += edges[e] <= x[i];
            right = right && rank[i] == want;
        }
        for (size_t i = n; i < 80; i++) right = right && rank[i] == 0x07070707;
        v->axpy_f64(n, 2, y, y);
        v->scale_f64(n, 3, y);
        v->axpy_f32(n, 2, q, q);
        v->scale_f32(n, 3, q);
        for (size_t i = 0; i < 80; i++) {
            double want = (double)(i * i % 17) * (i < n ? 9 : 1);
            right = right && y[i] == want && (double)q[i] == want;
        }
        v->narrow(n, x, q);
        v->widen_u8(n, bytes, p);
        for (size_t i = 0; i < n; i++)
            right = right && q[i] == (float)x[i] && p[i] == (float)bytes[i];
        right = right && (double)q[n] == (double)(n * n % 17) && p[n] == (float)x[n];
        if (!CHECK(right)) break;
    }
}

static void maps(leattest *t)
{
    leattest_at_levels(t, 1, maps_level);
}

/* Error in units of the last place of `want`, as a double with `bits` bits and exponents from
 * `lowest`. */
static double ulps(double got, long double want, int bits, int lowest)
{
    int exponent;
    frexpl(want, &exponent);
    if (exponent < lowest) exponent = lowest;
    return (double)(fabsl((long double)got - want) / ldexpl(1, exponent - bits));
}

typedef void (*map_f64)(size_t n, const double *x, double *out);

static double worst_f64(map_f64 f, long double (*exact)(long double), double low, double high,
                        bool geometric)
{
    enum { POINTS = 40000 };
    double *x = malloc(POINTS * sizeof *x), *y = malloc(POINTS * sizeof *y), worst = 0;
    leati_rng rng;
    leati_rng_init(&rng, 11, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < POINTS; i++) {
        double u = leati_rng_uniform(&rng);
        x[i] = geometric ? low * pow(high / low, u) : low + u * (high - low);
    }
    f(POINTS, x, y);
    for (size_t i = 0; i < POINTS; i++)
        worst = fmax(worst, ulps(y[i], exact((long double)x[i]), 53, -1021));
    free(x);
    free(y);
    return worst;
}

static void accuracy_level(leattest *t, leat_context *c)
{
    const leati_vec *v = leati_vec_of(c);
    double worst = worst_f64(v->exp_f64, expl, -708, 709.7, false);
    CHECK(fmax(worst, worst_f64(v->exp_f64, expl, -1, 1, false)) <= 1);
    CHECK(worst_f64(v->exp_f64, expl, -745, -708, false) <= 1.5);
    CHECK(worst_f64(v->log_f64, logl, 1e-320, 1e308, true) <= 1);
    CHECK(worst_f64(v->log_f64, logl, 0.5, 2, false) <= 1);
    CHECK(worst_f64(v->tanh_f64, tanhl, 1e-300, 30, true) <= 3);
    CHECK(worst_f64(v->tanh_f64, tanhl, -3, 3, false) <= 3);
    static float x[100000], y[100000];
    double worst_f32 = 0;
    for (size_t i = 0; i < 100000; i++) x[i] = -104 + (float)i * (192.7f / 100000);
    v->exp_f32(100000, x, y);
    for (size_t i = 0; i < 100000; i++)
        worst_f32 = fmax(worst_f32, ulps((double)y[i], expl((long double)x[i]), 24, -125));
    CHECK(worst_f32 <= 2);
    if (t->failures) printf("    exp_f32 is off by %.2f ulp\n", worst_f32);
}

static void accuracy(leattest *t)
{
    leattest_at_levels(t, 1, accuracy_level);
}

static void special_values_level(leattest *t, leat_context *c)
{
    const leati_vec *v = leati_vec_of(c);
    const double x[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e300, -1e300, 710, -746, 1, DBL_MIN};
    enum { N = sizeof x / sizeof *x };
    double y[N];
    float xf[N], yf[N];
    for (size_t i = 0; i < N; i++) xf[i] = (float)x[i];
    v->exp_f64(N, x, y);
    CHECK(isnan(y[0]) && y[1] == INFINITY && y[2] == 0 && y[3] == 1 && y[4] == 1);
    CHECK(y[5] == INFINITY && y[6] == 0 && y[7] == INFINITY && y[8] == 0);
    v->exp_f32(N, xf, yf);
    CHECK(isnan(yf[0]) && yf[1] == INFINITY && yf[2] == 0 && yf[3] == 1 && yf[5] == INFINITY &&
          yf[6] == 0);
    v->log_f64(N, x, y);
    CHECK(isnan(y[0]) && y[1] == INFINITY && isnan(y[2]) && y[3] == -INFINITY &&
          y[4] == -INFINITY && isnan(y[6]) && y[9] == 0);
    v->tanh_f64(N, x, y);
    CHECK(isnan(y[0]) && y[1] == 1 && y[2] == -1 && y[3] == 0 && signbit(y[4]) && y[5] == 1 &&
          y[10] == DBL_MIN);
}

static void special_values(leattest *t)
{
    leattest_at_levels(t, 1, special_values_level);
}

/* ---- times --------------------------------------------------------------------------------- */

enum { TIMED = 4096, SIDE = 256 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define TIME(best, expression)                                                                     \
    for (int round = 0; round < 300; round++) {                                                    \
        double start = now();                                                                      \
        expression;                                                                                \
        best = fmin(best, now() - start);                                                          \
    }

/* Picoseconds per element of each kernel on TIMED elements. */
#define TIMED_ROWS(X)                                                                              \
    X(dot_f32, sink = (double)v->dot_f32(TIMED, p, q))                                             \
    X(dot_f64, sink = v->dot_f64(TIMED, x, y))                                                     \
    X(axpy_f32, v->axpy_f32(TIMED, 1e-9f, p, q))                                                   \
    X(axpy_f64, v->axpy_f64(TIMED, 1e-9, x, y))                                                    \
    X(add_f64, v->add_f64(TIMED, x, y, y))                                                         \
    X(mul_f64, v->mul_f64(TIMED, x, x, y))                                                         \
    X(sum_f32, sink = v->sum_f32(TIMED, p))                                                        \
    X(sum_f64, sink = v->sum_f64(TIMED, x))                                                        \
    X(max_f32, sink = (double)v->max_f32(TIMED, p))                                                \
    X(max_f64, sink = v->max_f64(TIMED, x))                                                        \
    X(dist2_f32, sink = (double)v->dist2_f32(TIMED, p, q))                                         \
    X(dist2_f64, sink = v->dist2_f64(TIMED, x, y))                                                 \
    X(dist1_f64, sink = v->dist1_f64(TIMED, x, y))                                                 \
    X(distmax_f64, sink = v->distmax_f64(TIMED, x, y))                                             \
    X(exp_f32, v->exp_f32(TIMED, p, q))                                                            \
    X(exp_f64, v->exp_f64(TIMED, x, y))                                                            \
    X(log_f64, v->log_f64(TIMED, x, y))                                                            \
    X(tanh_f64, v->tanh_f64(TIMED, x, y))                                                          \
    X(widen, v->widen(TIMED, p, y))                                                                \
    X(narrow, v->narrow(TIMED, x, q))                                                              \
    X(moments_f32, v->moments_f32(TIMED, p, y, z))                                                 \
    X(moments_f64, v->moments_f64(TIMED, x, y, z))
#define PRINT_ROW(name, expression)                                                                \
    {                                                                                              \
        double best = HUGE_VAL;                                                                    \
        TIME(best, expression)                                                                     \
        printf("  %-12s %7.0f ps per element\n", #name, best / TIMED * 1e12);                      \
    }

static void times_level(leattest *t, leat_context *c)
{
    const leati_vec *v = leati_vec_of(c);
    static double x[SIDE * SIDE], y[SIDE * SIDE], z[SIDE * SIDE];
    static float p[SIDE * SIDE], q[SIDE * SIDE], r[SIDE * SIDE];
    volatile double sink = 0;
    double best_f32 = HUGE_VAL, best_f64 = HUGE_VAL, flops = 2.0 * SIDE * SIDE * SIDE;
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        x[i] = 0.5 + (double)(i % TIMED) / TIMED;
        p[i] = (float)x[i];
        y[i] = z[i] = q[i] = 1;
    }
    printf("level %s\n", leat_context_cpu(c));
    TIMED_ROWS(PRINT_ROW)
    TIME(best_f32,
         CHECK_OK(leati_gemm_f32(c, 0, 0, SIDE, SIDE, SIDE, 1, p, SIDE, q, SIDE, 0, r, SIDE)))
    TIME(best_f64,
         CHECK_OK(leati_gemm_f64(c, 0, 0, SIDE, SIDE, SIDE, 1, x, SIDE, y, SIDE, 0, z, SIDE)))
    printf("  gemm %d^3     f32 %.1f, f64 %.1f GFLOP/s\n", SIDE, flops / best_f32 * 1e-9,
           flops / best_f64 * 1e-9);
    (void)sink;
}

static void times(leattest *t)
{
    leattest_at_levels(t, 1, times_level);
}

static const leattest_case list[] = {TEST(gemm_reference_f32),
                                     TEST(gemm_reference_f64),
                                     TEST(syrk_reference_f32),
                                     TEST(syrk_reference_f64),
                                     TEST(threads_agree_f32),
                                     TEST(threads_agree_f64),
                                     TEST(gemm_special),
                                     TEST(sums),
                                     TEST(maps),
                                     TEST(accuracy),
                                     TEST(special_values)};

int main(int argc, char **argv)
{
    static const leattest_case timed[] = {TEST(times)};
    if (argc == 2 && strcmp(argv[1], "--bench") == 0) return leattest_main(1, argv, timed, 1);
    return leattest_main(argc, argv, list, sizeof list / sizeof *list);
}
