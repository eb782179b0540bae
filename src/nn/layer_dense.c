/* Owns: the layer `dense`: y = f(x W + b). */
#include "nn/layer.h"

typedef struct dense {
    leati_layer base;
    int64_t units;
    int activation;
    bool use_bias;
} dense;

static const leati_param params[] = {{.name = "units",
                                      .type = LEATI_PARAM_INT,
                                      .offset = offsetof(dense, units),
                                      .standard = "64",
                                      .least = 1,
                                      .most = 1e7,
                                      .doc = "Number of outputs."},
                                     {.name = "activation",
                                      .type = LEATI_PARAM_CHOICE,
                                      .offset = offsetof(dense, activation),
                                      .standard = "none",
                                      .choices = LEATI_ACTIVATIONS,
                                      .doc = "Function of the outputs."},
                                     {.name = "use_bias",
                                      .type = LEATI_PARAM_BOOL,
                                      .offset = offsetof(dense, use_bias),
                                      .standard = "true",
                                      .doc = "Add a learned constant to every output."},
                                     {0}};

/* The last dimension of x is what is multiplied: (batch, ..., in) -> (batch, ..., units). */
static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const dense *l = (const dense *)layer;
    leat_shape s = leat_tensor_shape(x);
    if (s.rank < 2) return leat_matmul(x, x); /* fails with the shapes */
    leat_tensor *w = leati_weight(b, "kernel", LEAT_DIMS(s.dim[s.rank - 1], l->units),
                                  (leati_init){.kind = LEATI_INIT_GLOROT_UNIFORM});
    leat_tensor *y = leat_matmul(x, w);
    if (l->use_bias)
        y = leat_add(y, leati_weight(b, "bias", LEAT_DIMS(l->units),
                                     (leati_init){.kind = LEATI_INIT_ZEROS}));
    return leati_activate(b, l->activation, y);
}

const leati_layer_class leati_layer_dense = {
    .name = "dense",
    .doc = "Every output is a weighted sum of all inputs. Kernel: Glorot uniform; bias: zeros "
           "(the defaults of Keras).",
    .size = sizeof(dense),
    .params = params,
    .build = build};
