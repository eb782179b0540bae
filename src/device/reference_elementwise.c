/* Owns: the reference of elementwise operations and CAST: f64 (integers: 64 bits), one by one. */
#include <math.h>
#include <string.h>

#include "device/reference_kernels.h"
#include "kernel/eltwise.h"
#include "tensor/shape.h"

static double unary_f64(leati_op op, double x)
{
    switch (op) {
    case LEATI_OP_NEG: return -x;
    case LEATI_OP_ABS: return fabs(x);
    case LEATI_OP_SIGN: return x > 0 ? 1 : x < 0 ? -1 : x;
    case LEATI_OP_EXP: return exp(x);
    case LEATI_OP_EXPM1: return expm1(x);
    case LEATI_OP_LOG: return log(x);
    case LEATI_OP_LOG1P: return log1p(x);
    case LEATI_OP_SQRT: return sqrt(x);
    case LEATI_OP_RSQRT: return 1 / sqrt(x);
    case LEATI_OP_RECIP: return 1 / x;
    case LEATI_OP_SIN: return sin(x);
    case LEATI_OP_COS: return cos(x);
    case LEATI_OP_TAN: return tan(x);
    case LEATI_OP_ASIN: return asin(x);
    case LEATI_OP_ACOS: return acos(x);
    case LEATI_OP_ATAN: return atan(x);
    case LEATI_OP_SINH: return sinh(x);
    case LEATI_OP_COSH: return cosh(x);
    case LEATI_OP_ASINH: return asinh(x);
    case LEATI_OP_ACOSH: return acosh(x);
    case LEATI_OP_ATANH: return atanh(x);
    case LEATI_OP_TANH: return tanh(x);
    case LEATI_OP_SIGMOID: return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
    case LEATI_OP_ERF: return erf(x);
    case LEATI_OP_FLOOR: return floor(x);
    case LEATI_OP_CEIL: return ceil(x);
    case LEATI_OP_ROUND: return rint(x);
    case LEATI_OP_TRUNC: return trunc(x);
    case LEATI_OP_RELU: return x < 0 ? 0 : x;
    case LEATI_OP_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    default: return x; /* COPY */
    }
}

static double binary_f64(leati_op op, double a, double b)
{
    double r;
    switch (op) {
    case LEATI_OP_ADD: return a + b;
    case LEATI_OP_SUB: return a - b;
    case LEATI_OP_MUL: return a * b;
    case LEATI_OP_DIV: return a / b;
    case LEATI_OP_POW: return pow(a, b);
    case LEATI_OP_MOD: r = fmod(a, b); return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    case LEATI_OP_FMOD: return fmod(a, b);
    case LEATI_OP_MAX: return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    case LEATI_OP_MIN: return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    default: return atan2(a, b);
    }
}

static bool compare(leati_op op, bool floats, leati_element a, leati_element b, bool is_u64)
{
    int less = floats ? a.f < b.f : is_u64 ? (uint64_t)a.i < (uint64_t)b.i : a.i < b.i;
    int equal = floats ? a.f == b.f : a.i == b.i;
    int more = floats ? a.f > b.f : !less && !equal;
    switch (op) {
    case LEATI_OP_EQ: return equal;
    case LEATI_OP_NE: return !equal;
    case LEATI_OP_LT: return less;
    case LEATI_OP_LE: return less || equal;
    case LEATI_OP_GT: return more;
    default: return more || equal;
    }
}

static bool is_compare(leati_op op)
{
    return op >= LEATI_OP_EQ && op <= LEATI_OP_GE;
}

/* Integers and bool: the typed kernel on one element (their arithmetic is exact). */
static void integer(const leati_step *s, const size_t *at, size_t out)
{
    const void *in[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < s->ins; i++)
        in[i] = (const char *)s->in[i].data + at[i] * leat_dtype_size(s->in[i].dtype);
    leati_elt_fn f = leati_elt_kernel(NULL, (leati_elt)s->op, s->in[s->ins - 1].dtype);
    f(1, in[0], in[1], in[2], (char *)s->out[0].data + out * leat_dtype_size(s->out[0].dtype));
}

static void one(const leati_step *s, const size_t *at, size_t out)
{
    const leati_operand *last = &s->in[s->ins - 1];
    if (s->op == LEATI_OP_WHERE) {
        size_t from = leati_element_get(&s->in[0], at[0]).i ? 1 : 2;
        leati_element_set(&s->out[0], out, leati_element_get(&s->in[from], at[from]));
        return;
    }
    leati_element a = leati_element_get(&s->in[0], at[0]), b = {0, 0}, y = {0, 0};
    if (s->ins == 2) b = leati_element_get(&s->in[1], at[1]);
    if (is_compare(s->op)) {
        y.i = compare(s->op, leati_is_float_operand(last), a, b, last->dtype == LEAT_DTYPE_U64);
    } else if (!leati_is_float_operand(last)) {
        integer(s, at, out);
        return;
    } else if (s->op == LEATI_OP_ISNAN) {
        y.i = isnan(a.f);
    } else if (s->op == LEATI_OP_ISINF) {
        y.i = isinf(a.f) != 0;
    } else {
        y.f = s->ins == 1 ? unary_f64(s->op, a.f) : binary_f64(s->op, a.f, b.f);
    }
    leati_element_set(&s->out[0], out, y);
}

static leat_status run_elementwise(leat_context *c, const leati_step *s)
{
    (void)c;
    int64_t strides[3][LEAT_MAX_RANK], index[LEAT_MAX_RANK];
    const leat_shape *space = &s->out[0].shape;
    for (size_t i = 0; i < s->ins; i++) leati_broadcast_strides(&s->in[i].shape, space, strides[i]);
    size_t count = leati_operand_count(&s->out[0]);
    for (size_t k = 0; k < count; k++) {
        size_t at[3] = {0, 0, 0};
        leati_index_of(space, k, index);
        for (size_t i = 0; i < s->ins; i++)
            for (int d = 0; d < space->rank; d++) at[i] += (size_t)(index[d] * strides[i][d]);
        one(s, at, k);
    }
    return LEAT_OK;
}

const leati_kernel leati_reference_elementwise = {.run = run_elementwise};

static leat_status run_cast(leat_context *c, const leati_step *s)
{
    leati_cast_kernel(c, s->in[0].dtype, s->out[0].dtype)(
        leati_operand_count(&s->in[0]), s->in[0].data, NULL, NULL, s->out[0].data);
    return LEAT_OK;
}

const leati_kernel leati_reference_cast = {.run = run_cast};
