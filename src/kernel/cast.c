/* Owns: conversions of element types. */
#include "base/half.h"
#include "kernel/elt_table.h"
#include "kernel/eltwise.h"

#include <string.h>

#define LOAD_f32(x)  (x)
#define LOAD_f64(x)  (x)
#define LOAD_bf16(x) leati_bf16_to_f32(x)
#define LOAD_f16(x)  leati_f16_to_f32(x)
#define LOAD_i64(x)  (x)
#define LOAD_i32(x)  (x)
#define LOAD_i16(x)  (x)
#define LOAD_i8(x)   (x)
#define LOAD_u64(x)  (x)
#define LOAD_u32(x)  (x)
#define LOAD_u16(x)  (x)
#define LOAD_u8(x)   (x)
#define LOAD_bool(x) (x)

/* Floats saturate: the comparisons are written so that NaN ends at 0. `high` is the first power
 * of two above the range. */
#define INTEGER(T, low, high, most, x)                                                             \
    ((x) != (x) ? (T)0 : ((x) <= (low) ? (T)(low) : ((double)(x) >= (high) ? (T)(most) : (T)(x))))
#define FLOAT_STORE_i64(x)  INTEGER(int64_t, -0x1p63, 0x1p63, INT64_MAX, x)
#define FLOAT_STORE_i32(x)  INTEGER(int32_t, -0x1p31, 0x1p31, INT32_MAX, x)
#define FLOAT_STORE_i16(x)  INTEGER(int16_t, -0x1p15, 0x1p15, INT16_MAX, x)
#define FLOAT_STORE_i8(x)   INTEGER(int8_t, -0x1p7, 0x1p7, INT8_MAX, x)
#define FLOAT_STORE_u64(x)  INTEGER(uint64_t, 0.0, 0x1p64, UINT64_MAX, x)
#define FLOAT_STORE_u32(x)  INTEGER(uint32_t, 0.0, 0x1p32, UINT32_MAX, x)
#define FLOAT_STORE_u16(x)  INTEGER(uint16_t, 0.0, 0x1p16, UINT16_MAX, x)
#define FLOAT_STORE_u8(x)   INTEGER(uint8_t, 0.0, 0x1p8, UINT8_MAX, x)
#define FLOAT_STORE_f32(x)  (float)(x)
#define FLOAT_STORE_f64(x)  (double)(x)
#define FLOAT_STORE_bf16(x) leati_f32_to_bf16((float)(x))
#define FLOAT_STORE_f16(x)  leati_f32_to_f16((float)(x))
#define FLOAT_STORE_bool(x) ((x) != 0)
#define INT_STORE_i64(x)    (int64_t)(x)
#define INT_STORE_i32(x)    (int32_t)(x)
#define INT_STORE_i16(x)    (int16_t)(x)
#define INT_STORE_i8(x)     (int8_t)(x)
#define INT_STORE_u64(x)    (uint64_t)(x)
#define INT_STORE_u32(x)    (uint32_t)(x)
#define INT_STORE_u16(x)    (uint16_t)(x)
#define INT_STORE_u8(x)     (uint8_t)(x)
#define INT_STORE_f32(x)    (float)(x)
#define INT_STORE_f64(x)    (double)(x)
#define INT_STORE_bf16(x)   leati_f32_to_bf16((float)(x))
#define INT_STORE_f16(x)    leati_f32_to_f16((float)(x))
#define INT_STORE_bool(x)   ((x) != 0)

#define TO_TYPES(X, kind, from, TI)                                                                \
    X(kind, from, TI, f32, float)                                                                  \
    X(kind, from, TI, f64, double)                                                                 \
    X(kind, from, TI, bf16, uint16_t)                                                              \
    X(kind, from, TI, f16, uint16_t)                                                               \
    X(kind, from, TI, i64, int64_t)                                                                \
    X(kind, from, TI, i32, int32_t)                                                                \
    X(kind, from, TI, i16, int16_t)                                                                \
    X(kind, from, TI, i8, int8_t)                                                                  \
    X(kind, from, TI, u64, uint64_t)                                                               \
    X(kind, from, TI, u32, uint32_t)                                                               \
    X(kind, from, TI, u16, uint16_t)                                                               \
    X(kind, from, TI, u8, uint8_t)                                                                 \
    X(kind, from, TI, bool, uint8_t)
#define ALL_PAIRS(X)                                                                               \
    TO_TYPES(X, FLOAT, f32, float)                                                                 \
    TO_TYPES(X, FLOAT, f64, double)                                                                \
    TO_TYPES(X, FLOAT, bf16, uint16_t)                                                             \
    TO_TYPES(X, FLOAT, f16, uint16_t)                                                              \
    TO_TYPES(X, INT, i64, int64_t)                                                                 \
    TO_TYPES(X, INT, i32, int32_t)                                                                 \
    TO_TYPES(X, INT, i16, int16_t)                                                                 \
    TO_TYPES(X, INT, i8, int8_t)                                                                   \
    TO_TYPES(X, INT, u64, uint64_t)                                                                \
    TO_TYPES(X, INT, u32, uint32_t)                                                                \
    TO_TYPES(X, INT, u16, uint16_t)                                                                \
    TO_TYPES(X, INT, u8, uint8_t)                                                                  \
    TO_TYPES(X, INT, bool, uint8_t)

#define CONVERT(kind, from, TI, to, TO)                                                            \
    static void from##_to_##to(size_t n, const void *a, const void *b, const void *c, void *out)   \
    {                                                                                              \
        const TI *x = a;                                                                           \
        TO *y = out;                                                                               \
        (void)b, (void)c;                                                                          \
        for (size_t i = 0; i < n; i++) y[i] = (TO)kind##_STORE_##to(LOAD_##from(x[i]));            \
    }
ALL_PAIRS(CONVERT)

enum {
    AT_f32,
    AT_f64,
    AT_bf16,
    AT_f16,
    AT_i64,
    AT_i32,
    AT_i16,
    AT_i8,
    AT_u64,
    AT_u32,
    AT_u16,
    AT_u8,
    AT_bool
};
#define ENTRY(kind, from, TI, to, TO) [AT_##from][AT_##to] = from##_to_##to,
static const leati_elt_fn table[LEAT_DTYPES][LEAT_DTYPES] = {ALL_PAIRS(ENTRY)};

leati_elt_fn leati_cast_kernel(const leat_context *c, leat_dtype from, leat_dtype to)
{
    if (from == to) return leati_elt_kernel(c, LEATI_ELT_COPY, from);
    leati_elt_fn f = c ? leati_elt_table_of(c)->cast[from][to] : NULL;
    return f ? f : table[from][to];
}
