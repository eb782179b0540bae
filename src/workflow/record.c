/* Owns: metrics, lineage and card of the model that an experiment makes. */
#include "workflow/record.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "model/markdown.h"
#include "model/model.h"
#include "workflow/budget.h"
#include "workflow/compare.h"

static void list_json(leat_json *j, const char *key, const char *const *list, size_t count)
{
    leat_json_begin_array(j, key);
    for (size_t i = 0; i < count; i++) leat_json_string(j, NULL, list[i]);
    leat_json_end_array(j);
}

/* Ends the builder and keeps its text. */
static leat_status take(leat_context *c, leat_json *j, char **out)
{
    const char *text = leat_json_text(j);
    *out = text ? leati_strdup(c, text) : NULL;
    leat_json_destroy(j);
    return *out ? LEAT_OK : leat_error_status(c);
}

/* [[number of the entry, trials of its search]]: 0 trials, it was left out. */
static void cut_json(leat_json *j, const leat_experiment *e)
{
    bool any = false;
    for (size_t i = 0; i < e->count; i++)
        any = any || e->entries[i].left_out || e->entries[i].search_cut;
    if (!any) return;
    leat_json_begin_array(j, "cut");
    for (size_t number = 1; number <= e->count; number++)
        for (size_t i = 0; i < e->count; i++) {
            const leati_entry *k = &e->entries[i];
            if (k->number != number || !(k->left_out || k->search_cut)) continue;
            leat_json_begin_array(j, NULL);
            leat_json_int(j, NULL, (int64_t)number);
            leat_json_int(j, NULL, k->left_out ? 0 : (int64_t)k->tried);
            leat_json_end_array(j);
        }
    leat_json_end_array(j);
}

/* Everything that decides about the bytes of the model but data, seed and CPU level. */
static leat_status make_config(leat_context *c, leat_experiment *e,
                               const leat_experiment_options *o)
{
    leat_json *j = leat_json_create(c, 1);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "name", e->name);
    leat_json_string(j, "target", o->target);
    leat_json_string(j, "task", o->task);
    leat_json_string(j, "models", o->models);
    leat_json_string(j, "metric", o->metric);
    leat_json_string(j, "cv", o->cv);
    leat_json_string(j, "fold_column", o->fold_column);
    leat_json_string(j, "preprocess", o->preprocess);
    leat_json_string(j, "search", o->search);
    if (o->validation_curve) leat_json_string(j, "validation_curve", o->validation_curve);
    list_json(j, "set", o->set, o->set_count);
    list_json(j, "keep", o->keep, o->keep_count);
    list_json(j, "drop", o->drop, o->drop_count);
    leat_json_bool(j, "drop_missing_target", o->drop_missing_target);
    if (o->time_budget > 0) leat_json_number(j, "time_budget", o->time_budget);
    cut_json(j, e);
    if (e->is_beside) leat_json_bool(j, "beside", true);
    if (o->tokens) leat_json_string(j, "tokens", o->tokens);
    leat_json_raw(j, "reading", o->reading ? o->reading : "{}");
    leat_json_end_object(j);
    return take(c, j, &e->config);
}

/* A model that never asked for bf16 is of the level that gives it everywhere. */
static leat_status widen_level(leat_context *c, leat_experiment *e)
{
    leati_cpu_level level = leati_context_cpu_level(c), wide = leati_cpu_without_bf16(level);
    if (wide == level || leat_context_precision(c) == LEAT_PRECISION_BF16 ||
        strstr(e->config, "bf16"))
        return LEAT_OK;
    leati_free(e->cpu);
    e->cpu = leati_strdup(c, leati_cpu_level_name(wide));
    return e->cpu ? LEAT_OK : leat_error_status(c);
}

static leat_status all_metrics(leat_context *c, leat_json *j, const char *key,
                               const leati_eval *eval)
{
    double *values = LEATI_NEW(c, double, leati_metric_count());
    if (!values) return leat_error_status(c);
    leat_status st = leati_metrics_all(c, eval, values);
    leat_json_begin_object(j, key);
    for (size_t i = 0; st == LEAT_OK && i < leati_metric_count(); i++)
        if (!isnan(values[i])) leat_json_number(j, leati_metric_at(i)->name, values[i]);
    leat_json_end_object(j);
    leati_free(values);
    return st;
}

static void entry_json(leat_json *j, const leati_entry *k)
{
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "estimator", k->estimator->class->name);
    leat_json_string(j, "params", k->left_out ? "" : k->params); /* how far a search came */
    if (k->failed) {
        leat_json_string(j, "failed", k->left_out ? LEATI_LEFT_OUT : k->failed);
    } else {
        leat_json_number(j, "mean", k->mean);
        leat_json_number(j, "std", k->std);
        leat_json_number(j, "low", k->low);
        leat_json_number(j, "high", k->high);
    }
    leat_json_end_object(j);
}

static leat_status make_metrics(leat_context *c, const leat_experiment *e, char **out)
{
    char split[64];
    leati_pooled pooled;
    LEATI_TRY(leati_entry_eval(c, e, e->best, &pooled));
    leat_json *j = leat_json_create(c, 1);
    leati_split_text(&e->folds.spec, split, sizeof split);
    leat_json_begin_object(j, NULL);
    leat_json_string(j, "metric", e->metric->name);
    leat_json_string(j, "validation", split);
    leat_json_number(j, "mean", e->best->mean);
    leat_json_number(j, "std", e->best->std);
    leat_json_number(j, "low", e->best->low);
    leat_json_number(j, "high", e->best->high);
    leat_json_begin_array(j, "folds");
    for (size_t i = 0; i < e->best->fold_count; i++) leat_json_number(j, NULL, e->best->scores[i]);
    leat_json_end_array(j);
    leat_status st = all_metrics(c, j, "out_of_fold", &pooled.eval);
    if (e->has_test) {
        leati_eval eval = {.task = e->schema.task,
                           .rows = e->test_target.count,
                           .classes = e->schema.classes,
                           .label = e->test_target.label,
                           .y = e->test_target.y,
                           .prediction = e->test_predictions.value,
                           .proba = e->test_predictions.proba,
                           .scores = e->test_predictions.score};
        leat_json_begin_object(j, "test");
        leat_json_int(j, "rows", (int64_t)e->test_target.count);
        leat_json_number(j, "score", e->test_score);
        leat_json_number(j, "low", e->test_low);
        leat_json_number(j, "high", e->test_high);
        if (st == LEAT_OK) st = all_metrics(c, j, "all", &eval);
        leat_json_end_object(j);
    }
    leat_json_begin_array(j, "leaderboard");
    for (size_t i = 0; i < e->count; i++) entry_json(j, &e->entries[i]);
    leat_json_end_array(j);
    leat_json_end_object(j);
    leati_pooled_fini(&pooled);
    if (st == LEAT_OK) return take(c, j, out);
    leat_json_destroy(j);
    return st;
}

/* The hash of the whole and of each column, so that a change can be named. */
static void data_json(leat_json *j, const char *key, const leat_frame *f)
{
    char hash[65];
    leati_frame_hash(f, hash);
    leat_json_begin_object(j, key);
    leat_json_string(j, "sha256", hash);
    leat_json_int(j, "rows", (int64_t)f->rows);
    leat_json_begin_object(j, "columns");
    for (size_t i = 0; i < f->columns; i++) {
        leati_column_hash(f->column[i], hash);
        leat_json_string(j, f->name[i], hash);
    }
    leat_json_end_object(j);
    leat_json_end_object(j);
}

static leat_status make_lineage(leat_context *c, const leat_experiment *e, char **out)
{
    leat_json *j = leat_json_create(c, 1);
    leat_json_begin_object(j, NULL);
    data_json(j, "data", e->train);
    if (e->test) data_json(j, "test_data", e->test);
    leat_json_int(j, "seed", (int64_t)e->seed);
    leat_json_string(j, "cpu", e->cpu);
    leat_json_raw(j, "config", e->config);
    leat_json_end_object(j);
    return take(c, j, out);
}

static leat_status make_card(leat_context *c, const leat_experiment *e, char **out)
{
    const leati_schema *s = &e->schema;
    const leati_entry *best = e->best;
    char mean[40], low[40], high[40], rows[LEATI_NUM_SIZE];
    leati_metric_format(e->metric, best->mean, mean);
    leati_metric_format(e->metric, best->low, low);
    leati_metric_format(e->metric, best->high, high);
    leati_num_grouped((int64_t)e->target.count, rows);
    leati_str t;
    leati_str_init(&t, c);
    leati_str_add(&t, "# Model card: ");
    leati_markdown_add(&t, e->name);
    leati_str_add(&t, "\n\nPredicts **");
    leati_markdown_add(&t, s->target);
    leati_str_addf(&t, "** (%s) with %s%s", leat_experiment_task(e), best->estimator->class->title,
                   *best->params ? ", " : "");
    leati_markdown_add(&t, best->params);
    leati_str_add(&t, ".\n\n");
    leati_str_add(&t, "## Intended use\n\nTo be written by its author: who should use it, for "
                      "what, and for what not.\n\n");
    leati_str_addf(&t, "## Training data\n\n%s rows, %zu of %zu columns used", rows, s->used,
                   s->count);
    if (s->task == LEATI_CLASSIFY) {
        leati_str_add(&t, "; classes:");
        for (uint32_t k = 0; k < s->classes && k < 30; k++) {
            leati_str_add(&t, k ? ", " : " ");
            leati_markdown_add(&t, s->class_names[k]);
        }
        if (s->classes > 30) leati_str_add(&t, ", ...");
    } else {
        char from[LEATI_NUM_SIZE], to[LEATI_NUM_SIZE];
        leati_num_short(s->target_low, 4, from);
        leati_num_short(s->target_high, 4, to);
        leati_str_addf(&t, "; target from %s to %s", from, to);
    }
    leati_str_addf(&t, ".\nSHA-256 of the table: `%s`\n\n", e->data_hash);
    leati_str_addf(&t, "## Quality\n\n%s %s", e->metric->title, mean);
    if (!isnan(best->low)) leati_str_addf(&t, " (95%% interval %s to %s)", low, high);
    leati_str_addf(&t, ", by %s",
                   e->folds.spec.kind == LEATI_SPLIT_HOLDOUT ? "hold-out" : "cross-validation");
    if (e->has_test) {
        leati_metric_format(e->metric, e->test_score, mean);
        leati_str_addf(&t, "; %s on the test table of %zu rows", mean, e->test_target.count);
    }
    leati_str_addf(&t, ".\n%s\n", e->verdict);
    leati_str_add(&t,
                  "## Limits\n\nScores hold for data like the training data. Inputs outside the "
                  "ranges in model.json are extrapolation.\n");
    *out = leati_str_take(&t);
    return *out ? LEAT_OK : leat_error_status(c);
}

leat_status leati_record_model(leat_context *c, leat_experiment *e, leati_pipeline *p,
                               const leat_experiment_options *o)
{
    char *metrics = NULL, *lineage = NULL, *reference = NULL, *card = NULL;
    leati_problem problem = {e->frame, &e->schema, &e->target, e->seed, NULL};
    leat_status st;
    LEATI_GO(make_config(c, e, o));
    LEATI_GO(widen_level(c, e));
    LEATI_GO(make_metrics(c, e, &metrics));
    LEATI_GO(make_lineage(c, e, &lineage));
    leati_predictions held_out = {.value = e->best->value, .proba = e->best->proba};
    LEATI_GO(leati_reference_make(c, &problem, &held_out, &reference));
    LEATI_GO(make_card(c, e, &card));
    leati_model_parts parts = {.name = e->name,
                               .schema = &e->schema,
                               .pipeline = p,
                               .metrics = metrics,
                               .lineage = lineage,
                               .reference = reference,
                               .card = card};
    LEATI_GO(leati_model_create(c, &e->model, &parts));
out:
    leati_free(metrics);
    leati_free(lineage);
    leati_free(reference);
    leati_free(card);
    return st;
}
