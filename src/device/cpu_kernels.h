/* The operations with own kernels on the CPU: K(NAME, name) is leati_cpu_name. */
#ifndef LEATI_DEVICE_CPU_KERNELS_H
#define LEATI_DEVICE_CPU_KERNELS_H

#include "device/device.h"

#define LEATI_CPU_KERNELS(K)                                                                       \
    K(ASSIGN, assign)                                                                              \
    K(FUSED, fused)                                                                                \
    K(REDUCE_SUM, reduce_sum)                                                                      \
    K(REDUCE_MAX, reduce_max)                                                                      \
    K(REDUCE_MIN, reduce_min)                                                                      \
    K(MATMUL, matmul)                                                                              \
    K(TRANSPOSE, transpose)

#define K(NAME, name) extern const leati_kernel leati_cpu_##name;
LEATI_CPU_KERNELS(K)
#undef K

#endif
