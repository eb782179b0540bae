/* A P = Q R by Householder reflections with column pivoting (Businger and Golub 1965; Golub and
 * Van Loan, section 5.4), for the careful path of least squares. Matrices are stored column after
 * column. Columns are updated in parallel, each by one thread: results are bitwise equal for any
 * number of threads. */
#ifndef LEATI_LEARN_QR_H
#define LEATI_LEARN_QR_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

typedef struct leati_qr {
    size_t rows, cols;
    size_t rank;   /* columns whose pivot exceeds the tolerance */
    double *a;     /* (cols, rows): column j holds R[0..j] and below it the reflection's vector */
    double *tau;   /* (min(rows, cols)) */
    size_t *pivot; /* (cols): column j of A P is column pivot[j] of A */
} leati_qr;

/* Takes over `a` (cols, rows), also on failure. The first `fixed` columns are not exchanged. A
 * column counts as dependent when what is left of it is at most `tolerance` times the largest
 * column norm. */
leat_status leati_qr_init(leat_context *c, leati_qr *q, double *a, size_t rows, size_t cols,
                          size_t fixed, double tolerance);
void leati_qr_fini(leati_qr *q);

void leati_qr_apply_transposed(leat_context *c, const leati_qr *q, double *b); /* b = Q^T b */
void leati_qr_apply(leat_context *c, const leati_qr *q, double *b);            /* b = Q b */
/* With R the leading (rank, rank) block: b = R^-1 b and b = R^-T b. */
void leati_qr_solve(leat_context *c, const leati_qr *q, double *b);
void leati_qr_solve_transposed(leat_context *c, const leati_qr *q, double *b);

#endif
