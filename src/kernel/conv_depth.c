/* Owns: a convolution and the one with one filter per channel behind it as one: how they are cut,
 * the slab between them. Not: the arithmetic (isa/sum_lanes.h, isa/depth_lanes.h). */
#include "kernel/conv_depth.h"

#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "kernel/conv_sweep.h"

enum {
    SLAB_BYTES = 256 << 10, /* of a panel of what lies between, in the second-level cache */
    PANEL_BYTES = 128,      /* of a pixel of it, at most */
    FEW_PIXELS = 512,       /* weights come in as fast as they are used */
    LEAST_WINOGRAD = 16,    /* channels */
    MOST_TWICE = 4          /* one line in so many may be made twice */
};

typedef struct job {
    const leati_net_kernels *k;
    const leati_conv_depth_plan *p;
    const leati_conv_depth_run *run;
    leati_run *first, *second; /* the taps */
    size_t first_count, second_count;
    size_t ahead; /* panels to the one that this thread makes next, about; 0: it makes no other */
    float *scratch;
} job;

static size_t ceiling(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t span(size_t kernel, size_t dilation)
{
    return (kernel - 1) * dilation + 1;
}

/* ---- plans ----------------------------------------------------------------------------------- */

/* One tap, no border: the input is read where it lies. */
static bool reads_direct(const leati_conv *v)
{
    return v->kernel_h == 1 && v->kernel_w == 1 && !v->pad_top && !v->pad_left && !v->pad_bottom &&
           !v->pad_right;
}

/* Columns and lines of a slab under `lines` lines of y. */
static size_t slab_columns(const leati_conv *second, size_t out_w)
{
    return (out_w - 1) * second->stride_w + span(second->kernel_w, second->dilation_w);
}

static size_t slab_lines(const leati_conv *second, size_t lines)
{
    return (lines - 1) * second->stride_h + span(second->kernel_h, second->dilation_h);
}

/* The lines of y whose slab has so many bytes at `pixel` bytes a pixel; at least 1. */
static size_t lines_that_fit(const leati_conv *second, size_t out_w, size_t pixel)
{
    size_t fit = SLAB_BYTES / pixel / slab_columns(second, out_w);
    size_t least = span(second->kernel_h, second->dilation_h);
    return fit > least ? (fit - least) / second->stride_h + 1 : 1;
}

bool leati_conv_depth_pays(const leati_conv_depth *pair)
{
    const leati_conv *a = &pair->first, *b = &pair->second;
    size_t reach = span(b->kernel_h, b->dilation_h), across = span(b->kernel_w, b->dilation_w);
    size_t h = b->in_h + b->pad_top + b->pad_bottom, w = b->in_w + b->pad_left + b->pad_right;
    bool winograd = a->kernel_h == 3 && a->kernel_w == 3 && a->stride_h == 1 && a->stride_w == 1 &&
                    a->in_c >= LEAST_WINOGRAD;
    if (winograd || a->groups != 1 || reach > h || across > w || reach <= b->stride_h) return false;
    size_t out_h = (h - reach) / b->stride_h + 1, out_w = (w - across) / b->stride_w + 1;
    size_t lines = lines_that_fit(b, out_w, PANEL_BYTES);
    return lines >= out_h || lines * b->stride_h >= MOST_TWICE * (reach - b->stride_h);
}

/* Slabs fit the cache; the tasks come out even, or are many. */
static void cut(leati_conv_depth_plan *p, const leati_net_kernels *k, size_t threads)
{
    const leati_conv *a = &p->pair.first, *b = &p->pair.second;
    size_t lines = lines_that_fit(b, p->second.out_w, k->nr * sizeof(float));
    p->panels = ceiling(b->in_c, k->nr);
    p->row_blocks = ceiling(p->second.out_h, smaller(lines, p->second.out_h));
    size_t others = b->batch * p->panels, most = 2 * p->row_blocks + threads;
    if (most > p->second.out_h) most = p->second.out_h;
    for (size_t rows = p->row_blocks; others * p->row_blocks < 4 * threads && rows <= most; rows++)
        if (others * rows % threads == 0) p->row_blocks = rows;
    lines = ceiling(p->second.out_h, p->row_blocks);
    p->slab_w = slab_columns(b, p->second.out_w);
    size_t between = smaller(slab_lines(b, lines), b->in_h);
    if (!reads_direct(a)) {
        p->piece_w = (b->in_w - 1) * a->stride_w + span(a->kernel_w, a->dilation_w);
        size_t rows = (between - 1) * a->stride_h + span(a->kernel_h, a->dilation_h);
        p->piece_each = leati_conv_align(rows * p->piece_w * a->in_c);
    }
    p->each = p->piece_each + leati_conv_align(slab_lines(b, lines) * p->slab_w * k->nr);
}

static size_t runs_elements(const leati_conv *v)
{
    return leati_conv_align(v->kernel_h * v->kernel_w * sizeof(leati_run) / sizeof(float));
}

leat_status leati_conv_depth_plan_make(leat_context *c, const leati_conv_depth *pair,
                                       leati_conv_depth_plan *out)
{
    const leati_conv *b = &pair->second;
    leati_conv_depth_plan p = {.pair = *pair};
    unsigned threads = leat_context_threads(c);
    p.pair.first.plain = true;
    LEATI_TRY(leati_conv_plan_make(c, &p.pair.first, &p.first));
    LEATI_TRY(leati_conv_plan_make(c, b, &p.second));
    LEATI_CHECK(c,
                pair->first.groups == 1 && b->groups == b->in_c && b->out_c == b->in_c &&
                    b->batch == pair->first.batch && b->in_h == p.first.out_h &&
                    b->in_w == p.first.out_w && b->in_c == pair->first.out_c,
                LEAT_INVALID,
                "a convolution to (%zu, %zu, %zu, %zu) cannot run together with one of "
                "(%zu, %zu, %zu, %zu) in %zu groups",
                pair->first.batch, p.first.out_h, p.first.out_w, pair->first.out_c, b->batch,
                b->in_h, b->in_w, b->in_c, b->groups);
    cut(&p, leati_net_kernels_of(c), threads);
    p.second_at = leati_conv_align(p.first.packed);
    p.packed = p.second_at + leati_conv_align(b->in_c * b->kernel_h * b->kernel_w);
    p.bytes = (runs_elements(&pair->first) + runs_elements(b) + p.each * threads) * sizeof(float);
    *out = p;
    return LEAT_OK;
}

void leati_conv_depth_pack(leat_context *c, const leati_conv_depth_plan *p, const float *first,
                           const float *second, float *packed)
{
    const leati_conv *b = &p->pair.second;
    size_t taps = b->kernel_h * b->kernel_w;
    leati_conv_pack(c, &p->first, first, packed);
    leati_net_kernels_of(c)->transpose(b->in_c, taps, second, taps, packed + p->second_at, b->in_c);
}

/* ---- running --------------------------------------------------------------------------------- */

/* What a task makes: `lines` of y from `line` on, and of the slab the lines top .. end-1, counted
 * from its first, which lie inside what is between: from its line `from` on. */
typedef struct place {
    size_t image, line, lines, channel, channels;
    size_t rows, top, end, from;
} place;

static place place_of(const job *g, size_t task)
{
    const leati_conv_depth_plan *p = g->p;
    const leati_conv *b = &p->pair.second;
    place at = {.channel = task % p->panels * g->k->nr};
    task /= p->panels;
    size_t block = task % p->row_blocks;
    at.image = task / p->row_blocks;
    at.line = leati_task_start(p->second.out_h, p->row_blocks, block);
    at.lines = leati_task_start(p->second.out_h, p->row_blocks, block + 1) - at.line;
    at.channels = smaller(b->in_c - at.channel, g->k->nr);
    at.rows = slab_lines(b, at.lines);
    size_t low = at.line * b->stride_h; /* the slab's first line, counted from the padding's */
    at.top = b->pad_top > low ? smaller(b->pad_top - low, at.rows) : 0;
    at.from = low + at.top - b->pad_top;
    at.end = b->pad_top + b->in_h > low ? smaller(b->pad_top + b->in_h - low, at.rows) : 0;
    if (at.end < at.top) at.end = at.top;
    return at;
}

static bool clamps(leati_activation a)
{
    return a == LEATI_ACT_RELU || a == LEATI_ACT_RELU6;
}

static float upper(leati_activation a)
{
    return a == LEATI_ACT_RELU6 ? 6 : (float)__builtin_inf();
}

/* What a clamp does not do, to lines of pixels. */
static void activate(const job *g, leati_activation kind, size_t lines, size_t pixels, size_t n,
                     float *at, size_t line, size_t pixel)
{
    if (kind == LEATI_ACT_NONE || clamps(kind)) return;
    for (size_t y = 0; y < lines; y++)
        for (size_t x = 0; x < pixels; x++) {
            float *to = at + y * line + x * pixel;
            g->k->activate(kind, n, to, to);
        }
}

/* The zeros around `columns` columns of the lines top .. end-1. */
static void make_border(const job *g, const place *at, size_t left, size_t columns, float *slab)
{
    size_t pixel = g->k->nr, row = g->p->slab_w * pixel, right = left + columns;
    memset(slab, 0, at->top * row * sizeof *slab);
    memset(slab + at->end * row, 0, (at->rows - at->end) * row * sizeof *slab);
    for (size_t y = at->top; y < at->end; y++) {
        float *line = slab + y * row;
        memset(line, 0, left * pixel * sizeof *line);
        memset(line + right * pixel, 0, (g->p->slab_w - right) * pixel * sizeof *line);
    }
}

/* The first convolution into the slab. `piece`: room for a part of the input. */
static void make_slab(const job *g, const place *at, float *piece, float *slab)
{
    const leati_conv *a = &g->p->pair.first, *b = &g->p->pair.second;
    size_t pixel = g->k->nr, row = g->p->slab_w * pixel, lines = at->end - at->top;
    size_t left = smaller(b->pad_left, g->p->slab_w);
    size_t columns = smaller(b->in_w, g->p->slab_w - left);
    make_border(g, at, left, columns, slab);
    if (!lines || !columns) return;
    const float *in = g->run->x + at->image * a->in_h * a->in_w * a->in_c;
    size_t line = a->in_w * a->in_c;
    if (g->p->piece_w) {
        leati_conv_piece copied = {.image = in,
                                   .h = a->in_h,
                                   .w = a->in_w,
                                   .channels = a->in_c,
                                   .y = (ptrdiff_t)(at->from * a->stride_h) - (ptrdiff_t)a->pad_top,
                                   .x = -(ptrdiff_t)a->pad_left,
                                   .rows =
                                       (lines - 1) * a->stride_h + span(a->kernel_h, a->dilation_h),
                                   .columns = g->p->piece_w,
                                   .count = a->in_c,
                                   .pixel = a->in_c};
        leati_conv_copy_piece(g->k, &copied, piece);
        in = piece;
        line = g->p->piece_w * a->in_c;
    } else in += at->from * a->stride_h * line;
    size_t depth = a->kernel_h * a->kernel_w * a->in_c;
    float *to = slab + at->top * row + left * pixel;
    const float *bias = g->run->first_bias;
    g->k->sum_block(&(leati_sum_block){.lines = lines,
                                       .rows = columns,
                                       .n = at->channels,
                                       .by_rows = true,
                                       .runs = g->first,
                                       .run_count = g->first_count,
                                       .a = in,
                                       .a_line = a->stride_h * line,
                                       .a_step = a->stride_w * a->in_c,
                                       .b = g->run->packed + at->channel * depth,
                                       .b_panel = pixel * depth,
                                       .ahead = g->ahead * pixel * depth,
                                       .c = to,
                                       .c_line = row,
                                       .c_step = pixel,
                                       .bias = bias ? bias + at->channel : NULL,
                                       .clamp = clamps(g->p->pair.between),
                                       .high = upper(g->p->pair.between)});
    activate(g, g->p->pair.between, lines, columns, at->channels, to, row, pixel);
}

static void task_run(void *arg, size_t task, unsigned worker)
{
    const job *g = arg;
    const leati_conv *b = &g->p->pair.second;
    const leati_conv_depth_run *run = g->run;
    place at = place_of(g, task);
    float *piece = g->scratch + worker * g->p->each, *slab = piece + g->p->piece_each;
    size_t pixel = g->k->nr, row = g->p->slab_w * pixel, line = g->p->second.out_w * b->in_c;
    float *y = run->y + (at.image * g->p->second.out_h + at.line) * line + at.channel;
    make_slab(g, &at, piece, slab);
    g->k->depth_block(
        &(leati_depth_block){.lines = at.lines,
                             .rows = g->p->second.out_w,
                             .channels = at.channels,
                             .runs = g->second,
                             .run_count = g->second_count,
                             .a = slab,
                             .a_line = b->stride_h * row,
                             .a_step = b->stride_w * pixel,
                             .w = run->packed + g->p->second_at + at.channel,
                             .w_step = b->in_c,
                             .c = y,
                             .c_line = line,
                             .c_step = b->in_c,
                             .bias = run->second_bias ? run->second_bias + at.channel : NULL,
                             .clamp = clamps(run->activation),
                             .high = upper(run->activation)});
    activate(g, run->activation, at.lines, g->p->second.out_w, at.channels, y, line, b->in_c);
}

/* The taps of v in rows of `row` elements and pixels of `pixel`, k terms each; neighbours that lie
 * side by side are one run where there is more than one term. */
static size_t make_runs(const leati_conv *v, size_t row, size_t pixel, size_t k, leati_run *runs)
{
    size_t count = 0, terms = k ? k : 1;
    for (size_t y = 0; y < v->kernel_h; y++)
        for (size_t x = 0; x < v->kernel_w; x++) {
            leati_run run = {y * v->dilation_h * row + x * v->dilation_w * pixel,
                             (y * v->kernel_w + x) * terms, terms};
            leati_run *last = count ? &runs[count - 1] : NULL;
            if (k && last && last->a + last->k == run.a && last->b + last->k == run.b) last->k += k;
            else runs[count++] = run;
        }
    return count;
}

void leati_conv_depth_forward(leat_context *c, const leati_conv_depth_plan *p,
                              const leati_conv_depth_run *run)
{
    const leati_conv *a = &p->pair.first, *b = &p->pair.second;
    job g = {.k = leati_net_kernels_of(c), .p = p, .run = run, .first = run->workspace};
    float *room = run->workspace;
    g.second = (leati_run *)(void *)(room + runs_elements(a));
    g.scratch = room + runs_elements(a) + runs_elements(b);
    if (p->panels > 1 && p->row_blocks == 1 && b->in_h * b->in_w <= FEW_PIXELS)
        g.ahead = leat_context_threads(c);
    g.first_count = make_runs(a, p->piece_w * a->in_c, a->in_c, a->in_c, g.first);
    g.second_count = make_runs(b, p->slab_w * g.k->nr, g.k->nr, 0, g.second);
    leati_parallel(c, b->batch * p->row_blocks * p->panels, task_run, &g);
}
