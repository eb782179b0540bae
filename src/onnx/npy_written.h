/* Outputs of ONNX models as .npy files. */
#ifndef LEATI_ONNX_NPY_WRITTEN_H
#define LEATI_ONNX_NPY_WRITTEN_H

#include "base/arena.h"
#include "onnx/import.h"

typedef struct leati_npy_file {
    const char *output; /* the name in the model */
    const char *path;
    int32_t element;
    leat_shape shape;
} leati_npy_file;

typedef struct leati_npy_files {
    leati_npy_file *at;
    size_t count;
} leati_npy_files;

/* Writes each output to a file of its own in `folder`, which is made: NAME.npy, with '_' for what
 * is not a letter, a digit, '-' or '_', and _2, _3, ... where another output has that name. `got`:
 * computed, in the order of the graph. The list is in the arena. UNSUPPORTED: an output that .npy
 * does not hold; nothing is written then. */
leat_status leati_npy_write_outputs(leati_arena *arena, const char *folder,
                                    const leati_onnx_graph *g, leati_oval *const *got,
                                    leati_npy_files *out);

#endif
