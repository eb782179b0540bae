/* Owns: what is told by request of what the watch knows: metrics, drift. Not: labels (feedback.c),
 * nor the text of metrics (metrics.c). */
#include <string.h>

#include "serve/media.h"
#include "serve/metrics.h"
#include "serve/route.h"

enum { WINDOWS = 24, WINDOWS_MOST = 1000 };

/* ---- metrics ----------------------------------------------------------------------------------
 */

int leati_route_metrics(leati_call *call)
{
    leati_str text;
    leati_metrics_source source;
    if (!call->waited) return LEATI_LONG;
    leati_http_text accept = leati_exchange_header_in(call->exchange, "accept");
    bool open = leati_metrics_wants_open(accept.data, accept.length);
    leati_str_init(&text, call->desk->context);
    leati_serve_source(call->serve, &source);
    if (!leati_serve_shows(call, NULL)) source.asked_by = call;
    leati_metrics_write(&source, open, &text);
    bool good = leati_str_status(&text) == LEAT_OK;
    if (good) {
        leati_exchange_header(call->exchange, "Content-Type",
                              open ? leati_metrics_open_type : leati_metrics_type);
        leati_exchange_write(call->exchange, leati_str_text(&text), text.length);
    } else {
        leati_fault_from(&call->fault, call->desk->context);
    }
    leati_str_fini(&text);
    return good ? 200 : 0;
}

/* ---- drift ------------------------------------------------------------------------------------
 */

/* The version whose drift is watched; NULL: the fault says why there is none. */
static const leati_watched *watched_of(leati_call *call)
{
    const leati_served *s = leati_call_served(call);
    if (!s) return NULL;
    if (s->watched && s->watched->live) return s->watched;
    leati_fault_set(
        &call->fault, 404, "not_watched", "drift of the model '%s' is not watched: %s", s->name,
        s->watched && !s->watched->watch->options.drift ? "the server was started with --drift no"
        : s->graph ? "it is an imported graph, and an ONNX file does not say what its "
                     "data looked like in training; import it with --reference"
                   : "its file does not say what its data looked like in training");
    return NULL;
}

/* ?windows=N */
static bool read_windows(leati_call *call, size_t *out)
{
    leati_http_text query = call->request->query;
    leati_pair pair;
    *out = WINDOWS;
    while (leati_query_next(&query, &pair, &call->fault)) {
        size_t value = 0, i = 0;
        bool known = pair.name_length == 7 && memcmp(pair.name, "windows", 7) == 0;
        for (; i < pair.value_length && i < 6; i++) {
            unsigned digit = (unsigned)(pair.value[i] - '0');
            if (digit > 9) break;
            value = value * 10 + digit;
        }
        if (!known || i == 0 || i < pair.value_length || value > WINDOWS_MOST)
            return leati_fault_set(&call->fault, 422, "invalid_query",
                                   "expected windows=N, from 0 to %d", WINDOWS_MOST);
        *out = value;
    }
    return !call->fault.http;
}

static void write_open_window(leat_json *j, const leati_watched *d)
{
    leati_live_open open = leati_live_look(d->live);
    const leati_watch_options *o = &d->watch->options;
    leat_json_begin_object(j, "open_window");
    leat_json_int(j, "rows", (int64_t)open.rows);
    leat_json_number(j, "since", open.since);
    leat_json_number(j, "seconds", o->window_seconds > 0 ? o->window_seconds : 3600);
    leat_json_int(j, "one_row_in", d->every);
    leat_json_int(j, "least_rows", (int64_t)(o->window_rows ? o->window_rows : 1000));
    leat_json_end_object(j);
}

int leati_route_drift(leati_call *call)
{
    size_t windows;
    const leati_watched *d = watched_of(call);
    if (!d || !read_windows(call, &windows)) return 0;
    if (!call->waited) return LEATI_LONG;
    leat_json *j = leat_json_create(call->desk->context, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "model", d->served->name);
    leat_json_int(j, "version", d->served->version);
    write_open_window(j, d);
    leati_live_json(d->live, j, "monitor", windows);
    leat_json_string(j, "request_id", call->request->id);
    leat_json_end_object(j);
    const char *text = leat_json_text(j);
    if (text) {
        leati_exchange_header(call->exchange, "Content-Type", "application/json");
        leati_exchange_write(call->exchange, text, strlen(text));
        leati_exchange_write(call->exchange, "\n", 1);
    } else {
        leati_fault_from(&call->fault, call->desk->context);
    }
    leat_json_destroy(j);
    return text ? 200 : 0;
}

int leati_route_drift_page(leati_call *call)
{
    leati_str page;
    const leati_watched *d = watched_of(call);
    if (!d) return 0;
    if (!call->waited) return LEATI_LONG;
    leati_str_init(&page, call->desk->context);
    bool good = leati_live_page(call->desk->context, d->live, &page) == LEAT_OK &&
                leati_str_status(&page) == LEAT_OK;
    if (good) {
        leati_exchange_header(call->exchange, "Content-Type", "text/html; charset=utf-8");
        leati_exchange_header(call->exchange, "Content-Security-Policy",
                              "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        leati_exchange_header(call->exchange, "X-Content-Type-Options", "nosniff");
        leati_exchange_header(call->exchange, "Referrer-Policy", "no-referrer");
        leati_exchange_write(call->exchange, leati_str_text(&page), page.length);
    } else {
        leati_fault_from(&call->fault, call->desk->context);
    }
    leati_str_fini(&page);
    return good ? 200 : 0;
}
