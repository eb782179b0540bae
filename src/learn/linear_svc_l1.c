/* Owns: the l1-penalised linear classifier's solver and the transposed copy of rows it works on. */
#include "learn/linear_svc_l1.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/vec.h"

enum { HALVINGS = 20 };

#define SUFFICIENT 0.01 /* share of the predicted decrease that a step must bring */

leat_status leati_linear_columns_init(leat_context *c, leati_linear_columns *out,
                                      const leati_linear_rows *x)
{
    enum { SIDE = 32 };
    size_t n = x->rows, p = x->cols;
    *out = (leati_linear_columns){.rows = n, .cols = p};
    if (x->f32) out->f32 = leati_array(c, n * p, sizeof *out->f32);
    else out->f64 = leati_array(c, n * p, sizeof *out->f64);
    if (!out->f32 && !out->f64) return leat_error_status(c);
    for (size_t from = 0; from < n; from += SIDE)
        for (size_t j = 0; j < p; j++)
            for (size_t i = from; i < n && i < from + SIDE; i++) {
                if (x->f32) out->f32[j * n + i] = x->f32[i * p + j];
                else out->f64[j * n + i] = x->f64[i * p + j];
            }
    return LEAT_OK;
}

void leati_linear_columns_fini(leati_linear_columns *x)
{
    leati_free(x->f64);
    leati_free(x->f32);
    *x = (leati_linear_columns){0};
}

typedef struct solver {
    leati_l1 *p;
    const leati_vec *vec;
    double *margin;  /* (rows) 1 - y x.w */
    double *space;   /* (rows) a column in f64 */
    double *square;  /* (cols) sum of cost x^2 */
    uint32_t *index; /* (cols) active features first */
    size_t active;
    double limit, next_limit, sum; /* largest violation before and now, sum now */
    bool moved;                    /* in this pass: if nothing does, rounding is reached */
} solver;

static const double *column(const solver *s, size_t j)
{
    size_t n = s->p->x->rows;
    if (s->p->x->f64) return s->p->x->f64 + j * n;
    s->vec->widen(n, s->p->x->f32 + j * n, s->space);
    return s->space;
}

static double loss_after(const solver *s, const double *x, double move)
{
    const leati_l1 *p = s->p;
    double loss = 0;
    for (size_t i = 0; i < p->x->rows; i++) {
        double b = s->margin[i] - move * p->y[i] * x[i];
        if (b > 0) loss += p->cost[i] * b * b;
    }
    return loss;
}

/* Halves d until the objective falls enough; returns the step taken. */
static double search(const solver *s, size_t j, const double *x, double d, double gradient)
{
    double w = s->p->w[j], before = -1, expected = fabs(w + d) - fabs(w) + gradient * d;
    for (int k = 0; k < HALVINGS; k++, d /= 2, expected /= 2) {
        double change = fabs(w + d) - fabs(w) - SUFFICIENT * expected;
        /* An upper bound of the loss that needs no pass. */
        if (s->square[j] * d * d + gradient * d + change <= 0) return d;
        if (before < 0) before = loss_after(s, x, 0);
        if (change + loss_after(s, x, d) - before <= 0) return d;
    }
    return 0;
}

/* false: the feature leaves the active set. */
static bool step(solver *s, size_t j)
{
    leati_l1 *p = s->p;
    const double *x = column(s, j);
    double gradient = 0, curve = 0, w = p->w[j], violation = 0;
    for (size_t i = 0; i < p->x->rows; i++) {
        if (!(s->margin[i] > 0)) continue;
        double u = p->cost[i] * x[i];
        gradient -= u * p->y[i] * s->margin[i];
        curve += u * x[i];
    }
    gradient *= 2;
    curve = curve > 5e-13 ? 2 * curve : 1e-12;
    double above = gradient + 1, below = gradient - 1, share = s->limit / (double)p->x->rows;
    if (w == 0) {
        if (above < 0) violation = -above;
        else if (below > 0) violation = below;
        else if (above > share && below < -share) return false;
    } else violation = fabs(w > 0 ? above : below);
    if (violation > s->next_limit) s->next_limit = violation;
    s->sum += violation;
    double d = above < curve * w ? -above / curve : below > curve * w ? -below / curve : -w;
    if (fabs(d) < 1e-12) return true;
    d = search(s, j, x, d, gradient);
    if (d == 0) return true;
    p->w[j] += d;
    s->moved = true;
    for (size_t i = 0; i < p->x->rows; i++) s->margin[i] -= d * p->y[i] * x[i];
    return true;
}

static void pass(solver *s)
{
    s->next_limit = 0;
    s->sum = 0;
    s->moved = false;
    leati_rng_shuffle(&s->p->rng, s->index, s->active);
    for (size_t at = 0; at < s->active;) {
        uint32_t j = s->index[at];
        if (step(s, j)) at++;
        else {
            s->index[at] = s->index[--s->active];
            s->index[s->active] = j;
        }
    }
}

static void loop(solver *s)
{
    leati_l1 *p = s->p;
    double first = 0;
    s->limit = INFINITY;
    while (p->passes < p->most) {
        pass(s);
        if (p->passes++ == 0) first = s->sum;
        s->limit = s->next_limit;
        if (s->sum > p->tol * first && s->moved) continue;
        if (s->active == p->x->cols) {
            p->converged = true;
            return;
        }
        s->active = p->x->cols;
        s->limit = INFINITY;
    }
}

leat_status leati_l1_solve(const leat_context *c, leati_l1 *p)
{
    size_t n = p->x->rows, cols = p->x->cols;
    p->passes = 0;
    p->converged = false;
    double *numbers = leati_alloc_quiet(c, (2 * n + cols) * sizeof *numbers);
    uint32_t *index = leati_alloc_quiet(c, cols * sizeof *index);
    bool complete = numbers && index;
    if (complete) {
        solver s = {.p = p,
                    .vec = leati_vec_of(c),
                    .margin = numbers,
                    .space = numbers + n,
                    .square = numbers + 2 * n,
                    .index = index,
                    .active = cols};
        memset(p->w, 0, cols * sizeof *p->w);
        for (size_t i = 0; i < n; i++) s.margin[i] = 1;
        for (size_t j = 0; j < cols; j++) {
            const double *x = column(&s, j);
            index[j] = (uint32_t)j;
            s.square[j] = 0;
            for (size_t i = 0; i < n; i++) s.square[j] += p->cost[i] * x[i] * x[i];
        }
        loop(&s);
    }
    leati_free(numbers);
    leati_free(index);
    return complete ? LEAT_OK : LEAT_NOMEM;
}
