/* Max and average pooling of (N, H, W, C) images, f32; parallel, no allocation, bitwise equal for
 * any number of threads. */
#ifndef LEATI_KERNEL_POOL2D_H
#define LEATI_KERNEL_POOL2D_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

typedef struct leati_pool2d {
    size_t batch, in_h, in_w, channels, out_h, out_w; /* the caller rounds out_h and out_w */
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    bool average;
    bool count_padding; /* an average divides by kernel_h * kernel_w, not by the taps inside */
} leati_pool2d;

/* LEAT_INVALID when a size, stride or dilation is 0, the kernel has more than LEATI_POOL_TAPS taps,
 * or an output lies beside the image. */
enum { LEATI_POOL_TAPS = 4096 };
leat_status leati_pool2d_check(leat_context *c, const leati_pool2d *p);

/* For checked shapes. The largest of no taps is -inf and cannot come from a checked shape; NaN wins
 * over all. */
void leati_pool2d_forward(leat_context *c, const leati_pool2d *p, const float *x, float *y);
/* dx is overwritten. Max pooling gives the gradient to the first tap that holds the largest; x and
 * y are NULL for averages. */
void leati_pool2d_backward(leat_context *c, const leati_pool2d *p, const float *x, const float *y,
                           const float *g, float *dx);

/* Whether windows lie side by side and fill the image, with at most 256 taps. Maximum pools of such
 * windows can tell which tap holds the largest, the first of equals: (batch, out_h, out_w,
 * channels). Its gradient then needs neither x nor y. */
bool leati_pool2d_tiles(const leati_pool2d *p);
void leati_pool2d_which(leat_context *c, const leati_pool2d *p, const float *x, float *y,
                        uint8_t *which);
void leati_pool2d_spread(leat_context *c, const leati_pool2d *p, const float *g,
                         const uint8_t *which, float *dx);

#endif
