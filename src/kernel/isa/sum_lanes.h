/* The batch-reduce product (leati_sum_block): register tiles as in gemm_type.h whose sums run over
 * a list of runs, so that a convolution needs no copy of its patches. */
#ifndef LEATI_KERNEL_ISA_SUM_LANES_H
#define LEATI_KERNEL_ISA_SUM_LANES_H

#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

enum { MR = ROWS_F32, NR = 2 * VF };

typedef struct sum_place {
    const float *a, *b, *bias, *residual;
    float *c;
    size_t width;
    uintptr_t next; /* what is fetched meanwhile, `pace` bytes with every term of the sum */
    size_t pace;
} sum_place;

/* One tile, h rows and nv vectors, both constants; `last` columns in the last vector. Panels that
 * lie side by side make tiles of more than two vectors: vector v is in panel v / 2. */
INLINE void sum_tile(const size_t h, const size_t nv, const bool by_rows, const leati_sum_block *t,
                     const sum_place *at, size_t last)
{
    const float *a = at->a, *b = at->b, *bias = at->bias, *residual = at->residual;
    float *c = at->c;
    uintptr_t next = at->next;
    vf sum[MR][4];
    UNROLL(4)
    for (size_t v = 0; v < nv; v++) {
        vf start = {0};
        if (bias) start = load_last_f32(bias + v * VF, v + 1 < nv ? VF : last);
        UNROLL(16)
        for (size_t i = 0; i < h; i++) sum[i][v] = start;
    }
    const size_t step = t->a_step, panel = t->b_panel, pace = at->pace;
    const leati_run *end = t->runs + t->run_count;
    for (const leati_run *run = t->runs; run < end; run++) {
        const float *x = a + run->a, *y = b + run->b * NR, *group[MR / 3 + 1];
        UNROLL(16)
        for (size_t i = 0; by_rows && i < h; i += 3) {
            group[i / 3] = x + (i + 1 < h ? i + 1 : i) * step;
            __asm__("" : "+r"(group[i / 3]));
        }
        for (size_t p = 0, k = run->k; p < k; p++, y += NR, x += step) {
            vf column[4];
            if (h > MR / 2) {
                __builtin_prefetch((const void *)next, 0, 2);
                next += pace;
            }
            UNROLL(4)
            for (size_t v = 0; v < nv; v++) {
                column[v] = load_f32(y + v / 2 * panel + v % 2 * VF);
                ROUNDED(column[v]);
            }
            UNROLL(16)
            for (size_t i = 0; i < h; i++) {
                float value;
                if (by_rows) {
                    ptrdiff_t off = (ptrdiff_t)(i % 3) - (i / 3 * 3 + 1 < h);
                    value = *(group[i / 3] + off * (ptrdiff_t)step + p);
                } else value = x[i];
                UNROLL(4)
                for (size_t v = 0; v < nv; v++) sum[i][v] += value * column[v];
            }
        }
    }
    const size_t c_step = t->c_step, residual_step = t->residual_step;
    if (residual) {
        UNROLL(16)
        for (size_t i = 0; i < h; i++, residual += residual_step) {
            UNROLL(4)
            for (size_t v = 0; v < nv; v++)
                sum[i][v] += load_last_f32(residual + v * VF, v + 1 < nv ? VF : last);
        }
    }
    if (t->clamp) {
        vf low = t->low - (vf){0}, high = t->high - (vf){0};
        UNROLL(16)
        for (size_t i = 0; i < h; i++) {
            UNROLL(4)
            for (size_t v = 0; v < nv; v++) sum[i][v] = clamp_f32(sum[i][v], low, high);
        }
    }
    UNROLL(16)
    for (size_t i = 0; i < h; i++, c += c_step) {
        UNROLL(4)
        for (size_t v = 0; v < nv; v++)
            store_last_f32(c + v * VF, sum[i][v], v + 1 < nv ? VF : last);
    }
}

typedef void (*sum_tile_fn)(const leati_sum_block *t, const sum_place *at, size_t last);

#define SUM_TILE(h, nv, form, by_rows)                                                             \
    static void sum_tile_##form##_##h##x##nv(const leati_sum_block *t, const sum_place *at,        \
                                             size_t last)                                          \
    {                                                                                              \
        sum_tile(h, nv, by_rows, t, at, last);                                                     \
    }
#define SUM_TILES(h)                                                                               \
    SUM_TILE(h, 1, columns, false)                                                                 \
    SUM_TILE(h, 2, columns, false) SUM_TILE(h, 1, rows, true) SUM_TILE(h, 2, rows, true)
#define SUM_ROW(h)                                                                                 \
    [h] = {{sum_tile_rows_##h##x1, sum_tile_columns_##h##x1},                                      \
           {sum_tile_rows_##h##x2, sum_tile_columns_##h##x2}},
/* Lower tiles are wider, so that there are sums enough to hide the latency of the FMA. */
#define SUM_WIDE(h, nv)     SUM_TILE(h, nv, columns, false) SUM_TILE(h, nv, rows, true)
#define SUM_WIDE_ROW(h, nv) [h] = {nv, {sum_tile_rows_##h##x##nv, sum_tile_columns_##h##x##nv}},
#if ROWS_F32 == 14
#define SUM_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif ROWS_F32 == 12
#define SUM_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#elif ROWS_F32 == 6
#define SUM_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define SUM_HEIGHTS(X) X(1) X(2) X(3) X(4)
#endif
#if ROWS_F32 >= 12
#define SUM_ALL_WIDE(X) X(1, 4) X(2, 4) X(3, 4) X(4, 4) X(5, 4) X(6, 4)
#else
#define SUM_ALL_WIDE(X) X(1, 4) X(2, 4)
#endif

SUM_HEIGHTS(SUM_TILES)
SUM_ALL_WIDE(SUM_WIDE)

/* [rows][vectors - 1][by columns] */
static const sum_tile_fn sum_tiles[MR + 1][2][2] = {SUM_HEIGHTS(SUM_ROW)};
static const struct {
    size_t vectors;
    sum_tile_fn tile[2];
} sum_wide[MR + 1] = {SUM_ALL_WIDE(SUM_WIDE_ROW)};

/* All bands of a line against `width` columns. */
static void sum_line(const leati_sum_block *t, size_t terms, sum_place at)
{
    size_t bands = (t->rows + MR - 1) / MR;
    for (size_t band = 0; band < bands; band++) {
        size_t h = t->rows / bands + (band < t->rows % bands);
        size_t vectors = (at.width + VF - 1) / VF, last = at.width - (vectors - 1) * VF;
        sum_tile_fn tile =
            vectors > 2 ? sum_wide[h].tile[!t->by_rows] : sum_tiles[h][vectors - 1][!t->by_rows];
        tile(t, &at, last);
        at.next += at.pace * terms;
        at.a += h * (t->by_rows ? t->a_step : 1);
        at.c += h * t->c_step;
        if (at.residual) at.residual += h * t->residual_step;
    }
}

/* Panels outermost: one stays in the caches while all rows of A pass. */
static void sum_block(const leati_sum_block *t)
{
    size_t bands = (t->rows + MR - 1) / MR, most = bands ? (t->rows + bands - 1) / bands : 0;
    size_t least = bands ? t->rows / bands : 0, wide = 0;
    if (bands && sum_wide[most].vectors && sum_wide[least].vectors)
        wide = sum_wide[most].vectors * VF;
    size_t terms = 0, pace = 0;
    for (size_t i = 0; i < t->run_count; i++) terms += t->runs[i].k;
    size_t all = t->lines * bands * terms;
    if (t->ahead && all) pace = (t->b_panel * sizeof(float) + all - 1) / all;
    for (size_t j = 0, width; j < t->n; j += width) {
        uintptr_t next = (uintptr_t)t->b + (j / NR * t->b_panel + t->ahead) * sizeof(float);
        width = t->n - j >= wide && wide ? wide : NR;
        if (width > t->n - j) width = t->n - j;
        for (size_t line = 0; line < t->lines; line++) {
            sum_line(t, terms,
                     (sum_place){t->a + line * t->a_line, t->b + j / NR * t->b_panel,
                                 t->bias ? t->bias + j : NULL,
                                 t->residual ? t->residual + line * t->residual_line + j : NULL,
                                 t->c + line * t->c_line + j, width,
                                 next + line * bands * pace * terms, pace});
        }
    }
}

#endif
