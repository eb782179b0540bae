/* Owns: quantisation and arithmetic on quantised numbers. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"
#include "onnx/small_floats.h"

/* How scales lie over a tensor: one for all, one per index of an axis, or one per block along it.
 */
typedef struct scales {
    size_t at;                        /* the input; zero points come after it */
    const double *scale, *zero;       /* on the host; zero: NULL: 0 */
    int axis;                         /* -1: one for all */
    int64_t dim, inner, block, along; /* along: scales on the axis */
    bool list;                        /* the same scales for everything around the axis */
} scales;

static leat_status scales_of(leati_ocall *k, size_t at, scales *s)
{
    leat_shape x = k->in[0]->shape, own = k->in[at]->shape;
    if (leati_ohas(k, at + 1) &&
        leati_shape_count(&k->in[at + 1]->shape) != leati_shape_count(&own))
        return leati_ofail(k, LEAT_SHAPE, "scales and zero points differ in shape");
    *s = (scales){.at = at, .axis = -1, .inner = 1, .dim = 1, .block = 1, .along = 1};
    if (leati_shape_count(&own) == 1 && own.rank < 2) return LEAT_OK;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 1), x.rank);
    int64_t block = leati_oattr_int(k, "block_size", 0);
    if (axis < 0) return LEAT_SHAPE;
    s->axis = axis;
    s->dim = x.dim[axis];
    s->list = own.rank == 1 && (x.rank > 1 || block < 1);
    s->along = s->list ? own.dim[0] : own.rank == x.rank ? own.dim[axis] : -1;
    for (int d = axis + 1; d < x.rank; d++) s->inner *= x.dim[d];
    s->block = s->list        ? 1
               : block > 0    ? block
               : s->along > 0 ? (s->dim + s->along - 1) / s->along
                              : 0;
    if (s->block > s->dim && s->dim > 0) s->block = s->dim;
    bool fits = s->along > 0 && s->block > 0 && (s->dim + s->block - 1) / s->block <= s->along;
    for (int d = 0; d < x.rank && !s->list && fits; d++) fits = d == axis || own.dim[d] == x.dim[d];
    if (!fits)
        return leati_ofail(k, LEAT_SHAPE, "scales of shape %s do not fit %s",
                           leati_shape_string(&own).text, leati_shape_string(&x).text);
    return LEAT_OK;
}

static leat_status read_scales(leati_ocall *k, scales *s)
{
    double *scale, *zero = NULL;
    LEATI_TRY(leati_of64(k, s->at, &scale));
    if (leati_ohas(k, s->at + 1)) LEATI_TRY(leati_of64(k, s->at + 1, &zero));
    s->scale = scale;
    s->zero = zero;
    return LEAT_OK;
}

static size_t scale_index(const scales *s, size_t i)
{
    if (s->axis < 0) return 0;
    int64_t at = (int64_t)i / s->inner % s->dim, outer = (int64_t)i / s->inner / s->dim;
    if (s->list) return (size_t)(at / s->block);
    return (size_t)((outer * s->along + at / s->block) * s->inner + (int64_t)i % s->inner);
}

/* Scales or zero points (input i) in a shape that broadcasts to the tensor. */
static leat_tensor *spread(leati_ocall *k, size_t i, const scales *s, leat_dtype type)
{
    leat_tensor *t = leat_cast(leati_oin(k, i), type);
    leat_shape x = k->in[0]->shape, y = x;
    if (s->axis < 0) return leat_reshape(t, LEAT_SCALAR);
    int64_t none = 0, outer = 1, used = (s->dim + s->block - 1) / s->block;
    int middle = 1;
    for (int d = 0; d < x.rank; d++) {
        if (s->list && d != s->axis) y.dim[d] = 1;
        if (d < s->axis) outer *= y.dim[d];
    }
    int64_t inner = s->list ? 1 : s->inner;
    t = leat_reshape(t, LEAT_DIMS(outer, s->along, inner));
    if (used < s->along) t = leat_slice(t, 1, &middle, &none, &used, NULL);
    if (s->block > 1) {
        t = leat_reshape(t, LEAT_DIMS(outer, used, 1, inner));
        t = leat_expand(t, LEAT_DIMS(outer, used, s->block, inner));
        t = leat_reshape(t, LEAT_DIMS(outer, used * s->block, inner));
        if (s->dim < used * s->block) t = leat_slice(t, 1, &middle, &none, &s->dim, NULL);
    }
    return leat_reshape(t, y);
}

static double limit(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static void limits_of(int32_t element, double *low, double *high)
{
    *low = 0, *high = 255;
    switch (element) {
    case LEATI_ONNX_INT8: *low = -128, *high = 127; break;
    case LEATI_ONNX_UINT16: *high = 65535; break;
    case LEATI_ONNX_INT16: *low = -32768, *high = 32767; break;
    case LEATI_ONNX_UINT4: *high = 15; break;
    case LEATI_ONNX_INT4: *low = -8, *high = 7; break;
    case LEATI_ONNX_UINT2: *high = 3; break;
    case LEATI_ONNX_INT2: *low = -2, *high = 1; break;
    default: break;
    }
}

/* Rounds to the nearest, halves to even, and saturates; NaN is the lowest. */
static void put_quantised(int32_t element, void *out, size_t i, double x, double zero,
                          bool saturate)
{
    const leati_small_float *f = leati_small_float_of(element);
    if (f) {
        ((uint8_t *)out)[i] = leati_small_float_put(f, (float)(x + zero), saturate);
        return;
    }
    double low, high, y = rint(x) + zero;
    limits_of(element, &low, &high);
    leati_oput_int(element, out, i, (int64_t)(isnan(y) ? low : limit(y, low, high)));
}

static leat_tensor *saturated(leat_tensor *x, leat_tensor *low, leat_tensor *high)
{
    return leat_where(leat_greater(x, low), leat_minimum(x, high), low);
}

leat_tensor *leati_osaturated(leat_tensor *x, int32_t element)
{
    double low, high;
    limits_of(element, &low, &high);
    return saturated(x, leat_like(x, low), leat_like(x, high));
}

static bool is_float(int32_t e)
{
    return e == LEATI_ONNX_FLOAT || e == LEATI_ONNX_FLOAT16 || e == LEATI_ONNX_BFLOAT16;
}

static bool is_short(int32_t e) /* bytes and pairs of them */
{
    return e == LEATI_ONNX_INT8 || e == LEATI_ONNX_UINT8 || e == LEATI_ONNX_INT16 ||
           e == LEATI_ONNX_UINT16;
}

/* Constants of up to 256 bytes go into plans as they are. */
static bool is_small_constant(const leati_ocall *k)
{
    size_t count = leati_shape_count(&k->in[0]->shape);
    return count == 0 || (count <= 64 && leati_oall_known(k));
}

/* ---- to whole numbers ------------------------------------------------------------------------ */

static leat_status quantise_on_host(leati_ocall *k, scales *s, int32_t element)
{
    double *x;
    void *out;
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(read_scales(k, s));
    bool saturate = leati_oattr_int(k, "saturate", 1);
    LEATI_TRY(leati_onew(k, 0, element, k->in[0]->shape, &out));
    size_t count = leati_shape_count(&k->in[0]->shape);
    for (size_t i = 0; i < count; i++) {
        size_t j = scale_index(s, i);
        float q = (float)x[i] / (float)s->scale[j];
        put_quantised(element, out, i, (double)q, s->zero ? s->zero[j] : 0, saturate);
    }
    return LEAT_OK;
}

/* Output 0: x / scale rounded, plus zero (NULL: 0), saturated, in the order of ONNX Runtime. What
 * is saturated before the zero point comes to it stays with the value: read as numbers again, as
 * networks in the format QDQ do, it needs no conversion to bytes and back. */
static leat_status quantise(leati_ocall *k, leat_tensor *x, leat_tensor *scale, leat_tensor *zero,
                            int32_t element)
{
    leat_dtype type;
    double low, high;
    if (!leati_oval_dtype(element, &type)) return leati_ofail(k, LEAT_TYPE, "type %d", element);
    limits_of(element, &low, &high);
    leat_tensor *q = leat_round(leat_div(x, scale)), *l = leat_like(q, low),
                *h = leat_like(q, high);
    if (zero) l = leat_sub(l, zero), h = leat_sub(h, zero);
    q = saturated(q, l, h);
    LEATI_TRY(leati_oset(k, 0, leat_cast(zero ? leat_add(q, zero) : q, type)));
    k->out[0]->centred = q;
    return LEAT_OK;
}

leat_status leati_on_QuantizeLinear(leati_ocall *k)
{
    scales s;
    LEATI_TRY(leati_oneed(k, leati_ohas(k, 2) ? 3 : 2));
    LEATI_TRY(scales_of(k, 1, &s));
    int32_t from = k->in[0]->element, element = (int32_t)leati_oattr_int(k, "output_dtype", 0);
    if (leati_ohas(k, 2)) element = k->in[2]->element;
    if (!element) element = LEATI_ONNX_UINT8;
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    bool has_graph = (is_float(from) || from == LEATI_ONNX_INT32) && is_short(element) &&
                     is_float(k->in[1]->element);
    if (!has_graph || is_small_constant(k)) return quantise_on_host(k, &s, element);
    leat_dtype type = LEAT_DTYPE_F32; /* in which ONNX Runtime divides, halves too */
    leat_tensor *zero = leati_ohas(k, 2) ? spread(k, 2, &s, type) : NULL;
    if (leati_ohas(k, 2) && !zero) return leat_error_status(k->context);
    LEATI_TRY(quantise(k, leat_cast(leati_oin(k, 0), type), spread(k, 1, &s, type), zero, element));
    if (s.axis < 0) k->out[0]->zero = leati_ohas(k, 2) ? k->in[2] : NULL;
    else k->out[0]->centred = NULL; /* another axis may read it */
    return LEAT_OK;
}

/* A range of nothing has the scale 1, as ONNX Runtime has it. NaN is left out of the range. */
leat_status leati_on_DynamicQuantizeLinear(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    leati_oval *v = k->in[0];
    if (v->element != LEATI_ONNX_FLOAT)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d, float32 is expected", v->element);
    float one = 1;
    uint8_t none = 0;
    if (!leati_shape_count(&v->shape)) {
        LEATI_TRY(leati_oset(k, 0, leat_cast(leati_oin(k, 0), LEAT_DTYPE_U8)));
        LEATI_TRY(leati_oset(k, 1, leat_constant(k->graph, LEAT_DTYPE_F32, LEAT_SCALAR, &one)));
        return leati_oset(k, 2, leat_constant(k->graph, LEAT_DTYPE_U8, LEAT_SCALAR, &none));
    }
    leat_tensor *x = leati_oin(k, 0), *nothing = leat_like(x, 0), *most = leat_like(x, 255);
    leat_tensor *known = leat_where(leat_isnan(x), nothing, x);
    leat_tensor *low = leat_minimum(leat_min(known, 0, NULL, false), nothing);
    leat_tensor *high = leat_maximum(leat_max(known, 0, NULL, false), nothing);
    leat_tensor *scale =
        leat_where(leat_equal(low, high), leat_like(x, 1), leat_div(leat_sub(high, low), most));
    leat_tensor *zero = leat_neg(leat_div(low, scale));
    zero = leat_round(leat_where(leat_less(zero, most), leat_maximum(zero, nothing), most));
    LEATI_TRY(quantise(k, x, scale, zero, LEATI_ONNX_UINT8));
    LEATI_TRY(leati_oset(k, 1, scale));
    LEATI_TRY(leati_oset(k, 2, leat_cast(zero, LEAT_DTYPE_U8)));
    k->out[0]->zero = k->out[2];
    return LEAT_OK;
}

/* ---- and back -------------------------------------------------------------------------------- */

/* Element i of input 0, as a number. */
static double number_at(const leati_ocall *k, const scales *s, const void *data, size_t i)
{
    int32_t element = k->in[0]->element;
    size_t j = scale_index(s, i);
    double x = leati_oget(element, data, i) - (s->zero ? s->zero[j] : 0);
    return (element == LEATI_ONNX_INT32 ? (double)(float)x : x) * s->scale[j];
}

static leat_status dequantise_on_host(leati_ocall *k, scales *s, int32_t element)
{
    const void *data;
    void *out;
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(read_scales(k, s));
    LEATI_TRY(leati_onew(k, 0, element, k->in[0]->shape, &out));
    size_t count = leati_shape_count(&k->in[0]->shape);
    for (size_t i = 0; i < count; i++) leati_oput(element, out, i, number_at(k, s, data, i));
    return LEAT_OK;
}

typedef struct packed_weight {
    leati_ocall *call;
    scales *scales;
} packed_weight;

static leat_status unpack(leat_context *c, void *arg, void *block)
{
    const packed_weight *w = arg;
    const void *data;
    (void)c;
    LEATI_TRY(leati_ohost(w->call, 0, &data));
    LEATI_TRY(read_scales(w->call, w->scales));
    size_t count = leati_shape_count(&w->call->in[0]->shape);
    for (size_t i = 0; i < count; i++)
        ((float *)block)[i] = (float)number_at(w->call, w->scales, data, i);
    return LEAT_OK;
}

/* Input 0 less its zero point, in f32, which has every difference of shorts. */
static leat_tensor *differences(leati_ocall *k, const scales *s)
{
    const leati_oval *v = k->in[0];
    bool has_zero = leati_ohas(k, 2);
    if (v->centred && s->axis < 0 && v->zero == (has_zero ? k->in[2] : NULL)) return v->centred;
    leat_dtype type = v->element == LEATI_ONNX_INT32 ? LEAT_DTYPE_I32 : LEAT_DTYPE_F32;
    leat_tensor *x = leat_cast(leati_oin(k, 0), type);
    if (has_zero) x = leat_sub(x, spread(k, 2, s, type));
    return leat_cast(x, LEAT_DTYPE_F32);
}

leat_status leati_on_DequantizeLinear(leati_ocall *k)
{
    scales s;
    leat_dtype type;
    LEATI_TRY(leati_oneed(k, leati_ohas(k, 2) ? 3 : 2));
    LEATI_TRY(scales_of(k, 1, &s));
    int32_t from = k->in[0]->element,
            element = (int32_t)leati_oattr_int(k, "output_dtype", k->in[1]->element);
    if (!element) element = k->in[1]->element;
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    if (from == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "input 1 holds texts, numbers are needed");
    bool small = is_small_constant(k);
    if (!small && element == LEATI_ONNX_FLOAT && leati_ois_once(k))
        return leati_oset_once(k, k->in[0]->shape, unpack, &(packed_weight){k, &s});
    bool has_graph = (is_short(from) || from == LEATI_ONNX_INT32) && is_float(element) &&
                     is_float(k->in[1]->element) &&
                     (!leati_ohas(k, 2) || k->in[2]->element == from) &&
                     leati_oval_dtype(element, &type);
    if (!has_graph || small) return dequantise_on_host(k, &s, element);
    leat_tensor *y = leat_mul(differences(k, &s), spread(k, 1, &s, LEAT_DTYPE_F32));
    return leati_oset(k, 0, leat_cast(y, type));
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
    leat_tensor *q = leat_add(leat_round(leat_div(leat_mul(y, scale), to)), zero);
    return leati_oset(k, 0, leat_cast(leati_osaturated(q, element), type));
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
