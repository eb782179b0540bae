/* The same test at every level of the processor's instructions; at that of LEAT_CPU only, if set. */
#ifndef LEATTEST_LEVELS_H
#define LEATTEST_LEVELS_H

#include "base/cpu.h"
#include "support/leattest.h"

/* NULL when out of memory. */
leat_context *leattest_context(leati_cpu_level level, unsigned threads);
/* Whether this processor has a level whose f32 and f64 are its own: tiles differ in bf16 alone. */
bool leattest_has_level(int level);
/* Contexts of `threads` threads for the levels of this processor, the least first, with `half` that
 * of tiles too, then NULL: false when out of memory. To be closed in any case. */
bool leattest_open_levels(leattest *t, unsigned threads, bool half,
                          leat_context *at[LEATI_CPU_LEVELS + 1]);
void leattest_close_levels(leat_context *at[LEATI_CPU_LEVELS + 1]);
/* body with a context of `threads` threads at each level that this processor has, */
void leattest_at_levels(leattest *t, unsigned threads, void (*body)(leattest *t, leat_context *c));
/* and where it is about bf16. */
void leattest_at_bf16_levels(leattest *t, unsigned threads,
                             void (*body)(leattest *t, leat_context *c));

#endif
