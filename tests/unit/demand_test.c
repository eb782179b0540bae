/* What layers ask of the values of their input: tokens, and padding at the end. */
#include <leat/network.h>

#include "learn/estimator.h"
#include "support/leattest.h"

enum { ROWS = 6, STEPS = 4 };

static const double good[ROWS * STEPS] = {1, 2, 0, 0, 3, 0, 0, 0, 1, 1, 1, 1,
                                          0, 0, 0, 0, 2, 3, 4, 0, 4, 4, 0, 0};
static const uint32_t label[ROWS] = {0, 1, 0, 1, 0, 1};

static leati_dataset data_of(const double *x)
{
    return (leati_dataset){.x = {.f64 = x, .rows = ROWS, .cols = STEPS, .stride = STEPS},
                           .task = LEATI_CLASSIFY,
                           .label = label,
                           .classes = 2,
                           .seed = 1};
}

static leat_status fit_batches(leat_context *c, const char *layers, const char *input,
                               const char *batch, const double *x, leati_estimator **out)
{
    leati_dataset d = data_of(x);
    leati_estimator *e;
    *out = NULL;
    leat_status st = leati_estimator_create(c, &e, leati_estimator_class_find("network"));
    if (st != LEAT_OK) return st;
    st = leati_estimator_set(c, e, "layers", layers);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "input", input);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "batch_size", batch);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "epochs", "1");
    if (st == LEAT_OK) st = leati_estimator_fit(c, e, &d);
    if (st == LEAT_OK) *out = e;
    else leati_estimator_destroy(e);
    return st;
}

static leat_status fit(leat_context *c, const char *layers, const char *input, const double *x,
                       leati_estimator **out)
{
    return fit_batches(c, layers, input, "32", x, out);
}

static const double *with(double *space, size_t row, size_t step, double value)
{
    memcpy(space, good, sizeof good);
    space[row * STEPS + step] = value;
    return space;
}

static void tokens(leattest *t)
{
    static const struct {
        double value;
        const char *words;
    } bad[] = {{-1, "layer 1 `embedding`: row 3 has -1 in feature 2|from 0 to 4|--preprocess none"},
               {5, "row 3 has 5"},
               {1.7, "row 3 has 1.7"},
               {1e30, "row 3 has 1e+30"}};
    const char *layers = "embedding(5, 3); flatten";
    double x[ROWS * STEPS], value[ROWS];
    leati_estimator *e, *none;
    REQUIRE_OK(fit(t->context, layers, "auto", good, &e));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leati_dataset d = data_of(with(x, 2, 1, bad[i].value));
        CHECK_FAILS(fit(t->context, layers, "auto", x, &none), LEAT_INVALID, bad[i].words);
        CHECK_FAILS(leati_estimator_predict(t->context, e, &d.x, value), LEAT_INVALID,
                    bad[i].words);
    }
    leati_dataset d = data_of(good);
    CHECK_OK(leati_estimator_predict(t->context, e, &d.x, value));
    leati_estimator_destroy(e);
}

static void padding_is_at_the_end(leattest *t)
{
    static const char *const kinds[][2] = {
        {"embedding(5, 3, mask_zero=true); gru(2)", "auto"},
        {"embedding(5, 3, mask_zero=true); dropout(0.1); lstm(2, true); rnn(2)", "auto"},
        {"masking; gru(2)", "4x1"}};
    double x[ROWS * STEPS], value[ROWS];
    for (size_t i = 0; i < 3; i++) {
        leati_estimator *e, *none;
        leati_dataset d = data_of(with(x, 4, 1, 0));
        REQUIRE_OK(fit(t->context, kinds[i][0], kinds[i][1], good, &e));
        const char *words = "step 2 of row 5 is padding, step 3|at the end only|'post'";
        CHECK_FAILS(fit(t->context, kinds[i][0], kinds[i][1], x, &none), LEAT_INVALID, words);
        CHECK_FAILS(leati_estimator_predict(t->context, e, &d.x, value), LEAT_INVALID, words);
        leati_estimator_destroy(e);
    }
}

/* Attention and pools pass over masked steps wherever they are. */
static void padding_elsewhere_is_fine(leattest *t)
{
    static const char *const kinds[] = {
        "embedding(5, 4, mask_zero=true); multi_head_attention(2); flatten",
        "embedding(5, 4, mask_zero=true); global_average_pool", "embedding(5, 4); gru(2)"};
    double x[ROWS * STEPS];
    (void)with(x, 4, 1, 0);
    for (size_t i = 0; i < 3; i++) {
        leati_estimator *e;
        CHECK_OK(fit(t->context, kinds[i], "auto", x, &e));
        leati_estimator_destroy(e);
    }
}

/* In a graph, and where the input was moved before, the operation that reads them fails. */
static void values_in_graphs(leattest *t)
{
    static const struct {
        const char *layers;
        float x[STEPS];
        const char *words;
    } rows[] = {
        {"embedding(5, 2)", {1, 2, 4, 0}, NULL},
        {"embedding(5, 2)", {1, -1, 4, 0}, "layer 1 `embedding`|out of range"},
        {"embedding(5, 2)", {1, 2.5, 4, 0}, "out of range"},
        {"embedding(5, 2)", {1, NAN, 4, 0}, "out of range"},
        {"crop(1); embedding(5, 2)", {-1, 2, 4, -1}, NULL},
        {"crop(1); embedding(5, 2)", {1, 2, -4, 0}, "layer 2 `embedding`|out of range"},
        {"embedding(5, 2, mask_zero=true); lstm(2)", {1, 2, 3, 0}, NULL},
        {"embedding(5, 2, mask_zero=true); lstm(2)", {0, 0, 0, 0}, NULL},
        {"embedding(5, 2, mask_zero=true); lstm(2)", {0, 1, 2, 3}, "layer 2 `lstm`|padding"},
        {"embedding(5, 2, mask_zero=true); gru(2)", {1, 0, 2, 0}, "layer 2 `gru`|at the end"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        leat_graph *g;
        leat_network *n;
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        REQUIRE_OK(leat_network_create(g, rows[i].layers, LEAT_DIMS(STEPS), 1, &n));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, STEPS), rows[i].x);
        leat_tensor *y = leat_network_build(n, x, false);
        leat_status st = leat_run(g, 1, &y);
        if (!rows[i].words) CHECK_OK(st);
        else CHECK_FAILS(st, LEAT_INVALID, rows[i].words);
        leat_network_destroy(n);
        leat_graph_destroy(g);
    }
}

/* One row has no variance; one that is left over does no harm. */
static void batches_of_one_row(leattest *t)
{
    leati_estimator *e, *none;
    CHECK_FAILS(fit_batches(t->context, "dense(3); batch_norm", "auto", "1", good, &none),
                LEAT_INVALID, "layer 2 `batch_norm`|batch_size=1|layer_norm");
    CHECK_OK(fit_batches(t->context, "dense(3); batch_norm", "auto", "5", good, &e));
    leati_estimator_destroy(e);
    CHECK_OK(fit_batches(t->context, "batch_norm(trainable=false)", "auto", "1", good, &e));
    leati_estimator_destroy(e);
    CHECK_OK(fit_batches(t->context, "batch_norm; flatten", "4x1", "1", good, &e));
    leati_estimator_destroy(e);
}

static const leattest_case list[] = {TEST(tokens), TEST(padding_is_at_the_end),
                                     TEST(padding_elsewhere_is_fine), TEST(values_in_graphs),
                                     TEST(batches_of_one_row)};

LEATTEST_MAIN(list)
