/* Owns: dropout and embeddings, out of random numbers and look-ups. */
#include <leat/function.h>

#include "graph/graph.h"
#include "tensor/shape.h"

leat_tensor *leat_dropout(leat_tensor *x, double rate, leat_tensor *key, uint32_t stream,
                          uint32_t shared_axes)
{
    LEATI_CALLED(leat_tensor_graph(x), "dropout");
    if (!x || rate == 0) return x;
    leat_graph *g = x->node->graph;
    if (!(rate > 0 && rate < 1)) {
        (void)LEATI_FAIL(g->context, LEAT_INVALID, "dropout: a rate of %g: from 0 to less than 1",
                         rate);
        leati_graph_break(g);
        return NULL;
    }
    leat_shape s = x->shape;
    for (int i = 0; i < s.rank; i++)
        if (shared_axes >> i & 1) s.dim[i] = 1;
    leat_tensor *kept = leat_random_bernoulli(key, stream, x->dtype, s, 1 - rate);
    return leat_mul(x, leat_scale(kept, 1 / (1 - rate)));
}

leat_tensor *leat_embedding(leat_tensor *table, leat_tensor *index)
{
    LEATI_CALLED(leat_tensor_graph(table), "embedding");
    return leat_take(table, index, 0);
}
