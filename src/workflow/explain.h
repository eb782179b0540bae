/* Looking into the chosen model: permutation importance and the learning curve. */
#ifndef LEATI_WORKFLOW_EXPLAIN_H
#define LEATI_WORKFLOW_EXPLAIN_H

#include "workflow/experiment.h"

/* p: the best pipeline, fitted on all rows. Fills importance, curve and curve_reading, or says in
 * e->skipped why not (too slow on this data, or out of
 * time). curve_reading also
 * says where a network learned its rows by heart. */
leat_status leati_explain(leat_context *c, leat_experiment *e, const leati_pipeline *p);

/* The folds of curves: those of the experiment, at most `most`. Of folds of single rows, and of one
 * hold-out, no curve has a spread: then five folds of their own. leati_curve_folds_fini. */
typedef struct leati_curve_folds {
    leati_folds folds;
    bool own;
} leati_curve_folds;
leat_status leati_curve_folds_make(leat_context *c, const leat_experiment *e, size_t most,
                                   leati_curve_folds *out);
void leati_curve_folds_fini(leati_curve_folds *f);

/* Fits on the rows `train` of a fold and scores on them and on its test rows. Both scores are NaN
 * where the estimator cannot learn from them. */
leat_status leati_fit_scores(leat_context *c, const leat_experiment *e,
                             const leati_estimator *estimator, const leati_recipe *recipe,
                             const leati_fold *fold, const uint32_t *train, size_t train_count,
                             double *train_score, double *validation_score);

#endif
