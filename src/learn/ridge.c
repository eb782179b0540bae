/* Owns: the estimator of ridge regression (a thin skin over least_squares.h). */
#include "learn/least_squares.h"

#include <math.h>

typedef struct ridge {
    leati_glm_estimator base;
    double alpha;
    bool fit_intercept;
    int solver; /* leati_ls_method */
} ridge;

static const leati_param params[] = {
    {.name = "alpha",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(ridge, alpha),
     .standard = "1",
     .least = 0,
     .most = INFINITY,
     .grid = "0.001,0.01,0.1,1,10,100,1000",
     .doc = "Strength of the L2 penalty on the coefficients; 0 is ordinary least squares."},
    {.name = "fit_intercept",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(ridge, fit_intercept),
     .standard = "true",
     .doc = "Learn a constant term, which is not penalised."},
    {.name = "solver",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(ridge, solver),
     .standard = "auto",
     .choices = "auto|cholesky|qr",
     .doc = "auto takes Cholesky (of the dual where features outnumber rows) unless the data are "
            "too ill-conditioned for it, then QR."},
    {0}};

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    ridge *r = (ridge *)e;
    return leati_least_squares(c, d, r->fit_intercept, r->alpha, (leati_ls_method)r->solver,
                               &r->base.glm);
}

const leati_estimator_class leati_estimator_ridge = {
    .name = "ridge",
    .title = "ridge regression",
    .doc = "Least squares with an L2 penalty (Hoerl and Kennard 1970), which keeps coefficients "
           "small where features are correlated or many.",
    .traits = LEATI_REGRESSOR | LEATI_LINEAR | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING,
    .size = sizeof(ridge),
    .params = params,
    .fit = fit,
    .predict = leati_glm_class_predict,
    .save = leati_glm_class_save,
    .load = leati_glm_class_load,
    .clear = leati_glm_class_clear,
    .importance = leati_glm_class_importance};
