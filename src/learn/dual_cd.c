/* Owns: the dual solver of linear machines. */
#include "learn/dual_cd.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* Smaller steps change nothing that matters and cost a row. */
#define LEAST_STEP 1e-12

typedef struct solver {
    leati_dual_cd *p;
    double *alpha;   /* (rows) */
    uint32_t *index; /* (rows) active rows first */
    size_t active;
    double high, low; /* bounds of the projected gradient in the last pass; beyond: shrink */
    double next_high, next_low, sum;
    bool moved; /* in this pass: if nothing does, rounding is reached */
} solver;

static double limit(const leati_dual_cd *p, size_t i)
{
    return p->squared ? INFINITY : p->cost[i];
}

static double ridge(const leati_dual_cd *p, size_t i)
{
    return p->squared ? 0.5 / p->cost[i] : 0;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* One step on a row; false when the row leaves the active set. */
static bool step_class(solver *s, size_t i)
{
    leati_dual_cd *p = s->p;
    double old = s->alpha[i], most = limit(p, i), d = ridge(p, i);
    double gradient = p->y[i] * leati_linear_rows_dot(p->x, i, p->w) - 1 + old * d;
    double projected = gradient;
    if (old == 0) {
        if (gradient > s->high) return false;
        if (gradient > 0) projected = 0;
    } else if (old == most) {
        if (gradient < s->low) return false;
        if (gradient < 0) projected = 0;
    }
    if (projected > s->next_high) s->next_high = projected;
    if (projected < s->next_low) s->next_low = projected;
    if (fabs(projected) <= LEAST_STEP) return true;
    double curve = p->x->square[i] + d;
    double next = curve > 0 ? clamp(old - gradient / curve, 0, most) : gradient < 0 ? most : 0;
    if (isinf(next)) return true; /* a zero row under no limit: no effect on w */
    s->alpha[i] = next;
    if (next == old) return true;
    leati_linear_rows_add(p->x, i, (next - old) * p->y[i], p->w);
    return s->moved = true;
}

static bool step_number(solver *s, size_t i)
{
    leati_dual_cd *p = s->p;
    double old = s->alpha[i], most = limit(p, i), d = ridge(p, i);
    double gradient = -p->y[i] + d * old + leati_linear_rows_dot(p->x, i, p->w);
    double above = gradient + p->epsilon, below = gradient - p->epsilon, violation = 0;
    if (old == 0) {
        if (above < 0) violation = -above;
        else if (below > 0) violation = below;
        else if (above > s->high && below < -s->high) return false;
    } else if (old >= most) {
        if (above > 0) violation = above;
        else if (above < -s->high) return false;
    } else if (old <= -most) {
        if (below < 0) violation = -below;
        else if (below > s->high) return false;
    } else violation = fabs(old > 0 ? above : below);
    if (violation > s->next_high) s->next_high = violation;
    s->sum += violation;
    double curve = p->x->square[i] + d, step = -old;
    if (!(curve > 0)) return true;
    if (above < curve * old) step = -above / curve;
    else if (below > curve * old) step = -below / curve;
    if (fabs(step) < LEAST_STEP) return true;
    s->alpha[i] = clamp(old + step, -most, most);
    if (s->alpha[i] == old) return true;
    leati_linear_rows_add(p->x, i, s->alpha[i] - old, p->w);
    return s->moved = true;
}

/* Brings the first lines of the row after the present one; its rest follows by itself. */
static void prefetch(const leati_linear_rows *x, size_t row)
{
    const char *at =
        x->f64 ? (const char *)(x->f64 + row * x->cols) : (const char *)(x->f32 + row * x->cols);
    for (size_t line = 0; line < 8; line++) __builtin_prefetch(at + 64 * line);
}

static void pass(solver *s)
{
    leati_dual_cd *p = s->p;
    bool (*step)(solver *, size_t) = p->regression ? step_number : step_class;
    leati_rng_shuffle(&p->rng, s->index, s->active);
    s->next_high = p->regression ? 0 : -INFINITY;
    s->next_low = INFINITY;
    s->sum = 0;
    s->moved = false;
    for (size_t at = 0; at < s->active;) {
        uint32_t row = s->index[at];
        if (at + 1 < s->active) prefetch(p->x, s->index[at + 1]);
        if (step(s, row)) at++;
        else {
            s->index[at] = s->index[--s->active];
            s->index[s->active] = row;
        }
    }
}

static void loosen(solver *s)
{
    s->high = INFINITY;
    s->low = -INFINITY;
}

static void loop(solver *s)
{
    leati_dual_cd *p = s->p;
    double first = 0;
    loosen(s);
    while (p->passes < p->most) {
        pass(s);
        if (p->passes++ == 0) first = s->sum;
        bool quiet =
            p->regression ? s->sum <= p->tol * first : !(s->next_high - s->next_low > p->tol);
        quiet = quiet || !s->moved;
        if (quiet && s->active == p->x->rows) {
            p->converged = true;
            return;
        }
        if (quiet) {
            s->active = p->x->rows;
            loosen(s);
            continue;
        }
        s->high = p->regression || s->next_high > 0 ? s->next_high : INFINITY;
        s->low = s->next_low < 0 ? s->next_low : -INFINITY;
    }
}

leat_status leati_dual_cd_solve(const leat_context *c, leati_dual_cd *p)
{
    size_t n = p->x->rows;
    p->passes = 0;
    p->converged = false;
    memset(p->w, 0, p->x->cols * sizeof *p->w);
    double *alpha = leati_alloc_quiet(c, n * sizeof *alpha);
    uint32_t *index = leati_alloc_quiet(c, n * sizeof *index);
    solver s = {.p = p, .alpha = alpha, .index = index, .active = n};
    if (alpha && index) {
        memset(alpha, 0, n * sizeof *alpha);
        for (size_t i = 0; i < n; i++) index[i] = (uint32_t)i;
        loop(&s);
    }
    bool complete = alpha && index;
    leati_free(alpha);
    leati_free(index);
    return complete ? LEAT_OK : LEAT_NOMEM;
}
