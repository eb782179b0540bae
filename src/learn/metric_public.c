/* Owns: the public interface of metrics. */
#include <leat/metric.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/metric.h"

static const leati_metric *at(size_t metric)
{
    return metric < leati_metric_count() ? leati_metric_at(metric) : NULL;
}

size_t leat_metric_count(void)
{
    return leati_metric_count();
}

const char *leat_metric_name(size_t metric)
{
    return at(metric) ? at(metric)->name : NULL;
}

const char *leat_metric_title(size_t metric)
{
    return at(metric) ? at(metric)->title : NULL;
}

const char *leat_metric_doc(size_t metric)
{
    return at(metric) ? at(metric)->doc : NULL;
}

bool leat_metric_greater_is_better(size_t metric)
{
    return at(metric) && at(metric)->greater_is_better;
}

bool leat_metric_is_classification(size_t metric)
{
    return at(metric) && at(metric)->task == LEATI_CLASSIFY;
}

leat_status leat_metric_classes(leat_context *c, const char *metric, size_t rows, uint32_t classes,
                                const uint32_t *truth, const uint32_t *predicted,
                                const double *scores, const double *weight, double *out)
{
    const leati_metric *m;
    LEATI_TRY(leati_metric_find(c, &m, LEATI_CLASSIFY, metric));
    leati_eval e = {.task = LEATI_CLASSIFY,
                    .rows = rows,
                    .classes = classes,
                    .label = truth,
                    .proba = scores,
                    .weight = weight};
    double *prediction = NULL;
    if (predicted) {
        prediction = leati_array(c, rows, sizeof *prediction);
        if (!prediction) return leat_error_status(c);
        for (size_t i = 0; i < rows; i++) prediction[i] = predicted[i];
        e.prediction = prediction;
    }
    leat_status st = leati_metric_eval(c, m, &e, out);
    leati_free(prediction);
    return st;
}

leat_status leat_metric_numbers(leat_context *c, const char *metric, size_t rows,
                                const double *truth, const double *predicted, const double *weight,
                                double *out)
{
    const leati_metric *m;
    LEATI_TRY(leati_metric_find(c, &m, LEATI_REGRESS, metric));
    leati_eval e = {
        .task = LEATI_REGRESS, .rows = rows, .y = truth, .prediction = predicted, .weight = weight};
    return leati_metric_eval(c, m, &e, out);
}
