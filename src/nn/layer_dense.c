/* Owns: the layer `dense`: y = f(x W + b). */
#include "nn/functions.h"
#include "nn/layer.h"

typedef struct dense {
    leati_layer base;
    int64_t units;
    bool use_bias;
    char activation[LEATI_WORD_PARAM], kernel_initializer[LEATI_WORD_PARAM],
        bias_initializer[LEATI_WORD_PARAM];
} dense;

static const leati_param params[] = {{.name = "units",
                                      .type = LEATI_PARAM_INT,
                                      .offset = offsetof(dense, units),
                                      .standard = "64",
                                      .least = 1,
                                      .most = 1e7,
                                      .doc = "Number of outputs."},
                                     LEATI_FUNCTION_PARAM(dense, activation, "none"),
                                     {.name = "use_bias",
                                      .type = LEATI_PARAM_BOOL,
                                      .offset = offsetof(dense, use_bias),
                                      .standard = "true",
                                      .doc = "Add a learned constant to every output."},
                                     LEATI_INIT_PARAM(dense, kernel_initializer, "glorot_uniform"),
                                     LEATI_INIT_PARAM(dense, bias_initializer, "zeros"),
                                     {0}};

/* The last dimension of x is what is multiplied: (batch, ..., in) -> (batch, ..., units). */
static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const dense *l = (const dense *)layer;
    leat_shape s = leat_tensor_shape(x);
    if (!leati_layer_rank(b, x, 2, LEAT_MAX_RANK, "(batch, ..., features)")) return NULL;
    int64_t in = s.dim[s.rank - 1];
    leat_tensor *y = leat_matmul(
        x, leati_weight(b, "kernel", LEAT_DIMS(in, l->units), l->kernel_initializer, in, l->units));
    if (l->use_bias)
        y = leat_add(
            y, leati_weight(b, "bias", LEAT_DIMS(l->units), l->bias_initializer, in, l->units));
    return leati_activate_by(b->context, l->activation, y);
}

const leati_layer_class leati_layer_dense = {
    .name = "dense",
    .doc = "Every output is a weighted sum of all inputs, along the last dimension.",
    .size = sizeof(dense),
    .params = params,
    .build = build};

int64_t leati_dense_units(const leati_layer *l)
{
    return l->class == &leati_layer_dense ? ((const dense *)l)->units : 0;
}

const char *leati_dense_function(const leati_layer *l)
{
    if (l->class != &leati_layer_dense) return NULL;
    return ((const dense *)l)->activation;
}
