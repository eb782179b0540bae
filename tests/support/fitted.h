/* Models fitted without an experiment around them. */
#ifndef LEATTEST_FITTED_H
#define LEATTEST_FITTED_H

#include <leat/model.h>

/* The estimator fitted to all rows. drop: columns to leave out, separated by '|', or NULL; params:
 * "C=10|kernel=poly" or NULL; preprocess: "auto", ... NULL with an error recorded on failure. */
leat_model *leattest_model(leat_context *c, const leat_frame *f, const char *target,
                           const char *drop, const char *estimator, const char *params,
                           const char *preprocess);

/* 48 numbers and a class that depends on them; whole: from 0 to 9, with zeros at the end. */
leat_frame *leattest_numbers(leat_context *c, size_t rows, bool whole);

/* What the model says of all rows: value (rows) the number or the class's number; out (rows,
 * classes) probabilities, or scores where it has none. */
leat_status leattest_answers(leat_context *c, const leat_model *m, const leat_frame *f,
                             double *value, double *out);

#endif
