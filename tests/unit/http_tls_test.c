/* The server by TLS, spoken to by OpenSSL's client: versions, ALPN, long bodies, clients that are
 * none. */
#include <malloc.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "serve/server.h"
#include "support/certificate.h"
#include "support/http_app.h"
#include "support/leattest.h"

#if LEAT_HAVE_OPENSSL && LEAT_HAVE_SERVER
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define GET_OK "GET / HTTP/1.1\r\nHost: leat\r\n\r\n"

typedef struct fixture {
    http_app app;
    leati_http_server *server;
    char certificate[300], key[300];
} fixture;

static void now(http_app *app, leati_http_exchange *ex)
{
    (void)app;
    http_app_finish_later(ex);
}

static bool fixture_start(leattest *t, fixture *f)
{
    memset(f, 0, sizeof *f);
    http_app_init(&f->app);
    f->app.later = now;
    snprintf(f->certificate, sizeof f->certificate, "%s", leattest_scratch("leat.crt"));
    snprintf(f->key, sizeof f->key, "%s", leattest_scratch("leat.key"));
    leati_http_options o = {.listen = "127.0.0.1:0",
                            .workers = 2,
                            .head_seconds = 1,
                            .body_seconds = 1,
                            .tls_certificate = f->certificate,
                            .tls_key = f->key};
    return CHECK(leattest_certificate(f->certificate, f->key, NULL)) &&
           CHECK_OK(leati_http_server_start(t->context, &o, &f->app.routes, &f->server));
}

static void fixture_stop(leattest *t, fixture *f)
{
    leati_http_server_destroy(f->server);
    CHECK_INT(atomic_load(&f->app.done), atomic_load(&f->app.admitted));
}

typedef struct client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    char *data;
    size_t size, capacity;
} client;

static int connect_plain(const fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(leati_http_server_port(f->server))};
    struct timeval limit = {5, 0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? fd : -1;
}

/* `protocols` as ALPN writes them; true where the handshake succeeds. */
static bool client_open(client *k, const fixture *f, int version, const char *protocols)
{
    *k = (client){.fd = connect_plain(f), .ctx = SSL_CTX_new(TLS_client_method())};
    if (k->fd < 0 || !k->ctx) return false;
    SSL_CTX_set_min_proto_version(k->ctx, version);
    SSL_CTX_set_max_proto_version(k->ctx, version);
    SSL_CTX_load_verify_locations(k->ctx, f->certificate, NULL);
    SSL_CTX_set_verify(k->ctx, SSL_VERIFY_PEER, NULL);
    k->ssl = SSL_new(k->ctx);
    SSL_set_alpn_protos(k->ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
    SSL_set_fd(k->ssl, k->fd);
    return SSL_connect(k->ssl) == 1;
}

static void client_close(client *k)
{
    SSL_free(k->ssl);
    SSL_CTX_free(k->ctx);
    close(k->fd);
    free(k->data);
    ERR_clear_error();
}

static bool client_send(client *k, const char *data, size_t length)
{
    size_t written;
    return length == 0 || SSL_write_ex(k->ssl, data, length, &written) == 1;
}

/* Reads until `want` answers (statuses by blanks) are there, or the end. */
static void client_answers(client *k, const char *want, char *statuses, size_t room)
{
    size_t n;
    for (;;) {
        statuses[0] = '\0';
        if (k->size) http_replies(k->data, k->size, false, statuses, room);
        if (*want && strcmp(statuses, want) == 0) return;
        if (k->capacity - k->size < 65536) {
            k->capacity = (k->size + 65536) * 2;
            k->data = realloc(k->data, k->capacity);
            if (!k->data) abort();
        }
        if (SSL_read_ex(k->ssl, k->data + k->size, k->capacity - k->size, &n) != 1) return;
        k->size += n;
    }
}

static void versions(leattest *t)
{
    static const int good[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    fixture f;
    client k;
    char statuses[64];
    if (!fixture_start(t, &f)) return;
    for (size_t i = 0; i < 2; i++) {
        REQUIRE(client_open(&k, &f, good[i], "\x02h2\x08http/1.1"));
        const unsigned char *protocol;
        unsigned length;
        SSL_get0_alpn_selected(k.ssl, &protocol, &length);
        CHECK(length == 8 && memcmp(protocol, "http/1.1", 8) == 0);
        for (int j = 0; j < 3; j++) {
            k.size = 0;
            client_send(&k, GET_OK GET_OK, 2 * (sizeof GET_OK - 1));
            client_answers(&k, "200 200", statuses, sizeof statuses);
            CHECK_STR(statuses, "200 200");
        }
        k.size = 0;
        static const char last[] = "GET /later HTTP/1.1\r\nHost: leat\r\nConnection: close\r\n\r\n";
        client_send(&k, last, sizeof last - 1);
        client_answers(&k, "", statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
        CHECK(SSL_get_shutdown(k.ssl) & SSL_RECEIVED_SHUTDOWN); /* a close that says so */
        client_close(&k);
    }
    CHECK(!client_open(&k, &f, TLS1_1_VERSION, "\x08http/1.1"));
    client_close(&k);
    CHECK(!client_open(&k, &f, TLS1_3_VERSION, "\x02h2"));
    client_close(&k);
    fixture_stop(t, &f);
}

static bool served(client *k)
{
    char statuses[64];
    k->size = 0;
    client_send(k, GET_OK, sizeof GET_OK - 1);
    client_answers(k, "200", statuses, sizeof statuses);
    return strcmp(statuses, "200") == 0;
}

/* A certificate is renewed in its place: new connections have the new one, others go on. */
static void renewed(leattest *t)
{
    fixture f;
    client before, after;
    char kept[300];
    if (!fixture_start(t, &f)) return;
    REQUIRE(client_open(&before, &f, TLS1_3_VERSION, "\x08http/1.1"));
    CHECK(served(&before));
    REQUIRE(leattest_certificate(f.certificate, f.key, NULL));
    CHECK(!client_open(&after, &f, TLS1_3_VERSION, "\x08http/1.1")); /* it trusts the new one */
    client_close(&after);
    CHECK_OK(leati_http_server_renew(t->context, f.server));
    CHECK(client_open(&after, &f, TLS1_3_VERSION, "\x08http/1.1"));
    CHECK(served(&after));
    client_close(&after);
    /* Half of a renewal: the key is another's. */
    snprintf(kept, sizeof kept, "%s", leattest_scratch("other.crt"));
    REQUIRE(leattest_certificate(kept, f.key, NULL));
    CHECK_FAILS(leati_http_server_renew(t->context, f.server), LEAT_INVALID, f.key);
    CHECK(client_open(&after, &f, TLS1_3_VERSION, "\x08http/1.1"));
    CHECK(served(&after));
    client_close(&after);
    CHECK(served(&before));
    client_close(&before);
    fixture_stop(t, &f);
}

static void long_bodies(leattest *t)
{
    enum { SIZE = 3 << 20 };
    static const char get[] = "GET /text?9999999 HTTP/1.1\r\nHost: leat\r\n\r\n";
    fixture f;
    client k;
    char head[200], statuses[64], *data = malloc(SIZE);
    if (!fixture_start(t, &f)) return;
    REQUIRE(data && client_open(&k, &f, TLS1_3_VERSION, "\x08http/1.1"));
    for (size_t i = 0; i < SIZE; i++) data[i] = (char)(i * 2654435761u >> 13);
    for (int i = 0; i < 2; i++) {
        int n = snprintf(head, sizeof head,
                         "POST /big HTTP/1.1\r\nHost: leat\r\nContent-Length: %d\r\n\r\n", SIZE);
        k.size = 0;
        client_send(&k, head, (size_t)n);
        client_send(&k, data, SIZE);
        client_answers(&k, "200", statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
        CHECK(k.size > SIZE && memcmp(k.data + k.size - SIZE - 1, data, SIZE) == 0);
        k.size = 0;
        client_send(&k, get, sizeof get - 1);
        nanosleep(&(struct timespec){0, 20000000}, NULL); /* the server has to wait for us */
        client_answers(&k, "200", statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
        CHECK(k.size > 9999999);
    }
    client_close(&k);
    free(data);
    fixture_stop(t, &f);
}

/* What OpenSSL asked for at once, at most, and blocks of 32 kB and more that it has. */
static atomic_size_t largest;
static atomic_int blocks;

static bool is_large(void *block)
{
    return block && malloc_usable_size(block) >= 32 << 10;
}

static void *counted(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size > atomic_load(&largest)) atomic_store(&largest, size);
    bool was_large = is_large(block);
    void *fresh = size ? realloc(block, size) : NULL;
    atomic_fetch_add(&blocks, is_large(fresh) - was_large);
    return fresh;
}

static void *counted_malloc(size_t size, const char *file, int line)
{
    return counted(NULL, size, file, line);
}

static void counted_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_sub(&blocks, is_large(block));
    free(block);
}

/* A long reply is encrypted as fast as it is taken, not as a whole: else it would be in memory
 * three times, and the connection keep it. Comes first, before OpenSSL has memory. */
static void memory_of_replies(leattest *t)
{
    static const char get[] = "GET /text?9999999 HTTP/1.1\r\nHost: leat\r\n\r\n";
    fixture f;
    client k;
    char statuses[64];
    if (CRYPTO_set_mem_functions(counted_malloc, counted, counted_free) != 1) {
        leattest_skip(t, "OpenSSL has memory already");
        return;
    }
    if (!fixture_start(t, &f)) return;
    REQUIRE(client_open(&k, &f, TLS1_3_VERSION, "\x08http/1.1"));
    atomic_store(&largest, 0);
    for (int i = 0; i < 2; i++) {
        k.size = 0;
        client_send(&k, get, sizeof get - 1);
        nanosleep(&(struct timespec){0, 50000000}, NULL); /* the server has to wait for us */
        client_answers(&k, "200", statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
        CHECK(k.size > 9999999);
        k.size = 0;
        client_send(&k, GET_OK, sizeof GET_OK - 1);
        client_answers(&k, "200", statuses, sizeof statuses);
        CHECK_STR(statuses, "200");
    }
    CHECK(atomic_load(&largest) < 1 << 20);
    /* Nor does it keep what a body needed that came. */
    static const char head[] = "POST /big HTTP/1.1\r\nHost: leat\r\nContent-Length: 300000\r\n\r\n";
    char *body = calloc(300000, 1);
    int before = atomic_load(&blocks);
    REQUIRE(body);
    k.size = 0;
    client_send(&k, head, sizeof head - 1);
    client_send(&k, body, 300000);
    client_answers(&k, "200", statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    k.size = 0;
    client_send(&k, GET_OK, sizeof GET_OK - 1);
    client_answers(&k, "200", statuses, sizeof statuses);
    CHECK_INT(atomic_load(&blocks), before);
    free(body);
    client_close(&k);
    fixture_stop(t, &f);
}

/* Who takes a long reply slowly, but takes it, gets it, however little is encrypted at once. */
static void slow_readers(leattest *t)
{
    static const char get[] = "GET /text?5000000 HTTP/1.1\r\nHost: leat\r\n\r\n";
    fixture f;
    client k;
    int small = 65536;
    char *piece = malloc(65536);
    size_t total = 0, n;
    if (!fixture_start(t, &f)) return;
    REQUIRE(piece && client_open(&k, &f, TLS1_3_VERSION, "\x08http/1.1"));
    setsockopt(k.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_send(&k, get, sizeof get - 1);
    while (total < 5000000 && SSL_read_ex(k.ssl, piece, 65536, &n) == 1) {
        total += n;
        if (total < 3000000) nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    CHECK(total >= 5000000);
    client_close(&k);
    free(piece);
    fixture_stop(t, &f);
}

/* Plain HTTP, rubbish, silence and a handshake that stops: the connection ends, nothing else. */
static void no_tls(leattest *t)
{
    static const char hello[] = "\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03";
    static const struct {
        const char *data;
        size_t length;
    } sent[] = {{GET_OK, sizeof GET_OK - 1}, {"\0\1\2\3\4\5\6\7", 8}, {"", 0}, {hello, 11}};
    fixture f;
    client k;
    char statuses[64], back[4096];
    if (!fixture_start(t, &f)) return;
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        int fd = connect_plain(&f);
        REQUIRE(fd >= 0);
        if (sent[i].length) CHECK(send(fd, sent[i].data, sent[i].length, MSG_NOSIGNAL) > 0);
        ssize_t n;
        while ((n = recv(fd, back, sizeof back, 0)) > 0) CHECK(memcmp(back, "HTTP", 4) != 0);
        close(fd);
    }
    REQUIRE(client_open(&k, &f, TLS1_3_VERSION, "\x08http/1.1"));
    client_send(&k, GET_OK, sizeof GET_OK - 1);
    client_answers(&k, "200", statuses, sizeof statuses);
    CHECK_STR(statuses, "200");
    client_close(&k);
    fixture_stop(t, &f);
}

static void files(leattest *t)
{
    static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n";
    fixture f;
    leati_http_server *second;
    char other[300];
    if (!fixture_start(t, &f)) return;
    leati_http_options o = {.listen = "127.0.0.1:0", .tls_certificate = f.certificate};
    CHECK_FAILS(leati_http_server_start(t->context, &o, &f.app.routes, &second), LEAT_INVALID,
                "both files");
    o.tls_key = f.certificate;
    CHECK_FAILS(leati_http_server_start(t->context, &o, &f.app.routes, &second), LEAT_INVALID,
                "key|leat.crt");
    snprintf(other, sizeof other, "%s", leattest_scratch("other.key"));
    REQUIRE(leattest_certificate(leattest_scratch("other.crt"), other, NULL));
    o.tls_key = other;
    CHECK_FAILS(leati_http_server_start(t->context, &o, &f.app.routes, &second), LEAT_INVALID,
                "other.key");
    o.tls_key = leattest_scratch("none.key");
    CHECK_FAILS(leati_http_server_start(t->context, &o, &f.app.routes, &second), LEAT_NOT_FOUND,
                "none.key");
    CHECK_OK(leati_file_write(t->context, leattest_scratch("noise.key"), "noise", 5));
    o.tls_key = leattest_scratch("noise.key");
    CHECK_FAILS(leati_http_server_start(t->context, &o, &f.app.routes, &second), LEAT_INVALID,
                "noise.key|BEGIN PRIVATE KEY");
    CHECK_OK(leati_file_write(t->context, leattest_scratch("locked.key"), locked, strlen(locked)));
    o.tls_key = leattest_scratch("locked.key");
    CHECK_FAILS(leati_http_server_start(t->context, &o, &f.app.routes, &second), LEAT_INVALID,
                "locked.key|passphrase");
    fixture_stop(t, &f);
}

static const leattest_case tests[] = {
    TEST(memory_of_replies), TEST(versions), TEST(renewed), TEST(long_bodies),
    TEST(slow_readers),      TEST(no_tls),   TEST(files)};
#else
static void none(leattest *t)
{
    leattest_skip(t, "this build has no TLS");
}

static const leattest_case tests[] = {TEST(none)};
#endif

LEATTEST_MAIN(tests)
