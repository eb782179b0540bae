/* Class weights in all the forms of a list, and probabilities by the loss of a network. */
#include "support/leattest.h"

#include <leat/network.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/estimator.h"
#include "nn/class_outputs.h"
#include "nn/loss.h"

/* ---- class weights --------------------------------------------------------------------------- */

enum { ROWS = 4, CLASSES = 3 };

static leat_status loss_seen(leat_context *c, const char *text, const leati_dataset *d, float *out)
{
    static const float logits[ROWS * CLASSES] = {1, 2, 3, 0, -1, 1, 2, 0, 0, 1, 1, 0};
    static const int64_t labels[ROWS] = {0, 1, 2, 1};
    leat_graph *g;
    leati_loss *l = NULL;
    LEATI_TRY(leat_graph_create(c, "cpu", &g));
    leat_status st = leati_loss_parse(c, text, &l);
    if (st == LEAT_OK && d) st = leati_loss_see(c, l, d);
    if (st == LEAT_OK) {
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, CLASSES), logits);
        leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(ROWS), labels);
        leat_tensor *loss = l->class->build(l, x, y);
        st = loss ? leat_run(g, 1, &loss) : leat_error_status(c);
        if (st == LEAT_OK) st = leat_get(loss, out, sizeof *out);
    }
    leati_free(l);
    leat_graph_destroy(g);
    return st;
}

static leat_status loss_of(leat_context *c, const char *text, float *out)
{
    return loss_seen(c, text, NULL, out);
}

static void weights_in_all_forms(leattest *t)
{
    static const char *const forms[] = {"cross_entropy(class_weights=[1, 2, 5])",
                                        "cross_entropy(class_weights=1,2,5)",
                                        "cross_entropy(class_weights=1, 2, 5, ignore_index=-7)",
                                        "cross_entropy(ignore_index=-7, class_weights=1,2,5)",
                                        "cross_entropy(class_weights=\"1,2,5\")",
                                        "cross_entropy(class_weights='1, 2, 5', ignore_index=-7)",
                                        "cross_entropy(class_weights=1x2x5)",
                                        "cross_entropy(0, 1, 2, 5)",
                                        "cross_entropy(0, [1, 2, 5], -7)"};
    float plain, first, other;
    REQUIRE_OK(loss_of(t->context, "cross_entropy", &plain));
    REQUIRE_OK(loss_of(t->context, forms[0], &first));
    CHECK(fabsf(plain - first) > 0.01f);
    for (size_t i = 1; i < sizeof forms / sizeof *forms; i++) {
        if (!CHECK_OK(loss_of(t->context, forms[i], &other)) || !CHECK(other == first))
            printf("    %s\n", forms[i]);
        leat_error_clear(t->context);
    }
}

static void wrong_weights(leattest *t)
{
    static const char *const bad[][2] = {
        {"cross_entropy(class_weights=1,2)", "2 numbers, '1,2', for 3 classes"},
        {"cross_entropy(class_weights=7)", "1 number, '7', for 3 classes"},
        {"nll(class_weights=[1, 2, 3, 4])", "nll.class_weights|4 numbers"},
        {"cross_entropy(class_weights=[1, -2, 3])", "at least 0"},
        {"cross_entropy(class_weights=[0, 0, 0])", "not all of them 0"},
        {"cross_entropy(class_weights=some)", "'some'|balanced"},
        {"cross_entropy(class_weights=[1, two, 3])", "'[1, two, 3]'"},
        {"cross_entropy(class_weights=\"1, 2)", "the value of the parameter"},
        {"cross_entropy(label_smoothing=0, 0, label_smoothing=0)", "given twice"}};
    float out;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!CHECK_FAILS(loss_of(t->context, bad[i][0], &out), LEAT_INVALID, bad[i][1]))
            printf("    %s\n", bad[i][0]);
}

/* A fold that lacks the second class keeps the weights of the others. */
static void weights_of_a_fold(leattest *t)
{
    static const uint32_t named[] = {0, 2}, label[] = {0, 1};
    static const double x[] = {1, 2};
    leati_dataset d = {.x = {.rows = 2, .cols = 1, .stride = 1, .f64 = x},
                       .label = label,
                       .classes = 2,
                       .named = named};
    leati_loss *l;
    REQUIRE_OK(leati_loss_parse(t->context, "cross_entropy(class_weights=1,2,5)", &l));
    CHECK_OK(leati_loss_see(t->context, l, &d));
    leati_free(l);
    REQUIRE_OK(leati_loss_parse(t->context, "cross_entropy(class_weights=1,2)", &l));
    CHECK_FAILS(leati_loss_see(t->context, l, &d), LEAT_INVALID, "2 numbers");
    d.named = NULL;
    CHECK_OK(leati_loss_see(t->context, l, &d));
    leati_free(l);
}

static void weights_by_name(leattest *t)
{
    static const uint32_t named[] = {0, 2}, label[] = {0, 1, 2};
    static const double x[] = {1, 2, 3};
    static char *names[] = {"no", "yes please", "maybe"};
    leati_dataset d = {.x = {.rows = 3, .cols = 1, .stride = 1, .f64 = x},
                       .label = label,
                       .classes = 3,
                       .class_names = names};
    static const char *const bad[][2] = {
        {"cross_entropy(class_weights='no=2, nope=3')", "names 'nope'|no class|'no'"},
        {"cross_entropy(class_weights='no=-2')", "'no=-2'|at least 0"},
        {"cross_entropy(class_weights='no=2, maybe')", "'maybe'"},
        {"cross_entropy(class_weights='no=0, maybe=0, yes please=0')", "above 0"}};
    leati_loss *l;
    float want, got = NAN;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REQUIRE_OK(leati_loss_parse(t->context, bad[i][0], &l));
        CHECK_FAILS(leati_loss_see(t->context, l, &d), LEAT_INVALID, bad[i][1]);
        leati_free(l);
    }
    REQUIRE_OK(loss_seen(t->context, "cross_entropy(class_weights=[1, 2.5, 5])", &d, &want));
    CHECK_OK(loss_seen(t->context, "cross_entropy(class_weights='maybe=5, yes please = 2.5')", &d,
                       &got));
    CHECK(got == want);
    REQUIRE_OK(leati_loss_parse(t->context, "nll(class_weights='yes please=2, maybe=3')", &l));
    d.named = named, d.classes = 2; /* a fold without the second */
    CHECK_OK(leati_loss_see(t->context, l, &d));
    CHECK_FAILS(leati_loss_see(t->context, l, NULL), LEAT_UNSUPPORTED, "by name|[1, 2, 5]");
    leati_free(l);
}

/* ---- probabilities --------------------------------------------------------------------------- */

static void check_both(leattest *t, leati_class_outputs kind, const float *z, size_t n,
                       const double *want)
{
    double out[8], recorded[8], sum = 0, wide[8];
    leat_graph *g;
    leati_class_probabilities(kind, z, n, out);
    for (size_t i = 0; i < n; i++) {
        wide[i] = (double)z[i];
        sum += out[i];
        CHECK(out[i] >= 0);
        if (want) CHECK_NEAR(out[i], want[i], 1e-14, 1e-300);
    }
    CHECK_NEAR(sum, 1, 1e-14, 0);
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(1, (int64_t)n), wide);
    leat_tensor *y = leati_class_probabilities_record(kind, x);
    if (CHECK(y) && CHECK_OK(leat_run(g, 1, &y)) &&
        CHECK_OK(leat_get(y, recorded, n * sizeof *out)))
        for (size_t i = 0; i < n; i++) CHECK_NEAR(recorded[i], out[i], 1e-12, 1e-15);
    leat_graph_destroy(g);
}

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static void formulas(leattest *t)
{
    const float z[] = {1.5f, -0.25f, 0.5f};
    double e[3], s[3], sums[2] = {0};
    for (int i = 0; i < 3; i++) {
        sums[0] += e[i] = exp((double)z[i]);
        sums[1] += s[i] = sigmoid((double)z[i]);
    }
    for (int i = 0; i < 3; i++) e[i] /= sums[0], s[i] /= sums[1];
    check_both(t, LEATI_OUTPUTS_LOGITS, z, 3, e);
    check_both(t, LEATI_OUTPUTS_ONE_TO_REST, z, 3, s);
    /* no class at all is likely: still in proportion */
    const float low[] = {-2000, -2001};
    const double share = 1 / (1 + exp(-1));
    check_both(t, LEATI_OUTPUTS_ONE_TO_REST, low, 2, (const double[]){share, 1 - share});
    check_both(t, LEATI_OUTPUTS_SHARES, z, 3, (const double[]){1, 0, 0});
    check_both(t, LEATI_OUTPUTS_SHARES, (const float[]){0.25f, 0.5f, 0.25f}, 3,
               (const double[]){0.25, 0.5, 0.25});
    check_both(t, LEATI_OUTPUTS_SHARES, (const float[]){0.5f, 0.75f, -0.5f}, 3,
               (const double[]){0.375, 0.625, 0});
    check_both(t, LEATI_OUTPUTS_SHARES, (const float[]){-8, -8, -9, -8}, 4,
               (const double[]){1.0 / 3, 1.0 / 3, 0, 1.0 / 3});
    check_both(t, LEATI_OUTPUTS_SHARES, (const float[]){3}, 1, (const double[]){1});
    double nan[2];
    leati_class_probabilities(LEATI_OUTPUTS_SHARES, (const float[]){NAN, 1}, 2, nan);
    CHECK(isnan(nan[0]));
}

/* ---- networks -------------------------------------------------------------------------------- */

enum { SAMPLES = 60 };

typedef struct fitted {
    leati_estimator *e;
    double proba[SAMPLES * CLASSES], value[SAMPLES];
} fitted;

/* Three heaps of points in a plane. */
static leati_dataset points(double *x, uint32_t *label)
{
    for (uint32_t i = 0; i < SAMPLES; i++) {
        label[i] = i % CLASSES;
        x[2 * i] = 2 * (label[i] == 1) + 0.3 * sin(i * 1.7);
        x[2 * i + 1] = 2 * (label[i] == 2) + 0.3 * cos(i * 2.3);
    }
    return (leati_dataset){.x = {.rows = SAMPLES, .cols = 2, .stride = 2, .f64 = x},
                           .task = LEATI_CLASSIFY,
                           .label = label,
                           .classes = CLASSES,
                           .seed = 3};
}

static leat_status fit(leat_context *c, const char *loss, const char *layers,
                       const leati_dataset *d, leati_estimator **out)
{
    leati_estimator *e;
    LEATI_TRY(leati_estimator_create(c, &e, leati_estimator_class_find("network")));
    leat_status st = leati_estimator_set(c, e, "loss", loss);
    if (st == LEAT_OK && layers) st = leati_estimator_set(c, e, "layers", layers);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "epochs", "60");
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "learning_rate", "0.02");
    if (st == LEAT_OK) st = leati_estimator_fit(c, e, d);
    if (st == LEAT_OK) *out = e;
    else leati_estimator_destroy(e);
    return st;
}

/* Probabilities that are what they say: the class is the likeliest, the log loss far below that of
 * no knowledge, log 3, and what all sessions of the model give. */
static void likely(leattest *t)
{
    static const char *const losses[][2] = {{"cross_entropy", NULL},
                                            {"bce_with_logits", NULL},
                                            {"mse", NULL},
                                            {"mse", "dense(16, relu); dense(3, softmax)"},
                                            {"mse", "dense(16, relu); dense(3); softmax"},
                                            {"nll", NULL},
                                            {"nll", "dense(16, relu); dense(3, log_softmax)"},
                                            {"nll", "dense(16, relu); dense(3); log_softmax"},
                                            {"kl", NULL},
                                            {"cross_entropy(class_weights=1,1,2)", NULL}};
    double x[2 * SAMPLES], proba[SAMPLES * CLASSES], value[SAMPLES], again[SAMPLES * CLASSES];
    uint32_t label[SAMPLES];
    leati_dataset d = points(x, label);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        leati_estimator *e;
        int before = t->failures;
        if (CHECK_OK(fit(t->context, losses[i][0], losses[i][1], &d, &e))) {
            double loss = 0;
            CHECK(leati_estimator_has_proba(e));
            CHECK_OK(leati_estimator_answer(t->context, e, &d.x, value, proba));
            CHECK_OK(leati_estimator_scores(t->context, e, &d.x, again));
            CHECK(memcmp(proba, again, sizeof proba) == 0);
            for (size_t r = 0; r < SAMPLES; r++) {
                const double *p = proba + r * CLASSES;
                CHECK_NEAR(p[0] + p[1] + p[2], 1, 1e-12, 0);
                for (size_t k = 0; k < CLASSES; k++)
                    CHECK(p[k] >= 0 && p[k] <= p[(size_t)value[r]]);
                loss -= log(fmax(p[label[r]], 1e-15)) / SAMPLES;
            }
            if (!CHECK(loss < 0.3)) printf("    log loss %g\n", loss);
            leati_estimator_destroy(e);
        }
        if (t->failures > before)
            printf("    %s %s\n", losses[i][0], losses[i][1] ? losses[i][1] : "");
        leat_error_clear(t->context);
    }
}

static void scores_only(leattest *t)
{
    static const char *const losses[] = {"hinge", "mae"};
    double x[2 * SAMPLES], score[SAMPLES * CLASSES], value[SAMPLES];
    uint32_t label[SAMPLES];
    leati_dataset d = points(x, label);
    for (size_t i = 0; i < 2; i++) {
        leati_estimator *e;
        size_t right = 0;
        REQUIRE_OK(fit(t->context, losses[i], NULL, &d, &e));
        CHECK(!leati_estimator_has_proba(e) && leati_estimator_has_scores(e));
        CHECK_FAILS(leati_estimator_proba(t->context, e, &d.x, score), LEAT_UNSUPPORTED,
                    "gives no probabilities|network.loss=cross_entropy");
        CHECK_FAILS(leati_estimator_answer(t->context, e, &d.x, value, score), LEAT_UNSUPPORTED,
                    losses[i]);
        CHECK_OK(leati_estimator_scores(t->context, e, &d.x, score));
        CHECK_OK(leati_estimator_predict(t->context, e, &d.x, value));
        for (size_t r = 0; r < SAMPLES; r++) {
            const double *s = score + r * CLASSES;
            for (size_t k = 0; k < CLASSES; k++) CHECK(s[k] <= s[(size_t)value[r]]);
            right += (uint32_t)value[r] == label[r];
        }
        CHECK(right > SAMPLES * 9 / 10);
        leati_estimator_destroy(e);
    }
}

static void ends_of_layers(leattest *t)
{
    double x[2 * SAMPLES];
    uint32_t label[SAMPLES];
    leati_dataset d = points(x, label);
    leati_estimator *e;
    CHECK_FAILS(fit(t->context, "cross_entropy", "dense(3, softmax)", &d, &e), LEAT_INVALID,
                "the loss takes logits");
    CHECK_FAILS(fit(t->context, "cross_entropy(class_weights=1,2)", NULL, &d, &e), LEAT_INVALID,
                "2 numbers|3 classes");
}

/* A second dense layer behind one that is for the target, unless it is asked for. */
static void no_second_head(leattest *t)
{
    static const char *const bad[][3] = {
        {"cross_entropy", "dense(8); dense(3); softmax",
         "layer 3 `activation` ends dense(3)|with softmax|takes logits|network.head=dense"},
        {"cross_entropy", "dense(3); log_softmax", "layer 2|log_softmax"},
        {"cross_entropy", "dense(3, log_softmax)", "layer 1 `dense`|log_softmax"},
        {"hinge", "dense(3); sigmoid", "the loss hinge takes logits"},
        {"cross_entropy", "dense(8); dense(3); dropout(0.5)",
         "layer 3 `dropout` stands behind dense(3)"},
        {"cross_entropy", "dense(3); gaussian_noise", "layer 2 `gaussian_noise` stands behind"},
        {"cross_entropy", "dense(3, relu)", "with relu"},
        {"cross_entropy", "dense(3, relu); dropout(0.5)", "layer 2 `dropout`"},
        {"nll", "dense(3, softmax)", "log_softmax, which is added"},
        {"cross_entropy", "dense(8); dense(1)", "layer 2 `dense`|1 number|3 classes"},
        {"cross_entropy", "dense(8); dense(1, sigmoid)", "dense(3)"}};
    static const char *const good[] = {"dense(3)", "dense(8, relu); dropout(0.1)",
                                       "dense(3); dense(8)", "residual { dense(2) }"};
    double x[2 * SAMPLES];
    uint32_t label[SAMPLES];
    leati_dataset d = points(x, label);
    leati_estimator *e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!CHECK_FAILS(fit(t->context, bad[i][0], bad[i][1], &d, &e), LEAT_INVALID, bad[i][2]))
            printf("    %s\n", bad[i][1]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!CHECK_OK(fit(t->context, "cross_entropy", good[i], &d, &e))) continue;
        leati_estimator_destroy(e);
    }
}

/* A loop of one's own has no table to balance by. */
static void balanced_in_a_loop(leattest *t)
{
    leat_graph *g;
    leat_network *n;
    static const float x[] = {1, 2, 3, 4};
    static const int64_t y[] = {0, 1};
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    REQUIRE_OK(leat_network_create(g, "dense(2)", LEAT_DIMS(2), 1, &n));
    leat_tensor *out =
        leat_network_build(n, leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 2), x), true);
    leat_tensor *labels = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), y);
    CHECK(leat_network_loss(n, "cross_entropy(class_weights=1,2)", out, labels));
    CHECK(!leat_network_loss(n, "cross_entropy(class_weights=balanced)", out, labels));
    CHECK_FAILS(leat_error_status(t->context), LEAT_UNSUPPORTED,
                "balanced|class_weights=[1, 2, 5]");
    leat_network_destroy(n);
    leat_graph_destroy(g);
}

static const leattest_case list[] = {
    TEST(weights_in_all_forms), TEST(wrong_weights),  TEST(weights_of_a_fold),
    TEST(weights_by_name),      TEST(formulas),       TEST(likely),
    TEST(scores_only),          TEST(ends_of_layers), TEST(no_second_head),
    TEST(balanced_in_a_loop)};

LEATTEST_MAIN(list)
