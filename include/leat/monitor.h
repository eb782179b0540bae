/* Watching a model: whether what comes in still looks like the training data (drift), how good the
 * answers are (with and without labels), whether groups are treated alike.
 *
 * A monitor takes windows of data in the order of time. Definitions and sources of all measures:
 * docs/monitoring.md. One thread at a time; equal input gives equal results for any number of
 * threads of the context. */
#ifndef LEAT_MONITOR_H
#define LEAT_MONITOR_H

#include <leat/frame.h>
#include <leat/json.h>
#include <leat/model.h>
#include <leat/read.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_monitor leat_monitor;

/* All but struct_size may stay as the default has them. Texts are copied. */
typedef struct leat_monitor_options {
    uint32_t struct_size; /* set by leat_monitor_options_default */
    double alpha;         /* 0.01: the share of windows without drift in which anything may be
                             called drifting (false discovery rate over the features) */
    double effect;        /* 0.1: and its PSI must be this much above that of chance */
    uint32_t persist, of; /* 2 of 3: windows in which a feature must drift for an alarm */
    size_t least_rows;    /* 30: smaller windows are measured but not judged */
    const char *labels;   /* column with the truth; NULL: the model's target where it is there */
    const char *group;    /* column with the group of each row; NULL: no fairness */
    const char *positive; /* the class that is favoured; NULL: the last one */
    size_t every_rows;    /* cut tables into windows of so many rows; 0: do not */
    double every_seconds; /* or of so much time by the column `time`; 0: do not */
    const char *time;     /* NULL: the only column of times */
} leat_monitor_options;

LEAT_API leat_monitor_options leat_monitor_options_default(void);

/* Keeps the model. FORMAT: the model's reference distributions are damaged; INVALID: options that
 * contradict themselves, or a class that the model does not know. */
LEAT_API LEAT_CHECKED leat_status leat_monitor_create(leat_context *context, leat_monitor **out,
                                                      leat_model *model,
                                                      const leat_monitor_options *options);
LEAT_API void leat_monitor_destroy(leat_monitor *monitor); /* NULL is fine */

/* Labels that came later: rows of `answers` with the columns `id` and that of the labels. Used by
 * every leat_monitor_add that follows, for tables with a column `id`. Where `answers` has a column
 * `row` as well, of whole numbers, rows of a prediction log ("log.row") are joined by both; without
 * it a request of the log that has several rows and a label makes leat_monitor_add fail. INVALID:
 * an id twice. */
LEAT_API LEAT_CHECKED leat_status leat_monitor_answers(leat_context *context, leat_monitor *monitor,
                                                       const leat_frame *answers, const char *id);

/* The next window, or windows where the options cut tables. The model predicts the rows. Errors
 * name column and row that do not fit; the monitor is then as it was. */
LEAT_API LEAT_CHECKED leat_status leat_monitor_add(leat_context *context, leat_monitor *monitor,
                                                   const leat_frame *frame, const char *name);

typedef struct leat_monitor_window {
    const char *name; /* belongs to the monitor */
    size_t rows, labelled;
    double from, to;         /* seconds since 1970, of the column of times; NaN without */
    bool judged;             /* enough rows */
    size_t drifting, alarms; /* features */
} leat_monitor_window;

LEAT_API size_t leat_monitor_windows(const leat_monitor *monitor);
LEAT_API leat_monitor_window leat_monitor_window_at(const leat_monitor *monitor, size_t window);

/* The features watched: inputs, then "prediction" and "score" (of two classes the probability of
 * the second, of more the largest) where the model file knows their distribution. */
LEAT_API size_t leat_monitor_features(const leat_monitor *monitor);
LEAT_API const char *leat_monitor_feature(const leat_monitor *monitor, size_t feature);
LEAT_API size_t leat_monitor_inputs(const leat_monitor *monitor); /* how many are inputs */

/* How a feature of a window differs from training. NaN where a measure has no meaning. */
typedef struct leat_drift {
    double psi,
        psi_expected; /* population stability index; what chance alone gives at these sizes */
    double ks, ks_p;  /* numbers: Kolmogorov and Smirnov's D at the edges, and its p */
    double chi2, chi2_df, chi2_p;
    double js;          /* Jensen-Shannon distance, base 2: 0 to 1 */
    double wasserstein; /* numbers: distance in standard deviations of the training data */
    double mean_shift;  /* numbers: mean less that of training, in the same unit */
    double missing, missing_before; /* shares of the rows */
    double outside; /* share of the rows out of range, or of no level listed in training */
    double p;       /* chi2_p adjusted for the number of features */
    bool drifting;  /* p <= alpha and psi - psi_expected >= effect */
    bool alarm;     /* drifting in `persist` of the last `of` judged windows */
} leat_drift;

LEAT_API leat_drift leat_monitor_drift(const leat_monitor *monitor, size_t window, size_t feature);

/* A score of the model in a window. NaN: not known. Intervals are of 95%. */
typedef struct leat_monitored_score {
    const char *metric; /* "accuracy", "f1", "roc_auc", "mae", "rmse" */
    double before;      /* on samples not seen in training */
    double estimated, estimated_low, estimated_high; /* without labels, from probabilities (CBPE) */
    double realised, realised_low, realised_high;    /* from labels */
} leat_monitored_score;

/* window SIZE_MAX: of all windows together. */
LEAT_API size_t leat_monitor_scores(const leat_monitor *monitor); /* metrics of this model */
LEAT_API leat_monitored_score leat_monitor_score(const leat_monitor *monitor, size_t window,
                                                 size_t score);

typedef struct leat_rate {
    double value, low, high; /* NaN: nothing to divide by, or the group is too small */
} leat_rate;

/* A group in all windows together; below 30 rows all rates are withheld (NaN). */
typedef struct leat_monitored_group {
    const char *name;
    size_t rows, labelled;
    bool withheld;
    leat_rate selected;       /* predicted positive */
    leat_rate true_positive;  /* of those that are */
    leat_rate false_positive; /* of those that are not */
} leat_monitored_group;

/* Gaps between groups: the extreme ones, with intervals that hold for all pairs at once. */
typedef struct leat_fairness {
    leat_rate parity_difference; /* largest less smallest rate of selection */
    leat_rate parity_ratio;      /* smallest over largest; the four-fifths rule asks for 0.8 */
    leat_rate opportunity;       /* gap of the true positive rates */
    leat_rate odds;              /* the larger of the gaps of true and false positive rates */
} leat_fairness;

LEAT_API size_t leat_monitor_groups(const leat_monitor *monitor); /* sorted by name */
LEAT_API leat_monitored_group leat_monitor_group(const leat_monitor *monitor, size_t group);
LEAT_API leat_fairness leat_monitor_fairness(const leat_monitor *monitor);
LEAT_API const char *leat_monitor_positive(const leat_monitor *monitor); /* NULL: regression */

typedef enum leat_staleness {
    LEAT_MONITOR_UNKNOWN, /* no window was judged */
    LEAT_MONITOR_FRESH,
    LEAT_MONITOR_WATCH, /* inputs or outputs drift persistently, the scores do not suffer yet */
    LEAT_MONITOR_STALE  /* the last judged window is surely worse than what was promised */
} leat_staleness;

LEAT_API leat_staleness leat_monitor_state(const leat_monitor *monitor);
/* The answer in a sentence or two, for people; and what kept something from being watched, a line
 * each, or "". Belong to the monitor. */
LEAT_API const char *leat_monitor_verdict(const leat_monitor *monitor);
LEAT_API const char *leat_monitor_notes(const leat_monitor *monitor);

/* Everything above as one object. Not of a monitor that was read. */
LEAT_API void leat_monitor_json(const leat_monitor *monitor, leat_json *json, const char *key);
/* A monitor that says what another one said: `json` is what leat_monitor_json gave, or the answer
 * of a server's GET /api/v1/MODEL/drift, which holds it. It takes no windows and has no page.
 * FORMAT: it is none. */
LEAT_API LEAT_CHECKED leat_status leat_monitor_read(leat_context *context, leat_monitor **out,
                                                    const char *json, size_t length);
/* An HTML page with plots, complete or not at all. */
LEAT_API LEAT_CHECKED leat_status leat_monitor_page(leat_context *context,
                                                    const leat_monitor *monitor, const char *path);

/* --- the prediction log -----------------------------------------------------------------------
 * JSON Lines of what a server was asked and answered; docs/monitoring.md has the format. */

/* Whether the first line of a file is that of a prediction log. Records no error. */
LEAT_API bool leat_prediction_log_is(leat_context *context, const char *path);
/* As a table: the inputs under their names, all else as "log.ts", "log.request_id",
 * "log.prediction" and so on. A last line that was not finished is passed over. FORMAT names the
 * line. `options` as for leat_frame_read, or NULL. */
LEAT_API LEAT_CHECKED leat_status leat_prediction_log_read(leat_context *context, leat_frame **out,
                                                           const char *path,
                                                           const leat_read_options *options);

/* The same of the rows that one model answered, which a server writes into one log with those of
 * all its models: a column that only others have is not there. INVALID: no row is of `model`. */
LEAT_API LEAT_CHECKED leat_status leat_prediction_log_read_of(leat_context *context,
                                                              leat_frame **out, const char *path,
                                                              const char *model,
                                                              const leat_read_options *options);

/* What a model answers to a log, against what was answered then. */
typedef struct leat_replay {
    size_t rows, compared; /* compared: those whose prediction was logged */
    leat_rate same;        /* share of equal predictions, with Wilson's interval */
    double mean_difference, largest_difference; /* of numbers, absolute */
    double largest_probability; /* difference of a probability that both know; NaN: none */
} leat_replay;

/* *answers (may be NULL): as leat_model_predict gives them. */
LEAT_API LEAT_CHECKED leat_status leat_replay_log(leat_context *context, const leat_model *model,
                                                  const leat_frame *log, leat_replay *out,
                                                  leat_frame **answers);

#ifdef __cplusplus
}
#endif

#endif
