/* Owns: the estimator of linear models by stochastic gradient descent. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/design.h"
#include "learn/sgd_solver.h"

typedef struct sgd {
    leati_glm_estimator base;
    int loss, penalty, learning_rate, class_weight;
    double alpha, l1_ratio, epsilon, eta0, validation_fraction;
    leati_mixed tol, power_t;
    int64_t max_iter, n_iter_no_change, average;
    bool fit_intercept, shuffle, early_stopping;
} sgd;

enum penalty { L2, L1, ELASTIC_NET, NO_PENALTY };

#define AT(member) .offset = offsetof(sgd, member)

static const leati_param params[] = {
    {.name = "loss",
     .type = LEATI_PARAM_CHOICE,
     AT(loss),
     .standard = "auto",
     .choices = LEATI_SGD_LOSSES,
     .doc = "auto is hinge (a linear support vector machine) for classes and squared_error for "
            "numbers."},
    {.name = "penalty",
     .type = LEATI_PARAM_CHOICE,
     AT(penalty),
     .standard = "l2",
     .choices = "l2|l1|elastic_net|none",
     .doc =
         "What is added to the loss: squares, absolute values or a mixture of the coefficients."},
    {.name = "alpha",
     .type = LEATI_PARAM_REAL,
     AT(alpha),
     .standard = "0.0001",
     .least = 0,
     .most = 1e12,
     .grid = "1e-06,1e-05,0.0001,0.001,0.01",
     .doc = "Strength of the penalty; the optimal learning rate also depends on it."},
    {.name = "l1_ratio",
     .type = LEATI_PARAM_REAL,
     AT(l1_ratio),
     .standard = "0.15",
     .least = 0,
     .most = 1,
     .doc = "Share of the L1 part of an elastic_net penalty."},
    {.name = "fit_intercept",
     .type = LEATI_PARAM_BOOL,
     AT(fit_intercept),
     .standard = "true",
     .doc = "Learn constant terms, which are not penalised."},
    {.name = "max_iter",
     .type = LEATI_PARAM_INT,
     AT(max_iter),
     .standard = "1000",
     .least = 1,
     .most = 4e9,
     .doc = "Most passes over the data."},
    {.name = "tol",
     .type = LEATI_PARAM_MIXED,
     AT(tol),
     .standard = "0.001",
     .choices = "none",
     .least = 0,
     .most = 1e12,
     .doc = "An epoch that lowers the objective (or raises the validation score) by less is poor; "
            "none: never stop early."},
    {.name = "n_iter_no_change",
     .type = LEATI_PARAM_INT,
     AT(n_iter_no_change),
     .standard = "5",
     .least = 1,
     .most = 1e9,
     .doc = "Stop after so many poor epochs in a row."},
    {.name = "learning_rate",
     .type = LEATI_PARAM_CHOICE,
     AT(learning_rate),
     .standard = "auto",
     .choices = "auto|constant|optimal|invscaling|adaptive",
     .doc = "Schedule of the step: eta0; 1 / (alpha (t + t0)); eta0 / t^power_t; eta0 cut to a "
            "fifth when progress stops. auto is optimal for classes, invscaling for numbers."},
    {.name = "eta0",
     .type = LEATI_PARAM_REAL,
     AT(eta0),
     .standard = "0.01",
     .least = 1e-300,
     .most = 1e12,
     .doc = "First step of all schedules but optimal."},
    {.name = "power_t",
     .type = LEATI_PARAM_MIXED,
     AT(power_t),
     .standard = "auto",
     .choices = "auto",
     .least = -1e3,
     .most = 1e3,
     .doc = "Exponent of invscaling; auto is 0.5 for classes, 0.25 for numbers."},
    {.name = "epsilon",
     .type = LEATI_PARAM_REAL,
     AT(epsilon),
     .standard = "0.1",
     .least = 0,
     .most = 1e300,
     .doc = "Where the huber loss becomes linear; errors that the epsilon_insensitive losses "
            "forgive."},
    {.name = "shuffle",
     .type = LEATI_PARAM_BOOL,
     AT(shuffle),
     .standard = "true",
     .doc = "Take the rows in a new order in each epoch."},
    {.name = "average",
     .type = LEATI_PARAM_INT,
     AT(average),
     .standard = "0",
     .least = 0,
     .most = 1e15,
     .doc = "Average the weights of all steps from this one on; 0: keep the last ones."},
    {.name = "early_stopping",
     .type = LEATI_PARAM_BOOL,
     AT(early_stopping),
     .standard = "false",
     .doc = "Hold out rows and stop when the score on them stops rising."},
    {.name = "validation_fraction",
     .type = LEATI_PARAM_REAL,
     AT(validation_fraction),
     .standard = "0.1",
     .least = 1e-9,
     .most = 1,
     .doc = "Share of the rows that early_stopping holds out."},
    {.name = "class_weight",
     .type = LEATI_PARAM_CHOICE,
     AT(class_weight),
     .standard = "none",
     .choices = "none|balanced",
     .doc = "balanced weighs the rows of each class by rows / (classes * rows of the class)."},
    {0}};

static leat_status check_choices(leat_context *c, const sgd *m, const leati_dataset *d)
{
    bool classify = d->task == LEATI_CLASSIFY;
    bool numbers = m->loss >= LEATI_SGD_SQUARED_ERROR;
    LEATI_CHECK(c, !classify || d->classes >= 2, LEAT_INVALID,
                "sgd: the target has a single class; there must be at least two to tell apart");
    LEATI_CHECK(
        c, classify || numbers || m->loss == LEATI_SGD_AUTO, LEAT_INVALID,
        "sgd: this loss tells classes apart; for a numeric target use squared_error, huber, "
        "epsilon_insensitive or squared_epsilon_insensitive");
    bool optimal = m->learning_rate == 2 || (m->learning_rate == 0 && classify);
    LEATI_CHECK(c, !optimal || m->alpha > 0, LEAT_INVALID,
                "sgd: learning_rate optimal needs an alpha above 0; use another schedule");
    return LEAT_OK;
}

static leati_sgd_options options_of(const sgd *m, bool classify)
{
    leati_sgd_options o = {.loss = (leati_sgd_loss)m->loss,
                           .alpha = m->alpha,
                           .epsilon = m->epsilon,
                           .eta0 = m->eta0,
                           .tolerance = m->tol.choice == 0 ? -1 : m->tol.value,
                           .max_iter = (uint32_t)m->max_iter,
                           .n_iter_no_change = (uint32_t)m->n_iter_no_change,
                           .average = (uint64_t)m->average,
                           .intercept = m->fit_intercept,
                           .shuffle = m->shuffle,
                           .early_stopping = m->early_stopping,
                           .validation_fraction = m->validation_fraction};
    if (o.loss == LEATI_SGD_AUTO) o.loss = classify ? LEATI_SGD_HINGE : LEATI_SGD_SQUARED_ERROR;
    o.l1_ratio = m->penalty == L1 ? 1 : m->penalty == ELASTIC_NET ? m->l1_ratio : 0;
    o.penalised = m->penalty != NO_PENALTY;
    o.power_t = m->power_t.choice < 0 ? m->power_t.value : classify ? 0.5 : 0.25;
    if (m->learning_rate == 0) o.rate = classify ? LEATI_SGD_OPTIMAL : LEATI_SGD_INVSCALING;
    else o.rate = (leati_sgd_rate)(m->learning_rate - 1);
    return o;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    sgd *m = (sgd *)e;
    LEATI_TRY(check_choices(c, m, d));
    leati_sgd_options o = options_of(m, d->task == LEATI_CLASSIFY);
    double *factor = NULL;
    if (m->class_weight == 1 && d->task == LEATI_CLASSIFY) {
        factor = leati_glm_balance(c, d);
        if (!factor) return leat_error_status(c);
        o.class_weight = factor;
    }
    leati_glm *g = &m->base.glm;
    leati_design design = {0};
    leat_status st;
    LEATI_GO(leati_glm_init(c, g, leati_glm_outputs(e), d->x.cols));
    LEATI_GO(leati_design_init(c, &design, d, true));
    memcpy(g->spread, design.spread, g->features * sizeof *g->spread);
    LEATI_GO(leati_sgd(c, d, &o, g, &e->iterations, &e->converged));
    if (!e->converged)
        leati_log(c, LEAT_LOG_WARN,
                  "sgd: stopped after %u epochs while still improving; standardise the features or "
                  "raise max_iter",
                  e->iterations);
out:
    leati_free(factor);
    leati_design_fini(&design);
    return st;
}

static bool gives_proba(const leati_estimator *e)
{
    int loss = ((const sgd *)e)->loss;
    return loss == LEATI_SGD_LOG_LOSS || loss == LEATI_SGD_MODIFIED_HUBER;
}

/* Of one class against the rest: the logistic function, or Zhang's estimate for modified_huber. */
static double probability(int loss, double score)
{
    if (loss == LEATI_SGD_MODIFIED_HUBER) return (fmin(fmax(score, -1), 1) + 1) / 2;
    return score > 0 ? 1 / (1 + exp(-score)) : exp(score) / (1 + exp(score));
}

/* Several classes: each against the rest, scaled to sum to 1 (Zadrozny and Elkan 2002). */
static leat_status proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                         double *out)
{
    int loss = ((const sgd *)e)->loss;
    LEATI_TRY(leati_glm_decision(&((const sgd *)e)->base.glm, c, x, out));
    for (size_t i = 0; i < x->rows; i++) {
        double *row = out + i * e->classes, sum = 0;
        for (uint32_t k = 0; k < e->classes; k++) sum += row[k] = probability(loss, row[k]);
        for (uint32_t k = 0; k < e->classes; k++)
            row[k] = sum > 0 ? row[k] / sum : 1 / (double)e->classes;
    }
    return LEAT_OK;
}

const leati_estimator_class leati_estimator_sgd = {
    .name = "sgd",
    .title = "stochastic gradient descent",
    .doc = "Linear models of many losses, one row at a time: one against the rest for several "
           "classes. Learns from large tables in a few passes; wants standardised features.",
    .traits = LEATI_CLASSIFIER | LEATI_REGRESSOR | LEATI_LINEAR | LEATI_TAKES_WEIGHTS |
              LEATI_WANTS_SCALING | LEATI_WANTS_F32 | LEATI_RANDOM,
    .size = sizeof(sgd),
    .params = params,
    .fit = fit,
    .predict = leati_glm_class_predict,
    .proba = proba,
    .gives_proba = gives_proba,
    .decision = leati_glm_class_decision,
    .save = leati_glm_class_save,
    .load = leati_glm_class_load,
    .clear = leati_glm_class_clear,
    .importance = leati_glm_class_importance};
