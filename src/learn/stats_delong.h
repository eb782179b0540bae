/* The structural components of an area under the ROC curve (DeLong et al. 1988, eq. 4), computed
 * from ranks in O(n log n) (Sun and Xu, IEEE Signal Processing Letters 2014). For stats*.c only. */
#ifndef LEATI_LEARN_STATS_DELONG_H
#define LEATI_LEARN_STATS_DELONG_H

#include "learn/metric.h"

typedef struct leati_delong {
    double area;
    size_t in, out;    /* rows of class 1 and 0 */
    double *component; /* (rows) of class 1: share of the others that it beats; else by which it is
                          beaten */
} leati_delong;

leat_status leati_delong_make(leat_context *c, leati_delong *d, const leati_eval *e);
void leati_delong_fini(leati_delong *d);
/* Covariance of two areas on the same rows; the variance for a == b. */
double leati_delong_covariance(const leati_delong *a, const leati_delong *b, const uint32_t *label);

#endif
