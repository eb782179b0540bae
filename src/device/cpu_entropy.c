/* Owns: CROSS_ENTROPY and its gradient on the CPU in f32: one pass over the rows, the exponentials
 * of a chunk of rows by one call of the vector kernel. */
#include <math.h>

#include "base/error.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/entropy.h"
#include "kernel/vec.h"

typedef struct job {
    const leati_entropy_attrs *a;
    const leati_vec *vec;
    const float *x, *weights, *d; /* d: of the loss, for the gradient */
    const int64_t *y;
    float *loss, *weight, *dx;
    float *room; /* exponentials, per worker */
    size_t rows, classes, chunk;
    float even; /* the share that every class has by smoothing, before its weight */
} job;

enum { CHUNK = 2048 };

static bool takes(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32;
}

static size_t chunk_of(size_t classes)
{
    return 1 + (CHUNK - 1) / classes;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    size_t classes = (size_t)s->in[0].shape.dim[1];
    return chunk_of(classes) * classes * sizeof(float) * leat_context_threads(c);
}

static float weight_of(const job *j, size_t c)
{
    return j->weights ? j->weights[c] : 1;
}

/* e^(x - top) for rows first .. end - 1. */
static float *exponentials(const job *j, size_t first, size_t end, unsigned worker)
{
    float *e = j->room + worker * j->chunk * j->classes;
    for (size_t r = first; r < end; r++) {
        const float *x = j->x + r * j->classes;
        float top = x[0], *to = e + (r - first) * j->classes;
        for (size_t c = 1; c < j->classes; c++) top = x[c] > top ? x[c] : top;
        for (size_t c = 0; c < j->classes; c++) to[c] = x[c] - top;
    }
    j->vec->exp_f32((end - first) * j->classes, e, e);
    return e;
}

static double loss_of(const job *j, size_t row, const float *e)
{
    const float *x = j->x + row * j->classes;
    size_t y = (size_t)j->y[row];
    double sum = 0, shift = 0, loss = 0;
    if (!j->a->given_log) {
        float top = x[0];
        for (size_t c = 1; c < j->classes; c++) top = x[c] > top ? x[c] : top;
        for (size_t c = 0; c < j->classes; c++) sum += e[c];
        shift = log(sum) + top;
    }
    if (j->even > 0)
        for (size_t c = 0; c < j->classes; c++)
            loss += (double)(j->even * weight_of(j, c)) * (shift - x[c]);
    return loss + (1 - j->a->smoothing) * weight_of(j, y) * (shift - x[y]);
}

static void forward(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t first = task * j->chunk, end = first + j->chunk < j->rows ? first + j->chunk : j->rows;
    const float *e = j->a->given_log ? NULL : exponentials(j, first, end, worker);
    for (size_t r = first; r < end; r++) {
        bool ignored = j->a->has_ignored && j->y[r] == j->a->ignored;
        j->weight[r] = ignored ? 0 : weight_of(j, (size_t)j->y[r]);
        j->loss[r] = ignored ? 0 : (float)loss_of(j, r, e ? e + (r - first) * j->classes : NULL);
    }
}

static void backward(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t first = task * j->chunk, end = first + j->chunk < j->rows ? first + j->chunk : j->rows;
    const float *e = j->a->given_log ? NULL : exponentials(j, first, end, worker);
    for (size_t r = first; r < end; r++, e = e ? e + j->classes : NULL) {
        float *dx = j->dx + r * j->classes, d = j->d[r], all = 0;
        double sum = 0;
        bool ignored = j->a->has_ignored && j->y[r] == j->a->ignored;
        if (ignored) {
            for (size_t c = 0; c < j->classes; c++) dx[c] = 0;
            continue;
        }
        size_t y = (size_t)j->y[r];
        float label = (float)(1 - j->a->smoothing) * weight_of(j, y);
        for (size_t c = 0; j->even > 0 && c < j->classes; c++) all += j->even * weight_of(j, c);
        all += label;
        for (size_t c = 0; e && c < j->classes; c++) sum += e[c];
        float scale = e ? d * all / (float)sum : 0;
        for (size_t c = 0; c < j->classes; c++) dx[c] = e ? scale * e[c] : 0;
        for (size_t c = 0; j->even > 0 && c < j->classes; c++)
            dx[c] -= d * j->even * weight_of(j, c);
        dx[y] -= d * label;
    }
}

static job job_of(leat_context *c, const leati_step *s)
{
    job j = {.a = s->attrs, .vec = leati_vec_of(c), .x = s->in[0].data, .y = s->in[1].data};
    j.rows = (size_t)s->in[0].shape.dim[0];
    j.classes = (size_t)s->in[0].shape.dim[1];
    j.chunk = chunk_of(j.classes);
    j.room = s->scratch;
    j.even = (float)(j.a->smoothing / (double)j.classes);
    return j;
}

static leat_status run(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    LEATI_TRY(leati_labels_check(c, s));
    j.weights = s->ins == 3 ? s->in[2].data : NULL;
    j.loss = s->out[0].data;
    j.weight = s->out[1].data;
    leati_parallel(c, (j.rows + j.chunk - 1) / j.chunk, forward, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_cross_entropy = {.run = run, .scratch = scratch, .takes = takes};

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    job j = job_of(c, s);
    LEATI_TRY(leati_labels_check(c, s));
    j.weights = s->ins == 4 ? s->in[3].data : NULL;
    j.d = s->in[2].data;
    j.dx = s->out[0].data;
    leati_parallel(c, (j.rows + j.chunk - 1) / j.chunk, backward, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_cross_entropy_grad = {
    .run = run_grad, .scratch = scratch, .takes = takes};
