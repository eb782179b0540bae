/* Inside of the rollouts: a lane per model. For rollouts.c, rollout_store.c and rollout_change.c.
 */
#ifndef LEATI_SERVE_ROLLOUT_LANE_H
#define LEATI_SERVE_ROLLOUT_LANE_H

#include "serve/rollouts.h"

#define LEATI_WHOLE INT64_C(4294967296) /* a share of 1 */

/* How requests are divided: what threads that answer see. Immutable. */
typedef struct leati_plan {
    uint32_t stable, candidate; /* 0: the highest; none */
    uint64_t share, mirror;     /* of LEATI_WHOLE */
    leati_sticky sticky;
    uint64_t seed;
    double tolerance;
    char sticky_name[LEATI_STICKY_NAME];
} leati_plan;

typedef struct leati_lane_arm {
    atomic_uint_least64_t requests, errors;
    _Atomic double sum_us, squares_us;
    atomic_uint_least64_t bin[LEATI_LATENCY_BINS];
} leati_lane_arm;

typedef struct leati_lane_shadow {
    atomic_uint_least64_t compared, differing, failed, dropped, rows, rows_differing;
    _Atomic double sum_difference, largest_difference, largest_probability;
} leati_lane_shadow;

/* Of one thread that answers. */
typedef struct leati_lane_slot {
    _Alignas(64) int64_t owed;
    int64_t owed_mirrors;
    uint64_t random;
    leati_lane_arm arm[2]; /* stable, candidate */
    leati_lane_shadow shadow;
} leati_lane_slot;

typedef struct leati_lane_counts {
    leati_arm_stats stable, candidate;
    leati_shadow_stats shadow;
} leati_lane_counts;

struct leati_lane {
    leati_lane *next; /* made before; lanes stay until the end */
    char *name;
    size_t name_length;
    leati_published plan;
    leati_lane_slot *slots;
    /* Under the lock. */
    leati_rollout rollout;
    leati_lane_counts base; /* what had been counted when the step began */
    leati_lane_counts now;  /* room for leati_lane_see */
    uint64_t epoch;         /* that base belongs to */
    uint64_t kept;          /* revision that the file holds */
    double since_kept;      /* seconds */
    bool unpublished;       /* memory was missing */
    bool absent;            /* one of its versions is not loaded: nothing is decided meanwhile */
    char trouble[160];      /* why the state could not be kept; "" */
    /* Of a pool (rollout_pool.h), under the lock. */
    int64_t shared, head; /* revisions of the pool's row: that it stands at; that was seen last */
    uint32_t seen;        /* when */
    bool blind;           /* what stands in the catalogue is not understood */
    bool counts;          /* both versions are loaded: what it counts is evidence */
    bool parted;          /* it was taken back here, which the pool does not know yet */
    uint32_t part;        /* numbers what this server counts, should it begin anew */
    uint32_t loading;     /* a version whose loading was asked for */
    leati_lane_counts others; /* what other servers had when it was read */
    size_t servers;           /* that had counted in this step */
};

/* Pure; see rollouts.c. */
bool leati_share_pick(int64_t *owed, uint64_t *random, uint64_t share);

/* Under the lock but for find. make: NULL without memory, recorded in c. */
leati_lane *leati_lane_find(const leati_rollouts *r, const char *name, size_t length);
leati_lane *leati_lane_make(leati_rollouts *r, leat_context *c, const char *name);
void leati_lane_free(leati_lane *lane);
/* What was seen in this step; valid until the next call. */
leati_rollout_seen leati_lane_see(leati_rollouts *r, leati_lane *lane);
void leati_lane_begin_anew(leati_rollouts *r, leati_lane *lane, const leati_lane_counts *before);
bool leati_lane_publish(leati_rollouts *r, leati_lane *lane);
void leati_lane_changed(leati_rollouts *r, leati_lane *lane);
/* A rollout under way one of whose versions has another file now is taken back: what was seen of
 * the one before says nothing of it. True: so it was. */
bool leati_lane_check_files(leati_rollouts *r, leati_lane *lane);

/* --- rollout_store.c -------------------------------------------------------------------------- */

/* By the steward, or before it runs. */
bool leati_lane_loaded(const leati_rollouts *r, const leati_lane *lane, uint32_t version);
/* Takes the folder, reads what is there. */
leat_status leati_rollouts_recall(leati_rollouts *r, leat_context *c, const char *folder);
void leati_rollouts_unlock(leati_rollouts *r);
/* Without the lock. False: it could not be written; lane->trouble says why. True too where nothing
 * is kept. */
bool leati_rollouts_keep(leati_rollouts *r, leati_lane *lane);
/* Nothing is to be known of it any more. */
void leati_rollouts_drop(leati_rollouts *r, leati_lane *lane);

#endif
