/* Exact nearest rows in few dimensions by a k-d tree (Friedman, Bentley and Finkel 1977, "An
 * algorithm for finding best matches in logarithmic expected time"). */
#ifndef LEATI_LEARN_KDTREE_H
#define LEATI_LEARN_KDTREE_H

#include <stddef.h>
#include <stdint.h>

#include "learn/dataset.h"

typedef enum leati_distance {
    LEATI_SQUARED,   /* squared Euclidean */
    LEATI_MANHATTAN, /* sum of |d| */
    LEATI_CHEBYSHEV, /* max of |d| */
    LEATI_POWER      /* sum of |d|^p */
} leati_distance;

/* The distance as named, in f64, terms added in order of the columns. */
double leati_distance_of(leati_distance kind, double p, size_t cols, const double *a,
                         const double *b);

/* Keeps the k nearest of the rows offered so far, nearest first, equal distances by lower row:
 * index and distance hold *held <= k entries. */
void leati_nearest_offer(size_t k, size_t *held, uint32_t *index, double *distance, uint32_t row,
                         double d);

typedef struct leati_kdtree {
    size_t rows, cols;
    double *points;  /* (rows, cols) in tree order */
    uint32_t *row;   /* (rows) number in the matrix */
    double *box;     /* (nodes, 2, cols) least and most of each node */
    unsigned levels; /* node i has the children 2 i + 1 and 2 i + 2 until the last level */
} leati_kdtree;

/* Copies x. The tree depends on x alone. */
leat_status leati_kdtree_init(leat_context *c, leati_kdtree *t, const leati_matrix *x);
void leati_kdtree_fini(leati_kdtree *t);

/* The k nearest rows (1 <= k <= rows) of one point; no allocation, thread-safe. */
void leati_kdtree_nearest(const leati_kdtree *t, leati_distance kind, double p, const double *point,
                          size_t k, uint32_t *index, double *distance);

#endif
