/* Owns: SLICE and REVERSE. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

/* ---- SLICE ------------------------------------------------------------------------------------
 */

static leat_status infer_slice(leat_context *c, leati_node *n)
{
    const leati_slice_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape, *y = &n->out[0].shape;
    LEATI_BUG_IF(c, x->rank != y->rank);
    for (int i = 0; i < x->rank; i++)
        LEATI_BUG_IF(
            c, a->step[i] < 1 || a->start[i] < 0 || y->dim[i] < 0 ||
                   (y->dim[i] > 0 && (x->dim[i] - 1 - a->start[i]) / a->step[i] < y->dim[i] - 1));
    n->out[0].dtype = n->in[0]->dtype;
    return LEAT_OK;
}

/* The transpose of taking every step-th element is spreading them over zeros. */
static leat_status gradient_slice(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                  leat_tensor **dx)
{
    (void)needed;
    const leati_slice_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape, *y = &n->out[0].shape;
    leati_pad_attrs pad = {.mode = LEATI_PAD_CONSTANT};
    for (int i = 0; i < x->rank; i++) {
        int64_t span = y->dim[i] ? (y->dim[i] - 1) * a->step[i] + 1 : 0;
        pad.low[i] = y->dim[i] ? a->start[i] : 0;
        pad.interior[i] = y->dim[i] ? a->step[i] - 1 : 0;
        pad.high[i] = x->dim[i] - pad.low[i] - span;
    }
    dx[0] = leati_op1(n->graph, LEATI_OP_PAD, 1, dy, &pad, sizeof pad);
    return LEAT_OK;
}

const leati_op_class leati_slice_class = {.infer = infer_slice, .gradient = gradient_slice};

/* start .. stop by step of an axis of n elements as NumPy understands them: *first the lowest
 * element taken, *count how many. */
static void resolve_range(int64_t n, int64_t start, int64_t stop, int64_t step, int64_t *first,
                          int64_t *count)
{
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    if (start < 0) start += n;
    if (stop < 0) stop += n;
    start = start < low ? low : start > high ? high : start;
    stop = stop < low ? low : stop > high ? high : stop;
    uint64_t size = step < 0 ? -(uint64_t)step : (uint64_t)step;
    int64_t span = step < 0 ? start - stop : stop - start;
    *count = span <= 0 ? 0 : (int64_t)(((uint64_t)span - 1) / size + 1);
    *first = *count == 0 ? 0 : step < 0 ? start - (*count - 1) * (int64_t)size : start;
}

leat_tensor *leat_slice(leat_tensor *x, size_t count, const int *axes, const int64_t *starts,
                        const int64_t *stops, const int64_t *steps)
{
    if (!x) return NULL;
    leat_graph *g = x->node->graph;
    int rank = x->shape.rank;
    leati_slice_attrs a = {{0}, {0}};
    leat_shape shape = x->shape;
    unsigned turned = 0, seen = 0;
    for (int i = 0; i < rank; i++) a.step[i] = 1;
    for (size_t k = 0; k < count; k++) {
        int axis = axes ? axes[k] : k < LEAT_MAX_RANK ? (int)k : LEAT_MAX_RANK;
        if (axis < -rank || axis >= rank)
            return leati_refuse(g, LEATI_OP_SLICE, LEAT_SHAPE,
                                "axis %d of a tensor of %d dimensions", axis, rank);
        if (axis < 0) axis += rank;
        if (seen >> axis & 1)
            return leati_refuse(g, LEATI_OP_SLICE, LEAT_INVALID, "axis %d is given twice", axis);
        seen |= 1u << axis;
        int64_t step = steps ? steps[k] : 1;
        if (step == 0)
            return leati_refuse(g, LEATI_OP_SLICE, LEAT_INVALID, "the step along axis %d is 0",
                                axis);
        resolve_range(x->shape.dim[axis], starts[k], stops[k], step, &a.start[axis],
                      &shape.dim[axis]);
        if (step < 0) turned |= 1u << axis;
        if (shape.dim[axis] > 1) a.step[axis] = step < 0 ? -step : step;
        if (shape.dim[axis] < 2) turned &= ~(1u << axis);
    }
    leati_node *n = NULL;
    if (!leati_shape_equal(&shape, &x->shape))
        n = leati_node_make(g, LEATI_OP_SLICE, 1, &x, 1, &a, sizeof a, x->dtype, &shape);
    leat_tensor *y = leati_shape_equal(&shape, &x->shape) ? x : n ? &n->out[0] : NULL;
    leati_reverse_attrs r = {turned};
    return turned && y ? leati_op1(g, LEATI_OP_REVERSE, 1, &y, &r, sizeof r) : y;
}

leat_tensor *leat_narrow(leat_tensor *x, int axis, int64_t start, int64_t length)
{
    LEATI_CALLED(leat_tensor_graph(x), "narrow");
    if (!x) return NULL;
    int rank = x->shape.rank;
    int64_t dim = axis >= -rank && axis < rank ? x->shape.dim[axis < 0 ? axis + rank : axis] : 0;
    int64_t stop;
    if (axis >= -rank && axis < rank &&
        (start < 0 || length < 0 || __builtin_add_overflow(start, length, &stop) || stop > dim))
        return leati_refuse(x->node->graph, LEATI_OP_SLICE, LEAT_SHAPE,
                            "%lld elements from %lld on do not lie in an axis of %lld",
                            (long long)length, (long long)start, (long long)dim);
    stop = start + length;
    return leat_slice(x, 1, &axis, &start, &stop, NULL);
}

/* ---- REVERSE ------------------------------------------------------------------------------------
 */

static leat_status infer_reverse(leat_context *c, leati_node *n)
{
    (void)c;
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[0]->shape;
    return LEAT_OK;
}

static leat_status gradient_reverse(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                    leat_tensor **dx)
{
    (void)needed;
    dx[0] = leati_op1(n->graph, LEATI_OP_REVERSE, 1, dy, n->attrs, n->attr_bytes);
    return LEAT_OK;
}

const leati_op_class leati_reverse_class = {.infer = infer_reverse, .gradient = gradient_reverse};

leat_tensor *leat_flip(leat_tensor *x, size_t count, const int *axes)
{
    LEATI_CALLED(leat_tensor_graph(x), "flip");
    if (!x) return NULL;
    leati_reverse_attrs a = {0};
    int rank = x->shape.rank;
    for (size_t k = 0; k < count; k++) {
        if (axes[k] < -rank || axes[k] >= rank)
            return leati_refuse(x->node->graph, LEATI_OP_REVERSE, LEAT_SHAPE,
                                "axis %d of a tensor of %d dimensions", axes[k], rank);
        int axis = axes[k] < 0 ? axes[k] + rank : axes[k];
        if (a.axes >> axis & 1)
            return leati_refuse(x->node->graph, LEATI_OP_REVERSE, LEAT_SHAPE,
                                "axis %d is given twice", axis);
        a.axes |= 1u << axis;
    }
    if (count == 0) a.axes = (1u << rank) - 1;
    return leati_op1(x->node->graph, LEATI_OP_REVERSE, 1, &x, &a, sizeof a);
}
