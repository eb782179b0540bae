/* Metrics: how well predictions agree with the truth, on plain arrays.
 *
 * Values agree with scikit-learn's functions of the same meaning. A metric that has no value on the
 * rows at hand (ROC AUC when only one class occurs, R2 of one row) is NaN. */
#ifndef LEAT_METRIC_H
#define LEAT_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The table of metrics, numbered from 0; beyond its end NULL or false. */
LEAT_API size_t leat_metric_count(void);
LEAT_API const char *leat_metric_name(size_t metric);  /* "log_loss" */
LEAT_API const char *leat_metric_title(size_t metric); /* "log loss" */
LEAT_API const char *leat_metric_doc(size_t metric);   /* one sentence */
LEAT_API bool leat_metric_greater_is_better(size_t metric);
LEAT_API bool leat_metric_is_classification(size_t metric); /* else regression */

/* Classification. truth, predicted (rows): class numbers 0 .. classes-1; of two classes number 1 is
 * the positive one. scores (rows, classes): probabilities or other scores where the metric needs
 * them, else NULL; for log_loss and brier each row must be probabilities. predicted may be NULL for
 * metrics of scores. weight (rows), not negative, or NULL. INVALID names a row that is out of
 * range, or what the metric lacks. */
LEAT_API LEAT_CHECKED leat_status leat_metric_classes(
    leat_context *context, const char *metric, size_t rows, uint32_t classes, const uint32_t *truth,
    const uint32_t *predicted, const double *scores, const double *weight, double *out);
/* Regression. truth, predicted (rows): no NaN. */
LEAT_API LEAT_CHECKED leat_status leat_metric_numbers(leat_context *context, const char *metric,
                                                      size_t rows, const double *truth,
                                                      const double *predicted, const double *weight,
                                                      double *out);

#ifdef __cplusplus
}
#endif

#endif
