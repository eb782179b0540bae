/* Owns: coordinate descent for the elastic net, its duality gap and screening. */
#include "learn/coordinate_descent.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/rng.h"
#include "kernel/vec.h"

/* Either `gram` is set and `q` holds X^T (y - X b), or `x` is set and `r` holds y - X b. */
typedef struct descent {
    const leati_cd_options *o;
    const leati_vec *v;
    size_t rows, cols;
    double *gram;    /* (cols, cols) */
    double *x;       /* (cols, rows) column after column */
    double *y;       /* (rows) */
    double *xy;      /* (cols) X^T y */
    double *r;       /* (rows) */
    double *q;       /* (cols) X^T r: kept up to date with `gram`, else made for the gap */
    double *squares; /* (cols) |x_j|^2 */
    double *b;       /* (cols) */
    double yy;
    uint32_t *active;
    size_t actives;
    size_t tasks;
} descent;

static void descent_fini(descent *d)
{
    leati_free(d->gram);
    leati_free(d->x);
    leati_free(d->y);
    leati_free(d->xy);
    leati_free(d->r);
    leati_free(d->q);
    leati_free(d->squares);
    leati_free(d->active);
}

static leat_status use_gram(leat_context *c, descent *d, const leati_design *g)
{
    d->gram = leati_array(c, d->cols * d->cols, sizeof *d->gram);
    d->xy = leati_array(c, d->cols, sizeof *d->xy);
    if (!d->gram || !d->xy) return leat_error_status(c);
    LEATI_TRY(leati_design_gram(c, g, d->gram, d->xy, &d->yy));
    memcpy(d->q, d->xy, d->cols * sizeof *d->q);
    for (size_t j = 0; j < d->cols; j++) {
        d->squares[j] = d->gram[j * d->cols + j];
        if (d->b[j] != 0) d->v->axpy_f64(d->cols, -d->b[j], d->gram + j * d->cols, d->q);
    }
    return LEAT_OK;
}

static leat_status use_columns(leat_context *c, descent *d, const leati_design *g)
{
    d->x = leati_array(c, d->rows * d->cols, sizeof *d->x);
    d->y = leati_array(c, d->rows, sizeof *d->y);
    d->r = leati_array(c, d->rows, sizeof *d->r);
    if (!d->x || !d->y || !d->r) return leat_error_status(c);
    LEATI_TRY(leati_design_columns(c, g, d->x, d->y));
    d->yy = d->v->dot_f64(d->rows, d->y, d->y);
    memcpy(d->r, d->y, d->rows * sizeof *d->r);
    for (size_t j = 0; j < d->cols; j++) {
        const double *x = d->x + j * d->rows;
        d->squares[j] = d->v->dot_f64(d->rows, x, x);
        if (d->b[j] != 0) d->v->axpy_f64(d->rows, -d->b[j], x, d->r);
    }
    return LEAT_OK;
}

static leat_status descent_init(leat_context *c, descent *d, const leati_design *g,
                                const leati_cd_options *o, double *coef)
{
    *d = (descent){.o = o, .v = leati_vec_of(c), .b = coef};
    d->rows = g->d->x.rows;
    d->cols = g->d->x.cols;
    d->tasks = leati_task_count(d->rows * d->cols, 1 << 16, 64);
    if (d->tasks > d->cols) d->tasks = d->cols;
    d->q = leati_array(c, d->cols, sizeof *d->q);
    d->squares = leati_array(c, d->cols, sizeof *d->squares);
    d->active = leati_array(c, d->cols, sizeof *d->active);
    if (!d->q || !d->squares || !d->active) return leat_error_status(c);
    LEATI_TRY(d->rows >= d->cols ? use_gram(c, d, g) : use_columns(c, d, g));
    for (size_t j = 0; j < d->cols; j++) {
        if (d->squares[j] > 0) d->active[d->actives++] = (uint32_t)j;
        else coef[j] = 0;
    }
    return LEAT_OK;
}

static void change(descent *d, size_t j, double value)
{
    double by = d->b[j] - value;
    if (by == 0) return;
    d->b[j] = value;
    if (d->gram) d->v->axpy_f64(d->cols, by, d->gram + j * d->cols, d->q);
    else d->v->axpy_f64(d->rows, by, d->x + j * d->rows, d->r);
}

/* The minimiser over coordinate j, the others fixed. */
static double best(const descent *d, size_t j)
{
    double slope = d->gram ? d->q[j] : d->v->dot_f64(d->rows, d->x + j * d->rows, d->r);
    slope += d->squares[j] * d->b[j];
    if (d->o->positive && slope < 0) return 0;
    double shrunk = fmax(fabs(slope) - d->o->l1, 0);
    return copysign(shrunk, slope) / (d->squares[j] + d->o->l2);
}

/* One pass over the active coordinates; returns the largest change relative to the largest |b|. */
static double pass(descent *d, leati_rng *rng)
{
    double most = 0, moved = 0;
    for (size_t k = 0; k < d->actives; k++) {
        size_t at = d->o->random ? leati_rng_below(rng, (uint32_t)d->actives) : k;
        size_t j = d->active[at];
        double before = d->b[j], now = best(d, j);
        change(d, j, now);
        moved = fmax(moved, fabs(now - before));
        most = fmax(most, fabs(now));
    }
    return most > 0 ? moved / most : 0;
}

static void correlate(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    descent *d = arg;
    size_t to = leati_task_start(d->cols, d->tasks, task + 1);
    for (size_t j = leati_task_start(d->cols, d->tasks, task); j < to; j++)
        d->q[j] = d->v->dot_f64(d->rows, d->x + j * d->rows, d->r);
}

/* |r|^2 and r.y; on the Gram matrix from q = X^T r: r.y = yy - b.xy, |r|^2 = r.y - b.q. */
static void residual_moments(const descent *d, double *rr, double *ry)
{
    if (!d->gram) {
        *rr = d->v->dot_f64(d->rows, d->r, d->r);
        *ry = d->v->dot_f64(d->rows, d->r, d->y);
        return;
    }
    *ry = d->yy - d->v->dot_f64(d->cols, d->b, d->xy);
    *rr = fmax(0, *ry - d->v->dot_f64(d->cols, d->b, d->q));
}

/* The duality gap at b with the dual point r scaled to be feasible; *bound is the largest
 * correlation that it was scaled by. With an L2 part X and y are thought extended by sqrt(l2) I and
 * zeros. Without an L1 part: the squared norm of the gradient over 2 l2, which bounds the same. */
static double duality_gap(leat_context *c, descent *d, double *bound)
{
    double rr, ry, l1 = d->o->l1, l2 = d->o->l2;
    if (!d->gram) leati_parallel(c, d->tasks, correlate, d);
    residual_moments(d, &rr, &ry);
    double bb = d->v->dot_f64(d->cols, d->b, d->b), norm1 = 0, gradient = 0;
    *bound = 0;
    for (size_t j = 0; j < d->cols; j++) {
        double s = d->q[j] - l2 * d->b[j];
        norm1 += fabs(d->b[j]);
        gradient += s * s;
        *bound = fmax(*bound, d->o->positive ? s : fabs(s));
    }
    if (l1 == 0) return l2 > 0 ? gradient / (2 * l2) : gradient;
    double scale = *bound > l1 ? l1 / *bound : 1;
    return (rr + l2 * bb) * (1 + scale * scale) / 2 + l1 * norm1 - scale * ry;
}

/* Drops every active column whose correlation stays below l1 in the whole sphere around the dual
 * point that holds the optimum (Ndiaye et al., equations 8 and 11). */
static void screen(descent *d, double gap, double bound)
{
    double l1 = d->o->l1, scale = 1 / fmax(l1, bound), radius = sqrt(2 * fmax(gap, 0)) / l1;
    size_t left = 0;
    for (size_t k = 0; k < d->actives; k++) {
        size_t j = d->active[k];
        double s = (d->q[j] - d->o->l2 * d->b[j]) * scale;
        if (!d->o->positive) s = fabs(s);
        if (1 - s <= radius * sqrt(d->squares[j] + d->o->l2)) d->active[left++] = (uint32_t)j;
        else change(d, j, 0);
    }
    d->actives = left;
}

static leat_status descend(leat_context *c, descent *d, uint64_t seed, leati_cd_result *r)
{
    const leati_cd_options *o = d->o;
    double allowed = o->tolerance * d->yy, bound;
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_FEATURES, 0);
    for (;;) {
        r->gap = duality_gap(c, d, &bound);
        r->converged = r->gap <= allowed;
        if (r->converged || r->iterations >= o->max_iter) break;
        if (o->l1 > 0) screen(d, r->gap, bound);
        /* The gap costs as much as passes: look at it when steps have become small. */
        double moved = 1;
        while (moved > o->tolerance && r->iterations < o->max_iter) {
            LEATI_TRY(leati_progress(c, "fitting", r->iterations, o->max_iter));
            moved = pass(d, &rng);
            r->iterations++;
            if (r->iterations % 10 == 0) break;
        }
    }
    if (d->yy > 0) r->gap /= d->yy;
    return LEAT_OK;
}

leat_status leati_coordinate_descent(leat_context *c, const leati_design *g,
                                     const leati_cd_options *options, double *coef,
                                     leati_cd_result *result)
{
    descent d;
    *result = (leati_cd_result){0};
    leat_status st = descent_init(c, &d, g, options, coef);
    if (st == LEAT_OK) st = descend(c, &d, g->d->seed, result);
    descent_fini(&d);
    return st;
}
