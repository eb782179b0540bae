/* Owns: the gradient of the weights of convolutions of 3 x 3 by Winograd: how it is cut. Not: the
 * transforms (isa/winograd_lanes.h).
 *
 * Forward is y = A^T ((G w G^T) * (B^T x B)) A tile by tile, so dw = G^T P G where the 16 planes of
 * P are the sums over all tiles of (B^T x B) (A dy A^T): 16 products of tiles where plain sums take
 * 36 (the transpose of Lavin and Gray 2016, section 4.1).
 *
 * A piece is some rows of tiles of an image, or several images; its planes stay in the second-level
 * cache. Pieces make chunks; a chunk adds its pieces into planes of its own, and those are added in
 * order. None of it depends on the number of threads. */
#include <string.h>

#include "base/pool.h"
#include "kernel/conv_sweep.h"

enum {
    PLANES = 16,
    TAPS = 9,
    PLANE_BYTES = 640 << 10,   /* of all planes of a piece, of x and of dy */
    PARTIAL_BYTES = 512 << 10, /* of the planes of a chunk, at most */
    MOST_CHUNKS = 16,
    FEW_PIECES = 8,
    LEAST_CHANNELS = 16,
    NEAR_K = 16, /* input channels of a task that adds the chunks */
    NEAR_N = 64
};

typedef struct gradient {
    const leati_net_kernels *k;
    const leati_winograd_weights *w;
    size_t down, across;               /* rows of tiles, tiles in a row, of an image */
    size_t images, row_blocks, pieces; /* images of a piece, or pieces of an image */
    size_t chunks, panels;
    /* elements */
    size_t x_slab, dy_slab, x_plane, dy_plane, each, plane, partial, bias;
    float *partials, *bias_partials, *scratch;
} gradient;

typedef struct piece {
    size_t image, images, row, rows; /* rows of tiles */
    bool first;
    float *slab, *dy_slab, *x, *dy, *sum, *db;
} piece;

static size_t ceiling(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

bool leati_winograd_weights_pays(const leati_winograd_weights *w)
{
    return w->in_c >= LEAST_CHANNELS && w->out_c >= LEAST_CHANNELS && w->out_h >= 4 &&
           w->out_w >= 4 && w->in_c * w->out_c * PLANES * sizeof(float) <= PARTIAL_BYTES;
}

static void cut(leat_context *c, const leati_winograd_weights *w, gradient *g)
{
    *g = (gradient){.k = leati_net_kernels_of(c), .w = w, .images = 1};
    g->down = ceiling(w->out_h, 2);
    g->across = ceiling(w->out_w, 2);
    g->panels = ceiling(w->out_c, g->k->nr);
    size_t wide = g->panels * g->k->nr;
    size_t fit = PLANE_BYTES / sizeof(float) / PLANES / (w->in_c + wide);
    size_t rows = fit / g->across ? fit / g->across : 1;
    if (rows >= g->down) {
        rows = g->down;
        g->images = fit / (g->down * g->across);
        size_t most = ceiling(w->images, MOST_CHUNKS);
        if (g->images > most) g->images = most;
    }
    g->row_blocks = ceiling(g->down, rows);
    size_t image_blocks = ceiling(w->images, g->images);
    if (image_blocks * g->row_blocks < FEW_PIECES) {
        g->row_blocks = ceiling(FEW_PIECES, image_blocks);
        if (g->row_blocks > g->down) g->row_blocks = g->down;
    }
    rows = ceiling(g->down, g->row_blocks);
    g->pieces = image_blocks * g->row_blocks;
    g->chunks = g->pieces < MOST_CHUNKS ? g->pieces : MOST_CHUNKS;
    size_t tiles = g->images * rows * g->across;
    g->x_slab = leati_conv_align((2 * rows + 2) * (2 * g->across + 2) * w->in_c);
    if (w->out_h % 2 || w->out_w % 2)
        g->dy_slab = leati_conv_align(2 * rows * 2 * g->across * w->out_c);
    g->x_plane = leati_conv_align(tiles * w->in_c) + CONV_SPREAD;
    g->dy_plane = leati_conv_align(tiles * wide) + CONV_SPREAD;
    g->each = g->x_slab + g->dy_slab + PLANES * (g->x_plane + g->dy_plane);
    g->plane = w->in_c * w->out_c;
    g->partial = leati_conv_align(PLANES * g->plane);
    g->bias = leati_conv_align(w->out_c);
}

size_t leati_winograd_weights_bytes(leat_context *c, const leati_winograd_weights *w)
{
    gradient g;
    cut(c, w, &g);
    return (g.chunks * (g.partial + g.bias) + g.each * leat_context_threads(c)) * sizeof(float);
}

static void transform_x(const gradient *g, const piece *p)
{
    const leati_winograd_weights *w = g->w;
    leati_winograd_in(g->k,
                      &(leati_winograd_part){w->x, w->in_h, w->in_w, w->in_c, w->top, w->left,
                                             p->image, p->images, p->row, p->rows, g->across},
                      p->slab, p->x, g->x_plane);
}

/* dy of one image in whole tiles: where it lies, or with zeros beyond its edge. */
static const float *whole_tiles(const gradient *g, const piece *p, const float *dy, size_t *row)
{
    const leati_winograd_weights *w = g->w;
    *row = w->out_w * w->out_c;
    if (!g->dy_slab) return dy + 2 * p->row * *row;
    *row = 2 * g->across * w->out_c;
    leati_conv_copy_piece(g->k,
                          &(leati_conv_piece){.image = dy,
                                              .h = w->out_h,
                                              .w = w->out_w,
                                              .channels = w->out_c,
                                              .y = (ptrdiff_t)(2 * p->row),
                                              .rows = 2 * p->rows,
                                              .columns = 2 * g->across,
                                              .count = w->out_c,
                                              .pixel = w->out_c},
                          p->dy_slab);
    return p->dy_slab;
}

/* Into panels, as the product reads its right operand. */
static void transform_dy(const gradient *g, const piece *p)
{
    const leati_winograd_weights *w = g->w;
    size_t nr = g->k->nr, panel = p->images * p->rows * g->across * nr, at = 0, row;
    for (size_t i = p->image; i < p->image + p->images; i++) {
        const float *image = w->dy + i * w->out_h * w->out_w * w->out_c;
        const float *dy = whole_tiles(g, p, image, &row);
        for (size_t y = 0; y < p->rows; y++, at += g->across * nr)
            for (size_t j = 0; j < g->panels; j++) {
                size_t left = w->out_c - j * nr;
                g->k->winograd_turn(g->across, left < nr ? left : nr, dy + 2 * y * row + j * nr,
                                    row, w->out_c, p->dy + j * panel + at, g->dy_plane);
            }
        if (!w->db) continue;
        size_t end = 2 * (p->row + p->rows) < w->out_h ? 2 * (p->row + p->rows) : w->out_h;
        g->k->add_rows((end - 2 * p->row) * w->out_w, w->out_c,
                       image + 2 * p->row * w->out_w * w->out_c, w->out_c, p->db);
    }
}

static void multiply(const gradient *g, const piece *p)
{
    const leati_winograd_weights *w = g->w;
    size_t tiles = p->images * p->rows * g->across;
    leati_run run = {0, 0, tiles};
    for (size_t plane = 0; plane < PLANES; plane++) {
        float *sum = p->sum + plane * g->plane;
        g->k->sum_block(&(leati_sum_block){.lines = 1,
                                           .rows = w->in_c,
                                           .n = w->out_c,
                                           .runs = &run,
                                           .run_count = 1,
                                           .a = p->x + plane * g->x_plane,
                                           .a_step = w->in_c,
                                           .b = p->dy + plane * g->dy_plane,
                                           .b_panel = tiles * g->k->nr,
                                           .c = sum,
                                           .c_step = w->out_c,
                                           .residual = p->first ? NULL : sum,
                                           .residual_step = w->out_c});
    }
}

static void chunk_task(void *arg, size_t chunk, unsigned worker)
{
    const gradient *g = arg;
    size_t from = leati_task_start(g->pieces, g->chunks, chunk);
    size_t to = leati_task_start(g->pieces, g->chunks, chunk + 1);
    piece p = {.slab = g->scratch + worker * g->each,
               .sum = g->partials + chunk * g->partial,
               .db = g->bias_partials + chunk * g->bias};
    p.dy_slab = p.slab + g->x_slab;
    p.x = p.dy_slab + g->dy_slab;
    p.dy = p.x + PLANES * g->x_plane;
    if (g->w->db) memset(p.db, 0, g->bias * sizeof *p.db);
    for (size_t i = from; i < to; i++) {
        size_t block = i % g->row_blocks, left;
        p.image = i / g->row_blocks * g->images;
        left = g->w->images - p.image;
        p.images = left < g->images ? left : g->images;
        p.row = leati_task_start(g->down, g->row_blocks, block);
        p.rows = leati_task_start(g->down, g->row_blocks, block + 1) - p.row;
        p.first = i == from;
        transform_x(g, &p);
        transform_dy(g, &p);
        multiply(g, &p);
    }
}

/* A block of input channels: the chunks added, transformed to taps, turned to the order of dw. */
static void finish_task(void *arg, size_t task, unsigned worker)
{
    const gradient *g = arg;
    size_t k = task * NEAR_K, n = g->w->out_c, left = g->w->in_c - k;
    size_t count = left < NEAR_K ? left : NEAR_K;
    float *sum = g->partials + k * n, *out = g->w->dw + k * TAPS;
    (void)worker;
    for (size_t chunk = 1; chunk < g->chunks; chunk++)
        for (size_t plane = 0; plane < PLANES; plane++)
            g->k->add_to(count * n, sum + chunk * g->partial + plane * g->plane,
                         sum + plane * g->plane);
    g->k->winograd_taps(count * n, sum, g->plane);
    for (size_t j = 0; j < n; j += NEAR_N)
        for (size_t i = 0; i < count; i++)
            g->k->transpose(TAPS, n - j < NEAR_N ? n - j : NEAR_N, sum + i * n + j, g->plane,
                            out + (j * g->w->in_c + i) * TAPS, g->w->in_c * TAPS);
}

void leati_winograd_weights_run(leat_context *c, const leati_winograd_weights *w, void *workspace)
{
    gradient g;
    cut(c, w, &g);
    g.partials = workspace;
    g.bias_partials = g.partials + g.chunks * g.partial;
    g.scratch = g.bias_partials + g.chunks * g.bias;
    leati_parallel(c, g.chunks, chunk_task, &g);
    leati_parallel(c, ceiling(w->in_c, NEAR_K), finish_task, &g);
    if (!w->db) return;
    g.k->copy(w->out_c, g.bias_partials, w->db);
    for (size_t chunk = 1; chunk < g.chunks; chunk++)
        g.k->add_to(w->out_c, g.bias_partials + chunk * g.bias, w->db);
}
