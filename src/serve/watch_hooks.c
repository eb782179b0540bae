/* Owns: what is counted and logged while requests are answered. Not: the life of counters and logs
 * (watch.c). */
#include <math.h>
#include <string.h>
#include <time.h>

#include "serve/keys.h"
#include "serve/prediction_lines.h"
#include "serve/route.h"
#include "serve/watch.h"

/* ---- counters ---------------------------------------------------------------------------------
 */

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
const uint64_t leati_duration_bound[LEATI_DURATIONS - 1] = {
    25 * US, 50 * US, 100 * US, 250 * US, 500 * US, 1 * MS,    2500 * US, 5 * MS,    10 * MS,
    25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1000 * MS, 2500 * MS, 5000 * MS, 10000 * MS};

void leati_durations_add(leati_durations *d, uint64_t ns)
{
    size_t i = 0;
    while (i < LEATI_DURATIONS - 1 && ns > leati_duration_bound[i]) i++;
    leati_count_add(&d->in[i], 1);
    leati_count_add(&d->ns, ns);
}

static void add_size(leati_sizes *s, uint64_t rows, uint64_t times)
{
    size_t i = 0;
    while (i < LEATI_SIZES - 1 && rows > UINT64_C(1) << i) i++;
    leati_count_add(&s->in[i], times);
    leati_count_add(&s->sum, rows * times);
}

const int leati_status_counted[LEATI_STATUSES - 1] = {200, 201, 202, 204, 304, 400, 401, 403, 404,
                                                      405, 408, 409, 412, 413, 414, 415, 417, 422,
                                                      428, 429, 431, 500, 501, 502, 503, 505, 507};

size_t leati_status_place(int status)
{
    size_t i = 0;
    while (i < LEATI_STATUSES - 1 && leati_status_counted[i] != status) i++;
    return i;
}

/* ---- time and hashes --------------------------------------------------------------------------
 */

/* FNV-1a (Fowler, Noll and Vo), then the finisher of SplitMix64, for its high bits are compared. */
uint64_t leati_watch_hash(const char *id)
{
    uint64_t x = UINT64_C(0xcbf29ce484222325);
    for (; *id; id++) x = (x ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
    return leati_recent_key(x, 0);
}

enum { STAMP = 28 };

static char *digits(char *to, unsigned value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10) to[i] = (char)('0' + value % 10);
    return to + count;
}

/* "2026-11-21T10:00:00.123456Z"; the calendar is asked once a second. */
static void stamp(leati_watch_desk *desk, char out[STAMP])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (desk->second != now.tv_sec || !*desk->clock) {
        struct tm tm;
        time_t t = now.tv_sec;
        if (!gmtime_r(&t, &tm)) memset(&tm, 0, sizeof tm);
        char *to = digits(desk->clock, (unsigned)(tm.tm_year + 1900) % 10000, 4);
        *to++ = '-';
        to = digits(to, (unsigned)tm.tm_mon + 1, 2);
        *to++ = '-';
        to = digits(to, (unsigned)tm.tm_mday, 2);
        *to++ = 'T';
        to = digits(to, (unsigned)tm.tm_hour, 2);
        *to++ = ':';
        to = digits(to, (unsigned)tm.tm_min, 2);
        *to++ = ':';
        *digits(to, (unsigned)tm.tm_sec, 2) = '\0';
        desk->second = now.tv_sec;
    }
    memcpy(out, desk->clock, 19);
    out[19] = '.';
    digits(out + 20, (unsigned)(now.tv_nsec / 1000), 6);
    out[26] = 'Z';
    out[27] = '\0';
}

/* ---- answers ----------------------------------------------------------------------------------
 */

/* Which rows of a request are counted: of every `every` that follow each other one, drawn by the
 * request's id, so that rows that lie in some order are as likely as others. Writes the numbers of
 * those among [*at, end) to `row` (LEATI_LIVE_ROWS), as far as they fit; *at: where to go on. */
static size_t draw_rows(uint64_t hash, size_t every, size_t *at, size_t end, uint32_t *row)
{
    size_t count = 0, r = *at;
    if (every == 1)
        for (; r < end && count < LEATI_LIVE_ROWS; r++) row[count++] = (uint32_t)r;
    for (size_t part = r / every, first = part * every; r < end && count < LEATI_LIVE_ROWS;
         part++) {
        size_t drawn = first + (((leati_recent_key(hash, part) >> 32) * every) >> 32);
        if (drawn >= r && drawn < end) row[count++] = (uint32_t)drawn;
        r = first += every;
    }
    *at = r;
    return count;
}

/* Rows that are counted: where they stand in the session. */
typedef struct drawn {
    const leati_ask *ask;
    const uint32_t *row;
    size_t count;
} drawn;

static void fetch(const void *user, size_t input, double *out)
{
    const drawn *d = user;
    leati_ask_numbers(d->ask, d->row, d->count, input, out);
}

static void count_cells(const leati_watched *d, const drawn *rows, uint32_t slot)
{
    const leati_served *s = d->served;
    leati_cell *cells = leati_live_cells(d->live, slot);
    for (size_t k = 0; k < rows->count; k++) {
        for (size_t i = 0; i < s->inputs; i++)
            cells[i] = leati_ask_cell(rows->ask, rows->row[k], i, s->ports[i].role);
        leati_live_row(d->live, slot);
    }
}

static void count_rows(const leati_watched *d, const leati_watch_part *p, uint64_t hash)
{
    const leati_ask *a = p->ask;
    uint32_t slot = p->call->slot, row[LEATI_LIVE_ROWS];
    size_t every = d->every, most = 1;
    size_t at = p->answer - p->first, end = at + p->count, count, first = at;
    if (a->coming) most = 1 + (a->coming - 1) / LEATI_ROWS_WHOLE;
    if (every < most) every = most;
    leati_live_begin(d->live, slot);
    while (at < end) {
        count = draw_rows(hash, every, &at, end, row);
        for (size_t k = 0; k < count; k++) {
            size_t answer = p->first + row[k];
            leati_live_answer(d->live, slot, a->value[answer],
                              a->wants_proba ? a->proba + answer * a->classes : NULL);
            row[k] = (uint32_t)(p->row + row[k] - first);
        }
        drawn rows = {a, row, count};
        if (d->served->matrix) leati_live_numbers(d->live, slot, count, fetch, &rows);
        else count_cells(d, &rows, slot);
    }
    leati_live_end(d->live, slot);
}

static void remember(const leati_watched *d, const leati_watch_part *p, uint64_t hash)
{
    const leati_ask *a = p->ask;
    leati_recent *recent = &d->watch->recent[p->call->slot];
    bool two = a->wants_proba && a->classes == 2;
    leati_recent_begin(recent);
    leati_recent_add(recent, hash, p->answer - p->first, d->serial, p->count, a->value + p->answer,
                     two ? a->proba + 2 * p->answer : NULL);
    leati_recent_end(recent);
}

void leati_watch_rows(const leati_watched *d, const leati_watch_part *p)
{
    leati_watch *w = d->watch;
    const char *id = p->call->request->id;
    if (p->call->example) {
        leati_count_add(&d->desks[p->call->slot].example_rows,
                        p->call->arm == LEATI_ARM_SHADOW ? 0 : p->count);
        return;
    }
    uint64_t hash = leati_watch_hash(id ? id : "");
    if (d->live) count_rows(d, p, hash);
    if (!id) return;
    if (w->options.remember) remember(d, p, hash);
    if (w->predictions.path && (w->sample_all || hash < w->sample_below)) {
        char ts[STAMP];
        stamp(&w->desks[p->call->slot], ts);
        leati_prediction_lines_write(d, p, ts);
    }
}

void leati_watch_call(const leati_call *call, uint64_t end, bool ok)
{
    if (!call->served->watched) return;
    const leati_answers *a = &call->answers;
    leati_watched_desk *desk = &call->served->watched->desks[call->slot];
    uint64_t queued = leati_call_queued(call);
    if (!ok) {
        leati_count_add(&desk->failed[call->arm][leati_status_place(call->fault.http)], 1);
        return;
    }
    leati_durations_add(&desk->request[call->arm], end - call->start + queued);
    leati_durations_add(&desk->queue, queued);
    leati_durations_add(&desk->compute, a->infer_ns);
    if (a->runs) add_size(&desk->rows, a->run_rows / a->runs, a->runs);
    leati_count_add(&desk->asked_rows, a->rows);
    leati_count_add(&desk->input_ns, leati_call_input_ns(call));
    leati_count_add(&desk->output_ns, end - call->asked);
}

void leati_watch_mirrored(const leati_call *call, uint64_t end, bool ok)
{
    if (!call->served->watched) return;
    leati_watched_desk *desk = &call->served->watched->desks[call->slot];
    if (ok) leati_durations_add(&desk->request[LEATI_ARM_SHADOW], end - call->start);
    else leati_count_add(&desk->failed[LEATI_ARM_SHADOW][leati_status_place(call->fault.http)], 1);
}

/* ---- exchanges --------------------------------------------------------------------------------
 */

uint32_t leati_watch_admitted(leati_watch *w, uint32_t worker, const leati_route *route)
{
    leati_count_add(&w->desks[worker].admitted, 1);
    return route ? (uint32_t)(route - leati_routes) + 2 : 1;
}

/* A key that someone wrote into a path is not logged. */
static size_t without_key(const char *path, size_t length)
{
    const char *found = strstr(path, "leat_");
    if (!found || strlen(found) < LEAT_KEY_SIZE - 1) return length;
    return (size_t)(found - path) + 5;
}

static void access_line(leati_watch *w, leati_watch_desk *desk, const leati_http_request *q,
                        const char *key, int status, size_t reply_bytes, uint64_t ns, bool sent)
{
    enum { FIXED = 512 };
    char ts[STAMP];
    leati_reply r;
    leati_line_ring *ring = &w->access.rings[q->worker];
    size_t path = without_key(q->path, q->path_length);
    size_t most = FIXED + 6 * (path + strlen(q->id) + strlen(q->peer) + (key ? strlen(key) : 0));
    char *line = leati_line_ring_room(ring, most);
    if (!line) return;
    stamp(desk, ts);
    leati_reply_fixed(&r, line, most);
    LEATI_REPLY(&r, "{\"ts\":\"");
    leati_reply_raw(&r, ts, STAMP - 1);
    LEATI_REPLY(&r, "\",\"request_id\":");
    leati_reply_string(&r, q->id);
    LEATI_REPLY(&r, ",\"peer\":");
    leati_reply_string(&r, q->peer);
    if (key) {
        LEATI_REPLY(&r, ",\"key\":");
        leati_reply_string(&r, key);
    }
    LEATI_REPLY(&r, ",\"method\":");
    leati_reply_string(&r, *q->path ? leati_method_name(q->method) : "");
    LEATI_REPLY(&r, ",\"path\":");
    leati_reply_text(&r, q->path, path);
    LEATI_REPLY(&r, ",\"status\":");
    leati_reply_unsigned(&r, (uint64_t)status);
    LEATI_REPLY(&r, ",\"bytes_in\":");
    leati_reply_unsigned(&r, q->body_length);
    LEATI_REPLY(&r, ",\"bytes_out\":");
    leati_reply_unsigned(&r, reply_bytes);
    LEATI_REPLY(&r, ",\"duration_us\":");
    leati_reply_unsigned(&r, ns / 1000);
    if (q->secure) LEATI_REPLY(&r, ",\"tls\":true");
    if (!sent) LEATI_REPLY(&r, ",\"lost\":true");
    LEATI_REPLY(&r, "}\n");
    if (leati_line_ring_put(ring, leati_reply_length(&r))) pthread_cond_signal(&w->wake);
}

void leati_watch_done(leati_watch *w, leati_http_exchange *exchange, uint32_t note, const char *key,
                      int status, size_t reply_bytes, uint64_t ns, bool sent)
{
    const leati_http_request *q = leati_exchange_request(exchange);
    leati_watch_desk *desk = &w->desks[q->worker];
    size_t place = note && note <= LEATI_WATCH_ROUTES ? note - 1 : 0;
    if (note) leati_count_add(&desk->done, 1);
    leati_count_add(&desk->answers[place][leati_status_place(status)], 1);
    leati_count_add(&desk->received_bytes, q->body_length);
    leati_count_add(&desk->sent_bytes, reply_bytes);
    leati_durations_add(&desk->http, ns);
    if (!sent) leati_count_add(&desk->unsent, 1);
    if (w->access.path) access_line(w, desk, q, key, status, reply_bytes, ns, sent);
}
