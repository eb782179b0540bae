/* What RANDOM draws, for all devices that compute on this machine. */
#ifndef LEATI_DEVICE_RANDOM_H
#define LEATI_DEVICE_RANDOM_H

#include "device/step.h"
#include "kernel/net_kernels.h"

/* Elements first .. first + count - 1 into out, which is that element's address. first is a
 * multiple of 4. key: seed, step. k: NULL for the plain way to the same. No errors, no state. */
void leati_random_fill(const leati_net_kernels *k, const leati_random_attrs *a,
                       const uint64_t key[2], leat_dtype dtype, size_t first, size_t count,
                       void *out);

#endif
