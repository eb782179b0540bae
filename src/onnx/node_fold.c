/* Owns: Col2Im and MaxUnpool: windows put back into images. */
#include "graph/graph.h"
#include "onnx/operators.h"

typedef struct fold {
    int dims;
    int64_t image[3], block[3], stride[3], dilation[3], low[3], high[3];
    int64_t padded[3], windows[3]; /* sizes with padding; places of the block */
    int64_t elements, places;      /* of a block; of all */
} fold;

static leat_status list_of(leati_ocall *k, const char *name, size_t want, int64_t least,
                           int64_t *out)
{
    size_t count;
    const int64_t *list = leati_oattr_ints(k, name, &count);
    if (count && count != want)
        return leati_ofail(k, LEAT_SHAPE, "%zu %s for %zu dimensions", count, name, want);
    for (size_t i = 0; i < count; i++) {
        if (list[i] < least || list[i] > INT32_MAX)
            return leati_ofail(k, LEAT_INVALID, "%s out of range: %lld", name, (long long)list[i]);
        out[i] = list[i];
    }
    return LEAT_OK;
}

static leat_status fold_of(leati_ocall *k, fold *f)
{
    const int64_t *image, *block;
    size_t dims, same;
    int64_t pads[6] = {0};
    LEATI_TRY(leati_oints(k, 1, &image, &dims));
    LEATI_TRY(leati_oints(k, 2, &block, &same));
    if (dims < 1 || dims > 3 || dims != same)
        return leati_ofail(k, LEAT_UNSUPPORTED, "%zu sizes of the image, %zu of the block", dims,
                           same);
    *f = (fold){.dims = (int)dims, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    LEATI_TRY(list_of(k, "strides", dims, 1, f->stride));
    LEATI_TRY(list_of(k, "dilations", dims, 1, f->dilation));
    LEATI_TRY(list_of(k, "pads", 2 * dims, 0, pads));
    f->elements = f->places = 1;
    leat_shape padded = {.rank = (int)dims}, places = padded;
    for (size_t d = 0; d < dims; d++) {
        if (image[d] < 1 || block[d] < 1 || image[d] > INT32_MAX || block[d] > INT32_MAX)
            return leati_ofail(k, LEAT_INVALID, "a size of image or block out of range");
        f->image[d] = image[d], f->block[d] = block[d];
        f->low[d] = pads[d], f->high[d] = pads[dims + d];
        f->padded[d] = padded.dim[d] = image[d] + f->low[d] + f->high[d];
        int64_t room = f->padded[d] - f->dilation[d] * (block[d] - 1) - 1;
        if (room < 0) return leati_ofail(k, LEAT_SHAPE, "the block is larger than the image");
        f->windows[d] = room / f->stride[d] + 1;
        places.dim[d] = f->windows[d] * block[d];
    }
    LEATI_TRY(leati_oval_check(k->context, &padded, LEATI_ONNX_INT64));
    LEATI_TRY(leati_oval_check(k->context, &places, LEATI_ONNX_INT64));
    for (size_t d = 0; d < dims; d++) {
        f->elements *= block[d];
        f->places *= f->windows[d];
    }
    return LEAT_OK;
}

/* Where element e of the block at place p goes in the padded image. */
static int64_t fold_index(const fold *f, int64_t e, int64_t p)
{
    int64_t at = 0, stride = 1;
    for (int d = f->dims; d-- > 0;) {
        at += (e % f->block[d] * f->dilation[d] + p % f->windows[d] * f->stride[d]) * stride;
        stride *= f->padded[d];
        e /= f->block[d];
        p /= f->windows[d];
    }
    return at;
}

leat_status leati_on_Col2Im(leati_ocall *k)
{
    fold f;
    LEATI_TRY(leati_oneed(k, 3));
    LEATI_TRY(fold_of(k, &f));
    leat_shape s = k->in[0]->shape;
    if (s.rank != 3 || s.dim[1] % f.elements || s.dim[2] != f.places)
        return leati_ofail(k, LEAT_SHAPE, "columns %s are not of %lld places of blocks of %lld",
                           leati_shape_string(&s).text, (long long)f.places, (long long)f.elements);
    int64_t planes = s.dim[0] * (s.dim[1] / f.elements), count = f.elements * f.places, size = 1;
    int64_t *list = leati_oalloc(k, (size_t)count, sizeof *list), starts[3], stops[3];
    if (!list) return LEAT_NOMEM;
    for (int64_t e = 0; e < f.elements; e++)
        for (int64_t p = 0; p < f.places; p++) list[e * f.places + p] = fold_index(&f, e, p);
    leat_shape y = {.rank = f.dims + 2, .dim = {s.dim[0], s.dim[1] / f.elements}};
    int axes[3];
    for (int d = 0; d < f.dims; d++) {
        y.dim[d + 2] = f.padded[d];
        size *= f.padded[d];
        axes[d] = d + 2;
        starts[d] = f.low[d];
        stops[d] = f.low[d] + f.image[d];
    }
    leati_index_attrs a = {.size = size, .axis = 1};
    leat_tensor *in[2] = {leat_constant(k->graph, LEAT_DTYPE_I64, LEAT_DIMS(count), list),
                          leat_reshape(leati_oin(k, 0), LEAT_DIMS(planes, count))};
    leat_tensor *sum = leati_op1(k->graph, LEATI_OP_SCATTER_ADD, 2, in, &a, sizeof a);
    return leati_oset(k, 0,
                      leat_slice(leat_reshape(sum, y), (size_t)f.dims, axes, starts, stops, NULL));
}

/* Indices count through the whole result as its windows imply it; a larger one that is asked for
 * gets zeros behind. */
leat_status leati_on_MaxUnpool(leati_ocall *k)
{
    size_t dims, given = 0;
    const int64_t *kernel = leati_oattr_ints(k, "kernel_shape", &dims), *want = NULL;
    int64_t stride[3] = {1, 1, 1}, pads[6] = {0};
    int64_t low[LEAT_MAX_RANK] = {0}, high[LEAT_MAX_RANK] = {0};
    LEATI_TRY(leati_oneed(k, 2));
    leat_shape s = k->in[0]->shape, y = s;
    if (dims < 1 || dims > 3 || s.rank != (int)dims + 2 || !leati_shape_equal(&s, &k->in[1]->shape))
        return leati_ofail(k, LEAT_SHAPE, "values %s, indices %s, a kernel of %zu dimensions",
                           leati_shape_string(&s).text, leati_shape_string(&k->in[1]->shape).text,
                           dims);
    LEATI_TRY(list_of(k, "strides", dims, 1, stride));
    LEATI_TRY(list_of(k, "pads", 2 * dims, 0, pads));
    if (leati_ohas(k, 2)) LEATI_TRY(leati_oints(k, 2, &want, &given));
    if (given && given != (size_t)s.rank)
        return leati_ofail(k, LEAT_SHAPE, "%zu sizes for %d dimensions", given, s.rank);
    for (size_t d = 0; d < dims; d++) {
        if (kernel[d] < 1 || kernel[d] > INT32_MAX)
            return leati_ofail(k, LEAT_INVALID, "a kernel of size %lld", (long long)kernel[d]);
        if (s.dim[d + 2] > INT32_MAX)
            return leati_ofail(k, LEAT_LIMIT, "an image of %lld", (long long)s.dim[d + 2]);
        y.dim[d + 2] = (s.dim[d + 2] - 1) * stride[d] - pads[d] - pads[dims + d] + kernel[d];
        if (y.dim[d + 2] < 0) return leati_ofail(k, LEAT_SHAPE, "pads are larger than the image");
    }
    LEATI_TRY(leati_oval_check(k->context, &y, k->in[0]->element));
    for (int d = 0; given && d < s.rank; d++) {
        high[d] = want[d] - y.dim[d];
        if (high[d] < 0 || want[d] > INT32_MAX)
            return leati_ofail(k, LEAT_SHAPE, "output_shape is smaller than %s",
                               leati_shape_string(&y).text);
    }
    leat_tensor *x = leati_oin(k, 0), *flat = leat_reshape(x, LEAT_DIMS(-1));
    leat_tensor *index = leat_reshape(leati_oin(k, 1), LEAT_DIMS(-1));
    leat_tensor *zeros = leat_expand(leat_like(x, 0), LEAT_DIMS((int64_t)leati_shape_count(&y)));
    x = leat_reshape(leat_scatter_along(zeros, index, flat, 0, LEAT_SCATTER_SET), y);
    if (given) x = leat_pad(x, LEAT_PAD_CONSTANT, low, high, 0);
    return leati_oset(k, 0, x);
}
