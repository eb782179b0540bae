/* Looking inside networks: what each layer is and costs, what it gives for an input. */
#ifndef LEATI_NN_EXAMINE_H
#define LEATI_NN_EXAMINE_H

#include <leat/inspect.h>

#include "learn/estimator.h"
#include "nn/network.h"

typedef struct leati_layer_row {
    char *path;             /* "residual_1/dense_2" */
    const char *kind;       /* "dense", static */
    bool only_training;     /* once trained it gives what it takes */
    unsigned depth;         /* 0: not inside another layer */
    leat_shape output;      /* of a sample */
    size_t weights, states; /* numbers that are trained; that are not (running means, frozen
                               weights); of containers, those inside too */
    double flops;           /* for a sample, forward; of containers, those inside too */
    size_t bytes;           /* of the output for a sample */
    bool shared;            /* an earlier row has the same weights */
} leati_layer_row;

/* Layers in the order of the text, containers before those inside. */
typedef struct leati_layer_table {
    leati_layer_row *row;
    size_t count;
    size_t weights, states; /* of the network: shared weights count once */
    double flops;
} leati_layer_table;

/* Records a build with a batch of one on the network's graph. */
leat_status leati_layer_table_make(leat_context *c, leati_network *n, leati_layer_table *out);
void leati_layer_table_fini(leati_layer_table *t); /* idempotent */
/* Row i as callers see it, texts borrowed; zeros beyond the end. */
leat_layer_info leati_layer_table_at(const leati_layer_table *t, size_t i);

/* What every layer gives for one input: values[i] (elements of row i's output) in the order of the
 * table, as f32. */
typedef struct leati_activations {
    float **values;
    leat_shape *shape; /* without the batch */
    size_t count;
    float *output;   /* (outputs) of the network */
    float *saliency; /* (inputs) the gradient of output `target` by the input (Simonyan, Vedaldi and
                        Zisserman 2014, section 3); NULL: the input has none */
    bool by_token;   /* the inputs are numbers that an embedding looks up: the lengths of the
                        gradient by what it gives for each */
} leati_activations;

/* x (inputs) f32, as the network takes it. target SIZE_MAX: the greatest output. */
leat_status leati_activations_make(leat_context *c, leati_network *n, const float *x, size_t target,
                                   leati_activations *out);
void leati_activations_fini(leati_activations *a); /* idempotent */

/* out (rows, width): what layer `layer` of the table gives for each row; width: elements of its
 * output. */
leat_status leati_layer_values(leat_context *c, leati_network *n, const leati_matrix *x,
                               size_t layer, float *out, size_t width);

#endif
