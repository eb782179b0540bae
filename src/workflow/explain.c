/* Owns: permutation importance of the final model, the learning curve of its estimator, and whether
 * a network learned by heart. */
#include "workflow/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/str.h"
#include "learn/stats.h"
#include "workflow/budget.h"
#include "workflow/entries.h"
#include "workflow/unfinished.h"

enum {
    REPEATS = 5,            /* permutations per column */
    IMPORTANCE_ROWS = 5000, /* rows looked at */
    IMPORTANCE_COLUMNS = 200,
    CURVE_SIZES = 6,
    CURVE_FOLDS = 5,
    OWN_FOLDS = 5
};
/* Longer than this is left out; judged by the fits already timed. */
#define SECONDS_MOST 20.0

/* --- importance ------------------------------------------------------------------------------- */

static leat_status score_rows(leat_context *c, const leat_experiment *e, const leati_pipeline *p,
                              const leat_frame *f, const uint32_t *samples, size_t n, double *out)
{
    const leati_target *t = &e->target;
    size_t classes = e->schema.classes;
    leati_predictions pr = {0};
    bool needs_proba = e->metric->needs == LEATI_NEEDS_PROBA;
    bool needs_scores = e->metric->needs == LEATI_NEEDS_SCORES;
    uint32_t *rows = leati_array(c, n, sizeof *rows), *label = leati_array(c, n, sizeof *label);
    double *y = leati_array(c, n, sizeof *y);
    pr.value = leati_array(c, n, sizeof(double));
    if (needs_proba || needs_scores) pr.proba = LEATI_NEW(c, double, n *classes);
    if (needs_scores) pr.score = LEATI_NEW(c, double, n *classes);
    leat_status st = leat_error_status(c);
    if (st != LEAT_OK) goto out;
    for (size_t i = 0; i < n; i++) {
        rows[i] = f == e->frame ? t->rows[samples[i]] : (uint32_t)i;
        if (t->label) label[i] = t->label[samples[i]];
        else y[i] = t->y[samples[i]];
    }
    LEATI_GO(leati_pipeline_predict(c, p, f, rows, n, &pr));
    bool has_proba = leati_estimator_has_proba(p->estimator);
    leati_eval eval = {.task = e->schema.task,
                       .rows = n,
                       .classes = e->schema.classes,
                       .label = t->label ? label : NULL,
                       .y = t->y ? y : NULL,
                       .prediction = pr.value,
                       .proba = has_proba ? pr.proba : NULL,
                       .scores = pr.score};
    LEATI_GO(leati_metric_eval(c, e->metric, &eval, out));
out:
    leati_free(rows);
    leati_free(label);
    leati_free(y);
    leati_free(pr.value);
    leati_free(pr.proba);
    leati_free(pr.score);
    return st;
}

/* The sampled rows with one column shuffled among them. */
static leat_status shuffled(leat_context *c, const leat_experiment *e, const uint32_t *samples,
                            size_t n, size_t column, leati_rng *rng, leat_frame **out)
{
    uint32_t *rows = leati_array(c, n, sizeof *rows);
    *out = leati_frame_create(c, n);
    leat_status st = rows && *out ? LEAT_OK : leat_error_status(c);
    for (size_t k = 0; k < e->frame->columns && st == LEAT_OK; k++) {
        for (size_t i = 0; i < n; i++) rows[i] = e->target.rows[samples[i]];
        if (k == column) leati_rng_shuffle(rng, rows, n);
        st = leati_frame_add(c, *out, e->frame->name[k],
                             leati_column_take(c, e->frame->column[k], rows, n));
    }
    leati_free(rows);
    if (st == LEAT_OK) return LEAT_OK;
    leat_frame_release(*out);
    *out = NULL;
    return st;
}

static leat_status importance_of(leat_context *c, const leat_experiment *e, const leati_pipeline *p,
                                 const uint32_t *samples, size_t n, size_t column, double whole,
                                 leati_importance *out)
{
    double drop[REPEATS];
    double sign = e->metric->greater_is_better ? 1 : -1;
    for (uint32_t r = 0; r < REPEATS; r++) {
        leati_rng rng;
        leat_frame *f;
        double score;
        leati_rng_init(&rng, e->seed, LEATI_RNG_PERMUTE, (uint32_t)column * REPEATS + r);
        LEATI_TRY(shuffled(c, e, samples, n, column, &rng, &f));
        bool before = leati_context_set_made_up(c, true);
        leat_status st = score_rows(c, e, p, f, samples, n, &score);
        (void)leati_context_set_made_up(c, before);
        leat_frame_release(f);
        LEATI_TRY(st);
        drop[r] = sign * (whole - score);
    }
    leati_interval i = leati_interval_mean(drop, REPEATS, 0.95);
    *out = (leati_importance){e->frame->name[column], i.estimate, i.low, i.high};
    return LEAT_OK;
}

static int more_important(const void *a, const void *b)
{
    const leati_importance *x = a, *y = b;
    return (x->mean < y->mean) - (x->mean > y->mean);
}

static leat_status choose_samples(leat_context *c, const leat_experiment *e, uint32_t **out,
                                  size_t *n)
{
    uint32_t *all = leati_array(c, e->target.count, sizeof *all);
    if (!all) return leat_error_status(c);
    leati_rng rng;
    for (size_t i = 0; i < e->target.count; i++) all[i] = (uint32_t)i;
    leati_rng_init(&rng, e->seed, LEATI_RNG_SAMPLE, 0);
    if (e->target.count > IMPORTANCE_ROWS) leati_rng_shuffle(&rng, all, e->target.count);
    *n = e->target.count < IMPORTANCE_ROWS ? e->target.count : IMPORTANCE_ROWS;
    *out = all;
    return LEAT_OK;
}

static leat_status importances(leat_context *c, leat_experiment *e, const leati_pipeline *p)
{
    uint32_t *samples = NULL;
    size_t n = 0, columns = e->frame->columns;
    double whole;
    LEATI_TRY(choose_samples(c, e, &samples, &n));
    leat_status st;
    e->importance = LEATI_NEW(c, leati_importance, columns);
    st = e->importance ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) st = score_rows(c, e, p, e->frame, samples, n, &whole);
    for (size_t k = 0; k < columns && st == LEAT_OK; k++) {
        st = leati_progress(c, "importances", k, columns);
        if (st == LEAT_OK) st = importance_of(c, e, p, samples, n, k, whole, &e->importance[k]);
        if (st == LEAT_OK) e->importance_count++;
    }
    if (st == LEAT_OK) st = leati_progress(c, "importances", columns, columns);
    if (st == LEAT_OK)
        qsort(e->importance, e->importance_count, sizeof *e->importance, more_important);
    leati_free(samples);
    return st;
}

/* --- curves -------------------------------------------------------------------------------------
 */

leat_status leati_curve_folds_make(leat_context *c, const leat_experiment *e, size_t most,
                                   leati_curve_folds *out)
{
    bool single = leati_folds_single(e->folds.fold, e->folds.count);
    *out = (leati_curve_folds){.folds = e->folds};
    if (!single && e->folds.spec.kind != LEATI_SPLIT_HOLDOUT) {
        if (out->folds.count > most) out->folds.count = most;
        return LEAT_OK;
    }
    uint32_t folds = e->target.count < OWN_FOLDS ? (uint32_t)e->target.count : OWN_FOLDS;
    leati_split_spec spec = {.kind = e->target.label ? LEATI_SPLIT_STRATIFIED : LEATI_SPLIT_KFOLD,
                             .folds = folds,
                             .repeats = 1};
    leati_split_data data = {
        .rows = e->target.count, .label = e->target.label, .classes = e->schema.classes};
    out->own = true;
    return leati_split_make(c, &out->folds, &spec, &data, e->seed);
}

void leati_curve_folds_fini(leati_curve_folds *f)
{
    if (f->own) leati_folds_fini(&f->folds);
}

leat_status leati_fit_scores(leat_context *c, const leat_experiment *e,
                             const leati_estimator *estimator, const leati_recipe *recipe,
                             const leati_fold *fold, const uint32_t *train, size_t train_count,
                             double *train_score, double *validation_score)
{
    leati_pipeline p;
    leati_problem problem = {e->frame, &e->schema, &e->target, fold->seed, NULL};
    LEATI_TRY(leati_pipeline_init(c, &p, estimator, recipe));
    leat_status st = leati_pipeline_fit(c, &p, &problem, train, train_count);
    if (st == LEAT_OK) st = score_rows(c, e, &p, e->frame, train, train_count, train_score);
    if (st == LEAT_OK)
        st = score_rows(c, e, &p, e->frame, fold->test, fold->test_count, validation_score);
    leati_pipeline_fini(&p);
    if (st == LEAT_OK || st == LEAT_NOMEM || st == LEAT_CANCELLED || st == LEAT_INTERNAL) return st;
    leat_error_clear(c); /* a part too small for this estimator, say */
    *train_score = *validation_score = (double)NAN;
    return LEAT_OK;
}

typedef struct curve_job {
    leat_context *context;
    leat_experiment *e;
    size_t done, total;
} curve_job;

static leat_status curve_fit(void *user, const uint32_t *train, size_t train_count,
                             const leati_fold *fold, double x, double *train_score,
                             double *validation_score)
{
    (void)x;
    curve_job *j = user;
    const leati_entry *best = j->e->best;
    LEATI_TRY(leati_progress(j->context, "learning curve", j->done++, j->total));
    leati_stage_set(j->context, "learning curve, fit %zu of %zu", j->done, j->total);
    leat_status st = leati_fit_scores(j->context, j->e, best->estimator, &best->recipe, fold, train,
                                      train_count, train_score, validation_score);
    leati_stage_set(j->context, "%s", "");
    return st;
}

static double baseline_score(const leat_experiment *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->entries[i].is_baseline && !e->entries[i].failed) return e->entries[i].mean;
    return (double)NAN;
}

/* More rows are also more updates, so a curve of trainings that ended early reads like one of too
 * few data. */
static void doubt_curve(leat_experiment *e, char *sentence, size_t size)
{
    size_t epochs = leati_unfinished_epochs(e);
    if (epochs == 0) return;
    e->curve_verdict = LEATI_VERDICT_UNKNOWN;
    snprintf(sentence, size,
             "the curve says how far the network got in %zu epochs, not what the data give: its "
             "training loss was still falling; train longer first: network.epochs=%zu",
             e->history.epochs, epochs);
}

/* A line behind those of the reading: not of the verdict, which the model file holds and which must
 * not depend on what there was time for. */
static leat_status add_reading(leat_context *c, leat_experiment *e, const char *line)
{
    leati_str s;
    leati_str_init(&s, c);
    if (e->curve_reading) leati_str_addf(&s, "%s\n", e->curve_reading);
    leati_str_add(&s, line);
    char *text = leati_str_take(&s);
    if (!text) return leat_error_status(c);
    leati_free(e->curve_reading);
    e->curve_reading = text;
    return LEAT_OK;
}

static leat_status measure_curve(leat_context *c, leat_experiment *e, const leati_folds *folds)
{
    size_t sizes[CURVE_SIZES], most = folds->fold[0].train_count;
    for (size_t i = 0; i < folds->count; i++)
        if (folds->fold[i].train_count < most) most = folds->fold[i].train_count;
    size_t n = leati_curve_sizes(most, CURVE_SIZES, sizes);
    curve_job job = {.context = c, .e = e, .total = n * folds->count};
    e->curve = LEATI_NEW(c, leati_curve_point, n);
    if (!e->curve) return leat_error_status(c);
    LEATI_TRY(leati_learning_curve(c, folds, e->target.label, e->schema.classes, sizes, n,
                                   curve_fit, &job, e->curve));
    LEATI_TRY(leati_progress(c, "learning curve", job.total, job.total));
    e->curve_count = n;
    char sentence[512];
    e->curve_verdict =
        leati_curve_read(e->metric, e->curve, n, baseline_score(e), sentence, sizeof sentence);
    doubt_curve(e, sentence, sizeof sentence);
    return add_reading(c, e, sentence);
}

static leat_status learning_curve(leat_context *c, leat_experiment *e)
{
    leati_curve_folds f;
    LEATI_TRY(leati_curve_folds_make(c, e, CURVE_FOLDS, &f));
    leat_status st = measure_curve(c, e, &f.folds);
    leati_curve_folds_fini(&f);
    return st;
}

static void forget_importances(leat_experiment *e)
{
    leati_free(e->importance);
    e->importance = NULL;
    e->importance_count = 0;
}

static void forget_curve(leat_experiment *e)
{
    leati_free(e->curve);
    e->curve = NULL;
    e->curve_count = 0;
}

/* Runs one of the two if there is time for it, and forgets what the time budget cut short. */
static leat_status look(leat_context *c, leat_experiment *e, const leati_pipeline *p, bool curve,
                        double cost, leati_str *why)
{
    const char *name = curve ? "learning curve" : "importances";
    double left = leati_budget_left(e);
    if (cost > SECONDS_MOST || cost > left) {
        leati_str_addf(why, "%s: left out, %s would take about %.0f s%s. ", name,
                       curve ? "it" : "they", cost,
                       cost > left ? ", more than is left of the time budget" : "");
        return LEAT_OK;
    }
    leat_status st = curve ? learning_curve(c, e) : importances(c, e, p);
    if (st != LEAT_CANCELLED) return st;
    bool in_time = !leati_budget_ended(c, st);
    if (curve) forget_curve(e);
    else forget_importances(e);
    leati_str_addf(why, "%s: left out, %s. ", name,
                   in_time ? "interrupted" : "the time budget ended");
    return in_time ? st : LEAT_OK;
}

/* --- by heart -----------------------------------------------------------------------------------
 */

/* Errors by their distance from perfection: next to none on the rows learned from, and many more,
 * by a good part of what the baseline has, on those left out. */
static bool is_by_heart(const leat_experiment *e, double train)
{
    enum { TIMES = 4 };
    double best = leati_metric_best(e->metric), floor = fabs(best - baseline_score(e));
    double here = fabs(best - train), there = fabs(best - e->best->mean);
    return isfinite(floor) && TIMES * here < there && there - here > 0.2 * floor;
}

static leat_status say_by_heart(leat_context *c, leat_experiment *e, double train)
{
    char line[400], on[40], off[40];
    leati_metric_format(e->metric, train, on);
    leati_metric_format(e->metric, e->best->mean, off);
    snprintf(line, sizeof line,
             "network learned its rows by heart: %s is %s on them and %s on rows left out; %s",
             e->metric->title, on, off,
             e->history.validated
                 ? "its curves in the report show from which epoch on"
                 : "--set network.validation_fraction=0.2 draws the loss on rows set aside by "
                   "epoch, and keeps the best one");
    return add_reading(c, e, line);
}

/* The curves of a training show it only where rows were set aside. */
static leat_status by_heart(leat_context *c, leat_experiment *e, const leati_pipeline *p,
                            double cost)
{
    uint32_t *samples = NULL;
    size_t n = 0;
    double train = (double)NAN;
    if (strcmp(p->estimator->class->name, "network") != 0 || cost > SECONDS_MOST ||
        cost > leati_budget_left(e))
        return LEAT_OK;
    LEATI_TRY(choose_samples(c, e, &samples, &n));
    leat_status st = score_rows(c, e, p, e->frame, samples, n, &train);
    leati_free(samples);
    if (leati_budget_ended(c, st)) return LEAT_OK;
    LEATI_TRY(st);
    return is_by_heart(e, train) ? say_by_heart(c, e, train) : LEAT_OK;
}

leat_status leati_explain(leat_context *c, leat_experiment *e, const leati_pipeline *p)
{
    const leati_entry *best = e->best;
    size_t columns = e->frame->columns, rows = e->target.count;
    double test_rows = 0;
    for (size_t i = 0; i < e->folds.count; i++) test_rows += (double)e->folds.fold[i].test_count;
    double per_row =
        best->predict_seconds * (double)e->folds.count / (test_rows > 0 ? test_rows : 1);
    double looked_at = rows < IMPORTANCE_ROWS ? (double)rows : IMPORTANCE_ROWS;
    double importance_cost = per_row * looked_at * (double)columns * REPEATS;
    double curve_cost = (best->fit_seconds + per_row * (double)rows) * CURVE_FOLDS * 2.5;
    leati_str why;
    leati_str_init(&why, c);
    leat_status st = by_heart(c, e, p, per_row * looked_at);
    if (st != LEAT_OK) goto out;
    if (columns < 2) leati_str_add(&why, "importances: there is one column only. ");
    else if (columns > IMPORTANCE_COLUMNS)
        leati_str_addf(&why, "importances: left out, they would take about %.0f s. ",
                       importance_cost);
    else st = look(c, e, p, false, importance_cost, &why);
    if (st == LEAT_OK) st = look(c, e, p, true, curve_cost, &why);
    else if (st == LEAT_CANCELLED) leati_str_add(&why, "learning curve: left out, interrupted. ");
out:
    if (why.length) e->skipped = leati_str_take(&why);
    else leati_str_fini(&why);
    return st;
}
