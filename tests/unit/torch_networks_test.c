/* Networks against PyTorch: output, loss and all gradients in f64, output and loss in f32. */
#include "support/leattest.h"

#include "base/mem.h"
#include "golden/torch_networks.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "tensor/shape.h"

typedef struct golden {
    const char *layers, *loss;
    leat_shape input;
    int64_t batch;
    const double *target; /* NULL: labels i mod 3; one value: all targets; of ctc: labels */
    size_t targets;
    const double *want;
    size_t count;
} golden;

enum { ROWS = 11 };
static const double half[] = {0.5}, four[] = {0.5, -1, 1.5, 0.25};
static const double words[] = {1, 1, 2, -1, 3, 2}, others[] = {1, 1, 3, -1, 0, 3};

#define WANT(name) golden_##name, sizeof golden_##name / sizeof(double)

static void all(golden out[ROWS])
{
    out[0] = (golden){"dense(5, relu); layer_norm; dense(4, gelu); dense(3)",
                      "cross_entropy(label_smoothing=0.1)",
                      LEAT_DIMS(4),
                      6,
                      NULL,
                      0,
                      WANT(mlp)};
    out[1] = (golden){"conv2d(3, 3, padding=same, activation=relu); batch_norm; max_pool2d; "
                      "depthwise_conv2d(2, depth_multiplier=2, activation=silu); flatten; dense(2)",
                      "huber",
                      LEAT_DIMS(6, 6, 2),
                      2,
                      four,
                      4,
                      WANT(cnn)};
    out[2] = (golden){"lstm(3, bidirectional=true, layers=2); dense(2)",
                      "mse",
                      LEAT_DIMS(4, 2),
                      3,
                      half,
                      1,
                      WANT(lstm)};
    out[3] =
        (golden){"gru(4, return_sequences=true)", "mse", LEAT_DIMS(4, 3), 2, half, 1, WANT(gru)};
    out[4] = (golden){"memory { transformer_encoder(2, 5, dropout=0) }; "
                      "transformer_decoder(2, 5, dropout=0)",
                      "mse",
                      LEAT_DIMS(3, 4),
                      2,
                      half,
                      1,
                      WANT(transformer)};
    out[5] = (golden){"dense(4)", "ctc", LEAT_DIMS(5, 2), 3, words, 6, WANT(ctc)};
    out[6] =
        (golden){"dense(4)",     "ctc(blank=2, zero_infinity=true)", LEAT_DIMS(2, 2), 3, others, 6,
                 WANT(ctc_blank)};
    out[7] = (golden){"conv2d_transpose(6, 3, 2, padding=1, activation=relu, groups=2, "
                      "output_padding=1x0); conv2d_transpose(3, 2, 1x2, padding=1, "
                      "dilation_rate=3x1, groups=3, output_padding=2x1)",
                      "mse",
                      LEAT_DIMS(3, 2, 4),
                      2,
                      half,
                      1,
                      WANT(transposed)};
    out[8] = (golden){"upsample(1x2); dense(3); upsample(2x1, bilinear, align_corners=true); "
                      "upsample(1x2, bilinear); upsample(2, bicubic); dense(1, use_bias=false)",
                      "mse",
                      LEAT_DIMS(2, 3, 2),
                      2,
                      half,
                      1,
                      WANT(upsampled)};
    out[9] = (golden){"upsample(3, linear); dense(2, tanh); upsample(2, linear, true)",
                      "mse",
                      LEAT_DIMS(3, 2),
                      2,
                      half,
                      1,
                      WANT(lengthened)};
    out[10] = (golden){"upsample(2, trilinear); dense(2)",
                       "mse",
                       LEAT_DIMS(2, 3, 2, 2),
                       1,
                       half,
                       1,
                       WANT(enlarged)};
}

enum { MOST = 1024 };

static leat_tensor *constant(leat_graph *g, leat_dtype dtype, leat_shape s, const double *values)
{
    return leat_cast(leat_constant(g, LEAT_DTYPE_F64, s, values), dtype);
}

static leat_tensor *target_of(const golden *w, leat_graph *g, leat_dtype dtype, leat_shape s)
{
    double values[MOST];
    int64_t labels[] = {0, 1, 2, 0, 1, 2};
    if (strncmp(w->loss, "ctc", 3) == 0) {
        for (size_t i = 0; i < w->targets; i++) labels[i] = (int64_t)w->target[i];
        return leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS(3, 2), labels);
    }
    if (!w->target) return leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS(6), labels);
    for (size_t i = 0; i < leati_shape_count(&s); i++) values[i] = w->target[i % w->targets];
    return constant(g, dtype, s, values);
}

/* Weight k is sin(0.7 i + 1.3 k + 0.2) / 2, as in the generator. */
static void set_weights(leattest *t, leati_network *n)
{
    for (size_t k = 0; k < n->weight_count; k++) {
        leati_network_weight *w = &n->weight[k];
        double values[MOST];
        float narrow[MOST];
        size_t count = leati_shape_count(&w->shape);
        if (!w->trained || !CHECK(count <= MOST)) continue;
        size_t number = 0;
        for (size_t i = 0; i < k; i++) number += n->weight[i].trained;
        for (size_t i = 0; i < count; i++) {
            values[i] = sin(0.7 * (double)i + 1.3 * (double)number + 0.2) / 2;
            narrow[i] = (float)values[i];
        }
        bool wide = n->dtype == LEAT_DTYPE_F64;
        CHECK_OK(leat_variable_set(w->variable, wide ? (const void *)values : narrow,
                                   count * leat_dtype_size(n->dtype)));
    }
}

/* The values of the tensors one after the other. */
static void collect(leattest *t, leat_graph *g, size_t count, leat_tensor **root, double *out)
{
    leat_tensor *wide[128];
    for (size_t i = 0; i < count; i++) wide[i] = leat_cast(root[i], LEAT_DTYPE_F64);
    REQUIRE_OK(leat_run(g, count, wide));
    for (size_t i = 0; i < count; i++) {
        leat_shape s = leat_tensor_shape(wide[i]);
        size_t n = leati_shape_count(&s);
        CHECK_OK(leat_get(wide[i], out, n * sizeof *out));
        out += n;
    }
}

static void compare(leattest *t, const golden *w, leat_dtype dtype, double rtol, double atol)
{
    leati_network *n;
    leati_loss *loss;
    leat_graph *g;
    leat_tensor *root[128], *weight[128];
    double x[MOST], got[8 * MOST];
    REQUIRE_OK(leati_network_create(t->context, w->layers, w->input, &n));
    REQUIRE_OK(leati_loss_parse(t->context, w->loss, &loss));
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    n->dtype = dtype;
    REQUIRE_OK(leati_network_open(n, g, 1));
    set_weights(t, n);
    leat_shape s = {.rank = w->input.rank + 1, .dim = {w->batch}};
    for (int i = 0; i < w->input.rank; i++) s.dim[i + 1] = w->input.dim[i];
    for (size_t i = 0; i < leati_shape_count(&s); i++) x[i] = cos(0.37 * (double)i);
    leati_builder b = {.graph = g, .training = true};
    leat_tensor *in = constant(g, dtype, s, x);
    size_t count = 0, roots = 2;
    root[0] = leati_network_build(n, &b, in);
    leat_tensor *target = target_of(w, g, dtype, leat_tensor_shape(root[0]));
    root[1] = loss->class->build(loss, root[0], target);
    for (size_t i = 0; i < n->weight_count; i++)
        if (n->weight[i].trained) weight[count++] = n->weight[i].read;
    weight[count++] = in;
    if (CHECK_OK(leat_gradients(root[1], NULL, count, weight, root + 2))) {
        roots += count;
        size_t have = 0;
        for (size_t i = 0; i < roots; i++) {
            leat_shape each = leat_tensor_shape(root[i]);
            have += leati_shape_count(&each);
        }
        if (CHECK_INT(have, w->count)) {
            collect(t, g, roots, root, got);
            for (size_t i = 0; i < w->count; i++)
                if (!CHECK_NEAR(got[i], w->want[i], rtol, atol)) {
                    printf("    value %zu of %s\n", i, w->layers);
                    break;
                }
        }
    }
    leati_free(b.updates);
    leat_graph_destroy(g);
    leati_network_destroy(n);
    leati_free(loss);
}

static void values_and_gradients_are_those_of_pytorch(leattest *t)
{
    golden rows[ROWS];
    all(rows);
    for (size_t i = 0; i < ROWS; i++) compare(t, &rows[i], LEAT_DTYPE_F64, 1e-10, 1e-12);
}

static void single_precision_is_near(leattest *t)
{
    golden rows[ROWS];
    all(rows);
    for (size_t i = 0; i < ROWS; i++) compare(t, &rows[i], LEAT_DTYPE_F32, 1e-5, 2e-6);
}

static const leattest_case list[] = {TEST(values_and_gradients_are_those_of_pytorch),
                                     TEST(single_precision_is_near)};

LEATTEST_MAIN(list)
