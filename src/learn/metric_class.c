/* Owns: measures of classes and probabilities. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "learn/metric_row.h"
#include "learn/stats_sum.h"

double leati_row_hit(const leati_eval *e, size_t i, int argument)
{
    (void)argument;
    return (uint32_t)e->prediction[i] == e->label[i];
}

double leati_row_log_loss(const leati_eval *e, size_t i, int argument)
{
    (void)argument;
    const double eps = 0x1p-52;
    double p = e->proba[i * e->classes + e->label[i]];
    return -log(p < eps ? eps : p > 1 - eps ? 1 - eps : p);
}

double leati_row_brier(const leati_eval *e, size_t i, int argument)
{
    (void)argument;
    const double *p = e->proba + i * e->classes;
    double sum = 0;
    for (uint32_t k = 0; k < e->classes; k++) {
        double d = (k == e->label[i]) - p[k];
        sum += d * d;
    }
    return e->classes < 3 ? sum / 2 : sum;
}

/* Among equal scores the class with the larger number comes first, as in scikit-learn. */
double leati_row_top_k(const leati_eval *e, size_t i, int k)
{
    const double *s = leati_eval_scores(e) + i * e->classes;
    uint32_t j = e->label[i];
    int before = 0;
    for (uint32_t m = 0; m < e->classes; m++) before += s[m] > s[j] || (s[m] == s[j] && m > j);
    return before < k;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

double leati_measure_balanced(const leati_measure *m)
{
    const leati_tally *t = m->tally;
    leati_sum sum = {0};
    uint32_t count = 0;
    for (uint32_t k = 0; k < t->classes; k++) {
        if (!(t->truth[k] > 0)) continue;
        leati_sum_add(&sum, t->hit[k] / t->truth[k]);
        count++;
    }
    return leati_sum_value(&sum) / count;
}

typedef double (*class_measure)(double hit, double truth, double predicted);

static double precision_of(double hit, double truth, double predicted)
{
    (void)truth;
    return share(hit, predicted);
}

static double recall_of(double hit, double truth, double predicted)
{
    (void)predicted;
    return share(hit, truth);
}

static double f1_of(double hit, double truth, double predicted)
{
    return share(2 * hit, truth + predicted);
}

static double averaged(const leati_measure *m, class_measure of)
{
    const leati_tally *t = m->tally;
    int average = m->metric->argument;
    if (average == AVERAGE_BINARY) return of(t->hit[1], t->truth[1], t->predicted[1]);
    if (average == AVERAGE_MICRO) return of(t->right, t->total, t->total);
    leati_sum sum = {0}, weights = {0};
    for (uint32_t k = 0; k < t->classes; k++) {
        if (!t->present[k]) continue;
        double w = average == AVERAGE_WEIGHTED ? t->truth[k] : 1;
        leati_sum_add(&sum, w * of(t->hit[k], t->truth[k], t->predicted[k]));
        leati_sum_add(&weights, w);
    }
    return share(leati_sum_value(&sum), leati_sum_value(&weights));
}

double leati_measure_precision(const leati_measure *m)
{
    return averaged(m, precision_of);
}

double leati_measure_recall(const leati_measure *m)
{
    return averaged(m, recall_of);
}

double leati_measure_f1(const leati_measure *m)
{
    return averaged(m, f1_of);
}

/* Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient",
 * eq. 8, on shares instead of counts so that nothing overflows. */
double leati_measure_mcc(const leati_measure *m)
{
    const leati_tally *t = m->tally;
    leati_sum both = {0}, truth = {0}, predicted = {0};
    double n = t->total;
    bool one = false; /* a side has one class only */
    for (uint32_t k = 0; k < t->classes; k++) {
        one = one || t->truth[k] == n || t->predicted[k] == n;
        leati_sum_add(&both, t->truth[k] / n * (t->predicted[k] / n));
        leati_sum_add(&truth, t->truth[k] / n * (t->truth[k] / n));
        leati_sum_add(&predicted, t->predicted[k] / n * (t->predicted[k] / n));
    }
    double spread = (1 - leati_sum_value(&truth)) * (1 - leati_sum_value(&predicted));
    return one || !(spread > 0) ? 0 : (t->right / n - leati_sum_value(&both)) / sqrt(spread);
}

double leati_measure_kappa(const leati_measure *m)
{
    const leati_tally *t = m->tally;
    leati_sum chance = {0};
    double n = t->total;
    bool same = false;
    for (uint32_t k = 0; k < t->classes; k++) {
        same = same || (t->truth[k] == n && t->predicted[k] == n);
        leati_sum_add(&chance, t->truth[k] / n * (t->predicted[k] / n));
    }
    double wrong = 1 - leati_sum_value(&chance);
    return same ? (double)NAN : 1 - (1 - t->right / n) / wrong;
}

leat_status leati_confusion(leat_context *c, const leati_eval *e, double *out)
{
    LEATI_TRY(leati_eval_check(c, e));
    LEATI_CHECK(c, e->task == LEATI_CLASSIFY && e->prediction, LEAT_INVALID,
                "a confusion matrix needs predicted classes");
    memset(out, 0, (size_t)e->classes * e->classes * sizeof *out);
    for (size_t i = 0; i < e->rows; i++)
        out[(size_t)e->label[i] * e->classes + (size_t)e->prediction[i]] +=
            leati_weight(e->weight, i);
    return LEAT_OK;
}
