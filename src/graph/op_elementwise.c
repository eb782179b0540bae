/* Owns: elementwise operations and CAST: broadcasting, types, gradients. */
#include "graph/graph.h"
#include "graph/op_classes.h"
#include "tensor/shape.h"

enum kinds { FLOAT = 1, INTEGER = 2, LOGICAL = 4, NUMBER = FLOAT | INTEGER, ANY = 7 };
enum results { SAME, TRUTH };

static const struct row {
    uint8_t inputs, kinds, result;
} rows[] = {
#define X(NAME, name, inputs, types, result) {inputs, types, result},
#include "kernel/eltwise.def"
#undef X
};

static const char *kind_text(unsigned kinds)
{
    return kinds == FLOAT     ? "floating point"
           : kinds == INTEGER ? "integers"
           : kinds == LOGICAL ? "bool"
           : kinds == NUMBER  ? "numbers"
                              : "any type";
}

static unsigned kind_of(leat_dtype d)
{
    return d == LEAT_DTYPE_BOOL ? LOGICAL : leati_dtype_is_float(d) ? FLOAT : INTEGER;
}

static leat_status infer_elementwise(leat_context *c, leati_node *n)
{
    const struct row *r = &rows[n->op];
    unsigned first = n->op == LEATI_OP_WHERE ? 1 : 0;
    leat_dtype type = n->in[first]->dtype;
    if (first && n->in[0]->dtype != LEAT_DTYPE_BOOL)
        return leati_node_fail(c, n, LEAT_TYPE, "the condition is %s, it must be bool",
                               leat_dtype_name(n->in[0]->dtype));
    if (!(kind_of(type) & r->kinds))
        return leati_node_fail(c, n, LEAT_TYPE, "works on %s, the input is %s (cast it)",
                               kind_text(r->kinds), leat_dtype_name(type));
    leat_shape s = n->in[0]->shape;
    for (unsigned i = 1; i < r->inputs; i++) {
        if (i > first && n->in[i]->dtype != type)
            return leati_node_fail(c, n, LEAT_TYPE, "inputs are %s and %s: cast one of them",
                                   leat_dtype_name(type), leat_dtype_name(n->in[i]->dtype));
        leat_shape t = s;
        if (!leati_shape_broadcast(&t, &n->in[i]->shape, &s))
            return leati_node_fail(c, n, LEAT_SHAPE, "shapes %s and %s do not broadcast",
                                   leati_shape_string(&t).text,
                                   leati_shape_string(&n->in[i]->shape).text);
    }
    n->out[0].dtype = r->result == TRUTH ? LEAT_DTYPE_BOOL : type;
    n->out[0].shape = s;
    return LEAT_OK;
}

leat_tensor *leati_elementwise(leati_op op, leat_tensor *a, leat_tensor *b, leat_tensor *c)
{
    leat_tensor *in[3] = {a, b, c};
    return a ? leati_op1(a->node->graph, op, rows[op].inputs, in, NULL, 0) : NULL;
}

#define UNARY(name)                                                                                \
    leat_tensor *leat_##name(leat_tensor *x)                                                       \
    {                                                                                              \
        return leati_elementwise((leati_op)op_##name, x, NULL, NULL);                              \
    }
#define BINARY(name)                                                                               \
    leat_tensor *leat_##name(leat_tensor *a, leat_tensor *b)                                       \
    {                                                                                              \
        return leati_elementwise((leati_op)op_##name, a, b, NULL);                                 \
    }
enum {
#define X(NAME, name, inputs, types, result) op_##name = LEATI_OP_##NAME,
#include "kernel/eltwise.def"
#undef X
};
LEAT_UNARY_LIST(UNARY)
LEAT_BINARY_LIST(BINARY)

leat_tensor *leat_where(leat_tensor *condition, leat_tensor *a, leat_tensor *b)
{
    return leati_elementwise(LEATI_OP_WHERE, condition, a, b);
}

leat_tensor *leat_shift(leat_tensor *x, double value)
{
    LEATI_CALLED(leat_tensor_graph(x), "shift");
    return leat_add(x, leat_like(x, value));
}

leat_tensor *leat_scale(leat_tensor *x, double value)
{
    LEATI_CALLED(leat_tensor_graph(x), "scale");
    return leat_mul(x, leat_like(x, value));
}

/* ---- CAST ---------------------------------------------------------------------------------------
 */

leat_tensor *leat_cast(leat_tensor *x, leat_dtype dtype)
{
    if (!x || x->dtype == dtype) return x;
    leati_node *n = leati_node_shaped(x->node->graph, LEATI_OP_CAST, x, dtype, &x->shape);
    return n ? &n->out[0] : NULL;
}

static leat_status infer_cast(leat_context *c, leati_node *n)
{
    if (leat_dtype_size(n->out[0].dtype)) return LEAT_OK;
    return leati_node_fail(c, n, LEAT_TYPE, "unknown element type %d", (int)n->out[0].dtype);
}

static leat_status gradient_cast(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                 leat_tensor **dx)
{
    (void)needed;
    if (leati_dtype_is_float(n->in[0]->dtype) && leati_dtype_is_float(n->out[0].dtype))
        dx[0] = leat_cast(dy[0], n->in[0]->dtype);
    return LEAT_OK;
}

const leati_op_class leati_cast_class = {.infer = infer_cast, .gradient = gradient_cast};

/* ---- gradients
 * ------------------------------------------------------------------------------------ */

leat_tensor *leati_unbroadcast(leat_tensor *dy, const leat_shape *shape)
{
    if (!dy || leati_shape_equal(&dy->shape, shape)) return dy;
    int axes[LEAT_MAX_RANK];
    size_t count = 0;
    int lead = dy->shape.rank - shape->rank;
    for (int i = 0; i < dy->shape.rank; i++)
        if (i < lead || (shape->dim[i - lead] == 1 && dy->shape.dim[i] != 1)) axes[count++] = i;
    return leat_reshape(count ? leat_sum(dy, count, axes, true) : dy, *shape);
}

/* d(op)/d(in[i]) * dy, before summing down to the input's shape. */
static leat_tensor *derive_unary(leati_node *n, leat_tensor *dy)
{
    leat_tensor *x = n->in[0], *y = &n->out[0];
    switch (n->op) {
    case LEATI_OP_COPY: return dy;
    case LEATI_OP_NEG: return leat_neg(dy);
    case LEATI_OP_ABS: return leat_mul(dy, leat_sign(x));
    case LEATI_OP_EXP: return leat_mul(dy, y);
    case LEATI_OP_EXPM1: /* y + 1 would lose what is far below 0 */
        return leat_mul(dy, leat_exp(x));
    case LEATI_OP_LOG: return leat_div(dy, x);
    case LEATI_OP_LOG1P: return leat_div(dy, leat_shift(x, 1));
    case LEATI_OP_SQRT: return leat_div(leat_scale(dy, 0.5), y);
    case LEATI_OP_RSQRT: return leat_mul(leat_scale(dy, -0.5), leat_mul(y, leat_mul(y, y)));
    case LEATI_OP_RECIP: return leat_neg(leat_mul(dy, leat_mul(y, y)));
    case LEATI_OP_SIN: return leat_mul(dy, leat_cos(x));
    case LEATI_OP_COS: return leat_neg(leat_mul(dy, leat_sin(x)));
    case LEATI_OP_TAN: return leat_mul(dy, leat_shift(leat_mul(y, y), 1));
    case LEATI_OP_ASIN: return leat_mul(dy, leat_rsqrt(leat_sub(leat_like(x, 1), leat_mul(x, x))));
    case LEATI_OP_ACOS:
        return leat_neg(leat_mul(dy, leat_rsqrt(leat_sub(leat_like(x, 1), leat_mul(x, x)))));
    case LEATI_OP_ATAN: return leat_div(dy, leat_shift(leat_mul(x, x), 1));
    case LEATI_OP_SINH: return leat_mul(dy, leat_cosh(x));
    case LEATI_OP_COSH: return leat_mul(dy, leat_sinh(x));
    case LEATI_OP_ASINH: return leat_mul(dy, leat_rsqrt(leat_shift(leat_mul(x, x), 1)));
    case LEATI_OP_ACOSH: return leat_mul(dy, leat_rsqrt(leat_shift(leat_mul(x, x), -1)));
    case LEATI_OP_ATANH: return leat_div(dy, leat_sub(leat_like(x, 1), leat_mul(x, x)));
    case LEATI_OP_TANH: return leat_mul(dy, leat_sub(leat_like(y, 1), leat_mul(y, y)));
    case LEATI_OP_SIGMOID: return leat_mul(dy, leat_mul(y, leat_sub(leat_like(y, 1), y)));
    case LEATI_OP_ERF: /* 2 / sqrt(pi) e^(-x^2) */
        return leat_mul(dy, leat_scale(leat_exp(leat_neg(leat_mul(x, x))), 1.1283791670955126));
    case LEATI_OP_RELU: /* by y, so that a product can apply it and x need not be kept */
        return leat_where(leat_greater(y, leat_like(y, 0)), dy, leat_like(dy, 0));
    case LEATI_OP_SOFTPLUS: return leat_mul(dy, leat_sigmoid(x));
    default: return NULL; /* piecewise constant, or not a float */
    }
}

/* Half of the gradient each where both are equal, as for MAX and MIN of equal values. */
static leat_tensor *derive_extreme(leati_node *n, leat_tensor *dy, int which)
{
    leat_tensor *x = n->in[which], *other = n->in[1 - which];
    leat_tensor *wins = n->op == LEATI_OP_MAX ? leat_greater(x, other) : leat_less(x, other);
    leat_tensor *tie = leat_where(leat_equal(x, other), leat_scale(dy, 0.5), leat_like(dy, 0));
    return leat_where(wins, dy, tie);
}

static leat_tensor *derive_power(leati_node *n, leat_tensor *dy, int which)
{
    leat_tensor *a = n->in[0], *b = n->in[1], *zero = leat_like(a, 0);
    if (which == 0) {
        leat_tensor *d = leat_mul(b, leat_pow(a, leat_shift(b, -1)));
        return leat_mul(dy, leat_where(leat_equal(b, zero), zero, d));
    }
    /* a^b log a, 0 where a is 0 and b >= 0 */
    leat_tensor *none = leat_and(leat_equal(a, zero), leat_greater_equal(b, zero));
    leat_tensor *safe = leat_where(none, leat_like(a, 1), a);
    return leat_mul(dy, leat_mul(&n->out[0], leat_log(safe)));
}

/* Of atan2(y, x): x / (x^2 + y^2) and -y / (x^2 + y^2), both over the larger of |x| and |y| so that
 * no square overflows or vanishes; 0 where both are 0. */
static leat_tensor *derive_angle(leat_tensor *y, leat_tensor *x, leat_tensor *dy, int which)
{
    leat_tensor *size = leat_stop_gradient(leat_maximum(leat_abs(y), leat_abs(x)));
    leat_tensor *none = leat_equal(size, leat_like(size, 0));
    size = leat_where(none, leat_like(size, 1), size);
    leat_tensor *b = leat_div(y, size), *a = leat_div(x, size);
    leat_tensor *r2 = leat_mul(leat_add(leat_mul(a, a), leat_mul(b, b)), size);
    leat_tensor *d = leat_div(leat_mul(dy, which ? leat_neg(b) : a), r2);
    return leat_where(none, leat_like(d, 0), d);
}

/* How often b is in a: of what the remainder leaves, which b divides, since a / b rounds up to
 * whole numbers that it does not reach (1 / 0.1 in f32). */
static leat_tensor *whole_quotient(const leati_node *n)
{
    leat_tensor *a = n->in[0], *b = n->in[1], *r = leat_fmod(a, b);
    if (!r) return NULL;
    leat_dtype wide = leati_wide(a->dtype);
    leat_tensor *part = leat_sub(leat_cast(a, wide), leat_cast(r, wide));
    leat_tensor *q = leat_round(leat_div(part, leat_cast(b, wide)));
    if (n->op == LEATI_OP_MOD) /* one below where the sign of b was brought about */
        q = leat_where(leat_equal(r, &n->out[0]), q, leat_shift(q, -1));
    return q ? leat_cast(q, a->dtype) : NULL;
}

static leat_tensor *derive_binary(leati_node *n, leat_tensor *dy, int which)
{
    leat_tensor *a = n->in[0], *b = n->in[1];
    switch (n->op) {
    case LEATI_OP_ADD: return dy;
    case LEATI_OP_SUB: return which ? leat_neg(dy) : dy;
    case LEATI_OP_MUL: return leat_mul(dy, which ? a : b);
    case LEATI_OP_DIV:
        return which ? leat_neg(leat_div(leat_mul(dy, &n->out[0]), b)) : leat_div(dy, b);
    case LEATI_OP_POW: return derive_power(n, dy, which);
    case LEATI_OP_MOD:
    case LEATI_OP_FMOD: return which ? leat_neg(leat_mul(dy, whole_quotient(n))) : dy;
    case LEATI_OP_MAX:
    case LEATI_OP_MIN: return derive_extreme(n, dy, which);
    case LEATI_OP_ATAN2: return derive_angle(a, b, dy, which);
    default: return NULL;
    }
}

static leat_status gradient_elementwise(leati_node *n, leat_tensor *const *dy, const bool *needed,
                                        leat_tensor **dx)
{
    for (int i = 0; i < n->ins; i++) {
        if (!needed[i]) continue;
        leat_tensor *d;
        if (n->op == LEATI_OP_WHERE)
            d = i == 0   ? NULL
                : i == 1 ? leat_where(n->in[0], dy[0], leat_like(dy[0], 0))
                         : leat_where(n->in[0], leat_like(dy[0], 0), dy[0]);
        else d = n->ins == 1 ? derive_unary(n, dy[0]) : derive_binary(n, dy[0], i);
        dx[i] = leati_unbroadcast(d, &n->in[i]->shape);
    }
    return LEAT_OK;
}

const leati_op_class leati_elementwise_class = {.infer = infer_elementwise,
                                                .gradient = gradient_elementwise};
