/* Every row of estimators.def against what any estimator must keep: equal bytes for equal input,
 * clear refusals, honest save and load, no crash whatever the file or the data. */
#include "support/leattest.h"

#include <float.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "learn/estimator.h"

/* --- data: values are multiples of 1/64, so that f32 and f64 hold the same ---------------------
 */

typedef struct sample {
    size_t rows, cols;
    double *f64;
    float *f32;
    double *y, *weight;
    uint32_t *label;
    leati_feature *features;
    uint32_t classes;
} sample;

static double grid(double v)
{
    return rint(v * 64) / 64;
}

static void sample_free(sample *s)
{
    free(s->f64);
    free(s->f32);
    free(s->y);
    free(s->weight);
    free(s->label);
    free(s->features);
}

static void sample_sync(sample *s)
{
    for (size_t i = 0; i < s->rows * s->cols; i++) s->f32[i] = (float)s->f64[i];
}

/* Three separable clouds and a target that is linear in the features plus little noise. */
static sample sample_make(const leati_estimator_class *class, size_t rows, size_t cols)
{
    sample s = {.rows = rows, .cols = cols, .classes = rows < 3 ? (uint32_t)rows : 3};
    leati_rng rng;
    leati_rng_init(&rng, 7, LEATI_RNG_TEST, (uint32_t)(rows * 131 + cols));
    s.f64 = calloc(rows * cols, sizeof *s.f64);
    s.f32 = calloc(rows * cols, sizeof *s.f32);
    s.y = calloc(rows, sizeof *s.y);
    s.weight = calloc(rows, sizeof *s.weight);
    s.label = calloc(rows, sizeof *s.label);
    s.features = calloc(cols, sizeof *s.features);
    if (!s.f64 || !s.f32 || !s.y || !s.weight || !s.label || !s.features) abort();
    for (size_t j = 0; j < cols; j++) s.features[j].name = "feature";
    for (size_t i = 0; i < rows; i++) {
        s.label[i] = (uint32_t)(i % s.classes);
        s.weight[i] = 1;
        s.y[i] = 1 + 0.1 * leati_rng_normal(&rng);
        for (size_t j = 0; j < cols; j++) {
            double v = leati_rng_normal(&rng) + (j % 3 == s.label[i] ? 2.5 : -1.5);
            if (class->traits & LEATI_NOT_NEGATIVE) v = rint(fabs(v > -1 ? 2 * v + 2 : 0));
            s.f64[i * cols + j] = grid(v);
            if (j < 3) s.y[i] += s.f64[i * cols + j] * (double)(j + 1);
        }
    }
    sample_sync(&s);
    return s;
}

static leati_matrix matrix64(const sample *s)
{
    return (leati_matrix){.f64 = s->f64, .rows = s->rows, .cols = s->cols, .stride = s->cols};
}

static leati_matrix matrix32(const sample *s)
{
    return (leati_matrix){.f32 = s->f32, .rows = s->rows, .cols = s->cols, .stride = s->cols};
}

static leati_dataset dataset(const sample *s, leati_task task)
{
    return (leati_dataset){.x = matrix64(s),
                           .features = s->features,
                           .task = task,
                           .y = task == LEATI_REGRESS ? s->y : NULL,
                           .label = task == LEATI_CLASSIFY ? s->label : NULL,
                           .classes = task == LEATI_CLASSIFY ? s->classes : 0,
                           .seed = 1};
}

/* --- running one estimator ----------------------------------------------------------------------
 */

typedef struct row {
    leattest *t;
    const leati_estimator_class *class;
    leati_task task;
} row;

typedef void (*row_fn)(const row *r);

/* Runs `check` for every estimator and task, naming the ones that failed. */
static void each(leattest *t, row_fn check)
{
    for (size_t i = 0; i < leati_estimator_count(); i++)
        for (int task = 0; task < 2; task++) {
            const leati_estimator_class *class = leati_estimator_at(i);
            unsigned needed = task == LEATI_CLASSIFY ? LEATI_CLASSIFIER : LEATI_REGRESSOR;
            if (!(class->traits & needed)) continue;
            int before = t->failures;
            row r = {t, class, (leati_task)task};
            check(&r);
            leat_error_clear(t->context);
            if (t->failures != before)
                printf("    ^ estimator %s, %s\n", class->name, task ? "regression" : "classes");
        }
}

static leat_context *context_with(unsigned threads)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.threads = threads;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

static leati_estimator *fitted(const row *r, leat_context *c, const leati_dataset *d)
{
    leati_estimator *e = NULL;
    if (leati_estimator_create(c, &e, r->class) != LEAT_OK) return NULL;
    if (leati_estimator_fit(c, e, d) == LEAT_OK) return e;
    leati_estimator_destroy(e);
    return NULL;
}

static bool states_equal(const leati_state *a, const leati_state *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const leati_array_entry *x = &a->entries[i], *y = &b->entries[i];
        same = strcmp(x->name, y->name) == 0 && x->type == y->type && x->dims == y->dims &&
               x->count == y->count && memcmp(x->shape, y->shape, sizeof x->shape) == 0 &&
               memcmp(x->data, y->data, x->count * leati_dtype_size(x->type)) == 0;
        if (!same) printf("    differs in '%s'\n", x->name);
    }
    return same;
}

/* Fits in c and saves; true when all went well. */
static bool fit_state(const row *r, leat_context *c, const leati_dataset *d, leati_state *s)
{
    leati_state_init(s, c);
    leati_estimator *e = fitted(r, c, d);
    bool ok = e && leati_estimator_save(c, e, s) == LEAT_OK;
    leati_estimator_destroy(e);
    if (!ok) printf("    fit or save: %s\n", leat_error_message(c));
    return ok;
}

/* What the estimator says about x: predictions, then scores and probabilities where it has them.
 * free(); NULL on failure. */
static double *answers(const row *r, leat_context *c, const leati_estimator *e,
                       const leati_matrix *x, size_t *count)
{
    size_t n = x->rows, k = e->classes;
    double *out = calloc(n * (1 + 2 * k) + 1, sizeof *out);
    if (!out) abort();
    *count = n;
    leat_status st = leati_estimator_predict(c, e, x, out);
    if (st == LEAT_OK && leati_estimator_has_scores(e)) {
        st = leati_estimator_scores(c, e, x, out + *count);
        *count += n * k;
    }
    if (st == LEAT_OK && leati_estimator_has_proba(e)) {
        st = leati_estimator_proba(c, e, x, out + *count);
        *count += n * k;
    }
    if (st == LEAT_OK) return out;
    printf("    %s predict: %s\n", r->class->name, leat_error_message(c));
    free(out);
    return NULL;
}

static bool all_finite(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

static bool all_near(const double *a, const double *b, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        if (fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i]))) continue;
        printf("    answer %zu: %.17g and %.17g\n", i, a[i], b[i]);
        return false;
    }
    return true;
}

/* The data may not suit the estimator: then it must say so by name, and not otherwise fail. */
static leati_estimator *fitted_or_refused(const row *r, const leati_dataset *d)
{
    leat_context *c = r->t->context;
    leattest *t = r->t;
    leati_estimator *e = fitted(r, c, d);
    if (!e) {
        leat_status st = leat_error_status(c);
        CHECK(st == LEAT_INVALID || st == LEAT_NUMERIC);
        CHECK(strstr(leat_error_message(c), r->class->name) != NULL);
        leat_error_clear(c);
    }
    return e;
}

/* Fits (or refuses), predicts its own rows, expects finite answers. */
static void fits_and_answers(const row *r, const leati_dataset *d)
{
    leattest *t = r->t;
    leati_estimator *e = fitted_or_refused(r, d);
    if (!e) return;
    size_t n;
    double *out = answers(r, t->context, e, &d->x, &n);
    if (CHECK(out != NULL)) CHECK(all_finite(out, n));
    free(out);
    leati_estimator_destroy(e);
}

/* --- equal bytes --------------------------------------------------------------------------------
 */

static void check_repeat(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 1200, 16);
    leati_dataset d = dataset(&s, r->task), other = d;
    other.seed = 99;
    leat_context *c1 = context_with(1), *c2 = context_with(2), *c4 = context_with(4);
    leati_state base, again, two, four, seed;
    bool ok = fit_state(r, c1, &d, &base);
    ok = fit_state(r, c1, &d, &again) && ok; /* every state is to be made */
    ok = fit_state(r, c2, &d, &two) && ok;
    ok = fit_state(r, c4, &d, &four) && ok;
    ok = fit_state(r, c1, &other, &seed) && ok;
    if (CHECK(ok)) {
        CHECK(states_equal(&base, &again));
        CHECK(states_equal(&base, &two));
        CHECK(states_equal(&base, &four));
        if (!(r->class->traits & LEATI_RANDOM)) CHECK(states_equal(&base, &seed));
    }
    leati_state_fini(&base);
    leati_state_fini(&again);
    leati_state_fini(&two);
    leati_state_fini(&four);
    leati_state_fini(&seed);
    leat_context_destroy(c1);
    leat_context_destroy(c2);
    leat_context_destroy(c4);
    sample_free(&s);
}

static void equal_bytes(leattest *t)
{
    each(t, check_repeat);
}

static void check_predict_threads(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 900, 12);
    leati_dataset d = dataset(&s, r->task);
    leati_estimator *e = fitted(r, t->context, &d);
    leat_context *c1 = context_with(1), *c4 = context_with(4);
    size_t n = 0;
    if (CHECK(e && c1 && c4)) {
        double *one = answers(r, c1, e, &d.x, &n), *four = answers(r, c4, e, &d.x, &n);
        if (CHECK(one && four)) CHECK(memcmp(one, four, n * sizeof *one) == 0);
        free(one);
        free(four);
    }
    leati_estimator_destroy(e);
    leat_context_destroy(c1);
    leat_context_destroy(c4);
    sample_free(&s);
}

static void threads_predict_equal_bytes(leattest *t)
{
    each(t, check_predict_threads);
}

static void check_strided(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 150, 6);
    leati_dataset d = dataset(&s, r->task), wide = d;
    size_t stride = s.cols + 3;
    double *padded = malloc(s.rows * stride * sizeof *padded);
    if (!padded) abort();
    for (size_t i = 0; i < s.rows; i++)
        for (size_t j = 0; j < stride; j++)
            padded[i * stride + j] = j < s.cols ? s.f64[i * s.cols + j] : (double)NAN;
    wide.x.f64 = padded;
    wide.x.stride = stride;
    leati_state a, b;
    bool ok = fit_state(r, t->context, &d, &a);
    ok = fit_state(r, t->context, &wide, &b) && ok;
    if (CHECK(ok)) CHECK(states_equal(&a, &b));
    leati_estimator *e = fitted(r, t->context, &d);
    if (CHECK(e != NULL)) {
        size_t n = 0;
        double *packed = answers(r, t->context, e, &d.x, &n);
        double *loose = answers(r, t->context, e, &wide.x, &n);
        if (CHECK(packed && loose)) CHECK(memcmp(packed, loose, n * sizeof *packed) == 0);
        free(packed);
        free(loose);
    }
    leati_estimator_destroy(e);
    leati_state_fini(&a);
    leati_state_fini(&b);
    free(padded);
    sample_free(&s);
}

static void strided_input(leattest *t)
{
    each(t, check_strided);
}

static void check_single_row(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 120, 5);
    leati_dataset d = dataset(&s, r->task);
    leati_estimator *e = fitted(r, t->context, &d);
    if (CHECK(e != NULL)) {
        size_t n = 0, k = e->classes;
        double *batch = answers(r, t->context, e, &d.x, &n);
        bool scores = leati_estimator_has_scores(e);
        for (size_t i = 0; batch && i < s.rows; i++) {
            size_t m = 0;
            leati_matrix x = leati_matrix_rows(&d.x, i, 1);
            double *one = answers(r, t->context, e, &x, &m);
            if (!CHECK(one != NULL)) break;
            bool same = all_near(one, batch + i, 1, r->task == LEATI_CLASSIFY ? 0 : 1e-9);
            if (scores) same &= all_near(one + 1, batch + s.rows + i * k, k, 1e-9);
            free(one);
            if (!CHECK(same)) break;
        }
        free(batch);
    }
    leati_estimator_destroy(e);
    sample_free(&s);
}

static void single_row_equals_batch(leattest *t)
{
    each(t, check_single_row);
}

/* --- it learns ----------------------------------------------------------------------------------
 */

static void check_learns(const row *r)
{
    leattest *t = r->t;
    bool blind = strcmp(r->class->name, "baseline") == 0;
    sample s = sample_make(r->class, 300, 5);
    leati_dataset d = dataset(&s, r->task);
    leati_estimator *e = fitted(r, t->context, &d);
    size_t n = 0;
    double *out = e ? answers(r, t->context, e, &d.x, &n) : NULL;
    if (CHECK(out != NULL) && CHECK(all_finite(out, n))) {
        if (r->task == LEATI_CLASSIFY) {
            size_t hits = 0;
            for (size_t i = 0; i < s.rows; i++) hits += out[i] == (double)s.label[i];
            CHECK((double)hits >= (blind ? 0.3 : 0.85) * (double)s.rows);
        } else {
            double mean = 0, total = 0, rest = 0;
            for (size_t i = 0; i < s.rows; i++) mean += s.y[i] / (double)s.rows;
            for (size_t i = 0; i < s.rows; i++) {
                total += (s.y[i] - mean) * (s.y[i] - mean);
                rest += (s.y[i] - out[i]) * (s.y[i] - out[i]);
            }
            CHECK(rest < (blind ? 1.01 : 0.4) * total);
        }
        if (leati_estimator_has_proba(e)) {
            const double *proba = out + n - s.rows * e->classes;
            bool sums = true;
            for (size_t i = 0; i < s.rows; i++) {
                double sum = 0;
                for (size_t k = 0; k < e->classes; k++) {
                    sum += proba[i * e->classes + k];
                    sums &= proba[i * e->classes + k] >= 0;
                }
                sums &= fabs(sum - 1) < 1e-9;
            }
            CHECK(sums);
        }
        if (r->class->importance) {
            double importance[5];
            CHECK_OK(r->class->importance(e, t->context, importance));
            for (int j = 0; j < 5; j++) CHECK(isfinite(importance[j]) && importance[j] >= 0);
        }
    }
    free(out);
    leati_estimator_destroy(e);
    sample_free(&s);
}

static void learns(leattest *t)
{
    each(t, check_learns);
}

/* Answers of a fit on f32, asked in f32, against those in f64. */
static void check_precision(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 300, 5);
    leati_dataset d = dataset(&s, r->task), f = d;
    f.x = matrix32(&s);
    leati_estimator *wide = fitted(r, t->context, &d), *slim = fitted(r, t->context, &f);
    size_t n = 0;
    if (CHECK(wide && slim)) {
        double *a = answers(r, t->context, wide, &d.x, &n);
        double *b = answers(r, t->context, slim, &f.x, &n);
        double *mixed = answers(r, t->context, slim, &d.x, &n);
        if (CHECK(a && b && mixed)) {
            size_t apart = 0, crossed = 0;
            for (size_t i = 0; i < s.rows; i++) {
                double bound = r->task == LEATI_CLASSIFY ? 0 : 1e-3 * (1 + fabs(a[i]));
                apart += fabs(a[i] - b[i]) > bound;
                crossed += fabs(mixed[i] - b[i]) > bound;
            }
            CHECK(apart <= s.rows / 50);
            CHECK(crossed <= s.rows / 50);
        }
        free(a);
        free(b);
        free(mixed);
    }
    leati_estimator_destroy(wide);
    leati_estimator_destroy(slim);
    sample_free(&s);
}

static void both_precisions(leattest *t)
{
    each(t, check_precision);
}

/* --- difficult data -----------------------------------------------------------------------------
 */

static void check_degenerate(const row *r)
{
    leattest *t = r->t;
    static const size_t shapes[][2] = {{1, 3}, {2, 3}, {8, 30}, {40, 1}, {3, 1}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        sample s = sample_make(r->class, shapes[k][0], shapes[k][1]);
        leati_dataset d = dataset(&s, r->task);
        int before = t->failures;
        fits_and_answers(r, &d);
        if (t->failures != before)
            printf("    ^ %zu rows, %zu features\n", shapes[k][0], shapes[k][1]);
        sample_free(&s);
    }
    sample s = sample_make(r->class, 60, 4);
    leati_dataset d = dataset(&s, r->task);
    for (size_t i = 0; i < s.rows; i++) s.f64[i * 4 + 2] = 5; /* a constant feature */
    fits_and_answers(r, &d);
    for (size_t i = 0; i < s.rows; i++) s.f64[i * 4 + 3] = s.f64[i * 4]; /* and a repeated one */
    fits_and_answers(r, &d);
    for (size_t i = 30; i < 60; i++) { /* repeated rows */
        memcpy(s.f64 + i * 4, s.f64 + (i - 30) * 4, 4 * sizeof *s.f64);
        s.label[i] = s.label[i - 30];
        s.y[i] = s.y[i - 30];
    }
    fits_and_answers(r, &d);
    for (size_t i = 0; i < s.rows * 4; i++) s.f64[i] = 1; /* nothing but constants */
    fits_and_answers(r, &d);
    for (size_t i = 0; i < s.rows; i++) s.f64[i * 4] = (double)(i % 2) * 1e18; /* large values */
    fits_and_answers(r, &d);
    sample_free(&s);
}

static void difficult_data(leattest *t)
{
    each(t, check_degenerate);
}

static void check_constant_target(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 50, 4);
    for (size_t i = 0; i < s.rows; i++) {
        s.label[i] = 0;
        s.y[i] = 3;
    }
    s.classes = 1;
    leati_dataset d = dataset(&s, r->task);
    leati_estimator *e = fitted_or_refused(r, &d);
    if (e) {
        size_t n = 0;
        double *out = answers(r, t->context, e, &d.x, &n);
        if (CHECK(out && all_finite(out, n)))
            for (size_t i = 0; i < s.rows; i++)
                if (!CHECK(fabs(out[i] - (r->task == LEATI_CLASSIFY ? 0 : 3)) < 0.5)) break;
        free(out);
    }
    leati_estimator_destroy(e);
    sample_free(&s);
}

static void constant_target(leattest *t)
{
    each(t, check_constant_target);
}

static void check_refusals(const row *r)
{
    leattest *t = r->t;
    leat_context *c = t->context;
    sample s = sample_make(r->class, 40, 4);
    leati_dataset d = dataset(&s, r->task);
    leati_estimator *e = NULL;
    double out[200];
    REQUIRE_OK(leati_estimator_create(c, &e, r->class));
    CHECK_FAILS(leati_estimator_predict(c, e, &d.x, out), LEAT_INVALID, r->class->name);
    double keep = s.f64[22];
    s.f64[22] = (double)INFINITY;
    char words[100];
    snprintf(words, sizeof words, "%s|row 6|infinite", r->class->name);
    CHECK_FAILS(leati_estimator_fit(c, e, &d), LEAT_INVALID, words);
    s.f64[22] = (double)NAN;
    if (r->class->traits & LEATI_TAKES_MISSING) {
        CHECK_OK(leati_estimator_fit(c, e, &d));
        size_t n = 0;
        double *all = answers(r, c, e, &d.x, &n);
        if (CHECK(all != NULL)) CHECK(all_finite(all, n));
        free(all);
    } else {
        snprintf(words, sizeof words, "%s|row 6|missing|impute", r->class->name);
        CHECK_FAILS(leati_estimator_fit(c, e, &d), LEAT_INVALID, words);
    }
    s.f64[22] = keep;
    if (CHECK_OK(leati_estimator_fit(c, e, &d))) {
        leati_matrix x = d.x;
        x.cols = 3;
        snprintf(words, sizeof words, "%s|4 features|got 3", r->class->name);
        CHECK_FAILS(leati_estimator_predict(c, e, &x, out), LEAT_SHAPE, words);
        x = leati_matrix_rows(&d.x, 0, 0);
        CHECK_OK(leati_estimator_predict(c, e, &x, out));
        s.f64[1] = (double)INFINITY;
        CHECK_FAILS(leati_estimator_predict(c, e, &d.x, out), LEAT_INVALID, "infinite");
    }
    leati_estimator_destroy(e);
    sample_free(&s);
}

static void refusals(leattest *t)
{
    each(t, check_refusals);
}

/* --- categories and weights ---------------------------------------------------------------------
 */

static void check_categories(const row *r)
{
    leattest *t = r->t;
    if (!(r->class->traits & LEATI_TAKES_CATEGORIES)) return;
    sample s = sample_make(r->class, 90, 4);
    s.features[1].levels = 5;
    for (size_t i = 0; i < s.rows; i++) s.f64[i * 4 + 1] = (double)(i % 4);
    leati_dataset d = dataset(&s, r->task);
    fits_and_answers(r, &d);
    leati_estimator *e = fitted(r, t->context, &d);
    if (CHECK(e != NULL)) { /* levels that were never seen, and values that are no levels */
        static const double odd[] = {4, 5, 7e9, -1, 2.5, -1e18};
        for (size_t i = 0; i < 6; i++) s.f64[i * 4 + 1] = odd[i];
        size_t n = 0;
        double *out = answers(r, t->context, e, &d.x, &n);
        if (CHECK(out != NULL)) CHECK(all_finite(out, n));
        free(out);
    }
    leati_estimator_destroy(e);
    sample_free(&s);
}

static void categories(leattest *t)
{
    each(t, check_categories);
}

static leati_estimator *fitted_tightly(const row *r, const leati_dataset *d)
{
    leat_context *c = r->t->context;
    leati_estimator *e = NULL;
    if (leati_estimator_create(c, &e, r->class) != LEAT_OK) return NULL;
    if (leati_param_find(r->class->params, "tol")) (void)leati_estimator_set(c, e, "tol", "1e-9");
    if (leati_param_find(r->class->params, "max_iter"))
        (void)leati_estimator_set(c, e, "max_iter", "20000");
    leat_error_clear(c);
    if (leati_estimator_fit(c, e, d) == LEAT_OK) return e;
    leati_estimator_destroy(e);
    return NULL;
}

static bool same_answers(const row *r, const leati_dataset *a, const leati_dataset *b,
                         const leati_matrix *x, double tolerance)
{
    leat_context *c = r->t->context;
    leati_estimator *ea = fitted_tightly(r, a), *eb = fitted_tightly(r, b);
    size_t n = 0;
    double *u = ea ? answers(r, c, ea, x, &n) : NULL, *v = eb ? answers(r, c, eb, x, &n) : NULL;
    bool same = u && v && all_near(u, v, n, tolerance);
    free(u);
    free(v);
    leati_estimator_destroy(ea);
    leati_estimator_destroy(eb);
    return same;
}

static void check_weights(const row *r)
{
    leattest *t = r->t;
    sample s = sample_make(r->class, 80, 4), twice = sample_make(r->class, 120, 4);
    leati_dataset d = dataset(&s, r->task), w = d, repeated = dataset(&twice, r->task);
    w.weight = s.weight;
    if (!(r->class->traits & LEATI_TAKES_WEIGHTS)) {
        leati_estimator *e = NULL;
        REQUIRE_OK(leati_estimator_create(t->context, &e, r->class));
        CHECK_FAILS(leati_estimator_fit(t->context, e, &w), LEAT_INVALID, "weights");
        leati_estimator_destroy(e);
    } else {
        CHECK(same_answers(r, &d, &w, &d.x, 1e-6));
        /* rows 0..39 count twice */
        for (size_t i = 0; i < 120; i++) {
            size_t from = i < 80 ? i : i - 80;
            memcpy(twice.f64 + i * 4, s.f64 + from * 4, 4 * sizeof *s.f64);
            twice.y[i] = s.y[from];
            twice.label[i] = s.label[from];
            s.weight[from] = from < 40 ? 2 : 1;
        }
        leati_dataset other = w;
        other.seed = 99;
        leati_state a, b;
        bool fit = fit_state(r, t->context, &w, &a);
        fit = fit_state(r, t->context, &other, &b) && fit;
        bool random = fit && r->class->traits & LEATI_RANDOM && !states_equal(&a, &b);
        leati_state_fini(&a);
        leati_state_fini(&b);
        if (!random) CHECK(same_answers(r, &w, &repeated, &d.x, 1e-4));
    }
    sample_free(&s);
    sample_free(&twice);
}

static void weights(leattest *t)
{
    each(t, check_weights);
}

/* --- parameters ---------------------------------------------------------------------------------
 */

static void parameter_tables(leattest *t)
{
    leat_context *c = t->context;
    for (size_t i = 0; i < leati_estimator_count(); i++) {
        const leati_estimator_class *class = leati_estimator_at(i);
        leati_estimator *e = NULL;
        REQUIRE_OK(leati_estimator_create(c, &e, class));
        CHECK(class->doc && class->title && strlen(class->doc) > 20);
        CHECK(leati_estimator_class_find(class->name) == class);
        for (const leati_param *p = class->params; p->name; p++) {
            if (p->type == LEATI_PARAM_TEXT) continue; /* read when it fits */
            char text[64], words[128], bad[64];
            int before = t->failures;
            CHECK_OK(leati_estimator_set(c, e, p->name, p->standard));
            leati_param_get(p, e, text, sizeof text);
            CHECK_OK(leati_estimator_set(c, e, p->name, text));
            CHECK(p->doc && strlen(p->doc) > 5);
            snprintf(words, sizeof words, "%s.%s", class->name, p->name);
            CHECK_FAILS(leati_estimator_set(c, e, p->name, "banana"), LEAT_INVALID, words);
            CHECK_FAILS(leati_estimator_set(c, e, p->name, ""), LEAT_INVALID, words);
            bool number = p->type == LEATI_PARAM_INT || p->type == LEATI_PARAM_REAL ||
                          p->type == LEATI_PARAM_MIXED;
            if (number) CHECK_FAILS(leati_estimator_set(c, e, p->name, "nan"), LEAT_INVALID, words);
            if (number && isfinite(p->least) && p->least > -1e15) {
                snprintf(bad, sizeof bad, "%.17g", p->least - 1);
                CHECK_FAILS(leati_estimator_set(c, e, p->name, bad), LEAT_INVALID, words);
            }
            if (number && isfinite(p->most) && p->most < 1e15) {
                snprintf(bad, sizeof bad, "%.17g", p->most + 1);
                CHECK_FAILS(leati_estimator_set(c, e, p->name, bad), LEAT_INVALID, words);
            }
            for (const char *at = p->grid; at && *at; at += at[strcspn(at, ",")] ? 1 : 0) {
                snprintf(bad, sizeof bad, "%.*s", (int)strcspn(at, ","), at);
                CHECK_OK(leati_estimator_set(c, e, p->name, bad));
                at += strcspn(at, ",");
            }
            if (t->failures != before) printf("    ^ %s.%s\n", class->name, p->name);
        }
        CHECK_FAILS(leati_estimator_set(c, e, "no_such", "1"), LEAT_INVALID, class->name);
        leati_estimator_destroy(e);
    }
}

/* The choice number `index` of p as text; false past the end. */
static bool choice_at(const leati_param *p, int index, char out[64])
{
    const char *at = p->choices;
    for (; at && index > 0; index--) at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL;
    if (!at) return false;
    snprintf(out, 64, "%.*s", (int)strcspn(at, "|"), at);
    return true;
}

static bool fits_with(const row *r, const leati_dataset *d, const char *name, const char *value,
                      const char *other, const char *other_value)
{
    leat_context *c = r->t->context;
    leati_estimator *e = NULL;
    bool ok = leati_estimator_create(c, &e, r->class) == LEAT_OK &&
              leati_estimator_set(c, e, name, value) == LEAT_OK &&
              (!other || leati_estimator_set(c, e, other, other_value) == LEAT_OK) &&
              leati_estimator_fit(c, e, d) == LEAT_OK;
    if (ok) {
        size_t n = 0;
        double *out = answers(r, c, e, &d->x, &n);
        ok = out && all_finite(out, n);
        free(out);
    }
    leati_estimator_destroy(e);
    leat_error_clear(c);
    return ok;
}

/* Alone, or together with a value of another choice. */
static bool fits_somehow(const row *r, const leati_dataset *d, const leati_param *p,
                         const char *value)
{
    if (fits_with(r, d, p->name, value, NULL, NULL)) return true;
    for (const leati_param *q = r->class->params; q->name; q++) {
        char text[64];
        for (int k = 0; q != p && q->choices && choice_at(q, k, text); k++)
            if (fits_with(r, d, p->name, value, q->name, text)) return true;
    }
    return false;
}

static void every_choice_fits(leattest *t)
{
    for (size_t i = 0; i < leati_estimator_count(); i++) {
        row r = {t, leati_estimator_at(i), LEATI_CLASSIFY};
        sample s = sample_make(r.class, 60, 4);
        for (const leati_param *p = r.class->params; p->name; p++) {
            char text[64];
            for (int k = 0; p->choices && choice_at(p, k, text); k++) {
                bool fits = false;
                for (int task = 0; task < 2 && !fits; task++) {
                    unsigned needed = task == LEATI_CLASSIFY ? LEATI_CLASSIFIER : LEATI_REGRESSOR;
                    if (!(r.class->traits & needed)) continue;
                    leati_dataset d = dataset(&s, (leati_task)task);
                    r.task = (leati_task)task;
                    fits = fits_somehow(&r, &d, p, text);
                }
                if (!CHECK(fits)) printf("    ^ %s.%s=%s\n", r.class->name, p->name, text);
            }
        }
        sample_free(&s);
    }
}

/* --- save and load ------------------------------------------------------------------------------
 */

/* A fresh estimator from the state, or NULL. */
static leati_estimator *loaded(const row *r, leat_context *c, const leati_estimator *like,
                               leati_state *s)
{
    leati_estimator *e = NULL;
    if (leati_estimator_clone(c, &e, like) != LEAT_OK) return NULL;
    if (leati_estimator_load(c, e, s) == LEAT_OK) return e;
    (void)r;
    leati_estimator_destroy(e);
    return NULL;
}

static void check_save_load(const row *r)
{
    leattest *t = r->t;
    leat_context *c = t->context;
    sample s = sample_make(r->class, 120, 5);
    leati_dataset d = dataset(&s, r->task);
    for (int f32 = 0; f32 < 2; f32++) {
        if (f32) d.x = matrix32(&s);
        leati_estimator *e = fitted(r, c, &d), *copy = NULL;
        leati_state a, b;
        leati_state_init(&a, c);
        leati_state_init(&b, c);
        if (CHECK(e != NULL) && CHECK_OK(leati_estimator_save(c, e, &a)))
            copy = loaded(r, c, e, &a);
        if (CHECK(copy != NULL) && CHECK_OK(leati_estimator_save(c, copy, &b))) {
            CHECK(states_equal(&a, &b));
            size_t n = 0;
            double *u = answers(r, c, e, &d.x, &n), *v = answers(r, c, copy, &d.x, &n);
            if (CHECK(u && v)) CHECK(memcmp(u, v, n * sizeof *u) == 0);
            free(u);
            free(v);
        }
        leati_state_fini(&a);
        leati_state_fini(&b);
        leati_estimator_destroy(e);
        leati_estimator_destroy(copy);
    }
    sample_free(&s);
}

static void save_and_load(leattest *t)
{
    each(t, check_save_load);
}

/* Loads a damaged state: LEAT_FORMAT, or else an estimator that answers without a crash. */
static bool survives(const row *r, const leati_estimator *like, leati_state *s,
                     const leati_matrix *x, bool must_refuse)
{
    leat_context *c = r->t->context;
    leati_estimator *e = loaded(r, c, like, s);
    bool ok = true;
    if (!e) ok = leat_error_status(c) == LEAT_FORMAT;
    else if (must_refuse) ok = false;
    if (!ok && !e) printf("    refused with: %s\n", leat_error_message(c));
    leat_error_clear(c);
    if (e && e->features == x->cols) {
        size_t n = 0;
        double *out = answers(r, c, e, x, &n);
        free(out);
        leat_error_clear(c);
    }
    leati_estimator_destroy(e);
    return ok;
}

static void put_element(leati_array_entry *e, size_t at, int kind)
{
    static const double reals[] = {(double)NAN, -1e300, 1e300, -1, 0, 0.5};
    static const int64_t wholes[] = {-1, INT64_MAX, INT64_MIN, INT32_MAX, 0, 255};
    double v = reals[kind];
    int64_t w = wholes[kind];
    switch (e->type) {
    case LEATI_F64: ((double *)e->data)[at] = v; break;
    case LEATI_F32:
        ((float *)e->data)[at] = fabs(v) > 1e30 ? copysignf(FLT_MAX, (float)v) : (float)v;
        break;
    case LEATI_I64: ((int64_t *)e->data)[at] = w; break;
    case LEATI_I32: ((int32_t *)e->data)[at] = (int32_t)w; break;
    case LEATI_U8: ((uint8_t *)e->data)[at] = (uint8_t)w; break;
    case LEATI_DTYPES: break;
    }
}

/* Damages entry i in every way, each time restoring it. */
static void damage(const row *r, const leati_estimator *like, leati_state *s, size_t i,
                   const leati_matrix *x)
{
    leattest *t = r->t;
    leati_array_entry *e = &s->entries[i], keep = *e;
    int before = t->failures;
    e->name = "nobody";
    CHECK(survives(r, like, s, x, true));
    *e = keep;
    for (int type = 0; type < LEATI_DTYPES; type++) {
        if (leati_dtype_size((leati_dtype)type) > leati_dtype_size(keep.type)) continue;
        e->type = (leati_dtype)type;
        CHECK(survives(r, like, s, x, e->type != keep.type));
        *e = keep;
    }
    for (int dim = 0; dim < keep.dims; dim++) {
        if (keep.shape[dim] == 0) continue;
        e->shape[dim]--;
        e->count = keep.dims == 1 ? e->shape[0] : e->shape[0] * e->shape[1];
        CHECK(survives(r, like, s, x, false));
        *e = keep;
    }
    e->dims = keep.dims == 1 ? 2 : 1;
    CHECK(survives(r, like, s, x, keep.dims > 0));
    *e = keep;
    size_t bytes = keep.count * leati_dtype_size(keep.type);
    void *data = malloc(bytes + 1);
    if (!data) abort();
    memcpy(data, keep.data, bytes);
    size_t step = keep.count / 12 + 1;
    for (size_t at = 0; at < keep.count; at += step)
        for (int kind = 0; kind < 6; kind++) {
            put_element(e, at, kind);
            bool number = keep.type == LEATI_F64 || keep.type == LEATI_F32;
            CHECK(survives(r, like, s, x, number && kind == 0));
            memcpy(e->data, data, bytes);
        }
    free(data);
    if (t->failures != before) printf("    ^ array '%s'\n", keep.name);
}

static void check_damage(const row *r)
{
    leattest *t = r->t;
    leat_context *c = t->context;
    sample s = sample_make(r->class, 40, 4);
    if (r->class->traits & LEATI_TAKES_CATEGORIES) {
        s.features[1].levels = 5;
        for (size_t i = 0; i < s.rows; i++) s.f64[i * 4 + 1] = (double)((i * 7 + i / 3) % 5);
    }
    leati_dataset d = dataset(&s, r->task);
    leati_estimator *e = fitted(r, c, &d);
    leati_state a;
    leati_state_init(&a, c);
    if (CHECK(e != NULL) && CHECK_OK(leati_estimator_save(c, e, &a)))
        for (size_t i = 0; i < a.count; i++) damage(r, e, &a, i, &d.x);
    leati_state_fini(&a);
    leati_estimator_destroy(e);
    sample_free(&s);
}

static void damaged_state(leattest *t)
{
    each(t, check_damage);
}

typedef struct memory_arg {
    const row *r;
    const leati_dataset *d;
} memory_arg;

static leat_status whole_life(leat_context *c, void *arg)
{
    const memory_arg *m = arg;
    leati_estimator *e = NULL, *copy = NULL;
    leati_state s;
    double out[200];
    leat_status st;
    leati_state_init(&s, c);
    LEATI_GO(leati_estimator_create(c, &e, m->r->class));
    LEATI_GO(leati_estimator_fit(c, e, m->d));
    LEATI_GO(leati_estimator_predict(c, e, &m->d->x, out));
    if (leati_estimator_has_scores(e)) LEATI_GO(leati_estimator_scores(c, e, &m->d->x, out));
    if (leati_estimator_has_proba(e)) LEATI_GO(leati_estimator_proba(c, e, &m->d->x, out));
    LEATI_GO(leati_estimator_save(c, e, &s));
    LEATI_GO(leati_estimator_clone(c, &copy, e));
    LEATI_GO(leati_estimator_load(c, copy, &s));
    LEATI_GO(leati_estimator_predict(c, copy, &m->d->x, out));
out:
    leati_state_fini(&s);
    leati_estimator_destroy(e);
    leati_estimator_destroy(copy);
    return st;
}

static void check_memory(const row *r)
{
    sample s = sample_make(r->class, 30, 4);
    leati_dataset d = dataset(&s, r->task);
    memory_arg m = {r, &d};
    leattest_fail_allocations(r->t, whole_life, &m);
    d.x = matrix32(&s);
    leattest_fail_allocations(r->t, whole_life, &m);
    sample_free(&s);
}

static void failing_allocations(leattest *t)
{
    each(t, check_memory);
}

static const leattest_case cases[] = {TEST(equal_bytes),
                                      TEST(threads_predict_equal_bytes),
                                      TEST(strided_input),
                                      TEST(single_row_equals_batch),
                                      TEST(learns),
                                      TEST(both_precisions),
                                      TEST(difficult_data),
                                      TEST(constant_target),
                                      TEST(refusals),
                                      TEST(categories),
                                      TEST(weights),
                                      TEST(parameter_tables),
                                      TEST(every_choice_fits),
                                      TEST(save_and_load),
                                      TEST(damaged_state),
                                      TEST(failing_allocations)};
LEATTEST_MAIN(cases)
