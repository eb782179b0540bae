/* Owns: the loop of a worker: its ticks, what other threads hand to it, draining, its end. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SO_ATTACH_FILTER */
#endif
#include "serve/server.h"

#if LEAT_HAVE_SERVER
#if defined(__linux__)
#include <linux/filter.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/server_worker.h"
#include "serve/thread_time.h"

enum { TICK_MS = 500, DRAIN_TICK_MS = 20, LEAVE_MS = 250, BACKLOG = 4096 };

uint64_t leati_server_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Exchanges that other threads have finished, in the order in which they did. */
static void take_posted(leati_worker *w)
{
    leati_http_exchange *ex = atomic_exchange_explicit(&w->posted, NULL, memory_order_acq_rel);
    leati_http_exchange *first = NULL;
    while (ex) {
        leati_http_exchange *next = ex->next;
        ex->next = first;
        first = ex;
        ex = next;
    }
    while (first) {
        leati_http_exchange *next = first->next;
        leati_connection *k = (leati_connection *)first->conn;
        leati_http_core_finished(&w->core, first);
        if (k) leati_connection_settle(k);
        first = next;
    }
}

static void expire(leati_worker *w)
{
    uint64_t now = uv_now(&w->loop);
    for (int i = 0; i < LEATI_WAITS; i++) {
        uint64_t limit = w->waits[i].limit;
        leati_connection *k;
        while (limit && (k = w->waits[i].first) && now - k->since >= limit) {
            leati_connection_expire(k);
            if (w->waits[i].first == k && now - k->since >= limit) leati_connection_cut(k);
        }
    }
}

static void cut_all(leati_worker *w, leati_waiting from, leati_waiting to)
{
    for (int i = (int)from; i <= (int)to; i++)
        for (leati_connection *k = w->waits[i].first, *next; k; k = next) {
            next = k->after;
            leati_connection_cut(k);
        }
}

/* Clients that begin a connection now try again in a second, and come to another process. */
static void refuse_beginners(leati_worker *w)
{
#if defined(__linux__)
    /* Of the flags of a TCP packet (byte 13), SYN without ACK. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    setsockopt(w->listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
#else
    (void)w;
#endif
}

/* Closing a listening socket resets the connections that wait in it, though other processes listen
 * to the same address. So new ones are kept away first, and those under way are taken. */
static bool is_leaving(leati_worker *w)
{
    if (!w->leaving) {
        w->leaving = true;
        w->left_at = uv_now(&w->loop) + LEAVE_MS;
        refuse_beginners(w);
        uv_timer_set_repeat(&w->tick, DRAIN_TICK_MS);
        uv_timer_again(&w->tick);
    }
    return uv_now(&w->loop) < w->left_at && leati_server_now() < atomic_load(&w->server->cut_ns);
}

static void close_listener(leati_worker *w)
{
    if (!uv_is_closing(&w->listener.handle)) uv_close(&w->listener.handle, NULL);
    if (w->listen_fd >= 0) close(w->listen_fd);
    w->listen_fd = -1;
}

/* Idle connections stay a moment: a request may be on its way, and closing would lose it. */
static void drain(leati_worker *w)
{
    leati_http_server *s = w->server;
    if (s->shared && !w->draining && is_leaving(w)) return;
    if (!w->draining) {
        w->draining = w->core.draining = true;
        w->idle_until = uv_now(&w->loop) + atomic_load(&s->idle_ms);
        close_listener(w);
        uv_timer_set_repeat(&w->tick, DRAIN_TICK_MS);
        uv_timer_again(&w->tick);
    }
    if (uv_now(&w->loop) >= w->idle_until) cut_all(w, LEATI_WAIT_REQUEST, LEATI_WAIT_REQUEST);
    if (leati_server_now() >= atomic_load(&s->cut_ns)) cut_all(w, 0, LEATI_WAITS - 1);
    if (w->connections == 0 && !w->drained) {
        w->drained = true;
        pthread_mutex_lock(&s->lock);
        s->drained++;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
    if (!w->drained || w->core.live || atomic_load(&w->posting) || w->quitting) return;
    w->quitting = true;
    atomic_store(&w->ended, true);
    while (atomic_load(&w->posting)) sched_yield();
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
}

void leati_worker_wake(leati_worker *w)
{
    atomic_fetch_add(&w->posting, 1);
    if (!atomic_load(&w->ended)) uv_async_send(&w->wake);
    atomic_fetch_sub(&w->posting, 1);
}

static void on_wake(uv_async_t *wake)
{
    leati_worker *w = wake->data;
    take_posted(w);
    if (atomic_load(&w->server->draining)) drain(w);
}

static int open_listener(leati_worker *w, int *fd);

static void on_rest(uv_handle_t *handle)
{
    leati_worker *w = handle->data;
    w->resting = true;
}

/* Where there is no descriptor for a client (EMFILE, ENFILE) libuv would try again at once, for
 * ever, and nobody else be served. The clients wait in the queue of the socket meanwhile. */
static void rest_listener(leati_worker *w)
{
    if (!uv_is_closing(&w->listener.handle)) uv_close(&w->listener.handle, on_rest);
}

static void end_rest(leati_worker *w)
{
    int fd = fcntl(w->listen_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return;
    bool failed = open_listener(w, &fd) != 0;
    w->resting = failed && uv_is_closing(&w->listener.handle);
    if (failed) rest_listener(w);
    if (fd >= 0) close(fd);
}

static void on_tick(uv_timer_t *tick)
{
    leati_worker *w = tick->data;
    leati_http_core_tick(&w->core);
    take_posted(w);
    expire(w);
    if (atomic_load(&w->server->draining)) drain(w);
    else if (w->resting) end_rest(w);
    else if (w->owed && !uv_is_closing(&w->listener.handle)) leati_connection_accept(w);
}

/* Exchanges that were put off until everything that had come was read. */
static void settle(leati_worker *w)
{
    const leati_http_routes *r = w->core.routes;
    bool some = true;
    while (some) {
        w->core.settling = true;
        some = r->settle(r->user, w->core.worker);
        w->core.settling = false;
        if (some) take_posted(w); /* requests behind them may be put off in turn */
    }
}

static void on_settle(uv_check_t *handle)
{
    settle(handle->data);
}

static void on_settle_before(uv_prepare_t *handle)
{
    settle(handle->data);
}

static void on_client(uv_stream_t *listener, int status)
{
    leati_worker *w = listener->data;
    if (status == 0) leati_connection_accept(w);
    else rest_listener(w);
}

/* Takes the socket: *fd is -1 once libuv has it. */
static int open_listener(leati_worker *w, int *fd)
{
    int error;
    w->listener.handle.data = w;
    if (w->server->local) {
        error = uv_pipe_init(&w->loop, &w->listener.pipe, 0);
        if (!error) error = uv_pipe_open(&w->listener.pipe, *fd);
    } else {
        error = uv_tcp_init(&w->loop, &w->listener.tcp);
        if (!error) error = uv_tcp_open(&w->listener.tcp, *fd);
    }
    if (error) return error;
    *fd = -1;
    return uv_listen(&w->listener.stream, BACKLOG, on_client);
}

/* These do not keep the loop alive. */
static int open_settle(leati_worker *w)
{
    w->settle.data = w->settle_before.data = w;
    int error = uv_check_init(&w->loop, &w->settle);
    if (!error) error = uv_check_start(&w->settle, on_settle);
    if (!error) error = uv_prepare_init(&w->loop, &w->settle_before);
    if (!error) error = uv_prepare_start(&w->settle_before, on_settle_before);
    if (error) return error;
    uv_unref((uv_handle_t *)&w->settle);
    uv_unref((uv_handle_t *)&w->settle_before);
    return 0;
}

static leat_status open_handles(leat_context *c, leati_worker *w, int *fd)
{
    int error = uv_loop_init(&w->loop);
    LEATI_CHECK(c, error == 0, LEAT_IO, "an event loop could not be made: %s", uv_strerror(error));
    w->started = true; /* the loop has to be ended */
    w->wake.data = w->tick.data = w;
    error = uv_timer_init(&w->loop, &w->tick);
    if (!error) error = uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
    if (!error) error = uv_async_init(&w->loop, &w->wake, on_wake);
    if (!error && w->core.routes->settle) error = open_settle(w);
    if (!error) error = open_listener(w, fd);
    LEATI_CHECK(c, error == 0, LEAT_IO, "a socket could not listen: %s", uv_strerror(error));
    return LEAT_OK;
}

leat_status leati_worker_open(leat_context *c, leati_worker *w, int fd)
{
    leati_http_core *core = &w->core;
    core->context = c;
    core->routes = &w->server->routes;
    core->transport = &leati_server_transport;
    atomic_init(&w->posted, NULL);
    atomic_init(&w->posting, 0);
    atomic_init(&w->ended, false);
    leati_http_core_init(core);
    w->scratch = leati_alloc(c, LEATI_SERVER_SCRATCH);
    if (w->server->tls) w->plain = leati_alloc(c, LEATI_SERVER_SCRATCH);
    bool memory = w->scratch && (w->plain || !w->server->tls);
    leat_status st = memory ? LEAT_OK : leat_error_status(c);
    w->listen_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (st == LEAT_OK && w->listen_fd < 0)
        st = LEATI_FAIL(c, LEAT_IO, "a socket could not listen: %s", strerror(errno));
    if (st == LEAT_OK) st = open_handles(c, w, &fd);
    if (fd >= 0) close(fd);
    return st;
}

static void close_any(uv_handle_t *handle, void *user)
{
    (void)user;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* The memory of the worker; its loop has no handle left, or only such as can be closed here. */
static void worker_end(leati_worker *w)
{
    if (w->started) {
        uv_walk(&w->loop, close_any, NULL);
        uv_run(&w->loop, UV_RUN_DEFAULT);
        uv_loop_close(&w->loop);
        w->started = false;
    }
    if (w->listen_fd >= 0) close(w->listen_fd);
    w->listen_fd = -1;
    leati_http_core_fini(&w->core);
    while (w->spare) {
        leati_connection *k = w->spare;
        w->spare = k->after;
        leati_free(k);
    }
    leati_free(w->scratch);
    leati_free(w->plain);
    w->scratch = w->plain = NULL;
}

void leati_worker_abandon(leati_worker *w)
{
    worker_end(w);
}

void *leati_worker_run(void *worker)
{
    leati_worker *w = worker;
    w->core.thread = pthread_self();
    atomic_store(&w->number, leati_thread_number());
    leati_http_core_tick(&w->core);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    while (atomic_load(&w->posting)) sched_yield();
    worker_end(w);
    return NULL;
}
#endif
