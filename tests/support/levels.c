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

bool leattest_open_levels(leattest *t, unsigned threads, leat_context *at[LEATI_CPU_LEVELS + 1])
{
    size_t count = 0;
    memset(at, 0, (LEATI_CPU_LEVELS + 1) * sizeof *at);
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        if (!leati_cpu_has((leati_cpu_level)level)) continue;
        at[count] = leattest_context((leati_cpu_level)level, threads);
        if (!CHECK(at[count])) return false;
        count++;
    }
    return true;
}

void leattest_close_levels(leat_context *at[LEATI_CPU_LEVELS + 1])
{
    for (size_t i = 0; at[i]; i++) leat_context_destroy(at[i]);
}

void leattest_at_levels(leattest *t, unsigned threads, void (*body)(leattest *t, leat_context *c))
{
    leat_context *at[LEATI_CPU_LEVELS + 1];
    bool opened = leattest_open_levels(t, threads, at);
    for (size_t i = 0; opened && at[i]; i++) {
        int before = t->failures;
        body(t, at[i]);
        if (t->failures > before) printf("    at level %s\n", leat_context_cpu(at[i]));
    }
    leattest_close_levels(at);
}
