/* Reading and writing elements of any type, for the reference kernels. */
#ifndef LEATI_DEVICE_REFERENCE_H
#define LEATI_DEVICE_REFERENCE_H

#include "base/half.h"
#include "device/device.h"
#include "kernel/activation.h"

/* An element: floats in f, integers and bool in i (u64 as its bits). */
typedef struct leati_element {
    double f;
    int64_t i;
} leati_element;

leati_element leati_element_get(const leati_operand *o, size_t at);
/* Rounds or wraps to the type; bool becomes != 0. */
void leati_element_set(const leati_operand *o, size_t at, leati_element x);
bool leati_is_float_operand(const leati_operand *o);

/* activation(x) of a product's epilogue. */
double leati_reference_activation(leati_activation kind, double x);

/* The nearest bf16 number. */
static inline double leati_reference_bf16(double x)
{
    return (double)leati_bf16_to_f32(leati_f32_to_bf16((float)x));
}

/* Strides in elements of a contiguous tensor. */
void leati_strides_of(const leat_shape *s, int64_t *strides);
/* The index of element `at` of a contiguous tensor. */
void leati_index_of(const leat_shape *s, size_t at, int64_t *index);
size_t leati_offset_of(const leat_shape *s, const int64_t *index);

/* The operations with reference kernels: K(NAME, name) is leati_reference_name. */
#define LEATI_REFERENCE_KERNELS(K)                                                                 \
    K(ASSIGN, assign)                                                                              \
    K(CAST, cast)                                                                                  \
    K(REDUCE_SUM, reduce)                                                                          \
    K(REDUCE_PROD, reduce)                                                                         \
    K(REDUCE_MAX, reduce)                                                                          \
    K(REDUCE_MIN, reduce)                                                                          \
    K(MATMUL, matmul)                                                                              \
    K(CONV, conv)                                                                                  \
    K(CONV_DATA, conv_data)                                                                        \
    K(CONV_WEIGHT, conv_weight)                                                                    \
    K(POOL_MAX_INDEX, pool_max)                                                                    \
    K(POOL_MAX_DATA, pool_max_data)                                                                \
    K(POOL_AVG, pool_avg)                                                                          \
    K(POOL_AVG_DATA, pool_avg_data)                                                                \
    K(CROSS_ENTROPY, cross_entropy)                                                                \
    K(CROSS_ENTROPY_GRAD, cross_entropy_grad)                                                      \
    K(CTC, ctc)                                                                                    \
    K(CTC_GRAD, ctc_grad)                                                                          \
    K(RESAMPLE, resample)                                                                          \
    K(RESAMPLE_DATA, resample)                                                                     \
    K(RECURRENT, recurrent)                                                                        \
    K(RECURRENT_GRAD, recurrent_grad)                                                              \
    K(EXPAND, expand)                                                                              \
    K(TRANSPOSE, transpose)                                                                        \
    K(CUSTOM, custom)                                                                              \
    K(SCAN, scan)                                                                                  \
    K(LOOP, loop)                                                                                  \
    K(SLICE, slice)                                                                                \
    K(PAD, pad)                                                                                    \
    K(REVERSE, reverse)                                                                            \
    K(CONCAT, concat)                                                                              \
    K(IOTA, iota)                                                                                  \
    K(RANDOM, random)                                                                              \
    K(ARGMAX, arg)                                                                                 \
    K(ARGMIN, arg)                                                                                 \
    K(CUMSUM, cum)                                                                                 \
    K(CUMPROD, cum)                                                                                \
    K(SORT, sort)                                                                                  \
    K(TOPK, sort)                                                                                  \
    K(GATHER, gather)                                                                              \
    K(SCATTER_ADD, scatter_add)                                                                    \
    K(GATHER_ELEMENTS, gather_elements)                                                            \
    K(SCATTER_ELEMENTS, scatter_elements)                                                          \
    K(GATHER_ND, gather_nd)                                                                        \
    K(SCATTER_ND, scatter_nd)

extern const leati_kernel leati_reference_elementwise;
#define K(NAME, name) extern const leati_kernel leati_reference_##name;
LEATI_REFERENCE_KERNELS(K)
#undef K

#endif
