/* Owns: the reference of convolutions and pools: one sum per element of the result, in f64. */
#include <math.h>

#include "device/reference_kernels.h"
#include "device/window.h"
#include "tensor/shape.h"

/* What the loops of all three products of a convolution share. */
typedef struct conv {
    const leati_conv_attrs *a;
    leati_window w;
    leati_grid x, y;
    size_t in_channels, out_channels, taps; /* channels per group */
} conv;

static conv conv_of(const leati_step *s, const leat_shape *x, const leat_shape *y)
{
    conv v = {.a = s->attrs};
    v.w = leati_window_of_conv(v.a, y);
    v.x = leati_grid_of(x, v.a->channels_last);
    v.y = leati_grid_of(y, v.a->channels_last);
    v.in_channels = v.x.channels / (size_t)v.a->groups;
    v.out_channels = v.y.channels / (size_t)v.a->groups;
    v.taps = (size_t)(v.w.kernel[0] * v.w.kernel[1] * v.w.kernel[2]);
    return v;
}

static void split3(size_t at, const int64_t *size, int64_t *index)
{
    for (int d = LEATI_MAX_SPATIAL; d-- > 0;) {
        index[d] = (int64_t)(at % (size_t)size[d]);
        at /= (size_t)size[d];
    }
}

/* The place of x under tap `tap` of window `place`, or -1. */
static int64_t place_of(const leati_window *w, size_t place, size_t tap)
{
    int64_t o[LEATI_MAX_SPATIAL], k[LEATI_MAX_SPATIAL], at = 0;
    split3(place, w->out, o);
    split3(tap, w->kernel, k);
    for (int d = 0; d < LEATI_MAX_SPATIAL; d++) {
        int64_t i = leati_window_read(w, d, o[d], k[d]);
        if (i < 0) return -1;
        at = at * w->in[d] + i;
    }
    return at;
}

static size_t at(const leati_grid *g, size_t image, size_t channel, size_t place)
{
    return image * g->image_step + channel * g->channel_step + place * g->place_step;
}

static double get(const leati_operand *o, size_t i)
{
    return leati_element_get(o, i).f;
}

/* A factor of a sum. */
static double factor(const conv *v, const leati_operand *o, size_t i)
{
    return v->a->half ? leati_reference_bf16(get(o, i)) : get(o, i);
}

static leat_status run_conv(leat_context *c, const leati_step *s)
{
    (void)c;
    conv v = conv_of(s, &s->in[0].shape, &s->out[0].shape);
    size_t outs = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < outs; k++) {
        size_t image = k / v.y.image_step, rest = k % v.y.image_step;
        size_t channel = rest / v.y.channel_step % v.y.channels;
        size_t place = rest / v.y.place_step % v.y.plane;
        size_t first = channel / v.out_channels * v.in_channels;
        double sum = 0;
        for (size_t tap = 0; tap < v.taps; tap++) {
            int64_t from = place_of(&v.w, place, tap);
            for (size_t i = 0; from >= 0 && i < v.in_channels; i++)
                sum += factor(&v, &s->in[0], at(&v.x, image, first + i, (size_t)from)) *
                       factor(&v, &s->in[1], (channel * v.in_channels + i) * v.taps + tap);
        }
        if (v.a->bias) sum += get(&s->in[2], channel);
        if (v.a->residual) sum += get(&s->in[2 + v.a->bias], k);
        sum = leati_reference_activation((leati_activation)v.a->activation, sum);
        leati_element_set(&s->out[0], k, (leati_element){sum, 0});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_conv = {.run = run_conv};

/* The window that reads place `to` of x under its tap `tap`, or -1. */
static int64_t window_over(const leati_window *w, size_t to, size_t tap)
{
    int64_t i[LEATI_MAX_SPATIAL], k[LEATI_MAX_SPATIAL], window = 0;
    split3(to, w->in, i);
    split3(tap, w->kernel, k);
    for (int d = 0; d < LEATI_MAX_SPATIAL; d++) {
        int64_t from = i[d] + w->low[d] - k[d] * w->dilation[d];
        if (from < 0 || from % w->stride[d] || from / w->stride[d] >= w->out[d]) return -1;
        window = window * w->out[d] + from / w->stride[d];
    }
    return window;
}

/* Tap by tap from the side of x: dx[i] = sum over the taps k and the windows o that read i. */
static double data_sum(const leati_step *s, const conv *v, size_t image, size_t channel, size_t to)
{
    size_t group = channel / v->in_channels, i = channel % v->in_channels;
    double sum = 0;
    for (size_t tap = 0; tap < v->taps; tap++) {
        int64_t window = window_over(&v->w, to, tap);
        for (size_t o = 0; window >= 0 && o < v->out_channels; o++) {
            size_t out = group * v->out_channels + o;
            sum += factor(v, &s->in[0], at(&v->y, image, out, (size_t)window)) *
                   factor(v, &s->in[1], (out * v->in_channels + i) * v->taps + tap);
        }
    }
    return sum;
}

static leat_status run_conv_data(leat_context *c, const leati_step *s)
{
    (void)c;
    conv v = conv_of(s, &s->out[0].shape, &s->in[0].shape);
    for (size_t image = 0; image < v.x.batch; image++)
        for (size_t channel = 0; channel < v.x.channels; channel++)
            for (size_t to = 0; to < v.x.plane; to++)
                leati_element_set(&s->out[0], at(&v.x, image, channel, to),
                                  (leati_element){data_sum(s, &v, image, channel, to), 0});
    return LEAT_OK;
}

const leati_kernel leati_reference_conv_data = {.run = run_conv_data};

static leat_status run_conv_weight(leat_context *c, const leati_step *s)
{
    (void)c;
    conv v = conv_of(s, &s->in[0].shape, &s->in[1].shape);
    size_t outs = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < outs; k++) {
        size_t tap = k % v.taps, i = k / v.taps % v.in_channels, o = k / v.taps / v.in_channels;
        size_t channel = o / v.out_channels * v.in_channels + i;
        double sum = 0;
        for (size_t image = 0; image < v.x.batch; image++)
            for (size_t place = 0; place < v.y.plane; place++) {
                int64_t from = place_of(&v.w, place, tap);
                if (from < 0) continue;
                sum += factor(&v, &s->in[0], at(&v.x, image, channel, (size_t)from)) *
                       factor(&v, &s->in[1], at(&v.y, image, o, place));
            }
        leati_element_set(&s->out[0], k, (leati_element){sum, 0});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_conv_weight = {.run = run_conv_weight};

/* ---- pools ---------------------------------------------------------------------------------- */

static size_t taps_of(const leati_window *w)
{
    return (size_t)(w->kernel[0] * w->kernel[1] * w->kernel[2]);
}

static leat_status run_pool_max(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_pool_attrs *a = s->attrs;
    leati_window w = leati_window_of_pool(a, &s->out[0].shape);
    leati_grid x = leati_grid_of(&s->in[0].shape, a->channels_last);
    leati_grid y = leati_grid_of(&s->out[0].shape, a->channels_last);
    size_t outs = leati_operand_count(&s->out[0]), taps = taps_of(&w);
    for (size_t k = 0; k < outs; k++) {
        size_t image = k / y.image_step, rest = k % y.image_step;
        size_t channel = rest / y.channel_step % y.channels, place = rest / y.place_step % y.plane;
        leati_element best = {-INFINITY, 0};
        int64_t index = -1;
        for (size_t tap = 0; tap < taps; tap++) {
            int64_t from = place_of(&w, place, tap);
            if (from < 0) continue;
            leati_element e = leati_element_get(&s->in[0], at(&x, image, channel, (size_t)from));
            if (index < 0 || (e.f > best.f && !isnan(best.f)) || (isnan(e.f) && !isnan(best.f)) ||
                e.i > best.i) {
                best = e;
                index = from;
            }
        }
        leati_element_set(&s->out[0], k, best);
        leati_element_set(&s->out[1], k, (leati_element){0, index});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_pool_max = {.run = run_pool_max};

static void clear(const leati_operand *o)
{
    size_t count = leati_operand_count(o);
    for (size_t i = 0; i < count; i++) leati_element_set(o, i, (leati_element){0, 0});
}

static void add_to(const leati_operand *o, size_t i, double x)
{
    leati_element_set(o, i, (leati_element){get(o, i) + x, 0});
}

static leat_status run_pool_max_data(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_pool_attrs *a = s->attrs;
    leati_grid x = leati_grid_of(&s->out[0].shape, a->channels_last);
    leati_grid y = leati_grid_of(&s->in[0].shape, a->channels_last);
    size_t count = leati_operand_count(&s->in[0]);
    clear(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        size_t image = k / y.image_step, channel = k % y.image_step / y.channel_step % y.channels;
        size_t to = (size_t)leati_element_get(&s->in[1], k).i;
        if (to < x.plane) add_to(&s->out[0], at(&x, image, channel, to), get(&s->in[0], k));
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_pool_max_data = {.run = run_pool_max_data};

/* The number that the sum over window `place` is divided by. */
static double divisor(const leati_pool_attrs *a, const leati_window *w, size_t place)
{
    int64_t o[LEATI_MAX_SPATIAL];
    double all = 1;
    split3(place, w->out, o);
    for (int d = 0; d < LEATI_MAX_SPATIAL; d++) {
        int64_t count = 0;
        for (int64_t k = 0; k < w->kernel[d]; k++) {
            int64_t i = o[d] * w->stride[d] - w->low[d] + k * w->dilation[d];
            bool inside = i >= 0 && i < w->in[d];
            count += inside || (a->count_padding && i < w->in[d] + w->high[d]);
        }
        all *= (double)count;
    }
    return all;
}

static leat_status run_pool_avg(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_pool_attrs *a = s->attrs;
    leati_window w = leati_window_of_pool(a, &s->out[0].shape);
    leati_grid x = leati_grid_of(&s->in[0].shape, a->channels_last);
    leati_grid y = leati_grid_of(&s->out[0].shape, a->channels_last);
    size_t outs = leati_operand_count(&s->out[0]), taps = taps_of(&w);
    for (size_t k = 0; k < outs; k++) {
        size_t image = k / y.image_step, rest = k % y.image_step;
        size_t channel = rest / y.channel_step % y.channels, place = rest / y.place_step % y.plane;
        double sum = 0;
        for (size_t tap = 0; tap < taps; tap++) {
            int64_t from = place_of(&w, place, tap);
            if (from >= 0) sum += get(&s->in[0], at(&x, image, channel, (size_t)from));
        }
        leati_element_set(&s->out[0], k, (leati_element){sum / divisor(a, &w, place), 0});
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_pool_avg = {.run = run_pool_avg};

static leat_status run_pool_avg_data(leat_context *c, const leati_step *s)
{
    (void)c;
    const leati_pool_attrs *a = s->attrs;
    leati_window w = leati_window_of_pool(a, &s->in[0].shape);
    leati_grid x = leati_grid_of(&s->out[0].shape, a->channels_last);
    leati_grid y = leati_grid_of(&s->in[0].shape, a->channels_last);
    size_t count = leati_operand_count(&s->in[0]), taps = taps_of(&w);
    clear(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        size_t image = k / y.image_step, rest = k % y.image_step;
        size_t channel = rest / y.channel_step % y.channels, place = rest / y.place_step % y.plane;
        double part = get(&s->in[0], k) / divisor(a, &w, place);
        for (size_t tap = 0; tap < taps; tap++) {
            int64_t to = place_of(&w, place, tap);
            if (to >= 0) add_to(&s->out[0], at(&x, image, channel, (size_t)to), part);
        }
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_pool_avg_data = {.run = run_pool_avg_data};
