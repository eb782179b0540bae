/* Graphs: recording, gradients, plans, variables, on every device. */
#include <leat/function.h>
#include <leat/graph.h>

#include "support/leattest.h"

static const char *const devices[] = {"reference", "simulated", "cpu"};

/* loss of a small network in f64, for values of its six inputs; gradients into out if not NULL. */
typedef struct net {
    leat_graph *g;
    leat_tensor *in[5], *loss, *grad[5];
} net;

static leat_shape shapes_of_net(int i)
{
    switch (i) {
    case 0: return LEAT_DIMS(7, 4);
    case 1: return LEAT_DIMS(4, 6);
    case 2: return LEAT_DIMS(6);
    case 3: return LEAT_DIMS(6, 3);
    default: return LEAT_DIMS(7, 3);
    }
}

static void record_net(net *n)
{
    for (int i = 0; i < 5; i++) n->in[i] = leat_input(n->g, LEAT_DTYPE_F64, shapes_of_net(i), NULL);
    leat_tensor *h = leat_tanh(leat_add(leat_matmul(n->in[0], n->in[1]), n->in[2]));
    leat_tensor *z = leat_matmul(h, n->in[3]);
    int last = 1;
    leat_tensor *e = leat_exp(leat_sub(z, leat_max(z, 1, &last, true)));
    leat_tensor *p = leat_div(e, leat_sum(e, 1, &last, true));
    leat_tensor *d = leat_sub(p, n->in[4]);
    n->loss = leat_mean(leat_mul(d, leat_mul(d, leat_sigmoid(d))), 0, NULL, false);
}

static double data[5][64];

static void fill_data(void)
{
    unsigned x = 12345;
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 64; k++) {
            x = x * 1664525u + 1013904223u;
            data[i][k] = (double)(x >> 8) / (1 << 24) * 2 - 1;
        }
}

static double loss_of(leattest *t, net *n)
{
    double y = 0;
    for (int i = 0; i < 5; i++) leat_bind(n->in[i], data[i]);
    CHECK_OK(leat_run(n->g, 1, &n->loss));
    CHECK_OK(leat_get(n->loss, &y, sizeof y));
    return y;
}

static void check_gradients(leattest *t, const char *device)
{
    net n = {0};
    fill_data();
    REQUIRE_OK(leat_graph_create(t->context, device, &n.g));
    record_net(&n);
    CHECK_OK(leat_gradients(n.loss, NULL, 5, n.in, n.grad));
    for (int i = 0; i < 5; i++) {
        double got[64];
        leat_shape s = shapes_of_net(i);
        size_t count = (size_t)(s.dim[0] * (s.rank > 1 ? s.dim[1] : 1));
        for (int k = 0; k < 5; k++) leat_bind(n.in[k], data[k]);
        CHECK_OK(leat_run(n.g, 1, &n.grad[i]));
        CHECK_OK(leat_get(n.grad[i], got, count * sizeof *got));
        for (size_t k = 0; k < count; k++) {
            double x = data[i][k], h = 1e-5;
            data[i][k] = x + h;
            double up = loss_of(t, &n);
            data[i][k] = x - h;
            double down = loss_of(t, &n);
            data[i][k] = x;
            if (!CHECK_NEAR(got[k], (up - down) / (2 * h), 1e-6, 1e-9)) break;
        }
    }
    leat_graph_destroy(n.g);
}

static void gradients_match_differences(leattest *t)
{
    for (size_t i = 0; i < 3; i++) check_gradients(t, devices[i]);
}

/* y = x^3: 3 x^2, 6 x, 6 by repeated differentiation. */
static void gradients_of_gradients(leattest *t)
{
    for (size_t i = 0; i < 3; i++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[i], &g));
        double x = 1.5, got[4];
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_SCALAR, &x), *y[4];
        y[0] = leat_mul(in, leat_mul(in, in));
        for (int k = 0; k < 3; k++) CHECK_OK(leat_gradients(y[k], NULL, 1, &in, &y[k + 1]));
        REQUIRE_OK(leat_run(g, 4, y));
        for (int k = 0; k < 4; k++) CHECK_OK(leat_get(y[k], &got[k], sizeof *got));
        CHECK_NEAR(got[0], 3.375, 1e-14, 0);
        CHECK_NEAR(got[1], 6.75, 1e-14, 0);
        CHECK_NEAR(got[2], 9, 1e-14, 0);
        CHECK_NEAR(got[3], 6, 1e-14, 0);
        leat_graph_destroy(g);
    }
}

/* Adam on a quadratic: the state is in variables, a step is one plan that is recorded anew every
 * time; all devices walk the same way. */
static void training_with_variables(leattest *t)
{
    float want[8] = {0};
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        float start[8] = {1, -2, 3, -4, 5, -6, 7, -8}, got[8], lr;
        leat_variable *p, *m, *v;
        REQUIRE_OK(leat_variable_create(g, "p", LEAT_DTYPE_F32, LEAT_DIMS(8), start, &p));
        REQUIRE_OK(leat_variable_create(g, "m", LEAT_DTYPE_F32, LEAT_DIMS(8), NULL, &m));
        REQUIRE_OK(leat_variable_create(g, "v", LEAT_DTYPE_F32, LEAT_DIMS(8), NULL, &v));
        for (int step = 1; step <= 200; step++) {
            leat_graph_clear(g);
            lr = 0.1f * sqrtf(1 - powf(0.999f, (float)step)) / (1 - powf(0.9f, (float)step));
            leat_tensor *rate = leat_input(g, LEAT_DTYPE_F32, LEAT_SCALAR, &lr), *x = leat_read(p),
                        *dx;
            leat_tensor *loss =
                leat_sum(leat_mul(leat_shift(x, -1), leat_shift(x, -1)), 0, NULL, 0);
            CHECK_OK(leat_gradients(loss, NULL, 1, &x, &dx));
            leat_tensor *m1 = leat_add(leat_scale(leat_read(m), 0.9), leat_scale(dx, 0.1));
            leat_tensor *v1 =
                leat_add(leat_scale(leat_read(v), 0.999), leat_scale(leat_mul(dx, dx), 0.001));
            leat_tensor *move = leat_div(leat_mul(rate, m1), leat_shift(leat_sqrt(v1), 1e-8));
            leat_tensor *roots[] = {leat_assign(p, leat_sub(x, move)), leat_assign(m, m1),
                                    leat_assign(v, v1), loss};
            REQUIRE_OK(leat_run(g, 4, roots));
        }
        CHECK_OK(leat_variable_get(p, got, sizeof got));
        for (int i = 0; i < 8; i++) {
            CHECK_NEAR(got[i], 1, 0.05, 0.05);
            if (d == 0) want[i] = got[i];
            CHECK_NEAR(got[i], want[i], 1e-4, 1e-5);
        }
        leat_graph_destroy(g);
    }
}

/* a, b = b, a: values before the run, whatever the order of assignment. */
static void assignments_are_simultaneous(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        double one = 1, two = 2, got;
        leat_variable *a, *b;
        REQUIRE_OK(leat_variable_create(g, "a", LEAT_DTYPE_F64, LEAT_SCALAR, &one, &a));
        REQUIRE_OK(leat_variable_create(g, "b", LEAT_DTYPE_F64, LEAT_SCALAR, &two, &b));
        leat_tensor *roots[] = {leat_assign(a, leat_read(b)),
                                leat_assign(b, leat_add(leat_read(a), leat_read(b)))};
        for (int i = 0; i < 2; i++) REQUIRE_OK(leat_run(g, 2, roots));
        CHECK_OK(leat_variable_get(a, &got, sizeof got));
        CHECK_NEAR(got, 3, 0, 0); /* (1,2) (2,3) (3,5) */
        CHECK_OK(leat_variable_get(b, &got, sizeof got));
        CHECK_NEAR(got, 5, 0, 0);
        leat_graph_destroy(g);
    }
}

/* Networks whose depth changes at every step, with one shared weight matrix. */
static void random_depth_with_shared_weights(leattest *t)
{
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    float w0[16], x[8 * 4], first = 0, loss = 0;
    for (int i = 0; i < 16; i++) w0[i] = (i % 5 == 0 ? 0.8f : 0.1f * (float)(i % 3 - 1));
    for (int i = 0; i < 32; i++) x[i] = (float)(i % 7) / 7 - 0.5f;
    leat_variable *w;
    REQUIRE_OK(leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(4, 4), w0, &w));
    for (int step = 0; step < 60; step++) {
        leat_graph_clear(g);
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(8, 4), x), *h = in,
                    *p = leat_read(w);
        leat_tensor *d;
        int depth = 1 + step * 7 % 4;
        for (int k = 0; k < depth; k++) h = leat_tanh(leat_matmul(h, p));
        leat_tensor *e = leat_sub(h, leat_scale(in, -0.5));
        leat_tensor *l = leat_mean(leat_mul(e, e), 0, NULL, false);
        CHECK_OK(leat_gradients(l, NULL, 1, &p, &d));
        leat_tensor *roots[] = {l, leat_assign(w, leat_sub(p, leat_scale(d, 0.5)))};
        REQUIRE_OK(leat_run(g, 2, roots));
        CHECK_OK(leat_get(l, &loss, sizeof loss));
        if (step == 0) first = loss;
    }
    CHECK(loss < first / 2);
    leat_graph_destroy(g);
}

static void errors_name_the_layer(leattest *t)
{
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_scope_push(g, "layer 3 `dense` (net.yaml:12)");
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(32, 784), NULL);
    leat_tensor *w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(780, 10), NULL);
    leat_tensor *y = leat_relu(leat_matmul(x, w));
    leat_scope_pop(g);
    CHECK(y == NULL);
    CHECK_FAILS(leat_run(g, 1, &y), LEAT_SHAPE, "layer 3 `dense` (net.yaml:12)|784|780");
    leat_graph_clear(g);
    y = leat_relu(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3), NULL));
    CHECK_FAILS(leat_run(g, 1, &y), LEAT_INVALID, "(3)|bind");
    leat_tensor *i = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(3), NULL);
    leat_scope_push(g, "encoder/1"); /* a name may look like two */
    leat_scope_push(g, "dense");
    leat_scope_pop(g);
    leat_scope_pop(g);
    CHECK(leat_exp(i) == NULL);
    CHECK(!strstr(leat_error_message(t->context), "encoder"));
    CHECK_FAILS(leat_error_status(t->context), LEAT_TYPE, "exp|floating point|i64");
    leat_graph_destroy(g);
}

static leat_status train_step(leat_context *c, void *arg)
{
    (void)arg;
    leat_graph *g;
    leat_status st = leat_graph_create(c, "cpu", &g);
    if (st != LEAT_OK) return st;
    leat_variable *w;
    float x[6] = {1, 2, 3, 4, 5, 6};
    st = leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(3, 2), NULL, &w);
    if (st == LEAT_OK) {
        leat_scope_push(g, "layer");
        leat_tensor *p = leat_read(w), *d = NULL;
        leat_tensor *y = leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), x), p);
        leat_tensor *l = leat_sum(leat_exp(y), 0, NULL, false);
        leat_scope_pop(g);
        st = leat_gradients(l, NULL, 1, &p, &d);
        leat_tensor *roots[] = {l, st == LEAT_OK ? leat_assign(w, leat_sub(p, d)) : NULL};
        if (st == LEAT_OK) st = leat_run(g, 2, roots);
        else st = leat_error_status(c);
    }
    leat_graph_destroy(g);
    return st;
}

static void failing_allocations(leattest *t)
{
    leattest_fail_allocations(t, train_step, NULL);
}

/* The gradient is that of the variable, whichever of its reads is asked for, its parts and the
 * whole included: y = sum(w^2) + sum(3 p) + 5 q, p being w[1..3) and q w[2]. */
static void gradients_belong_to_variables(leattest *t)
{
    for (size_t i = 0; i < 3; i++) {
        leat_graph *g;
        leat_variable *w, *p, *q;
        const float start[4] = {1, 2, 3, 4}, want[4] = {2, 7, 14, 8};
        float got[4], part[2], last, none[4];
        REQUIRE_OK(leat_graph_create(t->context, devices[i], &g));
        REQUIRE_OK(leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(2, 2), start, &w));
        REQUIRE_OK(leat_variable_part(w, "p", 1, LEAT_DIMS(2), &p));
        REQUIRE_OK(leat_variable_part(w, "q", 2, LEAT_DIMS(1, 1), &q));
        leat_tensor *before = leat_read(w),
                    *y = leat_sum(leat_mul(leat_read(w), leat_read(w)), 0, NULL, false);
        y = leat_add(y, leat_scale(leat_sum(leat_read(p), 0, NULL, false), 3));
        y = leat_add(y, leat_scale(leat_reshape(leat_read(q), LEAT_SCALAR), 5));
        leat_tensor *xs[5] = {before, leat_read(w), leat_read(p), leat_read(q)}, *d[5];
        CHECK_OK(leat_gradients(y, NULL, 4, xs, d));
        REQUIRE_OK(leat_run(g, 4, d));
        for (int k = 0; k < 2; k++) {
            CHECK_OK(leat_get(d[k], got, sizeof got));
            for (int j = 0; j < 4; j++) CHECK_NEAR((double)got[j], (double)want[j], 0, 0);
        }
        CHECK_OK(leat_get(d[2], part, sizeof part));
        CHECK(part[0] == want[1] && part[1] == want[2]);
        CHECK_OK(leat_get(d[3], &last, sizeof last));
        CHECK(last == want[2]);
        CHECK_OK(
            leat_gradients(leat_sum(leat_stop_gradient(before), 0, NULL, false), NULL, 1, xs, d));
        REQUIRE_OK(leat_run(g, 1, d));
        CHECK_OK(leat_get(d[0], none, sizeof none));
        for (int j = 0; j < 4; j++) CHECK(none[j] == 0);
        leat_graph_destroy(g);
    }
}

/* Clearing the error does not mend the graph: whoever goes on hears why nothing is recorded. */
static void broken_graphs_say_why(leattest *t)
{
    leat_graph *g;
    leat_context *c = t->context;
    const float values[6] = {0};
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    for (int k = 0; k < 4; k++) {
        leat_tensor *a = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), values), *d = NULL;
        leat_tensor *b = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4), values);
        leat_tensor *y = k == 3 ? leat_softmax(a, 5) : leat_add(a, b);
        CHECK(y == NULL && leat_error_status(c) == LEAT_SHAPE);
        leat_error_clear(c);
        const char *words = k == 3 ? "failed earlier|softmax|axis 5|leat_graph_clear"
                                   : "failed earlier|`add`|(2, 3)|leat_graph_clear";
        leat_status st = LEAT_OK;
        if (k == 0 || k == 3) CHECK(leat_relu(a) == NULL);
        else if (k == 1) st = leat_gradients(a, a, 1, &a, &d);
        else st = leat_run(g, 1, &y);
        CHECK(k == 0 || k == 3 || st == LEAT_SHAPE);
        CHECK_FAILS(leat_error_status(c), LEAT_SHAPE, words);
        leat_graph_clear(g);
        a = leat_relu(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), values));
        CHECK_OK(leat_run(g, 1, &a));
        leat_graph_clear(g);
    }
    leat_graph_destroy(g);
}

static void axes_are_given_once(leattest *t)
{
    leat_graph *g;
    const float values[6] = {0};
    static const int twice[2] = {0, -2};
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    for (int k = 0; k < 6; k++) {
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 6), values), *y = x;
        if (k == 0) y = leat_sum(x, 2, twice, false);
        if (k == 1) y = leat_mean(x, 2, twice, true);
        if (k == 2) y = leat_max(x, 2, twice, false);
        if (k == 3) y = leat_flip(x, 2, twice);
        if (k == 4) y = leat_squeeze(x, 2, twice);
        if (k == 5) y = leat_logsumexp(x, 2, twice, false);
        CHECK(y == NULL);
        CHECK_FAILS(leat_error_status(t->context), LEAT_SHAPE, "axis 0 is given twice");
        leat_graph_clear(g);
    }
    leat_graph_destroy(g);
}

static void only_inputs_are_bound(leattest *t)
{
    leat_graph *g;
    const float values[2] = {-1, 2};
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2), NULL), *y = leat_relu(x);
    leat_bind(NULL, values);
    leat_bind(x, values);
    CHECK_OK(leat_run(g, 1, &y));
    leat_bind(y, values);
    CHECK_FAILS(leat_run(g, 1, &y), LEAT_INVALID, "`relu`|leat_input|(2)");
    CHECK_OK(leat_run(g, 1, &y));
    leat_graph_destroy(g);
}

static void no_roots_are_nothing(leattest *t)
{
    leat_graph *g;
    const float values[2] = {-1, 2};
    float got[2] = {0};
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    CHECK_OK(leat_run(g, 0, NULL));
    leat_tensor *y = leat_relu(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2), values));
    CHECK_OK(leat_run(g, 1, &y));
    CHECK_OK(leat_run(g, 0, NULL));
    CHECK_OK(leat_get(y, got, sizeof got)); /* what was computed stays */
    CHECK(got[0] == 0 && got[1] == 2);
    leat_graph_destroy(g);
}

static void deviations_are_not_negative(leattest *t)
{
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    for (int k = 0; k < 2; k++) {
        leat_tensor *key = leat_random_key(g, 1, 0);
        leat_tensor *y = (k ? leat_random_truncated : leat_random_normal)(key, 0, LEAT_DTYPE_F32,
                                                                          LEAT_DIMS(2), 1, -1);
        CHECK(y == NULL);
        CHECK_FAILS(leat_error_status(t->context), LEAT_INVALID, "deviation is -1|0 or more");
        leat_graph_clear(g);
    }
    leat_tensor *still =
        leat_random_normal(leat_random_key(g, 1, 0), 0, LEAT_DTYPE_F32, LEAT_DIMS(2), 3, 0);
    float got[2] = {0};
    CHECK_OK(leat_run(g, 1, &still));
    CHECK_OK(leat_get(still, got, sizeof got));
    CHECK(got[0] == 3 && got[1] == 3);
    leat_graph_destroy(g);
}

static void one_dimension_is_left_open(leattest *t)
{
    leat_graph *g;
    const float values[6] = {0};
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), values);
    CHECK(leat_reshape(x, LEAT_DIMS(-1, -1)) == NULL);
    CHECK_FAILS(leat_error_status(t->context), LEAT_SHAPE, "(-1, -1)|only one dimension");
    leat_graph_destroy(g);
}

/* What is too large is named, in units that fit. */
static void memory_is_told_by_what_needs_it(leattest *t)
{
    leat_graph *g;
    leat_context *c;
    leat_context_options small = leat_context_options_default();
    small.max_bytes = 1 << 30;
    REQUIRE_OK(leat_context_create(&c, &small));
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    leat_scope_push(g, "scores");
    leat_tensor *x = leat_arange(g, LEAT_DTYPE_F32, 0, 4e6, 1);
    leat_tensor *y = leat_softmax(
        leat_mul(leat_reshape(x, LEAT_DIMS(-1, 1)), leat_reshape(x, LEAT_DIMS(1, -1))), -1);
    leat_scope_pop(g);
    leat_status st = leat_run(g, 1, &y);
    CHECK(st == LEAT_NOMEM || st == LEAT_LIMIT);
    CHECK(strstr(leat_error_message(c), "TB at once"));
    CHECK(strstr(leat_error_message(c), "the largest value 64 TB: scores: `"));
    CHECK(strstr(leat_error_message(c), "f32 of shape (4000000, 4000000)"));
    leat_graph_destroy(g);
    leat_context_destroy(c);
}

/* As graph.h says of numbers at and beyond the ends of their types. */
static void integers_at_their_ends(leattest *t)
{
    for (size_t i = 0; i < 3; i++) {
        leat_graph *g;
        const int32_t a[2] = {7, -7}, zero[2] = {0};
        const int8_t narrow[2] = {100, 100};
        const double real[5] = {-2.7, 2.7, NAN, 1e30, -1e30};
        int32_t quotient[2] = {1, 1}, rest[2] = {1, 1}, whole[5];
        int8_t sum, low[2];
        float top, bottom;
        REQUIRE_OK(leat_graph_create(t->context, devices[i], &g));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_I32, LEAT_DIMS(2), a);
        leat_tensor *z = leat_input(g, LEAT_DTYPE_I32, LEAT_DIMS(2), zero);
        leat_tensor *n = leat_input(g, LEAT_DTYPE_I8, LEAT_DIMS(2), narrow);
        leat_tensor *r = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(5), real);
        leat_tensor *none = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(0), NULL);
        leat_tensor *y[] = {leat_div(x, z),
                            leat_mod(x, z),
                            leat_sum(n, 0, NULL, false),
                            leat_cast(r, LEAT_DTYPE_I32),
                            leat_cast(leat_shift(x, 300), LEAT_DTYPE_I8),
                            leat_max(none, 0, NULL, false),
                            leat_min(none, 0, NULL, false)};
        REQUIRE_OK(leat_run(g, 7, y));
        CHECK_OK(leat_get(y[0], quotient, sizeof quotient));
        CHECK_OK(leat_get(y[1], rest, sizeof rest));
        CHECK_OK(leat_get(y[2], &sum, sizeof sum));
        CHECK_OK(leat_get(y[3], whole, sizeof whole));
        CHECK_OK(leat_get(y[4], low, sizeof low));
        CHECK_OK(leat_get(y[5], &top, sizeof top));
        CHECK_OK(leat_get(y[6], &bottom, sizeof bottom));
        for (int k = 0; k < 2; k++) CHECK(quotient[k] == 0 && rest[k] == 0);
        CHECK_INT(sum, -56);
        CHECK(whole[0] == -2 && whole[1] == 2 && whole[2] == 0);
        CHECK(whole[3] == INT32_MAX && whole[4] == INT32_MIN);
        CHECK_INT(low[0], 307 - 256);
        CHECK_INT(low[1], 293 - 256);
        CHECK(top == -INFINITY && bottom == INFINITY);
        leat_graph_destroy(g);
    }
}

/* Messages name what was called, and not what it is made of. */
static void messages_name_what_was_called(leattest *t)
{
    static const char *const names[] = {
        "`mean`",   "`var`",     "`gelu`",      "`layer_norm`",   "`einsum`",
        "`norm`",   "`take`",    "`narrow`",    "`squeeze`",      "`sum`",
        "`arange`", "`dropout`", "`embedding`", "`scale`",        "`mse`",
        "`clip`",   "`add`",     "`pool_max`",  "`scatter_along`"};
    enum { COUNT = sizeof names / sizeof *names };
    static const int axes[2] = {5, 0};
    const float values[6] = {0};
    leat_window window = leat_window_default();
    leat_graph *g, *other;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    REQUIRE_OK(leat_graph_create(t->context, NULL, &other));
    for (int k = 0; k < COUNT; k++) {
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 3), values), *index;
        leat_tensor *b = leat_input(g, LEAT_DTYPE_BOOL, LEAT_DIMS(2, 3), values), *y = x;
        leat_tensor *foreign = leat_random_key(other, 1, 0), *pair[2] = {x, foreign};
        if (k == 0) y = leat_mean(x, 1, axes, false);
        if (k == 1) y = leat_var(x, 1, axes, false, 0);
        if (k == 2) y = leat_gelu(b);
        if (k == 3) y = leat_layer_norm(x, 1, b, NULL, 1e-5);
        if (k == 4) y = leat_einsum("ij,ij->ij", 2, pair);
        if (k == 5) y = leat_norm(x, 3, 1, axes, false);
        if (k == 6) y = leat_take(x, x, 0);
        if (k == 7) y = leat_narrow(x, 5, 0, 1);
        if (k == 8) y = leat_squeeze(x, 1, axes);
        if (k == 9) y = leat_sum(b, 0, NULL, false);
        if (k == 10) y = leat_arange(g, LEAT_DTYPE_F32, 0, 1, 0);
        if (k == 11) y = leat_dropout(x, 0.5, foreign, 0, 0);
        if (k == 12) y = leat_embedding(x, x);
        if (k == 13) y = leat_scale(b, 2);
        if (k == 14) y = leat_mse(x, b, LEAT_REDUCE_MEAN);
        if (k == 15) y = leat_clip(leat_add(b, b), 0, 1);
        if (k == 16) y = leat_add(leat_relu(x), b);
        if (k == 17) y = leat_pool_max(x, &window, &index);
        if (k == 18) y = leat_scatter_along(x, x, x, 0, LEAT_SCATTER_SET);
        CHECK(y == NULL);
        CHECK_FAILS(leat_error_status(t->context), leat_error_status(t->context),
                    k == 15 ? "`add`" : names[k]);
        leat_graph_clear(g);
        leat_graph_clear(other);
    }
    leat_graph_destroy(g);
    leat_graph_destroy(other);
}

static const leattest_case cases[] = {TEST(gradients_match_differences),
                                      TEST(gradients_of_gradients),
                                      TEST(training_with_variables),
                                      TEST(assignments_are_simultaneous),
                                      TEST(random_depth_with_shared_weights),
                                      TEST(errors_name_the_layer),
                                      TEST(gradients_belong_to_variables),
                                      TEST(broken_graphs_say_why),
                                      TEST(axes_are_given_once),
                                      TEST(only_inputs_are_bound),
                                      TEST(no_roots_are_nothing),
                                      TEST(deviations_are_not_negative),
                                      TEST(one_dimension_is_left_open),
                                      TEST(memory_is_told_by_what_needs_it),
                                      TEST(integers_at_their_ends),
                                      TEST(messages_name_what_was_called),
                                      TEST(failing_allocations)};
LEATTEST_MAIN(cases)
