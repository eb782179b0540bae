/* Shadow traffic: requests that were answered are asked of another version too, beside everything
 * else, and the answers compared. What was answered is never changed by it and waits for nothing:
 * the queue is bounded, and what does not fit is dropped and counted. */
#ifndef LEATI_SERVE_SHADOW_H
#define LEATI_SERVE_SHADOW_H

#include <pthread.h>

#include "serve/rollout_judge.h"
#include "serve/route.h"

typedef struct leati_shadow leati_shadow;

/* Answers to the rows of a request. */
typedef struct leati_answered {
    const leati_served *served;
    size_t rows;
    const double *value; /* (rows): the number, or the number of the class */
    const double *proba; /* (rows, classes), or NULL */
} leati_answered;

/* How two versions answered a request. */
typedef struct leati_compared {
    bool answered; /* by the second version, with as many rows */
    size_t rows, rows_differing;
    double sum_difference, largest_difference, largest_probability;
    uint64_t ns; /* of the second */
} leati_compared;

/* Classes are the same by name, numbers within the part `tolerance` of the larger. Pure. */
leati_compared leati_answers_compare(const leati_answered *a, const leati_answered *b,
                                     double tolerance);

/* slot, desk: of the shadow's thread alone. */
leat_status leati_shadow_start(leat_context *c, leati_shadow **out, leati_serve *serve,
                               leati_repository *repository, uint32_t slot, leati_desk *desk);
/* What waits is forgotten. NULL is fine. */
void leati_shadow_stop(leati_shadow *s);

/* From the thread that answered. False: dropped. */
bool leati_shadow_offer(leati_shadow *s, const leati_call *call, const leati_answered *answers,
                        uint32_t version, double tolerance);
/* By the handler of the mirrored request. */
void leati_shadow_answered(leati_call *call, const leati_answered *answers, uint64_t ns, bool ok);
/* Defined by rollouts.c: on the shadow's thread, once per request that was taken. */
void leati_rollouts_compared(struct leati_lane *lane, uint32_t slot, const leati_compared *c);

#endif
