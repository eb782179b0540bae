/* Networks in settings files: what YAML becomes, and what is refused. */
#include "support/leattest.h"

#include "workflow/settings.h"

static leat_status parse(leat_context *c, leat_settings **s, const char *text)
{
    return leati_settings_parse(c, s, text, strlen(text), "dir/net.yaml");
}

static const char *const convolutions =
    "data: x.csv\n"
    "network:\n"
    "  layers:\n"
    "    - conv2d: {filters: 32, kernel_size: [3, 5], kernel_initializer: {normal: {stddev: "
    "0.1}}}\n"
    "    - max_pool2d: 2\n"
    "    - residual:\n"
    "        - dense(8)\n"
    "        - relu\n"
    "    - concat: {axis: 1, layers: [identity, sequence: [tanh]]}\n"
    "    - reshape: [2, 3]\n"
    "    - flatten\n"
    "    - relu:\n"
    "  loss: {cross_entropy: {label_smoothing: 0.1, class_weights: [1, 2]}}\n"
    "  optimizer: [adam, sgd]\n"
    "  input: [28, 28, 1]\n"
    "  batch_size: [16, 32]\n"
    "set: {svc: {C: 1}}\n";

static void layers_become_one_text(leattest *t)
{
    leat_settings *s;
    REQUIRE_OK(parse(t->context, &s, convolutions));
    CHECK_INT(leat_settings_count(s, "network"), 1);
    CHECK_STR(leat_settings_value(s, "set", 0),
              "network.layers=conv2d(filters=32, kernel_size=[3, 5], "
              "kernel_initializer=normal(stddev=0.1)); max_pool2d(2); residual { dense(8); relu }; "
              "concat(axis=1) { identity; sequence { tanh } }; reshape(2, 3); flatten; relu");
    CHECK_STR(leat_settings_value(s, "set", 1),
              "network.places=net.yaml:4,5,6,7,8,9,9,9,9,10,11,12");
    CHECK_STR(leat_settings_value(s, "set", 2),
              "network.loss=cross_entropy(label_smoothing=0.1, class_weights=[1, 2])");
    CHECK_STR(leat_settings_value(s, "set", 3), "network.optimizer=adam | sgd");
    CHECK_STR(leat_settings_value(s, "set", 4), "network.input=28x28x1");
    CHECK_STR(leat_settings_value(s, "set", 5), "network.batch_size=16,32");
    CHECK_STR(leat_settings_value(s, "set", 6), "svc.C=1");
    leat_settings_destroy(s);
}

/* A text that holds several values stays one: "1, 2" is in quotes, normal(0.1) is not. */
static void texts_stay_whole(leattest *t)
{
    leat_settings *s;
    REQUIRE_OK(
        parse(t->context, &s,
              "network:\n"
              "  loss: {cross_entropy: {class_weights: \"1, 2\", label_smoothing: 0.1}}\n"
              "  layers:\n"
              "    - conv2d: {filters: 3, kernel_size: '3,5', kernel_initializer: normal(0.1)}\n"
              "    - concat: {axis: '1', layers: [relu]}\n"
              "  optimizer: sgd(momentum=0.9, nesterov=true)\n"
              "  augment: {flip: true, crop: 4}\n"));
    CHECK_STR(leat_settings_value(s, "set", 0),
              "network.loss=cross_entropy(class_weights=\"1, 2\", label_smoothing=0.1)");
    CHECK_STR(leat_settings_value(s, "set", 1),
              "network.layers=conv2d(filters=3, kernel_size=\"3,5\", "
              "kernel_initializer=normal(0.1)); concat(axis=1) { relu }");
    CHECK_STR(leat_settings_value(s, "set", 3),
              "network.optimizer=sgd(momentum=0.9, nesterov=true)");
    CHECK_STR(leat_settings_value(s, "set", 4), "network.augment=flip=true, crop=4");
    leat_settings_destroy(s);
}

static void check_last(leattest *t, const char *yaml, const char *want)
{
    leat_settings *s;
    char text[512];
    snprintf(text, sizeof text, "network:\n  %s\n", yaml);
    REQUIRE_OK(parse(t->context, &s, text));
    CHECK_STR(leat_settings_value(s, "set", 0), want);
    leat_settings_destroy(s);
}

/* A list is several changes, unless its items are such lists themselves. */
static void changes_of_images(leattest *t)
{
    check_last(t, "augment: [flip, crop=4]", "network.augment=flip, crop=4");
    check_last(t, "augment: [flip, crop: 4, {rotate: 10}]",
               "network.augment=flip, crop=4, rotate=10");
    check_last(t, "augment: [flip]", "network.augment=flip");
    check_last(t, "augment: [none, flip]", "network.augment=none | flip");
    check_last(t, "augment: [flip, 'flip, crop=4']", "network.augment=flip | flip, crop=4");
    leat_settings *s;
    CHECK_FAILS(parse(t->context, &s, "network:\n  augment: [[flip]]\n"), LEAT_FORMAT,
                "net.yaml:2|a change of images");
}

static void weights_by_class(leattest *t)
{
    check_last(t, "loss: {cross_entropy: {class_weights: {setosa: 1, 'a b': 2.5}}}",
               "network.loss=cross_entropy(class_weights=\"setosa=1, a b=2.5\")");
    leat_settings *s;
    CHECK_FAILS(
        parse(t->context, &s, "network:\n  loss: {nll: {class_weights: {'a,b': 1, c: 2}}}\n"),
        LEAT_FORMAT, "net.yaml:2|without comma");
    CHECK_FAILS(parse(t->context, &s, "network:\n  loss: {nll: {class_weights: {}}}\n"),
                LEAT_FORMAT, "net.yaml:2|{yes: 2, no: 1}");
}

static void refusals(leattest *t)
{
    static const char *const bad[][2] = {
        {"network:\n  layers:\n    - [a]\n", "net.yaml:3|a layer, as in"},
        {"network:\n  layers:\n    - {dense: 3, relu: 4}\n", "net.yaml:3|one layer"},
        {"network:\n  layers:\n    - dense(3); relu\n", "net.yaml:3|one layer"},
        {"network:\n  layers:\n    - residual: 3\n", "net.yaml:3|a list of layers"},
        {"network:\n  layers:\n    - concat: {axis: 1}\n", "net.yaml:3|layers: [...]"},
        {"network:\n  layers:\n    - concat: {layers: [relu], axis: 1}\n",
         "last of the parameters"},
        {"network:\n  ? [a]\n  : b\n", "name of a parameter"},
        {"network:\n  layers: []\n", "net.yaml:2|'network.layers' has no value"},
        {"network:\n  epochs: 1\n  units: 3\n  epochs: 2\n",
         "net.yaml:4|'network.epochs' is set twice"},
        {"set:\n  svc: {C: 1}\n  knn:\n    p: 1\n    p: 2\n", "net.yaml:5|'knn.p' is set twice"},
        {"network:\n  epochs: 1\nnetwork:\n  epochs: 2\n", "set twice"},
        {"network:\n  loss: {a: {b: {c: {d: 1}, e: 2}}}\n", "one name"}};
    leat_settings *s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_FAILS(parse(t->context, &s, bad[i][0]), LEAT_FORMAT, bad[i][1]);
    char deep[1024] = "network: {layers: [";
    for (int i = 0; i < 60; i++) strcat(deep, "residual: [");
    CHECK_FAILS(parse(t->context, &s, deep), LEAT_LIMIT, "inside each other");
}

static leat_status parse_once(leat_context *c, void *arg)
{
    (void)arg;
    leat_settings *s;
    leat_status st = parse(c, &s, convolutions);
    leat_settings_destroy(s);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, parse_once, NULL);
}

static const leattest_case list[] = {
    TEST(layers_become_one_text), TEST(texts_stay_whole), TEST(changes_of_images),
    TEST(weights_by_class),       TEST(refusals),         TEST(allocation_failures)};

LEATTEST_MAIN(list)
