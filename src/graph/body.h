/* Bodies of loops: recorded on a graph of their own, compiled once, kept by the outermost graph. */
#ifndef LEATI_GRAPH_BODY_H
#define LEATI_GRAPH_BODY_H

#include "graph/graph.h"

enum { LEATI_BODIES = 1024 };

/* Records fn on inputs of these types and shapes, `outs` outputs. A body of the same structure that
 * the root has is given again. It stays until the root goes. */
leat_status leati_body_make(leat_graph *g, leat_body_fn fn, void *user, size_t ins,
                            const leat_dtype *dtype, const leat_shape *shape, size_t outs,
                            leati_body **out);
/* Whether half of the bodies that a graph may have are there: callers that can do without stop. */
bool leati_bodies_full(const leat_graph *g);
void leati_bodies_destroy(leat_graph *g);
/* See leati_graph_adopt. */
void leati_bodies_adopt(leat_graph *g, leat_context *c);

#endif
