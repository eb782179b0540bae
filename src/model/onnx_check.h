/* Whether an ONNX model is well formed, before anything is made of it. */
#ifndef LEATI_MODEL_ONNX_CHECK_H
#define LEATI_MODEL_ONNX_CHECK_H

#include "model/onnx_proto.h"

enum {
    LEATI_ONNX_CALLS_MOST = 64,       /* functions that call functions ... */
    LEATI_ONNX_NODES_MOST = 10000000, /* when all calls are replaced by their bodies */
    LEATI_ONNX_AI_OPSET_MOST = 27,    /* newest of ai.onnx */
    LEATI_ONNX_ML_OPSET_MOST = 5,     /* newest of ai.onnx.ml */
};

/* Structure, not operators:
 * - opsets: no domain twice, versions between 1 and the newest known; a node's domain is imported
 * or that of a function of the model;
 * - every value has one maker (inputs, initialisers and nodes' outputs; an initialiser may also
 *   be an input, whose default it then is) and is made before it is used, in its graph or one
 *   around it; values of a subgraph do not hide those around it; graph outputs are made;
 * - attributes: distinct names, one value of the announced kind; references to attributes only in
 *   functions, to one of theirs;
 * - tensors: leati_onnx_tensor_check; types: one kind, known elements, no negative dimensions;
 * - functions: distinct, not calling themselves in a circle.
 * FORMAT says where and what. UNSUPPORTED: sparse tensors, newer opsets. LIMIT: the bounds above.
 */
leat_status leati_onnx_check(leat_context *c, const leati_onnx_model *model);

/* The kind of value an attribute holds, also where an old file does not say; 0 if it holds none or
 * several. */
leati_onnx_attribute_kind leati_onnx_attribute_kind_of(const leati_onnx_attribute *a);

/* The version of a domain's operators in a function (NULL: in the graph); 0 if not imported. */
int64_t leati_onnx_opset_version(const leati_onnx_model *model, const leati_onnx_function *function,
                                 const char *domain);

/* The function of the model that a node calls, or NULL: linear in the functions. */
const leati_onnx_function *leati_onnx_function_find(const leati_onnx_model *model,
                                                    const leati_onnx_node *node);

#endif
