/* Owns: the layers dropout and spatial_dropout. */
#include "nn/layer.h"

typedef struct dropout {
    leati_layer base;
    double rate;
} dropout;

static const leati_param params[] = {{.name = "rate",
                                      .type = LEATI_PARAM_REAL,
                                      .offset = offsetof(dropout, rate),
                                      .standard = "0.5",
                                      .least = 0,
                                      .most = 1,
                                      .doc = "Share that becomes 0 while training; the rest is "
                                             "scaled so that the mean stays."},
                                     {0}};

leat_tensor *leati_drop(leati_builder *b, leat_tensor *x, double rate, leat_shape shape)
{
    if (!b->training || !b->key || rate <= 0 || !x) return x;
    if (rate >= 1) return leat_scale(x, 0);
    leat_tensor *keep =
        leat_random_bernoulli(b->key, b->streams++, leat_tensor_dtype(x), shape, 1 - rate);
    return leat_mul(x, leat_scale(keep, 1 / (1 - rate)));
}

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    return leati_drop(b, x, ((const dropout *)layer)->rate, leat_tensor_shape(x));
}

const leati_layer_class leati_layer_dropout = {
    .name = "dropout",
    .doc = "Single values become 0 at random while training (Srivastava et al. 2014).",
    .size = sizeof(dropout),
    .params = params,
    .build = build,
    .only_training = true};

static leat_tensor *build_spatial(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    if (!leati_layer_rank(b, x, 3, LEAT_MAX_RANK, "(places..., channels)")) return NULL;
    for (int i = 1; i < s.rank - 1; i++) s.dim[i] = 1;
    return leati_drop(b, x, ((const dropout *)layer)->rate, s);
}

const leati_layer_class leati_layer_spatial_dropout = {
    .name = "spatial_dropout",
    .doc = "Whole channels become 0 at random while training (Tompson et al. 2015).",
    .size = sizeof(dropout),
    .params = params,
    .build = build_spatial,
    .only_training = true};
