/* Metrics against scikit-learn's values, conventions at the edges, curves, calibration, errors. */
#include "support/leattest.h"

#include <leat/metric.h>

#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "golden/metrics.h"
#include "learn/calibration.h"
#include "learn/metric.h"
#include "learn/stats.h"

enum { CASES = sizeof metric_cases / sizeof *metric_cases };

static leati_eval eval_of(const golden_case *g)
{
    return (leati_eval){.task = g->classes ? LEATI_CLASSIFY : LEATI_REGRESS,
                        .rows = g->rows,
                        .classes = g->classes,
                        .label = g->label,
                        .y = g->y,
                        .prediction = g->prediction,
                        .proba = g->proba,
                        .scores = g->scores,
                        .weight = g->weight};
}

static const leati_metric *metric(leattest *t, leati_task task, const char *name)
{
    const leati_metric *m = NULL;
    CHECK_OK(leati_metric_find(t->context, &m, task, name));
    return m;
}

static void as_scikit_learn(leattest *t)
{
    double all[64];
    REQUIRE(leati_metric_count() <= 64);
    for (size_t i = 0; i < CASES; i++) {
        const golden_case *g = &metric_cases[i];
        leati_eval e = eval_of(g);
        size_t known = 0;
        REQUIRE_OK(leati_metrics_all(t->context, &e, all));
        for (size_t k = 0; k < leati_metric_count(); k++) {
            const leati_metric *m = leati_metric_at(k);
            for (uint32_t v = 0; v < g->values; v++) {
                if (strcmp(g->value[v].metric, m->name) != 0) continue;
                double got;
                bool ok = CHECK_NEAR(all[k], g->value[v].value, 1e-12, 1e-12);
                ok = CHECK_OK(leati_metric_eval(t->context, m, &e, &got)) && ok;
                ok = CHECK_NEAR(got, all[k], 0, 0) && ok;
                if (!ok) printf("  %s in '%s'\n", m->name, g->name);
                known++;
            }
        }
        CHECK_INT(known, g->values);
    }
}

/* Every metric of the table has a golden value in some case. */
static void all_metrics_checked(leattest *t)
{
    for (size_t k = 0; k < leati_metric_count(); k++) {
        const leati_metric *m = leati_metric_at(k);
        bool found = false;
        for (size_t i = 0; i < CASES && !found; i++)
            for (uint32_t v = 0; v < metric_cases[i].values; v++)
                found = found || strcmp(metric_cases[i].value[v].metric, m->name) == 0;
        if (!CHECK(found)) printf("  %s\n", m->name);
    }
}

static void confusion(leattest *t)
{
    for (size_t i = 0; i < CASES; i++) {
        const golden_case *g = &metric_cases[i];
        if (!g->classes) continue;
        leati_eval e = eval_of(g);
        double got[16];
        REQUIRE(g->classes <= 4);
        REQUIRE_OK(leati_confusion(t->context, &e, got));
        for (uint32_t k = 0; k < g->classes * g->classes; k++)
            CHECK_NEAR(got[k], g->confusion[k], 1e-15, 0);
    }
}

/* A prepared metric with weights 0, 1, 2 equals the metric on rows left out, kept and doubled. */
static void weights_are_repetitions(leattest *t)
{
    for (size_t i = 0; i < CASES; i++) {
        const golden_case *g = &metric_cases[i];
        if (g->weight || g->rows < 30) continue;
        leati_eval e = eval_of(g), r = e;
        uint32_t label[256];
        double y[256], prediction[256], proba[1024], scores[1024], weight[128];
        size_t n = 0, c = g->classes;
        for (uint32_t j = 0; j < g->rows; j++) {
            weight[j] = j % 3;
            for (uint32_t times = 0; times < j % 3; times++, n++) {
                if (c) label[n] = g->label[j];
                else y[n] = g->y[j];
                prediction[n] = g->prediction[j];
                if (c) memcpy(proba + n * c, g->proba + j * c, c * sizeof *proba);
                if (g->scores) memcpy(scores + n * c, g->scores + j * c, c * sizeof *proba);
            }
        }
        r.rows = n;
        r.label = label;
        r.y = y;
        r.prediction = prediction;
        r.proba = proba;
        r.scores = g->scores ? scores : NULL;
        leati_tally tally;
        REQUIRE_OK(leati_tally_create(t->context, &tally, e.classes));
        for (size_t k = 0; k < leati_metric_count(); k++) {
            const leati_metric *m = leati_metric_at(k);
            double want;
            leati_prepared p;
            if (!leati_metric_applies(m, &e, NULL)) continue;
            REQUIRE_OK(leati_metric_eval(t->context, m, &r, &want));
            REQUIRE_OK(leati_prepare(t->context, &p, m, &e));
            CHECK_NEAR(leati_prepared_eval(&p, weight, &tally), want, 1e-12, 1e-12);
            leati_prepared_fini(&p);
        }
        leati_tally_fini(&tally);
    }
}

static void table(leattest *t)
{
    CHECK_STR(leati_metric_default(LEATI_CLASSIFY)->name, "accuracy");
    CHECK_STR(leati_metric_default(LEATI_REGRESS)->name, "mae");
    const leati_metric *m, *mae = metric(t, LEATI_REGRESS, "mae");
    CHECK_FAILS(leati_metric_find(t->context, &m, LEATI_CLASSIFY, "acuracy"), LEAT_INVALID,
                "acuracy|Did you mean 'accuracy'|log_loss");
    CHECK_FAILS(leati_metric_find(t->context, &m, LEATI_CLASSIFY, "mae"), LEAT_INVALID,
                "'mae' is not for classification|roc_auc");
    CHECK(!m);
    CHECK(leati_metric_better(mae, 1, 2) && !leati_metric_better(mae, 2, 1));
    CHECK(leati_metric_better(mae, 5, (double)NAN) && !leati_metric_better(mae, (double)NAN, 5));
    CHECK(!leati_metric_better(mae, 1, 1));
    char text[40];
    leati_metric_format(leati_metric_default(LEATI_CLASSIFY), 0.95, text);
    CHECK_STR(text, "0.9500");
    leati_metric_format(mae, 2.48712, text);
    CHECK_STR(text, "2.487");
    leati_metric_format(mae, (double)NAN, text);
    CHECK_STR(text, "undefined");
    for (size_t i = 0; i < leati_metric_count(); i++) {
        const leati_metric *x = leati_metric_at(i);
        CHECK(metric(t, x->task, x->name) == x);
        CHECK(x->doc[strlen(x->doc) - 1] == '.');
        CHECK((x->from == LEATI_FROM_ROWS) == (x->row != NULL));
    }
}

static void refused(leattest *t)
{
    leat_context *c = t->context;
    double out, all[64];
    uint32_t label[3] = {0, 1, 2};
    double prediction[3] = {0, 1, 1}, proba[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, weight[3] = {1, 1, 1};
    leati_eval e = {.task = LEATI_CLASSIFY, .rows = 3, .classes = 3, .label = label};
    const leati_metric *accuracy = metric(t, LEATI_CLASSIFY, "accuracy");
    CHECK_FAILS(leati_metric_eval(c, accuracy, &e, &out), LEAT_INVALID, "predicted classes");
    e.prediction = prediction;
    CHECK_FAILS(leati_metric_eval(c, metric(t, LEATI_CLASSIFY, "f1"), &e, &out), LEAT_INVALID,
                "two classes|macro");
    CHECK_FAILS(leati_metric_eval(c, metric(t, LEATI_CLASSIFY, "log_loss"), &e, &out), LEAT_INVALID,
                "needs probabilities");
    CHECK_FAILS(leati_metric_eval(c, metric(t, LEATI_CLASSIFY, "roc_auc"), &e, &out), LEAT_INVALID,
                "scores");
    CHECK_FAILS(leati_metric_eval(c, metric(t, LEATI_REGRESS, "mae"), &e, &out), LEAT_INVALID,
                "not classes");
    e.proba = proba;
    proba[4] = (double)NAN;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "row 2|probability");
    proba[4] = 1;
    prediction[2] = 1.5;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "row 3|1.5");
    prediction[2] = 3;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "row 3|3 classes");
    prediction[2] = (double)NAN;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "row 3");
    prediction[2] = 2;
    label[0] = 3;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "row 1|true class");
    label[0] = 0;
    e.weight = weight;
    weight[1] = -1;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "row 2|weight");
    e.weight = NULL;
    e.rows = 0;
    CHECK_FAILS(leati_metrics_all(c, &e, all), LEAT_INVALID, "no rows");
    double y[2] = {1, (double)NAN};
    leati_eval r = {.task = LEATI_REGRESS, .rows = 2, .y = y, .prediction = prediction};
    CHECK_FAILS(leati_metrics_all(c, &r, all), LEAT_INVALID, "row 2|true value");
}

/* --- curves -------------------------------------------------------------------------------------
 */

static void roc(leattest *t)
{
    leati_eval e = eval_of(&metric_cases[0]);
    leati_curve_points p;
    double area, auc, trapezoid = 0;
    const size_t all = sizeof roc_all_x / sizeof *roc_all_x;
    REQUIRE_OK(leati_roc_curve(t->context, &e, 1, &p, &area));
    REQUIRE_OK(leati_metric_eval(t->context, metric(t, LEATI_CLASSIFY, "roc_auc"), &e, &auc));
    CHECK_NEAR(area, auc, 1e-14, 0);
    CHECK(isinf(p.threshold[0]) && p.x[0] == 0 && p.y[0] == 0);
    CHECK(p.x[p.count - 1] == 1 && p.y[p.count - 1] == 1);
    CHECK(p.count < all);
    size_t at = 0;
    for (size_t i = 0; i < p.count; i++) { /* each point is one of scikit-learn's, in order */
        while (at < all &&
               (fabs(roc_all_x[at] - p.x[i]) > 1e-15 || fabs(roc_all_y[at] - p.y[i]) > 1e-15))
            at++;
        CHECK(at < all);
        if (i) trapezoid += (p.x[i] - p.x[i - 1]) * (p.y[i] + p.y[i - 1]) / 2;
        if (i) CHECK(p.threshold[i] < p.threshold[i - 1]);
    }
    CHECK_NEAR(trapezoid, auc, 1e-14, 0); /* leaving out points on a line changes no area */
    leati_free(p.x);
    leati_eval one = eval_of(&metric_cases[9]);
    CHECK_FAILS(leati_roc_curve(t->context, &one, 1, &p, NULL), LEAT_NUMERIC, "no other class");
    CHECK(!p.x);
    CHECK_FAILS(leati_pr_curve(t->context, &one, 0, &p, NULL), LEAT_NUMERIC, "no row");
    CHECK_FAILS(leati_roc_curve(t->context, &e, 2, &p, NULL), LEAT_INVALID, "class number 2");
}

static void precision_recall(leattest *t)
{
    leati_eval e = eval_of(&metric_cases[0]);
    leati_curve_points p;
    double area, ap;
    REQUIRE_OK(leati_pr_curve(t->context, &e, 1, &p, &area));
    REQUIRE_OK(leati_metric_eval(t->context, metric(t, LEATI_CLASSIFY, "pr_auc"), &e, &ap));
    CHECK_NEAR(area, ap, 1e-14, 0);
    REQUIRE(CHECK_INT(p.count, sizeof pr_all_recall / sizeof *pr_all_recall));
    for (size_t i = 0; i < p.count; i++) {
        CHECK_NEAR(p.x[i], pr_all_recall[i], 1e-15, 0);
        CHECK_NEAR(p.y[i], pr_all_precision[i], 1e-15, 0);
        CHECK_NEAR(p.threshold[i], pr_all_threshold[i], 0, 0);
    }
    leati_free(p.x);
}

static void thinned(leattest *t)
{
    enum { N = 5000 };
    leati_curve_points p = {.count = N};
    p.x = leati_array(t->context, N, 3 * sizeof(double));
    REQUIRE(p.x);
    p.y = p.x + N;
    p.threshold = p.y + N;
    for (int i = 0; i < N; i++) {
        p.x[i] = (double)i / (N - 1);
        p.y[i] = sqrt(p.x[i]);
        p.threshold[i] = -i;
    }
    leati_curve_thin(&p, 100);
    CHECK_INT(p.count, 100);
    CHECK(p.x[0] == 0 && p.x[99] == 1);
    double worst = 0;
    size_t at = 1;
    for (size_t i = 1; i < p.count; i++) REQUIRE(p.x[i] > p.x[i - 1]);
    for (int i = 0; i < N; i++) { /* no point that was left out lies far from the line */
        double x = (double)i / (N - 1);
        while (p.x[at] < x) at++;
        double share = (x - p.x[at - 1]) / (p.x[at] - p.x[at - 1]);
        worst = fmax(worst, fabs(sqrt(x) - (p.y[at - 1] + share * (p.y[at] - p.y[at - 1]))));
    }
    CHECK(worst < 1e-3);
    leati_free(p.x);
}

static void calibration(leattest *t)
{
    /* Ten rows at 0.8 of which seven come true, ten at 0.25 of which two do, one sure and right. */
    enum { N = 21 };
    uint32_t label[N];
    double proba[2 * N], largest;
    for (int i = 0; i < N; i++) {
        double p = i < 10 ? 0.8 : i < 20 ? 0.25 : 1;
        label[i] = i < 7 || (i >= 10 && i < 12) || i == 20;
        proba[2 * i] = 1 - p;
        proba[2 * i + 1] = p;
    }
    leati_eval e = {
        .task = LEATI_CLASSIFY, .rows = N, .classes = 2, .label = label, .proba = proba};
    leati_calibration_bin bin[10];
    REQUIRE_OK(leati_calibration_curve(t->context, &e, 1, 10, bin));
    CHECK(bin[8].weight == 10 && bin[2].weight == 10 && bin[9].weight == 1 && bin[0].weight == 0);
    CHECK_NEAR(bin[8].observed, 0.7, 1e-15, 0);
    CHECK_NEAR(bin[8].predicted, 0.8, 1e-14, 0);
    CHECK_NEAR(bin[2].observed, 0.2, 1e-15, 0);
    CHECK(isnan(bin[5].observed) && isnan(bin[5].predicted));
    CHECK_NEAR(leati_calibration_error(bin, 10, &largest), (10 * 0.1 + 10 * 0.05) / 21, 1e-13, 0);
    CHECK_NEAR(largest, 0.1, 1e-13, 0);
    /* Confidence: 0.8 with seven right, 0.75 with eight right, 1 right. */
    REQUIRE_OK(leati_calibration_curve(t->context, &e, UINT32_MAX, 10, bin));
    CHECK(bin[7].weight == 10 && bin[8].weight == 10 && bin[9].weight == 1);
    CHECK_NEAR(bin[7].observed, 0.8, 1e-15, 0);
    CHECK_FAILS(leati_calibration_curve(t->context, &e, 2, 10, bin), LEAT_INVALID, "class number");
    CHECK_FAILS(leati_calibration_curve(t->context, &e, 1, 0, bin), LEAT_INVALID, "bin");
}

/* --- the public interface
 * ------------------------------------------------------------------------- */

static void public_interface(leattest *t)
{
    leat_context *c = t->context;
    static const uint32_t truth[] = {0, 1, 1, 2}, predicted[] = {0, 1, 2, 2};
    static const double y[] = {1, 2, 4}, fit[] = {1, 3, 2};
    double out;
    CHECK(leat_metric_count() == leati_metric_count());
    CHECK_STR(leat_metric_name(0), "accuracy");
    CHECK_STR(leat_metric_title(0), "accuracy");
    CHECK(leat_metric_greater_is_better(0) && leat_metric_is_classification(0));
    CHECK(leat_metric_doc(0) && !leat_metric_name(999) && !leat_metric_doc(999));
    CHECK_OK(leat_metric_classes(c, "accuracy", 4, 3, truth, predicted, NULL, NULL, &out));
    CHECK_NEAR(out, 0.75, 0, 0);
    CHECK_OK(leat_metric_numbers(c, "mae", 3, y, fit, NULL, &out));
    CHECK_NEAR(out, 1, 1e-15, 0);
    CHECK_FAILS(leat_metric_classes(c, "mae", 4, 3, truth, predicted, NULL, NULL, &out),
                LEAT_INVALID, "mae");
    CHECK_FAILS(leat_metric_classes(c, "log_loss", 4, 3, truth, predicted, NULL, NULL, &out),
                LEAT_INVALID, "probabilities");
    CHECK_FAILS(leat_metric_classes(c, "accuracy", 4, 2, truth, predicted, NULL, NULL, &out),
                LEAT_INVALID, "row 4");
    CHECK_FAILS(leat_metric_numbers(c, "mae", 0, y, fit, NULL, &out), LEAT_INVALID, "no rows");
}

/* Errors whose squares underflow or overflow: what is in the unit of the target has it, and what
 * has no unit stays. */
static void tiny_and_huge(leattest *t)
{
    static const double scales[] = {1e-308, 1e-300, 1e-160, 1, 1e160, 1e300};
    static const char *const names[] = {"rmse", "mae", "r2", "explained_variance", "median_ae"};
    const double want[] = {0.35355339059327379, 0.25, 0.9, 0.9, 0.25};
    enum { ROWS = 4, MANY = 3000 };
    static double y[MANY], p[MANY];
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        for (size_t i = 0; i < MANY; i++) {
            y[i] = (double)(i % 4 + 1) * scales[s];
            p[i] = y[i] + (i % 4 == 0 || i % 4 == 2 ? i % 4 ? -0.5 : 0.5 : 0) * scales[s];
        }
        for (size_t rows = ROWS; rows <= MANY; rows += MANY - ROWS) {
            leati_eval e = {.task = LEATI_REGRESS, .rows = rows, .y = y, .prediction = p};
            for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
                const leati_metric *m = metric(t, LEATI_REGRESS, names[k]);
                double got, unit = m->unit == LEATI_UNIT_TARGET ? scales[s] : 1;
                leati_interval x;
                REQUIRE_OK(leati_metric_eval(t->context, m, &e, &got));
                bool ok = CHECK_NEAR(got / unit, want[k], 1e-12, 0);
                REQUIRE_OK(leati_metric_interval(t->context, m, &e, 0.95, 1, &x));
                ok = CHECK(x.low <= got && x.high >= got) && ok;
                ok = CHECK_NEAR(x.estimate, got, 1e-12, 0) && ok;
                if (rows == MANY) ok = CHECK((x.high - x.low) / unit > 0.001) && ok;
                if (!ok) printf("  %s of %zu rows at %g\n", names[k], rows, scales[s]);
            }
        }
    }
}

static leat_status everything(leat_context *c, void *arg)
{
    (void)arg;
    double all[64], area;
    static const uint32_t predicted[41];
    for (size_t i = 0; i < CASES; i += 4) {
        leati_eval e = eval_of(&metric_cases[i]);
        leat_status st = leati_metrics_all(c, &e, all);
        for (size_t k = 0; k < leati_metric_count() && st == LEAT_OK; k++) {
            leati_prepared p;
            if (!leati_metric_applies(leati_metric_at(k), &e, NULL)) continue;
            st = leati_prepare(c, &p, leati_metric_at(k), &e);
            if (st == LEAT_OK) leati_prepared_fini(&p);
        }
        if (st != LEAT_OK) return st;
    }
    leati_eval e = eval_of(&metric_cases[0]);
    leati_curve_points p;
    leat_status st = leati_roc_curve(c, &e, 1, &p, &area);
    if (st != LEAT_OK) return st;
    leati_free(p.x);
    st = leati_pr_curve(c, &e, 1, &p, &area);
    if (st != LEAT_OK) return st;
    leati_free(p.x);
    double matrix[4];
    leati_calibration_bin bin[5];
    st = leati_confusion(c, &e, matrix);
    if (st == LEAT_OK) st = leati_calibration_curve(c, &e, 1, 5, bin);
    if (st == LEAT_OK) st = leati_calibration_curve(c, &e, UINT32_MAX, 5, bin);
    if (st != LEAT_OK) return st;
    return leat_metric_classes(c, "f1_macro", 41, 2, e.label, predicted, e.proba, NULL, &area);
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, everything, NULL);
}

static const leattest_case list[] = {TEST(as_scikit_learn),
                                     TEST(all_metrics_checked),
                                     TEST(confusion),
                                     TEST(weights_are_repetitions),
                                     TEST(table),
                                     TEST(refused),
                                     TEST(roc),
                                     TEST(precision_recall),
                                     TEST(thinned),
                                     TEST(calibration),
                                     TEST(public_interface),
                                     TEST(tiny_and_huge),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
