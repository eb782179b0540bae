/* What estimators see: a dense matrix, and for fitting also the target. */
#ifndef LEATI_LEARN_DATASET_H
#define LEATI_LEARN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "learn/history.h"

/* (rows, cols) row-major, f64 or f32: exactly one of the pointers is set. Borrowed. */
typedef struct leati_matrix {
    const double *f64;
    const float *f32;
    size_t rows, cols;
    size_t stride; /* elements from row to row, >= cols */
    bool finite;   /* all values are known to be: nobody looks again */
} leati_matrix;

/* A categorical feature holds level numbers 0 .. levels-1 as values (NaN: missing or unseen) and
 * reaches only estimators with LEATI_TAKES_CATEGORIES. */
typedef struct leati_feature {
    const char *name;
    uint32_t levels; /* 0: numeric */
} leati_feature;

typedef enum leat_task_kind { LEATI_CLASSIFY, LEATI_REGRESS } leati_task;

/* Where an estimator that learns for long keeps what it would not lose, and tells how it goes. */
typedef struct leati_run_folder {
    const char *path;       /* made when something is written; NULL: nothing is kept */
    bool resume;            /* go on from what is there */
    bool passes_over;       /* what is there of something else, instead of refusing it */
    const char *trace;      /* file for a timeline of the first steps; NULL: none */
    double wait;            /* seconds of training before anything is written but on interruption */
    leati_history *history; /* filled, also when the training fails; NULL: not wanted */
} leati_run_folder;

typedef struct leati_dataset {
    leati_matrix x;
    const leati_feature *features; /* (x.cols) */
    size_t image[3]; /* (H, W, C) where a row is one image and nothing else; 0: it is none */
    size_t tokens;   /* all features are numbers of tokens below this; 0: they are none */
    leati_task task;
    const double *y;       /* (rows) REGRESS: finite */
    const uint32_t *label; /* (rows) CLASSIFY: 0 .. classes-1; each class has a row */
    uint32_t classes;
    char *const *class_names; /* what people call the classes, or NULL; for messages only */
    const uint32_t *named;    /* (classes) class k is class_names[named[k]]; NULL: [k] */
    const double *weight;     /* (rows) or NULL: all 1. Not negative. */
    const uint32_t *place; /* (rows) which row of the table each is, or NULL; for messages only */
    uint64_t seed;         /* for leati_rng_init */
    const leati_run_folder *run; /* NULL: nothing is kept */
} leati_dataset;

static inline double leati_at(const leati_matrix *m, size_t row, size_t col)
{
    return m->f64 ? m->f64[row * m->stride + col] : (double)m->f32[row * m->stride + col];
}

/* How a message calls a class: its name, or "number 2 of 3" in space where the data has none. */
enum { LEATI_CLASS_TEXT = 64 };
const char *leati_class_text(const leati_dataset *d, size_t k, char space[LEATI_CLASS_TEXT]);

/* Row `row` as f64: points into the matrix or into `space` (cols values). */
const double *leati_row(const leati_matrix *m, size_t row, double *space);
/* The rows [from, from + count) of m. */
leati_matrix leati_matrix_rows(const leati_matrix *m, size_t from, size_t count);
/* A packed copy (rows, cols) in the named precision; leati_free. */
double *leati_matrix_f64(leat_context *c, const leati_matrix *m);
float *leati_matrix_f32(leat_context *c, const leati_matrix *m);

#endif
