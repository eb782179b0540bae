/* The client beside libcurl's easy interface: one row after the other over one kept connection.
 *
 *     build/bench/call_bench URL PATH BODY [CALLS]
 *     build/bench/call_bench http://127.0.0.1:8080 /api/v1/iris '{"sepal_length":5.1,...}'
 *
 * Prints median and 99th percentile of a call and the processor time that the calling process
 * spends on it, in microseconds; both in turn, five times, the best median of each. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if LEAT_HAVE_CURL
#include <curl/curl.h>
#endif
#include <leat/call.h>

#include "base/progress.h"

enum { ROUNDS = 5, CALLS = 20000 };

typedef struct result {
    double p50, p99, cpu;
} result;

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* `ask` once to connect, then `calls` times. */
static result measure(int (*ask)(void *arg), void *arg, double *took, int calls)
{
    if (!ask(arg)) {
        fprintf(stderr, "no answer with status 200\n");
        exit(1);
    }
    double cpu = cpu_now();
    for (int i = 0; i < calls; i++) {
        double began = leati_now_s();
        if (!ask(arg)) exit(1);
        took[i] = leati_now_s() - began;
    }
    cpu = cpu_now() - cpu;
    qsort(took, (size_t)calls, sizeof *took, by_size);
    return (result){1e6 * took[calls / 2], 1e6 * took[calls / 100 * 99], 1e6 * cpu / calls};
}

typedef struct leat_caller {
    leat_context *context;
    leat_client *client;
    leat_client_request request;
} leat_caller;

static int ask_leat(void *arg)
{
    leat_caller *k = arg;
    leat_client_reply r;
    if (leat_client_ask(k->context, k->client, &k->request, &r) != LEAT_OK) return 0;
    int good = r.status == 200;
    leat_client_reply_free(&r);
    return good;
}

#if LEAT_HAVE_CURL
typedef struct curl_caller {
    CURL *curl;
    CURLcode (*perform)(CURL *);
    CURLcode (*info)(CURL *, CURLINFO, ...);
    char answer[65536];
    size_t length;
} curl_caller;

static size_t take(char *data, size_t size, size_t count, void *user)
{
    curl_caller *k = user;
    size_t n = size * count;
    if (n > sizeof k->answer - k->length) return 0;
    memcpy(k->answer + k->length, data, n);
    k->length += n;
    return n;
}

static int ask_curl(void *arg)
{
    curl_caller *k = arg;
    long status = 0;
    k->length = 0;
    return k->perform(k->curl) == CURLE_OK &&
           k->info(k->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
}

static void symbol(void *library, const char *name, void *to)
{
    void *found = library ? dlsym(library, name) : NULL;
    if (!found) {
        fprintf(stderr, "libcurl is not here\n");
        exit(1);
    }
    memcpy(to, &found, sizeof found);
}

static result measure_curl(const char *url, const char *path, const char *body, double *took,
                           int calls)
{
    static curl_caller k;
    CURL *(*init)(void);
    CURLcode (*set)(CURL *, CURLoption, ...);
    struct curl_slist *(*append)(struct curl_slist *, const char *);
    char whole[2000];
    void *library = dlopen("libcurl.so.4", RTLD_NOW);
    symbol(library, "curl_easy_init", &init);
    symbol(library, "curl_easy_setopt", &set);
    symbol(library, "curl_slist_append", &append);
    symbol(library, "curl_easy_perform", &k.perform);
    symbol(library, "curl_easy_getinfo", &k.info);
    snprintf(whole, sizeof whole, "%.900s%.900s", url, path);
    k.curl = init();
    (void)set(k.curl, CURLOPT_URL, whole);
    (void)set(k.curl, CURLOPT_POSTFIELDS, body);
    (void)set(k.curl, CURLOPT_HTTPHEADER, append(NULL, "Content-Type: application/json"));
    (void)set(k.curl, CURLOPT_WRITEFUNCTION, take);
    (void)set(k.curl, CURLOPT_WRITEDATA, &k);
    return measure(ask_curl, &k, took, calls);
}
#endif

static void print(const char *name, const result *r)
{
    printf("%-8s p50 %7.1f us   p99 %7.1f us   CPU %6.1f us\n", name, r->p50, r->p99, r->cpu);
}

static void keep_best(result *best, result r, int round)
{
    if (round == 0 || r.p50 < best->p50) *best = r;
}

int main(int argc, char **argv)
{
    leat_caller k;
    result leat = {0, 0, 0}, curl = {0, 0, 0};
    int calls = argc > 4 ? atoi(argv[4]) : CALLS;
    double *took = calls >= 100 ? calloc((size_t)calls, sizeof *took) : NULL;
    if (argc < 4 || !took) {
        fprintf(stderr, "usage: call_bench URL PATH BODY [CALLS from 100]\n");
        return 2;
    }
    const char *url = argv[1];
    if (leat_context_create(&k.context, NULL) != LEAT_OK ||
        leat_client_create(k.context, &k.client, &url, 1, NULL) != LEAT_OK)
        return 1;
    k.request = (leat_client_request){.path = argv[2], .body = argv[3], .length = strlen(argv[3])};
    for (int i = 0; i < ROUNDS; i++) {
        keep_best(&leat, measure(ask_leat, &k, took, calls), i);
#if LEAT_HAVE_CURL
        keep_best(&curl, measure_curl(url, argv[2], argv[3], took, calls), i);
#endif
    }
    print("leat", &leat);
    if (curl.p50 > 0) print("libcurl", &curl);
    leat_client_destroy(k.client);
    leat_context_destroy(k.context);
    free(took);
    return 0;
}
