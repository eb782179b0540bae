/* Operands of kernels' tests and what is expected of their results. */
#ifndef LEATTEST_ARRAYS_H
#define LEATTEST_ARRAYS_H

#include <leat/tensor.h>

#include "base/rng.h"
#include "kernel/activation.h"

/* n numbers in [-0.5, 0.5), on a 64-byte line with a line behind them; free. */
float *leattest_random_array(leati_rng *rng, size_t n);
/* The same full of NaN, for results. */
float *leattest_spoiled_array(size_t n);
/* Elements of a shape. */
static inline size_t leattest_count(leat_shape s)
{
    size_t n = 1;
    for (int i = 0; i < s.rank; i++) n *= (size_t)s.dim[i];
    return n;
}
/* An activation in double precision. */
double leattest_activated(leati_activation a, double x);

#endif
