/* The units of one sequence in one step of a recurrent layer: gates forward and backward. */
#ifndef LEATI_KERNEL_ISA_GATE_LANES_H
#define LEATI_KERNEL_ISA_GATE_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/net_kernels.h"

static void cell_row(bool relu, size_t n, const float *x, float *h)
{
    EACH(n, {
        vf sum = load_last_f32(x + j, width) + load_last_f32(h + j, width);
        if (relu) sum = relu_vector(sum);
        else sum = tanh_vector_f32(sum);
        store_last_f32(h + j, sum, width);
    })
}

static void cell_back_row(bool relu, size_t n, const float *h, const float *dh,
                          float *dx){EACH(n,
                                          {
                                              vf y = load_last_f32(h + j, width);
                                              vf up = load_last_f32(dh + j, width);
                                              vf d = up * (1 - y * y);
                                              if (relu) d = choose_f32(y > 0, up, (vf){0});
                                              store_last_f32(dx + j, d, width);
                                          })}

/* Past the caches, to aligned memory, where the level can. */
INLINE void stream_vector(float *to, vf v)
{
#if defined(__AVX512F__)
    _mm512_stream_ps(to, (__m512)v);
#elif defined(__AVX2__)
    _mm256_stream_ps(to, (__m256)v);
#else
    store_f32(to, v);
#endif
}

INLINE void stream_end(void)
{
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

INLINE void keep_gate(const bool past, float *to, vf v, size_t width)
{
    if (past) stream_vector(to, v);
    else store_last_f32(to, v, width);
}

INLINE void lstm_row(const leati_lstm_rows *t, size_t row, const bool past)
{
    const float *xi = t->x + row * t->ld, *xf = xi + t->pitch, *xg = xf + t->pitch;
    const float *xo = xg + t->pitch, *si = t->sums + row * t->ld_sums, *sf = si + t->sum_pitch;
    const float *sg = sf + t->sum_pitch, *so = sg + t->sum_pitch;
    float *gi = t->gates + row * t->ld, *gf = gi + t->pitch, *gg = gf + t->pitch;
    float *go = gg + t->pitch, *c = t->c + row * t->ld_state, *y = t->y + row * t->ld_state;
    float *cell = t->cell + row * t->ld_h, *h = t->h + row * t->ld_h;
    EACH(t->n, {
        vf i = sigmoid_vector_f32(load_last_f32(xi + j, width) + load_last_f32(si + j, width));
        vf f = sigmoid_vector_f32(load_last_f32(xf + j, width) + load_last_f32(sf + j, width));
        vf g = tanh_vector_f32(load_last_f32(xg + j, width) + load_last_f32(sg + j, width));
        vf o = sigmoid_vector_f32(load_last_f32(xo + j, width) + load_last_f32(so + j, width));
        vf now = f * load_last_f32(cell + j, width) + i * g;
        keep_gate(past, gi + j, i, width);
        keep_gate(past, gf + j, f, width);
        keep_gate(past, gg + j, g, width);
        keep_gate(past, go + j, o, width);
        keep_gate(past, c + j, now, width);
        store_last_f32(cell + j, now, width);
        vf state = o * tanh_vector_f32(now);
        keep_gate(past, y + j, state, width);
        store_last_f32(h + j, state, width);
    })
}

static void lstm_rows(const leati_lstm_rows *t)
{
    uintptr_t at = (uintptr_t)t->gates | (uintptr_t)t->c | (uintptr_t)t->y;
    bool past =
        t->past && (t->pitch | t->ld | t->ld_state | t->n) % VF == 0 && at % sizeof(vf) == 0;
    for (size_t row = 0; row < t->rows; row++) {
        if (past) lstm_row(t, row, true);
        else lstm_row(t, row, false);
    }
    if (past) stream_end();
}

INLINE void lstm_back_row(const leati_lstm_back *t, size_t row, const bool past)
{
    const float *gi = t->gates + row * t->ld, *gf = gi + t->pitch, *gg = gf + t->pitch;
    const float *go = gg + t->pitch, *before = t->c_before + row * t->ld_state;
    const float *c = t->c + row * t->ld_state, *dy = t->dy + row * t->ld_state;
    const float *dh = t->dh + row * t->ld_dh;
    float *dc = t->dc + row * t->ld_state, *dx = t->dx + row * t->ld, *d = t->d + row * t->ld_d;
    EACH(t->n, {
        vf i = load_last_f32(gi + j, width);
        vf f = load_last_f32(gf + j, width);
        vf g = load_last_f32(gg + j, width);
        vf o = load_last_f32(go + j, width);
        vf tanh = tanh_vector_f32(load_last_f32(c + j, width));
        vf up = load_last_f32(dh + j, width) + load_last_f32(dy + j, width);
        vf cell = load_last_f32(dc + j, width) + up * o * (1 - tanh * tanh);
        vf sum[4];
        sum[0] = cell * g * i * (1 - i);
        sum[1] = cell * load_last_f32(before + j, width) * f * (1 - f);
        sum[2] = cell * i * (1 - g * g);
        sum[3] = up * tanh * o * (1 - o);
        UNROLL(4)
        for (size_t k = 0; k < 4; k++) {
            keep_gate(past, dx + k * t->pitch + j, sum[k], width);
            store_last_f32(d + k * t->d_pitch + j, sum[k], width);
        }
        store_last_f32(dc + j, cell * f, width);
    })
}

static void lstm_back(const leati_lstm_back *t)
{
    bool past =
        t->past && (t->pitch | t->ld | t->n) % VF == 0 && (uintptr_t)t->dx % sizeof(vf) == 0;
    for (size_t row = 0; row < t->rows; row++) {
        if (past) lstm_back_row(t, row, true);
        else lstm_back_row(t, row, false);
    }
    if (past) stream_end();
}

static void gru_row(size_t n, size_t pitch, const float *x, const float *bias, float *sums,
                    float *gates, const float *h_before, float *h)
{
    float *sr = sums, *sz = sr + pitch, *sn = sz + pitch;
    EACH(n, {
        vf ur = load_last_f32(sr + j, width) + load_last_f32(bias + j, width);
        vf uz = load_last_f32(sz + j, width) + load_last_f32(bias + pitch + j, width);
        vf un = load_last_f32(sn + j, width) + load_last_f32(bias + 2 * pitch + j, width);
        vf r = sigmoid_vector_f32(load_last_f32(x + j, width) + ur);
        vf z = sigmoid_vector_f32(load_last_f32(x + pitch + j, width) + uz);
        vf k = tanh_vector_f32(load_last_f32(x + 2 * pitch + j, width) + r * un);
        store_last_f32(sr + j, ur, width);
        store_last_f32(sz + j, uz, width);
        store_last_f32(sn + j, un, width);
        store_last_f32(gates + j, r, width);
        store_last_f32(gates + pitch + j, z, width);
        store_last_f32(gates + 2 * pitch + j, k, width);
        store_last_f32(h + j, k + z * (load_last_f32(h_before + j, width) - k), width);
    })
}

static void gru_back_row(size_t n, size_t pitch, const float *gates, const float *sums,
                         const float *h_before, float *dh, float *dx, float *dsums)
{
    EACH(n, {
        vf r = load_last_f32(gates + j, width);
        vf z = load_last_f32(gates + pitch + j, width);
        vf k = load_last_f32(gates + 2 * pitch + j, width);
        vf up = load_last_f32(dh + j, width);
        vf dk = up * (1 - z) * (1 - k * k);
        vf dz = up * (load_last_f32(h_before + j, width) - k) * z * (1 - z);
        vf dr = dk * load_last_f32(sums + 2 * pitch + j, width) * r * (1 - r);
        store_last_f32(dx + j, dr, width);
        store_last_f32(dx + pitch + j, dz, width);
        store_last_f32(dx + 2 * pitch + j, dk, width);
        store_last_f32(dsums + j, dr, width);
        store_last_f32(dsums + pitch + j, dz, width);
        store_last_f32(dsums + 2 * pitch + j, dk * r, width);
        store_last_f32(dh + j, up * z, width);
    })
}

#endif
