/* Owns: kernel values between blocks of rows. Not: which blocks a solver needs (smo_source.c). */
#include "learn/kernel_fn.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"

enum { MOST_TASKS = 64, GRAIN = 1 << 14 };

double leati_kernel_gamma(const leati_mixed *gamma, const leati_matrix *x)
{
    if (gamma->choice < 0) return gamma->value;
    double cols = (double)x->cols;
    if (gamma->choice == 1) return 1 / cols;
    double count = (double)x->rows * cols, mean = 0, squares = 0;
    for (size_t i = 0; i < x->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < x->cols; j++) sum += leati_at(x, i, j);
        mean += sum / count;
    }
    for (size_t i = 0; i < x->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < x->cols; j++) {
            double v = leati_at(x, i, j) - mean;
            sum += v * v;
        }
        squares += sum / count;
    }
    double scale = 1 / (cols * squares);
    return squares > 0 && isfinite(scale) && scale > 0 ? scale : 1;
}

/* Whether f32 evaluation saves work on the rows and keeps K right to about 1e-5; else f64. */
static bool fits_f32(const leati_kernel_fn *fn, const leati_matrix *x, const double *center)
{
    /* Below this many multiplications f64 costs a fraction of a second. */
    if ((double)x->rows * (double)x->rows * (double)x->cols < 4e9) return false;
    double most = 0;
    for (size_t i = 0; i < x->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < x->cols; j++) {
            double v = leati_at(x, i, j) - (center ? center[j] : 0);
            sum += v * v;
        }
        if (sum > most) most = sum;
    }
    if (!(most < 1e18)) return false;
    /* The rounding of a dot product is about 2^-23 |x||y|; here it stays below 1e-5 of the
     * argument of exp, tanh or the power. */
    return fn->kind == LEATI_KERNEL_LINEAR || fn->gamma * most < 100;
}

leat_status leati_kernel_rows_norms(leat_context *c, leati_kernel_rows *rows)
{
    rows->square = leati_array(c, rows->rows, sizeof *rows->square);
    if (!rows->square) return leat_error_status(c);
    for (size_t i = 0; i < rows->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < rows->cols; j++) {
            double v =
                rows->f64 ? rows->f64[i * rows->cols + j] : (double)rows->f32[i * rows->cols + j];
            sum += v * v;
        }
        rows->square[i] = sum;
    }
    return LEAT_OK;
}

leat_status leati_kernel_rows_init(leat_context *c, leati_kernel_rows *out, const leati_matrix *x,
                                   const uint32_t *order, size_t count, const double *center,
                                   bool f32)
{
    *out = (leati_kernel_rows){.rows = count, .cols = x->cols};
    size_t cells;
    LEATI_CHECK(c, !leati_mul_overflows(count, x->cols, &cells), LEAT_LIMIT, "too many values");
    if (f32) out->f32 = leati_array(c, cells, sizeof *out->f32);
    else out->f64 = leati_array(c, cells, sizeof *out->f64);
    if (!out->f32 && !out->f64) return leat_error_status(c);
    for (size_t i = 0; i < count; i++) {
        size_t row = order ? order[i] : i;
        for (size_t j = 0; j < x->cols; j++) {
            double v = leati_at(x, row, j) - (center ? center[j] : 0);
            if (f32) out->f32[i * x->cols + j] = (float)v;
            else out->f64[i * x->cols + j] = v;
        }
    }
    leat_status st = leati_kernel_rows_norms(c, out);
    if (st != LEAT_OK) leati_kernel_rows_fini(out);
    return st;
}

void leati_kernel_rows_fini(leati_kernel_rows *rows)
{
    leati_free(rows->f64);
    leati_free(rows->f32);
    leati_free(rows->square);
    *rows = (leati_kernel_rows){0};
}

leati_kernel_rows leati_kernel_rows_part(const leati_kernel_rows *rows, size_t from, size_t count)
{
    leati_kernel_rows part = *rows;
    part.rows = count;
    if (part.f64) part.f64 += from * rows->cols;
    if (part.f32) part.f32 += from * rows->cols;
    part.square += from;
    return part;
}

static double of_dot(const leati_kernel_fn *fn, double dot, double square_a, double square_b)
{
    switch (fn->kind) {
    case LEATI_KERNEL_POLY: return pow(fn->gamma * dot + fn->coef0, fn->degree);
    case LEATI_KERNEL_RBF: return exp(-fn->gamma * fmax(square_a + square_b - 2 * dot, 0));
    case LEATI_KERNEL_SIGMOID: return tanh(fn->gamma * dot + fn->coef0);
    case LEATI_KERNEL_LINEAR:
    case LEATI_KERNEL_KINDS: break;
    }
    return dot;
}

double leati_kernel_self(const leati_kernel_fn *fn, const leati_kernel_rows *rows, size_t row)
{
    return of_dot(fn, rows->square[row], rows->square[row], rows->square[row]);
}

double leati_kernel_bound(const leati_kernel_fn *fn, const leati_kernel_rows *rows)
{
    double most = 0;
    if (fn->kind == LEATI_KERNEL_RBF || fn->kind == LEATI_KERNEL_SIGMOID) return 1;
    for (size_t i = 0; i < rows->rows; i++)
        if (!(rows->square[i] <= most)) most = rows->square[i];
    if (fn->kind == LEATI_KERNEL_LINEAR) return most;
    return pow(fn->gamma * most + fabs(fn->coef0), fn->degree);
}

/* The map from dot products to kernel values, row by row in place. */
typedef struct map_job {
    const leati_vec *vec;
    const leati_kernel_fn *fn;
    const leati_kernel_rows *a, *b;
    float *f32;
    double *f64;
    size_t ldo, tasks;
} map_job;

/* dot holds 2 gamma x.y. What is not a number is the difference of two infinities: far apart. */
static void rbf_row_f32(const map_job *m, size_t i, float *row)
{
    float gamma = (float)m->fn->gamma, own = gamma * (float)m->a->square[i];
    for (size_t j = 0; j < m->b->rows; j++) {
        float v = row[j] - own - gamma * (float)m->b->square[j];
        row[j] = v <= 0 ? v : v > 0 ? 0 : -INFINITY;
    }
    m->vec->exp_f32(m->b->rows, row, row);
}

static void rbf_row_f64(const map_job *m, size_t i, double *row)
{
    double gamma = m->fn->gamma, own = m->a->square[i];
    for (size_t j = 0; j < m->b->rows; j++) {
        double v = -gamma * (own + m->b->square[j] - 2 * row[j]);
        row[j] = v <= 0 ? v : v > 0 ? 0 : -INFINITY;
    }
    m->vec->exp_f64(m->b->rows, row, row);
}

static void map_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const map_job *m = arg;
    bool rbf = m->fn->kind == LEATI_KERNEL_RBF;
    size_t to = leati_task_start(m->a->rows, m->tasks, task + 1);
    for (size_t i = leati_task_start(m->a->rows, m->tasks, task); i < to; i++) {
        float *narrow = m->f32 ? m->f32 + i * m->ldo : NULL;
        double *wide = m->f64 ? m->f64 + i * m->ldo : NULL;
        if (rbf && narrow) rbf_row_f32(m, i, narrow);
        else if (rbf) rbf_row_f64(m, i, wide);
        else if (narrow)
            for (size_t j = 0; j < m->b->rows; j++)
                narrow[j] = (float)of_dot(m->fn, (double)narrow[j], 0, 0);
        else
            for (size_t j = 0; j < m->b->rows; j++) wide[j] = of_dot(m->fn, wide[j], 0, 0);
    }
}

static void map(leat_context *c, map_job *m)
{
    if (m->fn->kind == LEATI_KERNEL_LINEAR) return;
    m->vec = leati_vec_of(c);
    m->tasks = leati_task_count(m->a->rows * m->b->rows, GRAIN, MOST_TASKS);
    if (m->tasks > m->a->rows) m->tasks = m->a->rows;
    leati_parallel(c, m->tasks, map_rows, m);
}

static leat_status block_narrow(leat_context *c, const leati_kernel_fn *fn,
                                const leati_kernel_rows *a, const leati_kernel_rows *b, float *out,
                                size_t ldo)
{
    float alpha = fn->kind == LEATI_KERNEL_RBF ? 2 * (float)fn->gamma : 1;
    LEATI_TRY(leati_gemm_f32(c, false, true, a->rows, b->rows, a->cols, alpha, a->f32, a->cols,
                             b->f32, b->cols, 0, out, ldo));
    map_job m = {.fn = fn, .a = a, .b = b, .f32 = out, .ldo = ldo};
    map(c, &m);
    return LEAT_OK;
}

static leat_status block_wide(leat_context *c, const leati_kernel_fn *fn,
                              const leati_kernel_rows *a, const leati_kernel_rows *b, double *out)
{
    LEATI_TRY(leati_gemm_f64(c, false, true, a->rows, b->rows, a->cols, 1, a->f64, a->cols, b->f64,
                             b->cols, 0, out, b->rows));
    map_job m = {.fn = fn, .a = a, .b = b, .f64 = out, .ldo = b->rows};
    map(c, &m);
    return LEAT_OK;
}

leat_status leati_kernel_block_f32(leat_context *c, const leati_kernel_fn *fn,
                                   const leati_kernel_rows *a, const leati_kernel_rows *b,
                                   float *out, size_t ldo)
{
    if (a->rows == 0 || b->rows == 0) return LEAT_OK;
    if (a->f32) return block_narrow(c, fn, a, b, out, ldo);
    double *wide = leati_array(c, a->rows * b->rows, sizeof *wide);
    if (!wide) return leat_error_status(c);
    const leati_vec *v = leati_vec_of(c);
    leat_status st = block_wide(c, fn, a, b, wide);
    if (st == LEAT_OK)
        for (size_t i = 0; i < a->rows; i++) v->narrow(b->rows, wide + i * b->rows, out + i * ldo);
    leati_free(wide);
    return st;
}

leat_status leati_kernel_block_f64(leat_context *c, const leati_kernel_fn *fn,
                                   const leati_kernel_rows *a, const leati_kernel_rows *b,
                                   double *out)
{
    if (a->rows == 0 || b->rows == 0) return LEAT_OK;
    if (a->f64) return block_wide(c, fn, a, b, out);
    float *narrow = leati_array(c, a->rows * b->rows, sizeof *narrow);
    if (!narrow) return leat_error_status(c);
    leat_status st = block_narrow(c, fn, a, b, narrow, b->rows);
    if (st == LEAT_OK) leati_vec_of(c)->widen(a->rows * b->rows, narrow, out);
    leati_free(narrow);
    return st;
}

static leat_status column_means(leat_context *c, const leati_matrix *x, double **out)
{
    double *mean = *out = LEATI_NEW(c, double, x->cols);
    if (!mean) return leat_error_status(c);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++) mean[j] += leati_at(x, i, j);
    for (size_t j = 0; j < x->cols; j++) mean[j] /= (double)x->rows;
    return LEAT_OK;
}

leat_status leati_kernel_prepare(leat_context *c, const char *name, const leati_kernel_fn *fn,
                                 const leati_matrix *x, const uint32_t *order, size_t count,
                                 double **center, leati_kernel_rows *rows)
{
    double *mean = NULL;
    bool moves = fn->kind == LEATI_KERNEL_RBF || fn->kind == LEATI_KERNEL_LINEAR;
    if (moves) LEATI_TRY(column_means(c, x, &mean));
    bool f32 = fits_f32(fn, x, mean);
    if (!f32 || !moves) {
        leati_free(mean);
        mean = NULL;
    }
    *center = mean;
    LEATI_TRY(leati_kernel_rows_init(c, rows, x, order, count, mean, f32));
    double bound = leati_kernel_bound(fn, rows);
    LEATI_CHECK(c, bound < 1e36, LEAT_NUMERIC,
                "%s: kernel values reach %g and would overflow; scale the features or lower gamma, "
                "coef0 or degree",
                name, bound);
    return LEAT_OK;
}

leat_status leati_kernel_save(leati_state *out, const leati_kernel_fn *fn,
                              const leati_kernel_rows *sv, const double *center)
{
    LEATI_TRY(leati_state_put_scalar(out, "kernel", fn->kind));
    LEATI_TRY(leati_state_put_scalar(out, "degree", fn->degree));
    LEATI_TRY(leati_state_put_scalar(out, "gamma", fn->gamma));
    LEATI_TRY(leati_state_put_scalar(out, "coef0", fn->coef0));
    if (center) LEATI_TRY(leati_state_put(out, "center", LEATI_F64, center, sv->cols, 0));
    if (sv->f32) return leati_state_put(out, "sv", LEATI_F32, sv->f32, sv->rows, sv->cols);
    return sv->f64 ? leati_state_put(out, "sv", LEATI_F64, sv->f64, sv->rows, sv->cols) : LEAT_OK;
}

static leat_status load_vectors(leat_context *c, const leati_state *in, leati_kernel_rows *sv)
{
    const leati_array_entry *e = leati_state_find(in, "sv");
    bool narrow = e && e->type == LEATI_F32;
    void *target = narrow ? (void *)&sv->f32 : (void *)&sv->f64;
    LEATI_TRY(leati_state_get(c, in, "sv", narrow ? LEATI_F32 : LEATI_F64, SIZE_MAX, sv->cols,
                              target, &sv->rows));
    bool finite = sv->rows < UINT32_MAX;
    for (size_t i = 0; finite && i < sv->rows * sv->cols; i++)
        finite = narrow ? isfinite(sv->f32[i]) : isfinite(sv->f64[i]);
    LEATI_CHECK(c, finite, LEAT_FORMAT, "damaged model: a support vector is not finite");
    return leati_kernel_rows_norms(c, sv);
}

leat_status leati_kernel_load(leat_context *c, const leati_state *in, size_t cols,
                              leati_kernel_fn *fn, leati_kernel_rows *sv, double **center)
{
    double kind, degree;
    LEATI_TRY(leati_state_get_scalar(c, in, "kernel", 0, LEATI_KERNEL_KINDS - 1, &kind));
    LEATI_TRY(leati_state_get_scalar(c, in, "degree", 0, 100, &degree));
    LEATI_TRY(leati_state_get_scalar(c, in, "gamma", 0, 1e300, &fn->gamma));
    LEATI_TRY(leati_state_get_scalar(c, in, "coef0", -1e15, 1e15, &fn->coef0));
    fn->kind = (leati_kernel_kind)kind;
    fn->degree = (int)degree;
    *sv = (leati_kernel_rows){.cols = cols};
    LEATI_TRY(load_vectors(c, in, sv));
    if (!leati_state_find(in, "center")) return LEAT_OK;
    LEATI_TRY(leati_state_get(c, in, "center", LEATI_F64, cols, 0, center, NULL));
    for (size_t j = 0; j < cols; j++)
        LEATI_CHECK(c, isfinite((*center)[j]), LEAT_FORMAT,
                    "damaged model: the centre of the features is not finite");
    return LEAT_OK;
}
