/* Lower bounds of distances from few coordinates, for nearest neighbours in many dimensions.
 *
 * Rows are projected on the leading principal directions of a sample; what the projection leaves
 * over enters by its length as one more coordinate. By the triangle inequality distances of these
 * coordinates are never larger than those of the rows, and where the data lies near a subspace
 * they rule out nearly all rows. */
#ifndef LEATI_LEARN_KNN_PROJECTION_H
#define LEATI_LEARN_KNN_PROJECTION_H

#include "learn/dataset.h"

typedef struct leati_projection {
    size_t cols, dims; /* dims coordinates and the length of the rest; 0: not worth it */
    double *mean;      /* (cols) */
    double *basis;     /* (dims, cols) orthonormal rows, or rows of zeros */
} leati_projection;

/* p->dims is 0 for small or narrow data and where the directions hold less than 4/5 of the
 * variance. Depends on x alone. */
leat_status leati_projection_init(leat_context *c, leati_projection *p, const leati_matrix *x);
void leati_projection_fini(leati_projection *p);

/* out (rows, dims + 1). */
leat_status leati_projection_apply(leat_context *c, const leati_projection *p,
                                   const leati_matrix *x, float *out);

#endif
