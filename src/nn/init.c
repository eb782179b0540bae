/* Owns: initialisers. */
#include "nn/init.h"

#include <math.h>

#include "tensor/shape.h"

void leati_init_fill(leati_init init, const leat_shape *shape, uint64_t seed, uint32_t stream,
                     float *out)
{
    size_t count = leati_shape_count(shape);
    size_t in = init.fan_in, all = init.fan_out;
    if (!in && shape->rank >= 1) in = (size_t)shape->dim[0];
    if (!all && shape->rank >= 1) all = (size_t)shape->dim[shape->rank - 1];
    double glorot = 2 / (double)(in + all), he = 2 / (double)(in ? in : 1), limit = 0,
           deviation = 0;
    switch (init.kind) {
    case LEATI_INIT_ZEROS:
    case LEATI_INIT_ONES: break;
    case LEATI_INIT_GLOROT_UNIFORM: limit = sqrt(3 * glorot); break;
    case LEATI_INIT_GLOROT_NORMAL: deviation = sqrt(glorot); break;
    case LEATI_INIT_HE_UNIFORM: limit = sqrt(3 * he); break;
    case LEATI_INIT_HE_NORMAL: deviation = sqrt(he); break;
    case LEATI_INIT_UNIFORM: limit = init.scale; break;
    }
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_INIT, stream);
    for (size_t i = 0; i < count; i++) {
        double x = init.kind == LEATI_INIT_ONES ? 1 : 0;
        if (limit > 0) x = (2 * leati_rng_uniform(&rng) - 1) * limit;
        else if (deviation > 0) x = deviation * leati_rng_normal(&rng);
        out[i] = (float)x;
    }
}
