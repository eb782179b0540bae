/* Owns: quantisation and arithmetic on quantised numbers. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"
#include "onnx/small_floats.h"

/* How scales lie over a tensor: one for all, one per index of an axis, or one per block along it.
 */
typedef struct scales {
    const double *scale, *zero; /* zero: NULL: 0 */
    int axis;
    int64_t dim, inner, block, along; /* along: scales on the axis */
} scales;

static leat_status scales_of(leati_ocall *k, size_t at, scales *s)
{
    double *scale, *zero = NULL;
    leat_shape x = k->in[0]->shape, own;
    LEATI_TRY(leati_of64(k, at, &scale));
    if (leati_ohas(k, at + 1)) LEATI_TRY(leati_of64(k, at + 1, &zero));
    own = k->in[at]->shape;
    if (zero && leati_shape_count(&k->in[at + 1]->shape) != leati_shape_count(&own))
        return leati_ofail(k, LEAT_SHAPE, "scales and zero points differ in shape");
    *s = (scales){.scale = scale, .zero = zero, .axis = -1, .inner = 1, .dim = 1, .along = 1};
    if (leati_shape_count(&own) == 1 && own.rank < 2) return LEAT_OK;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 1), x.rank);
    int64_t block = leati_oattr_int(k, "block_size", 0);
    if (axis < 0) return LEAT_SHAPE;
    s->axis = axis;
    s->dim = x.dim[axis];
    s->along = own.rank == 1 ? own.dim[0] : own.rank == x.rank ? own.dim[axis] : -1;
    for (int d = axis + 1; d < x.rank; d++) s->inner *= x.dim[d];
    s->block = own.rank == 1  ? 1
               : block > 0    ? block
               : s->along > 0 ? (s->dim + s->along - 1) / s->along
                              : 0;
    bool fits = s->along > 0 && s->block > 0 && (s->dim + s->block - 1) / s->block <= s->along;
    for (int d = 0; d < x.rank && own.rank != 1 && fits; d++)
        fits = d == axis || own.dim[d] == x.dim[d];
    if (!fits)
        return leati_ofail(k, LEAT_SHAPE, "scales of shape %s do not fit %s",
                           leati_shape_string(&own).text, leati_shape_string(&x).text);
    if (own.rank == 1) s->inner = -s->inner; /* the same scales for everything around the axis */
    return LEAT_OK;
}

static size_t scale_index(const scales *s, size_t i)
{
    if (s->axis < 0) return 0;
    int64_t inner = s->inner < 0 ? -s->inner : s->inner, at = (int64_t)i / inner % s->dim;
    if (s->inner < 0) return (size_t)(at / s->block);
    int64_t outer = (int64_t)i / inner / s->dim;
    return (size_t)((outer * s->along + at / s->block) * inner + (int64_t)i % inner);
}

static double limit(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* Rounds to the nearest, halves to even, and saturates. */
static void put_quantised(int32_t element, void *out, size_t i, double x, double zero,
                          bool saturate)
{
    const leati_small_float *f = leati_small_float_of(element);
    if (f) {
        ((uint8_t *)out)[i] = leati_small_float_put(f, (float)(x + zero), saturate);
        return;
    }
    double low = 0, high = 255, y = rint(x) + zero;
    switch (element) {
    case LEATI_ONNX_INT8: low = -128, high = 127; break;
    case LEATI_ONNX_UINT16: high = 65535; break;
    case LEATI_ONNX_INT16: low = -32768, high = 32767; break;
    case LEATI_ONNX_UINT4: high = 15; break;
    case LEATI_ONNX_INT4: low = -8, high = 7; break;
    case LEATI_ONNX_UINT2: high = 3; break;
    case LEATI_ONNX_INT2: low = -2, high = 1; break;
    default: break;
    }
    leati_oput_int(element, out, i, isnan(y) ? 0 : (int64_t)limit(y, low, high));
}

leat_status leati_on_QuantizeLinear(leati_ocall *k)
{
    scales s;
    double *x;
    void *out;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(scales_of(k, 1, &s));
    int32_t element = (int32_t)leati_oattr_int(k, "output_dtype", 0);
    if (leati_ohas(k, 2)) element = k->in[2]->element;
    if (!element) element = LEATI_ONNX_UINT8;
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    bool saturate = leati_oattr_int(k, "saturate", 1),
         half = k->in[0]->element == LEATI_ONNX_FLOAT16;
    LEATI_TRY(leati_onew(k, 0, element, k->in[0]->shape, &out));
    size_t count = leati_shape_count(&k->in[0]->shape);
    for (size_t i = 0; i < count; i++) {
        size_t j = scale_index(&s, i);
        double q = half ? x[i] / s.scale[j] : (double)((float)x[i] / (float)s.scale[j]);
        put_quantised(element, out, i, q, s.zero ? s.zero[j] : 0, saturate);
    }
    return LEAT_OK;
}

leat_status leati_on_DequantizeLinear(leati_ocall *k)
{
    scales s;
    double *x;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(scales_of(k, 1, &s));
    int32_t element = (int32_t)leati_oattr_int(k, "output_dtype", k->in[1]->element);
    if (!element) element = k->in[1]->element;
    size_t count = leati_shape_count(&k->in[0]->shape);
    for (size_t i = 0; i < count; i++) {
        size_t j = scale_index(&s, i);
        x[i] = (x[i] - (s.zero ? s.zero[j] : 0)) * s.scale[j];
    }
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    return leati_oset_f64(k, 0, element, k->in[0]->shape, x);
}

leat_status leati_on_DynamicQuantizeLinear(leati_ocall *k)
{
    double *x;
    void *y, *scale_out, *zero_out;
    LEATI_TRY(leati_of64(k, 0, &x));
    size_t count = leati_shape_count(&k->in[0]->shape);
    float low = 0, high = 0;
    for (size_t i = 0; i < count; i++) {
        low = fminf(low, (float)x[i]);
        high = fmaxf(high, (float)x[i]);
    }
    float scale = (high - low) / 255;
    double zero = scale > 0 ? limit(rint((double)(-low / scale)), 0, 255) : 0;
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_UINT8, k->in[0]->shape, &y));
    LEATI_TRY(leati_onew(k, 1, LEATI_ONNX_FLOAT, LEAT_SCALAR, &scale_out));
    LEATI_TRY(leati_onew(k, 2, LEATI_ONNX_UINT8, LEAT_SCALAR, &zero_out));
    for (size_t i = 0; i < count; i++)
        put_quantised(LEATI_ONNX_UINT8, y, i, scale > 0 ? (double)((float)x[i] / scale) : 0, zero,
                      true);
    *(float *)scale_out = scale;
    *(uint8_t *)zero_out = (uint8_t)zero;
    return LEAT_OK;
}

/* ---- products: in f64, which holds every sum of products of bytes exactly
 * --------------------------- */

/* Input minus its zero point: one for all, or one per row (axis 0 of a matrix) or channel. */
static leat_tensor *centred(leati_ocall *k, size_t i, size_t zero, bool rows)
{
    leat_tensor *x = leat_cast(leati_oin(k, i), LEAT_DTYPE_F64);
    if (!leati_ohas(k, zero)) return x;
    leat_tensor *z = leat_cast(leati_oin(k, zero), LEAT_DTYPE_F64);
    leat_shape s = leat_tensor_shape(z), sx = leat_tensor_shape(x);
    if (s.rank == 1 && s.dim[0] > 1 && rows) {
        leat_shape t = {.rank = sx.rank};
        for (int d = 0; d < sx.rank; d++) t.dim[d] = 1;
        t.dim[sx.rank == 4 || sx.rank == 3 || sx.rank == 5 ? 0 : sx.rank - 2] = s.dim[0];
        z = leat_reshape(z, t);
    }
    return leat_sub(x, z);
}

leat_status leati_on_MatMulInteger(leati_ocall *k)
{
    leat_tensor *y = leati_omatmul(centred(k, 0, 2, leati_ohas(k, 0) && k->in[0]->shape.rank == 2),
                                   centred(k, 1, 3, false));
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_I32));
}

leat_status leati_on_ConvInteger(leati_ocall *k)
{
    leat_tensor *y = leati_oconv(k, centred(k, 0, 2, false), centred(k, 1, 3, true));
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_I32));
}

/* round(y scale / y_scale) + zero, saturated. */
static leat_status requantise(leati_ocall *k, leat_tensor *y, leat_tensor *scale, size_t at)
{
    LEATI_TRY(leati_oneed(k, at + 2));
    leat_dtype type;
    int32_t element = k->in[at + 1]->element;
    leat_tensor *zero = leat_cast(leati_oin(k, at + 1), LEAT_DTYPE_F64);
    leat_tensor *to = leat_cast(leati_oin(k, at), LEAT_DTYPE_F64);
    leati_oval *v;
    if (!leati_oval_dtype(element, &type)) { /* small floats */
        LEATI_TRY(leati_oset(k, 0, leat_div(leat_mul(y, scale), to)));
        v = k->out[0];
        const void *data;
        void *out;
        LEATI_TRY(leati_oval_host(k->run, v, &data));
        LEATI_TRY(leati_onew(k, 0, element, v->shape, &out));
        size_t count = leati_shape_count(&v->shape);
        for (size_t i = 0; i < count; i++)
            put_quantised(element, out, i, ((const double *)data)[i], 0, true);
        return LEAT_OK;
    }
    bool is_signed = element == LEATI_ONNX_INT8;
    leat_tensor *q = leat_add(leat_round(leat_div(leat_mul(y, scale), to)), zero);
    q = leat_clip(q, is_signed ? -128 : 0, is_signed ? 127 : 255);
    return leati_oset(k, 0, leat_cast(q, type));
}

static leat_tensor *product_of_scales(leati_ocall *k, size_t a, size_t b)
{
    return leat_mul(leat_cast(leati_oin(k, a), LEAT_DTYPE_F64),
                    leat_cast(leati_oin(k, b), LEAT_DTYPE_F64));
}

leat_status leati_on_QLinearMatMul(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 8));
    leat_tensor *y = leati_omatmul(centred(k, 0, 2, true), centred(k, 3, 5, false));
    return requantise(k, y, product_of_scales(k, 1, 4), 6);
}

leat_status leati_on_QLinearConv(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 8));
    /* Inputs: x, scale, zero, w, scale, zero, y scale, y zero, bias. The node's windows are those
     * of a convolution. */
    leat_tensor *y = leati_oconv(k, centred(k, 0, 2, false), centred(k, 3, 5, true));
    leat_tensor *scale = product_of_scales(k, 1, 4);
    leat_shape s = leat_tensor_shape(scale), t = {.rank = leat_tensor_shape(y).rank};
    for (int d = 0; d < t.rank; d++) t.dim[d] = 1;
    if (t.rank >= 2) t.dim[1] = -1;
    if (leati_ohas(k, 8))
        y = leat_add(y, leat_reshape(leat_cast(leati_oin(k, 8), LEAT_DTYPE_F64), t));
    if (s.rank == 1 && s.dim[0] > 1) scale = leat_reshape(scale, t);
    return requantise(k, y, scale, 6);
}
