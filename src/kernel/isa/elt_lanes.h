/* Elementwise operations and conversions of one CPU level, for the table ELT_TABLE. Operands are
 * contiguous; out may be one of them. Simple arithmetic is left to the compiler's vectoriser, which
 * is told that elements do not depend on each other. */
#ifndef LEATI_KERNEL_ISA_ELT_LANES_H
#define LEATI_KERNEL_ISA_ELT_LANES_H

#include "kernel/elt_table.h"
#include "kernel/isa/elt_math.h"

#define ELT_ARGS size_t n, const void *a_, const void *b_, const void *c_, void *out_
#if defined(LEATI_KERNELS_PLAIN) || defined(__clang__)
#define INDEPENDENT
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#define ELT1(id, TI, TO, e)                                                                        \
    static void elt_##id(ELT_ARGS)                                                                 \
    {                                                                                              \
        const TI *x = a_;                                                                          \
        TO *out = out_;                                                                            \
        (void)b_, (void)c_;                                                                        \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                 \
        {                                                                                          \
            TI a = x[i];                                                                           \
            out[i] = (TO)(e);                                                                      \
        }                                                                                          \
    }
#define ELT2(id, TI, TO, e)                                                                        \
    static void elt_##id(ELT_ARGS)                                                                 \
    {                                                                                              \
        const TI *x = a_, *y = b_;                                                                 \
        TO *out = out_;                                                                            \
        (void)c_;                                                                                  \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                 \
        {                                                                                          \
            TI a = x[i], b = y[i];                                                                 \
            out[i] = (TO)(e);                                                                      \
        }                                                                                          \
    }
#define ELT_WHERE(id, T)                                                                           \
    static void elt_##id(ELT_ARGS)                                                                 \
    {                                                                                              \
        const uint8_t *m = a_;                                                                     \
        const T *x = b_, *y = c_;                                                                  \
        T *out = out_;                                                                             \
        INDEPENDENT for (size_t i = 0; i < n; i++)                                                 \
        {                                                                                          \
            T a = x[i], b = y[i];                                                                  \
            out[i] = m[i] ? a : b;                                                                 \
        }                                                                                          \
    }

/* The compiler vectorises rint, but not floor. */
#define ELT_DOWN(s, T, f)                                                                          \
    INLINE T down_##s(T a)                                                                         \
    {                                                                                              \
        T r = __builtin_rint##f(a);                                                                \
        return r > a ? r - 1 : r;                                                                  \
    }
ELT_DOWN(f32, float, f)
ELT_DOWN(f64, double, )

/* Results of comparisons that have the width of the operands first, so that they vectorise. */
#define ELT_BOTH(s, T, f, I)                                                                       \
    ELT1(NEG_##s, T, T, -a)                                                                        \
    ELT1(ABS_##s, T, T, __builtin_fabs##f(a))                                                      \
    ELT1(SIGN_##s, T, T, a > 0 ? (T)1 : a < 0 ? (T)-1 : a)                                         \
    ELT1(SQRT_##s, T, T, __builtin_sqrt##f(a))                                                     \
    ELT1(RSQRT_##s, T, T, 1 / __builtin_sqrt##f(a))                                                \
    ELT1(RECIP_##s, T, T, 1 / a)                                                                   \
    ELT1(FLOOR_##s, T, T, __builtin_copysign##f(down_##s(a), a))                                   \
    ELT1(CEIL_##s, T, T, __builtin_copysign##f(-down_##s(-a), a))                                  \
    ELT1(ROUND_##s, T, T, __builtin_rint##f(a))                                                    \
    ELT1(TRUNC_##s, T, T, __builtin_copysign##f(down_##s(__builtin_fabs##f(a)), a))                \
    ELT1(RELU_##s, T, T, a < 0 ? (T)0 : a)                                                         \
    ELT1(ISNAN_##s, T, uint8_t, a != a)                                                            \
    ELT2(ADD_##s, T, T, a + b)                                                                     \
    ELT2(SUB_##s, T, T, a - b)                                                                     \
    ELT2(MUL_##s, T, T, a *b)                                                                      \
    ELT2(DIV_##s, T, T, a / b)                                                                     \
    ELT2(MAX_##s, T, T, (a > b) | (a != a) ? a : b)                                                \
    ELT2(MIN_##s, T, T, (a < b) | (a != a) ? a : b)                                                \
    ELT2(EQ_##s, T, uint8_t, a == b)                                                               \
    ELT2(NE_##s, T, uint8_t, a != b)                                                               \
    ELT2(LT_##s, T, uint8_t, a < b)                                                                \
    ELT2(LE_##s, T, uint8_t, a <= b)                                                               \
    ELT2(GT_##s, T, uint8_t, a > b)                                                                \
    ELT2(GE_##s, T, uint8_t, a >= b)                                                               \
    ELT_WHERE(WHERE_##s, I)

ELT_BOTH(f32, float, f, uint32_t)
ELT_BOTH(f64, double, , uint64_t)

#define ELT_MAP(id, T, V, VL, s, function)                                                         \
    static void elt_##id##_##s(ELT_ARGS)                                                           \
    {                                                                                              \
        const T *x = a_;                                                                           \
        T *out = out_;                                                                             \
        size_t i = 0;                                                                              \
        (void)b_, (void)c_;                                                                        \
        for (; i + VL <= n; i += VL) store_##s(out + i, function(load_##s(x + i)));                \
        if (i < n) store_part_##s(out + i, function(load_part_##s(x + i, n - i)), n - i);          \
    }
#define ELT_MAP_F32(id, function) ELT_MAP(id, float, vf, VF, f32, function)
#define ELT_MAP_F64(id, function) ELT_MAP(id, double, vd, VD, f64, function)
ELT_MAP_F32(EXP, exp_vector_f32)
ELT_MAP_F32(EXPM1, expm1_vector_f32)
ELT_MAP_F32(LOG, log_vector_f32)
ELT_MAP_F32(LOG1P, log1p_vector_f32)
#if defined(__AVX2__) /* below, libm is faster */
ELT_MAP_F32(SIN, sin_vector_f32)
ELT_MAP_F32(COS, cos_vector_f32)
#define CIRCLE_ROWS , ELT_ROW(SIN, f32), ELT_ROW(COS, f32)
#else
#define CIRCLE_ROWS
#endif
ELT_MAP_F32(TANH, tanh_vector_f32)
ELT_MAP_F32(SIGMOID, logistic_vector_f32)
ELT_MAP_F32(ERF, erf_vector_f32)
ELT_MAP_F32(SOFTPLUS, softplus_vector_f32)
ELT_MAP_F64(EXP, exp_vector_f64)
ELT_MAP_F64(LOG, log_vector)
ELT_MAP_F64(TANH, tanh_vector)
ELT_MAP_F64(SIGMOID, logistic_vector_f64)

/* ---- conversions: the same results as those of cast.c -----------------------------------------
 */

ELT1(bf16_f32, uint16_t, uint32_t, (uint32_t)a << 16)
/* Nearest even; a NaN stays one and becomes quiet. */
ELT1(f32_bf16, uint32_t, uint16_t,
     (a & 0x7fffffffu) > 0x7f800000u ? (a >> 16 | 0x40) : (a + 0x7fffu + (a >> 16 & 1)) >> 16)
ELT1(u8_f32, uint8_t, float, a)
ELT1(i8_f32, int8_t, float, a)
ELT1(i32_f32, int32_t, float, a)
ELT1(f32_f64, float, double, a)
ELT1(f64_f32, double, float, a)
ELT1(i32_f64, int32_t, double, a)
ELT1(f32_bool, float, uint8_t, a != 0)

/* The number inside the range first, then one conversion for all lanes. */
static void elt_f32_u8(ELT_ARGS)
{
    const float *x = a_;
    uint8_t *out = out_;
    (void)b_, (void)c_;
    INDEPENDENT for (size_t i = 0; i < n; i++)
    {
        float a = x[i] > 0 ? x[i] : 0; /* NaN too */
        out[i] = (uint8_t)(int32_t)(a < 255 ? a : 255);
    }
}

static void elt_f32_i32(ELT_ARGS)
{
    const float *x = a_;
    int32_t *out = out_;
    (void)b_, (void)c_;
    INDEPENDENT for (size_t i = 0; i < n; i++)
    {
        float a = x[i] == x[i] ? x[i] : 0, low = a > -0x1p31f ? a : -0x1p31f;
        int32_t y = (int32_t)(low < 0x1.fffffep30f ? low : 0x1.fffffep30f);
        out[i] = a >= 0x1p31f ? INT32_MAX : y;
    }
}

#if defined(__F16C__) && !defined(LEATI_KERNELS_PLAIN)
static void elt_f16_f32(ELT_ARGS)
{
    const uint16_t *x = a_;
    float *out = out_;
    size_t i = 0;
    (void)b_, (void)c_;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(x + i))));
    for (; i < n; i++) out[i] = _cvtsh_ss(x[i]);
}

static void elt_f32_f16(ELT_ARGS)
{
    const float *x = a_;
    uint16_t *out = out_;
    size_t i = 0;
    (void)b_, (void)c_;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((void *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), 0));
    for (; i < n; i++) out[i] = (uint16_t)_cvtss_sh(x[i], 0);
}
#define F16_ROW_FROM [LEAT_DTYPE_F16] = elt_f32_f16,
#define F16_ROW      [LEAT_DTYPE_F16] = {[LEAT_DTYPE_F32] = elt_f16_f32},
#else
#define F16_ROW_FROM
#define F16_ROW
#endif

#define ELT_ROW(op, s) [LEATI_ELT_##op] = elt_##op##_##s
#define ELT_ROWS(s)                                                                                \
    ELT_ROW(NEG, s), ELT_ROW(ABS, s), ELT_ROW(SIGN, s), ELT_ROW(SQRT, s), ELT_ROW(RSQRT, s),       \
        ELT_ROW(RECIP, s), ELT_ROW(FLOOR, s), ELT_ROW(CEIL, s), ELT_ROW(ROUND, s),                 \
        ELT_ROW(TRUNC, s), ELT_ROW(RELU, s), ELT_ROW(ISNAN, s), ELT_ROW(ADD, s), ELT_ROW(SUB, s),  \
        ELT_ROW(MUL, s), ELT_ROW(DIV, s), ELT_ROW(MAX, s), ELT_ROW(MIN, s), ELT_ROW(EQ, s),        \
        ELT_ROW(NE, s), ELT_ROW(LT, s), ELT_ROW(LE, s), ELT_ROW(GT, s), ELT_ROW(GE, s),            \
        ELT_ROW(WHERE, s), ELT_ROW(EXP, s), ELT_ROW(LOG, s), ELT_ROW(TANH, s), ELT_ROW(SIGMOID, s)
#define ELT_TABLE                                                                                  \
    {                                                                                              \
        .f32 = {ELT_ROWS(f32), ELT_ROW(EXPM1, f32), ELT_ROW(LOG1P, f32), ELT_ROW(ERF, f32),        \
                ELT_ROW(SOFTPLUS, f32) CIRCLE_ROWS},                                               \
        .f64 = {ELT_ROWS(f64)}, .cast = {                                                          \
            [LEAT_DTYPE_F32] = {[LEAT_DTYPE_BF16] = elt_f32_bf16,                                  \
                                [LEAT_DTYPE_F64] = elt_f32_f64,                                    \
                                [LEAT_DTYPE_U8] = elt_f32_u8,                                      \
                                [LEAT_DTYPE_I32] = elt_f32_i32,                                    \
                                F16_ROW_FROM[LEAT_DTYPE_BOOL] = elt_f32_bool},                     \
            [LEAT_DTYPE_BF16] = {[LEAT_DTYPE_F32] = elt_bf16_f32},                                 \
            F16_ROW[LEAT_DTYPE_F64] = {[LEAT_DTYPE_F32] = elt_f64_f32},                            \
            [LEAT_DTYPE_U8] = {[LEAT_DTYPE_F32] = elt_u8_f32},                                     \
            [LEAT_DTYPE_BOOL] = {[LEAT_DTYPE_F32] = elt_u8_f32},                                   \
            [LEAT_DTYPE_I8] = {[LEAT_DTYPE_F32] = elt_i8_f32},                                     \
            [LEAT_DTYPE_I32] = {[LEAT_DTYPE_F32] = elt_i32_f32, [LEAT_DTYPE_F64] = elt_i32_f64}    \
        }                                                                                          \
    }

#endif
