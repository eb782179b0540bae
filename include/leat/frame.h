/* Frames: tables of typed columns with missing values.
 *
 * A frame is immutable and reference counted; columns are shared between frames, so selecting and
 * renaming columns copies nothing. Frames may be read from any thread. Text is UTF-8. */
#ifndef LEAT_FRAME_H
#define LEAT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>
#include <leat/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_frame leat_frame;

typedef enum leat_type {
    LEAT_F64,    /* number */
    LEAT_I64,    /* whole number */
    LEAT_BOOL,   /* 0 or 1 */
    LEAT_STRING, /* text, dictionary coded: category or free text */
    LEAT_TIME,   /* microseconds since 1970-01-01T00:00:00Z */
    LEAT_ARRAY   /* a block of numbers per row, e.g. an image of 28 x 28 bytes */
} leat_type;

/* "number", "whole", "bool", "text", "time", "array". */
LEAT_API const char *leat_type_name(leat_type type);

LEAT_API leat_frame *leat_frame_retain(leat_frame *frame);
LEAT_API void leat_frame_release(leat_frame *frame); /* NULL is fine */

/* *out: a frame with column `column` of `from` before all columns of `frame`; both have as many
 * rows. SHAPE: they have not; INVALID: a name would stand twice. */
LEAT_API LEAT_CHECKED leat_status leat_frame_lead(leat_context *context, const leat_frame *frame,
                                                  const leat_frame *from, size_t column,
                                                  leat_frame **out);

LEAT_API size_t leat_frame_rows(const leat_frame *frame);
LEAT_API size_t leat_frame_columns(const leat_frame *frame);
/* Column numbers from 0; out of range gives NULL, 0 or false. */
LEAT_API const char *leat_frame_name(const leat_frame *frame, size_t column);
LEAT_API leat_type leat_frame_type(const leat_frame *frame, size_t column);
LEAT_API size_t leat_frame_missing(const leat_frame *frame, size_t column);
LEAT_API bool leat_frame_find(const leat_frame *frame, const char *name, size_t *column);
/* NOT_FOUND with a "did you mean" and the list of columns. */
LEAT_API LEAT_CHECKED leat_status leat_frame_require(leat_context *context, const leat_frame *frame,
                                                     const char *name, size_t *column);
/* One value; false when missing or of another kind. number: of F64, I64, BOOL, TIME; whole: of
 * those but F64, exactly. */
LEAT_API bool leat_frame_number(const leat_frame *frame, size_t column, size_t row, double *out);
LEAT_API bool leat_frame_whole(const leat_frame *frame, size_t column, size_t row, int64_t *out);
LEAT_API bool leat_frame_text(const leat_frame *frame, size_t column, size_t row, const char **text,
                              size_t *length);

/* Of one row: (H, W, C) of an array, 1 where unused; a scalar of other columns. Rank -1 of text. */
LEAT_API leat_shape leat_frame_shape(const leat_frame *frame, size_t column);
/* The whole column as numbers (rows, shape...), bytes as 0 to 255, times as seconds, NaN where
 * missing. `count` is the room in `out`. Errors: TYPE (text), SHAPE (another count). */
LEAT_API LEAT_CHECKED leat_status leat_frame_values(leat_context *context, const leat_frame *frame,
                                                    size_t column, float *out, size_t count);
/* The whole column of text as numbers of its levels (rows), -1 where missing. Levels are the
 * distinct texts, in the order of the data set or of first appearance. Errors: TYPE, SHAPE. */
LEAT_API LEAT_CHECKED leat_status leat_frame_codes(leat_context *context, const leat_frame *frame,
                                                   size_t column, int64_t *out, size_t count);
LEAT_API size_t leat_frame_levels(const leat_frame *frame, size_t column); /* 0 of other types */
LEAT_API const char *leat_frame_level(const leat_frame *frame, size_t column, size_t level);

#ifdef __cplusplus
}
#endif

#endif
