/* Schedules of the learning rate: a row in schedules.def each, chosen by text: "cosine",
 * "step(step_size=10, gamma=0.5)". Formulas and defaults are those of torch.optim.lr_scheduler;
 * one_cycle moves the rate only and leaves momentum alone. */
#ifndef LEATI_NN_SCHEDULE_H
#define LEATI_NN_SCHEDULE_H

#include <stdint.h>

#include "learn/param.h"

typedef struct leati_schedule leati_schedule;

/* Where training is when it asks for the rate of its next step. */
typedef struct leati_schedule_at {
    double rate;            /* the learning rate that was asked for */
    uint64_t step, steps;   /* steps done, and in all */
    uint64_t epoch, epochs; /* epochs done, and in all */
} leati_schedule_at;

enum { LEATI_SCHEDULE_STATE = 4 };

typedef struct leati_schedule_class {
    const char *name, *doc;
    size_t size;
    const leati_param *params;
    /* Whether the parameters fit together; NULL: any do. */
    leat_status (*check)(leat_context *c, const leati_schedule *s);
    /* `state` stays from step to step and goes into checkpoints; zeros at first. */
    double (*rate)(const leati_schedule *s, const leati_schedule_at *at, const double *state);
    /* After an epoch with its (validation) loss; NULL: of no interest. */
    void (*see)(const leati_schedule *s, double loss, double *state);
    /* Whether the course depends on how long the training is; NULL: it does not. */
    bool (*needs_length)(const leati_schedule *s);
    double standard_rate; /* where nobody names one; 0: that of the optimiser */
} leati_schedule_class;

struct leati_schedule {
    const leati_schedule_class *class;
};

size_t leati_schedule_count(void);
const leati_schedule_class *leati_schedule_at_row(size_t i);
/* Whether a rate depends on how many steps or epochs there will be. */
bool leati_schedule_needs_length(const leati_schedule *s);
/* Whether the rate never changes. */
bool leati_schedule_constant_rate(const leati_schedule *s);
/* The parameter `name`, a number; NaN: the schedule has none of this name. */
double leati_schedule_number(const leati_schedule *s, const char *name);
/* leati_free. */
leat_status leati_schedule_parse(leat_context *c, const char *text, leati_schedule **out);

#endif
