/* What a model holds, in words. */
#ifndef LEATI_MODEL_ONNX_DESCRIBE_H
#define LEATI_MODEL_ONNX_DESCRIBE_H

#include <leat/json.h>

#include "model/onnx_proto.h"

/* A checked model as lines for people and as the members of a JSON object. `name` is a path. */
leat_status leati_onnx_describe(leat_context *c, const leati_onnx_model *model, const char *name,
                                leati_str *text, leat_json *json);

/* "float32", "int8", "text": as NumPy names them. Never NULL. */
const char *leati_onnx_element_word(int32_t element);
/* Appends "float32 (batch, 3, ?)", "sequence of int64", "map of text to float32". */
void leati_onnx_type_text(leati_str *out, const leati_onnx_type *type);

#endif
