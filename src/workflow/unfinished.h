/* Whether a network was still learning when its training ended: it then says little about data and
 * model. */
#ifndef LEATI_WORKFLOW_UNFINISHED_H
#define LEATI_WORKFLOW_UNFINISHED_H

#include "workflow/experiment.h"

/* For how many epochs the model's network should rather train; 0: it is no network, its epochs are
 * not the default, or it had learned what it could. After the final fit. */
size_t leati_unfinished_epochs(const leat_experiment *e);
/* Logs it. */
void leati_unfinished_note(leat_context *c, const leat_experiment *e);

#endif
