/* Nearest rows by brute force: distances by matrix product, fused with the selection of the k
 * smallest so that the (queries, rows) matrix is never stored. */
#ifndef LEATI_KERNEL_NEIGHBORS_H
#define LEATI_KERNEL_NEIGHBORS_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

/* index, distance: (queries, k), nearest first; equal distances by lower row number. Distances are
 * squared Euclidean, recomputed exactly (sum of squared differences in f64) for the candidates, so
 * that ties are true ties. 1 <= k <= rows. */
leat_status leati_neighbors_f32(leat_context *c, const float *query, size_t queries, size_t ldq,
                                const float *data, size_t rows, size_t ldd, size_t dims, size_t k,
                                uint32_t *index, double *distance);
leat_status leati_neighbors_f64(leat_context *c, const double *query, size_t queries, size_t ldq,
                                const double *data, size_t rows, size_t ldd, size_t dims, size_t k,
                                uint32_t *index, double *distance);

/* The same with lower bounds from few coordinates: the squared distance of query_bound and
 * data_bound (each row of bound_dims values, packed) is at most that of query and data, but for
 * the rounding of the coordinates to T. Only rows that the bound does not rule out are measured,
 * so the answer is the one above, to the bit. measured (queries): how many that were. */
#define LEATI_BOUNDED(suffix, type)                                                                \
    typedef struct leati_bounded_##suffix {                                                        \
        const type *query, *data, *query_bound, *data_bound;                                       \
        size_t queries, ldq, rows, ldd, dims, bound_dims;                                          \
    } leati_bounded_##suffix;                                                                      \
    leat_status leati_neighbors_bounded_##suffix(leat_context *c, const leati_bounded_##suffix *b, \
                                                 size_t k, uint32_t *index, double *distance,      \
                                                 uint32_t *measured);

LEATI_BOUNDED(f32, float)
LEATI_BOUNDED(f64, double)

#endif
