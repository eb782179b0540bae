/* Owns: conversions between types of elements. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/onnx_tensor.h"
#include "onnx/operators.h"
#include "onnx/small_floats.h"

static bool is_float(int32_t e)
{
    return e == LEATI_ONNX_FLOAT || e == LEATI_ONNX_DOUBLE || e == LEATI_ONNX_FLOAT16 ||
           e == LEATI_ONNX_BFLOAT16 || leati_small_float_of(e);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* "1.5", "-INF" and the like. */
static leat_status parse(leati_ocall *k, leati_pb_bytes text, double *out)
{
    /* blanks around it count nothing, as for Python and the runtimes */
    while (text.size && is_blank(text.data[0])) text.data++, text.size--;
    while (text.size && is_blank(text.data[text.size - 1])) text.size--;
    static const struct {
        const char *text;
        double value;
    } words[] = {{"NaN", (double)NAN},        {"nan", (double)NAN},
                 {"INF", (double)INFINITY},   {"+INF", (double)INFINITY},
                 {"inf", (double)INFINITY},   {"+inf", (double)INFINITY},
                 {"-INF", -(double)INFINITY}, {"-inf", -(double)INFINITY}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (text.size != strlen(words[i].text) || memcmp(text.data, words[i].text, text.size))
            continue;
        *out = words[i].value;
        return LEAT_OK;
    }
    if (text.size && leati_num_parse(text.data, text.size, out)) return LEAT_OK;
    return leati_ofail(k, LEAT_TYPE, "the text \"%.*s\" is no number",
                       (int)(text.size < 64 ? text.size : 64), text.size ? text.data : "");
}

/* The shortest text that gives the number back in its own type, as Python writes it. */
static int print_number(int32_t element, const void *data, size_t i, char *out, size_t room)
{
    if (element == LEATI_ONNX_BOOL)
        return snprintf(out, room, "%s", ((const uint8_t *)data)[i] ? "True" : "False");
    if (element == LEATI_ONNX_UINT64)
        return snprintf(out, room, "%llu", (unsigned long long)((const uint64_t *)data)[i]);
    if (!is_float(element))
        return snprintf(out, room, "%lld", (long long)leati_oget_int(element, data, i));
    double x = leati_oget(element, data, i);
    if (isnan(x)) return snprintf(out, room, "NaN");
    if (isinf(x)) return snprintf(out, room, x > 0 ? "INF" : "-INF");
    union {
        double any;
        char bytes[8];
    } back, own = {0};
    size_t width = leati_oval_width(element);
    memcpy(own.bytes, (const char *)data + i * width, width);
    int digits = 1;
    for (; digits < 17; digits++) {
        double y;
        size_t n = leati_num_dot(out, (size_t)snprintf(out, room, "%.*g", digits, x));
        back = own;
        if (leati_num_parse(out, n, &y)) leati_oput(element, &back, 0, y);
        if (!memcmp(back.bytes, own.bytes, width) && leati_num_parse(out, n, &y) &&
            leati_oget(element, &back, 0) == x)
            break;
    }
    double size = fabs(x);
    if (x != 0 && (size < 1e-4 || size >= 1e16))
        return (int)leati_num_dot(out, (size_t)snprintf(out, room, "%.*e", digits - 1, x));
    int decimals = digits - 1 - (x == 0 ? 0 : (int)floor(log10(size)));
    size_t n = (size_t)snprintf(out, room, "%.*f", decimals < 1 ? 1 : decimals, x);
    return (int)leati_num_dot(out, n);
}

static leat_status to_text(leati_ocall *k, const leati_oval *x, const void *from, size_t count,
                           leati_pb_bytes *to)
{
    char text[400];
    for (size_t i = 0; i < count; i++) {
        int n = print_number(x->element, from, i, text, sizeof text);
        to[i].data = leati_arena_strndup(&k->run->arena, text, (size_t)n);
        to[i].size = (size_t)n;
        if (!to[i].data) return LEAT_NOMEM;
    }
    return LEAT_OK;
}

/* To a power of two that E8M0 has: up, down or to the nearest. */
static double power_of_two(double x, const char *mode)
{
    int e;
    if (!(x > 0) || isinf(x) || !strcmp(mode, "nearest")) return x;
    double m = frexp(x, &e);
    return ldexp(1, m > 0.5 && !strcmp(mode, "up") ? e : e - 1);
}

static leat_status cast_host(leati_ocall *k, int32_t to)
{
    const leati_oval *x = k->in[0];
    const void *from;
    void *out;
    bool saturate = leati_oattr_int(k, "saturate", 1);
    const char *mode = leati_oattr_text(k, "round_mode", "up");
    LEATI_TRY(leati_ohost(k, 0, &from));
    LEATI_TRY(leati_onew(k, 0, to, x->shape, &out));
    size_t count = leati_shape_count(&x->shape);
    if (to == LEATI_ONNX_STRING && x->element == LEATI_ONNX_STRING) {
        memcpy(out, from, count * sizeof(leati_pb_bytes));
        return LEAT_OK;
    }
    if (to == LEATI_ONNX_STRING) return to_text(k, x, from, count, out);
    const leati_small_float *f = leati_small_float_of(to);
    bool whole = !is_float(x->element) && !is_float(to) && x->element != LEATI_ONNX_STRING;
    for (size_t i = 0; i < count; i++) {
        double value;
        if (whole) {
            leati_oput_int(to, out, i, leati_oget_int(x->element, from, i));
            continue;
        }
        if (x->element == LEATI_ONNX_STRING)
            LEATI_TRY(parse(k, ((const leati_pb_bytes *)from)[i], &value));
        else value = leati_oget(x->element, from, i);
        if (to == LEATI_ONNX_FLOAT8E8M0) value = power_of_two(value, mode);
        if (f) ((uint8_t *)out)[i] = leati_small_float_put(f, (float)value, saturate);
        else leati_oput(to, out, i, value);
    }
    return LEAT_OK;
}

static leat_status cast(leati_ocall *k, int32_t to)
{
    leat_dtype from_type, to_type;
    if (!leati_oval_width(to) || to == LEATI_ONNX_COMPLEX64 || to == LEATI_ONNX_COMPLEX128)
        return leati_ofail(k, LEAT_UNSUPPORTED, "conversion to type %d", (int)to);
    if (to == k->in[0]->element) return leati_opass(k, 0, k->in[0]);
    bool device = leati_oval_dtype(k->in[0]->element, &from_type) && leati_oval_dtype(to, &to_type);
    if (!device || leati_oprefers_host(k)) return cast_host(k, to);
    return leati_oset(k, 0, leat_cast(leati_oin(k, 0), to_type));
}

leat_status leati_on_Cast(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    return cast(k, (int32_t)leati_oattr_int(k, "to", 0));
}

leat_status leati_on_CastLike(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    leati_ocall one = *k;
    one.ins = 1;
    return cast(&one, k->in[1]->element);
}

leat_status leati_on_BitCast(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    int32_t to = (int32_t)leati_oattr_int(k, "to", 0), from = k->in[0]->element;
    const void *data;
    void *out;
    if (leati_onnx_element_bits(to) != leati_onnx_element_bits(from) ||
        !leati_onnx_element_bits(to))
        return leati_ofail(k, LEAT_TYPE, "the types differ in size");
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_onew(k, 0, to, k->in[0]->shape, &out));
    size_t bytes = leati_shape_count(&k->in[0]->shape) * leati_oval_width(to);
    if (bytes) memcpy(out, data, bytes);
    if (to == LEATI_ONNX_BOOL) leati_onnx_normalise_bools(out, bytes);
    if (leati_onnx_element_bits(to) < 8)
        for (size_t i = 0; i < bytes; i++) leati_oput_int(to, out, i, ((uint8_t *)out)[i]);
    return LEAT_OK;
}
