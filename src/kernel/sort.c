/* Owns: sorting by keys whose unsigned order is the order wanted, histograms, quantiles. */
#include "kernel/sort.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"

enum {
    INSERTION = 32,
    FEW_KEYS = 8192, /* below, digits of 8 bits instead of 11 */
    CHUNK_KEYS = 16384,
    MOST_CHUNKS = 16,
    MOST_COUNTED_BINS = 4096
};

#define NAME(x) x##_u32
#define K       uint32_t
#include "kernel/radix.h"
#undef NAME
#define NAME(x) x##_u64
#define K       uint64_t
#include "kernel/radix.h"
#undef NAME

/* Negative numbers turn over; every NaN is the largest key. With -0 taken for 0. */
static uint64_t key_f64(double x)
{
    uint64_t bits;
    if (isnan(x)) return UINT64_MAX;
    if (x == 0) x = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static uint32_t key_f32(float x)
{
    uint32_t bits;
    if (isnan(x)) return UINT32_MAX;
    if (x == 0) x = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
}

static uint64_t key_i64(int64_t x)
{
    return (uint64_t)x ^ UINT64_C(1) << 63;
}

#define ARGSORT(suffix, type, key_type, sort_keys)                                                 \
    typedef struct keys_##suffix {                                                                 \
        const type *values;                                                                        \
        key_type *key;                                                                             \
        uint32_t *order;                                                                           \
        size_t count, chunks;                                                                      \
    } keys_##suffix;                                                                               \
    static void keys_task_##suffix(void *arg, size_t task, unsigned worker)                        \
    {                                                                                              \
        const keys_##suffix *k = arg;                                                              \
        size_t to = leati_task_start(k->count, k->chunks, task + 1);                               \
        (void)worker;                                                                              \
        for (size_t i = leati_task_start(k->count, k->chunks, task); i < to; i++) {                \
            k->key[i] = key_##suffix(k->values[i]);                                                \
            k->order[i] = (uint32_t)i;                                                             \
        }                                                                                          \
    }                                                                                              \
    leat_status leati_argsort_##suffix(leat_context *c, const type *values, size_t count,          \
                                       uint32_t *order)                                            \
    {                                                                                              \
        LEATI_BUG_IF(c, count > UINT32_MAX);                                                       \
        key_type *key = leati_array(c, count, 2 * sizeof *key), *sorted = key;                     \
        uint32_t *other = leati_array(c, count, sizeof *other), *result = order;                   \
        keys_##suffix k = {values, key, order, count,                                              \
                           leati_task_count(count, CHUNK_KEYS, MOST_CHUNKS)};                      \
        leat_status st = key && other ? LEAT_OK : leat_error_status(c);                            \
        if (st == LEAT_OK) {                                                                       \
            leati_parallel(c, k.chunks, keys_task_##suffix, &k);                                   \
            st = sort_keys(c, &sorted, key + count, &result, other, count);                        \
        }                                                                                          \
        if (st == LEAT_OK && result != order) memcpy(order, result, count * sizeof *order);        \
        leati_free(key);                                                                           \
        leati_free(other);                                                                         \
        return st;                                                                                 \
    }

ARGSORT(f64, double, uint64_t, sort_u64)
ARGSORT(f32, float, uint32_t, sort_u32)
ARGSORT(i64, int64_t, uint64_t, sort_u64)

leat_status leati_sort_f64(leat_context *c, double *values, size_t count)
{
    uint64_t *key = leati_array(c, count, 2 * sizeof *key), *sorted = key;
    if (!key) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        if (isnan(values[i])) bits &= ~(UINT64_C(1) << 63);
        key[i] = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    }
    leat_status st = sort_u64(c, &sorted, key + count, NULL, NULL, count);
    for (size_t i = 0; st == LEAT_OK && i < count; i++) {
        uint64_t bits = sorted[i] >> 63 ? sorted[i] & ~(UINT64_C(1) << 63) : ~sorted[i];
        memcpy(&values[i], &bits, sizeof bits);
    }
    leati_free(key);
    return st;
}

typedef struct histogram {
    const double *values;
    size_t count, chunks, bins;
    double low, high, half, scale;
    uint64_t *counts; /* [chunk][bin] */
} histogram;

static void histogram_task(void *arg, size_t task, unsigned worker)
{
    const histogram *h = arg;
    size_t to = leati_task_start(h->count, h->chunks, task + 1);
    uint64_t *counts = h->counts + task * h->bins;
    (void)worker;
    memset(counts, 0, h->bins * sizeof *counts);
    for (size_t i = leati_task_start(h->count, h->chunks, task); i < to; i++) {
        double x = h->values[i];
        if (!(x >= h->low && x <= h->high)) continue;
        size_t bin = (size_t)((x * h->half - h->low * h->half) * h->scale);
        counts[bin < h->bins ? bin : h->bins - 1]++;
    }
}

void leati_histogram_f64(leat_context *c, const double *values, size_t count, double low,
                         double high, size_t bins, uint64_t *counts)
{
    histogram h = {.values = values, .count = count, .bins = bins, .low = low, .high = high};
    if (bins == 0) return;
    h.half = isfinite(high - low) ? 1 : 0.5; /* the width itself may overflow */
    double width = high * h.half - low * h.half;
    h.scale = width > 0 ? (double)bins / width : 0;
    if (!isfinite(h.scale)) h.scale = 0;
    h.chunks = bins > MOST_COUNTED_BINS ? 1 : leati_task_count(count, 4 * CHUNK_KEYS, MOST_CHUNKS);
    h.counts = h.chunks > 1 ? leati_alloc_quiet(c, h.chunks * bins * sizeof *counts) : NULL;
    if (!h.counts) {
        h.chunks = 1;
        h.counts = counts;
        histogram_task(&h, 0, 0);
        return;
    }
    leati_parallel(c, h.chunks, histogram_task, &h);
    memcpy(counts, h.counts, bins * sizeof *counts);
    for (size_t chunk = 1; chunk < h.chunks; chunk++)
        for (size_t b = 0; b < bins; b++) counts[b] += h.counts[chunk * bins + b];
    leati_free(h.counts);
}

double leati_quantile_sorted(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t below = at > 0 ? (size_t)at : 0;
    if (below + 1 >= count) return sorted[count - 1];
    double part = at - (double)below;
    double step = sorted[below + 1] - sorted[below];
    if (part <= 0 || step == 0) return sorted[below];
    if (isfinite(step)) return sorted[below] + part * step;
    return sorted[below] * (1 - part) + sorted[below + 1] * part;
}
