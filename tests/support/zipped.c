#include "support/zipped.h"

#include "model/onnx_write.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DIMS(...)  ((const int64_t[]){__VA_ARGS__})

/* sequence(map(text, float)), as ZipMap gives it */
static void make_maps(leati_onnx_builder *o, leati_onnx_value_info *v)
{
    leati_onnx_type *type = leati_pb_new(&o->arena, &leati_onnx_type_pb);
    leati_onnx_type *map = leati_pb_new(&o->arena, &leati_onnx_type_pb);
    leati_onnx_type *value = leati_pb_new(&o->arena, &leati_onnx_type_pb);
    leati_onnx_elem_type *list = leati_pb_new(&o->arena, &leati_onnx_elem_type_pb);
    leati_onnx_map_type *pairs = leati_pb_new(&o->arena, &leati_onnx_map_type_pb);
    if (!type || !map || !value || !list || !pairs) return;
    value->tensor_type = v->type->tensor_type;
    pairs->key_type = LEATI_ONNX_STRING;
    pairs->value_type = value;
    map->map_type = pairs;
    list->elem_type = map;
    type->sequence_type = list;
    v->type = type;
}

leat_status leattest_zipped_classifier(leat_context *c, const char *path)
{
    static const float w[] = {1, 0, 0, 1}, zero[] = {0, 0};
    static const char *const labels[] = {"left", "right"};
    leati_onnx_builder o;
    leati_onnx_builder_init(&o, c, "classes");
    leati_onnx_add_opset(&o, "ai.onnx.ml", 3);
    leati_onnx_graph *g = o.model->graph;
    leati_onnx_add_input(&o, g, "x", LEATI_ONNX_FLOAT, DIMS(-1, 2), 2, NULL);
    leati_onnx_node *n =
        leati_onnx_add_node(&o, g, "LinearClassifier", NAMES("x"), NAMES("label", "shares"));
    leati_onnx_set_domain(&o, n, "ai.onnx.ml");
    leati_onnx_set_floats(&o, n, "coefficients", w, 4);
    leati_onnx_set_floats(&o, n, "intercepts", zero, 2);
    leati_onnx_set_texts(&o, n, "classlabels_strings", labels, 2);
    leati_onnx_set_text(&o, n, "post_transform", "SOFTMAX");
    n = leati_onnx_add_node(&o, g, "ZipMap", NAMES("shares"), NAMES("p"));
    leati_onnx_set_domain(&o, n, "ai.onnx.ml");
    leati_onnx_set_texts(&o, n, "classlabels_strings", labels, 2);
    leati_onnx_add_output(&o, g, "label", LEATI_ONNX_STRING, DIMS(-1), 1, NULL);
    leati_onnx_add_output(&o, g, "p", LEATI_ONNX_FLOAT, NULL, 0, NULL);
    if (leati_onnx_builder_status(&o) == LEAT_OK) make_maps(&o, &g->output.at[1]);
    leat_status st = leati_onnx_builder_status(&o);
    if (st == LEAT_OK) st = leati_onnx_write(c, o.model, path);
    leati_onnx_builder_fini(&o);
    return st;
}
