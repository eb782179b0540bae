/* Owns: finding the route of a path, and what handlers share. Not: their meaning. */
#include "serve/route.h"

#include <time.h>

#include "base/mem.h"
#include "serve/guard.h"
#include "serve/json_in.h"
#include "serve/rollouts.h"
#include "serve/watch.h"

const leati_route leati_routes[] = {
#define ROUTE(method, path, handler, body, scope, summary)                                         \
    {LEATI_HTTP_##method,                                                                          \
     path,                                                                                         \
     leati_route_##handler,                                                                        \
     LEATI_BODY_##body,                                                                            \
     LEATI_##scope,                                                                                \
     summary,                                                                                      \
     #handler},
#include "serve/routes.def"
#undef ROUTE
};
const size_t leati_route_count = sizeof leati_routes / sizeof *leati_routes;

const char *leati_method_name(leati_http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    return names[method];
}

/* Whether the path has the form of the pattern. */
static bool matches(const char *pattern, const char *path, const char *end, leati_http_text *model,
                    leati_http_text *version)
{
    while (*pattern && path < end) {
        if (*pattern != '{') {
            if (*pattern++ != *path++) return false;
            continue;
        }
        const char *from = path;
        leati_http_text *part = pattern[1] == 'm' ? model : version;
        while (path < end && *path != '/') path++;
        if (path == from) return false;
        *part = (leati_http_text){from, (size_t)(path - from)};
        while (*pattern++ != '}') continue;
    }
    return !*pattern && path == end;
}

/* The methods that the path takes; 0 where there is no such path. */
static unsigned allowed_methods(const char *path, const char *end)
{
    unsigned allowed = 0;
    leati_http_text model, version;
    for (size_t i = 0; i < leati_route_count; i++) {
        const leati_route *r = &leati_routes[i];
        if (!matches(r->path, path, end, &model, &version)) continue;
        allowed |= 1u << r->method;
        if (r->method == LEATI_HTTP_GET) allowed |= 1u << LEATI_HTTP_HEAD;
    }
    return allowed;
}

const leati_route *leati_route_find(leati_http_method method, const char *path, size_t length,
                                    leati_call *call, unsigned *allowed)
{
    const char *end = path + length;
    leati_http_method wanted = method == LEATI_HTTP_HEAD ? LEATI_HTTP_GET : method;
    if (length > 1 && end[-1] == '/') end--; /* "/v2/" is "/v2" */
    *allowed = 0;
    for (size_t i = 0; i < leati_route_count; i++) {
        const leati_route *r = &leati_routes[i];
        leati_http_text model = {0}, version = {0};
        /* Of one method most rows differ in the second character. */
        if (r->method != wanted || (length > 1 && r->path[1] != path[1])) continue;
        if (!matches(r->path, path, end, &model, &version)) continue;
        call->model_name = model;
        call->version = version;
        return r;
    }
    *allowed = allowed_methods(path, end);
    return NULL;
}

/* "3": a whole number from 1; 0 otherwise. */
static uint32_t version_number(leati_http_text text)
{
    uint32_t value = 0;
    if (text.length > 9 || text.length == 0 || *text.data == '0') return 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (digit > 9) return 0;
        value = value * 10 + digit;
    }
    return value;
}

bool leati_call_version(const leati_call *call, uint32_t *version)
{
    *version = call->version.data ? version_number(call->version) : 0;
    return !call->version.data || *version;
}

leati_served *leati_call_served(leati_call *call)
{
    if (call->served) return call->served; /* of a call that is answered again */
    leati_http_text name = call->model_name;
    uint32_t version = call->version.data ? version_number(call->version) : 0;
    leati_served *served = NULL;
    if (!call->version.data && call->serve && leati_rollouts_any(leati_serve_rollouts(call->serve)))
        served = leati_rollouts_choose(call);
    if (served) return served;
    if (!call->version.data || version)
        served = leati_shelf_find(call->shelf, name.data, name.length, version);
    if (served) return served;
    size_t first;
    if (call->version.data && leati_shelf_versions(call->shelf, name.data, name.length, &first))
        leati_fault_set(&call->fault, 404, "no_such_version",
                        "the model '%.*s' has no version '%.*s'",
                        LEATI_CLIP(name.data, name.length),
                        LEATI_CLIP(call->version.data, call->version.length));
    else if (memchr(name.data, '@', name.length))
        leati_fault_set(
            &call->fault, 404, "no_such_model",
            "there is no model '%.*s': a path has the name of a model without an alias; "
            "/api/v1/NAME is the version that the alias stands for where the server was "
            "started with it",
            LEATI_CLIP(name.data, name.length));
    else
        leati_fault_set(&call->fault, 404, "no_such_model", "there is no model '%.*s'",
                        LEATI_CLIP(name.data, name.length));
    return NULL;
}

const char *leati_call_body(leati_call *call, bool *padded)
{
    const leati_http_request *q = call->request;
    *padded = q->body_length <= LEATI_SHORT_BODY;
    if (!*padded) return q->body;
    char *body = call->desk->body;
    if (q->body_length) memcpy(body, q->body, q->body_length);
    memset(body + q->body_length, 0, LEATI_JSON_PAD);
    return body;
}

/* What came before, its body coming slowly among it, is the client's time. */
uint64_t leati_call_queued(const leati_call *call)
{
    uint64_t since = call->exchange ? leati_exchange_waiting(call->exchange) : 0;
    return since && since < call->start ? call->start - since : 0;
}

uint64_t leati_call_input_ns(const leati_call *call)
{
    uint64_t all = call->asked - call->start, runs = call->answers.infer_ns;
    return all > runs ? all - runs : 0;
}

void leati_call_count(leati_call *call, bool ok)
{
    const leati_answers *a = &call->answers;
    leati_tally *t = &call->served->tally[call->slot];
    uint64_t end = leati_serve_now();
    leati_answered answers = {call->served, a->value ? a->rows : 0, a->value, a->proba};
    /* Versions are compared by their answers alone: what is mirrored is not explained. */
    uint64_t ns = end - call->start - call->explained_ns;
    if (call->arm != LEATI_ARM_NONE && !leati_rollouts_count(call, &answers, ns, ok)) {
        leati_watch_mirrored(call, end, ok);
        return;
    }
    leati_watch_call(call, end, ok);
    leati_guard_count(call, ok ? a->rows : 0, end - call->start, ok);
    if (!ok) {
        leati_tally_add(&t->failed, 1);
        leati_tally_add(&t->failed_ns, end - call->start);
        return;
    }
    struct timespec now;
    uint64_t input_ns = leati_call_input_ns(call);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    leati_tally_add(&t->requests, 1);
    leati_tally_add(&t->queue_ns, leati_call_queued(call));
    leati_tally_add(&t->rows, a->rows);
    leati_tally_add(&t->runs, a->runs);
    leati_tally_add(&t->total_ns, end - call->start);
    leati_tally_add(&t->infer_ns, a->infer_ns);
    leati_tally_add(&t->input_ns, input_ns);
    leati_tally_add(&t->output_ns, end - call->asked);
    leati_batch_count(t->batch, &(leati_batch_runs){.runs = a->runs,
                                                    .rows = a->runs ? a->run_rows : a->shared,
                                                    .room = call->ask ? call->ask->room : 0,
                                                    .input_ns = input_ns,
                                                    .infer_ns = a->infer_ns,
                                                    .output_ns = end - call->asked});
    atomic_store_explicit(&t->last_ms,
                          (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
                          memory_order_relaxed);
}
