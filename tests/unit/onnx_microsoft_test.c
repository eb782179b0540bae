/* The operators of com.microsoft: what is refused and how, and inputs that make no sense. Their
 * results are held to ONNX Runtime by tests/onnx/microsoft. */
#include <stdio.h>
#include <string.h>

#include <leat/onnx.h>

#include "model/onnx_ops.h"
#include "model/onnx_write.h"
#include "support/leattest.h"

enum { INPUTS_MOST = 17 };

typedef struct refusal {
    const char *op;
    const char *attribute; /* NULL: none */
    int64_t value;
    const char *text; /* the value, where it is a text */
    const char *in;   /* x per input that is there, - per one that is left out */
    leat_status status;
    const char *message;
} refusal;

/* x: f32 (2, 3, 4). */
static const refusal refusals[] = {
    {"Attention", "do_rotary", 1, NULL, "xx", LEAT_UNSUPPORTED,
     "attribute do_rotary=1 is not supported"},
    {"Attention", "past_present_share_buffer", 1, NULL, "xx", LEAT_UNSUPPORTED,
     "past_present_share_buffer=1"},
    {"Attention", NULL, 0, NULL, "xx----x", LEAT_UNSUPPORTED, "input 7, past_sequence_length"},
    {"Attention", "sideways", 1, NULL, "xx", LEAT_FORMAT, "no attribute sideways"},
    {"MultiHeadAttention", NULL, 0, NULL, "x", LEAT_UNSUPPORTED,
     "packed|key and value must be inputs"},
    {"MultiHeadAttention", NULL, 0, NULL, "xxx-----x", LEAT_UNSUPPORTED,
     "input 9, past_sequence_length"},
    {"MultiHeadAttention", NULL, 0, NULL, "xxx------x", LEAT_UNSUPPORTED,
     "input 10, cache_indirection"},
    {"MultiHeadAttention", NULL, 0, NULL, "xxx-x", LEAT_UNSUPPORTED,
     "a mask of shape|(2, 3, 4)|3 keys"},
    {"MultiHeadAttention", NULL, 0, NULL, "xxxx", LEAT_SHAPE, "the bias is|12 numbers"},
    {"FusedConv", "activation", 0, "Swirl", "xx", LEAT_UNSUPPORTED, "activation Swirl|Relu, Tanh"},
    {"FusedConv", "activation", 0, "Clip", "xx", LEAT_UNSUPPORTED,
     "activation Clip with 0 parameters"},
    {"QLinearGlobalAveragePool", "channels_last", 1, NULL, "xxxxx", LEAT_UNSUPPORTED,
     "channels_last=1"},
    {"QLinearAdd", NULL, 0, NULL, "xxxxxxxx", LEAT_UNSUPPORTED, "int8 and uint8"},
    {"MatMulNBits", "bits", 3, NULL, "xxx", LEAT_UNSUPPORTED, "bits=3|2, 4 and 8"},
    {"MatMulNBits", NULL, 0, NULL, "xxx-x", LEAT_UNSUPPORTED, "input 5, g_idx"},
    {"MatMulNBits", NULL, 0, NULL, "xxx", LEAT_TYPE, "uint8 is expected"},
    {"QLinearConcat", NULL, 0, NULL, "xxxx", LEAT_FORMAT, "4 inputs"},
    {"GroupQueryAttention", "sliding_window_cache", 1, NULL, "xxx--xx", LEAT_UNSUPPORTED,
     "sliding_window_cache=1"},
    {"GroupQueryAttention", NULL, 0, NULL, "xxx--xx-----x", LEAT_UNSUPPORTED, "input 13, k_scale"},
    {"GroupQueryAttention", NULL, 0, NULL, "xxx--xx-------xx", LEAT_UNSUPPORTED,
     "input 15, q_norm_weight"},
    {"GroupQueryAttention", NULL, 0, NULL, "xxx--xx---------x", LEAT_UNSUPPORTED,
     "input 17, query_seqlens"},
    {"GroupQueryAttention", NULL, 0, NULL, "xx---xx", LEAT_FORMAT, "keys without values"},
    {"GroupQueryAttention", NULL, 0, NULL, "xxx----", LEAT_FORMAT, "seqlens_k and"},
    {"GroupQueryAttention", "kv_num_heads", 3, NULL, "xxx--xx", LEAT_INVALID,
     "num_heads is 2, kv_num_heads 3"},
    {"RotaryEmbedding", NULL, 0, NULL, "xxxx", LEAT_SHAPE, "cosines (2, 3, 4)"},
    {"EmbedLayerNormalization", NULL, 0, NULL, "x-xx-xx", LEAT_SHAPE, "words are (2, 3, 4)"},
    {"EmbedLayerNormalization", NULL, 0, NULL, "x-xx--x", LEAT_FORMAT, "input 6 is missing"},
    {"DynamicQuantizeLSTM", NULL, 0, NULL, "xxx-----xxxx", LEAT_TYPE, "int8 or uint8 are expected"},
    {"DynamicQuantizeLSTM", NULL, 0, NULL, "xxx-----x-xx", LEAT_FORMAT, "input 10 is missing"},
    {"SkipLayerNormalization", NULL, 0, NULL, "x", LEAT_FORMAT, "1 inputs, at least 3"},
};

static leat_status write_node(leat_context *c, const refusal *r, const char *path, int32_t element,
                              const leat_shape *shape)
{
    const char *in[INPUTS_MOST + 1] = {NULL};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "g");
    leati_onnx_add_opset(&o, "com.microsoft", 1);
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", element, shape->dim, (size_t)shape->rank, NULL);
    for (size_t i = 0; r->in[i]; i++) in[i] = r->in[i] == 'x' ? "x" : "";
    leati_onnx_node *n = leati_onnx_add_node(&o, g, r->op, in, (const char *const[]){"y", NULL});
    leati_onnx_set_domain(&o, n, "com.microsoft");
    if (r->text) leati_onnx_set_text(&o, n, r->attribute, r->text);
    else if (r->attribute) leati_onnx_set_int(&o, n, r->attribute, r->value);
    if (strstr(r->op, "Attention")) leati_onnx_set_int(&o, n, "num_heads", 2);
    bool grouped = strcmp(r->op, "GroupQueryAttention") == 0;
    if (grouped && !(r->attribute && !strcmp(r->attribute, "kv_num_heads")))
        leati_onnx_set_int(&o, n, "kv_num_heads", 1);
    if (!strcmp(r->op, "MatMulNBits")) {
        leati_onnx_set_int(&o, n, "N", 3);
        leati_onnx_set_int(&o, n, "K", 4);
        leati_onnx_set_int(&o, n, "block_size", 16);
    }
    if (!strcmp(r->op, "QLinearConcat")) leati_onnx_set_int(&o, n, "axis", 0);
    if (!strcmp(r->op, "QLinearSoftmax")) leati_onnx_set_int(&o, n, "opset", 13);
    if (!strcmp(r->op, "QLinearAveragePool"))
        leati_onnx_set_ints(&o, n, "kernel_shape", (const int64_t[]){2, 2}, 2);
    leati_onnx_add_output(&o, g, "y", element, NULL, 0, NULL);
    leat_status st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}

static leat_status run_node(leat_context *c, const refusal *r, leat_dtype dtype, leat_shape shape)
{
    static const float zeros[64];
    const char *path = leattest_scratch("node.onnx");
    leat_onnx_model *m = NULL;
    leat_array x = {.dtype = dtype, .shape = shape, .data = zeros}, y;
    int32_t element = dtype == LEAT_DTYPE_U8 ? LEATI_ONNX_UINT8 : LEATI_ONNX_FLOAT;
    leat_status st = write_node(c, r, path, element, &shape);
    if (st == LEAT_OK) st = leat_onnx_model_open(c, path, NULL, &m);
    if (st == LEAT_OK) st = leat_onnx_model_run(m, &x, &y);
    leat_onnx_model_close(m);
    return st;
}

static void test_refusals(leattest *t)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        CHECK_FAILS(run_node(t->context, &refusals[i], LEAT_DTYPE_F32, LEAT_DIMS(2, 3, 4)),
                    refusals[i].status, refusals[i].message);
    }
}

/* One tensor for all inputs, of each shape and type, for each number of inputs: a result or an
 * error, and no fault of Leat. */
static void test_any_inputs(leattest *t)
{
    const leat_shape shapes[] = {
        LEAT_SCALAR,        LEAT_DIMS(1),          LEAT_DIMS(6),
        LEAT_DIMS(3, 3),    LEAT_DIMS(2, 3, 4),    LEAT_DIMS(0, 3, 4),
        LEAT_DIMS(2, 0, 6), LEAT_DIMS(1, 2, 3, 4), LEAT_DIMS(2, 1, 2, 3, 2)};
    size_t ops = 0, results = 0;
    for (size_t i = 0; i < leati_onnx_op_count(); i++) {
        const leati_onnx_op *op = leati_onnx_op_at(i);
        int most = op->inputs_most < INPUTS_MOST ? op->inputs_most : INPUTS_MOST;
        if (strcmp(op->domain, "com.microsoft") != 0) continue;
        ops++;
        for (int n = op->inputs_least; n <= most; n++)
            for (size_t s = 0; s < 2 * sizeof shapes / sizeof *shapes; s++) {
                refusal r = {.op = op->name, .in = &"xxxxxxxxxxxxxxxxx"[INPUTS_MOST - n]};
                leat_status st =
                    run_node(t->context, &r, s % 2 ? LEAT_DTYPE_U8 : LEAT_DTYPE_F32, shapes[s / 2]);
                results += st == LEAT_OK;
                if (!CHECK(st != LEAT_INTERNAL))
                    printf("    %s: %s\n", op->name, leat_error_message(t->context));
                leat_error_clear(t->context);
            }
    }
    CHECK(ops >= 27);
    CHECK(results > 100);
}

/* ---- indices that a table or a cache does not have --------------------------------------------
 */

/* The last inputs hold one number throughout, all others 0. */
typedef struct bad_index {
    const char *model;
    leat_shape shapes[6];
    size_t count, whole; /* inputs, and how many of them, the last, are of whole numbers */
    leat_dtype dtype;    /* of these whole numbers */
    int64_t good, bad;
} bad_index;

static const bad_index bad_indices[] = {
    {"rotary", {{4, {2, 3, 5, 8}}, {2, {2, 5}}}, 2, 1, LEAT_DTYPE_I64, 11, 12},
    {"rotary", {{4, {2, 3, 5, 8}}, {2, {2, 5}}}, 2, 1, LEAT_DTYPE_I64, 0, -1},
    {"rotary_one_place", {{4, {2, 3, 5, 8}}, {1, {1}}}, 2, 1, LEAT_DTYPE_I64, 7, 8},
    {"embed", {{2, {2, 4}}, {2, {2, 4}}}, 2, 2, LEAT_DTYPE_I32, 1, 2},
    {"embed_one_segment", {{2, {2, 4}}}, 1, 1, LEAT_DTYPE_I32, 8, 9},
    {"embed_one_segment", {{2, {2, 4}}}, 1, 1, LEAT_DTYPE_I32, 0, -1},
    {"grouped_next_ragged",
     {{3, {2, 1, 32}},
      {3, {2, 1, 16}},
      {3, {2, 1, 16}},
      {4, {2, 2, 6, 8}},
      {4, {2, 2, 6, 8}},
      {1, {2}}},
     6,
     1,
     LEAT_DTYPE_I32,
     6,
     7},
    {"grouped_chunk",
     {{3, {1, 3, 32}},
      {3, {1, 3, 16}},
      {3, {1, 3, 16}},
      {4, {1, 2, 6, 8}},
      {4, {1, 2, 6, 8}},
      {1, {1}}},
     6,
     1,
     LEAT_DTYPE_I32,
     2,
     1},
};

static leat_status run_index(leat_context *c, const bad_index *b, int64_t index)
{
    static const float zeros[512];
    int64_t wide[16];
    int32_t narrow[16];
    char path[512];
    leat_array in[6], out[3];
    leat_onnx_model *m = NULL;
    for (size_t i = 0; i < 16; i++) wide[i] = index, narrow[i] = (int32_t)index;
    const void *whole = b->dtype == LEAT_DTYPE_I64 ? (const void *)wide : narrow;
    for (size_t i = 0; i < b->count; i++) {
        bool is_whole = i + b->whole >= b->count;
        in[i] = (leat_array){.dtype = is_whole ? b->dtype : LEAT_DTYPE_F32,
                             .shape = b->shapes[i],
                             .data = is_whole ? whole : zeros};
    }
    snprintf(path, sizeof path, LEATTEST_SOURCE_DIR "/tests/onnx/microsoft/test_%s/model.onnx",
             b->model);
    leat_status st = leat_onnx_model_open(c, path, NULL, &m);
    if (st == LEAT_OK) st = leat_onnx_model_run(m, in, out);
    leat_onnx_model_close(m);
    return st;
}

static void test_indices(leattest *t)
{
    for (size_t i = 0; i < sizeof bad_indices / sizeof *bad_indices; i++) {
        const bad_index *b = &bad_indices[i];
        CHECK_OK(run_index(t->context, b, b->good));
        CHECK_FAILS(run_index(t->context, b, b->bad), LEAT_INVALID, "index|out of range");
    }
}

static const leattest_case cases[] = {TEST(test_refusals), TEST(test_any_inputs),
                                      TEST(test_indices)};
LEATTEST_MAIN(cases)
