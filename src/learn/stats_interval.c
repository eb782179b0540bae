/* Owns: intervals in closed form, and the choice of an interval for a metric. Resampling is
 * stats_resample.c. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/metric_row.h"
#include "learn/stats.h"
#include "learn/stats_delong.h"
#include "learn/stats_special.h"
#include "learn/stats_sum.h"

leati_interval leati_interval_wilson(double successes, double n, double level)
{
    double z = leati_normal_quantile(0.5 + level / 2), p = successes / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    leati_interval x = {p, middle - half, middle + half, level, "Wilson"};
    /* Rounding must not move the ends off the exact 0 and 1 nor past the estimate. */
    if (successes <= 0 || x.low < 0) x.low = 0;
    if (successes >= n || x.high > 1) x.high = 1;
    return x;
}

/* Mean and sample variance, in unit^2, of the values that are numbers; returns their count. */
static size_t moments(const double *value, size_t count, double *mean, double *variance,
                      double *unit)
{
    leati_sum sum = {0}, squares = {0};
    double least = (double)INFINITY, most = -(double)INFINITY;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(value[i])) continue;
        leati_sum_add(&sum, value[i]);
        least = fmin(least, value[i]);
        most = fmax(most, value[i]);
        n++;
    }
    *mean = n ? leati_sum_value(&sum) / (double)n : (double)NAN;
    if (n && least == most) *mean = least; /* equal values have no spread, not even of rounding */
    *unit = leati_unit_of(fmax(most - *mean, *mean - least));
    for (size_t i = 0; i < count; i++) {
        double d = (value[i] - *mean) / *unit;
        if (!isnan(d)) leati_sum_add(&squares, d * d);
    }
    *variance = n > 1 ? leati_sum_value(&squares) / (double)(n - 1) : (double)NAN;
    return n;
}

static leati_interval student(const double *value, size_t count, double ratio, double level,
                              const char *method)
{
    double mean, variance, unit;
    size_t n = moments(value, count, &mean, &variance, &unit);
    leati_interval x = {mean, (double)NAN, (double)NAN, level, method};
    if (n < 2) return x;
    double t = leati_t_quantile(0.5 + level / 2, (double)(n - 1));
    double half = t * unit * sqrt((1 / (double)n + ratio) * variance);
    x.low = mean - half;
    x.high = mean + half;
    return x;
}

leati_interval leati_interval_mean(const double *value, size_t count, double level)
{
    return student(value, count, 0, level, "Student's t");
}

static void clamp(leati_interval *x, const leati_metric *m)
{
    double least = m->unit == LEATI_UNIT_CORRELATION ? -(double)INFINITY : 0;
    bool bounded = m->unit == LEATI_UNIT_SHARE || m->unit == LEATI_UNIT_CORRELATION;
    if (x->low < least) x->low = least;
    if (bounded && x->high > 1) x->high = 1;
}

leati_interval leati_interval_folds(const double *score, size_t count, double ratio, double level,
                                    const leati_metric *metric)
{
    leati_interval x = student(score, count, ratio, level, "corrected t over folds");
    if (metric) clamp(&x, metric);
    return x;
}

/* --- DeLong
 * --------------------------------------------------------------------------------------- */

leat_status leati_delong_make(leat_context *c, leati_delong *d, const leati_eval *e)
{
    *d = (leati_delong){0};
    LEATI_TRY(leati_eval_check(c, e));
    LEATI_CHECK(c, e->task == LEATI_CLASSIFY && e->classes == 2 && leati_eval_scores(e),
                LEAT_INVALID, "DeLong's method needs two classes and their scores");
    LEATI_CHECK(c, !e->weight, LEAT_INVALID, "DeLong's method takes no row weights");
    LEATI_CHECK(c, e->rows <= LEATI_ROW, LEAT_LIMIT, "too many rows for DeLong's method");
    size_t n = e->rows;
    for (size_t i = 0; i < n; i++) d->in += e->label[i];
    d->out = n - d->in;
    LEATI_CHECK(c, d->in && d->out, LEAT_NUMERIC,
                "there is no ROC curve: the rows hold one class only");
    d->component = leati_array(c, n, sizeof *d->component);
    uint32_t *order = leati_array(c, n, sizeof *order);
    leat_status st = d->component && order ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = leati_rank_class(c, e, 1, d->component, order);
    if (st != LEAT_OK) {
        leati_free(order);
        leati_delong_fini(d);
        return st;
    }
    size_t above_in = 0, above_out = 0;
    for (size_t from = 0, to; from < n; from = to) {
        size_t in = 0, out = 0;
        for (to = from; to < n && (to == from || order[to] & LEATI_TIE); to++) {
            if (order[to] & LEATI_IN) in++;
            else out++;
        }
        double beaten = ((double)(d->out - above_out - out) + (double)out / 2) / (double)d->out;
        double beaten_by = ((double)above_in + (double)in / 2) / (double)d->in;
        for (size_t i = from; i < to; i++) {
            uint32_t row = order[i] & LEATI_ROW;
            d->component[row] = e->label[row] ? beaten : beaten_by;
        }
        above_in += in;
        above_out += out;
    }
    leati_free(order);
    leati_sum sum = {0};
    for (size_t i = 0; i < n; i++)
        if (e->label[i]) leati_sum_add(&sum, d->component[i]);
    d->area = leati_sum_value(&sum) / (double)d->in;
    return LEAT_OK;
}

void leati_delong_fini(leati_delong *d)
{
    leati_free(d->component);
    *d = (leati_delong){0};
}

double leati_delong_covariance(const leati_delong *a, const leati_delong *b, const uint32_t *label)
{
    leati_sum in = {0}, out = {0};
    for (size_t i = 0; i < a->in + a->out; i++)
        leati_sum_add(label[i] ? &in : &out,
                      (a->component[i] - a->area) * (b->component[i] - b->area));
    double n = (double)a->in, m = (double)a->out;
    return (n > 1 ? leati_sum_value(&in) / (n - 1) / n : 0) +
           (m > 1 ? leati_sum_value(&out) / (m - 1) / m : 0);
}

/* Newcombe's method 5: the areas t with |area - t| = z sqrt(V(t)), V that of Hanley and McNeil with
 * both sample sizes replaced by their mean in the bracket. */
static double newcombe_excess(double t, double area, double z, double in, double out)
{
    double mean = (in + out) / 2 - 1;
    double v = t * (1 - t) / (in * out) * (1 + mean * ((1 - t) / (2 - t) + t / (1 + t)));
    return fabs(area - t) - z * sqrt(v);
}

static double newcombe_end(double area, double end, double z, double in, double out)
{
    double near = area, far = end; /* excess < 0 near the area, >= 0 at the end */
    if (near == far) return far;
    for (int i = 0; i < 200; i++) {
        double t = (near + far) / 2;
        if (newcombe_excess(t, area, z, in, out) < 0) near = t;
        else far = t;
    }
    return far;
}

leati_interval leati_interval_area(double area, double variance, double in, double others,
                                   double level)
{
    double z = leati_normal_quantile(0.5 + level / 2), a = area;
    if (!(variance > 0 && a > 0 && a < 1))
        return (leati_interval){a, newcombe_end(a, 0, z, in, others),
                                newcombe_end(a, 1, z, in, others), level, "Newcombe"};
    double middle = log(a / (1 - a)), half = z * sqrt(variance) / (a * (1 - a));
    return (leati_interval){a, 1 / (1 + exp(half - middle)), 1 / (1 + exp(-half - middle)), level,
                            "DeLong"};
}

leat_status leati_interval_delong(leat_context *c, const leati_eval *e, double level,
                                  leati_interval *out)
{
    leati_delong d;
    LEATI_TRY(leati_delong_make(c, &d, e));
    double variance = leati_delong_covariance(&d, &d, e->label);
    *out = leati_interval_area(d.area, variance, (double)d.in, (double)d.out, level);
    leati_delong_fini(&d);
    return LEAT_OK;
}

/* --- the interval of a metric
 * --------------------------------------------------------------------- */

/* Metrics that are a share of rows: successes and out of how many. */
static bool share_of_rows(const leati_metric *m, const leati_tally *t, const leati_eval *e,
                          double *successes, double *n)
{
    bool micro = m->argument == AVERAGE_MICRO, binary = m->argument == AVERAGE_BINARY;
    if (m->row == leati_row_hit || m->row == leati_row_top_k) {
        *successes = 0;
        for (size_t i = 0; i < e->rows; i++) *successes += m->row(e, i, m->argument);
        *n = (double)e->rows;
        return true;
    }
    if (m->row) return false;
    bool precision = m->measure == leati_measure_precision;
    bool recall = m->measure == leati_measure_recall, f1 = m->measure == leati_measure_f1;
    if (micro && (precision || recall || f1)) {
        *successes = t->right;
        *n = t->total;
        return true;
    }
    if (!binary || !(precision || recall)) return false;
    *successes = t->hit[1];
    *n = precision ? t->predicted[1] : t->truth[1];
    return *n > 0;
}

/* The central limit theorem for a mean over rows; its root for rmse. */
static leat_status interval_of_rows(leat_context *c, const leati_metric *m, const leati_eval *e,
                                    double level, leati_interval *out)
{
    leati_prepared p;
    LEATI_TRY(leati_prepare(c, &p, m, e));
    bool root = m->measure == leati_measure_root_mean;
    double unit = root ? leati_eval_unit(e) : 1;
    for (size_t i = 0; unit != 1 && i < e->rows; i++) {
        double d = (e->y[i] - e->prediction[i]) / unit;
        p.value[i] = d * d;
    }
    *out = leati_interval_mean(p.value, e->rows, level);
    leati_prepared_fini(&p);
    if (out->low < 0) out->low = 0;
    if (root) {
        out->estimate = unit * sqrt(out->estimate);
        out->low = unit * sqrt(out->low);
        out->high = unit * sqrt(out->high);
    }
    return LEAT_OK;
}

/* The interval in closed form where there is one; *done says whether. *out has the estimate. */
static leat_status closed_form(leat_context *c, const leati_metric *m, const leati_eval *e,
                               double level, leati_interval *out, bool *done)
{
    double value, successes = 0, n = 0;
    *done = true;
    LEATI_TRY(leati_metric_eval(c, m, e, &value));
    *out = (leati_interval){value, (double)NAN, (double)NAN, level, "none"};
    if (isnan(value) || m->measure == leati_measure_max_error || e->rows < 2) return LEAT_OK;
    if (!e->weight && e->task == LEATI_CLASSIFY) {
        leati_tally t;
        LEATI_TRY(leati_tally_create(c, &t, e->classes));
        leati_tally_fill(&t, e, NULL);
        bool share = share_of_rows(m, &t, e, &successes, &n);
        leati_tally_fini(&t);
        if (share) {
            *out = leati_interval_wilson(successes, n, level);
            return LEAT_OK;
        }
        if (m->measure == leati_measure_roc_auc && e->classes == 2)
            return leati_interval_delong(c, e, level, out);
    }
    if (!e->weight && m->from == LEATI_FROM_ROWS && e->rows > LEATI_MANY_ROWS)
        return interval_of_rows(c, m, e, level, out);
    *done = false;
    return LEAT_OK;
}

leat_status leati_metric_interval(leat_context *c, const leati_metric *m, const leati_eval *e,
                                  double level, uint64_t seed, leati_interval *out)
{
    bool done;
    LEATI_TRY(closed_form(c, m, e, level, out, &done));
    if (done) return LEAT_OK;
    leati_bootstrap how = {.level = level, .seed = seed};
    return leati_interval_bootstrap(c, m, e, &how, out);
}

leat_status leati_metric_intervals(leat_context *c, const leati_eval *e, double level,
                                   uint64_t seed, leati_interval *out)
{
    enum { MOST = 40 };
    const leati_metric *open[2][MOST]; /* [1]: those of ranks, which get fewer resamples */
    size_t place[2][MOST], count[2] = {0, 0};
    LEATI_BUG_IF(c, leati_metric_count() > MOST);
    LEATI_TRY(leati_eval_check(c, e));
    for (size_t i = 0; i < leati_metric_count(); i++) {
        const leati_metric *m = leati_metric_at(i);
        bool done = true, ranks = m->from == LEATI_FROM_RANKS;
        out[i] = (leati_interval){(double)NAN, (double)NAN, (double)NAN, level, "none"};
        if (!leati_metric_applies(m, e, NULL)) continue;
        LEATI_TRY(closed_form(c, m, e, level, &out[i], &done));
        if (done) continue;
        place[ranks][count[ranks]] = i;
        open[ranks][count[ranks]++] = m;
    }
    leati_bootstrap how = {.level = level, .seed = seed};
    for (int k = 0; k < 2; k++) {
        leati_interval found[MOST];
        LEATI_TRY(leati_interval_bootstrap_many(c, open[k], count[k], e, &how, found));
        for (size_t i = 0; i < count[k]; i++) out[place[k][i]] = found[i];
    }
    return LEAT_OK;
}
