/* Epochs of L-BFGS: the loss over all rows and its gradient are added up batch by batch. */
#ifndef LEATI_NN_WHOLE_H
#define LEATI_NN_WHOLE_H

#include "nn/feed.h"
#include "nn/optimizer.h"
#include "nn/train_step.h"

extern const leati_optimizer_class leati_optimizer_lbfgs;

typedef struct leati_lbfgs_optimizer {
    leati_optimizer base;
    int64_t max_iter;
    double tolerance_grad, tolerance_change;
} leati_lbfgs_optimizer;

/* Settings that only go with steps in batches are refused: INVALID. */
leat_status leati_whole_check(leat_context *c, const leati_train_options *o);

typedef struct leati_whole {
    leati_step_shared *step;
    const leati_feed *feed;
    const uint32_t *rows; /* (count), in the order they are added up */
    size_t count;
    uint64_t epoch, batches;          /* batches: done before; keys of what layers draw */
    const leati_recorded *add, *rest; /* steps that add a gradient up: of whole batches, the last */
    /* out */
    double loss, right; /* sums over rows, at the end */
    uint64_t iterations, passes;
} leati_whole;

/* Draws are the same in every pass, so that the loss is one function of the weights. NUMERIC when
 * it is not finite at the start; after CANCELLED the weights are anywhere. */
leat_status leati_whole_run(leati_whole *w);

#endif
