/* Newton's method on the primal of linear machines with squared losses:
 *
 *   min over w of 1/2 |w|^2 + sum over i of cost_i loss_i(x_i.w)
 *   classes  loss = max(0, 1 - y z)^2           numbers  loss = max(0, |y - z| - epsilon)^2
 *
 * Both are (target_i - z_i)^2 on the rows beyond the margin, so that for a given set of such rows
 * the minimum is a ridge regression. Each step goes to that minimum's direction with an exact line
 * search along the piecewise quadratic: Keerthi, DeCoste, "A modified finite Newton method for fast
 * solution of large scale linear SVMs", JMLR 6 (2005), section 3; it ends after finitely many.
 *
 * It stops where LIBLINEAR does: |gradient| at most tol * (share of the smaller class) * |gradient
 * at 0| (Fan et al., JMLR 9 (2008), appendix). Many points pass that test. Ours are near
 * LIBLINEAR's because directions are solved for no further than the test asks (Dembo, Eisenstat and
 * Steihaug, "Inexact Newton methods", SIAM J. Numer. Anal. 19 (1982)); exact ones would overshoot a
 * loose tolerance towards the optimum, at the cost of accuracy on new rows. */
#ifndef LEATI_LEARN_LINEAR_SVC_NEWTON_H
#define LEATI_LEARN_LINEAR_SVC_NEWTON_H

#include "learn/linear_svc_rows.h"

/* Machines over the same rows, solved together: passes over the rows serve all of them. */
typedef struct leati_newton {
    const leati_linear_rows *x;
    size_t machines;
    const double *y;    /* (machines, rows) */
    const double *cost; /* (machines, rows) > 0 */
    bool shared_cost;   /* cost is (rows), the same for all machines */
    bool regression;
    double epsilon;
    double tol; /* on |gradient| relative to the first one, as LIBLINEAR counts it */
    uint32_t most;
    double *w;      /* (machines, cols) out */
    uint32_t steps; /* most of any machine */
    bool converged; /* all machines */
} leati_newton;

leat_status leati_newton_solve(leat_context *c, leati_newton *p);

#endif
