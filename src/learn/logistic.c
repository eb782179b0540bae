/* Owns: the logistic regression estimator and its choice of solver. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/design.h"
#include "learn/glm.h"
#include "learn/lbfgs.h"
#include "learn/logistic_newton.h"

typedef struct logistic {
    leati_glm_estimator base;
    double C, l1_ratio, tol;
    int64_t max_iter;
    int penalty, class_weight, solver;
    bool fit_intercept;
} logistic;

enum penalty { L2, L1, ELASTIC_NET, NO_PENALTY };
enum class_weight { NONE, BALANCED };
enum solver { AUTO, LBFGS, NEWTON_CHOLESKY };

static const leati_param params[] = {
    {.name = "C",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(logistic, C),
     .standard = "1",
     .least = 1e-12,
     .most = INFINITY,
     .grid = "0.001,0.01,0.1,1,10,100",
     .doc = "Inverse strength of the penalty: smaller values shrink the coefficients more."},
    {.name = "penalty",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(logistic, penalty),
     .standard = "l2",
     .choices = "l2|l1|elastic_net|none",
     .doc =
         "What is added to the loss: squares, absolute values or a mixture of the coefficients."},
    {.name = "l1_ratio",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(logistic, l1_ratio),
     .standard = "0.5",
     .least = 0,
     .most = 1,
     .doc = "Share of the L1 part of an elastic_net penalty."},
    {.name = "solver",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(logistic, solver),
     .standard = "auto",
     .choices = "auto|lbfgs|newton_cholesky",
     .doc = "auto takes Newton's method where the Hessian is small, else L-BFGS; penalties with an "
            "L1 part go by their proximal and orthant-wise forms."},
    {.name = "tol",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(logistic, tol),
     .standard = "0.0001",
     .least = 0,
     .most = 1,
     .doc = "Stop when no component of the gradient of the mean loss is larger; Newton's method, "
            "near the end quadratic, goes on to a ten-thousandth of it."},
    {.name = "max_iter",
     .type = LEATI_PARAM_INT,
     .offset = offsetof(logistic, max_iter),
     .standard = "100",
     .least = 1,
     .most = 1e9,
     .doc = "Most iterations of the solver."},
    {.name = "fit_intercept",
     .type = LEATI_PARAM_BOOL,
     .offset = offsetof(logistic, fit_intercept),
     .standard = "true",
     .doc = "Learn constant terms, which are not penalised."},
    {.name = "class_weight",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(logistic, class_weight),
     .standard = "none",
     .choices = "none|balanced",
     .doc = "balanced weighs the rows of each class by rows / (classes * rows of the class)."},
    {0}};

static leat_status lbfgs_solve(leat_context *c, const logistic *l, leati_logistic *p, double l1,
                               double *theta, leati_lbfgs_result *r)
{
    double *weights = NULL;
    leati_lbfgs_options o = {.max_iter = (uint32_t)l->max_iter - r->iterations,
                             .tolerance = l->tol,
                             .precision = p->d->x.f32 ? 1e-9 : 0};
    uint32_t before = r->iterations;
    if (l1 > 0) {
        weights = LEATI_NEW(c, double, p->width);
        if (!weights) return leat_error_status(c);
        for (size_t j = 0; j < p->outputs * p->d->x.cols; j++) weights[j] = l1;
        o.l1 = weights;
        o.precision = 0;
    }
    leat_status st = leati_lbfgs(c, p->width, theta, leati_logistic_evaluate, p, &o, r);
    r->iterations += before;
    leati_free(weights);
    return st;
}

/* Newton pays while its Hessians cost less than the many more iterations of L-BFGS. */
static bool newton_pays(const leati_logistic *p)
{
    double n = (double)p->width, rows = (double)p->d->x.rows;
    return n <= 400 && rows * n * n <= 4e8;
}

static leat_status solve(leat_context *c, logistic *l, leati_logistic *p, double l1, double *theta)
{
    leati_lbfgs_result r = {0};
    bool done = false;
    if (l->solver == NEWTON_CHOLESKY || (l->solver == AUTO && newton_pays(p))) {
        /* Quadratic near the end: far more digits cost an iteration or two. */
        leati_lbfgs_options o = {.max_iter = (uint32_t)l->max_iter, .tolerance = l->tol * 1e-4};
        LEATI_TRY(leati_logistic_newton(c, p, l1, &o, theta, &r, &done));
        done = done || r.gradient <= l->tol;
        r.converged = r.gradient <= l->tol;
    }
    if (!done) LEATI_TRY(lbfgs_solve(c, l, p, l1, theta, &r));
    l->base.base.iterations = r.iterations;
    l->base.base.converged = r.converged;
    if (!r.converged)
        leati_log(c, LEAT_LOG_WARN,
                  "logistic: stopped after %u iterations with a gradient of %.1e (tol %.1e); "
                  "standardise the features or raise max_iter",
                  r.iterations, r.gradient, l->tol);
    return LEAT_OK;
}

static leat_status keep(leat_context *c, leati_glm *g, const leati_logistic *p, const double *theta)
{
    leati_design design;
    LEATI_TRY(leati_glm_init(c, g, p->outputs, p->d->x.cols));
    size_t coefs = p->outputs * p->d->x.cols;
    for (size_t j = 0; j < p->width; j++)
        LEATI_CHECK(c, isfinite(theta[j]), LEAT_NUMERIC,
                    "logistic: a coefficient overflows; scale the features first");
    memcpy(g->coef, theta, coefs * sizeof *theta);
    /* A shift of all intercepts alike changes nothing: take those with mean 0. */
    double shift = 0;
    for (size_t k = 0; k < p->outputs && p->intercept && p->outputs > 1; k++)
        shift += theta[coefs + k] / (double)p->outputs;
    for (size_t k = 0; k < p->outputs && p->intercept; k++)
        g->intercept[k] = theta[coefs + k] - shift;
    LEATI_TRY(leati_design_init(c, &design, p->d, true));
    memcpy(g->spread, design.spread, g->features * sizeof *g->spread);
    leati_design_fini(&design);
    return LEAT_OK;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    logistic *l = (logistic *)e;
    LEATI_CHECK(c, d->classes >= 2, LEAT_INVALID,
                "logistic: the target has a single class; there must be at least two to tell "
                "apart");
    if (l->solver == NEWTON_CHOLESKY && (l->penalty == L1 || l->penalty == ELASTIC_NET))
        return LEATI_FAIL(c, LEAT_INVALID,
                          "logistic: solver newton_cholesky takes penalty l2 or none; use solver "
                          "auto");
    double ratio = l->penalty == L1 ? 1 : l->penalty == ELASTIC_NET ? l->l1_ratio : 0;
    leati_logistic p = {0};
    double *factor = NULL, *theta = NULL;
    leat_status st;
    if (l->class_weight == BALANCED && !(factor = leati_glm_balance(c, d)))
        return leat_error_status(c);
    LEATI_GO(leati_logistic_init(c, &p, d, l->fit_intercept, 0, factor));
    double sum = 0; /* of weights: the penalty is relative to the summed loss */
    for (size_t i = 0; i < d->x.rows; i++)
        sum += (d->weight ? d->weight[i] : 1) * (factor ? factor[d->label[i]] : 1);
    double strength = l->penalty == NO_PENALTY ? 0 : 1 / (l->C * sum);
    p.l2 = strength * (1 - ratio);
    theta = LEATI_NEW(c, double, p.width);
    if (!theta) {
        st = leat_error_status(c);
        goto out;
    }
    LEATI_GO(solve(c, l, &p, strength * ratio, theta));
    LEATI_GO(keep(c, &l->base.glm, &p, theta));
out:
    leati_free(factor);
    leati_free(theta);
    leati_logistic_fini(&p);
    return st;
}

static leat_status proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out)
{
    LEATI_TRY(leati_glm_scores(&((const logistic *)e)->base.glm, c, x, out));
    leati_logistic_probabilities(out, x->rows, e->classes, out);
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_logistic = {
    .name = "logistic",
    .title = "logistic regression",
    .doc = "Linear scores turned into probabilities by a softmax over the classes (two classes: "
           "one logit), fitted by maximum likelihood with a penalty. Fast, calibrated and the "
           "first classifier to try.",
    .traits = LEATI_CLASSIFIER | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING | LEATI_WANTS_F32,
    .size = sizeof(logistic),
    .params = params,
    .fit = fit,
    .predict = leati_glm_class_predict,
    .proba = proba,
    .decision = leati_glm_class_decision,
    .save = leati_glm_class_save,
    .load = leati_glm_class_load,
    .clear = leati_glm_class_clear,
    .importance = leati_glm_class_importance};
