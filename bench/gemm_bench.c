/* Matrix products of Leat, OpenBLAS and oneDNN in turn in one process, at equal threads.
 *
 *   gemm_bench [--threads 1,2] [--rounds 9] [--f64] [--only TEXT]
 *
 * The peers are opened at run time and left out where they are not installed. A round goes through
 * all shapes and runs each library for some milliseconds, of the largest shapes once, with
 * more threads than one after a pause in which the others' go to sleep, so that a slow moment of
 * the machine is one of many for every figure; given are the best and the median of all repetitions
 * of all rounds, and the ratio of Leat to the better peer.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/context.h>

#include "kernel/gemm.h"

typedef struct shape {
    const char *form; /* NN, NT, TN; SY: A^T A of (k, n) */
    int m, n, k;
} shape;

static const shape shapes[] = {
    {"NN", 64, 64, 64},     {"NN", 128, 128, 128},    {"NN", 256, 256, 256},
    {"NN", 512, 512, 512},  {"NN", 1024, 1024, 1024}, {"NN", 4096, 4096, 4096},
    {"NN", 64, 128, 784},   {"NN", 128, 1024, 3136},  {"TN", 784, 128, 64},
    {"NT", 32, 128, 784},   {"NT", 128, 768, 768},    {"NT", 128, 3072, 768},
    {"NT", 1, 768, 768},    {"NT", 1, 4096, 4096},    {"NN", 60000, 10, 784},
    {"TN", 784, 10, 60000}, {"SY", 784, 784, 60000}};

enum { SHAPES = sizeof shapes / sizeof *shapes };
enum { LEAT, OPENBLAS, ONEDNN, LIBRARIES, MOST = 100000 };
static const double large = 1e10; /* flops: shapes that are warm after their first round */
static const char *const names[LIBRARIES] = {"Leat", "OpenBLAS", "oneDNN"};

typedef void (*cblas_sgemm_fn)(int, int, int, int, int, int, float, const float *, int,
                               const float *, int, float, float *, int);
typedef void (*cblas_dgemm_fn)(int, int, int, int, int, int, double, const double *, int,
                               const double *, int, double, double *, int);
typedef void (*cblas_ssyrk_fn)(int, int, int, int, int, float, const float *, int, float, float *,
                               int);
typedef void (*cblas_dsyrk_fn)(int, int, int, int, int, double, const double *, int, double,
                               double *, int);
typedef int (*dnnl_sgemm_fn)(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t,
                             const float *, int64_t, float, float *, int64_t);
typedef void (*threads_fn)(int);

/* What one library took for one shape. */
typedef struct timings {
    double seconds[MOST];
    int count;
} timings;

typedef struct bench {
    leat_context *context;
    cblas_sgemm_fn sgemm;
    cblas_dgemm_fn dgemm;
    cblas_ssyrk_fn ssyrk;
    cblas_dsyrk_fn dsyrk;
    dnnl_sgemm_fn dnnl;
    threads_fn openblas_threads, omp_threads;
    bool f64;
    void *a, *b, *c;
    timings taken[SHAPES][LIBRARIES];
} bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A function pointer out of an object pointer, as POSIX has it. */
static void symbol(void *library, const char *name, void *function)
{
    void *found = library ? dlsym(library, name) : NULL;
    memcpy(function, &found, sizeof found);
}

static void open_peers(bench *x)
{
    void *blas = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    void *dnnl = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!dnnl) dnnl = dlopen("libdnnl.so.3", RTLD_NOW | RTLD_LOCAL);
    void *omp = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
    char *(*config)(void);
    symbol(blas, "cblas_sgemm", &x->sgemm);
    symbol(blas, "cblas_dgemm", &x->dgemm);
    symbol(blas, "cblas_ssyrk", &x->ssyrk);
    symbol(blas, "cblas_dsyrk", &x->dsyrk);
    symbol(blas, "openblas_set_num_threads", &x->openblas_threads);
    symbol(blas, "openblas_get_config", &config);
    symbol(dnnl, "dnnl_sgemm", &x->dnnl);
    symbol(omp, "omp_set_num_threads", &x->omp_threads);
    printf("OpenBLAS: %s\n", config ? config() : "absent");
    const struct {
        int major, minor, patch;
    } * (*version)(void);
    symbol(dnnl, "dnnl_version", &version);
    if (version) printf("oneDNN: %d.%d.%d\n", version()->major, version()->minor, version()->patch);
}

static double flops_of(const shape *s)
{
    return (s->form[0] == 'S' ? 1.0 : 2.0) * s->m * s->n * s->k;
}

static bool present(const bench *x, int library, const shape *s)
{
    bool square = s->form[0] == 'S';
    if (library == LEAT) return true;
    if (library == ONEDNN) return x->dnnl && !x->f64 && !square;
    return x->sgemm && x->dgemm && x->ssyrk && x->dsyrk;
}

static void run_leat(bench *x, const shape *s)
{
    bool ta = s->form[0] == 'T', tb = s->form[1] == 'T', square = s->form[0] == 'S';
    size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    size_t lda = ta ? m : k, ldb = tb ? k : n;
    leat_status st;
    if (square && x->f64) st = leati_syrk_f64(x->context, k, n, x->a, n, x->c, n);
    else if (square) st = leati_syrk_f32(x->context, k, n, x->a, n, x->c, n);
    else if (x->f64)
        st = leati_gemm_f64(x->context, ta, tb, m, n, k, 1, x->a, lda, x->b, ldb, 0, x->c, n);
    else st = leati_gemm_f32(x->context, ta, tb, m, n, k, 1, x->a, lda, x->b, ldb, 0, x->c, n);
    if (st != LEAT_OK) {
        fprintf(stderr, "%s\n", leat_error_message(x->context));
        exit(1);
    }
}

static void run_peer(bench *x, int library, const shape *s)
{
    enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112, UPPER = 121 };
    bool ta = s->form[0] == 'T', tb = s->form[1] == 'T', square = s->form[0] == 'S';
    int lda = ta ? s->m : s->k, ldb = tb ? s->k : s->n, n = s->n;
    int opa = ta ? TRANSPOSED : PLAIN, opb = tb ? TRANSPOSED : PLAIN;
    if (library == ONEDNN)
        x->dnnl(ta ? 'T' : 'N', tb ? 'T' : 'N', s->m, n, s->k, 1, x->a, lda, x->b, ldb, 0, x->c, n);
    else if (square && x->f64)
        x->dsyrk(ROW_MAJOR, UPPER, TRANSPOSED, n, s->k, 1, x->a, n, 0, x->c, n);
    else if (square) x->ssyrk(ROW_MAJOR, UPPER, TRANSPOSED, n, s->k, 1, x->a, n, 0, x->c, n);
    else if (x->f64)
        x->dgemm(ROW_MAJOR, opa, opb, s->m, n, s->k, 1, x->a, lda, x->b, ldb, 0, x->c, n);
    else x->sgemm(ROW_MAJOR, opa, opb, s->m, n, s->k, 1, x->a, lda, x->b, ldb, 0, x->c, n);
}

static void run_once(bench *x, int library, const shape *s)
{
    if (library == LEAT) run_leat(x, s);
    else run_peer(x, library, s);
}

static void run_library(bench *x, int library, const shape *s, timings *t, double budget, int most)
{
    const struct timespec pause = {0, 80000000}; /* threads of OpenBLAS spin for 2^26 cycles */
    if (leat_context_threads(x->context) > 1) nanosleep(&pause, NULL);
    double start = now(), warm = start + budget / 10, end;
    most += t->count; /* every round has its share */
    if (t->count == 0 || flops_of(s) < large) {
        do run_once(x, library, s);
        while (now() < warm);
    }
    end = now() + budget;
    do {
        start = now();
        run_once(x, library, s);
        if (t->count < most) t->seconds[t->count++] = now() - start;
    } while (now() < end);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void show(const shape *s, timings taken[LIBRARIES])
{
    double flops = flops_of(s), best_peer = 0, leat = 0, median_peer = 0, median = 0;
    printf("%s %5d x %4d x %5d ", s->form, s->m, s->n, s->k);
    for (int i = 0; i < LIBRARIES; i++) {
        timings *t = &taken[i];
        if (t->count == 0) {
            printf("  %8s %6s / %6s", names[i], "-", "-");
            continue;
        }
        qsort(t->seconds, (size_t)t->count, sizeof(double), compare);
        double best = flops / t->seconds[0] * 1e-9;
        double middle = flops / t->seconds[t->count / 2] * 1e-9;
        printf("  %8s %6.1f / %6.1f", names[i], best, middle);
        if (i == LEAT) leat = best, median = middle;
        else {
            best_peer = fmax(best_peer, best);
            median_peer = fmax(median_peer, middle);
        }
    }
    if (best_peer > 0) printf("   ratio %.3f / %.3f", leat / best_peer, median / median_peer);
    printf("\n");
}

static bool wanted(const shape *s, const char *only)
{
    char name[64];
    snprintf(name, sizeof name, "%s %dx%dx%d", s->form, s->m, s->n, s->k);
    return !only || strstr(name, only);
}

static void run_round(bench *x, int most, const char *only)
{
    for (int i = 0; i < SHAPES; i++) {
        const shape *s = &shapes[i];
        if (!wanted(s, only)) continue;
        for (int l = 0; l < LIBRARIES; l++)
            if (present(x, l, s)) run_library(x, l, s, &x->taken[i][l], 0.02, most);
    }
}

static void run_all(bench *x, int threads, int rounds, const char *only)
{
    leat_context_options o = leat_context_options_default();
    o.threads = (unsigned)threads;
    if (leat_context_create(&x->context, &o) != LEAT_OK) exit(1);
    if (x->openblas_threads) x->openblas_threads(threads);
    if (x->omp_threads) x->omp_threads(threads);
    for (int i = 0; i < SHAPES; i++)
        for (int l = 0; l < LIBRARIES; l++) x->taken[i][l].count = 0;
    for (int r = 0; r < rounds; r++) run_round(x, MOST / rounds, only);
    printf("%s, %d thread%s, level %s: GFLOP/s best / median\n", x->f64 ? "f64" : "f32", threads,
           threads > 1 ? "s" : "", leat_context_cpu(x->context));
    for (int i = 0; i < SHAPES; i++)
        if (wanted(&shapes[i], only)) show(&shapes[i], x->taken[i]);
    fflush(stdout);
    leat_context_destroy(x->context);
}

int main(int argc, char **argv)
{
    const char *threads = "1,2", *only = NULL;
    int rounds = 9;
    bench *x = calloc(1, sizeof *x);
    size_t most = (size_t)60000 * 784;
    if (!x) return 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--f64") == 0) x->f64 = true;
        else if (i + 1 < argc && strcmp(argv[i], "--threads") == 0) threads = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0) rounds = atoi(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--only") == 0) only = argv[++i];
        else {
            fprintf(stderr, "usage: gemm_bench [--threads 1,2] [--rounds 9] [--f64] [--only X]\n");
            return 2;
        }
    }
    size_t size = x->f64 ? sizeof(double) : sizeof(float);
    x->a = aligned_alloc(64, most * size);
    x->b = aligned_alloc(64, (size_t)4096 * 4096 * size);
    x->c = aligned_alloc(64, (size_t)4096 * 4096 * size);
    if (!x->a || !x->b || !x->c) return 1;
    for (size_t i = 0; i < most; i++) {
        double value = (double)(i * 2654435761u % 1000) / 1000 - 0.5;
        if (x->f64) ((double *)x->a)[i] = value;
        else ((float *)x->a)[i] = (float)value;
    }
    memcpy(x->b, x->a, (size_t)4096 * 4096 * size);
    memset(x->c, 0, (size_t)4096 * 4096 * size);
    open_peers(x);
    for (const char *t = threads; *t; t += strcspn(t, ","), t += *t == ',')
        run_all(x, atoi(t), rounds, only);
    free(x->a);
    free(x->b);
    free(x->c);
    free(x);
    return 0;
}
