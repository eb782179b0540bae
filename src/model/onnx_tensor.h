/* The elements of ONNX tensors: counting, checking against the data, reading. */
#ifndef LEATI_MODEL_ONNX_TENSOR_H
#define LEATI_MODEL_ONNX_TENSOR_H

#include "model/onnx_proto.h"

/* Elements by the dims. FORMAT: a negative dim or a product that overflows. A file of a few bytes
 * may announce any number: allocate only after leati_onnx_tensor_check. */
leat_status leati_onnx_tensor_count(leat_context *c, const leati_onnx_tensor *t, size_t *count);

/* Bytes that `count` elements have as raw data: elements under 8 bits are packed, the first in the
 * lowest bits. 0 for texts; SIZE_MAX on overflow. */
size_t leati_onnx_bytes(int32_t element, size_t count);

/* Whether type, dims and data agree: a known type, data in the field that belongs to the type, and
 * exactly as many elements as the dims say. Of external data only the description is checked. */
leat_status leati_onnx_tensor_check(leat_context *c, const leati_onnx_tensor *t);

bool leati_onnx_tensor_is_external(const leati_onnx_tensor *t);

/* The elements of a checked tensor that is neither of texts nor external, laid out as raw data:
 * dense, row by row, in the order of bytes of the machine. `bytes` is the size of `out`, which must
 * be leati_onnx_bytes. Bools become 0 or 1. */
leat_status leati_onnx_tensor_read(leat_context *c, const leati_onnx_tensor *t, void *out,
                                   size_t bytes);

/* Anything but 0 becomes 1. */
void leati_onnx_normalise_bools(uint8_t *p, size_t count);

#endif
