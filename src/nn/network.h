/* A network: layers declared in a line of text, their weights in one block.
 *
 *     conv2d(32, 3, activation=relu); max_pool2d; flatten; dropout(0.5); dense(64); relu
 *     residual { dense(64); relu }
 *
 * An item is a layer's name, its parameters in brackets (by name, or in the order of its table) and
 * for containers the inner layers in braces. Activations are layers by their own name, too. */
#ifndef LEATI_NN_NETWORK_H
#define LEATI_NN_NETWORK_H

#include "base/arena.h"
#include "nn/init.h"
#include "nn/layer.h"

typedef struct leati_network_weight {
    char *name; /* "dense_1/kernel" */
    leat_shape shape;
    size_t offset; /* in the block of weights or states, in elements */
    bool trained;  /* else a state */
    leati_init init;
    leat_variable *variable;
    leat_tensor *read; /* in the graph as recorded: all builds share it, and its gradient */
} leati_network_weight;

typedef struct leati_network {
    leat_context *context;
    leati_arena arena;
    leati_layer *first;
    leat_dtype dtype;  /* of weights and values: f32 unless changed before leati_network_open */
    leat_shape input;  /* without the batch */
    leat_shape output; /* without the batch */
    leati_network_weight *weight;
    size_t weight_count, weight_capacity;
    size_t trained_count, state_count; /* elements of the blocks */
    size_t sample_bytes;               /* of all results on the way of one sample through it */
    leat_graph *graph;
    uint32_t clears;                 /* of the graph when weights were read */
    leat_variable *trained, *states; /* the blocks; NULL before leati_network_open */
    uint64_t seed;
    const leati_layer *alone; /* a batch_norm that gets one value of a sample for each channel */
    leati_demand *demands;    /* of layers on the values of the input, see demand.h */
} leati_network;

/* Parses the text and finds the shapes by a trial build. Errors name the layer, what it got and
 * what it expects. */
leat_status leati_network_create(leat_context *c, const char *layers, leat_shape input,
                                 leati_network **out);
/* places: where the layers stand in a file, see leati_layers_parse. */
leat_status leati_network_create_at(leat_context *c, const char *layers, const char *places,
                                    leat_shape input, leati_network **out);
void leati_network_destroy(leati_network *n); /* NULL is fine */
/* Makes the variables in graph g with initial values from the seed. */
leat_status leati_network_open(leati_network *n, leat_graph *g, uint64_t seed);
/* Makes the variables on weights and states of the caller, which are read only: any number of
 * networks may share them. f32, on a device in host memory. */
leat_status leati_network_attach(leati_network *n, leat_graph *g, const float *weights,
                                 const float *states);
/* Values of all weights and states from a safetensors file, after leati_network_open: arrays of
 * their names ("dense_1/kernel") and shapes, F64, F32, F16 or BF16. *mean and *scale (of a
 * regression's target) are set where the file has `target_mean` and `target_scale`; arrays of the
 * preprocessing ("encoder.") are passed over. FORMAT names at once everything that is missing, of
 * another shape or not the network's. skip: these are told in a note instead, weights without a
 * value keep the one they have, and only a file of which nothing fits is refused.
 * Or the weights of a checkpoint of this very network, which leaves NaN in *mean and *scale. */
leat_status leati_network_read(leat_context *c, leati_network *n, const char *path, bool skip,
                               double *mean, double *scale);
/* The graph that it was built on is gone: reads of weights are recorded anew. */
void leati_network_forget(leati_network *n);
/* x (batch, input...) -> (batch, output...). Of b, graph, training and key are the caller's, and
 * updates is to be freed by it. */
leat_tensor *leati_network_build(leati_network *n, leati_builder *b, leat_tensor *x);

#endif
