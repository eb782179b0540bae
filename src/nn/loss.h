/* Losses: a row in losses.def each, chosen by text: "cross_entropy(label_smoothing=0.1)". */
#ifndef LEATI_NN_LOSS_H
#define LEATI_NN_LOSS_H

#include <leat/graph.h>

#include "learn/dataset.h"
#include "learn/param.h"
#include "nn/class_outputs.h"

typedef struct leati_loss leati_loss;

/* What a loss compares the output of a network with. */
typedef enum leati_target {
    LEATI_TARGET_LABELS,   /* i64, the output's shape without its last axis: class numbers */
    LEATI_TARGET_VALUES,   /* type and shape of the output; a class as a row of zeros and a one */
    LEATI_TARGET_SEQUENCE, /* i64 (batch, length): labels, then -1 up to the length */
    LEATI_TARGET_NONE      /* nothing: the target is NULL */
} leati_target;

typedef struct leati_loss_class {
    const char *name, *doc;
    size_t size; /* of the whole struct */
    const leati_param *params;
    leati_target target;
    bool classifies, regresses;  /* the tasks of estimators it is for */
    leati_class_outputs outputs; /* of a network for classes */
    bool takes_logs;             /* its outputs are logarithms of probabilities */
    /* The scalar to minimise, the mean over the batch. NULL after an error. */
    leat_tensor *(*build)(const leati_loss *l, leat_tensor *output, leat_tensor *target);
} leati_loss_class;

struct leati_loss {
    const leati_loss_class *class;
};

size_t leati_loss_count(void);
const leati_loss_class *leati_loss_at(size_t i);
/* The class that a text names, by its first word; NULL: none. */
const leati_loss_class *leati_loss_named(const char *text);
/* leati_free. */
leat_status leati_loss_parse(leat_context *c, const char *text, leati_loss **out);
/* "auto" is cross_entropy for classes and mse for numbers; a loss of the other task is refused. */
leat_status leati_loss_for_task(leat_context *c, const char *text, leati_task task,
                                leati_loss **out);
/* What depends on the data: class_weights. To be called before build. d: NULL where there is no
 * data set; what needs one is then UNSUPPORTED. */
leat_status leati_loss_see(leat_context *c, leati_loss *l, const leati_dataset *d);

#endif
