/* The norm: what a model's inputs and outputs looked like when it was trained, from reference.json
 * in its file. Immutable once read; any number of threads may look at it. */
#ifndef LEATI_MONITOR_NORM_H
#define LEATI_MONITOR_NORM_H

#include "base/map.h"
#include "model/model.h"

/* One distribution as counts in cells. Numbers: below the first edge, the bins, above the last
 * edge, missing (bins + 3 cells). Levels: the listed ones, all others, missing (levels + 2). */
typedef struct leati_norm_feature {
    char *name;
    bool levels;
    size_t cells, bins; /* bins: listed levels of levels */
    uint64_t *count;    /* (cells) */
    uint64_t rows;      /* their sum */
    double *edges;      /* (bins + 1) ascending; a constant: both are its value */
    double *means;      /* (bins) of the values in each bin */
    double mean, scale; /* scale: the standard deviation, 1 where there is none */
    double inverse;     /* 1 / scale */
    bool varies;        /* whether there is one */
    leati_map level;    /* text of the listed levels */
} leati_norm_feature;

/* How a probability relates to what happened, as a monotone line through these points. */
typedef struct leati_norm_calibration {
    double *from, *to; /* (count) both ascending; count 0: probabilities are taken as they are */
    size_t count;
} leati_norm_calibration;

typedef struct leati_norm {
    const leat_model *model; /* borrowed: outlives the norm */
    leati_norm_feature *feature;
    size_t inputs, count; /* the inputs; then "prediction" and "score" as far as they are known */
    uint32_t *column;     /* (inputs) columns of the model's schema */
    size_t prediction, score;                /* features; SIZE_MAX: not known */
    uint32_t classes;                        /* 0: regression */
    leati_norm_calibration *calibration;     /* (classes), NULL: not known */
    size_t calibrated;                       /* classes whose probabilities are corrected */
    uint64_t held_out;                       /* samples behind the following; 0: not known */
    double accuracy, f1, roc_auc, mae, rmse; /* on samples not seen in training; NaN: not known */
    double target_scale;                     /* standard deviation of the target; 1 without */
} leati_norm;

/* FORMAT when reference.json is none. Inputs of times are left out, for they never stay. */
leat_status leati_norm_read(leat_context *c, leati_norm *out, const leat_model *model);
void leati_norm_fini(leati_norm *n); /* idempotent */

/* The probabilities (classes) as they came true in the past: each by its line, then to sum 1. */
void leati_norm_calibrate(const leati_norm *n, const double *proba, double *out);

/* From counts of a calibration curve (predicted, observed, rows; count): the points of a line that
 * rises nowhere down, by pooling adjacent violators (Ayer et al., Ann. Math. Statist. 1955), or
 * none where the counts agree with the predictions (Hosmer and Lemeshow 1980, on samples not seen
 * in training, so with as many degrees of freedom as bins; p > 0.05). from, to: (count). Returns
 * the number of points. */
size_t leati_norm_line(const double *predicted, const double *observed, const double *rows,
                       size_t count, double *from, double *to);

#endif
