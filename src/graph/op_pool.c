/* Owns: POOL_MAX, POOL_AVG and their gradients. */
#include <leat/function.h>

#include "device/window.h"
#include "graph/op_classes.h"
#include "tensor/shape.h"

static int64_t *spatial_of(const leati_pool_attrs *a, leat_shape *s)
{
    return s->dim + (a->channels_last ? 1 : 2);
}

static leat_status check(leat_context *c, leati_node *n)
{
    const leati_pool_attrs *a = n->attrs;
    const leat_tensor *x = n->in[0];
    bool is_max = n->op == LEATI_OP_POOL_MAX || n->op == LEATI_OP_POOL_MAX_INDEX;
    if (!leati_dtype_is_float(x->dtype) && !(is_max && x->dtype != LEAT_DTYPE_BOOL))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is %s, it must be %s",
                               leat_dtype_name(x->dtype), is_max ? "numbers" : "floating point");
    if (a->rank < 1 || a->rank > LEATI_MAX_SPATIAL || x->shape.rank != a->rank + 2)
        return leati_node_fail(c, n, LEAT_SHAPE, "input %s must have 3, 4 or 5 dimensions",
                               leati_shape_string(&x->shape).text);
    int64_t places = 1;
    for (int i = 0; i < a->rank; i++) {
        if (a->kernel[i] < 1 || a->stride[i] < 1 || a->dilation[i] < 1 ||
            a->kernel[i] > LEATI_MOST_WINDOW || a->stride[i] > LEATI_MOST_WINDOW ||
            a->dilation[i] > LEATI_MOST_WINDOW)
            return leati_node_fail(
                c, n, LEAT_INVALID, "kernel %lld, stride %lld, dilation %lld: from 1 to 2^30",
                (long long)a->kernel[i], (long long)a->stride[i], (long long)a->dilation[i]);
        int64_t reach = a->dilation[i] * (a->kernel[i] - 1) + 1;
        if (a->pad_low[i] < 0 || a->pad_high[i] < 0 || a->pad_low[i] >= reach ||
            a->pad_high[i] >= reach)
            return leati_node_fail(c, n, LEAT_INVALID,
                                   "padding of %lld and %lld: a window of %lld would see nothing "
                                   "but padding",
                                   (long long)a->pad_low[i], (long long)a->pad_high[i],
                                   (long long)reach);
        places *= a->kernel[i];
        if (places > LEATI_MOST_WINDOW)
            return leati_node_fail(c, n, LEAT_INVALID, "a window of more than 2^30 places");
    }
    return LEAT_OK;
}

static leat_status infer_pool(leat_context *c, leati_node *n)
{
    leati_pool_attrs *a = n->attrs;
    leat_shape x = n->in[0]->shape, y = x;
    LEATI_TRY(check(c, n));
    for (int i = 0; i < a->rank; i++) {
        a->spatial[i] = spatial_of(a, &x)[i];
        int64_t count =
            leati_window_count(a->spatial[i], a->kernel[i], a->stride[i], a->dilation[i],
                               a->pad_low[i], a->pad_high[i], a->ceil_mode);
        if (count < 1)
            return leati_node_fail(c, n, LEAT_SHAPE,
                                   "a window that reaches over %lld (kernel %lld, dilation %lld) "
                                   "does not fit into %lld of input %s with padding of %lld and "
                                   "%lld",
                                   (long long)(a->dilation[i] * (a->kernel[i] - 1) + 1),
                                   (long long)a->kernel[i], (long long)a->dilation[i],
                                   (long long)a->spatial[i], leati_shape_string(&x).text,
                                   (long long)a->pad_low[i], (long long)a->pad_high[i]);
        spatial_of(a, &y)[i] = count;
    }
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = y;
    if (n->op == LEATI_OP_POOL_MAX_INDEX) {
        n->out[1].dtype = LEAT_DTYPE_I64;
        n->out[1].shape = y;
    }
    return LEAT_OK;
}

/* dy (and the index) -> dx; the attributes say how large. */
static leat_status infer_data(leat_context *c, leati_node *n)
{
    const leati_pool_attrs *a = n->attrs;
    leat_shape x = n->in[0]->shape;
    if (!leati_dtype_is_float(n->in[0]->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the gradient is %s, it must be floating point",
                               leat_dtype_name(n->in[0]->dtype));
    if (n->ins == 2 &&
        (!leati_shape_equal(&x, &n->in[1]->shape) || n->in[1]->dtype != LEAT_DTYPE_I64))
        return leati_node_fail(c, n, LEAT_SHAPE,
                               "the index must be i64 of shape %s, it is %s of %s",
                               leati_shape_string(&x).text, leat_dtype_name(n->in[1]->dtype),
                               leati_shape_string(&n->in[1]->shape).text);
    for (int i = 0; i < a->rank; i++) spatial_of(a, &x)[i] = a->spatial[i];
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = x;
    return LEAT_OK;
}

/* ---- recording ------------------------------------------------------------------------------ */

static leati_pool_attrs attrs_of(const leat_window *w, int rank)
{
    leati_pool_attrs a = {.rank = rank,
                          .channels_last = w->channels_last,
                          .count_padding = w->count_padding,
                          .ceil_mode = w->ceil_mode};
    for (int i = 0; i < rank && i < LEATI_MAX_SPATIAL; i++) {
        a.kernel[i] = w->kernel[i];
        a.stride[i] = w->stride[i] ? w->stride[i] : w->kernel[i];
        a.dilation[i] = w->dilation[i];
        a.pad_low[i] = w->pad_low[i];
        a.pad_high[i] = w->pad_high[i];
    }
    return a;
}

leat_tensor *leat_pool_max(leat_tensor *x, const leat_window *options, leat_tensor **index)
{
    LEATI_CALLED(leat_tensor_graph(x), "pool_max");
    if (index) *index = NULL;
    if (!x) return NULL;
    leat_window o = leat_window_default();
    if (!LEATI_GRAPH_OPTIONS(x->node->graph, leat_window, &o, options)) return NULL;
    leati_pool_attrs a = attrs_of(&o, x->shape.rank - 2);
    leati_op op = index ? LEATI_OP_POOL_MAX_INDEX : LEATI_OP_POOL_MAX;
    leati_node *n = leati_node_new(x->node->graph, op, 1, &x, &a, sizeof a);
    if (!n) return NULL;
    if (index) *index = &n->out[1];
    return &n->out[0];
}

leat_tensor *leat_pool_avg(leat_tensor *x, const leat_window *options)
{
    if (!x) return NULL;
    leat_window o = leat_window_default();
    if (!LEATI_GRAPH_OPTIONS(x->node->graph, leat_window, &o, options)) return NULL;
    leati_pool_attrs a = attrs_of(&o, x->shape.rank - 2);
    return leati_op1(x->node->graph, LEATI_OP_POOL_AVG, 1, &x, &a, sizeof a);
}

static size_t plane_axes(leat_tensor *x, bool channels_last, int *axes)
{
    int first = channels_last ? 1 : 2, last = x->shape.rank - (channels_last ? 1 : 0);
    size_t count = 0;
    for (int i = first; i < last; i++) axes[count++] = i;
    return count;
}

leat_tensor *leat_pool_global_avg(leat_tensor *x, bool channels_last)
{
    int axes[LEAT_MAX_RANK];
    size_t count = x ? plane_axes(x, channels_last, axes) : 0;
    return count ? leat_mean(x, count, axes, true) : x;
}

leat_tensor *leat_pool_global_max(leat_tensor *x, bool channels_last)
{
    int axes[LEAT_MAX_RANK];
    size_t count = x ? plane_axes(x, channels_last, axes) : 0;
    return count ? leat_max(x, count, axes, true) : x;
}

/* ---- gradients ------------------------------------------------------------------------------ */

/* x, y, dy -> dx */
static leat_status infer_back(leat_context *c, leati_node *n)
{
    const leat_tensor *x = n->in[0], *y = n->in[1], *dy = n->in[2];
    LEATI_TRY(check(c, n));
    if (!leati_shape_equal(&y->shape, &dy->shape) || x->dtype != y->dtype ||
        x->dtype != dy->dtype || y->shape.rank != x->shape.rank)
        return leati_node_fail(c, n, LEAT_SHAPE, "gradient %s does not belong to results %s",
                               leati_shape_string(&dy->shape).text,
                               leati_shape_string(&y->shape).text);
    n->out[0].dtype = x->dtype;
    n->out[0].shape = x->shape;
    return LEAT_OK;
}

static leat_status expand_max(leati_node *n, leat_tensor **out)
{
    out[0] = leati_op1(n->graph, LEATI_OP_POOL_MAX_INDEX, 1, n->in, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

static leat_status expand_back(leati_node *n, leat_tensor **out)
{
    leati_node *index =
        leati_node_new(n->graph, LEATI_OP_POOL_MAX_INDEX, 1, n->in, n->attrs, n->attr_bytes);
    leat_tensor *in[2] = {n->in[2], index ? &index->out[1] : NULL};
    out[0] = leati_op1(n->graph, LEATI_OP_POOL_MAX_DATA, 2, in, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

static leat_status gradient_max(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                leat_tensor **dx)
{
    (void)needed;
    leat_tensor *y = &n->out[0], *in[3] = {n->in[0], y, dy[0]};
    /* what a ReLU before the pool stops is stopped here, where there is less of it; simplify.c then
     * leaves out the ReLU's own */
    if (n->in[0]->node->op == LEATI_OP_RELU)
        in[2] = leat_where(leat_greater(y, leat_like(y, 0)), dy[0], leat_like(dy[0], 0));
    dx[0] = leati_op1(n->graph, LEATI_OP_POOL_MAX_BACK, 3, in, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

static leat_status gradient_max_index(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                      leat_tensor **dx)
{
    (void)needed;
    leat_tensor *in[2] = {dy[0], &n->out[1]};
    if (dy[0]) dx[0] = leati_op1(n->graph, LEATI_OP_POOL_MAX_DATA, 2, in, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

/* dy's gradient is what lies at the index. */
static leat_status gradient_max_data(leati_node *n, leat_tensor *const *dx, const bool *needed,
                                     leat_tensor **d)
{
    const leati_pool_attrs *a = n->attrs;
    const leat_shape *y = &n->in[0]->shape;
    leati_grid from = leati_grid_of(&n->out[0].shape, a->channels_last);
    leati_grid to = leati_grid_of(y, a->channels_last);
    int64_t batch = (int64_t)to.batch, c = (int64_t)to.channels;
    bool last = a->channels_last;
    leat_shape in =
        last ? LEAT_DIMS(batch, (int64_t)from.plane, c) : LEAT_DIMS(batch, c, (int64_t)from.plane);
    leat_shape out =
        last ? LEAT_DIMS(batch, (int64_t)to.plane, c) : LEAT_DIMS(batch, c, (int64_t)to.plane);
    if (!needed[0]) return LEAT_OK;
    leat_tensor *picked =
        leat_take_along(leat_reshape(dx[0], in), leat_reshape(n->in[1], out), last ? 1 : 2);
    d[0] = picked ? leat_reshape(picked, *y) : NULL;
    return LEAT_OK;
}

static leat_status gradient_avg(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                leat_tensor **dx)
{
    (void)needed;
    leati_op back = n->op == LEATI_OP_POOL_AVG ? LEATI_OP_POOL_AVG_DATA : LEATI_OP_POOL_AVG;
    dx[0] = leati_op1(n->graph, back, 1, dy, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

const leati_op_class leati_pool_max_class = {infer_pool, gradient_max, expand_max};
const leati_op_class leati_pool_max_back_class = {.infer = infer_back, .expand = expand_back};
const leati_op_class leati_pool_max_index_class = {.infer = infer_pool,
                                                   .gradient = gradient_max_index};
const leati_op_class leati_pool_max_data_class = {.infer = infer_data,
                                                  .gradient = gradient_max_data};
const leati_op_class leati_pool_avg_class = {.infer = infer_pool, .gradient = gradient_avg};
const leati_op_class leati_pool_avg_data_class = {.infer = infer_data, .gradient = gradient_avg};
