/* Owns: the life of a server: its address, its sockets and workers, draining. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SO_REUSEPORT, SOCK_CLOEXEC */
#endif
#include "serve/server.h"

#include "base/error.h"

#if LEAT_HAVE_SERVER
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "deploy/address.h"
#include "serve/server_worker.h"
#include "serve/thread_time.h"

enum { WORKERS_MOST = 256, BACKLOG = 4096, CONNECTIONS = 65536 };

/* --- the address -------------------------------------------------------------------------- */

static leat_status socket_error(leat_context *c, int fd, const char *what, const char *listen)
{
    int error = errno;
    if (fd >= 0) close(fd);
    LEATI_FAIL(c, LEAT_IO, "%s %s: %s", what, listen, strerror(error));
    if (error == EADDRINUSE)
        leati_error_hint(c, "another program listens there: stop it, or choose another port");
    return LEAT_IO;
}

/* A bound socket; `shared`: others of ours will bind to the same address. */
static leat_status bind_tcp(leat_context *c, const leati_address *a, bool shared,
                            const char *listen, int *out)
{
    int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0) return socket_error(c, fd, "no socket for", listen);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&a->at, a->length) != 0)
        return socket_error(c, fd, "cannot listen on", listen);
    *out = fd;
    return LEAT_OK;
}

/* SO_REUSEPORT would let a second server take half of the clients of the first without a word: a
 * socket without it finds out whether the address is free, and which port it gets. */
static leat_status probe(leat_context *c, leati_address *a, const char *listen)
{
    int fd;
    leati_address got = {.length = sizeof got.at};
    LEATI_TRY(bind_tcp(c, a, false, listen, &fd));
    if (getsockname(fd, (struct sockaddr *)&got.at, &got.length) != 0)
        return socket_error(c, fd, "no port for", listen);
    close(fd);
    *leati_address_port(a) = *leati_address_port(&got);
    return LEAT_OK;
}

/* A socket file whose server is gone is replaced, one that answers is not. */
static leat_status bind_local(leat_context *c, leati_http_server *s, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat info;
    LEATI_CHECK(c, *path && strlen(path) < sizeof a.sun_path, LEAT_INVALID,
                "the path of a unix socket has 1 to %zu bytes: \"%s\"", sizeof a.sun_path - 1,
                path);
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return socket_error(c, fd, "no socket for", path);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0) {
        errno = EADDRINUSE;
        return socket_error(c, fd, "cannot listen on", path);
    }
    if (stat(path, &info) == 0 && S_ISSOCK(info.st_mode)) unlink(path);
    if (bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        return socket_error(c, fd, "cannot listen on", path);
    s->local_fd = fd;
    s->path = leati_strdup(c, path);
    if (!s->path) return leat_error_status(c);
    if (listen(fd, BACKLOG) != 0) {
        s->local_fd = -1;
        return socket_error(c, fd, "cannot listen on", path);
    }
    return LEAT_OK;
}

/* --- start -------------------------------------------------------------------------------- */

/* Files for that many connections and some for the rest of the program: more than the process may
 * open now, if it may open more. Returns the connections that there is room for, so that those
 * beyond are answered instead of cut off. */
static uint32_t make_room(uint32_t connections, uint32_t workers)
{
    enum { OTHERS = 64, WORKER = 8 };
    struct rlimit l;
    rlim_t others = OTHERS + (rlim_t)WORKER * workers, want = connections + others;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= want)
        return connections;
    rlim_t before = l.rlim_cur;
    l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > want ? want : l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0) l.rlim_cur = before;
    if (l.rlim_cur >= want) return connections;
    return l.rlim_cur > others + OTHERS ? (uint32_t)(l.rlim_cur - others) : OTHERS;
}

static uint64_t limit_ms(uint32_t seconds, uint32_t standard)
{
    return (uint64_t)(seconds ? seconds : standard) * 1000;
}

static leat_status open_worker(leat_context *c, leati_http_server *s, uint32_t i,
                               const leati_address *a, const leati_http_options *o)
{
    enum { HEAD = 10, BODY = 30, IDLE = 75, LINGER = 2 };
    leati_worker *w = &s->workers[i];
    int fd = -1;
    w->server = s;
    w->core.worker = i;
    w->core.encoders = o->compress ? &s->encoders : NULL;
    w->waits[LEATI_WAIT_REQUEST].limit = limit_ms(o->idle_seconds, IDLE);
    w->waits[LEATI_WAIT_HEAD].limit = limit_ms(o->head_seconds, HEAD);
    w->waits[LEATI_WAIT_BODY].limit = limit_ms(o->body_seconds, BODY);
    w->waits[LEATI_WAIT_WRITE].limit = limit_ms(o->body_seconds, BODY);
    w->waits[LEATI_WAIT_LINGER].limit = LINGER * 1000;
    if (s->local) {
        fd = dup(s->local_fd);
        if (fd < 0) return socket_error(c, fd, "no socket for", s->path);
    } else LEATI_TRY(bind_tcp(c, a, true, o->listen, &fd));
    return leati_worker_open(c, w, fd);
}

/* Workers take no signals: those belong to the program's own threads. */
static leat_status start_threads(leat_context *c, leati_http_server *s)
{
    sigset_t all, old;
    int error = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (uint32_t i = 0; i < s->count && !error; i++) {
        error = pthread_create(&s->workers[i].thread, NULL, leati_worker_run, &s->workers[i]);
        if (!error) s->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    LEATI_CHECK(c, error == 0, LEAT_IO, "a thread of the server could not be started: %s",
                strerror(error));
    return LEAT_OK;
}

static leat_status start(leat_context *c, leati_http_server *s, const leati_http_options *o)
{
    leati_address a;
    memset(&a, 0, sizeof a);
    if (o->tls_certificate || o->tls_key)
        LEATI_TRY(leati_tls_config_create(c, &s->tls, o->tls_certificate, o->tls_key));
    if (strncmp(o->listen, "unix:", 5) == 0) {
        s->local = true;
        LEATI_TRY(bind_local(c, s, o->listen + 5));
    } else {
        LEATI_TRY(leati_address_read(c, o->listen, &a));
        if (!o->shared || *leati_address_port(&a) == 0) LEATI_TRY(probe(c, &a, o->listen));
        s->port = ntohs(*leati_address_port(&a));
    }
    for (uint32_t i = 0; i < s->count; i++) LEATI_TRY(open_worker(c, s, i, &a, o));
    return start_threads(c, s);
}

leat_status leati_http_server_start(leat_context *c, const leati_http_options *o,
                                    const leati_http_routes *routes, leati_http_server **out)
{
    *out = NULL;
    LEATI_CHECK(c, o->listen && *o->listen, LEAT_INVALID, "a server needs an address to listen on");
    uint32_t count = o->workers ? o->workers : leat_context_threads(c);
    if (count > WORKERS_MOST) count = WORKERS_MOST;
    leati_http_server *s = leati_calloc(c, 1, sizeof *s + count * sizeof(leati_worker));
    if (!s) return leat_error_status(c);
    s->context = c;
    s->routes = *routes;
    s->local_fd = -1;
    s->count = count;
    s->shared = o->shared && strncmp(o->listen, "unix:", 5) != 0;
    for (uint32_t i = 0; i < count; i++) s->workers[i].listen_fd = -1;
    s->most = make_room(o->connections ? o->connections : CONNECTIONS, count);
    leati_http_encoders_init(&s->encoders, c);
    atomic_init(&s->connections, 0);
    atomic_init(&s->draining, false);
    atomic_init(&s->cut_ns, UINT64_MAX);
    atomic_init(&s->idle_ms, 0);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    leat_status st = start(c, s, o);
    if (st != LEAT_OK) {
        leati_http_server_destroy(s);
        return st;
    }
    *out = s;
    return LEAT_OK;
}

uint16_t leati_http_server_port(const leati_http_server *s)
{
    return s->port;
}

uint32_t leati_http_server_workers(const leati_http_server *s)
{
    return s->count;
}

uint32_t leati_http_server_connections(const leati_http_server *s)
{
    return atomic_load_explicit(&s->connections, memory_order_relaxed);
}

uint64_t leati_http_server_busy_ns(const leati_http_server *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->threads; i++)
        sum += leati_thread_busy_ns(s->workers[i].thread, atomic_load(&s->workers[i].number));
    return sum;
}

leat_status leati_http_server_renew(leat_context *c, leati_http_server *s)
{
    return s->tls ? leati_tls_config_renew(c, s->tls) : LEAT_OK;
}

/* --- the end ------------------------------------------------------------------------------ */

void leati_http_server_drain(leati_http_server *s, double seconds)
{
    if (!(seconds > 0)) seconds = 0;
    if (seconds > 1e6) seconds = 1e6;
    double idle = seconds / 2 < 1 ? seconds / 2 : 1;
    atomic_store(&s->idle_ms, (uint64_t)(idle * 1000));
    atomic_store(&s->cut_ns, leati_server_now() + (uint64_t)(seconds * 1e9));
    atomic_store(&s->draining, true);
    for (uint32_t i = 0; i < s->threads; i++) leati_worker_wake(&s->workers[i]);
    pthread_mutex_lock(&s->lock);
    while (s->drained < s->threads) pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void leati_http_server_destroy(leati_http_server *s)
{
    if (!s) return;
    leati_http_server_drain(s, 0);
    for (uint32_t i = 0; i < s->count; i++) {
        if (i < s->threads) pthread_join(s->workers[i].thread, NULL);
        else leati_worker_abandon(&s->workers[i]);
    }
    if (s->local_fd >= 0) {
        close(s->local_fd);
        if (s->path) unlink(s->path);
    }
    leati_free(s->path);
    leati_tls_config_destroy(s->tls);
    leati_http_encoders_fini(&s->encoders);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    leati_free(s);
}

#else
leat_status leati_http_server_start(leat_context *c, const leati_http_options *options,
                                    const leati_http_routes *routes, leati_http_server **out)
{
    (void)options;
    (void)routes;
    *out = NULL;
    return LEATI_FAIL(c, LEAT_UNSUPPORTED,
                      "this build has no server: install libuv1-dev and libhttp-parser-dev and "
                      "build again");
}

uint16_t leati_http_server_port(const leati_http_server *server)
{
    (void)server;
    return 0;
}

uint32_t leati_http_server_workers(const leati_http_server *server)
{
    (void)server;
    return 0;
}

uint32_t leati_http_server_connections(const leati_http_server *server)
{
    (void)server;
    return 0;
}

uint64_t leati_http_server_busy_ns(const leati_http_server *server)
{
    (void)server;
    return 0;
}

leat_status leati_http_server_renew(leat_context *c, leati_http_server *server)
{
    (void)c;
    (void)server;
    return LEAT_OK;
}

void leati_http_server_drain(leati_http_server *server, double seconds)
{
    (void)server;
    (void)seconds;
}

void leati_http_server_destroy(leati_http_server *server)
{
    (void)server;
}
#endif
