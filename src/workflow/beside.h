/* The network that was asked for, where another estimator scored better and is the model. */
#ifndef LEATI_WORKFLOW_BESIDE_H
#define LEATI_WORKFLOW_BESIDE_H

#include "workflow/experiment.h"

/* Where e->best is no network and options->models names one: fits that to all rows, as if it
 * were the best, makes e->beside of it and says so at the end of e->verdict; also where it cannot
 * be fitted, or the time budget has no time for it. After leati_record_model. */
bool leati_beside_wanted(const leat_experiment *e, const leat_experiment_options *options);
leat_status leati_beside_make(leat_context *c, leat_experiment *e, const leati_problem *problem,
                              const uint32_t *all, const leat_experiment_options *options);

#endif
