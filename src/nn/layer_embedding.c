/* Owns: the layers embedding, masking and positions. */
#include <math.h>

#include <leat/function.h>

#include "base/mem.h"
#include "nn/demand.h"

typedef struct embedding {
    leati_layer base;
    int64_t input_dim, output_dim, length;
    bool mask_zero;
    int kind;
    double value;
    char initializer[LEATI_WORD_PARAM];
} embedding;

#define WHOLE(field, usual, low, about)                                                            \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_INT, .offset = offsetof(embedding, field),             \
        .standard = usual, .least = low, .most = 1e8, .doc = about                                 \
    }

static const leati_param embedding_params[] = {
    WHOLE(input_dim, "1000", 1, "Number of tokens: inputs are 0 to input_dim - 1."),
    WHOLE(output_dim, "64", 1, "Features of a token."),
    {.name = "mask_zero",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(embedding, mask_zero),
     .standard = "false",
     .doc = "Token 0 is padding: later layers pass over its steps."},
    LEATI_INIT_PARAM(embedding, initializer, "uniform"),
    {0}};

/* Numbers that are no tokens become one beyond the table, which is an error where it is read:
 * rounded, or counted from the end, they would pass for other tokens. */
static leat_tensor *only_tokens(const embedding *l, leati_builder *b, leat_tensor *x,
                                leat_tensor *token)
{
    leat_dtype dtype = leat_tensor_dtype(x);
    if (b->bare) return token;
    leat_tensor *good = leat_greater_equal(token, leat_like(token, 0));
    if (dtype == LEAT_DTYPE_F32 || dtype == LEAT_DTYPE_F64)
        good = leat_and(good, leat_equal(x, leat_cast(token, dtype)));
    return leat_where(good, token, leat_like(token, (double)l->input_dim));
}

static leat_tensor *build_embedding(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const embedding *l = (const embedding *)layer;
    if (!leati_layer_rank(b, x, 1, LEAT_MAX_RANK - 1, "(steps)")) return NULL;
    leat_tensor *token = leat_cast(x, LEAT_DTYPE_I64);
    leat_tensor *table = leati_weight(b, "embeddings", LEAT_DIMS(l->input_dim, l->output_dim),
                                      l->initializer, l->input_dim, l->output_dim);
    if (l->mask_zero && leat_tensor_shape(x).rank == 2)
        b->mask = leat_not_equal(token, leat_like(token, 0));
    leati_demand *d = leati_demand_make(b, x);
    if (d) d->tokens = l->input_dim, d->mask = l->mask_zero ? b->mask : NULL;
    return leat_take(table, only_tokens(l, b, x, token), 0);
}

const leati_layer_class leati_layer_embedding = {
    .name = "embedding",
    .doc = "Features of tokens, learned: (steps) becomes (steps, output_dim).",
    .size = sizeof(embedding),
    .params = embedding_params,
    .build = build_embedding};

static const leati_param masking_params[] = {{.name = "value",
                                              .type = LEATI_PARAM_REAL,
                                              .offset = offsetof(embedding, value),
                                              .standard = "0",
                                              .least = -1e30,
                                              .most = 1e30,
                                              .doc = "Steps all of whose features are this do not "
                                                     "count."},
                                             {0}};

static leat_tensor *build_masking(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    int last = -1;
    if (!leati_layer_rank(b, x, 3, 3, "(steps, features)")) return NULL;
    leat_tensor *differ = leat_not_equal(x, leat_like(x, ((const embedding *)layer)->value));
    b->mask =
        leat_cast(leat_max(leat_cast(differ, LEAT_DTYPE_F32), 1, &last, false), LEAT_DTYPE_BOOL);
    leati_demand *d = leati_demand_make(b, x);
    if (d) d->mask = b->mask, d->padding = ((const embedding *)layer)->value;
    return b->mask ? x : NULL;
}

const leati_layer_class leati_layer_masking = {.name = "masking",
                                               .doc =
                                                   "Later layers pass over steps that are padding.",
                                               .size = sizeof(embedding),
                                               .params = masking_params,
                                               .build = build_masking};

static const leati_param positions_params[] = {
    {.name = "kind",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(embedding, kind),
     .standard = "sinusoidal",
     .choices = "sinusoidal|learned",
     .doc = "Sines and cosines of the step (Vaswani et al. 2017, section 3.5), or learned."},
    WHOLE(length, "0", 0, "Learned: the most steps there are; 0: as many as the input has."),
    LEATI_INIT_PARAM(embedding, initializer, "uniform"),
    {0}};

/* (steps, features): sin(p / 10000^(2 i / features)) and cos in turn. */
static leat_tensor *sines(leati_builder *b, leat_dtype dtype, int64_t steps, int64_t features)
{
    if (!leati_layer_table_fits(b, steps, features)) return NULL;
    double *p = leati_array(b->context, (size_t)(steps * features), sizeof *p);
    if (!p) return NULL;
    for (int64_t t = 0; t < steps; t++)
        for (int64_t i = 0; i < features; i++) {
            double turn = (double)t / pow(10000, (double)(i - i % 2) / (double)features);
            p[t * features + i] = i % 2 ? cos(turn) : sin(turn);
        }
    leat_tensor *y =
        leat_cast(leat_constant(b->graph, LEAT_DTYPE_F64, LEAT_DIMS(steps, features), p), dtype);
    leati_free(p);
    return y;
}

static leat_tensor *build_positions(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const embedding *l = (const embedding *)layer;
    if (!leati_layer_rank(b, x, 3, 3, "(steps, features)")) return NULL;
    leat_shape s = leat_tensor_shape(x);
    if (l->kind == 0) return leat_add(x, sines(b, leat_tensor_dtype(x), s.dim[1], s.dim[2]));
    int64_t most = l->length ? l->length : s.dim[1];
    if (s.dim[1] > most)
        return leati_layer_fail(b, LEAT_SHAPE, "input has %lld steps, length allows %lld",
                                (long long)s.dim[1], (long long)most);
    leat_tensor *table =
        leati_weight(b, "positions", LEAT_DIMS(most, s.dim[2]), l->initializer, most, s.dim[2]);
    return leat_add(x, leat_narrow(table, 0, 0, s.dim[1]));
}

const leati_layer_class leati_layer_positions = {
    .name = "positions",
    .doc = "Adds to every step features that say where it is. Relative and rotary positions are "
           "parameters of multi_head_attention.",
    .size = sizeof(embedding),
    .params = positions_params,
    .build = build_positions};
