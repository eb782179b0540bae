/* Notes on settings with which a training runs and changes little or nothing. */
#ifndef LEATI_NN_TRAIN_NOTES_H
#define LEATI_NN_TRAIN_NOTES_H

#include "nn/trainer.h"

/* Logs what is known before the first of `steps` updates of samples of shape `input`. */
void leati_train_notes(leat_context *c, const leat_shape *input, const leati_optimizer *optimizer,
                       const leati_train_options *options, uint64_t steps);

#endif
