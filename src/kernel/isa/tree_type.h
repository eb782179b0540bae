/* Template: many rows through a small tree. The includer defines T, V, VL, M (vectors of bits),
 * BITS (one of them) and NAME(x). */

/* One column of a tile, four vectors of it, against one test. `left` as the comparison says where
 * no value is missing; a missing value compares as false. */
#define TREE_TEST(compare)                                                                         \
    do {                                                                                           \
        const T *v = tile + t->at[i] * ROWS;                                                       \
        V limit = (V){0} + t->threshold[i];                                                        \
        M keep = (M){0} + t->keep[i];                                                              \
        UNROLL(4)                                                                                  \
        for (size_t k = 0; k < 4; k++) open[k] &= keep | (M)(compare);                             \
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
        for (size_t c = 0; c < t->columns; c++) {
            const T *in = x + from * stride + t->column[c];
            for (size_t r = 0; r < rows; r++) tile[c * ROWS + r] = in[r * stride];
        }
        M open[4] = {~(M){0}, ~(M){0}, ~(M){0}, ~(M){0}};
        for (size_t i = 0; i < t->plain; i++) TREE_TEST(NAME(load)(v + k * VL) <= limit);
        for (size_t i = t->plain; i < t->tests; i++) TREE_TEST(~(NAME(load)(v + k * VL) > limit));
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
