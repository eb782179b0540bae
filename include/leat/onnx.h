/* ONNX files: what they hold. */
#ifndef LEAT_ONNX_H
#define LEAT_ONNX_H

#include <leat/context.h>

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

#ifdef __cplusplus
}
#endif

#endif
