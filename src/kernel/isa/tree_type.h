/* Template: many rows through a small tree. The includer defines T, V, VL, M (vectors of bits),
 * BITS (one of them) and NAME(x). */

/* `count` <= 4 VL elements, `stride` apart. Four at a time: a store is what limits it. */
INLINE void NAME(tree_column)(const T *in, size_t stride, size_t count, T *out)
{
    size_t r = 0;
    for (; r + 4 <= count; r += 4, in += 4 * stride) {
        T a = in[0], b = in[stride], c = in[2 * stride], d = in[3 * stride];
        out[r] = a;
        out[r + 1] = b;
        out[r + 2] = c;
        out[r + 3] = d;
    }
    for (; r < count; r++, in += stride) out[r] = *in;
}

/* Where rows go right only `keep` stays open: where x <= limit is false, or, of nodes that send
 * missing values to the left, where x > limit is true. */
INLINE M NAME(tree_close)(M open, M keep, V x, V limit, bool missing_left)
{
#if defined(__AVX512F__)
    return missing_left ? NAME(and_above)(open, keep, x, limit)
                        : NAME(and_not_below)(open, keep, x, limit);
#else
    return open & (keep | (missing_left ? ~(M)(x > limit) : (M)(x <= limit)));
#endif
}

#define TREE_TEST(missing_left)                                                                    \
    do {                                                                                           \
        const T *v = tile + t->at[i] * ROWS;                                                       \
        V limit = (V){0} + t->threshold[i];                                                        \
        M keep = (M){0} + t->keep[i];                                                              \
        UNROLL(4)                                                                                  \
        for (size_t k = 0; k < 4; k++)                                                             \
            open[k] =                                                                              \
                NAME(tree_close)(open[k], keep, NAME(load)(v + k * VL), limit, missing_left);      \
    } while (0)

static void NAME(tree_tests)(const NAME(leati_tree_tests) * t, size_t n, const T *x, size_t stride,
                             uint32_t *leaf)
{
    enum { ROWS = 4 * VL, COLUMNS = NAME(LEATI_TREE_LEAVES) };
    _Alignas(64) T tile[COLUMNS * ROWS];
    _Alignas(64) BITS left[ROWS];
    memset(tile, 0, t->columns * ROWS * sizeof *tile);
    for (size_t from = 0; from < n; from += ROWS) {
        size_t rows = n - from < ROWS ? n - from : ROWS;
        for (size_t c = 0; c < t->columns; c++)
            NAME(tree_column)(x + from * stride + t->column[c], stride, rows, tile + c * ROWS);
        M open[4] = {~(M){0}, ~(M){0}, ~(M){0}, ~(M){0}};
        for (size_t i = 0; i < t->plain; i++) TREE_TEST(false);
        for (size_t i = t->plain; i < t->tests; i++) TREE_TEST(true);
        memcpy(left, open, sizeof left);
        for (size_t r = 0; r < rows; r++)
            leaf[from + r] = t->leaf[__builtin_ctzll((unsigned long long)left[r])];
    }
}

#undef TREE_TEST
#undef T
#undef V
#undef VL
#undef M
#undef BITS
