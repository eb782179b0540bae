/* RECURRENT and its gradient in primitives, step by step. */
#ifndef LEATI_GRAPH_OP_RECURRENT_UNROLLED_H
#define LEATI_GRAPH_OP_RECURRENT_UNROLLED_H

#include "graph/graph.h"

/* The outputs of RECURRENT; NULL: it has none there, or no steps. */
leat_status leati_recurrent_unroll(leati_node *n, leat_tensor **out);
/* The outputs of RECURRENT_GRAD. */
leat_status leati_recurrent_grad_unroll(leati_node *n, leat_tensor **out);

#endif
