/* Time budgets and cancelling: fits that run are cut, what is cut is left out and said so, what is
 * done is what it is without a budget. */
#include "support/leattest.h"
#include "support/tables.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <leat/experiment.h>
#include <leat/model.h>

#include "base/pool.h"
#include "base/progress.h"
#include "workflow/experiment.h"

/* Fits that would take minutes to days. */
typedef struct slow {
    const char *models, *set[3];
} slow;

static const slow slow_ones[] = {
    {"svc", {"svc.C=1e9", "svc.tol=1e-9"}}, /* several machines on all threads */
    {"network", {"network.epochs=1000000"}},
    {"sgd", {"sgd.max_iter=1000000000", "sgd.tol=none"}},
};

static leat_experiment_options options_of(const slow *s)
{
    leat_experiment_options o = leat_experiment_options_default();
    o.target = "colour"; /* which the other columns do not know */
    o.drop_missing_target = true;
    o.cv = "kfold:3";
    o.models = s->models;
    o.set = s->set;
    while (o.set_count < 3 && s->set[o.set_count]) o.set_count++;
    return o;
}

/* On a busy machine all of a budget may pass before the first fit begins: then a longer one is
 * given. */
static void nothing_finished(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 3000, 1);
    REQUIRE(f);
    for (size_t i = 0; i < sizeof slow_ones / sizeof *slow_ones; i++) {
        leat_experiment_options o = options_of(&slow_ones[i]);
        leat_experiment *e;
        for (o.time_budget = 0.2; o.time_budget < 10; o.time_budget *= 4) {
            double began = leati_now_s();
            leat_status st = leat_experiment_run(t->context, &e, f, NULL, &o);
            /* Sanitizers and a busy machine have their share. */
            CHECK(leati_now_s() - began < o.time_budget + 10);
            CHECK(st == LEAT_CANCELLED && !e);
            if (!strstr(leat_error_message(t->context), "not reached")) break;
            leat_error_clear(t->context);
        }
        CHECK_FAILS(leat_error_status(t->context), LEAT_CANCELLED,
                    o.time_budget == 0.2 ? "time budget of 200 ms|in fold |--time-budget"
                                         : "time budget of |in fold |--time-budget");
    }
    leat_frame_release(f);
}

static leat_experiment *fit(leattest *t, const leat_frame *f, const leat_experiment_options *o,
                            const leati_cut *cuts, size_t count)
{
    leat_experiment *e = NULL;
    leat_frame *train = (leat_frame *)(uintptr_t)f;
    leat_status st =
        cuts ? leati_experiment_repeat(t->context, &e, train, NULL, o, cuts, count, false)
             : leat_experiment_run(t->context, &e, train, NULL, o);
    if (!CHECK(st == LEAT_OK)) printf("    %s\n", leat_error_message(t->context));
    return e;
}

static const char *model_of(const leat_experiment *e)
{
    return leat_model_json(leat_experiment_model(e));
}

/* The slow one is left out, and the rest is as without it. */
static void one_left_out(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 3000, 1);
    REQUIRE(f);
    slow s = {"gaussian_nb,network", {"network.epochs=1000000"}};
    leat_experiment_options o = options_of(&s), quick = options_of(&(slow){"gaussian_nb", {0}});
    o.time_budget = 4;
    o.quick = quick.quick = true;
    double began = leati_now_s();
    leat_experiment *e = fit(t, f, &o, NULL, 0), *alone = fit(t, f, &quick, NULL, 0);
    CHECK(leati_now_s() - began < 4 + 15);
    if (CHECK(e && alone)) {
        leat_leaderboard_row last = leat_experiment_row(e, 2);
        CHECK_STR(last.estimator, "network");
        CHECK(last.left_out && isnan(last.mean) && last.fold_count == 0);
        CHECK(last.failed && strstr(last.failed, "the time budget ended in fold 1 of 3"));
        for (size_t i = 0; i < 2; i++) {
            leat_leaderboard_row a = leat_experiment_row(e, i), b = leat_experiment_row(alone, i);
            CHECK_STR(a.estimator, b.estimator);
            CHECK(a.mean == b.mean && a.low == b.low && !a.left_out);
        }
        /* How far it came is nothing for the model file; repeated without a clock it is the same.
         */
        CHECK(strstr(model_of(e), "\"cut\"") != NULL);
        CHECK(strstr(model_of(e), "left out by the time budget") &&
              !strstr(model_of(e), "in fold"));
        leati_cut cut = {2, 0};
        leat_experiment *again = fit(t, f, &o, &cut, 1);
        if (again) CHECK_STR(model_of(again), model_of(e));
        leat_experiment_destroy(again);
    }
    leat_experiment_destroy(e);
    leat_experiment_destroy(alone);
    leat_frame_release(f);
}

/* A budget that nothing uses up changes no byte but its own record. */
static void within(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 150, 1);
    leat_experiment_options o = leat_experiment_options_default();
    REQUIRE(f);
    o.target = "kind";
    o.models = "knn,cart,logistic";
    o.cv = "kfold:5";
    o.search = "random:3";
    o.quick = true;
    leat_experiment *plain = fit(t, f, &o, NULL, 0);
    o.time_budget = 1e12;
    leat_experiment *e = fit(t, f, &o, NULL, 0);
    if (CHECK(plain && e)) {
        CHECK(!strstr(model_of(e), "\"cut\"") && strstr(model_of(e), "\"time_budget\""));
        for (size_t i = 0; i < leat_experiment_rows(e); i++) {
            leat_leaderboard_row a = leat_experiment_row(e, i), b = leat_experiment_row(plain, i);
            CHECK_STR(a.estimator, b.estimator);
            CHECK_STR(a.params, b.params);
            CHECK(a.mean == b.mean && a.fold_count == b.fold_count);
            CHECK(memcmp(a.folds, b.folds, a.fold_count * sizeof *a.folds) == 0);
        }
    }
    leat_experiment_destroy(e);
    leat_experiment_destroy(plain);
    leat_frame_release(f);
}

/* A budget that is spent before anything begins does not lift its limit. */
static void spent(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 60, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(f);
    o.target = "weight";
    o.models = "ridge";
    o.search = "random:50";
    o.time_budget = 1e-12;
    CHECK_FAILS(leat_experiment_run(t->context, &e, f, NULL, &o), LEAT_CANCELLED,
                "before any estimator was finished|not reached");
    o.time_budget = 0; /* and nothing of it stays in the context */
    o.search = NULL;
    o.quick = true;
    e = fit(t, f, &o, NULL, 0);
    CHECK(e && !leat_experiment_row(e, 0).left_out);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

/* A search that was cut is repeated to the trial. */
static void search_repeated(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 60, 1);
    leat_experiment_options o = leat_experiment_options_default();
    REQUIRE(f);
    o.target = "weight";
    o.models = "ridge,knn";
    o.search = "random:12";
    o.time_budget = 60;
    o.quick = true;
    leati_cut cut = {2, 7};
    leat_experiment *e = fit(t, f, &o, &cut, 1), *again = fit(t, f, &o, &cut, 1);
    if (CHECK(e && again)) {
        for (size_t i = 0; i < e->count; i++) {
            const leati_entry *k = &e->entries[i];
            if (k->number == 2) CHECK(k->tried == 7 && k->search_cut && !k->failed);
            else CHECK(!k->search_cut);
        }
        CHECK(strstr(model_of(e), "\"cut\"") != NULL);
        CHECK_STR(model_of(e), model_of(again));
    }
    leat_experiment_destroy(e);
    leat_experiment_destroy(again);
    leat_frame_release(f);
}

/* A search over settings of a slow estimator ends in time for what follows it. */
static void search_cut(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 400, 1);
    leat_experiment_options o = leat_experiment_options_default();
    static const char *const set[] = {"network.epochs=1,2,3,1000000", "network.batch_size=8,16,32"};
    leat_experiment *e = NULL;
    REQUIRE(f);
    o.target = "kind";
    o.models = "network";
    o.cv = "kfold:3";
    o.search = "grid";
    o.set = set;
    o.set_count = 2;
    o.time_budget = 6;
    o.quick = true;
    double began = leati_now_s();
    e = fit(t, f, &o, NULL, 0);
    CHECK(leati_now_s() - began < 6 + 10);
    for (size_t i = 0; e && i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        if (!k->is_baseline) CHECK(k->search_cut && k->tried >= 1 && k->tried < 12 && !k->failed);
    }
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

/* --- cancelling ---------------------------------------------------------------------------------
 */

static void *cancel_soon(void *context)
{
    struct timespec wait = {0, 300000000};
    nanosleep(&wait, NULL);
    leat_context_cancel(context);
    return NULL;
}

/* Without a progress hook, from another thread, while workers of the pool fit. */
static void cancelled(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 3000, 1);
    REQUIRE(f);
    for (size_t i = 0; i < sizeof slow_ones / sizeof *slow_ones; i++) {
        leat_experiment_options o = options_of(&slow_ones[i]);
        leat_experiment *e;
        pthread_t thread;
        double began = leati_now_s();
        o.time_budget = 1000;
        REQUIRE(pthread_create(&thread, NULL, cancel_soon, t->context) == 0);
        CHECK_FAILS(leat_experiment_run(t->context, &e, f, NULL, &o), LEAT_CANCELLED,
                    "interrupted");
        CHECK(leati_now_s() - began < 10);
        pthread_join(thread, NULL);
    }
    leat_frame_release(f);
}

/* Asked before a job, the next one ends; the one after it runs. */
static void cancelled_before(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 150, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    REQUIRE(f);
    o.target = "kind";
    o.models = "cart";
    o.quick = true;
    leat_context_cancel(t->context);
    CHECK_FAILS(leat_experiment_run(t->context, &e, f, NULL, &o), LEAT_CANCELLED, "interrupted");
    e = fit(t, f, &o, NULL, 0);
    CHECK(e != NULL);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

/* --- the mechanism ------------------------------------------------------------------------------
 */

static void wait_for_end(void *arg, size_t task, unsigned worker)
{
    (void)task;
    (void)worker;
    while (!leati_stopping(arg)) continue;
}

static void deadline(leattest *t)
{
    leat_context *c = t->context;
    CHECK(!leati_stopping(c));
    CHECK_OK(leati_go_on(c, "nothing"));
    leati_deadline_set(c, leati_now_ns() + 20000000);
    leati_parallel(c, 4, wait_for_end, c);
    CHECK_FAILS(leati_go_on(c, "a test"), LEAT_CANCELLED, "out of time during a test");
    CHECK(leati_out_of_time(c));
    CHECK_FAILS(leati_progress(c, "a test", 1, 1), LEAT_CANCELLED, "out of time during a test");
    leati_deadline_set(c, 0);
    CHECK_OK(leati_go_on(c, "nothing"));
    leat_context_cancel(c);
    CHECK(leati_stopping(c));
    CHECK_FAILS(leati_progress(c, "a test", 0, 2), LEAT_CANCELLED, "interrupted during a test");
    CHECK(!leati_out_of_time(c));
    CHECK_OK(leati_progress(c, "a test", 0, 2));
}

static const leattest_case list[] = {
    TEST(deadline),        TEST(nothing_finished), TEST(one_left_out), TEST(within),
    TEST(spent),           TEST(search_repeated),  TEST(search_cut),   TEST(cancelled),
    TEST(cancelled_before)};

LEATTEST_MAIN(list)
