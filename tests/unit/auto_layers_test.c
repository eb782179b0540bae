/* The layers that a network chooses where nobody wrote them. */
#include "support/leattest.h"

#include "learn/estimator.h"

enum { ROWS = 24, MOST = 20 * 20 * 3 };

typedef struct table {
    float x[ROWS * MOST];
    uint32_t label[ROWS];
} table;

static leati_dataset dataset(table *t, size_t features)
{
    static leati_feature names[MOST];
    for (size_t i = 0; i < ROWS * features; i++) t->x[i] = (float)((i * 7919) % 101) / 101;
    for (size_t i = 0; i < ROWS; i++) t->label[i] = (uint32_t)(i % 3);
    return (leati_dataset){
        .x = {.f32 = t->x, .rows = ROWS, .cols = features, .stride = features, .finite = true},
        .features = names,
        .task = LEATI_CLASSIFY,
        .label = t->label,
        .classes = 3,
        .seed = 1};
}

static leati_estimator *network(leat_context *c, const char *const *set)
{
    leati_estimator *e = NULL;
    leat_status st = leati_estimator_create(c, &e, leati_estimator_class_find("network"));
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "epochs", "1");
    for (; st == LEAT_OK && *set; set += 2) st = leati_estimator_set(c, e, set[0], set[1]);
    if (st == LEAT_OK) return e;
    leati_estimator_destroy(e);
    return NULL;
}

/* Learns, and gives the layers that it chose in `layers`. */
static void learn(leattest *t, const leati_dataset *d, const char *const *set, char *layers)
{
    leati_estimator *e = network(t->context, set);
    double answer[ROWS];
    REQUIRE(e);
    *layers = '\0';
    if (CHECK_OK(leati_estimator_fit(t->context, e, d))) {
        CHECK_OK(leati_estimator_predict(t->context, e, &d->x, answer));
        leati_param_get(leati_param_find(e->class->params, "layers"), e, layers, LEATI_TEXT_PARAM);
    }
    leati_estimator_destroy(e);
}

#define IMAGE_20                                                                                   \
    "conv2d(16, 3, padding=same, activation=relu); max_pool2d(2); "                                \
    "conv2d(32, 3, padding=same, activation=relu); max_pool2d(2); flatten; "

static void by_shape(leattest *t)
{
    static const struct {
        size_t features;
        const char *set[7], *layers;
    } cases[] = {{12, {"input", "auto"}, "auto"},
                 {12, {"input", "12"}, "auto"},
                 {1200, {"input", "20x20x3"}, IMAGE_20 "dense(64, relu)"},
                 {400,
                  {"input", "20x20x1", "units", "5", "hidden_layers", "2"},
                  IMAGE_20 "dense(5, relu); dense(5, relu)"},
                 {64,
                  {"input", "8x8x1", "hidden_layers", "0"},
                  "conv2d(16, 3, padding=same, activation=relu); max_pool2d(2); flatten"},
                 {70, {"input", "7x10x1"}, "flatten; dense(64, relu)"},
                 {64, {"input", "8x8"}, "lstm(64); dense(64, relu)"},
                 {64, {"input", "1x64"}, "flatten; dense(64, relu)"},
                 {16, {"input", "2x2x2x2"}, "flatten; dense(64, relu)"},
                 {1200, {"input", "20x20x3", "layers", "flatten"}, "flatten"}};
    static table data;
    static char layers[LEATI_TEXT_PARAM];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_dataset d = dataset(&data, cases[i].features);
        learn(t, &d, cases[i].set, layers);
        CHECK_STR(layers, cases[i].layers);
    }
}

/* What is known of a table of images counts too. */
static void of_images(leattest *t)
{
    static table data;
    static char layers[LEATI_TEXT_PARAM];
    const char *plain[] = {"epochs", "1", NULL}, *flip[] = {"augment", "flip", NULL},
               *grey[] = {"input", "20x20", NULL};
    leati_dataset d = dataset(&data, 400);
    d.image[0] = d.image[1] = 20, d.image[2] = 1;
    learn(t, &d, plain, layers);
    CHECK_STR(layers, "auto");
    learn(t, &d, flip, layers);
    CHECK_STR(layers, IMAGE_20 "dense(64, relu)");
    learn(t, &d, grey, layers);
    CHECK_STR(layers, "reshape(20, 20, 1); " IMAGE_20 "dense(64, relu)");
}

/* The numbers of tokens are looked up. */
static void of_texts(leattest *t)
{
    static table data;
    static char layers[LEATI_TEXT_PARAM];
    const char *plain[] = {"units", "3", NULL}, *own[] = {"layers", "dense(2)", NULL};
    leati_dataset d = dataset(&data, 4);
    for (size_t i = 0; i < ROWS * 4; i++) data.x[i] = (float)(i % 7);
    d.tokens = 7;
    learn(t, &d, plain, layers);
    CHECK_STR(layers, "embedding(7, 64, mask_zero=true); global_average_pool; dense(3, relu)");
    learn(t, &d, own, layers);
    CHECK_STR(layers, "dense(2)");
}

static void too_many(leattest *t)
{
    static table data;
    const char *set[] = {"input", "8x8x1", "hidden_layers", "1000", NULL};
    leati_dataset d = dataset(&data, 64);
    leati_estimator *e = network(t->context, set);
    REQUIRE(e);
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID,
                "network.hidden_layers is 1000|8x8x1|take fewer");
    leati_estimator_destroy(e);
}

static const leattest_case cases[] = {TEST(by_shape), TEST(of_images), TEST(of_texts),
                                      TEST(too_many)};
LEATTEST_MAIN(cases)
