/* Owns: multinomial naive Bayes (counts of words, of events). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "learn/nb_counts.h"

static const leati_param params[] = {LEATI_NB_COUNTS_PARAMS, {.name = NULL}};

static void derive(leati_nb_counts *n)
{
    size_t k = n->base.classes;
    memcpy(n->weight, n->log_prob, k * n->base.features * sizeof *n->weight);
    memcpy(n->constant, n->log_prior, k * sizeof *n->constant);
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    leati_nb_counts *n = (leati_nb_counts *)e;
    size_t p = e->features;
    LEATI_TRY(leati_nb_counts_alloc(n, c));
    LEATI_TRY(leati_nb_counts_sum(n, c, d, false, n->constant, n->log_prob));
    leati_nb_log_prior(n->constant, e->classes, !n->fit_prior, n->log_prior);
    for (size_t k = 0; k < e->classes; k++) {
        double *prob = n->log_prob + k * p, sum = 0;
        for (size_t j = 0; j < p; j++) sum += prob[j] += n->alpha;
        LEATI_CHECK(c, isfinite(sum), LEAT_NUMERIC, "multinomial_nb: the counts overflow");
        for (size_t j = 0; j < p; j++) prob[j] = fmin(log(prob[j]) - log(sum), 0);
    }
    derive(n);
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
            for (size_t r = 0; r < T; r++) sum[r] += xt[j * T + r] * weight[j];
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
    LEATI_TRY(leati_nb_counts_load((leati_nb_counts *)e, c, s));
    derive((leati_nb_counts *)e);
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_multinomial_nb = {
    .name = "multinomial_nb",
    .title = "multinomial naive Bayes",
    .doc = "Takes each row as counts drawn from the frequencies of its class: the classic first "
           "model for text as bags of words.",
    .traits = LEATI_CLASSIFIER | LEATI_TAKES_WEIGHTS | LEATI_NOT_NEGATIVE | LEATI_WANTS_F32,
    .size = sizeof(leati_nb_counts),
    .params = params,
    .fit = fit,
    .proba = leati_nb_proba,
    .decision = decision,
    .save = leati_nb_counts_save,
    .load = load,
    .clear = leati_nb_counts_clear};
