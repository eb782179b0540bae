/* Explanations in the answers of the API by names (leat/explain.h). */
#ifndef LEATI_SERVE_EXPLAINED_H
#define LEATI_SERVE_EXPLAINED_H

#include <leat/explain.h>

#include "serve/reply.h"
#include "serve/route.h"

/* Rows of a request that explanations may be asked for, at most. */
enum { LEATI_EXPLAINED_ROWS = 64 };

/* Before the rows that were read are run, on a thread for long answers. False: too many rows, too
 * slow a model, no reference distributions (422), no memory (503). */
bool leati_explained_begin(leati_call *call, const leati_served *s, const leati_ask *a,
                           leat_explainer **out);
/* Writes `,"explanations":[...],"explained":{...}` about the answered rows, which still lie in the
 * session. False: a fault was recorded. */
bool leati_explained_write(leati_reply *r, leati_call *call, const leati_served *s,
                           const leati_ask *a, leat_explainer *e);

#endif
