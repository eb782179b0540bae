/* Owns: operators that make tensors out of little: constants, ranges, random numbers, windows. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "onnx/operators.h"

/* ---- constants ------------------------------------------------------------------------------ */

static leat_status constant_list(leati_ocall *k, const leati_onnx_attribute *a)
{
    void *out;
    size_t count;
    leati_onnx_attribute_kind kind = a->floats.count    ? LEATI_ONNX_ATTR_FLOATS
                                     : a->strings.count ? LEATI_ONNX_ATTR_STRINGS
                                                        : LEATI_ONNX_ATTR_INTS;
    if (!strcmp(a->name, "value_floats")) kind = LEATI_ONNX_ATTR_FLOATS;
    if (!strcmp(a->name, "value_strings")) kind = LEATI_ONNX_ATTR_STRINGS;
    count = kind == LEATI_ONNX_ATTR_FLOATS    ? a->floats.count
            : kind == LEATI_ONNX_ATTR_STRINGS ? a->strings.count
                                              : a->ints.count;
    leat_shape s = leat_shape_make(1, (int64_t[]){(int64_t)count});
    LEATI_TRY(leati_onew(k, 0,
                         kind == LEATI_ONNX_ATTR_FLOATS    ? LEATI_ONNX_FLOAT
                         : kind == LEATI_ONNX_ATTR_STRINGS ? LEATI_ONNX_STRING
                                                           : LEATI_ONNX_INT64,
                         s, &out));
    const void *from = kind == LEATI_ONNX_ATTR_FLOATS    ? (const void *)a->floats.at
                       : kind == LEATI_ONNX_ATTR_STRINGS ? (const void *)a->strings.at
                                                         : (const void *)a->ints.at;
    if (count) memcpy(out, from, count * leati_oval_width(k->out[0]->element));
    return LEAT_OK;
}

leat_status leati_on_Constant(leati_ocall *k)
{
    void *out;
    if (k->node->attribute.count != 1)
        return leati_ofail(k, LEAT_FORMAT, "has %zu values, one is needed",
                           k->node->attribute.count);
    const leati_onnx_attribute *a = &k->node->attribute.at[0];
    if (a->t) return leati_opass(k, 0, leati_oval_of_proto(k->run, a->t));
    if (!strcmp(a->name, "value_float")) {
        LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_FLOAT, LEAT_SCALAR, &out));
        *(float *)out = a->f;
        return LEAT_OK;
    }
    if (!strcmp(a->name, "value_int")) {
        LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_INT64, LEAT_SCALAR, &out));
        *(int64_t *)out = a->i;
        return LEAT_OK;
    }
    if (!strcmp(a->name, "value_string")) {
        LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_STRING, LEAT_SCALAR, &out));
        *(leati_pb_bytes *)out = a->s;
        return LEAT_OK;
    }
    if (a->sparse_tensor) return leati_ofail(k, LEAT_UNSUPPORTED, "a sparse tensor");
    return constant_list(k, a);
}

/* A shape that the values of an input give. */
static leat_status shape_input(leati_ocall *k, size_t i, int32_t element, leat_shape *out)
{
    const int64_t *dims;
    size_t count;
    LEATI_TRY(leati_oints(k, i, &dims, &count));
    if (count > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    *out = leat_shape_make((int)count, dims);
    return leati_oval_check(k->context, out, element);
}

leat_status leati_on_ConstantOfShape(leati_ocall *k)
{
    const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, "value");
    leat_shape s;
    const void *value = NULL;
    void *out;
    int32_t element = a && a->t ? a->t->data_type : LEATI_ONNX_FLOAT;
    LEATI_TRY(shape_input(k, 0, element, &s));
    if (a && a->t) {
        leati_oval *v = leati_oval_of_proto(k->run, a->t);
        if (!v) return leat_error_status(k->context);
        LEATI_TRY(leati_oval_host(k->run, v, &value));
        if (leati_shape_count(&v->shape) != 1)
            return leati_ofail(k, LEAT_FORMAT, "its value has more than one element");
    }
    size_t count = leati_shape_count(&s), width = leati_oval_width(element);
    leat_dtype dtype;
    if (count > 1024 && leati_oval_dtype(element, &dtype)) {
        uint64_t zero = 0;
        leat_tensor *x = leat_constant(k->graph, dtype, LEAT_SCALAR, value ? value : &zero);
        return leati_oset(k, 0, leat_expand(x, s));
    }
    LEATI_TRY(leati_onew(k, 0, element, s, &out));
    for (size_t i = 0; value && i < count; i++) memcpy((char *)out + i * width, value, width);
    return LEAT_OK;
}

leat_status leati_on_Range(leati_ocall *k)
{
    double *x[3];
    void *out;
    LEATI_TRY(leati_oneed(k, 3));
    for (size_t i = 0; i < 3; i++) {
        LEATI_TRY(leati_of64(k, i, &x[i]));
        if (leati_shape_count(&k->in[i]->shape) != 1)
            return leati_ofail(k, LEAT_SHAPE, "input %zu is no scalar", i + 1);
    }
    int32_t element = k->in[0]->element;
    double n = ceil((*x[1] - *x[0]) / *x[2]);
    if (!(fabs(n) < 0x1p40)) return leati_ofail(k, LEAT_INVALID, "a range of %g elements", n);
    int64_t count = n > 0 ? (int64_t)n : 0;
    LEATI_TRY(leati_onew(k, 0, element, leat_shape_make(1, &count), &out));
    for (int64_t i = 0; i < count; i++)
        leati_oput(element, out, (size_t)i, *x[0] + (double)i * *x[2]);
    return LEAT_OK;
}

leat_status leati_on_EyeLike(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    leat_shape s = k->in[0]->shape;
    int64_t shift = leati_oattr_int(k, "k", 0);
    int32_t element = (int32_t)leati_oattr_int(k, "dtype", k->in[0]->element);
    void *out;
    if (s.rank != 2) return leati_ofail(k, LEAT_SHAPE, "the input is no matrix");
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    LEATI_TRY(leati_onew(k, 0, element, s, &out));
    for (int64_t i = 0; i < s.dim[0]; i++) {
        int64_t j;
        if (!__builtin_add_overflow(i, shift, &j) && j >= 0 && j < s.dim[1])
            leati_oput_int(element, out, (size_t)(i * s.dim[1] + j), 1);
    }
    return LEAT_OK;
}

/* ---- random numbers ---------------------------------------------------------------------------
 */

static void seed_rng(leati_ocall *k, leati_rng *rng)
{
    uint64_t seed = 0;
    uint32_t step = 0;
    if (leati_oattr_has(k, "seed")) {
        double given = leati_oattr_float(k, "seed", 0);
        memcpy(&seed, &given, sizeof seed);
    } else {
        step = (uint32_t)++k->run->draws;
        k->run->forced = true; /* other numbers the next time */
    }
    leati_rng_init(rng, seed, LEATI_RNG_SAMPLE, step);
}

double *leati_orandom(leati_ocall *k, size_t count)
{
    leati_rng rng;
    double *u = leati_oalloc(k, count, sizeof *u);
    seed_rng(k, &rng);
    for (size_t i = 0; u && i < count; i++) u[i] = leati_rng_uniform(&rng);
    return u;
}

static leat_status random_tensor(leati_ocall *k, leat_shape s, int32_t element, bool normal)
{
    void *out;
    leati_rng rng;
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    double a = leati_oattr_float(k, normal ? "mean" : "low", 0);
    double b = leati_oattr_float(k, normal ? "scale" : "high", 1);
    seed_rng(k, &rng);
    k->varying = true;
    LEATI_TRY(leati_onew(k, 0, element, s, &out));
    size_t count = leati_shape_count(&s);
    for (size_t i = 0; i < count; i++)
        leati_oput(element, out, i,
                   normal ? a + b * leati_rng_normal(&rng) : a + (b - a) * leati_rng_uniform(&rng));
    return LEAT_OK;
}

static leat_status random_shaped(leati_ocall *k, bool normal)
{
    size_t count;
    const int64_t *dims = leati_oattr_ints(k, "shape", &count);
    int32_t element = (int32_t)leati_oattr_int(k, "dtype", LEATI_ONNX_FLOAT);
    if (count > LEAT_MAX_RANK)
        return leati_ofail(k, LEAT_UNSUPPORTED, "more than %d dimensions", LEAT_MAX_RANK);
    return random_tensor(k, leat_shape_make((int)count, dims), element, normal);
}

static leat_status random_like(leati_ocall *k, bool normal)
{
    LEATI_TRY(leati_oneed(k, 1));
    int32_t element = (int32_t)leati_oattr_int(k, "dtype", k->in[0]->element);
    return random_tensor(k, k->in[0]->shape, element, normal);
}

leat_status leati_on_RandomNormal(leati_ocall *k)
{
    return random_shaped(k, true);
}

leat_status leati_on_RandomUniform(leati_ocall *k)
{
    return random_shaped(k, false);
}

leat_status leati_on_RandomNormalLike(leati_ocall *k)
{
    return random_like(k, true);
}

leat_status leati_on_RandomUniformLike(leati_ocall *k)
{
    return random_like(k, false);
}

leat_status leati_on_Bernoulli(leati_ocall *k)
{
    double *p;
    void *out;
    LEATI_TRY(leati_of64(k, 0, &p));
    int32_t element = (int32_t)leati_oattr_int(k, "dtype", k->in[0]->element);
    size_t count = leati_shape_count(&k->in[0]->shape);
    double *u = leati_orandom(k, count);
    if (!u) return leat_error_status(k->context);
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    LEATI_TRY(leati_onew(k, 0, element, k->in[0]->shape, &out));
    for (size_t i = 0; i < count; i++) leati_oput_int(element, out, i, u[i] < p[i]);
    return LEAT_OK;
}

leat_status leati_on_Multinomial(leati_ocall *k)
{
    double *logits;
    int64_t samples = leati_oattr_int(k, "sample_size", 1);
    int32_t element = (int32_t)leati_oattr_int(k, "dtype", LEATI_ONNX_INT32);
    void *out;
    LEATI_TRY(leati_of64(k, 0, &logits));
    leat_shape s = k->in[0]->shape;
    if (s.rank != 2 || s.dim[1] < 1)
        return leati_ofail(k, LEAT_SHAPE, "the input is not (batch, classes)");
    int64_t classes = s.dim[1];
    s.dim[1] = samples;
    LEATI_TRY(leati_oval_check(k->context, &s, LEATI_ONNX_DOUBLE));
    double *u = leati_orandom(k, leati_shape_count(&s));
    double *sums = leati_oalloc(k, (size_t)classes, sizeof *sums);
    if (!u || !sums) return leat_error_status(k->context);
    LEATI_TRY(leati_onew(k, 0, element, s, &out));
    for (int64_t i = 0; i < s.dim[0]; i++) {
        const double *row = logits + i * classes;
        double top = row[0], sum = 0;
        for (int64_t j = 1; j < classes; j++) top = row[j] > top ? row[j] : top;
        for (int64_t j = 0; j < classes; j++) sums[j] = sum += exp(row[j] - top);
        for (int64_t n = 0; n < samples; n++) {
            int64_t j = 0;
            while (j < classes - 1 && u[i * samples + n] * sum >= sums[j]) j++;
            leati_oput_int(element, out, (size_t)(i * samples + n), j);
        }
    }
    return LEAT_OK;
}

/* ---- windows of signal processing
 * ---------------------------------------------------------------- */

/* a0 - a1 cos(2 pi i / m) + a2 cos(4 pi i / m) */
static leat_status window(leati_ocall *k, double a0, double a1, double a2)
{
    int64_t n;
    void *out;
    int32_t element = (int32_t)leati_oattr_int(k, "output_datatype", LEATI_ONNX_FLOAT);
    LEATI_TRY(leati_oint(k, 0, &n));
    double m = leati_oattr_int(k, "periodic", 1) ? (double)n : (double)(n - 1);
    if (!leati_oval_width(element) || element == LEATI_ONNX_STRING)
        return leati_ofail(k, LEAT_TYPE, "elements of type %d", (int)element);
    LEATI_TRY(leati_onew(k, 0, element, leat_shape_make(1, &n), &out));
    for (int64_t i = 0; i < n; i++) {
        double t = m > 0 ? 2 * acos(-1) * (double)i / m : acos(-1); /* one place is the middle */
        leati_oput(element, out, (size_t)i, a0 - a1 * cos(t) + a2 * cos(2 * t));
    }
    return LEAT_OK;
}

leat_status leati_on_HannWindow(leati_ocall *k)
{
    return window(k, 0.5, 0.5, 0);
}

leat_status leati_on_HammingWindow(leati_ocall *k)
{
    return window(k, 25.0 / 46, 21.0 / 46, 0);
}

leat_status leati_on_BlackmanWindow(leati_ocall *k)
{
    return window(k, 0.42, 0.5, 0.08);
}

/* Triangles that are evenly spaced on the mel scale 2595 log10(1 + f / 700); the borders are whole
 * bins of the transform, as the standard has it. */
leat_status leati_on_MelWeightMatrix(leati_ocall *k)
{
    int64_t bands, length, rate;
    double low, high;
    void *out;
    LEATI_TRY(leati_oneed(k, 5));
    LEATI_TRY(leati_oint(k, 0, &bands));
    LEATI_TRY(leati_oint(k, 1, &length));
    LEATI_TRY(leati_oint(k, 2, &rate));
    LEATI_TRY(leati_onumber(k, 3, &low));
    LEATI_TRY(leati_onumber(k, 4, &high));
    int32_t element = (int32_t)leati_oattr_int(k, "output_datatype", LEATI_ONNX_FLOAT);
    if (bands < 1 || bands > 1 << 20 || length < 0 || length > 1 << 30 || rate < 1)
        return leati_ofail(k, LEAT_INVALID, "bands, length or rate out of range");
    leat_shape s = LEAT_DIMS(length / 2 + 1, bands);
    LEATI_TRY(leati_onew(k, 0, element, s, &out));
    double from = 2595 * log10(1 + low / 700), to = 2595 * log10(1 + high / 700);
    double step = (to - from) / (double)(bands + 2);
    int64_t *bin = leati_oalloc(k, (size_t)bands + 2, sizeof *bin);
    if (!bin) return LEAT_NOMEM;
    for (int64_t i = 0; i < bands + 2; i++) {
        double f = 700 * (pow(10, ((double)i * step + from) / 2595) - 1);
        bin[i] = (int64_t)floor((double)(length + 1) * f / (double)rate);
    }
    for (int64_t i = 0; i < bands; i++) {
        int64_t a = bin[i], b = bin[i + 1], c = bin[i + 2];
        if (a < 0 || c >= s.dim[0])
            return leati_ofail(k, LEAT_INVALID, "a band beyond the spectrum");
        if (b == a) leati_oput(element, out, (size_t)(b * bands + i), 1);
        for (int64_t j = a; j <= b && b > a; j++)
            leati_oput(element, out, (size_t)(j * bands + i), (double)(j - a) / (double)(b - a));
        for (int64_t j = b; j < c; j++)
            leati_oput(element, out, (size_t)(j * bands + i), (double)(c - j) / (double)(c - b));
    }
    return LEAT_OK;
}
