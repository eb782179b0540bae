/* Distribution functions, accurate to about 1e-13 relative in the bulk and both tails. Pure.
 *
 * Prefactors are taken in Loader's form ("Fast and accurate computation of binomial
 * probabilities", 2000), which keeps its digits for large parameters; incomplete beta and gamma
 * functions by continued fraction (modified Lentz) or series. */
#ifndef LEATI_LEARN_STATS_SPECIAL_H
#define LEATI_LEARN_STATS_SPECIAL_H

#include <stddef.h>

double leati_normal_cdf(double x);
double leati_normal_sf(double x); /* 1 - cdf, without loss in the tail */
double leati_normal_quantile(double p);
/* ln |Gamma(x)|; lgamma leaves the sign in a variable that all threads share. */
double leati_log_gamma(double x);

/* Regularised incomplete beta function I_x(a, b) and its complement; a, b > 0, x in [0, 1]. */
double leati_beta_cdf(double x, double a, double b);
double leati_beta_sf(double x, double a, double b);
double leati_beta_quantile(double p, double a, double b);

/* Regularised incomplete gamma functions P(a, x) and Q(a, x); a > 0, x >= 0. */
double leati_gamma_p(double a, double x);
double leati_gamma_q(double a, double x);

double leati_chi2_sf(double x, double df);
double leati_chi2_quantile(double p, double df);
double leati_t_cdf(double t, double df);
double leati_t_sf(double t, double df);
double leati_t_quantile(double p, double df);
double leati_f_sf(double f, double df1, double df2);

/* P(X <= k) and P(X = k) for X binomial (n, p). */
double leati_binomial_cdf(double k, double n, double p);
double leati_binomial_pmf(double k, double n, double p);

/* The range of k standard normal variables, i.e. the studentized range with infinite degrees of
 * freedom: P(range > q), and the q with P(range > q) = alpha. */
double leati_range_sf(double q, size_t k);
double leati_range_quantile(double alpha, size_t k);

#endif
