/* Sequences, maps and optionals as files of test data hold them. */
#ifndef LEATI_MODEL_ONNX_VALUE_H
#define LEATI_MODEL_ONNX_VALUE_H

#include "model/onnx_proto.h"

/* Elements lie where the kind says and nowhere else, tensors are sound (leati_onnx_tensor_check), a
 * map has a value for every key. FORMAT; UNSUPPORTED: sparse tensors. */
leat_status leati_onnx_sequence_check(leat_context *c, const leati_onnx_sequence *s);
leat_status leati_onnx_optional_check(leat_context *c, const leati_onnx_optional *o);

/* Elements of a checked sequence. */
size_t leati_onnx_sequence_count(const leati_onnx_sequence *s);

#endif
