/* Philox4x32-10 (Salmon et al., SC 2011) for many counters at once. */
#ifndef LEATI_KERNEL_ISA_RANDOM_LANES_H
#define LEATI_KERNEL_ISA_RANDOM_LANES_H

#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

#define PHILOX_0 0xD2511F53u
#define PHILOX_1 0xCD9E8D57u
#define WEYL_0   0x9E3779B9u
#define WEYL_1   0xBB67AE85u

#if defined(__AVX2__)

/* A word in the lower half of each 64-bit lane; what is in the upper halves does not matter until
 * the end, for products of words do not read it. */
#if defined(__AVX512F__)
#define TIMES(a, b) (vd_bits) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define EVENS(a, b) (vd_bits) _mm512_unpacklo_epi64((__m512i)(a), (__m512i)(b))
#define ODDS(a, b)  (vd_bits) _mm512_unpackhi_epi64((__m512i)(a), (__m512i)(b))
#else
#define TIMES(a, b) (vd_bits) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define EVENS(a, b) (vd_bits) _mm256_unpacklo_epi64((__m256i)(a), (__m256i)(b))
#define ODDS(a, b)  (vd_bits) _mm256_unpackhi_epi64((__m256i)(a), (__m256i)(b))
#endif

enum { PHILOX_SETS = 2, PHILOX_ONCE = PHILOX_SETS * VD };

/* Which of VD counters a lane has, so that words leave in order. */
INLINE vd_bits philox_places(void)
{
    vd_bits v;
    for (uint64_t i = 0; i < VD; i++) v[i] = i % 2 * (VD / 2) + i / 2;
    return v;
}

static void random_words(const uint32_t key[2], const uint32_t counter[4], size_t blocks,
                         uint32_t *out)
{
    const vd_bits m0 = (vd_bits){0} + PHILOX_0, m1 = (vd_bits){0} + PHILOX_1;
    const vd_bits place = philox_places() + (uint64_t)counter[0], zero = {0};
    for (size_t i = 0; i < blocks; i += PHILOX_ONCE, out += 4 * PHILOX_ONCE) {
        vd_bits c0[PHILOX_SETS], c1[PHILOX_SETS], c2[PHILOX_SETS], c3[PHILOX_SETS];
        UNROLL(2)
        for (size_t s = 0; s < PHILOX_SETS; s++) {
            c0[s] = place + (uint64_t)(i + s * VD);
            c1[s] = zero + (uint64_t)counter[1];
            c2[s] = zero + (uint64_t)counter[2];
            c3[s] = zero + (uint64_t)counter[3];
        }
        uint32_t k0 = key[0], k1 = key[1];
        for (int round = 0; round < 10; round++, k0 += WEYL_0, k1 += WEYL_1) {
            UNROLL(2)
            for (size_t s = 0; s < PHILOX_SETS; s++) {
                vd_bits p0 = TIMES(c0[s], m0), p1 = TIMES(c2[s], m1);
                c0[s] = p1 >> 32 ^ c1[s] ^ (uint64_t)k0;
                c1[s] = p1;
                c2[s] = p0 >> 32 ^ c3[s] ^ (uint64_t)k1;
                c3[s] = p0;
            }
        }
        UNROLL(2)
        for (size_t s = 0; s < PHILOX_SETS; s++) {
            vd_bits first = (c0[s] & 0xffffffff) | c1[s] << 32;
            vd_bits second = (c2[s] & 0xffffffff) | c3[s] << 32;
            vd_bits both[2] = {EVENS(first, second), ODDS(first, second)};
            memcpy(out + 4 * s * VD, both, sizeof both);
        }
    }
}

#undef TIMES
#undef EVENS
#undef ODDS

#else

enum { PHILOX_ONCE = 16 };

static void random_words(const uint32_t key[2], const uint32_t counter[4], size_t blocks,
                         uint32_t *out)
{
    for (size_t i = 0; i < blocks; i += PHILOX_ONCE, out += 4 * PHILOX_ONCE) {
        uint32_t c0[PHILOX_ONCE], c1[PHILOX_ONCE], c2[PHILOX_ONCE], c3[PHILOX_ONCE];
        uint32_t k0 = key[0], k1 = key[1];
        for (size_t q = 0; q < PHILOX_ONCE; q++) {
            c0[q] = counter[0] + (uint32_t)(i + q);
            c1[q] = counter[1], c2[q] = counter[2], c3[q] = counter[3];
        }
        for (int round = 0; round < 10; round++, k0 += WEYL_0, k1 += WEYL_1)
            for (size_t q = 0; q < PHILOX_ONCE; q++) {
                uint64_t p0 = (uint64_t)PHILOX_0 * c0[q], p1 = (uint64_t)PHILOX_1 * c2[q];
                c0[q] = (uint32_t)(p1 >> 32) ^ c1[q] ^ k0;
                c1[q] = (uint32_t)p1;
                c2[q] = (uint32_t)(p0 >> 32) ^ c3[q] ^ k1;
                c3[q] = (uint32_t)p0;
            }
        for (size_t q = 0; q < PHILOX_ONCE; q++) {
            out[4 * q] = c0[q], out[4 * q + 1] = c1[q];
            out[4 * q + 2] = c2[q], out[4 * q + 3] = c3[q];
        }
    }
}

#endif

_Static_assert(LEATI_RANDOM_BLOCKS % PHILOX_ONCE == 0, "words are written in whole sets");

static void words_below(size_t n, const uint32_t *word, uint32_t limit, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = word[i] < limit ? 1.0f : 0.0f;
}

#endif
