/* What linear and quadratic discriminant analysis share: scatter matrices, shrinkage, factors. */
#ifndef LEATI_LEARN_DISCRIMINANT_H
#define LEATI_LEARN_DISCRIMINANT_H

#include "learn/nb.h"

enum { LEATI_ALL_CLASSES = -1 };

/* out (cols, cols) = sum over the rows of one class (or of all) of z z^T with
 * z = (x - mean of its class) * scale; scale (cols) or NULL: 1. fourth, if not NULL, is
 * sum (z^T z)^2. Sums run in blocks of rows that do not depend on the number of threads. */
leat_status leati_scatter(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                          int class, const double *scale, double *out, double *fourth);

/* The same over all classes in about half the time: products in f32, blocks added in f64. With
 * rows scaled to unit deviation an entry over the number of rows is right to about 1e-6. */
leat_status leati_scatter_f32(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                              const double *scale, double *out);

/* out (rows, cols) = (x - mean of its class) * scale. */
void leati_rows_within(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                       const double *scale, double *out);

/* Shrinkage of Ledoit and Wolf (2004, "A well-conditioned estimator for large-dimensional
 * covariance matrices", section 3.2) for a scatter matrix of n rows; see leati_scatter. */
double leati_ledoit_wolf(const double *scatter, size_t cols, double rows, double fourth);

/* Covariance of one class: shrinkage as in scikit-learn: choice 0 none, 1 auto (Ledoit and Wolf
 * on standardised features), else the number: (1 - s) C + s tr(C)/p I. */
leat_status leati_class_covariance(leat_context *c, const leati_dataset *d,
                                   const leati_class_moments *m, size_t class,
                                   const leati_mixed *shrinkage, double *out);
/* a (n, n) = (1 - s) a + s tr(a)/n I. */
void leati_shrink(double *a, size_t n, double s);

/* Whether every eigenvalue of the symmetric matrix a (n, n) is above `least`: whether a - least I
 * has a Cholesky factor (Sylvester's law of inertia). */
leat_status leati_eigenvalues_above(leat_context *c, const double *a, size_t n, double least,
                                    bool *above);

/* out (rows, count) = x w^T + constant; w (count, cols), constant (count). */
leat_status leati_linear_scores(leat_context *c, const leati_matrix *x, const double *w,
                                const double *constant, size_t count, double *out);

#endif
