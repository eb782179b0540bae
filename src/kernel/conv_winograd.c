/* Owns: convolutions of 3 x 3 by Winograd's F(2 x 2, 3 x 3): how they are cut, their packed
 * filters. Not: the transforms (isa/winograd_lanes.h).
 *
 * A task takes some rows of tiles: it transforms their input into 16 planes (tiles, channels),
 * multiplies each plane by a transformed filter, and transforms back. The planes stay in the
 * second-level cache. Rounding errors are about twice those of plain sums. */
#include "base/pool.h"
#include "kernel/conv_sweep.h"

enum {
    PLANES = 16,
    PLANE_BYTES = 512 << 10, /* of all planes of a task, in and out */
    LEAST_CHANNELS = 16
};

typedef struct winograd {
    const leati_net_kernels *k;
    const leati_winograd *w;
    size_t down, across; /* rows of tiles, tiles in a row, of an image */
    size_t images, rows; /* of a task: several whole images, or rows of one */
    size_t row_blocks, image_blocks, n_blocks;
    size_t slab, in_plane, out_plane, each; /* elements */
    float *scratch;
} winograd;

static size_t ceiling(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

bool leati_winograd_pays(const leati_winograd *w)
{
    return w->in_c >= LEAST_CHANNELS && w->out_c >= LEAST_CHANNELS && w->out_h >= 4 &&
           w->out_w >= 4;
}

static void cut(leat_context *c, const leati_winograd *w, winograd *g)
{
    unsigned threads = leat_context_threads(c);
    *g = (winograd){.k = leati_net_kernels_of(c), .w = w, .images = 1, .n_blocks = 1};
    g->down = ceiling(w->out_h, 2);
    g->across = ceiling(w->out_w, 2);
    size_t fit = PLANE_BYTES / sizeof(float) / PLANES / (w->in_c + w->out_c);
    if (fit < 2 * g->k->mr) fit = 2 * g->k->mr;
    g->rows = fit / g->across ? fit / g->across : 1;
    if (g->rows >= g->down) {
        g->images = fit / (g->down * g->across);
        if (g->images > ceiling(w->images, 2 * (size_t)threads))
            g->images = ceiling(w->images, 2 * (size_t)threads);
        g->rows = g->down;
    }
    g->row_blocks = ceiling(g->down, g->rows);
    g->rows = ceiling(g->down, g->row_blocks);
    g->image_blocks = ceiling(w->images, g->images);
    size_t tasks = g->row_blocks * g->image_blocks, panels = ceiling(w->out_c, g->k->nr);
    if (threads > 1 && tasks < 4 * (size_t)threads && tasks % threads) {
        g->n_blocks = ceiling(4 * (size_t)threads, tasks);
        if (g->n_blocks > panels) g->n_blocks = panels;
    }
    size_t tiles = g->images * g->rows * g->across;
    g->slab = leati_conv_align((2 * g->rows + 2) * (2 * g->across + 2) * w->in_c);
    g->in_plane = leati_conv_align(tiles * w->in_c) + CONV_SPREAD;
    g->out_plane = leati_conv_align(tiles * w->out_c) + CONV_SPREAD;
    g->each = g->slab + PLANES * (g->in_plane + g->out_plane);
}

size_t leati_winograd_bytes(leat_context *c, const leati_winograd *w)
{
    winograd g;
    cut(c, w, &g);
    return g.each * leat_context_threads(c) * sizeof(float);
}

typedef struct place {
    size_t image, images, row, rows, n0, n1; /* n0 .. n1: filters */
} place;

void leati_winograd_in(const leati_net_kernels *k, const leati_winograd_part *p, float *slab,
                       float *planes, size_t plane)
{
    size_t columns = 2 * p->across + 2, row = columns * p->channels, at = 0;
    for (size_t i = p->image; i < p->image + p->images; i++) {
        leati_conv_copy_piece(k,
                              &(leati_conv_piece){.image = p->x + i * p->h * p->w * p->channels,
                                                  .h = p->h,
                                                  .w = p->w,
                                                  .channels = p->channels,
                                                  .y = (ptrdiff_t)(2 * p->row) - p->top,
                                                  .x = -p->left,
                                                  .rows = 2 * p->rows + 2,
                                                  .columns = columns,
                                                  .count = p->channels,
                                                  .pixel = p->channels},
                              slab);
        for (size_t y = 0; y < p->rows; y++, at += p->across * p->channels)
            k->winograd_in(p->across, p->channels, slab + 2 * y * row, row, p->channels,
                           planes + at, plane);
    }
}

static void transform_in(const winograd *g, const place *p, float *slab, float *planes)
{
    const leati_winograd *w = g->w;
    leati_winograd_in(g->k,
                      &(leati_winograd_part){w->in, w->in_h, w->in_w, w->in_c, w->top, w->left,
                                             p->image, p->images, p->row, p->rows, g->across},
                      slab, planes, g->in_plane);
}

static void multiply(const winograd *g, const place *p, const float *in, float *out)
{
    size_t k = g->w->in_c, nr = g->k->nr, whole = ceiling(g->w->out_c, nr) * nr * k;
    leati_run run = {0, 0, k};
    for (size_t plane = 0; plane < PLANES; plane++)
        g->k->sum_block(&(leati_sum_block){.lines = 1,
                                           .rows = p->images * p->rows * g->across,
                                           .n = p->n1 - p->n0,
                                           .by_rows = true,
                                           .runs = &run,
                                           .run_count = 1,
                                           .a = in + plane * g->in_plane,
                                           .a_step = k,
                                           .b = g->w->packed + plane * whole + p->n0 * k,
                                           .b_panel = nr * k,
                                           .c = out + plane * g->out_plane + p->n0,
                                           .c_step = g->w->out_c});
}

static void transform_out(const winograd *g, const place *p, const float *planes)
{
    const leati_winograd *w = g->w;
    size_t line = w->out_w * w->out_c, n = p->n1 - p->n0, tile = 0;
    bool clamp = w->activation == LEATI_ACT_RELU || w->activation == LEATI_ACT_RELU6;
    leati_winograd_out t = {.columns = w->out_w,
                            .channels = n,
                            .plane = g->out_plane,
                            .m_step = w->out_c,
                            .c_line = line,
                            .c_step = w->out_c,
                            .bias = w->bias ? w->bias + p->n0 : NULL,
                            .residual_line = line,
                            .residual_step = w->out_c,
                            .clamp = clamp,
                            .high = w->activation == LEATI_ACT_RELU6 ? 6 : (float)__builtin_inf()};
    for (size_t i = p->image; i < p->image + p->images; i++) {
        for (size_t y = p->row; y < p->row + p->rows; y++, tile += g->across) {
            size_t at = (i * w->out_h + 2 * y) * line + p->n0;
            t.lines = w->out_h - 2 * y < 2 ? 1 : 2;
            t.m = planes + tile * w->out_c + p->n0;
            t.c = w->out + at;
            t.residual = w->residual ? w->residual + at : NULL;
            g->k->winograd_out(&t);
            if (clamp || w->activation == LEATI_ACT_NONE) continue;
            for (size_t x = 0; x < t.lines * w->out_w; x++)
                g->k->activate(w->activation, n, t.c + x * w->out_c, t.c + x * w->out_c);
        }
    }
}

static void winograd_task(void *arg, size_t task, unsigned worker)
{
    const winograd *g = arg;
    size_t nr = g->k->nr, panels = ceiling(g->w->out_c, nr), block = task % g->n_blocks;
    task /= g->n_blocks;
    size_t rows = task % g->row_blocks, images = task / g->row_blocks;
    place p = {.image = images * g->images,
               .row = leati_task_start(g->down, g->row_blocks, rows),
               .n0 = leati_task_start(panels, g->n_blocks, block) * nr,
               .n1 = leati_task_start(panels, g->n_blocks, block + 1) * nr};
    p.rows = leati_task_start(g->down, g->row_blocks, rows + 1) - p.row;
    p.images = g->w->images - p.image < g->images ? g->w->images - p.image : g->images;
    if (p.n1 > g->w->out_c) p.n1 = g->w->out_c;
    float *slab = g->scratch + worker * g->each, *in = slab + g->slab;
    float *out = in + PLANES * g->in_plane;
    transform_in(g, &p, slab, in);
    multiply(g, &p, in, out);
    transform_out(g, &p, out);
}

void leati_winograd_run(leat_context *c, const leati_winograd *w, void *workspace)
{
    winograd g;
    cut(c, w, &g);
    g.scratch = workspace;
    leati_parallel(c, g.row_blocks * g.image_blocks * g.n_blocks, winograd_task, &g);
}

/* ---- filters -------------------------------------------------------------------------------- */

/* Behind the planes lie the plain filters of each panel, (tap, channel, nr). */
size_t leati_winograd_packed(leat_context *c, size_t in_c, size_t out_c)
{
    size_t nr = leati_net_kernels_of(c)->nr;
    return (PLANES + 9) * ceiling(out_c, nr) * nr * in_c;
}

typedef struct filters {
    const leati_net_kernels *k;
    size_t in_c, out_c;
    bool turned;
    const float *w;
    float *packed;
} filters;

static void filter_task(void *arg, size_t task, unsigned worker)
{
    const filters *f = arg;
    size_t nr = f->k->nr, lanes = f->k->lanes, j = task * nr, step = f->in_c * nr;
    size_t plane = ceiling(f->out_c, nr) * step;
    float *plain = f->packed + PLANES * plane + task * 9 * step;
    (void)worker;
    for (size_t x = 0; x < nr; x += lanes) {
        size_t left = f->out_c > j + x ? f->out_c - j - x : 0, h = left < lanes ? left : lanes;
        if (!f->turned) {
            f->k->pack_taps(h, f->in_c * 9, f->w + (j + x) * f->in_c * 9, f->in_c * 9, 9, false,
                            step, nr, plain + x);
            continue;
        }
        for (size_t o = 0; o < f->in_c; o++)
            f->k->pack_taps(h, 9, f->w + (o * f->out_c + j + x) * 9, 9, 9, true, step, nr,
                            plain + o * nr + x);
    }
    f->k->winograd_filter(step, plain, step, f->packed + task * step, plane);
}

void leati_winograd_pack(leat_context *c, size_t in_c, size_t out_c, bool turned, const float *w,
                         float *packed)
{
    filters f = {leati_net_kernels_of(c), in_c, out_c, turned, w, packed};
    leati_parallel(c, ceiling(out_c, f.k->nr), filter_task, &f);
}
