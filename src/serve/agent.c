/* Owns: the thread that measures the load and tells it. Not: what the load is (busy.h). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "serve/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/lookup.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/word.h"
#include "serve/busy.h"

enum { TICK_MS = 100, ASKERS = 8, BACKLOG = 64, NAME_SECONDS = 10 };
/* Who asked so long ago asks no more; so long a new server says "ready". */
#define ASKER_SECONDS 10.0
#define READY_SECONDS 10.0

/* An address that asks: a proxy. */
typedef struct asker {
    char host[NI_MAXHOST];
    double asked; /* 0: a free place */
    bool told;    /* to drain */
} asker;

struct leati_agent {
    leati_agent_source source;
    int fd, stop[2]; /* stop: a pipe */
    uint16_t port;
    pthread_t thread;
    bool runs;
    double started;
    leati_busy busy; /* of the thread */
    pthread_mutex_t lock;
    pthread_cond_t told;
    asker askers[ASKERS]; /* with `drain`: under the lock */
    bool drain;
};

/* Notes who asks, in the place of whoever asked longest ago where there is none. */
static bool note_asker(leati_agent *a, const char *host)
{
    double now = leati_now_s();
    pthread_mutex_lock(&a->lock);
    asker *k = &a->askers[0];
    for (int i = 0; i < ASKERS; i++) {
        if (strcmp(a->askers[i].host, host) == 0) {
            k = &a->askers[i];
            break;
        }
        if (a->askers[i].asked < k->asked) k = &a->askers[i];
    }
    if (strcmp(k->host, host) != 0) snprintf(k->host, sizeof k->host, "%s", host);
    k->asked = now;
    bool drain = k->told = a->drain;
    if (drain) pthread_cond_broadcast(&a->told);
    pthread_mutex_unlock(&a->lock);
    return drain;
}

/* False: there was nobody to answer, or no descriptor for it. */
static bool answer(leati_agent *a)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    char host[NI_MAXHOST] = "?", line[40], asked[256];
    int fd = accept4(a->fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return false;
    getnameinfo((struct sockaddr *)&from, length, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    bool fresh = leati_now_s() - a->started < READY_SECONDS;
    if (note_asker(a, host)) snprintf(line, sizeof line, "drain\n");
    else
        snprintf(line, sizeof line, "%sup %u%%\n", fresh ? "ready " : "",
                 leati_busy_weight(&a->busy));
    (void)!send(fd, line, strlen(line), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    (void)!recv(fd, asked, sizeof asked, 0); /* `agent-send`: unread, it would reset the answer */
    close(fd);
    return true;
}

static void measure(leati_agent *a, double *then, uint64_t *before)
{
    uint64_t busy = *before;
    size_t waiting = 0;
    double now = leati_now_s();
    if (now - *then < 0.5e-3 * TICK_MS) return;
    a->source.measure(a->source.user, &busy, &waiting);
    leati_busy_add(&a->busy, now - *then, 1e-9 * (double)(busy > *before ? busy - *before : 0),
                   waiting, a->source.threads);
    *then = now;
    *before = busy;
}

static void *run(void *arg)
{
    leati_agent *a = arg;
    double then = leati_now_s();
    uint64_t before = 0;
    size_t waiting;
    a->source.measure(a->source.user, &before, &waiting);
    for (bool rests = false;;) {
        struct pollfd p[2] = {{.fd = a->stop[0], .events = POLLIN},
                              {.fd = a->fd, .events = POLLIN}};
        int n = poll(p, rests ? 1 : 2, TICK_MS);
        if (n > 0 && p[0].revents) return NULL;
        measure(a, &then, &before);
        /* Without a descriptor the asker stays in the queue, and poll would say so at once. */
        rests = n > 0 && p[1].revents && !answer(a);
    }
}

/* --- start and end ---------------------------------------------------------------------------- */

static leat_status listen_on(leat_context *c, leati_agent *a, const char *address)
{
    char host[256], port[8];
    const char *colon = strrchr(address, ':');
    struct addrinfo *found;
    bool free_port = colon && strcmp(colon, ":0") == 0;
    leati_endpoint e = {.host = address};
    if (free_port) e.host_length = (size_t)(colon - address);
    else
        LEATI_TRY(
            leati_word_endpoint(c, "the address of the agent check", address, true, false, &e));
    bool six = e.host_length > 2 && e.host[0] == '[';
    snprintf(host, sizeof host, "%.*s", (int)e.host_length - 2 * six, e.host + six);
    snprintf(port, sizeof port, "%u", (unsigned)e.port);
    const char *why = leati_lookup(c, NULL, *host ? host : NULL, port, AI_PASSIVE | AI_NUMERICSERV,
                                   leati_now_s() + NAME_SECONDS, &found);
    LEATI_CHECK(c, !why, LEAT_INVALID, "the agent check cannot listen on \"%s\": %s", address, why);
    int on = 1;
    a->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd >= 0) setsockopt(a->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool good = a->fd >= 0 && bind(a->fd, found->ai_addr, found->ai_addrlen) == 0 &&
                listen(a->fd, BACKLOG) == 0;
    int error = errno;
    freeaddrinfo(found);
    LEATI_CHECK(c, good, LEAT_IO, "the agent check cannot listen on %s: %s", address,
                strerror(error));
    struct sockaddr_storage got;
    socklen_t length = sizeof got;
    if (getsockname(a->fd, (struct sockaddr *)&got, &length) == 0)
        a->port = ntohs(got.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&got)->sin6_port
                                                  : ((struct sockaddr_in *)&got)->sin_port);
    return LEAT_OK;
}

/* Signals are for the threads of the program. */
static leat_status start_thread(leat_context *c, leati_agent *a)
{
    sigset_t all, old;
    LEATI_CHECK(c, pipe(a->stop) == 0, LEAT_IO, "no pipe for the agent check: %s", strerror(errno));
    for (int i = 0; i < 2; i++) fcntl(a->stop[i], F_SETFD, FD_CLOEXEC);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    a->runs = pthread_create(&a->thread, NULL, run, a) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    LEATI_CHECK(c, a->runs, LEAT_NOMEM, "no further thread can be started");
    return LEAT_OK;
}

leat_status leati_agent_start(leat_context *c, const char *address,
                              const leati_agent_source *source, leati_agent **out)
{
    pthread_condattr_t clock;
    *out = NULL;
    leati_agent *a = LEATI_NEW(c, leati_agent, 1);
    if (!a) return leat_error_status(c);
    a->source = *source;
    a->fd = a->stop[0] = a->stop[1] = -1;
    a->started = leati_now_s();
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&a->told, &clock);
    pthread_condattr_destroy(&clock);
    leat_status st = listen_on(c, a, address);
    if (st == LEAT_OK) st = start_thread(c, a);
    if (st == LEAT_OK) *out = a;
    else leati_agent_stop(a);
    return st;
}

uint16_t leati_agent_port(const leati_agent *a)
{
    return a->port;
}

/* Whether somebody asks who has not heard. */
static bool unheard(const leati_agent *a)
{
    double now = leati_now_s();
    for (int i = 0; i < ASKERS; i++) {
        const asker *k = &a->askers[i];
        if (k->asked > 0 && !k->told && now - k->asked < ASKER_SECONDS) return true;
    }
    return false;
}

void leati_agent_drain(leati_agent *a, double seconds)
{
    double until = leati_now_s() + fmax(0, fmin(seconds, 1e6)), whole;
    struct timespec t = {.tv_nsec = (long)(1e9 * modf(until, &whole))};
    t.tv_sec = (time_t)whole;
    pthread_mutex_lock(&a->lock);
    a->drain = true;
    for (int late = 0; unheard(a) && !late;) late = pthread_cond_timedwait(&a->told, &a->lock, &t);
    pthread_mutex_unlock(&a->lock);
}

void leati_agent_stop(leati_agent *a)
{
    if (!a) return;
    if (a->runs) {
        (void)!write(a->stop[1], "", 1);
        pthread_join(a->thread, NULL);
    }
    if (a->fd >= 0) close(a->fd);
    for (int i = 0; i < 2; i++)
        if (a->stop[i] >= 0) close(a->stop[i]);
    pthread_cond_destroy(&a->told);
    pthread_mutex_destroy(&a->lock);
    leati_free(a);
}
