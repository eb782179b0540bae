/* Quantised ONNX models: what is recorded once is run again. Their numbers are held to ONNX Runtime
 * by tests/onnx/learned. */
#include <leat/onnx.h>

#include "model/onnx_write.h"
#include "support/leattest.h"

enum { ROWS = 3, IN = 512, OUT = 128 };

static const float step = 0.25f;
static const uint8_t middle = 128;

static float scale_of(int column)
{
    return (float)(1 + column % 3) / 2;
}

/* y = x w as onnxruntime.quantization writes it in the format QDQ, x with step and middle, w int8
 * with a scale for each column; z = y, quantised by its own range and back. */
static leat_status write_network(leat_context *c, const char *path, const int8_t *w)
{
    static const int8_t zeros[OUT];
    float scales[OUT];
    static const int64_t none[1];
    leati_onnx_builder o;
    for (int i = 0; i < OUT; i++) scales[i] = scale_of(i);
    leati_onnx_builder_init(&o, c, "network");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){-1, IN}, 2,
                         (const char *const[]){"batch", NULL});
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_INT8, (const int64_t[]){IN, OUT}, 2, w);
    leati_onnx_add_initializer(&o, g, "ws", LEATI_ONNX_FLOAT, (const int64_t[]){OUT}, 1, scales);
    leati_onnx_add_initializer(&o, g, "wz", LEATI_ONNX_INT8, (const int64_t[]){OUT}, 1, zeros);
    leati_onnx_add_initializer(&o, g, "xs", LEATI_ONNX_FLOAT, none, 0, &step);
    leati_onnx_add_initializer(&o, g, "xz", LEATI_ONNX_UINT8, none, 0, &middle);
    leati_onnx_add_node(&o, g, "QuantizeLinear", (const char *const[]){"x", "xs", "xz", NULL},
                        (const char *const[]){"xq", NULL});
    leati_onnx_add_node(&o, g, "DequantizeLinear", (const char *const[]){"xq", "xs", "xz", NULL},
                        (const char *const[]){"xd", NULL});
    leati_onnx_node *n =
        leati_onnx_add_node(&o, g, "DequantizeLinear", (const char *const[]){"w", "ws", "wz", NULL},
                            (const char *const[]){"wd", NULL});
    leati_onnx_set_int(&o, n, "axis", 1);
    leati_onnx_add_node(&o, g, "MatMul", (const char *const[]){"xd", "wd", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_node(&o, g, "DynamicQuantizeLinear", (const char *const[]){"y", NULL},
                        (const char *const[]){"yq", "ys", "yz", NULL});
    leati_onnx_add_node(&o, g, "DequantizeLinear", (const char *const[]){"yq", "ys", "yz", NULL},
                        (const char *const[]){"z", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){-1, OUT}, 2, NULL);
    leati_onnx_add_output(&o, g, "z", LEATI_ONNX_FLOAT, (const int64_t[]){-1, OUT}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

typedef struct count {
    size_t calls, bytes;
} count;

static void *count_alloc(void *user, size_t bytes)
{
    count *n = user;
    n->calls++;
    n->bytes += bytes;
    return malloc(bytes);
}

static void count_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* Sums of eighths, which f32 has exactly. */
static void check_outputs(leattest *t, const leat_array *out, const float *x, const int8_t *w)
{
    const float *y = out[0].data, *z = out[1].data;
    float low = 0, high = 0;
    for (int i = 0; i < ROWS * OUT; i++) {
        float sum = 0;
        for (int j = 0; j < IN; j++)
            sum += x[i / OUT * IN + j] * (float)w[j * OUT + i % OUT] * scale_of(i % OUT);
        CHECK(y[i] == sum);
        low = sum < low ? sum : low;
        high = sum > high ? sum : high;
    }
    for (int i = 0; i < ROWS * OUT; i++)
        CHECK_NEAR((double)z[i], (double)y[i], (double)(high - low) / 254, 0);
}

/* Further runs with the shapes of the first allocate nothing, which they would if the model were
 * recorded at each; one with another shape less than the weights take as numbers. */
static void test_kept(leattest *t)
{
    static float x[ROWS * IN], more[ROWS * IN];
    static int8_t w[IN * OUT];
    const char *path = leattest_scratch("quantised.onnx");
    count n = {0};
    leat_allocator a = {.alloc = count_alloc, .free = count_free, .user = &n};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leat_onnx_model *m;
    leat_array out[2], in = {LEAT_DTYPE_F32, LEAT_DIMS(ROWS, IN), x};
    for (int i = 0; i < ROWS * IN; i++) {
        x[i] = (float)(i % 17 - 8) * step;
        more[i] = x[i] + step / 4; /* the same when it is quantised */
    }
    for (int i = 0; i < IN * OUT; i++) w[i] = (int8_t)(i * 37 % 255 - 127);
    o.allocator = &a;
    REQUIRE_OK(write_network(t->context, path, w));
    REQUIRE_OK(leat_context_create(&c, &o));
    REQUIRE_OK(leat_onnx_model_open(c, path, NULL, &m));
    CHECK_OK(leat_onnx_model_run(m, &in, out));
    count before = n;
    for (int i = 0; i < 4; i++) {
        in.data = i % 2 ? x : more;
        CHECK_OK(leat_onnx_model_run(m, &in, out));
    }
    CHECK_INT(n.calls, before.calls);
    in.data = more;
    CHECK_OK(leat_onnx_model_run(m, &in, out));
    check_outputs(t, out, x, w);
    in.shape.dim[0] = 1;
    CHECK_OK(leat_onnx_model_run(m, &in, out));
    CHECK(n.calls > before.calls);
    CHECK(n.bytes - before.bytes < sizeof(float) * IN * OUT);
    leat_onnx_model_close(m);
    leat_context_destroy(c);
}

static leat_status open_and_run(leat_context *c, void *argument)
{
    static float x[2 * IN];
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(2, IN), x}, out[2];
    leat_onnx_model *m;
    leat_status st = leat_onnx_model_open(c, argument, NULL, &m);
    if (st == LEAT_OK) st = leat_onnx_model_run(m, &in, out);
    leat_onnx_model_close(m);
    return st;
}

static void test_memory(leattest *t)
{
    static int8_t w[IN * OUT];
    const char *path = leattest_scratch("quantised.onnx");
    REQUIRE_OK(write_network(t->context, path, w));
    leattest_fail_allocations(t, open_and_run, (void *)(uintptr_t)path);
}

static const leattest_case cases[] = {TEST(test_kept), TEST(test_memory)};
LEATTEST_MAIN(cases)
