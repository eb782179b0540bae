/* The hook of the executor that times steps, while a trace is being taken (leat_trace_start). */
#ifndef LEATI_GRAPH_TRACE_H
#define LEATI_GRAPH_TRACE_H

#include "graph/graph.h"

/* Runs the steps one by one, waiting for each. */
leat_status leati_trace_run(leat_graph *g, const leati_step *steps, size_t count);
void leati_trace_destroy(leati_trace *t); /* NULL is fine */
/* Floating-point operations of a step, a multiplication and an addition counted as two; for
 * convolutions by their definition, whatever the algorithm. 0 for moves and what is not counted. */
double leati_step_flops(const leati_step *s);

#endif
