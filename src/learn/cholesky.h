/* A = L L^T for symmetric positive definite matrices (Golub and Van Loan, section 4.2), row-major,
 * blocked over our own matrix product. Bitwise equal results for any number of threads. */
#ifndef LEATI_LEARN_CHOLESKY_H
#define LEATI_LEARN_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

#include <leat/context.h>

/* Overwrites the lower triangle of a (n, n) by L; the upper one is left undefined. *definite is
 * false, and `a` spoilt, when a pivot is not above 0 or not finite. Fails only with LEAT_NOMEM. */
leat_status leati_cholesky(leat_context *c, size_t n, double *a, bool *definite);

/* b = (L L^T)^-1 b, and its halves b = L^-1 b and b = L^-T b. */
void leati_cholesky_solve(leat_context *c, size_t n, const double *l, double *b);
void leati_cholesky_forward(leat_context *c, size_t n, const double *l, double *b);
void leati_cholesky_backward(leat_context *c, size_t n, const double *l, double *b);

/* The Frobenius norm of L^-1: an upper bound on 1 / (smallest singular value). O(n^3 / 3). */
leat_status leati_cholesky_inverse_norm(leat_context *c, size_t n, const double *l, double *norm);

#endif
