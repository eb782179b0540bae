/* The functions that metrics.def names. For metric*.c only. */
#ifndef LEATI_LEARN_METRIC_ROW_H
#define LEATI_LEARN_METRIC_ROW_H

#include "learn/metric.h"

enum { AVERAGE_BINARY, AVERAGE_MACRO, AVERAGE_MICRO, AVERAGE_WEIGHTED };

double leati_measure_mean(const leati_measure *m);

/* metric_class.c */
double leati_measure_balanced(const leati_measure *m);
double leati_measure_precision(const leati_measure *m);
double leati_measure_recall(const leati_measure *m);
double leati_measure_f1(const leati_measure *m);
double leati_measure_mcc(const leati_measure *m);
double leati_measure_kappa(const leati_measure *m);
double leati_row_hit(const leati_eval *e, size_t i, int argument);
double leati_row_log_loss(const leati_eval *e, size_t i, int argument);
double leati_row_brier(const leati_eval *e, size_t i, int argument);
double leati_row_top_k(const leati_eval *e, size_t i, int argument);

/* metric_rank.c */
double leati_measure_roc_auc(const leati_measure *m);
double leati_measure_pr_auc(const leati_measure *m);

/* metric_value.c */
double leati_measure_root_mean(const leati_measure *m);
/* leati_unit_of the largest error. */
double leati_eval_unit(const leati_eval *e);
double leati_measure_r2(const leati_measure *m);
double leati_measure_explained_variance(const leati_measure *m);
double leati_measure_median_ae(const leati_measure *m);
double leati_measure_max_error(const leati_measure *m);
double leati_row_absolute(const leati_eval *e, size_t i, int argument);
double leati_row_squared(const leati_eval *e, size_t i, int argument);
double leati_row_percentage(const leati_eval *e, size_t i, int argument);

/* Scores of rank metrics. Of several classes probabilities come first: a discriminant such as that
 * of LDA says which class of a row is likelier, but is not comparable from row to row, which is
 * what one class against the rest is ranked by (scikit-learn's roc_auc_ovr takes them too). */
static inline const double *leati_eval_scores(const leati_eval *e)
{
    if (e->classes > 2 && e->proba) return e->proba;
    return e->scores ? e->scores : e->proba;
}

static inline double leati_weight(const double *weight, size_t i)
{
    return weight ? weight[i] : 1;
}

/* Writes the order of the scores of one class as leati_prepared has it. `score` is scratch (rows).
 */
leat_status leati_rank_class(leat_context *c, const leati_eval *e, uint32_t class, double *score,
                             uint32_t *order);

#endif
