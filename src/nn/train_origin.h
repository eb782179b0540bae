/* What decides the result of a training: other data, another network or other settings, other
 * weights. */
#ifndef LEATI_NN_TRAIN_ORIGIN_H
#define LEATI_NN_TRAIN_ORIGIN_H

#include "base/str.h"
#include "nn/trainer.h"

enum { LEATI_CHECKPOINT_LAYOUT = 5 }; /* of what checkpoints hold */

/* Hashes. That of the settings is without the number of epochs where no step depends on it: a
 * training goes on to more of them. */
typedef struct leati_origins {
    uint64_t data, network, settings;
} leati_origins;

/* A line a setting, "optimizer.momentum=0.9". leati_free; NULL: no memory. */
char *leati_origin_settings(leat_context *c, const leati_train_options *o,
                            const leati_optimizer *p);
/* Of one of them. */
uint64_t leati_origins_network(const leati_network *n);
/* settings: as above. */
leati_origins leati_origins_make(const leati_dataset *d, const leati_network *n,
                                 const leati_train_options *o, const char *settings);
/* "batch_size was 16 and is 32", of the first that differs between two such texts; the former ends
 * after `size` bytes. Nothing where none does. o: as they are now; the number of epochs is passed
 * over where no step depends on it. */
void leati_origin_tell(leati_str *out, const leati_train_options *o, const char *was, size_t size,
                       const char *is);

#endif
