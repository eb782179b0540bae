/* The design matrix as linear solvers want it: column means and spreads, the centred Gram matrix,
 * a centred copy by columns. All sums run in chunks that depend on the data's size only. */
#ifndef LEATI_LEARN_DESIGN_H
#define LEATI_LEARN_DESIGN_H

#include "learn/dataset.h"

typedef struct leati_design {
    const leati_dataset *d;
    double weight_sum;
    double *mean;   /* (cols) weighted; what is subtracted from x: zeros without an intercept */
    double *spread; /* (cols) weighted standard deviation */
    double *rms;    /* (cols) root mean square of what is left: the spread, or without an intercept
                       of x itself */
    double y_mean;  /* what is subtracted from y (REGRESS): 0 without an intercept */
} leati_design;

/* INVALID when all weights are 0, NUMERIC when a moment overflows. */
leat_status leati_design_init(leat_context *c, leati_design *g, const leati_dataset *d,
                              bool intercept);
void leati_design_fini(leati_design *g);

/* out (rows, cols) packed: rows [from, from + rows) of x, centred; times sqrt(weight) when
 * `weighted`. May run in workers. */
void leati_design_rows(const leati_design *g, size_t from, size_t rows, bool weighted, double *out);

/* gram (cols, cols) = Xc^T W Xc, both triangles; xy (cols) = Xc^T W yc; *yy = yc^T W yc. */
leat_status leati_design_gram(leat_context *c, const leati_design *g, double *gram, double *xy,
                              double *yy);

/* x (cols, rows): column after column, centred and times sqrt(weight); y (rows) likewise. */
leat_status leati_design_columns(leat_context *c, const leati_design *g, double *x, double *y);

/* sum of mean[j] * coef[j] in twice the working precision (Ogita, Rump and Oishi 2005), for
 * intercepts: y_mean minus this. */
double leati_design_offset(const leati_design *g, const double *coef);

#endif
