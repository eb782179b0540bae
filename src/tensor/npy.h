/* NumPy's .npy format (versions 1.0, 2.0, 3.0) and the array descriptor shared with IDX files.
 *
 * Source: numpy/lib/format.py, "Format Version 1.0 / 2.0 / 3.0". */
#ifndef LEATI_TENSOR_NPY_H
#define LEATI_TENSOR_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

enum { LEATI_ARRAY_DIMS = 8 };

typedef enum leati_element {
    LEATI_EL_BOOL,
    LEATI_EL_U8,
    LEATI_EL_I8,
    LEATI_EL_U16,
    LEATI_EL_I16,
    LEATI_EL_U32,
    LEATI_EL_I32,
    LEATI_EL_U64,
    LEATI_EL_I64,
    LEATI_EL_F16,
    LEATI_EL_F32,
    LEATI_EL_F64,
    LEATI_EL_BYTES, /* `width` bytes of text, filled up with zeros */
    LEATI_EL_UCS4   /* `width` / 4 code points, filled up with zeros */
} leati_element;

/* Elements somewhere in a file: unaligned, perhaps in foreign byte order. Borrows the bytes. */
typedef struct leati_foreign {
    leati_element element;
    size_t width;    /* bytes per element */
    bool big_endian; /* of each number or code point */
    bool fortran;    /* first index varies fastest */
    int dims;
    size_t shape[LEATI_ARRAY_DIMS];
    size_t count; /* of elements: the product of shape */
    const uint8_t *data;
} leati_foreign;

/* `name` appears in messages. FORMAT: not .npy, cut short, too many dimensions; UNSUPPORTED:
 * structured, object, complex, date and long double arrays. Bytes after the array are ignored. */
leat_status leati_npy_parse(leat_context *c, leati_foreign *out, const void *data, size_t size,
                            const char *name);

/* Element number `index` in file order as a number; text elements give NaN. */
double leati_foreign_number(const leati_foreign *a, size_t index);
/* The same for whole numbers and booleans (u64 wraps; others give 0). */
int64_t leati_foreign_whole(const leati_foreign *a, size_t index);
/* Position in the file of the element with C-order number `index`. */
size_t leati_foreign_position(const leati_foreign *a, size_t index);
bool leati_element_is_text(leati_element e);
bool leati_element_is_float(leati_element e);

/* Header of a version 1.0 file: little endian, C order. `descr` such as "<f8". Returns its length,
 * a multiple of 64, at most 256; dims <= 8. */
size_t leati_npy_header(char out[256], const char *descr, const size_t *shape, int dims);

#endif
