/* Owns: Attention and MultiHeadAttention of com.microsoft. */
#include "onnx/operators.h"

typedef struct heads { /* (batch, heads, length, size) each */
    leat_tensor *q, *k, *v;
    int64_t count;
} heads;

leat_status leati_orefuse_input(leati_ocall *k, size_t i, const char *name)
{
    if (!leati_ohas(k, i)) return LEAT_OK;
    return leati_ofail(k, LEAT_UNSUPPORTED, "its input %zu, %s, is not supported", i + 1, name);
}

leat_status leati_orefuse_attribute(leati_ocall *k, const char *name)
{
    int64_t value = leati_oattr_int(k, name, 0);
    if (!value) return LEAT_OK;
    return leati_ofail(k, LEAT_UNSUPPORTED, "its attribute %s=%lld is not supported, 0 is", name,
                       (long long)value);
}

static leat_status heads_of(leati_ocall *k, heads *h)
{
    h->count = leati_oattr_int(k, "num_heads", 0);
    if (h->count >= 1 && h->count <= INT32_MAX) return LEAT_OK;
    return leati_ofail(k, LEAT_INVALID, "num_heads is %lld", (long long)h->count);
}

/* bool, true for the keys that a mask lets through: numbers of keys (batch), their ends and then
 * their starts (2 batch), or not 0 where they count (batch, keys) or (batch, queries, keys). */
static leat_tensor *seen(leati_ocall *k, size_t at, int64_t batch, int64_t keys)
{
    leat_tensor *mask = leat_cast(leati_oin(k, at), LEAT_DTYPE_I32);
    leat_shape s = leat_tensor_shape(mask);
    if (!mask) return NULL;
    if (s.rank == 1 && (s.dim[0] == batch || s.dim[0] == 2 * batch)) {
        leat_tensor *place = leat_arange(k->graph, LEAT_DTYPE_I32, 0, (double)keys, 1);
        leat_shape each = LEAT_DIMS(batch, 1, 1, 1);
        leat_tensor *in = leat_less(place, leat_reshape(leat_narrow(mask, 0, 0, batch), each));
        if (s.dim[0] == batch) return in;
        leat_tensor *start = leat_reshape(leat_narrow(mask, 0, batch, batch), each);
        return leat_and(in, leat_greater_equal(place, start));
    }
    if ((s.rank == 2 || s.rank == 3) && s.dim[0] == batch && s.dim[s.rank - 1] == keys) {
        leat_shape wide = LEAT_DIMS(batch, 1, s.rank == 3 ? s.dim[1] : 1, keys);
        return leat_greater(leat_reshape(mask, wide), leat_scalar(k->graph, LEAT_DTYPE_I32, 0));
    }
    (void)leati_ofail(k, LEAT_UNSUPPORTED,
                      "a mask of shape %s is not supported for %lld rows and %lld keys, these are: "
                      "(rows), (2 rows), (rows, keys), (rows, queries, keys)",
                      leati_shape_string(&s).text, (long long)batch, (long long)keys);
    return NULL;
}

/* What is added to the scores by the two inputs; NULL without them. */
static leat_status mask_of(leati_ocall *k, const heads *h, size_t mask, size_t bias,
                           leat_tensor **out)
{
    leat_dtype type = leat_tensor_dtype(h->q);
    leat_shape s = leat_tensor_shape(h->k);
    *out = NULL;
    if (leati_ohas(k, mask)) {
        double low = leati_oattr_float(k, "mask_filter_value", -10000);
        *out = leat_where(seen(k, mask, s.dim[0], s.dim[2]), leat_scalar(k->graph, type, 0),
                          leat_scalar(k->graph, type, low));
        if (!*out) return leat_error_status(k->context);
    }
    if (!leati_ohas(k, bias)) return LEAT_OK;
    leat_tensor *more = leati_oin(k, bias);
    *out = *out ? leat_add(*out, more) : more;
    return *out ? LEAT_OK : leat_error_status(k->context);
}

/* Output 0. */
static leat_status attend(leati_ocall *k, const heads *h, size_t mask, size_t bias)
{
    leat_attention_options o = leat_attention_options_default();
    o.causal = leati_oattr_int(k, "unidirectional", 0) != 0;
    o.scale = leati_oattr_float(k, "scale", 0);
    LEATI_TRY(mask_of(k, h, mask, bias, &o.mask));
    return leati_oset(k, 0, leati_ojoin_heads(leat_attention(h->q, h->k, h->v, &o)));
}

/* x (batch, length, width) and the list of the bias from `start` on, by heads. */
static leat_tensor *projected(leati_ocall *k, leat_tensor *x, size_t bias, int64_t start,
                              int64_t count)
{
    leat_shape s = leat_tensor_shape(x);
    if (x && s.rank == 3 && leati_ohas(k, bias))
        x = leat_add(x, leat_narrow(leati_oin(k, bias), 0, start, s.dim[2]));
    return leati_osplit_heads(k, x, count);
}

static leat_tensor *behind(leat_tensor *past, leat_tensor *x)
{
    leat_tensor *both[2] = {past, x};
    return past && x ? leat_concat(2, both, 2) : NULL;
}

/* ---- Attention: the projections are part of it ------------------------------------------------
 */

/* Widths of queries, keys and values. */
static leat_status widths_of(leati_ocall *k, int64_t all, int64_t *width)
{
    size_t count;
    const int64_t *given = leati_oattr_ints(k, "qkv_hidden_sizes", &count);
    if (!given) {
        width[0] = width[1] = width[2] = all / 3;
    } else if (count == 3) {
        for (size_t i = 0; i < 3; i++) width[i] = given[i];
    }
    bool fits = !given || count == 3;
    for (size_t i = 0; i < 3 && fits; i++) fits = width[i] > 0 && width[i] <= all;
    if (!fits || width[0] != width[1] || width[0] + width[1] + width[2] != all)
        return leati_ofail(k, LEAT_SHAPE, "qkv_hidden_sizes do not part %lld columns of weights",
                           (long long)all);
    return LEAT_OK;
}

/* Past and present are keys over values, (2, batch, heads, length, size). */
static leat_status with_past(leati_ocall *k, heads *h)
{
    if (leati_ohas(k, 4)) {
        leat_tensor *past = leati_oin(k, 4);
        const int first = 0;
        if (leat_tensor_shape(past).rank != 5 || leat_tensor_shape(past).dim[0] != 2)
            return leati_ofail(k, LEAT_SHAPE, "past is not keys over values");
        h->k = behind(leat_squeeze(leat_narrow(past, 0, 0, 1), 1, &first), h->k);
        h->v = behind(leat_squeeze(leat_narrow(past, 0, 1, 1), 1, &first), h->v);
        if (!h->k || !h->v) return leat_error_status(k->context);
    }
    if (!leati_owants(k, 1)) return LEAT_OK;
    return leati_oset(k, 1, leat_stack(2, (leat_tensor *const[]){h->k, h->v}, 0));
}

leat_status leati_on_microsoft_Attention(leati_ocall *k)
{
    heads h;
    int64_t width[3];
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_orefuse_input(k, 6, "past_sequence_length"));
    LEATI_TRY(leati_orefuse_attribute(k, "do_rotary"));
    LEATI_TRY(leati_orefuse_attribute(k, "past_present_share_buffer"));
    LEATI_TRY(heads_of(k, &h));
    leat_tensor *y = leat_matmul(leati_oin(k, 0), leati_oin(k, 1));
    if (y && leati_ohas(k, 2)) y = leat_add(y, leati_oin(k, 2));
    leat_shape s = leat_tensor_shape(y);
    if (!y) return leat_error_status(k->context);
    if (s.rank != 3)
        return leati_ofail(k, LEAT_SHAPE, "the input is not (rows, length, width) but %s",
                           leati_shape_string(&k->in[0]->shape).text);
    LEATI_TRY(widths_of(k, s.dim[2], width));
    leat_tensor **part[3] = {&h.q, &h.k, &h.v};
    for (int64_t i = 0, start = 0; i < 3; start += width[i++]) {
        *part[i] = leati_osplit_heads(k, leat_narrow(y, 2, start, width[i]), h.count);
        if (!*part[i]) return leat_error_status(k->context);
    }
    LEATI_TRY(with_past(k, &h));
    return attend(k, &h, 3, 5);
}

/* ---- MultiHeadAttention -----------------------------------------------------------------------
 */

/* Queries, keys and values of three inputs, with their biases; keys and values of 4 dimensions
 * come by heads, without one. */
static leat_status separate(leati_ocall *k, heads *h)
{
    leat_shape q = k->in[0]->shape, v = k->in[2]->shape;
    if (q.rank != 3)
        return leati_ofail(k, LEAT_UNSUPPORTED,
                           "queries of shape %s are not supported: 3 dimensions are expected",
                           leati_shape_string(&q).text);
    if (leati_ohas(k, 3)) {
        int64_t all = v.rank == 3 ? 2 * q.dim[2] + v.dim[2] : 3 * q.dim[2];
        leat_shape s = k->in[3]->shape;
        if (s.rank != 1 || (s.dim[0] != all && v.rank == 3) || s.dim[0] < q.dim[2])
            return leati_ofail(k, LEAT_SHAPE, "the bias is %s, %lld numbers were expected",
                               leati_shape_string(&s).text, (long long)all);
    }
    h->q = projected(k, leati_oin(k, 0), 3, 0, h->count);
    h->k = projected(k, leati_oin(k, 1), 3, q.dim[2], h->count);
    h->v = projected(k, leati_oin(k, 2), 3, 2 * q.dim[2], h->count);
    return h->q && h->k && h->v ? LEAT_OK : leat_error_status(k->context);
}

leat_status leati_on_microsoft_MultiHeadAttention(leati_ocall *k)
{
    heads h;
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(leati_orefuse_input(k, 8, "past_sequence_length"));
    LEATI_TRY(leati_orefuse_input(k, 9, "cache_indirection"));
    LEATI_TRY(heads_of(k, &h));
    if (!leati_ohas(k, 1) || !leati_ohas(k, 2))
        return leati_ofail(k, LEAT_UNSUPPORTED,
                           "packed queries, keys and values are not "
                           "supported: key and value must be inputs");
    if (leati_owants(k, 3))
        return leati_ofail(k, LEAT_UNSUPPORTED, "its output 4, qk, is not supported");
    LEATI_TRY(leati_oneed(k, 3));
    LEATI_TRY(separate(k, &h));
    if (leati_ohas(k, 6)) h.k = behind(leati_oin(k, 6), h.k);
    if (leati_ohas(k, 7)) h.v = behind(leati_oin(k, 7), h.v);
    if (!h.k || !h.v) return leat_error_status(k->context);
    LEATI_TRY(leati_oset(k, 1, h.k));
    LEATI_TRY(leati_oset(k, 2, h.v));
    return attend(k, &h, 4, 5);
}
