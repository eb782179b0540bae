/* The best split of one node by one feature, exactly: every border between distinct values. */
#ifndef LEATI_LEARN_TREE_SPLIT_H
#define LEATI_LEARN_TREE_SPLIT_H

#include "base/rng.h"
#include "kernel/learn_loops.h"
#include "learn/tree_data.h"

typedef enum leati_criterion {
    LEATI_GINI,
    LEATI_ENTROPY,
    LEATI_SQUARED_ERROR,
    LEATI_ABSOLUTE_ERROR
} leati_criterion;

/* The rows of a node, gathered once: element i belongs to row[i]. */
typedef struct leati_tree_node_view {
    const leati_tree_data *data;
    leati_criterion criterion;
    size_t n, least; /* rows; least rows of a child */
    const uint32_t *row;
    uint32_t *label;      /* (n) classes */
    uint8_t *short_label; /* the same; NULL for more than LEATI_GINI_CLASSES, or with weights */
    double *y;            /* (n) regression */
    double *weight;       /* (n) or NULL: all 1 */
    double *total; /* (classes) sums of weight, or (1) sum of w y; room for LEATI_GINI_CLASSES */
    double sum;    /* of weight */
    /* LEATI_ABSOLUTE_ERROR: */
    uint32_t *y_rank; /* (n) rank of y in the node, from 0 */
    double *y_sorted; /* (n) y by rank */
} leati_tree_node_view;

/* quality grows as the children get purer; equal qualities are told apart by the later feature,
 * then lower border. */
typedef struct leati_split {
    double quality; /* -HUGE_VAL: none */
    size_t feature;
    uint32_t cut;      /* codes up to it go left */
    double threshold;  /* the same as a value; for a random split drawn, else midway */
    bool missing_left; /* missing values */
    bool levels;       /* categorical: the first `prefix` groups of the order go left */
    uint32_t order, prefix;
    bool constant; /* the feature has one value in the node */
} leati_split;

/* Scratch of one worker, for nodes of up to `rows` rows. */
typedef struct leati_split_space {
    uint64_t *keys, *swap;    /* (rows) */
    uint32_t *order, *code;   /* (rows) elements by code, and their codes */
    uint32_t *order2, *code2; /* (rows) another order of them */
    uint32_t *counts;         /* (bins, classes) */
    uint32_t *gini_counts;    /* (LEATI_GINI_COUNTS) zeros */
    const leati_learn_loops *loops;
    double *left, *right; /* (classes or 1) */
    double *cost, *tree;  /* absolute error: (rows + 1) each, tree twice */
    void *groups;         /* levels: (rows) */
    uint32_t *bits;       /* (levels / 32) */
} leati_split_space;

leat_status leati_split_space_init(leat_context *c, leati_split_space *s,
                                   const leati_tree_data *data, leati_criterion criterion);
void leati_split_space_fini(leati_split_space *s);

/* The best split by `feature`. rng NULL: all borders; else one random threshold. */
leati_split leati_split_find(const leati_tree_node_view *v, size_t feature, leati_rng *rng,
                             leati_split_space *s);
/* The levels of a categorical split that go left, as bits of s->bits; the bit `distinct` stands for
 * missing. Levels that the node has not go with missing_left. rng as it was for the search. The
 * caller reads the bits before the next call. */
void leati_split_levels(const leati_tree_node_view *v, const leati_split *split, leati_rng *rng,
                        leati_split_space *s);

static inline bool leati_split_better(const leati_split *a, const leati_split *b)
{
    return a->quality > b->quality || (a->quality == b->quality && a->feature > b->feature);
}

#endif
