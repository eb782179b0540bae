/* Limited-memory BFGS for smooth functions (Nocedal and Wright 2006, algorithm 7.5, with the strong
 * Wolfe line search of algorithms 3.5 and 3.6), and OWL-QN for a function plus an L1 penalty
 * (Andrew and Gao 2007, with the sign constraint on the step and a backtracking search). */
#ifndef LEATI_LEARN_LBFGS_H
#define LEATI_LEARN_LBFGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

/* *value = f(x), gradient (n) = its gradient. */
typedef leat_status (*leati_objective)(void *user, leat_context *c, const double *x, double *value,
                                       double *gradient);

typedef struct leati_lbfgs_options {
    uint32_t max_iter;
    double tolerance; /* stops when no component of the gradient (with an L1 penalty: of the
                         subgradient of least norm) is larger */
    double precision; /* stops when f falls by less than this times max(|f|, 1); 0: never */
    const double *l1; /* (n) weight of |x_i|, or NULL */
} leati_lbfgs_options;

typedef struct leati_lbfgs_result {
    double value;
    double gradient; /* largest component at the end */
    uint32_t iterations;
    bool converged; /* by either criterion, or no lower point can be told from rounding */
} leati_lbfgs_result;

/* Minimises from x (n), in place. NUMERIC when f is not finite at the start; CANCELLED by the
 * progress hook; errors of the objective are passed on. */
leat_status leati_lbfgs(leat_context *c, size_t n, double *x, leati_objective objective, void *user,
                        const leati_lbfgs_options *options, leati_lbfgs_result *result);

#endif
