/* Owns: reductions, arguments of extremes. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

typedef struct reduction {
    leat_tensor *x;
    int axes[LEAT_MAX_RANK];
    size_t count;
    bool keep, pass; /* pass: over no axis at all */
} reduction;

/* Axes are an attribute before opset 13 (ReduceSum) or 18, then an input. */
static leat_status reduction_of(leati_ocall *k, reduction *r)
{
    size_t count = 0;
    const int64_t *axes = leati_oattr_ints(k, "axes", &count);
    LEATI_TRY(leati_oneed(k, 1));
    if (leati_ohas(k, 1)) LEATI_TRY(leati_oints(k, 1, &axes, &count));
    *r = (reduction){.x = leati_oin(k, 0), .keep = leati_oattr_int(k, "keepdims", 1) != 0};
    if (!r->x) return leat_error_status(k->context);
    int rank = leat_tensor_shape(r->x).rank;
    LEATI_TRY(leati_oaxes(k, axes, count, rank, r->axes));
    r->count = count;
    r->pass = (count == 0 && leati_oattr_int(k, "noop_with_empty_axes", 0)) || rank == 0;
    if (count == 0 && !r->pass)
        for (int i = 0; i < rank; i++) r->axes[r->count++] = i;
    return LEAT_OK;
}

typedef leat_tensor *(*reduce_fn)(leat_tensor *x, size_t count, const int *axes, bool keep);

/* The extreme of no elements is that of the type. */
static leat_tensor *extreme(reduction *r, reduce_fn f, bool largest)
{
    leat_shape s = leat_tensor_shape(r->x), out = {0};
    leat_dtype type = leat_tensor_dtype(r->x);
    bool empty = false;
    for (int i = 0; i < s.rank; i++) {
        bool over = false;
        for (size_t j = 0; j < r->count; j++) over |= r->axes[j] == i;
        if (!over) out.dim[out.rank++] = s.dim[i];
        else if (r->keep) out.dim[out.rank++] = 1;
        empty |= over && s.dim[i] == 0;
    }
    if (!empty) return f(r->x, r->count, r->axes, r->keep);
    double value = largest ? -(double)INFINITY : (double)INFINITY;
    if (!leati_dtype_is_float(type)) {
        /* Conversions saturate. */
        leat_tensor *wide = leat_scalar(leat_tensor_graph(r->x), LEAT_DTYPE_F64, value);
        if (type == LEAT_DTYPE_BOOL)
            return leat_expand(leat_scalar(leat_tensor_graph(r->x), type, largest ? 0 : 1), out);
        return leat_expand(leat_cast(wide, type), out);
    }
    return leat_expand(leat_like(r->x, value), out);
}

static leat_tensor *sum_of(reduction *r, leat_tensor *x)
{
    return r->pass ? x : leat_sum(x, r->count, r->axes, r->keep);
}

#define REDUCE(Name, expression)                                                                   \
    leat_status leati_on_##Name(leati_ocall *k)                                                    \
    {                                                                                              \
        reduction r;                                                                               \
        LEATI_TRY(reduction_of(k, &r));                                                            \
        leat_tensor *x = r.x;                                                                      \
        (void)x;                                                                                   \
        return leati_oset(k, 0, (expression));                                                     \
    }

/* Of whole numbers in f64, rounded towards zero. */
static leat_tensor *mean_of(reduction *r)
{
    leat_dtype type = leat_tensor_dtype(r->x);
    if (r->pass) return r->x;
    if (leati_dtype_is_float(type)) return leat_mean(r->x, r->count, r->axes, r->keep);
    return leat_cast(leat_mean(leat_cast(r->x, LEAT_DTYPE_F64), r->count, r->axes, r->keep), type);
}

static leat_tensor *log_sum_exp(reduction *r)
{
    leat_tensor *x = r->x, *zero = leat_like(x, 0);
    if (r->pass) return leat_log(leat_exp(x));
    leat_shape s = leat_tensor_shape(x);
    if (leati_shape_count(&s) == 0) return leat_log(sum_of(r, leat_exp(x)));
    leat_tensor *top = leat_max(x, r->count, r->axes, true);
    top = leat_where(leat_isinf(top), zero, top);
    leat_tensor *y = leat_sum(leat_exp(leat_sub(x, top)), r->count, r->axes, true);
    y = leat_add(leat_log(y), top);
    return r->keep ? y : leat_sum(y, r->count, r->axes, false);
}

REDUCE(ReduceSum, sum_of(&r, x))
REDUCE(ReduceMean, mean_of(&r))
REDUCE(ReduceProd, r.pass ? x : leat_prod(x, r.count, r.axes, r.keep))
REDUCE(ReduceMax, r.pass ? x : extreme(&r, leat_max, true))
REDUCE(ReduceMin, r.pass ? x : extreme(&r, leat_min, false))
REDUCE(ReduceL1, sum_of(&r, leat_abs(x)))
REDUCE(ReduceSumSquare, sum_of(&r, leat_mul(x, x)))
REDUCE(ReduceLogSum, leat_log(sum_of(&r, x)))
REDUCE(ReduceLogSumExp, log_sum_exp(&r))

leat_status leati_on_ReduceL2(leati_ocall *k)
{
    reduction r;
    LEATI_TRY(reduction_of(k, &r));
    leat_dtype type = leat_tensor_dtype(r.x);
    leat_tensor *x = leati_dtype_is_float(type) ? r.x : leat_cast(r.x, LEAT_DTYPE_F64);
    return leati_oset(k, 0, leat_cast(leat_sqrt(sum_of(&r, leat_mul(x, x))), type));
}

/* ---- arguments of extremes ------------------------------------------------------------------- */

static leat_status argument(leati_ocall *k, bool largest)
{
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape s = k->in[0]->shape, out = {0};
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), s.rank);
    bool keep = leati_oattr_int(k, "keepdims", 1),
         last = leati_oattr_int(k, "select_last_index", 0);
    double *x;
    void *index;
    if (axis < 0) return LEAT_SHAPE;
    if (!last && s.dim[axis] && leati_oneeds_graph(k, 1))
        return leati_oset(k, 0, (largest ? leat_argmax : leat_argmin)(leati_oin(k, 0), axis, keep));
    for (int i = 0; i < s.rank; i++) {
        if (i != axis) out.dim[out.rank++] = s.dim[i];
        else if (keep) out.dim[out.rank++] = 1;
    }
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_INT64, out, &index));
    size_t inner = 1, n = (size_t)s.dim[axis], count = leati_shape_count(&out);
    for (int i = axis + 1; i < s.rank; i++) inner *= (size_t)s.dim[i];
    if (n == 0 && count) return leati_ofail(k, LEAT_SHAPE, "axis %d has no elements", axis);
    for (size_t i = 0; i < count; i++) {
        const double *row = x + i / inner * n * inner + i % inner;
        size_t best = 0;
        for (size_t j = 1; j < n; j++) {
            double a = row[j * inner], b = row[best * inner];
            if (largest ? a > b : a < b) best = j;
            else if (last && a == b) best = j;
        }
        ((int64_t *)index)[i] = (int64_t)best;
    }
    return LEAT_OK;
}

leat_status leati_on_ArgMax(leati_ocall *k)
{
    return argument(k, true);
}

leat_status leati_on_ArgMin(leati_ocall *k)
{
    return argument(k, false);
}
