/* Rollouts that several servers decide together, in the catalogue of a registry: one row per model
 * for how the rollout stands, moved by compare-and-set, and one per server and step for what that
 * server counted. What stands in their texts is the servers' affair (serve/rollout_pool.h).
 *
 * A pool is a name; pools of one registry know nothing of each other. Errors of all: those of the
 * database (io/sql.h), after which it is not known whether a change was made. */
#ifndef LEATI_MODEL_REGISTRY_POOL_H
#define LEATI_MODEL_REGISTRY_POOL_H

#include <leat/registry.h>

/* Makes the tables if they are absent. */
leat_status leati_pool_prepare(leat_registry *r);

/* Calls for every model of the pool; revision: from 1, grows with every change of its row. */
typedef void (*leati_pool_head_fn)(void *user, const char *name, int64_t revision);
leat_status leati_pool_heads(leat_registry *r, const char *pool, leati_pool_head_fn fn, void *user);

/* How a rollout stands. */
typedef struct leati_pool_state {
    int64_t revision; /* 0: there is no row */
    int64_t epoch;    /* of the step, grows with every one */
    char *text;       /* leati_free; NULL: there is no row */
} leati_pool_state;
leat_status leati_pool_read(leat_registry *r, const char *pool, const char *name,
                            leati_pool_state *out);

/* Puts the row at `epoch` and `text` if it stands at `revision` now (0: if it is absent): of
 * several who do so at the same time *won is true for one, and then the row stands at revision + 1.
 * What was counted in earlier steps goes in the same transaction. */
leat_status leati_pool_commit(leat_registry *r, const char *pool, const char *name,
                              int64_t revision, int64_t epoch, const char *text, bool *won);

/* Puts what `server` counted in a step in place of what it had put there before. */
leat_status leati_pool_publish(leat_registry *r, const char *pool, const char *name, int64_t epoch,
                               const char *server, const char *text);
/* Calls for every server of a step, in the order of their names, as they stood at one instant. */
typedef leat_status (*leati_pool_part_fn)(void *user, const char *server, const char *text);
leat_status leati_pool_parts(leat_registry *r, const char *pool, const char *name, int64_t epoch,
                             leati_pool_part_fn fn, void *user);

#endif
