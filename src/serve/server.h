/* The HTTP/1.1 server: workers, each with an event loop and a listening socket of its own
 * (SO_REUSEPORT), strict framing after RFC 9112, limits, time-outs, encodings, TLS by request. */
#ifndef LEATI_SERVE_SERVER_H
#define LEATI_SERVE_SERVER_H

#include "serve/http.h"

#include <leat/context.h>

typedef struct leati_http_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0" (any free port), "unix:PATH" */
    uint32_t workers;   /* 0: one per core */
    /* Most at once, all workers together; 0: 65,536. Those beyond get 503. Raises the number of
     * files that the process may open as far as it may; what that does not allow is not counted. */
    uint32_t connections;
    const char *tls_certificate, *tls_key; /* PEM files; NULL: no TLS */
    /* 0: 10, 30, 75. A body that comes, or a reply that is taken, at 4 kB a second or more may take
     * longer than `body_seconds`. */
    uint32_t head_seconds, body_seconds, idle_seconds;
    /* Other processes listen to the same address (SO_REUSEPORT): it need not be free, and new
     * connections are left to them before the end. */
    bool shared;
    bool compress; /* replies of 1 kB and more, where the client takes gzip or zstd */
} leati_http_options;

typedef struct leati_http_server leati_http_server;

/* Opens the sockets and starts the workers; connections are taken from then on. The routes are
 * copied; what they point to outlives the server. Errors: INVALID (address, certificate), IO. */
LEAT_CHECKED leat_status leati_http_server_start(leat_context *c, const leati_http_options *options,
                                                 const leati_http_routes *routes,
                                                 leati_http_server **out);
/* The port that was taken (0 for unix sockets). */
uint16_t leati_http_server_port(const leati_http_server *server);
uint32_t leati_http_server_workers(const leati_http_server *server);
uint32_t leati_http_server_connections(const leati_http_server *server); /* open now */
/* How long the workers have wanted to compute (thread_time.h). From any thread, until the server is
 * destroyed. */
uint64_t leati_http_server_busy_ns(const leati_http_server *server);
/* Reads the files of TLS again, for new connections; nothing without TLS. Errors: INVALID; those it
 * has are kept. */
leat_status leati_http_server_renew(leat_context *c, leati_http_server *server);
/* Graceful end: listening stops, replies carry Connection: close, exchanges under way are ended;
 * after `seconds` what is left is cut. Waits. From any thread but a worker's. */
void leati_http_server_drain(leati_http_server *server, double seconds);
/* Drains with 0 seconds where it was not drained; frees. NULL is fine. */
void leati_http_server_destroy(leati_http_server *server);

#endif
