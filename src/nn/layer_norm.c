/* Owns: normalisation layers. Channels are the last dimension. */
#include <leat/function.h>

#include "nn/network.h"
#include "tensor/shape.h"

typedef struct norm {
    leati_layer base;
    double momentum, epsilon;
    bool center, scale;
    int64_t groups;
} norm;

#define EPSILON                                                                                    \
    {                                                                                              \
        .name = "epsilon", .type = LEATI_PARAM_REAL, .offset = offsetof(norm, epsilon),            \
        .standard = "1e-05", .least = 0, .most = 1, .doc = "Added to the variance."                \
    }
#define SWITCH(field, about)                                                                       \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_BOOL, .offset = offsetof(norm, field),                 \
        .standard = "true", .doc = about                                                           \
    }
#define AFFINE SWITCH(center, "Add a learned beta."), SWITCH(scale, "Multiply by a learned gamma.")

static leat_tensor *gamma_of(const norm *l, leati_builder *b, int64_t n)
{
    return l->scale ? leati_weight(b, "gamma", LEAT_DIMS(n), "ones", n, n) : NULL;
}

static leat_tensor *beta_of(const norm *l, leati_builder *b, int64_t n)
{
    return l->center ? leati_weight(b, "beta", LEAT_DIMS(n), "zeros", n, n) : NULL;
}

/* The functions take beta only beside gamma. */
static bool affine(const norm *l, leati_builder *b, leat_tensor *x, leat_tensor **gamma,
                   leat_tensor **beta)
{
    leat_shape s = leat_tensor_shape(x);
    if (!leati_layer_rank(b, x, 2, LEAT_MAX_RANK, "(..., channels)")) return false;
    int64_t n = s.dim[s.rank - 1];
    *gamma = gamma_of(l, b, n);
    *beta = beta_of(l, b, n);
    if (l->center && !l->scale && *beta) *gamma = leat_expand(leat_like(x, 1), LEAT_DIMS(n));
    return leat_error_status(b->context) == LEAT_OK;
}

/* ---- batch -------------------------------------------------------------------------------------
 */

static const leati_param batch_params[] = {
    {.name = "momentum",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(norm, momentum),
     .standard = "0.9",
     .least = 0,
     .most = 1,
     .doc = "Share of the running mean and variance that a step keeps (PyTorch calls the other "
            "share momentum)."},
    EPSILON,
    AFFINE,
    {0}};

static leat_tensor *build_batch(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const norm *l = (const norm *)layer;
    leat_tensor *gamma, *beta, *batch_mean, *batch_variance;
    if (!affine(l, b, x, &gamma, &beta)) return NULL;
    leat_shape s = leat_tensor_shape(x);
    leat_shape channels = LEAT_DIMS(s.dim[s.rank - 1]);
    leat_tensor *mean = leati_layer_state(b, "moving_mean", channels, 0);
    leat_tensor *variance = leati_layer_state(b, "moving_variance", channels, 1);
    bool alone = (int64_t)leati_shape_count(&s) == channels.dim[0];
    if (alone && b->trial && !b->network->alone) b->network->alone = layer;
    /* One value has no variance: what is left of an epoch may be one row. */
    if (!b->training || !layer->trainable || alone)
        return leat_batch_norm(x, gamma, beta, mean, variance, true, l->epsilon);
    leat_tensor *y =
        leat_batch_norm_train(x, gamma, beta, true, l->epsilon, &batch_mean, &batch_variance);
    if (!y || leati_shape_count(&s) == 0) return y; /* no sample has no statistics */
    leati_layer_state_set(
        b, "moving_mean",
        leat_add(leat_scale(mean, l->momentum), leat_scale(batch_mean, 1 - l->momentum)));
    leati_layer_state_set(
        b, "moving_variance",
        leat_add(leat_scale(variance, l->momentum), leat_scale(batch_variance, 1 - l->momentum)));
    return y;
}

const leati_layer_class leati_layer_batch_norm = {
    .name = "batch_norm",
    .doc = "Every channel with mean 0 and variance 1 over the batch, by running statistics when "
           "predicting and for a single value (Ioffe and Szegedy 2015). Defaults of PyTorch.",
    .size = sizeof(norm),
    .params = batch_params,
    .build = build_batch};

/* ---- of one sample -----------------------------------------------------------------------------
 */

static const leati_param layer_params[] = {EPSILON, AFFINE, {0}};

static leat_tensor *build_layer(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const norm *l = (const norm *)layer;
    leat_tensor *gamma, *beta;
    if (!affine(l, b, x, &gamma, &beta)) return NULL;
    return leat_layer_norm(x, 1, gamma, beta, l->epsilon);
}

const leati_layer_class leati_layer_layer_norm = {
    .name = "layer_norm",
    .doc = "Every vector of channels with mean 0 and variance 1 (Ba et al. 2016).",
    .size = sizeof(norm),
    .params = layer_params,
    .build = build_layer};

static const leati_param rms_params[] = {
    EPSILON, SWITCH(scale, "Multiply by a learned gamma."), {0}};

static leat_tensor *build_rms(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const norm *l = (const norm *)layer;
    leat_tensor *gamma, *beta;
    if (!affine(l, b, x, &gamma, &beta)) return NULL;
    return leat_rms_norm(x, 1, gamma, l->epsilon);
}

const leati_layer_class leati_layer_rms_norm = {
    .name = "rms_norm",
    .doc = "Every vector of channels with mean square 1 (Zhang and Sennrich 2019).",
    .size = sizeof(norm),
    .params = rms_params,
    .build = build_rms};

static const leati_param group_params[] = {
    {.name = "groups",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(norm, groups),
     .standard = "32",
     .least = 1,
     .most = 1e6,
     .doc = "Parts of the channels; they divide their number."},
    EPSILON,
    AFFINE,
    {0}};

static leat_tensor *build_group(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const norm *l = (const norm *)layer;
    leat_tensor *gamma, *beta;
    leat_shape s = leat_tensor_shape(x);
    if (!affine(l, b, x, &gamma, &beta)) return NULL;
    if (s.dim[s.rank - 1] % l->groups != 0)
        return leati_layer_fail(b, LEAT_SHAPE, "%lld groups do not divide %lld channels",
                                (long long)l->groups, (long long)s.dim[s.rank - 1]);
    return leat_group_norm(x, (int)l->groups, gamma, beta, true, l->epsilon);
}

const leati_layer_class leati_layer_group_norm = {
    .name = "group_norm",
    .doc = "Every group of channels of a sample with mean 0 and variance 1 (Wu and He 2018).",
    .size = sizeof(norm),
    .params = group_params,
    .build = build_group};

static leat_tensor *build_instance(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const norm *l = (const norm *)layer;
    leat_tensor *gamma, *beta;
    if (!leati_layer_rank(b, x, 3, LEAT_MAX_RANK, "(places..., channels)") ||
        !affine(l, b, x, &gamma, &beta))
        return NULL;
    return leat_instance_norm(x, gamma, beta, true, l->epsilon);
}

const leati_layer_class leati_layer_instance_norm = {
    .name = "instance_norm",
    .doc = "Every channel of a sample with mean 0 and variance 1 over its places (Ulyanov et al. "
           "2016).",
    .size = sizeof(norm),
    .params = layer_params,
    .build = build_instance};
