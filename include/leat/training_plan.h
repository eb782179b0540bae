/* What training the network of an experiment would take, without training it. */
#ifndef LEAT_TRAINING_PLAN_H
#define LEAT_TRAINING_PLAN_H

#include <leat/experiment.h>
#include <leat/inspect.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_training_plan leat_training_plan;

/* Bytes while the final model learns. */
typedef struct leat_training_memory {
    size_t weights, gradients;
    size_t optimizer;   /* its state */
    size_t copies;      /* of the weights: the best epoch, the way back from a bad loss, means */
    size_t activations; /* of the plans for a batch, forward and backward */
    size_t batches;
    size_t data;        /* the table as the network takes it */
    uint64_t available; /* on this machine, with the data not yet loaded by the plan's caller */
} leat_training_memory;

/* As leat_experiment_run would begin. NOT_FOUND: no model of the experiment is a network. */
LEAT_API LEAT_CHECKED leat_status leat_training_plan_create(leat_context *context,
                                                            leat_training_plan **out,
                                                            leat_frame *train,
                                                            const leat_experiment_options *options);
LEAT_API void leat_training_plan_destroy(leat_training_plan *plan); /* NULL is fine */
LEAT_API size_t leat_training_plan_layers(const leat_training_plan *plan);
LEAT_API leat_layer_info leat_training_plan_layer(const leat_training_plan *plan, size_t i);
LEAT_API size_t leat_training_plan_parameters(const leat_training_plan *plan); /* trained */
LEAT_API size_t leat_training_plan_states(const leat_training_plan *plan);     /* not trained */
/* Of a forward pass of one sample; of a whole step, forward and backward, of a batch. */
LEAT_API double leat_training_plan_flops(const leat_training_plan *plan);
LEAT_API double leat_training_plan_step_flops(const leat_training_plan *plan);
LEAT_API size_t leat_training_plan_batch(const leat_training_plan *plan); /* rows of a step */
LEAT_API const char *leat_training_plan_optimizer(const leat_training_plan *plan); /* "adam" */
LEAT_API leat_training_memory leat_training_plan_memory(const leat_training_plan *plan);
LEAT_API size_t leat_training_memory_total(const leat_training_memory *memory);

/* ---- the learning rate range test ---------------------------------------------------------------
 */

/* One step at each of 120 learning rates from 1e-6 to 10, as long as the running mean of the loss
 * stays below four times its least, which is looked for from the tenth step on (Smith, "Cyclical
 * learning rates for training neural networks", WACV 2017, section 3.3). */
typedef struct leat_rate_range leat_rate_range;
typedef struct leat_rate_point {
    double rate, loss;
    double smooth; /* the running mean of the losses, decay 0.9, corrected for its start */
} leat_rate_point;

/* Of the experiment's network on all its rows. NOT_FOUND: no model is a network. UNSUPPORTED: the
 * optimiser has no learning rate. NUMERIC: the loss is finite at no rate. */
LEAT_API LEAT_CHECKED leat_status leat_rate_range_create(leat_context *context,
                                                         leat_rate_range **out, leat_frame *train,
                                                         const leat_experiment_options *options);
LEAT_API void leat_rate_range_destroy(leat_rate_range *range); /* NULL is fine */
LEAT_API size_t leat_rate_range_points(const leat_rate_range *range);
LEAT_API leat_rate_point leat_rate_range_point(const leat_rate_range *range, size_t i);
/* Where the smooth loss is least; a tenth of it is the rate to start from. Both NaN where it is
 * least at either end of the test, or leaves its beginning by no more than the losses of batches
 * scatter: there is no minimum. */
LEAT_API double leat_rate_range_least(const leat_rate_range *range);
LEAT_API double leat_rate_range_suggestion(const leat_rate_range *range);
/* The curve as path.svg or path.png, by the suffix. */
LEAT_API LEAT_CHECKED leat_status leat_rate_range_draw(leat_context *context,
                                                       const leat_rate_range *range,
                                                       const char *path);

#ifdef __cplusplus
}
#endif

#endif
