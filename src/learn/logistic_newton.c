/* Owns: Newton's method for logistic regression, plain and proximal. */
#include "learn/logistic_newton.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "learn/cholesky.h"

enum { MOST_HALVINGS = 30, MOST_PASSES = 1000 };

typedef struct newton {
    leati_logistic *p;
    double l1;
    size_t n, coefs;
    double value;     /* of F + l1 |coef|_1 */
    double *theta;    /* (n) */
    double *gradient; /* (n) of F */
    double *step;     /* (n) */
    double *next;     /* (n) */
    double *spare;    /* (n) */
    double *hessian;  /* (n, n) */
} newton;

static double weight(const newton *w, size_t j)
{
    return j < w->coefs ? w->l1 : 0;
}

static double penalty(const newton *w, const double *theta)
{
    double sum = 0;
    for (size_t j = 0; j < w->coefs && w->l1 > 0; j++) sum += fabs(theta[j]);
    return w->l1 * sum;
}

/* The largest component of the subgradient of least norm. */
static double optimality(const newton *w)
{
    double most = 0;
    for (size_t j = 0; j < w->n; j++) {
        double g = w->gradient[j], l = weight(w, j);
        if (w->theta[j] != 0) g += copysign(l, w->theta[j]);
        else g = copysign(fmax(fabs(g) - l, 0), g);
        most = fmax(most, fabs(g));
    }
    return most;
}

/* A singular Hessian of a softmax gets the missing directions: shifts of all outputs alike, in the
 * intercepts, and without a penalty also in each coefficient. The gradient has no part in them. */
static void fill_shifts(newton *w)
{
    const leati_logistic *p = w->p;
    size_t k = p->outputs, cols = p->d->x.cols;
    if (k == 1) return;
    double trace = 0;
    for (size_t j = 0; j < w->n; j++) trace += w->hessian[j * w->n + j];
    double share = trace / (double)w->n / (double)k;
    for (size_t j = p->l2 > 0 ? cols : 0; j < cols + p->intercept; j++)
        for (size_t a = 0; a < k; a++)
            for (size_t b = 0; b < k; b++) {
                size_t row = j < cols ? a * cols + j : k * cols + a;
                size_t col = j < cols ? b * cols + j : k * cols + b;
                w->hessian[row * w->n + col] += share;
            }
}

/* step = -H^-1 gradient. */
static leat_status step_by_cholesky(leat_context *c, newton *w, bool *good)
{
    fill_shifts(w);
    LEATI_TRY(leati_cholesky(c, w->n, w->hessian, good));
    if (!*good) return LEAT_OK;
    for (size_t j = 0; j < w->n; j++) w->step[j] = -w->gradient[j];
    leati_cholesky_solve(c, w->n, w->hessian, w->step);
    for (size_t j = 0; j < w->n; j++) *good = *good && isfinite(w->step[j]);
    return LEAT_OK;
}

/* The step that minimises g.d + d.H d / 2 + l1 |theta + d|_1, coordinate by coordinate; `spare`
 * holds g + H d. */
static void step_by_descent(newton *w)
{
    double first = 0;
    memset(w->step, 0, w->n * sizeof *w->step);
    memcpy(w->spare, w->gradient, w->n * sizeof *w->spare);
    for (int pass = 0; pass < MOST_PASSES; pass++) {
        double moved = 0;
        for (size_t j = 0; j < w->n; j++) {
            const double *row = w->hessian + j * w->n;
            double curve = row[j];
            if (!(curve > 0)) continue;
            double now = w->theta[j] + w->step[j], target = now - w->spare[j] / curve;
            target = copysign(fmax(fabs(target) - weight(w, j) / curve, 0), target);
            double by = target - now;
            if (by == 0) continue;
            w->step[j] += by;
            w->p->v->axpy_f64(w->n, by, row, w->spare);
            moved = fmax(moved, fabs(by) * sqrt(curve));
        }
        if (pass == 0) first = moved;
        if (moved <= 1e-9 * first) break;
    }
}

/* Halves the step until the value falls enough; *found is false when rounding hides it. */
static leat_status search(leat_context *c, newton *w, bool *found)
{
    double before = penalty(w, w->theta), t = 1;
    for (size_t j = 0; j < w->n; j++) w->next[j] = w->theta[j] + w->step[j];
    double slope = w->p->v->dot_f64(w->n, w->gradient, w->step) + penalty(w, w->next) - before;
    *found = false;
    for (int i = 0; i < MOST_HALVINGS && slope < 0; i++, t /= 2) {
        double value;
        for (size_t j = 0; j < w->n; j++) w->next[j] = w->theta[j] + t * w->step[j];
        LEATI_TRY(leati_logistic_evaluate(w->p, c, w->next, &value, w->spare));
        value += penalty(w, w->next);
        if (!(value <= w->value + 1e-4 * t * slope)) continue;
        *found = true;
        w->value = value;
        memcpy(w->theta, w->next, w->n * sizeof *w->theta);
        memcpy(w->gradient, w->spare, w->n * sizeof *w->gradient);
        return LEAT_OK;
    }
    return LEAT_OK;
}

static leat_status iterate(leat_context *c, newton *w, const leati_lbfgs_options *o,
                           leati_lbfgs_result *r, bool *done)
{
    LEATI_TRY(leati_logistic_evaluate(w->p, c, w->theta, &w->value, w->gradient));
    w->value += penalty(w, w->theta);
    for (;;) {
        r->gradient = optimality(w);
        r->value = w->value;
        r->converged = r->gradient <= o->tolerance;
        *done = r->converged || r->iterations >= o->max_iter;
        if (*done) return LEAT_OK;
        LEATI_TRY(leati_progress(c, "fitting", r->iterations, o->max_iter));
        bool good = true, found;
        LEATI_TRY(leati_logistic_hessian(c, w->p, w->theta, w->hessian));
        if (w->l1 > 0) step_by_descent(w);
        else LEATI_TRY(step_by_cholesky(c, w, &good));
        if (!good) return LEAT_OK;
        LEATI_TRY(search(c, w, &found));
        if (!found) return LEAT_OK;
        r->iterations++;
    }
}

leat_status leati_logistic_newton(leat_context *c, leati_logistic *p, double l1,
                                  const leati_lbfgs_options *options, double *theta,
                                  leati_lbfgs_result *result, bool *done)
{
    size_t n = p->width;
    newton w = {.p = p, .l1 = l1, .n = n, .coefs = p->outputs * p->d->x.cols, .theta = theta};
    *result = (leati_lbfgs_result){0};
    *done = false;
    w.gradient = leati_array(c, n, sizeof *w.gradient);
    w.step = leati_array(c, n, sizeof *w.step);
    w.next = leati_array(c, n, sizeof *w.next);
    w.spare = leati_array(c, n, sizeof *w.spare);
    w.hessian = leati_array(c, n * n, sizeof *w.hessian);
    bool ready = w.gradient && w.step && w.next && w.spare && w.hessian;
    leat_status st = ready ? iterate(c, &w, options, result, done) : leat_error_status(c);
    leati_free(w.gradient);
    leati_free(w.step);
    leati_free(w.next);
    leati_free(w.spare);
    leati_free(w.hessian);
    return st;
}
