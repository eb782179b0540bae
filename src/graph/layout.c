/* Owns: the layout of activations when predicting. Kernels of convolutions and pools want channels
 * last; where a model has (N, C, spatial...), as ONNX files do, they and what follows them element
 * by element are recorded again on (N, spatial..., C), so that nothing is turned between them. A
 * value is turned back where something else reads it. */
#include <string.h>

#include "base/mem.h"
#include "graph/planner.h"
#include "tensor/shape.h"

typedef struct state {
    leati_planner *p;
    leat_tensor **last; /* per value: the same with channels last, or NULL */
    bool *read;         /* per value */
    size_t values;      /* entries of both */
    leati_node **order; /* the nodes as they are to be */
    size_t count, capacity;
} state;

static leat_tensor *last_of(const state *s, const leat_tensor *t)
{
    return t->slot < s->values ? s->last[t->slot] : NULL;
}

static leat_status append(state *s, leati_node *n)
{
    LEATI_TRY(leati_grow(s->p->context, &s->order, &s->capacity, s->count + 1, sizeof *s->order));
    s->order[s->count++] = n;
    return LEAT_OK;
}

/* A new node with values of its own. */
static leat_status add(state *s, leati_node *n, const leati_node *like)
{
    if (!n) return leat_error_status(s->p->context);
    n->scope = like->scope;
    LEATI_TRY(leati_plan_add_node(s->p, n));
    return append(s, n);
}

static leati_node *turned(leat_tensor *x, bool to_last)
{
    leati_transpose_attrs a = {0};
    int rank = x->shape.rank;
    for (int i = 0; i < rank; i++) a.perm[i] = i;
    for (int i = 1; i < rank; i++) a.perm[i] = to_last ? i + 1 : i - 1;
    a.perm[to_last ? rank - 1 : 1] = to_last ? 1 : rank - 1;
    return leati_node_new(x->node->graph, LEATI_OP_TRANSPOSE, 1, &x, &a, sizeof a);
}

static leat_status make_last(state *s, leat_tensor *x, const leati_node *like, leat_tensor **out)
{
    *out = last_of(s, x);
    if (*out) return LEAT_OK;
    leati_node *n = turned(x, true);
    LEATI_TRY(add(s, n, like));
    *out = &n->out[0];
    if (x->slot < s->values) s->last[x->slot] = *out;
    return LEAT_OK;
}

/* m computes with channels last what n does: n becomes m turned, which goes where nobody reads it.
 */
static leat_status use(state *s, leati_node *n, leati_node *m)
{
    LEATI_TRY(add(s, m, n));
    leati_node *back = turned(&m->out[0], false);
    if (!back) return leat_error_status(s->p->context);
    back->scope = n->scope;
    back->out[0].slot = n->out[0].slot;
    s->p->value[n->out[0].slot].tensor = &back->out[0];
    s->last[n->out[0].slot] = &m->out[0];
    return append(s, back);
}

/* ---- operations ------------------------------------------------------------------------------ */

static leat_status turn_window(state *s, leati_node *n)
{
    leati_conv_attrs conv;
    leati_pool_attrs pool;
    leat_tensor *in[2] = {NULL, n->ins > 1 ? n->in[1] : NULL};
    void *attrs = n->op == LEATI_OP_CONV ? (void *)&conv : (void *)&pool;
    memcpy(attrs, n->attrs, n->attr_bytes);
    if (n->op == LEATI_OP_CONV) conv.channels_last = 1;
    else pool.channels_last = 1;
    LEATI_TRY(make_last(s, n->in[0], n, &in[0]));
    return use(s, n, leati_node_new(n->graph, n->op, n->ins, in, attrs, n->attr_bytes));
}

/* A maximum whose places nobody reads: lowering writes it so where channels are first. */
static leat_status turn_places(state *s, leati_node *n, bool *done)
{
    leati_pool_attrs a = *(const leati_pool_attrs *)n->attrs;
    const leati_device *d = s->p->graph->device;
    leati_operand operands[2];
    leat_tensor *x;
    *done = false;
    if (a.channels_last || s->read[n->out[1].slot] || n->in[0]->dtype != LEAT_DTYPE_F32 ||
        !leati_shape_count(&n->out[0].shape))
        return LEAT_OK;
    a.channels_last = 1;
    LEATI_TRY(make_last(s, n->in[0], n, &x));
    leati_node *m = leati_node_new(n->graph, LEATI_OP_POOL_MAX, 1, &x, &a, sizeof a);
    if (!m) return leat_error_status(s->p->context);
    leati_step step = leati_step_of(m, operands);
    if (!d->class->kernel(d, &step)) return LEAT_OK;
    *done = true;
    return use(s, n, m);
}

/* One number in all, or for each channel (of each sample): the shape in which it broadcasts to
 * channels last. */
static bool is_small(const leat_tensor *t, int rank, leat_shape *as)
{
    int lead = rank - t->shape.rank;
    *as = t->shape;
    if (lead < 0 || leati_shape_count(&t->shape) == 1) return lead >= 0;
    for (int i = 2 - lead; i >= 0 && i < t->shape.rank; i++)
        if (t->shape.dim[i] != 1) return false;
    if (lead > 1) return false;
    as->dim[t->shape.rank - 1] = t->shape.dim[1 - lead];
    as->dim[1 - lead] = 1;
    return true;
}

static leat_status turn_elementwise(state *s, leati_node *n, bool *done)
{
    leat_tensor *in[3] = {NULL};
    const leat_shape *y = &n->out[0].shape;
    leat_shape small;
    bool any = false;
    *done = false;
    if (n->ins > 3 || n->attr_bytes || n->op == LEATI_OP_CAST) return LEAT_OK;
    for (size_t i = 0; i < n->ins; i++) {
        bool same = leati_shape_equal(&n->in[i]->shape, y);
        if (same && last_of(s, n->in[i])) any = true;
        else if (same || !is_small(n->in[i], y->rank, &small)) return LEAT_OK;
    }
    if (!any) return LEAT_OK;
    for (size_t i = 0; i < n->ins; i++) {
        if (leati_shape_equal(&n->in[i]->shape, y)) {
            in[i] = last_of(s, n->in[i]);
            continue;
        }
        (void)is_small(n->in[i], y->rank, &small);
        in[i] = n->in[i];
        if (leati_shape_equal(&small, &in[i]->shape)) continue;
        leati_node *flat =
            leati_node_shaped(n->graph, LEATI_OP_RESHAPE, in[i], in[i]->dtype, &small);
        LEATI_TRY(add(s, flat, n));
        in[i] = &flat->out[0];
    }
    leat_tensor *z = leati_elementwise(n->op, in[0], in[1], in[2]);
    if (!z) return leat_error_status(s->p->context);
    *done = true;
    return use(s, n, z->node);
}

static leat_status turn_concat(state *s, leati_node *n, bool *done)
{
    leati_axis_attrs a = *(const leati_axis_attrs *)n->attrs;
    *done = false;
    if (a.axis != 1 || n->out[0].shape.rank < 3) return LEAT_OK;
    for (size_t i = 0; i < n->ins; i++)
        if (!last_of(s, n->in[i])) return LEAT_OK;
    leat_tensor **in = leati_arena_alloc(&s->p->arena, n->ins * sizeof(leat_tensor *));
    if (!in) return LEAT_NOMEM;
    for (size_t i = 0; i < n->ins; i++) in[i] = last_of(s, n->in[i]);
    a.axis = n->out[0].shape.rank - 1;
    *done = true;
    return use(s, n, leati_node_new(n->graph, n->op, n->ins, in, &a, sizeof a));
}

/* Over the whole plane: (N, C) in either layout. */
static leat_status turn_reduction(state *s, leati_node *n, bool *done)
{
    leati_reduce_attrs a = *(const leati_reduce_attrs *)n->attrs;
    leat_tensor *x = last_of(s, n->in[0]);
    int rank = n->in[0]->shape.rank;
    uint32_t plane = ((1u << rank) - 1) & ~3u;
    *done = x && rank > 2 && a.axes == plane;
    if (!*done) return LEAT_OK;
    a.axes = plane >> 1;
    a.keep = 0;
    leati_node *m = leati_node_new(n->graph, n->op, 1, &x, &a, sizeof a);
    LEATI_TRY(add(s, m, n));
    leati_node *back = leati_node_shaped(n->graph, LEATI_OP_RESHAPE, &m->out[0], m->out[0].dtype,
                                         &n->out[0].shape);
    if (!back) return leat_error_status(s->p->context);
    back->scope = n->scope;
    back->out[0].slot = n->out[0].slot;
    s->p->value[n->out[0].slot].tensor = &back->out[0];
    return append(s, back);
}

static bool is_window(const leati_node *n)
{
    const leat_tensor *x = n->ins ? n->in[0] : NULL;
    if (!x || x->dtype != LEAT_DTYPE_F32 || !leati_shape_count(&n->out[0].shape)) return false;
    if (n->op == LEATI_OP_CONV)
        return n->ins == 2 && n->outs == 1 && !((const leati_conv_attrs *)n->attrs)->channels_last;
    return (n->op == LEATI_OP_POOL_MAX || n->op == LEATI_OP_POOL_AVG) &&
           !((const leati_pool_attrs *)n->attrs)->channels_last;
}

static leat_status turn(state *s, leati_node *n)
{
    bool done = false;
    if (is_window(n)) return turn_window(s, n);
    if (leati_op_info_of(n->op)->elementwise && n->out[0].shape.rank > 2)
        LEATI_TRY(turn_elementwise(s, n, &done));
    else if (n->op == LEATI_OP_POOL_MAX_INDEX) LEATI_TRY(turn_places(s, n, &done));
    else if (n->op == LEATI_OP_CONCAT) LEATI_TRY(turn_concat(s, n, &done));
    else if (n->op == LEATI_OP_REDUCE_SUM || n->op == LEATI_OP_REDUCE_MAX)
        LEATI_TRY(turn_reduction(s, n, &done));
    return done ? LEAT_OK : append(s, n);
}

/* ---- the list -------------------------------------------------------------------------------- */

/* Gradients are recorded in the layout that the model has. */
static bool pays(const leati_planner *p)
{
    bool any = false;
    for (size_t i = 0; i < p->node_count; i++) {
        leati_op op = p->node[i]->op;
        if (op == LEATI_OP_CONV_DATA || op == LEATI_OP_CONV_WEIGHT || op == LEATI_OP_ASSIGN)
            return false;
        any |= is_window(p->node[i]);
    }
    return any && p->graph->device->class->fuses;
}

/* The list without what nobody reads. */
static leat_status settle(state *s)
{
    leati_planner *p = s->p;
    uint32_t *readers = leati_arena_calloc(&p->arena, p->value_count + 1, sizeof *readers);
    if (!readers) return LEAT_NOMEM;
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->order[i]->ins; k++) readers[s->order[i]->in[k]->slot]++;
    for (size_t v = 0; v < p->value_count; v++) readers[v] += p->value[v].root;
    for (size_t i = s->count; i-- > 0;) {
        leati_node *n = s->order[i];
        if (n->op != LEATI_OP_TRANSPOSE || readers[n->out[0].slot]) continue;
        for (size_t k = 0; k < n->ins; k++) readers[n->in[k]->slot]--;
        s->order[i] = NULL;
    }
    LEATI_TRY(leati_grow(p->context, &p->node, &p->node_capacity, s->count, sizeof *p->node));
    p->node_count = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->order[i]) p->node[p->node_count++] = s->order[i];
    for (size_t v = 0; v < p->value_count; v++) p->value[v].node = LEATI_NONE;
    uint32_t other = 0;
    for (uint32_t i = 0; i < p->node_count; i++) {
        leati_node *n = p->node[i];
        if (n->op == LEATI_OP_CONV || n->op == LEATI_OP_POOL_MAX || n->op == LEATI_OP_POOL_AVG)
            other = i;
        for (size_t k = 0; k < n->outs; k++) p->value[n->out[k].slot].node = i;
    }
    /* of values that went: any node with memory of its own may stand for their maker */
    for (size_t v = 0; v < p->value_count; v++)
        if (p->value[v].node == LEATI_NONE) p->value[v].node = other;
    return LEAT_OK;
}

leat_status leati_plan_turn(leati_planner *p)
{
    if (!pays(p)) return LEAT_OK;
    state s = {.p = p, .values = p->value_count};
    size_t count = p->node_count;
    leat_status st = LEAT_OK;
    s.last = leati_arena_calloc(&p->arena, s.values + 1, sizeof(leat_tensor *));
    s.read = leati_arena_calloc(&p->arena, s.values + 1, sizeof *s.read);
    if (!s.last || !s.read) return LEAT_NOMEM;
    for (size_t v = 0; v < s.values; v++) s.read[v] = p->value[v].root;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < p->node[i]->ins; k++) s.read[p->node[i]->in[k]->slot] = true;
    for (size_t i = 0; i < count; i++) LEATI_GO(turn(&s, p->node[i]));
    LEATI_GO(settle(&s));
out:
    leati_free(s.order);
    return st;
}
