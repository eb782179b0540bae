/* Initial values of weights. Element i depends on (seed, number of the weight, i) only. */
#ifndef LEATI_NN_INIT_H
#define LEATI_NN_INIT_H

#include <leat/tensor.h>

#include "base/rng.h"

typedef enum leati_init_kind {
    LEATI_INIT_ZEROS,
    LEATI_INIT_ONES,
    LEATI_INIT_GLOROT_UNIFORM, /* Glorot and Bengio 2010, eq. 16 */
    LEATI_INIT_GLOROT_NORMAL,
    LEATI_INIT_HE_UNIFORM, /* He et al. 2015, eq. 10 */
    LEATI_INIT_HE_NORMAL,
    LEATI_INIT_UNIFORM /* [-scale, scale) */
} leati_init_kind;

typedef struct leati_init {
    leati_init_kind kind;
    double scale;
    size_t fan_in, fan_out; /* 0: from the shape, (in, out) */
} leati_init;

/* stream: the number of the weight in its network. */
void leati_init_fill(leati_init init, const leat_shape *shape, uint64_t seed, uint32_t stream,
                     float *out);

#endif
