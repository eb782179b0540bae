/* Owns: ATTENTION, its gradient, and attention with an additive mask. */
#include <math.h>
#include <string.h>

#include <leat/function.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

static int token_axis(const leati_attention_attrs *a)
{
    return a->tokens_first ? 1 : 2;
}

/* q, k, v at `first`, the key mask at `mask`. */
static leat_status check(leat_context *c, leati_node *n, size_t first, size_t mask)
{
    const leati_attention_attrs *a = n->attrs;
    const leat_tensor *q = n->in[first], *k = n->in[first + 1], *v = n->in[first + 2];
    int token = token_axis(a), head = 3 - token;
    if (!leati_dtype_is_float(q->dtype) || q->dtype != k->dtype || q->dtype != v->dtype)
        return leati_node_fail(c, n, LEAT_TYPE, "queries, keys and values are %s, %s and %s",
                               leat_dtype_name(q->dtype), leat_dtype_name(k->dtype),
                               leat_dtype_name(v->dtype));
    if (q->shape.rank != 4 || k->shape.rank != 4 || v->shape.rank != 4 ||
        q->shape.dim[3] != k->shape.dim[3] || k->shape.dim[token] != v->shape.dim[token] ||
        q->shape.dim[0] != k->shape.dim[0] || q->shape.dim[0] != v->shape.dim[0] ||
        q->shape.dim[head] != k->shape.dim[head] || q->shape.dim[head] != v->shape.dim[head])
        return leati_node_fail(
            c, n, LEAT_SHAPE, "queries %s, keys %s and values %s do not belong together",
            leati_shape_string(&q->shape).text, leati_shape_string(&k->shape).text,
            leati_shape_string(&v->shape).text);
    if (n->ins <= mask) return LEAT_OK;
    leat_shape want = LEAT_DIMS(k->shape.dim[0], k->shape.dim[token]);
    if (n->in[mask]->dtype != LEAT_DTYPE_BOOL || !leati_shape_equal(&n->in[mask]->shape, &want))
        return leati_node_fail(c, n, LEAT_SHAPE, "the mask of keys is %s %s, it must be bool %s",
                               leat_dtype_name(n->in[mask]->dtype),
                               leati_shape_string(&n->in[mask]->shape).text,
                               leati_shape_string(&want).text);
    return LEAT_OK;
}

static leat_status infer(leat_context *c, leati_node *n)
{
    const leati_attention_attrs *a = n->attrs;
    LEATI_TRY(check(c, n, 0, 3));
    int token = token_axis(a);
    leat_shape y = n->in[0]->shape;
    n->out[1].shape = LEAT_DIMS(y.dim[0], y.dim[3 - token], y.dim[token]);
    y.dim[3] = n->in[2]->shape.dim[3];
    n->out[0].shape = y;
    n->out[0].dtype = n->out[1].dtype = n->in[0]->dtype;
    return LEAT_OK;
}

/* dy, q, k, v, y, log sum, [key mask] */
static leat_status infer_grad(leat_context *c, leati_node *n)
{
    LEATI_TRY(check(c, n, 1, 6));
    if (!leati_shape_equal(&n->in[0]->shape, &n->in[4]->shape))
        return leati_node_fail(c, n, LEAT_SHAPE, "gradient %s does not belong to results %s",
                               leati_shape_string(&n->in[0]->shape).text,
                               leati_shape_string(&n->in[4]->shape).text);
    for (int i = 0; i < 3; i++) {
        n->out[i].dtype = n->in[1 + i]->dtype;
        n->out[i].shape = n->in[1 + i]->shape;
    }
    return LEAT_OK;
}

/* ---- as other operations -------------------------------------------------------------------- */

/* Heads before tokens, and back. */
static leat_tensor *heads_first(const leati_attention_attrs *a, leat_tensor *x)
{
    static const int perm[] = {0, 2, 1, 3};
    return a->tokens_first ? leat_transpose(x, perm) : x;
}

/* Which keys a query sees, broadcast to (B, H, T, S); NULL with no error: all. */
static leat_tensor *visible(const leati_node *n, size_t first, size_t mask)
{
    const leati_attention_attrs *a = n->attrs;
    int token = token_axis(a);
    int64_t queries = n->in[first]->shape.dim[token], keys = n->in[first + 1]->shape.dim[token];
    leat_tensor *see = NULL;
    if (a->causal) {
        leat_tensor *i =
            leat_arange(n->graph, LEAT_DTYPE_I64, (double)(keys - queries), (double)keys, 1);
        leat_tensor *j = leat_arange(n->graph, LEAT_DTYPE_I64, 0, (double)keys, 1);
        see = leat_less_equal(j, leat_reshape(i, LEAT_DIMS(queries, 1)));
    }
    if (n->ins <= mask) return see;
    leat_tensor *m = leat_reshape(n->in[mask], LEAT_DIMS(n->in[mask]->shape.dim[0], 1, 1, keys));
    return see ? leat_and(see, m) : m;
}

/* What no query sees is as low as this. */
#define UNSEEN (-1e30)

static leat_tensor *scores_of(const leati_node *n, leat_tensor *q, leat_tensor *k, leat_tensor *see)
{
    const leati_attention_attrs *a = n->attrs;
    leat_tensor *s = leat_scale(leat_matmul_t(q, false, k, true), a->scale);
    return see ? leat_where(see, s, leat_like(s, UNSEEN)) : s;
}

static leat_status expand(leati_node *n, leat_tensor **out)
{
    const leati_attention_attrs *a = n->attrs;
    int last = -1;
    leat_tensor *q = heads_first(a, n->in[0]), *k = heads_first(a, n->in[1]);
    leat_tensor *v = heads_first(a, n->in[2]), *see = visible(n, 0, 3);
    leat_tensor *s = scores_of(n, q, k, see), *top = leat_max(s, 1, &last, true);
    leat_tensor *e = leat_exp(leat_sub(s, top));
    if (see) e = leat_where(see, e, leat_like(e, 0));
    leat_tensor *sum = leat_sum(e, 1, &last, true);
    if (see) sum = leat_where(leat_equal(sum, leat_like(sum, 0)), leat_like(sum, 1), sum);
    out[0] = heads_first(a, leat_matmul(leat_div(e, sum), v));
    out[1] = leat_reshape(leat_add(top, leat_log(sum)), n->out[1].shape);
    return LEAT_OK;
}

/* p = softmax(s), ds = p (dy v' - sum(dy y)). The logarithms of sums are not used, so that
 * gradients of gradients need none of them. */
static leat_status expand_grad(leati_node *n, leat_tensor **out)
{
    const leati_attention_attrs *a = n->attrs;
    int last = -1;
    leat_tensor *dy = heads_first(a, n->in[0]), *q = heads_first(a, n->in[1]);
    leat_tensor *k = heads_first(a, n->in[2]), *v = heads_first(a, n->in[3]);
    leat_tensor *y = heads_first(a, n->in[4]), *see = visible(n, 1, 6);
    leat_tensor *p = leat_softmax(scores_of(n, q, k, see), -1);
    if (see) p = leat_where(see, p, leat_like(p, 0));
    leat_tensor *along = leat_sum(leat_mul(dy, y), 1, &last, true);
    leat_tensor *ds = leat_mul(p, leat_sub(leat_matmul_t(dy, false, v, true), along));
    ds = leat_scale(ds, a->scale);
    out[0] = heads_first(a, leat_matmul(ds, k));
    out[1] = heads_first(a, leat_matmul_t(ds, true, q, false));
    out[2] = heads_first(a, leat_matmul_t(p, true, dy, false));
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    leat_tensor *in[7] = {dy[0], n->in[0], n->in[1], n->in[2], &n->out[0], &n->out[1]};
    if (n->ins > 3) in[6] = n->in[3];
    if (!dy[0]) return LEAT_OK; /* the logarithms of sums are for the gradient only */
    leati_node *back = leati_node_new(n->graph, LEATI_OP_ATTENTION_GRAD, n->ins > 3 ? 7 : 6, in,
                                      n->attrs, n->attr_bytes);
    for (int i = 0; back && i < 3; i++)
        if (needed[i]) dx[i] = &back->out[i];
    return LEAT_OK;
}

const leati_op_class leati_attention_class = {infer, gradient, expand};
const leati_op_class leati_attention_grad_class = {.infer = infer_grad, .expand = expand_grad};

/* ---- recording ------------------------------------------------------------------------------ */

leat_attention_options leat_attention_options_default(void)
{
    return (leat_attention_options){.struct_size = sizeof(leat_attention_options)};
}

/* The mask is added to the scores: made of other operations. */
static leat_tensor *with_mask(const leati_node *n, leat_tensor *mask)
{
    const leati_attention_attrs *a = n->attrs;
    leat_tensor *q = heads_first(a, n->in[0]), *k = heads_first(a, n->in[1]);
    leat_tensor *see = visible(n, 0, 3);
    leat_tensor *s = leat_add(leat_scale(leat_matmul_t(q, false, k, true), a->scale), mask);
    int last = -1;
    if (see) s = leat_where(see, s, leat_like(s, -INFINITY));
    /* A query that sees none gives 0, also to the gradients. */
    leat_tensor *top = leat_stop_gradient(leat_max(s, 1, &last, true));
    leat_tensor *none = leat_equal(top, leat_like(top, -INFINITY));
    leat_tensor *p = leat_softmax(leat_where(none, leat_like(s, 0), s), -1);
    p = leat_where(none, leat_like(p, 0), p);
    return heads_first(a, leat_matmul(p, heads_first(a, n->in[2])));
}

leat_tensor *leat_attention(leat_tensor *q, leat_tensor *k, leat_tensor *v,
                            const leat_attention_options *options)
{
    leat_attention_options o = leat_attention_options_default();
    if (!q || !LEATI_GRAPH_OPTIONS(q->node->graph, leat_attention_options, &o, options))
        return NULL;
    double width = q->shape.rank == 4 ? (double)q->shape.dim[3] : 1;
    leati_attention_attrs a = {.scale = o.scale != 0 ? o.scale : 1 / sqrt(width > 0 ? width : 1),
                               .causal = o.causal,
                               .tokens_first = o.tokens_first};
    leat_tensor *in[4] = {q, k, v, o.key_mask};
    leati_node *n =
        leati_node_new(q->node->graph, LEATI_OP_ATTENTION, o.key_mask ? 4 : 3, in, &a, sizeof a);
    if (!n) return NULL;
    return o.mask ? with_mask(n, o.mask) : &n->out[0];
}
