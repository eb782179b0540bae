/* Requests to one version that share one run of its session. Networks take less time a row when
 * rows come together, because they then read their weights once for all of them.
 *
 * A request that does not fit (of another version, with more rows than are joined) is left to the
 * next run or answered alone; one whose rows are wrong is refused alone; and where the shared run
 * fails every request is answered again by itself, so that none fails for another. */
#ifndef LEATI_SERVE_JOINED_RUN_H
#define LEATI_SERVE_JOINED_RUN_H

#include "serve/route.h"

enum { LEATI_JOIN_MOST = 128 }; /* requests, and rows, of a run */

typedef struct leati_join {
    leati_served *served; /* of the run that is being filled; NULL: none yet */
    leati_ask *ask;
} leati_join;

/* Whether rows for that version may be put into the session now. */
bool leati_join_begin(leati_join *join, leati_served *served, leati_ask *ask);

/* Answers all calls, which have their routes and a pinned shelf, and ends their exchanges. By the
 * thread of their slot. */
void leati_join_answer(leati_call *calls, size_t count);

#endif
