/* CTC in other operations. */
#ifndef LEATI_GRAPH_OP_CTC_RECORDED_H
#define LEATI_GRAPH_OP_CTC_RECORDED_H

#include "graph/graph.h"

/* The losses (N) of CTC's inputs, f64 of log-probabilities in f64; about 1e30 where no alignment
 * fits. */
leat_tensor *leati_ctc_record(leat_tensor *x, leat_tensor *labels, leat_tensor *steps,
                              leat_tensor *lengths, int64_t blank);
/* For the gradient of CTC_GRAD: gradients of the sum of u times its output in its first two inputs,
 * as far as they are needed. */
leat_status leati_ctc_grad_gradient(leati_node *n, leat_tensor *u, const bool *needed,
                                    leat_tensor **dx);

#endif
