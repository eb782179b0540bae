/* Owns: counting, saving and loading for the naive Bayes models of counts. */
#include "learn/nb_counts.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/vec.h"

typedef struct count_job {
    const leati_nb_counts *n;
    const leati_dataset *d;
    const leati_vec *vec;
    bool binary;
    size_t tasks, part; /* doubles of a task: total (classes), sum (classes, cols) */
    double *parts;
    size_t *negative; /* (tasks) first row of the task with a value below 0, or SIZE_MAX */
} count_job;

static void add_present(const leati_matrix *x, size_t row, double above, double w, double *sum)
{
    if (x->f64) {
        const double *v = x->f64 + row * x->stride;
        for (size_t j = 0; j < x->cols; j++) sum[j] += v[j] > above ? w : 0;
    } else {
        const float *v = x->f32 + row * x->stride;
        for (size_t j = 0; j < x->cols; j++) sum[j] += (double)v[j] > above ? w : 0;
    }
}

static void add_values(const leati_vec *vec, const leati_matrix *x, size_t row, double w,
                       double *sum)
{
    if (x->f64) vec->axpy_f64(x->cols, w, x->f64 + row * x->stride, sum);
    else vec->axpy_mixed(x->cols, w, x->f32 + row * x->stride, sum);
}

static bool has_negative(const leati_matrix *x, size_t row)
{
    bool negative = false;
    if (x->f64) {
        const double *v = x->f64 + row * x->stride;
        for (size_t j = 0; j < x->cols; j++) negative |= v[j] < 0;
    } else {
        const float *v = x->f32 + row * x->stride;
        for (size_t j = 0; j < x->cols; j++) negative |= v[j] < 0;
    }
    return negative;
}

static void count_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    count_job *job = arg;
    const leati_dataset *d = job->d;
    double *total = job->parts + task * job->part, *sum = total + d->classes;
    memset(total, 0, job->part * sizeof *total);
    job->negative[task] = SIZE_MAX;
    size_t to = leati_task_start(d->x.rows, job->tasks, task + 1);
    for (size_t i = leati_task_start(d->x.rows, job->tasks, task); i < to; i++) {
        double w = d->weight ? d->weight[i] : 1, *row = sum + d->label[i] * d->x.cols;
        total[d->label[i]] += w;
        if (job->binary) add_present(&d->x, i, job->n->binarize, w, row);
        else if (!has_negative(&d->x, i)) add_values(job->vec, &d->x, i, w, row);
        else if (job->negative[task] == SIZE_MAX) job->negative[task] = i;
    }
}

/* Adds the parts in their order. */
static leat_status add_up(leat_context *c, const count_job *job, double *total, double *sum)
{
    const leati_dataset *d = job->d;
    for (size_t t = 0; t < job->tasks; t++) {
        size_t bad = job->negative[t], j = 0;
        if (bad != SIZE_MAX) {
            while (!(leati_at(&d->x, bad, j) < 0)) j++;
            return LEATI_FAIL(c, LEAT_INVALID,
                              "%s takes counts: the value in row %zu of feature '%s' is negative",
                              job->n->base.class->name, bad + 1, d->features[j].name);
        }
        const double *part = job->parts + t * job->part;
        job->vec->axpy_f64(d->classes, 1, part, total);
        job->vec->axpy_f64(d->classes * d->x.cols, 1, part + d->classes, sum);
    }
    return LEAT_OK;
}

leat_status leati_nb_counts_sum(const leati_nb_counts *n, leat_context *c, const leati_dataset *d,
                                bool binary, double *total, double *sum)
{
    enum { MOST = 32 };
    size_t negative[MOST], k = d->classes, cols = d->x.cols;
    count_job job = {.n = n, .d = d, .vec = leati_vec_of(c), .binary = binary};
    /* The parts take less than the data does. */
    size_t most = d->x.rows / (8 * k) < MOST ? d->x.rows / (8 * k) : MOST;
    job.tasks = leati_task_count(d->x.rows * cols, 1 << 16, most ? most : 1);
    job.part = k + k * cols;
    job.parts = leati_array(c, job.tasks * job.part, sizeof *job.parts);
    job.negative = negative;
    if (!job.parts) return leat_error_status(c);
    leati_parallel(c, job.tasks, count_task, &job);
    leat_status st = add_up(c, &job, total, sum);
    leati_free(job.parts);
    double weights = 0;
    for (size_t i = 0; i < k; i++) weights += total[i];
    if (st == LEAT_OK && !(weights > 0))
        st = LEATI_FAIL(c, LEAT_INVALID, "%s: all row weights are 0", n->base.class->name);
    return st;
}

leat_status leati_nb_counts_save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const leati_nb_counts *n = (const leati_nb_counts *)e;
    LEATI_TRY(leati_state_put(s, "log_prior", LEATI_F64, n->log_prior, e->classes, 0));
    return leati_state_put(s, "log_prob", LEATI_F64, n->log_prob, e->classes, e->features);
}

leat_status leati_nb_counts_load(leati_nb_counts *n, leat_context *c, leati_state *s)
{
    size_t k = n->base.classes, p = n->base.features;
    LEATI_TRY(leati_state_take(c, s, "log_prior", LEATI_F64, k, 0, &n->log_prior, NULL));
    LEATI_TRY(leati_state_take(c, s, "log_prob", LEATI_F64, k, p, &n->log_prob, NULL));
    for (size_t j = 0; j < k * p; j++)
        LEATI_CHECK(c, n->log_prob[j] <= 0, LEAT_FORMAT,
                    "damaged model: %s has the log probability %g", n->base.class->name,
                    n->log_prob[j]);
    n->weight = leati_array(c, k * p, sizeof *n->weight);
    n->constant = leati_array(c, k, sizeof *n->constant);
    return n->weight && n->constant ? LEAT_OK : leat_error_status(c);
}

void leati_nb_counts_clear(leati_estimator *e)
{
    leati_nb_counts *n = (leati_nb_counts *)e;
    double **owned[] = {&n->log_prior, &n->log_prob, &n->weight, &n->constant};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        leati_free(*owned[i]);
        *owned[i] = NULL;
    }
}

leat_status leati_nb_counts_alloc(leati_nb_counts *n, leat_context *c)
{
    size_t k = n->base.classes, p = n->base.features;
    n->log_prior = LEATI_NEW(c, double, k);
    n->log_prob = leati_calloc(c, k * p, sizeof *n->log_prob);
    n->weight = leati_calloc(c, k * p, sizeof *n->weight);
    n->constant = LEATI_NEW(c, double, k);
    bool got = n->log_prior && n->log_prob && n->weight && n->constant;
    return got ? LEAT_OK : leat_error_status(c);
}
