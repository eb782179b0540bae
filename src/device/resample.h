/* Resampling along one axis: which inputs an output is made of. */
#ifndef LEATI_DEVICE_RESAMPLE_H
#define LEATI_DEVICE_RESAMPLE_H

#include "device/op.h"

enum { LEATI_RESAMPLE_TAPS = 4 };

/* Output i of an axis with `in` inputs is the sum of weight[t] x[place[t]]; returns the number of
 * taps. Places are inside; several may be equal. */
int leati_resample_taps(const leati_resample_attrs *a, int64_t in, int64_t i, int64_t *place,
                        double *weight);

#endif
