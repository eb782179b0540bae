/* Owns: stochastic gradient descent, with momentum (Sutskever et al. 2013, sections 2 and 7.2). */
#include "nn/optimizer.h"

typedef struct sgd {
    leati_optimizer base;
    double momentum, weight_decay;
    bool nesterov;
} sgd;

static const leati_param params[] = {{.name = "momentum",
                                      .type = LEATI_PARAM_REAL,
                                      .offset = offsetof(sgd, momentum),
                                      .standard = "0",
                                      .least = 0,
                                      .most = 1,
                                      .doc = "Share of the last step that is kept."},
                                     {.name = "nesterov",
                                      .type = LEATI_PARAM_BOOL,
                                      .offset = offsetof(sgd, nesterov),
                                      .standard = "false",
                                      .doc = "Look ahead by the momentum (Nesterov)."},
                                     {.name = "weight_decay",
                                      .type = LEATI_PARAM_REAL,
                                      .offset = offsetof(sgd, weight_decay),
                                      .standard = "0",
                                      .least = 0,
                                      .most = 1,
                                      .doc = "Added to the gradient: this times the weight."},
                                     {0}};

static leat_tensor *update(const leati_optimizer *o, leati_update *u)
{
    const sgd *s = (const sgd *)o;
    leat_tensor *g = u->gradient;
    if (s->weight_decay > 0) g = leat_add(g, leat_scale(u->weight, s->weight_decay));
    u->new_slot[0] = u->slot[0];
    if (s->momentum > 0) {
        leat_tensor *v = leat_add(leat_scale(u->slot[0], s->momentum), g);
        u->new_slot[0] = v;
        g = s->nesterov ? leat_add(g, leat_scale(v, s->momentum)) : v;
    }
    return leat_sub(u->weight, leat_mul(g, u->rate));
}

const leati_optimizer_class leati_optimizer_sgd = {.name = "sgd",
                                                   .doc = "Stochastic gradient descent.",
                                                   .size = sizeof(sgd),
                                                   .slots = 1,
                                                   .params = params,
                                                   .update = update};
