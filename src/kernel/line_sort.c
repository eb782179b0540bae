/* Owns: sorting of lines. Elements become unsigned keys in the wanted order, with 32 bits where
 * they and their places fit, and are sorted by digits; a few long lines are cut into chunks whose
 * merges are shared out, many lines are shared out whole. */
#include "kernel/line_sort.h"

#include <string.h>

#include "base/pool.h"

/* A line as it lies in memory. */
typedef struct leati_sort_line {
    const leati_sort_task *task;
    const char *x; /* its first element */
    size_t count;
} leati_sort_line;

/* ---- keys -------------------------------------------------------------------------------------
 */

static uint32_t key_i32(uint32_t bits)
{
    return bits ^ UINT32_C(0x80000000);
}

static uint64_t key_i64(uint64_t bits)
{
    return bits ^ UINT64_C(0x8000000000000000);
}

/* Bits of a float, widened so that the sign is on top: exponent and mantissa rise with the size. */
static uint32_t key_f32(uint32_t bits, uint32_t infinity)
{
    uint32_t size = bits & UINT32_C(0x7fffffff);
    if (size > infinity) return UINT32_MAX; /* NaN */
    if (size == 0) bits = 0;
    return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

static uint64_t key_f64(uint64_t bits)
{
    uint64_t size = bits & UINT64_C(0x7fffffffffffffff);
    if (size > UINT64_C(0x7ff0000000000000)) return UINT64_MAX;
    if (size == 0) bits = 0;
    return bits >> 63 ? ~bits : bits | UINT64_C(0x8000000000000000);
}

/* One loop per type: `bits` is element i, read as the unsigned type T. */
#define KEYS(T, K, expression)                                                                     \
    for (size_t i = from; i < to; i++, out++) {                                                    \
        T bits;                                                                                    \
        memcpy(&bits, l->x + i * stride, sizeof bits);                                             \
        out->key = (K)((expression) ^ flip);                                                       \
        out->at = (K)i;                                                                            \
    }                                                                                              \
    break

#define K       uint32_t
#define NAME(x) narrow_##x
typedef struct narrow_keyed narrow_keyed;
static void narrow_keys(const leati_sort_line *l, size_t from, size_t to, narrow_keyed *out);
#include "kernel/line_sort_template.h"
#undef K
#undef NAME
#define K       uint64_t
#define NAME(x) wide_##x
typedef struct wide_keyed wide_keyed;
static void wide_keys(const leati_sort_line *l, size_t from, size_t to, wide_keyed *out);
#include "kernel/line_sort_template.h"
#undef K
#undef NAME

static void narrow_keys(const leati_sort_line *l, size_t from, size_t to, narrow_keyed *out)
{
    const leati_sort_task *t = l->task;
    size_t stride = t->inner * t->size;
    uint32_t flip = t->descending ? UINT32_MAX : 0;
    switch (t->dtype) {
    case LEAT_DTYPE_F32: KEYS(uint32_t, uint32_t, key_f32(bits, UINT32_C(0x7f800000)));
    case LEAT_DTYPE_BF16: KEYS(uint16_t, uint32_t, key_f32((uint32_t)bits << 16, 0x7f800000));
    case LEAT_DTYPE_F16: KEYS(uint16_t, uint32_t, key_f32((uint32_t)bits << 16, 0x7c000000));
    case LEAT_DTYPE_I32: KEYS(uint32_t, uint32_t, key_i32(bits));
    case LEAT_DTYPE_I16: KEYS(uint16_t, uint32_t, key_i32((uint32_t)bits << 16));
    case LEAT_DTYPE_I8: KEYS(uint8_t, uint32_t, key_i32((uint32_t)bits << 24));
    case LEAT_DTYPE_U32: KEYS(uint32_t, uint32_t, bits);
    case LEAT_DTYPE_U16: KEYS(uint16_t, uint32_t, (uint32_t)bits << 16);
    default: KEYS(uint8_t, uint32_t, (uint32_t)bits << 24); /* U8, BOOL */
    }
}

static void wide_keys(const leati_sort_line *l, size_t from, size_t to, wide_keyed *out)
{
    const leati_sort_task *t = l->task;
    size_t stride = t->inner * t->size;
    uint64_t flip = t->descending ? UINT64_MAX : 0;
    switch (t->dtype) {
    case LEAT_DTYPE_F64: KEYS(uint64_t, uint64_t, key_f64(bits));
    case LEAT_DTYPE_I64: KEYS(uint64_t, uint64_t, key_i64(bits));
    default: KEYS(uint64_t, uint64_t, bits); /* U64 */
    }
}
#undef KEYS

/* ---- answers ----------------------------------------------------------------------------------
 */

/* Where line `number` begins in x and in the results, in elements. */
static size_t line_start(const leati_sort_task *t, size_t count, size_t number)
{
    return number / t->inner * count * t->inner + number % t->inner;
}

/* Values and places from..to of the sorted line; `size` is a constant where it is called. */
static inline void put(const leati_sort_task *t, const char *x, const void *order, bool wide,
                       size_t size, size_t line, size_t from, size_t to)
{
    size_t at = line_start(t, t->keep, line);
    char *value = (char *)t->values + at * size;
    for (size_t i = from; i < to; i++) {
        size_t place =
            wide ? ((const wide_keyed *)order)[i].at : ((const narrow_keyed *)order)[i].at;
        memcpy(value + i * t->inner * size, x + place * t->inner * size, size);
        t->places[at + i * t->inner] = (int64_t)place;
    }
}

static void put_any(const leati_sort_task *t, const char *x, const void *order, size_t line,
                    size_t from, size_t to)
{
    switch (t->size) {
    case 8: put(t, x, order, true, 8, line, from, to); break;
    case 4: put(t, x, order, false, 4, line, from, to); break;
    case 2: put(t, x, order, false, 2, line, from, to); break;
    default: put(t, x, order, false, 1, line, from, to); break;
    }
}

static bool is_wide(const leati_sort_task *t)
{
    return t->size == 8;
}

static size_t keyed_bytes(const leati_sort_task *t)
{
    return t->count * (is_wide(t) ? sizeof(wide_keyed) : sizeof(narrow_keyed));
}

/* ---- running ----------------------------------------------------------------------------------
 */

enum { GRAIN = 16 << 10, LONG = 64 << 10, FEW = 8 };

/* Long lines so few that sharing them out whole would leave threads idle. */
static bool is_long(const leati_sort_task *t)
{
    return t->count >= LONG && t->outer * t->inner < FEW && t->keep == t->count;
}

size_t leati_sort_lines_scratch(const leat_context *c, const leati_sort_task *t)
{
    return 2 * keyed_bytes(t) * (is_long(t) ? 1 : leat_context_threads(c));
}

typedef struct job {
    const leati_sort_task *t;
    char *scratch;
    size_t lines, chunk; /* lines of a task */
    const char *x;       /* of one long line: x, the sorted order, its number */
    const void *order;
    size_t line;
} job;

static void lines_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    const leati_sort_task *t = j->t;
    size_t bytes = keyed_bytes(t), size = t->size, n = t->count, k = t->keep;
    size_t end = (task + 1) * j->chunk < j->lines ? (task + 1) * j->chunk : j->lines;
    void *x = j->scratch + 2 * bytes * worker, *other = (char *)x + bytes;
    bool few = k < n && 8 * k + 256 < n; /* then the room that `first` wants is there */
    for (size_t i = task * j->chunk; i < end; i++) {
        leati_sort_line l = {t, (const char *)t->x + line_start(t, n, i) * size, n};
        if (is_wide(t)) wide_keys(&l, 0, n, x);
        else narrow_keys(&l, 0, n, x);
        if (is_wide(t) && few) wide_first(x, other, n, k);
        else if (is_wide(t)) wide_sort(x, other, n);
        else if (few) narrow_first(x, other, n, k);
        else narrow_sort(x, other, n);
        put_any(t, l.x, x, i, 0, k);
    }
}

static void put_task(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t from = task * GRAIN, to = from + GRAIN < j->t->keep ? from + GRAIN : j->t->keep;
    (void)worker;
    put_any(j->t, j->x, j->order, j->line, from, to);
}

static void sort_long_lines(leat_context *c, const leati_sort_task *t, job *j)
{
    size_t size = t->size;
    void *x = j->scratch, *other = (char *)x + keyed_bytes(t);
    for (size_t i = 0; i < j->lines; i++) {
        leati_sort_line l = {t, (const char *)t->x + line_start(t, t->count, i) * size, t->count};
        j->x = l.x;
        j->line = i;
        if (is_wide(t)) j->order = wide_sort_long(c, &l, x, other);
        else j->order = narrow_sort_long(c, &l, x, other);
        leati_parallel(c, (t->keep + GRAIN - 1) / GRAIN, put_task, j);
    }
}

void leati_sort_lines(leat_context *c, const leati_sort_task *t, void *scratch)
{
    job j = {.t = t, .scratch = scratch, .lines = t->outer * t->inner};
    if (!j.lines || !t->keep) return;
    if (is_long(t)) {
        sort_long_lines(c, t, &j);
        return;
    }
    j.chunk = 1 + GRAIN / t->count;
    leati_parallel(c, (j.lines + j.chunk - 1) / j.chunk, lines_task, &j);
}
