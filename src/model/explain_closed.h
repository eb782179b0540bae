/* Shapley values in closed form, of models that have one: trees (learn/shapley.h), and models that
 * are linear in their features, of which an input's are
 *     f(m with the input's features of x) - f(m),   m: the mean of the background's features
 * (Strumbelj and Kononenko 2014, section 3.3). Models with images have none. */
#ifndef LEATI_MODEL_EXPLAIN_CLOSED_H
#define LEATI_MODEL_EXPLAIN_CLOSED_H

#include <leat/session.h>

typedef struct leati_closed leati_closed;

bool leati_closed_has(const leat_model *m);
/* background: a session whose first `rows` rows are filled, and stay; it is run once. */
leat_status leati_closed_create(leat_context *c, const leat_model *m, leat_session *background,
                                size_t rows, leati_closed **out);
void leati_closed_destroy(leati_closed *k); /* NULL is fine */
/* Rows that the model is asked. */
size_t leati_closed_evaluations(const leati_closed *k);
/* asked: a session that was just run with x as its first row. share (inputs); class SIZE_MAX: a
 * regression. */
leat_status leati_closed_run(leati_closed *k, const leat_session *asked, size_t class,
                             double *share, double *base);

#endif
