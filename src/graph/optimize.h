/* Steps of optimisers as operations: one pass over flat weights where a device has the kernel. */
#ifndef LEATI_GRAPH_OPTIMIZE_H
#define LEATI_GRAPH_OPTIMIZE_H

#include <leat/graph.h>

#include "device/op.h"

/* rate, number (1, 2, ... of the step) and scale (of the gradient; NULL: 1) are f32 scalars. The
 * gradient is used as clamp(g * scale, -limit, limit). Results take the place of what they come
 * from where they are assigned. NULL after an error. */
typedef struct leati_adam_in {
    leat_tensor *weight, *first, *second, *gradient, *rate, *number, *scale;
} leati_adam_in;
/* out: weight, first and second moment. */
bool leati_record_adam(const leati_adam_in *in, const leati_adam_attrs *a, leat_tensor *out[3]);

typedef struct leati_sgd_in {
    leat_tensor *weight, *velocity, *gradient, *rate, *number, *scale;
} leati_sgd_in;
/* out: weight, velocity. */
bool leati_record_sgd(const leati_sgd_in *in, const leati_sgd_attrs *a, leat_tensor *out[2]);

#endif
