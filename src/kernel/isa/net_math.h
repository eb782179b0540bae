/* f32 functions of networks on vectors: tanh, erf, sigmoid, and the activations with their
 * derivatives. Errors measured by the battery: tanh and erf within 4 units in the last place,
 * sigmoid within 3. NaN gives NaN.
 *
 * erf: x P(x^2) for |x| < 1, else 1 - e^-Q(|x|) with Q = -log erfc; P and Q are near-minimax fits
 * (tools/fit-erf.py) with errors below 2^-29. */
#ifndef LEATI_KERNEL_ISA_NET_MATH_H
#define LEATI_KERNEL_ISA_NET_MATH_H

#include "kernel/activation.h"
#include "kernel/isa/vec_math.h"

INLINE vf tanh_vector_f32(vf x)
{
    vf_int sign = (vf_int)x & INT32_MIN;
    vf magnitude = (vf)((vf_int)x ^ sign);
    /* expm1(2 |x|) as in exp_vector_f32, without its ends: |x| <= 10 suffices. */
    vf twice = 2 * at_most_f32(magnitude, all_f32(10));
    static const float c[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2};
    vf round = twice * 0x1.715476p0f + ROUND_F32;
    ROUNDED(round);
    vf n = round - ROUND_F32;
    vf r = (twice - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
    vf p = all_f32(c[0]);
    UNROLL(8)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * r + c[i];
    p = r + p * r * r;
    vf scale = (vf)(((vf_bits)round - (vf_bits)all_f32(ROUND_F32) + 127) << 23);
    vf t = scale * p + (scale - 1);
    return (vf)((vf_int)(t / (t + 2)) | sign);
}

/* e^x for x <= 88, e^88.3 above; far below the normal range 0. */
INLINE vf exp_low_f32(vf x)
{
    static const float c[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                              1.0f / 6,    1.0f / 2,   1.0f,       1.0f};
#if defined(__AVX512F__)
    vf inside = clamp_f32(x, all_f32(-150), all_f32(88.3f));
    vf n = (vf)_mm512_roundscale_ps((__m512)(inside * 0x1.715476p0f), _MM_FROUND_TO_NEAREST_INT);
#else
    vf inside = clamp_f32(x, all_f32(-87.33f), all_f32(88.3f));
    vf round = inside * 0x1.715476p0f + ROUND_F32;
    ROUNDED(round);
    vf n = round - ROUND_F32;
#endif
    vf r = (inside - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
    vf p = all_f32(c[0]);
    UNROLL(8)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) p = p * r + c[i];
#if defined(__AVX512F__)
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    vf y = p * (vf)(((vf_bits)round - (vf_bits)all_f32(ROUND_F32) + 127) << 23);
    return choose_f32(x < -87.33f, (vf){0}, y);
#endif
}

INLINE vf sigmoid_vector_f32(vf x)
{
    return 1 / (1 + exp_low_f32(-x));
}

INLINE vf erf_vector_f32(vf x)
{
    static const float p[] = {0x1.4ae4c6p-14f, -0x1.a485e8p-11f, 0x1.5419f4p-8f, -0x1.b7fbb4p-6f,
                              0x1.ce2d2p-4f,   -0x1.81273ep-2f,  0x1.20dd74p+0f};
    static const float q[] = {-0x1.0ddc4p-22f, 0x1.a8b64cp-16f, -0x1.e65128p-12f,
                              0x1.18a676p-8f,  -0x1.9fb868p-6f, 0x1.bcfc3ep-4f,
                              0x1.441dc4p-1f,  0x1.21317ap+0f,  -0x1.ac92e2p-13f};
    vf_int sign = (vf_int)x & INT32_MIN;
    vf a = (vf)((vf_int)x ^ sign), z = x * x, small = all_f32(p[0]);
    vf near = at_most_f32(a, all_f32(4)), log = all_f32(q[0]);
    UNROLL(8)
    for (size_t i = 1; i < sizeof p / sizeof *p; i++) small = small * z + p[i];
    UNROLL(8)
    for (size_t i = 1; i < sizeof q / sizeof *q; i++) log = log * near + q[i];
    vf large = (vf)((vf_int)(1 - exp_low_f32(-log)) | sign);
    return choose_f32(a < 1.0f, x * small, large);
}

/* erf(x / sqrt 2) within 2^-23, for what is added to 1. Where vectors can be looked up in tables:
 * polynomials of pieces of 3/8 (tools/fit-erf.py), a third of the work of erf_vector_f32. */
INLINE vf erf_normal_vector(vf x)
{
#if defined(__AVX512F__)
    static const float c[][16] = {
        {0x1.411f2ap-6f, 0x1.b6e094p-7f, -0x1.023048p-12f, -0x1.565cc8p-7f, -0x1.7e0e0cp-7f,
         -0x1.aea664p-8f, -0x1.f79648p-11f, 0x1.f399p-10f, 0x1.20e2fp-9f, 0x1.79a302p-10f,
         0x1.68c93ap-11f, 0x1.0f317cp-12f, 0x1.4b7f18p-14f, 0x1.4f7818p-16f, 0x1.1c37bep-18f, 0},
        {0x1.41c372p-14f, 0x1.0dee7cp-5f, 0x1.753426p-5f, 0x1.1917b6p-5f, 0x1.901f86p-7f,
         -0x1.61954ap-8f, -0x1.8ec88ep-7f, -0x1.61d102p-7f, -0x1.b46bbcp-8f, -0x1.a17e78p-9f,
         -0x1.4332cp-10f, -0x1.9dc25p-12f, -0x1.bb8f3cp-14f, -0x1.91730ap-16f, -0x1.347b7cp-18f, 0},
        {-0x1.105b4ap-3f, -0x1.b44d54p-4f, -0x1.67c45ap-5f, 0x1.335286p-6f, 0x1.ba12cap-5f,
         0x1.d883f2p-5f, 0x1.601ad6p-5f, 0x1.995b36p-6f, 0x1.8344dap-7f, 0x1.306a2ap-8f,
         0x1.926fa8p-10f, 0x1.c2ca02p-12f, 0x1.ae0eep-14f, 0x1.5eb56ep-16f, 0x1.ea4522p-19f, 0},
        {0x1.40e2f4p-23f, -0x1.1d93c8p-3f, -0x1.ce89dap-3f, -0x1.e828fcp-3f, -0x1.8de14p-3f,
         -0x1.0824acp-3f, -0x1.2484aep-4f, -0x1.119fccp-5f, -0x1.b3a9dcp-7f, -0x1.289ddp-8f,
         -0x1.5a914p-10f, -0x1.5c46e8p-12f, -0x1.2d8d6ap-14f, -0x1.c2829p-17f, -0x1.22a012p-19f, 0},
        {0x1.988454p-1f, 0x1.7cc794p-1f, 0x1.345d6p-1f, 0x1.b1ec62p-2f, 0x1.094086p-2f,
         0x1.19bfa4p-3f, 0x1.0402dep-4f, 0x1.a0f228p-6f, 0x1.227212p-7f, 0x1.5f90f8p-9f,
         0x1.71b94p-11f, 0x1.51cfd6p-13f, 0x1.0c29fcp-15f, 0x1.71e664p-18f, 0x1.bb4c8cp-21f, 0},
        {0, 0x1.2b5b0ep-2f, 0x1.17efp-1f, 0x1.7a9412p-1f, 0x1.bb96e4p-1f, 0x1.e0dfc6p-1f,
         0x1.f37b6ep-1f, 0x1.fb9046p-1f, 0x1.fe9e22p-1f, 0x1.ff9f4p-1f, 0x1.ffe8d2p-1f,
         0x1.fffb24p-1f, 0x1.ffff1cp-1f, 0x1.ffffdcp-1f, 0x1.fffffap-1f, 0x1p+0f}};
    vf_int sign = (vf_int)x & INT32_MIN;
    vf a = at_most_f32((vf)((vf_int)x ^ sign), all_f32(5.8f)); /* 15 pieces and a half */
    vf round = a * (8.0f / 3) + ROUND_F32;
    ROUNDED(round);
    vf t = a - (round - ROUND_F32) * 0.375f, p = load_f32(c[0]);
    p = (vf)_mm512_permutexvar_ps((__m512i)round, (__m512)p);
    UNROLL(8)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++)
        p = p * t + (vf)_mm512_permutexvar_ps((__m512i)round, (__m512)load_f32(c[i]));
    return (vf)((vf_int)p | sign);
#else
    return erf_vector_f32(x * 0x1.6a09e6p-1f);
#endif
}

/* As log_vector in vec_math.h: x = 2^k (1 + f), s = f / (2 + f). */
INLINE vf log_vector_f32(vf x)
{
    static const float c[] = {2.0f / 11, 2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3};
    vf_int tiny = x < 0x1p-126f;
    vf scaled = choose_f32(tiny, x * 0x1p23f, x);
    vf_int k = (vf_int)((vf_bits)scaled - UINT32_C(0x3f3504f3)) >> 23;
    vf f = (vf)((vf_bits)scaled - ((vf_bits)k << 23)) - 1;
    vf n = (vf)((vf_bits)k + (vf_bits)all_f32(ROUND_F32)) - ROUND_F32;
    n = choose_f32(tiny, n - 23, n);
    vf s = f / (2 + f), z = s * s, half = 0.5f * f * f, r = all_f32(c[0]);
    UNROLL(8)
    for (size_t i = 1; i < sizeof c / sizeof *c; i++) r = r * z + c[i];
    r *= z;
    vf y = n * 0x1.62e4p-1f - ((half - (s * (half + r) + n * 0x1.7f7d1cp-20f)) - f);
    const float infinite = (float)__builtin_inf();
    y = choose_f32(x == 0, all_f32(-infinite), y);
    y = choose_f32(x == infinite, x, y);
    return choose_f32(x >= 0, y, all_f32((float)__builtin_nan("")));
}

#define GELU_SLOPE 0x1.988454p-1f /* sqrt(2 / pi) */
#define GELU_CUBE  0.044715f

INLINE vf gelu_vector(vf x)
{
    vf half = 0.5f * x;
    return half + half * erf_normal_vector(x);
}

INLINE vf gelu_tanh_vector(vf x)
{
    vf half = 0.5f * x;
    return half + half * tanh_vector_f32(GELU_SLOPE * (x + GELU_CUBE * x * x * x));
}

INLINE vf relu_vector(vf x)
{
    return clamp_f32(x, (vf){0}, all_f32((float)__builtin_inf()));
}

INLINE vf relu6_vector(vf x)
{
    return clamp_f32(x, (vf){0}, all_f32(6));
}

INLINE vf silu_vector(vf x)
{
    return x * sigmoid_vector_f32(x);
}

INLINE vf relu_slope(vf x)
{
    return choose_f32(x > 0, all_f32(1), choose_f32(x <= 0, (vf){0}, x));
}

INLINE vf relu6_slope(vf x)
{
    return choose_f32(x < 6.0f, relu_slope(x), choose_f32(x >= 6.0f, (vf){0}, x));
}

INLINE vf sigmoid_slope(vf x)
{
    vf s = sigmoid_vector_f32(x);
    return s * (1 - s);
}

INLINE vf tanh_slope(vf x)
{
    vf t = tanh_vector_f32(x);
    return 1 - t * t;
}

INLINE vf silu_slope(vf x)
{
    vf s = sigmoid_vector_f32(x);
    return s + x * s * (1 - s);
}

INLINE vf gelu_slope(vf x)
{
    vf density = 0x1.988454p-2f * exp_low_f32(-0.5f * x * x); /* 1 / sqrt(2 pi) */
    return 0.5f + 0.5f * erf_normal_vector(x) + x * density;
}

INLINE vf gelu_tanh_slope(vf x)
{
    vf square = x * x, t = tanh_vector_f32(GELU_SLOPE * (x + GELU_CUBE * square * x));
    vf inner = GELU_SLOPE * (1 + 3 * GELU_CUBE * square);
    return 0.5f + 0.5f * t + 0.5f * x * (1 - t * t) * inner;
}

/* out = slope(x) g for each element. */
#define MAP_SLOPE(name, slope)                                                                     \
    static void name(size_t n, const float *x, const float *g, float *out)                         \
    {                                                                                              \
        size_t i = 0;                                                                              \
        for (; i + VF <= n; i += VF) store_f32(out + i, slope(load_f32(x + i)) * load_f32(g + i)); \
        if (i < n)                                                                                 \
            store_part_f32(                                                                        \
                out + i, slope(load_part_f32(x + i, n - i)) * load_part_f32(g + i, n - i), n - i); \
    }
#define MAP_BOTH(name)                                                                             \
    MAP_MATH(name##_map, float, vf, VF, f32, name##_vector) MAP_SLOPE(name##_back, name##_slope)

#define sigmoid_vector sigmoid_vector_f32
#define tanh_vector    tanh_vector_f32
MAP_BOTH(relu)
MAP_BOTH(relu6)
MAP_BOTH(sigmoid)
MAP_BOTH(tanh)
MAP_BOTH(silu)
MAP_BOTH(gelu)
MAP_BOTH(gelu_tanh)
#undef sigmoid_vector
#undef tanh_vector
MAP_MATH(log_map, float, vf, VF, f32, log_vector_f32)
MAP_MATH(erf_map, float, vf, VF, f32, erf_vector_f32)

static void copy_f32(size_t n, const float *in, float *out)
{
    size_t i = 0;
    for (; i + VF <= n; i += VF) store_f32(out + i, load_f32(in + i));
    if (i < n) store_part_f32(out + i, load_part_f32(in + i, n - i), n - i);
}

static void activate(leati_activation kind, size_t n, const float *x, float *out)
{
    switch (kind) {
    case LEATI_ACT_RELU: relu_map(n, x, out); return;
    case LEATI_ACT_RELU6: relu6_map(n, x, out); return;
    case LEATI_ACT_SIGMOID: sigmoid_map(n, x, out); return;
    case LEATI_ACT_TANH: tanh_map(n, x, out); return;
    case LEATI_ACT_SILU: silu_map(n, x, out); return;
    case LEATI_ACT_GELU: gelu_map(n, x, out); return;
    case LEATI_ACT_GELU_TANH: gelu_tanh_map(n, x, out); return;
    case LEATI_ACT_NONE:
    case LEATI_ACTIVATIONS: break;
    }
    if (x != out) copy_f32(n, x, out);
}

static void activate_back(leati_activation kind, size_t n, const float *x, const float *g,
                          float *out)
{
    switch (kind) {
    case LEATI_ACT_RELU: relu_back(n, x, g, out); return;
    case LEATI_ACT_RELU6: relu6_back(n, x, g, out); return;
    case LEATI_ACT_SIGMOID: sigmoid_back(n, x, g, out); return;
    case LEATI_ACT_TANH: tanh_back(n, x, g, out); return;
    case LEATI_ACT_SILU: silu_back(n, x, g, out); return;
    case LEATI_ACT_GELU: gelu_back(n, x, g, out); return;
    case LEATI_ACT_GELU_TANH: gelu_tanh_back(n, x, g, out); return;
    case LEATI_ACT_NONE:
    case LEATI_ACTIVATIONS: break;
    }
    if (g != out) copy_f32(n, g, out);
}

#endif
