/* Owns: a request on its way through a model: begun, run alone or left to a joined run, answered,
 * counted, ended. Not: what its rows are (the protocols), nor how runs are joined (joined_run.c).
 */
#include <string.h>

#include "serve/guard.h"
#include "serve/joined_run.h"
#include "serve/response_cache.h"
#include "serve/rollouts.h"

/* Whether the answer may be one that is kept: mirrored requests are there to be computed, and kept
 * answers to be counted. */
static bool may_recall(const leati_call *call)
{
    return call->served->cache && !call->mirrored && call->serve && call->exchange &&
           !call->example;
}

static leati_cache_key key_of(const leati_call *call)
{
    const leati_http_request *q = call->request;
    return (leati_cache_key){
        .serial = call->served->serial,
        .route = call->route,
        .part = {leati_exchange_header_in(call->exchange, "content-type"),
                 leati_exchange_header_in(call->exchange, "inference-header-content-length"),
                 q->query,
                 {q->body, q->body_length}}};
}

/* What was kept; `ask` (may be NULL) learns what the answers to its rows are. */
typedef struct recalled {
    leati_ask *ask;
    size_t rows;
} recalled;

static void take_rows(void *user, const leati_kept_rows *kept)
{
    recalled *r = user;
    r->rows = kept->rows;
    if (r->ask && kept->rows && kept->value)
        (void)leati_ask_know(r->ask, kept->rows, kept->value, kept->proba);
}

/* Writes the answer where it was kept. */
static bool look_up(leati_call *call, leati_ask *ask)
{
    recalled r = {.ask = ask};
    if (!may_recall(call)) return false;
    leati_cache_key key = key_of(call);
    bool found =
        leati_response_cache_find(call->served->cache, &key, call->exchange, take_rows, &r);
    if (found && !leati_guard_take(call, r.rows, false)) {
        /* Whoever counts its rows refuses it. */
        leati_exchange_rewind(call->exchange, call->fields);
        if (ask) ask->known = 0;
        return false;
    }
    if (found) {
        call->recalled = true;
        call->answers = (leati_answers){.rows = r.rows};
        return true;
    }
    bool counted = leati_exchange_carried(call->exchange) & LEATI_CARRIED_LOOKED;
    if (!counted) leati_tally_add(&call->served->tally[call->slot].misses, 1);
    return false;
}

static int count_recalled(leati_call *call)
{
    leati_tally *t = &call->served->tally[call->slot];
    if (call->counted) return 200;
    call->counted = true;
    call->asked = leati_serve_now();
    leati_tally_add(&t->hits, 1);
    leati_tally_add(&t->hit_ns, call->asked - call->start);
    leati_call_count(call, true);
    return 200;
}

bool leati_call_recall(leati_call *call)
{
    if (look_up(call, NULL)) return count_recalled(call) != 0;
    if (call->peeks) (void)leati_call_split(call);
    return false;
}

void leati_call_keep(leati_call *call)
{
    if (!may_recall(call)) return;
    leati_cache_key key = key_of(call);
    leati_response_cache *cache = call->served->cache;
    leati_response_cache_hash(cache, &key);
    const leati_answers *a = &call->answers;
    leati_kept_rows rows = {a->rows, a->classes, a->value, a->proba};
    bool kept = leati_response_cache_keep(cache, &key, call->exchange, call->fields, &rows);
    leati_exchange_header(call->exchange, "Cache-Status",
                          kept ? "leat; fwd=miss; stored" : "leat; fwd=miss");
}

/* Rows of traffic are not left out by accident: the mark has one value, and stands for one row
 * (fits_mark). */
static bool read_mark(leati_call *call)
{
    if (!call->exchange) return true;
    leati_http_text mark = leati_exchange_header_in(call->exchange, "leat-example");
    if (!mark.data) return true;
    call->example = mark.length == 4 && memcmp(mark.data, "true", 4) == 0;
    return call->example ||
           leati_fault_set(&call->fault, 400, "invalid_header",
                           "the header Leat-Example is 'true', or left out for a row that is to be "
                           "counted in drift, not '%.*s'",
                           LEATI_CLIP(mark.data, mark.length));
}

static bool fits_mark(leati_call *call, size_t rows)
{
    return !call->example || rows == 1 ||
           leati_fault_set(&call->fault, 422, "no_example",
                           "a request with the header Leat-Example, which is not counted in drift, "
                           "has one row, not %zu",
                           rows);
}

leati_ask *leati_call_begin(leati_call *call, leati_served *served, bool probabilities)
{
    bool begins = !call->start;
    call->served = served;
    if (begins) call->start = leati_serve_now();
    if (served->graph) {
        leati_fault_set(&call->fault, 400, "takes_tensors",
                        "the model '%.*s' is an imported graph, which takes tensors: POST "
                        "/v2/models/%.*s/infer",
                        LEATI_CLIP(served->name, strlen(served->name)),
                        LEATI_CLIP(served->name, strlen(served->name)));
        return NULL;
    }
    if (!read_mark(call)) return NULL;
    leati_ask *a = &served->ask[call->slot];
    call->ask = a;
    call->probabilities = probabilities;
    if (!call->join) {
        leati_ask_begin(a, probabilities, &call->fault);
        a->call = call;
        bool found = begins && look_up(call, a->watched ? a : NULL);
        if (found && a->known) return a; /* its rows are read for those who watch */
        if (found) (void)count_recalled(call);
        else if (call->peeks) (void)leati_call_split(call);
        return found || call->peeks ? NULL : a;
    }
    /* Where others fill the session there is no reading of rows that are known. */
    if (begins && !a->watched && look_up(call, NULL)) {
        (void)count_recalled(call);
        return NULL;
    }
    if (!leati_join_begin(call->join, served, a)) {
        (void)leati_call_split(call);
        return NULL;
    }
    a->fault = &call->fault;
    call->first = a->filled;
    if (probabilities) leati_call_want(call);
    return a;
}

void leati_call_want(leati_call *call)
{
    call->probabilities = true;
    call->ask->wants_proba = call->ask->classes > 0;
}

int leati_call_split(leati_call *call)
{
    leati_fault_set(&call->fault, LEATI_SPLIT, "split", "a run of its own");
    return 0;
}

int leati_call_refuse(leati_call *call)
{
    if (call->recalled) return count_recalled(call);
    if (call->fault.http != LEATI_SPLIT && call->served) leati_call_count(call, false);
    return 0;
}

int leati_call_run(leati_call *call, leati_write_fn write, const void *state, size_t size)
{
    leati_ask *a = call->ask;
    size_t rows = call->join ? a->filled - call->first : a->rows + a->filled;
    if (!fits_mark(call, rows)) return leati_call_refuse(call);
    if (!call->recalled && !leati_guard_take(call, rows, true)) return leati_call_refuse(call);
    call->write = write;
    if (size) memcpy(call->state, state, size);
    if (call->join) {
        call->rows = rows;
        return LEATI_JOINED;
    }
    bool ok = leati_ask_end(a);
    if (call->recalled) return count_recalled(call);
    call->rows = a->rows;
    return leati_call_write(call, ok);
}

int leati_call_write(leati_call *call, bool ok)
{
    call->asked = leati_serve_now();
    if (ok) {
        call->answers = leati_ask_answers(call->ask, call->first, call->rows, call->probabilities);
        ok = call->write(call, call->state);
        if (ok) leati_call_keep(call);
    }
    leati_call_count(call, ok);
    return ok ? 200 : 0;
}

void leati_call_finish(leati_call *call, int status)
{
    if (status == LEATI_LATER) return;
    if (status == LEATI_LONG && !call->waited) {
        leati_exchange_rewind(call->exchange, call->fields); /* an answer that was kept */
        leati_serve_hand(call);
        return;
    }
    if (status > 0) {
        leati_exchange_finish(call->exchange, status);
        return;
    }
    if (!call->fault.http) leati_fault_set(&call->fault, 500, "internal", "a fault of the server");
    leati_exchange_rewind(call->exchange, call->fields);
    leati_guard_say_left(call); /* rows that are not answered were given back */
    leati_rollouts_sign(call);
    if (call->fault.http == 503) leati_exchange_header(call->exchange, "Retry-After", "1");
    if (call->fault.http == 429) leati_guard_say_when(call);
    leati_reply_fault(call->exchange, call->fault.code, call->fault.message);
    leati_exchange_finish(call->exchange, call->fault.http);
}
