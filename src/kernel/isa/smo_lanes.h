/* The passes of sequential minimal optimisation (kernel/smo_pass.h): running extremes and their
 * places, lane by lane, so that among equal values the last place wins as in one sweep. */
#ifndef LEATI_KERNEL_ISA_SMO_LANES_H
#define LEATI_KERNEL_ISA_SMO_LANES_H

#include "kernel/isa/vec_math.h"
#include "kernel/isa/vec_more.h"
#include "kernel/smo_pass.h"

enum { SMO_LANES = 2 };

/* The elements of `state` that have the bit, as masks. */
INLINE vd_int with_bit(const uint8_t *state, int bit)
{
    vd_int v;
    for (size_t i = 0; i < VD; i++) v[i] = state[i];
    return (v & bit) != 0;
}

typedef struct smo_best {
    vd up[SMO_LANES], low[SMO_LANES];
    vd_int place[SMO_LANES], here[SMO_LANES];
} smo_best;

INLINE void smo_start(smo_best *b)
{
    for (size_t lane = 0; lane < SMO_LANES; lane++) {
        b->up[lane] = all_f64(-__builtin_inf());
        b->low[lane] = all_f64(__builtin_inf());
        b->place[lane] = (vd_int){0};
        for (size_t i = 0; i < VD; i++) b->here[lane][i] = (int64_t)(lane * VD + i);
    }
}

INLINE void smo_take(smo_best *b, size_t lane, vd f, const uint8_t *state)
{
    vd up = choose_f64(with_bit(state, LEATI_SMO_UP), f, all_f64(-__builtin_inf()));
    vd low = choose_f64(with_bit(state, LEATI_SMO_LOW), f, all_f64(__builtin_inf()));
    vd_int better = up >= b->up[lane];
    b->up[lane] = choose_f64(better, up, b->up[lane]);
    b->place[lane] = (better & b->here[lane]) | (~better & b->place[lane]);
    b->low[lane] = choose_f64(low < b->low[lane], low, b->low[lane]);
    b->here[lane] += (int64_t)(SMO_LANES * VD);
}

INLINE void smo_one(leati_smo_range *r, size_t t, double f, unsigned state)
{
    if (state & LEATI_SMO_UP && f >= r->up) {
        r->up = f;
        r->arg_up = t;
    }
    if (state & LEATI_SMO_LOW && f < r->low) r->low = f;
}

INLINE leati_smo_range smo_finish(const smo_best *b)
{
    leati_smo_range r = {-__builtin_inf(), 0, __builtin_inf()};
    for (size_t lane = 0; lane < SMO_LANES; lane++)
        for (size_t i = 0; i < VD; i++) {
            double up = b->up[lane][i];
            size_t place = (size_t)b->place[lane][i];
            if (up > r.up || (up == r.up && place > r.arg_up)) {
                r.up = up;
                r.arg_up = place;
            }
            if (b->low[lane][i] < r.low) r.low = b->low[lane][i];
        }
    return r;
}

static leati_smo_range smo_range(size_t n, const double *f, const uint8_t *state)
{
    smo_best best;
    size_t t = 0;
    smo_start(&best);
    for (; t + SMO_LANES * VD <= n; t += SMO_LANES * VD) {
        UNROLL(2)
        for (size_t lane = 0; lane < SMO_LANES; lane++)
            smo_take(&best, lane, load_f64(f + t + lane * VD), state + t + lane * VD);
    }
    leati_smo_range r = smo_finish(&best);
    for (; t < n; t++) smo_one(&r, t, f[t], state[t]);
    return r;
}

static leati_smo_range smo_update(size_t n, double *f, const uint8_t *state, const float *row_i,
                                  const float *row_j, double delta)
{
    smo_best best;
    size_t t = 0;
    smo_start(&best);
    for (; t + SMO_LANES * VD <= n; t += SMO_LANES * VD) {
        UNROLL(2)
        for (size_t lane = 0; lane < SMO_LANES; lane++) {
            size_t at = t + lane * VD;
            vd v = load_f64(f + at) - delta * (widen_vector(row_i + at) - widen_vector(row_j + at));
            store_f64(f + at, v);
            smo_take(&best, lane, v, state + at);
        }
    }
    leati_smo_range r = smo_finish(&best);
    for (; t < n; t++) {
        f[t] -= delta * ((double)row_i[t] - (double)row_j[t]);
        smo_one(&r, t, f[t], state[t]);
    }
    return r;
}

static size_t smo_partner(size_t n, const double *f, const uint8_t *state, const float *row_i,
                          const double *self, double top, double self_i)
{
    double most = -1;
    vd best[SMO_LANES];
    vd_int place[SMO_LANES], here[SMO_LANES];
    size_t t = 0, arg = 0;
    for (size_t lane = 0; lane < SMO_LANES; lane++) {
        best[lane] = all_f64(-1);
        place[lane] = (vd_int){0};
        for (size_t i = 0; i < VD; i++) here[lane][i] = (int64_t)(lane * VD + i);
    }
    for (; t + SMO_LANES * VD <= n; t += SMO_LANES * VD) {
        UNROLL(2)
        for (size_t lane = 0; lane < SMO_LANES; lane++) {
            size_t at = t + lane * VD;
            vd gap = top - load_f64(f + at);
            vd curve = self_i + load_f64(self + at) - 2 * widen_vector(row_i + at);
            vd gain = gap * gap / choose_f64(curve > 0, curve, all_f64(1e-12));
            vd_int fits = with_bit(state + at, LEATI_SMO_LOW) & (gap > 0);
            vd_int better = fits & (gain >= best[lane]);
            best[lane] = choose_f64(better, gain, best[lane]);
            place[lane] = (better & here[lane]) | (~better & place[lane]);
            here[lane] += (int64_t)(SMO_LANES * VD);
        }
    }
    for (size_t lane = 0; lane < SMO_LANES; lane++)
        for (size_t i = 0; i < VD; i++) {
            size_t at = (size_t)place[lane][i];
            if (!(best[lane][i] > most || (best[lane][i] == most && at > arg))) continue;
            most = best[lane][i];
            arg = at;
        }
    for (; t < n; t++) {
        double gap = top - f[t];
        if (!(state[t] & LEATI_SMO_LOW) || !(gap > 0)) continue;
        double curve = self_i + self[t] - 2 * (double)row_i[t];
        double gain = gap * gap / (curve > 0 ? curve : 1e-12);
        if (gain < most) continue;
        most = gain;
        arg = t;
    }
    return arg;
}

#endif
