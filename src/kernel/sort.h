/* Sorting and histograms. Orders are stable and total: -inf < ... < inf < NaN. For argsort -0 and 0
 * are equal, and all NaN; leati_sort_f64 puts -0 before 0 and keeps every bit but the sign of NaN.
 */
#ifndef LEATI_KERNEL_SORT_H
#define LEATI_KERNEL_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

/* Parallel where it pays; needs scratch of the size of the data (LEAT_NOMEM). */
leat_status leati_sort_f64(leat_context *c, double *values, size_t count);
/* order: a permutation of 0..count-1 that sorts values. */
leat_status leati_argsort_f64(leat_context *c, const double *values, size_t count, uint32_t *order);
leat_status leati_argsort_f32(leat_context *c, const float *values, size_t count, uint32_t *order);
leat_status leati_argsort_i64(leat_context *c, const int64_t *values, size_t count,
                              uint32_t *order);

/* counts[b] for `bins` equal bins over [low, high], the last one closed; values outside or NaN are
 * not counted. counts is zeroed first. */
void leati_histogram_f64(leat_context *c, const double *values, size_t count, double low,
                         double high, size_t bins, uint64_t *counts);

/* Quantile q in [0, 1] of sorted values without NaN, linear interpolation (type 7 of Hyndman and
 * Fan 1996). count > 0. */
double leati_quantile_sorted(const double *sorted, size_t count, double q);

#endif
