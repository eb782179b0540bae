/* Classifiers as other packages export them, with names of classes and maps; categories, gradients
 * and images inside models. */
#include "support/leattest.h"
#include "support/zipped.h"

#include <leat/frame.h>
#include <leat/onnx.h>
#include <leat/read.h>

#include "base/error.h"
#include "model/onnx_write.h"
#include "onnx/import.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DIMS(...)  ((const int64_t[]){__VA_ARGS__})

static leat_status predict_table(leat_context *c, const char *model, const char *table,
                                 leat_frame **out)
{
    leat_onnx_model *m = NULL;
    leat_frame *f = NULL;
    *out = NULL;
    leat_status st = leat_onnx_model_open(c, model, NULL, &m);
    if (st == LEAT_OK) st = leat_frame_read(c, &f, table, NULL);
    if (st == LEAT_OK) st = leat_onnx_model_predict(m, f, out);
    leat_frame_release(f);
    leat_onnx_model_close(m);
    return st;
}

static bool write_rows(const char *path, int rows)
{
    FILE *file = fopen(path, "w");
    bool good = file && fprintf(file, "a,b\n") > 0;
    for (int i = 0; good && i < rows; i++) good = fprintf(file, "%d,%d\n", i % 3, 1) > 0;
    return file && fclose(file) == 0 && good;
}

/* More rows than a piece of the table has. */
static void names_and_maps(leattest *t)
{
    enum { ROWS = 2500 };
    const char *path = leattest_scratch("classes.onnx"), *table = leattest_scratch("classes.csv");
    leat_frame *out;
    REQUIRE_OK(leattest_zipped_classifier(t->context, path));
    REQUIRE(write_rows(table, ROWS));
    REQUIRE_OK(predict_table(t->context, path, table, &out));
    CHECK_INT(leat_frame_columns(out), 3);
    CHECK_STR(leat_frame_name(out, 0), "label");
    CHECK_STR(leat_frame_name(out, 1), "p_left");
    CHECK_STR(leat_frame_name(out, 2), "p_right");
    for (size_t i = 0; i < ROWS; i++) {
        double left, right, want = 1 / (1 + exp(1 - (double)(i % 3)));
        const char *label;
        REQUIRE(leat_frame_text(out, 0, i, &label, NULL) && leat_frame_number(out, 1, i, &left) &&
                leat_frame_number(out, 2, i, &right));
        CHECK_STR(label, i % 3 == 0 ? "right" : "left");
        CHECK_NEAR(left, want, 0, 1e-6);
        CHECK_NEAR(left + right, 1, 0, 1e-6);
    }
    leat_frame_release(out);
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool good = file && fputs(text, file) >= 0;
    return file && fclose(file) == 0 && good;
}

/* Columns of numbers stand side by side, those of texts are left out. */
static void texts_left_out(leattest *t)
{
    const char *path = leattest_scratch("classes.onnx"), *table = leattest_scratch("named.csv");
    leat_frame *out;
    const char *label;
    REQUIRE_OK(leattest_zipped_classifier(t->context, path));
    REQUIRE(write_file(table, "name,a,kind,b\nx,0,u,1\ny,1,v,1\n"));
    REQUIRE_OK(predict_table(t->context, path, table, &out));
    REQUIRE(leat_frame_text(out, 0, 0, &label, NULL));
    CHECK_STR(label, "right");
    REQUIRE(leat_frame_text(out, 0, 1, &label, NULL));
    CHECK_STR(label, "left");
    leat_frame_release(out);
    REQUIRE(write_file(table, "name,a\nx,0\ny,1\n"));
    CHECK_FAILS(predict_table(t->context, path, table, &out), LEAT_SHAPE,
                "1 column of numbers (1 of texts or arrays is left out)|takes 2 side by side");
}

static leat_status predict_small(leat_context *c, void *arg)
{
    const char *const *paths = arg;
    leat_frame *out;
    leat_status st = predict_table(c, paths[0], paths[1], &out);
    leat_frame_release(out);
    return st;
}

static void memory(leattest *t)
{
    char model[512], table[512];
    const char *paths[] = {model, table};
    snprintf(model, sizeof model, "%s", leattest_scratch("classes.onnx"));
    snprintf(table, sizeof table, "%s", leattest_scratch("classes.csv"));
    REQUIRE_OK(leattest_zipped_classifier(t->context, model));
    REQUIRE(write_rows(table, 4));
    leattest_fail_some_allocations(t, predict_small, paths);
}

/* ---- single operators -------------------------------------------------------------------------
 */

/* y = op(x) with attributes set by `set`. */
static leat_status open_one(leat_context *c, const char *domain, const char *op, int32_t in,
                            int32_t out, void (*set)(leati_onnx_builder *o, leati_onnx_node *n),
                            leat_onnx_model **m)
{
    leati_onnx_builder o;
    const char *path = leattest_scratch("one.onnx");
    leati_onnx_builder_init(&o, c, "one");
    leati_onnx_add_opset(&o, "", 20);
    leati_onnx_add_opset(&o, "ai.onnx.ml", 1);
    leati_onnx_add_input(&o, o.model->graph, "x", in, DIMS(-1), 1, NULL);
    leati_onnx_node *n = leati_onnx_add_node(&o, o.model->graph, op, NAMES("x"), NAMES("y"));
    if (*domain) leati_onnx_set_domain(&o, n, domain);
    set(&o, n);
    leati_onnx_add_output(&o, o.model->graph, "y", out, DIMS(-1), 1, NULL);
    *m = NULL;
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st == LEAT_OK ? leat_onnx_model_open(c, path, NULL, m) : st;
}

static void set_categories(leati_onnx_builder *o, leati_onnx_node *n)
{
    leati_onnx_set_texts(o, n, "cats_strings", NAMES("ash", "beech", "cedar"), 3);
    leati_onnx_set_ints(o, n, "cats_int64s", DIMS(3, 1, 4), 3);
    leati_onnx_set_int(o, n, "default_int64", -9);
    leati_onnx_set_text(o, n, "default_string", "?");
}

static void categories(leattest *t)
{
    leat_onnx_model *m;
    leat_frame *out, *f;
    const char *table = leattest_scratch("kinds.csv");
    FILE *file = fopen(table, "w");
    REQUIRE(file && fprintf(file, "x\ncedar\nelm\nash\n") > 0 && fclose(file) == 0);
    REQUIRE_OK(open_one(t->context, "ai.onnx.ml", "CategoryMapper", LEATI_ONNX_STRING,
                        LEATI_ONNX_INT64, set_categories, &m));
    REQUIRE_OK(leat_frame_read(t->context, &f, table, NULL));
    if (CHECK_OK(leat_onnx_model_predict(m, f, &out))) {
        static const int64_t want[] = {4, -9, 3};
        int64_t got;
        for (size_t i = 0; i < 3; i++) CHECK(leat_frame_whole(out, 0, i, &got) && got == want[i]);
        leat_frame_release(out);
    }
    leat_frame_release(f);
    leat_onnx_model_close(m);
    file = fopen(table, "w");
    REQUIRE(file && fprintf(file, "x\n4\n2\n3\n") > 0 && fclose(file) == 0);
    REQUIRE_OK(open_one(t->context, "ai.onnx.ml", "CategoryMapper", LEATI_ONNX_INT64,
                        LEATI_ONNX_STRING, set_categories, &m));
    REQUIRE_OK(leat_frame_read(t->context, &f, table, NULL));
    if (CHECK_OK(leat_onnx_model_predict(m, f, &out))) {
        static const char *const want[] = {"cedar", "?", "ash"};
        const char *got;
        for (size_t i = 0; i < 3; i++)
            if (CHECK(leat_frame_text(out, 0, i, &got, NULL))) CHECK_STR(got, want[i]);
        leat_frame_release(out);
    }
    leat_frame_release(f);
    leat_onnx_model_close(m);
}

static void set_bgr(leati_onnx_builder *o, leati_onnx_node *n)
{
    leati_onnx_set_text(o, n, "pixel_format", "BGR");
}

static void set_grey(leati_onnx_builder *o, leati_onnx_node *n)
{
    leati_onnx_set_text(o, n, "pixel_format", "Grayscale");
}

static void images(leattest *t)
{
    static const char file[] = "P6\n2 1\n255\n\377\0\21\1\2\3";
    leat_onnx_model *m;
    leat_array in = {LEAT_DTYPE_U8, LEAT_DIMS(sizeof file - 1), file}, out;
    REQUIRE_OK(
        open_one(t->context, "", "ImageDecoder", LEATI_ONNX_UINT8, LEATI_ONNX_UINT8, set_bgr, &m));
    if (CHECK_OK(leat_onnx_model_run(m, &in, &out))) {
        CHECK(out.shape.rank == 3 && out.shape.dim[0] == 1 && out.shape.dim[1] == 2 &&
              out.shape.dim[2] == 3);
        CHECK(memcmp(out.data, "\21\0\377\3\2\1", 6) == 0);
    }
    in = (leat_array){LEAT_DTYPE_U8, LEAT_DIMS(4), "what"};
    CHECK_FAILS(leat_onnx_model_run(m, &in, &out), LEAT_FORMAT, "no PNG, JPEG, BMP or PNM");
    leat_onnx_model_close(m);
    in = (leat_array){LEAT_DTYPE_U8, LEAT_DIMS(sizeof file - 1), file};
    REQUIRE_OK(
        open_one(t->context, "", "ImageDecoder", LEATI_ONNX_UINT8, LEATI_ONNX_UINT8, set_grey, &m));
    if (CHECK_OK(leat_onnx_model_run(m, &in, &out)))
        CHECK(out.shape.dim[2] == 1 && memcmp(out.data, "\116\2", 2) == 0);
    leat_onnx_model_close(m);
}

/* ---- gradients --------------------------------------------------------------------------------
 */

/* y = a a b; the gradients of its sum by a and b. x: what stands for a, z for b. */
static leat_status open_gradient(leat_context *c, const char *x, const char *z, const char *given,
                                 leat_onnx_model **m)
{
    leati_onnx_builder o;
    const char *path = leattest_scratch("gradient.onnx");
    static const float two[] = {2, 2};
    leati_onnx_builder_init(&o, c, "gradient");
    leati_onnx_add_opset(&o, "ai.onnx.preview.training", 1);
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "a", LEATI_ONNX_FLOAT, DIMS(2), 1, NULL);
    leati_onnx_add_input(&o, g, "b", LEATI_ONNX_FLOAT, DIMS(2), 1, NULL);
    leati_onnx_add_initializer(&o, g, "two", LEATI_ONNX_FLOAT, DIMS(2), 1, two);
    leati_onnx_add_node(&o, g, "Mul", NAMES("a", "a"), NAMES("aa"));
    leati_onnx_add_node(&o, g, "Mul", NAMES("aa", "b"), NAMES("ab"));
    leati_onnx_add_node(&o, g, "Mul", NAMES("ab", "two"), NAMES("y"));
    leati_onnx_node *n = leati_onnx_add_node(&o, g, "Gradient", NAMES(given, z), NAMES("dx", "dz"));
    leati_onnx_set_domain(&o, n, "ai.onnx.preview.training");
    leati_onnx_set_texts(&o, n, "xs", NAMES(x, z), 2);
    leati_onnx_set_text(&o, n, "y", "y");
    leati_onnx_add_output(&o, g, "dx", LEATI_ONNX_FLOAT, DIMS(2), 1, NULL);
    leati_onnx_add_output(&o, g, "dz", LEATI_ONNX_FLOAT, DIMS(2), 1, NULL);
    *m = NULL;
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st == LEAT_OK ? leat_onnx_model_open(c, path, NULL, m) : st;
}

static void gradients(leattest *t)
{
    static const float a[] = {1, -3}, b[] = {5, 0.5f};
    leat_array in[] = {{LEAT_DTYPE_F32, LEAT_DIMS(2), a}, {LEAT_DTYPE_F32, LEAT_DIMS(2), b}};
    leat_array out[2];
    leat_onnx_model *m;
    REQUIRE_OK(open_gradient(t->context, "a", "b", "a", &m));
    if (CHECK_OK(leat_onnx_model_run(m, in, out)))
        for (int i = 0; i < 2; i++) { /* y = 2 a a b */
            CHECK_NEAR(((const float *)out[0].data)[i], 4 * a[i] * b[i], 1e-6, 0);
            CHECK_NEAR(((const float *)out[1].data)[i], 2 * a[i] * a[i], 1e-6, 0);
        }
    leat_onnx_model_close(m);
    REQUIRE_OK(open_gradient(t->context, "aa", "b", "aa", &m)); /* by a value on the way */
    if (CHECK_OK(leat_onnx_model_run(m, in, out)))
        for (int i = 0; i < 2; i++) CHECK_NEAR(((const float *)out[0].data)[i], 2 * b[i], 1e-6, 0);
    leat_onnx_model_close(m);
    REQUIRE_OK(open_gradient(t->context, "a", "b", "b", &m));
    CHECK_FAILS(leat_onnx_model_run(m, in, out), LEAT_UNSUPPORTED, "another tensor than `a`");
    leat_onnx_model_close(m);
    REQUIRE_OK(open_gradient(t->context, "two", "b", "two", &m));
    CHECK_FAILS(leat_onnx_model_run(m, in, out), LEAT_UNSUPPORTED, "input 1 to `y`|constant");
    leat_onnx_model_close(m);
}

static const leattest_case list[] = {TEST(names_and_maps), TEST(texts_left_out), TEST(memory),
                                     TEST(categories),     TEST(images),         TEST(gradients)};

LEATTEST_MAIN(list)
