/* Owns: the course of an experiment from table to refitted model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/str.h"
#include "learn/conform.h"
#include "workflow/beside.h"
#include "workflow/budget.h"
#include "workflow/compare.h"
#include "workflow/entries.h"
#include "workflow/explain.h"
#include "workflow/inferred.h"
#include "workflow/record.h"
#include "workflow/report.h"
#include "workflow/tune.h"
#include "workflow/unfinished.h"
#include "workflow/vary.h"

/* Columns that the splits use and that are no inputs. */
typedef struct reserved {
    const char *names[2];
    size_t count;
} reserved;

static leat_status infer_schema(leat_context *c, leat_experiment *e, const reserved *r,
                                const leat_experiment_options *o)
{
    leati_schema_options so = {.target = o->target,
                               .task = o->task,
                               .keep = o->keep,
                               .keep_count = o->keep_count,
                               .drop = o->drop,
                               .drop_count = o->drop_count,
                               .reserved = r->names,
                               .reserved_count = r->count,
                               .drop_missing_target = o->drop_missing_target,
                               .tokens = o->tokens};
    LEATI_TRY(leati_schema_infer(c, &e->schema, e->train, &so));
    LEATI_TRY(leati_conform(c, &e->frame, &e->schema, e->train));
    return leati_target_read(c, &e->target, &e->schema, e->train, o->drop_missing_target);
}

/* A value of the column that gives the folds. */
typedef struct fold_value {
    double number;
    const char *text; /* NULL: a number */
    size_t length;
    uint32_t place; /* in order of first appearance */
} fold_value;

static int by_value(const void *a, const void *b)
{
    const fold_value *x = a, *y = b;
    if (x->text) {
        int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
        return order ? order : (x->length > y->length) - (x->length < y->length);
    }
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return x->place < y->place ? -1 : 1; /* whole numbers that are one as a double */
}

/* Renumbers the `count` values of a column from order of appearance to ascending order, so that the
 * scores of given folds stand in the order of the folds. */
static leat_status order_values(leat_context *c, const leat_experiment *e, size_t at,
                                uint32_t *number, size_t count)
{
    const leati_column *col = e->train->column[at];
    fold_value *value = leati_array(c, count, sizeof *value);
    uint32_t *rank = leati_array(c, count, sizeof *rank);
    leat_status st = value && rank ? LEAT_OK : leat_error_status(c);
    uint32_t met = 0;
    for (size_t i = 0; st == LEAT_OK && i < e->target.count; i++) {
        size_t row = e->target.rows[i];
        if (number[i] < met) continue;
        value[met] = (fold_value){.place = met};
        if (col->type == LEAT_STRING)
            value[met].text = leati_dict_text(col->dict, col->codes[row], &value[met].length);
        else leat_frame_number(e->train, at, row, &value[met].number);
        met++;
    }
    if (st == LEAT_OK) {
        qsort(value, count, sizeof *value, by_value);
        for (uint32_t i = 0; i < count; i++) rank[value[i].place] = i;
        for (size_t i = 0; i < e->target.count; i++) number[i] = rank[number[i]];
    }
    leati_free(value);
    leati_free(rank);
    return st;
}

/* The distinct values of a column, numbered in order of first appearance, or ascending if
 * `ordered`, for each sample. */
static leat_status number_values(leat_context *c, const leat_experiment *e, const char *name,
                                 bool ordered, uint32_t **out)
{
    size_t at;
    *out = NULL;
    LEATI_TRY(leat_frame_require(c, e->train, name, &at));
    const leati_column *col = e->train->column[at];
    LEATI_CHECK(c, col->type != LEAT_ARRAY, LEAT_TYPE, "the column '%s' holds arrays", name);
    leati_map seen;
    leati_map_init(&seen, c);
    uint32_t *number = leati_array(c, e->target.count, sizeof *number);
    leat_status st = number ? LEAT_OK : leat_error_status(c);
    for (size_t i = 0; i < e->target.count && st == LEAT_OK; i++) {
        size_t row = e->target.rows[i], n = 8;
        if (!leati_valid(col, row)) {
            st = LEATI_FAIL(c, LEAT_FORMAT,
                            "row %zu has no value in column '%s', which the splits come "
                            "from; they need one in every row",
                            row + 1, name);
            break;
        }
        const char *key = (const char *)col->data + row * 8;
        if (col->type == LEAT_BOOL) {
            key = (const char *)col->u8 + row;
            n = 1;
        } else if (col->type == LEAT_STRING) {
            key = leati_dict_text(col->dict, col->codes[row], &n);
        }
        number[i] = leati_map_put(&seen, key, n);
        if (number[i] == LEATI_MAP_NONE) st = leat_error_status(c);
    }
    if (st == LEAT_OK && ordered) st = order_values(c, e, at, number, seen.count);
    leati_map_fini(&seen);
    if (st == LEAT_OK) *out = number;
    else leati_free(number);
    return st;
}

static leat_status read_times(leat_context *c, const leat_experiment *e, const char *name,
                              double **out)
{
    size_t at;
    LEATI_TRY(leat_frame_require(c, e->train, name, &at));
    leat_type type = e->train->column[at]->type;
    LEATI_CHECK(c, type != LEAT_STRING && type != LEAT_ARRAY, LEAT_TYPE,
                "the column '%s' holds %s; an order in time needs times or numbers", name,
                type == LEAT_STRING ? "texts" : "arrays");
    *out = leati_array(c, e->target.count, sizeof **out);
    if (!*out) return leat_error_status(c);
    for (size_t i = 0; i < e->target.count; i++)
        LEATI_CHECK(c, leat_frame_number(e->train, at, e->target.rows[i], *out + i), LEAT_FORMAT,
                    "row %u has no value in column '%s', which the splits come from; they need one "
                    "in every row",
                    e->target.rows[i] + 1, name);
    return LEAT_OK;
}

static leat_status split(leat_context *c, leat_experiment *e, const leati_split_spec *spec)
{
    uint32_t *group = NULL;
    double *time = NULL;
    leat_status st = LEAT_OK;
    bool grouped = spec->kind == LEATI_SPLIT_GROUP || spec->kind == LEATI_SPLIT_PREDEFINED;
    if (grouped && spec->column)
        LEATI_GO(number_values(c, e, spec->column, spec->kind == LEATI_SPLIT_PREDEFINED, &group));
    if (spec->kind == LEATI_SPLIT_TIME && spec->column)
        LEATI_GO(read_times(c, e, spec->column, &time));
    size_t cells_per_row = 0;
    for (size_t i = 0; i < e->frame->columns; i++)
        cells_per_row += e->frame->column[i]->type == LEAT_ARRAY ? e->frame->column[i]->length : 1;
    leati_split_data data = {.rows = e->target.count,
                             .cols = cells_per_row,
                             .label = e->target.label,
                             .classes = e->schema.classes,
                             .class_name = (const char *const *)e->schema.class_names,
                             .table_row = e->target.rows,
                             .group = group,
                             .time = time};
    st = leati_split_make(c, &e->folds, spec, &data, e->seed);
out:
    leati_free(group);
    leati_free(time);
    return st;
}

static void fold_text(const leat_experiment *e, char *out, size_t size)
{
    const leati_split_spec *s = &e->folds.spec;
    switch (s->kind) {
    case LEATI_SPLIT_KFOLD: snprintf(out, size, "%u-fold cross-validation", s->folds); break;
    case LEATI_SPLIT_STRATIFIED:
        snprintf(out, size, "%u-fold cross-validation, stratified", s->folds);
        break;
    case LEATI_SPLIT_REPEATED:
        snprintf(out, size, "%u-fold cross-validation, %u times", s->folds, s->repeats);
        break;
    case LEATI_SPLIT_LOO: snprintf(out, size, "leave-one-out cross-validation"); break;
    case LEATI_SPLIT_GROUP:
        snprintf(out, size, "%zu folds, groups of '%s' kept together", e->folds.count, s->column);
        break;
    case LEATI_SPLIT_TIME: snprintf(out, size, "%u folds, forward in time", s->folds); break;
    case LEATI_SPLIT_HOLDOUT:
        snprintf(out, size, "hold-out of %.0f%% of the rows", s->test_share * 100);
        break;
    case LEATI_SPLIT_PREDEFINED:
        snprintf(out, size, "%zu folds given by column '%s'", e->folds.count, s->column);
        break;
    case LEATI_SPLIT_NESTED:
        snprintf(out, size, "nested cross-validation, %u outer and %u inner folds", s->folds,
                 s->inner);
        break;
    default: snprintf(out, size, "%zu folds", e->folds.count);
    }
}

static leat_status describe_validation(leat_context *c, leat_experiment *e)
{
    char folds[256];
    leati_str s;
    fold_text(e, folds, sizeof folds);
    leati_str_init(&s, c);
    leati_str_addf(&s, "%s, seed %llu, %u thread%s\n", folds, (unsigned long long)e->seed,
                   leat_context_threads(c), leat_context_threads(c) == 1 ? "" : "s");
    if (e->folds.note) leati_str_addf(&s, "%s\n", e->folds.note);
    e->validation = leati_str_take(&s);
    return e->validation ? LEAT_OK : leat_error_status(c);
}

static leat_status choose_split(leat_context *c, leat_experiment *e,
                                const leat_experiment_options *o, leati_split_spec *spec,
                                reserved *r)
{
    leati_str text;
    leati_str_init(&text, c);
    LEATI_CHECK(c, !o->fold_column || !o->cv, LEAT_INVALID,
                "the folds of column '%s' and '%s' were both asked for; leave out --fold-column or "
                "--cv",
                o->fold_column, o->cv);
    if (o->fold_column) leati_str_addf(&text, "predefined:%s", o->fold_column);
    else leati_str_add(&text, o->cv ? o->cv : "auto");
    e->cv_asked = leati_str_take(&text);
    if (!e->cv_asked) return leat_error_status(c);
    LEATI_TRY(leati_split_parse(c, spec, e->cv_asked));
    if (spec->column) r->names[r->count++] = spec->column;
    if (o->fold_column && (!spec->column || strcmp(spec->column, o->fold_column) != 0))
        r->names[r->count++] = o->fold_column;
    return LEAT_OK;
}

static leat_status prepare(leat_context *c, leat_experiment *e, const leat_experiment_options *o)
{
    reserved r = {0};
    leati_split_spec spec;
    LEATI_CHECK(c, o->target, LEAT_INVALID, "no target was named");
    LEATI_TRY(choose_split(c, e, o, &spec, &r));
    LEATI_TRY(infer_schema(c, e, &r, o));
    e->metric = leati_metric_default(e->schema.task);
    if (o->metric) LEATI_TRY(leati_metric_find(c, &e->metric, e->schema.task, o->metric));
    LEATI_CHECK(c, e->metric->needs != LEATI_NEEDS_BINARY || e->schema.classes == 2, LEAT_INVALID,
                "the metric '%s' is for two classes, the target '%s' has %u; use %s_macro",
                e->metric->name, e->schema.target, e->schema.classes, e->metric->name);
    LEATI_TRY(split(c, e, &spec));
    if (o->search) LEATI_TRY(leati_search_parse(c, &e->search, o->search));
    LEATI_TRY(leati_entries_make(c, e, o));
    if (o->validation_curve) LEATI_TRY(leati_vary_prepare(c, e, o->validation_curve));
    LEATI_TRY(leati_inferred_text(c, e, &e->inferred));
    return describe_validation(c, e);
}

/* Candidates in order of the metric, failed ones last; equal ones in the order tried. */
static void rank(leat_experiment *e)
{
    for (size_t i = 1; i < e->count; i++) {
        leati_entry k = e->entries[i];
        size_t at = i;
        while (at > 0) {
            const leati_entry *before = &e->entries[at - 1];
            bool better = !k.failed &&
                          (before->failed || leati_metric_better(e->metric, k.mean, before->mean));
            if (!better) break;
            e->entries[at] = e->entries[at - 1];
            at--;
        }
        e->entries[at] = k;
    }
}

/* Where every candidate failed, or all but the baselines that stand beside them: the first of them
 * to fail, else NULL. */
static const leati_entry *first_failure(const leat_experiment *e)
{
    const leati_entry *first = NULL;
    for (size_t i = 0; i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        if (!k->failed && !k->is_baseline) return NULL;
        if (k->failed && k->number && (!first || k->number < first->number)) first = k;
    }
    return first;
}

/* The cut of an earlier run that is to be repeated, or NULL. */
static const leati_cut *cut_of(const leat_experiment *e, const leati_entry *k)
{
    for (size_t i = 0; i < e->cut_count; i++)
        if (e->cuts[i].number == k->number) return &e->cuts[i];
    return NULL;
}

/* Says how far an entry came that the budget ended. */
static leat_status leave_out(leat_context *c, const leat_experiment *e, leati_entry *k,
                             bool searching)
{
    if (searching)
        return leati_budget_leave_out(c, k,
                                      "the time budget ended during the first trial of its "
                                      "search");
    return leati_budget_leave_out(c, k, "the time budget ended in fold %zu of %zu",
                                  k->folds_done + 1, e->folds.count);
}

static leat_status run_candidate(leat_context *c, leat_experiment *e, leati_entry *k, size_t *done,
                                 size_t total)
{
    const leati_cut *cut = cut_of(e, k);
    leat_status st = LEAT_OK;
    if (cut && cut->trials == 0) return leati_budget_leave_out(c, k, LEATI_LEFT_OUT);
    leati_budget_aim(c, e, 0);
    if (leati_stopping(c) && !(leati_budget_left(e) > 0))
        return leati_budget_leave_out(c, k, "not reached within the time budget");
    if (k->space.count) st = leati_tune(c, e, k, cut ? cut->trials : 0);
    bool searching = st != LEAT_OK;
    leati_budget_aim(c, e, 0); /* the search had an earlier end */
    if (st == LEAT_OK && !k->failed) st = leati_entry_run(c, e, k, done, total);
    leati_budget_lift(c);
    if (leati_budget_ended(c, st)) return leave_out(c, e, k, searching);
    LEATI_TRY(st);
    LEATI_TRY(leati_interval_of(c, e, k));
    if (!k->failed && leati_budget_misses(e, k)) {
        char text[LEATI_NUM_SIZE];
        leati_num_seconds(k->final_seconds, text);
        return leati_budget_leave_out(c, k,
                                      "its final fit on all rows would take about %s, more than is "
                                      "left of the time budget",
                                      text);
    }
    k->done = true;
    return LEAT_OK;
}

/* The order of the table; with a budget the baseline first, which costs little and stands beside
 * whatever else gets done. */
static size_t turn(const leat_experiment *e, size_t n)
{
    size_t baseline = 0;
    while (baseline + 1 < e->count && !e->entries[baseline].is_baseline) baseline++;
    if (!(e->budget_end > 0) || !e->entries[baseline].is_baseline) return n;
    return n == 0 ? baseline : n <= baseline ? n - 1 : n;
}

/* What one estimator does not take, such as a setting of its own, says nothing about the others. */
static bool is_alone(const leat_experiment *e)
{
    size_t asked = 0;
    for (size_t i = 0; i < e->count; i++) asked += !e->entries[i].is_baseline;
    return asked < 2;
}

/* Nothing came of it. */
static leat_status say_failed(leat_context *c, const leat_experiment *e, const leati_entry *failed,
                              double budget)
{
    const char *name = failed->estimator->class->name;
    for (size_t i = 0; i < e->count; i++) {
        const leati_entry *k = &e->entries[i];
        if (!k->left_out) continue;
        char text[LEATI_NUM_SIZE];
        leati_num_seconds(budget, text);
        (void)LEATI_FAIL(c, LEAT_CANCELLED,
                         "stopped by the time budget of %s before any estimator was finished; %s: "
                         "%s",
                         text, k->estimator->class->name, k->failed);
        return leati_error_hint(c, "a longer --time-budget, fewer folds (--cv holdout:0.2) or "
                                   "quicker --models would give a model");
    }
    return LEATI_FAIL(c, failed->status, "%s%s: %s",
                      is_alone(e) ? "" : "no estimator could learn from this data; ", name,
                      leati_entry_why(failed, failed->failed));
}

/* Sets e->best; an error where there is none. */
static leat_status choose_best(leat_context *c, leat_experiment *e, double budget)
{
    rank(e);
    e->best = &e->entries[0];
    LEATI_CHECK(c, e->best->failed || !isnan(e->best->mean), LEAT_NUMERIC,
                "the metric %s has no value on any fold; choose another with --metric, or larger "
                "folds with --cv",
                e->metric->name);
    const leati_entry *failed = first_failure(e);
    return failed ? say_failed(c, e, failed, budget) : LEAT_OK;
}

static leat_status run_candidates(leat_context *c, leat_experiment *e,
                                  const leat_experiment_options *o)
{
    size_t done = 0, total = e->count * e->folds.count;
    for (size_t i = 0; i < e->count; i++) e->entries[i].number = i + 1;
    for (size_t i = 0; i < e->count; i++) {
        leati_entry *k = &e->entries[turn(e, i)];
        LEATI_TRY(run_candidate(c, e, k, &done, total));
        done = (i + 1) * e->folds.count;
        if (!o->on_row) continue;
        leat_leaderboard_row row = leati_entry_row(k);
        o->on_row(o->user, &row);
    }
    leati_budget_lift(c);
    (void)leati_progress(c, "cross-validation", total, total);
    return choose_best(c, e, o->time_budget);
}

static leat_status predict_test(leat_context *c, leat_experiment *e, const leati_pipeline *p)
{
    leat_frame *f = NULL;
    leati_target *t = &e->test_target;
    leati_predictions *out = &e->test_predictions;
    size_t classes = e->schema.classes;
    leat_status st;
    if (!e->test) return LEAT_OK;
    LEATI_GO(leati_conform(c, &f, &e->schema, e->test));
    LEATI_GO(leati_target_read(c, t, &e->schema, e->test, true));
    LEATI_CHECK(c, t->count > 0, LEAT_FORMAT, "the test table has no row with a target");
    out->value = leati_array(c, t->count, sizeof(double));
    if (leati_estimator_has_proba(p->estimator))
        out->proba = leati_array(c, t->count * classes, sizeof(double));
    else if (leati_estimator_has_scores(p->estimator))
        out->score = leati_array(c, t->count * classes, sizeof(double));
    st = leat_error_status(c);
    if (st != LEAT_OK) goto out;
    LEATI_GO(leati_pipeline_predict(c, p, f, t->rows, t->count, out));
    leati_eval eval = {.task = e->schema.task,
                       .rows = t->count,
                       .classes = e->schema.classes,
                       .label = t->label,
                       .y = t->y,
                       .prediction = out->value,
                       .proba = out->proba,
                       .scores = out->score};
    LEATI_GO(leati_metric_eval(c, e->metric, &eval, &e->test_score));
    LEATI_GO(leati_interval_rows(c, e->metric, &eval, e->seed, &e->test_low, &e->test_high));
    e->has_test = true;
out:
    leat_frame_release(f);
    return st;
}

/* When the last checkpoint of a training in that folder was written; false: there is none. */
static bool written_at(leat_context *c, const char *folder, struct timespec *when)
{
    struct stat info;
    char *path = leati_path_join(c, folder, "last.checkpoint");
    bool there = path && stat(path, &info) == 0;
    if (there) *when = info.st_mtim;
    leati_free(path);
    return there;
}

/* Whether the checkpoint of the final fit is an earlier run's, and so perhaps of something else:
 * folds come first, so that theirs are older than its own. */
static bool is_stale(leat_context *c, const leat_experiment *e, const char *run)
{
    struct timespec last, at;
    bool stale = false;
    if (!run || !written_at(c, run, &last)) return false;
    for (size_t i = 0; i < e->count && !stale; i++)
        for (size_t f = 0; f < e->folds.count && !stale && e->entries[i].number; f++) {
            char *folder = leati_fold_folder(c, run, &e->entries[i], f);
            stale =
                folder && written_at(c, folder, &at) &&
                (at.tv_sec != last.tv_sec ? at.tv_sec > last.tv_sec : at.tv_nsec > last.tv_nsec);
            leati_free(folder);
        }
    return stale;
}

/* Fits the best to all rows, or the next best where it cannot be: folds have other rows, and other
 * classes, than all of them. */
static leat_status fit_best(leat_context *c, leat_experiment *e, const leati_problem *problem,
                            const uint32_t *all, double budget, leati_pipeline *p)
{
    for (;;) {
        leati_history_fini(&e->history); /* of a fold, or of the fit that failed */
        leat_status st = leati_pipeline_init(c, p, e->best->estimator, &e->best->recipe);
        if (st == LEAT_OK) st = leati_pipeline_fit(c, p, problem, all, e->target.count);
        if (st == LEAT_OK) return st;
        leati_pipeline_fini(p);
        *p = (leati_pipeline){0};
        LEATI_TRY(leati_entry_fail(c, e, e->best, st, "it could not be fitted to all rows: "));
        e->best->unfitted = true;
        LEATI_TRY(choose_best(c, e, budget));
    }
}

/* What explains the model, which stands: an interruption ends that, and loses nothing else. But for
 * a training that is to follow: then there is something to go on with. */
static leat_status explain(leat_context *c, leat_experiment *e, const leat_experiment_options *o,
                           const leati_pipeline *p, bool beside)
{
    leat_status st = leati_explain(c, e, p);
    if (st == LEAT_OK) st = leati_vary_run(c, e);
    if (st != LEAT_CANCELLED || leati_out_of_time(c) || (beside && leati_beside_wanted(e, o)))
        return st;
    leat_error_clear(c);
    leati_log(c, LEAT_LOG_WARN,
              "interrupted when the model was trained: it is whole, the report lacks what was to "
              "follow (--quick asks for no more)");
    return LEAT_OK;
}

static leat_status refit(leat_context *c, leat_experiment *e, const leat_experiment_options *o,
                         bool beside)
{
    leati_pipeline p = {0};
    leati_run_folder run = {.path = o->run_folder,
                            .resume = o->resume,
                            .passes_over = is_stale(c, e, o->run_folder),
                            .trace = o->trace,
                            .history = &e->history};
    leati_problem problem = {e->frame, &e->schema, &e->target, e->seed, &run};
    uint32_t *all = leati_array(c, e->target.count, sizeof *all);
    if (!all) return leat_error_status(c);
    for (size_t i = 0; i < e->target.count; i++) all[i] = (uint32_t)i;
    leat_status st;
    leati_stage_set(c, "final fit");
    LEATI_GO(fit_best(c, e, &problem, all, o->time_budget, &p));
    leati_stage_set(c, "%s", "");
    LEATI_GO(leati_verdict_make(c, e));
    LEATI_GO(predict_test(c, e, &p));
    leati_budget_use(c, e);
    if (!o->quick) LEATI_GO(explain(c, e, o, &p, beside));
    if (!e->curve_count) leati_unfinished_note(c, e); /* the reading says it, too */
    leati_budget_lift(c);
    LEATI_GO(leati_record_model(c, e, &p, o));
    leati_stage_set(c, "final fit");
    if (beside) LEATI_GO(leati_beside_make(c, e, &problem, all, o));
out:
    leati_stage_set(c, "%s", "");
    leati_pipeline_fini(&p);
    leati_free(all);
    return st;
}

/* A timeline that cannot be written is better said before the work than after it. */
static leat_status check_trace(leat_context *c, const char *path)
{
    struct stat is;
    leati_writer *w;
    bool special = path && stat(path, &is) == 0 && !S_ISREG(is.st_mode) && !S_ISDIR(is.st_mode);
    if (!path || special) return LEAT_OK; /* opening a pipe would begin it */
    leat_status st = leati_writer_open(c, &w, path);
    if (st == LEAT_OK) leati_writer_abort(w);
    else leati_error_within(c, "--trace");
    return st;
}

static leat_status start(leat_context *c, leat_experiment *e, leat_frame *train, leat_frame *test,
                         const leat_experiment_options *o)
{
    const char *name = o->name ? o->name : "model";
    LEATI_CHECK(c, *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0,
                LEAT_INVALID, "a model cannot be named '%s': its files are called after it%s", name,
                strchr(name, '/') ? "; the folder is given with --output" : "");
    LEATI_TRY(check_trace(c, o->trace));
    e->train = leat_frame_retain(train);
    e->test = test ? leat_frame_retain(test) : NULL;
    e->seed = leat_context_seed(c);
    e->p_baseline = e->p_next = (double)NAN;
    leati_frame_hash(train, e->data_hash);
    e->name = leati_strdup(c, name);
    e->cpu = leati_strdup(c, leat_context_cpu(c));
    e->data = leati_strdup(c, o->data ? o->data : "");
    e->version = leati_strdup(c, o->version ? o->version : "");
    return e->name && e->cpu && e->data && e->version ? LEAT_OK : leat_error_status(c);
}

static leat_status read_options(leat_context *c, leat_experiment_options *o,
                                const leat_experiment_options *given)
{
    *o = leat_experiment_options_default();
    LEATI_CHECK(c, given, LEAT_INVALID, "an experiment needs options: at least a target");
    return LEATI_OPTIONS(c, leat_experiment_options, o, given);
}

leat_status leati_experiment_ready(leat_context *c, leat_experiment **out, leat_frame *train,
                                   const leat_experiment_options *options)
{
    leat_experiment_options o;
    *out = NULL;
    LEATI_TRY(read_options(c, &o, options));
    leat_experiment *e = leati_calloc(c, 1, sizeof *e);
    if (!e) return leat_error_status(c);
    leat_status st = start(c, e, train, NULL, &o);
    if (st == LEAT_OK) st = prepare(c, e, &o);
    if (st == LEAT_OK) *out = e;
    else leat_experiment_destroy(e);
    return st;
}

/* Two runs would write over each other's checkpoints, and the later one over the other's model. */
static leat_status lock_folder(leat_context *c, leat_experiment *e)
{
    if (!e->run_folder) return LEAT_OK;
    leat_status st = leati_file_lock_take(c, &e->lock, e->run_folder);
    if (st != LEAT_IO) return st;
    return leati_error_hint(c, "Another run writes there: wait for its end, or give this one "
                               "another --output or --name.");
}

static leat_status run_all(leat_context *c, leat_experiment **out, leat_frame *train,
                           leat_frame *test, const leat_experiment_options *options,
                           const leati_cut *cuts, size_t cut_count, bool beside)
{
    leat_experiment_options o;
    double started = leati_now_s();
    *out = NULL;
    LEATI_TRY(read_options(c, &o, options));
    leat_experiment *e = leati_calloc(c, 1, sizeof *e);
    if (!e) return leat_error_status(c);
    leat_status st;
    e->run_folder = o.run_folder;
    e->resume = o.resume;
    e->cuts = cuts;
    e->cut_count = cut_count;
    if (!cuts) leati_budget_start(e, o.time_budget);
    LEATI_GO(start(c, e, train, test, &o));
    LEATI_GO(prepare(c, e, &o));
    LEATI_GO(lock_folder(c, e));
    if (o.on_ready) o.on_ready(o.user, e);
    LEATI_GO(run_candidates(c, e, &o));
    LEATI_GO(refit(c, e, &o, beside));
    e->seconds = leati_now_s() - started;
out:
    leati_budget_lift(c);
    if (st == LEAT_CANCELLED && o.run_folder && e->validation)
        (void)leati_report_leave(c, e, o.run_folder, o.command);
    e->run_folder = NULL;
    e->cuts = NULL;
    if (st == LEAT_OK) *out = e;
    else leat_experiment_destroy(e);
    return st;
}

leat_status leat_experiment_run(leat_context *c, leat_experiment **out, leat_frame *train,
                                leat_frame *test, const leat_experiment_options *options)
{
    return run_all(c, out, train, test, options, NULL, 0, true);
}

leat_status leati_experiment_repeat(leat_context *c, leat_experiment **out, leat_frame *train,
                                    leat_frame *test, const leat_experiment_options *options,
                                    const leati_cut *cuts, size_t cut_count, bool beside)
{
    return run_all(c, out, train, test, options, cuts, cut_count, beside);
}
