/* Imported graphs given back: the file as it came, its weights as arrays. */
#include "support/leattest.h"

#include <leat/exchange.h>
#include <leat/onnx.h>

#include "base/error.h"
#include "base/file.h"
#include "frame/foreign.h"
#include "io/zip.h"
#include "learn/safetensors.h"
#include "model/onnx_write.h"
#include "tensor/npy.h"

static const float w[] = {1, 0, 0, 1, 1, -1}, shift[] = {0.5f, -0.5f};
static const uint16_t brain[] = {0x3f80, 0x4000, 0xbf00}; /* 1, 2, -0.5 */
static const int64_t pair[] = {-5, 7};

static void add_branch(leati_onnx_builder *o, leati_onnx_node *n, const char *attribute,
                       const char *op, bool weight)
{
    leati_onnx_graph *g = leati_onnx_new_graph(o, attribute);
    if (weight)
        leati_onnx_add_initializer(o, g, "shift", LEATI_ONNX_FLOAT, (const int64_t[]){2}, 1, shift);
    leati_onnx_add_node(o, g, op, (const char *const[]){"xw", weight ? "shift" : NULL, NULL},
                        (const char *const[]){attribute, NULL});
    leati_onnx_add_output(o, g, attribute, LEATI_ONNX_FLOAT, (const int64_t[]){-1, 2}, 2, NULL);
    leati_onnx_set_graph(o, n, attribute, g);
}

/* y = yes ? x w + shift : x w, with weights of several kinds, one of them in a branch. */
static leat_status write_branches(leat_context *c, const char *path, int32_t odd)
{
    static const uint8_t bytes[] = {1, 0, 255, 7, 9, 13, 21, 34};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "branches");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 3}, 2, NULL);
    leati_onnx_add_input(&o, g, "yes", LEATI_ONNX_BOOL, NULL, 0, NULL);
    leati_onnx_add_initializer(&o, g, "mark", LEATI_ONNX_BOOL, (const int64_t[]){2}, 1, bytes);
    leati_onnx_add_initializer(&o, g, "layer/w", LEATI_ONNX_FLOAT, (const int64_t[]){3, 2}, 2, w);
    leati_onnx_add_initializer(&o, g, "brain", LEATI_ONNX_BFLOAT16, (const int64_t[]){3}, 1, brain);
    if (odd) leati_onnx_add_initializer(&o, g, "odd", odd, (const int64_t[]){2}, 1, bytes);
    leati_onnx_node *k = leati_onnx_add_node(&o, g, "Constant", (const char *const[]){NULL},
                                             (const char *const[]){"pair", NULL});
    leati_onnx_set_tensor(
        &o, k, "value",
        leati_onnx_new_tensor(&o, "", LEATI_ONNX_INT64, (const int64_t[]){2}, 1, pair));
    leati_onnx_add_node(&o, g, "MatMul", (const char *const[]){"x", "layer/w", NULL},
                        (const char *const[]){"xw", NULL});
    leati_onnx_node *n = leati_onnx_add_node(&o, g, "If", (const char *const[]){"yes", NULL},
                                             (const char *const[]){"y", NULL});
    add_branch(&o, n, "then_branch", "Add", true);
    add_branch(&o, n, "else_branch", "Identity", false);
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, (const int64_t[]){-1, 2}, 2, NULL);
    leati_onnx_add_output(&o, g, "pair", LEATI_ONNX_INT64, (const int64_t[]){2}, 1, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static char from[512], model[512], to[512];

static bool import(leattest *t)
{
    snprintf(from, sizeof from, "%s", leattest_scratch("branches.onnx"));
    snprintf(model, sizeof model, "%s", leattest_scratch("branches.leat"));
    snprintf(to, sizeof to, "%s", leattest_scratch("back.out"));
    return CHECK_OK(write_branches(t->context, from, 0)) &&
           CHECK_OK(leat_model_import(t->context, from, model, NULL));
}

static void the_file_comes_back(leattest *t)
{
    leati_bytes a, b;
    leat_onnx_model *m;
    static const float x[] = {1, 2, 3};
    static const bool yes = true;
    REQUIRE(import(t));
    REQUIRE_OK(leat_graph_export(t->context, model, "onnx", to, NULL));
    REQUIRE_OK(leati_file_read(t->context, &a, from));
    REQUIRE_OK(leati_file_read(t->context, &b, to));
    CHECK(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
    leati_bytes_release(&a);
    leati_bytes_release(&b);
    const char *again = leattest_scratch("again.onnx");
    REQUIRE_OK(leat_graph_export(t->context, model, "onnx", again, NULL));
    REQUIRE_OK(leat_onnx_model_open(t->context, again, NULL, &m));
    leat_array in[] = {{LEAT_DTYPE_F32, LEAT_DIMS(1, 3), x}, {LEAT_DTYPE_BOOL, LEAT_SCALAR, &yes}};
    leat_array out[2];
    if (CHECK_OK(leat_onnx_model_run(m, in, out)))
        CHECK(((const float *)out[0].data)[0] == 4.5f && ((const float *)out[0].data)[1] == -1.5f);
    leat_onnx_model_close(m);
}

static void check_array(leattest *t, const leati_state *s, const char *name, leati_dtype type,
                        size_t count, const void *data)
{
    const leati_array_entry *e = leati_state_find(s, name);
    REQUIRE(e);
    CHECK_INT(e->type, type);
    CHECK_INT(e->count, count);
    if (data) CHECK(memcmp(e->data, data, count * leati_dtype_size(type)) == 0);
}

/* What the format says of bools and bf16 is in its header; the rest is read back. */
static void check_safetensors(leattest *t, const char *source)
{
    leati_bytes b;
    leati_state s;
    static const float wide[] = {1, 2, -0.5f};
    REQUIRE_OK(leat_graph_export(t->context, source, "safetensors", to, NULL));
    REQUIRE_OK(leati_file_read(t->context, &b, to));
    REQUIRE(b.size > 8);
    size_t header = (size_t)(uint8_t)b.data[0] | (size_t)(uint8_t)b.data[1] << 8;
    char text[1024] = "";
    REQUIRE(header < sizeof text && 8 + header < b.size);
    memcpy(text, b.data + 8, header);
    CHECK(strstr(text, "\"mark\":{\"dtype\":\"BOOL\",\"shape\":[2]"));
    CHECK(strstr(text, "\"brain\":{\"dtype\":\"BF16\",\"shape\":[3]"));
    CHECK(strstr(text, "\"layer/w\":{\"dtype\":\"F32\",\"shape\":[3,2]"));
    CHECK(b.data[b.size - 2] == 1 && b.data[b.size - 1] == 0); /* bools are the last */
    leati_bytes_release(&b);
    leati_state_init(&s, t->context);
    char *bools = strstr(text, "\"BOOL\"");
    REQUIRE(bools);
    memcpy(bools, "\"U8\"  ", 6); /* the reader of weights knows no bools */
    REQUIRE_OK(leati_file_read(t->context, &b, to));
    char *copy = malloc(b.size);
    REQUIRE(copy);
    memcpy(copy, b.data, b.size);
    memcpy(copy + 8, text, header);
    if (CHECK_OK(leati_safetensors_read(t->context, &s, copy, b.size))) {
        CHECK_INT(s.count, 5);
        check_array(t, &s, "layer/w", LEATI_F32, 6, w);
        check_array(t, &s, "brain", LEATI_F32, 3, wide);
        check_array(t, &s, "pair", LEATI_I64, 2, pair);
        check_array(t, &s, "y.then_branch/shift", LEATI_F32, 2, shift);
    }
    free(copy);
    leati_bytes_release(&b);
    leati_state_fini(&s);
}

static void weights_as_safetensors(leattest *t)
{
    REQUIRE(import(t));
    check_safetensors(t, model);
    check_safetensors(t, from); /* an ONNX file as it is */
}

static void weights_as_npz(leattest *t)
{
    static const struct {
        const char *name;
        size_t count, dims;
        double first, last;
    } want[] = {{"mark.npy", 2, 1, 1, 0},
                {"layer/w.npy", 6, 2, 1, -1},
                {"brain.npy", 3, 1, 1, -0.5},
                {"pair.npy", 2, 1, -5, 7},
                {"y.then_branch/shift.npy", 2, 1, 0.5, -0.5}};
    leati_bytes b;
    leati_zip *z;
    REQUIRE(import(t));
    REQUIRE_OK(leat_graph_export(t->context, model, "npz", to, NULL));
    REQUIRE_OK(leati_file_read(t->context, &b, to));
    REQUIRE_OK(leati_zip_open(t->context, &z, b, to, 0));
    CHECK_INT(leati_zip_count(z), 5);
    for (size_t i = 0; i < 5; i++) {
        const leati_zip_member *m = leati_zip_find(z, want[i].name);
        leati_zip_data d;
        leati_foreign a;
        REQUIRE(m);
        REQUIRE_OK(leati_zip_read(t->context, z, m, &d));
        if (CHECK_OK(leati_npy_parse(t->context, &a, d.data, d.size, want[i].name))) {
            CHECK_INT(a.count, want[i].count);
            CHECK_INT(a.dims, want[i].dims);
            CHECK_NEAR(leati_foreign_number(&a, 0), want[i].first, 0, 0);
            CHECK_NEAR(leati_foreign_number(&a, a.count - 1), want[i].last, 0, 0);
        }
        leati_zip_data_release(&d);
    }
    leati_zip_close(z);
    leati_bytes_release(&b);
}

static void refusals(leattest *t)
{
    leat_context *c = t->context;
    leat_export_options o = leat_export_options_default();
    REQUIRE(import(t));
    CHECK_FAILS(leat_graph_export(c, model, "c", to, NULL), LEAT_UNSUPPORTED,
                "branches.leat|onnx, safetensors or npz|not as c");
    CHECK_FAILS(leat_graph_export(c, model, "tar", to, NULL), LEAT_INVALID, "not as tar");
    CHECK_FAILS(leat_graph_export(c, from, "onnx", to, NULL), LEAT_INVALID, "an ONNX file already");
    o.name = "other";
    CHECK_FAILS(leat_graph_export(c, model, "onnx", to, &o), LEAT_UNSUPPORTED, "as it came");
    const char *odd = leattest_scratch("odd.onnx");
    REQUIRE_OK(write_branches(c, odd, LEATI_ONNX_INT4));
    CHECK_FAILS(leat_graph_export(c, odd, "safetensors", to, NULL), LEAT_UNSUPPORTED,
                "'odd'|INT4|safetensors");
    CHECK_FAILS(leat_graph_export(c, odd, "npz", to, NULL), LEAT_UNSUPPORTED, "'odd'|npz");
    REQUIRE_OK(write_branches(c, odd, LEATI_ONNX_FLOAT8E5M2));
    CHECK_OK(leat_graph_export(c, odd, "safetensors", to, NULL));
    CHECK_FAILS(leat_graph_export(c, odd, "npz", to, NULL), LEAT_UNSUPPORTED, "FLOAT8E5M2");
    CHECK_FAILS(leat_graph_export(c, "absent.leat", "npz", to, NULL), LEAT_NOT_FOUND,
                "absent.leat");
}

static leat_status export_all(leat_context *c, void *arg)
{
    static const char *const formats[] = {"onnx", "safetensors", "npz"};
    (void)arg;
    for (size_t i = 0; i < 3; i++) LEATI_TRY(leat_graph_export(c, model, formats[i], to, NULL));
    return leat_graph_export(c, from, "npz", to, NULL);
}

static void memory(leattest *t)
{
    REQUIRE(import(t));
    leattest_fail_allocations(t, export_all, NULL);
}

static const leattest_case list[] = {TEST(the_file_comes_back), TEST(weights_as_safetensors),
                                     TEST(weights_as_npz), TEST(refusals), TEST(memory)};

LEATTEST_MAIN(list)
