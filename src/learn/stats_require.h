/* Requirements on a model's scores: `leat eval --require 'accuracy>=0.93@95%,log_loss<=0.3'`. */
#ifndef LEATI_LEARN_STATS_REQUIRE_H
#define LEATI_LEARN_STATS_REQUIRE_H

#include "learn/stats.h"

typedef enum leati_require_op {
    LEATI_REQUIRE_GE,
    LEATI_REQUIRE_GT,
    LEATI_REQUIRE_LE,
    LEATI_REQUIRE_LT
} leati_require_op;

typedef struct leati_requirement {
    const leati_metric *metric;
    leati_require_op op;
    double bound;
    double level; /* 0.95; 0: the estimate itself is judged, not a bound */
} leati_requirement;

typedef struct leati_requirements {
    leati_requirement *at;
    size_t count;
} leati_requirements;

/* METRIC OP NUMBER[@LEVEL%], ... with OP one of >= > <= <; spaces are allowed. NUMBER may be a
 * percentage ("93%"). Errors (LEAT_INVALID) show the text and point at the place. */
leat_status leati_requirements_parse(leat_context *c, leati_requirements *out, leati_task task,
                                     const char *text);
void leati_requirements_fini(leati_requirements *r);

/* Judges the end of the interval that counts: the lower for > and >=, the upper for < and <= (with
 * level 0 the estimate). An interval without ends (NaN) is not met. */
bool leati_requirement_met(const leati_requirement *r, const leati_interval *interval);
/* "accuracy 0.9500 (95%: 0.9012 to 0.9756) is not surely >= 0.93"; returns the length. */
size_t leati_requirement_text(const leati_requirement *r, const leati_interval *interval, char *out,
                              size_t size);

#endif
