/* Owns: contexts of chosen instruction set levels for tests. */
#include "support/levels.h"

leat_context *leattest_context(leati_cpu_level level, unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.cpu = leati_cpu_level_name(level);
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

void leattest_at_levels(leattest *t, unsigned threads, void (*body)(leattest *t, leat_context *c))
{
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        if (!leati_cpu_has((leati_cpu_level)level)) continue;
        leat_context *c = leattest_context((leati_cpu_level)level, threads);
        REQUIRE(c);
        int before = t->failures;
        body(t, c);
        if (t->failures > before) printf("    at level %s\n", leat_context_cpu(c));
        leat_context_destroy(c);
    }
}
