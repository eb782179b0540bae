/* What networks are made of, on top of the operations of graph.h: convolutions, pools,
 * activations, normalisations, recurrent layers, attention, losses.
 *
 * All take and give NULL once something has failed, like the operations of graph.h. Values are
 * floating point of one type unless said; "()" is a scalar. Every one is differentiable in its
 * floating point inputs. */
#ifndef LEAT_FUNCTION_H
#define LEAT_FUNCTION_H

#include <leat/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- windows -------------------------------------------------------------------------------- */

/* How a window moves, per spatial dimension. Activations are (N, C, spatial...) with one to three
 * spatial dimensions, or (N, spatial..., C) with channels_last, which the CPU prefers. */
typedef struct leat_window {
    uint32_t struct_size;
    int64_t kernel[3]; /* of pools; convolutions take it from their weights */
    int64_t stride[3]; /* 0: 1 for convolutions, the kernel for pools */
    int64_t dilation[3];
    int64_t pad_low[3], pad_high[3];
    int64_t output_padding[3]; /* leat_conv_transpose: added to the size of the result, less than
                                  the stride or the dilation */
    int groups;                /* of convolutions: they divide both numbers of channels */
    bool channels_last;
    bool count_padding; /* leat_pool_avg: divide by the whole window, padding included */
    bool ceil_mode;     /* pools: a last window that only begins inside counts, also one larger
                           than the input by less than a stride */
} leat_window;
/* Dilation 1, one group, the rest 0. */
LEAT_API leat_window leat_window_default(void);

/* Cross-correlation: x (N, C, ...), w (O, C / groups, kernel...) -> (N, O, ...). options may be
 * NULL. */
LEAT_API leat_tensor *leat_conv(leat_tensor *x, leat_tensor *w, const leat_window *options);
/* Its transpose: x (N, C, ...), w (C, O / groups, kernel...) -> (N, O, ...) of size
 * (in - 1) stride - pads + dilation (kernel - 1) + 1 + output_padding. */
LEAT_API leat_tensor *leat_conv_transpose(leat_tensor *x, leat_tensor *w,
                                          const leat_window *options);
/* index: NULL, or where the place (i64) of each maximum in the spatial plane of x goes. A dilated
 * window whose places all lie in the padding gives -inf at place -1, and no gradient. */
LEAT_API leat_tensor *leat_pool_max(leat_tensor *x, const leat_window *options,
                                    leat_tensor **index);
LEAT_API leat_tensor *leat_pool_avg(leat_tensor *x, const leat_window *options);
/* Over the whole plane; the spatial dimensions stay, with size 1. */
LEAT_API leat_tensor *leat_pool_global_avg(leat_tensor *x, bool channels_last);
LEAT_API leat_tensor *leat_pool_global_max(leat_tensor *x, bool channels_last);

/* ---- activations ---------------------------------------------------------------------------- */

LEAT_API leat_tensor *leat_gelu(leat_tensor *x); /* x / 2 (1 + erf(x / sqrt 2)) */
/* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
LEAT_API leat_tensor *leat_gelu_tanh(leat_tensor *x);
LEAT_API leat_tensor *leat_silu(leat_tensor *x); /* x sigmoid(x) */
LEAT_API leat_tensor *leat_mish(leat_tensor *x); /* x tanh(softplus(x)) */
/* Integers: at whole numbers. The gradient is 0 at both bounds, as PyTorch's. */
LEAT_API leat_tensor *leat_clip(leat_tensor *x, double low, double high);
/* The gradient is 0 also at the ends of the slope, as PyTorch's. */
LEAT_API leat_tensor *leat_hard_sigmoid(leat_tensor *x, double alpha,
                                        double beta);  /* clip(alpha x + beta, 0, 1) */
LEAT_API leat_tensor *leat_hard_swish(leat_tensor *x); /* x clip(x / 6 + 1 / 2, 0, 1) */
/* Of x > 0 x (selu: 1.0507009873554805 x), else: */
LEAT_API leat_tensor *leat_elu(leat_tensor *x, double alpha);  /* alpha (e^x - 1) */
LEAT_API leat_tensor *leat_selu(leat_tensor *x);               /* 1.7580993408473766 (e^x - 1) */
LEAT_API leat_tensor *leat_celu(leat_tensor *x, double alpha); /* alpha (e^(x / alpha) - 1) */
LEAT_API leat_tensor *leat_leaky_relu(leat_tensor *x, double slope);
LEAT_API leat_tensor *leat_prelu(leat_tensor *x, leat_tensor *slope); /* broadcast to x */
LEAT_API leat_tensor *leat_softsign(leat_tensor *x);                  /* x / (1 + |x|) */
LEAT_API leat_tensor *leat_log_sigmoid(leat_tensor *x);
LEAT_API leat_tensor *leat_softmax(leat_tensor *x, int axis);
LEAT_API leat_tensor *leat_log_softmax(leat_tensor *x, int axis);

/* ---- normalisation ----------------------------------------------------------------------------
 *
 * y = (x - mean) / sqrt(variance + epsilon) gamma + beta; either may be NULL, or both. f16 and bf16
 * are computed in f32, moments included, and rounded once. */

/* Over the last `axes` axes, whose shape gamma and beta have (or one that broadcasts). */
LEAT_API leat_tensor *leat_layer_norm(leat_tensor *x, int axes, leat_tensor *gamma,
                                      leat_tensor *beta, double epsilon);
/* x / sqrt(mean(x^2) + epsilon) gamma */
LEAT_API leat_tensor *leat_rms_norm(leat_tensor *x, int axes, leat_tensor *gamma, double epsilon);
/* x (N, C, ...), or (N, ..., C); gamma and beta (C). With the statistics of this batch, which it
 * gives as mean (C) and variance (C, of the sample: divided by n - 1), without gradient. */
LEAT_API leat_tensor *leat_batch_norm_train(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta,
                                            bool channels_last, double epsilon, leat_tensor **mean,
                                            leat_tensor **variance);
/* With given statistics. */
LEAT_API leat_tensor *leat_batch_norm(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta,
                                      leat_tensor *mean, leat_tensor *variance, bool channels_last,
                                      double epsilon);
/* A root: v = (1 - momentum) v + momentum x. */
LEAT_API leat_tensor *leat_running_average(leat_variable *v, leat_tensor *x, double momentum);
LEAT_API leat_tensor *leat_group_norm(leat_tensor *x, int groups, leat_tensor *gamma,
                                      leat_tensor *beta, bool channels_last, double epsilon);
LEAT_API leat_tensor *leat_instance_norm(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta,
                                         bool channels_last, double epsilon);

/* ---- recurrent layers -------------------------------------------------------------------------
 */

typedef enum leat_cell {
    LEAT_CELL_TANH, /* h = tanh(x W' + b + h R' + rb) */
    LEAT_CELL_RELU,
    LEAT_CELL_LSTM, /* Hochreiter and Schmidhuber 1997, with forget gates; gates i f g o */
    LEAT_CELL_GRU   /* Cho et al. 2014 as in cuDNN: n = tanh(x W' + b + r (h R' + rb)); r z n */
} leat_cell;

/* Weights of one layer in one direction: w (G H, I), r (G H, H), biases (G H) or NULL, with G
 * gates: 1, LSTM 4, GRU 3. The names, orders and shapes are PyTorch's. */
typedef struct leat_recurrent {
    uint32_t struct_size;
    leat_cell cell;
    bool reverse; /* from the last step to the first */
    leat_tensor *w, *r, *bias, *r_bias;
    leat_tensor *h0, *c0; /* (N, H); NULL: zeros */
    leat_tensor
        *lengths; /* (N) i64, or NULL: of the sequences; behind it y is 0, the state stays */
} leat_recurrent;
LEAT_API leat_recurrent leat_recurrent_default(leat_cell cell);
/* x (T, N, I) -> y (T, N, H); h_last and c_last (N, H), where they are not NULL. Or x (T, N) i64 or
 * i32, numbers below I: what their one-hot vectors give, but columns of w are looked up. */
LEAT_API leat_tensor *leat_recur(leat_tensor *x, const leat_recurrent *layer, leat_tensor **h_last,
                                 leat_tensor **c_last);

/* ---- attention --------------------------------------------------------------------------------
 */

typedef struct leat_attention_options {
    uint32_t struct_size;
    bool tokens_first;     /* (B, T, H, D) instead of (B, H, T, D) */
    bool causal;           /* query i of T sees keys 0 .. i + S - T */
    double scale;          /* of the scores; 0: 1 / sqrt(D) */
    leat_tensor *key_mask; /* bool (B, S), or NULL: the keys that count */
    leat_tensor *mask;     /* or NULL: added to the scores, broadcast to (B, H, T, S) */
} leat_attention_options;
LEAT_API leat_attention_options leat_attention_options_default(void);
/* softmax(scale q k') v (Vaswani et al. 2017, section 3.2.1): q (B, H, T, D), k (B, H, S, D),
 * v (B, H, S, E) -> (B, H, T, E). A query that sees no key gives 0 and takes no gradient; a mask of
 * -inf hides a key as causal and key_mask do. options may be NULL. */
LEAT_API leat_tensor *leat_attention(leat_tensor *q, leat_tensor *k, leat_tensor *v,
                                     const leat_attention_options *options);

/* ---- random, look-up, size --------------------------------------------------------------------
 */

/* x with elements set to 0 with probability `rate` (0 or more, less than 1), the others divided by
 * 1 - rate. key and stream: of random numbers (graph.h). Along the axes whose bit is set all
 * elements share their fate: spatial dropout, or recurrent dropout with the axis of time. */
LEAT_API leat_tensor *leat_dropout(leat_tensor *x, double rate, leat_tensor *key, uint32_t stream,
                                   uint32_t shared_axes);
/* Rows of table (V, D...) by index (i64 or i32): index.shape + (D...). */
LEAT_API leat_tensor *leat_embedding(leat_tensor *table, leat_tensor *index);

typedef enum leat_resize_mode {
    LEAT_RESIZE_NEAREST,
    LEAT_RESIZE_LINEAR,
    LEAT_RESIZE_CUBIC
} leat_resize_mode;
/* Output i of n reads the input around */
typedef enum leat_coordinates {
    LEAT_COORDINATES_CENTRES,   /* (i + 1/2) in / n - 1/2 */
    LEAT_COORDINATES_CORNERS,   /* i (in - 1) / (n - 1) */
    LEAT_COORDINATES_ASYMMETRIC /* i in / n */
} leat_coordinates;
typedef enum leat_rounding {                          /* of NEAREST */
                             LEAT_ROUND_PREFER_FLOOR, /* halves go down */
                             LEAT_ROUND_PREFER_CEIL,
                             LEAT_ROUND_FLOOR,
                             LEAT_ROUND_CEIL
} leat_rounding;
typedef struct leat_resize {
    uint32_t struct_size;
    leat_resize_mode mode;
    leat_coordinates coordinates;
    leat_rounding rounding;
    double cubic;         /* the slope of the cubic: -0.75, Keys 1981 */
    const double *scales; /* per axis, instead of n / in; or NULL */
} leat_resize;
LEAT_API leat_resize leat_resize_default(leat_resize_mode mode);
/* Along each of the axes to sizes[i] places. options NULL: linear. */
LEAT_API leat_tensor *leat_interpolate(leat_tensor *x, size_t count, const int *axes,
                                       const int64_t *sizes, const leat_resize *options);

/* ---- losses --------------------------------------------------------------------------------- */

typedef enum leat_reduction {
    LEAT_REDUCE_MEAN,
    LEAT_REDUCE_SUM,
    LEAT_REDUCE_NONE,
    LEAT_REDUCE_BATCH /* the sum divided by the first dimension */
} leat_reduction;

typedef struct leat_entropy_options {
    uint32_t struct_size;
    int axis;             /* of the classes; -1: the last */
    double smoothing;     /* 0 .. 1: the share of the label that all classes get evenly */
    leat_tensor *weights; /* (classes), or NULL: settings, which no gradient reaches */
    bool has_ignored;     /* labels that are `ignored` count nothing */
    int64_t ignored;
    leat_reduction reduction; /* MEAN divides by the sum of the labels' weights; 0 if that is 0 */
} leat_entropy_options;
/* Classes last, mean. */
LEAT_API leat_entropy_options leat_entropy_options_default(void);
/* labels: i64, of the shape of logits without the axis of classes; one outside 0 .. classes - 1 is
 * an error at the run. */
LEAT_API leat_tensor *leat_cross_entropy(leat_tensor *logits, leat_tensor *labels,
                                         const leat_entropy_options *options);
/* The same of logarithms of probabilities. */
LEAT_API leat_tensor *leat_nll(leat_tensor *log_probabilities, leat_tensor *labels,
                               const leat_entropy_options *options);
LEAT_API leat_tensor *leat_mse(leat_tensor *x, leat_tensor *target, leat_reduction reduction);
LEAT_API leat_tensor *leat_mae(leat_tensor *x, leat_tensor *target, leat_reduction reduction);
/* d^2 / 2 up to |d| = delta, delta (|d| - delta / 2) beyond */
LEAT_API leat_tensor *leat_huber(leat_tensor *x, leat_tensor *target, double delta,
                                 leat_reduction reduction);
/* Binary cross-entropy of logits against targets 0 .. 1; positive_weight: NULL or the weight of the
 * positive part, broadcast. */
LEAT_API leat_tensor *leat_bce_logits(leat_tensor *x, leat_tensor *target,
                                      leat_tensor *positive_weight, leat_reduction reduction);
/* Kullback-Leibler divergence of log-probabilities x from the target t: t (log t - x), 0 where t is
 * 0. log_target: the target holds log t. */
LEAT_API leat_tensor *leat_kl(leat_tensor *x, leat_tensor *target, bool log_target,
                              leat_reduction reduction);
/* max(1 - sign x, 0); sign: -1 or 1 */
LEAT_API leat_tensor *leat_hinge(leat_tensor *x, leat_tensor *sign, leat_reduction reduction);
/* max(|anchor - positive| - |anchor - negative| + margin, 0), Euclidean along the last axis */
LEAT_API leat_tensor *leat_triplet(leat_tensor *anchor, leat_tensor *positive,
                                   leat_tensor *negative, double margin, leat_reduction reduction);
/* Connectionist temporal classification (Graves et al. 2006): log_probabilities (T, N, C) of
 * classes with the blank among them, labels (N, S), steps (N) of T and lengths (N) of S that each
 * sequence has, all i64. A sequence that cannot be aligned has an infinite loss (0 if
 * zero_infinite) and no gradient. MEAN is over sequences, each divided by its length. */
LEAT_API leat_tensor *leat_ctc(leat_tensor *log_probabilities, leat_tensor *labels,
                               leat_tensor *steps, leat_tensor *lengths, int64_t blank,
                               bool zero_infinite, leat_reduction reduction);

#ifdef __cplusplus
}
#endif

#endif
