/* Owns: the losses of values: mse, mae, huber, bce_with_logits, kl, hinge, triplet. */
#include <leat/function.h>

#include "base/error.h"
#include "nn/loss_classes.h"

static const leati_param none[] = {{0}};

static leat_tensor *mse(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    return leat_mse(x, target, LEAT_REDUCE_MEAN);
}

static leat_tensor *mae(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    return leat_mae(x, target, LEAT_REDUCE_MEAN);
}

static leat_tensor *bce(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    return leat_bce_logits(x, target, NULL, LEAT_REDUCE_MEAN);
}

static leat_tensor *kl(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    return leat_kl(x, target, false, LEAT_REDUCE_BATCH);
}

/* Targets of 0 and 1 become -1 and 1. */
static leat_tensor *hinge(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    return leat_hinge(x, leat_shift(leat_scale(target, 2), -1), LEAT_REDUCE_MEAN);
}

/* outs: what a network for classes then says, see class_outputs.h. */
#define SIMPLE(class_name, function, classes, numbers, outs, logs, about)                          \
    const leati_loss_class leati_loss_##class_name = {.name = #class_name,                         \
                                                      .doc = about,                                \
                                                      .size = sizeof(leati_loss),                  \
                                                      .params = none,                              \
                                                      .target = LEATI_TARGET_VALUES,               \
                                                      .classifies = classes,                       \
                                                      .regresses = numbers,                        \
                                                      .outputs = LEATI_OUTPUTS_##outs,             \
                                                      .takes_logs = logs,                          \
                                                      .build = function};

SIMPLE(mse, mse, true, true, SHARES, false,
       "Mean squared error. Of classes: to zeros and a one, so that the outputs estimate "
       "probabilities.")
SIMPLE(mae, mae, true, true, SCORES, false,
       "Mean absolute error: outliers weigh less. Of classes it gives no probabilities.")
SIMPLE(bce_with_logits, bce, true, true, ONE_TO_REST, false,
       "Binary cross-entropy of every output against a target from 0 to 1. The outputs are logits: "
       "no sigmoid at the end. Probabilities of classes are the sigmoids, scaled to sum 1.")
SIMPLE(kl, kl, true, false, LOGITS, true,
       "Kullback-Leibler divergence of outputs, which are logarithms of probabilities, from target "
       "probabilities: the sum over the outputs of a sample. A network for classes gets the "
       "log_softmax at its end.")
SIMPLE(hinge, hinge, true, false, SCORES, false,
       "max(0, 1 - x) where the target is 1, max(0, 1 + x) where it is 0. It gives no "
       "probabilities.")

typedef struct bounded {
    leati_loss base;
    double delta, margin;
} bounded;

static const leati_param huber_params[] = {
    {.name = "delta",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(bounded, delta),
     .standard = "1",
     .least = 1e-9,
     .most = 1e9,
     .doc = "Errors above this count linearly; of a regression in "
            "standard deviations of the target, which a network learns standardised."},
    {0}};

static leat_tensor *huber(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    return leat_huber(x, target, ((const bounded *)l)->delta, LEAT_REDUCE_MEAN);
}

const leati_loss_class leati_loss_huber = {
    .name = "huber",
    .doc = "Half the square of small errors, linear for large ones (Huber 1964).",
    .size = sizeof(bounded),
    .params = huber_params,
    .target = LEATI_TARGET_VALUES,
    .classifies = false,
    .regresses = true,
    .build = huber};

static const leati_param triplet_params[] = {
    {.name = "margin",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(bounded, margin),
     .standard = "1",
     .least = 0,
     .most = 1e9,
     .doc = "How much nearer the positive must be than the negative."},
    {0}};

static leat_tensor *triplet(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    leat_shape s = leat_tensor_shape(x);
    leat_tensor *part[3];
    (void)target;
    if (!x) return NULL;
    if (s.rank != 3 || s.dim[1] != 3) {
        (void)LEATI_FAIL(leat_graph_context(leat_tensor_graph(x)), LEAT_SHAPE,
                         "triplet takes outputs of shape (batch, 3, features): anchor, positive "
                         "and negative");
        return NULL;
    }
    for (int i = 0; i < 3; i++) {
        int axis = 1;
        part[i] = leat_squeeze(leat_narrow(x, 1, i, 1), 1, &axis);
    }
    return leat_triplet(part[0], part[1], part[2], ((const bounded *)l)->margin, LEAT_REDUCE_MEAN);
}

const leati_loss_class leati_loss_triplet = {
    .name = "triplet",
    .doc = "Outputs (batch, 3, features), anchor, positive and negative: the distance to the "
           "positive shall be less than to the negative by a margin (Schroff et al. 2015). It has "
           "no target.",
    .size = sizeof(bounded),
    .params = triplet_params,
    .target = LEATI_TARGET_NONE,
    .classifies = false,
    .regresses = false,
    .build = triplet};
