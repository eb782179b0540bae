/* Stochastic gradient descent for linear models (Bottou 2010): one weight vector per output, all
 * outputs going over the rows in the same order, so that a row is read once for all of them. The
 * L2 part of a penalty scales the weights, the L1 part is the cumulative truncation of Tsuruoka,
 * Tsujii and Ananiadou (2009); averages are those of Xu (2011). */
#ifndef LEATI_LEARN_SGD_SOLVER_H
#define LEATI_LEARN_SGD_SOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "learn/dataset.h"
#include "learn/glm.h"
#include "learn/sgd_loss.h"

typedef enum leati_sgd_rate {
    LEATI_SGD_CONSTANT,   /* eta0 */
    LEATI_SGD_OPTIMAL,    /* 1 / (alpha (t + t0)) */
    LEATI_SGD_INVSCALING, /* eta0 / t^power_t */
    LEATI_SGD_ADAPTIVE    /* eta0, a fifth of it after each n_iter_no_change poor epochs */
} leati_sgd_rate;

typedef struct leati_sgd_options {
    leati_sgd_loss loss;
    leati_sgd_rate rate;
    double alpha, l1_ratio; /* strength of the penalty; share of its L1 part */
    double epsilon, eta0, power_t;
    double tolerance; /* negative: no early end */
    uint32_t max_iter, n_iter_no_change;
    uint64_t average; /* average the weights from this step on; 0: never */
    bool penalised, intercept, shuffle, early_stopping;
    double validation_fraction;
    const double *class_weight; /* (classes) or NULL */
} leati_sgd_options;

/* Fills the coefficients of a fresh *out. *epochs is that of the slowest output. NUMERIC when the
 * weights overflow. */
leat_status leati_sgd(leat_context *c, const leati_dataset *d, const leati_sgd_options *options,
                      leati_glm *out, uint32_t *epochs, bool *converged);

#endif
