/* Newton's method for the logistic loss where its Hessian is small: by Cholesky, and with an L1
 * part by coordinate descent on the quadratic model (proximal Newton: Lee, Sun and Saunders 2014;
 * Friedman, Hastie and Tibshirani 2010), both with a backtracking line search. */
#ifndef LEATI_LEARN_LOGISTIC_NEWTON_H
#define LEATI_LEARN_LOGISTIC_NEWTON_H

#include "learn/lbfgs.h"
#include "learn/logistic_loss.h"

/* Minimises F(theta) + l1 |coef|_1 from theta (width), in place; stops as leati_lbfgs does, by the
 * same measure of the gradient. *done is false when the Hessian is not positive definite in
 * floating point: another solver goes on from there. */
leat_status leati_logistic_newton(leat_context *c, leati_logistic *p, double l1,
                                  const leati_lbfgs_options *options, double *theta,
                                  leati_lbfgs_result *result, bool *done);

#endif
