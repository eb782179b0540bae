/* Principal components of few rows or few columns. */
#ifndef LEATI_LEARN_PCA_H
#define LEATI_LEARN_PCA_H

#include <stddef.h>

#include <leat/context.h>

/* The rows of x (n, d), finite, in the coordinates of their first k principal components: out
 * (n, k), share (k) of the variance that each has. k <= min(n, d). By the eigenvectors of the
 * smaller of the matrices X'X and XX' of the centred rows, whose products are f32. The sign of a
 * component is such that its score of greatest size is positive. NOMEM, NUMERIC. */
leat_status leati_pca(leat_context *c, const float *x, size_t n, size_t d, size_t k, double *out,
                      double *share);

#endif
