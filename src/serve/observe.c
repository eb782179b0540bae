/* Owns: what a server's options say of watching, and the own listener of /metrics. Not: what is
 * watched (watch.h), nor what is told (metrics.h). */
#include "serve/observe.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "serve/reply.h"

enum { REMEMBER_MOST = 1 << 30 };

leat_status leati_observer_begin(leat_context *c, leati_observer *b, const leat_serve_options *o,
                                 uint32_t slots, uint32_t workers)
{
    const char *drift = o->drift ? o->drift : "yes";
    LEATI_CHECK(c, strcmp(drift, "yes") == 0 || strcmp(drift, "no") == 0, LEAT_INVALID,
                "drift is yes or no, not '%s'", drift);
    LEATI_CHECK(c, o->log_sample >= 0 && o->log_sample <= 1, LEAT_INVALID,
                "log_sample is a share from 0 to 1, not %g", o->log_sample);
    LEATI_CHECK(c, o->window_seconds >= 0 && o->window_seconds <= 1e9, LEAT_INVALID,
                "window_seconds is from 0 to 1e9, not %g", o->window_seconds);
    LEATI_CHECK(c, o->remember <= REMEMBER_MOST, LEAT_INVALID, "remember: at most %d, not %zu",
                REMEMBER_MOST, o->remember);
    const char *arrays = o->log_arrays ? o->log_arrays : "hash";
    LEATI_CHECK(
        c, strcmp(arrays, "hash") == 0 || strcmp(arrays, "bytes") == 0 || strcmp(arrays, "no") == 0,
        LEAT_INVALID, "log_arrays is hash, bytes or no, not '%s'", arrays);
    leati_watch_options w = {.slots = slots,
                             .workers = workers,
                             .access_log = o->access_log,
                             .prediction_log = o->prediction_log,
                             .sample = o->log_sample,
                             .redact = o->log_redact,
                             .redact_count = o->log_redact_count,
                             .arrays = *arrays == 'h'   ? LEATI_LOG_HASH
                                       : *arrays == 'b' ? LEATI_LOG_BYTES
                                                        : LEATI_LOG_NONE,
                             .drift = strcmp(drift, "yes") == 0,
                             .window_seconds = o->window_seconds,
                             .window_rows = o->window_rows,
                             .remember = o->remember,
                             .say = {o->say, o->say_user}};
    return leati_watch_create(c, &b->watch, &w);
}

static bool is_input(const leati_shelf *shelf, const char *name)
{
    for (size_t i = 0; i < shelf->count; i++)
        if (leati_map_get(&shelf->served[i]->names, name, strlen(name)) != LEATI_MAP_NONE)
            return true;
    return false;
}

/* A slip in a name would write to disk what was not to be. */
leat_status leati_observer_check(leat_context *c, const leat_serve_options *o,
                                 const leati_shelf *shelf)
{
    for (size_t i = 0; i < o->log_redact_count; i++)
        LEATI_CHECK(c, is_input(shelf, o->log_redact[i]), LEAT_INVALID,
                    "'%s', which is to be left out of the prediction log, is no input of any model",
                    o->log_redact[i]);
    return LEAT_OK;
}

/* ---- the own listener -------------------------------------------------------------------------
 */

static void refuse(leati_http_exchange *exchange, int status, const char *code, const char *message)
{
    leati_reply_fault(exchange, code, message);
    leati_exchange_finish(exchange, status);
}

static size_t admit(void *user, leati_http_exchange *exchange, bool *finished)
{
    const leati_http_request *q = leati_exchange_request(exchange);
    (void)user;
    bool here = strcmp(q->path, "/metrics") == 0 || strcmp(q->path, "/metrics/") == 0;
    bool reads = q->method == LEATI_HTTP_GET || q->method == LEATI_HTTP_HEAD;
    *finished = !here || !reads;
    if (!here) {
        refuse(exchange, 404, "no_such_path", "there is nothing but /metrics here");
    } else if (!reads) {
        leati_exchange_header(exchange, "Allow", "GET, HEAD");
        refuse(exchange, 405, "method_not_allowed", "/metrics is read by GET");
    }
    return 0;
}

static void handle(void *user, leati_http_exchange *exchange)
{
    leati_observer *b = user;
    leati_str text;
    leati_metrics_source source;
    leati_http_text accept = leati_exchange_header_in(exchange, "accept");
    bool open = leati_metrics_wants_open(accept.data, accept.length);
    leati_str_init(&text, b->context);
    b->look(b->user, &source);
    leati_metrics_write(&source, open, &text);
    if (leati_str_status(&text) == LEAT_OK) {
        leati_exchange_header(exchange, "Content-Type",
                              open ? leati_metrics_open_type : leati_metrics_type);
        leati_exchange_write(exchange, leati_str_text(&text), text.length);
        leati_exchange_finish(exchange, 200);
    } else {
        leat_error_clear(b->context);
        refuse(exchange, 503, "out_of_memory", "too little memory now");
    }
    leati_str_fini(&text);
}

static void fault(void *user, leati_http_exchange *exchange, int http_status, const char *code,
                  const char *message)
{
    (void)user;
    (void)http_status;
    leati_reply_fault(exchange, code, message);
}

leat_status leati_observer_listen(leat_context *c, leati_observer *b, const leat_serve_options *o,
                                  void (*look)(void *user, leati_metrics_source *out), void *user)
{
    const char *listen = o->metrics;
    if (!listen) return LEAT_OK;
    b->look = look;
    b->user = user;
    leati_http_options http = {.listen = listen, .workers = 1, .connections = 64, .compress = true};
    leati_http_routes routes = {.user = b, .admit = admit, .handle = handle, .fault = fault};
    LEATI_TRY(leati_context_branch(c, &b->context));
    LEATI_TRY(leati_http_server_start(c, &http, &routes, &b->listener));
    const char *colon = strrchr(listen, ':');
    if (strncmp(listen, "unix:", 5) == 0) snprintf(b->url, sizeof b->url, "%.140s", listen);
    else
        snprintf(b->url, sizeof b->url, "http://%.*s:%u", (int)(colon ? colon - listen : 0) % 128,
                 listen, (unsigned)leati_http_server_port(b->listener));
    return LEAT_OK;
}

void leati_observer_stop_listening(leati_observer *b)
{
    leati_http_server_destroy(b->listener);
    leat_context_destroy(b->context);
    b->listener = NULL;
    b->context = NULL;
}

void leati_observer_end(leati_observer *b)
{
    leati_watch_destroy(b->watch);
    b->watch = NULL;
}
