/* Copies, sums and rearrangements of networks at the level being compiled. */
#ifndef LEATI_KERNEL_ISA_NET_LANES_H
#define LEATI_KERNEL_ISA_NET_LANES_H

#include "kernel/isa/net_math.h"
#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

static void pack_taps(size_t h, size_t k, const float *in, size_t ld, size_t taps, bool flip,
                      size_t tap_step, size_t row_step, float *out)
{
    size_t tap = 0, channel = 0;
    for (size_t p = 0; p < k; p += VF) {
        vf r[VF];
        size_t count = k - p < VF ? k - p : VF;
        UNROLL(16)
        for (size_t i = 0; i < VF; i++)
            r[i] = i < h ? load_last_f32(in + i * ld + p, count) : (vf){0};
        transpose_f32(r);
        for (size_t i = 0; i < count; i++) {
            size_t at = flip ? taps - 1 - tap : tap;
            store_f32(out + at * tap_step + channel * row_step, r[i]);
            if (++tap == taps) tap = 0, channel++;
        }
    }
}

/* Past the caches, where out is aligned and the level can. */
static void stream(size_t bytes, const void *in, void *out)
{
    size_t at = 0;
#if defined(__AVX2__)
    if ((uintptr_t)out % sizeof(vf) == 0) {
        for (; at + sizeof(vf) <= bytes; at += sizeof(vf)) {
            vf v;
            memcpy(&v, (const char *)in + at, sizeof v);
            float *to = (float *)(void *)((char *)out + at);
#if defined(__AVX512F__)
            _mm512_stream_ps(to, (__m512)v);
#else
            _mm256_stream_ps(to, (__m256)v);
#endif
        }
        _mm_sfence();
    }
#endif
    memcpy((char *)out + at, (const char *)in + at, bytes - at);
}

static void add_to(size_t n, const float *in, float *sum)
{
    size_t i = 0;
    for (; i + VF <= n; i += VF) store_f32(sum + i, load_f32(sum + i) + load_f32(in + i));
    if (i < n)
        store_part_f32(sum + i, load_part_f32(sum + i, n - i) + load_part_f32(in + i, n - i),
                       n - i);
}

/* Columns j .. j + n - 1; vectors is constant, n fills all but the last. */
INLINE void add_rows_strip(const size_t vectors, size_t m, size_t last, const float *in, size_t ld,
                           float *sum)
{
    vf total[4];
    UNROLL(4)
    for (size_t v = 0; v < vectors; v++)
        total[v] = load_last_f32(sum + v * VF, v + 1 < vectors ? VF : last);
    for (size_t i = 0; i < m; i++, in += ld) {
        UNROLL(4)
        for (size_t v = 0; v < vectors; v++)
            total[v] += load_last_f32(in + v * VF, v + 1 < vectors ? VF : last);
    }
    UNROLL(4)
    for (size_t v = 0; v < vectors; v++)
        store_last_f32(sum + v * VF, total[v], v + 1 < vectors ? VF : last);
}

static void add_rows(size_t m, size_t n, const float *in, size_t ld, float *sum)
{
    size_t j = 0;
    for (; j + 4 * VF <= n; j += 4 * VF) add_rows_strip(4, m, VF, in + j, ld, sum + j);
    for (; j < n; j += VF) add_rows_strip(1, m, n - j < VF ? n - j : VF, in + j, ld, sum + j);
}

static void transpose_matrix(size_t m, size_t n, const float *in, size_t ld, float *out,
                             size_t ld_out)
{
    for (size_t i = 0; i < m; i += VF)
        turn_f32(m - i < VF ? m - i : VF, n, in + i * ld, ld, out + i, ld_out, false);
}

/* `apply` on every vector of C with what is added before it. */
#define FINISH(name, apply)                                                                        \
    static void finish_##name(const leati_finish *f)                                               \
    {                                                                                              \
        for (size_t i = 0; i < f->m; i++) {                                                        \
            float *c = f->c + i * f->ldc, row = f->row_bias ? f->row_bias[i] : 0;                  \
            const float *more = f->residual ? f->residual + i * f->ld_residual : NULL;             \
            for (size_t j = 0; j < f->n; j += VF) {                                                \
                size_t n = f->n - j < VF ? f->n - j : VF;                                          \
                vf v = load_last_f32(c + j, n);                                                    \
                if (f->column_bias) v += load_last_f32(f->column_bias + j, n);                     \
                if (f->row_bias) v += row;                                                         \
                if (more) v += load_last_f32(more + j, n);                                         \
                store_last_f32(c + j, apply(v), n);                                                \
            }                                                                                      \
        }                                                                                          \
    }
#define SAME(v) (v)
FINISH(none, SAME)
FINISH(relu, relu_vector)
FINISH(relu6, relu6_vector)
FINISH(sigmoid, sigmoid_vector_f32)
FINISH(tanh, tanh_vector_f32)
FINISH(silu, silu_vector)
FINISH(gelu, gelu_vector)
FINISH(gelu_tanh, gelu_tanh_vector)
#undef SAME

static void finish(leati_activation kind, const leati_finish *f)
{
    switch (kind) {
    case LEATI_ACT_RELU: finish_relu(f); return;
    case LEATI_ACT_RELU6: finish_relu6(f); return;
    case LEATI_ACT_SIGMOID: finish_sigmoid(f); return;
    case LEATI_ACT_TANH: finish_tanh(f); return;
    case LEATI_ACT_SILU: finish_silu(f); return;
    case LEATI_ACT_GELU: finish_gelu(f); return;
    case LEATI_ACT_GELU_TANH: finish_gelu_tanh(f); return;
    case LEATI_ACT_NONE:
    case LEATI_ACTIVATIONS: finish_none(f);
    }
}

#endif
