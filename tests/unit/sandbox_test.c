/* A server in its sandbox: everything it is for works, and nothing else does. The server runs in a
 * child process, whose main thread then tries what it is told to. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#endif
#include <leat/data.h>
#include <leat/key.h>
#include <leat/registry.h>
#include <leat/serve.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/fitted.h"
#include "support/leattest.h"
#include "support/postgres.h"
#include "support/registered.h"
#include "support/serve_client.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 }; /* their own threads and calls do not fit into the sandbox */
#elif defined(__has_feature)
#if __has_feature(memory_sanitizer) || __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

/* ---- the child --------------------------------------------------------------------------------
 */

typedef struct child {
    pid_t pid;
    int to, from;
    char url[160];
} child;

enum { UNSUPPORTED_EXIT = 77 };

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600), error = errno;
    if (fd >= 0) close(fd);
    return fd >= 0 ? 0 : error;
}

static int try_connect(unsigned short port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = errno;
    if (fd < 0) return error;
    int failed = connect(fd, (struct sockaddr *)&a, sizeof a);
    error = errno;
    close(fd);
    return failed ? error : 0;
}

/* A family that no database speaks. */
static int try_packets(void)
{
    int fd = socket(AF_PACKET, SOCK_DGRAM, 0), error = errno;
    if (fd >= 0) close(fd);
    return fd >= 0 ? 0 : error;
}

static int try_executable_memory(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? errno : 0;
}

/* The error of what is tried; 0: it went well. */
static int attempt(char what, const char *argument)
{
    char *const none[] = {NULL};
    switch (what) {
    case 'r': return try_open(argument, O_RDONLY);
    case 'w': return try_open(argument, O_WRONLY | O_CREAT);
    case 'u': return unlink(argument) == 0 ? 0 : errno;
    case 'c': return try_connect((unsigned short)atoi(argument));
    case 'm': return try_executable_memory();
    case 'p': return try_packets();
    case 'k': return kill(getppid(), 0) == 0 ? 0 : errno;
    case 'x': execve(argument, none, none); return errno;
    case 'f': {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        return pid > 0 ? 0 : errno;
    }
    default: return -1;
    }
}

static bool say(int fd, const void *data, size_t length)
{
    return write(fd, data, length) == (ssize_t)length;
}

/* Commands are fixed records: what, argument. An empty one ends. */
typedef struct command {
    char what;
    char argument[511];
} command;

static void serve_and_obey(const leat_serve_options *o, int in, int out)
{
    leat_context *c;
    leat_server *server = NULL;
    command next;
    char url[160] = "";
    int code = 1;
    if (leat_context_create(&c, NULL) != LEAT_OK) _exit(1);
    leat_status st = leat_server_start(c, o, &server);
    if (st == LEAT_OK) snprintf(url, sizeof url, "%s", leat_server_url(server));
    else fprintf(stderr, "%s\n", leat_error_message(c));
    if (st == LEAT_UNSUPPORTED) code = UNSUPPORTED_EXIT;
    if (!say(out, url, sizeof url) || st != LEAT_OK) _exit(code);
    while (read(in, &next, sizeof next) == (ssize_t)sizeof next && next.what) {
        int error = attempt(next.what, next.argument);
        if (!say(out, &error, sizeof error)) _exit(1);
    }
    leat_server_drain(server, 5);
    leat_server_destroy(server);
    leat_context_destroy(c);
    _exit(0);
}

/* False: the test is skipped or failed. */
static bool start_child(leattest *t, child *k, const leat_serve_options *o)
{
    int to[2], from[2], status;
    if (!CHECK(pipe(to) == 0 && pipe(from) == 0)) return false;
    fflush(NULL);
    signal(SIGPIPE, SIG_IGN); /* the child may be gone */
    *k = (child){.pid = fork(), .to = to[1], .from = from[0]};
    if (k->pid == 0) {
        close(to[1]);
        close(from[0]);
        serve_and_obey(o, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    bool told = read(k->from, k->url, sizeof k->url) == (ssize_t)sizeof k->url;
    if (told && *k->url) return true;
    waitpid(k->pid, &status, 0);
    close(k->to);
    close(k->from);
    if (told && WIFEXITED(status) && WEXITSTATUS(status) == UNSUPPORTED_EXIT)
        leattest_skip(t, "this machine or build has no sandbox");
    else CHECK(!"the server did not start");
    return false;
}

/* The error, or -2 if there was no answer. */
static int tell(const child *k, char what, const char *argument)
{
    command next = {.what = what};
    int error;
    snprintf(next.argument, sizeof next.argument, "%s", argument);
    if (!say(k->to, &next, sizeof next)) return -2;
    return read(k->from, &error, sizeof error) == (ssize_t)sizeof error ? error : -2;
}

static int end_child(child *k)
{
    command none = {0};
    int status = -1;
    (void)say(k->to, &none, sizeof none);
    waitpid(k->pid, &status, 0);
    close(k->to);
    close(k->from);
    return status;
}

/* ---- what it serves ---------------------------------------------------------------------------
 */

static leat_serve_options serving(const char *const *models, size_t count)
{
    leat_serve_options o = leat_serve_options_default();
    o.listen = "127.0.0.1:0";
    o.models = models;
    o.model_count = count;
    o.workers = 2;
    o.sandbox = true;
    return o;
}

/* A folder with iris.leat in it; its path. */
static bool make_folder(leattest *t, char folder[512])
{
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    char path[600];
    snprintf(folder, 512, "%s", leattest_scratch("models"));
    if (!CHECK(mkdir(folder, 0700) == 0 || errno == EEXIST)) return false;
    if (!CHECK_OK(leat_data_load(c, &iris, "iris", NULL))) return false;
    leat_model *m = leattest_model(c, iris, "species", NULL, "lda", NULL, "auto");
    snprintf(path, sizeof path, "%s/iris.leat", folder);
    bool ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path));
    leat_model_release(m);
    leat_frame_release(iris);
    return ok;
}

static bool ask(leattest *t, serve_client *k, const char *method, const char *path,
                const char *headers, const char *body, size_t length, int status)
{
    if (!CHECK(serve_client_ask(k, method, path, headers, body, length))) return false;
    if (CHECK_INT(k->status, status)) return true;
    printf("  %s %s: %.300s\n", method, path, k->body);
    return false;
}

#define ROW  "{\"name\":\"input\",\"shape\":[1,4],\"datatype\":\"FP64\",\"data\":[5.1,3.5,1.4,0.2]}"
#define JSON "Content-Type: application/json\r\n"

static const struct request {
    const char *method, *path, *headers, *body;
} requests[] = {
    {"GET", "/", "", ""},
    {"GET", "/openapi.json", "Accept-Encoding: gzip\r\n", ""},
    {"GET", "/openapi.json", "Accept-Encoding: zstd\r\n", ""},
    {"GET", "/ping", "", ""},
    {"GET", "/version", "", ""},
    {"GET", "/v2", "", ""},
    {"GET", "/v2/health/live", "", ""},
    {"GET", "/v2/health/ready", "", ""},
    {"GET", "/v2/models", "", ""},
    {"GET", "/v2/models/stats", "", ""},
    {"GET", "/v2/models/iris", "", ""},
    {"GET", "/v2/models/iris/config", "", ""},
    {"POST", "/v2/models/iris/infer", JSON, "{\"inputs\":[" ROW "]}"},
    {"POST", "/invocations", JSON, "{\"inputs\":[[5.1,3.5,1.4,0.2]]}"},
    {"GET", "/api/v1", "", ""},
    {"GET", "/api/v1/iris", "", ""},
    {"GET", "/api/v1/iris?sepal_length=6&sepal_width=3&petal_length=5&petal_width=2", "", ""},
    {"POST", "/api/v1/iris", "Content-Type: text/csv\r\n",
     "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n"},
    {"POST", "/v2/repository/index", "", ""},
    {"POST", "/v2/repository/models/iris/load", "", ""},
    {"POST", "/v2/repository/models/iris/unload", "", ""},
    {"POST", "/v2/repository/models/iris/load", "", ""},
    {"POST", "/v2/models/iris/infer", JSON, "{\"inputs\":[" ROW "]}"},
};

/* A body that a thread of its own answers. */
static void ask_long(leattest *t, serve_client *k)
{
    enum { ROWS = 20000 };
    static const char head[] = "sepal_length,sepal_width,petal_length,petal_width\n";
    static const char row[] = "5.1,3.5,1.4,0.2\n";
    size_t n = sizeof head - 1 + ROWS * (sizeof row - 1);
    char *body = malloc(n + 1), *at = body;
    REQUIRE(body);
    memcpy(at, head, sizeof head);
    at += sizeof head - 1;
    for (int i = 0; i < ROWS; i++, at += sizeof row - 1) memcpy(at, row, sizeof row);
    ask(t, k, "POST", "/api/v1/iris", "Content-Type: text/csv\r\n", body, n, 200);
    free(body);
}

static void serves(leattest *t)
{
    char folder[512];
    const char *models[] = {folder};
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    if (!make_folder(t, folder)) return;
    leat_serve_options o = serving(models, 1);
    child server;
    if (!start_child(t, &server, &o)) return;
    serve_client k;
    if (CHECK(serve_client_open(&k, server.url))) {
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
            const struct request *q = &requests[i];
            ask(t, &k, q->method, q->path, q->headers, q->body, strlen(q->body), 200);
        }
        ask_long(t, &k);
    }
    serve_client_close(&k);
    int status = end_child(&server);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- what it refuses --------------------------------------------------------------------------
 */

/* Every thread of the process is behind the filter. */
static void check_threads(leattest *t, pid_t pid)
{
    char path[400], line[200];
    int threads = 0, filtered = 0, unprivileged = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    REQUIRE(tasks);
    for (struct dirent *d; (d = readdir(tasks));) {
        if (*d->d_name == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", (int)pid, d->d_name);
        FILE *f = fopen(path, "r");
        if (!CHECK(f)) continue;
        threads++;
        while (fgets(line, sizeof line, f)) {
            filtered += strcmp(line, "Seccomp:\t2\n") == 0;
            unprivileged += strcmp(line, "NoNewPrivs:\t1\n") == 0;
        }
        fclose(f);
    }
    closedir(tasks);
    CHECK(threads >= 5); /* main, two workers, two for long answers */
    CHECK_INT(filtered, threads);
    CHECK_INT(unprivileged, threads);
}

/* A listening socket that a connection could be made to; its port as text. */
static int open_port(char port[8])
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4) != 0) return -1;
    getsockname(fd, (struct sockaddr *)&a, &n);
    snprintf(port, 8, "%u", (unsigned)ntohs(a.sin_port));
    return fd;
}

/* By the steward's thread: a file in the folder that leads out of it. */
static void check_load_outside(leattest *t, const child *server, const char *folder)
{
    char inside[600], outside[600], trick[600];
    snprintf(inside, sizeof inside, "%s/iris.leat", folder);
    snprintf(outside, sizeof outside, "%s", leattest_scratch("outside.leat"));
    snprintf(trick, sizeof trick, "%s/trick.leat", folder);
    REQUIRE(link(inside, outside) == 0 && symlink(outside, trick) == 0);
    serve_client k;
    if (CHECK(serve_client_open(&k, server->url))) {
        CHECK(serve_client_ask(&k, "POST", "/v2/repository/models/trick/load", "", "", 0));
        CHECK(k.status >= 400);
        ask(t, &k, "GET", "/v2/models/iris/ready", "", "", 0, 200);
    }
    serve_client_close(&k);
    CHECK(unlink(trick) == 0);
}

static void refuses(leattest *t)
{
    char folder[512], file[600], elsewhere[512], port[8];
    const char *models[] = {folder};
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    if (!make_folder(t, folder)) return;
    snprintf(file, sizeof file, "%s/iris.leat", folder);
    snprintf(elsewhere, sizeof elsewhere, "%s", leattest_scratch("new.txt"));
    int listening = open_port(port);
    REQUIRE(listening >= 0);
    leat_serve_options o = serving(models, 1);
    child server;
    if (start_child(t, &server, &o)) {
        check_threads(t, server.pid);
        CHECK_INT(tell(&server, 'r', file), 0);
        CHECK_INT(tell(&server, 'w', file), 0); /* PUT and DELETE of models */
        CHECK_INT(tell(&server, 'r', "/etc/passwd"), EACCES);
        CHECK_INT(tell(&server, 'r', "/proc/1/environ"), EACCES);
        CHECK_INT(tell(&server, 'w', elsewhere), EACCES);
        CHECK_INT(tell(&server, 'c', port), EPERM);
        CHECK_INT(tell(&server, 'm', ""), EPERM);
        CHECK_INT(tell(&server, 'k', ""), EPERM);
        check_load_outside(t, &server, folder);
        int status = end_child(&server);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    close(listening);
}

/* Where requests do not manage models, their folder is for reading. */
static void unmanaged(leattest *t)
{
    char folder[512], file[600];
    const char *models[] = {folder};
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    if (!make_folder(t, folder)) return;
    snprintf(file, sizeof file, "%s/iris.leat", folder);
    leat_serve_options o = serving(models, 1);
    o.control = "no";
    child server;
    if (!start_child(t, &server, &o)) return;
    CHECK_INT(tell(&server, 'r', file), 0);
    CHECK_INT(tell(&server, 'w', file), EACCES);
    CHECK_INT(tell(&server, 'u', file), EACCES);
    int status = end_child(&server);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- keys on another machine ------------------------------------------------------------------
 */

static int ask_with(leattest *t, const child *server, const char *secret)
{
    char header[100];
    serve_client k;
    snprintf(header, sizeof header, "X-API-Key: %s\r\n", secret);
    bool answered = CHECK(serve_client_open(&k, server->url)) &&
                    CHECK(serve_client_ask(&k, "GET", "/v2/models/iris", header, "", 0));
    int status = answered ? k.status : 0;
    serve_client_close(&k);
    return status;
}

/* The store is told of a new key, and the server finds out within a second; also after the database
 * was gone for a moment, when a new connection has to be made from inside. */
static void check_new_key(leattest *t, const child *server, const char *store, const char *name)
{
    leat_key_store *s;
    leat_key_options o = leat_key_options_default();
    char secret[LEAT_KEY_SIZE];
    if (!CHECK_OK(leat_key_store_open(t->context, &s, store, true))) return;
    CHECK_OK(leat_key_add(s, name, &o, secret));
    leat_key_store_close(s);
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        struct timespec pause = {0, 50000000};
        nanosleep(&pause, NULL);
        status = ask_with(t, server, secret);
    }
    CHECK_INT(status, 200);
}

static void remote_keys(leattest *t)
{
    char folder[512];
    const char *models[] = {folder};
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    if (make_folder(t, folder)) {
        leat_serve_options o = serving(models, 1);
        o.keys = leattest_postgres_address(p);
        child server;
        if (start_child(t, &server, &o)) {
            CHECK_INT(ask_with(t, &server, "leat_none"), 401);
            check_new_key(t, &server, o.keys, "first");
            leattest_postgres_kill(p);
            if (CHECK(leattest_postgres_revive(p))) check_new_key(t, &server, o.keys, "second");
            CHECK_INT(tell(&server, 'r', "/etc/passwd"), EACCES);
            int status = end_child(&server);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    }
    leattest_postgres_stop(p);
}

/* ---- the registry: a pool, and an alias that moves ---------------------------------------------
 */

#define ROLLOUT "/api/v1/iris/rollout"

/* Until the answer holds the words; false: it does not. */
static bool comes_to(leattest *t, serve_client *k, const char *path, const char *words)
{
    for (int i = 0; i < 400; i++) {
        if (!CHECK(serve_client_ask(k, "GET", path, "", "", 0))) return false;
        if (k->status == 200 && strstr(k->body, words)) return true;
        struct timespec pause = {0, 50000000};
        nanosleep(&pause, NULL);
    }
    printf("  %s: no %s in %.300s\n", path, words, k->body);
    return false;
}

/* A registry that was gone for a moment may not be found again yet. */
static void switch_to(leattest *t, serve_client *k, const char *what)
{
    for (int i = 0; i < 100; i++) {
        if (!CHECK(serve_client_ask(k, "PUT", ROLLOUT, JSON, what, strlen(what)))) return;
        if (k->status != 503) break;
        struct timespec pause = {0, 100000000};
        nanosleep(&pause, NULL);
    }
    if (!CHECK_INT(k->status, 200)) printf("  %s: %.300s\n", what, k->body);
}

static leat_registry *fill_registry(leattest *t, const char *where, const char *objects)
{
    static const char *const estimators[] = {"lda", "qda"};
    leat_registry *r = leattest_registry(t, where, objects);
    bool ok = r && leattest_push_iris(t, r, "iris", estimators, 2) &&
              leattest_push_iris(t, r, "rose", estimators, 2) &&
              CHECK_OK(leat_registry_tag(r, "rose", "champion", 1, LEAT_ALIAS_ANY, NULL));
    if (ok) return r;
    leat_registry_close(r);
    return NULL;
}

/* Rollouts of the pool go through the catalogue and fetch versions; an alias is followed. Other
 * processes, this one, open and close the registry meanwhile. */
static void meet(leattest *t, const child *server, const char *where)
{
    serve_client k;
    leat_registry *r;
    leat_registry_options o = leat_registry_options_default();
    o.where = where;
    if (CHECK(serve_client_open(&k, server->url))) {
        ask(t, &k, "GET", "/v2/models/iris", "", "", 0, 200);
        CHECK(strstr(k.body, "\"versions\":[\"1\""));
        switch_to(t, &k, "{\"mode\":\"switch\",\"to\":2}");
        CHECK(comes_to(t, &k, ROLLOUT, "\"serving\":2"));
        CHECK(comes_to(t, &k, ROLLOUT, "\"lost\":false"));
        if (CHECK_OK(leat_registry_open(t->context, &r, &o))) {
            CHECK_OK(leat_registry_tag(r, "rose", "champion", 2, LEAT_ALIAS_ANY, NULL));
            leat_registry_close(r);
        }
        CHECK(comes_to(t, &k, "/v2/models/rose", "\"versions\":[\"2\"]"));
        switch_to(t, &k, "{\"mode\":\"switch\"}");
        CHECK(comes_to(t, &k, ROLLOUT, "\"serving\":1"));
    }
    serve_client_close(&k);
}

static leat_serve_options pooled(const char *where)
{
    static const char *const models[] = {"iris@1", "rose@champion"};
    leat_serve_options o = serving(models, 2);
    o.registry = where;
    o.pool = "test";
    o.follow_ms = 50;
    o.control = "yes";
    return o;
}

/* The catalogue is written, the files beside it are not to be touched, nothing is connected to. */
static void pool_in_a_folder(leattest *t)
{
    char where[512], file[4096], other[600], port[8];
    child server;
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    snprintf(where, sizeof where, "%s", leattest_scratch("registry"));
    leat_registry *r = fill_registry(t, where, NULL);
    REQUIRE(r);
    CHECK_OK(leat_registry_path(r, "iris@1", file, sizeof file));
    leat_registry_close(r);
    int listening = open_port(port);
    REQUIRE(listening >= 0);
    leat_serve_options o = pooled(where);
    if (start_child(t, &server, &o)) {
        meet(t, &server, where);
        CHECK_INT(tell(&server, 'r', file), 0);
        CHECK_INT(tell(&server, 'w', file), EACCES);
        CHECK_INT(tell(&server, 'u', file), EACCES);
        snprintf(other, sizeof other, "%s/new", where);
        CHECK_INT(tell(&server, 'w', other), EACCES);
        CHECK_INT(tell(&server, 'u', where), EACCES);
        CHECK_INT(tell(&server, 'r', "/etc/passwd"), EACCES);
        CHECK_INT(tell(&server, 'c', port), EPERM);
        int status = end_child(&server);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        /* It has left a sound catalogue. */
        leat_registry_options again = leat_registry_options_default();
        uint64_t files;
        again.where = where;
        if (CHECK_OK(leat_registry_open(t->context, &r, &again))) {
            CHECK_OK(leat_registry_verify(r, NULL, NULL, &files));
            leat_registry_close(r);
        }
    }
    close(listening);
}

/* Whether this kernel tells ports apart: Landlock's ABI 4. */
static bool knows_ports(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4;
}

static void pool_in_a_database(leattest *t)
{
    char objects[512], file[4096], port[8];
    child server;
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    snprintf(objects, sizeof objects, "%s", leattest_scratch("objects"));
    const char *where = leattest_postgres_address(p);
    leat_registry *r = fill_registry(t, where, objects);
    int listening = open_port(port);
    leat_serve_options o = pooled(where);
    if (r && CHECK(listening >= 0) && start_child(t, &server, &o)) {
        meet(t, &server, where);
        leattest_postgres_kill(p);
        leat_registry_close(r);
        r = NULL;
        if (CHECK(leattest_postgres_revive(p)) && (r = leattest_registry(t, where, objects))) {
            CHECK_OK(leat_registry_tag(r, "rose", "champion", 1, LEAT_ALIAS_ANY, NULL));
            CHECK_OK(leat_registry_path(r, "iris@1", file, sizeof file));
            meet(t, &server, where);
            CHECK_INT(tell(&server, 'r', file), 0);
            CHECK_INT(tell(&server, 'w', file), EACCES);
        }
        if (knows_ports()) CHECK_INT(tell(&server, 'c', port), EACCES);
        CHECK_INT(tell(&server, 'p', ""), EPERM);
        int status = end_child(&server);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    leat_registry_close(r);
    if (listening >= 0) close(listening);
    leattest_postgres_stop(p);
}

/* What ends the process: the signal that did. */
static void ends(leattest *t)
{
    static const char deadly[] = "xf";
    char folder[512];
    const char *models[] = {folder};
    if (SANITIZED) {
        leattest_skip(t, "a sanitizer's own threads and calls do not fit into the sandbox");
        return;
    }
    if (!make_folder(t, folder)) return;
    leat_serve_options o = serving(models, 1);
    for (const char *what = deadly; *what; what++) {
        child server;
        if (!start_child(t, &server, &o)) return;
        CHECK_INT(tell(&server, *what, "/bin/true"), -2);
        int status = end_child(&server);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}

static const leattest_case cases[] = {
    TEST(serves),      TEST(refuses),          TEST(unmanaged),
    TEST(remote_keys), TEST(pool_in_a_folder), TEST(pool_in_a_database),
    TEST(ends)};
LEATTEST_MAIN(cases)
