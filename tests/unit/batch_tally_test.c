/* Runs of a served version by their rows. */
#include "support/leattest.h"

#include <string.h>

#include "serve/batch_tally.h"

static void sizes(leattest *t)
{
    static const uint64_t size[][2] = {{0, 0},     {1, 1},     {2, 2},      {63, 63},
                                       {64, 64},   {65, 128},  {128, 128},  {129, 256},
                                       {256, 256}, {257, 512}, {8192, 8192}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        CHECK_INT(leati_batch_size(leati_batch_bin(size[i][0])), size[i][1]);
    for (size_t bin = 0; bin < LEATI_BATCH_BINS; bin++)
        CHECK_INT(leati_batch_bin(leati_batch_size(bin)), bin);
    CHECK_INT(leati_batch_bin(UINT64_MAX), LEATI_BATCH_BINS - 1);
    CHECK_INT(leati_batch_bin((UINT64_C(1) << 20) + 1), LEATI_BATCH_BINS - 1);
}

static void is(leattest *t, const leati_batch_tally *all, uint64_t size, const uint64_t want[4])
{
    const leati_batch_tally *b = &all[leati_batch_bin(size)];
    CHECK_INT(atomic_load(&b->runs), want[0]);
    CHECK_INT(atomic_load(&b->input_ns), want[1]);
    CHECK_INT(atomic_load(&b->infer_ns), want[2]);
    CHECK_INT(atomic_load(&b->output_ns), want[3]);
}

static void requests(leattest *t)
{
    static leati_batch_tally all[LEATI_BATCH_BINS];
    memset(all, 0, sizeof all);
    leati_batch_count(all, &(leati_batch_runs){1, 3, 256, 10, 20, 30});
    leati_batch_count(all, &(leati_batch_runs){1, 3, 256, 1, 2, 3});
    is(t, all, 3, (uint64_t[]){2, 11, 22, 33});
    /* Of a run that another request counts, and of an answer that needed none. */
    leati_batch_count(all, &(leati_batch_runs){0, 3, 256, 100, 100, 7});
    leati_batch_count(all, &(leati_batch_runs){0, 0, 256, 100, 0, 7});
    is(t, all, 3, (uint64_t[]){2, 11, 22, 40});
    is(t, all, 0, (uint64_t[]){0, 0, 0, 0});
    /* Three full runs and a rest of a sixteenth of the rows. */
    leati_batch_count(all, &(leati_batch_runs){4, 160, 50, 160, 320, 1600});
    is(t, all, 50, (uint64_t[]){3, 150, 300, 1500});
    is(t, all, 10, (uint64_t[]){1, 10, 20, 100});
    /* Full ones alone: the last is one of them. */
    leati_batch_count(all, &(leati_batch_runs){2, 512, 256, 5, 6, 7});
    is(t, all, 256, (uint64_t[]){2, 5, 6, 7});
}

static const leattest_case cases[] = {TEST(sizes), TEST(requests)};

LEATTEST_MAIN(cases)
