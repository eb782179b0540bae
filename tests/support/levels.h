/* The same test at every level of the processor's instructions. */
#ifndef LEATTEST_LEVELS_H
#define LEATTEST_LEVELS_H

#include "base/cpu.h"
#include "support/leattest.h"

/* NULL when out of memory. */
leat_context *leattest_context(leati_cpu_level level, unsigned threads);
/* Contexts of `threads` threads for the levels of this processor, the least first, then NULL: false
 * when out of memory. To be closed in any case. */
bool leattest_open_levels(leattest *t, unsigned threads, leat_context *at[LEATI_CPU_LEVELS + 1]);
void leattest_close_levels(leat_context *at[LEATI_CPU_LEVELS + 1]);
/* body with a context of `threads` threads at each level that this processor has. */
void leattest_at_levels(leattest *t, unsigned threads, void (*body)(leattest *t, leat_context *c));

#endif
