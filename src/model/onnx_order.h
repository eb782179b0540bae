/* Why a value is not there yet: for messages about nodes in the wrong order. */
#ifndef LEATI_MODEL_ONNX_ORDER_H
#define LEATI_MODEL_ONNX_ORDER_H

#include "model/onnx_proto.h"

/* Node `index` uses `name`, which no node before it makes. FORMAT when a later one does: the
 * message names the circle of values or the node that stands too late. OK when none does. */
leat_status leati_onnx_order_explain(leat_context *c, const leati_onnx_node *nodes, size_t count,
                                     size_t index, const char *name);

#endif
