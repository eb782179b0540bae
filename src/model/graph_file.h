/* Model files that hold a graph of someone else's making: an ONNX model with what describes it.
 * Format version 2, see docs/model-file.md. */
#ifndef LEATI_MODEL_GRAPH_FILE_H
#define LEATI_MODEL_GRAPH_FILE_H

#include "base/file.h"
#include "io/zip.h"

enum { LEATI_GRAPH_FORMAT = 2 };

/* Writes `path` with the bytes of an ONNX file, which must be sound (leati_onnx_parse). */
leat_status leati_graph_file_write(leat_context *c, const char *name, const void *onnx, size_t size,
                                   const char *path);

/* Whether the bytes are an archive that says it holds a graph; false for all that is damaged. */
bool leati_graph_file_is(leat_context *c, leati_bytes bytes);
/* The ONNX model inside, checked against its hash; a view into `bytes` or memory of its own
 * (leati_zip_data_release). FORMAT: damaged; UNSUPPORTED: newer, or no graph. */
leat_status leati_graph_file_parse(leat_context *c, leati_bytes bytes, const char *name,
                                   leati_zip_data *onnx);

#endif
