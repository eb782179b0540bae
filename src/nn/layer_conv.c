/* Owns: convolutions of one to three dimensions, transposed, depthwise and separable ones. */
#include <string.h>

#include <leat/function.h>

#include "nn/functions.h"
#include "nn/layer.h"
#include "nn/layer_window.h"

typedef struct conv {
    leati_layer base;
    int64_t filters, groups, depth_multiplier;
    char kernel_size[LEATI_WORD_PARAM], strides[LEATI_WORD_PARAM], dilation_rate[LEATI_WORD_PARAM];
    char output_padding[LEATI_WORD_PARAM];
    leati_mixed padding;
    char activation[LEATI_WORD_PARAM];
    bool use_bias;
    char kernel_initializer[LEATI_WORD_PARAM], bias_initializer[LEATI_WORD_PARAM];
} conv;

#define WHOLE(field, usual, about)                                                                 \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_INT, .offset = offsetof(conv, field),                  \
        .standard = usual, .least = 1, .most = 1e6, .doc = about                                   \
    }
#define SIZES(field, usual, about)                                                                 \
    {                                                                                              \
        .name = #field, .type = LEATI_PARAM_WORD, .offset = offsetof(conv, field),                 \
        .standard = usual, .doc = about                                                            \
    }
#define PADDING_OF(choices_, about)                                                                \
    {                                                                                              \
        .name = "padding", .type = LEATI_PARAM_MIXED, .offset = offsetof(conv, padding),           \
        .standard = "valid", .choices = choices_, .least = 0, .most = 1e6, .whole = true,          \
        .doc = about                                                                               \
    }
#define PADDING(choices_)                                                                          \
    PADDING_OF(choices_, "valid: none; same: the output has size input / stride, rounded up; or "  \
                         "zeros on every side.")
#define KERNEL   SIZES(kernel_size, "3", "Size of the window, as in 3 or 3x5.")
#define STRIDES  SIZES(strides, "1", "Steps of the window.")
#define DILATION SIZES(dilation_rate, "1", "Distance between the elements that the window sees.")
#define BIAS                                                                                       \
    {.name = "use_bias",                                                                           \
     .type = LEATI_PARAM_BOOL,                                                                     \
     .offset = offsetof(conv, use_bias),                                                           \
     .standard = "true",                                                                           \
     .doc = "Add a learned constant to every channel."},                                           \
        LEATI_INIT_PARAM(conv, kernel_initializer, "glorot_uniform"),                              \
        LEATI_INIT_PARAM(conv, bias_initializer, "zeros")
#define REST                                                                                       \
    BIAS,                                                                                          \
    {                                                                                              \
        0                                                                                          \
    }
#define GROUPS   WHOLE(groups, "1", "Parts of the channels that are convolved on their own.")
#define FILTERS  WHOLE(filters, "32", "Number of output channels.")
#define FUNCTION LEATI_FUNCTION_PARAM(conv, activation, "none")

static const leati_param conv_params[] = {FILTERS,  KERNEL,   STRIDES, PADDING("valid|same|causal"),
                                          FUNCTION, DILATION, GROUPS,  REST};
static const leati_param transpose_params[] = {
    FILTERS,
    KERNEL,
    STRIDES,
    PADDING_OF("valid|same", "valid: all that the windows cover; same: the output has size input * "
                             "stride; or places cut off on every side."),
    FUNCTION,
    DILATION,
    BIAS,
    GROUPS,
    SIZES(
        output_padding, "auto",
        "Places more at the end of each dimension, fewer than its stride or its dilation, as in 1 "
        "or 1x0; auto: for valid and same those that the windows leave of input * stride, else 0."),
    {0}};
#define MULTIPLIER WHOLE(depth_multiplier, "1", "Outputs of every channel.")
static const leati_param depthwise_params[] = {
    KERNEL, STRIDES, PADDING("valid|same|causal"), MULTIPLIER, FUNCTION, DILATION, REST};
static const leati_param separable_params[] = {
    FILTERS, KERNEL, STRIDES, PADDING("valid|same|causal"), MULTIPLIER, FUNCTION, DILATION, REST};

static const char *const forms[] = {"", "(width, channels)", "(height, width, channels)",
                                    "(depth, height, width, channels)"};

/* Kernel, strides, dilation and padding for x of `dims` spatial dimensions. */
static bool window_of(const conv *l, leati_builder *b, leat_tensor *x, int dims, leat_window *w)
{
    *w = leat_window_default();
    w->channels_last = true;
    if (!leati_layer_rank(b, x, dims + 2, dims + 2, forms[dims]) ||
        !leati_layer_sizes(b, "kernel_size", l->kernel_size, dims, 1, w->kernel) ||
        !leati_layer_sizes(b, "strides", l->strides, dims, 1, w->stride) ||
        !leati_layer_sizes(b, "dilation_rate", l->dilation_rate, dims, 1, w->dilation))
        return false;
    leati_window_pad(w, leat_tensor_shape(x), dims, l->padding);
    return true;
}

/* (out, in, kernel...) */
static leat_shape kernel_shape(int64_t out, int64_t in, const leat_window *w, int dims)
{
    leat_shape s = {.rank = dims + 2, .dim = {out, in}};
    for (int i = 0; i < dims; i++) s.dim[i + 2] = w->kernel[i];
    return s;
}

/* Of sizes that no tensor has, whose weight is refused: the largest number. */
static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t field_of(const leat_window *w, int dims)
{
    int64_t n = 1;
    for (int i = 0; i < dims; i++) n = times(n, w->kernel[i]);
    return n;
}

static leat_tensor *finish(const conv *l, leati_builder *b, leat_tensor *y, int64_t out,
                           int64_t fan_in)
{
    if (l->use_bias)
        y = leat_add(y, leati_weight(b, "bias", LEAT_DIMS(out), l->bias_initializer, fan_in, out));
    return leati_activate_by(b->context, l->activation, y);
}

static bool grouped(const conv *l, leati_builder *b, int64_t in)
{
    if (in % l->groups == 0 && l->filters % l->groups == 0) return true;
    (void)leati_layer_fail(b, LEAT_SHAPE,
                           "%lld groups do not divide %lld channels and %lld filters",
                           (long long)l->groups, (long long)in, (long long)l->filters);
    return false;
}

static leat_tensor *build_conv(const leati_layer *layer, leati_builder *b, leat_tensor *x, int dims)
{
    const conv *l = (const conv *)layer;
    leat_window w;
    if (!window_of(l, b, x, dims, &w)) return NULL;
    int64_t in = leat_tensor_shape(x).dim[dims + 1], field = field_of(&w, dims);
    if (!grouped(l, b, in)) return NULL;
    w.groups = (int)l->groups;
    int64_t fan_in = times(in / l->groups, field), fan_out = times(l->filters, field);
    leat_tensor *kernel =
        leati_weight(b, "kernel", kernel_shape(l->filters, in / l->groups, &w, dims),
                     l->kernel_initializer, fan_in, fan_out);
    return finish(l, b, leat_conv(x, kernel, &w), l->filters, fan_in);
}

/* Keras's sizes: input * stride for same, as much as the windows cover for valid. */
static void pad_transpose(const conv *l, leat_window *w, int dims)
{
    for (int i = 0; i < dims; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1, over = reach - w->stride[i];
        if (l->padding.choice == 1) {
            w->pad_low[i] = over > 0 ? over / 2 : 0;
            w->pad_high[i] = over > 0 ? over - over / 2 : 0;
        }
        if (l->padding.choice >= 0) w->output_padding[i] = over < 0 ? -over : 0;
    }
}

/* PyTorch's output_padding, beside which `same` would name another size. */
static bool pad_output(const conv *l, leati_builder *b, leat_window *w, int dims)
{
    if (strcmp(l->output_padding, "auto") == 0) return true;
    if (l->padding.choice == 1) {
        (void)leati_layer_fail(b, LEAT_INVALID,
                               "padding=same makes the output as large as input * stride; "
                               "output_padding goes with padding=valid or a number, as in "
                               "padding=1, output_padding=1");
        return false;
    }
    if (!leati_layer_sizes(b, "output_padding", l->output_padding, dims, 0, w->output_padding))
        return false;
    for (int i = 0; i < dims; i++) {
        int64_t more = w->output_padding[i];
        if (more < w->stride[i] || more < w->dilation[i]) continue;
        (void)leati_layer_fail(b, LEAT_INVALID,
                               "output_padding is %lld; it must be less than the stride, %lld, or "
                               "the dilation, %lld",
                               (long long)more, (long long)w->stride[i], (long long)w->dilation[i]);
        return false;
    }
    return true;
}

static leat_tensor *build_transpose(const leati_layer *layer, leati_builder *b, leat_tensor *x,
                                    int dims)
{
    const conv *l = (const conv *)layer;
    leat_window w;
    if (!window_of(l, b, x, dims, &w)) return NULL;
    int64_t in = leat_tensor_shape(x).dim[dims + 1], field = field_of(&w, dims);
    pad_transpose(l, &w, dims);
    if (!grouped(l, b, in) || !pad_output(l, b, &w, dims)) return NULL;
    w.groups = (int)l->groups;
    int64_t fan_in = times(in / l->groups, field), fan_out = times(l->filters, field);
    leat_tensor *kernel =
        leati_weight(b, "kernel", kernel_shape(in, l->filters / l->groups, &w, dims),
                     l->kernel_initializer, fan_in, fan_out);
    return finish(l, b, leat_conv_transpose(x, kernel, &w), l->filters, fan_in);
}

/* A window for every channel. */
static leat_tensor *depthwise(const conv *l, leati_builder *b, leat_tensor *x, int dims,
                              leat_window *w)
{
    int64_t in = leat_tensor_shape(x).dim[dims + 1], field = field_of(w, dims);
    w->groups = (int)in;
    leat_tensor *kernel = leati_weight(
        b, "depthwise_kernel", kernel_shape(times(in, l->depth_multiplier), 1, w, dims),
        l->kernel_initializer, field, times(l->depth_multiplier, field));
    return leat_conv(x, kernel, w);
}

static leat_tensor *build_depthwise(const leati_layer *layer, leati_builder *b, leat_tensor *x,
                                    int dims)
{
    const conv *l = (const conv *)layer;
    leat_window w;
    if (!window_of(l, b, x, dims, &w)) return NULL;
    int64_t out = times(leat_tensor_shape(x).dim[dims + 1], l->depth_multiplier);
    return finish(l, b, depthwise(l, b, x, dims, &w), out, field_of(&w, dims));
}

/* Depthwise, then a dense layer over the channels of every place (Chollet 2017). */
static leat_tensor *build_separable(const leati_layer *layer, leati_builder *b, leat_tensor *x,
                                    int dims)
{
    const conv *l = (const conv *)layer;
    leat_window w;
    if (!window_of(l, b, x, dims, &w)) return NULL;
    int64_t middle = times(leat_tensor_shape(x).dim[dims + 1], l->depth_multiplier);
    leat_tensor *y = depthwise(l, b, x, dims, &w);
    leat_tensor *point = leati_weight(b, "pointwise_kernel", LEAT_DIMS(middle, l->filters),
                                      l->kernel_initializer, middle, l->filters);
    return finish(l, b, leat_matmul(y, point), l->filters, middle);
}

#define CLASS(class_name, function, dims, table, about)                                            \
    static leat_tensor *class_name(const leati_layer *l, leati_builder *b, leat_tensor *x)         \
    {                                                                                              \
        return function(l, b, x, dims);                                                            \
    }                                                                                              \
    const leati_layer_class leati_layer_##class_name = {.name = #class_name,                       \
                                                        .doc = about,                              \
                                                        .size = sizeof(conv),                      \
                                                        .params = table,                           \
                                                        .build = class_name};

CLASS(conv1d, build_conv, 1, conv_params,
      "Convolution of a sequence (steps, channels); padding=causal: on the left only.")
CLASS(conv2d, build_conv, 2, conv_params, "Convolution of an image (height, width, channels).")
CLASS(conv3d, build_conv, 3, conv_params,
      "Convolution of a volume (depth, height, width, channels).")
CLASS(conv1d_transpose, build_transpose, 1, transpose_params,
      "The transpose of conv1d: strides enlarge the sequence.")
CLASS(conv2d_transpose, build_transpose, 2, transpose_params,
      "The transpose of conv2d: strides enlarge the image.")
CLASS(conv3d_transpose, build_transpose, 3, transpose_params,
      "The transpose of conv3d: strides enlarge the volume.")
CLASS(depthwise_conv1d, build_depthwise, 1, depthwise_params,
      "A convolution of each channel of a sequence on its own.")
CLASS(depthwise_conv2d, build_depthwise, 2, depthwise_params,
      "A convolution of each channel of an image on its own.")
CLASS(separable_conv1d, build_separable, 1, separable_params,
      "depthwise_conv1d, then a dense layer over the channels of every step.")
CLASS(separable_conv2d, build_separable, 2, separable_params,
      "depthwise_conv2d, then a dense layer over the channels of every place (Chollet 2017).")
