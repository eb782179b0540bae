/* Owns: thin matrix products, in plain C. */
#include "kernel/skinny.h"

#define SKINNY(suffix, type)                                                                       \
    static void forward_##suffix(size_t rows, size_t cols, size_t outputs, const type *x,          \
                                 size_t ldx, const type *w, type *z)                               \
    {                                                                                              \
        for (size_t i = 0; i < rows; i++)                                                          \
            for (size_t k = 0; k < outputs; k++) {                                                 \
                type sum = 0;                                                                      \
                for (size_t j = 0; j < cols; j++) sum += x[i * ldx + j] * w[k * cols + j];         \
                z[i * outputs + k] = sum;                                                          \
            }                                                                                      \
    }                                                                                              \
    static void backward_##suffix(size_t rows, size_t cols, size_t outputs, const type *x,         \
                                  size_t ldx, const type *p, type *g)                              \
    {                                                                                              \
        for (size_t i = 0; i < rows; i++)                                                          \
            for (size_t k = 0; k < outputs; k++)                                                   \
                for (size_t j = 0; j < cols; j++)                                                  \
                    g[k * cols + j] += p[i * outputs + k] * x[i * ldx + j];                        \
    }
SKINNY(f32, float)
SKINNY(f64, double)

static const leati_skinny generic = {forward_f32, forward_f64, backward_f32, backward_f64};

const leati_skinny *leati_skinny_of(const leat_context *c)
{
    (void)c;
    return &generic;
}
