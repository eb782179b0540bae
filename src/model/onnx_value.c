/* Owns: whether values that are not tensors are well formed. Nesting is bounded by the reader. */
#include "model/onnx_value.h"

#include <inttypes.h>

#include "base/error.h"
#include "model/onnx_tensor.h"

size_t leati_onnx_sequence_count(const leati_onnx_sequence *s)
{
    switch (s->elem_type) {
    case LEATI_ONNX_VALUE_TENSOR: return s->tensor_values.count;
    case LEATI_ONNX_VALUE_SPARSE_TENSOR: return s->sparse_tensor_values.count;
    case LEATI_ONNX_VALUE_SEQUENCE: return s->sequence_values.count;
    case LEATI_ONNX_VALUE_MAP: return s->map_values.count;
    case LEATI_ONNX_VALUE_OPTIONAL: return s->optional_values.count;
    default: return 0;
    }
}

static leat_status check_map(leat_context *c, const leati_onnx_map *m)
{
    size_t keys = m->keys.count + m->string_keys.count;
    size_t values = m->values ? leati_onnx_sequence_count(m->values) : 0;
    const char *type = leati_onnx_element_name(m->key_type);
    LEATI_CHECK(c, type, LEAT_FORMAT, "map %s: there is no key type %" PRId32, m->name,
                m->key_type);
    LEATI_CHECK(c, !(m->key_type == LEATI_ONNX_STRING ? m->keys.count : m->string_keys.count),
                LEAT_FORMAT, "map %s: keys of %s hold others too", m->name, type);
    LEATI_CHECK(c, keys == values, LEAT_FORMAT, "map %s: %zu keys, %zu values", m->name, keys,
                values);
    return m->values ? leati_onnx_sequence_check(c, m->values) : LEAT_OK;
}

leat_status leati_onnx_sequence_check(leat_context *c, const leati_onnx_sequence *s)
{
    size_t all = s->tensor_values.count + s->sparse_tensor_values.count + s->sequence_values.count +
                 s->map_values.count + s->optional_values.count;
    LEATI_CHECK(c, all == leati_onnx_sequence_count(s), LEAT_FORMAT,
                "sequence %s: it holds other elements than its type %" PRId32 " says", s->name,
                s->elem_type);
    LEATI_CHECK(c, !s->sparse_tensor_values.count, LEAT_UNSUPPORTED,
                "sequence %s: sparse tensors are not supported", s->name);
    for (size_t i = 0; i < s->tensor_values.count; i++)
        LEATI_TRY(leati_onnx_tensor_check(c, &s->tensor_values.at[i]));
    for (size_t i = 0; i < s->sequence_values.count; i++)
        LEATI_TRY(leati_onnx_sequence_check(c, &s->sequence_values.at[i]));
    for (size_t i = 0; i < s->map_values.count; i++) LEATI_TRY(check_map(c, &s->map_values.at[i]));
    for (size_t i = 0; i < s->optional_values.count; i++)
        LEATI_TRY(leati_onnx_optional_check(c, &s->optional_values.at[i]));
    return LEAT_OK;
}

leat_status leati_onnx_optional_check(leat_context *c, const leati_onnx_optional *o)
{
    int32_t held = o->tensor_value          ? LEATI_ONNX_VALUE_TENSOR
                   : o->sparse_tensor_value ? LEATI_ONNX_VALUE_SPARSE_TENSOR
                   : o->sequence_value      ? LEATI_ONNX_VALUE_SEQUENCE
                   : o->map_value           ? LEATI_ONNX_VALUE_MAP
                   : o->optional_value      ? LEATI_ONNX_VALUE_OPTIONAL
                                            : LEATI_ONNX_VALUE_UNDEFINED;
    int count = !!o->tensor_value + !!o->sparse_tensor_value + !!o->sequence_value +
                !!o->map_value + !!o->optional_value;
    /* An empty one may say of what type it would be. */
    LEATI_CHECK(c, count <= 1 && (!held || held == o->elem_type), LEAT_FORMAT,
                "optional %s: it holds another value than its type %" PRId32 " says", o->name,
                o->elem_type);
    LEATI_CHECK(c, !o->sparse_tensor_value, LEAT_UNSUPPORTED,
                "optional %s: sparse tensors are not supported", o->name);
    if (o->tensor_value) return leati_onnx_tensor_check(c, o->tensor_value);
    if (o->sequence_value) return leati_onnx_sequence_check(c, o->sequence_value);
    if (o->map_value) return check_map(c, o->map_value);
    return o->optional_value ? leati_onnx_optional_check(c, o->optional_value) : LEAT_OK;
}
