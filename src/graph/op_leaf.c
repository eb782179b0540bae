/* Owns: the classes of leaves, of ASSIGN, and of what only the planner makes. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

static leat_status infer_given(leat_context *c, leati_node *n)
{
    if (leat_dtype_size(n->out[0].dtype)) return LEAT_OK;
    return leati_node_fail(c, n, LEAT_TYPE, "unknown element type %d", (int)n->out[0].dtype);
}

const leati_op_class leati_input_class = {.infer = infer_given};
const leati_op_class leati_constant_class = {.infer = infer_given};
const leati_op_class leati_variable_class = {.infer = infer_given};
const leati_op_class leati_assign_class = {.infer = infer_given};
const leati_op_class leati_conv_depth_class = {.infer = infer_given}; /* by the planner */
const leati_op_class leati_fused_class = {0}; /* never recorded */
