/* Owns: the geometry of windows, shared by inference and kernels. */
#include "device/window.h"

leati_grid leati_grid_of(const leat_shape *s, bool channels_last)
{
    leati_grid g = {.batch = (size_t)s->dim[0], .plane = 1};
    int channel = channels_last ? s->rank - 1 : 1;
    g.channels = (size_t)s->dim[channel];
    for (int i = 1; i < s->rank; i++)
        if (i != channel) g.plane *= (size_t)s->dim[i];
    g.image_step = g.channels * g.plane;
    g.channel_step = channels_last ? 1 : g.plane;
    g.place_step = channels_last ? g.channels : 1;
    return g;
}

int64_t leati_window_count(int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                           int64_t low, int64_t high, bool ceil_mode)
{
    int64_t room = in + low + high - dilation * (kernel - 1) - 1;
    if (room < 0) return ceil_mode && room > -stride && in > 0 ? 1 : 0;
    int64_t count = room / stride + 1;
    if (ceil_mode && room % stride && count * stride < in + low) count++;
    return count;
}

static void set(leati_window *w, int rank, const leat_shape *y, const int64_t *in,
                const int64_t *kernel, const int64_t *stride, const int64_t *dilation,
                const int64_t *low, const int64_t *high)
{
    int first = LEATI_MAX_SPATIAL - rank, place = w->channels_last ? 1 : 2;
    for (int d = 0; d < LEATI_MAX_SPATIAL; d++) {
        int i = d - first;
        bool real = i >= 0;
        w->in[d] = real ? in[i] : 1;
        w->out[d] = real ? y->dim[place + i] : 1;
        w->kernel[d] = real ? kernel[i] : 1;
        w->stride[d] = real ? stride[i] : 1;
        w->dilation[d] = real ? dilation[i] : 1;
        w->low[d] = real ? low[i] : 0;
        w->high[d] = real ? high[i] : 0;
    }
}

leati_window leati_window_of_conv(const leati_conv_attrs *a, const leat_shape *y)
{
    leati_window w = {.channels_last = a->channels_last};
    set(&w, a->rank, y, a->spatial, a->kernel, a->stride, a->dilation, a->pad_low, a->pad_high);
    return w;
}

leati_window leati_window_of_pool(const leati_pool_attrs *a, const leat_shape *y)
{
    leati_window w = {.channels_last = a->channels_last};
    set(&w, a->rank, y, a->spatial, a->kernel, a->stride, a->dilation, a->pad_low, a->pad_high);
    return w;
}
