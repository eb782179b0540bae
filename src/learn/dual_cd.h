/* Coordinate descent on the dual of linear machines, with shrinking.
 *
 * Classes: min over 0 <= alpha_i <= U_i of 1/2 alpha'(Q + D)alpha - sum alpha. The hinge loss has
 * U = C, D = 0; the squared hinge U = infinity, D = 1 / (2 C). Hsieh, Chang, Lin, Keerthi,
 * Sundararajan, "A dual coordinate descent method for large-scale linear SVM", ICML 2008,
 * algorithm 3.
 * Numbers: Ho, Lin, "Large-scale linear support vector regression", JMLR 13 (2012), algorithm 4. */
#ifndef LEATI_LEARN_DUAL_CD_H
#define LEATI_LEARN_DUAL_CD_H

#include "base/rng.h"
#include "learn/linear_svc_rows.h"

typedef struct leati_dual_cd {
    const leati_linear_rows *x;
    const double *y;    /* (rows): -1 or 1, or the numbers */
    const double *cost; /* (rows) > 0 */
    bool regression;
    bool squared;   /* the squared loss */
    double epsilon; /* of regression */
    double tol;
    uint32_t most; /* passes */
    leati_rng rng; /* the order of rows */
    double *w;     /* (cols) out */
    uint32_t passes;
    bool converged, done; /* done: converged, or `most` passes were made */

    /* The solver's own. */
    double *alpha;   /* (rows) */
    uint32_t *index; /* (rows) active rows first */
    size_t active;
    double high, low; /* bounds of the projected gradient in the last pass; beyond: shrink */
    double next_high, next_low, sum, first;
    bool moved; /* in this pass: if nothing does, rounding is reached */
} leati_dual_cd;

/* Starts at alpha = 0, w = 0. */
leat_status leati_dual_cd_init(leat_context *c, leati_dual_cd *p);
/* At most `passes` more: a solver that runs in parts lets its caller ask whether to go on, and the
 * parts change no bit. May run in a worker. */
void leati_dual_cd_run(leati_dual_cd *p, uint32_t passes);
/* Passes that take some tens of milliseconds on these rows. */
uint32_t leati_dual_cd_round(const leati_linear_rows *x);
void leati_dual_cd_fini(leati_dual_cd *p);

#endif
