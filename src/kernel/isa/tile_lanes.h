/* Products of bf16 numbers by the tiles of AMX, 16 x 16 sums each (Intel SDM, TDPBF16PS). The order
 * of a sum is not that of bf16_lanes.h: of at most 16 pairs of a run at once, the products of the
 * first numbers and those of the second are each summed one after the other from 0, both sums are
 * added, and that to the sum; every step is rounded once, subnormals count as 0. So a run that is
 * cut after a multiple of 16 pairs gives the same bytes. */
#ifndef LEATI_KERNEL_ISA_TILE_LANES_H
#define LEATI_KERNEL_ISA_TILE_LANES_H

#include "kernel/isa/simd.h"
#include "kernel/net_kernels.h"

#define TILE_TARGET __attribute__((target("amx-tile,amx-bf16,avx512bf16")))
/* Not the intrinsics: those of GCC do not say that they read and write memory. */
#define TILE_LOAD(d, from, step)                                                                   \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #d ::"r"(from), "r"(step) : "memory")
#define TILE_STORE(d, to, step)                                                                    \
    __asm__ volatile("tilestored %%tmm" #d ", (%0,%1,1)" ::"r"(to), "r"(step) : "memory")
#define TILE_ZERO(d)      __asm__ volatile("tilezero %%tmm" #d ::)
#define TILE_SUM(d, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #d ::)

enum {
    TILE = 16,           /* rows, columns and pairs of terms of a tile */
    TILE_CHUNKS = 64,    /* chunks of at most TILE pairs that one pass over C sums */
    TILE_TURNED = 32,    /* the same where the left operand is turned for it */
    TILE_LD = 2 * TILE,  /* columns of `out` */
    TILE_LINE = 64 / 4,  /* elements of a line of the caches */
    TILE_ROW_BYTES = 64, /* a row of a tile */
    TILE_ELEMENTS = TILE * TILE
};

/* What ldtilecfg reads. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row */
    uint8_t rows[16];
} tile_config;

typedef struct tile_chunk {
    size_t a, b, pairs; /* as leati_run */
} tile_chunk;

/* Tiles 0 to 3 hold the sums of two tiles of rows and two of columns, 4 and 5 the rows of the left
 * operand, 6 and 7 the columns of the right one. */
typedef struct tile_work {
    const leati_bf16_block *t;
    size_t tiles,
        height;   /* of rows, all of one height: the last may begin with rows that are done */
    size_t depth; /* pairs of a whole chunk */
    size_t count;
    bool first, last; /* of the passes over C */
    tile_chunk chunk[TILE_CHUNKS];
    uint32_t *turned;                                         /* [chunk][2][TILE][TILE], or NULL */
    float out[2][TILE][TILE_LD] __attribute__((aligned(64))); /* sums on their way from or to C */
    uint32_t left[2][TILE_ELEMENTS] __attribute__((aligned(64))); /* last pairs of a run */
    uint32_t right[TILE][TILE_LD] __attribute__((aligned(64)));
    float bias[TILE_LD] __attribute__((aligned(64)));
} tile_work;

/* Two tiles of rows by the columns of a panel. */
typedef struct tile_place {
    const uint32_t *a[2], *b;
    float *c[2];
    const float *residual[2];
    size_t skip[2], width; /* rows that are done; columns */
    const char *next;      /* what is to be fetched beside the chunk at the same place of b */
    size_t lines;
} tile_place;

/* The last pairs of a run, zeros after them. */
INLINE void tile_left_rest(tile_work *w, const tile_place *at, const tile_chunk *k, size_t tiles)
{
    const size_t step = w->t->a_step;
    for (size_t i = 0; i < tiles; i++) {
        const uint32_t *x = at->a[i] + k->a;
        for (size_t row = 0; row < w->height; row++, x += step)
            store_f32((float *)(void *)(w->left[i] + row * TILE),
                      load_part_f32((const float *)(const void *)x, k->pairs));
    }
}

INLINE void tile_right_rest(tile_work *w, const uint32_t *y, size_t pairs)
{
    for (size_t p = 0; p < TILE; p++, y += NR) {
        for (size_t v = 0; v < 2; v++) {
            vf x = {0};
            if (p < pairs) x = load_f32((const float *)(const void *)(y + v * VF));
            store_f32((float *)(void *)(w->right[p] + v * VF), x);
        }
    }
}

/* The sums of C that a tile begins with, by way of `out` where its columns are not whole. */
INLINE const float *tile_from_c(tile_work *w, const tile_place *at, size_t i, size_t v,
                                size_t *step)
{
    size_t n = at->width - v * TILE;
    *step = w->t->c_step * sizeof(float);
    if (n >= TILE) return at->c[i] + v * TILE;
    for (size_t row = 0; row < w->height; row++)
        store_f32(&w->out[i][row][v * TILE],
                  load_part_f32(at->c[i] + row * w->t->c_step + v * TILE, n));
    *step = TILE_LD * sizeof(float);
    return &w->out[i][0][v * TILE];
}

#define TILE_START(d, i, v)                                                                        \
    do {                                                                                           \
        size_t step_ = 0;                                                                          \
        const float *from_ = w->bias + (v)*TILE;                                                   \
        if (!w->first || w->t->add) from_ = tile_from_c(w, at, i, v, &step_);                      \
        else if (!w->t->bias) from_ = NULL;                                                        \
        if (from_) TILE_LOAD(d, from_, step_);                                                     \
        else TILE_ZERO(d);                                                                         \
    } while (0)

/* Rows of sums in `out` to C, n columns from v tiles on, with what follows the sum. */
static void tile_finish(const tile_work *w, const tile_place *at, size_t i, size_t v)
{
    const leati_bf16_block *t = w->t;
    size_t n = at->width - v * TILE < TILE ? at->width - v * TILE : TILE;
    vf low = t->low - (vf){0}, high = t->high - (vf){0};
    for (size_t row = at->skip[i]; row < w->height; row++) {
        vf sum = load_f32(&w->out[i][row][v * TILE]);
        if (w->last && t->scale != 0) sum *= t->scale;
        if (w->last && at->residual[i])
            sum += load_last_f32(at->residual[i] + row * t->residual_step + v * TILE, n);
        if (w->last && t->clamp) sum = clamp_f32(sum, low, high);
        store_last_f32(at->c[i] + row * t->c_step + v * TILE, sum, n);
    }
}

INLINE bool tile_is_plain(const tile_work *w, const tile_place *at, size_t i, size_t v)
{
    const leati_bf16_block *t = w->t;
    bool more = t->scale != 0 || at->residual[i] || t->clamp;
    return !(w->last && more) && at->skip[i] == 0 && at->width >= (v + 1) * TILE;
}

#define TILE_END(d, i, v)                                                                          \
    do {                                                                                           \
        if (tile_is_plain(w, at, i, v))                                                            \
            TILE_STORE(d, at->c[i] + (v)*TILE, w->t->c_step * sizeof(float));                      \
        else {                                                                                     \
            TILE_STORE(d, &w->out[i][0][(v)*TILE], TILE_LD * sizeof(float));                       \
            tile_finish(w, at, i, v);                                                              \
        }                                                                                          \
    } while (0)

/* Constants: a second tile of rows, a second one of columns. */
INLINE TILE_TARGET void tile_sums(const bool lower, const bool wide, tile_work *w,
                                  const tile_place *at)
{
    const size_t depth = w->depth, count = w->count;
    const uint32_t *turned = w->turned;
    const size_t rows = count ? (w->height + count - 1) / count : 0; /* of C to fetch with each */
    size_t row = 0;
    TILE_START(0, 0, 0);
    if (wide) TILE_START(1, 0, 1);
    if (lower) TILE_START(2, 1, 0);
    if (lower && wide) TILE_START(3, 1, 1);
    for (size_t i = 0; i < count; i++) {
        const tile_chunk *k = &w->chunk[i];
        const uint32_t *x0 = at->a[0] + k->a, *x1 = at->a[1] + k->a, *y = at->b + k->b * NR;
        size_t step = w->t->a_step * sizeof *x0, right = NR * sizeof *y;
        const char *next = at->next + k->b * right;
        for (size_t l = 0; l < at->lines; l++) __builtin_prefetch(next + l * 64, 0, 2);
        for (size_t end = row + rows; row < end && row < w->height; row++) {
            const float *c0 = at->c[0] + row * w->t->c_step, *c1 = at->c[1] + row * w->t->c_step;
            __builtin_prefetch(c0, 1);
            if (wide) __builtin_prefetch(c0 + TILE, 1);
            if (lower) __builtin_prefetch(c1, 1);
            if (lower && wide) __builtin_prefetch(c1 + TILE, 1);
        }
        if (turned) {
            x0 = turned + 2 * i * TILE_ELEMENTS, x1 = x0 + TILE_ELEMENTS;
            step = TILE_ROW_BYTES;
        }
        if (k->pairs < depth) {
            if (!turned) {
                tile_left_rest(w, at, k, 1 + lower);
                x0 = w->left[0], x1 = w->left[1];
                step = TILE_ROW_BYTES;
            }
            tile_right_rest(w, y, k->pairs);
            y = w->right[0];
            right = TILE_LD * sizeof *y;
        }
        TILE_LOAD(4, x0, step);
        TILE_LOAD(6, y, right);
        TILE_SUM(0, 4, 6);
        if (wide) {
            TILE_LOAD(7, y + TILE, right);
            TILE_SUM(1, 4, 7);
        }
        if (lower) {
            TILE_LOAD(5, x1, step);
            TILE_SUM(2, 5, 6);
        }
        if (lower && wide) TILE_SUM(3, 5, 7);
    }
    TILE_END(0, 0, 0);
    if (wide) TILE_END(1, 0, 1);
    if (lower) TILE_END(2, 1, 0);
    if (lower && wide) TILE_END(3, 1, 1);
}

static TILE_TARGET void tile_sums_1x1(tile_work *w, const tile_place *at)
{
    tile_sums(false, false, w, at);
}

static TILE_TARGET void tile_sums_1x2(tile_work *w, const tile_place *at)
{
    tile_sums(false, true, w, at);
}

static TILE_TARGET void tile_sums_2x1(tile_work *w, const tile_place *at)
{
    tile_sums(true, false, w, at);
}

static TILE_TARGET void tile_sums_2x2(tile_work *w, const tile_place *at)
{
    tile_sums(true, true, w, at);
}

/* First row of tile q: the last tile begins earlier where it would not be full. */
INLINE size_t tile_row(const tile_work *w, size_t q)
{
    size_t most = w->t->rows - w->height;
    return q * w->height < most ? q * w->height : most;
}

/* Tiles q and q + 1 of the rows of a line by the panel from column j on. */
static void tile_pair(tile_work *w, size_t line, size_t q, size_t j)
{
    static void (*const sums[2][2])(tile_work *, const tile_place *) = {
        {tile_sums_1x1, tile_sums_1x2}, {tile_sums_2x1, tile_sums_2x2}};
    const leati_bf16_block *t = w->t;
    tile_place at = {.b = t->b + j / NR * t->b_panel, .width = t->n - j < NR ? t->n - j : NR};
    bool lower = q + 1 < w->tiles, wide = at.width > TILE;
    for (size_t i = 0; i < 2; i++) {
        size_t tile = lower ? q + i : q, row = tile_row(w, tile);
        at.skip[i] = tile * w->height - row;
        at.a[i] = t->a + line * t->a_line + (t->by_rows ? row * t->a_step : 0);
        at.c[i] = t->c + line * t->c_line + row * t->c_step + j;
        if (t->residual)
            at.residual[i] = t->residual + line * t->residual_line + row * t->residual_step + j;
    }
    at.next = (const char *)at.b;
    if (t->ahead) {
        size_t groups = t->lines * ((w->tiles + 1) / 2),
               group = line * ((w->tiles + 1) / 2) + q / 2;
        size_t all = w->depth * NR / TILE_LINE;
        at.lines = (all + groups - 1) / groups;
        at.next += t->ahead * sizeof *t->b + group * at.lines * 64;
        if (group * at.lines >= all) at.lines = 0;
    }
    for (size_t v = 0; t->bias && v < 1 + (size_t)wide; v++) {
        size_t n = at.width - v * TILE < TILE ? at.width - v * TILE : TILE;
        store_f32(w->bias + v * TILE, load_last_f32(t->bias + j + v * TILE, n));
    }
    sums[lower][wide](w, &at);
}

/* Rows of tiles q and q + 1 of a left operand that lies by columns. */
static void tile_turn(tile_work *w, size_t line, size_t q)
{
    const leati_bf16_block *t = w->t;
    for (size_t i = 0; i < w->count; i++) {
        const tile_chunk *k = &w->chunk[i];
        for (size_t s = 0; s < 2 && q + s < w->tiles; s++) {
            const uint32_t *x = t->a + line * t->a_line + k->a + tile_row(w, q + s);
            uint32_t *out = w->turned + (2 * i + s) * TILE_ELEMENTS;
            turn_f32(k->pairs, w->height, (const float *)(const void *)x, t->a_step,
                     (float *)(void *)out, TILE, true);
        }
    }
}

/* One pass over C. */
static void tile_pass(tile_work *w)
{
    const leati_bf16_block *t = w->t;
    if (w->turned) {
        for (size_t line = 0; line < t->lines; line++)
            for (size_t q = 0; q < w->tiles; q += 2) {
                tile_turn(w, line, q);
                for (size_t j = 0; j < t->n; j += NR) tile_pair(w, line, q, j);
            }
        return;
    }
    for (size_t j = 0; j < t->n; j += NR)
        for (size_t line = 0; line < t->lines; line++)
            for (size_t q = 0; q < w->tiles; q += 2) tile_pair(w, line, q, j);
}

/* Where all runs are of one length below that of a chunk, tiles are so deep. */
static size_t tile_depth(const leati_bf16_block *t)
{
    size_t k = t->run_count ? t->runs[0].k : 0;
    for (size_t i = 1; i < t->run_count; i++)
        if (t->runs[i].k != k) return TILE;
    return k && k < TILE ? k : TILE;
}

static TILE_TARGET void tile_configure(const tile_work *w)
{
    tile_config g = {.palette = 1};
    for (size_t i = 0; i < 8; i++) {
        g.rows[i] = (uint8_t)(i < 6 ? w->height : w->depth);
        g.bytes[i] = (uint16_t)(i / 2 == 2 ? w->depth * sizeof(uint32_t) : TILE_ROW_BYTES);
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(g));
}

/* The chunks of the next pass over C, from `pair` of `run` on. */
static void tile_take(tile_work *w, size_t *run, size_t *pair)
{
    const leati_bf16_block *t = w->t;
    size_t most = w->turned ? TILE_TURNED : TILE_CHUNKS;
    for (w->count = 0; *run < t->run_count && w->count < most;) {
        const leati_run *r = &t->runs[*run];
        size_t rest = r->k - *pair, a = r->a + *pair * (t->by_rows ? 1 : t->a_step);
        if (rest) w->chunk[w->count++] = (tile_chunk){a, r->b + *pair, rest < TILE ? rest : TILE};
        *pair += TILE;
        if (rest <= TILE) *run += 1, *pair = 0;
    }
    w->last = *run == t->run_count;
}

static TILE_TARGET void bf16_block_tiles(const leati_bf16_block *t)
{
    uint32_t turned[2 * TILE_TURNED * TILE_ELEMENTS] __attribute__((aligned(64)));
    size_t run = 0, pair = 0;
    tile_work w;
    if (t->rows == 0 || t->n == 0) return;
    w.t = t;
    w.tiles = (t->rows + TILE - 1) / TILE;
    w.height = (t->rows + w.tiles - 1) / w.tiles;
    w.depth = tile_depth(t);
    w.turned = t->by_rows ? NULL : turned;
    tile_configure(&w);
    w.first = true;
    do {
        tile_take(&w, &run, &pair);
        tile_pass(&w);
        w.first = false;
    } while (!w.last);
    __asm__ volatile("tilerelease" ::);
}

static void bf16_turn(size_t pairs, size_t rows, const uint32_t *in, size_t ld, uint32_t *out,
                      size_t ld_out)
{
    turn_f32(pairs, rows, (const float *)(const void *)in, ld, (float *)(void *)out, ld_out, false);
}

static const leati_bf16_kernels bf16_tiles = {.block = bf16_block_tiles,
                                              .unit = 2 * TILE,
                                              .task_rows = 512,
                                              .turn = bf16_turn,
                                              .spread = bf16_spread_native,
                                              .spread_zip = bf16_spread_zip_native,
                                              .round = bf16_round_native,
                                              .zip = bf16_zip_native,
                                              .rows = bf16_rows_native};

#endif
