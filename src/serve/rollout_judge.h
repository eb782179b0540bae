/* What was seen of the two versions, and what a rule makes of it. Pure. */
#ifndef LEATI_SERVE_ROLLOUT_JUDGE_H
#define LEATI_SERVE_ROLLOUT_JUDGE_H

#include <stdint.h>

#include "serve/rollout_rule.h"

/* Bins of latency: of 128 ns each at first, then 16 to each doubling, up to 275 s and beyond. */
enum { LEATI_LATENCY_BINS = 448, LEATI_LATENCY_UNIT = 7 /* a shift */ };

size_t leati_latency_bin(uint64_t ns);
double leati_latency_edge(size_t bin); /* ns: the largest in it; infinite for the last */

/* Of one version in one step. Latencies are of requests that were answered with 2xx: refusals are
 * quick. */
typedef struct leati_arm_stats {
    uint64_t requests, errors;
    double sum_us, squares_us; /* of latencies and of their squares, microseconds */
    uint64_t bin[LEATI_LATENCY_BINS];
} leati_arm_stats;

/* Of mirrored requests. */
typedef struct leati_shadow_stats {
    uint64_t compared, differing; /* requests */
    uint64_t failed;  /* of those that differ: the stable version answered, the other did not */
    uint64_t dropped; /* not mirrored for want of room */
    uint64_t rows, rows_differing;
    double sum_difference, largest_difference; /* of numbers, absolute, over rows */
    double largest_probability;                /* difference of a probability */
} leati_shadow_stats;

/* What lies between two readings; `largest...` are those of the later one. */
void leati_arm_stats_since(leati_arm_stats *now, const leati_arm_stats *then);
void leati_shadow_stats_since(leati_shadow_stats *now, const leati_shadow_stats *then);

/* What several servers counted; `largest...` are the largest. False: it cannot be counted, *sum is
 * nothing. */
bool leati_arm_stats_add(leati_arm_stats *sum, const leati_arm_stats *more);
bool leati_shadow_stats_add(leati_shadow_stats *sum, const leati_shadow_stats *more);

typedef enum leati_finding {
    LEATI_RULE_OPEN,  /* not known yet */
    LEATI_RULE_KEPT,  /* surely not above the limit */
    LEATI_RULE_BROKEN /* surely above it */
} leati_finding;

typedef struct leati_judgement {
    leati_finding finding;
    double value, limit;     /* as seen: shares, or ns; NaN: nothing was seen */
    double broken_p, kept_p; /* always-valid p-values of the two hypotheses */
} leati_judgement;

/* Each of the two findings is wrong with probability at most alpha, however often it is asked. */
leati_judgement leati_rule_judge(const leati_rule *rule, const leati_arm_stats *stable,
                                 const leati_arm_stats *candidate, const leati_shadow_stats *shadow,
                                 double alpha);

/* ns; NaN without answers. */
double leati_arm_quantile(const leati_arm_stats *arm, double q);
double leati_arm_mean(const leati_arm_stats *arm);

#endif
