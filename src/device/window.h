/* Windows of convolutions and pools, of 1 to 3 dimensions, as 3 dimensions: those that are missing
 * come first and have size 1. */
#ifndef LEATI_DEVICE_WINDOW_H
#define LEATI_DEVICE_WINDOW_H

#include "device/step.h"

/* Of strides, dilations, kernels, pads: sizes computed from them do not overflow. */
#define LEATI_MOST_WINDOW ((int64_t)1 << 30)

typedef struct leati_window {
    int64_t in[LEATI_MAX_SPATIAL], out[LEATI_MAX_SPATIAL]; /* sizes of x and y */
    int64_t kernel[LEATI_MAX_SPATIAL], stride[LEATI_MAX_SPATIAL], dilation[LEATI_MAX_SPATIAL];
    int64_t low[LEATI_MAX_SPATIAL], high[LEATI_MAX_SPATIAL];
    bool channels_last;
} leati_window;

/* `y`: the shape of the tensor of the window's results (its channels do not matter). */
leati_window leati_window_of_conv(const leati_conv_attrs *a, const leat_shape *y);
leati_window leati_window_of_pool(const leati_pool_attrs *a, const leat_shape *y);

/* Batch, channels and positions of a tensor in either layout. */
typedef struct leati_grid {
    size_t batch, channels, plane;
    size_t image_step, channel_step, place_step;
} leati_grid;
leati_grid leati_grid_of(const leat_shape *s, bool channels_last);

/* How many windows fit: (in + low + high - reach) / stride + 1, reach = dilation (kernel - 1) + 1;
 * 0 when not even one does. ceil_mode: a last window that only begins inside counts too, if less
 * than a stride of it is outside. */
int64_t leati_window_count(int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                           int64_t low, int64_t high, bool ceil_mode);

/* The place in x that tap k of window o reads, or -1 for padding. */
static inline int64_t leati_window_read(const leati_window *w, int d, int64_t o, int64_t k)
{
    int64_t at = o * w->stride[d] - w->low[d] + k * w->dilation[d];
    return at >= 0 && at < w->in[d] ? at : -1;
}

#endif
