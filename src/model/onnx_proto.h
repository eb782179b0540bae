/* The messages of ONNX as plain structs: what a file says, before anything is checked.
 *
 * Names are those of the format. `has` holds a bit per field number that stood in the file; texts
 * are terminated and never NULL; messages that are absent are NULL. Fields that no reader needs
 * (devices, segments, quantisation notes) are left out and skipped.
 *
 * Source: onnx.proto and onnx-data.proto of ONNX 1.22 (IR version 13), and docs/IR.md there. */
#ifndef LEATI_MODEL_ONNX_PROTO_H
#define LEATI_MODEL_ONNX_PROTO_H

#include "io/protobuf.h"

/* X(code, NAME, bits of an element): element types of tensors; codes are those of the format. */
#define LEATI_ONNX_ELEMENTS(X)                                                                     \
    X(1, FLOAT, 32)                                                                                \
    X(2, UINT8, 8)                                                                                 \
    X(3, INT8, 8)                                                                                  \
    X(4, UINT16, 16)                                                                               \
    X(5, INT16, 16)                                                                                \
    X(6, INT32, 32)                                                                                \
    X(7, INT64, 64)                                                                                \
    X(8, STRING, 0)                                                                                \
    X(9, BOOL, 8)                                                                                  \
    X(10, FLOAT16, 16)                                                                             \
    X(11, DOUBLE, 64)                                                                              \
    X(12, UINT32, 32)                                                                              \
    X(13, UINT64, 64)                                                                              \
    X(14, COMPLEX64, 64)                                                                           \
    X(15, COMPLEX128, 128)                                                                         \
    X(16, BFLOAT16, 16)                                                                            \
    X(17, FLOAT8E4M3FN, 8)                                                                         \
    X(18, FLOAT8E4M3FNUZ, 8)                                                                       \
    X(19, FLOAT8E5M2, 8)                                                                           \
    X(20, FLOAT8E5M2FNUZ, 8)                                                                       \
    X(21, UINT4, 4)                                                                                \
    X(22, INT4, 4)                                                                                 \
    X(23, FLOAT4E2M1, 4)                                                                           \
    X(24, FLOAT8E8M0, 8)                                                                           \
    X(25, UINT2, 2)                                                                                \
    X(26, INT2, 2)

typedef enum leati_onnx_element {
    LEATI_ONNX_UNDEFINED,
#define LEATI_ONNX_ROW(code, name, bits) LEATI_ONNX_##name = code,
    LEATI_ONNX_ELEMENTS(LEATI_ONNX_ROW)
#undef LEATI_ONNX_ROW
        LEATI_ONNX_ELEMENT_END
} leati_onnx_element;

/* X(code, NAME, "word"): what an attribute holds. */
#define LEATI_ONNX_ATTRIBUTES(X)                                                                   \
    X(1, FLOAT, "float")                                                                           \
    X(2, INT, "int")                                                                               \
    X(3, STRING, "string")                                                                         \
    X(4, TENSOR, "tensor")                                                                         \
    X(5, GRAPH, "graph")                                                                           \
    X(6, FLOATS, "floats")                                                                         \
    X(7, INTS, "ints")                                                                             \
    X(8, STRINGS, "strings")                                                                       \
    X(9, TENSORS, "tensors")                                                                       \
    X(10, GRAPHS, "graphs")                                                                        \
    X(11, SPARSE_TENSOR, "sparse tensor")                                                          \
    X(12, SPARSE_TENSORS, "sparse tensors")                                                        \
    X(13, TYPE_PROTO, "type")                                                                      \
    X(14, TYPE_PROTOS, "types")

typedef enum leati_onnx_attribute_kind {
    LEATI_ONNX_ATTR_UNDEFINED,
#define LEATI_ONNX_ROW(code, name, word) LEATI_ONNX_ATTR_##name = code,
    LEATI_ONNX_ATTRIBUTES(LEATI_ONNX_ROW)
#undef LEATI_ONNX_ROW
        LEATI_ONNX_ATTR_END
} leati_onnx_attribute_kind;

typedef struct leati_onnx_entry { /* StringStringEntryProto */
    uint32_t has;
    const char *key, *value;
} leati_onnx_entry;

typedef struct leati_onnx_tensor { /* TensorProto */
    uint32_t has;
    int32_t data_type;     /* leati_onnx_element */
    int32_t data_location; /* 1: external_data */
    LEATI_PB_LIST(int64_t) dims;
    leati_pb_numbers float_data, int32_data, int64_data, double_data, uint64_data;
    LEATI_PB_LIST(leati_pb_bytes) string_data;
    leati_pb_bytes raw_data, doc_string;
    const char *name;
    LEATI_PB_LIST(leati_onnx_entry) external_data;
} leati_onnx_tensor;

typedef struct leati_onnx_sparse { /* SparseTensorProto */
    uint32_t has;
    leati_onnx_tensor *values, *indices;
    LEATI_PB_LIST(int64_t) dims;
} leati_onnx_sparse;

typedef struct leati_onnx_dim { /* TensorShapeProto.Dimension */
    uint32_t has;               /* bit 1: dim_value, bit 2: dim_param; neither: unknown */
    int64_t dim_value;
    const char *dim_param, *denotation;
} leati_onnx_dim;

typedef struct leati_onnx_shape { /* TensorShapeProto */
    uint32_t has;
    LEATI_PB_LIST(leati_onnx_dim) dim;
} leati_onnx_shape;

typedef struct leati_onnx_type leati_onnx_type;

typedef struct leati_onnx_tensor_type { /* TypeProto.Tensor and .SparseTensor */
    uint32_t has;
    int32_t elem_type;
    leati_onnx_shape *shape; /* NULL: of unknown rank */
} leati_onnx_tensor_type;

typedef struct leati_onnx_elem_type { /* TypeProto.Sequence and .Optional */
    uint32_t has;
    leati_onnx_type *elem_type;
} leati_onnx_elem_type;

typedef struct leati_onnx_map_type { /* TypeProto.Map */
    uint32_t has;
    int32_t key_type;
    leati_onnx_type *value_type;
} leati_onnx_map_type;

typedef struct leati_onnx_opaque_type { /* TypeProto.Opaque */
    uint32_t has;
    const char *domain, *name;
} leati_onnx_opaque_type;

struct leati_onnx_type { /* TypeProto: exactly one of the messages */
    uint32_t has;
    leati_onnx_tensor_type *tensor_type;
    leati_onnx_elem_type *sequence_type, *optional_type;
    leati_onnx_map_type *map_type;
    leati_onnx_tensor_type *sparse_tensor_type;
    leati_onnx_opaque_type *opaque_type;
    const char *denotation;
};

typedef struct leati_onnx_value_info { /* ValueInfoProto */
    uint32_t has;
    const char *name;
    leati_onnx_type *type;
    leati_pb_bytes doc_string;
    LEATI_PB_LIST(leati_onnx_entry) metadata_props;
} leati_onnx_value_info;

typedef struct leati_onnx_graph leati_onnx_graph;

typedef struct leati_onnx_attribute { /* AttributeProto */
    uint32_t has;
    int32_t type; /* leati_onnx_attribute_kind; 0 in files before IR version 2 */
    const char *name, *ref_attr_name;
    float f;
    int64_t i;
    leati_pb_bytes s;
    leati_onnx_tensor *t;
    leati_onnx_graph *g;
    leati_onnx_sparse *sparse_tensor;
    leati_onnx_type *tp;
    LEATI_PB_LIST(float) floats;
    LEATI_PB_LIST(int64_t) ints;
    LEATI_PB_LIST(leati_pb_bytes) strings;
    LEATI_PB_LIST(leati_onnx_tensor) tensors;
    LEATI_PB_LIST(leati_onnx_graph) graphs;
    LEATI_PB_LIST(leati_onnx_sparse) sparse_tensors;
    LEATI_PB_LIST(leati_onnx_type) type_protos;
    leati_pb_bytes doc_string;
} leati_onnx_attribute;

typedef struct leati_onnx_node { /* NodeProto; "" among inputs and outputs: left out */
    uint32_t has;
    LEATI_PB_LIST(const char *) input, output;
    const char *name, *op_type, *domain, *overload;
    LEATI_PB_LIST(leati_onnx_attribute) attribute;
    leati_pb_bytes doc_string;
    LEATI_PB_LIST(leati_onnx_entry) metadata_props;
} leati_onnx_node;

struct leati_onnx_graph { /* GraphProto */
    uint32_t has;
    LEATI_PB_LIST(leati_onnx_node) node;
    const char *name;
    LEATI_PB_LIST(leati_onnx_tensor) initializer;
    LEATI_PB_LIST(leati_onnx_sparse) sparse_initializer;
    LEATI_PB_LIST(leati_onnx_value_info) input, output, value_info;
    leati_pb_bytes doc_string;
    LEATI_PB_LIST(leati_onnx_entry) metadata_props;
};

typedef struct leati_onnx_opset { /* OperatorSetIdProto */
    uint32_t has;
    const char *domain; /* "" and "ai.onnx" are the same */
    int64_t version;
} leati_onnx_opset;

typedef struct leati_onnx_function { /* FunctionProto */
    uint32_t has;
    const char *name, *domain, *overload;
    LEATI_PB_LIST(const char *) input, output, attribute;
    LEATI_PB_LIST(leati_onnx_attribute) attribute_proto; /* with defaults */
    LEATI_PB_LIST(leati_onnx_node) node;
    LEATI_PB_LIST(leati_onnx_opset) opset_import;
    LEATI_PB_LIST(leati_onnx_value_info) value_info;
    leati_pb_bytes doc_string;
    LEATI_PB_LIST(leati_onnx_entry) metadata_props;
} leati_onnx_function;

typedef struct leati_onnx_training { /* TrainingInfoProto */
    uint32_t has;
    leati_onnx_graph *initialization, *algorithm;
    LEATI_PB_LIST(leati_onnx_entry) initialization_binding, update_binding;
} leati_onnx_training;

typedef struct leati_onnx_model { /* ModelProto */
    uint32_t has;
    int64_t ir_version, model_version;
    LEATI_PB_LIST(leati_onnx_opset) opset_import;
    const char *producer_name, *producer_version, *domain;
    leati_pb_bytes doc_string;
    leati_onnx_graph *graph;
    LEATI_PB_LIST(leati_onnx_entry) metadata_props;
    LEATI_PB_LIST(leati_onnx_training) training_info;
    LEATI_PB_LIST(leati_onnx_function) functions;
} leati_onnx_model;

/* Values as files of test data hold them. */
typedef enum leati_onnx_value_kind {
    LEATI_ONNX_VALUE_UNDEFINED,
    LEATI_ONNX_VALUE_TENSOR,
    LEATI_ONNX_VALUE_SPARSE_TENSOR,
    LEATI_ONNX_VALUE_SEQUENCE,
    LEATI_ONNX_VALUE_MAP,
    LEATI_ONNX_VALUE_OPTIONAL
} leati_onnx_value_kind;

typedef struct leati_onnx_map leati_onnx_map;
typedef struct leati_onnx_optional leati_onnx_optional;
typedef struct leati_onnx_sequence leati_onnx_sequence;

struct leati_onnx_sequence { /* SequenceProto */
    uint32_t has;
    const char *name;
    int32_t elem_type; /* leati_onnx_value_kind: which list holds the elements */
    LEATI_PB_LIST(leati_onnx_tensor) tensor_values;
    LEATI_PB_LIST(leati_onnx_sparse) sparse_tensor_values;
    LEATI_PB_LIST(leati_onnx_sequence) sequence_values;
    LEATI_PB_LIST(leati_onnx_map) map_values;
    LEATI_PB_LIST(leati_onnx_optional) optional_values;
};

struct leati_onnx_map { /* MapProto */
    uint32_t has;
    const char *name;
    int32_t key_type; /* leati_onnx_element */
    LEATI_PB_LIST(int64_t) keys;
    LEATI_PB_LIST(leati_pb_bytes) string_keys;
    leati_onnx_sequence *values;
};

struct leati_onnx_optional { /* OptionalProto; nothing is set: empty */
    uint32_t has;
    const char *name;
    int32_t elem_type; /* leati_onnx_value_kind */
    leati_onnx_tensor *tensor_value;
    leati_onnx_sparse *sparse_tensor_value;
    leati_onnx_sequence *sequence_value;
    leati_onnx_map *map_value;
    leati_onnx_optional *optional_value;
};

/* Tables for leati_pb_decode and leati_pb_encode. */
extern const leati_pb_type leati_onnx_entry_pb, leati_onnx_tensor_pb, leati_onnx_sparse_pb,
    leati_onnx_dim_pb, leati_onnx_shape_pb, leati_onnx_tensor_type_pb, leati_onnx_elem_type_pb,
    leati_onnx_map_type_pb, leati_onnx_opaque_type_pb, leati_onnx_type_pb, leati_onnx_value_info_pb,
    leati_onnx_attribute_pb, leati_onnx_node_pb, leati_onnx_graph_pb, leati_onnx_opset_pb,
    leati_onnx_function_pb, leati_onnx_training_pb, leati_onnx_model_pb, leati_onnx_sequence_pb,
    leati_onnx_map_pb, leati_onnx_optional_pb;

/* "FLOAT", "BFLOAT16"; "type 77" is not a name: NULL outside the list. */
const char *leati_onnx_element_name(int32_t element);
/* Bits of an element as raw data hold it; 0 for texts and outside the list. */
unsigned leati_onnx_element_bits(int32_t element);
/* "float", "ints"; NULL outside the list. */
const char *leati_onnx_attribute_word(int32_t kind);
/* "" for "ai.onnx", else the domain itself. */
const char *leati_onnx_domain(const char *domain);
/* The attribute of that name, or NULL. */
const leati_onnx_attribute *leati_onnx_attribute_find(const leati_onnx_node *node,
                                                      const char *name);

#endif
