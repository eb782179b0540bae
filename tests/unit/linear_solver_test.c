/* The solvers behind linear models: factorisations, L-BFGS, derivatives of the logistic loss, the
 * two paths of least squares, choices that must be refused. */
#include "support/leattest.h"

#include "base/mem.h"
#include "base/rng.h"
#include "learn/cholesky.h"
#include "learn/estimator.h"
#include "learn/lbfgs.h"
#include "learn/logistic_loss.h"
#include "learn/qr.h"

static double *normal_values(leat_context *c, size_t count, uint32_t step)
{
    leati_rng rng;
    leati_rng_init(&rng, 11, LEATI_RNG_TEST, step);
    double *x = leati_array(c, count, sizeof *x);
    for (size_t i = 0; x && i < count; i++) x[i] = leati_rng_normal(&rng);
    return x;
}

static void cholesky_solves(leattest *t)
{
    enum { N = 150 };
    leat_context *c = t->context;
    double *b = normal_values(c, N * N, 1), *a = leati_array(c, N * N, sizeof *a);
    double x[N], norm;
    bool definite;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            a[i * N + j] = i == j ? 1 : 0;
            for (size_t k = 0; k < N; k++) a[i * N + j] += b[i * N + k] * b[j * N + k];
        }
    for (size_t i = 0; i < N; i++) { /* the answer is 1, 2, 3, ... */
        x[i] = 0;
        for (size_t j = 0; j < N; j++) x[i] += a[i * N + j] * (double)(j + 1);
    }
    CHECK_OK(leati_cholesky(c, N, a, &definite));
    CHECK(definite);
    leati_cholesky_solve(c, N, a, x);
    double worst = 0;
    for (size_t i = 0; i < N; i++) worst = fmax(worst, fabs(x[i] - (double)(i + 1)));
    CHECK(worst < 1e-8);
    CHECK_OK(leati_cholesky_inverse_norm(c, N, a, &norm));
    CHECK(norm > 0 && norm <= sqrt(N)); /* eigenvalues are at least 1 */
    double indefinite[] = {1, 2, 2, 1};
    CHECK_OK(leati_cholesky(c, 2, indefinite, &definite));
    CHECK(!definite);
    leati_free(a);
    leati_free(b);
}

static void qr_finds_the_rank(leattest *t)
{
    enum { ROWS = 40, COLS = 12 };
    leat_context *c = t->context;
    double *a = normal_values(c, ROWS * COLS, 2), kept[ROWS * COLS];
    for (size_t i = 0; i < ROWS; i++) {
        a[5 * ROWS + i] = a[i] - 3 * a[ROWS + i];
        a[9 * ROWS + i] = 0;
    }
    memcpy(kept, a, sizeof kept);
    leati_qr q;
    REQUIRE_OK(leati_qr_init(c, &q, a, ROWS, COLS, 1, 1e-12));
    CHECK_INT(q.rank, COLS - 2);
    CHECK_INT(q.pivot[0], 0);
    /* Q R is the matrix again, column by column. */
    double worst = 0;
    for (size_t j = 0; j < COLS; j++) {
        double column[ROWS] = {0};
        for (size_t i = 0; i <= j && i < q.rank; i++) column[i] = q.a[j * ROWS + i];
        leati_qr_apply(c, &q, column);
        for (size_t i = 0; i < ROWS; i++)
            worst = fmax(worst, fabs(column[i] - kept[q.pivot[j] * ROWS + i]));
    }
    CHECK(worst < 1e-13);
    leati_qr_fini(&q);
}

static leat_status rosenbrock(void *user, leat_context *c, const double *x, double *value,
                              double *gradient)
{
    (void)c;
    size_t n = *(size_t *)user;
    *value = 0;
    memset(gradient, 0, n * sizeof *gradient);
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        *value += 100 * a * a + b * b;
        gradient[i] += -400 * a * x[i] - 2 * b;
        gradient[i + 1] += 200 * a;
    }
    return LEAT_OK;
}

static void lbfgs_crosses_the_valley(leattest *t)
{
    double x[20];
    size_t n = 20;
    for (size_t i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1.2;
    leati_lbfgs_options o = {.max_iter = 1000, .tolerance = 1e-9};
    leati_lbfgs_result r;
    REQUIRE_OK(leati_lbfgs(t->context, n, x, rosenbrock, &n, &o, &r));
    CHECK(r.converged && r.gradient <= 1e-9 && r.iterations < 300);
    for (size_t i = 0; i < n; i++) CHECK_NEAR(x[i], 1, 0, 1e-8);
    o.max_iter = 3;
    x[0] = -1.2;
    REQUIRE_OK(leati_lbfgs(t->context, n, x, rosenbrock, &n, &o, &r));
    CHECK(!r.converged && r.iterations == 3);
}

/* f = |x - target|^2 / 2: with an L1 penalty the answer is the target moved towards 0. */
static leat_status bowl(void *user, leat_context *c, const double *x, double *value,
                        double *gradient)
{
    (void)c;
    const double *target = user;
    *value = 0;
    for (size_t i = 0; i < 4; i++) {
        gradient[i] = x[i] - target[i];
        *value += gradient[i] * gradient[i] / 2;
    }
    return LEAT_OK;
}

static void owl_qn_shrinks(leattest *t)
{
    double target[] = {3, -0.4, -2, 0.7}, x[] = {-1, 1, 0, 0}, l1[] = {0.5, 0.5, 0.5, 0};
    leati_lbfgs_options o = {.max_iter = 100, .tolerance = 1e-10, .l1 = l1};
    leati_lbfgs_result r;
    REQUIRE_OK(leati_lbfgs(t->context, 4, x, bowl, target, &o, &r));
    CHECK(r.converged);
    CHECK_NEAR(x[0], 2.5, 0, 1e-9);
    CHECK(x[1] == 0);
    CHECK_NEAR(x[2], -1.5, 0, 1e-9);
    CHECK_NEAR(x[3], 0.7, 0, 1e-9);
}

typedef struct sample {
    leati_dataset d;
    double *x, *y;
    float *narrow;
    uint32_t *label;
} sample;

/* Normal features; y a linear function with noise; labels by its sign or in `classes` bands. */
static void sample_init(leattest *t, sample *s, size_t rows, size_t cols, uint32_t classes)
{
    leat_context *c = t->context;
    *s = (sample){.d = {.task = classes ? LEATI_CLASSIFY : LEATI_REGRESS, .seed = 5}};
    s->x = normal_values(c, rows * cols, 7);
    s->y = normal_values(c, rows, 8);
    s->label = LEATI_NEW(c, uint32_t, rows);
    s->narrow = LEATI_NEW(c, float, rows *cols);
    for (size_t i = 0; i < rows; i++) {
        double sum = 3 + 0.3 * s->y[i];
        for (size_t j = 0; j < cols; j++) {
            s->narrow[i * cols + j] = (float)s->x[i * cols + j];
            s->x[i * cols + j] = (double)s->narrow[i * cols + j];
            sum += s->x[i * cols + j] * (j % 3 ? 1 : -0.5) / (double)(j + 1);
        }
        s->y[i] = sum;
        double band = classes ? floor(sum - 3 + classes / 2.0) : 0;
        s->label[i] = (uint32_t)fmin(fmax(band, 0), classes ? classes - 1 : 0);
    }
    s->d.x = (leati_matrix){.f64 = s->x, .rows = rows, .cols = cols, .stride = cols};
    s->d.classes = classes;
    if (classes) s->d.label = s->label;
    else s->d.y = s->y;
}

static void sample_fini(sample *s)
{
    leati_free(s->x);
    leati_free(s->y);
    leati_free(s->label);
    leati_free(s->narrow);
}

/* Gradient against central differences of the value, Hessian against those of the gradient. */
static void derivatives(leattest *t, uint32_t classes)
{
    enum { ROWS = 70, COLS = 3, MOST = 16 };
    leat_context *c = t->context;
    sample s;
    leati_logistic p;
    sample_init(t, &s, ROWS, COLS, classes);
    REQUIRE_OK(leati_logistic_init(c, &p, &s.d, true, 0.1, NULL));
    double *theta = normal_values(c, MOST, 9), hessian[MOST * MOST], value, low, high, h = 1e-5;
    double gradient[MOST], left[MOST], right[MOST], worst = 0, worst_hessian = 0;
    CHECK_OK(leati_logistic_evaluate(&p, c, theta, &value, gradient));
    CHECK_OK(leati_logistic_hessian(c, &p, theta, hessian));
    for (size_t k = 0; k < p.width; k++) {
        double keep = theta[k];
        theta[k] = keep + h;
        CHECK_OK(leati_logistic_evaluate(&p, c, theta, &high, right));
        theta[k] = keep - h;
        CHECK_OK(leati_logistic_evaluate(&p, c, theta, &low, left));
        theta[k] = keep;
        worst = fmax(worst, fabs((high - low) / (2 * h) - gradient[k]));
        for (size_t j = 0; j < p.width; j++)
            worst_hessian = fmax(worst_hessian,
                                 fabs((right[j] - left[j]) / (2 * h) - hessian[k * p.width + j]));
    }
    CHECK(worst < 1e-9);
    CHECK(worst_hessian < 1e-9);
    leati_free(theta);
    leati_logistic_fini(&p);
    sample_fini(&s);
}

static void logistic_derivatives(leattest *t)
{
    derivatives(t, 2);
    derivatives(t, 4);
}

/* Fits and returns a copy of the named array of what was learned; NULL on failure. */
static double *learned(leattest *t, const char *name, const char *params, const leati_dataset *d,
                       const char *array)
{
    leat_context *c = t->context;
    leati_estimator *e;
    leati_state s;
    double *out = NULL;
    if (!CHECK_OK(leati_estimator_create(c, &e, leati_estimator_class_find(name)))) return NULL;
    char copy[128];
    snprintf(copy, sizeof copy, "%s", params);
    for (char *rest = copy, *word; (word = strtok_r(rest, " ", &rest));) {
        char *value = strchr(word, '=');
        *value++ = 0;
        CHECK_OK(leati_estimator_set(c, e, word, value));
    }
    leati_state_init(&s, c);
    if (CHECK_OK(leati_estimator_fit(c, e, d)) && CHECK_OK(leati_estimator_save(c, e, &s))) {
        const leati_array_entry *entry = leati_state_find(&s, array);
        out = leati_memdup(c, entry->data, entry->count * sizeof *out);
    }
    leati_state_fini(&s);
    leati_estimator_destroy(e);
    return out;
}

/* Largest difference of coefficients relative to 1. */
static double apart(leattest *t, const char *name, const char *a, const leati_dataset *da,
                    const char *other, const char *b, const leati_dataset *db, size_t count)
{
    double *x = learned(t, name, a, da, "coef"), *y = learned(t, other, b, db, "coef");
    double worst = 0;
    for (size_t i = 0; i < count; i++) worst = fmax(worst, x && y ? fabs(x[i] - y[i]) : INFINITY);
    leati_free(x);
    leati_free(y);
    return worst;
}

static void fast_and_careful_least_squares_agree(leattest *t)
{
    enum { ROWS = 20000, COLS = 12 };
    sample s;
    sample_init(t, &s, ROWS, COLS, 0);
    const char *careful = "alpha=0 solver=qr";
    CHECK(apart(t, "linear", "", &s.d, "ridge", careful, &s.d, COLS) < 1e-13);
    /* Large offsets and mixed scales must not cost digits either. */
    for (size_t i = 0; i < ROWS; i++) {
        s.x[i * COLS] = 1e6 + s.x[i * COLS];
        s.x[i * COLS + 1] *= 1e-5;
    }
    CHECK(apart(t, "linear", "", &s.d, "ridge", careful, &s.d, COLS) < 1e-8);
    /* Columns too close for normal equations: both take the careful path. */
    for (size_t i = 0; i < ROWS; i++)
        s.x[i * COLS + 2] = s.x[i * COLS + 3] + 1e-7 * s.x[i * COLS + 2];
    CHECK(apart(t, "linear", "", &s.d, "ridge", careful, &s.d, COLS) == 0);
    sample_fini(&s);
}

static void precisions_of_logistic_agree(leattest *t)
{
    enum { ROWS = 3000, COLS = 20, CLASSES = 5 };
    sample s;
    sample_init(t, &s, ROWS, COLS, CLASSES);
    leati_dataset narrow = s.d;
    narrow.x.f64 = NULL;
    narrow.x.f32 = s.narrow;
    const char *params = "solver=lbfgs tol=1e-06 max_iter=1000";
    CHECK(apart(t, "logistic", params, &s.d, "logistic", "solver=newton_cholesky", &s.d,
                COLS * CLASSES) < 1e-3);
    CHECK(apart(t, "logistic", params, &s.d, "logistic", params, &narrow, COLS * CLASSES) < 5e-3);
    sample_fini(&s);
}

static void sgd_stops_early(leattest *t)
{
    enum { ROWS = 600, COLS = 5 };
    sample s;
    sample_init(t, &s, ROWS, COLS, 3);
    double *coef = learned(t, "sgd", "early_stopping=true loss=log_loss", &s.d, "coef");
    double *iterations = learned(t, "sgd", "early_stopping=true loss=log_loss", &s.d, "iterations");
    CHECK(coef && iterations && iterations[0] > 5 && iterations[0] < 500);
    leati_free(coef);
    leati_free(iterations);
    sample_fini(&s);
}

static void sgd_probabilities(leattest *t)
{
    enum { ROWS = 200, COLS = 3 };
    leat_context *c = t->context;
    for (uint32_t classes = 2; classes < 4; classes++) {
        sample s;
        leati_estimator *e;
        double p[ROWS * 3], score[ROWS * 3];
        sample_init(t, &s, ROWS, COLS, classes);
        REQUIRE_OK(leati_estimator_create(c, &e, leati_estimator_class_find("sgd")));
        CHECK_OK(leati_estimator_fit(c, e, &s.d));
        CHECK(!leati_estimator_has_proba(e)); /* hinge */
        CHECK_OK(leati_estimator_set(c, e, "loss", "log_loss"));
        CHECK_OK(leati_estimator_fit(c, e, &s.d));
        CHECK(leati_estimator_has_proba(e));
        CHECK_OK(leati_estimator_proba(c, e, &s.d.x, p));
        CHECK_OK(e->class->decision(e, c, &s.d.x, score));
        for (size_t i = 0; i < ROWS; i++) {
            double total = 0;
            for (uint32_t k = 0; k < classes; k++) total += 1 / (1 + exp(-score[i * classes + k]));
            for (uint32_t k = 0; k < classes; k++)
                CHECK_NEAR(p[i * classes + k], 1 / (1 + exp(-score[i * classes + k])) / total,
                           1e-12, 1e-15);
        }
        leati_estimator_destroy(e);
        sample_fini(&s);
    }
}

static void refuse(leattest *t, const char *name, const char *param, const char *value,
                   const leati_dataset *d, leat_status status, const char *words)
{
    leat_context *c = t->context;
    leati_estimator *e;
    REQUIRE_OK(leati_estimator_create(c, &e, leati_estimator_class_find(name)));
    CHECK_OK(leati_estimator_set(c, e, param, value));
    CHECK_FAILS(leati_estimator_fit(c, e, d), status, words);
    leati_estimator_destroy(e);
}

static void choices_refused(leattest *t)
{
    sample numbers, classes;
    sample_init(t, &numbers, 30, 4, 0);
    sample_init(t, &classes, 30, 4, 3);
    leati_estimator *e;
    leat_context *c = t->context;
    refuse(t, "sgd", "loss", "hinge", &numbers.d, LEAT_INVALID, "classes apart|squared_error");
    refuse(t, "sgd", "alpha", "0", &classes.d, LEAT_INVALID, "optimal|alpha above 0");
    for (size_t i = 0; i < 120; i++) numbers.x[i] *= 1e150;
    refuse(t, "sgd", "eta0", "1000", &numbers.d, LEAT_NUMERIC, "overflow|smaller eta0");
    for (size_t i = 0; i < 120; i++) numbers.x[i] *= 1e10;
    refuse(t, "sgd", "eta0", "1000", &numbers.d, LEAT_NUMERIC, "feature 1|overflows|scale");
    for (size_t i = 0; i < 120; i++) numbers.x[i] /= 1e160;
    for (size_t i = 0; i < 30; i++) numbers.x[i * 4 + 1] = 2 * numbers.x[i * 4];
    REQUIRE_OK(leati_estimator_create(c, &e, leati_estimator_class_find("ridge")));
    CHECK_OK(leati_estimator_set(c, e, "alpha", "0"));
    CHECK_OK(leati_estimator_set(c, e, "solver", "cholesky"));
    CHECK_FAILS(leati_estimator_fit(c, e, &numbers.d), LEAT_NUMERIC, "dependent|larger alpha");
    leati_estimator_destroy(e);
    REQUIRE_OK(leati_estimator_create(c, &e, leati_estimator_class_find("logistic")));
    CHECK_OK(leati_estimator_set(c, e, "penalty", "l1"));
    CHECK_OK(leati_estimator_set(c, e, "solver", "newton_cholesky"));
    CHECK_FAILS(leati_estimator_fit(c, e, &classes.d), LEAT_INVALID, "newton_cholesky|l2 or none");
    leati_estimator_destroy(e);
    sample_fini(&numbers);
    sample_fini(&classes);
}

static const leattest_case list[] = {TEST(cholesky_solves),
                                     TEST(qr_finds_the_rank),
                                     TEST(lbfgs_crosses_the_valley),
                                     TEST(owl_qn_shrinks),
                                     TEST(logistic_derivatives),
                                     TEST(fast_and_careful_least_squares_agree),
                                     TEST(precisions_of_logistic_agree),
                                     TEST(sgd_stops_early),
                                     TEST(sgd_probabilities),
                                     TEST(choices_refused)};
LEATTEST_MAIN(list)
