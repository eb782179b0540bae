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

enum { TASK_ELEMENTS = 16384 };

typedef struct pooling {
    const leati_net_kernels *k;
    const leati_pool2d *p;
    const float *x, *y, *g;
    float *out;
    size_t lines; /* of windows, of a task */
    bool apart;   /* windows do not overlap */
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

/* How many windows from ox on have all columns of their taps inside; 1 for one at a border. */
static size_t inner_windows(const leati_pool2d *p, size_t ox)
{
    size_t reach = (p->kernel_w - 1) * p->dilation_w, end = p->in_w + p->pad_left;
    if (ox * p->stride_w < p->pad_left || reach >= end) return 1;
    size_t last = (end - reach - 1) / p->stride_w; /* the last such window */
    if (last >= p->out_w) last = p->out_w - 1;
    return last > ox ? last - ox + 1 : 1;
}

static float factor_of(const leati_pool2d *p, size_t count)
{
    return 1 / (float)(p->count_padding ? p->kernel_h * p->kernel_w : count);
}

static void forward_line(const pooling *q, size_t line)
{
    const leati_pool2d *p = q->p;
    size_t taps[LEATI_POOL_TAPS], image = line / p->out_h, oy = line % p->out_h, n = p->channels;
    const float *x = q->x + image * p->in_h * p->in_w * n;
    float *out = q->out + line * p->out_w * n;
    leati_pool_row r = {.channels = n, .taps = taps, .step = p->stride_w * n};
    for (size_t ox = 0; ox < p->out_w; ox += r.windows, out += r.windows * n) {
        r.count = taps_of(p, oy, ox, taps);
        r.windows = p->average ? 1 : inner_windows(p, ox);
        if (r.count == 0) { /* under a gap of a dilated kernel */
            r.windows = 1;
            for (size_t j = 0; j < n; j++) out[j] = p->average ? 0 : -(float)__builtin_inf();
        } else if (p->average) q->k->pool_sum(n, r.count, taps, x, factor_of(p, r.count), out);
        else q->k->pool_max(&r, x, out);
    }
}

static void forward_task(void *arg, size_t task, unsigned worker)
{
    const pooling *q = arg;
    size_t all = q->p->batch * q->p->out_h, end = (task + 1) * q->lines;
    (void)worker;
    for (size_t line = task * q->lines; line < end && line < all; line++) forward_line(q, line);
}

/* Lines of windows that make a task. */
static size_t lines_of(const leati_pool2d *p)
{
    return 1 + TASK_ELEMENTS / (p->kernel_h * p->in_w * p->channels + 1);
}

void leati_pool2d_forward(leat_context *c, const leati_pool2d *p, const float *x, float *y)
{
    pooling q = {.k = leati_net_kernels_of(c), .p = p, .x = x, .out = y, .lines = lines_of(p)};
    leati_parallel(c, (p->batch * p->out_h + q.lines - 1) / q.lines, forward_task, &q);
}

static void backward_line(const pooling *q, size_t line)
{
    const leati_pool2d *p = q->p;
    size_t taps[LEATI_POOL_TAPS], n = p->channels, oy = line % p->out_h, at = line * p->out_w * n;
    size_t first = line / p->out_h * p->in_h * p->in_w * n;
    float *dx = q->out + first;
    leati_pool_row r = {.channels = n, .taps = taps, .step = p->stride_w * n};
    for (size_t ox = 0; ox < p->out_w; ox += r.windows, at += r.windows * n) {
        r.count = taps_of(p, oy, ox, taps);
        r.windows = p->average ? 1 : inner_windows(p, ox);
        if (r.count == 0) r.windows = 1;
        else if (p->average)
            q->k->pool_sum_back(n, r.count, taps, q->g + at, factor_of(p, r.count), dx);
        else q->k->pool_max_back(!q->apart, &r, q->x + first, q->y + at, q->g + at, dx);
    }
}

/* Image `task`: windows may overlap, and pixels may have none. */
static void backward_image(void *arg, size_t task, unsigned worker)
{
    const pooling *q = arg;
    const leati_pool2d *p = q->p;
    size_t whole = p->in_h * p->in_w * p->channels;
    (void)worker;
    memset(q->out + task * whole, 0, whole * sizeof *q->out);
    for (size_t oy = 0; oy < p->out_h; oy++) backward_line(q, task * p->out_h + oy);
}

static void backward_task(void *arg, size_t task, unsigned worker)
{
    const pooling *q = arg;
    size_t all = q->p->batch * q->p->out_h, end = (task + 1) * q->lines;
    (void)worker;
    for (size_t line = task * q->lines; line < end && line < all; line++) backward_line(q, line);
}

bool leati_pool2d_tiles(const leati_pool2d *p)
{
    return p->stride_h == p->kernel_h && p->stride_w == p->kernel_w && p->dilation_h == 1 &&
           p->dilation_w == 1 && !p->pad_top && !p->pad_left && p->out_h * p->kernel_h == p->in_h &&
           p->out_w * p->kernel_w == p->in_w && p->kernel_h * p->kernel_w <= UINT8_MAX + 1;
}

void leati_pool2d_backward(leat_context *c, const leati_pool2d *p, const float *x, const float *y,
                           const float *g, float *dx)
{
    pooling q = {leati_net_kernels_of(c), p, x, y, g, dx, lines_of(p), false};
    q.apart = p->stride_h >= p->kernel_h && p->stride_w >= p->kernel_w && p->dilation_h == 1 &&
              p->dilation_w == 1;
    if (!p->average && leati_pool2d_tiles(p))
        leati_parallel(c, (p->batch * p->out_h + q.lines - 1) / q.lines, backward_task, &q);
    else leati_parallel(c, p->batch, backward_image, &q);
}

/* ---- with the tap that holds the largest ---------------------------------------------------- */

typedef struct telling {
    const leati_net_kernels *k;
    const leati_pool2d *p;
    const float *in;
    float *out;
    uint8_t *which;
    const uint8_t *told;
    size_t lines;
} telling;

/* Lines of windows of task `task`; x (in or out) lies in lines of windows, too. */
static void telling_task(void *arg, size_t task, unsigned worker)
{
    const telling *q = arg;
    const leati_pool2d *p = q->p;
    size_t taps[UINT8_MAX + 1], all = p->batch * p->out_h, line = task * q->lines;
    size_t end = line + q->lines < all ? line + q->lines : all, row = p->out_w * p->channels;
    leati_pool_row r = {.windows = p->out_w,
                        .channels = p->channels,
                        .count = taps_of(p, 0, 0, taps),
                        .step = p->kernel_w * p->channels,
                        .taps = taps};
    (void)worker;
    for (; line < end; line++) {
        size_t x = line * p->kernel_h * p->in_w * p->channels, y = line * row;
        if (q->which) q->k->pool_which(&r, q->in + x, q->out + y, q->which + y);
        else q->k->pool_spread(&r, q->in + y, q->told + y, q->out + x);
    }
}

static void run_telling(leat_context *c, telling *q)
{
    q->k = leati_net_kernels_of(c);
    q->lines = lines_of(q->p);
    leati_parallel(c, (q->p->batch * q->p->out_h + q->lines - 1) / q->lines, telling_task, q);
}

void leati_pool2d_which(leat_context *c, const leati_pool2d *p, const float *x, float *y,
                        uint8_t *which)
{
    run_telling(c, &(telling){.p = p, .in = x, .out = y, .which = which});
}

void leati_pool2d_spread(leat_context *c, const leati_pool2d *p, const float *g,
                         const uint8_t *which, float *dx)
{
    run_telling(c, &(telling){.p = p, .in = g, .out = dx, .told = which});
}
