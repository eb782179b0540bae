/* Owns: what is done to the list of nodes before units are made, on devices that fuse: transposes
 * go into the flags of products; a bias, a residual and an activation after a product or a
 * convolution become part of it; gradients of ReLU and sums move before those of pools, where there
 * is less to do; what nobody reads any more is left out. A scale behind a convolution whose weights
 * last (lasting.c) goes into the weights: so batch normalisation costs nothing when predicting. */
#include <string.h>

#include "graph/rewrite.h"
#include "kernel/activation.h"
#include "tensor/shape.h"

typedef leati_rewrite state;

enum { MOST_ADDED = 2 /* nodes for a scale that goes into a convolution */ };

/* A node made here takes the place of node i: what reads node i's result reads its result. */
static void replace(state *s, uint32_t i, leati_node *n)
{
    leati_node *old = s->p->node[i];
    leati_value *v = &s->p->value[old->out[0].slot];
    n->out[0].slot = old->out[0].slot;
    v->tensor = &n->out[0];
    for (size_t k = 0; k < old->ins; k++) s->readers[old->in[k]->slot]--;
    for (size_t k = 0; k < n->ins; k++) s->readers[n->in[k]->slot]++;
    s->p->node[i] = n;
}

/* Node n takes the place of node i, which reads only what m makes, and of m. */
static leat_status replace_both(state *s, uint32_t i, leati_node *m, leati_node *n)
{
    if (!n) return leat_error_status(s->p->context);
    n->scope = m->scope;
    uint32_t old = s->p->value[m->out[0].slot].node;
    for (size_t k = 0; k < m->ins; k++) s->readers[m->in[k]->slot]--;
    s->gone[old] = true;
    replace(s, i, n);
    s->p->value[m->out[0].slot].node = i;
    return LEAT_OK;
}

/* ---- transposes ------------------------------------------------------------------------------ */

/* x, when t is x with the last two dimensions swapped. */
static leat_tensor *before_swap(const state *s, leat_tensor *t)
{
    const leati_node *n = leati_maker(s, t);
    if (n->op != LEATI_OP_TRANSPOSE || t != &n->out[0]) return NULL;
    const leati_transpose_attrs *a = n->attrs;
    int rank = t->shape.rank;
    for (int i = 0; i + 2 < rank; i++)
        if (a->perm[i] != i) return NULL;
    return rank >= 2 && a->perm[rank - 1] == rank - 2 ? n->in[0] : NULL;
}

static leat_status fold_transposes(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i];
    leati_matmul_attrs a = *(const leati_matmul_attrs *)n->attrs;
    leat_tensor *in[4] = {n->in[0], n->in[1]}, *x = before_swap(s, in[0]);
    leat_tensor *y = before_swap(s, in[1]);
    if (!x && !y) return LEAT_OK;
    if (x) in[0] = x, a.transpose_a ^= 1;
    if (y) in[1] = y, a.transpose_b ^= 1;
    for (size_t k = 2; k < n->ins; k++) in[k] = n->in[k];
    leati_node *m = leati_node_new(n->graph, n->op, n->ins, in, &a, sizeof a);
    if (!m) return leat_error_status(s->p->context);
    m->scope = n->scope;
    replace(s, i, m);
    return LEAT_OK;
}

/* ---- what follows a product ------------------------------------------------------------------ */

/* The parts of the attributes of MATMUL and CONV that say what follows. */
typedef struct tail {
    uint8_t *activation, *bias, *residual;
} tail;

static tail tail_of(leati_op op, void *attrs)
{
    if (op == LEATI_OP_MATMUL) {
        leati_matmul_attrs *a = attrs;
        return (tail){&a->activation, &a->bias, &a->residual};
    }
    leati_conv_attrs *a = attrs;
    return (tail){&a->activation, &a->bias, &a->residual};
}

/* The product that makes t, when it has so many readers (those that are to become part of it) and
 * no activation yet. */
static leati_node *product_of(const state *s, const leat_tensor *t, uint32_t readers)
{
    leati_node *n = leati_maker(s, t);
    if ((n->op != LEATI_OP_MATMUL && n->op != LEATI_OP_CONV) || t->dtype != LEAT_DTYPE_F32 ||
        s->readers[t->slot] != readers)
        return NULL;
    if (n->op == LEATI_OP_CONV && ((const leati_conv_attrs *)n->attrs)->rank == 3) return NULL;
    return *tail_of(n->op, n->attrs).activation ? NULL : n;
}

/* One number per column of a product, per channel of a convolution. */
static bool is_bias(const leati_node *n, const leat_tensor *b)
{
    const leat_shape *y = &n->out[0].shape, *s = &b->shape;
    int axis = y->rank - 1, lead = y->rank - s->rank;
    if (n->op == LEATI_OP_CONV && !((const leati_conv_attrs *)n->attrs)->channels_last) axis = 1;
    if (lead < 0 || axis < lead || s->dim[axis - lead] != y->dim[axis]) return false;
    return (int64_t)leati_shape_count(s) == y->dim[axis];
}

static bool is_residual(const leati_node *n, const leat_tensor *x)
{
    if (n->op == LEATI_OP_CONV && !((const leati_conv_attrs *)n->attrs)->channels_last)
        return false;
    return leati_shape_equal(&x->shape, &n->out[0].shape) && leati_shape_count(&x->shape);
}

/* Node i, which reads the product m and perhaps `more`, becomes m with another tail; not where a
 * constant of more dimensions gives it another shape. */
static leat_status extend(state *s, uint32_t i, leati_node *m, leat_tensor *more, bool bias,
                          leati_activation activation)
{
    leati_conv_attrs room; /* the larger of the two */
    leat_tensor *in[4];
    size_t ins = m->ins;
    if (!leati_shape_equal(&s->p->node[i]->out[0].shape, &m->out[0].shape)) return LEAT_OK;
    memcpy(&room, m->attrs, m->attr_bytes);
    tail t = tail_of(m->op, &room);
    for (size_t k = 0; k < ins; k++) in[k] = m->in[k];
    if (more && bias) {
        if (*t.residual) in[3] = in[2];
        in[2] = more;
        *t.bias = 1;
        ins++;
    } else if (more) {
        in[ins++] = more;
        *t.residual = 1;
    }
    *t.activation = (uint8_t)activation;
    return replace_both(s, i, m, leati_node_new(m->graph, m->op, ins, in, &room, m->attr_bytes));
}

static leat_status fold_sum(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i];
    if (n->in[0]->slot == n->in[1]->slot) return LEAT_OK;
    for (int k = 0; k < 2; k++) {
        leat_tensor *more = n->in[1 - k];
        leati_node *m = product_of(s, n->in[k], 1);
        if (!m || !leati_shape_equal(&n->out[0].shape, &m->out[0].shape)) continue;
        tail t = tail_of(m->op, m->attrs);
        bool bias = is_bias(m, more) && !*t.bias;
        if (bias || (is_residual(m, more) && !*t.residual))
            return extend(s, i, m, more, bias, LEATI_ACT_NONE);
    }
    return LEAT_OK;
}

static leat_status fold_activation(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i], *m = product_of(s, n->in[0], 1);
    if (!m) return LEAT_OK;
    leati_activation kind = n->op == LEATI_OP_RELU   ? LEATI_ACT_RELU
                            : n->op == LEATI_OP_TANH ? LEATI_ACT_TANH
                                                     : LEATI_ACT_SIGMOID;
    return extend(s, i, m, NULL, false, kind);
}

/* ---- scales that go into weights --------------------------------------------------------------
 */

static bool lasts(const state *s, const leat_tensor *t)
{
    return s->p->lasting[s->p->value[t->slot].node];
}

/* conv(x, w) * scale = conv(x, w * scale), a scale for every channel of the result. */
static leat_status scale_weights(state *s, uint32_t i, leati_node *m, leat_tensor *scale)
{
    leat_tensor *w = m->in[1], *in[4];
    leat_shape filters = {.rank = w->shape.rank, .dim = {w->shape.dim[0]}};
    for (int k = 1; k < filters.rank; k++) filters.dim[k] = 1;
    leati_node *column =
        leati_node_shaped(m->graph, LEATI_OP_RESHAPE, scale, scale->dtype, &filters);
    LEATI_TRY(leati_rewrite_add(s, i, column));
    leat_tensor *scaled = leati_elementwise(LEATI_OP_MUL, w, &column->out[0], NULL);
    LEATI_TRY(leati_rewrite_add(s, i, scaled ? scaled->node : NULL));
    for (size_t k = 0; k < m->ins; k++) in[k] = m->in[k];
    in[1] = scaled;
    return replace_both(s, i, m,
                        leati_node_new(m->graph, m->op, m->ins, in, m->attrs, m->attr_bytes));
}

static leat_status fold_scale(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i];
    for (int k = 0; k < 2; k++) {
        leat_tensor *scale = n->in[1 - k];
        leati_node *m = product_of(s, n->in[k], 1);
        if (!m || m->op != LEATI_OP_CONV || m->ins != 2 || !lasts(s, m->in[1]) ||
            !lasts(s, scale) || scale->dtype != LEAT_DTYPE_F32 || !is_bias(m, scale) ||
            !leati_shape_equal(&n->out[0].shape, &m->out[0].shape))
            continue;
        return scale_weights(s, i, m, scale);
    }
    return LEAT_OK;
}

/* ---- activations of several operations ------------------------------------------------------- */

/* The node of this operation that makes t for a single reader. */
static leati_node *only(const state *s, const leat_tensor *t, leati_op op)
{
    leati_node *n = leati_maker(s, t);
    return n->op == op && s->readers[t->slot] == 1 ? n : NULL;
}

static bool is_constant(const state *s, const leat_tensor *t, float value)
{
    const leati_node *c = leati_maker(s, t);
    float x;
    if (c->op != LEATI_OP_CONSTANT || t->dtype != LEAT_DTYPE_F32 ||
        leati_shape_count(&t->shape) != 1)
        return false;
    memcpy(&x, c->host, sizeof x);
    return x == value;
}

/* The other operand, when n has `value` as one. */
static leat_tensor *beside(const state *s, const leati_node *n, double value)
{
    for (int k = 0; n && k < 2; k++)
        if (is_constant(s, n->in[k], (float)value)) return n->in[1 - k];
    return NULL;
}

/* y where t is value * y, value + y, for a single reader. */
static leat_tensor *scaled(const state *s, const leat_tensor *t, double value)
{
    return beside(s, only(s, t, LEATI_OP_MUL), value);
}

static leat_tensor *shifted(const state *s, const leat_tensor *t, double value)
{
    return beside(s, only(s, t, LEATI_OP_ADD), value);
}

/* Whether t is x^2, or that up to 100 as activations.c has it, for a single reader. */
static bool is_square(const state *s, const leat_tensor *t, const leat_tensor *x)
{
    const leati_node *n = only(s, t, LEATI_OP_WHERE), *q = only(s, t, LEATI_OP_MUL);
    if (n) {
        const leati_node *test = only(s, n->in[0], LEATI_OP_LT);
        q = leati_maker(s, n->in[1]);
        if (!test || q->op != LEATI_OP_MUL || s->readers[q->out[0].slot] != 2 ||
            test->in[0]->slot != q->out[0].slot || !is_constant(s, test->in[1], 100) ||
            !is_constant(s, n->in[2], 100))
            return false;
    }
    return q && q->in[0] == x && q->in[1] == x;
}

/* x where t is 1 + erf(x / sqrt 2), or 1 + tanh(sqrt(2 / pi) x (1 + 0.044715 x^2)): as
 * activations.c writes them. */
static leat_tensor *gelu_side(const state *s, const leat_tensor *t, leati_activation *kind)
{
    leat_tensor *f = shifted(s, t, 1);
    leati_node *n = f ? only(s, f, LEATI_OP_ERF) : NULL;
    *kind = LEATI_ACT_GELU;
    if (n) return scaled(s, n->in[0], 0.70710678118654752);
    *kind = LEATI_ACT_GELU_TANH;
    n = f ? only(s, f, LEATI_OP_TANH) : NULL;
    leat_tensor *inner = n ? scaled(s, n->in[0], 0.79788456080286536) : NULL;
    n = inner ? only(s, inner, LEATI_OP_MUL) : NULL;
    if (!n) return NULL;
    leat_tensor *cube = shifted(s, n->in[1], 1), *square = cube ? scaled(s, cube, 0.044715) : NULL;
    return square && is_square(s, square, n->in[0]) ? n->in[0] : NULL;
}

/* Products with all else that makes up GELU or SiLU: a node that multiplies. */
static leat_status fold_gated(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i];
    for (int k = 0; k < 2; k++) {
        leat_tensor *a = n->in[k], *b = n->in[1 - k], *x;
        leati_activation kind = LEATI_ACT_SILU;
        leati_node *sigmoid = only(s, b, LEATI_OP_SIGMOID);
        uint32_t readers = 2;
        if (sigmoid && sigmoid->in[0]->slot == a->slot) {
            x = a;
        } else {
            leat_tensor *half = scaled(s, a, 0.5);
            x = half ? gelu_side(s, b, &kind) : NULL;
            if (!x || x->slot != half->slot) continue;
            if (kind == LEATI_ACT_GELU_TANH) readers = 4;
        }
        leati_node *m = product_of(s, x, readers);
        if (m) return extend(s, i, m, NULL, false, kind);
    }
    return LEAT_OK;
}

/* Whether t is x <= value or, `above`, x >= value, for a single reader. */
static bool is_beyond(const state *s, const leat_tensor *t, const leat_tensor *x, float value,
                      bool above)
{
    leati_node *n = only(s, t, above ? LEATI_OP_GE : LEATI_OP_LE);
    return n && n->in[0]->slot == x->slot && is_constant(s, n->in[1], value);
}

/* x <= 0 ? 0 : x >= 6 ? 6 : x, as leat_clip writes it. */
static leat_status fold_clip(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i], *inner = only(s, n->in[2], LEATI_OP_WHERE);
    if (!inner || !is_constant(s, n->in[1], 0) || !is_constant(s, inner->in[1], 6)) return LEAT_OK;
    leat_tensor *x = inner->in[2];
    if (!is_beyond(s, n->in[0], x, 0, false) || !is_beyond(s, inner->in[0], x, 6, true))
        return LEAT_OK;
    leati_node *m = product_of(s, x, 3);
    return m ? extend(s, i, m, NULL, false, LEATI_ACT_RELU6) : LEAT_OK;
}

/* min(max(x, 0), 6), as ONNX files have it. */
static leat_status fold_bounds(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i];
    for (int k = 0; k < 2; k++) {
        leat_tensor *x = beside(s, only(s, n->in[k], LEATI_OP_MAX), 0);
        leati_node *m = x && is_constant(s, n->in[1 - k], 6) ? product_of(s, x, 1) : NULL;
        if (m) return extend(s, i, m, NULL, false, LEATI_ACT_RELU6);
    }
    return LEAT_OK;
}

/* ---- gradients of pools ---------------------------------------------------------------------- */

/* g, when n is g where y > 0 and 0 elsewhere: the gradient of ReLU. */
static leat_tensor *gated(const state *s, const leati_node *n, const leat_tensor *y)
{
    if (n->op != LEATI_OP_WHERE || !is_constant(s, n->in[2], 0)) return NULL;
    const leati_node *test = leati_maker(s, n->in[0]);
    if (test->op != LEATI_OP_GT || test->in[0]->slot != y->slot || !is_constant(s, test->in[1], 0))
        return NULL;
    return leati_shape_equal(&n->in[1]->shape, &n->out[0].shape) ? n->in[1] : NULL;
}

/* The gradient of a maximum pool goes where x is y: what passed the gate of y passes that of x. */
static leat_status drop_gate(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i], *m = only(s, n->in[1], LEATI_OP_POOL_MAX_BACK);
    if (!m || !gated(s, n, m->in[0]) || !gated(s, leati_maker(s, m->in[2]), m->in[1]))
        return LEAT_OK;
    return replace_both(s, i, m,
                        leati_node_new(m->graph, m->op, m->ins, m->in, m->attrs, m->attr_bytes));
}

/* The sum of such a gradient over the plane is that of what came in: every window gives it to one
 * place. */
static leat_status sum_before_pool(state *s, uint32_t i)
{
    leati_node *n = s->p->node[i], *m = leati_maker(s, n->in[0]);
    const leati_reduce_attrs *a = n->attrs;
    if (m->op != LEATI_OP_POOL_MAX_BACK) return LEAT_OK;
    const leati_pool_attrs *pool = m->attrs;
    for (int d = 0; d < pool->rank; d++)
        if (!(a->axes >> (pool->channels_last ? 1 + d : 2 + d) & 1)) return LEAT_OK;
    leati_node *sum = leati_node_new(n->graph, n->op, 1, &m->in[2], a, n->attr_bytes);
    if (!sum) return leat_error_status(s->p->context);
    sum->scope = n->scope;
    replace(s, i, sum);
    return LEAT_OK;
}

/* ---- what nobody reads ----------------------------------------------------------------------- */

static void drop_unread(state *s)
{
    for (size_t i = s->p->node_count; i-- > 0;) {
        leati_node *n = s->p->node[i];
        bool read = n->op == LEATI_OP_ASSIGN || leati_is_leaf(n->op);
        for (size_t k = 0; k < n->outs; k++) read |= s->readers[n->out[k].slot] > 0;
        if (read || s->gone[i]) continue;
        s->gone[i] = true;
        for (size_t k = 0; k < n->ins; k++) s->readers[n->in[k]->slot]--;
    }
}

leat_status leati_plan_simplify(leati_planner *p)
{
    state s;
    if (!p->graph->device->class->fuses || !p->node_count) return LEAT_OK;
    size_t more = 0;
    for (size_t i = 0; i < p->node_count; i++)
        more += p->node[i]->op == LEATI_OP_MUL ? MOST_ADDED : 0;
    LEATI_TRY(leati_rewrite_begin(&s, p, more));
    LEATI_TRY(leati_plan_find_lasting(p, more));
    for (uint32_t i = 0; i < s.old_count; i++) {
        leati_op op = p->node[i]->op;
        if (op == LEATI_OP_MATMUL) LEATI_TRY(fold_transposes(&s, i));
        if (op == LEATI_OP_ADD) LEATI_TRY(fold_sum(&s, i));
        if (op == LEATI_OP_MUL) LEATI_TRY(fold_gated(&s, i));
        if (p->node[i]->op == LEATI_OP_MUL) LEATI_TRY(fold_scale(&s, i));
        if (op == LEATI_OP_WHERE) LEATI_TRY(fold_clip(&s, i));
        if (op == LEATI_OP_MIN) LEATI_TRY(fold_bounds(&s, i));
        if (op == LEATI_OP_RELU || op == LEATI_OP_TANH || op == LEATI_OP_SIGMOID)
            LEATI_TRY(fold_activation(&s, i));
        if (op == LEATI_OP_WHERE) LEATI_TRY(drop_gate(&s, i));
        if (op == LEATI_OP_REDUCE_SUM) LEATI_TRY(sum_before_pool(&s, i));
    }
    drop_unread(&s);
    return leati_rewrite_end(&s);
}
