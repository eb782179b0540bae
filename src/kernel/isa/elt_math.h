/* f32 functions on vectors beyond vec_math.h and net_math.h, for elementwise operations. Errors
 * measured by tests/battery/elt_test.c, in units in the last place: expm1, log1p, softplus,
 * sigmoid 3, sin and cos 1 up to 1e5. Large angles are left to libm, for the whole
 * vector.
 *
 * sin, cos: reduced by pi / 2 in two parts in f64 (Cody and Waite 1980), Taylor polynomials.
 * log1p: log(u) + (x - (u - 1)) / u with u = 1 + x rounded (Kahan). */
#ifndef LEATI_KERNEL_ISA_ELT_MATH_H
#define LEATI_KERNEL_ISA_ELT_MATH_H

#include <math.h>

#include "kernel/isa/net_math.h"

#define INFINITE_F32 ((float)__builtin_inf())

INLINE vf absolute_f32(vf x)
{
    return (vf)((vf_int)x & INT32_MAX);
}

/* e^x = s (1 + p), so e^x - 1 = s p + (s - 1). */
INLINE vf expm1_vector_f32(vf x)
{
    static const float c[] = {1.0f / 40320, 1.0f / 5040, 1.0f / 720, 1.0f / 120,
                              1.0f / 24,    1.0f / 6,    1.0f / 2};
    vf inside = clamp_f32(x, all_f32(-30), all_f32(88.7f));
    vf round = inside * 0x1.715476p0f + ROUND_F32;
    ROUNDED(round);
    vf n = round - ROUND_F32;
    vf r = (inside - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
    vf p = all_f32(c[0]);
    UNROLL(8)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * r + c[i];
    p = r + p * r * r;
    /* half of the scale, so that 2^128 is not needed */
    vf s = (vf)(((vf_bits)round - (vf_bits)all_f32(ROUND_F32) + 126) << 23);
    vf y = 2 * (s * p + (s - 0.5f));
    y = choose_f32(x > 88.72284f, all_f32(INFINITE_F32), y);
    return choose_f32(x == 0, x, y);
}

INLINE vf log1p_vector_f32(vf x)
{
    vf u = 1 + x;
    ROUNDED(u);
    vf back = u - 1;
    ROUNDED(back);
    vf y = log_vector_f32(u) + (x - back) / u;
    y = choose_f32(u == 1, x, y);
    y = choose_f32(x == INFINITE_F32, x, y);
    return choose_f32(x == -1, all_f32(-INFINITE_F32), y);
}

INLINE vf softplus_vector_f32(vf x)
{
    vf e = exp_vector_f32(-absolute_f32(x));
    vf y = choose_f32(x > 0, x, (vf){0}) + log1p_vector_f32(e);
    return choose_f32(x == x, y, x);
}

INLINE vf logistic_vector_f32(vf x)
{
    vf e = exp_vector_f32(-absolute_f32(x)), up = 1 / (1 + e);
    return choose_f32(x < 0, e * up, up);
}

INLINE vd logistic_vector_f64(vd x)
{
    vd e = exp_vector_f64((vd)((vd_int)x | INT64_MIN)), up = 1 / (1 + e);
    return choose_f64(x < 0, e * up, up);
}

INLINE bool all_lanes(vf_int mask)
{
    int64_t word[VECTOR_BYTES / 8], all = -1;
    memcpy(word, &mask, sizeof word);
    for (size_t i = 0; i < VECTOR_BYTES / 8; i++) all &= word[i];
    return all == -1;
}

INLINE vd half_f64(vf x, size_t half)
{
    vf_half part;
    memcpy(&part, (const char *)&x + half * sizeof part, sizeof part);
    return __builtin_convertvector(part, vd);
}

INLINE vf joined_f32(vd low, vd high)
{
    vf_half part[2] = {__builtin_convertvector(low, vf_half),
                       __builtin_convertvector(high, vf_half)};
    vf x;
    memcpy(&x, part, sizeof x);
    return x;
}

/* sin(x) for turn 0, cos(x) for turn 1. */
INLINE vd circle(vd x, int64_t turn)
{
    vd shifted = x * 0x1.45f306dc9c883p-1 + ROUND_F64;
    ROUNDED(shifted);
    vd n = shifted - ROUND_F64;
    vd_int quarter = low_bits(shifted) + turn;
    vd r = (x - n * 0x1.921fb544p0) - n * 0x1.0b4611a626331p-34, z = r * r;
    vd s = r + r * z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880))));
    vd c = 1 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 - z / 3628800))));
    vd y = choose_f64(-(quarter & 1), c, s);
    return (vd)((vd_int)y ^ ((quarter & 2) << 62));
}

INLINE vf circle_f32(vf x, int64_t turn)
{
    if (!all_lanes(absolute_f32(x) < 1e5f)) {
        vf y = x;
        for (size_t i = 0; i < VF; i++) y[i] = turn ? cosf(x[i]) : sinf(x[i]);
        return y;
    }
    vf y = joined_f32(circle(half_f64(x, 0), turn), circle(half_f64(x, 1), turn));
    return turn ? y : choose_f32(x == 0, x, y);
}

INLINE vf sin_vector_f32(vf x)
{
    return circle_f32(x, 0);
}

INLINE vf cos_vector_f32(vf x)
{
    return circle_f32(x, 1);
}

#endif
