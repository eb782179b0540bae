/* How sure a measured score is, and whether two scores really differ: intervals and tests.
 *
 * Nothing here draws randomness but from the seed it is given; resampling gives the same numbers
 * for any number of threads. */
#ifndef LEATI_LEARN_STATS_H
#define LEATI_LEARN_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/metric.h"

/* --- intervals
 * -------------------------------------------------------------------------------------
 */

typedef struct leati_interval {
    double estimate;
    double low, high;   /* two-sided; NaN when the data cannot say */
    double level;       /* 0.95 */
    const char *method; /* "Wilson", "DeLong", "bootstrap (BCa)", ... */
} leati_interval;

/* Wilson's score interval for a proportion (JASA 1927). n > 0. */
leati_interval leati_interval_wilson(double successes, double n, double level);
/* Student's interval for the mean of scores of independent rows. */
leati_interval leati_interval_mean(const double *value, size_t count, double level);
/* For the mean of `count` cross-validation scores whose training sets overlap: Student's t with
 * variance (1/count + ratio) s^2, ratio = test rows / training rows (Nadeau and Bengio, Machine
 * Learning 52, 2003, section 3). NaN scores are left out; fewer than two leave low and high NaN.
 * For shares and correlations the ends stay within the metric's range; metric may be NULL. */
leati_interval leati_interval_folds(const double *score, size_t count, double ratio, double level,
                                    const leati_metric *metric);
/* Area under the ROC curve of class 1 of two, by the variance of DeLong, DeLong and Clarke-Pearson
 * (Biometrics 1988), on the logit scale; for an area of 0 or 1 by Newcombe's method 5 (Statistics
 * in Medicine 2006). */
leat_status leati_interval_delong(leat_context *c, const leati_eval *e, double level,
                                  leati_interval *out);
/* The same from an area, its variance (0: not known) and the rows of the class and of the others,
 * which may be expected ones, in parts. */
leati_interval leati_interval_area(double area, double variance, double in, double others,
                                   double level);

typedef enum leati_bootstrap_kind {
    LEATI_BOOTSTRAP_BCA,
    LEATI_BOOTSTRAP_PERCENTILE
} leati_bootstrap_kind;

typedef struct leati_bootstrap {
    leati_bootstrap_kind kind;
    uint32_t resamples;  /* 0: 2000, fewer (at least 200) when rows * resamples > 2e8 */
    double level;        /* 0: 0.95 */
    bool not_stratified; /* draw rows without keeping the number of each class */
    uint64_t seed;
} leati_bootstrap;

/* Any metric; rows are drawn with replacement within their class. BCa: Efron (JASA 1987), its
 * acceleration from a jackknife over at most 200 groups of rows; when `resamples` is 0 and fewer
 * than 1000 fit, the tails are not looked at but taken as normal with the standard deviation of the
 * resamples. */
leat_status leati_interval_bootstrap(leat_context *c, const leati_metric *m, const leati_eval *e,
                                     const leati_bootstrap *how, leati_interval *out);
/* The same for several metrics at once, all computed on each resample; the first decides how many
 * resamples there are. out (count). At most 40. */
leat_status leati_interval_bootstrap_many(leat_context *c, const leati_metric *const *m,
                                          size_t count, const leati_eval *e,
                                          const leati_bootstrap *how, leati_interval *out);
/* The right one for the metric and these rows: Wilson for shares of rows, DeLong for the AUC of two
 * classes, Student for means over more than LEATI_MANY_ROWS rows, else the BCa bootstrap. */
leat_status leati_metric_interval(leat_context *c, const leati_metric *m, const leati_eval *e,
                                  double level, uint64_t seed, leati_interval *out);
/* leati_metric_interval for every row of the metric table, in one go and much cheaper: out
 * (leati_metric_count()), with NaN and method "none" for metrics that do not apply. */
leat_status leati_metric_intervals(leat_context *c, const leati_eval *e, double level,
                                   uint64_t seed, leati_interval *out);
enum { LEATI_MANY_ROWS = 10000 };

/* --- tests
 * ------------------------------------------------------------------------------------------
 */

typedef struct leati_test {
    double difference; /* first minus second, in the unit of the metric; NaN where there is none */
    double low, high;  /* 95% interval of the difference; NaN where there is none */
    double statistic, df;
    double p; /* two-sided; NaN when the data cannot say */
    const char *method;
} leati_test;

typedef enum leati_mcnemar_kind {
    LEATI_MCNEMAR_EXACT, /* binomial */
    LEATI_MCNEMAR_MIDP,  /* Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 2013 */
    LEATI_MCNEMAR_CHI2   /* with continuity correction */
} leati_mcnemar_kind;

/* Rows that only the first, or only the second, got right. */
leati_test leati_test_mcnemar(double only_first, double only_second, leati_mcnemar_kind kind);
/* McNemar's test (mid-p) of two classifiers on the same rows; difference is that of accuracies. */
leat_status leati_test_mcnemar_rows(leat_context *c, const leati_eval *first,
                                    const leati_eval *second, leati_test *out);
/* Differences of two models' scores on the same folds; corrected for overlap (Nadeau and Bengio
 * 2003, section 3.2). Folds where a difference is NaN are left out. All differences equal: p is 1
 * for 0, else 0. */
leati_test leati_test_resampled_t(const double *difference, size_t count, double ratio);
/* Both on the same rows: the bootstrap of the difference, percentile interval; p is twice the
 * smaller share of resamples on the other side of 0 (with one added, so never 0). */
leat_status leati_test_bootstrap(leat_context *c, const leati_metric *m, const leati_eval *first,
                                 const leati_eval *second, const leati_bootstrap *how,
                                 leati_test *out);
/* Swaps the two models' answers row by row at random (a metric that is a mean over rows: random
 * signs; all 2^n of them where n <= 16 rows differ). `resamples` 0: 10000. */
leat_status leati_test_permutation(leat_context *c, const leati_metric *m, const leati_eval *first,
                                   const leati_eval *second, uint32_t resamples, uint64_t seed,
                                   leati_test *out);
/* Wilcoxon's signed-rank test; zeros are dropped; exact for up to 50 differences without ties or
 * zeros, else normal with correction for ties. */
leat_status leati_test_wilcoxon(leat_context *c, const double *difference, size_t count,
                                leati_test *out);
/* Areas under two ROC curves on the same rows (DeLong et al. 1988). */
leat_status leati_test_delong(leat_context *c, const leati_eval *first, const leati_eval *second,
                              leati_test *out);
/* Friedman's test of `models` scores on each of `blocks` data sets or folds: score[b * models + k].
 * mean_rank (models) or NULL: 1 is the largest score. */
leat_status leati_test_friedman(leat_context *c, const double *score, size_t blocks, size_t models,
                                leati_test *out, double *mean_rank);
/* Two mean ranks differ at level alpha when they are this far apart (Nemenyi; Demsar, JMLR 2006,
 * section 3.2.2). */
double leati_nemenyi_distance(size_t models, size_t blocks, double alpha);
double leati_nemenyi_p(double rank_distance, size_t models, size_t blocks);

/* Holm's step-down adjustment (1979): adjusted[i] is at least p[i], at most 1. NaN stay and do not
 * count. May be in place. */
leat_status leati_adjust_holm(leat_context *c, const double *p, size_t count, double *adjusted);

#endif
