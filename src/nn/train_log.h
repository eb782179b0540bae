/* What a training tells other programs: metrics.jsonl, a line an epoch, and the event file that
 * TensorBoard reads. Both are written anew after every epoch, complete or not at all. */
#ifndef LEATI_NN_TRAIN_LOG_H
#define LEATI_NN_TRAIN_LOG_H

#include "nn/trainer.h"

/* FOLDER/metrics.jsonl and FOLDER/events.out.tfevents.leat. Times of the events are seconds since
 * the training began. */
leat_status leati_train_log_write(leat_context *c, const char *folder, const leati_history *h);

#endif
