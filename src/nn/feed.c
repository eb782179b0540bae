/* Owns: gathering of batches. */
#include "nn/feed.h"

#include <string.h>

#include "base/pool.h"

enum { TASK_ELEMENTS = 16384, SHORT_TASK_ELEMENTS = 1024 };

static void copy_input(const leati_feed *f, size_t row, float *x)
{
    const leati_matrix *m = &f->data->x;
    if (m->f32) {
        memcpy(x, m->f32 + row * m->stride, f->inputs * sizeof *x);
        return;
    }
    const double *from = m->f64 + row * m->stride;
    for (size_t k = 0; k < f->inputs; k++) x[k] = (float)from[k];
}

static void copy_target(const leati_feed *f, size_t row, size_t i, void *to)
{
    const leati_dataset *d = f->data;
    if (f->target == LEATI_TARGET_LABELS) {
        ((int64_t *)to)[i] = d->label[row];
        return;
    }
    float *y = (float *)to + i * f->outputs;
    if (d->task == LEATI_CLASSIFY) {
        memset(y, 0, f->outputs * sizeof *y);
        y[d->label[row]] = 1;
    } else {
        y[0] = (float)d->y[row];
    }
}

static void fill_rows(void *arg, size_t task, unsigned worker)
{
    const leati_feed_job *b = arg;
    const leati_feed *f = b->f;
    size_t end = (task + 1) * b->chunk < b->count ? (task + 1) * b->chunk : b->count;
    for (size_t i = task * b->chunk; i < end; i++) {
        float *x = b->x + i * f->inputs;
        copy_input(f, b->rows[i], x);
        copy_target(f, b->rows[i], i, b->y);
        if (b->augment)
            leati_augment_apply(f->augment, &f->sample, f->seed, b->epoch, b->rows[i], x,
                                f->room + worker * f->inputs);
    }
}

void leati_feed_batch(leat_context *c, const leati_feed *f, const uint32_t *rows, size_t count,
                      uint64_t epoch, bool augment, float *x, void *y)
{
    leati_feed_job b = {f, rows, count, 1, epoch, augment && f->augment, x, y};
    b.chunk = b.augment ? 1 : 1 + TASK_ELEMENTS / (f->inputs + 1);
    leati_parallel(c, (count + b.chunk - 1) / b.chunk, fill_rows, &b);
}

void leati_feed_ahead(leat_context *c, leati_feed_job *b)
{
    b->augment = b->augment && b->f->augment;
    b->chunk = b->augment ? 1 : 1 + SHORT_TASK_ELEMENTS / (b->f->inputs + 1);
    leati_beside_begin(c, (b->count + b->chunk - 1) / b->chunk, fill_rows, b);
}

typedef struct mix {
    size_t inputs, each, count; /* each: bytes of a target */
    float keep, *x;
    const char *y;
    char *other;
} mix;

static void mix_pair(void *arg, size_t i, unsigned worker)
{
    const mix *m = arg;
    size_t j = m->count - 1 - i;
    float *a = m->x + i * m->inputs, *b = m->x + j * m->inputs, rest = 1 - m->keep;
    (void)worker;
    for (size_t k = 0; k < m->inputs && i < j; k++) {
        float from_a = a[k], from_b = b[k];
        a[k] = m->keep * from_a + rest * from_b;
        b[k] = m->keep * from_b + rest * from_a;
    }
    memcpy(m->other + i * m->each, m->y + j * m->each, m->each);
    memcpy(m->other + j * m->each, m->y + i * m->each, m->each);
}

void leati_feed_mix(leat_context *c, const leati_feed *f, size_t count, float keep, float *x,
                    const void *y, void *other)
{
    size_t each = f->target == LEATI_TARGET_LABELS ? sizeof(int64_t) : f->outputs * sizeof(float);
    mix m = {f->inputs, each, count, keep, x, y, other};
    leati_parallel(c, (count + 1) / 2, mix_pair, &m);
}
