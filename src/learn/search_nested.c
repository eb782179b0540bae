/* Owns: nested cross-validation. */
#include <math.h>

#include "base/error.h"
#include "base/progress.h"
#include "learn/search.h"

/* Mean over the inner folds; NaN as soon as one failed. */
static leat_status inner_mean(const leati_folds *inner, size_t index, leati_nested_fn evaluate,
                              void *user, double *mean)
{
    double sum = 0;
    for (size_t f = 0; f < inner->count && !isnan(sum); f++) {
        double score = (double)NAN;
        LEATI_TRY(evaluate(user, index, &inner->fold[f], &score));
        sum += score;
    }
    *mean = sum / (double)inner->count;
    return LEAT_OK;
}

static leat_status run_fold(leat_context *c, const leati_folds *inner, const leati_fold *outer,
                            size_t candidates, leati_nested_fn evaluate, void *user,
                            leati_nested_fold *out)
{
    *out = (leati_nested_fold){0, (double)NAN, (double)NAN};
    for (size_t i = 0; i < candidates; i++) {
        double mean;
        LEATI_TRY(leati_progress(c, "nested cross-validation", i, candidates));
        LEATI_TRY(inner_mean(inner, i, evaluate, user, &mean));
        if (isnan(mean) || mean <= out->inner_score) continue; /* false while none stands */
        out->chosen = i;
        out->inner_score = mean;
    }
    return evaluate(user, out->chosen, outer, &out->outer_score);
}

leat_status leati_nested_run(leat_context *c, const leati_folds *folds,
                             const leati_split_data *data, uint32_t inner, size_t candidates,
                             leati_nested_fn evaluate, void *user, leati_nested_fold *out)
{
    LEATI_CHECK(c, candidates > 0, LEAT_INVALID, "there are no candidates to search");
    for (size_t f = 0; f < folds->count; f++) {
        leati_folds within;
        LEATI_TRY(leati_split_inner(c, &within, folds, &folds->fold[f], data, inner));
        leat_status st = run_fold(c, &within, &folds->fold[f], candidates, evaluate, user, &out[f]);
        leati_folds_fini(&within);
        LEATI_TRY(st);
    }
    return LEAT_OK;
}
