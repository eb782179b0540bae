/* Owns: the metric table, finding metrics, the checks around their evaluation, and metrics that are
 * means over rows. The measures themselves are metric_class.c, metric_rank.c, metric_value.c. */
#include "learn/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "kernel/sort.h"
#include "learn/metric_row.h"
#include "learn/stats_sum.h"

#define leati_row_NONE NULL
#define HIGHER         true
#define LOWER          false
static const leati_metric table[] = {
#define METRIC(name, title, task, better, needs, unit, from, measure, row, argument, sklearn, doc) \
    {#name,                                                                                        \
     title,                                                                                        \
     LEATI_##task,                                                                                 \
     better,                                                                                       \
     LEATI_NEEDS_##needs,                                                                          \
     LEATI_UNIT_##unit,                                                                            \
     LEATI_FROM_##from,                                                                            \
     leati_measure_##measure,                                                                      \
     leati_row_##row,                                                                              \
     argument,                                                                                     \
     sklearn,                                                                                      \
     doc},
#include "learn/metrics.def"
#undef METRIC
};

enum { METRICS = sizeof table / sizeof *table };

size_t leati_metric_count(void)
{
    return METRICS;
}

const leati_metric *leati_metric_at(size_t i)
{
    return &table[i];
}

const leati_metric *leati_metric_default(leati_task task)
{
    size_t i = 0;
    while (table[i].task != task) i++;
    return &table[i];
}

leat_status leati_metric_find(leat_context *c, const leati_metric **out, leati_task task,
                              const char *name)
{
    const char *names[METRICS];
    size_t count = 0;
    bool other = false;
    *out = NULL;
    for (size_t i = 0; i < METRICS; i++) {
        bool same = strcmp(table[i].name, name) == 0;
        if (table[i].task == task) names[count++] = table[i].name;
        if (same && table[i].task == task) {
            *out = &table[i];
            return LEAT_OK;
        }
        other = other || same;
    }
    const char *what = task == LEATI_CLASSIFY ? "classification" : "regression";
    if (other) LEATI_FAIL(c, LEAT_INVALID, "the metric '%s' is not for %s", name, what);
    else LEATI_FAIL(c, LEAT_INVALID, "there is no metric '%s'", name);
    const char *near = leati_nearest(name, names, count);
    if (near && !other) leati_error_hint(c, "Did you mean '%s'?", near);
    leati_str list;
    leati_str_init(&list, c);
    for (size_t i = 0; i < count; i++) leati_str_addf(&list, " %s", names[i]);
    leati_error_hint(c, "metrics of %s:%s", what, leati_str_text(&list));
    leati_str_fini(&list);
    return leat_error_status(c);
}

double leati_metric_best(const leati_metric *m)
{
    return m->greater_is_better ? 1 : 0;
}

bool leati_metric_better(const leati_metric *m, double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(b) && !isnan(a);
    return m->greater_is_better ? a > b : a < b;
}

size_t leati_metric_format(const leati_metric *m, double value, char out[40])
{
    if (isnan(value)) return (size_t)snprintf(out, 40, "undefined");
    if (!isfinite(value)) return leati_num_format(value, out);
    if (m->unit == LEATI_UNIT_SHARE || m->unit == LEATI_UNIT_CORRELATION)
        return leati_num_dot(out, (size_t)snprintf(out, 40, "%.4f", value));
    return leati_num_pretty(value, 4, out);
}

/* --- checks -------------------------------------------------------------------------------------
 */

bool leati_metric_applies(const leati_metric *m, const leati_eval *e, const char **why)
{
    const char *reason = NULL;
    if (m->task != e->task)
        reason = m->task == LEATI_CLASSIFY ? "is for classes, not numbers"
                                           : "is for numbers, not classes";
    else if (m->needs == LEATI_NEEDS_BINARY && e->classes != 2)
        reason = "needs two classes; with more use its macro, micro or weighted form";
    else if (m->needs == LEATI_NEEDS_PROBA && !e->proba) reason = "needs probabilities";
    else if (m->needs == LEATI_NEEDS_SCORES && !e->proba && !e->scores)
        reason = "needs probabilities or scores";
    else if (m->needs <= LEATI_NEEDS_BINARY && !e->prediction) reason = "needs predicted classes";
    if (why) *why = reason;
    return !reason;
}

static leat_status check_classes(leat_context *c, const leati_eval *e)
{
    for (size_t i = 0; i < e->rows; i++)
        LEATI_CHECK(c, e->label[i] < e->classes, LEAT_INVALID,
                    "row %zu: the true class is number %u, but there are %u classes", i + 1,
                    e->label[i], e->classes);
    for (size_t i = 0; e->prediction && i < e->rows; i++) {
        double p = e->prediction[i];
        LEATI_CHECK(c, p >= 0 && p < (double)e->classes && p == trunc(p), LEAT_INVALID,
                    "row %zu: the predicted class is number %g, but there are %u classes", i + 1, p,
                    e->classes);
    }
    return LEAT_OK;
}

/* One NaN among `count` numbers is an error that says where. */
static leat_status check_numbers(leat_context *c, const char *what, const double *x, size_t rows,
                                 size_t cols)
{
    for (size_t i = 0; x && i < rows * cols; i++)
        LEATI_CHECK(c, !isnan(x[i]), LEAT_INVALID, "row %zu: the %s is missing (not a number)",
                    i / cols + 1, what);
    return LEAT_OK;
}

leat_status leati_eval_check(leat_context *c, const leati_eval *e)
{
    LEATI_CHECK(c, e->rows > 0, LEAT_INVALID, "there are no rows to evaluate on");
    LEATI_CHECK(c, e->rows < UINT32_MAX, LEAT_LIMIT, "more than 4,294,967,294 rows");
    bool classify = e->task == LEATI_CLASSIFY;
    LEATI_CHECK(c, classify ? e->label && e->classes : e->y && e->prediction, LEAT_INVALID,
                "evaluation needs the truth and the predictions");
    for (size_t i = 0; e->weight && i < e->rows; i++)
        LEATI_CHECK(c, e->weight[i] >= 0 && isfinite(e->weight[i]), LEAT_INVALID,
                    "row %zu: a weight must be a finite number from 0, not %g", i + 1,
                    e->weight[i]);
    if (classify) {
        LEATI_TRY(check_classes(c, e));
        LEATI_TRY(check_numbers(c, "probability", e->proba, e->rows, e->classes));
        return check_numbers(c, "score", e->scores, e->rows, e->classes);
    }
    LEATI_TRY(check_numbers(c, "true value", e->y, e->rows, 1));
    return check_numbers(c, "predicted value", e->prediction, e->rows, 1);
}

/* --- evaluation ---------------------------------------------------------------------------------
 */

leat_status leati_tally_create(leat_context *c, leati_tally *t, uint32_t classes)
{
    *t = (leati_tally){.classes = classes};
    t->truth = leati_calloc(c, classes, 3 * sizeof *t->truth + 1);
    if (!t->truth) return leat_error_status(c);
    t->predicted = t->truth + classes;
    t->hit = t->predicted + classes;
    t->present = (uint8_t *)(t->hit + classes);
    return LEAT_OK;
}

void leati_tally_fini(leati_tally *t)
{
    leati_free(t->truth);
    *t = (leati_tally){0};
}

void leati_tally_fill(leati_tally *t, const leati_eval *e, const double *weight)
{
    memset(t->truth, 0, t->classes * (3 * sizeof *t->truth + 1));
    t->total = t->right = 0;
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_weight(weight, i);
        uint32_t j = e->label[i];
        if (w == 0) continue;
        t->total += w;
        t->truth[j] += w;
        t->present[j] = 1;
        if (!e->prediction) continue;
        uint32_t k = (uint32_t)e->prediction[i];
        t->predicted[k] += w;
        t->present[k] = 1;
        if (j != k) continue;
        t->hit[j] += w;
        t->right += w;
    }
}

double leati_measure_mean(const leati_measure *m)
{
    const leati_eval *e = m->eval;
    leati_sum sum = {0}, weights = {0};
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_weight(m->weight, i);
        if (w == 0) continue;
        double v = m->value ? m->value[i] : m->metric->row(e, i, m->metric->argument);
        leati_sum_add(&sum, w * v);
        leati_sum_add(&weights, w);
    }
    return leati_sum_value(&sum) / leati_sum_value(&weights);
}

static leat_status prepare_ranks(leat_context *c, leati_prepared *p)
{
    const leati_eval *e = p->eval;
    size_t count;
    LEATI_CHECK(c, e->rows <= LEATI_ROW && !leati_mul_overflows(e->rows, e->classes, &count),
                LEAT_LIMIT, "too many rows for the metric %s", p->metric->name);
    double *score = leati_array(c, e->rows, sizeof *score);
    p->order = leati_array(c, count, sizeof *p->order);
    leat_status st = score && p->order ? LEAT_OK : leat_error_status(c);
    for (uint32_t k = 0; k < e->classes && st == LEAT_OK; k++)
        if (k || e->classes != 2) st = leati_rank_class(c, e, k, score, p->order + k * e->rows);
    leati_free(score);
    return st;
}

static leat_status prepare_values(leat_context *c, leati_prepared *p)
{
    const leati_eval *e = p->eval;
    p->value = leati_array(c, e->rows, sizeof *p->value);
    if (!p->value) return leat_error_status(c);
    if (p->metric->from == LEATI_FROM_ROWS) {
        for (size_t i = 0; i < e->rows; i++)
            p->value[i] = p->metric->row(e, i, p->metric->argument);
        return LEAT_OK;
    }
    for (size_t i = 0; i < e->rows; i++) p->value[i] = leati_row_absolute(e, i, 0);
    p->order = leati_array(c, e->rows, sizeof *p->order);
    if (!p->order) return leat_error_status(c);
    return leati_argsort_f64(c, p->value, e->rows, p->order);
}

/* Without the checks, and without the values of rows, which a single evaluation does not need. */
static leat_status prepare_once(leat_context *c, leati_prepared *p, const leati_metric *m,
                                const leati_eval *e)
{
    *p = (leati_prepared){.metric = m, .eval = e};
    leat_status st = LEAT_OK;
    if (m->from == LEATI_FROM_RANKS) st = prepare_ranks(c, p);
    if (m->from == LEATI_FROM_ERRORS) st = prepare_values(c, p);
    if (st != LEAT_OK) leati_prepared_fini(p);
    return st;
}

static leat_status check(leat_context *c, const leati_metric *m, const leati_eval *e)
{
    const char *why;
    LEATI_CHECK(c, leati_metric_applies(m, e, &why), LEAT_INVALID, "the metric %s %s", m->name,
                why);
    return leati_eval_check(c, e);
}

leat_status leati_prepare(leat_context *c, leati_prepared *p, const leati_metric *m,
                          const leati_eval *e)
{
    *p = (leati_prepared){0};
    LEATI_TRY(check(c, m, e));
    LEATI_TRY(prepare_once(c, p, m, e));
    leat_status st = m->from == LEATI_FROM_ROWS ? prepare_values(c, p) : LEAT_OK;
    if (st != LEAT_OK) leati_prepared_fini(p);
    return st;
}

void leati_prepared_fini(leati_prepared *p)
{
    leati_free(p->order);
    leati_free(p->value);
    *p = (leati_prepared){0};
}

bool leati_prepared_tallies(const leati_prepared *p)
{
    return p->eval->task == LEATI_CLASSIFY && p->metric->from != LEATI_FROM_ROWS;
}

double leati_prepared_measure(const leati_prepared *p, const double *weight,
                              const leati_tally *tally)
{
    leati_measure m = {p->metric, p->eval, weight, tally, p->order, p->value};
    return p->metric->measure(&m);
}

double leati_prepared_eval(const leati_prepared *p, const double *weight, leati_tally *tally)
{
    if (leati_prepared_tallies(p)) leati_tally_fill(tally, p->eval, weight);
    return leati_prepared_measure(p, weight, tally);
}

leat_status leati_metric_eval(leat_context *c, const leati_metric *m, const leati_eval *e,
                              double *out)
{
    LEATI_TRY(check(c, m, e));
    leati_tally tally = {0};
    leati_prepared p = {0};
    leat_status st = leati_tally_create(c, &tally, e->classes);
    if (st == LEAT_OK) st = prepare_once(c, &p, m, e);
    if (st == LEAT_OK) *out = leati_prepared_eval(&p, e->weight, &tally);
    leati_prepared_fini(&p);
    leati_tally_fini(&tally);
    return st;
}

leat_status leati_metrics_all(leat_context *c, const leati_eval *e, double *out)
{
    LEATI_TRY(leati_eval_check(c, e));
    leati_tally tally = {0};
    leati_prepared ranks = {0}; /* shared by all metrics of ranks */
    leat_status st = leati_tally_create(c, &tally, e->classes);
    if (st == LEAT_OK && e->task == LEATI_CLASSIFY) leati_tally_fill(&tally, e, e->weight);
    for (size_t i = 0; i < METRICS && st == LEAT_OK; i++) {
        const leati_metric *m = &table[i];
        out[i] = (double)NAN;
        if (!leati_metric_applies(m, e, NULL)) continue;
        bool ranked = m->from == LEATI_FROM_RANKS;
        leati_prepared own = {0};
        if (ranked && !ranks.order) LEATI_GO(prepare_once(c, &ranks, m, e));
        if (!ranked) LEATI_GO(prepare_once(c, &own, m, e));
        const leati_prepared *p = ranked ? &ranks : &own;
        leati_measure measure = {m, e, e->weight, &tally, p->order, p->value};
        out[i] = m->measure(&measure);
        leati_prepared_fini(&own);
    }
out:
    leati_prepared_fini(&ranks);
    leati_tally_fini(&tally);
    return st;
}
