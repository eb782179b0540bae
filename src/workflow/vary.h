/* The validation curve: the scores of one estimator by the value of one parameter. */
#ifndef LEATI_WORKFLOW_VARY_H
#define LEATI_WORKFLOW_VARY_H

#include "workflow/experiment.h"

/* Reads "svc.C" (the values a search would try) or "svc.C=log:1e-3:1e3" into e->varied; the
 * estimator must be among the entries, every value a number that it takes. */
leat_status leati_vary_prepare(leat_context *c, leat_experiment *e, const char *text);
/* Measures and reads the curve that was prepared, if any; after the entries have run. */
leat_status leati_vary_run(leat_context *c, leat_experiment *e);
void leati_varied_fini(leati_varied *v);

#endif
