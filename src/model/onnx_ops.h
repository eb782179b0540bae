/* What the operators of ONNX take, by version: facts from the standard, whether or not Leat
 * computes the operator. */
#ifndef LEATI_MODEL_ONNX_OPS_H
#define LEATI_MODEL_ONNX_OPS_H

#include "model/onnx_proto.h"

enum { LEATI_ONNX_MANY = INT32_MAX };

typedef struct leati_onnx_op_attribute {
    const char *name; /* NULL ends a list */
    leati_onnx_attribute_kind kind;
    bool required;
    const char *fallback; /* the default as text, lists with commas; NULL: none */
} leati_onnx_op_attribute;

typedef struct leati_onnx_op {
    const char *domain, *name; /* "" for ai.onnx */
    int since;                 /* of this version, until the next row of the name */
    int inputs_least, inputs_most, outputs_least, outputs_most;
    bool deprecated; /* from this version on */
    const leati_onnx_op_attribute *attributes;
} leati_onnx_op;

/* The row in force at `version` of the domain, or NULL: no such operator then. */
const leati_onnx_op *leati_onnx_op_find(const char *domain, const char *name, int64_t version);
/* Number and rows of the table, by domain, name and version. */
size_t leati_onnx_op_count(void);
const leati_onnx_op *leati_onnx_op_at(size_t index);
/* NULL: the operator has no attribute of that name. */
const leati_onnx_op_attribute *leati_onnx_op_attribute_find(const leati_onnx_op *op,
                                                            const char *name);

/* Whether a node gives what the operator takes: counts of inputs and outputs, attributes known, of
 * the right kind, and none missing. FORMAT names the node. References to attributes of a function
 * are taken as of the right kind. */
leat_status leati_onnx_node_check(leat_context *c, const leati_onnx_op *op,
                                  const leati_onnx_node *node);

/* The value of an attribute or its default in the table; `otherwise` where it has neither. For
 * nodes that leati_onnx_node_check accepts, without references. */
int64_t leati_onnx_int(const leati_onnx_op *op, const leati_onnx_node *node, const char *name,
                       int64_t otherwise);
double leati_onnx_float(const leati_onnx_op *op, const leati_onnx_node *node, const char *name,
                        double otherwise);
/* Whether the text of an attribute, or its default, is `text`. */
bool leati_onnx_text_is(const leati_onnx_op *op, const leati_onnx_node *node, const char *name,
                        const char *text);

#endif
