/* A grown decision tree: how it answers, is pruned, saved and loaded. */
#ifndef LEATI_LEARN_TREE_H
#define LEATI_LEARN_TREE_H

#include "learn/dataset.h"
#include "learn/state.h"

typedef struct leati_tree_rows leati_tree_rows; /* tree_rows.h */

/* Nodes in preorder: the left child of node i is i + 1. */
typedef struct leati_tree {
    size_t nodes, outputs; /* outputs: classes, or 1 */
    int32_t *feature;      /* (nodes) -1: a leaf */
    double *threshold;     /* (nodes) x <= threshold goes left; ignored for subsets */
    int32_t *right;        /* (nodes) right child */
    int32_t *subset;       /* (nodes) -1, or where in words: the number of words, then bits of the
                              levels that go left */
    uint8_t *missing_left; /* (nodes) where missing and unseen values go */
    int32_t *words;        /* (word_count) */
    size_t word_count;
    double *value;    /* (nodes, outputs) class frequencies, or the mean */
    double *impurity; /* (nodes) */
    double *weight;   /* (nodes) sum of row weights */
    /* From leati_tree_prepare on. */
    leati_tree_rows *rows; /* NULL: rows are walked one by one */
    double *best;          /* (nodes) the largest class, the first of equal ones; or the mean */
} leati_tree;

/* Arrays for so many nodes and words, zeroed. */
leat_status leati_tree_init(leat_context *c, leati_tree *t, size_t nodes, size_t outputs,
                            size_t words);
void leati_tree_fini(leati_tree *t);

/* Where an inner node sends a value of its feature. */
size_t leati_tree_next(const leati_tree *t, size_t node, double value);
/* The leaf of a row (features) of f64. */
size_t leati_tree_leaf(const leati_tree *t, const double *row);
/* Makes what answers many rows; the tree does not change any more. classes: its outputs are those
 * of classes. */
leat_status leati_tree_prepare(leat_context *c, leati_tree *t, bool classes);
/* Of each row's leaf, either may be NULL: best (rows), the number of its largest class or its
 * mean; value (rows, outputs). The tree is prepared. */
void leati_tree_answer(leat_context *c, const leati_tree *t, const leati_matrix *x, double *best,
                       double *value);

/* Minimal cost-complexity pruning (Breiman et al. 1984, section 3.3): collapses weakest links while
 * their cost per leaf is at most alpha. The value of inner nodes must be set. */
leat_status leati_tree_prune(leat_context *c, leati_tree *t, double alpha);

/* importance (features): weighted decrease of impurity by feature, summing to 1 (or all 0). */
void leati_tree_importance(const leati_tree *t, size_t features, double *importance);

leat_status leati_tree_save(const leati_tree *t, leati_state *s);
/* LEAT_FORMAT unless every index is in range and every path ends. */
leat_status leati_tree_load(leat_context *c, leati_tree *t, leati_state *s, size_t features,
                            size_t outputs);

#endif
