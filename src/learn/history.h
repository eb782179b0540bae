/* The course of a training in epochs and steps, as the report and the logs show it. */
#ifndef LEATI_LEARN_HISTORY_H
#define LEATI_LEARN_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* All of 8 bytes: checkpoints hold them as they are. */
typedef struct leati_epoch {
    double loss, validation_loss;         /* NaN without */
    double accuracy, validation_accuracy; /* of classifiers, while learning and after; or NaN */
    double rate, seconds;                 /* rate: of the last step */
    double ended;                         /* seconds since 1970 */
    uint64_t step;                        /* updates done at its end */
} leati_epoch;

/* A stretch of updates: the last of them, its learning rate, the mean loss of the stretch. */
typedef struct leati_step_note {
    uint64_t step;
    double rate, loss;
} leati_step_note;

enum { LEATI_STEP_NOTES = 400 }; /* of a training, at most */

typedef struct leati_history {
    leati_epoch *epoch;
    size_t count, best; /* best: the epoch whose weights were kept */
    leati_step_note *note;
    size_t notes;
    size_t epochs;  /* that were asked for */
    uint64_t steps; /* updates in all of them */
    bool validated; /* rows were set aside */
    bool classes;   /* validation accuracies stand */
    bool watched;   /* and accuracies */
    size_t traced;  /* updates whose timeline was written */
} leati_history;

static inline void leati_history_fini(leati_history *h) /* idempotent */
{
    leati_free(h->epoch);
    leati_free(h->note);
    *h = (leati_history){0};
}

#endif
