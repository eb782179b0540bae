/* Convolutions of f32 arrays: forward, and the gradients of data, weights and bias.
 *
 * Activations are (N, H, W, C), channels running fastest; weights are (O, I / groups, kH, kW) as in
 * ONNX and PyTorch and are packed before use, once for many calls when they do not change. One
 * dimension is a height of 1. There is no copy of patches: a convolution is a matrix product whose
 * sum jumps from tap to tap (Georganas et al. 2020).
 *
 * A plan depends on the shape and on the context's CPU level and threads, not on data; it owns no
 * memory. The caller gives 64-byte aligned workspace of the size the plan states; nothing is
 * allocated. Results are bitwise equal for any number of threads at one CPU level.
 *
 * With `half` both operands of each of the three products are rounded to bf16 (nearest even) and
 * sums are in f32, as kernel/product.h says; bias, residual and activation are f32. CPUs with and
 * without bf16 instructions give the same bytes (subnormal numbers apart). */
#ifndef LEATI_KERNEL_CONV_H
#define LEATI_KERNEL_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "kernel/activation.h"

typedef struct leati_conv {
    size_t batch, in_h, in_w, in_c; /* x (batch, in_h, in_w, in_c) */
    size_t out_c, groups;           /* groups divides in_c and out_c */
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w; /* from 1 on */
    size_t pad_top, pad_left, pad_bottom, pad_right;
    bool plain; /* plain sums even where Winograd's F(2 x 2, 3 x 3) is faster */
    bool half;  /* operands rounded to bf16; sums are plain */
} leati_conv;

typedef struct leati_conv_plan {
    leati_conv conv;
    size_t out_h, out_w; /* y (batch, out_h, out_w, out_c) */
    bool depthwise;      /* one filter per channel */
    bool pairs;          /* half: terms of sums come in pairs of bf16 numbers */
    bool spreads;        /* pairs, and gradients of pools are taken (leati_conv_..._pooled) */
    bool pools;          /* leati_conv_forward_pooled is taken */
    bool rounds;         /* half otherwise: operands are rounded in the workspace, then as f32 */
    /* Lavin and Gray 2016; about twice the rounding error */
    bool winograd, winograd_back, winograd_weights;
    /* Elements of the weights as the caller has them, packed for forward, packed for data. */
    size_t weights, packed, packed_back;
    /* Workspace in bytes. */
    size_t forward_bytes, pooled_bytes, back_data_bytes, back_weights_bytes;
} leati_conv_plan;

/* What is done to y before it is stored: y = activation(conv + bias + residual). */
typedef struct leati_conv_epilogue {
    const float *bias;     /* (out_c), or NULL */
    const float *residual; /* as y, or NULL */
    leati_activation activation;
} leati_conv_epilogue;

/* A convolution of no padding, stride 1, dilation 1 and one group. */
static inline leati_conv leati_conv_default(size_t batch, size_t in_h, size_t in_w, size_t in_c,
                                            size_t out_c, size_t kernel_h, size_t kernel_w)
{
    return (leati_conv){.batch = batch,
                        .in_h = in_h,
                        .in_w = in_w,
                        .in_c = in_c,
                        .out_c = out_c,
                        .groups = 1,
                        .kernel_h = kernel_h,
                        .kernel_w = kernel_w,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1};
}

/* LEAT_INVALID names what is wrong with the shape: a size of 0, groups that do not divide, a kernel
 * larger than the padded input, sizes that overflow. */
leat_status leati_conv_plan_make(leat_context *c, const leati_conv *conv, leati_conv_plan *out);

/* The weights (out_c, in_c / groups, kernel_h, kernel_w) as forward and backward_data read them. */
void leati_conv_pack(leat_context *c, const leati_conv_plan *p, const float *w, float *packed);
void leati_conv_pack_back(leat_context *c, const leati_conv_plan *p, const float *w, float *packed);

/* `epilogue` may be NULL. y aliases nothing but the residual. */
void leati_conv_forward(leat_context *c, const leati_conv_plan *p, const float *x,
                        const float *packed, const leati_conv_epilogue *epilogue, float *y,
                        void *workspace);
/* The same with a maximum pool of 2 x 2 behind it, in workspace of pooled_bytes: pooled (batch,
 * out_h / 2, out_w / 2, out_c) and, unless NULL, which of the four is the largest, as
 * leati_pool2d_which tells. No residual. For plans with `pools`. */
void leati_conv_forward_pooled(leat_context *c, const leati_conv_plan *p, const float *x,
                               const float *packed, const leati_conv_epilogue *epilogue,
                               float *pooled, uint8_t *which, void *workspace);
/* dx = the gradient of x, or added to what is there. `packed_back` from leati_conv_pack_back. */
void leati_conv_backward_data(leat_context *c, const leati_conv_plan *p, const float *dy,
                              const float *packed_back, bool add, float *dx, void *workspace);
/* dw (out_c, in_c / groups, kernel_h, kernel_w) and, unless NULL, db (out_c): overwritten. */
void leati_conv_backward_weights(leat_context *c, const leati_conv_plan *p, const float *x,
                                 const float *dy, float *dw, float *db, void *workspace);

/* The gradients where a maximum pool of 2 x 2 that fills y follows: g (batch, out_h / 2, out_w / 2,
 * out_c) is that of its result, `which` the one of the four that was the largest
 * (leati_pool2d_which). The same bytes as with the gradient of y. For plans with `spreads`. */
void leati_conv_backward_data_pooled(leat_context *c, const leati_conv_plan *p, const float *g,
                                     const uint8_t *which, const float *packed_back, float *dx,
                                     void *workspace);
void leati_conv_backward_weights_pooled(leat_context *c, const leati_conv_plan *p, const float *x,
                                        const float *g, const uint8_t *which, float *dw,
                                        void *workspace);

#endif
