/* Owns: the list of nodes while a pass changes it. Not: what is changed (simplify.c, pooled.c,
 * depthwise.c). */
#include "graph/rewrite.h"

#include <string.h>

#include "base/mem.h"

leat_status leati_rewrite_begin(leati_rewrite *w, leati_planner *p, size_t more)
{
    *w = (leati_rewrite){.p = p, .old_count = p->node_count};
    w->readers = leati_arena_calloc(&p->arena, p->value_count + more + 1, sizeof *w->readers);
    w->gone = leati_arena_calloc(&p->arena, p->node_count + more + 1, sizeof *w->gone);
    w->before = leati_arena_calloc(&p->arena, more + 1, sizeof *w->before);
    if (!w->readers || !w->gone || !w->before) return LEAT_NOMEM;
    for (size_t i = 0; i < p->node_count; i++)
        for (size_t k = 0; k < p->node[i]->ins; k++) w->readers[p->node[i]->in[k]->slot]++;
    for (size_t v = 0; v < p->value_count; v++) w->readers[v] += p->value[v].root;
    return LEAT_OK;
}

leat_status leati_rewrite_add(leati_rewrite *w, uint32_t i, leati_node *n)
{
    if (!n) return leat_error_status(w->p->context);
    w->before[w->p->node_count - w->old_count] = i;
    for (size_t k = 0; k < n->ins; k++) w->readers[n->in[k]->slot]++;
    return leati_plan_add_node(w->p, n);
}

/* Whether a value of node n has memory of its own that a step writes. */
static bool has_memory(const leati_node *n)
{
    return !leati_is_leaf(n->op) && n->op != LEATI_OP_RESHAPE && n->op != LEATI_OP_ASSIGN;
}

/* The nodes in their new order, and where each went. */
typedef struct sequence {
    leati_node **node;
    uint32_t *to;
    uint32_t count, other; /* other: one that writes memory */
} sequence;

/* Node i comes next. */
static void put(const leati_rewrite *w, uint32_t i, sequence *s)
{
    s->to[i] = LEATI_NONE;
    if (w->gone[i]) return;
    if (has_memory(w->p->node[i])) s->other = s->count;
    s->to[i] = s->count;
    s->node[s->count++] = w->p->node[i];
}

leat_status leati_rewrite_end(leati_rewrite *w)
{
    leati_planner *p = w->p;
    sequence s = {.to = leati_arena_calloc(&p->arena, p->node_count + 1, sizeof *s.to),
                  .node = leati_arena_calloc(&p->arena, p->node_count + 1, sizeof *s.node)};
    if (!s.to || !s.node) return LEAT_NOMEM;
    uint32_t added = (uint32_t)w->old_count;
    for (uint32_t i = 0; i < w->old_count; i++) {
        while (added < p->node_count && w->before[added - w->old_count] == i) put(w, added++, &s);
        put(w, i, &s);
    }
    if (s.count) memcpy(p->node, s.node, s.count * sizeof *s.node);
    /* Values of nodes that are gone have no reader and no writer, and so get no memory: any node
     * that is not a leaf may stand for their maker. */
    for (size_t v = 0; v < p->value_count; v++) {
        uint32_t *node = &p->value[v].node;
        *node = s.to[*node] == LEATI_NONE ? s.other : s.to[*node];
    }
    p->node_count = s.count;
    return LEAT_OK;
}
