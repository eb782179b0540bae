/* Probabilities from the decision values of two-class machines. */
#ifndef LEATI_LEARN_PLATT_H
#define LEATI_LEARN_PLATT_H

#include <stddef.h>
#include <stdint.h>

/* P(positive | f) = 1 / (1 + exp(a f + b)) */
typedef struct leati_platt {
    double a, b;
} leati_platt;

/* Maximum likelihood with Platt's smoothed targets by Newton's method with backtracking: Lin, Lin,
 * Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine Learning 68
 * (2007), algorithm 1. positive[i] is 0 or 1. */
leati_platt leati_platt_fit(size_t count, const double *decision, const uint8_t *positive);
double leati_platt_probability(leati_platt p, double decision);

/* p (classes) from r (classes, classes), r[i][j] = P(i | i or j): the second method of Wu, Lin,
 * Weng, "Probability estimates for multi-class classification by pairwise coupling", JMLR 5
 * (2004), algorithm 2. scratch: classes * (classes + 1) values. */
void leati_platt_couple(size_t classes, const double *r, double *p, double *scratch);

#endif
