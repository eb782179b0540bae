/* Optimisers: a row in optimizers.def each. An update is recorded as elementwise operations on the
 * weights, so that a step is one pass over memory. */
#ifndef LEATI_NN_OPTIMIZER_H
#define LEATI_NN_OPTIMIZER_H

#include <leat/graph.h>

#include "learn/param.h"

enum { LEATI_MOST_SLOTS = 3 };

typedef struct leati_optimizer leati_optimizer;

typedef struct leati_update {
    leat_tensor *weight, *gradient;
    leat_tensor *rate;                       /* scalar: of this step, by the schedule */
    leat_tensor *step;                       /* scalar: 1, 2, ... */
    leat_tensor *slot[LEATI_MOST_SLOTS];     /* the state of the optimiser */
    leat_tensor *new_slot[LEATI_MOST_SLOTS]; /* out */
} leati_update;

typedef struct leati_optimizer_class {
    const char *name, *doc;
    size_t size, slots;
    const leati_param *params;
    leat_tensor *(*update)(const leati_optimizer *o, leati_update *u); /* the new weight */
} leati_optimizer_class;

struct leati_optimizer {
    const leati_optimizer_class *class;
};

size_t leati_optimizer_count(void);
const leati_optimizer_class *leati_optimizer_at(size_t i);
/* "adam", or with parameters "sgd(momentum=0.9, nesterov=true)". leati_free. */
leat_status leati_optimizer_parse(leat_context *c, const char *text, leati_optimizer **out);

#endif
