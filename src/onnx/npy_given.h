/* .npy files as inputs of ONNX models. */
#ifndef LEATI_ONNX_NPY_GIVEN_H
#define LEATI_ONNX_NPY_GIVEN_H

#include "base/arena.h"
#include "onnx/import.h"

/* The array of a file as the type that the input wants (f32 where it does not say), in the arena.
 * TYPE names an element that this type does not have: 2.5 or 300 for int8, 1e300 for float32; what
 * a float has no digits for is rounded. str and bytes of UTF-8 go into inputs of texts.
 * UNSUPPORTED: an input that is no tensor, or of complex numbers. */
leat_status leati_npy_given(leati_arena *arena, const char *path, const leati_onnx_value_info *info,
                            leati_otensor *out);

#endif
