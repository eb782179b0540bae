/* Owns: which operations of a plan take their operands in bf16 where the graph asks for it
 * (leat_graph_set_precision): all products of matrices and convolutions of f32. */
#include "graph/planner.h"

/* The node with operands rounded; NULL with *changes: no room. */
static leati_node *rounded(leati_node *n, bool *changes)
{
    bool product = n->op == LEATI_OP_MATMUL;
    *changes = (product || n->op == LEATI_OP_CONV || n->op == LEATI_OP_CONV_DATA ||
                n->op == LEATI_OP_CONV_WEIGHT) &&
               n->out[0].dtype == LEAT_DTYPE_F32;
    if (!*changes) return NULL;
    if (product) {
        leati_matmul_attrs a = *(const leati_matmul_attrs *)n->attrs;
        a.half = 1;
        return leati_node_new(n->graph, n->op, n->ins, n->in, &a, sizeof a);
    }
    leati_conv_attrs a = *(const leati_conv_attrs *)n->attrs;
    a.half = 1;
    return leati_node_new(n->graph, n->op, n->ins, n->in, &a, sizeof a);
}

leat_status leati_plan_round(leati_planner *p)
{
    if (!p->graph->half_products) return LEAT_OK;
    for (size_t i = 0; i < p->node_count; i++) {
        leati_node *old = p->node[i];
        bool changes;
        leati_node *n = rounded(old, &changes);
        if (!changes) continue;
        if (!n) return leat_error_status(p->context);
        n->scope = old->scope;
        n->out[0].slot = old->out[0].slot;
        p->value[n->out[0].slot].tensor = &n->out[0];
        p->node[i] = n;
    }
    return LEAT_OK;
}
