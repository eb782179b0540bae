/* Owns: GATHER, SCATTER_ADD, ARGMAX and ARGMIN on the CPU. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/index.h"
#include "kernel/eltwise.h"
#include "kernel/net_kernels.h"
#include "kernel/vec.h"
#include "tensor/shape.h"

enum { GRAIN = 16 << 10, PAST = 16 << 20 }; /* bytes that are in no cache when they are read */

/* Rows of `inner` elements; tasks of whole rows or columns. */
typedef struct job {
    const leati_step *s;
    const leati_vec *vec;
    const leati_net_kernels *net; /* of rows that go past the caches; or NULL */
    leati_elt_fn join;            /* of one line of f32 at a time; or NULL */
    leati_rows r;
    size_t count, chunk; /* indices; items of a task */
} job;

static size_t tasks_of(size_t items, size_t work_per_item, size_t *chunk)
{
    *chunk = 1 + GRAIN / (work_per_item ? work_per_item : 1);
    return (items + *chunk - 1) / *chunk;
}

/* ---- GATHER
 * --------------------------------------------------------------------------------------- */

/* Elements k .. end - 1 of single numbers by an index of i64, the usual case. */
static void gather_singles(const job *j, size_t k, size_t end)
{
    const uint32_t *x = j->s->in[0].data;
    const int64_t *index = j->s->in[1].data;
    uint32_t *to = j->s->out[0].data;
    while (k < end) {
        const uint32_t *block = x + k / j->count * j->r.size;
        size_t i = k % j->count, n = j->count - i < end - k ? j->count - i : end - k;
        for (size_t q = 0; q < n; q++) {
            int64_t at = index[i + q];
            to[k + q] = block[at < 0 ? at + (int64_t)j->r.size : at];
        }
        k += n;
    }
}

static void gather_rows(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    (void)worker;
    const leati_operand *x = &j->s->in[0], *index = &j->s->in[1];
    size_t size = leat_dtype_size(x->dtype), bytes = j->r.inner * size;
    size_t all = j->r.outer * j->count, end = (task + 1) * j->chunk;
    if (end > all) end = all;
    if (bytes == 4 && index->dtype == LEAT_DTYPE_I64) {
        gather_singles(j, task * j->chunk, end);
        return;
    }
    size_t k = task * j->chunk, block = k / j->count * j->r.size, i = k % j->count;
    for (; k < end; k++) {
        size_t from = block + leati_index_at(index, i, j->r.size);
        if (++i == j->count) i = 0, block += j->r.size;
        char *to = (char *)j->s->out[0].data + k * bytes;
        const char *row = (const char *)x->data + from * bytes;
        if (j->net) j->net->stream(bytes, row, to);
        else if (bytes == 8) memcpy(to, row, 8);
        else memcpy(to, row, bytes);
    }
}

static leat_status gather(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    job j = {.s = s, .r = leati_rows_of(&s->in[0].shape, a->axis)};
    j.count = leati_operand_count(&s->in[1]);
    LEATI_TRY(leati_index_check(c, &s->in[1], a->axis, (int64_t)j.r.size));
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    size_t row = j.r.inner * leat_dtype_size(s->in[0].dtype);
    if (row % 64 == 0 && j.r.outer * j.count > PAST / row) j.net = leati_net_kernels_of(c);
    leati_parallel(c, tasks_of(j.r.outer * j.count, j.r.inner, &j.chunk), gather_rows, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_gather = {.run = gather};

/* ---- SCATTER_ADD
 * ---------------------------------------------------------------------------------- */

static bool is_single(const leati_operand *x)
{
    return x->dtype == LEAT_DTYPE_F32 || x->dtype == LEAT_DTYPE_F64;
}

static bool scatter_takes(const leati_step *s)
{
    return is_single(&s->in[1]);
}

/* Columns of a task of one outer block, at least: every task walks the whole index, so that each
 * element adds its updates in the order of the index. Two tasks per thread: long pieces of rows
 * come faster from memory. */
enum { COLUMNS = 128, SHARES = 2 };
enum { AHEAD = 8192 }; /* bytes of updates that are on their way from memory */

static void scatter_columns(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    (void)worker;
    const leati_operand *index = &j->s->in[0], *u = &j->s->in[1];
    size_t parts = (j->r.inner + j->chunk - 1) / j->chunk, o = task / parts;
    size_t first = task % parts * j->chunk;
    size_t n = j->r.inner - first < j->chunk ? j->r.inner - first : j->chunk;
    size_t size = leat_dtype_size(u->dtype);
    char *y = (char *)j->s->out[0].data + (o * j->r.size * j->r.inner + first) * size;
    const char *x = (const char *)u->data + (o * j->count * j->r.inner + first) * size;
    size_t ahead = 1 + AHEAD / (n * size);
    for (size_t i = 0; i < j->r.size; i++) memset(y + i * j->r.inner * size, 0, n * size);
    for (size_t k = 0; k < j->count; k++) {
        const char *next = x + (k + ahead) * j->r.inner * size;
        for (size_t byte = 0; k + ahead < j->count && byte < n * size; byte += 64)
            __builtin_prefetch(next + byte);
        void *to = y + leati_index_at(index, k, j->r.size) * j->r.inner * size;
        const void *from = x + k * j->r.inner * size;
        if (size == 4) j->vec->axpy_f32(n, 1, from, to);
        else j->vec->axpy_f64(n, 1, from, to);
    }
}

static leat_status scatter_add(leat_context *c, const leati_step *s)
{
    const leati_index_attrs *a = s->attrs;
    job j = {.s = s, .vec = leati_vec_of(c), .r = leati_rows_of(&s->out[0].shape, a->axis)};
    j.count = leati_operand_count(&s->in[0]);
    LEATI_TRY(leati_index_check(c, &s->in[0], a->axis, (int64_t)j.r.size));
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    size_t each = j.r.inner / (SHARES * leat_context_threads(c));
    j.chunk = each > COLUMNS ? (each + 63) / 64 * 64 : COLUMNS;
    leati_parallel(c, j.r.outer * ((j.r.inner + j.chunk - 1) / j.chunk), scatter_columns, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_scatter_add = {.run = scatter_add, .takes = scatter_takes};

/* ---- ARGMAX, ARGMIN
 * ------------------------------------------------------------------------------- */

/* Neighbouring lines side by side: element i of line l is at i * step + l. */
enum { LINES = 32 };

/* NaN counts as the extreme: once found, only `last` moves on, to another one. */
#define ARG(name, T, A, LOAD, ODD)                                                                 \
    static void name(const void *data, size_t lines, size_t step, size_t n, bool largest,          \
                     bool last, int64_t *out)                                                      \
    {                                                                                              \
        const T *x = data;                                                                         \
        A best[LINES];                                                                             \
        for (size_t l = 0; l < lines; l++) best[l] = LOAD(x[l]);                                   \
        for (size_t l = 0; l < lines; l++) out[l] = 0;                                             \
        for (size_t i = 1; i < n; i++)                                                             \
            for (size_t l = 0; l < lines; l++) {                                                   \
                A e = LOAD(x[i * step + l]), b = best[l];                                          \
                bool better = !ODD(b) && (largest ? e > b : e < b);                                \
                better = better || (!ODD(b) && ODD(e));                                            \
                better = better || (last && (e == b || (ODD(e) && ODD(b))));                       \
                out[l] = better ? (int64_t)i : out[l];                                             \
                best[l] = better ? e : b;                                                          \
            }                                                                                      \
    }
#define PLAIN(x)   (x)
#define IS_NAN(x)  ((x) != (x))
#define IS_NONE(x) false
ARG(arg_f32, float, float, PLAIN, IS_NAN)
ARG(arg_f64, double, double, PLAIN, IS_NAN)
ARG(arg_bf16, uint16_t, float, leati_bf16_to_f32, IS_NAN)
ARG(arg_f16, uint16_t, float, leati_f16_to_f32, IS_NAN)
ARG(arg_i64, int64_t, int64_t, PLAIN, IS_NONE)
ARG(arg_i32, int32_t, int32_t, PLAIN, IS_NONE)
ARG(arg_i16, int16_t, int16_t, PLAIN, IS_NONE)
ARG(arg_i8, int8_t, int8_t, PLAIN, IS_NONE)
ARG(arg_u64, uint64_t, uint64_t, PLAIN, IS_NONE)
ARG(arg_u32, uint32_t, uint32_t, PLAIN, IS_NONE)
ARG(arg_u16, uint16_t, uint16_t, PLAIN, IS_NONE)
ARG(arg_u8, uint8_t, uint8_t, PLAIN, IS_NONE)

/* One line of neighbours, the first extreme: runs are passed over by their own extremes, and only
 * the run that holds it is looked through. */
enum { ARG_RUN = 256 };

static int64_t arg_of_run(const float *x, size_t n, leati_elt_fn join)
{
    float lanes[ARG_RUN / 4], best = x[0];
    size_t run = 0;
    for (size_t i = 0; i < n; i += ARG_RUN) {
        size_t left = n - i < ARG_RUN ? n - i : ARG_RUN,
               m = left < ARG_RUN / 4 ? left : ARG_RUN / 4;
        float y = best;
        memcpy(lanes, x + i, m * sizeof *lanes);
        for (size_t k = m; k < left; k += m)
            join(left - k < m ? left - k : m, lanes, x + i + k, NULL, lanes);
        for (; m > 1; m = (m + 1) / 2) join(m / 2, lanes, lanes + (m + 1) / 2, NULL, lanes);
        join(1, &best, lanes, NULL, &y);
        if (y == best) continue;
        best = y;
        run = i;
        if (y != y) break;
    }
    for (size_t i = run; i < n; i++)
        if (x[i] == best || x[i] != x[i]) return (int64_t)i;
    return 0;
}

typedef void (*arg_fn)(const void *data, size_t lines, size_t step, size_t n, bool largest,
                       bool last, int64_t *out);
static const arg_fn arg_functions[LEAT_DTYPES] = {
    [LEAT_DTYPE_F32] = arg_f32, [LEAT_DTYPE_F64] = arg_f64, [LEAT_DTYPE_BF16] = arg_bf16,
    [LEAT_DTYPE_F16] = arg_f16, [LEAT_DTYPE_I64] = arg_i64, [LEAT_DTYPE_I32] = arg_i32,
    [LEAT_DTYPE_I16] = arg_i16, [LEAT_DTYPE_I8] = arg_i8,   [LEAT_DTYPE_U64] = arg_u64,
    [LEAT_DTYPE_U32] = arg_u32, [LEAT_DTYPE_U16] = arg_u16, [LEAT_DTYPE_U8] = arg_u8,
    [LEAT_DTYPE_BOOL] = arg_u8};

/* Items are blocks of lines that are neighbours in memory. */
static void arg_blocks(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    (void)worker;
    const leati_arg_attrs *a = j->s->attrs;
    const leati_operand *x = &j->s->in[0];
    bool largest = j->s->op == LEATI_OP_ARGMAX;
    int64_t *out = j->s->out[0].data;
    size_t size = leat_dtype_size(x->dtype), per_outer = (j->r.inner + LINES - 1) / LINES;
    size_t all = j->r.outer * per_outer, end = (task + 1) * j->chunk;
    if (end > all) end = all;
    for (size_t b = task * j->chunk; b < end; b++) {
        if (j->join) {
            out[b] = arg_of_run((const float *)x->data + b * j->r.size, j->r.size, j->join);
            continue;
        }
        size_t outer = b / per_outer, line = b % per_outer * LINES, left = j->r.inner - line;
        const char *from = (const char *)x->data + (outer * j->r.size * j->r.inner + line) * size;
        arg_functions[x->dtype](from, left < LINES ? left : LINES, j->r.inner, j->r.size, largest,
                                a->last, out + outer * j->r.inner + line);
    }
}

static leat_status arg_extreme(leat_context *c, const leati_step *s)
{
    const leati_arg_attrs *a = s->attrs;
    job j = {.s = s, .r = leati_rows_of(&s->in[0].shape, a->axis)};
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    leati_elt op = s->op == LEATI_OP_ARGMAX ? LEATI_ELT_MAX : LEATI_ELT_MIN;
    if (s->in[0].dtype == LEAT_DTYPE_F32 && j.r.inner == 1 && !a->last)
        j.join = leati_elt_kernel(c, op, LEAT_DTYPE_F32);
    size_t width = j.r.inner < LINES ? j.r.inner : LINES;
    size_t blocks = j.r.outer * ((j.r.inner + LINES - 1) / LINES);
    leati_parallel(c, tasks_of(blocks, j.r.size * width, &j.chunk), arg_blocks, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_arg = {.run = arg_extreme};
