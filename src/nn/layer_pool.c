/* Owns: pooling layers, and padding of windows. */
#include <leat/function.h>

#include "nn/layer.h"
#include "nn/layer_window.h"

void leati_window_pad(leat_window *w, leat_shape x, int dims, leati_mixed padding)
{
    for (int i = 0; i < dims; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1, size = x.dim[i + 1];
        int64_t stride = w->stride[i] ? w->stride[i] : w->kernel[i];
        int64_t out = (size + stride - 1) / stride, total = (out - 1) * stride + reach - size;
        if (total < 0) total = 0;
        if (padding.choice < 0) w->pad_low[i] = w->pad_high[i] = (int64_t)padding.value;
        if (padding.choice == 1) w->pad_low[i] = total / 2, w->pad_high[i] = total - total / 2;
        if (padding.choice == 2) w->pad_low[i] = reach - 1, w->pad_high[i] = 0;
    }
}

typedef struct pool {
    leati_layer base;
    char pool_size[LEATI_WORD_PARAM], strides[LEATI_WORD_PARAM];
    leati_mixed padding;
} pool;

static const leati_param params[] = {
    {.name = "pool_size",
     .type = LEATI_PARAM_WORD,
     .offset = offsetof(pool, pool_size),
     .standard = "2",
     .doc = "Size of the window, as in 2 or 2x3."},
    {.name = "strides",
     .type = LEATI_PARAM_WORD,
     .offset = offsetof(pool, strides),
     .standard = "0",
     .doc = "Steps of the window; 0: its size."},
    {.name = "padding",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(pool, padding),
     .standard = "valid",
     .choices = "valid|same",
     .least = 0,
     .most = 1e6,
     .whole = true,
     .doc = "valid: none; same: the output has size input / stride, rounded up; or a number for "
            "every side."},
    {0}};

static leat_tensor *build_pool(const leati_layer *layer, leati_builder *b, leat_tensor *x, int dims,
                               bool max)
{
    const pool *l = (const pool *)layer;
    static const char *const forms[] = {"", "(width, channels)", "(height, width, channels)",
                                        "(depth, height, width, channels)"};
    leat_window w = leat_window_default();
    w.channels_last = true;
    if (!leati_layer_rank(b, x, dims + 2, dims + 2, forms[dims]) ||
        !leati_layer_sizes(b, "pool_size", l->pool_size, dims, 1, w.kernel) ||
        !leati_layer_sizes(b, "strides", l->strides, dims, 0, w.stride))
        return NULL;
    leati_window_pad(&w, leat_tensor_shape(x), dims, l->padding);
    return max ? leat_pool_max(x, &w, NULL) : leat_pool_avg(x, &w);
}

#define POOL(class_name, dims, max, about)                                                         \
    static leat_tensor *class_name(const leati_layer *l, leati_builder *b, leat_tensor *x)         \
    {                                                                                              \
        return build_pool(l, b, x, dims, max);                                                     \
    }                                                                                              \
    const leati_layer_class leati_layer_##class_name = {.name = #class_name,                       \
                                                        .doc = about,                              \
                                                        .size = sizeof(pool),                      \
                                                        .params = params,                          \
                                                        .build = class_name};

POOL(max_pool1d, 1, true, "The largest value of every window of a sequence.")
POOL(max_pool2d, 2, true, "The largest value of every window of an image.")
POOL(max_pool3d, 3, true, "The largest value of every window of a volume.")
POOL(average_pool1d, 1, false, "The mean of every window of a sequence, without its padding.")
POOL(average_pool2d, 2, false, "The mean of every window of an image, without its padding.")
POOL(average_pool3d, 3, false, "The mean of every window of a volume, without its padding.")

/* ---- over all places ---------------------------------------------------------------------------
 */

static const leati_param none[] = {{0}};

/* The mask (batch, steps) as (batch, steps, 1) of x's type. */
static leat_tensor *wide_mask(leat_tensor *mask, leat_tensor *x)
{
    leat_shape s = leat_tensor_shape(mask);
    return leat_cast(leat_reshape(mask, LEAT_DIMS(s.dim[0], s.dim[1], 1)), leat_tensor_dtype(x));
}

static leat_tensor *average(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    (void)l;
    static const int places[] = {1, 2, 3};
    if (!leati_layer_rank(b, x, 3, 5, "(places..., channels)")) return NULL;
    size_t dims = (size_t)leat_tensor_shape(x).rank - 2;
    leat_tensor *mask = dims == 1 ? leati_layer_mask(b, x) : NULL;
    if (!mask) return leat_mean(x, dims, places, false);
    leat_tensor *m = wide_mask(mask, x);
    leat_tensor *count = leat_sum(m, 1, places, false);
    return leat_div(leat_sum(leat_mul(x, m), 1, places, false),
                    leat_maximum(count, leat_like(count, 1)));
}

static leat_tensor *largest(const leati_layer *l, leati_builder *b, leat_tensor *x)
{
    (void)l;
    static const int places[] = {1, 2, 3};
    if (!leati_layer_rank(b, x, 3, 5, "(places..., channels)")) return NULL;
    size_t dims = (size_t)leat_tensor_shape(x).rank - 2;
    leat_tensor *mask = dims == 1 ? leati_layer_mask(b, x) : NULL;
    if (!mask) return leat_max(x, dims, places, false);
    leat_tensor *m = wide_mask(mask, x), *zero = leat_like(x, 0);
    leat_tensor *any = leat_greater(leat_max(m, 1, places, false), zero);
    x = leat_where(leat_greater(m, zero), x, leat_like(x, -1e30));
    return leat_where(any, leat_max(x, 1, places, false), zero); /* 0 where all steps are masked */
}

const leati_layer_class leati_layer_global_average_pool = {
    .name = "global_average_pool",
    .doc = "The mean over all places or steps: (batch, channels) is left. Masked steps do not "
           "count.",
    .size = sizeof(leati_layer),
    .params = none,
    .build = average};

const leati_layer_class leati_layer_global_max_pool = {
    .name = "global_max_pool",
    .doc = "The largest value over all places or steps: (batch, channels) is left. Masked steps "
           "do not count.",
    .size = sizeof(leati_layer),
    .params = none,
    .build = largest};
