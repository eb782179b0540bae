/* Learning rates that nobody named: those with which optimiser and schedule learn something. */
#include "learn/estimator.h"
#include "support/leattest.h"

enum { ROWS = 64 };

typedef struct run {
    double first, last, loss; /* rates of the first and last epoch, the last loss */
} run;

static leat_status fit(leat_context *c, const char *optimizer, const char *schedule,
                       const char *rate, run *out)
{
    static double x[2 * ROWS];
    static uint32_t label[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        label[i] = i % 2;
        x[2 * i] = 2 * label[i] + 0.3 * sin(i * 1.7);
        x[2 * i + 1] = cos(i * 2.3);
    }
    leati_history history = {0};
    leati_run_folder folder = {.history = &history};
    leati_dataset d = {.x = {.f64 = x, .rows = ROWS, .cols = 2, .stride = 2},
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 2,
                       .seed = 1,
                       .run = &folder};
    leati_estimator *e;
    leat_status st = leati_estimator_create(c, &e, leati_estimator_class_find("network"));
    if (st != LEAT_OK) return st;
    st = leati_estimator_set(c, e, "optimizer", optimizer);
    if (st == LEAT_OK) st = leati_estimator_set(c, e, "schedule", schedule);
    if (st == LEAT_OK && rate) st = leati_estimator_set(c, e, "learning_rate", rate);
    if (st == LEAT_OK) st = leati_estimator_fit(c, e, &d);
    if (st == LEAT_OK)
        *out = (run){history.epoch[0].rate, history.epoch[history.count - 1].rate,
                     history.epoch[history.count - 1].loss};
    leati_history_fini(&history);
    leati_estimator_destroy(e);
    return st;
}

static void rates_nobody_named(leattest *t)
{
    static const struct {
        const char *optimizer, *schedule;
        double rate;
    } all[] = {{"adam", "constant", 0.001},   {"sgd(momentum=0.9)", "constant", 0.001},
               {"rmsprop", "constant", 0.01}, {"adagrad", "constant", 0.01},
               {"adadelta", "constant", 1},   {"adagrad", "cosine(warmup=2)", 0.01}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        run r = {0};
        REQUIRE_OK(fit(t->context, all[i].optimizer, all[i].schedule, NULL, &r));
        CHECK_NEAR(r.first, all[i].rate, i < 5 ? 1e-6 : 0.02, 0);
        CHECK(r.loss < 0.65);
    }
}

/* The learning rate is a factor there: 20 epochs of 2 steps, the largest of the 40th. */
static void noam_begins_with_one(leattest *t)
{
    run r = {0};
    REQUIRE_OK(fit(t->context, "adam", "noam(steps=4000, model_size=512)", NULL, &r));
    CHECK_NEAR(r.last, 40 * pow(512, -0.5) * pow(4000, -1.5), 1e-5, 0);
}

static void a_rate_that_was_named(leattest *t)
{
    run r = {0};
    REQUIRE_OK(fit(t->context, "adadelta", "constant", "0.25", &r));
    CHECK_NEAR(r.last, 0.25, 1e-6, 0);
    CHECK_FAILS(fit(t->context, "adam", "constant", "some", &r), LEAT_INVALID,
                "learning_rate|auto");
    CHECK_FAILS(fit(t->context, "adam", "constant", "-1", &r), LEAT_INVALID, "learning_rate");
}

static const leattest_case list[] = {TEST(rates_nobody_named), TEST(noam_begins_with_one),
                                     TEST(a_rate_that_was_named)};

LEATTEST_MAIN(list)
