/* Owns: the elementwise kernels in plain C, every operation and type. Levels with own vector code
 * for one are asked first. */
#include "kernel/eltwise.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel/elt_table.h"

#define ARGS size_t n, const void *a_, const void *b_, const void *c_, void *out_

/* One loop: TI the type of the inputs, TO of the result, `e` in terms of a and b. */
#define LOOP1(id, TI, TO, e)                                                                       \
    static void id(ARGS)                                                                           \
    {                                                                                              \
        const TI *x = a_;                                                                          \
        TO *out = out_;                                                                            \
        (void)b_, (void)c_;                                                                        \
        for (size_t i = 0; i < n; i++) {                                                           \
            TI a = x[i];                                                                           \
            out[i] = (TO)(e);                                                                      \
        }                                                                                          \
    }
#define LOOP2(id, TI, TO, e)                                                                       \
    static void id(ARGS)                                                                           \
    {                                                                                              \
        const TI *x = a_, *y = b_;                                                                 \
        TO *out = out_;                                                                            \
        (void)c_;                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                           \
            TI a = x[i], b = y[i];                                                                 \
            out[i] = (TO)(e);                                                                      \
        }                                                                                          \
    }
#define LOOP3(id, T)                                                                               \
    static void id(ARGS)                                                                           \
    {                                                                                              \
        const uint8_t *m = a_;                                                                     \
        const T *x = b_, *y = c_;                                                                  \
        T *out = out_;                                                                             \
        for (size_t i = 0; i < n; i++) out[i] = m[i] ? x[i] : y[i];                                \
    }

static double sigmoid_f64(double x)
{
    double e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static float sigmoid_f32(float x)
{
    float e = expf(-fabsf(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double softplus_f64(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x))) + (isnan(x) ? x : 0);
}

static float softplus_f32(float x)
{
    return fmaxf(x, 0) + log1pf(expf(-fabsf(x))) + (isnan(x) ? x : 0);
}

static double mod_f64(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static float mod_f32(float a, float b)
{
    float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#define FLOAT_LOOPS(s, T, f)                                                                       \
    LOOP1(NEG_##s, T, T, -a)                                                                       \
    LOOP1(ABS_##s, T, T, fabs##f(a))                                                               \
    LOOP1(SIGN_##s, T, T, a > 0 ? 1 : a < 0 ? -1 : a)                                              \
    LOOP1(EXP_##s, T, T, exp##f(a))                                                                \
    LOOP1(EXPM1_##s, T, T, expm1##f(a))                                                            \
    LOOP1(LOG_##s, T, T, log##f(a))                                                                \
    LOOP1(LOG1P_##s, T, T, log1p##f(a))                                                            \
    LOOP1(SQRT_##s, T, T, sqrt##f(a))                                                              \
    LOOP1(RSQRT_##s, T, T, 1 / sqrt##f(a))                                                         \
    LOOP1(RECIP_##s, T, T, 1 / a)                                                                  \
    LOOP1(SIN_##s, T, T, sin##f(a))                                                                \
    LOOP1(COS_##s, T, T, cos##f(a))                                                                \
    LOOP1(TAN_##s, T, T, tan##f(a))                                                                \
    LOOP1(ASIN_##s, T, T, asin##f(a))                                                              \
    LOOP1(ACOS_##s, T, T, acos##f(a))                                                              \
    LOOP1(ATAN_##s, T, T, atan##f(a))                                                              \
    LOOP1(SINH_##s, T, T, sinh##f(a))                                                              \
    LOOP1(COSH_##s, T, T, cosh##f(a))                                                              \
    LOOP1(ASINH_##s, T, T, asinh##f(a))                                                            \
    LOOP1(ACOSH_##s, T, T, acosh##f(a))                                                            \
    LOOP1(ATANH_##s, T, T, atanh##f(a))                                                            \
    LOOP1(TANH_##s, T, T, tanh##f(a))                                                              \
    LOOP1(SIGMOID_##s, T, T, sigmoid_##s(a))                                                       \
    LOOP1(ERF_##s, T, T, erf##f(a))                                                                \
    LOOP1(FLOOR_##s, T, T, floor##f(a))                                                            \
    LOOP1(CEIL_##s, T, T, ceil##f(a))                                                              \
    LOOP1(ROUND_##s, T, T, rint##f(a))                                                             \
    LOOP1(TRUNC_##s, T, T, trunc##f(a))                                                            \
    LOOP1(RELU_##s, T, T, a < 0 ? 0 : a)                                                           \
    LOOP1(SOFTPLUS_##s, T, T, softplus_##s(a))                                                     \
    LOOP1(ISNAN_##s, T, uint8_t, isnan(a) != 0)                                                    \
    LOOP1(ISINF_##s, T, uint8_t, isinf(a) != 0)                                                    \
    LOOP2(DIV_##s, T, T, a / b)                                                                    \
    LOOP2(POW_##s, T, T, pow##f(a, b))                                                             \
    LOOP2(MOD_##s, T, T, mod_##s(a, b))                                                            \
    LOOP2(FMOD_##s, T, T, fmod##f(a, b))                                                           \
    LOOP2(MAX_##s, T, T, a > b || isnan(a) ? a : b)                                                \
    LOOP2(MIN_##s, T, T, a < b || isnan(a) ? a : b)                                                \
    LOOP2(ATAN2_##s, T, T, atan2##f(a, b))                                                         \
    LOOP2(ADD_##s, T, T, a + b)                                                                    \
    LOOP2(SUB_##s, T, T, a - b)                                                                    \
    LOOP2(MUL_##s, T, T, a *b)                                                                     \
    COMPARE_LOOPS(s, T)

#define COMPARE_LOOPS(s, T)                                                                        \
    LOOP2(EQ_##s, T, uint8_t, a == b)                                                              \
    LOOP2(NE_##s, T, uint8_t, a != b)                                                              \
    LOOP2(LT_##s, T, uint8_t, a < b)                                                               \
    LOOP2(LE_##s, T, uint8_t, a <= b)                                                              \
    LOOP2(GT_##s, T, uint8_t, a > b)                                                               \
    LOOP2(GE_##s, T, uint8_t, a >= b)

/* U: the unsigned type of the size, in which sums wrap. */
#define INT_LOOPS(s, T, U, is_signed)                                                              \
    LOOP1(NEG_##s, T, T, (U)0 - (U)a)                                                              \
    LOOP1(ABS_##s, T, T, is_signed &&a < (T)1 ? (U)0 - (U)a : (U)a)                                \
    LOOP1(SIGN_##s, T, T, (a > (T)0) - (is_signed && a < (T)1 && a != (T)0))                       \
    LOOP1(RELU_##s, T, T, a > (T)0 ? a : (T)0)                                                     \
    LOOP1(BITNOT_##s, T, T, ~(U)a)                                                                 \
    LOOP2(ADD_##s, T, T, (U)((U)a + (U)b))                                                         \
    LOOP2(SUB_##s, T, T, (U)((U)a - (U)b))                                                         \
    LOOP2(MUL_##s, T, T, (U)((uint64_t)a * (uint64_t)b))                                           \
    LOOP2(DIV_##s, T, T, b == 0 ? 0 : is_signed && b == (T)-1 ? (T)((U)0 - (U)a) : a / b)          \
    LOOP2(POW_##s, T, T, power_##s(a, b))                                                          \
    LOOP2(MOD_##s, T, T, modulo_##s(a, b, 1))                                                      \
    LOOP2(FMOD_##s, T, T, modulo_##s(a, b, 0))                                                     \
    LOOP2(MAX_##s, T, T, a > b ? a : b)                                                            \
    LOOP2(MIN_##s, T, T, a < b ? a : b)                                                            \
    LOOP2(BITAND_##s, T, T, a &b)                                                                  \
    LOOP2(BITOR_##s, T, T, a | b)                                                                  \
    LOOP2(BITXOR_##s, T, T, a ^ b)                                                                 \
    LOOP2(SHL_##s, T, T, (uint64_t)b < 8 * sizeof(T) ? (U)((uint64_t)a << (uint64_t)b) : 0)        \
    LOOP2(SHR_##s, T, T,                                                                           \
          (uint64_t)b < 8 * sizeof(T) ? a >> (uint64_t)b                                           \
          : is_signed                 ? a >> (8 * sizeof(T) - 1)                                   \
                                      : 0)                                                                         \
    COMPARE_LOOPS(s, T)

/* Powers wrap; a negative exponent gives 1, -1 or 0. Modulo has the sign of b if `python`. */
#define INT_HELPERS(s, T, U, is_signed)                                                            \
    static T power_##s(T a, T b)                                                                   \
    {                                                                                              \
        if (is_signed && b < (T)1 && b != (T)0)                                                    \
            return a == 1 ? 1 : a == (T)-1 ? ((b & 1) ? (T)-1 : 1) : 0;                            \
        uint64_t result = 1, base = (uint64_t)a;                                                   \
        for (U left = (U)b; left; left = (U)(left >> 1)) {                                         \
            if (left & 1) result *= base;                                                          \
            base *= base;                                                                          \
        }                                                                                          \
        return (T)(U)result;                                                                       \
    }                                                                                              \
    static T modulo_##s(T a, T b, int python)                                                      \
    {                                                                                              \
        if (b == 0 || (is_signed && b == (T)-1)) return 0;                                         \
        T r = (T)(a % b);                                                                          \
        return (T)(python && is_signed && r != 0 && (r < (T)1) != (b < (T)1) ? r + b : r);         \
    }

INT_HELPERS(i64, int64_t, uint64_t, 1)
INT_HELPERS(i32, int32_t, uint32_t, 1)
INT_HELPERS(i16, int16_t, uint16_t, 1)
INT_HELPERS(i8, int8_t, uint8_t, 1)
INT_HELPERS(u64, uint64_t, uint64_t, 0)
INT_HELPERS(u32, uint32_t, uint32_t, 0)
INT_HELPERS(u16, uint16_t, uint16_t, 0)
INT_HELPERS(u8, uint8_t, uint8_t, 0)

FLOAT_LOOPS(f32, float, f)
FLOAT_LOOPS(f64, double, )
INT_LOOPS(i64, int64_t, uint64_t, 1)
INT_LOOPS(i32, int32_t, uint32_t, 1)
INT_LOOPS(i16, int16_t, uint16_t, 1)
INT_LOOPS(i8, int8_t, uint8_t, 1)
INT_LOOPS(u64, uint64_t, uint64_t, 0)
INT_LOOPS(u32, uint32_t, uint32_t, 0)
INT_LOOPS(u16, uint16_t, uint16_t, 0)
INT_LOOPS(u8, uint8_t, uint8_t, 0)
LOOP1(NOT_bool, uint8_t, uint8_t, !a)
LOOP2(AND_bool, uint8_t, uint8_t, a &b)
LOOP2(OR_bool, uint8_t, uint8_t, a | b)
LOOP2(XOR_bool, uint8_t, uint8_t, a ^ b)
LOOP3(WHERE_8, uint8_t)
LOOP3(WHERE_16, uint16_t)
LOOP3(WHERE_32, uint32_t)
LOOP3(WHERE_64, uint64_t)

#define COPY(bytes)                                                                                \
    static void COPY_##bytes(ARGS)                                                                 \
    {                                                                                              \
        (void)b_, (void)c_;                                                                        \
        memmove(out_, a_, n *(bytes / 8));                                                         \
    }
COPY(8)
COPY(16)
COPY(32)
COPY(64)

#define ROW(op, s)      [LEATI_ELT_##op] = op##_##s
#define COMPARE_ROWS(s) ROW(EQ, s), ROW(NE, s), ROW(LT, s), ROW(LE, s), ROW(GT, s), ROW(GE, s)
#define BOTH_ROWS(s)                                                                               \
    ROW(NEG, s), ROW(ABS, s), ROW(SIGN, s), ROW(RELU, s), ROW(ADD, s), ROW(SUB, s), ROW(MUL, s),   \
        ROW(DIV, s), ROW(POW, s), ROW(MOD, s), ROW(FMOD, s), ROW(MAX, s), ROW(MIN, s),             \
        COMPARE_ROWS(s)
#define MOVE_ROWS(bits) [LEATI_ELT_COPY] = COPY_##bits, [LEATI_ELT_WHERE] = WHERE_##bits
#define FLOAT_ROWS(s, bits)                                                                        \
    {                                                                                              \
        MOVE_ROWS(bits), BOTH_ROWS(s), ROW(EXP, s), ROW(EXPM1, s), ROW(LOG, s), ROW(LOG1P, s),     \
            ROW(SQRT, s), ROW(RSQRT, s), ROW(RECIP, s), ROW(SIN, s), ROW(COS, s), ROW(TAN, s),     \
            ROW(ASIN, s), ROW(ACOS, s), ROW(ATAN, s), ROW(SINH, s), ROW(COSH, s), ROW(ASINH, s),   \
            ROW(ACOSH, s), ROW(ATANH, s), ROW(TANH, s), ROW(SIGMOID, s), ROW(ERF, s),              \
            ROW(FLOOR, s), ROW(CEIL, s), ROW(ROUND, s), ROW(TRUNC, s), ROW(SOFTPLUS, s),           \
            ROW(ISNAN, s), ROW(ISINF, s), ROW(ATAN2, s)                                            \
    }
#define INT_ROWS(s, bits)                                                                          \
    {                                                                                              \
        MOVE_ROWS(bits), BOTH_ROWS(s), ROW(BITNOT, s), ROW(BITAND, s), ROW(BITOR, s),              \
            ROW(BITXOR, s), ROW(SHL, s), ROW(SHR, s)                                               \
    }

static const leati_elt_fn plain[LEAT_DTYPES][LEATI_ELT_COUNT] = {
    [LEAT_DTYPE_F32] = FLOAT_ROWS(f32, 32),
    [LEAT_DTYPE_F64] = FLOAT_ROWS(f64, 64),
    [LEAT_DTYPE_BF16] = {MOVE_ROWS(16)},
    [LEAT_DTYPE_F16] = {MOVE_ROWS(16)},
    [LEAT_DTYPE_I64] = INT_ROWS(i64, 64),
    [LEAT_DTYPE_I32] = INT_ROWS(i32, 32),
    [LEAT_DTYPE_I16] = INT_ROWS(i16, 16),
    [LEAT_DTYPE_I8] = INT_ROWS(i8, 8),
    [LEAT_DTYPE_U64] = INT_ROWS(u64, 64),
    [LEAT_DTYPE_U32] = INT_ROWS(u32, 32),
    [LEAT_DTYPE_U16] = INT_ROWS(u16, 16),
    [LEAT_DTYPE_U8] = INT_ROWS(u8, 8),
    [LEAT_DTYPE_BOOL] = {MOVE_ROWS(8), ROW(NOT, bool), ROW(AND, bool), ROW(OR, bool),
                         ROW(XOR, bool), [LEATI_ELT_EQ] = EQ_u8, [LEATI_ELT_NE] = NE_u8}};

leati_elt_fn leati_elt_kernel(const leat_context *c, leati_elt op, leat_dtype dtype)
{
    leati_elt_fn f = NULL;
    if (c && dtype == LEAT_DTYPE_F32) f = leati_elt_table_of(c)->f32[op];
    if (c && dtype == LEAT_DTYPE_F64) f = leati_elt_table_of(c)->f64[op];
    return f ? f : plain[dtype][op];
}
