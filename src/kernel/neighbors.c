/* Owns: nearest rows by brute force, in plain C. */
#include "kernel/neighbors.h"

#include "base/error.h"
#include "base/mem.h"

static void offer(size_t k, size_t *held, uint32_t *index, double *distance, uint32_t row, double d)
{
    size_t at = *held;
    if (at == k && !(d < distance[k - 1])) return;
    if (at < k) ++*held;
    else at = k - 1;
    for (; at > 0 && d < distance[at - 1]; at--) {
        distance[at] = distance[at - 1];
        index[at] = index[at - 1];
    }
    distance[at] = d;
    index[at] = row;
}

#define NEIGHBORS(suffix, type)                                                                    \
    leat_status leati_neighbors_##suffix(leat_context *c, const type *query, size_t queries,       \
                                         size_t ldq, const type *data, size_t rows, size_t ldd,    \
                                         size_t dims, size_t k, uint32_t *index, double *distance) \
    {                                                                                              \
        LEATI_BUG_IF(c, k<1 || k> rows);                                                           \
        for (size_t q = 0; q < queries; q++) {                                                     \
            size_t held = 0;                                                                       \
            for (size_t r = 0; r < rows; r++) {                                                    \
                double sum = 0;                                                                    \
                for (size_t j = 0; j < dims; j++) {                                                \
                    double d = (double)query[q * ldq + j] - (double)data[r * ldd + j];             \
                    sum += d * d;                                                                  \
                }                                                                                  \
                offer(k, &held, index + q * k, distance + q * k, (uint32_t)r, sum);                \
            }                                                                                      \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }

NEIGHBORS(f32, float)
NEIGHBORS(f64, double)
