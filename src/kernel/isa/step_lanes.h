/* Steps over flat buffers: optimisers, pooling. */
#ifndef LEATI_KERNEL_ISA_STEP_LANES_H
#define LEATI_KERNEL_ISA_STEP_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/net_kernels.h"

INLINE vf root_f32(vf v)
{
#if defined(__AVX512F__)
    return (vf)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX2__)
    return (vf)_mm256_sqrt_ps((__m256)v);
#else
    for (size_t i = 0; i < VF; i++) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}

INLINE vf limited(vf g, float scale, float most)
{
    return clamp_f32(g * scale, all_f32(-most), all_f32(most));
}

/* v, 0 where it is below the normal range: a mean whose gradients are 0 from some step on decays
 * into that range and, rounded to nearest, stays there for good, where arithmetic takes several
 * times as long. A step of such a size moves no weight. */
INLINE vf normal_or_0(vf v)
{
    vf_int normal = ((vf_int)v & 0x7f800000) != 0;
    return (vf)((vf_int)v & normal);
}

static void adam(const leati_adam *o, size_t n, float *w, const float *g, float *m, float *v)
{
    const float coupled = o->decoupled ? 0 : o->weight_decay;
    const float keep = o->decoupled ? 1 - o->rate * o->weight_decay : 1;
    const float keep_1 = (float)o->beta_1, add_1 = (float)(1 - o->beta_1);
    const float keep_2 = (float)o->beta_2, add_2 = (float)(1 - o->beta_2);
    const float step = o->rate / o->correction_1, root = 1 / __builtin_sqrtf(o->correction_2);
    /* The same for the mean of squares, where its root is nothing beside epsilon; without one it is
     * what keeps the division from being 0 / 0. */
    const vf least = all_f32(o->epsilon < LEATI_ADAM_EPSILON ? 0 : 0x1p-126f);
    EACH(n, {
        vf p = load_last_f32(w + j, width);
        vf d = limited(load_last_f32(g + j, width), o->scale, o->limit) + coupled * p;
        vf first = normal_or_0(keep_1 * load_last_f32(m + j, width) + add_1 * d);
        vf second = keep_2 * load_last_f32(v + j, width) + add_2 * d * d;
        second = (vf)((vf_int)second & ~(vf_int)(second < least));
        p = p * keep - step * first / (root_f32(second) * root + o->epsilon);
        store_last_f32(w + j, p, width);
        store_last_f32(m + j, first, width);
        store_last_f32(v + j, second, width);
    })
}

static void sgd(const leati_sgd *o, size_t n, float *w, const float *g, float *velocity){
    EACH(n,
         {
             vf p = load_last_f32(w + j, width);
             vf d = limited(load_last_f32(g + j, width), o->scale, o->limit) + o->weight_decay * p;
             if (o->momentum > 0) {
                 vf u = d;
                 if (!o->first)
                     u = normal_or_0(o->momentum * load_last_f32(velocity + j, width) +
                                     (1 - o->damping) * d);
                 store_last_f32(velocity + j, u, width);
                 if (o->nesterov) d += o->momentum * u;
                 else d = u;
             }
             store_last_f32(w + j, p - o->rate * d, width);
         })}

/* ---- pooling ------------------------------------------------------------------------------- */

/* out = the largest under each window; NaN wins. */
INLINE void pool_max_taps(const size_t count, const leati_pool_row *r, const float *in, float *out)
{
    for (size_t i = 0; i < r->windows; i++, in += r->step, out += r->channels) {
        EACH(r->channels, {
            vf best = load_last_f32(in + r->taps[0] + j, width);
            UNROLL(4)
            for (size_t t = 1; t < count; t++) {
                vf v = load_last_f32(in + r->taps[t] + j, width);
                best = choose_f32((v > best) | (v != v), v, best);
            }
            store_last_f32(out + j, best, width);
        })
    }
}

static void pool_max(const leati_pool_row *r, const float *in, float *out)
{
    if (r->count == 4) pool_max_taps(4, r, in, out);
    else pool_max_taps(r->count, r, in, out);
}

/* The first of the taps that holds the largest, y, gets g; with `add` added to what is there, else
 * all others get 0. */
INLINE void pool_max_back_taps(const size_t count, const bool add, const leati_pool_row *r,
                               const float *x, const float *y, const float *g, float *dx)
{
    for (size_t i = 0; i < r->windows; i++) {
        EACH(r->channels, {
            vf top = load_last_f32(y + j, width);
            vf up = load_last_f32(g + j, width);
            vf_int open = (vf_int){0} - 1;
            UNROLL(4)
            for (size_t t = 0; t < count; t++) {
                vf v = load_last_f32(x + r->taps[t] + j, width);
                vf_int here = ((v == top) | ((v != v) & (top != top))) & open;
                open &= ~here;
                float *to = dx + r->taps[t] + j;
                vf sum = choose_f32(here, up, (vf){0});
                if (add) sum += load_last_f32(to, width);
                store_last_f32(to, sum, width);
            }
        })
        x += r->step;
        dx += r->step;
        y += r->channels;
        g += r->channels;
    }
}

static void pool_max_back(bool add, const leati_pool_row *r, const float *x, const float *y,
                          const float *g, float *dx)
{
    if (r->count == 4 && !add) pool_max_back_taps(4, false, r, x, y, g, dx);
    else if (add) pool_max_back_taps(r->count, true, r, x, y, g, dx);
    else pool_max_back_taps(r->count, false, r, x, y, g, dx);
}

/* The largest under each window and which tap it is, the first of equals; NaN wins. */
/* The largest of the taps, and the place of the first of those; NaN wins over all. */
static void pool_place(size_t n, size_t count, const size_t *taps, const int32_t *place,
                       const float *in, float *out, int64_t *index){
    EACH(n,
         {
             vf best = load_last_f32(in + taps[0] + j, width);
             vf_int where = (vf_int){0} + place[0];
             for (size_t k = 1; k < count; k++) {
                 vf v = load_last_f32(in + taps[k] + j, width);
                 vf_int better = (v > best) | ((v != v) & (best == best));
                 best = (vf)(((vf_int)v & better) | ((vf_int)best & ~better));
                 where = (((vf_int){0} + place[k]) & better) | (where & ~better);
             }
             store_last_f32(out + j, best, width);
             for (size_t q = 0; q < width; q++) index[j + q] = where[q];
         })}

INLINE void pool_which_taps(const size_t count, const leati_pool_row *r, const float *in,
                            float *out, uint8_t *which)
{
    for (size_t i = 0; i < r->windows; i++) {
        EACH(r->channels, {
            vf best = load_last_f32(in + r->taps[0] + j, width);
            vf_int tap = {0};
            UNROLL(4)
            for (size_t t = 1; t < count; t++) {
                vf v = load_last_f32(in + r->taps[t] + j, width);
                vf_int here = (v > best) | ((v != v) & (best == best));
                best = choose_f32(here, v, best);
                tap = (here & (int32_t)t) | (~here & tap);
            }
            vf_bytes bytes = __builtin_convertvector(tap, vf_bytes);
            memcpy(which + j, &bytes, width);
            store_last_f32(out + j, best, width);
        })
        in += r->step;
        out += r->channels;
        which += r->channels;
    }
}

static void pool_which(const leati_pool_row *r, const float *in, float *out, uint8_t *which)
{
    if (r->count == 4) pool_which_taps(4, r, in, out, which);
    else pool_which_taps(r->count, r, in, out, which);
}

/* g to the tap that `which` names, 0 to the others. */
INLINE void pool_spread_taps(const size_t count, const leati_pool_row *r, const float *g,
                             const uint8_t *which, float *dx)
{
    for (size_t i = 0; i < r->windows; i++) {
        EACH(r->channels, {
            vf up = load_last_f32(g + j, width);
            vf_bytes bytes = {0};
            memcpy(&bytes, which + j, width);
            vf_int tap = __builtin_convertvector(bytes, vf_int);
            UNROLL(4)
            for (size_t t = 0; t < count; t++)
                store_last_f32(dx + r->taps[t] + j, choose_f32(tap == (int32_t)t, up, (vf){0}),
                               width);
        })
        dx += r->step;
        g += r->channels;
        which += r->channels;
    }
}

static void pool_spread(const leati_pool_row *r, const float *g, const uint8_t *which, float *dx)
{
    if (r->count == 4) pool_spread_taps(4, r, g, which, dx);
    else pool_spread_taps(r->count, r, g, which, dx);
}

static void pool_sum(size_t n, size_t count, const size_t *taps, const float *in, float factor,
                     float *out)
{
    EACH(n, {
        vf sum = {0};
        for (size_t t = 0; t < count; t++) sum += load_last_f32(in + taps[t] + j, width);
        store_last_f32(out + j, sum * factor, width);
    })
}

static void pool_sum_back(size_t n, size_t count, const size_t *taps, const float *g, float factor,
                          float *dx)
{
    EACH(n, {
        vf up = load_last_f32(g + j, width) * factor;
        for (size_t t = 0; t < count; t++) {
            float *to = dx + taps[t] + j;
            store_last_f32(to, load_last_f32(to, width) + up, width);
        }
    })
}

#endif
