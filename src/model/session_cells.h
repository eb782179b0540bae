/* Cells between sessions and tables, for what asks a model about mixtures of rows. */
#ifndef LEATI_MODEL_SESSION_CELLS_H
#define LEATI_MODEL_SESSION_CELLS_H

#include <leat/session.h>

/* Rows and columns of an array, from .. to - 1; of other inputs all is one cell. */
typedef struct leati_patch {
    size_t row_from, row_to, column_from, column_to;
} leati_patch;

/* `count` rows from `row` on take those from `from_row` on, or all of them that one. */
typedef struct leati_run {
    size_t row, from_row, count;
    bool same;
} leati_run;

/* One input, between sessions of one model; patch NULL: the whole value. */
void leati_session_copy(leat_session *to, const leat_session *from, size_t input,
                        const leati_run *run, const leati_patch *patch);
/* All inputs of a row of a frame that conforms to the model's schema. */
leat_status leati_session_set_row(leat_session *s, size_t row, const leat_frame *conforming,
                                  size_t frame_row);
const leat_model *leati_session_model(const leat_session *s);
size_t leati_session_rows(const leat_session *s);

#endif
