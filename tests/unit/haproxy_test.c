/* Real HAProxy and real processes of servers: servers are killed, stopped and restarted under load,
 * a canary walks from 0 to 100% and back, and not one request fails. The program is its own server:
 * `haproxy_test --serve`. LEAT_ROUNDS=N repeats what is done to the servers N times. None of
 * it depends on the level of instructions: with LEAT_CPU, for which all tests are run again,
 * nothing is done. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include <leat/call.h>
#include <leat/data.h>
#include <leat/haproxy.h>
#include <leat/model.h>
#include <leat/serve.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "support/certificate.h"
#include "support/fitted.h"
#include "support/leattest.h"

enum { SERVERS = 3, THREADS = 4 };

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* --- a server as a process of its own --------------------------------------------------------- */

typedef struct server {
    char model[600]; /* "iris:2=PATH" */
    pid_t pid;
    unsigned port, agent;
} server;

/* --serve MODEL PORT AGENT FD: tells its ports on FD, serves until SIGTERM. */
static int serve(char **argv)
{
    leat_context *c;
    leat_server *s = NULL;
    leat_serve_options o = leat_serve_options_default();
    const char *model = argv[0];
    char listen[40], agent[40];
    sigset_t ends;
    int got;
    snprintf(listen, sizeof listen, "127.0.0.1:%s", argv[1]);
    snprintf(agent, sizeof agent, "127.0.0.1:%s", argv[2]);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    o.models = &model;
    o.model_count = 1;
    o.listen = listen;
    o.agent_check = agent;
    o.workers = 1;
    o.tls_cert = getenv("LEATTEST_CERTIFICATE");
    o.tls_key = getenv("LEATTEST_KEY");
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    /* The port of a server that was killed may be taken for a moment. */
    for (int i = 0; i < 200 && leat_server_start(c, &o, &s) == LEAT_IO; i++) {
        leat_error_clear(c);
        pause_ms(50);
    }
    if (!s) return fprintf(stderr, "server: %s\n", leat_error_message(c)), 1;
    const char *colon = strrchr(leat_server_url(s), ':');
    int n = dprintf(atoi(argv[3]), "%s %u\n", colon + 1, (unsigned)leat_server_agent_port(s));
    if (n < 0) return 1;
    sigwait(&ends, &got);
    leat_server_drain(s, 10);
    leat_server_destroy(s);
    leat_context_destroy(c);
    return 0;
}

/* Starts it, at the ports it had if it had some, and waits until it can be asked. */
static bool server_start(server *s)
{
    char port[12], agent[12], out[12], told[64] = "";
    int fds[2];
    if (pipe2(fds, 0) != 0) return false;
    snprintf(port, sizeof port, "%u", s->port);
    snprintf(agent, sizeof agent, "%u", s->agent);
    snprintf(out, sizeof out, "%d", fds[1]);
    char *const argv[] = {
        (char[]){"haproxy_test"}, (char[]){"--serve"}, s->model, port, agent, out, NULL};
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fds[0]);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    close(fds[1]);
    ssize_t n = read(fds[0], told, sizeof told - 1);
    close(fds[0]);
    return s->pid > 0 && n > 0 && sscanf(told, "%u %u", &s->port, &s->agent) == 2;
}

static void server_end(server *s, int signal_number)
{
    if (s->pid <= 0) return;
    kill(s->pid, signal_number);
    if (signal_number == SIGKILL) kill(s->pid, SIGCONT);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) continue;
    s->pid = 0;
}

/* --- all of them, and the proxy --------------------------------------------------------------- */

typedef struct place {
    server servers[SERVERS];
    pid_t proxy;
    leat_haproxy *control;
    char url[64], socket[512], map[512], config[512], log[512];
} place;

static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good = bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                getsockname(fd, (struct sockaddr *)&at, &length) == 0;
    close(fd);
    return good ? ntohs(at.sin_port) : 0;
}

/* The model of iris as version 1, 1 and `last`. */
static bool start_servers(leattest *t, place *w, int last)
{
    leat_frame *iris = NULL;
    char path[512];
    if (!CHECK_OK(leat_data_load(t->context, &iris, "iris", NULL))) return false;
    leat_model *m = leattest_model(t->context, iris, "species", NULL, "lda", NULL, "auto");
    snprintf(path, sizeof path, "%s", leattest_scratch("iris.leat"));
    bool good = CHECK(m) && CHECK_OK(leat_model_save(t->context, m, path));
    leat_model_release(m);
    leat_frame_release(iris);
    for (int i = 0; i < SERVERS && good; i++) {
        server *s = &w->servers[i];
        snprintf(s->model, sizeof s->model, "iris:%d=%s", i == SERVERS - 1 ? last : 1, path);
        good = CHECK(server_start(s));
    }
    return good;
}

static bool spawn_proxy(place *w)
{
    w->proxy = fork();
    if (w->proxy == 0) {
        int log = open(w->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execlp("haproxy", "haproxy", "-db", "-f", w->config, (char *)NULL);
        execl("/usr/sbin/haproxy", "haproxy", "-db", "-f", w->config, (char *)NULL);
        _exit(127);
    }
    return w->proxy > 0;
}

/* Until its socket answers; another port where this one was taken meanwhile. */
static bool start_proxy(leattest *t, place *w, leat_haproxy_options *o)
{
    char listen[40];
    for (int round = 0; round < 5; round++) {
        snprintf(listen, sizeof listen, "127.0.0.1:%u", free_port());
        snprintf(w->url, sizeof w->url, "http://%s", listen);
        o->listen = listen;
        if (!CHECK_OK(leat_haproxy_write(t->context, o, w->config)) || !CHECK(spawn_proxy(w)))
            return false;
        for (int i = 0; i < 200; i++) {
            if (leat_haproxy_open(t->context, &w->control, w->socket) == LEAT_OK) return true;
            leat_error_clear(t->context);
            if (waitpid(w->proxy, NULL, WNOHANG) == w->proxy) break;
            pause_ms(50);
        }
    }
    char command[600];
    snprintf(command, sizeof command, "cat %s", w->log);
    w->proxy = 0;
    CHECK(system(command) == -1); /* fails, and shows why */
    return false;
}

/* Whether a server is in a state that begins so; waits up to 15 seconds. */
static bool wait_for(leattest *t, place *w, const char *name, const char *status)
{
    for (int i = 0; i < 300; i++) {
        leat_haproxy_list *l;
        bool is = false;
        if (!CHECK_OK(leat_haproxy_servers(w->control, &l))) return false;
        for (size_t k = 0; k < leat_haproxy_list_count(l); k++) {
            const leat_haproxy_server *s = leat_haproxy_list_at(l, k);
            is = is || (strcmp(s->name, name) == 0 &&
                        (strcmp(s->status, status) == 0 ||
                         (strlen(status) > 2 && strncmp(s->status, status, strlen(status)) == 0)));
        }
        leat_haproxy_list_destroy(l);
        if (is) return true;
        pause_ms(50);
    }
    printf("    %s is not %s\n", name, status);
    return CHECK(false);
}

static void set_paths(place *w)
{
    *w = (place){.proxy = 0};
    /* A unix socket has a short path: not in the scratch folder. */
    snprintf(w->socket, sizeof w->socket, "/tmp/leattest-%ld.sock", (long)getpid());
    snprintf(w->map, sizeof w->map, "%s", leattest_scratch("leat.map"));
    snprintf(w->config, sizeof w->config, "%s", leattest_scratch("haproxy.cfg"));
    snprintf(w->log, sizeof w->log, "%s", leattest_scratch("haproxy.log"));
}

static void close_place(place *w)
{
    leat_haproxy_close(w->control);
    if (w->proxy > 0) {
        kill(w->proxy, SIGKILL);
        waitpid(w->proxy, NULL, 0);
    }
    for (int i = 0; i < SERVERS; i++) server_end(&w->servers[i], SIGKILL);
    unlink(w->socket);
}

static bool has_haproxy(leattest *t)
{
    if (system("haproxy -v >/dev/null 2>&1 || /usr/sbin/haproxy -v >/dev/null 2>&1") == 0)
        return true;
    leattest_skip(t, "haproxy is not installed");
    return false;
}

/* Servers, of which the last is the canary where there is one, and the proxy in front. */
static bool open_place(leattest *t, place *w, bool canary)
{
    char addresses[SERVERS][64];
    const char *list[SERVERS];
    set_paths(w);
    if (!has_haproxy(t) || !start_servers(t, w, canary ? 2 : 1)) return false;
    for (int i = 0; i < SERVERS; i++) {
        snprintf(addresses[i], sizeof addresses[i], "s%d=127.0.0.1:%u/%u", i, w->servers[i].port,
                 w->servers[i].agent);
        list[i] = addresses[i];
    }
    leat_haproxy_options o = leat_haproxy_options_default();
    o.servers = list;
    o.server_count = SERVERS - canary;
    o.canary = list + SERVERS - 1;
    o.canary_count = canary;
    o.balance = canary ? "least-connections" : "least-load";
    o.socket = w->socket;
    o.map = w->map;
    o.observe = "no";
    o.timeout = 1;
    o.check_interval = 0.2;
    o.slow_start = 0.5;
    if (!CHECK_OK(leat_haproxy_write_share(t->context, w->map, 0)) || !start_proxy(t, w, &o))
        return false;
    for (int i = 0; i < SERVERS; i++) {
        char name[24];
        snprintf(name, sizeof name, "s%d", i);
        if (!wait_for(t, w, name, "UP")) return false;
    }
    return true;
}

/* --- load ------------------------------------------------------------------------------------- */

typedef struct load {
    leat_client *client;
    pthread_t threads[THREADS];
    atomic_bool stop;
    atomic_size_t done, failed, epoch;
    atomic_size_t version[2]; /* of the present epoch: requests that began and ended in it */
    pthread_mutex_t lock;
    char why[300];
    double slowest;
} load;

#define ROW "{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}"

static void note_failure(load *l, const char *why)
{
    atomic_fetch_add(&l->failed, 1);
    pthread_mutex_lock(&l->lock);
    if (!*l->why) snprintf(l->why, sizeof l->why, "%s", why);
    pthread_mutex_unlock(&l->lock);
}

static void ask_one(leat_context *c, load *l)
{
    leat_client_reply r;
    leat_client_request q = {.path = "/api/v1/iris", .body = ROW, .length = sizeof ROW - 1};
    size_t epoch = atomic_load(&l->epoch);
    double began = leati_now_s();
    if (leat_client_ask(c, l->client, &q, &r) != LEAT_OK) {
        note_failure(l, leat_error_message(c));
        leat_error_clear(c);
        return;
    }
    double took = leati_now_s() - began;
    bool second = strstr(r.body, "\"version\":2");
    if (r.status != 200 || !strstr(r.body, "[\"setosa\"]")) note_failure(l, r.body);
    atomic_fetch_add(&l->done, 1);
    if (atomic_load(&l->epoch) == epoch) atomic_fetch_add(&l->version[second], 1);
    pthread_mutex_lock(&l->lock);
    if (took > l->slowest) l->slowest = took;
    pthread_mutex_unlock(&l->lock);
    leat_client_reply_free(&r);
}

static void *ask_on(void *arg)
{
    load *l = arg;
    leat_context *c;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) {
        note_failure(l, "no context");
        return NULL;
    }
    while (!atomic_load(&l->stop)) {
        ask_one(c, l);
        pause_ms(1);
    }
    leat_context_destroy(c);
    return NULL;
}

static bool load_start(leattest *t, load *l, const char *const *urls, size_t count, bool once)
{
    leat_client_options o = leat_client_options_default();
    memset(l, 0, sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    o.once = once;
    o.retries = 20;
    o.timeout = 120; /* the whole machine may be held up */
    o.try_timeout = once ? 120 : 1;
    if (!CHECK_OK(leat_client_create(t->context, &l->client, urls, count, &o))) return false;
    for (int i = 0; i < THREADS; i++)
        if (!CHECK(pthread_create(&l->threads[i], NULL, ask_on, l) == 0)) abort();
    return true;
}

static void load_stop(leattest *t, load *l, size_t least)
{
    atomic_store(&l->stop, true);
    for (int i = 0; i < THREADS; i++) pthread_join(l->threads[i], NULL);
    leat_client_counts n = leat_client_count(l->client);
    leat_client_destroy(l->client);
    CHECK(atomic_load(&l->done) > least);
    if (!CHECK_INT(atomic_load(&l->failed), 0)) printf("    the first: %s\n", l->why);
    printf("    %zu requests, %zu failed, %llu tried again, the slowest %.0f ms\n",
           atomic_load(&l->done) + atomic_load(&l->failed), atomic_load(&l->failed),
           (unsigned long long)n.retries, 1000 * l->slowest);
    pthread_mutex_destroy(&l->lock);
}

static int rounds(void)
{
    const char *text = getenv("LEAT_ROUNDS");
    int n = text ? atoi(text) : 1;
    return n > 0 ? n : 1;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Server `i` dies, comes back, hangs, goes on, and is restarted gently. */
static bool torment(leattest *t, place *w, int i)
{
    char name[24];
    server *s = &w->servers[i];
    snprintf(name, sizeof name, "s%d", i);
    server_end(s, SIGKILL);
    if (!wait_for(t, w, name, "DOWN") || !CHECK(server_start(s)) || !wait_for(t, w, name, "UP"))
        return false;
    kill(s->pid, SIGSTOP);
    if (!wait_for(t, w, name, "DOWN")) return false;
    pause_ms(300);
    kill(s->pid, SIGCONT);
    if (!wait_for(t, w, name, "UP")) return false;
    server_end(s, SIGTERM);
    return CHECK(server_start(s)) && wait_for(t, w, name, "UP");
}

static void servers_die_and_hang(leattest *t)
{
    place w;
    load l;
    if (open_place(t, &w, false)) {
        const char *url = w.url;
        if (load_start(t, &l, &url, 1, true)) {
            for (int r = 0; r < rounds(); r++)
                for (int i = 0; i < (rounds() > 1 ? SERVERS : 1); i++)
                    if (!torment(t, &w, i)) goto out;
            /* A rolling restart of all: operators drain first, or do not. */
            for (int i = 0; i < SERVERS; i++) {
                char name[24];
                snprintf(name, sizeof name, "stable/s%d", i);
                if (i == 0) CHECK_OK(leat_haproxy_drain(w.control, name));
                if (i == 0) wait_for(t, &w, "s0", "DRAIN");
                server_end(&w.servers[i], SIGTERM);
                CHECK(server_start(&w.servers[i]));
                CHECK_OK(leat_haproxy_enable(w.control, name));
                wait_for(t, &w, name + 7, "UP");
            }
        out:
            load_stop(t, &l, 500);
        }
    }
    close_place(&w);
}

/* Large requests straight to one server, one after the other. */
typedef struct burden {
    char url[64];
    char *body;
    size_t length;
    atomic_bool stop;
} burden;

static void *ask_much(void *arg)
{
    burden *b = arg;
    leat_context *c = NULL;
    leat_client *k = NULL;
    leat_client_reply r;
    const char *url = b->url;
    leat_client_request q = {.path = "/api/v1/iris", .body = b->body, .length = b->length};
    if (leat_context_create(&c, NULL) == LEAT_OK &&
        leat_client_create(c, &k, &url, 1, NULL) == LEAT_OK)
        while (!atomic_load(&b->stop) && leat_client_ask(c, k, &q, &r) == LEAT_OK)
            leat_client_reply_free(&r);
    leat_client_destroy(k);
    leat_context_destroy(c);
    return NULL;
}

static bool make_burden(burden *b, unsigned port)
{
    enum { ROWS = 4000 };
    *b = (burden){.body = malloc(ROWS * sizeof ROW + 2)};
    if (!b->body) return false;
    b->body[b->length++] = '[';
    for (int i = 0; i < ROWS; i++) {
        memcpy(b->body + b->length, ROW ",", sizeof ROW);
        b->length += sizeof ROW;
    }
    b->body[b->length - 1] = ']';
    atomic_init(&b->stop, false);
    snprintf(b->url, sizeof b->url, "http://127.0.0.1:%u", port);
    return true;
}

/* Of the servers in the order of the list; false where the proxy does not answer. */
static bool look(leattest *t, place *w, uint64_t requests[SERVERS], uint32_t weight[SERVERS])
{
    leat_haproxy_list *l;
    if (!CHECK_OK(leat_haproxy_servers(w->control, &l))) return false;
    bool all = CHECK_INT(leat_haproxy_list_count(l), SERVERS);
    for (size_t i = 0; all && i < SERVERS; i++) {
        requests[i] = leat_haproxy_list_at(l, i)->requests;
        weight[i] = leat_haproxy_list_at(l, i)->weight;
    }
    leat_haproxy_list_destroy(l);
    return all;
}

/* Least load: who computes for others gets fewer requests, by what it says of itself. */
static void the_busy_get_less(leattest *t)
{
    place w;
    load l;
    burden b = {.body = NULL};
    pthread_t threads[2];
    uint64_t before[SERVERS], after[SERVERS];
    uint32_t weight[SERVERS] = {0};
    if (open_place(t, &w, false)) {
        const char *url = w.url;
        CHECK(make_burden(&b, w.servers[0].port));
        for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, ask_much, &b) == 0);
        if (load_start(t, &l, &url, 1, true)) {
            pause_ms(2000);
            if (look(t, &w, before, weight)) pause_ms(700);
            if (look(t, &w, after, weight)) {
                double busy = (double)(after[0] - before[0]), free = (double)(after[1] - before[1]);
                printf("    weights %u, %u, %u; requests %.0f and %.0f\n", weight[0], weight[1],
                       weight[2], busy, free);
                CHECK(weight[0] + 15 < weight[1]);
                CHECK(busy < 0.85 * free);
            }
            load_stop(t, &l, 100);
        }
        atomic_store(&b.stop, true);
        for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    }
    free(b.body);
    close_place(&w);
}

/* Requests that began and ended in this step: the canary's share of them is what was asked for,
 * within five standard deviations (one false alarm in 1.7 million steps). */
static void take_step(leattest *t, place *w, load *l, double percent, size_t requests)
{
    double p = percent / 100, got, share = -1;
    if (!CHECK_OK(leat_haproxy_set_share(w->control, w->map, percent))) return;
    CHECK_OK(leat_haproxy_share(w->control, w->map, &share));
    CHECK_NEAR(share, percent, 0, 1e-9);
    atomic_fetch_add(&l->epoch, 1);
    pause_ms(20);
    atomic_store(&l->version[0], 0);
    atomic_store(&l->version[1], 0);
    for (int i = 0; i < 2000; i++) {
        if (atomic_load(&l->version[0]) + atomic_load(&l->version[1]) >= requests) break;
        pause_ms(10);
    }
    size_t canary = atomic_load(&l->version[1]), n = atomic_load(&l->version[0]) + canary;
    CHECK(n >= requests);
    got = (double)canary / (double)n;
    if (!CHECK(fabs(got - p) <= 5 * sqrt(p * (1 - p) / (double)n)))
        printf("    asked for %g%%, got %g%% of %zu\n", percent, 100 * got, n);
    printf("    %g%%: %zu of %zu\n", percent, canary, n);
}

/* A client that says who it is stays where it is; more of them move as the share grows. */
static void keys_are_sticky(leattest *t, place *w)
{
    enum { KEYS = 60 };
    static const double steps[] = {20, 20, 60};
    bool was[KEYS] = {false};
    leat_client *k = NULL;
    const char *url = w->url;
    size_t moved = 0;
    REQUIRE_OK(leat_client_create(t->context, &k, &url, 1, NULL));
    for (int s = 0; s < 3; s++) {
        CHECK_OK(leat_haproxy_set_share(w->control, w->map, steps[s]));
        for (int i = 0; i < KEYS; i++) {
            char header[40];
            const char *headers[] = {header};
            leat_client_reply r;
            snprintf(header, sizeof header, "X-Canary-Key: user-%d", i);
            leat_client_request q = {.path = "/api/v1/iris", .headers = headers, .header_count = 1};
            if (!CHECK_OK(leat_client_ask(t->context, k, &q, &r))) break;
            bool canary = strstr(r.body, "\"version\":2");
            if (s == 1) CHECK(canary == was[i]);
            if (s == 2) CHECK(canary >= was[i]);
            moved += s == 2 && canary > was[i];
            was[i] = canary;
            leat_client_reply_free(&r);
        }
    }
    CHECK(moved > 0);
    leat_client_destroy(k);
}

static void a_canary_walks(leattest *t)
{
    static const double steps[] = {0, 5, 50, 100, 25, 0};
    place w;
    load l;
    if (open_place(t, &w, true)) {
        const char *url = w.url;
        if (load_start(t, &l, &url, 1, true)) {
            for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                take_step(t, &w, &l, steps[i], (size_t)rounds() * 600);
            /* A canary that dies at 100%: the stable servers have its requests. */
            CHECK_OK(leat_haproxy_set_share(w.control, w.map, 100));
            server_end(&w.servers[SERVERS - 1], SIGKILL);
            wait_for(t, &w, "s2", "DOWN");
            pause_ms(1200);
            CHECK(server_start(&w.servers[SERVERS - 1]));
            wait_for(t, &w, "s2", "UP");
            load_stop(t, &l, 600);
            keys_are_sticky(t, &w);
        }
    }
    close_place(&w);
}

/* TLS before and behind the proxy, HTTP/2 before it, and a server that joins in a slot. */
static void servers_join_by_tls(leattest *t)
{
    char certificate[512], key[512], both[512], address[64], url[64], command[1400];
    const char *list = address, *https = url;
    place w;
    set_paths(&w);
    if (!has_haproxy(t)) return;
    snprintf(certificate, sizeof certificate, "%s", leattest_scratch("cert.pem"));
    snprintf(key, sizeof key, "%s", leattest_scratch("key.pem"));
    snprintf(both, sizeof both, "%s", leattest_scratch("both.pem"));
    if (!leattest_certificate(certificate, key, both)) {
        leattest_skip(t, "this build has no OpenSSL");
        return;
    }
    setenv("LEATTEST_CERTIFICATE", certificate, 1);
    setenv("LEATTEST_KEY", key, 1);
    bool good = start_servers(t, &w, 1);
    unsetenv("LEATTEST_CERTIFICATE");
    unsetenv("LEATTEST_KEY");
    leat_haproxy_options o = leat_haproxy_options_default();
    snprintf(address, sizeof address, "first=127.0.0.1:%u", w.servers[0].port);
    o.servers = &list;
    o.server_count = 1;
    o.balance = "round-robin";
    o.slots = 2;
    o.tls_cert = both;
    o.server_ca = certificate;
    o.socket = w.socket;
    o.map = w.map;
    o.observe = "no";
    o.check_interval = 0.2;
    o.slow_start = 0.1;
    if (good && start_proxy(t, &w, &o) && wait_for(t, &w, "first", "UP")) {
        leat_client *k = NULL;
        leat_client_options ko = leat_client_options_default();
        leat_client_reply r;
        leat_client_request q = {.path = "/api/v1/iris", .body = ROW, .length = sizeof ROW - 1};
        snprintf(address, sizeof address, "127.0.0.1:%u", w.servers[1].port);
        CHECK_OK(leat_haproxy_set_address(w.control, "stable/slot2", address));
        CHECK_OK(leat_haproxy_enable(w.control, "slot2"));
        wait_for(t, &w, "slot2", "UP");
        pause_ms(1500); /* slow starts are looked at every second */
        CHECK_OK(leat_haproxy_set_weight(w.control, "slot2", 50));
        snprintf(url, sizeof url, "https%.50s", w.url + 4);
        ko.ca = certificate;
        CHECK_OK(leat_client_create(t->context, &k, &https, 1, &ko));
        for (int i = 0; i < 30; i++)
            if (CHECK_OK(leat_client_ask(t->context, k, &q, &r))) {
                CHECK_INT(r.status, 200);
                leat_client_reply_free(&r);
            }
        leat_client_destroy(k);
        leat_haproxy_list *l = NULL;
        CHECK_OK(leat_haproxy_servers(w.control, &l));
        CHECK_INT(leat_haproxy_list_count(l), 3);
        const leat_haproxy_server *first = leat_haproxy_list_at(l, 0);
        const leat_haproxy_server *slot = leat_haproxy_list_at(l, 2);
        /* Weights 100 and 50, rounds begun in between. */
        CHECK_INT(first->requests + slot->requests, 30);
        CHECK(first->requests >= 17 && first->requests <= 23);
        CHECK_INT(slot->weight, 50);
        CHECK_STR(slot->address, address);
        leat_haproxy_list_destroy(l);
        CHECK_OK(leat_haproxy_disable(w.control, "slot2"));
        CHECK(wait_for(t, &w, "slot2", "MAINT"));
        CHECK_FAILS(leat_haproxy_enable(w.control, "stable/none"), LEAT_NOT_FOUND, "No such");
        CHECK_FAILS(leat_haproxy_enable(w.control, "none"), LEAT_NOT_FOUND, "no server 'none'");
        CHECK_FAILS(leat_haproxy_enable(w.control, "x;show env"), LEAT_INVALID, "a name has");
        snprintf(command, sizeof command,
                 "curl -s --http2 --cacert %s -o /dev/null -w '%%{http_version}' %s/v2/health/live "
                 "| grep -qx 2",
                 certificate, url);
        if (system("curl --version 2>/dev/null | grep -q HTTP2") == 0)
            CHECK_INT(system(command), 0);
    }
    close_place(&w);
}

/* Without a proxy: the client itself goes round what fails. */
static void a_client_goes_round(leattest *t)
{
    place w;
    load l;
    char urls[SERVERS][64];
    const char *list[SERVERS];
    set_paths(&w);
    if (start_servers(t, &w, 1)) {
        for (int i = 0; i < SERVERS; i++) {
            snprintf(urls[i], sizeof urls[i], "127.0.0.1:%u", w.servers[i].port);
            list[i] = urls[i];
        }
        if (load_start(t, &l, list, SERVERS, false)) {
            pause_ms(200);
            server_end(&w.servers[0], SIGKILL);
            pause_ms(300);
            CHECK(server_start(&w.servers[0]));
            kill(w.servers[1].pid, SIGSTOP);
            pause_ms(1500);
            kill(w.servers[1].pid, SIGCONT);
            for (int i = 0; i < SERVERS; i++) {
                server_end(&w.servers[i], SIGTERM);
                CHECK(server_start(&w.servers[i]));
            }
            load_stop(t, &l, 500);
        }
    }
    close_place(&w);
}

/* What the agent check says now. */
static bool ask_agent(unsigned port, char out[64])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ssize_t n = -1;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) n = recv(fd, out, 63, MSG_WAITALL);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* A server that ends tells who asked it before, and answers until then. */
static void a_server_says_goodbye(leattest *t)
{
    place w;
    char line[64];
    set_paths(&w);
    if (start_servers(t, &w, 1)) {
        unsigned percent = 0;
        server *s = &w.servers[0];
        leat_client *k = NULL;
        leat_client_reply r;
        leat_client_request q = {.path = "/v2/health/live"};
        char url[64];
        const char *list = url;
        snprintf(url, sizeof url, "127.0.0.1:%u", s->port);
        CHECK(ask_agent(s->agent, line));
        CHECK_INT(sscanf(line, "ready up %u%%\n", &percent), 1);
        CHECK(percent >= 5 && percent <= 100);
        kill(s->pid, SIGTERM);
        pause_ms(300); /* it waits for us */
        CHECK_OK(leat_client_create(t->context, &k, &list, 1, NULL));
        if (CHECK_OK(leat_client_ask(t->context, k, &q, &r))) {
            CHECK_INT(r.status, 200);
            leat_client_reply_free(&r);
        }
        leat_client_destroy(k);
        CHECK(ask_agent(s->agent, line));
        CHECK_STR(line, "drain\n");
        double told = leati_now_s();
        int status = -1;
        CHECK_INT(waitpid(s->pid, &status, 0), s->pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK(leati_now_s() - told < 4);
        s->pid = 0;
    }
    close_place(&w);
}

static const leattest_case cases[] = {TEST(servers_die_and_hang), TEST(the_busy_get_less),
                                      TEST(a_canary_walks),       TEST(servers_join_by_tls),
                                      TEST(a_client_goes_round),  TEST(a_server_says_goodbye)};

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "--serve") == 0) return serve(argv + 2);
    if (getenv("LEAT_CPU")) return puts("0 passed, 0 failed, 1 skipped"), 0;
    return leattest_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
