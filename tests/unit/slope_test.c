/* Gradients where a slope breaks, ends or is lost in rounding, on all devices: PyTorch 2.15's, or
 * the truth where it has none. */
#include <leat/function.h>

#include <math.h>

#include "support/leattest.h"

enum { DEVICES = 3, MOST = 8 };
static const char *const devices[DEVICES] = {"reference", "simulated", "cpu"};

typedef leat_tensor *(*function)(leat_tensor *x);

/* dx = d(sum of f(x))/dx, where x is of this type. */
static void slopes(leattest *t, const char *device, function f, leat_dtype type, int count,
                   const double *x, double *dx)
{
    leat_graph *g;
    leat_tensor *d;
    REQUIRE_OK(leat_graph_create(t->context, device, &g));
    leat_tensor *in = leat_cast(leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(count), x), type);
    REQUIRE_OK(leat_gradients(leat_sum(f(in), 0, NULL, false), NULL, 1, &in, &d));
    d = leat_cast(d, LEAT_DTYPE_F64);
    REQUIRE_OK(leat_run(g, 1, &d));
    REQUIRE_OK(leat_get(d, dx, (size_t)count * sizeof *dx));
    leat_graph_destroy(g);
}

static void check_slopes(leattest *t, function f, leat_dtype type, int count, const double *x,
                         const double *want, double relative)
{
    for (int d = 0; d < DEVICES; d++) {
        double dx[MOST] = {0};
        slopes(t, devices[d], f, type, count, x, dx);
        for (int i = 0; i < count; i++) CHECK_NEAR(dx[i], want[i], relative, 0);
    }
}

/* Where x^2 overflows. */
static void far_of_gelu(leattest *t)
{
    static const double x[6] = {257, 40000, 9, -300, -40000, 0}, want[6] = {1, 1, 1, 0, 0, 0.5};
    static const double far[4] = {1e20, 3e38, -1e20, -3e38};
    check_slopes(t, leat_gelu_tanh, LEAT_DTYPE_F16, 6, x, want, 1e-3);
    check_slopes(t, leat_gelu_tanh, LEAT_DTYPE_F32, 4, far, (const double[]){1, 1, 0, 0}, 0);
}

static leat_tensor *root_norm(leat_tensor *x)
{
    return leat_norm(x, 0.5, 0, NULL, false);
}

static leat_tensor *inverse_norm(leat_tensor *x)
{
    return leat_norm(x, -1, 0, NULL, false);
}

/* Of orders whose slope at 0 is infinite. */
static void norms_of_zeros(leattest *t)
{
    static const double x[3] = {1, 0, -2}, none[3] = {0, 0, 0};
    const double want[3] = {1 + sqrt(2), 0, -(1 + sqrt(2)) / sqrt(2)};
    check_slopes(t, root_norm, LEAT_DTYPE_F64, 3, x, want, 1e-14);
    check_slopes(t, root_norm, LEAT_DTYPE_F64, 3, none, none, 0);
    check_slopes(t, inverse_norm, LEAT_DTYPE_F64, 3, x, none, 0);
}

static leat_tensor *elu(leat_tensor *x)
{
    return leat_elu(x, 1.5);
}

static leat_tensor *celu(leat_tensor *x)
{
    return leat_celu(x, 1.5);
}

/* Far below 0, where the value has come to -alpha and the slope is small, not 0. */
static void low_of_exponentials(leattest *t)
{
    static const double x[3] = {-9, -20, -40};
    double elus[3], selus[3], celus[3];
    for (int i = 0; i < 3; i++) {
        elus[i] = 1.5 * exp(x[i]);
        selus[i] = 1.7580993408473766 * exp(x[i]);
        celus[i] = exp(x[i] / 1.5);
    }
    check_slopes(t, elu, LEAT_DTYPE_F64, 3, x, elus, 1e-13);
    check_slopes(t, elu, LEAT_DTYPE_F32, 3, x, elus, 1e-5);
    check_slopes(t, leat_selu, LEAT_DTYPE_F32, 3, x, selus, 1e-5);
    check_slopes(t, celu, LEAT_DTYPE_F32, 3, x, celus, 1e-5);
    check_slopes(t, elu, LEAT_DTYPE_F16, 1, x, elus, 1e-2);
    check_slopes(t, celu, LEAT_DTYPE_BF16, 1, x, celus, 2e-2);
}

static leat_tensor *mod_50(leat_tensor *x)
{
    return leat_mod(leat_expand(leat_like(x, 50), LEAT_DIMS(2)), x);
}

static leat_tensor *mod_1(leat_tensor *x)
{
    return leat_mod(leat_expand(leat_like(x, 1), LEAT_DIMS(3)), x);
}

static leat_tensor *fmod_1(leat_tensor *x)
{
    return leat_fmod(leat_expand(leat_like(x, 1), LEAT_DIMS(3)), x);
}

/* The slope in a divisor is minus how often it is in the number, which the rounded quotient may
 * reach where the number does not: 50 / 0.365234375 is 136.9. */
static void divisors_of_remainders(leattest *t)
{
    static const double few[2] = {0.365234375, -0.365234375}, few_want[2] = {-136, 137};
    static const double b[3] = {0.1, -0.1, INFINITY};
    check_slopes(t, mod_50, LEAT_DTYPE_BF16, 2, few, few_want, 0);
    check_slopes(t, mod_50, LEAT_DTYPE_F16, 2, few, few_want, 0);
    check_slopes(t, mod_1, LEAT_DTYPE_F32, 3, b, (const double[]){-9, 10, 0}, 0);
    check_slopes(t, fmod_1, LEAT_DTYPE_F32, 3, b, (const double[]){-9, 9, 0}, 0);
}

static leat_tensor *clip(leat_tensor *x)
{
    return leat_clip(x, -1, 1);
}

static leat_tensor *hard_sigmoid(leat_tensor *x)
{
    return leat_hard_sigmoid(x, 1.0 / 6, 0.5);
}

/* 0 at both bounds. */
static void bounds_of_clips(leattest *t)
{
    static const double x[6] = {-1, 1, 0.5, -2, 2, NAN}, ends[4] = {-3, 3, 0, 4};
    for (int k = 0; k < 2; k++) {
        leat_dtype type = k ? LEAT_DTYPE_F32 : LEAT_DTYPE_F64;
        check_slopes(t, clip, type, 6, x, (const double[]){0, 0, 1, 0, 0, 1}, 0);
        check_slopes(t, leat_hard_swish, type, 4, ends, (const double[]){0, 1, 0.5, 1}, 1e-7);
        check_slopes(t, hard_sigmoid, type, 4, ends, (const double[]){0, 0, 1.0 / 6, 0}, 1e-7);
    }
}

/* The layer `relu6` of a batch with blank pixels: as relu, 0 gets none. */
static void blank_pixels(leattest *t)
{
    static const float x[6] = {0, 0, 0, 1, 2, 3}, w[3] = {1, 1, 1}, zero[1] = {0};
    for (int d = 0; d < DEVICES; d++) {
        float got = NAN;
        leat_graph *g;
        leat_tensor *db;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *b = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1), zero);
        leat_tensor *y = leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), x),
                                     leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 1), w));
        y = leat_clip(leat_scale(leat_add(y, b), 0.5), 0, 6);
        REQUIRE_OK(leat_gradients(leat_sum(y, 0, NULL, false), NULL, 1, &b, &db));
        REQUIRE_OK(leat_run(g, 1, &db));
        REQUIRE_OK(leat_get(db, &got, sizeof got));
        CHECK(got == 0.5f);
        leat_graph_destroy(g);
    }
}

/* Weights of labels that are 0: the mean of them is 0, also with smoothing, which counts the other
 * classes. */
static void entropy_without_weight(leattest *t)
{
    static const double x[6] = {1, 2, 3, 0, 1, -1}, w[3] = {2, 0, 1};
    static const int64_t labels[2] = {1, 1};
    for (int d = 0; d < DEVICES; d++) {
        double y = NAN, dx[6];
        leat_graph *g;
        leat_entropy_options o = leat_entropy_options_default();
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(2, 3), x), *roots[2];
        o.smoothing = 0.1;
        o.weights = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(3), w);
        roots[0] = leat_cross_entropy(in, leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), labels), &o);
        REQUIRE_OK(leat_gradients(roots[0], NULL, 1, &in, &roots[1]));
        REQUIRE_OK(leat_run(g, 2, roots));
        REQUIRE_OK(leat_get(roots[0], &y, sizeof y));
        REQUIRE_OK(leat_get(roots[1], dx, sizeof dx));
        CHECK(y == 0);
        for (int i = 0; i < 6; i++) CHECK(dx[i] == 0);
        leat_graph_destroy(g);
    }
}

/* Class weights are settings: no gradient reaches them, a second one neither. */
static void entropy_of_settings(leattest *t)
{
    static const double x[3] = {1, 2, 3}, w[3] = {2, 1, 1};
    static const int64_t label = 0;
    double first[3], second[3];
    leat_graph *g;
    leat_entropy_options o = leat_entropy_options_default();
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(1, 3), x), *dx, *dw[2];
    o.weights = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(3), w);
    o.reduction = LEAT_REDUCE_SUM;
    leat_tensor *y =
        leat_cross_entropy(in, leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1), &label), &o);
    REQUIRE_OK(leat_gradients(y, NULL, 1, &in, &dx));
    REQUIRE_OK(leat_gradients(y, NULL, 1, &o.weights, &dw[0]));
    leat_tensor *square = leat_sum(leat_mul(dx, dx), 0, NULL, false);
    REQUIRE_OK(leat_gradients(square, NULL, 1, &o.weights, &dw[1]));
    REQUIRE_OK(leat_run(g, 2, dw));
    REQUIRE_OK(leat_get(dw[0], first, sizeof first));
    REQUIRE_OK(leat_get(dw[1], second, sizeof second));
    for (int i = 0; i < 3; i++) CHECK(first[i] == 0 && second[i] == 0);
    leat_graph_destroy(g);
}

static const leattest_case cases[] = {TEST(far_of_gelu),
                                      TEST(norms_of_zeros),
                                      TEST(low_of_exponentials),
                                      TEST(divisors_of_remainders),
                                      TEST(bounds_of_clips),
                                      TEST(blank_pixels),
                                      TEST(entropy_without_weight),
                                      TEST(entropy_of_settings)};
LEATTEST_MAIN(cases)
