/* The inside of an experiment: what ran, what came out. The report and the run's record read it. */
#ifndef LEATI_WORKFLOW_EXPERIMENT_H
#define LEATI_WORKFLOW_EXPERIMENT_H

#include <leat/experiment.h>

#include "base/file_lock.h"
#include "learn/curve.h"
#include "learn/metric.h"
#include "learn/pipeline.h"
#include "learn/search.h"
#include "learn/split.h"

/* Settings that a search tried, as far as it came with them. */
typedef struct leati_tried {
    char *params; /* "C=10 gamma=auto": all that were searched */
    char *failed; /* message, or NULL */
    double mean, std, low, high;
    double seconds; /* of all its trials */
    size_t folds;   /* of the last of them */
    size_t rank;    /* from 1; equals have the same, those that failed the last */
} leati_tried;

/* One candidate: an estimator with parameters, cross-validated. */
typedef struct leati_entry {
    leati_estimator *estimator; /* unfitted: class and parameters */
    leati_recipe recipe;
    char *params; /* differing from the defaults */
    char prepared[128];
    char *failed;       /* message, or NULL */
    leat_status status; /* of the failure */
    double *scores;     /* (folds) */
    size_t fold_count;
    double mean, std, low, high;
    double fit_seconds, predict_seconds; /* mean per fold */
    /* Predictions of each sample when it was in the test part (first repeat); NaN where never. */
    double *value; /* (samples) */
    double *proba; /* (samples, classes) or NULL */
    double *score; /* (samples, classes) where there are no probabilities, or NULL */
    bool is_baseline;
    size_t number;      /* as tried, from 1; 0: not yet */
    bool done;          /* its cross-validation ended */
    leati_space space;  /* what a search tries; no axes: nothing */
    size_t tried;       /* trials of the search */
    leati_tried *trial; /* (trial_count) what came of them; best first */
    size_t trial_count;
    bool search_cut; /* not all of them were, for the time budget ended */
    bool left_out;   /* failed, for the time budget ended */
    bool unfitted;   /* failed in its fit on all rows, when it was the best */
    size_t folds_done;
    double final_seconds; /* what its final fit will take, by its folds so far */
    size_t final_rows;    /* training rows of the fold that says so */
} leati_entry;

/* What a time budget cut off in an earlier run: with that it is repeated without a clock. */
typedef struct leati_cut {
    size_t number; /* of the entry, as tried, from 1 */
    size_t trials; /* that its search got to; 0: the entry was left out */
} leati_cut;

/* Importance of one column: the loss of the metric when its values are shuffled. */
typedef struct leati_importance {
    const char *column; /* borrowed from the schema */
    double mean, low, high;
} leati_importance;

/* The validation curve that was asked for; no points: none was, or it was left out. */
typedef struct leati_varied {
    const leati_estimator_class *class; /* NULL: none asked for */
    char name[128];                     /* "svc.C" */
    const leati_param *param;
    leati_space space; /* one axis: the values */
    leati_curve_point *point;
    size_t count;
    bool log;      /* the values stand evenly by their ratios */
    double chosen; /* the value on the leaderboard; NaN: not a number */
    char *reading; /* a sentence, or NULL */
} leati_varied;

/* Of its file, behind the name of the experiment. */
#define LEATI_BESIDE_SUFFIX ".network.leat"

struct leat_experiment {
    leat_frame *train, *test; /* as given */
    leat_frame *frame;        /* train, conformed to the schema */
    leati_schema schema;
    leati_target target; /* of train */
    leati_folds folds;
    const leati_metric *metric;
    leati_search_spec search;
    char *name;
    uint64_t seed;

    leati_entry *entries; /* best first after the run */
    size_t count;
    leati_entry *best; /* into candidates */

    double p_baseline, p_next; /* best against baseline and runner-up; NaN: not compared */

    leat_model *model;
    leat_model *beside; /* a network that was asked for, where it is not the model; or NULL */
    bool is_beside;     /* while that is recorded */
    bool has_test;
    double test_score, test_low, test_high;
    leati_predictions test_predictions; /* owned; of the test table */
    leati_target test_target;

    leati_importance *importance; /* sorted, largest first; NULL: not computed */
    size_t importance_count;
    leati_curve_point *curve;
    size_t curve_count;
    leati_verdict curve_verdict;
    char *curve_reading; /* sentences in lines, or NULL */
    leati_varied varied;
    leati_history
        history; /* of the last fit, where it was one in epochs; of the final fit at the end */
    const char *run_folder; /* while it runs; borrowed, NULL: none */
    leati_file_lock *lock;  /* of that folder, until the end of the experiment */
    bool resume;
    char *skipped; /* why importances and curve are not there, or NULL */

    char *inferred, *validation, *verdict; /* for people */
    char *cv_asked;                        /* the text of the split */
    char *config;                          /* JSON object: what reproduce needs */
    char *data, *version, *cpu;
    char data_hash[65];
    double seconds;        /* the whole run */
    double budget;         /* seconds; 0: none */
    double budget_end;     /* on the clock of leati_now_s; 0: no budget */
    const leati_cut *cuts; /* (cut_count) to be repeated; borrowed, while it runs */
    size_t cut_count;
};

/* leat_experiment_run without a clock: options->time_budget is recorded, and what it cut off in
 * the run that is repeated stands in cuts. beside: for the model that stood beside that of the
 * experiment, which is not made otherwise. */
leat_status leati_experiment_repeat(leat_context *c, leat_experiment **out, leat_frame *train,
                                    leat_frame *test, const leat_experiment_options *options,
                                    const leati_cut *cuts, size_t cut_count, bool beside);

#endif
