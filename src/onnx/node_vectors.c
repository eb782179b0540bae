/* Owns: the operators of ai.onnx.ml on support vectors. */
#include <string.h>

#include "base/mem.h"
#include "learn/platt.h"
#include "onnx/learned.h"

/* Kernel values (N, supports) of x (N, F) with the support vectors. */
static leat_tensor *kernel_values(leati_ocall *k, leat_tensor *x, leat_tensor *support)
{
    const char *kind = leati_oattr_text(k, "kernel_type", "LINEAR");
    const double *p;
    size_t count;
    static const double none[3] = {0};
    static const int last[] = {1};
    LEATI_ONULL(leati_onumbers(k, "kernel_params", NULL, &p, &count));
    if (count != 0 && count != 3) {
        (void)leati_ofail(k, LEAT_FORMAT, "%zu kernel parameters, 3 are needed", count);
        return NULL;
    }
    if (!count) p = none;
    leat_tensor *dot = leat_matmul_t(x, false, support, true);
    if (!strcmp(kind, "LINEAR")) return dot;
    if (!strcmp(kind, "RBF")) { /* |x|^2 - 2 x s + |s|^2 */
        leat_tensor *xx = leat_sum(leat_mul(x, x), 1, last, true);
        leat_tensor *ss = leat_sum(leat_mul(support, support), 1, last, false);
        leat_tensor *d = leat_add(leat_sub(xx, leat_scale(dot, 2)), ss);
        return leat_exp(leat_scale(leat_maximum(d, leat_like(d, 0)), -p[0]));
    }
    leat_tensor *inner = leat_shift(leat_scale(dot, p[0]), p[1]);
    if (!strcmp(kind, "SIGMOID")) return leat_tanh(inner);
    if (!strcmp(kind, "POLY")) return leat_pow(inner, leat_like(inner, p[2]));
    (void)leati_ofail(k, LEAT_FORMAT, "no such kernel: `%.20s`", kind);
    return NULL;
}

leat_status leati_on_SVMRegressor(leati_ocall *k)
{
    const double *c, *rho, *vectors;
    size_t count, rhos, cells;
    int64_t supports = leati_oattr_int(k, "n_supports", 0);
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(leati_onumbers(k, "coefficients", NULL, &c, &count));
    LEATI_TRY(leati_onumbers(k, "rho", NULL, &rho, &rhos));
    LEATI_TRY(leati_onumbers(k, "support_vectors", NULL, &vectors, &cells));
    leat_tensor *x = leati_omatrix(k, 0), *y;
    if (!x) return leat_error_status(k->context);
    size_t features = (size_t)leat_tensor_shape(x).dim[1];
    size_t want = supports > 0 ? (size_t)supports : features;
    if (supports < 0 || !features || count != want || rhos < 1 ||
        (supports > 0 && (cells / features != want || cells % features)))
        return leati_ofail(k, LEAT_SHAPE,
                           "%zu coefficients and %zu numbers of support vectors for %zu features",
                           count, cells, features);
    if (supports > 0) {
        leat_tensor *s = leat_constant(k->graph, LEAT_DTYPE_F64,
                                       LEAT_DIMS(supports, (int64_t)features), vectors);
        y = kernel_values(k, x, leat_cast(s, leat_tensor_dtype(x)));
    } else {
        y = x; /* the coefficients are those of the features */
    }
    y = leat_matmul_t(y, false, leati_orow(k, count, c, y), true);
    y = leat_shift(y, rho[0]);
    if (leati_oattr_int(k, "one_class", 0))
        y = leat_where(leat_greater(y, leat_like(y, 0)), leat_like(y, 1), leat_like(y, -1));
    y = leati_opost_transform(k, y, leati_oattr_text(k, "post_transform", "NONE"));
    return leati_oset(k, 0, leat_cast(y, LEAT_DTYPE_F32));
}

/* ---- classes ----------------------------------------------------------------------------------
 */

/* Machines of two classes each, in the order (0, 1), (0, 2), ..., (1, 2), ...: machine (i, j) votes
 * for i above 0. The vectors of a class stand together; row r of the coefficients (classes - 1,
 * supports) holds, of a vector of class i, the one against class r where r < i, else r + 1. */
enum { MOST_CLASSES = 256 };

typedef struct machines {
    size_t classes, count, supports, features;
    const double *coefficient, *rho, *vectors, *a, *b; /* a, b: of probabilities, or NULL */
    const int64_t *per_class;
    size_t as;
} machines;

static leat_status read_machines(leati_ocall *k, machines *m)
{
    size_t coefficients, rhos, cells, bs, listed;
    LEATI_TRY(leati_onumbers(k, "coefficients", NULL, &m->coefficient, &coefficients));
    LEATI_TRY(leati_onumbers(k, "rho", NULL, &m->rho, &rhos));
    LEATI_TRY(leati_onumbers(k, "support_vectors", NULL, &m->vectors, &cells));
    LEATI_TRY(leati_onumbers(k, "prob_a", NULL, &m->a, &m->as));
    LEATI_TRY(leati_onumbers(k, "prob_b", NULL, &m->b, &bs));
    m->per_class = leati_oattr_ints(k, "vectors_per_class", &listed);
    m->classes = leati_oclasses(k);
    m->count = m->classes * (m->classes - 1) / 2;
    for (size_t i = 0; i < listed; i++) {
        if (m->per_class[i] < 0 || m->per_class[i] > INT32_MAX)
            return leati_ofail(k, LEAT_FORMAT, "%lld vectors of a class",
                               (long long)m->per_class[i]);
        m->supports += (size_t)m->per_class[i];
    }
    if (m->supports == 0) { /* a row of coefficients for each class */
        m->features = m->classes ? coefficients / m->classes : 0;
        if (m->features && rhos && coefficients == m->classes * m->features) return LEAT_OK;
    } else {
        m->features = cells / m->supports;
        bool whole = m->classes >= 2 && m->classes <= MOST_CLASSES && listed == m->classes &&
                     m->features && cells == m->supports * m->features;
        if (whole && coefficients == (m->classes - 1) * m->supports && rhos == m->count &&
            bs == m->as && (m->as == 0 || m->as == m->count))
            return LEAT_OK;
    }
    return leati_ofail(k, LEAT_FORMAT,
                       "%zu classes, %zu coefficients, %zu numbers of %zu support vectors, %zu of "
                       "rho and %zu of prob_a do not fit together",
                       m->classes, coefficients, cells, m->supports, rhos, m->as);
}

/* w (supports, count): what each vector counts in each machine. votes (2 count, classes): row p is
 * the class that machine p votes for above 0, row count + p the other. */
static void fill_tables(const machines *m, double *w, double *votes)
{
    size_t p = 0, from_i = 0;
    for (size_t i = 0; i < m->classes; from_i += (size_t)m->per_class[i++]) {
        size_t from_j = from_i + (size_t)m->per_class[i];
        for (size_t j = i + 1; j < m->classes; from_j += (size_t)m->per_class[j++], p++) {
            const double *against_j = m->coefficient + (j - 1) * m->supports;
            const double *against_i = m->coefficient + i * m->supports;
            for (size_t s = from_i; s < from_i + (size_t)m->per_class[i]; s++)
                w[s * m->count + p] = against_j[s];
            for (size_t s = from_j; s < from_j + (size_t)m->per_class[j]; s++)
                w[s * m->count + p] = against_i[s];
            votes[p * m->classes + i] = 1;
            votes[(m->count + p) * m->classes + j] = 1;
        }
    }
}

/* Output 1 where there are probabilities: machines coupled as libsvm does it (Wu, Lin and Weng
 * 2004, second method), row by row on the host. */
static leat_status couple(leati_ocall *k, const machines *m, leat_tensor *score)
{
    const void *host;
    leati_oval *v = leati_oval_of_tensor(k, leat_cast(score, LEAT_DTYPE_F64), k->varying);
    if (!v) return leat_error_status(k->context);
    LEATI_TRY(leati_oval_host(k->run, v, &host));
    size_t rows = (size_t)v->shape.dim[0], n = m->classes;
    double *out = leati_oalloc(k, rows * n, sizeof *out);
    double *r = leati_oalloc(k, n * n, sizeof *r), *room = leati_oalloc(k, n * (n + 1), sizeof *r);
    if (!out || !r || !room) return LEAT_NOMEM;
    const double *f = host;
    for (size_t row = 0; row < rows; row++) {
        size_t p = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++, p++) {
                double c = leati_platt_probability((leati_platt){m->a[p], m->b[p]}, *f++);
                c = c > 1e-7 ? c < 1 - 1e-7 ? c : 1 - 1e-7 : 1e-7;
                r[i * n + j] = c;
                r[j * n + i] = 1 - c;
            }
        leati_platt_couple(n, r, out + row * n, room);
    }
    leat_shape s = LEAT_DIMS((int64_t)rows, (int64_t)n);
    leat_tensor *y = leat_cast(leati_odata(k, LEAT_DTYPE_F64, s, out), LEAT_DTYPE_F32);
    y = leati_opost_transform(k, y, leati_oattr_text(k, "post_transform", "NONE"));
    return leati_oset(k, 1, y);
}

/* Output 1 without probabilities: the machines' values; of one machine both sides. */
static leat_status set_values(leati_ocall *k, const machines *m, leat_tensor *score)
{
    const char *post = leati_oattr_text(k, "post_transform", "NONE");
    if (m->count > 1) {
        score = leati_opost_transform(k, score, post);
    } else {
        bool logistic = !strcmp(post, "LOGISTIC"), sides = logistic || !strcmp(post, "NONE");
        leat_tensor *other = sides ? leat_neg(score) : leat_sub(leat_like(score, 1), score);
        score = leat_concat(2, (leat_tensor *[]){other, score}, 1);
        if (logistic) score = leat_sigmoid(score);
    }
    return leati_oset(k, 1, leat_cast(score, LEAT_DTYPE_F32));
}

static leat_status linear_classes(leati_ocall *k, const machines *m, leat_tensor *x)
{
    leat_tensor *w =
        leat_constant(k->graph, LEAT_DTYPE_F64,
                      LEAT_DIMS((int64_t)m->classes, (int64_t)m->features), m->coefficient);
    leat_tensor *y = leat_matmul_t(x, false, leat_cast(w, leat_tensor_dtype(x)), true);
    y = leat_shift(y, m->rho[0]);
    LEATI_TRY(leati_oset_labels(k, leat_argmax(y, 1, false), m->classes));
    y = leati_opost_transform(k, y, leati_oattr_text(k, "post_transform", "NONE"));
    return leati_oset(k, 1, leat_cast(y, LEAT_DTYPE_F32));
}

leat_status leati_on_SVMClassifier(leati_ocall *k)
{
    machines m = {0};
    LEATI_TRY(leati_oneed(k, 1));
    LEATI_TRY(read_machines(k, &m));
    leat_tensor *x = leati_omatrix(k, 0);
    if (!x) return leat_error_status(k->context);
    leat_dtype type = leat_tensor_dtype(x);
    if (leat_tensor_shape(x).dim[1] != (int64_t)m.features)
        return leati_ofail(k, LEAT_SHAPE, "%lld features for support vectors of %zu",
                           (long long)leat_tensor_shape(x).dim[1], m.features);
    if (m.supports == 0) return linear_classes(k, &m, x);
    double *w = leati_oalloc(k, m.supports * m.count, sizeof *w);
    double *votes = leati_oalloc(k, 2 * m.count * m.classes, sizeof *votes);
    if (!w || !votes) return LEAT_NOMEM;
    fill_tables(&m, w, votes);
    int64_t s = (int64_t)m.supports, p = (int64_t)m.count, n = (int64_t)m.classes;
    leat_tensor *vectors =
        leat_constant(k->graph, LEAT_DTYPE_F64, LEAT_DIMS(s, (int64_t)m.features), m.vectors);
    leat_tensor *values = kernel_values(k, x, leat_cast(vectors, type));
    if (!values) return leat_error_status(k->context);
    leat_tensor *table = leat_constant(k->graph, LEAT_DTYPE_F64, LEAT_DIMS(s, p), w);
    leat_tensor *score = leat_matmul(values, leat_cast(table, type));
    score = leat_add(score, leati_orow(k, m.count, m.rho, score));
    leat_tensor *above = leat_cast(leat_greater(score, leat_like(score, 0)), LEAT_DTYPE_F32);
    leat_tensor *both =
        leat_concat(2, (leat_tensor *[]){above, leat_sub(leat_like(above, 1), above)}, 1);
    leat_tensor *count = leat_constant(k->graph, LEAT_DTYPE_F64, LEAT_DIMS(2 * p, n), votes);
    count = leat_matmul(both, leat_cast(count, LEAT_DTYPE_F32));
    LEATI_TRY(leati_oset_labels(k, leat_argmax(count, 1, false), m.classes));
    return m.as ? couple(k, &m, score) : set_values(k, &m, score);
}
