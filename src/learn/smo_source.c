/* Owns: rows of the kernel matrix for the solver, in memory as a whole or cached. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "learn/smo.h"

enum { BATCH = 64, TILE = 1024, NOBODY = UINT32_MAX };

struct leati_smo_source {
    leat_context *context;
    const leati_kernel_fn *fn;
    const leati_kernel_rows *rows;
    size_t count;
    double *diagonal;
    float *values; /* (slots, count): the matrix, or the cached rows */

    /* Of a cache: what is in a slot, where a row is, and the list of slots by last use. */
    uint32_t slots, used;
    uint32_t *owner;         /* (slots) */
    uint32_t *slot;          /* (count) or NOBODY; NULL: values is the whole matrix */
    uint32_t *newer, *older; /* (slots + 1): a ring; slots is its head */
    leati_kernel_rows batch; /* (BATCH, cols) copies of the rows being loaded */
    float *block;            /* (BATCH, count) */
};

void leati_smo_source_destroy(leati_smo_source *s)
{
    if (!s) return;
    leati_free(s->diagonal);
    leati_free(s->values);
    leati_free(s->owner);
    leati_free(s->slot);
    leati_free(s->newer);
    leati_free(s->older);
    leati_free(s->block);
    leati_kernel_rows_fini(&s->batch);
    leati_free(s);
}

static leat_status create(leat_context *c, leati_smo_source **out, const leati_kernel_fn *fn,
                          const leati_kernel_rows *rows, size_t slots)
{
    leati_smo_source *s = *out = LEATI_NEW(c, leati_smo_source, 1);
    if (!s) return leat_error_status(c);
    *s = (leati_smo_source){.context = c, .fn = fn, .rows = rows, .count = rows->rows};
    size_t cells;
    bool huge = leati_mul_overflows(slots, s->count, &cells);
    s->values = huge ? NULL : leati_array(c, cells, sizeof *s->values);
    s->diagonal = leati_array(c, s->count, sizeof *s->diagonal);
    if (!s->values || !s->diagonal) return leat_error_status(c);
    for (size_t i = 0; i < s->count; i++) s->diagonal[i] = leati_kernel_self(fn, rows, i);
    return LEAT_OK;
}

typedef struct mirror_job {
    float *values;
    size_t count, from, to;
} mirror_job;

/* Copies rows [from, to) right of the diagonal to the columns below it, in blocks that fit L1. */
static void mirror_columns(void *arg, size_t task, unsigned worker)
{
    enum { SIDE = 64 };
    (void)worker;
    const mirror_job *m = arg;
    size_t start = m->from + task * SIDE, end = start + SIDE < m->count ? start + SIDE : m->count;
    for (size_t block = m->from; block < m->to && block < end; block += SIDE) {
        size_t last = block + SIDE < m->to ? block + SIDE : m->to;
        for (size_t j = start; j < end; j++)
            for (size_t i = block; i < last && i < j; i++)
                m->values[j * m->count + i] = m->values[i * m->count + j];
    }
}

/* The upper triangle in strips of rows, then mirrored, so that K is exactly symmetric. */
static leat_status fill(leati_smo_source *s)
{
    for (size_t from = 0; from < s->count; from += TILE) {
        LEATI_TRY(leati_go_on(s->context, "solving"));
        size_t height = from + TILE < s->count ? TILE : s->count - from;
        leati_kernel_rows a = leati_kernel_rows_part(s->rows, from, height);
        leati_kernel_rows b = leati_kernel_rows_part(s->rows, from, s->count - from);
        LEATI_TRY(leati_kernel_block_f32(s->context, s->fn, &a, &b,
                                         s->values + from * s->count + from, s->count));
        mirror_job m = {s->values, s->count, from, from + height};
        leati_parallel(s->context, (s->count - from + 63) / 64, mirror_columns, &m);
    }
    for (size_t i = 0; i < s->count; i++) s->values[i * s->count + i] = (float)s->diagonal[i];
    return LEAT_OK;
}

leat_status leati_smo_source_gram(leat_context *c, leati_smo_source **out,
                                  const leati_kernel_fn *fn, const leati_kernel_rows *rows)
{
    leat_status st = create(c, out, fn, rows, rows->rows);
    if (st == LEAT_OK) st = fill(*out);
    if (st != LEAT_OK) {
        leati_smo_source_destroy(*out);
        *out = NULL;
    }
    return st;
}

static leat_status create_cache(leat_context *c, leati_smo_source *s, size_t slots)
{
    size_t cols = s->rows->cols;
    s->slots = (uint32_t)slots;
    s->owner = leati_array(c, slots, sizeof *s->owner);
    s->slot = leati_array(c, s->count, sizeof *s->slot);
    s->newer = leati_array(c, slots + 1, sizeof *s->newer);
    s->older = leati_array(c, slots + 1, sizeof *s->older);
    s->block = leati_array(c, BATCH * s->count, sizeof *s->block);
    s->batch = (leati_kernel_rows){.cols = cols};
    s->batch.square = leati_array(c, BATCH, sizeof *s->batch.square);
    if (s->rows->f32) s->batch.f32 = leati_array(c, BATCH * cols, sizeof *s->batch.f32);
    else s->batch.f64 = leati_array(c, BATCH * cols, sizeof *s->batch.f64);
    bool complete = s->owner && s->slot && s->newer && s->older && s->block && s->batch.square &&
                    (s->batch.f32 || s->batch.f64);
    if (!complete) return leat_error_status(c);
    for (size_t i = 0; i < s->count; i++) s->slot[i] = NOBODY;
    s->newer[slots] = s->older[slots] = s->slots;
    return LEAT_OK;
}

leat_status leati_smo_source_cached(leat_context *c, leati_smo_source **out,
                                    const leati_kernel_fn *fn, const leati_kernel_rows *rows,
                                    size_t bytes)
{
    size_t slots = bytes / sizeof(float) / rows->rows;
    if (slots < 2 * BATCH) slots = 2 * BATCH;
    if (slots > rows->rows) slots = rows->rows;
    leat_status st = create(c, out, fn, rows, slots);
    if (st == LEAT_OK) st = create_cache(c, *out, slots);
    if (st != LEAT_OK) {
        leati_smo_source_destroy(*out);
        *out = NULL;
    }
    return st;
}

leat_status leati_smo_source_create(leat_context *c, leati_smo_source **out,
                                    const leati_kernel_fn *fn, const leati_kernel_rows *rows,
                                    double cache_size)
{
    enum { SMALL = 4096 };
    if (rows->rows <= SMALL) return leati_smo_source_gram(c, out, fn, rows);
    double bytes = cache_size * 1048576;
    if (bytes < (double)LEATI_SMO_FREE_BYTES) bytes = (double)LEATI_SMO_FREE_BYTES;
    return leati_smo_source_cached(c, out, fn, rows, (size_t)bytes);
}

static void unlink_slot(leati_smo_source *s, uint32_t slot)
{
    s->older[s->newer[slot]] = s->older[slot];
    s->newer[s->older[slot]] = s->newer[slot];
}

/* As the most recently used: the ring runs head, newest, ..., oldest, head. */
static void link_newest(leati_smo_source *s, uint32_t slot)
{
    uint32_t head = s->slots, newest = s->older[head];
    s->older[head] = slot;
    s->newer[slot] = head;
    s->older[slot] = newest;
    s->newer[newest] = slot;
}

const float *leati_smo_source_row(leati_smo_source *s, uint32_t row)
{
    if (!s->slot) return s->values + (size_t)row * s->count;
    uint32_t slot = s->slot[row];
    if (slot == NOBODY) return NULL;
    unlink_slot(s, slot);
    link_newest(s, slot);
    return s->values + (size_t)slot * s->count;
}

size_t leati_smo_source_batch(const leati_smo_source *s)
{
    size_t most = BATCH;
    return s->slot && s->slots / 2 < most ? (s->slots > 1 ? s->slots / 2 : 1) : most;
}

const double *leati_smo_source_diagonal(const leati_smo_source *s)
{
    return s->diagonal;
}

static uint32_t take_slot(leati_smo_source *s, uint32_t row)
{
    uint32_t slot = s->used;
    if (slot < s->slots) s->used++;
    else {
        slot = s->newer[s->slots];
        unlink_slot(s, slot);
        s->slot[s->owner[slot]] = NOBODY;
    }
    s->owner[slot] = row;
    s->slot[row] = slot;
    link_newest(s, slot);
    return slot;
}

leat_status leati_smo_source_load(leati_smo_source *s, const uint32_t *wanted, size_t count,
                                  uint32_t keep)
{
    if (!s->slot) return LEAT_OK;
    LEATI_TRY(leati_go_on(s->context, "solving"));
    uint32_t missing[BATCH];
    size_t n = 0, cols = s->rows->cols;
    if (keep < s->count) (void)leati_smo_source_row(s, keep);
    for (size_t i = 0; i < count && n < BATCH; i++) {
        if (s->slot[wanted[i]] != NOBODY) continue;
        size_t from = (size_t)wanted[i] * cols;
        if (s->batch.f32)
            memcpy(s->batch.f32 + n * cols, s->rows->f32 + from, cols * sizeof(float));
        else memcpy(s->batch.f64 + n * cols, s->rows->f64 + from, cols * sizeof(double));
        s->batch.square[n] = s->rows->square[wanted[i]];
        missing[n++] = wanted[i];
    }
    s->batch.rows = n;
    LEATI_TRY(leati_kernel_block_f32(s->context, s->fn, &s->batch, s->rows, s->block, s->count));
    for (size_t i = 0; i < n; i++) {
        if (s->slot[missing[i]] != NOBODY) continue; /* named twice */
        float *row = s->values + (size_t)take_slot(s, missing[i]) * s->count;
        memcpy(row, s->block + i * s->count, s->count * sizeof *row);
        row[missing[i]] = (float)s->diagonal[missing[i]];
    }
    return LEAT_OK;
}
