/* Owns: norms and their gradients on the CPU in f32, where their axes make rows, columns or groups;
 * otherwise they are made of other operations. */
#include <math.h>
#include <string.h>

#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "kernel/channels.h"
#include "kernel/rows.h"
#include "tensor/shape.h"

/* x as (samples, rows, groups, width), moments over rows and width:
 *   rows of n    (samples = rows, 1, 1, n)      layer norm
 *   columns      (1, rows, n, 1)                batch norm, channels last
 *   groups       (samples, rows, groups, width) group norm and instance norm, channels last */
typedef enum kind { NONE, ROWS, COLUMNS, GROUPS } kind;

static size_t take(const leat_shape *x, uint32_t axes, bool reduced, int *at)
{
    size_t count = 1;
    for (; *at < x->rank; ++*at) { /* axes of size 1 belong to either side */
        if (x->dim[*at] != 1 && (axes >> *at & 1) != reduced) break;
        count *= (size_t)x->dim[*at];
    }
    return count;
}

static kind find_form(const leati_norm_attrs *a, const leat_shape *x, leati_groups *f)
{
    int at = 0;
    f->samples = take(x, a->axes, false, &at);
    f->rows = take(x, a->axes, true, &at);
    f->groups = take(x, a->axes, false, &at);
    f->width = take(x, a->axes, true, &at);
    if (at < x->rank || !leati_shape_count(x)) return NONE;
    if (f->groups * f->width == 1) {
        f->width = f->rows, f->rows = 1;
        return f->width > 1 ? ROWS : NONE;
    }
    if (a->rms) return NONE;
    return f->samples == 1 && f->width == 1 ? COLUMNS : GROUPS;
}

static size_t channels_of(const leati_groups *f)
{
    return f->groups * f->width;
}

/* The scale has one number for each of the n last. */
static bool fits(const leati_operand *o, const leat_shape *x, size_t n)
{
    size_t last = 1;
    if (leati_operand_count(o) != n) return false;
    for (int i = 0; i < o->shape.rank && last < n; i++) {
        int64_t dim = o->shape.dim[o->shape.rank - 1 - i];
        if (dim != x->dim[x->rank - 1 - i]) return false;
        last *= (size_t)dim;
    }
    return true;
}

static const leat_shape *shape_of(const leati_step *s)
{
    return &s->in[s->op == LEATI_OP_NORM_GRAD ? 1 : 0].shape;
}

static bool takes(const leati_step *s)
{
    bool back = s->op == LEATI_OP_NORM_GRAD;
    const leati_operand *x = &s->in[back ? 1 : 0];
    leati_groups f;
    if (x->dtype != LEAT_DTYPE_F32 || find_form(s->attrs, &x->shape, &f) == NONE) return false;
    for (size_t i = back ? 4 : 1; i < s->ins; i++)
        if (!fits(&s->in[i], &x->shape, channels_of(&f))) return false;
    return true;
}

static kind form_of(const leati_step *s, leati_groups *f)
{
    return find_form(s->attrs, shape_of(s), f);
}

/* Scale and shift (n) before the workspace of the kernel. */
static size_t scratch(const leat_context *c, const leati_step *s)
{
    leati_groups f;
    kind k = form_of(s, &f);
    size_t n = channels_of(&f);
    leati_cpu_room room = {NULL, 0};
    leati_cpu_take(&room, 2 * n * sizeof(float));
    leati_cpu_take(&room, k == COLUMNS  ? leati_channel_bytes(f.rows, n)
                          : k == GROUPS ? leati_group_norm_bytes(c, &f)
                                        : leati_norm_bytes(f.samples, n));
    return room.bytes;
}

static void norm_columns(leat_context *c, const leati_step *s, size_t rows, size_t n,
                         const float *gamma, const float *beta, float *spare, void *work)
{
    const leati_norm_attrs *a = s->attrs;
    float *scale = spare, *shift = scale + n, *mean = s->out[1].data, *rate = s->out[2].data;
    leati_channel_moments(c, rows, n, s->in[0].data, mean, rate, work);
    for (size_t i = 0; i < n; i++) {
        rate[i] = (float)(1 / sqrt((double)rate[i] + a->epsilon));
        scale[i] = gamma ? rate[i] * gamma[i] : rate[i];
        shift[i] = beta ? beta[i] : 0;
    }
    leati_channel_affine(c, rows, n, s->in[0].data, mean, scale, shift, s->out[0].data);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_norm_attrs *a = s->attrs;
    leati_groups f;
    kind k = form_of(s, &f);
    size_t n = channels_of(&f);
    leati_cpu_room room = {s->scratch, 0};
    float *spare = leati_cpu_take(&room, 2 * n * sizeof(float));
    void *work = leati_cpu_take(&room, 0);
    const float *gamma = s->ins > 1 ? s->in[1].data : NULL;
    const float *beta = s->ins > 2 ? s->in[2].data : NULL;
    float *mean = s->out[1].data, *rate = s->out[2].data;
    if (k == COLUMNS) {
        norm_columns(c, s, f.rows, n, gamma, beta, spare, work);
    } else if (k == GROUPS) {
        leati_group_norm(c, &f, s->in[0].data, gamma, beta, a->epsilon, s->out[0].data, mean, rate,
                         work);
    } else {
        leati_norm_forward(c, a->rms, f.samples, n, s->in[0].data, gamma, beta, (float)a->epsilon,
                           s->out[0].data, mean, rate);
        if (a->rms) memset(mean, 0, f.samples * sizeof(float));
    }
    return LEAT_OK;
}

const leati_kernel leati_cpu_norm = {.run = run, .scratch = scratch, .takes = takes};

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    const leati_norm_attrs *a = s->attrs;
    leati_groups f;
    kind k = form_of(s, &f);
    size_t n = channels_of(&f);
    leati_cpu_room room = {s->scratch, 0};
    float *spare = leati_cpu_take(&room, 2 * n * sizeof(float));
    void *work = leati_cpu_take(&room, 0);
    const float *gamma = s->ins > 4 ? s->in[4].data : NULL, *g = s->in[0].data, *x = s->in[1].data;
    const float *mean = s->in[2].data, *rate = s->in[3].data;
    float *dx = s->out[0].data;
    float *dgamma = gamma ? s->out[1].data : spare, *dbeta = gamma ? s->out[2].data : spare + n;
    if (k == COLUMNS)
        leati_batch_norm_backward(c, f.rows, n, x, g, mean, rate, gamma, dx, dgamma, dbeta, work);
    else if (k == GROUPS)
        leati_group_norm_backward(c, &f, x, g, gamma, mean, rate, dx, dgamma, dbeta, work);
    else
        leati_norm_backward(c, a->rms, f.samples, n, x, g, gamma, mean, rate, dx,
                            gamma ? dgamma : NULL, gamma ? dbeta : NULL, work);
    return LEAT_OK;
}

const leati_kernel leati_cpu_norm_grad = {.run = run_grad, .scratch = scratch, .takes = takes};
