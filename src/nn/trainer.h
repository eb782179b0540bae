/* The training loop: mini-batches, a whole step as one plan, validation, early stopping. */
#ifndef LEATI_NN_TRAINER_H
#define LEATI_NN_TRAINER_H

#include "learn/dataset.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/optimizer.h"

typedef struct leati_train_options {
    const leati_loss *loss;
    size_t epochs, batch_size;
    double learning_rate;
    double validation_fraction; /* rows set aside, 0: none */
    size_t patience;            /* epochs without a better validation loss; 0: no early stopping */
    uint64_t seed;
    const char *what; /* for the progress */
} leati_train_options;

typedef struct leati_epoch {
    double loss, validation_loss; /* NaN without validation */
    double rate, seconds;
} leati_epoch;

typedef struct leati_history {
    leati_epoch *epoch; /* leati_free */
    size_t count, best; /* best: the epoch whose weights were kept */
} leati_history;

/* Trains the open network on the data (x as f32 or f64 rows; mean and scale already as wanted).
 * The last batch of an epoch may be smaller. On a loss that is not finite: LEAT_NUMERIC, naming
 * epoch and step. */
leat_status leati_train(leat_context *c, leati_network *n, const leati_optimizer *o,
                        const leati_dataset *d, const leati_train_options *options,
                        leati_history *history);
/* out (rows, outputs) f64: the outputs of the network; `softmax` makes them probabilities. */
leat_status leati_network_predict(leat_context *c, leati_network *n, const leati_matrix *x,
                                  bool softmax, double *out);

#endif
