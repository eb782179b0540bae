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

/* What holds for all rows of a call. */
typedef struct NAME(tree_way) {
    bool close, few; /* rows of up to 4 values; up to 16 leaves */
#if defined(__AVX512F__)
    M pick[4];     /* (columns) of the first VL rows */
    vf_bits table; /* (leaves) */
#endif
} NAME(tree_way);

INLINE void NAME(tree_begin)(const NAME(leati_tree_tests) * t, size_t stride, NAME(tree_way) * w)
{
    w->close = w->few = false;
#if defined(__AVX512F__)
    w->close = stride <= 4;
    w->few = t->tests < 16;
    for (size_t c = 0; w->close && c < t->columns; c++)
        for (size_t i = 0; i < VL; i++) w->pick[c][i] = (BITS)(i * stride + t->column[c]);
    w->table = (vf_bits){0};
    for (size_t i = 0; w->few && i <= t->tests; i++) w->table[i] = t->leaf[i];
#else
    (void)t, (void)stride;
#endif
}

/* The columns of 4 VL rows that lie close together, with one behind them, from whole vectors. */
INLINE void NAME(tree_tile)(const NAME(tree_way) * w, size_t columns, const T *x, size_t stride,
                            T *tile)
{
#if defined(__AVX512F__)
    for (size_t g = 0; g < 4; g++, x += VL * stride) {
        V v[4] = {NAME(load)(x), (V){0}, (V){0}, (V){0}};
        for (size_t i = 1; i < stride; i++) v[i] = NAME(load)(x + i * VL);
        for (size_t c = 0; c < columns; c++)
            *(V *)(void *)(tile + (4 * c + g) * VL) = NAME(pick)(v, w->pick[c]);
    }
#else
    (void)w, (void)columns, (void)x, (void)stride, (void)tile;
#endif
}

/* The leaf of each row is the lowest bit that is open. */
INLINE void NAME(tree_found)(const NAME(leati_tree_tests) * t, const NAME(tree_way) * w,
                             const M *open, size_t rows, uint32_t *leaf)
{
    _Alignas(64) BITS left[4 * VL];
#if defined(__AVX512F__)
    if (w->few && rows == 4 * VL) {
        for (size_t k = 0; k < 4; k++) NAME(lowest)(open[k], w->table, leaf + k * VL);
        return;
    }
#else
    (void)w;
#endif
    memcpy(left, open, sizeof left);
    for (size_t r = 0; r < rows; r++)
        leaf[r] = t->leaf[__builtin_ctzll((unsigned long long)left[r])];
}

static void NAME(tree_tests)(const NAME(leati_tree_tests) * t, size_t n, const T *x, size_t stride,
                             uint32_t *leaf)
{
    enum { ROWS = 4 * VL, COLUMNS = NAME(LEATI_TREE_LEAVES) };
    _Alignas(64) T tile[COLUMNS * ROWS];
    NAME(tree_way) w;
    NAME(tree_begin)(t, stride, &w);
    memset(tile, 0, t->columns * ROWS * sizeof *tile);
    for (size_t from = 0; from < n; from += ROWS) {
        size_t rows = n - from < ROWS ? n - from : ROWS;
        bool whole = w.close && n - from > ROWS;
        if (whole) NAME(tree_tile)(&w, t->columns, x + from * stride, stride, tile);
        for (size_t c = 0; !whole && c < t->columns; c++)
            NAME(tree_column)(x + from * stride + t->column[c], stride, rows, tile + c * ROWS);
        M open[4] = {~(M){0}, ~(M){0}, ~(M){0}, ~(M){0}};
        for (size_t i = 0; i < t->plain; i++) TREE_TEST(false);
        for (size_t i = t->plain; i < t->tests; i++) TREE_TEST(true);
        NAME(tree_found)(t, &w, open, rows, leaf + from);
    }
}

#undef TREE_TEST
#undef T
#undef V
#undef VL
#undef M
#undef BITS
