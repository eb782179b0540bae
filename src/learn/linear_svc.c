/* Owns: `linear_svc`, the linear support vector classifier: parameters, the choice of the solver,
 * one-vs-rest, state. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "learn/dual_cd.h"
#include "learn/estimator.h"
#include "learn/linear_svc_l1.h"
#include "learn/linear_svc_newton.h"
#include "learn/svm_params.h"

enum { L2, L1 };
enum { HINGE, SQUARED_HINGE };

typedef struct linear_svc {
    leati_estimator base;
    leati_linear_options options;
    int penalty, loss, class_weight;

    /* Learned: one machine against the rest per class; a single one, for class 1, with two. */
    double *coef;      /* (machines, features) */
    double *intercept; /* (machines) */
} linear_svc;

#define AT(field) offsetof(linear_svc, field)

static const leati_param params[] = {
    {.name = "penalty",
     .type = LEATI_PARAM_CHOICE,
     .offset = AT(penalty),
     .standard = "l2",
     .choices = "l2|l1",
     .doc = "What keeps the coefficients small: their squares, or their absolute values, which "
            "leaves many at 0 (with loss=squared_hinge only)."},
    {.name = "loss",
     .type = LEATI_PARAM_CHOICE,
     .offset = AT(loss),
     .standard = "squared_hinge",
     .choices = "hinge|squared_hinge",
     .doc = "Loss of a row within the margin: its distance, or the square of it."},
    LEATI_LINEAR_PARAMS(linear_svc),
    {.name = "class_weight",
     .type = LEATI_PARAM_CHOICE,
     .offset = AT(class_weight),
     .standard = "none",
     .choices = "none|balanced",
     .grid = "none,balanced",
     .doc = "balanced multiplies C by rows / (classes * rows of the class), rows counted by "
            "weight."},
    LEATI_LINEAR_SOLVER_PARAMS(linear_svc),
    {.name = NULL}};

/* The solver of a machine: which of the two is used is the same for all. */
typedef union solver {
    leati_dual_cd dual;
    leati_l1 l1;
} solver;

typedef struct outcome {
    uint32_t passes;
    bool converged;
} outcome;

typedef struct fitting {
    leat_context *context;
    linear_svc *e;
    uint64_t seed;
    size_t machines;
    bool dual, shared;            /* shared: all machines have the costs of the first */
    leati_linear_rows rows;       /* those with a weight */
    leati_linear_columns columns; /* for l1 */
    uint32_t *order;
    double *y;    /* (machines, rows) */
    double *cost; /* (machines, rows), or (rows) when shared */
    double *w;    /* (machines, cols) */
    outcome *outcomes;
    solver *solvers; /* (machines) of coordinate descent */
    uint32_t passes; /* of one round */
} fitting;

/* The solver's side, by the rule of scikit-learn's auto. */
static leat_status choose(const linear_svc *e, leat_context *c, const leati_dataset *d, bool *dual)
{
    LEATI_CHECK(c, e->penalty == L2 || e->loss == SQUARED_HINGE, LEAT_INVALID,
                "linear_svc: penalty=l1 needs loss=squared_hinge, not hinge");
    LEATI_CHECK(c, e->penalty == L2 || e->options.dual != LEATI_DUAL, LEAT_INVALID,
                "linear_svc: penalty=l1 has no dual solver; set dual=auto or dual=false");
    LEATI_CHECK(c, e->loss == SQUARED_HINGE || e->options.dual != LEATI_PRIMAL, LEAT_INVALID,
                "linear_svc: loss=hinge has no primal solver; set dual=auto or dual=true");
    bool wide = d->x.rows < d->x.cols;
    *dual = e->penalty == L2 && (e->loss == HINGE || e->options.dual == LEATI_DUAL ||
                                 (e->options.dual == LEATI_DUAL_AUTO && wide));
    return LEAT_OK;
}

/* balance (classes): the factor of C for rows of a class. */
static leat_status gather(fitting *f, const leati_dataset *d, double *balance)
{
    leat_context *c = f->context;
    size_t count = 0;
    double total = 0;
    memset(balance, 0, d->classes * sizeof *balance);
    f->order = leati_array(c, d->x.rows, sizeof *f->order);
    if (!f->order) return leat_error_status(c);
    for (size_t i = 0; i < d->x.rows; i++) {
        double weight = d->weight ? d->weight[i] : 1;
        balance[d->label[i]] += weight;
        total += weight;
        if (weight > 0) f->order[count++] = (uint32_t)i;
    }
    char space[LEATI_CLASS_TEXT];
    for (size_t k = 0; k < d->classes; k++) {
        LEATI_CHECK(c, balance[k] > 0, LEAT_INVALID,
                    "linear_svc: no row of class %s has a weight above 0; every class needs one",
                    leati_class_text(d, k, space));
        balance[k] = f->e->class_weight ? total / (d->classes * balance[k]) : 1;
    }
    double intercept = leati_linear_intercept(&f->e->options);
    return leati_linear_rows_init(c, &f->rows, &d->x, f->order, count, intercept);
}

/* Targets and costs. As in LIBLINEAR, only the class of a machine has its weight; the rest has
 * that of C alone, but for the single machine of two classes. */
static leat_status pose(fitting *f, const leati_dataset *d, const double *balance)
{
    leat_context *c = f->context;
    size_t n = f->rows.rows;
    f->shared = !f->e->class_weight || f->machines == 1;
    f->y = leati_array(c, f->machines * n, sizeof *f->y);
    f->cost = leati_array(c, (f->shared ? 1 : f->machines) * n, sizeof *f->cost);
    f->w = leati_array(c, f->machines * f->rows.cols, sizeof *f->w);
    f->outcomes = LEATI_NEW(c, outcome, f->machines);
    if (!f->y || !f->cost || !f->w || !f->outcomes) return leat_error_status(c);
    for (size_t k = 0; k < f->machines; k++) {
        size_t class = f->machines == 1 ? 1 : k;
        for (size_t i = 0; i < n; i++) {
            size_t row = f->order[i], label = d->label[row];
            f->y[k * n + i] = label == class ? 1 : -1;
            if (k > 0 && f->shared) continue;
            double factor = f->machines == 1 || label == class ? balance[label] : 1;
            f->cost[k * n + i] = f->e->options.cost * factor * (d->weight ? d->weight[row] : 1);
        }
    }
    return LEAT_OK;
}

static leat_status begin_descent(fitting *f, size_t k)
{
    const linear_svc *e = f->e;
    size_t n = f->rows.rows;
    leati_rng rng;
    leati_rng_init(&rng, f->seed, LEATI_RNG_SHUFFLE, (uint32_t)k);
    const double *y = f->y + k * n, *cost = f->cost + (f->shared ? 0 : k * n);
    double *w = f->w + k * f->rows.cols;
    uint32_t most = (uint32_t)e->options.max_iter;
    if (f->dual) {
        f->solvers[k].dual = (leati_dual_cd){.x = &f->rows,
                                             .y = y,
                                             .cost = cost,
                                             .squared = e->loss == SQUARED_HINGE,
                                             .tol = e->options.tol,
                                             .most = most,
                                             .rng = rng,
                                             .w = w};
        return leati_dual_cd_init(f->context, &f->solvers[k].dual);
    }
    f->solvers[k].l1 = (leati_l1){.x = &f->columns,
                                  .y = y,
                                  .cost = cost,
                                  .tol = e->options.tol,
                                  .most = most,
                                  .rng = rng,
                                  .w = w};
    return leati_l1_init(f->context, &f->solvers[k].l1);
}

static void descend(void *arg, size_t k, unsigned worker)
{
    (void)worker;
    fitting *f = arg;
    if (f->dual) leati_dual_cd_run(&f->solvers[k].dual, f->passes);
    else leati_l1_run(&f->solvers[k].l1, f->passes);
}

/* How many machines are done; takes over their outcomes. */
static size_t count_done(fitting *f)
{
    size_t done = 0;
    for (size_t k = 0; k < f->machines; k++) {
        const solver *s = &f->solvers[k];
        f->outcomes[k] = f->dual ? (outcome){s->dual.passes, s->dual.converged}
                                 : (outcome){s->l1.passes, s->l1.converged};
        done += f->dual ? s->dual.done : s->l1.done;
    }
    return done;
}

/* In rounds of passes, a machine a task; between them the caller may cancel. */
static leat_status solve_descent(fitting *f)
{
    leat_context *c = f->context;
    f->solvers = LEATI_NEW(c, solver, f->machines);
    if (!f->solvers) return leat_error_status(c);
    for (size_t k = 0; k < f->machines; k++) LEATI_TRY(begin_descent(f, k));
    f->passes = leati_dual_cd_round(&f->rows);
    for (size_t done = 0; done < f->machines; done = count_done(f)) {
        LEATI_TRY(leati_progress(c, "fitting", done, f->machines));
        leati_parallel(c, f->machines, descend, f);
    }
    return LEAT_OK;
}

static leat_status solve_newton(fitting *f)
{
    leati_newton p = {.x = &f->rows,
                      .machines = f->machines,
                      .y = f->y,
                      .cost = f->cost,
                      .shared_cost = f->shared,
                      .tol = f->e->options.tol,
                      .most = (uint32_t)f->e->options.max_iter,
                      .w = f->w};
    LEATI_TRY(leati_newton_solve(f->context, &p));
    f->outcomes[0] = (outcome){p.steps, p.converged};
    for (size_t k = 1; k < f->machines; k++) f->outcomes[k].converged = true;
    return LEAT_OK;
}

static leat_status solve(fitting *f)
{
    if (!f->dual && f->e->penalty == L2) return solve_newton(f);
    if (!f->dual) LEATI_TRY(leati_linear_columns_init(f->context, &f->columns, &f->rows));
    return solve_descent(f);
}

static void release(fitting *f)
{
    for (size_t k = 0; f->solvers && k < f->machines; k++) {
        if (f->dual) leati_dual_cd_fini(&f->solvers[k].dual);
        else leati_l1_fini(&f->solvers[k].l1);
    }
    leati_linear_rows_fini(&f->rows);
    leati_linear_columns_fini(&f->columns);
    leati_free(f->solvers);
    leati_free(f->order);
    leati_free(f->y);
    leati_free(f->cost);
    leati_free(f->w);
    leati_free(f->outcomes);
}

static leat_status keep(fitting *f)
{
    linear_svc *e = f->e;
    size_t features = e->base.features, cols = f->rows.cols;
    for (size_t i = 0; i < f->machines * cols; i++)
        LEATI_CHECK(f->context, isfinite(f->w[i]), LEAT_NUMERIC,
                    "linear_svc: the coefficients overflow; scale the features");
    e->coef = leati_array(f->context, f->machines * features, sizeof *e->coef);
    e->intercept = LEATI_NEW(f->context, double, f->machines);
    if (!e->coef || !e->intercept) return leat_error_status(f->context);
    e->base.converged = true;
    for (size_t k = 0; k < f->machines; k++) {
        const double *w = f->w + k * cols;
        memcpy(e->coef + k * features, w, features * sizeof *w);
        if (cols > features) e->intercept[k] = w[features] * e->options.intercept_scaling;
        if (f->outcomes[k].passes > e->base.iterations) e->base.iterations = f->outcomes[k].passes;
        e->base.converged = e->base.converged && f->outcomes[k].converged;
    }
    if (!e->base.converged)
        leati_log(f->context, LEAT_LOG_WARN,
                  "linear_svc stopped at max_iter=%lld before it converged; scale the features, "
                  "lower C or raise max_iter",
                  (long long)e->options.max_iter);
    return LEAT_OK;
}

static size_t machines_of(size_t classes)
{
    return classes > 2 ? classes : classes - 1;
}

static leat_status fit(leati_estimator *base, leat_context *c, const leati_dataset *d)
{
    fitting f = {.context = c,
                 .e = (linear_svc *)base,
                 .seed = d->seed,
                 .machines = machines_of(d->classes)};
    LEATI_TRY(choose(f.e, c, d, &f.dual));
    if (f.machines == 0) return LEAT_OK;
    double *balance = leati_array(c, d->classes, sizeof *balance);
    if (!balance) return leat_error_status(c);
    leat_status st;
    LEATI_GO(gather(&f, d, balance));
    LEATI_GO(pose(&f, d, balance));
    LEATI_GO(solve(&f));
    LEATI_GO(keep(&f));
out:
    leati_free(balance);
    release(&f);
    return st;
}

static leat_status decision(const leati_estimator *base, leat_context *c, const leati_matrix *x,
                            double *out)
{
    const linear_svc *e = (const linear_svc *)base;
    size_t machines = machines_of(base->classes);
    if (machines == 0) {
        memset(out, 0, x->rows * sizeof *out);
        return LEAT_OK;
    }
    if (machines > 1) return leati_linear_predict(c, x, e->coef, e->intercept, machines, out);
    /* The scores of class 1, spread from the last row on. */
    LEATI_TRY(leati_linear_predict(c, x, e->coef, e->intercept, 1, out));
    for (size_t i = x->rows; i-- > 0;) {
        double v = out[i];
        out[2 * i] = -v;
        out[2 * i + 1] = v;
    }
    return LEAT_OK;
}

static void clear(leati_estimator *base)
{
    linear_svc *e = (linear_svc *)base;
    leati_free(e->coef);
    leati_free(e->intercept);
    e->coef = e->intercept = NULL;
}

static leat_status save(const leati_estimator *base, leat_context *c, leati_state *s)
{
    const linear_svc *e = (const linear_svc *)base;
    size_t machines = machines_of(base->classes);
    (void)c;
    if (machines == 0) return LEAT_OK;
    LEATI_TRY(leati_state_put(s, "coef", LEATI_F64, e->coef, machines, base->features));
    return leati_state_put(s, "intercept", LEATI_F64, e->intercept, machines, 0);
}

static leat_status load(leati_estimator *base, leat_context *c, leati_state *s)
{
    linear_svc *e = (linear_svc *)base;
    size_t machines = machines_of(base->classes), features = base->features;
    if (machines == 0) return LEAT_OK;
    LEATI_TRY(leati_state_take(c, s, "coef", LEATI_F64, machines, features, &e->coef, NULL));
    LEATI_TRY(leati_state_take(c, s, "intercept", LEATI_F64, machines, 0, &e->intercept, NULL));
    bool finite = true;
    for (size_t i = 0; i < machines * features; i++) finite = finite && isfinite(e->coef[i]);
    for (size_t i = 0; i < machines; i++) finite = finite && isfinite(e->intercept[i]);
    LEATI_CHECK(c, finite, LEAT_FORMAT, "damaged model: a coefficient of linear_svc is not finite");
    return LEAT_OK;
}

static leat_status importance(const leati_estimator *base, leat_context *c, double *out)
{
    const linear_svc *e = (const linear_svc *)base;
    (void)c;
    memset(out, 0, base->features * sizeof *out);
    for (size_t k = 0; k < machines_of(base->classes); k++)
        for (size_t j = 0; j < base->features; j++) out[j] += fabs(e->coef[k * base->features + j]);
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_linear_svc = {
    .name = "linear_svc",
    .title = "linear support vector machine",
    .doc = "Separates each class from the rest by a plane with a wide margin (solvers as in "
           "LIBLINEAR, Fan et al. 2008, and a Newton method that ends at the exact optimum). Fast "
           "on many rows and many features.",
    .traits = LEATI_CLASSIFIER | LEATI_TAKES_WEIGHTS | LEATI_WANTS_SCALING | LEATI_WANTS_F32 |
              LEATI_RANDOM,
    .size = sizeof(linear_svc),
    .params = params,
    .fit = fit,
    .decision = decision,
    .save = save,
    .load = load,
    .clear = clear,
    .importance = importance};
