/* Owns: nearest rows by brute force. A matrix product gives every distance up to rounding; rows
 * that the rounding error cannot rule out are measured exactly. */
#include "kernel/neighbors.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/kernels.h"

enum {
    MOST_CHUNK = 112,       /* queries of a task: their rows and scores stay in L2 */
    PACKED_BYTES = 8 << 20, /* rows packed at once; shared by all threads */
    PACK_ROWS = 128,        /* a multiple of every nr */
    NORM_ROWS = 512
};

/* Insert into the k nearest, kept by (distance, row). A distance that is no number is farthest. */
static void nearest_offer(size_t k, size_t *held, uint32_t *index, double *distance, uint32_t row,
                          double d)
{
    size_t at = *held;
    if (d != d) d = HUGE_VAL;
    if (at == k && (d > distance[k - 1] || (d == distance[k - 1] && row > index[k - 1]))) return;
    if (at < k) ++*held;
    else at = k - 1;
    for (; at > 0 && (d < distance[at - 1] || (d == distance[at - 1] && row < index[at - 1]));
         at--) {
        distance[at] = distance[at - 1];
        index[at] = index[at - 1];
    }
    distance[at] = d;
    index[at] = row;
}

#define NAME(x)  x##_f32
#define T        float
#define KERNELS  f32
#define EXACT    s->kernels->dist2_wide
#define ROUNDING (FLT_EPSILON / 2)
#define TINIEST  (double)FLT_MIN
#include "kernel/neighbors_driver.h"
#undef NAME
#undef KERNELS
#undef EXACT
#undef ROUNDING
#undef TINIEST

#define NAME(x)  x##_f64
#define T        double
#define KERNELS  f64
#define EXACT    s->kernels->vec.dist2_f64
#define ROUNDING (DBL_EPSILON / 2)
#define TINIEST  DBL_MIN
#include "kernel/neighbors_driver.h"
