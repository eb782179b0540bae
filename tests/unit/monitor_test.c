/* Monitors of real models: windows with and without a shift, labels, groups, cutting, hostile
 * tables, pages. */
#include "support/leattest.h"
#include "support/tables.h"

#include <leat/experiment.h>
#include <leat/monitor.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "model/model.h"
#include "monitor/monitor.h"

static leat_model *trained(leattest *t, const char *target, const char *kind)
{
    leat_context *c = t->context;
    leat_frame *f = leattest_table(c, 600, 1);
    leat_experiment_options o = leat_experiment_options_default();
    leat_experiment *e = NULL;
    static const char *const drop[] = {"weight", "kind"};
    leat_model *m = NULL;
    o.target = target;
    o.models = kind;
    o.cv = "kfold:5";
    o.name = "wood";
    o.quick = true;
    o.drop = strcmp(target, "kind") == 0 ? drop : drop + 1;
    o.drop_count = 1;
    if (CHECK(f != NULL) && CHECK_OK(leat_experiment_run(c, &e, f, NULL, &o)))
        m = leat_model_retain(leat_experiment_model(e));
    leat_experiment_destroy(e);
    leat_frame_release(f);
    return m;
}

static void move_lengths(leat_frame *f, double by)
{
    size_t at;
    if (!leat_frame_find(f, "length", &at)) return;
    for (size_t i = 0; i < f->rows; i++) f->column[at]->f64[i] += by;
}

static leat_status add_table(leat_context *c, leat_monitor *m, uint64_t seed, double shift)
{
    leat_frame *f = leattest_table(c, 200, seed);
    if (!f) return leat_error_status(c);
    move_lengths(f, shift);
    leat_status st = leat_monitor_add(c, m, f, "table");
    leat_frame_release(f);
    return st;
}

static size_t feature_of(const leat_monitor *m, const char *name)
{
    for (size_t i = 0; i < leat_monitor_features(m); i++)
        if (strcmp(leat_monitor_feature(m, i), name) == 0) return i;
    return SIZE_MAX;
}

static void shift(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    REQUIRE(model);
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    CHECK_INT(leat_monitor_state(m), LEAT_MONITOR_UNKNOWN);
    CHECK_STR(leat_monitor_verdict(m), "There is no window yet.");
    CHECK(strstr(leat_monitor_notes(m), "when is a time") != NULL);
    size_t length = feature_of(m, "length");
    CHECK_STR(leat_monitor_feature(m, leat_monitor_inputs(m)), "prediction");
    CHECK_STR(leat_monitor_feature(m, leat_monitor_inputs(m) + 1), "score");
    CHECK(length != SIZE_MAX && feature_of(m, "when") == SIZE_MAX);
    for (uint64_t i = 0; i < 3; i++) REQUIRE_OK(add_table(c, m, 10 + i, 0));
    CHECK_INT(leat_monitor_state(m), LEAT_MONITOR_FRESH);
    for (size_t i = 0; i < 3; i++) CHECK_INT(leat_monitor_window_at(m, i).drifting, 0);
    leat_monitored_score s = leat_monitor_score(m, 2, 0);
    CHECK_STR(s.metric, "accuracy");
    CHECK(s.before > 0.85 && fabs(s.estimated - s.before) < 0.08);
    CHECK(s.realised > 0.85 && s.realised_low < s.before && s.realised_high > s.before);
    /* The shift is seen at once and an alarm the second time; the scores suffer. */
    REQUIRE_OK(add_table(c, m, 20, 2));
    CHECK(leat_monitor_drift(m, 3, length).drifting && !leat_monitor_drift(m, 3, length).alarm);
    CHECK_INT(leat_monitor_state(m), LEAT_MONITOR_WATCH);
    CHECK(strstr(leat_monitor_verdict(m), "length (PSI") != NULL);
    CHECK(strstr(leat_monitor_verdict(m), "an alarm needs this in 2 of 3 windows") != NULL);
    REQUIRE_OK(add_table(c, m, 21, 2));
    CHECK(leat_monitor_drift(m, 4, length).alarm);
    CHECK(leat_monitor_drift(m, 4, length).mean_shift > 0.8);
    CHECK_INT(leat_monitor_state(m), LEAT_MONITOR_STALE);
    CHECK(strstr(leat_monitor_verdict(m), "surely worse") != NULL);
    leat_monitor_destroy(m);
    leat_model_release(model);
}

static void numbers(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "weight", "ridge");
    leat_monitor *m = NULL;
    REQUIRE(model);
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    CHECK_INT(leat_monitor_features(m), leat_monitor_inputs(m) + 1);
    CHECK(leat_monitor_positive(m) == NULL);
    REQUIRE_OK(add_table(c, m, 5, 0));
    leat_monitored_score mae = leat_monitor_score(m, 0, 0), rmse = leat_monitor_score(m, 0, 1);
    CHECK_STR(mae.metric, "mae");
    CHECK(isnan(mae.estimated) && mae.before > 0);
    CHECK(mae.realised_low < mae.before && mae.before < mae.realised_high);
    CHECK(rmse.realised >= mae.realised && isnan(rmse.realised_low));
    CHECK_INT(leat_monitor_state(m), LEAT_MONITOR_FRESH);
    CHECK_STR(leat_monitor_score(m, 0, 2).metric, "");
    leat_monitor_destroy(m);
    leat_monitor_options o = leat_monitor_options_default();
    o.positive = "ash";
    CHECK_FAILS(leat_monitor_create(c, &m, model, &o), LEAT_INVALID, "predicts numbers");
    leat_model_release(model);
}

/* Of the file's older form: no edges of the outputs, no means. */
static void older_file(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    REQUIRE(model);
    char *cut = strstr(model->reference, ",\"held_out\"");
    REQUIRE(cut);
    strcpy(cut, "}");
    for (char *at = model->reference; (at = strstr(at, "\"means\""));) memcpy(at, "\"_eans\"", 7);
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    CHECK_INT(leat_monitor_features(m), leat_monitor_inputs(m));
    CHECK(strstr(leat_monitor_notes(m), "older version") != NULL);
    REQUIRE_OK(add_table(c, m, 3, 0));
    CHECK_INT(leat_monitor_window_at(m, 0).drifting, 0);
    leat_monitored_score s = leat_monitor_score(m, 0, 0);
    CHECK(isnan(s.before) && s.estimated > 0.85);
    leat_monitor_destroy(m);
    leat_model_release(model);
}

static void cutting(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_frame *f = leattest_table(c, 250, 4);
    leat_monitor_options o = leat_monitor_options_default();
    REQUIRE(model && f);
    o.every_rows = 100;
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    REQUIRE_OK(leat_monitor_add(c, m, f, "days"));
    CHECK_INT(leat_monitor_windows(m), 3);
    CHECK_STR(leat_monitor_window_at(m, 2).name, "days rows 201-250");
    CHECK_INT(leat_monitor_window_at(m, 2).rows, 50);
    leat_monitor_destroy(m);
    /* A row comes every 25 hours: 250 of them span 260.4 days, from 2020-09-13 12:26:40. */
    o.every_rows = 0;
    o.every_seconds = 30 * 86400;
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    REQUIRE_OK(leat_monitor_add(c, m, f, NULL));
    size_t windows = leat_monitor_windows(m), rows = 0;
    CHECK(windows == 9 || windows == 10);
    for (size_t i = 0; i < windows; i++) {
        leat_monitor_window w = leat_monitor_window_at(m, i);
        rows += w.rows;
        CHECK(w.to - w.from < 30 * 86400 && w.from <= w.to);
        CHECK(i == 0 || w.from > leat_monitor_window_at(m, i - 1).to);
    }
    CHECK_INT(rows, 250);
    CHECK(strncmp(leat_monitor_window_at(m, 0).name, "2020-0", 6) == 0);
    leat_monitor_destroy(m);
    o.time = "colour";
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    CHECK_FAILS(leat_monitor_add(c, m, f, NULL), LEAT_TYPE, "colour|no times");
    CHECK_INT(leat_monitor_windows(m), 0);
    leat_monitor_destroy(m);
    o.every_rows = 3;
    CHECK_FAILS(leat_monitor_create(c, &m, model, &o), LEAT_INVALID, "by rows or by time");
    leat_frame_release(f);
    leat_model_release(model);
}

static void groups(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_monitor_options o = leat_monitor_options_default();
    REQUIRE(model);
    o.group = "colour";
    o.positive = "beech";
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    REQUIRE_OK(add_table(c, m, 8, 0));
    REQUIRE_OK(add_table(c, m, 9, 0));
    REQUIRE(leat_monitor_groups(m) == 3);
    CHECK_STR(leat_monitor_group(m, 0).name, "blue");
    CHECK_STR(leat_monitor_group(m, 2).name, "red");
    leat_monitored_group g = leat_monitor_group(m, 1);
    CHECK(!g.withheld && g.rows > 100 && g.labelled == g.rows);
    CHECK(g.selected.low < g.selected.value && g.true_positive.value > 0.7);
    leat_fairness fair = leat_monitor_fairness(m);
    CHECK(fair.parity_difference.low < 0.1 && fair.parity_ratio.value > 0.5);
    CHECK_STR(leat_monitor_positive(m), "beech");
    CHECK(strstr(leat_monitor_notes(m), "18 of 400 rows have no colour and are left out") != NULL);
    leat_monitor_destroy(m);
    o.positive = "beach";
    CHECK_FAILS(leat_monitor_create(c, &m, model, &o), LEAT_INVALID, "no class 'beach'|beech");
    o.positive = "nope";
    CHECK_FAILS(leat_monitor_create(c, &m, model, &o), LEAT_INVALID,
                "no class 'nope'|its classes are 'ash', 'beech', ...");
    o.positive = NULL;
    o.group = "color";
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    CHECK_FAILS(add_table(c, m, 8, 0), LEAT_NOT_FOUND, "color|colour");
    leat_monitor_destroy(m);
    leat_model_release(model);
}

/* Two columns of a table under new names. */
static leat_frame *answers_of(leat_context *c, const leat_frame *f, bool twice)
{
    size_t kind, n = f->rows;
    leat_frame *out = leati_frame_create(c, n);
    leati_column *ids = leati_column_create(c, LEAT_I64, n);
    leati_column *labels = leati_column_create(c, LEAT_STRING, n);
    if (!out || !ids || !labels || !leat_frame_find(f, "kind", &kind)) {
        leat_frame_release(out);
        leati_column_release(ids);
        leati_column_release(labels);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        ids->i64[i] = (int64_t)(n - i);
        labels->codes[i] = f->column[kind]->codes[n - 1 - i];
    }
    if (twice) ids->i64[0] = ids->i64[1];
    labels->dict = leati_dict_retain(f->column[kind]->dict);
    leat_status st = leati_frame_add(c, out, "id", ids);
    leat_status st2 = leati_frame_add(c, out, "kind", labels);
    if (st == LEAT_OK && st2 == LEAT_OK) return out;
    leat_frame_release(out);
    return NULL;
}

static leat_frame *without(leat_context *c, const leat_frame *f, const char *name)
{
    size_t keep[32], n = 0;
    for (size_t i = 0; i < f->columns; i++)
        if (strcmp(f->name[i], name) != 0) keep[n++] = i;
    return leati_frame_select(c, f, keep, n);
}

static void later_labels(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_frame *f = leattest_table(c, 120, 6);
    REQUIRE(model && f);
    leat_frame *answers = answers_of(c, f, false), *twice = answers_of(c, f, true);
    leat_frame *bare = without(c, f, "kind"), *nameless = without(c, bare, "id");
    REQUIRE(answers && twice && bare && nameless);
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    REQUIRE_OK(leat_monitor_add(c, m, f, "with"));
    REQUIRE_OK(leat_monitor_add(c, m, bare, "without"));
    CHECK_INT(leat_monitor_window_at(m, 1).labelled, 0);
    CHECK_FAILS(leat_monitor_answers(c, m, twice, "id"), LEAT_INVALID, "row 2|stands twice");
    CHECK_FAILS(leat_monitor_answers(c, m, answers, "no"), LEAT_NOT_FOUND, "no");
    REQUIRE_OK(leat_monitor_answers(c, m, answers, "id"));
    REQUIRE_OK(leat_monitor_add(c, m, bare, "joined"));
    CHECK_FAILS(leat_monitor_add(c, m, nameless, "no id"), LEAT_NOT_FOUND, "id");
    leat_monitored_score a = leat_monitor_score(m, 0, 0), b = leat_monitor_score(m, 2, 0);
    CHECK_INT(leat_monitor_window_at(m, 2).labelled, 120);
    CHECK(a.realised == b.realised && a.realised > 0.8);
    leat_monitor_destroy(m);
    leat_frame_release(answers);
    leat_frame_release(twice);
    leat_frame_release(bare);
    leat_frame_release(nameless);
    leat_frame_release(f);
    leat_model_release(model);
}

/* Adds a column of whole numbers: i / each, or i % each. */
static leat_status add_numbers(leat_context *c, leat_frame *f, const char *name, size_t each,
                               bool rest)
{
    leati_column *col = leati_column_create(c, LEAT_I64, f->rows);
    if (!col) return leat_error_status(c);
    for (size_t i = 0; i < f->rows; i++) col->i64[i] = (int64_t)(rest ? i % each : i / each);
    return leati_frame_add(c, f, name, col);
}

/* Requests of three rows: a label joins the row it is of, and one for all three is refused. */
static void labels_of_rows(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_frame *f = leattest_table(c, 120, 6);
    REQUIRE(model && f);
    leat_frame *log = without(c, f, "kind"), *plain = without(c, f, "kind");
    uint32_t firsts[40], again[2] = {5, 5};
    for (uint32_t i = 0; i < 40; i++) firsts[i] = 3 * i;
    REQUIRE(log && plain);
    REQUIRE_OK(add_numbers(c, log, "log.request_id", 3, false));
    REQUIRE_OK(add_numbers(c, log, "log.row", 3, true));
    REQUIRE_OK(add_numbers(c, plain, "request_id", 3, false));
    REQUIRE_OK(add_numbers(c, f, "request_id", 3, false));
    leat_frame *one_each = leati_frame_take(c, f, firsts, 40);
    REQUIRE_OK(add_numbers(c, f, "row", 3, true));
    leat_frame *twice = leati_frame_take(c, f, again, 2);
    REQUIRE(one_each && twice);
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    REQUIRE_OK(leat_monitor_add(c, m, f, "with"));
    CHECK_FAILS(leat_monitor_answers(c, m, twice, "request_id"), LEAT_INVALID,
                "row 2 of '1' stands twice");
    REQUIRE_OK(leat_monitor_answers(c, m, f, "request_id"));
    REQUIRE_OK(leat_monitor_add(c, m, log, "joined"));
    CHECK_INT(leat_monitor_window_at(m, 1).labelled, 120);
    CHECK(leat_monitor_score(m, 0, 0).realised == leat_monitor_score(m, 1, 0).realised);
    CHECK_FAILS(leat_monitor_add(c, m, plain, "no rows"), LEAT_INVALID,
                "row 2, column 'request_id': '0' stands twice|log.row");
    REQUIRE_OK(leat_monitor_answers(c, m, one_each, "request_id"));
    CHECK_FAILS(leat_monitor_add(c, m, log, "one each"), LEAT_INVALID,
                "'request_id': '0' has 3 rows in the log|column 'row' beside 'request_id'");
    CHECK_INT(leat_monitor_windows(m), 2);
    /* A table whose ids repeat is no log: one customer may be asked about twice. */
    REQUIRE_OK(leat_monitor_add(c, m, plain, "customers"));
    CHECK_INT(leat_monitor_window_at(m, 2).labelled, 120);
    /* Nor is a request that was sent again one of several rows. */
    leat_frame *sent_again = leati_frame_take(c, log, firsts, 40);
    for (size_t i = 0; sent_again && i < 40; i++)
        sent_again->column[sent_again->columns - 2]->i64[i] = (int64_t)(i / 2);
    REQUIRE(sent_again);
    REQUIRE_OK(leat_monitor_add(c, m, sent_again, "again"));
    CHECK_INT(leat_monitor_window_at(m, 3).labelled, 40);
    leat_monitor_destroy(m);
    leat_frame *const all[] = {f, log, plain, one_each, twice, sent_again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) leat_frame_release(all[i]);
    leat_model_release(model);
}

/* Of a table whose labels but `count` are missing: what is said of it, and its page. */
static leat_status add_few_labels(leat_context *c, leat_monitor *m, size_t count)
{
    size_t at;
    leat_frame *f = leattest_table(c, 200, 6);
    leat_status st = f && leat_frame_find(f, "kind", &at) ? LEAT_OK : LEAT_NOT_FOUND;
    for (size_t i = count; i < 200 && st == LEAT_OK; i++)
        st = leati_column_set_missing(c, f->column[at], i);
    if (st == LEAT_OK) st = leat_monitor_add(c, m, f, "few");
    leat_frame_release(f);
    return st;
}

static bool page_has(leattest *t, const leat_monitor *m, const char *words)
{
    leati_str html;
    leati_str_init(&html, t->context);
    bool has = leati_monitor_html(t->context, m, &html) == LEAT_OK &&
               strstr(leati_str_text(&html), words) != NULL;
    leati_str_fini(&html);
    return has;
}

/* One label, or 29, say nothing yet: the estimate is told. */
static void few_labels(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    REQUIRE(model);
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    REQUIRE_OK(add_few_labels(c, m, 1));
    CHECK_INT(leat_monitor_window_at(m, 0).labelled, 1);
    CHECK(strstr(leat_monitor_verdict(m), "Accuracy without labels is estimated at") != NULL);
    CHECK(strstr(leat_monitor_verdict(m), "1 label is too few to judge by: it takes 30.") != NULL);
    CHECK(!strstr(leat_monitor_verdict(m), "by labels") &&
          !strstr(leat_monitor_verdict(m), "promise"));
    CHECK(page_has(t, m, "accuracy, estimated") && !page_has(t, m, "accuracy, from labels"));
    REQUIRE_OK(add_few_labels(c, m, 30));
    CHECK(strstr(leat_monitor_verdict(m), "Accuracy by labels is") != NULL);
    CHECK(!strstr(leat_monitor_verdict(m), "too few"));
    CHECK(page_has(t, m, "accuracy, from labels"));
    leat_monitor_destroy(m);
    leat_model_release(model);
}

/* Every value missing, unknown categories, no rows, one row, a column less, wrong labels. */
static void hostile(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_frame *f = leattest_table(c, 90, 6);
    uint32_t none[90];
    REQUIRE(model && f);
    for (size_t i = 0; i < 90; i++) none[i] = UINT32_MAX;
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    leat_frame *empty = leati_frame_take(c, f, none, 0),
               *all_missing = leati_frame_take(c, f, none, 90);
    leat_frame *one = leati_frame_take(c, f, (uint32_t[]){4}, 1);
    leat_frame *less = without(c, f, "width");
    REQUIRE(empty && all_missing && one && less);
    CHECK_OK(leat_monitor_add(c, m, empty, "empty"));
    CHECK_OK(leat_monitor_add(c, m, one, "one"));
    CHECK(strstr(leat_monitor_verdict(m), "No window has the 30 rows") != NULL);
    CHECK_INT(leat_monitor_state(m), LEAT_MONITOR_UNKNOWN);
    CHECK(!leat_monitor_window_at(m, 0).judged && !leat_monitor_window_at(m, 1).judged);
    CHECK(isnan(leat_monitor_drift(m, 0, 0).psi));
    CHECK_OK(leat_monitor_add(c, m, all_missing, "missing"));
    leat_drift d = leat_monitor_drift(m, 2, feature_of(m, "length"));
    CHECK(d.drifting && d.missing == 1 && isnan(d.ks) && isnan(d.wasserstein));
    CHECK_INT(leat_monitor_window_at(m, 2).labelled, 0);
    CHECK_FAILS(leat_monitor_add(c, m, less, "less"), LEAT_NOT_FOUND, "width");
    CHECK_INT(leat_monitor_windows(m), 3);
    CHECK_OK(leat_monitor_page(c, m, leattest_scratch("hostile.html")));
    leat_monitor_destroy(m);
    leat_monitor_options o = leat_monitor_options_default();
    o.labels = "colour";
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    CHECK_FAILS(leat_monitor_add(c, m, f, "wrong"), LEAT_TYPE,
                "row 1|colour|no class of the model|ash");
    leat_monitor_destroy(m);
    o = leat_monitor_options_default();
    o.persist = 4;
    CHECK_FAILS(leat_monitor_create(c, &m, model, &o), LEAT_INVALID, "4 of 3");
    leat_frame_release(empty);
    leat_frame_release(all_missing);
    leat_frame_release(one);
    leat_frame_release(less);
    leat_frame_release(f);
    leat_model_release(model);
}

static void unknown_levels(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_frame *f = leattest_table(c, 300, 6);
    size_t at;
    REQUIRE(model && f && leat_frame_find(f, "colour", &at));
    char *text = strstr(f->column[at]->dict->bytes, "red");
    if (!text) text = f->column[at]->dict->bytes;
    text[0] = '<';
    REQUIRE_OK(leat_monitor_create(c, &m, model, NULL));
    REQUIRE_OK(leat_monitor_add(c, m, f, "<i>new</i>"));
    leat_drift d = leat_monitor_drift(m, 0, feature_of(m, "colour"));
    CHECK(d.drifting && d.outside > 0.2 && isnan(d.ks));
    leati_bytes page;
    const char *path = leattest_scratch("levels.html");
    REQUIRE_OK(leat_monitor_page(c, m, path));
    REQUIRE_OK(leati_file_read(c, &page, path));
    char *html = leati_strndup(c, page.data, page.size);
    leati_bytes_release(&page);
    REQUIRE(html);
    CHECK(strstr(html, "&lt;i&gt;new&lt;/i&gt;") && !strstr(html, "<i>new"));
    CHECK(strstr(html, "(others)") && strstr(html, "</html>"));
    CHECK(strstr(html, ">χ²</th>") && strstr(html, ">p</th>"));
    leati_free(html);
    leat_monitor_destroy(m);
    leat_frame_release(f);
    leat_model_release(model);
}

static leat_status whole(leat_context *c, void *arg)
{
    leat_monitor *m = NULL;
    leat_monitor_options o = leat_monitor_options_default();
    leat_frame *f = NULL;
    o.group = "colour";
    o.every_seconds = 30 * 86400;
    leat_status st = leat_monitor_create(c, &m, arg, &o);
    if (st == LEAT_OK) f = leattest_table(c, 60, 2);
    if (st == LEAT_OK && !f) st = leat_error_status(c);
    if (st == LEAT_OK) {
        leat_frame *answers = answers_of(c, f, false);
        st = answers ? leat_monitor_answers(c, m, answers, "id") : leat_error_status(c);
        leat_frame_release(answers);
    }
    if (st == LEAT_OK) st = leat_monitor_add(c, m, f, "w");
    if (st == LEAT_OK) st = add_numbers(c, f, "request", 3, false);
    if (st == LEAT_OK) st = add_numbers(c, f, "row", 3, true);
    if (st == LEAT_OK) st = leat_monitor_answers(c, m, f, "request");
    leat_frame *log = st == LEAT_OK ? without(c, f, "request") : NULL;
    if (st == LEAT_OK && !log) st = leat_error_status(c);
    if (st == LEAT_OK) st = add_numbers(c, log, "log.request", 3, false);
    if (st == LEAT_OK) st = add_numbers(c, log, "log.row", 3, true);
    if (st == LEAT_OK) st = leat_monitor_add(c, m, log, "log");
    leat_frame_release(log);
    if (st == LEAT_OK) st = leat_monitor_page(c, m, leattest_scratch("page.html"));
    leat_frame_release(f);
    leat_monitor_destroy(m);
    return st;
}

static void allocations(leattest *t)
{
    leat_model *model = trained(t, "kind", "lda");
    REQUIRE(model);
    leattest_fail_some_allocations(t, whole, model);
    leat_model_release(model);
}

static void texts(leattest *t)
{
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m = NULL;
    leat_monitor_options o = leat_monitor_options_default();
    leati_str s;
    REQUIRE(model);
    o.group = "colour";
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    leati_str_init(&s, c);
    for (size_t k = 0; k < LEATI_MONITOR_FAMILIES; k++)
        leati_monitor_samples(m, k, "wood", "3", &s);
    CHECK_STR(leati_str_text(&s), "");
    REQUIRE_OK(add_table(c, m, 8, 1));
    for (size_t k = 0; k < LEATI_MONITOR_FAMILIES; k++) {
        leati_monitor_family(k, &s);
        leati_monitor_samples(m, k, "wo\"od\n", "3", &s);
    }
    CHECK_OK(leati_str_status(&s));
    const char *text = leati_str_text(&s);
    CHECK(strstr(text,
                 "# TYPE leat_drift_psi gauge\nleat_drift_psi{model=\"wo\\\"od\\n\",version=\"3\","
                 "feature=\"length\"} ") != NULL);
    CHECK(strstr(text, "leat_estimated_score{") && strstr(text, "measure=\"parity_difference\"} "));
    CHECK(text[strlen(text) - 1] == '\n' && !strstr(text, "nan"));
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_monitor_json(m, j, "monitor");
    leat_json_end_object(j);
    REQUIRE(leat_json_text(j));
    CHECK(strstr(leat_json_text(j), "\"state\":\"") && strstr(leat_json_text(j), "\"fairness\":"));
    leat_json_destroy(j);
    leati_str_fini(&s);
    leat_monitor_destroy(m);
    leat_model_release(model);
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void check_told(leattest *t, const leat_monitor *m, const leat_monitor *told)
{
    size_t n = leat_monitor_windows(m), f = leat_monitor_features(m);
    CHECK_INT(leat_monitor_windows(told), n);
    CHECK_INT(leat_monitor_features(told), f);
    CHECK_INT(leat_monitor_inputs(told), leat_monitor_inputs(m));
    CHECK_INT(leat_monitor_state(told), leat_monitor_state(m));
    CHECK_STR(leat_monitor_verdict(told), leat_monitor_verdict(m));
    CHECK_STR(leat_monitor_notes(told), leat_monitor_notes(m));
    CHECK_STR(leat_monitor_positive(told), leat_monitor_positive(m));
    for (size_t w = 0; w < n; w++) {
        leat_monitor_window a = leat_monitor_window_at(m, w), b = leat_monitor_window_at(told, w);
        CHECK(a.rows == b.rows && a.labelled == b.labelled && a.judged == b.judged);
        CHECK(a.drifting == b.drifting && a.alarms == b.alarms);
        CHECK_STR(b.name, a.name);
        for (size_t k = 0; k < f; k++) {
            leat_drift x = leat_monitor_drift(m, w, k), y = leat_monitor_drift(told, w, k);
            CHECK(same_number(x.psi, y.psi) && same_number(x.p, y.p) && same_number(x.ks, y.ks) &&
                  same_number(x.wasserstein, y.wasserstein) && x.drifting == y.drifting);
        }
        for (size_t k = 0; k < leat_monitor_scores(m); k++) {
            leat_monitored_score x = leat_monitor_score(m, w, k);
            leat_monitored_score y = leat_monitor_score(told, w, k);
            CHECK_STR(y.metric, x.metric);
            CHECK(same_number(x.estimated, y.estimated) && same_number(x.before, y.before) &&
                  same_number(x.realised_high, y.realised_high));
        }
    }
    CHECK_INT(leat_monitor_groups(told), leat_monitor_groups(m));
    for (size_t g = 0; g < leat_monitor_groups(m); g++) {
        CHECK_STR(leat_monitor_group(told, g).name, leat_monitor_group(m, g).name);
        CHECK(same_number(leat_monitor_group(told, g).selected.low,
                          leat_monitor_group(m, g).selected.low));
    }
    CHECK(same_number(leat_monitor_fairness(told).odds.value, leat_monitor_fairness(m).odds.value));
}

static leat_status read_told(leat_context *c, void *arg)
{
    leat_monitor *m = NULL;
    leat_status st = leat_monitor_read(c, &m, arg, strlen(arg));
    leat_monitor_destroy(m);
    return st;
}

/* What a monitor says as JSON is read back as it was. */
static void told(leattest *t)
{
    static const char *const wrong[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"windows\":3}",
                                        "{\"windows\":[]}",
                                        "{\"monitor\":{}}",
                                        "{\"state\":\"rotten\",\"windows\":[]}",
                                        "{\"state\":\"fresh\",\"windows\":["};
    leat_context *c = t->context;
    leat_model *model = trained(t, "kind", "lda");
    leat_monitor *m, *other;
    leat_monitor_options o = leat_monitor_options_default();
    leat_frame *f;
    REQUIRE(model);
    o.group = "colour";
    REQUIRE_OK(leat_monitor_create(c, &m, model, &o));
    for (int i = 0; i < 3; i++) REQUIRE_OK(add_table(c, m, 8 + (uint64_t)i, 1.0 + i));
    leat_json *j = leat_json_create(c, 0);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "model", "wood");
    leat_monitor_json(m, j, "monitor");
    leat_json_end_object(j);
    REQUIRE(leat_json_text(j));
    REQUIRE_OK(leat_monitor_read(c, &other, leat_json_text(j), strlen(leat_json_text(j))));
    check_told(t, m, other);
    f = leattest_table(c, 50, 1);
    CHECK_FAILS(leat_monitor_add(c, other, f, "x"), LEAT_INVALID, "takes no windows");
    CHECK_FAILS(leat_monitor_page(c, other, leattest_scratch("x.html")), LEAT_INVALID, "plots");
    leat_frame_release(f);
    leat_monitor_destroy(other);
    char *text = malloc(strlen(leat_json_text(j)) + 1);
    strcpy(text, leat_json_text(j));
    leattest_fail_some_allocations(t, read_told, text);
    free(text);
    leat_json_destroy(j);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_FAILS(leat_monitor_read(c, &other, wrong[i], strlen(wrong[i])), LEAT_FORMAT,
                    "not what a monitor says");
    leat_monitor_destroy(m);
    leat_model_release(model);
}

static const leattest_case list[] = {
    TEST(shift),          TEST(numbers),        TEST(older_file), TEST(cutting), TEST(groups),
    TEST(later_labels),   TEST(labels_of_rows), TEST(few_labels), TEST(hostile), TEST(texts),
    TEST(unknown_levels), TEST(allocations),    TEST(told)};

LEATTEST_MAIN(list)
