/* Evaluating models on data they have not seen, and telling whether they really differ. */
#ifndef LEAT_EVALUATE_H
#define LEAT_EVALUATE_H

#include <leat/model.h>
#include <leat/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_evaluation leat_evaluation;

typedef struct leat_score {
    const char *metric, *title, *doc; /* static */
    double value;     /* NaN: undefined on these rows, as ROC AUC where there is one class only */
    double low, high; /* 95% interval; NaN when there is none */
    bool greater_is_better;
    char text[128]; /* "0.9500  0.9012 - 0.9756", "undefined (only class no in the data)" */
} leat_score;

/* `frame` holds inputs and target. `metrics` is a list "accuracy,f1_macro" or NULL: the usual ones.
 * Rows without target are an error unless drop_missing_target. */
LEAT_API LEAT_CHECKED leat_status leat_evaluate(leat_context *context, leat_evaluation **out,
                                                const leat_model *model, const leat_frame *frame,
                                                const char *metrics, bool drop_missing_target);
LEAT_API void leat_evaluation_destroy(leat_evaluation *e); /* NULL is fine */
LEAT_API size_t leat_evaluation_rows(const leat_evaluation *e);
LEAT_API size_t leat_evaluation_scores(const leat_evaluation *e);
LEAT_API leat_score leat_evaluation_score(const leat_evaluation *e, size_t i);
/* Rows of class `truth` predicted as `prediction`; 0 for regression. */
LEAT_API double leat_evaluation_confusion(const leat_evaluation *e, size_t truth,
                                          size_t prediction);

/* Judges "accuracy>=0.93@95%,log_loss<=0.3": the end of the 95% interval that counts must satisfy
 * each. LEAT_DIFFERS with a message that names those that fail; INVALID for a text that is no
 * requirement. */
LEAT_API LEAT_CHECKED leat_status leat_evaluation_require(leat_context *context,
                                                          const leat_evaluation *e,
                                                          const char *requirement);

typedef struct leat_comparison leat_comparison;

/* One pair of models on the same rows, or of runs on the same folds. */
typedef struct leat_pair {
    size_t first, second;       /* numbers of the models, of the runs */
    double difference;          /* first minus second */
    double low, high;           /* 95% interval of the difference: bootstrap, or of the test */
    double p, p_adjusted;       /* adjusted by Holm's method over all pairs */
    const char *method;         /* "McNemar (mid-p)", "bootstrap", "corrected resampled t" */
    bool first_is_better, real; /* real: p_adjusted < 0.05 */
} leat_pair;

/* Two or more models with the same target. `metric` NULL: accuracy or mae. */
LEAT_API LEAT_CHECKED leat_status leat_compare(leat_context *context, leat_comparison **out,
                                               leat_model *const *models, size_t count,
                                               const leat_frame *frame, const char *metric,
                                               bool drop_missing_target);
/* Two or more runs, each as leat_registry_run gives it, by the scores of their folds: Student's
 * test of the differences, corrected for training sets that overlap (Nadeau and Bengio 2003,
 * section 3.2). The pairs are those of runs with the same table, target, metric and folds; none,
 * where there is no such. A comparison of runs has no scores: they stand in the runs. */
LEAT_API LEAT_CHECKED leat_status leat_compare_runs(leat_context *context, leat_comparison **out,
                                                    const leat_run_record *const *runs,
                                                    size_t count);
LEAT_API void leat_comparison_destroy(leat_comparison *k); /* NULL is fine */
LEAT_API leat_score leat_comparison_score(const leat_comparison *k, size_t model);
LEAT_API size_t leat_comparison_pairs(const leat_comparison *k);
LEAT_API leat_pair leat_comparison_pair(const leat_comparison *k, size_t i);

#ifdef __cplusplus
}
#endif

#endif
