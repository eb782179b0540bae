/* The metric table and its evaluation, and the pictures of a classifier's errors: confusion matrix,
 * ROC and precision-recall curves, calibration.
 *
 * Values agree with scikit-learn 1.9.1 to 1e-12. Where a share has nothing below its line it is 0
 * (scikit-learn's zero_division default). Means over classes leave out classes that occur neither
 * in the truth nor in the predictions (balanced accuracy, AUC: classes without a row in the truth);
 * a row of weight 0 counts as not there.
 * A metric that has no value on the rows at hand is NaN: roc_auc with one class in the truth,
 * pr_auc without a positive row, kappa when truth and prediction are one and the same class, r2 on
 * one row. With a constant truth r2 and explained_variance are 1 if every prediction is right, else
 * 0. mcc is 0 if truth or prediction has one class. The positive one of two classes is number 1. */
#ifndef LEATI_LEARN_METRIC_H
#define LEATI_LEARN_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/dataset.h"

/* Truth and predictions of some rows. Borrowed. */
typedef struct leati_eval {
    leati_task task;
    size_t rows;
    uint32_t classes;         /* CLASSIFY */
    const uint32_t *label;    /* (rows) CLASSIFY: truth */
    const double *y;          /* (rows) REGRESS: truth */
    const double *prediction; /* (rows) the value, or the class number, as predict gives them */
    const double *proba;      /* (rows, classes) or NULL */
    const double *scores;     /* (rows, classes), larger is likelier, or NULL: proba. With more than
                                 two classes proba is preferred where there is one */
    const double *weight;     /* (rows), not negative, or NULL: all 1 */
} leati_eval;

typedef enum leati_metric_need {
    LEATI_NEEDS_LABELS,
    LEATI_NEEDS_BINARY, /* labels of two classes */
    LEATI_NEEDS_PROBA,
    LEATI_NEEDS_SCORES, /* or probabilities */
    LEATI_NEEDS_VALUES
} leati_metric_need;

typedef enum leati_metric_unit {
    LEATI_UNIT_SHARE,         /* 0 to 1 */
    LEATI_UNIT_CORRELATION,   /* at most 1; 0: no better than chance or the mean */
    LEATI_UNIT_LOSS,          /* a pure number from 0 */
    LEATI_UNIT_TARGET,        /* the unit of the target */
    LEATI_UNIT_TARGET_SQUARED /* its square */
} leati_metric_unit;

/* What a metric is computed from, besides truth and predictions. */
typedef enum leati_from {
    LEATI_FROM_ROWS,   /* a mean over rows */
    LEATI_FROM_TALLY,  /* sums per class */
    LEATI_FROM_RANKS,  /* the order of the scores of each class */
    LEATI_FROM_ERRORS, /* the order of the errors */
    LEATI_FROM_VALUES  /* the values themselves */
} leati_from;

/* Sums over rows from which most classification metrics follow; weights counted. */
typedef struct leati_tally {
    uint32_t classes;
    double total, right;
    double *truth, *predicted, *hit; /* (classes): rows of, predicted as, and both */
    uint8_t *present;                /* (classes): not 0 if in the truth or the predictions */
} leati_tally;

typedef struct leati_metric leati_metric;

/* Everything a measure needs; measures allocate nothing and may run in several threads. */
typedef struct leati_measure {
    const leati_metric *metric;
    const leati_eval *eval; /* its weight is not looked at: */
    const double *weight;   /* (rows) or NULL: all 1 */
    const leati_tally *tally;
    const uint32_t *order; /* see leati_prepared */
    const double *value;
} leati_measure;

struct leati_metric {
    const char *name, *title;
    leati_task task;
    bool greater_is_better;
    leati_metric_need needs;
    leati_metric_unit unit;
    leati_from from;
    double (*measure)(const leati_measure *m);
    /* The value for row i, of which the metric is the (weighted) mean; for rmse before the root.
     * NULL: the metric is no mean. */
    double (*row)(const leati_eval *e, size_t i, int argument);
    int argument;
    const char *sklearn, *doc;
};

size_t leati_metric_count(void);
const leati_metric *leati_metric_at(size_t i);
/* LEAT_INVALID names the metrics of the task (and one that is near). */
leat_status leati_metric_find(leat_context *c, const leati_metric **out, leati_task task,
                              const char *name);
const leati_metric *leati_metric_default(leati_task task); /* accuracy; mae */
/* The value of a perfect model: 1 or 0. */
double leati_metric_best(const leati_metric *m);
/* Whether a is strictly better than b; a number is better than NaN. */
bool leati_metric_better(const leati_metric *m, double a, double b);
/* "0.9312", "2.35": as many digits as people need; returns the length. */
size_t leati_metric_format(const leati_metric *m, double value, char out[40]);

/* Whether the metric can be computed from what `e` has; if not, *why says so ("needs
 * probabilities"). `why` may be NULL. */
bool leati_metric_applies(const leati_metric *m, const leati_eval *e, const char **why);
/* *out may be NaN: see the head of this file. Errors: LEAT_INVALID when it does not apply, there
 * are no rows, or a label or predicted class is out of range. */
leat_status leati_metric_eval(leat_context *c, const leati_metric *m, const leati_eval *e,
                              double *out);
/* out (leati_metric_count()): NaN for metrics that do not apply. Cheaper than one by one. */
leat_status leati_metrics_all(leat_context *c, const leati_eval *e, double *out);

/* Labels in range, predicted class numbers whole and in range, weights not negative, no NaN. */
leat_status leati_eval_check(leat_context *c, const leati_eval *e);

/* A metric made ready to be computed many times on the same rows with different weights, which is
 * what resampling does (a row drawn twice has weight 2). Keeps pointers to metric and eval. */
typedef struct leati_prepared {
    const leati_metric *metric;
    const leati_eval *eval;
    /* RANKS: (classes, rows) row numbers by descending score of the class, with the flags below.
     * ERRORS: (rows) by ascending error. */
    uint32_t *order;
    double *value; /* ROWS: (rows) values of the rows; ERRORS: (rows) absolute errors */
} leati_prepared;

#define LEATI_TIE 0x80000000u /* same score as the one before */
#define LEATI_IN  0x40000000u /* the row is of the class */
#define LEATI_ROW 0x3fffffffu

/* Checks eval as leati_metric_eval does. */
leat_status leati_prepare(leat_context *c, leati_prepared *p, const leati_metric *m,
                          const leati_eval *e);
void leati_prepared_fini(leati_prepared *p);
/* `tally` is scratch made with leati_tally_create for the classes of the eval; unused for
 * regression. Thread-safe with a tally per thread. */
double leati_prepared_eval(const leati_prepared *p, const double *weight, leati_tally *tally);
/* The two halves of it, for metrics of one eval that share a tally: whether a filled tally is
 * needed, and the value given one. */
bool leati_prepared_tallies(const leati_prepared *p);
double leati_prepared_measure(const leati_prepared *p, const double *weight,
                              const leati_tally *tally);

leat_status leati_tally_create(leat_context *c, leati_tally *t, uint32_t classes);
void leati_tally_fill(leati_tally *t, const leati_eval *e, const double *weight);
void leati_tally_fini(leati_tally *t);

/* --- pictures -----------------------------------------------------------------------------------
 */

/* out (classes, classes): weight of the rows of class i predicted as class j, at i * classes + j.
 */
leat_status leati_confusion(leat_context *c, const leati_eval *e, double *out);

typedef struct leati_curve_points {
    size_t count;
    double *x, *y, *threshold; /* (count); one block, freed with leati_free(x) */
} leati_curve_points;

/* The ROC curve of class `class` against the rest: x the false positive rate, y the true positive
 * rate, from (0, 0) at threshold infinity to (1, 1), corners only. LEAT_NUMERIC if the truth has
 * no row of the class, or no other. *auc may be NULL. */
leat_status leati_roc_curve(leat_context *c, const leati_eval *e, uint32_t class,
                            leati_curve_points *out, double *auc);
/* x the recall, y the precision, one point per distinct score from the highest (smallest recall)
 * down. LEAT_NUMERIC if the truth has no row of the class. *average_precision may be NULL. */
leat_status leati_pr_curve(leat_context *c, const leati_eval *e, uint32_t class,
                           leati_curve_points *out, double *average_precision);
/* Keeps at most `most` points, among them the first, the last and the corners that matter: for
 * drawing (Ramer, Douglas and Peucker's criterion on the vertical distance). */
void leati_curve_thin(leati_curve_points *points, size_t most);

#endif
