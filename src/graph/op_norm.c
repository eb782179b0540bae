/* Owns: NORM, its gradient, and the normalisations made of it. */
#include <leat/function.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

static bool broadcasts_to(const leat_shape *from, const leat_shape *to)
{
    leat_shape s;
    return leati_shape_broadcast(from, to, &s) && leati_shape_equal(&s, to);
}

static leat_shape kept_shape(const leati_node *n, const leat_shape *x)
{
    const leati_norm_attrs *a = n->attrs;
    leat_shape s = *x;
    for (int i = 0; i < s.rank; i++)
        if (a->axes >> i & 1) s.dim[i] = 1;
    return s;
}

static leat_status infer(leat_context *c, leati_node *n)
{
    const leat_tensor *x = n->in[0];
    if (!leati_dtype_is_float(x->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is %s, it must be floating point",
                               leat_dtype_name(x->dtype));
    for (size_t i = 1; i < n->ins; i++)
        if (n->in[i]->dtype != x->dtype || !broadcasts_to(&n->in[i]->shape, &x->shape))
            return leati_node_fail(c, n, LEAT_SHAPE, "scale or shift of %s %s for an input %s %s",
                                   leat_dtype_name(n->in[i]->dtype),
                                   leati_shape_string(&n->in[i]->shape).text,
                                   leat_dtype_name(x->dtype), leati_shape_string(&x->shape).text);
    for (int i = 0; i < 3; i++) {
        n->out[i].dtype = i ? leati_wide(x->dtype) : x->dtype;
        n->out[i].shape = i ? kept_shape(n, &x->shape) : x->shape;
    }
    return LEAT_OK;
}

/* dy, x, mean, rstd, [gamma]: mean and rstd as NORM gives them, in f32 for the short types */
static leat_status infer_grad(leat_context *c, leati_node *n)
{
    const leat_tensor *x = n->in[1];
    leat_shape kept = kept_shape(n, &x->shape);
    if (!leati_shape_equal(&n->in[0]->shape, &x->shape) ||
        !leati_shape_equal(&n->in[2]->shape, &kept) ||
        !leati_shape_equal(&n->in[3]->shape, &kept) || n->in[2]->dtype != leati_wide(x->dtype) ||
        n->in[3]->dtype != leati_wide(x->dtype) ||
        (n->ins == 5 && !broadcasts_to(&n->in[4]->shape, &x->shape)))
        return leati_node_fail(c, n, LEAT_SHAPE, "inputs do not belong to values of shape %s",
                               leati_shape_string(&x->shape).text);
    for (int i = 0; i < 3; i++) {
        n->out[i].dtype = x->dtype;
        n->out[i].shape = i == 0 ? x->shape : n->ins == 5 ? n->in[4]->shape : LEAT_DIMS(0);
    }
    return LEAT_OK;
}

static size_t axes_of(const leati_node *n, const leat_shape *x, int *axes, double *count)
{
    const leati_norm_attrs *a = n->attrs;
    size_t found = 0;
    *count = 1;
    for (int i = 0; i < x->rank; i++)
        if (a->axes >> i & 1) {
            axes[found++] = i;
            *count *= (double)x->dim[i];
        }
    return found;
}

/* The mean over the axes, kept; x itself when there are none. */
static leat_tensor *mean_over(const leati_node *n, leat_tensor *x)
{
    int axes[LEAT_MAX_RANK];
    double count;
    if (!x) return NULL;
    size_t found = axes_of(n, &x->shape, axes, &count);
    return found ? leat_scale(leat_sum(x, found, axes, true), 1 / count) : x;
}

/* A node of the same kind in f32, its first output in the type of x: squares and sums of short
 * types overflow, and moments in them are too coarse. */
static leat_status widen(leati_node *n, leat_tensor **out)
{
    leat_dtype type = n->out[0].dtype;
    leat_tensor *in[5];
    for (size_t i = 0; i < n->ins; i++) in[i] = leat_cast(n->in[i], LEAT_DTYPE_F32);
    leati_node *wide = leati_node_new(n->graph, n->op, n->ins, in, n->attrs, n->attr_bytes);
    for (size_t i = 0; wide && i < n->outs; i++)
        out[i] = n->out[i].dtype == type ? leat_cast(&wide->out[i], type) : &wide->out[i];
    return LEAT_OK;
}

static leat_status expand(leati_node *n, leat_tensor **out)
{
    const leati_norm_attrs *a = n->attrs;
    if (leati_wide(n->in[0]->dtype) != n->in[0]->dtype) return widen(n, out);
    leat_tensor *x = n->in[0];
    leat_tensor *mean = a->rms ? leat_expand(leat_like(x, 0), n->out[1].shape) : mean_over(n, x);
    leat_tensor *d = a->rms ? x : leat_sub(x, mean);
    leat_tensor *rstd = leat_rsqrt(leat_shift(mean_over(n, leat_mul(d, d)), a->epsilon));
    leat_tensor *y = leat_mul(d, rstd);
    if (n->ins > 1) y = leat_mul(y, n->in[1]);
    if (n->ins > 2) y = leat_add(y, n->in[2]);
    out[0] = y, out[1] = mean, out[2] = rstd;
    return LEAT_OK;
}

/* With g = dy gamma and z = (x - mean) rstd: dx = rstd (g - mean(g) - z mean(g z)). */
static leat_status expand_grad(leati_node *n, leat_tensor **out)
{
    const leati_norm_attrs *a = n->attrs;
    if (leati_wide(n->in[0]->dtype) != n->in[0]->dtype) return widen(n, out);
    leat_tensor *dy = n->in[0], *x = n->in[1], *mean = n->in[2], *rstd = n->in[3];
    leat_tensor *g = n->ins == 5 ? leat_mul(dy, n->in[4]) : dy;
    leat_tensor *z = leat_mul(a->rms ? x : leat_sub(x, mean), rstd);
    leat_tensor *d = leat_sub(g, leat_mul(z, mean_over(n, leat_mul(g, z))));
    if (!a->rms) d = leat_sub(d, mean_over(n, g));
    out[0] = leat_mul(rstd, d);
    if (n->ins == 5) {
        out[1] = leati_unbroadcast(leat_mul(dy, z), &n->in[4]->shape);
        out[2] = leati_unbroadcast(dy, &n->in[4]->shape);
    } else {
        out[1] = out[2] = leat_constant(n->graph, x->dtype, LEAT_DIMS(0), NULL);
    }
    return LEAT_OK;
}

static leat_tensor *plus(leat_tensor *sum, leat_tensor *x)
{
    return sum ? leat_add(sum, x) : x;
}

/* What flows back through the mean and the inverse deviation themselves. */
static leat_tensor *through_moments(leati_node *n, leat_tensor *const *dy, leat_tensor *dx)
{
    const leati_norm_attrs *a = n->attrs;
    leat_tensor *mean = &n->out[1], *rstd = &n->out[2];
    leat_tensor *x = leat_cast(n->in[0], mean->dtype);
    int axes[LEAT_MAX_RANK];
    double count;
    if (!x || !(dy[1] || dy[2])) return dx;
    axes_of(n, &x->shape, axes, &count);
    dx = leat_cast(dx, mean->dtype);
    if (dy[1] && !a->rms) dx = plus(dx, leat_expand(leat_scale(dy[1], 1 / count), x->shape));
    if (dy[2]) {
        leat_tensor *cube = leat_mul(rstd, leat_mul(rstd, rstd));
        leat_tensor *d = a->rms ? x : leat_sub(x, mean);
        dx = plus(dx, leat_mul(d, leat_scale(leat_mul(dy[2], cube), -1 / count)));
    }
    return leat_cast(dx, n->in[0]->dtype);
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    leat_tensor *gamma = n->ins > 1 ? n->in[1] : NULL, *beta = n->ins > 2 ? n->in[2] : NULL;
    if (dy[0]) {
        leat_tensor *in[5] = {dy[0], n->in[0], &n->out[1], &n->out[2], gamma};
        leati_node *back = leati_node_new(n->graph, LEATI_OP_NORM_GRAD, gamma ? 5 : 4, in, n->attrs,
                                          n->attr_bytes);
        if (!back) return LEAT_OK;
        if (needed[0]) dx[0] = &back->out[0];
        if (gamma && needed[1]) dx[1] = &back->out[1];
        if (beta && needed[2])
            dx[2] = leati_shape_equal(&beta->shape, &gamma->shape)
                        ? &back->out[2]
                        : leati_unbroadcast(dy[0], &beta->shape);
    }
    if (needed[0]) dx[0] = through_moments(n, dy, dx[0]);
    return LEAT_OK;
}

const leati_op_class leati_norm_class = {infer, gradient, expand};
const leati_op_class leati_norm_grad_class = {.infer = infer_grad, .expand = expand_grad};

/* ---- recording ------------------------------------------------------------------------------ */

static leati_node *record(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta, uint32_t axes,
                          bool rms, double epsilon)
{
    leati_norm_attrs a = {.epsilon = epsilon, .axes = axes, .rms = rms};
    if (!x) return NULL;
    if (beta && !gamma && !(gamma = leati_full_like(beta, 1))) return NULL;
    leat_tensor *in[3] = {x, gamma, beta};
    return leati_node_new(x->node->graph, LEATI_OP_NORM, 1 + (gamma != NULL) + (beta != NULL), in,
                          &a, sizeof a);
}

/* The last `count` axes; 0 when there are not so many. */
static uint32_t last_axes(const leat_tensor *x, int count)
{
    uint32_t axes = 0;
    int rank = x->shape.rank;
    if (count < 1 || count > rank) {
        leati_refuse(x->node->graph, LEATI_OP_NORM, LEAT_SHAPE, "the last %d axes of shape %s",
                     count, leati_shape_string(&x->shape).text);
        return 0;
    }
    for (int i = rank - count; i < rank; i++) axes |= 1u << i;
    return axes;
}

leat_tensor *leat_layer_norm(leat_tensor *x, int axes, leat_tensor *gamma, leat_tensor *beta,
                             double epsilon)
{
    LEATI_CALLED(leat_tensor_graph(x), "layer_norm");
    uint32_t last = x ? last_axes(x, axes) : 0;
    leati_node *n = last ? record(x, gamma, beta, last, false, epsilon) : NULL;
    return n ? &n->out[0] : NULL;
}

leat_tensor *leat_rms_norm(leat_tensor *x, int axes, leat_tensor *gamma, double epsilon)
{
    LEATI_CALLED(leat_tensor_graph(x), "rms_norm");
    uint32_t last = x ? last_axes(x, axes) : 0;
    leati_node *n = last ? record(x, gamma, NULL, last, true, epsilon) : NULL;
    return n ? &n->out[0] : NULL;
}

/* (C) as it broadcasts along the channels of x. */
static leat_tensor *along_channels(leat_tensor *x, leat_tensor *v, bool channels_last)
{
    if (!x || !v) return NULL;
    leat_shape s = {.rank = x->shape.rank};
    for (int i = 0; i < s.rank; i++) s.dim[i] = 1;
    s.dim[channels_last ? s.rank - 1 : 1] = -1;
    return leat_reshape(v, s);
}

static bool has_channels(leat_tensor *x, const char *what)
{
    leat_graph *g = x->node->graph;
    if (x->shape.rank >= 2) return true;
    if (!leati_graph_stopped(g))
        (void)LEATI_FAIL(g->context, LEAT_SHAPE,
                         "%s: input %s must have two dimensions or more: (N, C, ...)", what,
                         leati_shape_string(&x->shape).text);
    leati_graph_break(g);
    return false;
}

leat_tensor *leat_batch_norm_train(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta,
                                   bool channels_last, double epsilon, leat_tensor **mean,
                                   leat_tensor **variance)
{
    *mean = *variance = NULL;
    if (!x || !has_channels(x, "batch norm")) return NULL;
    int channel = channels_last ? x->shape.rank - 1 : 1;
    uint32_t axes = ((1u << x->shape.rank) - 1) & ~(1u << channel);
    leati_node *n = record(x, along_channels(x, gamma, channels_last),
                           along_channels(x, beta, channels_last), axes, false, epsilon);
    if (!n) return NULL;
    leat_shape c = LEAT_DIMS(x->shape.dim[channel]);
    double count = (double)leati_shape_count(&x->shape) / (double)(c.dim[0] ? c.dim[0] : 1);
    leat_tensor *r = leat_stop_gradient(leat_reshape(&n->out[2], c));
    *mean = leat_cast(leat_stop_gradient(leat_reshape(&n->out[1], c)), x->dtype);
    /* of the sample: n / (n - 1) of that which normalises */
    *variance = leat_scale(leat_shift(leat_recip(leat_mul(r, r)), -epsilon),
                           count > 1 ? count / (count - 1) : 1);
    *variance = leat_cast(*variance, x->dtype);
    return &n->out[0];
}

leat_tensor *leat_batch_norm(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta,
                             leat_tensor *mean, leat_tensor *variance, bool channels_last,
                             double epsilon)
{
    if (!x || !mean || !variance || !has_channels(x, "batch norm")) return NULL;
    leat_tensor *scale = leat_rsqrt(leat_shift(variance, epsilon));
    if (gamma) scale = leat_mul(scale, gamma);
    leat_tensor *shift = leat_neg(leat_mul(mean, scale));
    if (beta) shift = leat_add(shift, beta);
    return leat_add(leat_mul(x, along_channels(x, scale, channels_last)),
                    along_channels(x, shift, channels_last));
}

leat_tensor *leat_running_average(leat_variable *v, leat_tensor *x, double momentum)
{
    leat_tensor *old = leat_read(v);
    return leat_assign(v, leat_add(leat_scale(old, 1 - momentum), leat_scale(x, momentum)));
}

leat_tensor *leat_group_norm(leat_tensor *x, int groups, leat_tensor *gamma, leat_tensor *beta,
                             bool channels_last, double epsilon)
{
    LEATI_CALLED(leat_tensor_graph(x), "group_norm");
    if (!x || !has_channels(x, "group norm")) return NULL;
    leat_graph *g = x->node->graph;
    int rank = x->shape.rank, channel = channels_last ? rank - 1 : 1;
    int64_t channels = x->shape.dim[channel];
    if (groups < 1 || channels % groups || rank == LEAT_MAX_RANK) {
        (void)LEATI_FAIL(g->context, LEAT_SHAPE, "group norm: %d groups of the %lld channels of %s",
                         groups, (long long)channels, leati_shape_string(&x->shape).text);
        leati_graph_break(g);
        return NULL;
    }
    leat_shape s = {.rank = rank + 1};
    for (int i = 0; i <= rank; i++)
        s.dim[i] = i < channel        ? x->shape.dim[i]
                   : i == channel     ? groups
                   : i == channel + 1 ? channels / groups
                                      : x->shape.dim[i - 1];
    uint32_t axes = ((1u << s.rank) - 1) & ~(1u << channel) & ~1u;
    if (channels_last) { /* then the kernel takes them in */
        leat_shape scale = s;
        for (int i = 0; i < channel; i++) scale.dim[i] = 1;
        leati_node *n = record(leat_reshape(x, s), gamma ? leat_reshape(gamma, scale) : NULL,
                               beta ? leat_reshape(beta, scale) : NULL, axes, false, epsilon);
        return n ? leat_reshape(&n->out[0], x->shape) : NULL;
    }
    leati_node *n = record(leat_reshape(x, s), NULL, NULL, axes, false, epsilon);
    leat_tensor *y = n ? leat_reshape(&n->out[0], x->shape) : NULL;
    if (gamma) y = leat_mul(y, along_channels(x, gamma, channels_last));
    if (beta) y = leat_add(y, along_channels(x, beta, channels_last));
    return y;
}

leat_tensor *leat_instance_norm(leat_tensor *x, leat_tensor *gamma, leat_tensor *beta,
                                bool channels_last, double epsilon)
{
    LEATI_CALLED(leat_tensor_graph(x), "instance_norm");
    if (!x || !has_channels(x, "instance norm")) return NULL;
    int channel = channels_last ? x->shape.rank - 1 : 1;
    uint32_t axes = ((1u << x->shape.rank) - 1) & ~(1u << channel) & ~1u;
    leati_node *n = record(x, along_channels(x, gamma, channels_last),
                           along_channels(x, beta, channels_last), axes, false, epsilon);
    return n ? &n->out[0] : NULL;
}
