/* Convolution with one filter per channel (leati_depth_block): vectors of channels, several pixels
 * of a line at a time so that a vector of weights serves them all. */
#ifndef LEATI_KERNEL_ISA_DEPTH_LANES_H
#define LEATI_KERNEL_ISA_DEPTH_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

typedef struct depth_place {
    const float *a, *residual;
    float *c;
    size_t from, to; /* channels */
} depth_place;

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

/* Three rows of three taps over neighbours of a line: the nine vectors of weights stay in registers
 * for a whole line, and there are sums enough to hide the latency of the FMA. */
#if ROWS_F32 >= 12
#define DEPTH_SIZES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
enum { DEPTH_MOST = 8 };
#else
#define DEPTH_SIZES(X) X(1) X(2) X(3) X(4)
enum { DEPTH_MOST = 4 };
#endif

/* Terms are added in the order of depth_pixels. row: of the input under the first pixel. */
INLINE void depth_nine(const size_t pixels, const size_t stride, const leati_depth_block *t,
                       const vf *w, vf start, const float *const *row, size_t across, float *c,
                       const float *residual, size_t j)
{
    vf sum[DEPTH_MOST];
    UNROLL(8)
    for (size_t i = 0; i < pixels; i++) sum[i] = start;
    UNROLL(3)
    for (size_t r = 0; r < 3; r++) {
        const float *x = row[r];
        vf column[2 * DEPTH_MOST + 1];
        if (stride == 1 && ROWS_F32 >= 12) { /* stay in registers for three pixels each */
            UNROLL(10)
            for (size_t k = 0; k < pixels + 2; k++) {
                column[k] = load_f32(x + k * across);
                ROUNDED(column[k]);
            }
        } else {
            UNROLL(17)
            for (size_t k = 0; k < (pixels - 1) * stride + 3; k++)
                column[k] = load_f32(x + k * across);
        }
        UNROLL(3)
        for (size_t k = 0; k < 3; k++) {
            UNROLL(8)
            for (size_t i = 0; i < pixels; i++) sum[i] += w[3 * r + k] * column[i * stride + k];
        }
    }
    depth_finish(pixels, t, sum, c, residual, j, VF);
}

#define DEPTH_CASE(n)                                                                              \
    case n: depth_nine(n, stride, t, w, start, row, across, at.c, at.residual, j); break;
/* The channels j .. j + VF - 1 of `lines` lines. */
INLINE void depth_nine_lines(const size_t stride, const size_t across, const leati_depth_block *t,
                             depth_place first, size_t lines, size_t j)
{
    const size_t step = t->a_step;
    size_t groups = (t->rows + DEPTH_MOST - 1) / DEPTH_MOST, least = groups ? t->rows / groups : 0;
    vf w[9], start = t->bias ? load_f32(t->bias + j) : (vf){0};
    UNROLL(9)
    for (size_t k = 0; k < 9; k++) w[k] = load_f32(t->w + t->runs[k].b * t->w_step + j);
    for (size_t line = 0; line < lines; line++) {
        depth_place at = first;
        const float *row[3];
        UNROLL(3)
        for (size_t r = 0; r < 3; r++) row[r] = at.a + t->runs[3 * r].a + j;
        for (size_t g = 0; g < groups; g++) {
            size_t pixels = least + (g < t->rows - least * groups);
            switch (pixels) {
                DEPTH_SIZES(DEPTH_CASE)
            default: break;
            }
            UNROLL(3)
            for (size_t r = 0; r < 3; r++) row[r] += pixels * step;
            at.c += pixels * t->c_step;
            if (at.residual) at.residual += pixels * t->residual_step;
        }
        first.a += t->a_line;
        first.c += t->c_line;
        if (first.residual) first.residual += t->residual_line;
    }
}
#undef DEPTH_CASE
#undef DEPTH_SIZES

/* Functions of their own: together they would run out of registers. Columns of NR elements, as a
 * slab of one panel has them, are known when this is compiled. */
#define DEPTH_LINES(name, stride, across)                                                          \
    static __attribute__((noinline)) void name(const leati_depth_block *t, depth_place at,         \
                                               size_t lines)                                       \
    {                                                                                              \
        for (size_t j = at.from; j + VF <= at.to; j += VF)                                         \
            depth_nine_lines(stride, across, t, at, lines, j);                                     \
    }
DEPTH_LINES(depth_nine_1, 1, t->runs[1].a - t->runs[0].a)
DEPTH_LINES(depth_nine_2, 2, t->runs[1].a - t->runs[0].a)
DEPTH_LINES(depth_panel_1, 1, 2 * VF)
DEPTH_LINES(depth_panel_2, 2, 2 * VF)
#undef DEPTH_LINES

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
    if (t->run_count == 9 && stride) {
        if (stride == 1) depth_nine_1(t, at, 1);
        else depth_nine_2(t, at, 1);
        at.from += (at.to - at.from) / VF * VF;
    }
    if (at.from == at.to) return;
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
    size_t done = 0;
    if (t->run_count == 9 && stride && t->runs[1].a - t->runs[0].a == 2 * VF) {
        depth_place all = {t->a, t->residual, t->c, 0, t->channels};
        if (stride == 1) depth_panel_1(t, all, t->lines);
        else depth_panel_2(t, all, t->lines);
        done = t->channels / VF * VF;
    }
    for (size_t from = done; from < t->channels; from += step)
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
