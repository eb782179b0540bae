/* Owns: the way of an exchange to its route: on its loop at once, on its loop together with others
 * that came with it, or on a thread for long answers. Not: what routes mean, nor how requests share
 * a run (joined_run.c). */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "serve/ahead.h"
#include "serve/joined_run.h"
#include "serve/serve_state.h"

enum { SMALL_BODY = 65536 };
/* What a loop hands on: bodies of so many bytes, answers that take so long. */
enum { LONG_BODY = 256 << 10, LONG_NS = 300000 };
/* Each label is looked for among the answers of all threads, for each version and class. */
enum { FEW_LABELS = 8 << 10 };
enum { WRAPPING = 300 }; /* bytes of a request that are no values, about */

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

/* Header lines that every answer has, from here on. */
static void note_fields(leati_call *call)
{
    leati_http_text fields, body;
    (void)leati_exchange_written(call->exchange, &fields, &body);
    call->fields = fields.length;
}

/* All but the message of the fault and the state, which are large and empty. */
static void make_call(leati_call *call, leati_serve *s, leati_http_exchange *exchange,
                      uint32_t slot)
{
    memset(call, 0, offsetof(leati_call, fault));
    call->fault.http = 0;
    call->serve = s;
    call->slot = slot;
    call->desk = &s->desks[slot];
    call->exchange = exchange;
    call->request = leati_exchange_request(exchange);
    note_fields(call);
}

static size_t admit(void *user, leati_http_exchange *exchange, bool *finished)
{
    leati_serve *s = user;
    const leati_http_request *q = leati_exchange_request(exchange);
    leati_call call;
    unsigned allowed;
    make_call(&call, s, exchange, q->worker);
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
    } else if (call.route->scope == LEATI_MANAGE)
        (void)leati_serve_may_manage(&call); /* no body is read where it may not */
    note_fields(&call);
    if (call.fault.http) {
        leati_call_finish(&call, 0);
        *finished = true;
        return 0;
    }
    leati_exchange_draw(exchange, call.route->body == LEATI_BODY_MODEL ? &s->uploads : &s->bodies);
    switch (call.route->body) {
    case LEATI_BODY_ROWS: return s->max_body;
    case LEATI_BODY_SMALL: return SMALL_BODY;
    case LEATI_BODY_MODEL: return s->max_model;
    default: return 0;
    }
}

/* Where a request is best answered. */
typedef enum place {
    HERE,     /* at once */
    GATHERED, /* with those that came to this loop with it */
    LONG,     /* by a thread for long answers */
    SHARED    /* the same, with those that wait there */
} place;

/* Where a version is rolled out, the one is drawn here that will answer, as one may be slow and the
 * other fast; the exchange carries it to whoever answers. */
static const leati_served *drawn_version(leati_call *call)
{
    const leati_served *drawn;
    if (call->version.data || !leati_rollouts_any(call->serve->rollouts)) return NULL;
    drawn = leati_rollouts_choose(call);
    if (drawn) leati_exchange_carry(call->exchange, leati_rollouts_chosen(call));
    return drawn;
}

static const leati_served *likely_version(leati_call *call)
{
    const leati_shelf *shelf = call->shelf;
    uint32_t version;
    size_t first;
    if (!leati_call_version(call, &version) || !shelf->count) return NULL;
    if (!call->model_name.data) { /* the only model, or a refusal */
        const char *only = shelf->served[0]->name;
        if (leati_shelf_versions(shelf, only, strlen(only), &first) != shelf->count) return NULL;
        call->model_name = (leati_http_text){only, strlen(only)};
    }
    const leati_served *drawn = drawn_version(call);
    leati_http_text name = call->model_name;
    return drawn ? drawn : leati_shelf_find(shelf, name.data, name.length, version);
}

/* Rows in the body, or one in the query. */
static bool has_rows(const leati_call *call)
{
    return call->route->body == LEATI_BODY_ROWS ||
           (call->route->handle == leati_route_api_model && call->request->query.length);
}

/* By the size of the body and by how long a row took when the model was warmed up. */
static place place_of(leati_call *call)
{
    size_t bytes = call->request->body_length;
    if (!has_rows(call)) return HERE;
    if (call->route->handle == leati_route_feedback) return bytes > FEW_LABELS ? LONG : HERE;
    if (bytes > LONG_BODY) return LONG;
    const leati_served *s = likely_version(call);
    if (!s) return HERE;
    size_t rows = 1 + (bytes > WRAPPING ? bytes - WRAPPING : 0) / (s->row_bytes + 1);
    if (s->join_rows && rows <= s->join_rows) return s->join_on_loop ? GATHERED : SHARED;
    return s->row_ns * rows > LONG_NS ? LONG : HERE;
}

static void refuse_busy(leati_call *call)
{
    leati_exchange_header(call->exchange, "Retry-After", "1");
    leati_reply_fault(call->exchange, "busy", "too many requests wait; try again in a moment");
    leati_exchange_finish(call->exchange, 503);
}

static void hand(leati_call *call, bool joins)
{
    leati_http_text name = call->model_name;
    uint32_t kind = name.data ? (uint32_t)leati_hash64(name.data, name.length, 0) : 0;
    leati_exchange_set_waiting(call->exchange, leati_serve_now());
    if (!leati_compute_hand(call->serve->compute, call->exchange, kind, joins)) refuse_busy(call);
}

void leati_serve_hand(leati_call *call)
{
    uint64_t looked = call->start ? LEATI_CARRIED_LOOKED : 0;
    leati_exchange_carry(call->exchange, leati_rollouts_chosen(call) | looked);
    hand(call, false);
}

static void find_route(leati_call *call)
{
    const leati_http_request *q = call->request;
    unsigned allowed;
    call->route = leati_route_find(q->method, q->path, q->path_length, call, &allowed);
}

/* Answers what a thread has, together where that is more than one. */
static void answer(leati_serve *s, uint32_t slot, leati_http_exchange *const *exchanges,
                   size_t count)
{
    leati_call *calls = s->desks[slot].calls, one;
    if (count == 1) calls = &one;
    const leati_shelf *shelf = leati_repository_pin(s->repository, slot);
    for (size_t i = 0; i < count; i++) {
        make_call(&calls[i], s, exchanges[i], slot);
        find_route(&calls[i]);
        calls[i].waited = slot >= s->worker_count;
        calls[i].gathered = true;
        calls[i].shelf = shelf;
    }
    leati_join_answer(calls, count);
    leati_repository_unpin(s->repository, slot);
}

void leati_serve_answer_long(void *user, leati_http_exchange *const *exchanges, size_t count,
                             uint32_t thread)
{
    leati_serve *s = user;
    answer(s, s->worker_count + thread, exchanges, count);
}

/* Its connection was cut when the time for the end was over. */
void leati_serve_refuse_long(void *user, leati_http_exchange *exchange)
{
    (void)user;
    leati_reply_fault(exchange, "not_ready", "the server ends: ask another one");
    leati_exchange_finish(exchange, 503);
}

/* The loop has read what there was. */
static bool settle(void *user, uint32_t worker)
{
    leati_serve *s = user;
    leati_gathered *g = &s->gathered[worker];
    size_t count = g->count;
    if (count == 0) return false;
    g->count = 0;
    answer(s, worker, g->exchanges, count);
    return true;
}

static void gather(leati_serve *s, uint32_t worker, leati_http_exchange *exchange)
{
    leati_gathered *g = &s->gathered[worker];
    leati_exchange_set_waiting(exchange, leati_serve_now());
    g->exchanges[g->count++] = exchange;
    if (g->count == LEATI_JOIN_MOST) settle(s, worker);
}

/* An answer that is kept need not wait for a thread or for others. Otherwise what was decided on
 * the way, the version among it, stays so. */
static bool is_kept(leati_call *call, int *status)
{
    bool predicts = call->route->handle != leati_route_feedback;
    if (!call->serve->cache || !predicts || call->request->body_length > LONG_BODY) return false;
    call->peeks = true;
    *status = call->route->handle(call);
    call->peeks = false;
    if (*status != LEATI_LONG && call->fault.http != LEATI_SPLIT) return true;
    uint64_t looked = call->recalled ? 0 : LEATI_CARRIED_LOOKED;
    leati_exchange_rewind(call->exchange, call->fields);
    leati_exchange_carry(call->exchange, leati_rollouts_chosen(call) | looked);
    return false;
}

/* Which version will answer must be sure, and that its answer is not one that is kept. */
static bool arriving(void *user, leati_http_exchange *exchange)
{
    leati_serve *s = user;
    leati_call call;
    if (leati_exchange_coming(exchange) <= LONG_BODY || s->cache || leati_rollouts_any(s->rollouts))
        return false;
    make_call(&call, s, exchange, leati_exchange_request(exchange)->worker);
    find_route(&call);
    if (!call.route || call.route->handle != leati_route_oip_infer) return false;
    call.shelf = leati_repository_pin(s->repository, call.slot);
    const leati_served *served = likely_version(&call);
    bool more = served && leati_ahead_look(&call, served);
    leati_repository_unpin(s->repository, call.slot);
    return more;
}

static void handle(void *user, leati_http_exchange *exchange)
{
    leati_serve *s = user;
    uint32_t worker = leati_exchange_request(exchange)->worker;
    leati_call call;
    make_call(&call, s, exchange, worker);
    find_route(&call);
    call.shelf = leati_repository_pin(s->repository, worker);
    place where = place_of(&call);
    int status = where == HERE ? call.route->handle(&call) : LEATI_LATER;
    if (where != HERE && is_kept(&call, &status)) where = HERE;
    leati_repository_unpin(s->repository, worker);
    switch (where) {
    case GATHERED: gather(s, worker, exchange); break;
    case LONG:
    case SHARED: hand(&call, where == SHARED); break;
    default: leati_call_finish(&call, status);
    }
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
    leati_guard_done(exchange);
    leati_watch_done(s->observer.watch, exchange, leati_exchange_note(exchange),
                     key ? leati_key_name(key) : NULL, http_status, reply_bytes, duration_ns, sent);
}

const leati_http_routes leati_serve_routes = {.admit = admit,
                                              .arriving = arriving,
                                              .handle = handle,
                                              .fault = fault,
                                              .settle = settle,
                                              .done = done};
