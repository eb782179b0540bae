/* A worker: a thread with an event loop, a listening socket and the connections it accepted.
 * Internal to server.c, server_worker.c and server_stream.c. */
#ifndef LEATI_SERVE_SERVER_WORKER_H
#define LEATI_SERVE_SERVER_WORKER_H

#include <stdatomic.h>
#include <uv.h>

#include "serve/http_core.h"
#include "serve/server.h"
#include "serve/tls.h"

enum {
    LEATI_SERVER_SCRATCH = 64 << 10, /* bytes read at once */
    LEATI_SERVER_SLOW_BODY =
        4096, /* bytes a second, in or out: what is slower has to end in time */
    /* While others are refused for want of it, this part of a share of a budget moves in the time of
     * a body, or the share is given back. */
    LEATI_SERVER_SHARE_PARTS = 8
};

/* Each connection stands in the list of what it waits for; a list has one time-out, so that its
 * first entry is always the next to expire. */
typedef enum leati_waiting {
    LEATI_WAIT_REQUEST,
    LEATI_WAIT_HEAD,
    LEATI_WAIT_BODY,
    LEATI_WAIT_WRITE,
    LEATI_WAIT_LINGER,
    LEATI_WAIT_ROUTES, /* never expires */
    LEATI_WAITS
} leati_waiting;

typedef struct leati_connection leati_connection;
struct leati_connection {
    leati_http_conn conn; /* first */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct leati_worker *worker;
    leati_connection *before, *after;
    leati_tls *tls;
    leati_waiting waiting;
    uint64_t since;     /* ms of the loop */
    uint64_t requests;  /* of conn, when `since` was set */
    uint64_t mark;      /* bytes of a body, or taken by the client, when `since` was set */
    uint64_t handed;    /* bytes of replies that the socket, or libuv for it, has got */
    struct iovec *rest; /* of replies by TLS: what is not encrypted yet; NULL: nothing */
    size_t rest_count;
    unsigned refused; /* others by the budget of the body, when `since` was set */
    unsigned writes;  /* that libuv has not ended */
    size_t dropped;   /* bytes read while lingering */
    bool reading, handshaken, listed, gone;
};

typedef struct leati_worker {
    leati_http_core core; /* first */
    leati_http_server *server;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick;
    uv_check_t settle;
    uv_prepare_t settle_before; /* what timers had handled, before the loop sleeps */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } listener;
    int listen_fd; /* the same socket, so that the listener can close and come back; -1: none */
    pthread_t thread;
    atomic_int number; /* leati_thread_number */
    bool started, leaving, draining, drained, quitting;
    bool resting;                          /* the listener is closed until there are descriptors */
    bool owed;                             /* a client that could not be taken for want of memory */
    _Atomic(leati_http_exchange *) posted; /* newest first */
    atomic_uint posting;                   /* threads that are about to wake us */
    atomic_bool ended;                     /* there is nothing to wake any more */
    struct {
        leati_connection *first, *last;
        uint64_t limit; /* ms; 0: none */
    } waits[LEATI_WAITS];
    leati_connection *spare;
    size_t spare_count, connections;
    uint64_t left_at;    /* while leaving: ms of the loop */
    uint64_t idle_until; /* while draining: ms of the loop */
    char *scratch, *plain;
} leati_worker;

struct leati_http_server {
    leat_context *context;
    leati_http_routes routes;
    leati_http_encoders encoders;
    leati_tls_config *tls;
    bool local;  /* a unix socket */
    bool shared; /* with other processes */
    char *path;  /* of it */
    int local_fd;
    uint16_t port;
    uint32_t most; /* connections */
    atomic_uint connections;
    atomic_bool draining;
    atomic_uint_fast64_t cut_ns; /* CLOCK_MONOTONIC: what is left then is cut */
    atomic_uint_fast64_t idle_ms;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t drained;        /* workers without connections, under `lock` */
    uint32_t count, threads; /* threads: workers that run */
    leati_worker workers[];
};

extern const leati_http_transport leati_server_transport;

uint64_t leati_server_now(void); /* CLOCK_MONOTONIC, ns */
/* The handles of the loop; `fd` is bound and becomes the worker's. */
leat_status leati_worker_open(leat_context *c, leati_worker *w, int fd);
/* The thread: runs until the worker has drained and all exchanges came back. */
void *leati_worker_run(void *worker);
/* For a worker whose thread was not started. */
void leati_worker_abandon(leati_worker *w);
/* From any thread, at any time. */
void leati_worker_wake(leati_worker *w);

/* server_stream.c */
void leati_connection_accept(leati_worker *w);
void leati_connection_list(leati_connection *k, leati_waiting waiting);
/* After each call into the machine: reading, time-outs. */
void leati_connection_settle(leati_connection *k);
void leati_connection_expire(leati_connection *k);
void leati_connection_cut(leati_connection *k);

#endif
