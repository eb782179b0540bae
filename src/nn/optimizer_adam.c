/* Owns: Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019, algorithm 2).
 */
#include "nn/optimizer.h"

typedef struct adam {
    leati_optimizer base;
    double beta1, beta2, epsilon, weight_decay;
} adam;

#define PARAMS(decay)                                                                              \
    {.name = "beta1",                                                                              \
     .type = LEATI_PARAM_REAL,                                                                     \
     .offset = offsetof(adam, beta1),                                                              \
     .standard = "0.9",                                                                            \
     .least = 0,                                                                                   \
     .most = 1,                                                                                    \
     .doc = "Decay of the mean of gradients."},                                                    \
        {.name = "beta2",                                                                          \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(adam, beta2),                                                          \
         .standard = "0.999",                                                                      \
         .least = 0,                                                                               \
         .most = 1,                                                                                \
         .doc = "Decay of the mean of their squares."},                                            \
        {.name = "epsilon",                                                                        \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(adam, epsilon),                                                        \
         .standard = "1e-08",                                                                      \
         .least = 0,                                                                               \
         .most = 1,                                                                                \
         .doc = "Keeps the division finite."},                                                     \
        {.name = "weight_decay",                                                                   \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(adam, weight_decay),                                                   \
         .standard = decay,                                                                        \
         .least = 0,                                                                               \
         .most = 1,                                                                                \
         .doc = "adam adds this times the weight to the gradient, adamw takes it off the weight "  \
                "times the learning rate."},                                                       \
    {                                                                                              \
        0                                                                                          \
    }

static const leati_param adam_params[] = {PARAMS("0")};
static const leati_param adamw_params[] = {PARAMS("0.01")};

/* 1 - beta^t, by exp(t log beta). */
static leat_tensor *correction(leat_tensor *step, double beta)
{
    leat_tensor *power = leat_pow(leat_like(step, beta), step);
    return leat_sub(leat_like(step, 1), power);
}

static leat_tensor *move(const adam *a, leati_update *u, leat_tensor *g)
{
    leat_tensor *m = leat_add(leat_scale(u->slot[0], a->beta1), leat_scale(g, 1 - a->beta1));
    leat_tensor *v =
        leat_add(leat_scale(u->slot[1], a->beta2), leat_scale(leat_mul(g, g), 1 - a->beta2));
    u->new_slot[0] = m;
    u->new_slot[1] = v;
    leat_tensor *size = leat_div(u->rate, correction(u->step, a->beta1));
    leat_tensor *root = leat_mul(leat_sqrt(v), leat_rsqrt(correction(u->step, a->beta2)));
    return leat_div(leat_mul(size, m), leat_shift(root, a->epsilon));
}

static leat_tensor *update_adam(const leati_optimizer *o, leati_update *u)
{
    const adam *a = (const adam *)o;
    leat_tensor *g = u->gradient;
    if (a->weight_decay > 0) g = leat_add(g, leat_scale(u->weight, a->weight_decay));
    return leat_sub(u->weight, move(a, u, g));
}

static leat_tensor *update_adamw(const leati_optimizer *o, leati_update *u)
{
    const adam *a = (const adam *)o;
    leat_tensor *keep = leat_sub(leat_like(u->rate, 1), leat_scale(u->rate, a->weight_decay));
    return leat_sub(leat_mul(u->weight, keep), move(a, u, u->gradient));
}

const leati_optimizer_class leati_optimizer_adam = {.name = "adam",
                                                    .doc = "Steps by running means of the gradient "
                                                           "and of its square.",
                                                    .size = sizeof(adam),
                                                    .slots = 2,
                                                    .params = adam_params,
                                                    .update = update_adam};
const leati_optimizer_class leati_optimizer_adamw = {.name = "adamw",
                                                     .doc = "Adam with decoupled weight decay.",
                                                     .size = sizeof(adam),
                                                     .slots = 2,
                                                     .params = adamw_params,
                                                     .update = update_adamw};
