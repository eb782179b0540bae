/* The table of leaf kernels of networks, f32, one CPU level: raw pointers and strides, one thread,
 * no allocation, no errors. Drivers (conv.c, ...) cut the work and call these. */
#ifndef LEATI_KERNEL_NET_KERNELS_H
#define LEATI_KERNEL_NET_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/context.h>

#include "kernel/activation.h"
#include "kernel/elt_table.h"
#include "kernel/net_step.h"

enum { LEATI_RANDOM_BLOCKS = 16 }; /* that random_words writes at once */

/* `k` terms of a sum of products: they begin at element `a` of the left operand, counted from its
 * current row, and at row `b` of the panel of the right operand. */
typedef struct leati_run {
    size_t a, b, k;
} leati_run;

/* C = sum over the runs of A B, for one block on one thread: a matrix product whose sum jumps, the
 * batch-reduce product of Georganas et al. 2020. C is `lines` times `rows` rows of n columns. Every
 * element is the bias (or 0) plus its terms in the order of the runs, then plus the residual, then
 * clamped: it does not depend on lines, rows, n or its place.
 *
 * by_rows: element (line, row, p) of A at a + line * a_line + row * a_step + run.a + p; otherwise
 * at a + line * a_line + row + run.a + p * a_step. B is packed: panels of nr columns, row p of a
 * panel at p * nr, the last panel filled up with zeros. */
typedef struct leati_sum_block {
    size_t lines, rows, n;
    bool by_rows;
    const leati_run *runs;
    size_t run_count;
    const float *a;
    size_t a_line, a_step;
    const float *b;
    size_t b_panel; /* elements from panel to panel */
    /* How far behind the panel at work (modulo 2^n, so before it, too) b_panel elements lie that
     * are fetched meanwhile; 0: none. */
    size_t ahead;
    float *c;
    size_t c_line, c_step;
    const float *bias;     /* n, or NULL */
    const float *residual; /* as C, or C itself to add to what is there; or NULL */
    size_t residual_line, residual_step;
    bool clamp; /* to [low, high]; NaN stays */
    float low, high;
} leati_sum_block;

/* One filter per channel: C[line][i][c] = bias[c] + sum over taps of A[..][c] w[tap][c]. Element
 * (line, i, c) of A for tap t at a + line * a_line + i * a_step + runs[t].a + c, its weight at
 * w + runs[t].b * w_step + c; runs[t].k is not used. */
typedef struct leati_depth_block {
    size_t lines, rows, channels;
    const leati_run *runs;
    size_t run_count;
    const float *a;
    size_t a_line, a_step;
    const float *w;
    size_t w_step;
    float *c;
    size_t c_line, c_step;
    const float *bias, *residual;
    size_t residual_line, residual_step;
    bool clamp;
    float low, high;
} leati_depth_block;

/* One row of tiles of Winograd's F(2 x 2, 3 x 3) back into `lines` (1 or 2) lines of `columns`
 * pixels. Plane p of tile i at m + p * plane + i * m_step. */
typedef struct leati_winograd_out {
    size_t lines, columns, channels;
    const float *m;
    size_t plane, m_step;
    float *c;
    size_t c_line, c_step;
    const float *bias, *residual;
    size_t residual_line, residual_step;
    bool clamp;
    float low, high;
} leati_winograd_out;

/* Neighbouring windows of a line that have the same taps inside: channel c of tap t of window i at
 * taps[t] + i * step + c. */
typedef struct leati_pool_row {
    size_t windows, channels, count, step;
    const size_t *taps; /* count of them */
} leati_pool_row;

/* The same of pairs of bf16 numbers: two neighbouring terms of the sum in one element, the first in
 * the lower half. Runs, a_line, a_step, b_panel and b count pairs; a pair's second product is added
 * before its first. With `add` the sum begins with C (there is no bias then). The sums are
 * multiplied by `scale`, where it is not 0, before the residual. With `ahead` what the runs read of
 * the panel so far behind is fetched meanwhile, as if they followed each other. */
typedef struct leati_bf16_block {
    size_t lines, rows, n;
    bool by_rows;
    const leati_run *runs;
    size_t run_count;
    const uint32_t *a;
    size_t a_line, a_step;
    const uint32_t *b;
    size_t b_panel, ahead;
    float *c;
    size_t c_line, c_step;
    bool add;
    float scale;
    const float *bias, *residual;
    size_t residual_line, residual_step;
    bool clamp;
    float low, high;
} leati_bf16_block;

/* What follows a product: C (m, n) = activation(C + column bias + row bias + residual). */
typedef struct leati_finish {
    size_t m, n;
    float *c;
    size_t ldc;
    const float *column_bias, *row_bias, *residual; /* each may be NULL */
    size_t ld_residual;
} leati_finish;

/* Numbers rounded to bf16 (to nearest even) and products of their pairs. */
typedef struct leati_bf16_kernels {
    void (*block)(const leati_bf16_block *t);
    size_t unit;      /* rows of C that a block computes at once at best, */
    size_t task_rows; /* and of a task: what they read stays in the second-level cache */
    /* out[row * ld_out + p] = in[p * ld + row] for 16 pairs or fewer. NULL where blocks read a left
     * operand by columns as fast as by rows. */
    void (*turn)(size_t pairs, size_t rows, const uint32_t *in, size_t ld, uint32_t *out,
                 size_t ld_out);
    /* out[j] = the pair (first[j], second[j]); with second NULL 0 beside the first. */
    void (*zip)(size_t n, const float *first, const float *second, uint32_t *out);
    /* m rows of k numbers, (k + 1) / 2 pairs of neighbours each, a last single one with 0; rows of
     * pairs `ld_out` apart. */
    void (*rows)(size_t m, size_t k, const float *x, size_t ld, uint32_t *out, size_t ld_out);
    void (*round)(size_t n, const float *x, float *out); /* out may be x */
    /* From the gradient g of a pool of 2 x 2 to that of what it read, by the places `which` names:
     * columns x .. x + count - 1 of line `line` (0 or 1) of a line of windows, rounded, pairs of
     * neighbouring channels, `pixel` pairs from column to column. */
    void (*spread)(size_t count, size_t x, size_t line, size_t channels, const float *g,
                   const uint8_t *which, uint32_t *out, size_t pixel);
    /* Both lines, as far as they are not NULL, as pairs of columns: n channels of `windows`
     * windows, `ld` apart, each to nr pairs, of which the last become 0. */
    void (*spread_zip)(size_t windows, size_t n, size_t ld, const float *g, const uint8_t *which,
                       uint32_t *upper, uint32_t *lower);
} leati_bf16_kernels;

/* One step of some sequences, n units of them: sums hold the states' share before activation, x
 * that of the input, cell the cell states, which come back in place and in c; gates come back
 * activated, the states in y and h. sums may be gates. */
typedef struct leati_lstm_rows {
    size_t rows, n;
    size_t pitch, ld; /* of x and gates: from gate to gate, from row to row */
    const float *x, *sums;
    size_t sum_pitch, ld_sums;
    float *gates, *c, *y;
    size_t ld_state; /* of c, y */
    float *cell, *h;
    size_t ld_h; /* of cell, h */
    bool past;   /* gates, c and y are not read soon: past the caches where they are aligned */
} leati_lstm_rows;

/* The same backwards: dy + dh is the gradient of the states, dc in of c, out of c_before; the
 * gradients of the sums go to dx and d. */
typedef struct leati_lstm_back {
    size_t rows, n;
    size_t pitch, ld; /* of gates and dx */
    const float *gates, *c_before, *c, *dy;
    size_t ld_state; /* of c_before, c, dy, dc */
    const float *dh;
    size_t ld_dh;
    float *dc, *dx, *d;
    size_t d_pitch, ld_d;
    bool past; /* dx, as gates above */
} leati_lstm_back;

typedef struct leati_net_kernels {
    const char *level;
    size_t mr, nr, lanes;
    void (*sum_block)(const leati_sum_block *t);
    void (*depth_block)(const leati_depth_block *t);
    /* grad[t][c] += sum over lines and rows of g (as C above) times A: the gradient of w. */
    void (*depth_weights)(const leati_depth_block *t, float *grad);
    /* Filters (h of them, `ld` apart, each k = channels * taps numbers, taps running fastest) into
     * columns: number (c, tap) of filter i to out[tap * tap_step + c * row_step + i]; columns h ..
     * lanes - 1 become 0. h <= lanes. `flip` counts taps from the last. */
    void (*pack_taps)(size_t h, size_t k, const float *in, size_t ld, size_t taps, bool flip,
                      size_t tap_step, size_t row_step, float *out);
    /* `tiles` neighbours of a row, 2 pixels apart, from four lines of input into 16 planes: tile i
     * of plane p at out + p * plane + i * channels. */
    void (*winograd_in)(size_t tiles, size_t channels, const float *in, size_t row, size_t pixel,
                        float *out, size_t plane);
    void (*winograd_out)(const leati_winograd_out *t);
    void (*winograd_filter)(size_t n, const float *in, size_t tap, float *out, size_t plane);
    /* For the gradient of filters: tiles of 2 x 2 of dy into 16 planes of rows of nr, channels ..
     * nr - 1 become 0; and n sums in 16 planes into 9 taps, in place. */
    void (*winograd_turn)(size_t tiles, size_t channels, const float *in, size_t row, size_t pixel,
                          float *out, size_t plane);
    void (*winograd_taps)(size_t n, float *sum, size_t plane);
    void (*copy)(size_t n, const float *in, float *out);
    /* A copy past the caches, for what is not read soon. */
    void (*stream)(size_t bytes, const void *in, void *out);
    void (*add_to)(size_t n, const float *in, float *sum); /* sum += in */
    /* sum[j] += in[i][j] for i < m, in the order of i. */
    void (*add_rows)(size_t m, size_t n, const float *in, size_t ld, float *sum);
    /* out (n, m) = in (m, n) transposed. */
    void (*transpose)(size_t m, size_t n, const float *in, size_t ld, float *out, size_t ld_out);
    void (*finish)(leati_activation kind, const leati_finish *f);
    void (*activate)(leati_activation kind, size_t n, const float *x, float *out);
    /* out = g * derivative; in terms of the input x of the activation. out may be g. */
    void (*activate_back)(leati_activation kind, size_t n, const float *x, const float *g,
                          float *out);
    /* Rows of n: rows.h says what they compute. */
    void (*softmax_row)(bool log, size_t n, const float *x, float *y);
    void (*softmax_back_row)(bool log, size_t n, const float *y, const float *g, float *dx);
    float (*cross_entropy_row)(size_t n, const float *x, size_t label, float smoothing,
                               const float *weights, float scale, float *grad);
    void (*norm_row)(bool centred, size_t n, const float *x, const float *gamma, const float *beta,
                     float epsilon, float *y, float *mean, float *rate);
    void (*norm_back_row)(bool centred, size_t n, const float *x, const float *g,
                          const float *gamma, float mean, float rate, float *dx, float *dgamma,
                          float *dbeta);
    float (*row_max)(size_t n, const float *x); /* -inf for n = 0 */
    float (*row_exp)(size_t n, const float *x, float shift,
                     float *out); /* sum of e^(x - shift); out or NULL */
    void (*scale_row)(size_t n, float factor, float *x);
    float (*dot_row)(size_t n, const float *x, const float *y);
    /* change = share (change - along) scale: from gradients of shares to those of scores. */
    void (*share_back_row)(size_t n, const float *share, float along, float scale, float *change);
    /* m rows of n channels, without a gap. */
    void (*add_squares)(size_t m, size_t n, const float *x, size_t ld, const float *centre,
                        float *sum, float *drift);
    void (*add_products)(size_t m, size_t n, const float *x, const float *g, const float *mean,
                         const float *rate, float *along, float *direct);
    void (*affine_rows)(size_t m, size_t n, const float *x, const float *mean, const float *scale,
                        const float *shift, float *y);
    void (*affine_back_rows)(size_t m, size_t n, const float *x, const float *g, const float *mean,
                             const float *scale, const float *along, const float *direct,
                             float *dx);
    /* The words of Philox4x32-10 for `blocks` counters from `counter` on (its first word counts),
     * four of each; out has room for blocks rounded up to LEATI_RANDOM_BLOCKS. */
    void (*random_words)(const uint32_t key[2], const uint32_t counter[4], size_t blocks,
                         uint32_t *out);
    void (*words_below)(size_t n, const uint32_t *word, uint32_t limit, float *out); /* 1 or 0 */
    /* Steps over buffers: net_step.h, pool2d.h. */
    void (*adam)(const leati_adam *o, size_t n, float *w, const float *g, float *m, float *v);
    void (*sgd)(const leati_sgd *o, size_t n, float *w, const float *g, float *velocity);
    /* One step of n units of a recurrent layer, for one sequence. Gates of a unit are `pitch`
     * elements apart. x is the input's share of the sums before activation.
     * Plain: h = tanh or relu of x + h. */
    void (*cell_row)(bool relu, size_t n, const float *x, float *h);
    void (*cell_back_row)(bool relu, size_t n, const float *h, const float *dh, float *dx);
    /* LSTM (Hochreiter and Schmidhuber 1997, with forget gates): gates in the order input, forget,
     * cell, output. */
    void (*lstm_rows)(const leati_lstm_rows *t);
    void (*lstm_back)(const leati_lstm_back *t);
    /* GRU (Cho et al. 2014, as in cuDNN and PyTorch): sums in the order reset, update, new hold the
     * states' share and come back with their bias; h = (1 - z) tanh(x + r sum) + z h_before.
     * Backward: dh in of h, out the direct part of h_before; what comes through dsums is to be
     * added. */
    void (*gru_row)(size_t n, size_t pitch, const float *x, const float *bias, float *sums,
                    float *gates, const float *h_before, float *h);
    void (*gru_back_row)(size_t n, size_t pitch, const float *gates, const float *sums,
                         const float *h_before, float *dh, float *dx, float *dsums);
    void (*pool_max)(const leati_pool_row *r, const float *in, float *out);
    void (*pool_max_back)(bool add, const leati_pool_row *r, const float *x, const float *y,
                          const float *g, float *dx);
    /* The largest of `count` > 0 taps of n channels, and the place of the first that holds it. */
    void (*pool_place)(size_t n, size_t count, const size_t *taps, const int32_t *place,
                       const float *in, float *out, int64_t *index);
    void (*pool_which)(const leati_pool_row *r, const float *in, float *out, uint8_t *which);
    void (*pool_spread)(const leati_pool_row *r, const float *g, const uint8_t *which, float *dx);
    void (*pool_sum)(size_t n, size_t count, const size_t *taps, const float *in, float factor,
                     float *out);
    void (*pool_sum_back)(size_t n, size_t count, const size_t *taps, const float *g, float factor,
                          float *dx);
    const leati_bf16_kernels *bf16;
    const leati_bf16_kernels *bf16_native, *bf16_tiles; /* by instructions for it; may be NULL */
    void (*log_map)(size_t n, const float *x, float *out);
    void (*erf_map)(size_t n, const float *x, float *out);
    leati_elt_table elt; /* its members may be NULL */
} leati_net_kernels;

/* The table of the context's level; no NULL members but bf16_native, bf16_tiles. */
const leati_net_kernels *leati_net_kernels_of(const leat_context *c);
/* The table's kernels of bf16, by instructions for it where the CPU has them: the same results but
 * for subnormal numbers, which these take for 0. At the level of tiles those by tiles, whose sums
 * have another order (isa/tile_lanes.h). */
const leati_bf16_kernels *leati_bf16_kernels_of(const leat_context *c);

#endif
