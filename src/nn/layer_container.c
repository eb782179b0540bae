/* Owns: layers with layers inside: sequence, residual, add, concat, memory; and identity. */
#include "nn/layer.h"
#include "tensor/shape.h"

typedef struct container {
    leati_layer base;
    int64_t axis;
} container;

static const leati_param none[] = {{0}};

static leat_tensor *identity(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    (void)l, (void)b;
    return x;
}

const leati_layer_class leati_layer_identity = {.name = "identity",
                                                .doc = "Its input, as a branch of add or concat.",
                                                .size = sizeof(leati_layer),
                                                .params = none,
                                                .build = identity};

static leat_tensor *sequence(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    return leati_build_layers(b, l->inside, x);
}

const leati_layer_class leati_layer_sequence = {
    .name = "sequence",
    .doc = "Layers one after the other, as one branch of add or concat. "
           "In a line: add { identity; sequence { dense(8); tanh } }; in a file: "
           "`- add: [identity, sequence: [dense: 8, tanh]]`.",
    .size = sizeof(leati_layer),
    .params = none,
    .build = sequence,
    .container = true};

static leat_tensor *residual(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    leat_tensor *y = leati_build_layers(b, l->inside, x);
    leat_shape s = leat_tensor_shape(x), t = leat_tensor_shape(y);
    if (y && !leati_shape_equal(&s, &t))
        return leati_layer_fail(b, LEAT_SHAPE,
                                "the layers inside make %s of %s; where shapes change, use add { "
                                "sequence { ... }; %s(...) }",
                                leati_shape_string(&t).text, leati_shape_string(&s).text,
                                s.rank == 4 ? "conv2d" : "dense");
    return leat_add(x, y);
}

const leati_layer_class leati_layer_residual = {
    .name = "residual",
    .doc = "Its input plus what the layers inside make of it (He et al. 2016). In a line: "
           "residual { dense(8); relu }; in a file: `- residual: [dense: 8, relu]`.",
    .size = sizeof(leati_layer),
    .params = none,
    .build = residual,
    .container = true};

/* Each layer inside is a branch of its own; mask and memory are those of the input for each. */
static leat_tensor *branch(leati_builder *b, const leati_layer *l, leat_tensor *x)
{
    leat_tensor *mask = b->mask, *memory = b->memory, *memory_mask = b->memory_mask;
    leat_tensor *y = leati_build_layer(b, l, x);
    b->mask = mask;
    b->memory = memory;
    b->memory_mask = memory_mask;
    return y;
}

static leat_tensor *add(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    leat_tensor *sum = NULL;
    for (const leati_layer *l = layer->inside; l; l = l->next) {
        leat_tensor *y = branch(b, l, x);
        leat_shape s = leat_tensor_shape(sum), t = leat_tensor_shape(y);
        if (!y) return NULL;
        if (sum && !leati_shape_equal(&s, &t))
            return leati_layer_fail(b, LEAT_SHAPE, "branches of shapes %s and %s cannot be added",
                                    leati_shape_string(&s).text, leati_shape_string(&t).text);
        sum = sum ? leat_add(sum, y) : y;
    }
    return sum ? sum : x;
}

const leati_layer_class leati_layer_add = {.name = "add",
                                           .doc = "The sum of its branches: every layer inside is "
                                                  "one, all take the same input. In a line: "
                                                  "add { identity; dense(8) }; in a file: "
                                                  "`- add: [identity, dense: 8]`.",
                                           .size = sizeof(leati_layer),
                                           .params = none,
                                           .build = add,
                                           .container = true};

static const leati_param concat_params[] = {{.name = "axis",
                                             .type = LEATI_PARAM_INT,
                                             .offset = offsetof(container, axis),
                                             .standard = "-1",
                                             .least = -7,
                                             .most = 7,
                                             .doc = "Dimension to join along, from 1; -1: the "
                                                    "last one."},
                                            {0}};

static leat_tensor *concat(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    enum { MOST = 64 };
    leat_tensor *part[MOST];
    size_t count = 0;
    int axis = (int)((const container *)layer)->axis;
    if (axis == 0 || (x && -axis == leat_tensor_shape(x).rank))
        return leati_layer_fail(b, LEAT_INVALID, "axis %d is the batch", axis);
    for (const leati_layer *l = layer->inside; l; l = l->next) {
        if (count == MOST) return leati_layer_fail(b, LEAT_LIMIT, "more than %d branches", MOST);
        part[count] = branch(b, l, x);
        if (!part[count++]) return NULL;
    }
    return count ? leat_concat(count, part, axis) : x;
}

const leati_layer_class leati_layer_concat = {
    .name = "concat",
    .doc = "The outputs of its branches, joined: every layer inside is one, all take the same "
           "input. In a line: concat(axis=1) { identity; dense(8) }; in a file: "
           "`- concat: {axis: 1, layers: [identity, dense: 8]}`, or the list alone.",
    .size = sizeof(container),
    .params = concat_params,
    .build = concat,
    .container = true};

/* The mask belongs to what is kept; x goes on as it came. */
static leat_tensor *memory(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    leat_tensor *mask = b->mask;
    leat_tensor *y = leati_build_layers(b, l->inside, x);
    b->memory = y;
    b->memory_mask = leati_layer_mask(b, y);
    b->mask = mask;
    return y ? x : NULL;
}

const leati_layer_class leati_layer_memory = {
    .name = "memory",
    .doc = "What the layers inside make of the input is kept for cross-attention (transformer_"
           "decoder, multi_head_attention(cross=true)); the input itself goes on. In a line: "
           "memory { crop(0, high=20); embedding }; in a file: "
           "`- memory: [crop: {low: 0, high: 20}, embedding]`.",
    .size = sizeof(leati_layer),
    .params = none,
    .build = memory,
    .container = true};
