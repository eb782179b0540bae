/* Owns: the vector kernels in plain C. */
#include "kernel/vec.h"

#include <math.h>

#define BOTH(X) X(f32, float, fabsf, fmaxf) X(f64, double, fabs, fmax)
#define KERNELS(s, type, absolute, larger)                                                         \
    static type dot_##s(size_t n, const type *x, const type *y)                                    \
    {                                                                                              \
        type r = 0;                                                                                \
        for (size_t i = 0; i < n; i++) r += x[i] * y[i];                                           \
        return r;                                                                                  \
    }                                                                                              \
    static void axpy_##s(size_t n, type a, const type *x, type *y)                                 \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) y[i] += a * x[i];                                           \
    }                                                                                              \
    static void scale_##s(size_t n, type a, type *x)                                               \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) x[i] *= a;                                                  \
    }                                                                                              \
    static double sum_##s(size_t n, const type *x)                                                 \
    {                                                                                              \
        double r = 0;                                                                              \
        for (size_t i = 0; i < n; i++) r += (double)x[i];                                          \
        return r;                                                                                  \
    }                                                                                              \
    static type max_##s(size_t n, const type *x)                                                   \
    {                                                                                              \
        type r = x[0];                                                                             \
        for (size_t i = 1; i < n; i++) r = larger(r, x[i]);                                        \
        return r;                                                                                  \
    }                                                                                              \
    static type dist2_##s(size_t n, const type *x, const type *y)                                  \
    {                                                                                              \
        type r = 0;                                                                                \
        for (size_t i = 0; i < n; i++) r += (x[i] - y[i]) * (x[i] - y[i]);                         \
        return r;                                                                                  \
    }                                                                                              \
    static void moments_##s(size_t n, const type *x, double *sum, double *squares)                 \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                           \
            sum[i] += (double)x[i];                                                                \
            squares[i] += (double)x[i] * (double)x[i];                                             \
        }                                                                                          \
    }
BOTH(KERNELS)

static void add_f64(size_t n, const double *x, const double *y, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = x[i] + y[i];
}

static void mul_f64(size_t n, const double *x, const double *y, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = x[i] * y[i];
}

static double dist1_f64(size_t n, const double *x, const double *y)
{
    double r = 0;
    for (size_t i = 0; i < n; i++) r += fabs(x[i] - y[i]);
    return r;
}

static double distmax_f64(size_t n, const double *x, const double *y)
{
    double r = 0;
    for (size_t i = 0; i < n; i++) r = fmax(r, fabs(x[i] - y[i]));
    return r;
}

static void exp_f32(size_t n, const float *x, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = expf(x[i]);
}

static void exp_f64(size_t n, const double *x, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = exp(x[i]);
}

static void log_f64(size_t n, const double *x, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = log(x[i]);
}

static void tanh_f64(size_t n, const double *x, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = tanh(x[i]);
}

static void widen(size_t n, const float *x, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (double)x[i];
}

static void narrow(size_t n, const double *x, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float)x[i];
}

static void widen_u8(size_t n, const uint8_t *x, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float)x[i];
}

static const leati_vec generic = {
    dot_f32, dot_f64,  axpy_f32, axpy_f64,  scale_f32, scale_f64,   add_f64,     mul_f64, sum_f32,
    sum_f64, max_f32,  max_f64,  dist2_f32, dist2_f64, dist1_f64,   distmax_f64, exp_f32, exp_f64,
    log_f64, tanh_f64, widen,    narrow,    widen_u8,  moments_f32, moments_f64};

const leati_vec *leati_vec_of(const leat_context *c)
{
    (void)c;
    return &generic;
}
