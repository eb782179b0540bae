/* Owns: the queue and the threads of long answers. Not: what is long (serve.c). */
#include "serve/compute.h"

#include <pthread.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/thread_time.h"

enum { MOST_WAITING = 1024, MOST_BYTES = 256 << 20 };

typedef struct helper {
    leati_compute *compute;
    pthread_t thread;
    atomic_int number; /* leati_thread_number */
    uint32_t index;
} helper;

struct leati_compute {
    void (*run)(void *user, leati_http_exchange *exchange, uint32_t thread);
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    leati_http_exchange *waiting[MOST_WAITING]; /* a ring */
    size_t first, count, bytes;                 /* bytes: of the bodies that wait */
    bool stop;
    helper *helpers;
    uint32_t started;
};

static size_t bytes_of(const leati_http_exchange *exchange)
{
    return leati_exchange_request(exchange)->body_length;
}

static void *work(void *arg)
{
    helper *h = arg;
    leati_compute *p = h->compute;
    atomic_store(&h->number, leati_thread_number());
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->count == 0 && !p->stop) pthread_cond_wait(&p->wake, &p->lock);
        if (p->count == 0) break;
        leati_http_exchange *exchange = p->waiting[p->first];
        p->first = (p->first + 1) % MOST_WAITING;
        p->count--;
        p->bytes -= bytes_of(exchange);
        pthread_mutex_unlock(&p->lock);
        p->run(p->user, exchange, h->index);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

leat_status leati_compute_start(leat_context *c, uint32_t threads,
                                void (*run)(void *user, leati_http_exchange *exchange,
                                            uint32_t thread),
                                void *user, leati_compute **out)
{
    *out = NULL;
    leati_compute *p = LEATI_NEW(c, leati_compute, 1);
    helper *helpers = LEATI_NEW(c, helper, threads);
    if (!p || !helpers) {
        leati_free(p);
        leati_free(helpers);
        return leat_error_status(c);
    }
    p->run = run;
    p->user = user;
    p->helpers = helpers;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    for (; p->started < threads; p->started++) {
        helper *h = &helpers[p->started];
        *h = (helper){.compute = p, .index = p->started};
        if (pthread_create(&h->thread, NULL, work, h) == 0) continue;
        leati_compute_stop(p);
        return LEATI_FAIL(c, LEAT_NOMEM, "no further thread can be started");
    }
    *out = p;
    return LEAT_OK;
}

bool leati_compute_hand(leati_compute *p, leati_http_exchange *exchange)
{
    size_t bytes = bytes_of(exchange);
    pthread_mutex_lock(&p->lock);
    bool fits = p->count < MOST_WAITING && (p->count == 0 || p->bytes + bytes <= MOST_BYTES);
    if (fits) {
        p->waiting[(p->first + p->count++) % MOST_WAITING] = exchange;
        p->bytes += bytes;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return fits;
}

size_t leati_compute_waiting(leati_compute *p)
{
    pthread_mutex_lock(&p->lock);
    size_t count = p->count;
    pthread_mutex_unlock(&p->lock);
    return count;
}

uint64_t leati_compute_busy_ns(const leati_compute *p)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->started; i++)
        sum += leati_thread_busy_ns(p->helpers[i].thread, atomic_load(&p->helpers[i].number));
    return sum;
}

void leati_compute_stop(leati_compute *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < p->started; i++) pthread_join(p->helpers[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    leati_free(p->helpers);
    leati_free(p);
}
