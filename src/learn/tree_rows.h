/* A grown tree in a form for many rows: the same leaves as leati_tree_leaf, faster.
 *
 * Small trees are tests without branches (kernel/tree_tests.h); larger ones are walked by several
 * rows in turn, so that a row's wait for memory is another's work. Trees that ask for sets of
 * categories have no such form. Immutable; any number of threads may use it. */
#ifndef LEATI_LEARN_TREE_ROWS_H
#define LEATI_LEARN_TREE_ROWS_H

#include "learn/tree.h"

/* *out NULL with OK: the tree has no such form. */
leat_status leati_tree_rows_create(leat_context *c, const leati_tree *t, leati_tree_rows **out);
void leati_tree_rows_destroy(leati_tree_rows *r); /* NULL is fine */

/* leaf[i]: the node where row from + i of x ends, for `count` rows. Kernels of c's level; records
 * nothing. */
void leati_tree_rows_leaves(const leat_context *c, const leati_tree_rows *r, const leati_matrix *x,
                            size_t from, size_t count, uint32_t *leaf);

#endif
