/* Owns: the row of L-BFGS among the optimisers. Not: the method (learn/lbfgs.c), passes over the
 * data (nn/whole.c). */
#include "nn/whole.h"

#define REAL(field, value, text)                                                                   \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_REAL,                                                  \
        .offset = offsetof(leati_lbfgs_optimizer, field), .standard = value, .least = 0,           \
        .most = 1, .doc = text                                                                     \
    }

static const leati_param params[] = {
    {.name = "max_iter",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(leati_lbfgs_optimizer, max_iter),
     .standard = "20",
     .least = 1,
     .most = 1e6,
     .doc = "Most iterations of an epoch; each needs a pass over all rows, or a few."},
    REAL(tolerance_grad, "1e-07", "Ends an epoch when no element of the gradient is larger."),
    REAL(tolerance_change, "1e-09", "Ends an epoch when the loss falls by less."),
    {0}};

const leati_optimizer_class leati_optimizer_lbfgs = {
    .name = "lbfgs",
    .doc =
        "Limited-memory BFGS on all rows at once (Nocedal and Wright 2006, algorithm 7.5), with a "
        "memory of 10 steps that begins anew with every epoch and a line search instead of the "
        "learning rate.",
    .size = sizeof(leati_lbfgs_optimizer),
    .params = params};
