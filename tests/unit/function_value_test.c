/* Values and gradients of functions where numbers are large, small or missing, on all devices and
 * levels of the processor. */
#include <leat/function.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "support/leattest.h"
#include "support/levels.h"

enum { DEVICES = 3, MOST = 4 * 768 };
static const char *const devices[DEVICES] = {"reference", "simulated", "cpu"};

typedef leat_tensor *(*function)(leat_tensor *x);

static leat_tensor *layer_norm(leat_tensor *x)
{
    return leat_layer_norm(x, 1, NULL, NULL, 1e-5);
}

static leat_tensor *rms_norm(leat_tensor *x)
{
    return leat_rms_norm(x, 1, NULL, 1e-5);
}

static leat_tensor *softmax(leat_tensor *x)
{
    return leat_softmax(x, -1);
}

static leat_tensor *log_softmax(leat_tensor *x)
{
    return leat_log_softmax(x, -1);
}

/* y = f(x) and the gradient of the sum of y weight by x, all in f32 but for what f does in type. */
static void value_and_gradient(leattest *t, leat_graph *g, function f, leat_dtype type,
                               leat_shape s, const float *x, const float *weight, float *y,
                               float *dx)
{
    size_t count = 1;
    for (int i = 0; i < s.rank; i++) count *= (size_t)s.dim[i];
    leat_tensor *in = leat_cast(leat_input(g, LEAT_DTYPE_F32, s, x), type), *roots[2], *d;
    leat_tensor *w = leat_cast(leat_input(g, LEAT_DTYPE_F32, s, weight), type);
    leat_tensor *out = f(in);
    REQUIRE_OK(leat_gradients(out, w, 1, &in, &d));
    roots[0] = leat_cast(out, LEAT_DTYPE_F32), roots[1] = leat_cast(d, LEAT_DTYPE_F32);
    REQUIRE_OK(leat_run(g, 2, roots));
    REQUIRE_OK(leat_get(roots[0], y, count * sizeof *y));
    REQUIRE_OK(leat_get(roots[1], dx, count * sizeof *dx));
    leat_graph_clear(g);
}

static double apart(size_t count, const float *got, const float *want)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double off = fabs((double)got[i] - (double)want[i]) / (fabs((double)want[i]) + 1e-3);
        if (!(off <= worst)) worst = off;
    }
    return worst;
}

/* ---- short types ---------------------------------------------------------------------------- */

/* What is computed in a short type is off by one rounding of it. */
static void short_rows_on(leattest *t, leat_context *c, const char *device, leat_dtype type)
{
    static const function functions[] = {layer_norm, rms_norm, softmax, log_softmax};
    static float x[MOST], w[MOST], y[MOST], dx[MOST], want[MOST], want_dx[MOST];
    double rounding = type == LEAT_DTYPE_F16 ? 0x1p-11 : 0x1p-8;
    leat_shape s = LEAT_DIMS(4, 768);
    leati_rng rng;
    leati_rng_init(&rng, 51, LEATI_RNG_TEST, 0);
    for (int i = 0; i < MOST; i++) {
        x[i] = (float)rint(64 * leati_rng_normal(&rng)) / 8; /* few digits: exact in f16 */
        if (type == LEAT_DTYPE_BF16) x[i] = rintf(x[i]);
        w[i] = (float)(1 + i % 3);
    }
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(c, device, &g));
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        value_and_gradient(t, g, functions[k], LEAT_DTYPE_F32, s, x, w, want, want_dx);
        value_and_gradient(t, g, functions[k], type, s, x, w, y, dx);
        CHECK(apart(MOST, y, want) < 1.1 * rounding);
        if (k < 2) CHECK(apart(MOST, dx, want_dx) < 1.1 * rounding);
    }
    leat_graph_destroy(g);
}

static void large_row_on(leattest *t, leat_context *c, const char *device, leat_dtype type)
{
    enum { LONG = 100000 };
    float *x = malloc(LONG * sizeof *x), *y = malloc(LONG * sizeof *y);
    leat_graph *g;
    for (int i = 0; i < LONG; i++) x[i] = 304;
    REQUIRE_OK(leat_graph_create(c, device, &g));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, LONG), x);
    for (int k = 0; k < 2; k++) {
        leat_tensor *out = (k ? rms_norm : layer_norm)(leat_cast(in, type));
        out = leat_cast(out, LEAT_DTYPE_F32);
        REQUIRE_OK(leat_run(g, 1, &out));
        REQUIRE_OK(leat_get(out, y, LONG * sizeof *y));
        for (int i = 0; i < LONG; i += 7777) CHECK_NEAR((double)y[i], k, 0, 1e-2);
    }
    leat_graph_destroy(g);
    free(x), free(y);
}

static void short_rows_level(leattest *t, leat_context *c)
{
    for (int d = 0; d < DEVICES; d++) {
        short_rows_on(t, c, devices[d], LEAT_DTYPE_F16);
        short_rows_on(t, c, devices[d], LEAT_DTYPE_BF16);
        large_row_on(t, c, devices[d], LEAT_DTYPE_F16);
    }
}

static void short_rows(leattest *t)
{
    leattest_at_levels(t, 2, short_rows_level);
}

/* Sums that overflow in f16, whose means do not. */
static void means_on(leattest *t, leat_context *c, const char *device)
{
    enum { ROOTS = 8, COUNT = 4096 };
    static float twenty[COUNT], many[8];
    float y[ROOTS];
    static const double want[ROOTS] = {30000, 20, 100, 10, 400, 900, 20 * 64, 9 * COUNT};
    leat_graph *g;
    for (int i = 0; i < COUNT; i++) twenty[i] = 20;
    for (int i = 0; i < 8; i++) many[i] = 30000;
    REQUIRE_OK(leat_graph_create(c, device, &g));
    leat_tensor *a = leat_cast(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(8), many), LEAT_DTYPE_F16);
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 64, 64), twenty);
    x = leat_cast(x, LEAT_DTYPE_F16);
    leat_tensor *sign =
        leat_where(leat_equal(leat_mod(leat_arange(g, LEAT_DTYPE_I64, 0, 64, 1),
                                       leat_scalar(g, LEAT_DTYPE_I64, 2)),
                              leat_scalar(g, LEAT_DTYPE_I64, 0)),
                   leat_scalar(g, LEAT_DTYPE_F16, 0.5), leat_scalar(g, LEAT_DTYPE_F16, -0.5));
    leat_tensor *swing = leat_mul(x, sign), *zero = leat_like(x, 0), *at = NULL;
    leat_tensor *roots[ROOTS] = {
        leat_mean(a, 0, NULL, false),
        leat_pool_global_avg(x, false),
        leat_var(swing, 0, NULL, false, 0),
        leat_std(swing, 0, NULL, false, 0),
        leat_mse(x, leat_expand(zero, leat_tensor_shape(x)), LEAT_REDUCE_MEAN),
        NULL,
        leat_norm(x, 2, 0, NULL, false),
        NULL};
    /* mean absolute error of 20 - (-880), and the gradient of a mean of squares */
    at = leat_shift(zero, -880);
    roots[5] = leat_mae(x, leat_expand(at, leat_tensor_shape(x)), LEAT_REDUCE_MEAN);
    leat_tensor *loss = leat_mse(x, leat_expand(zero, leat_tensor_shape(x)), LEAT_REDUCE_BATCH), *d;
    REQUIRE_OK(leat_gradients(loss, leat_like(loss, 9.0 / 40), 1, &x, &d));
    roots[7] = leat_sum(leat_cast(d, LEAT_DTYPE_F32), 0, NULL, false);
    for (int i = 0; i < ROOTS; i++)
        roots[i] = leat_reshape(leat_cast(roots[i], LEAT_DTYPE_F32), LEAT_SCALAR);
    REQUIRE_OK(leat_run(g, ROOTS, roots));
    for (int i = 0; i < ROOTS; i++) {
        REQUIRE_OK(leat_get(roots[i], &y[i], sizeof y[i]));
        CHECK_NEAR((double)y[i], want[i], 1e-3, 0);
    }
    leat_graph_destroy(g);
}

static void means_level(leattest *t, leat_context *c)
{
    for (int d = 0; d < DEVICES; d++) means_on(t, c, devices[d]);
}

static void means_of_short_types(leattest *t)
{
    leattest_at_levels(t, 2, means_level);
}

static const leattest_case cases[] = {TEST(short_rows), TEST(means_of_short_types)};
LEATTEST_MAIN(cases)
