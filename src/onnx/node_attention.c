/* Owns: attention of ai.onnx 23 on and what belongs to it. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

leat_tensor *leati_osplit_heads(leati_ocall *k, leat_tensor *x, int64_t heads)
{
    leat_shape s = leat_tensor_shape(x);
    if (!x || s.rank == 4) return x;
    if (s.rank != 3 || heads < 1 || s.dim[2] % heads) {
        (void)leati_ofail(k, LEAT_SHAPE, "%lld heads in %s", (long long)heads,
                          leati_shape_string(&s).text);
        return NULL;
    }
    x = leat_reshape(x, LEAT_DIMS(s.dim[0], s.dim[1], heads, s.dim[2] / heads));
    return leat_transpose(x, (const int[]){0, 2, 1, 3});
}

leat_tensor *leati_ojoin_heads(leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(x);
    if (!x || s.rank != 4) return NULL;
    return leat_reshape(leat_transpose(x, (const int[]){0, 2, 1, 3}),
                        LEAT_DIMS(s.dim[0], s.dim[2], s.dim[1] * s.dim[3]));
}

leat_tensor *leati_orepeat_heads(leati_ocall *k, leat_tensor *x, int64_t heads)
{
    leat_shape s = leat_tensor_shape(x);
    if (!x || s.rank != 4 || s.dim[1] == heads) return x;
    if (s.dim[1] < 1 || heads % s.dim[1]) {
        (void)leati_ofail(k, LEAT_SHAPE, "%lld heads of queries on %lld of keys", (long long)heads,
                          (long long)s.dim[1]);
        return NULL;
    }
    leat_shape wide = LEAT_DIMS(s.dim[0], s.dim[1], heads / s.dim[1], s.dim[2], s.dim[3]);
    x = leat_reshape(x, LEAT_DIMS(s.dim[0], s.dim[1], 1, s.dim[2], s.dim[3]));
    return leat_reshape(leat_expand(x, wide), LEAT_DIMS(s.dim[0], heads, s.dim[2], s.dim[3]));
}

/* 0 where `allowed`, else minus infinity. */
static leat_tensor *barrier(leat_tensor *allowed, leat_dtype type)
{
    if (!allowed) return NULL;
    leat_graph *g = leat_tensor_graph(allowed);
    return leat_where(allowed, leat_scalar(g, type, 0), leat_scalar(g, type, -(double)INFINITY));
}

/* (lengths, 1, queries, keys): key j is before query i + past; or, with lengths, j < length. */
static leat_tensor *before(leati_ocall *k, int64_t queries, int64_t keys, int64_t past,
                           const int64_t *length, size_t lengths)
{
    leat_shape s = length ? LEAT_DIMS((int64_t)lengths, 1, 1, keys) : LEAT_DIMS(queries, keys);
    void *data;
    leati_oval *v = leati_oval_of_host(k->run, LEATI_ONNX_BOOL, s, &data);
    if (!v) return NULL;
    size_t count = leati_shape_count(&s);
    for (size_t i = 0; i < count; i++) {
        int64_t row = (int64_t)i / keys, j = (int64_t)i % keys;
        ((uint8_t *)data)[i] = length ? j < length[row] : j <= row + past;
    }
    return leati_oval_tensor(k->run, v);
}

/* The mask as what is added to scores, as wide as there are keys. */
static leat_tensor *mask_of(leati_ocall *k, int64_t keys, leat_dtype type)
{
    leat_tensor *mask = leati_oin(k, 3);
    leat_shape s = leat_tensor_shape(mask);
    if (!mask || s.rank < 1) return mask;
    if (leat_tensor_dtype(mask) == LEAT_DTYPE_BOOL) mask = barrier(mask, type);
    int64_t more = keys - s.dim[s.rank - 1];
    if (more <= 0 || s.dim[s.rank - 1] == 1) return mask;
    s.dim[s.rank - 1] = more; /* keys beyond the mask are not seen */
    leat_tensor *never = leat_expand(leat_scalar(k->graph, type, -(double)INFINITY), s);
    leati_ocall pair = *k;
    leati_oval *both[2], *out[8] = {0};
    pair.out = out, pair.outs = 8;
    LEATI_ONULL(leati_oset(&pair, 0, mask));
    LEATI_ONULL(leati_oset(&pair, 1, never));
    both[0] = out[0], both[1] = out[1];
    leati_oval *v = leati_oconcat(k, 2, both, s.rank - 1);
    return v ? leati_oval_tensor(k->run, v) : NULL;
}

/* past before x along the lengths; x itself where there is none. */
static leat_tensor *with_past(leati_ocall *k, size_t past, leat_tensor *x, leati_oval **present)
{
    leati_ocall step = *k;
    leati_oval *out[8] = {0};
    step.out = out, step.outs = 8;
    LEATI_ONULL(leati_oset(&step, 0, x));
    *present = out[0];
    if (!leati_ohas(k, past)) return x;
    leati_oval *both[2] = {k->in[past], out[0]};
    if (k->in[past]->shape.rank != 4) return NULL;
    *present = leati_oconcat(k, 2, both, 2);
    return *present ? leati_oval_tensor(k->run, *present) : NULL;
}

static leat_tensor *cap(leat_tensor *x, double limit)
{
    return limit > 0 ? leat_scale(leat_tanh(leat_scale(x, 1 / limit)), limit) : x;
}

leat_status leati_on_Attention(leati_ocall *k)
{
    leati_oval *present[2];
    const int64_t *length = NULL;
    size_t lengths = 0;
    LEATI_TRY(leati_oneed(k, 3));
    int64_t kv_heads = leati_oattr_int(k, "kv_num_heads", 0);
    leat_tensor *q = leati_osplit_heads(k, leati_oin(k, 0), leati_oattr_int(k, "q_num_heads", 0));
    leat_tensor *key = leati_osplit_heads(k, leati_oin(k, 1), kv_heads);
    leat_tensor *value = leati_osplit_heads(k, leati_oin(k, 2), kv_heads);
    if (!q || !key || !value) return leat_error_status(k->context);
    bool flat = k->in[0]->shape.rank == 3;
    int64_t past = leati_ohas(k, 4) && k->in[4]->shape.rank == 4 ? k->in[4]->shape.dim[2] : 0;
    key = with_past(k, 4, key, &present[0]);
    value = with_past(k, 5, value, &present[1]);
    leat_shape sq = leat_tensor_shape(q), sk = leat_tensor_shape(key);
    if (!key || !value || sq.rank != 4 || sk.rank != 4)
        return leati_ofail(k, LEAT_SHAPE, "queries, keys and values do not fit");
    int64_t heads = sq.dim[1], queries = sq.dim[2], keys = sk.dim[2];
    leat_dtype type = leat_tensor_dtype(q), soft = type;
    double scale = sqrt(leati_oattr_float(k, "scale", 1 / sqrt((double)sq.dim[3])));
    double limit = leati_oattr_float(k, "softcap", 0);
    int64_t mode = leati_oattr_int(k, "qk_matmul_output_mode", 0);
    if (leati_oattr_has(k, "softmax_precision") &&
        !leati_oval_dtype((int32_t)leati_oattr_int(k, "softmax_precision", 0), &soft))
        return leati_ofail(k, LEAT_TYPE, "unknown softmax_precision");
    leat_tensor *raw = leat_matmul_t(leat_scale(q, scale), false,
                                     leat_scale(leati_orepeat_heads(k, key, heads), scale), true);
    leat_tensor *capped = cap(raw, limit), *scores = capped;
    if (leati_ohas(k, 3)) scores = leat_add(scores, mask_of(k, keys, type));
    if (leati_oattr_int(k, "is_causal", 0))
        scores = leat_add(scores, barrier(before(k, queries, keys, past, NULL, 0), type));
    if (leati_ohas(k, 6)) {
        LEATI_TRY(leati_oints(k, 6, &length, &lengths));
        if (lengths != (size_t)sq.dim[0]) return leati_ofail(k, LEAT_SHAPE, "%zu lengths", lengths);
        scores = leat_add(scores, barrier(before(k, queries, keys, 0, length, lengths), type));
    }
    leat_tensor *p = leat_softmax(leat_cast(scores, soft), -1);
    leat_dtype product = soft == LEAT_DTYPE_F64 || type == LEAT_DTYPE_F64   ? LEAT_DTYPE_F64
                         : soft == LEAT_DTYPE_F32 || type == LEAT_DTYPE_F32 ? LEAT_DTYPE_F32
                                                                            : type;
    leat_tensor *y = leat_matmul(leat_cast(p, product),
                                 leat_cast(leati_orepeat_heads(k, value, heads), product));
    y = leat_cast(y, type);
    LEATI_TRY(leati_oset(k, 0, flat ? leati_ojoin_heads(y) : y));
    LEATI_TRY(leati_opass(k, 1, present[0]));
    LEATI_TRY(leati_opass(k, 2, present[1]));
    return leati_oset(k, 3,
                      leat_cast(mode == 1   ? capped
                                : mode == 2 ? scores
                                : mode == 3 ? p
                                            : (limit > 0 && mode == 0 ? capped : raw),
                                type));
}

/* Scores and probabilities go through graphs of the model. */
leat_status leati_on_FlexAttention(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 3));
    leat_tensor *q = leati_oin(k, 0), *key = leati_oin(k, 1), *value = leati_oin(k, 2);
    leat_shape s = leat_tensor_shape(q);
    if (s.rank != 4) return leati_ofail(k, LEAT_SHAPE, "queries are not of 4 dimensions");
    leat_dtype type = leat_tensor_dtype(q);
    leat_dtype soft = type == LEAT_DTYPE_F64 ? type : LEAT_DTYPE_F32;
    if (leati_oattr_has(k, "softmax_precision") &&
        !leati_oval_dtype((int32_t)leati_oattr_int(k, "softmax_precision", 0), &soft))
        return leati_ofail(k, LEAT_TYPE, "unknown softmax_precision");
    double scale = sqrt(leati_oattr_float(k, "scale", 1 / sqrt((double)s.dim[3])));
    leat_tensor *x = leat_matmul_t(leat_scale(q, scale), false,
                                   leat_scale(leati_orepeat_heads(k, key, s.dim[1]), scale), true);
    x = leat_cast(x, soft);
    for (int stage = 0; stage < 2; stage++) {
        const char *name = stage ? "prob_mod" : "score_mod";
        const leati_onnx_graph *g = leati_oattr_graph(k, name);
        leati_oval *given, **outs;
        if (stage) x = leat_softmax(x, -1);
        if (!g) continue;
        if (g->output.count != 1) return leati_ofail(k, LEAT_FORMAT, "%s gives no one value", name);
        outs = leati_oalloc(k, 1, sizeof *outs);
        if (!outs) return LEAT_NOMEM;
        LEATI_TRY(leati_oset(k, 0, x));
        given = k->out[0];
        LEATI_TRY(leati_osubgraph(k, name, 1, &given, outs));
        x = leat_cast(leati_oval_tensor(k->run, outs[0]), soft);
    }
    leat_tensor *y = leat_matmul(x, leat_cast(leati_orepeat_heads(k, value, s.dim[1]), soft));
    return leati_oset(k, 0, leat_cast(y, leat_tensor_dtype(value)));
}

/* Pairs of elements turned by angles whose cosines and sines are given. */
leat_status leati_on_RotaryEmbedding(leati_ocall *k)
{
    double *x, *cosine, *sine;
    const int64_t *position = NULL;
    size_t positions = 0;
    LEATI_TRY(leati_oneed(k, 3));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_of64(k, 1, &cosine));
    LEATI_TRY(leati_of64(k, 2, &sine));
    if (leati_ohas(k, 3)) LEATI_TRY(leati_oints(k, 3, &position, &positions));
    leat_shape s = k->in[0]->shape, sc = k->in[1]->shape;
    int64_t heads = s.rank == 4 ? s.dim[1] : leati_oattr_int(k, "num_heads", 0);
    if ((s.rank != 3 && s.rank != 4) || heads < 1 || (s.rank == 3 && s.dim[2] % heads) ||
        !leati_shape_equal(&sc, &k->in[2]->shape))
        return leati_ofail(k, LEAT_SHAPE, "input and caches do not fit");
    int64_t batch = s.dim[0], length = s.rank == 4 ? s.dim[2] : s.dim[1];
    int64_t size = s.rank == 4 ? s.dim[3] : s.dim[2] / heads;
    int64_t turned = leati_oattr_int(k, "rotary_embedding_dim", 0), half;
    bool pairs = leati_oattr_int(k, "interleaved", 0);
    if (turned == 0) turned = size;
    half = turned / 2;
    int64_t rows = sc.rank == 2 ? sc.dim[0] : sc.rank == 3 ? sc.dim[0] * sc.dim[1] : 0;
    if (turned < 0 || turned > size || sc.dim[sc.rank ? sc.rank - 1 : 0] != half ||
        (position && positions != (size_t)(batch * length)) ||
        (!position && rows != batch * length))
        return leati_ofail(k, LEAT_SHAPE, "caches do not fit");
    for (int64_t i = 0; i < batch * length * heads; i++) {
        int64_t b = i / (length * heads);
        int64_t t = s.rank == 4 ? i % length : i / heads % length;
        int64_t row = position ? position[b * length + t] : b * length + t;
        double *v = x + i * size;
        if (row < 0 || row >= rows)
            return leati_ofail(k, LEAT_INVALID, "position %lld", (long long)row);
        for (int64_t j = 0; j < half; j++) {
            double *p = v + (pairs ? 2 * j : j), *q = v + (pairs ? 2 * j + 1 : half + j);
            double c = cosine[row * half + j], z = sine[row * half + j], re = c * *p - z * *q;
            *q = z * *p + c * *q;
            *p = re;
        }
    }
    return leati_oset_f64(k, 0, k->in[0]->element, s, x);
}

/* A convolution of every channel over its past and present. */
leat_status leati_on_CausalConvWithState(leati_ocall *k)
{
    double *x, *w, *bias = NULL, *past = NULL;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_of64(k, 1, &w));
    if (leati_ohas(k, 2)) LEATI_TRY(leati_of64(k, 2, &bias));
    if (leati_ohas(k, 3)) LEATI_TRY(leati_of64(k, 3, &past));
    const char *activation = leati_oattr_text(k, "activation", "none");
    bool silu = !strcmp(activation, "silu") || !strcmp(activation, "swish");
    leat_shape s = k->in[0]->shape, sw = k->in[1]->shape;
    if (s.rank != 3 || sw.rank != 3 || sw.dim[0] != s.dim[1] || sw.dim[1] != 1 || sw.dim[2] < 1)
        return leati_ofail(k, LEAT_SHAPE, "input and weights do not fit");
    int64_t n = sw.dim[2], length = s.dim[2], channels = s.dim[1];
    leat_shape state = LEAT_DIMS(s.dim[0], channels, n - 1);
    if ((past && !leati_shape_equal(&state, &k->in[3]->shape)) ||
        (bias && leati_shape_count(&k->in[2]->shape) != (size_t)channels))
        return leati_ofail(k, LEAT_SHAPE, "bias or state do not fit");
    double *y = leati_oalloc(k, leati_shape_count(&s), sizeof *y);
    double *next = leati_oalloc(k, leati_shape_count(&state), sizeof *next);
    double *row = leati_oalloc(k, (size_t)(length + n), sizeof *row);
    if (!y || !next || !row) return LEAT_NOMEM;
    for (int64_t i = 0; i < s.dim[0] * channels; i++) {
        for (int64_t j = 0; j < n - 1; j++) row[j] = past ? past[i * (n - 1) + j] : 0;
        for (int64_t j = 0; j < length; j++) row[n - 1 + j] = x[i * length + j];
        for (int64_t t = 0; t < length; t++) {
            double sum = bias ? bias[i % channels] : 0;
            for (int64_t j = 0; j < n; j++) sum += w[i % channels * n + j] * row[t + j];
            y[i * length + t] = silu ? sum / (1 + exp(-sum)) : sum;
        }
        for (int64_t j = 0; j < n - 1; j++) next[i * (n - 1) + j] = row[length + j];
    }
    LEATI_TRY(leati_oset_f64(k, 0, k->in[0]->element, s, y));
    return leati_oset_f64(k, 1, k->in[0]->element, state, next);
}

/* A state S (keys x values) per head: S = decay S + k (x) (v or beta (v - k S)), y = scale q S. */
leat_status leati_on_LinearAttention(leati_ocall *k)
{
    double *in[6] = {0};
    LEATI_TRY(leati_oneed(k, 3));
    for (size_t i = 0; i < 6; i++)
        if (leati_ohas(k, i)) LEATI_TRY(leati_of64(k, i, &in[i]));
    const char *rule = leati_oattr_text(k, "update_rule", "gated_delta");
    bool delta = strstr(rule, "delta") != NULL;
    int64_t hq = leati_oattr_int(k, "q_num_heads", 0), h = leati_oattr_int(k, "kv_num_heads", 0);
    leat_shape sq = k->in[0]->shape, sk = k->in[1]->shape, sv = k->in[2]->shape;
    if (sq.rank != 3 || sk.rank != 3 || sv.rank != 3 || hq < 1 || h < 1 || hq % h ||
        sq.dim[2] % hq || sv.dim[2] % h || sk.dim[2] != sq.dim[2] / hq * h ||
        sk.dim[0] != sq.dim[0] || sv.dim[0] != sq.dim[0] || sk.dim[1] != sq.dim[1] ||
        sv.dim[1] != sq.dim[1] || (delta && !in[5]))
        return leati_ofail(k, LEAT_SHAPE, "queries, keys and values do not fit");
    int64_t batch = sq.dim[0], length = sq.dim[1], n = sq.dim[2] / hq, m = sv.dim[2] / h;
    leat_shape state = LEAT_DIMS(batch, h, n, m), out = LEAT_DIMS(batch, length, hq * m);
    int64_t decays = in[4] ? k->in[4]->shape.dim[2] : 0, betas = in[5] ? k->in[5]->shape.dim[2] : 0;
    LEATI_TRY(leati_oval_check(k->context, &state, LEATI_ONNX_DOUBLE));
    LEATI_TRY(leati_oval_check(k->context, &out, LEATI_ONNX_DOUBLE));
    for (size_t i = 4; i < 6; i++)
        if (in[i] && (k->in[i]->shape.rank != 3 || k->in[i]->shape.dim[0] != batch ||
                      k->in[i]->shape.dim[1] != length))
            return leati_ofail(k, LEAT_SHAPE, "input %zu does not fit", i + 1);
    if ((in[3] && !leati_shape_equal(&k->in[3]->shape, &state)) ||
        (in[4] && decays != h && decays != h * n) || (in[5] && betas != h && betas != 1))
        return leati_ofail(k, LEAT_SHAPE, "state, decay or beta do not fit");
    double scale = leati_oattr_float(k, "scale", 0);
    if (scale == 0) scale = 1 / sqrt((double)n);
    double *s = leati_oalloc(k, leati_shape_count(&state), sizeof *s);
    double *y = leati_oalloc(k, leati_shape_count(&out), sizeof *y);
    double *add = leati_oalloc(k, (size_t)m, sizeof *add);
    if (!s || !y || !add) return LEAT_NOMEM;
    if (in[3]) memcpy(s, in[3], leati_shape_count(&state) * sizeof *s);
    for (int64_t b = 0; b < batch * h * length; b++) {
        int64_t t = b % length, head = b / length % h, row = b / length / h * length + t;
        double *own = s + (b / length) * n * m;
        const double *key = in[1] + (row * h + head) * n, *value = in[2] + (row * h + head) * m;
        for (int64_t i = 0; i < n && in[4]; i++) {
            double d = exp(in[4][decays == h ? row * h + head : (row * h + head) * n + i]);
            for (int64_t j = 0; j < m; j++) own[i * m + j] *= d;
        }
        for (int64_t j = 0; j < m; j++) {
            double seen = 0;
            for (int64_t i = 0; i < n && delta; i++) seen += key[i] * own[i * m + j];
            add[j] =
                delta ? in[5][betas == 1 ? row : row * h + head] * (value[j] - seen) : value[j];
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++) own[i * m + j] += key[i] * add[j];
        for (int64_t g = head * (hq / h); g < (head + 1) * (hq / h); g++)
            for (int64_t j = 0; j < m; j++) {
                double sum = 0;
                for (int64_t i = 0; i < n; i++)
                    sum += in[0][(row * hq + g) * n + i] * own[i * m + j];
                y[(row * hq + g) * m + j] = scale * sum;
            }
    }
    LEATI_TRY(leati_oset_f64(k, 0, k->in[0]->element, out, y));
    return leati_oset_f64(k, 1, (in[3] ? k->in[3] : k->in[0])->element, state, s);
}
