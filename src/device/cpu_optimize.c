/* Owns: ADAM and SGD on the CPU in f32. */
#include <math.h>
#include <string.h>

#include "device/cpu_kernels.h"
#include "kernel/net_step.h"

static bool takes(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32;
}

/* Results that have memory of their own begin as copies. */
static float *begin(const leati_step *s, int i)
{
    size_t bytes = leati_operand_count(&s->in[i]) * sizeof(float);
    if (bytes && s->out[i].data != s->in[i].data) memcpy(s->out[i].data, s->in[i].data, bytes);
    return s->out[i].data;
}

static float scalar(const leati_step *s, int i, float otherwise)
{
    return i < s->ins ? *(const float *)s->in[i].data : otherwise;
}

static leat_status run_adam(leat_context *c, const leati_step *s)
{
    const leati_adam_attrs *a = s->attrs;
    double number = (double)scalar(s, 5, 1);
    leati_adam o = {.rate = scalar(s, 4, 0),
                    .beta_1 = a->beta_1,
                    .beta_2 = a->beta_2,
                    .epsilon = (float)a->epsilon,
                    .weight_decay = (float)a->weight_decay,
                    .scale = scalar(s, 6, 1),
                    .limit = a->limit > 0 ? (float)a->limit : INFINITY,
                    .correction_1 = (float)(1 - pow(a->beta_1, number)),
                    .correction_2 = (float)(1 - pow(a->beta_2, number)),
                    .decoupled = a->decoupled};
    float *w = begin(s, 0), *m = begin(s, 1), *v = begin(s, 2);
    leati_adam_step(c, &o, leati_operand_count(&s->in[0]), w, s->in[3].data, m, v);
    return LEAT_OK;
}

static leat_status run_sgd(leat_context *c, const leati_step *s)
{
    const leati_sgd_attrs *a = s->attrs;
    leati_sgd o = {.rate = scalar(s, 3, 0),
                   .momentum = (float)a->momentum,
                   .damping = (float)a->dampening,
                   .weight_decay = (float)a->weight_decay,
                   .scale = scalar(s, 5, 1),
                   .limit = a->limit > 0 ? (float)a->limit : INFINITY,
                   .nesterov = a->nesterov,
                   .first = scalar(s, 4, 1) <= 1};
    float *w = begin(s, 0), *v = begin(s, 1);
    leati_sgd_step(c, &o, leati_operand_count(&s->in[0]), w, s->in[2].data, v);
    return LEAT_OK;
}

const leati_kernel leati_cpu_adam = {.run = run_adam, .takes = takes, .in_place_pairs = true};
const leati_kernel leati_cpu_sgd = {.run = run_sgd, .takes = takes, .in_place_pairs = true};
