/* Owns: the elements of tensors. Not: files of external data (onnx_file.c). */
#include "model/onnx_tensor.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { RAW_DATA = 9, EXTERNAL = 1 };

static const char *label(const leati_onnx_tensor *t)
{
    return t->name && *t->name ? t->name : "(without a name)";
}

leat_status leati_onnx_tensor_count(leat_context *c, const leati_onnx_tensor *t, size_t *count)
{
    bool none = false, over = false;
    *count = 1;
    for (size_t d = 0; d < t->dims.count; d++) {
        int64_t n = t->dims.at[d];
        LEATI_CHECK(c, n >= 0, LEAT_FORMAT, "tensor %s: dimension %zu is %" PRId64, label(t), d, n);
        if (n == 0) none = true;
        else if (leati_mul_overflows(*count, (size_t)n, count)) over = true;
    }
    if (none) *count = 0;
    LEATI_CHECK(c, none || !over, LEAT_FORMAT, "tensor %s: its dimensions overflow", label(t));
    return LEAT_OK;
}

size_t leati_onnx_bytes(int32_t element, size_t count)
{
    size_t bits = leati_onnx_element_bits(element), bytes;
    if (bits >= 8) return leati_mul_overflows(count, bits / 8, &bytes) ? SIZE_MAX : bytes;
    if (!bits) return 0;
    size_t per = 8 / bits;
    return count / per + (count % per != 0);
}

bool leati_onnx_tensor_is_external(const leati_onnx_tensor *t)
{
    return t->data_location == EXTERNAL;
}

/* The typed field that belongs to the element type. */
static const leati_pb_numbers *typed(const leati_onnx_tensor *t, const char **name)
{
    switch (t->data_type) {
    case LEATI_ONNX_FLOAT:
    case LEATI_ONNX_COMPLEX64: *name = "float_data"; return &t->float_data;
    case LEATI_ONNX_DOUBLE:
    case LEATI_ONNX_COMPLEX128: *name = "double_data"; return &t->double_data;
    case LEATI_ONNX_INT64: *name = "int64_data"; return &t->int64_data;
    case LEATI_ONNX_UINT32:
    case LEATI_ONNX_UINT64: *name = "uint64_data"; return &t->uint64_data;
    default: *name = "int32_data"; return &t->int32_data;
    }
}

/* Numbers in the typed field per tensor: two for a complex one, one for several of under 8 bits. */
static size_t typed_count(int32_t element, size_t count)
{
    if (element == LEATI_ONNX_COMPLEX64 || element == LEATI_ONNX_COMPLEX128)
        return count > SIZE_MAX / 2 ? SIZE_MAX : 2 * count;
    return leati_onnx_element_bits(element) < 8 ? leati_onnx_bytes(element, count) : count;
}

static leat_status check_external(leat_context *c, const leati_onnx_tensor *t)
{
    for (size_t i = 0; i < t->external_data.count; i++) {
        const leati_onnx_entry *e = &t->external_data.at[i];
        if (strcmp(e->key, "location") == 0 && *e->value) return LEAT_OK;
    }
    return LEATI_FAIL(c, LEAT_FORMAT, "tensor %s: its data are in another file, which is not named",
                      label(t));
}

leat_status leati_onnx_tensor_check(leat_context *c, const leati_onnx_tensor *t)
{
    size_t count;
    const char *type = leati_onnx_element_name(t->data_type), *field;
    LEATI_CHECK(c, type, LEAT_FORMAT, "tensor %s: there is no element type %" PRId32, label(t),
                t->data_type);
    LEATI_TRY(leati_onnx_tensor_count(c, t, &count));
    size_t bytes = leati_onnx_bytes(t->data_type, count);
    LEATI_CHECK(c, bytes < SIZE_MAX / 2, LEAT_FORMAT, "tensor %s: its dimensions overflow",
                label(t));
    LEATI_CHECK(c, t->data_location == 0 || t->data_location == EXTERNAL, LEAT_FORMAT,
                "tensor %s: there is no data location %" PRId32, label(t), t->data_location);
    if (leati_onnx_tensor_is_external(t)) {
        LEATI_CHECK(c, t->data_type != LEATI_ONNX_STRING, LEAT_FORMAT,
                    "tensor %s: texts may not lie in another file", label(t));
        return check_external(c, t);
    }
    if (t->data_type == LEATI_ONNX_STRING) {
        LEATI_CHECK(c, t->string_data.count == count, LEAT_FORMAT,
                    "tensor %s: its dimensions say %zu texts, its data hold %zu", label(t), count,
                    t->string_data.count);
        return LEAT_OK;
    }
    if (t->raw_data.size) {
        LEATI_CHECK(c, t->raw_data.size == bytes, LEAT_FORMAT,
                    "tensor %s: its dimensions say %zu elements of %s, %zu bytes; its data have "
                    "%zu bytes",
                    label(t), count, type, bytes, t->raw_data.size);
        return LEAT_OK;
    }
    size_t have = typed(t, &field)->count, want = typed_count(t->data_type, count);
    LEATI_CHECK(c, have == want, LEAT_FORMAT,
                "tensor %s: its dimensions say %zu elements of %s, its %s %zu numbers in place of "
                "%zu",
                label(t), count, type, have ? field : "data hold", have, want);
    return LEAT_OK;
}

void leati_onnx_normalise_bools(uint8_t *p, size_t count)
{
    for (size_t i = 0; i < count; i++) p[i] = p[i] != 0;
}

leat_status leati_onnx_tensor_read(leat_context *c, const leati_onnx_tensor *t, void *out,
                                   size_t bytes)
{
    const char *field;
    uint64_t bits;
    leati_pb_walk walk;
    LEATI_CHECK(c, t->data_type != LEATI_ONNX_STRING && !leati_onnx_tensor_is_external(t),
                LEAT_UNSUPPORTED, "tensor %s: its elements are not in place", label(t));
    if (t->raw_data.size) {
        LEATI_BUG_IF(c, t->raw_data.size != bytes);
        memcpy(out, t->raw_data.data, bytes);
    } else {
        const leati_pb_numbers *numbers = typed(t, &field);
        if (!numbers->count) {
            LEATI_BUG_IF(c, bytes != 0);
            return LEAT_OK;
        }
        /* Little-endian machines: the low bytes of a number come first. */
        size_t width = bytes / numbers->count;
        LEATI_BUG_IF(c, width == 0 || width > 8 || width * numbers->count != bytes);
        char *at = out;
        leati_pb_walk_begin(&walk, numbers);
        for (; leati_pb_walk_next(&walk, &bits); at += width) memcpy(at, &bits, width);
    }
    if (t->data_type == LEATI_ONNX_BOOL) leati_onnx_normalise_bools(out, bytes);
    return LEAT_OK;
}
