/* Owns: how steps over flat buffers are cut into tasks. Not: the arithmetic
 * (isa/step_lanes.h). */
#include "kernel/net_step.h"

#include "base/pool.h"
#include "kernel/net_kernels.h"
#include "kernel/vec.h"

enum {
    CHUNK = 16384,    /* elements of a partial sum */
    STEP_PART = 4096, /* elements of a task of an optimiser, at least */
    SUM_CHUNKS = 64   /* partial sums of squares at most */
};

/* Elements do not depend on each other, so the border of tasks may depend on the number of threads:
 * one part each, so that every core finds its part of weights and moments in its own cache. */
typedef struct step {
    const leati_net_kernels *k;
    const leati_adam *adam;
    const leati_sgd *sgd;
    size_t n, part;
    float *w, *m, *v;
    const float *g;
} step;

static void step_task(void *arg, size_t task, unsigned worker)
{
    const step *s = arg;
    size_t at = task * s->part, n = s->n - at < s->part ? s->n - at : s->part;
    (void)worker;
    if (s->adam) s->k->adam(s->adam, n, s->w + at, s->g + at, s->m + at, s->v + at);
    else s->k->sgd(s->sgd, n, s->w + at, s->g + at, s->m ? s->m + at : NULL);
}

static void run_step(leat_context *c, step *s)
{
    size_t parts = leati_task_count(s->n, STEP_PART, leat_context_threads(c));
    if (s->n == 0) return;
    s->part = ((s->n + parts - 1) / parts + 15) / 16 * 16; /* whole lines of cache */
    leati_parallel(c, (s->n + s->part - 1) / s->part, step_task, s);
}

void leati_adam_step(leat_context *c, const leati_adam *o, size_t n, float *w, const float *g,
                     float *m, float *v)
{
    step s = {leati_net_kernels_of(c), o, NULL, n, 0, w, m, v, g};
    run_step(c, &s);
}

void leati_sgd_step(leat_context *c, const leati_sgd *o, size_t n, float *w, const float *g,
                    float *velocity)
{
    step s = {leati_net_kernels_of(c), NULL, o, n, 0, w, velocity, NULL, g};
    run_step(c, &s);
}

typedef struct squares {
    const leati_vec *v;
    const float *x;
    size_t n, chunks;
    double part[SUM_CHUNKS];
} squares;

static void squares_task(void *arg, size_t task, unsigned worker)
{
    squares *s = arg;
    size_t from = leati_task_start(s->n, s->chunks, task);
    size_t to = leati_task_start(s->n, s->chunks, task + 1);
    double sum = 0;
    (void)worker;
    for (size_t i = from; i < to; i += 1024) {
        size_t n = to - i < 1024 ? to - i : 1024;
        sum += (double)s->v->dot_f32(n, s->x + i, s->x + i);
    }
    s->part[task] = sum;
}

double leati_sum_squares(leat_context *c, size_t n, const float *x)
{
    squares s = {.v = leati_vec_of(c), .x = x, .n = n};
    s.chunks = leati_task_count(n, CHUNK, SUM_CHUNKS);
    leati_parallel(c, s.chunks, squares_task, &s);
    double sum = 0;
    for (size_t i = 0; i < s.chunks; i++) sum += s.part[i];
    return sum;
}
