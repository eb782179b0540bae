/* Owns: the choice of a method for least squares, and those by Cholesky factorisation. */
#include "learn/least_squares.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"
#include "learn/cholesky.h"

/* Bound on the condition number of the scaled matrix up to which refined normal equations lose
 * nothing: each refinement shrinks the error by about CONDITION^2 * 2^-53 = 1e-6. */
#define CONDITION 1e5
enum { REFINEMENTS = 3, MOST_TASKS = 64 };

typedef struct normal {
    const leati_design *g;
    double alpha;
    size_t kept;     /* columns that vary */
    size_t *column;  /* (kept) their numbers */
    double *scale;   /* (kept) */
    double *l;       /* (kept, kept) Cholesky factor of the scaled matrix */
    double *right;   /* (kept) */
    double *xy;      /* (cols) */
    double *coef;    /* (cols) */
    double *partial; /* (tasks, cols) */
    double *space;   /* (tasks, cols) */
    size_t tasks;
    const leati_vec *v;
} normal;

static void normal_fini(normal *p)
{
    leati_free(p->column);
    leati_free(p->scale);
    leati_free(p->l);
    leati_free(p->right);
    leati_free(p->xy);
    leati_free(p->partial);
    leati_free(p->space);
}

static leat_status normal_init(leat_context *c, normal *p, const leati_design *g, double alpha,
                               double *coef)
{
    const leati_matrix *x = &g->d->x;
    *p = (normal){.g = g, .alpha = alpha, .coef = coef, .v = leati_vec_of(c)};
    p->tasks = leati_task_count(x->rows * x->cols, 1 << 16, MOST_TASKS);
    p->column = leati_array(c, x->cols, sizeof *p->column);
    p->scale = leati_array(c, x->cols, sizeof *p->scale);
    p->right = leati_array(c, x->cols, sizeof *p->right);
    p->xy = leati_array(c, x->cols, sizeof *p->xy);
    p->partial = leati_array(c, p->tasks * x->cols, sizeof *p->partial);
    p->space = leati_array(c, p->tasks * x->cols, sizeof *p->space);
    p->l = leati_array(c, x->cols * x->cols, sizeof *p->l);
    bool ready = p->column && p->scale && p->right && p->xy && p->partial && p->space && p->l;
    return ready ? LEAT_OK : leat_error_status(c);
}

/* Scales Xc^T W Xc + alpha I to a unit diagonal without its zero columns, and factors it. */
static leat_status normal_factor(leat_context *c, normal *p, bool *good)
{
    size_t cols = p->g->d->x.cols;
    double *gram = p->l, yy;
    LEATI_TRY(leati_design_gram(c, p->g, gram, p->xy, &yy));
    for (size_t j = 0; j < cols; j++) {
        gram[j * cols + j] += p->alpha;
        if (!(gram[j * cols + j] > 0)) continue;
        p->scale[p->kept] = 1 / sqrt(gram[j * cols + j]);
        p->column[p->kept++] = j;
    }
    for (size_t i = 0; i < p->kept; i++)
        for (size_t j = 0; j < p->kept; j++)
            p->l[i * p->kept + j] =
                gram[p->column[i] * cols + p->column[j]] * p->scale[i] * p->scale[j];
    LEATI_TRY(leati_cholesky(c, p->kept, p->l, good));
    if (!*good) return LEAT_OK;
    double inverse;
    LEATI_TRY(leati_cholesky_inverse_norm(c, p->kept, p->l, &inverse));
    *good = inverse * sqrt((double)p->kept) < CONDITION;
    return LEAT_OK;
}

/* partial[task] = Xc^T W (yc - Xc coef) over the rows of the task. */
static void residual_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    normal *p = arg;
    const leati_dataset *d = p->g->d;
    size_t cols = d->x.cols;
    double *partial = p->partial + task * cols, *row = p->space + task * cols;
    memset(partial, 0, cols * sizeof *partial);
    size_t to = leati_task_start(d->x.rows, p->tasks, task + 1);
    for (size_t i = leati_task_start(d->x.rows, p->tasks, task); i < to; i++) {
        leati_design_rows(p->g, i, 1, false, row);
        double r = d->y[i] - p->g->y_mean - p->v->dot_f64(cols, row, p->coef);
        p->v->axpy_f64(cols, d->weight ? d->weight[i] * r : r, row, partial);
    }
}

static void normal_solve(leat_context *c, normal *p)
{
    size_t cols = p->g->d->x.cols;
    memset(p->coef, 0, cols * sizeof *p->coef);
    for (int step = 0; step <= REFINEMENTS; step++) {
        if (step > 0) {
            leati_parallel(c, p->tasks, residual_rows, p);
            for (size_t t = 1; t < p->tasks; t++)
                p->v->axpy_f64(cols, 1, p->partial + t * cols, p->partial);
            for (size_t j = 0; j < cols; j++) p->xy[j] = p->partial[j] - p->alpha * p->coef[j];
        }
        for (size_t k = 0; k < p->kept; k++) p->right[k] = p->xy[p->column[k]] * p->scale[k];
        leati_cholesky_solve(c, p->kept, p->l, p->right);
        for (size_t k = 0; k < p->kept; k++) p->coef[p->column[k]] += p->right[k] * p->scale[k];
    }
}

static leat_status by_normal(leat_context *c, const leati_design *g, double alpha, double *coef,
                             bool *good)
{
    normal p;
    leat_status st = normal_init(c, &p, g, alpha, coef);
    if (st == LEAT_OK) st = normal_factor(c, &p, good);
    if (st == LEAT_OK && *good) normal_solve(c, &p);
    normal_fini(&p);
    return st;
}

/* coef = Xc^T (Xc Xc^T + alpha I)^-1 yc, for fewer rows than columns (Saunders et al. 1998). */
static leat_status by_dual(leat_context *c, const leati_design *g, double alpha, double *coef,
                           bool *good)
{
    const leati_dataset *d = g->d;
    size_t rows = d->x.rows, cols = d->x.cols;
    const leati_vec *v = leati_vec_of(c);
    double *x = leati_array(c, rows * cols, sizeof *x);
    double *k = leati_array(c, rows * rows, sizeof *k);
    double *u = leati_array(c, rows, sizeof *u);
    leat_status st = x && k && u ? LEAT_OK : leat_error_status(c);
    if (st != LEAT_OK) goto out;
    leati_design_rows(g, 0, rows, true, x);
    LEATI_GO(leati_gemm_f64(c, false, true, rows, rows, cols, 1, x, cols, x, cols, 0, k, rows));
    double largest = 0;
    for (size_t i = 0; i < rows; i++) {
        k[i * rows + i] += alpha;
        largest = fmax(largest, k[i * rows + i]);
        u[i] = (d->weight ? sqrt(d->weight[i]) : 1) * (d->y[i] - g->y_mean);
    }
    /* The eigenvalues lie between alpha and the trace. */
    *good = alpha > 0 && largest * (double)rows / alpha < CONDITION * CONDITION;
    if (*good) LEATI_GO(leati_cholesky(c, rows, k, good));
    if (!*good) goto out;
    leati_cholesky_solve(c, rows, k, u);
    memset(coef, 0, cols * sizeof *coef);
    for (size_t i = 0; i < rows; i++) v->axpy_f64(cols, u[i], x + i * cols, coef);
out:
    leati_free(x);
    leati_free(k);
    leati_free(u);
    return st;
}

static leat_status solve(leat_context *c, const leati_design *g, bool intercept, double alpha,
                         leati_ls_method method, leati_glm *out)
{
    size_t rows = g->d->x.rows, cols = g->d->x.cols;
    bool wide = cols > rows, large = rows / 4 > cols && (double)rows * (double)cols >= 2e5;
    bool good = false;
    if (method == LEATI_LS_CHOLESKY || (method == LEATI_LS_AUTO && (alpha > 0 || large))) {
        if (wide) LEATI_TRY(by_dual(c, g, alpha, out->coef, &good));
        else LEATI_TRY(by_normal(c, g, alpha, out->coef, &good));
        if (good && intercept) out->intercept[0] = g->y_mean - leati_design_offset(g, out->coef);
    }
    if (good) return LEAT_OK;
    if (method == LEATI_LS_CHOLESKY) {
        (void)LEATI_FAIL(c, LEAT_NUMERIC, "columns are too nearly dependent for Cholesky");
        return leati_error_hint(c, "use a larger alpha, or solver auto or qr");
    }
    return leati_least_squares_qr(c, g, intercept, alpha, out->coef, out->intercept);
}

leat_status leati_least_squares(leat_context *c, const leati_dataset *d, bool intercept,
                                double alpha, leati_ls_method method, leati_glm *out)
{
    leati_design g;
    LEATI_TRY(leati_glm_init(c, out, 1, d->x.cols));
    LEATI_TRY(leati_design_init(c, &g, d, intercept));
    leat_status st = solve(c, &g, intercept, alpha, method, out);
    memcpy(out->spread, g.spread, d->x.cols * sizeof *g.spread);
    bool finite = isfinite(out->intercept[0]);
    for (size_t j = 0; j < d->x.cols; j++) finite = finite && isfinite(out->coef[j]);
    if (st == LEAT_OK && !finite)
        st = LEATI_FAIL(c, LEAT_NUMERIC,
                        "the coefficients overflow: scale the features or the target first");
    leati_design_fini(&g);
    return st;
}
