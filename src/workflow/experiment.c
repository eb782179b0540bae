/* Owns: the life of an experiment and its public accessors. */
#include "workflow/experiment.h"

#include <stdio.h>

#include "base/mem.h"
#include "workflow/entries.h"
#include "workflow/vary.h"

leat_experiment_options leat_experiment_options_default(void)
{
    leat_experiment_options o = {.struct_size = sizeof o};
    return o;
}

void leati_entry_fini(leati_entry *k)
{
    leati_estimator_destroy(k->estimator);
    if (k->space.context) leati_space_fini(&k->space);
    for (size_t i = 0; i < k->trial_count; i++) {
        leati_free(k->trial[i].params);
        leati_free(k->trial[i].failed);
    }
    leati_free(k->trial);
    leati_free(k->params);
    leati_free(k->failed);
    leati_free(k->scores);
    leati_free(k->value);
    leati_free(k->proba);
    leati_free(k->score);
    *k = (leati_entry){0};
}

void leat_experiment_destroy(leat_experiment *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->count; i++) leati_entry_fini(&e->entries[i]);
    leati_free(e->entries);
    leati_folds_fini(&e->folds);
    leati_target_fini(&e->target);
    leati_target_fini(&e->test_target);
    leati_free(e->test_predictions.value);
    leati_free(e->test_predictions.proba);
    leati_free(e->test_predictions.score);
    leati_schema_fini(&e->schema);
    leati_file_lock_release(e->lock);
    leat_frame_release(e->frame);
    leat_frame_release(e->train);
    leat_frame_release(e->test);
    leat_model_release(e->model);
    leat_model_release(e->beside);
    char *texts[] = {e->name,    e->inferred, e->validation, e->verdict,       e->config,  e->data,
                     e->version, e->cpu,      e->skipped,    e->curve_reading, e->cv_asked};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) leati_free(texts[i]);
    leati_free(e->importance);
    leati_free(e->curve);
    leati_varied_fini(&e->varied);
    leati_history_fini(&e->history);
    leati_free(e);
}

size_t leat_experiment_rows(const leat_experiment *e)
{
    return e->count;
}

leat_leaderboard_row leati_entry_row(const leati_entry *k)
{
    return (leat_leaderboard_row){.estimator = k->estimator->class->name,
                                  .title = k->estimator->class->title,
                                  .params = k->params ? k->params : "",
                                  .prepared = k->prepared,
                                  .failed = k->failed,
                                  .mean = k->mean,
                                  .std = k->std,
                                  .low = k->low,
                                  .high = k->high,
                                  .folds = k->scores,
                                  .fold_count = k->fold_count,
                                  .fit_seconds = k->fit_seconds,
                                  .predict_seconds = k->predict_seconds,
                                  .left_out = k->left_out};
}

leat_leaderboard_row leat_experiment_row(const leat_experiment *e, size_t i)
{
    return i < e->count ? leati_entry_row(&e->entries[i]) : (leat_leaderboard_row){0};
}

size_t leat_experiment_trials(const leat_experiment *e, size_t row)
{
    return row < e->count ? e->entries[row].trial_count : 0;
}

leat_trial leat_experiment_trial(const leat_experiment *e, size_t row, size_t i)
{
    if (i >= leat_experiment_trials(e, row)) return (leat_trial){0};
    const leati_tried *x = &e->entries[row].trial[i];
    return (leat_trial){.params = x->params,
                        .failed = x->failed,
                        .mean = x->mean,
                        .std = x->std,
                        .low = x->low,
                        .high = x->high,
                        .seconds = x->seconds,
                        .folds = x->folds,
                        .rank = x->rank};
}

const char *leat_experiment_metric(const leat_experiment *e)
{
    return e->metric->name;
}

const char *leat_experiment_metric_title(const leat_experiment *e)
{
    return e->metric->title;
}

const char *leat_experiment_task(const leat_experiment *e)
{
    return e->schema.task == LEATI_CLASSIFY ? "classification" : "regression";
}

const char *leat_experiment_inferred(const leat_experiment *e)
{
    return e->inferred;
}

const char *leat_experiment_validation(const leat_experiment *e)
{
    return e->validation;
}

const char *leat_experiment_verdict(const leat_experiment *e)
{
    return e->verdict ? e->verdict : "";
}

const char *leat_experiment_reading(const leat_experiment *e)
{
    return e->curve_reading ? e->curve_reading : "";
}

bool leat_experiment_greater_is_better(const leat_experiment *e)
{
    return e->metric->greater_is_better;
}

size_t leat_experiment_format(const leat_experiment *e, double score, char *out, size_t size)
{
    char text[40];
    leati_metric_format(e->metric, score, text);
    return (size_t)snprintf(out, size, "%s", text);
}

bool leat_experiment_test(const leat_experiment *e, double *score, double *low, double *high)
{
    if (!e->has_test) return false;
    *score = e->test_score;
    *low = e->test_low;
    *high = e->test_high;
    return true;
}

size_t leat_experiment_traced(const leat_experiment *e)
{
    return e->history.traced;
}

leat_model *leat_experiment_model(const leat_experiment *e)
{
    return e->model;
}

leat_model *leat_experiment_beside(const leat_experiment *e)
{
    return e->beside;
}

size_t leat_experiment_parameter_points(const leat_experiment *e)
{
    return e->varied.count;
}

leat_parameter_point leat_experiment_parameter_point(const leat_experiment *e, size_t i)
{
    if (i >= e->varied.count) return (leat_parameter_point){0};
    const leati_curve_point *p = &e->varied.point[i];
    return (leat_parameter_point){.value = p->x,
                                  .train = p->train,
                                  .train_std = p->train_spread,
                                  .validation = p->validation,
                                  .validation_std = p->validation_spread,
                                  .folds = p->folds};
}

const char *leat_experiment_parameter(const leat_experiment *e)
{
    return e->varied.count ? e->varied.name : "";
}

const char *leat_experiment_parameter_reading(const leat_experiment *e)
{
    return e->varied.reading ? e->varied.reading : "";
}
