/* Convolution with one filter per channel (leati_depth_block): vectors of channels, several pixels
 * of a line at a time so that a vector of weights serves them all. */
#ifndef LEATI_KERNEL_ISA_DEPTH_LANES_H
#define LEATI_KERNEL_ISA_DEPTH_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

/* What is done to `pixels` sums before they are stored, n channels from j on. */
INLINE void depth_finish(const size_t pixels, const leati_depth_block *t, vf *sum, float *c,
                         const float *residual, size_t j, size_t n)
{
    vf low = all_f32(t->low), high = all_f32(t->high);
    const size_t c_step = t->c_step, residual_step = t->residual_step;
    if (residual) {
        UNROLL(8)
        for (size_t i = 0; i < pixels; i++)
            sum[i] += load_last_f32(residual + i * residual_step + j, n);
    }
    if (t->clamp) {
        UNROLL(8)
        for (size_t i = 0; i < pixels; i++) sum[i] = clamp_f32(sum[i], low, high);
    }
    UNROLL(8)
    for (size_t i = 0; i < pixels; i++) store_last_f32(c + i * c_step + j, sum[i], n);
}

/* `pixels` (a constant) neighbours of a line, the channels j .. j + n - 1 (n <= VF). */
INLINE void depth_pixels(const size_t pixels, const leati_depth_block *t, const float *a, float *c,
                         const float *residual, size_t j, size_t n)
{
    vf sum[8], start = t->bias ? load_last_f32(t->bias + j, n) : (vf){0};
    UNROLL(8)
    for (size_t i = 0; i < pixels; i++) sum[i] = start;
    for (const leati_run *run = t->runs, *end = run + t->run_count; run < end; run++) {
        vf w = load_last_f32(t->w + run->b * t->w_step + j, n);
        const float *x = a + run->a + j;
        UNROLL(8)
        for (size_t i = 0; i < pixels; i++, x += t->a_step) sum[i] += w * load_last_f32(x, n);
    }
    depth_finish(pixels, t, sum, c, residual, j, n);
}

/* Rows of three taps whose columns are `across` elements apart, pixels `stride` columns: a column
 * is loaded once for all pixels under which it lies. Terms are added in the order of depth_pixels.
 */
INLINE void depth_threes(const size_t pixels, const size_t stride, const leati_depth_block *t,
                         size_t across, const float *a, float *c, const float *residual, size_t j,
                         size_t n)
{
    vf sum[4], start = t->bias ? load_last_f32(t->bias + j, n) : (vf){0};
    UNROLL(4)
    for (size_t i = 0; i < pixels; i++) sum[i] = start;
    for (size_t r = 0; r < t->run_count; r += 3) {
        const leati_run *run = t->runs + r;
        const float *x = a + run->a + j;
        vf column[9], w[3];
        UNROLL(3)
        for (size_t k = 0; k < 3; k++) w[k] = load_last_f32(t->w + run[k].b * t->w_step + j, n);
        UNROLL(9)
        for (size_t k = 0; k < (pixels - 1) * stride + 3; k++, x += across)
            column[k] = load_last_f32(x, n);
        UNROLL(3)
        for (size_t k = 0; k < 3; k++) {
            UNROLL(4)
            for (size_t i = 0; i < pixels; i++) sum[i] += w[k] * column[i * stride + k];
        }
    }
    depth_finish(pixels, t, sum, c, residual, j, n);
}

/* 0 when the taps are not rows of three in equal columns, else the columns per pixel. */
static size_t depth_stride(const leati_depth_block *t)
{
    if (t->run_count == 0 || t->run_count % 3) return 0;
    size_t across = t->runs[1].a - t->runs[0].a;
    for (size_t r = 0; r < t->run_count; r += 3)
        if (t->runs[r + 1].a != t->runs[r].a + across ||
            t->runs[r + 2].a != t->runs[r].a + 2 * across)
            return 0;
    return t->a_step == across ? 1 : t->a_step == 2 * across ? 2 : 0;
}

typedef struct depth_place {
    const float *a, *residual;
    float *c;
    size_t from, to; /* channels */
} depth_place;

#define DEPTH_CHANNELS(function, ...)                                                              \
    {                                                                                              \
        size_t j = at.from;                                                                        \
        for (; j + VF <= at.to; j += VF) function(__VA_ARGS__, at.a, at.c, at.residual, j, VF);    \
        if (j < at.to) function(__VA_ARGS__, at.a, at.c, at.residual, j, at.to - j);               \
    }

INLINE void depth_group(const size_t pixels, const leati_depth_block *t, size_t stride,
                        depth_place at)
{
    size_t across = stride ? t->runs[1].a - t->runs[0].a : 0;
    if (stride == 1) DEPTH_CHANNELS(depth_threes, pixels, 1, t, across)
    else if (stride == 2) DEPTH_CHANNELS(depth_threes, pixels, 2, t, across)
    else DEPTH_CHANNELS(depth_pixels, pixels, t)
}

static void depth_line(const leati_depth_block *t, size_t stride, depth_place at)
{
    size_t i = 0;
    for (; i + 4 <= t->rows; i += 4) {
        depth_group(4, t, stride, at);
        at.a += 4 * t->a_step;
        at.c += 4 * t->c_step;
        if (at.residual) at.residual += 4 * t->residual_step;
    }
    switch (t->rows - i) {
    case 3: depth_group(3, t, stride, at); break;
    case 2: depth_group(2, t, stride, at); break;
    case 1: depth_group(1, t, stride, at); break;
    default: break;
    }
}

/* As many channels at a time as let three rows of the input stay in the first-level cache. */
static void depth_block(const leati_depth_block *t)
{
    enum { NEAR = 8192 };
    size_t stride = depth_stride(t), wide = NEAR / (3 * (t->rows + 2) * (stride ? stride : 1));
    size_t step = wide < VF ? VF : wide / VF * VF;
    for (size_t from = 0; from < t->channels; from += step)
        for (size_t line = 0; line < t->lines; line++)
            depth_line(t, stride,
                       (depth_place){t->a + line * t->a_line,
                                     t->residual ? t->residual + line * t->residual_line : NULL,
                                     t->c + line * t->c_line, from,
                                     t->channels - from < step ? t->channels : from + step});
}

/* `taps` (a constant) of the runs from `run` on, `n` channels from j on. */
INLINE void depth_weights_taps(const size_t taps, const leati_depth_block *t, const leati_run *run,
                               size_t j, size_t n, float *grad)
{
    vf sum[9];
    UNROLL(9)
    for (size_t k = 0; k < taps; k++) sum[k] = load_last_f32(grad + run[k].b * t->w_step + j, n);
    for (size_t line = 0; line < t->lines; line++) {
        const float *x = t->a + line * t->a_line + j, *g = t->c + line * t->c_line + j;
        for (size_t i = 0; i < t->rows; i++, x += t->a_step, g += t->c_step) {
            vf y = load_last_f32(g, n);
            UNROLL(9)
            for (size_t k = 0; k < taps; k++) sum[k] += y * load_last_f32(x + run[k].a, n);
        }
    }
    UNROLL(9)
    for (size_t k = 0; k < taps; k++) store_last_f32(grad + run[k].b * t->w_step + j, sum[k], n);
}

static void depth_weights(const leati_depth_block *t, float *grad)
{
    for (size_t j = 0; j < t->channels; j += VF) {
        size_t n = t->channels - j < VF ? t->channels - j : VF, k = 0;
        for (; n == VF && k + 9 <= t->run_count; k += 9)
            depth_weights_taps(9, t, t->runs + k, j, VF, grad);
        for (; k + 3 <= t->run_count; k += 3) depth_weights_taps(3, t, t->runs + k, j, n, grad);
        for (; k < t->run_count; k++) depth_weights_taps(1, t, t->runs + k, j, n, grad);
    }
}

#endif
