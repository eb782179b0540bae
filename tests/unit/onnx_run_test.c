/* Running ONNX models: again with other data and other shapes, loops, functions, refusals,
 * allocations that fail. */
#include <leat/onnx.h>

#include "model/onnx_write.h"
#include "onnx/import.h"
#include "support/leattest.h"

static const int64_t scalar[1];

/* y = Relu(x w + b) over a batch; n = number of rows; z = x[: n - 1]. */
static leat_status write_mlp(leat_context *c, const char *path)
{
    static const float w[] = {1, 0, 0, 1, 1, -1}, b[] = {0.5f, -0.5f};
    static const int64_t one[] = {1}, zero[] = {0};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "mlp");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 3}, 2,
                         (const char *const[]){"batch", NULL});
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_FLOAT, (const int64_t[]){3, 2}, 2, w);
    leati_onnx_add_initializer(&o, g, "b", LEATI_ONNX_FLOAT, (const int64_t[]){2}, 1, b);
    leati_onnx_add_initializer(&o, g, "one", LEATI_ONNX_INT64, one, 1, one);
    leati_onnx_add_initializer(&o, g, "zero", LEATI_ONNX_INT64, one, 1, zero);
    leati_onnx_add_node(&o, g, "MatMul", (const char *const[]){"x", "w", NULL},
                        (const char *const[]){"xw", NULL});
    leati_onnx_add_node(&o, g, "Add", (const char *const[]){"xw", "b", NULL},
                        (const char *const[]){"s", NULL});
    leati_onnx_add_node(&o, g, "Relu", (const char *const[]){"s", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_node(&o, g, "Shape", (const char *const[]){"x", NULL},
                        (const char *const[]){"shape", NULL});
    leati_onnx_add_node(&o, g, "Gather", (const char *const[]){"shape", "zero", NULL},
                        (const char *const[]){"n", NULL});
    leati_onnx_add_node(&o, g, "Sub", (const char *const[]){"n", "one", NULL},
                        (const char *const[]){"last", NULL});
    leati_onnx_add_node(&o, g, "Slice", (const char *const[]){"x", "zero", "last", "zero", NULL},
                        (const char *const[]){"z", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 2}, 2, NULL);
    leati_onnx_add_output(&o, g, "n", LEATI_ONNX_INT64, (const int64_t[]){1}, 1, NULL);
    leati_onnx_add_output(&o, g, "z", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 3}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static void check_mlp(leattest *t, leat_onnx_model *m, const float *x, int64_t rows)
{
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(rows, 3), x}, out[3];
    REQUIRE_OK(leat_onnx_model_run(m, &in, out));
    CHECK(out[0].shape.dim[0] == rows && out[0].shape.dim[1] == 2);
    for (int64_t i = 0; i < rows; i++) {
        float a = x[3 * i] + x[3 * i + 2] + 0.5f, b = x[3 * i + 1] - x[3 * i + 2] - 0.5f;
        CHECK(((const float *)out[0].data)[2 * i] == (a > 0 ? a : 0));
        CHECK(((const float *)out[0].data)[2 * i + 1] == (b > 0 ? b : 0));
    }
    CHECK(*(const int64_t *)out[1].data == rows);
    CHECK(out[2].shape.dim[0] == rows - 1);
    for (int64_t i = 0; i < 3 * (rows - 1); i++) CHECK(((const float *)out[2].data)[i] == x[i]);
}

static void test_again(leattest *t)
{
    static const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {-1, 9, 2, 0, 1, -7};
    static const float c[] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
    leat_onnx_model *m;
    const char *path = leattest_scratch("mlp.onnx");
    REQUIRE_OK(write_mlp(t->context, path));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    CHECK(leat_onnx_model_inputs(m) == 1 && leat_onnx_model_outputs(m) == 3);
    check_mlp(t, m, a, 2);
    check_mlp(t, m, b, 2); /* the same plan on other data */
    check_mlp(t, m, c, 3);
    check_mlp(t, m, a, 2);
    leat_onnx_model_close(m);
}

static leat_status open_and_run(leat_context *c, void *argument)
{
    static const float x[] = {1, 2, 3, 4, 5, 6};
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(2, 3), x}, out[3];
    leat_onnx_model *m;
    leat_status st = leat_onnx_model_open(c, argument, NULL, &m);
    if (st == LEAT_OK) st = leat_onnx_model_run(m, &in, out);
    leat_onnx_model_close(m);
    return st;
}

static void test_memory(leattest *t)
{
    const char *path = leattest_scratch("mlp.onnx");
    REQUIRE_OK(write_mlp(t->context, path));
    leattest_fail_allocations(t, open_and_run, (void *)(uintptr_t)path);
}

static void *count_alloc(void *user, size_t bytes)
{
    ++*(size_t *)user;
    return malloc(bytes);
}

static void count_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* A run with the shapes of the last one allocates nothing. */
static void test_repeated(leattest *t)
{
    static const float x[] = {1, 2, 3, 4, 5, 6, -1, 9, 2, 0, 1, -7};
    const char *path = leattest_scratch("mlp.onnx");
    size_t calls = 0;
    leat_allocator a = {.alloc = count_alloc, .free = count_free, .user = &calls};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_onnx_model *m;
    leat_array out[3];
    o.allocator = &a;
    REQUIRE_OK(write_mlp(t->context, path));
    REQUIRE_OK(leat_context_create(&c, &o));
    REQUIRE_OK(leat_onnx_model_open(c, path, NULL, &m));
    for (int64_t rows = 2; rows < 4; rows++) {
        leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(rows, 3), x};
        size_t fresh = calls;
        CHECK_OK(leat_onnx_model_run(m, &in, out));
        CHECK(calls > fresh);
        size_t before = calls;
        for (int i = 0; i < 100; i++) {
            in.data = x + i % 4;
            CHECK_OK(leat_onnx_model_run(m, &in, out));
        }
        CHECK_INT(calls, before);
        CHECK(((const float *)out[2].data)[0] == x[3]);
    }
    leat_onnx_model_close(m);
    leat_context_destroy(c);
}

/* Everything that is missing is named at once. */
static void test_unsupported(leattest *t)
{
    leati_onnx_builder o;
    leat_onnx_model *m;
    const char *path = leattest_scratch("unsupported.onnx");
    leati_onnx_builder_init(&o, t->context, "g");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, scalar, 0, NULL);
    leati_onnx_add_node(&o, g, "Frobnicate", (const char *const[]){"x", NULL},
                        (const char *const[]){"a", NULL});
    leati_onnx_add_node(&o, g, "Wobble", (const char *const[]){"a", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, scalar, 0, NULL);
    REQUIRE_OK(leati_onnx_write(t->context, o.model, path));
    leati_onnx_builder_fini(&o);
    CHECK(leat_onnx_model_open(t->context, path, NULL, &m) == LEAT_UNSUPPORTED);
    CHECK(strstr(leat_error_message(t->context), "Frobnicate, Wobble") != NULL);
    leat_error_clear(t->context);
}

/* ---- recurrent layers ------------------------------------------------------------------------ */

enum { STEPS = 4, ROWS = 3, IN = 2, UNITS = 5, GATES_MOST = 4 };

/* A layer in both directions with lengths, biases and initial states; a limit that nothing reaches
 * (clip) keeps it from the engine's layer. */
static leat_status write_recurrent(leat_context *c, const char *op, int64_t gates, bool stepwise,
                                   const char *path)
{
    static float w[2 * GATES_MOST * UNITS * 2 * UNITS], h0[2 * ROWS * UNITS];
    static const int64_t length[ROWS] = {STEPS, 1, 3};
    bool lstm = gates == 4;
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) w[i] = (float)(i * 13 % 29) / 29 - 0.5f;
    for (size_t i = 0; i < sizeof h0 / sizeof *h0; i++) h0[i] = (float)(i * 5 % 11) / 11 - 0.4f;
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, op);
    leati_onnx_graph *g = o.model->graph;
#define DIMS(...) (const int64_t[]){__VA_ARGS__}
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, DIMS(STEPS, ROWS, IN), 3, NULL);
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_FLOAT, DIMS(2, gates * UNITS, IN), 3, w);
    leati_onnx_add_initializer(&o, g, "r", LEATI_ONNX_FLOAT, DIMS(2, gates * UNITS, UNITS), 3,
                               w + 7);
    leati_onnx_add_initializer(&o, g, "b", LEATI_ONNX_FLOAT, DIMS(2, 2 * gates * UNITS), 2, w + 3);
    leati_onnx_add_initializer(&o, g, "n", LEATI_ONNX_INT64, DIMS(ROWS), 1, length);
    leati_onnx_add_initializer(&o, g, "h0", LEATI_ONNX_FLOAT, DIMS(2, ROWS, UNITS), 3, h0);
    const char *in[] = {"x", "w", "r", "b", "n", "h0", lstm ? "h0" : NULL, NULL};
    const char *out[] = {"y", "h", lstm ? "c" : NULL, NULL};
    leati_onnx_node *n = leati_onnx_add_node(&o, g, op, in, out);
    leati_onnx_set_text(&o, n, "direction", "bidirectional");
    leati_onnx_set_int(&o, n, "hidden_size", UNITS);
    if (gates == 3) leati_onnx_set_int(&o, n, "linear_before_reset", 1);
    if (stepwise) leati_onnx_set_float(&o, n, "clip", 1e30f);
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, DIMS(STEPS, 2, ROWS, UNITS), 4, NULL);
    for (int i = 1; i < 2 + lstm; i++)
        leati_onnx_add_output(&o, g, out[i], LEATI_ONNX_FLOAT, DIMS(2, ROWS, UNITS), 3, NULL);
#undef DIMS
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

/* The engine's layers give what the operators give step by step. */
static void test_recurrent(leattest *t)
{
    static const char *const ops[] = {"RNN", "GRU", "LSTM"};
    static const int64_t gates[] = {1, 3, 4};
    const char *path = leattest_scratch("recurrent.onnx");
    float x[STEPS * ROWS * IN], first[3][STEPS * 2 * ROWS * UNITS];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (float)(i * 7 % 17) / 8 - 1;
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(STEPS, ROWS, IN), x}, out[3];
    for (int k = 0; k < 3; k++) {
        size_t outs = k == 2 ? 3 : 2;
        for (int stepwise = 1; stepwise >= 0; stepwise--) {
            leat_onnx_model *m;
            REQUIRE_OK(write_recurrent(t->context, ops[k], gates[k], stepwise, path));
            REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
            REQUIRE_OK(leat_onnx_model_run(m, &in, out));
            for (size_t i = 0; i < outs; i++) {
                const float *got = out[i].data;
                size_t count = (i ? 2 : 2 * STEPS) * ROWS * UNITS;
                for (size_t j = 0; j < count; j++) {
                    if (stepwise) first[i][j] = got[j];
                    else CHECK_NEAR(got[j], first[i][j], 1e-5, 1e-6);
                }
            }
            leat_onnx_model_close(m);
        }
    }
}

static const leattest_case cases[] = {TEST(test_again), TEST(test_memory), TEST(test_repeated),
                                      TEST(test_unsupported), TEST(test_recurrent)};
LEATTEST_MAIN(cases)
