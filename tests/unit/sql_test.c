/* PostgreSQL's side played by the test: servers that say nothing, end, or say what nobody asked
 * for.
 */
#include "io/sql.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/progress.h"
#include "support/leattest.h"

/* What the server says to the first statement; `silent`: it waits for its client to go. */
typedef struct server {
    int fd;
    uint16_t port;
    const char *says;
    size_t length;
    bool silent;
    pthread_t thread;
} server;

static bool take(int fd, size_t length)
{
    char drop[4096];
    while (length) {
        ssize_t n = recv(fd, drop, length < sizeof drop ? length : sizeof drop, 0);
        if (n <= 0) return false;
        length -= (size_t)n;
    }
    return true;
}

/* A message; its type is 0 for the first one, which has none. */
static bool take_message(int fd, bool typed)
{
    uint32_t length;
    if (typed && !take(fd, 1)) return false;
    if (recv(fd, &length, sizeof length, MSG_WAITALL) != sizeof length) return false;
    return take(fd, ntohl(length) - sizeof length);
}

static void *play(void *user)
{
    static const char welcome[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    server *s = user;
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0 || !take_message(fd, false)) return NULL;
    (void)!send(fd, welcome, sizeof welcome - 1, MSG_NOSIGNAL);
    bool asked = take_message(fd, true);
    if (asked && s->length) (void)!send(fd, s->says, s->length, MSG_NOSIGNAL);
    while (asked && s->silent && take(fd, 1)) continue;
    close(fd);
    return NULL;
}

/* False: this build or this machine has no libpq. */
static bool begin(leattest *t, server *s, leati_sql **db)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof a;
    char where[128];
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (!CHECK(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0 &&
               listen(s->fd, 1) == 0 && getsockname(s->fd, (struct sockaddr *)&a, &length) == 0 &&
               pthread_create(&s->thread, NULL, play, s) == 0))
        return false;
    snprintf(where, sizeof where, "postgresql://127.0.0.1:%u/x?sslmode=disable&gssencmode=disable",
             (unsigned)ntohs(a.sin_port));
    leat_status st = leati_sql_open(t->context, db, where, false);
    if (st == LEAT_OK) return true;
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    if (st != LEAT_UNSUPPORTED) CHECK_OK(st);
    else leattest_skip(t, "libpq is not here");
    leat_error_clear(t->context);
    return false;
}

static void end(server *s, leati_sql *db)
{
    leati_sql_close(db);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* Neither a statement nor what follows it waits for ever. */
static void silence(leattest *t)
{
    server s = {.silent = true};
    leati_sql *db;
    int64_t unused;
    if (!begin(t, &s, &db)) return;
    db->patience = 0.2;
    double start = leati_now_s();
    CHECK_FAILS(leati_sql_value(db, &unused, NULL, "SELECT 1", LEATI_SQL_NONE), LEAT_NETWORK,
                "not answered in time|127.0.0.1");
    CHECK(leati_now_s() - start >= 0.19);
    db->patience = 60;
    CHECK_FAILS(leati_sql_begin(db), LEAT_NETWORK, "not answered in time");
    CHECK(leati_now_s() - start < 50);
    end(&s, db);
}

static void strange_words(leattest *t)
{
#define SAYS(text) text, sizeof text - 1
    static const struct {
        const char *says;
        size_t length;
        bool silent;
    } cases[] = {{SAYS(""), false},                                 /* it goes away */
                 {SAYS("G\0\0\0\x07\0\0\0"), true},                 /* copies in */
                 {SAYS("H\0\0\0\x07\0\0\0"), true},                 /* copies out */
                 {SAYS("W\0\0\0\x07\0\0\0"), true},                 /* both ways */
                 {SAYS("?\xff\xff\xff\xff garbage"), true},         /* no message */
                 {SAYS("D\0\0\0\x0a\0\x01\xff\xff\xff\xff"), true}, /* a row of nothing */
                 {SAYS("E\0\0\0\x18"
                       "SFATAL\0C57P01\0Mend\0\0"),
                  false}}; /* it ends */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server s = {.says = cases[i].says, .length = cases[i].length, .silent = cases[i].silent};
        leati_sql *db;
        int64_t unused;
        if (!begin(t, &s, &db)) return;
        db->patience = 0.5;
        leat_status st = leati_sql_value(db, &unused, NULL, "SELECT 1", LEATI_SQL_NONE);
        if (!CHECK_INT(st, LEAT_NETWORK)) printf("    case %zu\n", i);
        leat_error_clear(t->context);
        end(&s, db);
    }
}

static const leattest_case cases[] = {TEST(silence), TEST(strange_words)};
LEATTEST_MAIN(cases)
