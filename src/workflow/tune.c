/* Owns: evaluating the candidates of a search on folds and keeping the best. */
#include "workflow/tune.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "workflow/budget.h"
#include "workflow/entries.h"

typedef struct tuning {
    leat_context *context;
    leat_experiment *e;
    leati_entry *k;
    const leati_candidates *candidates;
    const leati_fold *folds;
    size_t fold_count;
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
    leat_status st =
        leati_folds_score(c, t->e, estimator, &t->k->recipe, t->folds, t->fold_count, folds, &mean);
    leati_estimator_destroy(estimator);
    if (st == LEAT_OK) foresee(t, leati_now_s() - begun, folds);
    if (st == LEAT_NOMEM || st == LEAT_CANCELLED || st == LEAT_INTERNAL) return st;
    if (st != LEAT_OK) {
        if (!t->why) t->why = leati_strdup(c, leat_error_message(c));
        leat_error_clear(c);
        mean = (double)NAN;
    }
    *score = t->e->metric->greater_is_better ? mean : -mean;
    return LEAT_OK;
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
    double least =
        (leati_folds_single(t->folds, t->fold_count) ? LEAST_ROWS : 1.0) / (double)t->fold_count;
    leat_status st =
        leati_search_run(c, &result, candidates.count, &t->e->search, least, trials, evaluate, t);
    if (st == LEAT_OK && result.count && !isnan(result.trial[result.best].score))
        st = estimator_of(c, t->k, &candidates.at[result.trial[result.best].index], out);
    if (st == LEAT_OK) {
        t->k->tried = result.count;
        t->k->search_cut = result.out_of_time;
    }
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
