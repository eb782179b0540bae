/* Layers: a row in layers.def and a file each. A layer has parameters by a table like those of
 * estimators and records its part of a graph. */
#ifndef LEATI_NN_LAYER_H
#define LEATI_NN_LAYER_H

#include <leat/graph.h>

#include "learn/param.h"
#include "nn/init.h"

typedef struct leati_layer leati_layer;
typedef struct leati_builder leati_builder;

typedef struct leati_layer_class {
    const char *name;
    const char *doc;
    size_t size;               /* of the whole struct */
    const leati_param *params; /* without name: those given without one, in this order */
    /* x (batch, ...) -> y (batch, ...). NULL after an error. */
    leat_tensor *(*build)(const leati_layer *l, leati_builder *b, leat_tensor *x);
} leati_layer_class;

struct leati_layer {
    const leati_layer_class *class;
    char name[80];       /* "dense_2": unique in the network */
    int line;            /* in the settings file, 0: unknown */
    leati_layer *next;   /* in sequence */
    leati_layer *inside; /* of residual and other containers */
};

/* The graph that layers record into. */
struct leati_builder {
    leat_graph *graph;
    leat_context *context;
    struct leati_network *network;
    bool training;
    leat_tensor *key;      /* (2) u64: seed and step, for RANDOM; NULL when not training */
    uint32_t streams;      /* of random numbers handed out */
    leat_tensor **updates; /* ASSIGN of states, run with the step */
    size_t update_count, update_capacity;
    char path[256]; /* of the layer being built: "residual_1/dense_2" */
};

/* The trainable weight `name` of the layer being built: made at the first build, where `init` says
 * its values; the same one afterwards. */
leat_tensor *leati_weight(leati_builder *b, const char *name, leat_shape shape, leati_init init);
/* A value that is kept but not trained (running statistics), its first value everywhere `value`. */
leat_tensor *leati_layer_state(leati_builder *b, const char *name, leat_shape shape, double value);
/* After a training step the state becomes x. */
void leati_layer_state_set(leati_builder *b, const char *name, leat_tensor *x);
/* x through a sequence of layers. */
leat_tensor *leati_build_layers(leati_builder *b, const leati_layer *first, leat_tensor *x);

size_t leati_layer_count(void);
const leati_layer_class *leati_layer_at(size_t i);

/* By name: "relu", "none", ...; NULL with an error recorded. Shared by layers with an `activation`.
 */
leat_tensor *leati_activate(leati_builder *b, int activation, leat_tensor *x);
#define LEATI_ACTIVATIONS "none|relu|sigmoid|tanh|softplus"

#endif
