/* Owns: the blocks transformer_encoder and transformer_decoder. */
#include <stdio.h>

#include <leat/function.h>

#include "nn/attend.h"
#include "nn/functions.h"

typedef struct transformer {
    leati_layer base;
    int64_t heads, feedforward, layers, most_distance;
    double dropout, epsilon;
    int positions;
    char activation[LEATI_WORD_PARAM];
    bool norm_first, causal, cross;
} transformer;

#define WHOLE(text, field, usual, about)                                                           \
    {                                                                                              \
        .name = text, .type = LEATI_PARAM_INT, .offset = offsetof(transformer, field),             \
        .standard = usual, .least = 1, .most = 1e6, .doc = about                                   \
    }
#define SWITCH(field, usual, about)                                                                \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_BOOL, .offset = offsetof(transformer, field),          \
        .standard = usual, .doc = about                                                            \
    }
#define SHARED                                                                                     \
    WHOLE("num_heads", heads, "8", "Number of heads."),                                            \
        WHOLE("dim_feedforward", feedforward, "2048", "Size of the layer between."),               \
        {.name = "dropout",                                                                        \
         .type = LEATI_PARAM_REAL,                                                                 \
         .offset = offsetof(transformer, dropout),                                                 \
         .standard = "0.1",                                                                        \
         .least = 0,                                                                               \
         .most = 1,                                                                                \
         .doc = "Share that becomes 0 while training."},                                           \
        LEATI_FUNCTION_PARAM(transformer, activation, "relu"),                                     \
        SWITCH(norm_first, "false", "Normalise before each part instead of behind it."),           \
        WHOLE("layers", layers, "1", "How many blocks."),                                          \
        {.name = "positions",                                                                      \
         .type = LEATI_PARAM_CHOICE,                                                               \
         .offset = offsetof(transformer, positions),                                               \
         .standard = "none",                                                                       \
         .choices = "none|rotary|relative",                                                        \
         .doc = "How the heads of self-attention see where steps are."},                           \
        WHOLE("max_distance", most_distance, "128",                                                \
              "Of relative positions: farther is the same."),                                      \
    {                                                                                              \
        .name = "epsilon", .type = LEATI_PARAM_REAL, .offset = offsetof(transformer, epsilon),     \
        .standard = "1e-05", .least = 0, .most = 1, .doc = "Of the normalisations."                \
    }

static leat_tensor *normalise(const transformer *l, leati_builder *b, leat_tensor *x, int number)
{
    char name[16];
    leat_shape s = leat_tensor_shape(x);
    leat_shape channels = LEAT_DIMS(s.dim[2]);
    snprintf(name, sizeof name, "norm%d", number);
    size_t length = leati_path_push(b, name);
    leat_tensor *gamma = leati_weight(b, "gamma", channels, "ones", s.dim[2], s.dim[2]);
    leat_tensor *beta = leati_weight(b, "beta", channels, "zeros", s.dim[2], s.dim[2]);
    leati_path_pop(b, length);
    if (!gamma || !beta) return NULL;
    return leat_layer_norm(x, 1, gamma, beta, l->epsilon);
}

static leat_tensor *attend(const transformer *l, leati_builder *b, leat_tensor *x, bool cross)
{
    leati_attention a = {.heads = l->heads,
                         .dropout = l->dropout,
                         .causal = l->causal && !cross,
                         .positions = cross ? LEATI_POSITIONS_NONE : l->positions,
                         .most_distance = l->most_distance,
                         .use_bias = true,
                         .initializer = "glorot_uniform"};
    size_t length = leati_path_push(b, cross ? "cross_attention" : "self_attention");
    leat_tensor *y = cross ? leati_attend(b, &a, x, b->memory, b->memory_mask)
                           : leati_attend(b, &a, x, x, leati_layer_mask(b, x));
    leati_path_pop(b, length);
    return y;
}

static leat_tensor *dense(leati_builder *b, leat_tensor *x, const char *name, int64_t out)
{
    int64_t in = leat_tensor_shape(x).dim[2];
    size_t length = leati_path_push(b, name);
    leat_tensor *y =
        leat_matmul(x, leati_weight(b, "kernel", LEAT_DIMS(in, out), "glorot_uniform", in, out));
    y = leat_add(y, leati_weight(b, "bias", LEAT_DIMS(out), "zeros", in, out));
    leati_path_pop(b, length);
    return y;
}

static leat_tensor *feed_forward(const transformer *l, leati_builder *b, leat_tensor *x)
{
    int64_t features = leat_tensor_shape(x).dim[2];
    leat_tensor *h =
        leati_activate_by(b->context, l->activation, dense(b, x, "feedforward1", l->feedforward));
    h = leati_drop(b, h, l->dropout, leat_tensor_shape(h));
    return h ? dense(b, h, "feedforward2", features) : NULL;
}

enum part { SELF, CROSS, FORWARD };

/* x + part(x), normalised before or behind. */
static leat_tensor *step(const transformer *l, leati_builder *b, leat_tensor *x, enum part part,
                         int number)
{
    leat_tensor *y = l->norm_first ? normalise(l, b, x, number) : x;
    if (!y) return NULL;
    y = part == FORWARD ? feed_forward(l, b, y) : attend(l, b, y, part == CROSS);
    y = leat_add(x, leati_drop(b, y, l->dropout, leat_tensor_shape(y)));
    return l->norm_first || !y ? y : normalise(l, b, y, number);
}

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x, bool decoder)
{
    transformer l = *(const transformer *)layer;
    if (!leati_layer_rank(b, x, 3, 3, "(steps, features)")) return NULL;
    if (!decoder) l.cross = false;
    if (l.cross && !b->memory)
        return leati_layer_fail(b, LEAT_INVALID,
                                "cross-attention needs a layer `memory { ... }` before it; without "
                                "it, set cross=false");
    for (int i = 0; i < l.layers && x; i++) {
        char name[16];
        int norm = 1;
        snprintf(name, sizeof name, "block%d", i + 1);
        size_t length = leati_path_push(b, name);
        x = step(&l, b, x, SELF, norm++);
        if (l.cross && x) x = step(&l, b, x, CROSS, norm++);
        if (x) x = step(&l, b, x, FORWARD, norm);
        leati_path_pop(b, length);
    }
    return x;
}

static const leati_param encoder_params[] = {
    SHARED, SWITCH(causal, "false", "A step sees itself and the steps before."), {0}};
static const leati_param decoder_params[] = {
    SHARED,
    SWITCH(causal, "true", "A step sees itself and the steps before."),
    SWITCH(cross, "true", "Attend the output of the layer memory, too."),
    {0}};

static leat_tensor *build_encoder(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    return build(l, b, x, false);
}

static leat_tensor *build_decoder(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    return build(l, b, x, true);
}

const leati_layer_class leati_layer_transformer_encoder = {
    .name = "transformer_encoder",
    .doc = "Self-attention and two dense layers, each with a residual path and a normalisation "
           "(Vaswani et al. 2017). Defaults of PyTorch.",
    .size = sizeof(transformer),
    .params = encoder_params,
    .build = build_encoder};

const leati_layer_class leati_layer_transformer_decoder = {
    .name = "transformer_decoder",
    .doc =
        "As transformer_encoder, looking back only, with attention to what the layer memory keeps "
        "in between; cross=false leaves that out. Defaults of PyTorch.",
    .size = sizeof(transformer),
    .params = decoder_params,
    .build = build_decoder};
