/* Owns: the gradients of a convolution's weights and bias by plain sums, and the choice of
 * Winograd's (conv_winograd_weights.c).
 *
 * The gradient of one tap is X^T dY summed over pixels: a product whose sum jumps from line to line
 * of the output. The images are cut into pieces that fit the second-level cache, the pieces into
 * chunks; a chunk adds its pieces into a partial gradient of its own, (tap, input channel, output
 * channel), and the partials are added in order. Large filters have few chunks and are cut by input
 * channels instead. None of it depends on the number of threads. */
#include <string.h>

#include "base/pool.h"
#include "kernel/conv.h"
#include "kernel/conv_sweep.h"
#include "kernel/kernels.h"

enum {
    MOST_CHUNKS = 16,
    FEW_TASKS = 8,
    PARTIAL_BYTES = 8 << 20, /* all partial gradients, unless there is one only */
    PANEL_BYTES = 256 << 10, /* packed rows of dY of a piece */
    FEW_ROWS = 8             /* fewer rows of a filter than this are gathered into patches */
};

typedef struct gradient {
    const leati_net_kernels *ker;
    const leati_kernels *gemm;
    const leati_conv_plan *p;
    const float *x, *dy, *given; /* given: dy before it was rounded, for the bias */
    const uint8_t *which;        /* dy is that of a pool of 2 x 2, to be spread */
    float *dw, *db;
    size_t taps, group_k, group_n;
    bool slab;
    const leati_bf16_kernels *half; /* of pairs of pixels in bf16, or NULL */
    size_t tail;                    /* pixels behind each row of such a slab */
    /* Pieces: `lines` output lines of one image, or `images` whole ones. */
    size_t lines, images, line_blocks, pieces, chunks, splits;
    size_t pixel, slab_w, slab_rows, x_elements, dy_elements, row_elements, run_elements, each;
    size_t partial; /* elements */
    float *partials, *bias_partials, *scratch;
} gradient;

typedef struct part {
    size_t image, images, line, lines, from, count; /* channels of a group */
    bool first, bias;
    leati_run *runs;
    float *x, *dy, *row, *out, *db;
} part;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void cut_pieces(gradient *g)
{
    const leati_conv *v = &g->p->conv;
    size_t lines = g->p->out_h, pixels = CONV_SLAB_BYTES / sizeof(float) / g->pixel;
    size_t span = (v->kernel_h - 1) * v->dilation_h + 1;
    size_t fit = PANEL_BYTES / sizeof(float) / (g->p->out_w * (g->group_n + g->ker->nr));
    lines = smaller(lines,
                    pixels / g->slab_w > span ? (pixels / g->slab_w - span) / v->stride_h + 1 : 1);
    lines = smaller(lines, fit);
    if (lines == 0) lines = 1;
    g->line_blocks = (g->p->out_h + lines - 1) / lines;
    g->lines = (g->p->out_h + g->line_blocks - 1) / g->line_blocks;
    g->slab_rows = (g->lines - 1) * v->stride_h + span;
    g->images = 1;
    if (g->line_blocks == 1) {
        size_t one = g->slab_rows * g->slab_w;
        g->images = smaller(pixels / one, fit / g->lines);
        size_t most = (v->batch + MOST_CHUNKS - 1) / MOST_CHUNKS;
        if (g->images > most) g->images = most;
        if (g->images == 0) g->images = 1;
    }
    g->pieces = (v->batch + g->images - 1) / g->images * g->line_blocks;
}

static void gradient_init(leat_context *c, const leati_conv_plan *p, gradient *g)
{
    const leati_conv *v = &p->conv;
    *g = (gradient){.ker = leati_net_kernels_of(c),
                    .gemm = leati_kernels_of(c),
                    .p = p,
                    .taps = v->kernel_h * v->kernel_w,
                    .group_k = v->in_c / v->groups,
                    .group_n = v->out_c / v->groups,
                    .splits = 1};
    if (p->depthwise) g->group_k = v->in_c, g->group_n = 1;
    g->slab = v->pad_top || v->pad_left || v->pad_bottom || v->pad_right;
    g->slab_w = (p->out_w - 1) * v->stride_w + (v->kernel_w - 1) * v->dilation_w + 1;
    if (p->pairs) {
        g->slab = true;
        g->half = leati_bf16_kernels_of(c);
        g->tail = p->out_w % 2 ? (v->kernel_w - 1) * v->dilation_w + 1 : 0;
    }
    g->partial = g->taps * g->group_k * (p->depthwise ? 1 : v->out_c);
    size_t most = PARTIAL_BYTES / sizeof(float) / g->partial;
    if (most == 0) most = 1;
    /* Few partials: cut by channels, which needs a copy of those channels. */
    if (!p->depthwise && most < MOST_CHUNKS) {
        g->splits = smaller(MOST_CHUNKS / most, g->group_k / (2 * g->ker->mr));
        if (g->splits == 0) g->splits = 1;
    }
    /* Few images: the same, for the sake of having tasks. */
    if (!p->depthwise && v->batch * g->splits < FEW_TASKS)
        g->splits = smaller(FEW_TASKS / v->batch, g->group_k / (2 * g->ker->mr));
    if (g->splits == 0) g->splits = 1;
    g->slab = g->slab || g->splits > 1;
    size_t channels = (g->group_k + g->splits - 1) / g->splits;
    g->pixel = channels;
    cut_pieces(g);
    g->chunks = smaller(smaller(g->pieces, MOST_CHUNKS), most);
    if (!g->slab && !p->depthwise) g->pixel = v->in_c;
    size_t row = (g->slab_w + g->tail) * g->pixel;
    g->x_elements = g->slab ? leati_conv_align(g->images * g->slab_rows * row) : 0;
    g->row_elements = g->half ? leati_conv_align(g->slab_w * g->pixel) : 0;
    size_t panels = (g->group_n + g->ker->nr - 1) / g->ker->nr;
    g->dy_elements =
        p->depthwise ? 0 : leati_conv_align(g->images * g->lines * p->out_w * panels * g->ker->nr);
    size_t runs = smaller(g->images * g->lines, v->batch * p->out_h) * (g->tail ? 2 : 1);
    if (p->depthwise) runs = g->taps;
    g->run_elements = leati_conv_align(runs * sizeof(leati_run) / sizeof(float));
    g->each = g->x_elements + g->dy_elements + g->row_elements + g->run_elements;
    g->partial = leati_conv_align(g->partial);
}

static size_t bias_elements(const gradient *g)
{
    return leati_conv_align(g->p->conv.out_c);
}

size_t leati_conv_weights_bytes(leat_context *c, const leati_conv_plan *p)
{
    gradient g;
    if (p->winograd_weights) {
        leati_winograd_weights w = leati_conv_winograd_weights(p);
        return leati_winograd_weights_bytes(c, &w);
    }
    gradient_init(c, p, &g);
    return (g.chunks * (g.partial + bias_elements(&g)) + g.each * leat_context_threads(c)) *
           sizeof(float);
}

/* The input of a part and its geometry: elements from row to row. */
static const float *part_input(const gradient *g, const part *t, size_t group, size_t *row,
                               size_t *image)
{
    const leati_conv *v = &g->p->conv;
    size_t whole = v->in_h * v->in_w * v->in_c;
    if (!g->slab) {
        *row = v->in_w * v->in_c;
        *image = whole;
        return g->x + t->image * whole + t->line * v->stride_h * *row + group * g->group_k +
               t->from;
    }
    size_t rows = (t->lines - 1) * v->stride_h + (v->kernel_h - 1) * v->dilation_h + 1;
    *row = g->slab_w * t->count;
    *image = rows * *row;
    for (size_t i = 0; i < t->images; i++)
        leati_conv_copy_piece(
            g->ker,
            &(leati_conv_piece){.image = g->x + (t->image + i) * whole,
                                .h = v->in_h,
                                .w = v->in_w,
                                .channels = v->in_c,
                                .y = (ptrdiff_t)(t->line * v->stride_h) - (ptrdiff_t)v->pad_top,
                                .x = -(ptrdiff_t)v->pad_left,
                                .rows = rows,
                                .columns = g->slab_w,
                                .from = group * g->group_k + t->from,
                                .count = t->count,
                                .pixel = t->count},
            t->x + i * *image);
    return t->x;
}

/* ---- pairs of pixels in bf16 ---------------------------------------------------------------- */

/* The input of a part: pixel p of a row has the pairs of pixels p and p + stride, so that pairs of
 * neighbouring windows begin at every tap. Behind a row, where windows are odd in number, are the
 * pixels of the last window with 0 beside them. */
static void pair_input(const gradient *g, const part *t, size_t group, size_t rows)
{
    const leati_conv *v = &g->p->conv;
    uint32_t *out = (uint32_t *)(void *)t->x;
    size_t step = v->stride_w * t->count, row = g->slab_w * t->count;
    size_t paired = row > step ? row - step : 0, last = (g->p->out_w - 1) * step;
    for (size_t r = 0; r < t->images * rows; r++, out += row + g->tail * t->count) {
        size_t image = t->image + r / rows, y = t->line * v->stride_h + r % rows;
        leati_conv_copy_piece(
            g->ker,
            &(leati_conv_piece){.image = g->x + image * v->in_h * v->in_w * v->in_c,
                                .h = v->in_h,
                                .w = v->in_w,
                                .channels = v->in_c,
                                .y = (ptrdiff_t)y - (ptrdiff_t)v->pad_top,
                                .x = -(ptrdiff_t)v->pad_left,
                                .rows = 1,
                                .columns = g->slab_w,
                                .from = group * g->group_k + t->from,
                                .count = t->count,
                                .pixel = t->count},
            t->row);
        g->half->zip(paired, t->row, t->row + step, out);
        if (g->tail) g->half->zip(g->tail * t->count, t->row + last, NULL, out + row);
    }
}

/* Pairs of pixels of a line of dY, n channels. */
static void pair_line(const gradient *g, const float *dy, size_t n, uint32_t *out)
{
    size_t nr = g->ker->nr, out_w = g->p->out_w, ld = g->p->conv.out_c;
    for (size_t x = 0; x < out_w; x += 2, dy += 2 * ld, out += nr) {
        g->half->zip(n, dy, x + 1 < out_w ? dy + ld : NULL, out);
        if (n < nr) memset(out + n, 0, (nr - n) * sizeof *out);
    }
}

/* The lines of dY of a part in panels. */
static void pair_gradient(const gradient *g, const part *t, size_t group)
{
    size_t nr = g->ker->nr, out_w = g->p->out_w, ld = g->p->conv.out_c, pairs = (out_w + 1) / 2;
    uint32_t *out = (uint32_t *)(void *)t->dy;
    for (size_t j = 0; j < g->group_n; j += nr) {
        size_t n = smaller(nr, g->group_n - j), channel = group * g->group_n + j;
        for (size_t i = 0; i < t->images * t->lines; i++, out += pairs * nr) {
            size_t y = t->line + i % t->lines, line = (t->image + i / t->lines) * g->p->out_h + y;
            if (g->which) {
                /* both lines of the windows at once, where the part has both */
                size_t at = line / 2 * (out_w / 2) * ld + channel, two = pairs * nr;
                bool more = y % 2 == 0 && i % t->lines + 1 < t->lines;
                g->half->spread_zip(pairs, n, ld, g->dy + at, g->which + at, y % 2 ? NULL : out,
                                    y % 2  ? out
                                    : more ? out + two
                                           : NULL);
                if (more) i++, out += two;
            } else pair_line(g, g->dy + line * out_w * ld + channel, n, out);
        }
    }
}

static void part_pairs(const gradient *g, const part *t, size_t group)
{
    const leati_conv *v = &g->p->conv;
    size_t rows = (t->lines - 1) * v->stride_h + (v->kernel_h - 1) * v->dilation_h + 1;
    size_t row = (g->slab_w + g->tail) * t->count, out_w = g->p->out_w, pairs = (out_w + 1) / 2;
    size_t lines = t->images * t->lines, count = 0;
    pair_input(g, t, group, rows);
    pair_gradient(g, t, group);
    if (t->bias)
        g->ker->add_rows(lines * out_w, g->group_n,
                         g->dy + (t->image * g->p->out_h + t->line) * out_w * v->out_c +
                             group * g->group_n,
                         v->out_c, t->db + group * g->group_n);
    for (size_t i = 0; i < lines; i++) {
        size_t at = (i / t->lines * rows + i % t->lines * v->stride_h) * row;
        if (out_w > 1) t->runs[count++] = (leati_run){at, i * pairs, out_w / 2};
        if (g->tail)
            t->runs[count++] = (leati_run){at + g->slab_w * t->count, i * pairs + out_w / 2, 1};
    }
    leati_bf16_block b = {.lines = 1,
                          .n = g->group_n,
                          .runs = t->runs,
                          .run_count = count,
                          .a_step = 2 * v->stride_w * t->count,
                          .b = (const uint32_t *)(const void *)t->dy,
                          .b_panel = lines * pairs * g->ker->nr,
                          .c_step = g->group_n,
                          .add = !t->first};
    float *out = t->out + group * g->taps * g->group_k * g->group_n;
    bool joined = t->count == g->group_k && v->dilation_w == 1;
    b.rows = joined ? v->kernel_w * g->group_k : t->count;
    for (size_t ky = 0; ky < v->kernel_h; ky++) {
        for (size_t kx = 0; kx < (joined ? 1 : v->kernel_w); kx++) {
            b.a = (const uint32_t *)(const void *)t->x + ky * v->dilation_h * row +
                  kx * v->dilation_w * t->count;
            b.c = out + ((ky * v->kernel_w + kx) * g->group_k + t->from) * g->group_n;
            g->half->block(&b);
        }
    }
}

/* ---- plain sums ------------------------------------------------------------------------------ */

static void part_product(const gradient *g, const part *t, size_t group)
{
    const leati_conv *v = &g->p->conv;
    size_t row, image, out_w = g->p->out_w, pixels = t->images * t->lines * out_w, count = 0;
    const float *x = part_input(g, t, group, &row, &image);
    const float *dy =
        g->dy + (t->image * g->p->out_h + t->line) * out_w * v->out_c + group * g->group_n;
    bool panel = g->group_n == v->out_c && v->out_c == g->ker->nr; /* dY is a panel as it lies */
    if (!panel) g->gemm->f32.pack_b(g->group_n, pixels, dy, v->out_c, false, t->dy);
    if (t->bias)
        g->ker->add_rows(pixels, g->group_n, g->given + (dy - g->dy), v->out_c,
                         t->db + group * g->group_n);
    for (size_t i = 0; i < t->images; i++)
        for (size_t y = 0; y < t->lines; y++, count++)
            t->runs[count] = (leati_run){i * image + y * v->stride_h * row, count * out_w, out_w};
    size_t pixel = g->slab ? t->count : v->in_c;
    leati_sum_block b = {.lines = 1,
                         .n = g->group_n,
                         .runs = t->runs,
                         .run_count = count,
                         .a_step = v->stride_w * pixel,
                         .b = panel ? dy : t->dy,
                         .b_panel = pixels * g->ker->nr,
                         .c_step = g->group_n};
    float *out = t->out + group * g->taps * g->group_k * g->group_n;
    if (pixel == 1 && v->stride_w == 1) {
        /* One channel: pixels lie side by side, so a row is a tap and a line a row of taps. */
        b.by_rows = true;
        b.lines = v->kernel_h;
        b.rows = v->kernel_w;
        b.a = x;
        b.a_line = v->dilation_h * row;
        b.a_step = v->dilation_w;
        b.c = out;
        b.c_line = b.residual_line = v->kernel_w * b.c_step;
        b.residual = t->first ? NULL : out;
        b.residual_step = b.c_step;
        g->ker->sum_block(&b);
        return;
    }
    bool joined = pixel == g->group_k && v->dilation_w == 1;
    b.rows = joined ? v->kernel_w * g->group_k : t->count;
    for (size_t ky = 0; ky < v->kernel_h; ky++) {
        for (size_t kx = 0; kx < (joined ? 1 : v->kernel_w); kx++) {
            b.a = x + ky * v->dilation_h * row + kx * v->dilation_w * pixel;
            b.c = out + ((ky * v->kernel_w + kx) * g->group_k + t->from) * g->group_n;
            b.residual = t->first ? NULL : b.c;
            b.residual_step = b.c_step;
            g->ker->sum_block(&b);
        }
    }
}

static void part_depthwise(const gradient *g, const part *t)
{
    const leati_conv *v = &g->p->conv;
    size_t row, image, out_w = g->p->out_w, count = 0;
    const float *x = part_input(g, t, 0, &row, &image);
    const float *dy = g->dy + (t->image * g->p->out_h + t->line) * out_w * v->out_c;
    for (size_t ky = 0; ky < v->kernel_h; ky++)
        for (size_t kx = 0; kx < v->kernel_w; kx++, count++)
            t->runs[count] =
                (leati_run){ky * v->dilation_h * row + kx * v->dilation_w * v->in_c, count, 1};
    if (t->first) memset(t->out, 0, g->partial * sizeof *t->out);
    for (size_t i = 0; i < t->images; i++)
        g->ker->depth_weights(
            &(leati_depth_block){.lines = t->lines,
                                 .rows = out_w,
                                 .channels = v->in_c,
                                 .runs = t->runs,
                                 .run_count = count,
                                 .a = x + i * image,
                                 .a_line = v->stride_h * row,
                                 .a_step = v->stride_w * v->in_c,
                                 .w_step = v->in_c,
                                 .c = (float *)dy + i * t->lines * out_w * v->out_c,
                                 .c_line = out_w * v->out_c,
                                 .c_step = v->out_c},
            t->out);
    if (t->bias)
        g->ker->add_rows(t->images * t->lines * out_w, v->out_c, g->given + (dy - g->dy), v->out_c,
                         t->db);
}

/* Chunk task / splits, channels of split task % splits. */
static void gradient_task(void *arg, size_t task, unsigned worker)
{
    const gradient *g = arg;
    size_t chunk = task / g->splits, split = task % g->splits;
    size_t from = leati_task_start(g->pieces, g->chunks, chunk);
    size_t to = leati_task_start(g->pieces, g->chunks, chunk + 1);
    float *own = g->scratch + worker * g->each;
    part t = {.from = leati_task_start(g->group_k, g->splits, split),
              .bias = g->db && split == 0,
              .runs = (leati_run *)(void *)own,
              .x = own + g->run_elements,
              .dy = own + g->run_elements + g->x_elements,
              .row = own + g->run_elements + g->x_elements + g->dy_elements,
              .out = g->partials + chunk * g->partial,
              .db = g->bias_partials + chunk * bias_elements(g)};
    t.count = leati_task_start(g->group_k, g->splits, split + 1) - t.from;
    if (t.bias) memset(t.db, 0, bias_elements(g) * sizeof(float));
    for (size_t piece = from; piece < to; piece++) {
        size_t block = piece % g->line_blocks;
        t.image = piece / g->line_blocks * g->images;
        t.images = smaller(g->images, g->p->conv.batch - t.image);
        t.line = leati_task_start(g->p->out_h, g->line_blocks, block);
        t.lines = leati_task_start(g->p->out_h, g->line_blocks, block + 1) - t.line;
        t.first = piece == from;
        if (g->p->depthwise) {
            part_depthwise(g, &t);
            continue;
        }
        for (size_t group = 0; group < g->p->conv.groups; group++)
            if (g->half) part_pairs(g, &t, group);
            else part_product(g, &t, group);
    }
}

/* ---- the partials together ----------------------------------------------------------------- */

/* A block of input channels of a group, all taps: their partials added, then turned block by block
 * of filters, so that what is written lies close together. */
enum { NEAR_K = 16, NEAR_N = 64, BAND = 64 };
static void finish_task(void *arg, size_t task, unsigned worker)
{
    const gradient *g = arg;
    size_t blocks = (g->group_k + NEAR_K - 1) / NEAR_K, n = g->group_n, step = g->group_k * n;
    size_t group = task / blocks, k = task % blocks * NEAR_K;
    size_t count = smaller(NEAR_K, g->group_k - k);
    float *sum = g->partials + group * g->taps * step + k * n;
    float *out = g->dw + (group * n * g->group_k + k) * g->taps;
    (void)worker;
    for (size_t chunk = 1; chunk < g->chunks; chunk++)
        for (size_t tap = 0; tap < g->taps; tap++)
            g->ker->add_to(count * n, sum + chunk * g->partial + tap * step, sum + tap * step);
    for (size_t j = 0; j < n; j += NEAR_N)
        for (size_t i = 0; i < count; i++)
            g->ker->transpose(g->taps, smaller(NEAR_N, n - j), sum + i * n + j, step,
                              out + (j * g->group_k + i) * g->taps, g->group_k * g->taps);
}

/* Filters of 1 x 1: whole rows of 64 channels at a time. */
static void finish_plain_task(void *arg, size_t task, unsigned worker)
{
    const gradient *g = arg;
    size_t bands = (g->group_k + BAND - 1) / BAND, n = g->group_n;
    size_t group = task / bands, k = task % bands * BAND;
    size_t count = smaller(BAND, g->group_k - k);
    float *sum = g->partials + group * g->group_k * n + k * n;
    (void)worker;
    for (size_t chunk = 1; chunk < g->chunks; chunk++)
        g->ker->add_to(count * n, sum + chunk * g->partial, sum);
    g->ker->transpose(count, n, sum, n, g->dw + group * n * g->group_k + k, g->group_k);
}

static void finish_depthwise(const gradient *g)
{
    size_t n = g->p->conv.in_c;
    for (size_t chunk = 1; chunk < g->chunks; chunk++)
        g->ker->add_to(g->taps * n, g->partials + chunk * g->partial, g->partials);
    g->ker->transpose(g->taps, n, g->partials, n, g->dw, g->taps);
}

static void finish(leat_context *c, gradient *g)
{
    size_t groups = g->p->conv.groups, n = g->p->conv.out_c;
    if (g->p->depthwise) finish_depthwise(g);
    else if (g->taps == 1)
        leati_parallel(c, groups * ((g->group_k + BAND - 1) / BAND), finish_plain_task, g);
    else leati_parallel(c, groups * ((g->group_k + NEAR_K - 1) / NEAR_K), finish_task, g);
    if (!g->db) return;
    g->ker->copy(n, g->bias_partials, g->db);
    for (size_t chunk = 1; chunk < g->chunks; chunk++)
        g->ker->add_to(n, g->bias_partials + chunk * bias_elements(g), g->db);
}

static void run(leat_context *c, gradient *g, void *workspace)
{
    g->partials = workspace;
    g->bias_partials = g->partials + g->chunks * g->partial;
    g->scratch = g->bias_partials + g->chunks * bias_elements(g);
    leati_parallel(c, g->chunks * g->splits, gradient_task, g);
    finish(c, g);
}

void leati_conv_backward_weights(leat_context *c, const leati_conv_plan *p, const float *x,
                                 const float *dy, float *dw, float *db, void *workspace)
{
    gradient g;
    if (p->winograd_weights) {
        leati_winograd_weights w = leati_conv_winograd_weights(p);
        w.x = x;
        w.dy = dy;
        w.dw = dw;
        w.db = db;
        leati_winograd_weights_run(c, &w, workspace);
        return;
    }
    const float *given = dy;
    if (p->rounds) {
        x = leati_conv_round(c, x, leati_conv_inputs(p), &workspace);
        dy = leati_conv_round(c, dy, leati_conv_outputs(p), &workspace);
    }
    gradient_init(c, p, &g);
    g.x = x;
    g.dy = dy;
    g.given = given;
    g.dw = dw;
    g.db = db;
    run(c, &g, workspace);
}

void leati_conv_backward_weights_pooled(leat_context *c, const leati_conv_plan *p, const float *x,
                                        const float *g, const uint8_t *which, float *dw,
                                        void *workspace)
{
    gradient t;
    gradient_init(c, p, &t);
    t.x = x;
    t.dy = g;
    t.which = which;
    t.dw = dw;
    run(c, &t, workspace);
}
