/* Learning and validation curves: measuring them by a callback and reading them aloud. */
#ifndef LEATI_LEARN_CURVE_H
#define LEATI_LEARN_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/metric.h"
#include "learn/split.h"

/* Scores on training and validation rows at one size (or parameter value), over folds. */
typedef struct leati_curve_point {
    double x;                   /* training rows, or the value */
    double train, train_spread; /* mean and standard deviation */
    double validation, validation_spread;
    size_t folds;
} leati_curve_point;

typedef enum leati_verdict {
    LEATI_VERDICT_UNKNOWN,       /* too few points */
    LEATI_VERDICT_GOOD,          /* both scores good and close; more data adds little */
    LEATI_VERDICT_HIGH_BIAS,     /* both scores close and no better than `goal` */
    LEATI_VERDICT_HIGH_VARIANCE, /* a wide gap that does not close */
    LEATI_VERDICT_MORE_DATA,     /* validation still improves with rows */
    LEATI_VERDICT_UNCERTAIN      /* the scores vary too much to say which of them */
} leati_verdict;

/* Reads a learning curve (points by ascending x). `floor`: the baseline's score of the same metric
 * (NaN: unknown), against which "good" is judged. Rules in curve.c. The sentence for people goes to
 * out. */
leati_verdict leati_curve_read(const leati_metric *m, const leati_curve_point *point, size_t count,
                               double floor, char *out, size_t size);

/* What a validation curve shows on one side of its best value. */
typedef enum leati_side {
    LEATI_SIDE_LEVEL,     /* nothing clearly worse, or no value there */
    LEATI_SIDE_UNDERFITS, /* the training score gets worse too */
    LEATI_SIDE_OVERFITS   /* only the validation score does */
} leati_side;

typedef struct leati_parameter_reading {
    size_t best;        /* the point with the best validation score */
    size_t first, last; /* the points around it that are within one standard error */
    leati_side below, above;
    bool at_edge; /* the best is the outermost value, and clearly better than its neighbour */
} leati_parameter_reading;

/* Reads a validation curve (points by ascending x) of the parameter called `name`; the sentence for
 * people goes to out. False: fewer than two points have a score. Rules in curve_parameter.c. */
bool leati_parameter_read(const leati_metric *m, const leati_curve_point *point, size_t count,
                          const char *name, leati_parameter_reading *r, char *out, size_t size);
/* Whether the values (ascending) stand more evenly by their ratios than by their differences, so
 * that an axis for them is logarithmic. */
bool leati_parameter_is_geometric(const leati_curve_point *point, size_t count);

/* Fits on `train` rows, scores on them and on `test`. A NaN score leaves that fold out of a point.
 */
typedef leat_status (*leati_curve_fn)(void *user, const uint32_t *train, size_t train_count,
                                      const leati_fold *fold, double x, double *train_score,
                                      double *validation_score);

/* Training sizes for a learning curve of at most `most` rows: `count` shares from a tenth to all,
 * evenly in the logarithm. Returns how many distinct sizes were written. */
size_t leati_curve_sizes(size_t most, size_t count, size_t *out);
/* point (sizes): each fold's training rows, cut to size (a random part, nested from size to size,
 * stratified by label when given). */
leat_status leati_learning_curve(leat_context *c, const leati_folds *folds, const uint32_t *label,
                                 uint32_t classes, const size_t *size, size_t sizes,
                                 leati_curve_fn evaluate, void *user, leati_curve_point *point);
/* point (count): one per value[i], which is handed to the callback as x, on whole folds. */
leat_status leati_validation_curve(leat_context *c, const leati_folds *folds, const double *value,
                                   size_t count, leati_curve_fn evaluate, void *user,
                                   leati_curve_point *point);

#endif
