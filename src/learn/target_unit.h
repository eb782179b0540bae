/* Targets so small or large that their squares have no room in a double. */
#ifndef LEATI_LEARN_TARGET_UNIT_H
#define LEATI_LEARN_TARGET_UNIT_H

#include "learn/dataset.h"

typedef struct leati_target_unit {
    double unit; /* a power of two; 1: *data is what was given */
    double *y;   /* (rows) the target in that unit, or NULL */
    leati_dataset data;
} leati_target_unit;

/* The data of a regression with the target in a unit of its own size where squares need one. An
 * estimator whose fit is in proportion to the target learns from .data and multiplies by .unit; its
 * parameters in the target's unit are divided by it, those in the square of it twice. */
leat_status leati_target_unit_init(leat_context *c, leati_target_unit *u, const leati_dataset *d);
void leati_target_unit_fini(leati_target_unit *u);

#endif
