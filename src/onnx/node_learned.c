/* Owns: the operators of ai.onnx.ml but ensembles of trees and support vectors: preprocessing,
 * linear models, categories. They are operations of the graph, but for texts. */
#include <math.h>
#include <string.h>

#include "onnx/learned.h"

/* ---- what they share ------------------------------------------------------------------------ */

leat_tensor *leati_omatrix(leati_ocall *k, size_t i)
{
    leat_tensor *x = leati_oin(k, i);
    leat_shape s = leat_tensor_shape(x);
    if (!x) return NULL;
    if (s.rank < 1 || s.rank > 2) {
        (void)leati_ofail(k, LEAT_SHAPE, "input %zu is no table: %s", i + 1,
                          leati_shape_string(&s).text);
        return NULL;
    }
    if (s.rank == 1) x = leat_reshape(x, LEAT_DIMS(1, s.dim[0]));
    return leat_tensor_dtype(x) == LEAT_DTYPE_F64 ? x : leat_cast(x, LEAT_DTYPE_F32);
}

leat_status leati_onumbers(leati_ocall *k, const char *list, const char *tensor, const double **out,
                           size_t *count)
{
    const leati_onnx_attribute *a = list ? leati_onnx_attribute_find(k->node, list) : NULL;
    const leati_onnx_attribute *b = tensor ? leati_onnx_attribute_find(k->node, tensor) : NULL;
    double *copy;
    *out = NULL;
    *count = 0;
    if (a && a->floats.count) {
        *count = a->floats.count;
        *out = copy = leati_oalloc(k, *count, sizeof *copy);
        if (!copy) return LEAT_NOMEM;
        for (size_t i = 0; i < *count; i++) copy[i] = (double)a->floats.at[i];
    } else if (b && b->t) {
        const void *data;
        leati_oval *v = leati_oval_of_proto(k->run, b->t);
        if (!v) return leat_error_status(k->context);
        if (v->element == LEATI_ONNX_STRING)
            return leati_ofail(k, LEAT_TYPE, "%s holds texts, numbers are needed", tensor);
        LEATI_TRY(leati_oval_host(k->run, v, &data));
        *count = leati_shape_count(&v->shape);
        *out = copy = leati_oalloc(k, *count, sizeof *copy);
        if (!copy) return LEAT_NOMEM;
        for (size_t i = 0; i < *count; i++) copy[i] = leati_oget(v->element, data, i);
    }
    return LEAT_OK;
}

leat_tensor *leati_orow(leati_ocall *k, size_t count, const double *list, leat_tensor *y)
{
    leat_tensor *row = leat_constant(k->graph, LEAT_DTYPE_F64, LEAT_DIMS(1, (int64_t)count), list);
    return y ? leat_cast(row, leat_tensor_dtype(y)) : NULL;
}

/* The inverse of the normal distribution, by way of the inverse of erf in closed form with an error
 * of 0.002 (Winitzki 2008), as the standard's other runtimes have it. */
static leat_tensor *probit(leat_tensor *p)
{
    const double a = 0.147, pi = 3.14159265358979323846;
    leat_tensor *x = leat_shift(leat_scale(p, 2), -1);
    leat_tensor *log = leat_log(leat_sub(leat_like(x, 1), leat_mul(x, x)));
    leat_tensor *v = leat_shift(leat_scale(log, 0.5), 2 / (pi * a));
    leat_tensor *root = leat_sqrt(leat_sub(leat_mul(v, v), leat_scale(log, 1 / a)));
    return leat_scale(leat_mul(leat_sign(x), leat_sqrt(leat_sub(root, v))), sqrt(2));
}

/* Softmax in which what is 0 stays 0. */
static leat_tensor *softmax_zero(leat_tensor *y)
{
    const int axis = leat_tensor_shape(y).rank - 1;
    leat_tensor *top = leat_max(y, 1, &axis, true), *zero = leat_like(y, 0);
    leat_tensor *small = leat_less_equal(leat_abs(y), leat_like(y, 1e-7));
    leat_tensor *e =
        leat_where(small, leat_mul(y, leat_exp(leat_neg(top))), leat_exp(leat_sub(y, top)));
    leat_tensor *sum = leat_sum(e, 1, &axis, true), *none = leat_equal(sum, zero);
    return leat_where(none, leat_like(y, 0.5), leat_div(e, leat_where(none, leat_like(y, 1), sum)));
}

leat_tensor *leati_opost_transform(leati_ocall *k, leat_tensor *y, const char *name)
{
    if (!y || !strcmp(name, "NONE")) return y;
    if (!strcmp(name, "LOGISTIC")) return leat_sigmoid(y);
    if (!strcmp(name, "SOFTMAX")) return leat_softmax(y, -1);
    if (!strcmp(name, "SOFTMAX_ZERO")) return softmax_zero(y);
    if (!strcmp(name, "PROBIT")) return probit(y);
    (void)leati_ofail(k, LEAT_FORMAT, "no such post_transform: `%.20s`", name);
    return NULL;
}

/* ---- classes ----------------------------------------------------------------------------------
 */

static const leati_onnx_attribute *labels_of(const leati_ocall *k)
{
    static const char *const names[] = {"classlabels_ints", "classlabels_int64s",
                                        "classlabels_strings"};
    for (size_t i = 0; i < 3; i++) {
        const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, names[i]);
        if (a && (a->ints.count || a->strings.count)) return a;
    }
    return NULL;
}

size_t leati_oclasses(const leati_ocall *k)
{
    const leati_onnx_attribute *a = labels_of(k);
    return !a ? 0 : a->ints.count ? a->ints.count : a->strings.count;
}

leat_status leati_oset_labels(leati_ocall *k, leat_tensor *number, size_t columns)
{
    const leati_onnx_attribute *a = labels_of(k);
    size_t classes = leati_oclasses(k);
    bool one = classes == 1 && columns == 2; /* that one or not */
    if (classes != columns && !one)
        return leati_ofail(k, LEAT_FORMAT, "%zu scores for %zu class labels", columns, classes);
    if (a->ints.count) {
        int64_t two[2] = {0, a->ints.at[0]};
        leat_tensor *label = leat_constant(k->graph, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)columns),
                                           one ? two : a->ints.at);
        return leati_oset(k, 0, leat_take(label, number, 0));
    }
    if (one) return leati_ofail(k, LEAT_UNSUPPORTED, "one label of text");
    leati_oval *v = leati_oval_of_tensor(k, number, k->varying);
    const void *at;
    void *out;
    if (!v) return leat_error_status(k->context);
    LEATI_TRY(leati_oval_host(k->run, v, &at));
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_STRING, v->shape, &out));
    for (size_t i = 0; i < leati_shape_count(&v->shape); i++)
        ((leati_pb_bytes *)out)[i] = a->strings.at[((const int64_t *)at)[i]];
    return LEAT_OK;
}

leat_status leati_oclassified(leati_ocall *k, leat_tensor *y, bool single, bool positive)
{
    const char *post = leati_oattr_text(k, "post_transform", "NONE");
    bool none = !strcmp(post, "NONE"), probit_one = !strcmp(post, "PROBIT");
    if (!y) return leat_error_status(k->context);
    if (single && probit_one) {
        y = probit(y);
        y = leat_concat(2, (leat_tensor *[]){leat_sub(leat_like(y, 1), y), y}, 1);
    } else {
        leat_tensor *other = none && positive ? leat_sub(leat_like(y, 1), y) : leat_neg(y);
        if (single) y = leat_concat(2, (leat_tensor *[]){other, y}, 1);
        y = leati_opost_transform(k, y, post);
    }
    if (!y) return leat_error_status(k->context);
    LEATI_TRY(leati_oset_labels(k, leat_argmax(y, 1, false), (size_t)leat_tensor_shape(y).dim[1]));
    return leati_oset(k, 1, leat_cast(y, LEAT_DTYPE_F32));
}

/* A map from labels to numbers for every row: kept as the table it is made of, since there are no
 * maps among the values; who shows it has the labels in the node. */
leat_status leati_on_ZipMap(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *y = leati_omatrix(k, 0);
    if (!y) return leat_error_status(k->context);
    size_t columns = (size_t)leat_tensor_shape(y).dim[1], classes = leati_oclasses(k);
    if (columns != classes)
        return leati_ofail(k, LEAT_FORMAT, "%zu numbers for %zu class labels", columns, classes);
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_F32));
}

/* ---- linear models ----------------------------------------------------------------------------
 */

/* x W' + b with `rows` rows of coefficients; rows 0: as many as they make. */
static leat_tensor *linear(leati_ocall *k, size_t rows, size_t *found)
{
    const double *w, *b;
    size_t weights, biases;
    leat_tensor *x = leati_omatrix(k, 0);
    LEATI_ONULL(leati_onumbers(k, "coefficients", NULL, &w, &weights));
    LEATI_ONULL(leati_onumbers(k, "intercepts", NULL, &b, &biases));
    if (!x) return NULL;
    size_t features = (size_t)leat_tensor_shape(x).dim[1];
    if (!rows && features) rows = weights / features;
    if (!rows || rows * features != weights || (biases && biases != rows)) {
        (void)leati_ofail(k, LEAT_SHAPE, "%zu coefficients and %zu intercepts for %zu features",
                          weights, biases, features);
        return NULL;
    }
    *found = rows;
    leat_tensor *matrix =
        leat_constant(k->graph, LEAT_DTYPE_F64, LEAT_DIMS((int64_t)rows, (int64_t)features), w);
    leat_tensor *y = leat_matmul_t(x, false, leat_cast(matrix, leat_tensor_dtype(x)), true);
    return biases ? leat_add(y, leati_orow(k, rows, b, y)) : y;
}

leat_status leati_on_LinearRegressor(leati_ocall *k)
{
    int64_t targets = leati_oattr_int(k, "targets", 1);
    size_t rows;
    LEATI_TRY(leati_oneed(k, 1));
    if (targets < 1 || targets > 1 << 20)
        return leati_ofail(k, LEAT_INVALID, "%lld targets", (long long)targets);
    leat_tensor *y = linear(k, (size_t)targets, &rows);
    y = leati_opost_transform(k, y, leati_oattr_text(k, "post_transform", "NONE"));
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_F32));
}

leat_status leati_on_LinearClassifier(leati_ocall *k)
{
    size_t rows;
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *y = linear(k, 0, &rows);
    if (!y) return leat_error_status(k->context);
    return leati_oclassified(k, y, rows == 1, false);
}

/* ---- preprocessing ----------------------------------------------------------------------------
 */

leat_status leati_on_Scaler(leati_ocall *k)
{
    const double *offset, *scale;
    size_t offsets, scales;
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(leati_onumbers(k, "offset", NULL, &offset, &offsets));
    LEATI_TRY(leati_onumbers(k, "scale", NULL, &scale, &scales));
    leat_tensor *x = leati_omatrix(k, 0);
    if (!x) return leat_error_status(k->context);
    size_t features = (size_t)leat_tensor_shape(x).dim[1];
    if ((offsets > 1 && offsets != features) || (scales > 1 && scales != features))
        return leati_ofail(k, LEAT_SHAPE, "%zu offsets and %zu scales for %zu features", offsets,
                           scales, features);
    if (offsets) x = leat_sub(x, leati_orow(k, offsets, offset, x));
    if (scales) x = leat_mul(x, leati_orow(k, scales, scale, x));
    x = leat_reshape(x, k->in[0]->shape);
    return leati_oset(k, 0, leat_cast(x, LEAT_DTYPE_F32));
}

leat_status leati_on_Normalizer(leati_ocall *k)
{
    const char *norm = leati_oattr_text(k, "norm", "MAX");
    static const int last[] = {1};
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_omatrix(k, 0), *size = NULL;
    if (!strcmp(norm, "MAX")) size = leat_max(leat_abs(x), 1, last, true);
    else if (!strcmp(norm, "L1")) size = leat_sum(leat_abs(x), 1, last, true);
    else if (!strcmp(norm, "L2")) size = leat_sqrt(leat_sum(leat_mul(x, x), 1, last, true));
    else return leati_ofail(k, LEAT_FORMAT, "no such norm: `%.20s`", norm);
    x = leat_div(x, leat_maximum(size, leat_like(size, 1e-30)));
    x = leat_reshape(x, k->in[0]->shape);
    return leati_oset(k, 0, leat_cast(x, LEAT_DTYPE_F32));
}

leat_status leati_on_Binarizer(leati_ocall *k)
{
    double threshold = leati_oattr_float(k, "threshold", 0);
    LEATI_TRY(leati_oneed(k, 1));
    leat_tensor *x = leati_oin(k, 0);
    leat_tensor *above = leat_greater(x, leat_like(x, threshold));
    return leati_oset(k, 0, x ? leat_cast(above, leat_tensor_dtype(x)) : NULL);
}

leat_status leati_on_Imputer(leati_ocall *k)
{
    const double *fill;
    size_t fills, whole;
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(leati_onumbers(k, "imputed_value_floats", NULL, &fill, &fills));
    const int64_t *ints = leati_oattr_ints(k, "imputed_value_int64s", &whole);
    leat_tensor *x = leati_oin(k, 0);
    leat_shape s = leat_tensor_shape(x);
    if (!x) return leat_error_status(k->context);
    size_t count = fills ? fills : whole;
    if (s.rank < 1 || (count != 1 && count != (size_t)s.dim[s.rank - 1]))
        return leati_ofail(k, LEAT_SHAPE, "%zu values to fill in for %s", count,
                           leati_shape_string(&s).text);
    double what = leati_oattr_float(k, "replaced_value_float", 0);
    leat_tensor *value, *gone;
    leat_shape row = LEAT_DIMS((int64_t)count);
    if (fills) {
        value = leat_constant(k->graph, LEAT_DTYPE_F64, row, fill);
        gone = isnan(what) ? leat_isnan(x) : leat_equal(x, leat_like(x, what));
    } else {
        int64_t number = leati_oattr_int(k, "replaced_value_int64", 0);
        value = leat_constant(k->graph, LEAT_DTYPE_I64, row, ints);
        gone = leat_equal(leat_cast(x, LEAT_DTYPE_I64),
                          leat_constant(k->graph, LEAT_DTYPE_I64, LEAT_SCALAR, &number));
    }
    return leati_oset(k, 0, leat_where(gone, leat_cast(value, leat_tensor_dtype(x)), x));
}

leat_status leati_on_FeatureVectorizer(leati_ocall *k)
{
    size_t count;
    const int64_t *widths = leati_oattr_ints(k, "inputdimensions", &count);
    leat_tensor **parts = leati_oalloc(k, k->ins, sizeof *parts);
    if (!parts) return LEAT_NOMEM;
    LEATI_TRY(leati_oneed(k, k->ins));
    if (count && count != k->ins)
        return leati_ofail(k, LEAT_FORMAT, "%zu widths for %zu inputs", count, k->ins);
    for (size_t i = 0; i < k->ins; i++) {
        leat_tensor *x = leat_cast(leati_oin(k, i), LEAT_DTYPE_F32);
        leat_shape s = leat_tensor_shape(x);
        if (x && s.rank == 1) x = leat_reshape(x, LEAT_DIMS(s.dim[0], 1));
        else if (s.rank != 2) return leati_ofail(k, LEAT_SHAPE, "input %zu is no table", i + 1);
        int64_t have = leat_tensor_shape(x).dim[1], want = count ? widths[i] : have;
        if (want < 0 || want > INT32_MAX)
            return leati_ofail(k, LEAT_INVALID, "a width of %lld", (long long)want);
        const int64_t none[2] = {0}, more[2] = {0, want - have};
        parts[i] = want == have ? x : leat_pad(x, LEAT_PAD_CONSTANT, none, more, 0);
    }
    return leati_oset(k, 0, leat_concat(k->ins, parts, 1));
}

/* Elements of the last axis; a list becomes a table of one row. */
leat_status leati_on_ArrayFeatureExtractor(leati_ocall *k)
{
    LEATI_TRY(leati_oneed(k, 2));
    leat_tensor *x = leati_oin(k, 0), *index = leat_reshape(leati_oin(k, 1), LEAT_DIMS(-1));
    leat_shape s = leat_tensor_shape(x);
    if (x && s.rank == 1) x = leat_reshape(x, LEAT_DIMS(1, s.dim[0]));
    return leati_oset(k, 0, leat_take(x, index, -1));
}

/* ---- categories -------------------------------------------------------------------------------
 */

/* Texts or numbers, from an attribute. */
typedef struct keys {
    int32_t element;
    size_t count;
    const void *data;
} keys;

static leat_status keys_of(leati_ocall *k, const char *const *names, keys *out)
{
    *out = (keys){0};
    for (size_t i = 0; names[i]; i++) {
        const leati_onnx_attribute *a = leati_onnx_attribute_find(k->node, names[i]);
        if (!a) continue;
        if (a->floats.count) *out = (keys){LEATI_ONNX_FLOAT, a->floats.count, a->floats.at};
        else if (a->ints.count) *out = (keys){LEATI_ONNX_INT64, a->ints.count, a->ints.at};
        else if (a->strings.count)
            *out = (keys){LEATI_ONNX_STRING, a->strings.count, a->strings.at};
        else if (a->t) {
            leati_oval *v = leati_oval_of_proto(k->run, a->t);
            if (!v) return leat_error_status(k->context);
            out->element = v->element;
            out->count = leati_shape_count(&v->shape);
            LEATI_TRY(leati_oval_host(k->run, v, &out->data));
        }
    }
    return LEAT_OK;
}

static bool same_key(const keys *a, size_t i, int32_t element, const void *data, size_t j)
{
    if (a->element == LEATI_ONNX_STRING) {
        leati_pb_bytes x = ((const leati_pb_bytes *)a->data)[i];
        leati_pb_bytes y = ((const leati_pb_bytes *)data)[j];
        return x.size == y.size && (!x.size || !memcmp(x.data, y.data, x.size));
    }
    double x = leati_oget(a->element, a->data, i), y = leati_oget(element, data, j);
    return x == y || (isnan(x) && isnan(y));
}

/* Whether the keys can be compared with the input. */
static leat_status check_keys(leati_ocall *k, const keys *a)
{
    bool text = k->in[0]->element == LEATI_ONNX_STRING;
    if (!a->count) return leati_ofail(k, LEAT_FORMAT, "it has no keys");
    if (text != (a->element == LEATI_ONNX_STRING))
        return leati_ofail(k, LEAT_TYPE, "texts and numbers cannot be compared");
    return LEAT_OK;
}

/* The last of equal keys counts; count: none. */
static size_t find_key(const keys *a, int32_t element, const void *data, size_t j)
{
    for (size_t i = a->count; i-- > 0;)
        if (same_key(a, i, element, data, j)) return i;
    return a->count;
}

static leat_status default_of(leati_ocall *k, int32_t element, const void **out)
{
    static const float minus_zero = -0.0f;
    const leati_onnx_attribute *t = leati_onnx_attribute_find(k->node, "default_tensor");
    if (t && t->t) {
        leati_oval *v = leati_oval_of_proto(k->run, t->t);
        if (!v) return leat_error_status(k->context);
        if (v->element != element || leati_shape_count(&v->shape) != 1)
            return leati_ofail(k, LEAT_TYPE, "its default does not fit its values");
        return leati_oval_host(k->run, v, out);
    }
    void *space = leati_oalloc(k, 1, leati_oval_width(element));
    if (!space) return LEAT_NOMEM;
    *out = space;
    if (element == LEATI_ONNX_STRING) {
        const char *text = leati_oattr_text(k, "default_string", "_Unused");
        *(leati_pb_bytes *)space = (leati_pb_bytes){text, strlen(text)};
    } else if (element == LEATI_ONNX_FLOAT || element == LEATI_ONNX_DOUBLE) {
        leati_oput(element, space, 0, leati_oattr_float(k, "default_float", (double)minus_zero));
    } else {
        leati_oput_int(element, space, 0, leati_oattr_int(k, "default_int64", -1));
    }
    return LEAT_OK;
}

leat_status leati_on_LabelEncoder(leati_ocall *k)
{
    static const char *const from[] = {"keys_floats", "keys_int64s", "keys_strings", "keys_tensor",
                                       NULL};
    static const char *const into[] = {"values_floats", "values_int64s", "values_strings",
                                       "values_tensor", NULL};
    const void *x, *otherwise;
    void *out;
    keys key, value;
    LEATI_TRY(leati_oneed(k, 1));
    if (k->version < 2) return leati_ofail(k, LEAT_UNSUPPORTED, "version 1");
    LEATI_TRY(keys_of(k, from, &key));
    LEATI_TRY(keys_of(k, into, &value));
    LEATI_TRY(check_keys(k, &key));
    if (key.count != value.count)
        return leati_ofail(k, LEAT_FORMAT, "%zu keys and %zu values", key.count, value.count);
    LEATI_TRY(default_of(k, value.element, &otherwise));
    LEATI_TRY(leati_ohost(k, 0, &x));
    leat_shape s = k->in[0]->shape;
    LEATI_TRY(leati_onew(k, 0, value.element, s, &out));
    size_t width = leati_oval_width(value.element);
    for (size_t j = 0; j < leati_shape_count(&s); j++) {
        size_t i = find_key(&key, k->in[0]->element, x, j);
        const void *found = i < key.count ? (const char *)value.data + i * width : otherwise;
        memcpy((char *)out + j * width, found, width);
    }
    return LEAT_OK;
}

/* Texts as the numbers that stand beside them, or the reverse. */
leat_status leati_on_CategoryMapper(leati_ocall *k)
{
    static const char *const texts[] = {"cats_strings", NULL}, *const ints[] = {"cats_int64s",
                                                                                NULL};
    const void *x, *otherwise;
    void *out;
    keys text, number;
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(keys_of(k, texts, &text));
    LEATI_TRY(keys_of(k, ints, &number));
    if (text.count != number.count)
        return leati_ofail(k, LEAT_FORMAT, "%zu texts and %zu numbers", text.count, number.count);
    bool from_text = k->in[0]->element == LEATI_ONNX_STRING;
    const keys *key = from_text ? &text : &number, *value = from_text ? &number : &text;
    LEATI_TRY(check_keys(k, key));
    LEATI_TRY(default_of(k, value->element, &otherwise));
    LEATI_TRY(leati_ohost(k, 0, &x));
    leat_shape s = k->in[0]->shape;
    LEATI_TRY(leati_onew(k, 0, value->element, s, &out));
    size_t width = leati_oval_width(value->element);
    for (size_t j = 0; j < leati_shape_count(&s); j++) {
        size_t i = find_key(key, k->in[0]->element, x, j);
        const void *found = i < key->count ? (const char *)value->data + i * width : otherwise;
        memcpy((char *)out + j * width, found, width);
    }
    return LEAT_OK;
}

leat_status leati_on_OneHotEncoder(leati_ocall *k)
{
    static const char *const names[] = {"cats_int64s", "cats_strings", NULL};
    const void *x;
    void *out;
    keys key;
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(keys_of(k, names, &key));
    LEATI_TRY(check_keys(k, &key));
    leat_shape s = k->in[0]->shape, y = s;
    if (s.rank >= LEAT_MAX_RANK) return leati_ofail(k, LEAT_SHAPE, "too many dimensions");
    y.dim[y.rank++] = (int64_t)key.count;
    if (leati_oneeds_graph(k, 1)) {
        leat_tensor *list =
            leat_constant(k->graph, LEAT_DTYPE_I64, LEAT_DIMS((int64_t)key.count), key.data);
        leat_tensor *value = leat_unsqueeze(leat_cast(leati_oin(k, 0), LEAT_DTYPE_I64), s.rank);
        if (leati_oattr_int(k, "zeros", 1))
            return leati_oset(k, 0, leat_cast(leat_equal(value, list), LEAT_DTYPE_F32));
    }
    LEATI_TRY(leati_ohost(k, 0, &x));
    LEATI_TRY(leati_onew(k, 0, LEATI_ONNX_FLOAT, y, &out));
    for (size_t j = 0; j < leati_shape_count(&s); j++) {
        size_t i = find_key(&key, k->in[0]->element, x, j);
        if (i < key.count) ((float *)out)[j * key.count + i] = 1;
        else if (!leati_oattr_int(k, "zeros", 1))
            return leati_ofail(k, LEAT_INVALID, "element %zu is of no known category", j);
    }
    return LEAT_OK;
}
