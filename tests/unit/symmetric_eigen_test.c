/* Eigenvectors: orthonormal, ordered, and they give the matrix back. */
#include "support/leattest.h"

#include "base/mem.h"
#include "base/rng.h"
#include "learn/symmetric_eigen.h"

enum { MOST = 60 };

/* |V^T diag V - A| and |V V^T - I|, the largest element. */
static void check_factors(leattest *t, size_t n, const double *a, const double *v,
                          const double *value)
{
    double apart = 0, skew = 0, size = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, dot = i == j ? -1 : 0;
            for (size_t k = 0; k < n; k++) {
                sum += v[k * n + i] * value[k] * v[k * n + j];
                dot += v[i * n + k] * v[j * n + k];
            }
            apart = fmax(apart, fabs(sum - a[i * n + j]));
            skew = fmax(skew, fabs(dot));
            size = fmax(size, fabs(a[i * n + j]));
        }
    CHECK(apart <= 1e-13 * size * (double)n);
    CHECK(skew <= 1e-13 * (double)n);
    for (size_t k = 1; k < n; k++) CHECK(value[k] <= value[k - 1]);
}

static void random_matrices(leattest *t)
{
    leati_rng rng;
    leati_rng_init(&rng, 3, LEATI_RNG_TEST, 0);
    for (size_t n = 1; n <= MOST; n = n < 6 ? n + 1 : n + 13)
        for (int rank = 0; rank < 2; rank++) {
            double a[MOST * MOST], v[MOST * MOST], value[MOST], x[MOST];
            memset(a, 0, sizeof a);
            for (size_t k = 0; k < (rank ? (n + 1) / 2 : n); k++) { /* sums of squares */
                for (size_t i = 0; i < n; i++) x[i] = leati_rng_normal(&rng);
                for (size_t i = 0; i < n; i++)
                    for (size_t j = 0; j < n; j++)
                        a[i * n + j] += (k % 2 && !rank ? -1 : 1) * x[i] * x[j];
            }
            memcpy(v, a, sizeof v);
            REQUIRE_OK(leati_symmetric_eigen(t->context, n, v, value));
            check_factors(t, n, a, v, value);
        }
}

/* Most values of a matrix of small rank are 0, and what stands for them in the tridiagonal form is
 * rounding of the whole. */
static void small_rank(leattest *t)
{
    enum { N = 200, RANK = 34 };
    static double a[N * N], v[N * N], value[N], x[N];
    leati_rng rng;
    leati_rng_init(&rng, 4, LEATI_RNG_TEST, 0);
    for (size_t k = 0; k < RANK; k++) {
        for (size_t i = 0; i < N; i++) x[i] = leati_rng_normal(&rng);
        for (size_t i = 0; i < N * N; i++) a[i] += x[i / N] * x[i % N];
    }
    for (size_t i = 0; i < N; i++) x[i] = 1 / sqrt(a[i * N + i]);
    for (size_t i = 0; i < N * N; i++) a[i] *= x[i / N] * x[i % N];
    memcpy(v, a, sizeof v);
    REQUIRE_OK(leati_symmetric_eigen(t->context, N, v, value));
    check_factors(t, N, a, v, value);
    for (size_t k = 0; k < N; k++) CHECK(k < RANK ? value[k] > 1 : fabs(value[k]) < 1e-10);
}

static void known_values(leattest *t)
{
    /* The second difference matrix has the values 2 - 2 cos(pi k / (n + 1)). */
    enum { N = 20 };
    double a[N * N] = {0}, v[N * N], value[N], zero[N * N] = {0};
    for (size_t i = 0; i < N; i++) {
        a[i * N + i] = 2;
        if (i + 1 < N) a[i * N + i + 1] = a[(i + 1) * N + i] = -1;
    }
    memcpy(v, a, sizeof v);
    REQUIRE_OK(leati_symmetric_eigen(t->context, N, v, value));
    check_factors(t, N, a, v, value);
    for (int k = 0; k < N; k++)
        CHECK_NEAR(value[k], 2 - 2 * cos(3.14159265358979323846 * (N - k) / (N + 1)), 1e-13, 1e-14);
    REQUIRE_OK(leati_symmetric_eigen(t->context, N, zero, value));
    for (int k = 0; k < N; k++) CHECK_NEAR(value[k], 0, 0, 0);
}

static leat_status body(leat_context *c, void *arg)
{
    (void)arg;
    double a[4] = {2, 1, 1, 3}, value[2];
    return leati_symmetric_eigen(c, 2, a, value);
}

static void no_memory(leattest *t)
{
    leattest_fail_allocations(t, body, NULL);
}

static const leattest_case cases[] = {TEST(random_matrices), TEST(small_rank), TEST(known_values),
                                      TEST(no_memory)};
LEATTEST_MAIN(cases)
