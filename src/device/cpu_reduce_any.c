/* Owns: products, and sums and extremes of the types that cpu_reduce.c leaves out: floats in f64,
 * whole numbers modulo 2^64, neighbouring columns side by side. */
#include "base/half.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/cpu_reduce.h"

enum { COLUMNS = 64, GRAIN = 16 << 10 };

/* `n` columns from element `first` on: rows are `stride` apart. */
typedef struct columns {
    const void *x;
    void *y;
    size_t rows, stride, n;
} columns;

typedef void (*reduce_fn)(const columns *c);

#define REDUCE(name, T, A, LOAD, STORE, JOIN)                                                      \
    static void name(const columns *c)                                                             \
    {                                                                                              \
        const T *x = c->x;                                                                         \
        T *y = c->y;                                                                               \
        A sum[COLUMNS];                                                                            \
        for (size_t i = 0; i < c->n; i++) sum[i] = LOAD(x[i]);                                     \
        for (size_t r = 1; r < c->rows; r++)                                                       \
            for (size_t i = 0; i < c->n; i++) {                                                    \
                A a = sum[i], b = LOAD(x[r * c->stride + i]);                                      \
                sum[i] = JOIN;                                                                     \
            }                                                                                      \
        for (size_t i = 0; i < c->n; i++) y[i] = STORE(sum[i]);                                    \
    }
#define PLAIN(x)     (x)
#define WIDEN(x)     ((double)(x))
#define SINGLE(x)    ((float)(x))
#define FROM_BF16(x) ((double)leati_bf16_to_f32(x))
#define TO_BF16(x)   leati_f32_to_bf16((float)(x))
#define FROM_F16(x)  ((double)leati_f16_to_f32(x))
#define TO_F16(x)    leati_f32_to_f16((float)(x))
#define WHOLE(x)     ((uint64_t)(x))
#define LOW32(x)     ((uint32_t)(x))
#define LOW16(x)     ((uint16_t)(x))
#define LOW8(x)      ((uint8_t)(x))
/* NaN wins and stays. */
#define LARGER  (a != a || a > b ? a : b)
#define SMALLER (a != a || a < b ? a : b)
#define SUM     (a + b)
#define PRODUCT (a * b)

REDUCE(product_f32, float, double, WIDEN, SINGLE, PRODUCT)
REDUCE(product_f64, double, double, PLAIN, PLAIN, PRODUCT)
#define HALF(kind, FROM, TO)                                                                       \
    REDUCE(sum_##kind, uint16_t, double, FROM, TO, SUM)                                            \
    REDUCE(product_##kind, uint16_t, double, FROM, TO, PRODUCT)                                    \
    REDUCE(max_##kind, uint16_t, double, FROM, TO, LARGER)                                         \
    REDUCE(min_##kind, uint16_t, double, FROM, TO, SMALLER)
HALF(bf16, FROM_BF16, TO_BF16)
HALF(f16, FROM_F16, TO_F16)
#define MODULAR(bits, LOW)                                                                         \
    REDUCE(sum_##bits, uint##bits##_t, uint64_t, WHOLE, LOW, SUM)                                  \
    REDUCE(product_##bits, uint##bits##_t, uint64_t, WHOLE, LOW, PRODUCT)
MODULAR(8, LOW8)
MODULAR(16, LOW16)
MODULAR(32, LOW32)
MODULAR(64, WHOLE)
#define EXTREMES(kind, T)                                                                          \
    REDUCE(max_##kind, T, T, PLAIN, PLAIN, (a > b ? a : b))                                        \
    REDUCE(min_##kind, T, T, PLAIN, PLAIN, (a < b ? a : b))
EXTREMES(i8, int8_t)
EXTREMES(i16, int16_t)
EXTREMES(i32, int32_t)
EXTREMES(i64, int64_t)
EXTREMES(u8, uint8_t)
EXTREMES(u16, uint16_t)
EXTREMES(u32, uint32_t)
EXTREMES(u64, uint64_t)

/* sum, product, largest, smallest */
static const reduce_fn table[LEAT_DTYPES][4] = {
    [LEAT_DTYPE_F32] = {NULL, product_f32, NULL, NULL},
    [LEAT_DTYPE_F64] = {NULL, product_f64, NULL, NULL},
    [LEAT_DTYPE_BF16] = {sum_bf16, product_bf16, max_bf16, min_bf16},
    [LEAT_DTYPE_F16] = {sum_f16, product_f16, max_f16, min_f16},
    [LEAT_DTYPE_I64] = {sum_64, product_64, max_i64, min_i64},
    [LEAT_DTYPE_I32] = {sum_32, product_32, max_i32, min_i32},
    [LEAT_DTYPE_I16] = {sum_16, product_16, max_i16, min_i16},
    [LEAT_DTYPE_I8] = {sum_8, product_8, max_i8, min_i8},
    [LEAT_DTYPE_U64] = {sum_64, product_64, max_u64, min_u64},
    [LEAT_DTYPE_U32] = {sum_32, product_32, max_u32, min_u32},
    [LEAT_DTYPE_U16] = {sum_16, product_16, max_u16, min_u16},
    [LEAT_DTYPE_U8] = {sum_8, product_8, max_u8, min_u8},
    [LEAT_DTYPE_BOOL] = {NULL, NULL, max_u8, min_u8}};

static reduce_fn function_of(const leati_step *s)
{
    int op = s->op == LEATI_OP_REDUCE_SUM    ? 0
             : s->op == LEATI_OP_REDUCE_PROD ? 1
             : s->op == LEATI_OP_REDUCE_MAX  ? 2
                                             : 3;
    return s->out[0].dtype == s->in[0].dtype ? table[s->in[0].dtype][op] : NULL;
}

bool leati_reduce_any_takes(const leati_step *s)
{
    leati_reduce_form f;
    return function_of(s) && leati_reduce_form_of(s, &f) && f.reduced;
}

typedef struct job {
    const leati_step *s;
    reduce_fn fn;
    leati_reduce_form f;
    size_t blocks, chunk; /* blocks of columns per outer index; blocks of a task */
} job;

static void task_of(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t size = leat_dtype_size(j->s->in[0].dtype), all = j->f.outer * j->blocks;
    size_t end = (task + 1) * j->chunk < all ? (task + 1) * j->chunk : all;
    (void)worker;
    for (size_t b = task * j->chunk; b < end; b++) {
        size_t outer = b / j->blocks, column = b % j->blocks * COLUMNS;
        size_t left = j->f.inner - column;
        columns c = {.rows = j->f.reduced, .stride = j->f.inner};
        c.n = left < COLUMNS ? left : COLUMNS;
        c.x = (const char *)j->s->in[0].data + (outer * j->f.reduced * j->f.inner + column) * size;
        c.y = (char *)j->s->out[0].data + (outer * j->f.inner + column) * size;
        j->fn(&c);
    }
}

leat_status leati_reduce_any(leat_context *c, const leati_step *s)
{
    job j = {.s = s, .fn = function_of(s)};
    leati_reduce_form_of(s, &j.f);
    if (j.f.outer == 0 || j.f.inner == 0) return LEAT_OK;
    j.blocks = (j.f.inner + COLUMNS - 1) / COLUMNS;
    j.chunk = 1 + GRAIN / (j.f.reduced * (j.f.inner < COLUMNS ? j.f.inner : COLUMNS));
    leati_parallel(c, (j.f.outer * j.blocks + j.chunk - 1) / j.chunk, task_of, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_reduce_prod = {.run = leati_reduce_any,
                                            .takes = leati_reduce_any_takes};
