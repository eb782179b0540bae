/* Owns: the table of network kernels of one CPU level, LEATI_LEVEL. Compiled once per level with
 * its flags; everything but the table is static. */
#include "kernel/net_kernels.h"

#include "kernel/isa/simd.h"

#define NAME(x) x##_f32
#define T       float
#define V       vf
#define VL      VF
#include "kernel/isa/turn_type.h"
#undef NAME
#undef T
#undef V
#undef VL

#include "kernel/isa/net_math.h"
/* after what they use */
#include "kernel/isa/depth_lanes.h"
#include "kernel/isa/net_lanes.h"
#include "kernel/isa/random_lanes.h"
#include "kernel/isa/rows_lanes.h"
#include "kernel/isa/sum_lanes.h"
#include "kernel/isa/winograd_lanes.h"
/* after rows_lanes.h and sum_lanes.h */
#include "kernel/isa/bf16_lanes.h"
#if BF16_NATIVE
#include "kernel/isa/tile_lanes.h"
#endif
#include "kernel/isa/gate_lanes.h"
#include "kernel/isa/step_lanes.h"

#include "kernel/isa/elt_lanes.h"

#define GLUE_(a, b) a##b
#define GLUE(a, b)  GLUE_(a, b)
#define TEXT_(x)    #x
#define TEXT(x)     TEXT_(x)
#define TABLE       GLUE(leati_net_kernels_, LEATI_LEVEL)

extern const leati_net_kernels TABLE;

const leati_net_kernels TABLE = {.level = TEXT(LEATI_LEVEL),
                                 .mr = MR,
                                 .nr = NR,
                                 .lanes = VF,
                                 .sum_block = sum_block,
                                 .depth_block = depth_block,
                                 .depth_weights = depth_weights,
                                 .pack_taps = pack_taps,
                                 .winograd_in = winograd_in,
                                 .winograd_out = winograd_out,
                                 .winograd_filter = winograd_filter,
                                 .winograd_turn = winograd_turn,
                                 .winograd_taps = winograd_taps,
                                 .copy = copy_f32,
                                 .stream = stream,
                                 .add_to = add_to,
                                 .add_rows = add_rows,
                                 .transpose = transpose_matrix,
                                 .finish = finish,
                                 .activate = activate,
                                 .activate_back = activate_back,
                                 .softmax_row = softmax_row,
                                 .softmax_back_row = softmax_back_row,
                                 .cross_entropy_row = cross_entropy_row,
                                 .norm_row = norm_row,
                                 .norm_back_row = norm_back_row,
                                 .row_max = row_max,
                                 .row_exp = row_exp,
                                 .scale_row = scale_row,
                                 .dot_row = dot_row,
                                 .share_back_row = share_back_row,
                                 .add_squares = add_squares,
                                 .add_products = add_products,
                                 .affine_rows = affine_rows,
                                 .affine_back_rows = affine_back_rows,
                                 .random_words = random_words,
                                 .words_below = words_below,
                                 .adam = adam,
                                 .sgd = sgd,
                                 .cell_row = cell_row,
                                 .cell_back_row = cell_back_row,
                                 .lstm_rows = lstm_rows,
                                 .lstm_back = lstm_back,
                                 .gru_row = gru_row,
                                 .gru_back_row = gru_back_row,
                                 .pool_max = pool_max,
                                 .pool_max_back = pool_max_back,
                                 .pool_place = pool_place,
                                 .pool_which = pool_which,
                                 .pool_spread = pool_spread,
                                 .pool_sum = pool_sum,
                                 .pool_sum_back = pool_sum_back,
                                 .bf16 = &bf16_plain,
#if BF16_NATIVE
                                 .bf16_native = &bf16_native,
                                 .bf16_tiles = &bf16_tiles,
#endif
                                 .log_map = log_map,
                                 .erf_map = erf_map,
                                 .elt = ELT_TABLE};
