/* Owns: PAD: constants between and around the elements, or borders continued by reflection, by the
 * edge or from the other end. */
#include "graph/op_classes.h"

#include "base/mem.h"
#include "tensor/shape.h"

static leat_status infer(leat_context *c, leati_node *n)
{
    const leati_pad_attrs *a = n->attrs;
    const leat_shape *x = &n->in[0]->shape;
    leat_shape y = {.rank = x->rank};
    for (int i = 0; i < x->rank; i++) {
        int64_t dim = x->dim[i], gaps;
        if (a->low[i] < 0 || a->high[i] < 0 || a->interior[i] < 0)
            return leati_node_fail(c, n, LEAT_INVALID, "a negative width for axis %d", i);
        LEATI_BUG_IF(c, a->mode != LEATI_PAD_CONSTANT && a->interior[i]);
        if (a->mode != LEATI_PAD_CONSTANT && (a->low[i] || a->high[i])) {
            int64_t most = dim - 1;
            if (a->mode == LEATI_PAD_REFLECT && (a->low[i] > most || a->high[i] > most))
                return leati_node_fail(c, n, LEAT_SHAPE,
                                       "axis %d of %lld elements can be continued by at most %lld, "
                                       "not by %lld and %lld",
                                       i, (long long)dim, (long long)(most < 0 ? 0 : most),
                                       (long long)a->low[i], (long long)a->high[i]);
            if (dim == 0)
                return leati_node_fail(c, n, LEAT_SHAPE, "axis %d has no edge to continue", i);
        }
        if (__builtin_mul_overflow(dim > 0 ? dim - 1 : 0, a->interior[i], &gaps) ||
            __builtin_add_overflow(dim, gaps, &dim) ||
            __builtin_add_overflow(dim, a->low[i], &dim) ||
            __builtin_add_overflow(dim, a->high[i], &dim))
            return leati_node_fail(c, n, LEAT_LIMIT, "axis %d becomes too long", i);
        y.dim[i] = dim;
    }
    n->out[0].dtype = n->in[0]->dtype;
    n->out[0].shape = y;
    return LEAT_OK;
}

static leat_status gradient_constant(leati_node *n, leat_tensor *dy, leat_tensor **dx)
{
    const leati_pad_attrs *a = n->attrs;
    leati_slice_attrs s = {{0}, {0}};
    for (int i = 0; i < n->in[0]->shape.rank; i++) {
        s.start[i] = n->in[0]->shape.dim[i] ? a->low[i] : 0;
        s.step[i] = a->interior[i] + 1;
    }
    leati_node *d = leati_node_make(n->graph, LEATI_OP_SLICE, 1, &dy, 1, &s, sizeof s,
                                    n->in[0]->dtype, &n->in[0]->shape);
    *dx = d ? &d->out[0] : NULL;
    return LEAT_OK;
}

/* Where element i of a continued axis comes from. */
static int64_t source_of(const leati_pad_attrs *a, int64_t dim, int64_t i)
{
    if (i >= 0 && i < dim) return i;
    switch (a->mode) {
    case LEATI_PAD_REFLECT: return i < 0 ? -i : 2 * (dim - 1) - i;
    case LEATI_PAD_EDGE: return i < 0 ? 0 : dim - 1;
    default: return (i % dim + dim) % dim;
    }
}

/* For every place of axis i the one that it comes from; NULL with an error. */
static leat_tensor *sources(const leati_node *n, int i)
{
    const leati_pad_attrs *a = n->attrs;
    int64_t dim = n->in[0]->shape.dim[i], wide = n->out[0].shape.dim[i];
    int64_t *from = leati_array(n->graph->context, (size_t)wide, sizeof *from);
    if (!from) return NULL;
    for (int64_t k = 0; k < wide; k++) from[k] = source_of(a, dim, k - a->low[i]);
    leat_tensor *index = leat_constant(n->graph, LEAT_DTYPE_I64, LEAT_DIMS(wide), from);
    leati_free(from);
    return index;
}

/* Along one axis the operation is a GATHER; axis by axis its transpose adds up. */
static leat_status gradient_continued(leati_node *n, leat_tensor *dy, leat_tensor **dx)
{
    const leati_pad_attrs *a = n->attrs;
    for (int i = 0; dy && i < n->in[0]->shape.rank; i++) {
        if (!a->low[i] && !a->high[i]) continue;
        leat_tensor *index = sources(n, i);
        if (!index) return leat_error_status(n->graph->context);
        dy = leati_scatter_add(index, dy, i, n->in[0]->shape.dim[i]);
    }
    *dx = dy;
    return LEAT_OK;
}

static leat_status gradient(leati_node *n, leat_tensor *const *dy, const bool *needed,
                            leat_tensor **dx)
{
    (void)needed;
    const leati_pad_attrs *a = n->attrs;
    return a->mode == LEATI_PAD_CONSTANT ? gradient_constant(n, dy[0], dx)
                                         : gradient_continued(n, dy[0], dx);
}

/* Borders that are continued, as gathers: for where only constant ones have a form. */
static leat_status expand(leati_node *n, leat_tensor **out)
{
    const leati_pad_attrs *a = n->attrs;
    leat_tensor *x = n->in[0];
    if (a->mode == LEATI_PAD_CONSTANT)
        return leati_node_fail(n->graph->context, n, LEAT_UNSUPPORTED,
                               "constants between or around elements have no other form");
    for (int i = 0; x && i < n->in[0]->shape.rank; i++)
        if (a->low[i] || a->high[i]) x = leat_take(x, sources(n, i), i);
    out[0] = x;
    return x ? LEAT_OK : leat_error_status(n->graph->context);
}

const leati_op_class leati_pad_class = {.infer = infer, .gradient = gradient, .expand = expand};

/* Negative widths cut; what is left is padded. */
leat_tensor *leat_pad(leat_tensor *x, leat_pad_mode mode, const int64_t *low, const int64_t *high,
                      double value)
{
    if (!x) return NULL;
    leati_pad_attrs a = {.mode = (uint32_t)mode};
    int64_t start[LEAT_MAX_RANK], stop[LEAT_MAX_RANK];
    bool cut = false, any = false;
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t dim = x->shape.dim[i], before = low[i], after = high[i];
        start[i] = before < -dim ? dim : before < 0 ? -before : 0;
        stop[i] = after < -dim ? 0 : after < 0 ? dim + after : dim;
        cut |= before < 0 || after < 0;
        /* What is cut beyond the axis is cut of the padding at its other end. */
        if (before < -dim && after > 0) after += before + dim;
        else if (after < -dim && before > 0) before += after + dim;
        a.low[i] = before > 0 ? before : 0;
        a.high[i] = after > 0 ? after : 0;
        any |= a.low[i] || a.high[i];
    }
    if (cut) x = leat_slice(x, (size_t)x->shape.rank, NULL, start, stop, NULL);
    if (!x || !any) return x;
    if (leati_dtype_is_float(x->dtype)) a.value = value;
    else
        leati_cast_kernel(x->node->graph->context, LEAT_DTYPE_F64,
                          LEAT_DTYPE_I64)(1, &value, NULL, NULL, &a.value_int);
    return leati_op1(x->node->graph, LEATI_OP_PAD, 1, &x, &a, sizeof a);
}
