/* ONNX: any bytes give a model that can be described, read and written as the same bytes, or an
 * error. The first byte says what the others are: a model, a tensor, a sequence, an optional. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/onnx_check.h"
#include "model/onnx_describe.h"
#include "model/onnx_file.h"
#include "model/onnx_ops.h"
#include "model/onnx_tensor.h"
#include "model/onnx_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensor(leat_context *c, const leati_onnx_tensor *t)
{
    size_t count;
    if (leati_onnx_tensor_is_external(t) || t->data_type == LEATI_ONNX_STRING) return;
    if (leati_onnx_tensor_count(c, t, &count) != LEAT_OK) abort();
    size_t bytes = leati_onnx_bytes(t->data_type, count);
    /* A checked tensor holds its elements: it cannot be much larger than the file. */
    void *out = leati_alloc(c, bytes);
    if (!out || leati_onnx_tensor_read(c, t, out, bytes) != LEAT_OK) abort();
    leati_free(out);
}

static void use_model(leat_context *c, const leati_onnx *file)
{
    const leati_onnx_graph *g = file->model->graph;
    leati_str text;
    leat_json *json = leat_json_create(c, 0);
    leati_str_init(&text, c);
    for (size_t i = 0; i < g->initializer.count; i++) read_tensor(c, &g->initializer.at[i]);
    leat_json_begin_object(json, NULL);
    if (leati_onnx_describe(c, file->model, "fuzz", &text, json) != LEAT_OK) abort();
    leat_json_end_object(json);
    leat_json_destroy(json);
    leati_str_fini(&text);
    for (size_t i = 0; i < g->node.count; i++) {
        const leati_onnx_node *n = &g->node.at[i];
        const leati_onnx_op *op = leati_onnx_op_find(
            n->domain, n->op_type, leati_onnx_opset_version(file->model, NULL, n->domain));
        if (op && leati_onnx_node_check(c, op, n) != LEAT_OK) leat_error_clear(c);
    }
}

/* Encoded, decoded and encoded again it has the same bytes. */
static void check_round_trip(leat_context *c, const leati_pb_type *type, const void *message)
{
    leati_arena arena;
    leati_str a, b;
    void *again;
    leati_arena_init(&arena, c);
    leati_str_init(&a, c);
    leati_str_init(&b, c);
    if (leati_pb_encode(type, message, &a) != LEAT_OK) abort();
    if (a.length != leati_pb_size(type, message)) abort();
    leati_pb_bytes bytes = {leati_str_text(&a), a.length};
    if (leati_pb_decode(&arena, type, bytes, &again) != LEAT_OK) abort();
    if (leati_pb_encode(type, again, &b) != LEAT_OK || a.length != b.length ||
        (a.length && memcmp(a.text, b.text, a.length) != 0))
        abort();
    leati_str_fini(&a);
    leati_str_fini(&b);
    leati_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const leati_pb_type *const types[] = {&leati_onnx_model_pb, &leati_onnx_tensor_pb,
                                                 &leati_onnx_sequence_pb, &leati_onnx_optional_pb};
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_onnx *file;
    leati_arena arena;
    void *message;
    o.max_bytes = 1u << 30;
    if (size < 1 || leat_context_create(&c, &o) != LEAT_OK) return 0;
    const leati_pb_type *type = types[data[0] & 3];
    leati_pb_bytes bytes = {(const char *)data + 1, size - 1};
    leati_arena_init(&arena, c);
    if (leati_pb_decode(&arena, type, bytes, &message) == LEAT_OK) {
        check_round_trip(c, type, message);
        if (type == &leati_onnx_tensor_pb && leati_onnx_tensor_check(c, message) == LEAT_OK)
            read_tensor(c, message);
        if (type == &leati_onnx_sequence_pb && leati_onnx_sequence_check(c, message) != LEAT_OK)
            leat_error_clear(c);
        if (type == &leati_onnx_optional_pb && leati_onnx_optional_check(c, message) != LEAT_OK)
            leat_error_clear(c);
    }
    leati_arena_fini(&arena);
    leat_error_clear(c);
    if (type == &leati_onnx_model_pb &&
        leati_onnx_parse(c, &file, bytes.data, bytes.size, "fuzz") == LEAT_OK) {
        use_model(c, file);
        leati_onnx_close(file);
    }
    leat_context_destroy(c);
    return 0;
}
