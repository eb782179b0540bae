/* Owns: regions of images: RoiAlign and DeformConv, sampled between the pixels, bilinearly, and
 * MaxRoiPool, of whole pixels. */
#include <math.h>
#include <string.h>

#include "onnx/operators.h"

/* ---- RoiAlign ---------------------------------------------------------------------------------
 */

typedef struct roi_align {
    int64_t height, width; /* of the image */
    int64_t rows, columns; /* of the result */
    int64_t ratio;         /* samples per cell and axis; 0: as many as pixels */
    double scale, offset;
    bool max, at_least_one; /* regions below a pixel count as one */
} roi_align;

/* The pixels around a coordinate and the weight of the second; false: too far outside. */
static bool around(double at, int64_t size, int64_t *low, int64_t *high, double *weight)
{
    if (!(at >= -1 && at <= (double)size)) return false;
    if (at < 0) at = 0;
    *low = (int64_t)at;
    if (*low >= size - 1) {
        *low = *high = size - 1;
        *weight = 0;
    } else {
        *high = *low + 1;
        *weight = at - (double)*low;
    }
    return true;
}

/* One sample; for the mode max the largest of the four weighted pixels, as the standard has it. */
static double sample_at(const roi_align *r, const double *plane, double y, double x)
{
    int64_t top, bottom, left, right;
    double down, across;
    if (!around(y, r->height, &top, &bottom, &down) || !around(x, r->width, &left, &right, &across))
        return 0;
    double a = (1 - down) * (1 - across) * plane[top * r->width + left];
    double b = (1 - down) * across * plane[top * r->width + right];
    double c = down * (1 - across) * plane[bottom * r->width + left];
    double d = down * across * plane[bottom * r->width + right];
    return r->max ? fmax(fmax(a, b), fmax(c, d)) : a + b + c + d;
}

typedef struct region {
    double top, left, cell_height, cell_width;
    int64_t down, across; /* samples of a cell */
} region;

static leat_status region_of(leati_ocall *k, const roi_align *r, const double *roi, region *out)
{
    double left = roi[0] * r->scale - r->offset, top = roi[1] * r->scale - r->offset;
    double width = roi[2] * r->scale - r->offset - left;
    double height = roi[3] * r->scale - r->offset - top;
    if (r->at_least_one) width = fmax(width, 1), height = fmax(height, 1);
    *out = (region){.top = top,
                    .left = left,
                    .cell_height = height / (double)r->rows,
                    .cell_width = width / (double)r->columns};
    double down = r->ratio ? (double)r->ratio : ceil(out->cell_height);
    double across = r->ratio ? (double)r->ratio : ceil(out->cell_width);
    if (!(fabs(left) < 1e9 && fabs(top) < 1e9 && down < 4096 && across < 4096))
        return leati_ofail(k, LEAT_INVALID, "a region of %g x %g pixels", width, height);
    out->down = down < 0 ? 0 : (int64_t)down;
    out->across = across < 0 ? 0 : (int64_t)across;
    return LEAT_OK;
}

static double cell_of(const roi_align *r, const region *g, const double *plane, int64_t row,
                      int64_t column)
{
    double sum = 0, most = -(double)INFINITY;
    for (int64_t i = 0; i < g->down; i++)
        for (int64_t j = 0; j < g->across; j++) {
            double y =
                g->top + ((double)row + ((double)i + 0.5) / (double)g->down) * g->cell_height;
            double x =
                g->left + ((double)column + ((double)j + 0.5) / (double)g->across) * g->cell_width;
            double v = sample_at(r, plane, y, x);
            sum += v;
            most = fmax(most, v);
        }
    int64_t count = g->down * g->across;
    if (count == 0) return 0;
    return r->max ? most : sum / (double)count;
}

static leat_status read_align(leati_ocall *k, roi_align *r)
{
    const char *mode = leati_oattr_text(k, "mode", "avg");
    const char *way = k->version < 16
                          ? "output_half_pixel"
                          : leati_oattr_text(k, "coordinate_transformation_mode", "half_pixel");
    leat_shape s = k->in[0]->shape, rois = k->in[1]->shape, index = k->in[2]->shape;
    bool half = !strcmp(way, "half_pixel");
    if (s.rank != 4 || rois.rank != 2 || rois.dim[1] != 4 || index.rank != 1 ||
        index.dim[0] != rois.dim[0])
        return leati_ofail(k, LEAT_SHAPE, "regions %s do not fit images %s",
                           leati_shape_string(&rois).text, leati_shape_string(&s).text);
    *r = (roi_align){.height = s.dim[2],
                     .width = s.dim[3],
                     .rows = leati_oattr_int(k, "output_height", 1),
                     .columns = leati_oattr_int(k, "output_width", 1),
                     .ratio = leati_oattr_int(k, "sampling_ratio", 0),
                     .scale = leati_oattr_float(k, "spatial_scale", 1),
                     .offset = half ? 0.5 : 0,
                     .max = !strcmp(mode, "max"),
                     .at_least_one = !half};
    if (r->rows < 1 || r->columns < 1 || r->rows > 1 << 16 || r->columns > 1 << 16 ||
        r->ratio < 0 || r->ratio > 1 << 10 || s.dim[2] < 1 || s.dim[3] < 1)
        return leati_ofail(k, LEAT_INVALID, "sizes or sampling_ratio out of range");
    return LEAT_OK;
}

leat_status leati_on_RoiAlign(leati_ocall *k)
{
    enum { MOST_SAMPLES = 1 << 30 };
    roi_align r = {0};
    double *x, *rois;
    const int64_t *batch;
    size_t count;
    LEATI_TRY(leati_oneed(k, 3));
    LEATI_TRY(read_align(k, &r));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_of64(k, 1, &rois));
    LEATI_TRY(leati_oints(k, 2, &batch, &count));
    leat_shape s = k->in[0]->shape, y = {4, {(int64_t)count, s.dim[1], r.rows, r.columns}};
    LEATI_TRY(leati_oval_check(k->context, &y, LEATI_ONNX_DOUBLE));
    double *out = leati_oalloc(k, leati_shape_count(&y), sizeof *out), *to = out, samples = 0;
    if (!out) return LEAT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        region g;
        if (batch[i] < 0 || batch[i] >= s.dim[0])
            return leati_ofail(k, LEAT_INVALID, "region %zu is in image %lld of %lld", i,
                               (long long)batch[i], (long long)s.dim[0]);
        LEATI_TRY(region_of(k, &r, rois + 4 * i, &g));
        samples += (double)(g.down * g.across) * (double)(r.rows * r.columns) * (double)s.dim[1];
        if (samples > MOST_SAMPLES)
            return leati_ofail(k, LEAT_LIMIT, "regions of more than 2^30 samples");
        for (int64_t c = 0; c < s.dim[1]; c++) {
            const double *plane = x + (batch[i] * s.dim[1] + c) * r.height * r.width;
            for (int64_t j = 0; j < r.rows * r.columns; j++)
                *to++ = cell_of(&r, &g, plane, j / r.columns, j % r.columns);
        }
    }
    return leati_oset_f64(k, 0, k->in[0]->element, y, out);
}

/* ---- MaxRoiPool -------------------------------------------------------------------------------
 */

/* The pixels of cell i of `cells` over the pixels from..to of an axis; in float, as ONNX Runtime
 * has it. */
static void pixels_of(double from, double to, int64_t size, int64_t cells, int64_t i,
                      int64_t *first, int64_t *end)
{
    float step = (float)fmax(to - from + 1, 1) / (float)cells;
    double low = floor((double)((float)i * step)) + from;
    double high = ceil((double)((float)(i + 1) * step)) + from;
    *first = (int64_t)fmin(fmax(low, 0), (double)size);
    *end = (int64_t)fmin(fmax(high, 0), (double)size);
}

/* The largest pixel of each cell of a region: left, top, right and bottom pixel, these included;
 * 0 where a cell has none. */
static void pool_region(const double *roi, leat_shape x, leat_shape y, const double *plane,
                        double *to)
{
    int64_t top, bottom, left, right;
    for (int64_t i = 0; i < y.dim[2]; i++) {
        pixels_of(roi[1], roi[3], x.dim[2], y.dim[2], i, &top, &bottom);
        for (int64_t j = 0; j < y.dim[3]; j++, to++) {
            pixels_of(roi[0], roi[2], x.dim[3], y.dim[3], j, &left, &right);
            *to = top < bottom && left < right ? -(double)INFINITY : 0;
            for (int64_t a = top; a < bottom; a++)
                for (int64_t b = left; b < right; b++) *to = fmax(*to, plane[a * x.dim[3] + b]);
        }
    }
}

/* The sizes of the result. */
static leat_status read_pool(leati_ocall *k, leat_shape *y)
{
    leat_shape s = k->in[0]->shape, rois = k->in[1]->shape;
    size_t count;
    const int64_t *cells = leati_oattr_ints(k, "pooled_shape", &count);
    if (s.rank != 4 || rois.rank != 2 || rois.dim[1] != 5)
        return leati_ofail(k, LEAT_SHAPE, "regions %s do not fit images %s",
                           leati_shape_string(&rois).text, leati_shape_string(&s).text);
    if (count != 2 || cells[0] < 1 || cells[1] < 1 || cells[0] > 1 << 16 || cells[1] > 1 << 16)
        return leati_ofail(k, LEAT_INVALID, "pooled_shape must be two sizes from 1 to 65536");
    *y = (leat_shape){4, {rois.dim[0], s.dim[1], cells[0], cells[1]}};
    return leati_oval_check(k->context, y, LEATI_ONNX_DOUBLE);
}

/* Region i as whole pixels. */
static leat_status round_region(leati_ocall *k, int64_t i, int64_t images, double *roi)
{
    double scale = leati_oattr_float(k, "spatial_scale", 1);
    if (!(roi[0] >= 0 && roi[0] < (double)images))
        return leati_ofail(k, LEAT_INVALID, "region %lld is in image %g of %lld", (long long)i,
                           roi[0], (long long)images);
    for (int j = 1; j < 5; j++) {
        roi[j] = round(roi[j] * scale);
        if (!(fabs(roi[j]) < 1e9))
            return leati_ofail(k, LEAT_INVALID, "region %lld reaches to %g", (long long)i, roi[j]);
    }
    return LEAT_OK;
}

leat_status leati_on_MaxRoiPool(leati_ocall *k)
{
    const double most_pixels = 0x1p32;
    leat_shape y, s;
    double *x, *rois, *out, *to;
    LEATI_TRY(leati_oneed(k, 2));
    LEATI_TRY(read_pool(k, &y));
    LEATI_TRY(leati_of64(k, 0, &x));
    LEATI_TRY(leati_of64(k, 1, &rois));
    s = k->in[0]->shape;
    to = out = leati_oalloc(k, leati_shape_count(&y), sizeof *out);
    if (!out) return LEAT_NOMEM;
    /* neighbouring cells may share a pixel at either end */
    double each = (double)(s.dim[2] + 2 * y.dim[2]) * (double)(s.dim[3] + 2 * y.dim[3]);
    if (each * (double)y.dim[0] * (double)s.dim[1] > most_pixels)
        return leati_ofail(k, LEAT_LIMIT, "regions of more than 2^32 pixels");
    for (int64_t i = 0; i < y.dim[0]; i++) {
        double *roi = rois + 5 * i;
        LEATI_TRY(round_region(k, i, s.dim[0], roi));
        for (int64_t c = 0; c < s.dim[1]; c++, to += y.dim[2] * y.dim[3])
            pool_region(roi + 1, s, y, x + ((int64_t)roi[0] * s.dim[1] + c) * s.dim[2] * s.dim[3],
                        to);
    }
    return leati_oset_f64(k, 0, k->in[0]->element, y, out);
}

/* ---- DeformConv: in the graph -------------------------------------------------------------------
 */

typedef struct deform {
    int64_t n, c, h, w;              /* input */
    int64_t filters, kh, kw, oh, ow; /* output */
    int64_t groups, shifts;          /* groups of channels; of offsets */
    int64_t stride[2], dilation[2], pad[4];
} deform;

static leat_status pairs(leati_ocall *k, const char *name, size_t want, int64_t least, int64_t *out)
{
    size_t count;
    const int64_t *list = leati_oattr_ints(k, name, &count);
    if (count && count != want) return leati_ofail(k, LEAT_SHAPE, "%zu %s", count, name);
    for (size_t i = 0; i < count; i++) {
        if (list[i] < least || list[i] > INT32_MAX)
            return leati_ofail(k, LEAT_INVALID, "%s out of range: %lld", name, (long long)list[i]);
        out[i] = list[i];
    }
    return LEAT_OK;
}

static leat_status read_deform(leati_ocall *k, deform *d)
{
    leat_shape x = k->in[0]->shape, w = k->in[1]->shape, o = k->in[2]->shape;
    *d = (deform){.groups = leati_oattr_int(k, "group", 1),
                  .shifts = leati_oattr_int(k, "offset_group", 1),
                  .stride = {1, 1},
                  .dilation = {1, 1}};
    if (x.rank != 4 || w.rank != 4 || o.rank != 4)
        return leati_ofail(k, LEAT_UNSUPPORTED, "windows over %d dimensions", x.rank - 2);
    LEATI_TRY(pairs(k, "strides", 2, 1, d->stride));
    LEATI_TRY(pairs(k, "dilations", 2, 1, d->dilation));
    LEATI_TRY(pairs(k, "pads", 4, 0, d->pad));
    d->n = x.dim[0], d->c = x.dim[1], d->h = x.dim[2], d->w = x.dim[3];
    d->filters = w.dim[0], d->kh = w.dim[2], d->kw = w.dim[3];
    d->oh = o.dim[2], d->ow = o.dim[3];
    enum { MOST = 1 << 30, TAPS = 1 << 10 };
    if (d->n > MOST || d->c > MOST || d->filters > MOST || d->h > MOST || d->w > MOST ||
        d->kh > TAPS || d->kw > TAPS || d->oh > MOST || d->ow > MOST || d->groups > d->c + 1 ||
        d->shifts > d->c + 1)
        return leati_ofail(k, LEAT_LIMIT, "sizes out of range");
    int64_t rows = d->h + d->pad[0] + d->pad[2] - d->dilation[0] * (d->kh - 1) - 1;
    int64_t columns = d->w + d->pad[1] + d->pad[3] - d->dilation[1] * (d->kw - 1) - 1;
    bool fit = d->groups > 0 && d->shifts > 0 && d->c % d->groups == 0 && d->c % d->shifts == 0 &&
               d->filters % d->groups == 0 && w.dim[1] * d->groups == d->c && d->h > 0 &&
               d->w > 0 && rows >= 0 && columns >= 0;
    fit = fit && o.dim[0] == d->n && o.dim[1] == d->shifts * d->kh * d->kw * 2 &&
          d->oh == rows / d->stride[0] + 1 && d->ow == columns / d->stride[1] + 1;
    if (!fit)
        return leati_ofail(k, LEAT_SHAPE, "weights %s and offsets %s do not fit %s",
                           leati_shape_string(&w).text, leati_shape_string(&o).text,
                           leati_shape_string(&x).text);
    return LEAT_OK;
}

/* Where the windows look along one axis without offsets: (1, 1, kh kw, oh, ow). */
static leat_tensor *window_grid(leati_ocall *k, const deform *d, int axis, leat_dtype dtype)
{
    leat_shape s = LEAT_DIMS(1, 1, d->kh * d->kw, d->oh, d->ow);
    double *list = leati_oalloc(k, leati_shape_count(&s), sizeof *list), *at = list;
    if (!list) return NULL;
    for (int64_t e = 0; e < d->kh * d->kw; e++)
        for (int64_t i = 0; i < d->oh; i++)
            for (int64_t j = 0; j < d->ow; j++) {
                int64_t place = axis ? j : i, tap = axis ? e % d->kw : e / d->kw;
                *at++ = (double)(place * d->stride[axis] - d->pad[axis] + tap * d->dilation[axis]);
            }
    return leat_cast(leat_constant(k->graph, LEAT_DTYPE_F64, s, list), dtype);
}

/* Coordinates (n shifts, 1, places) along an axis. */
static leat_tensor *coordinates(leati_ocall *k, const deform *d, int axis)
{
    leat_tensor *o = leati_oin(k, 2);
    if (!o) return NULL;
    o = leat_reshape(o, LEAT_DIMS(d->n, d->shifts, d->kh * d->kw, 2, d->oh, d->ow));
    o = leat_squeeze(leat_narrow(o, 3, axis, 1), 1, (const int[]){3});
    o = leat_add(o, window_grid(k, d, axis, leat_tensor_dtype(o)));
    return leat_reshape(o, LEAT_DIMS(d->n * d->shifts, 1, -1));
}

static leat_tensor *inside(leat_tensor *at, int64_t size)
{
    return leat_and(leat_greater_equal(at, leat_like(at, 0)),
                    leat_less_equal(at, leat_like(at, (double)(size - 1))));
}

/* x (rows, channels, h w) at coordinates (rows, 1, places) -> (rows, channels, places); beyond the
 * image there are zeros. */
static leat_tensor *bilinear(const deform *d, leat_tensor *x, leat_tensor *y_at, leat_tensor *x_at)
{
    leat_tensor *sum = NULL, *top = leat_floor(y_at), *left = leat_floor(x_at);
    leat_shape s = leat_tensor_shape(x), wide = leat_tensor_shape(y_at);
    wide.dim[1] = s.dim[1];
    for (int corner = 0; corner < 4; corner++) {
        leat_tensor *yy = leat_shift(top, corner / 2), *xx = leat_shift(left, corner % 2);
        leat_tensor *down = leat_sub(y_at, top), *across = leat_sub(x_at, left);
        leat_tensor *one = leat_like(x_at, 1), *zero = leat_like(x_at, 0);
        leat_tensor *there = leat_and(inside(yy, d->h), inside(xx, d->w));
        leat_tensor *weight = leat_mul(corner / 2 ? down : leat_sub(one, down),
                                       corner % 2 ? across : leat_sub(one, across));
        leat_tensor *pixel = leat_add(
            leat_scale(leat_cast(leat_where(there, yy, zero), LEAT_DTYPE_I64), (double)d->w),
            leat_cast(leat_where(there, xx, zero), LEAT_DTYPE_I64));
        leat_tensor *value = leat_take_along(x, leat_expand(pixel, wide), 2);
        value = leat_mul(value, leat_where(there, weight, zero));
        sum = sum ? leat_add(sum, value) : value;
    }
    return sum;
}

leat_status leati_on_DeformConv(leati_ocall *k)
{
    deform d;
    LEATI_TRY(leati_oneed(k, 3));
    LEATI_TRY(read_deform(k, &d));
    int64_t taps = d.kh * d.kw, places = d.oh * d.ow, rows = d.n * d.shifts;
    leat_tensor *x = leat_reshape(leati_oin(k, 0), LEAT_DIMS(rows, d.c / d.shifts, d.h * d.w));
    leat_tensor *y = bilinear(&d, x, coordinates(k, &d, 0), coordinates(k, &d, 1));
    if (leati_ohas(k, 4))
        y = leat_mul(y, leat_reshape(leati_oin(k, 4), LEAT_DIMS(rows, 1, taps * places)));
    y = leat_reshape(y, LEAT_DIMS(d.n, d.groups, d.c / d.groups * taps, places));
    leat_tensor *w = leat_reshape(
        leati_oin(k, 1), LEAT_DIMS(1, d.groups, d.filters / d.groups, d.c / d.groups * taps));
    y = leat_reshape(leat_matmul(w, y), LEAT_DIMS(d.n, d.filters, d.oh, d.ow));
    if (leati_ohas(k, 3)) y = leat_add(y, leat_reshape(leati_oin(k, 3), LEAT_DIMS(1, -1, 1, 1)));
    return leati_oset(k, 0, y);
}
