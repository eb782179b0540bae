/* Which estimators an experiment tries, with which parameters. */
#ifndef LEATI_WORKFLOW_ENTRIES_H
#define LEATI_WORKFLOW_ENTRIES_H

#include "workflow/experiment.h"

/* Fills e->entries from options->models (or what suits the data), options->set and
 * options->preprocess; the baseline is always among them. */
leat_status leati_entries_make(leat_context *c, leat_experiment *e,
                               const leat_experiment_options *options);
/* Names the parameters that differ from the defaults in k->params. */
leat_status leati_entry_describe(leat_context *c, leati_entry *k);
void leati_entry_fini(leati_entry *k);
leat_leaderboard_row leati_entry_row(const leati_entry *k);

/* An experiment whose schema, folds and entries stand, and nothing else. */
leat_status leati_experiment_ready(leat_context *c, leat_experiment **out, leat_frame *train,
                                   const leat_experiment_options *options);

/* The first entry that is a network; NULL: none is. */
const leati_entry *leati_entry_network(const leat_experiment *e);

/* Cross-validates one candidate on the folds of the experiment: scores, times, predictions. An
 * error of the estimator on this data is recorded in k->failed and is no error of this function;
 * out of memory and interruption are. `done` counts fits for the progress display. */
leat_status leati_entry_run(leat_context *c, leat_experiment *e, leati_entry *k, size_t *done,
                            size_t total);

/* Takes the error `st` of a fit out of the context and into k->failed, behind `what` (may be ""),
 * if it says that the estimator does not suit the data; every other error is returned as it is. */
leat_status leati_entry_fail(leat_context *c, const leat_experiment *e, leati_entry *k,
                             leat_status st, const char *what);
/* What failed, without the name of the estimator in front of it. */
const char *leati_entry_why(const leati_entry *k, const char *message);

/* Where the fit of an entry on a fold keeps what it would not lose, in the folder of the run:
 * leati_free. NULL: NOMEM. */
char *leati_fold_folder(leat_context *c, const char *run, const leati_entry *k, size_t fold);

/* Whether every fold tests one row, once: of single rows most metrics say nothing (R2, AUC), so the
 * score of such folds is that of all their predictions together. */
bool leati_folds_single(const leati_fold *fold, size_t count);
/* Mean score of an estimator on `some` of the folds, or their score together where they test single
 * rows; the error of a fit is returned as it is. NaN: the metric has no value there. each: (some)
 * the scores of the folds, NaN where they test single rows. */
leat_status leati_folds_score(leat_context *c, const leat_experiment *e,
                              const leati_estimator *estimator, const leati_recipe *recipe,
                              const leati_fold *folds, size_t count, size_t some, double *each,
                              double *score);

#endif
