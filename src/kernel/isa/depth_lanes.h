/* Convolution with one filter per channel (leati_depth_block): vectors of channels, several pixels
 * of a line at a time so that a vector of weights serves them all. */
#ifndef LEATI_KERNEL_ISA_DEPTH_LANES_H
#define LEATI_KERNEL_ISA_DEPTH_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

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
    vf low = all_f32(t->low), high = all_f32(t->high);
    c += j;
    UNROLL(8)
    for (size_t i = 0; i < pixels; i++, c += t->c_step) {
        if (residual) sum[i] += load_last_f32(residual + i * t->residual_step + j, n);
        if (t->clamp) sum[i] = clamp_f32(sum[i], low, high);
        store_last_f32(c, sum[i], n);
    }
}

INLINE void depth_group(const size_t pixels, const leati_depth_block *t, const float *a, float *c,
                        const float *residual)
{
    size_t j = 0;
    for (; j + VF <= t->channels; j += VF) depth_pixels(pixels, t, a, c, residual, j, VF);
    if (j < t->channels) depth_pixels(pixels, t, a, c, residual, j, t->channels - j);
}

static void depth_block(const leati_depth_block *t)
{
    for (size_t line = 0; line < t->lines; line++) {
        const float *a = t->a + line * t->a_line;
        const float *residual = t->residual ? t->residual + line * t->residual_line : NULL;
        float *c = t->c + line * t->c_line;
        size_t i = 0;
        for (; i + 4 <= t->rows; i += 4, a += 4 * t->a_step, c += 4 * t->c_step) {
            depth_group(4, t, a, c, residual);
            if (residual) residual += 4 * t->residual_step;
        }
        for (; i < t->rows; i++, a += t->a_step, c += t->c_step) {
            depth_group(1, t, a, c, residual);
            if (residual) residual += t->residual_step;
        }
    }
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
