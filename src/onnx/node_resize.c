/* Owns: resampling of images: Resize, Upsample, grids. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

/* ---- resize: one axis after another -------------------------------------------------------------
 */

typedef struct resizing {
    const char *mode, *coordinates, *nearest;
    double cubic, extrapolation;
    bool exclude, antialias;
} resizing;

typedef struct axis_map { /* of one axis */
    int64_t in, out;
    double scale, roi[2];
    double length; /* that corners are aligned to: out or, as ONNX's text has it, scale * in */
} axis_map;

/* Length in times scale as ONNX Runtime and PyTorch have it, in single precision: 10 times 0.7 is
 * 7, although the next float to 0.7 is less. */
static double scaled(int64_t in, double scale)
{
    return floor((double)(float)(scale * (double)in));
}

/* Corners are aligned to the length that there is, as by ONNX Runtime and PyTorch, whose models say
 * their scales: 9 times 1.5 is 13, whose last element is the input's last. ONNX's text divides by
 * 13.5, and so do its tests, which give scales as an input. */
static void set_scale(axis_map *a, double scale, bool given)
{
    a->scale = scale;
    a->out = (int64_t)scaled(a->in, scale);
    a->length = given ? scale * (double)a->in : (double)a->out;
}

/* Where output y lies in the input. */
static double source(const resizing *r, const axis_map *a, double y)
{
    double in = (double)a->in, out = a->scale * in;
    const char *mode = r->coordinates;
    if (!strcmp(mode, "align_corners")) return a->length == 1 ? 0 : y * (in - 1) / (a->length - 1);
    if (!strcmp(mode, "asymmetric")) return y / a->scale;
    if (!strcmp(mode, "pytorch_half_pixel") && out == 1) return -0.5;
    if (!strcmp(mode, "tf_half_pixel_for_nn")) return (y + 0.5) / a->scale;
    if (!strcmp(mode, "tf_crop_and_resize")) {
        double from = a->roi[0] * (in - 1), to = a->roi[1] * (in - 1);
        return a->length == 1 ? (from + to) / 2 : from + y * (to - from) / (a->length - 1);
    }
    double x = (y + 0.5) / a->scale - 0.5;
    if (!strcmp(mode, "half_pixel_symmetric")) x += in / 2 * (1 - (double)a->out / out);
    return x;
}

/* The same for the nearest element, in single precision and in the order of ONNX Runtime: the last
 * bit can choose the element, and models were made to agree with that bit. So 17 / 1.7 is 10. */
static double source_single(const resizing *r, const axis_map *a, int64_t at)
{
    float y = (float)at, in = (float)a->in, scale = (float)a->scale;
    float out = (float)a->length;
    const char *mode = r->coordinates;
    if (!strcmp(mode, "align_corners")) return out == 1 ? 0 : (double)(y * (in - 1) / (out - 1));
    if (!strcmp(mode, "asymmetric")) return (double)(y / scale);
    if (!strcmp(mode, "pytorch_half_pixel") && a->out == 1) return 0;
    if (!strcmp(mode, "tf_half_pixel_for_nn")) return (double)((y + 0.5f) / scale);
    if (!strcmp(mode, "tf_crop_and_resize")) {
        float from = (float)a->roi[0], to = (float)a->roi[1];
        if (out == 1) return (double)(float)(0.5 * (double)(from + to) * (double)(in - 1));
        return (double)(from * (in - 1) + y * (to - from) * (in - 1) / (out - 1));
    }
    if (!strcmp(mode, "half_pixel_symmetric")) {
        float offset = in / 2 * (1 - (float)a->out / (scale * in));
        double x = (double)offset + ((double)y + 0.5) / (double)scale - 0.5;
        return (double)(float)x;
    }
    return (double)((y + 0.5f) / scale - 0.5f);
}

/* The whole number next to x. A place within 1e-6 of half-way counts as half-way, as in ONNX
 * Runtime: rounded scales leave most of those that are meant to be there a little beside it. */
static double rounded(double x, bool prefer_ceil)
{
    double low = floor(x), part = x - low;
    if (fabs(part - 0.5) <= 1e-6) return prefer_ceil ? low + 1 : low;
    return part < 0.5 ? low : low + 1;
}

static int64_t nearest_index(const resizing *r, const axis_map *a, double x)
{
    bool up = !strcmp(r->nearest, "ceil") || (!strcmp(r->nearest, "simple") && a->scale < 1);
    bool down = !strcmp(r->nearest, "floor") || !strcmp(r->nearest, "simple");
    double i = up     ? ceil(x)
               : down ? floor(x)
                      : rounded(x, !strcmp(r->nearest, "round_prefer_ceil"));
    return i < 0 ? 0 : i >= (double)a->in ? a->in - 1 : (int64_t)i;
}

/* Keys' cubic convolution kernel (1981) with parameter a; the triangle for linear. */
static double filter(const resizing *r, double d)
{
    double a = r->cubic, x = fabs(d);
    if (strcmp(r->mode, "cubic") != 0) return x < 1 ? 1 - x : 0;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* Weights (out, in) of one axis; outside[y] where the source is beyond the image. */
static void weigh(const resizing *r, const axis_map *a, float *w, uint8_t *outside)
{
    double shrink = r->antialias && a->scale < 1 ? a->scale : 1;
    double reach = (strcmp(r->mode, "cubic") ? 1 : 2) / shrink;
    bool crop = !strcmp(r->coordinates, "tf_crop_and_resize");
    for (int64_t y = 0; y < a->out; y++) {
        double x = source(r, a, (double)y), sum = 0;
        float *row = w + y * a->in;
        outside[y] = crop && !(x >= 0 && x <= (double)(a->in - 1));
        if (outside[y] || !(fabs(x) < 1e15)) continue;
        int64_t from = (int64_t)ceil(x - reach), to = (int64_t)floor(x + reach);
        for (int64_t i = from; i <= to; i++) {
            double weight = filter(r, shrink * ((double)i - x));
            if (r->exclude && (i < 0 || i >= a->in)) continue;
            row[i < 0 ? 0 : i >= a->in ? a->in - 1 : i] += (float)weight;
            sum += weight;
        }
        for (int64_t i = 0; i < a->in && sum != 0; i++) row[i] = (float)((double)row[i] / sum);
    }
}

/* x times the weights along an axis. */
static leat_tensor *apply(leati_ocall *k, leat_tensor *x, int axis, const axis_map *a,
                          const float *w)
{
    leat_shape s = leat_tensor_shape(x), flat = {.rank = 3, .dim = {1, 1, 1}};
    if (!x) return NULL;
    for (int d = 0; d < s.rank; d++) flat.dim[d < axis ? 0 : d == axis ? 1 : 2] *= s.dim[d];
    leat_tensor *m = leati_odata(k, LEAT_DTYPE_F32, LEAT_DIMS(a->out, a->in), w);
    m = leat_cast(m, leat_tensor_dtype(x));
    s.dim[axis] = a->out;
    /* The axis is the last of (outer, n) or the middle of (outer, n, inner). */
    if (flat.dim[2] == 1)
        return leat_reshape(
            leat_matmul_t(leat_reshape(x, LEAT_DIMS(flat.dim[0], a->in)), false, m, true), s);
    return leat_reshape(leat_matmul(m, leat_reshape(x, flat)), s);
}

/* Whole elements are moved, whatever their type. */
static leat_status resize_nearest(leati_ocall *k, const resizing *r, const axis_map *maps,
                                  leat_shape s)
{
    leat_shape from = k->in[0]->shape;
    int64_t *index[LEAT_MAX_RANK], strides[LEAT_MAX_RANK];
    const void *data;
    void *out;
    double fill[2] = {0};
    size_t width = leati_oval_width(k->in[0]->element);
    bool crop = !strcmp(r->coordinates, "tf_crop_and_resize");
    if (!crop && leati_oneeds_graph(k, 1) && leati_shape_count(&from)) {
        leat_tensor *x = leati_oin(k, 0);
        for (int d = 0; d < s.rank; d++) {
            if (maps[d].scale == 1) continue;
            int64_t *place = leati_oalloc(k, (size_t)s.dim[d], sizeof *place);
            if (!place) return LEAT_NOMEM;
            for (int64_t y = 0; y < s.dim[d]; y++)
                place[y] = nearest_index(r, &maps[d], source_single(r, &maps[d], y));
            x = leat_take(x, leati_odata(k, LEAT_DTYPE_I64, LEAT_DIMS(s.dim[d]), place), d);
        }
        return leati_oset(k, 0, x);
    }
    leati_ostrides(&from, strides);
    if (k->in[0]->element != LEATI_ONNX_STRING)
        leati_oput(k->in[0]->element, fill, 0, r->extrapolation);
    LEATI_TRY(leati_ohost(k, 0, &data));
    LEATI_TRY(leati_onew(k, 0, k->in[0]->element, s, &out));
    for (int d = 0; d < s.rank; d++) {
        index[d] = leati_oalloc(k, (size_t)s.dim[d], sizeof **index);
        if (!index[d]) return LEAT_NOMEM;
        for (int64_t y = 0; y < s.dim[d]; y++) {
            double x = maps[d].scale == 1 && !crop ? (double)y : source_single(r, &maps[d], y);
            bool off = crop && !(x >= 0 && x <= (double)(from.dim[d] - 1));
            index[d][y] = off ? -1 : nearest_index(r, &maps[d], x);
        }
    }
    size_t count = leati_shape_count(&s);
    if (count && !leati_shape_count(&from)) return leati_ofail(k, LEAT_SHAPE, "an empty image");
    for (size_t i = 0; i < count; i++) {
        size_t rest = i;
        int64_t at = 0;
        bool inside = true;
        for (int d = s.rank; d-- > 0; rest /= (size_t)s.dim[d]) {
            int64_t j = index[d][rest % (size_t)s.dim[d]];
            inside &= j >= 0;
            at += j * strides[d];
        }
        const void *p = inside ? (const char *)data + (size_t)at * width : (const char *)fill;
        memcpy((char *)out + i * width, p, width);
    }
    return LEAT_OK;
}

static leat_status resize(leati_ocall *k, const resizing *r, const axis_map *maps)
{
    leat_shape s = k->in[0]->shape;
    for (int d = 0; d < s.rank; d++) s.dim[d] = maps[d].out;
    LEATI_TRY(leati_oval_check(k->context, &s, k->in[0]->element));
    if (!strcmp(r->mode, "nearest")) return resize_nearest(k, r, maps, s);
    leat_tensor *x = leati_oin(k, 0), *missing = NULL;
    leat_dtype type = leat_tensor_dtype(x);
    leat_dtype wide = type == LEAT_DTYPE_F64 ? type : LEAT_DTYPE_F32;
    x = leat_cast(x, wide);
    for (int d = 0; d < s.rank && x; d++) {
        const axis_map *a = &maps[d];
        if (a->in == a->out && a->scale == 1 && strcmp(r->coordinates, "tf_crop_and_resize"))
            continue;
        if (!a->in) return leati_ofail(k, LEAT_SHAPE, "an empty image");
        leat_shape line = {.rank = s.rank}, m = LEAT_DIMS(a->out, a->in);
        LEATI_TRY(leati_oval_check(k->context, &m, LEATI_ONNX_FLOAT));
        float *w = leati_oalloc(k, (size_t)(a->out * a->in), sizeof *w);
        uint8_t *outside = leati_oalloc(k, (size_t)a->out, 1);
        if (!w || !outside) return LEAT_NOMEM;
        weigh(r, a, w, outside);
        if (a->scale != 1 || a->in != a->out || a->roi[0] != 0 || a->roi[1] != 1)
            x = apply(k, x, d, a, w);
        if (!memchr(outside, 1, (size_t)a->out)) continue;
        for (int e = 0; e < s.rank; e++) line.dim[e] = e == d ? s.dim[e] : 1;
        leat_tensor *here = leati_odata(k, LEAT_DTYPE_BOOL, line, outside);
        missing = missing ? leat_or(missing, here) : here;
    }
    if (missing) x = leat_where(missing, leat_like(x, r->extrapolation), x);
    return leati_oset(k, 0, leat_cast(leati_dtype_is_float(type) ? x : leat_round(x), type));
}

/* Sizes in place of scales, perhaps of equal proportions. */
static void fit_sizes(const char *policy, axis_map *maps, const int64_t *sizes, const int *axes,
                      size_t count)
{
    bool larger = !strcmp(policy, "not_smaller"), keep = larger || !strcmp(policy, "not_larger");
    double scale = 0;
    for (size_t j = 0; j < count && keep; j++) {
        double own = (double)sizes[j] / (double)maps[axes[j]].in;
        if (j == 0 || (larger ? own > scale : own < scale)) scale = own;
    }
    for (size_t j = 0; j < count; j++) {
        axis_map *a = &maps[axes[j]];
        a->out = keep ? (int64_t)floor(scale * (double)a->in + 0.5) : sizes[j];
        a->scale = keep ? scale : (double)sizes[j] / (double)a->in;
        a->length = (double)a->out;
    }
}

static leat_status resize_node(leati_ocall *k, const resizing *r, size_t scales_at)
{
    axis_map maps[LEAT_MAX_RANK] = {{0}};
    double *scale = NULL, *roi = NULL;
    const int64_t *sizes = NULL, *list;
    size_t count = 0, axes_count;
    int axes[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape s = k->in[0]->shape;
    for (int d = 0; d < s.rank; d++)
        maps[d] = (axis_map){s.dim[d], s.dim[d], 1, {0, 1}, (double)s.dim[d]};
    list = leati_oattr_ints(k, "axes", &axes_count);
    LEATI_TRY(leati_oaxes(k, list, axes_count, s.rank, axes));
    for (int d = 0; d < s.rank && !axes_count; d++) axes[d] = d;
    size_t most = axes_count ? axes_count : (size_t)s.rank;
    if (scales_at == 2 && leati_ohas(k, 1) && leati_shape_count(&k->in[1]->shape)) {
        LEATI_TRY(leati_of64(k, 1, &roi));
        if (leati_shape_count(&k->in[1]->shape) != 2 * most)
            return leati_ofail(k, LEAT_SHAPE, "roi does not fit");
        for (size_t j = 0; j < most; j++) {
            maps[axes[j]].roi[0] = roi[j];
            maps[axes[j]].roi[1] = roi[most + j];
        }
    }
    if (leati_ohas(k, scales_at)) {
        LEATI_TRY(leati_of64(k, scales_at, &scale));
        count = leati_shape_count(&k->in[scales_at]->shape);
    }
    if (count == 0 && leati_ohas(k, 3)) LEATI_TRY(leati_oints(k, 3, &sizes, &count));
    if (count != most)
        return leati_ofail(k, LEAT_SHAPE, "%zu scales or sizes for %zu axes", count, most);
    for (size_t j = 0; j < count; j++) {
        axis_map *a = &maps[axes[j]];
        if (sizes ? sizes[j] < 0 || sizes[j] > INT32_MAX || !a->in
                  : !(scale[j] > 0 && scale[j] * (double)a->in <= 0x1p31))
            return leati_ofail(k, LEAT_INVALID, "a scale or size out of range");
        if (sizes) continue;
        set_scale(a, scale[j], k->in[scales_at]->varying);
    }
    if (sizes)
        fit_sizes(leati_oattr_text(k, "keep_aspect_ratio_policy", "stretch"), maps, sizes, axes,
                  count);
    return resize(k, r, maps);
}

leat_status leati_on_Resize(leati_ocall *k)
{
    const char *mode = leati_oattr_text(k, "mode", "nearest");
    bool old = k->version < 11;
    resizing r = {
        .mode = !strcmp(mode, "bilinear") ? "linear" : mode,
        .coordinates = old ? "asymmetric"
                           : leati_oattr_text(k, "coordinate_transformation_mode", "half_pixel"),
        .nearest = old ? "simple" : leati_oattr_text(k, "nearest_mode", "round_prefer_floor"),
        .cubic = leati_oattr_float(k, "cubic_coeff_a", -0.75),
        .extrapolation = leati_oattr_float(k, "extrapolation_value", 0),
        .exclude = leati_oattr_int(k, "exclude_outside", 0),
        .antialias = leati_oattr_int(k, "antialias", 0)};
    return resize_node(k, &r, old ? 1 : 2);
}

leat_status leati_on_Upsample(leati_ocall *k)
{
    const char *mode = leati_oattr_text(k, "mode", "nearest");
    resizing r = {.mode = !strcmp(mode, "bilinear") ? "linear" : mode,
                  .coordinates = "asymmetric",
                  .nearest = "floor"};
    if (k->version >= 9) return resize_node(k, &r, 1);
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, "scales");
    axis_map maps[LEAT_MAX_RANK];
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape s = k->in[0]->shape;
    if (!a || a->floats.count != (size_t)s.rank)
        return leati_ofail(k, LEAT_SHAPE, "its scales do not fit");
    for (int d = 0; d < s.rank; d++) {
        double scale = (double)a->floats.at[d];
        if (!(scale > 0 && scaled(s.dim[d], scale) <= 0x1p31))
            return leati_ofail(k, LEAT_INVALID, "a scale out of range");
        maps[d] = (axis_map){.in = s.dim[d], .roi = {0, 1}};
        set_scale(&maps[d], scale, false);
    }
    return resize(k, &r, maps);
}

/* ---- grids ---------------------------------------------------------------------------------- */

/* A coordinate mirrored at the borders low and high until it is between them. */
static double reflect(double x, double low, double high)
{
    double span = high - low;
    if (span <= 0) return low;
    double d = fmod(fabs(x - low), 2 * span);
    return d <= span ? low + d : high - (d - span);
}

typedef struct sampler {
    int dims;
    int64_t size[3], stride[3];
    bool align, zeros, border;
    int reach; /* neighbours per side: 0 nearest, 1 linear, 2 cubic */
} sampler;

static int64_t pixel(const sampler *s, int d, int64_t i)
{
    int64_t n = s->size[d];
    if (i >= 0 && i < n) return i;
    if (s->zeros) return -1;
    if (s->border) return i < 0 ? 0 : n - 1;
    double r = s->align ? reflect((double)i, 0, (double)(n - 1))
                        : reflect((double)i, -0.5, (double)n - 0.5);
    int64_t at = (int64_t)r;
    return at < 0 ? 0 : at >= n ? n - 1 : at;
}

/* Indices and weights of the neighbours of coordinate g in -1 .. 1 along dimension d. */
static int neighbours(const sampler *s, int d, double g, int64_t *index, double *weight)
{
    double n = (double)s->size[d];
    double x = s->align ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
    if (!(fabs(x) < 1e15)) x = -1e9; /* NaN and beyond are outside */
    /* a cubic sees the border repeated, as in PyTorch, and not its own centre moved to it */
    if (s->border && s->reach < 2) x = x < 0 ? 0 : x > n - 1 ? n - 1 : x;
    else if (!s->zeros && !s->border)
        x = s->align ? reflect(x, 0, n - 1) : reflect(x, -0.5, n - 0.5);
    if (s->reach == 0) {
        index[0] = pixel(s, d, (int64_t)rint(x));
        weight[0] = 1;
        return 1;
    }
    static const resizing cubic = {.mode = "cubic", .cubic = -0.75}, linear = {.mode = "linear"};
    int64_t base = (int64_t)floor(x);
    int count = 2 * s->reach;
    for (int j = 0; j < count; j++) {
        int64_t i = base + j - (s->reach - 1);
        index[j] = pixel(s, d, i);
        weight[j] = filter(s->reach == 2 ? &cubic : &linear, (double)i - x);
    }
    return count;
}

static double sample(const sampler *s, const double *plane, const double *grid)
{
    int64_t index[3][4];
    double weight[3][4], sum = 0;
    int count[3] = {1, 1, 1}, at[3] = {0};
    /* The grid names the last dimension first. */
    for (int d = 0; d < s->dims; d++)
        count[d] = neighbours(s, d, grid[s->dims - 1 - d], index[d], weight[d]);
    for (int total = count[0] * count[1] * count[2], i = 0; i < total; i++) {
        double w = 1;
        int64_t p = 0;
        bool inside = true;
        for (int d = 0; d < s->dims; d++) {
            w *= weight[d][at[d]];
            inside &= index[d][at[d]] >= 0;
            p += index[d][at[d]] * s->stride[d];
        }
        if (inside) sum += w * plane[p];
        for (int d = s->dims; d-- > 0 && ++at[d] == count[d];) at[d] = 0;
    }
    return sum;
}

leat_status leati_on_GridSample(leati_ocall *k)
{
    double *x, *grid;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_of64(k, 1, &grid));
    leat_shape s = k->in[0]->shape, g = k->in[1]->shape, out = s;
    const char *mode = leati_oattr_text(k, "mode", "linear");
    const char *padding = leati_oattr_text(k, "padding_mode", "zeros");
    int dims = s.rank - 2;
    if (dims < 1 || dims > 3 || g.rank != s.rank || g.dim[0] != s.dim[0] ||
        g.dim[g.rank - 1] != dims)
        return leati_ofail(k, LEAT_SHAPE, "grid %s does not fit %s", leati_shape_string(&g).text,
                           leati_shape_string(&s).text);
    sampler p = {.dims = dims, .align = leati_oattr_int(k, "align_corners", 0)};
    p.zeros = !strcmp(padding, "zeros");
    p.border = !strcmp(padding, "border");
    p.reach = !strcmp(mode, "nearest") ? 0 : strstr(mode, "cubic") ? 2 : 1;
    int64_t plane = 1, points = 1;
    for (int d = dims; d-- > 0;) {
        p.size[d] = s.dim[d + 2];
        p.stride[d] = plane;
        plane *= s.dim[d + 2];
        points *= g.dim[d + 1];
        out.dim[d + 2] = g.dim[d + 1];
    }
    if (plane == 0) return leati_ofail(k, LEAT_SHAPE, "an empty image");
    LEATI_TRY(leati_oval_check(k->context, &out, LEATI_ONNX_DOUBLE));
    double *y = leati_oalloc(k, leati_shape_count(&out), sizeof *y);
    if (!y) return LEAT_NOMEM;
    for (int64_t i = 0; i < s.dim[0] * s.dim[1]; i++)
        for (int64_t j = 0; j < points; j++)
            y[i * points + j] =
                sample(&p, x + i * plane, grid + (i / s.dim[1] * points + j) * dims);
    return leati_oset_f64(k, 0, k->in[0]->element, out, y);
}

leat_status leati_on_AffineGrid(leati_ocall *k)
{
    double *theta;
    const int64_t *size;
    size_t count;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(leati_of64(k, 0, &theta));
    LEATI_TRY(leati_oints(k, 1, &size, &count));
    bool align = leati_oattr_int(k, "align_corners", 0);
    int dims = (int)count - 2;
    leat_shape t = k->in[0]->shape;
    if ((dims != 2 && dims != 3) || t.rank != 3 || t.dim[0] != size[0] || t.dim[1] != dims ||
        t.dim[2] != dims + 1)
        return leati_ofail(k, LEAT_SHAPE, "theta and size do not fit");
    leat_shape out = {.rank = dims + 2};
    out.dim[0] = size[0];
    for (int d = 0; d < dims; d++) out.dim[d + 1] = size[d + 2];
    out.dim[dims + 1] = dims;
    LEATI_TRY(leati_oval_check(k->context, &out, LEATI_ONNX_DOUBLE));
    double *y = leati_oalloc(k, leati_shape_count(&out), sizeof *y);
    if (!y) return LEAT_NOMEM;
    size_t points = leati_shape_count(&out) / (size_t)dims;
    for (size_t i = 0; i < points; i++) {
        double at[4] = {0};
        size_t rest = i;
        for (int d = dims; d-- > 0; rest /= (size_t)out.dim[d + 1]) {
            double n = (double)out.dim[d + 1], j = (double)(rest % (size_t)out.dim[d + 1]);
            double c = align ? (n > 1 ? 2 * j / (n - 1) - 1 : 0) : (2 * j + 1) / n - 1;
            at[dims - 1 - d] = c;
        }
        at[dims] = 1;
        for (int d = 0; d < dims; d++) {
            const double *row = theta + (rest * (size_t)dims + (size_t)d) * (size_t)(dims + 1);
            for (int j = 0; j <= dims; j++) y[i * (size_t)dims + (size_t)d] += row[j] * at[j];
        }
    }
    return leati_oset_f64(k, 0, k->in[0]->element, out, y);
}
