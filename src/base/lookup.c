/* Owns: asking the resolver within a time. Not: what is done with addresses. */
#include "base/lookup.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "base/progress.h"

struct leati_lookups {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    unsigned under_way, holders; /* holders: questions and the one who made it */
};

/* Of two threads, the one that asks and the one that waits for the resolver: whoever is the last to
 * leave frees it. */
typedef struct question {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool answered, left; /* left: nobody waits any more */
    leati_resolver resolve;
    leati_lookups *lookups; /* NULL: none */
    struct addrinfo hints, *found;
    int error;
    const char *host, *port; /* host NULL: none */
    char texts[];
} question;

/* Waits are measured by the steady clock. */
static void init_waiting(pthread_mutex_t *lock, pthread_cond_t *wake)
{
    pthread_condattr_t clock;
    pthread_mutex_init(lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(wake, &clock);
    pthread_condattr_destroy(&clock);
}

static struct timespec time_of(double until)
{
    double whole;
    struct timespec t = {.tv_nsec = (long)(1e9 * modf(fmin(fmax(until, 0), 1e9), &whole))};
    t.tv_sec = (time_t)whole;
    return t;
}

/* ---- turns ------------------------------------------------------------------------------------
 */

leati_lookups *leati_lookups_create(leat_context *c)
{
    leati_lookups *l = LEATI_NEW(c, leati_lookups, 1);
    if (!l) return NULL;
    init_waiting(&l->lock, &l->turn);
    l->holders = 1;
    return l;
}

/* One holder less; `over`: a question has its answer. */
static void let_go(leati_lookups *l, bool over)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->under_way -= over;
    bool last = --l->holders == 0;
    if (over) pthread_cond_signal(&l->turn);
    pthread_mutex_unlock(&l->lock);
    if (!last) return;
    pthread_cond_destroy(&l->turn);
    pthread_mutex_destroy(&l->lock);
    leati_free(l);
}

void leati_lookups_release(leati_lookups *l)
{
    let_go(l, false);
}

/* False: it did not come in time. */
static bool take_turn(leati_lookups *l, double until)
{
    const struct timespec t = time_of(until);
    if (!l) return true;
    pthread_mutex_lock(&l->lock);
    for (int late = 0; l->under_way >= LEATI_LOOKUPS_MOST && !late;)
        late = pthread_cond_timedwait(&l->turn, &l->lock, &t);
    bool free = l->under_way < LEATI_LOOKUPS_MOST;
    l->under_way += free;
    l->holders += free;
    pthread_mutex_unlock(&l->lock);
    return free;
}

/* ---- questions --------------------------------------------------------------------------------
 */

static question *make_question(const leat_context *c, const char *host, const char *port)
{
    size_t hosts = host ? strlen(host) + 1 : 0, ports = strlen(port) + 1;
    question *q = leati_alloc_quiet(c, sizeof *q + hosts + ports);
    if (!q) return NULL;
    memset(q, 0, sizeof *q);
    memcpy(q->texts, port, ports);
    q->port = q->texts;
    if (host) q->host = memcpy(q->texts + ports, host, hosts);
    init_waiting(&q->lock, &q->told);
    return q;
}

static void free_question(question *q)
{
    if (q->found) freeaddrinfo(q->found);
    pthread_cond_destroy(&q->told);
    pthread_mutex_destroy(&q->lock);
    leati_free(q);
}

static void *answer(void *arg)
{
    question *q = arg;
    struct addrinfo *found = NULL;
    leati_lookups *lookups = q->lookups;
    int error = q->resolve(q->host, q->port, &q->hints, &found);
    pthread_mutex_lock(&q->lock);
    q->error = error;
    q->found = error ? NULL : found;
    q->answered = true;
    bool last = q->left;
    pthread_cond_signal(&q->told);
    pthread_mutex_unlock(&q->lock);
    if (last) free_question(q);
    let_go(lookups, true);
    return NULL;
}

/* Signals are for the threads of the program. */
static bool start(question *q)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool runs = pthread_create(&thread, &detached, answer, q) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return runs;
}

/* Until it is answered, or it is too late. */
static void wait_for(question *q, double until)
{
    const struct timespec t = time_of(until);
    for (int late = 0; !q->answered && !late;)
        late = pthread_cond_timedwait(&q->told, &q->lock, &t);
}

static const char *ask(question *q, double until, struct addrinfo **out)
{
    const char *why = "the name was not found out in time";
    if (!take_turn(q->lookups, until)) {
        free_question(q);
        return "the name was not asked for: the resolver does not answer the questions before";
    }
    if (!start(q)) {
        let_go(q->lookups, true);
        free_question(q);
        return "no further thread can be started to find the name out";
    }
    pthread_mutex_lock(&q->lock);
    wait_for(q, until);
    bool answered = q->answered;
    q->left = true;
    pthread_mutex_unlock(&q->lock);
    if (!answered) return why;
    why = q->error ? gai_strerror(q->error) : q->found ? NULL : "the name has no address";
    *out = q->found;
    q->found = NULL;
    free_question(q);
    return why;
}

/* Of more than 16 bits getaddrinfo takes the lower ones. */
static bool is_port(const char *text)
{
    unsigned value = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9') return false;
        value = 10 * value + (unsigned)(*p - '0');
        if (value > UINT16_MAX) return false;
    }
    return *text != '\0';
}

const char *leati_lookup_by(leati_resolver resolve, const leat_context *c, leati_lookups *lookups,
                            const char *host, const char *port, int flags, double until,
                            struct addrinfo **out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICHOST};
    *out = NULL;
    if ((flags & AI_NUMERICSERV) && !is_port(port)) return "the port is no number from 0 to 65535";
    if (getaddrinfo(host, port, &hints, out) == 0) return NULL;
    *out = NULL;
    question *q = make_question(c, host, port);
    if (!q) return "out of memory";
    q->resolve = resolve;
    q->lookups = lookups;
    q->hints = hints;
    q->hints.ai_flags = flags;
    return ask(q, until, out);
}

const char *leati_lookup(const leat_context *c, leati_lookups *lookups, const char *host,
                         const char *port, int flags, double until, struct addrinfo **out)
{
    return leati_lookup_by(getaddrinfo, c, lookups, host, port, flags, until, out);
}
