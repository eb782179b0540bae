/* Asking servers: reading answers, predictions of tables, balancing, what is tried again. */
#include <leat/call.h>
#include <leat/data.h>
#include <leat/model.h>
#include <leat/read.h>
#include <leat/serve.h>

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/progress.h"
#include "client/fleet.h"
#include "client/response.h"
#include "support/certificate.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/tables.h"

#if LEAT_HAVE_OPENSSL
#include <openssl/ssl.h>
#endif

/* --- reading answers -------------------------------------------------------------------------- */

typedef struct answer {
    const char *bytes;
    int status;       /* 0: it is refused */
    const char *body; /* or words of the fault */
    bool keep;
} answer;

#define OK200 "HTTP/1.1 200 OK\r\n"
static const answer answers[] = {
    {OK200 "Content-Length: 5\r\n\r\nhello", 200, "hello", true},
    {OK200 "content-length:5 \r\n\r\nhello", 200, "hello", true},
    {OK200 "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
    {"HTTP/1.1 204\r\n\r\n", 204, "", true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true},
    {OK200 "Connection: keep-alive, Close\r\nContent-Length: 2\r\n\r\nab", 200, "ab", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", 200, "ab", false},
    {OK200 "\r\nto the end", 200, "to the end", false},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\n" OK200
     "Content-Length: 1\r\n\r\nx",
     200, "x", true},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=\"b\"\r\n!\r\n0\r\n\r\n", 200,
     "hello!", true},
    {OK200 "Transfer-Encoding: Chunked\r\n\r\n00A\r\n0123456789\r\n0\r\nX: y\r\nZ:\r\n\r\n", 200,
     "0123456789", true},
    {"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 503, "", true},
    {"", 0, "ended within", false},
    {"HTTP/1.1 200", 0, "ended within", false},
    {"HTTP/2 200 OK\r\n\r\n", 0, "not HTTP/1.1", false},
    {"HTTP/1.1 2x0 OK\r\n\r\n", 0, "no status", false},
    {"HTTP/1.1 099 OK\r\n\r\n", 0, "no status", false},
    {"HTTP/1.1  200 OK\r\n\r\n", 0, "not HTTP/1.1", false},
    {"HTTP/1.1 101 Switching\r\n\r\n", 0, "another protocol", false},
    {"\r\n\r\n", 0, "not HTTP/1.1", false},
    {OK200 "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 0, "two lengths", false},
    {OK200 "Content-Length: +5\r\n\r\nhello", 0, "malformed length", false},
    {OK200 "Content-Length: 18446744073709551616\r\n\r\n", 0, "malformed length", false},
    {OK200 "Content-Length: 5, 5\r\n\r\nhello", 0, "malformed length", false},
    {OK200 "Content-Length: 2000\r\n\r\n", 0, "longer than it may", false},
    {OK200 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, "length and chunks",
     false},
    {OK200 "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, "coding", false},
    {OK200 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, "coding", false},
    {OK200 "Bad Header: x\r\n\r\n", 0, "malformed header", false},
    {OK200 " folded\r\n\r\n", 0, "malformed header", false},
    {OK200 "X: a\nContent-Length: 1\r\n\r\nx", 0, "control byte", false},
    {"HTTP/1.1 200 O\nK: x\r\n\r\n", 0, "no status", false},
    {OK200 "X: \x01\r\n\r\n", 0, "control byte", false},
    {OK200 "X: a\rb\r\n\r\n", 0, "malformed line", false},
    {OK200 "Content-Length: 5\r\n\r\nhell", 0, "ended within", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0, "ended within", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 0, "chunks", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 0, "chunks", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n", 0, "chunks", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 0, "chunks", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n;\r\n", 0, "chunks", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 0, "chunks", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n7ff\r\n", 0, "ended within", false},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\n: x\r\n\r\n", 0, "chunks", false},
};

static leati_response_result read_cut(leati_response *r, const leat_context *c, const char *bytes,
                                      size_t cut)
{
    size_t length = strlen(bytes), used;
    leati_response_result result = LEATI_RESPONSE_MORE;
    leati_response_init(r, c, false, 1000);
    for (size_t at = 0; at < length && result == LEATI_RESPONSE_MORE; at += cut) {
        size_t here = length - at < cut ? length - at : cut;
        result = leati_response_feed(r, bytes + at, here, &used);
    }
    return result == LEATI_RESPONSE_MORE ? leati_response_end(r) : result;
}

static void answers_are_read_in_every_cut(leattest *t)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const answer *a = &answers[i];
        for (size_t cut = 1; cut <= strlen(a->bytes) + 1; cut++) {
            leati_response r;
            leati_response_result got = read_cut(&r, t->context, a->bytes, cut);
            bool good;
            if (a->status)
                good = CHECK_INT(got, LEATI_RESPONSE_DONE) && CHECK_INT(r.status, a->status) &&
                       CHECK_STR(r.body ? r.body : "", a->body) && CHECK_INT(r.keep, a->keep);
            else good = CHECK_INT(got, LEATI_RESPONSE_FAULT) && CHECK(strstr(r.fault, a->body));
            leati_response_fini(&r);
            if (good) continue;
            printf("    cut %zu of %s\n", cut, a->bytes);
            break;
        }
    }
}

static void bytes_behind_an_answer_are_left(leattest *t)
{
    static const char bytes[] = OK200 "Content-Length: 2\r\n\r\nabHTTP/1.1 200 more";
    leati_response r;
    size_t used;
    leati_response_init(&r, t->context, false, 100);
    CHECK_INT(leati_response_feed(&r, bytes, sizeof bytes - 1, &used), LEATI_RESPONSE_DONE);
    CHECK_STR(bytes + used, "HTTP/1.1 200 more");
    leati_response_fini(&r);
    leati_response_init(&r, t->context, true, 100); /* HEAD: a length and no body */
    CHECK_INT(leati_response_feed(&r, bytes, sizeof bytes - 1, &used), LEATI_RESPONSE_DONE);
    CHECK(!r.body && r.keep);
    CHECK_INT(bytes[used], 'a');
    leati_response_fini(&r);
}

/* --- servers that do what they are told ------------------------------------------------------- */

/* What a connection does with its n-th request: an answer, "" to close at once, "hang" to say
 * nothing until the test ends. The last one is for all further requests. */
typedef struct puppet {
    const char *const *script;
    size_t count;
    int fd;
    char url[64];
    atomic_size_t asked, accepted;
    atomic_bool stop;
    pthread_t thread;
} puppet;

static bool read_request(int fd)
{
    char text[8192];
    size_t n = 0;
    for (;;) {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0) return false;
        n += (size_t)got;
        text[n] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        size_t body = length ? (size_t)atoi(length + 16) : 0;
        if (end && n >= (size_t)(end + 4 - text) + body) return true;
    }
}

static void *serve_puppet(void *arg)
{
    puppet *p = arg;
    int held[64], holds = 0;
    for (;;) {
        int fd = accept(p->fd, NULL, NULL);
        if (fd < 0 || atomic_load(&p->stop)) {
            if (fd >= 0) close(fd);
            break;
        }
        atomic_fetch_add(&p->accepted, 1);
        while (read_request(fd)) {
            size_t n = atomic_fetch_add(&p->asked, 1);
            const char *say = p->script[n < p->count ? n : p->count - 1];
            if (!*say) break;
            if (strcmp(say, "hang") == 0) {
                held[holds++ % 64] = fd;
                fd = -1;
                break;
            }
            if (send(fd, say, strlen(say), MSG_NOSIGNAL) < 0 || strstr(say, "close")) break;
        }
        if (fd >= 0) close(fd);
    }
    while (holds--) close(held[holds]);
    return NULL;
}

static bool puppet_start(leattest *t, puppet *p, const char *const *script, size_t count)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *p = (puppet){.script = script, .count = count, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    atomic_init(&p->asked, 0);
    atomic_init(&p->accepted, 0);
    atomic_init(&p->stop, false);
    bool good = bind(p->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(p->fd, 16) == 0 &&
                getsockname(p->fd, (struct sockaddr *)&at, &length) == 0 &&
                pthread_create(&p->thread, NULL, serve_puppet, p) == 0;
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return CHECK(good);
}

static void puppet_stop(puppet *p)
{
    atomic_store(&p->stop, true);
    shutdown(p->fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->fd);
}

#define ANSWER(text) OK200 "Content-Length: 2\r\n\r\n" text

/* What one call does with one server that follows a script. */
typedef struct trial {
    const char *script[3];
    bool changes;
    leat_status status;
    const char *words; /* of the message, or the body */
    unsigned tries, asked;
} trial;

static const trial trials[] = {
    {{ANSWER("ok")}, false, LEAT_OK, "ok", 1, 1},
    {{"", ANSWER("ok")}, false, LEAT_OK, "ok", 2, 2},
    {{"", "", ANSWER("ok")}, false, LEAT_OK, "ok", 3, 3},
    {{""}, false, LEAT_NETWORK, "3 tries|connection closed", 3, 3},
    {{"", ANSWER("ok")}, true, LEAT_NETWORK, "connection closed", 1, 1},
    {{OK200 "Content-Length: 9\r\n\r\nclose", ANSWER("ok")}, false, LEAT_OK, "ok", 2, 2},
    {{OK200 "Content-Length: 9\r\n\r\nclose", ANSWER("ok")},
     true,
     LEAT_NETWORK,
     "ended within",
     1,
     1},
    {{"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", ANSWER("ok")}, false, LEAT_OK, "ok", 2, 2},
    {{"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", ANSWER("ok")}, true, LEAT_OK, "", 1, 1},
    {{"HTTP/1.1 503 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", ANSWER("ok")},
     true,
     LEAT_OK,
     "ok",
     2,
     2},
    {{"HTTP/1.1 429 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", ANSWER("ok")},
     true,
     LEAT_OK,
     "ok",
     2,
     2},
    {{"HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n", ANSWER("ok")}, false, LEAT_OK, "", 1, 1},
    {{"HTTP/1.1 503 x\r\nRetry-After: 99\r\nContent-Length: 2\r\n\r\nno"},
     false,
     LEAT_OK,
     "no",
     1,
     1},
    {{"HTTP/1.1 500 x\r\nContent-Length: 2\r\n\r\nno", ANSWER("ok")}, false, LEAT_OK, "no", 1, 1},
    {{"hang", ANSWER("ok")}, false, LEAT_OK, "ok", 2, 2},
    {{"hang", ANSWER("ok")}, true, LEAT_NETWORK, "no answer in time", 1, 1},
    {{"nonsense\r\n\r\n", ANSWER("ok")}, false, LEAT_FORMAT, "not HTTP/1.1", 1, 1},
};

static void tries_do_no_harm(leattest *t)
{
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        const trial *w = &trials[i];
        size_t steps = w->script[2] ? 3 : w->script[1] ? 2 : 1;
        leat_client_options o = leat_client_options_default();
        leat_client *k = NULL;
        puppet p;
        o.retries = 2;
        o.timeout = 3;
        o.try_timeout = 0.3;
        if (!puppet_start(t, &p, w->script, steps)) return;
        const char *url = p.url;
        leat_client_reply r;
        leat_client_request q = {.path = "/x", .body = "{}", .length = 2, .changes = w->changes};
        if (!CHECK_OK(leat_client_create(t->context, &k, &url, 1, &o))) return;
        leat_status st = leat_client_ask(t->context, k, &q, &r);
        bool good = w->status == LEAT_OK ? CHECK_OK(st) && CHECK_STR(r.body, w->words) &&
                                               CHECK_INT(r.tries, w->tries)
                                         : CHECK_FAILS(st, w->status, w->words);
        good = CHECK_INT(atomic_load(&p.asked), w->asked) && good;
        if (!good) printf("    trial %zu\n", i);
        leat_client_reply_free(&r);
        leat_client_destroy(k);
        puppet_stop(&p);
    }
}

/* The other server is asked at once, without a wait; the one that failed is left in peace. */
static void another_server_steps_in(leattest *t)
{
    static const char *const dead[] = {""}, *const live[] = {ANSWER("ok")};
    static const char *const ways[] = {"power-of-two", "random", "round-robin",
                                       "least-connections"};
    for (int w = 0; w < 4; w++) {
        puppet p[2];
        leat_client *k = NULL;
        leat_client_options o = leat_client_options_default();
        if (!puppet_start(t, &p[0], dead, 1) || !puppet_start(t, &p[1], live, 1)) return;
        const char *urls[] = {"127.0.0.1:1", p[0].url, p[1].url};
        o.balance = ways[w];
        if (!CHECK_OK(leat_client_create(t->context, &k, urls, 3, &o))) return;
        for (int i = 0; i < 30; i++) {
            leat_client_reply r;
            leat_client_request q = {.path = "/"};
            if (!CHECK_OK(leat_client_ask(t->context, k, &q, &r))) break;
            CHECK_STR(r.server, p[1].url);
            leat_client_reply_free(&r);
        }
        leat_client_counts n = leat_client_count(k);
        CHECK_INT(n.requests, 30);
        CHECK(n.retries <= 12);
        CHECK(atomic_load(&p[1].accepted) == 1); /* kept open */
        leat_client_destroy(k);
        puppet_stop(&p[0]);
        puppet_stop(&p[1]);
    }
}

/* A connection that the server closed while it rested is no failure, nor does it cost a try. */
static void resting_connections_may_end(leattest *t)
{
    static const char *const script[] = {OK200 "Content-Length: 5\r\n\r\nclose"};
    puppet p;
    leat_client *k = NULL;
    leat_client_options o = leat_client_options_default();
    o.once = true;
    if (!puppet_start(t, &p, script, 1)) return;
    const char *url = p.url;
    REQUIRE_OK(leat_client_create(t->context, &k, &url, 1, &o));
    for (int i = 0; i < 20; i++) {
        leat_client_reply r;
        leat_client_request q = {.path = "/", .changes = false};
        CHECK_OK(leat_client_ask(t->context, k, &q, &r));
        CHECK_INT(r.tries, 1);
        leat_client_reply_free(&r);
    }
    leat_client_destroy(k);
    puppet_stop(&p);
}

static void balancing_is_even(leattest *t)
{
    static const char *const script[] = {ANSWER("ok")};
    static const char *const ways[] = {"round-robin", "random", "power-of-two",
                                       "least-connections"};
    puppet p[3];
    const char *urls[3];
    for (int i = 0; i < 3; i++) {
        if (!puppet_start(t, &p[i], script, 1)) return;
        urls[i] = p[i].url;
    }
    for (int w = 0; w < 4; w++) {
        leat_client *k = NULL;
        leat_client_options o = leat_client_options_default();
        o.balance = ways[w];
        o.idle = 1;
        size_t before[3];
        for (int i = 0; i < 3; i++) before[i] = atomic_load(&p[i].asked);
        if (!CHECK_OK(leat_client_create(t->context, &k, urls, 3, &o))) break;
        for (int i = 0; i < 300; i++) {
            leat_client_reply r;
            leat_client_request q = {.path = "/"};
            CHECK_OK(leat_client_ask(t->context, k, &q, &r));
            leat_client_reply_free(&r);
        }
        leat_client_destroy(k);
        for (int i = 0; i < 3; i++) {
            size_t got = atomic_load(&p[i].asked) - before[i];
            if (w == 0) CHECK_INT(got, 100);
            else CHECK(got > 59 && got < 141); /* 5 standard deviations */
        }
    }
    for (int i = 0; i < 3; i++) puppet_stop(&p[i]);
}

/* Many clients that are started alike and ask once do not all ask the same server. */
static void clients_choose_apart(leattest *t)
{
    enum { CLIENTS = 40 };
    static const char *const script[] = {ANSWER("ok")};
    puppet p[3];
    const char *urls[3];
    for (int i = 0; i < 3; i++) {
        if (!puppet_start(t, &p[i], script, 1)) return;
        urls[i] = p[i].url;
    }
    for (int i = 0; i < CLIENTS; i++) {
        leat_client *k = NULL;
        leat_client_reply r;
        leat_client_request q = {.path = "/"};
        if (!CHECK_OK(leat_client_create(t->context, &k, urls, 3, NULL))) break;
        CHECK_OK(leat_client_ask(t->context, k, &q, &r));
        leat_client_reply_free(&r);
        leat_client_destroy(k);
    }
    for (int i = 0; i < 3; i++) { /* one in 4 million leaves one out */
        CHECK(atomic_load(&p[i].asked) > 0);
        puppet_stop(&p[i]);
    }
}

/* A call that runs out of time before a try says nothing of the server that it would have asked. */
static void servers_that_were_not_asked_stay_as_they_were(leattest *t)
{
    const char *url = "127.0.0.1:1";
    leati_fleet *f = NULL;
    bool fresh = false;
    REQUIRE_OK(leati_fleet_create(t->context, &f, &url, 1, NULL, 1, 7));
    leati_fleet_tried first = {{0}}, second = first, third = first;
    CHECK_INT(leati_fleet_pick(f, &first, &fresh), 0);
    CHECK(fresh);
    leati_fleet_leave(f, 0, false, 4);
    CHECK_INT(leati_fleet_pick(f, &second, &fresh), 0);
    CHECK(!fresh);
    leati_fleet_unpick(f, 0);
    CHECK_INT(leati_fleet_pick(f, &third, &fresh), 0);
    CHECK(!fresh);
    leati_fleet_destroy(f);
}

static const struct {
    const char *url, *words;
} bad_urls[] = {{"", "no server"},
                {"ftp://x", "no server"},
                {"http://", "no server"},
                {"http://:80", "no server"},
                {"http://a:", "no server"},
                {"http://a:8x", "no server"},
                {"http://a:800000", "from 1 to 65535"},
                {"http://a:65536", "from 1 to 65535"},
                {"127.0.0.1:99999", "from 1 to 65535"},
                {"[::1]:0", "from 1 to 65535"},
                {"http://u@a", "no server"},
                {"http://a b", "no server"},
                {"http://a/?x", "no server"},
                {"a:b:80", "no server"},
                {"unix:", "no server"},
                {"http://a\r\nX: y", "no server"}};

static void wrong_calls_are_refused(leattest *t)
{
    leat_client *k = NULL;
    leat_client_options o = leat_client_options_default();
    const char *url = "127.0.0.1:1";
    char path[100];
    for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++)
        CHECK_FAILS(leat_client_create(t->context, &k, &bad_urls[i].url, 1, NULL), LEAT_INVALID,
                    bad_urls[i].words);
    CHECK_FAILS(leat_client_create(t->context, &k, &url, 0, NULL), LEAT_INVALID, "1 to 256");
    o.balance = "best";
    CHECK_FAILS(leat_client_create(t->context, &k, &url, 1, &o), LEAT_INVALID, "no way to balance");
    o = leat_client_options_default();
    o.key = "a\r\nX: y";
    CHECK_FAILS(leat_client_create(t->context, &k, &url, 1, &o), LEAT_INVALID, "key");
    o = leat_client_options_default();
    o.timeout = (double)NAN;
    CHECK_FAILS(leat_client_create(t->context, &k, &url, 1, &o), LEAT_INVALID, "time");
    o = leat_client_options_default();
    o.once = true;
    REQUIRE_OK(leat_client_create(t->context, &k, &url, 1, &o));
    leat_client_reply r;
    leat_client_request q = {.path = "/x y"};
    CHECK_FAILS(leat_client_ask(t->context, k, &q, &r), LEAT_INVALID, "path");
    q = (leat_client_request){.path = "x"};
    CHECK_FAILS(leat_client_ask(t->context, k, &q, &r), LEAT_INVALID, "path");
    q = (leat_client_request){.path = "/", .method = "GET / HTTP/1.1\r\n"};
    CHECK_FAILS(leat_client_ask(t->context, k, &q, &r), LEAT_INVALID, "method");
    q = (leat_client_request){.path = "/", .type = "a\r\nb"};
    CHECK_FAILS(leat_client_ask(t->context, k, &q, &r), LEAT_INVALID, "type");
    const char *header = "X: y\r\nZ: w";
    q = (leat_client_request){.path = "/", .headers = &header, .header_count = 1};
    CHECK_FAILS(leat_client_ask(t->context, k, &q, &r), LEAT_INVALID, "header");
    q = (leat_client_request){.path = "/"};
    CHECK_FAILS(leat_client_ask(t->context, k, &q, &r), LEAT_NETWORK, "127.0.0.1:1|refused");
    leat_client_destroy(k);
    CHECK_OK(leat_client_path(t->context, "a b%:3", path, sizeof path) == LEAT_INVALID
                 ? LEAT_OK
                 : LEAT_INVALID);
    leat_error_clear(t->context);
    CHECK_OK(leat_client_path(t->context, "iris", path, sizeof path));
    CHECK_STR(path, "/api/v1/iris");
    CHECK_OK(leat_client_path(t->context, "w%\xc3\xa9:12", path, sizeof path));
    CHECK_STR(path, "/api/v1/w%25%C3%A9/versions/12");
    CHECK_FAILS(leat_client_path(t->context, "a/b", path, sizeof path), LEAT_INVALID, "no model");
    CHECK_FAILS(leat_client_path(t->context, "a:0", path, sizeof path), LEAT_INVALID, "no model");
    CHECK_FAILS(leat_client_path(t->context, "", path, sizeof path), LEAT_INVALID, "no model");
}

/* --- real servers ----------------------------------------------------------------------------- */

/* The table and models of it: classes of text, whole numbers as classes, numbers. */
typedef struct place {
    leat_frame *table;
    leat_model *models[3];
    leat_server *servers[2];
    leat_client *client;
} place;

static const char *const model_names[] = {"kind", "round", "weight"};

static bool open_place(leattest *t, place *w)
{
    leat_context *c = t->context;
    char paths[3][512];
    const char *models[3], *urls[2];
    *w = (place){.table = leattest_table(c, 300, 11)};
    if (!CHECK(w->table)) return false;
    w->models[0] = leattest_model(c, w->table, "kind", "weight|id", "cart", NULL, "auto");
    w->models[1] = leattest_model(c, w->table, "round", "weight|id", "cart", NULL, "auto");
    w->models[2] = leattest_model(c, w->table, "weight", "kind|id", "ridge", NULL, "auto");
    for (int i = 0; i < 3; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.leat", model_names[i]);
        snprintf(paths[i], sizeof paths[i], "%s", leattest_scratch(name));
        models[i] = paths[i];
        if (!CHECK(w->models[i]) || !CHECK_OK(leat_model_save(c, w->models[i], paths[i])))
            return false;
    }
    for (int i = 0; i < 2; i++) {
        leat_serve_options o = leat_serve_options_default();
        o.listen = "127.0.0.1:0";
        o.models = models;
        o.model_count = 3;
        o.workers = 1;
        leat_status st = leat_server_start(c, &o, &w->servers[i]);
        if (st == LEAT_UNSUPPORTED) {
            leat_error_clear(c);
            leattest_skip(t, "this build has no server");
            return false;
        }
        if (!CHECK_OK(st)) return false;
        urls[i] = leat_server_url(w->servers[i]);
    }
    return CHECK_OK(leat_client_create(c, &w->client, urls, 2, NULL));
}

static void close_place(place *w)
{
    leat_client_destroy(w->client);
    for (int i = 0; i < 2; i++) leat_server_destroy(w->servers[i]);
    for (int i = 0; i < 3; i++) leat_model_release(w->models[i]);
    leat_frame_release(w->table);
}

/* Written out, two frames are the same bytes. */
static bool same_frames(leattest *t, const leat_frame *a, const leat_frame *b)
{
    char texts[2][512];
    snprintf(texts[0], sizeof texts[0], "%s", leattest_scratch("a.csv"));
    snprintf(texts[1], sizeof texts[1], "%s", leattest_scratch("b.csv"));
    const leat_frame *f[] = {a, b};
    for (int i = 0; i < 2; i++)
        if (!CHECK_OK(leat_frame_write(t->context, f[i], texts[i], NULL))) return false;
    char command[1200];
    snprintf(command, sizeof command, "cmp -s '%s' '%s'", texts[0], texts[1]);
    return CHECK_INT(system(command), 0);
}

static void tables_are_predicted_as_at_home(leattest *t)
{
    static const uint32_t parallels[] = {1, 3}, sizes[] = {0, 7, 300};
    place w;
    if (open_place(t, &w))
        for (int m = 0; m < 3; m++) {
            leat_frame *home = NULL, *away = NULL;
            CHECK_OK(leat_model_predict(t->context, w.models[m], w.table, true, &home));
            for (int p = 0; p < 2; p++)
                for (int s = 0; s < 3; s++) {
                    leat_call_options o = leat_call_options_default();
                    o.probabilities = true;
                    o.parallel = parallels[p];
                    o.rows = sizes[s];
                    if (!CHECK_OK(leat_client_predict(t->context, w.client, model_names[m], w.table,
                                                      &o, &away)))
                        continue;
                    if (!same_frames(t, home, away)) printf("    %s\n", model_names[m]);
                    leat_frame_release(away);
                }
            leat_frame_release(home);
        }
    close_place(&w);
}

static void rows_and_refusals_speak(leattest *t)
{
    static const char *const names[] = {"length", "width", "colour", "round", "when"};
    static const char *const values[] = {"1.5", "", "red & blue", "yes", "2024-03-01"};
    place w;
    leat_frame *f = NULL;
    const char *text;
    size_t n, column;
    if (open_place(t, &w)) {
        leat_context *c = t->context;
        if (CHECK_OK(leat_client_predict_row(c, w.client, "kind:1", names, values, 5, true, &f))) {
            CHECK(leat_frame_text(f, 0, 0, &text, &n));
            CHECK(leat_frame_find(f, "p_ash", &column));
            leat_frame_release(f);
        }
        CHECK_FAILS(leat_client_predict_row(c, w.client, "kind", names, values, 4, false, &f),
                    LEAT_TYPE, "'when' is missing|422");
        CHECK_FAILS(leat_client_predict_row(c, w.client, "absent", names, values, 5, false, &f),
                    LEAT_NOT_FOUND, "no model 'absent'");
        leat_frame *other = NULL;
        if (CHECK_OK(leat_data_load(c, &other, "iris", NULL)))
            CHECK_FAILS(leat_client_predict(c, w.client, "kind", other, NULL, &f), LEAT_NOT_FOUND,
                        "length");
        leat_frame_release(other);
    }
    close_place(&w);
}

/* https with an authority that the client trusts, and with one that it does not. */
static void certificates_are_checked(leattest *t)
{
    char certificate[512], key[512], url[64], other[512];
    leat_server *s = NULL;
    leat_client *k = NULL;
    leat_client_options o = leat_client_options_default();
    const char *model, *list = url;
    char path[512];
    leat_context *c = t->context;
    snprintf(certificate, sizeof certificate, "%s", leattest_scratch("cert.pem"));
    snprintf(key, sizeof key, "%s", leattest_scratch("key.pem"));
    snprintf(other, sizeof other, "%s", leattest_scratch("other.pem"));
    if (!leattest_certificate(other, key, NULL) || !leattest_certificate(certificate, key, NULL)) {
        leattest_skip(t, "this build has no OpenSSL");
        return;
    }
    leat_frame *table = leattest_table(c, 100, 3);
    leat_model *m = leattest_model(c, table, "weight", "kind|id", "ridge", NULL, "auto");
    snprintf(path, sizeof path, "%s", leattest_scratch("weight.leat"));
    model = path;
    leat_serve_options so = leat_serve_options_default();
    so.listen = "127.0.0.1:0";
    so.models = &model;
    so.model_count = 1;
    so.workers = 1;
    so.tls_cert = certificate;
    so.tls_key = key;
    bool good = CHECK(m) && CHECK_OK(leat_model_save(c, m, path));
    leat_status st = good ? leat_server_start(c, &so, &s) : LEAT_OK;
    if (st == LEAT_UNSUPPORTED) leat_error_clear(c), leattest_skip(t, "this build has no server");
    else if (good && CHECK_OK(st)) {
        leat_client_reply r;
        leat_client_request q = {.path = "/api/v1/weight"};
        snprintf(url, sizeof url, "%s", leat_server_url(s));
        o.ca = certificate;
        o.once = true;
        CHECK_OK(leat_client_create(c, &k, &list, 1, &o));
        for (int i = 0; i < 3; i++) {
            leattest_openssl_error();
            if (CHECK_OK(leat_client_ask(c, k, &q, &r))) {
                CHECK_INT(r.status, 200);
                CHECK(strstr(r.body, "\"target\":\"weight\""));
                leat_client_reply_free(&r);
            }
        }
        CHECK_INT(leat_client_count(k).connections, 1);
        leat_frame *told = NULL;
        CHECK_OK(leat_client_predict(c, k, "weight", table, NULL, &told));
        leat_frame_release(told);
        leat_client_destroy(k);
        o.ca = other; /* signed by somebody else */
        CHECK_OK(leat_client_create(c, &k, &list, 1, &o));
        CHECK_FAILS(leat_client_ask(c, k, &q, &r), LEAT_NETWORK, "does not answer");
        leat_client_destroy(k);
        o.ca = certificate; /* another name than the certificate says */
        snprintf(url, sizeof url, "https://127.0.0.2%s", strrchr(leat_server_url(s), ':'));
        CHECK_OK(leat_client_create(c, &k, &list, 1, &o));
        leat_status failed = leat_client_ask(c, k, &q, &r);
        CHECK_FAILS(failed, LEAT_NETWORK, "does not answer");
        leat_client_destroy(k);
        o.ca = leattest_scratch("absent.pem");
        CHECK_FAILS(leat_client_create(c, &k, &list, 1, &o), LEAT_INVALID, "absent.pem");
    }
    leat_server_destroy(s);
    leat_model_release(m);
    leat_frame_release(table);
}

#if LEAT_HAVE_OPENSSL
/* A server that does by TLS what the bytes that come tell it: 'w' writes 20 bytes, 't' gives a
 * ticket for a later session, 'c' says that it closes. */
typedef struct teller {
    int listener;
    SSL_CTX *tls;
} teller;

static void *tell_tls(void *arg)
{
    const teller *h = arg;
    char what;
    size_t n;
    int fd = accept(h->listener, NULL, NULL);
    SSL *s = SSL_new(h->tls);
    SSL_set_fd(s, fd);
    bool good = SSL_accept(s) == 1;
    while (good && SSL_read_ex(s, &what, 1, &n) == 1) {
        if (what == 'w') good = SSL_write_ex(s, "0123456789abcdefghij", 20, &n) == 1;
        if (what == 't') good = SSL_new_session_ticket(s) == 1 && SSL_do_handshake(s) == 1;
        if (what == 'c') (void)SSL_shutdown(s);
    }
    SSL_free(s);
    close(fd);
    return NULL;
}

static bool bytes_come(const leati_stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    return poll(&p, 1, 5000) == 1;
}

static void check_rest(leattest *t, leati_stream *s)
{
    char text[32];
    size_t got;
    double until = leati_now_s() + 10;
    CHECK_INT(leati_stream_send(s, "w", 1, until), LEATI_STREAM_OK);
    REQUIRE(leati_stream_receive(s, text, 10, &got, until) == LEATI_STREAM_OK && got == 10);
    CHECK(!leati_stream_rests(s)); /* half of a record is there, deciphered */
    REQUIRE(leati_stream_receive(s, text, 10, &got, until) == LEATI_STREAM_OK && got == 10);
    CHECK(leati_stream_rests(s));
    CHECK_INT(leati_stream_send(s, "t", 1, until), LEATI_STREAM_OK);
    CHECK(bytes_come(s));
    CHECK(leati_stream_rests(s)); /* a ticket is nothing that was said */
    CHECK_INT(leati_stream_send(s, "c", 1, until), LEATI_STREAM_OK);
    CHECK(bytes_come(s));
    CHECK(!leati_stream_rests(s));
}

static void rest_is_known_under_tls(leattest *t)
{
    char certificate[512], key[512], port[8];
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof a;
    pthread_t thread;
    leati_trust *trust = NULL;
    leati_stream s;
    snprintf(certificate, sizeof certificate, "%s", leattest_scratch("rest.pem"));
    snprintf(key, sizeof key, "%s", leattest_scratch("rest.key"));
    REQUIRE(leattest_certificate(certificate, key, NULL));
    teller h = {socket(AF_INET, SOCK_STREAM, 0), SSL_CTX_new(TLS_server_method())};
    SSL_CTX_use_certificate_file(h.tls, certificate, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(h.tls, key, SSL_FILETYPE_PEM);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(h.listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(h.listener, 1) == 0 &&
          getsockname(h.listener, (struct sockaddr *)&a, &length) == 0);
    snprintf(port, sizeof port, "%u", (unsigned)ntohs(a.sin_port));
    pthread_create(&thread, NULL, tell_tls, &h);
    CHECK_OK(leati_trust_create(t->context, &trust, certificate));
    leati_stream_result opened =
        leati_stream_open(t->context, &s, NULL, "127.0.0.1", port, trust, leati_now_s() + 10);
    if (CHECK_INT(opened, LEATI_STREAM_OK)) check_rest(t, &s);
    leati_stream_close(&s);
    pthread_join(thread, NULL);
    close(h.listener);
    SSL_CTX_free(h.tls);
    leati_trust_destroy(trust);
}
#else
static void rest_is_known_under_tls(leattest *t)
{
    leattest_skip(t, "this build has no OpenSSL");
}
#endif

/* One server ends while tables are asked for: what it had is asked of the other. */
static void *end_server(void *arg)
{
    const struct timespec pause = {.tv_nsec = 30 * 1000 * 1000};
    nanosleep(&pause, NULL);
    leat_server_drain(arg, 5);
    return NULL;
}

static void a_server_may_end_meanwhile(leattest *t)
{
    place w;
    pthread_t thread;
    if (open_place(t, &w) && CHECK(pthread_create(&thread, NULL, end_server, w.servers[0]) == 0)) {
        for (int i = 0; i < 20; i++) {
            leat_frame *f = NULL;
            leat_call_options o = leat_call_options_default();
            o.parallel = 4;
            o.rows = 10;
            if (!CHECK_OK(leat_client_predict(t->context, w.client, "kind", w.table, &o, &f)))
                break;
            leat_frame_release(f);
        }
        pthread_join(thread, NULL);
    }
    close_place(&w);
}

typedef struct failing {
    const char *url;
    const leat_frame *table;
} failing;

static leat_status call_all(leat_context *c, void *arg)
{
    const failing *f = arg;
    leat_client *k = NULL;
    leat_frame *out = NULL;
    leat_call_options o = leat_call_options_default();
    o.probabilities = true;
    o.rows = 150;
    leat_status st = leat_client_create(c, &k, &f->url, 1, NULL);
    if (st == LEAT_OK) st = leat_client_predict(c, k, "kind", f->table, &o, &out);
    leat_frame_release(out);
    static const char *const names[] = {"length", "width", "colour", "round", "when"};
    static const char *const values[] = {"1.5", "2", "red", "yes", "2024-03-01"};
    out = NULL;
    if (st == LEAT_OK) st = leat_client_predict_row(c, k, "kind", names, values, 5, true, &out);
    leat_frame_release(out);
    leat_client_destroy(k);
    return st;
}

static void allocations_may_fail(leattest *t)
{
    place w;
    if (open_place(t, &w)) {
        failing f = {leat_server_url(w.servers[0]), w.table};
        leattest_fail_allocations(t, call_all, &f);
    }
    close_place(&w);
}

static const leattest_case cases[] = {TEST(answers_are_read_in_every_cut),
                                      TEST(bytes_behind_an_answer_are_left),
                                      TEST(tries_do_no_harm),
                                      TEST(another_server_steps_in),
                                      TEST(resting_connections_may_end),
                                      TEST(balancing_is_even),
                                      TEST(clients_choose_apart),
                                      TEST(servers_that_were_not_asked_stay_as_they_were),
                                      TEST(wrong_calls_are_refused),
                                      TEST(tables_are_predicted_as_at_home),
                                      TEST(rows_and_refusals_speak),
                                      TEST(certificates_are_checked),
                                      TEST(rest_is_known_under_tls),
                                      TEST(a_server_may_end_meanwhile),
                                      TEST(allocations_may_fail)};
LEATTEST_MAIN(cases)
