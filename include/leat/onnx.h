/* ONNX files: what they hold, and running them. */
#ifndef LEAT_ONNX_H
#define LEAT_ONNX_H

#include <stdbool.h>

#include <leat/context.h>
#include <leat/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A description of an ONNX model. */
typedef struct leat_onnx_summary leat_onnx_summary;

/* Reads the file and checks its structure. FORMAT: damaged, truncated or not an ONNX model, with
 * the message, the field and the offset; UNSUPPORTED: sparse tensors or operators newer than this
 * build knows. Data in files beside the model are not read. */
LEAT_API LEAT_CHECKED leat_status leat_onnx_summary_create(leat_context *context,
                                                           leat_onnx_summary **out,
                                                           const char *path);
LEAT_API void leat_onnx_summary_destroy(leat_onnx_summary *summary); /* NULL is fine */

/* For people: versions, inputs, outputs, parameters, operators with their counts. Lines end with a
 * newline; control characters of the file's names have become '?'. */
LEAT_API const char *leat_onnx_summary_text(const leat_onnx_summary *summary);
/* The same as a JSON object. */
LEAT_API const char *leat_onnx_summary_json(const leat_onnx_summary *summary);

/* A model that runs. Its weights lie on the device; one thread at a time may use it. */
typedef struct leat_onnx_model leat_onnx_model;

/* A dense tensor, row by row. */
typedef struct leat_array {
    leat_dtype dtype;
    leat_shape shape;
    const void *data;
} leat_array;

/* An ONNX file, or a model file that holds one (leat_model_import).
 * device: "cpu" (also for NULL), "reference" or "simulated". Errors of the file as above;
 * UNSUPPORTED names every operator that Leat does not compute, at once. */
LEAT_API LEAT_CHECKED leat_status leat_onnx_model_open(leat_context *context, const char *path,
                                                       const char *device, leat_onnx_model **out);
LEAT_API void leat_onnx_model_close(leat_onnx_model *model); /* NULL is fine */

/* Inputs that have no default, and outputs; names belong to the model. */
LEAT_API size_t leat_onnx_model_inputs(const leat_onnx_model *model);
LEAT_API const char *leat_onnx_model_input_name(const leat_onnx_model *model, size_t i);
LEAT_API size_t leat_onnx_model_outputs(const leat_onnx_model *model);
LEAT_API const char *leat_onnx_model_output_name(const leat_onnx_model *model, size_t i);

/* What the file says of an input or output: it may say less than there will be. */
typedef struct leat_onnx_value {
    const char *name;
    const char *type; /* of the elements, as NumPy names them: "float32", "int64", "text" for texts;
                         "": it is no tensor, as a sequence or a map */
    int rank;         /* -1: not said */
    int64_t dim[LEAT_MAX_RANK];          /* -1: any */
    const char *dim_name[LEAT_MAX_RANK]; /* "batch"; NULL: none */
} leat_onnx_value;
/* False: there are no more. Texts belong to the model. */
LEAT_API bool leat_onnx_model_input(const leat_onnx_model *model, size_t i, leat_onnx_value *out);
LEAT_API bool leat_onnx_model_output(const leat_onnx_model *model, size_t i, leat_onnx_value *out);

/* Computes the outputs; their data hold until the next run. Runs with inputs of the shapes of the
 * last time reuse its plan and allocate nothing, unless shapes in the model depend on values.
 * SHAPE: an input of another shape than the file announces, or dimensions of one name ("batch") of
 * several sizes. UNSUPPORTED: an output that is no tensor of numbers. */
LEAT_API LEAT_CHECKED leat_status leat_onnx_model_run(leat_onnx_model *model,
                                                      const leat_array *inputs,
                                                      leat_array *outputs);
/* The rows of a table through the model. An input (batch) or (batch, 1) is the column of its name,
 * texts too; an only input (batch, n) all columns, of numbers, in order; an array input a column of
 * arrays of its shape. Outputs of numbers and texts become columns: NAME, or NAME_0, NAME_1, ... of
 * (batch, n), with the labels of ZipMap in place of 0, 1, ... where that makes the output. Missing
 * numbers are NaN, missing texts "", times microseconds since 1970. */
struct leat_frame;
LEAT_API LEAT_CHECKED leat_status leat_onnx_model_predict(leat_onnx_model *model,
                                                          const struct leat_frame *frame,
                                                          struct leat_frame **out);
/* leat_onnx_model_run on .npy files: inputs in the model's order, converted to the types it wants
 * (TYPE: an element that the type does not have, such as 2.5 for int64; str for texts). Output i is
 * written to `folder`/<name>.npy, with '_' for what is not a letter, a digit, '-' or '_' in the
 * name, and _2, _3, ... behind it where another output's file is called so; a sequence to
 * <name>_0.npy, <name>_1.npy, ... Texts become str; types that NumPy does not have the next that
 * has all their values, such as float32. UNSUPPORTED: an input that is no tensor. */
LEAT_API LEAT_CHECKED leat_status leat_onnx_model_run_npy(leat_onnx_model *model,
                                                          const char *const *inputs,
                                                          const char *folder);

/* A file of the last leat_onnx_model_run_npy; texts hold until the next. */
typedef struct leat_onnx_file {
    const char *output; /* the name in the model */
    const char *path;
    const char *type; /* of the elements in the model: "float32", "int64", ... */
    leat_shape shape;
} leat_onnx_file;
/* False: there are no more. */
LEAT_API bool leat_onnx_model_file_at(const leat_onnx_model *model, size_t i, leat_onnx_file *out);

#ifdef __cplusplus
}
#endif

#endif
