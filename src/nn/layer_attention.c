/* Owns: attention with its weights (Vaswani et al. 2017, section 3.2); the layer
 * multi_head_attention. */
#include <math.h>

#include <leat/function.h>

#include "base/mem.h"
#include "nn/attend.h"

/* ---- parts
 * --------------------------------------------------------------------------------------- */

/* x W + b, cut into heads: (batch, heads, steps, head_dim). */
static leat_tensor *project(leati_builder *b, const leati_attention *a, leat_tensor *x,
                            const char *name, int64_t size)
{
    leat_shape s = leat_tensor_shape(x);
    size_t length = leati_path_push(b, name);
    int64_t out = a->heads * size, in = s.dim[2];
    leat_tensor *y =
        leat_matmul(x, leati_weight(b, "kernel", LEAT_DIMS(in, out), a->initializer, in, out));
    if (a->use_bias) y = leat_add(y, leati_weight(b, "bias", LEAT_DIMS(out), "zeros", in, out));
    leati_path_pop(b, length);
    return leat_reshape(y, LEAT_DIMS(s.dim[0], s.dim[1], a->heads, size));
}

/* (batch, steps, heads, size) to (batch, heads, steps, size), and back. */
static leat_tensor *turn(leat_tensor *x)
{
    static const int perm[] = {0, 2, 1, 3};
    return leat_transpose(x, perm);
}

/* (steps, size / 2): cosines or sines of the angles. */
static leat_tensor *angles(leati_builder *b, leat_dtype dtype, int64_t steps, int64_t size,
                           bool sines)
{
    int64_t half = size / 2;
    if (!leati_layer_table_fits(b, steps, half)) return NULL;
    double *p = leati_array(b->context, (size_t)(steps * half), sizeof *p);
    if (!p) return NULL;
    for (int64_t t = 0; t < steps; t++)
        for (int64_t i = 0; i < half; i++) {
            double turn = (double)t * pow(10000, -2.0 * (double)i / (double)size);
            p[t * half + i] = sines ? sin(turn) : cos(turn);
        }
    leat_tensor *y =
        leat_cast(leat_constant(b->graph, LEAT_DTYPE_F64, LEAT_DIMS(steps, half), p), dtype);
    leati_free(p);
    return y;
}

/* (u, v) -> (u cos - v sin, v cos + u sin), u and v the halves of a head. */
static leat_tensor *rotate(leati_builder *b, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    if (!x) return NULL;
    if (s.dim[3] % 2)
        return leati_layer_fail(b, LEAT_SHAPE,
                                "rotary positions need an even size of head, not "
                                "%lld",
                                (long long)s.dim[3]);
    leat_tensor *c = angles(b, leat_tensor_dtype(x), s.dim[2], s.dim[3], false), *part[2];
    if (!c) return NULL;
    leat_tensor *z = angles(b, leat_tensor_dtype(x), s.dim[2], s.dim[3], true);
    leat_tensor *u = leat_narrow(x, 3, 0, s.dim[3] / 2);
    leat_tensor *v = leat_narrow(x, 3, s.dim[3] / 2, s.dim[3] / 2);
    part[0] = leat_sub(leat_mul(u, c), leat_mul(v, z));
    part[1] = leat_add(leat_mul(v, c), leat_mul(u, z));
    return part[0] && part[1] ? leat_concat(2, part, 3) : NULL;
}

/* (heads, steps, others) out of a learned (2 most + 1, heads). */
static leat_tensor *relative_bias(leati_builder *b, const leati_attention *a, int64_t steps,
                                  int64_t others)
{
    static const int heads_first[] = {2, 0, 1};
    int64_t most = a->most_distance, *place;
    if (!leati_layer_table_fits(b, steps, others)) return NULL;
    place = leati_array(b->context, (size_t)(steps * others), sizeof *place);
    if (!place) return NULL;
    for (int64_t t = 0; t < steps; t++)
        for (int64_t k = 0; k < others; k++) {
            int64_t d = k - t;
            place[t * others + k] = most + (d < -most ? -most : d > most ? most : d);
        }
    leat_tensor *at = leat_constant(b->graph, LEAT_DTYPE_I64, LEAT_DIMS(steps, others), place);
    leati_free(place);
    leat_tensor *table = leati_weight(b, "relative_positions", LEAT_DIMS(2 * most + 1, a->heads),
                                      "zeros", 2 * most + 1, a->heads);
    return leat_transpose(leat_take(table, at, 0), heads_first);
}

/* Weights of attention that drop out need the scores as a tensor of their own; all else is one
 * operation, which sees the same keys. */
static leat_tensor *drop_attention(leati_builder *b, const leati_attention *a, leat_tensor *q,
                                   leat_tensor *k, leat_tensor *v, const leat_attention_options *o)
{
    leat_shape s = leat_tensor_shape(q), t = leat_tensor_shape(k);
    leat_tensor *see = NULL;
    if (!q || !k || !v) return NULL;
    leat_tensor *scores = leat_matmul_t(leat_scale(q, 1 / sqrt((double)s.dim[3])), false, k, true);
    if (o->mask) scores = leat_add(scores, o->mask);
    if (o->causal) {
        int64_t keys = t.dim[2], first = keys - s.dim[2]; /* the last query sees the last key */
        leat_tensor *row = leat_arange(b->graph, LEAT_DTYPE_I64, (double)first, (double)keys, 1);
        leat_tensor *col = leat_arange(b->graph, LEAT_DTYPE_I64, 0, (double)keys, 1);
        see = leat_greater_equal(leat_unsqueeze(row, 1), leat_unsqueeze(col, 0));
    }
    if (o->key_mask) {
        leat_tensor *keys = leat_reshape(o->key_mask, LEAT_DIMS(t.dim[0], 1, 1, t.dim[2]));
        see = see ? leat_and(see, keys) : keys;
    }
    if (see) scores = leat_where(see, scores, leat_like(q, -1e30));
    leat_tensor *weights = leat_softmax(scores, -1);
    if (see) weights = leat_where(see, weights, leat_like(q, 0));
    return leat_matmul(leati_drop(b, weights, a->dropout, leat_tensor_shape(weights)), v);
}

leat_tensor *leati_attend(leati_builder *b, const leati_attention *a, leat_tensor *x,
                          leat_tensor *source, leat_tensor *mask)
{
    leat_shape s = leat_tensor_shape(x), o = leat_tensor_shape(source);
    if (!leati_layer_rank(b, x, 3, 3, "(steps, features)") ||
        !leati_layer_rank(b, source, 3, 3, "(steps, features)"))
        return NULL;
    int64_t size = a->head_dim ? a->head_dim : s.dim[2] / a->heads;
    if (!a->head_dim && s.dim[2] % a->heads != 0)
        return leati_layer_fail(b, LEAT_SHAPE, "%lld heads do not divide %lld features",
                                (long long)a->heads, (long long)s.dim[2]);
    leat_tensor *q = project(b, a, x, "query", size), *k = project(b, a, source, "key", size);
    leat_tensor *v = project(b, a, source, "value", size);
    bool drops = b->training && b->key && a->dropout > 0;
    bool steps_first = !drops && a->positions == LEATI_POSITIONS_NONE;
    if (!steps_first) q = turn(q), k = turn(k), v = turn(v);
    if (a->positions == LEATI_POSITIONS_ROTARY) q = rotate(b, q), k = q ? rotate(b, k) : NULL;
    if (!q || !k || !v) return NULL;
    leat_attention_options options = leat_attention_options_default();
    options.causal = a->causal;
    options.tokens_first = steps_first;
    options.key_mask = mask;
    if (a->positions == LEATI_POSITIONS_RELATIVE)
        options.mask = relative_bias(b, a, s.dim[1], o.dim[1]);
    if (leat_error_status(b->context) != LEAT_OK) return NULL;
    leat_tensor *y =
        drops ? drop_attention(b, a, q, k, v, &options) : leat_attention(q, k, v, &options);
    if (!steps_first) y = turn(y);
    y = leat_reshape(y, LEAT_DIMS(s.dim[0], s.dim[1], a->heads * size));
    size_t length = leati_path_push(b, "output");
    int64_t in = a->heads * size, out = s.dim[2];
    y = leat_matmul(y, leati_weight(b, "kernel", LEAT_DIMS(in, out), a->initializer, in, out));
    if (a->use_bias) y = leat_add(y, leati_weight(b, "bias", LEAT_DIMS(out), "zeros", in, out));
    leati_path_pop(b, length);
    return y;
}

/* ---- the layer
 * ----------------------------------------------------------------------------------- */

typedef struct attention {
    leati_layer base;
    leati_attention a;
    bool cross;
    char kernel_initializer[LEATI_WORD_PARAM];
} attention;

#define WHOLE(text, field, usual, low, about)                                                      \
    {                                                                                              \
        .name = text, .type = LEATI_PARAM_INT, .offset = offsetof(attention, field),               \
        .standard = usual, .least = low, .most = 1e6, .doc = about                                 \
    }
#define SWITCH(text, field, usual, about)                                                          \
    {                                                                                              \
        .name = text, .type = LEATI_PARAM_BOOL, .offset = offsetof(attention, field),              \
        .standard = usual, .doc = about                                                            \
    }

static const leati_param params[] = {
    WHOLE("num_heads", a.heads, "8", 1, "Number of heads."),
    WHOLE("key_dim", a.head_dim, "0", 0, "Size of a head; 0: features / num_heads."),
    {.name = "dropout",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(attention, a.dropout),
     .standard = "0",
     .least = 0,
     .most = 1,
     .doc = "Share of the weights of attention that become 0 while training."},
    SWITCH("causal", a.causal, "false", "A step sees itself and the steps before."),
    SWITCH("cross", cross, "false", "Attend the output of the layer memory instead of the input."),
    {.name = "positions",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(attention, a.positions),
     .standard = "none",
     .choices = "none|rotary|relative",
     .doc = "How heads see where steps are: rotary (Su et al. 2021), or a learned number per head "
            "and distance."},
    WHOLE("max_distance", a.most_distance, "128", 1, "Of relative positions: farther is the same."),
    SWITCH("use_bias", a.use_bias, "true", "Add learned constants to the projections."),
    LEATI_INIT_PARAM(attention, kernel_initializer, "glorot_uniform"),
    {0}};

static leat_tensor *build(const leati_layer *layer, leati_builder *b, leat_tensor *x)
{
    const attention *l = (const attention *)layer;
    leati_attention a = l->a;
    a.initializer = l->kernel_initializer;
    if (!l->cross) return leati_attend(b, &a, x, x, leati_layer_mask(b, x));
    if (!b->memory)
        return leati_layer_fail(b, LEAT_INVALID,
                                "cross-attention needs a layer `memory { ... }` before it");
    return leati_attend(b, &a, x, b->memory, b->memory_mask);
}

const leati_layer_class leati_layer_multi_head_attention = {
    .name = "multi_head_attention",
    .doc =
        "Every step becomes a mean of all steps, weighted by likeness, in several heads (Vaswani "
        "et al. 2017). Masked steps are not seen.",
    .size = sizeof(attention),
    .params = params,
    .build = build};
