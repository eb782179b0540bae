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

/* Sums over rows by fixed chunks, so that the result does not depend on the threads. */
enum { MOMENT_CHUNKS = 64 };

typedef struct moments {
    const leati_matrix *x;
    const double *weight, *center;
    double mean;
    size_t chunks;
    double sum[MOMENT_CHUNKS], most[MOMENT_CHUNKS];
} moments;

static void sum_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    moments *m = arg;
    size_t to = leati_task_start(m->x->rows, m->chunks, task + 1);
    double total = 0;
    for (size_t i = leati_task_start(m->x->rows, m->chunks, task); i < to; i++) {
        double sum = 0;
        for (size_t j = 0; j < m->x->cols; j++) sum += leati_at(m->x, i, j);
        total += (m->weight ? m->weight[i] : 1) * sum;
    }
    m->sum[task] = total;
}

/* Squared distances of the rows to center, else to a row of the mean value. */
static void square_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    moments *m = arg;
    size_t to = leati_task_start(m->x->rows, m->chunks, task + 1);
    double total = 0, most = 0;
    for (size_t i = leati_task_start(m->x->rows, m->chunks, task); i < to; i++) {
        double sum = 0;
        for (size_t j = 0; j < m->x->cols; j++) {
            double v = leati_at(m->x, i, j) - (m->center ? m->center[j] : m->mean);
            sum += v * v;
        }
        total += (m->weight ? m->weight[i] : 1) * sum;
        if (!(sum <= most)) most = sum;
    }
    m->sum[task] = total;
    m->most[task] = most;
}

static double over_chunks(leat_context *c, moments *m, leati_task_fn run)
{
    double total = 0;
    m->chunks = leati_task_count(m->x->rows * m->x->cols, GRAIN, MOMENT_CHUNKS);
    if (m->chunks > m->x->rows) m->chunks = m->x->rows;
    leati_parallel(c, m->chunks, run, m);
    for (size_t i = 0; i < m->chunks; i++) total += m->sum[i];
    return total;
}

double leati_kernel_gamma(leat_context *c, const leati_mixed *gamma, const leati_dataset *d)
{
    if (gamma->choice < 0) return gamma->value;
    double cols = (double)d->x.cols, count = 0;
    if (gamma->choice == 1) return 1 / cols;
    for (size_t i = 0; i < d->x.rows; i++) count += cols * (d->weight ? d->weight[i] : 1);
    moments m = {.x = &d->x, .weight = d->weight};
    m.mean = over_chunks(c, &m, sum_rows) / count;
    double variance = over_chunks(c, &m, square_rows) / count, scale = 1 / (cols * variance);
    return variance > 0 && isfinite(scale) && scale > 0 ? scale : 1;
}

/* Whether f32 evaluation saves work on the rows and keeps K right to about 1e-5; else f64. */
static bool fits_f32(leat_context *c, const leati_kernel_fn *fn, const leati_matrix *x,
                     const double *center)
{
    /* Below this many multiplications f64 costs a fraction of a second. */
    if ((double)x->rows * (double)x->rows * (double)x->cols < 4e9) return false;
    moments m = {.x = x, .center = center};
    (void)over_chunks(c, &m, square_rows);
    double most = 0;
    for (size_t i = 0; i < m.chunks; i++)
        if (!(m.most[i] <= most)) most = m.most[i];
    if (!(most < 1e18)) return false;
    /* The rounding of a dot product is about 2^-23 |x||y|; here it stays below 1e-5 of the
     * argument of exp, tanh or the power. */
    return fn->kind == LEATI_KERNEL_LINEAR || fn->gamma * most < 100;
}

typedef struct copy_job {
    leati_kernel_rows *out;
    const leati_matrix *x; /* NULL: only norms */
    const uint32_t *order;
    const double *center;
    size_t tasks;
} copy_job;

static void copy_row(const copy_job *m, size_t i)
{
    size_t row = m->order ? m->order[i] : i, cols = m->out->cols;
    for (size_t j = 0; j < cols; j++) {
        double v = leati_at(m->x, row, j) - (m->center ? m->center[j] : 0);
        if (m->out->f32) m->out->f32[i * cols + j] = (float)v;
        else m->out->f64[i * cols + j] = v;
    }
}

static void copy_rows(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const copy_job *m = arg;
    leati_kernel_rows *out = m->out;
    size_t to = leati_task_start(out->rows, m->tasks, task + 1);
    for (size_t i = leati_task_start(out->rows, m->tasks, task); i < to; i++) {
        if (m->x) copy_row(m, i);
        double sum = 0;
        const double *wide = out->f64 ? out->f64 + i * out->cols : NULL;
        const float *narrow = out->f32 ? out->f32 + i * out->cols : NULL;
        for (size_t j = 0; j < out->cols; j++) {
            double v = wide ? wide[j] : (double)narrow[j];
            sum += v * v;
        }
        out->square[i] = sum;
    }
}

static leat_status copy_all(leat_context *c, copy_job *m)
{
    leati_kernel_rows *out = m->out;
    out->square = leati_array(c, out->rows, sizeof *out->square);
    if (!out->square) return leat_error_status(c);
    m->tasks = leati_task_count(out->rows * out->cols, GRAIN, MOST_TASKS);
    if (m->tasks > out->rows) m->tasks = out->rows;
    leati_parallel(c, m->tasks, copy_rows, m);
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
    copy_job m = {.out = out, .x = x, .order = order, .center = center};
    leat_status st = copy_all(c, &m);
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
    float *f32; /* dot products, then values, in one of the two; or f32 is widened to f64 */
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
        if (narrow && wide) m->vec->widen(m->b->rows, narrow, wide);
    }
}

static void map(leat_context *c, map_job *m)
{
    if (m->fn->kind == LEATI_KERNEL_LINEAR && !(m->f32 && m->f64)) return;
    m->vec = leati_vec_of(c);
    m->tasks = leati_task_count(m->a->rows * m->b->rows, GRAIN, MOST_TASKS);
    if (m->tasks > m->a->rows) m->tasks = m->a->rows;
    leati_parallel(c, m->tasks, map_rows, m);
}

static leat_status block_narrow(leat_context *c, const leati_kernel_fn *fn,
                                const leati_kernel_rows *a, const leati_kernel_rows *b, float *out,
                                size_t ldo, double *wide)
{
    float alpha = fn->kind == LEATI_KERNEL_RBF ? 2 * (float)fn->gamma : 1;
    LEATI_TRY(leati_gemm_f32(c, false, true, a->rows, b->rows, a->cols, alpha, a->f32, a->cols,
                             b->f32, b->cols, 0, out, ldo));
    map_job m = {.fn = fn, .a = a, .b = b, .f32 = out, .f64 = wide, .ldo = ldo};
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
    if (a->f32) return block_narrow(c, fn, a, b, out, ldo, NULL);
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
                                   float *scratch, double *out)
{
    if (a->rows == 0 || b->rows == 0) return LEAT_OK;
    if (a->f64) return block_wide(c, fn, a, b, out);
    return block_narrow(c, fn, a, b, scratch, b->rows, out);
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
    bool f32 = fits_f32(c, fn, x, mean);
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
    if (sv->f32) return leati_state_put(out, "sv_f32", LEATI_F32, sv->f32, sv->rows, sv->cols);
    return sv->f64 ? leati_state_put(out, "sv", LEATI_F64, sv->f64, sv->rows, sv->cols) : LEAT_OK;
}

static leat_status load_vectors(leat_context *c, leati_state *in, leati_kernel_rows *sv)
{
    bool narrow = leati_state_find(in, "sv_f32") != NULL;
    if (narrow)
        LEATI_TRY(
            leati_state_take(c, in, "sv_f32", LEATI_F32, SIZE_MAX, sv->cols, &sv->f32, &sv->rows));
    else
        LEATI_TRY(
            leati_state_take(c, in, "sv", LEATI_F64, SIZE_MAX, sv->cols, &sv->f64, &sv->rows));
    bool finite = sv->rows < UINT32_MAX;
    for (size_t i = 0; finite && i < sv->rows * sv->cols; i++)
        finite = narrow ? isfinite(sv->f32[i]) : isfinite(sv->f64[i]);
    LEATI_CHECK(c, finite, LEAT_FORMAT, "damaged model: a support vector is not finite");
    return copy_all(c, &(copy_job){.out = sv});
}

leat_status leati_kernel_load(leat_context *c, leati_state *in, size_t cols, leati_kernel_fn *fn,
                              leati_kernel_rows *sv, double **center)
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
    LEATI_TRY(leati_state_take(c, in, "center", LEATI_F64, cols, 0, center, NULL));
    for (size_t j = 0; j < cols; j++)
        LEATI_CHECK(c, isfinite((*center)[j]), LEAT_FORMAT,
                    "damaged model: the centre of the features is not finite");
    return LEAT_OK;
}
