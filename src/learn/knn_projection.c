/* Owns: principal directions of a sample by orthogonal iteration (Golub and Van Loan, 4th edition,
 * section 8.2.4), and projected rows. */
#include "learn/knn_projection.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"

enum {
    LEAST_ROWS = 4096,
    LEAST_COLS = 64,
    SAMPLE = 4096,
    MOST_DIMS = 127,
    STEPS = 6,
    BLOCK = 2048, /* rows projected at once */
    GRAIN = 64
};

/* --- directions ---------------------------------------------------------------------------------
 */

/* z (rows of the sample, cols), centred; p->mean. */
static void centre_sample(leati_projection *p, const leati_matrix *x, size_t count, double *z,
                          const leati_vec *v)
{
    for (size_t i = 0; i < count; i++) {
        size_t row = i * x->rows / count;
        double *to = z + i * p->cols;
        if (x->f64) memcpy(to, x->f64 + row * x->stride, p->cols * sizeof *to);
        else v->widen(p->cols, x->f32 + row * x->stride, to);
        v->axpy_f64(p->cols, 1 / (double)count, to, p->mean);
    }
    for (size_t i = 0; i < count; i++) v->axpy_f64(p->cols, -1, p->mean, z + i * p->cols);
}

/* Modified Gram-Schmidt, twice; rows that depend on earlier ones become 0. */
static void orthonormalise(const leati_projection *p, const leati_vec *v)
{
    for (size_t i = 0; i < p->dims; i++) {
        double *row = p->basis + i * p->cols;
        double before = sqrt(v->dot_f64(p->cols, row, row));
        for (int turn = 0; turn < 2; turn++)
            for (size_t j = 0; j < i; j++) {
                const double *other = p->basis + j * p->cols;
                v->axpy_f64(p->cols, -v->dot_f64(p->cols, row, other), other, row);
            }
        double after = sqrt(v->dot_f64(p->cols, row, row));
        bool lost = !(after > 1e-8 * before) || !(after > 0);
        if (lost) memset(row, 0, p->cols * sizeof *row);
        else v->scale_f64(p->cols, 1 / after, row);
    }
}

/* The part of the sample's variance that the directions hold. */
static leat_status iterate(leat_context *c, leati_projection *p, const double *covariance,
                           double *next, double *held)
{
    const leati_vec *v = leati_vec_of(c);
    size_t cols = p->cols;
    double total = 0, sum = 0;
    leati_rng rng;
    leati_rng_init(&rng, 0, LEATI_RNG_INIT, 0);
    for (size_t i = 0; i < p->dims * cols; i++) p->basis[i] = leati_rng_normal(&rng);
    for (int step = 0; step < STEPS; step++) {
        LEATI_TRY(leati_gemm_f64(c, false, false, p->dims, cols, cols, 1, p->basis, cols,
                                 covariance, cols, 0, next, cols));
        memcpy(p->basis, next, p->dims * cols * sizeof *next);
        orthonormalise(p, v);
    }
    LEATI_TRY(leati_gemm_f64(c, false, false, p->dims, cols, cols, 1, p->basis, cols, covariance,
                             cols, 0, next, cols));
    for (size_t j = 0; j < cols; j++) total += covariance[j * cols + j];
    for (size_t i = 0; i < p->dims; i++)
        sum += v->dot_f64(cols, p->basis + i * cols, next + i * cols);
    *held = total > 0 ? sum / total : 0;
    return LEAT_OK;
}

leat_status leati_projection_init(leat_context *c, leati_projection *p, const leati_matrix *x)
{
    *p = (leati_projection){.cols = x->cols};
    if (x->rows < LEAST_ROWS || x->cols < LEAST_COLS) return LEAT_OK;
    size_t count = x->rows < SAMPLE ? x->rows : SAMPLE, cols = x->cols;
    p->dims = cols / 4 < MOST_DIMS ? cols / 4 : MOST_DIMS;
    p->mean = leati_calloc(c, cols, sizeof *p->mean);
    p->basis = leati_array(c, p->dims * cols, sizeof *p->basis);
    double *z = leati_array(c, count * cols, sizeof *z);
    double *covariance = leati_array(c, cols * cols, sizeof *z);
    double *next = leati_array(c, p->dims * cols, sizeof *z), held = 0;
    leat_status st = leat_error_status(c);
    if (p->mean && p->basis && z && covariance && next) {
        centre_sample(p, x, count, z, leati_vec_of(c));
        st = leati_syrk_f64(c, count, cols, z, cols, covariance, cols);
        if (st == LEAT_OK) st = iterate(c, p, covariance, next, &held);
    }
    leati_free(z);
    leati_free(covariance);
    leati_free(next);
    if (st != LEAT_OK || !(held >= 0.8)) leati_projection_fini(p);
    return st;
}

void leati_projection_fini(leati_projection *p)
{
    leati_free(p->mean);
    leati_free(p->basis);
    *p = (leati_projection){0};
}

/* --- projected rows -----------------------------------------------------------------------------
 */

typedef struct apply_job {
    const leati_projection *p;
    leati_matrix x;
    double *z, *square; /* (rows, cols) centred; (rows) its squared length */
    double *coordinate; /* (rows, dims) */
    float *out;
    const leati_vec *v;
} apply_job;

static void centre_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const apply_job *job = arg;
    size_t cols = job->p->cols, to = (task + 1) * GRAIN;
    for (size_t i = task * GRAIN; i < to && i < job->x.rows; i++) {
        double *z = job->z + i * cols;
        if (job->x.f64) memcpy(z, job->x.f64 + i * job->x.stride, cols * sizeof *z);
        else job->v->widen(cols, job->x.f32 + i * job->x.stride, z);
        job->v->axpy_f64(cols, -1, job->p->mean, z);
        job->square[i] = job->v->dot_f64(cols, z, z);
    }
}

static void finish_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const apply_job *job = arg;
    size_t dims = job->p->dims, to = (task + 1) * GRAIN;
    for (size_t i = task * GRAIN; i < to && i < job->x.rows; i++) {
        const double *a = job->coordinate + i * dims;
        double rest = job->square[i] - job->v->dot_f64(dims, a, a);
        job->v->narrow(dims, a, job->out + i * (dims + 1));
        job->out[i * (dims + 1) + dims] = (float)(rest > 0 ? sqrt(rest) : 0);
    }
}

leat_status leati_projection_apply(leat_context *c, const leati_projection *p,
                                   const leati_matrix *x, float *out)
{
    size_t block = x->rows < BLOCK ? x->rows : BLOCK;
    apply_job job = {.p = p, .v = leati_vec_of(c)};
    job.z = leati_array(c, block * p->cols, sizeof *job.z);
    job.square = leati_array(c, block, sizeof *job.square);
    job.coordinate = leati_array(c, block * p->dims, sizeof *job.coordinate);
    leat_status st = LEAT_OK;
    if (!job.z || !job.square || !job.coordinate) st = leat_error_status(c);
    for (size_t at = 0; st == LEAT_OK && at < x->rows; at += block) {
        job.x = leati_matrix_rows(x, at, x->rows - at < block ? x->rows - at : block);
        job.out = out + at * (p->dims + 1);
        size_t tasks = (job.x.rows + GRAIN - 1) / GRAIN;
        leati_parallel(c, tasks, centre_task, &job);
        st = leati_gemm_f64(c, false, true, job.x.rows, p->dims, p->cols, 1, job.z, p->cols,
                            p->basis, p->cols, 0, job.coordinate, p->dims);
        if (st == LEAT_OK) leati_parallel(c, tasks, finish_task, &job);
    }
    leati_free(job.z);
    leati_free(job.square);
    leati_free(job.coordinate);
    return st;
}
