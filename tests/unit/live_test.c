/* Counting by several workers at once while windows are closed: nothing is lost or counted twice,
 * and the windows are those of one pass. */
#include "support/leattest.h"
#include "support/tables.h"

#include <leat/experiment.h>
#include <pthread.h>

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "monitor/live.h"

enum { WORKERS = 3, ROUNDS = 60, TABLE = 120 };

static leat_model *trained(leattest *t)
{
    leat_frame *f = leattest_table(t->context, 200, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    leat_model *m = NULL;
    o.target = "kind";
    o.models = "lda";
    o.cv = "kfold:4";
    o.quick = true;
    if (CHECK(f != NULL) && CHECK_OK(leat_experiment_run(t->context, &e, f, NULL, &o)))
        m = leat_model_retain(leat_experiment_model(e));
    leat_experiment_destroy(e);
    leat_frame_release(f);
    return m;
}

typedef struct job {
    leati_live *live;
    const leat_model *model;
    const leat_frame *table;
    uint32_t worker;
} job;

static void count_table(leati_live *live, const leat_model *model, const leat_frame *f,
                        uint32_t worker)
{
    leati_cell *cells = leati_live_cells(live, worker);
    leati_live_begin(live, worker);
    for (size_t r = 0; r < f->rows; r++) {
        double p[3] = {0.2, 0.7, 0.1};
        for (size_t i = 0; i < leat_model_inputs(model); i++) {
            size_t at = 0;
            (void)leat_frame_find(f, leat_model_input_name(model, i), &at);
            cells[i] = leati_cell_of(f->column[at], r);
        }
        leati_live_row(live, worker);
        leati_live_answer(live, worker, 1, p);
        leati_live_truth(live, worker, 1, p, r % 3 ? 1 : 0);
        leati_live_group(live, worker, r % 2 ? "odd" : "even", r % 2 ? 3 : 4, 1, 1);
    }
    leati_live_end(live, worker);
}

static void *work(void *arg)
{
    const job *j = arg;
    for (int i = 0; i < ROUNDS; i++) count_table(j->live, j->model, j->table, j->worker);
    return NULL;
}

static size_t rows_of(leattest *t, leati_live *live, const char *member, size_t *windows)
{
    leat_json *j = leat_json_create(t->context, 0);
    size_t rows = 0;
    *windows = 0;
    leati_live_json(live, j, NULL, SIZE_MAX);
    const char *text = leat_json_text(j);
    for (const char *at = text; at && (at = strstr(at, member)); at += strlen(member)) {
        rows += (size_t)strtoul(at + strlen(member), NULL, 10);
        ++*windows;
    }
    leat_json_destroy(j);
    return rows;
}

static void workers(leattest *t)
{
    leat_model *model = trained(t);
    leat_frame *table = leattest_table(t->context, TABLE, 9);
    leati_live_options o = leati_live_options_default();
    leati_live *live;
    pthread_t threads[WORKERS];
    job jobs[WORKERS];
    leati_str text;
    size_t windows;
    REQUIRE(model && table);
    o.workers = WORKERS;
    o.most = 1000;
    REQUIRE_OK(leati_live_create(t->context, &live, model, &o));
    for (uint32_t i = 0; i < WORKERS; i++) {
        jobs[i] = (job){.live = live, .model = model, .table = table, .worker = i};
        REQUIRE(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0);
    }
    leati_str_init(&text, t->context);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(leati_live_roll(t->context, live, i, true, NULL));
        leati_live_samples(live, 0, "wood", "1", &text);
    }
    for (size_t i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    CHECK_OK(leati_live_roll(t->context, live, 21, true, NULL));
    CHECK_INT(rows_of(t, live, "\"labelled\":", &windows), 2 * WORKERS * ROUNDS * TABLE);
    CHECK_INT(windows, 21 + 2); /* and two groups */
    CHECK_OK(leati_str_status(&text));
    leati_str_fini(&text);
    leati_live_destroy(live);
    leat_frame_release(table);
    leat_model_release(model);
}

/* Windows end by the clock, not before they have their rows, and old ones go. */
static void clock_and_rows(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t);
    leat_frame *table = leattest_table(c, TABLE, 9);
    leati_live_options o = leati_live_options_default();
    leati_live *live;
    bool closed;
    size_t windows;
    REQUIRE(model && table);
    o.seconds = 60;
    o.least = 200;
    o.most = 3;
    REQUIRE_OK(leati_live_create(c, &live, model, &o));
    REQUIRE_OK(leati_live_roll(c, live, 1000, false, &closed));
    CHECK(!closed);
    count_table(live, model, table, 0);
    REQUIRE_OK(leati_live_roll(c, live, 1100, false, &closed));
    CHECK(!closed); /* its time is over, but there are 120 rows */
    count_table(live, model, table, 0);
    REQUIRE_OK(leati_live_roll(c, live, 1101, false, &closed));
    CHECK(closed);
    CHECK_INT(rows_of(t, live, "\"rows\":", &windows), 4 * TABLE);
    CHECK_INT(windows, 3); /* one window, two groups */
    for (int i = 0; i < 6; i++) {
        count_table(live, model, table, 0);
        count_table(live, model, table, 0);
        REQUIRE_OK(leati_live_roll(c, live, 1130 + 61 * i, false, &closed));
        CHECK(closed == (i > 0)); /* the first comes 29 seconds after the last window */
    }
    (void)rows_of(t, live, "\"rows\":", &windows);
    CHECK_INT(windows, 3 + 2);
    /* A clock that was set back keeps no window open for all the time it was ahead. */
    count_table(live, model, table, 0);
    count_table(live, model, table, 0);
    REQUIRE_OK(leati_live_roll(c, live, 500, false, &closed));
    CHECK(!closed);
    REQUIRE_OK(leati_live_roll(c, live, 559, false, &closed));
    CHECK(!closed);
    REQUIRE_OK(leati_live_roll(c, live, 560, false, &closed));
    CHECK(closed);
    leati_str page;
    leati_str_init(&page, c);
    CHECK_OK(leati_live_page(c, live, &page));
    CHECK(strstr(leati_str_text(&page), "1970-01-01 00:") && strstr(page.text, "</html>"));
    leati_str_fini(&page);
    leati_live_destroy(live);
    leat_frame_release(table);
    leat_model_release(model);
}

/* Both parts as bytes. */
typedef struct kept {
    void *data[2];
    size_t size[2];
} kept;

static kept keep(leattest *t, leati_live *live, const char *owner)
{
    kept k = {0};
    for (int part = 0; part < 2; part++)
        k.data[part] =
            leati_live_keep(t->context, live, (leati_live_part)part, owner, &k.size[part]);
    return k;
}

static leat_status recall(leattest *t, leati_live *live, const char *owner, const kept *k, int part)
{
    return leati_live_recall(t->context, live, (leati_live_part)part, owner, k->data[part],
                             k->size[part]);
}

static void drop(kept *k)
{
    leati_free(k->data[0]);
    leati_free(k->data[1]);
}

static bool same_bytes(const kept *a, const kept *b)
{
    for (int i = 0; i < 2; i++)
        if (a->size[i] != b->size[i] || memcmp(a->data[i], b->data[i], a->size[i]) != 0)
            return false;
    return true;
}

/* Damaged bytes, those of another model and of another part are refused, and nothing is taken. */
static void refuse_others(leattest *t, leati_live *live, const kept *good)
{
    static const char refused[] = "";
    kept before = keep(t, live, "x");
    for (int part = 0; part < 2; part++) {
        char *data = good->data[part];
        for (size_t i = 0; i < good->size[part]; i += 101) {
            data[i] ^= 4;
            CHECK_FAILS(recall(t, live, "a", good, part), LEAT_FORMAT, refused);
            data[i] ^= 4;
        }
        for (size_t size = 0; size < good->size[part]; size += 93)
            CHECK_FAILS(leati_live_recall(t->context, live, (leati_live_part)part, "a", data, size),
                        LEAT_FORMAT, refused);
        CHECK_FAILS(recall(t, live, "b", good, part), LEAT_FORMAT, "another model");
        CHECK_FAILS(leati_live_recall(t->context, live, (leati_live_part)!part, "a", data,
                                      good->size[part]),
                    LEAT_FORMAT, refused);
    }
    kept after = keep(t, live, "x");
    CHECK(same_bytes(&before, &after));
    drop(&before);
    drop(&after);
}

/* Another live of the same model goes on with what one has counted. */
static void over_a_restart(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t);
    leat_frame *table = leattest_table(c, TABLE, 9);
    leati_live_options o = leati_live_options_default();
    leati_live *one, *other;
    REQUIRE(model && table);
    o.workers = 2;
    REQUIRE_OK(leati_live_create(c, &one, model, &o));
    REQUIRE_OK(leati_live_create(c, &other, model, &o));
    for (int i = 0; i < 3; i++) {
        count_table(one, model, table, (uint32_t)i % 2);
        REQUIRE_OK(leati_live_roll(c, one, 1000 + 60 * i, true, NULL));
    }
    count_table(one, model, table, 1);
    kept first = keep(t, one, "a");
    REQUIRE(first.data[0] && first.data[1]);
    refuse_others(t, other, &first);
    REQUIRE_OK(recall(t, other, "a", &first, LEATI_LIVE_CLOSED));
    REQUIRE_OK(recall(t, other, "a", &first, LEATI_LIVE_OPEN));
    kept second = keep(t, other, "a");
    CHECK(same_bytes(&first, &second));
    leati_live_open a = leati_live_look(one), b = leati_live_look(other);
    CHECK(a.rows == TABLE && b.rows == TABLE && a.windows == 3 && b.windows == 3);
    CHECK(leati_live_state(one, NULL) == leati_live_state(other, NULL));
    CHECK(leati_live_state(one, NULL) != LEAT_MONITOR_UNKNOWN);
    count_table(other, model, table, 0);
    CHECK_INT(leati_live_look(other).rows, 2 * TABLE);
    drop(&first);
    drop(&second);
    leati_live_destroy(one);
    leati_live_destroy(leati_live_retain(other));
    CHECK_INT(leati_live_look(other).rows, 2 * TABLE);
    leati_live_destroy(other);
    leat_frame_release(table);
    leat_model_release(model);
}

typedef struct whole_job {
    leat_model *model;
    leat_frame *table;
} whole_job;

static leat_status whole(leat_context *c, void *arg)
{
    const whole_job *j = arg;
    leati_live_options o = leati_live_options_default();
    leati_live *live = NULL;
    leati_str page;
    leati_str_init(&page, c);
    leat_status st = leati_live_create(c, &live, j->model, &o);
    if (st == LEAT_OK) count_table(live, j->model, j->table, 0);
    if (st == LEAT_OK) st = leati_live_roll(c, live, 5, true, NULL);
    if (st == LEAT_OK) st = leati_live_page(c, live, &page);
    size_t size;
    void *data = st == LEAT_OK ? leati_live_keep(c, live, LEATI_LIVE_CLOSED, "a", &size) : NULL;
    if (data) st = leati_live_recall(c, live, LEATI_LIVE_CLOSED, "a", data, size);
    else if (st == LEAT_OK) st = LEATI_FAIL(c, LEAT_NOMEM, "no memory to keep it");
    leati_free(data);
    leati_str_fini(&page);
    leati_live_destroy(live);
    return st;
}

static void allocations(leattest *t)
{
    whole_job j = {trained(t), leattest_table(t->context, 40, 2)};
    REQUIRE(j.model && j.table);
    leattest_fail_some_allocations(t, whole, &j);
    leat_frame_release(j.table);
    leat_model_release(j.model);
}

static const leattest_case list[] = {TEST(workers), TEST(clock_and_rows), TEST(over_a_restart),
                                     TEST(allocations)};

LEATTEST_MAIN(list)
