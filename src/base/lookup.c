/* Owns: asking the resolver within a time. Not: what is done with addresses. */
#include "base/lookup.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "base/progress.h"

/* Of two threads, the one that asks and the one that waits for the resolver: whoever is the last to
 * leave frees it. */
typedef struct question {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool answered, left; /* left: nobody waits any more */
    leati_resolver resolve;
    struct addrinfo hints, *found;
    int error;
    const char *host, *port; /* host NULL: none */
    char texts[];
} question;

static question *make_question(const leat_context *c, const char *host, const char *port)
{
    size_t hosts = host ? strlen(host) + 1 : 0, ports = strlen(port) + 1;
    question *q = leati_alloc_quiet(c, sizeof *q + hosts + ports);
    if (!q) return NULL;
    memset(q, 0, sizeof *q);
    memcpy(q->texts, port, ports);
    q->port = q->texts;
    if (host) q->host = memcpy(q->texts + ports, host, hosts);
    pthread_condattr_t clock;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&q->told, &clock);
    pthread_condattr_destroy(&clock);
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
    int error = q->resolve(q->host, q->port, &q->hints, &found);
    pthread_mutex_lock(&q->lock);
    q->error = error;
    q->found = error ? NULL : found;
    q->answered = true;
    bool last = q->left;
    pthread_cond_signal(&q->told);
    pthread_mutex_unlock(&q->lock);
    if (last) free_question(q);
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
    double whole;
    struct timespec t = {.tv_nsec = (long)(1e9 * modf(fmin(fmax(until, 0), 1e9), &whole))};
    t.tv_sec = (time_t)whole;
    for (int late = 0; !q->answered && !late;)
        late = pthread_cond_timedwait(&q->told, &q->lock, &t);
}

static const char *ask(question *q, double until, struct addrinfo **out)
{
    const char *why = "the name was not found out in time";
    if (!start(q)) {
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

const char *leati_lookup_by(leati_resolver resolve, const leat_context *c, const char *host,
                            const char *port, int flags, double until, struct addrinfo **out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICHOST};
    *out = NULL;
    if (getaddrinfo(host, port, &hints, out) == 0) return NULL;
    *out = NULL;
    question *q = make_question(c, host, port);
    if (!q) return "out of memory";
    q->resolve = resolve;
    q->hints = hints;
    q->hints.ai_flags = flags;
    return ask(q, until, out);
}

const char *leati_lookup(const leat_context *c, const char *host, const char *port, int flags,
                         double until, struct addrinfo **out)
{
    return leati_lookup_by(getaddrinfo, c, host, port, flags, until, out);
}
