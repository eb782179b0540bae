/* Three processes of servers that decide rollouts together, on an SQLite registry and on a real
 * PostgreSQL: evidence of which none has enough, a canary that walks to the end while one of them
 * is killed, taking back by hand, a catalogue that is lost and found. The program is its own
 * server: `rollout_pool_test --serve`. Nothing of it depends on the level of instructions. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include <leat/call.h>
#include <leat/data.h>
#include <leat/registry.h>
#include <leat/rollout.h>
#include <leat/serve.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "io/sql.h"
#include "model/registry_pool.h"
#include "serve/rollout_pool.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/postgres.h"
#include "support/registered.h"
#include "support/serve_client.h"
#include "support/tables.h"

#define ROW  "{\"sepal_length\":6,\"sepal_width\":3,\"petal_length\":5,\"petal_width\":2}"
#define API  "/api/v1/flower"
#define RULE "error_rate>stable+5%"

enum { SERVERS = 3, THREADS = 2 };
/* What docs/rollout.md says is two seconds; a machine that runs other tests, or a sanitizer, may
 * take longer. */
enum { FOLLOWED = 20, PATIENCE = 90 };

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* --- a server as a process of its own --------------------------------------------------------- */

typedef struct server {
    char state[512], url[64];
    pid_t pid;
    unsigned port;
} server;

static void hear(void *user, const char *line)
{
    (void)user;
    (void)line;
}

/* --serve WHERE OBJECTS STATE PORT FD: tells its port on FD, serves until SIGTERM. */
static int serve(char **argv)
{
    static const char *const models[] = {"flower@1", "flower@3"}; /* 2 is fetched */
    leat_context *c;
    leat_server *s = NULL;
    leat_serve_options o = leat_serve_options_default();
    char listen[40];
    sigset_t ends;
    int got;
    snprintf(listen, sizeof listen, "127.0.0.1:%s", argv[3]);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    o.models = models;
    o.model_count = 2;
    o.listen = listen;
    o.workers = 1;
    o.registry = argv[0];
    o.objects = *argv[1] ? argv[1] : NULL;
    o.state = argv[2];
    o.pool = "test";
    o.say = hear;
    if (leat_context_create(&c, NULL) != LEAT_OK) return 1;
    /* The port, and the lock of the state, of a server that was killed may be taken for a moment.
     */
    for (int i = 0; i < 200 && leat_server_start(c, &o, &s) == LEAT_IO; i++) {
        leat_error_clear(c);
        pause_ms(50);
    }
    if (!s) return fprintf(stderr, "server: %s\n", leat_error_message(c)), 1;
    if (dprintf(atoi(argv[4]), "%s\n", strrchr(leat_server_url(s), ':') + 1) < 0) return 1;
    sigwait(&ends, &got);
    leat_server_drain(s, 5);
    leat_server_destroy(s);
    leat_context_destroy(c);
    return 0;
}

typedef struct place {
    char where[512], objects[512];
    leattest_postgres *postgres; /* NULL: SQLite */
    leati_sql *writer;           /* that keeps everybody else from writing */
    server servers[SERVERS];
} place;

/* At the port it had if it had one; waits until it can be asked. */
static bool server_start(place *w, server *s)
{
    char port[12], out[12], told[64] = "";
    int fds[2];
    if (pipe2(fds, 0) != 0) return false;
    snprintf(port, sizeof port, "%u", s->port);
    snprintf(out, sizeof out, "%d", fds[1]);
    char *const argv[] = {(char[]){"rollout_pool_test"},
                          (char[]){"--serve"},
                          w->where,
                          w->objects,
                          s->state,
                          port,
                          out,
                          NULL};
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
    if (s->pid <= 0 || n <= 0 || sscanf(told, "%u", &s->port) != 1) return false;
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", s->port);
    return true;
}

static void server_end(server *s, int signal_number)
{
    if (s->pid <= 0) return;
    kill(s->pid, signal_number);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR) continue;
    s->pid = 0;
}

/* --- the registry ----------------------------------------------------------------------------- */

/* Versions 1 and 2 agree; 3 takes other inputs, so that it refuses what the others take. */
static bool make_registry(leattest *t, const place *w)
{
    leat_context *c = t->context;
    static const char *const agree[] = {"lda", "qda"};
    leat_frame *other = leattest_table(c, 100, 7);
    leat_registry *r = leattest_registry(t, w->where, *w->objects ? w->objects : NULL);
    bool ok = r && CHECK(other) && leattest_push_iris(t, r, "flower", agree, 2) &&
              leattest_push(t, r, "flower",
                            leattest_model(c, other, "kind", "weight|id", "cart", NULL, "auto")) &&
              CHECK_OK(leat_registry_tag(r, "flower", "champion", 1, LEAT_ALIAS_ANY, NULL));
    leat_frame_release(other);
    leat_registry_close(r);
    return ok;
}

/* The version that the registry's champion is. */
static int64_t champion(leattest *t, const place *w)
{
    leat_registry *r = leattest_registry(t, w->where, *w->objects ? w->objects : NULL);
    int64_t version = r ? leattest_alias(t, r, "flower@champion") : -1;
    leat_registry_close(r);
    return version;
}

/* Nobody can write any more; a database that is a server is killed. */
static void lose(leattest *t, place *w)
{
    char path[600];
    if (w->postgres) {
        leattest_postgres_kill(w->postgres);
        return;
    }
    snprintf(path, sizeof path, "%s/registry.db", w->where);
    if (CHECK_OK(leati_sql_open(t->context, &w->writer, path, false)))
        CHECK_OK(leati_sql_begin(w->writer));
}

static void find(leattest *t, place *w)
{
    if (w->postgres) CHECK(leattest_postgres_revive(w->postgres));
    leati_sql_close(w->writer);
    w->writer = NULL;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* *status of the answer, 0: none came; the body in `body` (size), may be NULL. */
static int ask(const server *s, const char *method, const char *path, const char *text, char *body,
               size_t size)
{
    serve_client k;
    int status = 0;
    if (body) *body = '\0';
    if (!serve_client_open(&k, s->url)) return 0;
    if (serve_client_ask(&k, method, path, "Content-Type: application/json\r\n", text,
                         strlen(text))) {
        status = k.status;
        if (body) snprintf(body, size, "%.*s", (int)k.body_length, k.body);
    }
    serve_client_close(&k);
    return status;
}

static bool begin(leattest *t, const server *s, int status, const char *body)
{
    char answer[400];
    bool ok = CHECK_INT(ask(s, "PUT", API "/rollout", body, answer, sizeof answer), status);
    if (!ok) printf("    %s\n    %s\n", body, answer);
    return ok;
}

static bool act(leattest *t, const server *s, int status, const char *action)
{
    char body[64], answer[400];
    snprintf(body, sizeof body, "{\"action\":\"%s\"}", action);
    bool ok = CHECK_INT(ask(s, "POST", API "/rollout", body, answer, sizeof answer), status);
    if (!ok) printf("    %s: %s\n", action, answer);
    return ok;
}

/* leat_rollout_destroy; NULL: no answer. */
static leat_rollout *status_of(leattest *t, const server *s)
{
    static char body[1 << 16];
    leat_rollout *r = NULL;
    if (ask(s, "GET", API "/rollout", "", body, sizeof body) != 200) return NULL;
    CHECK_OK(leat_rollout_read(t->context, &r, body, strlen(body)));
    return r;
}

/* Phase, step and version that answers; anything is fine where they are NULL, -1, 0. */
typedef struct want {
    const char *phase;
    int step;
    uint32_t serving;
} want;

static bool stands(leattest *t, const server *s, const want *q)
{
    leat_rollout *r = status_of(t, s);
    if (!r) return false;
    leat_rollout_info about = leat_rollout_about(r);
    bool is = (!q->phase || strcmp(about.phase, q->phase) == 0) &&
              (q->step < 0 || (int)about.step >= q->step) &&
              (!q->serving || about.serving == q->serving);
    leat_rollout_destroy(r);
    return is;
}

/* Seconds until all that live stand so; negative: they do not. */
static double follow(leattest *t, place *w, want q, double patience)
{
    double from = leati_now_s();
    for (int i = 0; i < SERVERS; i++) {
        if (!w->servers[i].pid) continue;
        while (!stands(t, &w->servers[i], &q)) {
            if (leati_now_s() - from > patience) {
                printf("    server %d: not %s, step %d, version %u after %.0f s\n", i,
                       q.phase ? q.phase : "-", q.step, q.serving, patience);
                return -1;
            }
            pause_ms(20);
        }
    }
    return leati_now_s() - from;
}

static int predict(const server *s)
{
    return ask(s, "POST", API, ROW, NULL, 0);
}

/* --- load over all servers -------------------------------------------------------------------- */

typedef struct crowd {
    pthread_t threads[THREADS];
    const char *servers[SERVERS];
    atomic_bool stop;
    atomic_uint asked, failed;
} crowd;

static void *call_the_pool(void *arg)
{
    crowd *w = arg;
    leat_context *c;
    leat_client *k = NULL;
    leat_client_options o = leat_client_options_default();
    leat_client_request q = {.method = "POST", .path = API, .body = ROW, .length = sizeof ROW - 1};
    o.balance = "round-robin";
    if (leat_context_create(&c, NULL) != LEAT_OK) return NULL;
    if (leat_client_create(c, &k, w->servers, SERVERS, &o) != LEAT_OK)
        atomic_fetch_add(&w->failed, 1);
    while (k && !atomic_load(&w->stop)) {
        leat_client_reply r;
        bool ok = leat_client_ask(c, k, &q, &r) == LEAT_OK;
        atomic_fetch_add(&w->asked, 1);
        if (!ok || r.status != 200) {
            atomic_fetch_add(&w->failed, 1);
            printf("    failed: %d %s\n", ok ? r.status : 0, ok ? r.body : leat_error_message(c));
        }
        if (ok) leat_client_reply_free(&r);
        leat_error_clear(c);
        pause_ms(1);
    }
    leat_client_destroy(k);
    leat_context_destroy(c);
    return NULL;
}

static void gather(leattest *t, crowd *c, const place *w)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < SERVERS; i++) c->servers[i] = w->servers[i].url;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&c->threads[i], NULL, call_the_pool, c) == 0);
}

static void disperse(leattest *t, crowd *c)
{
    atomic_store(&c->stop, true);
    for (int i = 0; i < THREADS; i++) pthread_join(c->threads[i], NULL);
    printf("    %u requests, %u failed\n", atomic_load(&c->asked), atomic_load(&c->failed));
    CHECK(atomic_load(&c->asked) > 50);
    CHECK_INT(atomic_load(&c->failed), 0);
}

/* --- what is done ----------------------------------------------------------------------------- */

static leati_finding judged(uint64_t stable, uint64_t candidate)
{
    char why[LEATI_RULE_WHY];
    leati_rule rule;
    leati_arm_stats good = {.requests = stable};
    leati_arm_stats bad = {.requests = candidate, .errors = candidate};
    leati_shadow_stats none = {0};
    if (!leati_rule_parse(RULE, strlen(RULE), &rule, why)) return LEATI_RULE_OPEN;
    return leati_rule_judge(&rule, &good, &bad, &none, 0.05).finding;
}

/* Every server sees three or four answers of the new version fail, which says nothing; together
 * they know. */
static void adds_up(leattest *t, place *w)
{
    enum { EACH = 8 };
    if (!begin(t, &w->servers[1], 200,
               "{\"from\":1,\"to\":3,\"steps\":[50],\"hold\":1000,\"abort_if\":[\"" RULE "\"]}"))
        return;
    double followed = follow(t, w, (want){"running", 0, 1}, FOLLOWED);
    CHECK(followed >= 0);
    CHECK_INT(judged(EACH / 2 - 1, EACH / 2 + 1), LEATI_RULE_OPEN);
    CHECK_INT(judged(SERVERS * EACH / 2, SERVERS * EACH / 2), LEATI_RULE_BROKEN);
    int refused = 0;
    for (int i = 0; i < SERVERS * EACH; i++) {
        int status = predict(&w->servers[i % SERVERS]);
        CHECK(status == 200 || status == 422);
        refused += status == 422;
    }
    double taken = follow(t, w, (want){"aborted", 0, 1}, FOLLOWED);
    printf("    begun on all after %.2f s; %d refused by the new version, taken back everywhere "
           "after %.2f s\n",
           followed, refused, taken);
    CHECK(taken >= 0);
    for (int i = 0; i < SERVERS; i++) {
        leat_rollout *r = status_of(t, &w->servers[i]);
        if (!CHECK(r)) continue;
        leat_rollout_stage s = leat_rollout_stage_at(r, 0);
        CHECK(strstr(leat_rollout_about(r).reason, RULE));
        CHECK_STR(leat_rollout_about(r).pool, "test");
        CHECK(s.candidate.errors > EACH / 2 + 1); /* more than a server of them saw */
        leat_rollout_destroy(r);
        for (int k = 0; k < 4; k++) CHECK_INT(predict(&w->servers[i]), 200);
    }
}

/* One of them has moved the alias, and all know. */
static bool alias_moved(leattest *t, const place *w)
{
    int know = 0;
    for (int i = 0; i < SERVERS; i++)
        for (int k = 0; k < 20 * FOLLOWED; k++) {
            leat_rollout *r = status_of(t, &w->servers[i]);
            bool moved = r && strcmp(leat_rollout_about(r).alias_state, "moved") == 0;
            leat_rollout_destroy(r);
            know += moved;
            if (moved) break;
            pause_ms(50);
        }
    return know == SERVERS;
}

/* To 100% under load, while the one where it was begun is killed and comes back. */
static void walks(leattest *t, place *w)
{
    crowd c;
    leat_rollout_stage first[SERVERS] = {{0}};
    gather(t, &c, w);
    begin(t, &w->servers[0], 200,
          "{\"from\":1,\"to\":2,\"steps\":[10,50,100],\"hold\":1,\"prolong\":300,\"abort_if\":["
          "\"error_rate>stable+20%\"],\"alias\":\"champion\"}");
    CHECK(follow(t, w, (want){"running", 1, 1}, PATIENCE) >= 0);
    server_end(&w->servers[0], SIGKILL);
    CHECK(follow(t, w, (want){"done", 2, 2}, PATIENCE) >= 0);
    CHECK(server_start(w, &w->servers[0]));
    CHECK(follow(t, w, (want){"done", 2, 2}, FOLLOWED) >= 0);
    disperse(t, &c);
    CHECK(alias_moved(t, w));
    CHECK_INT(champion(t, w), 2);
    for (int i = 0; i < SERVERS; i++) {
        leat_rollout *r = status_of(t, &w->servers[i]);
        if (!CHECK(r)) continue;
        first[i] = leat_rollout_stage_at(r, 0);
        CHECK_STR(leat_rollout_stage_at(r, 2).result, "passed");
        CHECK_INT(first[i].candidate.requests, first[0].candidate.requests);
        CHECK_INT(first[i].stable.requests, first[0].stable.requests);
        CHECK_INT(first[i].stable.errors + first[i].candidate.errors, 0);
        CHECK_NEAR(first[i].held, first[0].held, 0, 0);
        if (i) CHECK(first[i].candidate.requests > 0);
        leat_rollout_destroy(r);
    }
}

static void by_hand(leattest *t, place *w)
{
    begin(t, &w->servers[2], 200, "{\"from\":2,\"to\":1,\"steps\":[50,100],\"hold\":1000}");
    begin(t, &w->servers[2], 409, "{\"from\":2,\"to\":1,\"steps\":[50,100],\"hold\":1000}");
    CHECK(follow(t, w, (want){"running", 0, 2}, FOLLOWED) >= 0);
    act(t, &w->servers[0], 200, "pause");
    CHECK(follow(t, w, (want){"paused", 0, 2}, FOLLOWED) >= 0);
    act(t, &w->servers[1], 200, "resume");
    CHECK(follow(t, w, (want){"running", 0, 2}, FOLLOWED) >= 0);
    act(t, &w->servers[2], 200, "promote");
    CHECK(follow(t, w, (want){"running", 1, 2}, FOLLOWED) >= 0);
    act(t, &w->servers[1], 200, "abort");
    CHECK(stands(t, &w->servers[1], &(want){"aborted", 1, 2})); /* at once */
    double taken = follow(t, w, (want){"aborted", 1, 2}, FOLLOWED);
    CHECK_INT(champion(t, w), 2);
    printf("    taken back by hand: everywhere after %.2f s\n", taken);
    CHECK(taken >= 0);
    act(t, &w->servers[0], 409, "abort");
}

static bool wait_lost(leattest *t, const server *s)
{
    for (int i = 0; i < 20 * PATIENCE; i++) {
        leat_rollout *r = status_of(t, s);
        bool lost = r && leat_rollout_about(r).pool_lost;
        leat_rollout_destroy(r);
        if (lost) return true;
        pause_ms(50);
    }
    return false;
}

/* Without the catalogue time alone moves nothing, and requests go on. */
static void stands_still(leattest *t, place *w)
{
    crowd c;
    gather(t, &c, w);
    begin(t, &w->servers[0], 200, "{\"from\":2,\"to\":1,\"steps\":[50,100],\"hold\":4}");
    CHECK(follow(t, w, (want){"running", 0, 2}, FOLLOWED) >= 0);
    lose(t, w);
    for (int i = 0; i < SERVERS; i++) CHECK(wait_lost(t, &w->servers[i]));
    pause_ms(3000);
    for (int i = 0; i < SERVERS; i++) {
        leat_rollout *r = status_of(t, &w->servers[i]);
        if (!CHECK(r)) continue;
        CHECK_STR(leat_rollout_about(r).phase, "running");
        CHECK_INT(leat_rollout_about(r).step, 0);
        CHECK(leat_rollout_about(r).held > 4);
        leat_rollout_destroy(r);
    }
    act(t, &w->servers[1], 503, "promote");
    find(t, w);
    CHECK(follow(t, w, (want){"done", 1, 1}, PATIENCE) >= 0);
    disperse(t, &c);
}

/* What one server finds out, or is told, without the catalogue is done there at once, and by the
 * others when it is back. */
static void alone(leattest *t, place *w)
{
    begin(t, &w->servers[2], 200,
          "{\"from\":1,\"to\":3,\"steps\":[50],\"hold\":1000,\"abort_if\":[\"" RULE "\"]}");
    CHECK(follow(t, w, (want){"running", 0, 1}, FOLLOWED) >= 0);
    lose(t, w);
    for (int i = 0; i < SERVERS; i++) CHECK(wait_lost(t, &w->servers[i]));
    /* Enough for a test, not for one server that looks alone. */
    for (int i = 0; i < 20; i++) (void)predict(&w->servers[0]);
    CHECK_INT(judged(9, 9), LEATI_RULE_BROKEN);
    pause_ms(500);
    CHECK(stands(t, &w->servers[0], &(want){"running", 0, 1}));
    for (int i = 0; i < 80; i++) (void)predict(&w->servers[0]);
    for (int i = 0; i < 200 && !stands(t, &w->servers[0], &(want){"aborted", 0, 1}); i++)
        pause_ms(50);
    for (int i = 0; i < 6; i++) CHECK_INT(predict(&w->servers[0]), 200);
    leat_rollout *r = status_of(t, &w->servers[0]);
    if (CHECK(r)) {
        CHECK_STR(leat_rollout_about(r).phase, "aborted");
        CHECK(strstr(leat_rollout_about(r).reason, "found by one server alone"));
        CHECK(!leat_rollout_about(r).pool_told);
    }
    leat_rollout_destroy(r);
    CHECK(stands(t, &w->servers[1], &(want){"running", 0, 1}));
    CHECK(stands(t, &w->servers[2], &(want){"running", 0, 1}));
    act(t, &w->servers[1], 200, "abort");
    CHECK(stands(t, &w->servers[1], &(want){"aborted", 0, 1}));
    find(t, w);
    CHECK(follow(t, w, (want){"aborted", 0, 1}, PATIENCE) >= 0);
    r = status_of(t, &w->servers[2]);
    if (CHECK(r)) {
        CHECK(leat_rollout_about(r).pool_told);
        CHECK_INT(leat_rollout_about(r).serving, 1);
    }
    leat_rollout_destroy(r);
}

/* What a newer Leat may put there is not understood: nothing advances, and it is over when that
 * goes away. */
static void foreign_words(leattest *t, place *w)
{
    leat_registry_options o = leat_registry_options_default();
    leat_registry *r;
    leati_pool_state s;
    bool won;
    o.where = w->where;
    o.folder = *w->objects ? w->objects : NULL;
    if (!CHECK_OK(leat_registry_open(t->context, &r, &o))) return;
    begin(t, &w->servers[0], 200, "{\"from\":1,\"to\":2,\"steps\":[50,100],\"hold\":2}");
    CHECK_OK(leati_pool_read(r, "test", "flower", &s));
    CHECK_OK(leati_pool_publish(r, "test", "flower", s.epoch, "new", "{\"format\":2}"));
    CHECK(wait_lost(t, &w->servers[2]));
    pause_ms(3500);
    for (int i = 0; i < SERVERS; i++) CHECK(!stands(t, &w->servers[i], &(want){NULL, 1, 0}));
    CHECK_OK(leati_pool_publish(r, "test", "flower", s.epoch, "new",
                                "{\"format\":1,\"holds\":0,\"held\":0,"
                                "\"stable\":{\"requests\":0,\"errors\":0,\"sum\":0,\"squares\":0,"
                                "\"bins\":[]},\"candidate\":{\"requests\":0,\"errors\":0,\"sum\":0,"
                                "\"squares\":0,\"bins\":[]},\"shadow\":{\"compared\":0,"
                                "\"differing\":0,\"failed\":0,\"dropped\":0,\"rows\":0,"
                                "\"rows_differing\":0,\"sum_difference\":0,"
                                "\"largest_difference\":0,\"largest_probability\":0}}"));
    CHECK(follow(t, w, (want){"done", 1, 2}, PATIENCE) >= 0);
    leati_free(s.text);
    CHECK_OK(leati_pool_read(r, "test", "flower", &s));
    CHECK_OK(leati_pool_commit(r, "test", "flower", s.revision, s.epoch, "[]", &won));
    CHECK(won);
    CHECK(wait_lost(t, &w->servers[1]));
    CHECK_INT(predict(&w->servers[1]), 200);
    act(t, &w->servers[1], 409, "promote");
    CHECK_OK(leati_pool_commit(r, "test", "flower", s.revision + 1, s.epoch, s.text, &won));
    CHECK(won);
    CHECK(follow(t, w, (want){"done", 1, 2}, PATIENCE) >= 0);
    leati_free(s.text);
    leat_registry_close(r);
}

/* A server that starts again goes on where the pool is; forgetting is for all. */
static void starts_again(leattest *t, place *w)
{
    begin(t, &w->servers[0], 200, "{\"from\":1,\"to\":2,\"steps\":[50,100],\"hold\":1000}");
    act(t, &w->servers[0], 200, "promote");
    CHECK(follow(t, w, (want){"running", 1, 1}, FOLLOWED) >= 0);
    pause_ms(500); /* files are written */
    server_end(&w->servers[1], SIGTERM);
    CHECK(server_start(w, &w->servers[1]));
    CHECK(stands(t, &w->servers[1], &(want){"running", 1, 1}));
    act(t, &w->servers[1], 200, "finish");
    CHECK(follow(t, w, (want){"done", 1, 2}, FOLLOWED) >= 0);
    CHECK_INT(ask(&w->servers[2], "DELETE", API "/rollout", "", NULL, 0), 200);
    CHECK(follow(t, w, (want){"none", -1, 3}, FOLLOWED) >= 0);
}

static void all_of_it(leattest *t, place *w, const char *name)
{
    if (!make_registry(t, w)) return;
    for (int i = 0; i < SERVERS; i++) {
        char part[64];
        snprintf(part, sizeof part, "state_%s_%d", name, i);
        snprintf(w->servers[i].state, sizeof w->servers[i].state, "%s", leattest_scratch(part));
        if (!CHECK(server_start(w, &w->servers[i]))) goto out;
    }
    /* The highest answers as long as nothing was decided. */
    CHECK(follow(t, w, (want){"none", -1, 3}, FOLLOWED) >= 0);
    begin(t, &w->servers[0], 200, "{\"mode\":\"switch\",\"to\":1}");
    CHECK(follow(t, w, (want){"done", -1, 1}, FOLLOWED) >= 0);
    adds_up(t, w);
    walks(t, w);
    by_hand(t, w);
    stands_still(t, w);
    alone(t, w);
    foreign_words(t, w);
    begin(t, &w->servers[0], 200, "{\"mode\":\"switch\",\"to\":1}");
    starts_again(t, w);
out:
    if (w->writer) find(t, w);
    for (int i = 0; i < SERVERS; i++) server_end(&w->servers[i], SIGTERM);
}

static void sqlite(leattest *t)
{
    place w = {.postgres = NULL};
    snprintf(w.where, sizeof w.where, "%s", leattest_scratch("registry"));
    all_of_it(t, &w, "sqlite");
}

static void postgres(leattest *t)
{
    place w = {.postgres = leattest_postgres_start(t)};
    if (!w.postgres) return;
    snprintf(w.where, sizeof w.where, "%s", leattest_postgres_address(w.postgres));
    snprintf(w.objects, sizeof w.objects, "%s", leattest_scratch("objects"));
    all_of_it(t, &w, "postgres");
    leattest_postgres_stop(w.postgres);
}

/* --- the catalogue ---------------------------------------------------------------------------- */

static void count_head(void *user, const char *name, int64_t revision)
{
    (void)name;
    *(int64_t *)user += revision;
}

static leat_status join_part(void *user, const char *name, const char *text)
{
    char *all = user;
    snprintf(all + strlen(all), 64, "%s=%s;", name, text);
    return LEAT_OK;
}

static leat_registry *open_catalogue(leat_context *c, const char *where)
{
    leat_registry_options o = leat_registry_options_default();
    leat_registry *r;
    o.where = where;
    o.make = true;
    return leat_registry_open(c, &r, &o) == LEAT_OK ? r : NULL;
}

/* Of those that expect the same, one wins; steps that are over are forgotten; pools do not meet. */
static void catalogue(leattest *t)
{
    char where[512], all[512] = "";
    int64_t sum = 0;
    bool won;
    leati_pool_state s;
    snprintf(where, sizeof where, "%s", leattest_scratch("catalogue"));
    leat_registry *a = open_catalogue(t->context, where), *b = open_catalogue(t->context, where);
    if (!CHECK(a && b)) return;
    CHECK_OK(leati_pool_prepare(a));
    CHECK_OK(leati_pool_prepare(b));
    CHECK_OK(leati_pool_read(a, "p", "m", &s));
    CHECK(s.revision == 0 && !s.text);
    CHECK_OK(leati_pool_commit(a, "p", "m", 0, 5, "one", &won));
    CHECK(won);
    CHECK_OK(leati_pool_commit(b, "p", "m", 0, 5, "other", &won));
    CHECK(!won);
    CHECK_OK(leati_pool_read(b, "p", "m", &s));
    CHECK(s.revision == 1 && s.epoch == 5);
    CHECK_STR(s.text, "one");
    leati_free(s.text);
    CHECK_OK(leati_pool_publish(a, "p", "m", 5, "y", "1"));
    CHECK_OK(leati_pool_publish(b, "p", "m", 5, "x", "2"));
    CHECK_OK(leati_pool_publish(a, "p", "m", 5, "y", "3"));
    CHECK_OK(leati_pool_publish(a, "q", "m", 5, "z", "4"));
    CHECK_OK(leati_pool_parts(b, "p", "m", 5, join_part, all));
    CHECK_STR(all, "x=2;y=3;");
    CHECK_OK(leati_pool_commit(b, "p", "m", 1, 6, "two", &won));
    CHECK(won);
    CHECK_OK(leati_pool_commit(a, "p", "m", 1, 6, "two", &won));
    CHECK(!won);
    *all = '\0';
    CHECK_OK(leati_pool_parts(b, "p", "m", 5, join_part, all));
    CHECK_STR(all, "");
    CHECK_OK(leati_pool_heads(a, "p", count_head, &sum));
    CHECK_INT(sum, 2);
    leat_registry_close(a);
    leat_registry_close(b);
}

static leat_status use_catalogue(leat_context *c, void *where)
{
    bool won;
    int64_t sum = 0;
    char all[512] = "";
    leati_pool_state s = {0};
    leat_registry *r = open_catalogue(c, where);
    if (!r) return leat_error_status(c);
    leat_status st = leati_pool_prepare(r);
    if (st == LEAT_OK) st = leati_pool_read(r, "f", "m", &s);
    leati_free(s.text);
    if (st == LEAT_OK) st = leati_pool_commit(r, "f", "m", s.revision, 1, "{}", &won);
    if (st == LEAT_OK) st = leati_pool_publish(r, "f", "m", 1, "x", "{}");
    if (st == LEAT_OK) st = leati_pool_parts(r, "f", "m", 1, join_part, all);
    if (st == LEAT_OK) st = leati_pool_heads(r, "f", count_head, &sum);
    leat_registry_close(r);
    return st;
}

static void hear_load(void *user, const char *model, uint32_t version, const char *path)
{
    (void)user, (void)model, (void)version, (void)path;
}

/* Without a server: a pool is joined and left. */
static leat_status join_once(leat_context *c, void *where)
{
    static const leati_served_plan plan = {.slots = 1};
    const leati_pool_options o = {
        .name = "p", .where = where, .say = hear, .load = hear_load, .user = NULL};
    leati_repository *rep = NULL;
    leati_rollouts *r = NULL;
    char folder[600];
    snprintf(folder, sizeof folder, "%s/models", (const char *)where);
    const char *models[] = {folder};
    leat_status st = leati_repository_create(c, models, 1, &plan, NULL, &rep);
    if (st == LEAT_OK) st = leati_rollouts_open(c, &r, rep, NULL, 1, NULL);
    if (st == LEAT_OK) st = leati_pool_join(r, c, &o);
    leati_rollouts_close(r);
    leati_repository_destroy(rep);
    return st;
}

static void little_memory(leattest *t)
{
    char where[512], path[600];
    leat_frame *iris;
    snprintf(where, sizeof where, "%s", leattest_scratch("little"));
    leat_registry *r = open_catalogue(t->context, where);
    if (!CHECK(r)) return;
    leat_registry_close(r);
    leattest_fail_allocations(t, use_catalogue, where);
    if (!CHECK_OK(leat_data_load(t->context, &iris, "iris", NULL))) return;
    leat_model *m = leattest_model(t->context, iris, "species", NULL, "lda", NULL, "auto");
    snprintf(path, sizeof path, "%s/models", where);
    CHECK_OK(leati_folder_make(t->context, path));
    snprintf(path, sizeof path, "%s/models/iris.leat", where);
    if (CHECK(m) && CHECK_OK(leat_model_save(t->context, m, path)))
        leattest_fail_some_allocations(t, join_once, where);
    leat_model_release(m);
    leat_frame_release(iris);
}

/* --- servers of a folder, in this process ----------------------------------------------------- */

static bool save_versions(leattest *t, const char *folder)
{
    char path[700];
    leat_context *c = t->context;
    leat_frame *iris = NULL;
    bool ok = CHECK_OK(leat_data_load(c, &iris, "iris", NULL));
    snprintf(path, sizeof path, "%s/flower", folder);
    ok = ok && CHECK_OK(leati_folder_make(c, path));
    for (int i = 1; ok && i < 3; i++) {
        leat_model *m =
            leattest_model(c, iris, "species", NULL, i == 1 ? "lda" : "qda", NULL, "auto");
        snprintf(path, sizeof path, "%s/flower/%d.leat", folder, i);
        ok = CHECK(m) && CHECK_OK(leat_model_save(c, m, path));
        leat_model_release(m);
    }
    leat_frame_release(iris);
    return ok;
}

/* NULL: it did not start. */
static leat_server *serve_folder(leattest *t, const char *folder, const char *state,
                                 const char *pool, const char *where, server *at)
{
    leat_serve_options o = leat_serve_options_default();
    leat_server *s = NULL;
    o.models = &folder, o.model_count = 1;
    o.listen = "127.0.0.1:0";
    o.workers = 1;
    o.state = state;
    o.pool = pool, o.registry = where;
    o.say = hear;
    if (leat_server_start(t->context, &o, &s) == LEAT_OK)
        snprintf(at->url, sizeof at->url, "%s", leat_server_url(s));
    return s;
}

/* A rollout from a time without a pool stays as it is while the catalogue cannot be found, then
 * becomes the pool's, and that of those who come later. */
static void brings_along(leattest *t)
{
    char folder[512], where[512], state[2][512];
    server at[2] = {{.pid = 0}};
    snprintf(folder, sizeof folder, "%s", leattest_scratch("brought"));
    snprintf(where, sizeof where, "%s", leattest_scratch("brought_registry"));
    snprintf(state[0], sizeof state[0], "%s", leattest_scratch("brought_0"));
    snprintf(state[1], sizeof state[1], "%s", leattest_scratch("brought_1"));
    leat_registry *r = open_catalogue(t->context, where);
    if (!CHECK(r) || !save_versions(t, folder)) return;
    leat_registry_close(r);
    leat_server *first = serve_folder(t, folder, state[0], NULL, NULL, &at[0]);
    REQUIRE(first);
    begin(t, &at[0], 200, "{\"from\":1,\"to\":2,\"steps\":[20,50,100],\"hold\":1000}");
    act(t, &at[0], 200, "promote");
    leat_server_destroy(first);
    first = serve_folder(t, folder, state[0], "p", "postgresql:///x?host=/nonexistent", &at[0]);
    if (first) {
        CHECK(stands(t, &at[0], &(want){"running", 1, 1}));
        CHECK(wait_lost(t, &at[0]));
        act(t, &at[0], 503, "promote");
        CHECK_INT(predict(&at[0]), 200);
        CHECK(stands(t, &at[0], &(want){"running", 1, 1}));
        leat_server_destroy(first);
    } else {
        CHECK(leat_error_status(t->context) == LEAT_UNSUPPORTED); /* there is no libpq */
        leat_error_clear(t->context);
    }
    first = serve_folder(t, folder, state[0], "p", where, &at[0]);
    leat_server *second = first ? serve_folder(t, folder, state[1], "p", where, &at[1]) : NULL;
    if (CHECK(first && second)) {
        CHECK(stands(t, &at[1], &(want){"running", 1, 1}));
        act(t, &at[1], 200, "finish");
        for (int i = 0; i < 400 && !stands(t, &at[0], &(want){"done", 1, 2}); i++) pause_ms(50);
        CHECK(stands(t, &at[0], &(want){"done", 1, 2}));
    }
    leat_server_destroy(second);
    leat_server_destroy(first);
}

/* A server whose file of a version is another one takes back for all. */
static void exchanged(leattest *t)
{
    char folder[2][512], where[512], state[512], from[700], to[700];
    server at[2] = {{.pid = 0}};
    leat_server *servers[2] = {NULL, NULL};
    snprintf(where, sizeof where, "%s", leattest_scratch("exchanged_registry"));
    leat_registry *r = open_catalogue(t->context, where);
    if (!CHECK(r)) return;
    leat_registry_close(r);
    for (int i = 0; i < 2; i++) {
        snprintf(state, sizeof state, "exchanged_%d", i);
        snprintf(folder[i], sizeof folder[i], "%s", leattest_scratch(state));
        if (!save_versions(t, folder[i])) goto out;
        servers[i] = serve_folder(t, folder[i], "no", "p", where, &at[i]);
        if (!CHECK(servers[i])) goto out;
    }
    begin(t, &at[0], 200, "{\"from\":1,\"to\":2,\"steps\":[50,100],\"hold\":1000}");
    for (int i = 0; i < 400 && !stands(t, &at[1], &(want){"running", 0, 1}); i++) pause_ms(50);
    CHECK(stands(t, &at[1], &(want){"running", 0, 1}));
    snprintf(from, sizeof from, "%s/flower/1.leat", folder[1]);
    snprintf(to, sizeof to, "%s/flower/2.leat", folder[1]);
    CHECK(remove(to) == 0 && link(from, to) == 0);
    CHECK_INT(ask(&at[1], "POST", "/v2/repository/models/flower/load", "", NULL, 0), 200);
    for (int i = 0; i < 400 && !stands(t, &at[0], &(want){"aborted", -1, 1}); i++) pause_ms(50);
    for (int i = 0; i < 2; i++) CHECK(stands(t, &at[i], &(want){"aborted", -1, 1}));
    /* One that begins with another file does so, too. */
    begin(t, &at[0], 200, "{\"from\":1,\"to\":2,\"steps\":[50,100],\"hold\":1000}");
    for (int i = 0; i < 400 && !stands(t, &at[0], &(want){"aborted", -1, 1}); i++) pause_ms(50);
    CHECK(stands(t, &at[0], &(want){"aborted", -1, 1}));
out:
    for (int i = 0; i < 2; i++) leat_server_destroy(servers[i]);
}

/* What cannot be is said at the start. */
static void refusals(leattest *t)
{
    leati_rollouts *r;
    char where[512];
    snprintf(where, sizeof where, "%s", leattest_scratch("nowhere"));
    REQUIRE_OK(leati_rollouts_open(t->context, &r, NULL, NULL, 1, NULL));
    leati_pool_options p = {.name = "p", .where = where, .say = hear, .load = hear_load};
    CHECK_FAILS(leati_pool_join(r, t->context, &p), LEAT_NOT_FOUND, "no registry");
    p.name = "no/name";
    CHECK_FAILS(leati_pool_join(r, t->context, &p), LEAT_INVALID, "name of a pool");
    leati_rollouts_close(r);
}

static const leattest_case cases[] = {TEST(sqlite),       TEST(postgres),  TEST(catalogue),
                                      TEST(brings_along), TEST(exchanged), TEST(little_memory),
                                      TEST(refusals)};

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "--serve") == 0) return serve(argv + 2);
    if (getenv("LEAT_CPU")) return puts("0 passed, 0 failed, 1 skipped"), 0;
    return leattest_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
