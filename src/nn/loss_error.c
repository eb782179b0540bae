/* Owns: the losses of differences: mse, mae, huber. */
#include "nn/loss_classes.h"

static const leati_param none[] = {{0}};

static leat_tensor *mean(leat_tensor *x)
{
    return leat_mean(x, 0, NULL, false);
}

static leat_tensor *mse(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    leat_tensor *d = leat_sub(x, target);
    return mean(leat_mul(d, d));
}

const leati_loss_class leati_loss_mse = {.name = "mse",
                                         .doc = "Mean squared error.",
                                         .size = sizeof(leati_loss),
                                         .params = none,
                                         .target = LEATI_TARGET_VALUES,
                                         .classifies = true,
                                         .regresses = true,
                                         .build = mse};

static leat_tensor *mae(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    (void)l;
    return mean(leat_abs(leat_sub(x, target)));
}

const leati_loss_class leati_loss_mae = {.name = "mae",
                                         .doc = "Mean absolute error: outliers weigh less.",
                                         .size = sizeof(leati_loss),
                                         .params = none,
                                         .target = LEATI_TARGET_VALUES,
                                         .classifies = true,
                                         .regresses = true,
                                         .build = mae};

typedef struct huber {
    leati_loss base;
    double delta;
} huber;

static const leati_param huber_params[] = {{.name = "delta",
                                            .type = LEATI_PARAM_REAL,
                                            .offset = offsetof(huber, delta),
                                            .standard = "1",
                                            .least = 1e-9,
                                            .most = 1e9,
                                            .doc = "Errors above this count linearly."},
                                           {0}};

static leat_tensor *build_huber(const leati_loss *l, leat_tensor *x, leat_tensor *target)
{
    double delta = ((const huber *)l)->delta;
    leat_tensor *d = leat_sub(x, target), *size = leat_abs(d);
    leat_tensor *outside = leat_scale(leat_shift(size, -0.5 * delta), delta);
    leat_tensor *inside = leat_scale(leat_mul(d, d), 0.5);
    return mean(leat_where(leat_less_equal(size, leat_like(d, delta)), inside, outside));
}

const leati_loss_class leati_loss_huber = {
    .name = "huber",
    .doc = "Squared for small errors, absolute for large ones (Huber 1964).",
    .size = sizeof(huber),
    .params = huber_params,
    .target = LEATI_TARGET_VALUES,
    .classifies = false,
    .regresses = true,
    .build = build_huber};
