/* The classes of losses.def. */
#ifndef LEATI_NN_LOSS_CLASSES_H
#define LEATI_NN_LOSS_CLASSES_H

#include "nn/loss.h"

#define LOSS(name) extern const leati_loss_class leati_loss_##name;
#include "nn/losses.def"
#undef LOSS

leat_status leati_entropy_see(leat_context *c, leati_loss *l, const leati_dataset *d);

#endif
