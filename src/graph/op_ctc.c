/* Owns: CTC, the loss of sequences without alignment, and its gradient. */
#include <leat/function.h>

#include "graph/op_classes.h"
#include "graph/op_ctc_recorded.h"
#include "tensor/shape.h"

/* log-probabilities, labels, steps, lengths from input `first` on. */
static leat_status check(leat_context *c, leati_node *n, size_t first)
{
    const leati_ctc_attrs *a = n->attrs;
    leat_tensor *const *in = n->in + first;
    const leat_shape *x = &in[0]->shape;
    if (!leati_dtype_is_float(in[0]->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is %s, it must be floating point",
                               leat_dtype_name(in[0]->dtype));
    for (int i = 1; i < 4; i++)
        if (in[i]->dtype != LEAT_DTYPE_I64)
            return leati_node_fail(c, n, LEAT_TYPE, "labels and lengths are i64, not %s",
                                   leat_dtype_name(in[i]->dtype));
    if (x->rank != 3 || in[1]->shape.rank != 2 || in[1]->shape.dim[0] != x->dim[1] ||
        in[2]->shape.rank != 1 || in[2]->shape.dim[0] != x->dim[1] ||
        !leati_shape_equal(&in[2]->shape, &in[3]->shape))
        return leati_node_fail(c, n, LEAT_SHAPE,
                               "log-probabilities %s (steps, sequences, classes) with labels %s "
                               "and lengths %s and %s",
                               leati_shape_string(x).text, leati_shape_string(&in[1]->shape).text,
                               leati_shape_string(&in[2]->shape).text,
                               leati_shape_string(&in[3]->shape).text);
    if (a->blank < 0 || a->blank >= x->dim[2])
        return leati_node_fail(c, n, LEAT_INVALID, "the blank is class %lld of %lld",
                               (long long)a->blank, (long long)x->dim[2]);
    return LEAT_OK;
}

static leat_status infer(leat_context *c, leati_node *n)
{
    LEATI_TRY(check(c, n, 0));
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[2]->shape;
    return LEAT_OK;
}

static leat_status infer_grad(leat_context *c, leati_node *n)
{
    LEATI_TRY(check(c, n, 1));
    if (!leati_shape_equal(&n->in[0]->shape, &n->in[3]->shape))
        return leati_node_fail(c, n, LEAT_SHAPE, "the gradient has shape %s",
                               leati_shape_string(&n->in[0]->shape).text);
    n->out[0].dtype = n->in[1]->dtype;
    n->out[0].shape = n->in[1]->shape;
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    leat_tensor *in[5] = {dy[0], n->in[0], n->in[1], n->in[2], n->in[3]};
    if (needed[0]) dx[0] = leati_op1(n->graph, LEATI_OP_CTC_GRAD, 5, in, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

static leat_status gradient_of_gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                        leat_tensor **dx)
{
    return leati_ctc_grad_gradient(n, dy[0], needed, dx);
}

const leati_op_class leati_ctc_class = {.infer = infer, .gradient = gradient};
const leati_op_class leati_ctc_grad_class = {.infer = infer_grad, .gradient = gradient_of_gradient};

leat_tensor *leat_ctc(leat_tensor *log_probabilities, leat_tensor *labels, leat_tensor *steps,
                      leat_tensor *lengths, int64_t blank, bool zero_infinite,
                      leat_reduction reduction)
{
    leat_tensor *in[4] = {log_probabilities, labels, steps, lengths}, *x = log_probabilities;
    leati_ctc_attrs a = {.blank = blank};
    if (!x) return NULL;
    leat_tensor *loss = leati_op1(x->node->graph, LEATI_OP_CTC, 4, in, &a, sizeof a);
    if (zero_infinite) loss = leat_where(leat_isinf(loss), leat_like(loss, 0), loss);
    if (!loss || reduction == LEAT_REDUCE_NONE) return loss;
    if (reduction == LEAT_REDUCE_MEAN) {
        leat_tensor *count = leat_cast(lengths, loss->dtype);
        return leat_mean(leat_div(loss, leat_maximum(count, leat_like(count, 1))), 0, NULL, false);
    }
    leat_tensor *sum = leat_sum(loss, 0, NULL, false);
    size_t rows = leati_shape_count(&loss->shape);
    return reduction == LEAT_REDUCE_SUM ? sum : leat_scale(sum, 1 / (double)(rows ? rows : 1));
}
