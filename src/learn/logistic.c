/* Owns: the logistic regression estimator and its choice of solver. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/cholesky.h"
#include "learn/design.h"
#include "learn/glm.h"
#include "learn/lbfgs.h"
#include "learn/logistic_loss.h"

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
            "L1 part go by the orthant-wise form of L-BFGS."},
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

/* A singular Hessian of a softmax gets the missing directions: shifts of all outputs alike, in the
 * intercepts, and without a penalty also in each coefficient. The gradient has no part in them. */
static void fill_shifts(const leati_logistic *p, double *hessian)
{
    size_t n = p->outputs, cols = p->d->x.cols;
    if (n == 1) return;
    double trace = 0;
    for (size_t j = 0; j < p->width; j++) trace += hessian[j * p->width + j];
    double share = trace / (double)p->width;
    for (size_t j = p->l2 > 0 ? cols : 0; j < cols + p->intercept; j++)
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n; b++) {
                size_t row = j < cols ? a * cols + j : n * cols + a;
                size_t col = j < cols ? b * cols + j : n * cols + b;
                hessian[row * p->width + col] += share / (double)n;
            }
}

typedef struct newton {
    double *gradient, *step, *next, *hessian;
    double value;
} newton;

/* Halves the step until the value falls enough (Armijo); *found is false when rounding hides it. */
static leat_status newton_search(leat_context *c, leati_logistic *p, newton *w, double *theta,
                                 bool *found)
{
    double slope = -p->v->dot_f64(p->width, w->gradient, w->step), t = 1;
    *found = false;
    for (int i = 0; i < 30 && slope < 0; i++, t /= 2) {
        double value;
        memcpy(w->next, theta, p->width * sizeof *theta);
        p->v->axpy_f64(p->width, -t, w->step, w->next);
        LEATI_TRY(leati_logistic_evaluate(p, c, w->next, &value, w->hessian));
        if (!(value <= w->value + 1e-4 * t * slope)) continue;
        *found = true;
        w->value = value;
        memcpy(theta, w->next, p->width * sizeof *theta);
        memcpy(w->gradient, w->hessian, p->width * sizeof *theta);
        return LEAT_OK;
    }
    return LEAT_OK;
}

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* *done is false when the Hessian is not positive definite in floating point: another solver goes
 * on from there. */
static leat_status newton_run(leat_context *c, const logistic *l, leati_logistic *p, newton *w,
                              double *theta, leati_lbfgs_result *r, bool *done)
{
    *done = false;
    LEATI_TRY(leati_logistic_evaluate(p, c, theta, &w->value, w->gradient));
    for (; r->iterations < (uint32_t)l->max_iter; r->iterations++) {
        r->gradient = largest(w->gradient, p->width);
        r->converged = r->gradient <= l->tol * 1e-4;
        if (r->converged) break;
        bool definite, found;
        LEATI_TRY(leati_logistic_hessian(c, p, theta, w->hessian));
        fill_shifts(p, w->hessian);
        LEATI_TRY(leati_cholesky(c, p->width, w->hessian, &definite));
        if (!definite) return LEAT_OK;
        memcpy(w->step, w->gradient, p->width * sizeof *theta);
        leati_cholesky_solve(c, p->width, w->hessian, w->step);
        if (!isfinite(largest(w->step, p->width))) return LEAT_OK;
        LEATI_TRY(newton_search(c, p, w, theta, &found));
        if (found) continue;
        r->converged = r->gradient <= l->tol;
        break;
    }
    *done = r->converged || r->iterations >= (uint32_t)l->max_iter;
    return LEAT_OK;
}

static leat_status newton_solve(leat_context *c, const logistic *l, leati_logistic *p,
                                double *theta, leati_lbfgs_result *r, bool *done)
{
    size_t n = p->width;
    newton w = {.gradient = leati_array(c, n, sizeof *w.gradient),
                .step = leati_array(c, n, sizeof *w.step),
                .next = leati_array(c, n, sizeof *w.next),
                .hessian = leati_array(c, n * n, sizeof *w.hessian)};
    bool ready = w.gradient && w.step && w.next && w.hessian;
    leat_status st = ready ? newton_run(c, l, p, &w, theta, r, done) : leat_error_status(c);
    leati_free(w.gradient);
    leati_free(w.step);
    leati_free(w.next);
    leati_free(w.hessian);
    return st;
}

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
    bool second_order = l->solver == NEWTON_CHOLESKY || (l->solver == AUTO && newton_pays(p));
    if (second_order && l1 == 0) LEATI_TRY(newton_solve(c, l, p, theta, &r, &done));
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
