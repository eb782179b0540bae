/* Owns: `linear_svr`, linear support vector regression. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "learn/dual_cd.h"
#include "learn/estimator.h"
#include "learn/linear_svc_newton.h"
#include "learn/svm_params.h"

enum { ABSOLUTE, SQUARED };

typedef struct linear_svr {
    leati_estimator base;
    leati_linear_options options;
    double epsilon;
    int loss;

    /* Learned */
    double *coef; /* (features) */
    double intercept;
} linear_svr;

#define AT(field) offsetof(linear_svr, field)

static const leati_param params[] = {
    {.name = "loss",
     .type = LEATI_PARAM_CHOICE,
     .offset = AT(loss),
     .standard = "epsilon_insensitive",
     .choices = "epsilon_insensitive|squared_epsilon_insensitive",
     .doc = "Loss of an error beyond epsilon: the excess, or the square of it."},
    {.name = "epsilon",
     .type = LEATI_PARAM_REAL,
     .offset = AT(epsilon),
     .standard = "0",
     .least = 0,
     .most = 1e300,
     .grid = "0,0.1,1",
     .doc = "Errors up to this size cost nothing, in units of the target."},
    LEATI_LINEAR_PARAMS(linear_svr),
    LEATI_LINEAR_SOLVER_PARAMS(linear_svr),
    {.name = NULL}};

typedef struct fitting {
    leati_linear_rows rows; /* those with a weight */
    uint32_t *order;
    double *y, *cost; /* (rows) */
    double *w;        /* (cols) */
} fitting;

static leat_status gather(const linear_svr *e, leat_context *c, const leati_dataset *d, fitting *f)
{
    size_t n = 0;
    f->order = leati_array(c, d->x.rows, sizeof *f->order);
    f->y = leati_array(c, d->x.rows, sizeof *f->y);
    f->cost = leati_array(c, d->x.rows, sizeof *f->cost);
    if (!f->order || !f->y || !f->cost) return leat_error_status(c);
    for (size_t i = 0; i < d->x.rows; i++) {
        double weight = d->weight ? d->weight[i] : 1;
        if (!(weight > 0)) continue;
        f->order[n] = (uint32_t)i;
        f->y[n] = d->y[i];
        f->cost[n++] = e->options.cost * weight;
    }
    LEATI_CHECK(c, n > 0, LEAT_INVALID, "linear_svr: no row has a weight above 0");
    double intercept = leati_linear_intercept(&e->options);
    LEATI_TRY(leati_linear_rows_init(c, &f->rows, &d->x, f->order, n, intercept));
    f->w = leati_array(c, f->rows.cols, sizeof *f->w);
    return f->w ? LEAT_OK : leat_error_status(c);
}

static leat_status solve_dual(linear_svr *e, leat_context *c, uint64_t seed, fitting *f)
{
    leati_dual_cd p = {.x = &f->rows,
                       .y = f->y,
                       .cost = f->cost,
                       .regression = true,
                       .squared = e->loss == SQUARED,
                       .epsilon = e->epsilon,
                       .tol = e->options.tol,
                       .most = (uint32_t)e->options.max_iter,
                       .w = f->w};
    leati_rng_init(&p.rng, seed, LEATI_RNG_SHUFFLE, 0);
    leat_status st = leati_dual_cd_init(c, &p);
    uint32_t passes = leati_dual_cd_round(&f->rows);
    while (st == LEAT_OK && !p.done) {
        st = leati_progress(c, "fitting", p.passes, p.most);
        if (st == LEAT_OK) leati_dual_cd_run(&p, passes);
    }
    leati_dual_cd_fini(&p);
    LEATI_TRY(st);
    e->base.iterations = p.passes;
    e->base.converged = p.converged;
    return LEAT_OK;
}

static leat_status solve_primal(linear_svr *e, leat_context *c, fitting *f)
{
    leati_newton p = {.x = &f->rows,
                      .machines = 1,
                      .y = f->y,
                      .cost = f->cost,
                      .shared_cost = true,
                      .regression = true,
                      .epsilon = e->epsilon,
                      .tol = e->options.tol,
                      .most = (uint32_t)e->options.max_iter,
                      .w = f->w};
    LEATI_TRY(leati_newton_solve(c, &p));
    e->base.iterations = p.steps;
    e->base.converged = p.converged;
    return LEAT_OK;
}

static leat_status fit(leati_estimator *base, leat_context *c, const leati_dataset *d)
{
    linear_svr *e = (linear_svr *)base;
    LEATI_CHECK(c, e->loss == SQUARED || e->options.dual != LEATI_PRIMAL, LEAT_INVALID,
                "linear_svr: loss=epsilon_insensitive has no primal solver; set dual=auto or "
                "dual=true");
    bool wide = d->x.rows < d->x.cols;
    bool dual = e->loss == ABSOLUTE || e->options.dual == LEATI_DUAL ||
                (e->options.dual == LEATI_DUAL_AUTO && wide);
    fitting f = {0};
    leat_status st;
    LEATI_GO(gather(e, c, d, &f));
    if (dual) LEATI_GO(solve_dual(e, c, d->seed, &f));
    else LEATI_GO(solve_primal(e, c, &f));
    for (size_t j = 0; j < f.rows.cols; j++)
        LEATI_GO(isfinite(f.w[j]) ? LEAT_OK
                                  : LEATI_FAIL(c, LEAT_NUMERIC,
                                               "linear_svr: the coefficients overflow; scale "
                                               "the features and the target"));
    e->coef = leati_memdup(c, f.w, base->features * sizeof *e->coef);
    e->intercept =
        e->options.fit_intercept ? f.w[base->features] * e->options.intercept_scaling : 0;
    LEATI_GO(e->coef ? LEAT_OK : leat_error_status(c));
    if (!base->converged)
        leati_log(c, LEAT_LOG_WARN,
                  "linear_svr stopped at max_iter=%lld before it converged; scale the features and "
                  "the target, lower C or raise max_iter",
                  (long long)e->options.max_iter);
out:
    leati_linear_rows_fini(&f.rows);
    leati_free(f.order);
    leati_free(f.y);
    leati_free(f.cost);
    leati_free(f.w);
    return st;
}

static leat_status predict(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                           double *out)
{
    const linear_svr *e = (const linear_svr *)base;
    return leati_linear_predict(c, x, e->coef, &e->intercept, 1, out);
}

static void clear(leati_estimator *base)
{
    linear_svr *e = (linear_svr *)base;
    leati_free(e->coef);
    e->coef = NULL;
}

static leat_status save(const leati_estimator *base, leat_context *c, leati_state *s)
{
    const linear_svr *e = (const linear_svr *)base;
    (void)c;
    LEATI_TRY(leati_state_put(s, "coef", LEATI_F64, e->coef, base->features, 0));
    return leati_state_put_scalar(s, "intercept", e->intercept);
}

static leat_status load(leati_estimator *base, leat_context *c, leati_state *s)
{
    linear_svr *e = (linear_svr *)base;
    LEATI_TRY(leati_state_take(c, s, "coef", LEATI_F64, base->features, 0, &e->coef, NULL));
    LEATI_TRY(leati_state_get_scalar(c, s, "intercept", -1e300, 1e300, &e->intercept));
    for (size_t j = 0; j < base->features; j++)
        LEATI_CHECK(c, isfinite(e->coef[j]), LEAT_FORMAT,
                    "damaged model: a coefficient of linear_svr is not finite");
    return LEAT_OK;
}

static leat_status importance(const leati_estimator *base, leat_context *c, double *out)
{
    const linear_svr *e = (const linear_svr *)base;
    (void)c;
    for (size_t j = 0; j < base->features; j++) out[j] = fabs(e->coef[j]);
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_linear_svr = {
    .name = "linear_svr",
    .title = "linear support vector regression",
    .doc = "Fits a plane that leaves errors up to epsilon free (Ho and Lin 2012; solvers as in "
           "LIBLINEAR, and a Newton method for the squared loss). Robust to outliers with "
           "loss=epsilon_insensitive; fast on many rows and many features.",
    .traits = LEATI_REGRESSOR | LEATI_LINEAR | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING |
              LEATI_WANTS_F32 | LEATI_RANDOM,
    .size = sizeof(linear_svr),
    .params = params,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .clear = clear,
    .importance = importance};
