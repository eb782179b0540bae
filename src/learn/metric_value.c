/* Owns: measures of predicted numbers. */
#include <math.h>

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

double leati_eval_unit(const leati_eval *e)
{
    double most = 0;
    for (size_t i = 0; i < e->rows; i++) most = fmax(most, fabs(e->y[i] - e->prediction[i]));
    return leati_unit_of(most);
}

/* Where squares have no room the errors are measured in a unit of their own size. */
double leati_measure_root_mean(const leati_measure *m)
{
    const leati_eval *e = m->eval;
    double root = sqrt(leati_measure_mean(m)), unit;
    if (leati_unit_of(root) == 1 && root > 0 && !isinf(root)) return root;
    unit = leati_eval_unit(e);
    leati_sum sum = {0}, weights = {0};
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_weight(m->weight, i), d = (e->y[i] - e->prediction[i]) / unit;
        leati_sum_add(&sum, w * d * d);
        leati_sum_add(&weights, w);
    }
    return sqrt(leati_sum_value(&sum) / leati_sum_value(&weights)) * unit;
}

/* Weighted mean of y - factor * prediction. */
static double mean_of(const leati_measure *m, double factor)
{
    const leati_eval *e = m->eval;
    leati_sum sum = {0}, weights = {0};
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_weight(m->weight, i);
        leati_sum_add(&sum, w * (e->y[i] - factor * e->prediction[i]));
        leati_sum_add(&weights, w);
    }
    return leati_sum_value(&sum) / leati_sum_value(&weights);
}

/* *above = sum w (error - shift)^2, *below = sum w (y - mean)^2, both over unit^2. */
static void squares(const leati_measure *m, double shift, double mean, double unit, double *above,
                    double *below)
{
    const leati_eval *e = m->eval;
    leati_sum a = {0}, b = {0};
    for (size_t i = 0; i < e->rows; i++) {
        double w = leati_weight(m->weight, i);
        double error = (e->y[i] - e->prediction[i] - shift) / unit, d = (e->y[i] - mean) / unit;
        leati_sum_add(&a, w * error * error);
        leati_sum_add(&b, w * d * d);
    }
    *above = leati_sum_value(&a);
    *below = leati_sum_value(&b);
}

/* 1 - sum w (error - shift)^2 / sum w (y - mean)^2 */
static double explained(const leati_measure *m, double shift)
{
    const leati_eval *e = m->eval;
    double mean = mean_of(m, 0), a, b, most = 0;
    for (size_t i = 0; i < e->rows; i++) most = fmax(most, fabs(e->y[i] - mean));
    squares(m, shift, mean, leati_unit_of(most), &a, &b);
    if (b > 0) return 1 - a / b;
    return a > 0 ? 0 : 1;
}

double leati_measure_r2(const leati_measure *m)
{
    return m->eval->rows < 2 ? (double)NAN : explained(m, 0);
}

double leati_measure_explained_variance(const leati_measure *m)
{
    return explained(m, mean_of(m, 1));
}

/* Averages the values on both sides where the weights split evenly (Hyndman and Fan 1996,
 * definition 2). */
double leati_measure_median_ae(const leati_measure *m)
{
    const double *error = m->value;
    size_t n = m->eval->rows;
    double total = 0, below = 0;
    for (size_t i = 0; i < n; i++) total += leati_weight(m->weight, m->order[i]);
    if (!(total > 0)) return (double)NAN;
    for (size_t i = 0; i < n; i++) {
        double w = leati_weight(m->weight, m->order[i]);
        below += w;
        if (w == 0 || below < total / 2) continue;
        if (below - total / 2 > 0x1p-52) return error[m->order[i]];
        size_t next = i + 1;
        while (next < n && leati_weight(m->weight, m->order[next]) == 0) next++;
        if (next == n) next = i;
        return (error[m->order[i]] + error[m->order[next]]) / 2;
    }
    return error[m->order[n - 1]];
}

double leati_measure_max_error(const leati_measure *m)
{
    const leati_eval *e = m->eval;
    double most = 0;
    for (size_t i = 0; i < e->rows; i++) {
        double d = fabs(e->y[i] - e->prediction[i]);
        if (d > most && leati_weight(m->weight, i) > 0) most = d;
    }
    return most;
}
