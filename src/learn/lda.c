/* Owns: linear discriminant analysis. Scatter matrices come from discriminant.c.
 *
 * Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, section 4.3.
 * All solvers whiten by the pooled covariance S within classes. While it has full rank they need
 * only its Cholesky factor; else `svd` and `lsqr` drop the directions without spread, found by an
 * eigendecomposition. With fewer rows than features `svd` decomposes the products of the rows
 * instead, which have the same eigenvalues above 0. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "kernel/gemm.h"
#include "learn/cholesky.h"
#include "learn/discriminant.h"
#include "learn/symmetric_eigen.h"

enum { SVD, LSQR, EIGEN };

/* With eigenvalues of the correlation all above this, errors of 1e-5 change nothing that counts. */
#define LEAST_FOR_F32 1e-3

typedef struct lda {
    leati_estimator base;
    int solver;
    leati_mixed shrinkage;
    int priors;
    double tol;
    double *coef;      /* (classes, features) */
    double *intercept; /* (classes) */
} lda;

static const leati_param params[] = {
    {.name = "solver",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(lda, solver),
     .standard = "svd",
     .choices = "svd|lsqr|eigen",
     .doc = "svd drops directions without spread below tol; lsqr and eigen allow shrinkage, eigen "
            "needs a covariance of full rank."},
    {.name = "shrinkage",
     .type = LEATI_PARAM_MIXED,
     .offset = offsetof(lda, shrinkage),
     .standard = "none",
     .least = 0,
     .most = 1,
     .choices = "none|auto",
     .doc = "Draws the covariance towards a multiple of the identity: by this part, or auto by "
            "Ledoit and Wolf; with solver lsqr or eigen."},
    {.name = "priors",
     .type = LEATI_PARAM_CHOICE,
     .offset = offsetof(lda, priors),
     .standard = "empirical",
     .choices = "empirical|uniform",
     .doc = "Prior probabilities of the classes: their frequencies, or all equal."},
    {.name = "tol",
     .type = LEATI_PARAM_REAL,
     .offset = offsetof(lda, tol),
     .standard = "0.0001",
     .least = 0,
     .most = HUGE_VAL,
     .doc = "Solver svd: singular values of the standardised data up to this count as 0."},
    {.name = NULL}};

/* What a fit works with. */
typedef struct work {
    leati_class_moments m;
    double *prior;  /* (classes) */
    double *centre; /* (features) sum of prior * mean */
    double *scale;  /* (features) 1 / deviation within classes */
    bool *varies;   /* (features) within some class; else the scale is 1 */
    double *s;      /* (features, features) covariance, or correlation for svd; NULL if `wide` */
    double *white;  /* (classes, features) whitened centred means */
    double *root;   /* (rank, features) rows w with S^-1 = sum w w^T, when rank-deficient */
    size_t rank;
    bool wide;     /* solver svd, fewer rows than features */
    bool definite; /* s holds a Cholesky factor */
} work;

static void work_fini(work *w)
{
    leati_class_moments_fini(&w->m);
    leati_free(w->prior);
    leati_free(w->centre);
    leati_free(w->scale);
    leati_free(w->varies);
    leati_free(w->s);
    leati_free(w->white);
    leati_free(w->root);
}

static leat_status work_init(work *w, leat_context *c, const lda *l, const leati_dataset *d)
{
    *w = (work){0};
    LEATI_TRY(leati_class_moments_of(c, &w->m, d, "lda"));
    size_t k = d->classes, p = d->x.cols;
    w->prior = leati_array(c, k, sizeof *w->prior);
    w->centre = LEATI_NEW(c, double, p);
    w->scale = leati_array(c, p, sizeof *w->scale);
    w->varies = leati_array(c, p, sizeof *w->varies);
    w->wide = l->solver == SVD && d->x.rows < p;
    w->s = w->wide ? NULL : leati_calloc(c, p * p, sizeof *w->s);
    w->white = leati_calloc(c, k * p, sizeof *w->white);
    if (!w->prior || !w->centre || !w->scale || !w->varies || !w->white || (!w->s && !w->wide))
        return leat_error_status(c);
    for (size_t i = 0; i < k; i++) {
        w->prior[i] = l->priors == 1 ? 1 / (double)k : w->m.weight[i] / w->m.total;
        for (size_t j = 0; j < p; j++) w->centre[j] += w->prior[i] * w->m.mean[i * p + j];
    }
    for (size_t j = 0; j < p; j++) {
        double sum = 0;
        for (size_t i = 0; i < k; i++) sum += w->m.squares[i * p + j];
        double deviation = sqrt(sum / w->m.total);
        w->varies[j] = deviation > 0;
        w->scale[j] = w->varies[j] ? 1 / deviation : 1;
    }
    return LEAT_OK;
}

/* white = centred, scaled means through the rows of root, which are `rank`. */
static leat_status through_root(work *w, leat_context *c)
{
    size_t k = w->m.classes, p = w->m.cols, most = w->rank ? w->rank : 1;
    double *rotated = leati_array(c, k * most, sizeof *rotated);
    if (!rotated) return leat_error_status(c);
    leat_status st =
        leati_gemm_f64(c, false, true, k, w->rank, p, 1, w->white, p, w->root, p, 0, rotated, most);
    memset(w->white, 0, k * p * sizeof *w->white);
    for (size_t i = 0; st == LEAT_OK && i < k; i++)
        memcpy(w->white + i * p, rotated + i * w->rank, w->rank * sizeof *rotated);
    leati_free(rotated);
    return st;
}

/* white = centred, scaled means through the inverse root of s; `threshold`: eigenvalues of s up to
 * it count as 0. s is spoilt. */
static leat_status whiten(work *w, leat_context *c, double threshold)
{
    size_t k = w->m.classes, p = w->m.cols;
    LEATI_TRY(leati_eigenvalues_above(c, w->s, p, threshold, &w->definite));
    if (w->definite) {
        LEATI_TRY(leati_cholesky(c, p, w->s, &w->definite));
        LEATI_BUG_IF(c, !w->definite);
        for (size_t i = 0; i < k; i++) leati_cholesky_forward(c, p, w->s, w->white + i * p);
        w->rank = p;
        return LEAT_OK;
    }
    double *value = leati_array(c, p, sizeof *value);
    leat_status st = value ? leati_symmetric_eigen(c, p, w->s, value) : leat_error_status(c);
    if (st == LEAT_OK) {
        w->root = w->s;
        w->s = NULL;
        while (w->rank < p && value[w->rank] > threshold) w->rank++;
        for (size_t r = 0; r < w->rank; r++)
            for (size_t j = 0; j < p; j++) w->root[r * p + j] /= sqrt(value[r]);
        st = through_root(w, c);
    }
    leati_free(value);
    return st;
}

/* The same of the correlation S = Z^T Z / n of fewer rows Z (n, features) than features: with
 * Z Z^T / n = U L U^T the eigenvectors of S are the rows of (n L)^-1/2 U^T Z. */
static leat_status whiten_wide(work *w, leat_context *c, const leati_dataset *d, double threshold)
{
    size_t n = d->x.rows, p = d->x.cols, cells;
    LEATI_CHECK(c, !leati_mul_overflows(n, p, &cells), LEAT_LIMIT, "lda: the table is too large");
    double *z = leati_array(c, cells, sizeof *z), *gram = leati_array(c, n * n, sizeof *gram),
           *value = leati_array(c, n, sizeof *value);
    leat_status st = z && gram && value ? LEAT_OK : leat_error_status(c);
    if (st == LEAT_OK) {
        leati_rows_within(c, d, &w->m, w->scale, z);
        st = leati_gemm_f64(c, false, true, n, n, p, 1 / w->m.total, z, p, z, p, 0, gram, n);
    }
    if (st == LEAT_OK) st = leati_symmetric_eigen(c, n, gram, value);
    if (st == LEAT_OK) {
        while (w->rank < n && value[w->rank] > threshold) w->rank++;
        for (size_t r = 0; r < w->rank; r++)
            for (size_t i = 0; i < n; i++) gram[r * n + i] /= value[r] * sqrt(w->m.total);
        w->root = leati_array(c, w->rank ? w->rank * p : 1, sizeof *w->root);
        st = w->root ? LEAT_OK : leat_error_status(c);
    }
    if (st == LEAT_OK)
        st = leati_gemm_f64(c, false, false, w->rank, p, n, 1, gram, n, z, p, 0, w->root, p);
    if (st == LEAT_OK) st = through_root(w, c);
    leati_free(z);
    leati_free(gram);
    leati_free(value);
    return st;
}

/* From whitened rows back: out (classes, features) = white * root. */
static leat_status unwhiten(work *w, leat_context *c, double *out)
{
    size_t k = w->m.classes, p = w->m.cols;
    if (!w->definite)
        return leati_gemm_f64(c, false, false, k, p, w->rank, 1, w->white, p, w->root, p, 0, out,
                              p);
    memcpy(out, w->white, k * p * sizeof *out);
    for (size_t i = 0; i < k; i++) leati_cholesky_backward(c, p, w->s, out + i * p);
    return LEAT_OK;
}

/* Projects the whitened means on the space that they span up to tol: directions in which the
 * weighted means differ by less than tol times the largest difference are dropped. */
static leat_status project_means(work *w, leat_context *c, double tol)
{
    size_t k = w->m.classes, p = w->m.cols;
    double *space = leati_calloc(c, 2 * k * k + k + k * p, sizeof *space);
    if (!space) return leat_error_status(c);
    double *gram = space, *value = gram + k * k, *part = value + k, *mix = part + k * p;
    /* With A = D M (D: roots of the priors) and A A^T = U S^2 U^T, the directions are the rows of
     * V^T = S^-1 U^T A, and M V V^T = D^-1 U U^T A. */
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < p; j++) part[i * p + j] = sqrt(w->prior[i]) * w->white[i * p + j];
    leat_status st = leati_gemm_f64(c, false, true, k, k, p, 1, part, p, part, p, 0, gram, k);
    if (st == LEAT_OK) st = leati_symmetric_eigen(c, k, gram, value);
    if (st == LEAT_OK) {
        double least = value[0] * fmax(tol * tol, (double)k * DBL_EPSILON);
        size_t rank = 0;
        while (rank < k && value[rank] > least && value[rank] > 0) rank++;
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < k; j++) {
                double sum = 0;
                for (size_t r = 0; r < rank; r++) sum += gram[r * k + i] * gram[r * k + j];
                mix[i * k + j] = w->prior[i] > 0 ? sum / sqrt(w->prior[i]) : 0;
            }
        st = leati_gemm_f64(c, false, false, k, p, k, 1, mix, k, part, p, 0, w->white, p);
    }
    leati_free(space);
    return st;
}

/* s = the correlation within classes: data times w->scale. Rows in f32 are multiplied in f32 where
 * the outcome shows that this was enough, as no direction has little spread; features that never
 * vary, which are 0 in both precisions, aside. */
static leat_status correlation(work *w, leat_context *c, const leati_dataset *d)
{
    size_t p = d->x.cols;
    if (d->x.f32) {
        bool enough;
        LEATI_TRY(leati_scatter_f32(c, d, &w->m, w->scale, w->s));
        for (size_t j = 0; j < p * p; j++) w->s[j] /= w->m.total;
        for (size_t j = 0; j < p; j++) w->s[j * p + j] += !w->varies[j];
        LEATI_TRY(leati_eigenvalues_above(c, w->s, p, LEAST_FOR_F32, &enough));
        for (size_t j = 0; j < p; j++) w->s[j * p + j] -= !w->varies[j];
        if (enough) return LEAT_OK;
    }
    LEATI_TRY(leati_scatter(c, d, &w->m, LEATI_ALL_CLASSES, w->scale, w->s, NULL));
    for (size_t j = 0; j < p * p; j++) w->s[j] /= w->m.total;
    return LEAT_OK;
}

static leat_status solve_svd(lda *l, work *w, leat_context *c, const leati_dataset *d)
{
    size_t k = d->classes, p = d->x.cols;
    double threshold = fmax(l->tol * l->tol, (double)p * DBL_EPSILON);
    if (!w->wide) LEATI_TRY(correlation(w, c, d));
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < p; j++)
            w->white[i * p + j] = (w->m.mean[i * p + j] - w->centre[j]) * w->scale[j];
    LEATI_TRY(w->wide ? whiten_wide(w, c, d, threshold) : whiten(w, c, threshold));
    LEATI_TRY(project_means(w, c, l->tol));
    for (size_t i = 0; i < k; i++) {
        double square = 0;
        for (size_t j = 0; j < w->rank; j++) square += w->white[i * p + j] * w->white[i * p + j];
        l->intercept[i] = log(w->prior[i]) - 0.5 * square;
    }
    LEATI_TRY(unwhiten(w, c, l->coef));
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < p; j++) {
            l->coef[i * p + j] *= w->scale[j];
            l->intercept[i] -= w->centre[j] * l->coef[i * p + j];
        }
    return LEAT_OK;
}

/* s = the covariance within classes, shrunk. */
static leat_status pooled_covariance(const lda *l, work *w, leat_context *c, const leati_dataset *d)
{
    size_t p = d->x.cols;
    if (l->shrinkage.choice == 0 && l->priors == 0) {
        LEATI_TRY(correlation(w, c, d));
        for (size_t i = 0; i < p; i++)
            for (size_t j = 0; j < p; j++) w->s[i * p + j] /= w->scale[i] * w->scale[j];
        return LEAT_OK;
    }
    double *one = leati_array(c, p * p, sizeof *one);
    leat_status st = one ? LEAT_OK : leat_error_status(c);
    for (size_t k = 0; st == LEAT_OK && k < d->classes; k++) {
        st = leati_class_covariance(c, d, &w->m, k, &l->shrinkage, one);
        for (size_t j = 0; st == LEAT_OK && j < p * p; j++) w->s[j] += w->prior[k] * one[j];
    }
    leati_free(one);
    return st;
}

static leat_status solve_covariance(lda *l, work *w, leat_context *c, const leati_dataset *d)
{
    size_t k = d->classes, p = d->x.cols;
    LEATI_TRY(pooled_covariance(l, w, c, d));
    double trace = 0;
    for (size_t j = 0; j < p; j++) trace += w->s[j * p + j];
    memcpy(w->white, w->m.mean, k * p * sizeof *w->white);
    LEATI_TRY(whiten(w, c, trace * DBL_EPSILON));
    LEATI_CHECK(c, w->definite || l->solver == LSQR, LEAT_INVALID,
                "lda: the covariance within the classes has only the rank %zu of %zu; for "
                "solver=eigen set a shrinkage, or use solver=svd",
                w->rank, p);
    LEATI_TRY(unwhiten(w, c, l->coef));
    for (size_t i = 0; i < k; i++) {
        double dot = 0;
        for (size_t j = 0; j < p; j++) dot += w->m.mean[i * p + j] * l->coef[i * p + j];
        l->intercept[i] = log(w->prior[i]) - 0.5 * dot;
    }
    return LEAT_OK;
}

/* Features that no class varies in say nothing through a covariance. When that is so of all of
 * them, there is no direction left; else such a feature that tells classes apart is lost. */
static leat_status check_spread(const work *w, leat_context *c, const leati_dataset *d)
{
    size_t k = d->classes, p = d->x.cols, varying = 0, lost = 0, first = 0;
    for (size_t j = 0; j < p; j++) {
        bool differs = false;
        for (size_t i = 0; i < k; i++) differs = differs || w->m.mean[i * p + j] != w->m.mean[j];
        varying += w->varies[j];
        if (!w->varies[j] && differs && lost++ == 0) first = j;
    }
    if (lost == 0) return LEAT_OK;
    LEATI_CHECK(c, varying > 0, LEAT_INVALID,
                "lda: no feature varies within any class: each class is a single point, which "
                "gives no covariance to tell them apart by; cart or knn can");
    if (d->features)
        leati_log(c, LEAT_LOG_WARN,
                  "lda: %zu of %zu features differ between classes but never within one, '%s' the "
                  "first; a covariance cannot use them, cart can",
                  lost, p, d->features[first].name);
    return LEAT_OK;
}

static leat_status fit(leati_estimator *e, leat_context *c, const leati_dataset *d)
{
    lda *l = (lda *)e;
    LEATI_CHECK(c, l->solver != SVD || l->shrinkage.choice == 0, LEAT_INVALID,
                "lda: solver=svd has no shrinkage; use lda.solver=lsqr or eigen");
    LEATI_CHECK(c, d->x.rows > d->classes || d->classes == 1, LEAT_INVALID,
                "lda needs more rows than classes: it got %zu rows of %u classes", d->x.rows,
                d->classes);
    char space[LEATI_CLASS_TEXT];
    l->coef = leati_calloc(c, d->classes * d->x.cols, sizeof *l->coef);
    l->intercept = LEATI_NEW(c, double, d->classes);
    if (!l->coef || !l->intercept) return leat_error_status(c);
    work w;
    leat_status st = work_init(&w, c, l, d);
    if (st == LEAT_OK) st = check_spread(&w, c, d);
    if (st == LEAT_OK)
        st = l->solver == SVD ? solve_svd(l, &w, c, d) : solve_covariance(l, &w, c, d);
    work_fini(&w);
    for (size_t i = 0; st == LEAT_OK && i < d->classes; i++)
        if (!isfinite(l->intercept[i]))
            st = LEATI_FAIL(c, LEAT_NUMERIC,
                            "lda: the scores of class %s overflow; scale the data first",
                            leati_class_text(d, i, space));
    return st;
}

static leat_status decision(const leati_estimator *e, leat_context *c, const leati_matrix *x,
                            double *out)
{
    const lda *l = (const lda *)e;
    return leati_linear_scores(c, x, l->coef, l->intercept, e->classes, out);
}

static leat_status save(const leati_estimator *e, leat_context *c, leati_state *s)
{
    (void)c;
    const lda *l = (const lda *)e;
    LEATI_TRY(leati_state_put(s, "coef", LEATI_F64, l->coef, e->classes, e->features));
    return leati_state_put(s, "intercept", LEATI_F64, l->intercept, e->classes, 0);
}

static leat_status load(leati_estimator *e, leat_context *c, leati_state *s)
{
    lda *l = (lda *)e;
    LEATI_TRY(leati_state_take(c, s, "coef", LEATI_F64, e->classes, e->features, &l->coef, NULL));
    return leati_state_take(c, s, "intercept", LEATI_F64, e->classes, 0, &l->intercept, NULL);
}

static void clear(leati_estimator *e)
{
    lda *l = (lda *)e;
    leati_free(l->coef);
    leati_free(l->intercept);
    l->coef = l->intercept = NULL;
}

const leati_estimator_class leati_estimator_lda = {
    .name = "lda",
    .title = "linear discriminant analysis",
    .doc = "Takes each class as normal with one common covariance, which gives linear borders. "
           "Fast, nothing to tune, hard to beat on small well-behaved data.",
    .traits = LEATI_CLASSIFIER | LEATI_WANTS_F32,
    .size = sizeof(lda),
    .params = params,
    .fit = fit,
    .proba = leati_nb_proba,
    .decision = decision,
    .save = save,
    .load = load,
    .clear = clear};
