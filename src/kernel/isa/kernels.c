/* Owns: the kernel table of one CPU level, LEATI_LEVEL. Compiled once per level with its flags;
 * everything but the table is static. */
#include "kernel/kernels.h"

#include "kernel/isa/simd.h"

INLINE bool any_f32(vf_int mask)
{
    int64_t word[VECTOR_BYTES / 8], all = 0;
    memcpy(word, &mask, sizeof word);
    for (size_t i = 0; i < VECTOR_BYTES / 8; i++) all |= word[i];
    return all != 0;
}

INLINE bool any_f64(vd_int mask)
{
    return any_f32((vf_int)mask);
}

#define NAME(x) x##_f32
#define T       float
#define V       vf
#define VL      VF
#define MR      ROWS_F32
#include "kernel/isa/turn_type.h"

#include "kernel/isa/gemm_type.h"
#define T  float
#define V  vf
#define VL VF
#include "kernel/isa/vec_type.h"
#undef NAME

#define NAME(x) x##_f64
#define T       double
#define V       vd
#define VL      VD
#define MR      ROWS_F64
#include "kernel/isa/turn_type.h"

#include "kernel/isa/gemm_type.h"
#define T  double
#define V  vd
#define VL VD
#include "kernel/isa/vec_type.h"
#undef NAME

#include "kernel/isa/breaks.h"
#include "kernel/isa/decimals.h"
#include "kernel/isa/vec_math.h"
#include "kernel/isa/vec_more.h"
/* after what they use */
#include "kernel/isa/learn_lanes.h"
#include "kernel/isa/smo_lanes.h"

#define NAME(x) x##_f32
#define T       float
#define V       vf
#define VL      VF
#define M       vf_bits
#define BITS    uint32_t
#include "kernel/isa/tree_type.h"
#undef NAME

#define NAME(x) x##_f64
#define T       double
#define V       vd
#define VL      VD
#define M       vd_bits
#define BITS    uint64_t
#include "kernel/isa/tree_type.h"
#undef NAME

MAP_MATH(exp_f64, double, vd, VD, f64, exp_vector_f64)
MAP_MATH(exp_f32, float, vf, VF, f32, exp_vector_f32)
MAP_MATH(log_f64, double, vd, VD, f64, log_vector)
MAP_MATH(tanh_f64, double, vd, VD, f64, tanh_vector)

#define GLUE_(a, b) a##b
#define GLUE(a, b)  GLUE_(a, b)
#define TEXT_(x)    #x
#define TEXT(x)     TEXT_(x)
#define TABLE       GLUE(leati_kernels_, LEATI_LEVEL)

enum { TERMS_F32 = ROWS_F32 > 12 ? 256 : 512 }; /* of 14 rows, 512 would fill L1 */

#if ROWS_F32 == 14
#define STRIPS(suffix) .strips = strips_##suffix, .strip = STRIP_##suffix, .strip_kc = 128
#else
#define STRIPS(suffix) .strips = NULL
#endif
#define GEMM(suffix, rows, k, n)                                                                   \
    {                                                                                              \
        .mr = (rows), .nr = NR_##suffix, .kc = (k), .nc = (n), .block = block_##suffix,            \
        .pack_a = pack_a_##suffix, .pack_b = pack_b_##suffix, .dots = dots_##suffix,               \
        STRIPS(suffix)                                                                             \
    }

extern const leati_kernels TABLE;

const leati_kernels TABLE = {.level = TEXT(LEATI_LEVEL),
                             .vec = {.dot_f32 = dot_f32,
                                     .dot_f64 = dot_f64,
                                     .axpy_f32 = axpy_f32,
                                     .axpy_f64 = axpy_f64,
                                     .scale_f32 = scale_f32,
                                     .scale_f64 = scale_f64,
                                     .add_f64 = add_f64,
                                     .mul_f64 = mul_f64,
                                     .sum_f32 = sum_f32,
                                     .sum_f64 = sum_f64,
                                     .blemish_f32 = blemish_f32,
                                     .blemish_f64 = blemish_f64,
                                     .max_f32 = max_f32,
                                     .max_f64 = max_f64,
                                     .dist2_f32 = dist2_f32,
                                     .dist2_f64 = dist2_f64,
                                     .dist1_f64 = dist1_f64,
                                     .distmax_f64 = distmax_f64,
                                     .exp_f32 = exp_f32,
                                     .exp_f64 = exp_f64,
                                     .log_f64 = log_f64,
                                     .tanh_f64 = tanh_f64,
                                     .dot_mixed = dot_mixed,
                                     .axpy_mixed = axpy_mixed,
                                     .sum_rows = sum_rows,
                                     .widen = widen,
                                     .narrow = narrow,
                                     .widen_u8 = widen_u8,
                                     .ranks = ranks,
                                     .moments_f32 = moments_f32,
                                     .moments_f64 = moments_f64},
                             .f32 = GEMM(f32, ROWS_F32, TERMS_F32, (128 << 10) / TERMS_F32),
                             .f64 = GEMM(f64, ROWS_F64, 256, 256),
                             .smo = {smo_range, smo_update, smo_partner},
                             .dist2_wide = dist2_wide,
                             .below_f32 = below_f32,
                             .below_f64 = below_f64,
                             .breaks = breaks,
                             .decimals = DECIMALS,
                             .tree_f32 = tree_tests_f32,
                             .tree_f64 = tree_tests_f64,
                             .learn = {.welford_f32 = welford_f32,
                                       .welford_f64 = welford_f64,
                                       .gauss_tile = gauss_tile,
                                       .gini = gini}};
