/* Owns: pieces of images: the copy with its border, as it is or in pairs of bf16 numbers, and the
 * segments of an axis under which the same taps lie inside. */
#include <string.h>

#include "base/pool.h"
#include "kernel/conv_sweep.h"

/* Columns from .. to - 1 of a piece lie inside the image. */
typedef struct stretch {
    size_t from, to;
} stretch;

static stretch columns_inside(const leati_conv_piece *p)
{
    ptrdiff_t left = -p->x, right = (ptrdiff_t)p->w - p->x;
    stretch s;
    s.from = left < 0 ? 0 : (size_t)left < p->columns ? (size_t)left : p->columns;
    s.to = right < 0 ? 0 : (size_t)right < p->columns ? (size_t)right : p->columns;
    if (s.to < s.from) s.to = s.from;
    return s;
}

void leati_conv_copy_piece(const leati_net_kernels *k, const leati_conv_piece *p, float *out)
{
    stretch s = columns_inside(p);
    size_t from = s.from, to = s.to;
    for (size_t r = 0; r < p->rows; r++, out += p->columns * p->pixel) {
        ptrdiff_t y = p->y + (ptrdiff_t)r;
        if (y < 0 || y >= (ptrdiff_t)p->h || from == to) {
            memset(out, 0, p->columns * p->pixel * sizeof *out);
            continue;
        }
        const float *in = p->image +
                          ((size_t)y * p->w + (size_t)(p->x + (ptrdiff_t)from)) * p->channels +
                          p->from;
        memset(out, 0, from * p->pixel * sizeof *out);
        if (p->pixel == p->channels) k->copy((to - from) * p->channels, in, out + from * p->pixel);
        else
            for (size_t x = from; x < to; x++, in += p->channels)
                k->copy(p->count, in, out + x * p->pixel);
        memset(out + to * p->pixel, 0, (p->columns - to) * p->pixel * sizeof *out);
    }
}

/* `count` pixels. */
static void pair_pixels(const leati_bf16_kernels *k, const leati_conv_piece *p, size_t count,
                        const float *in, uint32_t *out)
{
    size_t channels = p->channels;
    if (channels == 1) k->zip(count, in, NULL, out);
    else if (channels == 2 * p->pixel) k->rows(1, count * channels, in, 0, out, 0);
    else k->rows(count, channels, in, channels, out, p->pixel);
}

/* Columns from .. to - 1 of line y. */
static void pair_line(const leati_bf16_kernels *k, const leati_conv_piece *p, size_t y, stretch s,
                      uint32_t *out)
{
    size_t x = (size_t)(p->x + (ptrdiff_t)s.from), count = s.to - s.from;
    if (!p->which) {
        pair_pixels(k, p, count, p->image + (y * p->w + x) * p->channels, out);
        return;
    }
    size_t at = y / 2 * (p->w / 2) * p->channels;
    k->spread(count, x, y % 2, p->channels, p->image + at, p->which + at, out, p->pixel);
}

void leati_conv_pair_piece(const leati_bf16_kernels *k, const leati_conv_piece *p, uint32_t *out)
{
    stretch in = columns_inside(p);
    for (size_t r = 0; r < p->rows; r++, out += p->columns * p->pixel) {
        ptrdiff_t y = p->y + (ptrdiff_t)r;
        if (y < 0 || y >= (ptrdiff_t)p->h || in.from == in.to) {
            memset(out, 0, p->columns * p->pixel * sizeof *out);
            continue;
        }
        memset(out, 0, in.from * p->pixel * sizeof *out);
        pair_line(k, p, (size_t)y, in, out + in.from * p->pixel);
        memset(out + in.to * p->pixel, 0, (p->columns - in.to) * p->pixel * sizeof *out);
    }
}

typedef struct rounding {
    const leati_bf16_kernels *k;
    size_t n, tasks;
    const float *in;
    float *out;
} rounding;

static void round_task(void *arg, size_t task, unsigned worker)
{
    const rounding *g = arg;
    size_t from = leati_task_start(g->n, g->tasks, task);
    size_t to = leati_task_start(g->n, g->tasks, task + 1);
    (void)worker;
    g->k->round(to - from, g->in + from, g->out + from);
}

const float *leati_conv_round(leat_context *c, const float *x, size_t n, void **workspace)
{
    enum { EACH = 16384 };
    rounding g = {leati_bf16_kernels_of(c), n, (n + EACH - 1) / EACH, x, *workspace};
    leati_parallel(c, g.tasks, round_task, &g);
    *workspace = g.out + leati_conv_align(n);
    return g.out;
}

static bool inside(const leati_conv_tap *taps, size_t i, size_t o, size_t step, ptrdiff_t before,
                   size_t in)
{
    ptrdiff_t at = (ptrdiff_t)(o * step + taps[i].place) - before;
    return at >= 0 && at < (ptrdiff_t)in;
}

leati_conv_segment leati_conv_segment_at(const leati_conv_tap *taps, size_t count, size_t o,
                                         size_t end, size_t step, ptrdiff_t before, size_t in)
{
    leati_conv_segment s = {.from = o, .to = o + 1};
    while (s.tap < count && !inside(taps, s.tap, o, step, before, in)) s.tap++;
    for (s.end = s.tap; s.end < count && inside(taps, s.end, o, step, before, in);) s.end++;
    /* Taps are in the order of their places: the ends of the range decide. */
    for (; s.to < end; s.to++) {
        if (s.tap == s.end) {
            bool any = false;
            for (size_t i = 0; i < count; i++) any = any || inside(taps, i, s.to, step, before, in);
            if (any) break;
            continue;
        }
        bool same = inside(taps, s.tap, s.to, step, before, in) &&
                    inside(taps, s.end - 1, s.to, step, before, in);
        same = same && !(s.tap > 0 && inside(taps, s.tap - 1, s.to, step, before, in));
        same = same && !(s.end < count && inside(taps, s.end, s.to, step, before, in));
        if (!same) break;
    }
    return s;
}
