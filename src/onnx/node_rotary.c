/* Owns: rotations by position, of RotaryEmbedding of com.microsoft and of attention that rotates.
 */
#include "onnx/operators.h"

leat_tensor *leati_oangles(leati_ocall *k, size_t cache, leat_tensor *position)
{
    leat_tensor *x = leati_oin(k, cache);
    leat_shape s = leat_tensor_shape(x), p = leat_tensor_shape(position);
    if (!x || !position) return NULL;
    if (s.rank != 2) {
        (void)leati_ofail(k, LEAT_SHAPE, "cosines and sines are not (positions, angles) but %s",
                          leati_shape_string(&s).text);
        return NULL;
    }
    /* Of negative ones, which would count from the end, the run fails too. */
    leat_tensor *outside = leat_like(position, (double)s.dim[0]);
    position = leat_where(leat_less(position, leat_like(position, 0)), outside, position);
    return leat_reshape(leat_take(x, position, 0), LEAT_DIMS(p.dim[0], 1, p.dim[1], s.dim[1]));
}

/* Elements of x (batch, heads, length, 2 half) as first and second of pairs. */
static void parted(leat_tensor *x, int64_t half, bool pairs, leat_tensor *part[2])
{
    leat_shape s = leat_tensor_shape(x);
    const int last = 4;
    leat_tensor *both =
        pairs ? leat_reshape(x, LEAT_DIMS(s.dim[0], s.dim[1], s.dim[2], half, 2)) : x;
    for (int i = 0; i < 2; i++)
        part[i] = pairs ? leat_squeeze(leat_narrow(both, 4, i, 1), 1, &last)
                        : leat_narrow(both, 3, i * half, half);
}

leat_tensor *leati_orotated(leat_tensor *x, leat_tensor *cosine, leat_tensor *sine, bool pairs)
{
    leat_tensor *in[2], *out[3];
    leat_shape s = leat_tensor_shape(x);
    if (!x || !cosine || !sine) return NULL;
    int64_t half = leat_tensor_shape(cosine).dim[3], turned = 2 * half;
    parted(leat_narrow(x, 3, 0, turned), half, pairs, in);
    out[0] = leat_sub(leat_mul(in[0], cosine), leat_mul(in[1], sine));
    out[1] = leat_add(leat_mul(in[0], sine), leat_mul(in[1], cosine));
    leat_shape joined = LEAT_DIMS(s.dim[0], s.dim[1], s.dim[2], turned);
    leat_tensor *y = pairs ? leat_reshape(leat_stack(2, out, 4), joined) : leat_concat(2, out, 3);
    if (turned == s.dim[3]) return y;
    out[0] = y;
    out[1] = leat_narrow(x, 3, turned, s.dim[3] - turned);
    return leat_concat(2, out, 3);
}

/* (batch, length), or (1, length) from one position on. */
static leat_tensor *positions(leati_ocall *k, int64_t batch, int64_t length)
{
    leat_tensor *p = leat_cast(leati_oin(k, 1), LEAT_DTYPE_I64);
    leat_shape s = leat_tensor_shape(p);
    if (!p || (s.rank == 2 && s.dim[0] == batch && s.dim[1] == length)) return p;
    if (s.rank < 2 && leati_shape_count(&s) == 1)
        return leat_add(leat_reshape(p, LEAT_DIMS(1, 1)),
                        leat_arange(k->graph, LEAT_DTYPE_I64, 0, (double)length, 1));
    (void)leati_ofail(k, LEAT_SHAPE, "position_ids are %s, (1) or (%lld, %lld) was expected",
                      leati_shape_string(&s).text, (long long)batch, (long long)length);
    return NULL;
}

/* 3 dimensions are (batch, length, heads x size); a size that is not given is twice the angles. */
leat_status leati_on_microsoft_RotaryEmbedding(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 4));
    leat_shape s = k->in[0]->shape, c = k->in[2]->shape;
    int64_t turned = leati_oattr_int(k, "rotary_embedding_dim", 0);
    int64_t heads = leati_oattr_int(k, "num_heads", 0);
    bool flat = s.rank == 3;
    if ((!flat && s.rank != 4) || c.rank != 2 || !leati_shape_equal(&c, &k->in[3]->shape))
        return leati_ofail(k, LEAT_SHAPE, "the input is %s, cosines %s and sines %s",
                           leati_shape_string(&s).text, leati_shape_string(&c).text,
                           leati_shape_string(&k->in[3]->shape).text);
    int64_t size = flat ? 2 * c.dim[1] : s.dim[3];
    if (flat && turned > 0) size = heads > 0 ? s.dim[2] / heads : 0;
    if (size < 1 || 2 * c.dim[1] != (turned > 0 ? turned : size) || 2 * c.dim[1] > size ||
        (flat && s.dim[2] % size))
        return leati_ofail(k, LEAT_SHAPE,
                           "%lld angles for heads of %lld elements, rotary_embedding_dim=%lld, "
                           "num_heads=%lld",
                           (long long)c.dim[1], (long long)size, (long long)turned,
                           (long long)heads);
    leat_tensor *x = leati_oin(k, 0);
    if (flat) x = leati_osplit_heads(k, x, s.dim[2] / size);
    leat_tensor *place = positions(k, s.dim[0], flat ? s.dim[1] : s.dim[2]);
    x = leati_orotated(x, leati_oangles(k, 2, place), leati_oangles(k, 3, place),
                       leati_oattr_int(k, "interleaved", 0) != 0);
    return leati_oset(k, 0, flat ? leati_ojoin_heads(x) : x);
}
