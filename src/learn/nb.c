/* Owns: moments of each class in one pass, scores of rows in tiles, normalised probabilities. */
#include "learn/nb.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/kernels.h"

/* --- moments ------------------------------------------------------------------------------------
 */

typedef struct moments_job {
    const leati_dataset *d;
    size_t classes, tasks;
    double *parts; /* tasks of: weight (classes), mean, squares (classes, cols), row (cols) */
    size_t part;   /* doubles of one */
    const leati_learn_loops *loops;
} moments_job;

static void moments_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    moments_job *job = arg;
    const leati_dataset *d = job->d;
    size_t cols = d->x.cols, k = job->classes;
    double *weight = job->parts + task * job->part, *mean = weight + k, *squares = mean + k * cols;
    memset(weight, 0, job->part * sizeof *weight);
    size_t to = leati_task_start(d->x.rows, job->tasks, task + 1);
    for (size_t i = leati_task_start(d->x.rows, job->tasks, task); i < to; i++) {
        size_t class = d->label ? d->label[i] : 0;
        double w = d->weight ? d->weight[i] : 1;
        if (w <= 0) continue;
        weight[class] += w;
        double ratio = w / weight[class];
        double *m = mean + class * cols, *s = squares + class * cols;
        if (d->x.f64) job->loops->welford_f64(cols, d->x.f64 + i * d->x.stride, w, ratio, m, s);
        else job->loops->welford_f32(cols, d->x.f32 + i * d->x.stride, w, ratio, m, s);
    }
}

/* Adds the part's class moments to the sum so far. */
static void combine(leati_class_moments *m, const double *part)
{
    const double *mean = part + m->classes, *squares = mean + m->classes * m->cols;
    for (size_t k = 0; k < m->classes; k++) {
        double w = part[k], all = m->weight[k] + w;
        if (w <= 0) continue;
        double ratio = w / all, cross = m->weight[k] * ratio;
        for (size_t j = k * m->cols; j < (k + 1) * m->cols; j++) {
            double delta = mean[j] - m->mean[j];
            m->mean[j] += ratio * delta;
            m->squares[j] += squares[j] + cross * delta * delta;
        }
        m->weight[k] = all;
        m->total += w;
    }
}

static leat_status check_moments(leat_context *c, const leati_class_moments *m, const char *owner)
{
    LEATI_CHECK(c, m->total > 0, LEAT_INVALID, "%s: all row weights are 0", owner);
    for (size_t j = 0; j < m->classes * m->cols; j++)
        LEATI_CHECK(c, isfinite(m->squares[j]) && isfinite(m->mean[j]), LEAT_NUMERIC,
                    "%s: the values of feature %zu are too large: their squares overflow; scale "
                    "the data first",
                    owner, j % m->cols + 1);
    return LEAT_OK;
}

leat_status leati_class_moments_of(leat_context *c, leati_class_moments *m, const leati_dataset *d,
                                   const char *owner)
{
    size_t k = d->label ? d->classes : 1, cols = d->x.cols;
    *m = (leati_class_moments){.classes = k, .cols = cols};
    m->weight = LEATI_NEW(c, double, k);
    m->mean = leati_calloc(c, k * cols, sizeof *m->mean);
    m->squares = leati_calloc(c, k * cols, sizeof *m->squares);
    moments_job job = {.d = d, .classes = k, .part = k + 2 * k * cols};
    job.loops = &leati_kernels_of(c)->learn;
    /* No more parts than make each read several rows of every class. */
    size_t most = d->x.rows / (8 * k) < 32 ? d->x.rows / (8 * k) : 32;
    job.tasks = leati_task_count(d->x.rows * cols, 1 << 15, most ? most : 1);
    job.parts = leati_array(c, job.tasks * job.part, sizeof *job.parts);
    leat_status st = leat_error_status(c);
    if (m->weight && m->mean && m->squares && job.parts) {
        leati_parallel(c, job.tasks, moments_task, &job);
        for (size_t t = 0; t < job.tasks; t++) combine(m, job.parts + t * job.part);
        st = check_moments(c, m, owner);
    }
    leati_free(job.parts);
    if (st != LEAT_OK) leati_class_moments_fini(m);
    return st;
}

void leati_class_moments_fini(leati_class_moments *m)
{
    leati_free(m->weight);
    leati_free(m->mean);
    leati_free(m->squares);
    *m = (leati_class_moments){0};
}

/* --- scores -------------------------------------------------------------------------------------
 */

typedef struct score_job {
    const leati_estimator *e;
    const leati_matrix *x;
    leati_nb_tile_fn tile;
    const leati_learn_loops *loops;
    size_t tasks;
    double *space; /* per task: a tile, then its scores */
    double *out;
} score_job;

static void load_tile(const leati_matrix *x, size_t from, size_t rows, double *xt)
{
    for (size_t r = 0; r < LEATI_NB_TILE; r++) {
        size_t at = (from + (r < rows ? r : 0)) * x->stride;
        if (x->f64)
            for (size_t j = 0; j < x->cols; j++) xt[j * LEATI_NB_TILE + r] = x->f64[at + j];
        else
            for (size_t j = 0; j < x->cols; j++) xt[j * LEATI_NB_TILE + r] = (double)x->f32[at + j];
    }
}

static void score_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    score_job *job = arg;
    size_t k = job->e->classes, cols = job->x->cols, rows = job->x->rows;
    double *xt = job->space + task * LEATI_NB_TILE * (cols + k),
           *scores = xt + LEATI_NB_TILE * cols;
    size_t to = leati_task_start(rows, job->tasks, task + 1);
    for (size_t i = leati_task_start(rows, job->tasks, task); i < to; i += LEATI_NB_TILE) {
        size_t count = to - i < LEATI_NB_TILE ? to - i : LEATI_NB_TILE;
        load_tile(job->x, i, count, xt);
        job->tile(job->e, job->loops, xt, scores);
        memcpy(job->out + i * k, scores, count * k * sizeof *scores);
    }
}

leat_status leati_nb_scores(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            leati_nb_tile_fn tile, double *out)
{
    score_job job = {.e = e, .x = x, .tile = tile, .out = out};
    job.loops = &leati_kernels_of(c)->learn;
    job.tasks = leati_task_count(x->rows * x->cols, 1 << 14, 64);
    job.space = leati_array(c, job.tasks * LEATI_NB_TILE * (x->cols + e->classes), sizeof *out);
    if (!job.space) return leat_error_status(c);
    leati_parallel(c, job.tasks, score_task, &job);
    leati_free(job.space);
    return LEAT_OK;
}

/* Turns rows of joint log likelihoods into probabilities (log-sum-exp), in place. */
static void normalise(double *scores, size_t rows, size_t classes)
{
    for (size_t i = 0; i < rows; i++) {
        double *s = scores + i * classes, most = s[0], sum = 0;
        for (size_t k = 1; k < classes; k++)
            if (s[k] > most) most = s[k];
        for (size_t k = 0; k < classes; k++) sum += s[k] = exp(s[k] - most);
        for (size_t k = 0; k < classes; k++) s[k] /= sum;
    }
}

leat_status leati_nb_proba(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                           double *out)
{
    LEATI_TRY(e->class->decision(e, c, x, out));
    normalise(out, x->rows, e->classes);
    return LEAT_OK;
}

void leati_nb_log_prior(const double *weight, size_t classes, bool uniform, double *out)
{
    double total = 0;
    for (size_t k = 0; k < classes; k++) total += weight[k];
    for (size_t k = 0; k < classes; k++)
        out[k] = uniform ? -log((double)classes) : log(weight[k] / total);
}
