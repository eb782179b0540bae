/* Models in other forms: one file of C, ONNX, plain arrays. What each holds: docs/export.md. */
#ifndef LEAT_EXCHANGE_H
#define LEAT_EXCHANGE_H

#include <leat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, suffix, doc): a row per format. */
#define LEAT_EXPORT_LIST(X)                                                                        \
    X(c, ".c", "one C99 file that predicts: no allocation, no library but libm")                   \
    X(onnx, ".onnx", "an ONNX model for batches of any size")                                      \
    X(safetensors, ".safetensors", "what was learned, as named arrays in safetensors")             \
    X(npz, ".npz", "what was learned, as named arrays for NumPy")

typedef struct leat_export_options {
    uint32_t struct_size;
    const char *name; /* what the result is called inside; NULL: the name of the model */
} leat_export_options;
LEAT_API leat_export_options leat_export_options_default(void);

/* The name of a format and the usual end of its files; false when i is past the last. */
LEAT_API bool leat_export_format_at(size_t i, const char **name, const char **suffix);

/* Writes the model to `path`, atomically ("-": standard output). options may be NULL. INVALID: no
 * such format. UNSUPPORTED: something of the model has no form there; the message names it. */
LEAT_API LEAT_CHECKED leat_status leat_model_export(leat_context *context, const leat_model *model,
                                                    const char *format, const char *path,
                                                    const leat_export_options *options);

/* Reads an ONNX file and writes a model file that holds it: `leat run`, `leat show` and
 * leat_onnx_model_open take it. UNSUPPORTED names every operator that Leat does not compute.
 * Weights that lie in files beside the model, as PyTorch writes them, go into the model file. */
LEAT_API LEAT_CHECKED leat_status leat_model_import(leat_context *context, const char *from,
                                                    const char *to,
                                                    const leat_export_options *options);

typedef struct leat_graph_options {
    uint32_t struct_size;
    const char *name;           /* of the model; NULL: the file's */
    const char *target;         /* the column of the table that the graph predicts; needed */
    const char *const *classes; /* what its classes are called, in its order; NULL: as the file and
                                   the target say */
    size_t class_count;
} leat_graph_options;
LEAT_API leat_graph_options leat_graph_options_default(void);

/* Makes a model like those that are fitted of an ONNX file and a table: the columns are its inputs,
 * by name where the graph has several (batch) or (batch, 1), else all but the target in their order
 * (of a graph that takes arrays: the one column of arrays). The table's distributions, and how good
 * the graph is on its rows, stand in the model as the reference of leat/monitor.h: take rows that
 * the graph was not trained on, where there are such. What outputs may be: docs/onnx.md.
 * UNSUPPORTED: inputs or outputs that are no rows of a table, as sequences are; NOT_FOUND, SHAPE,
 * TYPE: columns that do not fit; INVALID: no target, or classes that nothing says the names of.
 * Values are given to the graph as they stand, missing ones as NaN. */
LEAT_API LEAT_CHECKED leat_status leat_model_from_graph(leat_context *context, leat_model **out,
                                                        const char *from,
                                                        const struct leat_frame *table,
                                                        const leat_graph_options *options);

/* The graph of a model file that leat_model_import wrote: as "onnx", byte for byte the file it came
 * from (with the weights inside that lay beside it), or its weights as "safetensors" or "npz": the
 * initialisers and tensors of Constant nodes by their names, those inside a node below
 * "NODE.ATTRIBUTE/". `from` may be an ONNX file, too, for its weights, also where they lie beside
 * it. options may be NULL; a name is refused. UNSUPPORTED names a weight that has no form in the
 * format, such as one of texts. */
LEAT_API LEAT_CHECKED leat_status leat_graph_export(leat_context *context, const char *from,
                                                    const char *format, const char *to,
                                                    const leat_export_options *options);

#ifdef __cplusplus
}
#endif

#endif
