/* Rollouts inside a server: which version answers a request that names none, what is counted of
 * it, and the thread that lets rollouts go on (rollout_walk.h decides).
 *
 * A model that was ever rolled out has a lane, which stays until the end; how its requests are
 * divided is a small value that the threads that answer borrow without waiting, and each counts for
 * itself. Without lanes all this is one load. */
#ifndef LEATI_SERVE_ROLLOUTS_H
#define LEATI_SERVE_ROLLOUTS_H

#include <leat/serve.h>

#include "base/published.h"
#include "serve/follow.h"
#include "serve/repository.h"
#include "serve/rollout_json.h"
#include "serve/route.h"
#include "serve/shadow.h"

typedef struct leati_lane leati_lane;
struct leati_rollout_pool;

typedef struct leati_rollouts {
    _Atomic(leati_lane *) first;
    leat_context *context; /* of who holds `lock` */
    leati_repository *repository;
    leati_follow *follow; /* what is served out of the registry; NULL: nothing */
    uint32_t slots;       /* the last one is the shadow's */
    char *folder;         /* of the state files; NULL: nothing is kept */
    int folder_lock;
    bool folder_new; /* made by this server */
    leati_shadow *shadow;
    struct leati_rollout_pool *pool; /* NULL: this server decides for itself */
    pthread_mutex_t lock;            /* of the rollouts of all lanes */
    pthread_mutex_t saving;          /* taken before `lock` */
    leat_context *saving_context;    /* of who holds `saving` */
    pthread_cond_t wake;
    pthread_t thread;
    bool runs, stop;
} leati_rollouts;

/* The folder that the options ask for, else one in Leat's home by the address, which tells servers
 * of one machine apart. *out NULL: none. leati_free. */
leat_status leati_rollouts_place(leat_context *c, const leat_serve_options *options, char **out);
/* folder: where state is kept, made if need be; NULL: nowhere. What is found there goes on; a
 * rollout whose versions are not loaded is taken back. INVALID: another server keeps its state
 * there; FORMAT: a file is damaged. Repository and follow (may be NULL) belong to the caller; the
 * repository outlives this, and follow what is asked of it. */
leat_status leati_rollouts_open(leat_context *c, leati_rollouts **out, leati_repository *repository,
                                leati_follow *follow, uint32_t slots, const char *folder);
/* The thread for mirrored requests: answers as slot `slots` - 1. */
leat_status leati_rollouts_start(leati_rollouts *r, leat_context *c, leati_serve *serve,
                                 leati_desk *desk);
/* What is counted is kept. No request may be under way. NULL is fine. */
void leati_rollouts_close(leati_rollouts *r);

static inline bool leati_rollouts_any(const leati_rollouts *r)
{
    return r && atomic_load_explicit(&r->first, memory_order_relaxed) != NULL;
}

/* Whether a version is needed that an alias has left, which stands at `present` now: by a rollout
 * under way, or, where the alias stands at what the last one came to or is about to, to go back to.
 * From any thread, as the next. */
bool leati_rollouts_need(leati_rollouts *r, const char *model, uint32_t version, uint32_t present);
/* Whether a version (0: all) may be deleted, or with the entity tag of a file be exchanged for
 * that: 409 while it takes part in a rollout, unless the file is the one that this began with. */
bool leati_rollouts_permit(leati_rollouts *r, const char *model, uint32_t version, const char *etag,
                           leati_fault *fault);
/* Whether that alias is to be moved to what the last rollout came to. */
bool leati_rollouts_waits(leati_rollouts *r, const char *model, const char *alias);

/* The version for a request that names a model alone, with call->arm and call->lane; NULL: nothing
 * was ever decided about this model, or its versions are gone. */
leati_served *leati_rollouts_choose(leati_call *call);
/* The choice as the request carries it to another thread, which keeps to it. */
uint64_t leati_rollouts_chosen(const leati_call *call);
/* The headers of the answer that say version and arm. */
void leati_rollouts_sign(leati_call *call);
/* After an answer was written, which took `ns`: counts it and signs it where `ok`; `answers` hold
 * it. False: it was a mirrored request, which nobody asked and nothing else must count. */
bool leati_rollouts_count(leati_call *call, const leati_answered *answers, uint64_t ns, bool ok);

/* Has a version that is in no folder loaded out of the registry, where its model is served out of
 * it, before the steward runs or by it. */
void leati_rollouts_fetch(leati_rollouts *r, const char *model, uint32_t version);

/* --- rollout_change.c -------------------------------------------------------------------------
 * By the steward alone, as versions may be loaded. False: a fault. */

/* spec: what was asked for: from and to 0, hold NaN, seed 0 and no steps where they were not named.
 */
bool leati_rollouts_begin(leati_rollouts *r, const char *name, const leati_rollout_spec *spec,
                          leati_fault *fault);
bool leati_rollouts_act(leati_rollouts *r, const char *name, leati_rollout_action action,
                        leati_fault *fault);
/* The highest version serves again. */
bool leati_rollouts_forget(leati_rollouts *r, const char *name, leati_fault *fault);

/* After versions came or went: a rollout one of whose versions is not loaded stands still. */
void leati_rollouts_look(leati_rollouts *r);

/* {"model": ..., "phase": ...} with a context of the caller; by any thread. NULL without memory
 * (recorded). shelf: pinned. */
leat_json *leati_rollouts_status(leati_rollouts *r, leat_context *c, const leati_shelf *shelf,
                                 const char *name, size_t length);

#endif
