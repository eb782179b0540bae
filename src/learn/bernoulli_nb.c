/* Owns: Bernoulli naive Bayes (features that are present or absent). */
#include <math.h>

#include "base/error.h"
#include "learn/nb_counts.h"

static const leati_param params[] = {LEATI_NB_COUNTS_PARAMS,
                                     {.name = "binarize",
                                      .type = LEATI_PARAM_REAL,
                                      .offset = offsetof(leati_nb_counts, binarize),
                                      .standard = "0",
                                      .least = -HUGE_VAL,
                                      .most = HUGE_VAL,
                                      .doc = "A feature is present when its value is above this."},
                                     {.name = NULL}};

/* log P(x | class) = sum over present of log p + sum over absent of log (1 - p). */
static void derive(leati_nb_counts *n)
{
    size_t p = n->base.features;
    for (size_t k = 0; k < n->base.classes; k++) {
        n->constant[k] = n->log_prior[k];
        for (size_t j = k * p; j < (k + 1) * p; j++) {
            double absent = log1p(-exp(n->log_prob[j]));
            n->constant[k] += absent;
            n->weight[j] = n->log_prob[j] - absent;
        }
    }
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    leati_nb_counts *n = (leati_nb_counts *)e;
    size_t p = e->features;
    LEATI_TRY(leati_nb_counts_alloc(n, c));
    LEATI_TRY(leati_nb_counts_sum(n, c, d, true, n->constant, n->log_prob));
    leati_nb_log_prior(n->constant, e->classes, !n->fit_prior, n->log_prior);
    for (size_t k = 0; k < e->classes; k++) {
        double total = log(n->constant[k] + 2 * n->alpha);
        for (size_t j = k * p; j < (k + 1) * p; j++)
            n->log_prob[j] = log(n->log_prob[j] + n->alpha) - total;
    }
    derive(n);
    for (size_t k = 0; k < e->classes; k++)
        LEATI_CHECK(c,
                    !isnan(n->constant[k]) && n->constant[k] != HUGE_VAL &&
                        (n->log_prior[k] == -HUGE_VAL || isfinite(n->constant[k])),
                    LEAT_NUMERIC,
                    "bernoulli_nb.alpha is too small or too large for these counts: a probability "
                    "rounds to 0 or 1");
    return LEAT_OK;
}

static void tile(const leati_estimator *e, const leati_learn_loops *loops, const double *xt,
                 double *scores)
{
    (void)loops;
    const leati_nb_counts *n = (const leati_nb_counts *)e;
    enum { T = LEATI_NB_TILE };
    for (size_t k = 0; k < e->classes; k++) {
        const double *weight = n->weight + k * e->features;
        double sum[T] = {0};
        for (size_t j = 0; j < e->features; j++)
            for (size_t r = 0; r < T; r++) sum[r] += xt[j * T + r] > n->binarize ? weight[j] : 0;
        for (size_t r = 0; r < T; r++) scores[r * e->classes + k] = n->constant[k] + sum[r];
    }
}

static leat_status decision(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            double *out)
{
    return leati_nb_scores(e, c, x, tile, out);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    leati_nb_counts *n = (leati_nb_counts *)e;
    LEATI_TRY(leati_nb_counts_load(n, c, s));
    for (size_t j = 0; j < e->classes * e->features; j++)
        LEATI_CHECK(c, n->log_prob[j] < 0 && n->log_prob[j] > -HUGE_VAL, LEAT_FORMAT,
                    "damaged model: bernoulli_nb has a probability of 0 or 1");
    derive(n);
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_bernoulli_nb = {
    .name = "bernoulli_nb",
    .title = "Bernoulli naive Bayes",
    .doc = "Takes each feature as present or absent, independently within a class; unlike the "
           "multinomial model it also learns from what is absent. For short texts and flags.",
    .traits = LEATI_CLASSIFIER | LEATI_TAKES_WEIGHTS | LEATI_WANTS_F32,
    .size = sizeof(leati_nb_counts),
    .params = params,
    .fit = fit,
    .proba = leati_nb_proba,
    .decision = decision,
    .save = leati_nb_counts_save,
    .load = load,
    .clear = leati_nb_counts_clear};
