/* Products of a block of rows with a few weight vectors, and their transposes: the two halves of a
 * linear model's gradient. One thread, no allocation, no errors; made for blocks of rows that stay
 * in the second-level cache between the halves and weights that stay in the first. */
#ifndef LEATI_KERNEL_SKINNY_H
#define LEATI_KERNEL_SKINNY_H

#include <stddef.h>

#include <leat/context.h>

typedef struct leati_skinny {
    /* z (rows, outputs) = X W^T; X (rows, cols) with row distance ldx, W (outputs, cols). */
    void (*forward_f32)(size_t rows, size_t cols, size_t outputs, const float *x, size_t ldx,
                        const float *w, float *z);
    void (*forward_f64)(size_t rows, size_t cols, size_t outputs, const double *x, size_t ldx,
                        const double *w, double *z);
    /* g (outputs, cols) += P^T X; P (rows, outputs). */
    void (*backward_f32)(size_t rows, size_t cols, size_t outputs, const float *x, size_t ldx,
                         const float *p, float *g);
    void (*backward_f64)(size_t rows, size_t cols, size_t outputs, const double *x, size_t ldx,
                         const double *p, double *g);
} leati_skinny;

/* The table of the context's level. */
const leati_skinny *leati_skinny_of(const leat_context *c);

#endif
