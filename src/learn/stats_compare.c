/* Owns: tests of differences in closed form. Resampling is stats_resample.c. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/sort.h"
#include "learn/stats.h"
#include "learn/stats_delong.h"
#include "learn/stats_special.h"
#include "learn/stats_sum.h"

static leati_test unknown(const char *method)
{
    double nan = (double)NAN;
    return (leati_test){nan, nan, nan, nan, nan, nan, method};
}

leati_test leati_test_mcnemar(double only_first, double only_second, leati_mcnemar_kind kind)
{
    static const char *const method[] = {"McNemar (exact)", "McNemar (mid-p)", "McNemar (chi2)"};
    double n = only_first + only_second;
    double less = only_first < only_second ? only_first : only_second;
    leati_test t = unknown(method[kind]);
    t.statistic = less;
    t.p = 1;
    if (n == 0) return t;
    if (kind == LEATI_MCNEMAR_CHI2) {
        double d = fabs(only_first - only_second) - 1;
        t.statistic = d > 0 ? d * d / n : 0;
        t.df = 1;
        t.p = leati_chi2_sf(t.statistic, 1);
        return t;
    }
    t.p = 2 * leati_binomial_cdf(less, n, 0.5);
    if (kind == LEATI_MCNEMAR_MIDP) t.p -= leati_binomial_pmf(less, n, 0.5);
    if (t.p > 1) t.p = 1;
    return t;
}

leat_status leati_test_mcnemar_rows(leat_context *c, const leati_eval *first,
                                    const leati_eval *second, leati_test *out)
{
    LEATI_TRY(leati_eval_check(c, first));
    LEATI_TRY(leati_eval_check(c, second));
    LEATI_CHECK(c, first->task == LEATI_CLASSIFY && second->task == LEATI_CLASSIFY, LEAT_INVALID,
                "McNemar's test compares classifiers");
    LEATI_CHECK(c, first->rows == second->rows, LEAT_INVALID,
                "two models can be compared only on the same rows");
    LEATI_CHECK(c, first->prediction && second->prediction, LEAT_INVALID,
                "McNemar's test needs predicted classes");
    LEATI_CHECK(c, !first->weight && !second->weight, LEAT_INVALID,
                "McNemar's test takes no row weights");
    double a = 0, b = 0, n = (double)first->rows;
    for (size_t i = 0; i < first->rows; i++) {
        bool x = (uint32_t)first->prediction[i] == first->label[i];
        bool y = (uint32_t)second->prediction[i] == second->label[i];
        LEATI_CHECK(c, first->label[i] == second->label[i], LEAT_INVALID,
                    "two models can be compared only on the same rows: the truth of row %zu "
                    "differs",
                    i + 1);
        a += x && !y;
        b += y && !x;
    }
    *out = leati_test_mcnemar(a, b, LEATI_MCNEMAR_MIDP);
    out->difference = (a - b) / n;
    /* Wald's interval with half a row added to every cell (Agresti and Min, Statistics in Medicine
     * 2005). */
    double z = leati_normal_quantile(0.975), middle = (a - b) / (n + 2);
    double half = z * sqrt((a + b + 1) - (a - b) * (a - b) / (n + 2)) / (n + 2);
    out->low = middle - half < -1 ? -1 : middle - half;
    out->high = middle + half > 1 ? 1 : middle + half;
    return LEAT_OK;
}

leati_test leati_test_resampled_t(const double *difference, size_t count, double ratio)
{
    leati_test t = unknown("corrected resampled t");
    leati_interval x = leati_interval_folds(difference, count, ratio, 0.95, NULL);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) n += !isnan(difference[i]);
    t.difference = x.estimate;
    t.low = x.low;
    t.high = x.high;
    if (n < 2) return t;
    t.df = (double)(n - 1);
    double half = (x.high - x.low) / 2, scale = half / leati_t_quantile(0.975, t.df);
    if (scale > 0) {
        t.statistic = t.difference / scale;
        t.p = 2 * leati_t_sf(fabs(t.statistic), t.df);
    } else {
        t.statistic = t.difference == 0 ? 0 : copysign((double)INFINITY, t.difference);
        t.p = t.difference == 0;
    }
    return t;
}

leat_status leati_test_delong(leat_context *c, const leati_eval *first, const leati_eval *second,
                              leati_test *out)
{
    leati_delong a = {0}, b = {0};
    leat_status st;
    *out = unknown("DeLong");
    LEATI_GO(leati_delong_make(c, &a, first));
    LEATI_GO(leati_delong_make(c, &b, second));
    bool same = first->rows == second->rows;
    for (size_t i = 0; same && i < first->rows; i++) same = first->label[i] == second->label[i];
    if (!same) {
        st = LEATI_FAIL(c, LEAT_INVALID, "two models can be compared only on the same rows");
        goto out;
    }
    double variance = leati_delong_covariance(&a, &a, first->label) +
                      leati_delong_covariance(&b, &b, first->label) -
                      2 * leati_delong_covariance(&a, &b, first->label);
    out->difference = a.area - b.area;
    if (variance > 1e-30) {
        double half = leati_normal_quantile(0.975) * sqrt(variance);
        out->statistic = out->difference / sqrt(variance);
        out->low = out->difference - half;
        out->high = out->difference + half;
        out->p = 2 * leati_normal_sf(fabs(out->statistic));
    } else if (out->difference == 0) {
        out->statistic = 0;
        out->p = 1;
    }
out:
    leati_delong_fini(&a);
    leati_delong_fini(&b);
    return st;
}

/* --- ranks
 * ------------------------------------------------------------------------------------------ */

/* Mean ranks from 1 by ascending value; returns the sum of t^3 - t over ties of size t. */
static double mean_ranks(const double *value, const uint32_t *order, size_t count, double *rank)
{
    double ties = 0;
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && value[order[to]] == value[order[from]];) to++;
        double size = (double)(to - from);
        for (size_t i = from; i < to; i++) rank[order[i]] = (double)(from + 1 + to) / 2;
        ties += size * size * size - size;
    }
    return ties;
}

enum { WILCOXON_EXACT = 50 };

/* P(W <= w) for n differences without ties: counts of subsets of 1..n by their sum. */
static double wilcoxon_cdf(double w, size_t n)
{
    double ways[WILCOXON_EXACT * (WILCOXON_EXACT + 1) / 2 + 1] = {1};
    size_t top = 0;
    for (size_t k = 1; k <= n; k++) {
        top += k;
        for (size_t s = top; s >= k; s--) ways[s] += ways[s - k];
    }
    double below = 0;
    for (size_t s = 0; s <= top && (double)s <= w; s++) below += ways[s];
    return ldexp(below, -(int)n);
}

static void wilcoxon_p(leati_test *out, double up, double down, size_t n, double ties, bool zeros)
{
    double less = up < down ? up : down, m = (double)n;
    out->statistic = less;
    if (n <= WILCOXON_EXACT && ties == 0 && !zeros) {
        out->method = "Wilcoxon signed rank (exact)";
        out->p = 2 * wilcoxon_cdf(less, n);
    } else {
        double mean = m * (m + 1) / 4;
        double se = sqrt((m * (m + 1) * (2 * m + 1) - ties / 2) / 24);
        out->p = 2 * leati_normal_sf((mean - less) / se);
    }
    if (out->p > 1) out->p = 1;
}

leat_status leati_test_wilcoxon(leat_context *c, const double *difference, size_t count,
                                leati_test *out)
{
    *out = unknown("Wilcoxon signed rank");
    double *size = leati_array(c, count, 2 * sizeof *size);
    uint32_t *order = leati_array(c, count, sizeof *order), *from = NULL;
    leat_status st = LEAT_OK;
    from = leati_array(c, count, sizeof *from);
    if (!size || !order || !from) {
        st = leat_error_status(c);
        goto out;
    }
    size_t n = 0;
    bool zeros = false;
    for (size_t i = 0; i < count; i++) {
        if (isnan(difference[i])) continue;
        zeros = zeros || difference[i] == 0;
        if (difference[i] == 0) continue;
        from[n] = (uint32_t)i;
        size[n++] = fabs(difference[i]);
    }
    if (n == 0) {
        out->p = zeros ? 1 : (double)NAN;
        goto out;
    }
    double *rank = size + count, up = 0, down = 0;
    LEATI_GO(leati_argsort_f64(c, size, n, order));
    double ties = mean_ranks(size, order, n, rank);
    for (size_t i = 0; i < n; i++) *(difference[from[i]] > 0 ? &up : &down) += rank[i];
    wilcoxon_p(out, up, down, n, ties, zeros);
out:
    leati_free(size);
    leati_free(order);
    leati_free(from);
    return st;
}

leat_status leati_test_friedman(leat_context *c, const double *score, size_t blocks, size_t models,
                                leati_test *out, double *mean_rank)
{
    *out = unknown("Friedman");
    LEATI_CHECK(c, blocks >= 2 && models >= 2, LEAT_INVALID,
                "Friedman's test needs at least 2 models on 2 data sets or folds");
    double *negative = leati_array(c, models, 3 * sizeof *negative);
    uint32_t *order = leati_array(c, models, sizeof *order);
    leat_status st = LEAT_OK;
    if (!negative || !order) {
        st = leat_error_status(c);
        goto out;
    }
    double *rank = negative + models, *sum = rank + models, ties = 0, squares = 0;
    double k = (double)models, n = (double)blocks;
    for (size_t j = 0; j < models; j++) sum[j] = 0;
    for (size_t b = 0; b < blocks; b++) {
        for (size_t j = 0; j < models; j++) {
            double x = score[b * models + j];
            if (isnan(x)) {
                st = LEATI_FAIL(c, LEAT_INVALID,
                                "Friedman's test: the score of model %zu on fold %zu is missing",
                                j + 1, b + 1);
                goto out;
            }
            negative[j] = 0.0 - x;
        }
        LEATI_GO(leati_argsort_f64(c, negative, models, order));
        ties += mean_ranks(negative, order, models, rank);
        for (size_t j = 0; j < models; j++) sum[j] += rank[j];
    }
    for (size_t j = 0; j < models; j++) squares += sum[j] * sum[j];
    double untied = 1 - ties / (k * (k * k - 1) * n);
    out->df = k - 1;
    if (untied > 0) {
        out->statistic = (12 / (k * n * (k + 1)) * squares - 3 * n * (k + 1)) / untied;
        out->p = leati_chi2_sf(out->statistic, out->df);
    } else {
        out->statistic = 0;
        out->p = 1;
    }
    for (size_t j = 0; mean_rank && j < models; j++) mean_rank[j] = sum[j] / n;
out:
    leati_free(negative);
    leati_free(order);
    return st;
}

static double nemenyi_scale(size_t models, size_t blocks)
{
    double k = (double)models;
    return sqrt(k * (k + 1) / (6 * (double)blocks));
}

double leati_nemenyi_distance(size_t models, size_t blocks, double alpha)
{
    return leati_range_quantile(alpha, models) * sqrt(0.5) * nemenyi_scale(models, blocks);
}

double leati_nemenyi_p(double rank_distance, size_t models, size_t blocks)
{
    return leati_range_sf(fabs(rank_distance) / nemenyi_scale(models, blocks) * sqrt(2), models);
}

leat_status leati_adjust_holm(leat_context *c, const double *p, size_t count, double *adjusted)
{
    uint32_t *order = leati_array(c, count, sizeof *order);
    if (!order) return leat_error_status(c);
    leat_status st = count ? leati_argsort_f64(c, p, count, order) : LEAT_OK;
    size_t known = 0;
    for (size_t i = 0; i < count; i++) known += !isnan(p[i]);
    double least = 0;
    for (size_t i = 0; st == LEAT_OK && i < known; i++) { /* NaN are sorted last */
        double x = p[order[i]] * (double)(known - i);
        if (x > least) least = x;
        adjusted[order[i]] = least > 1 ? 1 : least;
    }
    for (size_t i = known; st == LEAT_OK && i < count; i++) adjusted[order[i]] = (double)NAN;
    leati_free(order);
    return st;
}
