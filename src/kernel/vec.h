/* Vector kernels of one CPU level: contiguous operands, no allocation, no errors, one thread.
 * Sums use a fixed number of lanes at a level, so a result depends on data and level only. */
#ifndef LEATI_KERNEL_VEC_H
#define LEATI_KERNEL_VEC_H

#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

typedef struct leati_vec {
    float (*dot_f32)(size_t n, const float *x, const float *y);
    double (*dot_f64)(size_t n, const double *x, const double *y);
    void (*axpy_f32)(size_t n, float a, const float *x, float *y); /* y += a x */
    void (*axpy_f64)(size_t n, double a, const double *x, double *y);
    void (*scale_f32)(size_t n, float a, float *x); /* x *= a */
    void (*scale_f64)(size_t n, double a, double *x);
    void (*add_f64)(size_t n, const double *x, const double *y, double *out);
    void (*mul_f64)(size_t n, const double *x, const double *y, double *out);
    double (*sum_f32)(size_t n, const float *x); /* accumulated in f64 */
    double (*sum_f64)(size_t n, const double *x);
    /* 0 where all values are finite, else NaN. */
    float (*blemish_f32)(size_t n, const float *x);
    double (*blemish_f64)(size_t n, const double *x);
    float (*max_f32)(size_t n, const float *x); /* n > 0, no NaN */
    double (*max_f64)(size_t n, const double *x);
    float (*dist2_f32)(size_t n, const float *x, const float *y); /* squared Euclidean */
    double (*dist2_f64)(size_t n, const double *x, const double *y);
    double (*dist1_f64)(size_t n, const double *x, const double *y);   /* Manhattan */
    double (*distmax_f64)(size_t n, const double *x, const double *y); /* Chebyshev */
    void (*exp_f32)(size_t n, const float *x, float *out);             /* <= 2 ulp; -inf gives 0 */
    void (*exp_f64)(size_t n, const double *x, double *out);
    void (*log_f64)(size_t n, const double *x, double *out);
    void (*tanh_f64)(size_t n, const double *x, double *out);
    double (*dot_mixed)(size_t n, const float *x, const double *y); /* products and sum in f64 */
    void (*axpy_mixed)(size_t n, double a, const float *x, double *y);
    /* sum[j] += x[r][j] for the rows in their order, which are ld apart. */
    void (*sum_rows)(size_t rows, size_t n, const float *x, size_t ld, double *sum);
    void (*widen)(size_t n, const float *x, double *out);
    void (*narrow)(size_t n, const double *x, float *out);
    void (*widen_u8)(size_t n, const uint8_t *x, float *out);
    /* rank[i]: how many of the edges (count) are not above x[i]; none where it is NaN. */
    void (*ranks)(size_t n, const double *x, size_t count, const double *edges, uint32_t *rank);
    /* mean[j] += x[j], sq[j] += x[j]^2 in f64: moments of columns, row by row. */
    void (*moments_f32)(size_t n, const float *x, double *sum, double *squares);
    void (*moments_f64)(size_t n, const double *x, double *sum, double *squares);
} leati_vec;

/* The table of the context's level; never NULL, no NULL members. */
const leati_vec *leati_vec_of(const leat_context *c);

#endif
