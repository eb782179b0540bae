/* Owns: a call: trying servers until one answers, and when a request may be sent again. Not: which
 * server (fleet.h), sockets (stream.h), the text of answers (response.h). */
#include <leat/call.h>

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/str.h"
#include "client/fleet.h"
#include "client/response.h"

enum {
    PIECE = 16 << 10,
    IDLE = 64,
    RETRIES = 5,
    KEY_MOST = 4096,
    HEADER_MOST = 8192,
    PATH_MOST = 64 << 10
};
#define WAIT_FIRST 0.025
#define WAIT_MOST  1.0
#define TIME_MOST  1e6

struct leat_client {
    leati_fleet *fleet;
    leati_trust *trust; /* NULL: no server speaks TLS */
    char *key;
    double timeout, try_timeout, connect_timeout;
    uint32_t tries; /* at most */
    size_t max_answer;
    atomic_uint_fast64_t requests, retries, connections;
};

/* How a try ended. */
typedef enum ending {
    ANSWERED,
    UNSENT,  /* no server can have seen it */
    UNKNOWN, /* a server may have seen it */
    BROKEN,  /* what came is no answer: the next one would not be either */
    NO_MEMORY
} ending;

typedef struct try_result {
    ending ending;
    size_t server;
    leati_response response; /* of ANSWERED */
    char why[LEATI_STREAM_WHY];
} try_result;

/* --- one try ---------------------------------------------------------------------------------- */

static ending read_answer(leati_stream *s, leati_response *r, double until, char *why)
{
    char piece[PIECE];
    for (;;) {
        size_t got, used;
        leati_stream_result result = leati_stream_receive(s, piece, sizeof piece, &got, until);
        leati_response_result read = LEATI_RESPONSE_MORE;
        if (result == LEATI_STREAM_OK) read = leati_response_feed(r, piece, got, &used);
        else if (result == LEATI_STREAM_END && !leati_response_untouched(r))
            read = leati_response_end(r);
        else {
            snprintf(why, LEATI_STREAM_WHY, "%s", s->why);
            return UNKNOWN;
        }
        if (read == LEATI_RESPONSE_DONE) {
            if (result == LEATI_STREAM_OK && used < got) r->keep = false; /* unasked bytes */
            return ANSWERED;
        }
        if (read == LEATI_RESPONSE_NOMEM) return NO_MEMORY;
        if (read == LEATI_RESPONSE_FAULT) {
            snprintf(why, LEATI_STREAM_WHY, "%s", r->fault);
            return result == LEATI_STREAM_END ? UNKNOWN : BROKEN;
        }
    }
}

/* The head for one server, and the body behind it where it is short. */
static leat_status write_head(leat_client *k, const leat_client_request *q, size_t server,
                              leati_str *out)
{
    const leati_server_address *a = leati_fleet_address(k->fleet, server);
    leati_str_clear(out);
    leati_str_addf(out, "%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: leat/%s\r\n", q->method,
                   a->prefix, q->path, a->header, leat_version());
    if (k->key) leati_str_addf(out, "Authorization: Bearer %s\r\n", k->key);
    if (q->body || strcmp(q->method, "GET") != 0)
        leati_str_addf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", q->type, q->length);
    for (size_t i = 0; i < q->header_count; i++) leati_str_addf(out, "%s\r\n", q->headers[i]);
    leati_str_add(out, "\r\n");
    if (q->length <= PIECE) leati_str_addn(out, q->body, q->length);
    return leati_str_status(out);
}

static ending exchange(const leat_client_request *q, const leati_str *head, leati_stream *s,
                       double until, try_result *t)
{
    leati_stream_result r = leati_stream_send(s, leati_str_text(head), head->length, until);
    if (r == LEATI_STREAM_OK && q->length > PIECE)
        r = leati_stream_send(s, q->body, q->length, until);
    if (r == LEATI_STREAM_LATE) {
        snprintf(t->why, sizeof t->why, "%s", s->why);
        return UNKNOWN;
    }
    /* A server that refuses a request early answers and closes: what it says counts more than that
     * the rest could not be sent. */
    ending e = read_answer(s, &t->response, until, t->why);
    if (r != LEATI_STREAM_OK) t->response.keep = false;
    return e;
}

/* One try with t->server, over a resting connection if there is one. Should that turn out to have
 * ended, a new one is made at once: it is no fault of the server. */
static void try_once(leat_context *c, leat_client *k, const leat_client_request *q, leati_str *head,
                     double until, try_result *t)
{
    const leati_server_address *a = leati_fleet_address(k->fleet, t->server);
    bool no_body = strcmp(q->method, "HEAD") == 0;
    if (write_head(k, q, t->server, head) != LEAT_OK) {
        t->ending = NO_MEMORY;
        return;
    }
    for (;;) {
        leati_stream s;
        double now = leati_now_s();
        bool rested = leati_fleet_take(k->fleet, t->server, &s);
        if (!rested) {
            atomic_fetch_add_explicit(&k->connections, 1, memory_order_relaxed);
            if (leati_stream_open(c, &s, a->lookups, a->host, a->port, a->tls ? k->trust : NULL,
                                  fmin(until, now + k->connect_timeout)) != LEATI_STREAM_OK) {
                snprintf(t->why, sizeof t->why, "%s", s.why);
                t->ending = UNSENT;
                return;
            }
        }
        leati_response_init(&t->response, c, no_body, k->max_answer);
        t->ending = exchange(q, head, &s, until, t);
        bool stale = rested && t->ending == UNKNOWN && leati_response_untouched(&t->response) &&
                     leati_now_s() < until;
        if (t->ending == ANSWERED && t->response.keep) leati_fleet_put(k->fleet, t->server, &s);
        else leati_stream_close(&s);
        if (t->ending != ANSWERED) leati_response_fini(&t->response);
        if (!stale || q->changes) return;
    }
}

/* --- tries until one is good ------------------------------------------------------------------ */

static void sleep_for(double seconds)
{
    double whole;
    struct timespec t = {.tv_nsec = (long)(1e9 * modf(seconds, &whole))};
    t.tv_sec = (time_t)whole;
    nanosleep(&t, NULL);
}

/* Whether the answer says that another try may do better. */
static bool says_again(const leat_client_request *q, const leati_response *r)
{
    if (r->status == 503) return r->retry_after >= 0 || !q->changes;
    return r->status == 429 && r->retry_after >= 0;
}

/* How long to wait before the try after `done` ones: not at all for a server that is well and was
 * not asked. */
static double pause_before(leat_client *k, uint32_t done, bool fresh, double retry_after)
{
    if (fresh) return 0;
    double wait = fmin(WAIT_FIRST * pow(2, fmin(done - 1.0, 20)), WAIT_MOST);
    wait *= 0.5 + leati_fleet_random(k->fleet);
    return fmax(wait, retry_after);
}

static leat_status give(leat_context *c, leat_client *k, try_result *t, uint32_t tries,
                        leat_client_reply *reply)
{
    leati_response *r = &t->response;
    *reply = (leat_client_reply){.status = r->status,
                                 .body = r->body,
                                 .length = r->length,
                                 .server = leati_fleet_address(k->fleet, t->server)->url,
                                 .tries = tries,
                                 .retry_after = r->retry_after};
    r->body = NULL;
    leati_response_fini(r);
    if (!reply->body) reply->body = leati_strdup(c, "");
    return reply->body ? LEAT_OK : leat_error_status(c);
}

static leat_status give_up(leat_context *c, leat_client *k, const try_result *t, uint32_t tries)
{
    const char *url = leati_fleet_address(k->fleet, t->server)->url;
    if (t->ending == NO_MEMORY) return LEATI_FAIL(c, LEAT_NOMEM, "out of memory");
    if (t->ending == BROKEN)
        return LEATI_FAIL(c, LEAT_FORMAT, "%s does not answer as a server should: %s", url, t->why);
    LEATI_FAIL(c, LEAT_NETWORK, "%s does not answer: %s", url, t->why);
    if (leati_fleet_count(k->fleet) > 1 || tries > 1)
        leati_error_within(c, "%u %s over %zu server%s, the last", (unsigned)tries,
                           tries == 1 ? "try" : "tries", leati_fleet_count(k->fleet),
                           leati_fleet_count(k->fleet) == 1 ? "" : "s");
    return LEAT_NETWORK;
}

/* Calls until an answer that is final, or the last of the tries. */
static leat_status call(leat_context *c, leat_client *k, const leat_client_request *q,
                        leati_str *head, leat_client_reply *reply)
{
    leati_fleet_tried tried = {{0}};
    double until = leati_now_s() + k->timeout, retry_after = -1;
    try_result t = {0};
    for (uint32_t done = 0;;) {
        bool fresh;
        size_t server = leati_fleet_pick(k->fleet, &tried, &fresh);
        double wait = done ? pause_before(k, done, fresh, retry_after) : 0;
        double now = leati_now_s();
        if (done && now + wait >= until) { /* what there is, is what there will be */
            leati_fleet_unpick(k->fleet, server);
            return t.ending == ANSWERED ? give(c, k, &t, done, reply) : give_up(c, k, &t, done);
        }
        if (done && t.ending == ANSWERED) leati_response_fini(&t.response);
        if (wait > 0) sleep_for(wait);
        t = (try_result){.server = server};
        try_once(c, k, q, head, fmin(until, leati_now_s() + k->try_timeout), &t);
        done++;
        if (done > 1) atomic_fetch_add_explicit(&k->retries, 1, memory_order_relaxed);
        bool again = t.ending == UNSENT || (t.ending == UNKNOWN && !q->changes) ||
                     (t.ending == ANSWERED && says_again(q, &t.response));
        bool well = t.ending == ANSWERED && t.response.status != 503;
        retry_after = t.ending == ANSWERED ? t.response.retry_after : -1;
        leati_fleet_leave(k->fleet, server, well || t.ending == NO_MEMORY,
                          t.ending == ANSWERED ? retry_after : -1);
        if (again && done < k->tries) continue;
        return t.ending == ANSWERED ? give(c, k, &t, done, reply) : give_up(c, k, &t, done);
    }
}

/* --- checks ----------------------------------------------------------------------------------- */

/* No byte could end the line that it is put in. */
static bool one_word(const char *text, size_t most, bool blanks)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < (blanks ? 0x20 : 0x21) || (unsigned char)text[i] > 0x7e)
            return false;
    return n > 0 && n <= most;
}

static leat_status check_request(leat_context *c, leat_client_request *q)
{
    if (!q->method) q->method = q->body ? "POST" : "GET";
    if (!q->type) q->type = "application/json";
    if (!q->body) q->length = 0;
    bool method = one_word(q->method, 20, false);
    for (const char *p = q->method; *p; p++) method = method && *p >= 'A' && *p <= 'Z';
    LEATI_CHECK(c, method, LEAT_INVALID, "a method is a word of capital letters");
    LEATI_CHECK(c, q->path && *q->path == '/' && one_word(q->path, PATH_MOST, false), LEAT_INVALID,
                "the path of a request begins with '/' and has no blanks");
    LEATI_CHECK(c, one_word(q->type, 200, true), LEAT_INVALID, "the type of a body is one line");
    for (size_t i = 0; i < q->header_count; i++)
        LEATI_CHECK(c, one_word(q->headers[i], HEADER_MOST, true) && strchr(q->headers[i], ':'),
                    LEAT_INVALID, "a header is one line NAME: VALUE, not '%.60s'", q->headers[i]);
    return LEAT_OK;
}

leat_status leat_client_ask(leat_context *c, leat_client *k, const leat_client_request *request,
                            leat_client_reply *reply)
{
    leat_client_request q = *request;
    leati_str head;
    *reply = (leat_client_reply){.retry_after = -1};
    LEATI_TRY(check_request(c, &q));
    atomic_fetch_add_explicit(&k->requests, 1, memory_order_relaxed);
    leati_str_init(&head, c);
    leat_status st = call(c, k, &q, &head, reply);
    leati_str_fini(&head);
    return st;
}

void leat_client_reply_free(leat_client_reply *reply)
{
    leati_free(reply->body);
    reply->body = NULL;
}

/* --- the client ------------------------------------------------------------------------------- */

leat_client_options leat_client_options_default(void)
{
    return (leat_client_options){.struct_size = sizeof(leat_client_options)};
}

static leat_status read_time(leat_context *c, const char *what, double given, double standard,
                             double *out)
{
    LEATI_CHECK(c, given >= 0 && given <= TIME_MOST, LEAT_INVALID,
                "%s: %g seconds; expected 0 to %g", what, given, TIME_MOST);
    *out = given > 0 ? given : standard;
    return LEAT_OK;
}

/* Clients that are started alike do not choose alike: else many that ask once would all ask the
 * same server, and come back at the same moments. */
static uint64_t own_seed(const leat_context *c, const leat_client *k)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t parts[] = {leat_context_seed(c), (uint64_t)getpid(), (uint64_t)now.tv_sec,
                              (uint64_t)now.tv_nsec, (uint64_t)(uintptr_t)k};
    return leati_hash64(parts, sizeof parts, 0);
}

static leat_status set_up(leat_context *c, leat_client *k, const char *const *servers, size_t count,
                          const leat_client_options *o)
{
    uint32_t idle = o->idle ? o->idle : IDLE;
    LEATI_TRY(read_time(c, "the time of an answer", o->timeout, 30, &k->timeout));
    LEATI_TRY(read_time(c, "the time of a try", o->try_timeout, k->timeout / 3, &k->try_timeout));
    LEATI_TRY(read_time(c, "the time to connect", o->connect_timeout, 2, &k->connect_timeout));
    LEATI_CHECK(c, idle <= 65536, LEAT_INVALID, "%u idle connections; at most 65,536", idle);
    LEATI_CHECK(c, o->retries <= 1000, LEAT_INVALID, "%u retries; at most 1,000", o->retries);
    k->tries = o->once ? 1 : 1 + (o->retries ? o->retries : RETRIES);
    k->max_answer = o->max_answer ? (size_t)o->max_answer : (size_t)1 << 30;
    if (o->key) {
        LEATI_CHECK(c, one_word(o->key, KEY_MOST, false), LEAT_INVALID,
                    "the key is not one: a key is a word of letters and digits");
        k->key = leati_strdup(c, o->key);
        if (!k->key) return leat_error_status(c);
    }
    LEATI_TRY(leati_fleet_create(c, &k->fleet, servers, count, o->balance, idle, own_seed(c, k)));
    if (leati_fleet_has_tls(k->fleet)) LEATI_TRY(leati_trust_create(c, &k->trust, o->ca));
    return LEAT_OK;
}

leat_status leat_client_create(leat_context *c, leat_client **out, const char *const *servers,
                               size_t count, const leat_client_options *options)
{
    leat_client_options o = leat_client_options_default();
    *out = NULL;
    LEATI_TRY(LEATI_OPTIONS(c, leat_client_options, &o, options));
    leat_client *k = LEATI_NEW(c, leat_client, 1);
    if (!k) return leat_error_status(c);
    atomic_init(&k->requests, 0);
    atomic_init(&k->retries, 0);
    atomic_init(&k->connections, 0);
    leat_status st = set_up(c, k, servers, count, &o);
    if (st == LEAT_OK) *out = k;
    else leat_client_destroy(k);
    return st;
}

void leat_client_destroy(leat_client *k)
{
    if (!k) return;
    leati_fleet_destroy(k->fleet);
    leati_trust_destroy(k->trust);
    leati_free(k->key);
    leati_free(k);
}

leat_client_counts leat_client_count(leat_client *k)
{
    return (leat_client_counts){.requests = atomic_load(&k->requests),
                                .retries = atomic_load(&k->retries),
                                .connections = atomic_load(&k->connections)};
}
