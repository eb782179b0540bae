/* Rows of a frame as the JSON that a server reads, and its answers as columns. */
#ifndef LEATI_CLIENT_ROWS_OUT_H
#define LEATI_CLIENT_ROWS_OUT_H

#include "base/str.h"
#include "frame/frame.h"

/* What a model says of itself at GET /api/v1/MODEL. */
typedef struct leati_model_sheet {
    char **input; /* (inputs) names */
    size_t inputs;
    char **class; /* (classes) their texts; NULL for regression */
    size_t classes;
    leat_type answer; /* F64, I64 or STRING */
    bool probabilities;
} leati_model_sheet;

/* Errors: FORMAT (it is no description), NOMEM. */
leat_status leati_model_sheet_read(leat_context *c, leati_model_sheet *out, const char *text,
                                   size_t length);
void leati_model_sheet_fini(leati_model_sheet *s);

/* Adds [[...],...] of rows from .. to, which is no object whose members could be inputs of the
 * model; column[i] is the column of input i. Missing values are null, times ISO 8601, arrays flat.
 */
void leati_rows_out(leati_str *out, const leat_frame *f, const leati_model_sheet *s,
                    const size_t *column, size_t from, size_t to);

/* The answer to `rows` rows: value (rows) the number, or the class's number; proba (rows, classes)
 * or NULL where nobody asks. `c` is of the calling thread. Errors: FORMAT. */
leat_status leati_answers_read(leat_context *c, const leati_model_sheet *s, const char *text,
                               size_t length, size_t rows, double *value, double *proba);

#endif
