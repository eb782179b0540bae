/* What a training takes, known before it starts. */
#ifndef LEATI_NN_TRAIN_MEMORY_H
#define LEATI_NN_TRAIN_MEMORY_H

#include "learn/dataset.h"
#include "nn/network.h"

struct leati_optimizer;
struct leati_train_options;

/* Bytes. The plans of the steps are laid out for it, but nothing of it is allocated. */
typedef struct leati_train_memory {
    size_t weights, gradients, optimizer;
    size_t copies;      /* of weights: the best epoch, the way back from a bad loss, means */
    size_t activations; /* results on the way through the network and back, and scratch */
    size_t batches;     /* of samples and targets */
    size_t data;        /* the encoded table; there already when training starts */
    double flops;       /* of a step: forward and backward */
} leati_train_memory;

/* Of a network that is not open. Of d only the sizes are read. */
leat_status leati_train_memory_plan(leat_context *c, leati_network *n,
                                    const struct leati_optimizer *o, const leati_dataset *d,
                                    const struct leati_train_options *options,
                                    leati_train_memory *out);
/* All but the data. */
size_t leati_train_memory_total(const leati_train_memory *m);
/* Before anything is allocated: LIMIT (of the context) or NOMEM (of the machine) with what is
 * needed and for what. Small trainings pass without being measured. */
leat_status leati_train_memory_check(leat_context *c, leati_network *n,
                                     const struct leati_optimizer *o, const leati_dataset *d,
                                     const struct leati_train_options *options);

#endif
