/* Owns: convolutions that take in the maximum pool behind them, and their gradients, so that what
 * is pooled is never in memory as a whole. For pools of 2 x 2 that lie side by side: CONV then
 * gives the pool's result and which of the four was the largest, and the gradients take the pool's
 * in place of their own. */
#include <string.h>

#include "graph/rewrite.h"
#include "tensor/shape.h"

typedef leati_rewrite state;

/* A pool and all that has to do with it. */
typedef struct pool {
    uint32_t pool, back; /* nodes; back: LEATI_NONE where nothing is learned */
    leati_node *conv;
} pool;

static bool is_flat(const leati_node *n)
{
    const leati_conv_attrs *a = n->attrs;
    return a->rank == 2 && a->channels_last && !a->residual && !a->pool &&
           n->in[0]->dtype == LEAT_DTYPE_F32;
}

/* Windows of 2 x 2 side by side that fill y. */
static bool fills(const leati_node *n)
{
    const leati_pool_attrs *a = n->attrs;
    if (a->rank != 2 || !a->channels_last) return false;
    for (int d = 0; d < 2; d++)
        if (a->kernel[d] != 2 || a->stride[d] != 2 || a->dilation[d] != 1 || a->pad_low[d] ||
            a->pad_high[d] || a->spatial[d] % 2)
            return false;
    return leati_shape_count(&n->out[0].shape) > 0;
}

/* The node that is the gradient of pool n, when it and n are all that read n's input; LEATI_NONE
 * with *alone: n is. */
static uint32_t find_back(const state *s, uint32_t i, bool *alone)
{
    const leati_node *n = s->p->node[i];
    const leat_tensor *x = n->in[0];
    *alone = s->readers[x->slot] == 1;
    if (s->readers[x->slot] != 2) return LEATI_NONE;
    for (uint32_t k = i + 1; k < s->p->node_count; k++) {
        const leati_node *m = s->p->node[k];
        if (m->op == LEATI_OP_POOL_MAX_BACK && m->in[0]->slot == x->slot &&
            m->in[1]->slot == n->out[0].slot && m->in[2]->slot != x->slot)
            return k;
    }
    return LEATI_NONE;
}

static bool takes_gradient(const leati_node *n, uint32_t dy)
{
    if (n->op == LEATI_OP_CONV_DATA) return n->in[0]->slot == dy && n->in[1]->slot != dy;
    if (n->op == LEATI_OP_CONV_WEIGHT) return n->in[1]->slot == dy && n->in[0]->slot != dy;
    return false;
}

/* Whether all that read the pool's gradient are gradients of convolutions. */
static bool is_taken(const state *s, uint32_t back)
{
    uint32_t dy = s->p->node[back]->out[0].slot, count = 0;
    for (uint32_t k = back + 1; k < s->p->node_count; k++)
        if (takes_gradient(s->p->node[k], dy) && is_flat(s->p->node[k])) count++;
    return count && count == s->readers[dy];
}

/* Node n takes the place of node i and gives its result. */
static void take_place(state *s, uint32_t i, leati_node *n)
{
    leati_node *old = s->p->node[i];
    leati_value *v = &s->p->value[old->out[0].slot];
    n->scope = old->scope;
    n->out[0].slot = old->out[0].slot;
    v->tensor = &n->out[0];
    s->p->node[i] = n;
}

static leati_node *with_pool(const leati_node *n, size_t ins, leat_tensor *const *in, size_t outs)
{
    leati_conv_attrs a = *(const leati_conv_attrs *)n->attrs;
    a.pool = 1;
    return leati_node_make(n->graph, n->op, ins, in, outs, &a, sizeof a, LEAT_DTYPE_F32, NULL);
}

static leat_status fold_gradients(state *s, const pool *f, leat_tensor *which)
{
    leati_planner *p = s->p;
    leati_node *back = p->node[f->back];
    for (uint32_t k = f->back + 1; k < p->node_count; k++) {
        leati_node *n = p->node[k];
        if (!takes_gradient(n, back->out[0].slot)) continue;
        bool data = n->op == LEATI_OP_CONV_DATA;
        leat_tensor *in[3] = {data ? back->in[2] : n->in[0], data ? n->in[1] : back->in[2], which};
        leati_node *m = with_pool(n, 3, in, 1);
        if (!m) return leat_error_status(p->context);
        take_place(s, k, m);
    }
    s->gone[f->back] = true;
    return LEAT_OK;
}

static leat_status fold(state *s, const pool *f)
{
    leati_planner *p = s->p;
    bool learns = f->back != LEATI_NONE;
    uint32_t conv = p->value[f->conv->out[0].slot].node;
    leati_node *n = with_pool(f->conv, f->conv->ins, f->conv->in, learns ? 2 : 1);
    if (!n) return leat_error_status(p->context);
    take_place(s, f->pool, n);
    n->scope = f->conv->scope;
    s->gone[conv] = true;
    if (!learns) return LEAT_OK;
    LEATI_TRY(leati_plan_add_value(s->p, &n->out[1], f->pool));
    return fold_gradients(s, f, &n->out[1]);
}

static bool find(const state *s, uint32_t i, pool *f)
{
    leati_node *n = s->p->node[i];
    bool alone;
    if (n->op != LEATI_OP_POOL_MAX || !fills(n)) return false;
    *f = (pool){.pool = i, .conv = leati_maker(s, n->in[0])};
    if (f->conv->op != LEATI_OP_CONV || !is_flat(f->conv) || s->gone[i]) return false;
    f->back = find_back(s, i, &alone);
    return f->back == LEATI_NONE ? alone : is_taken(s, f->back);
}

leat_status leati_plan_pool(leati_planner *p)
{
    state s;
    bool any = false;
    pool f;
    if (!p->graph->device->class->fuses) return LEAT_OK;
    for (size_t i = 0; i < p->node_count; i++) any |= p->node[i]->op == LEATI_OP_POOL_MAX;
    if (!any) return LEAT_OK;
    LEATI_TRY(leati_rewrite_begin(&s, p, 0));
    for (uint32_t i = 0; i < p->node_count; i++)
        if (find(&s, i, &f)) LEATI_TRY(fold(&s, &f));
    return leati_rewrite_end(&s);
}
