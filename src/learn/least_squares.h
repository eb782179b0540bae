/* Linear least squares, plain and with an L2 penalty:
 *   minimise sum_i w_i (y_i - b0 - x_i b)^2 + alpha |b|^2;
 * without a unique solution, the one of least |b|.
 *
 * Tall well-conditioned problems go by Cholesky on the centred and scaled Gram matrix with
 * iterative refinement on the data (corrected seminormal equations, Bjorck 1987), which a bound on
 * the condition number guards; wide penalised ones by the dual; all others by pivoted QR with
 * refinement in twice the working precision (Bjorck 1967; Demmel et al. 2009). */
#ifndef LEATI_LEARN_LEAST_SQUARES_H
#define LEATI_LEARN_LEAST_SQUARES_H

#include "learn/design.h"
#include "learn/glm.h"

typedef enum leati_ls_method { LEATI_LS_AUTO, LEATI_LS_CHOLESKY, LEATI_LS_QR } leati_ls_method;

/* Fills a fresh one-output *out. NUMERIC when the answer is not finite, or when CHOLESKY is asked
 * for and the problem is too ill-conditioned for it. */
leat_status leati_least_squares(leat_context *c, const leati_dataset *d, bool intercept,
                                double alpha, leati_ls_method method, leati_glm *out);

/* The careful path, for least_squares.c. coef (cols). */
leat_status leati_least_squares_qr(leat_context *c, const leati_design *g, bool intercept,
                                   double alpha, double *coef, double *constant);

#endif
