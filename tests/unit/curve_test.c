/* Learning and validation curves, what they are read as, and permutation importance. */
#include "support/leattest.h"

#include "base/error.h"
#include "learn/curve.h"
#include "learn/importance.h"

static const leati_metric *metric(leattest *t, leati_task task, const char *name)
{
    const leati_metric *m = NULL;
    CHECK_OK(leati_metric_find(t->context, &m, task, name));
    return m;
}

/* A curve at 10, 20, 40, 80 rows with the given scores and a spread of 0.01 over 10 folds. */
static void check_reading(leattest *t, const leati_metric *m, const double train[4],
                          const double validation[4], double floor, leati_verdict want,
                          const char *words)
{
    leati_curve_point p[4];
    char text[400];
    for (int i = 0; i < 4; i++)
        p[i] = (leati_curve_point){10 << i, train[i], 0.01, validation[i], 0.01, 10};
    CHECK_INT(leati_curve_read(m, p, 4, floor, text, sizeof text), want);
    if (!CHECK(strstr(text, words))) printf("  %s\n", text);
}

static void reading(leattest *t)
{
    const leati_metric *accuracy = metric(t, LEATI_CLASSIFY, "accuracy");
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    check_reading(t, accuracy, (double[]){1, 0.98, 0.97, 0.97}, (double[]){0.9, 0.94, 0.955, 0.957},
                  0.5, LEATI_VERDICT_GOOD, "a good fit: accuracy is 0.9700 on training");
    check_reading(t, accuracy, (double[]){1, 1, 1, 1}, (double[]){0.9, 0.94, 0.955, 0.957}, 0.5,
                  LEATI_VERDICT_GOOD, "a good fit but for a small gap: accuracy is 1.0000");
    check_reading(t, accuracy, (double[]){1, 1, 1, 1}, (double[]){0.6, 0.7, 0.75, 0.79}, 0.5,
                  LEATI_VERDICT_MORE_DATA, "from 0.7500 at 40 rows to 0.7900 at 80");
    check_reading(t, accuracy, (double[]){1, 1, 1, 1}, (double[]){0.7, 0.78, 0.8, 0.801}, 0.5,
                  LEATI_VERDICT_HIGH_VARIANCE, "1.0000 on training rows but 0.8010");
    check_reading(t, accuracy, (double[]){0.7, 0.65, 0.63, 0.62}, (double[]){0.55, 0.6, 0.61, 0.61},
                  0.5, LEATI_VERDICT_HIGH_BIAS, "high bias");
    check_reading(t, mae, (double[]){1, 1.5, 1.8, 1.9}, (double[]){4, 3, 2.5, 2.2}, 6.5,
                  LEATI_VERDICT_MORE_DATA, "validation MAE still improves");
    check_reading(t, mae, (double[]){0, 0, 0, 0}, (double[]){4, 3, 2.2, 2.2}, 6.5,
                  LEATI_VERDICT_HIGH_VARIANCE, "high variance");
    check_reading(t, mae, (double[]){5, 5, 5, 5}, (double[]){6, 5.5, 5.2, 5.19}, 6.5,
                  LEATI_VERDICT_HIGH_BIAS, "baseline");
    /* Without a baseline nothing is said of bias. */
    check_reading(t, mae, (double[]){5, 5, 5, 5}, (double[]){6, 5.5, 5.2, 5.19}, (double)NAN,
                  LEATI_VERDICT_GOOD, "good fit");
    /* Nothing is left to gain. */
    check_reading(t, accuracy, (double[]){1, 1, 1, 1}, (double[]){0.9, 0.95, 0.97, 1}, 0.5,
                  LEATI_VERDICT_GOOD, "a good fit: accuracy is 1.0000");
    /* A gain with a wide gap above it. */
    check_reading(t, accuracy, (double[]){1, 1, 1, 1}, (double[]){0.5, 0.55, 0.59, 0.63}, 0.4,
                  LEATI_VERDICT_MORE_DATA, "to 0.6300 at 80; on training rows it is 1.0000, so");
    leati_curve_point two[2] = {{10, 1, 0, 1, 0, 5}, {20, 1, 0, 1, 0, 5}};
    char text[100];
    CHECK_INT(leati_curve_read(mae, two, 2, 3, text, sizeof text), LEATI_VERDICT_UNKNOWN);
}

/* The points of a real curve: it fell up to the last but one and is flat since. */
static void flat_end(leattest *t)
{
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    static const double rows[] = {36, 57, 90, 143, 227, 358};
    static const double score[] = {4.1, 3.5, 2.9, 2.509, 2.137, 2.126};
    leati_curve_point p[6];
    char text[400];
    for (int i = 0; i < 6; i++) p[i] = (leati_curve_point){rows[i], 1.9, 0.1, score[i], 0.2, 5};
    CHECK_INT(leati_curve_read(mae, p, 6, 6.5, text, sizeof text), LEATI_VERDICT_GOOD);
    p[5].validation = 1.95;
    CHECK_INT(leati_curve_read(mae, p, 6, 6.5, text, sizeof text), LEATI_VERDICT_MORE_DATA);
    /* The points to compare lie apart by less than either is sure to. */
    for (int i = 0; i < 6; i++) p[i].validation_spread = 1.2;
    CHECK(leati_curve_read(mae, p, 6, 6.5, text, sizeof text) != LEATI_VERDICT_MORE_DATA);
}

static void sizes(leattest *t)
{
    size_t size[8];
    CHECK_INT(leati_curve_sizes(1000, 5, size), 5);
    CHECK(size[0] == 100 && size[2] == 316 && size[4] == 1000);
    CHECK_INT(leati_curve_sizes(12, 8, size), 6); /* 1.2 rows are too few, 2 come twice */
    CHECK(size[0] == 2 && size[5] == 12);
    for (int i = 1; i < 6; i++) CHECK(size[i] > size[i - 1]);
}

/* Few rows: the gap is there, and so is the doubt. */
static void uncertain(leattest *t)
{
    const leati_metric *accuracy = metric(t, LEATI_CLASSIFY, "accuracy");
    char text[400];
    leati_curve_point p[4];
    for (int i = 0; i < 4; i++) p[i] = (leati_curve_point){5 << i, 1, 0, 0.87, 0.18, 5};
    CHECK_INT(leati_curve_read(accuracy, p, 4, 0.5, text, sizeof text), LEATI_VERDICT_UNCERTAIN);
    /* 0.18 / sqrt(5) * 2.776 */
    CHECK(strstr(text, "1.0000 on training and 0.8700 on validation rows, the latter give or take "
                       "0.2235 (95%)"));
    /* No gap, but one could hide in the interval. */
    for (int i = 0; i < 4; i++) p[i].validation = 0.99;
    CHECK_INT(leati_curve_read(accuracy, p, 4, 0.5, text, sizeof text), LEATI_VERDICT_UNCERTAIN);
    for (int i = 0; i < 4; i++) p[i].validation_spread = 0.02;
    CHECK_INT(leati_curve_read(accuracy, p, 4, 0.5, text, sizeof text), LEATI_VERDICT_GOOD);
    /* One split has no spread to judge by: neither a gain nor a gap is more than that. */
    for (int i = 0; i < 4; i++) p[i] = (leati_curve_point){5 << i, 1, 0, 0.6 + 0.1 * i, 0, 1};
    CHECK_INT(leati_curve_read(accuracy, p, 4, 0.5, text, sizeof text), LEATI_VERDICT_UNCERTAIN);
    CHECK(strstr(text, "of one split only"));
}

static void check_parameter(leattest *t, const leati_metric *m, const double train[5],
                            const double validation[5], leati_parameter_reading want,
                            const char *words)
{
    leati_curve_point p[5];
    leati_parameter_reading r;
    char text[500];
    for (int i = 0; i < 5; i++)
        p[i] = (leati_curve_point){pow(10, i - 2), train[i], 0.01, validation[i], 0.03, 9};
    CHECK(leati_parameter_read(m, p, 5, "svc.C", &r, text, sizeof text));
    CHECK(r.best == want.best && r.first == want.first && r.last == want.last);
    CHECK(r.below == want.below && r.above == want.above && r.at_edge == want.at_edge);
    if (!CHECK(strstr(text, words))) printf("  %s\n", text);
}

static void parameter(leattest *t)
{
    const leati_metric *accuracy = metric(t, LEATI_CLASSIFY, "accuracy");
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    check_parameter(t, accuracy, (double[]){0.6, 0.8, 0.95, 1, 1},
                    (double[]){0.58, 0.78, 0.92, 0.915, 0.8},
                    (leati_parameter_reading){.best = 2,
                                              .first = 2,
                                              .last = 3,
                                              .below = LEATI_SIDE_UNDERFITS,
                                              .above = LEATI_SIDE_OVERFITS},
                    "best at svc.C = 1 (0.9200), about as good from 1 to 10; below 1 the training "
                    "score gets worse too, which is underfitting, above 10 only the validation "
                    "score gets worse, which is overfitting");
    check_parameter(
        t, mae, (double[]){5, 4, 3, 2, 1}, (double[]){6, 5, 4, 3, 2.5},
        (leati_parameter_reading){
            .best = 4, .first = 4, .last = 4, .below = LEATI_SIDE_UNDERFITS, .at_edge = true},
        "best at svc.C = 100 (2.500), the outermost value tried: larger values may be "
        "better still; below it the training score gets worse too");
    check_parameter(t, mae, (double[]){1, 1, 1, 1, 1}, (double[]){2, 2, 1.999, 2, 2},
                    (leati_parameter_reading){.best = 2, .first = 0, .last = 4},
                    "about as good from 0.01 to 100: no value tried is clearly better");
    /* A value that failed is passed over, at the end too. */
    check_parameter(
        t, accuracy, (double[]){(double)NAN, 0.8, (double)NAN, 0.9, (double)NAN},
        (double[]){(double)NAN, 0.6, (double)NAN, 0.9, (double)NAN},
        (leati_parameter_reading){
            .best = 3, .first = 3, .last = 3, .below = LEATI_SIDE_OVERFITS, .at_edge = true},
        "larger values");
    leati_curve_point p[4] = {{1, 1, 0, 1, 0, 5}, {10, 1, 0, (double)NAN, 0, 0}};
    leati_parameter_reading r;
    char text[200];
    CHECK(!leati_parameter_read(mae, p, 2, "svc.C", &r, text, sizeof text));
    CHECK(!leati_parameter_is_geometric(p, 2));
    static const double grids[][4] = {{0.1, 1, 10, 100}, {1, 3, 10, 30},  {1, 2, 4, 8},
                                      {1, 2, 3, 4},      {5, 10, 15, 20}, {0, 1, 10, 100}};
    for (int g = 0; g < 6; g++) {
        for (int i = 0; i < 4; i++) p[i].x = grids[g][i];
        CHECK(leati_parameter_is_geometric(p, 4) == (g < 3));
    }
}

typedef struct watch {
    const uint32_t *label;
    leattest *t;
    uint32_t last[100];
    size_t last_count;
    const leati_fold *last_fold;
    int calls;
    bool nested, stratified;
    int fail_at;
} watch;

static leat_status watch_fit(void *user, const uint32_t *train, size_t count,
                             const leati_fold *fold, double x, double *train_score,
                             double *validation_score)
{
    watch *w = user;
    if (++w->calls == w->fail_at) return LEAT_CANCELLED;
    if (fold == w->last_fold) { /* the rows of the smaller size are among these */
        size_t k = 0;
        for (size_t i = 0; i < w->last_count; i++) {
            while (k < count && train[k] < w->last[i]) k++;
            w->nested = w->nested && k < count && train[k] == w->last[i];
        }
    }
    w->last_fold = fold;
    w->last_count = count;
    memcpy(w->last, train, count * sizeof *train);
    size_t ones = 0;
    for (size_t i = 0; i < count; i++) ones += w->label[train[i]];
    w->stratified = w->stratified && fabs((double)ones - 0.25 * (double)count) <= 1;
    *train_score = 1;
    *validation_score = fold->number == 3 ? (double)NAN : x + fold->number;
    return LEAT_OK;
}

static void learning_curve(leattest *t)
{
    uint32_t label[100];
    for (int i = 0; i < 100; i++) label[i] = i % 4 == 0;
    leati_split_data d = {.rows = 100, .label = label, .classes = 2};
    leati_split_spec spec = {.kind = LEATI_SPLIT_STRATIFIED, .folds = 5, .repeats = 1};
    leati_folds folds;
    REQUIRE_OK(leati_split_make(t->context, &folds, &spec, &d, 1));
    const size_t size[] = {8, 20, 41, 80};
    leati_curve_point p[4];
    watch w = {.label = label, .t = t, .nested = true, .stratified = true};
    REQUIRE_OK(leati_learning_curve(t->context, &folds, label, 2, size, 4, watch_fit, &w, p));
    CHECK_INT(w.calls, 20);
    CHECK(w.nested && w.stratified);
    for (int i = 0; i < 4; i++) { /* folds 0, 1, 2, 4 count */
        CHECK(p[i].x == (double)size[i] && p[i].folds == 4 && p[i].train_spread == 0);
        CHECK_NEAR(p[i].validation, (double)size[i] + 1.75, 1e-13, 0);
        CHECK_NEAR(p[i].validation_spread, sqrt(8.75 / 3), 1e-13, 0);
    }
    const double values[] = {3, 1};
    REQUIRE_OK(leati_validation_curve(t->context, &folds, values, 2, watch_fit, &w, p));
    CHECK(p[0].x == 3 && p[1].x == 1);
    CHECK_NEAR(p[1].validation, 2.75, 1e-13, 0);
    w = (watch){.label = label, .fail_at = 7};
    CHECK(leati_learning_curve(t->context, &folds, label, 2, size, 4, watch_fit, &w, p) ==
          LEAT_CANCELLED);
    leati_folds_fini(&folds);
}

/* --- importance
 * ----------------------------------------------------------------------------------- */

enum { ROWS = 50 };

typedef struct linear {
    double x[ROWS][3], y[ROWS];
} linear;

/* Mean absolute error of the true model y = 3 x0 + x1 with feature j shuffled. */
static leat_status shuffled_error(void *user, size_t j, const uint32_t *order, double *score)
{
    const linear *m = user;
    double sum = 0;
    for (size_t i = 0; i < ROWS; i++) {
        double x[3];
        memcpy(x, m->x[i], sizeof x);
        if (order) x[j] = m->x[order[i]][j];
        sum += fabs(m->y[i] - 3 * x[0] - x[1]);
    }
    *score = sum / ROWS;
    return LEAT_OK;
}

static void importance(leattest *t)
{
    linear m;
    leati_importance out[3], again[3];
    double base;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < 3; j++) m.x[i][j] = sin(i * (j + 1.7) + j);
        m.y[i] = 3 * m.x[i][0] + m.x[i][1];
    }
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    REQUIRE_OK(leati_permutation_importance(t->context, mae, ROWS, 3, 8, 0.95, 1, shuffled_error,
                                            &m, &base, out));
    REQUIRE_OK(leati_permutation_importance(t->context, mae, ROWS, 3, 8, 0.95, 1, shuffled_error,
                                            &m, &base, again));
    CHECK_NEAR(base, 0, 0, 1e-12);
    CHECK(memcmp(out, again, sizeof out) == 0);
    CHECK(out[0].mean > 2 * out[1].mean && out[1].mean > 0.3);
    CHECK(out[2].mean == 0 && out[2].spread == 0);
    CHECK(out[0].low < out[0].mean && out[0].mean < out[0].high && out[0].spread > 0);
    CHECK_FAILS(leati_permutation_importance(t->context, mae, ROWS, 3, 0, 0.95, 1, shuffled_error,
                                             &m, &base, out),
                LEAT_INVALID, "at least one repeat");
}

static leat_status curve_once(leat_context *c, void *arg)
{
    uint32_t *label = arg;
    leati_split_data d = {.rows = 100, .label = label, .classes = 2};
    leati_split_spec spec = {.kind = LEATI_SPLIT_STRATIFIED, .folds = 2, .repeats = 1};
    leati_folds folds;
    leati_curve_point p[2];
    const size_t size[] = {8, 20};
    watch w = {.label = label};
    leat_status st = leati_split_make(c, &folds, &spec, &d, 1);
    if (st != LEAT_OK) return st;
    st = leati_learning_curve(c, &folds, label, 2, size, 2, watch_fit, &w, p);
    const double values[] = {1, 10};
    if (st == LEAT_OK) st = leati_validation_curve(c, &folds, values, 2, watch_fit, &w, p);
    leati_folds_fini(&folds);
    if (st != LEAT_OK) return st;
    linear m = {0};
    leati_importance out[3];
    double base;
    return leati_permutation_importance(c, leati_metric_default(LEATI_REGRESS), ROWS, 3, 2, 0.95, 1,
                                        shuffled_error, &m, &base, out);
}

static void allocation_failures(leattest *t)
{
    uint32_t label[100];
    for (int i = 0; i < 100; i++) label[i] = i % 2;
    leattest_fail_allocations(t, curve_once, label);
}

static const leattest_case list[] = {
    TEST(reading), TEST(flat_end),       TEST(uncertain),  TEST(parameter),
    TEST(sizes),   TEST(learning_curve), TEST(importance), TEST(allocation_failures)};

LEATTEST_MAIN(list)
