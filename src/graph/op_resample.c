/* Owns: RESAMPLE along one axis, its transpose, and interpolation over several axes. */
#include <string.h>

#include <leat/function.h>

#include "graph/op_classes.h"
#include "tensor/shape.h"

static leat_status check(leat_context *c, leati_node *n, int64_t in, int64_t out)
{
    if (!leati_dtype_is_float(n->in[0]->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the input is %s, it must be floating point",
                               leat_dtype_name(n->in[0]->dtype));
    if (in < 1 || out < 1)
        return leati_node_fail(c, n, LEAT_SHAPE, "from %lld to %lld places", (long long)in,
                               (long long)out);
    return LEAT_OK;
}

static leat_status infer(leat_context *c, leati_node *n)
{
    leati_resample_attrs *a = n->attrs;
    a->in = n->in[0]->shape.dim[a->axis];
    LEATI_TRY(check(c, n, a->in, a->size));
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[0]->shape;
    n->out[0].shape.dim[a->axis] = a->size;
    return LEAT_OK;
}

static leat_status infer_data(leat_context *c, leati_node *n)
{
    const leati_resample_attrs *a = n->attrs;
    LEATI_TRY(check(c, n, a->in, a->size));
    if (n->in[0]->shape.dim[a->axis] != a->size)
        return leati_node_fail(c, n, LEAT_SHAPE, "gradient %s for %lld places along axis %d",
                               leati_shape_string(&n->in[0]->shape).text, (long long)a->size,
                               a->axis);
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[0]->shape;
    n->out[0].shape.dim[a->axis] = a->in;
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    (void)needed;
    leati_op other = n->op == LEATI_OP_RESAMPLE ? LEATI_OP_RESAMPLE_DATA : LEATI_OP_RESAMPLE;
    dx[0] = leati_op1(n->graph, other, 1, dy, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

const leati_op_class leati_resample_class = {.infer = infer, .gradient = gradient};
const leati_op_class leati_resample_data_class = {.infer = infer_data, .gradient = gradient};

leat_resize leat_resize_default(leat_resize_mode mode)
{
    return (leat_resize){.struct_size = sizeof(leat_resize), .mode = mode, .cubic = -0.75};
}

leat_tensor *leat_interpolate(leat_tensor *x, size_t count, const int *axes, const int64_t *sizes,
                              const leat_resize *options)
{
    leat_resize o = leat_resize_default(LEAT_RESIZE_LINEAR);
    if (!x || !LEATI_GRAPH_OPTIONS(x->node->graph, leat_resize, &o, options)) return NULL;
    for (size_t i = 0; x && i < count; i++) {
        leat_graph *g = x->node->graph;
        leati_node named = {.op = LEATI_OP_RESAMPLE, .scope = x->node->scope};
        int axis = leati_axis(g->context, &named, axes[i], x->shape.rank);
        if (axis < 0) {
            leati_graph_break(g);
            return NULL;
        }
        leati_resample_attrs a = {.size = sizes[i],
                                  .scale = o.scales ? o.scales[i] : 0,
                                  .cubic = o.cubic,
                                  .axis = axis,
                                  .mode = (uint8_t)o.mode,
                                  .coordinates = (uint8_t)o.coordinates,
                                  .rounding = (uint8_t)o.rounding};
        x = leati_op1(g, LEATI_OP_RESAMPLE, 1, &x, &a, sizeof a);
    }
    return x;
}
