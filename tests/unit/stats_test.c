/* Distribution functions, intervals, tests of differences, requirements: against mpmath and scipy,
 * and by what must hold. */
#include "support/leattest.h"

#include "base/mem.h"
#include "base/rng.h"
#include "golden/statistics.h"
#include "learn/curve.h"
#include "learn/stats.h"
#include "learn/stats_require.h"
#include "learn/stats_special.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const leati_metric *metric(leattest *t, leati_task task, const char *name)
{
    const leati_metric *m = NULL;
    CHECK_OK(leati_metric_find(t->context, &m, task, name));
    return m;
}

/* --- distribution functions
 * ------------------------------------------------------------------------
 */

static double f_normal_cdf(const double *x)
{
    return leati_normal_cdf(x[0]);
}
static double f_normal_quantile(const double *x)
{
    return leati_normal_quantile(x[0]);
}
static double f_beta_cdf(const double *x)
{
    return leati_beta_cdf(x[0], x[1], x[2]);
}
static double f_gamma_q(const double *x)
{
    return leati_gamma_q(x[0], x[1]);
}
static double f_gamma_p(const double *x)
{
    return leati_gamma_p(x[0], x[1]);
}
static double f_t_sf(const double *x)
{
    return leati_t_sf(x[0], x[1]);
}
static double f_t_quantile(const double *x)
{
    return leati_t_quantile(x[0], x[1]);
}
static double f_chi2_sf(const double *x)
{
    return leati_chi2_sf(x[0], x[1]);
}
static double f_chi2_quantile(const double *x)
{
    return leati_chi2_quantile(x[0], x[1]);
}
static double f_f_sf(const double *x)
{
    return leati_f_sf(x[0], x[1], x[2]);
}
static double f_beta_quantile(const double *x)
{
    return leati_beta_quantile(x[0], x[1], x[2]);
}
static double f_binomial_cdf(const double *x)
{
    return leati_binomial_cdf(x[0], x[1], x[2]);
}
static double f_binomial_pmf(const double *x)
{
    return leati_binomial_pmf(x[0], x[1], x[2]);
}
static double f_range_sf(const double *x)
{
    return leati_range_sf(x[0], (size_t)x[1]);
}

static void distributions(leattest *t)
{
    static const struct {
        const char *name;
        double (*f)(const double *x);
    } functions[] = {{"normal_cdf", f_normal_cdf},
                     {"normal_quantile", f_normal_quantile},
                     {"beta_cdf", f_beta_cdf},
                     {"gamma_q", f_gamma_q},
                     {"gamma_p", f_gamma_p},
                     {"t_sf", f_t_sf},
                     {"t_quantile", f_t_quantile},
                     {"chi2_sf", f_chi2_sf},
                     {"chi2_quantile", f_chi2_quantile},
                     {"f_sf", f_f_sf},
                     {"beta_quantile", f_beta_quantile},
                     {"binomial_cdf", f_binomial_cdf},
                     {"binomial_pmf", f_binomial_pmf},
                     {"range_sf", f_range_sf}};
    for (size_t i = 0; i < COUNT(golden_functions); i++) {
        const golden_function *g = &golden_functions[i];
        size_t k = 0;
        while (k < COUNT(functions) && strcmp(functions[k].name, g->name) != 0) k++;
        REQUIRE(k < COUNT(functions));
        for (size_t p = 0; p < g->points; p++) {
            const double *x = g->point[p].x;
            if (!CHECK_NEAR(functions[k].f(x), g->point[p].value, 1e-12, 0))
                printf("  %s(%.17g, %.17g, %.17g)\n", g->name, x[0], x[1], x[2]);
        }
    }
}

static void distribution_edges(leattest *t)
{
    CHECK(leati_normal_quantile(0) == -(double)INFINITY && isnan(leati_normal_quantile(1.5)));
    CHECK(leati_beta_cdf(0, 2, 3) == 0 && leati_beta_cdf(1, 2, 3) == 1);
    CHECK(isnan(leati_beta_cdf(0.5, -1, 2)) && isnan(leati_beta_cdf((double)NAN, 1, 2)));
    CHECK(leati_gamma_p(2, 0) == 0 && leati_gamma_q(2, (double)INFINITY) == 0);
    CHECK(leati_t_sf(0, 5) == 0.5 && leati_t_sf((double)INFINITY, 5) == 0);
    CHECK_NEAR(leati_t_sf(1.5, (double)INFINITY), leati_normal_sf(1.5), 1e-15, 0);
    CHECK(leati_t_quantile(0.5, 4) == 0 && isinf(leati_t_quantile(1, 4)));
    CHECK(leati_chi2_sf(-1, 3) == 1 && leati_chi2_quantile(0, 3) == 0);
    CHECK(leati_f_sf(0, 3, 4) == 1 && leati_f_sf((double)INFINITY, 3, 4) == 0);
    CHECK(leati_binomial_cdf(-1, 5, 0.5) == 0 && leati_binomial_cdf(5, 5, 0.5) == 1);
    CHECK(leati_range_sf(0, 3) == 1);
    /* Demsar 2006, table 5(a): critical values at 0.05 times the square root of 2. */
    CHECK_NEAR(leati_range_quantile(0.05, 2) / sqrt(2), 1.960, 0, 5e-4);
    CHECK_NEAR(leati_range_quantile(0.05, 5) / sqrt(2), 2.728, 0, 5e-4);
    CHECK_NEAR(leati_range_quantile(0.05, 10) / sqrt(2), 3.164, 0, 5e-4);
    for (double p = 0.01; p < 1; p += 0.07) {
        CHECK_NEAR(leati_normal_cdf(leati_normal_quantile(p)), p, 1e-14, 0);
        CHECK_NEAR(leati_t_cdf(leati_t_quantile(p, 3.5), 3.5), p, 1e-13, 0);
        CHECK_NEAR(leati_beta_cdf(leati_beta_quantile(p, 3, 0.7), 3, 0.7), p, 1e-13, 0);
        CHECK_NEAR(leati_chi2_sf(leati_chi2_quantile(p, 6), 6), 1 - p, 1e-13, 0);
    }
}

/* --- intervals
 * --------------------------------------------------------------------------------------
 */

static void wilson(leattest *t)
{
    for (size_t i = 0; i < COUNT(golden_wilson); i += 5) {
        const double *g = golden_wilson + i;
        leati_interval x = leati_interval_wilson(g[0], g[1], g[2]);
        CHECK_NEAR(x.low, g[3], 1e-12, 1e-15);
        CHECK_NEAR(x.high, g[4], 1e-12, 0);
        CHECK_NEAR(x.estimate, g[0] / g[1], 0, 0);
    }
}

static void folds(leattest *t)
{
    /* With no overlap it is Student's t. */
    leati_interval x = leati_interval_folds(wilcoxon_few, COUNT(wilcoxon_few), 0, 0.95, NULL);
    CHECK_NEAR(x.low, student_result[2], 1e-12, 0);
    CHECK_NEAR(x.high, student_result[3], 1e-12, 0);
    leati_test d = leati_test_resampled_t(wilcoxon_few, COUNT(wilcoxon_few), 0);
    CHECK_NEAR(d.statistic, student_result[0], 1e-12, 0);
    CHECK_NEAR(d.p, student_result[1], 1e-12, 0);
    /* Nadeau and Bengio: t shrinks by sqrt((1/k) / (1/k + ratio)). */
    leati_test nb = leati_test_resampled_t(wilcoxon_few, 9, 1.0 / 8);
    CHECK_NEAR(nb.statistic, d.statistic * sqrt((1.0 / 9) / (1.0 / 9 + 1.0 / 8)), 1e-12, 0);
    CHECK(nb.p > d.p && nb.df == 8);
    CHECK_NEAR((nb.high - nb.low) / (d.high - d.low), sqrt((1.0 / 9 + 1.0 / 8) * 9), 1e-12, 0);

    const double one[] = {0.9, (double)NAN}, flat[] = {0.1, 0.1, 0.1}, zero[] = {0, 0, 0};
    x = leati_interval_folds(one, 2, 0.1, 0.95, NULL);
    CHECK(x.estimate == 0.9 && isnan(x.low) && isnan(x.high));
    CHECK(isnan(leati_test_resampled_t(one, 2, 0.1).p));
    CHECK(leati_test_resampled_t(flat, 3, 0.1).p == 0);
    CHECK(leati_test_resampled_t(zero, 3, 0.1).p == 1);
    const double high[] = {0.99, 1, 0.9, 1};
    x = leati_interval_folds(high, 4, 0.25, 0.95, metric(t, LEATI_CLASSIFY, "accuracy"));
    CHECK(x.high == 1 && x.low > 0.8 && x.low < 0.95);
}

/* A model without a mistake on few rows is not surely without one: the ends are those of the
 * metrics with as many rows wrong as Wilson's interval leaves open. */
static void perfect(leattest *t)
{
    enum { N = 12 };
    static const char *const names[] = {"balanced_accuracy", "f1_macro", "precision_weighted",
                                        "recall_macro",      "mcc",      "kappa",
                                        "roc_auc",           "pr_auc",   "roc_auc_weighted"};
    uint32_t label[N];
    double prediction[N], proba[3 * N];
    for (uint32_t classes = 2; classes <= 3; classes++) {
        for (size_t i = 0; i < N; i++) {
            label[i] = (uint32_t)i % classes;
            prediction[i] = label[i];
            for (uint32_t k = 0; k < classes; k++)
                proba[i * classes + k] = k == label[i] ? 0.8 : 0.2 / (classes - 1);
        }
        leati_eval e = {.task = LEATI_CLASSIFY,
                        .rows = N,
                        .classes = classes,
                        .label = label,
                        .prediction = prediction,
                        .proba = proba};
        leati_interval right, x;
        REQUIRE_OK(leati_metric_interval(t->context, metric(t, LEATI_CLASSIFY, "accuracy"), &e,
                                         0.95, 1, &right));
        for (size_t i = 0; i < COUNT(names); i++) {
            const leati_metric *m = metric(t, LEATI_CLASSIFY, names[i]);
            REQUIRE_OK(leati_metric_interval(t->context, m, &e, 0.95, 1, &x));
            CHECK(x.estimate == 1 && x.high == 1 && x.low < 0.9 && x.low > 0.3);
            /* Where classes have equal rows these are the share of right rows. */
            if (i < 4) CHECK_NEAR(x.low, right.low, 1e-12, 0);
        }
        for (size_t i = 0; i < N; i++) label[i] = 0, prediction[i] = 0; /* one class only */
        REQUIRE_OK(leati_metric_interval(t->context, metric(t, LEATI_CLASSIFY, "f1_macro"), &e,
                                         0.95, 1, &x));
        CHECK(x.estimate == 1 && x.high == 1 && x.low < 0.9);
    }
}

/* The F1 of a rare class knows no more than the rows of that class tell. */
static void perfect_and_rare(leattest *t)
{
    enum { N = 1000, FEW = 5 };
    uint32_t label[N];
    double prediction[N];
    for (size_t i = 0; i < N; i++) prediction[i] = label[i] = i < FEW;
    leati_eval e = {
        .task = LEATI_CLASSIFY, .rows = N, .classes = 2, .label = label, .prediction = prediction};
    leati_interval f1, recall;
    REQUIRE_OK(leati_metric_interval(t->context, metric(t, LEATI_CLASSIFY, "recall"), &e, 0.95, 1,
                                     &recall));
    REQUIRE_OK(
        leati_metric_interval(t->context, metric(t, LEATI_CLASSIFY, "f1"), &e, 0.95, 1, &f1));
    CHECK(f1.estimate == 1 && f1.high == 1);
    CHECK_NEAR(f1.low, recall.low, 1e-12, 0);
    CHECK_NEAR(f1.low, FEW / (FEW + 1.959963984540054 * 1.959963984540054), 1e-12, 0);
}

typedef struct binary {
    double prediction[200], scores[400];
    leati_eval e;
} binary;

static binary *binary_of(const double *score, const uint32_t *label, size_t n)
{
    binary *b = calloc(1, sizeof *b);
    if (!b) abort();
    for (size_t i = 0; i < n; i++) {
        b->scores[2 * i] = -score[i];
        b->scores[2 * i + 1] = score[i];
        b->prediction[i] = score[i] > 0.5;
    }
    b->e = (leati_eval){.task = LEATI_CLASSIFY,
                        .rows = n,
                        .classes = 2,
                        .label = label,
                        .prediction = b->prediction,
                        .scores = b->scores};
    return b;
}

static void delong(leattest *t)
{
    binary *a = binary_of(delong_first, delong_label, COUNT(delong_label));
    binary *b = binary_of(delong_second, delong_label, COUNT(delong_label));
    leati_interval x;
    leati_test d;
    CHECK_OK(leati_interval_delong(t->context, &a->e, 0.95, &x));
    CHECK_NEAR(x.estimate, delong_result[0], 1e-13, 0);
    CHECK_NEAR(x.low, delong_result[4], 1e-12, 0);
    CHECK_NEAR(x.high, delong_result[5], 1e-12, 0);
    CHECK_OK(leati_test_delong(t->context, &a->e, &b->e, &d));
    CHECK_NEAR(d.difference, delong_result[0] - delong_result[1], 1e-12, 0);
    CHECK_NEAR(d.statistic, delong_result[2], 1e-11, 0);
    CHECK_NEAR(d.p, delong_result[3], 1e-11, 0);
    CHECK_OK(leati_test_delong(t->context, &a->e, &a->e, &d));
    CHECK(d.difference == 0 && d.p == 1);
    /* A perfect separation is not a certain one. */
    double perfect[COUNT(delong_label)];
    for (size_t i = 0; i < COUNT(delong_label); i++) perfect[i] = delong_label[i];
    binary *p = binary_of(perfect, delong_label, COUNT(delong_label));
    CHECK_OK(leati_interval_delong(t->context, &p->e, 0.95, &x));
    CHECK(x.estimate == 1 && x.high == 1 && x.low > 0.85 && x.low < 0.999);
    free(a);
    free(b);
    free(p);
}

static leat_context *context_with(unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

static void bootstrap(leattest *t)
{
    enum { N = COUNT(bootstrap_error) };
    double y[N] = {0};
    leati_eval e = {.task = LEATI_REGRESS, .rows = N, .y = y, .prediction = bootstrap_error};
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    leati_interval x, again;
    leati_bootstrap how = {.resamples = 20000, .seed = 3};
    REQUIRE_OK(leati_interval_bootstrap(t->context, mae, &e, &how, &x));
    double width = bootstrap_result[1] - bootstrap_result[0];
    CHECK_NEAR(x.low, bootstrap_result[0], 0, 0.03 * width);
    CHECK_NEAR(x.high, bootstrap_result[1], 0, 0.03 * width);
    how.kind = LEATI_BOOTSTRAP_PERCENTILE;
    REQUIRE_OK(leati_interval_bootstrap(t->context, mae, &e, &how, &x));
    CHECK_NEAR(x.low, bootstrap_result[2], 0, 0.03 * width);
    CHECK_NEAR(x.high, bootstrap_result[3], 0, 0.03 * width);
    /* Bitwise equal for any number of threads. */
    how = (leati_bootstrap){.resamples = 500, .seed = 3};
    REQUIRE_OK(leati_interval_bootstrap(t->context, mae, &e, &how, &x));
    for (unsigned threads = 1; threads <= 4; threads *= 2) {
        leat_context *c = context_with(threads);
        REQUIRE(c);
        CHECK(leati_interval_bootstrap(c, mae, &e, &how, &again) == LEAT_OK);
        CHECK(again.low == x.low && again.high == x.high);
        leat_context_destroy(c);
    }
    how.seed = 4;
    REQUIRE_OK(leati_interval_bootstrap(t->context, mae, &e, &how, &again));
    CHECK(again.low != x.low);
    memset(y, 0, sizeof y);
    e.prediction = y;
    REQUIRE_OK(leati_interval_bootstrap(t->context, mae, &e, &how, &x));
    CHECK(x.low == 0 && x.high == 0);
}

/* 95% intervals hold the truth in about 95% of samples. */
static void coverage(leattest *t)
{
    enum { N = 60, TIMES = 400 };
    const leati_metric *f1 = metric(t, LEATI_CLASSIFY, "f1_macro");
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    /* Label 1 with probability 0.4; right with probability 0.8: macro F1 of the population. */
    double tp = 0.4 * 0.8, fn = 0.4 * 0.2, tn = 0.6 * 0.8, fp = 0.6 * 0.2;
    double truth = (2 * tp / (2 * tp + fn + fp) + 2 * tn / (2 * tn + fn + fp)) / 2;
    int held_f1 = 0, held_mae = 0;
    leati_rng r;
    leati_rng_init(&r, 5, LEATI_RNG_TEST, 0);
    for (int k = 0; k < TIMES; k++) {
        uint32_t label[N];
        double prediction[N], y[N], fit[N];
        for (int i = 0; i < N; i++) {
            label[i] = leati_rng_uniform(&r) < 0.4;
            prediction[i] = leati_rng_uniform(&r) < 0.8 ? label[i] : 1 - label[i];
            y[i] = 0;
            fit[i] = leati_rng_normal(&r);
        }
        leati_eval c = {.task = LEATI_CLASSIFY,
                        .rows = N,
                        .classes = 2,
                        .label = label,
                        .prediction = prediction};
        leati_eval e = {.task = LEATI_REGRESS, .rows = N, .y = y, .prediction = fit};
        leati_bootstrap how = {.resamples = 400, .seed = (uint64_t)k, .not_stratified = true};
        leati_interval x;
        REQUIRE_OK(leati_interval_bootstrap(t->context, f1, &c, &how, &x));
        held_f1 += x.low <= truth && truth <= x.high;
        REQUIRE_OK(leati_interval_bootstrap(t->context, mae, &e, &how, &x));
        held_mae += x.low <= 0.7978845608 && 0.7978845608 <= x.high;
    }
    CHECK_NEAR((double)held_f1 / TIMES, 0.95, 0, 0.035);
    CHECK_NEAR((double)held_mae / TIMES, 0.95, 0, 0.035);
}

static void chosen_intervals(leattest *t)
{
    binary *b = binary_of(delong_first, delong_label, COUNT(delong_label));
    static const struct {
        const char *metric, *method;
    } choices[] = {{"accuracy", "Wilson"},        {"precision", "Wilson"},
                   {"recall", "Wilson"},          {"f1_micro", "Wilson"},
                   {"top_2", "Wilson"},           {"roc_auc", "DeLong"},
                   {"f1", "bootstrap (BCa)"},     {"mcc", "bootstrap (BCa)"},
                   {"pr_auc", "bootstrap (BCa)"}, {"balanced_accuracy", "bootstrap (BCa)"}};
    for (size_t i = 0; i < COUNT(choices); i++) {
        leati_interval x;
        double value;
        const leati_metric *m = metric(t, LEATI_CLASSIFY, choices[i].metric);
        REQUIRE_OK(leati_metric_interval(t->context, m, &b->e, 0.9, 1, &x));
        REQUIRE_OK(leati_metric_eval(t->context, m, &b->e, &value));
        CHECK_STR(x.method, choices[i].method);
        CHECK_NEAR(x.estimate, value, 1e-14, 0);
        CHECK(x.low <= value && value <= x.high && x.low < x.high && x.level == 0.9);
        CHECK(x.low >= -1 && x.high <= 1);
    }
    free(b);
    /* Many rows: the central limit theorem, for rmse on the square. */
    enum { N = LEATI_MANY_ROWS + 4 }; /* a multiple of 4 */
    double *y = calloc(N, sizeof *y), *fit = calloc(N, sizeof *fit);
    REQUIRE(y && fit);
    for (int i = 0; i < N; i++) fit[i] = i % 4;
    leati_eval e = {.task = LEATI_REGRESS, .rows = N, .y = y, .prediction = fit};
    leati_interval x;
    CHECK_OK(leati_metric_interval(t->context, metric(t, LEATI_REGRESS, "rmse"), &e, 0.95, 1, &x));
    CHECK_STR(x.method, "Student's t");
    double se = sqrt(((0 + 1 + 16 + 81) / 4.0 - 3.5 * 3.5) / N);
    CHECK_NEAR(x.high * x.high, 3.5 + 1.96 * se, 1e-4, 0);
    CHECK_NEAR(x.low * x.low, 3.5 - 1.96 * se, 1e-4, 0);
    free(y);
    free(fit);
}

/* All at once is the same as one by one. */
static void all_intervals(leattest *t)
{
    binary *b = binary_of(delong_first, delong_label, COUNT(delong_label));
    leati_interval all[64], one;
    REQUIRE(leati_metric_count() <= 64);
    REQUIRE_OK(leati_metric_intervals(t->context, &b->e, 0.9, 5, all));
    for (size_t i = 0; i < leati_metric_count(); i++) {
        const leati_metric *m = leati_metric_at(i);
        if (!leati_metric_applies(m, &b->e, NULL)) {
            CHECK(isnan(all[i].estimate) && isnan(all[i].low));
            continue;
        }
        REQUIRE_OK(leati_metric_interval(t->context, m, &b->e, 0.9, 5, &one));
        CHECK(all[i].low == one.low && all[i].high == one.high && all[i].method == one.method);
        CHECK_NEAR(all[i].estimate, one.estimate, 0, 0);
    }
    free(b);
}

/* Too many rows for 1000 resamples: the normal interval, about as wide as theory says. */
static void many_rows(leattest *t)
{
    enum { N = 20000 };
    uint32_t *label = calloc(N, sizeof *label);
    double *prediction = calloc(N, sizeof *prediction);
    REQUIRE(label && prediction);
    for (uint32_t i = 0; i < N; i++) {
        label[i] = i % 2;
        prediction[i] = i % 10 == 0 ? 1 - label[i] : label[i];
    }
    leati_eval e = {
        .task = LEATI_CLASSIFY, .rows = N, .classes = 2, .label = label, .prediction = prediction};
    leati_interval x;
    const leati_metric *m = metric(t, LEATI_CLASSIFY, "balanced_accuracy");
    CHECK_OK(leati_metric_interval(t->context, m, &e, 0.95, 1, &x));
    CHECK_STR(x.method, "bootstrap (normal)");
    double se = 0.5 * sqrt(0.8 * 0.2 / (N / 2)); /* one class always right, the other 8 in 10 */
    CHECK_NEAR(x.high - x.estimate, 1.96 * se, 0.15, 0);
    CHECK_NEAR(x.estimate - x.low, 1.96 * se, 0.15, 0);
    free(label);
    free(prediction);
}

/* --- tests of differences
 * ------------------------------------------------------------------------- */

static void mcnemar(leattest *t)
{
    for (size_t i = 0; i < COUNT(golden_mcnemar); i += 5) {
        const double *g = golden_mcnemar + i;
        for (int k = 0; k < 3; k++)
            CHECK_NEAR(leati_test_mcnemar(g[0], g[1], (leati_mcnemar_kind)k).p, g[2 + k], 1e-12, 0);
    }
    binary *a = binary_of(delong_first, delong_label, COUNT(delong_label));
    binary *b = binary_of(delong_second, delong_label, COUNT(delong_label));
    double only[2] = {0}, x, y;
    for (size_t i = 0; i < a->e.rows; i++) {
        bool p = a->prediction[i] == delong_label[i], q = b->prediction[i] == delong_label[i];
        only[0] += p && !q;
        only[1] += q && !p;
    }
    leati_test d;
    const leati_metric *accuracy = metric(t, LEATI_CLASSIFY, "accuracy");
    CHECK_OK(leati_test_mcnemar_rows(t->context, &a->e, &b->e, &d));
    CHECK_NEAR(d.p, leati_test_mcnemar(only[0], only[1], LEATI_MCNEMAR_MIDP).p, 0, 0);
    CHECK_OK(leati_metric_eval(t->context, accuracy, &a->e, &x));
    CHECK_OK(leati_metric_eval(t->context, accuracy, &b->e, &y));
    CHECK_NEAR(d.difference, x - y, 1e-14, 0);
    CHECK(d.low < d.difference && d.difference < d.high && d.low >= -1 && d.high <= 1);
    b->e.rows--;
    CHECK_FAILS(leati_test_mcnemar_rows(t->context, &a->e, &b->e, &d), LEAT_INVALID, "same rows");
    free(a);
    free(b);
}

static void wilcoxon(leattest *t)
{
    static const struct {
        const double *x;
        size_t n;
    } samples[] = {{wilcoxon_exact, COUNT(wilcoxon_exact)},
                   {wilcoxon_tied, COUNT(wilcoxon_tied)},
                   {wilcoxon_few, COUNT(wilcoxon_few)},
                   {wilcoxon_large, COUNT(wilcoxon_large)}};
    for (size_t i = 0; i < COUNT(samples); i++) {
        leati_test d;
        REQUIRE_OK(leati_test_wilcoxon(t->context, samples[i].x, samples[i].n, &d));
        CHECK_NEAR(d.statistic, wilcoxon_results[2 * i], 0, 0);
        CHECK_NEAR(d.p, wilcoxon_results[2 * i + 1], 1e-12, 0);
    }
    leati_test d;
    const double zeros[] = {0, 0};
    CHECK_OK(leati_test_wilcoxon(t->context, zeros, 2, &d));
    CHECK(d.p == 1);
    CHECK_OK(leati_test_wilcoxon(t->context, NULL, 0, &d));
    CHECK(isnan(d.p));
}

static void friedman(leattest *t)
{
    leati_test d;
    double rank[4];
    CHECK_OK(leati_test_friedman(t->context, friedman_score, 12, 4, &d, rank));
    CHECK_NEAR(d.statistic, friedman_result[0], 1e-12, 0);
    CHECK_NEAR(d.p, friedman_result[1], 1e-12, 0);
    for (int k = 0; k < 4; k++) CHECK_NEAR(rank[k], friedman_result[2 + k], 1e-14, 0);
    /* Demsar 2006, section 3.2.2: with 4 models on 14 data sets the critical difference is 1.25. */
    double distance = leati_nemenyi_distance(4, 14, 0.05);
    CHECK_NEAR(distance, 1.25, 0, 0.005);
    CHECK_NEAR(leati_nemenyi_p(distance, 4, 14), 0.05, 1e-9, 0);
    const double bad[] = {1, (double)NAN, 2, 3}, same[] = {1, 1, 1, 1};
    CHECK_FAILS(leati_test_friedman(t->context, bad, 2, 2, &d, NULL), LEAT_INVALID, "model 2");
    CHECK_FAILS(leati_test_friedman(t->context, bad, 1, 2, &d, NULL), LEAT_INVALID, "at least 2");
    CHECK_OK(leati_test_friedman(t->context, same, 2, 2, &d, NULL));
    CHECK(d.p == 1);
}

static void holm(leattest *t)
{
    double adjusted[COUNT(holm_p)], part[3] = {0.04, (double)NAN, 0.03};
    CHECK_OK(leati_adjust_holm(t->context, holm_p, COUNT(holm_p), adjusted));
    for (size_t i = 0; i < COUNT(holm_p); i++) CHECK_NEAR(adjusted[i], holm_adjusted[i], 1e-15, 0);
    CHECK_OK(leati_adjust_holm(t->context, part, 3, part));
    CHECK_NEAR(part[2], 0.06, 1e-15, 0);
    CHECK_NEAR(part[0], 0.06, 1e-15, 0);
    CHECK(isnan(part[1]));
}

static void permutation(leattest *t)
{
    enum { N = COUNT(wilcoxon_few) };
    /* Errors of two models whose row differences are the sample: all 2^9 signs. */
    double y[N] = {0}, first[N], second[N];
    for (int i = 0; i < N; i++) {
        first[i] = 10 + wilcoxon_few[i];
        second[i] = 10;
    }
    leati_eval a = {.task = LEATI_REGRESS, .rows = N, .y = y, .prediction = first}, b = a;
    b.prediction = second;
    leati_test d;
    const leati_metric *mae = metric(t, LEATI_REGRESS, "mae");
    CHECK_OK(leati_test_permutation(t->context, mae, &a, &b, 0, 1, &d));
    CHECK_NEAR(d.p, permutation_p, 1e-15, 0);
    /* A metric that is no mean, and one drawn at random: near DeLong's p, equal models 1. */
    binary *x = binary_of(delong_first, delong_label, COUNT(delong_label));
    binary *z = binary_of(delong_second, delong_label, COUNT(delong_label));
    const leati_metric *auc = metric(t, LEATI_CLASSIFY, "roc_auc");
    CHECK_OK(leati_test_permutation(t->context, auc, &x->e, &z->e, 2000, 1, &d));
    CHECK_NEAR(d.p, delong_result[3], 0, 0.1);
    CHECK_OK(leati_test_permutation(t->context, auc, &x->e, &x->e, 50, 1, &d));
    CHECK(d.p == 1);
    leati_test e;
    const leati_metric *accuracy = metric(t, LEATI_CLASSIFY, "accuracy");
    CHECK_OK(leati_test_permutation(t->context, accuracy, &x->e, &z->e, 20000, 1, &d));
    CHECK_OK(leati_test_mcnemar_rows(t->context, &x->e, &z->e, &e));
    CHECK_NEAR(d.difference, e.difference, 1e-14, 0);
    /* Random signs of differences of one row are the sign test, i.e. McNemar's exact one. */
    double only[2] = {0};
    for (size_t i = 0; i < x->e.rows; i++) {
        bool p = x->prediction[i] == delong_label[i], q = z->prediction[i] == delong_label[i];
        only[0] += p && !q;
        only[1] += q && !p;
    }
    CHECK_NEAR(d.p, leati_test_mcnemar(only[0], only[1], LEATI_MCNEMAR_EXACT).p, 0, 0.01);
    free(x);
    free(z);
}

static void paired_bootstrap(leattest *t)
{
    binary *a = binary_of(delong_first, delong_label, COUNT(delong_label));
    binary *b = binary_of(delong_second, delong_label, COUNT(delong_label));
    const leati_metric *auc = metric(t, LEATI_CLASSIFY, "roc_auc");
    leati_bootstrap how = {.resamples = 4000, .seed = 1};
    leati_test d, other;
    CHECK_OK(leati_test_bootstrap(t->context, auc, &a->e, &b->e, &how, &d));
    CHECK_OK(leati_test_delong(t->context, &a->e, &b->e, &other));
    CHECK_NEAR(d.difference, other.difference, 1e-13, 0);
    CHECK_NEAR(d.low, other.low, 0, 0.15 * (other.high - other.low));
    CHECK_NEAR(d.high, other.high, 0, 0.15 * (other.high - other.low));
    CHECK_NEAR(d.p, other.p, 0, 0.06);
    CHECK_OK(leati_test_bootstrap(t->context, auc, &a->e, &a->e, &how, &d));
    CHECK(d.p == 1 && d.low == 0 && d.high == 0);
    uint32_t flipped[COUNT(delong_label)];
    memcpy(flipped, delong_label, sizeof flipped);
    flipped[6] = !flipped[6];
    b->e.label = flipped;
    CHECK_FAILS(leati_test_bootstrap(t->context, auc, &a->e, &b->e, &how, &d), LEAT_INVALID,
                "same rows|row 7");
    free(a);
    free(b);
}

/* --- requirements
 * ----------------------------------------------------------------------------------- */

static void requirements(leattest *t)
{
    leati_requirements r;
    REQUIRE_OK(leati_requirements_parse(t->context, &r, LEATI_CLASSIFY,
                                        "accuracy>=0.93@95%, log_loss <= 0.3 ,f1_macro>90%@0.9"));
    REQUIRE(CHECK_INT(r.count, 3));
    CHECK(r.at[0].op == LEATI_REQUIRE_GE && r.at[0].bound == 0.93 && r.at[0].level == 0.95);
    CHECK(r.at[1].op == LEATI_REQUIRE_LE && r.at[1].bound == 0.3 && r.at[1].level == 0);
    CHECK(r.at[2].op == LEATI_REQUIRE_GT && r.at[2].bound == 0.9 && r.at[2].level == 0.9);
    leati_interval x = {0.95, 0.94, 0.96, 0.95, ""};
    char text[200];
    CHECK(leati_requirement_met(&r.at[0], &x));
    leati_requirement_text(&r.at[0], &x, text, sizeof text);
    CHECK_STR(text, "accuracy 0.9500 (95%: 0.9400 to 0.9600) is surely >= 0.93");
    x.low = 0.92;
    CHECK(!leati_requirement_met(&r.at[0], &x));
    leati_requirement_text(&r.at[0], &x, text, sizeof text);
    CHECK_STR(text, "accuracy 0.9500 (95%: 0.9200 to 0.9600) is not surely >= 0.93");
    x = (leati_interval){0.3, 0.2, 0.4, 0.95, ""};
    CHECK(leati_requirement_met(&r.at[1], &x)); /* the estimate itself */
    leati_requirement_text(&r.at[1], &x, text, sizeof text);
    CHECK_STR(text, "log_loss 0.3000 is <= 0.3");
    x.low = x.high = (double)NAN;
    CHECK(!leati_requirement_met(&r.at[2], &x));
    leati_requirement_text(&r.at[2], &x, text, sizeof text);
    CHECK(strstr(text, "no 90% interval"));
    leati_requirements_fini(&r);
    REQUIRE_OK(leati_requirements_parse(t->context, &r, LEATI_REGRESS, "mae<2.2@99.5%"));
    x = (leati_interval){2, 1.8, 2.2, 0.995, ""};
    CHECK(r.at[0].level == 0.995 && !leati_requirement_met(&r.at[0], &x));
    x.high = 2.19;
    CHECK(leati_requirement_met(&r.at[0], &x));
    leati_requirements_fini(&r);
}

static void wrong_requirements(leattest *t)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"", "character 1|metric is missing"},
               {"accuracy", "character 9|>= > <= <|\n          ^"},
               {"acuracy>=0.9", "character 1|Did you mean 'accuracy'"},
               {"accuracy>=", "character 11|number"},
               {"accuracy>=x", "character 11|number"},
               {"accuracy=0.9", "character 9"},
               {"accuracy>=0.9@", "character 15|level"},
               {"accuracy>=0.9@95", "character 15|95%"},
               {"accuracy>=0.9@0%", "between 0% and 100%"},
               {"accuracy>=0.9;", "character 11"},
               {"accuracy>=0.9 x", "unexpected"},
               {"accuracy>=0.9,", "character 15|missing"},
               {"mae<=2", "'mae' is not for classification"},
               {"accuracy>=inf", "number"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        leati_requirements r;
        CHECK_FAILS(leati_requirements_parse(t->context, &r, LEATI_CLASSIFY, bad[i].text),
                    LEAT_INVALID, bad[i].words);
        CHECK(!r.at && !r.count);
    }
}

static leat_status everything(leat_context *c, void *arg)
{
    (void)arg;
    binary *a = binary_of(delong_first, delong_label, COUNT(delong_label));
    binary *b = binary_of(delong_second, delong_label, COUNT(delong_label));
    leati_bootstrap how = {.resamples = 20, .seed = 1};
    leati_interval x;
    leati_test d;
    leati_requirements r;
    const leati_metric *m;
    double adjusted[6];
    leat_status st = LEAT_OK;
    static const char *const names[] = {"accuracy", "f1", "roc_auc", "pr_auc", "mcc"};
    for (size_t i = 0; i < COUNT(names) && st == LEAT_OK; i++) {
        st = leati_metric_find(c, &m, LEATI_CLASSIFY, names[i]);
        if (st == LEAT_OK) st = leati_interval_bootstrap(c, m, &a->e, &how, &x);
        if (st == LEAT_OK) st = leati_test_bootstrap(c, m, &a->e, &b->e, &how, &d);
        if (st == LEAT_OK) st = leati_test_permutation(c, m, &a->e, &b->e, 3, 1, &d);
    }
    leati_interval all[64];
    a->e.rows = 12; /* keeps the run short */
    if (st == LEAT_OK) st = leati_metric_intervals(c, &a->e, 0.95, 1, all);
    a->e.rows = COUNT(delong_label);
    if (st == LEAT_OK) st = leati_interval_delong(c, &a->e, 0.95, &x);
    if (st == LEAT_OK) st = leati_test_delong(c, &a->e, &b->e, &d);
    if (st == LEAT_OK) st = leati_test_wilcoxon(c, wilcoxon_tied, COUNT(wilcoxon_tied), &d);
    if (st == LEAT_OK) st = leati_test_friedman(c, friedman_score, 12, 4, &d, NULL);
    if (st == LEAT_OK) st = leati_adjust_holm(c, holm_p, 6, adjusted);
    if (st == LEAT_OK) st = leati_test_mcnemar_rows(c, &a->e, &b->e, &d);
    if (st == LEAT_OK) {
        st = leati_requirements_parse(c, &r, LEATI_CLASSIFY, "accuracy>0.5,f1>0.1@90%,mcc>0");
        if (st == LEAT_OK) leati_requirements_fini(&r);
    }
    free(a);
    free(b);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, everything, NULL);
}

static const leattest_case list[] = {TEST(distributions),
                                     TEST(distribution_edges),
                                     TEST(wilson),
                                     TEST(folds),
                                     TEST(perfect),
                                     TEST(perfect_and_rare),
                                     TEST(delong),
                                     TEST(bootstrap),
                                     TEST(coverage),
                                     TEST(chosen_intervals),
                                     TEST(all_intervals),
                                     TEST(many_rows),
                                     TEST(mcnemar),
                                     TEST(wilcoxon),
                                     TEST(friedman),
                                     TEST(holm),
                                     TEST(permutation),
                                     TEST(paired_bootstrap),
                                     TEST(requirements),
                                     TEST(wrong_requirements),
                                     TEST(allocation_failures)};

LEATTEST_MAIN(list)
