/* Owns: quadratic discriminant analysis. Covariances come from discriminant.c.
 *
 * Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, section 4.3,
 * equation 4.12. A class is held as the inverse of the Cholesky factor of its covariance, with
 * zeros for features that are left out. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"
#include "learn/cholesky.h"
#include "learn/discriminant.h"

typedef struct qda {
    leati_estimator base;
    double reg_param;
    leati_mixed shrinkage;
    int priors;
    double tol;
    double *mean;     /* (classes, features) */
    double *whitener; /* (classes * features, features) L^-1 for S = L L^T, lower triangular */
    double *constant; /* (classes) log prior - log |S| / 2 */
} qda;

static const leati_param params[] = {
    {.name = "reg_param",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(qda, reg_param),
     .standard = "0",
     .least = 0,
     .most = 1,
     .grid = "0,0.001,0.01,0.1,0.5",
     .doc = "Replaces the covariance S of each class by (1 - reg_param) S + reg_param I."},
    {.name = "shrinkage",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(qda, shrinkage),
     .standard = "none",
     .least = 0,
     .most = 1,
     .choices = "none|auto",
     .doc = "Draws each covariance towards a multiple of the identity first: by this part, or "
            "auto by Ledoit and Wolf."},
    {.name = "priors",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(qda, priors),
     .standard = "empirical",
     .choices = "empirical|uniform",
     .doc = "Prior probabilities of the classes: their frequencies, or all equal."},
    {.name = "tol",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(qda, tol),
     .standard = "0.0001",
     .least = 0,
     .most = HUGE_VAL,
     .doc = "A covariance with an eigenvalue up to this is refused as singular, unless it is that "
            "only because some features follow from the others, as one of the levels of a "
            "category does; those are left out."},
    {.name = NULL}};

/* --- L^-1, by slabs of columns in parallel -------------------------------------------------------
 */

enum { SLAB = 64 };

typedef struct inverse_job {
    size_t n;
    const double *l;
    double *out;
    const leati_vec *vec;
} inverse_job;

static void inverse_task(void *arg, size_t task, unsigned worker)
{
    (void)worker;
    const inverse_job *job = arg;
    size_t n = job->n, from = task * SLAB, width = n - from < SLAB ? n - from : SLAB;
    for (size_t i = from; i < n; i++) {
        double *row = job->out + i * n + from;
        if (i < from + width) row[i - from] = 1;
        for (size_t j = from; j < i; j++)
            job->vec->axpy_f64(width, -job->l[i * n + j], job->out + j * n + from, row);
        job->vec->scale_f64(width, 1 / job->l[i * n + i], row);
    }
}

/* out (n, n), zeroed = inverse of the lower triangle of l. */
static void invert(leat_context *c, size_t n, const double *l, double *out)
{
    inverse_job job = {n, l, out, leati_vec_of(c)};
    leati_parallel(c, (n + SLAB - 1) / SLAB, inverse_task, &job);
}

/* --- fit -----------------------------------------------------------------------------------------
 */

/* The features that a covariance is taken of: all, or those that do not follow from the others. */
typedef struct kept {
    size_t *feature; /* (count), ascending */
    size_t count;
} kept;

/* Means and standard deviations over all rows; 0 for a feature that never varies but by rounding.
 */
static void spread(const leati_class_moments *m, double *mean, double *deviation)
{
    for (size_t j = 0; j < m->cols; j++) {
        double sum = 0, squares = 0;
        for (size_t k = 0; k < m->classes; k++) sum += m->weight[k] * m->mean[k * m->cols + j];
        mean[j] = sum / m->total;
        for (size_t k = 0; k < m->classes; k++) {
            double apart = m->mean[k * m->cols + j] - mean[j];
            squares += m->squares[k * m->cols + j] + m->weight[k] * apart * apart;
        }
        deviation[j] = sqrt(squares / m->total);
        if (deviation[j] <= 64 * DBL_EPSILON * fabs(mean[j])) deviation[j] = 0;
    }
}

/* Takes the features in turn and keeps each of which more than LEAST of the variance is left when
 * those before it are known: Cholesky's elimination of the correlations r (p, p), row by row, which
 * becomes the factor of the kept ones. */
static void eliminate(double *r, size_t p, const double *deviation, const leati_vec *v, kept *out)
{
    static const double least = 1e-9;
    out->count = 0;
    for (size_t j = 0; j < p; j++) {
        double *row = r + j * p, left = 1;
        if (deviation[j] == 0) continue;
        for (size_t i = 0; i < out->count; i++) { /* factor i stands in the columns 0 .. i */
            const double *factor = r + out->feature[i] * p;
            double x = row[out->feature[i]]; /* not yet overwritten: feature[i] >= i */
            row[i] = (x - v->dot_f64(i, row, factor)) / factor[i];
        }
        left -= v->dot_f64(out->count, row, row);
        if (!(left > least)) continue;
        row[out->count] = sqrt(left);
        out->feature[out->count++] = j;
    }
}

/* Which features say everything, where one is the sum of others, as the levels of a category are,
 * or never varies. The density is then that of the space in which the rows lie, and does not depend
 * on which of them is left out. */
static leat_status find_kept(leat_context *c, const leati_dataset *d, const leati_class_moments *m,
                             kept *out)
{
    size_t p = d->x.cols;
    double *space = leati_array(c, p * p + 3 * p, sizeof *space);
    if (!space) return leat_error_status(c);
    double *mean = space + p * p, *deviation = mean + p, *scale = deviation + p;
    leati_class_moments whole = {.classes = 1, .cols = p, .mean = mean, .total = m->total};
    spread(m, mean, deviation);
    for (size_t j = 0; j < p; j++) scale[j] = deviation[j] > 0 ? 1 / deviation[j] : 0;
    leat_status st = leati_scatter(c, d, &whole, LEATI_ALL_CLASSES, scale, space, NULL);
    if (st == LEAT_OK) {
        leati_vec_of(c)->scale_f64(p * p, 1 / m->total, space);
        eliminate(space, p, deviation, leati_vec_of(c), out);
    }
    leati_free(space);
    return st;
}

/* *definite: whether the covariance of the kept features is; else nothing is learned. */
static leat_status fit_class(qda *q, leat_context *c, const leati_dataset *d,
                             const leati_class_moments *m, size_t k, const kept *of, double *s,
                             bool *definite)
{
    size_t p = d->x.cols, n = of->count;
    char space[LEATI_CLASS_TEXT];
    LEATI_CHECK(c, m->weight[k] > 1, LEAT_INVALID,
                "qda: class %s has one row only, which has no covariance; qda needs more",
                leati_class_text(d, k, space));
    LEATI_TRY(leati_class_covariance(c, d, m, k, &q->shrinkage, s));
    for (size_t i = 0; n < p && i < n; i++) /* to places at or before their own */
        for (size_t j = 0; j < n; j++) s[i * n + j] = s[of->feature[i] * p + of->feature[j]];
    for (size_t j = 0; j < n * n; j++) s[j] *= 1 - q->reg_param;
    for (size_t j = 0; j < n; j++) s[j * n + j] += q->reg_param;
    LEATI_TRY(leati_eigenvalues_above(c, s, n, q->tol, definite));
    if (!*definite) return LEAT_OK;
    LEATI_TRY(leati_cholesky(c, n, s, definite));
    LEATI_BUG_IF(c, !*definite);
    double prior = q->priors == 1 ? 1 / (double)d->classes : m->weight[k] / m->total;
    q->constant[k] = log(prior);
    for (size_t j = 0; j < n; j++) q->constant[k] -= log(s[j * n + j]);
    double *inverse = leati_calloc(c, n, n * sizeof *inverse), *w = q->whitener + k * p * p;
    if (!inverse) return leat_error_status(c);
    invert(c, n, s, inverse);
    memset(w, 0, p * p * sizeof *w);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) w[of->feature[i] * p + of->feature[j]] = inverse[i * n + j];
    leati_free(inverse);
    return LEAT_OK;
}

/* *singular: the first class whose covariance is, or as many as there are classes. */
static leat_status fit_classes(qda *q, leat_context *c, const leati_dataset *d,
                               const leati_class_moments *m, const kept *of, size_t *singular)
{
    size_t p = d->x.cols;
    bool definite = true;
    double *s = leati_array(c, p * p, sizeof *s);
    leat_status st = s ? LEAT_OK : leat_error_status(c);
    for (*singular = 0; st == LEAT_OK && *singular < d->classes; ++*singular) {
        st = fit_class(q, c, d, m, *singular, of, s, &definite);
        if (st == LEAT_OK && !definite) break;
    }
    leati_free(s);
    return st;
}

static void say_left_out(leat_context *c, const leati_dataset *d, const kept *of)
{
    size_t first = 0;
    while (first < of->count && of->feature[first] == first) first++;
    if (d->features)
        leati_log(c, LEAT_LOG_WARN,
                  "qda: %zu of %zu features follow from the others or never vary, '%s' the first; "
                  "they say nothing more and are left out",
                  d->x.cols - of->count, d->x.cols, d->features[first].name);
}

static leat_status learn(qda *q, leat_context *c, const leati_dataset *d,
                         const leati_class_moments *m, kept *of)
{
    size_t singular;
    char space[LEATI_CLASS_TEXT];
    LEATI_TRY(fit_classes(q, c, d, m, of, &singular));
    if (singular == d->classes) return LEAT_OK;
    LEATI_TRY(find_kept(c, d, m, of));
    if (of->count > 0 && of->count < d->x.cols) {
        LEATI_TRY(fit_classes(q, c, d, m, of, &singular));
        if (singular == d->classes) say_left_out(c, d, of);
        if (singular == d->classes) return LEAT_OK;
    }
    return LEATI_FAIL(
        c, LEAT_INVALID,
        "qda: the covariance of class %s (%.0f rows, %zu features) is singular: it has an "
        "eigenvalue of at most qda.tol=%g; a larger qda.reg_param, a qda.shrinkage or "
        "fewer features mend that",
        leati_class_text(d, singular, space), m->weight[singular], d->x.cols, q->tol);
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    qda *q = (qda *)e;
    size_t k = d->classes, p = d->x.cols;
    leati_class_moments m;
    LEATI_TRY(leati_class_moments_of(c, &m, d, "qda"));
    q->mean = m.mean;
    q->constant = leati_array(c, k, sizeof *q->constant);
    q->whitener = leati_calloc(c, k * p, p * sizeof *q->whitener);
    kept all = {leati_array(c, p, sizeof *all.feature), p};
    leat_status st = q->constant && q->whitener && all.feature ? LEAT_OK : leat_error_status(c);
    for (size_t j = 0; all.feature && j < p; j++) all.feature[j] = j;
    if (st == LEAT_OK) st = learn(q, c, d, &m, &all);
    m.mean = NULL;
    leati_class_moments_fini(&m);
    leati_free(all.feature);
    return st;
}

/* --- predict -------------------------------------------------------------------------------------
 */

/* Scores of one class for a block of rows: constant - |L^-1 (x - mean)|^2 / 2. */
static leat_status score_block(const qda *q, leat_context *c, const leati_matrix *x, size_t k,
                               double *centred, double *white, double *out)
{
    size_t p = x->cols, classes = q->base.classes;
    const leati_vec *v = leati_vec_of(c);
    for (size_t i = 0; i < x->rows; i++) {
        double *z = centred + i * p;
        if (x->f64) memcpy(z, x->f64 + i * x->stride, p * sizeof *z);
        else v->widen(p, x->f32 + i * x->stride, z);
        v->axpy_f64(p, -1, q->mean + k * p, z);
    }
    LEATI_TRY(leati_gemm_f64(c, false, true, x->rows, p, p, 1, centred, p, q->whitener + k * p * p,
                             p, 0, white, p));
    for (size_t i = 0; i < x->rows; i++)
        out[i * classes + k] = q->constant[k] - 0.5 * v->dot_f64(p, white + i * p, white + i * p);
    return LEAT_OK;
}

static leat_status decision(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            double *out)
{
    const qda *q = (const qda *)e;
    size_t block = x->rows < 1024 ? x->rows : 1024, p = x->cols;
    double *space = leati_array(c, 2 * block * p, sizeof *space);
    leat_status st = space ? LEAT_OK : leat_error_status(c);
    for (size_t at = 0; st == LEAT_OK && at < x->rows; at += block) {
        leati_matrix part = leati_matrix_rows(x, at, x->rows - at < block ? x->rows - at : block);
        for (size_t k = 0; st == LEAT_OK && k < e->classes; k++)
            st = score_block(q, c, &part, k, space, space + block * p, out + at * e->classes);
    }
    leati_free(space);
    return st;
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const qda *q = (const qda *)e;
    size_t k = e->classes, p = e->features;
    LEATI_TRY(leati_state_put(s, "mean", LEATI_F64, q->mean, k, p));
    LEATI_TRY(leati_state_put(s, "whitener", LEATI_F64, q->whitener, k * p, p));
    return leati_state_put(s, "constant", LEATI_F64, q->constant, k, 0);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    qda *q = (qda *)e;
    size_t k = e->classes, p = e->features;
    LEATI_TRY(leati_state_take(c, s, "mean", LEATI_F64, k, p, &q->mean, NULL));
    LEATI_TRY(leati_state_take(c, s, "whitener", LEATI_F64, k * p, p, &q->whitener, NULL));
    return leati_state_take(c, s, "constant", LEATI_F64, k, 0, &q->constant, NULL);
}

static void clear(leati_estimator *e)
{
    qda *q = (qda *)e;
    leati_free(q->mean);
    leati_free(q->whitener);
    leati_free(q->constant);
    q->mean = q->whitener = q->constant = NULL;
}

const leati_estimator_class leati_estimator_qda = {
    .name = "qda",
    .title = "quadratic discriminant analysis",
    .doc = "Takes each class as normal with a covariance of its own, which gives curved borders. "
           "Needs many more rows than features in every class, or some reg_param.",
    .traits = LEATI_CLASSIFIER,
    .size = sizeof(qda),
    .params = params,
    .fit = fit,
    .proba = leati_nb_proba,
    .decision = decision,
    .save = save,
    .load = load,
    .clear = clear};
