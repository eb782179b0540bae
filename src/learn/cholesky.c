/* Owns: blocked Cholesky factorisation and its triangular solves. */
#include "learn/cholesky.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"

enum { BLOCK = 64, SOLVE_TASKS = 32 };

static bool factor_diagonal(const leati_vec *v, size_t n, double *a, size_t lda)
{
    for (size_t j = 0; j < n; j++) {
        double *row = a + j * lda;
        double pivot = row[j] - v->dot_f64(j, row, row);
        if (!(pivot > 0) || !isfinite(pivot)) return false;
        row[j] = sqrt(pivot);
        for (size_t i = j + 1; i < n; i++)
            a[i * lda + j] = (a[i * lda + j] - v->dot_f64(j, a + i * lda, row)) / row[j];
    }
    return true;
}

typedef struct panel {
    const leati_vec *v;
    double *a;
    size_t n, from, width, tasks;
} panel;

/* Rows below the diagonal block: solve x L_kk^T = row. */
static void solve_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const panel *p = arg;
    size_t first = p->from + p->width, left = p->n - first;
    size_t to = first + leati_task_start(left, p->tasks, task + 1);
    for (size_t i = first + leati_task_start(left, p->tasks, task); i < to; i++) {
        double *row = p->a + i * p->n + p->from;
        for (size_t j = 0; j < p->width; j++) {
            const double *l = p->a + (p->from + j) * p->n + p->from;
            row[j] = (row[j] - p->v->dot_f64(j, row, l)) / l[j];
        }
    }
}

leat_status leati_cholesky(leat_context *c, size_t n, double *a, bool *definite)
{
    enum { STRIP = 256 };
    panel p = {.v = leati_vec_of(c), .a = a, .n = n};
    for (p.from = 0; p.from < n; p.from += p.width) {
        p.width = n - p.from < BLOCK ? n - p.from : BLOCK;
        *definite = factor_diagonal(p.v, p.width, a + p.from * n + p.from, n);
        if (!*definite) return LEAT_OK;
        size_t next = p.from + p.width;
        if (next == n) break;
        p.tasks = leati_task_count((n - next) * p.width, 1 << 11, SOLVE_TASKS);
        leati_parallel(c, p.tasks, solve_rows, &p);
        for (size_t i = next; i < n; i += STRIP) {
            size_t rows = n - i < STRIP ? n - i : STRIP;
            LEATI_TRY(leati_gemm_f64(c, false, true, rows, i + rows - next, p.width, -1,
                                     a + i * n + p.from, n, a + next * n + p.from, n, 1,
                                     a + i * n + next, n));
        }
    }
    *definite = true;
    return LEAT_OK;
}

void leati_cholesky_forward(leat_context *c, size_t n, const double *l, double *b)
{
    const leati_vec *v = leati_vec_of(c);
    for (size_t i = 0; i < n; i++) b[i] = (b[i] - v->dot_f64(i, l + i * n, b)) / l[i * n + i];
}

void leati_cholesky_backward(leat_context *c, size_t n, const double *l, double *b)
{
    const leati_vec *v = leati_vec_of(c);
    for (size_t i = n; i-- > 0;) {
        b[i] /= l[i * n + i];
        v->axpy_f64(i, -b[i], l + i * n, b);
    }
}

void leati_cholesky_solve(leat_context *c, size_t n, const double *l, double *b)
{
    leati_cholesky_forward(c, n, l, b);
    leati_cholesky_backward(c, n, l, b);
}

typedef struct inverting {
    const leati_vec *v;
    const double *l;
    size_t n;
    double *space;   /* (n, n) columns of L^-1 */
    double *squares; /* (n) */
} inverting;

static void invert_column(void *arg, size_t j, unsigned worker)
{
    (void)worker;
    const inverting *s = arg;
    double *x = s->space + j * s->n;
    x[j] = 1 / s->l[j * s->n + j];
    for (size_t i = j + 1; i < s->n; i++)
        x[i] = -s->v->dot_f64(i - j, s->l + i * s->n + j, x + j) / s->l[i * s->n + i];
    s->squares[j] = s->v->dot_f64(s->n - j, x + j, x + j);
}

leat_status leati_cholesky_inverse_norm(leat_context *c, size_t n, const double *l, double *norm)
{
    inverting s = {.v = leati_vec_of(c), .l = l, .n = n};
    s.space = leati_array(c, n * n, sizeof *s.space);
    s.squares = leati_array(c, n, sizeof *s.squares);
    leat_status st = s.space && s.squares ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) {
        leati_parallel(c, n, invert_column, &s);
        *norm = sqrt(s.v->sum_f64(n, s.squares));
    }
    leati_free(s.space);
    leati_free(s.squares);
    return st;
}
