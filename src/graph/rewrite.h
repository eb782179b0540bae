/* Passes that change the list of nodes in place: who reads what, what is gone, what came in. */
#ifndef LEATI_GRAPH_REWRITE_H
#define LEATI_GRAPH_REWRITE_H

#include "graph/planner.h"

typedef struct leati_rewrite {
    leati_planner *p;
    uint32_t *readers; /* per value; a root counts as one */
    bool *gone;        /* per node: marked to be left out */
    uint32_t *before;  /* per node added: the one it goes before, rising */
    size_t old_count;  /* of nodes, before any was added */
} leati_rewrite;

/* `more`: the most nodes that will be added. Everything is the planner's arena's. */
leat_status leati_rewrite_begin(leati_rewrite *w, leati_planner *p, size_t more);
/* Node n goes before node i, and so behind those that were added before; NULL: it could not be
 * made. What it reads counts. */
leat_status leati_rewrite_add(leati_rewrite *w, uint32_t i, leati_node *n);
/* Puts the list in order, without what is gone. Nobody may read that any more. */
leat_status leati_rewrite_end(leati_rewrite *w);

/* The node that makes t. */
static inline leati_node *leati_maker(const leati_rewrite *w, const leat_tensor *t)
{
    return w->p->node[w->p->value[t->slot].node];
}

#endif
