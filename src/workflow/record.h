/* What an experiment leaves behind: the model with metrics and lineage, the run's folder. */
#ifndef LEATI_WORKFLOW_RECORD_H
#define LEATI_WORKFLOW_RECORD_H

#include "workflow/experiment.h"

/* Makes e->model from the fitted pipeline (moved into it) and e->config from the options. */
leat_status leati_record_model(leat_context *c, leat_experiment *e, leati_pipeline *p,
                               const leat_experiment_options *options);

#endif
