/* Building ONNX models and writing them.
 *
 * A builder owns an arena; texts and lists are copied into it, tensor data are not and must outlive
 * it. Calls on a failed builder do nothing and return NULL: check once, by
 * leati_onnx_builder_status or by writing. Pointers to nodes, graphs and values hold until the next
 * one is added beside them. */
#ifndef LEATI_MODEL_ONNX_WRITE_H
#define LEATI_MODEL_ONNX_WRITE_H

#include "model/onnx_proto.h"

enum { LEATI_ONNX_WRITE_IR = 8, LEATI_ONNX_WRITE_OPSET = 17 };

typedef struct leati_onnx_builder {
    leati_arena arena;
    leati_onnx_model *model; /* with an empty graph; fields may be set directly */
    leat_status status;
} leati_onnx_builder;

/* IR version 8, opset 17 of ai.onnx, producer leat: what every runtime since 2022 reads. */
void leati_onnx_builder_init(leati_onnx_builder *b, leat_context *c, const char *graph_name);
void leati_onnx_builder_fini(leati_onnx_builder *b);
leat_status leati_onnx_builder_status(const leati_onnx_builder *b);

/* Sets the version of a domain. */
void leati_onnx_add_opset(leati_onnx_builder *b, const char *domain, int64_t version);
void leati_onnx_add_metadata(leati_onnx_builder *b, const char *key, const char *value);

/* A graph for an attribute (leati_onnx_set_graph); not part of the model until then. */
leati_onnx_graph *leati_onnx_new_graph(leati_onnx_builder *b, const char *name);
/* A function with the operator versions set so far; its domain gets version 1 if it has none. */
leati_onnx_function *leati_onnx_add_function(leati_onnx_builder *b, const char *domain,
                                             const char *name, const char *const *inputs,
                                             const char *const *outputs);

/* `inputs` and `outputs` end with NULL; "" leaves an optional one out. */
leati_onnx_node *leati_onnx_add_node(leati_onnx_builder *b, leati_onnx_graph *g, const char *op,
                                     const char *const *inputs, const char *const *outputs);
leati_onnx_node *leati_onnx_add_function_node(leati_onnx_builder *b, leati_onnx_function *f,
                                              const char *op, const char *const *inputs,
                                              const char *const *outputs);
void leati_onnx_set_domain(leati_onnx_builder *b, leati_onnx_node *n, const char *domain);

void leati_onnx_set_int(leati_onnx_builder *b, leati_onnx_node *n, const char *name, int64_t value);
void leati_onnx_set_float(leati_onnx_builder *b, leati_onnx_node *n, const char *name, float value);
void leati_onnx_set_text(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                         const char *value);
void leati_onnx_set_ints(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                         const int64_t *values, size_t count);
void leati_onnx_set_floats(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                           const float *values, size_t count);
void leati_onnx_set_texts(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                          const char *const *values, size_t count);
void leati_onnx_set_tensor(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                           leati_onnx_tensor *value);
void leati_onnx_set_graph(leati_onnx_builder *b, leati_onnx_node *n, const char *name,
                          leati_onnx_graph *value);

/* `data`: dense elements, as leati_onnx_bytes counts them; borrowed. */
leati_onnx_tensor *leati_onnx_new_tensor(leati_onnx_builder *b, const char *name, int32_t element,
                                         const int64_t *dims, size_t rank, const void *data);
leati_onnx_tensor *leati_onnx_add_initializer(leati_onnx_builder *b, leati_onnx_graph *g,
                                              const char *name, int32_t element,
                                              const int64_t *dims, size_t rank, const void *data);

/* Inputs and outputs of a graph, tensors of `element`. A dim of -1 is named by the same entry of
 * `names` ("batch") or, where names or the entry is NULL, unknown. */
void leati_onnx_add_input(leati_onnx_builder *b, leati_onnx_graph *g, const char *name,
                          int32_t element, const int64_t *dims, size_t rank,
                          const char *const *names);
void leati_onnx_add_output(leati_onnx_builder *b, leati_onnx_graph *g, const char *name,
                           int32_t element, const int64_t *dims, size_t rank,
                           const char *const *names);

/* Checks the model (leati_onnx_check) and writes the file, atomically. LIMIT: 2 GiB or more, which
 * the format does not allow in one file. */
leat_status leati_onnx_write(leat_context *c, const leati_onnx_model *model, const char *path);

#endif
