/* Owns: ADAM and SGD, steps of optimisers over weights of any shape. They have no gradient. */
#include "graph/op_classes.h"
#include "graph/optimize.h"
#include "tensor/shape.h"

/* Weights and what goes with them have one floating type and shape; then come f32 scalars. */
static leat_status infer(leat_context *c, leati_node *n, size_t arrays, size_t outs)
{
    const leat_tensor *w = n->in[0];
    if (!leati_dtype_is_float(w->dtype))
        return leati_node_fail(c, n, LEAT_TYPE, "the weights are %s", leat_dtype_name(w->dtype));
    for (size_t i = 1; i < n->ins; i++) {
        const leat_tensor *x = n->in[i];
        bool fits = i < arrays ? x->dtype == w->dtype && leati_shape_equal(&x->shape, &w->shape)
                               : x->dtype == LEAT_DTYPE_F32 && leati_shape_count(&x->shape) == 1;
        if (!fits)
            return leati_node_fail(c, n, LEAT_SHAPE, "input %zu is %s %s for weights %s", i + 1,
                                   leat_dtype_name(x->dtype), leati_shape_string(&x->shape).text,
                                   leati_shape_string(&w->shape).text);
    }
    for (size_t i = 0; i < outs; i++) {
        n->out[i].dtype = w->dtype;
        n->out[i].shape = w->shape;
    }
    return LEAT_OK;
}

static leat_status infer_adam(leat_context *c, leati_node *n)
{
    return infer(c, n, 4, 3);
}

static leat_status infer_sgd(leat_context *c, leati_node *n)
{
    return infer(c, n, 3, 2);
}

/* ---- as other operations -------------------------------------------------------------------- */

static leat_tensor *scalar_like(leat_tensor *x, leat_tensor *scalar)
{
    return leat_cast(leat_reshape(scalar, LEAT_SCALAR), leat_tensor_dtype(x));
}

static leat_tensor *used_gradient(leati_node *n, leat_tensor *g, leat_tensor *scale, double limit)
{
    (void)n;
    if (scale) g = leat_mul(g, scalar_like(g, scale));
    if (limit > 0) g = leat_minimum(leat_maximum(g, leat_like(g, -limit)), leat_like(g, limit));
    return g;
}

/* 1 - beta^t in f64: near t = 1 little is left of the digits. */
static leat_tensor *correction(leat_tensor *number, double beta)
{
    leat_tensor *t = leat_cast(leat_reshape(number, LEAT_SCALAR), LEAT_DTYPE_F64);
    return leat_sub(leat_like(t, 1), leat_pow(leat_like(t, beta), t));
}

static leat_status expand_adam(leati_node *n, leat_tensor **out)
{
    const leati_adam_attrs *a = n->attrs;
    leat_tensor *w = n->in[0];
    leat_dtype type = leat_tensor_dtype(w);
    leat_tensor *g = used_gradient(n, n->in[3], n->ins == 7 ? n->in[6] : NULL, a->limit);
    leat_tensor *rate = leat_cast(leat_reshape(n->in[4], LEAT_SCALAR), LEAT_DTYPE_F64);
    leat_tensor *keep = leat_like(w, 1);
    if (a->weight_decay > 0 && a->decoupled)
        keep = leat_cast(leat_sub(leat_like(rate, 1), leat_scale(rate, a->weight_decay)), type);
    else if (a->weight_decay > 0) g = leat_add(g, leat_scale(w, a->weight_decay));
    leat_tensor *m = leat_add(leat_scale(n->in[1], a->beta_1), leat_scale(g, 1 - a->beta_1));
    leat_tensor *v =
        leat_add(leat_scale(n->in[2], a->beta_2), leat_scale(leat_mul(g, g), 1 - a->beta_2));
    leat_tensor *size = leat_cast(leat_div(rate, correction(n->in[5], a->beta_1)), type);
    leat_tensor *root = leat_cast(leat_rsqrt(correction(n->in[5], a->beta_2)), type);
    leat_tensor *below = leat_shift(leat_mul(leat_sqrt(v), root), a->epsilon);
    out[0] = leat_sub(leat_mul(w, keep), leat_div(leat_mul(size, m), below));
    out[1] = m;
    out[2] = v;
    return LEAT_OK;
}

static leat_status expand_sgd(leati_node *n, leat_tensor **out)
{
    const leati_sgd_attrs *a = n->attrs;
    leat_tensor *w = n->in[0], *v = n->in[1];
    leat_tensor *g = used_gradient(n, n->in[2], n->ins == 6 ? n->in[5] : NULL, a->limit);
    if (a->weight_decay > 0) g = leat_add(g, leat_scale(w, a->weight_decay));
    out[1] = leat_add(v, leat_like(v, 0));
    if (a->momentum > 0) {
        leat_tensor *number = leat_reshape(n->in[4], LEAT_SCALAR);
        leat_tensor *later = leat_add(leat_scale(v, a->momentum), leat_scale(g, 1 - a->dampening));
        leat_tensor *is_first = leat_equal(number, leat_like(number, 1));
        out[1] = leat_where(is_first, g, later);
        g = a->nesterov ? leat_add(g, leat_scale(out[1], a->momentum)) : out[1];
    }
    out[0] = leat_sub(w, leat_mul(g, scalar_like(w, n->in[3])));
    return LEAT_OK;
}

const leati_op_class leati_adam_class = {.infer = infer_adam, .expand = expand_adam};
const leati_op_class leati_sgd_class = {.infer = infer_sgd, .expand = expand_sgd};

/* ---- recording ------------------------------------------------------------------------------ */

static bool record(leati_op op, leat_tensor *const *in, size_t ins, const void *attrs,
                   size_t attr_bytes, size_t outs, leat_tensor **out)
{
    if (!in[0]) return false;
    leati_node *n = leati_node_new(leat_tensor_graph(in[0]), op, ins, in, attrs, attr_bytes);
    for (size_t i = 0; n && i < outs; i++) out[i] = &n->out[i];
    return n;
}

bool leati_record_adam(const leati_adam_in *in, const leati_adam_attrs *a, leat_tensor *out[3])
{
    leat_tensor *all[] = {in->weight, in->first,  in->second, in->gradient,
                          in->rate,   in->number, in->scale};
    return record(LEATI_OP_ADAM, all, in->scale ? 7 : 6, a, sizeof *a, 3, out);
}

bool leati_record_sgd(const leati_sgd_in *in, const leati_sgd_attrs *a, leat_tensor *out[2])
{
    leat_tensor *all[] = {in->weight, in->velocity, in->gradient, in->rate, in->number, in->scale};
    return record(LEATI_OP_SGD, all, in->scale ? 6 : 5, a, sizeof *a, 2, out);
}
