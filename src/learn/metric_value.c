/* Owns: measures of predicted numbers. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/sort.h"
#include "learn/metric_row.h"
#include "learn/stats_sum.h"

double leati_row_absolute(const leati_eval *e, size_t i, int argument)
{
    (void)argument;
    return fabs(e->y[i] - e->prediction[i]);
}

double leati_row_squared(const leati_eval *e, size_t i, int argument)
{
    (void)argument;
    double d = e->y[i] - e->prediction[i];
    return d * d;
}

double leati_row_percentage(const leati_eval *e, size_t i, int argument)
{
    (void)argument;
    double y = fabs(e->y[i]);
    return fabs(e->y[i] - e->prediction[i]) / (y < 0x1p-52 ? 0x1p-52 : y);
}

/* Weighted mean of y - offset * prediction. */
static double mean_of(const leati_eval *e, double factor)
{
    leati_sum sum = {0}, weights = {0};
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_eval_weight(e, i);
        leati_sum_add(&sum, w * (e->y[i] - factor * e->prediction[i]));
        leati_sum_add(&weights, w);
    }
    return leati_sum_value(&sum) / leati_sum_value(&weights);
}

/* 1 - sum w (error - shift)^2 / sum w (y - mean)^2 */
static double explained(const leati_eval *e, double shift)
{
    double mean = mean_of(e, 0);
    leati_sum above = {0}, below = {0};
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_eval_weight(e, i);
        double error = e->y[i] - e->prediction[i] - shift, d = e->y[i] - mean;
        leati_sum_add(&above, w * error * error);
        leati_sum_add(&below, w * d * d);
    }
    double a = leati_sum_value(&above), b = leati_sum_value(&below);
    if (b > 0) return 1 - a / b;
    return a > 0 ? 0 : 1;
}

leat_status leati_measure_r2(const leati_measure *m, double *out)
{
    *out = m->eval->rows < 2 ? (double)NAN : explained(m->eval, 0);
    return LEAT_OK;
}

leat_status leati_measure_explained_variance(const leati_measure *m, double *out)
{
    *out = explained(m->eval, mean_of(m->eval, 1));
    return LEAT_OK;
}

/* The weighted median averages the values on both sides where the weights split evenly (Hyndman
 * and Fan 1996, definition 2). */
static double weighted_median(const leati_eval *e, const double *error, const uint32_t *order)
{
    double total = 0, below = 0;
    for (size_t i = 0; i < e->rows; i++) total += leati_eval_weight(e, order[i]);
    if (!(total > 0)) return (double)NAN;
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_eval_weight(e, order[i]);
        below += w;
        if (w == 0 || below < total / 2) continue;
        if (below - total / 2 > 0x1p-52) return error[order[i]];
        size_t next = i + 1;
        while (next < e->rows && leati_eval_weight(e, order[next]) == 0) next++;
        if (next == e->rows) next = i;
        return (error[order[i]] + error[order[next]]) / 2;
    }
    return error[order[e->rows - 1]];
}

leat_status leati_measure_median_ae(const leati_measure *m, double *out)
{
    const leati_eval *e = m->eval;
    size_t n = e->rows;
    double *error = leati_array(m->context, n, sizeof *error);
    uint32_t *order = e->weight ? leati_array(m->context, n, sizeof *order) : NULL;
    leat_status st = LEAT_OK;
    if (!error || (e->weight && !order)) {
        st = leat_error_status(m->context);
        goto out;
    }
    for (size_t i = 0; i < n; i++) error[i] = fabs(e->y[i] - e->prediction[i]);
    if (e->weight) {
        LEATI_GO(leati_argsort_f64(m->context, error, n, order));
        *out = weighted_median(e, error, order);
    } else {
        LEATI_GO(leati_sort_f64(m->context, error, n));
        *out = leati_quantile_sorted(error, n, 0.5);
    }
out:
    leati_free(error);
    leati_free(order);
    return st;
}

leat_status leati_measure_max_error(const leati_measure *m, double *out)
{
    const leati_eval *e = m->eval;
    double most = 0;
    for (size_t i = 0; i < e->rows; i++) {
        double d = fabs(e->y[i] - e->prediction[i]);
        if (d > most) most = d;
    }
    *out = most;
    return LEAT_OK;
}
