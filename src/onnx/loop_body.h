/* Loops of ONNX as one operation of the graph, where their bodies allow it.
 *
 * A body does when it can be recorded without a value that varies, draws nothing, and gives states
 * of the types and shapes it takes. Other loops are recorded step by step (node_control.c). */
#ifndef LEATI_ONNX_LOOP_BODY_H
#define LEATI_ONNX_LOOP_BODY_H

#include "onnx/run.h"

typedef struct leati_oloop {
    leati_ocall *call; /* its attribute `body` is the body */
    /* Of the body of a Loop inputs 0 and 1 are the number of the step and `true`, output 0 whether
     * to go on: a scan where that is `true` for certain. */
    bool counted;
    size_t states;
    leati_oval *const *state;
    size_t sequences;             /* of a Scan */
    leat_tensor *const *sequence; /* (length, ...) */
    int64_t length;
} leati_oloop;

/* out: the last states, then the results stacked along axis 0, as many as the body gives. *done:
 * false where it has to be recorded step by step; nothing has happened then. */
leat_status leati_oloop_record(const leati_oloop *l, leat_tensor **out, bool *done);

#endif
