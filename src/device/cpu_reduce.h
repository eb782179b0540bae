/* What the reductions of the CPU share. */
#ifndef LEATI_DEVICE_CPU_REDUCE_H
#define LEATI_DEVICE_CPU_REDUCE_H

#include "device/step.h"

/* Axes joined to (outer, reduced, inner). */
typedef struct leati_reduce_form {
    size_t outer, reduced, inner;
} leati_reduce_form;

/* False where the reduced axes (those of size 1 apart) are no neighbours. */
bool leati_reduce_form_of(const leati_step *s, leati_reduce_form *f);

/* Types and operations other than sums and extremes of f32 and f64; adjacent axes that are not
 * empty. */
bool leati_reduce_any_takes(const leati_step *s);
leat_status leati_reduce_any(leat_context *c, const leati_step *s);

#endif
