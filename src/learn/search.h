/* Searching for parameters: the space of values, the candidates drawn from it, and running them.
 * How a candidate is evaluated is the caller's business (a callback). */
#ifndef LEATI_LEARN_SEARCH_H
#define LEATI_LEARN_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/param.h"
#include "learn/split.h"

/* --- what to try
 * ------------------------------------------------------------------------------------
 */

typedef enum leati_axis_kind {
    LEATI_AXIS_LIST, /* texts */
    LEATI_AXIS_REAL, /* low to high, evenly */
    LEATI_AXIS_LOG,  /* low to high, evenly in the logarithm */
    LEATI_AXIS_INT   /* whole numbers */
} leati_axis_kind;

typedef struct leati_axis {
    char *name; /* of the parameter */
    leati_axis_kind kind;
    char **value; /* LIST: (count); else the points of a grid, as text */
    size_t count;
    double low, high; /* ranges */
} leati_axis;

/* The parameters of one estimator that are searched. */
typedef struct leati_space {
    leat_context *context;
    leati_axis *axis;
    size_t count, capacity;
} leati_space;

void leati_space_init(leati_space *s, leat_context *c);
void leati_space_fini(leati_space *s);
/* Adds the rows of the table that have a grid, in their order. */
leat_status leati_space_add_table(leati_space *s, const leati_param *table);
/* Leaves a parameter out of the search, where it is in it. */
void leati_space_remove(leati_space *s, const char *name);
/* Adds or replaces an axis. values: "0.1,1,10", or a range "log:1e-3:1e3", "real:0:1", "int:1:30",
 * each with a number of grid points behind another colon if wanted ("log:1e-3:1e3:7"; otherwise
 * powers of ten for log, else at most 10 even steps). Errors name the parameter and the text. */
leat_status leati_space_add(leati_space *s, const char *name, const char *values);
/* Splits "svc.C=0.1,1,10" into its three parts, copied into one block (leati_free(*estimator)).
 * Without an estimator ("C=1,10") *estimator is "". */
leat_status leati_space_split(leat_context *c, const char *text, char **estimator, char **name,
                              char **values);

/* Bytes of the first of several values: up to a comma outside of brackets and quotes, or the end.
 */
size_t leati_space_value(const char *text);

typedef enum leati_search_kind {
    LEATI_SEARCH_NONE,
    LEATI_SEARCH_GRID,
    LEATI_SEARCH_RANDOM,
    LEATI_SEARCH_HALVING
} leati_search_kind;

typedef struct leati_search_spec {
    leati_search_kind kind;
    uint32_t draws;  /* random: candidates; halving: candidates at the start, 0: the whole grid */
    uint32_t factor; /* halving: keep one in `factor`, with `factor` times the resource; 3 */
} leati_search_spec;

/* "none", "grid", "random", "random:50", "halving", "halving:50". */
leat_status leati_search_parse(leat_context *c, leati_search_spec *out, const char *text);
size_t leati_search_text(const leati_search_spec *spec, char *out, size_t size);

typedef struct leati_assignment {
    const char *name, *value;
} leati_assignment;

typedef struct leati_candidate {
    const leati_assignment *set; /* (count) in the order of the axes */
    size_t count;
} leati_candidate;

typedef struct leati_candidates {
    leati_candidate *at;
    size_t count;
    void *memory;
} leati_candidates;

/* grid: all combinations, the last axis fastest. random: distinct ones, lists evenly, ranges from
 * their distribution; all of a grid of lists if it has no more than `draws`. halving: as random
 * with draws, else as grid. An empty space gives one empty candidate. LEAT_LIMIT above
 * LEATI_MOST_CANDIDATES. */
enum { LEATI_MOST_CANDIDATES = 1000000 };
leat_status leati_candidates_make(leat_context *c, leati_candidates *out, const leati_space *space,
                                  const leati_search_spec *spec, uint64_t seed);
void leati_candidates_fini(leati_candidates *x);

/* --- running it
 * ------------------------------------------------------------------------------------
 */

/* Evaluates candidate `index` on `resource` of the whole (0 < resource <= 1: share of training rows
 * or folds, as the caller likes; 1 for grid and random). *score: larger is better; NaN if it
 * failed, which ranks last. A status other than LEAT_OK ends the search with it. */
typedef leat_status (*leati_evaluate_fn)(void *user, size_t index, double resource, double *score);

typedef struct leati_trial {
    size_t index; /* of the candidate */
    uint32_t round;
    double resource, score, seconds;
} leati_trial;

typedef struct leati_search_result {
    leati_trial *trial; /* in the order run */
    size_t count;
    size_t best;      /* trial with the best score of the last round (the first of equals) */
    bool out_of_time; /* not all was tried */
} leati_search_result;

/* most: trials to end after; 0: all. A trial that the deadline of the context ends is left out, and
 * the search ends with those before it: which depends on the clock, and out_of_time says so. Where
 * it is the first, the status is LEAT_CANCELLED. */
leat_status leati_search_run(leat_context *c, leati_search_result *out, size_t candidates,
                             const leati_search_spec *spec, double least_resource, size_t most,
                             leati_evaluate_fn evaluate, void *user);
void leati_search_result_fini(leati_search_result *r);

/* Successive halving (Jamieson and Talwalkar, AISTATS 2016): how many candidates run in each round
 * and on which share, at most LEATI_MOST_ROUNDS. The last round has resource 1. */
enum { LEATI_MOST_ROUNDS = 20 };
typedef struct leati_round {
    size_t candidates;
    double resource;
} leati_round;
size_t leati_halving_rounds(size_t candidates, uint32_t factor, double least_resource,
                            leati_round out[LEATI_MOST_ROUNDS]);

/* --- nested cross-validation
 * ----------------------------------------------------------------------
 */

/* Fits candidate `index` on fold->train, scores it on fold->test. *score: larger is better; NaN if
 * it failed. */
typedef leat_status (*leati_nested_fn)(void *user, size_t index, const leati_fold *fold,
                                       double *score);

typedef struct leati_nested_fold {
    size_t chosen;      /* the candidate with the best mean over the inner folds */
    double inner_score; /* that mean; NaN when every candidate failed */
    double outer_score; /* of the chosen one, fitted on the outer training rows */
} leati_nested_fold;

/* Chooses among the candidates within the training rows of each fold and judges the choice on its
 * test rows, which had no say in it (Varma and Simon, BMC Bioinformatics 2006). inner: number of
 * inner folds; 0: see leati_split_inner. out (folds->count). A candidate that fails in one inner
 * fold ranks behind those that do not; of equals the first is chosen. */
leat_status leati_nested_run(leat_context *c, const leati_folds *folds,
                             const leati_split_data *data, uint32_t inner, size_t candidates,
                             leati_nested_fn evaluate, void *user, leati_nested_fold *out);

#endif
