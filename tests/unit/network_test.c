/* The public interface of networks: a training loop of one's own. */
#include <leat/function.h>
#include <leat/network.h>

#include <math.h>

#include "support/leattest.h"
#include "tensor/shape.h"

enum { ROWS = 32 };

typedef struct loop {
    leat_graph *g;
    leat_network *n;
    leat_optimizer *o;
    leat_tensor *x, *y, *out, *loss;
    float rows[ROWS * 4];
    int64_t labels[ROWS];
} loop;

/* Three clouds that a line does not part. */
static void fill(loop *l)
{
    for (int i = 0; i < ROWS; i++) {
        l->labels[i] = i % 3;
        for (int k = 0; k < 4; k++)
            l->rows[4 * i + k] = (float)(sin(i * (k + 1) + 2.1 * (i % 3)) + (i % 3 == k));
    }
}

static leat_status open_loop(leat_context *c, loop *l, const char *layers, const char *optimizer)
{
    *l = (loop){0};
    fill(l);
    leat_status st = leat_graph_create(c, NULL, &l->g);
    if (st == LEAT_OK) st = leat_network_create(l->g, layers, LEAT_DIMS(4), 1, &l->n);
    if (st == LEAT_OK) st = leat_optimizer_create(l->n, optimizer, &l->o);
    return st;
}

static leat_status record(loop *l)
{
    l->x = leat_input(l->g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, 4), l->rows);
    l->y = leat_input(l->g, LEAT_DTYPE_I64, LEAT_DIMS(ROWS), l->labels);
    l->out = leat_network_build(l->n, l->x, true);
    l->loss = leat_network_loss(l->n, "cross_entropy", l->out, l->y);
    return leat_optimizer_record(l->o, l->loss);
}

static void close_loop(loop *l)
{
    leat_optimizer_destroy(l->o);
    leat_network_destroy(l->n);
    leat_graph_destroy(l->g);
}

static const char *const layers = "dense(16, tanh); batch_norm; dropout(0.1); dense(3)";

static double loss_of(leattest *t, loop *l)
{
    float value = NAN;
    CHECK_OK(leat_get(l->loss, &value, sizeof value));
    return (double)value;
}

static void training_lowers_the_loss(leattest *t)
{
    loop l;
    double first = 0, last = 0;
    if (CHECK_OK(open_loop(t->context, &l, layers, "adam")) && CHECK_OK(record(&l)))
        for (int step = 0; step < 300; step++) {
            CHECK_OK(leat_optimizer_run(l.o, 0.01));
            last = loss_of(t, &l);
            if (step == 0) first = last;
        }
    CHECK(first > 0.8 && last < 0.15);
    float out[3];
    leat_graph_clear(l.g);
    leat_tensor *x = leat_input(l.g, LEAT_DTYPE_F32, LEAT_DIMS(1, 4), l.rows);
    leat_tensor *y = leat_network_build(l.n, x, false);
    CHECK_OK(leat_run(l.g, 1, &y));
    CHECK_OK(leat_get(y, out, sizeof out));
    CHECK(out[0] > out[1] && out[0] > out[2]);
    CHECK_INT(leat_network_output(l.n).dim[0], 3);
    close_loop(&l);
}

/* The gradient of a weight by a read of one's own, whenever that was recorded, and what the step
 * does with it: sgd subtracts it. */
static void weights_have_gradients(leattest *t)
{
    for (int late = 0; late < 2; late++) {
        loop l;
        float gradient[12], before[12], after[12];
        if (!CHECK_OK(open_loop(t->context, &l, "dense(3)", "sgd"))) break;
        leat_variable *kernel = leat_network_variable(l.n, 0);
        leat_tensor *w = late ? NULL : leat_read(kernel), *d = NULL;
        CHECK_OK(record(&l));
        if (late) w = leat_read(kernel);
        CHECK_OK(leat_gradients(l.loss, NULL, 1, &w, &d));
        CHECK_OK(leat_run(l.g, 1, &d));
        CHECK_OK(leat_get(d, gradient, sizeof gradient));
        CHECK_OK(leat_variable_get(kernel, before, sizeof before));
        CHECK_OK(leat_optimizer_run(l.o, 0.5));
        CHECK_OK(leat_variable_get(kernel, after, sizeof after));
        for (int i = 0; i < 12; i++) {
            CHECK(gradient[i] != 0);
            CHECK_NEAR((double)after[i], (double)before[i] - 0.5 * (double)gradient[i], 1e-5, 1e-6);
        }
        close_loop(&l);
    }
}

/* Recorded once, or anew at every step: the same weights, bit for bit. */
static void recording_anew_is_the_same(leattest *t)
{
    float weights[2][64];
    for (int anew = 0; anew < 2; anew++) {
        loop l;
        memset(weights[anew], 0, sizeof *weights);
        if (CHECK_OK(open_loop(t->context, &l, layers, "sgd(momentum=0.9)"))) {
            if (!anew) CHECK_OK(record(&l));
            for (int step = 0; step < 20; step++) {
                if (anew) leat_graph_clear(l.g);
                if (anew) CHECK_OK(record(&l));
                CHECK_OK(leat_optimizer_run(l.o, 0.1));
            }
            leat_variable *kernel = leat_network_variable(l.n, 0);
            CHECK_STR(leat_variable_name(kernel), "dense_1/kernel");
            CHECK_OK(leat_variable_get(kernel, weights[anew], sizeof *weights));
        }
        close_loop(&l);
    }
    CHECK(memcmp(weights[0], weights[1], sizeof *weights) == 0);
}

/* Two builds of one network share its weights: the gradient is the sum of both. A build for
 * prediction in between changes nothing. */
static void builds_share_weights(leattest *t)
{
    float weights[2][12];
    for (int twice = 0; twice < 2; twice++) {
        loop l;
        memset(weights[twice], 0, sizeof *weights);
        if (CHECK_OK(open_loop(t->context, &l, "dense(3)", "sgd"))) {
            CHECK_OK(record(&l));
            leat_tensor *loss = leat_scale(l.loss, 2);
            if (twice) {
                leat_tensor *again = leat_network_build(l.n, l.x, true);
                loss = leat_add(l.loss, leat_network_loss(l.n, "cross_entropy", again, l.y));
                CHECK(leat_network_build(l.n, l.x, false) != NULL);
            }
            CHECK_OK(leat_optimizer_record(l.o, loss));
            CHECK_OK(leat_optimizer_run(l.o, 0.5));
            CHECK_OK(
                leat_variable_get(leat_network_variable(l.n, 0), weights[twice], sizeof *weights));
        }
        close_loop(&l);
    }
    for (int i = 0; i < 12; i++) CHECK_NEAR(weights[1][i], weights[0][i], 1e-5, 1e-7);
}

static void mistakes_are_named(leattest *t)
{
    loop l;
    leat_context *c = t->context;
    CHECK_FAILS(open_loop(c, &l, "dense(3); conv2d(2)", "adam"), LEAT_SHAPE, "layer 2 `conv2d`");
    close_loop(&l);
    CHECK_INT(
        open_loop(c, &l, "reshape(2, 2); multi_head_attention(2, 3, positions=rotary)", "adam"),
        LEAT_SHAPE);
    const char *layer = strstr(leat_error_message(c), "layer 2");
    CHECK(layer && !strstr(layer + 1, "layer 2")); /* it is named once */
    leat_error_clear(c);
    close_loop(&l);
    CHECK_INT(open_loop(c, &l, "dense(5, name=a); dense(6, name=a)", "adam"), LEAT_SHAPE);
    layer = strstr(leat_error_message(c), "layer 2"); /* neither of its weights fits */
    CHECK(layer && !strstr(layer + 1, "layer 2"));
    leat_error_clear(c);
    close_loop(&l);
    CHECK_FAILS(open_loop(c, &l, "concat(-2) { identity; identity }; dense(3)", "adam"),
                LEAT_INVALID, "layer 1 `concat`|axis -2 is the batch");
    close_loop(&l);
    CHECK_FAILS(open_loop(c, &l, "sinusoidal_positions; dense(3)", "adam"), LEAT_INVALID,
                "sinusoidal_positions|Did you mean 'positions'?");
    close_loop(&l);
    CHECK_FAILS(open_loop(c, &l, "dense(3)", "adamm"), LEAT_INVALID, "adamm|adam");
    close_loop(&l);
    REQUIRE_OK(open_loop(c, &l, "dense(3)", "adam"));
    CHECK_FAILS(leat_optimizer_run(l.o, 0.1), LEAT_INVALID, "leat_optimizer_record");
    REQUIRE_OK(record(&l));
    REQUIRE_OK(leat_optimizer_run(l.o, 0.1));
    leat_graph_clear(l.g);
    CHECK_FAILS(leat_optimizer_run(l.o, 0.1), LEAT_INVALID, "again|leat_graph_clear");
    leat_tensor *x = leat_input(l.g, LEAT_DTYPE_F32, LEAT_DIMS(2, 4), l.rows);
    CHECK(leat_network_loss(l.n, "mse", x, NULL) == NULL);
    CHECK_FAILS(leat_error_status(c), LEAT_INVALID, "mse|target");
    leat_tensor *column = leat_input(l.g, LEAT_DTYPE_F32, LEAT_DIMS(2, 1), l.rows);
    leat_tensor *list = leat_input(l.g, LEAT_DTYPE_F32, LEAT_DIMS(2), l.rows);
    CHECK(leat_network_loss(l.n, "mse", column, list) == NULL); /* not (2, 2) differences */
    CHECK_FAILS(leat_error_status(c), LEAT_SHAPE, "mse|output's shape (2, 1)|this one has (2)");
    leat_tensor *steps = leat_expand(leat_reshape(x, LEAT_DIMS(2, 1, 4)), LEAT_DIMS(2, 3, 4));
    const int64_t words[] = {1, -1, 0, 1};
    leat_tensor *labels = leat_constant(l.g, LEAT_DTYPE_I64, LEAT_DIMS(2, 2), words);
    CHECK(leat_network_loss(l.n, "ctc(blank=3)", steps, labels) != NULL);
    CHECK(leat_network_loss(l.n, "ctc(blank=4)", steps, labels) == NULL);
    CHECK_FAILS(leat_error_status(c), LEAT_INVALID, "ctc.blank is 4|4 classes, 0 to 3");
    leat_tensor *wide = leat_input(l.g, LEAT_DTYPE_F32, LEAT_DIMS(2, 5), l.rows);
    CHECK(leat_network_build(l.n, wide, true) == NULL);
    CHECK_FAILS(leat_error_status(c), LEAT_SHAPE, "input has 5 features, weight expects 4");
    close_loop(&l);
}

/* A text without a word: nothing is the largest of no step. */
static void masked_rows_are_harmless(leattest *t)
{
    static const char *const pools[] = {"global_max_pool", "global_average_pool", "lstm(3)"};
    for (int k = 0; k < 3; k++) {
        char text[128];
        leat_graph *g;
        leat_network *n;
        const float rows[8] = {0, 0, 0, 0, 1, 2, 0, 0};
        float got[4] = {0};
        snprintf(text, sizeof text, "embedding(5, 3, mask_zero=true); %s; dense(2)", pools[k]);
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        REQUIRE_OK(leat_network_create(g, text, LEAT_DIMS(4), 1, &n));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 4), rows);
        leat_tensor *y = leat_network_build(n, x, false);
        REQUIRE_OK(leat_run(g, 1, &y));
        REQUIRE_OK(leat_get(y, got, sizeof got));
        for (int i = 0; i < 4; i++) CHECK(fabsf(got[i]) < 10);
        CHECK(got[0] == 0 && got[1] == 0 && got[2] != 0);
        leat_network_destroy(n);
        leat_graph_destroy(g);
    }
}

/* No sample at all: as many answers. */
static void empty_batches_are_harmless(leattest *t)
{
    static const char *const kinds[] = {
        "flatten", "reshape(-1, 2); flatten", "conv2d(3, 2); batch_norm; max_pool2d; flatten",
        "reshape(4, -1); lstm(3)", "reshape(8, 4); multi_head_attention(2); flatten"};
    for (int k = 0; k < 5; k++) {
        char text[128];
        leat_graph *g;
        leat_network *n;
        leat_optimizer *o;
        float loss = 1;
        snprintf(text, sizeof text, "%s; dense(2)", kinds[k]);
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        REQUIRE_OK(leat_network_create(g, text, LEAT_DIMS(4, 4, 2), 1, &n));
        REQUIRE_OK(leat_optimizer_create(n, "adam", &o));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(0, 4, 4, 2), NULL);
        leat_tensor *labels = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(0), NULL);
        leat_tensor *y = leat_network_build(n, x, true);
        CHECK_INT(leat_tensor_shape(y).rank, 2);
        CHECK_INT(leat_tensor_shape(y).dim[1], 2);
        leat_tensor *mean = leat_network_loss(n, "cross_entropy", y, labels);
        leat_bind(x, &loss), leat_bind(labels, &loss);
        REQUIRE_OK(leat_optimizer_record(o, mean));
        CHECK_OK(leat_optimizer_run(o, 0.01));
        CHECK_OK(leat_get(mean, &loss, sizeof loss));
        CHECK(loss == 0);
        for (size_t i = 0; leat_network_variable(n, i); i++) {
            leat_variable *v = leat_network_variable(n, i);
            leat_shape s = leat_variable_shape(v);
            float values[512], sum = 0;
            REQUIRE_OK(leat_variable_get(v, values, leati_shape_count(&s) * sizeof *values));
            for (size_t j = 0; j < leati_shape_count(&s); j++) sum += values[j];
            CHECK(isfinite(sum));
        }
        leat_optimizer_destroy(o);
        leat_network_destroy(n);
        leat_graph_destroy(g);
    }
}

/* Mean and variance of what a layer gives of normal numbers, and whether it gives them as they are
 * once trained. */
static void noise_of(leattest *t, const char *layer, double *mean, double *variance, bool *still)
{
    enum { COUNT = 1 << 18 };
    static float got[COUNT], given[COUNT];
    leat_graph *g;
    leat_network *n;
    double sum = 0, squares = 0;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    REQUIRE_OK(leat_network_create(g, layer, LEAT_DIMS(64), 1, &n));
    leat_tensor *x = leat_random_normal(leat_random_key(g, 7, 7), 0, LEAT_DTYPE_F32,
                                        LEAT_DIMS(COUNT / 64, 64), 0, 1);
    leat_tensor *roots[] = {x, leat_network_build(n, x, true)};
    REQUIRE_OK(leat_run(g, 2, roots));
    REQUIRE_OK(leat_get(roots[0], given, sizeof given));
    REQUIRE_OK(leat_get(roots[1], got, sizeof got));
    for (size_t i = 0; i < COUNT; i++) sum += (double)got[i], squares += (double)got[i] * got[i];
    *mean = sum / COUNT;
    *variance = squares / COUNT - *mean * *mean;
    roots[1] = leat_network_build(n, x, false);
    REQUIRE_OK(leat_run(g, 2, roots));
    REQUIRE_OK(leat_get(roots[1], got, sizeof got));
    *still = memcmp(got, given, sizeof got) == 0;
    leat_network_destroy(n);
    leat_graph_destroy(g);
}

static void noise_has_the_moments_it_should(leattest *t)
{
    static const struct {
        const char *layer;
        double variance;
    } all[] = {{"gaussian_noise(0.5)", 1.25},   {"gaussian_noise(0)", 1},
               {"gaussian_dropout(0.2)", 1.25}, {"dropout(0.2)", 1.25},
               {"alpha_dropout(0.2)", 1},       {"alpha_dropout(0.7)", 1}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double mean = NAN, variance = NAN;
        bool still = false;
        noise_of(t, all[i].layer, &mean, &variance, &still);
        if (!CHECK_NEAR(mean, 0, 0, 0.012) || !CHECK_NEAR(variance, all[i].variance, 0, 0.02) ||
            !CHECK(still))
            printf("    %s\n", all[i].layer);
    }
}

/* Attention that drops out is recorded otherwise, but sees the same; a text without a word sees
 * nothing. The rate is so small that nothing is dropped. */
static void attention_sees_the_same_while_training(leattest *t)
{
    static const char *const kinds[] = {
        "embedding(5, 4, mask_zero=true); multi_head_attention(2, dropout=1e-9, use_bias=false)",
        "embedding(5, 4, mask_zero=true); multi_head_attention(2, dropout=1e-9, use_bias=false, "
        "positions=relative)",
        "embedding(5, 4, mask_zero=true); multi_head_attention(2, dropout=1e-9, use_bias=false, "
        "causal=true)",
        "embedding(5, 4); memory { identity }; crop(0, high=2); "
        "multi_head_attention(2, dropout=1e-9, use_bias=false, cross=true, causal=true)",
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    for (int k = 0; k < KINDS; k++) {
        leat_graph *g;
        leat_network *n;
        const float rows[8] = {0, 0, 0, 0, 1, 2, 3, 0};
        float got[2][32] = {{0}};
        size_t each = k == KINDS - 1 ? 8 : 16; /* numbers of a row */
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        REQUIRE_OK(leat_network_create(g, kinds[k], LEAT_DIMS(4), 1, &n));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 4), rows);
        for (int training = 0; training < 2; training++) {
            leat_tensor *y = leat_network_build(n, x, training);
            REQUIRE_OK(leat_run(g, 1, &y));
            REQUIRE_OK(leat_get(y, got[training], 2 * each * sizeof(float)));
        }
        for (size_t i = 0; i < 2 * each; i++)
            if (!CHECK_NEAR((double)got[1][i], (double)got[0][i], 1e-5, 1e-7)) break;
        for (size_t i = 0; k < KINDS - 1 && i < each; i++) CHECK(got[0][i] == 0);
        CHECK(got[0][each] != 0);
        leat_network_destroy(n);
        leat_graph_destroy(g);
    }
}

/* However deep a layer lies, its weights are its own. */
static void deep_layers_share_no_weights(leattest *t)
{
    enum { DEPTH = 30 };
    char text[DEPTH * 96 + 64] = "";
    leat_graph *g;
    leat_network *n;
    for (int i = 0; i < DEPTH; i++)
        strcat(text, "residual(name=a_name_that_takes_as_many_characters_as_there_may_be) { ");
    strcat(text, "dense(4); dense(4)");
    for (int i = 0; i < DEPTH; i++) strcat(text, " }");
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    REQUIRE_OK(leat_network_create(g, text, LEAT_DIMS(4), 1, &n));
    CHECK(leat_network_variable(n, 3) && !leat_network_variable(n, 4));
    leat_network_destroy(n);
    leat_graph_destroy(g);
}

/* Sizes that pass 64 bits when they are multiplied; run under UBSan, too. */
static void enormous_windows_are_refused(leattest *t)
{
    static const char *const huge[] = {
        "conv3d(1000000, 1000000)", "conv3d_transpose(1000000, 1000000, strides=1000000)",
        "conv3d_transpose(2, 3, strides=1000000, dilation_rate=1000000)",
        "conv3d(2, 1000000, dilation_rate=1000000, padding=same)"};
    leat_graph *g;
    leat_network *n;
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        leat_status st = leat_network_create(g, huge[i], LEAT_DIMS(900, 900, 900, 2), 1, &n);
        CHECK(st == LEAT_LIMIT || st == LEAT_SHAPE);
        CHECK(n == NULL && strstr(leat_error_message(t->context), "layer 1") != NULL);
        leat_error_clear(t->context);
        leat_graph_destroy(g);
    }
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_window w = leat_window_default();
    for (int i = 0; i < 2; i++) w.stride[i] = INT64_MAX / 2, w.dilation[i] = INT64_MAX / 2;
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 9, 9), NULL);
    leat_tensor *y = leat_conv_transpose(x, x, &w);
    CHECK_FAILS(leat_run(g, 1, &y), LEAT_INVALID, "2^30");
    leat_graph_destroy(g);
}

/* The batch is a dimension more than a tensor of eight has. */
static void samples_leave_room_for_the_batch(leattest *t)
{
    leat_graph *g;
    leat_network *n;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    CHECK_OK(leat_network_create(g, "flatten; dense(2)", LEAT_DIMS(1, 1, 1, 1, 1, 1, 3), 1, &n));
    leat_network_destroy(n);
    CHECK_FAILS(leat_network_create(g, "flatten", LEAT_DIMS(1, 1, 1, 1, 1, 1, 1, 3), 1, &n),
                LEAT_SHAPE, "7 dimensions");
    CHECK_FAILS(leat_network_create(g, "flatten", leat_shape_make(9, NULL), 1, &n), LEAT_SHAPE,
                "7 dimensions");
    leat_graph_destroy(g);
}

static void tables_are_listed(leattest *t)
{
    static const leat_network_kind kinds[] = {LEAT_NETWORK_LAYER,       LEAT_NETWORK_LOSS,
                                              LEAT_NETWORK_OPTIMIZER,   LEAT_NETWORK_ACTIVATION,
                                              LEAT_NETWORK_INITIALIZER, LEAT_NETWORK_SCHEDULE,
                                              LEAT_NETWORK_AUGMENTATION};
    for (int k = 0; k < 7; k++) {
        leat_network_part part;
        leat_param_info p;
        size_t i = 0;
        for (; leat_network_part_at(kinds[k], i, &part); i++) {
            CHECK(part.name && part.doc && *part.doc);
            for (size_t q = 0; q < part.params; q++)
                CHECK(leat_network_part_param(kinds[k], i, q, &p) && p.name && *p.doc);
            CHECK(!leat_network_part_param(kinds[k], i, part.params, &p));
        }
        CHECK(i >= 3);
    }
}

static leat_status train_once(leat_context *c, void *arg)
{
    (void)arg;
    loop l;
    leat_status st = open_loop(c, &l, layers, "adam");
    if (st == LEAT_OK) st = record(&l);
    if (st == LEAT_OK) st = leat_optimizer_run(l.o, 0.01);
    close_loop(&l);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_some_allocations(t, train_once, NULL);
}

static const leattest_case list[] = {TEST(training_lowers_the_loss),
                                     TEST(recording_anew_is_the_same),
                                     TEST(weights_have_gradients),
                                     TEST(builds_share_weights),
                                     TEST(mistakes_are_named),
                                     TEST(masked_rows_are_harmless),
                                     TEST(empty_batches_are_harmless),
                                     TEST(attention_sees_the_same_while_training),
                                     TEST(deep_layers_share_no_weights),
                                     TEST(tables_are_listed),
                                     TEST(enormous_windows_are_refused),
                                     TEST(samples_leave_room_for_the_batch),
                                     TEST(noise_has_the_moments_it_should),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
