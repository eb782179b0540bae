/* Owns: softmax and normalisations. */
#include <string.h>

#include "onnx/operators.h"

/* ---- softmax -------------------------------------------------------------------------------- */

/* Before opset 13 the input is taken as a matrix whose rows begin at the axis. */
static leat_status along(leati_ocall *k, leat_tensor *(*f)(leat_tensor *x, int axis))
{
    leat_tensor *x = leati_oin(k, 0);
    if (!x) return leat_error_status(k->context);
    leat_shape s = leat_tensor_shape(x), flat = {.rank = 2, .dim = {1, 1}};
    bool matrix = k->version < 13;
    int64_t at = leati_oattr_int(k, "axis", matrix ? 1 : -1);
    if (matrix && at == s.rank) at = s.rank;
    else if ((at = leati_oaxis(k, at, s.rank)) < 0) return LEAT_SHAPE;
    if (!matrix) return leati_oset(k, 0, f(x, (int)at));
    for (int i = 0; i < s.rank; i++) flat.dim[i >= at] *= s.dim[i];
    return leati_oset(k, 0, leat_reshape(f(leat_reshape(x, flat), 1), s));
}

leat_status leati_on_Softmax(leati_ocall *k)
{
    return along(k, leat_softmax);
}

leat_status leati_on_LogSoftmax(leati_ocall *k)
{
    return along(k, leat_log_softmax);
}

/* 1 at the first place of the largest element along the axis, 0 elsewhere. */
static leat_tensor *hardmax(leat_tensor *x, int axis)
{
    leat_shape s = leat_tensor_shape(x);
    if (s.rank < 0 || s.dim[axis] > 1 << 24) return NULL;
    size_t n = (size_t)s.dim[axis];
    leat_graph *g = leat_tensor_graph(x);
    leat_shape row = {.rank = s.rank};
    for (int i = 0; i < s.rank; i++) row.dim[i] = i == axis ? s.dim[i] : 1;
    /* Places count down, so that the first one wins. */
    leati_arena arena;
    leati_arena_init(&arena, leat_graph_context(g));
    float *place = leati_arena_calloc(&arena, n + 1, sizeof *place);
    for (size_t i = 0; place && i < n; i++) place[i] = (float)(n - i);
    leat_tensor *places = place ? leat_constant(g, LEAT_DTYPE_F32, row, place) : NULL;
    leati_arena_fini(&arena);
    leat_tensor *hit = leat_equal(x, leat_max(x, 1, &axis, true));
    leat_tensor *score = leat_mul(leat_cast(hit, LEAT_DTYPE_F32), places);
    leat_tensor *first = leat_max(score, 1, &axis, true);
    return leat_cast(leat_equal(score, first), leat_tensor_dtype(x));
}

leat_status leati_on_Hardmax(leati_ocall *k)
{
    return along(k, hardmax);
}

/* ---- over the last axes -----------------------------------------------------------------------
 */

/* What stash_type says: the type of the mean and the deviation. */
static leat_dtype stash_named(leati_ocall *k, leat_tensor *x)
{
    leat_dtype stash;
    int32_t element = (int32_t)leati_oattr_int(k, "stash_type", LEATI_ONNX_FLOAT);
    if (leati_oval_dtype(element, &stash) && leati_dtype_is_float(stash)) return stash;
    return leat_tensor_dtype(x);
}

/* In which it is computed: f64 stays. */
static leat_dtype stash_of(leati_ocall *k, leat_tensor *x)
{
    leat_dtype type = leat_tensor_dtype(x);
    return type == LEAT_DTYPE_F64 ? type : stash_named(k, x);
}

leat_status leati_on_LayerNormalization(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *gamma = leati_oin(k, 1), *beta = NULL;
    if (leati_ohas(k, 2)) beta = leati_oin(k, 2);
    if (!x || !gamma) return leat_error_status(k->context);
    int rank = leat_tensor_shape(x).rank, axes[LEAT_MAX_RANK];
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", -1), rank);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-5);
    if (axis < 0) return LEAT_SHAPE;
    leat_dtype type = leat_tensor_dtype(x), stash = stash_of(k, x), named = stash_named(k, x);
    if (type == stash && !leati_owants(k, 1) && !leati_owants(k, 2))
        return leati_oset(k, 0, leat_layer_norm(x, rank - axis, gamma, beta, epsilon));
    x = leat_cast(x, stash);
    size_t count = 0;
    for (int i = axis; i < rank; i++) axes[count++] = i;
    leat_tensor *mean = leat_mean(x, count, axes, true), *d = leat_sub(x, mean);
    leat_tensor *scale =
        leat_rsqrt(leat_shift(leat_mean(leat_mul(d, d), count, axes, true), epsilon));
    leat_tensor *y = leat_mul(leat_cast(leat_mul(d, scale), type), gamma);
    LEATI_TRY(leati_oset(k, 0, beta ? leat_add(y, beta) : y));
    LEATI_TRY(leati_oset(k, 1, leat_cast(mean, named)));
    return leati_oset(k, 2, leat_cast(scale, named));
}

leat_status leati_on_RMSNormalization(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *gamma = leati_oin(k, 1);
    if (!x || !gamma) return leat_error_status(k->context);
    int rank = leat_tensor_shape(x).rank;
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", -1), rank);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-5);
    if (axis < 0) return LEAT_SHAPE;
    leat_dtype type = leat_tensor_dtype(x), stash = stash_of(k, x);
    leat_tensor *y = leat_rms_norm(leat_cast(x, stash), rank - axis, NULL, epsilon);
    return leati_oset(k, 0, leat_mul(leat_cast(y, type), gamma));
}

leat_status leati_on_GroupNormalization(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0), *gamma = leati_oin(k, 1), *beta = leati_oin(k, 2);
    int64_t groups = leati_oattr_int(k, "num_groups", 1);
    if (!x || !gamma || !beta) return leat_error_status(k->context);
    leat_shape s = leat_tensor_shape(x);
    if (s.rank < 2 || groups < 1 || groups > INT32_MAX || s.dim[1] % groups)
        return leati_ofail(k, LEAT_SHAPE, "%lld groups of %s", (long long)groups,
                           leati_shape_string(&s).text);
    leat_dtype type = leat_tensor_dtype(x), stash = stash_of(k, x);
    if (k->version < 21) { /* one factor per group */
        leat_shape per = LEAT_DIMS(groups, s.dim[1] / groups), flat = LEAT_DIMS(s.dim[1]);
        gamma = leat_reshape(leat_expand(leat_reshape(gamma, LEAT_DIMS(groups, 1)), per), flat);
        beta = leat_reshape(leat_expand(leat_reshape(beta, LEAT_DIMS(groups, 1)), per), flat);
    }
    leat_tensor *y =
        leat_group_norm(leat_cast(x, stash), (int)groups, leat_cast(gamma, stash),
                        leat_cast(beta, stash), false, leati_oattr_float(k, "epsilon", 1e-5));
    return leati_oset(k, 0, leat_cast(y, type));
}

leat_status leati_on_InstanceNormalization(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 3));
    return leati_oset(k, 0,
                      leat_instance_norm(leati_oin(k, 0), leati_oin(k, 1), leati_oin(k, 2), false,
                                         leati_oattr_float(k, "epsilon", 1e-5)));
}

/* ---- over the batch -----------------------------------------------------------------------------
 */

static leat_tensor *per_channel(leat_tensor *v, int rank)
{
    leat_shape s = {.rank = rank};
    for (int i = 0; i < rank; i++) s.dim[i] = i == 1 ? leat_tensor_shape(v).dim[0] : 1;
    return leat_reshape(v, s);
}

leat_status leati_on_BatchNormalization(leati_ocall *k)
{
    leat_tensor *v[5];
    LEATI_TRY(leati_oneed(k, 5));
    for (size_t i = 0; i < 5; i++)
        if (!(v[i] = leati_oin(k, i))) return leat_error_status(k->context);
    leat_shape s = leat_tensor_shape(v[0]);
    double epsilon = leati_oattr_float(k, "epsilon", 1e-5);
    double momentum = leati_oattr_float(k, "momentum", 0.9);
    bool training = k->version >= 14  ? leati_oattr_int(k, "training_mode", 0)
                    : k->version >= 7 ? leati_owants(k, 1)
                                      : !leati_oattr_int(k, "is_test", 0);
    if (s.rank < 1) return leati_ofail(k, LEAT_SHAPE, "a scalar has no channels");
    leat_dtype type = leat_tensor_dtype(v[0]);
    leat_dtype wide = type == LEAT_DTYPE_F64 ? type : LEAT_DTYPE_F32;
    leat_tensor *x = leat_cast(v[0], wide), *mean, *variance;
    if (s.rank == 1) x = leat_reshape(x, LEAT_DIMS(s.dim[0], 1));
    for (size_t i = 1; i < 5; i++) {
        if (leat_tensor_shape(v[i]).rank != 1)
            return leati_ofail(k, LEAT_SHAPE, "input %zu is not a list per channel", i + 1);
    }
    if (!training) {
        leat_tensor *y =
            leat_batch_norm(x, leat_cast(v[1], wide), leat_cast(v[2], wide), leat_cast(v[3], wide),
                            leat_cast(v[4], wide), false, epsilon);
        return leati_oset(k, 0, leat_cast(leat_reshape(y, s), type));
    }
    int axes[LEAT_MAX_RANK], rank = leat_tensor_shape(x).rank;
    size_t count = 0;
    for (int i = 0; i < rank; i++)
        if (i != 1) axes[count++] = i;
    mean = leat_mean(x, count, axes, false);
    leat_tensor *d = leat_sub(x, per_channel(mean, rank));
    variance = leat_mean(leat_mul(d, d), count, axes, false);
    leat_tensor *y = leat_batch_norm(x, leat_cast(v[1], wide), leat_cast(v[2], wide), mean,
                                     variance, false, epsilon);
    LEATI_TRY(leati_oset(k, 0, leat_cast(leat_reshape(y, s), type)));
    for (size_t i = 0; i < 2; i++) {
        leat_tensor *old = leat_scale(leat_cast(v[3 + i], wide), momentum);
        leat_tensor *now = leat_scale(i ? variance : mean, 1 - momentum);
        LEATI_TRY(leati_oset(k, 1 + i, leat_cast(leat_add(old, now), leat_tensor_dtype(v[3 + i]))));
        LEATI_TRY(
            leati_oset(k, 3 + i, leat_cast(i ? variance : mean, leat_tensor_dtype(v[3 + i]))));
    }
    return LEAT_OK;
}

/* ---- others --------------------------------------------------------------------------------- */

leat_status leati_on_LpNormalization(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", -1), leat_tensor_shape(x).rank);
    if (axis < 0 || !x) return leat_error_status(k->context);
    bool one = leati_oattr_int(k, "p", 2) == 1;
    leat_tensor *norm = leat_sum(one ? leat_abs(x) : leat_mul(x, x), 1, &axis, true);
    if (!one) norm = leat_sqrt(norm);
    leat_tensor *zero = leat_like(x, 0);
    return leati_oset(k, 0, leat_where(leat_equal(norm, zero), zero, leat_div(x, norm)));
}

leat_status leati_on_MeanVarianceNormalization(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    size_t count;
    const int64_t standard[] = {0, 2, 3}, *list = leati_oattr_ints(k, "axes", &count);
    int axes[LEAT_MAX_RANK];
    if (!x) return leat_error_status(k->context);
    if (!list) list = standard, count = 3;
    LEATI_TRY(leati_oaxes(k, list, count, leat_tensor_shape(x).rank, axes));
    leat_tensor *d = leat_sub(x, leat_mean(x, count, axes, true));
    leat_tensor *deviation = leat_sqrt(leat_mean(leat_mul(d, d), count, axes, true));
    return leati_oset(k, 0, leat_div(d, leat_shift(deviation, 1e-9)));
}

/* x / (bias + alpha / size sum of x^2 over size channels around)^beta: the sum is an average pool
 * over the channels. */
leat_status leati_on_LRN(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    leat_shape s = leat_tensor_shape(x);
    int64_t size = leati_oattr_int(k, "size", 1);
    if (!x || s.rank < 2 || size < 1 || size > 1 << 20)
        return leati_ofail(k, LEAT_SHAPE, "size %lld of %s", (long long)size,
                           leati_shape_string(&s).text);
    int64_t plane = 1;
    for (int i = 2; i < s.rank; i++) plane *= s.dim[i];
    leat_window w = leat_window_default();
    w.kernel[0] = size, w.kernel[1] = 1;
    w.stride[0] = w.stride[1] = 1;
    w.pad_low[0] = (size - 1) / 2, w.pad_high[0] = size / 2;
    w.count_padding = true;
    leat_tensor *squares = leat_reshape(leat_mul(x, x), LEAT_DIMS(s.dim[0], 1, s.dim[1], plane));
    leat_tensor *mean = leat_reshape(leat_pool_avg(squares, &w), s);
    leat_tensor *base = leat_shift(leat_scale(mean, leati_oattr_float(k, "alpha", 1e-4)),
                                   leati_oattr_float(k, "bias", 1));
    return leati_oset(
        k, 0, leat_div(x, leat_pow(base, leat_like(base, leati_oattr_float(k, "beta", 0.75)))));
}
