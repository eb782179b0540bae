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
#include "kernel/isa/sum_lanes.h"

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
                                 .copy = copy_f32,
                                 .add_to = add_to,
                                 .add_rows = add_rows,
                                 .transpose = transpose_matrix,
                                 .finish = finish,
                                 .activate = activate,
                                 .activate_back = activate_back};
