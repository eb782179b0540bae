/* Owns: operators with indices: gather, scatter, one-hot. */
#include <string.h>

#include "onnx/operators.h"

/* An index may count from the end. */
static leat_status wrap(leati_ocall *k, int64_t index, int64_t dim, int64_t *out)
{
    *out = index < 0 ? index + dim : index;
    if (*out >= 0 && *out < dim) return LEAT_OK;
    return leati_ofail(k, LEAT_INVALID, "index %lld of a dimension of %lld", (long long)index,
                       (long long)dim);
}

/* ---- gather --------------------------------------------------------------------------------- */

leat_status leati_on_Gather(leati_ocall *k)
{
    const void *data;
    const int64_t *index;
    size_t count;
    void *out;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape x = k->in[0]->shape, i = k->in[1]->shape, s = {.rank = x.rank - 1 + i.rank};
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), x.rank);
    if (axis < 0) return LEAT_SHAPE;
    if (s.rank > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    size_t outer = 1, inner = leati_oval_width(k->in[0]->element);
    for (int d = 0; d < x.rank; d++) {
        if (d < axis) outer *= (size_t)x.dim[d];
        if (d > axis) inner *= (size_t)x.dim[d];
        if (d != axis) s.dim[d < axis ? d : d - 1 + i.rank] = x.dim[d];
    }
    for (int d = 0; d < i.rank; d++) s.dim[axis + d] = i.dim[d];
    if (leati_oneeds_graph(k, 2))
        return leati_oset(k, 0, leat_take(leati_oin(k, 0), leati_oin(k, 1), axis));
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_oints(k, 1, &index, &count));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &out));
    char *to = out;
    for (size_t o = 0; o < outer; o++) {
        for (size_t j = 0; j < count; j++, to += inner) {
            int64_t at;
            LEATI_TRY(wrap(k, index[j], x.dim[axis], &at));
            memcpy(to, (const char *)data + (o * (size_t)x.dim[axis] + (size_t)at) * inner, inner);
        }
    }
    return LEAT_OK;
}

/* Calls `visit` for every element of the index tensor with its number and the place in a tensor of
 * shape x that differs from the element's own place along the axis only. */
typedef struct element_walk {
    leat_shape index;
    int64_t strides[LEAT_MAX_RANK];
    int axis;
    int64_t at[LEAT_MAX_RANK], base; /* base: the place with 0 along the axis */
} element_walk;

static leat_status walk_begin(leati_ocall *k, element_walk *w, leat_shape x, leat_shape index)
{
    *w = (element_walk){.index = index};
    w->axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), x.rank);
    if (w->axis < 0) return LEAT_SHAPE;
    bool fits = index.rank == x.rank;
    for (int d = 0; d < x.rank && fits; d++) fits = d == w->axis || index.dim[d] <= x.dim[d];
    if (!fits)
        return leati_ofail(k, LEAT_SHAPE, "indices of shape %s do not fit %s",
                           leati_shape_string(&index).text, leati_shape_string(&x).text);
    leati_ostrides(&x, w->strides);
    return LEAT_OK;
}

static void walk_next(element_walk *w)
{
    for (int d = w->index.rank; d-- > 0;) {
        int64_t step = d == w->axis ? 0 : w->strides[d];
        w->base += step;
        if (++w->at[d] < w->index.dim[d]) return;
        w->base -= step * w->index.dim[d];
        w->at[d] = 0;
    }
}

leat_status leati_on_GatherElements(leati_ocall *k)
{
    const void *data;
    const int64_t *index;
    size_t count;
    void *out;
    element_walk w;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape x = k->in[0]->shape;
    LEATI_TRY(walk_begin(k, &w, x, k->in[1]->shape));
    if (leati_oneeds_graph(k, 2))
        return leati_oset(k, 0, leat_take_along(leati_oin(k, 0), leati_oin(k, 1), w.axis));
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_oints(k, 1, &index, &count));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, w.index, &out));
    size_t width = leati_oval_width(k->in[0]->element);
    for (size_t i = 0; i < count; i++, walk_next(&w)) {
        int64_t at;
        LEATI_TRY(wrap(k, index[i], x.dim[w.axis], &at));
        memcpy((char *)out + i * width,
               (const char *)data + (size_t)(w.base + at * w.strides[w.axis]) * width, width);
    }
    return LEAT_OK;
}

/* The last dimension of indices holds tuples into dimensions `batch` .. of a tensor x: *outer
 * tuples, each names `inner` elements. */
static leat_status tuples(leati_ocall *k, leat_shape x, leat_shape index, int batch, size_t *outer,
                          size_t *inner, int *depth)
{
    *depth = index.rank ? (int)index.dim[index.rank - 1] : 0;
    if (index.rank < 1 || batch < 0 || batch >= index.rank || index.dim[index.rank - 1] < 1 ||
        index.dim[index.rank - 1] > x.rank - batch)
        return leati_ofail(k, LEAT_SHAPE, "indices of shape %s do not fit %s",
                           leati_shape_string(&index).text, leati_shape_string(&x).text);
    *outer = *inner = 1;
    for (int d = 0; d < index.rank - 1; d++) *outer *= (size_t)index.dim[d];
    for (int d = batch + *depth; d < x.rank; d++) *inner *= (size_t)x.dim[d];
    for (int d = 0; d < batch; d++)
        if (x.dim[d] != index.dim[d]) return leati_ofail(k, LEAT_SHAPE, "batches differ");
    return LEAT_OK;
}

leat_status leati_on_GatherND(leati_ocall *k)
{
    const void *data;
    const int64_t *index;
    size_t count, outer, inner;
    int depth;
    void *out;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape x = k->in[0]->shape, n = k->in[1]->shape, s = {0};
    int64_t batch = leati_oattr_int(k, "batch_dims", 0), strides[LEAT_MAX_RANK];
    if (batch < 0 || batch > LEAT_MAX_RANK) return leati_ofail(k, LEAT_SHAPE, "bad batch_dims");
    LEATI_TRY(tuples(k, x, n, (int)batch, &outer, &inner, &depth));
    if (n.rank - 1 + x.rank - (int)batch - depth > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    for (int d = 0; d < n.rank - 1; d++) s.dim[s.rank++] = n.dim[d];
    for (int d = (int)batch + depth; d < x.rank; d++) s.dim[s.rank++] = x.dim[d];
    if (leati_oneeds_graph(k, 2))
        return leati_oset(k, 0, leat_take_nd(leati_oin(k, 0), leati_oin(k, 1), (int)batch));
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_oints(k, 1, &index, &count));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &out));
    leati_ostrides(&x, strides);
    size_t width = leati_oval_width(k->in[0]->element), batches = 1;
    for (int d = 0; d < batch; d++) batches *= (size_t)x.dim[d];
    for (size_t i = 0; i < outer; i++) {
        int64_t at = batch ? (int64_t)(i / (outer / batches)) * strides[batch - 1] : 0;
        for (int j = 0; j < depth; j++) {
            int64_t one;
            LEATI_TRY(wrap(k, index[i * (size_t)depth + (size_t)j], x.dim[batch + j], &one));
            at += one * strides[batch + j];
        }
        memcpy((char *)out + i * inner * width, (const char *)data + (size_t)at * width,
               inner * width);
    }
    return LEAT_OK;
}

/* ---- scatter -------------------------------------------------------------------------------- */

/* In the order of leat_scatter_mode. */
typedef enum scatter_how {
    SCATTER_SET,
    SCATTER_ADD,
    SCATTER_MUL,
    SCATTER_MAX,
    SCATTER_MIN
} scatter_how;

static scatter_how how_of(leati_ocall *k)
{
    const char *text = leati_oattr_text(k, "reduction", "none");
    return !strcmp(text, "add")   ? SCATTER_ADD
           : !strcmp(text, "mul") ? SCATTER_MUL
           : !strcmp(text, "max") ? SCATTER_MAX
           : !strcmp(text, "min") ? SCATTER_MIN
                                  : SCATTER_SET;
}

static void scatter_one(scatter_how how, int32_t element, void *to, size_t at, const void *from,
                        size_t i)
{
    size_t width = leati_oval_width(element);
    if (how == SCATTER_SET) {
        memcpy((char *)to + at * width, (const char *)from + i * width, width);
        return;
    }
    double a = leati_oget(element, to, at), b = leati_oget(element, from, i);
    leati_oput(element, to, at,
               how == SCATTER_ADD   ? a + b
               : how == SCATTER_MUL ? a * b
               : how == SCATTER_MAX ? (a > b ? a : b)
                                    : (a < b ? a : b));
}

/* Output 0 begins as a copy of input 0. */
static leat_status scatter_begin(leati_ocall *k, const int64_t **index, const void **updates,
                                 void **out)
{
    const void *data;
    size_t count;
    LEATI_TRY(leati_oneed(k, 3));
    if (k->in[0]->element != k->in[2]->element)
        return leati_ofail(k, LEAT_TYPE, "data and updates are of different types");
    if (how_of(k) != SCATTER_SET && k->in[0]->element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "texts have no arithmetic");
    LEATI_TRY(leati_oval_host_all(k->run, 3, k->in));
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_oints(k, 1, index, &count));
    LEATI_TRY(leati_ohost(k, 2, updates));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, k->in[0]->shape, out));
    size_t bytes = leati_shape_count(&k->in[0]->shape) * leati_oval_width(k->in[0]->element);
    if (bytes) memcpy(*out, data, bytes);
    return LEAT_OK;
}

leat_status leati_on_ScatterElements(leati_ocall *k)
{
    const int64_t *index;
    const void *updates;
    void *out;
    element_walk w;
    LEATI_TRY(leati_oneed(k, 3));
    leat_shape x = k->in[0]->shape;
    LEATI_TRY(walk_begin(k, &w, x, k->in[1]->shape));
    if (!leati_shape_equal(&k->in[1]->shape, &k->in[2]->shape))
        return leati_ofail(k, LEAT_SHAPE, "indices and updates differ in shape");
    if (leati_oneeds_graph(k, 3))
        return leati_oset(k, 0,
                          leat_scatter_along(leati_oin(k, 0), leati_oin(k, 1), leati_oin(k, 2),
                                             w.axis, (leat_scatter_mode)how_of(k)));
    LEATI_TRY(scatter_begin(k, &index, &updates, &out));
    size_t count = leati_shape_count(&w.index);
    scatter_how how = how_of(k);
    for (size_t i = 0; i < count; i++, walk_next(&w)) {
        int64_t at;
        LEATI_TRY(wrap(k, index[i], x.dim[w.axis], &at));
        scatter_one(how, k->in[0]->element, out, (size_t)(w.base + at * w.strides[w.axis]), updates,
                    i);
    }
    return LEAT_OK;
}

leat_status leati_on_Scatter(leati_ocall *k)
{
    return leati_on_ScatterElements(k);
}

leat_status leati_on_ScatterND(leati_ocall *k)
{
    const int64_t *index;
    const void *updates;
    void *out;
    size_t outer, inner;
    int depth;
    int64_t strides[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 3));
    leat_shape x = k->in[0]->shape;
    LEATI_TRY(tuples(k, x, k->in[1]->shape, 0, &outer, &inner, &depth));
    if (leati_shape_count(&k->in[2]->shape) != outer * inner)
        return leati_ofail(k, LEAT_SHAPE, "updates of shape %s do not fit",
                           leati_shape_string(&k->in[2]->shape).text);
    if (leati_oneeds_graph(k, 3))
        return leati_oset(k, 0,
                          leat_scatter_nd(leati_oin(k, 0), leati_oin(k, 1), leati_oin(k, 2), 0,
                                          (leat_scatter_mode)how_of(k)));
    LEATI_TRY(scatter_begin(k, &index, &updates, &out));
    leati_ostrides(&x, strides);
    scatter_how how = how_of(k);
    for (size_t i = 0; i < outer; i++) {
        int64_t at = 0;
        for (int j = 0; j < depth; j++) {
            int64_t one;
            LEATI_TRY(wrap(k, index[i * (size_t)depth + (size_t)j], x.dim[j], &one));
            at += one * strides[j];
        }
        for (size_t j = 0; j < inner; j++)
            scatter_one(how, k->in[0]->element, out, (size_t)at + j, updates, i * inner + j);
    }
    return LEAT_OK;
}

/* Writes a piece into a cache along an axis, from a place per batch on. */
leat_status leati_on_TensorScatter(leati_ocall *k)
{
    const void *past, *update;
    const int64_t *start = NULL;
    size_t starts = 0;
    void *out;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape x = k->in[0]->shape, u = k->in[1]->shape;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", -2), x.rank);
    bool circular = !strcmp(leati_oattr_text(k, "mode", "linear"), "circular");
    if (axis < 0) return LEAT_SHAPE;
    bool fits = axis > 0 && u.rank == x.rank && k->in[0]->element == k->in[1]->element;
    for (int d = 0; d < x.rank && fits; d++)
        fits = d == axis ? u.dim[d] <= x.dim[d] : u.dim[d] == x.dim[d];
    if (!fits) return leati_ofail(k, LEAT_SHAPE, "the update does not fit the cache");
    if (leati_ohas(k, 2)) LEATI_TRY(leati_oints(k, 2, &start, &starts));
    if (start && starts != (size_t)x.dim[0])
        return leati_ofail(k, LEAT_SHAPE, "%zu places for %lld batches", starts,
                           (long long)x.dim[0]);
    LEATI_TRY(leati_ohost(k, 0, &past));
    LEATI_TRY(leati_ohost(k, 1, &update));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, x, &out));
    size_t inner = leati_oval_width(k->in[0]->element), outer = 1;
    for (int d = 0; d < x.rank; d++) {
        if (d < axis) outer *= (size_t)x.dim[d];
        if (d > axis) inner *= (size_t)x.dim[d];
    }
    size_t n = (size_t)x.dim[axis], m = (size_t)u.dim[axis];
    if (leati_shape_count(&x)) memcpy(out, past, outer * n * inner);
    for (size_t o = 0; o < outer; o++) {
        int64_t from = start ? start[o / (outer / (size_t)x.dim[0])] : 0;
        for (size_t j = 0; j < m; j++) {
            int64_t at =
                circular && n ? (from % (int64_t)n + (int64_t)j) % (int64_t)n : from + (int64_t)j;
            if (at < 0 || at >= (int64_t)n)
                return leati_ofail(k, LEAT_INVALID, "place %lld of %zu", (long long)at, n);
            memcpy((char *)out + (o * n + (size_t)at) * inner,
                   (const char *)update + (o * m + j) * inner, inner);
        }
    }
    return LEAT_OK;
}

leat_status leati_on_OneHot(leati_ocall *k)
{
    const int64_t *index;
    const void *values;
    int64_t depth;
    size_t count;
    void *out;
    LEATI_TRY(leati_oneed(k, 3));
    leat_shape n = k->in[0]->shape, s = {.rank = n.rank + 1};
    if (s.rank > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", -1), s.rank);
    if (axis < 0) return LEAT_SHAPE;
    LEATI_TRY(leati_oints(k, 0, &index, &count));
    LEATI_TRY(leati_oint(k, 1, &depth));
    LEATI_TRY(leati_ohost(k, 2, &values));
    if (leati_shape_count(&k->in[2]->shape) != 2)
        return leati_ofail(k, LEAT_SHAPE, "the values are not a pair");
    for (int d = 0; d < s.rank; d++) s.dim[d] = d == axis ? depth : n.dim[d < axis ? d : d - 1];
    LEATI_TRY(leati_onew(k, 0, k->in[2]->element, s, &out));
    size_t inner = 1, width = leati_oval_width(k->in[2]->element), all = leati_shape_count(&s);
    for (int d = axis + 1; d < s.rank; d++) inner *= (size_t)s.dim[d];
    for (size_t i = 0; i < all; i++) memcpy((char *)out + i * width, values, width);
    for (size_t i = 0; i < count; i++) {
        int64_t at = index[i] < 0 ? index[i] + depth : index[i];
        if (at < 0 || at >= depth) continue;
        size_t to = (i / inner * (size_t)depth + (size_t)at) * inner + i % inner;
        memcpy((char *)out + to * width, (const char *)values + width, width);
    }
    return LEAT_OK;
}
