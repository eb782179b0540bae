/* A pool: servers that run the same rollouts, count together and decide once.
 *
 * They meet in the catalogue of a registry (model/registry_pool.h), to which a thread of its own
 * speaks. Every half second a server puts what it counted in the present step there, reads what all
 * counted, and lets the rollout go on from the sum; what follows it puts in place of how the
 * rollout stood, if it still stands so: of several that decide, one wins, and the others follow
 * when they read it. There is nobody whose death would hold the others up, and no clock that two
 * servers would have to share.
 *
 * Decisions look at what stands in the catalogue, never at what a server knows beside it: the
 * states of the catalogue follow one upon another, so that many who look are one who looks often,
 * and the tests (learn/sequential.h) err as rarely as those of one server.
 *
 * Without the catalogue shares stay as they are and nothing advances. A server then looks for
 * itself (leati_rollout_guard) and may take back for itself alone; the others are told when the
 * catalogue is there again. Taking back by hand is done at once, and told in the same way. */
#ifndef LEATI_SERVE_ROLLOUT_POOL_H
#define LEATI_SERVE_ROLLOUT_POOL_H

#include "serve/rollout_lane.h"

typedef struct leati_rollout_pool leati_rollout_pool;

typedef struct leati_pool_options {
    const char *name;           /* of the pool */
    const char *where, *folder; /* of the registry, as of leat_registry_options */
    /* From the thread of the pool. say: a line for who runs the server. load: has a version loaded,
     * some time later, from a folder that is served or else from the file `path` (NULL: none). */
    void (*say)(void *user, const char *line);
    void (*load)(void *user, const char *model, uint32_t version, const char *path);
    void *user;
} leati_pool_options;

/* Before leati_rollouts_start: what is rolled out is decided by the pool from now on. Errors: those
 * of leat_registry_open but for a registry that does not answer now; INVALID: the name. */
leat_status leati_pool_join(leati_rollouts *r, leat_context *c, const leati_pool_options *options);
leat_status leati_pool_start(leati_rollouts *r, leat_context *c);
/* Ends the thread; who waits for it is refused. */
void leati_pool_leave(leati_rollouts *r);
void leati_pool_free(leati_rollout_pool *pool); /* NULL is fine */

/* By the steward, without the lock. False: a fault. */
typedef enum leati_pool_ask_kind {
    LEATI_POOL_BEGIN,
    LEATI_POOL_ACT,
    LEATI_POOL_FORGET
} leati_pool_ask_kind;
enum { LEATI_POOL_PATH = 4096 };
/* Where the registry keeps that version; false: it has none, or does not answer. */
bool leati_pool_find(leati_rollouts *r, leati_lane *lane, uint32_t version,
                     char path[LEATI_POOL_PATH]);
bool leati_pool_ask(leati_rollouts *r, leati_lane *lane, leati_pool_ask_kind kind,
                    const leati_rollout_spec *spec, leati_rollout_action action,
                    leati_fault *fault);
/* After lane->parted was set: waits for the others to be told, for a moment. */
void leati_pool_tell(leati_rollouts *r, leati_lane *lane);

/* Under the lock. seconds: since the last call. */
void leati_pool_tick(leati_rollouts *r, leati_lane *lane, double seconds);
/* What all servers saw in this step, as far as it is known here; valid until the next look. */
leati_rollout_seen leati_pool_see(leati_rollouts *r, leati_lane *lane);
/* "pool": {...} of the object that is open. */
void leati_pool_say(leat_json *j, const leati_rollouts *r, const leati_lane *lane);

#endif
