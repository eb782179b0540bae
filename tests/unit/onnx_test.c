/* ONNX models: writing and reading back, what must be refused, tensors, external data, operators.
 */
#include <sys/stat.h>
#include <unistd.h>

#include <leat/onnx.h>

#include "base/mem.h"
#include "model/onnx_check.h"
#include "model/onnx_file.h"
#include "model/onnx_ops.h"
#include "model/onnx_tensor.h"
#include "model/onnx_value.h"
#include "model/onnx_write.h"
#include "support/leattest.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const float weights[6] = {1, 2, 3, 4, 5, 6};

/* y = Relu(x w + b), with b an input that has a default. */
static void build(leati_onnx_builder *b, leat_context *c)
{
    leati_onnx_builder_init(b, c, "net");
    leati_onnx_graph *g = b->status ? NULL : b->model->graph;
    leati_onnx_add_input(b, g, "x", LEATI_ONNX_FLOAT, (int64_t[]){-1, 2}, 2, NAMES("batch"));
    leati_onnx_add_input(b, g, "b", LEATI_ONNX_FLOAT, (int64_t[]){3}, 1, NULL);
    leati_onnx_add_output(b, g, "y", LEATI_ONNX_FLOAT, (int64_t[]){-1, 3}, 2, NAMES("batch"));
    leati_onnx_add_initializer(b, g, "w", LEATI_ONNX_FLOAT, (int64_t[]){2, 3}, 2, weights);
    leati_onnx_add_initializer(b, g, "b", LEATI_ONNX_FLOAT, (int64_t[]){3}, 1, weights);
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Gemm", NAMES("x", "w", "b"), NAMES("z"));
    leati_onnx_set_float(b, n, "alpha", 1.0f);
    leati_onnx_set_int(b, n, "transB", 0);
    leati_onnx_add_node(b, g, "Relu", NAMES("z"), NAMES("y"));
    leati_onnx_add_metadata(b, "made", "by a test");
}

static void round_trip(leattest *t)
{
    leati_onnx_builder b;
    leati_onnx *file;
    float read[6];
    const char *path = leattest_scratch("net.onnx");
    build(&b, t->context);
    REQUIRE_OK(leati_onnx_builder_status(&b));
    REQUIRE_OK(leati_onnx_write(t->context, b.model, path));
    leati_onnx_builder_fini(&b);
    REQUIRE_OK(leati_onnx_open(t->context, &file, path));
    const leati_onnx_graph *g = file->model->graph;
    REQUIRE(g->node.count == 2 && g->input.count == 2 && g->initializer.count == 2);
    CHECK_STR(file->model->producer_name, "leat");
    CHECK_STR(g->node.at[0].op_type, "Gemm");
    CHECK_STR(g->node.at[0].input.at[2], "b");
    CHECK_STR(g->input.at[0].type->tensor_type->shape->dim.at[0].dim_param, "batch");
    CHECK_INT(g->input.at[0].type->tensor_type->shape->dim.at[1].dim_value, 2);
    CHECK_OK(leati_onnx_tensor_read(t->context, &g->initializer.at[0], read, sizeof read));
    CHECK(memcmp(read, weights, sizeof read) == 0);
    CHECK_INT(leati_onnx_opset_version(file->model, NULL, "ai.onnx"), LEATI_ONNX_WRITE_OPSET);
    leati_onnx_close(file);
}

/* --- models that must be refused ---------------------------------------------------------------
 */

typedef struct wrong {
    void (*make)(leati_onnx_builder *b, leati_onnx_graph *g);
    leat_status status;
    const char *words;
} wrong;

static void unknown_value(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "Abs", NAMES("weigths"), NAMES("q"));
    leati_onnx_add_initializer(b, g, "weights", LEATI_ONNX_FLOAT, (int64_t[]){6}, 1, weights);
}

static void wrong_order(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "Abs", NAMES("later"), NAMES("q"));
    leati_onnx_add_node(b, g, "Abs", NAMES("x"), NAMES("later"));
}

static void circle(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "Add", NAMES("x", "c3"), NAMES("c1"));
    leati_onnx_add_node(b, g, "Abs", NAMES("c1"), NAMES("c2"));
    leati_onnx_add_node(b, g, "Abs", NAMES("c2"), NAMES("c3"));
}

static void own_circle(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "Abs", NAMES("self"), NAMES("self"));
}

static void made_twice(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "Abs", NAMES("x"), NAMES("z"));
}

static void initialiser_twice(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_initializer(b, g, "w", LEATI_ONNX_FLOAT, (int64_t[]){6}, 1, weights);
}

static void input_twice(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_input(b, g, "x", LEATI_ONNX_FLOAT, NULL, 0, NULL);
}

static void no_maker(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_output(b, g, "nothing", LEATI_ONNX_FLOAT, NULL, 0, NULL);
}

static void short_tensor(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_tensor *w =
        leati_onnx_add_initializer(b, g, "short", LEATI_ONNX_FLOAT, (int64_t[]){2, 3}, 2, weights);
    if (w) w->raw_data.size = 20;
}

static void huge_tensor(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_tensor *w =
        leati_onnx_add_initializer(b, g, "huge", LEATI_ONNX_FLOAT, (int64_t[]){2, 3}, 2, weights);
    if (w) w->dims.at[0] = w->dims.at[1] = INT64_C(1) << 20;
}

static void overflowing_tensor(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_tensor *w =
        leati_onnx_add_initializer(b, g, "over", LEATI_ONNX_FLOAT, (int64_t[]){2, 3}, 2, weights);
    if (w) w->dims.at[0] = w->dims.at[1] = INT64_C(1) << 40;
}

static void negative_tensor(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_tensor *w =
        leati_onnx_add_initializer(b, g, "neg", LEATI_ONNX_FLOAT, (int64_t[]){2, 3}, 2, weights);
    if (w) w->dims.at[1] = -3;
}

static void typeless_tensor(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_tensor *w =
        leati_onnx_add_initializer(b, g, "odd", LEATI_ONNX_FLOAT, (int64_t[]){1}, 1, weights);
    if (w) w->data_type = 99;
}

static void attribute_twice(leati_onnx_builder *b, leati_onnx_graph *g)
{
    if (b->status == LEAT_OK) leati_onnx_set_int(b, &g->node.at[0], "alpha", 1);
}

static void attribute_mixed(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Abs", NAMES("x"), NAMES("q"));
    leati_onnx_set_int(b, n, "mixed", 1);
    if (b->status == LEAT_OK) n->attribute.at[0].has |= 1u << 2;
}

static void attribute_reference(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Abs", NAMES("x"), NAMES("q"));
    leati_onnx_set_int(b, n, "a", 1);
    if (b->status == LEAT_OK) n->attribute.at[0].ref_attr_name = "outer";
}

static void sparse(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)b;
    static leati_onnx_sparse s;
    g->sparse_initializer.at = &s;
    g->sparse_initializer.count = 1;
}

static void strange_domain(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Thing", NAMES("x"), NAMES("q"));
    leati_onnx_set_domain(b, n, "com.example");
}

static void no_operator(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "", NAMES("x"), NAMES("q"));
}

static void new_opset(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    leati_onnx_add_opset(b, "ai.onnx", 28);
}

static void zero_opset(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    leati_onnx_add_opset(b, "other", 0);
}

/* The version of a domain once more; builders know each once. */
static void add_version(leati_onnx_builder *b, int64_t version)
{
    leati_onnx_add_opset(b, "other", version);
    if (b->status == LEAT_OK)
        b->model->opset_import.at[b->model->opset_import.count - 1].domain = "ai.onnx";
}

static void two_opsets(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    add_version(b, LEATI_ONNX_WRITE_OPSET - 1);
}

static leati_onnx_graph *branch(leati_onnx_builder *b, const char *uses, const char *makes)
{
    leati_onnx_graph *g = leati_onnx_new_graph(b, "branch");
    leati_onnx_add_node(b, g, "Abs", NAMES(uses), NAMES(makes));
    leati_onnx_add_output(b, g, makes, LEATI_ONNX_FLOAT, NULL, 0, NULL);
    return g;
}

static void inner_unknown(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "If", NAMES("x"), NAMES("q"));
    leati_onnx_set_graph(b, n, "then_branch", branch(b, "absent", "r"));
}

static void inner_hides(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "If", NAMES("x"), NAMES("q"));
    leati_onnx_set_graph(b, n, "then_branch", branch(b, "x", "z"));
}

static void inner_leaks(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "If", NAMES("x"), NAMES("q"));
    leati_onnx_set_graph(b, n, "then_branch", branch(b, "x", "r"));
    leati_onnx_add_node(b, g, "Abs", NAMES("r"), NAMES("s"));
}

static void calls_itself(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_function *f = leati_onnx_add_function(b, "own", "F", NAMES("a"), NAMES("d"));
    (void)g;
    leati_onnx_set_domain(b, leati_onnx_add_function_node(b, f, "G", NAMES("a"), NAMES("d")),
                          "own");
    f = leati_onnx_add_function(b, "own", "G", NAMES("a"), NAMES("d"));
    leati_onnx_set_domain(b, leati_onnx_add_function_node(b, f, "F", NAMES("a"), NAMES("d")),
                          "own");
}

static void function_twice(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    for (int i = 0; i < 2; i++) {
        leati_onnx_function *f = leati_onnx_add_function(b, "own", "F", NAMES("a"), NAMES("d"));
        leati_onnx_add_function_node(b, f, "Abs", NAMES("a"), NAMES("d"));
    }
}

static void function_sees_graph(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_function *f = leati_onnx_add_function(b, "own", "F", NAMES("a"), NAMES("d"));
    (void)g;
    leati_onnx_add_function_node(b, f, "Abs", NAMES("x"), NAMES("d"));
}

/* Twenty-five functions, each calling the one before ten times. */
static void explosion(leati_onnx_builder *b, leati_onnx_graph *g)
{
    char name[16], before[16], value[16], last[16];
    (void)g;
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof name, "F%d", i);
        snprintf(before, sizeof before, "F%d", i - 1);
        leati_onnx_function *f = leati_onnx_add_function(b, "own", name, NAMES("v0"), NAMES("v10"));
        for (int k = 0; k < 10; k++) {
            snprintf(last, sizeof last, "v%d", k);
            snprintf(value, sizeof value, "v%d", k + 1);
            leati_onnx_node *n =
                leati_onnx_add_function_node(b, f, i ? before : "Abs", NAMES(last), NAMES(value));
            if (i) leati_onnx_set_domain(b, n, "own");
        }
    }
}

/* A chain of more functions than may call each other. */
static void deep_calls(leati_onnx_builder *b, leati_onnx_graph *g)
{
    char name[16], next[16];
    (void)g;
    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof name, "F%d", i);
        snprintf(next, sizeof next, "F%d", i + 1);
        leati_onnx_function *f = leati_onnx_add_function(b, "own", name, NAMES("a"), NAMES("d"));
        leati_onnx_node *n =
            leati_onnx_add_function_node(b, f, i < 79 ? next : "Abs", NAMES("a"), NAMES("d"));
        if (i < 79) leati_onnx_set_domain(b, n, "own");
    }
}

static void no_graph(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    b->model->graph = NULL;
}

static void no_version(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    b->model->ir_version = 0;
}

static void no_opset(leati_onnx_builder *b, leati_onnx_graph *g)
{
    (void)g;
    b->model->opset_import.count = 0;
}

static const wrong wrongs[] = {
    {unknown_value, LEAT_FORMAT, "node 2 (Abs)|`weigths`|did you mean `weights`"},
    {wrong_order, LEAT_FORMAT, "node 2|`later`|node 3 makes later"},
    {circle, LEAT_FORMAT, "node 2 (Add)|circle|`c3` -> `c1` -> `c2` -> `c3`"},
    {own_circle, LEAT_FORMAT, "`self` -> `self`"},
    {made_twice, LEAT_FORMAT, "node 2|`z`|exists already"},
    {initialiser_twice, LEAT_FORMAT, "initialiser w|twice"},
    {input_twice, LEAT_FORMAT, "input `x`|twice"},
    {no_maker, LEAT_FORMAT, "output `nothing`"},
    {short_tensor, LEAT_FORMAT, "tensor short|6 elements|24 bytes|20 bytes"},
    {huge_tensor, LEAT_FORMAT, "tensor huge|24 bytes"},
    {overflowing_tensor, LEAT_FORMAT, "tensor over|overflow"},
    {negative_tensor, LEAT_FORMAT, "tensor neg|-3"},
    {typeless_tensor, LEAT_FORMAT, "tensor odd|99"},
    {attribute_twice, LEAT_FORMAT, "node 0 (Gemm)|attribute alpha|twice"},
    {attribute_mixed, LEAT_FORMAT, "attribute mixed"},
    {attribute_reference, LEAT_FORMAT, "outer|stands in none"},
    {sparse, LEAT_UNSUPPORTED, "sparse"},
    {strange_domain, LEAT_FORMAT, "`com.example`"},
    {no_operator, LEAT_FORMAT, "names no operator"},
    {new_opset, LEAT_UNSUPPORTED, "version 28|ai.onnx|27"},
    {zero_opset, LEAT_FORMAT, "version 0|other"},
    {two_opsets, LEAT_FORMAT, "ai.onnx|two versions, 17 and 16"},
    {inner_unknown, LEAT_FORMAT, "node 2 (If)|then_branch|`absent`"},
    {inner_hides, LEAT_FORMAT, "node 2 (If)|`branch`|`z`|exists already"},
    {inner_leaks, LEAT_FORMAT, "`r`|nothing makes"},
    {calls_itself, LEAT_FORMAT, "calls itself"},
    {function_twice, LEAT_FORMAT, "`F`|twice"},
    {function_sees_graph, LEAT_FORMAT, "function `F`|`x`"},
    {explosion, LEAT_LIMIT, "functions written out"},
    {deep_calls, LEAT_LIMIT, "nested deeper"},
    {no_graph, LEAT_FORMAT, "no graph"},
    {no_version, LEAT_FORMAT, "IR version"},
    {no_opset, LEAT_FORMAT, "which version"},
};

static void refused(leattest *t)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        leati_onnx_builder b;
        leati_str bytes;
        leati_onnx *file = NULL;
        build(&b, t->context);
        wrongs[i].make(&b, b.model->graph);
        REQUIRE_OK(leati_onnx_builder_status(&b));
        CHECK_FAILS(leati_onnx_check(t->context, b.model), wrongs[i].status, wrongs[i].words);
        /* The same from its bytes. */
        leati_str_init(&bytes, t->context);
        CHECK_OK(leati_pb_encode(&leati_onnx_model_pb, b.model, &bytes));
        CHECK_FAILS(leati_onnx_parse(t->context, &file, bytes.text, bytes.length, "m.onnx"),
                    wrongs[i].status, "m.onnx");
        CHECK(file == NULL);
        leati_str_fini(&bytes);
        leati_onnx_builder_fini(&b);
    }
}

static void accepted(leattest *t)
{
    leati_onnx_builder b;
    build(&b, t->context);
    leati_onnx_graph *g = b.model->graph;
    leati_onnx_node *n = leati_onnx_add_node(&b, g, "If", NAMES("x"), NAMES("q"));
    leati_onnx_set_graph(&b, n, "then_branch", branch(&b, "x", "r"));
    leati_onnx_set_graph(&b, n, "else_branch", branch(&b, "w", "r"));
    leati_onnx_function *f = leati_onnx_add_function(&b, "own", "F", NAMES("a"), NAMES("d"));
    leati_onnx_add_function_node(&b, f, "Abs", NAMES("a"), NAMES("d"));
    n = leati_onnx_add_node(&b, g, "F", NAMES("", "q"), NAMES("v", ""));
    leati_onnx_set_domain(&b, n, "own");
    CHECK_OK(leati_onnx_check(t->context, b.model));
    CHECK(leati_onnx_function_find(b.model, n) == f);
    add_version(&b, LEATI_ONNX_WRITE_OPSET);
    CHECK_OK(leati_onnx_check(t->context, b.model));
    CHECK(leati_onnx_function_find(b.model, &g->node.at[0]) == NULL);
    leati_onnx_builder_fini(&b);
}

/* --- tensors ------------------------------------------------------------------------------------
 */

/* A tensor in typed fields: data type, one dim, and the bytes of a packed field. */
static leat_status read_typed(leat_context *c, int32_t type, int64_t count, uint32_t field,
                              const char *packed, size_t size, void *out, size_t bytes)
{
    leati_str s;
    leati_arena arena;
    void *tensor;
    leati_str_init(&s, c);
    leati_arena_init(&arena, c);
    leati_pb_put_int(&s, 1, count);
    leati_pb_put_int(&s, 2, type);
    leati_pb_put_bytes(&s, field, packed, size);
    leat_status st =
        leati_pb_decode(&arena, &leati_onnx_tensor_pb, (leati_pb_bytes){s.text, s.length}, &tensor);
    if (!st) st = leati_onnx_tensor_check(c, tensor);
    if (!st) st = leati_onnx_tensor_read(c, tensor, out, bytes);
    leati_str_fini(&s);
    leati_arena_fini(&arena);
    return st;
}

static void typed_tensors(leattest *t)
{
    leat_context *c = t->context;
    union {
        float f[4];
        double d[2];
        int64_t i64[2];
        uint16_t u16[4];
        int8_t i8[4];
        uint8_t u8[4];
        uint32_t u32[2];
    } v;
#define READ(type, count, field, packed, bytes)                                                    \
    read_typed(c, LEATI_ONNX_##type, count, field, packed, sizeof(packed) - 1, &v, bytes)
    CHECK_OK(READ(FLOAT, 2, 4, "\x00\x00\x80\x3f\x00\x00\x00\xc0", 8));
    CHECK(v.f[0] == 1.0f && v.f[1] == -2.0f);
    CHECK_OK(READ(COMPLEX64, 1, 4, "\x00\x00\x80\x3f\x00\x00\x00\xc0", 8));
    CHECK(v.f[0] == 1.0f && v.f[1] == -2.0f);
    CHECK_OK(READ(DOUBLE, 1, 10, "\x00\x00\x00\x00\x00\x00\xf0\x3f", 8));
    CHECK(v.d[0] == 1.0);
    CHECK_OK(READ(FLOAT16, 3, 5, "\x80\x78\x80\x80\x01\xff\xff\x03", 6));
    CHECK(v.u16[0] == 0x3c00 && v.u16[1] == 0x4000 && v.u16[2] == 0xffff);
    CHECK_OK(READ(BFLOAT16, 1, 5, "\x80\x7f", 2));
    CHECK(v.u16[0] == 0x3f80);
    CHECK_OK(READ(INT8, 2, 5, "\x05\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01", 2));
    CHECK(v.i8[0] == 5 && v.i8[1] == -5);
    CHECK_OK(READ(BOOL, 3, 5, "\x01\x00\x02", 3));
    CHECK(v.u8[0] == 1 && v.u8[1] == 0 && v.u8[2] == 1);
    CHECK_OK(READ(INT4, 3, 5, "\x21\x03", 2));
    CHECK(v.u8[0] == 0x21 && v.u8[1] == 3);
    CHECK_OK(READ(INT64, 1, 7, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 8));
    CHECK(v.i64[0] == -1);
    CHECK_OK(READ(UINT32, 1, 11, "\xff\xff\xff\xff\x0f", 4));
    CHECK(v.u32[0] == UINT32_MAX);
    CHECK_OK(READ(FLOAT, 0, 4, "", 0));
    CHECK_FAILS(READ(FLOAT, 2, 4, "\x00\x00\x80\x3f", 8), LEAT_FORMAT, "2 elements|float_data 1");
    CHECK_FAILS(READ(FLOAT, 1, 7, "\x01", 4), LEAT_FORMAT, "data hold 0 numbers");
    CHECK_FAILS(READ(STRING, 1, 7, "\x01", 4), LEAT_FORMAT, "1 texts");
    CHECK_FAILS(READ(INT4, 3, 5, "\x21", 2), LEAT_FORMAT, "in place of 2");
#undef READ
}

static void values(leattest *t)
{
    leat_context *c = t->context;
    int64_t dims[] = {2}, keys[] = {1, 2};
    leati_pb_bytes texts[] = {{"a", 1}, {"b", 1}};
    leati_onnx_tensor tensor = {.data_type = LEATI_ONNX_STRING, .name = "t"};
    leati_onnx_sequence s = {.name = "s", .elem_type = LEATI_ONNX_VALUE_TENSOR};
    leati_onnx_map m = {.name = "m", .key_type = LEATI_ONNX_INT64, .values = &s};
    leati_onnx_optional o = {.name = "o", .elem_type = LEATI_ONNX_VALUE_MAP, .map_value = &m};
    tensor.dims.at = dims;
    tensor.dims.count = 1;
    tensor.string_data.at = texts;
    tensor.string_data.count = 2;
    s.tensor_values.at = &tensor;
    s.tensor_values.count = 1;
    m.keys.at = keys;
    m.keys.count = 1;
    CHECK_OK(leati_onnx_optional_check(c, &o));
    m.keys.count = 2;
    CHECK_FAILS(leati_onnx_optional_check(c, &o), LEAT_FORMAT, "map m|2 keys, 1 values");
    m.key_type = LEATI_ONNX_STRING;
    CHECK_FAILS(leati_onnx_optional_check(c, &o), LEAT_FORMAT, "map m|keys of STRING");
    m.key_type = 77;
    CHECK_FAILS(leati_onnx_optional_check(c, &o), LEAT_FORMAT, "key type 77");
    o.elem_type = LEATI_ONNX_VALUE_TENSOR;
    CHECK_FAILS(leati_onnx_optional_check(c, &o), LEAT_FORMAT, "optional o|type 1");
    o.map_value = NULL;
    CHECK_OK(leati_onnx_optional_check(c, &o));
    CHECK_OK(leati_onnx_sequence_check(c, &s));
    CHECK_INT(leati_onnx_sequence_count(&s), 1);
    s.elem_type = LEATI_ONNX_VALUE_SEQUENCE;
    CHECK_FAILS(leati_onnx_sequence_check(c, &s), LEAT_FORMAT, "sequence s|type 3");
    s.elem_type = LEATI_ONNX_VALUE_TENSOR;
    dims[0] = 3;
    CHECK_FAILS(leati_onnx_sequence_check(c, &s), LEAT_FORMAT, "tensor t|3 texts");
}

/* --- data in other files ------------------------------------------------------------------------
 */

/* Writes models/net.onnx whose weights lie at `location`. */
static leat_status write_external(leat_context *c, const char *location, const char *offset,
                                  const char *length)
{
    leati_onnx_builder b;
    build(&b, c);
    leati_onnx_entry entries[] = {{.key = "location", .value = location},
                                  {.key = "offset", .value = offset},
                                  {.key = "length", .value = length}};
    if (b.status == LEAT_OK) {
        leati_onnx_tensor *w = &b.model->graph->initializer.at[0];
        w->has = 0;
        w->raw_data = (leati_pb_bytes){NULL, 0};
        w->data_location = 1;
        w->external_data.at = entries;
        w->external_data.count = 3;
    }
    leat_status st = leati_onnx_builder_status(&b);
    if (!st) st = leati_onnx_write(c, b.model, leattest_scratch("models/net.onnx"));
    leati_onnx_builder_fini(&b);
    return st;
}

static leat_status read_external(leat_context *c, const char *model, const char *location,
                                 const char *offset, const char *length)
{
    leati_onnx *file;
    leati_pb_bytes data;
    leat_status st = write_external(c, location, offset, length);
    if (!st) st = leati_onnx_open(c, &file, model);
    if (st) return st;
    /* Twice: the second time the file is mapped already. */
    for (int i = 0; i < 2 && !st; i++)
        st = leati_onnx_tensor_data(c, file, &file->model->graph->initializer.at[0], &data);
    if (!st && (data.size != sizeof weights || memcmp(data.data, weights, data.size) != 0))
        st = LEAT_DIFFERS;
    float load[6] = {0};
    if (!st)
        st = leati_onnx_tensor_load(c, file, &file->model->graph->initializer.at[0], load,
                                    sizeof load);
    if (!st && memcmp(load, weights, sizeof load) != 0) st = LEAT_DIFFERS;
    leati_onnx_close(file);
    return st;
}

static void external_data(leattest *t)
{
    leat_context *c = t->context;
    char bytes[40] = {0};
    const char *model = leattest_scratch("models/net.onnx");
    memcpy(bytes + 8, weights, sizeof weights);
    REQUIRE_OK(leati_folder_make(c, leattest_scratch("models/sub")));
    REQUIRE_OK(leati_file_write(c, leattest_scratch("models/w.bin"), bytes, 40));
    REQUIRE_OK(leati_file_write(c, leattest_scratch("models/sub/w.bin"), bytes, 40));
    REQUIRE_OK(leati_file_write(c, leattest_scratch("out.bin"), bytes, 40));
    CHECK_OK(read_external(c, model, "w.bin", "8", "24"));
    CHECK_OK(read_external(c, model, "sub/w.bin", "8", "24"));
    CHECK_FAILS(read_external(c, model, "w.bin", "17", "24"), LEAT_FORMAT, "tensor w|40 bytes");
    CHECK_FAILS(read_external(c, model, "w.bin", "9223372036854775807", "24"), LEAT_FORMAT,
                "outside the file");
    CHECK_FAILS(read_external(c, model, "w.bin", "8", "23"), LEAT_FORMAT, "23 bytes|24");
    CHECK_FAILS(read_external(c, model, "w.bin", "-8", "24"), LEAT_FORMAT, "whole numbers");
    CHECK_FAILS(read_external(c, model, "v.bin", "8", "24"), LEAT_NOT_FOUND, "v.bin|copy it");
    CHECK_FAILS(read_external(c, model, "sub", "8", "24"), LEAT_NOT_FOUND, "not a file");
    CHECK_FAILS(read_external(c, model, "../out.bin", "8", "24"), LEAT_INVALID, "../out.bin");
    CHECK_FAILS(read_external(c, model, "sub/../w.bin", "8", "24"), LEAT_INVALID, "refused");
    CHECK_FAILS(read_external(c, model, leattest_scratch("out.bin"), "8", "24"), LEAT_INVALID,
                "refused");
    CHECK_FAILS(read_external(c, model, "", "8", "24"), LEAT_FORMAT, "not named");
    /* Links: out of the folder they are refused; of a linked model its own folder counts. */
    REQUIRE(symlink(leattest_scratch("out.bin"), leattest_scratch("models/link.bin")) == 0);
    CHECK_FAILS(read_external(c, model, "link.bin", "8", "24"), LEAT_INVALID, "link out of");
    REQUIRE_OK(leati_folder_make(c, leattest_scratch("cache")));
    REQUIRE(symlink(leattest_scratch("models/net.onnx"), leattest_scratch("cache/net.onnx")) == 0);
    REQUIRE(symlink(leattest_scratch("models/w.bin"), leattest_scratch("cache/w.bin")) == 0);
    CHECK_OK(read_external(c, leattest_scratch("cache/net.onnx"), "w.bin", "8", "24"));
}

/* --- operators ----------------------------------------------------------------------------------
 */

static leat_status node_with(leat_context *c, int version, const char *op, const char *attribute)
{
    leati_onnx_builder b;
    leati_onnx_builder_init(&b, c, "g");
    if (b.status) return b.status;
    leati_onnx_node *n = leati_onnx_add_node(&b, b.model->graph, op, NAMES("x", "w"), NAMES("y"));
    if (attribute) leati_onnx_set_int(&b, n, attribute, 1);
    const leati_onnx_op *row = leati_onnx_op_find("ai.onnx", op, version);
    leat_status st = b.status;
    if (!st) st = row ? leati_onnx_node_check(c, row, n) : LEAT_NOT_FOUND;
    leati_onnx_builder_fini(&b);
    return st;
}

static void operators(leattest *t)
{
    leat_context *c = t->context;
    const leati_onnx_op *op = leati_onnx_op_find("", "Conv", 12);
    REQUIRE(op != NULL);
    CHECK_INT(op->since, 11);
    CHECK_INT(leati_onnx_op_find("", "Conv", 27)->since, 22);
    CHECK(leati_onnx_op_find("", "Gelu", 19) == NULL);
    CHECK(leati_onnx_op_find("", "Gelu", 20) != NULL);
    CHECK(leati_onnx_op_find("ai.onnx.ml", "TreeEnsemble", 5) != NULL);
    CHECK(leati_onnx_op_find("none", "Conv", 12) == NULL);
    CHECK_INT(leati_onnx_op_find("", "Sum", 13)->inputs_most, LEATI_ONNX_MANY);
    CHECK(leati_onnx_op_attribute_find(op, "dilations")->kind == LEATI_ONNX_ATTR_INTS);
    CHECK_OK(node_with(c, 13, "Conv", "group"));
    CHECK_OK(node_with(c, 13, "Add", NULL));
    CHECK_FAILS(node_with(c, 13, "Conv", "groups"), LEAT_FORMAT,
                "`y` (Conv)|groups|did you mean group");
    CHECK_FAILS(node_with(c, 13, "Conv", "strides"), LEAT_FORMAT, "int, ints was expected");
    CHECK_FAILS(node_with(c, 13, "Abs", NULL), LEAT_FORMAT, "2 inputs, at most 1");
    CHECK_FAILS(node_with(c, 13, "Where", NULL), LEAT_FORMAT, "at least 3");
    CHECK_FAILS(node_with(c, 13, "GatherElements", "wrong"), LEAT_FORMAT, "no attribute wrong");
    CHECK_FAILS(node_with(c, 18, "LRN", NULL), LEAT_FORMAT, "at most 1");
    /* Rows stand in order, or the search would not find them. */
    for (size_t i = 0; i < leati_onnx_op_count(); i++) {
        const leati_onnx_op *row = leati_onnx_op_at(i);
        if (leati_onnx_op_find(row->domain, row->name, row->since) != row)
            CHECK_STR(row->name, "found");
    }
    leati_onnx_node none = {.name = ""};
    op = leati_onnx_op_find("", "LeakyRelu", 16);
    CHECK(leati_onnx_float(op, &none, "alpha", 7) == (double)0.01f);
    CHECK(leati_onnx_float(op, &none, "beta", 7) == 7);
    CHECK_INT(leati_onnx_int(leati_onnx_op_find("", "Flatten", 13), &none, "axis", 7), 1);
    CHECK(leati_onnx_text_is(leati_onnx_op_find("", "Conv", 13), &none, "auto_pad", "NOTSET"));
}

/* --- descriptions -------------------------------------------------------------------------------
 */

static leat_status describe(leat_context *c, void *arg)
{
    leat_onnx_summary *s;
    leat_status st = leat_onnx_summary_create(c, &s, arg);
    if (st == LEAT_OK) leat_onnx_summary_destroy(s);
    return st;
}

static void descriptions(leattest *t)
{
    leati_onnx_builder b;
    leat_onnx_summary *s;
    const char *path = leattest_scratch("described.onnx"), *bad = leattest_scratch("bad.onnx");
    build(&b, t->context);
    leati_onnx_graph *g = b.model->graph;
    leati_onnx_add_node(&b, g, "Relu", NAMES("x"), NAMES("r"));
    leati_onnx_add_node(&b, g, "Gelu", NAMES("x"), NAMES("s"));
    leati_onnx_node *n = leati_onnx_add_node(&b, g, "If", NAMES("x"), NAMES("q"));
    leati_onnx_set_graph(&b, n, "then_branch", branch(&b, "x", "\x1b[31m"));
    leati_onnx_add_output(&b, g, "s", LEATI_ONNX_BFLOAT16, NULL, 0, NULL);
    REQUIRE_OK(leati_onnx_write(t->context, b.model, path));
    leati_onnx_builder_fini(&b);
    REQUIRE_OK(leat_onnx_summary_create(t->context, &s, path));
    const char *text = leat_onnx_summary_text(s), *json = leat_onnx_summary_json(s);
    CHECK(strstr(text, "described.onnx: ONNX, IR version 8, by leat "));
    CHECK(strstr(text, "operators of ai.onnx 17\n"));
    CHECK(strstr(text, "graph net: 6 nodes, 9 parameters (36 B) in 2 initialisers\n") ||
          strstr(text, "graph net: 6 nodes, 9 parameters (36 bytes) in 2 initialisers\n"));
    CHECK(strstr(text, "\ninputs\n  x: float32 (batch, 2)\n  and 1 with initialisers"));
    CHECK(strstr(text, "\noutputs\n  y: float32 (batch, 3)\n  s: bfloat16 ()\n"));
    CHECK(strstr(text, "       2  Relu\n"));
    CHECK(strstr(text, "       1  Gelu (not an operator of this version)\n"));
    CHECK(strstr(json, "\"parameters\": 9,"));
    CHECK(!strchr(text, '\x1b') && !strchr(json, '\x1b'));
    leat_onnx_summary_destroy(s);
    leattest_fail_allocations(t, describe, (void *)(uintptr_t)path);
    REQUIRE_OK(leati_file_write(t->context, bad, "# a text\n", 9));
    CHECK_FAILS(describe(t->context, (void *)(uintptr_t)bad), LEAT_FORMAT,
                "bad.onnx|no ONNX model");
    REQUIRE_OK(leati_file_write(t->context, bad, "", 0));
    CHECK_FAILS(describe(t->context, (void *)(uintptr_t)bad), LEAT_FORMAT,
                "bad.onnx|no ONNX model");
}

/* --- memory -------------------------------------------------------------------------------------
 */

static leat_status whole(leat_context *c, void *arg)
{
    leati_onnx_builder b;
    leati_str bytes;
    leati_onnx *file = NULL;
    (void)arg;
    build(&b, c);
    inner_unknown(&b, b.status ? NULL : b.model->graph);
    leat_status st = b.status;
    /* One error path allocates too. */
    if (!st) st = leati_onnx_check(c, b.model);
    if (st == LEAT_FORMAT) {
        leat_error_clear(c);
        st = LEAT_OK;
        b.model->graph->node.count--;
    }
    if (!st) calls_itself(&b, NULL);
    if (!st && !(st = b.status)) b.model->functions.at[1].node.at[0].op_type = "Abs";
    if (!st) b.model->functions.at[1].node.at[0].domain = "";
    leati_str_init(&bytes, c);
    if (!st) st = leati_pb_encode(&leati_onnx_model_pb, b.model, &bytes);
    if (!st) st = leati_onnx_parse(c, &file, bytes.text, bytes.length, "m.onnx");
    leati_onnx_close(file);
    leati_str_fini(&bytes);
    leati_onnx_builder_fini(&b);
    return st;
}

static leat_status beside(leat_context *c, void *arg)
{
    (void)arg;
    return read_external(c, leattest_scratch("models/net.onnx"), "w.bin", "8", "24");
}

static void allocations(leattest *t)
{
    char bytes[40] = {0};
    memcpy(bytes + 8, weights, sizeof weights);
    leattest_fail_allocations(t, whole, NULL);
    REQUIRE_OK(leati_folder_make(t->context, leattest_scratch("models")));
    REQUIRE_OK(leati_file_write(t->context, leattest_scratch("models/w.bin"), bytes, 40));
    leattest_fail_allocations(t, beside, NULL);
}

static const leattest_case cases[] = {
    TEST(round_trip),    TEST(refused),   TEST(accepted),     TEST(typed_tensors), TEST(values),
    TEST(external_data), TEST(operators), TEST(descriptions), TEST(allocations),
};
LEATTEST_MAIN(cases)
