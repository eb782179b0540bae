/* Owns: the layer `activation`, also under the name of each function. */
#include "nn/layer.h"

typedef struct activation {
    leati_layer base;
    int function;
} activation;

static const leati_param params[] = {{.name = "function",
                                      .type = LEATI_PARAM_CHOICE,
                                      .offset = offsetof(activation, function),
                                      .standard = "relu",
                                      .choices = LEATI_ACTIVATIONS,
                                      .doc = "The function."},
                                     {0}};

leat_tensor *leati_activate(leati_builder *b, int function, leat_tensor *x)
{
    (void)b;
    switch (function) { /* the order of LEATI_ACTIVATIONS */
    case 1: return leat_relu(x);
    case 2: return leat_sigmoid(x);
    case 3: return leat_tanh(x);
    case 4: return leat_softplus(x);
    default: return x;
    }
}

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    return leati_activate(b, ((const activation *)layer)->function, x);
}

const leati_layer_class leati_layer_activation = {.name = "activation",
                                                  .doc = "A function of every element.",
                                                  .size = sizeof(activation),
                                                  .params = params,
                                                  .build = build};
