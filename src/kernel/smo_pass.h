/* The loops over all variables of an iteration of sequential minimal optimisation (learn/smo.h):
 * contiguous operands, no allocation, one thread. */
#ifndef LEATI_KERNEL_SMO_PASS_H
#define LEATI_KERNEL_SMO_PASS_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

enum { LEATI_SMO_UP = 1, LEATI_SMO_LOW = 2 }; /* may rise, may fall */

typedef struct leati_smo_range {
    double up;     /* largest f among UP, -inf without any */
    size_t arg_up; /* the last place that has it */
    double low;    /* smallest f among LOW, inf without any */
} leati_smo_range;

typedef struct leati_smo_pass {
    leati_smo_range (*range)(size_t n, const double *f, const uint8_t *state);
    /* f[t] -= delta (row_i[t] - row_j[t]), then range. */
    leati_smo_range (*update)(size_t n, double *f, const uint8_t *state, const float *row_i,
                              const float *row_j, double delta);
    /* The last t in LOW with f[t] < top that maximises (top - f[t])^2 / (self_i + self[t] - 2
     * row_i[t]), curvature at least 1e-12. There must be one. */
    size_t (*partner)(size_t n, const double *f, const uint8_t *state, const float *row_i,
                      const double *self, double top, double self_i);
} leati_smo_pass;

const leati_smo_pass *leati_smo_pass_of(const leat_context *c);

#endif
