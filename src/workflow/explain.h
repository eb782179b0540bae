/* Looking into the chosen model: permutation importance and the learning curve. */
#ifndef LEATI_WORKFLOW_EXPLAIN_H
#define LEATI_WORKFLOW_EXPLAIN_H

#include "workflow/experiment.h"

/* p: the best pipeline, fitted on all rows. Fills importance, curve and curve_reading, or says in
 * e->skipped why not (too slow on this data). */
leat_status leati_explain(leat_context *c, leat_experiment *e, const leati_pipeline *p);

#endif
