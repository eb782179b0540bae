/* Owns: GroupQueryAttention of com.microsoft: heads of keys that several heads of queries share,
 * with a cache of keys and values that each row of a batch fills to its own length. */
#include <math.h>

#include "onnx/operators.h"

enum {
    QUERY,
    KEY,
    VALUE,
    PAST_KEY,
    PAST_VALUE,
    LENGTHS,
    TOTAL,
    COSINE,
    SINE,
    POSITION,
    BIAS,
    SINK
};

typedef struct grouped {
    int64_t batch, length, heads, shared, size; /* length: of what is new */
    int64_t past, total, keys; /* of the cache: given, filled by the longest row, returned */
    bool causal, first;        /* first: nothing came before, whatever the cache holds */
    int64_t window;            /* keys that a query sees; below 0: all */
    leat_tensor *q, *k, *v;    /* (batch, heads, length, size) */
    leat_tensor *last;         /* i64 (batch, 1): place of the last key of each row */
    leat_tensor *before;       /* i64 (batch or 1, 1): keys of each row that came before */
} grouped;

static leat_status refuse(leati_ocall *k)
{
    static const char *const inputs[] = {"k_scale", "v_scale", "q_norm_weight", "k_norm_weight",
                                         "query_seqlens"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        LEATI_TRY(leati_orefuse_input(k, SINK + 1 + i, inputs[i]));
    LEATI_TRY(leati_orefuse_attribute(k, "sliding_window_cache"));
    if (leati_owants(k, 3))
        return leati_ofail(k, LEAT_UNSUPPORTED, "its output 4, output_qk, is not supported");
    LEATI_TRY(leati_oneed(k, 1));
    if (leati_ohas(k, KEY) != leati_ohas(k, VALUE) ||
        leati_ohas(k, PAST_KEY) != leati_ohas(k, PAST_VALUE))
        return leati_ofail(k, LEAT_FORMAT, "keys without values, or values without keys");
    if (!leati_ohas(k, LENGTHS) || !leati_ohas(k, TOTAL))
        return leati_ofail(k, LEAT_FORMAT, "seqlens_k and total_sequence_length must be inputs");
    return LEAT_OK;
}

/* ---- queries, keys and values -----------------------------------------------------------------
 */

static leat_status numbers_of(leati_ocall *k, grouped *g)
{
    leat_shape s = k->in[QUERY]->shape;
    g->heads = leati_oattr_int(k, "num_heads", 0);
    g->shared = leati_oattr_int(k, "kv_num_heads", 0);
    g->causal = leati_oattr_int(k, "causal", 1) != 0;
    g->window = leati_oattr_int(k, "local_window_size", -1);
    if (g->heads < 1 || g->shared < 1 || g->heads > INT32_MAX || g->heads % g->shared)
        return leati_ofail(k, LEAT_INVALID, "num_heads is %lld, kv_num_heads %lld",
                           (long long)g->heads, (long long)g->shared);
    if (!g->causal && g->window >= 0)
        return leati_ofail(k, LEAT_INVALID, "local_window_size=%lld needs causal=1",
                           (long long)g->window);
    int64_t parts = leati_ohas(k, KEY) ? g->heads : g->heads + 2 * g->shared;
    if (s.rank != 3 || s.dim[2] < 1 || s.dim[2] % parts)
        return leati_ofail(k, LEAT_SHAPE, "the query is %s, (rows, length, %lld x size) expected",
                           leati_shape_string(&s).text, (long long)parts);
    g->batch = s.dim[0], g->length = s.dim[1], g->size = s.dim[2] / parts;
    return LEAT_OK;
}

static leat_status split(leati_ocall *k, grouped *g)
{
    leat_tensor **to[3] = {&g->q, &g->k, &g->v};
    int64_t heads[3] = {g->heads, g->shared, g->shared};
    bool packed = !leati_ohas(k, KEY);
    leat_shape fits = LEAT_DIMS(g->batch, g->length, g->shared * g->size);
    for (size_t i = KEY; i <= VALUE && !packed; i++)
        if (!leati_shape_equal(&k->in[i]->shape, &fits))
            return leati_ofail(
                k, LEAT_SHAPE, "%s are %s, %s was expected", i == KEY ? "keys" : "values",
                leati_shape_string(&k->in[i]->shape).text, leati_shape_string(&fits).text);
    for (int64_t i = 0, start = 0; i < 3; start += heads[i++] * g->size) {
        leat_tensor *x = leati_oin(k, packed ? QUERY : (size_t)i);
        if (packed) x = leat_narrow(x, 2, start, heads[i] * g->size);
        *to[i] = leati_osplit_heads(k, x, heads[i]);
        if (!*to[i]) return leat_error_status(k->context);
    }
    return LEAT_OK;
}

/* ---- how much came before ---------------------------------------------------------------------
 */

static leat_tensor *count_to(leati_ocall *k, int64_t count)
{
    return leat_arange(k->graph, LEAT_DTYPE_I64, 0, (double)count, 1);
}

static leat_status lengths_of(leati_ocall *k, grouped *g)
{
    LEATI_TRY(leati_oint(k, TOTAL, &g->total));
    if (leati_ohas(k, PAST_KEY)) {
        leat_shape s = k->in[PAST_KEY]->shape;
        leat_shape fits = LEAT_DIMS(g->batch, g->shared, s.rank == 4 ? s.dim[2] : 0, g->size);
        if (!leati_shape_equal(&s, &fits) || !leati_shape_equal(&s, &k->in[PAST_VALUE]->shape))
            return leati_ofail(k, LEAT_SHAPE, "past keys are %s, past values %s",
                               leati_shape_string(&s).text,
                               leati_shape_string(&k->in[PAST_VALUE]->shape).text);
        g->past = s.dim[2];
    }
    if (g->total < g->length || g->total > g->past + g->length)
        return leati_ofail(k, LEAT_INVALID,
                           "total_sequence_length is %lld, with %lld new ones and room for %lld "
                           "before them",
                           (long long)g->total, (long long)g->length, (long long)g->past);
    if ((int64_t)leati_shape_count(&k->in[LENGTHS]->shape) != g->batch)
        return leati_ofail(k, LEAT_SHAPE, "seqlens_k are %s, one for each of %lld rows expected",
                           leati_shape_string(&k->in[LENGTHS]->shape).text, (long long)g->batch);
    g->keys = g->total > g->past ? g->total : g->past;
    g->first = g->length == g->total;
    g->last =
        leat_reshape(leat_cast(leati_oin(k, LENGTHS), LEAT_DTYPE_I64), LEAT_DIMS(g->batch, 1));
    g->before = g->first ? leat_reshape(leat_scalar(k->graph, LEAT_DTYPE_I64, 0), LEAT_DIMS(1, 1))
                         : leat_shift(g->last, 1.0 - (double)g->length);
    return g->before ? LEAT_OK : leat_error_status(k->context);
}

/* Places of what is new, (batch or 1, length). */
static leat_tensor *places(leati_ocall *k, const grouped *g)
{
    return leat_add(g->before, count_to(k, g->length));
}

/* At the first step the runtime goes by the first position alone. */
static leat_tensor *positions(leati_ocall *k, const grouped *g)
{
    if (!leati_ohas(k, POSITION)) return places(k, g);
    leat_shape s = k->in[POSITION]->shape;
    int64_t all = g->batch * g->length;
    if (all < 1 || (int64_t)leati_shape_count(&s) != all) {
        (void)leati_ofail(k, LEAT_SHAPE, "position_ids are %s, (%lld, %lld) was expected",
                          leati_shape_string(&s).text, (long long)g->batch, (long long)g->length);
        return NULL;
    }
    leat_tensor *p = leat_reshape(leat_cast(leati_oin(k, POSITION), LEAT_DTYPE_I64),
                                  LEAT_DIMS(g->batch, g->length));
    if (!g->first) return p;
    return leat_add(leat_narrow(leat_narrow(p, 0, 0, 1), 1, 0, 1), count_to(k, g->length));
}

static leat_status rotate(leati_ocall *k, grouped *g)
{
    bool pairs = leati_oattr_int(k, "rotary_interleaved", 0) != 0;
    if (!leati_oattr_int(k, "do_rotary", 0)) return LEAT_OK;
    if (!leati_ohas(k, COSINE) || !leati_ohas(k, SINE))
        return leati_ofail(k, LEAT_FORMAT, "do_rotary=1 without cosines and sines");
    leat_shape s = k->in[COSINE]->shape;
    if (s.rank != 2 || !leati_shape_equal(&s, &k->in[SINE]->shape) || s.dim[0] < g->total ||
        s.dim[1] < 1 || 2 * s.dim[1] > g->size)
        return leati_ofail(
            k, LEAT_SHAPE, "cosines are %s, sines %s, for %lld positions and heads of %lld",
            leati_shape_string(&s).text, leati_shape_string(&k->in[SINE]->shape).text,
            (long long)g->total, (long long)g->size);
    leat_tensor *place = positions(k, g);
    leat_tensor *cosine = leati_oangles(k, COSINE, place), *sine = leati_oangles(k, SINE, place);
    g->q = leati_orotated(g->q, cosine, sine, pairs);
    g->k = leati_orotated(g->k, cosine, sine, pairs);
    return g->q && g->k ? LEAT_OK : leat_error_status(k->context);
}

/* ---- the cache --------------------------------------------------------------------------------
 */

/* The cache (batch, heads, keys, size): of each row what came before, then what is new, then 0. */
static leat_tensor *cached(leati_ocall *k, const grouped *g, size_t input, leat_tensor *x)
{
    if (!g->past && g->first) return x;
    leat_tensor *both[2] = {g->past ? leati_oin(k, input) : x, x};
    leat_tensor *all = g->past ? leat_concat(2, both, 2) : x;
    int64_t each = g->past + g->length, rows = g->batch * g->shared * each;
    leat_tensor *at = count_to(k, g->keys), *new = leat_sub(at, g->before);
    leat_tensor *nothing = leat_like(new, 0), *none = leat_like(new, (double)g->length);
    leat_tensor *inside = leat_less(new, none);
    leat_tensor *from = leat_where(leat_less(new, nothing), leat_add(at, nothing),
                                   leat_where(inside, leat_shift(new, (double)g->past), nothing));
    leat_shape lists = leat_tensor_shape(from);
    leat_tensor *start =
        leat_reshape(leat_arange(k->graph, LEAT_DTYPE_I64, 0, (double)rows, (double)each),
                     LEAT_DIMS(g->batch, g->shared, 1));
    from = leat_add(start, leat_reshape(from, LEAT_DIMS(lists.dim[0], 1, g->keys)));
    /* A row with more before it than the cache has, or with too many new ones, fails the run. */
    leat_tensor *most = leat_like(
        g->before, (double)(g->past < g->total - g->length ? g->past : g->total - g->length));
    leat_tensor *wrong =
        leat_or(leat_less(g->before, leat_like(g->before, 0)), leat_greater(g->before, most));
    from = leat_where(leat_unsqueeze(wrong, 2), leat_like(from, (double)rows), from);
    all = leat_take(leat_reshape(all, LEAT_DIMS(rows, g->size)), from, 0);
    inside = leat_reshape(inside, LEAT_DIMS(lists.dim[0], 1, g->keys, 1));
    return leat_where(inside, all, leat_scalar(k->graph, leat_tensor_dtype(x), 0));
}

static leat_status fill(leati_ocall *k, grouped *g)
{
    leat_shape s = LEAT_DIMS(g->batch, g->shared, g->keys + g->length, g->size);
    LEATI_TRY(leati_oval_check(k->context, &s, LEATI_ONNX_DOUBLE));
    g->k = cached(k, g, PAST_KEY, g->k);
    g->v = cached(k, g, PAST_VALUE, g->v);
    LEATI_TRY(leati_oset(k, 1, g->k));
    LEATI_TRY(leati_oset(k, 2, g->v));
    if (g->keys == g->total) return LEAT_OK;
    g->k = leat_narrow(g->k, 2, 0, g->total);
    g->v = leat_narrow(g->v, 2, 0, g->total);
    return g->k && g->v ? LEAT_OK : leat_error_status(k->context);
}

/* ---- attention --------------------------------------------------------------------------------
 */

/* bool (batch or 1, 1, length or 1, total) */
static leat_tensor *seen(leati_ocall *k, const grouped *g)
{
    leat_tensor *key = count_to(k, g->total);
    if (!g->causal)
        return leat_less_equal(key, leat_reshape(g->last, LEAT_DIMS(g->batch, 1, 1, 1)));
    leat_tensor *query = places(k, g);
    query = leat_reshape(query, LEAT_DIMS(leat_tensor_shape(query).dim[0], 1, g->length, 1));
    leat_tensor *in = leat_less_equal(key, query);
    if (g->window < 0 || g->window >= g->total) return in;
    return leat_and(in, leat_greater(key, leat_shift(query, -(double)g->window)));
}

/* What is added to the scores; NULL: nothing, the attention's own `causal` says it all. */
static leat_status mask_of(leati_ocall *k, const grouped *g, bool plain, leat_tensor **out)
{
    leat_dtype type = leat_tensor_dtype(g->q);
    *out = NULL;
    if (plain && g->first && g->causal && g->window < 0 && !leati_ohas(k, BIAS)) return LEAT_OK;
    *out = leat_where(seen(k, g), leat_scalar(k->graph, type, 0),
                      leat_scalar(k->graph, type, -(double)INFINITY));
    if (!*out) return leat_error_status(k->context);
    if (!leati_ohas(k, BIAS)) return LEAT_OK;
    leat_shape s = k->in[BIAS]->shape;
    if (s.rank != 4 || (s.dim[0] != 1 && s.dim[0] != g->batch) ||
        (s.dim[1] != 1 && s.dim[1] != g->heads) || s.dim[2] != g->length || s.dim[3] != g->total)
        return leati_ofail(k, LEAT_SHAPE,
                           "attention_bias is %s, (%lld or 1, %lld or 1, %lld, %lld) was expected",
                           leati_shape_string(&s).text, (long long)g->batch, (long long)g->heads,
                           (long long)g->length, (long long)g->total);
    *out = leat_add(*out, leati_oin(k, BIAS));
    return *out ? LEAT_OK : leat_error_status(k->context);
}

/* Softmax over the scores and one more, which takes its share and gives nothing. */
static leat_tensor *with_sink(leati_ocall *k, const grouped *g, leat_tensor *scores)
{
    leat_dtype type = leat_tensor_dtype(scores);
    leat_tensor *sink = leat_scalar(k->graph, type, 0);
    if (leati_ohas(k, SINK))
        sink = leat_reshape(leat_cast(leati_oin(k, SINK), type), LEAT_DIMS(1, g->heads, 1, 1));
    leat_tensor *both[2] = {scores, leat_expand(sink, LEAT_DIMS(g->batch, g->heads, g->length, 1))};
    if (!both[0] || !both[1]) return NULL;
    return leat_narrow(leat_softmax(leat_concat(2, both, 3), 3), 3, 0, g->total);
}

static leat_status attend(leati_ocall *k, const grouped *g)
{
    leat_attention_options o = leat_attention_options_default();
    double limit = leati_oattr_float(k, "softcap", 0);
    bool sink = leati_ohas(k, SINK) || leati_oattr_int(k, "smooth_softmax", 0) > 0;
    bool plain = limit <= 0 && !sink;
    leat_tensor *key = leati_orepeat_heads(k, g->k, g->heads);
    leat_tensor *value = leati_orepeat_heads(k, g->v, g->heads);
    o.scale = leati_oattr_float(k, "scale", 0);
    LEATI_TRY(mask_of(k, g, plain, &o.mask));
    o.causal = !o.mask;
    if (plain) return leati_oset(k, 0, leati_ojoin_heads(leat_attention(g->q, key, value, &o)));
    double scale = o.scale == 0 ? 1 / sqrt((double)g->size) : o.scale;
    leat_tensor *scores = leat_matmul_t(leat_scale(g->q, scale), false, key, true);
    if (limit > 0) scores = leat_scale(leat_tanh(leat_scale(scores, 1 / limit)), limit);
    scores = leat_add(scores, o.mask);
    scores = sink ? with_sink(k, g, scores) : leat_softmax(scores, 3);
    return leati_oset(k, 0, leati_ojoin_heads(leat_matmul(scores, value)));
}

leat_status leati_on_microsoft_GroupQueryAttention(leati_ocall *k)
{
    grouped g = {0};
    LEATI_TRY(refuse(k));
    LEATI_TRY(numbers_of(k, &g));
    LEATI_TRY(split(k, &g));
    LEATI_TRY(lengths_of(k, &g));
    LEATI_TRY(rotate(k, &g));
    LEATI_TRY(fill(k, &g));
    return attend(k, &g);
}
