/* Owns: the l1-penalised linear classifier's solver and the transposed copy of rows it works on. */
#include "learn/linear_svc_l1.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

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

static const double *column(const leati_l1 *p, size_t j)
{
    size_t n = p->x->rows;
    if (p->x->f64) return p->x->f64 + j * n;
    p->vec->widen(n, p->x->f32 + j * n, p->space);
    return p->space;
}

static double loss_after(const leati_l1 *p, const double *x, double move)
{
    double loss = 0;
    for (size_t i = 0; i < p->x->rows; i++) {
        double b = p->margin[i] - move * p->y[i] * x[i];
        if (b > 0) loss += p->cost[i] * b * b;
    }
    return loss;
}

/* Halves d until the objective falls enough; returns the step taken. */
static double search(const leati_l1 *p, size_t j, const double *x, double d, double gradient)
{
    double w = p->w[j], before = -1, expected = fabs(w + d) - fabs(w) + gradient * d;
    for (int k = 0; k < HALVINGS; k++, d /= 2, expected /= 2) {
        double change = fabs(w + d) - fabs(w) - SUFFICIENT * expected;
        /* An upper bound of the loss that needs no pass. */
        if (p->square[j] * d * d + gradient * d + change <= 0) return d;
        if (before < 0) before = loss_after(p, x, 0);
        if (change + loss_after(p, x, d) - before <= 0) return d;
    }
    return 0;
}

/* false: the feature leaves the active set. */
static bool step(leati_l1 *p, size_t j)
{
    const double *x = column(p, j);
    double gradient = 0, curve = 0, w = p->w[j], violation = 0;
    for (size_t i = 0; i < p->x->rows; i++) {
        if (!(p->margin[i] > 0)) continue;
        double u = p->cost[i] * x[i];
        gradient -= u * p->y[i] * p->margin[i];
        curve += u * x[i];
    }
    gradient *= 2;
    curve = curve > 5e-13 ? 2 * curve : 1e-12;
    double above = gradient + 1, below = gradient - 1, share = p->limit / (double)p->x->rows;
    if (w == 0) {
        if (above < 0) violation = -above;
        else if (below > 0) violation = below;
        else if (above > share && below < -share) return false;
    } else violation = fabs(w > 0 ? above : below);
    if (violation > p->next_limit) p->next_limit = violation;
    p->sum += violation;
    double d = above < curve * w ? -above / curve : below > curve * w ? -below / curve : -w;
    if (fabs(d) < 1e-12) return true;
    d = search(p, j, x, d, gradient);
    if (d == 0) return true;
    p->w[j] += d;
    p->moved = true;
    for (size_t i = 0; i < p->x->rows; i++) p->margin[i] -= d * p->y[i] * x[i];
    return true;
}

static void pass(leati_l1 *p)
{
    p->next_limit = 0;
    p->sum = 0;
    p->moved = false;
    leati_rng_shuffle(&p->rng, p->index, p->active);
    for (size_t at = 0; at < p->active;) {
        uint32_t j = p->index[at];
        if (step(p, j)) at++;
        else {
            p->index[at] = p->index[--p->active];
            p->index[p->active] = j;
        }
    }
}

void leati_l1_run(leati_l1 *out, uint32_t passes)
{
    leati_l1 own = *out, *p = &own; /* as in dual_cd.c: no cache line is shared */
    for (; !p->done && passes > 0; passes--) {
        pass(p);
        if (p->passes++ == 0) p->first = p->sum;
        p->limit = p->next_limit;
        bool quiet = !(p->sum > p->tol * p->first && p->moved);
        p->converged = quiet && p->active == p->x->cols;
        p->done = p->converged || p->passes >= p->most;
        if (!quiet) continue;
        p->active = p->x->cols;
        p->limit = INFINITY;
    }
    *out = own;
}

leat_status leati_l1_init(leat_context *c, leati_l1 *p)
{
    size_t n = p->x->rows, cols = p->x->cols;
    p->passes = 0;
    p->converged = p->done = false;
    p->active = cols;
    p->limit = INFINITY;
    p->vec = leati_vec_of(c);
    p->margin = leati_array(c, 2 * n + cols, sizeof *p->margin);
    p->index = leati_array(c, cols, sizeof *p->index);
    if (!p->margin || !p->index) return leat_error_status(c);
    p->space = p->margin + n;
    p->square = p->space + n;
    memset(p->w, 0, cols * sizeof *p->w);
    for (size_t i = 0; i < n; i++) p->margin[i] = 1;
    for (size_t j = 0; j < cols; j++) {
        const double *x = column(p, j);
        p->index[j] = (uint32_t)j;
        p->square[j] = 0;
        for (size_t i = 0; i < n; i++) p->square[j] += p->cost[i] * x[i] * x[i];
    }
    return LEAT_OK;
}

void leati_l1_fini(leati_l1 *p)
{
    leati_free(p->margin);
    leati_free(p->index);
    p->margin = NULL;
    p->index = NULL;
}
