/* Owns: the elastic net estimator, and the fit that lasso shares. */
#include "learn/elastic_net.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "learn/coordinate_descent.h"
#include "learn/target_unit.h"

static const leati_param params[] = {
    LEATI_ELASTIC_NET_ALPHA,
    {.name = "l1_ratio",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(leati_elastic_net, l1_ratio),
     .standard = "0.5",
     .least = 0,
     .most = 1,
     .grid = "0.1,0.5,0.9",
     .doc = "Share of the L1 part of the penalty: 1 is the lasso, 0 ridge."},
    LEATI_ELASTIC_NET_REST};

leat_status leati_elastic_net_fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    leati_elastic_net *n = (leati_elastic_net *)e;
    leati_glm *glm = &n->base.glm;
    leati_target_unit u;
    leati_design g;
    leati_cd_result r;
    LEATI_TRY(leati_glm_init(c, glm, 1, d->x.cols));
    leat_status st = leati_target_unit_init(c, &u, d);
    if (st == LEAT_OK) st = leati_design_init(c, &g, &u.data, n->fit_intercept);
    if (st != LEAT_OK) {
        leati_target_unit_fini(&u);
        return st;
    }
    /* scikit-learn divides the squared error by twice the rows: by the sum of weights here. */
    leati_cd_options o = {.l1 = fmin(n->alpha * n->l1_ratio * g.weight_sum / u.unit, DBL_MAX),
                          .l2 = n->alpha * (1 - n->l1_ratio) * g.weight_sum,
                          .tolerance = n->tol,
                          .max_iter = (uint32_t)n->max_iter,
                          .positive = n->positive,
                          .random = n->selection == 1};
    st = leati_coordinate_descent(c, &g, &o, glm->coef, &r);
    if (st == LEAT_OK) {
        for (size_t j = 0; j < d->x.cols; j++) glm->coef[j] *= u.unit;
        if (n->fit_intercept)
            glm->intercept[0] = g.y_mean * u.unit - leati_design_offset(&g, glm->coef);
        memcpy(glm->spread, g.spread, d->x.cols * sizeof *g.spread);
        e->iterations = r.iterations;
        e->converged = r.converged;
        bool finite = isfinite(glm->intercept[0]);
        for (size_t j = 0; j < d->x.cols; j++) finite = finite && isfinite(glm->coef[j]);
        if (!finite)
            st = LEATI_FAIL(c, LEAT_NUMERIC, "%s: the coefficients overflow: scale the data first",
                            e->class->name);
        else if (!r.converged)
            leati_log(c, LEAT_LOG_WARN,
                      "%s: stopped after %u passes with a duality gap of %.1e (tol %.1e); "
                      "standardise the features, or raise max_iter or alpha",
                      e->class->name, r.iterations, r.gap, n->tol);
    }
    leati_design_fini(&g);
    leati_target_unit_fini(&u);
    return st;
}

const leati_estimator_class leati_estimator_elastic_net = {
    .name = "elastic_net",
    .title = "elastic net",
    .doc =
        "Least squares with a mixture of L1 and L2 penalties (Zou and Hastie 2005) by coordinate "
        "descent: drops useless features and keeps groups of correlated ones together.",
    .traits =
        LEATI_REGRESSOR | LEATI_LINEAR | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING | LEATI_RANDOM,
    .size = sizeof(leati_elastic_net),
    .params = params,
    .fit = leati_elastic_net_fit,
    .predict = leati_glm_class_predict,
    .save = leati_glm_class_save,
    .load = leati_glm_class_load,
    .clear = leati_glm_class_clear,
    .importance = leati_glm_class_importance};
