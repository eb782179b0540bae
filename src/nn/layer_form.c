/* Owns: the layers `flatten` and `reshape`. */
#include "nn/layer.h"

typedef struct form {
    leati_layer base;
    int64_t dim[4];
} form;

static const leati_param none[] = {{0}};

static leat_tensor *flatten(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    (void)layer, (void)b;
    return leat_reshape(x, LEAT_DIMS(leat_tensor_shape(x).dim[0], -1));
}

const leati_layer_class leati_layer_flatten = {.name = "flatten",
                                               .doc = "Every sample becomes one row.",
                                               .size = sizeof(leati_layer),
                                               .params = none,
                                               .build = flatten};

#define DIM(n, i)                                                                                  \
    {                                                                                              \
        .name = n, .type = LEATI_PARAM_INT, .offset = offsetof(form, dim[i]), .standard = "0",     \
        .least = -1, .most = 1e9, .doc = "Size of the dimension; -1: what is left; 0: none."       \
    }
static const leati_param dims[] = {DIM("d1", 0), DIM("d2", 1), DIM("d3", 2), DIM("d4", 3), {0}};

static leat_tensor *reshape(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    (void)b;
    const form *l = (const form *)layer;
    leat_shape s = {.rank = 1, .dim = {leat_tensor_shape(x).dim[0]}};
    for (int i = 0; i < 4 && l->dim[i] != 0; i++) s.dim[s.rank++] = l->dim[i];
    return leat_reshape(x, s);
}

const leati_layer_class leati_layer_reshape = {.name = "reshape",
                                               .doc = "Another shape for every sample.",
                                               .size = sizeof(form),
                                               .params = dims,
                                               .build = reshape};
