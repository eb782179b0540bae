/* Owns: SLICE, REVERSE, PAD and CONCAT on the CPU: copies between strided views, cut into tasks of
 * fixed size; and RANDOM. */
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "device/index.h"
#include "device/random.h"
#include "kernel/eltwise.h"
#include "kernel/net_kernels.h"
#include "tensor/shape.h"

enum { GRAIN = 16 << 10 };

/* `from` and `to` are the addresses of the first element; strides in elements. */
typedef struct view_copy {
    int rank;
    size_t dim[LEAT_MAX_RANK];
    ptrdiff_t in[LEAT_MAX_RANK], out[LEAT_MAX_RANK];
    const char *from;
    char *to;
    size_t size, lines, chunk; /* lines: runs along the last axis */
} view_copy;

static void strides_of(const leat_shape *s, ptrdiff_t *strides)
{
    ptrdiff_t at = 1;
    for (int i = s->rank; i-- > 0;) {
        strides[i] = at;
        at *= (ptrdiff_t)s->dim[i];
    }
}

/* Leaves out axes of size 1, joins neighbours along which both sides run on. */
static void join_axes(view_copy *v)
{
    int rank = 0;
    for (int i = 0; i < v->rank; i++) {
        size_t dim = v->dim[i];
        ptrdiff_t in = v->in[i], out = v->out[i], n = (ptrdiff_t)dim;
        if (dim == 1) continue;
        if (rank && v->in[rank - 1] == in * n && v->out[rank - 1] == out * n) {
            v->dim[rank - 1] *= dim;
            v->in[rank - 1] = in;
            v->out[rank - 1] = out;
            continue;
        }
        v->dim[rank] = dim;
        v->in[rank] = in;
        v->out[rank++] = out;
    }
    if (rank == 0) {
        v->dim[0] = 1;
        v->in[0] = v->out[0] = 1;
        rank = 1;
    }
    v->rank = rank;
}

#define COPY_LINE(T)                                                                               \
    for (ptrdiff_t i = 0; i < n; i++)                                                              \
        ((T *)(void *)to)[i * out] = ((const T *)(const void *)from)[i * in];

static void copy_line(size_t size, char *to, const char *from, ptrdiff_t out, ptrdiff_t in,
                      ptrdiff_t n)
{
    if (in == 1 && out == 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    switch (size) {
    case 1: COPY_LINE(uint8_t) break;
    case 2: COPY_LINE(uint16_t) break;
    case 4: COPY_LINE(uint32_t) break;
    default: COPY_LINE(uint64_t) break;
    }
}

static void copy_lines(void *arg, size_t task, unsigned worker)
{
    const view_copy *v = arg;
    (void)worker;
    int last = v->rank - 1;
    size_t end = (task + 1) * v->chunk < v->lines ? (task + 1) * v->chunk : v->lines;
    for (size_t k = task * v->chunk; k < end; k++) {
        size_t rest = k;
        ptrdiff_t in = 0, out = 0;
        for (int i = last; i-- > 0;) {
            ptrdiff_t at = (ptrdiff_t)(rest % v->dim[i]);
            rest /= v->dim[i];
            in += at * v->in[i];
            out += at * v->out[i];
        }
        copy_line(v->size, v->to + out * (ptrdiff_t)v->size, v->from + in * (ptrdiff_t)v->size,
                  v->out[last], v->in[last], (ptrdiff_t)v->dim[last]);
    }
}

static void copy_view(leat_context *c, view_copy *v)
{
    size_t count = 1;
    for (int i = 0; i < v->rank; i++) count *= v->dim[i];
    if (!count) return;
    join_axes(v);
    if (v->rank == 1 && v->dim[0] >= 2 * GRAIN) { /* one long line: cut it */
        size_t n = v->dim[0], whole = n / GRAIN;
        view_copy tail = *v;
        tail.dim[0] = n - whole * GRAIN;
        tail.from += (ptrdiff_t)(whole * GRAIN) * v->in[0] * (ptrdiff_t)v->size;
        tail.to += (ptrdiff_t)(whole * GRAIN) * v->out[0] * (ptrdiff_t)v->size;
        v->rank = 2;
        v->dim[0] = whole, v->dim[1] = GRAIN;
        v->in[1] = v->in[0], v->out[1] = v->out[0];
        v->in[0] *= GRAIN, v->out[0] *= GRAIN;
        if (tail.dim[0])
            copy_line(v->size, tail.to, tail.from, tail.out[0], tail.in[0], (ptrdiff_t)tail.dim[0]);
        count = whole * GRAIN;
    }
    size_t line = v->dim[v->rank - 1];
    v->lines = count / line;
    v->chunk = 1 + GRAIN / line;
    leati_parallel(c, (v->lines + v->chunk - 1) / v->chunk, copy_lines, v);
}

static view_copy view_of(const leati_step *s, const leat_shape *moved)
{
    view_copy v = {.rank = moved->rank, .size = leat_dtype_size(s->in[0].dtype)};
    for (int i = 0; i < moved->rank; i++) v.dim[i] = (size_t)moved->dim[i];
    v.from = s->in[0].data;
    v.to = s->out[0].data;
    strides_of(&s->in[0].shape, v.in);
    strides_of(&s->out[0].shape, v.out);
    return v;
}

/* ---- SLICE, REVERSE
 * ------------------------------------------------------------------------------ */

static leat_status slice(leat_context *c, const leati_step *s)
{
    const leati_slice_attrs *a = s->attrs;
    view_copy v = view_of(s, &s->out[0].shape);
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    for (int i = 0; i < v.rank; i++) {
        v.from += (ptrdiff_t)a->start[i] * v.in[i] * (ptrdiff_t)v.size;
        v.in[i] *= (ptrdiff_t)a->step[i];
    }
    copy_view(c, &v);
    return LEAT_OK;
}

const leati_kernel leati_cpu_slice = {.run = slice};

static leat_status reverse(leat_context *c, const leati_step *s)
{
    const leati_reverse_attrs *a = s->attrs;
    view_copy v = view_of(s, &s->out[0].shape);
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    for (int i = 0; i < v.rank; i++) {
        if (!(a->axes >> i & 1)) continue;
        v.from += ((ptrdiff_t)v.dim[i] - 1) * v.in[i] * (ptrdiff_t)v.size;
        v.in[i] = -v.in[i];
    }
    copy_view(c, &v);
    return LEAT_OK;
}

const leati_kernel leati_cpu_reverse = {.run = reverse};

/* ---- CONCAT
 * -------------------------------------------------------------------------------------- */

static leat_status concat(leat_context *c, const leati_step *s)
{
    const leati_axis_attrs *a = s->attrs;
    ptrdiff_t at = 0;
    for (size_t p = 0; p < s->ins; p++) {
        view_copy v = view_of(s, &s->in[p].shape);
        v.from = s->in[p].data;
        strides_of(&s->in[p].shape, v.in);
        v.to += at * v.out[a->axis] * (ptrdiff_t)v.size;
        at += (ptrdiff_t)s->in[p].shape.dim[a->axis];
        if (v.from != v.to) copy_view(c, &v); /* else it was made in place */
    }
    return LEAT_OK;
}

const leati_kernel leati_cpu_concat = {.run = concat};

/* ---- PAD
 * ----------------------------------------------------------------------------------------- */

static bool pad_takes(const leati_step *s)
{
    return ((const leati_pad_attrs *)s->attrs)->mode == LEATI_PAD_CONSTANT;
}

typedef struct filling {
    char *to;
    size_t size, count;
    char value[8];
} filling;

static void fill(void *arg, size_t task, unsigned worker)
{
    const filling *f = arg;
    (void)worker;
    size_t first = task * GRAIN, end = first + GRAIN < f->count ? first + GRAIN : f->count;
    leati_cpu_fill(f->to + first * f->size, f->value, f->size, end - first);
}

/* All of it the constant, then the input in its places. */
static leat_status pad(leat_context *c, const leati_step *s)
{
    const leati_pad_attrs *a = s->attrs;
    leat_dtype type = s->out[0].dtype;
    filling f = {.to = s->out[0].data, .size = leat_dtype_size(type)};
    f.count = leati_operand_count(&s->out[0]);
    if (leati_dtype_is_float(type))
        leati_cast_kernel(c, LEAT_DTYPE_F64, type)(1, &a->value, NULL, NULL, f.value);
    else leati_cast_kernel(c, LEAT_DTYPE_I64, type)(1, &a->value_int, NULL, NULL, f.value);
    leati_parallel(c, (f.count + GRAIN - 1) / GRAIN, fill, &f);
    if (!leati_operand_count(&s->in[0])) return LEAT_OK;
    view_copy v = view_of(s, &s->in[0].shape);
    for (int i = 0; i < v.rank; i++) {
        v.to += (ptrdiff_t)a->low[i] * v.out[i] * (ptrdiff_t)v.size;
        v.out[i] *= (ptrdiff_t)a->interior[i] + 1;
    }
    copy_view(c, &v);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pad = {.run = pad, .takes = pad_takes};

/* ---- RANDOM
 * --------------------------------------------------------------------------------------- */

typedef struct drawing {
    const leati_net_kernels *k;
    const leati_step *s;
} drawing;

static void draw(void *arg, size_t task, unsigned worker)
{
    const drawing *d = arg;
    const leati_step *s = d->s;
    (void)worker;
    size_t count = leati_operand_count(&s->out[0]), first = task * (GRAIN / 4);
    size_t n = count - first < GRAIN / 4 ? count - first : GRAIN / 4;
    leati_random_fill(d->k, s->attrs, s->in[0].data, s->out[0].dtype, first, n,
                      (char *)s->out[0].data + first * leat_dtype_size(s->out[0].dtype));
}

static leat_status random_numbers(leat_context *c, const leati_step *s)
{
    drawing d = {leati_net_kernels_of(c), s};
    leati_parallel(c, (leati_operand_count(&s->out[0]) + GRAIN / 4 - 1) / (GRAIN / 4), draw, &d);
    return LEAT_OK;
}

const leati_kernel leati_cpu_random = {.run = random_numbers};
