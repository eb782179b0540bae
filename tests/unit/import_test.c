/* Imported models: the file, what is damaged, tables through ONNX models. */
#include <leat/exchange.h>
#include <leat/onnx.h>

#include "base/mem.h"
#include "frame/frame.h"
#include "model/graph_file.h"
#include "model/model.h"
#include "model/onnx_file.h"
#include "model/onnx_write.h"
#include "support/fitted.h"
#include "support/leattest.h"
#include "support/tables.h"
#include "support/weights_beside.h"

/* The table's estimator as ONNX, and that imported; texts among the inputs. */
static leat_model *make_files(leattest *t, const leat_frame *f, const char *onnx, const char *leat)
{
    leat_model *m = leattest_model(t->context, f, "kind", "id", "lda", NULL, "auto");
    if (CHECK(m) && CHECK_OK(leat_model_export(t->context, m, "onnx", onnx, NULL)) &&
        CHECK_OK(leat_model_import(t->context, onnx, leat, NULL)))
        return m;
    leat_model_release(m);
    return NULL;
}

static void round_trip(leattest *t)
{
    char onnx[512], leat[512];
    snprintf(onnx, sizeof onnx, "%s", leattest_scratch("wood.onnx"));
    snprintf(leat, sizeof leat, "%s", leattest_scratch("wood.leat"));
    leat_frame *f = leattest_table(t->context, 60, 1), *got = NULL, *want = NULL;
    REQUIRE(f);
    leat_model *m = make_files(t, f, onnx, leat), *other;
    REQUIRE(m);
    leat_onnx_model *o;
    CHECK(leat_model_holds_graph(t->context, leat));
    CHECK(!leat_model_holds_graph(t->context, onnx));
    CHECK(!leat_model_holds_graph(t->context, "nothing.leat"));
    CHECK_FAILS(leat_model_open(t->context, &other, leat), LEAT_UNSUPPORTED,
                "imported graph|leat run");
    REQUIRE_OK(leat_onnx_model_open(t->context, leat, NULL, &o));
    CHECK_OK(leat_onnx_model_predict(o, f, &got));
    CHECK_OK(leat_model_predict(t->context, m, f, true, &want));
    REQUIRE(got && want);
    CHECK_STR(leat_frame_name(got, 0), "class");
    CHECK_STR(leat_frame_name(got, 2), "probabilities_1");
    double worst = 0;
    for (size_t i = 0; i < 60; i++)
        for (size_t k = 1; k < 4; k++) {
            double a, b;
            CHECK(leat_frame_number(got, k, i, &a) && leat_frame_number(want, k, i, &b));
            worst = fmax(worst, fabs(a - b));
        }
    CHECK(worst < 1e-12);
    leat_frame_release(got);
    leat_frame_release(want);
    leat_onnx_model_close(o);
    leat_model_release(m);
    leat_frame_release(f);
}

/* y = 2 x for x (batch, 3), in batches of `batch` (-1: any). */
static leat_status write_double(leat_context *c, const char *path, int64_t batch, const char *op)
{
    leati_onnx_builder b;
    static const float two = 2;
    int64_t dims[2] = {batch, 3};
    leati_onnx_builder_init(&b, c, "double");
    (void)leati_onnx_add_initializer(&b, b.model->graph, "two", LEATI_ONNX_FLOAT, NULL, 0, &two);
    (void)leati_onnx_add_node(&b, b.model->graph, op, (const char *const[]){"x", "two", NULL},
                              (const char *const[]){"y", NULL});
    leati_onnx_add_input(&b, b.model->graph, "x", LEATI_ONNX_FLOAT, dims, 2, NULL);
    leati_onnx_add_output(&b, b.model->graph, "y", LEATI_ONNX_FLOAT, dims, 2, NULL);
    leat_status st = leati_onnx_builder_status(&b);
    if (st == LEAT_OK) st = leati_onnx_write(c, b.model, path);
    leati_onnx_builder_fini(&b);
    return st;
}

/* y = x (rows, inner) w (3, 2). */
static leat_status write_product(leat_context *c, const char *path, int64_t rows, int64_t inner)
{
    leati_onnx_builder b;
    static const float w[6] = {1};
    leati_onnx_builder_init(&b, c, "product");
    (void)leati_onnx_add_initializer(&b, b.model->graph, "w", LEATI_ONNX_FLOAT,
                                     (const int64_t[]){3, 2}, 2, w);
    (void)leati_onnx_add_node(&b, b.model->graph, "MatMul", (const char *const[]){"x", "w", NULL},
                              (const char *const[]){"y", NULL});
    leati_onnx_add_input(&b, b.model->graph, "x", LEATI_ONNX_FLOAT, (int64_t[]){rows, inner}, 2,
                         NULL);
    leati_onnx_add_output(&b, b.model->graph, "y", LEATI_ONNX_FLOAT, (int64_t[]){rows, 2}, 2, NULL);
    leat_status st = leati_onnx_builder_status(&b);
    if (st == LEAT_OK) st = leati_onnx_write(c, b.model, path);
    leati_onnx_builder_fini(&b);
    return st;
}

/* Whether the file holds the text. */
static bool file_holds(leattest *t, const char *path, const char *text)
{
    leati_bytes b;
    if (!CHECK_OK(leati_file_read(t->context, &b, path))) return false;
    size_t n = strlen(text);
    bool holds = false;
    for (size_t i = 0; i + n <= b.size && !holds; i++) holds = memcmp(b.data + i, text, n) == 0;
    leati_bytes_release(&b);
    return holds;
}

/* Arrays alone do not say what their columns and classes are. */
static void arrays_with_names(leattest *t)
{
    char path[512];
    leat_frame *f = leattest_table(t->context, 60, 1);
    REQUIRE(f);
    leat_model *m = leattest_model(t->context, f, "kind", "id", "lda", NULL, "auto");
    REQUIRE(m);
    snprintf(path, sizeof path, "%s", leattest_scratch("arrays.safetensors"));
    CHECK_OK(leat_model_export(t->context, m, "safetensors", path, NULL));
    CHECK(file_holds(t, path, "{\"__metadata__\":{\"leat.model\":\"{\\u000a"));
    CHECK(file_holds(t, path, "\\\"levels\\\": ["));
    CHECK(file_holds(t, path, "\\\"classes\\\": ["));
    snprintf(path, sizeof path, "%s", leattest_scratch("arrays.npz"));
    CHECK_OK(leat_model_export(t->context, m, "npz", path, NULL));
    CHECK(file_holds(t, path, "leat.model.npy"));
    leat_model_release(m);
    leat_frame_release(f);
}

/* A graph that no input fits is refused when it is imported. */
static void misfits(leattest *t)
{
    char to[512];
    const char *path = leattest_scratch("product.onnx");
    snprintf(to, sizeof to, "%s", leattest_scratch("product.leat"));
    for (int64_t rows = -1; rows < 3; rows += 3) {
        REQUIRE_OK(write_product(t->context, path, rows, 3));
        CHECK_OK(leat_model_import(t->context, path, to, NULL));
        REQUIRE_OK(write_product(t->context, path, rows, 4));
        CHECK_FAILS(leat_model_import(t->context, path, to, NULL), LEAT_SHAPE,
                    "product.onnx: it cannot run|node `y` (MatMul)");
        REQUIRE_OK(write_product(t->context, path, rows, -1)); /* who knows */
        CHECK_OK(leat_model_import(t->context, path, to, NULL));
    }
}

static leat_frame *columns(leat_context *c, size_t count, size_t rows)
{
    leat_frame *f = leati_frame_create(c, rows);
    for (size_t j = 0; f && j < count; j++) {
        char name[8];
        snprintf(name, sizeof name, "c%zu", j);
        leati_column *col = leati_column_create(c, LEAT_F64, rows);
        for (size_t i = 0; col && i < rows; i++) col->f64[i] = (double)(10 * i + j);
        if (leati_frame_add(c, f, name, col) == LEAT_OK) continue;
        leat_frame_release(f);
        return NULL;
    }
    return f;
}

/* All columns side by side, and batches of a fixed size. */
static void matrix(leattest *t)
{
    const char *path = leattest_scratch("double.onnx");
    leat_frame *three = columns(t->context, 3, 6), *two = columns(t->context, 2, 6), *got = NULL;
    leat_onnx_model *o;
    double v;
    REQUIRE(three && two);
    for (int64_t batch = -1; batch <= 2; batch += 3) {
        REQUIRE_OK(write_double(t->context, path, batch, "Mul"));
        REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &o));
        CHECK_OK(leat_onnx_model_predict(o, three, &got));
        REQUIRE(got);
        CHECK_INT(leat_frame_columns(got), 3);
        CHECK(leat_frame_number(got, 2, 5, &v) && v == 104);
        CHECK_STR(leat_frame_name(got, 2), "y_2");
        leat_frame_release(got);
        CHECK_FAILS(leat_onnx_model_predict(o, two, &got), LEAT_SHAPE, "2 columns|takes 3");
        leat_onnx_model_close(o);
    }
    REQUIRE_OK(write_double(t->context, path, 4, "Mul"));
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &o));
    CHECK_FAILS(leat_onnx_model_predict(o, three, &got), LEAT_SHAPE, "4 rows at a time");
    leat_onnx_model_close(o);
    leat_frame_release(three);
    leat_frame_release(two);
}

/* What leattest_model_beside's model gives for one row, with the weights below. */
static void check_beside(leattest *t, const char *path)
{
    leat_onnx_model *m;
    leat_array in = {LEAT_DTYPE_F32, LEAT_DIMS(1, 3), (const float[]){1, 2, 3}}, out;
    REQUIRE_OK(leat_onnx_model_open(t->context, path, NULL, &m));
    if (CHECK_OK(leat_onnx_model_run(m, &in, &out)))
        CHECK_NEAR(*(const float *)out.data, 1 * 2 + 2 * 3 + 3 * 4 + 5, 0, 0);
    leat_onnx_model_close(m);
}

/* Only the model is at hand, not its folder. */
static void check_sent(leattest *t, const char *path)
{
    leati_bytes bytes;
    leati_onnx *file;
    leati_pb_bytes view;
    REQUIRE_OK(leati_file_read(t->context, &bytes, path));
    if (CHECK_OK(leati_onnx_parse(t->context, &file, bytes.data, bytes.size, "sent")))
        CHECK_FAILS(
            leati_onnx_tensor_data(t->context, file, &file->model->graph->initializer.at[0], &view),
            LEAT_UNSUPPORTED, "beside.onnx.data|leat import");
    leati_onnx_close(file);
    leati_bytes_release(&bytes);
}

/* Weights in a file beside the model, as PyTorch writes them, end up in what is written. */
static void beside(leattest *t)
{
    static const float weights[] = {2, 3, 4, 5};
    char onnx[512], leat[512], back[512], data[512];
    snprintf(onnx, sizeof onnx, "%s", leattest_scratch("beside.onnx"));
    snprintf(leat, sizeof leat, "%s", leattest_scratch("beside.leat"));
    snprintf(back, sizeof back, "%s", leattest_scratch("back.onnx"));
    snprintf(data, sizeof data, "%s", leattest_scratch("beside.onnx.data"));
    REQUIRE_OK(leattest_model_beside(t->context, onnx, "beside.onnx.data"));
    CHECK_FAILS(leat_model_import(t->context, onnx, leat, NULL), LEAT_NOT_FOUND,
                "beside.onnx|copy it");
    REQUIRE_OK(leati_file_write(t->context, data, weights, sizeof weights));
    check_beside(t, onnx);
    REQUIRE_OK(leat_model_import(t->context, onnx, leat, NULL));
    REQUIRE_OK(leat_graph_export(t->context, leat, "onnx", back, NULL));
    leat_frame *f = columns(t->context, 4, 6), *got = NULL;
    leat_graph_options o = leat_graph_options_default();
    leat_model *m = NULL;
    double v;
    o.target = "c3";
    CHECK_OK(leat_model_from_graph(t->context, &m, onnx, f, &o));
    REQUIRE(remove(data) == 0);
    check_beside(t, leat);
    check_beside(t, back);
    if (m && CHECK_OK(leat_model_predict(t->context, m, f, false, &got)))
        CHECK(leat_frame_number(got, 0, 1, &v) && v == 10 * 2 + 11 * 3 + 12 * 4 + 5);
    leat_frame_release(got);
    leat_frame_release(f);
    leat_model_release(m);
    check_sent(t, onnx);
}

static void refusals(leattest *t)
{
    char path[512], to[512];
    snprintf(path, sizeof path, "%s", leattest_scratch("odd.onnx"));
    snprintf(to, sizeof to, "%s", leattest_scratch("odd.leat"));
    CHECK_FAILS(leat_model_import(t->context, "model.pt", to, NULL), LEAT_INVALID, "only ONNX");
    CHECK_FAILS(leat_model_import(t->context, "none.onnx", to, NULL), LEAT_NOT_FOUND, "none.onnx");
    leati_bytes bytes;
    leati_zip_data graph;
    REQUIRE_OK(write_double(t->context, path, -1, "Mul"));
    REQUIRE_OK(leat_model_import(t->context, path, to, NULL));
    REQUIRE_OK(leati_file_read(t->context, &bytes, to));
    char *copy = leati_memdup(t->context, bytes.data, bytes.size);
    REQUIRE(copy);
    leati_bytes view = {.data = copy, .size = bytes.size};
    CHECK_OK(leati_graph_file_parse(t->context, view, "copy", &graph));
    leati_zip_data_release(&graph);
    for (size_t i = 0; i < bytes.size; i++) { /* a changed byte is found, or harmless */
        copy[i] ^= 0x20;
        leat_status st = leati_graph_file_parse(t->context, view, "copy", &graph);
        CHECK(st == LEAT_OK || st == LEAT_FORMAT || st == LEAT_UNSUPPORTED || st == LEAT_LIMIT);
        if (st == LEAT_OK) leati_zip_data_release(&graph);
        leat_error_clear(t->context);
        copy[i] ^= 0x20;
    }
    for (view.size = 0; view.size < bytes.size; view.size += 7) {
        CHECK(leati_graph_file_parse(t->context, view, "copy", &graph) != LEAT_OK);
        leat_error_clear(t->context);
    }
    leati_free(copy);
    leati_bytes_release(&bytes);
}

typedef struct importing {
    char from[512], to[512];
} importing;

static leat_status import(leat_context *c, void *arg)
{
    const importing *i = arg;
    return leat_model_import(c, i->from, i->to, NULL);
}

static void memory(leattest *t)
{
    static const float weights[] = {2, 3, 4, 5};
    importing i;
    snprintf(i.from, sizeof i.from, "%s", leattest_scratch("some.onnx"));
    snprintf(i.to, sizeof i.to, "%s", leattest_scratch("some.leat"));
    REQUIRE_OK(write_double(t->context, i.from, -1, "Mul"));
    leattest_fail_allocations(t, import, &i);
    REQUIRE_OK(leattest_model_beside(t->context, i.from, "some.data"));
    REQUIRE_OK(
        leati_file_write(t->context, leattest_scratch("some.data"), weights, sizeof weights));
    leattest_fail_allocations(t, import, &i);
}

static const leattest_case cases[] = {TEST(round_trip),       TEST(matrix), TEST(beside),
                                      TEST(refusals),         TEST(memory), TEST(misfits),
                                      TEST(arrays_with_names)};
LEATTEST_MAIN(cases)
