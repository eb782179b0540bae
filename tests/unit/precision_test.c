/* Products and convolutions in bf16: every device against the same sums in f64, gradients and
 * training against f32, equal weights for any number of threads, models and what overrules them. */
#include <string.h>

#include <leat/function.h>
#include <leat/network.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "learn/estimator.h"
#include "learn/pipeline.h"
#include "support/arrays.h"
#include "support/leattest.h"

/* ---- single operations ----------------------------------------------------------------------- */

enum { ROOM = 20000 };

/* y of a and b; a and b have the shapes given. */
typedef struct sample {
    const char *name;
    leat_shape a, b;
    leat_tensor *(*build)(leat_tensor *a, leat_tensor *b);
    int terms; /* of a sum, at most */
} sample;

static leat_tensor *plain(leat_tensor *a, leat_tensor *b)
{
    return leat_matmul(a, b);
}

static leat_tensor *turned(leat_tensor *a, leat_tensor *b)
{
    return leat_matmul_t(a, true, b, true);
}

static leat_tensor *convolved(leat_tensor *a, leat_tensor *b)
{
    leat_window w = leat_window_default();
    w.channels_last = true;
    w.pad_low[0] = w.pad_high[1] = 1;
    return leat_conv(a, b, &w);
}

static leat_tensor *strided(leat_tensor *a, leat_tensor *b)
{
    leat_window w = leat_window_default();
    w.stride[0] = w.stride[1] = 2;
    return leat_conv(a, b, &w);
}

static leat_tensor *grouped(leat_tensor *a, leat_tensor *b)
{
    leat_window w = leat_window_default();
    w.groups = 3;
    return leat_conv(a, b, &w);
}

static leat_tensor *deep(leat_tensor *a, leat_tensor *b)
{
    leat_window w = leat_window_default();
    w.pad_low[0] = 1;
    return leat_conv(a, b, &w);
}

static const sample samples[] = {
    {"matmul", {2, {37, 65}}, {2, {65, 48}}, plain, 65},
    {"matmul transposed", {2, {65, 37}}, {2, {48, 65}}, turned, 65},
    {"matmul in batches", {3, {5, 9, 30}}, {3, {5, 30, 11}}, plain, 30},
    {"matmul broadcast", {4, {2, 1, 9, 30}}, {3, {3, 30, 11}}, plain, 60},
    {"conv", {4, {2, 9, 8, 16}}, {4, {20, 16, 3, 3}}, convolved, 160},
    {"conv of one channel", {4, {2, 9, 7, 1}}, {4, {6, 1, 3, 3}}, convolved, 130},
    {"conv with strides", {4, {2, 3, 9, 11}}, {4, {5, 3, 3, 3}}, strided, 60},
    {"conv in groups", {4, {2, 9, 6, 5}}, {4, {6, 3, 3, 2}}, grouped, 40},
    {"conv in three dimensions", {5, {1, 3, 4, 5, 6}}, {5, {4, 3, 2, 2, 3}}, deep, 80}};

typedef struct values {
    float y[ROOM], da[ROOM], db[ROOM];
    size_t count[3];
} values;

static void draw(uint64_t seed, size_t n, float *x)
{
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_TEST, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(leati_rng_uniform(&rng) - 0.5);
}

/* y and the gradients of the sum of y * r, r random: products of leaves, all of them. */
static leat_status compute(leat_context *c, const char *device, const sample *s, bool half,
                           values *v)
{
    static float a[ROOM], b[ROOM], r[ROOM];
    leat_graph *g = NULL;
    leat_status st;
    draw(1, leattest_count(s->a), a);
    draw(2, leattest_count(s->b), b);
    LEATI_GO(leat_graph_create(c, device, &g));
    LEATI_GO(leat_graph_set_precision(g, half ? LEAT_DTYPE_BF16 : LEAT_DTYPE_F32));
    leat_tensor *in[2] = {leat_input(g, LEAT_DTYPE_F32, s->a, a),
                          leat_input(g, LEAT_DTYPE_F32, s->b, b)};
    leat_tensor *root[3] = {s->build(in[0], in[1])};
    LEATI_GO(root[0] ? LEAT_OK : leat_error_status(c));
    draw(3, leattest_count(leat_tensor_shape(root[0])), r);
    leat_tensor *weight = leat_input(g, LEAT_DTYPE_F32, leat_tensor_shape(root[0]), r);
    leat_tensor *loss = leat_sum(leat_mul(root[0], weight), 0, NULL, false);
    LEATI_GO(leat_gradients(loss, NULL, 2, in, root + 1));
    LEATI_GO(leat_run(g, 3, root));
    float *out[3] = {v->y, v->da, v->db};
    for (int i = 0; i < 3; i++) {
        v->count[i] = leattest_count(leat_tensor_shape(root[i]));
        LEATI_GO(leat_get(root[i], out[i], v->count[i] * sizeof(float)));
    }
out:
    leat_graph_destroy(g);
    return st;
}

/* The largest difference. */
static double apart(const values *x, const values *y)
{
    double most = 0;
    for (int i = 0; i < 3; i++) {
        const float *p = i == 0 ? x->y : i == 1 ? x->da : x->db;
        const float *q = i == 0 ? y->y : i == 1 ? y->da : y->db;
        for (size_t k = 0; k < x->count[i]; k++)
            most = fmax(most, fabs((double)p[k] - (double)q[k]));
    }
    return most;
}

static void devices_agree(leattest *t)
{
    static const char *const devices[] = {"cpu", "simulated"};
    static values want, exact, got;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const sample *s = &samples[i];
        REQUIRE_OK(compute(t->context, "reference", s, true, &want));
        REQUIRE_OK(compute(t->context, "reference", s, false, &exact));
        /* Factors below 1/2 are rounded by at most 2^-10, so a term moves by at most 2^-10. */
        double moved = apart(&want, &exact);
        CHECK(moved > 0 && moved < s->terms / 1024.0);
        for (int k = 0; k < 2; k++) {
            REQUIRE_OK(compute(t->context, devices[k], s, true, &got));
            CHECK(memcmp(got.count, want.count, sizeof got.count) == 0);
            /* the same terms, one rounding each of a sum below terms / 4 */
            double error = apart(&got, &want);
            if (!CHECK(error < s->terms * s->terms / 4.0 / (1 << 24)))
                printf("    %s on %s: %g\n", s->name, devices[k], error);
        }
    }
}

/* ---- gradients of a network ------------------------------------------------------------------ */

static const char *const cnn = "reshape(8, 8, 1); conv2d(8, 3, padding=same, activation=relu); "
                               "max_pool2d; conv2d(16, 3, padding=same, activation=relu); "
                               "max_pool2d; flatten; dense(32, activation=relu); dense(4)";
static const char *const smooth = "reshape(8, 8, 1); conv2d(8, 3, padding=same, activation=tanh); "
                                  "average_pool2d; conv2d(16, 3, padding=same, activation=tanh); "
                                  "average_pool2d; flatten; dense(32, activation=tanh); dense(4)";
enum { ROWS = 400, COLS = 64, CLASSES = 4, BATCH = 32 };

typedef struct pictures {
    float x[ROWS * COLS];
    uint32_t label[ROWS];
    int64_t wide[ROWS];
} pictures;

/* A bright bar in one of four directions, in noise. */
static void draw_pictures(uint64_t seed, pictures *p)
{
    leati_rng rng;
    leati_rng_init(&rng, seed, LEATI_RNG_TEST, 0);
    for (int i = 0; i < ROWS; i++) {
        int way = i % CLASSES, at = 1 + (int)leati_rng_below(&rng, 6);
        p->wide[i] = p->label[i] = (uint32_t)way;
        for (int k = 0; k < COLS; k++) {
            int x = k % 8, y = k / 8;
            bool on = way == 0   ? x == at
                      : way == 1 ? y == at
                      : way == 2 ? x - y == at - 4
                                 : x + y == at + 3;
            p->x[i * COLS + k] = (float)(on + 0.3 * leati_rng_normal(&rng));
        }
    }
}

enum { WEIGHTS = 8 };

static leat_status read_weights(const leat_network *n, float *flat, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < WEIGHTS; i++) {
        leat_variable *v = leat_network_variable(n, i);
        size_t k = leattest_count(leat_variable_shape(v));
        if (*count + k > ROOM) return LEAT_LIMIT;
        leat_status st = leat_variable_get(v, flat + *count, k * sizeof *flat);
        if (st != LEAT_OK) return st;
        *count += k;
    }
    return LEAT_OK;
}

/* All gradients of one batch: the difference that a step of plain descent at rate 1 makes. */
static leat_status network_gradient(leat_context *c, const char *layers, const pictures *p,
                                    bool half, float *flat, size_t *count)
{
    static float after[ROOM];
    leat_graph *g = NULL;
    leat_network *n = NULL;
    leat_optimizer *o = NULL;
    leat_status st;
    LEATI_GO(leat_graph_create(c, NULL, &g));
    LEATI_GO(leat_graph_set_precision(g, half ? LEAT_DTYPE_BF16 : LEAT_DTYPE_F32));
    LEATI_GO(leat_network_create(g, layers, LEAT_DIMS(COLS), 5, &n));
    LEATI_GO(leat_optimizer_create(n, "sgd", &o));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(BATCH, COLS), p->x);
    leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(BATCH), p->wide);
    leat_tensor *out = leat_network_build(n, x, true);
    LEATI_GO(leat_optimizer_record(o, leat_network_loss(n, "cross_entropy", out, y)));
    LEATI_GO(read_weights(n, flat, count));
    LEATI_GO(leat_optimizer_run(o, 1));
    LEATI_GO(read_weights(n, after, count));
    for (size_t i = 0; i < *count; i++) flat[i] -= after[i];
out:
    leat_optimizer_destroy(o);
    leat_network_destroy(n);
    leat_graph_destroy(g);
    return st;
}

/* The cosine of the gradients in f32 and bf16 must be above `least`. */
static void compare_gradients(leattest *t, const char *layers, double least)
{
    static pictures p;
    static float full[ROOM], half[ROOM];
    size_t n, m;
    draw_pictures(1, &p);
    REQUIRE_OK(network_gradient(t->context, layers, &p, false, full, &n));
    REQUIRE_OK(network_gradient(t->context, layers, &p, true, half, &m));
    CHECK(n == m && n > 3000);
    double dot = 0, a = 0, b = 0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)full[i] * (double)half[i];
        a += (double)full[i] * (double)full[i];
        b += (double)half[i] * (double)half[i];
    }
    CHECK(memcmp(full, half, n * sizeof *full) != 0);
    if (!CHECK(dot / sqrt(a * b) > least)) printf("    cosine %.6f\n", dot / sqrt(a * b));
    CHECK(fabs(sqrt(b / a) - 1) < 0.01);
}

/* Factors move by at most 2^-9 of themselves, over four layers there and back. Where a pool or a
 * ReLU takes the other side, a path counts whole: with one in a thousand of them the angle's sine
 * is 0.03. */
static void gradients_point_the_same_way(leattest *t)
{
    compare_gradients(t, smooth, 0.9999);
    compare_gradients(t, cnn, 0.998);
}

/* ---- the estimator ----------------------------------------------------------------------------
 */

static leati_dataset dataset(const pictures *p)
{
    return (leati_dataset){.x = {.f32 = p->x, .rows = ROWS, .cols = COLS, .stride = COLS},
                           .task = LEATI_CLASSIFY,
                           .label = p->label,
                           .classes = CLASSES,
                           .seed = 3};
}

static leat_status fit(leat_context *c, const pictures *p, const char *precision,
                       leati_estimator **out)
{
    leati_dataset d = dataset(p);
    leati_estimator *e = NULL;
    leat_status st;
    LEATI_GO(leati_estimator_create(c, &e, leati_estimator_class_find("network")));
    LEATI_GO(leati_estimator_set(c, e, "layers", cnn));
    LEATI_GO(leati_estimator_set(c, e, "epochs", "12"));
    LEATI_GO(leati_estimator_set(c, e, "learning_rate", "0.003"));
    LEATI_GO(leati_estimator_set(c, e, "precision", precision));
    LEATI_GO(leati_estimator_fit(c, e, &d));
out:
    if (st == LEAT_OK) *out = e;
    else leati_estimator_destroy(e);
    return st;
}

static leat_status answer(leat_context *c, const leati_estimator *e, const pictures *p, double *out)
{
    leati_matrix x = {.f32 = p->x, .rows = ROWS, .cols = COLS, .stride = COLS};
    return leati_estimator_proba(c, e, &x, out);
}

static double accuracy(const pictures *p, const double *proba)
{
    int hits = 0;
    for (int i = 0; i < ROWS; i++) {
        size_t best = 0;
        for (size_t k = 1; k < CLASSES; k++)
            if (proba[i * CLASSES + (int)k] > proba[i * CLASSES + (int)best]) best = k;
        hits += best == p->label[i];
    }
    return hits / (double)ROWS;
}

static leat_context *context_of(unsigned threads, leat_precision precision)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c = NULL;
    o.threads = threads;
    o.precision = precision;
    return leat_context_create(&c, &o) == LEAT_OK ? c : NULL;
}

static void training_is_as_good(leattest *t)
{
    static pictures p, test;
    static double full[ROWS * CLASSES], half[ROWS * CLASSES];
    leati_estimator *e;
    draw_pictures(1, &p);
    draw_pictures(2, &test);
    REQUIRE_OK(fit(t->context, &p, "f32", &e));
    CHECK_OK(answer(t->context, e, &test, full));
    leati_estimator_destroy(e);
    REQUIRE_OK(fit(t->context, &p, "bf16", &e));
    CHECK_OK(answer(t->context, e, &test, half));
    leati_estimator_destroy(e);
    CHECK(memcmp(full, half, sizeof full) != 0);
    double a = accuracy(&test, full), b = accuracy(&test, half);
    if (!CHECK(a > 0.9 && b > a - 0.03)) printf("    f32 %g, bf16 %g\n", a, b);
}

/* Threads do not matter; what a context asks for overrules how a model was trained. */
static void precision_of_the_context(leattest *t)
{
    static pictures p;
    static double own[2][ROWS * CLASSES], asked[3][ROWS * CLASSES];
    leati_estimator *e[2];
    draw_pictures(1, &p);
    for (unsigned threads = 1; threads <= 2; threads++) {
        leat_context *c = context_of(threads, LEAT_PRECISION_OF_MODEL);
        REQUIRE(c && fit(c, &p, "bf16", &e[threads - 1]) == LEAT_OK);
        CHECK_OK(answer(c, e[threads - 1], &p, own[threads - 1]));
        leat_context_destroy(c);
    }
    CHECK(memcmp(own[0], own[1], sizeof own[0]) == 0);
    leati_estimator_destroy(e[1]);
    for (int i = 0; i < 3; i++) {
        leat_context *c = context_of(2, (leat_precision)i);
        REQUIRE(c);
        CHECK(leat_context_precision(c) == (leat_precision)i);
        CHECK_OK(answer(c, e[0], &p, asked[i]));
        leat_context_destroy(c);
    }
    CHECK(memcmp(own[0], asked[LEAT_PRECISION_OF_MODEL], sizeof own[0]) == 0);
    CHECK(memcmp(own[0], asked[LEAT_PRECISION_BF16], sizeof own[0]) == 0);
    CHECK(memcmp(own[0], asked[LEAT_PRECISION_F32], sizeof own[0]) != 0);
    double apart = 0;
    for (int i = 0; i < ROWS * CLASSES; i++)
        apart = fmax(apart, fabs(own[0][i] - asked[LEAT_PRECISION_F32][i]));
    CHECK(apart < 0.05);
    leati_estimator_destroy(e[0]);
    leat_context *none;
    leat_context_options o = leat_context_options_default();
    o.precision = (leat_precision)3;
    CHECK(leat_context_create(&none, &o) == LEAT_INVALID);
}

static void refused(leattest *t)
{
    static pictures p;
    leati_estimator *e;
    leati_dataset d = dataset(&p);
    draw_pictures(1, &p);
    REQUIRE_OK(leati_estimator_create(t->context, &e, leati_estimator_class_find("network")));
    CHECK_FAILS(leati_estimator_set(t->context, e, "precision", "f16"), LEAT_INVALID, "f32|bf16");
    CHECK_OK(leati_estimator_set(t->context, e, "precision", "bf16"));
    CHECK_OK(leati_estimator_set(t->context, e, "optimizer", "lbfgs"));
    CHECK_FAILS(leati_estimator_fit(t->context, e, &d), LEAT_INVALID, "precision=bf16|lbfgs");
    leati_estimator_destroy(e);
}

static leat_status compute_once(leat_context *c, void *arg)
{
    static values v;
    return compute(c, "cpu", arg, true, &v);
}

static void without_memory(leattest *t)
{
    static const size_t which[] = {0, 4, 7};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++)
        leattest_fail_allocations(t, compute_once, (void *)&samples[which[i]]);
}

static const leattest_case list[] = {TEST(devices_agree),
                                     TEST(gradients_point_the_same_way),
                                     TEST(training_is_as_good),
                                     TEST(precision_of_the_context),
                                     TEST(refused),
                                     TEST(without_memory)};
LEATTEST_MAIN(list)
