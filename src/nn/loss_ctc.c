/* Owns: the loss ctc (Graves et al. 2006), with samples first and labels that end with -1. */
#include <leat/function.h>

#include "base/error.h"
#include "nn/loss_classes.h"

typedef struct ctc {
    leati_loss base;
    int64_t blank;
    bool zero_infinity;
} ctc;

static const leati_param params[] = {
    {.name = "blank",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(ctc, blank),
     .standard = "0",
     .least = 0,
     .most = 1e9,
     .doc = "The class that stands for no label."},
    {.name = "zero_infinity",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(ctc, zero_infinity),
     .standard = "false",
     .doc = "The loss of a sample with more labels than fit into its steps is 0, as is its "
            "gradient; else it is infinite."},
    {0}};

static leat_tensor *build(const leati_loss *l, leat_tensor *x, leat_tensor *labels)
{
    static const int steps_first[] = {1, 0, 2}, along = 1;
    const ctc *o = (const ctc *)l;
    leat_shape s = leat_tensor_shape(x), n = leat_tensor_shape(labels);
    if (!x || !labels) return NULL;
    if (s.rank != 3 || n.rank != 2 || s.dim[0] != n.dim[0] || s.dim[1] < 1 || n.dim[1] < 1) {
        (void)LEATI_FAIL(leat_graph_context(leat_tensor_graph(x)), LEAT_SHAPE,
                         "ctc takes outputs (batch, steps, classes) and labels (batch, length)");
        return NULL;
    }
    if (o->blank >= s.dim[2]) {
        (void)LEATI_FAIL(leat_graph_context(leat_tensor_graph(x)), LEAT_INVALID,
                         "ctc.blank is %lld; it must be one of the %lld classes, 0 to %lld",
                         (long long)o->blank, (long long)s.dim[2], (long long)s.dim[2] - 1);
        return NULL;
    }
    leat_tensor *there = leat_greater_equal(labels, leat_like(labels, 0));
    leat_tensor *lengths = leat_sum(leat_cast(there, LEAT_DTYPE_I64), 1, &along, false);
    leat_tensor *steps =
        leat_expand(leat_like(lengths, (double)s.dim[1]), leat_tensor_shape(lengths));
    leat_tensor *logs = leat_transpose(leat_log_softmax(x, -1), steps_first);
    return leat_ctc(logs, labels, steps, lengths, o->blank, o->zero_infinity, LEAT_REDUCE_MEAN);
}

const leati_loss_class leati_loss_ctc = {
    .name = "ctc",
    .doc = "Connectionist temporal classification (Graves et al. 2006): outputs (batch, steps, "
           "classes) are logits; labels (batch, length) are classes but the blank and end with -1. "
           "Each sample's loss is divided by its number of labels, as in PyTorch.",
    .size = sizeof(ctc),
    .params = params,
    .target = LEATI_TARGET_SEQUENCE,
    .classifies = false,
    .regresses = false,
    .build = build};
