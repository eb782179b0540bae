/* Owns: contexts of chosen instruction set levels for tests. */
#include <stdlib.h>

#include "support/levels.h"

leat_context *leattest_context(leati_cpu_level level, unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.cpu = leati_cpu_level_name(level);
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

/* By tiles only bf16 is computed: the rest is that of v4. */
static bool wanted(int level)
{
    const char *only = getenv("LEAT_CPU"), *name = leati_cpu_level_name((leati_cpu_level)level);
    bool all = !only || !*only || strcmp(only, name) == 0 ||
               (level == LEATI_CPU_V4 && strcmp(only, "amx") == 0);
    return all && leati_cpu_has((leati_cpu_level)level);
}

bool leattest_has_level(int level)
{
    return level != LEATI_CPU_AMX && wanted(level);
}

bool leattest_open_levels(leattest *t, unsigned threads, bool half,
                          leat_context *at[LEATI_CPU_LEVELS + 1])
{
    size_t count = 0;
    memset(at, 0, (LEATI_CPU_LEVELS + 1) * sizeof *at);
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        bool tiles = level == LEATI_CPU_AMX && half && wanted(LEATI_CPU_AMX);
        if (!leattest_has_level(level) && !tiles) continue;
        at[count] = leattest_context((leati_cpu_level)level, threads);
        if (!CHECK(at[count])) return false;
        count++;
    }
    return CHECK(count > 0); /* LEAT_CPU names one that is here */
}

void leattest_close_levels(leat_context *at[LEATI_CPU_LEVELS + 1])
{
    for (size_t i = 0; at[i]; i++) leat_context_destroy(at[i]);
}

static void at_level(leattest *t, int level, unsigned threads,
                     void (*body)(leattest *t, leat_context *c))
{
    int before = t->failures;
    leat_context *c = leattest_context((leati_cpu_level)level, threads);
    if (!CHECK(c)) return;
    body(t, c);
    if (t->failures > before) printf("    at level %s\n", leat_context_cpu(c));
    leat_context_destroy(c);
}

void leattest_at_levels(leattest *t, unsigned threads, void (*body)(leattest *t, leat_context *c))
{
    int count = 0;
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        if (!leattest_has_level(level)) continue;
        at_level(t, level, threads, body);
        count++;
    }
    CHECK(count > 0); /* LEAT_CPU names one that is here */
}

void leattest_at_bf16_levels(leattest *t, unsigned threads,
                             void (*body)(leattest *t, leat_context *c))
{
    leattest_at_levels(t, threads, body);
    if (wanted(LEATI_CPU_AMX)) at_level(t, LEATI_CPU_AMX, threads, body);
}
