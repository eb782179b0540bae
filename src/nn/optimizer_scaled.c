/* Owns: optimisers that divide by a mean of squared gradients: RMSprop (Hinton 2012, lecture 6e;
 * centred: Graves 2013, section 2.2), Adagrad (Duchi et al. 2011), Adadelta (Zeiler 2012,
 * algorithm 1). */
#include "nn/optimizer.h"

/* ---- RMSprop -------------------------------------------------------------------------------- */

typedef struct rmsprop {
    leati_optimizer base;
    double alpha, epsilon, weight_decay, momentum;
    bool centered;
} rmsprop;

static const leati_param rmsprop_params[] = {
    LEATI_OPTIMIZER_REAL(rmsprop, alpha, "0.99", 1, "Decay of the mean of squares."),
    LEATI_OPTIMIZER_REAL(rmsprop, epsilon, "1e-08", 1, "Keeps the division finite."),
    LEATI_OPTIMIZER_REAL(rmsprop, weight_decay, "0", 1, LEATI_DECAY_DOC),
    LEATI_OPTIMIZER_REAL(rmsprop, momentum, "0", 1, "Share of the last step that is kept."),
    LEATI_OPTIMIZER_BOOL(rmsprop, centered, "Divide by the deviation, not by the mean square."),
    {0}};

static leat_tensor *update_rmsprop(const leati_optimizer *o, leati_update *u)
{
    const rmsprop *r = (const rmsprop *)o;
    leat_tensor *g = leati_update_gradient(u, r->weight_decay);
    leat_tensor *square = leati_update_mix(u->slot[0], r->alpha, leat_mul(g, g));
    leat_tensor *variance = square;
    for (int k = 0; k < 3; k++) u->new_slot[k] = u->slot[k];
    u->new_slot[0] = square;
    if (r->centered) {
        leat_tensor *mean = leati_update_mix(u->slot[1], r->alpha, g);
        u->new_slot[1] = mean;
        variance = leat_maximum(leat_sub(square, leat_mul(mean, mean)), leat_like(mean, 0));
    }
    leat_tensor *move = leat_div(g, leat_shift(leat_sqrt(variance), r->epsilon));
    if (r->momentum > 0)
        u->new_slot[2] = move = leat_add(leat_scale(u->slot[2], r->momentum), move);
    return leat_sub(u->weight, leat_mul(move, u->rate));
}

static size_t slots_of_rmsprop(const leati_optimizer *o)
{
    const rmsprop *r = (const rmsprop *)o;
    return r->momentum > 0 ? 3 : r->centered ? 2 : 1;
}

const leati_optimizer_class leati_optimizer_rmsprop = {
    .name = "rmsprop",
    .doc = "Divides the gradient by the root of its running mean square.",
    .size = sizeof(rmsprop),
    .slots = 3,
    .params = rmsprop_params,
    .update = update_rmsprop,
    .standard_rate = 0.01,
    .used_slots = slots_of_rmsprop};

/* ---- Adagrad -------------------------------------------------------------------------------- */

typedef struct adagrad {
    leati_optimizer base;
    double lr_decay, weight_decay, initial_accumulator_value, epsilon;
} adagrad;

static const leati_param adagrad_params[] = {
    LEATI_OPTIMIZER_REAL(adagrad, lr_decay, "0", 1e6,
                         "The rate is divided by 1 + this times the steps done."),
    LEATI_OPTIMIZER_REAL(adagrad, weight_decay, "0", 1, LEATI_DECAY_DOC),
    LEATI_OPTIMIZER_REAL(adagrad, initial_accumulator_value, "0", 1e6,
                         "First value of the sum of squares."),
    LEATI_OPTIMIZER_REAL(adagrad, epsilon, "1e-10", 1, "Keeps the division finite."),
    {0}};

static leat_tensor *update_adagrad(const leati_optimizer *o, leati_update *u)
{
    const adagrad *a = (const adagrad *)o;
    leat_tensor *g = leati_update_gradient(u, a->weight_decay), *rate = u->rate;
    leat_tensor *sum = leat_add(u->slot[0], leat_mul(g, g)), *from = sum;
    u->new_slot[0] = sum; /* counted from 0, so that the state of every optimiser begins with 0 */
    if (a->initial_accumulator_value > 0) from = leat_shift(sum, a->initial_accumulator_value);
    if (a->lr_decay > 0)
        rate = leat_div(rate, leat_shift(leat_scale(leat_shift(u->number, -1), a->lr_decay), 1));
    leat_tensor *below = leat_shift(leat_sqrt(from), a->epsilon);
    return leat_sub(u->weight, leat_mul(rate, leat_div(g, below)));
}

const leati_optimizer_class leati_optimizer_adagrad = {
    .name = "adagrad",
    .doc = "Divides the gradient by the root of the sum of its squares.",
    .size = sizeof(adagrad),
    .slots = 1,
    .params = adagrad_params,
    .update = update_adagrad,
    .standard_rate = 0.01};

/* ---- Adadelta ------------------------------------------------------------------------------- */

typedef struct adadelta {
    leati_optimizer base;
    double rho, epsilon, weight_decay;
} adadelta;

static const leati_param adadelta_params[] = {
    LEATI_OPTIMIZER_REAL(adadelta, rho, "0.9", 1, "Decay of both means of squares."),
    LEATI_OPTIMIZER_REAL(adadelta, epsilon, "1e-06", 1, "Keeps the division finite."),
    LEATI_OPTIMIZER_REAL(adadelta, weight_decay, "0", 1, LEATI_DECAY_DOC),
    {0}};

static leat_tensor *update_adadelta(const leati_optimizer *o, leati_update *u)
{
    const adadelta *a = (const adadelta *)o;
    leat_tensor *g = leati_update_gradient(u, a->weight_decay);
    leat_tensor *square = leati_update_mix(u->slot[0], a->rho, leat_mul(g, g));
    leat_tensor *ratio = leat_div(leat_sqrt(leat_shift(u->slot[1], a->epsilon)),
                                  leat_sqrt(leat_shift(square, a->epsilon)));
    leat_tensor *move = leat_mul(ratio, g);
    u->new_slot[0] = square;
    u->new_slot[1] = leati_update_mix(u->slot[1], a->rho, leat_mul(move, move));
    return leat_sub(u->weight, leat_mul(move, u->rate));
}

const leati_optimizer_class leati_optimizer_adadelta = {
    .name = "adadelta",
    .doc = "Steps in the unit of the weights: the root of the ratio of mean squares.",
    .size = sizeof(adadelta),
    .slots = 2,
    .params = adadelta_params,
    .update = update_adadelta,
    .standard_rate = 1};
