/* The training loop: mini-batches, a whole step as one plan, validation, early stopping,
 * checkpoints. */
#ifndef LEATI_NN_TRAINER_H
#define LEATI_NN_TRAINER_H

#include "learn/dataset.h"
#include "nn/augment.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/rate_point.h"
#include "nn/schedule.h"

typedef struct leati_train_options {
    const leati_loss *loss;
    const leati_schedule *schedule; /* NULL: constant */
    const leati_augment *augment;   /* NULL: samples as they are */
    size_t epochs, batch_size;
    size_t accumulate; /* batches whose gradients are averaged for one update; 0 is 1 */
    double learning_rate;
    double clip_norm, clip_value; /* of the gradient, in this order; 0: not */
    double ema;                   /* decay of the mean of the weights that is kept; 0: none */
    double validation_fraction;   /* rows set aside, 0: none */
    size_t patience; /* epochs without a better validation loss; 0: no early stopping */
    bool half;       /* products and convolutions in bf16 */
    uint64_t seed;
    uint64_t origin;  /* hash of the first weights, 0 where they are the seed's: for `resume` */
    const char *what; /* for the progress */
    bool watch;       /* measure the accuracy of classifiers while they learn, too */
    /* Where last.checkpoint, best.checkpoint, metrics.jsonl and TensorBoard's events go; NULL:
     * nowhere. With `resume` training goes on from last.checkpoint, where there is one of the same
     * training, to the same bytes as without the interruption, also to more epochs than it was to
     * have at first where the schedule does not depend on their number. */
    const char *folder;
    bool resume;
    bool passes_over;          /* a checkpoint of another training, instead of refusing it */
    double checkpoint_seconds; /* between checkpoints within an epoch; 0: after every update */
    double wait; /* seconds before the folder is made and written to, unless cancelled */
    /* A timeline of the first LEATI_TRACED_UPDATES updates of this run (leat_trace_write); NULL:
     * none. Tracing waits for every step of the plan, so these updates take longer. */
    const char *trace;
} leati_train_options;

enum { LEATI_TRACED_UPDATES = 50 };

/* Trains the open network on the data (x as f32 or f64 rows; mean and scale already as wanted).
 * The last batch of an epoch may be smaller. Losses that are not finite: LEAT_NUMERIC, naming
 * epoch, step, layer and operation where the first such number appears, or the row of the data;
 * also those of rows set aside. INVALID: a value is beyond f32. Cancelled through the progress hook
 * it leaves a checkpoint in the folder. history: leati_history_fini, also after a failure: it then
 * holds what there was. */
leat_status leati_train(leat_context *c, leati_network *n, const leati_optimizer *o,
                        const leati_dataset *d, const leati_train_options *options,
                        leati_history *history);

/* Learning rate range test (Smith 2017, section 3.3): one step at each of `count` rates from low
 * to high, evenly spaced in their logarithms, until the smooth loss, once settled, is four times
 * its least. The weights are used up. points: leati_free. */
leat_status leati_rate_test(leat_context *c, leati_network *n, const leati_optimizer *o,
                            const leati_dataset *d, const leati_train_options *options, double low,
                            double high, size_t count, leati_rate_point **points, size_t *found);

#endif
