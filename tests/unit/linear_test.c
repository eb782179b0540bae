/* Linear models: agreement with scikit-learn, thread independence, files, bad input. */
#include "support/leattest.h"

#include "base/mem.h"
#include "base/rng.h"
#include "golden/linear.h"
#include "learn/estimator.h"

enum { MOST_ROWS = 200 };

typedef struct sample {
    leati_dataset d;
    uint32_t label[MOST_ROWS];
    double weight[MOST_ROWS];
} sample;

static void sample_of(const struct golden_case *g, sample *s)
{
    s->d = (leati_dataset){.seed = 3, .task = g->classes ? LEATI_CLASSIFY : LEATI_REGRESS};
    s->d.x = (leati_matrix){.f64 = g->x, .rows = g->rows, .cols = g->cols, .stride = g->cols};
    s->d.classes = g->classes;
    for (size_t i = 0; i < g->rows; i++) {
        s->label[i] = g->classes ? (uint32_t)g->y[i] : 0;
        s->weight[i] = 0.25 + (double)(i % 7) / 2;
    }
    if (g->classes) s->d.label = s->label;
    else s->d.y = g->y;
    if (g->weighted) s->d.weight = s->weight;
}

/* `params`: "name=value name=value". */
static leat_status make(leat_context *c, leati_estimator **e, const char *name, const char *params)
{
    leat_status st = leati_estimator_create(c, e, leati_estimator_class_find(name));
    char copy[256];
    snprintf(copy, sizeof copy, "%s", params);
    for (char *rest = copy, *word; st == LEAT_OK && (word = strtok_r(rest, " ", &rest));) {
        char *value = strchr(word, '=');
        *value++ = 0;
        st = leati_estimator_set(c, *e, word, value);
        if (st != LEAT_OK) leati_estimator_destroy(*e);
    }
    return st;
}

/* Largest distance of the learned numbers from the answer, relative to the largest coefficient (or
 * intercept) of the answer. */
static double distance(leattest *t, const leati_estimator *e, const struct golden_case *g)
{
    leati_state s;
    leati_state_init(&s, t->context);
    double worst = INFINITY;
    size_t coefs = g->outputs * g->cols;
    if (CHECK_OK(leati_estimator_save(t->context, e, &s))) {
        const double *coef = leati_state_find(&s, "coef")->data;
        const double *intercept = leati_state_find(&s, "intercept")->data;
        double most = 1e-3, apart = 0, most_intercept = 1, apart_intercept = 0;
        for (size_t j = 0; j < coefs; j++) {
            most = fmax(most, fabs(g->answer[j]));
            apart = fmax(apart, fabs(coef[j] - g->answer[j]));
        }
        for (size_t k = 0; k < g->outputs; k++) {
            most_intercept = fmax(most_intercept, fabs(g->answer[coefs + k]));
            apart_intercept = fmax(apart_intercept, fabs(intercept[k] - g->answer[coefs + k]));
        }
        worst = fmax(apart / most, apart_intercept / most_intercept);
    }
    leati_state_fini(&s);
    return worst;
}

static void compare(leattest *t, const struct golden_case *g)
{
    leat_context *c = t->context;
    leati_estimator *e;
    sample s;
    sample_of(g, &s);
    if (!CHECK_OK(make(c, &e, g->estimator, g->params))) return;
    if (CHECK_OK(leati_estimator_fit(c, e, &s.d))) {
        double apart = distance(t, e, g);
        bool logistic = strcmp(g->estimator, "logistic") == 0;
        double allowed = strstr(g->params, "solver=lbfgs") ? 1e-5 : logistic ? 1e-6 : 1e-8;
        if (!CHECK(apart <= allowed))
            printf("    %s on %s%s with '%s': %.1e apart, %u iterations\n", g->estimator, g->set,
                   g->weighted ? " (weighted)" : "", g->params, apart, e->iterations);
        if (g->epochs && !CHECK(e->iterations == g->epochs))
            printf("    '%s': %u epochs, expected %u\n", g->params, e->iterations, g->epochs);
    }
    leati_estimator_destroy(e);
}

static void agrees_with_scikit_learn(leattest *t)
{
    for (size_t i = 0; i < sizeof golden_cases / sizeof *golden_cases; i++)
        compare(t, &golden_cases[i]);
}

static const leattest_case list[] = {TEST(agrees_with_scikit_learn)};
LEATTEST_MAIN(list)
