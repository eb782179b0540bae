/* A rollout as it goes from step to step: what was asked for, where it stands, what comes next.
 *
 * Pure: no clock, no sockets. Time is passed in, and what the two versions did; what follows is a
 * change of this value, from which the server reads how requests are divided. One thread at a
 * time.
 *
 * A step ends when it was held long enough and every rule is surely kept; it ends the rollout when
 * a rule is surely broken, at whatever time. What stays open pauses. Within a step the share is
 * constant, so that both versions see the same hours; each step is tested by itself, at alpha over
 * the number of rules and steps (Bonferroni). So a version that breaks no rule is taken back with
 * probability at most alpha, and one that breaks a rule at every share passes a step with
 * probability at most alpha over the number of steps and rules. */
#ifndef LEATI_SERVE_ROLLOUT_WALK_H
#define LEATI_SERVE_ROLLOUT_WALK_H

#include <leat/status.h>

#include "serve/rollout_judge.h"

enum {
    LEATI_ROLLOUT_STEPS = 16,
    LEATI_ROLLOUT_RULES = 8,
    LEATI_ROLLOUT_EVENTS = 32,
    LEATI_ROLLOUT_TEXT = 240,
    LEATI_STICKY_NAME = 128,
    LEATI_ALIAS_NAME = 129
};

typedef enum leati_rollout_mode {
    LEATI_CANARY, /* shares of the requests by steps */
    LEATI_SHADOW, /* mirrored requests alone: one step, share 0, nothing is promoted */
    LEATI_SWITCH  /* all at once */
} leati_rollout_mode;

/* What keeps a client on its version. */
typedef enum leati_sticky {
    LEATI_STICKY_NONE, /* nothing: the share is exact */
    LEATI_STICKY_KEY,  /* the API key's name, else the address */
    LEATI_STICKY_HEADER,
    LEATI_STICKY_INPUT /* the value of an input in the first row */
} leati_sticky;

typedef struct leati_rollout_spec {
    leati_rollout_mode mode;
    uint32_t from, to; /* versions */
    size_t step_count;
    double steps[LEATI_ROLLOUT_STEPS]; /* percent, increasing */
    double hold, prolong; /* seconds: of a step; more while rules are open, before it pauses */
    double alpha;
    leati_sticky sticky;
    char sticky_name[LEATI_STICKY_NAME]; /* header (lower case) or input */
    uint64_t seed;                       /* of the hash; equal on servers that should agree */
    double mirror;                       /* share of the stable version's requests, 0 to 1 */
    double tolerance; /* numbers agree up to this part of the stable version's, 0.01 */
    size_t rule_count;
    leati_rule rules[LEATI_ROLLOUT_RULES];
    char alias[LEATI_ALIAS_NAME]; /* of the registry, to stand at what answers in the end; "": none
                                   */
    bool other_schema;            /* asked for although the versions differ in that; not kept */
    char from_file[65], to_file[65]; /* SHA-256 of the files that evidence is about; "": unknown */
} leati_rollout_spec;

/* alpha 0.05, no hold; seed 0. */
leati_rollout_spec leati_rollout_spec_default(void);
/* False: `why` (LEATI_RULE_WHY bytes) says what cannot be. */
bool leati_rollout_spec_check(const leati_rollout_spec *spec, char *why);

typedef enum leati_rollout_phase {
    LEATI_ROLLOUT_NONE, /* nothing was ever asked for */
    LEATI_ROLLOUT_RUNNING,
    LEATI_ROLLOUT_PAUSED,
    LEATI_ROLLOUT_DONE,
    LEATI_ROLLOUT_ABORTED
} leati_rollout_phase;

typedef enum leati_step_result {
    LEATI_STEP_AHEAD, /* not reached */
    LEATI_STEP_UNDER_WAY,
    LEATI_STEP_PASSED,
    LEATI_STEP_SKIPPED, /* somebody went on before it was decided */
    LEATI_STEP_ABORTED
} leati_step_result;

typedef struct leati_arm_summary {
    uint64_t requests, errors;
    double low, high;      /* of the error rate: the confidence sequence at 95% */
    double mean, p50, p99; /* ns; NaN without answers */
} leati_arm_summary;

typedef struct leati_rollout_step {
    leati_step_result result;
    double held; /* seconds */
    leati_arm_summary stable, candidate;
} leati_rollout_step;

typedef struct leati_rollout_event {
    int64_t at; /* seconds since 1970 */
    char text[LEATI_ROLLOUT_TEXT];
} leati_rollout_event;

/* What was seen since the step began. */
typedef struct leati_rollout_seen {
    const leati_arm_stats *stable, *candidate;
    const leati_shadow_stats *shadow;
} leati_rollout_seen;

/* What becomes of spec.alias when the rollout is over: it is moved by compare-and-set from where it
 * stood at the beginning, once, by who speaks to the registry (rollout_alias.h). */
typedef enum leati_alias_state {
    LEATI_ALIAS_STAYS, /* it stands where it should, or the rollout is under way */
    LEATI_ALIAS_WAITS, /* to be moved to `stable`, as soon as the registry answers */
    LEATI_ALIAS_MOVED,
    LEATI_ALIAS_LOST /* it stood elsewhere, and was left there */
} leati_alias_state;

typedef struct leati_rollout {
    leati_rollout_phase phase;
    leati_rollout_spec spec;
    uint32_t stable;   /* the version for requests that name none; 0: the highest */
    uint32_t previous; /* what it was before the last promotion or switch; 0: unknown */
    size_t step;
    bool waits;                      /* PAUSED because rules are open, not by somebody */
    char reason[LEATI_ROLLOUT_TEXT]; /* for the phase */
    leati_rollout_step steps[LEATI_ROLLOUT_STEPS];
    leati_judgement judged[LEATI_ROLLOUT_RULES];
    leati_arm_stats before; /* the stable version in the last step below 100% */
    bool has_before;
    int64_t started, changed; /* seconds since 1970 */
    uint64_t revision;        /* grows with whatever is to be told or kept */
    uint64_t epoch;           /* grows with every step: what is seen begins anew */
    uint32_t holds;           /* grows when a step is held anew: `held` begins at 0 */
    leati_alias_state alias;
    uint32_t alias_from; /* the version that it is expected at */
    int64_t alias_found; /* LOST: the one it stood at; 0: none */
    size_t event_count;
    leati_rollout_event events[LEATI_ROLLOUT_EVENTS]; /* the last ones, oldest first */
} leati_rollout;

/* How requests without a version are divided now. */
typedef struct leati_rollout_plan {
    uint32_t stable, candidate; /* 0: the highest; none */
    double share;               /* of the candidate, 0 to 1 */
    double mirror;              /* of the stable version's requests, 0 to 1 */
} leati_rollout_plan;
leati_rollout_plan leati_rollout_plan_of(const leati_rollout *r);

/* The spec was checked. Ends what was under way. */
void leati_rollout_begin(leati_rollout *r, const leati_rollout_spec *spec, int64_t now);

/* Tells that it stands still, because a version is not loaded, or with 0 that it goes on. */
void leati_rollout_stand(leati_rollout *r, uint32_t missing, int64_t now);

/* `seconds` since the last call. */
void leati_rollout_tick(leati_rollout *r, const leati_rollout_seen *seen, double seconds,
                        int64_t now);

typedef enum leati_rollout_action {
    LEATI_ROLLOUT_PROMOTE,    /* the next step now */
    LEATI_ROLLOUT_TO_THE_END, /* all requests now */
    LEATI_ROLLOUT_PAUSE,
    LEATI_ROLLOUT_RESUME, /* holds the step anew */
    LEATI_ROLLOUT_ABORT
} leati_rollout_action;

/* For a server that knows what a part of all servers saw, while many look for themselves: takes
 * back on evidence that LEATI_ROLLOUT_ALONE times surpasses what a rule is tested at, and changes
 * nothing else. True: it was taken back. */
enum { LEATI_ROLLOUT_ALONE = 1000 };
bool leati_rollout_guard(leati_rollout *r, const leati_rollout_seen *seen, int64_t now);
/* The stable version gets all requests again. */
void leati_rollout_take_back(leati_rollout *r, const leati_rollout_seen *seen, int64_t now,
                             const char *reason);
/* Taken back because the file of a version is not the one that it began with. */
void leati_rollout_exchanged(leati_rollout *r, const leati_rollout_seen *seen, uint32_t version,
                             int64_t now);
static inline bool leati_rollout_walks(const leati_rollout *r)
{
    return r->phase == LEATI_ROLLOUT_RUNNING || r->phase == LEATI_ROLLOUT_PAUSED;
}

/* False: `why` says why that cannot be done now. */
bool leati_rollout_act(leati_rollout *r, leati_rollout_action action,
                       const leati_rollout_seen *seen, int64_t now, char why[LEATI_RULE_WHY]);

/* What came of moving the alias (MOVED, LOST); why: for LOST. */
void leati_rollout_alias_done(leati_rollout *r, leati_alias_state state, int64_t found,
                              const char *why, int64_t now);
const char *leati_alias_state_name(leati_alias_state state);

/* Summary of an arm, with 95% intervals that hold at all times. */
leati_arm_summary leati_arm_summarize(const leati_arm_stats *arm);
/* What the rules of the present step are tested at, each. */
double leati_rollout_alpha(const leati_rollout_spec *spec);
const char *leati_rollout_phase_name(leati_rollout_phase phase);
const char *leati_rollout_mode_name(leati_rollout_mode mode);
const char *leati_step_result_name(leati_step_result result);

#endif
