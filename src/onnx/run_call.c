/* Owns: what operators see of a node: inputs, outputs, attributes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "onnx/run.h"

leat_status leati_ofail(leati_ocall *k, leat_status st, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return LEATI_FAIL(k->context, st, "%s", text);
}

void *leati_oalloc(leati_ocall *k, size_t count, size_t size)
{
    return leati_arena_calloc(&k->run->arena, count ? count : 1, size);
}

/* ---- inputs --------------------------------------------------------------------------------- */

leat_status leati_oneed(leati_ocall *k, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!leati_ohas(k, i)) return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 1);
        if (k->in[i]->kind != LEATI_OVAL_TENSOR)
            return leati_ofail(k, LEAT_TYPE, "input %zu is no tensor", i + 1);
    }
    return LEAT_OK;
}

bool leati_oall_known(const leati_ocall *k)
{
    for (size_t i = 0; i < k->ins; i++)
        if (k->in[i] && !leati_oval_known(k->in[i])) return false;
    return true;
}

leat_tensor *leati_oin(leati_ocall *k, size_t i)
{
    if (!leati_ohas(k, i)) {
        (void)leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 1);
        return NULL;
    }
    return leati_oval_tensor(k->run, k->in[i]);
}

leat_status leati_ohost(leati_ocall *k, size_t i, const void **out)
{
    if (!leati_ohas(k, i)) return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 1);
    if (k->in[i]->kind != LEATI_OVAL_TENSOR)
        return leati_ofail(k, LEAT_TYPE, "input %zu is no tensor", i + 1);
    return leati_oval_host(k->run, k->in[i], out);
}

leat_status leati_oints(leati_ocall *k, size_t i, const int64_t **out, size_t *count)
{
    const void *data;
    LEATI_TRY(leati_ohost(k, i, &data));
    *count = leati_shape_count(&k->in[i]->shape);
    if (k->in[i]->element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "input %zu holds texts, numbers are needed", i + 1);
    int64_t *list = leati_oalloc(k, *count, sizeof *list);
    if (!list) return LEAT_NOMEM;
    for (size_t j = 0; j < *count; j++) list[j] = leati_oget_int(k->in[i]->element, data, j);
    *out = list;
    return LEAT_OK;
}

leat_status leati_oint(leati_ocall *k, size_t i, int64_t *out)
{
    const int64_t *list;
    size_t count;
    LEATI_TRY(leati_oints(k, i, &list, &count));
    if (count != 1)
        return leati_ofail(k, LEAT_SHAPE, "input %zu has %zu elements, one is needed", i + 1,
                           count);
    *out = list[0];
    return LEAT_OK;
}

leat_status leati_of64(leati_ocall *k, size_t i, double **out)
{
    const void *data;
    LEATI_TRY(leati_ohost(k, i, &data));
    if (k->in[i]->element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "input %zu holds texts, numbers are needed", i + 1);
    size_t count = leati_shape_count(&k->in[i]->shape);
    *out = leati_oalloc(k, count, sizeof **out);
    if (!*out) return LEAT_NOMEM;
    for (size_t j = 0; j < count; j++) (*out)[j] = leati_oget(k->in[i]->element, data, j);
    return LEAT_OK;
}

leat_status leati_onumber(leati_ocall *k, size_t i, double *out)
{
    double *list;
    LEATI_TRY(leati_of64(k, i, &list));
    if (leati_shape_count(&k->in[i]->shape) != 1)
        return leati_ofail(k, LEAT_SHAPE, "input %zu must have one element", i + 1);
    *out = list[0];
    return LEAT_OK;
}

/* ---- outputs -------------------------------------------------------------------------------- */

static leat_status room(leati_ocall *k, size_t i)
{
    /* Operators give all they have; a node may want less. */
    return i < k->outs ? LEAT_OK : leati_ofail(k, LEAT_FORMAT, "output %zu is missing", i + 1);
}

leat_status leati_opass(leati_ocall *k, size_t i, leati_oval *v)
{
    if (!v) return leat_error_status(k->context);
    LEATI_TRY(room(k, i));
    k->out[i] = v;
    return LEAT_OK;
}

leat_status leati_oset(leati_ocall *k, size_t i, leat_tensor *x)
{
    if (!x) {
        leat_status st = leat_error_status(k->context);
        return st != LEAT_OK ? st : leati_ofail(k, LEAT_INTERNAL, "a fault of Leat: no result");
    }
    LEATI_TRY(room(k, i));
    leati_oval *v =
        leati_oval_new(k->run, LEATI_OVAL_TENSOR, leati_oval_element(leat_tensor_dtype(x)),
                       leat_tensor_shape(x), k->varying);
    if (!v) return LEAT_NOMEM;
    v->tensor = x;
    k->out[i] = v;
    return LEAT_OK;
}

leat_status leati_onew(leati_ocall *k, size_t i, int32_t element, leat_shape shape, void **data)
{
    LEATI_TRY(room(k, i));
    leati_oval *v = leati_oval_of_host(k->run, element, shape, data);
    if (!v) return leat_error_status(k->context);
    v->varying = k->varying;
    k->out[i] = v;
    return LEAT_OK;
}

leat_status leati_oset_f64(leati_ocall *k, size_t i, int32_t element, leat_shape shape,
                           const double *data)
{
    void *out;
    LEATI_TRY(leati_onew(k, i, element, shape, &out));
    size_t count = leati_shape_count(&shape);
    for (size_t j = 0; j < count; j++) leati_oput(element, out, j, data[j]);
    return LEAT_OK;
}

/* ---- attributes ----------------------------------------------------------------------------- */

static const char *fallback(const leati_ocall *k, const char *name)
{
    const leati_onnx_op_attribute *row = k->op ? leati_onnx_op_attribute_find(k->op, name) : NULL;
    return row ? row->fallback : NULL;
}

bool leati_oattr_has(const leati_ocall *k, const char *name)
{
    return leati_onnx_attribute_find(k->node, name) != NULL;
}

int64_t leati_oattr_int(const leati_ocall *k, const char *name, int64_t otherwise)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, name);
    const char *text = fallback(k, name);
    int64_t value;
    if (a) return a->i;
    return text && leati_int_parse(text, strlen(text), &value) ? value : otherwise;
}

double leati_oattr_float(const leati_ocall *k, const char *name, double otherwise)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, name);
    const char *text = fallback(k, name);
    double value;
    if (a) return (double)a->f;
    return text && leati_num_parse(text, strlen(text), &value) ? (double)(float)value : otherwise;
}

const char *leati_oattr_text(leati_ocall *k, const char *name, const char *otherwise)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, name);
    const char *own = fallback(k, name);
    if (!a) return own ? own : otherwise;
    const char *copy = leati_arena_strndup(&k->run->arena, a->s.size ? a->s.data : "", a->s.size);
    return copy ? copy : "";
}

const int64_t *leati_oattr_ints(const leati_ocall *k, const char *name, size_t *count)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, name);
    *count = a ? a->ints.count : 0;
    return a ? a->ints.at : NULL;
}

const leati_onnx_graph *leati_oattr_graph(const leati_ocall *k, const char *name)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, name);
    return a ? a->g : NULL;
}

int leati_oaxis(leati_ocall *k, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank) return (int)(axis < 0 ? axis + rank : axis);
    (void)leati_ofail(k, LEAT_SHAPE, "axis %lld of a tensor of %d dimensions", (long long)axis,
                      rank);
    return -1;
}

leat_status leati_oaxes(leati_ocall *k, const int64_t *axes, size_t count, int rank, int *out)
{
    unsigned seen = 0;
    if (count > (size_t)rank)
        return leati_ofail(k, LEAT_SHAPE, "%zu axes of a tensor of %d dimensions", count, rank);
    for (size_t i = 0; i < count; i++) {
        out[i] = leati_oaxis(k, axes[i], rank);
        if (out[i] < 0) return LEAT_SHAPE;
        if (seen >> out[i] & 1)
            return leati_ofail(k, LEAT_SHAPE, "axis %lld is named twice", (long long)axes[i]);
        seen |= 1u << out[i];
    }
    return LEAT_OK;
}
