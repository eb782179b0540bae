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

#endif
