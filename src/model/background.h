/* Rows like those a model was trained on, drawn from the reference distributions in its file, each
 * input by itself. */
#ifndef LEATI_MODEL_BACKGROUND_H
#define LEATI_MODEL_BACKGROUND_H

#include <leat/session.h>

/* Fills the first `rows` rows of the session: a Latin hypercube (McKay, Beckman and Conover,
 * Technometrics 1979), so that every input takes each of its values as often as training had it, to
 * within one row. Numbers take the means of the bins, arrays are of one value. UNSUPPORTED: the
 * file has no distribution of an input; FORMAT: it is damaged. */
leat_status leati_background_fill(leat_context *c, leat_session *s, size_t rows, uint64_t seed);

#endif
