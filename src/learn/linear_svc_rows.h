/* Packed rows of a linear machine, with the intercept as one more feature, and the products that
 * its solvers are made of. */
#ifndef LEATI_LEARN_LINEAR_SVC_ROWS_H
#define LEATI_LEARN_LINEAR_SVC_ROWS_H

#include "kernel/vec.h"
#include "learn/dataset.h"

typedef struct leati_linear_rows {
    size_t rows, cols; /* cols counts the intercept */
    double *f64;       /* (rows, cols), exactly one of the two is set; owned. f32 for f32 input: no
                          value is rounded, and all sums are f64 */
    float *f32;
    double *square; /* (rows) squared norms; owned */
    const leati_vec *vec;
} leati_linear_rows;

/* The rows order[0..count-1] of x; intercept > 0: a last feature of that value. */
leat_status leati_linear_rows_init(leat_context *c, leati_linear_rows *out, const leati_matrix *x,
                                   const uint32_t *order, size_t count, double intercept);
void leati_linear_rows_fini(leati_linear_rows *rows);

/* out (rows, count) = X W, W (cols, count). */
leat_status leati_linear_rows_scores(leat_context *c, const leati_linear_rows *x, const double *w,
                                     size_t count, double *out);
/* out (cols, count) = X' U, U (rows, count). */
leat_status leati_linear_rows_back(leat_context *c, const leati_linear_rows *x, const double *u,
                                   size_t count, double *out);
/* gram (cols, cols) += sum of s_i x_i x_i' over rows index[0..count-1], where |s_i| = scale[index]
 * and the sign is that of `sign`. */
leat_status leati_linear_rows_gram(leat_context *c, const leati_linear_rows *x,
                                   const uint32_t *index, size_t count, const double *scale,
                                   double sign, double *gram);

/* One row, on the calling thread. */
double leati_linear_rows_dot(const leati_linear_rows *x, size_t row, const double *w);
void leati_linear_rows_add(const leati_linear_rows *x, size_t row, double a, double *w);

/* out (x->rows, count) = x coef' + intercept; coef (count, x->cols). */
leat_status leati_linear_predict(leat_context *c, const leati_matrix *x, const double *coef,
                                 const double *intercept, size_t count, double *out);

#endif
