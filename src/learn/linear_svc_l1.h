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
#include "kernel/vec.h"
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
    bool converged, done; /* done: converged, or `most` passes were made */

    /* The solver's own. */
    const leati_vec *vec;
    double *margin;  /* (rows) 1 - y x.w */
    double *space;   /* (rows) a column in f64 */
    double *square;  /* (cols) sum of cost x^2 */
    uint32_t *index; /* (cols) active features first */
    size_t active;
    double limit, next_limit, sum; /* largest violation before and now, sum now */
    double first;                  /* sum of the first pass */
    bool moved;                    /* in this pass: if nothing does, rounding is reached */
} leati_l1;

/* Init, run and fini are as those of leati_dual_cd. */
leat_status leati_l1_init(leat_context *c, leati_l1 *p);
void leati_l1_run(leati_l1 *p, uint32_t passes);
void leati_l1_fini(leati_l1 *p);

#endif
