/* Owns: asking for keys, refusals, the fields that say what is left. Not: keys themselves. */
#include "serve/guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "model/registry.h"

bool leati_guard_asks(const char *keys, bool local, const char **where)
{
    const char *said = keys ? keys : local ? "no" : "yes";
    *where = strcmp(said, "yes") == 0 ? NULL : said;
    return strcmp(said, "no") != 0;
}

leat_status leati_guard_open(leat_context *c, leati_guard *guard, const char *keys, bool local)
{
    const char *where;
    *guard = (leati_guard){NULL};
    return leati_guard_asks(keys, local, &where) ? leati_keys_open(c, &guard->keys, where)
                                                 : LEAT_OK;
}

void leati_guard_close(leati_guard *guard)
{
    leati_keys_close(guard->keys);
    guard->keys = NULL;
}

static unsigned scope_of(leati_scope scope)
{
    switch (scope) {
    case LEATI_ANY: return LEAT_KEY_INFER | LEAT_KEY_MONITOR | LEAT_KEY_MANAGE;
    case LEATI_MONITOR: return LEAT_KEY_MONITOR;
    case LEATI_MANAGE: return LEAT_KEY_MANAGE;
    default: return LEAT_KEY_INFER;
    }
}

/* An Authorization of another scheme is for somebody else, a proxy on the way say. */
static leati_http_text secret_of(const leati_call *call)
{
    leati_http_text text = leati_exchange_header_in(call->exchange, "authorization"),
                    key = leati_exchange_header_in(call->exchange, "x-api-key");
    bool bearer = text.length > 7 && strncasecmp(text.data, "bearer ", 7) == 0;
    return bearer || !key.data ? text : key;
}

/* Paths that name no model but take rows are about the only one. */
static void judge(leati_guard *guard, leati_call *call, leati_key_verdict *v)
{
    uint32_t worker = call->request->worker;
    leati_http_text secret = secret_of(call), model = call->model_name;
    leati_repository *repository = leati_serve_repository(call->serve);
    bool only = !model.data && call->route->body == LEATI_BODY_ROWS;
    const leati_shelf *shelf = only ? leati_repository_pin(repository, worker) : NULL;
    if (only && shelf->count) {
        model.data = shelf->served[0]->name;
        model.length = strlen(model.data);
    }
    leati_keys_check(guard->keys, worker, secret.data, secret.length, model.data, model.length,
                     scope_of(call->route->scope), 0, v);
    if (only) leati_repository_unpin(repository, worker);
}

static void say_limits(leati_call *call, const leati_key_verdict *v)
{
    char policy[LEATI_KEY_FIELD], limit[LEATI_KEY_FIELD];
    if (!v->rate.most && !v->day.most) return;
    leati_key_fields(v, policy, limit);
    leati_exchange_header(call->exchange, "RateLimit-Policy", policy);
    leati_exchange_header(call->exchange, "RateLimit", limit);
}

bool leati_guard_admit(leati_guard *guard, leati_call *call)
{
    leati_key_verdict v;
    char seconds[16];
    if (!guard->keys || call->route->scope == LEATI_OPEN) return true;
    judge(guard, call, &v);
    say_limits(call, &v);
    leati_exchange_set_user(call->exchange, v.key); /* refused or not, the access log names it */
    if (v.status == 200) return true;
    if (v.status == 401) leati_exchange_header(call->exchange, "WWW-Authenticate", "Bearer");
    if (v.status == 429) {
        snprintf(seconds, sizeof seconds, "%u", v.retry_seconds);
        leati_exchange_header(call->exchange, "Retry-After", seconds);
    }
    leati_reply_fault(call->exchange, v.code, v.message);
    leati_exchange_finish(call->exchange, v.status);
    return false;
}

bool leati_guard_shows(const leati_guard *guard, const leati_call *call, const char *model)
{
    if (!guard->keys) return true;
    const leati_key_state *key = leati_exchange_user(call->exchange);
    if (!key) { /* of a path that asks for none */
        leati_http_text secret = secret_of(call);
        key = leati_keys_look(guard->keys, call->slot, secret.data, secret.length);
    }
    return leati_keys_allow(guard->keys, call->slot, key, model);
}

void leati_guard_say_left(leati_call *call)
{
    leati_key_state *key = call->exchange ? leati_exchange_user(call->exchange) : NULL;
    char limit[LEATI_KEY_FIELD];
    if (!key || !leati_key_quota(key)) return;
    leati_http_text was = leati_exchange_header_out(call->exchange, "RateLimit");
    if (!was.data) return;
    leati_key_limit_again(was.data, was.length, leati_key_left(key), limit);
    leati_exchange_header_again(call->exchange, "RateLimit", limit);
    call->fields = call->fields + strlen(limit) - was.length;
}

bool leati_guard_take(leati_call *call, size_t rows, bool says)
{
    leati_key_state *key = call->exchange ? leati_exchange_user(call->exchange) : NULL;
    uint64_t stake, left;
    if (!key) return true;
    stake = leati_exchange_stake(call->exchange);
    if (leati_keys_take(key, rows, &stake, &left)) {
        leati_exchange_set_stake(call->exchange, stake);
        leati_guard_say_left(call);
        return true;
    }
    if (says)
        leati_fault_set(&call->fault, 429, "quota_used_up",
                        "the request has %zu rows; left of the %llu that its key may ask for in a "
                        "day: %llu",
                        rows, (unsigned long long)leati_key_quota(key), (unsigned long long)left);
    return false;
}

void leati_guard_count(leati_call *call, uint64_t rows, uint64_t ns, bool ok)
{
    leati_key_state *key = leati_exchange_user(call->exchange);
    uint64_t stake = leati_exchange_stake(call->exchange);
    leati_exchange_set_stake(call->exchange, 0);
    leati_keys_count(key, stake, rows, call->request->body_length, ns, !ok);
}

void leati_guard_done(leati_http_exchange *exchange)
{
    uint64_t stake = leati_exchange_stake(exchange);
    if (stake) leati_keys_give_back(leati_exchange_user(exchange), stake);
    leati_exchange_set_stake(exchange, 0);
}

void leati_guard_say_when(leati_call *call)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", leati_key_seconds_left(leati_seconds_now()));
    leati_exchange_header(call->exchange, "Retry-After", seconds);
}
