/* Owns: the reference of GATHER, SCATTER_ADD and their relatives by element and by coordinates, and
 * the check of indices for all devices of this machine. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "device/index.h"
#include "device/reference_kernels.h"
#include "tensor/shape.h"

leat_status leati_index_outside(leat_context *c, const leati_operand *index, size_t at, int axis,
                                int64_t size)
{
    int64_t where[LEAT_MAX_RANK];
    leat_shape place = {.rank = index->shape.rank};
    leati_index_of(&index->shape, at, where);
    for (int i = 0; i < place.rank; i++) place.dim[i] = where[i];
    return LEATI_FAIL(c, LEAT_INVALID,
                      "index %lld at place %s is out of range for axis %d of %lld elements",
                      (long long)leati_index_get(index, at), leati_shape_string(&place).text, axis,
                      (long long)size);
}

leat_status leati_index_check(leat_context *c, const leati_operand *index, int axis, int64_t size)
{
    size_t count = leati_operand_count(index);
    for (size_t k = 0; k < count; k++) {
        int64_t i = leati_index_get(index, k);
        if (i < -size || i >= size) return leati_index_outside(c, index, k, axis, size);
    }
    return LEAT_OK;
}

/* y = x (SET), y + x, ... by the mode. */
static void join(const leati_operand *y, size_t to, const leati_operand *x, size_t from,
                 leati_scatter_mode mode)
{
    leati_element a = leati_element_get(y, to), b = leati_element_get(x, from);
    bool floats = leati_is_float_operand(x), is_u64 = x->dtype == LEAT_DTYPE_U64;
    bool more = floats   ? b.f > a.f || isnan(b.f)
                : is_u64 ? (uint64_t)b.i > (uint64_t)a.i
                         : b.i > a.i;
    bool less = floats   ? b.f < a.f || isnan(b.f)
                : is_u64 ? (uint64_t)b.i < (uint64_t)a.i
                         : b.i < a.i;
    switch (mode) {
    case LEATI_SCATTER_SET: break;
    case LEATI_SCATTER_ADD_TO:
        b = (leati_element){a.f + b.f, (int64_t)((uint64_t)a.i + (uint64_t)b.i)};
        break;
    case LEATI_SCATTER_MUL:
        b = (leati_element){a.f * b.f, (int64_t)((uint64_t)a.i * (uint64_t)b.i)};
        break;
    case LEATI_SCATTER_MAX: b = more ? b : a; break;
    case LEATI_SCATTER_MIN: b = less ? b : a; break;
    }
    leati_element_set(y, to, b);
}

/* ---- along an axis
 * -------------------------------------------------------------------------------- */

/* Shapes of GATHER: x (outer, size, inner), index (count), y (outer, count, inner). */
static leat_status gather(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *index = &s->in[1], *y = &s->out[0];
    leati_rows r = leati_rows_of(&x->shape, a->axis);
    size_t count = leati_operand_count(index), bytes = r.inner * leat_dtype_size(x->dtype);
    LEATI_TRY(leati_index_check(c, index, a->axis, (int64_t)r.size));
    for (size_t o = 0; o < r.outer; o++)
        for (size_t k = 0; k < count && bytes; k++) {
            size_t i = leati_index_at(index, k, r.size);
            memcpy((char *)y->data + (o * count + k) * bytes,
                   (const char *)x->data + (o * r.size + i) * bytes, bytes);
        }
    return LEAT_OK;
}

const leati_kernel leati_reference_gather = {.run = gather};

/* Each element of y adds its updates in f64, in the order of the index. */
static leat_status scatter_add(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    const leati_operand *index = &s->in[0], *u = &s->in[1], *y = &s->out[0];
    leati_rows r = leati_rows_of(&y->shape, a->axis);
    size_t count = leati_operand_count(index);
    LEATI_TRY(leati_index_check(c, index, a->axis, (int64_t)r.size));
    for (size_t o = 0; o < r.outer; o++)
        for (size_t j = 0; j < r.size; j++)
            for (size_t i = 0; i < r.inner; i++) {
                leati_element sum = {0, 0};
                for (size_t k = 0; k < count; k++) {
                    if (leati_index_at(index, k, r.size) != j) continue;
                    leati_element e = leati_element_get(u, (o * count + k) * r.inner + i);
                    sum.f += e.f;
                    sum.i = (int64_t)((uint64_t)sum.i + (uint64_t)e.i);
                }
                leati_element_set(y, (o * r.size + j) * r.inner + i, sum);
            }
    return LEAT_OK;
}

const leati_kernel leati_reference_scatter_add = {.run = scatter_add};

/* ---- by element
 * ----------------------------------------------------------------------------------- */

/* Where in a tensor of shape x element k of the index points. */
static size_t element_place(const leat_shape *x, const leati_operand *index, int axis, size_t k)
{
    int64_t at[LEAT_MAX_RANK];
    leati_index_of(&index->shape, k, at);
    at[axis] = (int64_t)leati_index_at(index, k, (size_t)x->dim[axis]);
    return leati_offset_of(x, at);
}

static void copy_whole(const leati_operand *to, const leati_operand *from)
{
    size_t bytes = leati_operand_count(from) * leat_dtype_size(from->dtype);
    if (bytes && to->data != from->data) memcpy(to->data, from->data, bytes);
}

static leat_status gather_elements(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *index = &s->in[1], *y = &s->out[0];
    size_t count = leati_operand_count(index), size = leat_dtype_size(x->dtype);
    LEATI_TRY(leati_index_check(c, index, a->axis, x->shape.dim[a->axis]));
    for (size_t k = 0; k < count; k++)
        memcpy((char *)y->data + k * size,
               (const char *)x->data + element_place(&x->shape, index, a->axis, k) * size, size);
    return LEAT_OK;
}

const leati_kernel leati_reference_gather_elements = {.run = gather_elements};

static leat_status scatter_elements(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *index = &s->in[1], *y = &s->out[0];
    size_t count = leati_operand_count(index);
    LEATI_TRY(leati_index_check(c, index, a->axis, x->shape.dim[a->axis]));
    copy_whole(y, x);
    for (size_t k = 0; k < count; k++)
        join(y, element_place(&x->shape, index, a->axis, k), &s->in[2], k,
             (leati_scatter_mode)a->mode);
    return LEAT_OK;
}

const leati_kernel leati_reference_scatter_elements = {.run = scatter_elements, .in_place = 1};

/* ---- by coordinates
 * ------------------------------------------------------------------------------- */

/* x (batch, dims..., rest), index (batch, count, depth): what lies below each coordinate. */
typedef struct coordinates {
    size_t batches, per_batch, depth, block; /* elements of x below a batch; of a block */
    size_t rest;                             /* elements of x per batch */
} coordinates;

static coordinates coordinates_of(const leat_shape *x, const leat_shape *index, int batch)
{
    coordinates d = {1, 1, (size_t)index->dim[index->rank - 1], 1, 1};
    for (int i = 0; i < batch; i++) d.batches *= (size_t)x->dim[i];
    for (int i = batch; i < index->rank - 1; i++) d.per_batch *= (size_t)index->dim[i];
    for (int i = batch; i < x->rank; i++) d.rest *= (size_t)x->dim[i];
    for (int i = batch + (int)d.depth; i < x->rank; i++) d.block *= (size_t)x->dim[i];
    return d;
}

static leat_status check_coordinates(leat_context *c, const leat_shape *x,
                                     const leati_operand *index, int batch)
{
    size_t count = leati_operand_count(index),
           depth = (size_t)index->shape.dim[index->shape.rank - 1];
    for (size_t k = 0; k < count; k++) {
        int axis = batch + (int)(k % depth);
        int64_t i = leati_index_get(index, k), size = x->dim[axis];
        if (i < -size || i >= size) return leati_index_outside(c, index, k, axis, size);
    }
    return LEAT_OK;
}

/* The first element of the block that coordinate `k` of the batch names. */
static size_t block_place(const coordinates *d, const leat_shape *x, const leati_operand *index,
                          int batch, size_t b, size_t k)
{
    size_t at = 0;
    for (size_t i = 0; i < d->depth; i++) {
        size_t size = (size_t)x->dim[batch + (int)i];
        at = at * size + leati_index_at(index, (b * d->per_batch + k) * d->depth + i, size);
    }
    return b * d->rest + at * d->block;
}

static leat_status gather_nd(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *index = &s->in[1];
    coordinates d = coordinates_of(&x->shape, &index->shape, a->batch);
    size_t bytes = d.block * leat_dtype_size(x->dtype);
    LEATI_TRY(check_coordinates(c, &x->shape, index, a->batch));
    for (size_t b = 0; b < d.batches; b++)
        for (size_t k = 0; k < d.per_batch && bytes; k++)
            memcpy((char *)s->out[0].data + (b * d.per_batch + k) * bytes,
                   (const char *)x->data + block_place(&d, &x->shape, index, a->batch, b, k) *
                                               leat_dtype_size(x->dtype),
                   bytes);
    return LEAT_OK;
}

const leati_kernel leati_reference_gather_nd = {.run = gather_nd};

static leat_status scatter_nd(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    const leati_operand *x = &s->in[0], *index = &s->in[1];
    coordinates d = coordinates_of(&x->shape, &index->shape, a->batch);
    LEATI_TRY(check_coordinates(c, &x->shape, index, a->batch));
    copy_whole(&s->out[0], x);
    for (size_t b = 0; b < d.batches; b++)
        for (size_t k = 0; k < d.per_batch; k++) {
            size_t to = block_place(&d, &x->shape, index, a->batch, b, k);
            for (size_t i = 0; i < d.block; i++)
                join(&s->out[0], to + i, &s->in[2], (b * d.per_batch + k) * d.block + i,
                     (leati_scatter_mode)a->mode);
        }
    return LEAT_OK;
}

const leati_kernel leati_reference_scatter_nd = {.run = scatter_nd, .in_place = 1};
