/* Owns: operators that move elements: shapes, slices, joins, repetition, padding. */
#include <string.h>

#include "base/mem.h"
#include "onnx/operators.h"

enum { SMALL = 1024 }; /* elements that the host handles faster than a plan is made */

bool leati_oprefers_host(const leati_ocall *k)
{
    for (size_t i = 0; i < k->ins; i++) {
        leat_dtype dtype;
        const leati_oval *v = k->in[i];
        if (!v || v->kind != LEATI_OVAL_TENSOR) continue;
        if (!leati_oval_dtype(v->element, &dtype)) return true;
        if (!leati_oval_known(v) || leati_shape_count(&v->shape) > SMALL) return false;
    }
    return true;
}

bool leati_oneeds_graph(const leati_ocall *k, size_t count)
{
    bool known = true;
    for (size_t i = 0; i < count && i < k->ins; i++) {
        leat_dtype dtype;
        if (!k->in[i]) continue;
        if (k->in[i]->kind != LEATI_OVAL_TENSOR || !leati_oval_dtype(k->in[i]->element, &dtype))
            return false;
        known &= leati_oval_known(k->in[i]);
    }
    return !known;
}

leat_tensor *leati_odata(leati_ocall *k, leat_dtype dtype, leat_shape shape, const void *data)
{
    return k->run->in_body ? leat_constant(k->graph, dtype, shape, data)
                           : leat_input(k->graph, dtype, shape, data);
}

leati_oval *leati_oval_of_tensor(leati_ocall *k, leat_tensor *x, bool varying)
{
    if (!x) return NULL;
    leati_oval *v =
        leati_oval_new(k->run, LEATI_OVAL_TENSOR, leati_oval_element(leat_tensor_dtype(x)),
                       leat_tensor_shape(x), varying);
    if (v) v->tensor = x;
    return v;
}

/* ---- shape ---------------------------------------------------------------------------------- */

leati_oval *leati_oval_ints(leati_ocall *k, const int64_t *list, size_t count)
{
    void *data;
    leati_oval *v = leati_oval_of_host(k->run, LEATI_ONNX_INT64,
                                       leat_shape_make(1, (int64_t[]){(int64_t)count}), &data);
    if (v && count) memcpy(data, list, count * sizeof *list);
    return v;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

leat_status leati_on_Shape(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    const leat_shape *s = &k->in[0]->shape;
    int64_t start = leati_oattr_int(k, "start", 0), end = leati_oattr_int(k, "end", s->rank);
    start = clamp(start < 0 ? start + s->rank : start, 0, s->rank);
    end = clamp(end < 0 ? end + s->rank : end, 0, s->rank);
    size_t count = end > start ? (size_t)(end - start) : 0;
    return leati_opass(k, 0, leati_oval_ints(k, s->dim + start, count));
}

leat_status leati_on_Size(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    void *data;
    leati_oval *v = leati_oval_of_host(k->run, LEATI_ONNX_INT64, LEAT_SCALAR, &data);
    if (v) *(int64_t *)data = (int64_t)leati_shape_count(&k->in[0]->shape);
    return leati_opass(k, 0, v);
}

leat_status leati_on_Identity(leati_ocall *k)
{
    return k->ins && k->in[0] ? leati_opass(k, 0, k->in[0])
                              : leati_ofail(k, LEAT_FORMAT, "input 1 is missing");
}

leat_status leati_oreshape(leati_ocall *k, size_t i, leati_oval *x, leat_shape shape)
{
    if (shape.rank < 0 || shape.rank > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    LEATI_TRY(leati_oval_check(k->context, &shape, x->element));
    if (leati_shape_count(&shape) != leati_shape_count(&x->shape))
        return leati_ofail(k, LEAT_SHAPE, "shape %s cannot become %s",
                           leati_shape_string(&x->shape).text, leati_shape_string(&shape).text);
    if (x->tensor && !x->host) {
        LEATI_TRY(leati_oset(k, i, leat_reshape(x->tensor, shape)));
        k->out[i]->varying = x->varying;
        return LEAT_OK;
    }
    const void *data;
    LEATI_TRY(leati_oval_host(k->run, x, &data));
    leati_oval *v = leati_oval_new(k->run, LEATI_OVAL_TENSOR, x->element, shape, x->varying);
    if (v) v->host = data;
    return leati_opass(k, i, v);
}

leat_status leati_on_Reshape(leati_ocall *k)
{
    const int64_t *want;
    size_t count;
    LEATI_TRY(leati_oneed(k, 1));
    if (k->version < 5) want = leati_oattr_ints(k, "shape", &count);
    else LEATI_TRY(leati_oints(k, 1, &want, &count));
    leat_shape s = {.rank = (int32_t)count}, from = k->in[0]->shape;
    bool zero_is_zero = leati_oattr_int(k, "allowzero", 0);
    int open = -1;
    size_t rest = 1;
    if (count > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    for (int i = 0; i < s.rank; i++) {
        s.dim[i] = want[i];
        if (want[i] == 0 && !zero_is_zero) s.dim[i] = i < from.rank ? from.dim[i] : 0;
        if (want[i] == -1 && open >= 0)
            return leati_ofail(k, LEAT_SHAPE,
                               "dimensions %d and %d are both -1: only one can be what is left",
                               open + 1, i + 1);
        if (want[i] == -1) open = i;
        else if (s.dim[i] < 0 || leati_mul_overflows(rest, (size_t)s.dim[i], &rest))
            return leati_ofail(k, LEAT_SHAPE, "a dimension of %lld", (long long)want[i]);
    }
    if (open >= 0) s.dim[open] = rest ? (int64_t)(leati_shape_count(&from) / rest) : 0;
    return leati_oreshape(k, 0, k->in[0], s);
}

leat_status leati_on_Flatten(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape from = k->in[0]->shape, s = {.rank = 2, .dim = {1, 1}};
    int64_t axis = leati_oattr_int(k, "axis", 1);
    if (axis < -from.rank || axis > from.rank)
        return leati_ofail(k, LEAT_SHAPE, "axis %lld of %d dimensions", (long long)axis, from.rank);
    if (axis < 0) axis += from.rank;
    for (int i = 0; i < from.rank; i++) s.dim[i >= axis] *= from.dim[i];
    return leati_oreshape(k, 0, k->in[0], s);
}

/* Axes from input 1 or, in older versions, an attribute; none: NULL. */
static leat_status axes_of(leati_ocall *k, const int64_t **axes, size_t *count)
{
    *axes = leati_oattr_ints(k, "axes", count);
    return leati_ohas(k, 1) ? leati_oints(k, 1, axes, count) : LEAT_OK;
}

leat_status leati_on_Squeeze(leati_ocall *k)
{
    const int64_t *list;
    size_t count;
    int axes[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(axes_of(k, &list, &count));
    leat_shape from = k->in[0]->shape, s = {0};
    LEATI_TRY(leati_oaxes(k, list, count, from.rank, axes));
    bool all = !leati_ohas(k, 1) && !leati_oattr_has(k, "axes");
    for (int i = 0; i < from.rank; i++) {
        bool drop = all && from.dim[i] == 1;
        for (size_t j = 0; j < count; j++) drop |= axes[j] == i;
        if (drop && from.dim[i] != 1)
            return leati_ofail(k, LEAT_SHAPE, "axis %d of %s is not 1", i,
                               leati_shape_string(&from).text);
        if (!drop) s.dim[s.rank++] = from.dim[i];
    }
    return leati_oreshape(k, 0, k->in[0], s);
}

leat_status leati_on_Unsqueeze(leati_ocall *k)
{
    const int64_t *list;
    size_t count;
    int axes[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(axes_of(k, &list, &count));
    leat_shape from = k->in[0]->shape, s = {.rank = from.rank + (int)count};
    if (count > LEAT_MAX_RANK || s.rank > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    LEATI_TRY(leati_oaxes(k, list, count, s.rank, axes));
    for (size_t j = 0; j < count; j++) s.dim[axes[j]] = -1;
    for (int i = 0, next = 0; i < s.rank; i++) s.dim[i] = s.dim[i] < 0 ? 1 : from.dim[next++];
    return leati_oreshape(k, 0, k->in[0], s);
}

/* ---- views: a box of elements with strides -----------------------------------------------------
 */

/* Output `shape` whose element at `at` is that at base + sum at[i] strides[i] of x. */
static leati_oval *view(leati_ocall *k, leati_oval *x, leat_shape shape, int64_t base,
                        const int64_t *strides)
{
    const void *from;
    void *to;
    int64_t dense[LEAT_MAX_RANK];
    size_t width = leati_oval_width(x->element);
    if (leati_oval_host(k->run, x, &from) != LEAT_OK) return NULL;
    leati_oval *v = leati_oval_of_host(k->run, x->element, shape, &to);
    if (!v) return NULL;
    v->varying = x->varying;
    leati_ostrides(&shape, dense);
    if (leati_shape_count(&shape))
        leati_ocopy(shape.rank, shape.dim, width, (const char *)from + base * (int64_t)width,
                    strides, to, dense);
    return v;
}

/* The same in the graph. */
static leati_oval *slice_tensor(leati_ocall *k, leati_oval *x, const int64_t *start,
                                const int64_t *count, const int64_t *step)
{
    int axes[LEAT_MAX_RANK];
    int64_t from[LEAT_MAX_RANK], to[LEAT_MAX_RANK], by[LEAT_MAX_RANK];
    size_t n = 0;
    for (int i = 0; i < x->shape.rank; i++) {
        if (start[i] == 0 && count[i] == x->shape.dim[i] && step[i] == 1) continue;
        int64_t end = count[i] ? start[i] + (count[i] - 1) * step[i] + (step[i] > 0 ? 1 : -1) : 0;
        axes[n] = i;
        from[n] = count[i] ? start[i] : 0;
        to[n] = count[i] && end < 0 ? LEAT_BEGIN : end;
        by[n++] = count[i] ? step[i] : 1;
    }
    if (!n) return x;
    return leati_oval_of_tensor(k, leat_slice(x->tensor, n, axes, from, to, by), x->varying);
}

leati_oval *leati_oslice(leati_ocall *k, leati_oval *x, const int64_t *start, const int64_t *count,
                         const int64_t *step)
{
    if (!leati_oval_known(x)) return slice_tensor(k, x, start, count, step);
    int64_t strides[LEAT_MAX_RANK], base = 0;
    leat_shape s = {.rank = x->shape.rank};
    leati_ostrides(&x->shape, strides);
    for (int i = 0; i < s.rank; i++) {
        base += start[i] * strides[i];
        strides[i] *= step[i];
        s.dim[i] = count[i];
    }
    return view(k, x, s, base, strides);
}

leat_status leati_on_Transpose(leati_ocall *k)
{
    size_t count;
    const int64_t *perm = leati_oattr_ints(k, "perm", &count);
    int order[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape from = k->in[0]->shape, s = from;
    if (count && count != (size_t)from.rank)
        return leati_ofail(k, LEAT_SHAPE, "perm has %zu entries for %d dimensions", count,
                           from.rank);
    LEATI_TRY(leati_oaxes(k, perm, count, from.rank, order));
    if (!count)
        for (int i = 0; i < from.rank; i++) order[i] = from.rank - 1 - i;
    if (!leati_oprefers_host(k)) return leati_oset(k, 0, leat_transpose(leati_oin(k, 0), order));
    int64_t strides[LEAT_MAX_RANK], moved[LEAT_MAX_RANK];
    leati_ostrides(&from, strides);
    for (int i = 0; i < s.rank; i++) s.dim[i] = from.dim[order[i]], moved[i] = strides[order[i]];
    return leati_opass(k, 0, view(k, k->in[0], s, 0, moved));
}

static leat_status expand(leati_ocall *k, leat_shape want)
{
    leat_shape s;
    int64_t strides[LEAT_MAX_RANK];
    if (!leati_shape_broadcast(&k->in[0]->shape, &want, &s))
        return leati_ofail(k, LEAT_SHAPE, "shape %s does not broadcast to %s",
                           leati_shape_string(&k->in[0]->shape).text,
                           leati_shape_string(&want).text);
    LEATI_TRY(leati_oval_check(k->context, &s, k->in[0]->element));
    if (!leati_oprefers_host(k) || leati_shape_count(&s) > SMALL) {
        leat_dtype dtype;
        if (leati_oval_dtype(k->in[0]->element, &dtype))
            return leati_oset(k, 0, leat_expand(leati_oin(k, 0), s));
    }
    leati_broadcast_strides(&k->in[0]->shape, &s, strides);
    return leati_opass(k, 0, view(k, k->in[0], s, 0, strides));
}

leat_status leati_on_Expand(leati_ocall *k)
{
    const int64_t *want;
    size_t count;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_oints(k, 1, &want, &count));
    if (count > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    leat_shape s = leat_shape_make((int)count, want);
    LEATI_TRY(leati_oval_check(k->context, &s, k->in[0]->element));
    return expand(k, s);
}

leat_status leati_on_Tile(leati_ocall *k)
{
    const int64_t *times;
    size_t count;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape from = k->in[0]->shape, wide = {0}, s = from;
    if (k->version < 6) {
        int64_t tiles, axis, *list = leati_oalloc(k, LEAT_MAX_RANK, sizeof *list);
        if (!list) return LEAT_NOMEM;
        LEATI_TRY(leati_oint(k, 1, &tiles));
        LEATI_TRY(leati_oint(k, 2, &axis));
        int a = leati_oaxis(k, axis, from.rank);
        if (a < 0) return LEAT_SHAPE;
        for (int i = 0; i < from.rank; i++) list[i] = i == a ? tiles : 1;
        times = list;
    } else {
        LEATI_TRY(leati_oints(k, 1, &times, &count));
        if (count != (size_t)from.rank)
            return leati_ofail(k, LEAT_SHAPE, "%zu repeats for %d dimensions", count, from.rank);
    }
    for (int i = 0; i < from.rank; i++) {
        if (times[i] < 0 || __builtin_mul_overflow(from.dim[i], times[i], &s.dim[i]))
            return leati_ofail(k, LEAT_SHAPE, "%lld repeats", (long long)times[i]);
    }
    LEATI_TRY(leati_oval_check(k->context, &s, k->in[0]->element));
    /* Axis by axis: (outer, 1, axis and inner) expanded to (outer, times, axis and inner). */
    leati_oval *x = k->in[0];
    leati_ocall step = *k;
    for (int i = 0; i < from.rank; i++) {
        if (times[i] == 1) continue;
        leat_shape flat = {.rank = 3, .dim = {1, 1, 1}}, next = x->shape;
        for (int j = 0; j < from.rank; j++) flat.dim[j < i ? 0 : 2] *= x->shape.dim[j];
        next.dim[i] *= times[i];
        wide = flat;
        wide.dim[1] = times[i];
        step.in = &x, step.ins = 1;
        LEATI_TRY(leati_oreshape(&step, 0, x, flat));
        leati_oval *y = step.out[0];
        step.in = &y;
        LEATI_TRY(expand(&step, wide));
        LEATI_TRY(leati_oreshape(&step, 0, step.out[0], next));
        x = step.out[0];
    }
    return leati_opass(k, 0, x);
}

/* ---- slices --------------------------------------------------------------------------------- */

leat_status leati_on_Slice(leati_ocall *k)
{
    const int64_t *starts, *ends, *axes = NULL, *steps = NULL;
    size_t count, ends_count, axes_count = 0, steps_count = 0;
    int where[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 1));
    if (k->version < 10) {
        starts = leati_oattr_ints(k, "starts", &count);
        ends = leati_oattr_ints(k, "ends", &ends_count);
        axes = leati_oattr_ints(k, "axes", &axes_count);
    } else {
        LEATI_TRY(leati_oints(k, 1, &starts, &count));
        LEATI_TRY(leati_oints(k, 2, &ends, &ends_count));
        if (leati_ohas(k, 3)) LEATI_TRY(leati_oints(k, 3, &axes, &axes_count));
        if (leati_ohas(k, 4)) LEATI_TRY(leati_oints(k, 4, &steps, &steps_count));
    }
    leat_shape from = k->in[0]->shape;
    if (ends_count != count || (axes && axes_count != count) || (steps && steps_count != count) ||
        count > (size_t)from.rank)
        return leati_ofail(k, LEAT_SHAPE, "starts, ends, axes and steps differ in length");
    LEATI_TRY(leati_oaxes(k, axes, axes_count, from.rank, where));
    int64_t start[LEAT_MAX_RANK] = {0}, n[LEAT_MAX_RANK], step[LEAT_MAX_RANK];
    for (int i = 0; i < from.rank; i++) n[i] = from.dim[i], step[i] = 1;
    for (size_t j = 0; j < count; j++) {
        int i = axes ? where[j] : (int)j;
        int64_t dim = from.dim[i], by = steps ? steps[j] : 1, a = starts[j], b = ends[j];
        if (by == 0 || by == INT64_MIN) return leati_ofail(k, LEAT_INVALID, "a step of 0");
        a = a < 0 ? a + dim : a;
        b = b < 0 ? (b < -dim ? -1 : b + dim) : b;
        a = by > 0 ? clamp(a, 0, dim) : clamp(a, 0, dim - 1);
        b = by > 0 ? clamp(b, 0, dim) : clamp(b, -1, dim);
        n[i] = by > 0 ? (b > a ? (b - a - 1) / by + 1 : 0) : (a > b ? (a - b - 1) / -by + 1 : 0);
        if (dim == 0) n[i] = 0;
        step[i] = n[i] > 1 ? by : 1; /* one step may be as long as it likes */
        start[i] = n[i] ? a : 0;
    }
    return leati_opass(k, 0, leati_oslice(k, k->in[0], start, n, step));
}

leat_status leati_on_Split(leati_ocall *k)
{
    const int64_t *sizes;
    size_t count, pieces = k->node->output.count;
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape from = k->in[0]->shape;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), from.rank);
    if (axis < 0) return LEAT_SHAPE;
    if (!pieces) return leati_ofail(k, LEAT_FORMAT, "it has no output");
    sizes = leati_oattr_ints(k, "split", &count);
    if (leati_ohas(k, 1)) LEATI_TRY(leati_oints(k, 1, &sizes, &count));
    int64_t start[LEAT_MAX_RANK] = {0}, n[LEAT_MAX_RANK], step[LEAT_MAX_RANK], dim = from.dim[axis];
    int64_t chunk = (dim + (int64_t)pieces - 1) / (int64_t)pieces;
    if (count && count != pieces)
        return leati_ofail(k, LEAT_SHAPE, "%zu sizes for %zu outputs", count, pieces);
    for (int i = 0; i < from.rank; i++) n[i] = from.dim[i], step[i] = 1;
    for (size_t j = 0; j < pieces; j++) {
        int64_t left = dim - start[axis];
        n[axis] = count ? sizes[j] : chunk < left ? chunk : left;
        if (n[axis] < 0 || n[axis] > left)
            return leati_ofail(k, LEAT_SHAPE, "the sizes do not add up to %lld", (long long)dim);
        LEATI_TRY(leati_opass(k, j, leati_oslice(k, k->in[0], start, n, step)));
        start[axis] += n[axis];
    }
    return LEAT_OK;
}

/* ---- joins ---------------------------------------------------------------------------------- */

leati_oval *leati_oconcat(leati_ocall *k, size_t count, leati_oval *const *x, int axis)
{
    leat_shape s = x[0]->shape;
    bool varying = false;
    s.dim[axis] = 0;
    for (size_t i = 0; i < count; i++) {
        const leat_shape *t = &x[i]->shape;
        bool fits =
            x[i]->kind == LEATI_OVAL_TENSOR && t->rank == s.rank && x[i]->element == x[0]->element;
        for (int d = 0; d < s.rank && fits; d++) fits = d == axis || t->dim[d] == s.dim[d];
        if (!fits || __builtin_add_overflow(s.dim[axis], t->dim[axis], &s.dim[axis])) {
            (void)leati_ofail(k, LEAT_SHAPE, "input %zu of shape %s does not fit beside %s", i + 1,
                              leati_shape_string(t).text, leati_shape_string(&x[0]->shape).text);
            return NULL;
        }
        varying |= x[i]->varying;
    }
    leat_dtype dtype;
    bool known = true;
    for (size_t i = 0; i < count; i++) known &= leati_oval_known(x[i]);
    if (!known && leati_oval_dtype(x[0]->element, &dtype)) {
        leat_tensor **parts = leati_oalloc(k, count, sizeof *parts);
        for (size_t i = 0; parts && i < count; i++) parts[i] = leati_oval_tensor(k->run, x[i]);
        return parts ? leati_oval_of_tensor(k, leat_concat(count, parts, axis), varying) : NULL;
    }
    if (leati_oval_host_all(k->run, count, x) != LEAT_OK) return NULL;
    void *to;
    leati_oval *v = leati_oval_of_host(k->run, x[0]->element, s, &to);
    if (!v) return NULL;
    v->varying = varying;
    int64_t strides[LEAT_MAX_RANK], own[LEAT_MAX_RANK], at = 0;
    size_t width = leati_oval_width(v->element);
    leati_ostrides(&s, strides);
    for (size_t i = 0; i < count; i++) {
        leati_ostrides(&x[i]->shape, own);
        if (leati_shape_count(&x[i]->shape))
            leati_ocopy(s.rank, x[i]->shape.dim, width, x[i]->host, own,
                        (char *)to + at * strides[axis] * (int64_t)width, strides);
        at += x[i]->shape.dim[axis];
    }
    return v;
}

leat_status leati_on_Concat(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, k->ins ? k->ins : 1));
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 1), k->in[0]->shape.rank);
    if (axis < 0) return LEAT_SHAPE;
    return leati_opass(k, 0, k->ins == 1 ? k->in[0] : leati_oconcat(k, k->ins, k->in, axis));
}

/* ---- padding -------------------------------------------------------------------------------- */

enum { PADS_MOST = INT32_MAX };

typedef enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP } pad_mode;

/* The element of 0 .. n - 1 that stands at place i, or -1 for the constant. */
static int64_t padded_index(pad_mode mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    if (mode == PAD_CONSTANT || n == 0) return -1;
    if (mode == PAD_EDGE) return i < 0 ? 0 : n - 1;
    if (mode == PAD_WRAP) return (i % n + n) % n;
    if (n == 1) return 0;
    int64_t period = 2 * (n - 1);
    i = (i % period + period) % period;
    return i < n ? i : period - i;
}

static leat_status pad(leati_ocall *k, const int64_t *low, const int64_t *high, pad_mode mode,
                       const void *value)
{
    leat_shape from = k->in[0]->shape, s = from;
    const void *data;
    void *out;
    int64_t *map[LEAT_MAX_RANK], strides[LEAT_MAX_RANK];
    size_t width = leati_oval_width(k->in[0]->element);
    for (int i = 0; i < s.rank; i++) {
        bool sane = -PADS_MOST <= low[i] && low[i] <= PADS_MOST && -PADS_MOST <= high[i] &&
                    high[i] <= PADS_MOST;
        if (sane) s.dim[i] += low[i] + high[i];
        if (!sane || s.dim[i] < 0)
            return leati_ofail(k, LEAT_SHAPE, "pads of %lld and %lld", (long long)low[i],
                               (long long)high[i]);
    }
    if (leati_oneeds_graph(k, 1) && leati_shape_count(&from)) {
        static const leat_pad_mode modes[] = {LEAT_PAD_CONSTANT, LEAT_PAD_REFLECT, LEAT_PAD_EDGE,
                                              LEAT_PAD_WRAP};
        double constant = leati_oget(k->in[0]->element, value, 0);
        return leati_oset(k, 0, leat_pad(leati_oin(k, 0), modes[mode], low, high, constant));
    }
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &out));
    leati_ostrides(&from, strides);
    for (int d = 0; d < s.rank; d++) {
        map[d] = leati_oalloc(k, (size_t)s.dim[d], sizeof *map[d]);
        if (!map[d]) return LEAT_NOMEM;
        for (int64_t i = 0; i < s.dim[d]; i++)
            map[d][i] = padded_index(mode, i - low[d], from.dim[d]);
    }
    size_t count = leati_shape_count(&s);
    for (size_t i = 0; i < count; i++) {
        size_t rest = i;
        int64_t at = 0;
        bool inside = true;
        for (int d = s.rank; d-- > 0; rest /= (size_t)s.dim[d]) {
            int64_t j = map[d][rest % (size_t)s.dim[d]];
            inside &= j >= 0;
            at += j * strides[d];
        }
        const char *p = inside ? (const char *)data + (size_t)at * width : value;
        memcpy((char *)out + i * width, p, width);
    }
    return LEAT_OK;
}

leat_status leati_on_Pad(leati_ocall *k)
{
    const int64_t *pads, *axes = NULL;
    size_t count, axes_count = 0;
    int where[LEAT_MAX_RANK];
    double constant[2] = {0, 0}; /* room for any element, zero */
    const void *value = constant;
    LEATI_TRY(leati_oneed(k, 1));
    int rank = k->in[0]->shape.rank;
    if (k->version < 11) {
        pads = leati_oattr_ints(k, k->version < 2 ? "paddings" : "pads", &count);
        leati_oput(k->in[0]->element, constant, 0, leati_oattr_float(k, "value", 0));
    } else {
        LEATI_TRY(leati_oints(k, 1, &pads, &count));
        if (leati_ohas(k, 2)) {
            LEATI_TRY(leati_ohost(k, 2, &value));
            if (leati_shape_count(&k->in[2]->shape) != 1 || k->in[2]->element != k->in[0]->element)
                return leati_ofail(k, LEAT_TYPE, "the value is not one element of the data's type");
        }
        if (leati_ohas(k, 3)) LEATI_TRY(leati_oints(k, 3, &axes, &axes_count));
    }
    size_t half = axes ? axes_count : (size_t)rank;
    if (count != 2 * half) return leati_ofail(k, LEAT_SHAPE, "%zu pads for %zu axes", count, half);
    LEATI_TRY(leati_oaxes(k, axes, axes_count, rank, where));
    int64_t low[LEAT_MAX_RANK] = {0}, high[LEAT_MAX_RANK] = {0};
    for (size_t j = 0; j < half; j++) {
        int d = axes ? where[j] : (int)j;
        low[d] = pads[j], high[d] = pads[half + j];
    }
    const char *mode = leati_oattr_text(k, "mode", "constant");
    return pad(k, low, high,
               !strcmp(mode, "reflect") ? PAD_REFLECT
               : !strcmp(mode, "edge")  ? PAD_EDGE
               : !strcmp(mode, "wrap")  ? PAD_WRAP
                                        : PAD_CONSTANT,
               value);
}

leat_status leati_on_CenterCropPad(leati_ocall *k)
{
    const int64_t *want, *list;
    size_t count, axes_count;
    int axes[LEAT_MAX_RANK];
    int64_t low[LEAT_MAX_RANK] = {0}, high[LEAT_MAX_RANK] = {0};
    static const leati_pb_bytes zero[2];
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_oints(k, 1, &want, &count));
    list = leati_oattr_ints(k, "axes", &axes_count);
    leat_shape s = k->in[0]->shape;
    LEATI_TRY(leati_oaxes(k, list, axes_count, s.rank, axes));
    if (count != (axes_count ? axes_count : (size_t)s.rank))
        return leati_ofail(k, LEAT_SHAPE, "%zu sizes for the axes", count);
    for (size_t j = 0; j < count; j++) {
        int d = axes_count ? axes[j] : (int)j;
        if (want[j] < 0) return leati_ofail(k, LEAT_SHAPE, "a size of %lld", (long long)want[j]);
        int64_t more = want[j] - s.dim[d];
        low[d] = more >= 0 ? more / 2 : -(-more / 2);
        high[d] = more - low[d];
    }
    return pad(k, low, high, PAD_CONSTANT, zero);
}

/* ---- blocks --------------------------------------------------------------------------------- */

leat_status leati_on_DepthToSpace(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    leat_shape s = leat_tensor_shape(x);
    int64_t b = leati_oattr_int(k, "blocksize", 0);
    if (!x || s.rank != 4 || b < 1 || b > 4096 || s.dim[1] % (b * b))
        return leati_ofail(k, LEAT_SHAPE, "blocksize %lld does not fit", (long long)b);
    bool crd = !strcmp(leati_oattr_text(k, "mode", "DCR"), "CRD");
    int64_t n = s.dim[0], c = s.dim[1] / (b * b), h = s.dim[2], w = s.dim[3];
    leat_tensor *y =
        leat_reshape(x, crd ? LEAT_DIMS(n, c, b, b, h, w) : LEAT_DIMS(n, b, b, c, h, w));
    y = leat_transpose(y, crd ? (int[]){0, 1, 4, 2, 5, 3} : (int[]){0, 3, 4, 1, 5, 2});
    return leati_oset(k, 0, leat_reshape(y, LEAT_DIMS(n, c, h * b, w * b)));
}

leat_status leati_on_SpaceToDepth(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    leat_shape s = leat_tensor_shape(x);
    int64_t b = leati_oattr_int(k, "blocksize", 0);
    if (!x || s.rank != 4 || b < 1 || b > 4096 || s.dim[2] % b || s.dim[3] % b)
        return leati_ofail(k, LEAT_SHAPE, "blocksize %lld does not fit", (long long)b);
    int64_t n = s.dim[0], c = s.dim[1], h = s.dim[2] / b, w = s.dim[3] / b;
    leat_tensor *y = leat_reshape(x, LEAT_DIMS(n, c, h, b, w, b));
    y = leat_transpose(y, (int[]){0, 3, 5, 1, 2, 4});
    return leati_oset(k, 0, leat_reshape(y, LEAT_DIMS(n, c * b * b, h, w)));
}
