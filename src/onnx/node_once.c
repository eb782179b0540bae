/* Owns: what a node makes of data of the file alone, worked out once for the model. */
#include "base/mem.h"
#include "graph/graph.h"
#include "onnx/operators.h"

bool leati_ois_once(const leati_ocall *k)
{
    const leati_onnx_graph *g = k->run->file->model->graph;
    if (!k->run->once || k->run->in_body) return false;
    uintptr_t at = (uintptr_t)k->node, first = (uintptr_t)g->node.at;
    if (at < first || at >= (uintptr_t)(g->node.at + g->node.count)) return false;
    for (size_t i = 0; i < k->ins; i++)
        if (k->in[i] && (k->in[i]->varying || !k->in[i]->proto)) return false;
    return true;
}

static leat_status make_own(leati_ocall *k, const char *name, leat_shape shape, size_t bytes,
                            leati_shelf_load load, void *arg, leat_variable **out)
{
    void *data = leati_calloc(k->context, 1, bytes);
    if (!data) return LEAT_NOMEM;
    leat_status st = load(k->context, arg, data);
    if (st == LEAT_OK) st = leat_variable_create(k->graph, name, LEAT_DTYPE_F32, shape, data, out);
    leati_free(data);
    return st;
}

leat_status leati_oset_once(leati_ocall *k, leat_shape shape, leati_shelf_load load, void *arg)
{
    const leati_onnx_graph *g = k->run->file->model->graph;
    size_t at = (size_t)(k->node - g->node.at), bytes = leati_shape_count(&shape) * sizeof(float);
    const char *name = k->node->output.count ? k->node->output.at[0] : "";
    leat_variable **v = &k->run->once[at];
    const void *block;
    if (*v) return leati_oset(k, 0, leat_read(*v));
    if (k->graph->shelf) { /* blocks of nodes come after those of initialisers */
        LEATI_TRY(leati_shelf_block(k->context, k->graph->shelf, g->initializer.count + at, bytes,
                                    load, arg, &block));
        LEATI_TRY(leati_variable_borrow(k->graph, name, LEAT_DTYPE_F32, shape, block, v));
    } else {
        LEATI_TRY(make_own(k, name, shape, bytes, load, arg, v));
    }
    return leati_oset(k, 0, leat_read(*v));
}
