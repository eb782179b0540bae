/* Inside of a pool: what its thread works with. For rollout_pool.c and rollout_pool_round.c. */
#ifndef LEATI_SERVE_ROLLOUT_POOL_ROUND_H
#define LEATI_SERVE_ROLLOUT_POOL_ROUND_H

#include "model/registry_pool.h"
#include "serve/rollout_pool.h"

typedef enum leati_asked_state {
    LEATI_ASKED_NOTHING,
    LEATI_ASKED_WAITS,
    LEATI_ASKED_UNDER_WAY,
    LEATI_ASKED_ABANDONED,
    LEATI_ASKED_ANSWERED
} leati_asked_state;

enum { LEATI_POOL_PART = 32 };

/* A change by hand on its way to the thread; under the lock of the rollouts. */
typedef struct leati_asked {
    leati_asked_state state;
    leati_lane *lane;
    leati_pool_ask_kind kind;
    uint32_t find; /* the version whose path is asked for; 0: none, but a change */
    leati_rollout_spec spec;
    leati_rollout_action action;
    bool ok;
    leati_fault fault;
} leati_asked;

struct leati_rollout_pool {
    leati_rollouts *rollouts;
    leati_pool_options options;
    char *name, *where, *folder;
    char server[17];
    char path[LEATI_POOL_PATH]; /* under the lock: the answer to asked.find */
    leat_context *context;      /* of the thread */
    leat_registry *registry;    /* of the thread; NULL: it is to be opened */
    pthread_t thread;
    pthread_cond_t wake, answered; /* with the lock of the rollouts */
    bool runs, made, stop, hurry;  /* under it */
    double heard;                  /* under it: when the catalogue answered last */
    bool found;                    /* under it: it did, once */
    bool tried, complete; /* under it: it was asked; all versions that it names are loaded */
    leati_asked asked;
    bool lost; /* that was said */
    uint32_t skip, patience, round;
    /* Room of the thread. */
    leati_rollout walk;     /* what is decided */
    leati_rollout_kept row; /* how it stood */
    leati_pool_state stood;
    leati_rollout_part one;
    leati_lane_counts all, others;
    char own[LEATI_POOL_PART]; /* the name of what this server counted */
    double held;
    size_t servers;
    bool telling;   /* what was taken back here */
    size_t missing; /* models that lack a version */
    bool damaged;   /* a part could not be read */
};

/* By the thread of the pool, with the registry open. */

/* Every rollout of the pool: follows what others decided, counts together, decides. */
leat_status leati_pool_round(leati_rollout_pool *p);
/* Makes a change by hand: a->ok, or a->fault says why not; neither where the catalogue failed. */
leat_status leati_pool_change(leati_rollout_pool *p, leati_asked *a);
/* Where the registry keeps a version; errors are those of leat_registry_path, and not recorded. */
leat_status leati_pool_path(leati_rollout_pool *p, const char *name, uint32_t version,
                            char path[LEATI_POOL_PATH]);
/* A line for who runs the server. */
void leati_pool_line(const leati_rollout_pool *p, const char *format, ...) LEAT_PRINTF(2, 3);

#endif
