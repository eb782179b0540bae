/* Template: partial last vectors and transposition of one element type. The includer defines T
 * (element), V (vector), VL (its lanes) and NAME(x). */

INLINE V NAME(load_last)(const T *p, size_t n)
{
    return n == VL ? NAME(load)(p) : NAME(load_part)(p, n);
}

INLINE void NAME(store_last)(T *p, V v, size_t n)
{
    if (n == VL) NAME(store)(p, v);
    else NAME(store_part)(p, v, n);
}

/* r[i][j] -> r[j][i] by interleaving halves log2(VL) times. */
INLINE void NAME(transpose)(V r[VL])
{
    UNROLL(4)
    for (size_t stage = 1; stage < VL; stage *= 2) {
        V t[VL];
        UNROLL(8)
        for (size_t i = 0; i < VL / 2; i++) {
            t[2 * i] = NAME(interleave_low)(r[i], r[i + VL / 2]);
            t[2 * i + 1] = NAME(interleave_high)(r[i], r[i + VL / 2]);
        }
        UNROLL(16)
        for (size_t i = 0; i < VL; i++) r[i] = t[i];
    }
}

/* out[p * step + i] = in[i * ld + p] for i < h <= VL, p < k; with `fill` zeros for h <= i < VL. */
INLINE void NAME(turn)(size_t h, size_t k, const T *in, size_t ld, T *out, size_t step, bool fill)
{
    size_t width = fill ? VL : h;
    for (size_t p = 0; p < k; p += VL) {
        V r[VL];
        size_t count = k - p < VL ? k - p : VL;
        if (h == VL && count == VL) {
            UNROLL(16)
            for (size_t i = 0; i < VL; i++) r[i] = NAME(load)(in + i * ld + p);
            NAME(transpose)(r);
            UNROLL(16)
            for (size_t i = 0; i < VL; i++) NAME(store)(out + (p + i) * step, r[i]);
            continue;
        }
        UNROLL(16)
        for (size_t i = 0; i < VL; i++)
            r[i] = i < h ? NAME(load_last)(in + i * ld + p, count) : (V){0};
        NAME(transpose)(r);
        UNROLL(16)
        for (size_t i = 0; i < VL; i++)
            if (i < count) NAME(store_last)(out + (p + i) * step, r[i], width);
    }
}

/* The same of VL rows that can all be read, `own` of which are wanted: what follows them in a row
 * of `out`, up to VL, is overwritten. */
INLINE void NAME(turn_over)(size_t k, const T *in, size_t ld, T *out, size_t step, size_t own)
{
    size_t p = 0;
    for (; p + VL <= k; p += VL) {
        V r[VL];
        UNROLL(16)
        for (size_t i = 0; i < VL; i++) r[i] = NAME(load)(in + i * ld + p);
        NAME(transpose)(r);
        UNROLL(16)
        for (size_t i = 0; i < VL; i++) NAME(store)(out + (p + i) * step, r[i]);
    }
    if (p < k) NAME(turn)(own, k - p, in + p, ld, out + p * step, step, false);
}
