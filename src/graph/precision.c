/* Owns: which operations of a plan take their operands in bf16 where the graph asks for it
 * (leat_graph_set_precision): all products of matrices, convolutions, recurrent layers and
 * attention of f32. */
#include <stddef.h>
#include <string.h>

#include "graph/planner.h"

#define HALF(type) ((uint32_t)offsetof(type, half) + 1)

/* Where in its attributes an operation says that operands are rounded, and 1; 0: it has none. */
static uint32_t half_of(leati_op op)
{
    switch (op) {
    case LEATI_OP_MATMUL: return HALF(leati_matmul_attrs);
    case LEATI_OP_CONV:
    case LEATI_OP_CONV_DATA:
    case LEATI_OP_CONV_WEIGHT: return HALF(leati_conv_attrs);
    case LEATI_OP_RECURRENT:
    case LEATI_OP_RECURRENT_GRAD: return HALF(leati_recurrent_attrs);
    case LEATI_OP_ATTENTION:
    case LEATI_OP_ATTENTION_GRAD: return HALF(leati_attention_attrs);
    default: return 0;
    }
}

/* The node with operands rounded, in the place of the old one. */
static leat_status round_node(leati_planner *p, size_t at, uint32_t half)
{
    leati_node *old = p->node[at];
    _Alignas(max_align_t) uint8_t attrs[256];
    LEATI_BUG_IF(p->context, old->attr_bytes > sizeof attrs);
    memcpy(attrs, old->attrs, old->attr_bytes);
    attrs[half - 1] = 1;
    leati_node *n = leati_node_new(p->graph, old->op, old->ins, old->in, attrs, old->attr_bytes);
    if (!n) return leat_error_status(p->context);
    n->scope = old->scope;
    for (size_t i = 0; i < n->outs; i++) {
        n->out[i].slot = old->out[i].slot;
        p->value[n->out[i].slot].tensor = &n->out[i];
    }
    p->node[at] = n;
    return LEAT_OK;
}

leat_status leati_plan_round(leati_planner *p)
{
    if (!p->graph->half_products) return LEAT_OK;
    for (size_t i = 0; i < p->node_count; i++) {
        uint32_t half = half_of(p->node[i]->op);
        if (half && p->node[i]->out[0].dtype == LEAT_DTYPE_F32) LEATI_TRY(round_node(p, i, half));
    }
    return LEAT_OK;
}
