/* Owns: pools and their gradients on the CPU in f32: by the kernels of kernel/pool2d.h where
 * channels are last and there are at most two dimensions, else here. Here tasks are rows of windows
 * (forward) and blocks of channels of one image (gradients, whose windows may overlap). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "device/cpu_kernels.h"
#include "device/window.h"
#include "kernel/net_kernels.h"
#include "kernel/pool2d.h"
#include "tensor/shape.h"

enum { CHANNELS = 64, TAPS = 512 };

typedef struct job {
    const leati_net_kernels *k;
    const leati_pool_attrs *a;
    leati_window w;
    leati_grid x, y;
    const float *in;
    float *out;
    int64_t *index;
    const int64_t *from;
    size_t blocks; /* of channels per image */
} job;

static bool takes(const leati_step *s)
{
    return s->in[0].dtype == LEAT_DTYPE_F32 && leati_operand_count(&s->in[0]) &&
           leati_operand_count(&s->out[0]);
}

static job job_of(const leati_step *s, const leat_shape *x, const leat_shape *y)
{
    job j = {.a = s->attrs, .in = s->in[0].data, .out = s->out[0].data};
    j.w = leati_window_of_pool(j.a, y);
    j.x = leati_grid_of(x, j.a->channels_last);
    j.y = leati_grid_of(y, j.a->channels_last);
    j.blocks = (j.x.channels + CHANNELS - 1) / CHANNELS;
    return j;
}

/* The taps lo .. hi - 1 of window o along dimension d lie inside x. */
static void inside(const leati_window *w, int d, int64_t o, int64_t *lo, int64_t *hi)
{
    int64_t first = o * w->stride[d] - w->low[d], step = w->dilation[d];
    *lo = first < 0 ? (-first + step - 1) / step : 0;
    int64_t room = w->in[d] - first;
    *hi = room <= 0 ? 0 : (room + step - 1) / step;
    if (*hi > w->kernel[d]) *hi = w->kernel[d];
}

typedef struct box {
    int64_t first[3], lo[3], hi[3];
} box;

static box box_of(const leati_window *w, size_t place)
{
    box b;
    for (int d = LEATI_MAX_SPATIAL; d-- > 0;) {
        int64_t o = (int64_t)(place % (size_t)w->out[d]);
        place /= (size_t)w->out[d];
        b.first[d] = o * w->stride[d] - w->low[d];
        inside(w, d, o, &b.lo[d], &b.hi[d]);
    }
    return b;
}

static float scale_of(const job *j, const box *b)
{
    int64_t count = 1;
    for (int d = 0; d < LEATI_MAX_SPATIAL; d++) {
        int64_t taps = b->hi[d] - b->lo[d];
        if (j->a->count_padding) {
            int64_t room = j->w.in[d] + j->w.high[d] - b->first[d];
            taps = (room + j->w.dilation[d] - 1) / j->w.dilation[d];
            if (taps > j->w.kernel[d]) taps = j->w.kernel[d];
        }
        count *= taps;
    }
    return 1 / (float)count;
}

/* FOR_TAPS runs its body with `at`, the place in the plane of x under each tap inside. */
#define FOR_TAPS(j, b)                                                                             \
    for (int64_t k0 = (b).lo[0]; k0 < (b).hi[0]; k0++)                                             \
        for (int64_t k1 = (b).lo[1]; k1 < (b).hi[1]; k1++)                                         \
            for (int64_t k2 = (b).lo[2],                                                           \
                         at = (((b).first[0] + k0 * (j)->w.dilation[0]) * (j)->w.in[1] +           \
                               (b).first[1] + k1 * (j)->w.dilation[1]) *                           \
                                  (j)->w.in[2] +                                                   \
                              (b).first[2] + k2 * (j)->w.dilation[2];                              \
                 k2 < (b).hi[2]; k2++, at += (j)->w.dilation[2])

/* One place of all channels of an image. */
static void max_place(const job *j, size_t image, size_t place)
{
    box b = box_of(&j->w, place);
    const float *x = j->in + image * j->x.image_step;
    size_t to = image * j->y.image_step + place * j->y.place_step;
    for (size_t c = 0; c < j->x.channels; c++) {
        const float *plane = x + c * j->x.channel_step;
        float best = -INFINITY;
        int64_t index = -1;
        FOR_TAPS(j, b)
        {
            float v = plane[(size_t)at * j->x.place_step];
            if (v > best || index < 0 || (v != v && best == best)) best = v, index = at;
        }
        j->out[to + c * j->y.channel_step] = best;
        j->index[to + c * j->y.channel_step] = index;
    }
}

/* The same by vectors of channels, where these are last. */
static void max_vectors(const job *j, size_t image, size_t place)
{
    box b = box_of(&j->w, place);
    size_t taps[TAPS], count = 0, to = image * j->y.image_step + place * j->y.place_step;
    int32_t places[TAPS];
    FOR_TAPS(j, b) taps[count] = (size_t)at * j->x.place_step, places[count++] = (int32_t)at;
    if (count)
        j->k->pool_place(j->x.channels, count, taps, places, j->in + image * j->x.image_step,
                         j->out + to, j->index + to);
    else max_place(j, image, place);
}

static void avg_place(const job *j, size_t image, size_t place)
{
    box b = box_of(&j->w, place);
    const float *x = j->in + image * j->x.image_step;
    float *y = j->out + image * j->y.image_step + place * j->y.place_step;
    float scale = scale_of(j, &b);
    for (size_t c = 0; c < j->x.channels; c++) {
        const float *plane = x + c * j->x.channel_step;
        float sum = 0;
        FOR_TAPS(j, b) sum += plane[(size_t)at * j->x.place_step];
        y[c * j->y.channel_step] = sum * scale;
    }
}

typedef struct places {
    const job *j;
    void (*place)(const job *j, size_t image, size_t place);
    size_t chunk;
} places;

static void run_places(void *arg, size_t task, unsigned worker)
{
    const places *p = arg;
    (void)worker;
    size_t all = p->j->y.batch * p->j->y.plane, end = (task + 1) * p->chunk;
    for (size_t k = task * p->chunk; k < end && k < all; k++)
        p->place(p->j, k / p->j->y.plane, k % p->j->y.plane);
}

static void each_place(leat_context *c, const job *j,
                       void (*place)(const job *j, size_t image, size_t place))
{
    size_t taps = (size_t)(j->w.kernel[0] * j->w.kernel[1] * j->w.kernel[2]);
    places p = {j, place, 1 + 16384 / (taps * j->x.channels)};
    leati_parallel(c, (j->y.batch * j->y.plane + p.chunk - 1) / p.chunk, run_places, &p);
}

/* ---- by pool2d.h ---------------------------------------------------------------------------- */

/* Windows without gaps always see a part of x; padding must count the same for all windows. */
static bool is_flat(const leati_step *s, const leat_shape *x, const leat_shape *y, bool average)
{
    const leati_pool_attrs *a = s->attrs;
    leati_window w = leati_window_of_pool(a, y);
    if (!a->channels_last || a->rank > 2 || s->in[0].dtype != LEAT_DTYPE_F32) return false;
    if (average && a->count_padding && a->ceil_mode) return false;
    if (w.kernel[1] > LEATI_POOL_TAPS || w.kernel[2] > LEATI_POOL_TAPS ||
        w.kernel[1] * w.kernel[2] > LEATI_POOL_TAPS)
        return false;
    for (int d = 1; d < LEATI_MAX_SPATIAL; d++)
        if (w.dilation[d] != 1 && w.kernel[d] != 1) return false;
    return leati_shape_count(x) && leati_shape_count(y);
}

static leati_pool2d pool2d_of(const leati_step *s, const leat_shape *x, const leat_shape *y)
{
    const leati_pool_attrs *a = s->attrs;
    leati_window w = leati_window_of_pool(a, y);
    return (leati_pool2d){.batch = (size_t)x->dim[0],
                          .in_h = (size_t)w.in[1],
                          .in_w = (size_t)w.in[2],
                          .channels = (size_t)x->dim[x->rank - 1],
                          .out_h = (size_t)w.out[1],
                          .out_w = (size_t)w.out[2],
                          .kernel_h = (size_t)w.kernel[1],
                          .kernel_w = (size_t)w.kernel[2],
                          .stride_h = (size_t)w.stride[1],
                          .stride_w = (size_t)w.stride[2],
                          .dilation_h = (size_t)w.dilation[1],
                          .dilation_w = (size_t)w.dilation[2],
                          .pad_top = (size_t)w.low[1],
                          .pad_left = (size_t)w.low[2],
                          .average = s->op == LEATI_OP_POOL_AVG || s->op == LEATI_OP_POOL_AVG_DATA,
                          .count_padding = a->count_padding};
}

static bool takes_flat_max(const leati_step *s)
{
    return is_flat(s, &s->in[0].shape, &s->out[0].shape, false);
}

static leat_status run_flat(leat_context *c, const leati_step *s)
{
    leati_pool2d p = pool2d_of(s, &s->in[0].shape, &s->out[0].shape);
    LEATI_TRY(leati_pool2d_check(c, &p));
    leati_pool2d_forward(c, &p, s->in[0].data, s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pool_max = {.run = run_flat, .takes = takes_flat_max};

static bool takes_flat_back(const leati_step *s)
{
    return is_flat(s, &s->in[0].shape, &s->in[1].shape, false);
}

static leat_status run_flat_back(leat_context *c, const leati_step *s)
{
    leati_pool2d p = pool2d_of(s, &s->in[0].shape, &s->in[1].shape);
    LEATI_TRY(leati_pool2d_check(c, &p));
    leati_pool2d_backward(c, &p, s->in[0].data, s->in[1].data, s->in[2].data, s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pool_max_back = {.run = run_flat_back, .takes = takes_flat_back};

/* ---- others --------------------------------------------------------------------------------- */

static leat_status run_max(leat_context *c, const leati_step *s)
{
    job j = job_of(s, &s->in[0].shape, &s->out[0].shape);
    j.index = s->out[1].data;
    j.k = leati_net_kernels_of(c);
    bool vectors = j.a->channels_last && j.x.plane <= INT32_MAX &&
                   j.w.kernel[0] * j.w.kernel[1] * j.w.kernel[2] <= TAPS;
    each_place(c, &j, vectors ? max_vectors : max_place);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pool_max_index = {.run = run_max, .takes = takes};

static leat_status run_avg(leat_context *c, const leati_step *s)
{
    if (is_flat(s, &s->in[0].shape, &s->out[0].shape, true)) return run_flat(c, s);
    job j = job_of(s, &s->in[0].shape, &s->out[0].shape);
    each_place(c, &j, avg_place);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pool_avg = {.run = run_avg, .takes = takes};

/* ---- gradients ------------------------------------------------------------------------------ */

/* Channels first .. end - 1 of one image; returns their number, after clearing dx there. */
static size_t begin_block(const job *j, size_t task, size_t *image, size_t *first)
{
    *image = task / j->blocks;
    *first = task % j->blocks * CHANNELS;
    size_t n = j->x.channels - *first < CHANNELS ? j->x.channels - *first : CHANNELS;
    float *x = j->out + *image * j->x.image_step + *first * j->x.channel_step;
    if (j->x.place_step == 1) {
        memset(x, 0, n * j->x.plane * sizeof *x);
    } else {
        for (size_t i = 0; i < j->x.plane; i++) memset(x + i * j->x.place_step, 0, n * sizeof *x);
    }
    return n;
}

static void max_back(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t image, first, n = begin_block(j, task, &image, &first);
    (void)worker;
    float *x = j->out + image * j->x.image_step + first * j->x.channel_step;
    size_t from = image * j->y.image_step + first * j->y.channel_step;
    for (size_t place = 0; place < j->y.plane; place++)
        for (size_t c = 0; c < n; c++) {
            size_t k = from + place * j->y.place_step + c * j->y.channel_step;
            size_t to = (size_t)j->from[k];
            if (to < j->x.plane) x[to * j->x.place_step + c * j->x.channel_step] += j->in[k];
        }
}

static void avg_back(void *arg, size_t task, unsigned worker)
{
    const job *j = arg;
    size_t image, first, n = begin_block(j, task, &image, &first);
    (void)worker;
    float *x = j->out + image * j->x.image_step + first * j->x.channel_step;
    const float *y = j->in + image * j->y.image_step + first * j->y.channel_step;
    for (size_t place = 0; place < j->y.plane; place++) {
        box b = box_of(&j->w, place);
        float scale = scale_of(j, &b);
        FOR_TAPS(j, b)
        {
            for (size_t c = 0; c < n; c++)
                x[(size_t)at * j->x.place_step + c * j->x.channel_step] +=
                    scale * y[place * j->y.place_step + c * j->y.channel_step];
        }
    }
}

static leat_status run_max_data(leat_context *c, const leati_step *s)
{
    job j = job_of(s, &s->out[0].shape, &s->in[0].shape);
    j.from = s->in[1].data;
    leati_parallel(c, j.x.batch * j.blocks, max_back, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pool_max_data = {.run = run_max_data, .takes = takes};

static leat_status run_avg_data(leat_context *c, const leati_step *s)
{
    if (is_flat(s, &s->out[0].shape, &s->in[0].shape, true)) {
        leati_pool2d p = pool2d_of(s, &s->out[0].shape, &s->in[0].shape);
        LEATI_TRY(leati_pool2d_check(c, &p));
        leati_pool2d_backward(c, &p, NULL, NULL, s->in[0].data, s->out[0].data);
        return LEAT_OK;
    }
    job j = job_of(s, &s->out[0].shape, &s->in[0].shape);
    leati_parallel(c, j.x.batch * j.blocks, avg_back, &j);
    return LEAT_OK;
}

const leati_kernel leati_cpu_pool_avg_data = {.run = run_avg_data, .takes = takes};
