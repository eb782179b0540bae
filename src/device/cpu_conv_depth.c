/* Owns: CONV_DEPTH on the CPU, by the kernel of kernel/conv_depth.h. The plan is made once, the
 * weights of both convolutions are laid out once where both last. */
#include "device/cpu_kernels.h"
#include "device/cpu_layout.h"
#include "kernel/conv_depth.h"

/* Numbers of the inputs that may be there; 0: not. */
typedef struct inputs {
    int first_bias, second, second_bias;
} inputs;

static inputs inputs_of(const leati_step *s)
{
    const leati_conv_depth_attrs *a = s->attrs;
    inputs n = {.first_bias = a->first.bias ? 2 : 0, .second = a->first.bias ? 3 : 2};
    if (a->second.bias) n.second_bias = n.second + 1;
    return n;
}

static leati_conv conv_of(const leati_conv_attrs *a, size_t batch, size_t in_c, size_t out_c)
{
    return (leati_conv){.batch = batch,
                        .in_h = (size_t)a->spatial[0],
                        .in_w = (size_t)a->spatial[1],
                        .in_c = in_c,
                        .out_c = out_c,
                        .groups = (size_t)a->groups,
                        .kernel_h = (size_t)a->kernel[0],
                        .kernel_w = (size_t)a->kernel[1],
                        .stride_h = (size_t)a->stride[0],
                        .stride_w = (size_t)a->stride[1],
                        .dilation_h = (size_t)a->dilation[0],
                        .dilation_w = (size_t)a->dilation[1],
                        .pad_top = (size_t)a->pad_low[0],
                        .pad_left = (size_t)a->pad_low[1],
                        .pad_bottom = (size_t)a->pad_high[0],
                        .pad_right = (size_t)a->pad_high[1]};
}

static leati_conv_depth pair_of(const leati_step *s)
{
    const leati_conv_depth_attrs *a = s->attrs;
    const leat_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    size_t batch = (size_t)x->dim[0], channels = (size_t)y->dim[3];
    return (leati_conv_depth){.first = conv_of(&a->first, batch, (size_t)x->dim[3], channels),
                              .between = (leati_activation)a->first.activation,
                              .second = conv_of(&a->second, batch, channels, channels)};
}

static bool takes(const leati_step *s)
{
    if (s->in[0].dtype != LEAT_DTYPE_F32 || !leati_operand_count(&s->out[0])) return false;
    leati_conv_depth pair = pair_of(s);
    return leati_conv_depth_pays(&pair);
}

static size_t prepared_bytes(const leat_context *c, const leati_step *s)
{
    (void)c;
    (void)s;
    return sizeof(leati_conv_depth_plan);
}

static void prepare(leat_context *c, const leati_step *s)
{
    leati_conv_depth pair = pair_of(s);
    /* fails only for shapes that inference refuses */
    (void)leati_conv_depth_plan_make(c, &pair, s->prepared);
}

static size_t packed_bytes(const leati_conv_depth_plan *p)
{
    return p->packed * sizeof(float);
}

static size_t kept_bytes(const leat_context *c, const leati_step *s)
{
    (void)c;
    return packed_bytes(s->prepared);
}

static void keep(leat_context *c, const leati_step *s)
{
    leati_conv_depth_pack(c, s->prepared, s->in[1].data, s->in[inputs_of(s).second].data, s->kept);
}

/* Divides the scratch; with at NULL its size is counted. */
static size_t divide(const leati_step *s, char *at, void **workspace, void **packed)
{
    const leati_conv_depth_plan *p = s->prepared;
    leati_cpu_room room = {at, 0};
    *workspace = leati_cpu_take(&room, p->bytes);
    *packed = s->kept ? s->kept : leati_cpu_take(&room, packed_bytes(p));
    return room.bytes;
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    void *workspace, *packed;
    (void)c;
    return divide(s, NULL, &workspace, &packed);
}

static leat_status run(leat_context *c, const leati_step *s)
{
    const leati_conv_depth_plan *p = s->prepared;
    const leati_conv_depth_attrs *a = s->attrs;
    inputs n = inputs_of(s);
    void *workspace, *packed;
    divide(s, s->scratch, &workspace, &packed);
    if (!s->kept) leati_conv_depth_pack(c, p, s->in[1].data, s->in[n.second].data, packed);
    leati_conv_depth_run r = {.x = s->in[0].data,
                              .packed = packed,
                              .first_bias = n.first_bias ? s->in[n.first_bias].data : NULL,
                              .second_bias = n.second_bias ? s->in[n.second_bias].data : NULL,
                              .activation = (leati_activation)a->second.activation,
                              .y = s->out[0].data,
                              .workspace = workspace};
    leati_conv_depth_forward(c, p, &r);
    return LEAT_OK;
}

const leati_kernel leati_cpu_conv_depth = {.run = run,
                                           .scratch = scratch,
                                           .takes = takes,
                                           .prepared_bytes = prepared_bytes,
                                           .prepare = prepare,
                                           .kept_bytes = kept_bytes,
                                           .keep = keep};
