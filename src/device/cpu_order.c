/* Owns: SORT, TOPK, CUMSUM and CUMPROD on the CPU. */
#include <string.h>

#include "base/half.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/index.h"
#include "kernel/line_sort.h"

/* ---- SORT, TOPK --------------------------------------------------------------------------------
 */

static leati_sort_task sort_task(const leati_step *s)
{
    const leati_sort_attrs *a = s->attrs;
    leati_rows r = leati_rows_of(&s->in[0].shape, a->axis);
    return (leati_sort_task){.dtype = s->in[0].dtype,
                             .size = leat_dtype_size(s->in[0].dtype),
                             .outer = r.outer,
                             .count = r.size,
                             .inner = r.inner,
                             .keep = (size_t)s->out[0].shape.dim[a->axis],
                             .descending = a->descending,
                             .x = s->in[0].data,
                             .values = s->out[0].data,
                             .places = s->out[1].data};
}

static bool sort_takes(const leati_step *s)
{
    return sort_task(s).count <= UINT32_MAX;
}

static size_t sort_scratch(const leat_context *c, const leati_step *s)
{
    leati_sort_task t = sort_task(s);
    return leati_sort_lines_scratch(c, &t);
}

static leat_status sort(leat_context *c, const leati_step *s)
{
    leati_sort_task t = sort_task(s);
    leati_sort_lines(c, &t, s->scratch);
    return LEAT_OK;
}

const leati_kernel leati_cpu_sort = {.run = sort, .scratch = sort_scratch, .takes = sort_takes};

/* ---- CUMSUM, CUMPROD ---------------------------------------------------------------------------
 */

/* `lines` neighbouring lines side by side, which hides the time that one sum takes: element i of
 * line l is at i * step + l * apart. */
enum { LINES = 64, ROWS = 4, GRAIN = 16 << 10 };

typedef struct lines {
    const char *x;
    char *y;
    size_t lines, apart, count, step;
    bool product, exclusive, reverse;
    double start; /* of sums of f32 */
} lines;

/* Floats in f64, whole numbers modulo 2^64 (or what is left of it). The conditions and an `apart`
 * of 1 are constants where this is called. */
#define CUM(name, T, A, LOAD, STORE)                                                               \
    static inline __attribute__((always_inline)) void name##_as(const lines *j, size_t apart,      \
                                                                bool product, bool exclusive)      \
    {                                                                                              \
        A sum[LINES];                                                                              \
        size_t width = j->lines;                                                                   \
        for (size_t l = 0; l < width; l++) sum[l] = product ? (A)1 : (A)j->start;                  \
        for (size_t i = 0; i < j->count; i++) {                                                    \
            size_t at = (j->reverse ? j->count - 1 - i : i) * j->step;                             \
            const T *x = (const T *)j->x + at;                                                     \
            T *y = (T *)j->y + at;                                                                 \
            for (size_t l = 0; l < width; l++) {                                                   \
                A before = sum[l], e = LOAD(x[l * apart]);                                         \
                sum[l] = product ? (A)(before * e) : (A)(before + e);                              \
                y[l * apart] = STORE(exclusive ? before : sum[l]);                                 \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void name(const lines *j)                                                               \
    {                                                                                              \
        size_t apart = j->apart;                                                                   \
        if (apart == 1 && !j->product && !j->exclusive) name##_as(j, 1, false, false);             \
        else if (!j->product && !j->exclusive) name##_as(j, apart, false, false);                  \
        else if (!j->product) name##_as(j, apart, false, true);                                    \
        else if (!j->exclusive) name##_as(j, apart, true, false);                                  \
        else name##_as(j, apart, true, true);                                                      \
    }
#define WIDEN(x)     ((double)(x))
#define SINGLE(x)    ((float)(x))
#define DOUBLE(x)    (x)
#define FROM_BF16(x) ((double)leati_bf16_to_f32(x))
#define TO_BF16(x)   leati_f32_to_bf16((float)(x))
#define FROM_F16(x)  ((double)leati_f16_to_f32(x))
#define TO_F16(x)    leati_f32_to_f16((float)(x))
#define WHOLE(x)     ((uint64_t)(x))
#define LOW32(x)     ((uint32_t)(x))
#define LOW16(x)     ((uint16_t)(x))
#define LOW8(x)      ((uint8_t)(x))
CUM(cum_f32, float, double, WIDEN, SINGLE)
CUM(cum_f64, double, double, DOUBLE, DOUBLE)
CUM(cum_bf16, uint16_t, double, FROM_BF16, TO_BF16)
CUM(cum_f16, uint16_t, double, FROM_F16, TO_F16)
CUM(cum_64, uint64_t, uint64_t, WHOLE, WHOLE)
CUM(cum_32, uint32_t, uint64_t, WHOLE, LOW32)
CUM(cum_16, uint16_t, uint64_t, WHOLE, LOW16)
CUM(cum_8, uint8_t, uint64_t, WHOLE, LOW8)

static void run_lines(leat_dtype dtype, const lines *j)
{
    switch (dtype) {
    case LEAT_DTYPE_F32: cum_f32(j); break;
    case LEAT_DTYPE_F64: cum_f64(j); break;
    case LEAT_DTYPE_BF16: cum_bf16(j); break;
    case LEAT_DTYPE_F16: cum_f16(j); break;
    case LEAT_DTYPE_I64:
    case LEAT_DTYPE_U64: cum_64(j); break;
    case LEAT_DTYPE_I32:
    case LEAT_DTYPE_U32: cum_32(j); break;
    case LEAT_DTYPE_I16:
    case LEAT_DTYPE_U16: cum_16(j); break;
    default: cum_8(j); break;
    }
}

typedef struct job {
    const leati_step *s;
    leati_rows r;
    size_t size;          /* bytes of an element */
    size_t blocks, chunk; /* blocks of neighbouring lines per outer index; blocks of a task */
    double *start;        /* of a long line: the sum before each piece */
} job;

static lines lines_at(const job *j, size_t element, size_t count)
{
    const leati_cum_attrs *a = j->s->attrs;
    return (lines){.x = (const char *)j->s->in[0].data + element * j->size,
                   .y = (char *)j->s->out[0].data + element * j->size,
                   .lines = 1,
                   .apart = 1,
                   .count = count,
                   .step = j->r.inner,
                   .product = j->s->op == LEATI_OP_CUMPROD,
                   .exclusive = a->exclusive,
                   .reverse = a->reverse};
}

/* Blocks of columns where lines are neighbours in memory, of rows else. */
static void block_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    bool rows = j->r.inner == 1;
    size_t all = j->blocks * (rows ? 1 : j->r.outer), end = (task + 1) * j->chunk;
    (void)worker;
    if (end > all) end = all;
    for (size_t b = task * j->chunk; b < end; b++) {
        size_t width = rows ? ROWS : LINES, first = b % j->blocks * width;
        size_t most = (rows ? j->r.outer : j->r.inner) - first;
        size_t element = rows ? first * j->r.size : b / j->blocks * j->r.size * j->r.inner + first;
        lines l = lines_at(j, element, j->r.size);
        l.lines = most < width ? most : width;
        if (rows) l.apart = j->r.size;
        run_lines(j->s->in[0].dtype, &l);
    }
}

/* ---- one long line of f32: sums of pieces, then the pieces
 * --------------------------------------- In f64 they are as good as one sum; of f64 they would not
 * be. */

enum { LONG = 64 << 10, PIECES = 32 };

static bool is_long(const leati_step *s)
{
    const leati_cum_attrs *a = s->attrs;
    leati_rows r = leati_rows_of(&s->in[0].shape, a->axis);
    return s->in[0].dtype == LEAT_DTYPE_F32 && s->op == LEATI_OP_CUMSUM && r.size >= LONG &&
           r.inner == 1 && r.outer < 4;
}

static void sum_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t line = task / PIECES, piece = task % PIECES;
    size_t from = leati_task_start(j->r.size, PIECES, piece);
    size_t to = leati_task_start(j->r.size, PIECES, piece + 1);
    double sum[8] = {0};
    (void)worker;
    const float *x = (const float *)j->s->in[0].data + line * j->r.size;
    size_t i = from;
    for (; i + 8 <= to; i += 8)
        for (size_t k = 0; k < 8; k++) sum[k] += (double)x[i + k];
    for (; i < to; i++) sum[0] += (double)x[i];
    j->start[task] =
        (sum[0] + sum[1]) + (sum[2] + sum[3]) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static void piece_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t from = leati_task_start(j->r.size, PIECES, task % PIECES);
    size_t to = leati_task_start(j->r.size, PIECES, task % PIECES + 1);
    lines l = lines_at(j, task / PIECES * j->r.size + from, to - from);
    (void)worker;
    l.start = j->start[task];
    run_lines(j->s->in[0].dtype, &l);
}

static void run_long(leat_context *c, job *j, bool reverse)
{
    j->start = j->s->scratch;
    leati_parallel(c, j->r.outer * PIECES, sum_task, j);
    for (size_t line = 0; line < j->r.outer; line++) {
        double before = 0;
        for (size_t i = 0; i < PIECES; i++) {
            double *start = &j->start[line * PIECES + (reverse ? PIECES - 1 - i : i)], sum = *start;
            *start = before;
            before += sum;
        }
    }
    leati_parallel(c, j->r.outer * PIECES, piece_task, j);
}

static size_t cum_scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    return is_long(s) ? 4 * PIECES * sizeof(double) : 0;
}

static leat_status cumulate(leat_context *c, const leati_step *s)
{
    const leati_cum_attrs *a = s->attrs;
    job j = {.s = s, .r = leati_rows_of(&s->in[0].shape, a->axis)};
    j.size = leat_dtype_size(s->in[0].dtype);
    if (!leati_operand_count(&s->out[0])) return LEAT_OK;
    if (is_long(s)) {
        run_long(c, &j, a->reverse);
        return LEAT_OK;
    }
    bool rows = j.r.inner == 1;
    size_t width = rows ? ROWS : LINES, lines_there = rows ? j.r.outer : j.r.inner;
    j.blocks = (lines_there + width - 1) / width;
    size_t work = j.r.size * (lines_there < width ? lines_there : width);
    size_t all = j.blocks * (rows ? 1 : j.r.outer);
    j.chunk = 1 + GRAIN / work;
    leati_parallel(c, (all + j.chunk - 1) / j.chunk, block_task, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_cum = {.run = cumulate, .scratch = cum_scratch, .in_place = 1};
