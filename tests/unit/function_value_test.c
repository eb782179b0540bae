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

/* ---- attention ------------------------------------------------------------------------------ */

enum { HEADS = 2, QUERIES = 3, KEYS = 4, WIDTH = 5, QUERY_ROWS = HEADS * QUERIES * WIDTH };

typedef struct masked {
    bool causal, keys, half;
} masked;

/* Query 1 of each head sees no key: it gives 0 and takes no gradient. */
static void masked_query_on(leattest *t, leat_context *c, const char *device, masked how)
{
    static const uint8_t counts[KEYS] = {1, 1, 1, 0};
    float q[QUERY_ROWS], k[HEADS * KEYS * WIDTH], mask[QUERIES * KEYS] = {0};
    float y[2][QUERY_ROWS], dq[QUERY_ROWS], dk[HEADS * KEYS * WIDTH], dv[HEADS * KEYS * WIDTH];
    for (int i = 0; i < QUERY_ROWS; i++) q[i] = (float)sin(i);
    for (int i = 0; i < HEADS * KEYS * WIDTH; i++) k[i] = (float)cos(i);
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(c, device, &g));
    if (how.half) REQUIRE_OK(leat_graph_set_precision(g, LEAT_DTYPE_BF16));
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < KEYS && pass; j++) mask[KEYS + j] = -INFINITY;
        leat_tensor *in[3] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, HEADS, QUERIES, WIDTH), q),
                              leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, HEADS, KEYS, WIDTH), k),
                              leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, HEADS, KEYS, WIDTH), k)};
        leat_attention_options o = leat_attention_options_default();
        o.causal = how.causal;
        o.mask = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(QUERIES, KEYS), mask);
        if (how.keys) o.key_mask = leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(1, KEYS), counts);
        leat_tensor *roots[4] = {leat_attention(in[0], in[1], in[2], &o)};
        leat_tensor *loss = leat_sum(leat_shift(roots[0], 0), 0, NULL, false);
        REQUIRE_OK(leat_gradients(loss, NULL, 3, in, roots + 1));
        REQUIRE_OK(leat_run(g, 4, roots));
        REQUIRE_OK(leat_get(roots[0], y[pass], sizeof y[pass]));
        REQUIRE_OK(leat_get(roots[1], dq, sizeof dq));
        REQUIRE_OK(leat_get(roots[2], dk, sizeof dk));
        REQUIRE_OK(leat_get(roots[3], dv, sizeof dv));
        leat_graph_clear(g);
    }
    for (int i = 0; i < QUERY_ROWS; i++) {
        bool blind = i / WIDTH % QUERIES == 1;
        CHECK(blind ? y[1][i] == 0 && dq[i] == 0 : y[1][i] == y[0][i] && isfinite(dq[i]));
    }
    double sum = 0;
    for (int i = 0; i < HEADS * KEYS * WIDTH; i++) {
        CHECK(isfinite(dk[i]) && isfinite(dv[i]));
        sum += (double)dv[i];
    }
    CHECK_NEAR(sum, HEADS * (QUERIES - 1) * WIDTH, how.half ? 1e-2 : 1e-5, 0);
    leat_graph_destroy(g);
}

static void masked_query_level(leattest *t, leat_context *c)
{
    for (int d = 0; d < DEVICES; d++)
        for (int k = 0; k < 8; k++)
            masked_query_on(t, c, devices[d], (masked){k & 1, k & 2, k & 4});
}

static void masked_queries(leattest *t)
{
    leattest_at_bf16_levels(t, 2, masked_query_level);
}

/* What a mask makes very small is still more than what causality hides. */
static void low_scores(leattest *t)
{
    static const float zeros[4], mask[4] = {-3e38F, -3e38F, -3e38F, -3e38F}, v[2] = {3, 5};
    for (int d = 0; d < DEVICES; d++) {
        leat_graph *g;
        float y[2];
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *q = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 2, 1), zeros);
        leat_attention_options o = leat_attention_options_default();
        o.causal = true;
        o.mask = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 2), mask);
        leat_tensor *values = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 2, 1), v);
        leat_tensor *out = leat_attention(q, q, values, &o);
        REQUIRE_OK(leat_run(g, 1, &out));
        REQUIRE_OK(leat_get(out, y, sizeof y));
        CHECK(y[0] == 3 && y[1] == 4);
        leat_graph_destroy(g);
    }
}

/* ---- integers ------------------------------------------------------------------------------- */

static leat_tensor *half_of(leat_tensor *x)
{
    return leat_scale(x, 0.5);
}

static leat_tensor *half_more(leat_tensor *x)
{
    return leat_shift(x, 0.5);
}

static leat_tensor *clip_between(leat_tensor *x)
{
    return leat_clip(x, 1.5, 2.5);
}

static leat_tensor *mean(leat_tensor *x)
{
    return leat_mean(x, 0, NULL, false);
}

static leat_tensor *variance(leat_tensor *x)
{
    return leat_var(x, 0, NULL, false, 0);
}

static leat_tensor *fraction_like(leat_tensor *x)
{
    return leat_like(x, 2.7);
}

static leat_tensor *too_large(leat_tensor *x)
{
    return leat_like(leat_cast(x, LEAT_DTYPE_I8), 300);
}

static leat_tensor *negative(leat_tensor *x)
{
    return leat_like(leat_cast(x, LEAT_DTYPE_U8), -1);
}

/* What integers cannot express is refused, not rounded. */
static void integers(leattest *t)
{
    static const struct {
        function f;
        leat_status status;
        const char *text;
    } refused[] = {{half_of, LEAT_INVALID, "0.5|i64|cast"},
                   {half_more, LEAT_INVALID, "0.5|i64|cast"},
                   {fraction_like, LEAT_INVALID, "2.7|i64|cast"},
                   {too_large, LEAT_INVALID, "300|i8|cast"},
                   {negative, LEAT_INVALID, "-1|u8|cast"},
                   {clip_between, LEAT_INVALID, "i64|1.5|2.5|cast"},
                   {mean, LEAT_TYPE, "mean|i64|cast"},
                   {variance, LEAT_TYPE, "mean|i64|cast"}};
    static const int64_t data[3] = {1, 2, 3}, want[3][3] = {{-2, -4, -6}, {2, 2, 3}, {1, 2, 3}};
    leat_context *c = t->context;
    int64_t y[3];
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(3), data), *out;
        CHECK((out = refused[i].f(x)) == NULL);
        CHECK_FAILS(leat_run(g, 1, &out), refused[i].status, refused[i].text);
        leat_graph_clear(g);
    }
    leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(3), data);
    leat_tensor *roots[3] = {leat_scale(x, -2), leat_clip(x, 2, INFINITY), leat_clip(x, -1e300, 9)};
    REQUIRE_OK(leat_run(g, 3, roots));
    for (int i = 0; i < 3; i++) {
        REQUIRE_OK(leat_get(roots[i], y, sizeof y));
        CHECK(!memcmp(y, want[i], sizeof y));
    }
    leat_graph_destroy(g);
}

/* 300 classes by numbers of 8 bits. */
static void few_bits_of_many_classes(leattest *t)
{
    static const uint8_t data[2] = {0, 44};
    float y[2 * 300];
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_U8, LEAT_DIMS(2), data);
    leat_tensor *out = leat_one_hot(x, 300, LEAT_DTYPE_F32);
    REQUIRE_OK(leat_run(g, 1, &out));
    REQUIRE_OK(leat_get(out, y, sizeof y));
    for (int i = 0; i < 600; i++) CHECK(y[i] == (i == 0 || i == 344));
    leat_graph_destroy(g);
}

/* ---- angles --------------------------------------------------------------------------------- */

static void angles_on(leattest *t, leat_context *c, const char *device)
{
    enum { COUNT = 5 };
    static const float y[COUNT] = {0, 1e-30F, 3e30F, 3, 0}, x[COUNT] = {0, 1e-30F, 4e30F, -4, 2};
    static const double by_y[COUNT] = {0, 5e29, 0.16e-30, -0.16, 0.5},
                        by_x[COUNT] = {0, -5e29, -0.12e-30, -0.12, 0};
    float dy[COUNT], dx[COUNT];
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(c, device, &g));
    leat_tensor *in[2] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(COUNT), y),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(COUNT), x)};
    leat_tensor *d[2], *angle = leat_atan2(in[0], in[1]);
    REQUIRE_OK(leat_gradients(leat_sum(angle, 0, NULL, false), NULL, 2, in, d));
    REQUIRE_OK(leat_run(g, 2, d));
    REQUIRE_OK(leat_get(d[0], dy, sizeof dy));
    REQUIRE_OK(leat_get(d[1], dx, sizeof dx));
    for (int i = 0; i < COUNT; i++) {
        CHECK_NEAR((double)dy[i], by_y[i], 1e-5, 0);
        CHECK_NEAR((double)dx[i], by_x[i], 1e-5, 0);
    }
    leat_graph_destroy(g);
}

static void angles_level(leattest *t, leat_context *c)
{
    for (int d = 0; d < DEVICES; d++) angles_on(t, c, devices[d]);
}

static void angles(leattest *t)
{
    leattest_at_levels(t, 2, angles_level);
}

/* ---- shifts --------------------------------------------------------------------------------- */

/* As NumPy: past the last bit only the sign is left. */
static void shifts(leattest *t)
{
    enum { COUNT = 6 };
    static const int8_t a[COUNT] = {-7, -7, -7, -7, 7, -128}, b[COUNT] = {1, 7, 127, -1, 127, 8};
    static const int8_t want[COUNT] = {-4, -1, -1, -1, 0, -1};
    static const uint8_t u[2] = {200, 200}, by[2] = {3, 8};
    for (int d = 0; d < DEVICES; d++) {
        int8_t y[COUNT];
        uint8_t z[2];
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_tensor *roots[2] = {
            leat_shift_right(leat_input(g, LEAT_DTYPE_I8, LEAT_DIMS(COUNT), a),
                             leat_input(g, LEAT_DTYPE_I8, LEAT_DIMS(COUNT), b)),
            leat_shift_right(leat_input(g, LEAT_DTYPE_U8, LEAT_DIMS(2), u),
                             leat_input(g, LEAT_DTYPE_U8, LEAT_DIMS(2), by))};
        REQUIRE_OK(leat_run(g, 2, roots));
        REQUIRE_OK(leat_get(roots[0], y, sizeof y));
        REQUIRE_OK(leat_get(roots[1], z, sizeof z));
        CHECK(!memcmp(y, want, sizeof y) && z[0] == 25 && z[1] == 0);
        leat_graph_destroy(g);
    }
}

/* ---- pools ---------------------------------------------------------------------------------- */

/* The places of a dilated window may all lie in the padding, to both sides of x. */
static void windows_of_padding(leattest *t)
{
    static const float data[2] = {3, 4};
    for (int d = 0; d < DEVICES; d++) {
        float y, dx[2] = {1, 1};
        int64_t place;
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        leat_window w = leat_window_default();
        w.kernel[0] = 2, w.dilation[0] = 3, w.pad_low[0] = w.pad_high[0] = 1;
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 2), data), *roots[3];
        roots[0] = leat_pool_max(x, &w, &roots[1]);
        REQUIRE_OK(leat_gradients(roots[0], NULL, 1, &x, &roots[2]));
        REQUIRE_OK(leat_run(g, 3, roots));
        REQUIRE_OK(leat_get(roots[0], &y, sizeof y));
        REQUIRE_OK(leat_get(roots[1], &place, sizeof place));
        REQUIRE_OK(leat_get(roots[2], dx, sizeof dx));
        CHECK(y == -INFINITY && place == -1 && dx[0] == 0 && dx[1] == 0);
        leat_graph_destroy(g);
    }
}

static const leattest_case cases[] = {
    TEST(short_rows),        TEST(means_of_short_types),     TEST(masked_queries), TEST(low_scores),
    TEST(integers),          TEST(few_bits_of_many_classes), TEST(angles),         TEST(shifts),
    TEST(windows_of_padding)};
LEATTEST_MAIN(cases)
