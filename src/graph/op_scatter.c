/* Owns: SCATTER_ELEMENTS and SCATTER_ND: one gradient for both, in terms of reading and writing at
 * an index. */
#include "graph/op_classes.h"
#include "tensor/shape.h"

static leat_status check_updates(leat_context *c, leati_node *n, const leat_shape *want)
{
    const leati_index_attrs *a = n->attrs;
    const leat_tensor *x = n->in[0], *u = n->in[2];
    if (!leati_shape_equal(&u->shape, want) || u->dtype != x->dtype)
        return leati_node_fail(c, n, LEAT_SHAPE, "updates are %s of shape %s, expected %s of %s",
                               leat_dtype_name(u->dtype), leati_shape_string(&u->shape).text,
                               leat_dtype_name(x->dtype), leati_shape_string(want).text);
    if (a->mode != LEATI_SCATTER_SET && x->dtype == LEAT_DTYPE_BOOL)
        return leati_node_fail(c, n, LEAT_TYPE, "bool can only be replaced: cast it to a number");
    n->out[0].dtype = x->dtype;
    n->out[0].shape = x->shape;
    return LEAT_OK;
}

static leat_status infer_elements(leat_context *c, leati_node *n)
{
    LEATI_TRY(leati_check_elements(c, n));
    return check_updates(c, n, &n->in[1]->shape);
}

static leat_status infer_nd(leat_context *c, leati_node *n)
{
    leat_shape want;
    LEATI_TRY(leati_check_coordinates(c, n, &want));
    return check_updates(c, n, &want);
}

static leat_tensor *scatter(leati_op op, const leati_index_attrs *a, leat_tensor *x,
                            leat_tensor *index, leat_tensor *updates, leati_scatter_mode mode)
{
    leati_index_attrs attrs = *a;
    attrs.mode = (uint32_t)mode;
    leat_tensor *in[3] = {x, index, updates};
    return x ? leati_op1(x->node->graph, op, 3, in, &attrs, sizeof attrs) : NULL;
}

leat_tensor *leat_scatter_along(leat_tensor *x, leat_tensor *index, leat_tensor *updates, int axis,
                                leat_scatter_mode mode)
{
    LEATI_CALLED(leat_tensor_graph(x), "scatter_along");
    leati_index_attrs a = {.axis = axis};
    return scatter(LEATI_OP_SCATTER_ELEMENTS, &a, x, index, updates, (leati_scatter_mode)mode);
}

leat_tensor *leat_scatter_nd(leat_tensor *x, leat_tensor *index, leat_tensor *updates, int batch,
                             leat_scatter_mode mode)
{
    LEATI_CALLED(leat_tensor_graph(x), "scatter_nd");
    leati_index_attrs a = {.batch = batch};
    return scatter(LEATI_OP_SCATTER_ND, &a, x, index, updates, (leati_scatter_mode)mode);
}

/* ---- gradients
 * ----------------------------------------------------------------------------------- */

static leat_tensor *write(leati_node *n, leat_tensor *x, leat_tensor *u, leati_scatter_mode mode)
{
    return scatter(n->op, n->attrs, x, n->in[1], u, mode);
}

static leat_tensor *read(leati_node *n, leat_tensor *x)
{
    const leati_index_attrs *a = n->attrs;
    return n->op == LEATI_OP_SCATTER_ND ? leat_take_nd(x, n->in[1], a->batch)
                                        : leat_take_along(x, n->in[1], a->axis);
}

/* Of several updates to one place the last one stays: the one that finds its own number there. */
static void gradient_set(leati_node *n, leat_tensor *dy, const bool *needed, leat_tensor **dx)
{
    leat_tensor *x = n->in[0], *u = n->in[2];
    if (needed[0]) dx[0] = write(n, dy, leati_full_like(u, 0), LEATI_SCATTER_SET);
    if (!needed[2]) return;
    leat_graph *g = n->graph;
    int64_t count = (int64_t)leati_shape_count(&u->shape);
    leat_tensor *number =
        leat_reshape(leati_iota(g, LEAT_DTYPE_I64, LEAT_DIMS(count), 0, 0, 1), u->shape);
    leat_tensor *none = leat_expand(leat_scalar(g, LEAT_DTYPE_I64, -1), x->shape);
    leat_tensor *stays = leat_equal(read(n, write(n, none, number, LEATI_SCATTER_SET)), number);
    dx[2] = leat_where(stays, read(n, dy), leat_like(u, 0));
}

/* The product of the others: with zeros left out and counted. */
static void gradient_product(leati_node *n, leat_tensor *dy, const bool *needed, leat_tensor **dx)
{
    leat_tensor *x = n->in[0], *u = n->in[2], *zero = leat_like(u, 0), *one = leat_like(u, 1);
    if (needed[0]) dx[0] = leat_mul(dy, write(n, leati_full_like(x, 1), u, LEATI_SCATTER_MUL));
    if (!needed[2]) return;
    leat_tensor *is_zero = leat_equal(u, zero), *filled = leat_where(is_zero, one, u);
    leat_tensor *rest = read(n, leat_mul(dy, write(n, x, filled, LEATI_SCATTER_MUL)));
    leat_tensor *count =
        write(n, leati_full_like(x, 0), leat_cast(is_zero, u->dtype), LEATI_SCATTER_ADD_TO);
    leat_tensor *zeros = read(n, count), *own = leat_cast(is_zero, u->dtype);
    dx[2] = leat_where(leat_equal(zeros, own), leat_div(rest, filled), zero);
}

/* All that reach the extreme share alike. */
static void gradient_extreme(leati_node *n, leat_tensor *dy, const bool *needed, leat_tensor **dx)
{
    leat_tensor *x = n->in[0], *u = n->in[2], *y = &n->out[0];
    leat_tensor *hit_x = leat_cast(leat_equal(x, y), x->dtype);
    leat_tensor *hit_u = leat_cast(leat_equal(u, read(n, y)), u->dtype);
    leat_tensor *share = leat_div(dy, write(n, hit_x, hit_u, LEATI_SCATTER_ADD_TO));
    if (needed[0]) dx[0] = leat_mul(share, hit_x);
    if (needed[2]) dx[2] = leat_mul(read(n, share), hit_u);
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    const leati_index_attrs *a = n->attrs;
    switch (a->mode) {
    case LEATI_SCATTER_SET: gradient_set(n, dy[0], needed, dx); break;
    case LEATI_SCATTER_ADD_TO:
        dx[0] = dy[0];
        if (needed[2]) dx[2] = read(n, dy[0]);
        break;
    case LEATI_SCATTER_MUL: gradient_product(n, dy[0], needed, dx); break;
    default: gradient_extreme(n, dy[0], needed, dx); break;
    }
    return LEAT_OK;
}

const leati_op_class leati_scatter_elements_class = {.infer = infer_elements, .gradient = gradient};
const leati_op_class leati_scatter_nd_class = {.infer = infer_nd, .gradient = gradient};
