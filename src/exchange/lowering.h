/* A model as a graph: from its inputs as they stand in a table to its answers. */
#ifndef LEATI_EXCHANGE_LOWERING_H
#define LEATI_EXCHANGE_LOWERING_H

#include <leat/function.h>

#include "graph/graph.h"
#include "model/model.h"
#include "nn/network.h"

typedef struct leati_lowering {
    leat_context *context;
    const leat_model *model;
    const leati_estimator *estimator;
    leati_state *state; /* of the estimator */
    leat_graph *graph;
    int64_t batch;
    leati_network *network; /* of the estimator `network`; to be destroyed */
    leat_tensor *x;         /* (batch, features) f64 */
    /* What a lowering sets: */
    leat_tensor *class; /* (batch) i64, CLASSIFY */
    leat_tensor *out;   /* (batch, classes) f64: probabilities or scores; or (batch) the value */
} leati_lowering;

#define LOWERING(estimator, function) leat_status leati_lower_##function(leati_lowering *l);
#include "exchange/lowerings.def"
#undef LOWERING

/* The estimator's answers from l->x. UNSUPPORTED where it cannot be a graph. */
leat_status leati_lower_estimator(leati_lowering *l);

/* The inputs of the model (one for each, in order) as inputs of the graph, and l->x from them.
 * Numbers, bools: f64 (batch, 1); times: f64 microseconds; texts: f64 (batch, 1) with the number of
 * the level, -1 for another, NaN where missing; arrays: (batch, shape...) of their type. */
leat_status leati_lower_inputs(leati_lowering *l, leat_tensor **input);

/* Constants of the state, (rows, cols) or (rows) as they stand; NULL with an error when absent or
 * of another type. */
leat_tensor *leati_lower_array(leati_lowering *l, const char *name);
leat_tensor *leati_lower_constant(leati_lowering *l, const double *v, int64_t rows, int64_t cols);
/* A parameter as text. */
const char *leati_lower_param(const leati_lowering *l, const char *name, char out[64]);
double leati_lower_number(const leati_lowering *l, const char *name); /* 0: it is none */
/* l->out = softmax of the scores, l->class its largest. */
leat_status leati_lower_softmax(leati_lowering *l, leat_tensor *scores);
/* What stands once the graph is whole. */
leat_status leati_lower_status(const leati_lowering *l);

#endif
