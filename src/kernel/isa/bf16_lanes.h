/* Products of bf16 numbers summed in f32. Terms come in pairs: the sum first takes the product of
 * the second numbers of the pair, then that of the first, each rounded to nearest. That is what
 * vdpbf16ps does (but for subnormals, which it takes for 0), so levels without it give the same
 * bytes. */
#ifndef LEATI_KERNEL_ISA_BF16_LANES_H
#define LEATI_KERNEL_ISA_BF16_LANES_H

#include "kernel/isa/simd.h"
#include "kernel/isa/sum_lanes.h"
#include "kernel/net_kernels.h"

typedef uint8_t vf_bytes __attribute__((vector_size(VF)));

/* The bits of v rounded to bf16, to nearest, ties to even, in the upper halves; NaN stays NaN. */
INLINE vf_bits rounded_upper(vf v)
{
    vf_bits bits = (vf_bits)v;
    vf_bits up = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
    vf_bits quiet = (bits | 0x400000) & 0xffff0000u;
    return (vf_bits)choose_f32(v == v, (vf)up, (vf)quiet);
}

/* Places of the largest of 2 x 2, n of them (n <= VF). */
INLINE vf_bits bf16_taps(const uint8_t *which, size_t n)
{
    vf_bytes bytes = {0};
    memcpy(&bytes, which, n);
    return __builtin_convertvector(bytes, vf_bits);
}

/* All bits of those that are `tap`. */
INLINE vf_short bf16_is_tap(const uint8_t *which, size_t n, uint8_t tap)
{
    vf_bytes bytes = {0};
    memcpy(&bytes, which, n);
    return (vf_short)(__builtin_convertvector(bytes, vf_short) == tap);
}

#if defined(__AVX512F__)
#define BF16_NATIVE 1
#define BF16_TARGET __attribute__((target("avx512bf16")))
#else
#define BF16_NATIVE 0
#define BF16_TARGET
#endif

#define COPY(x) x##_plain
#define COPY_TARGET
#define COPY_SHORT(v) __builtin_convertvector(rounded_upper(v) >> 16, vf_short)
#include "kernel/isa/bf16_copies.h"
#undef COPY
#undef COPY_TARGET
#undef COPY_SHORT

#if BF16_NATIVE
/* vcvtneps2bf16 takes subnormals for 0, as vdpbf16ps does. */
#define COPY(x)       x##_native
#define COPY_TARGET   BF16_TARGET
#define COPY_SHORT(v) ((vf_short)_mm512_cvtneps_pbh((__m512)(v)))
#include "kernel/isa/bf16_copies.h"
#undef COPY
#undef COPY_TARGET
#undef COPY_SHORT
#endif

/* sum + the products of a pair of a and the pairs of b. */
INLINE vf pair_plain(vf sum, uint32_t a, vf_bits b)
{
    vf first, second;
    float x, y;
    uint32_t low = a << 16, high = a & 0xffff0000u;
    memcpy(&x, &low, sizeof x);
    memcpy(&y, &high, sizeof y);
    first = (vf)(b << 16);
    second = (vf)(b & 0xffff0000u);
    sum += second * y; /* the product of two bf16 numbers is exact in f32 */
    ROUNDED(sum);
    sum += first * x;
    ROUNDED(sum);
    return sum;
}

#if BF16_NATIVE
#if defined(LEATI_KERNELS_PLAIN)
#define BF16_INLINE static inline BF16_TARGET
#else
#define BF16_INLINE static inline __attribute__((always_inline)) BF16_TARGET
#endif
BF16_INLINE vf pair_native(vf sum, uint32_t a, vf_bits b)
{
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int32_t)a), (__m512bh)b);
}
#endif

/* One tile, h rows and nv vectors, both constants, as sum_tile (sum_lanes.h): of pairs, and with a
 * sum that may begin with what is in C. */
#define BF16_TILE(kind, inline_, pair)                                                             \
    inline_ void bf16_tile_##kind(const size_t h, const size_t nv, const bool by_rows,             \
                                  const leati_bf16_block *t, const bf16_place *at, size_t last)    \
    {                                                                                              \
        vf sum[MR][4];                                                                             \
        const size_t step = t->a_step, panel = t->b_panel, pace = at->pace;                        \
        uintptr_t next = at->next;                                                                 \
        UNROLL(4)                                                                                  \
        for (size_t v = 0; v < nv; v++) {                                                          \
            vf start = {0};                                                                        \
            if (at->bias) start = load_last_f32(at->bias + v * VF, v + 1 < nv ? VF : last);        \
            UNROLL(16)                                                                             \
            for (size_t i = 0; i < h; i++) sum[i][v] = start;                                      \
        }                                                                                          \
        if (t->add) bf16_load(h, nv, at->c, t->c_step, last, sum);                                 \
        const leati_run *end = t->runs + t->run_count;                                             \
        for (const leati_run *run = t->runs; run < end; run++) {                                   \
            const uint32_t *x = at->a + run->a, *y = at->b + run->b * NR, *group[MR / 3 + 1];      \
            UNROLL(16)                                                                             \
            for (size_t i = 0; by_rows && i < h; i += 3) {                                         \
                group[i / 3] = x + (i + 1 < h ? i + 1 : i) * step;                                 \
                __asm__("" : "+r"(group[i / 3]));                                                  \
            }                                                                                      \
            for (size_t p = 0, k = run->k; p < k; p++, y += NR, x += step) {                       \
                vf_bits column[4];                                                                 \
                if (h > MR / 2) {                                                                  \
                    __builtin_prefetch((const void *)next, 0, 2);                                  \
                    next += pace;                                                                  \
                }                                                                                  \
                UNROLL(4)                                                                          \
                for (size_t v = 0; v < nv; v++)                                                    \
                    memcpy(&column[v], y + v / 2 * panel + v % 2 * VF, sizeof *column);            \
                UNROLL(16)                                                                         \
                for (size_t i = 0; i < h; i++) {                                                   \
                    ptrdiff_t off = (ptrdiff_t)(i % 3) - (i / 3 * 3 + 1 < h);                      \
                    uint32_t value = by_rows ? *(group[i / 3] + off * (ptrdiff_t)step + p) : x[i]; \
                    UNROLL(4)                                                                      \
                    for (size_t v = 0; v < nv; v++) sum[i][v] = pair(sum[i][v], value, column[v]); \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        if (t->scale != 0) bf16_scale(h, nv, t->scale, sum);                                       \
        if (at->residual) bf16_residual(h, nv, at->residual, t->residual_step, last, sum);         \
        if (t->clamp) bf16_clamp(h, nv, t->low, t->high, sum);                                     \
        bf16_store(h, nv, at->c, t->c_step, last, sum);                                            \
    }

typedef struct bf16_place {
    const uint32_t *a, *b;
    const float *bias, *residual;
    float *c;
    size_t width;
    uintptr_t next; /* as sum_place (sum_lanes.h) */
    size_t pace;
} bf16_place;

INLINE void bf16_load(const size_t h, const size_t nv, const float *c, size_t step, size_t last,
                      vf (*sum)[4])
{
    UNROLL(16)
    for (size_t i = 0; i < h; i++, c += step) {
        UNROLL(4)
        for (size_t v = 0; v < nv; v++)
            sum[i][v] = load_last_f32(c + v * VF, v + 1 < nv ? VF : last);
    }
}

INLINE void bf16_residual(const size_t h, const size_t nv, const float *residual, size_t step,
                          size_t last, vf (*sum)[4])
{
    UNROLL(16)
    for (size_t i = 0; i < h; i++, residual += step) {
        UNROLL(4)
        for (size_t v = 0; v < nv; v++)
            sum[i][v] += load_last_f32(residual + v * VF, v + 1 < nv ? VF : last);
    }
}

INLINE void bf16_scale(const size_t h, const size_t nv, float scale, vf (*sum)[4])
{
    UNROLL(16)
    for (size_t i = 0; i < h; i++) {
        UNROLL(4)
        for (size_t v = 0; v < nv; v++) sum[i][v] *= scale;
    }
}

INLINE void bf16_clamp(const size_t h, const size_t nv, float least, float most, vf (*sum)[4])
{
    vf low = least - (vf){0}, high = most - (vf){0};
    UNROLL(16)
    for (size_t i = 0; i < h; i++) {
        UNROLL(4)
        for (size_t v = 0; v < nv; v++) sum[i][v] = clamp_f32(sum[i][v], low, high);
    }
}

INLINE void bf16_store(const size_t h, const size_t nv, float *c, size_t step, size_t last,
                       vf (*sum)[4])
{
    UNROLL(16)
    for (size_t i = 0; i < h; i++, c += step) {
        UNROLL(4)
        for (size_t v = 0; v < nv; v++)
            store_last_f32(c + v * VF, sum[i][v], v + 1 < nv ? VF : last);
    }
}

typedef void (*bf16_tile_fn)(const leati_bf16_block *t, const bf16_place *at, size_t last);

#define BF16_ONE(kind, target, h, nv, form, by_rows)                                               \
    static target void bf16_##kind##_##form##_##h##x##nv(const leati_bf16_block *t,                \
                                                         const bf16_place *at, size_t last)        \
    {                                                                                              \
        bf16_tile_##kind(h, nv, by_rows, t, at, last);                                             \
    }
#define BF16_FORMS(kind, target, h, nv)                                                            \
    BF16_ONE(kind, target, h, nv, columns, false) BF16_ONE(kind, target, h, nv, rows, true)
#define BF16_NAMES(kind, h, nv)                                                                    \
    {                                                                                              \
        bf16_##kind##_rows_##h##x##nv, bf16_##kind##_columns_##h##x##nv                            \
    }
#define BF16_ROW(kind, h) [h] = {BF16_NAMES(kind, h, 1), BF16_NAMES(kind, h, 2)},

/* Bands and panels as in sum_block. */
#define BF16_BLOCK(kind)                                                                           \
    static void bf16_line_##kind(const leati_bf16_block *t, size_t terms, bf16_place at)           \
    {                                                                                              \
        size_t bands = (t->rows + MR - 1) / MR;                                                    \
        size_t vectors = (at.width + VF - 1) / VF, last = at.width - (vectors - 1) * VF;           \
        for (size_t band = 0; band < bands; band++) {                                              \
            size_t h = t->rows / bands + (band < t->rows % bands);                                 \
            bf16_tile_fn tile = vectors > 2 ? bf16_wide_##kind[h][!t->by_rows]                     \
                                            : bf16_tiles_##kind[h][vectors - 1][!t->by_rows];      \
            tile(t, &at, last);                                                                    \
            at.next += at.pace * terms;                                                            \
            at.a += h * (t->by_rows ? t->a_step : 1);                                              \
            at.c += h * t->c_step;                                                                 \
            if (at.residual) at.residual += h * t->residual_step;                                  \
        }                                                                                          \
    }                                                                                              \
    static void bf16_block_##kind(const leati_bf16_block *t)                                       \
    {                                                                                              \
        size_t bands = (t->rows + MR - 1) / MR, most = bands ? (t->rows + bands - 1) / bands : 0;  \
        bool wide = bands && bf16_wide_##kind[most][0] && bf16_wide_##kind[t->rows / bands][0];    \
        size_t terms = 0, pace = 0, all = t->lines * bands;                                        \
        for (size_t i = 0; i < t->run_count; i++) terms += t->runs[i].k;                           \
        if (t->ahead && all) pace = (NR * sizeof *t->b + all - 1) / all;                           \
        for (size_t j = 0, width; j < t->n; j += width) {                                          \
            const uint32_t *b = t->b + j / NR * t->b_panel;                                        \
            uintptr_t next = (uintptr_t)b + t->ahead * sizeof *b;                                  \
            width = wide && t->n - j >= 2 * NR ? 2 * NR : t->n - j < NR ? t->n - j : NR;           \
            for (size_t line = 0; line < t->lines; line++) {                                       \
                size_t residual = line * t->residual_line + j;                                     \
                bf16_line_##kind(t, terms,                                                         \
                                 (bf16_place){t->a + line * t->a_line, b,                          \
                                              t->bias ? t->bias + j : NULL,                        \
                                              t->residual ? t->residual + residual : NULL,         \
                                              t->c + line * t->c_line + j, width, next, pace});    \
                next += bands * pace * terms;                                                      \
            }                                                                                      \
        }                                                                                          \
    }

BF16_TILE(plain, INLINE, pair_plain)
#define BF16_HEIGHT(h)       BF16_FORMS(plain, , h, 1) BF16_FORMS(plain, , h, 2)
#define BF16_TABLE(h)        BF16_ROW(plain, h)
#define BF16_WIDE(h, nv)     BF16_FORMS(plain, , h, nv)
#define BF16_WIDE_ROW(h, nv) [h] = BF16_NAMES(plain, h, nv),
SUM_HEIGHTS(BF16_HEIGHT)
SUM_ALL_WIDE(BF16_WIDE)
/* [rows][vectors - 1][by columns]; of lower tiles with four vectors [rows][by columns] */
static const bf16_tile_fn bf16_tiles_plain[MR + 1][2][2] = {SUM_HEIGHTS(BF16_TABLE)};
static const bf16_tile_fn bf16_wide_plain[MR + 1][2] = {SUM_ALL_WIDE(BF16_WIDE_ROW)};
BF16_BLOCK(plain)
#undef BF16_HEIGHT
#undef BF16_TABLE
#undef BF16_WIDE
#undef BF16_WIDE_ROW

#if BF16_NATIVE
BF16_TILE(native, BF16_INLINE, pair_native)
#define BF16_HEIGHT(h)       BF16_FORMS(native, BF16_TARGET, h, 1) BF16_FORMS(native, BF16_TARGET, h, 2)
#define BF16_TABLE(h)        BF16_ROW(native, h)
#define BF16_WIDE(h, nv)     BF16_FORMS(native, BF16_TARGET, h, nv)
#define BF16_WIDE_ROW(h, nv) [h] = BF16_NAMES(native, h, nv),
SUM_HEIGHTS(BF16_HEIGHT)
SUM_ALL_WIDE(BF16_WIDE)
static const bf16_tile_fn bf16_tiles_native[MR + 1][2][2] = {SUM_HEIGHTS(BF16_TABLE)};
static const bf16_tile_fn bf16_wide_native[MR + 1][2] = {SUM_ALL_WIDE(BF16_WIDE_ROW)};
BF16_BLOCK(native)
static const leati_bf16_kernels bf16_native = {.block = bf16_block_native,
                                               .unit = 1,
                                               .task_rows = 8 * MR,
                                               .spread = bf16_spread_native,
                                               .spread_zip = bf16_spread_zip_native,
                                               .round = bf16_round_native,
                                               .zip = bf16_zip_native,
                                               .rows = bf16_rows_native};
#endif

static const leati_bf16_kernels bf16_plain = {.block = bf16_block_plain,
                                              .unit = 1,
                                              .task_rows = 8 * MR,
                                              .spread = bf16_spread_plain,
                                              .spread_zip = bf16_spread_zip_plain,
                                              .round = bf16_round_plain,
                                              .zip = bf16_zip_plain,
                                              .rows = bf16_rows_plain};

#endif
