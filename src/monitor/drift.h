/* Measures of how far a distribution of counts is from the norm. Pure functions.
 *
 * Sources: population stability index: Lewis, An Introduction to Credit Scoring, 1994, and its
 * expectation without drift: Yurdakul, Statistical Properties of Population Stability Index, 2018;
 * Kolmogorov and Smirnov: Smirnov, Ann. Math. Statist. 1948; Jensen-Shannon: Lin, IEEE Trans.
 * Inform. Theory 1991, its square root a metric: Endres and Schindelin, same journal 2003;
 * false discovery rate: Benjamini and Hochberg, J. R. Statist. Soc. B 1995. */
#ifndef LEATI_MONITOR_DRIFT_H
#define LEATI_MONITOR_DRIFT_H

#include <leat/monitor.h>

#include "monitor/counters.h"

/* All but p, drifting and alarm. */
leat_drift leati_drift_measure(const leati_counters *w, size_t feature);

/* Sum of (q - p) ln(q / p) over the cells that either has; shares are of counts with a half added
 * to each such cell, so that an empty one is no infinity. *used: how many cells there are. NaN when
 * one of them counts nothing. */
double leati_psi(const uint64_t *norm, const uint64_t *now, size_t cells, size_t *used);
/* sup |F - G| over the borders of the cells. */
double leati_ks_distance(const uint64_t *norm, const uint64_t *now, size_t cells);
/* P(D >= d) in the limit of large counts n, m when nothing differs: Kolmogorov's series. */
double leati_ks_p(double d, double n, double m);
/* Pearson's test that both come from one distribution. Neighbours are joined until at least 5 are
 * expected of each. *df 0 and NaN: too few rows for two cells. */
double leati_chi2(const uint64_t *norm, const uint64_t *now, size_t cells, double *df);
double leati_js_distance(const uint64_t *norm, const uint64_t *now, size_t cells);
/* Step-up adjustment; NaN stay and do not count. May be in place. rank: (count) scratch. */
void leati_adjust_bh(const double *p, size_t count, double *adjusted, uint32_t *rank);

#endif
