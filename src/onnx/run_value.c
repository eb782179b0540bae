/* Owns: values of a recording: on the host, in the graph, in the file, and the ways between. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "model/onnx_tensor.h"
#include "onnx/run.h"
#include "onnx/small_floats.h"

static const struct {
    int32_t element;
    leat_dtype dtype;
} types[] = {
    {LEATI_ONNX_FLOAT, LEAT_DTYPE_F32},     {LEATI_ONNX_DOUBLE, LEAT_DTYPE_F64},
    {LEATI_ONNX_BFLOAT16, LEAT_DTYPE_BF16}, {LEATI_ONNX_FLOAT16, LEAT_DTYPE_F16},
    {LEATI_ONNX_INT64, LEAT_DTYPE_I64},     {LEATI_ONNX_INT32, LEAT_DTYPE_I32},
    {LEATI_ONNX_INT16, LEAT_DTYPE_I16},     {LEATI_ONNX_INT8, LEAT_DTYPE_I8},
    {LEATI_ONNX_UINT64, LEAT_DTYPE_U64},    {LEATI_ONNX_UINT32, LEAT_DTYPE_U32},
    {LEATI_ONNX_UINT16, LEAT_DTYPE_U16},    {LEATI_ONNX_UINT8, LEAT_DTYPE_U8},
    {LEATI_ONNX_BOOL, LEAT_DTYPE_BOOL},
};

bool leati_oval_dtype(int32_t element, leat_dtype *out)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].element != element) continue;
        *out = types[i].dtype;
        return true;
    }
    return false;
}

int32_t leati_oval_element(leat_dtype dtype)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].dtype == dtype) return types[i].element;
    return LEATI_ONNX_UNDEFINED;
}

size_t leati_oval_width(int32_t element)
{
    if (element == LEATI_ONNX_STRING) return sizeof(leati_pb_bytes);
    unsigned bits = leati_onnx_element_bits(element);
    return (bits + 7) / 8; /* 0 for what is no type */
}

leat_status leati_oval_check(leat_context *c, const leat_shape *s, int32_t element)
{
    size_t bytes = leati_oval_width(element);
    LEATI_CHECK(c, bytes > 0, LEAT_TYPE, "%d is no type of elements", (int)element);
    LEATI_CHECK(c, s->rank >= 0 && s->rank <= LEAT_MAX_RANK, LEAT_SHAPE,
                "a tensor of more than %d dimensions", LEAT_MAX_RANK);
    for (int i = 0; i < s->rank; i++) {
        LEATI_CHECK(c, s->dim[i] >= 0, LEAT_SHAPE, "a negative dimension in the shape %s",
                    leati_shape_string(s).text);
        LEATI_CHECK(c, s->dim[i] == 0 || !leati_mul_overflows(bytes, (size_t)s->dim[i], &bytes),
                    LEAT_LIMIT, "a tensor of the shape %s does not fit into memory",
                    leati_shape_string(s).text);
    }
    LEATI_CHECK(c, bytes < (size_t)1 << 46, LEAT_LIMIT,
                "a tensor of the shape %s does not fit into memory", leati_shape_string(s).text);
    return LEAT_OK;
}

leati_oval *leati_oval_new(leati_orun *r, leati_oval_kind kind, int32_t element, leat_shape shape,
                           bool varying)
{
    leati_oval *v = leati_arena_calloc(&r->arena, 1, sizeof *v);
    if (!v) return NULL;
    v->kind = kind;
    v->element = element;
    v->shape = shape;
    v->varying = varying;
    return v;
}

leati_oval *leati_oval_of_host(leati_orun *r, int32_t element, leat_shape shape, void **data)
{
    *data = NULL;
    if (leati_oval_check(r->context, &shape, element) != LEAT_OK) return NULL;
    leati_oval *v = leati_oval_new(r, LEATI_OVAL_TENSOR, element, shape, false);
    size_t count = leati_shape_count(&shape);
    *data = leati_arena_calloc(&r->arena, count ? count : 1, leati_oval_width(element));
    if (!v || !*data) return NULL;
    v->host = *data;
    return v;
}

leati_oval *leati_oval_of_proto(leati_orun *r, const leati_onnx_tensor *t)
{
    if (t->dims.count > LEAT_MAX_RANK) {
        (void)LEATI_FAIL(r->context, LEAT_UNSUPPORTED,
                         "tensor `%.60s` has %zu dimensions, at most %d are supported", t->name,
                         t->dims.count, LEAT_MAX_RANK);
        return NULL;
    }
    leat_shape shape = leat_shape_make((int)t->dims.count, t->dims.at);
    if (leati_oval_check(r->context, &shape, t->data_type) != LEAT_OK) return NULL;
    leati_oval *v = leati_oval_new(r, LEATI_OVAL_TENSOR, t->data_type, shape, false);
    if (v) v->proto = t;
    return v;
}

leat_status leati_oval_changes(leati_orun *r, leati_oval *v)
{
    if (!r->loops) return LEAT_OK;
    LEATI_TRY(leati_grow(r->context, &r->changes, &r->change_capacity, r->change_count + 1,
                         sizeof *r->changes));
    r->changes[r->change_count++] = (leati_ochange){v, *v};
    return LEAT_OK;
}

bool leati_oval_known(const leati_oval *v)
{
    return v->kind != LEATI_OVAL_TENSOR || v->host || v->proto;
}

/* Elements below 8 bits as they are packed, first in the lowest bits, to a byte each. */
static void unpack(int32_t element, const uint8_t *packed, size_t count, uint8_t *out)
{
    unsigned bits = leati_onnx_element_bits(element), per = 8 / bits;
    bool is_signed = element == LEATI_ONNX_INT4 || element == LEATI_ONNX_INT2;
    for (size_t i = 0; i < count; i++) {
        unsigned x = (unsigned)packed[i / per] >> (i % per * bits) & ((1u << bits) - 1);
        if (is_signed && x >> (bits - 1)) x |= 0xffu << bits;
        out[i] = (uint8_t)x;
    }
}

static leat_status load(leati_orun *r, leati_oval *v)
{
    const leati_onnx_tensor *t = v->proto;
    size_t count = leati_shape_count(&v->shape), width = leati_oval_width(v->element);
    char *data = leati_arena_calloc(&r->arena, count ? count : 1, width);
    if (!data) return leat_error_status(r->context);
    if (v->element == LEATI_ONNX_STRING) {
        LEATI_CHECK(r->context, t->string_data.count == count, LEAT_FORMAT,
                    "tensor `%.60s` has %zu texts for %zu elements", t->name, t->string_data.count,
                    count);
        if (count) memcpy(data, t->string_data.at, count * width);
    } else if (leati_onnx_element_bits(v->element) < 8) {
        size_t bytes = leati_onnx_bytes(v->element, count);
        uint8_t *packed = leati_arena_calloc(&r->arena, bytes ? bytes : 1, 1);
        if (!packed) return LEAT_NOMEM;
        LEATI_TRY(leati_onnx_tensor_load(r->context, r->file, t, packed, bytes));
        unpack(v->element, packed, count, (uint8_t *)data);
    } else {
        LEATI_TRY(leati_onnx_tensor_load(r->context, r->file, t, data, count * width));
    }
    LEATI_TRY(leati_oval_changes(r, v));
    v->host = data;
    return LEAT_OK;
}

leat_status leati_oval_host_all(leati_orun *r, size_t count, leati_oval *const *v)
{
    leat_tensor *few[16], **roots = few;
    size_t roots_count = 0;
    leat_status st = LEAT_OK;
    if (count > 16) roots = leati_array(r->context, count, sizeof *roots);
    if (!roots) return LEAT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!v[i] || v[i]->kind != LEATI_OVAL_TENSOR || v[i]->host) continue;
        if (v[i]->proto) LEATI_GO(load(r, v[i]));
        else roots[roots_count++] = v[i]->tensor;
    }
    if (roots_count == 0) goto out;
    if (r->in_body) {
        st = LEATI_FAIL(r->context, LEAT_UNSUPPORTED, "a value of the body of a loop is needed");
        goto out;
    }
    for (size_t i = 0; i < count && r->hollow; i++) {
        if (!v[i] || v[i]->kind != LEATI_OVAL_TENSOR || v[i]->host || !v[i]->varying) continue;
        r->forced = true;
        st = LEATI_FAIL(r->context, LEAT_UNSUPPORTED, "a value of an input is needed");
        goto out;
    }
    LEATI_GO(leat_run(r->graph, roots_count, roots));
    for (size_t i = 0; i < count; i++) {
        if (!v[i] || v[i]->kind != LEATI_OVAL_TENSOR || v[i]->host) continue;
        size_t bytes = leati_shape_count(&v[i]->shape) * leati_oval_width(v[i]->element);
        void *data = leati_arena_alloc(&r->arena, bytes ? bytes : 1);
        if (!data) {
            st = leat_error_status(r->context);
            goto out;
        }
        LEATI_GO(leat_get(v[i]->tensor, data, bytes));
        LEATI_GO(leati_oval_changes(r, v[i]));
        v[i]->host = data;
        /* What follows starts from here and not from what led here. */
        v[i]->centred = NULL;
        v[i]->tensor = leat_input(r->graph, leat_tensor_dtype(v[i]->tensor), v[i]->shape, data);
        r->forced |= v[i]->varying;
    }
out:
    if (roots != few) leati_free(roots);
    return st;
}

leat_status leati_oval_host(leati_orun *r, leati_oval *v, const void **out)
{
    LEATI_TRY(leati_oval_host_all(r, 1, &v));
    *out = v->host;
    return LEAT_OK;
}

leat_tensor *leati_oval_tensor(leati_orun *r, leati_oval *v)
{
    leat_dtype dtype;
    const void *data;
    if (v->tensor) return v->tensor;
    if (v->kind != LEATI_OVAL_TENSOR) {
        (void)LEATI_FAIL(r->context, LEAT_TYPE, "a tensor is needed, %s was given",
                         v->kind == LEATI_OVAL_SEQUENCE ? "a sequence" : "an empty optional");
        return NULL;
    }
    if (!leati_oval_dtype(v->element, &dtype)) {
        const char *name = leati_onnx_element_name(v->element);
        (void)LEATI_FAIL(r->context, LEAT_UNSUPPORTED, "not computed with elements of type %s",
                         name ? name : "?");
        return NULL;
    }
    if (leati_oval_host(r, v, &data) != LEAT_OK || leati_oval_changes(r, v) != LEAT_OK) return NULL;
    /* Large data stay where they are; small ones are constants, which fold into the plan. Data
     * that vary would give every run a plan of its own. Bodies of loops have nothing but constants.
     */
    size_t bytes = leati_shape_count(&v->shape) * leat_dtype_size(dtype);
    v->tensor = !r->in_body && (v->varying || bytes > 256)
                    ? leat_input(r->graph, dtype, v->shape, data)
                    : leat_constant(r->graph, dtype, v->shape, data);
    return v->tensor;
}

/* ---- elements ------------------------------------------------------------------------------- */

int64_t leati_oget_int(int32_t element, const void *data, size_t i)
{
    switch (element) {
    case LEATI_ONNX_INT64:
    case LEATI_ONNX_UINT64: return ((const int64_t *)data)[i];
    case LEATI_ONNX_INT32: return ((const int32_t *)data)[i];
    case LEATI_ONNX_UINT32: return ((const uint32_t *)data)[i];
    case LEATI_ONNX_INT16: return ((const int16_t *)data)[i];
    case LEATI_ONNX_UINT16: return ((const uint16_t *)data)[i];
    case LEATI_ONNX_INT8:
    case LEATI_ONNX_INT4:
    case LEATI_ONNX_INT2: return ((const int8_t *)data)[i];
    case LEATI_ONNX_UINT8:
    case LEATI_ONNX_UINT4:
    case LEATI_ONNX_UINT2:
    case LEATI_ONNX_BOOL: return ((const uint8_t *)data)[i];
    default: break;
    }
    double x = leati_oget(element, data, i);
    return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : isnan(x) ? 0 : (int64_t)x;
}

double leati_oget(int32_t element, const void *data, size_t i)
{
    switch (element) {
    case LEATI_ONNX_FLOAT: return (double)((const float *)data)[i];
    case LEATI_ONNX_DOUBLE: return ((const double *)data)[i];
    case LEATI_ONNX_FLOAT16: return (double)leati_f16_to_f32(((const uint16_t *)data)[i]);
    case LEATI_ONNX_BFLOAT16: return (double)leati_bf16_to_f32(((const uint16_t *)data)[i]);
    case LEATI_ONNX_COMPLEX64: return (double)((const float *)data)[2 * i];
    case LEATI_ONNX_COMPLEX128: return ((const double *)data)[2 * i];
    case LEATI_ONNX_UINT64: return (double)((const uint64_t *)data)[i];
    case LEATI_ONNX_INT64:
    case LEATI_ONNX_INT32:
    case LEATI_ONNX_UINT32:
    case LEATI_ONNX_INT16:
    case LEATI_ONNX_UINT16:
    case LEATI_ONNX_INT8:
    case LEATI_ONNX_UINT8:
    case LEATI_ONNX_INT4:
    case LEATI_ONNX_UINT4:
    case LEATI_ONNX_INT2:
    case LEATI_ONNX_UINT2:
    case LEATI_ONNX_BOOL: return (double)leati_oget_int(element, data, i);
    default: break;
    }
    const leati_small_float *f = leati_small_float_of(element);
    return f ? leati_small_float_get(f, ((const uint8_t *)data)[i]) : (double)NAN;
}

/* Truncated to the width, as a conversion between integers. */
void leati_oput_int(int32_t element, void *data, size_t i, int64_t value)
{
    switch (element) {
    case LEATI_ONNX_INT64:
    case LEATI_ONNX_UINT64: ((int64_t *)data)[i] = value; break;
    case LEATI_ONNX_INT32:
    case LEATI_ONNX_UINT32: ((uint32_t *)data)[i] = (uint32_t)value; break;
    case LEATI_ONNX_INT16:
    case LEATI_ONNX_UINT16: ((uint16_t *)data)[i] = (uint16_t)value; break;
    case LEATI_ONNX_INT8:
    case LEATI_ONNX_UINT8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case LEATI_ONNX_UINT4: ((uint8_t *)data)[i] = (uint8_t)(value & 15); break;
    case LEATI_ONNX_UINT2: ((uint8_t *)data)[i] = (uint8_t)(value & 3); break;
    case LEATI_ONNX_INT4: ((int8_t *)data)[i] = (int8_t)(((value & 15) ^ 8) - 8); break;
    case LEATI_ONNX_INT2: ((int8_t *)data)[i] = (int8_t)(((value & 3) ^ 2) - 2); break;
    case LEATI_ONNX_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    default: leati_oput(element, data, i, (double)value);
    }
}

void leati_oput(int32_t element, void *data, size_t i, double value)
{
    const leati_small_float *f;
    switch (element) {
    case LEATI_ONNX_FLOAT: ((float *)data)[i] = (float)value; return;
    case LEATI_ONNX_DOUBLE: ((double *)data)[i] = value; return;
    case LEATI_ONNX_FLOAT16: ((uint16_t *)data)[i] = leati_f32_to_f16((float)value); return;
    case LEATI_ONNX_BFLOAT16: ((uint16_t *)data)[i] = leati_f32_to_bf16((float)value); return;
    case LEATI_ONNX_BOOL: ((uint8_t *)data)[i] = value != 0; return;
    case LEATI_ONNX_COMPLEX64:
        ((float *)data)[2 * i] = (float)value;
        ((float *)data)[2 * i + 1] = 0;
        return;
    case LEATI_ONNX_COMPLEX128:
        ((double *)data)[2 * i] = value;
        ((double *)data)[2 * i + 1] = 0;
        return;
    case LEATI_ONNX_STRING: return; /* a number is no text */
    case LEATI_ONNX_UINT64:
        ((uint64_t *)data)[i] = !(value > 0) ? 0 : value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
        return;
    default: break;
    }
    if ((f = leati_small_float_of(element))) {
        ((uint8_t *)data)[i] = leati_small_float_put(f, (float)value, true);
        return;
    }
    unsigned bits = leati_onnx_element_bits(element);
    if (bits == 0 || bits > 64) return;
    leati_oput_int(element, data, i,
                   value >= 0x1p63   ? INT64_MAX
                   : value < -0x1p63 ? INT64_MIN
                   : isnan(value)    ? 0
                                     : (int64_t)value);
}

/* ---- boxes ---------------------------------------------------------------------------------- */

void leati_ostrides(const leat_shape *s, int64_t *strides)
{
    int64_t step = 1;
    for (int i = s->rank; i-- > 0;) {
        strides[i] = step;
        step *= s->dim[i];
    }
}

void leati_ocopy(int rank, const int64_t *dims, size_t width, const void *from,
                 const int64_t *from_strides, void *to, const int64_t *to_strides)
{
    int64_t at[LEAT_MAX_RANK] = {0}, i = 0, o = 0, w = (int64_t)width;
    for (int d = 0; d < rank; d++)
        if (dims[d] <= 0) return;
    int last = rank - 1;
    for (;;) {
        if (rank == 0) {
            memcpy(to, from, width);
            return;
        }
        const char *p = (const char *)from + i * w;
        char *q = (char *)to + o * w;
        if (from_strides[last] == 1 && to_strides[last] == 1) {
            memcpy(q, p, (size_t)(dims[last] * w));
        } else {
            for (int64_t j = 0; j < dims[last]; j++)
                memcpy(q + j * to_strides[last] * w, p + j * from_strides[last] * w, width);
        }
        int d = last - 1;
        for (; d >= 0; d--) {
            i += from_strides[d], o += to_strides[d];
            if (++at[d] < dims[d]) break;
            i -= from_strides[d] * dims[d], o -= to_strides[d] * dims[d];
            at[d] = 0;
        }
        if (d < 0) return;
    }
}
