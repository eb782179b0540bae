/* What the scores of an experiment say: intervals, and whether the best is really better. */
#ifndef LEATI_WORKFLOW_COMPARE_H
#define LEATI_WORKFLOW_COMPARE_H

#include "workflow/experiment.h"

/* The predictions of an entry for all samples that were in a test part. Owned arrays; `eval` points
 * into them. sample[i] is the number of the sample. */
typedef struct leati_pooled {
    leati_eval eval;
    uint32_t *sample, *label;
    double *y, *value, *proba, *score;
} leati_pooled;
leat_status leati_entry_eval(leat_context *c, const leat_experiment *e, const leati_entry *k,
                             leati_pooled *out);
void leati_pooled_fini(leati_pooled *p);

/* "p = 0.21", "p < 0.001"; returns the length. */
size_t leati_p_text(double p, char *out, size_t size);

/* 95% interval of an entry's mean over its folds: t interval with the correction for overlapping
 * training sets (Nadeau and Bengio 2003); with one fold, or folds of one row, by
 * leati_interval_rows. Folds of one row take their score from all rows too. */
leat_status leati_interval_of(leat_context *c, const leat_experiment *e, leati_entry *k);
/* 95% interval of a metric on rows: Wilson for accuracy, else bootstrap over rows. */
leat_status leati_interval_rows(leat_context *c, const leati_metric *m, const leati_eval *eval,
                                uint64_t seed, double *low, double *high);
/* Sets e->verdict: best against the runner-up and against the baseline. */
leat_status leati_verdict_make(leat_context *c, leat_experiment *e);

#endif
