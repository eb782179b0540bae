/* Shapley values that an estimator has in closed form. */
#ifndef LEATI_LEARN_SHAPLEY_H
#define LEATI_LEARN_SHAPLEY_H

#include "learn/tree.h"

/* The game of one row x: v(S) is the mean over the background rows z of the answer to the row that
 * has the features of the players in S from x and the others from z. */
typedef struct leati_game {
    const leati_matrix *x;          /* (1, features) */
    const leati_matrix *background; /* (rows, features), at least one */
    const uint32_t *player;         /* (features) that a feature belongs to */
    size_t players;
    size_t output; /* the class whose share of a leaf is the answer; 0 where that is a mean */
} leati_game;

/* share (players): exact, in time that is linear in rows and leaves. Lundberg et al., "From local
 * explanations to global understanding with explainable AI for trees", Nature Machine Intelligence
 * 2020, algorithm 3 of the supplement (interventional), for players of several features. */
leat_status leati_tree_shapley(leat_context *c, const leati_tree *t, const leati_game *g,
                               double *share);

#endif
