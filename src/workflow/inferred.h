/* What was inferred about a table, said to a person. */
#ifndef LEATI_WORKFLOW_INFERRED_H
#define LEATI_WORKFLOW_INFERRED_H

#include "workflow/experiment.h"

/* One line per column: name, type, what is in it, what becomes of it. leati_free. */
leat_status leati_inferred_text(leat_context *c, const leat_experiment *e, char **out);

#endif
