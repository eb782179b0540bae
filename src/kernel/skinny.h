/* Products of a block of rows with a few weight vectors, and their transposes: the two halves of a
 * linear model's gradient. One thread, no allocation, no errors; made for blocks of rows that stay
 * in the second-level cache between the halves and weights that stay in the first. */
#ifndef LEATI_KERNEL_SKINNY_H
#define LEATI_KERNEL_SKINNY_H

#include <stddef.h>

#include "kernel/kernels.h"

/* z (outputs, rows) = W X^T, rows of z `ldz` apart; X (rows, cols), its rows `ldx` apart;
 * W (outputs, cols). Each element is one sum that does not depend on rows or outputs. */
void leati_forward_f32(const leati_kernels *level, size_t rows, size_t cols, size_t outputs,
                       const float *x, size_t ldx, const float *w, float *z, size_t ldz);
void leati_forward_f64(const leati_kernels *level, size_t rows, size_t cols, size_t outputs,
                       const double *x, size_t ldx, const double *w, double *z, size_t ldz);
/* g (outputs, cols) += P X; P (outputs, rows), its rows `ldp` apart. */
void leati_backward_f32(const leati_kernels *level, size_t rows, size_t cols, size_t outputs,
                        const float *x, size_t ldx, const float *p, size_t ldp, float *g);
void leati_backward_f64(const leati_kernels *level, size_t rows, size_t cols, size_t outputs,
                        const double *x, size_t ldx, const double *p, size_t ldp, double *g);

#endif
