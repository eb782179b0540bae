/* The counters of a window: what came in and went out in some stretch of time, against the norm.
 *
 * All counters are whole numbers (sums are of numbers rounded to 2^-20 of a standard deviation,
 * probabilities to 2^-32), so those of several workers merge to the same bits as one pass over
 * all rows in any order. Adding allocates nothing and records no errors; they are used by one
 * thread at a time. Room for 2^32 rows. */
#ifndef LEATI_MONITOR_COUNTERS_H
#define LEATI_MONITOR_COUNTERS_H

#include "kernel/vec.h"
#include "monitor/norm.h"

enum {
    LEATI_COUNTERS_CLASSES = 64, /* beyond, confusions are not kept, only how many are right */
    LEATI_COUNTERS_RANKS = 1024, /* cells of scores, for areas under ROC curves */
    LEATI_COUNTERS_GROUPS = 32,  /* beyond, groups are counted as one, LEATI_COUNTERS_OTHERS */
    LEATI_COUNTERS_GROUP_NAME = 64
};
#define LEATI_COUNTERS_OTHERS "(other groups)"

/* One value of an input. Of arrays the number is the mean of the elements. */
typedef struct leati_cell {
    bool missing;
    double number;    /* of numbers, bools, arrays; not finite counts as missing */
    const char *text; /* of texts; not terminated */
    size_t length;
} leati_cell;

/* Decisions about a group, for fairness. `positive` is the class that is favoured. */
typedef struct leati_counted_group {
    char name[LEATI_COUNTERS_GROUP_NAME];
    uint64_t rows, selected; /* predicted positive */
    uint64_t truth[2][2];    /* rows with a label: [is positive][was predicted so] */
} leati_counted_group;

typedef struct leati_counters {
    const leati_norm *norm; /* borrowed */
    const leati_vec *vec;
    uint64_t *word; /* (words): all counters but those of groups */
    size_t words;
    /* Where they stand in `word`. */
    size_t *cells;   /* (norm->count): the cells of each feature */
    size_t *sums;    /* (norm->count): sums of (value - mean) / scale of the cells but the last */
    size_t expected; /* (classes, classes) or (1): predicted as i, share of j; 2^-32 */
    size_t actual;   /* (classes, classes) or (1): predicted as i, was j */
    size_t chances; /* (RANKS, 4), of two classes with scores: rows, their probability of the second
                       class (2^-32), labelled rows of that class, labelled rows */
    uint32_t kept;  /* classes of the two matrices; 1: only the hits */
    double *scratch; /* (2 * classes) */
    uint32_t positive;
    leati_counted_group *group; /* (GROUPS + 1) */
    size_t groups;
    uint64_t groupless; /* rows whose group is missing, where groups are asked for */
} leati_counters;

/* Numbers at the head of `word`. */
enum {
    LEATI_COUNTERS_ROWS,      /* added by add_row */
    LEATI_COUNTERS_PREDICTED, /* by add_prediction */
    LEATI_COUNTERS_SCORED,    /* of those with probabilities */
    LEATI_COUNTERS_LABELLED,  /* by add_truth */
    LEATI_COUNTERS_ABSOLUTE,  /* regression: sums of errors and their squares, in target_scale */
    LEATI_COUNTERS_SQUARED,   /* and its square, 2^-16, errors held to 1024 */
    LEATI_COUNTERS_HEAD
};

leat_status leati_counters_create(leat_context *c, leati_counters *w, const leati_norm *norm);
void leati_counters_destroy(leati_counters *w); /* idempotent */
void leati_counters_reset(leati_counters *w);

/* cells: (norm->inputs), in the order of the norm's features. */
void leati_counters_add_row(leati_counters *w, const leati_cell *cells);
/* The same of many rows: first their number, then for each of the norm's inputs that is no text the
 * values (count); not finite counts as missing. */
void leati_counters_add_rows(leati_counters *w, size_t count);
void leati_counters_add_numbers(leati_counters *w, size_t feature, const double *values,
                                size_t count);
/* What the model answered: the value or class number, and probabilities (classes) or NULL. */
void leati_counters_add_prediction(leati_counters *w, double value, const double *proba);
/* What came true for such an answer. For a prediction that has been added, or will be. */
void leati_counters_add_truth(leati_counters *w, double value, const double *proba, double truth);
/* The group of a row; truth NaN: not known. */
void leati_counters_add_group(leati_counters *w, const char *name, size_t length, double value,
                              double truth);
/* Adds what `from` holds; both have the same norm. */
void leati_counters_merge(leati_counters *w, const leati_counters *from);

/* The cell of a row of a frame's column, as leati_counters_add_row takes it. */
leati_cell leati_cell_of(const leati_column *col, size_t row);
/* Whether two windows hold the same. */
bool leati_counters_equal(const leati_counters *a, const leati_counters *b);

#endif
