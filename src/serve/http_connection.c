/* Owns: a connection's way from bytes to exchanges to replies: order, keep-alive, pipelining,
 * limits, faults. Not: sockets, time, TLS. */
#include "serve/http_core.h"

#include "serve/http_chars.h"

static const leati_http_fault long_head = {431, "long_head",
                                           "The head of the request is longer than 16 kB."};
static const leati_http_fault long_line = {414, "long_target",
                                           "The target of the request is longer than 8 kB."};
static const leati_http_fault bad_start = {400, "bad_request_line",
                                           "The request begins with what is no request line."};
static const leati_http_fault framing = {400, "bad_framing",
                                         "The length of the request can be read in two ways."};
static const leati_http_fault unknown_coding = {
    415, "unknown_encoding", "The body has a Content-Encoding that is not known here."};
static const leati_http_fault no_body = {413, "too_large",
                                         "This method takes no body on this path."};
static const leati_http_fault too_large = {413, "too_large",
                                           "The body is longer than this route takes."};
static const leati_http_fault no_memory = {503, "no_memory", "There is no memory for the request."};
static const leati_http_fault no_room = {
    503, "busy", "The server has as many long bodies at hand as it takes; try again in a moment."};
static const leati_http_fault long_answer = {
    413, "too_long_answer",
    "The answer would be longer than all that this server holds at once; ask for less."};
static const leati_http_fault timed_out = {408, "timeout", "The request did not come in time."};
static const leati_http_fault cut_off = {400, "cut_off",
                                         "The connection was closed in the middle of the request."};
static const leati_http_fault server_full = {503, "server_full",
                                             "The server has all the connections it can serve."};

void leati_http_conn_init(leati_http_conn *conn, leati_http_core *core, bool secure)
{
    *conn = (leati_http_conn){.core = core, .secure = secure};
    conn->unsent_end = &conn->unsent;
}

static void shut(leati_http_conn *conn, bool linger)
{
    if (conn->closed) return;
    conn->closed = true;
    conn->core->transport->close(conn, linger);
}

void leati_http_conn_shut(leati_http_conn *conn)
{
    shut(conn, false);
}

/* --- replies ------------------------------------------------------------------------------ */

static void write_fault(leati_http_exchange *ex, const leati_http_fault *f)
{
    const leati_http_routes *r = ex->core->routes;
    leati_exchange_restart(ex);
    r->fault(r->user, ex, f->status, f->code, f->message);
    if (f->status == 503) leati_exchange_header(ex, "Retry-After", "1");
    if (f->status == 415) leati_exchange_header(ex, "Accept-Encoding", leati_http_codings());
    if (ex->failed) leati_exchange_restart(ex);
    ex->coding = LEATI_HTTP_IDENTITY;
    ex->varies = false;
    ex->status = f->status;
}

/* In the place of a reply that could not be made. */
static void write_lack(leati_http_exchange *ex)
{
    leati_http_buffer_free(&ex->out);
    write_fault(ex, !ex->crowded                      ? &no_memory
                    : ex->crowded <= ex->budget->most ? &no_room
                                                      : &long_answer);
}

/* A finished exchange takes its place behind the replies before it. */
static void reply(leati_http_conn *conn, leati_http_exchange *ex)
{
    if (conn->current == ex) {
        conn->current = NULL;
        conn->body = false;
        conn->blank = 0;
    }
    if (ex->crowded) ex->crowded += ex->drawn; /* the body was there, too */
    leati_http_exchange_drop(ex);
    if (ex->failed) write_lack(ex);
    if (conn->core->draining) ex->keep = false;
    ex->next = NULL;
    *conn->unsent_end = ex;
    conn->unsent_end = &ex->next;
    conn->unsent_count++;
    if (!ex->keep) conn->closing = true;
    if (leati_http_exchange_compose(ex)) leati_http_exchange_settle(ex);
    else shut(conn, false);
}

static leati_http_exchange *begin(leati_http_conn *conn)
{
    leati_http_exchange *ex = leati_http_exchange_get(conn->core);
    if (!ex) return NULL;
    ex->conn = conn;
    memcpy(ex->peer, conn->peer, sizeof ex->peer);
    ex->request.peer = ex->peer;
    ex->request.secure = conn->secure;
    conn->current = ex;
    conn->requests++;
    return ex;
}

/* The client's where it is sound, else ours. A head that was not understood has brought none. */
static void make_id(leati_http_exchange *ex, bool understood)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    leati_http_text given = ex->head.request_id;
    if (understood && given.length > 0 && given.length <= LEATI_HTTP_ID_MOST &&
        leati_http_all(given.data, given.length, LEATI_HTTP_ID)) {
        memcpy(ex->id, given.data, given.length);
        ex->id[given.length] = '\0';
        return;
    }
    uint64_t high = ex->core->id_high, low = ex->core->id_low++;
    for (int i = 0; i < 8; i++, high >>= 5) ex->id[i] = digits[high & 31];
    ex->id[8] = '-';
    int length = 9;
    do {
        ex->id[length++] = digits[low & 31];
        low >>= 5;
    } while (low);
    ex->id[length] = '\0';
}

/* Answers and closes: behind a request that was not understood nothing can be. */
static void fault(leati_http_conn *conn, const leati_http_fault *f)
{
    leati_http_exchange *ex = conn->current ? conn->current : begin(conn);
    if (!ex) {
        shut(conn, false);
        return;
    }
    ex->keep = false;
    conn->linger = true;
    conn->interim = false;
    conn->discard = 0;
    if (!ex->id[0]) make_id(ex, false);
    write_fault(ex, f);
    reply(conn, ex);
}

static void release(leati_http_conn *conn, size_t count, bool sent)
{
    while (count--) {
        leati_http_exchange *ex = conn->unsent;
        conn->unsent = ex->next;
        if (!conn->unsent) conn->unsent_end = &conn->unsent;
        conn->unsent_count--;
        leati_http_exchange_put(ex, ex->wire.size + ex->out.size, sent);
    }
}

/* All replies at hand in one call. True where they are out and the connection goes on. */
static bool flush(leati_http_conn *conn)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec pieces[LEATI_HTTP_PIECES];
    size_t count = 0, exchanges = 0;
    for (leati_http_exchange *ex = conn->unsent; ex && exchanges < LEATI_HTTP_BATCH;
         ex = ex->next) {
        pieces[count++] = (struct iovec){ex->wire.data, ex->wire.size};
        if (ex->out.size) pieces[count++] = (struct iovec){ex->out.data, ex->out.size};
        exchanges++;
    }
    bool all = exchanges == conn->unsent_count;
    if (conn->interim && all) {
        pieces[count++] = (struct iovec){(void *)(uintptr_t)interim, sizeof interim - 1};
        conn->interim = false;
    }
    leati_http_sending sending = conn->core->transport->send(conn, pieces, count);
    if (sending == LEATI_HTTP_LATER) {
        conn->writing = true;
        conn->sending = exchanges;
        return false;
    }
    if (sending == LEATI_HTTP_LOST) {
        shut(conn, false);
        return false;
    }
    release(conn, exchanges, true);
    if (conn->closing && !conn->unsent) shut(conn, conn->linger);
    return !conn->closed;
}

/* --- requests ----------------------------------------------------------------------------- */

/* What there is of the body, to the routes. */
static void show(leati_http_exchange *ex)
{
    ex->request.body = ex->body.data ? ex->body.data + ex->lead : NULL;
    ex->request.body_length = ex->body.size - ex->lead;
}

static void handle(leati_http_conn *conn, leati_http_exchange *ex)
{
    leati_http_core *core = conn->core;
    show(ex);
    conn->handling = true;
    core->in_call = ex;
    /* A long request may have a long answer. */
    if (ex->request.body_length > LEATI_HTTP_KEEP)
        leati_http_spares_take(&core->spares, &ex->out, LEATI_HTTP_KEEP + 1);
    core->routes->handle(core->routes->user, ex);
    core->in_call = NULL;
    if (!ex->finished) return;
    conn->handling = false;
    reply(conn, ex);
}

/* The routes (or we) answered by the head alone; what is to be done about the body. */
static void answered_early(leati_http_conn *conn, leati_http_exchange *ex)
{
    const leati_http_head *h = &ex->head;
    bool body = h->chunked || h->content_length > 0;
    bool short_one = !h->chunked && h->content_length <= LEATI_HTTP_DISCARD_MOST;
    if (body && (!short_one || h->expect || !ex->keep)) {
        ex->keep = false;
        conn->linger = true;
    } else conn->discard = h->content_length;
    if (ex->finished) reply(conn, ex);
    else conn->handling = true;
}

/* Room for `length` bytes that end at a multiple of the alignment. */
static bool lay_out(leati_http_exchange *ex, size_t length)
{
    enum { ALIGNMENT = 64 };
    size_t lead = -length % ALIGNMENT;
    if (length > SIZE_MAX - ALIGNMENT) return false;
    if (length > LEATI_HTTP_KEEP)
        leati_http_spares_take(&ex->core->spares, &ex->body, lead + length);
    if (!leati_http_buffer_room(ex->core->context, &ex->body, lead + length)) return false;
    if (lead) memset(ex->body.data, 0, lead);
    ex->body.size = ex->lead = lead;
    return true;
}

static const leati_http_fault *begin_body(leati_http_conn *conn, leati_http_exchange *ex,
                                          size_t most, bool more_here)
{
    const leati_http_head *h = &ex->head;
    leati_http_coding coding = leati_http_coding_of(h->content_encoding);
    if (most == 0) return &no_body;
    if (h->content_length > most) return &too_large;
    ex->body_most = most;
    ex->body_left = h->content_length;
    ex->chunks = (leati_http_chunks){0};
    if (coding != LEATI_HTTP_IDENTITY) {
        leati_http_core *core = conn->core;
        ex->decoder = core->decoders[coding];
        core->decoders[coding] = NULL;
        if (!ex->decoder) ex->decoder = leati_http_decoder_create(core->context, coding);
        if (!ex->decoder) return &no_memory;
        leati_http_decoder_begin(ex->decoder);
    } else {
        size_t length = (size_t)ex->body_left;
        if (!leati_http_exchange_reserve(ex, length)) return &no_room;
        if (!lay_out(ex, length)) return &no_memory;
        if (conn->core->routes->arriving && length > LEATI_HTTP_KEEP)
            ex->show_at = LEATI_HTTP_SHOW_EACH;
    }
    conn->interim = h->expect && h->minor && !more_here;
    conn->body = true;
    return NULL;
}

/* What both readers of the head must agree upon. */
static bool readers_agree(leati_http_exchange *ex)
{
    const leati_http_head *h = &ex->head;
    leati_framing_facts facts;
    return leati_framing_head(&ex->framing, ex->raw.data, ex->raw.size, &facts) &&
           facts.chunked == h->chunked && facts.length == h->content_length &&
           facts.complete == (!h->chunked && h->content_length == 0);
}

static const leati_http_fault *understand(leati_http_exchange *ex)
{
    leati_http_head *h = &ex->head;
    leati_http_request *r = &ex->request;
    const leati_http_fault *f = leati_http_head_parse(h, ex->raw.data, ex->raw.size);
    if (f) return f;
    if (!readers_agree(ex)) return &framing;
    size_t length = h->path.length;
    char *path = ex->raw.data + (h->path.data - ex->raw.data);
    if (!h->asterisk) f = leati_http_path_decode(path, &length);
    if (f) return f;
    path[length] = '\0'; /* over the '?' or the blank behind it */
    r->method = h->method;
    r->path = path;
    r->path_length = length;
    r->query = h->query;
    r->headers = h->headers;
    r->header_count = h->header_count;
    ex->keep = h->minor ? !h->close : h->keep_alive && !h->close;
    make_id(ex, true);
    if (leati_http_coding_of(h->content_encoding) == LEATI_HTTP_UNKNOWN) return &unknown_coding;
    return NULL;
}

static void head_complete(leati_http_conn *conn, leati_http_exchange *ex, bool more_here)
{
    leati_http_core *core = conn->core;
    const leati_http_routes *r = core->routes;
    const leati_http_fault *f = understand(ex);
    if (f) {
        fault(conn, f);
        return;
    }
    bool finished = false;
    size_t most = 0;
    if (ex->head.asterisk) {
        leati_exchange_header(ex, "Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        ex->status = 204;
        ex->finished = finished = true;
    } else {
        ex->admitted = true;
        core->in_call = ex;
        most = r->admit(r->user, ex, &finished);
        core->in_call = NULL;
    }
    if (finished || ex->finished) {
        answered_early(conn, ex);
    } else if (!ex->head.chunked && ex->head.content_length == 0) {
        handle(conn, ex);
    } else {
        f = begin_body(conn, ex, most, more_here);
        if (f) fault(conn, f);
    }
}

/* Puts a piece of the head behind the others; faults come in the order of the bytes that are at
 * fault, however they were cut. */
static const leati_http_fault *add_head(leati_http_conn *conn, leati_http_exchange *ex,
                                        const char *data, size_t used, bool complete)
{
    size_t room = LEATI_HTTP_HEAD_MOST - ex->raw.size;
    const leati_http_find *find = &ex->find;
    if (!leati_http_buffer_add(conn->core->context, &ex->raw, data, used < room ? used : room))
        return &no_memory;
    if (find->lines == 0) return used > room ? &long_line : NULL;
    if (find->first >= LEATI_HTTP_HEAD_MOST) return &long_line;
    if (!ex->line_read && !(complete && used <= room)) {
        const leati_http_fault *f = leati_http_head_line(ex->raw.data, find->first - 1);
        ex->line_read = true;
        if (f) return f;
    }
    return used > room ? &long_head : NULL;
}

static size_t read_head(leati_http_conn *conn, leati_http_exchange *ex, const char *data,
                        size_t length)
{
    size_t used;
    bool complete;
    const leati_http_fault *bad = leati_http_head_find(&ex->find, data, length, &used, &complete);
    const leati_http_fault *f = add_head(conn, ex, data, used, complete);
    if (f || bad) {
        fault(conn, f ? f : bad);
        return length;
    }
    if (complete) head_complete(conn, ex, used < length);
    return used;
}

/* A piece of the body as the parser found it. */
static bool take(void *user, const char *data, size_t length)
{
    leati_http_exchange *ex = user;
    leati_http_buffer *b = &ex->body;
    if (ex->decoder)
        ex->fault =
            leati_http_decoder_feed(ex->decoder, ex->core->context, b, data, length, ex->body_most);
    else if (length > ex->body_most - (b->size - ex->lead)) ex->fault = &too_large;
    if (ex->fault) return false;
    if (!leati_http_exchange_reserve(ex, b->size - ex->lead + (ex->decoder ? 0 : length)))
        ex->fault = &no_room;
    else if (ex->decoder) return true;
    else if (b->data && data == b->data + b->size) b->size += length; /* landed there */
    else if (!leati_http_buffer_add(ex->core->context, b, data, length)) ex->fault = &no_memory;
    return !ex->fault;
}

static void show_body(leati_http_conn *conn, leati_http_exchange *ex)
{
    const leati_http_routes *r = conn->core->routes;
    if (ex->body.size < ex->show_at) return;
    show(ex);
    bool more = r->arriving(r->user, ex);
    ex->show_at = more ? ex->body.size + LEATI_HTTP_SHOW_EACH : SIZE_MAX;
    ex->request.body = NULL;
    ex->request.body_length = 0;
}

static size_t read_body(leati_http_conn *conn, leati_http_exchange *ex, const char *data,
                        size_t length)
{
    size_t used;
    bool complete;
    const leati_http_fault *f = NULL;
    if (ex->head.chunked) {
        f = leati_http_chunks_read(&ex->chunks, data, length, &used, &complete);
    } else {
        used = length < ex->body_left ? length : (size_t)ex->body_left;
        ex->body_left -= used;
        complete = ex->body_left == 0;
    }
    if (used && !leati_framing_body(&ex->framing, data, used, take, ex))
        f = ex->fault ? ex->fault : f ? f : &framing;
    if (!f && ex->framing.complete != complete) f = &framing;
    if (!f && complete && ex->decoder) f = leati_http_decoder_end(ex->decoder);
    if (f) {
        fault(conn, f);
        return length;
    }
    conn->came += used;
    if (complete) {
        conn->interim = false;
        handle(conn, ex);
    } else {
        show_body(conn, ex);
    }
    return used;
}

/* Takes at least one byte. */
static size_t consume(leati_http_conn *conn, const char *data, size_t length)
{
    if (conn->discard) {
        size_t used = length < conn->discard ? length : (size_t)conn->discard;
        conn->discard -= used;
        conn->came += used;
        return used;
    }
    leati_http_exchange *ex = conn->current;
    if (ex)
        return conn->body ? read_body(conn, ex, data, length) : read_head(conn, ex, data, length);
    /* One empty line may stand before a request (RFC 9112, section 2.2). */
    if (conn->blank == 1 || (conn->blank == 0 && *data == '\r')) {
        if (*data == (conn->blank ? '\n' : '\r')) conn->blank++;
        else fault(conn, &bad_start);
        return 1;
    }
    if (!leati_http_is(*data, LEATI_HTTP_TOKEN)) {
        fault(conn, &bad_start);
        return length;
    }
    ex = begin(conn);
    if (ex) return read_head(conn, ex, data, length);
    shut(conn, false);
    return length;
}

static bool ready(const leati_http_conn *conn)
{
    return !conn->closed && !conn->closing && !conn->handling && !conn->writing &&
           conn->unsent_count < LEATI_HTTP_BATCH;
}

/* Reads on as far as possible and sends what is at hand; returns the bytes taken. */
static size_t advance(leati_http_conn *conn, const char *data, size_t length)
{
    size_t used = 0;
    for (;;) {
        while (used < length && ready(conn)) used += consume(conn, data + used, length - used);
        if (conn->closed || conn->writing || (!conn->unsent && !conn->interim)) break;
        if (conn->closing && used < length) conn->linger = true;
        if (!flush(conn)) break;
    }
    return used;
}

/* The client has closed its side: what it asked is answered, then it ends. */
static void end_of_input(leati_http_conn *conn)
{
    if (conn->closed || conn->handling || conn->writing || conn->unsent) return;
    if (!conn->current) {
        shut(conn, false);
        return;
    }
    fault(conn, &cut_off);
    if (!conn->closed) flush(conn);
}

static void step(leati_http_conn *conn, const char *data, size_t length)
{
    leati_http_buffer *p = &conn->pending;
    if (conn->closed) return;
    if (p->size) {
        if (length && !leati_http_buffer_add(conn->core->context, p, data, length)) {
            shut(conn, false);
            return;
        }
        size_t used = advance(conn, p->data, p->size);
        if (!p->data) return; /* the connection ended and let go of it */
        if (used < p->size && used > 0) memmove(p->data, p->data + used, p->size - used);
        p->size -= used;
        if (p->size == 0) leati_http_buffer_free(p);
    } else {
        size_t used = advance(conn, data, length);
        if (used < length && !conn->closed && !conn->closing &&
            !leati_http_buffer_add(conn->core->context, p, data + used, length - used))
            shut(conn, false);
    }
    if (conn->eof && !p->size) end_of_input(conn);
}

void leati_http_conn_input(leati_http_conn *conn, const char *data, size_t length)
{
    if (length && !conn->closing) step(conn, data, length);
}

void leati_http_conn_eof(leati_http_conn *conn)
{
    conn->eof = true;
    step(conn, NULL, 0);
}

void leati_http_conn_sent(leati_http_conn *conn)
{
    if (conn->closed) return;
    conn->writing = false;
    release(conn, conn->sending, true);
    conn->sending = 0;
    if (conn->closing && !conn->unsent && !conn->handling) shut(conn, conn->linger);
    else step(conn, NULL, 0);
}

void leati_http_core_finished(leati_http_core *core, leati_http_exchange *ex)
{
    leati_http_conn *conn = ex->conn;
    (void)core;
    if (!conn) {
        leati_http_exchange_put(ex, 0, false);
        return;
    }
    conn->handling = false;
    reply(conn, ex);
    step(conn, NULL, 0);
}

void leati_http_conn_expired(leati_http_conn *conn)
{
    if (conn->closed) return;
    if (!conn->current || conn->writing || conn->handling) {
        shut(conn, false);
        return;
    }
    fault(conn, &timed_out);
    if (!conn->closed) flush(conn);
}

void leati_http_conn_turn_away(leati_http_conn *conn)
{
    fault(conn, &server_full);
    if (!conn->closed) flush(conn);
}

void leati_http_conn_end(leati_http_conn *conn)
{
    leati_http_exchange *ex = conn->current;
    conn->closed = true;
    conn->current = NULL;
    release(conn, conn->unsent_count, false);
    leati_http_buffer_free(&conn->pending);
    if (!ex) return;
    ex->conn = NULL;
    if (!conn->handling) leati_http_exchange_put(ex, 0, false);
}

size_t leati_http_conn_share(const leati_http_conn *conn, unsigned *refused)
{
    const leati_http_budget *budget = NULL;
    size_t share = 0;
    for (const leati_http_exchange *ex = conn->unsent; ex; ex = ex->next) {
        if (!budget && ex->held) budget = ex->budget;
        if (budget && ex->budget == budget) share += ex->held;
    }
    /* One whose body is all there may be with another thread, which draws more. */
    const leati_http_exchange *ex = conn->handling ? NULL : conn->current;
    if (!budget && ex && ex->drawn) budget = ex->budget;
    if (budget && ex && ex->budget == budget) share += ex->drawn;
    *refused = budget ? atomic_load_explicit(&budget->refused, memory_order_relaxed) : 0;
    return share;
}

leati_http_phase leati_http_conn_phase(const leati_http_conn *conn)
{
    if (conn->closed) return LEATI_HTTP_CLOSED;
    if (conn->writing) return LEATI_HTTP_WRITING;
    if (conn->handling) return LEATI_HTTP_HANDLING;
    if (conn->body || conn->discard) return LEATI_HTTP_BODY_IN;
    return conn->current || conn->blank ? LEATI_HTTP_HEAD_IN : LEATI_HTTP_IDLE;
}

bool leati_http_conn_full(const leati_http_conn *conn)
{
    return conn->pending.size > 0;
}

bool leati_http_conn_landing(leati_http_conn *conn, char **at, size_t *room)
{
    enum { WORTH_IT = 16 << 10 };
    leati_http_exchange *ex = conn->current;
    if (!ex || !conn->body || !ready(conn) || conn->pending.size || ex->head.chunked ||
        ex->decoder || ex->body_left < WORTH_IT)
        return false;
    *at = ex->body.data + ex->body.size;
    *room = (size_t)ex->body_left;
    /* Whoever looks at it on its way does so while it is in the caches. */
    if (ex->show_at != SIZE_MAX && *room > (size_t)LEATI_HTTP_LANDING) *room = LEATI_HTTP_LANDING;
    return true;
}
