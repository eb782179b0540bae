/* The elastic net by cyclic coordinate descent (Friedman, Hastie and Tibshirani 2010):
 *
 *   minimise 1/2 sum_i w_i (y_i - b0 - x_i b)^2 + l1 |b|_1 + l2 / 2 |b|^2,
 *
 * on the Gram matrix where rows are not fewer than columns, else on residuals. Columns that cannot
 * be in the solution are dropped by gap-safe spheres (Ndiaye, Fercoq, Gramfort and Salmon 2017). */
#ifndef LEATI_LEARN_COORDINATE_DESCENT_H
#define LEATI_LEARN_COORDINATE_DESCENT_H

#include <stdbool.h>
#include <stdint.h>

#include "learn/design.h"

typedef struct leati_cd_options {
    double l1, l2;
    double tolerance; /* of the duality gap, relative to sum w (y - mean)^2 / 2 times 2 */
    uint32_t max_iter;
    bool positive; /* b >= 0 */
    bool random;   /* coordinates drawn at random, by the seed of the data */
} leati_cd_options;

typedef struct leati_cd_result {
    double gap; /* what the objective can be above its minimum, in units of the tolerance's base */
    uint32_t iterations;
    bool converged;
} leati_cd_result;

/* coef (cols) is the starting point and the answer. */
leat_status leati_coordinate_descent(leat_context *c, const leati_design *g,
                                     const leati_cd_options *options, double *coef,
                                     leati_cd_result *result);

#endif
