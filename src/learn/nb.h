/* What the naive Bayes classifiers and the discriminant analyses share: moments of each class, and
 * scores of rows in tiles. */
#ifndef LEATI_LEARN_NB_H
#define LEATI_LEARN_NB_H

#include "kernel/learn_loops.h"
#include "learn/estimator.h"

/* Weighted moments of each class; sums of squared deviations from the class mean. */
typedef struct leati_class_moments {
    size_t classes, cols;
    double *weight;  /* (classes) sum of row weights */
    double *mean;    /* (classes, cols), 0 for a class without weight */
    double *squares; /* (classes, cols) sum of w (x - mean)^2 */
    double total;    /* sum of weight, > 0 */
} leati_class_moments;

/* One read of the data: Welford's update per chunk of rows, chunks combined in order by Chan,
 * Golub and LeVeque (1979, eq. 1.5). LEAT_INVALID when all weights are 0, LEAT_NUMERIC when a
 * square overflows; both name `owner`. */
leat_status leati_class_moments_of(leat_context *c, leati_class_moments *m, const leati_dataset *d,
                                   const char *owner);
void leati_class_moments_fini(leati_class_moments *m);

enum { LEATI_NB_TILE = 8 };

/* Scores (LEATI_NB_TILE, classes) of one tile: xt (cols, LEATI_NB_TILE) holds rows as columns. */
typedef void (*leati_nb_tile_fn)(const leati_estimator *e, const leati_learn_loops *loops,
                                 const double *xt, double *scores);

/* out (rows, classes) = the tile function over all rows, in parallel. */
leat_status leati_nb_scores(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            leati_nb_tile_fn tile, double *out);
/* The `proba` of a class whose decision gives joint log likelihoods. */
leat_status leati_nb_proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out);

/* Natural logarithms of the class priors: of the weights, or all equal. */
void leati_nb_log_prior(const double *weight, size_t classes, bool uniform, double *out);

#endif
