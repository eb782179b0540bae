/* Model files that hold a graph: any bytes either give a sound ONNX model or an error. */
#include <stdint.h>

#include "model/graph_file.h"
#include "model/onnx_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_context_options o = leat_context_options_default();
    leat_context *c;
    leati_onnx *file;
    leati_zip_data graph;
    o.threads = 1;
    o.max_bytes = 64u << 20;
    if (leat_context_create(&c, &o) != LEAT_OK) return 0;
    leati_bytes bytes = {.data = (const char *)data, .size = size};
    (void)leati_graph_file_is(c, bytes);
    if (leati_graph_file_parse(c, bytes, "fuzz", &graph) == LEAT_OK) {
        if (leati_onnx_parse(c, &file, graph.data, graph.size, "fuzz") == LEAT_OK)
            leati_onnx_close(file);
        leati_zip_data_release(&graph);
    }
    leat_context_destroy(c);
    return 0;
}
