/* Owns: moments, Gram matrix and centred copies of a design matrix. */
#include "learn/design.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"
#include "learn/double_double.h"

enum { MOST_TASKS = 64, TASK_VALUES = 1 << 16 };

typedef struct moments {
    const leati_dataset *d;
    const leati_vec *v;
    const double *first; /* (cols) the first row: everything is summed relative to it, so that
                            constant columns get exactly their value as mean and 0 as spread */
    double *sums;        /* (tasks, 3 cols + 2): sums, squares, a row; of w, of w (y - y_0) */
    size_t tasks, width;
} moments;

static void sum_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    moments *m = arg;
    const leati_matrix *x = &m->d->x;
    size_t cols = x->cols, to = leati_task_start(x->rows, m->tasks, task + 1);
    double *sums = m->sums + task * m->width, *squares = sums + cols, *row = squares + cols;
    double *weights = row + cols;
    for (size_t i = leati_task_start(x->rows, m->tasks, task); i < to; i++) {
        double w = m->d->weight ? m->d->weight[i] : 1;
        if (x->f32) m->v->widen(cols, x->f32 + i * x->stride, row);
        else memcpy(row, x->f64 + i * x->stride, cols * sizeof *row);
        m->v->axpy_f64(cols, -1, m->first, row);
        if (m->d->weight) {
            m->v->axpy_f64(cols, w, row, sums);
            m->v->mul_f64(cols, row, row, row);
            m->v->axpy_f64(cols, w, row, squares);
        } else {
            m->v->moments_f64(cols, row, sums, squares);
        }
        weights[0] += w;
        if (m->d->task == LEATI_REGRESS) weights[1] += w * (m->d->y[i] - m->d->y[0]);
    }
}

/* Means and spreads from the sums of all tasks. */
static leat_status take_moments(leat_context *c, leati_design *g, const moments *m, bool intercept)
{
    size_t cols = g->d->x.cols;
    const double *squares = m->sums + cols, *weights = m->sums + 3 * cols;
    for (size_t t = 1; t < m->tasks; t++)
        for (size_t j = 0; j < m->width; j++) m->sums[j] += m->sums[t * m->width + j];
    g->weight_sum = weights[0];
    LEATI_CHECK(c, g->weight_sum > 0, LEAT_INVALID,
                "all row weights are 0: there is nothing to learn from");
    if (g->d->task == LEATI_REGRESS) g->y_mean = g->d->y[0] + weights[1] / g->weight_sum;
    for (size_t j = 0; j < cols; j++) {
        double shift = m->sums[j] / g->weight_sum;
        g->mean[j] = m->first[j] + shift;
        g->spread[j] = sqrt(fmax(0, squares[j] / g->weight_sum - shift * shift));
        g->rms[j] = intercept ? g->spread[j] : hypot(g->spread[j], g->mean[j]);
        LEATI_CHECK(c, isfinite(squares[j]) && isfinite(g->y_mean), LEAT_NUMERIC,
                    "values are too large: the variance of feature %zu '%s' overflows; scale the "
                    "data first",
                    j + 1, g->d->features ? g->d->features[j].name : "");
    }
    if (intercept) return LEAT_OK;
    memset(g->mean, 0, cols * sizeof *g->mean);
    g->y_mean = 0;
    return LEAT_OK;
}

leat_status leati_design_init(leat_context *c, leati_design *g, const leati_dataset *d,
                              bool intercept)
{
    size_t cols = d->x.cols;
    *g = (leati_design){.d = d};
    moments m = {.d = d, .v = leati_vec_of(c), .width = 3 * cols + 2};
    m.tasks = leati_task_count(d->x.rows * cols, TASK_VALUES, MOST_TASKS);
    if (m.tasks > d->x.rows) m.tasks = d->x.rows;
    g->mean = LEATI_NEW(c, double, cols);
    g->spread = LEATI_NEW(c, double, cols);
    g->rms = LEATI_NEW(c, double, cols);
    double *first = leati_array(c, cols, sizeof *first);
    m.sums = LEATI_NEW(c, double, m.tasks *m.width);
    leat_status st;
    if (!g->mean || !g->spread || !g->rms || !first || !m.sums) {
        st = leat_error_status(c);
        goto out;
    }
    for (size_t j = 0; j < cols; j++) first[j] = leati_at(&d->x, 0, j);
    m.first = first;
    leati_parallel(c, m.tasks, sum_rows, &m);
    st = take_moments(c, g, &m, intercept);
out:
    leati_free(m.sums);
    leati_free(first);
    if (st != LEAT_OK) leati_design_fini(g);
    return st;
}

void leati_design_fini(leati_design *g)
{
    leati_free(g->mean);
    leati_free(g->spread);
    leati_free(g->rms);
    *g = (leati_design){0};
}

void leati_design_rows(const leati_design *g, size_t from, size_t rows, bool weighted, double *out)
{
    const leati_matrix *x = &g->d->x;
    for (size_t i = 0; i < rows; i++) {
        double *to = out + i * x->cols;
        if (x->f64)
            for (size_t j = 0; j < x->cols; j++)
                to[j] = x->f64[(from + i) * x->stride + j] - g->mean[j];
        else
            for (size_t j = 0; j < x->cols; j++)
                to[j] = (double)x->f32[(from + i) * x->stride + j] - g->mean[j];
        if (!weighted || !g->d->weight) continue;
        double root = sqrt(g->d->weight[from + i]);
        for (size_t j = 0; j < x->cols; j++) to[j] *= root;
    }
}

typedef struct filling {
    const leati_design *g;
    size_t from, rows, tasks;
    double *out;
    double *y; /* (rows) */
} filling;

static void fill(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    filling *f = arg;
    size_t from = leati_task_start(f->rows, f->tasks, task);
    size_t to = leati_task_start(f->rows, f->tasks, task + 1);
    const leati_dataset *d = f->g->d;
    leati_design_rows(f->g, f->from + from, to - from, true, f->out + from * d->x.cols);
    for (size_t i = from; i < to; i++) {
        double root = d->weight ? sqrt(d->weight[f->from + i]) : 1;
        f->y[i] = root * (d->y[f->from + i] - f->g->y_mean);
    }
}

leat_status leati_design_gram(leat_context *c, const leati_design *g, double *gram, double *xy,
                              double *yy)
{
    enum { BLOCK = 2048 };
    size_t rows = g->d->x.rows, cols = g->d->x.cols;
    size_t most = rows < BLOCK ? rows : BLOCK;
    const leati_vec *v = leati_vec_of(c);
    double *block = leati_array(c, most * cols, sizeof *block);
    double *part = leati_array(c, cols * cols, sizeof *part);
    double *y = leati_array(c, most, sizeof *y);
    leat_status st = block && part && y ? LEAT_OK : leat_error_status(c);
    memset(gram, 0, cols * cols * sizeof *gram);
    memset(xy, 0, cols * sizeof *xy);
    *yy = 0;
    for (size_t from = 0; from < rows && st == LEAT_OK; from += most) {
        filling f = {.g = g, .from = from, .out = block, .y = y};
        f.rows = rows - from < most ? rows - from : most;
        f.tasks = leati_task_count(f.rows * cols, TASK_VALUES, MOST_TASKS);
        leati_parallel(c, f.tasks, fill, &f);
        st = leati_syrk_f64(c, f.rows, cols, block, cols, part, cols);
        if (st != LEAT_OK) break;
        v->axpy_f64(cols * cols, 1, part, gram);
        for (size_t i = 0; i < f.rows; i++) v->axpy_f64(cols, y[i], block + i * cols, xy);
        *yy += v->dot_f64(f.rows, y, y);
    }
    leati_free(block);
    leati_free(part);
    leati_free(y);
    return st;
}

leat_status leati_design_columns(leat_context *c, const leati_design *g, double *x, double *y)
{
    enum { BLOCK = 64 };
    size_t rows = g->d->x.rows, cols = g->d->x.cols;
    double *block = leati_array(c, BLOCK * cols, sizeof *block);
    if (!block) return leat_error_status(c);
    for (size_t from = 0; from < rows; from += BLOCK) {
        size_t count = rows - from < BLOCK ? rows - from : BLOCK;
        filling f = {.g = g, .from = from, .rows = count, .tasks = 1, .out = block, .y = y + from};
        fill(&f, 0, 0);
        for (size_t j = 0; j < cols; j++)
            for (size_t i = 0; i < count; i++) x[j * rows + from + i] = block[i * cols + j];
    }
    leati_free(block);
    return LEAT_OK;
}

double leati_design_offset(const leati_design *g, const double *coef)
{
    leati_dd sum = {0, 0};
    for (size_t j = 0; j < g->d->x.cols; j++)
        sum = leati_dd_add(sum, leati_dd_product(g->mean[j], coef[j]));
    return leati_dd_value(sum);
}
