/* Several servers behind HAProxy: its configuration, and its runtime socket.
 *
 *     const char *servers[] = {"10.0.0.1:8080", "10.0.0.2:8080"};
 *     leat_haproxy_options o = leat_haproxy_options_default();
 *     o.servers = servers, o.server_count = 2, o.listen = ":80";
 *     leat_haproxy_write(c, &o, "/etc/haproxy/haproxy.cfg");
 *
 * The share of a canary is a number in a map that the frontend compares with a random number, or
 * with a hash of a header where a client sends it: exact under every way of balancing, and changed
 * at run time by one command. */
#ifndef LEAT_HAPROXY_H
#define LEAT_HAPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A server is "[NAME=]HOST:PORT[/AGENT]": AGENT is the port of its agent check (leat serve
 * --agent-check). Names are those of letters, digits, '.', '_' and '-'; without one, servers are
 * server1, server2 ... and canary1, canary2 ... */
typedef struct leat_haproxy_options {
    uint32_t struct_size; /* set by leat_haproxy_options_default */
    const char *const *servers;
    size_t server_count;
    const char *const *canary; /* servers that try the next version; none: no canary */
    size_t canary_count;
    const char *listen;   /* NULL: "127.0.0.1:8080" */
    const char *balance;  /* "least-connections" (also for NULL), "round-robin", "random",
                             "power-of-two" (the less busy of two random ones), "least-load" (by
                             the agent check, which all servers then have) */
    const char *tls_cert; /* PEM file with chain and key: https and HTTP/2; NULL: http */
    const char
        *server_ca;      /* PEM file: the servers speak TLS, with certificates of this authority */
    const char *socket;  /* the runtime socket; NULL: "/run/haproxy/leat.sock" */
    const char *map;     /* the file of the share; NULL: "/etc/haproxy/leat.map" */
    const char *observe; /* where statistics and /metrics are; NULL: "127.0.0.1:8404"; "no" */
    const char *canary_key;   /* header by whose value a client stays stable or canary; NULL:
                                 "X-Canary-Key" */
    const char *stick;        /* header by whose value a client stays with one server; NULL: none */
    const char *const *peers; /* "NAME=HOST:PORT" of the proxies that share what `stick` knows; NAME
                                 is that of its machine */
    size_t peer_count;
    uint32_t slots;        /* servers that may join at run time (leat_haproxy_set_address) */
    uint32_t connections;  /* most at once to one server, others wait; 0: no limit */
    double timeout;        /* seconds that an answer may take; 0: 10 */
    double check_interval; /* seconds between checks of a server; 0: 1 */
    double slow_start;     /* seconds until a server that came back has its whole share; 0: 10,
                              below 0: it has it at once */
} leat_haproxy_options;

LEAT_API leat_haproxy_options leat_haproxy_options_default(void);

/* The configuration, for HAProxy 2.4 and later; `path` "-" is standard output. The file appears
 * complete or not at all. Equal options give equal bytes. Errors: INVALID (a name, an address or a
 * path that could mean something else in a configuration; says which), IO, NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_write(leat_context *context,
                                                     const leat_haproxy_options *options,
                                                     const char *path);

/* The file of the map: `percent` (0 to 100, in hundredths) of the requests go to the canary.
 * HAProxy wants it to be there when it starts. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_write_share(leat_context *context, const char *map,
                                                           double percent);

/* ---- the runtime socket ---- */

/* What may be done to a proxy that runs. Each call connects, says one command and waits for its
 * answer, 5 seconds at most. By one thread at a time. Errors of all: NETWORK (nobody answers
 * there), IO (the proxy refuses; its words), NOT_FOUND (no such server or map), FORMAT (an answer
 * that is none). */
typedef struct leat_haproxy leat_haproxy;

/* address: the path of the socket, or HOST:PORT; NULL: "/run/haproxy/leat.sock". Connects once to
 * see whether a proxy is there. The context must outlive it. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_open(leat_context *context, leat_haproxy **out,
                                                    const char *address);
LEAT_API void leat_haproxy_close(leat_haproxy *proxy); /* NULL is fine */

typedef struct leat_haproxy_server {
    const char *backend, *name, *address;
    const char *status;        /* "UP", "DOWN", "DRAIN", "MAINT", "UP 1/2", ... */
    const char *check;         /* what the last health check said: "L7OK", "L4CON", ... */
    const char *agent;         /* the same of the agent check; "" where there is none */
    uint32_t weight;           /* now, against a usual 100 */
    uint64_t sessions, queued; /* now */
    uint64_t requests, errors, retries, redispatches; /* since the proxy started */
} leat_haproxy_server;

typedef struct leat_haproxy_list leat_haproxy_list;
/* All servers of all backends as they are now. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_servers(leat_haproxy *proxy,
                                                       leat_haproxy_list **out);
LEAT_API size_t leat_haproxy_list_count(const leat_haproxy_list *list);
/* NULL past the end; belongs to the list. */
LEAT_API const leat_haproxy_server *leat_haproxy_list_at(const leat_haproxy_list *list, size_t i);
LEAT_API void leat_haproxy_list_destroy(leat_haproxy_list *list); /* NULL is fine */

/* A server is "BACKEND/NAME", or NAME where only one backend has such a server.
 * drain: no new requests, those under way are answered; enable undoes it. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_drain(leat_haproxy *proxy, const char *server);
LEAT_API LEAT_CHECKED leat_status leat_haproxy_enable(leat_haproxy *proxy, const char *server);
/* No requests and no checks: for slots that nobody fills. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_disable(leat_haproxy *proxy, const char *server);
/* percent (0 to 100) of the configured weight. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_set_weight(leat_haproxy *proxy, const char *server,
                                                          uint32_t percent);
/* endpoint: "HOST:PORT", the host being a numeric address. For slots: then leat_haproxy_enable. */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_set_address(leat_haproxy *proxy, const char *server,
                                                           const char *endpoint);

/* The share of the canary in percent. map: the file in the configuration; NULL:
 * "/etc/haproxy/leat.map". Setting takes hold with the next request and is written to the file too,
 * so that a reload keeps it (IO where that fails; the share holds nevertheless). */
LEAT_API LEAT_CHECKED leat_status leat_haproxy_share(leat_haproxy *proxy, const char *map,
                                                     double *percent);
LEAT_API LEAT_CHECKED leat_status leat_haproxy_set_share(leat_haproxy *proxy, const char *map,
                                                         double percent);

#ifdef __cplusplus
}
#endif

#endif
