/* Owns: the elements of .npy files as those of inputs. Not: the format (tensor/npy.c). */
#include "onnx/npy_given.h"

#include <math.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/onnx_describe.h"
#include "onnx/small_floats.h"
#include "tensor/npy.h"

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

static leat_status read_parsed(given *g, leati_otensor *out)
{
    leat_context *c = g->arena->context;
    LEATI_CHECK(c, !leati_element_is_text(g->from.element), LEAT_TYPE,
                "%s holds texts, input `%.60s` is of numbers", g->path, g->info->name);
    out->element = g->element;
    out->shape.rank = g->from.dims;
    for (int i = 0; i < g->from.dims; i++) out->shape.dim[i] = (int64_t)g->from.shape[i];
    out->data = g->data = leati_arena_calloc(g->arena, g->from.count ? g->from.count : 1,
                                             leati_oval_width(g->element));
    return g->data ? put_all(g, &out->shape) : leat_error_status(c);
}

leat_status leati_npy_given(leati_arena *arena, const char *path, const leati_onnx_value_info *info,
                            leati_otensor *out)
{
    leat_context *c = arena->context;
    leati_bytes file;
    leat_dtype unused;
    const leati_onnx_tensor_type *t = info->type ? info->type->tensor_type : NULL;
    given g = {
        .arena = arena, .path = path, .info = info, .element = t ? t->elem_type : LEATI_ONNX_FLOAT};
    *out = (leati_otensor){0};
    LEATI_CHECK(c, leati_oval_dtype(g.element, &unused), LEAT_UNSUPPORTED,
                "input `%.60s` is not of numbers that .npy holds", info->name);
    LEATI_TRY(leati_file_read(c, &file, path));
    leat_status st = leati_npy_parse(c, &g.from, file.data, file.size, path);
    if (st == LEAT_OK) st = read_parsed(&g, out);
    leati_bytes_release(&file);
    return st;
}
