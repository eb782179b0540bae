/* Sorting, the first k and running sums on the CPU and by the reference, through a graph.
 *
 *     build/bench/order_bench [threads] */
#include <stdio.h>
#include <stdlib.h>

#include <leat/leat.h>

#include "clock.h"

typedef leat_tensor *(*record_fn)(leat_tensor *x);

static leat_tensor *sort_rows(leat_tensor *x)
{
    return leat_sort(x, 1, false, NULL);
}
static leat_tensor *sort_columns(leat_tensor *x)
{
    return leat_sort(x, 0, true, NULL);
}
static leat_tensor *top_10(leat_tensor *x)
{
    return leat_topk(x, 10, 1, false, NULL);
}
static leat_tensor *sum_rows(leat_tensor *x)
{
    return leat_cumsum(x, 1, false, false);
}
static leat_tensor *sum_columns(leat_tensor *x)
{
    return leat_cumsum(x, 0, false, false);
}

static const struct {
    const char *name;
    record_fn record;
    int64_t rows, columns;
} work[] = {{"sort, 1 x 1,000,000", sort_rows, 1, 1000000},
            {"sort, 1,000 x 1,000", sort_rows, 1000, 1000},
            {"sort, 100,000 x 10", sort_rows, 100000, 10},
            {"sort columns, 1,000 x 1,000", sort_columns, 1000, 1000},
            {"top 10, 1,000 x 1,000", top_10, 1000, 1000},
            {"top 10, 1 x 1,000,000", top_10, 1, 1000000},
            {"running sum, 1,000 x 1,000", sum_rows, 1000, 1000},
            {"running sum of columns, 1,000 x 1,000", sum_columns, 1000, 1000},
            {"running sum, 1 x 1,000,000", sum_rows, 1, 1000000}};

/* The best of a few runs, in milliseconds. */
static double time_of(leat_context *c, const char *device, leat_dtype dtype, const void *data,
                      size_t i, int runs)
{
    double best = 1e9;
    leat_graph *g;
    if (leat_graph_create(c, device, &g) != LEAT_OK) exit(1);
    leat_tensor *y =
        work[i].record(leat_input(g, dtype, LEAT_DIMS(work[i].rows, work[i].columns), data));
    for (int r = 0; r < runs; r++) {
        double start = now();
        if (leat_run(g, 1, &y) != LEAT_OK) exit(1);
        double each = 1e3 * (now() - start);
        if (each < best) best = each;
    }
    leat_graph_destroy(g);
    return best;
}

int main(int argc, char **argv)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    float *data = malloc(1000000 * sizeof *data);
    int64_t *whole = malloc(1000000 * sizeof *whole);
    uint32_t seed = 1;
    o.threads = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    if (!data || !whole || leat_context_create(&c, &o) != LEAT_OK) return 1;
    for (size_t i = 0; i < 1000000; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (float)(seed >> 8) / 65536 - 128;
        whole[i] = (int64_t)seed << 20;
    }
    printf("%-40s %10s %10s %12s\n", "ms", "f32", "i64", "reference");
    for (size_t i = 0; i < sizeof work / sizeof *work; i++)
        printf("%-40s %10.2f %10.2f %12.2f\n", work[i].name,
               time_of(c, "cpu", LEAT_DTYPE_F32, data, i, 20),
               time_of(c, "cpu", LEAT_DTYPE_I64, whole, i, 20),
               time_of(c, "reference", LEAT_DTYPE_F32, data, i, 1));
    free(whole);
    free(data);
    leat_context_destroy(c);
    return 0;
}
