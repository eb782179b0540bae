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
 * is not a letter, a digit, '-' or '_', and _2, _3, ... where another output has that name; those
 * of a sequence to NAME_0, NAME_1, ... Texts become str, floats that NumPy does not have (bfloat16
 * and those of 8 and 4 bits) float32, whole numbers of 4 and 2 bits int8 and uint8; an optional
 * without a value has no file. `got`: computed, in the order of the graph. The list is in the
 * arena. */
leat_status leati_npy_write_outputs(leati_arena *arena, const char *folder,
                                    const leati_onnx_graph *g, leati_oval *const *got,
                                    leati_npy_files *out);

#endif
