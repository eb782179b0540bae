/* Choosing an estimator's parameters by search over the folds of an experiment. */
#ifndef LEATI_WORKFLOW_TUNE_H
#define LEATI_WORKFLOW_TUNE_H

#include "workflow/experiment.h"

/* Sets the parameters of k->estimator to the best of k->space on the experiment's folds (for a
 * nested split: on inner folds of all rows, for the final model only), with at most `trials`
 * trials (0: all). Ends early enough for the cross-validation and the final fit that follow within
 * the time budget; CANCELLED when it ends the first trial. That no setting works is recorded in
 * k->failed. */
leat_status leati_tune(leat_context *c, leat_experiment *e, leati_entry *k, size_t trials);
/* The estimator with the best parameters on folds within the training rows of `outer`. */
leat_status leati_tune_inner(leat_context *c, leat_experiment *e, leati_entry *k,
                             const leati_fold *outer, leati_estimator **out);

#endif
