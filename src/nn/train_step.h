/* One training step as a recorded graph: forward, backward, clipping, update, metrics. */
#ifndef LEATI_NN_TRAIN_STEP_H
#define LEATI_NN_TRAIN_STEP_H

#include "nn/trainer.h"

/* What recorded steps of all sizes share: where batches lie, scalars that change from step to step,
 * the state of the optimiser. */
typedef struct leati_step_shared {
    leat_context *context;
    leati_network *network;
    const leati_optimizer *optimizer;
    const leati_train_options *options;
    size_t inputs, outputs; /* elements of a sample */
    float *x;               /* (batch, inputs) */
    void *y;                /* (batch) i64 or (batch, outputs) f32, as the loss wants it */
    void *other;            /* y of the samples that are mixed in; NULL: none are */
    float keep;             /* 1 - their share */
    float rate, number;     /* number of the update, from 1 */
    float share;            /* of this batch in the gradient of an update */
    uint64_t key[2];        /* seed and number of the batch: random numbers of layers */
    const float *nowhere;   /* see leati_step_pretend */
    leat_variable *slot[LEATI_MOST_SLOTS];
    leat_variable *sum;  /* of gradients, with accumulation or L-BFGS; NULL without */
    leat_variable *mean; /* of the weights, with EMA; NULL without */
} leati_step_shared;

typedef enum leati_step_kind {
    LEATI_STEP_CHECK,      /* loss and metric only */
    LEATI_STEP_ACCUMULATE, /* the gradient is added up */
    LEATI_STEP_UPDATE      /* and the weights move */
} leati_step_kind;

typedef struct leati_recorded {
    size_t rows;
    leat_tensor **roots;       /* [0]: the loss; [1], where measured: the share of right labels */
    size_t root_count, values; /* values: roots that are no assignments, at the front */
    size_t capacity;
    leat_tensor *x, *y; /* inputs: where the batch lies */
} leati_recorded;

/* Makes the variables, and sets the precision of the graph. */
leat_status leati_step_prepare(leati_step_shared *t);
/* The same for an unopened network on the CPU, whose variables, too, are made: to be measured, not
 * run, for all of them are said to lie at `nowhere`. leati_step_forget before anything else is
 * done with the network. */
leat_status leati_step_pretend(leati_step_shared *t, const float *nowhere);
void leati_step_forget(leati_step_shared *t);
leat_status leati_step_record(leati_step_shared *t, leati_step_kind kind, size_t rows,
                              leati_recorded *out);
void leati_recorded_fini(leati_recorded *r);
static inline leat_status leati_recorded_run(leati_step_shared *t, const leati_recorded *r)
{
    leat_bind(r->x, t->x);
    leat_bind(r->y, t->y);
    return leat_run(t->network->graph, r->root_count, r->roots);
}
typedef struct leati_blame {
    bool found, data; /* data: what went in was not finite */
    size_t row;       /* of the batch, where the value has one for each row; else SIZE_MAX */
    char where[256];  /* "layer 2 `dense`: `matmul`" */
} leati_blame;

/* Runs everything below the roots but the assignments, one value at a time, and finds the first
 * that is not finite. */
leat_status leati_recorded_blame(leati_step_shared *t, const leati_recorded *r, leati_blame *out);

#endif
