/* Prepared prediction: the same answers as for tables, nothing allocated while running, several
 * threads at one model, inputs of every kind, refusals. */
#include <leat/experiment.h>
#include <leat/session.h>

#include <pthread.h>

#include "base/mem.h"
#include "frame/frame.h"
#include "model/model.h"
#include "support/fitted.h"
#include "support/frametext.h"

enum { ROWS = 60 };

/* Mixed inputs, in the order of the table. */
static leat_frame *table(leat_context *c)
{
    char text[8192];
    static const char *const kinds[] = {"ash", "beech", "cedar"};
    static const char *const places[] = {"hill", "marsh", "."};
    size_t n = (size_t)snprintf(text, sizeof text, "girth:n count:i place:t day:d kind:t size:n");
    for (int i = 0; i < ROWS; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, " | ");
        if (i % 17) n += (size_t)snprintf(text + n, sizeof text - n, "%.3f", 3 * (i % 3) + sin(i));
        else n += (size_t)snprintf(text + n, sizeof text - n, ".");
        n += (size_t)snprintf(text + n, sizeof text - n, " %d %s 2024-0%d-1%d %s %.3f", i * i % 11,
                              places[i / 4 % 3], 1 + i % 9, i % 8, kinds[i % 3],
                              cos(i) + i * i % 11);
    }
    return frametext(c, text);
}

static leat_model *fit(leattest *t, leat_frame *f, const char *target, const char *drop)
{
    static const char *const set[] = {"network.epochs=40", "network.learning_rate=0.01"};
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    leat_model *m = NULL;
    o.target = target;
    o.models = "network";
    o.cv = "holdout:0.2";
    o.quick = true;
    o.set = set, o.set_count = 2;
    o.drop = &drop, o.drop_count = 1;
    if (CHECK_OK(leat_experiment_run(t->context, &e, f, NULL, &o)))
        m = leat_model_retain(leat_experiment_model(e));
    if (m) CHECK_STR(leat_model_estimator(m), "network"); /* it beat the baseline */
    leat_experiment_destroy(e);
    return m;
}

/* Row `from` of the table as row `to` of the session. */
static leat_status set_row(leat_session *s, const leat_model *m, const leat_frame *f, size_t from,
                           size_t to)
{
    for (size_t i = 0; i < leat_model_inputs(m); i++) {
        size_t k, length;
        const char *text = NULL;
        double number = NAN;
        int64_t time;
        leat_status st;
        if (!leat_frame_find(f, leat_model_input_name(m, i), &k)) return LEAT_NOT_FOUND;
        leat_type type = leat_frame_type(f, k);
        if (type == LEAT_STRING) {
            (void)leat_frame_text(f, k, from, &text, &length);
            st = leat_session_set_text(s, to, i, text);
        } else if (type == LEAT_TIME) {
            (void)leat_frame_whole(f, k, from, &time);
            st = leat_session_set_time(s, to, i, time);
        } else {
            (void)leat_frame_number(f, k, from, &number);
            st = leat_session_set_number(s, to, i, number);
        }
        if (st != LEAT_OK) return st;
    }
    return LEAT_OK;
}

/* All rows at once, and the same row by row, against the table's predictions. */
static void compare(leattest *t, leat_model *m, const leat_frame *f)
{
    leat_frame *want;
    leat_session *s, *one;
    size_t classes = leat_model_classes(m);
    bool classify = leat_model_is_classifier(m);
    REQUIRE_OK(leat_model_predict(t->context, m, f, true, &want));
    REQUIRE_OK(leat_session_create(t->context, m, ROWS, &s));
    REQUIRE_OK(leat_session_create(t->context, m, 1, &one));
    CHECK(leat_session_predictions(s) == NULL);
    for (size_t i = 0; i < ROWS; i++) CHECK_OK(set_row(s, m, f, i, i));
    CHECK_OK(leat_session_run(s, ROWS, true));
    for (size_t i = 0; i < ROWS; i++) {
        double value = leat_session_predictions(s)[i], number = 0, p;
        const char *text = "";
        if (classify && CHECK(leat_frame_text(want, 0, i, &text, NULL)))
            CHECK_STR(leat_model_class_name(m, (size_t)value), text);
        else if (CHECK(leat_frame_number(want, 0, i, &number))) CHECK(number == value);
        for (size_t k = 0; k < classes; k++)
            CHECK(leat_frame_number(want, k + 1, i, &p) &&
                  p == leat_session_probabilities(s)[i * classes + k]);
        CHECK_OK(set_row(one, m, f, i, 0));
        CHECK_OK(leat_session_run(one, 1, false));
        CHECK(leat_session_probabilities(one) == NULL);
        CHECK_NEAR(leat_session_predictions(one)[0], value, 1e-5, 1e-5);
    }
    leat_session_destroy(one);
    leat_session_destroy(s);
    leat_frame_release(want);
}

static void same_as_tables(leattest *t)
{
    leat_frame *f = table(t->context);
    REQUIRE(f);
    leat_model *m = fit(t, f, "kind", "size"), *r = fit(t, f, "size", "kind");
    if (CHECK(m)) compare(t, m, f);
    if (CHECK(r)) compare(t, r, f);
    leat_model_release(m);
    leat_model_release(r);
    leat_frame_release(f);
}

static void refusals(leattest *t)
{
    leat_frame *f = table(t->context);
    REQUIRE(f);
    leat_model *m = fit(t, f, "kind", "size");
    leat_session *s;
    REQUIRE(m);
    CHECK_FAILS(leat_session_create(t->context, m, 0, &s), LEAT_INVALID, "room for a row");
    CHECK_FAILS(leat_session_create(t->context, m, SIZE_MAX / 4, &s), LEAT_LIMIT, "too large");
    REQUIRE_OK(leat_session_create(t->context, m, 2, &s));
    CHECK_FAILS(leat_session_set_number(s, 2, 0, 1), LEAT_INVALID, "row 2");
    CHECK_FAILS(leat_session_set_number(s, 0, 9, 1), LEAT_INVALID, "input 9");
    CHECK_FAILS(leat_session_set_number(s, 0, 0, INFINITY), LEAT_INVALID, "infinite");
    CHECK_FAILS(leat_session_set_text(s, 0, 0, "x"), LEAT_TYPE, "girth|takes numbers|given texts");
    CHECK_FAILS(leat_session_set_number(s, 0, 2, 1), LEAT_TYPE, "place|takes texts");
    CHECK_FAILS(leat_session_set_array(s, 0, 0, (double[]){1}, 1), LEAT_TYPE, "arrays");
    CHECK_FAILS(leat_session_run(s, 3, false), LEAT_INVALID, "3 rows");
    /* unseen texts are alike, and everything may be missing */
    CHECK_OK(leat_session_set_text(s, 0, 2, "moor"));
    CHECK_OK(leat_session_set_text(s, 1, 2, "fen"));
    CHECK_OK(leat_session_run(s, 2, true));
    for (size_t k = 0; k < 3; k++)
        CHECK(leat_session_probabilities(s)[k] == leat_session_probabilities(s)[3 + k]);
    leat_session_destroy(s);
    leat_model_release(m);
    leat_frame_release(f);
}

static void arrays(leattest *t)
{
    leat_context *c = t->context;
    const size_t shape[3] = {2, 2, 1};
    leat_frame *f = leati_frame_create(c, 40);
    leati_column *pixels = leati_column_array(c, LEATI_ITEM_U8, shape, 40);
    leati_column *size = leati_column_create(c, LEAT_F64, 40);
    REQUIRE(f && pixels && size);
    for (size_t i = 0; i < 160; i++) pixels->u8[i] = (uint8_t)(i * i * 7 % 251);
    for (size_t i = 0; i < 40; i++) size->f64[i] = 10 * pixels->u8[4 * i] - pixels->u8[4 * i + 3];
    REQUIRE_OK(leati_frame_add(c, f, "pixels", pixels));
    REQUIRE_OK(leati_frame_add(c, f, "size", size));
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e;
    leat_frame *want;
    leat_session *s;
    static const char *const set[] = {"network.epochs=100", "network.learning_rate=0.01"};
    double number, values[4];
    o.set = set, o.set_count = 2;
    o.target = "size", o.models = "network", o.cv = "holdout:0.2", o.quick = true;
    REQUIRE_OK(leat_experiment_run(c, &e, f, NULL, &o));
    leat_model *m = leat_experiment_model(e);
    CHECK_STR(leat_model_estimator(m), "network");
    REQUIRE_OK(leat_model_predict(c, m, f, false, &want));
    REQUIRE_OK(leat_session_create(c, m, 40, &s));
    for (size_t i = 0; i < 40; i++) {
        for (size_t k = 0; k < 4; k++) values[k] = pixels->u8[4 * i + k];
        CHECK_OK(leat_session_set_array(s, i, 0, values, 4));
    }
    CHECK_FAILS(leat_session_set_array(s, 0, 0, values, 3), LEAT_SHAPE, "4 numbers|given 3");
    values[2] = 256;
    CHECK_FAILS(leat_session_set_array(s, 0, 0, values, 4), LEAT_INVALID, "number 2|256");
    CHECK_OK(leat_session_run(s, 40, false));
    for (size_t i = 0; i < 40; i++)
        CHECK(leat_frame_number(want, 0, i, &number) && number == leat_session_predictions(s)[i]);
    leat_session_destroy(s);
    leat_frame_release(want);
    leat_experiment_destroy(e);
    leat_frame_release(f);
}

/* A row that overflows in the network has no class, and no probabilities. */
static void overflowing_rows(leattest *t)
{
    static const char *const targets[] = {"kind", "size"};
    for (size_t k = 0; k < 2; k++) {
        leat_context *c = t->context;
        leat_frame *f = frametext(c, k ? "a:n b:n size:n | 1 2 3 | 2 1 4 | 3 5 6 | 4 2 5"
                                       : "a:n b:n kind:t | 1 2 x | 2 1 y | 3 5 x | 4 2 y");
        leat_frame *more = frametext(c, "a:n b:n | 1 2 | 2 2 | 1e308 1"), *out = NULL;
        leat_session *s;
        REQUIRE(f && more);
        leat_model *m = leattest_model(c, f, targets[k], NULL, "network", "epochs=2", "none");
        REQUIRE(m);
        for (int proba = 0; proba < 2; proba++) {
            CHECK_FAILS(leat_model_predict(c, m, more, proba, &out), LEAT_NUMERIC,
                        "network: for row 3 its output is no finite number");
            CHECK(!out);
        }
        REQUIRE_OK(leat_session_create(c, m, 2, &s));
        REQUIRE_OK(leat_session_set_number(s, 0, 0, 1));
        REQUIRE_OK(leat_session_set_number(s, 0, 1, 1));
        REQUIRE_OK(leat_session_set_number(s, 1, 0, 1e308));
        REQUIRE_OK(leat_session_set_number(s, 1, 1, 1));
        CHECK_OK(leat_session_run(s, 1, true));
        if (k == 0) {
            CHECK_FAILS(leat_session_run(s, 2, false), LEAT_INVALID, "for row 2");
            CHECK_FAILS(leat_session_run(s, 2, true), LEAT_INVALID, "for row 2");
        } else { /* of numbers callers see themselves */
            CHECK_OK(leat_session_run(s, 2, false));
            CHECK(!isfinite(leat_session_predictions(s)[1]));
        }
        leat_session_destroy(s);
        leat_model_release(m);
        leat_frame_release(f);
        leat_frame_release(more);
    }
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static void *count_alloc(void *user, size_t bytes)
{
    ++*(size_t *)user;
    return malloc(bytes);
}

static void count_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static void runs_allocate_nothing(leattest *t)
{
    size_t calls = 0;
    leat_allocator a = {.alloc = count_alloc, .free = count_free, .user = &calls};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_session *s;
    leat_frame *f = table(t->context);
    REQUIRE(f);
    leat_model *m = fit(t, f, "kind", "size");
    REQUIRE(m);
    o.allocator = &a;
    o.threads = 2;
    REQUIRE_OK(leat_context_create(&c, &o));
    REQUIRE_OK(leat_session_create(c, m, ROWS, &s));
    for (size_t rows = 1; rows <= 4; rows++) CHECK_OK(leat_session_run(s, rows, true));
    size_t before = calls;
    CHECK(before > 0);
    for (size_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < 4; i++) CHECK_OK(set_row(s, m, f, (round + i) % ROWS, i));
        CHECK_OK(leat_session_run(s, 1 + round % 4, round % 2));
    }
    CHECK_INT(calls, before);
    CHECK_OK(leat_session_run(s, 5, true));
    CHECK(calls > before); /* so that the counter is known to count */
    leat_session_destroy(s);
    leat_model_release(m);
    leat_context_destroy(c);
    leat_frame_release(f);
}

static leat_status create_and_run(leat_context *c, void *model)
{
    leat_session *s;
    leat_status st = leat_session_create(c, model, 3, &s);
    if (st == LEAT_OK) st = leat_session_set_text(s, 1, 2, "hill");
    if (st == LEAT_OK) st = leat_session_run(s, 3, true);
    leat_session_destroy(s);
    return st;
}

static void memory(leattest *t)
{
    leat_frame *f = table(t->context);
    REQUIRE(f);
    leat_model *m = fit(t, f, "kind", "size");
    REQUIRE(m);
    leattest_fail_allocations(t, create_and_run, m);
    leat_model_release(m);
    leat_frame_release(f);
}

/* ---- threads -----------------------------------------------------------------------------------
 */

typedef struct asker {
    pthread_t thread;
    leat_model *model;
    const leat_frame *frame;
    unsigned threads;
    double sum;
    leat_status status;
} asker;

static void *ask(void *user)
{
    asker *a = user;
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    o.threads = a->threads;
    a->status = leat_context_create(&c, &o);
    if (a->status != LEAT_OK) return NULL;
    for (int round = 0; round < 20 && a->status == LEAT_OK; round++) {
        leat_frame *out;
        double p;
        a->status = leat_model_predict(c, a->model, a->frame, true, &out);
        if (a->status != LEAT_OK) break;
        a->sum = 0;
        for (size_t i = 0; i < ROWS; i++)
            if (leat_frame_number(out, 1, i, &p)) a->sum += p * (double)(i + 1);
        leat_frame_release(out);
    }
    leat_context_destroy(c);
    return NULL;
}

/* Contexts come and go while the sessions that they made stay with the model. */
static void threads_share_a_model(leattest *t)
{
    enum { ASKERS = 6 };
    asker askers[ASKERS];
    leat_frame *f = table(t->context);
    REQUIRE(f);
    leat_model *m = fit(t, f, "kind", "size");
    REQUIRE(m);
    for (unsigned wave = 0; wave < 2; wave++) {
        for (unsigned i = 0; i < ASKERS; i++) {
            askers[i] = (asker){.model = m, .frame = f, .threads = 1 + i % 2};
            REQUIRE(pthread_create(&askers[i].thread, NULL, ask, &askers[i]) == 0);
        }
        for (unsigned i = 0; i < ASKERS; i++) {
            pthread_join(askers[i].thread, NULL);
            CHECK_INT(askers[i].status, LEAT_OK);
            CHECK(askers[i].sum == askers[0].sum && askers[i].sum > 0);
        }
    }
    leat_model_release(m);
    leat_frame_release(f);
}

static const leattest_case list[] = {
    TEST(same_as_tables),        TEST(refusals), TEST(arrays),
    TEST(runs_allocate_nothing), TEST(memory),   TEST(overflowing_rows),
    TEST(threads_share_a_model)};

LEATTEST_MAIN(list)
