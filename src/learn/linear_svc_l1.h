/* Coordinate descent on linear machines with the l1 penalty and the squared hinge loss:
 *
 *   min over w of |w|_1 + sum over i of cost_i max(0, 1 - y_i x_i.w)^2
 *
 * One-variable Newton directions with a line search and shrinking of features that stay 0: Yuan,
 * Chang, Hsieh, Lin, "A comparison of optimization methods and software for large-scale
 * L1-regularized linear classification", JMLR 11 (2010), section 4 and appendix. */
#ifndef LEATI_LEARN_LINEAR_SVC_L1_H
#define LEATI_LEARN_LINEAR_SVC_L1_H

#include "base/rng.h"
#include "learn/linear_svc_rows.h"

/* Columns of the rows: (cols, rows), in the precision of the rows. */
typedef struct leati_linear_columns {
    size_t rows, cols;
    double *f64;
    float *f32;
} leati_linear_columns;

leat_status leati_linear_columns_init(leat_context *c, leati_linear_columns *out,
                                      const leati_linear_rows *x);
void leati_linear_columns_fini(leati_linear_columns *x);

typedef struct leati_l1 {
    const leati_linear_columns *x;
    const double *y;    /* (rows) -1 or 1 */
    const double *cost; /* (rows) > 0 */
    double tol;         /* on the violation relative to the first pass */
    uint32_t most;      /* passes */
    leati_rng rng;      /* the order of features */
    double *w;          /* (cols) out */
    uint32_t passes;
    bool converged;
} leati_l1;

/* On the calling thread, which may be a worker: records nothing. Fails with LEAT_NOMEM only. */
leat_status leati_l1_solve(const leat_context *c, leati_l1 *p);

#endif
