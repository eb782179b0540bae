/* Owns: evaluating the candidates of a search on folds and keeping the best. */
#include "workflow/tune.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"
#include "learn/stats.h"
#include "workflow/budget.h"
#include "workflow/entries.h"

typedef struct tuning {
    leat_context *context;
    leat_experiment *e;
    leati_entry *k;
    const leati_candidates *candidates;
    const leati_fold *folds;
    size_t fold_count;
    double *each;       /* (fold_count) scores of a trial */
    leati_tried *tried; /* (candidates); NULL within a fold */
    size_t done;
    bool inner;     /* within a fold */
    double slowest; /* seconds of a trial on all folds */
    char *why;      /* the first failure of a candidate, or NULL */
} tuning;

static leat_status estimator_of(leat_context *c, const leati_entry *k, const leati_candidate *set,
                                leati_estimator **out)
{
    LEATI_TRY(leati_estimator_clone(c, out, k->estimator));
    for (size_t i = 0; i < set->count; i++) {
        leat_status st = leati_estimator_set(c, *out, set->set[i].name, set->set[i].value);
        if (st == LEAT_OK) continue;
        leati_estimator_destroy(*out);
        *out = NULL;
        return st;
    }
    return LEAT_OK;
}

/* Fewer single rows than this rank nothing. */
enum { LEAST_ROWS = 20 };

/* Time is kept for what follows the search, all folds once more and the final fit, which may take
 * twice as long as now; and some for the rest. */
static void foresee(tuning *t, double seconds, size_t folds)
{
    double all = seconds * (double)t->fold_count / (double)folds;
    if (t->inner || all <= t->slowest) return;
    t->slowest = all;
    leati_budget_aim(t->context, t->e,
                     2 * (all + 1.5 * all / (double)t->fold_count) + 0.03 * t->e->budget);
}

static char *params_of(leat_context *c, const leati_candidate *set)
{
    leati_str s;
    leati_str_init(&s, c);
    for (size_t i = 0; i < set->count; i++)
        leati_str_addf(&s, "%s%s=%s", i ? " " : "", set->set[i].name, set->set[i].value);
    return leati_str_take(&s);
}

static double spread(const double *score, size_t count, double mean)
{
    double squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(score[i])) continue;
        squares += (score[i] - mean) * (score[i] - mean);
        n++;
    }
    return n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
}

/* Of a candidate that halving kept the last trial stands, which has the most folds. */
static leat_status note(tuning *t, size_t index, size_t folds, double mean, double seconds)
{
    leat_context *c = t->context;
    if (!t->tried) return LEAT_OK;
    leati_tried *x = &t->tried[index];
    if (!x->params) x->params = params_of(c, &t->candidates->at[index]);
    if (!x->params) return leat_error_status(c);
    leati_interval i = leati_interval_folds(t->each, folds, leati_folds_test_ratio(&t->e->folds),
                                            0.95, t->e->metric);
    x->mean = mean;
    x->std = spread(t->each, folds, mean);
    /* Folds that all have the same score say nothing of how sure it is. */
    x->low = i.low < i.high ? i.low : (double)NAN;
    x->high = i.low < i.high ? i.high : (double)NAN;
    x->seconds += seconds;
    x->folds = folds;
    return LEAT_OK;
}

static leat_status note_failed(tuning *t, size_t index)
{
    leat_context *c = t->context;
    char *why = leati_strdup(c, leat_error_message(c));
    if (!why) return LEAT_NOMEM;
    if (t->tried && !t->tried[index].failed) t->tried[index].failed = leati_strdup(c, why);
    if (!t->why) t->why = why;
    else leati_free(why);
    if (t->tried && !t->tried[index].failed) return LEAT_NOMEM;
    leat_error_clear(c);
    return LEAT_OK;
}

/* The resource of halving is the number of folds. */
static leat_status evaluate(void *user, size_t index, double resource, double *score)
{
    tuning *t = user;
    leat_context *c = t->context;
    leati_estimator *estimator;
    size_t folds = (size_t)ceil(resource * (double)t->fold_count - 1e-9);
    double mean = (double)NAN;
    LEATI_TRY(leati_progress(c, "search", t->done++, t->candidates->count));
    LEATI_TRY(estimator_of(c, t->k, &t->candidates->at[index], &estimator));
    double begun = leati_now_s();
    if (folds == 0) folds = 1;
    leati_stage_set(c, "search, trial %zu", t->done);
    leat_status st = leati_folds_score(c, t->e, estimator, &t->k->recipe, t->folds, t->fold_count,
                                       folds, t->each, &mean);
    double seconds = leati_now_s() - begun;
    leati_stage_set(c, "%s", "");
    leati_estimator_destroy(estimator);
    if (st == LEAT_OK) foresee(t, seconds, folds);
    if (st == LEAT_NOMEM || st == LEAT_CANCELLED || st == LEAT_INTERNAL) return st;
    if (st != LEAT_OK) {
        LEATI_TRY(note_failed(t, index));
        mean = (double)NAN;
    }
    LEATI_TRY(note(t, index, folds, mean, seconds));
    *score = t->e->metric->greater_is_better ? mean : -mean;
    return LEAT_OK;
}

/* A score on more folds stands before any on fewer, as in halving; NaN last. */
static int lower_first(const void *a, const void *b)
{
    const leati_tried *x = a, *y = b;
    if (isnan(x->mean) != isnan(y->mean)) return isnan(x->mean) ? 1 : -1;
    if (x->folds != y->folds) return x->folds < y->folds ? 1 : -1;
    if (x->mean != y->mean && !isnan(x->mean)) return x->mean < y->mean ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Best first, equals in the order of the candidates; leaves out those that were not reached. */
static size_t rank(leati_tried *x, size_t count, bool greater_is_better)
{
    double sign = greater_is_better ? -1 : 1;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        leati_tried one = x[i];
        x[i] = (leati_tried){0};
        if (!one.params) {
            leati_free(one.failed);
            continue;
        }
        one.mean *= sign;
        one.rank = i;
        x[n++] = one;
    }
    qsort(x, n, sizeof *x, lower_first);
    for (size_t i = 0; i < n; i++) {
        const leati_tried *before = i ? &x[i - 1] : NULL;
        bool equal = before && before->folds == x[i].folds && before->mean == sign * x[i].mean;
        x[i].mean *= sign;
        x[i].rank = equal ? before->rank : i + 1;
    }
    return n;
}

static void keep_tried(tuning *t, size_t candidates)
{
    leati_entry *k = t->k;
    if (!t->tried) return;
    k->trial_count = rank(t->tried, candidates, t->e->metric->greater_is_better);
    k->trial = t->tried;
    t->tried = NULL;
}

static leat_status prepare(tuning *t)
{
    leat_context *c = t->context;
    t->each = leati_array(c, t->fold_count, sizeof *t->each);
    if (!t->each) return leat_error_status(c);
    if (t->inner) return LEAT_OK;
    t->tried = LEATI_NEW(c, leati_tried, t->candidates->count);
    return t->tried ? LEAT_OK : leat_error_status(c);
}

/* *out NULL and LEAT_OK: no candidate has a score. */
static leat_status search(tuning *t, size_t trials, leati_estimator **out)
{
    leat_context *c = t->context;
    leati_candidates candidates;
    leati_search_result result = {0};
    *out = NULL;
    LEATI_TRY(leati_candidates_make(c, &candidates, &t->k->space, &t->e->search, t->e->seed));
    t->candidates = &candidates;
    leat_status st = prepare(t);
    double least =
        (leati_folds_single(t->folds, t->fold_count) ? LEAST_ROWS : 1.0) / (double)t->fold_count;
    if (st == LEAT_OK)
        st = leati_search_run(c, &result, candidates.count, &t->e->search, least, trials, evaluate,
                              t);
    if (st == LEAT_OK && result.count && !isnan(result.trial[result.best].score))
        st = estimator_of(c, t->k, &candidates.at[result.trial[result.best].index], out);
    if (st == LEAT_OK) {
        t->k->tried = result.count;
        t->k->search_cut = result.out_of_time;
    }
    keep_tried(t, candidates.count);
    leati_free(t->each);
    t->each = NULL;
    leati_search_result_fini(&result);
    leati_candidates_fini(&candidates);
    return st;
}

leat_status leati_tune_inner(leat_context *c, leat_experiment *e, leati_entry *k,
                             const leati_fold *outer, leati_estimator **out)
{
    leati_folds inner = {0};
    leati_split_data data = {.rows = e->target.count,
                             .cols = e->frame->columns,
                             .label = e->target.label,
                             .classes = e->schema.classes};
    *out = NULL;
    LEATI_TRY(leati_split_inner(c, &inner, &e->folds, outer, &data, e->folds.spec.inner));
    tuning t = {.context = c,
                .e = e,
                .k = k,
                .folds = inner.fold,
                .fold_count = inner.count,
                .inner = true};
    size_t tried = k->tried;
    bool cut = k->search_cut;
    leat_status st = search(&t, 0, out);
    k->tried = tried; /* of the search on all rows */
    k->search_cut = cut;
    /* Of a search that was cut short no fold may speak. */
    if (st == LEAT_OK) st = leati_go_on(c, "search");
    if (st != LEAT_OK) {
        leati_estimator_destroy(*out);
        *out = NULL;
    }
    if (st == LEAT_OK && !*out)
        st = LEATI_FAIL(c, LEAT_NUMERIC, "no setting of the search works: %s",
                        t.why ? t.why : "no score");
    leati_free(t.why);
    leati_folds_fini(&inner);
    return st;
}

leat_status leati_tune(leat_context *c, leat_experiment *e, leati_entry *k, size_t trials)
{
    leati_estimator *best;
    tuning t = {.context = c, .e = e, .k = k, .folds = e->folds.fold, .fold_count = e->folds.count};
    leat_status st = search(&t, trials, &best);
    if (st == LEAT_OK && best) {
        leati_estimator_destroy(k->estimator);
        k->estimator = best;
        st = leati_entry_describe(c, k);
    } else if (st == LEAT_OK) {
        k->failed = t.why ? t.why : leati_strdup(c, "no setting of the search has a score");
        t.why = NULL;
        k->status = LEAT_NUMERIC;
        k->mean = k->std = k->low = k->high = (double)NAN;
        if (!k->failed) st = leat_error_status(c);
    }
    leati_free(t.why);
    return st;
}
