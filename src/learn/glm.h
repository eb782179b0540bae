/* What every linear model has learned: scores = X coef^T + intercept.
 *
 * Owns the arrays, their file form, scores and importance; how they are learned is the business of
 * the estimators. A classifier of two classes keeps one output, the score of class 1. */
#ifndef LEATI_LEARN_GLM_H
#define LEATI_LEARN_GLM_H

#include "learn/estimator.h"

typedef struct leati_glm {
    size_t outputs, features;
    double *coef;      /* (outputs, features) */
    double *intercept; /* (outputs) */
    double *spread;    /* (features) standard deviation of each column of the training data */
} leati_glm;

/* Outputs of an estimator for its task: 1, or for more than two classes their number. */
size_t leati_glm_outputs(const leati_estimator *e);

/* Zeroed arrays, replacing what was there. */
leat_status leati_glm_init(leat_context *c, leati_glm *g, size_t outputs, size_t features);
void leati_glm_clear(leati_glm *g); /* idempotent */

/* out (rows, outputs), in f64 whatever the precision of x. A row's scores do not depend on the
 * other rows of x. */
leat_status leati_glm_scores(const leati_glm *g, leat_context *c, const leati_matrix *x,
                             double *out);
/* out (rows, classes): as leati_glm_scores, but two classes get the scores -s and s. */
leat_status leati_glm_decision(const leati_glm *g, leat_context *c, const leati_matrix *x,
                               double *out);
/* out (rows): class numbers; a score above 0 is class 1 of two. */
leat_status leati_glm_classify(const leati_glm *g, leat_context *c, const leati_matrix *x,
                               double *out);

/* Arrays "coef", "intercept" and "spread". load checks shapes and that every value is finite. */
leat_status leati_glm_save(const leati_glm *g, leati_state *s);
leat_status leati_glm_load(leati_glm *g, leat_context *c, leati_state *s, size_t outputs,
                           size_t features);

/* out (features): mean over outputs of |coef| times the spread of the column, that is the change
 * of the score over one standard deviation of the feature. */
void leati_glm_importance(const leati_glm *g, double *out);

/* Fresh (classes): sum of row weights / (classes * weight of the class), what class_weight=balanced
 * multiplies the rows of each class by. NULL with LEAT_NOMEM recorded. */
double *leati_glm_balance(leat_context *c, const leati_dataset *d);

/* The part that all estimators of linear models share; their structs begin with it. A classifier
 * without probabilities or a regressor takes the functions below as they are. */
typedef struct leati_glm_estimator {
    leati_estimator base;
    leati_glm glm;
} leati_glm_estimator;

leat_status leati_glm_class_predict(const leati_estimator *e, leat_context *c,
                                    const leati_matrix *x, double *out);
leat_status leati_glm_class_decision(const leati_estimator *e, leat_context *c,
                                     const leati_matrix *x, double *out);
leat_status leati_glm_class_save(const leati_estimator *e, leat_context *c, leati_state *s);
leat_status leati_glm_class_load(leati_estimator *e, leat_context *c, leati_state *s);
void leati_glm_class_clear(leati_estimator *e);
leat_status leati_glm_class_importance(const leati_estimator *e, leat_context *c, double *out);

#endif
