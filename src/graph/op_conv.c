/* Owns: CONV and the two products that are its gradients; each is linear in both inputs, so the
 * three are closed under differentiation. */
#include <string.h>

#include <leat/function.h>

#include "device/window.h"
#include "graph/op_classes.h"
#include "tensor/shape.h"

leat_window leat_window_default(void)
{
    return (leat_window){.struct_size = sizeof(leat_window), .dilation = {1, 1, 1}, .groups = 1};
}

/* ---- shapes --------------------------------------------------------------------------------- */

static int channel_axis(const leati_conv_attrs *a)
{
    return a->channels_last ? a->rank + 1 : 1;
}

static int64_t *spatial_of(const leati_conv_attrs *a, leat_shape *s)
{
    return s->dim + (a->channels_last ? 1 : 2);
}

/* Types and ranks of activations t and weights w. */
static leat_status check_types(leat_context *c, leati_node *n)
{
    const leati_conv_attrs *a = n->attrs;
    const leat_tensor *x = n->in[0], *w = n->in[1];
    if (!leati_dtype_is_float(x->dtype) || x->dtype != w->dtype)
        return leati_node_fail(c, n, LEAT_TYPE, "inputs are %s and %s: both must be one float type",
                               leat_dtype_name(x->dtype), leat_dtype_name(w->dtype));
    if (a->rank < 1 || a->rank > LEATI_MAX_SPATIAL || x->shape.rank != a->rank + 2 ||
        w->shape.rank != a->rank + 2)
        return leati_node_fail(
            c, n, LEAT_SHAPE, "inputs %s and %s must both have 3, 4 or 5 dimensions",
            leati_shape_string(&x->shape).text, leati_shape_string(&w->shape).text);
    if (a->groups < 1) return leati_node_fail(c, n, LEAT_INVALID, "%d groups", a->groups);
    for (int i = 0; i < a->rank; i++)
        if (a->stride[i] < 1 || a->dilation[i] < 1 || a->pad_low[i] < 0 || a->pad_high[i] < 0 ||
            a->stride[i] > LEATI_MOST_WINDOW || a->dilation[i] > LEATI_MOST_WINDOW ||
            a->pad_low[i] > LEATI_MOST_WINDOW || a->pad_high[i] > LEATI_MOST_WINDOW)
            return leati_node_fail(c, n, LEAT_INVALID,
                                   "stride %lld, dilation %lld, padding %lld and %lld: strides and "
                                   "dilations begin at 1, padding at 0, all end at 2^30",
                                   (long long)a->stride[i], (long long)a->dilation[i],
                                   (long long)a->pad_low[i], (long long)a->pad_high[i]);
    return LEAT_OK;
}

/* How many values of y are behind one that is kept, along a dimension. */
static int64_t pooled(const leati_conv_attrs *a)
{
    return a->pool ? 2 : 1;
}

/* The number of windows along each dimension of x. */
static leat_status count_windows(leat_context *c, leati_node *n, int64_t *count)
{
    const leati_conv_attrs *a = n->attrs;
    for (int i = 0; i < a->rank; i++) {
        if (a->kernel[i] < 1 || a->kernel[i] > LEATI_MOST_WINDOW)
            return leati_node_fail(c, n, LEAT_SHAPE, "a kernel of size %lld",
                                   (long long)a->kernel[i]);
        count[i] = leati_window_count(a->spatial[i], a->kernel[i], a->stride[i], a->dilation[i],
                                      a->pad_low[i], a->pad_high[i], false);
        if (count[i] < 1)
            return leati_node_fail(
                c, n, LEAT_SHAPE,
                "a kernel of %lld (dilation %lld) does not fit into %lld and padding of %lld",
                (long long)a->kernel[i], (long long)a->dilation[i], (long long)a->spatial[i],
                (long long)(a->pad_low[i] + a->pad_high[i]));
    }
    return LEAT_OK;
}

static leat_status bad_channels(leat_context *c, leati_node *n, int64_t have, int64_t want)
{
    const leati_conv_attrs *a = n->attrs;
    return leati_node_fail(c, n, LEAT_SHAPE,
                           "input %s has %lld channels, weights %s in %d groups expect %lld",
                           leati_shape_string(&n->in[0]->shape).text, (long long)have,
                           leati_shape_string(&n->in[1]->shape).text, a->groups, (long long)want);
}

static leat_status infer_conv(leat_context *c, leati_node *n)
{
    leati_conv_attrs *a = n->attrs;
    leat_shape x = n->in[0]->shape, w = n->in[1]->shape, y = x;
    LEATI_TRY(check_types(c, n));
    for (int i = 0; i < a->rank; i++) {
        a->kernel[i] = w.dim[2 + i];
        a->spatial[i] = spatial_of(a, &x)[i];
    }
    int64_t channels = x.dim[channel_axis(a)];
    if (channels != w.dim[1] * a->groups) return bad_channels(c, n, channels, w.dim[1] * a->groups);
    if (w.dim[0] % a->groups)
        return leati_node_fail(c, n, LEAT_SHAPE, "%lld filters cannot be cut into %d groups",
                               (long long)w.dim[0], a->groups);
    LEATI_TRY(count_windows(c, n, spatial_of(a, &y)));
    y.dim[channel_axis(a)] = w.dim[0];
    for (int i = 0; i < a->rank; i++) spatial_of(a, &y)[i] /= pooled(a);
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = y;
    if (n->outs > 1) n->out[1].dtype = LEAT_DTYPE_U8, n->out[1].shape = y;
    return LEAT_OK;
}

/* (dy, w) -> dx of the spatial size in the attributes. */
static leat_status infer_conv_data(leat_context *c, leati_node *n)
{
    leati_conv_attrs *a = n->attrs;
    leat_shape dy = n->in[0]->shape, w = n->in[1]->shape, x = dy;
    int64_t count[LEATI_MAX_SPATIAL];
    LEATI_TRY(check_types(c, n));
    for (int i = 0; i < a->rank; i++) a->kernel[i] = w.dim[2 + i];
    if (dy.dim[channel_axis(a)] != w.dim[0])
        return bad_channels(c, n, dy.dim[channel_axis(a)], w.dim[0]);
    if (w.dim[0] % a->groups)
        return leati_node_fail(c, n, LEAT_SHAPE, "%lld channels cannot be cut into %d groups",
                               (long long)w.dim[0], a->groups);
    LEATI_TRY(count_windows(c, n, count));
    for (int i = 0; i < a->rank; i++) {
        if (count[i] != spatial_of(a, &dy)[i] * pooled(a))
            return leati_node_fail(c, n, LEAT_SHAPE,
                                   "a result of size %lld has %lld windows, the input %s has %lld "
                                   "(output padding must be less than the stride or the dilation)",
                                   (long long)a->spatial[i], (long long)count[i],
                                   leati_shape_string(&dy).text, (long long)spatial_of(a, &dy)[i]);
        spatial_of(a, &x)[i] = a->spatial[i];
    }
    x.dim[channel_axis(a)] = w.dim[1] * a->groups;
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = x;
    return LEAT_OK;
}

/* (x, dy) -> dw of the kernel size in the attributes. */
static leat_status infer_conv_weight(leat_context *c, leati_node *n)
{
    leati_conv_attrs *a = n->attrs;
    leat_shape x = n->in[0]->shape, dy = n->in[1]->shape, w = {.rank = a->rank + 2};
    int64_t count[LEATI_MAX_SPATIAL];
    LEATI_TRY(check_types(c, n));
    for (int i = 0; i < a->rank; i++) {
        a->spatial[i] = spatial_of(a, &x)[i];
        w.dim[2 + i] = a->kernel[i];
    }
    LEATI_TRY(count_windows(c, n, count));
    for (int i = 0; i < a->rank; i++)
        if (count[i] != spatial_of(a, &dy)[i] * pooled(a) || x.dim[0] != dy.dim[0])
            return leati_node_fail(c, n, LEAT_SHAPE, "gradient %s does not belong to input %s",
                                   leati_shape_string(&dy).text, leati_shape_string(&x).text);
    w.dim[0] = dy.dim[channel_axis(a)];
    w.dim[1] = x.dim[channel_axis(a)] / a->groups;
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = w;
    return LEAT_OK;
}

/* ---- recording ------------------------------------------------------------------------------ */

static leat_tensor *record(leati_op op, leat_tensor *a, leat_tensor *b,
                           const leati_conv_attrs *attrs)
{
    leat_tensor *in[2] = {a, b};
    return a ? leati_op1(a->node->graph, op, 2, in, attrs, sizeof *attrs) : NULL;
}

static leati_conv_attrs attrs_of(const leat_window *w, int rank)
{
    leati_conv_attrs a = {.rank = rank, .groups = w->groups, .channels_last = w->channels_last};
    for (int i = 0; i < rank && i < LEATI_MAX_SPATIAL; i++) {
        a.stride[i] = w->stride[i] ? w->stride[i] : 1;
        a.dilation[i] = w->dilation[i];
        a.pad_low[i] = w->pad_low[i];
        a.pad_high[i] = w->pad_high[i];
    }
    return a;
}

leat_tensor *leat_conv(leat_tensor *x, leat_tensor *w, const leat_window *options)
{
    if (!x || !w) return NULL;
    leat_window o = leat_window_default();
    if (!LEATI_GRAPH_OPTIONS(x->node->graph, leat_window, &o, options)) return NULL;
    leati_conv_attrs a = attrs_of(&o, x->shape.rank - 2);
    return record(LEATI_OP_CONV, x, w, &a);
}

/* (in - 1) stride - pads + dilation (kernel - 1) + 1 + more; -1, which is refused, where that
 * passes 64 bits. */
static int64_t transposed_size(const leati_conv_attrs *a, int i, int64_t in, int64_t kernel,
                               int64_t more)
{
    int64_t size, reach;
    bool over = __builtin_mul_overflow(in - 1, a->stride[i], &size) ||
                __builtin_mul_overflow(kernel - 1, a->dilation[i], &reach) ||
                __builtin_add_overflow(size, reach, &size) ||
                __builtin_sub_overflow(size, a->pad_low[i], &size) ||
                __builtin_sub_overflow(size, a->pad_high[i], &size) ||
                __builtin_add_overflow(size, 1, &size) || __builtin_add_overflow(size, more, &size);
    return over ? -1 : size;
}

leat_tensor *leat_conv_transpose(leat_tensor *x, leat_tensor *w, const leat_window *options)
{
    if (!x || !w) return NULL;
    leat_window o = leat_window_default();
    if (!LEATI_GRAPH_OPTIONS(x->node->graph, leat_window, &o, options)) return NULL;
    leati_conv_attrs a = attrs_of(&o, x->shape.rank - 2);
    int64_t low[LEAT_MAX_RANK] = {0}, high[LEAT_MAX_RANK] = {0};
    bool beyond = false;
    for (int i = 0; i < a.rank && i < LEATI_MAX_SPATIAL; i++) {
        int64_t more = o.output_padding[i];
        if (more >= a.stride[i] && more < a.dilation[i]) {
            /* it undoes padding; what is left of it no window reaches */
            int64_t less = more < a.pad_high[i] ? more : a.pad_high[i];
            a.pad_high[i] -= less;
            high[i + (a.channels_last ? 1 : 2)] = more - less;
            beyond |= more > less;
            more = 0;
        }
        a.spatial[i] =
            transposed_size(&a, i, spatial_of(&a, &x->shape)[i], w->shape.dim[2 + i], more);
    }
    leat_tensor *y = record(LEATI_OP_CONV_DATA, x, w, &a);
    return y && beyond ? leat_pad(y, LEAT_PAD_CONSTANT, low, high, 0) : y;
}

/* ---- gradients ------------------------------------------------------------------------------ */

static leat_status gradient_conv(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                 leat_tensor **dx)
{
    if (needed[0]) dx[0] = record(LEATI_OP_CONV_DATA, dy[0], n->in[1], n->attrs);
    if (needed[1]) dx[1] = record(LEATI_OP_CONV_WEIGHT, n->in[0], dy[0], n->attrs);
    return LEAT_OK;
}

static leat_status gradient_data(leati_node *n, leat_tensor *const *dz, const bool *needed,
                                 leat_tensor **dx)
{
    if (needed[0]) dx[0] = record(LEATI_OP_CONV, dz[0], n->in[1], n->attrs);
    if (needed[1]) dx[1] = record(LEATI_OP_CONV_WEIGHT, dz[0], n->in[0], n->attrs);
    return LEAT_OK;
}

static leat_status gradient_weight(leati_node *n, leat_tensor *const *dw, const bool *needed,
                                   leat_tensor **dx)
{
    if (needed[0]) dx[0] = record(LEATI_OP_CONV_DATA, n->in[1], dw[0], n->attrs);
    if (needed[1]) dx[1] = record(LEATI_OP_CONV, n->in[0], dw[0], n->attrs);
    return LEAT_OK;
}

const leati_op_class leati_conv_class = {.infer = infer_conv, .gradient = gradient_conv};
const leati_op_class leati_conv_data_class = {.infer = infer_conv_data, .gradient = gradient_data};
const leati_op_class leati_conv_weight_class = {.infer = infer_conv_weight,
                                                .gradient = gradient_weight};
