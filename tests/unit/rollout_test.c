/* Rollouts without a server: rules, shares, sticky values, and walks in simulated time. */
#include "base/rng.h"
#include "learn/sequential.h"
#include "serve/rollout_alias.h"
#include "serve/rollout_json.h"
#include "serve/rollout_lane.h"
#include "serve/sticky.h"
#include "support/leattest.h"

/* ---- rules ------------------------------------------------------------------------------------
 */

static void good_rules(leattest *t)
{
    static const struct {
        const char *text;
        leati_measure measure;
        double quantile;
        bool relative;
        double factor, offset;
    } cases[] = {
        {"error_rate>stable+1%", LEATI_ERROR_RATE, 0, true, 1, 0.01},
        {" error_rate > stable * 2 + 0.5% ", LEATI_ERROR_RATE, 0, true, 2, 0.005},
        {"error_rate>stable-1%", LEATI_ERROR_RATE, 0, true, 1, -0.01},
        {"error_rate>0.02", LEATI_ERROR_RATE, 0, false, 1, 0.02},
        {"disagreement>5%", LEATI_DISAGREEMENT, 0, false, 1, 0.05},
        {"p99>stable*1.5", LEATI_LATENCY, 0.99, true, 1.5, 0},
        {"p99.9>stable+250us", LEATI_LATENCY, 0.999, true, 1, 250e3},
        {"p50>20 ms", LEATI_LATENCY, 0.5, false, 1, 20e6},
        {"mean>stable*1.2+2ms", LEATI_MEAN_LATENCY, 0, true, 1.2, 2e6},
        {"mean>0.5s", LEATI_MEAN_LATENCY, 0, false, 1, 0.5e9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_rule r;
        char why[LEATI_RULE_WHY];
        if (!CHECK(leati_rule_parse(cases[i].text, strlen(cases[i].text), &r, why)))
            printf("    %s\n", why);
        CHECK_INT(r.measure, cases[i].measure);
        CHECK_NEAR(r.quantile, cases[i].quantile, 1e-12, 0);
        CHECK(r.relative == cases[i].relative);
        CHECK_NEAR(r.factor, cases[i].factor, 1e-12, 0);
        CHECK_NEAR(r.offset, cases[i].offset, 1e-12, 0);
        leati_rule again;
        CHECK(leati_rule_parse(r.text, strlen(r.text), &again, why));
        CHECK(memcmp(&again.measure, &r.measure, sizeof r.measure) == 0);
    }
}

static void bad_rules(leattest *t)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "ends where error_rate"},
        {"errors>1%", "character 1: expected error_rate"},
        {"error_rate", "ends where '>'"},
        {"error_rate<1%", "character 11: expected '>'"},
        {"error_rate>", "ends where a number"},
        {"error_rate>stable*", "ends where a number"},
        {"error_rate>stable*0", "a factor from 0.001"},
        {"error_rate>stable*1e9", "the end of the rule, not 'e9'"},
        {"error_rate>150%", "at most 100%"},
        {"error_rate>stable+2ms", "at most 100%"},
        {"error_rate>stable+0.5ms", "the end of the rule, not 'ms'"},
        {"error_rate>stables", "expected a number, not 'stables'"},
        {"p99>stable+5", "ends where a unit of time"},
        {"p99>20", "ends where a unit"},
        {"p99>2h", "expected a unit of time: us, ms or s, not 'h'"},
        {"p100>1ms", "below p100"},
        {"p0>1ms", "above p0"},
        {"p>1ms", "expected error_rate"},
        {"p99.9.9>1ms", "expected a number"},
        {"mean>7200s", "at most an hour"},
        {"disagreement>stable+1%", "never disagrees with itself"},
        {"p99>stable*1.5 or mean>2ms", "the end of the rule, not 'or mean>2ms'"},
        {"p99>\xc3\xa9", "no printable ASCII"},
        {"mean>1s                                                                              "
         "          1",
         "at most 95 characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_rule r;
        char why[LEATI_RULE_WHY] = "";
        CHECK(!leati_rule_parse(cases[i].text, strlen(cases[i].text), &r, why));
        if (!CHECK(strstr(why, cases[i].why))) printf("    %s: %s\n", cases[i].text, why);
    }
}

/* ---- shares -----------------------------------------------------------------------------------
 */

/* After any number of requests, the share is off by less than one request. */
static void exact_share(leattest *t)
{
    static const double shares[] = {0.0001, 0.01, 1 / 3.0, 0.05, 0.5, 0.618, 0.99, 1, 0};
    for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
        uint64_t share = (uint64_t)(shares[k] * (double)LEATI_WHOLE + 0.5), random = 77 + k;
        int64_t owed = 0;
        uint64_t picked = 0;
        double target = (double)share / (double)LEATI_WHOLE, worst = 0;
        for (uint64_t n = 1; n <= 200000; n++) {
            picked += leati_share_pick(&owed, &random, share);
            double off = fabs((double)picked - target * (double)n);
            if (off > worst) worst = off;
        }
        CHECK(worst < 1);
    }
    /* Nor does it beat with a period of the requests: every tenth one is picked as often. */
    uint64_t random = 5, tenth = 0;
    int64_t owed = 0;
    for (int n = 0; n < 200000; n++) {
        bool pick = leati_share_pick(&owed, &random, (uint64_t)LEATI_WHOLE / 10);
        tenth += pick && n % 10 == 0;
    }
    CHECK(tenth > 1600 && tenth < 2400);
}

/* Who is in stays in as the share grows; the share is met; seeds are independent. */
static void sticky_share(leattest *t)
{
    enum { PEOPLE = 20000 };
    int in[4] = {0}, both = 0;
    static const double shares[4] = {0.01, 0.05, 0.25, 1};
    for (int i = 0; i < PEOPLE; i++) {
        char name[24];
        snprintf(name, sizeof name, "user%d", i);
        leati_http_text value = {name, strlen(name)};
        uint32_t place = leati_sticky_place(42, value), other = leati_sticky_place(43, value);
        bool before = false;
        for (int k = 0; k < 4; k++) {
            bool now = place < (uint64_t)(shares[k] * (double)LEATI_WHOLE);
            CHECK(now || !before);
            before = now;
            in[k] += now;
        }
        both += place < LEATI_WHOLE / 4 && other < LEATI_WHOLE / 4;
    }
    for (int k = 0; k < 4; k++)
        CHECK_NEAR(in[k], shares[k] * PEOPLE, 0, 4 * sqrt(PEOPLE * shares[k] * (1 - shares[k])));
    CHECK_NEAR(both, PEOPLE / 16.0, 0, 4 * sqrt(PEOPLE / 16.0));
}

static void sticky_values(leattest *t)
{
    static const struct {
        const char *body, *want; /* NULL: none */
    } cases[] = {
        {"{\"user\":\"ann\",\"age\":3}", "ann"},
        {"{\"age\":3,\"user\":7}", "7"},
        {"[{\"age\":1,\"user\":\"x\"},{\"user\":\"y\"}]", "x"},
        {"{\"rows\":[{\"user\":true}]}", "true"},
        {"{\"dataframe_records\":[{\"a\":[1,2],\"user\":-1.5e3}]}", "-1.5e3"},
        {"{\"inputs\":{\"age\":[3],\"user\":[\"bob\",\"eve\"]}}", "bob"},
        {"{\"inputs\":[{\"name\":\"age\",\"shape\":[1],\"data\":[3]},"
         "{\"name\":\"user\",\"shape\":[2],\"datatype\":\"BYTES\",\"data\":[[\"z\"],[\"w\"]]}]}",
         "z"},
        {"{\"user\":null}", NULL},
        {"{\"user\":{\"id\":1}}", NULL},
        {"{\"age\":\"user\"}", NULL},
        {"{\"users\":1}", NULL},
        {"{\"user\":", NULL},
        {"{\"user\"", NULL},
        {"[", NULL},
        {"", NULL},
        {"age,user\n3,ann\n4,bob\n", "ann"},
        {"user,age\r\n\"a,b\",3\r\n", "a,b"},
        {"\"user\"\n5", "5"},
        {"age,user\n3\n", NULL},
        {"age,user", NULL},
        {"age\n1\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_http_text got = {0};
        bool found = leati_sticky_input(cases[i].body, strlen(cases[i].body), "user", &got);
        bool good = CHECK(found == (cases[i].want != NULL));
        if (found && cases[i].want)
            good = CHECK(got.length == strlen(cases[i].want) &&
                         memcmp(got.data, cases[i].want, got.length) == 0);
        if (!good) printf("    %s\n", cases[i].body);
    }
    char room[LEATI_STICKY_ROOM];
    leati_http_text got;
    CHECK(leati_sticky_pair((leati_http_text){"a=1&user=a%20b", 14}, "user", room, &got));
    CHECK(got.length == 3 && memcmp(got.data, "a b", 3) == 0);
    CHECK(!leati_sticky_pair((leati_http_text){"a=1&user=", 9}, "user", room, &got));
    CHECK(!leati_sticky_pair((leati_http_text){"a=%zz&user=1", 12}, "user", room, &got));
}

static void latency_bins(leattest *t)
{
    double last = -1;
    for (size_t i = 0; i < LEATI_LATENCY_BINS; i++) {
        double edge = leati_latency_edge(i);
        CHECK(edge > last);
        if (isfinite(edge)) {
            CHECK_INT(leati_latency_bin((uint64_t)edge), i);
            CHECK_INT(leati_latency_bin((uint64_t)edge + 1), i + 1);
        }
        if (i > 16 && isfinite(edge)) CHECK(edge < last * 1.07);
        last = edge;
    }
    CHECK_INT(leati_latency_bin(UINT64_MAX), LEATI_LATENCY_BINS - 1);
}

/* ---- walks ------------------------------------------------------------------------------------
 */

/* Two versions in simulated time. */
typedef struct world {
    leati_rollout rollout;
    leati_arm_stats stable, candidate;
    leati_shadow_stats shadow;
    uint64_t epoch;
    leati_rng rng;
    double stable_errors, candidate_errors, slower, differing; /* the truth */
    int rate;                                                  /* requests a second */
    int64_t now;
    int64_t owed;
    uint64_t random;
} world;

static leati_rollout_seen seen(world *w)
{
    if (w->epoch != w->rollout.epoch) {
        memset(&w->stable, 0, sizeof w->stable);
        memset(&w->candidate, 0, sizeof w->candidate);
        memset(&w->shadow, 0, sizeof w->shadow);
        w->epoch = w->rollout.epoch;
    }
    return (leati_rollout_seen){&w->stable, &w->candidate, &w->shadow};
}

static leati_rollout_spec canary(const char *const *rules, double hold)
{
    static const double steps[] = {1, 5, 25, 50, 100};
    leati_rollout_spec s = leati_rollout_spec_default();
    char why[LEATI_RULE_WHY];
    s.from = 3, s.to = 4, s.hold = hold, s.step_count = 5, s.seed = 9;
    memcpy(s.steps, steps, sizeof steps);
    for (; rules && *rules; rules++) {
        leati_rule *r = &s.rules[s.rule_count++];
        if (!leati_rule_parse(*rules, strlen(*rules), r, why)) abort();
        if (r->measure == LEATI_DISAGREEMENT) s.mirror = 0.1;
    }
    return s;
}

static void begin(world *w, uint64_t seed, const leati_rollout_spec *s)
{
    *w = (world){.rate = 1000, .slower = 1, .now = 1000, .random = seed};
    leati_rng_init(&w->rng, seed, LEATI_RNG_TEST, 0);
    leati_rollout_begin(&w->rollout, s, w->now);
}

static void count(world *w, leati_arm_stats *a, double errors, double slower)
{
    a->requests++;
    if (leati_rng_uniform(&w->rng) < errors) {
        a->errors++;
        return;
    }
    double us = 100 * slower * exp(0.3 * leati_rng_normal(&w->rng));
    a->bin[leati_latency_bin((uint64_t)(1e3 * us))]++;
    a->sum_us += us;
    a->squares_us += us * us;
}

/* So many seconds, a tick each. */
static void live(world *w, double seconds)
{
    for (double s = 0; s < seconds; s++) {
        leati_rollout_seen all = seen(w);
        leati_rollout_plan p = leati_rollout_plan_of(&w->rollout);
        uint64_t share = (uint64_t)(p.share * (double)LEATI_WHOLE);
        for (int i = 0; i < w->rate; i++) {
            bool chosen = leati_share_pick(&w->owed, &w->random, share);
            if (chosen) count(w, &w->candidate, w->candidate_errors, w->slower);
            else count(w, &w->stable, w->stable_errors, 1);
            if (chosen || leati_rng_uniform(&w->rng) >= p.mirror) continue;
            w->shadow.compared++;
            w->shadow.differing += leati_rng_uniform(&w->rng) < w->differing;
        }
        w->now++;
        leati_rollout_tick(&w->rollout, &all, 1, w->now);
    }
}

static const char *const usual[] = {"error_rate>stable+1%", "p99>stable*2", NULL};

static void passes(leattest *t)
{
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    leati_rollout_spec s = canary(usual, 60);
    s.prolong = 600;
    begin(w, 1, &s);
    w->rate = 1500;
    w->stable_errors = w->candidate_errors = 0.001;
    CHECK_NEAR(leati_rollout_plan_of(&w->rollout).share, 0.01, 1e-12, 0);
    live(w, 59);
    CHECK_INT(w->rollout.step, 0); /* held as long as was asked */
    for (int i = 0; i < 40 && w->rollout.phase == LEATI_ROLLOUT_RUNNING; i++) live(w, 30);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_DONE);
    leati_rollout_plan p = leati_rollout_plan_of(&w->rollout);
    CHECK(p.stable == 4 && p.candidate == 0);
    CHECK_INT(w->rollout.previous, 3);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(w->rollout.steps[i].result, LEATI_STEP_PASSED);
        CHECK(w->rollout.steps[i].candidate.requests > 0);
    }
    /* Back: a switch, and back again. */
    s = (leati_rollout_spec){.mode = LEATI_SWITCH, .from = 4, .to = 3, .alpha = 0.05};
    leati_rollout_begin(&w->rollout, &s, w->now);
    CHECK_INT(leati_rollout_plan_of(&w->rollout).stable, 3);
    CHECK_INT(w->rollout.previous, 4);
    free(w);
}

static void aborts(leattest *t)
{
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    leati_rollout_spec s = canary(usual, 600);
    begin(w, 2, &s);
    w->stable_errors = 0.01;
    w->candidate_errors = 0.3;
    live(w, 60);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_ABORTED);
    CHECK(strstr(w->rollout.reason, "error_rate>stable+1%"));
    leati_rollout_plan p = leati_rollout_plan_of(&w->rollout);
    CHECK(p.stable == 3 && p.candidate == 0 && p.share == 0);
    CHECK(w->rollout.steps[0].candidate.requests < 200);
    /* Slow, not wrong. */
    begin(w, 3, &s);
    w->slower = 6;
    live(w, 400);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_ABORTED);
    CHECK(strstr(w->rollout.reason, "p99>stable*2"));
    /* Answers differ. */
    static const char *const differs[] = {"disagreement>5%", NULL};
    s = canary(differs, 600);
    begin(w, 4, &s);
    w->differing = 0.2;
    live(w, 60);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_ABORTED);
    CHECK(strstr(w->rollout.reason, "disagreement"));
    /* By hand, also while it is paused. */
    char why[LEATI_RULE_WHY];
    s = canary(NULL, 600);
    begin(w, 5, &s);
    leati_rollout_seen all = seen(w);
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_PAUSE, &all, w->now, why));
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_ABORT, &all, w->now, why));
    CHECK(!leati_rollout_act(&w->rollout, LEATI_ROLLOUT_ABORT, &all, w->now, why));
    CHECK(strstr(why, "aborted"));
    free(w);
}

/* What is not decided pauses; a rule that is broken then still takes the version back. */
static void pauses(leattest *t)
{
    char why[LEATI_RULE_WHY];
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    leati_rollout_spec s = canary(usual, 20);
    begin(w, 6, &s);
    w->rate = 100; /* 20 requests to the candidate: too few to know */
    live(w, 30);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_PAUSED);
    CHECK(w->rollout.waits);
    CHECK_NEAR(leati_rollout_plan_of(&w->rollout).share, 0.01, 1e-12, 0);
    leati_rollout_seen all = seen(w);
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_RESUME, &all, w->now, why));
    live(w, 10);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_RUNNING);
    live(w, 15);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_PAUSED);
    /* By hand the next step. */
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_PROMOTE, &all, w->now, why));
    CHECK_INT(w->rollout.step, 1);
    CHECK_INT(w->rollout.steps[0].result, LEATI_STEP_SKIPPED);
    CHECK_NEAR(leati_rollout_plan_of(&w->rollout).share, 0.05, 1e-12, 0);
    all = seen(w);
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_PAUSE, &all, w->now, why));
    CHECK(!leati_rollout_act(&w->rollout, LEATI_ROLLOUT_PAUSE, &all, w->now, why));
    w->candidate_errors = 0.9;
    live(w, 20);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_ABORTED);
    /* Without rules time alone moves it on. */
    s = canary(NULL, 5);
    begin(w, 7, &s);
    live(w, 26);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_DONE);
    /* At 100% the stable version of the step before is what counts. */
    begin(w, 8, &s);
    s = canary(usual, 10);
    s.prolong = 2000;
    begin(w, 8, &s);
    w->rate = 4000;
    for (int i = 0; i < 60 && w->rollout.step < 4; i++) live(w, 10);
    CHECK_INT(w->rollout.step, 4);
    CHECK(w->rollout.has_before);
    w->candidate_errors = 0.5;
    live(w, 3);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_ABORTED);
    CHECK_INT(w->rollout.stable, 3);
    /* The shadow promotes nothing. */
    static const char *const differs[] = {"disagreement>5%", NULL};
    s = canary(differs, 30);
    s.mode = LEATI_SHADOW, s.mirror = 1;
    begin(w, 9, &s);
    CHECK_NEAR(leati_rollout_plan_of(&w->rollout).share, 0, 0, 0);
    w->differing = 0.01;
    live(w, 40);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_DONE);
    CHECK_INT(w->rollout.stable, 3);
    CHECK(strstr(w->rollout.reason, "all rules were kept"));
    begin(w, 9, &s); /* ended by hand it has decided nothing */
    all = seen(w);
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_PROMOTE, &all, w->now, why));
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_DONE);
    CHECK(strstr(w->rollout.reason, "nothing was decided"));
    /* All at once from the middle. */
    s = canary(NULL, 100);
    begin(w, 10, &s);
    all = seen(w);
    CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_TO_THE_END, &all, w->now, why));
    CHECK_INT(w->rollout.stable, 4);
    CHECK(!leati_rollout_act(&w->rollout, LEATI_ROLLOUT_RESUME, &all, w->now, why));
    free(w);
}

/* Versions that are alike are hardly ever taken back, however often it is looked. */
static void false_alarms(leattest *t)
{
    enum { RUNS = 60 };
    static const char *const tight[] = {"error_rate>stable", "mean>stable", NULL};
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    int aborted = 0;
    leati_rollout_spec s = canary(tight, 20);
    for (uint64_t run = 0; run < RUNS; run++) {
        char why[LEATI_RULE_WHY];
        begin(w, 1000 + run, &s);
        w->rate = 200;
        w->stable_errors = w->candidate_errors = 0.02;
        for (int i = 0; i < 5; i++) { /* never decided, so it is moved on by hand */
            live(w, 21);
            leati_rollout_seen all = seen(w);
            if (w->rollout.phase == LEATI_ROLLOUT_PAUSED)
                CHECK(leati_rollout_act(&w->rollout, LEATI_ROLLOUT_PROMOTE, &all, w->now, why));
        }
        aborted += w->rollout.phase == LEATI_ROLLOUT_ABORTED;
    }
    printf("    %d of %d rollouts of equal versions aborted at alpha 5%%\n", aborted, RUNS);
    CHECK(aborted <= 0.05 * RUNS);
    free(w);
}

static void refusals(leattest *t)
{
    char why[LEATI_RULE_WHY];
    leati_rollout_spec s = canary(usual, 60), bad;
    CHECK(leati_rollout_spec_check(&s, why));
    bad = s, bad.to = 3;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "already"));
    bad = s, bad.steps[2] = 5;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "grow"));
    bad = s, bad.steps[4] = 101;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "100"));
    bad = s, bad.step_count = 0;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "1 to 16 steps"));
    bad = s, bad.steps[0] = 100, bad.step_count = 1;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "below 100"));
    bad = s, bad.alpha = 0;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "alpha"));
    bad = s, bad.hold = -1;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "hold"));
    bad = s, bad.rules[0].measure = LEATI_DISAGREEMENT;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "mirror"));
    bad = s, bad.mirror = 2;
    CHECK(!leati_rollout_spec_check(&bad, why) && strstr(why, "mirror"));
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static void reads_requests(leattest *t)
{
    static const struct {
        const char *text, *why; /* NULL: fine */
    } cases[] = {
        {"{\"to\":4,\"steps\":[1,5.5,100],\"hold\":60,\"abort_if\":[\"p99>stable*2\"],"
         "\"sticky\":\"header:X-User\",\"alpha\":0.01,\"prolong\":5,\"seed\":7,\"mirror\":0.5,"
         "\"tolerance\":0,\"mode\":\"canary\",\"from\":3}",
         NULL},
        {"{}", NULL},
        {"[]", "expected an object"},
        {"{\"to\":\"4\"}", "\"to\" is a version"},
        {"{\"to\":0}", "\"to\" is a version"},
        {"{\"to\":4,\"to\":5}", "duplicate"},
        {"{\"steps\":[]}", "1 to 16"},
        {"{\"steps\":[\"1\"]}", "number"},
        {"{\"abort_if\":\"p99>1ms\"}", "array"},
        {"{\"abort_if\":[\"p99>\"]}", "ends where"},
        {"{\"sticky\":\"cookie\"}", "none, key, header"},
        {"{\"sticky\":\"header:\"}", "1 to 127"},
        {"{\"stickyy\":1}", "no member"},
        {"{\"mode\":\"blue\"}", "canary, shadow"},
        {"{\"seed\":-1}", "seed"},
        {"{\"hold\":\"10m\"}", "number"},
        {"{", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leati_rollout_spec s = leati_rollout_spec_default();
        char why[LEATI_RULE_WHY] = "";
        bool ok = leati_rollout_spec_read(cases[i].text, strlen(cases[i].text), &s, why);
        bool good = CHECK(ok == !cases[i].why) && CHECK(ok || strstr(why, cases[i].why));
        if (!good) printf("    %s: %s\n", cases[i].text, why);
        if (i == 0) CHECK_STR(s.sticky_name, "x-user");
    }
    leati_rollout_action action;
    char why[LEATI_RULE_WHY];
    CHECK(leati_rollout_action_read("{\"action\":\"finish\"}", 19, &action, why));
    CHECK_INT(action, LEATI_ROLLOUT_TO_THE_END);
    CHECK(!leati_rollout_action_read("{\"action\":\"x\"}", 14, &action, why));
    CHECK(!leati_rollout_action_read("", 0, &action, why));
}

/* What is kept comes back as it was; a file cut anywhere is refused. */
static void survives(leattest *t)
{
    leat_context *c = t->context;
    world *w = malloc(sizeof *w);
    leati_rollout_kept *kept = malloc(sizeof *kept);
    leat_json *j = NULL, *again = NULL;
    if (!CHECK(w && kept)) goto out;
    static const char *const rules[] = {"error_rate>stable+1%", "disagreement>5%", NULL};
    leati_rollout_spec s = canary(rules, 30);
    s.sticky = LEATI_STICKY_INPUT;
    strcpy(s.sticky_name, "user \"x\"");
    s.prolong = 100;
    memset(s.from_file, 'a', 64);
    memset(s.to_file, '0', 64);
    begin(w, 12, &s);
    w->rate = 3000;
    for (int i = 0; i < 40 && w->rollout.step < 2; i++) live(w, 7);
    CHECK_INT(w->rollout.step, 2);
    live(w, 3);
    leati_rollout_seen all = seen(w);
    j = leat_json_create(c, 1);
    leati_rollout_keep(j, "iris", &w->rollout, &all);
    const char *text = leat_json_text(j);
    if (!CHECK(text)) goto out;
    char why[LEATI_RULE_WHY] = "";
    if (!CHECK(leati_rollout_recall(text, strlen(text), kept, why))) {
        printf("    %s\n", why);
        goto out;
    }
    CHECK(memcmp(&kept->stable, &w->stable, sizeof w->stable) == 0);
    CHECK(memcmp(&kept->candidate, &w->candidate, sizeof w->candidate) == 0);
    CHECK_INT(kept->rollout.step, 2);
    all = (leati_rollout_seen){&kept->stable, &kept->candidate, &kept->shadow};
    again = leat_json_create(c, 1);
    leati_rollout_keep(again, "iris", &kept->rollout, &all);
    CHECK_STR(leat_json_text(again), text);
    for (size_t n = 0; n < strlen(text) - 1; n += 7)
        CHECK(!leati_rollout_recall(text, n, kept, why));
out:
    leat_json_destroy(j);
    leat_json_destroy(again);
    free(kept);
    free(w);
}

/* ---- the alias ---------------------------------------------------------------------------------
 */

static void act(leattest *t, world *w, leati_rollout_action action)
{
    char why[LEATI_RULE_WHY];
    leati_rollout_seen all = seen(w);
    CHECK(leati_rollout_act(&w->rollout, action, &all, w->now, why));
}

/* The next one, from what the last one came to. */
static void begin_next(world *w, leati_rollout_spec *s)
{
    s->from = w->rollout.stable;
    s->to = s->from + 1;
    leati_rollout_begin(&w->rollout, s, w->now);
}

/* It is moved when all requests are another version's, from where it stood; what could not be moved
 * yet is moved by the next one from there. */
static void alias_waits(leattest *t)
{
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    leati_alias_move m;
    leati_rollout_spec s = canary(NULL, 30);
    begin(w, 3, &s);
    act(t, w, LEATI_ROLLOUT_TO_THE_END);
    CHECK(!leati_alias_move_of(&w->rollout, &m)); /* there is none */
    strcpy(s.alias, "champion");
    begin(w, 3, &s);
    act(t, w, LEATI_ROLLOUT_PROMOTE);
    CHECK(!leati_alias_move_of(&w->rollout, &m));
    act(t, w, LEATI_ROLLOUT_ABORT);
    CHECK(!leati_alias_move_of(&w->rollout, &m));
    leati_rollout_begin(&w->rollout, &s, w->now);
    act(t, w, LEATI_ROLLOUT_TO_THE_END);
    CHECK(leati_alias_move_of(&w->rollout, &m) && m.from == 3 && m.to == 4);
    begin_next(w, &s);
    CHECK(!leati_alias_move_of(&w->rollout, &m));
    act(t, w, LEATI_ROLLOUT_ABORT);
    CHECK(leati_alias_move_of(&w->rollout, &m) && m.from == 3 && m.to == 4);
    begin_next(w, &s);
    act(t, w, LEATI_ROLLOUT_TO_THE_END);
    CHECK(leati_alias_move_of(&w->rollout, &m) && m.from == 3 && m.to == 5);
    leati_rollout_alias_done(&w->rollout, LEATI_ALIAS_LOST, 9, "somebody", w->now);
    CHECK(!leati_alias_move_of(&w->rollout, &m));
    CHECK_INT(w->rollout.alias_found, 9);
    s.mode = LEATI_SHADOW;
    begin_next(w, &s);
    w->rollout.spec.hold = 0;
    live(w, 1);
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_DONE);
    CHECK(!leati_alias_move_of(&w->rollout, &m));
    s.mode = LEATI_SWITCH;
    begin_next(w, &s);
    CHECK(leati_alias_move_of(&w->rollout, &m) && m.from == 5 && m.to == 6);
    /* What is kept of it. */
    leati_rollout_kept *kept = malloc(sizeof *kept);
    leat_json *j = leat_json_create(t->context, 0);
    leati_rollout_seen all = seen(w);
    char why[LEATI_RULE_WHY] = "";
    leati_rollout_keep(j, "iris", &w->rollout, &all);
    const char *text = leat_json_text(j);
    if (CHECK(text && kept) && CHECK(leati_rollout_recall(text, strlen(text), kept, why)))
        CHECK(leati_alias_move_of(&kept->rollout, &m) && m.from == 5 && m.to == 6 &&
              strcmp(m.alias, "champion") == 0);
    leat_json_destroy(j);
    free(kept);
    free(w);
}

/* ---- several servers --------------------------------------------------------------------------
 */

/* A version that errs exactly as often as it may, on four servers that tell what they counted
 * whenever they like: what all of them told, looked at all the time by anybody, takes it back as
 * rarely as one server would; so do guards, of which each looks for itself. Four that decided each
 * for itself would err about four times as often. */
static void pooled_false_alarms(leattest *t)
{
    enum { RUNS = 400, TURNS = 250, K = 4 };
    const double alpha = 0.05, p = 0.1;
    int pooled = 0, guarded = 0, alone = 0;
    for (uint32_t run = 0; run < RUNS; run++) {
        leati_rng rng;
        leati_share now[K] = {{0, 0}}, told[K] = {{0, 0}};
        bool of_all = false, of_guard = false, of_one = false;
        leati_rng_init(&rng, 77, LEATI_RNG_TEST, run);
        for (int i = 0; i < TURNS; i++) {
            leati_share sum = {0, 0};
            for (int k = 0; k < K; k++) sum.hits += told[k].hits, sum.trials += told[k].trials;
            for (int k = 0; k < K; k++) {
                now[k].trials++;
                now[k].hits += leati_rng_uniform(&rng) < p;
                of_one = of_one || leati_evidence_above(now[k], p) >= -log(alpha);
                /* The others as last told, itself as it is. */
                leati_share here = {sum.hits + now[k].hits - told[k].hits,
                                    sum.trials + now[k].trials - told[k].trials};
                of_guard =
                    of_guard || leati_evidence_above(here, p) >= -log(alpha / LEATI_ROLLOUT_ALONE);
                if (leati_rng_uniform(&rng) >= 0.4) continue;
                sum = here;
                told[k] = now[k];
                of_all = of_all || leati_evidence_above(sum, p) >= -log(alpha);
            }
        }
        pooled += of_all, guarded += of_guard, alone += of_one;
    }
    printf("    of %d rollouts on the limit 4 servers took back %d together, %d by a guard, %d if "
           "each decided\n",
           RUNS, pooled, guarded, alone);
    CHECK(pooled <= alpha * RUNS);
    CHECK(guarded <= 0.005 * RUNS);
    CHECK(alone > 2 * pooled);
}

/* Four servers, none of which has seen enough. */
static void adds_up(leattest *t)
{
    world *w = malloc(sizeof *w);
    leati_rollout_part *part = malloc(sizeof *part), *sum = malloc(sizeof *sum);
    leat_json *j = NULL, *again = NULL;
    char why[LEATI_RULE_WHY];
    if (!CHECK(w && part && sum)) goto out;
    leati_rollout_spec s = canary(usual, 1000);
    s.steps[0] = 50;
    begin(w, 21, &s);
    w->candidate_errors = 0.3;
    live(w, 1);
    leati_rollout_seen all = seen(w);
    j = leat_json_create(t->context, 0);
    leati_rollout_part_keep(j, w->rollout.holds, 12.5, &all);
    const char *text = leat_json_text(j);
    REQUIRE(text && leati_rollout_part_recall(text, strlen(text), part, why));
    CHECK(memcmp(&part->stable, all.stable, sizeof part->stable) == 0);
    CHECK(memcmp(&part->candidate, all.candidate, sizeof part->candidate) == 0);
    CHECK(part->holds == w->rollout.holds && part->held == 12.5);
    again = leat_json_create(t->context, 0);
    all = (leati_rollout_seen){&part->stable, &part->candidate, &part->shadow};
    leati_rollout_part_keep(again, part->holds, part->held, &all);
    CHECK_STR(leat_json_text(again), text);
    for (size_t n = 0; n < strlen(text) - 1; n += 3)
        CHECK(!leati_rollout_part_recall(text, n, part, why));
    REQUIRE(leati_rollout_part_recall(text, strlen(text), part, why));
    *sum = (leati_rollout_part){0};
    for (int k = 0; k < 3; k++) {
        CHECK(leati_arm_stats_add(&sum->stable, &part->stable));
        CHECK(leati_arm_stats_add(&sum->candidate, &part->candidate));
        CHECK(leati_shadow_stats_add(&sum->shadow, &part->shadow));
    }
    CHECK_INT(sum->candidate.requests, 3 * part->candidate.requests);
    CHECK_INT(sum->candidate.bin[40], 3 * part->candidate.bin[40]);
    CHECK_NEAR(sum->stable.squares_us, 3 * part->stable.squares_us, 1e-12, 0);
    part->stable.requests = INT64_MAX;
    CHECK(!leati_arm_stats_add(&sum->stable, &part->stable));
out:
    leat_json_destroy(j);
    leat_json_destroy(again);
    free(w);
    free(part);
    free(sum);
}

/* A guard takes back what is surely bad, later than a test would, and does nothing else. */
static void guards(leattest *t)
{
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    leati_rollout_spec s = canary(usual, 10);
    begin(w, 22, &s);
    leati_arm_stats bad = {.requests = 2, .errors = 2}, good = {.requests = 600};
    leati_shadow_stats none = {0};
    leati_rollout_seen all = {&good, &bad, &none};
    leati_judgement j = leati_rule_judge(&w->rollout.spec.rules[0], &good, &bad, &none,
                                         leati_rollout_alpha(&w->rollout.spec));
    CHECK_INT(j.finding, LEATI_RULE_BROKEN);
    CHECK(!leati_rollout_guard(&w->rollout, &all, 5));
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_RUNNING);
    w->rollout.steps[0].held = 1e6;
    CHECK(!leati_rollout_guard(&w->rollout, &all, 5));
    CHECK_INT(w->rollout.step, 0);
    bad = (leati_arm_stats){.requests = 60, .errors = 60};
    CHECK(leati_rollout_guard(&w->rollout, &all, 6));
    CHECK_INT(w->rollout.phase, LEATI_ROLLOUT_ABORTED);
    CHECK(strstr(w->rollout.reason, "found by one server alone"));
    CHECK(!leati_rollout_guard(&w->rollout, &all, 7));
    free(w);
}

static leat_status keep_one(leat_context *c, void *arg)
{
    world *w = arg;
    leati_rollout_seen all = seen(w);
    leat_json *j = leat_json_create(c, 0);
    leati_rollout_keep(j, "iris", &w->rollout, &all);
    leat_status st = leat_json_text(j) ? LEAT_OK : leat_error_status(c);
    leat_json_destroy(j);
    return st;
}

static void little_memory(leattest *t)
{
    world *w = malloc(sizeof *w);
    REQUIRE(w);
    leati_rollout_spec s = canary(usual, 30);
    begin(w, 13, &s);
    live(w, 2);
    leattest_fail_allocations(t, keep_one, w);
    free(w);
}

static const leattest_case cases[] = {
    TEST(good_rules),   TEST(bad_rules),     TEST(exact_share),
    TEST(sticky_share), TEST(sticky_values), TEST(latency_bins),
    TEST(passes),       TEST(aborts),        TEST(pauses),
    TEST(false_alarms), TEST(refusals),      TEST(reads_requests),
    TEST(survives),     TEST(little_memory), TEST(pooled_false_alarms),
    TEST(adds_up),      TEST(guards),        TEST(alias_waits)};
LEATTEST_MAIN(cases)
