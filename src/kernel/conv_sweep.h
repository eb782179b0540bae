/* What the files of the convolution share: the copy of a piece of an image with its border, and the
 * sizes that bound pieces. */
#ifndef LEATI_KERNEL_CONV_SWEEP_H
#define LEATI_KERNEL_CONV_SWEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/conv.h"
#include "kernel/net_kernels.h"

enum {
    CONV_SLAB_BYTES = 160 << 10,   /* input held in the second-level cache */
    CONV_POOLED_BYTES = 192 << 10, /* output that is pooled where it lies */
    CONV_SMALLEST_TASK = 120000,   /* multiplications: about a microsecond */
    CONV_BAD_STRIDE = 2048,        /* bytes: pixels this far apart share few sets of the caches */
    CONV_SPREAD = 16               /* elements put between such pixels */
};

/* Rectangle of an image (h, w, channels): rows y .. y+rows-1, columns x .. x+columns-1, which may
 * lie outside, channels from .. from+count-1, written with `pixel` elements from pixel to pixel and
 * 0 outside. */
typedef struct leati_conv_piece {
    const float *image;
    size_t h, w, channels;
    ptrdiff_t y, x;
    size_t rows, columns, from, count, pixel;
    /* NULL, or: the image is spread from (h / 2, w / 2, channels) to the places that `which` names,
     * one of 2 x 2, 0 at the others. For leati_conv_pair_piece. */
    const uint8_t *which;
} leati_conv_piece;

void leati_conv_copy_piece(const leati_net_kernels *k, const leati_conv_piece *p, float *out);
/* The same rounded to bf16, pairs of neighbouring channels; `pixel` counts pairs, `from` is 0. */
void leati_conv_pair_piece(const leati_bf16_kernels *k, const leati_conv_piece *p, uint32_t *out);

/* Elements of x and of y. */
size_t leati_conv_inputs(const leati_conv_plan *p);
size_t leati_conv_outputs(const leati_conv_plan *p);
/* The n numbers x rounded to bf16 at the start of the workspace, which then begins behind them. */
const float *leati_conv_round(leat_context *c, const float *x, size_t n, void **workspace);

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

/* A convolution of 3 x 3, stride 1 and one group by Winograd's F(2 x 2, 3 x 3): conv_winograd.c.
 * The gradient of the data is one, too. */
typedef struct leati_winograd {
    size_t images, in_h, in_w, in_c, out_h, out_w, out_c;
    ptrdiff_t top, left; /* padding */
    const float *in, *packed, *bias, *residual;
    float *out;
    leati_activation activation;
} leati_winograd;

/* Some rows of tiles of some images x (h, w, channels). */
typedef struct leati_winograd_part {
    const float *x;
    size_t h, w, channels;
    ptrdiff_t top, left;                     /* padding */
    size_t image, images, row, rows, across; /* rows of tiles, tiles in a row */
} leati_winograd_part;
/* B^T x B of all tiles into 16 planes of `plane` elements each; slab: room for (2 rows + 2, 2
 * across
 * + 2, channels). */
void leati_winograd_in(const leati_net_kernels *k, const leati_winograd_part *p, float *slab,
                       float *planes, size_t plane);

bool leati_winograd_pays(const leati_winograd *w);
size_t leati_winograd_bytes(leat_context *c, const leati_winograd *w);    /* workspace */
size_t leati_winograd_packed(leat_context *c, size_t in_c, size_t out_c); /* elements */
void leati_winograd_run(leat_context *c, const leati_winograd *w, void *workspace);
/* Filters (out_c, in_c, 3, 3), or for the gradient of the data of in_c to out_c channels,
 * `turned`, filters (in_c, out_c, 3, 3). */
void leati_winograd_pack(leat_context *c, size_t in_c, size_t out_c, bool turned, const float *w,
                         float *packed);

/* The gradient of the weights of such a convolution: conv_winograd_weights.c. */
typedef struct leati_winograd_weights {
    size_t images, in_h, in_w, in_c, out_h, out_w, out_c;
    ptrdiff_t top, left; /* padding */
    const float *x, *dy;
    float *dw, *db; /* (out_c, in_c, 3, 3); (out_c), or NULL */
} leati_winograd_weights;

/* That of a plan, without operands. */
leati_winograd_weights leati_conv_winograd_weights(const leati_conv_plan *p);
bool leati_winograd_weights_pays(const leati_winograd_weights *w);
size_t leati_winograd_weights_bytes(leat_context *c, const leati_winograd_weights *w);
void leati_winograd_weights_run(leat_context *c, const leati_winograd_weights *w, void *workspace);

/* Workspace of leati_conv_backward_weights in bytes. */
size_t leati_conv_weights_bytes(leat_context *c, const leati_conv_plan *p);

#endif
