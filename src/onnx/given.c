/* Owns: checking given shapes by what the file announces. */
#include "onnx/given.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "model/onnx_describe.h"

static const leati_onnx_shape *announced(const leati_onnx_value_info *v)
{
    return v->type && v->type->tensor_type ? v->type->tensor_type->shape : NULL;
}

static bool fits(const leati_onnx_shape *want, const leat_shape *have)
{
    /* A scalar is often saved as an array of one element. */
    if (want->dim.count == 0) return leati_shape_count(have) == 1;
    if (want->dim.count != (size_t)have->rank) return false;
    for (int d = 0; d < have->rank; d++) {
        const leati_onnx_dim *dim = &want->dim.at[d];
        bool fixed = dim->has & 1u << 1 && dim->dim_value > 0;
        if (fixed && dim->dim_value != have->dim[d]) return false;
    }
    return true;
}

static leat_status fail_shape(leat_context *c, const leati_onnx_value_info *v,
                              const leat_shape *have)
{
    leati_str text;
    leati_str_init(&text, c);
    leati_onnx_type_text(&text, v->type);
    leat_status st = leati_str_status(&text);
    if (st == LEAT_OK)
        st = LEATI_FAIL(c, LEAT_SHAPE,
                        "input `%.60s` is announced as %s, it was given %s; give it that shape, or "
                        "export the model with the dimension left free",
                        v->name, leati_str_text(&text), leati_shape_string(have).text);
    leati_str_fini(&text);
    return st;
}

/* "batch" yes; "", "?" and "None", which say of any number of dimensions that they are free: no. */
static bool is_name(const char *param)
{
    return (isalpha((unsigned char)*param) || *param == '_') && strcmp(param, "None") != 0;
}

/* Dimension `d` of input `i` beside the first one of its name. */
static leat_status check_name(leat_context *c, const leati_omodel *m, const leati_otensor *in,
                              size_t i, int d, const char *name)
{
    for (size_t k = 0; k <= i; k++) {
        const leati_onnx_value_info *v = leati_omodel_input(m, k);
        const leati_onnx_shape *shape = announced(v);
        for (int e = 0; shape && e < in[k].shape.rank && (size_t)e < shape->dim.count; e++) {
            int64_t first = in[k].shape.dim[e], second = in[i].shape.dim[d];
            if (strcmp(shape->dim.at[e].dim_param, name) != 0) continue;
            LEATI_CHECK(c, first == second, LEAT_SHAPE,
                        "dimension %d of input `%.60s` and dimension %d of input `%.60s` are both "
                        "called %.40s, but they are given %" PRId64 " and %" PRId64,
                        e, v->name, d, leati_omodel_input(m, i)->name, name, first, second);
            return LEAT_OK;
        }
    }
    return LEAT_OK;
}

leat_status leati_given_check(leat_context *c, const leati_omodel *m, const leati_otensor *in)
{
    size_t count = leati_omodel_input_count(m);
    for (size_t i = 0; i < count; i++) {
        const leati_onnx_shape *want = announced(leati_omodel_input(m, i));
        if (!want) continue;
        if (!fits(want, &in[i].shape)) return fail_shape(c, leati_omodel_input(m, i), &in[i].shape);
        for (int d = 0; d < in[i].shape.rank && (size_t)d < want->dim.count; d++)
            if (is_name(want->dim.at[d].dim_param))
                LEATI_TRY(check_name(c, m, in, i, d, want->dim.at[d].dim_param));
    }
    return LEAT_OK;
}
