/* Owns: computing aggregates. Not: finding the groups (group_keys.c), the operation (group.c). */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "frame/group.h"

enum { CHUNK_ROWS = 1 << 16, FEW_GROUPS = 1 << 14, MANY_GROUPS = 1 << 19 };

/* A sum of whole numbers, high * 2^64 + low: partial sums may leave 64 bits where the total fits.
 */
typedef struct wide {
    uint64_t low;
    int64_t high;
} wide;

static inline void wide_add(wide *to, uint64_t low, int64_t high)
{
    bool carry = __builtin_add_overflow(to->low, low, &to->low);
    to->high += high + carry;
}

/* Sums over chunks of rows, then over the chunks in order: (chunks, groups). */
typedef struct sums {
    const leati_grouping *g;
    const leati_column *col;
    size_t chunks;
    const double *center; /* (groups): sum squares around it; NULL: plain sums */
    double *sum;
    wide *whole; /* I64, BOOL: exact */
    uint32_t *count;
} sums;

static size_t chunk_count(size_t rows, size_t groups)
{
    size_t most = groups <= FEW_GROUPS ? 32 : groups <= MANY_GROUPS ? 4 : 1;
    return leati_task_count(rows, CHUNK_ROWS, most);
}

static void sum_whole(const sums *s, size_t from, size_t to, wide *sum, uint32_t *count)
{
    const uint32_t *of = s->g->groups.of;
    for (size_t i = from; i < to; i++) {
        if (!leati_valid(s->col, i)) continue;
        int64_t v = s->col->type == LEAT_BOOL ? s->col->u8[i] : s->col->i64[i];
        wide_add(&sum[of[i]], (uint64_t)v, v < 0 ? -1 : 0);
        count[of[i]]++;
    }
}

static void sum_chunk(void *arg, size_t chunk, unsigned worker)
{
    sums *s = arg;
    size_t from = leati_task_start(s->g->rows, s->chunks, chunk);
    size_t to = leati_task_start(s->g->rows, s->chunks, chunk + 1), groups = s->g->groups.count;
    const uint32_t *of = s->g->groups.of;
    double *sum = s->sum ? s->sum + chunk * groups : NULL;
    uint32_t *count = s->count + chunk * groups;
    (void)worker;
    if (s->whole) {
        sum_whole(s, from, to, s->whole + chunk * groups, count);
    } else if (!s->col) {
        for (size_t i = from; i < to; i++) count[of[i]]++;
    } else if (s->col->type == LEAT_F64 && !s->center) {
        for (size_t i = from; i < to; i++) { /* missing ones are NaN */
            double v = s->col->f64[i];
            bool there = v == v;
            sum[of[i]] += there ? v : 0;
            count[of[i]] += there;
        }
    } else {
        for (size_t i = from; i < to; i++) {
            if (!leati_valid(s->col, i)) continue;
            double v = s->col->type == LEAT_F64    ? s->col->f64[i]
                       : s->col->type == LEAT_BOOL ? s->col->u8[i]
                                                   : (double)s->col->i64[i];
            double d = s->center ? v - s->center[of[i]] : v;
            sum[of[i]] += s->center ? d * d : d;
            count[of[i]]++;
        }
    }
}

static bool has_numbers(const leati_column *col)
{
    return col->type == LEAT_F64 || col->type == LEAT_I64 || col->type == LEAT_BOOL;
}

/* sum, whole: whichever is wanted. The results stand in the first chunk's part. */
static leat_status sum_groups(leat_context *c, sums *s, bool want_sum, bool want_whole)
{
    size_t groups = s->g->groups.count, cells;
    s->chunks = chunk_count(s->g->rows, groups);
    if (leati_mul_overflows(s->chunks, groups, &cells)) cells = SIZE_MAX;
    s->count = LEATI_NEW(c, uint32_t, cells);
    s->sum = want_sum ? LEATI_NEW(c, double, cells) : NULL;
    s->whole = want_whole ? LEATI_NEW(c, wide, cells) : NULL;
    if (!s->count || (want_sum && !s->sum) || (want_whole && !s->whole))
        return leat_error_status(c);
    leati_parallel(c, s->chunks, sum_chunk, s);
    for (size_t k = 1; k < s->chunks; k++) {
        for (size_t g = 0; g < groups; g++) {
            s->count[g] += s->count[k * groups + g];
            if (s->sum) s->sum[g] += s->sum[k * groups + g];
            if (!s->whole) continue;
            const wide *more = &s->whole[k * groups + g];
            wide_add(&s->whole[g], more->low, more->high);
        }
    }
    return LEAT_OK;
}

static void sums_free(sums *s)
{
    leati_free(s->sum);
    leati_free(s->whole);
    leati_free(s->count);
}

static leat_status count_column(leat_context *c, leati_column **out, const leati_grouping *g,
                                const leati_column *col)
{
    size_t groups = g->groups.count;
    leati_column *counts = *out = leati_column_create(c, LEAT_I64, groups);
    if (!counts) return leat_error_status(c);
    sums s = {.g = g};
    if (!col || !col->missing) {
        leat_status st = sum_groups(c, &s, false, false);
        for (size_t k = 0; st == LEAT_OK && k < groups; k++) counts->i64[k] = s.count[k];
        sums_free(&s);
        return st;
    }
    for (size_t i = 0; i < g->rows; i++) counts->i64[g->groups.of[i]] += leati_valid(col, i);
    return LEAT_OK;
}

static leat_status sum_column(leat_context *c, leati_column **out, const leati_grouping *g,
                              const leati_column *col)
{
    bool whole = col->type != LEAT_F64;
    size_t groups = g->groups.count;
    leati_column *made = *out = leati_column_create(c, whole ? LEAT_I64 : LEAT_F64, groups);
    if (!made) return leat_error_status(c);
    sums s = {.g = g, .col = col};
    leat_status st = sum_groups(c, &s, !whole, whole);
    for (size_t k = 0; st == LEAT_OK && k < groups; k++) {
        if (!whole) made->f64[k] = s.sum[k];
        else if (s.whole[k].high == (s.whole[k].low >> 63 ? -1 : 0))
            made->i64[k] = (int64_t)s.whole[k].low;
        else
            st = LEATI_FAIL(c, LEAT_NUMERIC,
                            "a sum of whole numbers leaves 64 bits\n"
                            "derive a number first: x = x * 1.0");
    }
    sums_free(&s);
    return st;
}

/* Mean, or variance (two passes: around the mean), or its root. */
static leat_status moment_column(leat_context *c, leati_column **out, const leati_grouping *g,
                                 const leati_column *col, leati_aggregate a)
{
    size_t groups = g->groups.count;
    leati_column *made = *out = leati_column_create(c, LEAT_F64, groups);
    if (!made) return leat_error_status(c);
    sums s = {.g = g, .col = col}, around = {.g = g, .col = col};
    leat_status st = sum_groups(c, &s, true, false);
    for (size_t k = 0; st == LEAT_OK && k < groups; k++) s.sum[k] /= s.count[k];
    around.center = s.sum;
    if (st == LEAT_OK && a != LEATI_AGG_MEAN) st = sum_groups(c, &around, true, false);
    for (size_t k = 0; st == LEAT_OK && k < groups; k++) {
        uint32_t least = a == LEATI_AGG_MEAN ? 1 : 2;
        double v = a == LEATI_AGG_MEAN ? s.sum[k]
                   : s.count[k] < 2    ? 0
                                       : around.sum[k] / (s.count[k] - 1);
        made->f64[k] = a == LEATI_AGG_STD ? sqrt(v) : v;
        if (s.count[k] < least) st = leati_column_set_missing(c, made, k);
    }
    sums_free(&s);
    sums_free(&around);
    return st;
}

/* min, max, first, last: the row of each group that has it, then its value. */
static leat_status pick_column(leat_context *c, leati_column **out, const leati_grouping *g,
                               const leati_column *col, leati_aggregate a)
{
    size_t groups = g->groups.count;
    bool by_value = a == LEATI_AGG_MIN || a == LEATI_AGG_MAX;
    uint64_t *key = by_value ? leati_sort_keys(c, col, a == LEATI_AGG_MAX) : NULL;
    uint32_t *row = leati_array(c, groups, sizeof *row);
    leat_status st = row && (key || !by_value) ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) memset(row, 0xff, groups * sizeof *row);
    for (size_t i = 0; st == LEAT_OK && i < g->rows; i++) {
        uint32_t *best = &row[g->groups.of[i]];
        if (!leati_valid(col, i)) continue;
        if (*best == UINT32_MAX || a == LEATI_AGG_LAST || (by_value && key[i] < key[*best]))
            *best = (uint32_t)i;
    }
    if (st == LEAT_OK) {
        *out = leati_column_take(c, col, row, groups);
        if (!*out) st = leat_error_status(c);
    }
    leati_free(key);
    leati_free(row);
    return st;
}

/* Values that need their group together: each group's keys, those of missing values left out. */
typedef struct ordered {
    const leati_column *col;
    uint64_t *part;   /* keys by group */
    uint32_t *starts; /* (groups + 1) into part */
    size_t groups;
    leati_aggregate aggregate;
    double q;
    leati_column *out;
} ordered;

static void sort_few(uint64_t *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t x = v[i];
        size_t k = i;
        for (; k && v[k - 1] > x; k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

static void sift(uint64_t *v, size_t root, size_t n)
{
    uint64_t x = v[root];
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && v[child + 1] > v[child]) child++;
        if (v[child] <= x) break;
        v[root] = v[child];
    }
    v[root] = x;
}

static void heap_sort(uint64_t *v, size_t n)
{
    for (size_t i = n / 2; i-- > 0;) sift(v, i, n);
    for (size_t i = n; i-- > 1;) {
        uint64_t top = v[0];
        v[0] = v[i];
        v[i] = top;
        sift(v, 0, i);
    }
}

/* Cuts v into a part of keys no greater than any of the other part: returns where that begins,
 * which is neither 0 nor n. The pivot is the median of three; n > 2. */
static size_t cut_keys(uint64_t *v, size_t n)
{
    uint64_t a = v[0], b = v[n / 2], d = v[n - 1];
    uint64_t pivot = a < b ? (b < d ? b : a < d ? d : a) : (a < d ? a : b < d ? d : b);
    size_t i = 0, k = n - 1;
    for (;;) {
        while (v[i] < pivot) i++;
        while (v[k] > pivot) k--;
        if (i >= k) return k + 1;
        uint64_t swap = v[i];
        v[i++] = v[k];
        v[k--] = swap;
    }
}

/* Quicksort; a bad run of pivots ends in heapsort. */
static void sort_keys(uint64_t *v, size_t n, int depth)
{
    while (n > 24) {
        if (depth-- == 0) {
            heap_sort(v, n);
            return;
        }
        size_t left = cut_keys(v, n);
        if (left < n - left) {
            sort_keys(v, left, depth);
            v += left;
            n -= left;
        } else {
            sort_keys(v + left, n - left, depth);
            n = left;
        }
    }
    sort_few(v, n);
}

/* Quickselect: v[at] as if v were sorted, nothing greater before it and nothing less behind. */
static void select_key(uint64_t *v, size_t n, size_t at)
{
    int depth = 128;
    while (n > 24 && depth-- > 0) {
        size_t left = cut_keys(v, n);
        if (at < left) {
            n = left;
        } else {
            v += left;
            n -= left;
            at -= left;
        }
    }
    sort_keys(v, n, 64);
}

static double value_of_key(uint64_t key, leat_type type)
{
    double v;
    if (type == LEAT_BOOL) return (double)key;
    if (type != LEAT_F64) return (double)(int64_t)(key ^ (uint64_t)1 << 63);
    key = key >> 63 ? key ^ (uint64_t)1 << 63 : ~key;
    memcpy(&v, &key, sizeof v);
    return v;
}

/* Between the two values around the place q, where there are n > 0 of them. */
static double quantile_of(uint64_t *v, size_t n, double q, leat_type type)
{
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    double share = at - (double)below;
    select_key(v, n, below);
    double low = value_of_key(v[below], type);
    if (!(share > 0)) return low;
    uint64_t next = v[below + 1];
    for (size_t i = below + 2; i < n; i++) next = v[i] < next ? v[i] : next;
    double high = value_of_key(next, type);
    return low == high ? low : low + share * (high - low); /* equal infinities stay */
}

static void order_groups(void *arg, size_t task, unsigned worker)
{
    ordered *o = arg;
    size_t tasks = leati_task_count(o->groups, 16, 256);
    size_t from = leati_task_start(o->groups, tasks, task),
           to = leati_task_start(o->groups, tasks, task + 1);
    (void)worker;
    for (size_t k = from; k < to; k++) {
        uint64_t *v = o->part + o->starts[k];
        size_t n = o->starts[k + 1] - o->starts[k];
        if (o->aggregate == LEATI_AGG_NUNIQUE) {
            sort_keys(v, n, 64);
            for (size_t i = 0; i < n; i++) o->out->i64[k] += i == 0 || v[i] != v[i - 1];
        } else {
            o->out->f64[k] = n ? quantile_of(v, n, o->q, o->col->type) : 0;
        }
    }
}

/* Each group's keys behind each other. */
static leat_status part_keys(leat_context *c, ordered *o, const leati_grouping *g)
{
    const uint32_t *of = g->groups.of;
    uint64_t *key = leati_sort_keys(c, o->col, false);
    o->part = leati_array(c, g->rows, sizeof *o->part);
    o->starts = LEATI_NEW(c, uint32_t, o->groups + 2);
    leat_status st = key && o->part && o->starts ? LEAT_OK : leat_error_status(c);
    uint32_t *next = st == LEAT_OK ? o->starts + 1 : NULL; /* one ahead: they end as starts */
    for (size_t i = 0; next && i < g->rows; i++) next[of[i] + 1] += leati_valid(o->col, i);
    for (size_t k = 0; next && k < o->groups; k++) next[k + 1] += next[k];
    for (size_t i = 0; next && i < g->rows; i++)
        if (leati_valid(o->col, i)) o->part[next[of[i]]++] = key[i];
    leati_free(key);
    return st;
}

static leat_status ordered_column(leat_context *c, leati_column **out, const leati_grouping *g,
                                  const leati_column *col, leati_aggregate a, double q)
{
    ordered o = {.col = col, .groups = g->groups.count, .aggregate = a, .q = q};
    leat_type type = a == LEATI_AGG_NUNIQUE ? LEAT_I64 : LEAT_F64;
    o.out = *out = leati_column_create(c, type, o.groups);
    leat_status st = o.out ? part_keys(c, &o, g) : leat_error_status(c);
    if (st == LEAT_OK && o.groups)
        leati_parallel(c, leati_task_count(o.groups, 16, 256), order_groups, &o);
    for (size_t k = 0; st == LEAT_OK && type == LEAT_F64 && k < o.groups; k++)
        if (o.starts[k] == o.starts[k + 1]) st = leati_column_set_missing(c, o.out, k);
    leati_free(o.part);
    leati_free(o.starts);
    return st;
}

/* What has no value, such as the sum of two opposite infinities, is missing. */
static leat_status hide_nan(leat_context *c, leati_column *col)
{
    for (size_t k = 0; col->type == LEAT_F64 && k < col->rows; k++)
        if (isnan(col->f64[k])) LEATI_TRY(leati_column_set_missing(c, col, k));
    return LEAT_OK;
}

leat_status leati_aggregate_column(leat_context *c, leati_column **out, leati_grouping *g,
                                   leati_aggregate a, const leati_column *col, const char *name,
                                   double q)
{
    bool numeric = a == LEATI_AGG_SUM || a == LEATI_AGG_MEAN || a == LEATI_AGG_MEDIAN ||
                   a == LEATI_AGG_STD || a == LEATI_AGG_VAR || a == LEATI_AGG_QUANTILE;
    bool picks = a == LEATI_AGG_FIRST || a == LEATI_AGG_LAST || a == LEATI_AGG_COUNT;
    leat_status st;
    *out = NULL;
    LEATI_CHECK(c, !numeric || has_numbers(col), LEAT_INVALID,
                "%s(%s): the column is %s, a number was expected", leati_aggregate_name(a), name,
                leat_type_name(col->type));
    LEATI_CHECK(c, picks || col->type != LEAT_ARRAY, LEAT_INVALID,
                "%s(%s): the column holds arrays, which have no order", leati_aggregate_name(a),
                name);
    switch (a) {
    case LEATI_AGG_COUNT: st = count_column(c, out, g, col); break;
    case LEATI_AGG_SUM: st = sum_column(c, out, g, col); break;
    case LEATI_AGG_MEAN:
    case LEATI_AGG_STD:
    case LEATI_AGG_VAR: st = moment_column(c, out, g, col, a); break;
    case LEATI_AGG_MEDIAN: st = ordered_column(c, out, g, col, a, 0.5); break;
    case LEATI_AGG_NUNIQUE:
    case LEATI_AGG_QUANTILE: st = ordered_column(c, out, g, col, a, q); break;
    default: st = pick_column(c, out, g, col, a); break;
    }
    if (st == LEAT_OK) st = hide_nan(c, *out);
    if (st == LEAT_OK) return st;
    leati_column_release(*out);
    *out = NULL;
    return st;
}

void leati_grouping_free(leati_grouping *g)
{
    leati_groups_free(&g->groups);
    *g = (leati_grouping){0};
}
