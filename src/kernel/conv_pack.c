/* Owns: filters as the kernels of convolutions read them, in f32 or in pairs of bf16 numbers. Not:
 * those of Winograd's (conv_winograd.c). */
#include "base/pool.h"
#include "kernel/conv.h"
#include "kernel/conv_sweep.h"
#include "kernel/kernels.h"

typedef struct packing {
    const leati_net_kernels *ker;
    const leati_bf16_kernels *half;
    const leati_kernels *gemm;
    const leati_conv *v;
    bool pairs, rounds;
    size_t taps, k, n, panels;
    const float *w;
    float *out;
} packing;

/* A packed panel in bf16, in place: rows 2 i and 2 i + 1 of a tap become row i of pairs. Or, for
 * convolutions that round first, the same numbers rounded. */
static void pack_half(const packing *g, size_t channels, float *panel)
{
    size_t nr = g->ker->nr;
    if (g->rounds) g->half->round(nr * channels * g->taps, panel, panel);
    if (!g->pairs) return;
    uint32_t *out = (uint32_t *)(void *)panel;
    for (size_t t = 0; t < g->taps; t++)
        for (size_t i = 0; i < channels; i += 2, out += nr) {
            const float *row = panel + (t * channels + i) * nr;
            g->half->zip(nr, row, i + 1 < channels ? row + nr : NULL, out);
        }
}

/* Panel by panel: nr filters as columns; row (tap, channel). */
static void pack_task(void *arg, size_t task, unsigned worker)
{
    const packing *g = arg;
    size_t nr = g->ker->nr, lanes = g->ker->lanes, depth = g->k * g->taps;
    size_t j = task % g->panels * nr, filter = task / g->panels * g->n + j;
    float *out = g->out + task * nr * depth;
    (void)worker;
    for (size_t x = 0; x < nr; x += lanes) {
        size_t left = g->n > j + x ? g->n - j - x : 0;
        g->ker->pack_taps(left < lanes ? left : lanes, depth, g->w + (filter + x) * depth, depth,
                          g->taps, false, g->k * nr, nr, out + x);
    }
    pack_half(g, g->k, out);
}

static packing packing_of(leat_context *c, const leati_conv_plan *p, const float *w, float *packed)
{
    const leati_conv *v = &p->conv;
    return (packing){.ker = leati_net_kernels_of(c),
                     .half = leati_bf16_kernels_of(c),
                     .gemm = leati_kernels_of(c),
                     .v = v,
                     .pairs = p->pairs,
                     .rounds = p->rounds,
                     .taps = v->kernel_h * v->kernel_w,
                     .k = v->in_c / v->groups,
                     .n = v->out_c / v->groups,
                     .w = w,
                     .out = packed};
}

void leati_conv_pack(leat_context *c, const leati_conv_plan *p, const float *w, float *packed)
{
    const leati_conv *v = &p->conv;
    if (p->winograd) {
        leati_winograd_pack(c, v->in_c, v->out_c, false, w, packed);
        return;
    }
    packing g = packing_of(c, p, w, packed);
    if (p->depthwise) {
        g.ker->transpose(v->in_c, g.taps, w, g.taps, packed, v->in_c);
        if (p->rounds) g.half->round(p->packed, packed, packed);
        return;
    }
    g.panels = (g.n + g.ker->nr - 1) / g.ker->nr;
    size_t tasks = g.panels * v->groups;
    if (p->packed > 65536) leati_parallel(c, tasks, pack_task, &g);
    else
        for (size_t t = 0; t < tasks; t++) pack_task(&g, t, 0);
}

/* Panels of input channels; row (tap counted from the last, output channel). */
static void pack_back_task(void *arg, size_t task, unsigned worker)
{
    const packing *g = arg;
    size_t nr = g->ker->nr, lanes = g->ker->lanes, j = task % g->panels * nr;
    size_t filters = g->n, group = task / g->panels;
    float *out = g->out + task * nr * filters * g->taps;
    const float *w = g->w + (group * filters * g->k + j) * g->taps;
    (void)worker;
    if (g->taps == 1) {
        g->gemm->f32.pack_b(g->k - j < nr ? g->k - j : nr, filters, w, g->k, false, out);
        pack_half(g, filters, out);
        return;
    }
    for (size_t o = 0; o < filters; o++, w += g->k * g->taps) {
        for (size_t x = 0; x < nr; x += lanes) {
            size_t left = g->k > j + x ? g->k - j - x : 0;
            g->ker->pack_taps(left < lanes ? left : lanes, g->taps, w + x * g->taps, g->taps,
                              g->taps, true, filters * nr, nr, out + o * nr + x);
        }
    }
    pack_half(g, filters, out);
}

void leati_conv_pack_back(leat_context *c, const leati_conv_plan *p, const float *w, float *packed)
{
    const leati_conv *v = &p->conv;
    if (p->winograd_back) {
        leati_winograd_pack(c, v->out_c, v->in_c, true, w, packed);
        return;
    }
    packing g = packing_of(c, p, w, packed);
    if (p->depthwise) {
        for (size_t t = 0; t < g.taps; t++)
            for (size_t i = 0; i < v->in_c; i++)
                packed[(g.taps - 1 - t) * v->in_c + i] = w[i * g.taps + t];
        if (p->rounds) g.half->round(p->packed_back, packed, packed);
        return;
    }
    g.panels = (g.k + g.ker->nr - 1) / g.ker->nr;
    size_t tasks = g.panels * v->groups;
    if (p->packed_back > 65536) leati_parallel(c, tasks, pack_back_task, &g);
    else
        for (size_t t = 0; t < tasks; t++) pack_back_task(&g, t, 0);
}
