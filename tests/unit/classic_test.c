/* Discriminant analyses, nearest neighbours, naive Bayes and trees against scikit-learn's answers:
 * tools/golden/classic.py. */
#include "support/leattest.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "golden/classic.h"
#include "kernel/neighbors.h"
#include "learn/estimator.h"
#include "learn/kdtree.h"
#include "learn/knn_projection.h"
#include "learn/nb_counts.h"

enum { ROWS = CLASSIC_ROWS, COLS = CLASSIC_COLS, ASKED = CLASSIC_ASKED };

static const leati_feature features[COLS] = {{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}, {"e", 0}};

static const double *data_named(const char *name)
{
    if (strstr(name, "holes")) return classic_holes;
    if (strcmp(name, "counts") == 0) return classic_counts;
    if (strcmp(name, "singular") == 0) return classic_singular;
    return classic_normal;
}

/* Creates, sets "key=value key=value" and fits on the first ROWS rows; NULL after a failed check.
 */
static leati_estimator *fitted(leattest *t, const char *name, const char *set, const char *data)
{
    static uint32_t label[ROWS];
    bool uneven = strcmp(data, "uneven") == 0;
    for (uint32_t i = 0; i < ROWS; i++) label[i] = uneven ? (i % 3 == 2) : i % 3;
    leati_dataset d = {.x = {.f64 = data_named(data), .rows = ROWS, .cols = COLS, .stride = COLS},
                       .features = features,
                       .task = data[0] == 'y' ? LEATI_REGRESS : LEATI_CLASSIFY,
                       .seed = 1};
    if (d.task == LEATI_REGRESS) d.y = classic_y;
    else d.label = label;
    d.classes = d.task == LEATI_REGRESS ? 0 : uneven ? 2 : 3;
    leati_estimator *e = NULL;
    bool ok = CHECK_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find(name)));
    char copy[200];
    snprintf(copy, sizeof copy, "%s", set);
    for (char *rest = copy, *word; ok && (word = strtok_r(rest, " ", &rest));) {
        char *value = strchr(word, '=');
        *value++ = 0;
        ok = CHECK_OK(leati_estimator_set(t->context, e, word, value));
    }
    if (ok && CHECK_OK(leati_estimator_fit(t->context, e, &d))) return e;
    leati_estimator_destroy(e);
    return NULL;
}

static void check_answers(leattest *t, const leati_estimator *e, const char *data, size_t count,
                          const double *want, double tolerance)
{
    double out[ASKED * 3];
    leati_matrix x = {
        .f64 = data_named(data) + ROWS * COLS, .rows = ASKED, .cols = COLS, .stride = COLS};
    bool regress = e->task == LEATI_REGRESS;
    REQUIRE_OK(regress ? leati_estimator_predict(t->context, e, &x, out)
                       : leati_estimator_proba(t->context, e, &x, out));
    CHECK_INT(count, ASKED * (regress ? 1 : e->classes));
    for (size_t i = 0; i < count; i++)
        if (!CHECK_NEAR(out[i], want[i], tolerance, tolerance)) break;
}

static void answers(leattest *t)
{
    for (size_t i = 0; i < sizeof classic_cases / sizeof *classic_cases; i++) {
        const classic_case *g = &classic_cases[i];
        int before = t->failures;
        leati_estimator *e = fitted(t, g->estimator, g->set, g->data);
        if (e) check_answers(t, e, g->data, g->count, g->answers, 1e-8);
        leati_estimator_destroy(e);
        if (t->failures != before) printf("    ^ %s %s on %s\n", g->estimator, g->set, g->data);
    }
}

static void check_nodes(leattest *t, const leati_estimator *e, const classic_tree *g)
{
    leati_state s;
    int32_t *feature = NULL;
    double *threshold = NULL, *impurity = NULL, importance[COLS];
    size_t nodes = 0;
    leati_state_init(&s, t->context);
    if (CHECK_OK(leati_estimator_save(t->context, e, &s)) &&
        CHECK_OK(
            leati_state_get(t->context, &s, "feature", LEATI_I32, SIZE_MAX, 0, &feature, &nodes)) &&
        CHECK_OK(leati_state_get(t->context, &s, "threshold", LEATI_F64, SIZE_MAX, 0, &threshold,
                                 NULL)) &&
        CHECK_OK(
            leati_state_get(t->context, &s, "impurity", LEATI_F64, SIZE_MAX, 0, &impurity, NULL)))
        CHECK_INT(nodes, g->nodes);
    for (size_t i = 0; impurity && i < nodes && i < g->nodes; i++) {
        bool same = CHECK_INT(feature[i], g->feature[i]);
        same &= CHECK_NEAR(threshold[i], g->threshold[i], 0, 0);
        same &= CHECK_NEAR(impurity[i], g->impurity[i], 1e-8, 1e-10);
        if (!same) break;
    }
    CHECK_OK(e->class->importance(e, t->context, importance));
    for (int j = 0; j < COLS; j++) CHECK_NEAR(importance[j], g->importance[j], 1e-8, 1e-10);
    leati_free(feature);
    leati_free(threshold);
    leati_free(impurity);
    leati_state_fini(&s);
}

static void trees(leattest *t)
{
    for (size_t i = 0; i < sizeof classic_trees / sizeof *classic_trees; i++) {
        const classic_tree *g = &classic_trees[i];
        int before = t->failures;
        leati_estimator *e = fitted(t, "cart", g->set, g->data);
        if (e) {
            check_nodes(t, e, g);
            check_answers(t, e, g->data, g->count, g->answers, 1e-10);
        }
        leati_estimator_destroy(e);
        if (t->failures != before) printf("    ^ cart %s on %s\n", g->set, g->data);
    }
}

/* A level decides the class; the order of the levels' numbers says nothing. */
static void categories(leattest *t)
{
    enum { N = 64 };
    static const uint32_t class_of[8] = {0, 2, 1, 0, 1, 2, 2, 0};
    double x[N], out[2];
    uint32_t label[N];
    for (uint32_t i = 0; i < N; i++) {
        x[i] = i % 8;
        label[i] = class_of[i % 8];
    }
    leati_feature level = {"level", 8};
    leati_dataset d = {.x = {.f64 = x, .rows = N, .cols = 1, .stride = 1},
                       .features = &level,
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 3};
    leati_estimator *e = NULL;
    REQUIRE_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find("cart")));
    CHECK_OK(leati_estimator_set(t->context, e, "max_depth", "2"));
    if (CHECK_OK(leati_estimator_fit(t->context, e, &d))) {
        double all[N];
        CHECK_OK(leati_estimator_predict(t->context, e, &d.x, all));
        for (size_t i = 0; i < N; i++) CHECK(all[i] == (double)label[i]);
        x[0] = (double)NAN;
        x[1] = 77;
        leati_matrix odd = {.f64 = x, .rows = 2, .cols = 1, .stride = 1};
        CHECK_OK(leati_estimator_predict(t->context, e, &odd, out));
        CHECK(out[0] == out[1]);
    }
    level.levels = 1000000;
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID, "cart|levels|1000000");
    leati_estimator_destroy(e);
}

/* Many distinct values (sorted, not counted), bytes and pairs of bytes, missing among them: a tree
 * of rows without ties learns them by heart, alone and by several threads. */
static void wide_codes(leattest *t)
{
    enum { N = 9000, P = 3 };
    double *x = leati_array(t->context, N * P, sizeof *x);
    double *y = leati_array(t->context, N, sizeof *y), *out = leati_array(t->context, N, sizeof *y);
    leati_feature f[P] = {{"many", 0}, {"bytes", 0}, {"pairs", 0}};
    REQUIRE(x && y && out);
    for (size_t i = 0; i < N; i++) {
        x[i * P] = (double)((i * 7919) % N) - 100.5;
        x[i * P + 1] = (double)(i % 200);
        x[i * P + 2] = i % 11 == 0 ? (double)NAN : (double)(i % 1500) * 0.25;
        y[i] = x[i * P] + 3 * x[i * P + 1];
    }
    leati_dataset d = {.x = {.f64 = x, .rows = N, .cols = P, .stride = P},
                       .features = f,
                       .task = LEATI_REGRESS,
                       .y = y};
    leati_estimator *e = NULL;
    REQUIRE_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find("cart")));
    if (CHECK_OK(leati_estimator_fit(t->context, e, &d)) &&
        CHECK_OK(leati_estimator_predict(t->context, e, &d.x, out))) {
        double worst = 0;
        for (size_t i = 0; i < N; i++) worst = fmax(worst, fabs(out[i] - y[i]));
        CHECK(worst < 1e-9 * N);
    }
    leati_estimator_destroy(e);
    leati_free(x);
    leati_free(y);
    leati_free(out);
}

/* The tree finds what comparing with every row finds, also among ties. */
static void kdtree(leattest *t)
{
    enum { N = 500, P = 3, K = 9 };
    double x[N * P];
    for (size_t i = 0; i < N * P; i++) x[i] = (double)((i * 2654435761u >> 7) % 9);
    leati_matrix m = {.f64 = x, .rows = N, .cols = P, .stride = P};
    leati_kdtree tree;
    REQUIRE_OK(leati_kdtree_init(t->context, &tree, &m));
    for (int kind = LEATI_SQUARED; kind <= LEATI_POWER; kind++)
        for (size_t q = 0; q < 40; q++) {
            double point[P] = {(double)(q % 10) * 0.9, (double)(q % 7), (double)(q % 3) * 4.5};
            uint32_t index[K], want[K];
            double distance[K], near[K];
            size_t held = 0;
            for (uint32_t i = 0; i < N; i++)
                leati_nearest_offer(
                    K, &held, want, near, i,
                    leati_distance_of((leati_distance)kind, 3, P, point, x + i * P));
            leati_kdtree_nearest(&tree, (leati_distance)kind, 3, point, K, index, distance);
            CHECK(memcmp(index, want, sizeof want) == 0);
            CHECK(memcmp(distance, near, sizeof near) == 0);
        }
    leati_kdtree_fini(&tree);
}

/* Rows near a subspace, some of them equal, and queries far off: bounds from the projection give
 * what brute force gives, to the bit, and measure far fewer rows. */
static void projection(leattest *t)
{
    enum { N = 4500, P = 72, RANK = 9, Q = 60, K = 7 };
    leat_context *c = t->context;
    float *x = leati_array(c, (N + Q) * P, sizeof *x);
    double basis[RANK * P], sum = 0;
    leati_rng rng;
    leati_rng_init(&rng, 11, LEATI_RNG_TEST, 0);
    for (size_t j = 0; j < RANK * P; j++) basis[j] = leati_rng_normal(&rng);
    REQUIRE(x);
    for (size_t i = 0; i < N + Q; i++) {
        double mix[RANK];
        for (size_t r = 0; r < RANK; r++) mix[r] = leati_rng_normal(&rng) / (double)(r + 1);
        for (size_t j = 0; j < P; j++) {
            double v = 50 + 0.05 * leati_rng_normal(&rng);
            for (size_t r = 0; r < RANK; r++) v += mix[r] * basis[r * P + j];
            x[i * P + j] = (float)(i % 50 == 49 ? (double)x[(i - 17) * P + j] : v);
        }
    }
    for (size_t j = 0; j < P; j++) x[(N + 3) * P + j] += 1000; /* far from all */
    leati_matrix rows = {.f32 = x, .rows = N, .cols = P, .stride = P};
    leati_matrix asked = {.f32 = x + N * P, .rows = Q, .cols = P, .stride = P};
    leati_projection p;
    REQUIRE_OK(leati_projection_init(c, &p, &rows));
    REQUIRE(p.dims > 0);
    float *bound = leati_array(c, (N + Q) * (p.dims + 1), sizeof *bound);
    float *asked_bound = bound + N * (p.dims + 1);
    REQUIRE(bound);
    CHECK_OK(leati_projection_apply(c, &p, &rows, bound));
    CHECK_OK(leati_projection_apply(c, &p, &asked, asked_bound));
    uint32_t index[Q * K], want[Q * K], measured[Q];
    double distance[Q * K], near[Q * K];
    leati_bounded_f32 b = {asked.f32, x, asked_bound, bound, Q, P, N, P, P, p.dims + 1};
    CHECK_OK(leati_neighbors_bounded_f32(c, &b, K, index, distance, measured));
    CHECK_OK(leati_neighbors_f32(c, asked.f32, Q, P, x, N, P, P, K, want, near));
    CHECK(memcmp(index, want, sizeof want) == 0);
    CHECK(memcmp(distance, near, sizeof near) == 0);
    for (size_t i = 0; i < Q; i++) sum += measured[i];
    CHECK(sum < 0.3 * N * Q);
    leati_projection_fini(&p);
    leati_free(bound);
    /* Noise in all directions: not worth it. */
    for (size_t i = 0; i < N * P; i++) x[i] = (float)leati_rng_normal(&rng);
    CHECK_OK(leati_projection_init(c, &p, &rows));
    CHECK_INT(p.dims, 0);
    leati_projection_fini(&p);
    leati_free(x);
}

static void knn_messages(leattest *t)
{
    leati_estimator *e = NULL;
    REQUIRE_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find("knn")));
    double x[3] = {1, 2, 3}, y[3] = {1, 2, 3};
    leati_dataset d = {.x = {.f64 = x, .rows = 3, .cols = 1, .stride = 1},
                       .features = features,
                       .task = LEATI_REGRESS,
                       .y = y};
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID, "n_neighbors|5|3 rows");
    leati_estimator_destroy(e);
}

/* Messages about a class give its name, by the numbers of the classes that the rows have. */
static void discriminant_messages(leattest *t)
{
    static char *const names[] = {"oak", "elm", "ash", "yew"};
    static const uint32_t named[] = {1, 3};
    static const uint32_t label[6] = {0, 0, 0, 0, 1, 1};
    static const double flat[12] = {1, 2, 2, 1, 3, 3, 4, 1, 5, 5, 5, 5};
    static const double points[12] = {1, 0.1, 1, 0.1, 1, 0.1, 1, 0.1, 2, 5, 2, 5};
    leati_dataset d = {.x = {.f64 = flat, .rows = 6, .cols = 2, .stride = 2},
                       .features = features,
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 2,
                       .class_names = names,
                       .named = named,
                       .seed = 1};
    leat_context *c = t->context;
    leati_estimator *qda = NULL, *lda = NULL;
    REQUIRE_OK(leati_estimator_create(c, &qda, leati_estimator_class_find("qda")));
    CHECK_FAILS(leati_estimator_fit(c, qda, &d), LEAT_INVALID, "class yew (2 rows|singular");
    d.named = NULL;
    CHECK_FAILS(leati_estimator_fit(c, qda, &d), LEAT_INVALID, "class elm (2 rows|singular");
    d.class_names = NULL;
    CHECK_FAILS(leati_estimator_fit(c, qda, &d), LEAT_INVALID, "class number 2 of 2 (2 rows");
    leati_estimator_destroy(qda);
    /* Every class a single point. */
    static const char *const solvers[] = {"svd", "lsqr", "eigen"};
    for (size_t i = 0; i < 3; i++) {
        REQUIRE_OK(leati_estimator_create(c, &lda, leati_estimator_class_find("lda")));
        REQUIRE_OK(leati_estimator_set(c, lda, "solver", solvers[i]));
        d.x.f64 = points;
        CHECK_FAILS(leati_estimator_fit(c, lda, &d), LEAT_INVALID,
                    "no feature varies|single point");
        leati_estimator_destroy(lda);
    }
}

/* Counts of enough rows for several tasks: the frequencies are exact for any number of threads,
 * and of several negative values the first is named. */
static void counts_in_parallel(leattest *t)
{
    enum { N = 20000, P = 16, K = 3 };
    static float x[N * P];
    static uint32_t label[N];
    static double sum[K * P];
    leati_rng rng;
    leati_rng_init(&rng, 3, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) {
        label[i] = leati_rng_below(&rng, K);
        for (size_t j = 0; j < P; j++) {
            x[i * P + j] = (float)leati_rng_below(&rng, 4);
            sum[label[i] * P + j] += (double)x[i * P + j];
        }
    }
    leati_feature names[P];
    for (size_t j = 0; j < P; j++) names[j] = (leati_feature){j == 7 ? "seven" : "other", 0};
    leati_dataset d = {.x = {.f32 = x, .rows = N, .cols = P, .stride = P},
                       .features = names,
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = K,
                       .seed = 1};
    for (unsigned threads = 1; threads <= 3; threads++) {
        leat_context_options o = leat_context_options_default();
        leat_context *c = NULL;
        o.threads = threads;
        REQUIRE(leat_context_create(&c, &o) == LEAT_OK);
        leati_estimator *e = NULL;
        REQUIRE(leati_estimator_create(c, &e, leati_estimator_class_find("multinomial_nb")) ==
                LEAT_OK);
        CHECK(leati_estimator_fit(c, e, &d) == LEAT_OK);
        const leati_nb_counts *n = (const leati_nb_counts *)e;
        for (size_t k = 0; k < K; k++) {
            double all = 0;
            for (size_t j = 0; j < P; j++) all += sum[k * P + j] + 1;
            for (size_t j = 0; j < P; j++)
                CHECK(n->log_prob[k * P + j] == log(sum[k * P + j] + 1) - log(all));
        }
        leati_estimator_destroy(e);
        leat_context_destroy(c);
    }
    x[15000 * P + 7] = x[15001 * P + 2] = x[19999 * P] = -1;
    leati_estimator *e = NULL;
    REQUIRE_OK(
        leati_estimator_create(t->context, &e, leati_estimator_class_find("multinomial_nb")));
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID,
                "row 15001 |'seven'|negative");
    leati_estimator_destroy(e);
}

/* Log likelihoods of the rows of d by lda. */
static void lda_decisions(leattest *t, const char *solver, const leati_dataset *d, double *out)
{
    leati_estimator *e = NULL;
    REQUIRE_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find("lda")));
    REQUIRE_OK(leati_estimator_set(t->context, e, "solver", solver));
    REQUIRE_OK(leati_estimator_fit(t->context, e, d));
    REQUIRE_OK(e->class->decision(e, t->context, &d->x, out));
    leati_estimator_destroy(e);
}

static leat_status fit_lda(leat_context *c, void *arg)
{
    leati_estimator *e = NULL;
    LEATI_TRY(leati_estimator_create(c, &e, leati_estimator_class_find("lda")));
    leat_status st = leati_estimator_fit(c, e, arg);
    leati_estimator_destroy(e);
    return st;
}

/* Rows in f32 give what the same rows in f64 do: to the precision of products in f32 where the
 * features are far from dependent, and to that of f64 where two of them differ by a thousandth,
 * which tells the classes apart. The last feature never varies. */
static void lda_in_single_precision(leattest *t)
{
    enum { N = 5000, P = 6, K = 2 };
    static double wide[N * P], want[N * K], got[N * K];
    static float x[N * P];
    static uint32_t label[N];
    static const char *const solvers[] = {"svd", "lsqr"};
    for (int run = 0; run < 4; run++) {
        bool close = run >= 2;
        leati_rng rng;
        leati_rng_init(&rng, 9, LEATI_RNG_TEST, 0);
        for (size_t i = 0; i < N; i++) {
            float *v = x + i * P;
            label[i] = (uint32_t)(i % K);
            for (size_t j = 0; j < P; j++) v[j] = (float)leati_rng_normal(&rng);
            if (close) v[1] = v[0] + 1e-3F * v[1] + (label[i] ? 2e-3F : 0);
            else v[1] += label[i] ? 2.0F : 0;
            v[P - 1] = 3;
            for (size_t j = 0; j < P; j++) wide[i * P + j] = (double)v[j];
        }
        leati_dataset d = {.x = {.f64 = wide, .rows = N, .cols = P, .stride = P},
                           .task = LEATI_CLASSIFY,
                           .label = label,
                           .classes = K,
                           .seed = 1};
        lda_decisions(t, solvers[run % 2], &d, want);
        d.x.f64 = NULL;
        d.x.f32 = x;
        lda_decisions(t, solvers[run % 2], &d, got);
        size_t right = 0;
        for (size_t i = 0; i < N; i++) {
            double a = want[i * K + 1] - want[i * K], b = got[i * K + 1] - got[i * K];
            CHECK_NEAR(b, a, close ? 1e-9 : 1e-4, close ? 1e-9 : 1e-4);
            right += (b > 0) == (label[i] == 1);
        }
        CHECK(right > N * 8 / 10);
        leattest_fail_allocations(t, fit_lda, &d);
    }
}

/* With fewer rows than features the products of the rows are decomposed, not those of the features.
 * Features that never vary change nothing but which of the two it is. */
static void lda_of_wide_rows(leattest *t)
{
    enum { N = 36, P = 12, WIDE = 200, K = 3 };
    static double x[N * WIDE], want[N * K], got[N * K];
    static uint32_t label[N];
    leati_rng rng;
    for (int dependent = 0; dependent < 2; dependent++) {
        leati_rng_init(&rng, 11, LEATI_RNG_TEST, 0);
        memset(x, 0, sizeof x);
        for (size_t i = 0; i < N; i++) {
            double *v = x + i * WIDE;
            label[i] = (uint32_t)(i % K);
            for (size_t j = 0; j < P; j++) v[j] = leati_rng_normal(&rng) * (double)(j + 1);
            v[1] += (double)label[i];
            if (dependent) v[2] = v[0] - v[1];
        }
        leati_dataset d = {.x = {.f64 = x, .rows = N, .cols = P, .stride = WIDE},
                           .task = LEATI_CLASSIFY,
                           .label = label,
                           .classes = K,
                           .seed = 1};
        lda_decisions(t, "svd", &d, want);
        d.x.cols = WIDE;
        lda_decisions(t, "svd", &d, got);
        for (size_t i = 0; i < N * K; i++) CHECK_NEAR(got[i], want[i], 1e-8, 1e-8);
        leattest_fail_allocations(t, fit_lda, &d);
    }
    /* More features than rows that all vary. */
    leati_rng_init(&rng, 12, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < N * WIDE; i++) x[i] = leati_rng_normal(&rng);
    size_t right = 0;
    for (size_t i = 0; i < N; i++) label[i] = x[i * WIDE] > 0;
    leati_dataset d = {.x = {.f64 = x, .rows = N, .cols = WIDE, .stride = WIDE},
                       .task = LEATI_CLASSIFY,
                       .label = label,
                       .classes = 2,
                       .seed = 1};
    lda_decisions(t, "svd", &d, got);
    for (size_t i = 0; i < N; i++) right += (got[2 * i + 1] > got[2 * i]) == label[i];
    CHECK(right > N * 2 / 3);
}

static const leattest_case cases[] = {TEST(answers),
                                      TEST(trees),
                                      TEST(categories),
                                      TEST(wide_codes),
                                      TEST(kdtree),
                                      TEST(projection),
                                      TEST(knn_messages),
                                      TEST(discriminant_messages),
                                      TEST(counts_in_parallel),
                                      TEST(lda_in_single_precision),
                                      TEST(lda_of_wide_rows)};
LEATTEST_MAIN(cases)
