/* Index operands (i64 or i32; negative ones count from the end) and what they point into. */
#ifndef LEATI_DEVICE_INDEX_H
#define LEATI_DEVICE_INDEX_H

#include "device/step.h"

static inline int64_t leati_index_get(const leati_operand *index, size_t k)
{
    return index->dtype == LEAT_DTYPE_I64 ? ((const int64_t *)index->data)[k]
                                          : ((const int32_t *)index->data)[k];
}

/* Element k of a checked index, counted from the front of `size`. */
static inline size_t leati_index_at(const leati_operand *index, size_t k, size_t size)
{
    int64_t i = leati_index_get(index, k);
    return (size_t)(i < 0 ? i + (int64_t)size : i);
}

/* LEAT_INVALID with the value and its place if one is not in -size .. size - 1. */
leat_status leati_index_check(leat_context *c, const leati_operand *index, int axis, int64_t size);
/* That error for element `at`. */
leat_status leati_index_outside(leat_context *c, const leati_operand *index, size_t at, int axis,
                                int64_t size);

/* A tensor seen as (outer, size, inner) around an axis. */
typedef struct leati_rows {
    size_t outer, size, inner;
} leati_rows;

static inline leati_rows leati_rows_of(const leat_shape *s, int axis)
{
    leati_rows r = {1, (size_t)s->dim[axis], 1};
    for (int i = 0; i < axis; i++) r.outer *= (size_t)s->dim[i];
    for (int i = axis + 1; i < s->rank; i++) r.inner *= (size_t)s->dim[i];
    return r;
}

#endif
