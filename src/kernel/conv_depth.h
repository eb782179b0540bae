/* Two convolutions in f32 as one, forward: the first of one group, the second with one filter per
 * channel, as in the inverted residuals of Sandler et al. 2018. What lies between them, which is
 * the largest tensor of such a network, stays in the caches: a task makes a panel of channels of
 * some lines of it, in a slab with its border of zeros, and runs the second over that.
 *
 * Layouts as in conv.h. Every element of y is the sum that the two convolutions apart have, but
 * that taps on the border add a zero; bitwise equal for any number of threads at one CPU level. */
#ifndef LEATI_KERNEL_CONV_DEPTH_H
#define LEATI_KERNEL_CONV_DEPTH_H

#include "kernel/conv.h"

typedef struct leati_conv_depth {
    leati_conv first; /* groups 1 */
    leati_activation between;
    leati_conv second; /* of the first's result; groups == in_c == out_c */
} leati_conv_depth;

typedef struct leati_conv_depth_plan {
    leati_conv_depth pair;
    leati_conv_plan first, second;
    size_t packed; /* elements of both weights packed; those of the second begin at second_at */
    size_t second_at;
    size_t bytes; /* of workspace */
    /* Lines of y per task, columns of the slab and of the copied input; elements per worker. */
    size_t row_blocks, panels, slab_w, piece_w, piece_each, each;
} leati_conv_depth_plan;

/* Whether this is worth it: the first convolution is not one for Winograd's way, and few lines of
 * what lies between are made twice. */
bool leati_conv_depth_pays(const leati_conv_depth *pair);

/* LEAT_INVALID as leati_conv_plan_make, or where the second is not as stated above. */
leat_status leati_conv_depth_plan_make(leat_context *c, const leati_conv_depth *pair,
                                       leati_conv_depth_plan *out);

/* Weights (out_c, in_c, kernel_h, kernel_w) of the first, (out_c, 1, kernel_h, kernel_w) of the
 * second. */
void leati_conv_depth_pack(leat_context *c, const leati_conv_depth_plan *p, const float *first,
                           const float *second, float *packed);

/* y = activation(second(between(first(x) + first_bias)) + second_bias); a bias may be NULL.
 * `workspace` is 64-byte aligned. */
typedef struct leati_conv_depth_run {
    const float *x, *packed, *first_bias, *second_bias;
    leati_activation activation;
    float *y;
    void *workspace;
} leati_conv_depth_run;
void leati_conv_depth_forward(leat_context *c, const leati_conv_depth_plan *p,
                              const leati_conv_depth_run *run);

#endif
