/* The transforms of Winograd's F(2 x 2, 3 x 3) (Lavin and Gray 2016, section 4.1): input and output
 * tiles and filters, vectors of channels. A tile of 4 x 4 inputs gives 2 x 2 outputs through 16
 * products per pair of channels, where the plain sums take 36. */
#ifndef LEATI_KERNEL_ISA_WINOGRAD_LANES_H
#define LEATI_KERNEL_ISA_WINOGRAD_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

/* B^T d B for n channels (at most VF). */
INLINE void winograd_in_tile(const float *in, size_t row, size_t pixel, float *out, size_t plane,
                             size_t n)
{
    vf d[4][4], t[4][4];
    UNROLL(4)
    for (size_t y = 0; y < 4; y++) {
        UNROLL(4)
        for (size_t x = 0; x < 4; x++) d[y][x] = load_last_f32(in + y * row + x * pixel, n);
    }
    UNROLL(4)
    for (size_t x = 0; x < 4; x++) {
        t[0][x] = d[0][x] - d[2][x];
        t[1][x] = d[1][x] + d[2][x];
        t[2][x] = d[2][x] - d[1][x];
        t[3][x] = d[1][x] - d[3][x];
    }
    UNROLL(4)
    for (size_t y = 0; y < 4; y++) {
        store_last_f32(out + (4 * y) * plane, t[y][0] - t[y][2], n);
        store_last_f32(out + (4 * y + 1) * plane, t[y][1] + t[y][2], n);
        store_last_f32(out + (4 * y + 2) * plane, t[y][2] - t[y][1], n);
        store_last_f32(out + (4 * y + 3) * plane, t[y][1] - t[y][3], n);
    }
}

static void winograd_in(size_t tiles, size_t channels, const float *in, size_t row, size_t pixel,
                        float *out, size_t plane)
{
    for (size_t i = 0; i < tiles; i++, in += 2 * pixel, out += channels) {
        size_t j = 0;
        for (; j + VF <= channels; j += VF)
            winograd_in_tile(in + j, row, pixel, out + j, plane, VF);
        if (j < channels) winograd_in_tile(in + j, row, pixel, out + j, plane, channels - j);
    }
}

/* A^T m A for n channels from j on, stored where `lines` and `columns` (1 or 2) reach. */
INLINE void winograd_out_tile(const leati_winograd_out *t, const float *m, float *c,
                              const float *residual, size_t lines, size_t columns, size_t j,
                              size_t n)
{
    vf s[2][4], y[2][2], bias = t->bias ? load_last_f32(t->bias + j, n) : (vf){0};
    UNROLL(4)
    for (size_t x = 0; x < 4; x++) {
        vf m0 = load_last_f32(m + x * t->plane + j, n);
        vf m1 = load_last_f32(m + (4 + x) * t->plane + j, n);
        vf m2 = load_last_f32(m + (8 + x) * t->plane + j, n);
        vf m3 = load_last_f32(m + (12 + x) * t->plane + j, n);
        s[0][x] = m0 + m1 + m2;
        s[1][x] = m1 - m2 - m3;
    }
    vf low = all_f32(t->low), high = all_f32(t->high);
    UNROLL(2)
    for (size_t r = 0; r < 2; r++) {
        y[r][0] = s[r][0] + s[r][1] + s[r][2] + bias;
        y[r][1] = s[r][1] - s[r][2] - s[r][3] + bias;
    }
    for (size_t r = 0; r < lines; r++) {
        for (size_t x = 0; x < columns; x++) {
            vf v = y[r][x];
            if (residual)
                v += load_last_f32(residual + r * t->residual_line + x * t->residual_step + j, n);
            if (t->clamp) v = clamp_f32(v, low, high);
            store_last_f32(c + r * t->c_line + x * t->c_step + j, v, n);
        }
    }
}

static void winograd_out(const leati_winograd_out *t)
{
    const float *m = t->m, *residual = t->residual;
    float *c = t->c;
    for (size_t x = 0; x < t->columns; x += 2, m += t->m_step, c += 2 * t->c_step) {
        size_t columns = t->columns - x < 2 ? 1 : 2, j = 0;
        for (; j + VF <= t->channels; j += VF) {
            if (t->lines == 2 && columns == 2) winograd_out_tile(t, m, c, residual, 2, 2, j, VF);
            else winograd_out_tile(t, m, c, residual, t->lines, columns, j, VF);
        }
        if (j < t->channels)
            winograd_out_tile(t, m, c, residual, t->lines, columns, j, t->channels - j);
        if (residual) residual += 2 * t->residual_step;
    }
}

/* G g G^T of `n` (a multiple of VF) filters: tap t of them at in + t * tap, plane p at
 * out + p * plane. */
static void winograd_filter(size_t n, const float *in, size_t tap, float *out, size_t plane)
{
    for (size_t j = 0; j < n; j += VF) {
        vf g[3][3], t[4][3];
        UNROLL(9)
        for (size_t k = 0; k < 9; k++) g[k / 3][k % 3] = load_f32(in + k * tap + j);
        UNROLL(3)
        for (size_t x = 0; x < 3; x++) {
            vf ends = 0.5f * (g[0][x] + g[2][x]), middle = 0.5f * g[1][x];
            t[0][x] = g[0][x];
            t[1][x] = ends + middle;
            t[2][x] = ends - middle;
            t[3][x] = g[2][x];
        }
        UNROLL(4)
        for (size_t y = 0; y < 4; y++) {
            vf ends = 0.5f * (t[y][0] + t[y][2]), middle = 0.5f * t[y][1];
            store_f32(out + (4 * y) * plane + j, t[y][0]);
            store_f32(out + (4 * y + 1) * plane + j, ends + middle);
            store_f32(out + (4 * y + 2) * plane + j, ends - middle);
            store_f32(out + (4 * y + 3) * plane + j, t[y][2]);
        }
    }
}

/* A dy A^T for n channels (at most VF; 0 gives zeros). */
INLINE void winograd_turn_tile(const float *in, size_t row, size_t pixel, float *out, size_t plane,
                               size_t n)
{
    vf d[2][2], t[4][2];
    UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        d[i / 2][i % 2] = n ? load_last_f32(in + i / 2 * row + i % 2 * pixel, n) : (vf){0};
    UNROLL(2)
    for (size_t x = 0; x < 2; x++) {
        t[0][x] = d[0][x];
        t[1][x] = d[0][x] + d[1][x];
        t[2][x] = d[0][x] - d[1][x];
        t[3][x] = -d[1][x];
    }
    UNROLL(4)
    for (size_t y = 0; y < 4; y++) {
        store_f32(out + (4 * y) * plane, t[y][0]);
        store_f32(out + (4 * y + 1) * plane, t[y][0] + t[y][1]);
        store_f32(out + (4 * y + 2) * plane, t[y][0] - t[y][1]);
        store_f32(out + (4 * y + 3) * plane, -t[y][1]);
    }
}

static void winograd_turn(size_t tiles, size_t channels, const float *in, size_t row, size_t pixel,
                          float *out, size_t plane)
{
    for (size_t i = 0; i < tiles; i++, in += 2 * pixel, out += NR) {
        for (size_t j = 0; j < NR; j += VF) {
            if (j + VF <= channels) winograd_turn_tile(in + j, row, pixel, out + j, plane, VF);
            else
                winograd_turn_tile(in + j, row, pixel, out + j, plane,
                                   j < channels ? channels - j : 0);
        }
    }
}

/* G^T P G of n products, in place: plane p at sum + p * plane, tap t then at sum + t * plane. */
static void winograd_taps(size_t n, float *sum, size_t plane)
{
    EACH(n, {
        vf p[4][4];
        vf t[3][4];
        UNROLL(16)
        for (size_t k = 0; k < 16; k++) p[k / 4][k % 4] = load_last_f32(sum + k * plane + j, width);
        UNROLL(4)
        for (size_t x = 0; x < 4; x++) {
            vf both = 0.5f * (p[1][x] + p[2][x]);
            t[0][x] = p[0][x] + both;
            t[1][x] = 0.5f * (p[1][x] - p[2][x]);
            t[2][x] = both + p[3][x];
        }
        UNROLL(3)
        for (size_t y = 0; y < 3; y++) {
            vf both = 0.5f * (t[y][1] + t[y][2]);
            store_last_f32(sum + (3 * y) * plane + j, t[y][0] + both, width);
            store_last_f32(sum + (3 * y + 1) * plane + j, 0.5f * (t[y][1] - t[y][2]), width);
            store_last_f32(sum + (3 * y + 2) * plane + j, both + t[y][3], width);
        }
    })
}

#endif
