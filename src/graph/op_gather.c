/* Owns: GATHER and SCATTER_ADD, GATHER_ELEMENTS, GATHER_ND. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

leat_status leati_check_index(leat_context *c, const leati_node *n, const leat_tensor *index)
{
    if (index->dtype == LEAT_DTYPE_I64 || index->dtype == LEAT_DTYPE_I32) return LEAT_OK;
    return leati_node_fail(c, n, LEAT_TYPE, "the index is %s, it must be i64 or i32",
                           leat_dtype_name(index->dtype));
}

/* ---- along an axis, the index has a shape of its own
 * --------------------------------------------- */

static leat_status infer_gather(leat_context *c, leati_node *n)
{
    leati_index_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape, *index = &n->in[1]->shape;
    LEATI_TRY(leati_check_index(c, n, n->in[1]));
    int axis = leati_axis(c, n, a->axis, x->rank);
    if (axis < 0) return leat_error_status(c);
    a->axis = axis;
    if (x->rank - 1 + index->rank > LEAT_MAX_RANK)
        return leati_node_fail(c, n, LEAT_LIMIT, "shapes %s and %s give more than %d dimensions",
                               leati_shape_string(x).text, leati_shape_string(index).text,
                               LEAT_MAX_RANK);
    leat_shape y = {.rank = 0};
    for (int i = 0; i < axis; i++) y.dim[y.rank++] = x->dim[i];
    for (int i = 0; i < index->rank; i++) y.dim[y.rank++] = index->dim[i];
    for (int i = axis + 1; i < x->rank; i++) y.dim[y.rank++] = x->dim[i];
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = y;
    return LEAT_OK;
}

leat_tensor *leat_take(leat_tensor *x, leat_tensor *index, int axis)
{
    LEATI_CALLED(leat_tensor_graph(x), "take");
    leati_index_attrs a = {.axis = axis};
    leat_tensor *in[2] = {x, index};
    return x ? leati_op1(x->node->graph, LEATI_OP_GATHER, 2, in, &a, sizeof a) : NULL;
}

leat_tensor *leati_scatter_add(leat_tensor *index, leat_tensor *updates, int axis, int64_t size)
{
    leati_index_attrs a = {.axis = axis, .size = size};
    leat_tensor *in[2] = {index, updates};
    return index ? leati_op1(index->node->graph, LEATI_OP_SCATTER_ADD, 2, in, &a, sizeof a) : NULL;
}

static leat_status gradient_gather(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                   leat_tensor **dx)
{
    const leati_index_attrs *a = n->attrs;
    if (needed[0])
        dx[0] = leati_scatter_add(n->in[1], dy[0], a->axis, n->in[0]->shape.dim[a->axis]);
    return LEAT_OK;
}

static leat_status infer_scatter_add(leat_context *c, leati_node *n)
{
    const leati_index_attrs *a = n->attrs;
    const leat_shape *index = &n->in[0]->shape, *u = &n->in[1]->shape;
    LEATI_TRY(leati_check_index(c, n, n->in[0]));
    bool fits = a->axis >= 0 && a->axis + index->rank <= u->rank && a->size >= 0;
    for (int i = 0; fits && i < index->rank; i++) fits = u->dim[a->axis + i] == index->dim[i];
    if (!fits)
        return leati_node_fail(c, n, LEAT_SHAPE,
                               "updates %s do not have the index's shape %s at axis %d",
                               leati_shape_string(u).text, leati_shape_string(index).text, a->axis);
    if (n->in[1]->dtype == LEAT_DTYPE_BOOL)
        return leati_node_fail(c, n, LEAT_TYPE, "bool cannot be added: cast it to a number");
    if (u->rank - index->rank + 1 > LEAT_MAX_RANK)
        return leati_node_fail(c, n, LEAT_LIMIT, "the result has more than %d dimensions",
                               LEAT_MAX_RANK);
    leat_shape y = {.rank = 0};
    for (int i = 0; i < a->axis; i++) y.dim[y.rank++] = u->dim[i];
    y.dim[y.rank++] = a->size;
    for (int i = a->axis + index->rank; i < u->rank; i++) y.dim[y.rank++] = u->dim[i];
    n->out[0].dtype = n->in[1]->dtype;
    n->out[0].shape = y;
    return LEAT_OK;
}

static leat_status gradient_scatter_add(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                        leat_tensor **dx)
{
    const leati_index_attrs *a = n->attrs;
    if (needed[1]) dx[1] = leat_take(dy[0], n->in[0], a->axis);
    return LEAT_OK;
}

const leati_op_class leati_gather_class = {.infer = infer_gather, .gradient = gradient_gather};
const leati_op_class leati_scatter_add_class = {.infer = infer_scatter_add,
                                                .gradient = gradient_scatter_add};

/* ---- element by element -------------------------------------------------------------------------
 */

leat_status leati_check_elements(leat_context *c, leati_node *n)
{
    leati_index_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape, *index = &n->in[1]->shape;
    LEATI_TRY(leati_check_index(c, n, n->in[1]));
    int axis = leati_axis(c, n, a->axis, x->rank);
    if (axis < 0) return leat_error_status(c);
    a->axis = axis;
    bool fits = x->rank == index->rank;
    for (int i = 0; fits && i < x->rank; i++) fits = i == axis || index->dim[i] <= x->dim[i];
    if (fits) return LEAT_OK;
    return leati_node_fail(c, n, LEAT_SHAPE,
                           "an index of shape %s does not lie in %s: beside axis %d it may not be "
                           "larger",
                           leati_shape_string(index).text, leati_shape_string(x).text, axis);
}

static leat_status infer_gather_elements(leat_context *c, leati_node *n)
{
    LEATI_TRY(leati_check_elements(c, n));
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = n->in[1]->shape;
    return LEAT_OK;
}

static leat_status gradient_gather_elements(leati_node *n, leat_tensor *const *dy,
                                            const bool *needed, leat_tensor **dx)
{
    const leati_index_attrs *a = n->attrs;
    if (needed[0])
        dx[0] = leat_scatter_along(leati_full_like(n->in[0], 0), n->in[1], dy[0], a->axis,
                                   LEAT_SCATTER_ADD);
    return LEAT_OK;
}

const leati_op_class leati_gather_elements_class = {.infer = infer_gather_elements,
                                                    .gradient = gradient_gather_elements};

leat_tensor *leat_take_along(leat_tensor *x, leat_tensor *index, int axis)
{
    LEATI_CALLED(leat_tensor_graph(x), "take_along");
    leati_index_attrs a = {.axis = axis};
    leat_tensor *in[2] = {x, index};
    return x ? leati_op1(x->node->graph, LEATI_OP_GATHER_ELEMENTS, 2, in, &a, sizeof a) : NULL;
}

/* ---- by whole coordinates
 * ------------------------------------------------------------------------ */

leat_status leati_check_coordinates(leat_context *c, leati_node *n, leat_shape *y)
{
    const leati_index_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape, *index = &n->in[1]->shape;
    LEATI_TRY(leati_check_index(c, n, n->in[1]));
    int64_t depth = index->rank ? index->dim[index->rank - 1] : 0;
    bool fits = a->batch >= 0 && index->rank > a->batch && x->rank >= a->batch && depth >= 1 &&
                depth <= x->rank - a->batch;
    for (int i = 0; fits && i < a->batch; i++) fits = x->dim[i] == index->dim[i];
    if (!fits)
        return leati_node_fail(c, n, LEAT_SHAPE,
                               "an index of shape %s does not address a tensor of shape %s with %d "
                               "leading dimensions in common",
                               leati_shape_string(index).text, leati_shape_string(x).text,
                               a->batch);
    int rest = x->rank - a->batch - (int)depth;
    if (index->rank - 1 + rest > LEAT_MAX_RANK)
        return leati_node_fail(c, n, LEAT_LIMIT, "the result has more than %d dimensions",
                               LEAT_MAX_RANK);
    *y = *index;
    y->dim[--y->rank] = 0;
    for (int i = x->rank - rest; i < x->rank; i++) y->dim[y->rank++] = x->dim[i];
    return LEAT_OK;
}

static leat_status infer_gather_nd(leat_context *c, leati_node *n)
{
    n->out[0].dtype = n->in[0]->dtype;
    return leati_check_coordinates(c, n, &n->out[0].shape);
}

static leat_status gradient_gather_nd(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                      leat_tensor **dx)
{
    const leati_index_attrs *a = n->attrs;
    if (needed[0])
        dx[0] = leat_scatter_nd(leati_full_like(n->in[0], 0), n->in[1], dy[0], a->batch,
                                LEAT_SCATTER_ADD);
    return LEAT_OK;
}

const leati_op_class leati_gather_nd_class = {.infer = infer_gather_nd,
                                              .gradient = gradient_gather_nd};

leat_tensor *leat_take_nd(leat_tensor *x, leat_tensor *index, int batch)
{
    LEATI_CALLED(leat_tensor_graph(x), "take_nd");
    leati_index_attrs a = {.batch = batch};
    leat_tensor *in[2] = {x, index};
    return x ? leati_op1(x->node->graph, LEATI_OP_GATHER_ND, 2, in, &a, sizeof a) : NULL;
}
