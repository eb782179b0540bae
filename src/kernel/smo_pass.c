/* Owns: the passes in plain C. */
#include "kernel/smo_pass.h"

#include <math.h>

static void widen_range(leati_smo_range *r, size_t t, double f, unsigned state)
{
    if (state & LEATI_SMO_UP && f >= r->up) {
        r->up = f;
        r->arg_up = t;
    }
    if (state & LEATI_SMO_LOW && f < r->low) r->low = f;
}

static leati_smo_range range(size_t n, const double *f, const uint8_t *state)
{
    leati_smo_range r = {-INFINITY, 0, INFINITY};
    for (size_t t = 0; t < n; t++) widen_range(&r, t, f[t], state[t]);
    return r;
}

static leati_smo_range update(size_t n, double *f, const uint8_t *state, const float *row_i,
                              const float *row_j, double delta)
{
    leati_smo_range r = {-INFINITY, 0, INFINITY};
    for (size_t t = 0; t < n; t++) {
        f[t] -= delta * ((double)row_i[t] - (double)row_j[t]);
        widen_range(&r, t, f[t], state[t]);
    }
    return r;
}

static size_t partner(size_t n, const double *f, const uint8_t *state, const float *row_i,
                      const double *self, double top, double self_i)
{
    double best = -INFINITY;
    size_t arg = 0;
    for (size_t t = 0; t < n; t++) {
        double gap = top - f[t];
        if (!(state[t] & LEATI_SMO_LOW) || !(gap > 0)) continue;
        double curve = self_i + self[t] - 2 * (double)row_i[t];
        double gain = gap * gap / (curve > 0 ? curve : 1e-12);
        if (gain >= best) {
            best = gain;
            arg = t;
        }
    }
    return arg;
}

const leati_smo_pass *leati_smo_pass_of(const leat_context *c)
{
    static const leati_smo_pass plain = {range, update, partner};
    (void)c;
    return &plain;
}
