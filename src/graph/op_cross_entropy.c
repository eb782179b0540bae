/* Owns: CROSS_ENTROPY of labels and its gradient. */
#include <string.h>

#include <leat/function.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

leat_entropy_options leat_entropy_options_default(void)
{
    return (leat_entropy_options){
        .struct_size = sizeof(leat_entropy_options), .axis = -1, .reduction = LEAT_REDUCE_MEAN};
}

static leat_status check(leat_context *c, leati_node *n, const leat_tensor *weights)
{
    const leati_entropy_attrs *a = n->attrs;
    const leat_tensor *x = n->in[0], *y = n->in[1];
    if (!leati_dtype_is_float(x->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the scores are %s, they must be floating point",
                               leat_dtype_name(x->dtype));
    if (x->shape.rank != 2 || x->shape.dim[1] < 1 || y->shape.rank != 1 ||
        y->shape.dim[0] != x->shape.dim[0])
        return leati_node_fail(c, n, LEAT_SHAPE, "scores %s do not belong to labels %s",
                               leati_shape_string(&x->shape).text,
                               leati_shape_string(&y->shape).text);
    if (y->dtype != LEAT_DTYPE_I64)
        return leati_node_fail(c, n, LEAT_TYPE, "the labels are %s, they must be i64",
                               leat_dtype_name(y->dtype));
    if (weights && (weights->dtype != x->dtype || weights->shape.rank != 1 ||
                    weights->shape.dim[0] != x->shape.dim[1]))
        return leati_node_fail(c, n, LEAT_SHAPE, "class weights %s for %lld classes",
                               leati_shape_string(&weights->shape).text,
                               (long long)x->shape.dim[1]);
    if (!(a->smoothing >= 0 && a->smoothing <= 1))
        return leati_node_fail(c, n, LEAT_INVALID, "label smoothing of %g: from 0 to 1",
                               a->smoothing);
    return LEAT_OK;
}

static leat_status infer(leat_context *c, leati_node *n)
{
    LEATI_TRY(check(c, n, n->ins == 3 ? n->in[2] : NULL));
    for (int i = 0; i < 2; i++) {
        n->out[i].dtype = n->in[0]->dtype;
        n->out[i].shape = n->in[1]->shape;
    }
    return LEAT_OK;
}

static leat_status infer_grad(leat_context *c, leati_node *n)
{
    LEATI_TRY(check(c, n, n->ins == 4 ? n->in[3] : NULL));
    const leat_tensor *d = n->in[2];
    if (d->dtype != n->in[0]->dtype || !leati_shape_equal(&d->shape, &n->in[1]->shape))
        return leati_node_fail(c, n, LEAT_SHAPE, "the gradient has shape %s",
                               leati_shape_string(&d->shape).text);
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[0]->shape;
    return LEAT_OK;
}

/* ---- as other operations -------------------------------------------------------------------- */

static leat_tensor *column(leat_tensor *x)
{
    return x ? leat_reshape(x, LEAT_DIMS(x->shape.dim[0], 1)) : NULL;
}

/* (N, C): whether c is the label of row n, and not ignored. */
static leat_tensor *hits(leati_node *n)
{
    const leati_entropy_attrs *a = n->attrs;
    leat_tensor *numbers =
        leat_arange(n->graph, LEAT_DTYPE_I64, 0, (double)n->in[0]->shape.dim[1], 1);
    leat_tensor *y = column(n->in[1]), *hit = leat_equal(y, numbers);
    if (!a->has_ignored || !hit) return hit;
    int64_t ignored = a->ignored;
    leat_tensor *none = leat_constant(n->graph, LEAT_DTYPE_I64, LEAT_SCALAR, &ignored);
    return leat_and(hit, leat_not_equal(y, none));
}

/* The share of class c in the loss of row n, (N, C), and the weight of its label, (N, 1). */
static leat_tensor *targets(leati_node *n, leat_tensor *weights, leat_tensor **weight)
{
    const leati_entropy_attrs *a = n->attrs;
    leat_tensor *x = n->in[0], *hit = hits(n), *zero = leat_like(x, 0);
    if (!hit) return NULL;
    leat_tensor *w =
        weights ? leat_reshape(weights, LEAT_DIMS(1, x->shape.dim[1])) : leat_like(x, 1);
    leat_tensor *of_label = leat_where(hit, w, zero);
    int last = 1;
    *weight = leat_sum(of_label, 1, &last, true);
    if (a->smoothing == 0) return of_label;
    leat_tensor *share = leat_scale(w, a->smoothing / (double)x->shape.dim[1]);
    leat_tensor *even = leat_expand(share, LEAT_DIMS(1, x->shape.dim[1]));
    if (a->has_ignored) {
        leat_tensor *y = column(n->in[1]);
        int64_t ignored = a->ignored;
        leat_tensor *none = leat_constant(n->graph, LEAT_DTYPE_I64, LEAT_SCALAR, &ignored);
        even = leat_where(leat_equal(y, none), zero, even);
    }
    return leat_add(leat_scale(of_label, 1 - a->smoothing), even);
}

static leat_status expand(leati_node *n, leat_tensor **out)
{
    const leati_entropy_attrs *a = n->attrs;
    leat_tensor *x = n->in[0], *weight = NULL, *zero = leat_like(x, 0);
    leat_tensor *share = targets(n, n->ins == 3 ? n->in[2] : NULL, &weight);
    leat_tensor *p = a->given_log ? x : leat_log_softmax(x, 1);
    if (!share) return LEAT_OK;
    int last = 1;
    /* a share of 0 counts nothing, also of an infinite loss */
    leat_tensor *part = leat_where(leat_equal(share, zero), zero, leat_mul(share, p));
    out[0] = leat_neg(leat_sum(part, 1, &last, false));
    out[1] = leat_reshape(weight, n->in[1]->shape);
    return LEAT_OK;
}

static leat_status expand_grad(leati_node *n, leat_tensor **out)
{
    const leati_entropy_attrs *a = n->attrs;
    leat_tensor *x = n->in[0], *weight = NULL;
    leat_tensor *share = targets(n, n->ins == 4 ? n->in[3] : NULL, &weight);
    if (!share) return LEAT_OK;
    leat_tensor *d = column(n->in[2]);
    if (a->given_log) {
        out[0] = leat_neg(leat_mul(share, d));
        return LEAT_OK;
    }
    int last = 1;
    leat_tensor *all = leat_sum(leat_expand(share, x->shape), 1, &last, true);
    out[0] = leat_mul(d, leat_sub(leat_mul(leat_softmax(x, 1), all), share));
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    leat_tensor *in[4] = {n->in[0], n->in[1], dy[0], n->ins == 3 ? n->in[2] : NULL};
    if (needed[0] && dy[0])
        dx[0] = leati_op1(n->graph, LEATI_OP_CROSS_ENTROPY_GRAD, n->ins == 3 ? 4 : 3, in, n->attrs,
                          n->attr_bytes);
    return LEAT_OK; /* class weights are settings */
}

const leati_op_class leati_cross_entropy_class = {infer, gradient, expand};
const leati_op_class leati_cross_entropy_grad_class = {.infer = infer_grad, .expand = expand_grad};

/* ---- recording ------------------------------------------------------------------------------ */

/* The axis of classes comes last; the others become rows. */
static leat_tensor *rows_of(leat_tensor *x, int axis, leat_shape *labels)
{
    int rank = x->shape.rank, perm[LEAT_MAX_RANK];
    *labels = (leat_shape){.rank = rank - 1};
    for (int i = 0, k = 0; i < rank; i++)
        if (i != axis) {
            labels->dim[k] = x->shape.dim[i];
            perm[k++] = i;
        }
    perm[rank - 1] = axis;
    if (axis != rank - 1) x = leat_transpose(x, perm);
    return x ? leat_reshape(x,
                            LEAT_DIMS((int64_t)leati_shape_count(labels), x->shape.dim[rank - 1]))
             : NULL;
}

static leat_tensor *entropy(leat_tensor *x, leat_tensor *labels,
                            const leat_entropy_options *options, bool given_log)
{
    if (!x || !labels) return NULL;
    leat_graph *g = x->node->graph;
    leat_entropy_options o = leat_entropy_options_default();
    if (!LEATI_GRAPH_OPTIONS(g, leat_entropy_options, &o, options)) return NULL;
    leati_node named = {.op = LEATI_OP_CROSS_ENTROPY, .scope = x->node->scope};
    leat_shape shape;
    int axis = leati_axis(g->context, &named, o.axis, x->shape.rank);
    leat_tensor *rows = axis < 0 ? NULL : rows_of(x, axis, &shape);
    if (!rows || !leati_shape_equal(&shape, &labels->shape)) {
        if (rows)
            (void)leati_node_fail(g->context, &named, LEAT_SHAPE,
                                  "scores %s with classes along axis %d need labels %s, got %s",
                                  leati_shape_string(&x->shape).text, axis,
                                  leati_shape_string(&shape).text,
                                  leati_shape_string(&labels->shape).text);
        leati_graph_break(g);
        return NULL;
    }
    leati_entropy_attrs a = {.smoothing = o.smoothing,
                             .ignored = o.has_ignored ? o.ignored : 0,
                             .has_ignored = o.has_ignored,
                             .given_log = given_log};
    leat_tensor *in[3] = {rows, leat_reshape(labels, LEAT_DIMS(rows->shape.dim[0])),
                          o.weights ? leat_stop_gradient(o.weights) : NULL};
    leati_node *n = leati_node_new(g, LEATI_OP_CROSS_ENTROPY, o.weights ? 3 : 2, in, &a, sizeof a);
    if (!n) return NULL;
    if (o.reduction == LEAT_REDUCE_NONE) return leat_reshape(&n->out[0], shape);
    leat_tensor *sum = leat_sum(&n->out[0], 0, NULL, false);
    if (o.reduction == LEAT_REDUCE_SUM) return sum;
    if (o.reduction == LEAT_REDUCE_BATCH)
        return leat_scale(sum, 1 / (double)(shape.rank && shape.dim[0] ? shape.dim[0] : 1));
    if (!o.weights && !o.has_ignored)
        return leat_scale(sum, 1 / (double)(rows->shape.dim[0] ? rows->shape.dim[0] : 1));
    leat_tensor *weight = leat_stop_gradient(leat_sum(&n->out[1], 0, NULL, false));
    /* the mean of no weight is 0; with smoothing the sum need not be */
    leat_tensor *none = leat_equal(weight, leat_like(weight, 0));
    leat_tensor *mean = leat_div(sum, leat_where(none, leat_like(weight, 1), weight));
    return leat_where(none, leat_like(mean, 0), mean);
}

leat_tensor *leat_cross_entropy(leat_tensor *logits, leat_tensor *labels,
                                const leat_entropy_options *options)
{
    return entropy(logits, labels, options, false);
}

leat_tensor *leat_nll(leat_tensor *log_probabilities, leat_tensor *labels,
                      const leat_entropy_options *options)
{
    return entropy(log_probabilities, labels, options, true);
}
