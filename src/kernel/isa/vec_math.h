/* exp, log and tanh of vectors. Accuracy (measured by the battery against long double): exp_f64
 * and log_f64 within 1 ulp, tanh_f64 within 3, exp_f32 within 1; below the normal range exp keeps
 * an absolute error of one unit of the subnormals. NaN gives NaN.
 *
 * exp: x = n ln2 + r, |r| <= ln2 / 2, Taylor polynomial of e^r, scaled by 2^n in two steps (Cody
 * and Waite 1980). log: x = 2^k (1 + f), s = f / (2 + f), log(1 + f) = f - f^2/2 + s (f^2/2 + R)
 * with R = 2/3 s^2 + 2/5 s^4 + ..., the odd series of atanh. tanh: from expm1(2 |x|). */
#ifndef LEATI_KERNEL_ISA_VEC_MATH_H
#define LEATI_KERNEL_ISA_VEC_MATH_H

#include "kernel/isa/simd.h"

/* Adding this rounds to an integer, which then stands in the low bits. */
#define ROUND_F64 0x1.8p52
#define ROUND_F32 0x1.8p23f
#define INFINITE  ((double)__builtin_inf())

INLINE vd all_f64(double x)
{
    return x - (vd){0};
}

INLINE vf all_f32(float x)
{
    return x - (vf){0};
}

/* NaN stays. */
INLINE vf at_most_f32(vf x, vf high)
{
#if defined(__AVX512F__)
    return (vf)_mm512_min_ps((__m512)high, (__m512)x);
#elif defined(__AVX2__)
    return (vf)_mm256_min_ps((__m256)high, (__m256)x);
#else
    return choose_f32(x > high, high, x);
#endif
}

INLINE vd at_most_f64(vd x, vd high)
{
#if defined(__AVX512F__)
    return (vd)_mm512_min_pd((__m512d)high, (__m512d)x);
#elif defined(__AVX2__)
    return (vd)_mm256_min_pd((__m256d)high, (__m256d)x);
#else
    return choose_f64(x > high, high, x);
#endif
}

INLINE vf clamp_f32(vf x, vf low, vf high)
{
#if defined(__AVX512F__)
    x = (vf)_mm512_max_ps((__m512)low, (__m512)x);
#elif defined(__AVX2__)
    x = (vf)_mm256_max_ps((__m256)low, (__m256)x);
#else
    x = choose_f32(x < low, low, x);
#endif
    return at_most_f32(x, high);
}

INLINE vd clamp_f64(vd x, vd low, vd high)
{
#if defined(__AVX512F__)
    x = (vd)_mm512_max_pd((__m512d)low, (__m512d)x);
#elif defined(__AVX2__)
    x = (vd)_mm256_max_pd((__m256d)low, (__m256d)x);
#else
    x = choose_f64(x < low, low, x);
#endif
    return at_most_f64(x, high);
}

/* 2^n for the integers n that stand in the low bits of `shifted`; -1022 <= n <= 1023. */
INLINE vd power_of_2(vd_int n)
{
    return (vd)(((vd_bits)n + 1023) << 52);
}

/* The integer that was added to ROUND_F64. */
INLINE vd_int low_bits(vd shifted)
{
    return (vd_int)((vd_bits)shifted - (vd_bits)all_f64(ROUND_F64));
}

/* e^r - 1 for |r| <= ln2 / 2, where x = n ln2 + r; n is returned as low bits of *shifted.
 * The remainder r comes in two parts so that its rounding error is not lost. */
INLINE vd exp_core(vd x, vd *shifted)
{
    static const double c[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                               1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                               1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
    vd round = x * 0x1.71547652b82fep0 + ROUND_F64;
    ROUNDED(round);
    *shifted = round;
    vd n = round - ROUND_F64;
    vd high = x - n * 0x1.62e42feep-1; /* ln2 cut to 32 bits: exact */
    vd low = n * 0x1.a39ef35793c76p-33;
    ROUNDED(high);
    vd r = high - low;
    ROUNDED(r);
    vd lost = (high - r) - low;
    vd p = all_f64(c[0]);
    UNROLL(16)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * r + c[i];
    return r + (p * r * r + (lost + lost * r));
}

/* y 2^n, rounded once, for the n that was added to ROUND_F64, -1100 < n < 1100: beyond the range
 * infinite, below the normal one subnormal. */
INLINE vd scaled_f64(vd y, vd shifted)
{
#if defined(__AVX512F__)
    return (vd)_mm512_scalef_pd((__m512d)y, (__m512d)(shifted - ROUND_F64));
#else
    vd_int n = low_bits(shifted), half = n >> 1;
    return y * power_of_2(half) * power_of_2(n - half);
#endif
}

INLINE vf scaled_f32(vf y, vf shifted)
{
#if defined(__AVX512F__)
    return (vf)_mm512_scalef_ps((__m512)y, (__m512)(shifted - ROUND_F32));
#else
    vf_int n = (vf_int)((vf_bits)shifted - (vf_bits)all_f32(ROUND_F32)), half = n >> 1;
    y *= (vf)(((vf_bits)half + 127) << 23);
    return y * (vf)(((vf_bits)(n - half) + 127) << 23);
#endif
}

INLINE vd exp_vector_f64(vd x)
{
    vd shifted, p = exp_core(clamp_f64(x, all_f64(-746), all_f64(710)), &shifted);
    return scaled_f64(1 + p, shifted);
}

INLINE vf exp_vector_f32(vf x)
{
    static const float c[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2};
    vf inside = clamp_f32(x, all_f32(-104), all_f32(89));
    vf round = inside * 0x1.715476p0f + ROUND_F32;
    ROUNDED(round);
    vf n = round - ROUND_F32;
    vf high = inside - n * 0x1.62e4p-1f;
    vf low = n * 0x1.7f7d1cp-20f;
    ROUNDED(high);
    vf r = high - low;
    ROUNDED(r);
    vf lost = (high - r) - low;
    vf p = all_f32(c[0]);
    UNROLL(8)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * r + c[i];
    p = r + (p * r * r + lost);
    return scaled_f32(1 + p, round);
}

INLINE vd log_vector(vd x)
{
    static const double c[] = {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                               2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
    vd_int tiny = x < 0x1p-1022;
    vd scaled = choose_f64(tiny, x * 0x1p54, x);
    /* Exponent so that the significand lies in [sqrt(1/2), sqrt(2)). */
    vd_int k = (vd_int)((vd_bits)scaled - UINT64_C(0x3fe6a09e667f3bcd)) >> 52;
    vd f = (vd)((vd_bits)scaled - ((vd_bits)k << 52)) - 1;
    /* k as a double without a conversion: |k| < 2^51. */
    vd n = (vd)((vd_bits)k + (vd_bits)all_f64(ROUND_F64)) - ROUND_F64;
    n = choose_f64(tiny, n - 54, n);
    vd s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    vd r = all_f64(c[0]);
    UNROLL(16)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) r = r * z + c[i];
    r *= z;
    vd y = n * 0x1.62e42feep-1 - ((half - (s * (half + r) + n * 0x1.a39ef35793c76p-33)) - f);
    y = choose_f64(x == 0, all_f64(-INFINITE), y);
    y = choose_f64(x == INFINITE, x, y);
    return choose_f64(x >= 0, y, all_f64((double)__builtin_nan("")));
}

INLINE vd tanh_vector(vd x)
{
    vd_int sign = (vd_int)x & INT64_MIN;
    vd magnitude = (vd)((vd_int)x ^ sign), shifted;
    vd twice = 2 * at_most_f64(magnitude, all_f64(20));
    vd p = exp_core(twice, &shifted);
    vd scale = power_of_2(low_bits(shifted));
    vd t = scale * p + (scale - 1); /* e^(2|x|) - 1 */
    return (vd)((vd_int)(t / (t + 2)) | sign);
}

/* An array function out of a vector function. */
#define MAP_MATH(name, type, V_, VL_, suffix, function)                                            \
    static void name(size_t n, const type *x, type *out)                                           \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + VL_ <= n; i += VL_) store_##suffix(out + i, function(load_##suffix(x + i)));    \
        if (i < n)                                                                                 \
            store_part_##suffix(out + i, function(load_part_##suffix(x + i, n - i)), n - i);       \
    }

#endif
