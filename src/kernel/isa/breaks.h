/* Where fields of delimited text may end, 64 bytes a step. Included by kernels.c. */
#include "base/num_scan.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum {
    BREAK_BLOCK = 64, /* bytes */
    BREAK_FEW = 8     /* of a block that are written without asking whether there are as many */
};

/* Bit i is set where p[i] is a delimiter, a line end or a zero byte. */
#if defined(__AVX512BW__)
INLINE uint64_t break_bits(const char *p, char delimiter)
{
    __m512i x = _mm512_loadu_si512(p);
    return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(delimiter)) |
           _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n')) |
           _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\r')) | _mm512_testn_epi8_mask(x, x);
}
#elif defined(__AVX2__)
INLINE uint32_t break_half(const char *p, char delimiter)
{
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i a = _mm256_or_si256(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(delimiter)),
                                _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\n')));
    __m256i b = _mm256_or_si256(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('\r')),
                                _mm256_cmpeq_epi8(x, _mm256_setzero_si256()));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(a, b));
}

INLINE uint64_t break_bits(const char *p, char delimiter)
{
    return break_half(p, delimiter) | (uint64_t)break_half(p + 32, delimiter) << 32;
}
#elif defined(__SSE2__)
INLINE uint64_t break_bits(const char *p, char delimiter)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < BREAK_BLOCK; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i a = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(delimiter)),
                                 _mm_cmpeq_epi8(x, _mm_set1_epi8('\n')));
        __m128i b = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\r')),
                                 _mm_cmpeq_epi8(x, _mm_setzero_si128()));
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(a, b)) << i;
    }
    return bits;
}
#else
/* The high bit of every byte of x that is `ch`. */
INLINE uint64_t break_matches(uint64_t x, char ch)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    x ^= UINT64_C(0x0101010101010101) * (unsigned char)ch;
    return ~(((x & low) + low) | x | low);
}

INLINE uint64_t break_bits(const char *p, char delimiter)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < BREAK_BLOCK; i += 8) {
        uint64_t x = leati_load8(p + i);
        uint64_t hit = break_matches(x, delimiter) | break_matches(x, '\n') |
                       break_matches(x, '\r') | break_matches(x, '\0');
        bits |= (hit * UINT64_C(0x0002040810204081) >> 56) << i; /* one product gathers them */
    }
    return bits;
}
#endif

static size_t breaks(const char *text, size_t blocks, char delimiter, uint32_t from, uint32_t *out)
{
    size_t n = 0;
    for (size_t b = 0; b < blocks; b++, from += BREAK_BLOCK) {
        uint64_t bits = break_bits(text + b * BREAK_BLOCK, delimiter);
        size_t hits = (size_t)__builtin_popcountll(bits);
        for (size_t i = 0; i < BREAK_FEW; i++, bits &= bits - 1)
            out[n + i] = from + (bits ? (uint32_t)__builtin_ctzll(bits) : 0);
        for (size_t i = BREAK_FEW; i < hits; i++, bits &= bits - 1)
            out[n + i] = from + (uint32_t)__builtin_ctzll(bits);
        n += hits;
    }
    return n;
}
