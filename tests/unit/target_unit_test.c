/* Regressions do not depend on the unit of the target, also where its squares have no room in a
 * double. */
#include "support/leattest.h"

#include <math.h>

#include "base/rng.h"
#include "learn/estimator.h"

enum { ROWS = 160, COLS = 3 };

typedef struct setting {
    const char *estimator, *param;
    double value; /* of the parameter where the target is as made */
    int power;    /* of the unit that the parameter is measured in */
} setting;

static const setting settings[] = {{"baseline", NULL, 0, 0},
                                   {"linear", NULL, 0, 0},
                                   {"ridge", NULL, 0, 0},
                                   {"lasso", "alpha", 0.05, 1},
                                   {"knn", NULL, 0, 0},
                                   {"cart", NULL, 0, 0},
                                   {"cart", "min_impurity_decrease", 0.02, 2},
                                   {"cart", "ccp_alpha", 0.02, 2}};

static double x[ROWS * COLS], y[ROWS], made[ROWS];

static void make_data(void)
{
    leati_rng rng;
    leati_rng_init(&rng, 7, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLS; j++) x[i * COLS + j] = leati_rng_normal(&rng);
        made[i] = 2 * x[i * COLS] - x[i * COLS + 1] + 0.3 * leati_rng_normal(&rng) + 1;
    }
}

/* Predictions of the rows themselves with the target in another unit. */
static bool answers(leattest *t, const setting *s, double unit, double *out)
{
    char value[40];
    leati_dataset d = {.x = {.f64 = x, .rows = ROWS, .cols = COLS, .stride = COLS},
                       .task = LEATI_REGRESS,
                       .y = y,
                       .seed = 1};
    leati_estimator *e = NULL;
    for (size_t i = 0; i < ROWS; i++) y[i] = made[i] * unit;
    snprintf(value, sizeof value, "%.17g", s->value * pow(unit, s->power));
    bool ok =
        CHECK_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find(s->estimator)));
    if (ok && s->param) ok = CHECK_OK(leati_estimator_set(t->context, e, s->param, value));
    ok = ok && CHECK_OK(leati_estimator_fit(t->context, e, &d)) &&
         CHECK_OK(leati_estimator_predict(t->context, e, &d.x, out));
    leati_estimator_destroy(e);
    return ok;
}

static void any_unit(leattest *t)
{
    static const double units[] = {0x1p-1000, 0x1p-40, 0x1p40, 0x1p1000};
    static double want[ROWS], got[ROWS];
    make_data();
    for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
        const setting *one = &settings[s];
        REQUIRE(answers(t, one, 1, want));
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            double given = one->value * pow(units[u], one->power);
            if (one->param && (given == 0 || isinf(given))) continue; /* cannot be said */
            REQUIRE(answers(t, one, units[u], got));
            double worst = 0;
            for (size_t i = 0; i < ROWS; i++)
                worst = fmax(worst, fabs(got[i] / units[u] - want[i]));
            if (!CHECK(worst < 1e-9))
                printf("  %s, unit %g: off by %g\n", one->estimator, units[u], worst);
        }
    }
}

static leat_status fit_all(leat_context *c, void *arg)
{
    leati_dataset d = {.x = {.f64 = x, .rows = ROWS, .cols = COLS, .stride = COLS},
                       .task = LEATI_REGRESS,
                       .y = y,
                       .seed = 1};
    static const char *const names[] = {"cart", "lasso"};
    leat_status st = LEAT_OK;
    (void)arg;
    for (int i = 0; i < 2 && st == LEAT_OK; i++) {
        leati_estimator *e = NULL;
        st = leati_estimator_create(c, &e, leati_estimator_class_find(names[i]));
        if (st == LEAT_OK) st = leati_estimator_fit(c, e, &d);
        leati_estimator_destroy(e);
    }
    return st;
}

static void allocation_failures(leattest *t)
{
    make_data();
    for (size_t i = 0; i < ROWS; i++) y[i] = made[i] * 0x1p-1000;
    leattest_fail_allocations(t, fit_all, NULL);
}

static const leattest_case list[] = {TEST(any_unit), TEST(allocation_failures)};

LEATTEST_MAIN(list)
