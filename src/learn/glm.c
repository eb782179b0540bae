/* Owns: the learned part of linear models. */
#include "learn/glm.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/vec.h"

size_t leati_glm_outputs(const leati_estimator *e)
{
    return e->task == LEATI_CLASSIFY && e->classes > 2 ? e->classes : 1;
}

void leati_glm_clear(leati_glm *g)
{
    leati_free(g->coef);
    leati_free(g->intercept);
    leati_free(g->spread);
    *g = (leati_glm){0};
}

leat_status leati_glm_init(leat_context *c, leati_glm *g, size_t outputs, size_t features)
{
    leati_glm_clear(g);
    size_t count;
    LEATI_CHECK(c, !leati_mul_overflows(outputs, features, &count), LEAT_LIMIT,
                "a linear model of %zu outputs and %zu features does not fit in memory", outputs,
                features);
    g->outputs = outputs;
    g->features = features;
    g->coef = LEATI_NEW(c, double, count);
    g->intercept = LEATI_NEW(c, double, outputs);
    g->spread = LEATI_NEW(c, double, features);
    if (g->coef && g->intercept && g->spread) return LEAT_OK;
    leati_glm_clear(g);
    return leat_error_status(c);
}

typedef struct scoring {
    const leati_glm *g;
    const leati_matrix *x;
    const leati_vec *v;
    double *out;
    size_t tasks;
    double *space; /* (tasks, features) when x is f32, else NULL */
} scoring;

static void score_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    scoring *s = arg;
    const leati_glm *g = s->g;
    double *space = s->space ? s->space + task * g->features : NULL;
    size_t to = leati_task_start(s->x->rows, s->tasks, task + 1);
    for (size_t i = leati_task_start(s->x->rows, s->tasks, task); i < to; i++) {
        const double *row = space;
        if (s->x->f64) row = s->x->f64 + i * s->x->stride;
        else s->v->widen(g->features, s->x->f32 + i * s->x->stride, space);
        for (size_t k = 0; k < g->outputs; k++)
            s->out[i * g->outputs + k] =
                s->v->dot_f64(g->features, g->coef + k * g->features, row) + g->intercept[k];
    }
}

leat_status leati_glm_scores(const leati_glm *g, leat_context *c, const leati_matrix *x,
                             double *out)
{
    scoring s = {.g = g, .x = x, .v = leati_vec_of(c), .out = out};
    s.tasks = leati_task_count(x->rows * g->features * g->outputs, 1 << 17, 64);
    if (s.tasks > x->rows) s.tasks = x->rows;
    if (!x->f64) {
        s.space = leati_array(c, s.tasks * g->features, sizeof *s.space);
        if (!s.space) return leat_error_status(c);
    }
    leati_parallel(c, s.tasks, score_rows, &s);
    leati_free(s.space);
    return LEAT_OK;
}

leat_status leati_glm_decision(const leati_glm *g, leat_context *c, const leati_matrix *x,
                               double *out)
{
    LEATI_TRY(leati_glm_scores(g, c, x, out));
    if (g->outputs > 1) return LEAT_OK;
    for (size_t i = x->rows; i-- > 0;) {
        double score = out[i];
        out[2 * i] = -score;
        out[2 * i + 1] = score;
    }
    return LEAT_OK;
}

leat_status leati_glm_classify(const leati_glm *g, leat_context *c, const leati_matrix *x,
                               double *out)
{
    if (g->outputs == 1) {
        LEATI_TRY(leati_glm_scores(g, c, x, out));
        for (size_t i = 0; i < x->rows; i++) out[i] = out[i] > 0;
        return LEAT_OK;
    }
    double *scores = leati_array(c, x->rows * g->outputs, sizeof *scores);
    if (!scores) return leat_error_status(c);
    leat_status st = leati_glm_scores(g, c, x, scores);
    for (size_t i = 0; i < x->rows && st == LEAT_OK; i++) {
        const double *row = scores + i * g->outputs;
        size_t best = 0;
        for (size_t k = 1; k < g->outputs; k++)
            if (row[k] > row[best]) best = k;
        out[i] = (double)best;
    }
    leati_free(scores);
    return st;
}

leat_status leati_glm_save(const leati_glm *g, leati_state *s)
{
    LEATI_TRY(leati_state_put(s, "coef", LEATI_F64, g->coef, g->outputs, g->features));
    LEATI_TRY(leati_state_put(s, "intercept", LEATI_F64, g->intercept, g->outputs, 0));
    return leati_state_put(s, "spread", LEATI_F64, g->spread, g->features, 0);
}

static leat_status check_finite(leat_context *c, const char *name, const double *values,
                                size_t count, double least)
{
    for (size_t i = 0; i < count; i++)
        LEATI_CHECK(c, isfinite(values[i]) && values[i] >= least, LEAT_FORMAT,
                    "damaged model: the array '%s' holds %g", name, values[i]);
    return LEAT_OK;
}

leat_status leati_glm_load(leati_glm *g, leat_context *c, leati_state *s, size_t outputs,
                           size_t features)
{
    leati_glm_clear(g);
    g->outputs = outputs;
    g->features = features;
    leat_status st;
    LEATI_GO(leati_state_take(c, s, "coef", LEATI_F64, outputs, features, &g->coef, NULL));
    LEATI_GO(leati_state_take(c, s, "intercept", LEATI_F64, outputs, 0, &g->intercept, NULL));
    LEATI_GO(leati_state_take(c, s, "spread", LEATI_F64, features, 0, &g->spread, NULL));
    LEATI_GO(check_finite(c, "coef", g->coef, outputs * features, -INFINITY));
    LEATI_GO(check_finite(c, "intercept", g->intercept, outputs, -INFINITY));
    LEATI_GO(check_finite(c, "spread", g->spread, features, 0));
out:
    if (st != LEAT_OK) leati_glm_clear(g);
    return st;
}

void leati_glm_importance(const leati_glm *g, double *out)
{
    for (size_t j = 0; j < g->features; j++) {
        double sum = 0;
        for (size_t k = 0; k < g->outputs; k++) sum += fabs(g->coef[k * g->features + j]);
        out[j] = sum / (double)g->outputs * g->spread[j];
    }
}

double *leati_glm_balance(leat_context *c, const leati_dataset *d)
{
    double *w = LEATI_NEW(c, double, d->classes), sum = 0;
    if (!w) return NULL;
    for (size_t i = 0; i < d->x.rows; i++) {
        double row = d->weight ? d->weight[i] : 1;
        w[d->label[i]] += row;
        sum += row;
    }
    for (uint32_t k = 0; k < d->classes; k++) w[k] = w[k] > 0 ? sum / (d->classes * w[k]) : 0;
    return w;
}

static const leati_glm *of(const leati_estimator *e)
{
    return &((const leati_glm_estimator *)e)->glm;
}

leat_status leati_glm_class_predict(const leati_estimator *e, leat_context *c,
                                    const leati_matrix *x, double *out)
{
    if (e->task == LEATI_CLASSIFY) return leati_glm_classify(of(e), c, x, out);
    return leati_glm_scores(of(e), c, x, out);
}

leat_status leati_glm_class_decision(const leati_estimator *e, leat_context *c,
                                     const leati_matrix *x, double *out)
{
    return leati_glm_decision(of(e), c, x, out);
}

leat_status leati_glm_class_save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    return leati_glm_save(of(e), s);
}

leat_status leati_glm_class_load(leati_estimator *e, leat_context *c, leati_state *s)
{
    return leati_glm_load(&((leati_glm_estimator *)e)->glm, c, s, leati_glm_outputs(e),
                          e->features);
}

void leati_glm_class_clear(leati_estimator *e)
{
    leati_glm_clear(&((leati_glm_estimator *)e)->glm);
}

leat_status leati_glm_class_importance(const leati_estimator *e, leat_context *c, double *out)
{
    (void)c;
    leati_glm_importance(of(e), out);
    return LEAT_OK;
}
