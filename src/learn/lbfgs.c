/* Owns: L-BFGS and OWL-QN. */
#include "learn/lbfgs.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/progress.h"
#include "kernel/vec.h"

enum { HISTORY = 10, MOST_STEPS = 40 };
#define SUFFICIENT 1e-4
#define CURVATURE  0.9

typedef struct solver {
    leat_context *c;
    const leati_vec *v;
    size_t n;
    leati_objective objective;
    void *user;
    const double *l1;
    double value;   /* with the L1 penalty */
    double *x;      /* (n) current point */
    double *g;      /* (n) gradient of the smooth part */
    double *pseudo; /* (n) what the search goes down along: g, or with L1 the least subgradient */
    double *next_x; /* (n) */
    double *next_g; /* (n) */
    double *d;      /* (n) direction */
    double *s, *y;  /* (HISTORY, n) changes of x and of g, newest at `newest` */
    double rho[HISTORY], a[HISTORY];
    int kept, newest;
} solver;

static leat_status solver_init(leat_context *c, solver *s, size_t n)
{
    s->pseudo = leati_array(c, n, sizeof *s->pseudo);
    s->g = leati_array(c, n, sizeof *s->g);
    s->next_x = leati_array(c, n, sizeof *s->next_x);
    s->next_g = leati_array(c, n, sizeof *s->next_g);
    s->d = leati_array(c, n, sizeof *s->d);
    s->s = leati_array(c, n * HISTORY, sizeof *s->s);
    s->y = leati_array(c, n * HISTORY, sizeof *s->y);
    bool ready = s->pseudo && s->g && s->next_x && s->next_g && s->d && s->s && s->y;
    return ready ? LEAT_OK : leat_error_status(c);
}

static void solver_fini(solver *s)
{
    leati_free(s->pseudo);
    leati_free(s->g);
    leati_free(s->next_x);
    leati_free(s->next_g);
    leati_free(s->d);
    leati_free(s->s);
    leati_free(s->y);
}

static leat_status evaluate(solver *s, const double *x, double *value, double *g)
{
    LEATI_TRY(s->objective(s->user, s->c, x, value, g));
    for (size_t i = 0; i < s->n && s->l1; i++) *value += s->l1[i] * fabs(x[i]);
    return LEAT_OK;
}

/* The subgradient of least norm (Andrew and Gao, equation 4). */
static void least_subgradient(solver *s)
{
    if (!s->l1) {
        memcpy(s->pseudo, s->g, s->n * sizeof *s->g);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        double g = s->g[i], l = s->l1[i];
        if (s->x[i] != 0) s->pseudo[i] = g + copysign(l, s->x[i]);
        else s->pseudo[i] = g + l < 0 ? g + l : g - l > 0 ? g - l : 0;
    }
}

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* d = -H pseudo by the two-loop recursion. */
static void direction(solver *s)
{
    for (size_t i = 0; i < s->n; i++) s->d[i] = -s->pseudo[i];
    for (int k = 0; k < s->kept; k++) {
        int at = (s->newest - k + HISTORY) % HISTORY;
        s->a[at] = s->rho[at] * s->v->dot_f64(s->n, s->s + (size_t)at * s->n, s->d);
        s->v->axpy_f64(s->n, -s->a[at], s->y + (size_t)at * s->n, s->d);
    }
    if (s->kept) {
        const double *y = s->y + (size_t)s->newest * s->n;
        s->v->scale_f64(s->n, 1 / (s->rho[s->newest] * s->v->dot_f64(s->n, y, y)), s->d);
    }
    for (int k = s->kept; k-- > 0;) {
        int at = (s->newest - k + HISTORY) % HISTORY;
        double b = s->rho[at] * s->v->dot_f64(s->n, s->y + (size_t)at * s->n, s->d);
        s->v->axpy_f64(s->n, s->a[at] - b, s->s + (size_t)at * s->n, s->d);
    }
    for (size_t i = 0; i < s->n && s->l1; i++)
        if (s->d[i] * s->pseudo[i] >= 0) s->d[i] = 0;
}

/* Puts next - current into the history unless its curvature is too small. */
static void remember(solver *s)
{
    int at = (s->newest + 1) % HISTORY;
    double *step = s->s + (size_t)at * s->n, *change = s->y + (size_t)at * s->n;
    for (size_t i = 0; i < s->n; i++) {
        step[i] = s->next_x[i] - s->x[i];
        change[i] = s->next_g[i] - s->g[i];
    }
    double sy = s->v->dot_f64(s->n, step, change), yy = s->v->dot_f64(s->n, change, change);
    if (!(sy > DBL_EPSILON * yy)) return;
    s->rho[at] = 1 / sy;
    s->newest = at;
    if (s->kept < HISTORY) s->kept++;
}

typedef struct trial {
    double step, value, slope;
} trial;

/* The function along the direction; next_x and next_g are left at that point. */
static leat_status try_step(solver *s, double step, trial *out)
{
    for (size_t i = 0; i < s->n; i++) s->next_x[i] = s->x[i] + step * s->d[i];
    out->step = step;
    LEATI_TRY(evaluate(s, s->next_x, &out->value, s->next_g));
    out->slope = s->v->dot_f64(s->n, s->next_g, s->d);
    if (!isfinite(out->value) || !isfinite(out->slope)) {
        out->value = INFINITY;
        out->slope = INFINITY;
    }
    return LEAT_OK;
}

/* Minimiser of the cubic through two points with slopes (Nocedal and Wright, equation 3.59), kept
 * away from the ends. */
static double between(const trial *a, const trial *b)
{
    double low = fmin(a->step, b->step), high = fmax(a->step, b->step), width = high - low;
    double t = NAN;
    if (isfinite(a->value) && isfinite(b->value)) {
        double d1 = a->slope + b->slope - 3 * (a->value - b->value) / (a->step - b->step);
        double d2 = sqrt(d1 * d1 - a->slope * b->slope);
        d2 = copysign(d2, b->step - a->step);
        t = b->step - (b->step - a->step) * ((b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2));
    }
    if (!(t > low + 0.1 * width && t < high - 0.1 * width)) t = low + 0.5 * width;
    return t;
}

/* Strong Wolfe conditions; *found is false when no step lowers the value beyond rounding. */
static leat_status wolfe(solver *s, double step, double *value, bool *found)
{
    trial start = {0, s->value, s->v->dot_f64(s->n, s->g, s->d)}, low = start, high, now;
    bool bracketed = false;
    *found = false;
    for (int i = 0; i < MOST_STEPS; i++) {
        LEATI_TRY(try_step(s, step, &now));
        bool lower = now.value <= start.value + SUFFICIENT * step * start.slope;
        if (lower && fabs(now.slope) <= -CURVATURE * start.slope) {
            *value = now.value;
            *found = true;
            return LEAT_OK;
        }
        if (!lower || (now.value >= low.value && low.step > 0)) {
            high = now;
            bracketed = true;
        } else if (!bracketed) {
            if (now.slope >= 0) {
                high = low;
                bracketed = true;
            }
            low = now;
        } else {
            if (now.slope * (high.step - low.step) >= 0) high = low;
            low = now;
        }
        step = bracketed ? between(&low, &high) : 2 * step;
        if (bracketed && fabs(high.step - low.step) <= 1e-12 * fmax(high.step, low.step)) break;
    }
    /* The best point seen still lowers the value: take it. */
    if (low.step > 0 && low.value < start.value) {
        LEATI_TRY(try_step(s, low.step, &now));
        *value = now.value;
        *found = true;
    }
    return LEAT_OK;
}

/* Backtracking within the orthant of the current point (Andrew and Gao, section 3.2). */
static leat_status orthant(solver *s, double step, double *value, bool *found)
{
    *found = false;
    for (int i = 0; i < MOST_STEPS; i++, step /= 2) {
        double slope = 0;
        for (size_t k = 0; k < s->n; k++) {
            double sign = s->x[k] != 0 ? s->x[k] : -s->pseudo[k];
            double x = s->x[k] + step * s->d[k];
            if (s->l1[k] > 0 && x * sign <= 0) x = 0;
            s->next_x[k] = x;
            slope += s->pseudo[k] * (x - s->x[k]);
        }
        LEATI_TRY(evaluate(s, s->next_x, value, s->next_g));
        if (!(*value <= s->value + SUFFICIENT * slope) || !(slope < 0)) continue;
        *found = true;
        return LEAT_OK;
    }
    return LEAT_OK;
}

static leat_status iterate(solver *s, const leati_lbfgs_options *o, leati_lbfgs_result *r)
{
    while (r->gradient > o->tolerance && r->iterations < o->max_iter) {
        LEATI_TRY(leati_progress(s->c, "fitting", r->iterations, o->max_iter));
        direction(s);
        double slope = s->v->dot_f64(s->n, s->pseudo, s->d);
        if (!(slope < 0)) {
            s->kept = 0;
            direction(s);
        }
        double norm = sqrt(s->v->dot_f64(s->n, s->d, s->d));
        double value, step = s->kept ? 1 : 1 / fmax(norm, 1);
        bool found;
        LEATI_TRY(s->l1 ? orthant(s, step, &value, &found) : wolfe(s, step, &value, &found));
        if (!found && s->kept) { /* once more along the gradient */
            s->kept = 0;
            continue;
        }
        if (!found) { /* rounding hides any descent */
            r->converged = true;
            return LEAT_OK;
        }
        remember(s);
        double fall = s->value - value;
        s->value = value;
        memcpy(s->x, s->next_x, s->n * sizeof *s->x);
        memcpy(s->g, s->next_g, s->n * sizeof *s->g);
        least_subgradient(s);
        r->gradient = largest(s->pseudo, s->n);
        r->iterations++;
        if (fall <= o->precision * fmax(fabs(value), 1)) {
            r->converged = true;
            return LEAT_OK;
        }
    }
    r->converged = r->gradient <= o->tolerance;
    return LEAT_OK;
}

leat_status leati_lbfgs(leat_context *c, size_t n, double *x, leati_objective objective, void *user,
                        const leati_lbfgs_options *options, leati_lbfgs_result *result)
{
    solver s = {.c = c,
                .v = leati_vec_of(c),
                .n = n,
                .x = x,
                .objective = objective,
                .user = user,
                .l1 = options->l1};
    *result = (leati_lbfgs_result){0};
    leat_status st;
    LEATI_GO(solver_init(c, &s, n));
    LEATI_GO(evaluate(&s, x, &s.value, s.g));
    least_subgradient(&s);
    result->gradient = largest(s.pseudo, n);
    if (!isfinite(s.value) || !isfinite(result->gradient)) {
        st = LEATI_FAIL(c, LEAT_NUMERIC, "the loss overflows at the start: scale the features");
        goto out;
    }
    LEATI_GO(iterate(&s, options, result));
    result->value = s.value;
out:
    solver_fini(&s);
    return st;
}
