/* What reference and CPU share of CROSS_ENTROPY. */
#ifndef LEATI_DEVICE_ENTROPY_H
#define LEATI_DEVICE_ENTROPY_H

#include "device/step.h"

/* LEAT_INVALID names the first label that is neither a class nor ignored. */
leat_status leati_labels_check(leat_context *c, const leati_step *s);

#endif
