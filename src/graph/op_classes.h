/* The classes of operations, one per row of ops.def; all of eltwise.def share one. */
#ifndef LEATI_GRAPH_OP_CLASSES_H
#define LEATI_GRAPH_OP_CLASSES_H

#include "graph/graph.h"

extern const leati_op_class leati_elementwise_class;
#define X(NAME, name, least, most, outputs) extern const leati_op_class leati_##name##_class;
#include "device/ops.def"
#undef X

/* start + i * step along the axis of a tensor of the shape. */
leat_tensor *leati_iota(leat_graph *g, leat_dtype dtype, leat_shape shape, int axis, double start,
                        double step);
/* SCATTER_ADD: the transpose of leat_take along an axis of `size` elements. */
leat_tensor *leati_scatter_add(leat_tensor *index, leat_tensor *updates, int axis, int64_t size);

/* What GATHER_* and SCATTER_* check alike: x is input 0, the index input 1. y: the shape of what
 * the coordinates address. */
leat_status leati_check_index(leat_context *c, const leati_node *n, const leat_tensor *index);
leat_status leati_check_elements(leat_context *c, leati_node *n);
leat_status leati_check_coordinates(leat_context *c, leati_node *n, leat_shape *y);

#endif
