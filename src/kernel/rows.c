/* Owns: how operations on rows are cut into tasks, and their sums over rows. Not: the arithmetic
 * (isa/rows_lanes.h). */
#include "kernel/rows.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "kernel/net_kernels.h"

enum {
    GRAIN = 8192,     /* elements of a task at least */
    MOST_TASKS = 256, /* of what needs no sums */
    CHUNKS = 16,      /* partial sums over rows */
    BAND = 64         /* columns of an embedding, rows of a transposition, per task */
};

typedef struct rows_job {
    const leati_net_kernels *k;
    size_t rows, n, tasks;
    bool flag; /* log, or rms */
    leati_activation activation;
    const float *x, *y, *g, *gamma, *beta, *mean, *rate;
    const leati_cross_entropy *entropy;
    float *out, *mean_out, *rate_out, *partials;
    bool want_gamma, want_beta;
    float epsilon;
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

/* ---- softmax, cross-entropy ----------------------------------------------------------------- */

static void softmax_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    (void)worker;
    for (size_t i = r.from; i < r.to; i++)
        j->k->softmax_row(j->flag, j->n, j->x + i * j->n, j->out + i * j->n);
}

void leati_softmax(leat_context *c, bool log, size_t rows, size_t n, const float *x, float *y)
{
    rows_job j = {.rows = rows, .n = n, .flag = log, .x = x, .out = y};
    run(c, &j, MOST_TASKS, softmax_task);
}

static void softmax_back_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    (void)worker;
    for (size_t i = r.from; i < r.to; i++)
        j->k->softmax_back_row(j->flag, j->n, j->y + i * j->n, j->g + i * j->n, j->out + i * j->n);
}

void leati_softmax_backward(leat_context *c, bool log, size_t rows, size_t n, const float *y,
                            const float *g, float *dx)
{
    rows_job j = {.rows = rows, .n = n, .flag = log, .y = y, .g = g, .out = dx};
    run(c, &j, MOST_TASKS, softmax_back_task);
}

static void entropy_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    const leati_cross_entropy *e = j->entropy;
    range r = rows_of(j, task);
    (void)worker;
    for (size_t i = r.from; i < r.to; i++) {
        float *grad = j->out ? j->out + i * j->n : NULL;
        int64_t label = e->labels[i];
        bool ignored = label == e->ignored, wrong = label < 0 || label >= (int64_t)j->n;
        if (ignored || wrong) {
            float value = ignored ? 0 : (float)NAN;
            j->mean_out[i] = value;
            for (size_t q = 0; grad && q < j->n; q++) grad[q] = value;
            continue;
        }
        j->mean_out[i] = j->k->cross_entropy_row(j->n, j->x + i * j->n, (size_t)label, e->smoothing,
                                                 e->weights, e->scale, grad);
    }
}

void leati_cross_entropy_rows(leat_context *c, const leati_cross_entropy *e, size_t rows, size_t n,
                              const float *x, float *loss, float *grad)
{
    rows_job j = {.rows = rows, .n = n, .entropy = e, .x = x, .mean_out = loss, .out = grad};
    run(c, &j, MOST_TASKS, entropy_task);
}

/* ---- elementwise ---------------------------------------------------------------------------- */

static void activate_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    (void)worker;
    if (j->g)
        j->k->activate_back(j->activation, r.to - r.from, j->x + r.from, j->g + r.from,
                            j->out + r.from);
    else j->k->activate(j->activation, r.to - r.from, j->x + r.from, j->out + r.from);
}

void leati_activation_forward(leat_context *c, leati_activation kind, size_t n, const float *x,
                              float *out)
{
    rows_job j = {.rows = n, .n = 1, .activation = kind, .x = x, .out = out};
    run(c, &j, MOST_TASKS, activate_task);
}

void leati_activation_backward(leat_context *c, leati_activation kind, size_t n, const float *x,
                               const float *g, float *out)
{
    rows_job j = {.rows = n, .n = 1, .activation = kind, .x = x, .g = g, .out = out};
    run(c, &j, MOST_TASKS, activate_task);
}

/* ---- layer norm ----------------------------------------------------------------------------- */

static void norm_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    (void)worker;
    for (size_t i = r.from; i < r.to; i++)
        j->k->norm_row(!j->flag, j->n, j->x + i * j->n, j->gamma, j->beta, j->epsilon,
                       j->out + i * j->n, j->mean_out + i, j->rate_out + i);
}

void leati_norm_forward(leat_context *c, bool rms, size_t rows, size_t n, const float *x,
                        const float *gamma, const float *beta, float epsilon, float *y, float *mean,
                        float *rate)
{
    rows_job j = {.rows = rows, .n = n, .flag = rms, .x = x, .gamma = gamma, .beta = beta};
    j.epsilon = epsilon;
    j.out = y;
    j.mean_out = mean;
    j.rate_out = rate;
    run(c, &j, MOST_TASKS, norm_task);
}

static void norm_back_task(void *arg, size_t task, unsigned worker)
{
    const rows_job *j = arg;
    range r = rows_of(j, task);
    float *own = j->partials + task * 2 * j->n;
    (void)worker;
    memset(own, 0, 2 * j->n * sizeof *own);
    for (size_t i = r.from; i < r.to; i++)
        j->k->norm_back_row(!j->flag, j->n, j->x + i * j->n, j->g + i * j->n, j->gamma, j->mean[i],
                            j->rate[i], j->out + i * j->n, j->want_gamma ? own : NULL,
                            j->want_beta ? own + j->n : NULL);
}

size_t leati_norm_bytes(size_t rows, size_t n)
{
    (void)rows;
    return CHUNKS * 2 * n * sizeof(float);
}

/* The partial sums of tasks, each a row of 2 n, added in order. */
static void gather_pairs(const rows_job *j, float *first, float *second)
{
    for (size_t t = 1; t < j->tasks; t++)
        j->k->add_to(2 * j->n, j->partials + t * 2 * j->n, j->partials);
    if (first) j->k->copy(j->n, j->partials, first);
    if (second) j->k->copy(j->n, j->partials + j->n, second);
}

void leati_norm_backward(leat_context *c, bool rms, size_t rows, size_t n, const float *x,
                         const float *g, const float *gamma, const float *mean, const float *rate,
                         float *dx, float *dgamma, float *dbeta, void *workspace)
{
    rows_job j = {.rows = rows, .n = n, .flag = rms, .x = x, .g = g, .gamma = gamma};
    j.mean = mean;
    j.rate = rate;
    j.out = dx;
    j.partials = workspace;
    j.want_gamma = dgamma != NULL;
    j.want_beta = dbeta != NULL;
    memset(j.partials, 0, 2 * n * sizeof *j.partials);
    run(c, &j, CHUNKS, norm_back_task);
    gather_pairs(&j, dgamma, dbeta);
}

/* ---- lookups, layouts ----------------------------------------------------------------------- */

typedef struct lookup {
    const leati_net_kernels *k;
    size_t count, n, tasks;
    const int64_t *index;
    const float *in;
    float *out;
} lookup;

static void gather_task(void *arg, size_t task, unsigned worker)
{
    const lookup *l = arg;
    size_t end = leati_task_start(l->count, l->tasks, task + 1);
    (void)worker;
    for (size_t i = leati_task_start(l->count, l->tasks, task); i < end; i++)
        l->k->copy(l->n, l->in + (size_t)l->index[i] * l->n, l->out + i * l->n);
}

void leati_embedding_forward(leat_context *c, size_t count, size_t n, const int64_t *index,
                             const float *table, float *y)
{
    lookup l = {leati_net_kernels_of(c), count, n, 0, index, table, y};
    l.tasks = leati_task_count(count * n, GRAIN, MOST_TASKS < count ? MOST_TASKS : count);
    if (count) leati_parallel(c, l.tasks, gather_task, &l);
}

/* Columns, not rows, are shared out: every row of the table is added to in order. */
static void scatter_task(void *arg, size_t task, unsigned worker)
{
    const lookup *l = arg;
    size_t at = task * BAND, n = l->n - at < BAND ? l->n - at : BAND;
    (void)worker;
    for (size_t i = 0; i < l->count; i++)
        l->k->add_to(n, l->in + i * l->n + at, l->out + (size_t)l->index[i] * l->n + at);
}

void leati_embedding_backward(leat_context *c, size_t count, size_t n, const int64_t *index,
                              const float *g, float *dtable)
{
    lookup l = {leati_net_kernels_of(c), count, n, 0, index, g, dtable};
    leati_parallel(c, (n + BAND - 1) / BAND, scatter_task, &l);
}

typedef struct turning {
    const leati_net_kernels *k;
    size_t m, n, bands;
    const float *in;
    float *out;
} turning;

static void transpose_task(void *arg, size_t task, unsigned worker)
{
    const turning *t = arg;
    size_t batch = task / t->bands, i = task % t->bands * BAND;
    size_t m = t->m - i < BAND ? t->m - i : BAND, whole = t->m * t->n;
    (void)worker;
    t->k->transpose(m, t->n, t->in + batch * whole + i * t->n, t->n, t->out + batch * whole + i,
                    t->m);
}

void leati_transpose(leat_context *c, size_t batch, size_t m, size_t n, const float *in, float *out)
{
    turning t = {leati_net_kernels_of(c), m, n, (m + BAND - 1) / BAND, in, out};
    leati_parallel(c, batch * t.bands, transpose_task, &t);
}
