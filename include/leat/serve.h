/* Serving models over HTTP: the Open Inference Protocol v2 with binary tensors, MLflow's
 * /invocations, and an API of our own, all documented at /openapi.json of the running server.
 *
 *     leat_serve_options o = leat_serve_options_default();
 *     const char *models[] = {"iris.leat"};
 *     leat_server *server;
 *     o.models = models, o.model_count = 1;
 *     if (leat_server_start(c, &o, &server) == LEAT_OK) {
 *         wait_for_a_signal();
 *         leat_server_drain(server, 25);
 *     }
 *     leat_server_destroy(server);
 *
 * Answers come from threads of the server; the context serves starting and ending alone. */
#ifndef LEAT_SERVE_H
#define LEAT_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_server leat_server;

/* A line for who runs the server: a log cannot be written, a model drifts, an alias moved, the
 * registry does not answer. From any thread. */
typedef void (*leat_serve_say_fn)(void *user, const char *line);

typedef struct leat_serve_options {
    uint32_t struct_size;      /* set by leat_serve_options_default */
    const char *listen;        /* "127.0.0.1:8080" (also for NULL), "[::1]:0" (any free port),
                                  "unix:PATH" */
    const char *const *models; /* "iris.leat", "NAME=PATH", "NAME:VERSION=PATH", or a folder with
                                  NAME.leat, NAME/VERSION.leat or NAME/VERSION/ANY.leat,
                                  "NAME@ALIAS", "NAME@3" of the registry */
    size_t model_count;
    uint32_t workers;     /* threads that answer; 0: one per core */
    const char *tls_cert; /* PEM files; NULL: no TLS */
    const char *tls_key;
    size_t max_body;     /* bytes of a request, unpacked; 0: 16 MiB */
    const char *control; /* who may load, unload, upload and delete models by request: "local" (also
                            for NULL: a server that listens on this machine only, or asks for keys),
                            "yes", "no" */
    const char *keys;    /* whether requests need a key (leat/key.h): "no", "yes", or where the keys
                            are; NULL: "no" for a server that listens on this machine only, else
                            "yes" */
    bool share_port;     /* other processes listen to the same address too (SO_REUSEPORT); each
                            leaves without a failed request */
    bool sandbox;        /* close the process in, for good: no file but models, certificate, the
                            store of keys, and the registry where an alias or a pool needs it, no
                            program, no connection but to their databases (Linux with Landlock and
                            seccomp). Before the process starts other threads. */
    size_t max_model;    /* bytes of a model that is uploaded, also unpacked; 0: 256 MiB */
    const char *agent_check; /* "HOST:PORT" (0: any free port) where HAProxy's agent check is
                                answered with the server's load (docs/deploy.md); NULL: nowhere */
    const char *state; /* folder in which rollouts and windows of drift survive a restart, or "no";
                          NULL: one in Leat's home, by the address; none for a port that the system
                          picks */
    /* Monitoring: docs/monitoring.md. */
    const char *metrics;        /* an address of its own for /metrics, which asks for no key; NULL:
                                   /metrics is among the other paths alone */
    const char *access_log;     /* a file of JSON lines, "-" (standard output), NULL: none */
    const char *prediction_log; /* the same of inputs and answers (leat/monitor.h) */
    double log_sample;          /* 1: share of the requests in the prediction log */
    const char *const *log_redact; /* (log_redact_count) inputs that are left out of it */
    size_t log_redact_count;
    const char *drift; /* "yes" (also for NULL): inputs and answers are compared with training */
    double window_seconds; /* of the windows of drift; 0: an hour */
    size_t window_rows;    /* a window goes on until it has so many; 0: 1,000 */
    size_t remember;       /* 100,000: answers that labels can come back for; 0: none */
    /* Requests to one model that come at the same time share a run where that is faster and gives
     * the same bytes: networks. */
    uint32_t batch_rows;     /* most rows of a shared run, at most 128; 0: 64; 1: none are shared */
    uint32_t batch_delay_us; /* how long a request may wait for others, in microseconds; 0: only
                                those that are there already are joined */
    uint32_t queue; /* requests that may wait for long answers, half of them to one model; 0: 2,048;
                       beyond it the answer is 503 with Retry-After */
    size_t cache;   /* bytes of answers that are kept for requests that come again; 0: none */
    /* Of models such as "cars@champion": versions of the registry (leat/registry.h). Aliases and
     * `latest` are followed: when they move, the new version takes over without a failed request.
     */
    const char *registry;  /* where it is; NULL: the default one */
    const char *objects;   /* its folder of files, with PostgreSQL; NULL: as it remembers */
    uint32_t follow_ms;    /* how often aliases are looked at; 0: every second */
    leat_serve_say_fn say; /* told what happens meanwhile; NULL: nobody is */
    void *say_user;
    const char *pool; /* servers that share the registry and this name decide rollouts together
                         (docs/rollout.md); NULL: each for itself */
    /* Bytes of bodies that may be at hand at once, those that come and those that wait included,
     * beyond 64 kB each; what goes beyond gets 503 with Retry-After before it is read. */
    size_t max_uploads;  /* of models; at least max_model; 0: four times max_model, or half of the
                            memory that is left where that is less */
    size_t max_requests; /* of all others; at least max_body; 0: 1 GiB, or half of that memory */
    const char *log_arrays; /* what the prediction log has of images and other arrays: "hash" (also
                               for NULL): their SHA-256, "bytes": their elements, "no" */
    /* What models that are uploaded may make of the folders that are served. */
    uint32_t max_versions; /* of a model; 0: 100; beyond it 409 */
    size_t max_stored;     /* bytes of all models there, each counted as 1 MiB at least; at least
                              max_model; 0: 16 times max_model, or half of the memory that is left
                              where that is less; beyond it 507 */
} leat_serve_options;

LEAT_API leat_serve_options leat_serve_options_default(void);

/* Opens the models, warms them up, then listens: from the first connection on every model answers.
 * Errors: those of leat_model_open; INVALID (an option, a name, an address), IO (the address is
 * taken), UNSUPPORTED (a build without the server; a machine without the sandbox). */
LEAT_API LEAT_CHECKED leat_status leat_server_start(leat_context *context,
                                                    const leat_serve_options *options,
                                                    leat_server **out);
/* "http://127.0.0.1:8080" */
LEAT_API const char *leat_server_url(const leat_server *server);
/* Of the own listener for /metrics; NULL without. */
LEAT_API const char *leat_server_metrics_url(const leat_server *server);
/* Opens the logs anew under their paths, soon: after they were renamed. */
LEAT_API void leat_server_reopen_logs(leat_server *server);
/* Reads the certificate of TLS and its key again, for connections from now on; nothing without TLS.
 * After an error (INVALID: which file, and what is wrong with it) those before go on. */
LEAT_API LEAT_CHECKED leat_status leat_server_renew_certificate(leat_context *context,
                                                                leat_server *server);
/* Whether requests need a key (leat/key.h). */
LEAT_API bool leat_server_asks_for_keys(const leat_server *server);
/* The port of the agent check; 0: there is none. */
LEAT_API uint16_t leat_server_agent_port(const leat_server *server);
LEAT_API uint32_t leat_server_workers(const leat_server *server);
/* What was served at the start: name, version and estimator ("onnx": a graph that takes tensors)
 * of version i of all; false past the end. Texts belong to the server. */
LEAT_API bool leat_server_model(const leat_server *server, size_t i, const char **name,
                                uint32_t *version, const char **estimator);
/* Graceful end: not ready any more, no new connections, requests under way are answered; what is
 * left after `seconds` is cut. */
LEAT_API void leat_server_drain(leat_server *server, double seconds);
LEAT_API void leat_server_destroy(leat_server *server); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
