/* Rollouts as JSON: what is asked for, how it stands, and the file in which it survives. */
#ifndef LEATI_SERVE_ROLLOUT_JSON_H
#define LEATI_SERVE_ROLLOUT_JSON_H

#include <leat/json.h>

#include "serve/rollout_walk.h"

/* A body of at most `size` bytes: {"to": 4, "steps": [1, 5, 25, 50, 100], "hold": 600, "abort_if":
 * ["error_rate>stable+1%"], ...}; docs/rollout.md has all members. Members that are absent keep
 * what is in *spec; unknown ones are refused. False: `why` (LEATI_RULE_WHY bytes) says why. */
bool leati_rollout_spec_read(const char *text, size_t size, leati_rollout_spec *spec, char *why);

/* {"action": "pause"} */
bool leati_rollout_action_read(const char *text, size_t size, leati_rollout_action *action,
                               char *why);

typedef struct leati_rollout_kept {
    leati_rollout rollout;
    leati_arm_stats stable, candidate; /* of the step under way */
    leati_shadow_stats shadow;
} leati_rollout_kept;

/* Members of the object that is open: how it stands, for clients. */
void leati_rollout_say(leat_json *j, const leati_rollout *r, const leati_rollout_seen *seen);
/* The text of the state file, and its reading, which validates everything: false where the file is
 * damaged or of a later format, and *out is then nothing. */
void leati_rollout_keep(leat_json *j, const char *model, const leati_rollout *r,
                        const leati_rollout_seen *seen);
bool leati_rollout_recall(const char *text, size_t size, leati_rollout_kept *out, char *why);

/* What one server saw of a step: the text for the others, and its reading, which validates
 * everything. */
typedef struct leati_rollout_part {
    uint32_t holds; /* that `held` belongs to (leati_rollout.holds) */
    double held;    /* seconds */
    leati_arm_stats stable, candidate;
    leati_shadow_stats shadow;
} leati_rollout_part;
void leati_rollout_part_keep(leat_json *j, uint32_t holds, double held,
                             const leati_rollout_seen *seen);
bool leati_rollout_part_recall(const char *text, size_t size, leati_rollout_part *out, char *why);

#endif
