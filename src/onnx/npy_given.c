/* Owns: the elements of .npy files as those of inputs. Not: the format (tensor/npy.c). */
#include "onnx/npy_given.h"

#include <math.h>

#include "base/error.h"
#include "base/file.h"
#include "base/str.h"
#include "frame/foreign.h"
#include "io/encoding.h"
#include "model/onnx_describe.h"
#include "onnx/small_floats.h"

enum { EMPTY_MOST = 1 << 20 }; /* a file of a few bytes may announce any number */

typedef struct given {
    leati_arena *arena;
    const char *path;
    const leati_onnx_value_info *info;
    leati_foreign from;
    int32_t element;
    void *data;
} given;

static bool is_float(int32_t element)
{
    return element == LEATI_ONNX_FLOAT || element == LEATI_ONNX_DOUBLE ||
           element == LEATI_ONNX_FLOAT16 || element == LEATI_ONNX_BFLOAT16 ||
           leati_small_float_of(element);
}

static bool is_whole(int32_t element)
{
    unsigned bits = leati_onnx_element_bits(element);
    return bits > 0 && bits <= 64 && element != LEATI_ONNX_COMPLEX64 && !is_float(element);
}

/* False: a number becomes infinite or, where there is no infinity, another one. */
static bool put_float(given *g, size_t i, double v)
{
    const leati_small_float *small = leati_small_float_of(g->element);
    leati_oput(g->element, g->data, i, v);
    if (isnan(v)) return isnan(leati_oget(g->element, g->data, i));
    if (isinf(v)) return isinf(leati_oget(g->element, g->data, i));
    return small ? fabs(v) <= small->largest : !isinf(leati_oget(g->element, g->data, i));
}

/* False: the type does not have the number. */
static bool put_whole(given *g, size_t i, size_t at)
{
    bool wide = g->element == LEATI_ONNX_UINT64, real = leati_element_is_float(g->from.element);
    double v = leati_foreign_number(&g->from, at);
    int64_t w = 0;
    if (!real) w = leati_foreign_whole(&g->from, at);
    else if (v >= -0x1p63 && v < 0x1p63) w = (int64_t)v;
    if (real && v >= 0x1p63) {
        leati_oput(g->element, g->data, i, v);
        return wide && v < 0x1p64;
    }
    leati_oput_int(g->element, g->data, i, w);
    if (g->from.element == LEATI_EL_U64 && w < 0) return wide; /* from 2^63 on */
    return (!real || (double)w == v) && leati_oget_int(g->element, g->data, i) == w &&
           !(wide && w < 0);
}

static leat_status fail_element(const given *g, const leat_shape *shape, size_t i, size_t at)
{
    leat_shape place = *shape;
    for (int d = shape->rank; d-- > 0; i /= (size_t)shape->dim[d])
        place.dim[d] = (int64_t)(i % (size_t)shape->dim[d]);
    return LEATI_FAIL(g->arena->context, LEAT_TYPE,
                      "%s: element %s is %.17g, which is not among the values of %s that input "
                      "`%.60s` takes",
                      g->path, leati_shape_string(&place).text, leati_foreign_number(&g->from, at),
                      leati_onnx_element_word(g->element), g->info->name);
}

static leat_status put_all(given *g, const leat_shape *shape)
{
    bool whole = is_whole(g->element);
    for (size_t i = 0; i < g->from.count; i++) {
        size_t at = leati_foreign_position(&g->from, i);
        bool fits =
            whole ? put_whole(g, i, at) : put_float(g, i, leati_foreign_number(&g->from, at));
        if (!fits) return fail_element(g, shape, i, at);
    }
    return LEAT_OK;
}

/* Texts, as UTF-8 in the arena. */
static leat_status put_texts(given *g)
{
    leat_context *c = g->arena->context;
    leati_pb_bytes *to = g->data;
    leati_str text;
    leati_str_init(&text, c);
    leat_status st = LEAT_OK;
    for (size_t i = 0; st == LEAT_OK && i < g->from.count; i++) {
        leati_foreign_text(&g->from, leati_foreign_position(&g->from, i), &text);
        const char *copy = leati_arena_strndup(g->arena, leati_str_text(&text), text.length);
        to[i] = (leati_pb_bytes){copy, text.length};
        st = !copy ? leat_error_status(c) : leati_str_status(&text);
        if (st == LEAT_OK && !leati_utf8_valid(copy, text.length))
            st = LEATI_FAIL(c, LEAT_TYPE,
                            "%s: a text is no UTF-8, which input `%.60s` takes; save it as str",
                            g->path, g->info->name);
    }
    leati_str_fini(&text);
    return st;
}

static leat_status read_parsed(given *g, leati_otensor *out)
{
    leat_context *c = g->arena->context;
    bool texts = leati_element_is_text(g->from.element);
    LEATI_CHECK(c, texts == (g->element == LEATI_ONNX_STRING), LEAT_TYPE,
                "%s holds %s, input `%.60s` is of %s", g->path, texts ? "texts" : "numbers",
                g->info->name, texts ? "numbers" : "texts");
    LEATI_CHECK(c, g->from.width || g->from.count <= EMPTY_MOST, LEAT_LIMIT,
                "%s holds %zu empty texts, at most %d are taken", g->path, g->from.count,
                EMPTY_MOST);
    out->element = g->element;
    out->shape.rank = g->from.dims;
    for (int i = 0; i < g->from.dims; i++) out->shape.dim[i] = (int64_t)g->from.shape[i];
    out->data = g->data = leati_arena_calloc(g->arena, g->from.count ? g->from.count : 1,
                                             leati_oval_width(g->element));
    if (!g->data) return leat_error_status(c);
    return texts ? put_texts(g) : put_all(g, &out->shape);
}

static leat_status fail_type(leat_context *c, const leati_onnx_value_info *info)
{
    leati_str text;
    leati_str_init(&text, c);
    leati_onnx_type_text(&text, info->type);
    leat_status st = leati_str_status(&text);
    if (st == LEAT_OK)
        st = LEATI_FAIL(c, LEAT_UNSUPPORTED, "input `%.60s` is %s, which no .npy file holds",
                        info->name, leati_str_text(&text));
    leati_str_fini(&text);
    return st;
}

leat_status leati_npy_given(leati_arena *arena, const char *path, const leati_onnx_value_info *info,
                            leati_otensor *out)
{
    leati_bytes file;
    const leati_onnx_tensor_type *t = info->type ? info->type->tensor_type : NULL;
    given g = {
        .arena = arena, .path = path, .info = info, .element = t ? t->elem_type : LEATI_ONNX_FLOAT};
    *out = (leati_otensor){0};
    bool held = g.element == LEATI_ONNX_STRING || is_float(g.element) || is_whole(g.element);
    if (!held || (info->type && !t)) return fail_type(arena->context, info);
    LEATI_TRY(leati_file_read(arena->context, &file, path));
    leat_status st = leati_npy_parse(arena->context, &g.from, file.data, file.size, path);
    if (st == LEAT_OK) st = read_parsed(&g, out);
    leati_bytes_release(&file);
    return st;
}
