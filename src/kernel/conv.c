/* Owns: plans of convolutions, forward and the gradient of the data, which is a forward
 * convolution of dy with the filters turned round. With a stride s it falls into s * s of them, one
 * for each remainder of the pixel's place. Not: the gradient of the weights (conv_weights.c), the
 * arithmetic (isa/sum_lanes.h, isa/depth_lanes.h).
 *
 * A task copies what it needs of the input into a slab with its border of zeros, then runs all its
 * filters over it. */
#include "kernel/conv.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/conv_sweep.h"

/* A convolution whose taps are a list: output pixel (oy, ox) reads the input around
 * (oy * step_h - top, ox * step_w - left). */
typedef struct sweep {
    const leati_net_kernels *ker;
    const float *in;
    const uint8_t *which; /* `in` is to be spread, see leati_conv_piece */
    size_t images, in_h, in_w, in_c;
    size_t step_h, step_w, span_h, span_w; /* span: rows and columns under all taps */
    ptrdiff_t top, left;
    float *out;
    size_t out_h, out_w, out_n, image_step, line_step, pixel_step;
    const float *packed, *bias, *residual;
    bool depthwise, slab;
    const leati_bf16_kernels *half;         /* of pairs of bf16 numbers, or NULL */
    size_t groups, group_k, group_n, depth; /* depth: terms of a sum */
    size_t terms;                           /* of a group in the slab: group_k, or pairs */
    size_t pixel, slab_w;    /* elements (pairs) per pixel, pixels per row of the slab */
    leati_conv_tap *ys, *xs; /* the taps of either axis, in the order of their places */
    size_t y_count, x_count, kernel_w;
    leati_run *runs;
    size_t run_count;
    size_t row_blocks, col_blocks, n_blocks;
    leati_activation activation;
    /* A maximum pool of 2 x 2 follows: lines of the output come in twos, are left in the scratch of
     * the worker and pooled there. */
    bool pool;
    float *pooled;
    uint8_t *told;
    float *scratch;
    size_t each, slab_each; /* elements per worker, of them of the slab */
} sweep;

/* ---- plans --------------------------------------------------------------------------------- */

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t packed_elements(const leati_net_kernels *ker, const leati_conv *v, size_t k, size_t n)
{
    return v->groups * round_up(n, ker->nr) * k * v->kernel_h * v->kernel_w;
}

size_t leati_conv_inputs(const leati_conv_plan *p)
{
    const leati_conv *v = &p->conv;
    return v->batch * v->in_h * v->in_w * v->in_c;
}

size_t leati_conv_outputs(const leati_conv_plan *p)
{
    return p->conv.batch * p->out_h * p->out_w * p->conv.out_c;
}

static bool axis(size_t in, size_t before, size_t after, size_t kernel, size_t dilation,
                 size_t stride, size_t *out)
{
    size_t padded, span;
    if (leati_add_overflows(in, before, &padded) || leati_add_overflows(padded, after, &padded) ||
        leati_mul_overflows(kernel - 1, dilation, &span) || span >= padded ||
        padded > PTRDIFF_MAX / 64)
        return false;
    *out = (padded - span - 1) / stride + 1;
    return true;
}

static bool too_large(const leati_conv_plan *p)
{
    const leati_conv *v = &p->conv;
    const size_t in[] = {v->batch, v->in_h + v->pad_top + v->pad_bottom,
                         v->in_w + v->pad_left + v->pad_right, v->in_c + CONV_SPREAD, 64};
    const size_t out[] = {v->batch, p->out_h, p->out_w, v->out_c + 64, 64};
    const size_t w[] = {v->out_c + 64, v->in_c + 64, v->kernel_h, v->kernel_w, 64};
    size_t a = 1, b = 1, d = 1;
    for (int i = 0; i < 5; i++)
        if (leati_mul_overflows(a, in[i], &a) || leati_mul_overflows(b, out[i], &b) ||
            leati_mul_overflows(d, w[i], &d))
            return true;
    return false;
}

static leat_status check(leat_context *c, const leati_conv *v, leati_conv_plan *p)
{
    LEATI_CHECK(c,
                v->batch && v->in_h && v->in_w && v->in_c && v->out_c && v->kernel_h &&
                    v->kernel_w && v->stride_h && v->stride_w && v->dilation_h && v->dilation_w,
                LEAT_INVALID,
                "a convolution of input (%zu, %zu, %zu, %zu) with %zu filters of %zu x %zu has a "
                "size, stride or dilation of 0",
                v->batch, v->in_h, v->in_w, v->in_c, v->out_c, v->kernel_h, v->kernel_w);
    LEATI_CHECK(c, v->groups && v->in_c % v->groups == 0 && v->out_c % v->groups == 0, LEAT_INVALID,
                "a convolution of %zu to %zu channels cannot be cut into %zu groups", v->in_c,
                v->out_c, v->groups);
    LEATI_CHECK(c,
                axis(v->in_h, v->pad_top, v->pad_bottom, v->kernel_h, v->dilation_h, v->stride_h,
                     &p->out_h) &&
                    axis(v->in_w, v->pad_left, v->pad_right, v->kernel_w, v->dilation_w,
                         v->stride_w, &p->out_w),
                LEAT_INVALID,
                "a kernel of %zu x %zu (dilation %zu x %zu) does not fit into the padded input of "
                "%zu x %zu",
                v->kernel_h, v->kernel_w, v->dilation_h, v->dilation_w,
                v->in_h + v->pad_top + v->pad_bottom, v->in_w + v->pad_left + v->pad_right);
    LEATI_CHECK(c, !too_large(p), LEAT_INVALID,
                "a convolution of input (%zu, %zu, %zu, %zu) to %zu channels is too large",
                v->batch, v->in_h, v->in_w, v->in_c, v->out_c);
    return LEAT_OK;
}

/* ---- sweeps -------------------------------------------------------------------------------- */

/* Filters that can be shared out. */
static size_t units_of(const sweep *s)
{
    return s->depthwise    ? 1
           : s->groups > 1 ? s->groups
                           : (s->group_n + s->ker->nr - 1) / s->ker->nr;
}

/* At least `blocks` blocks of lines or columns, at most `most`, so that few tasks come out even
 * whatever the number of filters. */
static size_t even_blocks(const sweep *s, size_t blocks, size_t most, unsigned threads)
{
    size_t units = units_of(s);
    if (s->images * blocks >= 4 * (size_t)threads || units >= 4 * (size_t)threads ||
        units % threads == 0)
        return blocks;
    for (size_t b = blocks; b <= most && b < blocks + threads; b++)
        if (s->images * b % threads == 0) return b;
    return blocks;
}

/* The same where lines are pooled in twos, at most `lines` of them at once: in rows only. */
static void cut_pooled(sweep *s, size_t lines, unsigned threads)
{
    size_t most = CONV_POOLED_BYTES / sizeof(float) / s->line_step, twos = s->out_h / 2;
    if (lines > most) lines = most;
    if (lines < 2) lines = 2;
    s->n_blocks = 1;
    s->row_blocks = (twos + lines / 2 - 1) / (lines / 2);
    size_t tasks = s->images * s->row_blocks, wanted = 8 * (size_t)threads;
    if (threads == 1 || tasks >= wanted || tasks % threads == 0) return;
    s->row_blocks = (wanted + s->images - 1) / s->images;
    if (s->row_blocks > twos) s->row_blocks = twos;
}

/* How the output is cut: slabs fit the second-level cache, and there are enough tasks. */
static void cut(sweep *s, unsigned threads)
{
    size_t mr = s->ker->mr, budget = CONV_SLAB_BYTES / sizeof(float) / s->pixel;
    size_t columns = s->out_w, lines = 1;
    if (s->span_h * ((columns - 1) * s->step_w + s->span_w) > budget) {
        size_t fit = budget / s->span_h;
        size_t most = fit > s->span_w ? (fit - s->span_w) / s->step_w + 1 : 1;
        if (most < 4 * mr) most = 4 * mr;
        if (most < columns) columns = most;
    }
    s->col_blocks = (s->out_w + columns - 1) / columns;
    if (s->out_h == 1) s->col_blocks = even_blocks(s, s->col_blocks, s->out_w / mr, threads);
    columns = (s->out_w + s->col_blocks - 1) / s->col_blocks;
    s->slab_w = (columns - 1) * s->step_w + s->span_w;
    if (budget / s->slab_w > s->span_h) lines = (budget / s->slab_w - s->span_h) / s->step_h + 1;
    if (lines > s->out_h) lines = s->out_h;
    s->row_blocks = (s->out_h + lines - 1) / lines;
    if (s->out_h > 1 && s->col_blocks == 1 && !s->depthwise)
        s->row_blocks = even_blocks(s, s->row_blocks, s->out_h, threads);
    size_t tasks = s->images * s->row_blocks * s->col_blocks, wanted = 8 * (size_t)threads;
    s->n_blocks = 1;
    bool even = tasks % threads == 0 && (s->slab || s->depthwise || tasks >= 2 * (size_t)threads);
    if (threads > 1 && tasks < wanted && !even) {
        size_t units = units_of(s);
        s->n_blocks = (wanted + tasks - 1) / tasks;
        if (s->n_blocks > units) s->n_blocks = units;
        if (s->depthwise && s->row_blocks * s->images < wanted) {
            s->row_blocks = (wanted + s->images - 1) / s->images;
            if (s->row_blocks > s->out_h) s->row_blocks = s->out_h;
        }
    }
    if (s->pool) cut_pooled(s, lines, threads);
    size_t unit = s->pool ? 2 : 1;
    lines = (s->out_h / unit + s->row_blocks - 1) / s->row_blocks * unit;
    if (s->slab)
        s->slab_each =
            leati_conv_align(((lines - 1) * s->step_h + s->span_h) * s->slab_w * s->pixel);
    s->each = s->slab_each;
    if (s->pool) s->each += leati_conv_align(lines * s->line_step);
}

/* The runs of a slab (or of the input itself): taps that lie side by side are one run. */
static void make_runs(sweep *s)
{
    size_t row = s->slab ? s->slab_w * s->pixel : s->in_w * s->in_c;
    for (size_t y = 0; y < s->y_count; y++) {
        for (size_t x = 0; x < s->x_count; x++) {
            size_t index = s->ys[y].index * s->kernel_w + s->xs[x].index;
            leati_run run = {s->ys[y].place * row + s->xs[x].place * s->pixel, index * s->terms,
                             s->terms};
            leati_run *before = s->run_count ? &s->runs[s->run_count - 1] : NULL;
            if (before && before->a + before->k == run.a && before->b + before->k == run.b)
                before->k += run.k;
            else s->runs[s->run_count++] = run;
        }
    }
}

/* One axis of the gradient of the data: the taps that reach pixels of remainder `phase`, from the
 * last to the first. Tap k reads dy at (pixel / stride) + place. */
typedef struct phase_axis {
    size_t count, span;
    ptrdiff_t first; /* the smallest place */
} phase_axis;

static bool phase_tap(size_t phase, size_t pad, size_t tap, size_t dilation, size_t stride,
                      ptrdiff_t *place)
{
    ptrdiff_t at = (ptrdiff_t)(phase + pad) - (ptrdiff_t)(tap * dilation);
    if (at % (ptrdiff_t)stride != 0) return false;
    *place = at / (ptrdiff_t)stride;
    return true;
}

static phase_axis phase_find(size_t phase, size_t pad, size_t kernel, size_t dilation,
                             size_t stride)
{
    phase_axis a = {0, 1, 0};
    for (size_t k = kernel; k-- > 0;) {
        ptrdiff_t place;
        if (!phase_tap(phase, pad, k, dilation, stride, &place)) continue;
        if (a.count++ == 0) a.first = place;
        a.span = (size_t)(place - a.first) + 1;
    }
    return a;
}

static void decide_slab(leat_context *c, const leati_conv_plan *p, sweep *s, bool bordered)
{
    size_t pixel = p->pairs ? (s->in_c + 1) / 2 : s->in_c;
    bool bad = s->step_w * pixel * sizeof(float) % CONV_BAD_STRIDE == 0;
    s->slab = (bordered || bad || p->pairs) && !s->depthwise;
    s->pixel = pixel + (bad && s->slab ? CONV_SPREAD : 0);
    s->terms = p->pairs ? (s->group_k + 1) / 2 : s->group_k;
    if (p->pairs) s->half = leati_bf16_kernels_of(c);
}

/* A product of pixels by channels: the image does not matter. */
static bool flat(const leati_conv *v)
{
    return v->kernel_h == 1 && v->kernel_w == 1 && v->stride_h == 1 && v->stride_w == 1 &&
           !v->pad_top && !v->pad_left && !v->pad_bottom && !v->pad_right;
}

static void flatten(const leati_conv *v, sweep *s)
{
    if (!flat(v) || s->depthwise) return;
    s->in_w = s->out_w = s->images * s->in_h * s->in_w;
    s->images = s->in_h = s->out_h = 1;
}

static void sweep_forward(leat_context *c, const leati_conv_plan *p, bool pool, sweep *s)
{
    const leati_conv *v = &p->conv;
    *s = (sweep){.ker = leati_net_kernels_of(c),
                 .images = v->batch,
                 .in_h = v->in_h,
                 .in_w = v->in_w,
                 .in_c = v->in_c,
                 .step_h = v->stride_h,
                 .step_w = v->stride_w,
                 .span_h = (v->kernel_h - 1) * v->dilation_h + 1,
                 .span_w = (v->kernel_w - 1) * v->dilation_w + 1,
                 .top = (ptrdiff_t)v->pad_top,
                 .left = (ptrdiff_t)v->pad_left,
                 .out_h = p->out_h,
                 .out_w = p->out_w,
                 .out_n = v->out_c,
                 .image_step = p->out_h * p->out_w * v->out_c,
                 .line_step = p->out_w * v->out_c,
                 .pixel_step = v->out_c,
                 .depthwise = p->depthwise,
                 .pool = pool,
                 .groups = v->groups,
                 .group_k = v->in_c / v->groups,
                 .group_n = v->out_c / v->groups};
    s->depth = s->group_k * v->kernel_h * v->kernel_w;
    decide_slab(c, p, s, v->pad_top || v->pad_left || v->pad_bottom || v->pad_right);
    flatten(v, s);
    cut(s, leat_context_threads(c));
}

static void taps_forward(const leati_conv_plan *p, sweep *s)
{
    const leati_conv *v = &p->conv;
    for (size_t y = 0; y < v->kernel_h; y++)
        s->ys[s->y_count++] = (leati_conv_tap){y * v->dilation_h, y};
    for (size_t x = 0; x < v->kernel_w; x++)
        s->xs[s->x_count++] = (leati_conv_tap){x * v->dilation_w, x};
}

static void sweep_back(leat_context *c, const leati_conv_plan *p, size_t py, size_t px, sweep *s)
{
    const leati_conv *v = &p->conv;
    phase_axis y = phase_find(py, v->pad_top, v->kernel_h, v->dilation_h, v->stride_h);
    phase_axis x = phase_find(px, v->pad_left, v->kernel_w, v->dilation_w, v->stride_w);
    *s = (sweep){.ker = leati_net_kernels_of(c),
                 .images = v->batch,
                 .in_h = p->out_h,
                 .in_w = p->out_w,
                 .in_c = v->out_c,
                 .step_h = 1,
                 .step_w = 1,
                 .span_h = y.span,
                 .span_w = x.span,
                 .top = -y.first,
                 .left = -x.first,
                 .out_h = (v->in_h - py + v->stride_h - 1) / v->stride_h,
                 .out_w = (v->in_w - px + v->stride_w - 1) / v->stride_w,
                 .out_n = v->in_c,
                 .image_step = v->in_h * v->in_w * v->in_c,
                 .line_step = v->stride_h * v->in_w * v->in_c,
                 .pixel_step = v->stride_w * v->in_c,
                 .depthwise = p->depthwise,
                 .groups = v->groups,
                 .group_k = v->out_c / v->groups,
                 .group_n = v->in_c / v->groups};
    s->depth = s->group_k * v->kernel_h * v->kernel_w;
    decide_slab(c, p, s,
                y.first || x.first || s->out_h + y.span - 1 > p->out_h ||
                    s->out_w + x.span - 1 > p->out_w);
    flatten(v, s);
    cut(s, leat_context_threads(c));
}

static void taps_back(const leati_conv_plan *p, size_t py, size_t px, sweep *s)
{
    const leati_conv *v = &p->conv;
    ptrdiff_t place;
    for (size_t y = v->kernel_h; y-- > 0;)
        if (phase_tap(py, v->pad_top, y, v->dilation_h, v->stride_h, &place))
            s->ys[s->y_count++] = (leati_conv_tap){(size_t)(place + s->top), v->kernel_h - 1 - y};
    for (size_t x = v->kernel_w; x-- > 0;)
        if (phase_tap(px, v->pad_left, x, v->dilation_w, v->stride_w, &place))
            s->xs[s->x_count++] = (leati_conv_tap){(size_t)(place + s->left), v->kernel_w - 1 - x};
}

typedef struct corner {
    size_t image, line, lines, column, columns;
} corner;

static bool clamps(leati_activation a)
{
    return a == LEATI_ACT_RELU || a == LEATI_ACT_RELU6;
}

/* A rectangle of output pixels under which the same taps lie inside the image. */
static void depthwise_rectangle(const sweep *s, const corner *at, leati_conv_segment y,
                                leati_conv_segment x, leati_run *runs)
{
    size_t row = s->in_w * s->in_c, count = 0;
    ptrdiff_t in_y = (ptrdiff_t)(y.from * s->step_h) - s->top;
    ptrdiff_t in_x = (ptrdiff_t)(x.from * s->step_w) - s->left;
    for (size_t i = y.tap; i < y.end; i++) {
        for (size_t j = x.tap; j < x.end; j++) {
            /* from the first pixel of the image: at least 0 for taps inside */
            ptrdiff_t py = in_y + (ptrdiff_t)s->ys[i].place, px = in_x + (ptrdiff_t)s->xs[j].place;
            runs[count++] = (leati_run){(size_t)py * row + (size_t)px * s->in_c,
                                        s->ys[i].index * s->kernel_w + s->xs[j].index, 1};
        }
    }
    size_t out = at->image * s->image_step + y.from * s->line_step + x.from * s->pixel_step;
    s->ker->depth_block(&(leati_depth_block){
        .lines = y.to - y.from,
        .rows = x.to - x.from,
        .channels = s->in_c,
        .runs = runs,
        .run_count = count,
        .a = s->in + at->image * s->in_h * row,
        .a_line = s->step_h * row,
        .a_step = s->step_w * s->in_c,
        .w = s->packed,
        .w_step = s->in_c,
        .c = s->out + out,
        .c_line = s->line_step,
        .c_step = s->pixel_step,
        .bias = s->bias,
        .residual = s->residual ? s->residual + out : NULL,
        .residual_line = s->line_step,
        .residual_step = s->pixel_step,
        .clamp = clamps(s->activation),
        .high = s->activation == LEATI_ACT_RELU6 ? 6 : (float)__builtin_inf()});
}

/* No slab: copying would cost as much as the few products of a pixel. */
static void sweep_depthwise(const sweep *s, const corner *at, leati_run *runs)
{
    size_t end_y = at->line + at->lines, end_x = at->column + at->columns;
    for (size_t oy = at->line; oy < end_y;) {
        leati_conv_segment y =
            leati_conv_segment_at(s->ys, s->y_count, oy, end_y, s->step_h, s->top, s->in_h);
        for (size_t ox = at->column; ox < end_x;) {
            leati_conv_segment x =
                leati_conv_segment_at(s->xs, s->x_count, ox, end_x, s->step_w, s->left, s->in_w);
            depthwise_rectangle(s, at, y, x, runs);
            ox = x.to;
        }
        oy = y.to;
    }
    if (s->activation == LEATI_ACT_NONE || clamps(s->activation)) return;
    float *out = s->out + at->image * s->image_step + at->column * s->pixel_step;
    for (size_t y = at->line; y < end_y; y++) {
        float *line = out + y * s->line_step;
        s->ker->activate(s->activation, at->columns * s->pixel_step, line, line);
    }
}

/* The same of pairs of bf16 numbers. */
static void sweep_pairs(const sweep *s, const float *a, size_t row, const corner *at, float *c,
                        const float *residual, size_t g, size_t j, size_t n)
{
    size_t nr = s->ker->nr, channel = g * s->group_n + j;
    const float *b = s->packed + (g * round_up(s->group_n, nr) + j) * s->depth;
    s->half->block(
        &(leati_bf16_block){.lines = at->lines,
                            .rows = at->columns,
                            .n = n,
                            .by_rows = true,
                            .runs = s->runs,
                            .run_count = s->run_count,
                            .a = (const uint32_t *)(const void *)a + g * s->terms,
                            .a_line = s->step_h * row,
                            .a_step = s->step_w * s->pixel,
                            .b = (const uint32_t *)(const void *)b,
                            .b_panel = nr * s->depth,
                            .c = c + channel,
                            .c_line = s->line_step,
                            .c_step = s->pixel_step,
                            .bias = s->bias ? s->bias + channel : NULL,
                            .residual = residual ? residual + channel : NULL,
                            .residual_line = s->line_step,
                            .residual_step = s->pixel_step,
                            .clamp = clamps(s->activation),
                            .high = s->activation == LEATI_ACT_RELU6 ? 6 : (float)__builtin_inf()});
}

/* Columns j .. j + n of group g. */
static void sweep_product(const sweep *s, const float *a, size_t row, const corner *at, float *c,
                          const float *residual, size_t g, size_t j, size_t n)
{
    size_t nr = s->ker->nr, channel = g * s->group_n + j;
    if (s->half) {
        sweep_pairs(s, a, row, at, c, residual, g, j, n);
        return;
    }
    s->ker->sum_block(
        &(leati_sum_block){.lines = at->lines,
                           .rows = at->columns,
                           .n = n,
                           .by_rows = true,
                           .runs = s->runs,
                           .run_count = s->run_count,
                           .a = a + g * s->group_k,
                           .a_line = s->step_h * row,
                           .a_step = s->step_w * s->pixel,
                           .b = s->packed + (g * round_up(s->group_n, nr) + j) * s->depth,
                           .b_panel = nr * s->depth,
                           .c = c + channel,
                           .c_line = s->line_step,
                           .c_step = s->pixel_step,
                           .bias = s->bias ? s->bias + channel : NULL,
                           .residual = residual ? residual + channel : NULL,
                           .residual_line = s->line_step,
                           .residual_step = s->pixel_step,
                           .clamp = clamps(s->activation),
                           .high = s->activation == LEATI_ACT_RELU6 ? 6 : (float)__builtin_inf()});
}

/* Channels of block `block` of n_blocks. */
static void sweep_channels(const sweep *s, const float *a, size_t row, const corner *at,
                           size_t block, float *c, const float *residual)
{
    size_t nr = s->ker->nr, from = 0, to = s->out_n;
    if (s->groups > 1) {
        size_t g0 = leati_task_start(s->groups, s->n_blocks, block);
        size_t g1 = leati_task_start(s->groups, s->n_blocks, block + 1);
        for (size_t g = g0; g < g1; g++)
            sweep_product(s, a, row, at, c, residual, g, 0, s->group_n);
        from = g0 * s->group_n, to = g1 * s->group_n;
    } else {
        size_t panels = (s->group_n + nr - 1) / nr;
        from = leati_task_start(panels, s->n_blocks, block) * nr;
        to = leati_task_start(panels, s->n_blocks, block + 1) * nr;
        if (to > s->group_n) to = s->group_n;
        sweep_product(s, a, row, at, c, residual, 0, from, to - from);
    }
    if (s->activation == LEATI_ACT_NONE || clamps(s->activation)) return;
    for (size_t y = 0; y < at->lines; y++) {
        float *line = c + y * s->line_step;
        if (to - from == s->pixel_step) {
            s->ker->activate(s->activation, at->columns * s->pixel_step, line, line);
            continue;
        }
        for (size_t x = 0; x < at->columns; x++, line += s->pixel_step)
            s->ker->activate(s->activation, to - from, line + from, line + from);
    }
}

/* The lines of a task to those of the pool's result. */
static void pool_lines(const sweep *s, const corner *at, const float *before)
{
    const size_t taps[] = {0, s->out_n, s->line_step, s->line_step + s->out_n};
    leati_pool_row r = {.windows = s->out_w / 2,
                        .channels = s->out_n,
                        .count = 4,
                        .step = 2 * s->out_n,
                        .taps = taps};
    size_t row = r.windows * r.channels, to = (at->image * s->out_h + at->line) / 2 * row;
    for (size_t i = 0; i < at->lines; i += 2, to += row, before += 2 * s->line_step) {
        if (s->told) s->ker->pool_which(&r, before, s->pooled + to, s->told + to);
        else s->ker->pool_max(&r, before, s->pooled + to);
    }
}

static void sweep_task(void *arg, size_t task, unsigned worker)
{
    const sweep *s = arg;
    size_t block = task % s->n_blocks, unit = s->pool ? 2 : 1;
    task /= s->n_blocks;
    size_t col = task % s->col_blocks;
    task /= s->col_blocks;
    size_t row_block = task % s->row_blocks;
    corner at = {.image = task / s->row_blocks,
                 .line = leati_task_start(s->out_h / unit, s->row_blocks, row_block) * unit,
                 .column = leati_task_start(s->out_w, s->col_blocks, col)};
    at.lines = leati_task_start(s->out_h / unit, s->row_blocks, row_block + 1) * unit - at.line;
    at.columns = leati_task_start(s->out_w, s->col_blocks, col + 1) - at.column;
    if (s->depthwise) {
        sweep_depthwise(s, &at, (leati_run *)(void *)(s->scratch + worker * s->each));
        return;
    }
    size_t row = s->in_w * s->in_c;
    const float *a = s->in + at.image * s->in_h * row + at.line * s->step_h * row +
                     at.column * s->step_w * s->in_c;
    if (s->slab) {
        float *slab = s->scratch + worker * s->each;
        size_t image = at.image * s->in_h * row / (s->which ? 4 : 1);
        leati_conv_piece piece = {.image = s->in + image,
                                  .which = s->which ? s->which + image : NULL,
                                  .h = s->in_h,
                                  .w = s->in_w,
                                  .channels = s->in_c,
                                  .y = (ptrdiff_t)(at.line * s->step_h) - s->top,
                                  .x = (ptrdiff_t)(at.column * s->step_w) - s->left,
                                  .rows = (at.lines - 1) * s->step_h + s->span_h,
                                  .columns = s->slab_w,
                                  .count = s->in_c,
                                  .pixel = s->pixel};
        if (s->half) leati_conv_pair_piece(s->half, &piece, (uint32_t *)(void *)slab);
        else leati_conv_copy_piece(s->ker, &piece, slab);
        a = slab;
        row = s->slab_w * s->pixel;
    }
    if (s->pool) {
        float *before = s->scratch + worker * s->each + s->slab_each;
        sweep_channels(s, a, row, &at, block, before, NULL);
        pool_lines(s, &at, before);
        return;
    }
    size_t out = at.image * s->image_step + at.line * s->line_step + at.column * s->pixel_step;
    const float *residual = s->residual ? s->residual + out : NULL;
    sweep_channels(s, a, row, &at, block, s->out + out, residual);
}

static void sweep_run(leat_context *c, sweep *s)
{
    size_t tasks = s->images * s->row_blocks * s->col_blocks * s->n_blocks;
    double work = (double)s->images * (double)s->out_h * (double)s->out_w * (double)s->out_n *
                  (double)(s->depthwise ? 64 : s->depth);
    if (work > CONV_SMALLEST_TASK) {
        leati_parallel(c, tasks, sweep_task, s);
        return;
    }
    for (size_t t = 0; t < tasks; t++) sweep_task(s, t, 0);
}

/* The workspace holds the taps and runs, then what each worker needs: a slab, or runs. */
static size_t runs_elements(const leati_conv_plan *p)
{
    return leati_conv_align(p->conv.kernel_h * p->conv.kernel_w * sizeof(leati_run) /
                            sizeof(float));
}

static size_t taps_elements(const leati_conv_plan *p)
{
    return leati_conv_align((p->conv.kernel_h + p->conv.kernel_w) * sizeof(leati_conv_tap) /
                            sizeof(float));
}

static size_t sweep_bytes(leat_context *c, const leati_conv_plan *p, const sweep *s)
{
    size_t each = p->depthwise ? runs_elements(p) : s->each;
    return (taps_elements(p) + runs_elements(p) + each * leat_context_threads(c)) * sizeof(float);
}

static void sweep_use(const leati_conv_plan *p, sweep *s, void *workspace)
{
    s->ys = workspace;
    s->xs = s->ys + p->conv.kernel_h;
    s->kernel_w = p->conv.kernel_w;
    s->runs = (leati_run *)(void *)((float *)workspace + taps_elements(p));
    s->scratch = (float *)workspace + taps_elements(p) + runs_elements(p);
    if (p->depthwise) s->each = runs_elements(p);
}

/* ---- Winograd ------------------------------------------------------------------------------- */

static bool three_by_three(const leati_conv *v)
{
    return !v->plain && !v->half && v->kernel_h == 3 && v->kernel_w == 3 && v->stride_h == 1 &&
           v->stride_w == 1 && v->dilation_h == 1 && v->dilation_w == 1 && v->groups == 1;
}

static leati_winograd winograd_forward(const leati_conv_plan *p)
{
    const leati_conv *v = &p->conv;
    return (leati_winograd){.images = v->batch,
                            .in_h = v->in_h,
                            .in_w = v->in_w,
                            .in_c = v->in_c,
                            .out_h = p->out_h,
                            .out_w = p->out_w,
                            .out_c = v->out_c,
                            .top = (ptrdiff_t)v->pad_top,
                            .left = (ptrdiff_t)v->pad_left};
}

static leati_winograd winograd_back(const leati_conv_plan *p)
{
    const leati_conv *v = &p->conv;
    return (leati_winograd){.images = v->batch,
                            .in_h = p->out_h,
                            .in_w = p->out_w,
                            .in_c = v->out_c,
                            .out_h = v->in_h,
                            .out_w = v->in_w,
                            .out_c = v->in_c,
                            .top = 2 - (ptrdiff_t)v->pad_top,
                            .left = 2 - (ptrdiff_t)v->pad_left};
}

leati_winograd_weights leati_conv_winograd_weights(const leati_conv_plan *p)
{
    const leati_conv *v = &p->conv;
    return (leati_winograd_weights){.images = v->batch,
                                    .in_h = v->in_h,
                                    .in_w = v->in_w,
                                    .in_c = v->in_c,
                                    .out_h = p->out_h,
                                    .out_w = p->out_w,
                                    .out_c = v->out_c,
                                    .top = (ptrdiff_t)v->pad_top,
                                    .left = (ptrdiff_t)v->pad_left};
}

static void plan_winograd(leat_context *c, leati_conv_plan *p)
{
    leati_winograd_weights weights = leati_conv_winograd_weights(p);
    leati_winograd forward = winograd_forward(p), back = winograd_back(p);
    if (!three_by_three(&p->conv)) return;
    p->winograd = leati_winograd_pays(&forward);
    p->winograd_back = leati_winograd_pays(&back);
    p->winograd_weights = leati_winograd_weights_pays(&weights);
    if (p->winograd) {
        p->packed = leati_winograd_packed(c, forward.in_c, forward.out_c);
        p->forward_bytes = leati_winograd_bytes(c, &forward);
    }
    if (p->winograd_back) {
        p->packed_back = leati_winograd_packed(c, back.in_c, back.out_c);
        p->back_data_bytes = leati_winograd_bytes(c, &back);
    }
}

leat_status leati_conv_plan_make(leat_context *c, const leati_conv *v, leati_conv_plan *out)
{
    leati_conv_plan p = {.conv = *v};
    const leati_net_kernels *ker = leati_net_kernels_of(c);
    sweep s;
    LEATI_TRY(check(c, v, &p));
    size_t k = v->in_c / v->groups, n = v->out_c / v->groups;
    p.depthwise = v->groups > 1 && k == 1 && n == 1;
    p.pairs = v->half && !p.depthwise && (v->groups == 1 || (k % 2 == 0 && n % 2 == 0));
    p.rounds = v->half && !p.pairs;
    p.weights = v->out_c * k * v->kernel_h * v->kernel_w;
    p.packed = p.depthwise ? p.weights : packed_elements(ker, v, k, n);
    p.packed_back = p.depthwise ? p.weights : packed_elements(ker, v, n, k);
    sweep_forward(c, &p, false, &s);
    p.forward_bytes = sweep_bytes(c, &p, &s);
    bool even = p.out_h % 2 == 0 && p.out_w % 2 == 0 && !flat(v) && !p.depthwise;
    p.spreads = p.pairs && even;
    p.pools = even && s.col_blocks == 1;
    for (size_t y = 0; y < v->stride_h && y < v->in_h; y++) {
        for (size_t x = 0; x < v->stride_w && x < v->in_w; x++) {
            sweep_back(c, &p, y, x, &s);
            size_t bytes = sweep_bytes(c, &p, &s);
            if (bytes > p.back_data_bytes) p.back_data_bytes = bytes;
        }
    }
    plan_winograd(c, &p);
    p.pools = p.pools && !p.winograd && !p.rounds;
    if (p.pools) {
        sweep_forward(c, &p, true, &s);
        p.pooled_bytes = sweep_bytes(c, &p, &s);
    }
    p.back_weights_bytes = leati_conv_weights_bytes(c, &p);
    if (p.rounds) {
        size_t x = leati_conv_align(leati_conv_inputs(&p)) * sizeof(float);
        size_t y = leati_conv_align(leati_conv_outputs(&p)) * sizeof(float);
        p.forward_bytes += x;
        p.back_data_bytes += y;
        p.back_weights_bytes += x + y;
    }
    *out = p;
    return LEAT_OK;
}

/* `s` knows where results go. */
static void sweep_on(leat_context *c, const leati_conv_plan *p, sweep *s, const float *x,
                     const float *packed, const leati_conv_epilogue *epilogue, void *workspace)
{
    sweep_use(p, s, workspace);
    taps_forward(p, s);
    if (!p->depthwise) make_runs(s);
    s->in = x;
    s->packed = packed;
    if (epilogue) {
        s->bias = epilogue->bias;
        s->residual = epilogue->residual;
        s->activation = epilogue->activation;
    }
    sweep_run(c, s);
}

void leati_conv_forward(leat_context *c, const leati_conv_plan *p, const float *x,
                        const float *packed, const leati_conv_epilogue *epilogue, float *y,
                        void *workspace)
{
    sweep s;
    if (p->rounds) x = leati_conv_round(c, x, leati_conv_inputs(p), &workspace);
    if (p->winograd) {
        leati_winograd w = winograd_forward(p);
        w.in = x;
        w.packed = packed;
        w.out = y;
        if (epilogue) {
            w.bias = epilogue->bias;
            w.residual = epilogue->residual;
            w.activation = epilogue->activation;
        }
        leati_winograd_run(c, &w, workspace);
        return;
    }
    sweep_forward(c, p, false, &s);
    s.out = y;
    sweep_on(c, p, &s, x, packed, epilogue, workspace);
}

void leati_conv_forward_pooled(leat_context *c, const leati_conv_plan *p, const float *x,
                               const float *packed, const leati_conv_epilogue *epilogue,
                               float *pooled, uint8_t *which, void *workspace)
{
    sweep s;
    sweep_forward(c, p, true, &s);
    s.pooled = pooled;
    s.told = which;
    sweep_on(c, p, &s, x, packed, epilogue, workspace);
}

/* One convolution for each remainder of the stride. */
static void sweep_data(leat_context *c, const leati_conv_plan *p, const float *dy,
                       const uint8_t *which, const float *packed_back, bool add, float *dx,
                       void *workspace)
{
    const leati_conv *v = &p->conv;
    for (size_t py = 0; py < v->stride_h && py < v->in_h; py++) {
        for (size_t px = 0; px < v->stride_w && px < v->in_w; px++) {
            sweep s;
            sweep_back(c, p, py, px, &s);
            sweep_use(p, &s, workspace);
            taps_back(p, py, px, &s);
            if (!p->depthwise) make_runs(&s);
            s.in = dy;
            s.which = which;
            s.packed = packed_back;
            s.out = dx + (py * v->in_w + px) * v->in_c;
            s.residual = add ? s.out : NULL;
            sweep_run(c, &s);
        }
    }
}

void leati_conv_backward_data(leat_context *c, const leati_conv_plan *p, const float *dy,
                              const float *packed_back, bool add, float *dx, void *workspace)
{
    if (p->rounds) dy = leati_conv_round(c, dy, leati_conv_outputs(p), &workspace);
    if (p->winograd_back) {
        leati_winograd w = winograd_back(p);
        w.in = dy;
        w.packed = packed_back;
        w.out = dx;
        w.residual = add ? dx : NULL;
        leati_winograd_run(c, &w, workspace);
        return;
    }
    sweep_data(c, p, dy, NULL, packed_back, add, dx, workspace);
}

void leati_conv_backward_data_pooled(leat_context *c, const leati_conv_plan *p, const float *g,
                                     const uint8_t *which, const float *packed_back, float *dx,
                                     void *workspace)
{
    sweep_data(c, p, g, which, packed_back, false, dx, workspace);
}
