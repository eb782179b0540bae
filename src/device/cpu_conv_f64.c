/* Owns: CONV of f64 on the CPU: what a block of windows reads is laid out as columns, one product
 * of them with the filters of a group is a block of the result. Groups of few filters are summed
 * row by row instead. Sums of whole numbers are exact, which quantised convolutions rely on. */
#include <string.h>

#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/window.h"
#include "kernel/gemm.h"

enum { BLOCK_BYTES = 4 << 20, FEW = 4, LEAST_PLACES = 64 };

typedef struct job {
    const leati_conv_attrs *a;
    leati_window w;
    leati_grid x, y;
    size_t in_channels, out_channels, taps; /* channels of a group */
    size_t places;                          /* of a block */
    const double *from, *filter, *bias;
    double *to, *columns; /* columns (in_channels * taps, count) */
    size_t image, group;  /* now */
    size_t first, count;  /* places of y, now */
} job;

static bool takes(const leati_step *s)
{
    const leati_conv_attrs *a = s->attrs;
    return s->in[0].dtype == LEAT_DTYPE_F64 && !a->residual && !a->activation && !a->pool &&
           !a->half && leati_operand_count(&s->in[0]) && leati_operand_count(&s->in[1]) &&
           leati_operand_count(&s->out[0]);
}

static job job_of(const leati_step *s)
{
    job j = {.a = s->attrs, .to = s->out[0].data, .columns = s->scratch};
    j.w = leati_window_of_conv(j.a, &s->out[0].shape);
    j.x = leati_grid_of(&s->in[0].shape, j.a->channels_last);
    j.y = leati_grid_of(&s->out[0].shape, j.a->channels_last);
    j.in_channels = j.x.channels / (size_t)j.a->groups;
    j.out_channels = j.y.channels / (size_t)j.a->groups;
    j.taps = (size_t)(j.w.kernel[0] * j.w.kernel[1] * j.w.kernel[2]);
    j.places = BLOCK_BYTES / sizeof(double) / (j.in_channels * j.taps);
    if (j.places < LEAST_PLACES) j.places = LEAST_PLACES;
    if (j.places > j.y.plane) j.places = j.y.plane;
    j.from = s->in[0].data, j.filter = s->in[1].data;
    j.bias = j.a->bias ? s->in[2].data : NULL;
    return j;
}

/* A run of places of y along its last dimension, under one tap of the window. */
typedef struct run {
    int64_t from; /* the place of x under the first place of y that reads x */
    size_t skip;  /* places before that one, and then */
    size_t count; /* places that read x, `step` places of x apart; the rest is padding */
} run;

static run run_of(const leati_window *w, size_t place, size_t length, const int64_t *tap)
{
    int64_t o[LEATI_MAX_SPATIAL], at = 0, step = w->stride[2];
    for (size_t d = LEATI_MAX_SPATIAL, rest = place; d-- > 0; rest /= (size_t)w->out[d])
        o[d] = (int64_t)(rest % (size_t)w->out[d]);
    for (int d = 0; d < 2; d++) {
        int64_t i = leati_window_read(w, d, o[d], tap[d]);
        if (i < 0) return (run){0, length, 0};
        at = at * w->in[d] + i;
    }
    int64_t first = o[2] * step - w->low[2] + tap[2] * w->dilation[2];
    int64_t skip = first < 0 ? (-first + step - 1) / step : 0;
    int64_t end = first < w->in[2] ? (w->in[2] - 1 - first) / step + 1 : 0; /* places before it */
    if (end > (int64_t)length) end = (int64_t)length;
    if (skip >= end) return (run){0, length, 0};
    return (run){at * w->in[2] + first + skip * step, (size_t)skip, (size_t)(end - skip)};
}

static void tap_of(const leati_window *w, size_t tap, int64_t *out)
{
    for (size_t d = LEATI_MAX_SPATIAL; d-- > 0; tap /= (size_t)w->kernel[d])
        out[d] = (int64_t)(tap % (size_t)w->kernel[d]);
}

/* How many places from `place` on, of `left`, lie in the same row of y. */
static size_t row_length(const leati_window *w, size_t place, size_t left)
{
    size_t row = (size_t)w->out[2] - place % (size_t)w->out[2];
    return row < left ? row : left;
}

/* ---- columns and products ------------------------------------------------------------------- */

static void lay_out_row(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const job *j = arg;
    int64_t tap[LEATI_MAX_SPATIAL];
    size_t channel = j->group * j->in_channels + task / j->taps, length;
    const double *x = j->from + j->image * j->x.image_step + channel * j->x.channel_step;
    double *to = j->columns + task * j->count;
    tap_of(&j->w, task % j->taps, tap);
    for (size_t at = 0; at < j->count; at += length, to += length) {
        length = row_length(&j->w, j->first + at, j->count - at);
        run r = run_of(&j->w, j->first + at, length, tap);
        size_t step = (size_t)j->w.stride[2] * j->x.place_step;
        const double *read = x + (size_t)r.from * j->x.place_step;
        for (size_t i = 0; i < r.skip; i++) to[i] = 0;
        for (size_t i = 0; i < r.count; i++) to[r.skip + i] = read[i * step];
        for (size_t i = r.skip + r.count; i < length; i++) to[i] = 0;
    }
}

static leat_status product(leat_context *c, const job *j)
{
    size_t n = j->out_channels, k = j->in_channels * j->taps, channel = j->group * n;
    const double *filter = j->filter + channel * k;
    double *y = j->to + j->image * j->y.image_step + channel * j->y.channel_step +
                j->first * j->y.place_step;
    if (j->y.place_step == 1)
        return leati_gemm_f64(c, false, false, n, j->count, k, 1, filter, k, j->columns, j->count,
                              0, y, j->y.channel_step);
    return leati_gemm_f64(c, true, true, j->count, n, k, 1, j->columns, j->count, filter, k, 0, y,
                          j->y.place_step);
}

static leat_status by_columns(leat_context *c, job *j)
{
    size_t groups = (size_t)j->a->groups;
    for (size_t all = 0; all < j->x.batch * groups; all++) {
        j->image = all / groups, j->group = all % groups;
        for (j->first = 0; j->first < j->y.plane; j->first += j->count) {
            j->count = j->y.plane - j->first < j->places ? j->y.plane - j->first : j->places;
            leati_parallel(c, j->in_channels * j->taps, lay_out_row, j);
            leat_status st = product(c, j);
            if (st != LEAT_OK) return st;
        }
    }
    return LEAT_OK;
}

/* ---- few filters ---------------------------------------------------------------------------- */

static void add_tap(const job *j, const double *x, double factor, const int64_t *tap, double *y)
{
    size_t in = j->x.place_step, out = j->y.place_step, step = (size_t)j->w.stride[2] * in, length;
    for (size_t place = 0; place < j->y.plane; place += length) {
        length = row_length(&j->w, place, j->y.plane - place);
        run r = run_of(&j->w, place, length, tap);
        const double *read = x + (size_t)r.from * in;
        double *to = y + (place + r.skip) * out;
        if (step == 1 && out == 1)
            for (size_t i = 0; i < r.count; i++) to[i] += factor * read[i];
        else
            for (size_t i = 0; i < r.count; i++) to[i * out] += factor * read[i * step];
    }
}

static void sum_filter(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const job *j = arg;
    int64_t tap[LEATI_MAX_SPATIAL];
    size_t image = task / j->y.channels, channel = task % j->y.channels;
    size_t first = channel / j->out_channels * j->in_channels;
    const double *filter = j->filter + channel * j->in_channels * j->taps;
    double *y = j->to + image * j->y.image_step + channel * j->y.channel_step;
    for (size_t i = 0; i < j->y.plane; i++) y[i * j->y.place_step] = 0;
    for (size_t i = 0; i < j->in_channels * j->taps; i++) {
        size_t from = image * j->x.image_step + (first + i / j->taps) * j->x.channel_step;
        tap_of(&j->w, i % j->taps, tap);
        add_tap(j, j->from + from, filter[i], tap, y);
    }
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static void add_bias(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const job *j = arg;
    size_t image = task / j->y.channels, channel = task % j->y.channels;
    double *y = j->to + image * j->y.image_step + channel * j->y.channel_step;
    for (size_t i = 0; i < j->y.plane; i++) y[i * j->y.place_step] += j->bias[channel];
}

static size_t scratch(const leat_context *c, const leati_step *s)
{
    (void)c;
    job j = job_of(s);
    if (j.out_channels < FEW) return 0;
    return j.in_channels * j.taps * j.places * sizeof(double);
}

static leat_status run_conv(leat_context *c, const leati_step *s)
{
    job j = job_of(s);
    leat_status st = LEAT_OK;
    if (j.out_channels < FEW) leati_parallel(c, j.y.batch * j.y.channels, sum_filter, &j);
    else st = by_columns(c, &j);
    if (st == LEAT_OK && j.bias) leati_parallel(c, j.y.batch * j.y.channels, add_bias, &j);
    return st;
}

const leati_kernel leati_cpu_conv_f64 = {.run = run_conv, .scratch = scratch, .takes = takes};
