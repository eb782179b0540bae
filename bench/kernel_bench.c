/* Times of the kernels on this machine: fork and join of the thread pool, nearest rows on the
 * shape of Fashion-MNIST, sorting. (Vector functions: kernel_test --bench; products: gemm_bench.)
 * kernel_bench [threads] */
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <leat/context.h>

#include "base/pool.h"
#include "base/rng.h"
#include "clock.h"
#include "kernel/neighbors.h"
#include "kernel/sort.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct meeting {
    atomic_size_t here;
    size_t all;
};

static void nothing(void *arg, size_t task, unsigned worker)
{
    (void)arg;
    (void)task;
    (void)worker;
}

/* Ends when every worker has come: the price of handing work to all of them. */
static void meet(void *arg, size_t task, unsigned worker)
{
    struct meeting *m = arg;
    (void)task;
    (void)worker;
    atomic_fetch_add_explicit(&m->here, 1, memory_order_relaxed);
    for (int i = 0; atomic_load_explicit(&m->here, memory_order_relaxed) < m->all; i++)
        if (i > 1000) sched_yield(); /* the machine has other work */
}

/* Best and median nanoseconds of a job, from at most two seconds of rounds. */
static void bench_jobs(leat_context *c, const char *what, leati_task_fn run)
{
    enum { JOBS = 100, ROUNDS = 2000 };
    static double seconds[ROUNDS];
    size_t tasks = leat_context_threads(c), rounds = 0;
    double end = now() + 2;
    do {
        double start = now();
        for (int i = 0; i < JOBS; i++) {
            struct meeting m = {.all = tasks};
            leati_parallel(c, tasks, run, &m);
        }
        seconds[rounds++] = (now() - start) / JOBS;
    } while (rounds < ROUNDS && now() < end);
    qsort(seconds, rounds, sizeof *seconds, compare);
    printf("fork and join, %zu tasks, %s: best %.0f ns, median %.0f ns\n", tasks, what,
           seconds[0] * 1e9, seconds[rounds / 2] * 1e9);
}

static void bench_neighbors(leat_context *c)
{
    enum { QUERIES = 10000, ROWS = 60000, DIMS = 784, K = 5 };
    float *query = malloc((size_t)QUERIES * DIMS * sizeof *query);
    float *data = malloc((size_t)ROWS * DIMS * sizeof *data);
    uint32_t *index = malloc((size_t)QUERIES * K * sizeof *index);
    double *distance = malloc((size_t)QUERIES * K * sizeof *distance), best = HUGE_VAL;
    leati_rng rng;
    if (!query || !data || !index || !distance) exit(1);
    leati_rng_init(&rng, 1, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < (size_t)QUERIES * DIMS; i++)
        query[i] = (float)(leati_rng_u32(&rng) >> 24);
    for (size_t i = 0; i < (size_t)ROWS * DIMS; i++) data[i] = (float)(leati_rng_u32(&rng) >> 24);
    for (int r = 0; r < 3; r++) {
        double start = now();
        if (leati_neighbors_f32(c, query, QUERIES, DIMS, data, ROWS, DIMS, DIMS, K, index,
                                distance) != LEAT_OK)
            exit(1);
        best = fmin(best, now() - start);
    }
    printf("5 nearest of 60,000 x 784 for 10,000 rows: %.3f s, %.0f GFLOP/s of the product\n", best,
           2.0 * QUERIES * ROWS * DIMS / best * 1e-9);
    free(query);
    free(data);
    free(index);
    free(distance);
}

static void bench_sort(leat_context *c)
{
    enum { N = 10000000 };
    double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), times[3];
    uint32_t *order = malloc(N * sizeof *order);
    leati_rng rng;
    if (!x || !y || !order) exit(1);
    leati_rng_init(&rng, 1, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) x[i] = y[i] = leati_rng_normal(&rng);
    times[0] = now();
    if (leati_argsort_f64(c, x, N, order) != LEAT_OK) exit(1);
    times[1] = now();
    if (leati_sort_f64(c, x, N) != LEAT_OK) exit(1);
    times[2] = now();
    qsort(y, N, sizeof *y, compare);
    printf("10,000,000 normal f64: argsort %.3f s, sort %.3f s (qsort of the C library %.3f s)\n",
           times[1] - times[0], times[2] - times[1], now() - times[2]);
    free(x);
    free(y);
    free(order);
}

int main(int argc, char **argv)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    if (argc > 1) o.threads = (unsigned)atoi(argv[1]);
    if (leat_context_create(&c, &o) != LEAT_OK) return 1;
    printf("%u threads, level %s\n", leat_context_threads(c), leat_context_cpu(c));
    bench_jobs(c, "empty", nothing);
    bench_jobs(c, "one for each thread", meet);
    bench_sort(c);
    bench_neighbors(c);
    leat_context_destroy(c);
    return 0;
}
