/* Owns: checking given and made shapes by what the file announces. */
#include "onnx/given.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "model/onnx_describe.h"
#include "tensor/shape.h"

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

/* ---- what a model makes -----------------------------------------------------------------------
 */

bool leati_inputs_fixed(const leati_omodel *m)
{
    for (size_t i = 0; i < leati_omodel_input_count(m); i++) {
        const leati_onnx_shape *s = announced(leati_omodel_input(m, i));
        for (size_t d = 0; s && d < s->dim.count; d++)
            if (!(s->dim.at[d].has & 1u << 1) || s->dim.at[d].dim_value < 1) return false;
        if (!s) return false;
    }
    return true;
}

static leat_status fail_made(leat_context *c, const leati_onnx_value_info *v,
                             const leati_oval *made, leat_status why)
{
    leati_str text;
    leati_str_init(&text, c);
    leati_onnx_type_text(&text, v->type);
    leat_status st = leati_str_status(&text);
    bool tensor = made->kind == LEATI_OVAL_TENSOR;
    if (st == LEAT_OK)
        st =
            LEATI_FAIL(c, why,
                       "output `%.60s` is announced as %s, but the model computes %s%s%s: the file "
                       "contradicts itself; correct the output's type in it, or export it anew",
                       v->name, leati_str_text(&text),
                       tensor ? leati_onnx_element_word(made->element) : "a sequence",
                       tensor ? " " : "", tensor ? leati_shape_string(&made->shape).text : "");
    leati_str_fini(&text);
    return st;
}

leat_status leati_made_check(leat_context *c, const leati_onnx_value_info *v,
                             const leati_oval *made, bool fixed)
{
    const leati_onnx_tensor_type *t = v->type ? v->type->tensor_type : NULL;
    if (!t || made->kind == LEATI_OVAL_NONE) return LEAT_OK;
    if (made->kind != LEATI_OVAL_TENSOR || (t->elem_type && t->elem_type != made->element))
        return fail_made(c, v, made, LEAT_TYPE);
    /* No dimensions: of outputs many files say that where they mean any. */
    if (!fixed || !t->shape || !t->shape->dim.count || fits(t->shape, &made->shape)) return LEAT_OK;
    return fail_made(c, v, made, LEAT_SHAPE);
}
