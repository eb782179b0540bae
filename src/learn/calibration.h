/* Whether probabilities mean what they say: reliability bins and calibration error. */
#ifndef LEATI_LEARN_CALIBRATION_H
#define LEATI_LEARN_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/metric.h"

typedef struct leati_calibration_bin {
    double low, high; /* of the predicted probability: [low, high), the last one closed */
    double predicted; /* mean probability in the bin; NaN when empty */
    double observed;  /* share that came true; NaN when empty */
    double weight;    /* rows (their weight) */
} leati_calibration_bin;

/* bin (bins) equal in width over [0, 1]. class < classes: the probability of that class, and
 * whether it is the true one. class == UINT32_MAX: the largest probability of each row, and whether
 * that class is the true one (the confidence). */
leat_status leati_calibration_curve(leat_context *c, const leati_eval *e, uint32_t class,
                                    size_t bins, leati_calibration_bin *bin);
/* Expected and largest calibration error: mean (by weight) and largest |observed - predicted|
 * (Guo et al., ICML 2017, eq. 3 and 5). */
double leati_calibration_error(const leati_calibration_bin *bin, size_t bins, double *largest);

#endif
