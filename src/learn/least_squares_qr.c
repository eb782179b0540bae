/* Owns: least squares by pivoted QR, refined on the exact data, and the solution of least norm.
 *
 * The matrix is A = sqrt(w) [1, (x - mean) / scale], scale a power of two per column, below it the
 * rows sqrt(alpha) / scale of a penalty. Its entries are rounded; refinement works with x, mean,
 * scale and w themselves, so the rounding of A costs no digits. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/vec.h"
#include "learn/double_double.h"
#include "learn/least_squares.h"
#include "learn/qr.h"

enum { MOST_REFINEMENTS = 8, MOST_TASKS = 16 };

typedef struct problem {
    const leati_design *g;
    bool intercept;
    double root;       /* sqrt(alpha) */
    size_t rows, cols; /* of the matrix */
    size_t tasks;
    double *scale;  /* (features) */
    leati_dd *x;    /* (cols) solution in scaled coordinates */
    leati_dd *r;    /* (rows) residual */
    double *f;      /* (rows) what is missing in r + A x = b */
    leati_dd *part; /* (tasks, cols) */
    double *h;      /* (cols) what is missing in A^T r = 0 */
    leati_qr q;
} problem;

static void problem_fini(problem *p)
{
    leati_free(p->scale);
    leati_free(p->x);
    leati_free(p->r);
    leati_free(p->f);
    leati_free(p->part);
    leati_free(p->h);
    leati_qr_fini(&p->q);
}

static double power_of_two(double value)
{
    int exponent;
    if (!(value > 0)) return 1;
    (void)frexp(value, &exponent);
    return ldexp(1, exponent);
}

static leat_status problem_init(leat_context *c, problem *p, const leati_design *g, bool intercept,
                                double alpha)
{
    const leati_matrix *x = &g->d->x;
    *p = (problem){.g = g, .intercept = intercept, .root = sqrt(alpha)};
    p->cols = x->cols + intercept;
    p->rows = x->rows + (alpha > 0 ? x->cols : 0);
    p->tasks = leati_task_count(x->rows * x->cols, 1 << 14, MOST_TASKS);
    p->scale = leati_array(c, x->cols, sizeof *p->scale);
    p->x = LEATI_NEW(c, leati_dd, p->cols);
    p->r = LEATI_NEW(c, leati_dd, p->rows);
    p->f = LEATI_NEW(c, double, p->rows);
    p->part = leati_array(c, p->tasks * p->cols, sizeof *p->part);
    p->h = leati_array(c, p->cols, sizeof *p->h);
    if (!p->scale || !p->x || !p->r || !p->f || !p->part || !p->h) return leat_error_status(c);
    double root = sqrt(g->weight_sum);
    for (size_t j = 0; j < x->cols; j++) p->scale[j] = power_of_two(root * g->rms[j]);
    return LEAT_OK;
}

/* The rounded matrix, column after column. */
static double *matrix(leat_context *c, const problem *p)
{
    const leati_dataset *d = p->g->d;
    size_t count;
    if (leati_mul_overflows(p->rows, p->cols, &count)) count = SIZE_MAX;
    double *a = LEATI_NEW(c, double, count);
    if (!a) return NULL;
    for (size_t i = 0; i < d->x.rows; i++) {
        double w = d->weight ? sqrt(d->weight[i]) : 1;
        if (p->intercept) a[i] = w;
        for (size_t j = 0; j < d->x.cols; j++)
            a[(j + p->intercept) * p->rows + i] =
                w * ((leati_at(&d->x, i, j) - p->g->mean[j]) / p->scale[j]);
    }
    for (size_t j = 0; j < d->x.cols && p->root > 0; j++)
        a[(j + p->intercept) * p->rows + d->x.rows + j] = p->root / p->scale[j];
    return a;
}

/* f = b - r - A x, row by row, in twice the working precision. */
static void missing_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    problem *p = arg;
    const leati_dataset *d = p->g->d;
    size_t to = leati_task_start(d->x.rows, p->tasks, task + 1);
    for (size_t i = leati_task_start(d->x.rows, p->tasks, task); i < to; i++) {
        leati_dd sum = leati_dd_sum(d->y[i], -p->g->y_mean);
        if (p->intercept) sum = leati_dd_add(sum, (leati_dd){-p->x[0].high, -p->x[0].low});
        for (size_t j = 0; j < d->x.cols; j++) {
            leati_dd x = p->x[j + p->intercept];
            if (x.high == 0) continue;
            leati_dd entry = leati_dd_sum(leati_at(&d->x, i, j), -p->g->mean[j]);
            leati_dd product = leati_dd_times(entry, -x.high / p->scale[j]);
            product.low -= entry.high * (x.low / p->scale[j]);
            sum = leati_dd_add(sum, product);
        }
        if (d->weight) sum = leati_dd_times(sum, sqrt(d->weight[i]));
        p->f[i] = leati_dd_value(leati_dd_add(sum, (leati_dd){-p->r[i].high, -p->r[i].low}));
    }
}

/* Partial sums of A^T r over the data rows, in twice the working precision. */
static void missing_columns(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    problem *p = arg;
    const leati_dataset *d = p->g->d;
    leati_dd *part = p->part + task * p->cols;
    memset(part, 0, p->cols * sizeof *part);
    size_t to = leati_task_start(d->x.rows, p->tasks, task + 1);
    for (size_t i = leati_task_start(d->x.rows, p->tasks, task); i < to; i++) {
        leati_dd r = p->r[i];
        if (d->weight) r = leati_dd_times(r, sqrt(d->weight[i]));
        if (p->intercept) part[0] = leati_dd_add(part[0], r);
        for (size_t j = 0; j < d->x.cols; j++) {
            leati_dd entry = leati_dd_sum(leati_at(&d->x, i, j), -p->g->mean[j]);
            leati_dd product = leati_dd_times(r, entry.high);
            product.low += r.high * entry.low;
            part[j + p->intercept] = leati_dd_add(part[j + p->intercept], product);
        }
    }
}

/* f and h: how far (r, x) is from solving r + A x = b, A^T r = 0. */
static void missing(leat_context *c, problem *p)
{
    const leati_dataset *d = p->g->d;
    leati_parallel(c, p->tasks, missing_rows, p);
    leati_parallel(c, p->tasks, missing_columns, p);
    for (size_t k = 0; k < p->cols; k++) {
        leati_dd sum = {0, 0};
        for (size_t t = 0; t < p->tasks; t++) sum = leati_dd_add(sum, p->part[t * p->cols + k]);
        p->h[k] = -leati_dd_value(sum);
        if (k >= p->intercept) p->h[k] /= p->scale[k - p->intercept];
    }
    for (size_t j = 0; j < d->x.cols && p->root > 0; j++) {
        size_t i = d->x.rows + j, k = j + p->intercept;
        double entry = p->root / p->scale[j];
        leati_dd sum = leati_dd_times(p->x[k], -entry);
        p->f[i] = leati_dd_value(leati_dd_add(sum, (leati_dd){-p->r[i].high, -p->r[i].low}));
        p->h[k] -= entry * leati_dd_value(p->r[i]);
    }
}

/* One correction of r and x by the factorisation; returns the largest change of an x relative to
 * the largest x. */
static double correct(leat_context *c, problem *p, double *g)
{
    const leati_qr *q = &p->q;
    for (size_t k = 0; k < q->rank; k++) g[k] = p->h[q->pivot[k]];
    leati_qr_solve_transposed(c, q, g);
    leati_qr_apply_transposed(c, q, p->f);
    double *dx = p->h;
    for (size_t k = 0; k < q->rank; k++) {
        dx[k] = p->f[k] - g[k];
        p->f[k] = g[k];
    }
    leati_qr_solve(c, q, dx);
    leati_qr_apply(c, q, p->f);
    for (size_t i = 0; i < p->rows; i++) p->r[i] = leati_dd_add(p->r[i], (leati_dd){p->f[i], 0});
    double change = 0, most = 0;
    for (size_t k = 0; k < q->rank; k++) {
        leati_dd *x = p->x + q->pivot[k];
        *x = leati_dd_add(*x, (leati_dd){dx[k], 0});
        change = fmax(change, fabs(dx[k]));
        most = fmax(most, fabs(x->high));
    }
    return most > 0 ? change / most : 0;
}

static leat_status refine(leat_context *c, problem *p)
{
    double *g = leati_array(c, p->cols, sizeof *g);
    if (!g) return leat_error_status(c);
    double before = INFINITY;
    for (int i = 0; i < MOST_REFINEMENTS; i++) {
        missing(c, p);
        double change = correct(c, p, g);
        if (change <= DBL_EPSILON / 4 || (i > 1 && change > before / 2)) break;
        before = change;
    }
    leati_free(g);
    return LEAT_OK;
}

/* Replaces coef by its projection on the row space of the centred data, the solution of least
 * norm: with B = (R P^T diag(scale))^T restricted to features, B = Q2 R2, coef = Q2 Q2^T coef. */
static leat_status shorten(leat_context *c, const problem *p, double *coef)
{
    const leati_qr *q = &p->q;
    size_t features = p->cols - p->intercept, rank = q->rank - p->intercept;
    double *b = LEATI_NEW(c, double, features *rank);
    if (!b) return leat_error_status(c);
    for (size_t k = 0; k < rank; k++)
        for (size_t j = k + p->intercept; j < p->cols; j++) {
            size_t feature = q->pivot[j] - p->intercept;
            b[k * features + feature] = q->a[j * q->rows + k + p->intercept] * p->scale[feature];
        }
    leati_qr basis = {0};
    LEATI_TRY(leati_qr_init(c, &basis, b, features, rank, 0, 0));
    leati_qr_apply_transposed(c, &basis, coef);
    memset(coef + basis.rank, 0, (features - basis.rank) * sizeof *coef);
    leati_qr_apply(c, &basis, coef);
    leati_qr_fini(&basis);
    return LEAT_OK;
}

/* y_mean + x[0] - mean . coef; from the unrounded coefficients where `coef` are those. */
static double constant_term(const problem *p, const double *coef, bool rounded)
{
    const leati_design *g = p->g;
    leati_dd sum = leati_dd_add(leati_dd_sum(g->y_mean, p->x[0].high), (leati_dd){p->x[0].low, 0});
    for (size_t j = 0; j < g->d->x.cols; j++) {
        leati_dd product = leati_dd_product(-g->mean[j], coef[j]);
        if (!rounded) product.low -= g->mean[j] * (p->x[j + 1].low / p->scale[j]);
        sum = leati_dd_add(sum, product);
    }
    return leati_dd_value(sum);
}

leat_status leati_least_squares_qr(leat_context *c, const leati_design *g, bool intercept,
                                   double alpha, double *coef, double *constant)
{
    problem p;
    leat_status st;
    LEATI_GO(problem_init(c, &p, g, intercept, alpha));
    double *a = matrix(c, &p);
    if (!a) {
        st = leat_error_status(c);
        goto out;
    }
    double tolerance = DBL_EPSILON * (double)(p.rows > p.cols ? p.rows : p.cols);
    LEATI_GO(leati_qr_init(c, &p.q, a, p.rows, p.cols, intercept, tolerance));
    LEATI_GO(refine(c, &p));
    size_t features = g->d->x.cols;
    for (size_t j = 0; j < features; j++) coef[j] = p.x[j + intercept].high / p.scale[j];
    bool deficient = p.q.rank < p.cols && p.q.rank > intercept;
    if (deficient) LEATI_GO(shorten(c, &p, coef));
    *constant = 0;
    if (intercept) *constant = constant_term(&p, coef, deficient);
out:
    problem_fini(&p);
    return st;
}
