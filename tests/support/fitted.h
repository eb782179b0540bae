/* Models fitted without an experiment around them. */
#ifndef LEATTEST_FITTED_H
#define LEATTEST_FITTED_H

#include <leat/model.h>

/* The estimator fitted to all rows. drop: columns to leave out, separated by '|', or NULL; params:
 * "C=10|kernel=poly" or NULL; preprocess: "auto", ... NULL with an error recorded on failure. */
leat_model *leattest_model(leat_context *c, const leat_frame *f, const char *target,
                           const char *drop, const char *estimator, const char *params,
                           const char *preprocess);

#endif
