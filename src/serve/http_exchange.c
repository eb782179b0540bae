/* Owns: exchanges and what routes may do with them; the bytes of a reply. */
#include "serve/http_core.h"

#include <time.h>

#include "serve/http_chars.h"

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- encoders ----------------------------------------------------------------------------- */

void leati_http_encoders_init(leati_http_encoders *e, const leat_context *c)
{
    memset(e, 0, sizeof *e);
    e->context = c;
    pthread_mutex_init(&e->lock, NULL);
}

void leati_http_encoders_fini(leati_http_encoders *e)
{
    for (size_t i = 0; i < LEATI_HTTP_CODINGS; i++)
        while (e->of[i].count) leati_http_encoder_destroy(e->of[i].spare[--e->of[i].count]);
    pthread_mutex_destroy(&e->lock);
}

static leati_http_encoder *borrow(leati_http_encoders *e, leati_http_coding coding)
{
    leati_http_encoder *got = NULL;
    pthread_mutex_lock(&e->lock);
    if (e->of[coding].count) got = e->of[coding].spare[--e->of[coding].count];
    pthread_mutex_unlock(&e->lock);
    return got ? got : leati_http_encoder_create(e->context, coding);
}

static void give_back(leati_http_encoders *e, leati_http_coding coding, leati_http_encoder *encoder)
{
    pthread_mutex_lock(&e->lock);
    bool room = e->of[coding].count < sizeof e->of[coding].spare / sizeof *e->of[coding].spare;
    if (room) e->of[coding].spare[e->of[coding].count++] = encoder;
    pthread_mutex_unlock(&e->lock);
    if (!room) leati_http_encoder_destroy(encoder);
}

/* --- the core ----------------------------------------------------------------------------- */

void leati_http_core_init(leati_http_core *core)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t x = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    x = (x + core->worker) * 0x9e3779b97f4a7c15u;
    core->id_high = x ^ x >> 29;
    core->date_second = -1;
    leati_http_core_tick(core);
}

static void exchange_free(leati_http_exchange *ex)
{
    leati_http_buffer_free(&ex->raw);
    leati_http_buffer_free(&ex->body);
    leati_http_buffer_free(&ex->kept);
    leati_http_buffer_free(&ex->fields);
    leati_http_buffer_free(&ex->out);
    leati_http_buffer_free(&ex->packed);
    leati_http_buffer_free(&ex->wire);
    leati_http_decoder_destroy(ex->decoder);
    leati_free(ex);
}

void leati_http_core_fini(leati_http_core *core)
{
    while (core->spare) {
        leati_http_exchange *ex = core->spare;
        core->spare = ex->next;
        exchange_free(ex);
    }
    for (size_t i = 0; i < LEATI_HTTP_CODINGS; i++) leati_http_decoder_destroy(core->decoders[i]);
    leati_http_spares_fini(&core->spares);
    leati_http_spares_fini(&core->kept_spares);
}

static char *two(char *to, int number)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
    return to + 2;
}

static char *word(char *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length);
    return to + length;
}

/* IMF-fixdate (RFC 9110, section 5.6.7); strftime would speak the user's language. */
void leati_http_core_tick(leati_http_core *core)
{
    static const char days[][6] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
    static const char months[][6] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                     " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
    time_t now = time(NULL);
    struct tm tm;
    if ((int64_t)now == core->date_second || !gmtime_r(&now, &tm)) return;
    core->date_second = (int64_t)now;
    leati_http_spares_tick(&core->spares);
    leati_http_spares_tick(&core->kept_spares);
    char *to = word(core->date, days[tm.tm_wday % 7]);
    to = word(two(to, tm.tm_mday), months[tm.tm_mon % 12]);
    int year = (tm.tm_year + 1900) % 10000;
    to = two(two(to, year / 100), year % 100);
    *to++ = ' ';
    to = two(to, tm.tm_hour);
    *to++ = ':';
    to = two(to, tm.tm_min);
    *to++ = ':';
    to = word(two(to, tm.tm_sec), " GMT");
    *to = '\0';
}

/* --- the life of an exchange -------------------------------------------------------------- */

leati_http_exchange *leati_http_exchange_get(leati_http_core *core)
{
    leati_http_exchange *ex = core->spare;
    if (ex) {
        core->spare = ex->next;
        core->spare_count--;
    } else {
        ex = leati_alloc_quiet(core->context, sizeof *ex);
        if (!ex) return NULL;
        memset(ex, 0, sizeof *ex);
        ex->core = core;
    }
    core->live++;
    ex->next = NULL;
    ex->user = NULL;
    ex->note = 0;
    ex->carried = 0;
    ex->stake = 0;
    ex->waiting = 0;
    ex->budget = NULL;
    ex->drawn = ex->held = 0;
    ex->crowded = 0;
    ex->find = (leati_http_find){0};
    ex->admitted = ex->line_read = ex->keep = false;
    ex->show_at = SIZE_MAX;
    ex->finished = ex->failed = ex->has_type = ex->dense = ex->varies = false;
    ex->coding = LEATI_HTTP_IDENTITY;
    ex->fault = NULL;
    ex->status = 0;
    ex->id[0] = '\0';
    ex->head.accept_encoding = (leati_http_text){NULL, 0};
    ex->head.minor = true;
    ex->request = (leati_http_request){.path = "",
                                       .query = {"", 0},
                                       .id = ex->id,
                                       .worker = core->worker,
                                       .received_ns = now_ns()};
    return ex;
}

/* Of what is held for the reply, all but `keep` bytes. */
static void release(leati_http_exchange *ex, size_t keep)
{
    if (ex->held <= keep) return;
    atomic_fetch_sub(&ex->budget->used, ex->held - keep);
    ex->held = keep;
}

void leati_http_exchange_put(leati_http_exchange *ex, size_t reply_bytes, bool sent)
{
    leati_http_core *core = ex->core;
    const leati_http_routes *r = core->routes;
    if (r->done && (ex->admitted || ex->status))
        r->done(r->user, ex, ex->status, reply_bytes, now_ns() - ex->request.received_ns, sent);
    core->live--;
    leati_http_exchange_drop(ex);
    release(ex, 0);
    if (ex->decoder) {
        leati_http_coding coding = leati_http_decoder_coding(ex->decoder);
        if (core->decoders[coding]) leati_http_decoder_destroy(ex->decoder);
        else core->decoders[coding] = ex->decoder;
        ex->decoder = NULL;
    }
    leati_http_spares_give(&core->spares, &ex->out, LEATI_HTTP_KEEP);
    if (core->spare_count >= LEATI_HTTP_SPARE_MOST) {
        exchange_free(ex);
        return;
    }
    ex->out.size = 0;
    leati_http_buffer_reset(&ex->raw, LEATI_HTTP_KEEP);
    leati_http_buffer_reset(&ex->fields, LEATI_HTTP_KEEP);
    leati_http_buffer_reset(&ex->packed, LEATI_HTTP_KEEP);
    leati_http_buffer_reset(&ex->wire, LEATI_HTTP_KEEP);
    ex->conn = NULL;
    ex->next = core->spare;
    core->spare = ex;
    core->spare_count++;
}

static bool draw(leati_http_budget *b, size_t more)
{
    size_t used = atomic_load(&b->used);
    do
        if (used > b->most || more > b->most - used) {
            atomic_fetch_add(&b->refused, 1);
            return false;
        }
    while (!atomic_compare_exchange_weak(&b->used, &used, used + more));
    return true;
}

bool leati_exchange_reserve(leati_http_exchange *ex, size_t more)
{
    if (!ex->budget || !more) return true;
    if (!draw(ex->budget, more)) return false;
    ex->drawn += more;
    return true;
}

bool leati_exchange_affords(const leati_http_exchange *ex, size_t bytes)
{
    return !ex->budget || (ex->drawn <= ex->budget->most && bytes <= ex->budget->most - ex->drawn);
}

bool leati_http_exchange_reserve(leati_http_exchange *ex, size_t bytes)
{
    bool enough = bytes <= LEATI_HTTP_FREE || bytes <= ex->drawn;
    return enough || leati_exchange_reserve(ex, bytes - ex->drawn);
}

void leati_http_exchange_drop(leati_http_exchange *ex)
{
    leati_http_spares_give(&ex->core->spares, &ex->body, LEATI_HTTP_KEEP);
    ex->body.size = ex->lead = 0;
    leati_http_spares_give(&ex->core->kept_spares, &ex->kept, LEATI_HTTP_KEEP);
    leati_http_buffer_free(&ex->kept);
    ex->request.body = NULL;
    if (ex->drawn) atomic_fetch_sub(&ex->budget->used, ex->drawn);
    ex->drawn = 0;
}

/* --- what routes see ---------------------------------------------------------------------- */

size_t leati_exchange_coming(const leati_http_exchange *ex)
{
    return ex->head.chunked || ex->decoder ? 0 : (size_t)ex->head.content_length;
}

void *leati_exchange_keep(leati_http_exchange *ex, size_t bytes)
{
    leati_http_buffer *b = &ex->kept;
    if (b->size || !bytes || !leati_exchange_reserve(ex, bytes)) return NULL;
    leati_http_spares_take(&ex->core->kept_spares, b, bytes);
    if (!leati_http_buffer_room(ex->core->context, b, bytes)) return NULL;
    b->size = bytes;
    return b->data;
}

void *leati_exchange_kept(const leati_http_exchange *ex)
{
    return ex->kept.size ? ex->kept.data : NULL;
}

void leati_exchange_draw(leati_http_exchange *ex, leati_http_budget *budget)
{
    ex->budget = budget;
}

const leati_http_request *leati_exchange_request(const leati_http_exchange *ex)
{
    return &ex->request;
}

leati_http_text leati_exchange_header_in(const leati_http_exchange *ex, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < ex->request.header_count; i++) {
        const leati_http_header *h = &ex->request.headers[i];
        if (h->name.length == length && memcmp(h->name.data, name, length) == 0) return h->value;
    }
    return (leati_http_text){NULL, 0};
}

void leati_exchange_set_user(leati_http_exchange *ex, void *user)
{
    ex->user = user;
}

void leati_exchange_set_note(leati_http_exchange *ex, uint32_t note)
{
    ex->note = note;
}

uint32_t leati_exchange_note(const leati_http_exchange *ex)
{
    return ex->note;
}

void leati_exchange_carry(leati_http_exchange *ex, uint64_t what)
{
    ex->carried = what;
}

uint64_t leati_exchange_carried(const leati_http_exchange *ex)
{
    return ex->carried;
}

void leati_exchange_set_stake(leati_http_exchange *ex, uint64_t stake)
{
    ex->stake = stake;
}

uint64_t leati_exchange_stake(const leati_http_exchange *ex)
{
    return ex->stake;
}

void leati_exchange_set_waiting(leati_http_exchange *ex, uint64_t since_ns)
{
    ex->waiting = since_ns;
}

uint64_t leati_exchange_waiting(const leati_http_exchange *ex)
{
    return ex->waiting;
}

void *leati_exchange_user(const leati_http_exchange *ex)
{
    return ex->user;
}

/* Types that hold compressed content already. */
static bool is_dense(const char *type)
{
    static const char *const kinds[] = {"image/",          "audio/",           "video/",
                                        "application/zip", "application/gzip", "application/zstd"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(type, kinds[i], strlen(kinds[i])) == 0)
            return strncmp(type, "image/svg", 9) != 0;
    return false;
}

void leati_exchange_header(leati_http_exchange *ex, const char *name, const char *value)
{
    size_t names = strlen(name), values = strlen(value);
    leati_http_buffer *b = &ex->fields;
    if (!leati_http_buffer_room(ex->core->context, b, names + values + 4)) {
        ex->failed = true;
        return;
    }
    if (names == 12 && leati_http_text_is((leati_http_text){name, names}, "content-type")) {
        ex->has_type = true;
        ex->dense = is_dense(value);
    }
    char *to = b->data + b->size;
    memcpy(to, name, names);
    to += names;
    *to++ = ':';
    *to++ = ' ';
    /* A value that came from elsewhere cannot end the header and begin another. */
    for (size_t i = 0; i < values; i++)
        *to++ = leati_http_is(value[i], LEATI_HTTP_VALUE) ? value[i] : ' ';
    *to++ = '\r';
    *to++ = '\n';
    b->size = (size_t)(to - b->data);
}

/* What of a reply is drawn from the budget: nothing of short ones, and not every few bytes. */
static size_t share_of(size_t bytes)
{
    enum { STEP = 64 << 10 };
    return bytes <= LEATI_HTTP_FREE ? 0 : bytes / STEP * STEP + STEP;
}

/* Room for more of the reply: memory, and budget until the client has taken it, which may be slow.
 * The body may still come meanwhile: what was drawn for it is its loop's. */
static bool make_room(leati_http_exchange *ex, size_t length)
{
    size_t need, share;
    if (leati_add_overflows(ex->out.size, length, &need) || need > SIZE_MAX / 2) return false;
    share = share_of(need);
    if (ex->budget && share > ex->held) {
        if (!draw(ex->budget, share - ex->held)) {
            ex->crowded = share;
            return false;
        }
        ex->held = share;
    }
    return leati_http_buffer_room(ex->core->context, &ex->out, length);
}

void leati_exchange_write(leati_http_exchange *ex, const void *data, size_t length)
{
    if (!make_room(ex, length)) {
        ex->failed = true;
        return;
    }
    if (length) memcpy(ex->out.data + ex->out.size, data, length);
    ex->out.size += length;
}

void *leati_exchange_room(leati_http_exchange *ex, size_t length)
{
    if (make_room(ex, length ? length : 1)) return ex->out.data + ex->out.size;
    ex->failed = true;
    return NULL;
}

void leati_exchange_wrote(leati_http_exchange *ex, size_t length)
{
    size_t room = ex->out.capacity - ex->out.size;
    ex->out.size += length < room ? length : room;
}

void leati_exchange_amend(leati_http_exchange *ex, size_t at, const void *data, size_t length)
{
    if (at <= ex->out.size && length <= ex->out.size - at) memcpy(ex->out.data + at, data, length);
}

bool leati_exchange_written(const leati_http_exchange *ex, leati_http_text *fields,
                            leati_http_text *body)
{
    *fields = (leati_http_text){ex->fields.data, ex->fields.size};
    *body = (leati_http_text){ex->out.data, ex->out.size};
    return !ex->failed;
}

leati_http_text leati_exchange_header_out(const leati_http_exchange *ex, const char *name)
{
    const char *line = ex->fields.data, *end = line + ex->fields.size, *stop;
    size_t names = strlen(name);
    for (; line < end && (stop = memchr(line, '\r', (size_t)(end - line))); line = stop + 2) {
        size_t n = (size_t)(stop - line);
        if (n < names + 2 || line[names] != ':' || memcmp(line, name, names) != 0) continue;
        return (leati_http_text){line + names + 2, n - names - 2};
    }
    return (leati_http_text){NULL, 0};
}

void leati_exchange_header_again(leati_http_exchange *ex, const char *name, const char *value)
{
    leati_http_buffer *b = &ex->fields;
    size_t now = strlen(value);
    if (!leati_http_buffer_room(ex->core->context, b, now)) {
        ex->failed = true;
        return;
    }
    leati_http_text was = leati_exchange_header_out(ex, name);
    if (!was.data) return;
    char *at = b->data + (was.data - b->data), *behind = at + was.length;
    memmove(at + now, behind, (size_t)(b->data + b->size - behind));
    memcpy(at, value, now);
    b->size = b->size + now - was.length;
}

void leati_exchange_restart(leati_http_exchange *ex)
{
    leati_exchange_rewind(ex, 0);
}

void leati_exchange_rewind(leati_http_exchange *ex, size_t fields)
{
    if (fields < ex->fields.size) ex->fields.size = fields;
    ex->out.size = 0;
    ex->failed = ex->has_type = ex->dense = false;
}

static bool bodiless(int status)
{
    return status == 204 || status == 304;
}

/* By the thread that ends the exchange, so that the loop does not have to. */
static void pack(leati_http_exchange *ex)
{
    leati_http_encoders *e = ex->core->encoders;
    if (!e || ex->dense || ex->out.size < LEATI_HTTP_COMPRESS_LEAST || bodiless(ex->status)) return;
    ex->varies = true;
    if (!ex->head.accept_encoding.data) return;
    leati_http_coding coding = leati_http_coding_choose(ex->head.accept_encoding);
    if (coding == LEATI_HTTP_IDENTITY) return;
    leati_http_encoder *encoder = borrow(e, coding);
    if (!encoder) return;
    if (leati_http_encoder_run(encoder, e->context, &ex->packed, ex->out.data, ex->out.size)) {
        leati_http_buffer whole = ex->out;
        ex->out = ex->packed;
        ex->packed = whole;
        ex->coding = coding;
    }
    give_back(e, coding, encoder);
}

void leati_exchange_finish(leati_http_exchange *ex, int http_status)
{
    leati_http_core *core = ex->core;
    ex->status = http_status >= 200 && http_status <= 599 ? http_status : 500;
    pack(ex);
    if (pthread_equal(pthread_self(), core->thread) && core->in_call == ex) {
        ex->finished = true;
        return;
    }
    core->transport->post(core, ex);
}

/* On the loop: what was packed is not needed as it was. */
void leati_http_exchange_settle(leati_http_exchange *ex)
{
    leati_http_spares_give(&ex->core->spares, &ex->packed, LEATI_HTTP_KEEP);
    release(ex, share_of(ex->out.size));
}

/* --- the bytes of the reply --------------------------------------------------------------- */

const char *leati_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {202, "Accepted"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {301, "Moved Permanently"},
                   {302, "Found"},
                   {303, "See Other"},
                   {304, "Not Modified"},
                   {307, "Temporary Redirect"},
                   {308, "Permanent Redirect"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {406, "Not Acceptable"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {410, "Gone"},
                   {411, "Length Required"},
                   {412, "Precondition Failed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {417, "Expectation Failed"},
                   {422, "Unprocessable Content"},
                   {428, "Precondition Required"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {502, "Bad Gateway"},
                   {503, "Service Unavailable"},
                   {504, "Gateway Timeout"},
                   {505, "HTTP Version Not Supported"},
                   {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status) return reasons[i].reason;
    return "Status";
}

static char *put(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

static char *put_number(char *to, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count) *to++ = digits[--count];
    return to;
}

static char *put_status(char *to, int status)
{
    if (status == 200) return PUT(to, "HTTP/1.1 200 OK\r\n");
    to = PUT(to, "HTTP/1.1 ");
    to = put_number(to, (uint64_t)status);
    *to++ = ' ';
    const char *reason = leati_http_reason(status);
    to = put(to, reason, strlen(reason));
    return PUT(to, "\r\n");
}

bool leati_http_exchange_compose(leati_http_exchange *ex)
{
    const leati_http_core *core = ex->core;
    bool body = !bodiless(ex->status), head_only = ex->request.method == LEATI_HTTP_HEAD;
    bool along = body && !head_only && ex->out.size <= LEATI_HTTP_INLINE_MOST;
    size_t room = 320 + LEATI_HTTP_ID_MOST + ex->fields.size + (along ? ex->out.size : 0);
    ex->wire.size = 0;
    if (!leati_http_buffer_room(core->context, &ex->wire, room)) return false;
    char *to = put_status(ex->wire.data, ex->status);
    to = PUT(to, "Date: ");
    to = put(to, core->date, 29);
    if (body) {
        to = PUT(to, "\r\nContent-Length: ");
        to = put_number(to, ex->out.size);
    }
    if (ex->id[0]) {
        to = PUT(to, "\r\nX-Request-Id: ");
        to = put(to, ex->id, strlen(ex->id));
    }
    if (!ex->keep) to = PUT(to, "\r\nConnection: close");
    else if (!ex->head.minor) to = PUT(to, "\r\nConnection: keep-alive");
    if (ex->coding == LEATI_HTTP_GZIP) to = PUT(to, "\r\nContent-Encoding: gzip");
    if (ex->coding == LEATI_HTTP_ZSTD) to = PUT(to, "\r\nContent-Encoding: zstd");
    if (ex->varies) to = PUT(to, "\r\nVary: Accept-Encoding");
    to = PUT(to, "\r\n");
    if (ex->fields.size) to = put(to, ex->fields.data, ex->fields.size);
    to = PUT(to, "\r\n");
    if (along && ex->out.size) to = put(to, ex->out.data, ex->out.size);
    if (along || head_only || !body) ex->out.size = 0;
    ex->wire.size = (size_t)(to - ex->wire.data);
    return true;
}
