/* Owns: ASSIGN and TRANSPOSE on the CPU. */
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "kernel/net_kernels.h"

enum { BAND = 64 };

static leat_status assign(leat_context *c, const leati_step *s)
{
    (void)c;
    size_t bytes = leati_operand_count(&s->in[0]) * leat_dtype_size(s->in[0].dtype);
    if (bytes) memcpy(s->out[0].data, s->in[0].data, bytes);
    return LEAT_OK;
}

const leati_kernel leati_cpu_assign = {.run = assign};

/* ---- TRANSPOSE
 * -------------------------------------------------------------------------------------- */

/* Axes of size 1 left out, neighbours that stay neighbours joined: output axis i walks the input
 * with stride[i]. */
typedef struct walk {
    int rank;
    size_t dim[LEAT_MAX_RANK], stride[LEAT_MAX_RANK], out_stride[LEAT_MAX_RANK];
    const char *in;
    char *out;
    size_t size, outer, bands, chunk; /* bands of the last axis, pieces of a plane */
    const leati_net_kernels *k;       /* of four bytes that are turned; or NULL */
} walk;

static void plan_walk(walk *w, const leati_step *s)
{
    const leati_transpose_attrs *a = s->attrs;
    const leat_shape *in = &s->in[0].shape;
    size_t strides[LEAT_MAX_RANK], at = 1;
    for (int i = in->rank; i-- > 0;) {
        strides[i] = at;
        at *= (size_t)in->dim[i];
    }
    for (int i = 0; i < in->rank; i++) {
        size_t dim = (size_t)in->dim[a->perm[i]], stride = strides[a->perm[i]];
        if (dim == 1) continue;
        if (w->rank && w->stride[w->rank - 1] == stride * dim) {
            w->dim[w->rank - 1] *= dim;
            w->stride[w->rank - 1] = stride;
        } else {
            w->dim[w->rank] = dim;
            w->stride[w->rank++] = stride;
        }
    }
    if (!w->rank) {
        w->rank = 1;
        w->dim[0] = w->stride[0] = 1;
    }
    at = 1;
    for (int i = w->rank; i-- > 0;) {
        w->out_stride[i] = at;
        at *= w->dim[i];
    }
}

/* Blocks keep both sides' cache lines: output rows by `lines` of the axis that the input has
 * contiguous. */
#define COPY_BLOCK(T)                                                                              \
    for (size_t i = 0; i < rows; i++)                                                              \
        for (size_t j = 0; j < columns; j++)                                                       \
            ((T *)(void *)out)[i * row_out + j] =                                                  \
                ((const T *)(const void *)in)[i * row_in + j * column_in];

static void copy_block(size_t size, char *out, const char *in, size_t rows, size_t columns,
                       size_t row_out, size_t row_in, size_t column_in)
{
    if (column_in == 1) {
        for (size_t i = 0; i < rows; i++)
            memcpy(out + i * row_out * size, in + i * row_in * size, columns * size);
        return;
    }
    switch (size) {
    case 1: COPY_BLOCK(uint8_t) break;
    case 2: COPY_BLOCK(uint16_t) break;
    case 4: COPY_BLOCK(uint32_t) break;
    default: COPY_BLOCK(uint64_t) break;
    }
}

/* `columns` of a plane spanned by the last output axis and `row`, the axis the input has contiguous
 * (or the last but one). */
static void copy_plane(const walk *w, int row, size_t in, size_t out, size_t columns)
{
    enum { SIDE = 32 };
    int last = w->rank - 1;
    size_t rows = row < 0 ? 1 : w->dim[row];
    if (w->k) {
        w->k->transpose(columns, rows, (const float *)(const void *)w->in + in, w->stride[last],
                        (float *)(void *)w->out + out, w->out_stride[row]);
        return;
    }
    size_t row_in = row < 0 ? 0 : w->stride[row], row_out = row < 0 ? 0 : w->out_stride[row];
    size_t side = w->stride[last] == 1 ? columns : SIDE;
    for (size_t i = 0; i < rows; i += SIDE)
        for (size_t j = 0; j < columns; j += side)
            copy_block(w->size, w->out + (out + i * row_out + j) * w->size,
                       w->in + (in + i * row_in + j * w->stride[last]) * w->size,
                       rows - i < SIDE ? rows - i : SIDE, columns - j < side ? columns - j : side,
                       row_out, row_in, w->stride[last]);
}

static int row_axis(const walk *w)
{
    for (int i = 0; i < w->rank - 1; i++)
        if (w->stride[i] == 1) return i;
    return w->rank - 2;
}

static void copy_planes(void *arg, size_t task, unsigned worker)
{
    const walk *w = arg;
    (void)worker;
    int row = row_axis(w), last = w->rank - 1;
    size_t all = w->outer * w->bands, columns = w->dim[last];
    size_t end = (task + 1) * w->chunk < all ? (task + 1) * w->chunk : all;
    for (size_t k = task * w->chunk; k < end; k++) {
        size_t rest = k / w->bands, first = k % w->bands * BAND;
        size_t in = first * w->stride[last], out = first;
        for (int i = last; i-- > 0;) {
            if (i == row) continue;
            size_t at = rest % w->dim[i];
            rest /= w->dim[i];
            in += at * w->stride[i];
            out += at * w->out_stride[i];
        }
        copy_plane(w, row, in, out,
                   w->bands > 1 && columns - first > BAND ? BAND : columns - first);
    }
}

static leat_status transpose(leat_context *c, const leati_step *s)
{
    size_t count = leati_operand_count(&s->out[0]);
    if (!count) return LEAT_OK;
    walk w = {.in = s->in[0].data, .out = s->out[0].data};
    w.size = leat_dtype_size(s->in[0].dtype);
    plan_walk(&w, s);
    int row = row_axis(&w);
    size_t plane = w.dim[w.rank - 1] * (row < 0 ? 1 : w.dim[row]);
    bool turned = row >= 0 && w.stride[row] == 1;
    w.outer = count / plane;
    w.bands = turned ? (w.dim[w.rank - 1] + BAND - 1) / BAND : 1;
    w.chunk = 1 + 16384 / ((plane + w.bands - 1) / w.bands);
    if (turned && w.size == sizeof(float)) w.k = leati_net_kernels_of(c);
    leati_parallel(c, (w.outer * w.bands + w.chunk - 1) / w.chunk, copy_planes, &w);
    return LEAT_OK;
}

const leati_kernel leati_cpu_transpose = {.run = transpose};
