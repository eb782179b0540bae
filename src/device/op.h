/* The vocabulary between graphs and devices: operations and their attributes.
 *
 * Attributes are plain structs without pointers, zeroed before they are set, so that they are
 * compared and hashed by their bytes (CUSTOM, SCAN and LOOP excepted: the address of class or body
 * is its identity). */
#ifndef LEATI_DEVICE_OP_H
#define LEATI_DEVICE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/tensor.h>

#include "kernel/eltwise.h"

/* The elementwise operations come first, with the numbers of leati_elt. */
typedef enum leati_op {
#define X(NAME, name, inputs, types, result) LEATI_OP_##NAME,
#include "kernel/eltwise.def"
#undef X
#define X(NAME, name, least, most, outputs) LEATI_OP_##NAME,
#include "device/ops.def"
#undef X
    LEATI_OP_COUNT
} leati_op;

enum { LEATI_MAX_OUTPUTS = 16, LEATI_MAX_SPATIAL = 3 };

typedef struct leati_op_info {
    const char *name;
    uint16_t least, most; /* inputs */
    uint16_t outputs;     /* FUSED and CUSTOM: at most */
    bool elementwise;     /* an operation of eltwise.def, or CAST */
} leati_op_info;
const leati_op_info *leati_op_info_of(leati_op op);

/* Operations that are not here have no attributes (CAST: the type of its output says all; RESHAPE
 * and EXPAND: the shape of the output). */

/* IOTA (n): start + i * step along `axis` of the output's shape. */
typedef struct leati_iota_attrs {
    double start, step;
    int64_t start_int, step_int; /* for integer types */
    int32_t axis;
    int32_t unused;
} leati_iota_attrs;

/* RANDOM: input (2) u64: seed and step. Element i depends on them, `stream` and i only
 * (Philox4x32-10, base/rng.h). */
typedef enum leati_random_kind {
    LEATI_RANDOM_UNIFORM,   /* [low, high) */
    LEATI_RANDOM_NORMAL,    /* mean low, standard deviation high; Box-Muller */
    LEATI_RANDOM_BERNOULLI, /* 1 with probability low, else 0 */
    LEATI_RANDOM_TRUNCATED  /* normal within two deviations of the mean, by the inverse of erf */
} leati_random_kind;
typedef struct leati_random_attrs {
    double low, high;
    uint32_t kind; /* leati_random_kind */
    uint32_t stream;
} leati_random_attrs;

/* Reductions over the axes whose bit is set; an empty set of axes copies. Empty sums are 0, empty
 * products 1, empty MAX and MIN the type's extreme. NaN wins in MAX and MIN. Kept axes: `keep`
 * leaves a dimension of 1. Sums accumulate as documented at the device. */
typedef struct leati_reduce_attrs {
    uint32_t axes;
    uint32_t keep; /* 0 or 1 */
} leati_reduce_attrs;

/* ARGMAX, ARGMIN: index (i64) along axis of the first extreme, the last one if `last`; NaN counts
 * as the extreme. */
typedef struct leati_arg_attrs {
    int32_t axis;
    uint8_t keep, last, unused[2];
} leati_arg_attrs;

typedef struct leati_cum_attrs {
    int32_t axis;
    uint8_t exclusive, reverse, unused[2];
} leati_cum_attrs;

/* MATMUL: (..., m, k) x (..., k, n); leading dimensions broadcast. transpose_x: the stored operand
 * has its last two dimensions swapped. Both operands have rank >= 2. What follows the product, made
 * by the planner: activation(a b + bias + residual), with the bias (of n elements) and the residual
 * (of the shape of the result) as further inputs in this order, as far as they are there. half, by
 * the planner, too: both operands are rounded to bf16 (nearest even), sums and what follows are in
 * f32. */
typedef struct leati_matmul_attrs {
    uint8_t transpose_a, transpose_b;
    uint8_t activation; /* leati_activation */
    uint8_t bias, residual;
    uint8_t half;
    uint8_t unused[2];
} leati_matmul_attrs;

/* CONV: x (N, C, spatial...), w (O, C / groups, kernel...) -> (N, O, spatial'...),
 * cross-correlation. With channels_last x and y are (N, spatial..., C); w stays as it is.
 * CONV_DATA: (dy, w) -> dx, the transpose of CONV in x: `spatial` tells the size of dx.
 * CONV_WEIGHT: (x, dy) -> dw: `kernel` tells its size. */
typedef struct leati_conv_attrs {
    int32_t rank; /* spatial dimensions, 1..3 */
    int32_t groups;
    int64_t kernel[LEATI_MAX_SPATIAL];
    int64_t stride[LEATI_MAX_SPATIAL];
    int64_t dilation[LEATI_MAX_SPATIAL];
    int64_t pad_low[LEATI_MAX_SPATIAL], pad_high[LEATI_MAX_SPATIAL];
    int64_t spatial[LEATI_MAX_SPATIAL]; /* of x */
    uint8_t channels_last;
    uint8_t activation, bias, residual; /* of CONV, as of MATMUL; the bias has O elements */
    /* Made by the planner, channels last: of y only the largest of each 2 x 2 is kept, and which of
     * the four it is (u8), output 1 of CONV where it is asked for; the gradients take that of the
     * pool in place of dy, and output 1 as input 2. */
    uint8_t pool;
    uint8_t half; /* by the planner, of all three: as of MATMUL */
    uint8_t unused[2];
} leati_conv_attrs;

/* CONV_DEPTH (x, w, [bias], w of the second, [bias of the second]): the second CONV of the first,
 * each with its tail; the second has one filter per channel. Two dimensions, channels last. */
typedef struct leati_conv_depth_attrs {
    leati_conv_attrs first, second;
} leati_conv_depth_attrs;

/* POOL_MAX: the maximum over the window, padding never wins. POOL_MAX_INDEX: that and its index
 * (i64) into the spatial plane of x, first of equals. POOL_MAX_DATA (dy, index): dx, zeros to which
 * dy is added at the index. POOL_MAX_BACK (x, y, dy): the same dx without an index.
 * POOL_AVG: the mean over the window, over its part inside x unless `count_padding`.
 * POOL_AVG_DATA: dy -> dx, the transpose of POOL_AVG. Layouts as CONV. `spatial`: of x.
 * ceil_mode: a last window that only begins inside x or its padding counts. */
typedef struct leati_pool_attrs {
    int32_t rank;
    uint8_t channels_last, count_padding, ceil_mode, unused;
    int64_t kernel[LEATI_MAX_SPATIAL];
    int64_t stride[LEATI_MAX_SPATIAL];
    int64_t dilation[LEATI_MAX_SPATIAL];
    int64_t pad_low[LEATI_MAX_SPATIAL], pad_high[LEATI_MAX_SPATIAL];
    int64_t spatial[LEATI_MAX_SPATIAL];
} leati_pool_attrs;

typedef struct leati_transpose_attrs {
    int32_t perm[LEAT_MAX_RANK]; /* output axis i is input axis perm[i] */
} leati_transpose_attrs;

/* SLICE: element i along an axis is input element start + i * step; step > 0. The shape of the
 * output says how many. */
typedef struct leati_slice_attrs {
    int64_t start[LEAT_MAX_RANK], step[LEAT_MAX_RANK];
} leati_slice_attrs;

/* PAD: `interior` elements between neighbours (CONSTANT only), then low and high at the ends;
 * never negative. */
typedef enum leati_pad_mode {
    LEATI_PAD_CONSTANT,
    LEATI_PAD_REFLECT, /* without repeating the border */
    LEATI_PAD_EDGE,
    LEATI_PAD_WRAP
} leati_pad_mode;
typedef struct leati_pad_attrs {
    int64_t low[LEAT_MAX_RANK], high[LEAT_MAX_RANK], interior[LEAT_MAX_RANK];
    double value;
    int64_t value_int; /* for integer types and bool */
    uint32_t mode;     /* leati_pad_mode */
    uint32_t unused;
} leati_pad_attrs;

typedef struct leati_reverse_attrs {
    uint32_t axes;
} leati_reverse_attrs;

typedef struct leati_axis_attrs {
    int32_t axis; /* CONCAT, SOFTMAX, LOG_SOFTMAX and their gradients */
} leati_axis_attrs;

/* GATHER (x, index): along `axis`: x.shape[:axis] + index.shape + x.shape[axis+1:].
 * SCATTER_ADD (index, updates): its transpose: zeros with `size` along axis, to which the updates
 *   are added in the order of the index.
 * GATHER_ELEMENTS (x, index), SCATTER_ELEMENTS (x, index, updates), along axis, as NumPy's
 *   take_along_axis and put_along_axis.
 * GATHER_ND, SCATTER_ND: `batch` leading dimensions in common; the last dimension of the index
 *   addresses the following ones of x.
 * Indices are i64 or i32; negative ones count from the end; out of range is an error that names
 * the place. */
typedef enum leati_scatter_mode {
    LEATI_SCATTER_SET,
    LEATI_SCATTER_ADD_TO,
    LEATI_SCATTER_MUL,
    LEATI_SCATTER_MAX,
    LEATI_SCATTER_MIN
} leati_scatter_mode;
typedef struct leati_index_attrs {
    int64_t size;
    int32_t axis, batch;
    uint32_t mode; /* leati_scatter_mode */
    uint32_t unused;
} leati_index_attrs;

/* SORT -> values, indices (i64), stable. TOPK -> the k largest (smallest) in order, of equals the
 * first. NaN sorts last in ascending order. */
typedef struct leati_sort_attrs {
    int64_t k;
    int32_t axis;
    uint8_t descending, unused[3];
} leati_sort_attrs;

/* CROSS_ENTROPY (logits (N, C), labels (N) i64, [weights (C)]) -> loss (N), weight (N):
 * with p = softmax(logits) and w = weights or 1, of label y
 *   loss = -(1 - smoothing) w[y] log p[y] - smoothing / C sum over c of w[c] log p[c],
 *   weight = w[y]; both 0 where y is `ignored`. given_log: the input is log p.
 * CROSS_ENTROPY_GRAD (logits, labels, dloss (N), [weights]) -> dlogits. */
typedef struct leati_entropy_attrs {
    double smoothing;
    int64_t ignored;
    uint8_t has_ignored, given_log, unused[6];
} leati_entropy_attrs;

/* NORM (x, [gamma, beta]) -> y, mean, rstd: over the set of axes
 *   y = (x - mean) rstd gamma + beta, rstd = 1 / sqrt(variance + epsilon);
 * mean and rstd keep the axes as 1; gamma and beta broadcast to x. rms: without the mean (0), the
 * mean square as variance.
 * NORM_GRAD (dy, x, mean, rstd, [gamma]) -> dx when mean and rstd are those of x, and the gradients
 * of gamma and of a beta of its shape (without gamma: of shape (0)). */
typedef struct leati_norm_attrs {
    double epsilon;
    uint32_t axes;
    uint8_t rms, unused[3];
} leati_norm_attrs;

/* RECURRENT: a whole sequence. T steps of N sequences of H units, G gates (1, 4 LSTM, 3 GRU):
 *   (xw (T, N, G H): x W' + biases, r (G H, H), h0 (N, H), [LSTM: c0 (N, H)], [GRU: rb (3 H)],
 *    [lengths (N) i64]) -> y (T, N, H), h_last (N, H), c_last (LSTM: (N, H)), and for the gradient
 *   gates (T, N, G H; not of plain cells), kept (T, N, H: cells of LSTM; T, N, 3 H: h r' + rb of
 * GRU). What a kind does not have is of shape (0). Gates in the order i f g o (LSTM), r z n (GRU,
 * with the reset gate after the product); h' = tanh or relu of xw + h r' (plain). From its length
 * on a sequence keeps its state, and y is 0. reverse: from the last step to the first. half, by the
 * planner: products of states, of their gradients and of those of the gates (with r, for dr) as of
 * MATMUL; states, gates and the sums themselves are not rounded.
 * RECURRENT_GRAD (dy, dh_last, dc_last, r, h0, c0 or rb, y, gates, kept, [lengths]) ->
 *   dxw, dr, dh0, dc0 or drb. */
typedef enum leati_cell {
    LEATI_CELL_TANH,
    LEATI_CELL_RELU,
    LEATI_CELL_LSTM,
    LEATI_CELL_GRU
} leati_cell;
typedef struct leati_recurrent_attrs {
    uint32_t cell; /* leati_cell */
    uint8_t reverse, half, unused[2];
} leati_recurrent_attrs;

/* ATTENTION (q (B, H, T, D), k (B, H, S, D), v (B, H, S, E), [key mask: bool (B, S)]) -> y
 * (B, H, T, E), log of the sum of e^scores (B, H, T): softmax(scale q k') v over the keys that the
 * mask shows and, if causal, are not behind i + S - T for query i; a query that sees none gives 0.
 * tokens_first: operands are (B, T, H, D). half, by the planner: the products as of MATMUL; what is
 * rounded of the shares of keys may be e^(score - the largest so far), divided by their sum later.
 * ATTENTION_GRAD (dy, q, k, v, y, log sum, [key mask]) -> dq, dk, dv. */
typedef struct leati_attention_attrs {
    double scale;
    uint8_t causal, tokens_first, half, unused[5];
} leati_attention_attrs;

/* RESAMPLE: x with `size` places along axis, each a weighted sum of those around its coordinate; at
 * the borders the last place is repeated. RESAMPLE_DATA: its transpose, dy -> dx of `in` places. */
typedef enum leati_resample_mode {
    LEATI_RESAMPLE_NEAREST,
    LEATI_RESAMPLE_LINEAR,
    LEATI_RESAMPLE_CUBIC
} leati_resample_mode;
typedef enum leati_coordinates {
    LEATI_COORDINATES_CENTRES,
    LEATI_COORDINATES_CORNERS,
    LEATI_COORDINATES_ASYMMETRIC
} leati_coordinates;
typedef enum leati_rounding {
    LEATI_ROUND_PREFER_FLOOR,
    LEATI_ROUND_PREFER_CEIL,
    LEATI_ROUND_FLOOR,
    LEATI_ROUND_CEIL
} leati_rounding;
typedef struct leati_resample_attrs {
    int64_t in, size;
    double scale; /* > 0: instead of size / in */
    double cubic;
    int32_t axis;
    uint8_t mode, coordinates, rounding, unused;
} leati_resample_attrs;

/* CTC (log-probabilities (T, N, C), labels (N, S), steps (N), lengths (N): i64) -> loss (N): minus
 * the log of the probability of all alignments; infinite where none fits. CTC_GRAD (dloss, and the
 * inputs of CTC) -> the gradient of the log-probabilities. */
typedef struct leati_ctc_attrs {
    int64_t blank;
} leati_ctc_attrs;

/* FUSED: a program over tiles of the iteration space. Register r is input r for r < inputs, else
 * the result of instruction r - inputs. Inputs are read with broadcasting to `space`. */
typedef struct leati_fused_code {
    uint16_t op; /* an elementwise operation or CAST */
    uint8_t in_type, out_type;
    uint16_t in[3];
    uint16_t unused;
} leati_fused_code;
typedef struct leati_fused_attrs {
    leat_shape space;
    uint16_t inputs, codes, outputs, unused;
    uint16_t out[LEATI_MAX_OUTPUTS]; /* registers */
    leati_fused_code code[];
} leati_fused_attrs;

/* ADAM (weight, first, second moment, gradient, rate, number[, scale]) -> weight, moments: Kingma
 * and Ba 2015, algorithm 1; decoupled: Loshchilov and Hutter 2019, algorithm 2.
 * SGD (weight, velocity, gradient, rate, number[, scale]) -> weight, velocity; velocity = gradient
 * in step 1 (Sutskever et al. 2013). rate, number of the step and scale of the gradient are f32
 * scalars; limit > 0: the scaled gradient is clamped to [-limit, limit]. */
typedef struct leati_adam_attrs {
    double beta_1, beta_2, epsilon, weight_decay, limit;
    uint8_t decoupled, unused[7];
} leati_adam_attrs;
typedef struct leati_sgd_attrs {
    double momentum, dampening, weight_decay, limit;
    uint8_t nesterov, unused[7];
} leati_sgd_attrs;

/* A plan inside a plan, on host memory: compiled once for all loops of the same structure, so that
 * its address is its identity. run computes its outputs of inputs at these addresses; afterwards
 * out[i] is where output i lies, until the next run. */
typedef struct leati_body {
    leat_status (*run)(leat_context *c, struct leati_body *b, const void *const *in);
    const void **out;
    leat_shape *shape; /* of the outputs */
    leat_dtype *dtype;
    size_t outs;
} leati_body;

/* SCAN (states, sequences, others) -> states at the end, results, states before each step:
 * for every element along axis 0 of the sequences (backwards if `reverse`) the body makes of
 * states, elements and others new states and an element of each result. The states before each step
 * are kept, (length, state), only where `keep` is set; else these outputs are empty. LOOP (go on
 * (bool), states, others) -> states at the end, number of steps (i64): while go on is true and
 * there were less than `length` steps, the body makes of the number of the step (i64), states and
 * others whether to go on and new states. */
typedef struct leati_scan_attrs {
    leati_body *body;
    int64_t length;
    uint16_t states, sequences, others, results;
    uint8_t reverse, keep, unused[6];
} leati_scan_attrs;

/* CUSTOM: a class of a user (leat_custom_class in leat/custom_op.h) and its parameters. */
typedef struct leati_custom_attrs {
    const void *class;
    size_t bytes;
    _Alignas(16) char params[];
} leati_custom_attrs;

#endif
