/* Owns: the tables that say how ONNX's messages lie in bytes and structs. */
#include "model/onnx_proto.h"

#include <string.h>

#define ONE(T, n, k, f)                                                                            \
    {                                                                                              \
        n, LEATI_PB_##k, false, false, offsetof(leati_onnx_##T, f), #f, NULL                       \
    }
#define MANY(T, n, k, f)                                                                           \
    {                                                                                              \
        n, LEATI_PB_##k, true, false, offsetof(leati_onnx_##T, f), #f, NULL                        \
    }
#define LAZY(T, n, k, f)                                                                           \
    {                                                                                              \
        n, LEATI_PB_##k, true, true, offsetof(leati_onnx_##T, f), #f, NULL                         \
    }
#define SUB(T, n, type, f)                                                                         \
    {                                                                                              \
        n, LEATI_PB_MESSAGE, false, false, offsetof(leati_onnx_##T, f), #f,                        \
            &leati_onnx_##type##_pb                                                                \
    }
#define SUBS(T, n, type, f)                                                                        \
    {                                                                                              \
        n, LEATI_PB_MESSAGE, true, false, offsetof(leati_onnx_##T, f), #f, &leati_onnx_##type##_pb \
    }
#define TYPE(T, label)                                                                             \
    const leati_pb_type leati_onnx_##T##_pb = {label, sizeof(leati_onnx_##T), T##_fields,          \
                                               sizeof T##_fields / sizeof *T##_fields}

/* clang-format off */
static const leati_pb_field entry_fields[] = {
    ONE(entry, 1, TEXT, key),
    ONE(entry, 2, TEXT, value),
};
TYPE(entry, "StringStringEntryProto");

static const leati_pb_field tensor_fields[] = {
    MANY(tensor, 1, INT64, dims),
    ONE(tensor, 2, INT32, data_type),
    LAZY(tensor, 4, FLOAT, float_data),
    LAZY(tensor, 5, INT32, int32_data),
    MANY(tensor, 6, BYTES, string_data),
    LAZY(tensor, 7, INT64, int64_data),
    ONE(tensor, 8, TEXT, name),
    ONE(tensor, 9, BYTES, raw_data),
    LAZY(tensor, 10, DOUBLE, double_data),
    LAZY(tensor, 11, UINT64, uint64_data),
    ONE(tensor, 12, BYTES, doc_string),
    SUBS(tensor, 13, entry, external_data),
    ONE(tensor, 14, INT32, data_location),
};
TYPE(tensor, "TensorProto");

static const leati_pb_field sparse_fields[] = {
    SUB(sparse, 1, tensor, values),
    SUB(sparse, 2, tensor, indices),
    MANY(sparse, 3, INT64, dims),
};
TYPE(sparse, "SparseTensorProto");

static const leati_pb_field dim_fields[] = {
    ONE(dim, 1, INT64, dim_value),
    ONE(dim, 2, TEXT, dim_param),
    ONE(dim, 3, TEXT, denotation),
};
TYPE(dim, "Dimension");

static const leati_pb_field shape_fields[] = {
    SUBS(shape, 1, dim, dim),
};
TYPE(shape, "TensorShapeProto");

static const leati_pb_field tensor_type_fields[] = {
    ONE(tensor_type, 1, INT32, elem_type),
    SUB(tensor_type, 2, shape, shape),
};
TYPE(tensor_type, "TypeProto.Tensor");

static const leati_pb_field elem_type_fields[] = {
    SUB(elem_type, 1, type, elem_type),
};
TYPE(elem_type, "TypeProto.Sequence");

static const leati_pb_field map_type_fields[] = {
    ONE(map_type, 1, INT32, key_type),
    SUB(map_type, 2, type, value_type),
};
TYPE(map_type, "TypeProto.Map");

static const leati_pb_field opaque_type_fields[] = {
    ONE(opaque_type, 1, TEXT, domain),
    ONE(opaque_type, 2, TEXT, name),
};
TYPE(opaque_type, "TypeProto.Opaque");

static const leati_pb_field type_fields[] = {
    SUB(type, 1, tensor_type, tensor_type),
    SUB(type, 4, elem_type, sequence_type),
    SUB(type, 5, map_type, map_type),
    ONE(type, 6, TEXT, denotation),
    SUB(type, 7, opaque_type, opaque_type),
    SUB(type, 8, tensor_type, sparse_tensor_type),
    SUB(type, 9, elem_type, optional_type),
};
TYPE(type, "TypeProto");

static const leati_pb_field value_info_fields[] = {
    ONE(value_info, 1, TEXT, name),
    SUB(value_info, 2, type, type),
    ONE(value_info, 3, BYTES, doc_string),
    SUBS(value_info, 4, entry, metadata_props),
};
TYPE(value_info, "ValueInfoProto");

static const leati_pb_field attribute_fields[] = {
    ONE(attribute, 1, TEXT, name),
    ONE(attribute, 21, TEXT, ref_attr_name),
    ONE(attribute, 13, BYTES, doc_string),
    ONE(attribute, 20, INT32, type),
    ONE(attribute, 2, FLOAT, f),
    ONE(attribute, 3, INT64, i),
    ONE(attribute, 4, BYTES, s),
    SUB(attribute, 5, tensor, t),
    SUB(attribute, 6, graph, g),
    SUB(attribute, 22, sparse, sparse_tensor),
    SUB(attribute, 14, type, tp),
    MANY(attribute, 7, FLOAT, floats),
    MANY(attribute, 8, INT64, ints),
    MANY(attribute, 9, BYTES, strings),
    SUBS(attribute, 10, tensor, tensors),
    SUBS(attribute, 11, graph, graphs),
    SUBS(attribute, 23, sparse, sparse_tensors),
    SUBS(attribute, 15, type, type_protos),
};
TYPE(attribute, "AttributeProto");

static const leati_pb_field node_fields[] = {
    MANY(node, 1, TEXT, input),
    MANY(node, 2, TEXT, output),
    ONE(node, 3, TEXT, name),
    ONE(node, 4, TEXT, op_type),
    SUBS(node, 5, attribute, attribute),
    ONE(node, 6, BYTES, doc_string),
    ONE(node, 7, TEXT, domain),
    ONE(node, 8, TEXT, overload),
    SUBS(node, 9, entry, metadata_props),
};
TYPE(node, "NodeProto");

static const leati_pb_field graph_fields[] = {
    SUBS(graph, 1, node, node),
    ONE(graph, 2, TEXT, name),
    SUBS(graph, 5, tensor, initializer),
    ONE(graph, 10, BYTES, doc_string),
    SUBS(graph, 11, value_info, input),
    SUBS(graph, 12, value_info, output),
    SUBS(graph, 13, value_info, value_info),
    SUBS(graph, 15, sparse, sparse_initializer),
    SUBS(graph, 16, entry, metadata_props),
};
TYPE(graph, "GraphProto");

static const leati_pb_field opset_fields[] = {
    ONE(opset, 1, TEXT, domain),
    ONE(opset, 2, INT64, version),
};
TYPE(opset, "OperatorSetIdProto");

static const leati_pb_field function_fields[] = {
    ONE(function, 1, TEXT, name),
    MANY(function, 4, TEXT, input),
    MANY(function, 5, TEXT, output),
    MANY(function, 6, TEXT, attribute),
    SUBS(function, 7, node, node),
    ONE(function, 8, BYTES, doc_string),
    SUBS(function, 9, opset, opset_import),
    ONE(function, 10, TEXT, domain),
    SUBS(function, 11, attribute, attribute_proto),
    SUBS(function, 12, value_info, value_info),
    ONE(function, 13, TEXT, overload),
    SUBS(function, 14, entry, metadata_props),
};
TYPE(function, "FunctionProto");

static const leati_pb_field training_fields[] = {
    SUB(training, 1, graph, initialization),
    SUB(training, 2, graph, algorithm),
    SUBS(training, 3, entry, initialization_binding),
    SUBS(training, 4, entry, update_binding),
};
TYPE(training, "TrainingInfoProto");

static const leati_pb_field model_fields[] = {
    ONE(model, 1, INT64, ir_version),
    ONE(model, 2, TEXT, producer_name),
    ONE(model, 3, TEXT, producer_version),
    ONE(model, 4, TEXT, domain),
    ONE(model, 5, INT64, model_version),
    ONE(model, 6, BYTES, doc_string),
    SUB(model, 7, graph, graph),
    SUBS(model, 8, opset, opset_import),
    SUBS(model, 14, entry, metadata_props),
    SUBS(model, 20, training, training_info),
    SUBS(model, 25, function, functions),
};
TYPE(model, "ModelProto");

static const leati_pb_field sequence_fields[] = {
    ONE(sequence, 1, TEXT, name),
    ONE(sequence, 2, INT32, elem_type),
    SUBS(sequence, 3, tensor, tensor_values),
    SUBS(sequence, 4, sparse, sparse_tensor_values),
    SUBS(sequence, 5, sequence, sequence_values),
    SUBS(sequence, 6, map, map_values),
    SUBS(sequence, 7, optional, optional_values),
};
TYPE(sequence, "SequenceProto");

static const leati_pb_field map_fields[] = {
    ONE(map, 1, TEXT, name),
    ONE(map, 2, INT32, key_type),
    MANY(map, 3, INT64, keys),
    MANY(map, 4, BYTES, string_keys),
    SUB(map, 5, sequence, values),
};
TYPE(map, "MapProto");

static const leati_pb_field optional_fields[] = {
    ONE(optional, 1, TEXT, name),
    ONE(optional, 2, INT32, elem_type),
    SUB(optional, 3, tensor, tensor_value),
    SUB(optional, 4, sparse, sparse_tensor_value),
    SUB(optional, 5, sequence, sequence_value),
    SUB(optional, 6, map, map_value),
    SUB(optional, 7, optional, optional_value),
};
TYPE(optional, "OptionalProto");
/* clang-format on */

const char *leati_onnx_element_name(int32_t element)
{
    switch (element) {
#define ROW(code, name, bits)                                                                      \
    case code: return #name;
        LEATI_ONNX_ELEMENTS(ROW)
#undef ROW
    default: return NULL;
    }
}

unsigned leati_onnx_element_bits(int32_t element)
{
    switch (element) {
#define ROW(code, name, bits)                                                                      \
    case code: return bits;
        LEATI_ONNX_ELEMENTS(ROW)
#undef ROW
    default: return 0;
    }
}

const char *leati_onnx_attribute_word(int32_t kind)
{
    switch (kind) {
#define ROW(code, name, word)                                                                      \
    case code: return word;
        LEATI_ONNX_ATTRIBUTES(ROW)
#undef ROW
    default: return NULL;
    }
}

const char *leati_onnx_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

const leati_onnx_attribute *leati_onnx_attribute_find(const leati_onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute.count; i++)
        if (strcmp(node->attribute.at[i].name, name) == 0) return &node->attribute.at[i];
    return NULL;
}
