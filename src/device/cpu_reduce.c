/* Owns: REDUCE_SUM, MAX, MIN on the CPU, f32 and f64; the others are cpu_reduce_any.c's. Axes are
 * joined to (outer, reduced, inner) where that is possible; a sum is cut into parts of fixed size,
 * added in order, in f64. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_reduce.h"
#include "kernel/eltwise.h"
#include "kernel/vec.h"
#include "tensor/shape.h"

enum { PART = 4096, COLUMNS = 2048, MOST_PARTS = 32, WIDE = 512, FOLD = 256 };

bool leati_reduce_form_of(const leati_step *s, leati_reduce_form *f)
{
    const leati_reduce_attrs *a = s->attrs;
    const leat_shape *x = &s->in[0].shape;
    *f = (leati_reduce_form){1, 1, 1};
    int stage = 0;
    for (int i = 0; i < x->rank; i++) {
        size_t dim = (size_t)x->dim[i];
        bool reduced = a->axes >> i & 1;
        if (dim == 1) continue;
        if (stage == 0 && reduced) stage = 1;
        if (stage == 1 && !reduced) stage = 2;
        if (stage == 2 && reduced) return false;
        if (stage == 0) f->outer *= dim;
        if (stage == 1) f->reduced *= dim;
        if (stage == 2) f->inner *= dim;
    }
    return true;
}

static bool is_single(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32 || s->in[0].dtype == LEAT_DTYPE_F64;
}

static bool takes(const leati_step *s)
{
    leati_reduce_form f;
    if (!is_single(s)) return leati_reduce_any_takes(s);
    return leati_reduce_form_of(s, &f) && f.reduced;
}

typedef struct job {
    const leati_step *s;
    const leati_vec *vec;
    leati_reduce_form f;
    size_t parts, rows; /* parts of the reduced axis; rows of a part */
    double *partial;    /* (outer, parts, inner) when there are several parts */
    leati_elt_fn join;  /* of extremes: the larger or smaller of two; NaN wins */
    size_t chunk;
} job;

static size_t part_count(const leati_reduce_form *f)
{
    size_t inner = f->inner < 1 ? 1 : f->inner < 4096 ? f->inner : 4096;
    size_t rows = inner == 1 ? PART * 4 : 1 + PART * 4 / inner;
    /* sums of columns are in f64: their parts may be long, and the fewer the better */
    if (inner > 1 && rows < f->reduced / MOST_PARTS) rows = f->reduced / MOST_PARTS;
    return (f->reduced + rows - 1) / rows;
}

static void cut(job *j)
{
    j->parts = part_count(&j->f);
    j->rows = (j->f.reduced + j->parts - 1) / j->parts;
    j->parts = (j->f.reduced + j->rows - 1) / j->rows;
    j->chunk = 1 + 16384 / (j->rows * j->f.inner);
}

static size_t part_scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    leati_reduce_form f;
    if (!is_single(s)) return 0;
    leati_reduce_form_of(s, &f);
    size_t parts = part_count(&f);
    return parts > 1 ? f.outer * parts * f.inner * sizeof(double) : 0;
}

static double sum_run(const job *j, size_t at, size_t n)
{
    return j->s->in[0].dtype == LEAT_DTYPE_F32
               ? j->vec->sum_f32(n, (const float *)j->s->in[0].data + at)
               : j->vec->sum_f64(n, (const double *)j->s->in[0].data + at);
}

static void store(const job *j, size_t at, double x)
{
    if (j->s->out[0].dtype == LEAT_DTYPE_F32) ((float *)j->s->out[0].data)[at] = (float)x;
    else ((double *)j->s->out[0].data)[at] = x;
}

/* sum[0..n) = the rows first .. end-1, columns from column on, of one outer block. Narrow rows are
 * read several at once; of wide ones, which come from memory, one, and the next is on its way. */
static void sum_columns(const job *j, size_t outer, size_t first, size_t end, size_t column,
                        size_t n, double *sum)
{
    size_t size = leat_dtype_size(j->s->in[0].dtype), step = j->f.inner * size;
    const char *row = j->s->in[0].data;
    bool single = j->s->in[0].dtype == LEAT_DTYPE_F32;
    row += ((outer * j->f.reduced + first) * j->f.inner + column) * size;
    memset(sum, 0, n * sizeof *sum);
    if (single && n < WIDE) {
        j->vec->sum_rows(end - first, n, (const float *)(const void *)row, j->f.inner, sum);
        return;
    }
    for (size_t r = first; r < end; r++, row += step) {
        for (size_t byte = 0; r + 1 < end && byte < n * size; byte += 64)
            __builtin_prefetch(row + step + byte);
        if (single) j->vec->axpy_mixed(n, 1, (const float *)(const void *)row, sum);
        else j->vec->axpy_f64(n, 1, (const double *)(const void *)row, sum);
    }
}

static void sum_part(const job *j, size_t outer, size_t part)
{
    size_t first = part * j->rows, end = first + j->rows;
    if (end > j->f.reduced) end = j->f.reduced;
    if (j->f.inner == 1) {
        double sum = sum_run(j, outer * j->f.reduced + first, end - first);
        if (j->parts > 1) j->partial[outer * j->parts + part] = sum;
        else store(j, outer, sum);
        return;
    }
    for (size_t column = 0; column < j->f.inner; column += COLUMNS) {
        double sum[COLUMNS];
        size_t n = j->f.inner - column < COLUMNS ? j->f.inner - column : COLUMNS;
        sum_columns(j, outer, first, end, column, n, sum);
        for (size_t i = 0; i < n; i++) {
            if (j->parts > 1)
                j->partial[(outer * j->parts + part) * j->f.inner + column + i] = sum[i];
            else store(j, outer * j->f.inner + column + i, sum[i]);
        }
    }
}

/* The parts of an outer block in their order. */
static void add_parts(const job *j, size_t outer)
{
    for (size_t column = 0; column < j->f.inner; column += COLUMNS) {
        double sum[COLUMNS];
        size_t n = j->f.inner - column < COLUMNS ? j->f.inner - column : COLUMNS;
        memset(sum, 0, n * sizeof *sum);
        for (size_t p = 0; p < j->parts; p++)
            j->vec->axpy_f64(n, 1, j->partial + (outer * j->parts + p) * j->f.inner + column, sum);
        for (size_t i = 0; i < n; i++) store(j, outer * j->f.inner + column + i, sum[i]);
    }
}

static void sum_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    (void)worker;
    size_t all = j->f.outer * j->parts,
           end = (task + 1) * j->chunk < all ? (task + 1) * j->chunk : all;
    for (size_t k = task * j->chunk; k < end; k++) sum_part(j, k / j->parts, k % j->parts);
}

static leat_status run_sum(leat_context *c, const leati_step *s)
{
    if (!is_single(s)) return leati_reduce_any(c, s);
    job j = {.s = s, .vec = leati_vec_of(c), .partial = s->scratch};
    leati_reduce_form_of(s, &j.f);
    if (j.f.outer == 0 || j.f.inner == 0) return LEAT_OK;
    cut(&j);
    leati_parallel(c, (j.f.outer * j.parts + j.chunk - 1) / j.chunk, sum_task, &j);
    for (size_t o = 0; o < j.f.outer && j.parts > 1; o++) add_parts(&j, o);
    return LEAT_OK;
}

/* ---- extremes ------------------------------------------------------------------------------- */

/* y[0..n) = the larger or smaller of y and each of the rows, which are `step` bytes apart. */
static void join_rows(const job *j, size_t n, const char *row, size_t rows, size_t step, void *y)
{
    for (size_t r = 0; r < rows; r++) j->join(n, y, row + r * step, NULL, y);
}

/* Of n > 0 neighbours: FOLD lanes, which are then halved. */
static void extreme_of_run(const job *j, size_t n, const void *x, void *y)
{
    size_t size = leat_dtype_size(j->s->in[0].dtype), whole = n / FOLD, left = n % FOLD;
    double lanes[FOLD];
    memcpy(lanes, x, (whole ? FOLD : n) * size);
    if (whole) {
        const char *rest = (const char *)x + FOLD * size;
        join_rows(j, FOLD, rest, whole - 1, FOLD * size, lanes);
        join_rows(j, left, rest + (whole - 1) * FOLD * size, 1, 0, lanes);
    }
    for (size_t m = whole ? FOLD : n; m > 1; m = (m + 1) / 2)
        join_rows(j, m / 2, (char *)lanes + (m + 1) / 2 * size, 1, 0, lanes);
    memcpy(y, lanes, size);
}

static void extreme_part(const job *j, size_t outer, size_t part)
{
    size_t size = leat_dtype_size(j->s->in[0].dtype), inner = j->f.inner;
    size_t first = part * j->rows, rows = j->f.reduced - first;
    const char *x = (const char *)j->s->in[0].data + (outer * j->f.reduced + first) * inner * size;
    char *y = j->parts > 1 ? (char *)j->partial : (char *)j->s->out[0].data;
    y += (outer * j->parts + part) * inner * size;
    if (rows > j->rows) rows = j->rows;
    if (inner == 1) {
        extreme_of_run(j, rows, x, y);
        return;
    }
    memcpy(y, x, inner * size);
    join_rows(j, inner, x + inner * size, rows - 1, inner * size, y);
}

static void join_parts(const job *j, size_t outer)
{
    size_t bytes = j->f.inner * leat_dtype_size(j->s->in[0].dtype);
    const char *x = (const char *)j->partial + outer * j->parts * bytes;
    char *y = (char *)j->s->out[0].data + outer * bytes;
    memcpy(y, x, bytes);
    join_rows(j, j->f.inner, x + bytes, j->parts - 1, bytes, y);
}

static void extreme_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    (void)worker;
    size_t all = j->f.outer * j->parts,
           end = (task + 1) * j->chunk < all ? (task + 1) * j->chunk : all;
    for (size_t k = task * j->chunk; k < end; k++) extreme_part(j, k / j->parts, k % j->parts);
}

static leat_status run_extreme(leat_context *c, const leati_step *s)
{
    if (!is_single(s)) return leati_reduce_any(c, s);
    leati_elt op = s->op == LEATI_OP_REDUCE_MAX ? LEATI_ELT_MAX : LEATI_ELT_MIN;
    job j = {.s = s, .join = leati_elt_kernel(c, op, s->in[0].dtype), .partial = s->scratch};
    leati_reduce_form_of(s, &j.f);
    if (j.f.outer == 0 || j.f.inner == 0) return LEAT_OK;
    cut(&j);
    leati_parallel(c, (j.f.outer * j.parts + j.chunk - 1) / j.chunk, extreme_task, &j);
    for (size_t o = 0; o < j.f.outer && j.parts > 1; o++) join_parts(&j, o);
    return LEAT_OK;
}

const leati_kernel leati_cpu_reduce_sum = {.run = run_sum, .scratch = part_scratch, .takes = takes};
const leati_kernel leati_cpu_reduce_max = {
    .run = run_extreme, .scratch = part_scratch, .takes = takes};
const leati_kernel leati_cpu_reduce_min = {
    .run = run_extreme, .scratch = part_scratch, .takes = takes};
