/* Owns: scatter matrices by class, Ledoit-Wolf shrinkage, linear scores. */
#include "learn/discriminant.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"
#include "learn/cholesky.h"

/* --- scatter ------------------------------------------------------------------------------------
 */

enum { BLOCK = 4096, GRAIN = 128 }; /* rows of one product; of one copying task */

typedef struct centre_job {
    const leati_dataset *d;
    const leati_class_moments *m;
    const double *scale;
    const uint32_t *rows; /* NULL: from `from` */
    size_t from, count;
    double *z;      /* (count, cols); with narrow (tasks, cols) */
    float *narrow;  /* (count, cols) z in f32, or NULL */
    double *square; /* (count) z^T z, or NULL */
    const leati_vec *vec;
} centre_job;

static void centre_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const centre_job *job = arg;
    const leati_matrix *x = &job->d->x;
    size_t to = (task + 1) * GRAIN < job->count ? (task + 1) * GRAIN : job->count;
    for (size_t i = task * GRAIN; i < to; i++) {
        size_t row = job->rows ? job->rows[i] : job->from + i;
        double *z = job->z + (job->narrow ? task : i) * x->cols;
        if (x->f64) memcpy(z, x->f64 + row * x->stride, x->cols * sizeof *z);
        else job->vec->widen(x->cols, x->f32 + row * x->stride, z);
        size_t class = job->m->classes > 1 ? job->d->label[row] : 0;
        job->vec->axpy_f64(x->cols, -1, job->m->mean + class * x->cols, z);
        if (job->scale) job->vec->mul_f64(x->cols, z, job->scale, z);
        if (job->square) job->square[i] = job->vec->dot_f64(x->cols, z, z);
        if (job->narrow) job->vec->narrow(x->cols, z, job->narrow + i * x->cols);
    }
}

/* The rows of one class; all: NULL with *count = rows. */
static leat_status rows_of(leat_context *c, const leati_dataset *d, int class, uint32_t **out,
                           size_t *count)
{
    *out = NULL;
    *count = d->x.rows;
    if (class == LEATI_ALL_CLASSES) return LEAT_OK;
    *out = leati_array(c, d->x.rows, sizeof **out);
    if (!*out) return leat_error_status(c);
    *count = 0;
    for (size_t i = 0; i < d->x.rows; i++)
        if (d->label[i] == (uint32_t) class) (*out)[(*count)++] = (uint32_t)i;
    return LEAT_OK;
}

leat_status leati_scatter(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                          int class, const double *scale, double *out, double *fourth)
{
    size_t p = d->x.cols, count;
    uint32_t *rows;
    LEATI_TRY(rows_of(c, d, class, &rows, &count));
    size_t block = count < BLOCK ? count : BLOCK;
    centre_job job = {.d = d, .m = m, .scale = scale, .vec = leati_vec_of(c)};
    job.z = leati_array(c, block * p, sizeof *job.z);
    job.square = fourth ? leati_array(c, block + 1, sizeof *job.square) : NULL;
    double *part = count > block ? leati_array(c, p * p, sizeof *part) : NULL;
    leat_status st = LEAT_OK;
    if (!job.z || (fourth && !job.square) || (count > block && !part)) st = leat_error_status(c);
    if (fourth) *fourth = 0;
    memset(out, 0, p * p * sizeof *out);
    for (size_t at = 0; st == LEAT_OK && at < count; at += block) {
        job.rows = rows ? rows + at : NULL;
        job.from = at;
        job.count = count - at < block ? count - at : block;
        leati_parallel(c, (job.count + GRAIN - 1) / GRAIN, centre_task, &job);
        st = leati_syrk_f64(c, job.count, p, job.z, p, at ? part : out, p);
        if (at) job.vec->axpy_f64(p * p, 1, part, out);
        for (size_t i = 0; fourth && i < job.count; i++) *fourth += job.square[i] * job.square[i];
    }
    leati_free(rows);
    leati_free(job.z);
    leati_free(job.square);
    leati_free(part);
    return st;
}

leat_status leati_scatter_f32(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                              const double *scale, double *out)
{
    size_t p = d->x.cols, count = d->x.rows, block = count < BLOCK ? count : BLOCK;
    centre_job job = {.d = d, .m = m, .scale = scale, .vec = leati_vec_of(c)};
    job.z = leati_array(c, (block + GRAIN - 1) / GRAIN * p, sizeof *job.z);
    job.narrow = leati_array(c, block * p, sizeof *job.narrow);
    float *part = leati_array(c, p * p, sizeof *part);
    leat_status st = job.z && job.narrow && part ? LEAT_OK : leat_error_status(c);
    memset(out, 0, p * p * sizeof *out);
    for (size_t at = 0; st == LEAT_OK && at < count; at += block) {
        job.from = at;
        job.count = count - at < block ? count - at : block;
        leati_parallel(c, (job.count + GRAIN - 1) / GRAIN, centre_task, &job);
        st = leati_syrk_f32(c, job.count, p, job.narrow, p, part, p);
        if (st == LEAT_OK) job.vec->axpy_mixed(p * p, 1, part, out);
    }
    leati_free(job.z);
    leati_free(job.narrow);
    leati_free(part);
    return st;
}

void leati_rows_within(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                       const double *scale, double *out)
{
    centre_job job = {
        .d = d, .m = m, .scale = scale, .count = d->x.rows, .z = out, .vec = leati_vec_of(c)};
    leati_parallel(c, (job.count + GRAIN - 1) / GRAIN, centre_task, &job);
}

/* --- shrinkage ----------------------------------------------------------------------------------
 */

double leati_ledoit_wolf(const double *scatter, size_t cols, double rows, double fourth)
{
    if (cols < 2) return 0;
    double p = (double)cols, trace = 0, squares = 0;
    for (size_t j = 0; j < cols; j++) trace += scatter[j * cols + j] / rows;
    for (size_t j = 0; j < cols * cols; j++) squares += scatter[j] * scatter[j];
    squares /= rows * rows;
    double mu = trace / p;
    double beta = (fourth / rows - squares) / (p * rows);
    double delta = (squares - 2 * mu * trace + p * mu * mu) / p;
    if (beta > delta) beta = delta;
    return beta > 0 ? beta / delta : 0;
}

void leati_shrink(double *a, size_t n, double s)
{
    double trace = 0;
    for (size_t j = 0; j < n; j++) trace += a[j * n + j];
    for (size_t j = 0; j < n * n; j++) a[j] *= 1 - s;
    for (size_t j = 0; j < n; j++) a[j * n + j] += s * trace / (double)n;
}

static leat_status ledoit_wolf_covariance(leat_context *c, const leati_dataset *d,
                                          const leati_class_moments *m, size_t class, double *out)
{
    size_t p = d->x.cols;
    double n = m->weight[class], fourth;
    double *scale = leati_array(c, p, sizeof *scale);
    if (!scale) return leat_error_status(c);
    for (size_t j = 0; j < p; j++) {
        double variance = m->squares[class * p + j] / n;
        scale[j] = variance > 0 ? 1 / sqrt(variance) : 1;
    }
    leat_status st = leati_scatter(c, d, m, (int)class, scale, out, &fourth);
    if (st == LEAT_OK) {
        double s = leati_ledoit_wolf(out, p, n, fourth);
        for (size_t j = 0; j < p * p; j++) out[j] /= n;
        leati_shrink(out, p, s);
        for (size_t i = 0; i < p; i++)
            for (size_t j = 0; j < p; j++) out[i * p + j] /= scale[i] * scale[j];
    }
    leati_free(scale);
    return st;
}

leat_status leati_class_covariance(leat_context *c, const leati_dataset *d,
                                   const leati_class_moments *m, size_t class,
                                   const leati_mixed *shrinkage, double *out)
{
    if (shrinkage->choice == 1) return ledoit_wolf_covariance(c, d, m, class, out);
    LEATI_TRY(leati_scatter(c, d, m, (int)class, NULL, out, NULL));
    for (size_t j = 0; j < d->x.cols * d->x.cols; j++) out[j] /= m->weight[class];
    if (shrinkage->choice < 0) leati_shrink(out, d->x.cols, shrinkage->value);
    return LEAT_OK;
}

leat_status leati_eigenvalues_above(leat_context *c, const double *a, size_t n, double least,
                                    bool *above)
{
    double *copy = leati_memdup(c, a, n * n * sizeof *a);
    if (!copy) return leat_error_status(c);
    for (size_t j = 0; j < n; j++) copy[j * n + j] -= least;
    leat_status st = leati_cholesky(c, n, copy, above);
    leati_free(copy);
    return st;
}

/* --- scores -------------------------------------------------------------------------------------
 */

leat_status leati_linear_scores(leat_context *c, const leati_matrix *x, const double *w,
                                const double *constant, size_t count, double *out)
{
    size_t block = x->rows < 2048 ? x->rows : 2048, p = x->cols;
    double *wide = x->f64 ? NULL : leati_array(c, block * p, sizeof *wide);
    if (!x->f64 && !wide) return leat_error_status(c);
    for (size_t i = 0; i < x->rows; i++) memcpy(out + i * count, constant, count * sizeof *out);
    leat_status st = LEAT_OK;
    const leati_vec *v = leati_vec_of(c);
    for (size_t at = 0; st == LEAT_OK && at < x->rows; at += block) {
        size_t rows = x->rows - at < block ? x->rows - at : block;
        for (size_t i = 0; wide && i < rows; i++)
            v->widen(p, x->f32 + (at + i) * x->stride, wide + i * p);
        const double *from = wide ? wide : x->f64 + at * x->stride;
        st = leati_gemm_f64(c, false, true, rows, count, p, 1, from, wide ? p : x->stride, w, p, 1,
                            out + at * count, count);
    }
    leati_free(wide);
    return st;
}
