/* Numbers as they come, row by row, to the matrix an estimator sees: the same bits as
 * leati_encoder_fill gives from a table of them, without the table. */
#ifndef LEATI_LEARN_ENCODER_ROWS_H
#define LEATI_LEARN_ENCODER_ROWS_H

#include "learn/encoder.h"

/* Whether the encoder makes one feature of each of `inputs` columns of numbers, in their order. */
bool leati_encoder_takes_rows(const leati_encoder *e, size_t inputs);

/* values: (rows, width) f32 or f64, of any alignment; NaN: missing. to: (rows, width) f32 or f64,
 * as the recipe says; *x points to it, or to values that need no change. Returns SIZE_MAX, or the
 * number of the first value that is infinite: then *x holds nothing of use. */
size_t leati_encoder_fill_rows(const leat_context *c, const leati_encoder *e, const void *values,
                               bool f32, size_t rows, void *to, leati_matrix *x);

#endif
