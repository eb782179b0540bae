/* Looking into a session: what its rows were set to; setting many at once. */
#ifndef LEATI_MODEL_SESSION_LOOK_H
#define LEATI_MODEL_SESSION_LOOK_H

#include <leat/session.h>

#include "learn/dataset.h"

/* Column i is input i, with the values that were set last; texts stand there as levels of the
 * encoder, not as they came. */
const leat_frame *leati_session_frame(const leat_session *s);

/* The features of the first `rows` rows of the last run, which had as many; until the next one. */
leati_matrix leati_session_matrix(const leat_session *s, size_t rows);

/* Whether the inputs are numbers alone, each of them one feature. */
bool leati_session_takes_rows(const leat_session *s);
/* Runs with such rows, which are not set: values (rows, inputs), f32 or f64, of any alignment; NaN:
 * missing. value (rows) and proba (rows, classes; NULL: none) get what leat_session_predictions and
 * leat_session_probabilities would tell of rows that were set; these have nothing after it.
 * INVALID, with the number of the value in *wrong: it is infinite; nothing is recorded in the
 * context then. *wrong is SIZE_MAX otherwise. */
leat_status leati_session_run_rows(leat_session *s, const void *values, bool f32, size_t rows,
                                   double *value, double *proba, size_t *wrong);

/* Sets `rows` rows from `row` on of a session whose inputs are all numbers: values (rows, inputs),
 * f32 or f64, of any alignment; NaN: missing. INVALID, with the number of the value in *wrong: it
 * is infinite; nothing is recorded in the context then. */
leat_status leati_session_set_matrix(leat_session *s, size_t row, size_t rows, const void *values,
                                     bool f32, size_t *wrong);

#endif
