/* Template: the matrix kernels of one element type. The includer defines T (element), V (vector),
 * VL (its lanes), MR (rows of the register tile) and NAME(x); all but NAME are undefined here.
 *
 * A tile of MR rows and two vectors of columns stays in registers while k runs: each step loads
 * two vectors of B and broadcasts MR elements of A. With 512-bit vectors 14 x 2 accumulators, two
 * vectors of B and one broadcast fill 31 of 32 registers; with 16 registers MR is 6 (AVX2) or 4.
 * Row-major B needs no packing for this, nor do rows or columns of A; packing mends strides that
 * are bad for the caches, and of A pays where a band serves many panels (`near` of the block: done
 * when its turn comes, it goes from L2 to L1 and no copy of A leaves them). Cf. Goto and van de
 * Geijn 2008; Georganas et al. 2020 (batch-reduce GEMM as the single building block). */

#if MR >= 12
#define LONG_ROWS 8
#else
#define LONG_ROWS 4
#endif
enum {
    NAME(NR) = 2 * VL,
    NAME(FAR) = 1024,      /* bytes from row to row of B from which on they are fetched */
    NAME(AHEAD) = 8,       /* so many rows before their turn; */
    NAME(AHEAD_COPY) = 16, /* before they are copied */
    NAME(BURST) = 1024,    /* bytes of C that may be asked for at once */
    NAME(LONG_ROW) = 256   /* terms from which a single row is summed in two chains */
};

/* The last vector of a row, which may be full. AVX-512 masks cost nothing, so that there is no
 * second way through the tiles for it. */
INLINE V NAME(load_edge)(const T *p, size_t n)
{
    return VECTOR_BYTES == 64 ? NAME(load_part)(p, n) : NAME(load_last)(p, n);
}

INLINE void NAME(store_edge)(T *p, V v, size_t n)
{
    if (VECTOR_BYTES == 64) NAME(store_part)(p, v, n);
    else NAME(store_last)(p, v, n);
}

/* What a tile leaves behind of its operands on the way, for those that read them again: rows of B
 * side by side, columns of A side by side; where not wanted, false. */
typedef struct NAME(copies) {
    T *b, *a;
} NAME(copies);

/* sum += A B, terms p .. end, a and b those of p; returns b of `end`. With `far` rows of B are
 * fetched before their turn: no prefetcher sees them, and where they lie near it costs 3%. */
INLINE const T *NAME(terms)(const size_t h, const size_t nv, const bool by_rows, const bool far,
                            const bool keep_b, const bool keep_a, size_t p, size_t end, const T *a,
                            size_t step, const T *const *group, const T *b, size_t b_step,
                            size_t b_panel, NAME(copies) out, V (*sum)[8])
{
    for (; p < end; p++, b += b_step, a += step) {
        V column[8];
        __asm__("" : "+r"(b)); /* not to be computed anew for each stretch */
        if (!by_rows) __asm__("" : "+r"(a));
        UNROLL(8)
        for (size_t v = 0; v < nv; v++) {
            if (far)
                __builtin_prefetch(b + (keep_b ? NAME(AHEAD_COPY) : NAME(AHEAD)) * b_step + v * VL);
            column[v] = NAME(load)(nv > 2 ? b + v / 2 * b_panel + v % 2 * VL : b + v * VL);
            ROUNDED(column[v]);
            if (keep_b) NAME(store)(out.b + v * VL, column[v]);
        }
        UNROLL(16)
        for (size_t i = 0; i < h; i++) {
            ptrdiff_t off = (ptrdiff_t)(i % 3) - (i / 3 * 3 + 1 < h);
            T x = by_rows ? *(group[i / 3] + off * (ptrdiff_t)step + p) : a[i];
            V wide = x - (V){0};
            if (keep_a) {
                ROUNDED(wide); /* one load for both uses */
                out.a[i] = wide[0];
            }
            UNROLL(8)
            for (size_t v = 0; v < nv; v++) sum[i][v] += wide * column[v];
        }
        if (keep_b) out.b += nv * VL;
        if (keep_a) out.a += h;
    }
    return b;
}

/* C (h, nv vectors) = alpha A B + beta C, h and nv constants; `last` columns in the last vector.
 * Rows of A are reached in groups of three through one pointer each: x86 addresses pointer - step,
 * pointer and pointer + step without further arithmetic.
 * C is fetched meanwhile, that of a large tile two rows at a time after every 16th part of the
 * terms (8th, of the fewer rows and terms of a strip): at once its lines would take all the buffers
 * for misses, and B would wait for memory with them. So is `pace` bytes of each row of the band of
 * A that comes next. */
INLINE void NAME(tile)(const size_t h, const size_t nv, const bool by_rows, const bool keep_b,
                       const bool keep_a, size_t k, const T *a, size_t step, const T *b,
                       size_t b_step, size_t b_panel, T *c, size_t ldc, size_t last, T alpha,
                       T beta, const char *next, size_t next_step, size_t pace, NAME(copies) out)
{
    V sum[MR][8];
    const T *group[MR / 3 + 1], *ahead = c;
    const bool spread = h * nv * sizeof(V) > NAME(BURST);
    size_t stretch = k / (nv == 3 ? 8 : 16) + 1, rows = h;
    UNROLL(16)
    for (size_t i = 0; i < h; i++) {
        UNROLL(8)
        for (size_t v = 0; v < nv; v++) {
            if (!spread) __builtin_prefetch(ahead + v * VL, 1);
            sum[i][v] = (V){0};
        }
        if (!spread) ahead += ldc;
        __asm__("" : "+r"(ahead)); /* not to be kept for the end */
    }
    UNROLL(16)
    for (size_t i = 0; by_rows && i < h; i += 3) {
        group[i / 3] = a + (i + 1 < h ? i + 1 : i) * step;
        __asm__("" : "+r"(group[i / 3]));
    }
    for (size_t p = 0; p < k;) {
        size_t end = spread && k - p > stretch ? p + stretch : k;
        UNROLL(2)
        for (size_t i = 0; i < 2; i++) {
            if (!spread || rows == 0) break;
            UNROLL(8)
            for (size_t v = 0; v < nv; v++) __builtin_prefetch(ahead + v * VL, 1);
            ahead += ldc;
            rows--;
        }
        for (size_t i = 0; i < (spread ? 1 : h) && h > MR / 2; i++, next += next_step)
            for (size_t x = 0; x < pace; x += 64) __builtin_prefetch(next + x, 0, 2);
        bool far = nv == 2 && h > MR / 2 && !by_rows && b_step * sizeof(T) >= NAME(FAR);
        if (far || keep_b)
            b = NAME(terms)(h, nv, by_rows, true, keep_b, keep_a, p, end, a, step, group, b, b_step,
                            b_panel, out, sum);
        else
            b = NAME(terms)(h, nv, by_rows, false, false, keep_a, p, end, a, step, group, b, b_step,
                            b_panel, out, sum);
        if (!by_rows) a += (end - p) * step;
        if (keep_b) out.b += (end - p) * nv * VL;
        if (keep_a) out.a += (end - p) * h;
        p = end;
    }
    if (alpha != 1) {
        UNROLL(16)
        for (size_t i = 0; i < h; i++) {
            UNROLL(8)
            for (size_t v = 0; v < nv; v++) {
                sum[i][v] *= alpha;
                ROUNDED(sum[i][v]);
            }
        }
    }
    if (beta != 0) {
        const T *row = c;
        UNROLL(16)
        for (size_t i = 0; i < h; i++, row += ldc) {
            __asm__("" : "+r"(row)); /* one pointer, not one for each row */
            UNROLL(8)
            for (size_t v = 0; v + 1 < nv; v++) sum[i][v] += beta * NAME(load)(row + v * VL);
            V edge = NAME(load_edge)(row + (nv - 1) * VL, last);
            ROUNDED(
                edge); /* where the load branches: an FMA at every height of a tile, or at none */
            sum[i][nv - 1] += beta * edge;
        }
    }
    UNROLL(16)
    for (size_t i = 0; i < h; i++, c += ldc) {
        __asm__("" : "+r"(c));
        UNROLL(8)
        for (size_t v = 0; v + 1 < nv; v++) NAME(store)(c + v * VL, sum[i][v]);
        NAME(store_edge)(c + (nv - 1) * VL, sum[i][nv - 1], last);
    }
}

typedef void (*NAME(tile_fn))(size_t k, const T *a, size_t step, const T *b, size_t b_step,
                              size_t b_panel, T *c, size_t ldc, size_t last, T alpha, T beta,
                              const char *next, size_t next_step, size_t pace);

#define TILE(h, nv, form, by_rows)                                                                 \
    static void NAME(tile_##form##_##h##x##nv)(                                                    \
        size_t k, const T *a, size_t step, const T *b, size_t b_step, size_t b_panel, T *c,        \
        size_t ldc, size_t last, T alpha, T beta, const char *next, size_t next_step, size_t pace) \
    {                                                                                              \
        NAME(tile)                                                                                 \
        (h, nv, by_rows, false, false, k, a, step, b, b_step, b_panel, c, ldc, last, alpha, beta,  \
         next, next_step, pace, (NAME(copies)){NULL, NULL});                                       \
    }
#define TILES(h)                                                                                   \
    TILE(h, 1, columns, false)                                                                     \
    TILE(h, 2, columns, false) TILE(h, 1, rows, true) TILE(h, 2, rows, true)
/* Few rows: wider tiles, so that there are sums enough to hide the latency of the FMA. */
#define WIDE_TILES(h, nv) TILE(h, nv, columns, false) TILE(h, nv, rows, true)
#if MR == 14
#define ALL_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif MR == 12
#define ALL_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#elif MR == 6
#define ALL_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define ALL_HEIGHTS(X) X(1) X(2) X(3) X(4)
#endif
#if MR >= 12
#define ALL_WIDE(X) X(1, 8) X(2, 8) X(3, 4) X(4, 4) X(5, 4) X(6, 4)
#define ALL_HALF(X) X(1, 4) X(2, 4) /* for what the widest leave over */
#else
#define ALL_WIDE(X) X(1, 8) X(2, 4) X(3, 4)
#define ALL_HALF(X) X(1, 4)
#endif

ALL_HEIGHTS(TILES)
ALL_WIDE(WIDE_TILES)
ALL_HALF(WIDE_TILES)

#define TILE_ROW(h)                                                                                \
    [h] = {{NAME(tile_rows_##h##x1), NAME(tile_columns_##h##x1)},                                  \
           {NAME(tile_rows_##h##x2), NAME(tile_columns_##h##x2)}},
#define WIDE_ROW(h, nv) [h] = {nv, {NAME(tile_rows_##h##x##nv), NAME(tile_columns_##h##x##nv)}},

/* [rows][vectors - 1][by columns] */
static const NAME(tile_fn) NAME(tiles)[MR + 1][2][2] = {ALL_HEIGHTS(TILE_ROW)};
typedef struct NAME(wide_tile) {
    size_t vectors;
    NAME(tile_fn) tile[2];
} NAME(wide_tile);
static const NAME(wide_tile) NAME(wide_tiles)[MR + 1] = {ALL_WIDE(WIDE_ROW)};
static const NAME(wide_tile) NAME(half_tiles)[MR + 1] = {ALL_HALF(WIDE_ROW)};

static void NAME(copy)(size_t n, const T *in, T *out)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) NAME(store)(out + i, NAME(load)(in + i));
    if (i < n) NAME(store_part)(out + i, NAME(load_part)(in + i, n - i), n - i);
}

/* One band: h of `rows` rows that can be read, by columns. Whole vectors run over what stands to
 * the right of them, so that goes first, and over what follows the band. */
static void NAME(pack_band)(size_t h, size_t rows, size_t k, const T *a, size_t step, T *out)
{
    for (size_t x = (h - 1) / VL * VL; x < h; x -= VL) {
        size_t own = h - x < VL ? h - x : VL;
        if (rows - x >= VL) NAME(turn_over)(k, a + x * step, step, out + x, h, own);
        else NAME(turn)(own, k, a + x * step, step, out + x, h, false);
    }
}

static void NAME(pack_a)(size_t m, size_t k, const T *a, size_t step, bool by_rows, T *out)
{
    size_t bands = (m + MR - 1) / MR;
    for (size_t band = 0, i = 0; band < bands; band++) {
        size_t h = m / bands + (band < m % bands);
        T *o = out + i * k;
        if (by_rows) NAME(pack_band)(h, m - i, k, a + i * step, step, o);
        else
            for (size_t p = 0; p < k; p++) NAME(copy)(h, a + p * step + i, o + p * h);
        i += h;
    }
}

/* One band of h rows: all panels of B. `next`: the first of the rows of the band that follows, of
 * which every tile fetches a part, so that the next band does not wait for them; or NULL. */
static void NAME(band)(const NAME(leati_block) * t, size_t h, bool columns, const T *a, size_t step,
                       T *c, const T *next, size_t next_step)
{
    size_t tiles = (t->n + NAME(NR) - 1) / NAME(NR);
    size_t pace = next ? (t->k * sizeof(T) / tiles + 63) / 64 * 64 : 0;
    const char *fetch = (const char *)(next ? next : a);
    size_t j = 0, full = t->b_tail ? t->n / NAME(NR) * NAME(NR) : t->n;
    const T *b = t->b;
    const NAME(wide_tile) * wides[] = {&NAME(wide_tiles)[h], &NAME(half_tiles)[h]};
    for (size_t w = 0; w < 2; w++) {
        size_t wide = wides[w]->vectors * VL;
        for (; wide && j + wide <= full; j += wide, b += wide / NAME(NR) * t->b_panel)
            wides[w]->tile[columns](t->k, a, step, b, t->b_step, t->b_panel, c + j, t->ldc, VL,
                                    t->alpha, t->beta, (const char *)a, 0, 0);
    }
    for (; j < t->n; j += NAME(NR), b += t->b_panel) {
        size_t width = t->n - j < NAME(NR) ? t->n - j : NAME(NR);
        bool tail = j >= full;
        size_t two = width > VL, last = width - two * VL;
        NAME(tiles)
        [h][two][columns](t->k, a, step, tail ? t->b_tail : b, tail ? NAME(NR) : t->b_step, 0,
                          c + j, t->ldc, last, t->alpha, t->beta, fetch, next_step * sizeof(T),
                          pace);
        fetch += pace;
    }
}

static void NAME(block)(const NAME(leati_block) * t)
{
    if (t->m == 0) return;
    size_t bands = (t->m + MR - 1) / MR, least = t->m / bands, higher = t->m - least * bands;
    bool rows = t->left == LEATI_LEFT_ROWS, packed = t->left == LEATI_LEFT_PACKED;
    size_t next_step = packed ? t->k : t->a_step;
    for (size_t band = 0, i = 0; band < bands; band++) {
        size_t h = least + (band < higher), step = packed ? h : t->a_step;
        T *c = t->c + i * t->ldc;
        const T *a = t->a + i * (rows ? t->a_step : packed ? t->k : 1);
        const T *next = i + h < t->m && t->left != LEATI_LEFT_COLUMNS ? a + h * next_step : NULL;
        if (rows && t->near) {
            NAME(pack_band)(h, t->m - i, t->k, a, step, t->near);
            a = t->near;
            step = h;
        }
        i += h;
        NAME(band)(t, h, !rows || t->near, a, step, c, next, next_step);
    }
}

static void NAME(pack_b_rows)(size_t width, size_t k, const T *b, size_t ldb, T *out)
{
    if (width == NAME(NR)) {
        for (size_t p = 0; p < k; p++, b += ldb, out += NAME(NR)) {
            NAME(store)(out, NAME(load)(b));
            NAME(store)(out + VL, NAME(load)(b + VL));
        }
        return;
    }
    for (size_t p = 0; p < k; p++, b += ldb, out += NAME(NR)) {
        size_t two = width > VL;
        NAME(store)(out + VL, (V){0});
        if (two) NAME(store)(out, NAME(load)(b));
        NAME(store)(out + two * VL, NAME(load_last)(b + two * VL, width - two * VL));
    }
}

/* Four panels at once: a row far away (another page, as often as not) is visited once for them. */
static void NAME(pack_b_four)(size_t k, const T *b, size_t ldb, T *out)
{
    for (size_t p = 0; p < k; p++, b += ldb, out += NAME(NR)) {
        UNROLL(8)
        for (size_t v = 0; v < 8; v++)
            NAME(store)(out + v / 2 * NAME(NR) * k + v % 2 * VL, NAME(load)(b + v * VL));
    }
}

#if MR == 14
#include "kernel/isa/gemm_strip_type.h"
#endif

static void NAME(pack_b)(size_t n, size_t k, const T *b, size_t ldb, bool transposed, T *out)
{
    size_t j = 0;
    for (; !transposed && n - j >= 4 * NAME(NR); j += 4 * NAME(NR), out += 4 * NAME(NR) * k)
        NAME(pack_b_four)(k, b + j, ldb, out);
    for (; j < n; j += NAME(NR), out += NAME(NR) * k) {
        size_t width = n - j < NAME(NR) ? n - j : NAME(NR);
        if (!transposed) {
            NAME(pack_b_rows)(width, k, b + j, ldb, out);
            continue;
        }
        for (size_t x = 0; x < NAME(NR); x += VL) {
            size_t h = width > x ? (width - x < VL ? width - x : VL) : 0;
            NAME(turn)(h, k, b + (j + x) * ldb, ldb, out + x, NAME(NR), true);
        }
    }
}

/* One vector of partial sums for each pair of rows, whatever the shape of the tile. In tall tiles
 * the rows of B that come next are fetched meanwhile: they stream from memory. */
INLINE void NAME(dot_tile)(const size_t h, const size_t w, size_t k, const T *a, size_t lda,
                           const T *b, size_t ldb, T alpha, T beta, T *c, size_t row, size_t column)
{
    V sum[5][8];
    size_t p = 0;
    UNROLL(5)
    for (size_t i = 0; i < h; i++) {
        UNROLL(8)
        for (size_t j = 0; j < w; j++) sum[i][j] = (V){0};
    }
    for (; p + VL <= k; p += VL) {
        V x[5];
        UNROLL(5)
        for (size_t i = 0; i < h; i++) x[i] = NAME(load)(a + i * lda + p);
        UNROLL(8)
        for (size_t j = 0; j < w; j++) {
            __builtin_prefetch(b + j * ldb + p + 256 / sizeof(T));
            V y = NAME(load)(b + j * ldb + p);
            if (h == 5) __builtin_prefetch(b + (j + w) * ldb + p);
            UNROLL(5)
            for (size_t i = 0; i < h; i++) sum[i][j] += x[i] * y;
        }
    }
    UNROLL(5)
    for (size_t i = 0; i < h; i++) {
        UNROLL(8)
        for (size_t j = 0; j < w; j++) {
            if (p < k)
                sum[i][j] += NAME(load_part)(a + i * lda + p, k - p) *
                             NAME(load_part)(b + j * ldb + p, k - p);
            T value = alpha * NAME(lanes)(sum[i][j]);
            T *out = c + i * row + j * column;
            ROUNDED(value);
            *out = beta == 0 ? value : value + beta * *out;
        }
    }
}

/* One long row with w rows of B side by side: each is a stream of its own for the prefetchers, of
 * which one alone leaves some memories half idle. Each is summed in two chains, so that together
 * they hide the latency of the FMA and the sums do not depend on w. */
INLINE void NAME(dot_long)(const size_t w, size_t k, const T *a, const T *b, size_t ldb, T *out)
{
    V sum[LONG_ROWS][2];
    size_t p = 0;
    UNROLL(8)
    for (size_t j = 0; j < w; j++) sum[j][0] = sum[j][1] = (V){0};
    for (; p + 2 * VL <= k; p += 2 * VL) {
        V x[2] = {NAME(load)(a + p), NAME(load)(a + p + VL)};
        UNROLL(8)
        for (size_t j = 0; j < w; j++) {
            const T *y = b + j * ldb + p;
            UNROLL(2)
            for (size_t line = 0; line < 2 * sizeof(V); line += 64)
                __builtin_prefetch((const char *)y + 512 + line);
            UNROLL(2)
            for (size_t s = 0; s < 2; s++) sum[j][s] += x[s] * NAME(load)(y + s * VL);
        }
    }
    UNROLL(8)
    for (size_t j = 0; j < w; j++) {
        const T *y = b + j * ldb;
        size_t q = p;
        if (q + VL <= k) sum[j][0] += NAME(load)(a + q) * NAME(load)(y + q), q += VL;
        if (q < k) sum[j][1] += NAME(load_part)(a + q, k - q) * NAME(load_part)(y + q, k - q);
        out[j] = NAME(lanes)(sum[j][0] + sum[j][1]);
    }
}

/* alpha a B^T + beta c of one long row a. */
static void NAME(dots_long)(size_t n, size_t k, const T *a, const T *b, size_t ldb, T alpha, T beta,
                            T *c, size_t column)
{
    T sums[LONG_ROWS];
    for (size_t j = 0, w; j < n; j += w) {
        w = n - j < LONG_ROWS ? 1 : LONG_ROWS;
        if (w == 1) NAME(dot_long)(1, k, a, b + j * ldb, ldb, sums);
        else NAME(dot_long)(LONG_ROWS, k, a, b + j * ldb, ldb, sums);
        for (size_t i = 0; i < w; i++) {
            T value = alpha * sums[i], *out = c + (j + i) * column;
            ROUNDED(value);
            *out = beta == 0 ? value : value + beta * *out;
        }
    }
}

#define DOTS(h, w)                                                                                 \
    NAME(dot_tile)                                                                                 \
    (h, w, k, a + i * lda, lda, b + j * ldb, ldb, alpha, beta, c + i * row + j * column, row,      \
     column)
static void NAME(dots)(size_t m, size_t n, size_t k, const T *a, size_t lda, const T *b, size_t ldb,
                       T alpha, T beta, T *c, size_t row, size_t column)
{
    size_t i = 0, j = 0;
    if (m == 1 && k >= NAME(LONG_ROW)) {
        NAME(dots_long)(n, k, a, b, ldb, alpha, beta, c, column);
        return;
    }
    if (m == 1) {
        for (; j + 8 <= n; j += 8) DOTS(1, 8);
        switch (n - j) {
        case 7: DOTS(1, 7); break;
        case 6: DOTS(1, 6); break;
        case 5: DOTS(1, 5); break;
        case 4: DOTS(1, 4); break;
        case 3: DOTS(1, 3); break;
        case 2: DOTS(1, 2); break;
        case 1: DOTS(1, 1); break;
        default: break;
        }
        return;
    }
    for (; j + 4 <= n; j += 4) {
        i = 0;
#if MR >= 12
        for (; i + 5 <= m; i += 5) DOTS(5, 4);
#endif
        for (; i + 2 <= m; i += 2) DOTS(2, 4);
        if (i < m) DOTS(1, 4);
    }
    for (; j < n; j++) {
        for (i = 0; i + 2 <= m; i += 2) DOTS(2, 1);
        if (i < m) DOTS(1, 1);
    }
}

#undef DOTS
#undef LONG_ROWS
#undef TILE
#undef TILES
#undef WIDE_TILES
#undef ALL_HEIGHTS
#undef ALL_WIDE
#undef ALL_HALF
#undef TILE_ROW
#undef WIDE_ROW
#undef T
#undef V
#undef VL
#undef MR
