/* Owns: the epochs and steps of stochastic gradient descent.
 *
 * A weight vector is scale * v, so that shrinking it costs nothing. With S the sum of the scales
 * of all averaged steps, their mean is (S v - u) / count, where u gains S times every change of v:
 * averaging costs a second update, not a pass over the weights. */
#include "learn/sgd_solver.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/rng.h"
#include "kernel/skinny.h"
#include "kernel/vec.h"

#define MOST_SLOPE  1e12
#define LEAST_SCALE 1e-6

typedef struct output {
    void *v, *u, *q; /* (cols) in the type of x; v borrowed; u to average; q with an L1 part */
    double scale, scales, averaged;
    double intercept, mean_intercept;
    double squares, absolute; /* |w|^2, |w|_1 */
    double rate, cumulated;   /* cumulated: L1 penalty that each weight could have had */
    double best, objective, step;
    uint32_t poor, epochs, number;
    bool done, overflow;
} output;

typedef struct solver {
    const leati_dataset *d;
    const leati_sgd_options *o;
    const leati_vec *v;
    const leati_kernels *level;
    size_t cols, rows, outputs, active, tasks;
    output *output;   /* (outputs) */
    output **running; /* (active) */
    uint32_t *order;  /* (rows) */
    void *weights;    /* (outputs, cols): the v of all outputs */
    double *product;  /* (tasks, outputs): v . x of the row at hand, in the type of x */
    uint8_t *held;    /* (rows) 1: kept for validation; NULL without early stopping */
    double *squares;  /* (rows) |x_i|^2 */
    size_t training;  /* rows not held */
    double start;     /* t0 of the optimal rate */
} solver;

static const void *row_of(const solver *s, size_t i)
{
    const leati_matrix *x = &s->d->x;
    return x->f32 ? (const void *)(x->f32 + i * x->stride) : (const void *)(x->f64 + i * x->stride);
}

static double dot(const solver *s, const void *x, const void *y)
{
    return s->d->x.f32 ? (double)s->v->dot_f32(s->cols, x, y) : s->v->dot_f64(s->cols, x, y);
}

static void axpy(const solver *s, double a, const void *x, void *y)
{
    if (s->d->x.f32) s->v->axpy_f32(s->cols, (float)a, x, y);
    else s->v->axpy_f64(s->cols, a, x, y);
}

/* Folds the scale into v. */
static void fold(const solver *s, output *w)
{
    if (w->u) axpy(s, -w->scales, w->v, w->u);
    w->scales = 0;
    if (s->d->x.f32) s->v->scale_f32(s->cols, (float)w->scale, w->v);
    else s->v->scale_f64(s->cols, w->scale, w->v);
    w->scale = 1;
}

/* Moves each weight towards 0 by what is left of its cumulated L1 penalty, never across. */
#define TRUNCATE(suffix, type)                                                                     \
    static void truncate_##suffix(const solver *s, output *w)                                      \
    {                                                                                              \
        type *v = w->v, *q = w->q, *u = w->u;                                                      \
        double absolute = 0, squares = 0;                                                          \
        for (size_t j = 0; j < s->cols; j++) {                                                     \
            double z = (double)v[j], now = z;                                                      \
            if (z > 0) now = fmax(0, z - (w->cumulated + (double)q[j]) / w->scale);                \
            else if (z < 0) now = fmin(0, z + (w->cumulated - (double)q[j]) / w->scale);           \
            q[j] += (type)(w->scale * (now - z));                                                  \
            if (u) u[j] += (type)(w->scales * (now - z));                                          \
            v[j] = (type)now;                                                                      \
            absolute += fabs(now);                                                                 \
            squares += now * now;                                                                  \
        }                                                                                          \
        w->absolute = w->scale * absolute;                                                         \
        w->squares = w->scale * w->scale * squares;                                                \
    }
TRUNCATE(f32, float)
TRUNCATE(f64, double)

static double target(const solver *s, const output *w, size_t i)
{
    if (s->d->task == LEATI_REGRESS) return s->d->y[i];
    uint32_t class = s->outputs == 1 ? 1 : w->number;
    return s->d->label[i] == class ? 1 : -1;
}

/* Of the row and of its class: with several outputs, of the class against the rest. */
static double row_weight(const solver *s, const output *w, size_t i)
{
    double weight = s->d->weight ? s->d->weight[i] : 1;
    if (!s->o->class_weight) return weight;
    uint32_t label = s->d->label[i];
    return s->outputs == 1 || label == w->number ? weight * s->o->class_weight[label] : weight;
}

/* The L2 part of a step: returns the factor, never below 0. */
static double shrink(const solver *s, output *w)
{
    double factor = fmax(0, 1 - (1 - s->o->l1_ratio) * w->rate * s->o->alpha);
    w->scale *= factor;
    w->squares *= factor * factor;
    w->absolute *= factor;
    if (w->scale < LEAST_SCALE) fold(s, w);
    return factor;
}

/* `product` is v . x. */
static void take_step(const solver *s, output *w, size_t i, const void *x, double product)
{
    const leati_sgd_options *o = s->o;
    double y = target(s, w, i), slope;
    product *= w->scale;
    double loss = leati_sgd_loss_at(o->loss, o->epsilon, y, product + w->intercept, &slope);
    if (o->rate == LEATI_SGD_OPTIMAL) w->rate = 1 / (o->alpha * (s->start + w->step - 1));
    else if (o->rate == LEATI_SGD_INVSCALING) w->rate = o->eta0 / pow(w->step, o->power_t);
    w->objective += loss;
    if (o->penalised)
        w->objective += o->alpha * ((1 - o->l1_ratio) / 2 * w->squares + o->l1_ratio * w->absolute);
    slope = fmin(fmax(slope, -MOST_SLOPE), MOST_SLOPE);
    double update = -w->rate * slope * row_weight(s, w, i);
    if (o->penalised && o->l1_ratio < 1) product *= shrink(s, w);
    if (update != 0) {
        axpy(s, update / w->scale, x, w->v);
        if (w->u) axpy(s, w->scales * update / w->scale, x, w->u);
        w->squares = fmax(0, w->squares + 2 * update * product + update * update * s->squares[i]);
        if (o->intercept) w->intercept += update;
    }
    if (o->average && w->step >= (double)o->average) {
        w->averaged++;
        w->scales += w->scale;
        w->mean_intercept += (w->intercept - w->mean_intercept) / w->averaged;
    }
    if (w->q) {
        w->cumulated += o->l1_ratio * w->rate * o->alpha;
        if (s->d->x.f32) truncate_f32(s, w);
        else truncate_f64(s, w);
    }
    w->step++;
}

/* v . x for running outputs [from, to), those of neighbouring numbers in one go. */
static void multiply(const solver *s, size_t from, size_t to, const void *x, double *product)
{
    float *narrow = (float *)product;
    for (size_t k = from, n; k < to; k += n) {
        for (n = 1; k + n < to && s->running[k + n]->number == s->running[k]->number + n;) n++;
        void *v = s->running[k]->v;
        if (s->d->x.f32) leati_forward_f32(s->level, 1, s->cols, n, x, 0, v, narrow + k, 1);
        else leati_forward_f64(s->level, 1, s->cols, n, x, 0, v, product + k, 1);
    }
    /* Widen from the end: products are as many as outputs, in the first half of their room. */
    for (size_t k = to; k-- > from && s->d->x.f32;) product[k] = (double)narrow[k];
}

static void run_outputs(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    enum { AHEAD = 2, LINE = 64 };
    solver *s = arg;
    size_t from = leati_task_start(s->active, s->tasks, task);
    size_t to = leati_task_start(s->active, s->tasks, task + 1);
    size_t bytes = s->cols * (s->d->x.f32 ? sizeof(float) : sizeof(double));
    double *product = s->product + task * s->outputs;
    for (size_t k = from; k < to; k++) s->running[k]->objective = 0;
    for (size_t n = 0; n < s->rows; n++) {
        size_t i = s->order[n];
        const char *ahead = row_of(s, s->order[n + AHEAD < s->rows ? n + AHEAD : n]);
        for (size_t b = 0; b < bytes; b += LINE) __builtin_prefetch(ahead + b);
        if (s->held && s->held[i]) continue;
        const void *x = row_of(s, i);
        multiply(s, from, to, x, product);
        for (size_t k = from; k < to; k++) take_step(s, s->running[k], i, x, product[k]);
    }
}

/* Accuracy, or for numbers R^2, on the rows held out. */
static double score(const solver *s, const output *w)
{
    double good = 0, weights = 0, sum = 0, squares = 0, errors = 0;
    for (size_t i = 0; i < s->rows; i++) {
        if (!s->held[i]) continue;
        double y = target(s, w, i), p = w->scale * dot(s, row_of(s, i), w->v) + w->intercept;
        double weight = s->d->weight ? s->d->weight[i] : 1;
        good += (p > 0) == (y > 0) ? weight : 0;
        weights += weight;
        sum += weight * y;
        squares += weight * y * y;
        errors += weight * (y - p) * (y - p);
    }
    if (!(weights > 0)) return 0;
    if (s->d->task == LEATI_CLASSIFY) return good / weights;
    double spread = squares - sum * sum / weights;
    return spread > 0 ? 1 - errors / spread : 0;
}

/* After an epoch: did it help, and is the output done? */
static void judge(const solver *s, output *w)
{
    const leati_sgd_options *o = s->o;
    w->epochs++;
    w->overflow = !isfinite(w->intercept) || !isfinite(dot(s, w->v, w->v));
    double now = s->held ? -score(s, w) : w->objective / (double)s->training;
    bool poor = now > w->best - o->tolerance;
    w->poor = poor && o->tolerance >= 0 ? w->poor + 1 : 0;
    w->best = fmin(w->best, now);
    if (w->overflow) w->done = true;
    if (w->poor < o->n_iter_no_change) return;
    if (o->rate == LEATI_SGD_ADAPTIVE && w->rate > 1e-6) {
        w->rate /= 5;
        w->poor = 0;
    } else {
        w->done = true;
    }
}

static leat_status run_epochs(leat_context *c, solver *s)
{
    for (uint32_t epoch = 0; epoch < s->o->max_iter; epoch++) {
        s->active = 0;
        for (size_t k = 0; k < s->outputs; k++)
            if (!s->output[k].done) s->running[s->active++] = &s->output[k];
        if (s->active == 0) return LEAT_OK;
        LEATI_TRY(leati_progress(c, "fitting", epoch, s->o->max_iter));
        if (s->o->shuffle) {
            leati_rng rng;
            leati_rng_init(&rng, s->d->seed, LEATI_RNG_SHUFFLE, epoch);
            leati_rng_shuffle(&rng, s->order, s->rows);
        }
        /* Outputs do not touch each other: their division among threads changes nothing. */
        s->tasks = leat_context_threads(c) < s->active ? leat_context_threads(c) : s->active;
        leati_parallel(c, s->tasks, run_outputs, s);
        for (size_t k = 0; k < s->active; k++) {
            judge(s, s->running[k]);
            LEATI_CHECK(c, !s->running[k]->overflow, LEAT_NUMERIC,
                        "sgd: the weights overflow in epoch %u; standardise the features, or use "
                        "a smaller eta0",
                        epoch + 1);
        }
    }
    return LEAT_OK;
}

/* Holds out a share of the rows, for classes of each of them. */
static void hold_out(solver *s)
{
    leati_rng rng;
    leati_rng_init(&rng, s->d->seed, LEATI_RNG_SPLIT, 0);
    leati_rng_shuffle(&rng, s->order, s->rows);
    uint32_t groups = s->d->task == LEATI_CLASSIFY ? s->d->classes : 1;
    for (uint32_t g = 0; g < groups; g++) {
        size_t count = 0, left;
        for (size_t i = 0; i < s->rows; i++) count += groups == 1 || s->d->label[i] == g;
        left = (size_t)(s->o->validation_fraction * (double)count + 0.5);
        for (size_t n = 0; n < s->rows && left > 0; n++) {
            uint32_t i = s->order[n];
            if (groups > 1 && s->d->label[i] != g) continue;
            s->held[i] = 1;
            s->training--;
            left--;
        }
    }
    for (uint32_t i = 0; i < s->rows; i++) s->order[i] = i;
}

static leat_status output_init(leat_context *c, const solver *s, output *w, uint32_t number)
{
    size_t size = s->d->x.f32 ? sizeof(float) : sizeof(double);
    bool l1 = s->o->penalised && s->o->l1_ratio > 0, average = s->o->average > 0;
    *w = (output){.scale = 1, .step = 1, .rate = s->o->eta0, .best = INFINITY, .number = number};
    w->v = (char *)s->weights + number * s->cols * size;
    if (average) w->u = leati_calloc(c, s->cols, size);
    if (l1) w->q = leati_calloc(c, s->cols, size);
    bool ready = (w->u || !average) && (w->q || !l1);
    return ready ? LEAT_OK : leat_error_status(c);
}

static leat_status solver_init(leat_context *c, solver *s, const leati_dataset *d,
                               const leati_sgd_options *o, size_t outputs)
{
    *s = (solver){.d = d, .o = o, .v = leati_vec_of(c), .level = leati_kernels_of(c)};
    s->outputs = outputs;
    s->rows = s->training = d->x.rows;
    s->cols = d->x.cols;
    s->output = LEATI_NEW(c, output, outputs);
    s->running = leati_array(c, outputs, sizeof(output *));
    s->order = leati_array(c, s->rows, sizeof *s->order);
    s->squares = leati_array(c, s->rows, sizeof *s->squares);
    size_t count = 0, threads = leat_context_threads(c);
    if (leati_mul_overflows(outputs, s->cols, &count)) count = SIZE_MAX;
    s->weights = leati_calloc(c, count, d->x.f32 ? sizeof(float) : sizeof(double));
    s->product = leati_array(c, outputs * (threads < outputs ? threads : outputs), sizeof(double));
    if (o->early_stopping) s->held = LEATI_NEW(c, uint8_t, s->rows);
    bool ready = s->output && s->running && s->order && s->squares && s->weights && s->product &&
                 (s->held || !o->early_stopping);
    if (!ready) return leat_error_status(c);
    for (uint32_t k = 0; k < outputs; k++) LEATI_TRY(output_init(c, s, &s->output[k], k));
    for (uint32_t i = 0; i < s->rows; i++) {
        s->order[i] = i;
        s->squares[i] = dot(s, row_of(s, i), row_of(s, i));
    }
    if (s->held) hold_out(s);
    LEATI_CHECK(c, s->training > 0 && (!s->held || s->training < s->rows), LEAT_INVALID,
                "sgd: validation_fraction %g of %zu rows leaves none to learn from or to validate "
                "on; use another fraction or early_stopping=false",
                o->validation_fraction, s->rows);
    /* Bottou's heuristic: the first rate is the typical size of a weight; slopes are at most 1. */
    if (o->alpha > 0) s->start = 1 / (o->alpha * sqrt(1 / sqrt(o->alpha)));
    return LEAT_OK;
}

static void solver_fini(solver *s)
{
    for (size_t k = 0; s->output && k < s->outputs; k++) {
        leati_free(s->output[k].u);
        leati_free(s->output[k].q);
    }
    leati_free(s->output);
    leati_free(s->weights);
    leati_free(s->product);
    leati_free(s->running);
    leati_free(s->order);
    leati_free(s->squares);
    leati_free(s->held);
}

/* The coefficient j that is learned: averaged where there is an average. */
static double learned(const solver *s, const output *w, size_t j)
{
    bool f32 = s->d->x.f32 != NULL;
    double v = f32 ? (double)((const float *)w->v)[j] : ((const double *)w->v)[j];
    if (!(w->averaged > 0)) return w->scale * v;
    double u = f32 ? (double)((const float *)w->u)[j] : ((const double *)w->u)[j];
    return (w->scales * v - u) / w->averaged;
}

leat_status leati_sgd(leat_context *c, const leati_dataset *d, const leati_sgd_options *options,
                      leati_glm *out, uint32_t *epochs, bool *converged)
{
    solver s;
    leat_status st;
    *epochs = 0;
    *converged = true;
    LEATI_GO(solver_init(c, &s, d, options, out->outputs));
    LEATI_GO(run_epochs(c, &s));
    for (size_t k = 0; k < s.outputs; k++) {
        const output *w = &s.output[k];
        for (size_t j = 0; j < s.cols; j++) out->coef[k * s.cols + j] = learned(&s, w, j);
        out->intercept[k] = w->averaged > 0 ? w->mean_intercept : w->intercept;
        if (w->epochs > *epochs) *epochs = w->epochs;
        *converged = *converged && (w->done || options->tolerance < 0);
    }
out:
    solver_fini(&s);
    return st;
}
