/* The battery of layers and losses. Every row of layers.def and losses.def has samples; each runs
 *   - for its shape
 *   - backwards in f64: the gradient of every weight and of the input against central differences
 *   - with equal bytes for 1, 2 and 4 threads, forward and backward
 *   - with its first, second, ... allocation failing
 * and inputs that must be refused are, with a message that says why. A row without a sample
 * fails. */
#include "support/leattest.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/functions.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "tensor/shape.h"

typedef struct sample {
    const char *layers;
    leat_shape input, output; /* without the batch */
    double low, high;         /* range of the input; whole: integers */
    bool whole, padded;       /* padded: zeros at the end of every row */
    const char *target;       /* of a loss: "labels", "values", "bits", "none" */
    const char *loss;
} sample;

enum { BATCH = 3, MOST = 4096 };

#define S(...) LEAT_DIMS(__VA_ARGS__)
#define ROW(text, in, out)                                                                         \
    {                                                                                              \
        .layers = text, .input = in, .output = out, .low = -1, .high = 1                           \
    }

typedef void (*visit)(leattest *t, const sample *s);

static void each_layer_sample(leattest *t, visit f)
{
    const sample all[] = {
        ROW("dense(3)", S(4), S(3)),
        ROW("dense(3, tanh, use_bias=false, kernel_initializer=he_normal)", S(2, 4), S(2, 3)),
        ROW("activation(tanh)", S(4), S(4)),
        ROW("activation(elu(0.3))", S(4), S(4)),
        ROW("leaky_relu(0.2)", S(4), S(4)),
        ROW("elu(alpha=0.5)", S(4), S(4)),
        ROW("celu(0.5)", S(4), S(4)),
        ROW("prelu", S(3, 2), S(3, 2)),
        ROW("prelu(shared=true)", S(4), S(4)),
        ROW("dense(3, celu(2))", S(4), S(3)),
        ROW("conv1d(3, 2, activation=leaky_relu(negative_slope=0.2))", S(4, 2), S(3, 3)),
        ROW("conv1d(3, 2, strides=2)", S(7, 2), S(3, 3)),
        ROW("conv1d(2, 3, padding=causal, dilation_rate=2)", S(6, 2), S(6, 2)),
        ROW("conv2d(3, 3)", S(5, 4, 2), S(3, 2, 3)),
        ROW("conv2d(4, 2x3, strides=2x1, padding=same, groups=2, activation=sigmoid)", S(5, 4, 2),
            S(3, 4, 4)),
        ROW("conv2d(2, 3, padding=1, use_bias=false)", S(4, 4, 1), S(4, 4, 2)),
        ROW("conv3d(2, 2)", S(3, 3, 3, 2), S(2, 2, 2, 2)),
        ROW("conv1d_transpose(2, 3, strides=2)", S(4, 2), S(9, 2)),
        ROW("conv2d_transpose(2, 3, strides=2, padding=same)", S(3, 2, 2), S(6, 4, 2)),
        ROW("conv2d_transpose(2, 1, strides=2)", S(2, 2, 3), S(4, 4, 2)),
        ROW("conv1d_transpose(4, 3, strides=2, padding=1, groups=2, output_padding=1)", S(3, 2),
            S(6, 4)),
        ROW("conv1d_transpose(1, 2, dilation_rate=3, padding=1, output_padding=2)", S(3, 2),
            S(6, 1)),
        ROW("conv2d_transpose(3, 2, strides=3x2, groups=3, output_padding=2x0)", S(2, 2, 3),
            S(7, 4, 3)),
        ROW("conv3d_transpose(1, 2)", S(2, 2, 2, 2), S(3, 3, 3, 1)),
        ROW("depthwise_conv1d(3, depth_multiplier=2)", S(5, 2), S(3, 4)),
        ROW("depthwise_conv2d(3, padding=same)", S(4, 4, 2), S(4, 4, 2)),
        ROW("separable_conv1d(3, 3)", S(5, 2), S(3, 3)),
        ROW("separable_conv2d(3, 3)", S(4, 4, 2), S(2, 2, 3)),
        ROW("max_pool1d(2)", S(6, 2), S(3, 2)),
        ROW("max_pool2d", S(4, 5, 2), S(2, 2, 2)),
        ROW("max_pool2d(3, 2, padding=same)", S(5, 5, 1), S(3, 3, 1)),
        ROW("max_pool3d(2)", S(2, 4, 2, 1), S(1, 2, 1, 1)),
        ROW("average_pool1d(3, strides=1)", S(6, 2), S(4, 2)),
        ROW("average_pool2d(2, padding=same)", S(3, 3, 2), S(2, 2, 2)),
        ROW("average_pool3d(2)", S(2, 2, 2, 2), S(1, 1, 1, 2)),
        ROW("global_average_pool", S(3, 4, 2), S(2)),
        ROW("global_max_pool", S(5, 3), S(3)),
        ROW("batch_norm", S(3), S(3)),
        ROW("batch_norm(center=false)", S(3, 2, 2), S(3, 2, 2)),
        ROW("layer_norm", S(4), S(4)),
        ROW("layer_norm(scale=false)", S(2, 4), S(2, 4)),
        ROW("rms_norm", S(2, 4), S(2, 4)),
        ROW("group_norm(2)", S(3, 2, 4), S(3, 2, 4)),
        ROW("instance_norm", S(4, 3, 2), S(4, 3, 2)),
        ROW("dropout(0.4)", S(6), S(6)),
        ROW("spatial_dropout(0.4)", S(3, 3, 4), S(3, 3, 4)),
        ROW("gaussian_dropout(0.4)", S(6), S(6)),
        ROW("alpha_dropout(0.4)", S(2, 3), S(2, 3)),
        ROW("gaussian_noise(0.3)", S(3, 2), S(3, 2)),
        ROW("flatten", S(2, 3), S(6)),
        ROW("reshape(3, -1)", S(6), S(3, 2)),
        ROW("permute(2, 1)", S(2, 3), S(3, 2)),
        ROW("repeat(3)", S(2), S(3, 2)),
        ROW("crop(1x0, high=0x2)", S(3, 4, 2), S(2, 2, 2)),
        ROW("crop(1)", S(5), S(3)),
        ROW("pad(1x2)", S(2, 2, 1), S(4, 6, 1)),
        ROW("pad(1, high=0, mode=reflect)", S(3, 2), S(4, 2)),
        ROW("upsample(2x3)", S(2, 2, 2), S(4, 6, 2)),
        ROW("upsample(3, linear)", S(3, 2), S(9, 2)),
        ROW("upsample(2x3, bilinear, align_corners=true)", S(2, 2, 2), S(4, 6, 2)),
        ROW("upsample(1x2, bicubic)", S(2, 5, 1), S(2, 10, 1)),
        ROW("upsample(2, cubic, true)", S(4, 2), S(8, 2)),
        ROW("upsample(2x1x2, trilinear)", S(2, 2, 1, 2), S(4, 2, 2, 2)),
        ROW("identity", S(3), S(3)),
        ROW("sequence { dense(3); tanh }", S(2), S(3)),
        ROW("residual { dense(3); tanh }", S(3), S(3)),
        ROW("add { dense(3); sequence { dense(2); dense(3) } }", S(2), S(3)),
        ROW("concat { dense(3); identity; sequence { dense(2); tanh } }", S(2), S(7)),
        ROW("concat(1) { identity; identity }", S(2, 3), S(4, 3)),
        ROW("memory { dense(2) }; dense(3)", S(2), S(3)),
        ROW("dense(3, name=twin); tanh; dense(3, name=twin)", S(3), S(3)),
        ROW("dense(3, trainable=false); dense(2)", S(3), S(2)),
        {"embedding(5, 3)", S(4), S(4, 3), 0, 5, true, false, NULL, NULL},
        {"embedding(4, 3, mask_zero=true); lstm(2, true)", S(3), S(3, 2), 0, 4, true, true, NULL,
         NULL},
        {"embedding(4, 2, mask_zero=true); global_average_pool", S(5), S(2), 0, 4, true, false,
         NULL, NULL},
        {"embedding(4, 4, mask_zero=true); multi_head_attention(2); global_max_pool", S(5), S(4), 0,
         4, true, false, NULL, NULL},
        ROW("masking; gru(2)", S(3, 2), S(2)),
        ROW("positions", S(3, 4), S(3, 4)),
        ROW("positions(learned, 6)", S(3, 2), S(3, 2)),
        ROW("rnn(3)", S(4, 2), S(3)),
        ROW("rnn(2, activation=relu, use_bias=false, return_sequences=true)", S(3, 2), S(3, 2)),
        ROW("lstm(3)", S(4, 2), S(3)),
        ROW("lstm(2, true, true, layers=2, dropout=0.3, recurrent_dropout=0.3)", S(3, 2), S(3, 4)),
        ROW("gru(3, bidirectional=true)", S(4, 2), S(6)),
        ROW("gru(2, layers=2, use_bias=false)", S(3, 2), S(2)),
        ROW("multi_head_attention(2)", S(3, 4), S(3, 4)),
        ROW("multi_head_attention(2, key_dim=2, causal=true, positions=rotary, use_bias=false)",
            S(4, 3), S(4, 3)),
        ROW("multi_head_attention(2, positions=relative, max_distance=2, dropout=0.3)", S(4, 4),
            S(4, 4)),
        ROW("memory { crop(2, high=0) }; crop(0, high=3); multi_head_attention(1, cross=true)",
            S(5, 2), S(2, 2)),
        ROW("transformer_encoder(2, 5, activation=tanh)", S(3, 4), S(3, 4)),
        ROW("transformer_encoder(1, 3, norm_first=true, layers=2, causal=true, activation=gelu)",
            S(2, 2), S(2, 2)),
        ROW("memory { dense(3) }; transformer_decoder(2, 5, activation=tanh)", S(3, 4), S(3, 4)),
        ROW("transformer_decoder(2, 5, cross=false, activation=tanh, positions=rotary)", S(3, 4),
            S(3, 4)),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) f(t, &all[i]);
}

#define LOSS_ROW(text, in, kind)                                                                   \
    {                                                                                              \
        .layers = "dense(4)", .input = in, .low = -1, .high = 1, .loss = text, .target = kind      \
    }

static void each_loss_sample(leattest *t, visit f)
{
    const sample all[] = {
        LOSS_ROW("cross_entropy", S(3), "labels"),
        LOSS_ROW("cross_entropy(label_smoothing=0.1, class_weights=[1, 2, 0.5, 1])", S(2, 3),
                 "labels"),
        LOSS_ROW("cross_entropy(ignore_index=1)", S(3), "labels"),
        LOSS_ROW("nll", S(3), "labels"),
        LOSS_ROW("mse", S(3), "values"),
        LOSS_ROW("mae", S(3), "far"),
        LOSS_ROW("huber(0.5)", S(3), "far"),
        LOSS_ROW("bce_with_logits", S(3), "bits"),
        LOSS_ROW("kl", S(3), "shares"),
        LOSS_ROW("hinge", S(3), "bits"),
        LOSS_ROW("triplet(0.7)", S(3, 2), "none"),
        LOSS_ROW("ctc", S(5, 2), "sequence"),
        LOSS_ROW("ctc(zero_infinity=true)", S(2, 2), "sequence"),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) f(t, &all[i]);
}

/* ---- one sample in a graph ----------------------------------------------------------------------
 */

typedef struct run {
    leati_network *n;
    leat_graph *g;
    leati_loss *loss;
    leat_tensor *x, *y, *scalar, **weight, **gradient; /* then that of x */
    size_t weights;
    double input[MOST], target[MOST];
    int64_t labels[MOST];
    uint64_t key[2];
    leat_tensor **updates;
    size_t update_count;
} run;

static void fill_input(const sample *s, run *r, size_t count)
{
    leati_rng rng;
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 1);
    for (size_t i = 0; i < count; i++) {
        double x = s->low + (s->high - s->low) * leati_rng_uniform(&rng);
        r->input[i] = s->whole ? floor(x) : x;
    }
    size_t steps = (size_t)s->input.dim[0];
    for (size_t i = 0; s->padded && i < count; i++) {
        bool after_padding = i % steps && r->input[i - 1] == 0;
        if (after_padding) r->input[i] = 0;
        else if (i % steps == 0 && r->input[i] == 0) r->input[i] = 1;
    }
}

/* A sum over y with weights that differ, or the loss. */
static leat_tensor *scalar_of(const sample *s, run *r)
{
    leat_shape shape = leat_tensor_shape(r->y);
    size_t count = leati_shape_count(&shape);
    leati_rng rng;
    leati_rng_init(&rng, 6, LEATI_RNG_TEST, 2);
    if (!r->y || count > MOST) return NULL;
    for (size_t i = 0; i < count; i++) {
        double u = leati_rng_uniform(&rng);
        bool bits = s->target && !strcmp(s->target, "bits");
        bool far = s->target && !strcmp(s->target, "far");
        r->target[i] = bits ? (u < 0.5 ? 0 : 1) : far ? (u < 0.5 ? -5 - u : 5 + u) : 0.1 + u;
        r->labels[i] = (int64_t)(4 * u);
    }
    if (!s->loss)
        return leat_sum(leat_mul(r->y, leat_constant(r->g, LEAT_DTYPE_F64, shape, r->target)), 0,
                        NULL, false);
    leat_tensor *target = NULL;
    if (r->loss->class->target == LEATI_TARGET_VALUES) {
        target = leat_constant(r->g, LEAT_DTYPE_F64, shape, r->target);
    } else if (r->loss->class->target == LEATI_TARGET_SEQUENCE) {
        const int64_t labels[] = {1, 1, 2, -1, 3, 2};
        target = leat_constant(r->g, LEAT_DTYPE_I64, LEAT_DIMS(BATCH, 2), labels);
    } else if (r->loss->class->target != LEATI_TARGET_NONE) {
        shape.rank--;
        shape.dim[shape.rank] = 0;
        target = leat_constant(r->g, LEAT_DTYPE_I64, shape, r->labels);
    }
    return r->loss->class->build(r->loss, r->y, target);
}

static void run_close(run *r)
{
    leat_graph_destroy(r->g);
    leati_network_destroy(r->n);
    leati_free(r->loss);
    leati_free(r->updates);
    free(r->weight);
    free(r->gradient);
    free(r);
}

/* Records output, scalar and gradients in f64. To be closed in any case. */
static leat_status run_open(leat_context *c, const sample *s, run **out)
{
    run *r = *out = calloc(1, sizeof *r);
    leat_status st;
    LEATI_GO(leati_network_create(c, s->layers, s->input, &r->n));
    if (s->loss) LEATI_GO(leati_loss_parse(c, s->loss, &r->loss));
    LEATI_GO(leat_graph_create(c, "cpu", &r->g));
    r->n->dtype = LEAT_DTYPE_F64;
    LEATI_GO(leati_network_open(r->n, r->g, 3));
    leat_shape shape = {.rank = s->input.rank + 1, .dim = {BATCH}};
    for (int i = 0; i < s->input.rank; i++) shape.dim[i + 1] = s->input.dim[i];
    fill_input(s, r, leati_shape_count(&shape));
    r->key[0] = 1, r->key[1] = 2;
    leati_builder b = {.graph = r->g, .training = true};
    b.key = leat_input(r->g, LEAT_DTYPE_U64, LEAT_DIMS(2), r->key);
    r->x = leat_input(r->g, LEAT_DTYPE_F64, shape, r->input);
    r->y = leati_network_build(r->n, &b, r->x);
    r->updates = b.updates;
    r->update_count = b.update_count;
    r->scalar = scalar_of(s, r);
    r->weight = calloc(r->n->weight_count + 1, sizeof *r->weight);
    r->gradient = calloc(r->n->weight_count + 1, sizeof *r->gradient);
    for (size_t i = 0; i < r->n->weight_count; i++)
        if (r->n->weight[i].trained) r->weight[r->weights++] = r->n->weight[i].read;
    r->weight[r->weights] = r->x;
    st = r->scalar ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leat_gradients(r->scalar, NULL, r->weights + 1, r->weight, r->gradient);
out:
    return st;
}

static void show(leattest *t, const sample *s, int before)
{
    if (t->failures > before) printf("    ^ %s %s\n", s->layers, s->loss ? s->loss : "");
    leat_error_clear(t->context);
}

/* ---- shapes and gradients -----------------------------------------------------------------------
 */

static double value_of(leattest *t, run *r)
{
    double v = NAN;
    CHECK_OK(leat_run(r->g, 1, &r->scalar));
    CHECK_OK(leat_get(r->scalar, &v, sizeof v));
    return v;
}

static bool compare(leattest *t, double got, double up, double down, double h, const char *what,
                    size_t i)
{
    double want = (up - down) / (2 * h);
    if (CHECK_NEAR(got, want, 2e-5, 2e-8)) return true;
    printf("    gradient %zu of %s\n", i, what);
    return false;
}

static void check_weight(leattest *t, run *r, const leati_network_weight *w, leat_tensor *gradient)
{
    static double got[MOST], values[MOST];
    size_t count = leati_shape_count(&w->shape), step = count > 40 ? count / 40 : 1;
    REQUIRE(count <= MOST);
    REQUIRE_OK(leat_run(r->g, 1, &gradient));
    REQUIRE_OK(leat_get(gradient, got, count * sizeof *got));
    REQUIRE_OK(leat_variable_get(w->variable, values, count * sizeof *values));
    for (size_t i = 0; i < count; i += step) {
        double at = values[i], h = 1e-5;
        values[i] = at + h;
        REQUIRE_OK(leat_variable_set(w->variable, values, count * sizeof *values));
        double up = value_of(t, r);
        values[i] = at - h;
        REQUIRE_OK(leat_variable_set(w->variable, values, count * sizeof *values));
        double down = value_of(t, r);
        values[i] = at;
        REQUIRE_OK(leat_variable_set(w->variable, values, count * sizeof *values));
        if (!compare(t, got[i], up, down, h, w->name, i)) return;
    }
}

static void check_input(leattest *t, const sample *s, run *r)
{
    static double got[MOST];
    leat_shape shape = leat_tensor_shape(r->x);
    size_t count = leati_shape_count(&shape);
    leat_tensor *gradient = r->gradient[r->weights];
    if (s->whole) return;
    REQUIRE_OK(leat_run(r->g, 1, &gradient));
    REQUIRE_OK(leat_get(gradient, got, count * sizeof *got));
    for (size_t i = 0; i < count; i++) {
        double at = r->input[i], h = 1e-5;
        r->input[i] = at + h;
        double up = value_of(t, r);
        r->input[i] = at - h;
        double down = value_of(t, r);
        r->input[i] = at;
        if (!compare(t, got[i], up, down, h, "the input", i)) return;
    }
}

static void check_sample(leattest *t, const sample *s)
{
    int before = t->failures;
    run *r;
    if (CHECK_OK(run_open(t->context, s, &r))) {
        if (!s->loss && !CHECK(leati_shape_equal(&r->n->output, &s->output)))
            printf("    shape %s\n", leati_shape_string(&r->n->output).text);
        for (size_t i = 0, k = 0; i < r->n->weight_count; i++)
            if (r->n->weight[i].trained) check_weight(t, r, &r->n->weight[i], r->gradient[k++]);
        check_input(t, s, r);
    }
    run_close(r);
    show(t, s, before);
}

static void layers_have_gradients(leattest *t)
{
    each_layer_sample(t, check_sample);
}

static void losses_have_gradients(leattest *t)
{
    each_loss_sample(t, check_sample);
}

static void activations_have_gradients(leattest *t)
{
    for (int i = 0; i < leati_activation_count(); i++) {
        sample s = ROW(leati_activation_name(i), S(2, 3), S(2, 3));
        if (i == 0) s.layers = "activation(none)";
        check_sample(t, &s);
    }
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static const char *wanted;
static bool found;

static void look(leattest *t, const sample *s)
{
    (void)t;
    const char *text = s->loss ? s->loss : s->layers;
    size_t n = strlen(wanted);
    for (const char *at = strstr(text, wanted); at; at = strstr(at + 1, wanted))
        found |= (at == text || at[-1] == ' ') && (!at[n] || strchr("( ;", at[n]));
}

static void every_row_has_a_sample(leattest *t)
{
    for (size_t i = 0; i < leati_layer_count(); i++) {
        wanted = leati_layer_at(i)->name;
        found = false;
        each_layer_sample(t, look);
        if (!CHECK(found)) printf("    layer %s has no sample\n", wanted);
    }
    for (size_t i = 0; i < leati_loss_count(); i++) {
        wanted = leati_loss_at(i)->name;
        found = false;
        each_loss_sample(t, look);
        if (!CHECK(found)) printf("    loss %s has no sample\n", wanted);
    }
}

/* ---- threads ------------------------------------------------------------------------------------
 */

static leat_context *contexts[3];

/* Output, scalar, gradients and states one after the other. */
static size_t all_bytes(leattest *t, leat_context *c, const sample *s, double *out)
{
    run *r;
    size_t n = 0, roots = 0;
    leat_tensor *root[128];
    if (CHECK(run_open(c, s, &r) == LEAT_OK)) {
        root[roots++] = r->y;
        root[roots++] = r->scalar;
        for (size_t i = 0; i <= r->weights && roots < 100; i++) root[roots++] = r->gradient[i];
        for (size_t i = 0; i < r->update_count && roots < 128; i++) root[roots++] = r->updates[i];
        CHECK(leat_run(r->g, roots, root) == LEAT_OK);
        for (size_t i = 0; i < roots - r->update_count; i++) {
            leat_shape shape = leat_tensor_shape(root[i]);
            size_t count = leati_shape_count(&shape);
            CHECK(leat_get(root[i], out + n, count * sizeof *out) == LEAT_OK);
            n += count;
        }
        size_t states = r->n->state_count;
        CHECK(leat_variable_get(r->n->states, out + n, states * sizeof *out) == LEAT_OK);
        n += states;
    }
    run_close(r);
    return n;
}

static void same_for_threads(leattest *t, const sample *s)
{
    static double bytes[3][1 << 16];
    int before = t->failures;
    for (int i = 0; i < 3; i++) {
        size_t n = all_bytes(t, contexts[i], s, bytes[i]);
        CHECK(i == 0 || memcmp(bytes[i], bytes[0], n * sizeof **bytes) == 0);
    }
    show(t, s, before);
}

static void equal_for_any_number_of_threads(leattest *t)
{
    static const unsigned threads[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        leat_context_options o = leat_context_options_default();
        o.threads = threads[i];
        REQUIRE_OK(leat_context_create(&contexts[i], &o));
    }
    each_layer_sample(t, same_for_threads);
    each_loss_sample(t, same_for_threads);
    for (int i = 0; i < 3; i++) leat_context_destroy(contexts[i]);
}

/* ---- memory -------------------------------------------------------------------------------------
 */

static leat_status make_and_run(leat_context *c, void *arg)
{
    run *r;
    leat_status st = run_open(c, arg, &r);
    if (st == LEAT_OK) st = leat_run(r->g, 1, &r->gradient[r->weights]);
    run_close(r);
    return st;
}

static void fail_for(leattest *t, const sample *s)
{
    sample copy = *s;
    int before = t->failures;
    leattest_fail_some_allocations(t, make_and_run, &copy);
    show(t, s, before);
}

static void failing_allocations(leattest *t)
{
    each_layer_sample(t, fail_for);
    each_loss_sample(t, fail_for);
}

/* ---- refusals -----------------------------------------------------------------------------------
 */

static void bad_networks_are_refused(leattest *t)
{
    static const struct {
        const char *layers;
        leat_shape input;
        const char *words;
    } bad[] = {
        {"", {1, {4}}, "at least one layer"},
        {";", {1, {4}}, "name of a layer"},
        {"dens(3)", {1, {4}}, "layer 1|no layer 'dens'|dense"},
        {"relu; dropot(0.1)", {1, {4}}, "layer 2|dropout"},
        {"dense(units=0)", {1, {4}}, "units|0"},
        {"dense(3, unit=2)", {1, {4}}, "layer 1|unit|units"},
        {"dense(3", {1, {4}}, "')'"},
        {"dense(3,)", {1, {4}}, "value"},
        {"dense(3, relu, true, zeros, zeros, 7)", {1, {4}}, "no more parameters"},
        {"dense(units=3, units=4)", {1, {4}}, "dense.units is given twice"},
        {"dense(3, units=4)", {1, {4}}, "dense.units is given twice"},
        {"dense(3, relu, name=a, name=b)", {1, {4}}, "dense.name is given twice"},
        {"embedding(5, 100000000); positions", {1, {4}}, "layer 2|4 by 100000000 is too large"},
        {"embedding(5, 8); multi_head_attention(2, positions=relative)",
         {1, {100000}},
         "layer 2|100000 by 100000 is too large"},
        {"dense(3) dense(4)", {1, {4}}, "';'"},
        {"residual { dense(4)", {1, {4}}, "'}'"},
        {"residual", {1, {4}}, "needs layers inside"},
        {"dense { relu }", {1, {4}}, "no layers inside"},
        {"residual { dense(5) }", {1, {4}}, "layer 1|(1, 5)"},
        {"add { dense(5); dense(4) }", {1, {4}}, "(1, 5)|(1, 4)"},
        {"dense(3, activation=rellu)", {1, {4}}, "layer 1 `dense`|no activation 'rellu'|relu"},
        {"dense(3, relu(2))", {1, {4}}, "layer 1 `dense`|no more parameters"},
        {"tanh(2)", {1, {4}}, "layer 1"},
        {"leaky_relu(much)", {1, {4}}, "negative_slope|'much'"},
        {"dense(3, elu(-1))", {1, {4}}, "elu.alpha|-1"},
        {"dense(3, kernel_initializer=glorot)", {1, {4}}, "no initializer 'glorot'"},
        {"dense(3, kernel_initializer=normal(stdev=1))", {1, {4}}, "stddev"},
        {"dense(3, kernel_initializer=normal(1)", {1, {4}}, "')'"},
        {"conv2d(3, 3)", {2, {8, 8}}, "layer 1 `conv2d`|(height, width, channels)|(8, 8)"},
        {"conv2d(3, 0)", {3, {8, 8, 1}}, "kernel_size|0"},
        {"conv2d(3, 3x3x3)", {3, {8, 8, 1}}, "kernel_size|3x3x3"},
        {"conv2d(3, 9)", {3, {8, 8, 1}}, "conv"},
        {"conv2d(3, 3, groups=2)", {3, {8, 8, 1}}, "groups"},
        {"conv2d(3, 3, padding=full)", {3, {8, 8, 1}}, "valid, same"},
        {"conv2d_transpose(3, 3, groups=2)", {3, {4, 4, 2}}, "2 groups do not divide|3 filters"},
        {"conv2d_transpose(3, 3, output_padding=1)",
         {3, {4, 4, 1}},
         "output_padding is 1|the stride, 1|the dilation, 1"},
        {"conv2d_transpose(3, 3, 2, same, output_padding=1)",
         {3, {4, 4, 1}},
         "same|padding=1, output_padding=1"},
        {"conv1d_transpose(3, 3, 2, output_padding=1x1)", {2, {4, 1}}, "output_padding|'1x1'"},
        {"max_pool2d(9)", {3, {8, 8, 1}}, "pool"},
        {"group_norm(3)", {3, {8, 8, 4}}, "3 groups"},
        {"global_average_pool", {1, {4}}, "channels"},
        {"reshape(3, 3)", {1, {4}}, "layer 1 `reshape`|(1, 3, 3)"},
        {"permute(1, 1)", {2, {4, 4}}, "once"},
        {"permute(1, 1)", {1, {4}}, "once"},
        {"permute(2, 1, 3)", {2, {4, 4}}, "dimensions 1 to 2 once"},
        {"pad(1000000000)", {1, {4}}, "low|'1000000000'|from 0 to 1000000"},
        {"upsample(1000000000)", {2, {4, 4}}, "size|from 1 to 1000000"},
        {"upsample(1000000, linear)", {3, {1000000, 1000000, 4}}, "upsample"},
        {"upsample(2, bilinear)", {2, {4, 4}}, "bilinear is for 2|there is 1|mode=linear"},
        {"upsample(2, trilinear)", {3, {4, 4, 4}}, "trilinear is for 3|there are 2|mode=linear"},
        {"upsample(2, bicubic)", {2, {4, 4}}, "bicubic is for 2|mode=cubic"},
        {"upsample(2, align_corners=true)", {2, {4, 4}}, "nearest|align_corners|mode=linear"},
        {"upsample(2, lanczos)", {2, {4, 4}}, "mode|nearest, linear"},
        {"repeat(2)", {2, {4, 4}}, "(features)"},
        {"crop(3)", {2, {4, 4}}, "nothing is left"},
        {"concat(axis=0) { relu }", {1, {4}}, "batch"},
        {"dense(3, name=a); dense(3, name=a)", {1, {4}}, "input has 3 features, weight expects 4"},
        {"lstm(4)", {1, {4}}, "(steps, features)"},
        {"multi_head_attention(3)", {2, {4, 4}}, "3 heads"},
        {"multi_head_attention(4, cross=true)", {2, {4, 4}}, "memory"},
        {"transformer_decoder(2, 8)", {2, {4, 4}}, "memory"},
        {"multi_head_attention(4, positions=rotary)", {2, {4, 4}}, "even"},
        {"positions(learned, 3)", {2, {4, 4}}, "4 steps"},
        {"dense(10000000); dense(10000000); dense(10000000)", {1, {10000000}}, ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leati_network *n = NULL;
        int before = t->failures;
        leat_status st = leati_network_create(t->context, bad[i].layers, bad[i].input, &n);
        if (*bad[i].words) CHECK_FAILS(st, st == LEAT_OK ? LEAT_INVALID : st, bad[i].words);
        if (*bad[i].words) CHECK(st == LEAT_INVALID || st == LEAT_SHAPE || st == LEAT_LIMIT);
        leati_network_destroy(n);
        if (t->failures > before) printf("    ^ %s\n", bad[i].layers);
        leat_error_clear(t->context);
    }
}

static void errors_say_where_the_layer_stands(leattest *t)
{
    leati_network *n;
    leat_shape s = LEAT_DIMS(4);
    CHECK_FAILS(leati_network_create_at(t->context, "residual { dense(4) }; reshape(3, 3)",
                                        "net.yaml:3,5,7", s, &n),
                LEAT_SHAPE, "layer 3 `reshape` (net.yaml:7)");
    CHECK_FAILS(
        leati_network_create_at(t->context, "dense(4); dense(unit=4)", "net.yaml:3,5", s, &n),
        LEAT_INVALID, "layer 2 `dense` (net.yaml:5)|'unit'");
    CHECK_FAILS(leati_network_create_at(t->context, "dens(4)", "net.yaml:3", s, &n), LEAT_INVALID,
                "layer 1 (net.yaml:3)|'dens'");
    CHECK_FAILS(leati_network_create_at(t->context, "dense(4)", "abc", s, &n), LEAT_INVALID,
                "places is 'abc'|net.yaml:4,5,6");
    CHECK_FAILS(leati_network_create_at(t->context, "dense(4)", "net.yaml:x", s, &n), LEAT_INVALID,
                "places");
}

static void deep_nesting_is_refused(leattest *t)
{
    char text[4096] = "";
    leati_network *n;
    for (int i = 0; i < 200; i++) strcat(text, "residual {");
    CHECK_FAILS(leati_network_create(t->context, text, LEAT_DIMS(4), &n), LEAT_LIMIT, "containers");
}

static void bad_losses_are_refused(leattest *t)
{
    leati_loss *l;
    CHECK_FAILS(leati_loss_parse(t->context, "crossentropy", &l), LEAT_INVALID, "cross_entropy");
    CHECK_FAILS(leati_loss_parse(t->context, "huber(delta=-1)", &l), LEAT_INVALID, "delta");
    CHECK_FAILS(leati_loss_parse(t->context, "huber(1) x", &l), LEAT_INVALID, "the end");
    CHECK_FAILS(leati_loss_for_task(t->context, "hinge", LEATI_REGRESS, &l), LEAT_INVALID,
                "not for numbers");
    CHECK_FAILS(leati_loss_for_task(t->context, "huber", LEATI_CLASSIFY, &l), LEAT_INVALID,
                "not for classes|cross_entropy, nll, mse");
    CHECK_FAILS(leati_loss_for_task(t->context, "ctc", LEATI_CLASSIFY, &l), LEAT_INVALID,
                "not for classes|leat/network.h|hinge.");
}

/* Names of Keras and PyTorch lead to those here, also where another one is written more alike. */
static void names_elsewhere_are_known(leattest *t)
{
    static const struct {
        const char *layers, *here;
    } all[] = {{"dense(8, swish)", "'silu'"},
               {"swish", "'silu'"},
               {"dense(8, linear)", "'none'"},
               {"linear(8)", "'dense'"},
               {"Conv2D(8)", "'conv2d'"},
               {"BatchNormalization", "'batch_norm'"},
               {"batch_normalization", "'batch_norm'"},
               {"BatchNorm2d", "'batch_norm'"},
               {"AvgPool2d", "'average_pool2d'"},
               {"GlobalAveragePooling2D", "'global_average_pool'"},
               {"GaussianNoise(0.1)", "'gaussian_noise'"},
               {"FeatureAlphaDropout(0.1)", "'alpha_dropout'"},
               {"dense(8, kernel_initializer=random_normal)", "'normal'"},
               {"dense(8, kernel_initializer=kaiming_normal)", "'he_normal'"}};
    static const char *const losses[][2] = {{"sparse_categorical_crossentropy", "'cross_entropy'"},
                                            {"CrossEntropyLoss", "'cross_entropy'"},
                                            {"mean_squared_error", "'mse'"},
                                            {"bce", "'bce_with_logits'"}};
    leati_network *n;
    leati_loss *l;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CHECK_FAILS(leati_network_create(t->context, all[i].layers, LEAT_DIMS(4), &n), LEAT_INVALID,
                    all[i].here);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        CHECK_FAILS(leati_loss_parse(t->context, losses[i][0], &l), LEAT_INVALID, losses[i][1]);
    CHECK_FAILS(leati_network_create(t->context, "danse(8)", LEAT_DIMS(4), &n), LEAT_INVALID,
                "'dense'"); /* as before */
}

/* ---- initial values -----------------------------------------------------------------------------
 */

static void initializers_have_their_moments(leattest *t)
{
    static const struct {
        const char *text;
        double mean, deviation, most;
    } rows[] = {{"zeros", 0, 0, 0},
                {"ones", 1, 0, 1},
                {"constant(0.25)", 0.25, 0, 0.25},
                {"uniform(0.3)", 0, 0.3 / 1.7320508, 0.3},
                {"normal(0.2, 0.5)", 0.5, 0.2, 10},
                {"truncated_normal(0.2)", 0, 0.2 * 0.8796, 0.4},
                {"glorot_uniform", 0, 0.0912871, 0.1581139},
                {"glorot_normal", 0, 0.0912871, 0.2075},
                {"he_uniform", 0, 0.1, 0.173206},
                {"he_normal", 0, 0.1, 0.22738},
                {"lecun_uniform", 0, 0.0707107, 0.122475},
                {"lecun_normal", 0, 0.0707107, 0.160779},
                {"unit_forget_bias", 0.25, 0.4330127, 1},
                {"orthogonal", 0, 1 / 14.1421, 1}};
    enum { IN = 200, OUT = 40 };
    static double x[IN * OUT], again[IN * OUT];
    CHECK_INT(sizeof rows / sizeof *rows, leati_init_count());
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        leati_init init;
        leat_shape s = LEAT_DIMS(IN, OUT);
        REQUIRE_OK(leati_init_parse(t->context, rows[k].text, &init));
        init.fan_in = IN, init.fan_out = OUT;
        REQUIRE_OK(leati_init_fill(t->context, init, &s, 1, 2, LEAT_DTYPE_F64, x));
        REQUIRE_OK(leati_init_fill(t->context, init, &s, 1, 2, LEAT_DTYPE_F64, again));
        double sum = 0, squares = 0, most = 0;
        for (int i = 0; i < IN * OUT; i++) sum += x[i], most = fmax(most, fabs(x[i]));
        for (int i = 0; i < IN * OUT; i++)
            squares += (x[i] - sum / (IN * OUT)) * (x[i] - sum / (IN * OUT));
        CHECK_NEAR(sum / (IN * OUT), rows[k].mean, 1e-12, rows[k].deviation * 4 / 89);
        if (!CHECK_NEAR(sqrt(squares / (IN * OUT)), rows[k].deviation, 0.03, 1e-12))
            printf("    %s\n", rows[k].text);
        CHECK(most <= rows[k].most * 1.0001);
        CHECK(memcmp(x, again, sizeof x) == 0);
    }
    for (int a = 0; a < OUT; a++) /* columns of the last row, orthogonal */
        for (int b = 0; b < OUT; b++) {
            double dot = 0;
            for (int i = 0; i < IN; i++) dot += x[i * OUT + a] * x[i * OUT + b];
            CHECK_NEAR(dot, a == b, 0, 1e-12);
        }
}

static double drawn_in_turn(leati_rng *rng, int kind)
{
    double x;
    if (kind == 0) return (2 * leati_rng_uniform(rng) - 1) * 0.25;
    do x = leati_rng_normal(rng);
    while (kind == 2 && fabs(x) > 2);
    return 0.5 + 0.25 * x;
}

/* Whatever the threads and the pieces: the numbers of one stream, one after another. */
static void initializers_follow_the_stream(leattest *t)
{
    static const char *const texts[] = {"uniform(0.25)", "normal(0.25, 0.5)",
                                        "truncated_normal(0.25, 0.5)"};
    static const int64_t counts[] = {1, 7, 16384, 40001, 1200003};
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        o.threads = threads;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        for (int kind = 0; kind < 3; kind++)
            for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
                size_t n = (size_t)counts[k], same = 0;
                double *x = leati_array(c, n, sizeof *x);
                float *y = leati_array(c, n, sizeof *y);
                leati_init init;
                leati_rng rng;
                REQUIRE(x && y && leati_init_parse(c, texts[kind], &init) == LEAT_OK);
                leat_shape s = LEAT_DIMS(counts[k]);
                REQUIRE(leati_init_fill(c, init, &s, 5, 3, LEAT_DTYPE_F64, x) == LEAT_OK);
                REQUIRE(leati_init_fill(c, init, &s, 5, 3, LEAT_DTYPE_F32, y) == LEAT_OK);
                leati_rng_init(&rng, 5, LEATI_RNG_INIT, 3);
                for (size_t i = 0; i < n; i++) {
                    double want = drawn_in_turn(&rng, kind);
                    same += memcmp(&x[i], &want, sizeof want) == 0 && y[i] == (float)want;
                }
                CHECK_INT(same, n);
                leati_free(x);
                leati_free(y);
            }
        leat_context_destroy(c);
    }
}

/* As torch.nn.init.orthogonal_: the shorter of (first dimension, all others) is orthogonal, so that
 * all singular values are the gain. */
static void orthogonal_takes_the_filters_as_rows(leattest *t)
{
    static const leat_shape shapes[] = {
        {.rank = 4, .dim = {12, 3, 3, 3}}, {.rank = 4, .dim = {32, 1, 3, 3}},
        {.rank = 3, .dim = {8, 4, 2}},     {.rank = 5, .dim = {4, 2, 2, 3, 2}},
        {.rank = 2, .dim = {12, 3}},       {.rank = 1, .dim = {7}}};
    double x[512];
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        leati_init init;
        size_t rows = (size_t)shapes[k].dim[0], cols = leati_shape_count(&shapes[k]) / rows;
        bool wide = shapes[k].rank > 1 && rows <= cols;
        size_t count = wide ? rows : cols, n = wide ? cols : rows;
        REQUIRE_OK(leati_init_parse(t->context, "orthogonal(2)", &init));
        REQUIRE_OK(leati_init_fill(t->context, init, &shapes[k], 1, 2, LEAT_DTYPE_F64, x));
        for (size_t a = 0; a < count; a++)
            for (size_t b = 0; b < count; b++) {
                double dot = 0;
                for (size_t i = 0; i < n; i++)
                    dot += wide ? x[a * n + i] * x[b * n + i] : x[i * cols + a] * x[i * cols + b];
                CHECK_NEAR(dot, a == b ? 4 : 0, 1e-12, 1e-12);
            }
    }
}

/* Running statistics move towards those of the batch, by the momentum. */
static void batch_norm_keeps_statistics(leattest *t)
{
    sample s = ROW("batch_norm(momentum=0.75)", S(1), S(1));
    run *r;
    if (CHECK_OK(run_open(t->context, &s, &r))) {
        double mean = 0, variance = 0, state[2];
        for (int i = 0; i < BATCH; i++) mean += r->input[i] / BATCH;
        for (int i = 0; i < BATCH; i++)
            variance += (r->input[i] - mean) * (r->input[i] - mean) / (BATCH - 1);
        CHECK_INT(r->update_count, 2);
        CHECK_OK(leat_run(r->g, r->update_count, r->updates));
        CHECK_OK(leat_variable_get(r->n->states, state, sizeof state));
        CHECK_NEAR(state[0], 0.25 * mean, 1e-12, 1e-15);
        CHECK_NEAR(state[1], 0.75 + 0.25 * variance, 1e-12, 0);
    }
    run_close(r);
}

/* The parameter is that of the text. */
static void activations_take_their_parameter(leattest *t)
{
    static const struct {
        const char *layers;
        double of_minus_1;
    } all[] = {{"leaky_relu", -0.01},
               {"leaky_relu(0.2)", -0.2},
               {"activation(leaky_relu(0.3))", -0.3},
               {"elu(0.5)", -0.31606027941427883},
               {"celu(0.5)", -0.43233235838169365},
               {"prelu", -0.25},
               {"prelu(initializer=constant(0.1))", -0.1}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sample s = ROW(all[i].layers, S(1), S(1));
        double y[BATCH];
        run *r;
        if (CHECK_OK(run_open(t->context, &s, &r))) {
            r->input[0] = -1;
            CHECK_OK(leat_run(r->g, 1, &r->y));
            CHECK_OK(leat_get(r->y, y, sizeof y));
            CHECK_NEAR(y[0], all[i].of_minus_1, 1e-12, 0);
        }
        run_close(r);
    }
}

/* A single row, as may be left of an epoch, neither becomes beta nor changes the statistics; one
 * of several places has statistics of its own. */
static void batch_norm_of_one_row(leattest *t)
{
    static const struct {
        const char *layers;
        leat_shape input;
        bool measures;
    } all[] = {{"batch_norm", {1, {2}}, false}, {"batch_norm", {2, {3, 2}}, true}};
    for (size_t i = 0; i < 2; i++) {
        leati_network *n;
        leat_graph *g;
        const float x[6] = {3, -2, 1, 0, 5, 1};
        float y[6];
        REQUIRE_OK(leati_network_create(t->context, all[i].layers, all[i].input, &n));
        REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
        REQUIRE_OK(leati_network_open(n, g, 1));
        leat_shape s = {.rank = all[i].input.rank + 1, .dim = {1}};
        for (int k = 1; k < s.rank; k++) s.dim[k] = all[i].input.dim[k - 1];
        leati_builder b = {.graph = g, .training = true};
        leat_tensor *out = leati_network_build(n, &b, leat_input(g, LEAT_DTYPE_F32, s, x));
        REQUIRE_OK(leat_run(g, 1, &out));
        REQUIRE_OK(leat_get(out, y, (all[i].measures ? 6 : 2) * sizeof *y));
        CHECK_INT(b.update_count, all[i].measures ? 2 : 0);
        CHECK((n->alone != NULL) != all[i].measures);
        if (!all[i].measures) CHECK_NEAR((double)y[0], 3, 1e-4, 0);
        else CHECK_NEAR((double)(y[0] + y[2] + y[4]), 0, 0, 1e-5);
        leati_free(b.updates);
        leat_graph_destroy(g);
        leati_network_destroy(n);
    }
}

static const leattest_case list[] = {TEST(every_row_has_a_sample),
                                     TEST(layers_have_gradients),
                                     TEST(losses_have_gradients),
                                     TEST(activations_have_gradients),
                                     TEST(equal_for_any_number_of_threads),
                                     TEST(failing_allocations),
                                     TEST(bad_networks_are_refused),
                                     TEST(deep_nesting_is_refused),
                                     TEST(errors_say_where_the_layer_stands),
                                     TEST(bad_losses_are_refused),
                                     TEST(names_elsewhere_are_known),
                                     TEST(initializers_have_their_moments),
                                     TEST(initializers_follow_the_stream),
                                     TEST(orthogonal_takes_the_filters_as_rows),
                                     TEST(batch_norm_keeps_statistics),
                                     TEST(batch_norm_of_one_row),
                                     TEST(activations_take_their_parameter)};

LEATTEST_MAIN(list)
