/* What a graph offers beside running: values while recording, checkpointed segments, timelines,
 * variables as roots. */
#include <leat/custom_op.h>
#include <leat/function.h>
#include <leat/graph.h>

#include <jansson.h>
#include <math.h>

#include "graph/plan.h"
#include "graph/trace.h"
#include "support/leattest.h"

static const char *const devices[] = {"reference", "simulated", "cpu"};

static void known_values(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        int64_t dims[3] = {2, 3, 4}, got[2] = {0, 0};
        bool known;
        leat_tensor *shape = leat_constant(g, LEAT_DTYPE_I64, LEAT_DIMS(3), dims);
        leat_tensor *part = leat_narrow(shape, 0, 1, 2);
        leat_tensor *y = leat_mul(part, leat_flip(part, 0, NULL));
        REQUIRE_OK(leat_value_known(y, got, sizeof got, &known));
        CHECK(known && got[0] == 12 && got[1] == 12);
        leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_DIMS(2), dims);
        REQUIRE_OK(leat_value_known(leat_add(x, y), got, sizeof got, &known));
        CHECK(!known);
        CHECK_FAILS(leat_value_known(y, got, 8, &known), LEAT_INVALID, "16 bytes|8");
        /* what does not fit is not computed */
        leat_tensor *large = leat_expand(leat_scalar(g, LEAT_DTYPE_I64, 1), LEAT_DIMS(1 << 17));
        REQUIRE_OK(leat_value_known(leat_narrow(large, 0, 0, 2), got, sizeof got, &known));
        CHECK(!known);
        /* the graph runs on after that */
        leat_tensor *z = leat_add(x, y);
        REQUIRE_OK(leat_run(g, 1, &z));
        REQUIRE_OK(leat_get(z, got, sizeof got));
        CHECK(got[0] == 14 && got[1] == 15);
        leat_graph_destroy(g);
    }
}

/* Collatz: the number of steps depends on the data. */
static void forced_values_steer_loops(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        int64_t start = 27, now = 0;
        int steps = 0;
        leat_tensor *x = leat_input(g, LEAT_DTYPE_I64, LEAT_SCALAR, &start);
        while (steps < 1000) {
            bool known;
            x = leat_force(x);
            REQUIRE(x);
            REQUIRE_OK(leat_value_known(x, &now, sizeof now, &known));
            REQUIRE(known);
            if (now == 1) break;
            leat_tensor *two = leat_like(x, 2);
            x = now % 2 ? leat_add(leat_mul(x, leat_like(x, 3)), leat_like(x, 1))
                        : leat_div(x, two);
            steps++;
        }
        CHECK_INT(steps, 111);
        x = leat_force(leat_neg(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2), NULL)));
        CHECK(x == NULL);
        CHECK_FAILS(leat_error_status(t->context), LEAT_INVALID, "bind");
        leat_graph_destroy(g);
    }
}

/* ---- checkpoints
 * --------------------------------------------------------------------------------- */

enum { LAYERS = 6, ROWS = 512, WIDTH = 32 };

typedef struct layer {
    leat_tensor *w;
} layer;

/* Several results in between that the gradient needs. */
static leat_status record_layer(leat_graph *g, void *user, leat_tensor *const *in,
                                leat_tensor **out)
{
    layer *l = user;
    leat_tensor *h = in[0];
    for (int i = 0; i < 4; i++) h = leat_tanh(leat_matmul(h, l->w));
    out[0] = leat_add(h, in[0]);
    return leat_error_status(leat_graph_context(g));
}

static void run_layers(leattest *t, bool checkpoint, float *grad, size_t *workspace)
{
    leat_graph *g;
    static float x[ROWS * WIDTH], w[LAYERS][WIDTH * WIDTH];
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    for (int i = 0; i < ROWS * WIDTH; i++) x[i] = (float)(i * 7 % 13) / 13 - 0.5f;
    leat_tensor *h = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(ROWS, WIDTH), x), *ws[LAYERS];
    leat_tensor *roots[LAYERS];
    layer layers[LAYERS];
    for (int l = 0; l < LAYERS; l++) {
        for (int i = 0; i < WIDTH * WIDTH; i++) w[l][i] = (float)((i + l) * 5 % 11) / 30 - 0.15f;
        ws[l] = layers[l].w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(WIDTH, WIDTH), w[l]);
        leat_tensor *y;
        if (checkpoint) REQUIRE_OK(leat_checkpoint(record_layer, &layers[l], 1, &h, 1, &y));
        else REQUIRE_OK(record_layer(g, &layers[l], &h, &y));
        h = y;
    }
    leat_tensor *loss = leat_mean(leat_mul(h, h), 0, NULL, false);
    REQUIRE_OK(leat_gradients(loss, NULL, LAYERS, ws, roots));
    REQUIRE_OK(leat_run(g, LAYERS, roots));
    for (int l = 0; l < LAYERS; l++)
        CHECK_OK(leat_get(roots[l], grad + l * WIDTH * WIDTH, WIDTH * WIDTH * sizeof *grad));
    *workspace = g->last_plan->workspace->bytes;
    leat_graph_destroy(g);
}

static void checkpoints_save_memory(leattest *t)
{
    static float plain[LAYERS * WIDTH * WIDTH], saved[LAYERS * WIDTH * WIDTH];
    size_t all = 0, less = 0;
    run_layers(t, false, plain, &all);
    run_layers(t, true, saved, &less);
    CHECK(!memcmp(plain, saved, sizeof plain));
    printf("  workspace %zu bytes, with checkpoints %zu\n", all, less);
    CHECK(less < all / 2);
}

/* ---- variables as roots
 * --------------------------------------------------------------------------- */

static void roots_keep_the_value_before_the_run(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        float start[4] = {1, 2, 3, 4}, got[4];
        leat_variable *v, *part;
        REQUIRE_OK(leat_variable_create(g, "v", LEAT_DTYPE_F32, LEAT_DIMS(4), start, &v));
        REQUIRE_OK(leat_variable_part(v, "part", 2, LEAT_DIMS(2), &part));
        leat_tensor *x = leat_read(v);
        leat_tensor *roots[] = {x, leat_reshape(x, LEAT_DIMS(2, 2)), leat_narrow(x, 0, 1, 2),
                                leat_assign(v, leat_shift(x, 10)), leat_read(part)};
        for (int run = 0; run < 2; run++) {
            REQUIRE_OK(leat_run(g, 5, roots));
            for (int k = 0; k < 4; k++) {
                float want = (float)(k + 1 + 10 * run);
                CHECK_OK(leat_get(roots[0], got, sizeof got));
                CHECK_NEAR(got[k], want, 0, 0);
                CHECK_OK(leat_get(roots[1], got, sizeof got));
                CHECK_NEAR(got[k], want, 0, 0);
                CHECK_OK(leat_get(roots[3], got, sizeof got));
                CHECK_NEAR(got[k], want + 10, 0, 0);
                CHECK_OK(leat_get(roots[2], got, 8));
                if (k < 2) CHECK_NEAR(got[k], want + 1, 0, 0);
                CHECK_OK(leat_get(roots[4], got, 8));
                if (k < 2) CHECK_NEAR(got[k], want + 2, 0, 0);
            }
        }
        leat_graph_destroy(g);
    }
}

/* v[0:4] = v[2:6] + 1, where both lie in one variable. */
static void overlapping_parts(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        enum { N = 3000 };
        static double start[N + 2], got[N + 2];
        for (int i = 0; i < N + 2; i++) start[i] = i;
        leat_variable *v, *head;
        REQUIRE_OK(leat_variable_create(g, "v", LEAT_DTYPE_F64, LEAT_DIMS(N + 2), start, &v));
        REQUIRE_OK(leat_variable_part(v, "head", 1, LEAT_DIMS(N), &head));
        leat_tensor *moved = leat_shift(leat_narrow(leat_read(v), 0, 0, N), 1);
        leat_tensor *root = leat_assign(head, moved);
        REQUIRE_OK(leat_run(g, 1, &root));
        REQUIRE_OK(leat_variable_get(v, got, sizeof got));
        for (int i = 0; i < N; i++)
            if (!CHECK_NEAR(got[i + 1], i + 1, 0, 0)) break;
        leat_graph_destroy(g);
    }
}

/* What is made of weights is made again when they were set, as a whole, in part or by another plan,
 * and not by what did not change. */
static void lasting_values_follow_their_variables(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        enum { K = 3, N = 2 };
        float w[K * N] = {1, 2, 3, 4, 5, 6}, x[16 * K], y[16 * N], more[K] = {0}, want;
        for (int i = 0; i < 16 * K; i++) x[i] = (float)(i % 7);
        leat_variable *all, *part, *other;
        leat_tensor *out[2];
        REQUIRE_OK(leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(K, N), w, &all));
        REQUIRE_OK(leat_variable_part(all, "row", N, LEAT_DIMS(N), &part));
        REQUIRE_OK(leat_variable_create(g, "o", LEAT_DTYPE_F32, LEAT_DIMS(K, 1), more, &other));
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(16, K), x);
        leat_tensor *scaled = leat_add(leat_scale(leat_read(all), 2), leat_read(other));
        out[0] = leat_matmul(in, scaled);
        out[1] = leat_matmul(in, leat_read(all));
        leat_tensor *grow = leat_assign(all, leat_shift(leat_read(all), 1));
        for (int turn = 0; turn < 6; turn++) {
            if (turn == 1) {
                w[0] = 9;
                REQUIRE_OK(leat_variable_set(all, w, sizeof w));
            } else if (turn == 2) {
                w[N] = 7;
                REQUIRE_OK(leat_variable_set(part, w + N, N * sizeof *w));
            } else if (turn == 3) {
                for (int i = 0; i < K * N; i++) w[i]++;
                REQUIRE_OK(leat_run(g, 1, &grow));
            } else if (turn == 4) {
                more[1] = 5;
                REQUIRE_OK(leat_variable_set(other, more, sizeof more));
            }
            REQUIRE_OK(leat_run(g, 2, out));
            for (int k = 0; k < 2; k++) {
                REQUIRE_OK(leat_get(out[k], y, sizeof y));
                for (int i = 0; i < 16 * N; i++) {
                    want = 0;
                    for (int p = 0; p < K; p++)
                        want += x[i / N * K + p] *
                                (k ? w[p * N + i % N] : 2 * w[p * N + i % N] + more[p]);
                    CHECK_NEAR(y[i], want, 0, 0);
                }
            }
        }
        leat_graph_destroy(g);
    }
}

/* Two plans of one weight share its layout; a plan of another number of rows, too. */
static void laid_out_weights_are_shared(leattest *t)
{
    enum { K = 40, N = 30 };
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    static float w[K * N], x[64 * K], y[64 * N], again[64 * N];
    for (int i = 0; i < K * N; i++) w[i] = (float)(i % 11) - 5;
    for (int i = 0; i < 64 * K; i++) x[i] = (float)(i % 13) / 4;
    leat_variable *v;
    REQUIRE_OK(leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(K, N), w, &v));
    size_t room[3];
    for (int rows = 16; rows <= 64; rows *= 2) {
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(rows, K), x);
        leat_tensor *out = leat_matmul(in, leat_read(v));
        REQUIRE_OK(leat_run(g, 1, &out));
        REQUIRE_OK(leat_get(out, rows == 16 ? y : again, (size_t)rows * N * sizeof *y));
        if (rows > 16) CHECK(memcmp(y, again, 16 * N * sizeof *y) == 0);
        room[rows / 32] = leati_kept_bytes(g);
        REQUIRE(room[rows / 32] >= K * N * sizeof *w);
    }
    CHECK(room[0] == room[1] && room[1] == room[2]);
    leat_graph_destroy(g);
}

/* Products in bf16 on request: near, and the same for every number of threads. */
static void products_round_on_request(leattest *t)
{
    enum { M = 70, K = 333, N = 130 };
    static float w[K * N], x[M * K], exact[M * N], got[2][M * N], back[M * N];
    for (int i = 0; i < K * N; i++) w[i] = (float)((i * 37) % 101) / 101 - 0.5F;
    for (int i = 0; i < M * K; i++) x[i] = (float)((i * 53) % 97) / 97 - 0.5F;
    for (unsigned threads = 1; threads <= 2; threads++) {
        leat_context_options o = leat_context_options_default();
        leat_context *c;
        leat_graph *g;
        leat_variable *v;
        o.threads = threads;
        REQUIRE_OK(leat_context_create(&c, &o));
        REQUIRE_OK(leat_graph_create(c, "cpu", &g));
        REQUIRE_OK(leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(K, N), w, &v));
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(M, K), x);
        leat_tensor *y = leat_matmul(in, leat_read(v)), *z = leat_matmul_t(in, false, in, true);
        REQUIRE_OK(leat_run(g, 1, &y));
        REQUIRE_OK(leat_get(y, exact, sizeof exact));
        CHECK(leat_graph_set_precision(g, LEAT_DTYPE_F64) == LEAT_INVALID);
        leat_error_clear(c);
        REQUIRE_OK(leat_graph_set_precision(g, LEAT_DTYPE_BF16));
        REQUIRE_OK(leat_run(g, 1, &y));
        REQUIRE_OK(leat_get(y, got[threads - 1], sizeof exact));
        double worst = 0;
        for (int i = 0; i < M * N; i++) {
            double d = fabs((double)got[threads - 1][i] - (double)exact[i]);
            if (d > worst) worst = d;
        }
        /* sums of 333 products of numbers below 1/2, each rounded by at most 2^-9 */
        CHECK(worst > 0 && worst < 333 * 0.25 * 2 / 512);
        REQUIRE_OK(leat_graph_set_precision(g, LEAT_DTYPE_F32));
        REQUIRE_OK(leat_run(g, 1, &y));
        REQUIRE_OK(leat_get(y, back, sizeof back));
        CHECK(memcmp(back, exact, sizeof exact) == 0);
        static float plain[M * M], rounded[M * M]; /* of no weights, too */
        REQUIRE_OK(leat_run(g, 1, &z));
        REQUIRE_OK(leat_get(z, plain, sizeof plain));
        REQUIRE_OK(leat_graph_set_precision(g, LEAT_DTYPE_BF16));
        REQUIRE_OK(leat_run(g, 1, &z));
        REQUIRE_OK(leat_get(z, rounded, sizeof rounded));
        CHECK(memcmp(plain, rounded, sizeof plain) != 0);
        for (int i = 0; i < M * M; i++)
            CHECK(fabs((double)rounded[i] - (double)plain[i]) < 333 * 0.25 * 2 / 512);
        leat_graph_destroy(g);
        leat_context_destroy(c);
    }
    CHECK(memcmp(got[0], got[1], sizeof exact) == 0);
}

/* ---- convolutions that predict -----------------------------------------------------------------
 */

typedef struct normalised {
    bool last, clip, residual;
} normalised;

static leat_tensor *channel_values(leat_graph *g, const char *name, int64_t n, float first)
{
    float values[32];
    leat_variable *v;
    for (int64_t i = 0; i < n; i++) values[i] = first + (float)(i % 5) / 8;
    if (leat_variable_create(g, name, LEAT_DTYPE_F32, LEAT_DIMS(n), values, &v) != LEAT_OK)
        return NULL;
    return leat_read(v);
}

/* min(max(batch norm(conv(x)) [+ y], 0), 6) */
static void normalised_run(leattest *t, const char *device, const normalised *how, float *y,
                           size_t *steps)
{
    enum { C = 20, S = 9 };
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, device, &g));
    static float x[C * S * S], w[C * C * 9];
    for (int i = 0; i < C * S * S; i++) x[i] = (float)(i * 7 % 23) / 8 - 1;
    for (int i = 0; i < C * C * 9; i++) w[i] = (float)(i * 5 % 19) / 64 - 0.125F;
    leat_variable *filters;
    leat_window o = leat_window_default();
    o.channels_last = how->last;
    for (int i = 0; i < 2; i++) o.pad_low[i] = o.pad_high[i] = 1;
    leat_shape s = how->last ? LEAT_DIMS(1, S, S, C) : LEAT_DIMS(1, C, S, S);
    REQUIRE_OK(leat_variable_create(g, "w", LEAT_DTYPE_F32, LEAT_DIMS(C, C, 3, 3), w, &filters));
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, s, x);
    leat_tensor *z = leat_conv(in, leat_read(filters), &o);
    z = leat_batch_norm(z, channel_values(g, "gamma", C, 0.5F), channel_values(g, "beta", C, -1),
                        channel_values(g, "mean", C, -0.25F), channel_values(g, "var", C, 1),
                        how->last, 1e-5);
    if (how->residual) z = leat_add(z, in);
    if (how->clip) z = leat_clip(z, 0, 6);
    else z = leat_minimum(leat_maximum(z, leat_like(z, 0)), leat_like(z, 6));
    REQUIRE_OK(leat_run(g, 1, &z));
    REQUIRE_OK(leat_run(g, 1, &z));
    REQUIRE_OK(leat_get(z, y, sizeof x));
    *steps = g->last_plan->step_count - g->last_plan->lasting_count;
    leat_graph_destroy(g);
}

/* On the CPU such a chain is one step with channels last, to the values of the reference. */
static void normalised_convolutions_are_one_step(leattest *t)
{
    enum { COUNT = 20 * 9 * 9 };
    static float want[COUNT], got[COUNT];
    for (int k = 0; k < 8; k++) {
        normalised how = {k & 1, k & 2, k & 4};
        size_t steps;
        normalised_run(t, "reference", &how, want, &steps);
        CHECK(steps > 1);
        normalised_run(t, "cpu", &how, got, &steps);
        CHECK(steps == (how.last ? 1 : 3)); /* turned before and behind */
        for (int i = 0; i < COUNT; i++)
            if (!CHECK_NEAR(got[i], want[i], 1e-5, 1e-5)) break;
    }
}

/* GELU by tanh as files of ONNX write it out. */
static leat_tensor *written_gelu(leat_tensor *x)
{
    leat_tensor *cube = leat_shift(leat_scale(leat_mul(x, x), 0.044715), 1);
    leat_tensor *t = leat_tanh(leat_scale(leat_mul(x, cube), 0.79788456080286536));
    return leat_mul(leat_scale(x, 0.5), leat_shift(t, 1));
}

/* On the CPU a product with such an activation is one step, to the values of the reference. */
static void products_with_gelu_are_one_step(leattest *t)
{
    enum { N = 6 };
    static leat_tensor *(*const functions[])(leat_tensor *) = {leat_gelu, leat_gelu_tanh,
                                                               written_gelu, leat_silu};
    float x[N * N], w[N * N], y[2][N * N];
    for (int i = 0; i < N * N; i++) x[i] = (float)(i * 7 % 23) / 4 - 2;
    for (int i = 0; i < N * N; i++) w[i] = (float)(i * 5 % 19) / 8 - 1;
    for (int k = 0; k < 4; k++) {
        for (int d = 0; d < 2; d++) {
            leat_graph *g;
            REQUIRE_OK(leat_graph_create(t->context, d ? "cpu" : "reference", &g));
            leat_tensor *out =
                functions[k](leat_matmul(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(N, N), x),
                                         leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(N, N), w)));
            REQUIRE_OK(leat_run(g, 1, &out));
            REQUIRE_OK(leat_get(out, y[d], sizeof y[d]));
            if (d) CHECK_INT(g->last_plan->step_count - g->last_plan->lasting_count, 1);
            leat_graph_destroy(g);
        }
        for (int i = 0; i < N * N; i++) CHECK_NEAR(y[1][i], y[0][i], 1e-5, 1e-6);
    }
}

/* A net with channels first: branches, sums, a concatenation, pools, a gate for each channel of
 * each sample, the mean over the plane, a row of numbers. */
static void channels_first_run(leattest *t, const char *device, float *y, size_t *turns)
{
    enum { N = 2, C = 6, S = 8 };
    static const float gains[C] = {1, 2, 0.5F, -1, 0.25F, 1};
    leat_graph *g;
    REQUIRE_OK(leat_graph_create(t->context, device, &g));
    static float x[N * C * S * S], w[C * C * 9], gate[N * C];
    for (int i = 0; i < N * C * S * S; i++) x[i] = (float)(i * 7 % 23) / 8 - 1;
    for (int i = 0; i < C * C * 9; i++) w[i] = (float)(i * 5 % 19) / 64 - 0.125F;
    for (int i = 0; i < N * C; i++) gate[i] = (float)(i % 5) / 4;
    leat_window same = leat_window_default(), half = leat_window_default();
    for (int i = 0; i < 2; i++) same.pad_low[i] = same.pad_high[i] = 1;
    for (int i = 0; i < 2; i++) half.kernel[i] = half.stride[i] = 2;
    leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(N, C, S, S), x);
    leat_tensor *filters = leat_constant(g, LEAT_DTYPE_F32, LEAT_DIMS(C, C, 3, 3), w);
    leat_tensor *gain = leat_constant(g, LEAT_DTYPE_F32, LEAT_DIMS(C, 1, 1), gains);
    leat_tensor *open = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(N, C, 1, 1), gate);
    leat_tensor *a = leat_conv(in, filters, &same);
    a = leat_relu(leat_add(leat_mul(a, gain), in));
    leat_tensor *b = leat_mul(leat_tanh(leat_conv(a, filters, &same)), open);
    leat_tensor *both[2] = {leat_pool_max(a, &half, NULL), leat_pool_avg(b, &half)};
    leat_tensor *z = leat_concat(2, both, 1);
    leat_tensor *mean = leat_reshape(leat_pool_global_avg(z, false), LEAT_DIMS(N, 2 * C));
    leat_tensor *flat = leat_reshape(leat_scale(z, 0.5), LEAT_DIMS(N, -1));
    leat_tensor *parts[3] = {mean, flat, leat_reshape(a, LEAT_DIMS(N, -1))};
    leat_tensor *out = leat_concat(3, parts, 1);
    REQUIRE_OK(leat_run(g, 1, &out));
    REQUIRE_OK(leat_get(out, y, N * (2 * C + 2 * C * 16 + C * 64) * sizeof *y));
    *turns = 0;
    for (size_t i = 0; i < g->last_plan->step_count; i++)
        *turns += g->last_plan->steps[i].op == LEATI_OP_TRANSPOSE;
    leat_graph_destroy(g);
}

/* Turned where they come in and where they are read as rows, not between. */
static void channels_first_are_turned_once(leattest *t)
{
    enum { COUNT = 2 * (12 + 192 + 384) };
    static float want[COUNT], got[COUNT];
    size_t turns;
    channels_first_run(t, "reference", want, &turns);
    CHECK(turns == 0);
    channels_first_run(t, "cpu", got, &turns);
    CHECK(turns == 3);
    for (int i = 0; i < COUNT; i++)
        if (!CHECK_NEAR(got[i], want[i], 1e-5, 1e-5)) break;
}

/* ---- timelines
 * ------------------------------------------------------------------------------------ */

static void timelines_are_json(leattest *t)
{
    for (size_t d = 0; d < 3; d++) {
        leat_graph *g;
        const char *path = leattest_scratch("trace.json");
        REQUIRE_OK(leat_graph_create(t->context, devices[d], &g));
        CHECK_FAILS(leat_trace_write(g, path), LEAT_INVALID, "no trace");
        float x[12] = {1, 2, 3};
        leat_scope_push(g, "layer 1 `dense`");
        leat_tensor *in = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(3, 4), x);
        leat_tensor *y = leat_relu(leat_matmul_t(in, false, in, true));
        leat_scope_pop(g);
        CHECK_OK(leat_trace_start(g));
        CHECK_FAILS(leat_trace_start(g), LEAT_INVALID, "already");
        for (int i = 0; i < 3; i++) CHECK_OK(leat_run(g, 1, &y));
        CHECK_FAILS(leat_trace_write(g, leattest_scratch("no/folder/trace.json")), LEAT_IO,
                    "no/folder");
        CHECK_OK(leat_trace_write(g, path)); /* the trace was not lost */
        CHECK_OK(leat_run(g, 1, &y));        /* no longer traced */
        json_t *root = json_load_file(path, 0, NULL),
               *events = json_object_get(root, "traceEvents");
        int products = 0, runs = 0;
        for (size_t i = 0; i < json_array_size(events); i++) {
            json_t *e = json_array_get(events, i), *args = json_object_get(e, "args");
            const char *name = json_string_value(json_object_get(e, "name"));
            runs += name && !strcmp(name, "run");
            if (!name || strcmp(name, "matmul") != 0) continue;
            products++;
            CHECK_STR(json_string_value(json_object_get(args, "scope")), "layer 1 `dense`");
            CHECK_NEAR(json_number_value(json_object_get(args, "flops")), 2 * 3 * 3 * 4, 0, 0);
            CHECK_NEAR(json_number_value(json_object_get(args, "bytes")), 4 * (12 + 12 + 9), 0, 0);
            CHECK(json_number_value(json_object_get(e, "dur")) >= 0);
        }
        CHECK_INT(products, 3);
        CHECK_INT(runs, 3);
        json_decref(root);
        CHECK_OK(leat_trace_start(g));
        CHECK_OK(leat_run(g, 1, &y));
        leat_graph_destroy(g); /* ends the trace */
    }
}

/* Sums of what the steps of one operation count. */
static double flops_of(const leat_graph *g, leati_op op)
{
    double sum = 0;
    for (size_t i = 0; i < g->last_plan->step_count; i++)
        if (g->last_plan->steps[i].op == op) sum += leati_step_flops(&g->last_plan->steps[i]);
    return sum;
}

/* Products of the fused layers and of their gradients. */
static void fused_layers_count_their_flops(leattest *t)
{
    enum { B = 2, H = 3, T = 5, S = 6, D = 4, E = 7, UNITS = 8 };
    static const float zeros[512];
    leat_graph *g;
    leat_tensor *in[3], *d[3];
    REQUIRE_OK(leat_graph_create(t->context, "cpu", &g));
    in[0] = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(B, H, T, D), zeros);
    in[1] = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(B, H, S, D), zeros);
    in[2] = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(B, H, S, E), zeros);
    leat_tensor *y = leat_attention(in[0], in[1], in[2], NULL);
    REQUIRE_OK(leat_gradients(leat_sum(leat_mul(y, y), 0, NULL, false), NULL, 3, in, d));
    REQUIRE_OK(leat_run(g, 3, d));
    CHECK_NEAR(flops_of(g, LEATI_OP_ATTENTION), 2 * B * H * T * S * (D + E), 0, 0);
    CHECK_NEAR(flops_of(g, LEATI_OP_ATTENTION_GRAD), 2 * B * H * T * S * (3 * D + 2 * E), 0, 0);
    leat_graph_clear(g);
    leat_recurrent cell = leat_recurrent_default(LEAT_CELL_LSTM);
    cell.w = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4 * UNITS, 2), zeros);
    cell.r = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(4 * UNITS, UNITS), zeros);
    in[0] = leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(T, B, 2), zeros);
    in[1] = cell.r;
    y = leat_recur(in[0], &cell, NULL, NULL);
    REQUIRE_OK(leat_gradients(leat_sum(leat_mul(y, y), 0, NULL, false), NULL, 2, in, d));
    REQUIRE_OK(leat_run(g, 2, d));
    double products = T * B * 4 * UNITS * UNITS;
    CHECK_NEAR(flops_of(g, LEATI_OP_RECURRENT), 2 * products, 0, 0);
    CHECK_NEAR(flops_of(g, LEATI_OP_RECURRENT_GRAD), 4 * products, 0, 0);
    leat_graph_destroy(g);
}

/* ---- allocations
 * ----------------------------------------------------------------------------------- */

static leat_status use_all(leat_context *c, void *arg)
{
    (void)arg;
    leat_graph *g;
    leat_status st = leat_graph_create(c, "cpu", &g);
    if (st != LEAT_OK) return st;
    float x[4] = {1, 2, 3, 4}, got[4];
    bool known;
    leat_scope_push(g, "layer");
    layer l = {leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 2), x)};
    leat_tensor *in = leat_force(leat_input(g, LEAT_DTYPE_F32, LEAT_DIMS(2, 2), x)), *y, *dw;
    st = in ? leat_value_known(leat_neg(in), got, sizeof got, &known) : leat_error_status(c);
    if (st == LEAT_OK) st = leat_checkpoint(record_layer, &l, 1, &in, 1, &y);
    if (st == LEAT_OK) st = leat_gradients(leat_sum(y, 0, NULL, false), NULL, 1, &l.w, &dw);
    if (st == LEAT_OK) st = leat_trace_start(g);
    if (st == LEAT_OK) st = leat_run(g, 1, &dw);
    if (st == LEAT_OK) st = leat_trace_write(g, leattest_scratch("trace.json"));
    leat_graph_destroy(g);
    return leat_error_status(c) == LEAT_NOMEM ? LEAT_NOMEM : st;
}

static void failing_allocations(leattest *t)
{
    leattest_fail_some_allocations(t, use_all, NULL);
}

static const leattest_case cases[] = {TEST(known_values),
                                      TEST(forced_values_steer_loops),
                                      TEST(checkpoints_save_memory),
                                      TEST(roots_keep_the_value_before_the_run),
                                      TEST(overlapping_parts),
                                      TEST(lasting_values_follow_their_variables),
                                      TEST(laid_out_weights_are_shared),
                                      TEST(normalised_convolutions_are_one_step),
                                      TEST(products_with_gelu_are_one_step),
                                      TEST(products_round_on_request),
                                      TEST(channels_first_are_turned_once),
                                      TEST(timelines_are_json),
                                      TEST(fused_layers_count_their_flops),
                                      TEST(failing_allocations)};
LEATTEST_MAIN(cases)
