/* Owns: GATHER_ELEMENTS, SCATTER_ELEMENTS, GATHER_ND and SCATTER_ND on the CPU: every type for
 * moving, f32, f64, i32 and i64 for adding. What goes to one place keeps the order of the index, so
 * scattering is shared out where places cannot meet: by what lies before the axis, by batches. */
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/index.h"
#include "kernel/eltwise.h"

enum { GRAIN = 8 << 10 };

typedef struct job {
    const leati_step *s;
    size_t chunk; /* items of a task */
    size_t items, per_item;
    /* by element */
    int axis;
    int64_t strides[LEAT_MAX_RANK]; /* of what the index points into */
    /* by coordinates */
    size_t depth, block, rest, batch;
    leati_elt_fn add; /* of blocks that are worth a call; or NULL */
} job;

static void shared(leat_context *c, job *j, leati_task_fn fn)
{
    j->chunk = 1 + GRAIN / (j->per_item ? j->per_item : 1);
    leati_parallel(c, (j->items + j->chunk - 1) / j->chunk, fn, j);
}

static void range_of(const job *j, size_t task, size_t *from, size_t *to)
{
    *from = task * j->chunk;
    *to = *from + j->chunk < j->items ? *from + j->chunk : j->items;
}

static inline void move(void *to, const void *from, size_t size)
{
    if (size == 4) memcpy(to, from, 4);
    else if (size == 8) memcpy(to, from, 8);
    else if (size == 1) memcpy(to, from, 1);
    else memcpy(to, from, size);
}

static inline void add_one(leat_dtype type, void *to, const void *from)
{
    switch (type) {
    case LEAT_DTYPE_F32: *(float *)to += *(const float *)from; break;
    case LEAT_DTYPE_F64: *(double *)to += *(const double *)from; break;
    case LEAT_DTYPE_I32: *(uint32_t *)to += *(const uint32_t *)from; break;
    default: *(uint64_t *)to += *(const uint64_t *)from; break;
    }
}

static bool scatter_takes(const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    leat_dtype t = s->in[0].dtype;
    bool adds =
        t == LEAT_DTYPE_F32 || t == LEAT_DTYPE_F64 || t == LEAT_DTYPE_I32 || t == LEAT_DTYPE_I64;
    return a->mode == LEATI_SCATTER_SET || (a->mode == LEATI_SCATTER_ADD_TO && adds);
}

static void copy_whole(const leati_operand *to, const leati_operand *from)
{
    size_t bytes = leati_operand_count(from) * leat_dtype_size(from->dtype);
    if (bytes && to->data != from->data) memcpy(to->data, from->data, bytes);
}

/* ---- by element --------------------------------------------------------------------------------
 */

/* Goes through the elements of the index, with the place that the coordinates beside the axis have
 * in what it points into. */
typedef struct walk {
    int64_t at[LEAT_MAX_RANK];
    int64_t place;
} walk;

static walk walk_from(const job *j, size_t k)
{
    const leat_shape *s = &j->s->in[1].shape;
    walk w = {{0}, 0};
    for (int d = s->rank; d-- > 0; k /= (size_t)s->dim[d]) {
        w.at[d] = (int64_t)(k % (size_t)s->dim[d]);
        if (d != j->axis) w.place += w.at[d] * j->strides[d];
    }
    return w;
}

static inline void walk_on(const job *j, walk *w)
{
    const leat_shape *s = &j->s->in[1].shape;
    for (int d = s->rank; d-- > 0;) {
        int64_t stride = d == j->axis ? 0 : j->strides[d];
        w->place += stride;
        if (++w->at[d] < s->dim[d]) return;
        w->place -= stride * s->dim[d];
        w->at[d] = 0;
    }
}

static inline size_t place_of(const job *j, const walk *w, const leati_operand *index, size_t k)
{
    const leat_shape *x = &j->s->in[0].shape;
    size_t i = leati_index_at(index, k, (size_t)x->dim[j->axis]);
    return (size_t)(w->place + (int64_t)i * j->strides[j->axis]);
}

static job elements_job(const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    job j = {.s = s, .axis = a->axis};
    int64_t stride = 1;
    for (int d = s->in[0].shape.rank; d-- > 0; stride *= s->in[0].shape.dim[d])
        j.strides[d] = stride;
    return j;
}

static void gather_elements_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    const leati_operand *x = &j->s->in[0], *index = &j->s->in[1];
    size_t size = leat_dtype_size(x->dtype), from, to;
    char *y = j->s->out[0].data;
    (void)worker;
    range_of(j, task, &from, &to);
    walk w = walk_from(j, from);
    for (size_t k = from; k < to; k++, walk_on(j, &w))
        move(y + k * size, (const char *)x->data + place_of(j, &w, index, k) * size, size);
}

static leat_status gather_elements(leat_context *c, const leati_step *s)
{
    job j = elements_job(s);
    LEATI_TRY(leati_index_check(c, &s->in[1], j.axis, s->in[0].shape.dim[j.axis]));
    j.items = leati_operand_count(&s->in[1]);
    j.per_item = 1;
    shared(c, &j, gather_elements_task);
    return LEAT_OK;
}

const leati_kernel leati_cpu_gather_elements = {.run = gather_elements};

/* Items are what lies before the axis: their places are apart. */
static void scatter_elements_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    const leati_index_attrs *a = j->s->attrs;
    const leati_operand *x = &j->s->in[0], *index = &j->s->in[1], *u = &j->s->in[2];
    size_t size = leat_dtype_size(x->dtype), from, to;
    char *y = j->s->out[0].data;
    const char *update = u->data;
    (void)worker;
    range_of(j, task, &from, &to);
    walk w = walk_from(j, from * j->per_item);
    for (size_t k = from * j->per_item; k < to * j->per_item; k++, walk_on(j, &w)) {
        char *place = y + place_of(j, &w, index, k) * size;
        if (a->mode == LEATI_SCATTER_SET) move(place, update + k * size, size);
        else add_one(x->dtype, place, update + k * size);
    }
}

static leat_status scatter_elements(leat_context *c, const leati_step *s)
{
    job j = elements_job(s);
    size_t count = leati_operand_count(&s->in[1]);
    LEATI_TRY(leati_index_check(c, &s->in[1], j.axis, s->in[0].shape.dim[j.axis]));
    copy_whole(&s->out[0], &s->in[0]);
    if (!count) return LEAT_OK;
    j.items = leati_rows_of(&s->in[1].shape, j.axis).outer;
    j.per_item = count / j.items;
    shared(c, &j, scatter_elements_task);
    return LEAT_OK;
}

const leati_kernel leati_cpu_scatter_elements = {
    .run = scatter_elements, .takes = scatter_takes, .in_place = 1};

/* ---- by coordinates ----------------------------------------------------------------------------
 */

/* x (batches, rest) in blocks; index (batches, per_item, depth). */
static leat_status coordinates_job(leat_context *c, const leati_step *s, job *j)
{
    const leati_index_attrs *a = s->attrs;
    const leat_shape *x = &s->in[0].shape, *index = &s->in[1].shape;
    *j = (job){.s = s, .items = 1, .per_item = 1, .block = 1, .rest = 1};
    j->batch = (size_t)a->batch;
    j->depth = (size_t)index->dim[index->rank - 1];
    for (int i = 0; i < a->batch; i++) j->items *= (size_t)x->dim[i];
    for (int i = a->batch; i < index->rank - 1; i++) j->per_item *= (size_t)index->dim[i];
    for (int i = a->batch; i < x->rank; i++) j->rest *= (size_t)x->dim[i];
    for (int i = a->batch + (int)j->depth; i < x->rank; i++) j->block *= (size_t)x->dim[i];
    size_t count = leati_operand_count(&s->in[1]);
    for (size_t k = 0; k < count; k++) {
        int axis = a->batch + (int)(k % j->depth);
        int64_t i = leati_index_get(&s->in[1], k), size = x->dim[axis];
        if (i < -size || i >= size) return leati_index_outside(c, &s->in[1], k, axis, size);
    }
    return LEAT_OK;
}

/* The first element of the block that coordinate k of all names. */
static size_t block_of(const job *j, size_t k)
{
    const leati_operand *index = &j->s->in[1];
    const int64_t *dim = j->s->in[0].shape.dim + j->batch;
    size_t at = 0;
    for (size_t i = 0; i < j->depth; i++)
        at = at * (size_t)dim[i] + leati_index_at(index, k * j->depth + i, (size_t)dim[i]);
    return k / j->per_item * j->rest + at * j->block;
}

static void gather_nd_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t size = leat_dtype_size(j->s->in[0].dtype), bytes = j->block * size;
    size_t all = j->items * j->per_item, to = (task + 1) * j->chunk;
    const char *x = j->s->in[0].data;
    char *y = j->s->out[0].data;
    (void)worker;
    if (to > all) to = all;
    for (size_t k = task * j->chunk; k < to; k++)
        move(y + k * bytes, x + block_of(j, k) * size, bytes);
}

static leat_status gather_nd(leat_context *c, const leati_step *s)
{
    job j;
    LEATI_TRY(coordinates_job(c, s, &j));
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    j.chunk = 1 + GRAIN / j.block;
    leati_parallel(c, (j.items * j.per_item + j.chunk - 1) / j.chunk, gather_nd_task, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_gather_nd = {.run = gather_nd};

static void scatter_nd_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    const leati_index_attrs *a = j->s->attrs;
    leat_dtype type = j->s->in[0].dtype;
    size_t size = leat_dtype_size(type), bytes = j->block * size, from, to;
    const char *update = j->s->in[2].data;
    char *y = j->s->out[0].data;
    (void)worker;
    range_of(j, task, &from, &to);
    for (size_t k = from * j->per_item; k < to * j->per_item; k++) {
        char *place = y + block_of(j, k) * size;
        if (a->mode == LEATI_SCATTER_SET) move(place, update + k * bytes, bytes);
        else if (j->add) j->add(j->block, place, update + k * bytes, NULL, place);
        else
            for (size_t i = 0; i < bytes; i += size)
                add_one(type, place + i, update + k * bytes + i);
    }
}

static leat_status scatter_nd(leat_context *c, const leati_step *s)
{
    job j;
    LEATI_TRY(coordinates_job(c, s, &j));
    copy_whole(&s->out[0], &s->in[0]);
    if (!leati_operand_count(&s->in[2])) return LEAT_OK;
    if (j.block >= 8) j.add = leati_elt_kernel(c, LEATI_ELT_ADD, s->in[0].dtype);
    j.chunk = 1 + GRAIN / (j.per_item * j.block);
    leati_parallel(c, (j.items + j.chunk - 1) / j.chunk, scatter_nd_task, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_scatter_nd = {
    .run = scatter_nd, .takes = scatter_takes, .in_place = 1};
