/* A load of constant rate for a server of HTTP: when a request is due does not depend on when the
 * answer before it came, and a latency counts from when its request was due. So a server that
 * stalls is charged for all that had to wait, which a client that asks again after each answer
 * leaves out (G. Tene, "How NOT to Measure Latency", 2013: coordinated omission).
 *
 *     build/bench/load_bench PORT REQUEST-FILE RATE SECONDS [CONNECTIONS]
 *
 * REQUEST-FILE holds a whole request as it is sent, head and body. Request i is due at i / RATE and
 * belongs to connection i modulo CONNECTIONS (16), which sends it when the answer before it has
 * come. Between them it sleeps: a virtual machine whose cores are all busy is held up by its host
 * for milliseconds at a time. The first second is not counted. Prints one JSON object; latencies
 * are in microseconds. "slice_p99" is the median over slices of 50 ms of the 99th percentile in
 * each: it does not see what happens in less than half of them, as such a host does, but what a
 * server does always. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem, epoll_pwait2 */
#endif
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 1024, HEAD_MOST = 4096, PIECE = 1 << 16 };

typedef struct link_state {
    int fd;
    bool busy;
    uint64_t next;        /* number of the request that is under way or comes next */
    uint64_t owed;        /* requests that are due and not sent */
    size_t head, body;    /* bytes of the head so far; of the body still to come */
    char text[HEAD_MOST]; /* of the head */
    bool in_body;
} link_state;

typedef struct load {
    link_state *links;
    uint32_t count;
    double rate;
    uint64_t begin, total, skipped, due, answered, failed;
    char *request;
    size_t request_size;
    float *latency; /* us; (total - skipped) */
    size_t measured;
} load;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t due_at(const load *l, uint64_t i)
{
    return l->begin + (uint64_t)((double)i * 1e9 / l->rate);
}

static void open_links(load *l, int port, int loop)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (uint32_t i = 0; i < l->count; i++) {
        link_state *k = &l->links[i];
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        k->fd = socket(AF_INET, SOCK_STREAM, 0);
        k->next = i;
        if (k->fd < 0 || connect(k->fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
        setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(loop, EPOLL_CTL_ADD, k->fd, &e) != 0) die("epoll_ctl");
    }
}

static void send_next(load *l, link_state *k)
{
    for (size_t done = 0; done < l->request_size;) {
        ssize_t n = send(k->fd, l->request + done, l->request_size - done, MSG_NOSIGNAL);
        if (n < 0) die("send");
        done += (size_t)n;
    }
    k->busy = true;
    k->in_body = false;
    k->head = 0;
}

static void answered(load *l, link_state *k, uint64_t now)
{
    if (k->next >= l->skipped) {
        l->latency[k->next - l->skipped] = (float)((double)(now - due_at(l, k->next)) / 1e3);
        l->measured++;
    }
    l->answered++;
    k->next += l->count;
    k->busy = false;
    if (k->owed == 0) return;
    k->owed--;
    send_next(l, k);
}

/* The head is complete: how long the body is. */
static void read_head(load *l, link_state *k)
{
    static const char name[] = "Content-Length: ";
    const char *at = memmem(k->text, k->head, name, sizeof name - 1);
    if (k->head < 12 || memcmp(k->text + 9, "200", 3) != 0) l->failed++;
    k->body = at ? strtoul(at + sizeof name - 1, NULL, 10) : 0;
    k->in_body = true;
}

/* Bytes of the answer; takes what belongs to the head, returns how many. */
static size_t take_head(load *l, link_state *k, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (k->head == sizeof k->text - 1) {
            fprintf(stderr, "load_bench: the head of an answer is too long\n");
            exit(1);
        }
        k->text[k->head++] = data[i];
        k->text[k->head] = '\0';
        if (k->head < 4 || memcmp(k->text + k->head - 4, "\r\n\r\n", 4) != 0) continue;
        read_head(l, k);
        return i + 1;
    }
    return size;
}

static void read_answer(load *l, link_state *k)
{
    static char data[PIECE];
    ssize_t n = recv(k->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) die("recv");
    if (n == 0 || !k->busy) {
        fprintf(stderr, "load_bench: the server %s\n", n ? "answers unasked" : "hung up");
        exit(1);
    }
    size_t used = k->in_body ? 0 : take_head(l, k, data, (size_t)n);
    if (!k->in_body) return;
    size_t rest = (size_t)n - used;
    k->body -= rest < k->body ? rest : k->body;
    if (k->body == 0) answered(l, k, now_ns());
}

static void run(load *l, int loop)
{
    struct epoll_event events[64];
    prctl(PR_SET_TIMERSLACK, 1UL); /* ns */
    l->begin = now_ns();
    while (l->answered < l->total) {
        uint64_t now = now_ns();
        for (; l->due < l->total && due_at(l, l->due) <= now; l->due++) {
            link_state *k = &l->links[l->due % l->count];
            if (k->busy) k->owed++;
            else send_next(l, k);
        }
        struct timespec rest = {0, 0};
        now = now_ns();
        if (l->due == l->total) rest.tv_sec = 1;
        else if (due_at(l, l->due) > now) rest.tv_nsec = (long)(due_at(l, l->due) - now);
        if (rest.tv_nsec > 999999999) rest = (struct timespec){1, 0};
        int n = epoll_pwait2(loop, events, 64, &rest, NULL);
        for (int i = 0; i < n; i++) read_answer(l, &l->links[events[i].data.u32]);
    }
}

static int by_size(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double quantile(const float *sorted, size_t count, double q)
{
    size_t at = (size_t)(q * (double)count);
    return count ? (double)sorted[at < count ? at : count - 1] : 0;
}

/* Sorts each slice. */
static double slice_p99(load *l)
{
    size_t each = (size_t)(l->rate * 0.05) + 1, slices = l->measured / each;
    float *found = calloc(slices + 1, sizeof *found);
    if (!found) die("load_bench");
    for (size_t i = 0; i < slices; i++) {
        qsort(l->latency + i * each, each, sizeof *l->latency, by_size);
        found[i] = (float)quantile(l->latency + i * each, each, 0.99);
    }
    qsort(found, slices, sizeof *found, by_size);
    double median = quantile(found, slices, 0.5);
    free(found);
    return median;
}

static void print(load *l)
{
    const float *x = l->latency;
    size_t n = l->measured;
    double seconds = (double)(now_ns() - l->begin) / 1e9, slices = slice_p99(l);
    qsort(l->latency, n, sizeof *x, by_size);
    printf("{\"rate\": %.0f, \"requests\": %zu, \"failed\": %llu, \"p50\": %.1f, \"p90\": %.1f, "
           "\"p99\": %.1f, \"p999\": %.1f, \"most\": %.1f, \"slice_p99\": %.1f}\n",
           (double)l->total / seconds, n, (unsigned long long)l->failed, quantile(x, n, 0.5),
           quantile(x, n, 0.9), quantile(x, n, 0.99), quantile(x, n, 0.999), quantile(x, n, 1),
           slices);
}

static void read_request(load *l, const char *path)
{
    FILE *f = fopen(path, "rb");
    l->request = malloc(PIECE);
    if (!f || !l->request) die(path);
    l->request_size = fread(l->request, 1, PIECE, f);
    if (l->request_size == 0 || l->request_size == PIECE) {
        fprintf(stderr, "load_bench: %s is empty or longer than 64 kB\n", path);
        exit(1);
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    load l = {.count = argc > 5 ? (uint32_t)atoi(argv[5]) : 16};
    double seconds = argc > 4 ? atof(argv[4]) : 0;
    if (argc > 3) l.rate = atof(argv[3]);
    if (!(l.rate > 0) || !(seconds > 0) || seconds > 3600 || l.count < 1 ||
        l.count > MOST_CONNECTIONS) {
        fprintf(stderr, "usage: load_bench PORT REQUEST-FILE RATE SECONDS [CONNECTIONS]\n");
        return 2;
    }
    int loop = epoll_create1(0);
    l.skipped = (uint64_t)l.rate;
    l.total = l.skipped + (uint64_t)(l.rate * seconds);
    l.links = calloc(l.count, sizeof *l.links);
    l.latency = calloc(l.total, sizeof *l.latency);
    if (!l.links || !l.latency || loop < 0) die("load_bench");
    read_request(&l, argv[2]);
    open_links(&l, atoi(argv[1]), loop);
    run(&l, loop);
    print(&l);
    return 0;
}
