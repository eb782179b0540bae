#include "support/http_app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- routes ------------------------------------------------------------------------------- */

static bool is(const leati_http_request *r, const char *path)
{
    return strcmp(r->path, path) == 0;
}

static size_t admit(void *user, leati_http_exchange *ex, bool *finished)
{
    http_app *app = user;
    const leati_http_request *r = leati_exchange_request(ex);
    atomic_fetch_add(&app->admitted, 1);
    leati_exchange_set_user(ex, app);
    if (app->budget) leati_exchange_draw(ex, app->budget);
    if (is(r, "/small")) return 16;
    if (is(r, "/big")) return (size_t)64 << 20;
    if (!is(r, "/early")) return 1 << 20;
    leati_exchange_header(ex, "WWW-Authenticate", "Bearer");
    leati_exchange_write(ex, "early\n", 6);
    leati_exchange_finish(ex, 401);
    *finished = true;
    return 0;
}

/* Looks at half a megabyte of a long body, which only grows. */
static bool arriving(void *user, leati_http_exchange *ex)
{
    http_app *app = user;
    const leati_http_request *r = leati_exchange_request(ex);
    size_t *seen = leati_exchange_kept(ex);
    if (seen) {
        if (*seen >= r->body_length) abort();
    } else if (!(seen = leati_exchange_keep(ex, sizeof *seen))) return false;
    *seen = r->body_length;
    if (!r->body || *seen >= leati_exchange_coming(ex)) abort();
    atomic_fetch_add(&app->arrived, 1);
    return *seen < 500000;
}

static void add(leati_http_exchange *ex, const char *text)
{
    leati_exchange_write(ex, text, strlen(text));
}

static void show(leati_http_exchange *ex, const leati_http_request *r)
{
    char text[64];
    snprintf(text, sizeof text, "method=%d;path=", (int)r->method);
    add(ex, text);
    leati_exchange_write(ex, r->path, r->path_length);
    add(ex, ";query=");
    leati_exchange_write(ex, r->query.data, r->query.length);
    add(ex, ";");
    for (size_t i = 0; i < r->header_count; i++) {
        leati_exchange_write(ex, r->headers[i].name.data, r->headers[i].name.length);
        add(ex, "=");
        leati_exchange_write(ex, r->headers[i].value.data, r->headers[i].value.length);
        add(ex, ";");
    }
}

static void text(const http_app *app, leati_http_exchange *ex, const leati_http_request *r)
{
    size_t length = 0;
    for (size_t i = 0; i < r->query.length && i < 8; i++)
        length = length * 10 + (size_t)(r->query.data[i] - '0') % 10;
    if (length > app->text_most) length = app->text_most;
    char *to = leati_exchange_room(ex, length);
    if (!to) return;
    /* i * i / 7 % 5 comes again after 35: a loop over all is seconds under ThreadSanitizer. */
    for (size_t i = 0; i < length && i < 35; i++) to[i] = (char)('a' + i * i / 7 % 5);
    for (size_t done = 35, more; done < length; done += more) {
        more = length - done < done ? length - done : done;
        memcpy(to + done, to, more);
    }
    leati_exchange_wrote(ex, length);
    leati_exchange_header(ex, "Content-Type", "text/plain");
}

void http_app_finish_later(leati_http_exchange *ex)
{
    leati_exchange_write(ex, "later\n", 6);
    leati_exchange_finish(ex, 200);
}

/* As leati_http_request says of `body`. */
static bool is_aligned(leati_http_exchange *ex, const leati_http_request *r)
{
    leati_http_text coding = leati_exchange_header_in(ex, "content-encoding");
    bool whole = leati_exchange_header_in(ex, "content-length").data &&
                 leati_http_coding_of(coding) == LEATI_HTTP_IDENTITY;
    return ((uintptr_t)r->body + (whole ? r->body_length : 0)) % 64 == 0;
}

static void handle(void *user, leati_http_exchange *ex)
{
    http_app *app = user;
    const leati_http_request *r = leati_exchange_request(ex);
    atomic_fetch_add(&app->handled, 1);
    if (r->body_length && !is_aligned(ex, r)) abort();
    if (leati_exchange_user(ex) != app || r->path[r->path_length] != '\0') abort();
    const size_t *seen = leati_exchange_kept(ex);
    if (seen && *seen >= r->body_length) abort();
    int status = 200;
    if (is(r, "/later")) {
        app->later(app, ex);
        return;
    }
    if (is(r, "/")) {
        add(ex, "hello\n");
    } else if (is(r, "/echo") || is(r, "/small") || is(r, "/big")) {
        add(ex, "<");
        if (r->body_length) leati_exchange_write(ex, r->body, r->body_length);
        add(ex, ">");
    } else if (strncmp(r->path, "/show", 5) == 0) {
        show(ex, r);
    } else if (is(r, "/text")) {
        text(app, ex, r);
    } else {
        status = 404;
        add(ex, "not here\n");
    }
    leati_exchange_finish(ex, status);
}

static void fault(void *user, leati_http_exchange *ex, int status, const char *code,
                  const char *message)
{
    http_app *app = user;
    (void)status;
    atomic_fetch_add(&app->faults, 1);
    add(ex, code);
    add(ex, ": ");
    add(ex, message);
    add(ex, "\n");
}

static void done(void *user, leati_http_exchange *ex, int status, size_t bytes, uint64_t ns,
                 bool sent)
{
    http_app *app = user;
    (void)bytes;
    (void)ns;
    if (app->log) {
        size_t used = strlen(app->log);
        snprintf(app->log + used, app->log_room - used, "%d ", status);
    }
    void *mine = leati_exchange_user(ex);
    if (mine && mine != app) abort();
    if (!*leati_exchange_request(ex)->peer) abort();
    if (mine) atomic_fetch_add(&app->done, 1);
    if (!sent) atomic_fetch_add(&app->lost, 1);
}

void http_app_init(http_app *app)
{
    memset(app, 0, sizeof *app);
    app->routes = (leati_http_routes){.user = app,
                                      .admit = admit,
                                      .arriving = arriving,
                                      .handle = handle,
                                      .fault = fault,
                                      .done = done};
    app->text_most = 10000000;
    atomic_init(&app->admitted, 0);
    atomic_init(&app->arrived, 0);
    atomic_init(&app->handled, 0);
    atomic_init(&app->faults, 0);
    atomic_init(&app->done, 0);
    atomic_init(&app->lost, 0);
}

/* --- answers ------------------------------------------------------------------------------ */

/* The end of the head that begins at `at`, or NULL. */
static const char *head_end(const char *at, const char *end)
{
    for (; end - at >= 4; at++)
        if (memcmp(at, "\r\n\r\n", 4) == 0) return at + 4;
    return NULL;
}

static size_t content_length(const char *at, const char *end)
{
    static const char name[] = "\r\nContent-Length: ";
    size_t length = 0;
    for (; end - at > (long)sizeof name; at++)
        if (memcmp(at, name, sizeof name - 1) == 0) {
            for (at += sizeof name - 1; *at >= '0' && *at <= '9'; at++)
                length = length * 10 + (size_t)(*at - '0');
            return length;
        }
    return 0;
}

size_t http_replies(const char *data, size_t length, bool head, char *statuses, size_t room)
{
    const char *at = data, *end = data + length;
    size_t used = 0;
    statuses[0] = '\0';
    while (at < end) {
        const char *body = head_end(at, end);
        if (!body || memcmp(at, "HTTP/1.1 ", 9) != 0) break;
        int status = atoi(at + 9);
        size_t size = head || status < 200 || status == 204 ? 0 : content_length(at, body);
        if ((size_t)(end - body) < size) break;
        head = false;
        int n = snprintf(statuses + used, room - used, "%s%d", used ? " " : "", status);
        if (n < 0 || (size_t)n >= room - used) break;
        used += (size_t)n;
        at = body + size;
    }
    return (size_t)(at - data);
}

/* --- the machine without a socket --------------------------------------------------------- */

static leati_http_sending wire_send(leati_http_conn *conn, const struct iovec *pieces, size_t count)
{
    http_wire *w = (http_wire *)conn;
    w->sends++;
    if (w->closed || conn->writing || count == 0) abort();
    if (w->lose && w->sends == w->lose) return LEATI_HTTP_LOST;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].iov_len == 0) abort();
        if (!leati_http_buffer_add(w->core.context, &w->sent, pieces[i].iov_base,
                                   pieces[i].iov_len))
            return LEATI_HTTP_LOST;
    }
    return w->delay && w->sends % w->delay == 0 ? LEATI_HTTP_LATER : LEATI_HTTP_SENT;
}

static void wire_close(leati_http_conn *conn, bool linger)
{
    http_wire *w = (http_wire *)conn;
    if (w->closed) abort();
    w->closed = true;
    w->lingers = linger;
    leati_http_conn_end(conn);
}

static void keep(http_wire *w, leati_http_exchange *ex)
{
    ex->next = w->later;
    w->later = ex;
}

static void wire_post(leati_http_core *core, leati_http_exchange *ex)
{
    leati_http_core_finished(core, ex);
}

static void wire_later(http_app *app, leati_http_exchange *ex)
{
    keep(app->user, ex);
}

static const leati_http_transport transport = {wire_send, wire_close, wire_post};

bool http_wire_init(http_wire *w, leat_context *c, bool compress)
{
    memset(w, 0, sizeof *w);
    http_app_init(&w->app);
    w->app.later = wire_later;
    w->app.user = w;
    leati_http_encoders_init(&w->encoders, c);
    w->core.context = c;
    w->core.routes = &w->app.routes;
    w->core.transport = &transport;
    w->core.encoders = compress ? &w->encoders : NULL;
    w->core.thread = pthread_self();
    leati_http_core_init(&w->core);
    leati_http_conn_init(&w->conn, &w->core, false);
    strcpy(w->conn.peer, "test");
    return leati_framing_name() != NULL;
}

void http_wire_settle(http_wire *w)
{
    for (;;) {
        if (w->conn.writing && !w->closed) {
            leati_http_conn_sent(&w->conn);
        } else if (w->later) {
            leati_http_exchange *ex = w->later;
            w->later = ex->next;
            http_app_finish_later(ex);
        } else return;
    }
}

void http_wire_feed(http_wire *w, const char *data, size_t length, size_t cut)
{
    while (length && !w->closed) {
        size_t here = cut && cut < length ? cut : length, room;
        char *at;
        if (leati_http_conn_landing(&w->conn, &at, &room)) {
            if (here > room) here = room;
            memcpy(at, data, here);
            leati_http_conn_input(&w->conn, at, here);
        } else {
            char *exact = malloc(here); /* so that a sanitizer sees reads past the end */
            if (!exact) abort();
            memcpy(exact, data, here);
            leati_http_conn_input(&w->conn, exact, here);
            free(exact);
        }
        data += here;
        length -= here;
        if (leati_http_conn_full(&w->conn)) http_wire_settle(w);
    }
}

void http_wire_fini(http_wire *w)
{
    if (!w->closed) leati_http_conn_shut(&w->conn);
    http_wire_settle(w);
    if (w->core.live || atomic_load(&w->app.admitted) != atomic_load(&w->app.done)) abort();
    leati_http_core_fini(&w->core);
    leati_http_encoders_fini(&w->encoders);
    leati_http_buffer_free(&w->sent);
}
