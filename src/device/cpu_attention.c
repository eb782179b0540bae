/* Owns: ATTENTION and its gradient on the CPU in f32, in tiles, its products in f32 or bf16. */
#include "device/cpu_kernels.h"
#include "kernel/attention.h"

static bool takes(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32 && leati_operand_count(&s->in[0]) &&
           leati_operand_count(&s->in[1]) && leati_operand_count(&s->in[2]);
}

static leati_attention_layout layout_of(const leat_shape *x, bool tokens_first)
{
    size_t width = (size_t)x->dim[3], last = (size_t)x->dim[2];
    leati_attention_layout l = {.batch = (size_t)x->dim[1] * last * width};
    l.head = tokens_first ? width : last * width;
    l.token = tokens_first ? last * width : width;
    return l;
}

/* q, k, v begin at input `first`. */
static leati_attention attention_of(const leati_step *s, size_t first)
{
    const leati_attention_attrs *a = s->attrs;
    const leat_shape *q = &s->in[first].shape, *k = &s->in[first + 1].shape;
    const leat_shape *v = &s->in[first + 2].shape;
    int head = a->tokens_first ? 2 : 1, token = a->tokens_first ? 1 : 2;
    leat_shape y = *q;
    y.dim[3] = v->dim[3];
    size_t mask = first ? 6 : 3;
    return (leati_attention){.batch = (size_t)q->dim[0],
                             .heads = (size_t)q->dim[head],
                             .queries = (size_t)q->dim[token],
                             .keys = (size_t)k->dim[token],
                             .width = (size_t)q->dim[3],
                             .value_width = (size_t)v->dim[3],
                             .q = layout_of(q, a->tokens_first),
                             .k = layout_of(k, a->tokens_first),
                             .v = layout_of(v, a->tokens_first),
                             .out = layout_of(&y, a->tokens_first),
                             .scale = (float)a->scale,
                             .causal = a->causal,
                             .half = a->half,
                             .key_mask = s->ins > mask ? s->in[mask].data : NULL};
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    leati_attention a = attention_of(s, s->op == LEATI_OP_ATTENTION_GRAD ? 1 : 0);
    return leati_attention_bytes((leat_context *)(uintptr_t)c, &a);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    leati_attention a = attention_of(s, 0);
    leati_attention_forward(c, &a, s->in[0].data, s->in[1].data, s->in[2].data, s->out[0].data,
                            s->out[1].data, s->scratch);
    return LEAT_OK;
}

const leati_kernel leati_cpu_attention = {.run = run, .scratch = scratch, .takes = takes};

static leat_status run_grad(leat_context *c, const leati_step *s)
{
    leati_attention a = attention_of(s, 1);
    leati_attention_backward(c, &a, s->in[1].data, s->in[2].data, s->in[3].data, s->in[4].data,
                             s->in[5].data, s->in[0].data, s->out[0].data, s->out[1].data,
                             s->out[2].data, s->scratch);
    return LEAT_OK;
}

const leati_kernel leati_cpu_attention_grad = {.run = run_grad, .scratch = scratch, .takes = takes};
