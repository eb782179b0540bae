/* Looking into a session: what its rows were set to; setting many at once. */
#ifndef LEATI_MODEL_SESSION_LOOK_H
#define LEATI_MODEL_SESSION_LOOK_H

#include <leat/session.h>

/* Column i is input i, with the values that were set last; texts stand there as levels of the
 * encoder, not as they came. */
const leat_frame *leati_session_frame(const leat_session *s);

/* Sets `rows` rows from `row` on of a session whose inputs are all numbers: values (rows, inputs),
 * f32 or f64, of any alignment; NaN: missing. INVALID, with the number of the value in *wrong: it
 * is infinite; nothing is recorded in the context then. */
leat_status leati_session_set_matrix(leat_session *s, size_t row, size_t rows, const void *values,
                                     bool f32, size_t *wrong);

#endif
