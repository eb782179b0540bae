/* Steps of training over flat f32 buffers: one pass each, parallel, no allocation; elements do not
 * depend on each other, so results are bitwise equal for any number of threads. Moments and
 * velocities below the normal range become 0; second moments only beside an epsilon of at least
 * LEATI_ADAM_EPSILON. */
#ifndef LEATI_KERNEL_NET_STEP_H
#define LEATI_KERNEL_NET_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* g is used as clamp(g * scale, -limit, limit): clipping by norm and by value; limit may be inf.
 * The caller counts steps: correction_1 = 1 - beta_1^t, correction_2 = 1 - beta_2^t. */
typedef struct leati_adam {
    double beta_1, beta_2; /* what is left to 1 has few digits in f32 */
    float rate, epsilon, weight_decay, scale, limit, correction_1, correction_2;
    bool decoupled; /* AdamW: decay of the weights, not of the gradient */
} leati_adam;

#define LEATI_ADAM_EPSILON 1e-10f

/* Adam (Kingma and Ba 2015, algorithm 1), AdamW (Loshchilov and Hutter 2019, algorithm 2). */
void leati_adam_step(leat_context *c, const leati_adam *o, size_t n, float *w, const float *g,
                     float *m, float *v);

/* v = momentum v + (1 - damping) d, with v = d in the first step; w -= rate (v, or with Nesterov
 * d + momentum v), where d = g + weight_decay w. `velocity` may be NULL without momentum. */
typedef struct leati_sgd {
    float rate, momentum, damping, weight_decay, scale, limit;
    bool nesterov, first;
} leati_sgd;

void leati_sgd_step(leat_context *c, const leati_sgd *o, size_t n, float *w, const float *g,
                    float *velocity);

/* The sum of squares in f64, in chunks of fixed size: the square of a gradient's norm. */
double leati_sum_squares(leat_context *c, size_t n, const float *x);

#endif
