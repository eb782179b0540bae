/* Owns: convolutions and pools in ONNX, whose channels stand second. */
#include <string.h>

#include "exchange/onnx_out.h"

/* (N, spatial..., C) to (N, C, spatial...), and back. */
static const char *channels(leati_onnx_out *o, const char *x, int rank, bool first)
{
    int perm[LEAT_MAX_RANK];
    perm[0] = 0;
    for (int i = 1; i < rank; i++) perm[i] = first ? i == 1 ? rank - 1 : i - 1 : i + 1;
    if (!first) perm[rank - 1] = 1;
    return leati_onnx_out_transpose(o, x, rank, perm);
}

static void pads(leati_onnx_out *o, leati_onnx_node *node, int rank, const int64_t *low,
                 const int64_t *high)
{
    int64_t all[2 * LEATI_MAX_SPATIAL];
    for (int i = 0; i < rank; i++) all[i] = low[i], all[rank + i] = high[i];
    leati_onnx_set_ints(&o->builder, node, "pads", all, 2 * (size_t)rank);
}

/* The node's result in the order of the graph. */
static void finish(leati_onnx_out *o, const char *y, int rank, const char *out)
{
    int64_t perm[LEAT_MAX_RANK];
    perm[0] = 0;
    for (int i = 1; i < rank; i++) perm[i] = i + 1;
    perm[rank - 1] = 1;
    leati_onnx_node *node =
        leati_onnx_out_node(o, "Transpose", (const char *const[]){y, NULL}, out);
    leati_onnx_set_ints(&o->builder, node, "perm", perm, (size_t)rank);
}

static void conv(leati_onnx_out *o, leati_node *n, const char *out)
{
    const leati_conv_attrs *a = n->attrs;
    bool back = n->op == LEATI_OP_CONV_DATA;
    int rank = a->rank + 2;
    const char *x = leati_onnx_out_in(o, 0);
    if (a->channels_last) x = channels(o, x, rank, true);
    const char *y = a->channels_last ? leati_onnx_out_fresh(o, "Conv") : out;
    leati_onnx_node *node =
        leati_onnx_out_node(o, back ? "ConvTranspose" : "Conv",
                            (const char *const[]){x, leati_onnx_out_in(o, 1), NULL}, y);
    leati_onnx_builder *b = &o->builder;
    size_t count = (size_t)a->rank;
    leati_onnx_set_ints(b, node, "kernel_shape", a->kernel, count);
    leati_onnx_set_ints(b, node, "strides", a->stride, count);
    leati_onnx_set_ints(b, node, "dilations", a->dilation, count);
    leati_onnx_set_int(b, node, "group", a->groups);
    pads(o, node, a->rank, a->pad_low, a->pad_high);
    if (back) {
        int64_t more[LEATI_MAX_SPATIAL];
        for (int i = 0; i < a->rank; i++) {
            int64_t in = n->in[0]->shape.dim[a->channels_last ? i + 1 : i + 2];
            more[i] = a->spatial[i] - ((in - 1) * a->stride[i] - a->pad_low[i] - a->pad_high[i] +
                                       a->dilation[i] * (a->kernel[i] - 1) + 1);
        }
        leati_onnx_set_ints(b, node, "output_padding", more, count);
    }
    if (a->channels_last) finish(o, y, rank, out);
}

static void pool(leati_onnx_out *o, leati_node *n, const char *out)
{
    const leati_pool_attrs *a = n->attrs;
    bool max = n->op == LEATI_OP_POOL_MAX;
    int rank = a->rank + 2;
    const char *x = leati_onnx_out_in(o, 0);
    if (a->channels_last) x = channels(o, x, rank, true);
    const char *y = a->channels_last ? leati_onnx_out_fresh(o, "Pool") : out;
    leati_onnx_node *node =
        leati_onnx_out_node(o, max ? "MaxPool" : "AveragePool", (const char *const[]){x, NULL}, y);
    leati_onnx_builder *b = &o->builder;
    size_t count = (size_t)a->rank;
    leati_onnx_set_ints(b, node, "kernel_shape", a->kernel, count);
    leati_onnx_set_ints(b, node, "strides", a->stride, count);
    if (max) leati_onnx_set_ints(b, node, "dilations", a->dilation, count);
    else leati_onnx_set_int(b, node, "count_include_pad", a->count_padding);
    leati_onnx_set_int(b, node, "ceil_mode", a->ceil_mode);
    pads(o, node, a->rank, a->pad_low, a->pad_high);
    if (a->channels_last) finish(o, y, rank, out);
}

leat_status leati_onnx_out_window(leati_onnx_out *o, leati_node *n, const char *out)
{
    if (n->op == LEATI_OP_CONV || n->op == LEATI_OP_CONV_DATA) conv(o, n, out);
    else if (n->op == LEATI_OP_POOL_MAX || n->op == LEATI_OP_POOL_AVG) pool(o, n, out);
    else return leati_node_fail(o->context, n, LEAT_UNSUPPORTED, "it has no form in ONNX");
    return LEAT_OK;
}
