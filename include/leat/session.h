/* Prepared prediction: everything a model needs to answer is allocated and compiled once, then one
 * row takes microseconds and allocates nothing.
 *
 *     leat_session *s;
 *     leat_status st = leat_session_create(c, model, 1, &s);
 *     for (;;) {
 *         for (size_t i = 0; st == LEAT_OK && i < 4; i++)
 *             st = leat_session_set_number(s, 0, i, measure(i));
 *         if (st == LEAT_OK) st = leat_session_run(s, 1, false);
 *         if (st == LEAT_OK) use(leat_session_predictions(s)[0]);
 *     }
 *
 * A session belongs to its context and to one thread at a time; any number of sessions share a
 * model. leat_model_predict does the same for tables, with checks of names and types. */
#ifndef LEAT_SESSION_H
#define LEAT_SESSION_H

#include <leat/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_session leat_session;

/* rows: the most that are asked at once, at least 1. The model is retained. All values begin as
 * missing, those of arrays as 0. */
LEAT_API LEAT_CHECKED leat_status leat_session_create(leat_context *context, leat_model *model,
                                                      size_t rows, leat_session **out);
LEAT_API void leat_session_destroy(leat_session *session); /* NULL is fine */

/* One value; `input` as for leat_model_input_name. Values stay until they are set again. INVALID:
 * no such row or input; TYPE: the input is of another kind. */

/* Of numbers, whole numbers and bools; NaN: missing. */
LEAT_API LEAT_CHECKED leat_status leat_session_set_number(leat_session *session, size_t row,
                                                          size_t input, double value);
/* Of texts, and of numbers that the model takes for categories, written as in the table; NULL:
 * missing. A text that was not seen in training is as good as any other such text. */
LEAT_API LEAT_CHECKED leat_status leat_session_set_text(leat_session *session, size_t row,
                                                        size_t input, const char *text);
/* Of times, in microseconds since 1970-01-01T00:00:00Z; INT64_MIN: missing. */
LEAT_API LEAT_CHECKED leat_status leat_session_set_time(leat_session *session, size_t row,
                                                        size_t input, int64_t microseconds);
/* Of arrays: all elements of one row. */
LEAT_API LEAT_CHECKED leat_status leat_session_set_array(leat_session *session, size_t row,
                                                         size_t input, const double *values,
                                                         size_t count);

/* Predicts the first `rows` rows. The first run of a network with so many rows compiles it; from
 * then on nothing is allocated (other estimators may allocate). probabilities: those as well, for
 * classifiers that have them. INVALID: the numbers of a row grow so large within a network that it
 * has no class; a number that is not finite is given as it is. */
LEAT_API LEAT_CHECKED leat_status leat_session_run(leat_session *session, size_t rows,
                                                   bool probabilities);
/* Of the last run: (rows) the number, or the number of the class, see leat_model_class_name. */
LEAT_API const double *leat_session_predictions(const leat_session *session);
/* (rows, classes); NULL where they were not asked for or the model has none. */
LEAT_API const double *leat_session_probabilities(const leat_session *session);

#ifdef __cplusplus
}
#endif

#endif
