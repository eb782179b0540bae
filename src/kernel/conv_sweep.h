/* What the files of the convolution share: the copy of a piece of an image with its border, and the
 * sizes that bound pieces. */
#ifndef LEATI_KERNEL_CONV_SWEEP_H
#define LEATI_KERNEL_CONV_SWEEP_H

#include <stddef.h>

#include "kernel/conv.h"
#include "kernel/net_kernels.h"

enum {
    CONV_SLAB_BYTES = 160 << 10, /* input held in the second-level cache */
    CONV_SMALLEST_TASK = 120000, /* multiplications: about a microsecond */
    CONV_BAD_STRIDE = 2048,      /* bytes: pixels this far apart share few sets of the caches */
    CONV_SPREAD = 16             /* elements put between such pixels */
};

/* Rectangle of an image (h, w, channels): rows y .. y+rows-1, columns x .. x+columns-1, which may
 * lie outside, channels from .. from+count-1, written with `pixel` elements from pixel to pixel and
 * 0 outside. */
typedef struct leati_conv_piece {
    const float *image;
    size_t h, w, channels;
    ptrdiff_t y, x;
    size_t rows, columns, from, count, pixel;
} leati_conv_piece;

void leati_conv_copy_piece(const leati_net_kernels *k, const leati_conv_piece *p, float *out);

/* A tap of one axis: rows (columns) from the first tap, and its number in the filters. */
typedef struct leati_conv_tap {
    size_t place, index;
} leati_conv_tap;

/* Output places from .. to-1 for which taps tap .. end-1 and no others lie inside the image. */
typedef struct leati_conv_segment {
    size_t from, to, tap, end;
} leati_conv_segment;

/* The segment that begins at o and ends before `end`. Tap i of place o reads the input at
 * o * step - before + taps[i].place; places rise with i. */
leati_conv_segment leati_conv_segment_at(const leati_conv_tap *taps, size_t count, size_t o,
                                         size_t end, size_t step, ptrdiff_t before, size_t in);

static inline size_t leati_conv_align(size_t elements)
{
    return (elements + 15) / 16 * 16;
}

/* Workspace of leati_conv_backward_weights in bytes. */
size_t leati_conv_weights_bytes(leat_context *c, const leati_conv_plan *p);

#endif
