/* Growing one decision tree on coded data. */
#ifndef LEATI_LEARN_TREE_GROW_H
#define LEATI_LEARN_TREE_GROW_H

#include "learn/tree.h"
#include "learn/tree_split.h"

typedef struct leati_tree_rules {
    leati_criterion criterion;
    bool random;         /* one drawn threshold a feature, instead of the best one */
    size_t max_depth;    /* SIZE_MAX: no limit */
    size_t min_split;    /* least rows of a node that is split */
    size_t min_leaf;     /* least rows of a child, > 0 */
    size_t max_features; /* tried at a node, drawn among those that vary there */
    size_t max_leaves;   /* 0: no limit; else the best split of all leaves comes next */
    double min_decrease; /* least weighted decrease of impurity of a split */
    uint64_t seed;
} leati_tree_rules;

/* *tree is empty on failure. All rows of weight 0 are left out; LEAT_INVALID (naming `owner`) when
 * none is left. The result does not depend on the number of threads. */
leat_status leati_tree_grow(leat_context *c, leati_tree *tree, const leati_tree_data *data,
                            const leati_tree_rules *rules, const char *owner);

#endif
