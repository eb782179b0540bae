/* The battery of nearest rows, sorting and histograms: every CPU level, each against a slow clear
 * reference, bitwise equal for 1, 2 and 4 threads, ties, NaN and failing allocations. */
#include "support/leattest.h"
#include "support/levels.h"

#include <stdint.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/gemm.h"
#include "kernel/neighbors.h"
#include "kernel/sort.h"

static const unsigned thread_counts[] = {1, 2, 4};

/* ---- nearest rows -------------------------------------------------------------------------- */

typedef struct rows {
    size_t queries, rows, dims, k;
    int distinct;  /* values per coordinate; few make many ties */
    double offset; /* far from the origin products cancel badly */
} rows;

static const rows searches[] = {
    {1, 1, 1, 1, 9, 0},         {3, 70, 4, 5, 3, 0},           {40, 300, 7, 1, 4, 0},
    {130, 900, 33, 5, 2, 0},    {120, 5000, 20, 9, 1000, 0},   {9, 600, 700, 600, 50, 0},
    {20, 4200, 60, 3, 1, 0},    {200, 2100, 20, 7, 1000, 1e4}, {64, 3000, 16, 300, 100, -300},
    {50, 257, 1030, 4, 256, 0},
};

/* Places by (distance, row). */
static size_t place_of(const double *d, size_t n, size_t row)
{
    size_t place = 0;
    for (size_t i = 0; i < n; i++) place += d[i] < d[row] || (d[i] == d[row] && i < row);
    return place;
}

#define NEIGHBOR_TESTS(suffix, type)                                                               \
    static type *points_##suffix(const rows *s, size_t n, uint32_t step)                           \
    {                                                                                              \
        type *x = malloc((n * s->dims + 1) * sizeof *x);                                           \
        leati_rng rng;                                                                             \
        leati_rng_init(&rng, 21, LEATI_RNG_TEST, step);                                            \
        for (size_t i = 0; x && i < n * s->dims; i++)                                              \
            x[i] = (type)(leati_rng_below(&rng, (uint32_t)s->distinct) / 8.0 + s->offset);         \
        return x;                                                                                  \
    }                                                                                              \
    static bool search_right_##suffix(const rows *s, const type *query, const type *data,          \
                                      const uint32_t *index, const double *distance)               \
    {                                                                                              \
        double *d = malloc(s->rows * sizeof *d);                                                   \
        bool right = d != NULL;                                                                    \
        for (size_t q = 0; right && q < s->queries; q++) {                                         \
            for (size_t r = 0; r < s->rows; r++) {                                                 \
                d[r] = 0;                                                                          \
                for (size_t j = 0; j < s->dims; j++) {                                             \
                    double e = (double)query[q * s->dims + j] - (double)data[r * s->dims + j];     \
                    d[r] += e * e;                                                                 \
                }                                                                                  \
            }                                                                                      \
            for (size_t i = 0; right && i < s->k; i++) {                                           \
                uint32_t row = index[q * s->k + i];                                                \
                right = row < s->rows && distance[q * s->k + i] == d[row] &&                       \
                        place_of(d, s->rows, row) == i;                                            \
            }                                                                                      \
        }                                                                                          \
        free(d);                                                                                   \
        return right;                                                                              \
    }                                                                                              \
    static void nearest_##suffix(leattest *t)                                                      \
    {                                                                                              \
        for (size_t z = 0; z < sizeof searches / sizeof *searches; z++) {                          \
            const rows *s = &searches[z];                                                          \
            type *query = points_##suffix(s, s->queries, 0),                                       \
                 *data = points_##suffix(s, s->rows, 1);                                           \
            size_t found = s->queries * s->k;                                                      \
            uint32_t *index = malloc(2 * found * sizeof *index), *first = index + found;           \
            double *distance = malloc(2 * found * sizeof *distance), *far = distance + found;      \
            bool right = false, begun = false;                                                     \
            REQUIRE(query &&data &&index &&distance);                                              \
            for (int level = 0; level < LEATI_CPU_LEVELS; level++) {                               \
                for (size_t n = 0; n < 3 && leattest_has_level(level); n++) {                      \
                    leat_context *c = leattest_context((leati_cpu_level)level, thread_counts[n]);  \
                    REQUIRE(c);                                                                    \
                    memset(index, 255, found * sizeof *index);                                     \
                    CHECK_OK(leati_neighbors_##suffix(c, query, s->queries, s->dims, data,         \
                                                      s->rows, s->dims, s->dims, s->k, index,      \
                                                      distance));                                  \
                    if (!begun) { /* there is one answer: the others have to be the same */        \
                        right = search_right_##suffix(s, query, data, index, distance);            \
                        memcpy(first, index, found * sizeof *index);                               \
                        memcpy(far, distance, found * sizeof *distance);                           \
                        begun = true;                                                              \
                    }                                                                              \
                    if (!CHECK(right && !memcmp(first, index, found * sizeof *index) &&            \
                               !memcmp(far, distance, found * sizeof *distance)))                  \
                        printf("    search %zu, level %s, %u threads\n", z, leat_context_cpu(c),   \
                               thread_counts[n]);                                                  \
                    leat_context_destroy(c);                                                       \
                }                                                                                  \
            }                                                                                      \
            free(query);                                                                           \
            free(data);                                                                            \
            free(index);                                                                           \
            free(distance);                                                                        \
        }                                                                                          \
    }

NEIGHBOR_TESTS(f32, float)
NEIGHBOR_TESTS(f64, double)

/* Values that are no numbers or overflow f32 may not cost a valid row its place. */
static void nearest_special(leattest *t)
{
    enum { ROWS = 600, DIMS = 40, QUERIES = 30, K = 3 };
    static float data[ROWS * DIMS], query[QUERIES * DIMS];
    static uint32_t index[QUERIES * K];
    static double distance[QUERIES * K];
    for (size_t i = 0; i < ROWS * DIMS; i++) data[i] = (float)(i / DIMS);
    for (size_t i = 0; i < QUERIES * DIMS; i++) query[i] = (float)(i / DIMS * 7);
    data[5 * DIMS] = NAN;
    data[9 * DIMS + 3] = INFINITY;
    for (size_t j = 0; j < DIMS; j++) data[11 * DIMS + j] = 1e30f;
    for (size_t j = 0; j < DIMS; j++) query[2 * DIMS + j] = 1e30f;
    query[4 * DIMS + 1] = NAN;
    CHECK_OK(leati_neighbors_f32(t->context, query, QUERIES, DIMS, data, ROWS, DIMS, DIMS, K, index,
                                 distance));
    CHECK(index[2 * K] == 11 && distance[2 * K] == 0);
    CHECK(index[20 * K] == 140 && index[20 * K + 1] == 139 && index[20 * K + 2] == 141);
    CHECK(index[4 * K] == 0 && index[4 * K + 1] == 1 && index[4 * K + 2] == 2);
    CHECK(isinf(distance[4 * K]));
}

/* ---- sorting ------------------------------------------------------------------------------- */

static const size_t counts[] = {0, 1, 2, 31, 33, 255, 1000, 8191, 9000, 70000};

static double any_value(leati_rng *rng, uint32_t kind)
{
    static const double odd[] = {NAN, -NAN, INFINITY, -INFINITY, 0, -0.0, 5e-324, -1e308};
    if (kind == 0) return leati_rng_normal(rng);
    if (kind == 1) return (double)leati_rng_below(rng, 5);
    if (kind == 2) return odd[leati_rng_below(rng, 8)];
    return leati_rng_below(rng, 9) ? leati_rng_normal(rng) * 1e200 : odd[leati_rng_below(rng, 8)];
}

/* -1, 0, 1: the documented order. */
static int order_of(double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

static bool permutation_sorts(const double *values, const uint32_t *order, size_t n)
{
    bool *seen = calloc(n + 1, sizeof *seen), right = seen != NULL;
    for (size_t i = 0; right && i < n; i++) {
        right = order[i] < n && !seen[order[i]];
        if (!right) break;
        seen[order[i]] = true;
        int cmp = i ? order_of(values[order[i - 1]], values[order[i]]) : -1;
        right = cmp < 0 || (cmp == 0 && order[i - 1] < order[i]);
    }
    free(seen);
    return right;
}

static void sort_case(leattest *t, leat_context *c, size_t n, uint32_t kind)
{
    double *x = malloc((n + 1) * sizeof *x), *as_double = malloc((n + 1) * sizeof *x);
    float *f = malloc((n + 1) * sizeof *f);
    int64_t *whole = malloc((n + 1) * sizeof *whole);
    uint32_t *order = malloc((n + 1) * sizeof *order);
    leati_rng rng;
    REQUIRE(x && as_double && f && whole && order);
    leati_rng_init(&rng, 22, LEATI_RNG_TEST, kind);
    for (size_t i = 0; i < n; i++) {
        x[i] = any_value(&rng, kind);
        f[i] = (float)x[i];
        whole[i] = kind == 1 ? (int64_t)x[i]
                             : (int64_t)(leati_rng_u64(&rng) >> 12) * 1024 - (INT64_C(1) << 61);
    }
    CHECK_OK(leati_argsort_f64(c, x, n, order));
    CHECK(permutation_sorts(x, order, n));
    double first = n ? x[order[0]] : 0;
    for (size_t i = 0; i < n; i++) as_double[i] = (double)f[i];
    CHECK_OK(leati_argsort_f32(c, f, n, order));
    CHECK(permutation_sorts(as_double, order, n));
    for (size_t i = 0; i < n; i++) as_double[i] = (double)whole[i];
    CHECK_OK(leati_argsort_i64(c, whole, n, order));
    CHECK(permutation_sorts(as_double, order, n));
    CHECK_OK(leati_sort_f64(c, x, n));
    bool sorted = n == 0 || order_of(first, x[0]) == 0;
    for (size_t i = 1; i < n; i++) sorted = sorted && order_of(x[i - 1], x[i]) <= 0;
    CHECK(sorted);
    free(x);
    free(as_double);
    free(f);
    free(whole);
    free(order);
}

static void sorting(leattest *t)
{
    for (size_t n = 0; n < 3; n++) {
        leat_context *c = leattest_context(leati_cpu_best(), thread_counts[n]);
        REQUIRE(c);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (uint32_t kind = 0; kind < 4; kind++) sort_case(t, c, counts[i], kind);
        leat_context_destroy(c);
    }
}

/* ---- histogram, quantile ------------------------------------------------------------------- */

static void histograms(leattest *t)
{
    enum { N = 200000, BINS = 10 };
    double *x = malloc(N * sizeof *x);
    uint64_t got[BINS], want[BINS] = {0};
    leati_rng rng;
    REQUIRE(x);
    leati_rng_init(&rng, 23, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)leati_rng_below(&rng, 48) / 4 - 1;
        if (x[i] >= 0 && x[i] <= 10) want[x[i] < 10 ? (size_t)x[i] : BINS - 1]++;
    }
    x[7] = NAN;
    x[8] = x[9] = INFINITY;
    for (size_t n = 0; n < 3; n++) {
        leat_context *c = leattest_context(leati_cpu_best(), thread_counts[n]);
        REQUIRE(c);
        leati_histogram_f64(c, x, N, 0, 10, BINS, got);
        bool near = true;
        uint64_t missing = 0;
        for (size_t b = 0; b < BINS; b++) {
            near = near && got[b] <= want[b];
            missing += want[b] - got[b];
        }
        CHECK(near && missing <= 3);
        leat_context_destroy(c);
    }
    const double few[] = {-1e308, 1e308, 0, -2e307};
    leati_histogram_f64(t->context, few, 4, -1e308, 1e308, 4, got);
    CHECK(got[0] == 1 && got[1] == 1 && got[2] == 1 && got[3] == 1);
    leati_histogram_f64(t->context, few, 4, 0, 0, 3, got);
    CHECK(got[0] == 1 && got[1] == 0 && got[2] == 0);
    free(x);
}

static void quantiles(leattest *t)
{
    const double x[] = {1, 2, 4, 8, INFINITY};
    CHECK_NEAR(leati_quantile_sorted(x, 4, 0), 1, 0, 0);
    CHECK_NEAR(leati_quantile_sorted(x, 4, 1), 8, 0, 0);
    CHECK_NEAR(leati_quantile_sorted(x, 4, 0.5), 3, 0, 0);
    CHECK_NEAR(leati_quantile_sorted(x, 4, 0.9), 6.8, 1e-15, 0);
    CHECK_NEAR(leati_quantile_sorted(x, 1, 0.3), 1, 0, 0);
    CHECK(isinf(leati_quantile_sorted(x, 5, 0.9)));
}

/* ---- failing allocations ------------------------------------------------------------------- */

enum { SIDE = 200 };
static float square_f32[SIDE * SIDE];
static double square_f64[SIDE * SIDE];

static leat_status multiply(leat_context *c, void *arg)
{
    float *out = arg;
    leat_status st = leati_gemm_f32(c, false, true, SIDE, SIDE, SIDE, 1, square_f32, SIDE,
                                    square_f32, SIDE, 0, out, SIDE);
    if (st == LEAT_OK)
        st = leati_gemm_f32(c, true, false, SIDE, 3, SIDE, 1, square_f32, SIDE, square_f32, SIDE, 0,
                            out, SIDE);
    if (st == LEAT_OK)
        st = leati_gemm_f32(c, false, false, SIDE, 3, SIDE, 1, square_f32, SIDE, square_f32, SIDE,
                            0, out, SIDE);
    if (st == LEAT_OK) st = leati_syrk_f32(c, SIDE, SIDE, square_f32, SIDE, out, SIDE);
    return st == LEAT_OK ? leati_syrk_f32(c, SIDE, 9, square_f32, SIDE, out, SIDE) : st;
}

static leat_status search(leat_context *c, void *arg)
{
    uint32_t index[SIDE];
    double distance[SIDE];
    (void)arg;
    leat_status st = leati_neighbors_f32(c, square_f32, SIDE, SIDE, square_f32, SIDE, SIDE, SIDE, 1,
                                         index, distance);
    if (st == LEAT_OK)
        st = leati_neighbors_f64(c, square_f64, SIDE, SIDE, square_f64, SIDE, SIDE, SIDE, 1, index,
                                 distance);
    return st;
}

static leat_status sort_all(leat_context *c, void *arg)
{
    static double values[40000];
    uint32_t *order = arg;
    memcpy(values, square_f64, sizeof values);
    leat_status st = leati_argsort_f64(c, square_f64, SIDE * SIDE, order);
    uint64_t bins[7];
    if (st == LEAT_OK) st = leati_argsort_f32(c, square_f32, SIDE * SIDE, order);
    if (st == LEAT_OK) st = leati_sort_f64(c, values, SIDE * SIDE);
    leati_histogram_f64(c, square_f64, SIDE * SIDE, 0, 1, 7, bins);
    return st;
}

static void failing_allocations(leattest *t)
{
    float *out = malloc(SIDE * SIDE * sizeof *out);
    uint32_t *order = malloc(SIDE * SIDE * sizeof *order);
    REQUIRE(out && order);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        square_f64[i] = (double)(i * 7919 % 1013) / 1013;
        square_f32[i] = (float)square_f64[i];
    }
    leattest_fail_allocations(t, multiply, out);
    leattest_fail_allocations(t, search, NULL);
    leattest_fail_allocations(t, sort_all, order);
    free(out);
    free(order);
}

static const leattest_case list[] = {
    TEST(nearest_f32), TEST(nearest_f64), TEST(nearest_special),    TEST(sorting),
    TEST(histograms),  TEST(quantiles),   TEST(failing_allocations)};

LEATTEST_MAIN(list)
