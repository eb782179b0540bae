/* Which estimators an experiment tries, with which parameters. */
#ifndef LEATI_WORKFLOW_CANDIDATES_H
#define LEATI_WORKFLOW_CANDIDATES_H

#include "workflow/experiment.h"

/* Fills e->candidates from options->models (or what suits the data), options->set and
 * options->preprocess; the baseline is always among them. */
leat_status leati_candidates_make(leat_context *c, leat_experiment *e,
                                  const leat_experiment_options *options);
/* Names the parameters that differ from the defaults in k->params. */
leat_status leati_candidate_describe(leat_context *c, leati_candidate *k);
void leati_candidate_fini(leati_candidate *k);
leat_leaderboard_row leati_candidate_row(const leati_candidate *k);

/* Cross-validates one candidate on the folds of the experiment: scores, times, predictions. An
 * error of the estimator on this data is recorded in k->failed and is no error of this function;
 * out of memory and interruption are. `done` counts fits for the progress display. */
leat_status leati_candidate_run(leat_context *c, leat_experiment *e, leati_candidate *k,
                                size_t *done, size_t total);

#endif
