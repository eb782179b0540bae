/* Optimisers: a row in optimizers.def each, chosen by text: "sgd(momentum=0.9, nesterov=true)". An
 * update is recorded on the flat block of all weights, so that a step is one pass over memory.
 *
 * Formulas and defaults are those of PyTorch 2, with one difference: the learning rate is set by
 * the schedule and not by the optimiser, whose class only says where it usually begins. */
#ifndef LEATI_NN_OPTIMIZER_H
#define LEATI_NN_OPTIMIZER_H

#include <leat/graph.h>

#include "learn/param.h"

enum { LEATI_MOST_SLOTS = 3 };

typedef struct leati_optimizer leati_optimizer;

typedef struct leati_update {
    leat_tensor *weight, *gradient;          /* flat */
    leat_tensor *rate;                       /* f32 scalar: of this step, by the schedule */
    leat_tensor *number;                     /* f32 scalar: 1, 2, ... of the step */
    leat_tensor *scale;                      /* f32 scalar: of the gradient; NULL: 1 */
    double limit;                            /* the scaled gradient is clamped to it; 0: not */
    leat_tensor *slot[LEATI_MOST_SLOTS];     /* the state of the optimiser, zeros at first */
    leat_tensor *new_slot[LEATI_MOST_SLOTS]; /* out */
} leati_update;

typedef struct leati_optimizer_class {
    const char *name, *doc;
    size_t size, slots; /* slots: at most */
    const leati_param *params;
    /* The new weight, or NULL after an error. NULL: the optimiser takes all rows at once (lbfgs,
     * nn/whole.h). */
    leat_tensor *(*update)(const leati_optimizer *o, leati_update *u);
    /* Whether its parameters go together; NULL: all do. */
    leat_status (*check)(leat_context *c, const leati_optimizer *o);
    double standard_rate; /* PyTorch's, where nobody names one; 0: 0.001 */
    /* How many of the slots, from the first, its parameters use; NULL: all. */
    size_t (*used_slots)(const leati_optimizer *o);
} leati_optimizer_class;

struct leati_optimizer {
    const leati_optimizer_class *class;
};

size_t leati_optimizer_count(void);
const leati_optimizer_class *leati_optimizer_at(size_t i);
/* leati_free. */
leat_status leati_optimizer_parse(leat_context *c, const char *text, leati_optimizer **out);

/* Of its state: each as large as the weights. */
size_t leati_optimizer_slots(const leati_optimizer *o);
/* The gradient scaled and clamped, plus decay times the weight. */
leat_tensor *leati_update_gradient(const leati_update *u, double decay);
/* min(1, most / norm) of a flat gradient, as torch.nn.utils.clip_grad_norm_ has it. */
leat_tensor *leati_update_norm_scale(leat_tensor *gradient, double most);
/* x mixed with y: share x + (1 - share) y. */
leat_tensor *leati_update_mix(leat_tensor *x, double share, leat_tensor *y);

/* A row of a parameter table: a number from 0 to most. */
#define LEATI_OPTIMIZER_REAL(T, field, value, highest, text)                                       \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_REAL, .offset = offsetof(T, field), .standard = value, \
        .least = 0, .most = highest, .doc = text                                                   \
    }
#define LEATI_OPTIMIZER_BOOL(T, field, text)                                                       \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_BOOL, .offset = offsetof(T, field),                    \
        .standard = "false", .doc = text                                                           \
    }
#define LEATI_DECAY_DOC "This times the weight is added to the gradient."

#endif
