/* The server beside its floor, for wrk: the same answer by Leat's server with a trivial handler,
 * and by a bare epoll loop that looks for the empty line and Content-Length, takes as many bytes
 * and writes a fixed reply: that of a file, so that it sends what another server would, or "hello".
 *
 *     build/bench/http_bench leat PORT [WORKERS]       serves until it is killed
 *     build/bench/http_bench floor PORT [REPLY-FILE]   the same; a file of at most 64 kB
 *     build/bench/http_bench idle PORT COUNT           holds COUNT connections open
 *
 * Pin server and client to cores of their own (taskset), run both in turn, compare:
 *
 *     taskset -c 0 build/bench/http_bench leat 8080 1 & taskset -c 1 wrk -t1 -c16 -d5
 * http://127.0.0.1:8080/
 *
 * SIGUSR1 prints the processor time and memory used so far. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, memmem */
#endif
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/server.h"

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* As many open files as there may be. */
static void raise_limit(void)
{
    struct rlimit most;
    if (getrlimit(RLIMIT_NOFILE, &most) != 0) return;
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
}

static int socket_on(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0) die("listen");
    return fd;
}

/* --- the floor ---------------------------------------------------------------------------- */

static const char hello[] = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                            "Content-Length: 6\r\nX-Request-Id: 00000000-0000\r\n"
                            "Content-Type: text/plain\r\n\r\nhello\n";

enum { PIECE = 1 << 16, MOST_FDS = 1 << 16 };

typedef struct bare {
    const char *reply;
    size_t size;
    uint64_t left[MOST_FDS]; /* bytes of a body still to come, by socket */
    char data[PIECE];
} bare;

/* The bytes of the body that follow the head at `data`; 0 where there is none. */
static size_t body_length(const char *data, const char *end)
{
    static const char name[] = "Content-Length: ";
    const char *at = memmem(data, (size_t)(end - data), name, sizeof name - 1);
    return at ? strtoul(at + sizeof name - 1, NULL, 10) : 0;
}

/* A head comes in one piece, and requests come one by one: all that wrk and load_bench ask. */
static void answer(bare *b, int fd)
{
    ssize_t n = read(fd, b->data, sizeof b->data);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) close(fd);
        return;
    }
    uint64_t got = (uint64_t)n;
    if (b->left[fd] == 0) {
        const char *end = memmem(b->data, got, "\r\n\r\n", 4);
        if (!end) return;
        b->left[fd] = (uint64_t)(end + 4 - b->data) + body_length(b->data, end);
    }
    b->left[fd] -= got < b->left[fd] ? got : b->left[fd];
    if (b->left[fd] == 0 && write(fd, b->reply, b->size) < 0) close(fd);
}

static void read_reply(bare *b, const char *path)
{
    static char data[PIECE];
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    b->reply = data;
    b->size = fread(data, 1, sizeof data, f);
    fclose(f);
}

static void serve_floor(int port, const char *path)
{
    static bare b = {.reply = hello, .size = sizeof hello - 1};
    int listener = socket_on(port), loop = epoll_create1(0), on = 1;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[1024];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
    raise_limit();
    if (path) read_reply(&b, path);
    for (;;) {
        int n = epoll_wait(loop, events, 1024, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                answer(&b, events[i].data.fd);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0) continue;
            if (fd >= MOST_FDS) {
                close(fd);
                continue;
            }
            b.left[fd] = 0;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            e = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
            epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
        }
    }
}

/* --- Leat --------------------------------------------------------------------------------- */

static size_t admit(void *user, leati_http_exchange *ex, bool *finished)
{
    (void)user;
    (void)ex;
    (void)finished;
    return (size_t)64 << 20;
}

static void handle(void *user, leati_http_exchange *ex)
{
    (void)user;
    leati_exchange_header(ex, "Content-Type", "text/plain");
    leati_exchange_write(ex, "hello\n", 6);
    leati_exchange_finish(ex, 200);
}

static void fault(void *user, leati_http_exchange *ex, int status, const char *code,
                  const char *message)
{
    (void)user;
    (void)status;
    (void)code;
    leati_exchange_write(ex, message, strlen(message));
}

static void print_use(void)
{
    struct rusage r;
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long rss = 0;
    getrusage(RUSAGE_SELF, &r);
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmRSS: %ld", &rss);
    if (f) fclose(f);
    printf("user %.3f s, system %.3f s, %ld kB\n",
           (double)r.ru_utime.tv_sec + 1e-6 * (double)r.ru_utime.tv_usec,
           (double)r.ru_stime.tv_sec + 1e-6 * (double)r.ru_stime.tv_usec, rss);
    fflush(stdout);
}

static void serve_leat(const char *port, uint32_t workers, const sigset_t *signals)
{
    char address[64];
    leat_context *c;
    leati_http_server *server;
    leati_http_routes routes = {.admit = admit, .handle = handle, .fault = fault};
    leati_http_options o = {.listen = address, .workers = workers};
    snprintf(address, sizeof address, "127.0.0.1:%s", port);
    if (leat_context_create(&c, NULL) != LEAT_OK) exit(1);
    if (leati_http_server_start(c, &o, &routes, &server) != LEAT_OK) {
        fprintf(stderr, "%s\n", leat_error_message(c));
        exit(1);
    }
    for (int got; sigwait(signals, &got) == 0 && got == SIGUSR1;) print_use();
    leati_http_server_destroy(server);
    leat_context_destroy(c);
}

/* --- idle connections --------------------------------------------------------------------- */

static void hold_idle(int port, int count)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    raise_limit();
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    }
    printf("%d connections\n", count);
    fflush(stdout);
    pause();
}

int main(int argc, char **argv)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (argc < 3) {
        fprintf(
            stderr,
            "usage: http_bench leat PORT [WORKERS] | floor PORT [REPLY-FILE] | idle PORT COUNT\n");
        return 2;
    }
    if (strcmp(argv[1], "floor") == 0) serve_floor(atoi(argv[2]), argc > 3 ? argv[3] : NULL);
    if (strcmp(argv[1], "idle") == 0) hold_idle(atoi(argv[2]), argc > 3 ? atoi(argv[3]) : 10000);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    serve_leat(argv[2], argc > 3 ? (uint32_t)atoi(argv[3]) : 1, &signals);
    return 0;
}
