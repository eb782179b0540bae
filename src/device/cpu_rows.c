/* Owns: softmax and its gradient on the CPU in f32, where the axis is the last one; otherwise they
 * are made of other operations. */
#include "device/cpu_kernels.h"
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
