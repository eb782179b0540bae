/* Owns: convolutions and pools. */
#include <math.h>
#include <string.h>

#include "device/window.h"
#include "onnx/operators.h"

static void put3(int64_t *out, const int64_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = list[i];
}

/* What sums of such numbers do not overflow. */
static bool is_small(int64_t n)
{
    return n >= INT32_MIN && n <= INT32_MAX;
}

static leat_status check_step(leati_ocall *k, const char *name, int64_t n)
{
    if (n >= 1 && n <= INT32_MAX) return LEAT_OK;
    return leati_ofail(k, LEAT_SHAPE, "%s has %lld, which is not from 1 to %d", name, (long long)n,
                       INT32_MAX);
}

/* Window of a node over an input of shape (N, C, spatial...) with the given kernel. */
static leat_status window_of(leati_ocall *k, leat_shape x, const int64_t *kernel, leat_window *w)
{
    size_t strides, dilations, pads, n = (size_t)(x.rank - 2);
    const int64_t *stride = leati_oattr_ints(k, "strides", &strides);
    const int64_t *dilation = leati_oattr_ints(k, "dilations", &dilations);
    const int64_t *pad = leati_oattr_ints(k, "pads", &pads);
    const char *mode = leati_oattr_text(k, "auto_pad", "NOTSET");
    *w = leat_window_default();
    if (x.rank < 3 || x.rank > 5)
        return leati_ofail(k, LEAT_UNSUPPORTED, "windows over %d dimensions", x.rank - 2);
    if ((strides && strides != n) || (dilations && dilations != n) || (pads && pads != 2 * n))
        return leati_ofail(k, LEAT_SHAPE, "strides, dilations or pads do not fit %zu dimensions",
                           n);
    put3(w->kernel, kernel, n);
    put3(w->stride, (const int64_t[]){1, 1, 1}, n);
    put3(w->stride, stride, strides);
    put3(w->dilation, dilation, dilations);
    for (size_t i = 0; i < n; i++) {
        LEATI_TRY(check_step(k, "kernel_shape", w->kernel[i]));
        LEATI_TRY(check_step(k, "strides", w->stride[i]));
        LEATI_TRY(check_step(k, "dilations", w->dilation[i]));
        if (pads && (!is_small(pad[i]) || !is_small(pad[n + i])))
            return leati_ofail(k, LEAT_SHAPE, "pads out of range");
        if (pads) w->pad_low[i] = pad[i], w->pad_high[i] = pad[n + i];
        if (strncmp(mode, "SAME", 4) != 0) continue;
        int64_t in = x.dim[i + 2], out = (in + w->stride[i] - 1) / w->stride[i];
        int64_t all = (out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - in;
        if (all < 0) all = 0;
        w->pad_low[i] = !strcmp(mode, "SAME_LOWER") ? all - all / 2 : all / 2;
        w->pad_high[i] = all - w->pad_low[i];
    }
    w->groups = (int)leati_oattr_int(k, "group", 1);
    w->ceil_mode = leati_oattr_int(k, "ceil_mode", 0) != 0;
    w->count_padding = leati_oattr_int(k, "count_include_pad", 0) != 0;
    return LEAT_OK;
}

/* The kernel of pools. */
static leat_status kernel_of(leati_ocall *k, leat_shape x, const int64_t **kernel)
{
    size_t count;
    *kernel = leati_oattr_ints(k, "kernel_shape", &count);
    if (x.rank < 3 || count != (size_t)(x.rank - 2))
        return leati_ofail(k, LEAT_SHAPE, "a kernel of %zu dimensions over %s", count,
                           leati_shape_string(&x).text);
    return LEAT_OK;
}

leat_tensor *leati_oadd_bias(leati_ocall *k, leat_tensor *y, size_t input)
{
    if (!leati_ohas(k, input)) return y;
    leat_tensor *b = leati_oin(k, input);
    leat_shape s = {.rank = leat_tensor_shape(y).rank};
    if (!b || s.rank < 2) return NULL;
    for (int i = 0; i < s.rank; i++) s.dim[i] = 1;
    s.dim[1] = -1;
    return leat_add(y, leat_reshape(b, s));
}

/* ---- convolutions --------------------------------------------------------------------------- */

leat_tensor *leati_oconv(leati_ocall *k, leat_tensor *x, leat_tensor *w)
{
    leat_shape sx = leat_tensor_shape(x), sw = leat_tensor_shape(w);
    leat_window o;
    if (!x || !w) return NULL;
    if (sx.rank != sw.rank) {
        (void)leati_ofail(k, LEAT_SHAPE, "weights %s do not fit %s", leati_shape_string(&sw).text,
                          leati_shape_string(&sx).text);
        return NULL;
    }
    if (window_of(k, sx, sw.dim + 2, &o) != LEAT_OK) return NULL;
    return leat_conv(x, w, &o);
}

leat_status leati_on_Conv(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    return leati_oset(k, 0,
                      leati_oadd_bias(k, leati_oconv(k, leati_oin(k, 0), leati_oin(k, 1)), 2));
}

leat_status leati_on_ConvTranspose(leati_ocall *k)
{
    size_t extra, shaped;
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *x = leati_oin(k, 0), *w = leati_oin(k, 1);
    leat_shape sx = leat_tensor_shape(x), sw = leat_tensor_shape(w);
    const int64_t *more = leati_oattr_ints(k, "output_padding", &extra);
    const int64_t *want = leati_oattr_ints(k, "output_shape", &shaped);
    const char *mode = leati_oattr_text(k, "auto_pad", "NOTSET");
    bool same = !strncmp(mode, "SAME", 4);
    leat_window o;
    if (sx.rank != sw.rank || sx.rank < 3)
        return leati_ofail(k, LEAT_SHAPE, "weights %s do not fit %s", leati_shape_string(&sw).text,
                           leati_shape_string(&sx).text);
    size_t n = (size_t)(sx.rank - 2);
    LEATI_TRY(window_of(k, sx, sw.dim + 2, &o));
    if ((extra && extra != n) || (shaped && shaped != n && shaped != n + 2))
        return leati_ofail(k, LEAT_SHAPE, "output_padding or output_shape does not fit");
    put3(o.output_padding, more, extra);
    if (shaped == n + 2) want += 2;
    for (size_t i = 0; i < n; i++)
        if ((extra && !is_small(more[i])) || (shaped && !is_small(want[i])))
            return leati_ofail(k, LEAT_SHAPE, "output_padding or output_shape out of range");
    for (size_t i = 0; i < n && (shaped || same); i++) {
        int64_t size = shaped ? want[i] : sx.dim[i + 2] * o.stride[i];
        int64_t all = o.stride[i] * (sx.dim[i + 2] - 1) + o.output_padding[i] +
                      (o.kernel[i] - 1) * o.dilation[i] + 1 - size;
        if (all < 0) { /* more is wanted than the windows cover */
            o.output_padding[i] -= all;
            all = 0;
        }
        o.pad_low[i] = !strcmp(mode, "SAME_UPPER") ? all / 2 : all - all / 2;
        o.pad_high[i] = all - o.pad_low[i];
    }
    return leati_oset(k, 0, leati_oadd_bias(k, leat_conv_transpose(x, w, &o), 2));
}

/* ---- pools ---------------------------------------------------------------------------------- */

/* Places in the plane become places in the tensor; storage_order 1 counts the plane column by
 * column. */
static leat_tensor *whole_index(leati_ocall *k, leat_tensor *index, leat_shape x)
{
    int64_t plane = 1, planes = x.dim[0] * x.dim[1];
    for (int i = 2; i < x.rank; i++) plane *= x.dim[i];
    if (leati_oattr_int(k, "storage_order", 0)) {
        leat_tensor *rest = index, *at = leat_like(index, 0);
        int64_t step = plane;
        for (int i = x.rank; i-- > 2;) {
            leat_tensor *dim = leat_like(rest, (double)x.dim[i]);
            step /= x.dim[i] ? x.dim[i] : 1;
            at = leat_add(at, leat_scale(leat_mod(rest, dim), (double)step));
            rest = leat_div(rest, dim);
        }
        index = at;
    }
    int64_t *start = leati_oalloc(k, (size_t)planes, sizeof *start);
    if (!start) return NULL;
    for (int64_t i = 0; i < planes; i++) start[i] = i * plane;
    leat_shape s = x;
    for (int i = 2; i < s.rank; i++) s.dim[i] = 1;
    return leat_add(index, leat_constant(k->graph, LEAT_DTYPE_I64, s, start));
}

leat_status leati_on_MaxPool(leati_ocall *k)
{
    const int64_t *kernel;
    leat_window o;
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_oin(k, 0), *index = NULL;
    if (!x) return leat_error_status(k->context);
    leat_shape s = leat_tensor_shape(x);
    LEATI_TRY(kernel_of(k, s, &kernel));
    LEATI_TRY(window_of(k, s, kernel, &o));
    leat_dtype type = leat_tensor_dtype(x);
    if (!leati_dtype_is_float(type)) x = leat_cast(x, LEAT_DTYPE_F32);
    leat_tensor *y = leat_pool_max(x, &o, leati_owants(k, 1) ? &index : NULL);
    LEATI_TRY(leati_oset(k, 0, leat_cast(y, type)));
    return leati_owants(k, 1) ? leati_oset(k, 1, whole_index(k, index, s)) : LEAT_OK;
}

leat_status leati_on_AveragePool(leati_ocall *k)
{
    const int64_t *kernel;
    leat_window o;
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_oin(k, 0);
    leat_shape s = leat_tensor_shape(x);
    LEATI_TRY(kernel_of(k, s, &kernel));
    LEATI_TRY(window_of(k, s, kernel, &o));
    return leati_oset(k, 0, leat_pool_avg(x, &o));
}

/* How far the last window of a pool reaches over the padding: convolutions know no ceil_mode. */
static int64_t last_window(const leat_window *o, int i, int64_t in)
{
    int64_t count = leati_window_count(in, o->kernel[i], o->stride[i], o->dilation[i],
                                       o->pad_low[i], o->pad_high[i], o->ceil_mode);
    int64_t reach = (count - 1) * o->stride[i] + (o->kernel[i] - 1) * o->dilation[i] + 1;
    int64_t over = reach - o->pad_low[i] - in - o->pad_high[i];
    return count > 0 && over > 0 ? over : 0;
}

/* (sum of |x|^p)^(1/p): the sum is a convolution of every channel with ones. */
leat_status leati_on_LpPool(leati_ocall *k)
{
    const int64_t *kernel;
    leat_window o;
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_oin(k, 0);
    if (!x) return leat_error_status(k->context);
    leat_shape s = leat_tensor_shape(x), w = {.rank = s.rank};
    double p = (double)leati_oattr_int(k, "p", 2);
    LEATI_TRY(kernel_of(k, s, &kernel));
    LEATI_TRY(window_of(k, s, kernel, &o));
    w.dim[0] = s.dim[1];
    w.dim[1] = 1;
    for (int i = 2; i < s.rank; i++) {
        w.dim[i] = kernel[i - 2];
        o.pad_high[i - 2] += last_window(&o, i - 2, s.dim[i]);
    }
    o.groups = (int)s.dim[1];
    leat_tensor *power = p == 1   ? leat_abs(x)
                         : p == 2 ? leat_mul(x, x)
                                  : leat_pow(leat_abs(x), leat_like(x, p));
    leat_tensor *sum = leat_conv(power, leat_expand(leat_like(x, 1), w), &o);
    return leati_oset(k, 0,
                      p == 1   ? sum
                      : p == 2 ? leat_sqrt(sum)
                               : leat_pow(sum, leat_like(sum, 1 / p)));
}

leat_status leati_on_GlobalAveragePool(leati_ocall *k)
{
    return leati_oset(k, 0, leat_pool_global_avg(leati_oin(k, 0), false));
}

leat_status leati_on_GlobalMaxPool(leati_ocall *k)
{
    return leati_oset(k, 0, leat_pool_global_max(leati_oin(k, 0), false));
}

leat_status leati_on_GlobalLpPool(leati_ocall *k)
{
    leat_tensor *x = leati_oin(k, 0);
    double p = (double)leati_oattr_int(k, "p", 2);
    int axes[LEAT_MAX_RANK];
    size_t count = 0;
    if (!x) return leat_error_status(k->context);
    for (int i = 2; i < leat_tensor_shape(x).rank; i++) axes[count++] = i;
    if (!count) return leati_opass(k, 0, k->in[0]);
    leat_tensor *sum = leat_sum(leat_pow(leat_abs(x), leat_like(x, p)), count, axes, true);
    return leati_oset(k, 0, leat_pow(sum, leat_like(sum, 1 / p)));
}
