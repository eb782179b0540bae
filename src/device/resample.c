/* Owns: coordinates and weights of resampling. */
#include "device/resample.h"

#include <math.h>

static int64_t inside(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* The place of output i among the inputs. */
static double coordinate(const leati_resample_attrs *a, int64_t in, int64_t i)
{
    double step = (double)in / (double)a->size;
    if (a->scale > 0) step = 1 / a->scale;
    switch ((leati_coordinates)a->coordinates) {
    case LEATI_COORDINATES_CORNERS:
        return a->size > 1 ? (double)i * (double)(in - 1) / (double)(a->size - 1) : 0;
    case LEATI_COORDINATES_ASYMMETRIC: return (double)i * step;
    default: return ((double)i + 0.5) * step - 0.5;
    }
}

static int64_t nearest(const leati_resample_attrs *a, double x)
{
    switch ((leati_rounding)a->rounding) {
    case LEATI_ROUND_FLOOR: return (int64_t)floor(x);
    case LEATI_ROUND_CEIL: return (int64_t)ceil(x);
    case LEATI_ROUND_PREFER_CEIL: return (int64_t)floor(x + 0.5);
    default: return (int64_t)ceil(x - 0.5);
    }
}

/* Keys 1981: a piecewise cubic through the samples, with the slope parameter c. */
static double cubic(double c, double d)
{
    d = fabs(d);
    if (d <= 1) return ((c + 2) * d - (c + 3)) * d * d + 1;
    return d < 2 ? ((d - 5) * d + 8) * d * c - 4 * c : 0;
}

int leati_resample_taps(const leati_resample_attrs *a, int64_t in, int64_t i, int64_t *place,
                        double *weight)
{
    double x = coordinate(a, in, i);
    if (a->mode == LEATI_RESAMPLE_NEAREST) {
        place[0] = inside(nearest(a, x), in);
        weight[0] = 1;
        return 1;
    }
    if (a->mode == LEATI_RESAMPLE_LINEAR) {
        if (x < 0) x = 0;
        if (x > (double)(in - 1)) x = (double)(in - 1);
        double low = floor(x);
        place[0] = (int64_t)low;
        place[1] = inside((int64_t)low + 1, in);
        weight[1] = x - low;
        weight[0] = 1 - weight[1];
        return 2;
    }
    double low = floor(x);
    for (int t = 0; t < 4; t++) {
        place[t] = inside((int64_t)low + t - 1, in);
        weight[t] = cubic(a->cubic, x - (low + t - 1));
    }
    return 4;
}
