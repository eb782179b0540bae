/* Functions of networks that are written with other operations. */
#include <leat/function.h>

#include <math.h>
#include <string.h>

#include "graph/plan.h"
#include "support/opcheck.h"

#define UNARY(name, ...)                                                                           \
    static leat_tensor *f_##name(leat_tensor *const *in, const void *arg)                          \
    {                                                                                              \
        (void)arg;                                                                                 \
        return leat_##name(in[0] __VA_ARGS__);                                                     \
    }
UNARY(gelu)
UNARY(gelu_tanh)
UNARY(silu)
UNARY(mish)
UNARY(clip, , -0.4, 0.9)
UNARY(hard_sigmoid, , 0.3, 0.4)
UNARY(hard_swish)
UNARY(elu, , 1.3)
UNARY(selu)
UNARY(celu, , 0.7)
UNARY(leaky_relu, , 0.1)
UNARY(prelu, , in[1])
UNARY(softsign)
UNARY(log_sigmoid)
UNARY(mse, , in[1], LEAT_REDUCE_MEAN)
UNARY(mae, , in[1], LEAT_REDUCE_SUM)
UNARY(huber, , in[1], 0.4, LEAT_REDUCE_NONE)
UNARY(hinge, , in[1], LEAT_REDUCE_MEAN)
UNARY(bce_logits, , in[1], in[2], LEAT_REDUCE_MEAN)
UNARY(kl, , in[1], false, LEAT_REDUCE_BATCH)
UNARY(triplet, , in[1], in[2], 0.5, LEAT_REDUCE_MEAN)
UNARY(rms_norm, , 1, in[1], 1e-5)
UNARY(layer_norm, , 2, in[1], in[2], 1e-5)
UNARY(group_norm, , 2, in[1], in[2], true, 1e-5)
UNARY(instance_norm, , in[1], in[2], false, 1e-5)

static leat_tensor *f_bce_plain(leat_tensor *const *in, const void *arg)
{
    (void)arg;
    return leat_bce_logits(in[0], in[1], NULL, LEAT_REDUCE_SUM);
}

static leat_tensor *f_kl_log(leat_tensor *const *in, const void *arg)
{
    (void)arg;
    return leat_kl(in[0], in[1], true, LEAT_REDUCE_SUM);
}

static leat_tensor *f_batch_norm(leat_tensor *const *in, const void *arg)
{
    leat_tensor *mean, *variance;
    return leat_batch_norm_train(in[0], in[1], in[2], *(const bool *)arg, 1e-5, &mean, &variance);
}

static leat_tensor *f_batch_norm_run(leat_tensor *const *in, const void *arg)
{
    return leat_batch_norm(in[0], in[1], in[2], in[3], in[4], *(const bool *)arg, 1e-5);
}

static leat_tensor *f_global_avg(leat_tensor *const *in, const void *arg)
{
    return leat_pool_global_avg(in[0], *(const bool *)arg);
}

static leat_tensor *f_global_max(leat_tensor *const *in, const void *arg)
{
    return leat_pool_global_max(in[0], *(const bool *)arg);
}

static void run_all(leattest *t, const opcheck *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) opcheck_run(t, &cases[i]);
}
#define RUN_ALL(cases) run_all(t, cases, sizeof(cases) / sizeof *(cases))

static void activations(leattest *t)
{
#define ROW(name)                                                                                  \
    {                                                                                              \
        OPCHECK(#name, f_##name, NULL, LEAT_DIMS(7, 5)), .low = -4, .high = 4                      \
    }
    const opcheck cases[] = {
        ROW(gelu),        ROW(gelu_tanh),
        ROW(silu),        ROW(mish),
        ROW(clip),        ROW(hard_sigmoid),
        ROW(hard_swish),  ROW(elu),
        ROW(selu),        ROW(celu),
        ROW(leaky_relu),  ROW(softsign),
        ROW(log_sigmoid), {OPCHECK("prelu", f_prelu, NULL, LEAT_DIMS(3, 4, 5), LEAT_DIMS(4, 1))}};
#undef ROW
    RUN_ALL(cases);
}

static void losses(leattest *t)
{
    leat_shape s = LEAT_DIMS(6, 4);
    const opcheck cases[] = {{OPCHECK("mse", f_mse, NULL, s, s), .second_order = true},
                             {OPCHECK("mae", f_mae, NULL, s, s)},
                             {OPCHECK("huber", f_huber, NULL, s, s)},
                             {OPCHECK("hinge", f_hinge, NULL, s, s)},
                             {OPCHECK("bce", f_bce_plain, NULL, s, s), .low = 0.05, .high = 0.95},
                             {OPCHECK("bce weighted", f_bce_logits, NULL, s, s, LEAT_DIMS(4)),
                              .low = 0.05, .high = 0.95},
                             {OPCHECK("kl", f_kl, NULL, s, s), .low = 0.05, .high = 0.95},
                             {OPCHECK("kl log", f_kl_log, NULL, s, s), .low = -3, .high = -0.1},
                             {OPCHECK("triplet", f_triplet, NULL, s, s, s)}};
    RUN_ALL(cases);
}

static void normalisations(leattest *t)
{
    static const bool last = true, first = false;
    leat_shape c = LEAT_DIMS(4), x = LEAT_DIMS(3, 4, 2, 3), y = LEAT_DIMS(3, 2, 3, 4);
    const opcheck cases[] = {
        {OPCHECK("rms norm", f_rms_norm, NULL, LEAT_DIMS(5, 6), LEAT_DIMS(6))},
        {OPCHECK("layer norm", f_layer_norm, NULL, LEAT_DIMS(3, 4, 2), LEAT_DIMS(4, 2),
                 LEAT_DIMS(4, 2)),
         .second_order = true},
        {OPCHECK("group norm", f_group_norm, NULL, y, c, c)},
        {OPCHECK("instance norm", f_instance_norm, NULL, x, c, c)},
        {OPCHECK("batch norm", f_batch_norm, &first, x, c, c)},
        {OPCHECK("batch norm last", f_batch_norm, &last, y, c, c), .second_order = true},
        {OPCHECK("batch norm run", f_batch_norm_run, &first, x, c, c, c, c), .low = 0.1, .high = 2},
        {OPCHECK("global average", f_global_avg, &last, y)},
        {OPCHECK("global maximum", f_global_max, &first, x)}};
    RUN_ALL(cases);
}

/* Two steps of running statistics by hand. */
static void running_statistics(leattest *t)
{
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    double x[8] = {1, 10, 2, 20, 3, 30, 6, 60}, m[2], v[2];
    leat_variable *mean, *variance;
    REQUIRE_OK(leat_variable_create(g, "mean", LEAT_DTYPE_F64, LEAT_DIMS(2), NULL, &mean));
    REQUIRE_OK(leat_variable_create(g, "variance", LEAT_DTYPE_F64, LEAT_DIMS(2), NULL, &variance));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(4, 2), x), *bm, *bv;
    leat_tensor *y = leat_batch_norm_train(in, NULL, NULL, true, 1e-5, &bm, &bv);
    leat_tensor *roots[] = {y, leat_running_average(mean, bm, 0.1),
                            leat_running_average(variance, bv, 0.1)};
    for (int i = 0; i < 2; i++) REQUIRE_OK(leat_run(g, 3, roots));
    CHECK_OK(leat_variable_get(mean, m, sizeof m));
    CHECK_OK(leat_variable_get(variance, v, sizeof v));
    CHECK_NEAR(m[0], 3 * 0.19, 1e-12, 0);
    CHECK_NEAR(m[1], 30 * 0.19, 1e-12, 0);
    CHECK_NEAR(v[0], 14.0 / 3 * 0.19, 1e-9, 0);
    CHECK_NEAR(v[1], 1400.0 / 3 * 0.19, 1e-9, 0);
    leat_graph_destroy(g);
}

/* ---- what the planner joins to products -------------------------------------------------------
 */

static leat_tensor *dense(leat_tensor *const *in, const void *arg)
{
    (void)arg;
    return leat_relu(leat_add(leat_matmul(in[0], in[1]), in[2]));
}

static leat_tensor *residual_dense(leat_tensor *const *in, const void *arg)
{
    (void)arg;
    return leat_tanh(leat_add(in[3], leat_add(in[2], leat_matmul(in[0], in[1]))));
}

static leat_tensor *turned_dense(leat_tensor *const *in, const void *arg)
{
    (void)arg;
    static const int swap[] = {0, 2, 1};
    return leat_sigmoid(leat_matmul(leat_transpose(in[0], swap), leat_transpose(in[1], NULL)));
}

static leat_tensor *gelu_dense(leat_tensor *const *in, const void *arg)
{
    leat_tensor *y = leat_add(leat_matmul(in[0], in[1]), in[2]);
    return *(const int *)arg == 0   ? leat_gelu(y)
           : *(const int *)arg == 1 ? leat_gelu_tanh(y)
                                    : leat_silu(y);
}

static leat_tensor *conv_tail(leat_tensor *const *in, const void *arg)
{
    leat_window w = leat_window_default();
    w.channels_last = *(const bool *)arg;
    w.pad_low[0] = w.pad_high[0] = 1;
    leat_tensor *y = leat_add(leat_conv(in[0], in[1], &w), in[2]);
    return leat_relu(w.channels_last ? leat_add(y, in[3]) : y);
}

static const int kinds[] = {0, 1, 2};

static void tails_of_products(leattest *t)
{
    static const bool last = true, first = false;
    const opcheck cases[] = {
        {OPCHECK("dense", dense, NULL, LEAT_DIMS(5, 4), LEAT_DIMS(4, 7), LEAT_DIMS(7))},
        {OPCHECK("residual", residual_dense, NULL, LEAT_DIMS(2, 5, 4), LEAT_DIMS(4, 7),
                 LEAT_DIMS(1, 7), LEAT_DIMS(2, 5, 7))},
        {OPCHECK("turned", turned_dense, NULL, LEAT_DIMS(2, 4, 5), LEAT_DIMS(7, 4))},
        {OPCHECK("dense gelu", gelu_dense, &kinds[0], LEAT_DIMS(5, 4), LEAT_DIMS(4, 7),
                 LEAT_DIMS(7))},
        {OPCHECK("dense gelu tanh", gelu_dense, &kinds[1], LEAT_DIMS(5, 4), LEAT_DIMS(4, 7),
                 LEAT_DIMS(7))},
        {OPCHECK("dense silu", gelu_dense, &kinds[2], LEAT_DIMS(5, 4), LEAT_DIMS(4, 7),
                 LEAT_DIMS(7))},
        {OPCHECK("conv last", conv_tail, &last, LEAT_DIMS(2, 5, 5, 3), LEAT_DIMS(4, 3, 3, 3),
                 LEAT_DIMS(4), LEAT_DIMS(2, 5, 3, 4))},
        {OPCHECK("conv first", conv_tail, &first, LEAT_DIMS(2, 3, 5, 5), LEAT_DIMS(4, 3, 3, 3),
                 LEAT_DIMS(4, 1, 1))}};
    RUN_ALL(cases);
}

/* Forward is one step each, on the device that fuses. */
static void tails_take_no_step(leattest *t)
{
    static const bool last = true;
    static const float data[512] = {0};
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
#define INPUT(...) leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(__VA_ARGS__), data)
    leat_tensor *a[4] = {INPUT(5, 4), INPUT(4, 7), INPUT(7)};
    leat_tensor *b[4] = {INPUT(2, 5, 4), INPUT(4, 7), INPUT(1, 7), INPUT(2, 5, 7)};
    leat_tensor *c[4] = {INPUT(2, 4, 5), INPUT(7, 4)};
    leat_tensor *d[4] = {INPUT(2, 5, 5, 3), INPUT(4, 3, 3, 3), INPUT(4), INPUT(2, 5, 3, 4)};
#undef INPUT
    enum { ALL = 7 };
    leat_tensor *y[ALL] = {dense(a, NULL),           residual_dense(b, NULL),
                           turned_dense(c, NULL),    conv_tail(d, &last),
                           gelu_dense(a, &kinds[0]), gelu_dense(a, &kinds[1]),
                           gelu_dense(a, &kinds[2])};
    for (int i = 0; i < ALL; i++) {
        REQUIRE_OK(leat_run(g, 1, &y[i]));
        CHECK_INT(g->last_plan->step_count, 1);
    }
    /* a sum that is also a root is computed, and what follows has a step of its own */
    leat_tensor *sum = leat_matmul(a[0], a[1]), *roots[2] = {sum, leat_relu(sum)};
    REQUIRE_OK(leat_run(g, 2, roots));
    CHECK_INT(g->last_plan->step_count, 2);
    leat_graph_destroy(g);
}

/* ---- pools behind a ReLU --------------------------------------------------------------------- */

static leat_tensor *pool_of_relu(leat_tensor *const *in, const void *arg)
{
    return leat_pool_max(leat_relu(leat_add(in[0], in[1])), arg, NULL);
}

/* Windows side by side, with a rest beside them, and overlapping ones over a border. */
static void pools_behind_relu(leattest *t)
{
    leat_window w[2] = {leat_window_default(), leat_window_default()};
    for (int i = 0; i < 2; i++) {
        w[i].channels_last = true;
        w[i].kernel[0] = w[i].kernel[1] = 2 + i;
        w[i].stride[0] = w[i].stride[1] = 2;
        for (int d = 0; d < 2; d++) w[i].pad_low[d] = w[i].pad_high[d] = i;
    }
    const opcheck cases[] = {
        {OPCHECK("even", pool_of_relu, &w[0], LEAT_DIMS(2, 4, 6, 3), LEAT_DIMS(3))},
        {OPCHECK("odd", pool_of_relu, &w[0], LEAT_DIMS(2, 5, 7, 3), LEAT_DIMS(3))},
        {OPCHECK("overlap", pool_of_relu, &w[1], LEAT_DIMS(1, 5, 6, 17), LEAT_DIMS(17))}};
    RUN_ALL(cases);
    /* sum and ReLU, pool, gate, gradient of the pool, sum of what passed the gate */
    static const float data[512] = {0.5f};
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *in[2] = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 4, 6, 3), data),
                          leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3), data)};
    leat_tensor *y = pool_of_relu(in, &w[0]), *d[2];
    leat_tensor *scale = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 2, 3, 3), data);
    REQUIRE_OK(leat_gradients(leat_sum(leat_mul(y, scale), 0, NULL, false), NULL, 2, in, d));
    REQUIRE_OK(leat_run(g, 2, d));
    CHECK_INT(g->last_plan->step_count, 5);
    leat_graph_destroy(g);
}

/* Numbers as inputs of a recurrent layer give what their one-hot vectors give, with many of them
 * and with few beside the number of features. */
static void numbers_as_inputs(leattest *t)
{
    enum { T = 3, N = 2, UNITS = 4, MOST = 9, GATES = 4 * UNITS };
    static const int64_t ids[T * N] = {3, 0, 4, 4, 1, 3};
    static float data[GATES * MOST], got[2][GATES * MOST], state[2][T * N * UNITS];
    leat_context *c = t->context;
    for (int i = 0; i < GATES * MOST; i++) data[i] = (float)(i * 7 % 23 - 11) / 16;
    for (int64_t features = 5; features <= MOST; features += MOST - 5) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(c, NULL, &g));
        leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(T, N), ids);
        leat_recurrent r = leat_recurrent_default(LEAT_CELL_LSTM);
        r.w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(GATES, features), data);
        r.r = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(GATES, UNITS), data + 3);
        r.bias = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(GATES), data + 5);
        for (int i = 0; i < 2; i++) {
            leat_tensor *in = i ? leat_one_hot(x, features, LEAT_DTYPE_F32) : x;
            leat_tensor *y = leat_recur(in, &r, NULL, NULL), *roots[2] = {y};
            leat_tensor *sum = y ? leat_sum(leat_mul(y, y), 0, NULL, false) : NULL;
            REQUIRE_OK(leat_gradients(sum, NULL, 1, &r.w, &roots[1]));
            REQUIRE_OK(leat_run(g, 2, roots));
            REQUIRE_OK(leat_get(y, state[i], sizeof state[i]));
            REQUIRE_OK(leat_get(roots[1], got[i], sizeof(float) * GATES * (size_t)features));
        }
        CHECK(!memcmp(state[0], state[1], sizeof state[0]));
        for (int i = 0; i < GATES * features; i++)
            CHECK(fabsf(got[0][i] - got[1][i]) <= 1e-6F * (1 + fabsf(got[1][i])));
        CHECK(!leat_recur(leat_cast(x, LEAT_DTYPE_F32), &r, NULL, NULL));
        CHECK(strstr(leat_error_message(c), "(3, 2)") != NULL);
        leat_error_clear(c);
        leat_graph_destroy(g);
    }
}

/* ---- results larger than the caches ---------------------------------------------------------- */

static void large_results(leattest *t)
{
    enum { N = (9 << 20) + 13 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), *z = malloc(N * sizeof *z);
    leat_graph *g;
    REQUIRE(x && y && z);
    for (int i = 0; i < N; i++) x[i] = (float)(i % 1000) - 500;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(N), x);
    leat_tensor *roots[2] = {leat_scale(in, 2), NULL};
    roots[1] = leat_relu(leat_shift(roots[0], 3));
    REQUIRE_OK(leat_run(g, 2, roots));
    CHECK_INT(g->last_plan->step_count, 1);
    REQUIRE_OK(leat_get(roots[0], y, N * sizeof *y));
    REQUIRE_OK(leat_get(roots[1], z, N * sizeof *z));
    size_t wrong = 0;
    for (int i = 0; i < N; i++) wrong += y[i] != 2 * x[i] || z[i] != fmaxf(2 * x[i] + 3, 0);
    CHECK_INT(wrong, 0);
    leat_graph_destroy(g);
    free(x);
    free(y);
    free(z);
}

/* A step through many functions, with each allocation failing in turn. */
static leat_status many_functions(leat_context *c, void *arg)
{
    (void)arg;
    static const float data[512] = {0.5f};
    static const int64_t labels[8] = {1, 0, 2, 1};
    static const int axes[] = {1, 2};
    static const int64_t sizes[] = {4, 4};
    leat_graph *g;
    leat_status st = leat_graph_create(c, NULL, &g);
    if (st != LEAT_OK) return st;
#define INPUT(...) leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(__VA_ARGS__), data)
    leat_window w = leat_window_default();
    w.channels_last = true;
    w.kernel[0] = w.kernel[1] = 2;
    leat_tensor *x = INPUT(2, 5, 5, 3), *mean, *variance, *dx;
    leat_tensor *h = leat_relu(leat_add(leat_conv(x, INPUT(4, 3, 2, 2), &w), INPUT(4)));
    h = leat_batch_norm_train(h, INPUT(4), INPUT(4), true, 1e-5, &mean, &variance);
    h = leat_pool_max(leat_interpolate(h, 2, axes, sizes, NULL), &w, NULL);
    h = leat_dropout(h, 0.5, leat_random_key(g, 1, 2), 3, 0);
    leat_recurrent r = leat_recurrent_default(LEAT_CELL_GRU);
    r.w = INPUT(9, 4);
    r.r = INPUT(9, 3);
    if (h) h = leat_recur(leat_reshape(h, LEAT_DIMS(4, 2, 4)), &r, NULL, NULL);
    if (h) h = leat_reshape(h, LEAT_DIMS(2, 2, 2, 3));
    h = leat_attention(h, h, h, NULL);
    h = h ? leat_reshape(h, LEAT_DIMS(8, 3)) : NULL;
    leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(8), labels);
    leat_tensor *loss = leat_cross_entropy(leat_layer_norm(h, 1, NULL, NULL, 1e-5), y, NULL);
#undef INPUT
    st = loss ? leat_gradients(loss, NULL, 1, &x, &dx) : leat_error_status(c);
    leat_tensor *roots[] = {loss, st == LEAT_OK ? dx : NULL, mean, variance};
    if (st == LEAT_OK) st = leat_run(g, 4, roots);
    leat_graph_destroy(g);
    return st;
}

static void failing_allocations(leattest *t)
{
    leattest_fail_some_allocations(t, many_functions, NULL);
}

/* Norms and deviations that are 0 let no NaN through. */
static void nothing_has_a_gradient(leattest *t)
{
    static const double x[6] = {0, 0, 0, 2, 2, 1}, order[] = {2, 3, 0};
    for (int k = 0; k < 3; k++) {
        leat_graph *g;
        double d[6];
        const int last = 1;
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(2, 3), x), *dx;
        leat_tensor *y = order[k] > 0 ? leat_norm(in, order[k], 1, &last, false)
                                      : leat_std(in, 1, &last, false, 1);
        REQUIRE_OK(leat_gradients(leat_sum(y, 0, NULL, false), NULL, 1, &in, &dx));
        REQUIRE_OK(leat_run(g, 1, &dx));
        REQUIRE_OK(leat_get(dx, d, sizeof d));
        for (int i = 0; i < 3; i++) CHECK(d[i] == 0);
        if (order[k] == 2) CHECK_NEAR(d[3], 2.0 / 3, 1e-14, 0);
        CHECK(d[3] != 0 && isfinite(d[3]) && isfinite(d[5]));
        leat_graph_destroy(g);
    }
}

/* torch.linalg.vector_norm of the same numbers. */
static void norms_of_every_order(leattest *t)
{
    static const double x[4] = {-3, 0, 4, 1}, z[3] = {-3, 2, 4};
    static const double order[] = {0, 1, 2, 3, INFINITY, -INFINITY, -1, -2};
    static const double want[] = {3, 8, 5.0990195135927845,  4.5143574354740051,
                                  4, 2, 0.92307692307692313, 1.5364425591947517};
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
    leat_tensor *wide = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(4), x), *y[9], *d;
    leat_tensor *full = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(3), z);
    for (int k = 0; k < 8; k++) y[k] = leat_norm(k < 5 ? wide : full, order[k], 0, NULL, false);
    y[8] = leat_norm(wide, -1, 0, NULL, false); /* of a zero */
    REQUIRE_OK(leat_run(g, 9, y));
    for (int k = 0; k < 9; k++) {
        double got = NAN;
        CHECK_OK(leat_get(y[k], &got, sizeof got));
        CHECK_NEAR(got, k < 8 ? want[k] : 0, 1e-14, 0);
    }
    double slope[3];
    CHECK_OK(leat_gradients(y[6], NULL, 1, &full, &d));
    REQUIRE_OK(leat_run(g, 1, &d));
    CHECK_OK(leat_get(d, slope, sizeof slope));
    for (int i = 0; i < 3; i++)
        CHECK_NEAR(slope[i], copysign(pow(want[6] / z[i], 2), z[i]), 1e-13, 0);
    CHECK(leat_norm(wide, NAN, 0, NULL, false) == NULL);
    CHECK_FAILS(leat_error_status(t->context), LEAT_INVALID, "NaN|-INFINITY");
    leat_graph_destroy(g);
}

/* Hessian times (1, 1, 1) of x0 x1 x2 and of x0 + x0 x1 + x0 x1 x2, where x1 is 0. */
static void products_with_zeros(leattest *t)
{
    static const double x[3] = {2, 0, 3}, want[2][3] = {{3, 5, 2}, {4, 6, 2}};
    static const int axes[2] = {0, 2};
    for (int k = 0; k < 4; k++) {
        leat_graph *g;
        double d[3];
        bool back = k == 3; /* from the other end: x2 stands where x0 does */
        REQUIRE_OK(leat_graph_create(t->context, NULL, &g));
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(3, 1, 1), x), *y, *dx, *h;
        if (back) in = leat_flip(in, 1, axes);
        if (k < 2) y = leat_prod(in, k ? 2 : 1, axes, false);
        else y = leat_cumprod(in, 0, false, back);
        REQUIRE_OK(leat_gradients(leat_sum(y, 0, NULL, false), NULL, 1, &in, &dx));
        REQUIRE_OK(leat_gradients(leat_sum(dx, 0, NULL, false), NULL, 1, &in, &h));
        REQUIRE_OK(leat_run(g, 1, &h));
        REQUIRE_OK(leat_get(h, d, sizeof d));
        for (int i = 0; i < 3; i++) CHECK(d[back ? 2 - i : i] == want[k / 2][i]);
        leat_graph_destroy(g);
    }
}

/* A batch whose labels are all ignored, or of classes that weigh nothing, has the loss 0 and moves
 * nothing. */
static void labels_that_count_nothing(leattest *t)
{
    static const double x[6] = {1, 2, 3, -1, 0, 1}, weights[3] = {0, 1, 1};
    static const int64_t ignored[2] = {-100, -100}, first[2] = {0, 0};
    for (int k = 0; k < 8; k++) {
        leat_graph *g;
        double d[6], loss;
        leat_entropy_options o = leat_entropy_options_default();
        REQUIRE_OK(leat_graph_create(t->context, k & 4 ? "reference" : NULL, &g));
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F64, LEAT_DIMS(2, 3), x), *dx;
        if (k & 1) o.weights = leat_constant(g, LEAT_DTYPE_F64, LEAT_DIMS(3), weights);
        o.has_ignored = !(k & 1);
        o.ignored = -100;
        leat_tensor *y = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), k & 1 ? first : ignored);
        leat_tensor *mean = k & 2 ? leat_nll(in, y, &o) : leat_cross_entropy(in, y, &o);
        REQUIRE_OK(leat_gradients(mean, NULL, 1, &in, &dx));
        leat_tensor *roots[] = {mean, dx};
        REQUIRE_OK(leat_run(g, 2, roots));
        REQUIRE_OK(leat_get(mean, &loss, sizeof loss));
        REQUIRE_OK(leat_get(dx, d, sizeof d));
        CHECK(loss == 0);
        for (int i = 0; i < 6; i++) CHECK(d[i] == 0);
        leat_graph_destroy(g);
    }
}

/* What is wrong is said where it is recorded, not when it is run. */
static void mistakes_are_named(leattest *t)
{
    leat_graph *g;
    leat_context *c = t->context;
    leat_window window = {.kernel = {2, 2}};
    leat_attention_options attention = {.causal = true};
    leat_entropy_options entropy = {.axis = -1};
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    for (int i = 0; i < 5; i++) {
        leat_graph_clear(g);
        leat_tensor *x = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(1, 2, 4, 4), NULL), *y = x;
        leat_tensor *labels = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(1, 2, 4), NULL);
        if (i == 0) y = leat_pool_max(x, &window, NULL);
        if (i == 1) y = leat_attention(x, x, x, &attention);
        if (i == 2) y = leat_cross_entropy(x, labels, &entropy);
        if (i == 3) y = leat_add(x, NULL);
        if (i == 4)
            y = leat_recur(x, &(leat_recurrent){.struct_size = sizeof(leat_recurrent)}, NULL, NULL);
        CHECK(y == NULL);
        CHECK_FAILS(leat_run(g, 1, &y), LEAT_INVALID,
                    i < 3    ? "struct_size is 0"
                    : i == 3 ? "`add`: input 2 is NULL"
                             : "w and r");
    }
    leat_graph_destroy(g);
}

/* beta alone gives what it gives beside a gamma of ones; no axes, or more than there are, nothing.
 */
static void either_of_gamma_and_beta(leattest *t)
{
    enum { ROWS = 3, COLS = 5 };
    leat_graph *g;
    leat_context *c = t->context;
    float x[ROWS * COLS], ones[COLS], shift[COLS], out[2][ROWS * COLS];
    for (int i = 0; i < ROWS * COLS; i++) x[i] = (float)sin(i * i);
    for (int i = 0; i < COLS; i++) ones[i] = 1, shift[i] = (float)i;
    REQUIRE_OK(leat_graph_create(c, NULL, &g));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, COLS), x);
    leat_tensor *beta = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(COLS), shift);
    leat_tensor *gamma = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(COLS), ones);
    leat_tensor *y[2] = {leat_layer_norm(in, 1, NULL, beta, 1e-5),
                         leat_layer_norm(in, 1, gamma, beta, 1e-5)};
    REQUIRE_OK(leat_run(g, 2, y));
    for (int k = 0; k < 2; k++) CHECK_OK(leat_get(y[k], out[k], sizeof out[k]));
    for (int i = 0; i < ROWS * COLS; i++) CHECK_NEAR((double)out[0][i], (double)out[1][i], 0, 1e-6);
    leat_tensor *none = leat_layer_norm(in, 0, NULL, NULL, 1e-5);
    CHECK(none == NULL);
    CHECK_FAILS(leat_run(g, 1, &none), LEAT_SHAPE, "last 0 axes|(3, 5)");
    leat_graph_clear(g);
    none = leat_rms_norm(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, COLS), x), 3, NULL, 1e-5);
    CHECK_FAILS(leat_run(g, 1, &none), LEAT_SHAPE, "last 3 axes|(3, 5)");
    leat_graph_destroy(g);
}

static const leattest_case cases[] = {TEST(nothing_has_a_gradient),
                                      TEST(norms_of_every_order),
                                      TEST(activations),
                                      TEST(losses),
                                      TEST(normalisations),
                                      TEST(running_statistics),
                                      TEST(tails_of_products),
                                      TEST(tails_take_no_step),
                                      TEST(pools_behind_relu),
                                      TEST(numbers_as_inputs),
                                      TEST(large_results),
                                      TEST(either_of_gamma_and_beta),
                                      TEST(products_with_zeros),
                                      TEST(labels_that_count_nothing),
                                      TEST(mistakes_are_named),
                                      TEST(failing_allocations)};
LEATTEST_MAIN(cases)
