/* Naive Bayes on counts: what the multinomial and the Bernoulli model share. Both are linear in
 * the (binarised) features with one row of weights per class. */
#ifndef LEATI_LEARN_NB_COUNTS_H
#define LEATI_LEARN_NB_COUNTS_H

#include "learn/nb.h"

typedef struct leati_nb_counts {
    leati_estimator base;
    double alpha;
    bool fit_prior;
    double binarize;   /* Bernoulli */
    double *log_prior; /* (classes) */
    double *log_prob;  /* (classes, features) log P(feature | class) */
    double *weight;    /* (classes, features) derived: slopes of the scores */
    double *constant;  /* (classes) derived */
} leati_nb_counts;

/* The rows of the parameter table that both have. */
#define LEATI_NB_COUNTS_PARAMS                                                                     \
    {.name = "alpha",                                                                              \
     .type = LEATI_PARAM_REAL,                                                                     \
     .offset = offsetof(leati_nb_counts, alpha),                                                   \
     .standard = "1",                                                                              \
     .least = 1e-10,                                                                               \
     .most = HUGE_VAL,                                                                             \
     .grid = "0.01,0.1,1,10",                                                                      \
     .doc = "Added to every count (Laplace smoothing)."},                                          \
    {                                                                                              \
        .name = "fit_prior", .type = LEATI_PARAM_BOOL,                                             \
        .offset = offsetof(leati_nb_counts, fit_prior), .standard = "true",                        \
        .doc = "Prior probabilities of the classes from their frequencies; false: all equal."      \
    }

/* total (classes): sum of row weights; sum (classes, features): of w x, or with `binary` of
 * w [x > binarize]. Both zeroed by the caller. In parallel; the parts do not depend on the number
 * of threads. LEAT_INVALID when all weights are 0, or for a negative x without `binary`. */
leat_status leati_nb_counts_sum(const leati_nb_counts *n, leat_context *c, const leati_dataset *d,
                                bool binary, double *total, double *sum);
leat_status leati_nb_counts_save(const leati_estimator *e, leat_context *c, leati_state *s);
/* log_prior and log_prob (each <= 0); the caller derives the rest. */
leat_status leati_nb_counts_load(leati_nb_counts *n, leat_context *c, leati_state *s);
void leati_nb_counts_clear(leati_estimator *e);
/* log_prior, log_prob, weight and constant, for the estimator's classes and features. */
leat_status leati_nb_counts_alloc(leati_nb_counts *n, leat_context *c);

#endif
