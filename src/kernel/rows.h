/* Softmax, cross-entropy, norms, lookups and changes of layout, f32, parallel over rows; no
 * allocation. Sums over rows run in chunks that depend on the sizes only and are added in order:
 * results are bitwise equal for any number of threads at one CPU level. */
#ifndef LEATI_KERNEL_ROWS_H
#define LEATI_KERNEL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "kernel/activation.h"

/* y (rows, n) = softmax of each row, or its logarithm. y may be x. */
void leati_softmax(leat_context *c, bool log, size_t rows, size_t n, const float *x, float *y);
/* From what came out, y: dx = y (g - sum g y); for the logarithm g - e^y sum g. dx may be g. */
void leati_softmax_backward(leat_context *c, bool log, size_t rows, size_t n, const float *y,
                            const float *g, float *dx);

/* out = activation(x), or g times its derivative at x. out may be x (or g). */
void leati_activation_forward(leat_context *c, leati_activation kind, size_t n, const float *x,
                              float *out);
void leati_activation_backward(leat_context *c, leati_activation kind, size_t n, const float *x,
                               const float *g, float *out);

/* Rows of logits against labels 0 .. n-1. A row whose label is `ignored` has loss and gradient 0.
 */
typedef struct leati_cross_entropy {
    const int64_t *labels; /* (rows) */
    int64_t ignored;       /* -100 in PyTorch */
    float smoothing;       /* of labels; Szegedy et al. 2016, section 7 */
    const float *weights;  /* (n), or NULL */
    float scale;           /* of the gradient: 1 / rows for a mean */
} leati_cross_entropy;

/* loss (rows): (1 - s) w[y] (lse - x[y]) + s / n sum_j w[j] (lse - x[j]); grad (rows, n) of the sum
 * of losses, times scale, or NULL. A label that is out of range gives a loss and gradient of NaN:
 * check labels before. grad may be x. */
void leati_cross_entropy_rows(leat_context *c, const leati_cross_entropy *e, size_t rows, size_t n,
                              const float *x, float *loss, float *grad);

/* Layer norm (Ba et al. 2016) and root mean square norm (Zhang and Sennrich 2019) of rows. gamma,
 * beta (n) may be NULL. mean and rate = 1 / sqrt(variance + epsilon) (rows) serve the backward. */
void leati_norm_forward(leat_context *c, bool rms, size_t rows, size_t n, const float *x,
                        const float *gamma, const float *beta, float epsilon, float *y, float *mean,
                        float *rate);
/* dgamma, dbeta (n) are overwritten; either may be NULL. */
void leati_norm_backward(leat_context *c, bool rms, size_t rows, size_t n, const float *x,
                         const float *g, const float *gamma, const float *mean, const float *rate,
                         float *dx, float *dgamma, float *dbeta, void *workspace);
size_t leati_norm_bytes(size_t rows, size_t n); /* workspace of the backward */

/* y (count, n) = rows `index` of table; index is checked by the caller. */
void leati_embedding_forward(leat_context *c, size_t count, size_t n, const int64_t *index,
                             const float *table, float *y);
/* dtable rows `index` += g, in the order of the rows of g. */
void leati_embedding_backward(leat_context *c, size_t count, size_t n, const int64_t *index,
                              const float *g, float *dtable);

/* out (batch, n, m) = in (batch, m, n): (N, C, H W) to (N, H W, C) and back. */
void leati_transpose(leat_context *c, size_t batch, size_t m, size_t n, const float *in,
                     float *out);

#endif
