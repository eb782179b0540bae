/* Vectors of the level being compiled: types, partial loads and stores, lane sums. Everything is
 * GCC vector extensions; masks use intrinsics where a level has them. */
#ifndef LEATI_KERNEL_ISA_SIMD_H
#define LEATI_KERNEL_ISA_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

/* Rows of the register tile of matrix kernels. */
#if defined(__AVX512F__)
#define ROWS_F32 14
#define ROWS_F64 14
#elif defined(__AVX2__)
#define ROWS_F32 6
#define ROWS_F64 6
#elif defined(__aarch64__)
#define ROWS_F32 12
#define ROWS_F64 12
#else
#define ROWS_F32 4
#define ROWS_F64 4
#endif

/* MemorySanitizer does not see what AVX's masked stores write. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define BLIND_TO_MASKS 1
#endif
#endif
#ifndef BLIND_TO_MASKS
#define BLIND_TO_MASKS 0
#endif

/* Sanitizer builds keep functions and loops as written: cmake/kernels.cmake. */
#if defined(LEATI_KERNELS_PLAIN)
#define INLINE static inline
#define UNROLL(n)
#else
#define INLINE      static inline __attribute__((always_inline))
#define UNROLL(n)   _Pragma(UNROLL_(n))
#define UNROLL_(n)  UNROLL__(GCC unroll n)
#define UNROLL__(x) #x
#endif

typedef float vf __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef double vd __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef int32_t vf_int __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef int64_t vd_int __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef uint32_t vf_bits __attribute__((vector_size(VECTOR_BYTES), may_alias)); /* may wrap */
typedef uint16_t vf_short __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint64_t vd_bits __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef float vf_any __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(4)));
typedef double vd_any __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(8)));
/* Half as many floats as vf: widened they fill a vd. */
typedef float vf_half __attribute__((vector_size(VECTOR_BYTES / 2), may_alias));
typedef float vf_half_any __attribute__((vector_size(VECTOR_BYTES / 2), may_alias, aligned(4)));
enum { VF = VECTOR_BYTES / 4, VD = VECTOR_BYTES / 8 };

INLINE vf load_f32(const float *p)
{
    return *(const vf_any *)p;
}

INLINE vd load_f64(const double *p)
{
    return *(const vd_any *)p;
}

INLINE void store_f32(float *p, vf v)
{
    *(vf_any *)p = v;
}

INLINE void store_f64(double *p, vd v)
{
    *(vd_any *)p = v;
}

/* The first n < VF (VD) elements; the others are 0 and their memory is not touched. */
#if defined(__AVX512F__)
INLINE vf load_part_f32(const float *p, size_t n)
{
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

INLINE vd load_part_f64(const double *p, size_t n)
{
    return (vd)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}

INLINE void store_part_f32(float *p, vf v, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

INLINE void store_part_f64(double *p, vd v, size_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif defined(__AVX2__) && !BLIND_TO_MASKS
INLINE __m256i mask_f32(size_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - n));
}

INLINE __m256i mask_f64(size_t n)
{
    static const int64_t ones[8] = {-1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 4 - n));
}

INLINE vf load_part_f32(const float *p, size_t n)
{
    return (vf)_mm256_maskload_ps(p, mask_f32(n));
}

INLINE vd load_part_f64(const double *p, size_t n)
{
    return (vd)_mm256_maskload_pd(p, mask_f64(n));
}

INLINE void store_part_f32(float *p, vf v, size_t n)
{
    _mm256_maskstore_ps(p, mask_f32(n), (__m256)v);
}

INLINE void store_part_f64(double *p, vd v, size_t n)
{
    _mm256_maskstore_pd(p, mask_f64(n), (__m256d)v);
}
#else
INLINE vf load_part_f32(const float *p, size_t n)
{
    vf v = {0};
    for (size_t i = 0; i < n; i++) v[i] = p[i];
    return v;
}

INLINE vd load_part_f64(const double *p, size_t n)
{
    vd v = {0};
    for (size_t i = 0; i < n; i++) v[i] = p[i];
    return v;
}

INLINE void store_part_f32(float *p, vf v, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = v[i];
}

INLINE void store_part_f64(double *p, vd v, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = v[i];
}
#endif

/* Lanes added in halves: the same order with and without intrinsics. */
#if defined(__AVX2__)
INLINE float lanes_f32(vf v)
{
#if defined(__AVX512F__)
    __m512 all = (__m512)v;
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
#else
    __m256 half = (__m256)v;
#endif
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

INLINE double lanes_f64(vd v)
{
#if defined(__AVX512F__)
    __m512d all = (__m512d)v;
    __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(all), _mm512_extractf64x4_pd(all, 1));
#else
    __m256d half = (__m256d)v;
#endif
    __m128d x = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
    return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}
#else
INLINE float lanes_f32(vf v)
{
    float lane[VF];
    memcpy(lane, &v, sizeof lane);
    for (size_t half = VF / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

INLINE double lanes_f64(vd v)
{
    double lane[VD];
    memcpy(lane, &v, sizeof lane);
    for (size_t half = VD / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}
#endif

#if defined(__AVX512F__)
/* a, but a & b where x > y, or where x <= y is false. */
INLINE vd_bits and_above_f64(vd_bits a, vd_bits b, vd x, vd y)
{
    __mmask8 where = _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, _CMP_GT_OQ);
    return (vd_bits)_mm512_mask_and_epi64((__m512i)a, where, (__m512i)a, (__m512i)b);
}

INLINE vd_bits and_not_below_f64(vd_bits a, vd_bits b, vd x, vd y)
{
    __mmask8 where = _mm512_cmp_pd_mask((__m512d)x, (__m512d)y, _CMP_NLE_UQ);
    return (vd_bits)_mm512_mask_and_epi64((__m512i)a, where, (__m512i)a, (__m512i)b);
}

INLINE vf_bits and_above_f32(vf_bits a, vf_bits b, vf x, vf y)
{
    __mmask16 where = _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_GT_OQ);
    return (vf_bits)_mm512_mask_and_epi32((__m512i)a, where, (__m512i)a, (__m512i)b);
}

INLINE vf_bits and_not_below_f32(vf_bits a, vf_bits b, vf x, vf y)
{
    __mmask16 where = _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_NLE_UQ);
    return (vf_bits)_mm512_mask_and_epi32((__m512i)a, where, (__m512i)a, (__m512i)b);
}

/* Elements at[i] < 4 VL of the four vectors. */
INLINE vd pick_f64(const vd *v, vd_bits at)
{
    __m512d low = _mm512_permutex2var_pd((__m512d)v[0], (__m512i)at, (__m512d)v[1]);
    __m512d high = _mm512_permutex2var_pd((__m512d)v[2], (__m512i)at, (__m512d)v[3]);
    __mmask8 where = _mm512_cmpge_epu64_mask((__m512i)at, _mm512_set1_epi64(2 * VD));
    return (vd)_mm512_mask_blend_pd(where, low, high);
}

INLINE vf pick_f32(const vf *v, vf_bits at)
{
    __m512 low = _mm512_permutex2var_ps((__m512)v[0], (__m512i)at, (__m512)v[1]);
    __m512 high = _mm512_permutex2var_ps((__m512)v[2], (__m512i)at, (__m512)v[3]);
    __mmask16 where = _mm512_cmpge_epu32_mask((__m512i)at, _mm512_set1_epi32(2 * VF));
    return (vf)_mm512_mask_blend_ps(where, low, high);
}

/* to[i] = table[the number of the lowest bit of x[i]], which is one of the first 16. */
INLINE void lowest_f64(vd_bits x, vf_bits table, uint32_t *to)
{
    __m512i lowest = (__m512i)(x & -x);
    __m512i at = _mm512_sub_epi64(_mm512_set1_epi64(63), _mm512_lzcnt_epi64(lowest));
    __m512i wide = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(at));
    __m512i found = _mm512_permutexvar_epi32(wide, (__m512i)table);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_castsi512_si256(found));
}

INLINE void lowest_f32(vf_bits x, vf_bits table, uint32_t *to)
{
    __m512i lowest = (__m512i)(x & -x);
    __m512i at = _mm512_sub_epi32(_mm512_set1_epi32(31), _mm512_lzcnt_epi32(lowest));
    _mm512_storeu_si512(to, _mm512_permutexvar_epi32(at, (__m512i)table));
}
#endif

/* yes where the mask is all ones, no where it is 0. */
INLINE vd choose_f64(vd_int mask, vd yes, vd no)
{
    return (vd)(((vd_int)yes & mask) | ((vd_int)no & ~mask));
}

INLINE vf choose_f32(vf_int mask, vf yes, vf no)
{
    return (vf)(((vf_int)yes & mask) | ((vf_int)no & ~mask));
}

/* Lanes of a and b in turn: the lower halves, the upper halves. The indices are constants, as both
 * GCC and clang demand. */
#define PAIR(lanes, i)    (i), (i) + (lanes)
#define PAIRS_2(lanes, i) PAIR(lanes, i), PAIR(lanes, (i) + 1)
#define PAIRS_4(lanes, i) PAIRS_2(lanes, i), PAIRS_2(lanes, (i) + 2)
#define PAIRS_8(lanes, i) PAIRS_4(lanes, i), PAIRS_4(lanes, (i) + 4)
#if VECTOR_BYTES == 64
#define PAIRS_F32(half) PAIRS_8(16, 8 * (half))
#define PAIRS_F64(half) PAIRS_4(8, 4 * (half))
#elif VECTOR_BYTES == 32
#define PAIRS_F32(half) PAIRS_4(8, 4 * (half))
#define PAIRS_F64(half) PAIRS_2(4, 2 * (half))
#else
#define PAIRS_F32(half) PAIRS_2(4, 2 * (half))
#define PAIRS_F64(half) PAIR(2, half)
#endif

INLINE vf interleave_low_f32(vf a, vf b)
{
    return __builtin_shufflevector(a, b, PAIRS_F32(0));
}

INLINE vf interleave_high_f32(vf a, vf b)
{
    return __builtin_shufflevector(a, b, PAIRS_F32(1));
}

INLINE vd interleave_low_f64(vd a, vd b)
{
    return __builtin_shufflevector(a, b, PAIRS_F64(0));
}

INLINE vd interleave_high_f64(vd a, vd b)
{
    return __builtin_shufflevector(a, b, PAIRS_F64(1));
}

/* Keeps the compiler from fusing the product that made v into a later sum, so that every variant
 * of a kernel rounds alike. */
#if defined(__x86_64__)
#define ROUNDED(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define ROUNDED(v) __asm__("" : "+w"(v))
#else
#define ROUNDED(v) __asm__("" : "+m"(v))
#endif

#endif
