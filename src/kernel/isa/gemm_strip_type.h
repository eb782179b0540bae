/* Template, part of gemm_type.h: the block of a product the other way round, for operands that the
 * second-level cache holds. A strip of three vectors of B stays in the first-level cache while all
 * rows of A pass by it. The first to read an operand reads it where it lies and leaves the copy
 * behind that the others read, so that packing costs stores only, for which a product has time.
 * Tiles of 9 x 3 vectors load less for each FMA than those of MR x 2 (12 of 27, 16 of 28), which
 * shows where threads share a core. Cf. Van Zee and van de Geijn 2015, section 2. */

enum {
    NAME(STRIP) = 3 * VL, /* columns */
    NAME(STRIP_HIGH) = 9  /* rows of a tile, or one less */
};

typedef void (*NAME(strip_fn))(size_t k, const T *a, size_t step, const T *b, size_t b_step, T *c,
                               size_t ldc, T alpha, T beta, const char *next, size_t next_step,
                               size_t pace, NAME(copies) out);

#define STRIP_TILE(h, name, keep_b, keep_a)                                                        \
    static void NAME(strip_##name##_##h)(                                                          \
        size_t k, const T *a, size_t step, const T *b, size_t b_step, T *c, size_t ldc, T alpha,   \
        T beta, const char *next, size_t next_step, size_t pace, NAME(copies) out)                 \
    {                                                                                              \
        NAME(tile)                                                                                 \
        (h, 3, keep_a, keep_b, keep_a, k, a, keep_a ? step : h, b, b_step, 2 * VL, c, ldc, VL,     \
         alpha, beta, next, next_step, pace, out);                                                 \
    }
#define STRIP_TILES(h)                                                                             \
    STRIP_TILE(h, plain, false, false)                                                             \
    STRIP_TILE(h, b, true, false) STRIP_TILE(h, a, false, true) STRIP_TILE(h, both, true, true)
#define STRIP_ROW(h)                                                                               \
    {                                                                                              \
        {NAME(strip_plain_##h), NAME(strip_a_##h)},                                                \
        {                                                                                          \
            NAME(strip_b_##h), NAME(strip_both_##h)                                                \
        }                                                                                          \
    }
STRIP_TILES(8)
STRIP_TILES(9)
/* [nine rows][copying B][copying A] */
static const NAME(strip_fn) NAME(strip_tiles)[2][2][2] = {STRIP_ROW(8), STRIP_ROW(9)};
#undef STRIP_TILE
#undef STRIP_TILES
#undef STRIP_ROW

/* All rows against whole columns j .. of B. Meanwhile are fetched: with the first strip the rows of
 * A that come next, then the next strip, eight of its rows for each tile. */
static void NAME(strip)(const NAME(leati_block) * t, size_t j, T *right)
{
    size_t bands = (t->m + NAME(STRIP_HIGH) - 1) / NAME(STRIP_HIGH);
    size_t least = t->m / bands, higher = t->m - least * bands, fetched = 0;
    for (size_t band = 0, i = 0; band < bands; band++) {
        size_t h = least + (band < higher), next_step = t->a_step, pace = t->k * sizeof(T);
        bool keep_a = j == 0, keep_b = band == 0;
        T *left = t->near + i * t->k;
        const T *a = keep_a ? t->a + i * t->a_step : left;
        const T *b = keep_b ? t->b + j : right, *next = a + h * t->a_step;
        if (!keep_a) {
            next = t->b + j + NAME(STRIP) + fetched * t->b_step;
            next_step = t->b_step;
            pace = fetched < t->k ? NAME(STRIP) * sizeof(T) : 0;
            fetched += 8;
        }
        NAME(strip_tiles)
        [h == NAME(STRIP_HIGH)][keep_b][keep_a](
            t->k, a, t->a_step, b, keep_b ? t->b_step : NAME(STRIP), t->c + i * t->ldc + j, t->ldc,
            t->alpha, t->beta, (const char *)next, next_step * sizeof(T), pace,
            (NAME(copies)){right, left});
        i += h;
    }
}

/* The last columns, up to two vectors: tiles of MR x 2, their panel packed. */
static void NAME(strip_rest)(const NAME(leati_block) * t, size_t j, size_t width, T *right)
{
    size_t bands = (t->m + NAME(STRIP_HIGH) - 1) / NAME(STRIP_HIGH);
    size_t least = t->m / bands, higher = t->m - least * bands, two = width > VL;
    NAME(pack_b_rows)(width, t->k, t->b + j, t->b_step, right);
    for (size_t band = 0, i = 0; band < bands; band++) {
        size_t h = least + (band < higher);
        T *a = t->near + i * t->k;
        NAME(tiles)
        [h][two][true](t->k, a, h, right, NAME(NR), 0, t->c + i * t->ldc + j, t->ldc,
                       width - two * VL, t->alpha, t->beta, (const char *)a, 0, 0);
        i += h;
    }
}

/* C (m, n) = alpha A B + beta C: A and B by rows as they lie, 64 rows at least, a strip of columns
 * at least. `near`: m * k elements and a vector for A, then a strip of B. */
static void NAME(strips)(const NAME(leati_block) * t)
{
    T *right = t->near + (t->m * t->k + VL - 1) / VL * VL;
    size_t j = 0;
    for (; t->n - j >= 2 * NAME(NR) || t->n - j == NAME(STRIP); j += NAME(STRIP))
        NAME(strip)(t, j, right);
    for (size_t width; j < t->n; j += width) {
        width = t->n - j < NAME(NR) ? t->n - j : NAME(NR);
        NAME(strip_rest)(t, j, width, right);
    }
}
