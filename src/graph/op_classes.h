/* The classes of operations, one per row of ops.def; all of eltwise.def share one. */
#ifndef LEATI_GRAPH_OP_CLASSES_H
#define LEATI_GRAPH_OP_CLASSES_H

#include "graph/graph.h"

extern const leati_op_class leati_elementwise_class;
#define X(NAME, name, least, most, outputs) extern const leati_op_class leati_##name##_class;
#include "device/ops.def"
#undef X

#endif
