/* Owns: the reference of ARGMAX, ARGMIN, CUMSUM, CUMPROD, SORT, TOPK. */
#include <math.h>
#include <string.h>

#include "device/reference_kernels.h"
#include "tensor/shape.h"

/* An axis of a tensor: element i of line l is at first + i * stride. */
typedef struct line {
    size_t first, stride, count;
} line;

static size_t line_count(const leat_shape *s, int axis)
{
    size_t n = 1;
    for (int i = 0; i < s->rank; i++) n *= i == axis ? 1 : (size_t)s->dim[i];
    return n;
}

static line line_of(const leat_shape *s, int axis, size_t number)
{
    line l = {.stride = 1, .count = (size_t)s->dim[axis]};
    for (int i = axis + 1; i < s->rank; i++) l.stride *= (size_t)s->dim[i];
    l.first = number / l.stride * l.stride * l.count + number % l.stride;
    return l;
}

/* -1, 0, 1; NaN is above all and equal to itself. */
static int compare(const leati_operand *x, leati_element a, leati_element b)
{
    if (leati_is_float_operand(x)) {
        if (isnan(a.f) || isnan(b.f)) return (isnan(a.f) != 0) - (isnan(b.f) != 0);
        return (a.f > b.f) - (a.f < b.f);
    }
    if (x->dtype == LEAT_DTYPE_U64)
        return ((uint64_t)a.i > (uint64_t)b.i) - ((uint64_t)a.i < (uint64_t)b.i);
    return (a.i > b.i) - (a.i < b.i);
}

static leat_status arg(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_arg_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0];
    size_t lines = line_count(&x->shape, a->axis);
    for (size_t k = 0; k < lines; k++) {
        line l = line_of(&x->shape, a->axis, k);
        size_t best = 0;
        leati_element value = leati_element_get(x, l.first);
        for (size_t i = 1; i < l.count; i++) {
            leati_element e = leati_element_get(x, l.first + i * l.stride);
            bool odd = leati_is_float_operand(x) && isnan(value.f);
            int order = compare(x, e, value);
            if (s->op == LEATI_OP_ARGMIN) order = isnan(e.f) && !odd ? 1 : odd ? order : -order;
            if (order > 0 || (order == 0 && a->last)) {
                best = i;
                value = e;
            }
        }
        leati_element_set(&s->out[0], k, (leati_element){0, (int64_t)best});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_arg = {.run = arg};

static leat_status cumulate(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_cum_attrs *a = s->attrs;
    size_t lines = leati_operand_count(&s->in[0]) ? line_count(&s->in[0].shape, a->axis) : 0;
    bool sum = s->op == LEATI_OP_CUMSUM;
    for (size_t k = 0; k < lines; k++) {
        line l = line_of(&s->in[0].shape, a->axis, k);
        leati_element y = {sum ? 0 : 1, sum ? 0 : 1};
        for (size_t i = 0; i < l.count; i++) {
            size_t at = l.first + (a->reverse ? l.count - 1 - i : i) * l.stride;
            leati_element x = leati_element_get(&s->in[0], at);
            if (a->exclusive) leati_element_set(&s->out[0], at, y);
            y.f = sum ? y.f + x.f : y.f * x.f;
            y.i = (int64_t)(sum ? (uint64_t)y.i + (uint64_t)x.i : (uint64_t)y.i * (uint64_t)x.i);
            if (!a->exclusive) leati_element_set(&s->out[0], at, y);
        }
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_cum = {.run = cumulate};

/* Indices of a line in scratch, two arrays of its length. */
static size_t sort_scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_sort_attrs *a = s->attrs;
    return 2 * (size_t)s->in[0].shape.dim[a->axis] * sizeof(size_t);
}

/* Merges of runs that double in length: stable. */
static void sort_line(const leati_step *s, const line *l, size_t *order, size_t *other)
{
    const leati_sort_attrs *a = s->attrs;
    int sign = a->descending ? -1 : 1;
    size_t *from = order, *to = other;
    for (size_t i = 0; i < l->count; i++) from[i] = i;
    for (size_t width = 1; width < l->count; width *= 2) {
        for (size_t start = 0; start < l->count; start += 2 * width) {
            size_t middle = start + width < l->count ? start + width : l->count;
            size_t end = start + 2 * width < l->count ? start + 2 * width : l->count;
            for (size_t i = start, j = middle, k = start; k < end; k++) {
                bool right = i == middle;
                if (i < middle && j < end) {
                    leati_element x = leati_element_get(&s->in[0], l->first + from[i] * l->stride);
                    leati_element y = leati_element_get(&s->in[0], l->first + from[j] * l->stride);
                    right = sign * compare(&s->in[0], x, y) > 0;
                }
                to[k] = right ? from[j++] : from[i++];
            }
        }
        size_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, l->count * sizeof *order);
}

/* SORT, and TOPK as its beginning. */
static leat_status sort(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_sort_attrs *a = s->attrs;
    const leat_shape *x = &s->in[0].shape;
    size_t *order = s->scratch, n = (size_t)x->dim[a->axis];
    size_t lines = leati_operand_count(&s->out[0]) ? line_count(x, a->axis) : 0;
    for (size_t k = 0; k < lines; k++) {
        line from = line_of(x, a->axis, k), to = line_of(&s->out[0].shape, a->axis, k);
        sort_line(s, &from, order, order + n);
        for (size_t i = 0; i < to.count; i++) {
            size_t at = to.first + i * to.stride;
            leati_element e = leati_element_get(&s->in[0], from.first + order[i] * from.stride);
            leati_element_set(&s->out[0], at, e);
            leati_element_set(&s->out[1], at, (leati_element){0, (int64_t)order[i]});
        }
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_sort = {.run = sort, .scratch = sort_scratch};
