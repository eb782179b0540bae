/* Owns: the charts of the report, each from the findings. Not: how charts look (src/plot). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/calibration.h"
#include "learn/stats.h"
#include "plot/column_data.h"
#include "plot/plot_text.h"
#include "workflow/entries.h"
#include "workflow/report_findings.h"
#include "workflow/report_training.h"

enum {
    ROWS_SHOWN = 12,
    CLASSES_SHOWN = 6,    /* curves on one chart */
    CONFUSION_SHOWN = 40, /* classes */
    CURVE_POINTS = 200,
    COLUMNS_SHOWN = 20,
    BINS = 10,
    LEAST_IN_BIN = 5
};

static leat_status done(leat_context *c, leati_scene *scene, leati_scene **out)
{
    *out = scene;
    return scene ? LEAT_OK : leat_error_status(c) ? leat_error_status(c) : LEAT_NOMEM;
}

/* --- leaderboard ---------------------------------------------------------------------------------
 */

typedef struct board {
    char labels[ROWS_SHOWN][160], notes[ROWS_SHOWN][128];
    const leati_entry *entries[ROWS_SHOWN];
    size_t count;
    const leati_entry *outside; /* the baseline, when it would press the others together */
} board;

static void extent(const leati_entry *k, double *lo, double *hi)
{
    for (size_t i = 0; i < k->fold_count; i++) {
        if (!isfinite(k->scores[i])) continue;
        *lo = fmin(*lo, k->scores[i]);
        *hi = fmax(*hi, k->scores[i]);
    }
}

static bool far_away(const leati_findings *f, const leati_entry *baseline)
{
    double lo = (double)INFINITY, hi = (double)-INFINITY;
    for (size_t i = 0; i < f->e->count; i++)
        if (!f->e->entries[i].failed && &f->e->entries[i] != baseline)
            extent(&f->e->entries[i], &lo, &hi);
    double others = hi - lo;
    extent(baseline, &lo, &hi);
    return others > 0 && hi - lo > 3 * others;
}

static bool named_once(const leati_findings *f, const leati_entry *entry)
{
    size_t times = 0;
    for (size_t i = 0; i < f->e->count; i++)
        times += f->e->entries[i].estimator->class == entry->estimator->class;
    return times == 1;
}

static void fill_board(const leati_findings *f, board *b)
{
    char mean[40], low[40], high[40];
    const leati_entry *baseline = leati_findings_baseline(f);
    b->count = 0;
    b->outside = baseline && far_away(f, baseline) ? baseline : NULL;
    for (size_t i = 0; i < f->e->count && b->count < ROWS_SHOWN; i++) {
        const leati_entry *k = &f->e->entries[i];
        if (k->failed || k == b->outside) continue;
        size_t at = b->count++;
        const char *params = k->params ? k->params : "";
        b->entries[at] = k;
        bool told = named_once(f, k) || !*params;
        snprintf(b->labels[at], sizeof b->labels[at], "%s%s%s", k->estimator->class->name,
                 told ? "" : " ", told ? "" : params);
        leati_findings_score(f, k->mean, mean);
        snprintf(b->notes[at], sizeof b->notes[at], "%s", mean);
        if (!isfinite(k->low) || !isfinite(k->high)) continue;
        leati_findings_score(f, k->low, low);
        leati_findings_score(f, k->high, high);
        snprintf(b->notes[at], sizeof b->notes[at], "%s (%s to %s)", mean, low, high);
    }
}

static leat_status draw_leaderboard(leat_context *c, const leati_findings *f,
                                    const leati_chart *chart, leati_scene **out)
{
    board b;
    leati_box boxes[ROWS_SHOWN];
    const char *labels[ROWS_SHOWN];
    double mean[ROWS_SHOWN], low[ROWS_SHOWN], high[ROWS_SHOWN];
    char score[40], outside[256], axis[160];
    leati_chart own = *chart;
    fill_board(f, &b);
    for (size_t i = 0; i < b.count; i++) {
        const leati_entry *k = b.entries[i];
        labels[i] = b.labels[i];
        mean[i] = k->mean, low[i] = k->low, high[i] = k->high;
        boxes[i] = (leati_box){.label = b.labels[i],
                               .note = b.notes[i],
                               .values = k->scores,
                               .count = k->fold_count,
                               .accent = k == f->e->best};
    }
    snprintf(axis, sizeof axis, "%s%s", f->e->metric->title,
             f->e->metric->greater_is_better ? "" : " (less is better)");
    own.x_label = axis;
    if (b.outside) {
        snprintf(outside, sizeof outside, "%s scores %s, beyond the picture",
                 b.outside->estimator->class->name,
                 leati_findings_score(f, b.outside->mean, score));
        own.subtitle = outside;
    }
    /* One hold-out or rows one by one have no spread to show: intervals instead. */
    if (f->e->folds.count < 3 || leati_folds_single(f->e->folds.fold, f->e->folds.count)) {
        leati_bars bars = {.chart = own, .labels = labels, .values = mean, .count = b.count};
        bars.lo = low;
        bars.hi = high;
        return done(c, leati_chart_bars(c, &bars), out);
    }
    leati_boxes in = {.chart = own, .boxes = boxes, .count = b.count};
    return done(c, leati_chart_boxes(c, &in), out);
}

/* --- classification ------------------------------------------------------------------------------
 */

static leat_status draw_confusion(leat_context *c, const leati_findings *f,
                                  const leati_chart *chart, leati_scene **out)
{
    if (f->eval.task != LEATI_CLASSIFY || f->eval.classes > CONFUSION_SHOWN) return LEAT_OK;
    leati_heat in = {.chart = *chart,
                     .values = f->confusion,
                     .labels = (const char *const *)f->e->schema.class_names,
                     .count = f->eval.classes};
    return done(c, leati_chart_confusion(c, &in), out);
}

typedef struct rate {
    leati_curve_points points;
    uint32_t class;
    double area;
    char label[160];
} rate;

typedef leat_status (*rate_fn)(leat_context *, const leati_eval *, uint32_t, leati_curve_points *,
                               double *);

static int worst_first(const void *a, const void *b)
{
    const rate *x = a, *y = b;
    if (x->area != y->area) return x->area < y->area ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

/* One curve per class that has rows, of two classes only the second's. */
static leat_status measure(leat_context *c, const leati_findings *f, rate_fn curve, rate *rates,
                           size_t *count)
{
    uint32_t classes = f->eval.classes;
    *count = 0;
    for (uint32_t k = classes == 2 ? 1 : 0; k < classes; k++) {
        double rows = f->class_rows[k];
        if (rows <= 0 || rows >= (double)f->eval.rows) continue;
        rate *r = &rates[*count];
        LEATI_TRY(curve(c, &f->eval, k, &r->points, &r->area));
        leati_curve_thin(&r->points, CURVE_POINTS);
        r->class = k;
        char area[LEATI_FIXED_SIZE];
        leati_fixed(r->area, 3, area);
        snprintf(r->label, sizeof r->label, classes == 2 ? "class %.100s, area %s" : "%.100s  %s",
                 f->e->schema.class_names[k], area);
        ++*count;
    }
    return LEAT_OK;
}

/* A class keeps its colour from chart to chart while there are colours. */
static leati_hue hue_of(const leati_findings *f, uint32_t class, size_t position)
{
    if (f->eval.classes == 2) return LEATI_HUE_ACCENT;
    return leati_hue_series(f->eval.classes <= 8 ? class : position);
}

/* For many classes the worst ones: they are what a reader must know. */
static leat_status draw_rates(leat_context *c, const leati_findings *f, const leati_chart *chart,
                              rate_fn curve,
                              leati_scene *(*draw)(leat_context *, const leati_lines *),
                              leati_scene **out)
{
    char subtitle[96];
    size_t count = 0;
    if (f->eval.task != LEATI_CLASSIFY || !f->eval.scores || f->eval.classes < 2) return LEAT_OK;
    rate *rates = LEATI_NEW(c, rate, f->eval.classes);
    if (!rates) return leat_error_status(c);
    leat_status st = measure(c, f, curve, rates, &count);
    if (st == LEAT_OK && count > 0) {
        leati_series series[CLASSES_SHOWN];
        leati_lines in = {.chart = *chart, .series = series};
        in.count = count < CLASSES_SHOWN ? count : CLASSES_SHOWN;
        qsort(rates, count, sizeof *rates, worst_first);
        for (size_t i = 0; i < in.count; i++)
            series[i] = (leati_series){.label = rates[i].label,
                                       .x = rates[i].points.x,
                                       .y = rates[i].points.y,
                                       .count = rates[i].points.count,
                                       .hue = hue_of(f, rates[i].class, i)};
        if (count == 1) in.level = f->class_rows[rates[0].class] / (double)f->eval.rows;
        if (count > in.count) {
            snprintf(subtitle, sizeof subtitle, "the %zu hardest of %u classes", in.count,
                     f->eval.classes);
            in.chart.subtitle = subtitle;
        }
        st = done(c, draw(c, &in), out);
    }
    for (uint32_t i = 0; i < f->eval.classes; i++) leati_free(rates[i].points.x);
    leati_free(rates);
    return st;
}

static leat_status draw_roc(leat_context *c, const leati_findings *f, const leati_chart *chart,
                            leati_scene **out)
{
    return draw_rates(c, f, chart, leati_roc_curve, leati_chart_roc, out);
}

static leat_status draw_precision_recall(leat_context *c, const leati_findings *f,
                                         const leati_chart *chart, leati_scene **out)
{
    return draw_rates(c, f, chart, leati_pr_curve, leati_chart_precision_recall, out);
}

static leat_status draw_calibration(leat_context *c, const leati_findings *f,
                                    const leati_chart *chart, leati_scene **out)
{
    leati_calibration_bin bin[BINS];
    leati_reliability_bin shown[BINS];
    size_t count = 0;
    if (f->eval.task != LEATI_CLASSIFY || !f->eval.proba) return LEAT_OK;
    uint32_t class = f->eval.classes == 2 ? 1 : UINT32_MAX;
    LEATI_TRY(leati_calibration_curve(c, &f->eval, class, BINS, bin));
    for (size_t i = 0; i < BINS; i++) {
        if (bin[i].weight < LEAST_IN_BIN) continue;
        leati_interval sure =
            leati_interval_wilson(bin[i].observed * bin[i].weight, bin[i].weight, 0.95);
        shown[count++] = (leati_reliability_bin){.predicted = bin[i].predicted,
                                                 .observed = bin[i].observed,
                                                 .lo = sure.low,
                                                 .hi = sure.high,
                                                 .count = bin[i].weight};
    }
    if (count == 0) return LEAT_OK; /* too few rows to say anything */
    leati_reliability in = {.chart = *chart, .bins = shown, .count = count};
    if (class == UINT32_MAX) {
        in.chart.x_label = "probability of the predicted class";
        in.chart.y_label = "share predicted right";
    }
    return done(c, leati_chart_calibration(c, &in), out);
}

static leat_status draw_class_balance(leat_context *c, const leati_findings *f,
                                      const leati_chart *chart, leati_scene **out)
{
    const leat_experiment *e = f->e;
    if (e->schema.task != LEATI_CLASSIFY) return LEAT_OK;
    double *rows = LEATI_NEW(c, double, e->schema.classes);
    if (!rows) return leat_error_status(c);
    for (size_t i = 0; i < e->target.count; i++) rows[e->target.label[i]] += 1;
    leati_bars in = {.chart = *chart,
                     .labels = (const char *const *)e->schema.class_names,
                     .values = rows,
                     .count = e->schema.classes};
    leat_status st = done(c, leati_chart_class_balance(c, &in), out);
    leati_free(rows);
    return st;
}

/* --- regression ----------------------------------------------------------------------------------
 */

static leat_status draw_predicted(leat_context *c, const leati_findings *f,
                                  const leati_chart *chart, leati_scene **out)
{
    if (f->eval.task != LEATI_REGRESS) return LEAT_OK;
    leati_scatter in = {
        .chart = *chart, .x = f->eval.y, .y = f->eval.prediction, .count = f->eval.rows};
    return done(c, leati_chart_predicted(c, &in), out);
}

static double *residuals(leat_context *c, const leati_findings *f)
{
    double *left = leati_array(c, f->eval.rows, sizeof *left);
    for (size_t i = 0; left && i < f->eval.rows; i++)
        left[i] = f->eval.y[i] - f->eval.prediction[i];
    return left;
}

static leat_status draw_residuals(leat_context *c, const leati_findings *f,
                                  const leati_chart *chart, leati_scene **out)
{
    if (f->eval.task != LEATI_REGRESS) return LEAT_OK;
    double *left = residuals(c, f);
    if (!left) return leat_error_status(c);
    leati_scatter in = {.chart = *chart, .x = f->eval.prediction, .y = left, .count = f->eval.rows};
    leat_status st = done(c, leati_chart_residuals(c, &in), out);
    leati_free(left);
    return st;
}

static leat_status draw_errors(leat_context *c, const leati_findings *f, const leati_chart *chart,
                               leati_scene **out)
{
    if (f->eval.task != LEATI_REGRESS) return LEAT_OK;
    double *left = residuals(c, f);
    if (!left) return leat_error_status(c);
    leati_histogram in = {.chart = *chart, .values = left, .count = f->eval.rows};
    in.chart.x_label = "actual minus predicted";
    leat_status st = done(c, leati_chart_histogram(c, &in), out);
    leati_free(left);
    return st;
}

static leat_status draw_target(leat_context *c, const leati_findings *f, const leati_chart *chart,
                               leati_scene **out)
{
    const leat_experiment *e = f->e;
    if (e->schema.task != LEATI_REGRESS) return LEAT_OK;
    leati_histogram in = {.chart = *chart, .values = e->target.y, .count = e->target.count};
    in.chart.x_label = e->schema.target;
    return done(c, leati_chart_histogram(c, &in), out);
}

/* --- the model and the data ----------------------------------------------------------------------
 */

static leat_status draw_importance(leat_context *c, const leati_findings *f,
                                   const leati_chart *chart, leati_scene **out)
{
    const leat_experiment *e = f->e;
    size_t n = e->importance_count;
    char axis[160];
    if (!e->importance || n == 0) return LEAT_OK;
    const char **labels = LEATI_NEW(c, const char *, n);
    double *values = leati_calloc(c, n, 3 * sizeof *values);
    leat_status st = labels && values ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) {
        for (size_t i = 0; i < n; i++) {
            labels[i] = e->importance[i].column;
            values[i] = e->importance[i].mean;
            values[n + i] = e->importance[i].low;
            values[2 * n + i] = e->importance[i].high;
        }
        snprintf(axis, sizeof axis, "%s lost when the column is shuffled", e->metric->title);
        leati_bars in = {.chart = *chart,
                         .labels = labels,
                         .values = values,
                         .lo = values + n,
                         .hi = values + 2 * n,
                         .count = n,
                         .most = COLUMNS_SHOWN};
        in.chart.x_label = axis;
        st = done(c, leati_chart_importance(c, &in), out);
    }
    leati_free(labels);
    leati_free(values);
    return st;
}

/* at (7, n): x; training mean, its band below and above; the same of validation. */
static void curve_arrays(const leat_experiment *e, const leati_curve_point *point, size_t n,
                         double *at)
{
    double most = e->metric->unit == LEATI_UNIT_SHARE ? 1 : (double)INFINITY;
    double least = e->metric->unit == LEATI_UNIT_CORRELATION ? (double)-INFINITY : 0;
    for (size_t i = 0; i < n; i++) {
        const leati_curve_point *p = &point[i];
        at[i] = p->x;
        at[n + i] = p->train;
        at[2 * n + i] = fmax(p->train - p->train_spread, least);
        at[3 * n + i] = fmin(p->train + p->train_spread, most);
        at[4 * n + i] = p->validation;
        at[5 * n + i] = fmax(p->validation - p->validation_spread, least);
        at[6 * n + i] = fmin(p->validation + p->validation_spread, most);
    }
}

/* Training and validation scores with their bands. `how` says the rest of the chart. */
static leat_status draw_scores(leat_context *c, const leati_findings *f,
                               const leati_curve_point *point, size_t n, const char *train,
                               const char *validation, leati_lines how,
                               leati_scene *(*draw)(leat_context *, const leati_lines *),
                               leati_scene **out)
{
    double *at = leati_calloc(c, n, 7 * sizeof *at);
    if (!at) return leat_error_status(c);
    curve_arrays(f->e, point, n, at);
    leati_series series[] = {{.label = validation,
                              .x = at,
                              .y = at + 4 * n,
                              .lo = at + 5 * n,
                              .hi = at + 6 * n,
                              .count = n,
                              .points = true},
                             {.label = train,
                              .x = at,
                              .y = at + n,
                              .lo = at + 2 * n,
                              .hi = at + 3 * n,
                              .count = n,
                              .points = true,
                              .hue = LEATI_HUE_SERIES7}};
    how.series = series;
    how.count = 2;
    how.chart.y_label = f->e->metric->title;
    leat_status st = done(c, draw(c, &how), out);
    leati_free(at);
    return st;
}

static leat_status draw_learning_curve(leat_context *c, const leati_findings *f,
                                       const leati_chart *chart, leati_scene **out)
{
    const leat_experiment *e = f->e;
    size_t n = e->curve_count;
    char train[64], validation[64], score[40];
    if (!e->curve || n == 0) return LEAT_OK;
    snprintf(train, sizeof train, "training %s",
             leati_findings_score(f, e->curve[n - 1].train, score));
    snprintf(validation, sizeof validation, "validation %s",
             leati_findings_score(f, e->curve[n - 1].validation, score));
    return draw_scores(c, f, e->curve, n, train, validation, (leati_lines){.chart = *chart},
                       leati_chart_learning_curve, out);
}

static leat_status draw_validation_curve(leat_context *c, const leati_findings *f,
                                         const leati_chart *chart, leati_scene **out)
{
    const leati_varied *v = &f->e->varied;
    char chosen[40];
    if (v->count == 0) return LEAT_OK;
    leati_lines how = {.chart = *chart, .log_x = v->log};
    how.chart.x_label = v->name;
    if (isfinite(v->chosen)) {
        snprintf(chosen, sizeof chosen, "used: %.4g", v->chosen);
        how.mark_x = &v->chosen;
        how.mark_label = chosen;
    }
    return draw_scores(c, f, v->point, v->count, "training", "validation", how,
                       leati_chart_validation_curve, out);
}

static leat_status draw_missing(leat_context *c, const leati_findings *f, const leati_chart *chart,
                                leati_scene **out)
{
    const leati_schema *s = &f->e->schema;
    size_t n = 0;
    const char **labels = LEATI_NEW(c, const char *, s->count + 1);
    double *shares = LEATI_NEW(c, double, s->count + 1);
    leat_status st = labels && shares ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; st == LEAT_OK && i < s->count; i++) {
        double share = (double)s->columns[i].missing / (double)f->e->train->rows;
        if (!(share > 0)) continue;
        size_t at = n++;
        for (; at > 0 && shares[at - 1] < share; at--) {
            shares[at] = shares[at - 1];
            labels[at] = labels[at - 1];
        }
        shares[at] = share;
        labels[at] = s->columns[i].name;
    }
    if (st == LEAT_OK && n > 0) {
        leati_bars in = {
            .chart = *chart, .labels = labels, .values = shares, .count = n, .most = COLUMNS_SHOWN};
        st = done(c, leati_chart_missing(c, &in), out);
    }
    leati_free(labels);
    leati_free(shares);
    return st;
}

/* Pearson's r over the rows where both are known. */
static double correlation(const double *x, const double *y, size_t count)
{
    double n = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) continue;
        n += 1;
        double dx = x[i] - mx, dy = y[i] - my;
        mx += dx / n;
        my += dy / n;
        xx += dx * (x[i] - mx);
        yy += dy * (y[i] - my);
        xy += dx * (y[i] - my);
    }
    return n > 2 && xx > 0 && yy > 0 ? xy / sqrt(xx) / sqrt(yy) : (double)NAN;
}

static bool is_left_out(const leati_schema *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->columns[i].name, name) == 0) return s->columns[i].role == LEATI_ROLE_LEFT_OUT;
    return false;
}

static leat_status draw_correlation(leat_context *c, const leati_findings *f,
                                    const leati_chart *chart, leati_scene **out)
{
    const leat_frame *t = f->e->train;
    double *values[COLUMNS_SHOWN] = {NULL}, r[COLUMNS_SHOWN * COLUMNS_SHOWN];
    const char *labels[COLUMNS_SHOWN];
    size_t n = 0, rows = 0;
    leat_status st = LEAT_OK;
    for (size_t i = 0; i < t->columns && n < COLUMNS_SHOWN && st == LEAT_OK; i++) {
        if (!leati_column_is_number(t->column[i]) || is_left_out(&f->e->schema, t->name[i]))
            continue;
        labels[n] = t->name[i];
        values[n] = leati_column_numbers(c, t->column[i], LEATI_PROFILE_ROWS, &rows);
        if (!values[n++]) st = leat_error_status(c);
    }
    if (st == LEAT_OK && n > 1) {
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k <= i; k++)
                r[i * n + k] = r[k * n + i] = correlation(values[i], values[k], rows);
        leati_heat in = {.chart = *chart, .values = r, .labels = labels, .count = n};
        st = done(c, leati_chart_correlation(c, &in), out);
    }
    for (size_t i = 0; i < n; i++) leati_free(values[i]);
    return st;
}

static const leati_report_chart charts[] = {
    {"leaderboard", "Scores of the models", draw_leaderboard},
    {"confusion", "Confusion matrix", draw_confusion},
    {"roc", "ROC curve", draw_roc},
    {"precision_recall", "Precision and recall", draw_precision_recall},
    {"calibration", "Calibration", draw_calibration},
    {"predicted", "Predicted against actual", draw_predicted},
    {"residuals", "Residuals against predicted", draw_residuals},
    {"errors", "Distribution of the residuals", draw_errors},
    {"mistakes", "Worst mistakes", leati_draw_mistakes},
    {"training_loss", "Loss", leati_draw_training_loss},
    {"training_metric", "Accuracy", leati_draw_training_metric},
    {"learning_rate", "Learning rate", leati_draw_learning_rate},
    {"importance", "What the model leans on", draw_importance},
    {"learning_curve", "Learning curve", draw_learning_curve},
    {"validation_curve", "Validation curve", draw_validation_curve},
    {"class_balance", "Rows per class", draw_class_balance},
    {"target", "Distribution of the target", draw_target},
    {"missing", "Missing values", draw_missing},
    {"correlation", "Correlations", draw_correlation},
};

size_t leati_report_chart_count(void)
{
    return sizeof charts / sizeof *charts;
}

const leati_report_chart *leati_report_chart_at(size_t i)
{
    return &charts[i];
}

const leati_report_chart *leati_report_chart_find(const char *name)
{
    for (size_t i = 0; i < leati_report_chart_count(); i++)
        if (strcmp(charts[i].name, name) == 0) return &charts[i];
    return NULL;
}
