/* Stable sorting along one axis of a tensor of any type, and the first k of it.
 *
 * The order is total: NaN above all and equal to each other, -0 equal to 0, equals in the order of
 * their places (also descending). Values keep their bits. */
#ifndef LEATI_KERNEL_LINE_SORT_H
#define LEATI_KERNEL_LINE_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>
#include <leat/tensor.h>

/* Lines of `count` elements, `inner` apart, around an axis: (outer, count, inner). */
typedef struct leati_sort_task {
    leat_dtype dtype;
    size_t size; /* of an element, in bytes */
    size_t outer, count, inner;
    size_t keep; /* of every line; count: all */
    bool descending;
    const void *x;   /* (outer, count, inner) */
    void *values;    /* (outer, keep, inner) */
    int64_t *places; /* the same */
} leati_sort_task;

/* Bytes of scratch, which depend on the number of threads of the context. */
size_t leati_sort_lines_scratch(const leat_context *c, const leati_sort_task *t);
void leati_sort_lines(leat_context *c, const leati_sort_task *t, void *scratch);

#endif
