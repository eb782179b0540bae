/* Owns: stochastic gradient descent, with momentum (Sutskever et al. 2013, sections 2 and 7.2). */
#include "base/error.h"
#include "graph/optimize.h"
#include "nn/optimizer.h"

typedef struct sgd {
    leati_optimizer base;
    double momentum, dampening, weight_decay;
    bool nesterov;
} sgd;

static const leati_param params[] = {
    LEATI_OPTIMIZER_REAL(sgd, momentum, "0", 1, "Share of the last step that is kept."),
    LEATI_OPTIMIZER_REAL(sgd, dampening, "0", 1,
                         "Share of the gradient that momentum leaves out, from the second step."),
    LEATI_OPTIMIZER_REAL(sgd, weight_decay, "0", 1, LEATI_DECAY_DOC),
    LEATI_OPTIMIZER_BOOL(sgd, nesterov, "Look ahead by the momentum (Nesterov)."),
    {0}};

static leat_tensor *update(const leati_optimizer *o, leati_update *u)
{
    const sgd *s = (const sgd *)o;
    leati_sgd_attrs attrs = {.momentum = s->momentum,
                             .dampening = s->dampening,
                             .weight_decay = s->weight_decay,
                             .limit = u->limit,
                             .nesterov = s->nesterov};
    /* without momentum the velocity is not looked at */
    leat_tensor *velocity = s->momentum > 0 ? u->slot[0] : u->gradient;
    leati_sgd_in in = {u->weight, velocity, u->gradient, u->rate, u->number, u->scale};
    leat_tensor *out[2];
    if (!leati_record_sgd(&in, &attrs, out)) return NULL;
    if (s->momentum > 0) u->new_slot[0] = out[1];
    return out[0];
}

static size_t used_slots(const leati_optimizer *o)
{
    return ((const sgd *)o)->momentum > 0;
}

static leat_status check(leat_context *c, const leati_optimizer *o)
{
    const sgd *s = (const sgd *)o;
    LEATI_CHECK(c, !s->nesterov || (s->momentum > 0 && s->dampening == 0), LEAT_INVALID,
                "sgd: nesterov looks ahead by the momentum and goes with momentum above 0 and "
                "dampening 0, as in sgd(momentum=0.9, nesterov=true)");
    return LEAT_OK;
}

const leati_optimizer_class leati_optimizer_sgd = {.name = "sgd",
                                                   .doc = "Stochastic gradient descent.",
                                                   .size = sizeof(sgd),
                                                   .slots = 1,
                                                   .params = params,
                                                   .update = update,
                                                   .check = check,
                                                   .used_slots = used_slots};
