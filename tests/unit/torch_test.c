/* Functions of networks against PyTorch: results and gradients, in f64 and f32 on every device. The
 * cases are those of tools/golden/torch_ops.py. */
#include <leat/function.h>

#include "golden/torch_ops.h"
#include "support/arrays.h"
#include "support/leattest.h"

enum { MOST = 8 };

typedef leat_tensor *(*build_fn)(leat_tensor *const *in);

#define BUILD(name, expression)                                                                    \
    static leat_tensor *build_##name(leat_tensor *const *in)                                       \
    {                                                                                              \
        return expression;                                                                         \
    }
/* Numbers of the type of x; whole numbers. */
static leat_tensor *numbers(leat_tensor *x, size_t count, const double *values)
{
    leat_tensor *wide =
        leat_constant(leat_tensor_graph(x), LEAT_DTYPE_F64, LEAT_DIMS((int64_t)count), values);
    return leat_cast(wide, leat_tensor_dtype(x));
}

static leat_tensor *whole(leat_tensor *x, leat_shape shape, const int64_t *values)
{
    return leat_constant(leat_tensor_graph(x), LEAT_DTYPE_I64, shape, values);
}

/* ---- attention --------------------------------------------------------------------------------
 */

static leat_tensor *build_attention(leat_tensor *const *in)
{
    leat_attention_options o = leat_attention_options_default();
    o.mask = in[3];
    return leat_attention(in[0], in[1], in[2], &o);
}

static leat_tensor *build_attention_causal(leat_tensor *const *in)
{
    leat_attention_options o = leat_attention_options_default();
    o.causal = true;
    return leat_attention(in[0], in[1], in[2], &o);
}

static leat_tensor *build_attention_keys(leat_tensor *const *in)
{
    static const uint8_t keys[] = {1, 1, 0, 1, 1, 0, 0, 1};
    leat_attention_options o = leat_attention_options_default();
    o.key_mask = leat_constant(leat_tensor_graph(in[0]), LEAT_DTYPE_BOOL, LEAT_DIMS(2, 4), keys);
    return leat_attention(in[0], in[1], in[2], &o);
}

/* ---- recurrent --------------------------------------------------------------------------------
 */

static leat_tensor *recurrent(leat_cell cell, bool reverse, bool ends, leat_tensor *const *in)
{
    static const int64_t lengths[] = {4, 2};
    leat_recurrent o = leat_recurrent_default(cell);
    o.reverse = reverse;
    o.w = in[1], o.r = in[2], o.bias = in[3], o.r_bias = in[4], o.h0 = in[5];
    if (cell == LEAT_CELL_LSTM) o.c0 = in[6];
    if (ends) o.lengths = whole(in[0], LEAT_DIMS(2), lengths);
    leat_tensor *part[3];
    part[0] = leat_recur(in[0], &o, &part[1], &part[2]);
    size_t count = cell == LEAT_CELL_LSTM ? 3 : 2;
    for (size_t i = 0; i < count; i++)
        if (part[i]) part[i] = leat_reshape(part[i], LEAT_DIMS(-1));
    return leat_concat(count, part, 0);
}

BUILD(lstm, recurrent(LEAT_CELL_LSTM, false, false, in))
BUILD(lstm_reverse, recurrent(LEAT_CELL_LSTM, true, false, in))
BUILD(lstm_lengths, recurrent(LEAT_CELL_LSTM, false, true, in))
BUILD(gru, recurrent(LEAT_CELL_GRU, false, false, in))
BUILD(gru_lengths, recurrent(LEAT_CELL_GRU, false, true, in))
BUILD(rnn, recurrent(LEAT_CELL_TANH, false, false, in))

/* ---- norms ------------------------------------------------------------------------------------
 */

BUILD(layer_norm, leat_layer_norm(in[0], 2, in[1], in[2], 1e-5))
BUILD(rms_norm, leat_rms_norm(in[0], 1, in[1], 1e-6))
BUILD(group_norm, leat_group_norm(in[0], 2, in[1], in[2], false, 1e-5))
BUILD(instance_norm, leat_instance_norm(in[0], in[1], in[2], false, 1e-5))

static leat_tensor *build_batch_norm(leat_tensor *const *in)
{
    leat_tensor *mean, *variance;
    return leat_batch_norm_train(in[0], in[1], in[2], false, 1e-5, &mean, &variance);
}

static leat_tensor *build_batch_norm_run(leat_tensor *const *in)
{
    static const double mean[] = {0.25, -0.5}, variance[] = {0.75, 1.5};
    return leat_batch_norm(in[0], in[1], in[2], numbers(in[0], 2, mean),
                           numbers(in[0], 2, variance), false, 1e-5);
}

/* ---- losses -----------------------------------------------------------------------------------
 */

static const int64_t five_labels[] = {2, 0, 3, 1, 3};
static const double class_weights[] = {0.5, 1.5, 1.0, 0.25};

BUILD(cross_entropy, leat_cross_entropy(in[0], whole(in[0], LEAT_DIMS(5), five_labels), NULL))

static leat_tensor *build_cross_entropy_all(leat_tensor *const *in)
{
    leat_entropy_options o = leat_entropy_options_default();
    o.weights = numbers(in[0], 4, class_weights);
    o.has_ignored = true;
    o.ignored = 1;
    o.smoothing = 0.1;
    return leat_cross_entropy(in[0], whole(in[0], LEAT_DIMS(5), five_labels), &o);
}

static leat_tensor *build_cross_entropy_plane(leat_tensor *const *in)
{
    static const int64_t plane[] = {0, 2, 1, 1, 2, 0, 0, 1};
    leat_entropy_options o = leat_entropy_options_default();
    o.axis = 1;
    o.reduction = LEAT_REDUCE_NONE;
    return leat_cross_entropy(in[0], whole(in[0], LEAT_DIMS(2, 2, 2), plane), &o);
}

static leat_tensor *build_nll(leat_tensor *const *in)
{
    leat_entropy_options o = leat_entropy_options_default();
    o.weights = numbers(in[0], 4, class_weights);
    return leat_nll(in[0], whole(in[0], LEAT_DIMS(5), five_labels), &o);
}

static leat_tensor *build_ctc(leat_tensor *const *in)
{
    static const int64_t words[] = {1, 2, 2, 3, 1, 0}, steps[] = {5, 4}, lengths[] = {3, 2};
    return leat_ctc(leat_log_softmax(in[0], -1), whole(in[0], LEAT_DIMS(2, 3), words),
                    whole(in[0], LEAT_DIMS(2), steps), whole(in[0], LEAT_DIMS(2), lengths), 0,
                    false, LEAT_REDUCE_MEAN);
}

static leat_tensor *build_bce(leat_tensor *const *in)
{
    static const double positive[] = {0.5, 1, 1.5, 2};
    return leat_bce_logits(in[0], in[1], numbers(in[0], 4, positive), LEAT_REDUCE_MEAN);
}

BUILD(kl, leat_kl(in[0], in[1], false, LEAT_REDUCE_BATCH))
BUILD(huber, leat_huber(in[0], in[1], 0.4, LEAT_REDUCE_SUM))
BUILD(triplet, leat_triplet(in[0], in[1], in[2], 0.7, LEAT_REDUCE_MEAN))

/* ---- windows ----------------------------------------------------------------------------------
 */

static leat_window pool_window(void)
{
    leat_window w = leat_window_default();
    for (int i = 0; i < 2; i++) w.kernel[i] = 3, w.stride[i] = 2, w.pad_low[i] = w.pad_high[i] = 1;
    return w;
}

static leat_tensor *build_conv_transpose(leat_tensor *const *in)
{
    leat_window w = leat_window_default();
    for (int i = 0; i < 2; i++)
        w.stride[i] = 2, w.pad_low[i] = w.pad_high[i] = w.output_padding[i] = 1;
    w.groups = 2;
    return leat_conv_transpose(in[0], in[1], &w);
}

static leat_tensor *build_conv_transpose_beyond(leat_tensor *const *in)
{
    leat_window w = leat_window_default();
    w.stride[1] = 2;
    w.dilation[0] = 3;
    w.pad_low[0] = w.pad_high[0] = 1;
    w.output_padding[0] = 2, w.output_padding[1] = 1;
    return leat_conv_transpose(in[0], in[1], &w);
}

static leat_tensor *build_conv_transpose_1d(leat_tensor *const *in)
{
    leat_window w = leat_window_default();
    w.stride[0] = 3;
    w.dilation[0] = 2;
    return leat_conv_transpose(in[0], in[1], &w);
}

static leat_tensor *build_conv(leat_tensor *const *in)
{
    leat_window w = leat_window_default();
    w.stride[0] = 2;
    w.pad_low[0] = w.pad_high[0] = 1;
    w.pad_low[1] = w.pad_high[1] = w.dilation[1] = w.groups = 2;
    return leat_conv(in[0], in[1], &w);
}

static leat_tensor *build_conv_3d(leat_tensor *const *in)
{
    leat_window w = leat_window_default();
    for (int i = 0; i < 3; i++) w.pad_low[i] = w.pad_high[i] = 1;
    return leat_conv(in[0], in[1], &w);
}

static leat_tensor *build_pool_max(leat_tensor *const *in)
{
    leat_window w = pool_window();
    w.ceil_mode = true;
    return leat_pool_max(in[0], &w, NULL);
}

static leat_tensor *build_pool_avg(leat_tensor *const *in)
{
    leat_window w = pool_window();
    w.ceil_mode = w.count_padding = true;
    return leat_pool_avg(in[0], &w);
}

static leat_tensor *build_pool_avg_inside(leat_tensor *const *in)
{
    leat_window w = pool_window();
    return leat_pool_avg(in[0], &w);
}

/* ---- interpolation ----------------------------------------------------------------------------
 */

static leat_tensor *resized(leat_tensor *x, leat_resize_mode mode, leat_coordinates coordinates,
                            size_t count, const int64_t *sizes)
{
    static const int axes[] = {2, 3, 4};
    leat_resize o = leat_resize_default(mode);
    o.coordinates = coordinates;
    o.rounding = LEAT_ROUND_FLOOR;
    return leat_interpolate(x, count, axes, sizes, &o);
}

#define RESIZED(name, mode, coordinates, count, ...)                                               \
    BUILD(name, resized(in[0], LEAT_RESIZE_##mode, LEAT_COORDINATES_##coordinates, count,          \
                        (const int64_t[]){__VA_ARGS__}))
RESIZED(nearest, NEAREST, ASYMMETRIC, 2, 5, 7)
RESIZED(bilinear, LINEAR, CENTRES, 2, 5, 7)
RESIZED(bilinear_corners, LINEAR, CORNERS, 2, 5, 2)
RESIZED(bicubic, CUBIC, CENTRES, 2, 5, 9)
RESIZED(trilinear, LINEAR, CENTRES, 3, 3, 5, 4)

/* ---- activations ------------------------------------------------------------------------------
 */

BUILD(gelu, leat_gelu(in[0]))
BUILD(gelu_tanh, leat_gelu_tanh(in[0]))
BUILD(silu, leat_silu(in[0]))
BUILD(mish, leat_mish(in[0]))
BUILD(hard_sigmoid, leat_hard_sigmoid(in[0], 1.0 / 6, 0.5))
BUILD(hard_swish, leat_hard_swish(in[0]))
BUILD(elu, leat_elu(in[0], 1.3))
BUILD(selu, leat_selu(in[0]))
BUILD(celu, leat_celu(in[0], 0.7))
BUILD(leaky_relu, leat_leaky_relu(in[0], 0.1))
BUILD(softsign, leat_softsign(in[0]))
BUILD(log_sigmoid, leat_log_sigmoid(in[0]))
BUILD(prelu, leat_prelu(in[0], leat_reshape(in[1], LEAT_DIMS(3, 1))))
BUILD(softmax, leat_softmax(in[0], 1))
BUILD(log_softmax, leat_log_softmax(in[0], 1))

/* ---- the comparison ---------------------------------------------------------------------------
 */

typedef struct golden {
    const char *name;
    build_fn build;
    const double *values;
    size_t count;
    int inputs;
    leat_shape shape[MOST];
} golden;

static void compare(leattest *t, const golden *k, const char *device, leat_tensor *x,
                    const double *want, bool single)
{
    size_t count = leattest_count(leat_tensor_shape(x));
    double *got = calloc(count + 1, sizeof *got), largest = 0;
    CHECK_OK(leat_get(x, got, count * leat_dtype_size(leat_tensor_dtype(x))));
    if (single)
        for (size_t i = count; i-- > 0;) got[i] = (double)((float *)(void *)got)[i];
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < count; i++) {
        double tolerance = single ? 4e-6 : 2e-9;
        if (CHECK_NEAR(got[i], want[i], tolerance, tolerance * largest)) continue;
        printf("    %s on %s in %s, element %zu\n", k->name, device, single ? "f32" : "f64", i);
        break;
    }
    free(got);
}

static void check_case(leattest *t, const golden *k, const char *device, bool single)
{
    leat_graph *g;
    float narrow[MOST][512];
    leat_tensor *in[MOST], *roots[MOST + 1];
    const double *at = k->values;
    REQUIRE_OK(leat_graph_create(t->context, device, &g));
    for (int i = 0; i < k->inputs; i++) {
        size_t n = leattest_count(k->shape[i]);
        for (size_t j = 0; j < n && j < 512; j++) narrow[i][j] = (float)at[j];
        in[i] = leat_input(g, single ? LEAT_DTYPE_F32 : LEAT_DTYPE_F64, k->shape[i],
                           single ? (const void *)narrow[i] : (const void *)at);
        at += n;
    }
    leat_tensor *y = k->build(in);
    size_t outs = y ? leattest_count(leat_tensor_shape(y)) : 0,
           total = 2 * (size_t)(at - k->values) + outs;
    double seed[512];
    for (size_t i = 0; i < outs && i < 512; i++) seed[i] = cos(0.7 * (double)i + 0.3);
    if (CHECK(y && outs <= 512) && CHECK_INT(total, k->count)) {
        leat_tensor *w = leat_constant(g, LEAT_DTYPE_F64, leat_tensor_shape(y), seed);
        roots[0] = y;
        CHECK_OK(leat_gradients(y, leat_cast(w, leat_tensor_dtype(y)), (size_t)k->inputs, in,
                                roots + 1));
        CHECK_OK(leat_run(g, (size_t)k->inputs + 1, roots));
        for (int i = 0; i <= k->inputs; i++) {
            compare(t, k, device, roots[i], at, single);
            at += leattest_count(leat_tensor_shape(roots[i]));
        }
    } else {
        CHECK_OK(leat_error_status(t->context));
        printf("    %s\n", k->name);
    }
    leat_graph_destroy(g);
}

#define S LEAT_DIMS
#define CASE(name, ...)                                                                            \
    {                                                                                              \
#name, build_##name, golden_##name, sizeof golden_##name / sizeof(double),                 \
            (int)(sizeof((leat_shape[]){__VA_ARGS__}) / sizeof(leat_shape)),                       \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define LAYER(gates)                                                                               \
    S(4, 2, 2), S(gates * 3, 2), S(gates * 3, 3), S(gates * 3), S(gates * 3), S(2, 3)

static void run_all(leattest *t, const golden *cases, size_t count)
{
    static const char *const devices[] = {"reference", "simulated", "cpu"};
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++)
            for (int single = 0; single < 2; single++) check_case(t, &cases[i], devices[d], single);
}
#define RUN_ALL(cases) run_all(t, cases, sizeof(cases) / sizeof *(cases))

static void sequences(leattest *t)
{
    const golden cases[] = {
        CASE(attention, S(2, 2, 3, 4), S(2, 2, 4, 4), S(2, 2, 4, 3), S(1, 1, 3, 4)),
        CASE(attention_causal, S(1, 2, 4, 3), S(1, 2, 4, 3), S(1, 2, 4, 3)),
        CASE(attention_keys, S(2, 2, 3, 4), S(2, 2, 4, 4), S(2, 2, 4, 4)),
        CASE(lstm, LAYER(4), S(2, 3)),
        CASE(lstm_reverse, LAYER(4), S(2, 3)),
        CASE(lstm_lengths, LAYER(4), S(2, 3)),
        CASE(gru, LAYER(3)),
        CASE(gru_lengths, LAYER(3)),
        CASE(rnn, LAYER(1))};
    RUN_ALL(cases);
}

static void norms(leattest *t)
{
    const golden cases[] = {CASE(layer_norm, S(2, 3, 4), S(3, 4), S(3, 4)),
                            CASE(rms_norm, S(3, 5), S(5)),
                            CASE(batch_norm, S(3, 2, 2, 2), S(2), S(2)),
                            CASE(batch_norm_run, S(3, 2, 2, 2), S(2), S(2)),
                            CASE(group_norm, S(2, 4, 3), S(4), S(4)),
                            CASE(instance_norm, S(2, 3, 2, 2), S(3), S(3))};
    RUN_ALL(cases);
}

static void losses(leattest *t)
{
    const golden cases[] = {CASE(cross_entropy, S(5, 4)),
                            CASE(cross_entropy_all, S(5, 4)),
                            CASE(cross_entropy_plane, S(2, 3, 2, 2)),
                            CASE(nll, S(5, 4)),
                            CASE(ctc, S(5, 2, 4)),
                            CASE(bce, S(3, 4), S(3, 4)),
                            CASE(kl, S(3, 4), S(3, 4)),
                            CASE(huber, S(3, 4), S(3, 4)),
                            CASE(triplet, S(4, 3), S(4, 3), S(4, 3))};
    RUN_ALL(cases);
}

static void windows(leattest *t)
{
    const golden cases[] = {CASE(conv_transpose, S(2, 4, 3, 2), S(4, 3, 3, 3)),
                            CASE(conv_transpose_1d, S(2, 2, 4), S(2, 3, 3)),
                            CASE(conv_transpose_beyond, S(2, 2, 3, 3), S(2, 3, 2, 3)),
                            CASE(conv, S(2, 4, 5, 4), S(4, 2, 3, 2)),
                            CASE(conv_3d, S(1, 2, 3, 2, 3), S(2, 2, 3, 2, 2)),
                            CASE(pool_max, S(2, 2, 6, 5)),
                            CASE(pool_avg, S(2, 2, 6, 5)),
                            CASE(pool_avg_inside, S(2, 2, 6, 5)),
                            CASE(nearest, S(2, 2, 3, 4)),
                            CASE(bilinear, S(2, 2, 3, 4)),
                            CASE(bilinear_corners, S(2, 2, 3, 4)),
                            CASE(bicubic, S(1, 2, 3, 4)),
                            CASE(trilinear, S(1, 2, 2, 3, 4))};
    RUN_ALL(cases);
}

static void activations(leattest *t)
{
    const golden cases[] = {CASE(gelu, S(12)),
                            CASE(gelu_tanh, S(12)),
                            CASE(silu, S(12)),
                            CASE(mish, S(12)),
                            CASE(hard_sigmoid, S(12)),
                            CASE(hard_swish, S(12)),
                            CASE(elu, S(12)),
                            CASE(selu, S(12)),
                            CASE(celu, S(12)),
                            CASE(leaky_relu, S(12)),
                            CASE(softsign, S(12)),
                            CASE(log_sigmoid, S(12)),
                            CASE(prelu, S(2, 3, 4), S(3)),
                            CASE(softmax, S(2, 3, 4)),
                            CASE(log_softmax, S(2, 3, 4))};
    RUN_ALL(cases);
}

static const leattest_case cases[] = {TEST(sequences), TEST(norms), TEST(losses), TEST(windows),
                                      TEST(activations)};
LEATTEST_MAIN(cases)
