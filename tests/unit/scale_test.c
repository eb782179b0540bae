/* The rule of scaling on random traces of load: what it promises holds for each. */
#include <leat/scale.h>

#include "base/rng.h"
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

static const leattest_case cases[] = {TEST(promises),    TEST(example),       TEST(none_to_spare),
                                      TEST(wrong_rules), TEST(little_memory), TEST(wrong_options)};
LEATTEST_MAIN(cases)
