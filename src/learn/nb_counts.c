/* Owns: counting, saving and loading for the naive Bayes models of counts. */
#include "learn/nb_counts.h"

#include "base/error.h"
#include "base/mem.h"

void leati_nb_counts_sum(const leati_nb_counts *n, const leati_dataset *d, bool binary,
                         double *total, double *sum)
{
    for (size_t i = 0; i < d->x.rows; i++) {
        double w = d->weight ? d->weight[i] : 1, *to = sum + d->label[i] * d->x.cols;
        total[d->label[i]] += w;
        for (size_t j = 0; j < d->x.cols; j++) {
            double v = leati_at(&d->x, i, j);
            to[j] += w * (binary ? (double)(v > n->binarize) : v);
        }
    }
}

leat_status leati_nb_counts_save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const leati_nb_counts *n = (const leati_nb_counts *)e;
    LEATI_TRY(leati_state_put(s, "log_prior", LEATI_F64, n->log_prior, e->classes, 0));
    return leati_state_put(s, "log_prob", LEATI_F64, n->log_prob, e->classes, e->features);
}

leat_status leati_nb_counts_load(leati_nb_counts *n, leat_context *c, const leati_state *s)
{
    size_t k = n->base.classes, p = n->base.features;
    LEATI_TRY(leati_state_get(c, s, "log_prior", LEATI_F64, k, 0, &n->log_prior, NULL));
    LEATI_TRY(leati_state_get(c, s, "log_prob", LEATI_F64, k, p, &n->log_prob, NULL));
    for (size_t j = 0; j < k * p; j++)
        LEATI_CHECK(c, n->log_prob[j] <= 0, LEAT_FORMAT,
                    "damaged model: %s has the log probability %g", n->base.class->name,
                    n->log_prob[j]);
    n->weight = leati_array(c, k * p, sizeof *n->weight);
    n->constant = leati_array(c, k, sizeof *n->constant);
    return n->weight && n->constant ? LEAT_OK : leat_error_status(c);
}

void leati_nb_counts_clear(leati_estimator *e)
{
    leati_nb_counts *n = (leati_nb_counts *)e;
    double **owned[] = {&n->log_prior, &n->log_prob, &n->weight, &n->constant};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        leati_free(*owned[i]);
        *owned[i] = NULL;
    }
}

leat_status leati_nb_counts_alloc(leati_nb_counts *n, leat_context *c)
{
    size_t k = n->base.classes, p = n->base.features;
    n->log_prior = LEATI_NEW(c, double, k);
    n->log_prob = leati_calloc(c, k * p, sizeof *n->log_prob);
    n->weight = leati_calloc(c, k * p, sizeof *n->weight);
    n->constant = LEATI_NEW(c, double, k);
    bool got = n->log_prior && n->log_prob && n->weight && n->constant;
    return got ? LEAT_OK : leat_error_status(c);
}
