/* Owns: the device `reference` and access to elements of any type. */
#include "device/reference_kernels.h"

#include <string.h>

#include "base/half.h"
#include "device/devices.h"
#include "kernel/eltwise.h"
#include "tensor/shape.h"

bool leati_is_float_operand(const leati_operand *o)
{
    return leati_dtype_is_float(o->dtype);
}

leati_element leati_element_get(const leati_operand *o, size_t at)
{
    leati_element e = {0, 0};
#define AS(T) (((const T *)o->data)[at])
    switch (o->dtype) {
    case LEAT_DTYPE_F32: e.f = AS(float); break;
    case LEAT_DTYPE_F64: e.f = AS(double); break;
    case LEAT_DTYPE_BF16: e.f = leati_bf16_to_f32(AS(uint16_t)); break;
    case LEAT_DTYPE_F16: e.f = leati_f16_to_f32(AS(uint16_t)); break;
    case LEAT_DTYPE_I64: e.i = AS(int64_t); break;
    case LEAT_DTYPE_I32: e.i = AS(int32_t); break;
    case LEAT_DTYPE_I16: e.i = AS(int16_t); break;
    case LEAT_DTYPE_I8: e.i = AS(int8_t); break;
    case LEAT_DTYPE_U64: e.i = (int64_t)AS(uint64_t); break;
    case LEAT_DTYPE_U32: e.i = AS(uint32_t); break;
    case LEAT_DTYPE_U16: e.i = AS(uint16_t); break;
    case LEAT_DTYPE_U8:
    case LEAT_DTYPE_BOOL: e.i = AS(uint8_t); break;
    }
#undef AS
    return e;
}

void leati_element_set(const leati_operand *o, size_t at, leati_element x)
{
#define AS(T) (((T *)o->data)[at])
    switch (o->dtype) {
    case LEAT_DTYPE_F32: AS(float) = (float)x.f; break;
    case LEAT_DTYPE_F64: AS(double) = x.f; break;
    case LEAT_DTYPE_BF16: AS(uint16_t) = leati_f32_to_bf16((float)x.f); break;
    case LEAT_DTYPE_F16: AS(uint16_t) = leati_f32_to_f16((float)x.f); break;
    case LEAT_DTYPE_I64: AS(int64_t) = x.i; break;
    case LEAT_DTYPE_I32: AS(int32_t) = (int32_t)x.i; break;
    case LEAT_DTYPE_I16: AS(int16_t) = (int16_t)x.i; break;
    case LEAT_DTYPE_I8: AS(int8_t) = (int8_t)x.i; break;
    case LEAT_DTYPE_U64: AS(uint64_t) = (uint64_t)x.i; break;
    case LEAT_DTYPE_U32: AS(uint32_t) = (uint32_t)x.i; break;
    case LEAT_DTYPE_U16: AS(uint16_t) = (uint16_t)x.i; break;
    case LEAT_DTYPE_U8: AS(uint8_t) = (uint8_t)x.i; break;
    case LEAT_DTYPE_BOOL: AS(uint8_t) = x.i != 0; break;
    }
#undef AS
}

void leati_strides_of(const leat_shape *s, int64_t *strides)
{
    int64_t at = 1;
    for (int i = s->rank; i-- > 0;) {
        strides[i] = at;
        at *= s->dim[i];
    }
}

void leati_index_of(const leat_shape *s, size_t at, int64_t *index)
{
    for (int i = s->rank; i-- > 0;) {
        index[i] = (int64_t)(at % (size_t)s->dim[i]);
        at /= (size_t)s->dim[i];
    }
}

size_t leati_offset_of(const leat_shape *s, const int64_t *index)
{
    size_t at = 0;
    for (int i = 0; i < s->rank; i++) at = at * (size_t)s->dim[i] + (size_t)index[i];
    return at;
}

static const leati_kernel *const kernels[LEATI_OP_COUNT] = {
#define X(NAME, name, inputs, types, result) [LEATI_OP_##NAME] = &leati_reference_elementwise,
#include "kernel/eltwise.def"
#undef X
#define K(NAME, name) [LEATI_OP_##NAME] = &leati_reference_##name,
    LEATI_REFERENCE_KERNELS(K)
#undef K
};

const leati_kernel *leati_reference_kernel(leati_op op)
{
    return kernels[op];
}

static const leati_kernel *kernel(const leati_device *d, const leati_step *s)
{
    (void)d;
    const leati_kernel *k = kernels[s->op];
    return k && (!k->takes || k->takes(s)) ? k : NULL;
}

static leat_status run(leati_device *d, const leati_step *steps, size_t count)
{
    return leati_run_steps(d->context, steps, count);
}

const leati_device_class leati_reference_device = {.name = "reference",
                                                   .kernel = kernel,
                                                   .alloc = leati_host_alloc,
                                                   .free = leati_host_free,
                                                   .upload = leati_host_copy,
                                                   .download = leati_host_copy,
                                                   .run = run,
                                                   .sync = leati_host_sync};
