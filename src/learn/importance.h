/* Permutation importance: how much a score drops when the values of one feature are shuffled among
 * the rows (Breiman, Machine Learning 45, 2001, section 10). Works for any model. */
#ifndef LEATI_LEARN_IMPORTANCE_H
#define LEATI_LEARN_IMPORTANCE_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/metric.h"

/* The score of the fitted model on its rows when row i takes the values of feature `feature` from
 * row order[i] and everything else is as it is. order NULL: the rows unchanged. A feature may stand
 * for several columns that belong together. */
typedef leat_status (*leati_importance_fn)(void *user, size_t feature, const uint32_t *order,
                                           double *score);

typedef struct leati_importance {
    double mean;      /* how much worse the score became, in the unit of the metric: > 0 matters */
    double spread;    /* standard deviation over the repeats; NaN for one */
    double low, high; /* interval of the mean over shufflings (not over other test rows) */
} leati_importance;

/* out (features). *base: the score of the rows unchanged. Shufflings depend on seed, feature and
 * repeat only. A score of NaN leaves that repeat out. Reports progress. */
leat_status leati_permutation_importance(leat_context *c, const leati_metric *m, size_t rows,
                                         size_t features, uint32_t repeats, double level,
                                         uint64_t seed, leati_importance_fn evaluate, void *user,
                                         double *base, leati_importance *out);

#endif
