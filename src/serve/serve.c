/* Owns: a running service: options, dispatching of exchanges to routes, the steward that changes
 * what is loaded, start and end. Not: HTTP (server.h), nor the meaning of routes. */
#include <leat/serve.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/mem.h"
#include "serve/agent.h"
#include "serve/compute.h"
#include "serve/guard.h"
#include "serve/json_in.h"
#include "serve/observe.h"
#include "serve/rollouts.h"
#include "serve/serve_sandbox.h"
#include "serve/server.h"

enum {
    DEFAULT_BODY = 16 << 20,
    DEFAULT_REMEMBER = 100000,
    DEFAULT_MODEL = 256 << 20,
    SMALL_BODY = 65536,
    MOST_WORKERS = 1024,
    MOST_JOBS = 64
};
/* What a loop hands on: bodies of so many bytes, answers that take so long. */
enum { LONG_BODY = 256 << 10, LONG_NS = 300000 };

/* A change of the repository that waits for the steward. */
typedef struct job {
    struct job *next;
    leati_job_run run;
    leati_job work;
} job;

typedef struct started {
    char *name, *estimator;
    uint32_t version;
} started;

struct leati_serve {
    leat_context *context;         /* of starting and ending */
    leat_context *steward_context; /* of the repository */
    leati_http_server *http;
    leati_repository *repository;
    leati_compute *compute;
    leati_rollouts *rollouts;
    leati_desk *desks; /* (slots): of the workers, of the threads for long answers, of the shadow */
    uint32_t worker_count, slots;
    size_t max_body, max_model;
    bool managed; /* requests may load and unload */
    atomic_bool ready;
    char url[160];
    started *started;
    size_t started_count;

    pthread_t steward;
    bool steward_runs, lock_made;
    pthread_mutex_t lock; /* of the jobs */
    pthread_cond_t wake;
    job *first, **last;
    size_t jobs;
    bool stop;
    leati_guard guard;
    leati_sandbox *sandbox; /* NULL: none */
    leati_agent *agent;     /* NULL: none was asked for */
    leati_observer observer;
    atomic_bool listening; /* `http` is there */
};

/* The public name of the same. */
struct leat_server {
    leati_serve serve;
};

size_t leati_serve_body_limit(const leati_serve *s)
{
    return s->max_body;
}

size_t leati_serve_model_limit(const leati_serve *s)
{
    return s->max_model;
}

bool leati_serve_ready(const leati_serve *s)
{
    return atomic_load_explicit(&s->ready, memory_order_relaxed);
}

leati_repository *leati_serve_repository(leati_serve *s)
{
    return s->repository;
}

leati_rollouts *leati_serve_rollouts(leati_serve *s)
{
    return s->rollouts;
}

void leati_serve_source(leati_serve *s, leati_metrics_source *out)
{
    *out = (leati_metrics_source){.watch = s->observer.watch,
                                  .keys = s->guard.keys,
                                  .cpu = leat_context_cpu(s->context),
                                  .heap_bytes = leat_context_bytes(s->context),
                                  .waiting = leati_compute_waiting(s->compute),
                                  .ready = leati_serve_ready(s)};
    if (atomic_load(&s->listening)) out->connections = leati_http_server_connections(s->http);
}

leat_context *leati_serve_steward_context(leati_serve *s)
{
    return s->steward_context;
}

/* ---- exchanges --------------------------------------------------------------------------------
 */

static void finish_fault(leati_call *call)
{
    leati_exchange_restart(call->exchange);
    leati_rollouts_sign(call);
    leati_reply_fault(call->exchange, call->fault.code, call->fault.message);
    leati_exchange_finish(call->exchange, call->fault.http);
}

static void refuse_method(leati_call *call, unsigned allowed)
{
    char list[80] = "OPTIONS";
    for (leati_http_method m = LEATI_HTTP_GET; m <= LEATI_HTTP_DELETE; m++) {
        if (!(allowed >> m & 1)) continue;
        strcat(list, ", ");
        strcat(list, leati_method_name(m));
    }
    leati_exchange_header(call->exchange, "Allow", list);
    if (call->request->method == LEATI_HTTP_OPTIONS) {
        leati_exchange_finish(call->exchange, 204);
        return;
    }
    char message[200];
    snprintf(message, sizeof message, "%s is not for this path; allowed: %s",
             leati_method_name(call->request->method), list);
    leati_reply_fault(call->exchange, "method_not_allowed", message);
    leati_exchange_finish(call->exchange, 405);
}

static leati_call make_call(leati_serve *s, leati_http_exchange *exchange, uint32_t slot)
{
    return (leati_call){.serve = s,
                        .slot = slot,
                        .desk = &s->desks[slot],
                        .exchange = exchange,
                        .request = leati_exchange_request(exchange)};
}

static size_t admit(void *user, leati_http_exchange *exchange, bool *finished)
{
    leati_serve *s = user;
    const leati_http_request *q = leati_exchange_request(exchange);
    leati_call call = make_call(s, exchange, q->worker);
    unsigned allowed;
    call.route = leati_route_find(q->method, q->path, q->path_length, &call, &allowed);
    leati_exchange_set_note(exchange,
                            leati_watch_admitted(s->observer.watch, q->worker, call.route));
    if (!call.route && allowed) {
        refuse_method(&call, allowed);
        *finished = true;
        return 0;
    }
    if (!call.route)
        leati_fault_set(&call.fault, 404, "no_such_path",
                        "there is nothing at '%.*s'; what there is: /openapi.json",
                        LEATI_CLIP(q->path, q->path_length));
    else if (!leati_guard_admit(&s->guard, &call)) {
        *finished = true;
        return 0;
    } else if (call.route->scope == LEATI_MANAGE) {
        (void)leati_serve_may_manage(&call); /* no body is read where it may not */
    }
    if (call.fault.http) {
        finish_fault(&call);
        *finished = true;
        return 0;
    }
    switch (call.route->body) {
    case LEATI_BODY_ROWS: return s->max_body;
    case LEATI_BODY_SMALL: return SMALL_BODY;
    case LEATI_BODY_MODEL: return s->max_model;
    default: return 0;
    }
}

/* Whether the answer would keep the loop from its other connections for long. */
static bool takes_long(const leati_call *call)
{
    const leati_shelf *shelf = call->shelf;
    size_t bytes = call->request->body_length;
    if (call->route->body != LEATI_BODY_ROWS) return false;
    if (bytes > LONG_BODY) return true;
    const leati_served *s = call->model_name.data ? leati_shelf_find(shelf, call->model_name.data,
                                                                     call->model_name.length, 0)
                            : shelf->count        ? shelf->served[0]
                                                  : NULL;
    return s && s->row_ns * (1 + bytes / (s->row_bytes + 1)) > LONG_NS;
}

static void refuse_busy(leati_call *call)
{
    leati_exchange_header(call->exchange, "Retry-After", "1");
    leati_reply_fault(call->exchange, "busy", "too many requests wait; try again in a moment");
    leati_exchange_finish(call->exchange, 503);
}

/* On the thread of the slot; may_hand: it is a loop. */
static void answer(leati_serve *s, leati_http_exchange *exchange, uint32_t slot, bool may_hand)
{
    leati_call call = make_call(s, exchange, slot);
    unsigned allowed;
    call.waited = !may_hand;
    call.route = leati_route_find(call.request->method, call.request->path,
                                  call.request->path_length, &call, &allowed);
    call.shelf = leati_repository_pin(s->repository, slot);
    bool hand = may_hand && takes_long(&call);
    int status = hand ? LEATI_LATER : call.route->handle(&call);
    leati_repository_unpin(s->repository, slot);
    if (status == LEATI_LONG) {
        hand = may_hand;
        status = hand ? LEATI_LATER : 0;
    }
    if (hand && !leati_compute_hand(s->compute, exchange)) refuse_busy(&call);
    if (status == LEATI_LATER) return;
    if (status > 0) {
        leati_exchange_finish(exchange, status);
        return;
    }
    if (!call.fault.http) leati_fault_set(&call.fault, 500, "internal", "a fault of the server");
    finish_fault(&call);
}

static void handle(void *user, leati_http_exchange *exchange)
{
    answer(user, exchange, leati_exchange_request(exchange)->worker, true);
}

static void handle_long(void *user, leati_http_exchange *exchange, uint32_t thread)
{
    leati_serve *s = user;
    answer(s, exchange, s->worker_count + thread, false);
}

static void fault(void *user, leati_http_exchange *exchange, int http_status, const char *code,
                  const char *message)
{
    (void)user;
    (void)http_status;
    leati_reply_fault(exchange, code, message);
}

static void done(void *user, leati_http_exchange *exchange, int http_status, size_t reply_bytes,
                 uint64_t duration_ns, bool sent)
{
    leati_serve *s = user;
    const leati_key_state *key = leati_exchange_user(exchange);
    leati_watch_done(s->observer.watch, exchange, leati_exchange_note(exchange),
                     key ? leati_key_name(key) : NULL, http_status, reply_bytes, duration_ns, sent);
}

/* ---- the steward ------------------------------------------------------------------------------
 */

static void run_job(job *j)
{
    leati_http_exchange *exchange = j->work.exchange;
    leati_fault *why = &j->work.fault;
    int status = j->run(&j->work);
    if (status > 0) {
        leati_exchange_finish(exchange, status);
        return;
    }
    if (!why->http) leati_fault_set(why, 500, "internal", "a fault of the server");
    leati_exchange_restart(exchange);
    leati_reply_fault(exchange, why->code, why->message);
    leati_exchange_finish(exchange, why->http);
}

static void *steward(void *arg)
{
    leati_serve *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->first && !s->stop) pthread_cond_wait(&s->wake, &s->lock);
        job *j = s->first;
        if (!j) break;
        s->first = j->next;
        if (!s->first) s->last = &s->first;
        s->jobs--;
        pthread_mutex_unlock(&s->lock);
        run_job(j);
        leati_free(j);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int leati_serve_change(leati_call *call, leati_job_run run)
{
    leati_serve *s = call->serve;
    job *j = LEATI_NEW(call->desk->context, job, 1);
    if (!j) return leati_fault_from(&call->fault, call->desk->context);
    j->run = run;
    j->work.serve = s;
    j->work.repository = s->repository;
    j->work.exchange = call->exchange;
    size_t n = call->model_name.length < sizeof j->work.name ? call->model_name.length : 0;
    memcpy(j->work.name, call->model_name.data, n);
    (void)leati_call_version(call, &j->work.version);
    pthread_mutex_lock(&s->lock);
    bool fits = s->jobs < MOST_JOBS;
    if (fits) {
        *s->last = j;
        s->last = &j->next;
        s->jobs++;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (fits) return LEATI_LATER;
    leati_free(j);
    leati_exchange_header(call->exchange, "Retry-After", "1");
    leati_reply_fault(call->exchange, "busy", "too many changes wait; try again in a moment");
    return 503;
}

/* A page of another site must not change what is served through the browser of who looks at it:
 * where a browser names the origin, it is this server. */
static bool same_origin(leati_call *call)
{
    leati_http_text origin = leati_exchange_header_in(call->exchange, "origin");
    leati_http_text host = leati_exchange_header_in(call->exchange, "host");
    if (!origin.data) return true;
    const char *from = memchr(origin.data, ':', origin.length);
    size_t skip = from ? (size_t)(from - origin.data) + 3 : origin.length; /* "://" */
    return skip < origin.length && origin.length - skip == host.length &&
           strncasecmp(origin.data + skip, host.data, host.length) == 0;
}

bool leati_serve_may_manage(leati_call *call)
{
    if (!call->serve->managed)
        return leati_fault_set(&call->fault, 403, "control_is_off",
                               "models of this server are not changed by request: it was started "
                               "with --control no, or listens for other machines");
    if (!same_origin(call))
        return leati_fault_set(&call->fault, 403, "other_origin",
                               "this request comes from a page of another origin");
    return true;
}

/* ---- start and end ----------------------------------------------------------------------------
 */

leat_serve_options leat_serve_options_default(void)
{
    return (leat_serve_options){
        .struct_size = sizeof(leat_serve_options), .log_sample = 1, .remember = DEFAULT_REMEMBER};
}

static bool is_local(const char *listen)
{
    static const char *const local[] = {"127.", "localhost:", "[::1]:", "unix:"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (strncmp(listen, local[i], strlen(local[i])) == 0) return true;
    return false;
}

static leat_status make_desks(leati_serve *s)
{
    LEATI_TRY(leati_context_branch(s->context, &s->steward_context));
    s->desks = LEATI_NEW(s->context, leati_desk, s->slots);
    if (!s->desks) return leat_error_status(s->context);
    for (uint32_t w = 0; w < s->slots; w++) {
        leati_desk *desk = &s->desks[w];
        LEATI_TRY(leati_context_branch(s->context, &desk->context));
        desk->room.context = desk->context;
        desk->body = leati_alloc(desk->context, LEATI_SHORT_BODY + LEATI_JSON_PAD);
        if (!desk->body) return LEAT_NOMEM;
    }
    return LEAT_OK;
}

static leat_status note_started(leati_serve *s)
{
    leat_context *c = s->context;
    const leati_shelf *shelf = leati_repository_pin(s->repository, 0);
    s->started = LEATI_NEW(c, started, shelf->count + 1);
    for (size_t i = 0; s->started && i < shelf->count; i++) {
        const leati_served *served = shelf->served[i];
        started *n = &s->started[i];
        n->name = leati_strdup(c, served->name);
        n->estimator = leati_strdup(c, leat_model_estimator(served->model));
        n->version = served->version;
        s->started_count++;
    }
    leati_repository_unpin(s->repository, 0);
    return leat_error_status(c);
}

static leat_status open_models(leati_serve *s, const leat_serve_options *o)
{
    leat_status st = leati_repository_create(s->steward_context, o->models, o->model_count,
                                             s->slots, s->observer.watch, &s->repository);
    if (st != LEAT_OK) {
        LEATI_FAIL(s->context, st, "%s", leat_error_message(s->steward_context));
        return st;
    }
    LEATI_TRY(leati_observer_check(s->context, o, leati_repository_shelf(s->repository)));
    return note_started(s);
}

/* A folder that was asked for must be there; without the usual one, nothing is kept. */
static leat_status open_rollouts(leati_serve *s, const leat_serve_options *o)
{
    leat_context *c = s->context;
    char *folder;
    LEATI_TRY(leati_rollouts_place(c, o, &folder));
    leat_status st = leati_rollouts_open(c, &s->rollouts, s->repository, s->slots, folder);
    if (st != LEAT_OK && st != LEAT_FORMAT && st != LEAT_NOMEM && !o->state) {
        leati_log(c, LEAT_LOG_WARN, "rollouts will not survive a restart: %s",
                  leat_error_message(c));
        leat_error_clear(c);
        st = leati_rollouts_open(c, &s->rollouts, s->repository, s->slots, NULL);
    }
    leati_free(folder);
    LEATI_TRY(st);
    return leati_rollouts_start(s->rollouts, c, s, &s->desks[s->slots - 1]);
}

static leat_status start_steward(leati_serve *s)
{
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    s->lock_made = true;
    s->last = &s->first;
    s->steward_runs = pthread_create(&s->steward, NULL, steward, s) == 0;
    LEATI_CHECK(s->context, s->steward_runs, LEAT_NOMEM, "no further thread can be started");
    return LEAT_OK;
}

static leat_status listen_now(leati_serve *s, const leat_serve_options *o)
{
    const char *listen = o->listen ? o->listen : "127.0.0.1:8080";
    leati_http_options http = {.listen = listen,
                               .workers = s->worker_count,
                               .tls_certificate = o->tls_cert,
                               .tls_key = o->tls_key,
                               .shared = o->share_port,
                               .compress = true};
    leati_http_routes routes = {
        .user = s, .admit = admit, .handle = handle, .fault = fault, .done = done};
    LEATI_TRY(leati_http_server_start(s->context, &http, &routes, &s->http));
    atomic_store(&s->listening, true);
    const char *colon = strrchr(listen, ':');
    if (strncmp(listen, "unix:", 5) == 0) snprintf(s->url, sizeof s->url, "%.140s", listen);
    else
        snprintf(s->url, sizeof s->url, "%s://%.*s:%u", o->tls_cert ? "https" : "http",
                 (int)(colon ? colon - listen : 0) % 128, listen,
                 (unsigned)leati_http_server_port(s->http));
    return LEAT_OK;
}

static void look(void *user, leati_metrics_source *out)
{
    leati_serve_source(user, out);
}

static void measure(void *user, uint64_t *busy_ns, size_t *waiting)
{
    leati_serve *s = user;
    *busy_ns = leati_http_server_busy_ns(s->http) + leati_compute_busy_ns(s->compute);
    *waiting = leati_compute_waiting(s->compute);
}

static leat_status start_agent(leati_serve *s, const char *address)
{
    uint32_t cores = leati_cpu_count();
    leati_agent_source source = {.user = s,
                                 .measure = measure,
                                 .threads = cores < s->worker_count ? cores : s->worker_count};
    return address ? leati_agent_start(s->context, address, &source, &s->agent) : LEAT_OK;
}

static leat_status start(leati_serve *s, const leat_serve_options *o)
{
    leat_context *c = s->context;
    const char *control = o->control ? o->control : "local";
    bool local = is_local(o->listen ? o->listen : "127.0.0.1:8080");
    LEATI_CHECK(c, o->model_count, LEAT_INVALID, "there is no model to serve");
    LEATI_CHECK(c, o->workers <= MOST_WORKERS, LEAT_INVALID, "workers: at most %d, not %u",
                MOST_WORKERS, o->workers);
    LEATI_CHECK(c, !o->tls_cert == !o->tls_key, LEAT_INVALID,
                "TLS takes both, a certificate and its key");
    LEATI_CHECK(c,
                strcmp(control, "local") == 0 || strcmp(control, "yes") == 0 ||
                    strcmp(control, "no") == 0,
                LEAT_INVALID, "control is local, yes or no, not '%s'", control);
    const char *store;
    bool asks = leati_guard_asks(o->keys, local, &store);
    s->managed = strcmp(control, "yes") == 0 || (strcmp(control, "local") == 0 && (local || asks));
    if (o->sandbox)
        LEATI_TRY(leati_serve_sandbox_begin(c, o, asks, store, s->managed, &s->sandbox));
    LEATI_TRY(leati_guard_open(c, &s->guard, o->keys, local));
    s->max_body = o->max_body ? o->max_body : DEFAULT_BODY;
    s->max_model = o->max_model ? o->max_model : DEFAULT_MODEL;
    s->worker_count = o->workers ? o->workers : leati_cpu_count();
    s->slots = 2 * s->worker_count + 1;
    LEATI_TRY(make_desks(s));
    LEATI_TRY(leati_observer_begin(c, &s->observer, o, s->slots, s->worker_count));
    LEATI_TRY(open_models(s, o));
    LEATI_TRY(open_rollouts(s, o));
    LEATI_TRY(start_steward(s));
    LEATI_TRY(leati_compute_start(c, s->worker_count, handle_long, s, &s->compute));
    atomic_store(&s->ready, true);
    LEATI_TRY(listen_now(s, o));
    LEATI_TRY(start_agent(s, o->agent_check));
    LEATI_TRY(leati_observer_listen(c, &s->observer, o, look, s));
    return s->sandbox ? leati_sandbox_close_calls(s->sandbox) : LEAT_OK;
}

leat_status leat_server_start(leat_context *c, const leat_serve_options *options, leat_server **out)
{
    leat_serve_options o = leat_serve_options_default();
    *out = NULL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    leat_server *server = LEATI_NEW(c, leat_server, 1);
    if (!server) return leat_error_status(c);
    server->serve.context = c;
    leat_status st = start(&server->serve, &o);
    if (st == LEAT_OK) {
        *out = server;
        return LEAT_OK;
    }
    if (leat_error_status(c) == LEAT_OK) LEATI_FAIL(c, st, "%s", leat_status_text(st));
    leat_server_destroy(server);
    return st;
}

const char *leat_server_url(const leat_server *server)
{
    return server->serve.url;
}

uint32_t leat_server_workers(const leat_server *server)
{
    return server->serve.worker_count;
}

bool leat_server_model(const leat_server *server, size_t i, const char **name, uint32_t *version,
                       const char **estimator)
{
    if (i >= server->serve.started_count) return false;
    const started *n = &server->serve.started[i];
    *name = n->name;
    *version = n->version;
    *estimator = n->estimator;
    return true;
}

const char *leat_server_metrics_url(const leat_server *server)
{
    return server->serve.observer.listener ? server->serve.observer.url : NULL;
}

void leat_server_reopen_logs(leat_server *server)
{
    leati_watch_reopen(server->serve.observer.watch);
}

uint16_t leat_server_agent_port(const leat_server *server)
{
    return server->serve.agent ? leati_agent_port(server->serve.agent) : 0;
}

bool leat_server_asks_for_keys(const leat_server *server)
{
    return server->serve.guard.keys != NULL;
}

void leat_server_drain(leat_server *server, double seconds)
{
    double notice = seconds / 2 < 5 ? seconds / 2 : 5;
    atomic_store(&server->serve.ready, false);
    if (server->serve.agent) leati_agent_drain(server->serve.agent, notice);
    leati_http_server_drain(server->serve.http, seconds);
}

static void stop_steward(leati_serve *s)
{
    if (s->steward_runs) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->steward, NULL);
    }
    if (!s->lock_made) return;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
}

void leat_server_destroy(leat_server *server)
{
    if (!server) return;
    leati_serve *s = &server->serve;
    /* The server last: other threads end its exchanges. */
    if (s->http) leat_server_drain(server, 0);
    leati_agent_stop(s->agent);
    leati_observer_stop_listening(&s->observer);
    stop_steward(s);
    leati_compute_stop(s->compute);
    leati_http_server_destroy(s->http);
    leati_rollouts_close(s->rollouts);
    leati_guard_close(&s->guard);
    leati_sandbox_destroy(s->sandbox);
    leati_repository_destroy(s->repository);
    leati_observer_end(&s->observer);
    leat_context_destroy(s->steward_context);
    for (uint32_t w = 0; s->desks && w < s->slots; w++) {
        leati_desk *desk = &s->desks[w];
        leati_tensor_room_fini(&desk->room);
        leati_free(desk->body);
        leat_context_destroy(desk->context);
    }
    for (size_t i = 0; i < s->started_count; i++) {
        leati_free(s->started[i].name);
        leati_free(s->started[i].estimator);
    }
    leati_free(s->started);
    leati_free(s->desks);
    leati_free(server);
}
