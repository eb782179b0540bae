/* Under which seed, CPU level and precision a context works, for a while others than its own. */
#ifndef LEATI_BASE_CONDITIONS_H
#define LEATI_BASE_CONDITIONS_H

#include <leat/context.h>

#include "base/cpu.h"

typedef struct leati_conditions {
    uint64_t seed;
    leati_cpu_level cpu;
    leat_precision precision;
    leat_log_fn log; /* NULL: nothing is logged */
} leati_conditions;

/* Gives those that were, to be put back. Allocator, limit, threads, progress and cancelling stay.
 * Between jobs, by the thread that uses the context. */
leati_conditions leati_conditions_set(leat_context *c, leati_conditions now);

#endif
