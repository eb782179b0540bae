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
    return half + half * erf_vector_f32(x * 0x1.6a09e6p-1f);
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
    return 0.5f + 0.5f * erf_vector_f32(x * 0x1.6a09e6p-1f) + x * density;
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
