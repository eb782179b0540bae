/* Frames from arrays: .npy and .npz files (NumPy) and IDX files (the MNIST family).
 *
 * The first dimension counts rows. One dimension gives one column (whole, number, bool or text).
 * Two dimensions give a column per number up to LEATI_ARRAY_COLUMNS of them (`x1`, `x2`, ...; just
 * `x` if there is one); more columns, or three or four dimensions, give one ARRAY column (height,
 * width, channels) that keeps bytes and f32 as they are and widens the rest to f64. */
#ifndef LEATI_FRAME_FOREIGN_H
#define LEATI_FRAME_FOREIGN_H

#include "base/file.h"
#include "base/str.h"
#include "frame/frame.h"
#include "tensor/npy.h"

enum { LEATI_ARRAY_COLUMNS = 256 };

/* Adds the columns of `a` to `f`, whose number of rows must be that of `a` (SHAPE). LIMIT: text of
 * more columns, or of more empty elements, than a file of a few bytes should have made. */
leat_status leati_foreign_add(leat_context *c, leat_frame *f, const char *name,
                              const leati_foreign *a);
size_t leati_foreign_rows(const leati_foreign *a);

/* Text element number `at` in file order in place of what `out` holds, as UTF-8; bytes as they are.
 */
void leati_foreign_text(const leati_foreign *a, size_t at, leati_str *out);
/* The first `most` characters of UTF-8 as code points, which elements of NumPy's str are; returns
 * how many. to == NULL only counts. */
size_t leati_utf8_points(const char *text, size_t n, uint32_t *to, size_t most);

/* The bytes are not kept. `path` appears in messages and names the columns of a .npy file. */
leat_status leati_npy_frame(leat_context *c, leat_frame **out, leati_bytes bytes, const char *path);
/* Every member is an array with the same number of rows; the columns are named by it. */
leat_status leati_npz_frame(leat_context *c, leat_frame **out, leati_bytes bytes, const char *path);
/* Not compressed. One dimension: a column `label`; three or four: an ARRAY column `image`. */
leat_status leati_idx_frame(leat_context *c, leat_frame **out, leati_bytes bytes, const char *path);

/* A .npz archive with one member per column: f64, i64, bool, unicode text, blocks of numbers. */
leat_status leati_npz_write(leat_context *c, const leat_frame *f, leati_writer *to);
/* One (rows, columns) array of f64; TYPE if a column is text. ARRAY columns: as the only one. */
leat_status leati_npy_write(leat_context *c, const leat_frame *f, leati_writer *to);

#endif
