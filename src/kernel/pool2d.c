/* Owns: how pooling is cut into tasks and which taps lie inside the image. Not: the arithmetic
 * (isa/step_lanes.h). */
#include "kernel/pool2d.h"

#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "kernel/net_kernels.h"

static bool beside(size_t out, size_t stride, size_t pad, size_t kernel, size_t dilation, size_t in)
{
    size_t reach = (kernel - 1) * dilation;
    return out == 0 || pad > reach || (out - 1) * stride >= in + pad;
}

leat_status leati_pool2d_check(leat_context *c, const leati_pool2d *p)
{
    LEATI_CHECK(c,
                p->batch && p->in_h && p->in_w && p->channels && p->kernel_h && p->kernel_w &&
                    p->stride_h && p->stride_w && p->dilation_h && p->dilation_w,
                LEAT_INVALID, "a pooling of (%zu, %zu, %zu, %zu) has a size or stride of 0",
                p->batch, p->in_h, p->in_w, p->channels);
    LEATI_CHECK(c,
                p->kernel_h <= LEATI_POOL_TAPS && p->kernel_w <= LEATI_POOL_TAPS &&
                    p->kernel_h * p->kernel_w <= LEATI_POOL_TAPS,
                LEAT_INVALID, "a pooling of %zu x %zu has more than %d taps", p->kernel_h,
                p->kernel_w, LEATI_POOL_TAPS);
    LEATI_CHECK(
        c,
        !beside(p->out_h, p->stride_h, p->pad_top, p->kernel_h, p->dilation_h, p->in_h) &&
            !beside(p->out_w, p->stride_w, p->pad_left, p->kernel_w, p->dilation_w, p->in_w),
        LEAT_INVALID, "a pooling of %zu x %zu to %zu x %zu has windows that lie outside the image",
        p->in_h, p->in_w, p->out_h, p->out_w);
    return LEAT_OK;
}

typedef struct pooling {
    const leati_net_kernels *k;
    const leati_pool2d *p;
    const float *x, *y, *g;
    float *out;
} pooling;

/* Offsets of the taps inside the image for output (oy, ox); returns their number. */
static size_t taps_of(const leati_pool2d *p, size_t oy, size_t ox, size_t *taps)
{
    size_t count = 0;
    for (size_t ky = 0; ky < p->kernel_h; ky++) {
        size_t y = oy * p->stride_h + ky * p->dilation_h - p->pad_top; /* wraps below 0 */
        if (y >= p->in_h) continue;
        for (size_t kx = 0; kx < p->kernel_w; kx++) {
            size_t x = ox * p->stride_w + kx * p->dilation_w - p->pad_left;
            if (x < p->in_w) taps[count++] = (y * p->in_w + x) * p->channels;
        }
    }
    return count;
}

static float factor_of(const leati_pool2d *p, size_t count)
{
    return 1 / (float)(p->count_padding ? p->kernel_h * p->kernel_w : count);
}

/* Output line `task` of all images. */
static void forward_task(void *arg, size_t task, unsigned worker)
{
    const pooling *q = arg;
    const leati_pool2d *p = q->p;
    size_t taps[LEATI_POOL_TAPS], image = task / p->out_h, oy = task % p->out_h, n = p->channels;
    const float *x = q->x + image * p->in_h * p->in_w * n;
    float *out = q->out + task * p->out_w * n;
    (void)worker;
    for (size_t ox = 0; ox < p->out_w; ox++, out += n) {
        size_t count = taps_of(p, oy, ox, taps);
        if (count == 0) { /* under a gap of a dilated kernel */
            for (size_t j = 0; j < n; j++) out[j] = p->average ? 0 : -(float)__builtin_inf();
        } else if (p->average) q->k->pool_sum(n, count, taps, x, factor_of(p, count), out);
        else q->k->pool_max(n, count, taps, x, out);
    }
}

void leati_pool2d_forward(leat_context *c, const leati_pool2d *p, const float *x, float *y)
{
    pooling q = {.k = leati_net_kernels_of(c), .p = p, .x = x, .out = y};
    leati_parallel(c, p->batch * p->out_h, forward_task, &q);
}

/* Image `task`: windows may overlap, so an image is one task. */
static void backward_task(void *arg, size_t task, unsigned worker)
{
    const pooling *q = arg;
    const leati_pool2d *p = q->p;
    size_t taps[LEATI_POOL_TAPS], n = p->channels, whole = p->in_h * p->in_w * n;
    size_t at = task * p->out_h * p->out_w * n;
    float *dx = q->out + task * whole;
    (void)worker;
    memset(dx, 0, whole * sizeof *dx);
    for (size_t oy = 0; oy < p->out_h; oy++) {
        for (size_t ox = 0; ox < p->out_w; ox++, at += n) {
            size_t count = taps_of(p, oy, ox, taps);
            if (count == 0) continue;
            if (p->average) q->k->pool_sum_back(n, count, taps, q->g + at, factor_of(p, count), dx);
            else q->k->pool_max_back(n, count, taps, q->x + task * whole, q->y + at, q->g + at, dx);
        }
    }
}

void leati_pool2d_backward(leat_context *c, const leati_pool2d *p, const float *x, const float *y,
                           const float *g, float *dx)
{
    pooling q = {leati_net_kernels_of(c), p, x, y, g, dx};
    leati_parallel(c, p->batch, backward_task, &q);
}
