/* Experiments: from a table to a leaderboard by cross-validation, a refitted model and a report. */
#ifndef LEAT_EXPERIMENT_H
#define LEAT_EXPERIMENT_H

#include <leat/frame.h>
#include <leat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_experiment leat_experiment;

/* One line of the leaderboard. Texts and arrays belong to the experiment. */
typedef struct leat_leaderboard_row {
    const char *estimator; /* "svc" */
    const char *title;     /* "support vector machine" */
    const char *params;    /* "C=10 gamma=scale": those that differ from the defaults; "" if none */
    const char *prepared;  /* what preprocessing did: "median fill, standardised" */
    const char *failed;    /* why there is no score, or NULL */
    double mean, std;      /* of the metric over the folds; std with n - 1, NaN with fewer than two
                              scores. With "loo" the mean is the metric of all rows together */
    double low, high;      /* 95% interval of the mean */
    const double *folds;   /* (fold_count) */
    size_t fold_count;
    double fit_seconds, predict_seconds; /* mean per fold */
    bool left_out; /* it did not fail: the time budget ended before it was done */
} leat_leaderboard_row;

typedef struct leat_experiment_options {
    uint32_t struct_size;
    const char *target;      /* required */
    const char *name;        /* of the model, and of its files; NULL: "model" */
    const char *task;        /* "classification", "regression"; NULL: inferred from the target */
    const char *models;      /* "svc,knn"; NULL: those that suit the data */
    const char *metric;      /* NULL: accuracy or mae */
    const char *cv;          /* "kfold:10", "stratified:10", "repeated:5x2", "loo", "group:COL",
                                "time:5", "holdout:0.2", "nested:5x3"; NULL: suits the data */
    const char *fold_column; /* rows of equal value form a fold; overrides cv */
    const char *preprocess;  /* "auto" (NULL), "none", "standard", "minmax", "robust" */
    const char *search;      /* "grid", "random:50", "halving"; NULL: parameters as they are */
    const char *const *set;  /* "svc.gamma=auto"; several values "svc.C=1,10" with search */
    size_t set_count;
    const char *const *keep; /* columns to use although they look useless; "*": all */
    size_t keep_count;
    const char *const *drop; /* columns to leave out */
    size_t drop_count;
    bool drop_missing_target;
    double time_budget;  /* seconds from the start of leat_experiment_run to the model; 0: no end.
                            Fits are cut: an estimator whose folds are not all done is left out, a
                            search ends with the trials that are. Time is kept for the final fit,
                            as its folds foretell it; that one is never cut. Where no estimator is
                            done the status is CANCELLED */
    bool quick;          /* no curves, no importances */
    const char *reading; /* JSON object that says how the table was read, for reproduce */
    const char *data;    /* what the data is called in the run's record: path or name */
    const char *version; /* hash or version of a named data set, or NULL */
    /* Called as soon as rows are known, on the calling thread. */
    void (*on_ready)(void *user, const leat_experiment *experiment); /* schema and folds stand */
    void (*on_row)(void *user, const leat_leaderboard_row *row);
    void *user;
    const char *validation_curve; /* "svc.C" or "svc.C=log:1e-3:1e3": scores by the value of one
                                     parameter, all else as on the leaderboard; NULL: none */
    /* Where the final fit of a network keeps checkpoints, metrics.jsonl and TensorBoard's events;
     * NULL: nowhere. resume: it goes on from the last checkpoint, to the same bytes. One process
     * at a time: the folder is locked until the experiment is destroyed, and LEAT_IO names who
     * has it. */
    const char *run_folder;
    bool resume;
    /* File for a timeline of the first 50 steps of that fit, with time, bytes and flops of every
     * operation, for Perfetto; NULL: none. Only networks write one. IO at once where it cannot be
     * written; where that fails later the training goes on without it. */
    const char *trace;
    /* The command that runs it, shown with how to go on when it is interrupted; NULL: not shown. */
    const char *command;
    /* Columns of texts are sequences of tokens, not categories: "words" or "characters", with
     * "words(length=40, vocabulary=10000, min_count=2, lower=true)" where the defaults do not suit.
     * A feature is the number of a token: 0 where the text has ended, 1 for one that is not among
     * the `vocabulary` - 2 most frequent of the training rows; for the layer `embedding`. NULL:
     * texts are categories. */
    const char *tokens;
} leat_experiment_options;

LEAT_API leat_experiment_options leat_experiment_options_default(void);

/* Runs it. `test` (or NULL) is only predicted, once, by the final model. The result is the same
 * for any number of threads. CANCELLED when the progress hook or leat_context_cancel asks to stop,
 * or the time budget ends before there is anything; run_folder then holds the checkpoint of a
 * network in training and interrupted.html, a report of what there is. */
LEAT_API LEAT_CHECKED leat_status leat_experiment_run(leat_context *context, leat_experiment **out,
                                                      leat_frame *train, leat_frame *test,
                                                      const leat_experiment_options *options);
LEAT_API void leat_experiment_destroy(leat_experiment *experiment); /* NULL is fine */

/* Best first; rows that failed last. */
LEAT_API size_t leat_experiment_rows(const leat_experiment *e);
LEAT_API leat_leaderboard_row leat_experiment_row(const leat_experiment *e, size_t i);

/* What a search tried for a row of the leaderboard. Texts belong to the experiment. */
typedef struct leat_trial {
    const char *params; /* "C=10 gamma=auto": the values of what was searched */
    const char *failed; /* why there is no score, or NULL */
    double mean, std;   /* over the folds; NaN where there is none */
    double low, high;   /* 95% interval of the mean; NaN where no two scores differ */
    double seconds;     /* of all its fits */
    size_t folds;       /* that it was scored on: with "halving" not all, for those given up */
    size_t rank;        /* from 1; more folds first; equals have the same */
} leat_trial;
/* Best first; none without a search. The row's own scores are of its best settings, fitted anew; a
 * nested split has other ones there, chosen within each fold. */
LEAT_API size_t leat_experiment_trials(const leat_experiment *e, size_t row);
LEAT_API leat_trial leat_experiment_trial(const leat_experiment *e, size_t row, size_t i);
LEAT_API const char *leat_experiment_metric(const leat_experiment *e);       /* "accuracy" */
LEAT_API const char *leat_experiment_metric_title(const leat_experiment *e); /* "accuracy" */
LEAT_API const char *leat_experiment_task(const leat_experiment *e);         /* "classification" */
/* Text for people, lines ended by \n: what was inferred about the columns; how it is validated;
 * what the comparison says. */
LEAT_API const char *leat_experiment_inferred(const leat_experiment *e);
LEAT_API const char *leat_experiment_validation(const leat_experiment *e);
LEAT_API const char *leat_experiment_verdict(const leat_experiment *e);
/* In lines: whether a network learned its rows by heart, what the learning curve says; or "". */
LEAT_API const char *leat_experiment_reading(const leat_experiment *e);

/* Scores on training and validation rows at one value of the parameter: means and standard
 * deviations over the folds; NaN where the estimator could not learn. */
typedef struct leat_parameter_point {
    double value;
    double train, train_std;
    double validation, validation_std;
    size_t folds; /* with a score */
} leat_parameter_point;
/* The validation curve, by ascending value; no points without one. */
LEAT_API size_t leat_experiment_parameter_points(const leat_experiment *e);
LEAT_API leat_parameter_point leat_experiment_parameter_point(const leat_experiment *e, size_t i);
LEAT_API const char *leat_experiment_parameter(const leat_experiment *e); /* "svc.C", or "" */
/* A sentence that reads it: the best value, and on which side it underfits and overfits; or "". */
LEAT_API const char *leat_experiment_parameter_reading(const leat_experiment *e);

LEAT_API bool leat_experiment_greater_is_better(const leat_experiment *e);
/* A score as text with the right digits. */
LEAT_API size_t leat_experiment_format(const leat_experiment *e, double score, char *out,
                                       size_t size);
/* Score of the final model on the test table and its 95% interval; false without a test table. */
LEAT_API bool leat_experiment_test(const leat_experiment *e, double *score, double *low,
                                   double *high);
/* Steps of the training in the timeline that was asked for; 0: none was written. */
LEAT_API size_t leat_experiment_traced(const leat_experiment *e);
/* The best estimator, refitted on all rows. */
LEAT_API leat_model *leat_experiment_model(const leat_experiment *e);
/* A network that options.models names, refitted on all rows, where another estimator, or a
 * baseline, is the best; else NULL. */
LEAT_API leat_model *leat_experiment_beside(const leat_experiment *e);

/* Writes FOLDER/NAME.leat, FOLDER/NAME.network.leat where there is a model beside,
 * FOLDER/NAME.html and FOLDER/NAME.run/ (run.json, predictions.csv); the
 * folders are made if absent. `command` is shown in the report as the way to run it again. The
 * paths of model and report are written with snprintf's rules; either buffer may be NULL. */
LEAT_API LEAT_CHECKED leat_status leat_experiment_save(leat_context *context,
                                                       const leat_experiment *e, const char *folder,
                                                       const char *command, char *model_path,
                                                       size_t model_size, char *report_path,
                                                       size_t report_size);

/* Keeps the experiment as a run of a registry: the best estimator's parameters, the configuration,
 * metrics, and `files` (paths; leat_experiment_save says which there are). *number (may be NULL):
 * of the run. */
struct leat_registry;
LEAT_API LEAT_CHECKED leat_status leat_experiment_register(
    leat_context *context, const leat_experiment *e, struct leat_registry *registry,
    const char *command, const char *const *files, size_t count, int64_t *number);

/* Writes every chart of the report into a folder, which is made if absent: NAME.svg and, in a build
 * with cairo, NAME.png. */
LEAT_API LEAT_CHECKED leat_status leat_experiment_charts(leat_context *context,
                                                         const leat_experiment *e,
                                                         const char *folder);

#ifdef __cplusplus
}
#endif

#endif
