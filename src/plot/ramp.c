/* Owns: the colours that pictures of numbers have. */
#include "plot/ramp.h"

#include <math.h>

typedef struct stop {
    double at;
    uint8_t rgb[3];
} stop;

static const stop rising[] = {{0, {15, 18, 26}},
                              {0.25, {13, 62, 110}},
                              {0.55, {20, 132, 190}},
                              {0.8, {140, 208, 222}},
                              {1, {255, 248, 220}}};
static const stop around[] = {{-1, {150, 45, 5}},
                              {-0.5, {234, 132, 72}},
                              {0, {246, 246, 244}},
                              {0.5, {92, 164, 212}},
                              {1, {0, 68, 120}}};
enum { STOPS = 5 };

leati_ramp leati_ramp_of(const float *values, size_t count)
{
    leati_ramp r = {0};
    for (size_t i = 0; i < count; i++) {
        double v = (double)values[i];
        if (!isfinite(v)) continue;
        r.most = fmax(r.most, fabs(v));
        r.is_signed = r.is_signed || v < 0;
    }
    if (!(r.most > 0)) r.most = 1;
    return r;
}

static void colour(const stop *stops, double at, uint8_t out[3])
{
    int k = 1;
    while (k < STOPS - 1 && at > stops[k].at) k++;
    double share = (at - stops[k - 1].at) / (stops[k].at - stops[k - 1].at);
    share = fmin(fmax(share, 0), 1);
    for (int i = 0; i < 3; i++) {
        double from = stops[k - 1].rgb[i], to = stops[k].rgb[i];
        out[i] = (uint8_t)lrint(from + (to - from) * share);
    }
}

void leati_ramp_pixels(const leati_ramp *r, const float *values, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        double v = (double)values[i] / r->most;
        if (isnan(v)) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = 128;
        else colour(r->is_signed ? around : rising, v, out + 3 * i);
    }
}
