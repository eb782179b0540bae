/* Products of bf16 numbers summed in f32. Terms come in pairs: the sum first takes the product of
 * the second numbers of the pair, then that of the first, each rounded to nearest. That is what
 * vdpbf16ps does (but for subnormals, which it takes for 0), so levels without it give the same
 * bytes. */
#ifndef LEATI_KERNEL_ISA_BF16_LANES_H
#define LEATI_KERNEL_ISA_BF16_LANES_H

#include "kernel/isa/simd.h"
#include "kernel/isa/sum_lanes.h"
#include "kernel/net_kernels.h"

/* The bits of v rounded to bf16, to nearest, ties to even, in the upper halves; NaN stays NaN. */
INLINE vf_bits rounded_upper(vf v)
{
    vf_bits bits = (vf_bits)v;
    vf_bits up = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
    vf_bits quiet = (bits | 0x400000) & 0xffff0000u;
    return (vf_bits)choose_f32(v == v, (vf)up, (vf)quiet);
}

/* out[j] = the pair (first[j], second[j]), the first in the lower half; n is a multiple of VF. */
static void bf16_zip(size_t n, const float *first, const float *second, uint32_t *out)
{
    for (size_t j = 0; j < n; j += VF) {
        vf_bits low = rounded_upper(load_f32(first + j)) >> 16;
        vf_bits both = low | rounded_upper(load_f32(second + j));
        memcpy(out + j, &both, sizeof both);
    }
}

/* out (m, (k + 1) / 2) pairs of neighbours = rows of x; a last single number has 0 beside it. */
static void bf16_rows(size_t m, size_t k, const float *x, size_t ld, uint32_t *out)
{
    size_t pairs = (k + 1) / 2;
    for (size_t i = 0; i < m; i++, x += ld, out += pairs) {
        uint16_t *row = (uint16_t *)out;
        size_t j = 0;
        row[2 * pairs - 1] = 0;
        for (; j + VF <= k; j += VF) {
            vf_short lane = __builtin_convertvector(rounded_upper(load_f32(x + j)) >> 16, vf_short);
            memcpy(row + j, &lane, sizeof lane);
        }
        if (j == k) continue;
        vf_short lane =
            __builtin_convertvector(rounded_upper(load_last_f32(x + j, k - j)) >> 16, vf_short);
        memcpy(row + j, &lane, (k - j) * sizeof *row);
    }
}

#if defined(__AVX512F__)
#define BF16_NATIVE 1
#define BF16_TARGET __attribute__((target("avx512bf16")))
#else
#define BF16_NATIVE 0
#define BF16_TARGET
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

/* C (h, nv vectors) = A B, or added to C; k counts pairs. */
#define BF16_TILE(kind, inline_, pair)                                                             \
    inline_ void bf16_tile_##kind(const size_t h, const size_t nv, const leati_bf16_block *t,      \
                                  const uint32_t *a, const uint32_t *b, float *c, size_t last)     \
    {                                                                                              \
        vf sum[MR][4];                                                                             \
        const uint32_t *group[MR / 3 + 1];                                                         \
        const size_t step = t->a_step, panel = t->b_panel;                                         \
        UNROLL(16)                                                                                 \
        for (size_t i = 0; i < h; i++) {                                                           \
            UNROLL(4)                                                                              \
            for (size_t v = 0; v < nv; v++) {                                                      \
                sum[i][v] = (vf){0};                                                               \
                if (t->add)                                                                        \
                    sum[i][v] = load_last_f32(c + i * t->ldc + v * VF, v + 1 < nv ? VF : last);    \
            }                                                                                      \
        }                                                                                          \
        UNROLL(16)                                                                                 \
        for (size_t i = 0; i < h; i += 3) {                                                        \
            group[i / 3] = a + (i + 1 < h ? i + 1 : i) * step;                                     \
            __asm__("" : "+r"(group[i / 3]));                                                      \
        }                                                                                          \
        for (size_t p = 0; p < t->k; p++, b += NR) {                                               \
            vf_bits column[4];                                                                     \
            UNROLL(4)                                                                              \
            for (size_t v = 0; v < nv; v++)                                                        \
                memcpy(&column[v], b + v / 2 * panel + v % 2 * VF, sizeof *column);                \
            UNROLL(16)                                                                             \
            for (size_t i = 0; i < h; i++) {                                                       \
                ptrdiff_t off = (ptrdiff_t)(i % 3) - (i / 3 * 3 + 1 < h);                          \
                uint32_t value = *(group[i / 3] + off * (ptrdiff_t)step + p);                      \
                UNROLL(4)                                                                          \
                for (size_t v = 0; v < nv; v++) sum[i][v] = pair(sum[i][v], value, column[v]);     \
            }                                                                                      \
        }                                                                                          \
        UNROLL(16)                                                                                 \
        for (size_t i = 0; i < h; i++) {                                                           \
            UNROLL(4)                                                                              \
            for (size_t v = 0; v < nv; v++)                                                        \
                store_last_f32(c + i * t->ldc + v * VF, sum[i][v], v + 1 < nv ? VF : last);        \
        }                                                                                          \
    }

typedef void (*bf16_tile_fn)(const leati_bf16_block *t, const uint32_t *a, const uint32_t *b,
                             float *c, size_t last);

#define BF16_ONE(kind, target, h, nv)                                                              \
    static target void bf16_##kind##_##h##x##nv(const leati_bf16_block *t, const uint32_t *a,      \
                                                const uint32_t *b, float *c, size_t last)          \
    {                                                                                              \
        bf16_tile_##kind(h, nv, t, a, b, c, last);                                                 \
    }
#define BF16_PAIR(kind, target, h) BF16_ONE(kind, target, h, 1) BF16_ONE(kind, target, h, 2)
#define BF16_ROW(kind, h)          [h] = {bf16_##kind##_##h##x1, bf16_##kind##_##h##x2},

/* Bands against panels, as sum_block. One row takes four vectors at a time. */
#define BF16_BLOCK(kind)                                                                           \
    static void bf16_block_##kind(const leati_bf16_block *t)                                       \
    {                                                                                              \
        size_t bands = (t->m + MR - 1) / MR;                                                       \
        for (size_t j = 0, width; j < t->n; j += width) {                                          \
            bool wide = t->m == 1 && t->n - j >= 2 * NR;                                           \
            width = wide ? 2 * NR : t->n - j < NR ? t->n - j : NR;                                 \
            const uint32_t *b = t->b + j / NR * t->b_panel;                                        \
            size_t vectors = (width + VF - 1) / VF, last = width - (vectors - 1) * VF, i = 0;      \
            for (size_t band = 0; band < bands; band++) {                                          \
                size_t h = t->m / bands + (band < t->m % bands);                                   \
                bf16_tile_fn tile = wide ? bf16_##kind##_1x4 : bf16_tiles_##kind[h][vectors - 1];  \
                tile(t, t->a + i * t->a_step, b, t->c + i * t->ldc + j, last);                     \
                i += h;                                                                            \
            }                                                                                      \
        }                                                                                          \
    }

BF16_TILE(plain, INLINE, pair_plain)
#define BF16_HEIGHT(h) BF16_PAIR(plain, , h)
#define BF16_TABLE(h)  BF16_ROW(plain, h)
SUM_HEIGHTS(BF16_HEIGHT)
BF16_ONE(plain, , 1, 4)
static const bf16_tile_fn bf16_tiles_plain[MR + 1][2] = {SUM_HEIGHTS(BF16_TABLE)};
BF16_BLOCK(plain)
#undef BF16_HEIGHT
#undef BF16_TABLE

#if BF16_NATIVE
BF16_TILE(native, BF16_INLINE, pair_native)
#define BF16_HEIGHT(h) BF16_PAIR(native, BF16_TARGET, h)
#define BF16_TABLE(h)  BF16_ROW(native, h)
SUM_HEIGHTS(BF16_HEIGHT)
BF16_ONE(native, BF16_TARGET, 1, 4)
static const bf16_tile_fn bf16_tiles_native[MR + 1][2] = {SUM_HEIGHTS(BF16_TABLE)};
BF16_BLOCK(native)
#endif

#endif
