/* Owns: convolutions that take in the one with one filter per channel behind them (CONV_DEPTH),
 * where the device has a kernel for both together: what lies between is then never in memory as a
 * whole. Only what nobody else reads, so not while learning. */
#include <string.h>

#include "graph/rewrite.h"
#include "tensor/shape.h"

typedef leati_rewrite state;

static bool is_plain(const leati_node *n)
{
    const leati_conv_attrs *a = n->attrs;
    return n->op == LEATI_OP_CONV && a->rank == 2 && a->channels_last && !a->residual && !a->pool &&
           n->in[0]->dtype == LEAT_DTYPE_F32 && !a->half;
}

/* One filter per channel. */
static bool is_depthwise(const leati_node *n)
{
    const leati_conv_attrs *a = n->attrs;
    const leat_shape *w = &n->in[1]->shape;
    return a->groups > 1 && w->dim[0] == a->groups && w->dim[1] == 1;
}

/* m and n, which reads nothing but what m makes and its weights, as one; NULL where the device has
 * no kernel for that. */
static leat_status join(state *s, leati_node *m, leati_node *n, leati_node **out)
{
    leati_conv_depth_attrs a;
    leat_tensor *in[5];
    leati_operand operands[6];
    size_t ins = 0;
    memset(&a, 0, sizeof a);
    a.first = *(const leati_conv_attrs *)m->attrs;
    a.second = *(const leati_conv_attrs *)n->attrs;
    for (size_t k = 0; k < m->ins; k++) in[ins++] = m->in[k];
    for (size_t k = 1; k < n->ins; k++) in[ins++] = n->in[k];
    *out = leati_node_make(n->graph, LEATI_OP_CONV_DEPTH, ins, in, 1, &a, sizeof a, n->out[0].dtype,
                           &n->out[0].shape);
    if (!*out) return leat_error_status(s->p->context);
    const leati_device *d = s->p->graph->device;
    leati_step step = leati_step_of(*out, operands);
    if (!d->class->kernel(d, &step)) *out = NULL;
    return LEAT_OK;
}

static leat_status fold(state *s, uint32_t i)
{
    leati_planner *p = s->p;
    leati_node *n = p->node[i], *both;
    if (!is_plain(n) || !is_depthwise(n)) return LEAT_OK;
    const leat_tensor *x = n->in[0];
    uint32_t before = p->value[x->slot].node;
    leati_node *m = p->node[before];
    if (s->readers[x->slot] != 1 || !is_plain(m) || s->gone[before]) return LEAT_OK;
    LEATI_TRY(join(s, m, n, &both));
    if (!both) return LEAT_OK;
    both->scope = n->scope;
    both->out[0].slot = n->out[0].slot;
    p->value[both->out[0].slot].tensor = &both->out[0];
    p->node[i] = both;
    s->gone[before] = true;
    return LEAT_OK;
}

leat_status leati_plan_join_depthwise(leati_planner *p)
{
    state s;
    bool any = false;
    if (!p->graph->device->class->fuses) return LEAT_OK;
    for (size_t i = 0; i < p->node_count; i++)
        any |= is_plain(p->node[i]) && is_depthwise(p->node[i]);
    if (!any) return LEAT_OK;
    LEATI_TRY(leati_rewrite_begin(&s, p, 0));
    for (uint32_t i = 0; i < p->node_count; i++) LEATI_TRY(fold(&s, i));
    return leati_rewrite_end(&s);
}
