/* Support vector machines: agreement with scikit-learn, edge cases, state, threads. */
#include "support/leattest.h"

#include <stdio.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "golden/svm.h"
#include "kernel/smo_pass.h"
#include "kernel/vec.h"
#include "learn/estimator.h"
#include "learn/smo.h"
#include "learn/svc.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static leati_matrix matrix(const double *x, size_t rows, size_t cols)
{
    return (leati_matrix){.f64 = x, .rows = rows, .cols = cols, .stride = cols};
}

static leati_dataset classes_of(const double *x, const uint32_t *y, size_t rows, size_t cols,
                                uint32_t classes)
{
    return (leati_dataset){.x = matrix(x, rows, cols),
                           .task = LEATI_CLASSIFY,
                           .label = y,
                           .classes = classes,
                           .seed = 1};
}

static leati_dataset numbers_of(const double *x, const double *y, size_t rows, size_t cols)
{
    return (leati_dataset){.x = matrix(x, rows, cols), .task = LEATI_REGRESS, .y = y, .seed = 1};
}

/* An estimator with options "key=value"; a list may end early by NULL. */
static leati_estimator *make(leati_estimator_class const *class, leat_context *c,
                             const char *const *options, size_t count)
{
    leati_estimator *e = NULL;
    if (leati_estimator_create(c, &e, class) != LEAT_OK) return NULL;
    for (size_t i = 0; i < count && options[i]; i++) {
        char key[64];
        const char *equals = strchr(options[i], '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - options[i]), options[i]);
        if (leati_estimator_set(c, e, key, equals + 1) == LEAT_OK) continue;
        leati_estimator_destroy(e);
        return NULL;
    }
    return e;
}

static leati_estimator *make_one(leattest *t, const char *name, const char *const *options,
                                 size_t count)
{
    return make(leati_estimator_class_find(name), t->context, options, count);
}

static leati_dataset golden_classes(int weighted)
{
    leati_dataset d = classes_of(train_x, train_y, ROWS, COLS, CLASSES);
    d.weight = weighted ? train_weight : NULL;
    return d;
}

static leati_dataset golden_numbers(int weighted)
{
    leati_dataset d = numbers_of(train_x, train_target, ROWS, COLS);
    d.weight = weighted ? train_weight : NULL;
    return d;
}

/* A small tolerance, so that only rounding is left between two solvers. */
static leati_estimator *make_exact(leattest *t, const char *name, const char *const *options,
                                   const char *tol)
{
    const char *list[8] = {tol};
    size_t n = 1;
    while (options[n - 1] && n < 7) {
        list[n] = options[n - 1];
        n++;
    }
    return make_one(t, name, list, n);
}

/* The row of the training data that a support vector is. */
static size_t row_of(const double *vector)
{
    for (size_t i = 0; i < ROWS; i++)
        if (memcmp(train_x + i * COLS, vector, COLS * sizeof *vector) == 0) return i;
    return ROWS;
}

static void check_dual(leattest *t, const leati_svc *s, const double *coef, const double *rho)
{
    size_t seen = 0, expected = 0;
    double scale = s->cost;
    for (size_t k = 0; k < CLASSES; k++) CHECK_NEAR(s->rho[k], rho[k], 1e-5, 1e-5 * scale);
    for (size_t i = 0; i < ROWS * 2; i += 2)
        expected += fabs(coef[i]) > 1e-6 || fabs(coef[i + 1]) > 1e-6;
    for (size_t v = 0; v < s->sv.rows; v++) {
        size_t row = row_of(s->sv.f64 + v * COLS);
        REQUIRE(row < ROWS);
        seen += fabs(s->coef[2 * v]) > 1e-6 || fabs(s->coef[2 * v + 1]) > 1e-6;
        for (size_t m = 0; m < 2; m++)
            CHECK_NEAR(s->coef[2 * v + m], coef[2 * row + m], 1e-4, 1e-5 * scale);
    }
    CHECK_INT(seen, expected);
}

static void svc_agrees(leattest *t)
{
    leati_matrix test = matrix(test_x, TEST_ROWS, COLS);
    double decision[TEST_ROWS * CLASSES], class[TEST_ROWS];
    for (size_t i = 0; i < LENGTH(svc_cases); i++) {
        leati_estimator *e = make_exact(t, "svc", svc_cases[i].options, "tol=1e-7");
        REQUIRE(e);
        leati_dataset d = golden_classes(svc_cases[i].weighted);
        REQUIRE_OK(leati_estimator_fit(t->context, e, &d));
        CHECK(e->converged && e->iterations > 0);
        check_dual(t, (leati_svc *)e, svc_coef + i * ROWS * 2, svc_rho + i * CLASSES);
        REQUIRE_OK(leati_estimator_scores(t->context, e, &test, decision));
        REQUIRE_OK(leati_estimator_predict(t->context, e, &test, class));
        double pairs[TEST_ROWS * CLASSES];
        REQUIRE_OK(leati_svc_pair_decisions((leati_svc *)e, t->context, &test, pairs));
        for (size_t r = 0; r < TEST_ROWS; r++) {
            const double *d3 = pairs + r * CLASSES; /* (0,1), (0,2), (1,2) */
            int votes[CLASSES] = {(d3[0] > 0) + (d3[1] > 0), (d3[0] <= 0) + (d3[2] > 0),
                                  (d3[1] <= 0) + (d3[2] <= 0)};
            for (size_t k = 0; k < CLASSES; k++) CHECK(votes[k] <= votes[(size_t) class[r]]);
            CHECK_INT(class[r], svc_class[i * TEST_ROWS + r]);
            for (size_t k = 0; k < CLASSES; k++)
                CHECK_NEAR(decision[r * CLASSES + k],
                           svc_decision[(i * TEST_ROWS + r) * CLASSES + k], 1e-5, 1e-5);
        }
        leati_estimator_destroy(e);
    }
}

static void svr_agrees(leattest *t)
{
    leati_matrix test = matrix(test_x, TEST_ROWS, COLS);
    double value[TEST_ROWS];
    for (size_t i = 0; i < LENGTH(svr_cases); i++) {
        leati_estimator *e = make_exact(t, "svr", svr_cases[i].options, "tol=1e-7");
        REQUIRE(e);
        leati_dataset d = golden_numbers(svr_cases[i].weighted);
        REQUIRE_OK(leati_estimator_fit(t->context, e, &d));
        CHECK(e->converged);
        REQUIRE_OK(leati_estimator_predict(t->context, e, &test, value));
        for (size_t r = 0; r < TEST_ROWS; r++)
            CHECK_NEAR(value[r], svr_value[i * TEST_ROWS + r], 2e-5, 2e-5);
        leati_estimator_destroy(e);
    }
}

/* The coefficients of a fitted linear machine as scikit-learn gives them: coef, intercept. */
static void check_linear(leattest *t, const char *name, const char *const *options,
                         const leati_dataset *d, const double *want, size_t machines)
{
    leati_state s;
    leati_state_init(&s, t->context);
    leati_estimator *e = make_exact(t, name, options, "tol=1e-10");
    REQUIRE(e);
    REQUIRE_OK(leati_estimator_set(t->context, e, "max_iter", "1000000"));
    REQUIRE_OK(leati_estimator_fit(t->context, e, d));
    CHECK(e->converged && e->iterations > 0);
    REQUIRE_OK(leati_estimator_save(t->context, e, &s));
    const double *coef = leati_state_find(&s, "coef")->data;
    const double *intercept = leati_state_find(&s, "intercept")->data;
    for (size_t k = 0; k < machines; k++, want += COLS + 1) {
        for (size_t j = 0; j < COLS; j++) CHECK_NEAR(coef[k * COLS + j], want[j], 1e-5, 1e-6);
        CHECK_NEAR(intercept[k], want[COLS], 1e-5, 1e-6);
    }
    leati_state_fini(&s);
    leati_estimator_destroy(e);
}

static void linear_svc_agrees(leattest *t)
{
    for (size_t i = 0; i < LENGTH(linear_svc_cases); i++) {
        leati_dataset d = golden_classes(linear_svc_cases[i].weighted);
        check_linear(t, "linear_svc", linear_svc_cases[i].options, &d,
                     linear_svc_coef + i * CLASSES * (COLS + 1), CLASSES);
        if (t->failures) printf("    in %s\n", linear_svc_cases[i].name);
    }
}

static void linear_svr_agrees(leattest *t)
{
    for (size_t i = 0; i < LENGTH(linear_svr_cases); i++) {
        leati_dataset d = golden_numbers(linear_svr_cases[i].weighted);
        check_linear(t, "linear_svr", linear_svr_cases[i].options, &d,
                     linear_svr_coef + i * (COLS + 1), 1);
        if (t->failures) printf("    in %s\n", linear_svr_cases[i].name);
    }
}

enum { IRIS = 120, FOLDS = 10 };

typedef struct iris {
    double x[IRIS * 4];
    uint32_t y[IRIS];
    int fold[IRIS];
} iris;

static bool read_iris(leattest *t, iris *d)
{
    const char *path = leattest_shared(t, "iris_folds.csv");
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f) return false;
    char line[256], name[32];
    bool ok = fgets(line, sizeof line, f) != NULL;
    for (int i = 0; i < IRIS && ok; i++) {
        double *x = d->x + 4 * i;
        ok = fgets(line, sizeof line, f) && sscanf(line, "%lf,%lf,%lf,%lf,%d,%31s", x, x + 1, x + 2,
                                                   x + 3, d->fold + i, name) == 6;
        d->y[i] = strcmp(name, "setosa") == 0 ? 0 : strcmp(name, "versicolor") == 0 ? 1 : 2;
    }
    fclose(f);
    return ok;
}

/* Standardise by the training rows, as a pipeline would. */
static void standardise(double *train, size_t rows, double *test, size_t test_rows)
{
    for (size_t j = 0; j < 4; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < rows; i++) mean += train[4 * i + j] / (double)rows;
        for (size_t i = 0; i < rows; i++) {
            double v = train[4 * i + j] - mean;
            square += v * v / (double)rows;
        }
        for (size_t i = 0; i < rows; i++)
            train[4 * i + j] = (train[4 * i + j] - mean) / sqrt(square);
        for (size_t i = 0; i < test_rows; i++)
            test[4 * i + j] = (test[4 * i + j] - mean) / sqrt(square);
    }
}

static double fold_score(leattest *t, const iris *all, int fold, bool scale)
{
    static const char *const options[] = {"gamma=auto"};
    double train[IRIS * 4], test[IRIS * 4], class[IRIS];
    uint32_t y[IRIS], want[IRIS];
    size_t n = 0, m = 0, right = 0;
    for (size_t i = 0; i < IRIS; i++) {
        bool held = all->fold[i] == fold;
        memcpy((held ? test + 4 * m : train + 4 * n), all->x + 4 * i, 4 * sizeof(double));
        if (held) want[m++] = all->y[i];
        else y[n++] = all->y[i];
    }
    if (scale) standardise(train, n, test, m);
    leati_estimator *e = make_one(t, "svc", options, 1);
    if (!CHECK(e != NULL)) return 0;
    leati_dataset d = classes_of(train, y, n, 4, 3);
    leati_matrix x = matrix(test, m, 4);
    CHECK_OK(leati_estimator_fit(t->context, e, &d));
    CHECK_OK(leati_estimator_predict(t->context, e, &x, class));
    for (size_t i = 0; i < m; i++) right += class[i] == want[i];
    leati_estimator_destroy(e);
    return (double)right / (double)m;
}

/* The scores in iris_expected.json under "raw" or "scaled": {"svc_auto": {..., "folds": [...]}}. */
static bool expected_scores(leattest *t, const char *section, double *out)
{
    const char *path = leattest_shared(t, "iris_expected.json");
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f) return false;
    static char text[1 << 16];
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", section);
    const char *at = strstr(text, key);
    at = at ? strstr(at, "\"svc_auto\"") : NULL;
    at = at ? strstr(at, "\"folds\"") : NULL;
    at = at ? strchr(at, '[') : NULL;
    for (int i = 0; at && i < FOLDS; i++) {
        char *end;
        out[i] = strtod(at + 1, &end);
        at = end + strspn(end, " \n");
    }
    return at != NULL;
}

static void iris_folds(leattest *t)
{
    iris d;
    double want[FOLDS];
    if (!read_iris(t, &d)) return;
    for (int scale = 0; scale < 2; scale++) {
        REQUIRE(expected_scores(t, scale ? "scaled" : "raw", want));
        double mean = 0;
        for (int k = 0; k < FOLDS; k++) {
            double got = fold_score(t, &d, k, scale);
            CHECK_NEAR(got, want[k], 1e-12, 0);
            mean += got / FOLDS;
        }
        if (!scale) CHECK_NEAR(mean, 0.9833, 0, 1e-4);
    }
}

/* Two interleaved rings with noise from a fixed recurrence: many support vectors. */
static void rings(double *x, uint32_t *y, size_t rows)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < rows; i++) {
        double u[3];
        for (int j = 0; j < 3; j++) {
            state = state * 1664525 + 1013904223;
            u[j] = (double)(state >> 8) / 16777216;
        }
        y[i] = (uint32_t)(i % 2);
        double radius = 1 + y[i] * 0.6 + 0.7 * (u[1] + u[2] - 1);
        x[2 * i] = radius * cos(6.283185307 * u[0]);
        x[2 * i + 1] = radius * sin(6.283185307 * u[0]);
    }
}

static leat_status solve_rings(leat_context *c, const double *x, const uint32_t *y, size_t rows,
                               bool cached, bool shrinking, leati_smo *smo, double *beta)
{
    leati_kernel_fn fn = {.kind = LEATI_KERNEL_RBF, .gamma = 0.5};
    leati_matrix m = matrix(x, rows, 2);
    leati_kernel_rows k;
    leati_smo_source *source = NULL;
    double *numbers = malloc(3 * rows * sizeof *numbers);
    uint32_t *column = malloc(rows * sizeof *column);
    leat_status st = leati_kernel_rows_init(c, &k, &m, NULL, rows, NULL, false);
    if (st == LEAT_OK)
        st = cached ? leati_smo_source_cached(c, &source, &fn, &k, 1)
                    : leati_smo_source_gram(c, &source, &fn, &k);
    for (size_t i = 0; i < rows; i++) {
        numbers[i] = y[i] ? 1 : -1;
        numbers[rows + i] = y[i] ? 0 : -10;
        numbers[2 * rows + i] = y[i] ? 10 : 0;
        column[i] = (uint32_t)i;
    }
    *smo = (leati_smo){.source = source,
                       .count = rows,
                       .column = column,
                       .linear = numbers,
                       .lower = numbers + rows,
                       .upper = numbers + 2 * rows,
                       .tol = 1e-6,
                       .shrinking = shrinking,
                       .most = 10000000,
                       .beta = beta};
    if (st == LEAT_OK) st = leati_smo_solve(c, smo, false);
    leati_smo_source_destroy(source);
    leati_kernel_rows_fini(&k);
    free(numbers);
    free(column);
    return st;
}

/* The whole matrix or a small cache, with or without shrinking: the same machine. The cache holds
 * fewer rows than there are support vectors, so that rows leave and come back. */
static void sources_agree(leattest *t)
{
    enum { N = 700 };
    static double x[2 * N], beta[4][N];
    static uint32_t y[N];
    leati_smo smo[4];
    rings(x, y, N);
    for (int i = 0; i < 4; i++) {
        REQUIRE_OK(solve_rings(t->context, x, y, N, i & 1, i & 2, &smo[i], beta[i]));
        CHECK(smo[i].converged);
        CHECK_NEAR(smo[i].rho, smo[0].rho, 1e-5, 1e-5);
    }
    size_t vectors = 0;
    for (size_t r = 0; r < N; r++) {
        vectors += beta[0][r] != 0;
        for (int i = 1; i < 4; i++) CHECK_NEAR(beta[i][r], beta[0][r], 1e-4, 1e-3);
    }
    CHECK(vectors > 200);
    CHECK(memcmp(beta[0], beta[1], sizeof beta[0]) == 0);
}

static void svc_probability(leattest *t)
{
    enum { N = 300 };
    static double x[2 * N], p[2 * N], test[TEST_ROWS * CLASSES], class[TEST_ROWS];
    static uint32_t y[N];
    const char *const options[] = {"probability=true"};
    rings(x, y, N);
    leati_dataset d = classes_of(x, y, N, 2, 2);
    leati_estimator *e = make_one(t, "svc", options, 1);
    REQUIRE(e);
    REQUIRE_OK(leati_estimator_fit(t->context, e, &d));
    CHECK(leati_estimator_has_proba(e));
    REQUIRE_OK(leati_estimator_proba(t->context, e, &d.x, p));
    double likelihood = 0, mean = 0;
    for (size_t i = 0; i < N; i++) {
        CHECK_NEAR(p[2 * i] + p[2 * i + 1], 1, 1e-12, 0);
        likelihood += log(p[2 * i + y[i]]) / N;
        mean += p[2 * i + 1] / N;
    }
    CHECK(likelihood > log(0.5) * 0.8); /* better than the prior */
    CHECK_NEAR(mean, 0.5, 0, 0.03);     /* calibrated as a whole */
    leati_dataset three = golden_classes(0);
    leati_matrix m = matrix(test_x, TEST_ROWS, COLS);
    REQUIRE_OK(leati_estimator_fit(t->context, e, &three));
    REQUIRE_OK(leati_estimator_proba(t->context, e, &m, test));
    REQUIRE_OK(leati_estimator_predict(t->context, e, &m, class));
    size_t agree = 0;
    for (size_t i = 0; i < TEST_ROWS; i++) {
        const double *q = test + CLASSES * i;
        CHECK_NEAR(q[0] + q[1] + q[2], 1, 1e-9, 0);
        CHECK(q[0] > 0 && q[1] > 0 && q[2] > 0);
        int best = q[0] >= q[1] && q[0] >= q[2] ? 0 : q[1] >= q[2] ? 1 : 2;
        agree += best == (int)class[i];
    }
    CHECK(agree >= TEST_ROWS * 9 / 10);
    leati_estimator_destroy(e);

    e = make_one(t, "svc", NULL, 0);
    REQUIRE(e);
    REQUIRE_OK(leati_estimator_fit(t->context, e, &d));
    CHECK(!leati_estimator_has_proba(e));
    CHECK_FAILS(leati_estimator_proba(t->context, e, &d.x, p), LEAT_UNSUPPORTED,
                "probability=true");
    leati_estimator_destroy(e);
}

/* Platt's sigmoid on points where the answer is known: logits 2 f - 1, in expectation. */
static void platt_recovers(leattest *t)
{
    enum { N = 4000 };
    static double f[N];
    static uint8_t positive[N];
    for (int i = 0; i < N; i++) {
        f[i] = -3 + 6.0 * (i / 10) / (N / 10);
        double p = 1 / (1 + exp(1 - 2 * f[i]));
        positive[i] = (i % 10) + 0.5 < 10 * p;
    }
    leati_platt p = leati_platt_fit(N, f, positive);
    CHECK_NEAR(p.a, -2, 0.1, 0);
    CHECK_NEAR(p.b, 1, 0.1, 0);
    CHECK_NEAR(leati_platt_probability(p, 1e300), 1, 1e-12, 0);
    CHECK_NEAR(leati_platt_probability(p, -1e300), 0, 0, 1e-12);
    /* Consistent pairs r_ij = p_i / (p_i + p_j) couple to p itself. */
    double want[3] = {0.6, 0.3, 0.1}, r[9], got[3], scratch[12];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) r[3 * i + j] = want[i] / (want[i] + want[j]);
    leati_platt_couple(3, r, got, scratch);
    for (int i = 0; i < 3; i++) CHECK_NEAR(got[i], want[i], 0, 2e-3);
}

typedef struct watch {
    int warnings;
} watch;

static void count_warning(void *user, leat_log_level level, const char *text)
{
    (void)text;
    ((watch *)user)->warnings += level == LEAT_LOG_WARN;
}

static leat_context *watched(watch *w)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.log = count_warning;
    o.log_user = w;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

/* Stopped early: said so, and still usable. */
static void stopped_early(leattest *t, const char *name, const char *const *options, size_t count,
                          const leati_dataset *d)
{
    watch w = {0};
    leat_context *c = watched(&w);
    REQUIRE(c);
    leati_estimator *e = make(leati_estimator_class_find(name), c, options, count);
    double out[ROWS];
    if (CHECK(e != NULL) && CHECK(leati_estimator_fit(c, e, d) == LEAT_OK)) {
        CHECK(!e->converged);
        CHECK_INT(w.warnings, 1);
        CHECK(leati_estimator_predict(c, e, &d->x, out) == LEAT_OK);
        for (size_t i = 0; i < d->x.rows; i++) CHECK(isfinite(out[i]));
    }
    leati_estimator_destroy(e);
    leat_context_destroy(c);
}

static void kernel_machines_stop(leattest *t)
{
    leati_dataset classes = golden_classes(0), numbers = golden_numbers(0);
    for (int i = 0; i < 2; i++) {
        const char *options[] = {i ? "max_iter=3" : "max_iter=0"};
        stopped_early(t, "svc", options, 1, &classes);
        stopped_early(t, "svr", options, 1, &numbers);
    }
}

/* Fits and predicts; returns the answer for the first row of x. */
static double answer(leattest *t, const char *name, const char *const *options, size_t count,
                     const leati_dataset *d)
{
    double *out = malloc(d->x.rows * sizeof *out), first = NAN;
    leati_estimator *e = make_one(t, name, options, count);
    if (CHECK(e != NULL) && CHECK_OK(leati_estimator_fit(t->context, e, d)) &&
        CHECK_OK(leati_estimator_predict(t->context, e, &d->x, out))) {
        for (size_t i = 0; i < d->x.rows; i++) CHECK(isfinite(out[i]));
        first = out[0];
    }
    leati_estimator_destroy(e);
    free(out);
    return first;
}

static void odd_data(leattest *t, const char *classifier, const char *regressor)
{
    const double x[] = {1, 2, 1, 2, 1, 2, 3, 4}, line[] = {5, 7, 6, 8}, steady[] = {3, 3, 3, 3};
    const uint32_t one[] = {0, 0, 0, 0}, clash[] = {0, 1, 0, 1}, pair[] = {0, 1};
    const double constant[] = {4, 4, 4, 4, 4, 4, 4, 4}, apart[] = {-1, 1};
    leati_dataset d = classes_of(x, one, 4, 2, 1);
    CHECK_NEAR(answer(t, classifier, NULL, 0, &d), 0, 0, 0);
    d = classes_of(x, one, 1, 2, 1); /* a single row */
    CHECK_NEAR(answer(t, classifier, NULL, 0, &d), 0, 0, 0);
    d = classes_of(x, clash, 4, 2, 2); /* equal rows of two classes: the majority */
    CHECK_NEAR(answer(t, classifier, NULL, 0, &d), 0, 0, 0);
    d = classes_of(constant, clash, 4, 2, 2);
    CHECK(answer(t, classifier, NULL, 0, &d) >= 0);
    d = classes_of(apart, pair, 2, 1, 2);
    for (int i = 0; i < 3; i++) {
        const char *options[] = {i == 0 ? "C=1e-9" : i == 1 ? "C=1e9" : "C=1"};
        CHECK_NEAR(answer(t, classifier, options, 1, &d), 0, 0, 0);
    }
    d = numbers_of(x, line, 1, 2);
    CHECK_NEAR(answer(t, regressor, NULL, 0, &d), 5, 1, 0);
    d = numbers_of(x, steady, 4, 2);
    CHECK_NEAR(answer(t, regressor, NULL, 0, &d), 3, 0.1, 0);
    d = numbers_of(constant, line, 4, 2);
    CHECK_NEAR(answer(t, regressor, NULL, 0, &d), 6.5, 0.25, 0);
}

static void kernel_machines_on_odd_data(leattest *t)
{
    odd_data(t, "svc", "svr");
    const double huge[] = {1e200, -1e200};
    const uint32_t pair[] = {0, 1};
    const char *const linear[] = {"kernel=linear"};
    leati_dataset d = classes_of(huge, pair, 2, 1, 2);
    leati_estimator *e = make_one(t, "svc", linear, 1);
    REQUIRE(e);
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_NUMERIC, "overflow|scale");
    leati_estimator_destroy(e);
    /* A class whose rows all have weight 0 cannot be learned. */
    const double weight[] = {1, 0};
    d.x.f64 = (const double[]){-1, 1};
    d.weight = weight;
    e = make_one(t, "svc", NULL, 0);
    REQUIRE(e);
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID, "class number 2 of 2|weight");
    leati_estimator_destroy(e);
    /* Far away all kernel values are 0: the answer is finite. */
    d.weight = NULL;
    e = make_one(t, "svc", NULL, 0);
    REQUIRE(e);
    REQUIRE_OK(leati_estimator_fit(t->context, e, &d));
    double out[2];
    leati_matrix far = matrix(huge, 2, 1);
    REQUIRE_OK(leati_estimator_scores(t->context, e, &far, (double[4]){0}));
    REQUIRE_OK(leati_estimator_predict(t->context, e, &far, out));
    CHECK(isfinite(out[0]) && isfinite(out[1]));
    leati_estimator_destroy(e);
}

static leat_context *context_with(unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

static void bytes_for_threads(leattest *t, const char *name, const char *const *options,
                              size_t count, const leati_dataset *d)
{
    leati_matrix test = matrix(test_x, TEST_ROWS, COLS);
    double out[3][TEST_ROWS * CLASSES];
    for (int i = 0; i < 3; i++) {
        leat_context *c = context_with(1u << i);
        REQUIRE(c);
        leati_estimator *e = make(leati_estimator_class_find(name), c, options, count);
        REQUIRE(e);
        memset(out[i], 0, sizeof out[i]);
        CHECK(leati_estimator_fit(c, e, d) == LEAT_OK);
        if (d->task == LEATI_REGRESS)
            CHECK(leati_estimator_predict(c, e, &test, out[i]) == LEAT_OK);
        else CHECK(leati_estimator_scores(c, e, &test, out[i]) == LEAT_OK);
        leati_estimator_destroy(e);
        leat_context_destroy(c);
        CHECK(memcmp(out[i], out[0], sizeof out[0]) == 0);
    }
}

static void kernel_machines_and_threads(leattest *t)
{
    leati_dataset classes = golden_classes(0), numbers = golden_numbers(0);
    const char *const options[] = {"probability=true"};
    bytes_for_threads(t, "svc", options, 1, &classes);
    bytes_for_threads(t, "svr", NULL, 0, &numbers);
}

/* Through a state and back gives the same bytes; each array damaged in turn is LEAT_FORMAT. */
static void state_survives(leattest *t, const char *name, const char *const *options, size_t count,
                           const leati_dataset *d)
{
    leat_context *c = t->context;
    leati_matrix test = matrix(test_x, TEST_ROWS, COLS);
    double want[TEST_ROWS], got[TEST_ROWS];
    leati_estimator *e = make_one(t, name, options, count), *copy = NULL;
    leati_state state;
    leati_state_init(&state, c);
    REQUIRE(e);
    REQUIRE_OK(leati_estimator_fit(c, e, d));
    REQUIRE_OK(leati_estimator_predict(c, e, &test, want));
    REQUIRE_OK(leati_estimator_save(c, e, &state));
    REQUIRE_OK(leati_estimator_clone(c, &copy, e));
    REQUIRE_OK(leati_estimator_load(c, copy, &state));
    REQUIRE_OK(leati_estimator_predict(c, copy, &test, got));
    CHECK(memcmp(want, got, sizeof want) == 0);
    for (size_t i = 0; i < state.count; i++) {
        leati_array_entry *a = &state.entries[i];
        if (a->count == 0) continue;
        double old;
        memcpy(&old, a->data, a->type == LEATI_F64 || a->type == LEATI_I64 ? 8 : 4);
        if (a->type == LEATI_F64) *(double *)a->data = NAN;
        else if (a->type == LEATI_I64) *(int64_t *)a->data = INT64_MAX;
        else *(float *)a->data = NAN;
        CHECK_FAILS(leati_estimator_load(c, copy, &state), LEAT_FORMAT, "damaged");
        memcpy(a->data, &old, a->type == LEATI_F64 || a->type == LEATI_I64 ? 8 : 4);
    }
    REQUIRE_OK(leati_estimator_load(c, copy, &state));
    leati_state_fini(&state);
    leati_estimator_destroy(copy);
    leati_estimator_destroy(e);
}

static void kernel_machines_state(leattest *t)
{
    leati_dataset classes = golden_classes(0), numbers = golden_numbers(0);
    const char *const options[] = {"probability=true", "break_ties=true"};
    state_survives(t, "svc", options, 2, &classes);
    state_survives(t, "svr", NULL, 0, &numbers);
}

typedef struct whole {
    const char *name;
    const char *options[4];
    leati_dataset data;
} whole;

static leat_status fit_save_load(leat_context *c, void *arg)
{
    whole *w = arg;
    double out[TEST_ROWS];
    leati_matrix test = matrix(test_x, TEST_ROWS, COLS);
    leati_estimator *e = make(leati_estimator_class_find(w->name), c, w->options, 4), *copy = NULL;
    if (!e) return leat_error_status(c);
    leati_state state;
    leati_state_init(&state, c);
    leat_status st = leati_estimator_fit(c, e, &w->data);
    if (st == LEAT_OK) st = leati_estimator_predict(c, e, &test, out);
    if (st == LEAT_OK) st = leati_estimator_save(c, e, &state);
    if (st == LEAT_OK) st = leati_estimator_create(c, &copy, e->class);
    if (st == LEAT_OK) st = leati_estimator_load(c, copy, &state);
    leati_state_fini(&state);
    leati_estimator_destroy(copy);
    leati_estimator_destroy(e);
    return st;
}

static void kernel_machines_without_memory(leattest *t)
{
    whole svc = {"svc", {"probability=true"}, golden_classes(0)};
    whole svr = {"svr", {"kernel=linear"}, golden_numbers(0)};
    svc.data.x.rows = svr.data.x.rows = 40;
    leattest_fail_allocations(t, fit_save_load, &svc);
    leattest_fail_allocations(t, fit_save_load, &svr);
}

/* --- linear machines ---------------------------------------------------------------------------
 */

/* One row for each solver. */
static const char *const linear_options[][3] = {
    {"penalty=l2"}, {"dual=true"}, {"loss=hinge"}, {"penalty=l1"}, {"class_weight=balanced"}};
static const char *const regression_options[][3] = {
    {"epsilon=0.1"},
    {"loss=squared_epsilon_insensitive"},
    {"loss=squared_epsilon_insensitive", "dual=true"}};

static void linear_machines_and_threads(leattest *t)
{
    leati_dataset classes = golden_classes(0), numbers = golden_numbers(0);
    for (size_t i = 0; i < LENGTH(linear_options); i++)
        bytes_for_threads(t, "linear_svc", linear_options[i], 3, &classes);
    for (size_t i = 0; i < LENGTH(regression_options); i++)
        bytes_for_threads(t, "linear_svr", regression_options[i], 3, &numbers);
}

static void linear_machines_state(leattest *t)
{
    leati_dataset classes = golden_classes(0), numbers = golden_numbers(0);
    state_survives(t, "linear_svc", linear_options[0], 3, &classes);
    state_survives(t, "linear_svr", regression_options[0], 3, &numbers);
}

static void linear_machines_without_memory(leattest *t)
{
    whole w = {"linear_svc", {NULL}, golden_classes(0)};
    for (size_t i = 0; i < LENGTH(linear_options); i++) {
        memcpy(w.options, linear_options[i], sizeof linear_options[i]);
        leattest_fail_allocations(t, fit_save_load, &w);
    }
    w = (whole){"linear_svr", {NULL}, golden_numbers(0)};
    for (size_t i = 0; i < LENGTH(regression_options); i++) {
        memcpy(w.options, regression_options[i], sizeof regression_options[i]);
        leattest_fail_allocations(t, fit_save_load, &w);
    }
}

static void linear_machines_stop(leattest *t)
{
    leati_dataset classes = golden_classes(0), numbers = golden_numbers(0);
    for (size_t i = 0; i < LENGTH(linear_options); i++) {
        const char *options[] = {linear_options[i][0], "max_iter=1", "tol=1e-9"};
        stopped_early(t, "linear_svc", options, 3, &classes);
    }
    for (size_t i = 0; i < 2; i++) {
        /* Without an epsilon the squared loss is a ridge regression, done in one step. */
        const char *loss = i ? "loss=squared_epsilon_insensitive" : "loss=epsilon_insensitive";
        const char *options[] = {loss, "max_iter=1", "tol=1e-9", "epsilon=0.5"};
        stopped_early(t, "linear_svr", options, 4, &numbers);
    }
}

static int stop_now(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)what;
    (void)done;
    (void)total;
    return ++*(int *)user > 0;
}

/* A caller who wants to stop gets LEAT_CANCELLED from every solver that tells its progress. */
static void cancelling(leattest *t)
{
    static const struct {
        const char *name, *options[2];
        bool numbers;
    } fits[] = {{"svc", {NULL}, false},
                {"svr", {NULL}, true},
                {"linear_svc", {NULL}, false},
                {"linear_svc", {"dual=true"}, false},
                {"linear_svc", {"loss=hinge"}, false},
                {"linear_svc", {"penalty=l1"}, false},
                {"linear_svr", {"loss=epsilon_insensitive"}, true},
                {"linear_svr", {"loss=squared_epsilon_insensitive", "dual=false"}, true}};
    for (size_t i = 0; i < LENGTH(fits); i++) {
        int calls = 0;
        leat_context_options o = leat_context_options_default();
        leat_context *c = NULL;
        o.progress = stop_now;
        o.progress_user = &calls;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        leati_dataset d = fits[i].numbers ? golden_numbers(0) : golden_classes(0);
        leati_estimator *e = make(leati_estimator_class_find(fits[i].name), c, fits[i].options, 2);
        CHECK(e && leati_estimator_fit(c, e, &d) == LEAT_CANCELLED);
        CHECK(calls == 1);
        leati_estimator_destroy(e);
        leat_context_destroy(c);
    }
}

/* |gradient| of 1/2 |w|^2 + sum (y - x.w)^2 with a constant column, over that at w = 0. */
static double relative_gradient(const double *x, const double *y, size_t rows, size_t cols,
                                const double *w)
{
    double now = 0, first = 0;
    for (size_t j = 0; j <= cols; j++) {
        double g = w[j], start = 0;
        for (size_t i = 0; i < rows; i++) {
            double v = j < cols ? x[i * cols + j] : 1, z = w[cols];
            for (size_t k = 0; k < cols; k++) z += x[i * cols + k] * w[k];
            g -= 2 * (y[i] - z) * v;
            start -= 2 * y[i] * v;
        }
        now += g * g;
        first += start * start;
    }
    return sqrt(now / first);
}

/* A loose tolerance ends near where it says, not at the optimum: without a margin one exact step
 * would be the optimum. */
static void primal_stops_at_its_tolerance(leattest *t)
{
    enum { N = 60, P = 12 };
    static double x[N * P], y[N];
    leati_rng rng;
    leati_rng_init(&rng, 5, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) {
        y[i] = leati_rng_normal(&rng);
        for (size_t j = 0; j < P; j++) {
            x[i * P + j] = leati_rng_normal(&rng) * pow(0.6, (double)j);
            y[i] += x[i * P + j];
        }
    }
    leati_dataset d = numbers_of(x, y, N, P);
    for (int k = 1; k <= 3; k++) {
        char tol[16];
        snprintf(tol, sizeof tol, "tol=1e-%d", k);
        const char *const options[] = {"loss=squared_epsilon_insensitive", "dual=false",
                                       "epsilon=0", tol};
        leati_estimator *e = make_one(t, "linear_svr", options, 4);
        REQUIRE(e);
        REQUIRE_OK(leati_estimator_fit(t->context, e, &d));
        /* The answers at the unit vectors and at 0 give back the coefficients. */
        double at[(P + 1) * P] = {0}, w[P + 1];
        for (size_t j = 0; j < P; j++) at[j * P + j] = 1;
        leati_matrix unit = matrix(at, P + 1, P);
        REQUIRE_OK(leati_estimator_predict(t->context, e, &unit, w));
        for (size_t j = 0; j < P; j++) w[j] -= w[P];
        double left = relative_gradient(x, y, N, P, w);
        CHECK(e->converged);
        CHECK(left <= pow(10, -k) && left > 0.02 * pow(10, -k));
        leati_estimator_destroy(e);
    }
}

static void linear_machines_on_odd_data(leattest *t)
{
    odd_data(t, "linear_svc", "linear_svr");
    const double huge[] = {1e300, -1e300, 1e299, 1e300}, y[] = {1, -1, 2, 3};
    const uint32_t label[] = {0, 1, 0, 1};
    for (size_t i = 0; i < LENGTH(linear_options) + LENGTH(regression_options); i++) {
        bool classes = i < LENGTH(linear_options);
        const char *const *options =
            classes ? linear_options[i] : regression_options[i - LENGTH(linear_options)];
        leati_dataset d = classes ? classes_of(huge, label, 4, 1, 2) : numbers_of(huge, y, 4, 1);
        leati_estimator *e = make_one(t, classes ? "linear_svc" : "linear_svr", options, 3);
        REQUIRE(e);
        leat_status st = leati_estimator_fit(t->context, e, &d);
        if (st != LEAT_OK) CHECK_FAILS(st, LEAT_NUMERIC, "overflow|scale");
        leati_estimator_destroy(e);
    }
    static const struct {
        const char *name, *options[2], *words;
    } wrong[] = {{"linear_svc", {"penalty=l1", "loss=hinge"}, "l1|squared_hinge"},
                 {"linear_svc", {"penalty=l1", "dual=true"}, "l1|dual"},
                 {"linear_svc", {"loss=hinge", "dual=false"}, "hinge|dual=true"},
                 {"linear_svr", {"dual=false"}, "primal|dual=true"}};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        leati_dataset d = i < 3 ? golden_classes(0) : golden_numbers(0);
        leati_estimator *e = make_one(t, wrong[i].name, wrong[i].options, 2);
        REQUIRE(e);
        CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID, wrong[i].words);
        leati_estimator_destroy(e);
    }
}

/* The dual and the primal solver, and conjugate gradients where there are too many features for a
 * Hessian, end at the same plane. */
static void primal_and_dual_agree(leattest *t)
{
    enum { N = 60, WIDE = 3100 };
    double *x = malloc(N * WIDE * sizeof *x), out[2][2 * N];
    uint32_t y[N], state = 7;
    for (size_t i = 0; i < N * WIDE; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = ((double)(state >> 8) / 16777216 - 0.5) / 8;
    }
    for (uint32_t i = 0; i < N; i++) {
        y[i] = i % 2;
        x[i * WIDE] += y[i] ? 0.2 : -0.2;
    }
    leati_dataset d = classes_of(x, y, N, WIDE, 2);
    for (int i = 0; i < 2; i++) {
        const char *options[] = {i ? "dual=false" : "dual=true", "tol=1e-8", "max_iter=100000"};
        leati_estimator *e = make_one(t, "linear_svc", options, 3);
        REQUIRE(e);
        CHECK_OK(leati_estimator_fit(t->context, e, &d));
        CHECK(e->converged);
        CHECK_OK(leati_estimator_scores(t->context, e, &d.x, out[i]));
        leati_estimator_destroy(e);
    }
    for (size_t i = 0; i < 2 * N; i++) CHECK_NEAR(out[1][i], out[0][i], 1e-5, 1e-5);
    free(x);
}

/* --- the passes at every CPU level --------------------------------------------------------------
 */

enum { MOST = 70 };

typedef struct sweep {
    double f[MOST], self[MOST];
    float row_i[MOST], row_j[MOST];
    uint8_t state[MOST];
} sweep;

/* Few different values, so that ties are common. */
static void fill_sweep(sweep *s, uint32_t seed)
{
    for (size_t i = 0; i < MOST; i++) {
        uint32_t r[5];
        for (int k = 0; k < 5; k++) r[k] = (seed = seed * 1664525 + 1013904223) >> 16;
        s->f[i] = (double)(r[0] % 5) - 2;
        s->self[i] = 1 + r[1] % 2;
        s->row_i[i] = (float)(r[2] % 4) / 2;
        s->row_j[i] = (float)(r[3] % 4) / 2;
        s->state[i] = (uint8_t)(r[4] % 4);
    }
}

static leati_smo_range plain_range(size_t n, const double *f, const uint8_t *state)
{
    leati_smo_range r = {-INFINITY, 0, INFINITY};
    for (size_t t = 0; t < n; t++) {
        if (state[t] & LEATI_SMO_UP && f[t] >= r.up) {
            r.up = f[t];
            r.arg_up = t;
        }
        if (state[t] & LEATI_SMO_LOW) r.low = fmin(r.low, f[t]);
    }
    return r;
}

static bool has_partner(const sweep *s, size_t n, double top, size_t *at)
{
    double best = -1;
    for (size_t t = 0; t < n; t++) {
        double gap = top - s->f[t], curve = 1.5 + s->self[t] - 2 * (double)s->row_i[t];
        double gain = gap * gap / (curve > 0 ? curve : 1e-12);
        if (!(s->state[t] & LEATI_SMO_LOW) || !(gap > 0) || gain < best) continue;
        best = gain;
        *at = t;
    }
    return best >= 0;
}

static void check_sweep(leattest *t, const leati_smo_pass *pass, size_t n, uint32_t seed)
{
    sweep s;
    size_t want = 0;
    fill_sweep(&s, seed);
    leati_smo_range a = pass->range(n, s.f, s.state), b = plain_range(n, s.f, s.state);
    bool any = isfinite(b.up);
    CHECK(a.up == b.up && a.low == b.low && (!any || a.arg_up == b.arg_up));
    if (has_partner(&s, n, b.up, &want))
        CHECK_INT(pass->partner(n, s.f, s.state, s.row_i, s.self, b.up, 1.5), want);
    double moved[MOST];
    memcpy(moved, s.f, sizeof moved);
    for (size_t i = 0; i < n; i++) moved[i] -= 0.5 * ((double)s.row_i[i] - (double)s.row_j[i]);
    a = pass->update(n, s.f, s.state, s.row_i, s.row_j, 0.5);
    b = plain_range(n, moved, s.state);
    CHECK(memcmp(moved, s.f, sizeof moved) == 0);
    CHECK(a.up == b.up && a.low == b.low && (!any || a.arg_up == b.arg_up));
}

static void passes_at_levels(leattest *t)
{
    for (int level = 0; level < LEATI_CPU_LEVELS; level++) {
        if (!leati_cpu_has((leati_cpu_level)level)) continue;
        leat_context_options o = leat_context_options_default();
        leat_context *c = NULL;
        o.cpu = leati_cpu_level_name((leati_cpu_level)level);
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        const leati_vec *v = leati_vec_of(c);
        for (size_t n = 0; n <= MOST; n++)
            for (uint32_t seed = 1; seed < 9; seed++) check_sweep(t, leati_smo_pass_of(c), n, seed);
        /* Sums of small whole numbers are exact in any order. */
        float x[MOST];
        double y[MOST], z[MOST];
        for (size_t n = 0; n <= MOST; n++) {
            double sum = 0;
            for (size_t i = 0; i < MOST; i++) {
                x[i] = (float)(i % 7) - 3;
                y[i] = z[i] = (double)(i % 5);
                if (i < n) sum += (double)x[i] * y[i];
                if (i < n) z[i] += 3 * (double)x[i];
            }
            CHECK(v->dot_mixed(n, x, y) == sum);
            v->axpy_mixed(n, 3, x, y);
            CHECK(memcmp(y, z, sizeof y) == 0);
            for (size_t i = 0; i < n; i++)
                for (size_t r = 0; r < MOST / 2; r++) z[i] += n < MOST / 2 ? (double)x[r + i] : 0;
            v->sum_rows(n < MOST / 2 ? MOST / 2 : 0, n, x, 1, y);
            CHECK(memcmp(y, z, sizeof y) == 0);
        }
        leat_context_destroy(c);
    }
}

static const leattest_case cases[] = {
    TEST(svc_agrees),
    TEST(svr_agrees),
    TEST(linear_svc_agrees),
    TEST(linear_svr_agrees),
    TEST(iris_folds),
    TEST(sources_agree),
    TEST(svc_probability),
    TEST(platt_recovers),
    TEST(kernel_machines_stop),
    TEST(kernel_machines_on_odd_data),
    TEST(kernel_machines_and_threads),
    TEST(kernel_machines_state),
    TEST(kernel_machines_without_memory),
    TEST(linear_machines_and_threads),
    TEST(linear_machines_state),
    TEST(linear_machines_without_memory),
    TEST(linear_machines_stop),
    TEST(linear_machines_on_odd_data),
    TEST(primal_and_dual_agree),
    TEST(cancelling),
    TEST(primal_stops_at_its_tolerance),
    TEST(passes_at_levels),
};

LEATTEST_MAIN(cases)
