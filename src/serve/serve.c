/* Owns: a running service: its options, start and end. Not: dispatching (dispatch.c), what changes
 * the models that are loaded (steward.c), HTTP (server.h), nor the meaning of routes. */
#include <leat/serve.h>

#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/machine_memory.h"
#include "base/mem.h"
#include "base/options.h"
#include "serve/joined_run.h"
#include "serve/json_in.h"
#include "serve/rollout_alias.h"
#include "serve/rollout_pool.h"
#include "serve/serve_state.h"

enum {
    DEFAULT_BODY = 16 << 20,
    DEFAULT_REMEMBER = 100000,
    DEFAULT_MODEL = 256 << 20,
    MOST_WORKERS = 1024,
    DEFAULT_JOIN = 64,
    DEFAULT_QUEUE = 2048,
    DEFAULT_BODIES = 1 << 30,
    DEFAULT_UPLOADS = 4, /* of the largest */
    DEFAULT_STORED = 16, /* the same */
    DEFAULT_VERSIONS = 100,
    MOST_QUEUE = 1 << 20,
    MOST_DELAY = 1000000,
    DEFAULT_FOLLOW_MS = 1000
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

size_t leati_serve_stored_limit(const leati_serve *s)
{
    return s->max_stored;
}

uint32_t leati_serve_version_limit(const leati_serve *s)
{
    return s->max_versions;
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
                                  .upload_bytes = atomic_load(&s->uploads.used),
                                  .body_bytes = atomic_load(&s->bodies.used),
                                  .ready = leati_serve_ready(s)};
    if (atomic_load(&s->listening)) out->connections = leati_http_server_connections(s->http);
}

bool leati_serve_shows(const leati_call *call, const char *model)
{
    return leati_guard_shows(&call->serve->guard, call, model);
}

leat_context *leati_serve_steward_context(leati_serve *s)
{
    return s->steward_context;
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
        if (s->plan.join_rows > 1)
            desk->calls = leati_array(desk->context, LEATI_JOIN_MOST, sizeof *desk->calls);
        if (!desk->body || (s->plan.join_rows > 1 && !desk->calls))
            return leat_error_status(desk->context);
    }
    return LEAT_OK;
}

static leat_status make_gathered(leati_serve *s)
{
    s->gathered = LEATI_NEW(s->context, leati_gathered, s->worker_count + 8); /* so it is aligned */
    if (!s->gathered) return leat_error_status(s->context);
    for (uint32_t w = 0; w < s->worker_count; w++) {
        s->gathered[w].exchanges = LEATI_NEW(s->context, leati_http_exchange *, LEATI_JOIN_MOST);
        if (!s->gathered[w].exchanges) return leat_error_status(s->context);
    }
    return LEAT_OK;
}

static leat_status note_started(leati_serve *s)
{
    leat_context *c = s->context;
    const leati_shelf *shelf = leati_repository_pin(s->repository, 0);
    s->started = LEATI_NEW(c, leati_started, shelf->count + 1);
    for (size_t i = 0; s->started && i < shelf->count; i++) {
        const leati_served *served = shelf->served[i];
        leati_started *n = &s->started[i];
        n->name = leati_strdup(c, served->name);
        n->estimator = leati_strdup(c, served->estimator);
        n->version = served->version;
        s->started_count++;
    }
    leati_repository_unpin(s->repository, 0);
    return leat_error_status(c);
}

static void pass_on(void *user, const char *line)
{
    const leati_serve *s = user;
    if (s->say) s->say(s->say_user, line);
}

static bool is_needed(void *user, const char *name, uint32_t version, uint32_t present)
{
    const leati_serve *s = user;
    return leati_rollouts_need(s->rollouts, name, version, present);
}

static bool waits(void *user, const char *name, const char *alias)
{
    const leati_serve *s = user;
    return leati_rollouts_waits(s->rollouts, name, alias);
}

static leat_status settle(void *user, leat_registry *registry)
{
    leati_serve *s = user;
    return leati_rollouts_settle(s->rollouts, registry, pass_on, s);
}

static void prefer_champions(leati_serve *s)
{
    const leati_shelf *shelf = leati_repository_pin(s->repository, 0);
    for (size_t i = 0; i < shelf->count; i++) {
        const leati_served *served = shelf->served[i];
        if (leati_follow_prefers(s->follow, served->name, served->version))
            leati_repository_prefer(s->repository, served->name, served->version);
    }
    leati_repository_unpin(s->repository, 0);
}

/* What the versions of the registry are now. */
static leat_status resolve_models(leati_serve *s, const leat_serve_options *o)
{
    leati_follow_options follow = {.where = o->registry,
                                   .folder = o->objects,
                                   .models = o->models,
                                   .count = o->model_count,
                                   .interval_ms = o->follow_ms ? o->follow_ms : DEFAULT_FOLLOW_MS,
                                   .move = leati_steward_move,
                                   .say = pass_on,
                                   .needs = is_needed,
                                   .settle = settle,
                                   .waits = waits,
                                   .user = s};
    return leati_follow_open(s->context, &follow, &s->follow);
}

static leat_status open_models(leati_serve *s, const leat_serve_options *o)
{
    size_t count;
    const char *const *places = leati_follow_places(s->follow, &count);
    leat_status st = leati_repository_create(s->steward_context, places, count, &s->plan,
                                             s->observer.watch, &s->repository);
    if (st != LEAT_OK) {
        LEATI_FAIL(s->context, st, "%s", leat_error_message(s->steward_context));
        return st;
    }
    prefer_champions(s);
    LEATI_TRY(leati_observer_check(s->context, o, leati_repository_shelf(s->repository)));
    return note_started(s);
}

/* A folder that was asked for must be there; without the usual one, nothing is kept. */
static leat_status open_rollouts(leati_serve *s, const leat_serve_options *o)
{
    leat_context *c = s->context;
    char *folder;
    LEATI_TRY(leati_rollouts_place(c, o, &folder));
    leat_status st =
        leati_rollouts_open(c, &s->rollouts, s->repository, s->follow, s->slots, folder);
    if (st == LEAT_OK && folder) st = leati_watch_keep_in(s->observer.watch, c, folder);
    if (st != LEAT_OK && st != LEAT_FORMAT && st != LEAT_NOMEM && !o->state) {
        leati_log(c, LEAT_LOG_WARN,
                  "rollouts and what is counted for drift will not survive a restart: %s",
                  leat_error_message(c));
        leat_error_clear(c);
        st = leati_rollouts_open(c, &s->rollouts, s->repository, s->follow, s->slots, NULL);
    }
    leati_free(folder);
    LEATI_TRY(st);
    if (o->pool) {
        leati_pool_options pool = {.name = o->pool,
                                   .where = o->registry,
                                   .folder = o->objects,
                                   .say = pass_on,
                                   .load = leati_steward_load,
                                   .user = s};
        LEATI_TRY(leati_pool_join(s->rollouts, c, &pool));
    }
    return leati_rollouts_start(s->rollouts, c, s, &s->desks[s->slots - 1]);
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
    leati_http_routes routes = leati_serve_routes;
    routes.user = s;
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

static leat_status start_compute(leati_serve *s, const leat_serve_options *o)
{
    leati_compute_options options = {.threads = s->worker_count,
                                     .queue = o->queue ? o->queue : DEFAULT_QUEUE,
                                     .together = s->plan.join_rows,
                                     .delay_ns = (uint64_t)o->batch_delay_us * 1000,
                                     .run = leati_serve_answer_long,
                                     .refuse = leati_serve_refuse_long,
                                     .user = s};
    return leati_compute_start(s->context, &options, &s->compute);
}

static leat_status check_numbers(leat_context *c, const leat_serve_options *o)
{
    LEATI_CHECK(c, o->workers <= MOST_WORKERS, LEAT_INVALID, "workers: at most %d, not %u",
                MOST_WORKERS, o->workers);
    LEATI_CHECK(c, o->batch_rows <= LEATI_JOIN_MOST, LEAT_INVALID, "batch_rows: at most %d, not %u",
                LEATI_JOIN_MOST, o->batch_rows);
    LEATI_CHECK(c, o->batch_delay_us <= MOST_DELAY, LEAT_INVALID,
                "batch_delay_us: at most %d (a second), not %u", MOST_DELAY, o->batch_delay_us);
    LEATI_CHECK(c, o->queue <= MOST_QUEUE, LEAT_INVALID, "queue: at most %d, not %u", MOST_QUEUE,
                o->queue);
    return LEAT_OK;
}

/* Less where the machine, or the container, has less memory: so many bytes come from outside. */
static size_t usual_budget(size_t bytes, size_t least)
{
    uint64_t half = leati_memory_available() / 2;
    if (bytes > half) bytes = (size_t)half;
    return bytes > least ? bytes : least;
}

/* `count` of the largest. */
static size_t models_of(const leati_serve *s, size_t count)
{
    size_t bytes = s->max_model <= SIZE_MAX / count ? count * s->max_model : SIZE_MAX;
    return usual_budget(bytes, s->max_model);
}

/* The largest fits, and a few of them. */
static leat_status make_budgets(leati_serve *s, const leat_serve_options *o)
{
    leat_context *c = s->context;
    s->max_model = o->max_model ? o->max_model : DEFAULT_MODEL;
    s->max_body = o->max_body ? o->max_body : DEFAULT_BODY;
    LEATI_CHECK(
        c, !o->max_uploads || o->max_uploads >= s->max_model, LEAT_INVALID,
        "max_uploads: %zu bytes for all models that are uploaded at once do not hold one of "
        "max_model, %zu",
        o->max_uploads, s->max_model);
    LEATI_CHECK(c, !o->max_requests || o->max_requests >= s->max_body, LEAT_INVALID,
                "max_requests: %zu bytes for all requests at once do not hold one of max_body, %zu",
                o->max_requests, s->max_body);
    LEATI_CHECK(c, !o->max_stored || o->max_stored >= s->max_model, LEAT_INVALID,
                "max_stored: %zu bytes for all models in the folders do not hold one of max_model, "
                "%zu",
                o->max_stored, s->max_model);
    s->uploads.most = o->max_uploads ? o->max_uploads : models_of(s, DEFAULT_UPLOADS);
    s->max_stored = o->max_stored ? o->max_stored : models_of(s, DEFAULT_STORED);
    s->max_versions = o->max_versions ? o->max_versions : DEFAULT_VERSIONS;
    s->bodies.most = o->max_requests ? o->max_requests : usual_budget(DEFAULT_BODIES, s->max_body);
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

/* The places of models are known by now; the registry is in the sandbox where it is asked later. */
static leat_status enter_sandbox(leati_serve *s, const leat_serve_options *o, bool asks,
                                 const char *store)
{
    leat_serve_options places = *o;
    places.models = leati_follow_places(s->follow, &places.model_count);
    leati_sandbox_plan plan = {.options = &places,
                               .asks = asks,
                               .store = store,
                               .managed = s->managed,
                               .meets = o->pool || leati_follow_moves(s->follow)};
    return leati_serve_sandbox_begin(s->context, &plan, &s->sandbox, &s->registry);
}

static leat_status start(leati_serve *s, const leat_serve_options *o)
{
    leat_context *c = s->context;
    const char *control = o->control ? o->control : "local";
    bool local = is_local(o->listen ? o->listen : "127.0.0.1:8080");
    LEATI_CHECK(c, o->model_count, LEAT_INVALID, "there is no model to serve");
    LEATI_TRY(check_numbers(c, o));
    LEATI_CHECK(c, !o->tls_cert == !o->tls_key, LEAT_INVALID,
                "TLS takes both, a certificate and its key");
    LEATI_CHECK(c,
                strcmp(control, "local") == 0 || strcmp(control, "yes") == 0 ||
                    strcmp(control, "no") == 0,
                LEAT_INVALID, "control is local, yes or no, not '%s'", control);
    const char *store;
    bool asks = leati_guard_asks(o->keys, local, &store);
    s->managed = strcmp(control, "yes") == 0 || (strcmp(control, "local") == 0 && (local || asks));
    LEATI_TRY(make_budgets(s, o));
    LEATI_TRY(resolve_models(s, o));
    if (o->sandbox) LEATI_TRY(enter_sandbox(s, o, asks, store));
    LEATI_TRY(leati_guard_open(c, &s->guard, o->keys, local));
    s->say = o->say;
    s->say_user = o->say_user;
    s->worker_count = o->workers ? o->workers : leati_cpu_count();
    s->slots = 2 * s->worker_count + 1;
    if (o->cache) LEATI_TRY(leati_response_cache_create(c, o->cache, &s->cache));
    s->plan = (leati_served_plan){.slots = s->slots,
                                  .unhurried = 1, /* mirrored requests */
                                  .cache = s->cache,
                                  .loops = s->worker_count,
                                  .join_rows = o->batch_rows ? o->batch_rows : DEFAULT_JOIN,
                                  .join_waits = o->batch_delay_us > 0,
                                  .say = {s->say, s->say_user}};
    LEATI_TRY(make_desks(s));
    LEATI_TRY(make_gathered(s));
    LEATI_TRY(leati_observer_begin(c, &s->observer, o, s->slots, s->worker_count));
    LEATI_TRY(open_models(s, o));
    LEATI_TRY(open_rollouts(s, o));
    LEATI_TRY(leati_steward_start(s));
    if (o->pool) LEATI_TRY(leati_pool_start(s->rollouts, c));
    LEATI_TRY(leati_follow_start(s->follow));
    LEATI_TRY(start_compute(s, o));
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
    LEATI_TRY(LEATI_OPTIONS(c, leat_serve_options, &o, options));
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
    const leati_started *n = &server->serve.started[i];
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

leat_status leat_server_renew_certificate(leat_context *c, leat_server *server)
{
    return leati_http_server_renew(c, server->serve.http);
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

void leat_server_destroy(leat_server *server)
{
    if (!server) return;
    leati_serve *s = &server->serve;
    /* The server last: other threads end its exchanges. */
    if (s->http) leat_server_drain(server, 0);
    leati_agent_stop(s->agent);
    leati_observer_stop_listening(&s->observer);
    leati_follow_stop(s->follow);  /* the steward does what it waits for */
    leati_pool_leave(s->rollouts); /* the steward waits for it */
    leati_steward_stop(s);
    leati_follow_close(s->follow);
    leati_compute_stop(s->compute);
    leati_http_server_destroy(s->http);
    leati_watch_leave(s->observer.watch);
    leati_rollouts_close(s->rollouts);
    leati_guard_close(&s->guard);
    leat_registry_close(s->registry);
    leati_sandbox_destroy(s->sandbox);
    leati_repository_destroy(s->repository);
    leati_response_cache_destroy(s->cache);
    leati_observer_end(&s->observer);
    leat_context_destroy(s->steward_context);
    for (uint32_t w = 0; s->desks && w < s->slots; w++) {
        leati_desk *desk = &s->desks[w];
        leati_tensor_room_fini(&desk->room);
        leati_free(desk->body);
        leati_free(desk->calls);
        leat_context_destroy(desk->context);
    }
    for (size_t i = 0; i < s->started_count; i++) {
        leati_free(s->started[i].name);
        leati_free(s->started[i].estimator);
    }
    leati_free(s->started);
    leati_free(s->desks);
    for (uint32_t w = 0; s->gathered && w < s->worker_count; w++)
        leati_free(s->gathered[w].exchanges);
    leati_free(s->gathered);
    leati_free(server);
}
