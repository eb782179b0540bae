/* The prediction log: what is written reads back, torn and wrong lines, answering it anew. */
#include "support/leattest.h"
#include "support/tables.h"

#include <leat/experiment.h>
#include <leat/monitor.h>

#include "base/file.h"
#include "base/mem.h"
#include "monitor/prediction_log.h"

#define LINE1                                                                                      \
    "{\"ts\":\"2026-11-21T10:00:00Z\",\"request_id\":\"r\\\"1\",\"inputs\":{\"a\":1,\"b\":\"x\"}}" \
    "\n"
#define LINE2 "{\"inputs\":{\"b\":null,\"a\":2.5},\"outputs\":{\"prediction\":\"p\"},\"x\":[{}]}\n"

static leat_status flatten(leat_context *c, const char *text, leati_str *out)
{
    leati_str_init(out, c);
    return leati_log_flatten(c, out, text, strlen(text), "t.ndjson");
}

static void flat(leattest *t)
{
    static const char *const torn[] = {"{", "{\"inp", "{\"inputs\":{\"a\":1}",
                                       "{\"inputs\":{\"a\":1},"};
    leati_str s;
    REQUIRE_OK(flatten(t->context, LINE1 "\n  \r\n" LINE2, &s));
    CHECK_STR(
        leati_str_text(&s),
        "{\"log.ts\":\"2026-11-21T10:00:00Z\",\"log.request_id\":\"r\\\"1\",\"a\":1,\"b\":\"x\"}\n"
        "{\"b\":null,\"a\":2.5,\"log.prediction\":\"p\"}\n");
    leati_str_fini(&s);
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s%s", LINE2, torn[i]);
        REQUIRE_OK(flatten(t->context, text, &s));
        CHECK_STR(leati_str_text(&s), "{\"b\":null,\"a\":2.5,\"log.prediction\":\"p\"}\n");
        leati_str_fini(&s);
    }
}

static void wrong(leattest *t)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{LINE1 "{\"inputs\":{\"a\":1}\n" LINE1, "t.ndjson line 2"},
               {LINE1 "{\"outputs\":{}}\n", "line 2|'inputs'"},
               {"{\"inputs\":{}} x\n", "line 1|the end of the line"},
               {"{\"inputs\":{\"a\":1}, \"inputs\":{}}\n", "'inputs' once"},
               {"{\"inputs\":\"{}\"}\n", "an object"},
               {"{\"inputs\":[1]}\n", "an object"},
               {"{\"inputs\":{\"a\" 1}}\n", "a colon"},
               {"{\"inputs\":{a:1}}\n", "expected"},
               {"[1]\n", "an object"},
               {"age,sex\n1,f\n", "an object"},
               {"{\"inputs\"", "line 1"}};
    leati_str s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(flatten(t->context, bad[i].text, &s), LEAT_FORMAT, bad[i].words);
        leati_str_fini(&s);
    }
    const char *path = leattest_scratch("plain.jsonl");
    REQUIRE_OK(leati_file_write(t->context, path, "{\"a\":1}\n", 8));
    CHECK(!leat_prediction_log_is(t->context, path));
    CHECK(!leat_prediction_log_is(t->context, "/no/such/file"));
    CHECK_INT(leat_error_status(t->context), LEAT_OK);
}

static leat_model *trained(leattest *t, const char *target, const char *kind)
{
    leat_frame *f = leattest_table(t->context, 200, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    leat_model *m = NULL;
    o.target = target;
    o.models = kind;
    o.cv = "kfold:5";
    o.quick = true;
    if (CHECK(f != NULL) && CHECK_OK(leat_experiment_run(t->context, &e, f, NULL, &o)))
        m = leat_model_retain(leat_experiment_model(e));
    leat_experiment_destroy(e);
    leat_frame_release(f);
    return m;
}

/* The log of a model's answers to a table, without the columns of targets. */
static leat_status write_log(leat_context *c, const leat_model *m, const char *path, size_t rows)
{
    static const char *const hidden[] = {"kind", "id"};
    leat_frame *f = leattest_table(c, rows, 5), *answers = NULL;
    leati_str s;
    leati_str_init(&s, c);
    leat_status st = f ? leat_model_predict(c, m, f, true, &answers) : leat_error_status(c);
    for (size_t i = 0; i < rows && st == LEAT_OK; i++) {
        leati_log_entry e = {1700000000123456 + (int64_t)i, "r\n1", "wood", "2", "stable"};
        st = leati_log_write(c, &s, &e, f, answers, i, hidden, 2);
    }
    if (st == LEAT_OK) st = leati_file_write(c, path, leati_str_text(&s), s.length);
    leati_str_fini(&s);
    leat_frame_release(answers);
    leat_frame_release(f);
    return st;
}

static void round_trip(leattest *t)
{
    leat_context *c = t->context;
    leat_model *m = trained(t, "kind", "lda");
    leat_frame *log, *f = leattest_table(c, 90, 5);
    const char *path = leattest_scratch("log.ndjson");
    size_t at;
    REQUIRE(m && f);
    REQUIRE_OK(write_log(c, m, path, 90));
    CHECK(leat_prediction_log_is(c, path));
    REQUIRE_OK(leat_prediction_log_read(c, &log, path, NULL));
    CHECK_INT(leat_frame_rows(log), 90);
    CHECK(!leat_frame_find(log, "kind", &at) && !leat_frame_find(log, "id", &at));
    REQUIRE(leat_frame_find(log, "log.ts", &at));
    CHECK_INT(leat_frame_type(log, at), LEAT_TIME);
    CHECK_INT(log->column[at]->i64[3], 1700000000123459);
    for (size_t k = 0; k < 5; k++) { /* length, width, colour, round, when */
        REQUIRE(leat_frame_find(log, f->name[k], &at));
        CHECK_INT(leat_frame_type(log, at), f->column[k]->type);
        CHECK_INT(leat_frame_missing(log, at), f->column[k]->missing);
    }
    REQUIRE(leat_frame_find(log, "length", &at));
    CHECK(memcmp(log->column[at]->f64, f->column[0]->f64, 90 * sizeof(double)) == 0);
    /* It is a window like any other. */
    leat_monitor *watch;
    REQUIRE_OK(leat_monitor_create(c, &watch, m, NULL));
    CHECK_OK(leat_monitor_add(c, watch, log, "log"));
    CHECK_INT(leat_monitor_window_at(watch, 0).drifting, 0);
    leat_monitor_destroy(watch);
    leat_frame_release(log);
    leat_frame_release(f);
    leat_model_release(m);
}

static void replay(leattest *t)
{
    leat_context *c = t->context;
    leat_model *lda = trained(t, "kind", "lda"), *nb = trained(t, "kind", "gaussian_nb");
    leat_model *ridge = trained(t, "weight", "ridge");
    leat_frame *log, *answers;
    leat_replay r;
    const char *path = leattest_scratch("replay.ndjson");
    REQUIRE(lda && nb && ridge);
    REQUIRE_OK(write_log(c, lda, path, 150));
    REQUIRE_OK(leat_prediction_log_read(c, &log, path, NULL));
    REQUIRE_OK(leat_replay_log(c, lda, log, &r, NULL));
    CHECK_INT(r.compared, 150);
    CHECK(r.same.value == 1 && r.same.high == 1 && r.largest_probability == 0);
    REQUIRE_OK(leat_replay_log(c, nb, log, &r, &answers));
    CHECK(r.same.value > 0.8 && r.same.value <= 1 && r.largest_probability > 0);
    CHECK(isnan(r.mean_difference));
    CHECK_INT(leat_frame_rows(answers), 150);
    leat_frame_release(answers);
    CHECK_FAILS(leat_replay_log(c, ridge, log, &r, NULL), LEAT_NOT_FOUND, "kind");
    leat_frame_release(log);
    leat_model_release(lda);
    leat_model_release(nb);
    leat_model_release(ridge);
}

/* Of the rows of several models those of one, with its columns and their types and no others. */
static void of_one(leattest *t)
{
    static const char text[] =
        "{\"model\":\"wood\",\"inputs\":{\"size\":1,\"length\":2}}\n"
        "{\"model\":\"cr\\u0065dit\",\"inputs\":{\"size\":\"big\",\"age\":3,\"kids\":null}}\n\n"
        "{\"inputs\":{\"size\":true,\"other\":4}}\n"
        "{\"inputs\":{\"age\":5},\"outputs\":{\"prediction\":1},\"model\":\"credit\"}\n"
        "{\"model\":\"wood\",\"inputs\":{\"kids\":2}}\n"
        "{\"model\":\"credit\",\"inp";
    leat_context *c = t->context;
    leat_frame *log = NULL;
    const char *path = leattest_scratch("several.ndjson");
    size_t at;
    REQUIRE_OK(leati_file_write(c, path, text, sizeof text - 1));
    REQUIRE_OK(leat_prediction_log_read_of(c, &log, path, "credit", NULL));
    CHECK_INT(leat_frame_rows(log), 2);
    CHECK(!leat_frame_find(log, "length", &at) && !leat_frame_find(log, "other", &at));
    REQUIRE(leat_frame_find(log, "kids", &at)); /* its own, and missing */
    CHECK_INT(leat_frame_missing(log, at), 2);
    REQUIRE(leat_frame_find(log, "size", &at));
    CHECK_INT(leat_frame_type(log, at), LEAT_STRING);
    leat_frame_release(log);
    REQUIRE_OK(leat_prediction_log_read_of(c, &log, path, "wood", NULL));
    CHECK_INT(leat_frame_rows(log), 2);
    REQUIRE(leat_frame_find(log, "size", &at));
    CHECK(leat_frame_type(log, at) != LEAT_STRING);
    CHECK(!leat_frame_find(log, "age", &at) && !leat_frame_find(log, "log.prediction", &at));
    leat_model *m = trained(t, "kind", "lda");
    leat_replay r;
    REQUIRE(m);
    CHECK_FAILS(leat_replay_log(c, m, log, &r, NULL), LEAT_NOT_FOUND, "width");
    leat_model_release(m);
    leat_frame_release(log);
    REQUIRE_OK(leat_prediction_log_read(c, &log, path, NULL));
    CHECK_INT(leat_frame_rows(log), 5);
    leat_frame_release(log);
    CHECK_FAILS(leat_prediction_log_read_of(c, &log, path, "debit", NULL), LEAT_INVALID,
                "no row of 'debit'|wood, credit");
    REQUIRE_OK(leati_file_write(c, path, "{\"inputs\":{}}\n", 14));
    CHECK_FAILS(leat_prediction_log_read_of(c, &log, path, "wood", NULL), LEAT_INVALID,
                "does not say which model");
}

static leat_status whole(leat_context *c, void *arg)
{
    leat_frame *log = NULL;
    leat_replay r;
    const char *path = leattest_scratch("memory.ndjson");
    leat_status st = write_log(c, arg, path, 8);
    if (st == LEAT_OK) st = leat_prediction_log_read_of(c, &log, path, "wood", NULL);
    if (st == LEAT_OK) st = leat_replay_log(c, arg, log, &r, NULL);
    leat_frame_release(log);
    return st;
}

static void allocations(leattest *t)
{
    leat_model *m = trained(t, "kind", "lda");
    REQUIRE(m);
    leattest_fail_some_allocations(t, whole, m);
    leat_model_release(m);
}

static const leattest_case list[] = {TEST(flat),   TEST(wrong),  TEST(round_trip),
                                     TEST(replay), TEST(of_one), TEST(allocations)};

LEATTEST_MAIN(list)
