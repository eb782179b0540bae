/* Owns: the estimator of ordinary least squares (a thin skin over least_squares.h). */
#include "learn/least_squares.h"

#include <math.h>

typedef struct linear {
    leati_glm_estimator base;
    bool fit_intercept;
} linear;

static const leati_param params[] = {
    {.name = "fit_intercept",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(linear, fit_intercept),
     .standard = "true",
     .doc = "Learn a constant term; without it the plane goes through the origin."},
    {0}};

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    linear *l = (linear *)e;
    return leati_least_squares(c, d, l->fit_intercept, 0, LEATI_LS_AUTO, &l->base.glm);
}

const leati_estimator_class leati_estimator_linear = {
    .name = "linear",
    .title = "linear regression",
    .doc = "Ordinary least squares by pivoted QR refined in twice the working precision, on tall "
           "well-conditioned data by refined normal equations; the solution of least norm where "
           "columns are dependent. A good first model for a numeric target.",
    .traits = LEATI_REGRESSOR | LEATI_LINEAR | LEATI_TAKES_WEIGHTS,
    .size = sizeof(linear),
    .params = params,
    .fit = fit,
    .predict = leati_glm_class_predict,
    .save = leati_glm_class_save,
    .load = leati_glm_class_load,
    .clear = leati_glm_class_clear,
    .importance = leati_glm_class_importance};
