/* Owns: the loss ctc (Graves et al. 2006): the forward recursion of section 4.1 in logarithms,
 * recorded step by step; its gradient follows from the operations. */
#include <leat/function.h>

#include "base/error.h"
#include "nn/loss_classes.h"

static const double never = -1e30; /* the logarithm of a probability of 0 */

static const leati_param none[] = {{0}};

/* x (batch, states) with state s at s + n. */
static leat_tensor *shift(leat_tensor *x, int64_t n, double fill)
{
    int64_t low[] = {0, n}, high[] = {0, -n};
    return leat_pad(x, LEAT_PAD_CONSTANT, low, high, fill);
}

static leat_tensor *log_sum(leat_tensor *a, leat_tensor *b, leat_tensor *c)
{
    leat_tensor *top = leat_stop_gradient(leat_maximum(a, leat_maximum(b, c)));
    leat_tensor *sum = leat_add(leat_exp(leat_sub(a, top)), leat_exp(leat_sub(b, top)));
    return leat_add(top, leat_log(leat_add(sum, leat_exp(leat_sub(c, top)))));
}

/* labels (batch, length) -> (batch, 2 length + 1): a blank, 0, around each. */
static leat_tensor *with_blanks(leat_tensor *labels)
{
    leat_shape s = leat_tensor_shape(labels);
    leat_tensor *known = leat_maximum(labels, leat_like(labels, 0));
    leat_tensor *pair[2] = {leat_sub(known, known), known};
    if (!known || !pair[0]) return NULL;
    leat_tensor *end[2] = {leat_reshape(leat_stack(2, pair, 2), LEAT_DIMS(s.dim[0], 2 * s.dim[1])),
                           leat_narrow(pair[0], 1, 0, 1)};
    return end[0] && end[1] ? leat_concat(2, end, 1) : NULL;
}

/* (batch, states) of what is emitted at step t. */
static leat_tensor *emission(leat_tensor *logs, leat_tensor *states, int64_t t)
{
    int axis = 1;
    leat_tensor *now = leat_squeeze(leat_narrow(logs, 1, t, 1), 1, &axis);
    return leat_take_along(now, states, 1);
}

/* The logarithm of the probability of the labels, (batch). lengths (batch, 1). */
static leat_tensor *likelihood(leat_tensor *logs, leat_tensor *states, leat_tensor *lengths)
{
    leat_graph *g = leat_tensor_graph(logs);
    leat_shape s = leat_tensor_shape(states);
    int64_t steps = leat_tensor_shape(logs).dim[1];
    leat_tensor *place = leat_arange(g, LEAT_DTYPE_I64, 0, (double)s.dim[1], 1);
    leat_tensor *first = leat_less(place, leat_like(place, 2)), *low = leat_like(logs, never);
    leat_tensor *blank = leat_equal(states, leat_like(states, 0));
    leat_tensor *same = leat_equal(states, shift(states, 2, 0));
    leat_tensor *skips = leat_not(leat_or(blank, same));
    leat_tensor *alpha = leat_where(first, emission(logs, states, 0), low);
    for (int64_t t = 1; t < steps && alpha; t++) {
        leat_tensor *jump = leat_where(skips, shift(alpha, 2, never), low);
        alpha = leat_add(emission(logs, states, t), log_sum(alpha, shift(alpha, 1, never), jump));
    }
    leat_tensor *last = leat_scale(lengths, 2);
    leat_tensor *ends = leat_or(leat_equal(place, last), leat_equal(place, leat_shift(last, -1)));
    int axis = 1;
    leat_tensor *end = leat_where(ends, alpha, low);
    leat_tensor *top = leat_stop_gradient(leat_max(end, 1, &axis, true));
    leat_tensor *sum = leat_log(leat_sum(leat_exp(leat_sub(end, top)), 1, &axis, true));
    return leat_squeeze(leat_add(sum, top), 1, &axis);
}

static leat_tensor *build(const leati_loss *l, leat_tensor *x, leat_tensor *labels)
{
    (void)l;
    leat_shape s = leat_tensor_shape(x), n = leat_tensor_shape(labels);
    if (!x || !labels) return NULL;
    if (s.rank != 3 || n.rank != 2 || s.dim[0] != n.dim[0] || s.dim[1] < 1 || n.dim[1] < 1) {
        (void)LEATI_FAIL(leat_graph_context(leat_tensor_graph(x)), LEAT_SHAPE,
                         "ctc takes outputs (batch, steps, classes) and labels (batch, length)");
        return NULL;
    }
    int axis = 1;
    leat_tensor *there = leat_greater_equal(labels, leat_like(labels, 0));
    leat_tensor *lengths = leat_sum(leat_cast(there, LEAT_DTYPE_I64), 1, &axis, true);
    leat_tensor *log = likelihood(leat_log_softmax(x, -1), with_blanks(labels), lengths);
    leat_tensor *count = leat_cast(leat_squeeze(lengths, 1, &axis), leat_tensor_dtype(x));
    return leat_neg(
        leat_mean(leat_div(log, leat_maximum(count, leat_like(count, 1))), 0, NULL, false));
}

const leati_loss_class leati_loss_ctc = {
    .name = "ctc",
    .doc = "Connectionist temporal classification (Graves et al. 2006): outputs (batch, steps, "
           "classes) are logits, class 0 the blank; labels (batch, length) end with -1. Each "
           "sample's loss is divided by its number of labels, as in PyTorch.",
    .size = sizeof(leati_loss),
    .params = none,
    .target = LEATI_TARGET_SEQUENCE,
    .classifies = false,
    .regresses = false,
    .build = build};
