/* Tests that may be looked at after every observation and ended when somebody likes.
 *
 * Evidence is -ln of an always-valid p-value: under the hypothesis that it speaks against, it
 * exceeds ln(1 / alpha) with probability at most alpha, once in all time. So a test looked at
 * continuously errs as rarely as one looked at once. That of one sample is ln of a mixture
 * martingale (Ville's inequality); evidence against a set is the least over its members; that of
 * two samples against a pair of parameters is the larger of both, each at its part of alpha, so
 * that a large second sample costs the first one next to nothing.
 *
 * Shares: the beta-binomial mixture with Jeffreys' prior (H. Robbins, "Statistical methods related
 * to the law of the iterated logarithm", 1970; S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021,
 * section 3). Two arms: R. Johari, P. Koomen, L. Pekelis and D. Walsh, "Peeking at A/B tests", KDD
 * 2017. Quantiles: the share of values below a place (S. R. Howard and A. Ramdas, "Sequential
 * estimation of quantiles", Bernoulli 28, 2022). Exact but for means, which are asymptotic.
 *
 * Pure. */
#ifndef LEATI_LEARN_SEQUENTIAL_H
#define LEATI_LEARN_SEQUENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many of the trials. */
typedef struct leati_share {
    double hits, trials;
} leati_share;

/* Against p > bound is `below`, against p < bound is `above`: the direction that is shown. */
double leati_evidence_above(leati_share x, double bound);
double leati_evidence_below(leati_share x, double bound);
/* That the share of x lies above (below) factor * that of y + offset; factor > 0. */
double leati_evidence_share_above(leati_share x, leati_share y, double factor, double offset);
double leati_evidence_share_below(leati_share x, leati_share y, double factor, double offset);
/* The confidence sequence: holds the true share at all times at once with probability 1 - alpha. */
void leati_share_interval(leati_share x, double alpha, double *low, double *high);

/* Values in bins: below[i] of them are at most edges[i], and below[bins - 1], whose edge is
 * infinite, is all of them. */
typedef struct leati_binned {
    const double *edges; /* (bins), increasing */
    const double *below; /* (bins) */
    size_t bins;
} leati_binned;

/* That the q-quantile of x lies above (below) factor * that of y + offset; y NULL: above offset.
 * Both share their edges. Bins widen what must be shown, never the error. */
double leati_evidence_quantile_above(const leati_binned *x, const leati_binned *y, double q,
                                     double factor, double offset);
double leati_evidence_quantile_below(const leati_binned *x, const leati_binned *y, double q,
                                     double factor, double offset);
/* By linear interpolation within the bin; NaN without values. */
double leati_binned_quantile(const leati_binned *x, double q);

typedef struct leati_moments {
    double count, sum, squares;
} leati_moments;

/* That the mean of x lies above (below) factor * that of y + offset; y NULL: above offset. The
 * mixture sequential probability ratio test for a normal mean with the variances of the samples
 * (Johari and others, section 4.2): asymptotic, and no evidence below 50 values an arm. Variances
 * are taken with two further values, at 0 and at twice the mean: equal values show something, not
 * everything. */
double leati_evidence_mean_above(leati_moments x, const leati_moments *y, double factor,
                                 double offset);
double leati_evidence_mean_below(leati_moments x, const leati_moments *y, double factor,
                                 double offset);

#endif
