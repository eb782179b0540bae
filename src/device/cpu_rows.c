/* Owns: softmax, norms, and their gradients on the CPU in f32, where the axes are the last ones
 * (norms: or all but the last); otherwise they are made of other operations. */
#include <math.h>
#include <string.h>

#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "kernel/rows.h"

/* ---- softmax -------------------------------------------------------------------------------- */

static bool takes_softmax(const leati_step *s)
{
    const leati_axis_attrs *a = s->attrs;
    const leat_shape *x = &s->in[0].shape;
    if (s->in[0].dtype != LEAT_DTYPE_F32 || !leati_operand_count(&s->in[0])) return false;
    for (int i = a->axis + 1; i < x->rank; i++)
        if (x->dim[i] != 1) return false;
    return true;
}

static size_t row_size(const leati_step *s)
{
    return (size_t)s->in[0].shape.dim[((const leati_axis_attrs *)s->attrs)->axis];
}

static leat_status run_softmax(leat_context *c, const leati_step *s)
{
    size_t n = row_size(s), rows = leati_operand_count(&s->in[0]) / n;
    leati_softmax(c, s->op == LEATI_OP_LOG_SOFTMAX, rows, n, s->in[0].data, s->out[0].data);
    return LEAT_OK;
}

static leat_status run_softmax_grad(leat_context *c, const leati_step *s)
{
    size_t n = row_size(s), rows = leati_operand_count(&s->in[0]) / n;
    leati_softmax_backward(c, s->op == LEATI_OP_LOG_SOFTMAX_GRAD, rows, n, s->in[0].data,
                           s->in[1].data, s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_cpu_softmax = {.run = run_softmax, .takes = takes_softmax, .in_place = 1};
const leati_kernel leati_cpu_log_softmax = {
    .run = run_softmax, .takes = takes_softmax, .in_place = 1};
const leati_kernel leati_cpu_softmax_grad = {
    .run = run_softmax_grad, .takes = takes_softmax, .in_place = 2};
const leati_kernel leati_cpu_log_softmax_grad = {
    .run = run_softmax_grad, .takes = takes_softmax, .in_place = 2};

/* ---- norms ---------------------------------------------------------------------------------- */

typedef struct form {
    bool columns; /* moments of columns over rows, not of rows */
    size_t rows, n;
} form;

/* Axes of size 1 belong to either side. */
static bool find_form(const leati_norm_attrs *a, const leat_shape *x, form *f)
{
    int changes = 0, before = -1;
    *f = (form){.rows = 1, .n = 1};
    for (int i = 0; i < x->rank; i++) {
        if (x->dim[i] == 1) continue;
        int now = a->axes >> i & 1;
        if (before >= 0 && now != before) changes++;
        else if (before < 0) f->columns = now;
        if (changes == 0) f->rows *= (size_t)x->dim[i];
        else f->n *= (size_t)x->dim[i];
        before = now;
    }
    if (changes == 0) { /* all, or none */
        if (before != 1) return false;
        f->n = f->rows, f->rows = 1, f->columns = false;
    }
    return changes <= 1 && f->rows && f->n;
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

static bool takes_norm(const leati_step *s)
{
    const leati_norm_attrs *a = s->attrs;
    bool back = s->op == LEATI_OP_NORM_GRAD;
    const leati_operand *x = &s->in[back ? 1 : 0];
    form f;
    if (x->dtype != LEAT_DTYPE_F32 || !find_form(a, &x->shape, &f)) return false;
    if (f.columns && a->rms) return false;
    for (size_t i = back ? 4 : 1; i < s->ins; i++)
        if (!fits(&s->in[i], &x->shape, f.n)) return false;
    return true;
}

static form form_of(const leati_step *s)
{
    form f;
    find_form(s->attrs, &s->in[s->op == LEATI_OP_NORM_GRAD ? 1 : 0].shape, &f);
    return f;
}

/* Columns: scale and shift (n) before the workspace of the kernel. */
static size_t norm_scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    form f = form_of(s);
    leati_cpu_room room = {NULL, 0};
    leati_cpu_take(&room, 2 * f.n * sizeof(float));
    leati_cpu_take(&room,
                   f.columns ? leati_channel_bytes(f.rows, f.n) : leati_norm_bytes(f.rows, f.n));
    return room.bytes;
}

static void norm_columns(leat_context *c, const leati_step *s, const form *f)
{
    const leati_norm_attrs *a = s->attrs;
    leati_cpu_room room = {s->scratch, 0};
    float *scale = leati_cpu_take(&room, 2 * f->n * sizeof(float)), *shift = scale + f->n;
    float *mean = s->out[1].data, *rate = s->out[2].data;
    const float *gamma = s->ins > 1 ? s->in[1].data : NULL;
    const float *beta = s->ins > 2 ? s->in[2].data : NULL;
    leati_channel_moments(c, f->rows, f->n, s->in[0].data, mean, rate,
                          leati_cpu_take(&room, leati_channel_bytes(f->rows, f->n)));
    for (size_t i = 0; i < f->n; i++) {
        rate[i] = (float)(1 / sqrt((double)rate[i] + a->epsilon));
        scale[i] = gamma ? rate[i] * gamma[i] : rate[i];
        shift[i] = (beta ? beta[i] : 0) - mean[i] * scale[i];
    }
    leati_channel_affine(c, f->rows, f->n, s->in[0].data, scale, shift, LEATI_ACT_NONE,
                         s->out[0].data);
}

static leat_status run_norm(leat_context *c, const leati_step *s)
{
    const leati_norm_attrs *a = s->attrs;
    form f = form_of(s);
    if (f.columns) {
        norm_columns(c, s, &f);
        return LEAT_OK;
    }
    leati_norm_forward(c, a->rms, f.rows, f.n, s->in[0].data, s->ins > 1 ? s->in[1].data : NULL,
                       s->ins > 2 ? s->in[2].data : NULL, (float)a->epsilon, s->out[0].data,
                       s->out[1].data, s->out[2].data);
    if (a->rms) memset(s->out[1].data, 0, f.rows * sizeof(float));
    return LEAT_OK;
}

const leati_kernel leati_cpu_norm = {.run = run_norm, .scratch = norm_scratch, .takes = takes_norm};

static leat_status run_norm_grad(leat_context *c, const leati_step *s)
{
    const leati_norm_attrs *a = s->attrs;
    form f = form_of(s);
    leati_cpu_room room = {s->scratch, 0};
    float *spare = leati_cpu_take(&room, 2 * f.n * sizeof(float));
    const float *gamma = s->ins > 4 ? s->in[4].data : NULL;
    float *dgamma = gamma ? s->out[1].data : spare, *dbeta = gamma ? s->out[2].data : spare + f.n;
    void *work = leati_cpu_take(&room, f.columns ? leati_channel_bytes(f.rows, f.n)
                                                 : leati_norm_bytes(f.rows, f.n));
    if (f.columns)
        leati_batch_norm_backward(c, f.rows, f.n, s->in[1].data, s->in[0].data, s->in[2].data,
                                  s->in[3].data, gamma, s->out[0].data, dgamma, dbeta, work);
    else
        leati_norm_backward(c, a->rms, f.rows, f.n, s->in[1].data, s->in[0].data, gamma,
                            s->in[2].data, s->in[3].data, s->out[0].data, gamma ? dgamma : NULL,
                            gamma ? dbeta : NULL, work);
    return LEAT_OK;
}

const leati_kernel leati_cpu_norm_grad = {
    .run = run_norm_grad, .scratch = norm_scratch, .takes = takes_norm};
