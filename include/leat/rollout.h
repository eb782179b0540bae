/* How a rollout on a server stands: the answer of GET /api/v1/MODEL/rollout, read. What begins and
 * changes rollouts are requests (docs/rollout.md), which leat/call.h can send. */
#ifndef LEAT_ROLLOUT_H
#define LEAT_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_rollout leat_rollout;

/* FORMAT where the text is no such answer. */
LEAT_API LEAT_CHECKED leat_status leat_rollout_read(leat_context *context, leat_rollout **out,
                                                    const char *text, size_t length);
LEAT_API void leat_rollout_destroy(leat_rollout *rollout); /* NULL is fine */

/* Texts below belong to the rollout. Times are seconds, shares are percent, rates are from 0 to 1;
 * what is not known is NaN. */
typedef struct leat_rollout_info {
    const char *model;
    const char *phase;  /* "none", "running", "paused", "done", "aborted" */
    const char *reason; /* for the phase, or "" */
    const char *mode;   /* "canary", "shadow", "switch"; "" with "none" */
    const char *sticky; /* "none", "key", "header:NAME", "input:COLUMN" */
    uint32_t serving;   /* the version that answers who names none, but for the share */
    uint32_t from, to, previous;
    double share;             /* of `to`, now */
    size_t step, steps;       /* step: from 0 */
    double hold, held;        /* of the present step */
    bool undecided;           /* paused because rules are neither kept nor broken */
    double alpha, mirror;     /* mirror: percent */
    int64_t started, changed; /* since 1970 */
    uint64_t seed;            /* of what keeps clients on their side */
    bool kept;                /* survives a restart of the server */
    const char *trouble;      /* why the state could not be written, or "" */
    /* Of servers that decide together (docs/rollout.md). */
    const char *pool;    /* its name; "": this server decides for itself */
    size_t pool_servers; /* that have counted in this step */
    bool pool_lost;      /* the registry does not answer: nothing advances */
    bool pool_told;      /* the others know of what was decided here */
    bool pool_counts;    /* this server has both versions, and counts */
    /* Of the registry (docs/rollout.md). */
    const char *alias;       /* that follows the rollout; "": none */
    const char *alias_state; /* "stays", "waits" (for the registry), "moved", "lost" (it had been
                                moved elsewhere, and was left there); "" */
    int64_t alias_found;     /* lost: the version it stood at; 0: it did not exist */
    /* Versions that are not loaded on this server, as they were deleted, unloaded, or not fetched
     * yet; 0: it is loaded. */
    uint32_t candidate_absent; /* `to`, while the rollout is under way: it gets no request */
    uint32_t stable_absent;    /* that should answer, and for which `serving` does */
} leat_rollout_info;
LEAT_API leat_rollout_info leat_rollout_about(const leat_rollout *rollout);

/* One version in one step, with the 95% interval of its error rate that holds at all times. */
typedef struct leat_rollout_arm {
    uint64_t requests, errors;
    double error_low, error_high;
    double mean, p50, p99; /* latency */
} leat_rollout_arm;

typedef struct leat_rollout_stage {
    double share, held;
    const char *result; /* "ahead", "under way", "passed", "skipped", "aborted" */
    leat_rollout_arm stable, candidate;
} leat_rollout_stage;
LEAT_API leat_rollout_stage leat_rollout_stage_at(const leat_rollout *rollout, size_t i);

typedef struct leat_rollout_rule {
    const char *rule;    /* "p99>stable*1.5" */
    const char *finding; /* "open", "kept", "broken" */
    bool seconds;        /* value and limit are times, else shares from 0 to 1 */
    double value, limit;
    double p_broken, p_kept; /* always-valid p-values */
} leat_rollout_rule;
LEAT_API size_t leat_rollout_rules(const leat_rollout *rollout);
LEAT_API leat_rollout_rule leat_rollout_rule_at(const leat_rollout *rollout, size_t i);

/* Mirrored requests of the present step. */
typedef struct leat_rollout_shadow {
    uint64_t compared, differing, failed, dropped, rows, rows_differing;
    double mean_difference, largest_difference, largest_probability;
} leat_rollout_shadow;
LEAT_API leat_rollout_shadow leat_rollout_mirrored(const leat_rollout *rollout);

LEAT_API size_t leat_rollout_events(const leat_rollout *rollout);
LEAT_API const char *leat_rollout_event_at(const leat_rollout *rollout, size_t i, int64_t *at);

#ifdef __cplusplus
}
#endif

#endif
