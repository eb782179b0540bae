/* The same test at every level of the processor's instructions. */
#ifndef LEATTEST_LEVELS_H
#define LEATTEST_LEVELS_H

#include "base/cpu.h"
#include "support/leattest.h"

/* NULL when out of memory. */
leat_context *leattest_context(leati_cpu_level level, unsigned threads);
/* body with a context of `threads` threads at each level that this processor has. */
void leattest_at_levels(leattest *t, unsigned threads, void (*body)(leattest *t, leat_context *c));

#endif
