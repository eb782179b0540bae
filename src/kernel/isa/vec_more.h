/* Vector kernels that exist for one element type only: conversions, f64 sums and distances. */
#ifndef LEATI_KERNEL_ISA_VEC_MORE_H
#define LEATI_KERNEL_ISA_VEC_MORE_H

#include "kernel/isa/simd.h"

#define VL VD

INLINE vd widen_vector(const float *x)
{
    return __builtin_convertvector(*(const vf_half_any *)x, vd);
}

INLINE vd widen_part(const float *x, size_t n)
{
    float copy[VD] = {0};
    for (size_t i = 0; i < n; i++) copy[i] = x[i];
    return widen_vector(copy);
}

INLINE vd absolute(vd v)
{
    return (vd)((vd_int)v & INT64_MAX);
}

static double sum_f64(size_t n, const double *x)
{
    vd sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(n, sum[lane] += load_f64(x + at), sum[lane] += load_part_f64(x + at, left))
    return total_f64(sum);
}

static double sum_f32(size_t n, const float *x)
{
    vd sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(n, sum[lane] += widen_vector(x + at), sum[lane] += widen_part(x + at, left))
    return total_f64(sum);
}

static double dot_mixed(size_t n, const float *x, const double *y)
{
    vd sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(n, sum[lane] += widen_vector(x + at) * load_f64(y + at),
           sum[lane] += widen_part(x + at, left) * load_part_f64(y + at, left))
    return total_f64(sum);
}

static void axpy_mixed(size_t n, double a, const float *x, double *y)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) store_f64(y + i, load_f64(y + i) + a * widen_vector(x + i));
    for (; i < n; i++) y[i] += a * (double)x[i];
}

INLINE void sum_few_rows(const size_t rows, size_t n, const float *x, size_t ld, double *sum)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vd v = load_f64(sum + i);
        UNROLL(8)
        for (size_t r = 0; r < rows; r++) v += widen_vector(x + r * ld + i);
        store_f64(sum + i, v);
    }
    for (; i < n; i++)
        for (size_t r = 0; r < rows; r++) sum[i] += (double)x[r * ld + i];
}

static void sum_rows(size_t rows, size_t n, const float *x, size_t ld, double *sum)
{
    for (; rows >= 8; rows -= 8, x += 8 * ld) sum_few_rows(8, n, x, ld, sum);
    if (rows) sum_few_rows(rows, n, x, ld, sum);
}

static void ranks(size_t n, const double *x, size_t count, const double *edges, uint32_t *rank)
{
    enum { TILE = 4 * VL };
    for (size_t i = 0; i < n; i += TILE) {
        size_t here = n - i < TILE ? n - i : TILE;
        double tile[TILE] = {0};
        int64_t not_above[TILE];
        vd_int sum[4] = {{0}, {0}, {0}, {0}};
        memcpy(tile, x + i, here * sizeof *tile);
        for (size_t e = 0; e < count; e++) {
            vd edge = (vd){0} + edges[e];
            UNROLL(4)
            for (size_t k = 0; k < 4; k++) sum[k] -= (vd_int)(load_f64(tile + k * VL) >= edge);
        }
        memcpy(not_above, sum, sizeof not_above);
        for (size_t k = 0; k < here; k++) rank[i + k] = (uint32_t)not_above[k];
    }
}

static double dist1_f64(size_t n, const double *x, const double *y)
{
    vd sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(n, sum[lane] += absolute(load_f64(x + at) - load_f64(y + at)),
           sum[lane] += absolute(load_part_f64(x + at, left) - load_part_f64(y + at, left)))
    return total_f64(sum);
}

/* A NaN difference gives NaN. */
static double distmax_f64(size_t n, const double *x, const double *y)
{
    vd top = {0};
    double best = 0;
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vd d = absolute(load_f64(x + i) - load_f64(y + i));
        /* A NaN in top stays: no comparison with it holds. */
        top = choose_f64((d <= top) | (top != top), top, d);
    }
    for (size_t j = 0; j < VL; j++) best = top[j] <= best || best != best ? best : top[j];
    for (; i < n; i++) {
        double d = x[i] < y[i] ? y[i] - x[i] : x[i] - y[i];
        best = d <= best || best != best ? best : d;
    }
    return best;
}

static double dist2_wide(size_t n, const float *x, const float *y)
{
    vd sum[4] = {{0}, {0}, {0}, {0}};
    REDUCE(
        n,
        {
            vd d = widen_vector(x + at) - widen_vector(y + at);
            sum[lane] += d * d;
        },
        {
            vd d = widen_part(x + at, left) - widen_part(y + at, left);
            sum[lane] += d * d;
        })
    return total_f64(sum);
}

#define MAP_F64(n, out, full, part)                                                                \
    size_t at = 0, left;                                                                           \
    for (; at + VL <= (n); at += VL) store_f64((out) + at, full);                                  \
    left = (n)-at;                                                                                 \
    if (left) store_part_f64((out) + at, part, left);

static void add_f64(size_t n, const double *x, const double *y, double *out)
{
    MAP_F64(n, out, load_f64(x + at) + load_f64(y + at),
            load_part_f64(x + at, left) + load_part_f64(y + at, left))
}

static void mul_f64(size_t n, const double *x, const double *y, double *out)
{
    MAP_F64(n, out, load_f64(x + at) * load_f64(y + at),
            load_part_f64(x + at, left) * load_part_f64(y + at, left))
}

static void widen(size_t n, const float *x, double *out)
{
    MAP_F64(n, out, widen_vector(x + at), widen_part(x + at, left))
}

static void narrow(size_t n, const double *x, float *out)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        *(vf_half_any *)(out + i) = __builtin_convertvector(load_f64(x + i), vf_half);
    for (; i < n; i++) out[i] = (float)x[i];
}

static void widen_u8(size_t n, const uint8_t *x, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float)x[i];
}

static void moments_f32(size_t n, const float *x, double *sum, double *squares)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vd v = widen_vector(x + i);
        store_f64(sum + i, load_f64(sum + i) + v);
        store_f64(squares + i, load_f64(squares + i) + v * v);
    }
    for (; i < n; i++) {
        double v = (double)x[i];
        sum[i] += v;
        squares[i] += v * v;
    }
}

static void moments_f64(size_t n, const double *x, double *sum, double *squares)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vd v = load_f64(x + i);
        store_f64(sum + i, load_f64(sum + i) + v);
        store_f64(squares + i, load_f64(squares + i) + v * v);
    }
    for (; i < n; i++) {
        sum[i] += x[i];
        squares[i] += x[i] * x[i];
    }
}

#undef VL

#endif
