/* Eigenvalues and eigenvectors of a symmetric matrix. */
#ifndef LEATI_LEARN_SYMMETRIC_EIGEN_H
#define LEATI_LEARN_SYMMETRIC_EIGEN_H

#include <stddef.h>

#include <leat/context.h>

/* a (n, n), symmetric and finite: replaced by orthonormal eigenvectors, one a row, in the order of
 * value (n), the largest first. Householder tridiagonalisation, then QL steps with implicit shifts
 * (Golub and Van Loan, 4th edition, sections 8.3.1 and 8.3.3): errors are a few n eps |a|.
 * LEAT_NOMEM; LEAT_NUMERIC when a value does not converge. */
leat_status leati_symmetric_eigen(leat_context *c, size_t n, double *a, double *value);

#endif
