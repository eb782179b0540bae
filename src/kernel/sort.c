/* Owns: stable sorting by radix, histograms, quantiles. */
#include "kernel/sort.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

/* Keys whose unsigned order is the order wanted: -0 equals 0, NaN is last. */
static uint64_t key_f64(double x)
{
    uint64_t bits;
    x = isnan(x) ? (double)NAN : x + 0.0;
    memcpy(&bits, &x, sizeof bits);
    if (isnan(x)) return UINT64_MAX;
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static leat_status argsort_keys(leat_context *c, uint64_t *key, size_t count, uint32_t *order)
{
    uint64_t *key2 = leati_array(c, count, sizeof *key2);
    uint32_t *order2 = leati_array(c, count, sizeof *order2);
    leat_status st = key2 && order2 ? LEAT_OK : LEAT_NOMEM;
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (int shift = 0; st == LEAT_OK && shift < 64; shift += 8) {
        size_t start[257] = {0};
        for (size_t i = 0; i < count; i++) start[(key[i] >> shift & 255) + 1]++;
        for (int b = 0; b < 256; b++) start[b + 1] += start[b];
        for (size_t i = 0; i < count; i++) {
            size_t to = start[key[i] >> shift & 255]++;
            key2[to] = key[i];
            order2[to] = order[i];
        }
        memcpy(key, key2, count * sizeof *key);
        memcpy(order, order2, count * sizeof *order);
    }
    leati_free(key2);
    leati_free(order2);
    return st;
}

#define ARGSORT(suffix, type, expression)                                                          \
    leat_status leati_argsort_##suffix(leat_context *c, const type *values, size_t count,          \
                                       uint32_t *order)                                            \
    {                                                                                              \
        uint64_t *key = leati_array(c, count, sizeof *key);                                        \
        if (!key) return LEAT_NOMEM;                                                               \
        for (size_t i = 0; i < count; i++) key[i] = (expression);                                  \
        leat_status st = argsort_keys(c, key, count, order);                                       \
        leati_free(key);                                                                           \
        return st;                                                                                 \
    }
ARGSORT(f64, double, key_f64(values[i]))
ARGSORT(f32, float, key_f64((double)values[i]))
ARGSORT(i64, int64_t, (uint64_t)values[i] ^ UINT64_C(1) << 63)

leat_status leati_sort_f64(leat_context *c, double *values, size_t count)
{
    uint32_t *order = leati_array(c, count, sizeof *order);
    double *copy = leati_array(c, count, sizeof *copy);
    leat_status st = order && copy ? leati_argsort_f64(c, values, count, order) : LEAT_NOMEM;
    if (st == LEAT_OK) {
        memcpy(copy, values, count * sizeof *copy);
        for (size_t i = 0; i < count; i++) values[i] = copy[order[i]];
    }
    leati_free(order);
    leati_free(copy);
    return st;
}

void leati_histogram_f64(leat_context *c, const double *values, size_t count, double low,
                         double high, size_t bins, uint64_t *counts)
{
    (void)c;
    memset(counts, 0, bins * sizeof *counts);
    double scale = (double)bins / (high - low);
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= low && values[i] <= high)) continue;
        size_t b = high > low ? (size_t)((values[i] - low) * scale) : 0;
        counts[b < bins ? b : bins - 1]++;
    }
}

double leati_quantile_sorted(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count) return sorted[count - 1];
    double part = at - (double)below;
    return part == 0 ? sorted[below] : sorted[below] + part * (sorted[below + 1] - sorted[below]);
}
