#include "support/weights_beside.h"

#include "model/onnx_write.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DIMS(...)  ((const int64_t[]){__VA_ARGS__})

static void put_beside(leati_onnx_tensor *t, leati_onnx_entry place[2])
{
    if (!t) return;
    t->has = 0;
    t->raw_data = (leati_pb_bytes){NULL, 0};
    t->data_location = 1;
    t->external_data.at = place;
    t->external_data.count = 2;
}

leat_status leattest_model_beside(leat_context *c, const char *path, const char *data)
{
    static const float zero[3];
    leati_onnx_entry first[] = {{.key = "location", .value = data},
                                {.key = "offset", .value = "0"}};
    leati_onnx_entry next[] = {{.key = "location", .value = data},
                               {.key = "offset", .value = "12"}};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "beside");
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, DIMS(-1, 3), 2, NULL);
    put_beside(leati_onnx_add_initializer(&o, g, "a", LEATI_ONNX_FLOAT, DIMS(3, 1), 2, zero),
               first);
    leati_onnx_tensor *b = leati_onnx_new_tensor(&o, "b", LEATI_ONNX_FLOAT, DIMS(1), 1, zero);
    put_beside(b, next);
    leati_onnx_node *n =
        leati_onnx_add_node(&o, g, "Constant", (const char *const[]){NULL}, NAMES("b"));
    leati_onnx_set_tensor(&o, n, "value", b);
    leati_onnx_add_node(&o, g, "MatMul", NAMES("x", "a"), NAMES("xa"));
    leati_onnx_add_node(&o, g, "Add", NAMES("xa", "b"), NAMES("y"));
    leati_onnx_add_output(&o, g, "y", LEATI_ONNX_FLOAT, DIMS(-1, 1), 2, NULL);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}
