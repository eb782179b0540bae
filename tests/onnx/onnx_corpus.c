/* Makes the inputs that fuzzing of ONNX starts from: onnx_corpus FOLDER. The files are committed in
 * fuzz/corpus/onnx; each begins with the byte that onnx_fuzz.c asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/onnx_write.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DIMS(...)                                                                                  \
    (int64_t[])                                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const float numbers[16] = {1, -2, 0.5f, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

typedef struct sample {
    const char *name;
    char kind;
    void (*make)(leati_onnx_builder *b, leati_onnx_graph *g); /* of a model */
    void (*write)(leati_str *out);                            /* of other kinds, or as it is */
} sample;

static void mlp(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_initializer(b, g, "w", LEATI_ONNX_FLOAT, DIMS(2, 3), 2, numbers);
    leati_onnx_add_initializer(b, g, "c", LEATI_ONNX_FLOAT, DIMS(3), 1, numbers);
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Gemm", NAMES("x", "w", "c"), NAMES("z"));
    leati_onnx_set_float(b, n, "alpha", 0.5f);
    leati_onnx_set_int(b, n, "transB", 0);
    leati_onnx_add_node(b, g, "Relu", NAMES("z"), NAMES("y"));
}

static void conv(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_input(b, g, "w", LEATI_ONNX_FLOAT, DIMS(1, 1, 2, 2), 4, NULL);
    leati_onnx_add_initializer(b, g, "w", LEATI_ONNX_FLOAT, DIMS(1, 1, 2, 2), 4, numbers);
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Conv", NAMES("x", "w", ""), NAMES("z"));
    leati_onnx_set_text(b, n, "auto_pad", "SAME_UPPER");
    leati_onnx_set_ints(b, n, "strides", DIMS(2, 2), 2);
    leati_onnx_add_node(b, g, "Shrink", NAMES("z"), NAMES("y"));
}

static void attributes(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "Thing", NAMES("x"), NAMES("y"));
    leati_onnx_set_domain(b, n, "own");
    leati_onnx_set_floats(b, n, "f", numbers, 3);
    leati_onnx_set_texts(b, n, "t", (const char *const[]){"a", "", "bc"}, 3);
    leati_onnx_set_tensor(b, n, "v",
                          leati_onnx_new_tensor(b, "v", LEATI_ONNX_UINT8, DIMS(4), 1, numbers));
    leati_onnx_add_opset(b, "own", 1);
    leati_onnx_add_metadata(b, "key", "value");
}

static leati_onnx_graph *branch(leati_onnx_builder *b, const char *op, const char *out)
{
    leati_onnx_graph *g = leati_onnx_new_graph(b, op);
    leati_onnx_add_node(b, g, op, NAMES("x"), NAMES(out));
    leati_onnx_add_output(b, g, out, LEATI_ONNX_FLOAT, NULL, 0, NULL);
    return g;
}

static void branches(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_node *n = leati_onnx_add_node(b, g, "If", NAMES("x"), NAMES("y"));
    leati_onnx_set_graph(b, n, "then_branch", branch(b, "Abs", "p"));
    leati_onnx_set_graph(b, n, "else_branch", branch(b, "Neg", "q"));
}

static void functions(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_function *f = leati_onnx_add_function(b, "own", "F", NAMES("a"), NAMES("d"));
    leati_onnx_add_function_node(b, f, "Abs", NAMES("a"), NAMES("d"));
    f = leati_onnx_add_function(b, "own", "G", NAMES("a"), NAMES("d"));
    leati_onnx_set_domain(b, leati_onnx_add_function_node(b, f, "F", NAMES("a"), NAMES("d")),
                          "own");
    leati_onnx_node *n = leati_onnx_add_node(b, g, "G", NAMES("x"), NAMES("y"));
    leati_onnx_set_domain(b, n, "own");
}

static void circle(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_add_node(b, g, "Add", NAMES("x", "y"), NAMES("z"));
    leati_onnx_add_node(b, g, "Abs", NAMES("z"), NAMES("y"));
}

static void external(leati_onnx_builder *b, leati_onnx_graph *g)
{
    static leati_onnx_entry where = {.key = "location", .value = "weights.bin"};
    leati_onnx_tensor *t =
        leati_onnx_add_initializer(b, g, "w", LEATI_ONNX_FLOAT, DIMS(1024, 1024), 2, NULL);
    if (t) {
        t->has = 0;
        t->raw_data.size = 0;
        t->data_location = 1;
        t->external_data.at = &where;
        t->external_data.count = 1;
    }
    leati_onnx_add_node(b, g, "MatMul", NAMES("x", "w"), NAMES("y"));
}

static void huge(leati_onnx_builder *b, leati_onnx_graph *g)
{
    leati_onnx_tensor *t =
        leati_onnx_add_initializer(b, g, "w", LEATI_ONNX_FLOAT, DIMS(2, 2), 2, numbers);
    if (t) t->dims.at[0] = t->dims.at[1] = INT64_C(1) << 20;
    leati_onnx_add_node(b, g, "MatMul", NAMES("x", "w"), NAMES("y"));
}

/* Two packed pieces and a single number of int32_data. */
static void half_tensor(leati_str *out)
{
    leati_pb_put_int(out, 1, 4);
    leati_pb_put_int(out, 2, LEATI_ONNX_FLOAT16);
    leati_pb_put_bytes(out, 5, "\x80\x78\x01", 3);
    leati_pb_put_int(out, 5, 15360);
    leati_pb_put_bytes(out, 5, "\x02", 1);
    leati_pb_put_bytes(out, 8, "half", 4);
}

static void text_tensor(leati_str *out)
{
    leati_pb_put_int(out, 1, 2);
    leati_pb_put_int(out, 2, LEATI_ONNX_STRING);
    leati_pb_put_bytes(out, 6, "one", 3);
    leati_pb_put_bytes(out, 6, "", 0);
}

static void sequence(leati_str *out)
{
    leati_str t;
    leati_str_init(&t, out->context);
    text_tensor(&t);
    leati_pb_put_bytes(out, 1, "s", 1);
    leati_pb_put_int(out, 2, LEATI_ONNX_VALUE_TENSOR);
    leati_pb_put_bytes(out, 3, leati_str_text(&t), t.length);
    leati_pb_put_bytes(out, 3, leati_str_text(&t), t.length);
    leati_str_fini(&t);
}

/* An optional sequence, with a group that is to be skipped. */
static void optional(leati_str *out)
{
    leati_str s;
    leati_str_init(&s, out->context);
    sequence(&s);
    leati_pb_put_int(out, 2, LEATI_ONNX_VALUE_SEQUENCE);
    leati_pb_put_bytes(out, 5, leati_str_text(&s), s.length);
    leati_str_addn(out, "\x9b\x06\x08\x01\x9c\x06", 6);
    leati_str_fini(&s);
}

static void nested(leati_str *out)
{
    for (int i = 0; i < 40; i++) {
        leati_str inner;
        leati_str_init(&inner, out->context);
        leati_str_addn(&inner, leati_str_text(out), out->length);
        leati_str_clear(out);
        leati_pb_put_bytes(out, 5, leati_str_text(&inner), inner.length);
        leati_str_fini(&inner);
    }
}

static const sample samples[] = {
    {"mlp", 0, mlp, NULL},
    {"conv", 0, conv, NULL},
    {"attributes", 0, attributes, NULL},
    {"branches", 0, branches, NULL},
    {"functions", 0, functions, NULL},
    {"circle", 0, circle, NULL},
    {"external", 0, external, NULL},
    {"huge", 0, huge, NULL},
    {"half", 1, NULL, half_tensor},
    {"texts", 1, NULL, text_tensor},
    {"sequence", 2, NULL, sequence},
    {"nested", 2, NULL, nested},
    {"optional", 3, NULL, optional},
};

static leat_status write_sample(leat_context *c, const sample *s, const char *folder)
{
    leati_str out;
    leati_onnx_builder b;
    leat_status st = LEAT_OK;
    leati_str_init(&out, c);
    if (s->make) {
        leati_onnx_builder_init(&b, c, s->name);
        leati_onnx_graph *g = b.status ? NULL : b.model->graph;
        leati_onnx_add_input(&b, g, "x", LEATI_ONNX_FLOAT, DIMS(-1, 2), 2, NAMES("batch"));
        leati_onnx_add_output(&b, g, "y", LEATI_ONNX_FLOAT, DIMS(-1, 3), 2, NULL);
        s->make(&b, g);
        st = leati_onnx_builder_status(&b);
        if (st == LEAT_OK) st = leati_pb_encode(&leati_onnx_model_pb, b.model, &out);
        leati_onnx_builder_fini(&b);
    } else {
        s->write(&out);
    }
    leati_str whole;
    leati_str_init(&whole, c);
    leati_str_addc(&whole, s->kind);
    leati_str_addn(&whole, leati_str_text(&out), out.length);
    if (st == LEAT_OK) st = leati_str_status(&whole);
    char *path = leati_path_join(c, folder, s->name);
    if (st == LEAT_OK && path) st = leati_file_write(c, path, whole.text, whole.length);
    leati_free(path);
    leati_str_fini(&whole);
    leati_str_fini(&out);
    return st;
}

int main(int argc, char **argv)
{
    leat_context *c;
    leat_status st = LEAT_OK;
    if (argc != 2 || leat_context_create(&c, NULL) != LEAT_OK) {
        fprintf(stderr, "usage: onnx_corpus FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof samples / sizeof *samples && st == LEAT_OK; i++)
        st = write_sample(c, &samples[i], argv[1]);
    if (st != LEAT_OK) fprintf(stderr, "%s\n", leat_error_message(c));
    leat_context_destroy(c);
    return st == LEAT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
