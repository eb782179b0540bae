/* Splitting rows into training and test parts: how to (the specification), and the parts.
 *
 * Row numbers only: no data is copied here. Everything is a pure function of its arguments and the
 * seed. */
#ifndef LEATI_LEARN_SPLIT_H
#define LEATI_LEARN_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

typedef enum leati_split_kind {
#define SPLIT(kind, name, forms, doc) LEATI_SPLIT_##kind,
#include "learn/splits.def"
#undef SPLIT
    LEATI_SPLIT_KINDS
} leati_split_kind;

typedef struct leati_split_spec {
    leati_split_kind kind;
    uint32_t folds;     /* kfold, stratified, repeated, group, time; nested: outer */
    uint32_t repeats;   /* repeated; else 1 */
    uint32_t inner;     /* nested: inner folds */
    double test_share;  /* holdout: in (0, 1) */
    const char *column; /* group, predefined; time: or NULL. Points into the text parsed */
    bool in_order;      /* do not shuffle: the folds of scikit-learn with shuffle=False */
} leati_split_spec;

const char *leati_split_name(leati_split_kind kind);
const char *leati_split_doc(leati_split_kind kind);

/* Reads "kfold:10", "repeated:5x2", ...; errors name the text and show the forms allowed. The text
 * must outlive *out where a column is named in it. */
leat_status leati_split_parse(leat_context *c, leati_split_spec *out, const char *text);
/* The text that parses to this, e.g. "repeated:5x2"; returns its length (see snprintf). */
size_t leati_split_text(const leati_split_spec *spec, char *out, size_t size);

/* Bounds of the rule for "auto" below. */
enum {
    LEATI_AUTO_FOLDS = 10,
    LEATI_AUTO_LEAST_FOLDS = 5,
    LEATI_AUTO_MOST_ROWS = 100000,
    LEATI_AUTO_MOST_CELLS = 10000000
};
/* What "auto" means for data of this size: holdout:0.2 above LEATI_AUTO_MOST_ROWS rows or
 * LEATI_AUTO_MOST_CELLS values (one test part is then large enough for a narrow interval, and
 * fitting ten times is slow); else k-fold, stratified when `counts` (rows per class) is not NULL.
 * k is 10, but not more than the rows of the smallest class that has two or more, nor less than 5
 * for that reason, nor more than the rows. */
leati_split_spec leati_split_auto(size_t rows, size_t cols, const size_t *counts, uint32_t classes);

typedef struct leati_fold {
    uint32_t *train, *test; /* row numbers, ascending; owned by the leati_folds */
    size_t train_count, test_count;
    uint32_t number; /* 0 .. folds-1 within its repeat */
    uint32_t repeat; /* 0 .. repeats-1 */
    uint32_t absent; /* classes with rows in the data but none in train */
    uint64_t seed;   /* for an estimator fitted on this fold */
} leati_fold;

typedef struct leati_folds {
    leati_fold *fold;
    size_t count;          /* folds * repeats */
    leati_split_spec spec; /* as done: never AUTO */
    char *note;            /* what a person should know (fewer folds, class lacking), or NULL */
} leati_folds;

/* What a split may look at. Only `rows` must be set. */
typedef struct leati_split_data {
    size_t rows, cols;
    const uint32_t *label; /* (rows) 0 .. classes-1, or NULL: stratifies */
    uint32_t classes;
    const char *const *class_name; /* (classes) for notes, or NULL */
    const uint32_t *table_row;     /* (rows) for notes: the row of the table from 0, or NULL: the
                                      number of the row itself */
    const uint32_t *group;         /* (rows) group: number of the group. predefined: number of the
                                      fold, UINT32_MAX for rows that are always in training */
    const double *time;            /* (rows) time: order of the rows, or NULL: their order in the
                                      table */
} leati_split_data;

/* Errors (LEAT_INVALID) say what does not fit: more folds than rows, a missing time, one group.
 * A class that a fold lacks in training is no error: see leati_fold.absent and the note.
 *  - kfold, stratified, time, loo and group with in_order give the folds of scikit-learn 1.9's
 *    KFold, StratifiedKFold, TimeSeriesSplit, LeaveOneOut and GroupKFold. Shuffling permutes rows
 *    (stratified: within a class; group: the groups of equal size) and keeps all sizes.
 *  - time: rows are ordered by time, then number; the training rows of a fold are those strictly
 *    earlier than its first test row.
 *  - repeated and holdout are stratified when there are labels; nested gives its outer folds. */
leat_status leati_split_make(leat_context *c, leati_folds *out, const leati_split_spec *spec,
                             const leati_split_data *data, uint64_t seed);
void leati_folds_fini(leati_folds *folds); /* fine on a zeroed struct */

/* Folds within the training rows of `outer`, of the same sort as those of `folds` (groups stay
 * together, time goes forward), with row numbers of the whole data. `count` folds; 0: as many as
 * spec.inner says for nested, else 5. */
leat_status leati_split_inner(leat_context *c, leati_folds *out, const leati_folds *folds,
                              const leati_fold *outer, const leati_split_data *data,
                              uint32_t count);

/* Mean and smallest share of training to test rows matter to the statistics of fold scores. */
double leati_folds_test_ratio(const leati_folds *folds); /* mean of test_count / train_count */

#endif
