/* Running ONNX models: again with other data and other shapes, loops, functions, refusals,
 * allocations that fail. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <leat/frame.h>
#include <leat/onnx.h>
#include <leat/read.h>

#include "base/file.h"
#include "frame/foreign.h"
#include "model/onnx_write.h"
#include "onnx/import.h"
#include "support/leattest.h"
#include "tensor/shape.h"

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
    leat_array wide = {LEAT_DTYPE_F32, LEAT_DIMS(1, 4), a}, out[3];
    CHECK_FAILS(leat_onnx_model_run(m, &wide, out), LEAT_SHAPE,
                "`x` is announced as float32 (batch, 3)|given (1, 4)");
    leat_onnx_model_close(m);
}

/* A model of three inputs, a (2, 4), b (N, 4), c (N), that would run on many other shapes. */
static leat_status write_announced(leat_context *c, const char *path, const char *free)
{
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "announced");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "a", LEATI_ONNX_FLOAT, (const int64_t[]){2, 4}, 2, NULL);
    leati_onnx_add_input(&o, g, "b", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 4}, 2,
                         (const char *const[]){free, NULL});
    leati_onnx_add_input(&o, g, "c", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1,
                         (const char *const[]){free});
    for (int i = 0; i < 3; i++) {
        static const char *const from[] = {"a", "b", "c"}, *const to[] = {"p", "q", "r"};
        leati_onnx_add_node(&o, g, "Relu", (const char *const[]){from[i], NULL},
                            (const char *const[]){to[i], NULL});
        leati_onnx_add_output(&o, g, to[i], LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    }
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static void test_announced(leattest *t)
{
    static const float x[21];
    const char *path = leattest_scratch("announced.onnx");
    leat_onnx_model *m;
    leat_array in[3] = {{LEAT_DTYPE_F32, LEAT_DIMS(2, 4), x},
                        {LEAT_DTYPE_F32, LEAT_DIMS(3, 4), x},
                        {LEAT_DTYPE_F32, LEAT_DIMS(3), x}},
               out[3];
    const leat_shape wrong[] = {LEAT_DIMS(3, 7), LEAT_DIMS(4), LEAT_DIMS(2, 2, 4)};
    REQUIRE_OK(write_announced(t->context, path, "N"));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    leat_onnx_value v;
    REQUIRE(leat_onnx_model_input(m, 1, &v));
    CHECK_STR(v.name, "b");
    CHECK_STR(v.type, "float32");
    CHECK(v.rank == 2 && v.dim[0] == -1 && v.dim[1] == 4 && v.dim_name[1] == NULL);
    CHECK_STR(v.dim_name[0], "N");
    REQUIRE(leat_onnx_model_output(m, 2, &v));
    CHECK_STR(v.name, "r");
    CHECK(v.rank == 1 && v.dim[0] == -1 && v.dim_name[0] == NULL);
    CHECK(!leat_onnx_model_input(m, 3, &v) && !leat_onnx_model_output(m, 3, &v));
    CHECK_OK(leat_onnx_model_run(m, in, out));
    for (int i = 0; i < 3; i++) {
        leat_array odd[3] = {in[0], in[1], in[2]};
        odd[0].shape = wrong[i];
        CHECK_FAILS(leat_onnx_model_run(m, odd, out), LEAT_SHAPE, "`a`|(2, 4)");
        odd[0] = in[0];
        odd[1].shape = wrong[i];
        CHECK_FAILS(leat_onnx_model_run(m, odd, out), LEAT_SHAPE, "`b`|(N, 4)");
    }
    in[2].shape = LEAT_DIMS(1);
    CHECK_FAILS(leat_onnx_model_run(m, in, out), LEAT_SHAPE, "`b`|`c`|called N|3 and 1");
    leat_onnx_model_close(m);
    /* A name for every free dimension says nothing. */
    REQUIRE_OK(write_announced(t->context, path, "None"));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    CHECK_OK(leat_onnx_model_run(m, in, out));
    leat_onnx_model_close(m);
}

/* A model that is loaded answers as it did, whatever becomes of its file: written over in place by
 * something else, cut short, gone. Another shape has it compile its weights anew. */
static void test_file_changes(leattest *t)
{
    static const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
    leat_onnx_model *m;
    const char *path = leattest_scratch("changes.onnx");
    char noise[4096];
    memset(noise, 0x5a, sizeof noise);
    REQUIRE_OK(write_mlp(t->context, path));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    int fd = open(path, O_WRONLY);
    REQUIRE(fd >= 0 && write(fd, noise, sizeof noise) == (ssize_t)sizeof noise);
    check_mlp(t, m, a, 2);
    REQUIRE(ftruncate(fd, 0) == 0);
    close(fd);
    check_mlp(t, m, b, 3);
    REQUIRE(unlink(path) == 0);
    check_mlp(t, m, a, 1);
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

/* y = 10 (1 for "a", 2 for "b"): numbers that come from texts by way of the host. */
static leat_status write_texts(leat_context *c, const char *path)
{
    static const float ten = 10, values[] = {1, 2};
    static const int64_t one[] = {1, 1};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "texts");
    leati_onnx_add_opset(&o, "ai.onnx.ml", 3);
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_STRING, (const int64_t[]){-1, 1}, 2,
                         (const char *const[]){"batch", NULL});
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_FLOAT, one, 2, &ten);
    leati_onnx_node *n =
        leati_onnx_add_node(&o, g, "LabelEncoder", (const char *const[]){"x", NULL},
                            (const char *const[]){"number", NULL});
    leati_onnx_set_domain(&o, n, "ai.onnx.ml");
    leati_onnx_set_texts(&o, n, "keys_strings", (const char *const[]){"a", "b"}, 2);
    leati_onnx_set_floats(&o, n, "values_floats", values, 2);
    leati_onnx_add_node(&o, g, "MatMul", (const char *const[]){"number", "w", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 1}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static void test_other_texts(leattest *t)
{
    static const leati_pb_bytes rows[2][2] = {{{"a", 1}, {"b", 1}}, {{"b", 1}, {"b", 1}}};
    const char *path = leattest_scratch("texts.onnx");
    leati_omodel *m;
    leati_oval **out;
    REQUIRE_OK(write_texts(t->context, path));
    REQUIRE_OK(leati_omodel_open(t->context, path, NULL, &m));
    for (int i = 0; i < 4; i++) {
        leati_otensor in = {LEATI_ONNX_STRING, LEAT_DIMS(2, 1), rows[i % 2]};
        REQUIRE_OK(leati_omodel_run(m, &in, &out));
        const float *y = out[0]->host;
        CHECK(y[0] == (i % 2 ? 20 : 10) && y[1] == 20);
    }
    leati_omodel_close(m);
}

/* NaN is one value, behind all others. */
static void test_unique(leattest *t)
{
    static const float x[] = {2, NAN, 1, NAN, 2};
    const char *path = leattest_scratch("unique.onnx");
    leati_onnx_builder o;
    leat_onnx_model *m;
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(5), x}, out[2];
    leati_onnx_builder_init(&o, t->context, "g");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){5}, 1, NULL);
    leati_onnx_add_node(&o, g, "Unique", (const char *const[]){"x", NULL},
                        (const char *const[]){"y", "first", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_add_output(&o, g, "first", LEATI_ONNX_INT64, (const int64_t[]){-1}, 1, NULL);
    REQUIRE_OK(leati_onnx_write(t->context, o.model, path));
    leati_onnx_builder_fini(&o);
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    REQUIRE_OK(leat_onnx_model_run(m, &in, out));
    const float *y = out[0].data;
    const int64_t *first = out[1].data;
    REQUIRE(out[0].shape.dim[0] == 3);
    CHECK(y[0] == 1 && y[1] == 2 && isnan(y[2]));
    CHECK(first[0] == 2 && first[1] == 0 && first[2] == 1);
    leat_onnx_model_close(m);
}

/* The same of a constant, which is folded, and of an input; NaN is above all numbers. */
static void test_top_of_nan(leattest *t)
{
    static const float x[] = {1, NAN, 3, NAN, 2};
    static const int64_t want[2][3] = {{1, 3, 2}, {0, 4, 2}}, three = 3, one[] = {1};
    for (int folded = 0; folded < 2; folded++)
        for (int largest = 0; largest < 2; largest++) {
            const char *path = leattest_scratch("top.onnx");
            leati_onnx_builder o;
            leat_onnx_model *m;
            leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(5), x}, out[2];
            leati_onnx_builder_init(&o, t->context, "g");
            leati_onnx_graph *g = o.model->graph;
            if (!folded)
                leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){5}, 1, NULL);
            else
                leati_onnx_add_initializer(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){5}, 1,
                                           x);
            leati_onnx_add_initializer(&o, g, "k", LEATI_ONNX_INT64, one, 1, &three);
            leati_onnx_node *n =
                leati_onnx_add_node(&o, g, "TopK", (const char *const[]){"x", "k", NULL},
                                    (const char *const[]){"y", "place", NULL});
            leati_onnx_set_int(&o, n, "largest", largest);
            leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){3}, 1, NULL);
            leati_onnx_add_output(&o, g, "place", LEATI_ONNX_INT64, (const int64_t[]){3}, 1, NULL);
            REQUIRE_OK(leati_onnx_write(t->context, o.model, path));
            leati_onnx_builder_fini(&o);
            REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
            REQUIRE_OK(leat_onnx_model_run(m, &in, out));
            CHECK(memcmp(out[1].data, want[!largest], sizeof *want) == 0);
            leat_onnx_model_close(m);
        }
}

/* A node with lists that make no sense names them. */
static leat_status pool_with(leat_context *c, const char *name, int64_t value)
{
    const char *path = leattest_scratch("pool.onnx");
    const int64_t list[] = {2, value}, two[] = {2, 2};
    static const float zeros[16];
    leat_array x = {LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 4, 4), zeros}, y;
    leati_onnx_builder o;
    leat_onnx_model *m = NULL;
    leati_onnx_builder_init(&o, c, "g");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, x.shape.dim, 4, NULL);
    leati_onnx_node *n = leati_onnx_add_node(&o, g, "MaxPool", (const char *const[]){"x", NULL},
                                             (const char *const[]){"y", NULL});
    if (strcmp(name, "kernel_shape") != 0) leati_onnx_set_ints(&o, n, "kernel_shape", two, 2);
    leati_onnx_set_ints(&o, n, name, list, 2);
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, NULL, 0, NULL);
    leat_status st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    if (st == LEAT_OK) st = leat_onnx_model_open(c, path, NULL, &m);
    if (st == LEAT_OK) st = leat_onnx_model_run(m, &x, &y);
    leat_onnx_model_close(m);
    return st;
}

static leat_status reshape_to(leat_context *c, const int64_t *to)
{
    const char *path = leattest_scratch("reshape.onnx");
    static const float zeros[16];
    leat_array x = {LEAT_DTYPE_F32, LEAT_DIMS(4, 4), zeros}, y;
    leati_onnx_builder o;
    leat_onnx_model *m = NULL;
    leati_onnx_builder_init(&o, c, "g");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, x.shape.dim, 2, NULL);
    leati_onnx_add_initializer(&o, g, "s", LEATI_ONNX_INT64, (const int64_t[]){3}, 1, to);
    leati_onnx_add_node(&o, g, "Reshape", (const char *const[]){"x", "s", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, NULL, 0, NULL);
    leat_status st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    if (st == LEAT_OK) st = leat_onnx_model_open(c, path, NULL, &m);
    if (st == LEAT_OK) st = leat_onnx_model_run(m, &x, &y);
    leat_onnx_model_close(m);
    return st;
}

static void test_bad_lists(leattest *t)
{
    CHECK_OK(pool_with(t->context, "strides", 1));
    CHECK_FAILS(pool_with(t->context, "kernel_shape", (int64_t)1 << 40), LEAT_SHAPE,
                "kernel_shape has 1099511627776|from 1 to 2147483647");
    CHECK_FAILS(pool_with(t->context, "strides", 0), LEAT_SHAPE, "strides has 0");
    CHECK_FAILS(pool_with(t->context, "dilations", -3), LEAT_SHAPE, "dilations has -3");
    CHECK_OK(reshape_to(t->context, (const int64_t[]){2, -1, 2}));
    CHECK_FAILS(reshape_to(t->context, (const int64_t[]){-1, 2, -1}), LEAT_SHAPE,
                "dimensions 1 and 3 are both -1");
    CHECK_FAILS(reshape_to(t->context, (const int64_t[]){-2, 2, 4}), LEAT_SHAPE,
                "a dimension of -2");
}

/* Runs a node of inputs x (given) and w (an initialiser; Resize takes it third), floats. */
static void run_node(leattest *t, const char *op,
                     void (*options)(leati_onnx_builder *o, leati_onnx_node *n), leat_array x,
                     leat_array w, const float *want, size_t count)
{
    const char *path = leattest_scratch("node.onnx");
    leati_onnx_builder o;
    leat_onnx_model *m;
    leat_array out;
    leati_onnx_builder_init(&o, t->context, "g");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, x.shape.dim, (size_t)x.shape.rank, NULL);
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_FLOAT, w.shape.dim, (size_t)w.shape.rank,
                               w.data);
    bool third = strcmp(op, "Resize") == 0;
    leati_onnx_node *n = leati_onnx_add_node(
        &o, g, op, (const char *const[]){"x", third ? "" : "w", third ? "w" : NULL, NULL},
        (const char *const[]){"y", NULL});
    options(&o, n);
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){-1, -1, -1, -1},
                          (size_t)x.shape.rank, NULL);
    REQUIRE_OK(leati_onnx_write(t->context, o.model, path));
    leati_onnx_builder_fini(&o);
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    REQUIRE_OK(leat_onnx_model_run(m, &x, &out));
    CHECK_INT(leati_shape_count(&out.shape), count);
    for (size_t i = 0; i < count; i++)
        CHECK_NEAR((double)((const float *)out.data)[i], (double)want[i], 1e-5, 0);
    leat_onnx_model_close(m);
}

static void wanted_shape(leati_onnx_builder *o, leati_onnx_node *n)
{
    leati_onnx_set_ints(o, n, "strides", (const int64_t[]){2}, 1);
    leati_onnx_set_ints(o, n, "output_shape", (const int64_t[]){4}, 1);
}

/* One more place of padding goes before, where auto_pad does not say otherwise. */
static void test_transposed_shape(leattest *t)
{
    static const float x[] = {1, 2}, w[] = {1, 10, 100}, want[] = {10, 102, 20, 200};
    run_node(t, "ConvTranspose", wanted_shape, (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 2), x},
             (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 3), w}, want, 4);
}

static void cubic_border(leati_onnx_builder *o, leati_onnx_node *n)
{
    leati_onnx_set_text(o, n, "mode", "cubic");
    leati_onnx_set_text(o, n, "padding_mode", "border");
    leati_onnx_set_int(o, n, "align_corners", 1);
}

/* As PyTorch 2.15: F.grid_sample(x, grid, "bicubic", "border", True). */
static void test_cubic_grid(leattest *t)
{
    static const float x[] = {1, 2, 4}, grid[] = {1.5f, 0, -1.25f, 0, 0.5f, 0},
                       want[] = {4.1875f, 0.89453125f, 3.09375f};
    run_node(t, "GridSample", cubic_border, (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 1, 3), x},
             (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 3, 2), grid}, want, 3);
}

static void nearest_floor(leati_onnx_builder *o, leati_onnx_node *n)
{
    leati_onnx_set_text(o, n, "coordinate_transformation_mode", "asymmetric");
    leati_onnx_set_text(o, n, "nearest_mode", "floor");
}

/* As PyTorch 2.15 and ONNX Runtime: F.interpolate(x, scale_factor=s), although the floats 0.7 and
 * 1.7 are less and more than these. */
static void test_nearest_scales(leattest *t)
{
    static const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, shrink[] = {1, 1, 0.7F},
                       grow[] = {1, 1, 1.7F}, less[] = {0, 1, 2, 4, 5, 7, 8},
                       more[] = {0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 10};
    run_node(t, "Resize", nearest_floor, (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 10), x},
             (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(3), shrink}, less, 7);
    run_node(t, "Resize", nearest_floor, (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(1, 1, 11), x},
             (leat_array){LEAT_DTYPE_F32, LEAT_DIMS(3), grow}, more, 18);
}

/* A tree of two classes as boosters are exported: weights of one class, one base value. */
static leat_status write_tree(leat_context *c, const char *path)
{
    static const int64_t zeros[3] = {0}, ids[] = {0, 1, 2}, yes[] = {1, 0, 0}, no[] = {2, 0, 0};
    static const float splits[] = {1, 0, 0}, weights[] = {-1, 2}, base = 0.5F;
    static const char *const modes[] = {"BRANCH_LEQ", "LEAF", "LEAF"};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "tree");
    leati_onnx_add_opset(&o, "ai.onnx.ml", 3);
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 1}, 2,
                         (const char *const[]){"batch", NULL});
    leati_onnx_node *n =
        leati_onnx_add_node(&o, g, "TreeEnsembleClassifier", (const char *const[]){"x", NULL},
                            (const char *const[]){"label", "share", NULL});
    leati_onnx_set_domain(&o, n, "ai.onnx.ml");
    leati_onnx_set_ints(&o, n, "nodes_treeids", zeros, 3);
    leati_onnx_set_ints(&o, n, "nodes_nodeids", ids, 3);
    leati_onnx_set_ints(&o, n, "nodes_featureids", zeros, 3);
    leati_onnx_set_ints(&o, n, "nodes_truenodeids", yes, 3);
    leati_onnx_set_ints(&o, n, "nodes_falsenodeids", no, 3);
    leati_onnx_set_floats(&o, n, "nodes_values", splits, 3);
    leati_onnx_set_texts(&o, n, "nodes_modes", modes, 3);
    leati_onnx_set_ints(&o, n, "class_treeids", zeros, 2);
    leati_onnx_set_ints(&o, n, "class_nodeids", ids + 1, 2);
    leati_onnx_set_ints(&o, n, "class_ids", zeros, 2);
    leati_onnx_set_floats(&o, n, "class_weights", weights, 2);
    leati_onnx_set_ints(&o, n, "classlabels_int64s", ids, 2);
    leati_onnx_set_floats(&o, n, "base_values", &base, 1);
    leati_onnx_set_text(&o, n, "post_transform", "LOGISTIC");
    leati_onnx_add_output(&o, g, "label", LEATI_ONNX_INT64, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_add_output(&o, g, "share", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 2}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static void test_one_base_value(leattest *t)
{
    static const float x[] = {0, 2};
    const char *path = leattest_scratch("tree.onnx");
    leat_onnx_model *m;
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(2, 1), x}, out[2];
    REQUIRE_OK(write_tree(t->context, path));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    REQUIRE_OK(leat_onnx_model_run(m, &in, out));
    const int64_t *label = out[0].data;
    const float *share = out[1].data;
    CHECK(label[0] == 0 && label[1] == 1);
    CHECK(fabsf(share[1] - 0.37754067F) < 1e-6F); /* 1 / (1 + exp(0.5)) */
    CHECK(fabsf(share[3] - 0.92414182F) < 1e-6F); /* 1 / (1 + exp(-2.5)) */
    leat_onnx_model_close(m);
}

/* y = n + 1 of a column of whole numbers. */
static leat_status write_count(leat_context *c, const char *path, int32_t element)
{
    static const int64_t one = 1, dims[] = {1};
    static const int32_t one32 = 1;
    const void *by = element == LEATI_ONNX_INT64 ? (const void *)&one : &one32;
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "count");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "n", element, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_add_initializer(&o, g, "one", element, dims, 1, by);
    leati_onnx_add_node(&o, g, "Add", (const char *const[]){"n", "one", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, g, "y", element, (const int64_t[]){-1}, 1, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

/* The column n of a table through the model: its first value, or why not. */
static leat_status count_on(leattest *t, int32_t element, const char *rows, int64_t *y)
{
    char text[100];
    const char *model = leattest_scratch("count.onnx"), *path = leattest_scratch("count.csv");
    leat_onnx_model *m = NULL;
    leat_frame *f = NULL, *out = NULL;
    int n = snprintf(text, sizeof text, "n\n%s\n", rows);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(text, 1, (size_t)n, file) != (size_t)n || fclose(file)) return LEAT_IO;
    leat_status st = write_count(t->context, model, element);
    if (st == LEAT_OK) st = leat_onnx_model_open(t->context, model, NULL, &m);
    if (st == LEAT_OK) st = leat_frame_read(t->context, &f, path, NULL);
    if (st == LEAT_OK) st = leat_onnx_model_predict(m, f, &out);
    if (st == LEAT_OK) CHECK(leat_frame_whole(out, 0, 0, y));
    leat_frame_release(out);
    leat_frame_release(f);
    leat_onnx_model_close(m);
    return st;
}

static void test_whole_columns(leattest *t)
{
    int64_t y;
    REQUIRE_OK(count_on(t, LEATI_ONNX_INT64, "9007199254740993\n2", &y));
    CHECK_INT(y, 9007199254740994);
    REQUIRE_OK(count_on(t, LEATI_ONNX_INT32, "-7\n2", &y));
    CHECK_INT(y, -6);
    CHECK_FAILS(count_on(t, LEATI_ONNX_INT32, "1\n3000000000", &y), LEAT_TYPE,
                "row 2|column n|3000000000|int32");
    CHECK_FAILS(count_on(t, LEATI_ONNX_INT64, "2.5\n1", &y), LEAT_TYPE, "row 1|2.5|int64");
    CHECK_FAILS(count_on(t, LEATI_ONNX_INT64, "1\n1e300", &y), LEAT_TYPE, "row 2|int64");
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
    CHECK_FAILS(leat_onnx_model_open(t->context, path, NULL, &m), LEAT_UNSUPPORTED,
                "Frobnicate, Wobble");
    leati_onnx_add_opset(&o, "com.microsoft.nchwc", 1);
    g->node.at[0].domain = "com.microsoft.nchwc";
    REQUIRE_OK(leati_onnx_write(t->context, o.model, path));
    CHECK_FAILS(leat_onnx_model_open(t->context, path, NULL, &m), LEAT_UNSUPPORTED,
                "com.microsoft.nchwc:Frobnicate, Wobble|ORT_ENABLE_EXTENDED");
    leati_onnx_builder_fini(&o);
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

/* .npy files in and out, of as many dimensions as tensors have. */
static void test_npy(leattest *t)
{
    enum { COUNT = 24 };
    static const size_t shape[8] = {1, 2, 1, 3, 1, 2, 1, 2};
    leat_context *c = t->context;
    char model[512], in[512], out[600], file[256 + sizeof(float) * COUNT];
    float x[COUNT];
    int64_t dims[8];
    leati_onnx_builder o;
    snprintf(model, sizeof model, "%s", leattest_scratch("wide.onnx"));
    snprintf(in, sizeof in, "%s", leattest_scratch("wide.npy"));
    for (int i = 0; i < COUNT; i++) x[i] = (float)(i - 12);
    for (int i = 0; i < 8; i++) dims[i] = (int64_t)shape[i];
    leati_onnx_builder_init(&o, c, "wide");
    leati_onnx_add_input(&o, o.model->graph, "x", LEATI_ONNX_FLOAT, dims, 8, NULL);
    leati_onnx_add_node(&o, o.model->graph, "Relu", (const char *const[]){"x", NULL},
                        (const char *const[]){"wide_y", NULL});
    leati_onnx_add_output(&o, o.model->graph, "wide_y", LEATI_ONNX_FLOAT, dims, 8, NULL);
    CHECK_OK(leati_onnx_builder_status(&o));
    CHECK_OK(leati_onnx_write(c, o.model, model));
    leati_onnx_builder_fini(&o);
    size_t n = leati_npy_header(file, "<f4", shape, 8);
    memcpy(file + n, x, sizeof x);
    REQUIRE_OK(leati_file_write(c, in, file, n + sizeof x));
    leat_onnx_model *m;
    REQUIRE_OK(leat_onnx_model_open(c, model, NULL, &m));
    snprintf(out, sizeof out, "%s", in);
    *strrchr(out, '/') = '\0';
    REQUIRE_OK(leat_onnx_model_run_npy(m, (const char *const[]){in}, out));
    leat_onnx_model_close(m);
    strcat(out, "/wide_y.npy");
    leati_bytes bytes;
    leati_foreign y;
    REQUIRE_OK(leati_file_read(c, &bytes, out));
    REQUIRE_OK(leati_npy_parse(c, &y, bytes.data, bytes.size, out));
    CHECK_INT(y.dims, 8);
    for (int i = 0; i < 8; i++) CHECK_INT(y.shape[i], shape[i]);
    for (size_t i = 0; i < COUNT; i++)
        CHECK(leati_foreign_number(&y, i) == (double)(x[i] > 0 ? x[i] : 0));
    leati_bytes_release(&bytes);
}

/* y = x for x (any), of that type. */
static leat_status write_same(leat_context *c, const char *path, int32_t element)
{
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "same");
    leati_onnx_add_input(&o, o.model->graph, "x", element, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_add_node(&o, o.model->graph, "Identity", (const char *const[]){"x", NULL},
                        (const char *const[]){"same_y", NULL});
    leati_onnx_add_output(&o, o.model->graph, "same_y", element, (const int64_t[]){-1}, 1, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

/* An array of one dimension. */
static leat_status write_elements(leat_context *c, const char *path, const char *descr,
                                  size_t count, const void *data, size_t bytes)
{
    char file[1024];
    size_t n = leati_npy_header(file, descr, &count, 1);
    memcpy(file + n, data, bytes);
    return leati_file_write(c, path, file, n + bytes);
}

static leat_status run_same(leat_context *c, int32_t element, const char *in)
{
    char model[512], out[512];
    leat_onnx_model *m;
    snprintf(model, sizeof model, "%s", leattest_scratch("same.onnx"));
    snprintf(out, sizeof out, "%s", leattest_scratch("same"));
    leat_status st = write_same(c, model, element);
    if (st == LEAT_OK) st = leat_onnx_model_open(c, model, NULL, &m);
    if (st != LEAT_OK) return st;
    st = leat_onnx_model_run_npy(m, &in, out);
    leat_onnx_model_close(m);
    return st;
}

/* Elements are converted as they are, or not at all. */
static void test_exact(leattest *t)
{
    static const struct {
        int32_t element;
        double value;
        bool fits;
    } cases[] = {{LEATI_ONNX_INT64, -3, true},       {LEATI_ONNX_INT64, 2.5, false},
                 {LEATI_ONNX_INT64, NAN, false},     {LEATI_ONNX_INT64, 1e30, false},
                 {LEATI_ONNX_INT64, -0x1p63, true},  {LEATI_ONNX_INT64, 0x1p62, true},
                 {LEATI_ONNX_INT8, 127, true},       {LEATI_ONNX_INT8, 128, false},
                 {LEATI_ONNX_UINT8, -1, false},      {LEATI_ONNX_UINT64, -1, false},
                 {LEATI_ONNX_UINT64, 0x1p63, true},  {LEATI_ONNX_UINT64, 0x1p64, false},
                 {LEATI_ONNX_BOOL, 1, true},         {LEATI_ONNX_BOOL, 2, false},
                 {LEATI_ONNX_FLOAT, 0.1, true},      {LEATI_ONNX_FLOAT, 1e300, false},
                 {LEATI_ONNX_FLOAT, INFINITY, true}, {LEATI_ONNX_FLOAT, NAN, true},
                 {LEATI_ONNX_FLOAT16, 70000, false}, {LEATI_ONNX_DOUBLE, 1e300, true}};
    leat_context *c = t->context;
    char in[512];
    snprintf(in, sizeof in, "%s", leattest_scratch("same.npy"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double x[2] = {1, cases[i].value};
        REQUIRE_OK(write_elements(c, in, "<f8", 2, x, sizeof x));
        if (cases[i].fits) CHECK_OK(run_same(c, cases[i].element, in));
        else CHECK_FAILS(run_same(c, cases[i].element, in), LEAT_TYPE, "same.npy|element (1)|`x`");
    }
    static const uint64_t big[] = {UINT64_MAX};
    REQUIRE_OK(write_elements(c, in, "<u8", 1, big, sizeof big));
    CHECK_OK(run_same(c, LEATI_ONNX_UINT64, in));
    CHECK_OK(run_same(c, LEATI_ONNX_FLOAT, in));
    CHECK_FAILS(run_same(c, LEATI_ONNX_INT64, in), LEAT_TYPE, "1.8446744073709552e+19|int64");
    static const int64_t whole[] = {300};
    REQUIRE_OK(write_elements(c, in, "<i8", 1, whole, sizeof whole));
    CHECK_FAILS(run_same(c, LEATI_ONNX_INT8, in), LEAT_TYPE, "300|int8");
}

/* What the model of write_same wrote for the array in the file `in`: its text or number `at`. */
static void check_same(leattest *t, int32_t element, const char *in, size_t at, const char *text,
                       double number, const char *descr)
{
    char path[512], head[71] = "";
    leati_bytes bytes;
    leati_foreign y;
    leati_str got;
    snprintf(path, sizeof path, "%s", leattest_scratch("same/same_y.npy"));
    if (!CHECK_OK(run_same(t->context, element, in))) return;
    REQUIRE_OK(leati_file_read(t->context, &bytes, path));
    REQUIRE_OK(leati_npy_parse(t->context, &y, bytes.data, bytes.size, path));
    REQUIRE(bytes.size > 80);
    memcpy(head, bytes.data + 10, 70);
    CHECK(strstr(head, descr));
    leati_str_init(&got, t->context);
    if (text) leati_foreign_text(&y, at, &got);
    if (text) CHECK_STR(leati_str_text(&got), text);
    else CHECK(leati_foreign_number(&y, at) == number);
    leati_str_fini(&got);
    leati_bytes_release(&bytes);
}

/* Texts, and types that NumPy does not have. */
static void test_other_types(leattest *t)
{
    static const uint32_t str[] = {0xe4, 0x1f600, 0, 'b', 0, 0};
    static const double numbers[] = {-3, 0.5};
    leat_context *c = t->context;
    char in[512];
    snprintf(in, sizeof in, "%s", leattest_scratch("same.npy"));
    REQUIRE_OK(write_elements(c, in, "<U3", 2, str, sizeof str));
    check_same(t, LEATI_ONNX_STRING, in, 0, "\xc3\xa4\xf0\x9f\x98\x80", 0, "'<U2'");
    check_same(t, LEATI_ONNX_STRING, in, 1, "b", 0, "'<U2'");
    CHECK_FAILS(run_same(c, LEATI_ONNX_FLOAT, in), LEAT_TYPE, "same.npy holds texts|of numbers");
    REQUIRE_OK(write_elements(c, in, "|S2", 2, "no\0\0", 4));
    check_same(t, LEATI_ONNX_STRING, in, 0, "no", 0, "'<U2'");
    check_same(t, LEATI_ONNX_STRING, in, 1, "", 0, "'<U2'");
    REQUIRE_OK(write_elements(c, in, "|S2", 2, "n\xe4\0\0", 4));
    CHECK_FAILS(run_same(c, LEATI_ONNX_STRING, in), LEAT_TYPE, "no UTF-8");
    REQUIRE_OK(write_elements(c, in, "|S0", 1 << 21, "", 0));
    CHECK_FAILS(run_same(c, LEATI_ONNX_STRING, in), LEAT_LIMIT, "2097152 empty texts");
    REQUIRE_OK(write_elements(c, in, "<f8", 2, numbers, sizeof numbers));
    CHECK_FAILS(run_same(c, LEATI_ONNX_STRING, in), LEAT_TYPE, "holds numbers|of texts");
    check_same(t, LEATI_ONNX_BFLOAT16, in, 1, NULL, 0.5, "'<f4'");
    check_same(t, LEATI_ONNX_FLOAT8E4M3FN, in, 1, NULL, 0.5, "'<f4'");
    CHECK_FAILS(run_same(c, LEATI_ONNX_INT4, in), LEAT_TYPE, "element (1) is 0.5|INT4");
    CHECK_FAILS(run_same(c, LEATI_ONNX_COMPLEX64, in), LEAT_UNSUPPORTED, "`x`|COMPLEX64");
    REQUIRE_OK(write_elements(c, in, "<f8", 1, numbers, 8));
    check_same(t, LEATI_ONNX_INT4, in, 0, NULL, -3, "'|i1'");
}

/* s = (x, x), and an output that is called as its first item's file. */
static void test_sequence_files(leattest *t)
{
    static const char *const files[] = {"s_0_2.npy", "s_1.npy", "s_0.npy"};
    static const double x[] = {1, 2};
    leat_context *c = t->context;
    char model[512], in[512], out[512];
    leat_onnx_model *m;
    leat_onnx_file f;
    leati_onnx_builder o;
    snprintf(model, sizeof model, "%s", leattest_scratch("sequence.onnx"));
    snprintf(in, sizeof in, "%s", leattest_scratch("sequence.npy"));
    snprintf(out, sizeof out, "%s", leattest_scratch("sequence"));
    leati_onnx_builder_init(&o, c, "sequence");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_add_node(&o, g, "SequenceConstruct", (const char *const[]){"x", "x", NULL},
                        (const char *const[]){"s", NULL});
    leati_onnx_add_node(&o, g, "Identity", (const char *const[]){"x", NULL},
                        (const char *const[]){"s_0", NULL});
    leati_onnx_add_output(&o, g, "s", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_add_output(&o, g, "s_0", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    REQUIRE_OK(leati_onnx_builder_status(&o));
    leati_onnx_type *type = leati_pb_new(&o.arena, &leati_onnx_type_pb);
    leati_onnx_elem_type *list = leati_pb_new(&o.arena, &leati_onnx_elem_type_pb);
    REQUIRE(type && list);
    list->elem_type = g->output.at[0].type;
    type->sequence_type = list;
    g->output.at[0].type = type;
    CHECK_OK(leati_onnx_write(c, o.model, model));
    leati_onnx_builder_fini(&o);
    REQUIRE_OK(write_elements(c, in, "<f8", 2, x, sizeof x));
    REQUIRE_OK(leat_onnx_model_open(c, model, NULL, &m));
    CHECK_OK(leat_onnx_model_run_npy(m, (const char *const[]){in}, out));
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(leat_onnx_model_file_at(m, i, &f));
        CHECK_STR(f.output, i < 2 ? "s" : "s_0");
        CHECK_STR(leati_path_base(f.path), files[i]);
        CHECK(leati_path_exists(f.path));
    }
    CHECK(!leat_onnx_model_file_at(m, 3, &f));
    leat_onnx_model_close(m);
}

static leat_status open_and_run_texts(leat_context *c, void *in)
{
    leat_onnx_model *m;
    char model[512], out[512];
    snprintf(model, sizeof model, "%s", leattest_scratch("same.onnx"));
    snprintf(out, sizeof out, "%s", leattest_scratch("same"));
    leat_status st = leat_onnx_model_open(c, model, NULL, &m);
    if (st != LEAT_OK) return st;
    st = leat_onnx_model_run_npy(m, (const char *const[]){in}, out);
    leat_onnx_model_close(m);
    return st;
}

static void test_file_memory(leattest *t)
{
    char in[512], model[512];
    snprintf(in, sizeof in, "%s", leattest_scratch("same.npy"));
    snprintf(model, sizeof model, "%s", leattest_scratch("same.onnx"));
    REQUIRE_OK(write_elements(t->context, in, "|S2", 2, "ab\0\0", 4));
    REQUIRE_OK(write_same(t->context, model, LEATI_ONNX_STRING));
    leattest_fail_allocations(t, open_and_run_texts, in);
}

/* Names that become the same on the way to files: a+b, a_b, a b (copies of x), in that order. */
static void test_file_names(leattest *t)
{
    static const char *const names[] = {"a+b", "a_b", "a b"};
    static const char *const files[] = {"a_b_2.npy", "a_b.npy", "a_b_3.npy"};
    static const double x[] = {1, 2};
    leat_context *c = t->context;
    char model[512], in[512], out[512];
    leat_onnx_model *m;
    leat_onnx_file f;
    leati_onnx_builder o;
    snprintf(model, sizeof model, "%s", leattest_scratch("names.onnx"));
    snprintf(in, sizeof in, "%s", leattest_scratch("names.npy"));
    snprintf(out, sizeof out, "%s", leattest_scratch("names"));
    leati_onnx_builder_init(&o, c, "names");
    leati_onnx_add_input(&o, o.model->graph, "x", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    for (int i = 0; i < 3; i++) {
        leati_onnx_add_node(&o, o.model->graph, "Identity", (const char *const[]){"x", NULL},
                            (const char *const[]){names[i], NULL});
        leati_onnx_add_output(&o, o.model->graph, names[i], LEATI_ONNX_FLOAT, (const int64_t[]){-1},
                              1, NULL);
    }
    CHECK_OK(leati_onnx_builder_status(&o));
    CHECK_OK(leati_onnx_write(c, o.model, model));
    leati_onnx_builder_fini(&o);
    REQUIRE_OK(write_elements(c, in, "<f8", 2, x, sizeof x));
    REQUIRE_OK(leat_onnx_model_open(c, model, NULL, &m));
    CHECK(!leat_onnx_model_file_at(m, 0, &f));
    for (int turn = 0; turn < 2; turn++) /* the second writes over the first */
        CHECK_OK(leat_onnx_model_run_npy(m, (const char *const[]){in}, out));
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(leat_onnx_model_file_at(m, i, &f));
        CHECK_STR(f.output, names[i]);
        CHECK_STR(f.type, "float32");
        CHECK(f.shape.rank == 1 && f.shape.dim[0] == 2);
        CHECK_STR(leati_path_base(f.path), files[i]);
        CHECK(leati_path_exists(f.path));
    }
    CHECK(!leat_onnx_model_file_at(m, 3, &f));
    leat_onnx_model_close(m);
}

/* ---- loops -------------------------------------------------------------------------------------
 */

enum { STEPS_MOST = 40, WIDE = 80 };

/* Scan over x (2, T, 3) along axis 1: h = tanh(x w + h r + b), with w from around the body, r in it
 * and b (1, WIDE: more than a constant) cut to size; the results from the last step to the first,
 * stacked along axis 2. */
static leat_status write_scan(leat_context *c, const char *path, int64_t steps, bool reverse)
{
    float r[9], w[9], b[WIDE];
    static const int64_t three[] = {3}, zero[] = {0}, one[] = {1};
    for (int i = 0; i < 9; i++) w[i] = 0.1f * (float)(i - 4), r[i] = 0.2f * (float)(3 - i % 5);
    for (int i = 0; i < WIDE; i++) b[i] = 0.01f * (float)i;
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "scan");
    leati_onnx_graph *g = o.model->graph, *body = leati_onnx_new_graph(&o, "body");
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){2, steps, 3}, 3, NULL);
    leati_onnx_add_input(&o, g, "h0", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3}, 2, NULL);
    leati_onnx_add_initializer(&o, g, "w", LEATI_ONNX_FLOAT, (const int64_t[]){3, 3}, 2, w);
    leati_onnx_add_initializer(&o, g, "b", LEATI_ONNX_FLOAT, (const int64_t[]){1, WIDE}, 2, b);
    leati_onnx_add_initializer(&o, body, "r", LEATI_ONNX_FLOAT, (const int64_t[]){3, 3}, 2, r);
    leati_onnx_add_initializer(&o, body, "to", LEATI_ONNX_INT64, one, 1, three);
    leati_onnx_add_initializer(&o, body, "from", LEATI_ONNX_INT64, one, 1, zero);
    leati_onnx_add_initializer(&o, body, "axis", LEATI_ONNX_INT64, one, 1, one);
    leati_onnx_add_input(&o, body, "h", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3}, 2, NULL);
    leati_onnx_add_input(&o, body, "xt", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3}, 2, NULL);
    leati_onnx_add_node(&o, body, "MatMul", (const char *const[]){"xt", "w", NULL},
                        (const char *const[]){"xw", NULL});
    leati_onnx_add_node(&o, body, "MatMul", (const char *const[]){"h", "r", NULL},
                        (const char *const[]){"hr", NULL});
    leati_onnx_add_node(&o, body, "Add", (const char *const[]){"xw", "hr", NULL},
                        (const char *const[]){"s", NULL});
    leati_onnx_add_node(&o, body, "Slice", (const char *const[]){"b", "from", "to", "axis", NULL},
                        (const char *const[]){"few", NULL});
    leati_onnx_add_node(&o, body, "Add", (const char *const[]){"s", "few", NULL},
                        (const char *const[]){"t", NULL});
    leati_onnx_add_node(&o, body, "Tanh", (const char *const[]){"t", NULL},
                        (const char *const[]){"next", NULL});
    leati_onnx_add_node(&o, body, "Identity", (const char *const[]){"next", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, body, "next", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3}, 2, NULL);
    leati_onnx_add_output(&o, body, "y", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3}, 2, NULL);
    leati_onnx_node *n = leati_onnx_add_node(&o, g, "Scan", (const char *const[]){"h0", "x", NULL},
                                             (const char *const[]){"last", "all", NULL});
    leati_onnx_set_graph(&o, n, "body", body);
    leati_onnx_set_int(&o, n, "num_scan_inputs", 1);
    leati_onnx_set_ints(&o, n, "scan_input_axes", one, 1);
    leati_onnx_set_ints(&o, n, "scan_output_axes", (const int64_t[]){2}, 1);
    leati_onnx_set_ints(&o, n, "scan_output_directions", one, 1);
    if (reverse) leati_onnx_set_ints(&o, n, "scan_input_directions", one, 1);
    leati_onnx_add_output(&o, g, "last", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3}, 2, NULL);
    leati_onnx_add_output(&o, g, "all", LEATI_ONNX_FLOAT, (const int64_t[]){2, 3, steps}, 3, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static void check_scan(leattest *t, int64_t steps, bool reverse)
{
    char path[512];
    float x[2 * STEPS_MOST * 3], h0[6];
    double h[6];
    leat_onnx_model *m;
    leat_array out[2];
    snprintf(path, sizeof path, "%s", leattest_scratch("scan.onnx"));
    REQUIRE_OK(write_scan(t->context, path, steps, reverse));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    for (int again = 0; again < 2; again++) {
        for (int64_t i = 0; i < 6 * steps; i++) x[i] = (float)sin((double)(i * (3 + again)));
        for (int i = 0; i < 6; i++) h[i] = h0[i] = 0.1f * (float)(i - again);
        leat_array in[2] = {{LEAT_DTYPE_F32, LEAT_DIMS(2, steps, 3), x},
                            {LEAT_DTYPE_F32, LEAT_DIMS(2, 3), h0}};
        REQUIRE_OK(leat_onnx_model_run(m, in, out));
        for (int64_t s = 0; s < steps; s++) {
            double next[6];
            const float *xs = x + 3 * (reverse ? steps - 1 - s : s);
            for (int i = 0; i < 6; i++) {
                int n = i / 3, u = i % 3;
                double sum = 0.01 * u;
                for (int k = 0; k < 3; k++)
                    sum += (double)xs[n * steps * 3 + k] * 0.1 * (3 * k + u - 4) +
                           h[3 * n + k] * 0.2 * (3 - (3 * k + u) % 5);
                next[i] = tanh(sum);
            }
            memcpy(h, next, sizeof h);
            for (int i = 0; i < 6; i++)
                CHECK_NEAR((double)((const float *)out[1].data)[i * steps + steps - 1 - s], h[i],
                           1e-5, 1e-6);
        }
        for (int i = 0; i < 6; i++)
            CHECK_NEAR((double)((const float *)out[0].data)[i], h[i], 1e-5, 1e-6);
    }
    leat_onnx_model_close(m);
}

static void test_scans(leattest *t)
{
    static const int64_t steps[] = {1, 7, 31, 32, STEPS_MOST};
    for (int i = 0; i < 5; i++)
        for (int reverse = 0; reverse < 2; reverse++) check_scan(t, steps[i], reverse);
}

/* Kinds of bodies: a sum that goes on, one that stops by its condition, a state that grows, numbers
 * that are drawn. */
typedef enum body_kind { GOES_ON, STOPS, GROWS, DRAWS } body_kind;

/* s = s + x i in each step i; result: the input of s, which goes through. */
static leat_status write_loop(leat_context *c, const char *path, int64_t steps, body_kind kind)
{
    static const int64_t one[] = {1};
    static const float limit[] = {10};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "loop");
    leati_onnx_graph *g = o.model->graph, *body = leati_onnx_new_graph(&o, "body");
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, one, 1, NULL);
    leati_onnx_add_initializer(&o, g, "steps", LEATI_ONNX_INT64, scalar, 0, &steps);
    leati_onnx_add_initializer(&o, g, "limit", LEATI_ONNX_FLOAT, scalar, 0, limit);
    leati_onnx_add_input(&o, body, "i", LEATI_ONNX_INT64, scalar, 0, NULL);
    leati_onnx_add_input(&o, body, "go", LEATI_ONNX_BOOL, scalar, 0, NULL);
    leati_onnx_add_input(&o, body, "s", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_node *cast = leati_onnx_add_node(&o, body, "Cast", (const char *const[]){"i", NULL},
                                                (const char *const[]){"k", NULL});
    leati_onnx_set_int(&o, cast, "to", LEATI_ONNX_FLOAT);
    leati_onnx_add_node(&o, body, "Mul", (const char *const[]){"x", "k", NULL},
                        (const char *const[]){"xk", NULL});
    leati_onnx_add_node(&o, body, "Add", (const char *const[]){"s", "xk", NULL},
                        (const char *const[]){"sum", NULL});
    if (kind == GROWS) {
        leati_onnx_node *n =
            leati_onnx_add_node(&o, body, "Concat", (const char *const[]){"s", "xk", NULL},
                                (const char *const[]){"next", NULL});
        leati_onnx_set_int(&o, n, "axis", 0);
    } else if (kind == DRAWS) {
        leati_onnx_add_node(&o, body, "RandomUniformLike", (const char *const[]){"s", NULL},
                            (const char *const[]){"next", NULL});
    } else {
        leati_onnx_add_node(&o, body, "Identity", (const char *const[]){"sum", NULL},
                            (const char *const[]){"next", NULL});
    }
    if (kind == STOPS) {
        leati_onnx_node *n =
            leati_onnx_add_node(&o, body, "ReduceMax", (const char *const[]){"sum", NULL},
                                (const char *const[]){"most", NULL});
        leati_onnx_set_int(&o, n, "keepdims", 0);
        leati_onnx_add_node(&o, body, "Less", (const char *const[]){"most", "limit", NULL},
                            (const char *const[]){"on", NULL});
    } else {
        leati_onnx_add_node(&o, body, "Identity", (const char *const[]){"go", NULL},
                            (const char *const[]){"on", NULL});
    }
    leati_onnx_add_output(&o, body, "on", LEATI_ONNX_BOOL, scalar, 0, NULL);
    leati_onnx_add_output(&o, body, "next", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    if (kind != GROWS)
        leati_onnx_add_output(&o, body, "s", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    leati_onnx_node *loop =
        leati_onnx_add_node(&o, g, "Loop", (const char *const[]){"steps", "", "x", NULL},
                            kind == GROWS ? (const char *const[]){"last", NULL}
                                          : (const char *const[]){"last", "all", NULL});
    leati_onnx_set_graph(&o, loop, "body", body);
    leati_onnx_add_output(&o, g, "last", LEATI_ONNX_FLOAT, (const int64_t[]){-1}, 1, NULL);
    if (kind != GROWS)
        leati_onnx_add_output(&o, g, "all", LEATI_ONNX_FLOAT, (const int64_t[]){-1, -1}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static void check_loop(leattest *t, int64_t steps, body_kind kind)
{
    char path[512];
    leat_onnx_model *m;
    leat_array out[2];
    snprintf(path, sizeof path, "%s", leattest_scratch("loop.onnx"));
    REQUIRE_OK(write_loop(t->context, path, steps, kind));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    for (int again = 0; again < 2; again++) {
        float x = 1 + (float)again, s = x;
        leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(1), &x};
        REQUIRE_OK(leat_onnx_model_run(m, &in, out));
        const float *last = out[0].data, *all = kind == GROWS ? NULL : out[1].data;
        int64_t done = 0;
        for (; done < steps && kind != DRAWS && (kind != STOPS || done == 0 || s < 10); done++) {
            if (kind == GROWS) CHECK(last[done + 1] == x * (float)done);
            else CHECK(all[done] == s);
            s += x * (float)done;
        }
        if (kind == GROWS) CHECK_INT(out[0].shape.dim[0], steps + 1);
        else if (kind != DRAWS) CHECK(last[0] == s && out[1].shape.dim[0] == done);
        else /* other numbers in every step */
            for (int64_t i = 2; i < steps; i++) CHECK(all[i] != all[i - 1]);
    }
    leat_onnx_model_close(m);
}

static void test_loops(leattest *t)
{
    for (body_kind kind = GOES_ON; kind <= DRAWS; kind++) {
        check_loop(t, 5, kind);
        check_loop(t, 40, kind);
    }
}

/* A loop holds what it computes and not every step that led there; so does what a server keeps
 * between requests. */
static void check_long_loop(leattest *t, int64_t steps)
{
    static const float x = 1e-9f;
    const leati_otensor in = {LEATI_ONNX_FLOAT, LEAT_DIMS(1), &x};
    leati_omodel *m;
    leati_oval **outs;
    const char *path = leattest_scratch("long.onnx");
    REQUIRE_OK(write_loop(t->context, path, steps, STOPS));
    REQUIRE_OK(leati_omodel_open(t->context, path, NULL, &m));
    uint64_t before = leat_context_bytes(t->context);
    REQUIRE_OK(leati_omodel_run(m, &in, &outs));
    CHECK(leat_context_peak_bytes(t->context) - before < 48 << 20);
    const float *last = outs[0]->host, *all = outs[1]->host;
    float s = x;
    CHECK_INT(outs[1]->shape.dim[0], steps);
    for (int64_t i = 0; i < steps; i++) {
        CHECK(all[i] == s);
        s += x * (float)i;
    }
    CHECK(last[0] == s);
    leati_omodel_rest(m);
    CHECK(leat_context_bytes(t->context) < before + (2 << 20));
    leati_omodel_close(m);
}

static void test_loop_memory(leattest *t)
{
    check_long_loop(t, 4096);
    check_long_loop(t, 4097); /* more than one operation joins */
    check_long_loop(t, 60000);
}

/* The message names the limit. */
static void test_loop_limit(leattest *t)
{
    static const float x = 1e-9f;
    const leati_otensor in = {LEATI_ONNX_FLOAT, LEAT_DIMS(1), &x};
    leati_omodel *m;
    leati_oval **outs;
    const char *path = leattest_scratch("long.onnx");
    REQUIRE_OK(write_loop(t->context, path, 1000, STOPS));
    REQUIRE_OK(leati_omodel_open(t->context, path, NULL, &m));
    CHECK(leati_omodel_limit(m, 300) > 300);
    CHECK_FAILS(leati_omodel_run(m, &in, &outs), LEAT_LIMIT,
                "node `|(Loop)|300 nodes|at each step");
    leati_omodel_close(m);
}

/* x (2, 3) and its Relu, announced as something else. */
static leat_status write_promise(leat_context *c, const char *path, int64_t rows, int32_t element,
                                 int64_t columns)
{
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "promise");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){rows, 3}, 2, NULL);
    leati_onnx_add_node(&o, g, "Relu", (const char *const[]){"x", NULL},
                        (const char *const[]){"y", NULL});
    leati_onnx_add_output(&o, g, "y", element, (const int64_t[]){2, columns}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

/* What a file says of its outputs holds: types always, shapes where those of the inputs are fixed.
 */
static void test_promises(leattest *t)
{
    static const struct {
        int64_t rows, columns;
        int32_t element;
        leat_status status;
    } kinds[] = {{2, 3, LEATI_ONNX_FLOAT, LEAT_OK},
                 {2, -1, LEATI_ONNX_FLOAT, LEAT_OK},
                 {2, 7, LEATI_ONNX_FLOAT, LEAT_SHAPE},
                 {-1, 7, LEATI_ONNX_FLOAT, LEAT_OK}, /* may be of another batch */
                 {-1, 3, LEATI_ONNX_INT64, LEAT_TYPE}};
    static const float x[6];
    const char *path = leattest_scratch("promise.onnx");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        leat_onnx_model *m;
        leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(2, 3), x}, out;
        REQUIRE_OK(
            write_promise(t->context, path, kinds[i].rows, kinds[i].element, kinds[i].columns));
        REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
        leat_status st = leat_onnx_model_run(m, &in, &out);
        CHECK_INT(st, kinds[i].status);
        if (st != LEAT_OK)
            CHECK(strstr(leat_error_message(t->context), "output `y` is announced as") &&
                  strstr(leat_error_message(t->context), "computes float32 (2, 3)"));
        leat_error_clear(t->context);
        leat_onnx_model_close(m);
    }
}

static leat_status run_scan(leat_context *c, void *path)
{
    static const float x[2 * STEPS_MOST * 3], h0[6];
    leat_onnx_model *m;
    leat_array in[2] = {{LEAT_DTYPE_F32, LEAT_DIMS(2, STEPS_MOST, 3), x},
                        {LEAT_DTYPE_F32, LEAT_DIMS(2, 3), h0}},
               out[2];
    leat_status st = leat_onnx_model_open(c, path, NULL, &m);
    if (st != LEAT_OK) return st;
    st = leat_onnx_model_run(m, in, out);
    leat_onnx_model_close(m);
    return st;
}

static void test_scan_memory(leattest *t)
{
    char path[512];
    snprintf(path, sizeof path, "%s", leattest_scratch("scan.onnx"));
    REQUIRE_OK(write_scan(t->context, path, STEPS_MOST, false));
    leattest_fail_some_allocations(t, run_scan, path);
}

static const leattest_case cases[] = {
    TEST(test_again),          TEST(test_announced),      TEST(test_exact),
    TEST(test_file_names),     TEST(test_other_types),    TEST(test_sequence_files),
    TEST(test_file_memory),    TEST(test_file_changes),   TEST(test_memory),
    TEST(test_repeated),       TEST(test_unsupported),    TEST(test_other_texts),
    TEST(test_unique),         TEST(test_top_of_nan),     TEST(test_transposed_shape),
    TEST(test_cubic_grid),     TEST(test_nearest_scales), TEST(test_recurrent),
    TEST(test_one_base_value), TEST(test_whole_columns),  TEST(test_npy),
    TEST(test_scans),          TEST(test_loops),          TEST(test_scan_memory),
    TEST(test_bad_lists),      TEST(test_loop_memory),    TEST(test_loop_limit),
    TEST(test_promises)};
LEATTEST_MAIN(cases)
