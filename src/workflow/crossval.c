/* Owns: cross-validating one candidate. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"
#include "learn/stats_sum.h"
#include "workflow/budget.h"
#include "workflow/entries.h"
#include "workflow/tune.h"

/* What one fold needs; reused from fold to fold. */
typedef struct bench {
    leati_predictions out;
    uint32_t *rows; /* frame rows of the test samples */
    uint32_t *label;
    double *y;
    double fit_seconds, predict_seconds; /* summed over folds */
} bench;

static void bench_fini(bench *b)
{
    leati_free(b->out.value);
    leati_free(b->out.proba);
    leati_free(b->out.score);
    leati_free(b->rows);
    leati_free(b->label);
    leati_free(b->y);
}

static leat_status bench_init(leat_context *c, bench *b, const leat_experiment *e,
                              const leati_estimator *estimator, const leati_fold *folds,
                              size_t count)
{
    size_t most = 0, classes = e->schema.classes;
    const leati_estimator_class *class = estimator->class;
    bool classify = e->schema.task == LEATI_CLASSIFY;
    *b = (bench){0};
    for (size_t i = 0; i < count; i++)
        if (folds[i].test_count > most) most = folds[i].test_count;
    bool failed = !(b->out.value = leati_array(c, most, sizeof(double))) ||
                  !(b->rows = leati_array(c, most, sizeof *b->rows));
    if (classify) failed = failed || !(b->label = leati_array(c, most, sizeof *b->label));
    else failed = failed || !(b->y = leati_array(c, most, sizeof *b->y));
    bool proba = classify && class->proba;
    if (proba && class->gives_proba) proba = class->gives_proba(estimator);
    if (proba) failed = failed || !(b->out.proba = LEATI_NEW(c, double, most *classes));
    if (classify && !proba && class->decision)
        failed = failed || !(b->out.score = LEATI_NEW(c, double, most *classes));
    if (!failed) return LEAT_OK;
    bench_fini(b);
    return leat_error_status(c);
}

static leat_status keep_predictions(leat_context *c, const leat_experiment *e, leati_entry *k,
                                    const bench *b)
{
    size_t n = e->target.count, cells = n * e->schema.classes;
    k->scores = LEATI_NEW(c, double, e->folds.count);
    k->value = leati_array(c, n, sizeof *k->value);
    if (b->out.proba) k->proba = leati_array(c, cells, sizeof *k->proba);
    if (b->out.score) k->score = leati_array(c, cells, sizeof *k->score);
    if (!k->scores || !k->value || (b->out.proba && !k->proba) || (b->out.score && !k->score))
        return leat_error_status(c);
    for (size_t i = 0; i < n; i++) k->value[i] = (double)NAN;
    for (size_t i = 0; k->proba && i < cells; i++) k->proba[i] = (double)NAN;
    for (size_t i = 0; k->score && i < cells; i++) k->score[i] = (double)NAN;
    return LEAT_OK;
}

static void store_predictions(const leat_experiment *e, leati_entry *k, const bench *b,
                              const leati_fold *fold)
{
    size_t classes = e->schema.classes;
    if (fold->repeat > 0) return;
    for (size_t i = 0; i < fold->test_count; i++) {
        size_t s = fold->test[i];
        k->value[s] = b->out.value[i];
        for (size_t j = 0; j < classes; j++) {
            if (k->proba) k->proba[s * classes + j] = b->out.proba[i * classes + j];
            if (k->score) k->score[s * classes + j] = b->out.score[i * classes + j];
        }
    }
}

static leati_eval bench_eval(const leat_experiment *e, const bench *b, size_t rows)
{
    return (leati_eval){.task = e->schema.task,
                        .rows = rows,
                        .classes = e->schema.classes,
                        .label = b->label,
                        .y = b->y,
                        .prediction = b->out.value,
                        .proba = b->out.proba,
                        .scores = b->out.score ? b->out.score : b->out.proba};
}

/* A network whose training ran away, though its weights are finite. */
static leat_status hint_at_rate(leat_context *c, const leati_estimator *estimator, leat_status st)
{
    if (st == LEAT_NUMERIC && estimator->class->traits & LEATI_MAY_OVERFLOW)
        leati_error_hint(c, "Lower the learning rate, scale the inputs, or clip the gradient "
                            "(clip_norm=1).");
    return st;
}

/* Fits on a fold's training part and scores on its test part; the predictions stay in b. */
static leat_status run_fold(leat_context *c, const leat_experiment *e,
                            const leati_estimator *estimator, const leati_recipe *recipe,
                            const leati_fold *fold, const leati_run_folder *run, bench *b,
                            double *score)
{
    const leati_target *t = &e->target;
    leati_problem problem = {e->frame, &e->schema, t, fold->seed, run};
    leati_pipeline p;
    LEATI_TRY(leati_pipeline_init(c, &p, estimator, recipe));
    double start = leati_now_s();
    leat_status st = leati_pipeline_fit(c, &p, &problem, fold->train, fold->train_count);
    double fitted = leati_now_s();
    for (size_t i = 0; i < fold->test_count; i++) {
        b->rows[i] = t->rows[fold->test[i]];
        if (b->label) b->label[i] = t->label[fold->test[i]];
        else b->y[i] = t->y[fold->test[i]];
    }
    if (st == LEAT_OK)
        st = hint_at_rate(
            c, estimator,
            leati_pipeline_predict(c, &p, e->frame, b->rows, fold->test_count, &b->out));
    b->fit_seconds += fitted - start;
    b->predict_seconds += leati_now_s() - fitted;
    leati_eval eval = bench_eval(e, b, fold->test_count);
    if (st == LEAT_OK) st = leati_metric_eval(c, e->metric, &eval, score);
    leati_pipeline_fini(&p);
    return st;
}

bool leati_folds_single(const leati_fold *fold, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fold[i].test_count != 1 || fold[i].repeat > 0) return false;
    return count > 1;
}

/* What was predicted for the single rows of folds, gathered into one evaluation. Such folds stand
 * in the order of the table, which may be sorted by the target: those taken are spread over all. */
static leat_status score_together(leat_context *c, const leat_experiment *e,
                                  const leati_estimator *estimator, const leati_recipe *recipe,
                                  const leati_fold *folds, size_t count, size_t some, double *score)
{
    const leati_target *t = &e->target;
    size_t classes = e->schema.classes;
    bench b, all;
    leati_fold whole = {.test_count = some};
    double ignored;
    LEATI_TRY(bench_init(c, &b, e, estimator, folds, count));
    leat_status st = bench_init(c, &all, e, estimator, &whole, 1);
    if (st != LEAT_OK) {
        bench_fini(&b);
        return st;
    }
    for (size_t i = 0; i < some; i++) {
        const leati_fold *fold = &folds[i * count / some];
        LEATI_GO(run_fold(c, e, estimator, recipe, fold, NULL, &b, &ignored));
        all.out.value[i] = b.out.value[0];
        if (all.label) all.label[i] = t->label[fold->test[0]];
        else all.y[i] = t->y[fold->test[0]];
        size_t row = classes * sizeof(double);
        if (all.out.proba) memcpy(all.out.proba + i * classes, b.out.proba, row);
        if (all.out.score) memcpy(all.out.score + i * classes, b.out.score, row);
    }
    leati_eval eval = bench_eval(e, &all, some);
    LEATI_GO(leati_metric_eval(c, e->metric, &eval, score));
out:
    bench_fini(&b);
    bench_fini(&all);
    return st;
}

leat_status leati_folds_score(leat_context *c, const leat_experiment *e,
                              const leati_estimator *estimator, const leati_recipe *recipe,
                              const leati_fold *folds, size_t count, size_t some, double *each,
                              double *mean)
{
    bench b;
    double sum = 0, score = 0;
    size_t n = 0;
    for (size_t i = 0; i < some; i++) each[i] = (double)NAN;
    if (leati_folds_single(folds, count))
        return score_together(c, e, estimator, recipe, folds, count, some, mean);
    LEATI_TRY(bench_init(c, &b, e, estimator, folds, count));
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < some; i++) {
        st = run_fold(c, e, estimator, recipe, &folds[i], NULL, &b, &score);
        if (st != LEAT_OK || isnan(score)) continue;
        each[i] = score;
        sum += score;
        n++;
    }
    *mean = n ? sum / (double)n : (double)NAN;
    bench_fini(&b);
    return st;
}

/* NaN scores (a metric without a value on a fold) are left out; fewer than two of the others have
 * no spread. */
static void summarise(leati_entry *k)
{
    double sum = 0, squares = 0, most = 0;
    size_t n = 0;
    for (size_t i = 0; i < k->fold_count; i++) {
        if (isnan(k->scores[i])) continue;
        sum += k->scores[i];
        n++;
    }
    k->mean = n ? sum / (double)n : (double)NAN;
    for (size_t i = 0; i < k->fold_count; i++) most = fmax(most, fabs(k->scores[i] - k->mean));
    double unit = leati_unit_of(most);
    for (size_t i = 0; i < k->fold_count; i++) {
        double d = (k->scores[i] - k->mean) / unit;
        if (!isnan(d)) squares += d * d;
    }
    k->std = n > 1 ? unit * sqrt(squares / (double)(n - 1)) : (double)NAN;
    k->low = k->high = k->mean;
    k->fit_seconds /= (double)k->fold_count;
    k->predict_seconds /= (double)k->fold_count;
}

const char *leati_entry_why(const leati_entry *k, const char *message)
{
    const char *name = k->estimator->class->name;
    size_t n = strlen(name);
    if (strncmp(message, name, n) != 0 || message[n] != ':') return message;
    return message + n + 1 + (message[n + 1] == ' ');
}

/* The estimator does not suit the data: said on the leaderboard, not an error of the run. */
leat_status leati_entry_fail(leat_context *c, const leat_experiment *e, leati_entry *k,
                             leat_status st, const char *what)
{
    leati_str s;
    if (st == LEAT_NOMEM || st == LEAT_CANCELLED || st == LEAT_INTERNAL) return st;
    /* a checkpoint that is of something else, or damaged, or cannot be written */
    if (st == LEAT_DIFFERS || st == LEAT_IO || (st == LEAT_FORMAT && e->resume)) return st;
    leati_str_init(&s, c);
    const char *message = leat_error_message(c);
    leati_str_addf(&s, "%s%s", what, *what ? leati_entry_why(k, message) : message);
    k->status = st;
    leat_error_clear(c);
    k->failed = leati_str_take(&s);
    k->mean = k->std = k->low = k->high = (double)NAN;
    return k->failed ? LEAT_OK : LEAT_NOMEM;
}

/* Seconds of one fit before it leaves checkpoints: what takes less is done again as soon. */
static const double WAIT = 10;

char *leati_fold_folder(leat_context *c, const char *run, const leati_entry *k, size_t fold)
{
    leati_str s;
    leati_str_init(&s, c);
    leati_str_addf(&s, "%s/model-%zu-fold-%zu", run, k->number, fold + 1);
    return leati_str_take(&s);
}

/* One fold of an entry; with a nested search its parameters are chosen on the fold's own training
 * rows. */
static leat_status entry_fold(leat_context *c, leat_experiment *e, leati_entry *k, bench *b,
                              size_t i)
{
    const leati_fold *fold = &e->folds.fold[i];
    leati_estimator *chosen = NULL;
    bool nested = e->folds.spec.kind == LEATI_SPLIT_NESTED && k->space.count > 0;
    if (nested) LEATI_TRY(leati_tune_inner(c, e, k, fold, &chosen));
    leati_run_folder run = {.resume = e->resume, .wait = WAIT, .history = &e->history};
    char *folder = e->run_folder ? leati_fold_folder(c, e->run_folder, k, i) : NULL;
    run.path = folder;
    leat_status st = leat_error_status(c);
    if (e->folds.count > 1) leati_stage_set(c, "fold %zu of %zu", i + 1, e->folds.count);
    else leati_stage_set(c, "hold-out");
    if (st == LEAT_OK)
        st = run_fold(c, e, nested ? chosen : k->estimator, &k->recipe, fold,
                      e->run_folder ? &run : NULL, b, &k->scores[i]);
    leati_stage_set(c, "%s", "");
    leati_free(folder);
    leati_estimator_destroy(chosen);
    if (st == LEAT_OK) store_predictions(e, k, b, fold);
    return st;
}

leat_status leati_entry_run(leat_context *c, leat_experiment *e, leati_entry *k, size_t *done,
                            size_t total)
{
    bench b;
    LEATI_TRY(bench_init(c, &b, e, k->estimator, e->folds.fold, e->folds.count));
    leat_status st = keep_predictions(c, e, k, &b);
    k->fold_count = e->folds.count;
    for (size_t i = 0; st == LEAT_OK && i < e->folds.count; i++) {
        double fit = b.fit_seconds, predict = b.predict_seconds;
        st = leati_progress(c, k->estimator->class->name, (*done)++, total);
        if (st == LEAT_OK) st = entry_fold(c, e, k, &b, i);
        if (st != LEAT_OK) break;
        k->folds_done = i + 1;
        leati_budget_foresee(e, k, &e->folds.fold[i], b.fit_seconds - fit,
                             b.predict_seconds - predict);
        leati_budget_aim(c, e, k->final_seconds);
    }
    k->fit_seconds = b.fit_seconds;
    k->predict_seconds = b.predict_seconds;
    bench_fini(&b);
    if (st != LEAT_OK) return leati_entry_fail(c, e, k, st, "");
    summarise(k);
    return LEAT_OK;
}
