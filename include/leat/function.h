/* What networks are made of, on top of the operations of graph.h: convolutions, pools,
 * activations, normalisations, recurrent layers, attention, losses.
 *
 * All take and give NULL once something has failed, like the operations of graph.h. Values are
 * floating point of one type unless said; "()" is a scalar. Every one is differentiable in its
 * floating point inputs. */
#ifndef LEAT_FUNCTION_H
#define LEAT_FUNCTION_H

#include <leat/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- windows -------------------------------------------------------------------------------- */

/* How a window moves, per spatial dimension. Activations are (N, C, spatial...) with one to three
 * spatial dimensions, or (N, spatial..., C) with channels_last, which the CPU prefers. */
typedef struct leat_window {
    size_t struct_size;
    int64_t kernel[3]; /* of pools; convolutions take it from their weights */
    int64_t stride[3]; /* 0: 1 for convolutions, the kernel for pools */
    int64_t dilation[3];
    int64_t pad_low[3], pad_high[3];
    int64_t output_padding[3]; /* leat_conv_transpose: added to the size of the result */
    int groups;                /* of convolutions: they divide both numbers of channels */
    bool channels_last;
    bool count_padding; /* leat_pool_avg: divide by the whole window, padding included */
    bool ceil_mode;     /* pools: a last window that only begins inside counts */
} leat_window;
/* Dilation 1, one group, the rest 0. */
LEAT_API leat_window leat_window_default(void);

/* Cross-correlation: x (N, C, ...), w (O, C / groups, kernel...) -> (N, O, ...). options may be
 * NULL. */
LEAT_API leat_tensor *leat_conv(leat_tensor *x, leat_tensor *w, const leat_window *options);
/* Its transpose: x (N, C, ...), w (C, O / groups, kernel...) -> (N, O, ...) of size
 * (in - 1) stride - pads + dilation (kernel - 1) + 1 + output_padding. */
LEAT_API leat_tensor *leat_conv_transpose(leat_tensor *x, leat_tensor *w,
                                          const leat_window *options);
/* index: NULL, or where the place (i64) of each maximum in the spatial plane of x goes. */
LEAT_API leat_tensor *leat_pool_max(leat_tensor *x, const leat_window *options,
                                    leat_tensor **index);
LEAT_API leat_tensor *leat_pool_avg(leat_tensor *x, const leat_window *options);
/* Over the whole plane; the spatial dimensions stay, with size 1. */
LEAT_API leat_tensor *leat_pool_global_avg(leat_tensor *x, bool channels_last);
LEAT_API leat_tensor *leat_pool_global_max(leat_tensor *x, bool channels_last);

#ifdef __cplusplus
}
#endif

#endif
