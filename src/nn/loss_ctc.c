/* Owns: the loss ctc (Graves et al. 2006), with samples first and labels that end with -1. */
#include <leat/function.h>

#include "base/error.h"
#include "nn/loss_classes.h"

static const leati_param none[] = {{0}};

static leat_tensor *build(const leati_loss *l, leat_tensor *x, leat_tensor *labels)
{
    static const int steps_first[] = {1, 0, 2}, along = 1;
    (void)l;
    leat_shape s = leat_tensor_shape(x), n = leat_tensor_shape(labels);
    if (!x || !labels) return NULL;
    if (s.rank != 3 || n.rank != 2 || s.dim[0] != n.dim[0] || s.dim[1] < 1 || n.dim[1] < 1) {
        (void)LEATI_FAIL(leat_graph_context(leat_tensor_graph(x)), LEAT_SHAPE,
                         "ctc takes outputs (batch, steps, classes) and labels (batch, length)");
        return NULL;
    }
    leat_tensor *there = leat_greater_equal(labels, leat_like(labels, 0));
    leat_tensor *lengths = leat_sum(leat_cast(there, LEAT_DTYPE_I64), 1, &along, false);
    leat_tensor *steps =
        leat_expand(leat_like(lengths, (double)s.dim[1]), leat_tensor_shape(lengths));
    leat_tensor *logs = leat_transpose(leat_log_softmax(x, -1), steps_first);
    return leat_ctc(logs, labels, steps, lengths, 0, false, LEAT_REDUCE_MEAN);
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
