/* ONNX files: opening, and data that lie in files beside. */
#ifndef LEATI_MODEL_ONNX_FILE_H
#define LEATI_MODEL_ONNX_FILE_H

#include "base/file.h"
#include "model/onnx_proto.h"

typedef struct leati_onnx_beside { /* a file of external data */
    char *location;
    leati_bytes bytes;
} leati_onnx_beside;

/* An open file: the model and what it views. */
typedef struct leati_onnx {
    leati_arena arena;
    leati_bytes bytes;
    char *path; /* NULL: from memory */
    leati_onnx_model *model;
    leati_onnx_beside *beside;
    size_t beside_count, beside_capacity;
} leati_onnx;

/* Maps and decodes a model and checks its structure (leati_onnx_check): what is open is sound.
 * Errors name the file. */
leat_status leati_onnx_open(leat_context *c, leati_onnx **out, const char *path);
/* The same from memory, which must outlive the result; external data are refused. */
leat_status leati_onnx_parse(leat_context *c, leati_onnx **out, const void *data, size_t size,
                             const char *name);
void leati_onnx_close(leati_onnx *file); /* NULL is fine */

/* The bytes of a sound ONNX file that stands alone (leati_onnx_parse takes it): the file as it is
 * or, where data lie beside it, the same model with them inside. Errors as leati_onnx_open and
 * leati_onnx_tensor_data. */
leat_status leati_onnx_read_whole(leat_context *c, leati_bytes *out, const char *path);

/* The raw data of a checked tensor without a copy: its raw_data, or its part of a file beside the
 * model, which is mapped on first use (not thread-safe). *out is {NULL, 0} when the data are in a
 * typed field or texts. Bools may have other values than 0 and 1.
 *
 * A file beside must lie in the folder of the model, also when links are followed (the folder of
 * the model's path or, for a linked model, of the file it names): INVALID for absolute paths and
 * "..", NOT_FOUND, FORMAT when it is shorter than the tensor's place or the length is not that of
 * the elements. */
leat_status leati_onnx_tensor_data(leat_context *c, leati_onnx *file, const leati_onnx_tensor *t,
                                   leati_pb_bytes *out);

/* The elements of a checked tensor wherever they are, as leati_onnx_tensor_read gives them. Not of
 * texts. */
leat_status leati_onnx_tensor_load(leat_context *c, leati_onnx *file, const leati_onnx_tensor *t,
                                   void *out, size_t bytes);

#endif
