/* Owns: CONCAT, and stacking and splitting made of it and SLICE. */
#include "graph/op_classes.h"

#include "base/mem.h"
#include "tensor/shape.h"

static leat_status infer(leat_context *c, leati_node *n)
{
    leati_axis_attrs *a = n->attrs;
    leat_shape y = n->in[0]->shape;
    int axis = leati_axis(c, n, a->axis, y.rank);
    if (axis < 0) return leat_error_status(c);
    a->axis = axis;
    for (size_t i = 1; i < n->ins; i++) {
        const leat_tensor *x = n->in[i];
        if (x->dtype != n->in[0]->dtype)
            return leati_node_fail(c, n, LEAT_TYPE, "part 1 is %s, part %zu is %s: cast one",
                                   leat_dtype_name(n->in[0]->dtype), i + 1,
                                   leat_dtype_name(x->dtype));
        bool fits = x->shape.rank == y.rank;
        for (int k = 0; fits && k < y.rank; k++) fits = k == axis || x->shape.dim[k] == y.dim[k];
        if (!fits || __builtin_add_overflow(y.dim[axis], x->shape.dim[axis], &y.dim[axis]))
            return leati_node_fail(c, n, LEAT_SHAPE,
                                   "part 1 has shape %s, part %zu has %s: they may differ in axis "
                                   "%d only",
                                   leati_shape_string(&n->in[0]->shape).text, i + 1,
                                   leati_shape_string(&x->shape).text, axis);
    }
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = y;
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    const leati_axis_attrs *a = n->attrs;
    int64_t at = 0;
    for (size_t i = 0; i < n->ins; i++) {
        int64_t length = n->in[i]->shape.dim[a->axis];
        if (needed[i]) dx[i] = leat_narrow(dy[0], a->axis, at, length);
        at += length;
    }
    return LEAT_OK;
}

const leati_op_class leati_concat_class = {.infer = infer, .gradient = gradient};

static leat_graph *graph_of(size_t count, leat_tensor *const *parts)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i]) return parts[i]->node->graph;
    return NULL;
}

leat_tensor *leat_concat(size_t count, leat_tensor *const *parts, int axis)
{
    leat_graph *g = graph_of(count, parts);
    leati_axis_attrs a = {axis};
    if (count > leati_op_info_of(LEATI_OP_CONCAT)->most)
        return leati_refuse(g, LEATI_OP_CONCAT, LEAT_LIMIT, "%zu parts; at most %d", count,
                            leati_op_info_of(LEATI_OP_CONCAT)->most);
    if (count == 1 && parts[0] && axis >= -parts[0]->shape.rank && axis < parts[0]->shape.rank)
        return parts[0];
    return count ? leati_op1(g, LEATI_OP_CONCAT, count, parts, &a, sizeof a) : NULL;
}

leat_tensor *leat_stack(size_t count, leat_tensor *const *parts, int axis)
{
    leat_graph *g = graph_of(count, parts);
    if (!g) return NULL;
    leat_tensor **wide = LEATI_NEW(g->context, leat_tensor *, count), *y = NULL;
    if (!wide) {
        leati_graph_break(g);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        int rank = parts[i] ? parts[i]->shape.rank : 0;
        wide[i] = leat_unsqueeze(parts[i], axis < 0 ? axis + rank + 1 : axis);
    }
    if (!g->broken) y = leat_concat(count, wide, axis);
    leati_free(wide);
    return y;
}

leat_status leat_split(leat_tensor *x, int axis, size_t count, const int64_t *sizes,
                       leat_tensor **out)
{
    for (size_t i = 0; i < count; i++) out[i] = NULL;
    if (!x) return LEAT_INVALID;
    leat_graph *g = x->node->graph;
    int rank = x->shape.rank;
    if (axis >= -rank && axis < rank && axis < 0) axis += rank;
    int64_t dim = axis >= 0 && axis < rank ? x->shape.dim[axis] : 0, at = 0, sum = 0;
    for (size_t i = 0; sizes && i < count; i++)
        if (sizes[i] < 0 || __builtin_add_overflow(sum, sizes[i], &sum)) sum = -1;
    if (axis < 0 || axis >= rank) {
        leati_refuse(g, LEATI_OP_SLICE, LEAT_SHAPE, "split: axis %d of a tensor of %d dimensions",
                     axis, rank);
    } else if (sizes ? sum != dim : count == 0 || dim % (int64_t)count != 0) {
        leati_refuse(g, LEATI_OP_SLICE, LEAT_SHAPE, "split: an axis of %lld does not give %zu %s",
                     (long long)dim, count, sizes ? "parts of the given sizes" : "equal parts");
    }
    for (size_t i = 0; i < count && !g->broken; i++) {
        int64_t size = sizes ? sizes[i] : dim / (int64_t)count;
        out[i] = leat_narrow(x, axis, at, size);
        at += size;
    }
    return g->broken ? leat_error_status(g->context) : LEAT_OK;
}
