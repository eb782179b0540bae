/* Owns: sequences and optionals. */
#include <string.h>

#include "onnx/operators.h"

static leati_oval *new_sequence(leati_ocall *k, size_t count, int32_t element)
{
    leati_oval *v = leati_oval_new(k->run, LEATI_OVAL_SEQUENCE, element, LEAT_SCALAR, k->varying);
    if (!v) return NULL;
    v->count = count;
    v->items = leati_oalloc(k, count, sizeof *v->items);
    return v->items ? v : NULL;
}

static leat_status need_sequence(leati_ocall *k, size_t i)
{
    if (leati_ohas(k, i) && k->in[i]->kind == LEATI_OVAL_SEQUENCE) return LEAT_OK;
    return leati_ofail(k, LEAT_TYPE, "input %zu is no sequence", i + 1);
}

/* A place in a sequence of n, from the end when negative; `otherwise` when it is not given. */
static leat_status place(leati_ocall *k, size_t i, size_t n, int64_t otherwise, size_t *out)
{
    int64_t at = otherwise;
    if (leati_ohas(k, i)) LEATI_TRY(leati_oint(k, i, &at));
    if (at < 0) at += (int64_t)k->in[0]->count;
    if (at < 0 || at >= (int64_t)n)
        return leati_ofail(k, LEAT_INVALID, "place %lld of a sequence of %zu", (long long)at,
                           k->in[0]->count);
    *out = (size_t)at;
    return LEAT_OK;
}

leat_status leati_on_SequenceEmpty(leati_ocall *k)
{
    int32_t element = (int32_t)leati_oattr_int(k, "dtype", LEATI_ONNX_FLOAT);
    return leati_opass(k, 0, new_sequence(k, 0, element));
}

leat_status leati_on_SequenceConstruct(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, k->ins));
    leati_oval *v = new_sequence(k, k->ins, k->ins ? k->in[0]->element : 0);
    for (size_t i = 0; v && i < k->ins; i++) v->items[i] = k->in[i];
    return leati_opass(k, 0, v);
}

leat_status leati_on_SequenceAt(leati_ocall *k)
{
    size_t at;
    LEATI_TRY(need_sequence(k, 0));
    LEATI_TRY(place(k, 1, k->in[0]->count, 0, &at));
    return leati_opass(k, 0, k->in[0]->items[at]);
}

leat_status leati_on_SequenceLength(leati_ocall *k)
{
    void *out;
    LEATI_TRY(need_sequence(k, 0));
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_INT64, LEAT_SCALAR, &out));
    *(int64_t *)out = (int64_t)k->in[0]->count;
    k->out[0]->varying = k->in[0]->varying;
    return LEAT_OK;
}

leat_status leati_on_SequenceInsert(leati_ocall *k)
{
    size_t at, n;
    LEATI_TRY(need_sequence(k, 0));
    if (!leati_ohas(k, 1)) return leati_ofail(k, LEAT_FORMAT, "input 2 is missing");
    n = k->in[0]->count;
    LEATI_TRY(place(k, 2, n + 1, (int64_t)n, &at));
    leati_oval *v = new_sequence(k, n + 1, k->in[1]->element);
    for (size_t i = 0; v && i <= n; i++)
        v->items[i] = i == at ? k->in[1] : k->in[0]->items[i < at ? i : i - 1];
    return leati_opass(k, 0, v);
}

leat_status leati_on_SequenceErase(leati_ocall *k)
{
    size_t at, n;
    LEATI_TRY(need_sequence(k, 0));
    n = k->in[0]->count;
    LEATI_TRY(place(k, 1, n, -1, &at));
    leati_oval *v = new_sequence(k, n - 1, k->in[0]->element);
    for (size_t i = 0; v && i + 1 < n; i++) v->items[i] = k->in[0]->items[i < at ? i : i + 1];
    return leati_opass(k, 0, v);
}

leat_status leati_on_ConcatFromSequence(leati_ocall *k)
{
    LEATI_TRY(need_sequence(k, 0));
    const leati_oval *s = k->in[0];
    bool fresh = leati_oattr_int(k, "new_axis", 0);
    if (!s->count) return leati_ofail(k, LEAT_INVALID, "the sequence is empty");
    int rank = s->items[0]->shape.rank + fresh;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), rank);
    if (axis < 0) return LEAT_SHAPE;
    if (!fresh) return leati_opass(k, 0, leati_oconcat(k, s->count, s->items, axis));
    leati_oval **wide = leati_oalloc(k, s->count, sizeof *wide);
    leati_ocall step = *k;
    for (size_t i = 0; wide && i < s->count; i++) {
        leat_shape own = s->items[i]->shape, t = {.rank = own.rank + 1};
        for (int d = 0; d < t.rank && d < LEAT_MAX_RANK; d++)
            t.dim[d] = d == axis ? 1 : own.dim[d < axis ? d : d - 1];
        LEATI_TRY(leati_oreshape(&step, 0, s->items[i], t));
        wide[i] = step.out[0];
    }
    if (!wide) return LEAT_NOMEM;
    return leati_opass(k, 0, leati_oconcat(k, s->count, wide, axis));
}

leat_status leati_on_SplitToSequence(leati_ocall *k)
{
    const int64_t *sizes = NULL;
    size_t count = 0;
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape s = k->in[0]->shape;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), s.rank);
    bool keep = leati_oattr_int(k, "keepdims", 1) || leati_ohas(k, 1);
    if (axis < 0) return LEAT_SHAPE;
    int64_t dim = s.dim[axis], chunk = 1, from = 0;
    if (leati_ohas(k, 1)) {
        LEATI_TRY(leati_oints(k, 1, &sizes, &count));
        if (k->in[1]->shape.rank == 0) {
            chunk = sizes[0];
            sizes = NULL;
        }
    }
    if (chunk < 1) return leati_ofail(k, LEAT_INVALID, "pieces of %lld", (long long)chunk);
    if (chunk > dim) chunk = dim > 1 ? dim : 1;
    size_t pieces = sizes ? count : (size_t)((dim + chunk - 1) / chunk);
    leati_oval *v = new_sequence(k, pieces, k->in[0]->element);
    if (!v) return leat_error_status(k->context);
    int64_t start[LEAT_MAX_RANK] = {0}, n[LEAT_MAX_RANK], step[LEAT_MAX_RANK];
    for (int d = 0; d < s.rank; d++) n[d] = s.dim[d], step[d] = 1;
    leat_shape less = {0};
    for (int d = 0; d < s.rank; d++)
        if (d != axis) less.dim[less.rank++] = s.dim[d];
    leati_ocall inner = *k;
    for (size_t i = 0; i < pieces; i++) {
        n[axis] = sizes ? sizes[i] : dim - from < chunk ? dim - from : chunk;
        if (n[axis] < 0 || n[axis] > dim - from)
            return leati_ofail(k, LEAT_SHAPE, "the sizes do not add up to %lld", (long long)dim);
        start[axis] = from;
        v->items[i] = leati_oslice(k, k->in[0], start, n, step);
        if (!v->items[i]) return leat_error_status(k->context);
        if (!keep) {
            LEATI_TRY(leati_oreshape(&inner, 0, v->items[i], less));
            v->items[i] = inner.out[0];
        }
        from += n[axis];
    }
    return leati_opass(k, 0, v);
}

/* The body for every element; what is no sequence is the same for all. */
leat_status leati_on_SequenceMap(leati_ocall *k)
{
    const leati_onnx_graph *g = leati_oattr_graph(k, "body");
    LEATI_TRY(need_sequence(k, 0));
    size_t n = k->in[0]->count;
    if (!g) return leati_ofail(k, LEAT_FORMAT, "lacks its body");
    leati_oval **in = leati_oalloc(k, k->ins, sizeof *in);
    leati_oval **outs = leati_oalloc(k, g->output.count, sizeof *outs);
    leati_oval **lists = leati_oalloc(k, g->output.count, sizeof *lists);
    if (!in || !outs || !lists) return LEAT_NOMEM;
    for (size_t i = 0; i < g->output.count; i++)
        if (!(lists[i] = new_sequence(k, n, 0))) return leat_error_status(k->context);
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < k->ins; i++) {
            if (!k->in[i]) return leati_ofail(k, LEAT_FORMAT, "input %zu is missing", i + 1);
            bool each = k->in[i]->kind == LEATI_OVAL_SEQUENCE;
            if (each && k->in[i]->count != n)
                return leati_ofail(k, LEAT_SHAPE, "sequences differ in length");
            in[i] = each ? k->in[i]->items[t] : k->in[i];
        }
        LEATI_TRY(leati_osubgraph(k, "body", k->ins, in, outs));
        for (size_t i = 0; i < g->output.count; i++) {
            lists[i]->items[t] = outs[i];
            lists[i]->element = outs[i]->element;
        }
    }
    for (size_t i = 0; i < g->output.count && i < k->outs; i++)
        LEATI_TRY(leati_opass(k, i, lists[i]));
    return LEAT_OK;
}

/* ---- optionals: the value itself, or none
 * -------------------------------------------------------- */

leat_status leati_on_Optional(leati_ocall *k)
{
    if (leati_ohas(k, 0)) return leati_opass(k, 0, k->in[0]);
    return leati_opass(k, 0, leati_oval_new(k->run, LEATI_OVAL_NONE, 0, LEAT_SCALAR, k->varying));
}

leat_status leati_on_OptionalHasElement(leati_ocall *k)
{
    void *out;
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_BOOL, LEAT_SCALAR, &out));
    *(uint8_t *)out = leati_ohas(k, 0) && k->in[0]->kind != LEATI_OVAL_NONE;
    return LEAT_OK;
}

leat_status leati_on_OptionalGetElement(leati_ocall *k)
{
    if (!leati_ohas(k, 0) || k->in[0]->kind == LEATI_OVAL_NONE)
        return leati_ofail(k, LEAT_INVALID, "the optional is empty");
    return leati_opass(k, 0, k->in[0]);
}
