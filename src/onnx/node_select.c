/* Owns: operators that order and choose elements: top k, unique, non-zero, sums along an axis. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/operators.h"

/* Rows along an axis: outer x n x inner. */
typedef struct rows {
    size_t outer, n, inner;
} rows;

static rows rows_of(const leat_shape *s, int axis)
{
    rows r = {1, (size_t)s->dim[axis], 1};
    for (int d = 0; d < s->rank; d++) {
        if (d < axis) r.outer *= (size_t)s->dim[d];
        if (d > axis) r.inner *= (size_t)s->dim[d];
    }
    return r;
}

typedef struct ranked {
    double value;
    int64_t index;
    int beyond; /* NaN: 1 before all others, -1 behind them */
} ranked;

/* NaN is above all numbers, as it is on the devices. */
static int descending(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->beyond != y->beyond) return x->beyond > y->beyond ? -1 : 1;
    if (!x->beyond && x->value != y->value) return x->value > y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

leat_status leati_on_TopK(leati_ocall *k)
{
    int64_t want = leati_oattr_int(k, "k", 1);
    bool largest = leati_oattr_int(k, "largest", 1);
    double *x;
    const void *data;
    void *values, *indices;
    LEATI_TRY(leati_oneed(k, k->version < 10 ? 1 : 2));
    if (k->version >= 10) LEATI_TRY(leati_oint(k, 1, &want));
    leat_shape s = k->in[0]->shape;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", -1), s.rank);
    if (axis < 0) return LEAT_SHAPE;
    if (want < 0 || want > s.dim[axis])
        return leati_ofail(k, LEAT_INVALID, "the first %lld of %lld", (long long)want,
                           (long long)s.dim[axis]);
    if (leati_oneeds_graph(k, 1)) {
        leat_tensor *places, *best = leat_topk(leati_oin(k, 0), want, axis, !largest, &places);
        LEATI_TRY(leati_oset(k, 0, best));
        return leati_oset(k, 1, places);
    }
    rows r = rows_of(&s, axis);
    s.dim[axis] = want;
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &values));
    LEATI_TRY(leati_onew(k, 1, LEATI_ONNX_INT64, s, &indices));
    ranked *list = leati_oalloc(k, r.n, sizeof *list);
    if (!list) return LEAT_NOMEM;
    size_t width = leati_oval_width(k->in[0]->element);
    for (size_t o = 0; o < r.outer * r.inner && want; o++) {
        size_t base = o / r.inner * r.n * r.inner + o % r.inner;
        for (size_t i = 0; i < r.n; i++) {
            double v = x[base + i * r.inner];
            list[i] = (ranked){largest ? v : -v, (int64_t)i, isnan(v) ? largest ? 1 : -1 : 0};
        }
        qsort(list, r.n, sizeof *list, descending);
        for (size_t i = 0; i < (size_t)want; i++) {
            size_t to = (o / r.inner * (size_t)want + i) * r.inner + o % r.inner;
            memcpy((char *)values + to * width,
                   (const char *)data + (base + (size_t)list[i].index * r.inner) * width, width);
            ((int64_t *)indices)[to] = list[i].index;
        }
    }
    return LEAT_OK;
}

static leat_status cumulate(leati_ocall *k, bool product)
{
    int64_t axis_value;
    double *x;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_oint(k, 1, &axis_value));
    leat_shape s = k->in[0]->shape;
    int axis = leati_oaxis(k, axis_value, s.rank);
    bool exclusive = leati_oattr_int(k, "exclusive", 0), reverse = leati_oattr_int(k, "reverse", 0);
    if (axis < 0) return LEAT_SHAPE;
    if (leati_oneeds_graph(k, 1))
        return leati_oset(
            k, 0,
            (product ? leat_cumprod : leat_cumsum)(leati_oin(k, 0), axis, exclusive, reverse));
    LEATI_TRY(leati_of64(k, 0, &x));
    rows r = rows_of(&s, axis);
    for (size_t o = 0; o < r.outer * r.inner; o++) {
        double *row = x + o / r.inner * r.n * r.inner + o % r.inner, sum = product;
        for (size_t j = 0; j < r.n; j++) {
            double *at = row + (reverse ? r.n - 1 - j : j) * r.inner, own = *at;
            double next = product ? sum * own : sum + own;
            *at = exclusive ? sum : next;
            sum = next;
        }
    }
    return leati_oset_f64(k, 0, k->in[0]->element, s, x);
}

leat_status leati_on_CumSum(leati_ocall *k)
{
    return cumulate(k, false);
}

leat_status leati_on_CumProd(leati_ocall *k)
{
    return cumulate(k, true);
}

leat_status leati_on_Trilu(leati_ocall *k)
{
    int64_t shift = 0;
    bool upper = leati_oattr_int(k, "upper", 1);
    LEATI_TRY(leati_oneed(k, 1));
    if (leati_ohas(k, 1)) LEATI_TRY(leati_oint(k, 1, &shift));
    leat_shape s = k->in[0]->shape;
    if (s.rank < 2) return leati_ofail(k, LEAT_SHAPE, "a tensor of %d dimensions", s.rank);
    int64_t m = s.dim[s.rank - 2], n = s.dim[s.rank - 1];
    void *mask;
    leati_oval *kept = leati_oval_of_host(k->run, LEATI_ONNX_BOOL, LEAT_DIMS(m, n), &mask);
    if (!kept) return leat_error_status(k->context);
    shift = shift > n ? n : shift < -m ? -m : shift;
    for (int64_t i = 0; i < m * n; i++)
        ((bool *)mask)[i] = upper ? i % n - i / n >= shift : i % n - i / n <= shift;
    leat_tensor *x = leati_oin(k, 0);
    leat_tensor *zero = leat_cast(leat_scalar(k->graph, LEAT_DTYPE_F32, 0), leat_tensor_dtype(x));
    return leati_oset(k, 0, leat_where(leati_oval_tensor(k->run, kept), x, zero));
}

leat_status leati_on_NonZero(leati_ocall *k)
{
    double *x;
    void *out;
    LEATI_TRY(leati_of64(k, 0, &x));
    leat_shape s = k->in[0]->shape;
    size_t all = leati_shape_count(&s), count = 0;
    for (size_t i = 0; i < all; i++) count += x[i] != 0;
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_INT64, LEAT_DIMS(s.rank, (int64_t)count), &out));
    for (size_t i = 0, j = 0; i < all; i++) {
        size_t rest = i;
        if (x[i] == 0) continue;
        for (int d = s.rank; d-- > 0; rest /= (size_t)s.dim[d])
            ((int64_t *)out)[(size_t)d * count + j] = (int64_t)(rest % (size_t)s.dim[d]);
        j++;
    }
    return LEAT_OK;
}

leat_status leati_on_Compress(leati_ocall *k)
{
    const int64_t *condition;
    const void *data;
    size_t count, chosen = 0;
    void *out;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape s = k->in[0]->shape;
    bool flat = !leati_oattr_has(k, "axis");
    if (flat) s = LEAT_DIMS((int64_t)leati_shape_count(&s));
    int axis = flat ? 0 : leati_oaxis(k, leati_oattr_int(k, "axis", 0), s.rank);
    if (axis < 0) return LEAT_SHAPE;
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_oints(k, 1, &condition, &count));
    rows r = rows_of(&s, axis);
    if (count > r.n) count = r.n;
    for (size_t i = 0; i < count; i++) chosen += condition[i] != 0;
    s.dim[axis] = (int64_t)chosen;
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &out));
    size_t piece = r.inner * leati_oval_width(k->in[0]->element);
    char *to = out;
    for (size_t o = 0; o < r.outer; o++)
        for (size_t i = 0; i < count; i++)
            if (condition[i]) {
                memcpy(to, (const char *)data + (o * r.n + i) * piece, piece);
                to += piece;
            }
    return LEAT_OK;
}

/* ---- unique --------------------------------------------------------------------------------- */

typedef struct slices { /* n slices of `outer` x `inner` elements */
    int32_t element;
    const void *data;
    rows r;
} slices;

static int compare_texts(leati_pb_bytes a, leati_pb_bytes b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    int order = least ? memcmp(a.data, b.data, least) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_slices(const slices *s, size_t a, size_t b)
{
    for (size_t o = 0; o < s->r.outer; o++) {
        for (size_t i = 0; i < s->r.inner; i++) {
            size_t x = (o * s->r.n + a) * s->r.inner + i, y = (o * s->r.n + b) * s->r.inner + i;
            int order;
            if (s->element == LEATI_ONNX_STRING) {
                const leati_pb_bytes *t = s->data;
                order = compare_texts(t[x], t[y]);
            } else {
                double p = leati_oget(s->element, s->data, x),
                       q = leati_oget(s->element, s->data, y);
                order = (p > q) - (p < q);
                if (p != p || q != q) order = (p != p) - (q != q); /* NaN is last, and one */
            }
            if (order) return order;
        }
    }
    return 0;
}

/* Stable: merges runs of doubling length. */
static void sort_slices(const slices *s, size_t n, size_t *order, size_t *room)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t from = 0; from < n; from += 2 * run) {
            size_t mid = from + run < n ? from + run : n, end = mid + run < n ? mid + run : n;
            size_t a = from, b = mid;
            for (size_t i = from; i < end; i++) {
                bool left = a < mid && (b >= end || compare_slices(s, order[a], order[b]) <= 0);
                room[i] = left ? order[a++] : order[b++];
            }
        }
        memcpy(order, room, n * sizeof *order);
    }
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

leat_status leati_on_Unique(leati_ocall *k)
{
    slices s = {0};
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape shape = k->in[0]->shape;
    bool flat = !leati_oattr_has(k, "axis"), sorted = leati_oattr_int(k, "sorted", 1);
    if (flat) shape = LEAT_DIMS((int64_t)leati_shape_count(&shape));
    int axis = flat ? 0 : leati_oaxis(k, leati_oattr_int(k, "axis", 0), shape.rank);
    if (axis < 0) return LEAT_SHAPE;
    s.element = k->in[0]->element;
    s.r = rows_of(&shape, axis);
    LEATI_TRY(leati_ohost(k, 0, &s.data));
    size_t n = s.r.n, groups = 0;
    size_t *order = leati_oalloc(k, n, sizeof *order), *group = leati_oalloc(k, n, sizeof *group);
    size_t *first = leati_oalloc(k, n, sizeof *first), *number = leati_oalloc(k, n, sizeof *number);
    if (!order || !group || !first || !number) return LEAT_NOMEM;
    for (size_t i = 0; i < n; i++) order[i] = i;
    sort_slices(&s, n, order, number);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_slices(&s, order[i - 1], order[i])) first[groups++] = order[i];
        group[order[i]] = groups - 1;
    }
    /* In order of appearance the groups are numbered by their first element. */
    for (size_t i = 0; i < groups; i++) order[i] = first[i];
    if (!sorted && groups) qsort(order, groups, sizeof *order, by_size);
    for (size_t i = 0; i < groups; i++) number[group[order[i]]] = i;
    void *y, *indices, *inverse, *counts;
    shape.dim[axis] = (int64_t)groups;
    LEATI_TRY(leati_onew(k, 0, s.element, shape, &y));
    LEATI_TRY(leati_onew(k, 1, LEATI_ONNX_INT64, LEAT_DIMS((int64_t)groups), &indices));
    LEATI_TRY(leati_onew(k, 2, LEATI_ONNX_INT64, LEAT_DIMS((int64_t)n), &inverse));
    LEATI_TRY(leati_onew(k, 3, LEATI_ONNX_INT64, LEAT_DIMS((int64_t)groups), &counts));
    size_t piece = s.r.inner * leati_oval_width(s.element);
    for (size_t i = 0; i < groups; i++) {
        ((int64_t *)indices)[i] = (int64_t)order[i];
        for (size_t o = 0; o < s.r.outer; o++)
            memcpy((char *)y + (o * groups + i) * piece,
                   (const char *)s.data + (o * n + order[i]) * piece, piece);
    }
    for (size_t i = 0; i < n; i++) {
        ((int64_t *)inverse)[i] = (int64_t)number[group[i]];
        ((int64_t *)counts)[number[group[i]]]++;
    }
    return LEAT_OK;
}

leat_status leati_on_ReverseSequence(leati_ocall *k)
{
    const int64_t *lengths;
    const void *data;
    size_t count;
    void *out;
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape s = k->in[0]->shape;
    int64_t time = leati_oattr_int(k, "time_axis", 0), batch = leati_oattr_int(k, "batch_axis", 1);
    if (s.rank < 2 || time < 0 || time > 1 || batch != 1 - time)
        return leati_ofail(k, LEAT_SHAPE, "time and batch are not the first two axes");
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_oints(k, 1, &lengths, &count));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &out));
    if (count != (size_t)s.dim[batch]) return leati_ofail(k, LEAT_SHAPE, "%zu lengths", count);
    size_t piece = leati_oval_width(k->in[0]->element);
    for (int d = 2; d < s.rank; d++) piece *= (size_t)s.dim[d];
    for (int64_t i = 0; i < s.dim[0]; i++) {
        for (int64_t j = 0; j < s.dim[1]; j++) {
            int64_t t = time ? j : i, b = time ? i : j, n = lengths[b];
            if (n < 0 || n > s.dim[time])
                return leati_ofail(k, LEAT_INVALID, "a length of %lld", (long long)n);
            int64_t from = t < n ? n - 1 - t : t;
            int64_t at = time ? b * s.dim[1] + from : from * s.dim[1] + b;
            memcpy((char *)out + (size_t)(i * s.dim[1] + j) * piece,
                   (const char *)data + (size_t)at * piece, piece);
        }
    }
    return LEAT_OK;
}

/* ---- non-maximum suppression -------------------------------------------------------------------
 */

typedef struct box {
    double y0, x0, y1, x1;
} box;

static box box_of(const double *b, bool center)
{
    if (center) return (box){b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
    return (box){fmin(b[0], b[2]), fmin(b[1], b[3]), fmax(b[0], b[2]), fmax(b[1], b[3])};
}

static double overlap(box a, box b)
{
    double h = fmin(a.y1, b.y1) - fmax(a.y0, b.y0), w = fmin(a.x1, b.x1) - fmax(a.x0, b.x0);
    if (h <= 0 || w <= 0) return 0;
    double both = (a.y1 - a.y0) * (a.x1 - a.x0) + (b.y1 - b.y0) * (b.x1 - b.x0);
    return h * w / (both - h * w);
}

leat_status leati_on_NonMaxSuppression(leati_ocall *k)
{
    double *boxes, *scores, iou = 0, least = -(double)INFINITY;
    int64_t most = 0;
    void *out;
    LEATI_TRY(leati_of64(k, 0, &boxes));
    LEATI_TRY(leati_of64(k, 1, &scores));
    if (leati_ohas(k, 2)) LEATI_TRY(leati_oint(k, 2, &most));
    if (leati_ohas(k, 3)) LEATI_TRY(leati_onumber(k, 3, &iou));
    if (leati_ohas(k, 4)) LEATI_TRY(leati_onumber(k, 4, &least));
    leat_shape b = k->in[0]->shape, s = k->in[1]->shape;
    bool center = leati_oattr_int(k, "center_point_box", 0);
    if (b.rank != 3 || s.rank != 3 || b.dim[2] != 4 || b.dim[0] != s.dim[0] || b.dim[1] != s.dim[2])
        return leati_ofail(k, LEAT_SHAPE, "boxes %s and scores %s do not fit",
                           leati_shape_string(&b).text, leati_shape_string(&s).text);
    size_t n = (size_t)b.dim[1], rows_count = (size_t)(s.dim[0] * s.dim[1]), found = 0;
    ranked *list = leati_oalloc(k, n, sizeof *list);
    int64_t *chosen = leati_oalloc(k, rows_count * n, 3 * sizeof *chosen);
    if (!list || !chosen) return LEAT_NOMEM;
    for (size_t row = 0; row < rows_count; row++) {
        size_t batch = row / (size_t)s.dim[1], begin = found;
        const double *own = boxes + batch * n * 4;
        for (size_t i = 0; i < n; i++) {
            double score = scores[row * n + i];
            list[i] = (ranked){score, (int64_t)i, isnan(score) ? -1 : 0};
        }
        if (n) qsort(list, n, sizeof *list, descending);
        for (size_t i = 0; i < n && (int64_t)(found - begin) < most; i++) {
            bool keep = list[i].value > least;
            box candidate = box_of(own + list[i].index * 4, center);
            for (size_t j = begin; j < found && keep; j++)
                keep = overlap(candidate, box_of(own + chosen[3 * j + 2] * 4, center)) <= iou;
            if (!keep) continue;
            chosen[3 * found] = (int64_t)batch;
            chosen[3 * found + 1] = (int64_t)(row % (size_t)s.dim[1]);
            chosen[3 * found++ + 2] = list[i].index;
        }
    }
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_INT64, LEAT_DIMS((int64_t)found, 3), &out));
    if (found) memcpy(out, chosen, found * 3 * sizeof *chosen);
    return LEAT_OK;
}
