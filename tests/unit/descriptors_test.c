/* When there are no more descriptors: who listens waits until there are, without spinning, and goes
 * on serving those who are there. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "serve/agent.h"
#include "serve/server.h"
#include "support/http_app.h"
#include "support/leattest.h"

#define GET "GET / HTTP/1.1\r\nHost: leat\r\n\r\n"
enum { WAITING = 8 };

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int make_socket(void)
{
    struct timeval limit = {5, 0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static bool connect_to(int fd, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;
}

/* No number from `first` on may be given. */
static struct rlimit take_descriptors(rlim_t first)
{
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = first;
    setrlimit(RLIMIT_NOFILE, &none);
    return before;
}

static rlim_t first_free(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return (rlim_t)fd;
}

static void rest(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}

/* "HTTP/1.1 200" comes as an answer. */
static bool is_answered(int fd)
{
    char text[4096];
    if (send(fd, GET, sizeof GET - 1, MSG_NOSIGNAL) != (ssize_t)sizeof GET - 1) return false;
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    return n > 12 && memcmp(text, "HTTP/1.1 200", 12) == 0;
}

static void measure(void *user, uint64_t *busy_ns, size_t *waiting)
{
    (void)user;
    *busy_ns = 0;
    *waiting = 0;
}

static void the_agent_check_rests(leattest *t)
{
    leati_agent *a = NULL;
    leati_agent_source source = {.measure = measure, .threads = 1};
    char text[64];
    REQUIRE_OK(leati_agent_start(t->context, "127.0.0.1:0", &source, &a));
    int fd = make_socket();
    struct rlimit before = take_descriptors(first_free()); /* 0 would forbid poll itself */
    CHECK(connect_to(fd, leati_agent_port(a)));
    double used = processor_seconds();
    rest(0.5);
    used = processor_seconds() - used;
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(used < 0.25);
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    CHECK(n > 0 && memcmp(text, "ready up", 8) == 0);
    close(fd);
    leati_agent_stop(a);
}

static void the_server_goes_on(leattest *t)
{
    http_app app;
    leati_http_server *s;
    int kept = make_socket(), waiting[WAITING];
    http_app_init(&app);
    leati_http_options o = {.listen = "127.0.0.1:0", .workers = 1, .connections = 100};
    leat_status st = leati_http_server_start(t->context, &o, &app.routes, &s);
    if (st == LEAT_UNSUPPORTED) {
        leat_error_clear(t->context);
        leattest_skip(t, "this build has no server");
        return;
    }
    REQUIRE_OK(st);
    uint16_t port = leati_http_server_port(s);
    for (int i = 0; i < WAITING; i++) waiting[i] = make_socket();
    CHECK(connect_to(kept, port) && is_answered(kept));
    struct rlimit before = take_descriptors(0);
    for (int i = 0; i < WAITING; i++) CHECK(connect_to(waiting[i], port));
    rest(0.2);
    double used = processor_seconds();
    for (int i = 0; i < 5; i++) {
        CHECK(is_answered(kept)); /* who is there is served */
        rest(0.1);
    }
    used = processor_seconds() - used;
    CHECK(used < 0.25);
    setrlimit(RLIMIT_NOFILE, &before);
    /* What libuv has let go of was told so; the others were kept waiting, and are served now. */
    int served = 0;
    for (int i = 0; i < WAITING; i++) served += is_answered(waiting[i]);
    CHECK(served >= WAITING - 1);
    int fresh = make_socket();
    CHECK(connect_to(fresh, port) && is_answered(fresh));
    close(fresh);
    for (int i = 0; i < WAITING; i++) close(waiting[i]);
    close(kept);
    leati_http_server_destroy(s);
}

/* A server may end while it rests. */
static void the_end_comes_in_a_rest(leattest *t)
{
    http_app app;
    leati_http_server *s;
    http_app_init(&app);
    leati_http_options o = {.listen = "127.0.0.1:0", .workers = 1};
    leat_status st = leati_http_server_start(t->context, &o, &app.routes, &s);
    if (st == LEAT_UNSUPPORTED) {
        leat_error_clear(t->context);
        leattest_skip(t, "this build has no server");
        return;
    }
    REQUIRE_OK(st);
    int fd = make_socket();
    struct rlimit before = take_descriptors(0);
    CHECK(connect_to(fd, leati_http_server_port(s)));
    rest(0.1);
    leati_http_server_destroy(s);
    setrlimit(RLIMIT_NOFILE, &before);
    close(fd);
}

static const leattest_case cases[] = {TEST(the_agent_check_rests), TEST(the_server_goes_on),
                                      TEST(the_end_comes_in_a_rest)};
LEATTEST_MAIN(cases)
