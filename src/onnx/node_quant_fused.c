/* Owns: the operators of com.microsoft on quantised numbers. */
#include "onnx/operators.h"

/* Input i in f64, for one number without dimensions: then it broadcasts to anything. */
static leat_tensor *wide(leati_ocall *k, size_t i)
{
    leat_tensor *x = leat_cast(leati_oin(k, i), LEAT_DTYPE_F64);
    leat_shape s = leat_tensor_shape(x);
    return x && s.rank == 1 && s.dim[0] == 1 ? leat_reshape(x, LEAT_SCALAR) : x;
}

/* x minus its zero point, if that is there. */
static leat_tensor *centred(leati_ocall *k, leat_tensor *x, size_t zero)
{
    return leati_ohas(k, zero) ? leat_sub(x, wide(k, zero)) : x;
}

/* Numbers that input i, its scale and its zero point stand for. */
static leat_tensor *numbers(leati_ocall *k, size_t i, size_t scale, size_t zero)
{
    LEATI_ONULL(leati_oneed(k, i + 1));
    return leat_mul(centred(k, wide(k, i), zero), wide(k, scale));
}

/* Output 0: y quantised by two inputs; without a zero point with elements as input `like` has. */
static leat_status quantise(leati_ocall *k, leat_tensor *y, size_t scale, size_t zero, size_t like)
{
    leat_dtype type;
    int32_t element = k->in[leati_ohas(k, zero) ? zero : like]->element;
    bool bytes = element == LEATI_ONNX_INT8 || element == LEATI_ONNX_UINT8;
    if (!bytes || !leati_oval_dtype(element, &type))
        return leati_ofail(k, LEAT_UNSUPPORTED,
                           "elements of type %d are not supported, int8 and uint8 are",
                           (int)element);
    y = leat_round(leat_div(y, wide(k, scale)));
    if (leati_ohas(k, zero)) y = leat_add(y, wide(k, zero));
    return leati_oset(k, 0, leat_cast(leati_osaturated(y, element), type));
}

/* ---- element by element -----------------------------------------------------------------------
 */

static leat_status pairwise(leati_ocall *k, leat_tensor *(*f)(leat_tensor *a, leat_tensor *b))
{
    LEATI_TRY(leati_oneed(k, 2));
    return quantise(k, f(numbers(k, 0, 1, 2), numbers(k, 3, 4, 5)), 6, 7, 0);
}

leat_status leati_on_microsoft_QLinearAdd(leati_ocall *k)
{
    return pairwise(k, leat_add);
}

leat_status leati_on_microsoft_QLinearMul(leati_ocall *k)
{
    return pairwise(k, leat_mul);
}

/* Inputs x, scale, zero, y scale, y zero: the operator of ONNX on the numbers. */
static leat_status through(leati_ocall *k, leati_oop_fn f, int64_t version)
{
    leati_ocall step = *k;
    leati_oval *in[1], *out[8] = {0};
    LEATI_TRY(leati_oneed(k, 1));
    if (leati_oattr_int(k, "channels_last", 0))
        return leati_ofail(k, LEAT_UNSUPPORTED, "channels_last=1 is not supported, 0 is");
    step.in = in, step.ins = 1;
    step.out = out, step.outs = sizeof out / sizeof *out;
    step.version = version;
    LEATI_TRY(leati_oset(&step, 0, leat_cast(numbers(k, 0, 1, 2), LEAT_DTYPE_F32)));
    in[0] = out[0];
    LEATI_TRY(f(&step));
    leat_tensor *y = leati_oval_tensor(k->run, out[0]);
    return quantise(k, leat_cast(y, LEAT_DTYPE_F64), 3, 4, 0);
}

leat_status leati_on_microsoft_QLinearSigmoid(leati_ocall *k)
{
    return through(k, leati_on_Sigmoid, 13);
}

leat_status leati_on_microsoft_QLinearLeakyRelu(leati_ocall *k)
{
    return through(k, leati_on_LeakyRelu, 16);
}

leat_status leati_on_microsoft_QLinearSoftmax(leati_ocall *k)
{
    return through(k, leati_on_Softmax, leati_oattr_int(k, "opset", 13));
}

leat_status leati_on_microsoft_QLinearAveragePool(leati_ocall *k)
{
    return through(k, leati_on_AveragePool, 19);
}

leat_status leati_on_microsoft_QLinearGlobalAveragePool(leati_ocall *k)
{
    return through(k, leati_on_GlobalAveragePool, 1);
}

/* Inputs y scale, y zero, then x, scale, zero of each part. */
leat_status leati_on_microsoft_QLinearConcat(leati_ocall *k)
{
    size_t count = k->ins / 3;
    if (count < 1 || k->ins != 3 * count + 2)
        return leati_ofail(k, LEAT_FORMAT, "%zu inputs are not 2 and 3 for each part", k->ins);
    LEATI_TRY(leati_oneed(k, 3));
    leat_tensor **part = leati_oalloc(k, count, sizeof *part);
    if (!part) return LEAT_NOMEM;
    for (size_t i = 0; i < count; i++)
        if (!(part[i] = numbers(k, 2 + 3 * i, 3 + 3 * i, 4 + 3 * i)))
            return leat_error_status(k->context);
    int axis = leati_oaxis(k, leati_oattr_int(k, "axis", 0), k->in[2]->shape.rank);
    if (axis < 0) return LEAT_SHAPE;
    return quantise(k, leat_concat(count, part, axis), 0, 1, 2);
}

/* ---- products: in f64, which holds every sum of products of bytes exactly ---------------------
 */

static leat_tensor *matrix(leati_ocall *k, size_t i, const char *attribute)
{
    leat_tensor *x = wide(k, i);
    if (!x || !leati_oattr_int(k, attribute, 0)) return x;
    return leat_tensor_shape(x).rank == 2 ? leat_transpose(x, NULL) : x;
}

leat_status leati_on_microsoft_QGemm(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *y =
        leat_matmul(centred(k, matrix(k, 0, "transA"), 2), centred(k, matrix(k, 3, "transB"), 5));
    if (leati_ohas(k, 6)) y = leat_add(y, wide(k, 6));
    y = leat_mul(y, leat_mul(wide(k, 1), wide(k, 4)));
    y = leat_scale(y, leati_oattr_float(k, "alpha", 1));
    if (!leati_ohas(k, 7)) return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_F32));
    return quantise(k, y, 7, 8, 0);
}

/* y (scale a) (scale b) + bias, in f32. */
static leat_status scaled(leati_ocall *k, leat_tensor *y, leat_tensor *a, size_t b, size_t bias)
{
    y = leat_mul(y, leat_mul(a, wide(k, b)));
    if (leati_ohas(k, bias)) y = leat_add(y, wide(k, bias));
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_F32));
}

leat_status leati_on_microsoft_MatMulIntegerToFloat(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 4));
    leat_tensor *y = leati_omatmul(centred(k, wide(k, 0), 4), centred(k, wide(k, 1), 5));
    return scaled(k, y, wide(k, 2), 3, 6);
}

leat_tensor *leati_oquantised(leat_tensor *x, leat_tensor **scale)
{
    leat_tensor *low = leat_min(x, 0, NULL, false), *high = leat_max(x, 0, NULL, false);
    leat_tensor *nothing = leat_like(low, 0), *one = leat_like(low, 1);
    low = leat_minimum(low, nothing);
    high = leat_maximum(high, nothing);
    leat_tensor *step = leat_div(leat_sub(high, low), leat_like(low, 255));
    step = leat_where(leat_equal(step, nothing), one, step);
    leat_tensor *zero = leat_clip(leat_round(leat_neg(leat_div(low, step))), 0, 255);
    leat_tensor *q = leat_clip(leat_add(leat_round(leat_div(x, step)), zero), 0, 255);
    *scale = leat_cast(step, LEAT_DTYPE_F64);
    return leat_cast(leat_sub(q, zero), LEAT_DTYPE_F64);
}

leat_status leati_on_microsoft_DynamicQuantizeMatMul(leati_ocall *k)
{
    leat_tensor *scale;
    LEATI_TRY(leati_oneed(k, 3));
    leat_tensor *a = leati_oquantised(leati_oin(k, 0), &scale);
    if (!a) return leat_error_status(k->context);
    return scaled(k, leati_omatmul(a, centred(k, wide(k, 1), 3)), scale, 2, 4);
}

/* ---- products with weights of few bits, in blocks ---------------------------------------------
 */

typedef struct blocks {
    int64_t rows, columns; /* of the weights, (rows, columns): N, K */
    int64_t size, count;   /* elements of a block, blocks of a row */
    int bits;
    const uint8_t *data;
    const double *scale;
    const uint8_t *zero;      /* packed as the data are, each row from a byte on; NULL: none */
    const double *zero_value; /* or one number for each block; both NULL: half of the range */
} blocks;

static unsigned packed_at(const uint8_t *data, int64_t i, int bits)
{
    int64_t each = 8 / bits;
    return data[i / each] >> (i % each * bits) & ((1u << bits) - 1);
}

static int64_t packed_bytes(int64_t count, int bits)
{
    return (count * bits + 7) / 8;
}

static double zero_of(const blocks *b, int64_t row, int64_t block)
{
    if (b->zero_value) return b->zero_value[row * b->count + block];
    if (!b->zero) return (double)(1u << (b->bits - 1));
    return packed_at(b->zero + row * packed_bytes(b->count, b->bits), block, b->bits);
}

static leat_status elements_are(leati_ocall *k, size_t i, int64_t count)
{
    leat_shape s = k->in[i]->shape;
    if ((int64_t)leati_shape_count(&s) == count) return LEAT_OK;
    return leati_ofail(k, LEAT_SHAPE, "input %zu is %s, %lld elements were expected", i + 1,
                       leati_shape_string(&s).text, (long long)count);
}

static leat_status read_zeros(leati_ocall *k, blocks *b)
{
    if (!leati_ohas(k, 3)) return LEAT_OK;
    if (k->in[3]->element != LEATI_ONNX_UINT8) {
        double *list;
        LEATI_TRY(elements_are(k, 3, b->rows * b->count));
        LEATI_TRY(leati_of64(k, 3, &list));
        b->zero_value = list;
        return LEAT_OK;
    }
    const void *data;
    LEATI_TRY(elements_are(k, 3, b->rows * packed_bytes(b->count, b->bits)));
    LEATI_TRY(leati_ohost(k, 3, &data));
    b->zero = data;
    return LEAT_OK;
}

static leat_status read_blocks(leati_ocall *k, blocks *b)
{
    const void *data;
    double *scale;
    *b = (blocks){.rows = leati_oattr_int(k, "N", 0),
                  .columns = leati_oattr_int(k, "K", 0),
                  .size = leati_oattr_int(k, "block_size", 0)};
    int64_t bits = leati_oattr_int(k, "bits", 4);
    if (bits != 2 && bits != 4 && bits != 8)
        return leati_ofail(k, LEAT_UNSUPPORTED, "bits=%lld is not supported: 2, 4 and 8 are",
                           (long long)bits);
    if (b->rows < 1 || b->columns < 1 || b->size < 8 || b->rows > INT32_MAX ||
        b->columns > INT32_MAX || b->size > INT32_MAX || b->size % 8)
        return leati_ofail(k, LEAT_INVALID, "N=%lld, K=%lld, block_size=%lld", (long long)b->rows,
                           (long long)b->columns, (long long)b->size);
    b->bits = (int)bits;
    b->count = (b->columns + b->size - 1) / b->size;
    if (k->in[1]->element != LEATI_ONNX_UINT8)
        return leati_ofail(k, LEAT_TYPE, "weights of type %d, uint8 is expected",
                           (int)k->in[1]->element);
    LEATI_TRY(elements_are(k, 1, b->rows * b->count * packed_bytes(b->size, b->bits)));
    LEATI_TRY(elements_are(k, 2, b->rows * b->count));
    LEATI_TRY(leati_ohost(k, 1, &data));
    LEATI_TRY(leati_of64(k, 2, &scale));
    b->data = data;
    b->scale = scale;
    return read_zeros(k, b);
}

/* The weights as f32. */
static leat_tensor *unpacked(leati_ocall *k, const blocks *b)
{
    void *out;
    leati_oval *v =
        leati_oval_of_host(k->run, LEATI_ONNX_FLOAT, LEAT_DIMS(b->rows, b->columns), &out);
    if (!v) return NULL;
    int64_t bytes = packed_bytes(b->size, b->bits);
    for (int64_t i = 0; i < b->rows; i++)
        for (int64_t j = 0; j < b->columns; j++) {
            int64_t block = i * b->count + j / b->size;
            unsigned q = packed_at(b->data + block * bytes, j % b->size, b->bits);
            ((float *)out)[i * b->columns + j] =
                (float)((q - zero_of(b, i, j / b->size)) * b->scale[block]);
        }
    return leati_oval_tensor(k->run, v);
}

leat_status leati_on_microsoft_MatMulNBits(leati_ocall *k)
{
    blocks b;
    LEATI_TRY(leati_oneed(k, 3));
    if (leati_ohas(k, 4))
        return leati_ofail(k, LEAT_UNSUPPORTED, "its input 5, g_idx, is not supported");
    if (leati_oattr_int(k, "weight_prepacked", 0))
        return leati_ofail(k, LEAT_UNSUPPORTED,
                           "its attribute weight_prepacked is not supported, 0 is");
    LEATI_TRY(read_blocks(k, &b));
    leat_tensor *x = leati_oin(k, 0);
    if (!x) return leat_error_status(k->context);
    leat_tensor *w = leat_cast(unpacked(k, &b), leat_tensor_dtype(x));
    leat_tensor *y = leat_matmul_t(x, false, w, true);
    if (y && leati_ohas(k, 5)) y = leat_add(y, leati_oin(k, 5));
    return leati_oset(k, 0, y);
}
