/* kill -9 at random instants of pushes, tags, removals and collections: everything acknowledged is
 * there afterwards, and verify finds nothing to complain of. LEAT_TEST_ROUNDS: how many kills. */
#include "support/leattest.h"
#include "support/postgres.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <leat/registry.h>

#include "base/file.h"
#include "base/hash.h"

enum { NAMES = 3, MOST = 40000 };

/* What a child tells its parent once the library has acknowledged it. `state` is that of all names
 * after the step; a child does one step at a time, so at most one is unacknowledged. */
typedef struct name_state {
    int64_t version, text; /* the latest version, and the number that its contents say */
    int64_t champion;
    int64_t removed; /* the last version that was removed */
} name_state;

typedef struct message {
    name_state state[NAMES];
    int64_t steps;
} message;

static const char *server;

static leat_registry *open_registry(leat_context *c)
{
    leat_registry *r = NULL;
    static char folder[4096];
    leat_registry_options o = leat_registry_options_default();
    snprintf(folder, sizeof folder, "%s", leattest_scratch(server ? "crash-server" : "crash"));
    o.where = server ? server : folder;
    o.folder = server ? folder : NULL;
    o.make = true;
    return leat_registry_open(c, &r, &o) == LEAT_OK ? r : NULL;
}

static uint64_t draw(uint64_t *seed)
{
    *seed = leati_hash64(seed, sizeof *seed, 17);
    return *seed;
}

static leat_status step(leat_context *c, leat_registry *r, message *m, uint64_t *seed)
{
    uint64_t what = draw(seed) % 10;
    int k = (int)(draw(seed) % NAMES);
    name_state *s = &m->state[k];
    char name[16], text[64];
    snprintf(name, sizeof name, "name%d", k);
    if (what < 5 || !s->version) {
        leat_registered_list *list;
        leat_push_options o = leat_push_options_default();
        const char *path = leattest_scratch("crash.csv");
        int64_t value = (int64_t)(draw(seed) % MOST);
        o.name = name;
        snprintf(text, sizeof text, "a\n%d\n%lld\n", k, (long long)value);
        leat_status st = leati_file_write(c, path, text, strlen(text));
        if (st == LEAT_OK) st = leat_registry_push(r, &list, NULL, path, &o);
        if (st != LEAT_OK) return st;
        int64_t version = leat_registered_list_at(list, 0)->version;
        if (version > s->version) {
            s->version = version;
            s->text = value;
        }
        leat_registered_list_destroy(list);
        return LEAT_OK;
    }
    if (what < 7) {
        leat_status st = leat_registry_tag(r, name, "champion", s->version, s->champion, NULL);
        if (st == LEAT_OK) s->champion = s->version;
        return st;
    }
    if (what < 9) {
        if (s->version < 3 || s->champion == s->version - 1 || s->removed >= s->version - 1)
            return LEAT_OK;
        leat_status st = leat_registry_remove(r, name, s->version - 1);
        if (st == LEAT_OK) s->removed = s->version - 1;
        return st;
    }
    leat_collected k2;
    return leat_registry_collect(r, 0, false, &k2);
}

static void child(const message *from, uint64_t seed, int out)
{
    leat_context *c = NULL;
    message m = *from;
    leat_context_options o = leat_context_options_default();
    o.threads = 1;
    if (leat_context_create(&c, &o) != LEAT_OK) _exit(9);
    leat_registry *r = open_registry(c);
    leat_status st = r ? LEAT_OK : leat_error_status(c);
    while (st == LEAT_OK) {
        st = step(c, r, &m, &seed);
        m.steps++;
        if (st == LEAT_OK && write(out, &m, sizeof m) != sizeof m) _exit(8);
    }
    printf("    child: %s\n", leat_error_message(c));
    fflush(stdout);
    _exit(1);
}

/* The state may be one step further than what was acknowledged: learns it, and checks that nothing
 * is behind. */
static void check_name(leattest *t, leat_registry *r, int k, name_state *s)
{
    leat_registered_list *list;
    char name[32], want[64];
    snprintf(name, sizeof name, "name%d", k);
    if (leat_registry_list(r, &list, name) != LEAT_OK) {
        CHECK(s->version == 0);
        leat_error_clear(t->context);
        return;
    }
    int64_t latest = 0, champion = 0;
    bool removed_back = false, before = false;
    for (size_t i = 0; i < leat_registered_list_count(list); i++) {
        const leat_registered *v = leat_registered_list_at(list, i);
        if (v->version > latest) latest = v->version;
        if (strcmp(v->aliases, "champion") == 0) champion = v->version;
        removed_back = removed_back || v->version == s->removed;
        if (v->version == s->version) {
            char sha[65];
            snprintf(want, sizeof want, "a\n%d\n%lld\n", k, (long long)s->text);
            leati_sha256_hex(want, strlen(want), sha);
            CHECK_STR(v->sha256, sha);
        }
    }
    leat_registered_list_destroy(list);
    CHECK(!removed_back);
    CHECK(latest == s->version || latest == s->version + 1);
    CHECK(champion == s->champion || champion == s->version);
    if (latest >
        s->version) { /* the step that was not acknowledged: whole, or it would not verify */
        char path[4096];
        leati_bytes b;
        snprintf(name, sizeof name, "name%d@%lld", k, (long long)latest);
        if (CHECK_OK(leat_registry_path(r, name, path, sizeof path)) &&
            CHECK_OK(leati_file_read(t->context, &b, path))) {
            long long value = -1;
            char text[64];
            snprintf(text, sizeof text, "%.*s", (int)b.size, b.data);
            CHECK(sscanf(text, "a\n%*d\n%lld", &value) == 1);
            s->text = value;
            leati_bytes_release(&b);
        }
        s->version = latest;
    }
    s->champion = champion;
    leat_registered_list *again;
    snprintf(name, sizeof name, "name%d@%lld", k, (long long)s->version - 1);
    if (s->version > 1 && leat_registry_find(r, &again, name) == LEAT_OK) before = true;
    if (before) leat_registered_list_destroy(again);
    else if (s->version > 1) s->removed = s->version - 1;
    leat_error_clear(t->context);
}

/* The last whole message of the pipe. */
static void read_messages(int fd, message *last)
{
    message m;
    size_t have = 0;
    for (;;) {
        ssize_t n = read(fd, (char *)&m + have, sizeof m - have);
        if (n <= 0) return;
        have += (size_t)n;
        if (have < sizeof m) continue;
        *last = m;
        have = 0;
    }
}

static void one_kill(leattest *t, message *known, uint64_t *seed)
{
    int pipes[2];
    uint64_t files = 0, of_child = draw(seed);
    struct timespec wait = {.tv_nsec = (long)(draw(seed) % 30000000)};
    bool early = draw(seed) % 5 == 0; /* while it opens the registry */
    REQUIRE(pipe(pipes) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        child(known, of_child, pipes[1]);
    }
    close(pipes[1]);
    struct pollfd first = {.fd = pipes[0], .events = POLLIN};
    if (!early) poll(&first, 1, 10000); /* its first step is acknowledged */
    nanosleep(&wait, NULL);
    kill(pid, SIGKILL);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    read_messages(pipes[0], known);
    close(pipes[0]);
    leat_registry *r = open_registry(t->context);
    if (!CHECK(r != NULL)) return;
    CHECK_OK(leat_registry_verify(r, NULL, NULL, &files));
    for (int k = 0; k < NAMES; k++) check_name(t, r, k, &known->state[k]);
    leat_registry_close(r);
}

static void kill_often(leattest *t, int rounds)
{
    message known = {.steps = 0};
    uint64_t seed = (uint64_t)rounds;
    const char *more = getenv("LEAT_TEST_ROUNDS");
    if (more) rounds = atoi(more);
    (void)leattest_scratch(""); /* one folder for all processes */
    for (int i = 0; i < rounds && !t->failures; i++) one_kill(t, &known, &seed);
    printf("    %d kills, %lld steps acknowledged\n", rounds, (long long)known.steps);
    CHECK(known.steps > 0);
    leat_registry *r = open_registry(t->context);
    leat_collected k;
    REQUIRE(r);
    CHECK_OK(leat_registry_collect(r, 0, false, &k)); /* leftovers of the dead go */
    CHECK(k.pushes == 0);
    CHECK_OK(leat_registry_collect(r, 0, true, &k));
    CHECK(k.removed == 0);
    CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
    leat_registry_close(r);
}

static void sqlite(leattest *t)
{
    kill_often(t, 40);
}

/* The writer dies, and then the server itself. */
static void postgres(leattest *t)
{
    leattest_postgres *p = leattest_postgres_start(t);
    if (!p) return;
    server = leattest_postgres_address(p);
    kill_often(t, 12);
    leat_registry *r = open_registry(t->context);
    leat_registered_list *list;
    size_t before = 0;
    if (CHECK(r != NULL) && CHECK_OK(leat_registry_list(r, &list, NULL))) {
        before = leat_registered_list_count(list);
        leat_registered_list_destroy(list);
        leattest_postgres_kill(p);
        CHECK_FAILS(leat_registry_list(r, &list, NULL), LEAT_NETWORK, "no connection");
        leat_registry_close(r);
        CHECK(leattest_postgres_revive(p));
        if (CHECK((r = open_registry(t->context)) != NULL)) {
            CHECK_OK(leat_registry_verify(r, NULL, NULL, NULL));
            CHECK_OK(leat_registry_list(r, &list, NULL));
            CHECK_INT(leat_registered_list_count(list), before);
            leat_registered_list_destroy(list);
        }
    }
    leat_registry_close(r);
    server = NULL;
    leattest_postgres_stop(p);
}

static const leattest_case cases[] = {TEST(sqlite), TEST(postgres)};
LEATTEST_MAIN(cases)
