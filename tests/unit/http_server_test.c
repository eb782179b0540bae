/* The HTTP server: the table of raw requests over sockets and through the machine in every cut,
 * limits, time-outs, draining, compression, clients that are slow or go away. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>
#if LEAT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "serve/server.h"
#include "support/http_app.h"
#include "support/leattest.h"

typedef struct raw_case {
    const char *name, *data;
    size_t length;
    const char *answer, *contains;
} raw_case;

#define CASE(name, data, answer, contains) {#name, data, sizeof(data) - 1, answer, contains},
static const raw_case cases[] = {
#include "http_cases.def"
};
#undef CASE
#define GET_OK "GET / HTTP/1.1\r\nHost: leat\r\n\r\n"
enum { CASES = sizeof cases / sizeof *cases };

/* --- a client ----------------------------------------------------------------------------- */

typedef struct client {
    int fd;
    char *data;
    size_t size, capacity;
    bool end;
} client;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool client_open(client *k, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *k = (client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    return k->fd >= 0 && connect(k->fd, (const struct sockaddr *)&a, sizeof a) == 0;
}

static void client_close(client *k)
{
    close(k->fd);
    free(k->data);
    *k = (client){.fd = -1};
}

static bool client_send(client *k, const char *data, size_t length)
{
    while (length) {
        ssize_t n = send(k->fd, data, length, MSG_NOSIGNAL);
        if (n <= 0) return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

static bool client_text(client *k, const char *text)
{
    return client_send(k, text, strlen(text));
}

/* Waits for more; false after `limit` seconds or at the end. */
static bool client_read(client *k, double limit)
{
    struct pollfd p = {k->fd, POLLIN, 0};
    if (k->end || poll(&p, 1, (int)(limit * 1000)) <= 0) return false;
    if (k->capacity - k->size < 65536) {
        k->capacity = (k->size + 65536) * 2;
        k->data = realloc(k->data, k->capacity);
        if (!k->data) abort();
    }
    ssize_t n = recv(k->fd, k->data + k->size, k->capacity - k->size - 1, 0);
    if (n <= 0) {
        k->end = true;
        return false;
    }
    k->size += (size_t)n;
    k->data[k->size] = '\0';
    return true;
}

/* Reads until `count` answers are there, or (count 0) to the end; only what fails waits as long as
 * the limit. */
static void client_answers(client *k, int count, bool head, char *statuses, size_t room)
{
    double until = seconds() + 20;
    statuses[0] = '\0';
    for (;;) {
        if (k->size) http_replies(k->data, k->size, head, statuses, room);
        int have = *statuses != '\0';
        for (const char *at = statuses; *at; at++) have += *at == ' ';
        if (count && have >= count) return;
        if (seconds() > until || !client_read(k, until - seconds())) return;
    }
}

static bool client_has(const client *k, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= k->size; i++)
        if (memcmp(k->data + i, text, length) == 0) return true;
    return false;
}

/* --- a server ----------------------------------------------------------------------------- */

typedef struct fixture {
    http_app app;
    leat_context *context; /* of the server's own */
    leati_http_server *server;
    uint16_t port;
    pthread_mutex_t lock;
    pthread_t threads[64];
    size_t count;
    bool hold; /* /later does not end until this is false */
} fixture;

typedef struct late {
    fixture *f;
    leati_http_exchange *ex;
} late;

static void *finish_later(void *argument)
{
    late *l = argument;
    struct timespec nap = {0, 3000000};
    bool hold;
    do {
        nanosleep(&nap, NULL);
        pthread_mutex_lock(&l->f->lock);
        hold = l->f->hold;
        pthread_mutex_unlock(&l->f->lock);
    } while (hold);
    http_app_finish_later(l->ex);
    free(l);
    return NULL;
}

static void start_later(http_app *app, leati_http_exchange *ex)
{
    fixture *f = app->user;
    late *l = malloc(sizeof *l);
    if (!l) abort();
    *l = (late){f, ex};
    pthread_mutex_lock(&f->lock);
    if (f->count == sizeof f->threads / sizeof *f->threads ||
        pthread_create(&f->threads[f->count++], NULL, finish_later, l) != 0)
        abort();
    pthread_mutex_unlock(&f->lock);
}

/* budget: of bodies; NULL: none */
static bool fixture_start_with(leattest *t, fixture *f, const leati_http_options *options,
                               leati_http_budget *budget)
{
    leati_http_options o = *options;
    if (!LEAT_HAVE_SERVER) {
        leattest_skip(t, "this build has no server");
        return false;
    }
    memset(f, 0, sizeof *f);
    http_app_init(&f->app);
    f->app.later = start_later;
    f->app.user = f;
    f->app.budget = budget;
    pthread_mutex_init(&f->lock, NULL);
    if (!o.listen) o.listen = "127.0.0.1:0";
    if (!o.workers) o.workers = 2;
    if (!CHECK_OK(leati_http_server_start(t->context, &o, &f->app.routes, &f->server)))
        return false;
    f->port = leati_http_server_port(f->server);
    return true;
}

static bool fixture_start(leattest *t, fixture *f, const leati_http_options *options)
{
    return fixture_start_with(t, f, options, NULL);
}

static void fixture_hold(fixture *f, bool hold)
{
    pthread_mutex_lock(&f->lock);
    f->hold = hold;
    pthread_mutex_unlock(&f->lock);
}

static void fixture_stop(leattest *t, fixture *f)
{
    fixture_hold(f, false);
    leati_http_server_destroy(f->server);
    for (size_t i = 0; i < f->count; i++) pthread_join(f->threads[i], NULL);
    CHECK_INT(atomic_load(&f->app.done), atomic_load(&f->app.admitted));
    pthread_mutex_destroy(&f->lock);
}

/* --- the table ---------------------------------------------------------------------------- */

/* "200 200 open": the statuses, and what becomes of the connection. */
static int split_answer(const char *answer, char *statuses, size_t room, const char **then)
{
    const char *last = strrchr(answer, ' ');
    int count = 0;
    *then = last ? last + 1 : answer;
    snprintf(statuses, room, "%.*s", last ? (int)(last - answer) : 0, answer);
    for (const char *at = answer; *at; at++) count += *at == ' ';
    return count;
}

static bool check_case(leattest *t, const raw_case *c, uint16_t port)
{
    static const char probe[] = "GET /show?probe HTTP/1.1\r\nHost: leat\r\n\r\n";
    char want[64], got[64];
    const char *then;
    client k;
    bool head = strncmp(c->data, "HEAD", 4) == 0, ok;
    int count = split_answer(c->answer, want, sizeof want, &then);
    if (!CHECK(client_open(&k, port))) return false;
    client_send(&k, c->data, c->length);
    if (strcmp(then, "cut") == 0) shutdown(k.fd, SHUT_WR);
    client_answers(&k, strcmp(then, "open") == 0 ? count : 0, head, got, sizeof got);
    ok = strcmp(got, want) == 0 && client_has(&k, c->contains);
    if (strcmp(then, "open") == 0) {
        k.size = 0;
        client_send(&k, probe, sizeof probe - 1);
        client_answers(&k, 1, false, want, sizeof want);
        ok = ok && strcmp(want, "200") == 0 && client_has(&k, "query=probe;");
    } else ok = ok && k.end;
    if (!ok)
        printf("    case %s: expected \"%s\" with \"%s\", got \"%s\"%s, %.300s\n", c->name,
               c->answer, c->contains, got, k.end ? ", closed" : "", k.data ? k.data : "");
    client_close(&k);
    return ok;
}

static void table_by_sockets(leattest *t)
{
    fixture f;
    leati_http_options o = {.compress = true};
    if (!fixture_start(t, &f, &o)) return;
    int wrong = 0;
    for (size_t i = 0; i < CASES; i++) wrong += !check_case(t, &cases[i], f.port);
    CHECK_INT(wrong, 0);
    CHECK(CASES >= 150);
    fixture_stop(t, &f);
}

/* The same answers whatever the pieces, also when replies are slow to be written. */
static void table_in_every_cut(leattest *t)
{
    static const size_t cuts[] = {0, 1, 2, 3, 7, 64};
    if (!leati_framing_name()) {
        leattest_skip(t, "this build has no server");
        return;
    }
    for (size_t i = 0; i < CASES; i++)
        for (size_t j = 0; j < sizeof cuts / sizeof *cuts; j++)
            for (unsigned delay = 0; delay < 2; delay++) {
                char want[64], got[64];
                const char *then;
                http_wire w;
                split_answer(cases[i].answer, want, sizeof want, &then);
                if (!CHECK(http_wire_init(&w, t->context, true))) return;
                w.delay = delay;
                http_wire_feed(&w, cases[i].data, cases[i].length, cuts[j]);
                http_wire_settle(&w);
                if (strcmp(then, "cut") == 0) leati_http_conn_eof(&w.conn);
                http_wire_settle(&w);
                bool head = strncmp(cases[i].data, "HEAD", 4) == 0, whole;
                whole = http_replies(w.sent.size ? w.sent.data : "", w.sent.size, head, got,
                                     sizeof got) == w.sent.size;
                const char *statuses = got;
                if (strncmp(statuses, "100 ", 4) == 0)
                    statuses += 4; /* the body was not here yet */
                bool ok =
                    whole && strcmp(statuses, want) == 0 && w.closed == (strcmp(then, "open") != 0);
                if (!ok)
                    printf("    case %s in pieces of %zu: expected \"%s\", got \"%s\"%s\n",
                           cases[i].name, cuts[j], cases[i].answer, got,
                           w.closed ? ", closed" : "");
                CHECK(ok);
                http_wire_fini(&w);
            }
}

/* --- limits ------------------------------------------------------------------------------- */

/* Sends `data`, reads to the end or `count` answers, returns the statuses. */
static const char *ask(uint16_t port, const char *data, size_t length, int count, char *statuses,
                       size_t room)
{
    client k;
    statuses[0] = '\0';
    if (client_open(&k, port)) {
        client_send(&k, data, length);
        client_answers(&k, count, false, statuses, room);
        client_close(&k);
    }
    return statuses;
}

static char *repeat(const char *before, const char *text, size_t times, const char *behind,
                    size_t *length)
{
    size_t a = strlen(before), b = strlen(text), c = strlen(behind);
    char *all = malloc(a + b * times + c + 1);
    if (!all) abort();
    memcpy(all, before, a);
    for (size_t i = 0; i < times; i++) memcpy(all + a + i * b, text, b);
    memcpy(all + a + b * times, behind, c + 1);
    *length = a + b * times + c;
    return all;
}

static void long_heads(leattest *t)
{
    static const struct {
        const char *before, *text;
        size_t times;
        const char *behind, *answer;
    } heads[] = {{"GET /?", "a", 8190, " HTTP/1.1\r\nHost: leat\r\n\r\n", "200"},
                 {"GET /?", "a", 8191, " HTTP/1.1\r\nHost: leat\r\n\r\n", "414"},
                 {"GET /", "a", 70000, " HTTP/1.1\r\nHost: leat\r\n\r\n", "414"},
                 {"GET /", "a", 20000, "", "414"},
                 {"", "G", 20000, "", "414"},
                 {"GET / HTTP/1.1\r\nHost: leat\r\nX: ", "v", 16000, "\r\n\r\n", "200"},
                 {"GET / HTTP/1.1\r\nHost: leat\r\nX: ", "v", 16400, "\r\n\r\n", "431"},
                 {"GET / HTTP/1.1\r\nHost: leat\r\n", "X: v\r\n", 5000, "\r\n", "431"},
                 {"GET / HTTP/1.1\r\nHost: leat\r\n", "v", 17000, ": v\r\n\r\n", "431"},
                 {"POST /big HTTP/1.1\r\nHost: leat\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "1\r\nx\r\n", 10000, "0\r\n\r\n", "200"},
                 {"POST /big HTTP/1.1\r\nHost: leat\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "1\r\nx\r\n", 20000, "0\r\n\r\n", "400"},
                 {"POST /echo HTTP/1.1\r\nHost: leat\r\nTransfer-Encoding: chunked\r\n\r\n3;", "x",
                  300, "\r\nabc\r\n0\r\n\r\n", "400"},
                 {"POST /echo HTTP/1.1\r\nHost: leat\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
                  "v", 70000, "\r\n\r\n", "400"}};
    fixture f;
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t length;
        char statuses[64];
        char *data =
            repeat(heads[i].before, heads[i].text, heads[i].times, heads[i].behind, &length);
        CHECK_STR(ask(f.port, data, length, 1, statuses, sizeof statuses), heads[i].answer);
        free(data);
    }
    fixture_stop(t, &f);
}

static void large_bodies(leattest *t)
{
    enum { SIZE = (5 << 20) - 13 };
    fixture f;
    client k;
    char statuses[64], head[160];
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    char *data = malloc(SIZE);
    REQUIRE(data != NULL);
    for (size_t i = 0; i < SIZE; i++) data[i] = (char)(i * 2654435761u >> 13);
    REQUIRE(client_open(&k, f.port));
    int n = snprintf(head, sizeof head,
                     "POST /big HTTP/1.1\r\nHost: leat\r\nContent-Length: %d\r\n\r\n", SIZE);
    client_send(&k, head, (size_t)n);
    client_send(&k, data, SIZE);
    client_answers(&k, 1, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    CHECK(k.size > SIZE && memcmp(k.data + k.size - SIZE - 1, data, SIZE) == 0);
    CHECK(atomic_load(&f.app.arrived) > 0);
    k.size = 0;
    client_text(&k, GET_OK);
    client_answers(&k, 1, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    client_close(&k);
    free(data);
    fixture_stop(t, &f);
}

/* Thousands of requests in one go, and a client that does not read: the server waits with it. */
static void pipelining_without_reading(leattest *t)
{
    enum { REQUESTS = 3000 };
    fixture f;
    client k;
    size_t length;
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    char *data = repeat("", "GET /text?9999 HTTP/1.1\r\nHost: leat\r\n\r\n", REQUESTS, "", &length),
         *all;
    REQUIRE(client_open(&k, f.port));
    fcntl(k.fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0;
    double until = seconds() + 20;
    while (sent < length && seconds() < until) {
        ssize_t n = send(k.fd, data + sent, length - sent, MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        else client_read(&k, 0.1);
    }
    CHECK_INT(sent, length);
    all = malloc(REQUESTS * 4 + 1);
    REQUIRE(all != NULL);
    client_answers(&k, REQUESTS, false, all, REQUESTS * 4 + 1);
    CHECK_INT(strlen(all), REQUESTS * 4 - 1);
    client_close(&k);
    free(all);
    free(data);
    fixture_stop(t, &f);
}

static void expect_continue(leattest *t)
{
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: leat\r\nExpect: 100-continue\r\n"
                               "Content-Length: 3\r\n\r\n";
    fixture f;
    client k;
    char statuses[64];
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    REQUIRE(client_open(&k, f.port));
    client_send(&k, head, sizeof head - 1);
    client_answers(&k, 1, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "100");
    client_text(&k, "abc");
    client_answers(&k, 2, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "100 200");
    CHECK(client_has(&k, "<abc>"));
    client_close(&k);
    fixture_stop(t, &f);
}

static void too_many_connections(leattest *t)
{
    enum { MOST = 8 };
    fixture f;
    client k[MOST], more;
    char statuses[64];
    if (!fixture_start(t, &f, &(leati_http_options){.connections = MOST})) return;
    for (int i = 0; i < MOST; i++) {
        REQUIRE(client_open(&k[i], f.port));
        client_text(&k[i], GET_OK);
        client_answers(&k[i], 1, false, statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
    }
    REQUIRE(client_open(&more, f.port));
    client_answers(&more, 0, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "503");
    CHECK(more.end && client_has(&more, "Retry-After: "));
    client_close(&more);
    for (int i = 0; i < MOST; i++) client_close(&k[i]);
    double until = seconds() + 3;
    do ask(f.port, GET_OK, sizeof GET_OK - 1, 1, statuses, sizeof statuses);
    while (strcmp(statuses, "200") != 0 && seconds() < until);
    CHECK_STR(statuses, "200");
    fixture_stop(t, &f);
}

/* --- time --------------------------------------------------------------------------------- */

static void slow_clients(leattest *t)
{
    static const struct {
        const char *sent, *answer;
    } slow[] = {
        {"", ""},
        {GET_OK, "200"},
        {"GET / HTTP/1.1\r\nHost: le", "408"},
        {"\r", ""},
        {"POST /echo HTTP/1.1\r\nHost: leat\r\nContent-Length: 9\r\n\r\nabc", "408"},
        {"POST /echo HTTP/1.1\r\nHost: leat\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na", "408"},
        {"POST /early HTTP/1.1\r\nHost: leat\r\nContent-Length: 9\r\n\r\nabc", "401"}};
    enum { COUNT = sizeof slow / sizeof *slow };
    fixture f;
    client k[COUNT];
    char statuses[64];
    leati_http_options o = {.head_seconds = 1, .body_seconds = 1, .idle_seconds = 1};
    if (!fixture_start(t, &f, &o)) return;
    double began = seconds();
    for (int i = 0; i < COUNT; i++) {
        REQUIRE(client_open(&k[i], f.port));
        client_send(&k[i], slow[i].sent, strlen(slow[i].sent));
    }
    for (int i = 0; i < COUNT; i++) {
        client_answers(&k[i], 0, false, statuses, sizeof statuses);
        CHECK_STR(statuses, slow[i].answer);
        CHECK(k[i].end);
        client_close(&k[i]);
    }
    CHECK(seconds() - began > 0.9);
    fixture_stop(t, &f);
}

/* A byte now and then does not keep a head alive; a body that moves does. */
static void slow_loris(leattest *t)
{
    static const char head[] =
        "GET / HTTP/1.1\r\nHost: leat\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const char post[] = "POST /big HTTP/1.1\r\nHost: leat\r\nContent-Length: 120000\r\n\r\n";
    fixture f;
    client k, moving;
    char statuses[64], some[4000] = "";
    leati_http_options o = {.head_seconds = 1, .body_seconds = 1, .idle_seconds = 1};
    if (!fixture_start(t, &f, &o)) return;
    REQUIRE(client_open(&k, f.port) && client_open(&moving, f.port));
    client_send(&moving, post, sizeof post - 1);
    for (int i = 0; i < 30; i++) {
        if (!k.end) client_send(&k, head + i, 1);
        client_send(&moving, some, sizeof some);
        client_read(&k, 0.05);
        struct timespec nap = {0, 20000000};
        nanosleep(&nap, NULL);
    }
    client_answers(&k, 0, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "408");
    client_answers(&moving, 1, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    client_close(&k);
    client_close(&moving);
    fixture_stop(t, &f);
}

/* Sends a little, then reads for a tenth of a second. */
static void drip(client *k)
{
    static const char some[1200];
    if (!k->end) client_send(k, some, sizeof some);
    client_read(k, 0.1);
}

enum { SLOW_LENGTH = 800000 };

/* What a slow body and others that want its memory met. */
typedef struct contest {
    double gap; /* longest time between two pieces of the slow body, s */
    bool held;  /* it kept its place while nobody else came */
    size_t used;
    int refused;
    char other[64], slow[64];
} contest;

static bool run_contest(uint16_t port, leati_http_budget *budget, contest *c)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: leat\r\nContent-Length: 800000\r\n\r\n";
    static char body[SLOW_LENGTH];
    client slow, other;
    *c = (contest){0};
    if (!client_open(&slow, port)) return false;
    client_send(&slow, head, sizeof head - 1);
    double last = seconds();
    for (double until = last + 2.7; last < until;) {
        drip(&slow);
        double time = seconds();
        if (time - last > c->gap) c->gap = time - last;
        last = time;
    }
    c->held = !slow.end && slow.size == 0;
    c->used = atomic_load(&budget->used);
    for (int i = 0; i < 100 && strcmp(c->other, "200") != 0; i++) {
        drip(&slow);
        if (!client_open(&other, port)) return false;
        client_send(&other, head, sizeof head - 1);
        client_read(&other, 0.05); /* a refusal comes at once */
        if (!other.size) client_send(&other, body, sizeof body);
        client_answers(&other, 1, false, c->other, sizeof c->other);
        client_close(&other);
        c->refused += strcmp(c->other, "503") == 0;
    }
    client_answers(&slow, 0, false, c->slow, sizeof c->slow);
    client_close(&slow);
    return true;
}

/* A slow body keeps its share of the memory for all bodies as long as nobody else wants it; then it
 * has to hurry or make room. Where the machine stood still, the body did too, and is cut rightly:
 * that says nothing. */
static void slow_bodies_make_room(leattest *t)
{
    fixture f;
    contest c;
    leati_http_budget budget = {.most = 1000000};
    leati_http_options o = {.body_seconds = 1, .workers = 1};
    if (!fixture_start_with(t, &f, &o, &budget)) return;
    for (int i = 0; i < 5; i++) {
        REQUIRE(run_contest(f.port, &budget, &c));
        if (c.gap < 0.4 || (c.held && c.refused)) break;
    }
    CHECK(c.held);
    CHECK(c.used >= SLOW_LENGTH);
    CHECK_STR(c.other, "200");
    CHECK(c.refused > 0);
    CHECK_STR(c.slow, "408");
    fixture_stop(t, &f);
}

/* The same of a reply that is taken slowly, though faster than what is cut anyway. */
static void slow_readers_make_room(leattest *t)
{
    static const char ask[] = "GET /text?9999999 HTTP/1.1\r\nHost: leat\r\n\r\n";
    fixture f;
    client slow;
    char some[2048], statuses[64] = "";
    int small = 16384, refused = 0;
    double began = seconds(), first = 0; /* answer to another one */
    leati_http_budget budget = {.most = 12000000};
    leati_http_options o = {.body_seconds = 1, .workers = 1};
    if (!fixture_start_with(t, &f, &o, &budget)) return;
    REQUIRE(client_open(&slow, f.port));
    setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_send(&slow, ask, sizeof ask - 1);
    client_read(&slow, 5);
    CHECK(atomic_load(&budget.used) > 9000000);
    for (int i = 0; i < 100 && strcmp(statuses, "200") != 0; i++) {
        client other;
        for (int j = 0; j < 3; j++) {
            struct timespec nap = {0, 20000000};
            nanosleep(&nap, NULL);
            (void)!recv(slow.fd, some, sizeof some, MSG_DONTWAIT);
        }
        REQUIRE(client_open(&other, f.port));
        client_send(&other, ask, sizeof ask - 1);
        client_answers(&other, 1, false, statuses, sizeof statuses);
        client_close(&other);
        if (i == 0) first = seconds();
        refused += strcmp(statuses, "503") == 0;
    }
    CHECK_STR(statuses, "200");
    CHECK(refused > 0 || first - began > 1); /* later there may be room at once */
    client_close(&slow);
    fixture_stop(t, &f);
}

/* Takes so many bytes at a time, about thirty times a second, until `done` exchanges are over or
 * the time is. */
static void take_slowly(fixture *f, const client *k, const size_t *each, int clients, unsigned done,
                        double time)
{
    char some[8192];
    double until = seconds() + time;
    while (atomic_load(&f->app.done) < done && seconds() < until) {
        struct timespec nap = {0, 30000000};
        nanosleep(&nap, NULL);
        for (int i = 0; i < clients; i++) (void)!recv(k[i].fd, some, each[i], MSG_DONTWAIT);
    }
}

/* Who takes a byte of a reply now and then is given up when the time has passed twice at most: once
 * the buffers between take what it does not. Who takes it slowly, but steadily and faster than the
 * bound, is not, however long it takes. */
static void slow_readers(leattest *t)
{
    enum { LENGTH = 9999999, SPAN = 2 };
    static const char ask[] = "GET /text?9999999 HTTP/1.1\r\nHost: leat\r\n\r\n";
    /* About 250 kB and 33 bytes a second; the bound: 4 kB, which kernels tell in steps of 64 kB,
     * and the machine may be busy with other things. */
    static const size_t each[2] = {8000, 1};
    fixture f;
    client k[2];
    char some[8192];
    int small = 16384;
    size_t whole = 0;
    leati_http_options o = {.body_seconds = SPAN};
    if (!fixture_start(t, &f, &o)) return;
    for (int i = 0; i < 2; i++) {
        REQUIRE(client_open(&k[i], f.port));
        if (i) setsockopt(k[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        client_send(&k[i], ask, sizeof ask - 1);
    }
    take_slowly(&f, k, each, 2, 1, 5 * SPAN);
    CHECK_INT(atomic_load(&f.app.done), 1); /* the dripping one was given up */
    take_slowly(&f, k, each, 1, 2, 2 * SPAN);
    CHECK_INT(atomic_load(&f.app.done), 1);
    for (ssize_t n; (n = recv(k[0].fd, some, sizeof some, 0)) > 0;) {
        whole += (size_t)n;
        if (whole > LENGTH / 2) break;
    }
    CHECK(whole > LENGTH / 2); /* and the rest of the reply still comes */
    client_close(&k[0]);
    client_close(&k[1]);
    fixture_stop(t, &f);
}

static void clients_go_away(leattest *t)
{
    static const char *const sent[] = {
        "GET /later HTTP/1.1\r\nHost: leat\r\n\r\n", "GET / HTTP/1.1\r\nHo",
        "POST /echo HTTP/1.1\r\nHost: leat\r\nContent-Length: 9\r\n\r\nabc",
        "GET /text?9999999 HTTP/1.1\r\nHost: leat\r\n\r\n"};
    fixture f;
    char statuses[64];
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    for (int i = 0; i < 40; i++) {
        client k;
        struct linger hard = {1, 0};
        REQUIRE(client_open(&k, f.port));
        client_send(&k, sent[i % 4], strlen(sent[i % 4]));
        if (i & 4) setsockopt(k.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        if (i & 8) client_read(&k, 0.002);
        client_close(&k);
    }
    CHECK_STR(ask(f.port, GET_OK, sizeof GET_OK - 1, 1, statuses, sizeof statuses), "200");
    fixture_stop(t, &f);
}

/* --- draining ----------------------------------------------------------------------------- */

static void *drain_now(void *server)
{
    leati_http_server_drain(server, 5);
    return NULL;
}

static void drain_is_graceful(leattest *t)
{
    fixture f;
    client idle, busy, tardy;
    pthread_t drainer;
    char statuses[64];
    struct timespec nap = {0, 100000000};
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    fixture_hold(&f, true);
    REQUIRE(client_open(&idle, f.port) && client_open(&busy, f.port));
    client_text(&idle, GET_OK);
    client_answers(&idle, 1, false, statuses, sizeof statuses);
    client_text(&busy, "GET /later HTTP/1.1\r\nHost: leat\r\n\r\n");
    nanosleep(&nap, NULL);
    REQUIRE(pthread_create(&drainer, NULL, drain_now, f.server) == 0);
    nanosleep(&nap, NULL);
    CHECK(!client_open(&tardy, f.port)); /* nobody listens */
    client_close(&tardy);
    idle.size = 0;
    client_text(&idle, GET_OK); /* the last chance of an idle connection */
    client_answers(&idle, 0, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    CHECK(idle.end && client_has(&idle, "Connection: close"));
    fixture_hold(&f, false);
    client_answers(&busy, 0, false, statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    CHECK(busy.end && client_has(&busy, "Connection: close"));
    double began = seconds();
    pthread_join(drainer, NULL);
    CHECK(seconds() - began < 2);
    client_close(&idle);
    client_close(&busy);
    fixture_stop(t, &f);
}

static void drain_cuts_in_the_end(leattest *t)
{
    fixture f;
    client k;
    char statuses[64];
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    fixture_hold(&f, true);
    REQUIRE(client_open(&k, f.port));
    client_text(&k, "GET /later HTTP/1.1\r\nHost: leat\r\n\r\n");
    struct timespec nap = {0, 100000000};
    nanosleep(&nap, NULL);
    double began = seconds();
    leati_http_server_drain(f.server, 0.3);
    CHECK(seconds() - began < 2);
    client_answers(&k, 0, false, statuses, sizeof statuses);
    CHECK(k.end);
    CHECK_STR(statuses, "");
    client_close(&k);
    fixture_stop(t, &f);
    CHECK_INT(atomic_load(&f.app.lost), 1);
}

/* --- many at once ------------------------------------------------------------------------- */

enum { ENDERS = 3, CLIENTS = 6 };

/* Exchanges that other threads end, as those of a batching queue do. */
typedef struct crowd {
    fixture f;
    pthread_cond_t more;
    leati_http_exchange *waiting[4096];
    size_t count;
    bool over;
    atomic_bool draining;
    atomic_uint answered, wrong;
} crowd;

static void join_queue(http_app *app, leati_http_exchange *ex)
{
    crowd *w = app->user;
    pthread_mutex_lock(&w->f.lock);
    if (w->count == sizeof w->waiting / sizeof *w->waiting) abort();
    w->waiting[w->count++] = ex;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->f.lock);
}

static void *end_exchanges(void *argument)
{
    crowd *w = argument;
    for (;;) {
        pthread_mutex_lock(&w->f.lock);
        while (!w->count && !w->over) pthread_cond_wait(&w->more, &w->f.lock);
        leati_http_exchange *ex = w->count ? w->waiting[--w->count] : NULL;
        pthread_mutex_unlock(&w->f.lock);
        if (!ex) return NULL;
        http_app_finish_later(ex);
    }
}

static void *ask_much(void *argument)
{
    static const struct {
        const char *data;
        int count;
        const char *statuses; /* NULL: goes away without waiting */
    } asked[] = {{GET_OK, 1, "200"},
                 {GET_OK GET_OK GET_OK, 3, "200 200 200"},
                 {"GET /later HTTP/1.1\r\nHost: leat\r\n\r\n" GET_OK, 2, "200 200"},
                 {"GET /later HTTP/1.1\r\nHost: leat\r\n\r\n", 1, "200"},
                 {"GET /later HTTP/1.1\r\nHost: leat\r\n\r\n", 0, NULL},
                 {"GET /later HTTP/1.1\r\nHost: leat\r\nAccept-Encoding: gzip\r\n\r\n"
                  "GET /text?3000 HTTP/1.1\r\nHost: leat\r\nAccept-Encoding: gzip\r\n\r\n",
                  2, "200 200"},
                 {"POST /echo HTTP/1.1\r\nHost: leat\r\nContent-Length: 5\r\n\r\nabcde", 1, "200"},
                 {"POST /echo HTTP/1.1\r\nHost: leat\r\nContent-Length: 5\r\n\r\nab", 0, NULL},
                 {"GET / HTTP/1.1\r\n\r\n", 1, "400"}};
    crowd *w = argument;
    for (unsigned i = 0; !atomic_load(&w->draining); i++) {
        client k;
        char statuses[64];
        bool open = client_open(&k, w->f.port);
        for (unsigned j = 0; open && j < 5; j++) {
            size_t pick = (i * 7 + j * 5) % (sizeof asked / sizeof *asked);
            k.size = 0;
            client_text(&k, asked[pick].data);
            if (!asked[pick].statuses) break;
            client_answers(&k, asked[pick].count, false, statuses, sizeof statuses);
            if (strcmp(statuses, asked[pick].statuses) == 0) atomic_fetch_add(&w->answered, 1);
            else if (!atomic_load(&w->draining)) atomic_fetch_add(&w->wrong, 1);
            if (asked[pick].statuses[0] != '2') break;
        }
        client_close(&k);
    }
    return NULL;
}

static void many_at_once(leattest *t)
{
    crowd *w = calloc(1, sizeof *w);
    pthread_t enders[ENDERS], clients[CLIENTS];
    struct timespec while_it_runs = {0, 500000000};
    REQUIRE(w != NULL);
    if (!fixture_start(t, &w->f, &(leati_http_options){.compress = true})) {
        free(w);
        return;
    }
    w->f.app.later = join_queue;
    w->f.app.user = w;
    pthread_cond_init(&w->more, NULL);
    for (int i = 0; i < ENDERS; i++) pthread_create(&enders[i], NULL, end_exchanges, w);
    for (int i = 0; i < CLIENTS; i++) pthread_create(&clients[i], NULL, ask_much, w);
    nanosleep(&while_it_runs, NULL);
    atomic_store(&w->draining, true);
    leati_http_server_drain(w->f.server, 2);
    for (int i = 0; i < CLIENTS; i++) pthread_join(clients[i], NULL);
    CHECK_INT(atomic_load(&w->wrong), 0);
    CHECK(atomic_load(&w->answered) > 20);
    leati_http_server_destroy(w->f.server);
    w->f.server = NULL;
    pthread_mutex_lock(&w->f.lock);
    w->over = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->f.lock);
    for (int i = 0; i < ENDERS; i++) pthread_join(enders[i], NULL);
    pthread_cond_destroy(&w->more);
    fixture_stop(t, &w->f);
    free(w);
}

/* --- compression -------------------------------------------------------------------------- */

static size_t gzip(const char *data, size_t size, char *to, size_t room)
{
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    deflateEnd(&z);
    return room - z.avail_out;
}

/* POST to /big with a coding; returns the status. */
static const char *post_coded(client *k, const char *coding, const char *data, size_t length,
                              char *statuses, size_t room)
{
    char head[200];
    int n = snprintf(head, sizeof head,
                     "POST /big HTTP/1.1\r\nHost: leat\r\nContent-Encoding: %s\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     coding, length);
    k->size = 0;
    client_send(k, head, (size_t)n);
    client_send(k, data, length);
    client_answers(k, 1, false, statuses, room);
    return statuses;
}

static void coded_requests(leattest *t)
{
    enum { SIZE = 30 << 20, ROOM = 1 << 20 };
    fixture f;
    client k;
    char statuses[64];
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    char *data = calloc(1, SIZE), *packed = malloc(ROOM);
    REQUIRE(data && packed);
    REQUIRE(client_open(&k, f.port));
    memcpy(data, "hello hello hello", 17);
    size_t n = gzip(data, 17, packed, ROOM);
    CHECK_STR(post_coded(&k, "gzip", packed, n, statuses, sizeof statuses), "200");
    CHECK(client_has(&k, "<hello hello hello>"));
    CHECK_STR(post_coded(&k, "GZip", packed, n, statuses, sizeof statuses), "200");
    uLongf zn = ROOM;
    REQUIRE(compress((Bytef *)packed, &zn, (const Bytef *)data, 17) == Z_OK);
    CHECK_STR(post_coded(&k, "deflate", packed, zn, statuses, sizeof statuses), "200");
    CHECK(client_has(&k, "<hello hello hello>"));
#if LEAT_HAVE_ZSTD
    n = ZSTD_compress(packed, ROOM, data, 17, 3);
    CHECK_STR(post_coded(&k, "zstd", packed, n, statuses, sizeof statuses), "200");
    CHECK(client_has(&k, "<hello hello hello>"));
#endif
    /* A million zeros are a body; thirty are a bomb. */
    n = gzip(data, 1000000, packed, ROOM);
    CHECK_STR(post_coded(&k, "gzip", packed, n, statuses, sizeof statuses), "200");
    CHECK(k.size > 1000000);
    n = gzip(data, SIZE, packed, ROOM);
    CHECK_STR(post_coded(&k, "gzip", packed, n, statuses, sizeof statuses), "413");
    CHECK(client_has(&k, "bomb"));
    client_close(&k);
    REQUIRE(client_open(&k, f.port));
    n = gzip(data, 17, packed, ROOM);
    packed[n] = 'x';
    CHECK_STR(post_coded(&k, "gzip", packed, n + 1, statuses, sizeof statuses), "400");
    client_close(&k);
#if LEAT_HAVE_ZSTD
    REQUIRE(client_open(&k, f.port));
    n = ZSTD_compress(packed, ROOM, data, SIZE, 3);
    CHECK_STR(post_coded(&k, "zstd", packed, n, statuses, sizeof statuses), "413");
    client_close(&k);
    REQUIRE(client_open(&k, f.port));
    n = ZSTD_compress(packed, ROOM, data, 17, 3);
    packed[0] = '\x26'; /* a frame of a format before the standard */
    CHECK_STR(post_coded(&k, "zstd", packed, n, statuses, sizeof statuses), "400");
    client_close(&k);
#endif
    free(data);
    free(packed);
    fixture_stop(t, &f);
}

/* The body of the one answer in `k`. */
static const char *body_of(const client *k, size_t *length)
{
    const char *at = k->data ? strstr(k->data, "\r\n\r\n") : NULL;
    *length = at ? k->size - (size_t)(at + 4 - k->data) : 0;
    return at ? at + 4 : "";
}

static void coded_replies(leattest *t)
{
    static const struct {
        const char *accept, *coding;
    } asks[] = {{"gzip", "gzip"},
                {"gzip, deflate, br", "gzip"},
                {"br;q=1, gzip;q=0.5", "gzip"},
                {"gzip;q=0", NULL},
                {"identity", NULL},
                {"br", NULL},
                {"GZIP", "gzip"},
                {"gzip, zstd", LEAT_HAVE_ZSTD ? "zstd" : "gzip"},
                {"gzip, zstd;q=0.000", "gzip"},
                {"zstd;q=0.5, gzip", "gzip"},
                {"zstd; q=0.5 , gzip;q=0.501", "gzip"},
                {"gzip;q=0.25, zstd;Q=0.3", LEAT_HAVE_ZSTD ? "zstd" : "gzip"},
                {"gzip;q=1.0, zstd;q=0.999", "gzip"},
                {"identity, gzip;q=0.9", NULL},
                {"identity;q=0.5, gzip;q=0.5", "gzip"},
                {"identity;q=0, gzip;q=0.001", "gzip"}};
    fixture f;
    client k, plain;
    char statuses[64], request[200];
    size_t length, whole;
    if (!fixture_start(t, &f, &(leati_http_options){.compress = true})) return;
    REQUIRE(client_open(&plain, f.port));
    client_text(&plain, "GET /text?5000 HTTP/1.1\r\nHost: leat\r\n\r\n");
    client_answers(&plain, 1, false, statuses, sizeof statuses);
    const char *want = body_of(&plain, &whole);
    CHECK_INT(whole, 5000);
    CHECK(client_has(&plain, "Vary: Accept-Encoding") && !client_has(&plain, "Content-Encoding"));
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        char line[64] = "", got[6000];
        if (asks[i].coding) snprintf(line, sizeof line, "Content-Encoding: %s\r\n", asks[i].coding);
        REQUIRE(client_open(&k, f.port));
        int n = snprintf(request, sizeof request,
                         "GET /text?5000 HTTP/1.1\r\nHost: leat\r\nAccept-Encoding: %s\r\n\r\n",
                         asks[i].accept);
        client_send(&k, request, (size_t)n);
        client_answers(&k, 1, false, statuses, sizeof statuses);
        const char *body = body_of(&k, &length);
        CHECK(asks[i].coding ? client_has(&k, line) && length < 4000
                             : !client_has(&k, "Content-Encoding"));
        if (asks[i].coding && strcmp(asks[i].coding, "gzip") == 0) {
            z_stream z = {.next_in = (Bytef *)(uintptr_t)body, .avail_in = (uInt)length};
            z.next_out = (Bytef *)got;
            z.avail_out = sizeof got;
            CHECK(inflateInit2(&z, 31) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END);
            CHECK(z.total_out == 5000 && memcmp(got, want, 5000) == 0);
            inflateEnd(&z);
        }
#if LEAT_HAVE_ZSTD
        if (asks[i].coding && strcmp(asks[i].coding, "zstd") == 0)
            CHECK(ZSTD_decompress(got, sizeof got, body, length) == 5000 &&
                  memcmp(got, want, 5000) == 0);
#endif
        client_close(&k);
    }
    client_close(&plain);
    fixture_stop(t, &f);
}

/* --- starting ----------------------------------------------------------------------------- */

static void addresses(leattest *t)
{
    fixture f;
    http_app app;
    leati_http_server *second;
    char address[64];
    http_app_init(&app);
    if (!fixture_start(t, &f, &(leati_http_options){0})) return;
    CHECK(f.port != 0);
    CHECK_INT(leati_http_server_workers(f.server), 2);
    snprintf(address, sizeof address, "127.0.0.1:%u", f.port);
    leati_http_options o = {.listen = address, .workers = 1};
    CHECK_FAILS(leati_http_server_start(t->context, &o, &app.routes, &second), LEAT_IO,
                "another program listens");
    o.listen = "8080";
    CHECK_FAILS(leati_http_server_start(t->context, &o, &app.routes, &second), LEAT_INVALID,
                "HOST:PORT");
    o.listen = "127.0.0.1:http:";
    CHECK_FAILS(leati_http_server_start(t->context, &o, &app.routes, &second), LEAT_INVALID,
                "HOST:PORT");
    o.listen = "no.such.host.invalid:80";
    CHECK_FAILS(leati_http_server_start(t->context, &o, &app.routes, &second), LEAT_INVALID,
                "no.such.host.invalid");
    o.listen = "127.0.0.1:0";
    o.tls_certificate = "/nowhere/cert.pem";
    o.tls_key = "/nowhere/key.pem";
    leat_status st = leati_http_server_start(t->context, &o, &app.routes, &second);
    CHECK_FAILS(st, LEAT_HAVE_OPENSSL ? LEAT_NOT_FOUND : LEAT_UNSUPPORTED, "TLS");
    fixture_stop(t, &f);
}

static void unix_sockets(leattest *t)
{
    fixture f;
    char listen[300], statuses[64];
    const char *path = leattest_scratch("http.sock");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    client k = {0};
    snprintf(listen, sizeof listen, "unix:%s", path);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    for (int i = 0; i < 2; i++) {
        if (!fixture_start(t, &f, &(leati_http_options){.listen = listen})) return;
        k = (client){.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
        REQUIRE(connect(k.fd, (const struct sockaddr *)&a, sizeof a) == 0);
        client_text(&k, GET_OK);
        client_answers(&k, 1, false, statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
        client_close(&k);
        fixture_stop(t, &f);
    }
}

static leat_status start_and_stop(leat_context *c, void *argument)
{
    http_app *app = argument;
    leati_http_server *server;
    leati_http_options o = {.listen = "127.0.0.1:0", .workers = 2};
    leat_status st = leati_http_server_start(c, &o, &app->routes, &server);
    if (st == LEAT_OK) leati_http_server_destroy(server);
    return st;
}

static void starting_without_memory(leattest *t)
{
    http_app app;
    http_app_init(&app);
    if (!LEAT_HAVE_SERVER) {
        leattest_skip(t, "this build has no server");
        return;
    }
    leattest_fail_allocations(t, start_and_stop, &app);
}

/* --- memory running out while requests are served ----------------------------------------- */

typedef struct scarce {
    long left;
} scarce;

static void *scarce_alloc(void *user, size_t bytes)
{
    scarce *s = user;
    return s->left-- > 0 ? malloc(bytes) : NULL;
}

static void scarce_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static void serving_without_memory(leattest *t)
{
    static const char requests[] =
        GET_OK "POST /echo HTTP/1.1\r\nHost: leat\r\nContent-Length: 5\r\n\r\nabcde"
               "GET /text?9999 HTTP/1.1\r\nHost: leat\r\nAccept-Encoding: gzip\r\n\r\n"
               "POST /echo HTTP/1.1\r\nHost: leat\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
               "GET /later HTTP/1.1\r\nHost: leat\r\n\r\n" GET_OK;
    for (long k = 1; k < 200; k++) {
        scarce s = {1 << 20};
        leat_allocator a = {&s, scarce_alloc, scarce_free};
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        http_wire w;
        char statuses[128] = "";
        o.allocator = &a;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        bool there = http_wire_init(&w, c, true);
        s.left = k;
        if (there) {
            http_wire_feed(&w, requests, sizeof requests - 1, 50);
            http_wire_settle(&w);
        }
        bool enough = s.left > 0;
        http_replies(w.sent.size ? w.sent.data : "", w.sent.size, false, statuses, sizeof statuses);
        http_wire_fini(&w);
        leat_context_destroy(c);
        if (!enough) continue;
        if (there) CHECK_STR(statuses, "200 200 200 200 200 200");
        return;
    }
    CHECK(!"200 allocations are not enough");
}

static const leattest_case tests[] = {TEST(table_in_every_cut),
                                      TEST(table_by_sockets),
                                      TEST(long_heads),
                                      TEST(large_bodies),
                                      TEST(pipelining_without_reading),
                                      TEST(expect_continue),
                                      TEST(too_many_connections),
                                      TEST(slow_clients),
                                      TEST(slow_loris),
                                      TEST(slow_bodies_make_room),
                                      TEST(slow_readers_make_room),
                                      TEST(slow_readers),
                                      TEST(clients_go_away),
                                      TEST(drain_is_graceful),
                                      TEST(drain_cuts_in_the_end),
                                      TEST(many_at_once),
                                      TEST(coded_requests),
                                      TEST(coded_replies),
                                      TEST(addresses),
                                      TEST(unix_sockets),
                                      TEST(starting_without_memory),
                                      TEST(serving_without_memory)};

LEATTEST_MAIN(tests)
