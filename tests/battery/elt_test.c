/* The battery of elementwise vector kernels: every CPU level against libm in higher precision, in
 * units in the last place, at special values, at all sizes around the width of a vector, in place;
 * conversions exactly as in plain C. `elt_test --bench` times them. */
#include <float.h>
#include <time.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/elt_table.h"
#include "support/leattest.h"
#include "support/levels.h"

static const char *const names[] = {
#define X(NAME, name, inputs, types, result) #name,
#include "kernel/eltwise.def"
#undef X
};

/* ---- functions ------------------------------------------------------------------------------- */

static double rsqrt_(double x)
{
    return 1 / sqrt(x);
}

static double logistic(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus_(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static const struct row {
    leati_elt op;
    double (*exact)(double x);
    double low, high, ulps;
} rows[] = {{LEATI_ELT_SQRT, sqrt, 0, 1e6, 0.5},
            {LEATI_ELT_RSQRT, rsqrt_, 1e-6, 1e6, 1.5},
            {LEATI_ELT_EXP, exp, -87, 88.7, 2},
            {LEATI_ELT_EXP, exp, -1, 1, 2},
            {LEATI_ELT_EXPM1, expm1, -20, 88.7, 3},
            {LEATI_ELT_EXPM1, expm1, -0.6, 0.6, 3},
            {LEATI_ELT_EXPM1, expm1, -1e-3, 1e-3, 3},
            {LEATI_ELT_LOG, log, 0, 1e30, 2},
            {LEATI_ELT_LOG, log, 0.5, 2, 2},
            {LEATI_ELT_LOG1P, log1p, -1, 10, 3},
            {LEATI_ELT_LOG1P, log1p, -1e-3, 1e-3, 3},
            {LEATI_ELT_LOG1P, log1p, 0, 1e30, 3},
            {LEATI_ELT_SIN, sin, -4, 4, 1},
            {LEATI_ELT_SIN, sin, -2e5, 2e5, 1},
            {LEATI_ELT_COS, cos, -4, 4, 1},
            {LEATI_ELT_COS, cos, -2e5, 2e5, 1},
            {LEATI_ELT_TANH, tanh, -12, 12, 4},
            {LEATI_ELT_TANH, tanh, -0.1, 0.1, 4},
            {LEATI_ELT_SIGMOID, logistic, -87, 87, 3},
            {LEATI_ELT_SIGMOID, logistic, -3, 3, 3},
            {LEATI_ELT_ERF, erf, -4, 4, 4},
            {LEATI_ELT_SOFTPLUS, softplus_, -87, 87, 3},
            {LEATI_ELT_SOFTPLUS, softplus_, -2, 2, 3}};

enum { N = 20011 };

static double units(double got, double want, int digits, double least)
{
    if (isnan(want) || isinf(want))
        return isnan(want) ? (isnan(got) ? 0 : 1e9) : fabs(got - want) > 0;
    int e;
    frexp(fabs(want) < least ? least : want, &e);
    return fabs(got - want) / ldexp(1, e - digits);
}

static void check_f32(leattest *t, leat_context *c, const struct row *r)
{
    static float x[N], y[N];
    leati_rng rng;
    leati_rng_init(&rng, 7, LEATI_RNG_TEST, (uint32_t)(r - rows));
    double worst = 0, at = 0;
    for (size_t i = 0; i < N; i++)
        x[i] = (float)(r->low + (r->high - r->low) * leati_rng_uniform(&rng));
    leati_elt_kernel(c, r->op, LEAT_DTYPE_F32)(N, x, NULL, NULL, y);
    for (size_t i = 0; i < N; i++) {
        double u = units((double)y[i], r->exact((double)x[i]), 24, FLT_MIN);
        if (u > worst) worst = u, at = (double)x[i];
    }
    if (!CHECK(worst <= r->ulps))
        printf("    %s_f32 is off by %.2f units at %.9g\n", names[r->op], worst, at);
}

static void check_f64(leattest *t, leat_context *c, const struct row *r)
{
    static double x[N], y[N];
    leati_rng rng;
    leati_rng_init(&rng, 8, LEATI_RNG_TEST, (uint32_t)(r - rows));
    double worst = 0;
    for (size_t i = 0; i < N; i++) x[i] = r->low + (r->high - r->low) * leati_rng_uniform(&rng);
    leati_elt_kernel(c, r->op, LEAT_DTYPE_F64)(N, x, NULL, NULL, y);
    for (size_t i = 0; i < N; i++) worst = fmax(worst, units(y[i], r->exact(x[i]), 53, DBL_MIN));
    if (!CHECK(worst <= r->ulps + 2))
        printf("    %s_f64 is off by %.2f units\n", names[r->op], worst);
}

static void functions_at(leattest *t, leat_context *c)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_f32(t, c, &rows[i]);
        check_f64(t, c, &rows[i]);
    }
}

static void functions(leattest *t)
{
    leattest_at_levels(t, 1, functions_at);
}

static void powers_at(leattest *t, leat_context *c)
{
    static float x[N], y[N], z[N];
    static const float odd[] = {0, -0.0f, 1, -1, 2, -3, 0.5f, INFINITY, -INFINITY, NAN, 1e38f};
    leati_rng rng;
    leati_rng_init(&rng, 9, LEATI_RNG_TEST, 0);
    double worst = 0;
    for (size_t i = 0; i < N; i++) {
        x[i] = (float)(10 * leati_rng_uniform(&rng));
        y[i] = (float)(40 * leati_rng_uniform(&rng) - 20);
        if (i >= N / 2)
            x[i] = odd[leati_rng_below(&rng, 11)], y[i] = odd[leati_rng_below(&rng, 11)];
    }
    leati_elt_kernel(c, LEATI_ELT_POW, LEAT_DTYPE_F32)(N, x, y, NULL, z);
    for (size_t i = 0; i < N; i++) {
        double want = (double)(float)pow((double)x[i], (double)y[i]);
        worst = fmax(worst, units((double)z[i], want, 24, FLT_MIN));
    }
    if (!CHECK(worst <= 1)) printf("    pow_f32 is off by %.2f units\n", worst);
}

static void powers(leattest *t)
{
    leattest_at_levels(t, 1, powers_at);
}

/* ---- all operations against plain C: special values, sizes, in place --------------------------
 */

static const double special[] = {0,    -0.0, 1,     -1,   0.5,  -0.5,     1.5,       2.5,  1e-30,
                                 -1e5, 1e30, -1e30, 88.5, -104, INFINITY, -INFINITY, NAN,  3,
                                 -7,   1e-3, 127,   -128, 255,  256,      65504,     1e10, -0.6};
enum { SPECIAL = sizeof special / sizeof *special, MOST = 80 };

static double value_of(const void *x, size_t i, leat_dtype d)
{
    return d == LEAT_DTYPE_F32   ? (double)((const float *)x)[i]
           : d == LEAT_DTYPE_F64 ? ((const double *)x)[i]
                                 : (double)((const uint8_t *)x)[i];
}

static bool is_truth(leati_elt op)
{
    return (op >= LEATI_ELT_EQ && op <= LEATI_ELT_GE) || op == LEATI_ELT_ISNAN ||
           op == LEATI_ELT_ISINF;
}

static void check_size(leattest *t, leat_context *c, leati_elt op, leat_dtype d, size_t n)
{
    double a[MOST + 1], b[MOST + 1], want[MOST + 1], got[MOST + 1], place[MOST + 1];
    uint8_t mask[MOST + 1];
    for (size_t i = 0; i <= MOST; i++) {
        double x = special[(i * 7 + n) % SPECIAL], y = special[(i * 5 + 3 + n) % SPECIAL];
        mask[i] = (i + n) % 3 == 0;
        if (d == LEAT_DTYPE_F32)
            ((float *)(void *)a)[i] = (float)x, ((float *)(void *)b)[i] = (float)y;
        else a[i] = x, b[i] = y;
    }
    memset(want, 0x5a, sizeof want);
    memset(got, 0x5a, sizeof got);
    memcpy(place, a, sizeof a);
    bool where = op == LEATI_ELT_WHERE;
    const void *x = where ? (void *)mask : (void *)a, *y = where ? (void *)a : (void *)b;
    leati_elt_kernel(NULL, op, d)(n, x, y, b, want);
    leati_elt_fn f = leati_elt_kernel(c, op, d);
    f(n, x, y, b, got);
    leat_dtype out = is_truth(op) ? LEAT_DTYPE_U8 : d;
    for (size_t i = 0; i < n; i++) {
        double w = value_of(want, i, out), g = value_of(got, i, out);
        bool same = (isnan(w) && isnan(g)) || w == g ||
                    fabs(w - g) <= (d == LEAT_DTYPE_F32 ? 1e-6 : 4e-15) * fabs(w) + 1e-37;
        if (same || op == LEATI_ELT_SIGN) same = signbit(w) == signbit(g) || isnan(w);
        if (!CHECK(same)) {
            printf("    %s of %g and %g: %g, plain C has %g\n", names[op], value_of(x, i, d),
                   value_of(y, i, d), g, w);
            return;
        }
    }
    size_t bytes = n * leat_dtype_size(out);
    CHECK(!memcmp((char *)got + bytes, (char *)want + bytes, sizeof got - bytes));
    if (is_truth(op) || where) return;
    f(n, place, b, b, place);
    if (!CHECK(!memcmp(place, got, bytes))) printf("    %s in place\n", names[op]);
}

static void operations_at(leattest *t, leat_context *c)
{
    for (int op = 0; op < LEATI_ELT_COUNT; op++)
        for (leat_dtype d = LEAT_DTYPE_F32; d <= LEAT_DTYPE_F64; d++) {
            if (!leati_elt_kernel(c, (leati_elt)op, d)) continue;
            int before = t->failures;
            for (size_t n = 0; n <= MOST && t->failures == before; n++)
                check_size(t, c, (leati_elt)op, d, n);
        }
}

static void operations(leattest *t)
{
    leattest_at_levels(t, 1, operations_at);
}

/* ---- conversions ------------------------------------------------------------------------------
 */

static void conversions_at(leattest *t, leat_context *c)
{
    static uint64_t in[4096], want[4096], got[4096];
    leati_rng rng;
    leati_rng_init(&rng, 10, LEATI_RNG_TEST, 0);
    for (int from = 0; from < LEAT_DTYPES; from++)
        for (int to = 0; to < LEAT_DTYPES; to++) {
            for (size_t i = 0; i < 4096; i++) in[i] = leati_rng_u64(&rng);
            for (size_t i = 0; i < 4096 && from == LEAT_DTYPE_BOOL; i++)
                in[i] &= 0x0101010101010101u;
            for (size_t i = 0; i < 4096; i++) {
                double x =
                    special[leati_rng_below(&rng, SPECIAL)] * (leati_rng_uniform(&rng) + 0.5);
                if (from == LEAT_DTYPE_F64) memcpy(&in[i], &x, sizeof x);
                float y = (float)x;
                if (from == LEAT_DTYPE_F32 && i % 2) memcpy((char *)in + 4 * i, &y, sizeof y);
            }
            for (size_t n = 0; n < 4097; n = n < 40 ? n + 1 : n * 4) {
                if (n > 4096) n = 4096;
                memset(want, 0x5a, sizeof want);
                memset(got, 0x5a, sizeof got);
                leati_cast_kernel(NULL, (leat_dtype)from, (leat_dtype)to)(n, in, NULL, NULL, want);
                leati_cast_kernel(c, (leat_dtype)from, (leat_dtype)to)(n, in, NULL, NULL, got);
                if (!CHECK(!memcmp(want, got, sizeof got))) {
                    printf("    %s to %s, %zu\n", leat_dtype_name((leat_dtype)from),
                           leat_dtype_name((leat_dtype)to), n);
                    break;
                }
            }
        }
}

static void conversions(leattest *t)
{
    leattest_at_levels(t, 1, conversions_at);
}

static const leattest_case cases[] = {TEST(functions), TEST(powers), TEST(operations),
                                      TEST(conversions)};

/* ---- times ------------------------------------------------------------------------------------
 */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double nanoseconds(leati_elt_fn f, float *x, float *y, float *out)
{
    enum { SIZE = 2048 };
    double best = 1e9;
    for (int round = 0; round < 30; round++) {
        double from = seconds();
        for (int k = 0; k < 20; k++) f(SIZE, x, y, y, out);
        double ns = (seconds() - from) / (20.0 * SIZE) * 1e9;
        if (ns < best) best = ns;
    }
    return best;
}

static int bench(void)
{
    static float x[2048], y[2048], out[2048];
    printf("| f32, ns per element |");
    for (size_t i = 0; i < 2048; i++) x[i] = 0.3f + 0.001f * (float)i, y[i] = 1.5f;
    for (int level = 0; level < LEATI_CPU_LEVELS; level++)
        if (leati_cpu_has((leati_cpu_level)level))
            printf(" %s |", leati_cpu_level_name((leati_cpu_level)level));
    printf(" libm |\n");
    for (int op = 0; op < LEATI_ELT_COUNT; op++) {
        if (!leati_elt_kernel(NULL, (leati_elt)op, LEAT_DTYPE_F32) || op == LEATI_ELT_WHERE)
            continue;
        printf("| %s |", names[op]);
        for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
            leat_context *c = leati_cpu_has((leati_cpu_level)level)
                                  ? leattest_context((leati_cpu_level)level, 1)
                                  : NULL;
            if (c)
                printf(" %.3f |",
                       nanoseconds(leati_elt_kernel(c, (leati_elt)op, LEAT_DTYPE_F32), x, y, out));
            leat_context_destroy(c);
        }
        printf(" %.3f |\n",
               nanoseconds(leati_elt_kernel(NULL, (leati_elt)op, LEAT_DTYPE_F32), x, y, out));
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench();
    return leattest_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
