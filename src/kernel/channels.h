/* Norms of channels, f32: x has the channels last, their moments are taken over rows. Parallel, no
 * allocation. Sums over rows run in chunks that depend on the sizes only and are added in order:
 * results are bitwise equal for any number of threads at one CPU level. */
#ifndef LEATI_KERNEL_CHANNELS_H
#define LEATI_KERNEL_CHANNELS_H

#include <stddef.h>

#include <leat/context.h>

/* Moments of channels over rows: x (rows, n). variance divides by rows. Chunks that stay in the
 * cache are read twice, the second time to correct the mean of the first, and combined after Chan,
 * Golub and LeVeque 1983. */
void leati_channel_moments(leat_context *c, size_t rows, size_t n, const float *x, float *mean,
                           float *variance, void *workspace);
/* y = (x - mean) scale + shift, mean, scale and shift (n). y may be x. */
void leati_channel_affine(leat_context *c, size_t rows, size_t n, const float *x, const float *mean,
                          const float *scale, const float *shift, float *y);
/* Batch norm (Ioffe and Szegedy 2015): the gradients of x, gamma and beta through the moments.
 * rate = 1 / sqrt(variance + epsilon); gamma may be NULL. */
void leati_batch_norm_backward(leat_context *c, size_t rows, size_t n, const float *x,
                               const float *g, const float *mean, const float *rate,
                               const float *gamma, float *dx, float *dgamma, float *dbeta,
                               void *workspace);
size_t leati_channel_bytes(size_t rows, size_t n); /* workspace of moments and batch norm */

/* Group norm (Wu and He 2018): x (samples, rows, groups, width), moments of every group of a sample
 * over its rows; instance norm (Ulyanov et al. 2016) with groups of one channel. gamma and beta
 * (groups, width) may be NULL; mean and rate (samples, groups). */
typedef struct leati_groups {
    size_t samples, rows, groups, width;
} leati_groups;

void leati_group_norm(leat_context *c, const leati_groups *f, const float *x, const float *gamma,
                      const float *beta, double epsilon, float *y, float *mean, float *rate,
                      void *workspace);
/* dgamma and dbeta (groups, width) are overwritten. */
void leati_group_norm_backward(leat_context *c, const leati_groups *f, const float *x,
                               const float *g, const float *gamma, const float *mean,
                               const float *rate, float *dx, float *dgamma, float *dbeta,
                               void *workspace);
size_t leati_group_norm_bytes(const leat_context *c, const leati_groups *f); /* of either */

#endif
