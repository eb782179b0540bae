/* Owns: Adam (Kingma and Ba 2015, algorithm 1), AdamW (Loshchilov and Hutter 2019, algorithm 2),
 * both with the largest second moment so far on request (Reddi et al. 2018, algorithm 2). */
#include "base/error.h"
#include "graph/optimize.h"
#include "nn/optimizer.h"

typedef struct adam {
    leati_optimizer base;
    double beta1, beta2, epsilon, weight_decay;
    bool amsgrad;
} adam;

#define PARAMS(decay, decay_doc)                                                                   \
    LEATI_OPTIMIZER_REAL(adam, beta1, "0.9", 1, "Decay of the mean of gradients."),                \
        LEATI_OPTIMIZER_REAL(adam, beta2, "0.999", 1, "Decay of the mean of their squares."),      \
        LEATI_OPTIMIZER_REAL(adam, epsilon, "1e-08", 1, "Keeps the division finite."),             \
        LEATI_OPTIMIZER_REAL(adam, weight_decay, decay, 1, decay_doc),                             \
        LEATI_OPTIMIZER_BOOL(adam, amsgrad, "Divide by the largest mean of squares so far."),      \
    {                                                                                              \
        0                                                                                          \
    }

static const leati_param adam_params[] = {PARAMS("0", LEATI_DECAY_DOC)};
static const leati_param adamw_params[] = {
    PARAMS("0.01", "This times the learning rate times the weight is taken off the weight.")};

/* 1 - beta^t in f64: in the first steps little is left of the digits. */
static leat_tensor *correction(const leati_update *u, double beta)
{
    leat_tensor *t = leat_cast(u->number, LEAT_DTYPE_F64);
    return leat_sub(leat_like(t, 1), leat_pow(leat_like(t, beta), t));
}

static leat_tensor *largest(const adam *a, leati_update *u, bool decoupled)
{
    leat_dtype type = leat_tensor_dtype(u->weight);
    leat_tensor *w = u->weight, *g = leati_update_gradient(u, decoupled ? 0 : a->weight_decay);
    leat_tensor *rate = leat_cast(u->rate, LEAT_DTYPE_F64);
    leat_tensor *m = leati_update_mix(u->slot[0], a->beta1, g);
    leat_tensor *v = leati_update_mix(u->slot[1], a->beta2, leat_mul(g, g));
    leat_tensor *most = leat_maximum(u->slot[2], v);
    u->new_slot[0] = m, u->new_slot[1] = v, u->new_slot[2] = most;
    if (decoupled) {
        leat_tensor *keep = leat_sub(leat_like(rate, 1), leat_scale(rate, a->weight_decay));
        w = leat_mul(w, leat_cast(keep, type));
    }
    leat_tensor *size = leat_cast(leat_div(rate, correction(u, a->beta1)), type);
    leat_tensor *root = leat_cast(leat_rsqrt(correction(u, a->beta2)), type);
    leat_tensor *below = leat_shift(leat_mul(leat_sqrt(most), root), a->epsilon);
    return leat_sub(w, leat_div(leat_mul(m, size), below));
}

static leat_tensor *update(const adam *a, leati_update *u, bool decoupled)
{
    leati_adam_attrs attrs = {.beta_1 = a->beta1,
                              .beta_2 = a->beta2,
                              .epsilon = a->epsilon,
                              .weight_decay = a->weight_decay,
                              .limit = u->limit,
                              .decoupled = decoupled};
    leati_adam_in in = {u->weight, u->slot[0], u->slot[1], u->gradient,
                        u->rate,   u->number,  u->scale};
    leat_tensor *out[3];
    if (a->amsgrad) return largest(a, u, decoupled);
    if (!leati_record_adam(&in, &attrs, out)) return NULL;
    u->new_slot[0] = out[1], u->new_slot[1] = out[2];
    return out[0];
}

static leat_tensor *update_adam(const leati_optimizer *o, leati_update *u)
{
    return update((const adam *)o, u, false);
}

static leat_tensor *update_adamw(const leati_optimizer *o, leati_update *u)
{
    return update((const adam *)o, u, true);
}

static size_t used_slots(const leati_optimizer *o)
{
    return ((const adam *)o)->amsgrad ? 3 : 2;
}

/* A mean that keeps all of itself stays 0. */
static leat_status check(leat_context *c, const leati_optimizer *o)
{
    const adam *a = (const adam *)o;
    LEATI_CHECK(c, a->beta1 < 1 && a->beta2 < 1, LEAT_INVALID, "%s: beta1 and beta2 are below 1",
                o->class->name);
    return LEAT_OK;
}

const leati_optimizer_class leati_optimizer_adam = {.name = "adam",
                                                    .doc = "Steps by running means of the gradient "
                                                           "and of its square.",
                                                    .size = sizeof(adam),
                                                    .slots = 3,
                                                    .params = adam_params,
                                                    .update = update_adam,
                                                    .check = check,
                                                    .used_slots = used_slots};
const leati_optimizer_class leati_optimizer_adamw = {.name = "adamw",
                                                     .doc = "Adam with decoupled weight decay.",
                                                     .size = sizeof(adam),
                                                     .slots = 3,
                                                     .params = adamw_params,
                                                     .update = update_adamw,
                                                     .check = check,
                                                     .used_slots = used_slots};
