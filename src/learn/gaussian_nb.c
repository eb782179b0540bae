/* Owns: Gaussian naive Bayes. Class moments come from nb.c. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/nb.h"

typedef struct gaussian_nb {
    leati_estimator base;
    double var_smoothing;
    int priors;
    double *log_prior; /* (classes) */
    double *mean;      /* (classes, features) */
    double *variance;  /* (classes, features), > 0 */
    double *inverse;   /* (classes, features) 1 / variance */
    double *constant;  /* (classes) log prior - sum log(2 pi variance) / 2 */
} gaussian_nb;

static const leati_param params[] = {
    {.name = "var_smoothing",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(gaussian_nb, var_smoothing),
     .standard = "1e-9",
     .least = 0,
     .most = HUGE_VAL,
     .grid = "1e-9,1e-6,1e-3,0.1",
     .doc = "This part of the largest variance of a feature is added to every variance."},
    {.name = "priors",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(gaussian_nb, priors),
     .standard = "empirical",
     .choices = "empirical|uniform",
     .doc = "Prior probabilities of the classes: their frequencies, or all equal."},
    {.name = NULL}};

static void clear(leati_estimator *e)
{
    gaussian_nb *g = (gaussian_nb *)e;
    double **owned[] = {&g->log_prior, &g->mean, &g->variance, &g->inverse, &g->constant};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        leati_free(*owned[i]);
        *owned[i] = NULL;
    }
}

/* The derived arrays, from log_prior and variance. */
static leat_status prepare(gaussian_nb *g, leat_context *c)
{
    static const double log_2pi = 1.8378770664093454836;
    size_t k = g->base.classes, p = g->base.features;
    g->inverse = leati_array(c, k * p, sizeof *g->inverse);
    g->constant = leati_array(c, k, sizeof *g->constant);
    if (!g->inverse || !g->constant) return leat_error_status(c);
    for (size_t i = 0; i < k; i++) {
        double sum = 0;
        for (size_t j = i * p; j < (i + 1) * p; j++) {
            g->inverse[j] = 1 / g->variance[j];
            sum += log_2pi + log(g->variance[j]);
        }
        g->constant[i] = g->log_prior[i] - 0.5 * sum;
    }
    return LEAT_OK;
}

/* The largest variance of a feature over all rows, from the moments of the classes. */
static double largest_variance(const leati_class_moments *m)
{
    double largest = 0;
    for (size_t j = 0; j < m->cols; j++) {
        double mean = 0, squares = 0;
        for (size_t k = 0; k < m->classes; k++)
            mean += m->weight[k] / m->total * m->mean[k * m->cols + j];
        for (size_t k = 0; k < m->classes; k++) {
            double delta = m->mean[k * m->cols + j] - mean;
            squares += m->squares[k * m->cols + j] + m->weight[k] * delta * delta;
        }
        if (squares / m->total > largest) largest = squares / m->total;
    }
    return largest;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    gaussian_nb *g = (gaussian_nb *)e;
    leati_class_moments m;
    LEATI_TRY(leati_class_moments_of(c, &m, d, "gaussian_nb"));
    g->log_prior = leati_array(c, m.classes, sizeof *g->log_prior);
    g->mean = m.mean;
    g->variance = m.squares;
    m.mean = m.squares = NULL;
    leat_status st = g->log_prior ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) {
        leati_class_moments view = m;
        view.mean = g->mean;
        view.squares = g->variance;
        double largest = largest_variance(&view);
        double smooth = g->var_smoothing * (largest > 0 ? largest : 1);
        for (size_t j = 0; st == LEAT_OK && j < m.classes * m.cols; j++) {
            char space[LEATI_CLASS_TEXT];
            double weight = m.weight[j / m.cols];
            g->variance[j] = (weight > 0 ? g->variance[j] / weight : largest) + smooth;
            if (!(g->variance[j] >= 1e-300))
                st = LEATI_FAIL(c, LEAT_INVALID,
                                "gaussian_nb: feature '%s' does not vary within class %s; a "
                                "larger gaussian_nb.var_smoothing mends that",
                                d->features[j % m.cols].name,
                                leati_class_text(d, j / m.cols, space));
        }
        leati_nb_log_prior(m.weight, m.classes, g->priors == 1, g->log_prior);
    }
    leati_class_moments_fini(&m);
    return st == LEAT_OK ? prepare(g, c) : st;
}

static void tile(const leati_estimator *e, const leati_learn_loops *loops, const double *xt,
                 double *scores)
{
    const gaussian_nb *g = (const gaussian_nb *)e;
    enum { T = LEATI_NB_TILE };
    for (size_t k = 0; k < e->classes; k++) {
        const double *mean = g->mean + k * e->features, *inverse = g->inverse + k * e->features;
        double sum[T];
        loops->gauss_tile(e->features, xt, mean, inverse, sum);
        for (size_t r = 0; r < T; r++) scores[r * e->classes + k] = g->constant[k] - 0.5 * sum[r];
    }
}

static leat_status decision(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            double *out)
{
    return leati_nb_scores(e, c, x, tile, out);
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const gaussian_nb *g = (const gaussian_nb *)e;
    LEATI_TRY(leati_state_put(s, "log_prior", LEATI_F64, g->log_prior, e->classes, 0));
    LEATI_TRY(leati_state_put(s, "mean", LEATI_F64, g->mean, e->classes, e->features));
    return leati_state_put(s, "variance", LEATI_F64, g->variance, e->classes, e->features);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    gaussian_nb *g = (gaussian_nb *)e;
    size_t k = e->classes, p = e->features;
    LEATI_TRY(leati_state_take(c, s, "log_prior", LEATI_F64, k, 0, &g->log_prior, NULL));
    LEATI_TRY(leati_state_take(c, s, "mean", LEATI_F64, k, p, &g->mean, NULL));
    LEATI_TRY(leati_state_take(c, s, "variance", LEATI_F64, k, p, &g->variance, NULL));
    for (size_t j = 0; j < k * p; j++)
        LEATI_CHECK(c, g->variance[j] >= 1e-300, LEAT_FORMAT,
                    "damaged model: gaussian_nb has the variance %g", g->variance[j]);
    return prepare(g, c);
}

const leati_estimator_class leati_estimator_gaussian_nb = {
    .name = "gaussian_nb",
    .title = "Gaussian naive Bayes",
    .doc = "Takes the features as independent and normal within each class. Very fast, a good "
           "first model; its probabilities are too sure when features depend on each other.",
    .traits = LEATI_CLASSIFIER | LEATI_TAKES_WEIGHTS | LEATI_WANTS_F32,
    .size = sizeof(gaussian_nb),
    .params = params,
    .fit = fit,
    .proba = leati_nb_proba,
    .decision = decision,
    .save = save,
    .load = load,
    .clear = clear};
