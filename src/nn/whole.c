/* Owns: the loss of a network over all rows as a function of its weights, and its descent. */
#include "nn/whole.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "learn/lbfgs.h"

leat_status leati_whole_check(leat_context *c, const leati_train_options *o)
{
    const char *odd = o->accumulate > 1                                           ? "accumulate"
                      : o->clip_norm > 0                                          ? "clip_norm"
                      : o->clip_value > 0                                         ? "clip_value"
                      : o->ema > 0                                                ? "ema"
                      : o->half                                                   ? "precision=bf16"
                      : o->augment && o->augment->mixup > 0                       ? "mixup"
                      : o->schedule && !leati_schedule_constant_rate(o->schedule) ? "schedule"
                                                                                  : NULL;
    LEATI_CHECK(c, !odd, LEAT_INVALID,
                "%s does not go with lbfgs, which learns from all rows at once and searches its "
                "own steps",
                odd);
    return LEAT_OK;
}

typedef struct pass {
    leati_whole *w;
    float *flat; /* (weights): what the variables hold */
    size_t size;
} pass;

static leat_status run_batch(leati_whole *w, size_t at, uint64_t number)
{
    leati_step_shared *s = w->step;
    float value;
    const leati_recorded *r = w->count - at >= w->add->rows ? w->add : w->rest;
    leati_feed_batch(s->context, w->feed, w->rows + at, r->rows, w->epoch, true, s->x, s->y);
    s->share = (float)((double)r->rows / (double)w->count);
    s->key[1] = w->batches + number;
    LEATI_TRY(leati_recorded_run(s, r));
    LEATI_TRY(leat_get(r->roots[0], &value, sizeof value));
    w->loss += (double)value * (double)r->rows;
    if (r->values < 2) return LEAT_OK;
    LEATI_TRY(leat_get(r->roots[1], &value, sizeof value));
    w->right += (double)value * (double)r->rows;
    return LEAT_OK;
}

/* A pass over all rows with the weights x; the gradient is left in the variable of sums. */
static leat_status run_pass(pass *p, const double *x)
{
    leati_whole *w = p->w;
    size_t bytes = p->size * sizeof *p->flat;
    for (size_t i = 0; i < p->size; i++) p->flat[i] = 0;
    LEATI_TRY(leat_variable_set(w->step->sum, p->flat, bytes));
    for (size_t i = 0; i < p->size; i++) p->flat[i] = (float)x[i];
    LEATI_TRY(leat_variable_set(w->step->network->trained, p->flat, bytes));
    w->loss = w->right = 0;
    w->passes++;
    uint64_t number = 0;
    for (size_t at = 0; at < w->count; at += w->add->rows) LEATI_TRY(run_batch(w, at, number++));
    return LEAT_OK;
}

static leat_status evaluate(void *user, leat_context *c, const double *x, double *value,
                            double *gradient)
{
    pass *p = user;
    (void)c;
    LEATI_TRY(run_pass(p, x));
    LEATI_TRY(leat_variable_get(p->w->step->sum, p->flat, p->size * sizeof *p->flat));
    for (size_t i = 0; i < p->size; i++) gradient[i] = (double)p->flat[i];
    *value = p->w->loss / (double)p->w->count;
    return LEAT_OK;
}

leat_status leati_whole_run(leati_whole *w)
{
    leati_step_shared *s = w->step;
    leat_context *c = s->context;
    const leati_lbfgs_optimizer *o = (const leati_lbfgs_optimizer *)s->optimizer;
    leati_lbfgs_options options = {.max_iter = (uint32_t)o->max_iter,
                                   .tolerance = o->tolerance_grad,
                                   .precision = o->tolerance_change};
    leati_lbfgs_result result;
    pass p = {.w = w, .size = s->network->trained_count};
    leat_status st = LEAT_OK;
    double *x = leati_array(c, p.size + 1, sizeof *x);
    p.flat = leati_array(c, p.size + 1, sizeof *p.flat);
    if (!x || !p.flat) LEATI_GO(LEAT_NOMEM);
    LEATI_GO(leat_variable_get(s->network->trained, p.flat, p.size * sizeof *p.flat));
    for (size_t i = 0; i < p.size; i++) x[i] = (double)p.flat[i];
    LEATI_GO(leati_lbfgs(c, p.size, x, evaluate, &p, &options, &result));
    w->iterations = result.iterations;
    LEATI_GO(run_pass(&p, x)); /* the last point tried is not always the one taken */
out:
    leati_free(x);
    leati_free(p.flat);
    return st;
}
