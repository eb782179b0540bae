/* Parameter spaces, candidates, grid, random and halving searches, nested cross-validation. */
#include "support/leattest.h"

#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/str.h"
#include "learn/search.h"

static void check_axis(leattest *t, const char *values, const char *want)
{
    leati_space s;
    leati_str text;
    leati_space_init(&s, t->context);
    leati_str_init(&text, t->context);
    if (CHECK_OK(leati_space_add(&s, "p", values)))
        for (size_t i = 0; i < s.axis[0].count; i++)
            leati_str_addf(&text, "%s%s", i ? " " : "", s.axis[0].value[i]);
    CHECK_STR(leati_str_text(&text), want);
    leati_str_fini(&text);
    leati_space_fini(&s);
}

static void axes(leattest *t)
{
    check_axis(t, "0.1,1,10", "0.1 1 10");
    check_axis(t, " gini , entropy", "gini entropy");
    check_axis(t, "5", "5");
    check_axis(t, "adam,sgd(momentum=0.9, nesterov=true)", "adam sgd(momentum=0.9, nesterov=true)");
    check_axis(t, "f(a='x, y', b=[1, 2]), g", "f(a='x, y', b=[1, 2]) g");
    check_axis(t, "f(1, 2 | g", "f(1, 2 g");
    check_axis(t, "log:1e-3:1e3", "0.001 0.01 0.1 1 10 100 1000");
    check_axis(t, "log:1:100:5", "1 3.16227766017 10 31.6227766017 100");
    check_axis(t, "real:0:1:5", "0 0.25 0.5 0.75 1");
    check_axis(t, "int:1:5", "1 2 3 4 5");
    check_axis(t, "int:1:30:4", "1 11 20 30"); /* 10.67 and 20.33 rounded */
    check_axis(t, "int:-2:2:9", "-2 -1 0 1 2");
    check_axis(t, "real:-1:1:1", "-1");
}

static void wrong_axes(leattest *t)
{
    static const char *const bad[] = {
        "",          "1,,2",       "1,1",          "log:0:1",
        "log:-1:1",  "log:1",      "log:",         "real:1:0",
        "real:1:1",  "int:0.5:3",  "int:1:5:0",    "int:1:5:x",
        "real:a:b",  "log:1:nan",  "real:0:inf",   "int:1:99999999999",
        "real:0:1:", "int:1:5:-1", "real:0:1:1.5", ","};
    leati_space s;
    leati_space_init(&s, t->context);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_FAILS(leati_space_add(&s, "C", bad[i]), LEAT_INVALID, "parameter C|log:1e-3:1e3");
    CHECK_INT(s.count, 0);
    leati_space_fini(&s);
}

static void splitting(leattest *t)
{
    char *estimator, *name, *values;
    REQUIRE_OK(leati_space_split(t->context, "svc.C=0.1,1", &estimator, &name, &values));
    CHECK_STR(estimator, "svc");
    CHECK_STR(name, "C");
    CHECK_STR(values, "0.1,1");
    leati_free(estimator);
    REQUIRE_OK(leati_space_split(t->context, "C=log:1e-3:0.5", &estimator, &name, &values));
    CHECK_STR(estimator, "");
    CHECK_STR(name, "C");
    CHECK_STR(values, "log:1e-3:0.5");
    leati_free(estimator);
    static const char *const bad[] = {"", "svc.C", "svc.=1", ".C=1", "=1", "svc.C="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_FAILS(leati_space_split(t->context, bad[i], &estimator, &name, &values), LEAT_INVALID,
                    "ESTIMATOR.PARAMETER=VALUES");
}

static void specifications(leattest *t)
{
    static const char *const good[] = {"none", "grid", "random:7", "halving", "halving:40"};
    leati_search_spec s;
    char text[40];
    for (size_t i = 0; i < 5; i++) {
        CHECK_OK(leati_search_parse(t->context, &s, good[i]));
        leati_search_text(&s, text, sizeof text);
        CHECK_STR(text, good[i]);
    }
    CHECK_OK(leati_search_parse(t->context, &s, "random"));
    CHECK_INT(s.draws, 50);
    static const char *const bad[] = {"",       "gird",      "random:0",     "random:x",
                                      "grid:3", "halving:",  "random:2.5",   "random:99999999",
                                      "none:1", "random:-1", "halving:3:50:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_FAILS(leati_search_parse(t->context, &s, bad[i]), LEAT_INVALID, "allowed|random:50");
}

/* "C=1 kernel=rbf|C=1 ..." */
static void candidates_text(const leati_candidates *x, leati_str *out)
{
    for (size_t i = 0; i < x->count; i++) {
        if (i) leati_str_addc(out, '|');
        for (size_t a = 0; a < x->at[i].count; a++)
            leati_str_addf(out, "%s%s=%s", a ? " " : "", x->at[i].set[a].name,
                           x->at[i].set[a].value);
    }
}

static void grid(leattest *t)
{
    static const leati_param table[] = {{.name = "C", .grid = "1,10"},
                                        {.name = "tol"},
                                        {.name = "kernel", .grid = "rbf,linear"},
                                        {.name = NULL}};
    leati_space s;
    leati_candidates x;
    leati_str text;
    leati_search_spec spec = {.kind = LEATI_SEARCH_GRID};
    leati_space_init(&s, t->context);
    leati_str_init(&text, t->context);
    REQUIRE_OK(leati_candidates_make(t->context, &x, &s, &spec, 1));
    CHECK(x.count == 1 && x.at[0].count == 0); /* nothing to search: the defaults */
    leati_candidates_fini(&x);
    CHECK_OK(leati_space_add_table(&s, table));
    CHECK_OK(leati_space_add(&s, "C", "3")); /* replaces */
    CHECK_OK(leati_space_add(&s, "degree", "int:2:3"));
    REQUIRE_OK(leati_candidates_make(t->context, &x, &s, &spec, 1));
    candidates_text(&x, &text);
    CHECK_STR(leati_str_text(&text), "C=3 kernel=rbf degree=2|C=3 kernel=rbf degree=3|"
                                     "C=3 kernel=linear degree=2|C=3 kernel=linear degree=3");
    leati_space_fini(&s); /* candidates outlive the space */
    CHECK_STR(x.at[0].set[1].value, "rbf");
    leati_candidates_fini(&x);
    leati_str_fini(&text);

    leati_space_init(&s, t->context);
    for (int i = 0; i < 8; i++) {
        char name[24];
        snprintf(name, sizeof name, "p%d", i);
        CHECK_OK(leati_space_add(&s, name, "int:1:1000:1000"));
    }
    CHECK_FAILS(leati_candidates_make(t->context, &x, &s, &spec, 1), LEAT_LIMIT, "random:50");
    leati_space_fini(&s);
}

static void random_draws(leattest *t)
{
    leati_space s;
    leati_candidates x, again, other;
    leati_str a, b;
    leati_search_spec spec = {.kind = LEATI_SEARCH_RANDOM, .draws = 300};
    leati_space_init(&s, t->context);
    CHECK_OK(leati_space_add(&s, "C", "log:1e-3:1e3"));
    CHECK_OK(leati_space_add(&s, "k", "int:1:30"));
    CHECK_OK(leati_space_add(&s, "x", "real:-1:1"));
    CHECK_OK(leati_space_add(&s, "kernel", "rbf,linear"));
    REQUIRE_OK(leati_candidates_make(t->context, &x, &s, &spec, 9));
    REQUIRE_OK(leati_candidates_make(t->context, &again, &s, &spec, 9));
    REQUIRE_OK(leati_candidates_make(t->context, &other, &s, &spec, 10));
    leati_str_init(&a, t->context);
    leati_str_init(&b, t->context);
    candidates_text(&x, &a);
    candidates_text(&again, &b);
    CHECK_STR(leati_str_text(&a), leati_str_text(&b));
    leati_str_clear(&b);
    candidates_text(&other, &b);
    CHECK(strcmp(leati_str_text(&a), leati_str_text(&b)) != 0);
    CHECK_INT(x.count, 300);
    int below_one = 0, rbf = 0;
    double mean_k = 0, mean_x = 0;
    for (size_t i = 0; i < x.count; i++) {
        double v[3];
        for (int k = 0; k < 3; k++) {
            const char *text = x.at[i].set[k].value;
            REQUIRE(leati_num_parse(text, strlen(text), &v[k]));
        }
        CHECK(v[0] >= 1e-3 && v[0] <= 1e3 && v[1] >= 1 && v[1] <= 30 && v[1] == trunc(v[1]));
        CHECK(v[2] >= -1 && v[2] <= 1);
        below_one += v[0] < 1;
        rbf += strcmp(x.at[i].set[3].value, "rbf") == 0;
        mean_k += v[1] / 300;
        mean_x += v[2] / 300;
    }
    CHECK_NEAR(below_one, 150, 0, 35); /* even in the logarithm; four standard deviations */
    CHECK_NEAR(rbf, 150, 0, 35);
    CHECK_NEAR(mean_k, 15.5, 0, 2);
    CHECK_NEAR(mean_x, 0, 0, 0.14);
    leati_candidates_fini(&x);
    leati_candidates_fini(&again);
    leati_candidates_fini(&other);
    leati_space_fini(&s);

    /* Distinct, and never more than there are. */
    leati_space_init(&s, t->context);
    CHECK_OK(leati_space_add(&s, "k", "int:1:5"));
    REQUIRE_OK(leati_candidates_make(t->context, &x, &s, &spec, 1));
    CHECK_INT(x.count, 5);
    leati_candidates_fini(&x);
    CHECK_OK(leati_space_add(&s, "k", "c,a,b"));
    REQUIRE_OK(leati_candidates_make(t->context, &x, &s, &spec, 1));
    leati_str_clear(&a);
    candidates_text(&x, &a);
    CHECK_STR(leati_str_text(&a), "k=c|k=a|k=b");
    leati_candidates_fini(&x);
    leati_space_fini(&s);
    leati_str_fini(&a);
    leati_str_fini(&b);
}

/* --- running ------------------------------------------------------------------------------------
 */

typedef struct probe {
    size_t calls;
    double pause;   /* seconds per call */
    size_t fail_at; /* call that returns an error */
    leat_context *context;
} probe;

/* The best is candidate 37; with less resource scores are noisier but ordered alike near it. */
static leat_status evaluate(void *user, size_t index, double resource, double *score)
{
    probe *p = user;
    if (++p->calls == p->fail_at) return LEATI_FAIL(p->context, LEAT_NUMERIC, "no luck");
    double d = (double)index - 37;
    *score = index % 10 == 3 ? (double)NAN : -d * d * resource;
    if (p->pause > 0) {
        struct timespec wait = {0, (long)(p->pause * 1e9)};
        nanosleep(&wait, NULL);
    }
    return leati_go_on(p->context, "a trial");
}

static void run_grid(leattest *t)
{
    leati_search_result r;
    leati_search_spec spec = {.kind = LEATI_SEARCH_GRID};
    probe p = {.context = t->context};
    REQUIRE_OK(leati_search_run(t->context, &r, 80, &spec, 1, 0, evaluate, &p));
    CHECK(p.calls == 80 && r.count == 80 && !r.out_of_time);
    CHECK_INT(r.trial[r.best].index, 37);
    CHECK(r.trial[5].index == 5 && r.trial[5].resource == 1 && isnan(r.trial[3].score));
    leati_search_result_fini(&r);
    CHECK_FAILS(leati_search_run(t->context, &r, 0, &spec, 1, 0, evaluate, &p), LEAT_INVALID,
                "no candidates");
    p = (probe){.context = t->context, .fail_at = 7};
    CHECK_FAILS(leati_search_run(t->context, &r, 80, &spec, 1, 0, evaluate, &p), LEAT_NUMERIC,
                "no luck");
    CHECK(!r.trial);
}

/* The deadline of the context ends a search, and the trial under way is left out. */
static void until_the_deadline(leattest *t)
{
    leat_context *c = t->context;
    leati_search_result r;
    leati_search_spec spec = {.kind = LEATI_SEARCH_GRID};
    probe p = {.context = c, .pause = 0.05}; /* a busy machine has its share */
    leati_deadline_set(c, leati_now_ns() + 500000000);
    REQUIRE_OK(leati_search_run(c, &r, 100000, &spec, 1, 0, evaluate, &p));
    CHECK(r.out_of_time && r.count >= 1 && r.count <= 10 && p.calls == r.count + 1);
    leati_search_result_fini(&r);
    CHECK_FAILS(leati_search_run(c, &r, 100000, &spec, 1, 0, evaluate, &p), LEAT_CANCELLED,
                "out of time");
    leati_deadline_set(c, 0);
    p = (probe){.context = c};
    REQUIRE_OK(leati_search_run(c, &r, 100000, &spec, 1, 17, evaluate, &p));
    CHECK(r.out_of_time && r.count == 17);
    leati_search_result_fini(&r);
}

static void halving(leattest *t)
{
    leati_round round[LEATI_MOST_ROUNDS];
    size_t n = leati_halving_rounds(81, 3, 1.0 / 27, round);
    static const size_t want[] = {81, 27, 9, 3};
    REQUIRE(CHECK_INT(n, 4));
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(round[i].candidates, want[i]);
        CHECK_NEAR(round[i].resource, pow(3, (double)i - 3), 1e-12, 0);
    }
    n = leati_halving_rounds(81, 3, 0.3, round); /* the resource cannot be cut further */
    CHECK(n == 2 && round[0].candidates == 81 && round[1].candidates == 27);
    CHECK(round[1].resource == 1);
    n = leati_halving_rounds(3, 3, 0.001, round);
    CHECK(n == 1 && round[0].resource == 1 && round[0].candidates == 3);
    n = leati_halving_rounds(1000000, 2, 1e-12, round);
    CHECK(n == 20 && round[19].resource == 1);

    leati_search_result r;
    leati_search_spec spec = {.kind = LEATI_SEARCH_HALVING, .factor = 3};
    probe p = {.context = t->context};
    REQUIRE_OK(leati_search_run(t->context, &r, 81, &spec, 1.0 / 27, 0, evaluate, &p));
    CHECK_INT(r.count, 81 + 27 + 9 + 3);
    CHECK_INT(r.trial[r.best].index, 37);
    CHECK(r.trial[r.best].round == 3 && r.trial[r.best].resource == 1);
    for (size_t i = 81; i < r.count; i++) CHECK(r.trial[i].index % 10 != 3);
    for (size_t i = 81 + 27 + 9; i < r.count; i++) /* 36, 37, 38 survive */
        CHECK(r.trial[i].index >= 36 && r.trial[i].index <= 38);
    leati_search_result_fini(&r);
}

/* --- nested
 * --------------------------------------------------------------------------------------- */

typedef struct nested {
    const leati_folds *folds;
    size_t outer_calls, inner_calls;
    bool leaked;
    size_t outer; /* the fold that is being worked on */
} nested;

/* Candidate 2 is best except in outer fold 1, where candidate 0 is; 3 always fails. */
static leat_status evaluate_nested(void *user, size_t index, const leati_fold *fold, double *score)
{
    nested *n = user;
    bool is_outer = fold == &n->folds->fold[n->outer];
    const leati_fold *outer = &n->folds->fold[n->outer];
    if (is_outer) {
        n->outer_calls++;
        *score = (double)index + 100;
        n->outer++;
        return LEAT_OK;
    }
    n->inner_calls++;
    for (size_t i = 0; i < outer->test_count; i++) {
        for (size_t k = 0; k < fold->train_count; k++)
            n->leaked = n->leaked || fold->train[k] == outer->test[i];
        for (size_t k = 0; k < fold->test_count; k++)
            n->leaked = n->leaked || fold->test[k] == outer->test[i];
    }
    static const double usual[] = {1, 2, 3}, odd[] = {4, 2, 3};
    *score = index == 3 ? (double)NAN : n->outer == 1 ? odd[index] : usual[index];
    return LEAT_OK;
}

static void nested_search(leattest *t)
{
    leati_split_spec spec;
    leati_folds folds;
    leati_split_data d = {.rows = 40};
    leati_nested_fold out[4];
    REQUIRE_OK(leati_split_parse(t->context, &spec, "nested:4x3"));
    REQUIRE_OK(leati_split_make(t->context, &folds, &spec, &d, 1));
    nested n = {.folds = &folds};
    REQUIRE_OK(leati_nested_run(t->context, &folds, &d, 0, 4, evaluate_nested, &n, out));
    CHECK_INT(n.outer_calls, 4);
    CHECK_INT(n.inner_calls, 4 * (3 * 3 + 1)); /* a candidate that failed is not tried again */
    CHECK(!n.leaked);
    for (size_t f = 0; f < 4; f++) {
        CHECK_INT(out[f].chosen, f == 1 ? 0 : 2);
        CHECK_NEAR(out[f].inner_score, f == 1 ? 4 : 3, 1e-15, 0);
        CHECK_NEAR(out[f].outer_score, f == 1 ? 100 : 102, 0, 0);
    }
    leati_folds_fini(&folds);
}

static leat_status everything(leat_context *c, void *arg)
{
    (void)arg;
    leati_space s;
    leati_candidates x = {0};
    leati_search_result r;
    char *estimator, *name, *values;
    probe p = {.context = c};
    leati_search_spec spec = {.kind = LEATI_SEARCH_RANDOM, .draws = 20};
    leati_space_init(&s, c);
    leat_status st = leati_space_split(c, "svc.C=1,2", &estimator, &name, &values);
    if (st == LEAT_OK) {
        st = leati_space_add(&s, name, values);
        leati_free(estimator);
    }
    if (st == LEAT_OK) st = leati_space_add(&s, "x", "real:0:1");
    if (st == LEAT_OK) st = leati_space_add(&s, "C", "log:1:10:3");
    if (st == LEAT_OK) st = leati_candidates_make(c, &x, &s, &spec, 1);
    leati_candidates_fini(&x);
    spec.kind = LEATI_SEARCH_GRID;
    if (st == LEAT_OK) st = leati_candidates_make(c, &x, &s, &spec, 1);
    leati_candidates_fini(&x);
    leati_space_fini(&s);
    spec.kind = LEATI_SEARCH_HALVING;
    if (st == LEAT_OK) {
        st = leati_search_run(c, &r, 30, &spec, 0.1, 0, evaluate, &p);
        if (st == LEAT_OK) leati_search_result_fini(&r);
    }
    return st;
}

static leat_status nested_once(leat_context *c, void *arg)
{
    (void)arg;
    leati_split_spec spec;
    leati_folds folds;
    uint32_t label[40];
    leati_split_data d = {.rows = 40, .label = label, .classes = 2};
    leati_nested_fold out[4];
    for (uint32_t i = 0; i < 40; i++) label[i] = i % 2;
    leat_status st = leati_split_parse(c, &spec, "nested:4x3");
    if (st == LEAT_OK) st = leati_split_make(c, &folds, &spec, &d, 1);
    if (st != LEAT_OK) return st;
    nested n = {.folds = &folds};
    st = leati_nested_run(c, &folds, &d, 0, 4, evaluate_nested, &n, out);
    leati_folds_fini(&folds);
    return st;
}

static void allocation_failures(leattest *t)
{
    leattest_fail_allocations(t, everything, NULL);
    leattest_fail_allocations(t, nested_once, NULL);
}

static const leattest_case list[] = {
    TEST(axes),    TEST(wrong_axes),    TEST(splitting),          TEST(specifications),
    TEST(grid),    TEST(random_draws),  TEST(run_grid),           TEST(until_the_deadline),
    TEST(halving), TEST(nested_search), TEST(allocation_failures)};

LEATTEST_MAIN(list)
