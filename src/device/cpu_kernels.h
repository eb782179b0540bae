/* The operations with own kernels on the CPU: K(NAME, name) is leati_cpu_name. */
#ifndef LEATI_DEVICE_CPU_KERNELS_H
#define LEATI_DEVICE_CPU_KERNELS_H

#include "device/device.h"

#define LEATI_CPU_KERNELS(K)                                                                       \
    K(ASSIGN, assign)                                                                              \
    K(FUSED, fused)                                                                                \
    K(REDUCE_SUM, reduce_sum)                                                                      \
    K(REDUCE_PROD, reduce_prod)                                                                    \
    K(REDUCE_MAX, reduce_max)                                                                      \
    K(REDUCE_MIN, reduce_min)                                                                      \
    K(MATMUL, matmul)                                                                              \
    K(CONV, conv)                                                                                  \
    K(CONV_DEPTH, conv_depth)                                                                      \
    K(CONV_DATA, conv_data)                                                                        \
    K(CONV_WEIGHT, conv_weight)                                                                    \
    K(POOL_MAX, pool_max)                                                                          \
    K(POOL_MAX_BACK, pool_max_back)                                                                \
    K(POOL_MAX_INDEX, pool_max_index)                                                              \
    K(POOL_MAX_DATA, pool_max_data)                                                                \
    K(POOL_AVG, pool_avg)                                                                          \
    K(POOL_AVG_DATA, pool_avg_data)                                                                \
    K(CROSS_ENTROPY, cross_entropy)                                                                \
    K(CROSS_ENTROPY_GRAD, cross_entropy_grad)                                                      \
    K(RESAMPLE, resample)                                                                          \
    K(RESAMPLE_DATA, resample)                                                                     \
    K(SOFTMAX, softmax)                                                                            \
    K(SOFTMAX_GRAD, softmax_grad)                                                                  \
    K(LOG_SOFTMAX, log_softmax)                                                                    \
    K(LOG_SOFTMAX_GRAD, log_softmax_grad)                                                          \
    K(NORM, norm)                                                                                  \
    K(NORM_GRAD, norm_grad)                                                                        \
    K(ATTENTION, attention)                                                                        \
    K(ATTENTION_GRAD, attention_grad)                                                              \
    K(RECURRENT, recurrent)                                                                        \
    K(RECURRENT_GRAD, recurrent_grad)                                                              \
    K(ADAM, adam)                                                                                  \
    K(SGD, sgd)                                                                                    \
    K(TRANSPOSE, transpose)                                                                        \
    K(SLICE, slice)                                                                                \
    K(PAD, pad)                                                                                    \
    K(REVERSE, reverse)                                                                            \
    K(CONCAT, concat)                                                                              \
    K(RANDOM, random)                                                                              \
    K(GATHER, gather)                                                                              \
    K(SCATTER_ADD, scatter_add)                                                                    \
    K(ARGMAX, arg)                                                                                 \
    K(ARGMIN, arg)                                                                                 \
    K(GATHER_ELEMENTS, gather_elements)                                                            \
    K(SCATTER_ELEMENTS, scatter_elements)                                                          \
    K(GATHER_ND, gather_nd)                                                                        \
    K(SCATTER_ND, scatter_nd)                                                                      \
    K(CUMSUM, cum)                                                                                 \
    K(CUMPROD, cum)                                                                                \
    K(SORT, sort)                                                                                  \
    K(TOPK, sort)

extern const leati_kernel leati_cpu_conv_f64;
#define K(NAME, name) extern const leati_kernel leati_cpu_##name;
LEATI_CPU_KERNELS(K)
#undef K

#endif
