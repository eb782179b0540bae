/* Owns: how norms of channels are cut into tasks, and their sums over rows. Not: the arithmetic
 * (isa/rows_lanes.h). */
#include "kernel/channels.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "kernel/net_kernels.h"

enum {
    GRAIN = 8192,     /* elements of a task at least */
    MOST_TASKS = 256, /* of what needs no sums */
    CHUNKS = 16,      /* partial sums over rows */
    NEAR = 16384,     /* elements of a chunk that two passes find in the cache */
    FEW_SAMPLES = 16, /* then the rows of each are shared out, not the samples */
    PARTS = 5         /* rows of n beside what the sums of a sample need */
};

typedef struct rows_job {
    const leati_net_kernels *k;
    size_t rows, n, tasks;
    const float *x, *g, *mean, *scale, *shift, *along, *direct;
    float *out, *partials;
} rows_job;

typedef struct range {
    size_t from, to;
} range;

static range rows_of(const rows_job *j, size_t task)
{
    return (range){leati_task_start(j->rows, j->tasks, task),
                   leati_task_start(j->rows, j->tasks, task + 1)};
}

static void run(leat_context *c, rows_job *j, size_t most, leati_task_fn task)
{
    j->k = leati_net_kernels_of(c);
    j->tasks = leati_task_count(j->rows * j->n, GRAIN, most < j->rows ? most : j->rows);
    if (j->rows && j->n) leati_parallel(c, j->tasks, task, j);
}

/* ---- moments --------------------------------------------------------------------------------- */

/* Each chunk: mean (n), sum of squares about it (n), and 2 n spare. */
size_t leati_channel_bytes(size_t rows, size_t n)
{
    (void)rows;
    return CHUNKS * 4 * n * sizeof(float);
}

/* Mean and squares of rows i .. i+m joined to those of `before` rows. Those of the new rows are
 * about new_mean, from which their own mean is `drift` / m away. */
static void join_moments(size_t n, double before, double m, float *mean, float *squares,
                         const float *new_mean, const float *new_squares, const float *drift)
{
    double share = m / (before + m);
    for (size_t q = 0; q < n; q++) {
        double off = drift ? (double)drift[q] / m : 0;
        double delta = (double)new_mean[q] + off - (double)mean[q];
        double own = (double)new_squares[q] - off * off * m;
        mean[q] = (float)((double)mean[q] + delta * share);
        squares[q] = (float)((double)squares[q] + fmax(own, 0) + delta * delta * before * share);
    }
}

static void moments_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    size_t n = j->n, step = NEAR / n ? NEAR / n : 1;
    float *mean = j->partials + task * 4 * n, *squares = mean + n, *own = squares + n;
    float *drift = own + n;
    (void)worker;
    memset(mean, 0, 2 * n * sizeof *mean);
    for (size_t i = r.from; i < r.to; i += step) {
        size_t m = r.to - i < step ? r.to - i : step;
        float local[NEAR / 8];
        /* More channels than the scratch holds go strip by strip. */
        for (size_t q = 0; q < n; q += NEAR / 8) {
            size_t width = n - q < NEAR / 8 ? n - q : NEAR / 8;
            memset(own + q, 0, width * sizeof *own);
            memset(drift + q, 0, width * sizeof *drift);
            memset(local, 0, width * sizeof *local);
            j->k->add_rows(m, width, j->x + i * n + q, n, own + q);
            for (size_t x = q; x < q + width; x++) own[x] /= (float)m;
            j->k->add_squares(m, width, j->x + i * n + q, n, own + q, local, drift + q);
            join_moments(width, (double)(i - r.from), (double)m, mean + q, squares + q, own + q,
                         local, drift + q);
        }
    }
}

void leati_channel_moments(leat_context *c, size_t rows, size_t n, const float *x, float *mean,
                           float *variance, void *workspace)
{
    rows_job j = {.rows = rows, .n = n, .x = x, .partials = workspace};
    run(c, &j, CHUNKS, moments_task);
    float *total = j.partials, *squares = total + n;
    for (size_t t = 1; t < j.tasks; t++) {
        range r = rows_of(&j, t);
        join_moments(n, (double)r.from, (double)(r.to - r.from), total, squares, total + t * 4 * n,
                     squares + t * 4 * n, NULL);
    }
    for (size_t q = 0; q < n; q++) {
        mean[q] = total[q];
        variance[q] = squares[q] / (float)rows;
    }
}

/* ---- maps ------------------------------------------------------------------------------------ */

static void affine_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    (void)worker;
    j->k->affine_rows(r.to - r.from, j->n, j->x + r.from * j->n, j->mean, j->scale, j->shift,
                      j->out + r.from * j->n);
}

void leati_channel_affine(leat_context *c, size_t rows, size_t n, const float *x, const float *mean,
                          const float *scale, const float *shift, float *y)
{
    rows_job j = {.rows = rows, .n = n, .x = x, .mean = mean, .scale = scale, .shift = shift};
    j.out = y;
    run(c, &j, MOST_TASKS, affine_task);
}

static void products_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    float *own = j->partials + task * 2 * j->n;
    (void)worker;
    memset(own, 0, 2 * j->n * sizeof *own);
    j->k->add_products(r.to - r.from, j->n, j->x + r.from * j->n, j->g + r.from * j->n, j->mean,
                       j->scale, own, own + j->n);
}

/* The sums of g (x - mean) rate and of g over the rows, at the beginning of `partials`. */
static void sum_products(leat_context *c, size_t rows, size_t n, const float *x, const float *g,
                         const float *mean, const float *rate, float *partials)
{
    rows_job j = {.rows = rows, .n = n, .x = x, .g = g, .mean = mean, .scale = rate};
    j.partials = partials;
    memset(partials, 0, 2 * n * sizeof *partials);
    run(c, &j, CHUNKS, products_task);
    for (size_t t = 1; t < j.tasks; t++) j.k->add_to(2 * n, partials + t * 2 * n, partials);
}

static void back_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    size_t at = r.from * j->n;
    (void)worker;
    j->k->affine_back_rows(r.to - r.from, j->n, j->x + at, j->g + at, j->mean, j->scale, j->along,
                           j->direct, j->out + at);
}

/* dx = g scale - (x - mean) along - direct. */
static void map_back(leat_context *c, size_t rows, size_t n, const float *x, const float *g,
                     const float *mean, const float *scale, const float *along, const float *direct,
                     float *dx)
{
    rows_job j = {.rows = rows, .n = n, .x = x, .g = g, .mean = mean, .scale = scale};
    j.along = along;
    j.direct = direct;
    j.out = dx;
    run(c, &j, MOST_TASKS, back_task);
}

void leati_batch_norm_backward(leat_context *c, size_t rows, size_t n, const float *x,
                               const float *g, const float *mean, const float *rate,
                               const float *gamma, float *dx, float *dgamma, float *dbeta,
                               void *workspace)
{
    float *along = workspace, *direct = along + n, *scale = direct + n;
    sum_products(c, rows, n, x, g, mean, rate, along);
    memcpy(dgamma, along, n * sizeof *along);
    memcpy(dbeta, direct, n * sizeof *direct);
    for (size_t q = 0; q < n; q++) {
        scale[q] = rate[q] * (gamma ? gamma[q] : 1);
        along[q] = along[q] / (float)rows * rate[q] * scale[q];
        direct[q] = direct[q] / (float)rows * scale[q];
    }
    map_back(c, rows, n, x, g, mean, scale, along, direct, dx);
}

/* ---- groups ---------------------------------------------------------------------------------- */

typedef struct groups_job {
    leat_context *c;
    leati_groups f;
    size_t n, room; /* channels; floats of a worker's workspace */
    const float *x, *g, *gamma, *beta;
    double epsilon;
    const float *old_mean, *old_rate; /* of the gradient */
    float *out, *mean, *rate;
    float *sums; /* of the gradient: (samples, 2 n), before the workspaces */
    float *work;
} groups_job;

static size_t room_of(size_t rows, size_t n)
{
    return leati_channel_bytes(rows, n) / sizeof(float) + PARTS * n;
}

size_t leati_group_norm_bytes(const leat_context *c, const leati_groups *f)
{
    size_t n = f->groups * f->width;
    return (2 * f->samples * n + leat_context_threads(c) * room_of(f->rows, n)) * sizeof(float);
}

static void run_samples(leat_context *c, groups_job *j, const leati_groups *f, void *workspace,
                        leati_task_fn task)
{
    j->c = c;
    j->f = *f;
    j->n = f->groups * f->width;
    j->room = room_of(f->rows, j->n);
    j->sums = workspace;
    j->work = j->sums + 2 * f->samples * j->n;
    if (f->samples >= FEW_SAMPLES) leati_parallel(c, f->samples, task, j);
    else
        for (size_t i = 0; i < f->samples; i++) task(j, i, 0);
}

/* The moments of a group from those of its channels, which have as many rows each. */
static void join_channels(size_t width, const float *mean, const float *variance, double *all_mean,
                          double *all_variance)
{
    double sum = 0, within = 0, between = 0;
    for (size_t q = 0; q < width; q++) sum += (double)mean[q], within += (double)variance[q];
    *all_mean = sum / (double)width;
    for (size_t q = 0; q < width; q++) between += pow((double)mean[q] - *all_mean, 2);
    *all_variance = (within + between) / (double)width;
}

static void group_task(void *arg, size_t sample, unsigned worker)
{
    const groups_job *j = arg;
    const leati_groups *f = &j->f;
    size_t n = j->n, at = sample * f->rows * n;
    float *mean = j->work + worker * j->room, *scale = mean + n, *shift = scale + n;
    leati_channel_moments(j->c, f->rows, n, j->x + at, mean, scale, shift + n);
    for (size_t i = 0; i < f->groups; i++) {
        double middle, variance;
        join_channels(f->width, mean + i * f->width, scale + i * f->width, &middle, &variance);
        float rate = (float)(1 / sqrt(variance + j->epsilon));
        j->mean[sample * f->groups + i] = (float)middle;
        j->rate[sample * f->groups + i] = rate;
        for (size_t q = i * f->width; q < (i + 1) * f->width; q++) {
            mean[q] = (float)middle;
            scale[q] = j->gamma ? rate * j->gamma[q] : rate;
            shift[q] = j->beta ? j->beta[q] : 0;
        }
    }
    leati_channel_affine(j->c, f->rows, n, j->x + at, mean, scale, shift, j->out + at);
}

void leati_group_norm(leat_context *c, const leati_groups *f, const float *x, const float *gamma,
                      const float *beta, double epsilon, float *y, float *mean, float *rate,
                      void *workspace)
{
    groups_job j = {.x = x, .gamma = gamma, .beta = beta, .epsilon = epsilon, .out = y};
    j.mean = mean;
    j.rate = rate;
    run_samples(c, &j, f, workspace, group_task);
}

/* With g' = g gamma and z = (x - mean) rate: dx = rate (g' - mean(g') - z mean(g' z)). */
static void group_back_task(void *arg, size_t sample, unsigned worker)
{
    const groups_job *j = arg;
    const leati_groups *f = &j->f;
    size_t n = j->n, at = sample * f->rows * n;
    float *mean = j->work + worker * j->room, *scale = mean + n, *along = scale + n;
    float *direct = along + n, *partials = direct + n;
    const float *middle = j->old_mean + sample * f->groups;
    const float *rate = j->old_rate + sample * f->groups;
    for (size_t q = 0; q < n; q++) mean[q] = middle[q / f->width], scale[q] = rate[q / f->width];
    sum_products(j->c, f->rows, n, j->x + at, j->g + at, mean, scale, partials);
    memcpy(j->sums + 2 * sample * n, partials, 2 * n * sizeof *partials);
    double count = (double)f->rows * (double)f->width;
    for (size_t i = 0; i < f->groups; i++) {
        double product = 0, sum = 0;
        for (size_t q = i * f->width; q < (i + 1) * f->width; q++) {
            double gamma = j->gamma ? (double)j->gamma[q] : 1;
            product += gamma * (double)partials[q];
            sum += gamma * (double)partials[n + q];
        }
        for (size_t q = i * f->width; q < (i + 1) * f->width; q++) {
            along[q] = (float)(product / count) * rate[i] * rate[i];
            direct[q] = (float)(sum / count) * rate[i];
            if (j->gamma) scale[q] *= j->gamma[q];
        }
    }
    map_back(j->c, f->rows, n, j->x + at, j->g + at, mean, scale, along, direct, j->out + at);
}

void leati_group_norm_backward(leat_context *c, const leati_groups *f, const float *x,
                               const float *g, const float *gamma, const float *mean,
                               const float *rate, float *dx, float *dgamma, float *dbeta,
                               void *workspace)
{
    groups_job j = {.x = x, .g = g, .gamma = gamma, .old_mean = mean, .old_rate = rate};
    j.out = dx;
    run_samples(c, &j, f, workspace, group_back_task);
    const leati_net_kernels *k = leati_net_kernels_of(c);
    for (size_t i = 1; i < f->samples; i++) k->add_to(2 * j.n, j.sums + 2 * i * j.n, j.sums);
    memcpy(dgamma, j.sums, j.n * sizeof *dgamma);
    memcpy(dbeta, j.sums + j.n, j.n * sizeof *dbeta);
}
