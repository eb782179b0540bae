/* Owns: pieces of images: the copy with its border, and the segments of an axis under which the
 * same taps lie inside. */
#include <string.h>

#include "kernel/conv_sweep.h"

void leati_conv_copy_piece(const leati_net_kernels *k, const leati_conv_piece *p, float *out)
{
    ptrdiff_t left = -p->x, right = (ptrdiff_t)p->w - p->x;
    size_t from = left < 0 ? 0 : (size_t)left < p->columns ? (size_t)left : p->columns;
    size_t to = right < 0 ? 0 : (size_t)right < p->columns ? (size_t)right : p->columns;
    if (to < from) to = from;
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
