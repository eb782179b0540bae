/* Shapes: sizes without overflow, NumPy broadcasting, text for messages. */
#ifndef LEATI_TENSOR_SHAPE_H
#define LEATI_TENSOR_SHAPE_H

#include <stdbool.h>

#include <leat/context.h>
#include <leat/tensor.h>

/* Number of elements; 0 for a shape that is not valid or overflows (leati_shape_check tells). */
size_t leati_shape_count(const leat_shape *s);
/* LEAT_SHAPE for a bad rank or negative dimension, LEAT_LIMIT when elements times the size of dtype
 * do not fit into memory addresses. */
leat_status leati_shape_check(leat_context *c, const leat_shape *s, leat_dtype dtype);
bool leati_shape_equal(const leat_shape *a, const leat_shape *b);
/* NumPy's rule; false if the two do not fit. */
bool leati_shape_broadcast(const leat_shape *a, const leat_shape *b, leat_shape *out);
/* Strides in elements for reading a tensor of shape `from` over the space `to` (0 where it is
 * broadcast). `from` must broadcast to `to`. */
void leati_broadcast_strides(const leat_shape *from, const leat_shape *to, int64_t *strides);
/* Where element i of a space lies with these strides. */
size_t leati_strided_place(const leat_shape *space, const int64_t *strides, size_t i);

typedef struct leati_shape_text {
    char text[160];
} leati_shape_text;
/* "(2, 3)", "()". By value, for arguments of messages: leati_shape_string(&s).text */
leati_shape_text leati_shape_string(const leat_shape *s);

static inline bool leati_dtype_is_float(leat_dtype d)
{
    return d == LEAT_DTYPE_F32 || d == LEAT_DTYPE_F64 || d == LEAT_DTYPE_BF16 ||
           d == LEAT_DTYPE_F16;
}

/* In which sums, squares and means of a type are taken: f32 for bf16 and f16. */
static inline leat_dtype leati_wide(leat_dtype d)
{
    return d == LEAT_DTYPE_BF16 || d == LEAT_DTYPE_F16 ? LEAT_DTYPE_F32 : d;
}

#endif
