/* Owns: the lasso estimator, an elastic net without its L2 part. */
#include <math.h>

#include "learn/elastic_net.h"

static const leati_param params[] = {LEATI_ELASTIC_NET_ALPHA, LEATI_ELASTIC_NET_REST};

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    ((leati_elastic_net *)e)->l1_ratio = 1;
    return leati_elastic_net_fit(e, c, d);
}

const leati_estimator_class leati_estimator_lasso = {
    .name = "lasso",
    .title = "lasso",
    .doc = "Least squares with an L1 penalty (Tibshirani 1996) by coordinate descent: most "
           "coefficients become exactly 0, so it selects features.",
    .traits =
        LEATI_REGRESSOR | LEATI_LINEAR | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING | LEATI_RANDOM,
    .size = sizeof(leati_elastic_net),
    .params = params,
    .fit = fit,
    .predict = leati_glm_class_predict,
    .save = leati_glm_class_save,
    .load = leati_glm_class_load,
    .clear = leati_glm_class_clear,
    .importance = leati_glm_class_importance};
