/* Layers: a row in layers.def and a class each. A layer has parameters by a table like those of
 * estimators and records its part of a graph.
 *
 * Values are (batch, features), (batch, steps, features), or with channels last (batch, width,
 * channels), (batch, height, width, channels), (batch, depth, height, width, channels). */
#ifndef LEATI_NN_LAYER_H
#define LEATI_NN_LAYER_H

#include <leat/graph.h>

#include "base/arena.h"
#include "learn/param.h"

typedef struct leati_layer leati_layer;
typedef struct leati_builder leati_builder;
typedef struct leati_demand leati_demand; /* demand.h */

typedef struct leati_layer_class {
    const char *name;
    const char *doc;
    size_t size;               /* of the whole struct */
    const leati_param *params; /* without name: those given without one, in this order */
    /* x (batch, ...) -> y (batch, ...). NULL after an error. */
    leat_tensor *(*build)(const leati_layer *l, leati_builder *b, leat_tensor *x);
    bool container;     /* has layers inside */
    bool only_training; /* once trained it gives what it takes */
} leati_layer_class;

struct leati_layer {
    const leati_layer_class *class;
    char name[LEATI_WORD_PARAM + 16]; /* "dense_2", or as given: layers of one name share weights */
    unsigned number;                  /* in the text, from 1 */
    const char *file;                 /* where it was declared, or NULL */
    int line;                         /* 0: unknown */
    leati_layer *next;                /* in sequence */
    leati_layer *inside;              /* of containers */
    char given[LEATI_WORD_PARAM];     /* parameters of all layers */
    bool trainable;
};

/* Parameters that every layer has: name, trainable. */
extern const leati_param leati_layer_common[];

/* What a layer of a build gave, for those who look inside. Texts are of the network's arena. */
typedef struct leati_tap {
    const leati_layer *layer;
    const char *path, *scope; /* "residual_1/dense_2"; of its operations */
    unsigned depth;           /* 0: not inside another layer */
    leat_tensor *out;
} leati_tap;

/* Containers inside each other; characters of the longest path of names. */
enum {
    LEATI_LAYER_DEPTH = 32,
    LEATI_LAYER_PATH = (LEATI_LAYER_DEPTH + 3) * (LEATI_WORD_PARAM + 17)
};

/* The graph that layers record into. */
struct leati_builder {
    leat_graph *graph;
    leat_context *context;
    struct leati_network *network;
    bool training;
    leat_tensor *key; /* (2) u64: seed and step, for random numbers; NULL: nothing is dropped */
    uint32_t streams; /* of random numbers handed out */
    leat_tensor **updates; /* ASSIGN of states, run with the step */
    size_t update_count, update_capacity;
    const leati_layer *layer;    /* being built */
    char path[LEATI_LAYER_PATH]; /* of it: "residual_1/dense_2" */
    leat_tensor *mask;           /* (batch, steps) bool: steps that count; NULL: all */
    leat_tensor *memory;         /* what cross-attention attends, see the layer `memory` */
    leat_tensor *memory_mask;
    bool tapped; /* keep what every layer gives in `taps`: leati_free */
    leati_tap *taps;
    size_t tap_count, tap_capacity;
    unsigned depth;
    const leat_tensor *input; /* of the network */
    bool trial;               /* for shapes and demands only */
    bool bare;                /* values are not checked on the way: rows were before */
};

/* The weight `name` of the layer being built: made at the first build, with initial values by
 * `init` (see init.h); the same one afterwards, and an error if the shape is another. Fans: how
 * many inputs an output of the layer has, and the reverse. */
leat_tensor *leati_weight(leati_builder *b, const char *name, leat_shape shape, const char *init,
                          int64_t fan_in, int64_t fan_out);
/* A value that is kept but not trained (running statistics), its first value everywhere `value`. */
leat_tensor *leati_layer_state(leati_builder *b, const char *name, leat_shape shape, double value);
/* After a training step the state becomes x. */
void leati_layer_state_set(leati_builder *b, const char *name, leat_tensor *x);
/* x through one layer; through a sequence of layers. */
leat_tensor *leati_build_layer(leati_builder *b, const leati_layer *l, leat_tensor *x);
leat_tensor *leati_build_layers(leati_builder *b, const leati_layer *first, leat_tensor *x);
/* One more name in the path of weights, for parts of a layer; and back. */
size_t leati_path_push(leati_builder *b, const char *name);
void leati_path_pop(leati_builder *b, size_t length);

/* Records "layer 3 `dense` (net.yaml:12): ..." and gives NULL. */
leat_tensor *leati_layer_fail(leati_builder *b, leat_status st, const char *format, ...)
    LEAT_PRINTF(3, 4);
/* Whether x has from `least` to `most` dimensions; else an error that says `form` is wanted. */
bool leati_layer_rank(leati_builder *b, leat_tensor *x, int least, int most, const char *form);
/* The mask if it is of x (batch, steps, ...), else NULL. */
leat_tensor *leati_layer_mask(const leati_builder *b, leat_tensor *x);
/* x with elements set to 0 at the rate and the others scaled by 1 / (1 - rate), alike along
 * dimensions of 1 in `shape`; x itself when not training. */
leat_tensor *leati_drop(leati_builder *b, leat_tensor *x, double rate, leat_shape shape);
/* Whole numbers from "3" or "3x5" in a parameter, one for all or one for each of `count`; false
 * with an error. */
bool leati_layer_sizes(leati_builder *b, const char *param, const char *text, int count,
                       int64_t least, int64_t *out);

/* Whether numbers that are computed while the layer is built, one for each place, are few enough
 * (2^28) to be computed before anybody has asked what fits into memory; else an error. */
bool leati_layer_table_fits(leati_builder *b, int64_t rows, int64_t columns);

/* A row of a layer's table for an initialiser. */
#define LEATI_INIT_PARAM(type_, field, usual)                                                      \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_WORD, .offset = offsetof(type_, field),                \
        .standard = usual, .doc = "Initial values: an initializer."                                \
    }

/* Units and activation of a layer that is `dense`; 0 and NULL of others. */
int64_t leati_dense_units(const leati_layer *l);
const char *leati_dense_function(const leati_layer *l);
/* The function of a layer that is an activation; NULL of others. */
const char *leati_activation_function(const leati_layer *l);

size_t leati_layer_count(void);
const leati_layer_class *leati_layer_at(size_t i);
/* The sequence that a text declares, see network.h. places: NULL, or where its layers stand in the
 * order of their names in the text: "net.yaml:12,13,15". Memory is the arena's. */
leat_status leati_layers_parse(leat_context *c, leati_arena *arena, const char *text,
                               const char *places, leati_layer **first);
/* "layer 3 `dense` (net.yaml:12)" */
void leati_layer_describe(const leati_layer *l, char *out, size_t size);

#endif
