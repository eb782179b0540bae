/* How an experiment shares out its time budget, by the deadline of the context. */
#ifndef LEATI_WORKFLOW_BUDGET_H
#define LEATI_WORKFLOW_BUDGET_H

#include "workflow/experiment.h"

/* Why an entry is not there, as the model file says it: how far it came depends on the clock. */
#define LEATI_LEFT_OUT "left out by the time budget"

/* seconds <= 0: no budget, and all of the following does nothing. */
void leati_budget_start(leat_experiment *e, double seconds);
/* Seconds that are left; infinite without a budget. */
double leati_budget_left(const leat_experiment *e);

/* What follows may run until what is left of the budget is needed for the final fit: that of the
 * best entry so far, or of one that takes `foreseen` seconds if that is more. */
void leati_budget_aim(leat_context *c, const leat_experiment *e, double foreseen);
/* What follows may use all that is left. */
void leati_budget_use(leat_context *c, const leat_experiment *e);
/* What follows is never cut. */
void leati_budget_lift(leat_context *c);

/* Whether st came of the budget; then the error is cleared. */
bool leati_budget_ended(leat_context *c, leat_status st);

/* Notes what the fit of an entry on a fold says about its final fit on all rows. */
void leati_budget_foresee(const leat_experiment *e, leati_entry *k, const leati_fold *fold,
                          double fit_seconds, double predict_seconds);
/* Whether the final fit of a finished entry would not end in time, and it is the best so far. */
bool leati_budget_misses(const leat_experiment *e, const leati_entry *k);

/* Leaves the entry out; says why where people read it. */
leat_status leati_budget_leave_out(leat_context *c, leati_entry *k, const char *format, ...)
    LEAT_PRINTF(3, 4);

#endif
