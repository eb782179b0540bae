/* Owns: operators on elements: arithmetic, comparisons, bits, choice. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

/* Before opset 7 the second input was aligned by an attribute, not from the right. */
static leat_tensor *aligned(leati_ocall *k, leat_tensor *a, leat_tensor *b)
{
    if (!a || !b || k->version >= 7 || !leati_oattr_has(k, "axis")) return b;
    leat_shape sa = leat_tensor_shape(a), s = leat_tensor_shape(b);
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), sa.rank);
    if (axis < 0) return NULL;
    while (s.rank < sa.rank - axis && s.rank < LEAT_MAX_RANK) s.dim[s.rank++] = 1;
    return leat_reshape(b, s);
}

typedef leat_tensor *(*unary_fn)(leat_tensor *x);
typedef leat_tensor *(*binary_fn)(leat_tensor *a, leat_tensor *b);

static leat_status unary(leati_ocall *k, unary_fn f)
{
    return leati_oset(k, 0, f(leati_oin(k, 0)));
}

static leat_status binary(leati_ocall *k, binary_fn f)
{
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *a = leati_oin(k, 0), *b = leati_oin(k, 1);
    return leati_oset(k, 0, f(a, aligned(k, a, b)));
}

#define UNARY(Name, function)                                                                      \
    leat_status leati_on_##Name(leati_ocall *k)                                                    \
    {                                                                                              \
        return unary(k, function);                                                                 \
    }
#define BINARY(Name, function)                                                                     \
    leat_status leati_on_##Name(leati_ocall *k)                                                    \
    {                                                                                              \
        return binary(k, function);                                                                \
    }

UNARY(Abs, leat_abs)
UNARY(Acos, leat_acos)
UNARY(Acosh, leat_acosh)
UNARY(Asin, leat_asin)
UNARY(Asinh, leat_asinh)
UNARY(Atan, leat_atan)
UNARY(Atanh, leat_atanh)
UNARY(BitwiseNot, leat_bitnot)
UNARY(Ceil, leat_ceil)
UNARY(Cos, leat_cos)
UNARY(Cosh, leat_cosh)
UNARY(Erf, leat_erf)
UNARY(Exp, leat_exp)
UNARY(Floor, leat_floor)
UNARY(HardSwish, leat_hard_swish)
UNARY(IsNaN, leat_isnan)
UNARY(Log, leat_log)
UNARY(Mish, leat_mish)
UNARY(Neg, leat_neg)
UNARY(Not, leat_not)
UNARY(Reciprocal, leat_recip)
UNARY(Relu, leat_relu)
UNARY(Round, leat_round)
UNARY(Sigmoid, leat_sigmoid)
UNARY(Sign, leat_sign)
UNARY(Sin, leat_sin)
UNARY(Sinh, leat_sinh)
UNARY(Softplus, leat_softplus)
UNARY(Softsign, leat_softsign)
UNARY(Sqrt, leat_sqrt)
UNARY(Tan, leat_tan)
UNARY(Tanh, leat_tanh)

BINARY(Add, leat_add)
BINARY(And, leat_and)
BINARY(BitwiseAnd, leat_bitand)
BINARY(BitwiseOr, leat_bitor)
BINARY(BitwiseXor, leat_bitxor)
BINARY(Div, leat_div)
BINARY(Greater, leat_greater)
BINARY(GreaterOrEqual, leat_greater_equal)
BINARY(Less, leat_less)
BINARY(LessOrEqual, leat_less_equal)
BINARY(Mul, leat_mul)
BINARY(Or, leat_or)
BINARY(Sub, leat_sub)
BINARY(Xor, leat_xor)

/* ---- with rules of their own -------------------------------------------------------------------
 */

leat_status leati_on_Equal(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    if (k->in[0]->element != LEATI_ONNX_STRING || k->in[1]->element != LEATI_ONNX_STRING)
        return binary(k, leat_equal);
    leat_shape s;
    const void *a, *b;
    void *out;
    if (!leati_shape_broadcast(&k->in[0]->shape, &k->in[1]->shape, &s))
        return leati_ofail(k, LEAT_SHAPE, "the inputs' shapes do not broadcast");
    LEATI_TRY(leati_ohost(k, 0, &a));
    LEATI_TRY(leati_ohost(k, 1, &b));
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_BOOL, s, &out));
    int64_t sa[LEAT_MAX_RANK], sb[LEAT_MAX_RANK];
    leati_broadcast_strides(&k->in[0]->shape, &s, sa);
    leati_broadcast_strides(&k->in[1]->shape, &s, sb);
    size_t count = leati_shape_count(&s);
    for (size_t i = 0; i < count; i++) {
        const leati_pb_bytes *x = (const leati_pb_bytes *)a + leati_strided_place(&s, sa, i);
        const leati_pb_bytes *y = (const leati_pb_bytes *)b + leati_strided_place(&s, sb, i);
        ((uint8_t *)out)[i] = x->size == y->size && !memcmp(x->data, y->data, x->size);
    }
    return LEAT_OK;
}

leat_status leati_on_Pow(leati_ocall *k)
{
    leat_tensor *a = leati_oin(k, 0), *b = leati_oin(k, 1);
    b = aligned(k, a, b);
    leat_dtype type = leat_tensor_dtype(a);
    if (!a || !b || type == leat_tensor_dtype(b)) return leati_oset(k, 0, leat_pow(a, b));
    leat_dtype wide = type == LEAT_DTYPE_F32 ? LEAT_DTYPE_F32 : LEAT_DTYPE_F64;
    return leati_oset(k, 0, leat_cast(leat_pow(leat_cast(a, wide), leat_cast(b, wide)), type));
}

leat_status leati_on_Mod(leati_ocall *k)
{
    return binary(k, leati_oattr_int(k, "fmod", 0) ? leat_fmod : leat_mod);
}

leat_status leati_on_BitShift(leati_ocall *k)
{
    const char *direction = leati_oattr_text(k, "direction", "");
    return binary(k, strcmp(direction, "LEFT") == 0 ? leat_shift_left : leat_shift_right);
}

leat_status leati_on_IsInf(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *zero = leat_like(x, 0), *y = leat_isinf(x);
    if (!leati_oattr_int(k, "detect_negative", 1)) y = leat_and(y, leat_greater(x, zero));
    if (!leati_oattr_int(k, "detect_positive", 1)) y = leat_and(y, leat_less(x, zero));
    return leati_oset(k, 0, y);
}

/* Max, Min, Sum, Mean of any number of inputs. */
static leat_status fold(leati_ocall *k, binary_fn f, bool mean)
{
    LEATI_TRY(leati_oneed(k, k->ins));
    leat_tensor *y = leati_oin(k, 0);
    for (size_t i = 1; i < k->ins; i++) y = f(y, leati_oin(k, i));
    if (mean && k->ins > 1) y = leat_div(y, leat_like(y, (double)k->ins));
    return leati_oset(k, 0, y);
}

leat_status leati_on_Max(leati_ocall *k)
{
    return fold(k, leat_maximum, false);
}

leat_status leati_on_Min(leati_ocall *k)
{
    return fold(k, leat_minimum, false);
}

leat_status leati_on_Sum(leati_ocall *k)
{
    return fold(k, leat_add, false);
}

leat_status leati_on_Mean(leati_ocall *k)
{
    return fold(k, leat_add, true);
}

leat_status leati_on_Where(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 3));
    return leati_oset(k, 0, leat_where(leati_oin(k, 0), leati_oin(k, 1), leati_oin(k, 2)));
}

leat_status leati_on_Clip(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *low = NULL, *high = NULL;
    if (k->version < 11) {
        if (leati_oattr_has(k, "min")) low = leat_like(x, leati_oattr_float(k, "min", 0));
        if (leati_oattr_has(k, "max")) high = leat_like(x, leati_oattr_float(k, "max", 0));
    } else {
        if (leati_ohas(k, 1)) low = leati_oin(k, 1);
        if (leati_ohas(k, 2)) high = leati_oin(k, 2);
    }
    if (!low && !high) return leati_opass(k, 0, k->in[0]);
    if (low) x = leat_maximum(x, low);
    if (high) x = leat_minimum(x, high);
    return leati_oset(k, 0, x);
}

/* ---- activations with parameters ---------------------------------------------------------------
 */

leat_status leati_on_Elu(leati_ocall *k)
{
    return leati_oset(k, 0, leat_elu(leati_oin(k, 0), leati_oattr_float(k, "alpha", 1)));
}

leat_status leati_on_Celu(leati_ocall *k)
{
    return leati_oset(k, 0, leat_celu(leati_oin(k, 0), leati_oattr_float(k, "alpha", 1)));
}

leat_status leati_on_Selu(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    leat_tensor *y = leat_elu(x, leati_oattr_float(k, "alpha", 1.67326));
    return leati_oset(k, 0, leat_scale(y, leati_oattr_float(k, "gamma", 1.0507)));
}

leat_status leati_on_LeakyRelu(leati_ocall *k)
{
    return leati_oset(k, 0, leat_leaky_relu(leati_oin(k, 0), leati_oattr_float(k, "alpha", 0.01)));
}

leat_status leati_on_PRelu(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *slope = leati_oin(k, 1);
    leat_shape s = leat_tensor_shape(slope), sx = leat_tensor_shape(x);
    /* Before opset 9 a list of slopes belongs to the channels. */
    if (slope && x && k->version < 9 && s.rank == 1 && s.dim[0] > 1) {
        for (int i = 2; i < sx.rank; i++) s.dim[s.rank++] = 1;
        slope = leat_reshape(slope, s);
    }
    leat_tensor *y = leat_where(leat_less(x, leat_like(x, 0)), leat_mul(x, slope), x);
    return leati_oset(k, 0, y);
}

leat_status leati_on_HardSigmoid(leati_ocall *k)
{
    return leati_oset(k, 0,
                      leat_hard_sigmoid(leati_oin(k, 0), leati_oattr_float(k, "alpha", 0.2),
                                        leati_oattr_float(k, "beta", 0.5)));
}

leat_status leati_on_ThresholdedRelu(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *alpha = leat_like(x, leati_oattr_float(k, "alpha", 1));
    return leati_oset(k, 0, leat_where(leat_greater(x, alpha), x, leat_like(x, 0)));
}

leat_status leati_on_Shrink(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *zero = leat_like(x, 0);
    double lambda = leati_oattr_float(k, "lambd", 0.5), bias = leati_oattr_float(k, "bias", 0);
    leat_tensor *low = leat_where(leat_less(x, leat_like(x, -lambda)), leat_shift(x, bias), zero);
    return leati_oset(k, 0,
                      leat_where(leat_greater(x, leat_like(x, lambda)), leat_shift(x, -bias), low));
}

leat_status leati_on_Gelu(leati_ocall *k)
{
    bool tanh_form = strcmp(leati_oattr_text(k, "approximate", "none"), "tanh") == 0;
    return unary(k, tanh_form ? leat_gelu_tanh : leat_gelu);
}

leat_status leati_on_Swish(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    double alpha = leati_oattr_float(k, "alpha", 1);
    return leati_oset(k, 0, leat_mul(x, leat_sigmoid(alpha == 1 ? x : leat_scale(x, alpha))));
}

/* ---- dropout: with a mask from Leat's generator
 * ---------------------------------------------------- */

leat_status leati_on_Dropout(leati_ocall *k)
{
    double ratio = leati_oattr_float(k, "ratio", 0.5);
    int64_t training = 0;
    LEATI_TRY(leati_oneed(k, 1));
    if (k->version >= 12) {
        ratio = 0.5;
        if (leati_ohas(k, 1)) LEATI_TRY(leati_onumber(k, 1, &ratio));
        if (leati_ohas(k, 2)) LEATI_TRY(leati_oint(k, 2, &training));
    } else if (k->version < 7) {
        training = !leati_oattr_int(k, "is_test", 0);
    }
    if (!training || ratio == 0) {
        LEATI_TRY(leati_opass(k, 0, k->in[0]));
        if (!leati_owants(k, 1)) return LEAT_OK;
        void *mask;
        int32_t element = k->version >= 10 ? LEATI_ONNX_BOOL : k->in[0]->element;
        LEATI_TRY(leati_onew(k, 1, element, k->in[0]->shape, &mask));
        size_t count = leati_shape_count(&k->in[0]->shape);
        for (size_t i = 0; i < count; i++) leati_oput_int(element, mask, i, 1);
        return LEAT_OK;
    }
    if (!(ratio > 0 && ratio < 1))
        return leati_ofail(k, LEAT_INVALID, "ratio %g is not in [0, 1)", ratio);
    double *u = leati_orandom(k, leati_shape_count(&k->in[0]->shape));
    void *mask;
    if (!u) return leat_error_status(k->context);
    LEATI_TRY(leati_onew(k, 1, LEATI_ONNX_BOOL, k->in[0]->shape, &mask));
    size_t count = leati_shape_count(&k->in[0]->shape);
    for (size_t i = 0; i < count; i++) ((uint8_t *)mask)[i] = u[i] >= ratio;
    leat_tensor *x = leati_oin(k, 0);
    leat_tensor *kept = leat_cast(leati_oval_tensor(k->run, k->out[1]), leat_tensor_dtype(x));
    return leati_oset(k, 0, leat_mul(leat_scale(x, 1 / (1 - ratio)), kept));
}
