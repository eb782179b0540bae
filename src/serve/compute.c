/* Owns: the queue and the threads of long answers. Not: what is long (dispatch.c). */
#include "serve/compute.h"

#include <pthread.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/joined_run.h"
#include "serve/thread_time.h"

enum { MOST_BYTES = 256 << 20, KINDS = 64, NONE = UINT32_MAX };

typedef struct helper {
    leati_compute *compute;
    pthread_t thread;
    atomic_int number; /* leati_thread_number */
    uint32_t index;
    leati_http_exchange *taken[LEATI_JOIN_MOST];
} helper;

/* A place in the queue; those that wait are linked in the order in which they came. */
typedef struct waiter {
    leati_http_exchange *exchange;
    uint64_t since;
    uint32_t kind, next;
    bool joins;
} waiter;

struct leati_compute {
    leati_compute_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    waiter *places; /* (queue) */
    uint32_t first, last, free;
    uint32_t count, of[KINDS]; /* that wait, in all and by kind */
    uint32_t turn;             /* kind that was taken last */
    uint32_t gathering;        /* threads that wait for requests to join */
    size_t bytes;              /* of the bodies that wait */
    bool stop;
    helper *helpers;
    uint32_t started;
};

static size_t bytes_of(const leati_http_exchange *exchange)
{
    return leati_exchange_request(exchange)->body_length;
}

/* ---- under the lock ---------------------------------------------------------------------------
 */

/* Takes the place behind `before` (NONE: the first one) out of the queue. */
static waiter *unlink_after(leati_compute *p, uint32_t before)
{
    uint32_t *from = before == NONE ? &p->first : &p->places[before].next, at = *from;
    waiter *w = &p->places[at];
    *from = w->next;
    if (p->last == at) p->last = before;
    w->next = p->free;
    p->free = at;
    p->count--;
    p->of[w->kind]--;
    p->bytes -= bytes_of(w->exchange);
    return w;
}

/* The one that has waited longest, of another kind than the last one where there is one. */
static waiter *next_in_turn(leati_compute *p)
{
    uint32_t before = NONE;
    if (p->of[p->turn] < p->count)
        for (uint32_t at = p->first; p->places[at].kind == p->turn; at = p->places[at].next)
            before = at;
    waiter *w = unlink_after(p, before);
    p->turn = w->kind;
    return w;
}

/* Adds to what was taken those that may share its run. */
static size_t take_joining(leati_compute *p, uint32_t kind, leati_http_exchange **taken,
                           size_t count)
{
    uint32_t before = NONE, at = p->first;
    while (at != NONE && count < p->options.together && p->of[kind]) {
        waiter *w = &p->places[at];
        uint32_t next = w->next;
        if (w->kind == kind && w->joins) taken[count++] = unlink_after(p, before)->exchange;
        else before = at;
        at = next;
    }
    return count;
}

/* Lets others come until the first one has waited its time. */
static size_t wait_for_more(leati_compute *p, const waiter *first, leati_http_exchange **taken,
                            size_t count)
{
    uint64_t until = first->since + p->options.delay_ns;
    uint32_t kind = first->kind; /* its place is free again */
    struct timespec t = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
    p->gathering++;
    while (count < p->options.together && !p->stop &&
           pthread_cond_timedwait(&p->wake, &p->lock, &t) == 0)
        count = take_joining(p, kind, taken, count);
    p->gathering--;
    /* A signal that was meant for another thread. */
    if (p->count) pthread_cond_signal(&p->wake);
    return count;
}

static size_t take(leati_compute *p, leati_http_exchange **taken)
{
    const waiter first = *next_in_turn(p);
    taken[0] = first.exchange;
    if (!first.joins || p->options.together < 2) return 1;
    size_t count = take_joining(p, first.kind, taken, 1);
    return p->options.delay_ns ? wait_for_more(p, &first, taken, count) : count;
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
        size_t count = p->stop ? 0 : take(p, h->taken);
        leati_http_exchange *left = count ? NULL : unlink_after(p, NONE)->exchange;
        pthread_mutex_unlock(&p->lock);
        if (left) p->options.refuse(p->options.user, left);
        else p->options.run(p->options.user, h->taken, count, h->index);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- from outside -----------------------------------------------------------------------------
 */

static void init_lock(leati_compute *p)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&p->lock, NULL);
}

leat_status leati_compute_start(leat_context *c, const leati_compute_options *options,
                                leati_compute **out)
{
    *out = NULL;
    leati_compute *p = LEATI_NEW(c, leati_compute, 1);
    helper *helpers = LEATI_NEW(c, helper, options->threads);
    waiter *places = LEATI_NEW(c, waiter, options->queue + (size_t)1);
    if (!p || !helpers || !places) {
        leati_free(p);
        leati_free(helpers);
        leati_free(places);
        return leat_error_status(c);
    }
    p->options = *options;
    p->helpers = helpers;
    p->places = places;
    p->first = p->last = NONE;
    for (uint32_t i = 0; i < options->queue; i++)
        places[i].next = i + 1 < options->queue ? i + 1 : NONE;
    init_lock(p);
    for (; p->started < options->threads; p->started++) {
        helper *h = &helpers[p->started];
        h->compute = p;
        h->index = p->started;
        if (pthread_create(&h->thread, NULL, work, h) == 0) continue;
        leati_compute_stop(p);
        return LEATI_FAIL(c, LEAT_NOMEM, "no further thread can be started");
    }
    *out = p;
    return LEAT_OK;
}

bool leati_compute_hand(leati_compute *p, leati_http_exchange *exchange, uint32_t kind, bool joins)
{
    size_t bytes = bytes_of(exchange);
    uint32_t most = p->options.queue;
    kind %= KINDS;
    pthread_mutex_lock(&p->lock);
    bool fits = p->count < most && p->of[kind] < (most + 1) / 2 &&
                (p->count == 0 || p->bytes + bytes <= MOST_BYTES);
    if (fits) {
        uint32_t at = p->free;
        waiter *w = &p->places[at];
        p->free = w->next;
        *w = (waiter){exchange, leati_serve_now(), kind, NONE, joins};
        if (p->last == NONE) p->first = at;
        else p->places[p->last].next = at;
        p->last = at;
        p->count++;
        p->of[kind]++;
        p->bytes += bytes;
        if (p->gathering) pthread_cond_broadcast(&p->wake);
        else pthread_cond_signal(&p->wake);
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
    leati_free(p->places);
    leati_free(p->helpers);
    leati_free(p);
}
