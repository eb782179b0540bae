/* The rule of scaling on random traces of load: what it promises holds for each. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include <leat/scale.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "deploy/scale_crew.h"
#include "support/leattest.h"

enum { TRACES = 400, SAMPLES = 3000 };

typedef struct trace {
    leati_rng rng;
    double level; /* of the whole load, in workers */
    int kind;
} trace;

static double uniform(trace *t)
{
    return leati_rng_uniform(&t->rng);
}

/* Load in workers that it would keep wholly busy: steps, waves, noise, spikes, drift. */
static double next_demand(trace *t, double now)
{
    switch (t->kind) {
    case 0:
        if (uniform(t) < 0.01) t->level = 12 * uniform(t);
        return t->level;
    case 1: return 4 + 4 * sin(now / (20 + 10 * t->level));
    case 2: return 8 * uniform(t);
    case 3: return uniform(t) < 0.05 ? 20 : 0.3;
    default:
        t->level += 0.4 * (uniform(t) - 0.5);
        if (t->level < 0) t->level = 0;
        return t->level;
    }
}

static leat_scale_rule random_rule(trace *t)
{
    leat_scale_rule r = leat_scale_rule_default();
    r.least = 1 + (uint32_t)(3 * uniform(t));
    r.most = r.least + (uint32_t)(12 * uniform(t));
    r.up = 0.3 + 0.65 * uniform(t);
    r.down = r.up * 0.9 * uniform(t);
    r.up_for = 60 * uniform(t);
    r.down_for = 300 * uniform(t);
    r.cool_down = 60 * uniform(t);
    r.window = 600 * uniform(t);
    return r;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* What was seen of a trace so far. */
typedef struct seen {
    int direction, changes, reversals;
    double changed, reversed, busy_since, idle_since;
} seen;

static void check_change(leattest *t, const leat_scale_rule *r, seen *s, uint32_t before,
                         uint32_t after, double now)
{
    int direction = after > before ? 1 : -1;
    CHECK(now - s->changed >= r->cool_down);
    if (direction < 0) CHECK_INT(after, before - 1);
    else CHECK(after <= 2 * before);
    if (s->direction == -direction) {
        CHECK(now - s->reversed >= r->window);
        s->reversed = now;
        s->reversals++;
    }
    s->direction = direction;
    s->changed = now;
    s->changes++;
}

/* A load beyond `up` since busy_since, one below `down` that leaves one worker to spare since
 * idle_since: neither lasts longer than the rule says. */
static void check_reaction(leattest *t, const leat_scale_rule *r, seen *s, double now, double load,
                           uint32_t workers, uint32_t after, double period)
{
    bool busy = load >= r->up && workers < r->most;
    bool idle = load <= r->down && workers > r->least && load * workers < r->up * (workers - 1);
    double both = larger(r->cool_down, r->window) + 2 * period;
    if (!busy || after > workers) s->busy_since = INFINITY;
    else if (now < s->busy_since) s->busy_since = now;
    if (!idle || after < workers) s->idle_since = INFINITY;
    else if (now < s->idle_since) s->idle_since = now;
    CHECK(!(now - s->busy_since > larger(both, r->up_for + 2 * period)));
    CHECK(!(now - s->idle_since > larger(both, r->down_for + 2 * period)));
}

static void run_trace(leattest *t, trace *x, int *reversals, int *changes)
{
    leat_scale_rule r = random_rule(x);
    REQUIRE_OK(leat_scale_rule_check(t->context, &r));
    leat_scale_state state = leat_scale_begin(&r, (uint32_t)(20 * uniform(x)));
    seen s = {.changed = -INFINITY,
              .reversed = -INFINITY,
              .busy_since = INFINITY,
              .idle_since = INFINITY};
    double period = 0.5 + 5 * uniform(x), now = 1e6 * uniform(x);
    for (int i = 0; i < SAMPLES; i++, now += period) {
        uint32_t before = state.workers;
        double demand = next_demand(x, now);
        double load = demand < before ? demand / before : 1;
        if (uniform(x) < 0.001) load = NAN;
        uint32_t after = leat_scale_decide(&r, &state, now, load);
        CHECK(after >= r.least && after <= r.most && after == state.workers);
        if (after != before) check_change(t, &r, &s, before, after, now);
        check_reaction(t, &r, &s, now, load, before, after, period);
        if (t->failures) return;
    }
    *reversals += s.reversals;
    *changes += s.changes;
}

static void promises(leattest *t)
{
    int reversals = 0, changes = 0;
    for (int i = 0; i < TRACES && !t->failures; i++) {
        trace x = {.kind = i % 5, .level = 3};
        leati_rng_init(&x.rng, 20261121, 77, (uint64_t)i);
        run_trace(t, &x, &reversals, &changes);
    }
    CHECK(changes > 5 * TRACES);
    CHECK(reversals > 2 * TRACES); /* the traces do turn */
}

/* By hand, with the standard rule. */
static void example(leattest *t)
{
    leat_scale_rule r = leat_scale_rule_default();
    r.most = 8;
    leat_scale_state s = leat_scale_begin(&r, 0);
    CHECK_INT(s.workers, 1);
    CHECK_INT(leat_scale_decide(&r, &s, 0, 0.9), 1);
    CHECK_INT(leat_scale_decide(&r, &s, 5, 0.6), 1); /* it has to last */
    CHECK_INT(leat_scale_decide(&r, &s, 6, 0.9), 1);
    CHECK_INT(leat_scale_decide(&r, &s, 15.9, 0.9), 1);
    CHECK_INT(leat_scale_decide(&r, &s, 16, 0.9), 2);
    CHECK_INT(leat_scale_decide(&r, &s, 30, 0.95), 2); /* cools down */
    CHECK_INT(leat_scale_decide(&r, &s, 46, 0.95), 4); /* 2 * 0.95 / 0.475 */
    for (double now = 47; now < 166; now++) CHECK_INT(leat_scale_decide(&r, &s, now, 0.1), 4);
    CHECK_INT(leat_scale_decide(&r, &s, 167, 0.1), 3);  /* down: the first change of direction */
    CHECK_INT(leat_scale_decide(&r, &s, 200, 0.99), 3); /* up would be the second: waits */
    CHECK_INT(leat_scale_decide(&r, &s, 466, 0.99), 3);
    CHECK_INT(leat_scale_decide(&r, &s, 467, 0.99), 6);
    CHECK_INT(leat_scale_decide(&r, &s, 470, NAN), 6);
}

/* One worker less would be too busy: there is none to spare. */
static void none_to_spare(leattest *t)
{
    leat_scale_rule r = leat_scale_rule_default();
    r.down = 0.5;
    leat_scale_state s = leat_scale_begin(&r, 2);
    for (double now = 0; now < 1000; now += 5) CHECK_INT(leat_scale_decide(&r, &s, now, 0.4), 2);
    for (double now = 1000; now < 1200; now += 5) leat_scale_decide(&r, &s, now, 0.3);
    CHECK_INT(s.workers, 1);
}

static void wrong_rules(leattest *t)
{
    leat_scale_rule r = leat_scale_rule_default();
    r.least = 5;
    CHECK_FAILS(leat_scale_rule_check(t->context, &r), LEAT_INVALID, "from 5 to 4");
    r = leat_scale_rule_default();
    r.down = 0.7;
    CHECK_FAILS(leat_scale_rule_check(t->context, &r), LEAT_INVALID, "down < up");
    r = leat_scale_rule_default();
    r.window = NAN;
    CHECK_FAILS(leat_scale_rule_check(t->context, &r), LEAT_INVALID, "seconds");
}

/* A worker that ends at once: its last words are those of the log, an error of the caller. */
static leat_status run_false(leat_context *c, void *arg)
{
    static const char *const models[] = {"none.leat"};
    leat_scale_options o = leat_scale_options_default();
    (void)arg;
    o.program = "/bin/false";
    o.arguments = models;
    o.argument_count = 1;
    o.listen = "127.0.0.1:0";
    o.state = leattest_scratch("scale");
    leat_status st = leat_scale_run(c, &o);
    bool expected = st == LEAT_IO && strstr(leat_error_message(c), "ended before it served");
    if (expected) leat_error_clear(c);
    return expected ? LEAT_OK : st;
}

/* The log of workers that ended: what stood there before is not of them. */
static void errors_are_told_with_their_hints(leattest *t)
{
    static const struct {
        const char *log, *words;
    } logs[] = {
        {"", "it wrote nothing to "},
        {"one\ntwo\n\n", "two"},
        {"one\nleat: no file a.leat\nDid you mean b.leat?\n",
         "no file a.leat\nDid you mean b.leat?"},
        {"leat: first\nhint\nleat: second\n", "second"},
    };
    const char *path = leattest_scratch("words.log");
    static const char before[] = "leat: of yesterday\n";
    leati_crew crew = {.context = t->context, .log = (char *)(uintptr_t)path};
    crew.log_from = sizeof before - 1;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        char words[400];
        FILE *f = fopen(path, "w");
        REQUIRE(f);
        fprintf(f, "%s%s", before, logs[i].log);
        fclose(f);
        leati_crew_last_words(&crew, words, sizeof words);
        if (i) CHECK_STR(words, logs[i].words);
        else CHECK(strstr(words, logs[i].words) == words);
    }
    char small[8];
    leati_crew_last_words(&crew, small, sizeof small);
    CHECK_STR(small, "second");
}

static void little_memory(leattest *t)
{
    leattest_fail_allocations(t, run_false, NULL);
}

static void wrong_options(leattest *t)
{
    static const char *const models[] = {"none.leat"};
    leat_scale_options o = leat_scale_options_default();
    CHECK_FAILS(leat_scale_run(t->context, &o), LEAT_INVALID, "needs a program");
    o.program = "/bin/false";
    o.arguments = models;
    o.argument_count = 1;
    o.state = leattest_scratch("scale");
    o.listen = "unix:x";
    CHECK_FAILS(leat_scale_run(t->context, &o), LEAT_INVALID, "HOST:PORT");
    o.listen = "0.0.0.0:9001";
    o.haproxy = "none.sock";
    CHECK_FAILS(leat_scale_run(t->context, &o), LEAT_INVALID, "behind a proxy");
    o.rule.down = 1;
    CHECK_FAILS(leat_scale_run(t->context, &o), LEAT_INVALID, "down < up");
}

/* ---- processes --------------------------------------------------------------------------------
 */

typedef struct place {
    char program[512], folder[512];
} place;

/* A worker that serves nobody, and a folder for what outlives. */
static bool open_place(leattest *t, place *p)
{
    snprintf(p->program, sizeof p->program, "%s", leattest_scratch("sleeper"));
    snprintf(p->folder, sizeof p->folder, "%s", leattest_scratch("crew"));
    FILE *f = fopen(p->program, "w");
    bool good = f && fputs("#!/bin/sh\nexec sleep 60\n", f) >= 0;
    if (f) good = fclose(f) == 0 && good;
    return CHECK(good && chmod(p->program, 0755) == 0 &&
                 (mkdir(p->folder, 0700) == 0 || errno == EEXIST));
}

static leat_scale_options options_of(const place *p)
{
    static const char *const models[] = {"none.leat"};
    leat_scale_options o = leat_scale_options_default();
    o.program = p->program;
    o.arguments = models;
    o.argument_count = 1;
    o.listen = "127.0.0.1:0";
    o.state = p->folder;
    return o;
}

static void moment(void)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

static void swallow(int got)
{
    (void)got;
}

/* A worker that is told to end as soon as it was started, before it is another program: the handler
 * that it has of the one that started it does not swallow that. */
static void ends_before_it_begins(leattest *t)
{
    enum { WORKERS = 20, MOMENTS = 1000 };
    struct sigaction own = {.sa_handler = swallow}, before;
    leati_crew crew;
    leati_crew_worker gone;
    place p;
    if (!open_place(t, &p)) return;
    leat_scale_options o = options_of(&p);
    if (CHECK_OK(leati_crew_open(&crew, t->context, &o, "", NULL, 0))) {
        sigaction(SIGTERM, &own, &before);
        for (int i = 0; i < WORKERS && CHECK_OK(leati_crew_start(&crew)); i++)
            leati_crew_end(leati_crew_newest(&crew));
        sigaction(SIGTERM, &before, NULL);
        for (int i = 0; i < MOMENTS && crew.count; i++)
            if (!leati_crew_reap(&crew, 0, &gone)) moment();
        CHECK_INT(crew.count, 0);
        for (size_t i = 0; i < crew.count; i++) {
            kill((pid_t)crew.workers[i].pid, SIGKILL);
            waitpid((pid_t)crew.workers[i].pid, NULL, 0);
        }
    }
    leati_crew_close(&crew);
}

/* A worker that hangs and is told to end: it has its time, then it is ended. */
static void does_not_end(leattest *t)
{
    leati_crew crew;
    leati_crew_worker gone;
    place p;
    bool reaped = false;
    if (!open_place(t, &p)) return;
    leat_scale_options o = options_of(&p);
    if (CHECK_OK(leati_crew_open(&crew, t->context, &o, "", NULL, 0)) &&
        CHECK_OK(leati_crew_start(&crew))) {
        pid_t pid = (pid_t)leati_crew_newest(&crew)->pid;
        int state = 0;
        kill(pid, SIGSTOP); /* of two that wait, SIGTERM would come first */
        CHECK(waitpid(pid, &state, WUNTRACED) == pid && WIFSTOPPED(state));
        leati_crew_end(leati_crew_newest(&crew));
        for (int i = 0; i < 20; i++) CHECK(!leati_crew_reap(&crew, 100 + 1.7 * i, &gone));
        moment();
        CHECK(!leati_crew_reap(&crew, 134.9, &gone));
        for (int i = 0; i < 1000 && !reaped; i++) {
            reaped = leati_crew_reap(&crew, 135.1, &gone);
            if (!reaped) moment();
        }
        CHECK(reaped && gone.pid == pid && gone.ending);
        if (!reaped) kill(pid, SIGKILL);
    }
    leati_crew_close(&crew);
}

/* A process with the mark of the crew, as a leat scale that was killed leaves it; once it has it.
 */
static pid_t leave_behind(const place *p)
{
    int ends[2];
    char byte, mark[4200], *real = realpath(p->folder, NULL);
    char name[] = "sleep", much[] = "2", slot[] = "LEAT_SCALE_SLOT=0";
    char *arguments[] = {name, much, NULL}, *environment[] = {mark, slot, NULL};
    snprintf(mark, sizeof mark, "LEAT_SCALE=%.4000s", real ? real : "");
    free(real);
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        execve("/bin/sleep", arguments, environment);
        _exit(127);
    }
    close(ends[1]);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR) continue;
    close(ends[0]);
    return pid;
}

typedef struct story {
    volatile sig_atomic_t stop;
    long old, started; /* processes */
    bool adopted, ended;
} story;

static void listen_to(void *user, const leat_scale_event *e)
{
    story *s = user;
    if (strcmp(e->what, "started") == 0) s->started = e->pid;
    if (e->pid != s->old) return;
    s->adopted = s->adopted || strcmp(e->what, "adopted") == 0;
    s->ended = s->ended || strcmp(e->what, "ended") == 0;
    if (s->ended) s->stop = 1;
}

/* The last worker of an earlier one, which was told to end, ends before there is one that serves:
 * that is no worker that could not start. Who is told to end at the end is written down, too. */
static void the_old_may_end_first(leattest *t)
{
    char path[600], line[200], wanted[60];
    bool written = false;
    story s = {0};
    place p;
    if (!open_place(t, &p)) return;
    s.old = leave_behind(&p);
    snprintf(path, sizeof path, "%s/state", p.folder);
    FILE *f = fopen(path, "w");
    if (!CHECK(s.old > 0 && f)) return;
    fprintf(f, "listen 127.0.0.1:0\nchange 0 -inf -inf\nending %ld\n", s.old);
    fclose(f);
    leat_scale_options o = options_of(&p);
    o.told = listen_to;
    o.user = &s;
    o.stop = &s.stop;
    CHECK_OK(leat_scale_run(t->context, &o));
    CHECK(s.adopted && s.ended && s.started);
    snprintf(wanted, sizeof wanted, "ending %ld\n", s.started);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) written = written || strcmp(line, wanted) == 0;
    if (f) fclose(f);
    CHECK(written);
    waitpid((pid_t)s.old, NULL, 0);
}

/* What an earlier one wrote down counts for workers that are there, and for nothing else. */
static void an_old_address_binds_nobody(leattest *t)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof a;
    char was[40], other[40];
    leati_crew crew;
    place p;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!open_place(t, &p)) return;
    REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0 &&
            getsockname(fd, (struct sockaddr *)&a, &length) == 0);
    snprintf(was, sizeof was, "127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    leat_scale_options o = options_of(&p);
    /* Nobody of ours is left, and somebody else has the port: any other one will do. */
    CHECK_OK(leati_crew_open(&crew, t->context, &o, was, NULL, 0));
    CHECK(crew.port && crew.port != ntohs(a.sin_port));
    leati_crew_close(&crew);
    close(fd);
    /* One of ours serves there: any port is this one, another one is refused. */
    pid_t pid = leave_behind(&p);
    if (CHECK(pid > 0)) {
        long ending = pid;
        CHECK_OK(leati_crew_open(&crew, t->context, &o, was, NULL, 0));
        CHECK_STR(crew.address, was);
        leati_crew_close(&crew);
        o.listen = "localhost:0";
        CHECK_OK(leati_crew_open(&crew, t->context, &o, was, NULL, 0));
        CHECK_INT(crew.port, ntohs(a.sin_port));
        leati_crew_close(&crew);
        snprintf(other, sizeof other, "127.0.0.2:%u", (unsigned)ntohs(a.sin_port));
        o.listen = other;
        CHECK_FAILS(leati_crew_open(&crew, t->context, &o, was, NULL, 0), LEAT_INVALID,
                    "serve at 127.0.0.1:|not at 127.0.0.2:|--state");
        leati_crew_close(&crew);
        /* It is about to end: so may the address. */
        CHECK_OK(leati_crew_open(&crew, t->context, &o, was, &ending, 1));
        CHECK_STR(crew.address, other);
        leati_crew_close(&crew);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static const leattest_case cases[] = {TEST(promises),
                                      TEST(example),
                                      TEST(none_to_spare),
                                      TEST(wrong_rules),
                                      TEST(errors_are_told_with_their_hints),
                                      TEST(little_memory),
                                      TEST(wrong_options),
                                      TEST(ends_before_it_begins),
                                      TEST(does_not_end),
                                      TEST(the_old_may_end_first),
                                      TEST(an_old_address_binds_nobody)};
LEATTEST_MAIN(cases)
