/* Owns: pivoted Householder QR. */
#include "learn/qr.h"

#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "kernel/vec.h"

typedef struct step {
    leati_qr *q;
    const leati_vec *v;
    double *norm; /* (cols) of what is left of each column */
    double *full; /* (cols) norm when it was last computed in full */
    size_t k, tasks;
} step;

/* The Euclidean norm without overflow or harmful underflow. */
static double norm_of(const leati_vec *v, size_t n, const double *x)
{
    double s = v->dot_f64(n, x, x);
    if (isfinite(s) && s > 1e-280) return sqrt(s);
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    if (most == 0) return 0;
    s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] / most) * (x[i] / most);
    return most * sqrt(s);
}

/* Makes x = beta e1 by H = I - tau v v^T with v[0] = 1; leaves beta in x[0], v below it. */
static double reflect(const leati_vec *v, size_t n, double *x)
{
    double below = norm_of(v, n - 1, x + 1);
    if (below == 0) return 0;
    double norm = hypot(x[0], below), beta = x[0] > 0 ? -norm : norm;
    double tau = (beta - x[0]) / beta;
    /* 1 / (x[0] - beta) may overflow for tiny columns: divide. */
    double head = x[0] - beta;
    for (size_t i = 1; i < n; i++) x[i] /= head;
    x[0] = beta;
    return tau;
}

static void apply_reflection(const leati_vec *v, size_t n, const double *h, double tau, double *b)
{
    double w = tau * (b[0] + v->dot_f64(n - 1, h + 1, b + 1));
    b[0] -= w;
    v->axpy_f64(n - 1, -w, h + 1, b + 1);
}

static void update_columns(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const step *s = arg;
    leati_qr *q = s->q;
    size_t k = s->k, first = k + 1, left = q->cols - first;
    size_t to = first + leati_task_start(left, s->tasks, task + 1);
    for (size_t j = first + leati_task_start(left, s->tasks, task); j < to; j++) {
        double *column = q->a + j * q->rows;
        apply_reflection(s->v, q->rows - k, q->a + k * q->rows + k, q->tau[k], column + k);
        /* Downdate the norm; afresh when cancellation has eaten it (Drmac and Bujanovic 2008). */
        double ratio = s->norm[j] > 0 ? column[k] / s->norm[j] : 0;
        double rest = fmax(0, (1 - ratio) * (1 + ratio));
        double shrink = s->full[j] > 0 ? s->norm[j] / s->full[j] : 0;
        if (rest * shrink * shrink > 1e-8) {
            s->norm[j] *= sqrt(rest);
        } else {
            s->norm[j] = norm_of(s->v, q->rows - first, column + first);
            s->full[j] = s->norm[j];
        }
    }
}

static void exchange(step *s, size_t i, size_t j)
{
    leati_qr *q = s->q;
    if (i == j) return;
    double *x = q->a + i * q->rows, *y = q->a + j * q->rows;
    for (size_t r = 0; r < q->rows; r++) {
        double t = x[r];
        x[r] = y[r];
        y[r] = t;
    }
    size_t pivot = q->pivot[i];
    q->pivot[i] = q->pivot[j];
    q->pivot[j] = pivot;
    s->norm[j] = s->norm[i];
    s->full[j] = s->full[i];
}

static leat_status factor(leat_context *c, step *s, size_t fixed, double tolerance)
{
    leati_qr *q = s->q;
    size_t steps = q->rows < q->cols ? q->rows : q->cols;
    double largest = 0;
    for (size_t j = 0; j < q->cols; j++) {
        q->pivot[j] = j;
        s->full[j] = s->norm[j] = norm_of(s->v, q->rows, q->a + j * q->rows);
        largest = fmax(largest, s->norm[j]);
    }
    for (size_t k = 0; k < steps; k++) {
        LEATI_TRY(leati_go_on(c, "factorising"));
        size_t best = k;
        for (size_t j = k + 1; j < q->cols && k >= fixed; j++)
            if (s->norm[j] > s->norm[best]) best = j;
        exchange(s, k, best);
        double *column = q->a + k * q->rows;
        if (!(norm_of(s->v, q->rows - k, column + k) > tolerance * largest)) return LEAT_OK;
        q->tau[k] = reflect(s->v, q->rows - k, column + k);
        q->rank = k + 1;
        s->k = k;
        s->tasks = leati_task_count((q->cols - k - 1) * (q->rows - k), 1 << 14, 32);
        if (s->tasks > q->cols - k - 1) s->tasks = q->cols - k - 1;
        leati_parallel(c, s->tasks, update_columns, s);
    }
    return LEAT_OK;
}

leat_status leati_qr_init(leat_context *c, leati_qr *q, double *a, size_t rows, size_t cols,
                          size_t fixed, double tolerance)
{
    *q = (leati_qr){.rows = rows, .cols = cols, .a = a};
    step s = {.q = q, .v = leati_vec_of(c)};
    q->tau = LEATI_NEW(c, double, rows < cols ? rows : cols);
    q->pivot = leati_array(c, cols, sizeof *q->pivot);
    s.norm = leati_array(c, cols, sizeof *s.norm);
    s.full = leati_array(c, cols, sizeof *s.full);
    bool ready = q->tau && q->pivot && s.norm && s.full;
    leat_status st = ready ? factor(c, &s, fixed, tolerance) : leat_error_status(c);
    leati_free(s.norm);
    leati_free(s.full);
    if (st != LEAT_OK) leati_qr_fini(q);
    return st;
}

void leati_qr_fini(leati_qr *q)
{
    leati_free(q->a);
    leati_free(q->tau);
    leati_free(q->pivot);
    *q = (leati_qr){0};
}

void leati_qr_apply_transposed(leat_context *c, const leati_qr *q, double *b)
{
    const leati_vec *v = leati_vec_of(c);
    for (size_t k = 0; k < q->rank; k++)
        apply_reflection(v, q->rows - k, q->a + k * q->rows + k, q->tau[k], b + k);
}

void leati_qr_apply(leat_context *c, const leati_qr *q, double *b)
{
    const leati_vec *v = leati_vec_of(c);
    for (size_t k = q->rank; k-- > 0;)
        apply_reflection(v, q->rows - k, q->a + k * q->rows + k, q->tau[k], b + k);
}

void leati_qr_solve(leat_context *c, const leati_qr *q, double *b)
{
    const leati_vec *v = leati_vec_of(c);
    for (size_t j = q->rank; j-- > 0;) {
        const double *column = q->a + j * q->rows;
        b[j] /= column[j];
        v->axpy_f64(j, -b[j], column, b);
    }
}

void leati_qr_solve_transposed(leat_context *c, const leati_qr *q, double *b)
{
    const leati_vec *v = leati_vec_of(c);
    for (size_t j = 0; j < q->rank; j++) {
        const double *column = q->a + j * q->rows;
        b[j] = (b[j] - v->dot_f64(j, column, b)) / column[j];
    }
}
