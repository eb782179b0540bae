/* Element types and shapes of tensors. */
#ifndef LEAT_TENSOR_H
#define LEAT_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include <leat/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(code, NAME, "name", bytes). Codes are stored in files: append only. */
#define LEAT_DTYPE_LIST(X)                                                                         \
    X(0, F32, "f32", 4)                                                                            \
    X(1, F64, "f64", 8)                                                                            \
    X(2, BF16, "bf16", 2)                                                                          \
    X(3, F16, "f16", 2)                                                                            \
    X(4, I64, "i64", 8)                                                                            \
    X(5, I32, "i32", 4)                                                                            \
    X(6, I16, "i16", 2)                                                                            \
    X(7, I8, "i8", 1)                                                                              \
    X(8, U64, "u64", 8)                                                                            \
    X(9, U32, "u32", 4)                                                                            \
    X(10, U16, "u16", 2)                                                                           \
    X(11, U8, "u8", 1)                                                                             \
    X(12, BOOL, "bool", 1) /* a byte that is 0 or 1 */

typedef enum leat_dtype {
#define LEAT_DTYPE_ROW(code, name, text, bytes) LEAT_DTYPE_##name = code,
    LEAT_DTYPE_LIST(LEAT_DTYPE_ROW)
#undef LEAT_DTYPE_ROW
} leat_dtype;

enum { LEAT_DTYPES = 13, LEAT_MAX_RANK = 8 };

/* "f32"; "?" for a value outside the enum. */
LEAT_API const char *leat_dtype_name(leat_dtype dtype);
/* Bytes of an element; 0 for a value outside the enum. */
LEAT_API size_t leat_dtype_size(leat_dtype dtype);

/* Rank 0 is a scalar; a dimension of 0 makes a tensor without elements. Row-major. */
typedef struct leat_shape {
    int32_t rank;
    int64_t dim[LEAT_MAX_RANK]; /* those from rank on are 0 */
} leat_shape;

/* A rank above LEAT_MAX_RANK or below 0 gives rank -1, which every user of a shape refuses. */
LEAT_API leat_shape leat_shape_make(int rank, const int64_t *dims);
#define LEAT_SCALAR leat_shape_make(0, NULL)

#ifdef __cplusplus
}

/* C++ has no compound literals. */
template <typename... T> inline leat_shape leat_dims_of(T... dims)
{
    const int64_t list[] = {static_cast<int64_t>(dims)...};
    return leat_shape_make(static_cast<int>(sizeof...(T)), list);
}
#define LEAT_DIMS(...) leat_dims_of(__VA_ARGS__)
#else
/* LEAT_DIMS(2, 3) */
#define LEAT_DIMS(...)                                                                             \
    leat_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                     \
                    (int64_t[]){__VA_ARGS__})
#endif

#endif
